/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "detect/detect.h"

#include "../../../tests/tap.h"

static const char list[] = "# kind value remark\n"
                           "ip 203.0.113.66 control server\n"
                           "ip 198.51.100.0/24 bad net\n"
                           "domain evil.example\tphishing\r\n"
                           "url http://shop.example/x.php\n"
                           "md5 44D88612FEA8A8F36DE82E1278ABB02F test file\n"
                           "ja3 0123456789abcdef0123456789abcdef\n";

static void contacts_are_told(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.known_bad = list}, NULL);
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.5", .dst = "203.0.113.66", .dst_port = 443, .data_ts = 10, .data_tc = 10});
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.6", .dst = "198.51.100.9", .dst_port = 443, .state = "no_answer"});
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "198.51.100.9", .dst = "10.0.0.7", .dst_port = 443, .state = "no_answer"});
    struct kd_rec_dns d = {.rrname = kd_str("WWW.Evil.Example"), .rrtype = kd_str("A")};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, 1, "10.0.0.8", 50000, "10.0.0.1", 53), &d);
    struct kd_rec_http h = {.hostname = kd_str("shop.example"), .url = kd_str("/x.php"), .status = 200};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 1, "10.0.0.9", 50000, "203.0.113.1", 80), &h);
    struct kd_rec_tls s = {.ja3_hash = kd_str("0123456789abcdef0123456789abcdef"), .sni = kd_str("ok.example")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 1, "10.0.0.10", 50000, "203.0.113.1", 443), &s);
    struct kd_rec_file f = {.filename = kd_str("a.com"), .md5 = kd_bytes_of("\x44\xd8\x86\x12\xfe\xa8\xa8\xf3\x6d\xe8\x2e\x12\x78\xab\xb0\x2f", 16)};
    kd_tb_put(t, kd_tb_head(KD_REC_FILE, 1, "10.0.0.11", 50000, "203.0.113.1", 80), &f);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0001") == 4 && kd_tb_count(t, "KD-CC-0002") == 1 && t->unfilled == 0);
    CHECK(kd_tb_count(t, "KD-PE-0001") == 1 && kd_tb_count(t, "KD-PE-0002") == 1);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 8 && kd_tb_host(t, "10.0.0.7")->severity == 2);
    CHECK(strstr(t->alerts[0].why_en, "control server") != NULL && strcmp(t->alerts[0].severity, "high") == 0);
    kd_tb_free(t);
}

static void a_table_with_commas_is_read_too(void)
{
    static const char table[] = "kind,value,remark\nip,203.0.113.66,control server, seen before\n";
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.known_bad = table}, NULL);
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.5", .dst = "203.0.113.66", .dst_port = 443, .data_ts = 10, .data_tc = 10});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0001") == 1);
    CHECK(strstr(t->alerts[0].why_en, "control server, seen before") != NULL);
    kd_tb_free(t);
}

static void others_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.known_bad = list}, NULL);
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.5", .dst = "203.0.113.67", .dst_port = 443, .data_ts = 10, .data_tc = 10});
    static const char *const names[] = {"notevil.example", "evil.example.net", "example", ""};
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        struct kd_rec_dns d = {.rrname = kd_str(names[i]), .rrtype = kd_str("A")};
        kd_tb_put(t, kd_tb_head(KD_REC_DNS, 1, "10.0.0.8", 50000, "10.0.0.1", 53), &d);
    }
    struct kd_rec_http h = {.hostname = kd_str("shop.example"), .url = kd_str("/y.php"), .status = 200};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 1, "10.0.0.9", 50000, "203.0.113.1", 80), &h);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void a_bad_line_is_named(void)
{
    static const char *const bad[] = {"ip 1.2.3.4\nip 1.2.3\n", "domain a.example\nhost b\n", "\nsha256 abcd\n", "x\nip\n"};
    static const uint64_t line[] = {2, 2, 2, 1};
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        struct kd_err err = {0};
        CHECK(kd_tb_new(&(struct kd_tb_config){.known_bad = bad[i]}, &err) == NULL);
        CHECK(err.status == KD_MALFORMED && err.at == line[i] && err.what != NULL);
    }
}

static const char feed[] = "kind,value,note,confidence\n"
                           "ip,203.0.113.66,Xrat,100\n"
                           "ip,203.0.113.67,rumour,30\n"
                           "domain,evil.example,phishing,\n"
                           "url,http://203.0.113.9:8080/bin.sh,Mirai,\n"
                           "cert,3395856ce81f2b7382dee72602f798b642f14140,C2,\n"
                           "cert,serial:0AB CN=odd,revoked,\n"
                           "mail,boss@bad.example,,\n"
                           "ja3,0123456789abcdef0123456789abcdef,common,\n"
                           "md5,44d88612fea8a8f36de82e1278abb02f,EICAR,\n";

static const char *severity_of(const struct kd_tb *t, const char *host)
{
    for (size_t i = 0; i < t->n_alerts; i++)
        if (strcmp(t->alerts[i].host, host) == 0)
            return t->alerts[i].severity;
    return "none";
}

static void put_all(struct kd_tb *t)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.5", .dst = "203.0.113.66", .dst_port = 443, .data_ts = 10, .data_tc = 10});
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.6", .dst = "203.0.113.67", .dst_port = 443, .data_ts = 10, .data_tc = 10});
    struct kd_rec_tls s = {.sni = kd_str("www.evil.example")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 1, "10.0.0.7", 50000, "203.0.113.1", 443), &s);
    struct kd_rec_http h = {.hostname = kd_str("203.0.113.9"), .http_port = 8080, .url = kd_str("/bin.sh"), .status = 200};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 1, "10.0.0.8", 50000, "203.0.113.9", 8080), &h);
    s = (struct kd_rec_tls){.sni = kd_str("ok.example"), .fingerprint = kd_str("33:95:85:6c:e8:1f:2b:73:82:de:e7:26:02:f7:98:b6:42:f1:41:40")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 1, "10.0.0.9", 50000, "203.0.113.1", 443), &s);
    s = (struct kd_rec_tls){.sni = kd_str("ok.example"), .serial = kd_str("00:AB"), .issuerdn = kd_str("CN=odd")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 1, "10.0.0.10", 50000, "203.0.113.1", 443), &s);
    struct kd_rec_smtp mail = {.mail_from = kd_str("<Boss@Bad.example>")};
    kd_tb_put(t, kd_tb_head(KD_REC_SMTP, 1, "203.0.113.2", 50000, "10.0.0.11", 25), &mail);
    s = (struct kd_rec_tls){.sni = kd_str("ok.example"), .ja3_hash = kd_str("0123456789abcdef0123456789abcdef")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 1, "10.0.0.12", 50000, "203.0.113.1", 443), &s);
    struct kd_rec_file f = {.filename = kd_str("a.com"), .md5 = kd_bytes_of("\x44\xd8\x86\x12\xfe\xa8\xa8\xf3\x6d\xe8\x2e\x12\x78\xab\xb0\x2f", 16)};
    kd_tb_put(t, kd_tb_head(KD_REC_FILE, 1, "10.0.0.13", 50000, "203.0.113.1", 80), &f);
    kd_tb_finish(t);
}

/* An address alone is no more than medium however sure its list is, an unsure one low; names, links, certificates and
 * files are high. */
static void lists_of_others_say_what_they_are_sure_of(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.list = feed}, NULL);
    put_all(t);
    static const struct {
        const char *host, *severity;
    } want[] = {{"10.0.0.5", "medium"}, {"10.0.0.6", "low"}, {"10.0.0.7", "high"}, {"10.0.0.8", "high"},
                {"10.0.0.9", "high"}, {"10.0.0.10", "high"}, {"10.0.0.11", "medium"}, {"10.0.0.12", "low"},
                {"10.0.0.13", "high"}};
    for (size_t i = 0; i < KD_COUNT(want); i++)
        CHECK(strcmp(severity_of(t, want[i].host), want[i].severity) == 0);
    CHECK(kd_tb_count(t, "KD-CC-0001") == 6 && kd_tb_count(t, "KD-CC-0002") == 1 && t->unfilled == 0);
    CHECK(kd_tb_count(t, "KD-PE-0002") == 1 && kd_tb_count(t, "KD-PE-0003") == 1);
    CHECK(strstr(t->alerts[0].why_en, "Xrat [feed]") != NULL);
    kd_tb_free(t);
    t = kd_tb_new(&(struct kd_tb_config){.list = feed, .list_severity = KD_LOW}, NULL);
    put_all(t);
    CHECK(strcmp(severity_of(t, "10.0.0.5"), "low") == 0 && strcmp(severity_of(t, "10.0.0.13"), "low") == 0);
    kd_tb_free(t);
    t = kd_tb_new(&(struct kd_tb_config){.list = feed, .list_severity = KD_HIGH}, NULL);
    put_all(t);
    CHECK(strcmp(severity_of(t, "10.0.0.5"), "high") == 0 && strcmp(severity_of(t, "10.0.0.6"), "low") == 0);
    kd_tb_free(t);
}

static void lists_are_silent_about_others(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.list = "host 8.8.8.8\n8.8.8.8\ngoogle.com\n10.0.0.0/8\nok.example\n"}, NULL);
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.5", .dst = "8.8.8.8", .dst_port = 443, .data_ts = 10, .data_tc = 10});
    struct kd_rec_dns d = {.rrname = kd_str("www.google.com"), .rrtype = kd_str("A")};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, 1, "10.0.0.8", 50000, "10.0.0.1", 53), &d);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(contacts_are_told);
    RUN(a_table_with_commas_is_read_too);
    RUN(others_are_silent);
    RUN(a_bad_line_is_named);
    RUN(lists_of_others_say_what_they_are_sure_of);
    RUN(lists_are_silent_about_others);
    return tap_done();
}
