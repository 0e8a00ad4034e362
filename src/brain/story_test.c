/* SPDX-License-Identifier: Apache-2.0 */
/* Stories from real detectors' findings: listed places, sweeps, administrative shares, listed links in mails. */
#include "testbrain.h"

#include "../../tests/tap.h"

static const char list[] = "ip 203.0.113.66 control server\nurl http://files.example/invoice.zip phishing\n";

static struct kd_tb *watch(void)
{
    return kd_tb_new(&(struct kd_tb_config){.known_bad = list}, NULL);
}

static void call_out(struct kd_tb *t, double at_s, const char *host)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .src = host, .src_port = 50000, .dst = "203.0.113.66",
                                       .dst_port = 443, .data_ts = 900, .data_tc = 900});
}

static void sweep(struct kd_tb *t, double at_s, const char *host)
{
    char dst[32];
    for (int i = 100; i < 160; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", i);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s + i * 0.1, .src = host, .src_port = 40000, .dst = dst,
                                           .dst_port = 445, .state = "no_answer"});
    }
}

static void enter(struct kd_tb *t, double at_s, const char *host, const char *peer)
{
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_CLOSE"), .share = kd_str("\\\\pc\\ADMIN$"),
                           .filename = kd_str("Temp\\a.exe"), .share_type = kd_str("DISK"), .user = kd_str("kanri"),
                           .write_bytes = 9000};
    struct kd_rec_head h = kd_tb_head(KD_REC_SMB, at_s, host, 50000, peer, 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &s);
}

static void one_hosts_course_is_one_incident(void)
{
    struct kd_tb *t = watch();
    call_out(t, 100, "10.0.0.5");
    sweep(t, 200, "10.0.0.5");
    enter(t, 400, "10.0.0.5", "10.0.0.9");
    for (int i = 0; i < 50; i++)
        enter(t, 410 + i, "10.0.0.5", "10.0.0.9"); /* repeats tell nothing new */
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_stories(t) == 1 && y != NULL && strcmp(y->zero, "10.0.0.5") == 0 && strcmp(y->severity, "high") == 0);
    CHECK(y != NULL && strcmp(y->hosts, "10.0.0.5=first 10.0.0.9=entered<10.0.0.5") == 0);
    CHECK(y != NULL && strstr(y->steps, "KD-CC-0001 KD-DI-0002 KD-LM-000") != NULL && t->unfilled == 0);
    CHECK(y != NULL && y->version <= 3 && strstr(y->do_ja, "203.0.113.66") != NULL);
    CHECK(kd_tb_count(t, "KD-CO-0001") == 1 && strcmp(kd_tb_alert(t, "KD-CO-0001")->severity, "high") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-CO-0001")->technique, "T1018") != NULL);
    CHECK(strstr(kd_tb_alert(t, "KD-CO-0001")->technique, "T1110") == NULL);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 9);
    kd_tb_free(t);
}

static void it_follows_to_the_next_host(void)
{
    struct kd_tb *t = watch();
    sweep(t, 100, "10.0.0.5");
    enter(t, 300, "10.0.0.5", "10.0.0.9");
    call_out(t, 600, "10.0.0.9");
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_stories(t) == 1 && y != NULL && strcmp(y->zero, "10.0.0.5") == 0);
    CHECK(y != NULL && strstr(y->hosts, "10.0.0.9=spread<10.0.0.5") != NULL);
    CHECK(kd_tb_count(t, "KD-CO-0003") == 1 && strcmp(kd_tb_alert(t, "KD-CO-0003")->peer, "10.0.0.9") == 0);
    CHECK(y != NULL && strstr(y->title_ja, "拡大") != NULL && t->unfilled == 0);
    kd_tb_free(t);
}

static void what_came_before_does_not_spread(void)
{
    struct kd_tb *t = watch();
    call_out(t, 100, "10.0.0.9");
    sweep(t, 300, "10.0.0.5");
    enter(t, 600, "10.0.0.5", "10.0.0.9");
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_stories(t) == 1 && y != NULL && strstr(y->hosts, "10.0.0.9=entered") != NULL);
    CHECK(kd_tb_count(t, "KD-CO-0003") == 0);
    kd_tb_free(t);
}

static void two_stories_that_meet_become_one(void)
{
    struct kd_tb *t = watch();
    sweep(t, 100, "10.0.0.5");
    call_out(t, 120, "10.0.0.5");
    sweep(t, 200, "10.0.0.9");
    enter(t, 260, "10.0.0.9", "10.0.0.7");
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 380, .src = "10.0.0.3", .dst = "10.0.0.2", .dst_port = 80});
    kd_tb_send(t);
    CHECK(kd_tb_stories(t) == 2);
    enter(t, 400, "10.0.0.5", "10.0.0.9");
    sweep(t, 500, "10.0.0.9");
    call_out(t, 600, "10.0.0.9");
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_stories(t) == 1 && y != NULL && y->n_hosts >= 3);
    bool merged = false;
    for (size_t i = 0; i < t->n_incidents; i++)
        merged |= strcmp(t->incidents[i].state, "merged") == 0;
    CHECK(merged);
    kd_tb_free(t);
}

static void a_mail_is_joined_with_who_opened_it(void)
{
    struct kd_tb *t = watch();
    struct kd_bytes urls[] = {kd_str("http://files.example/invoice.zip")};
    struct kd_rec_smtp m = {.mail_from = kd_str("soumu@example.org"), .subject = kd_str("invoice"), .urls = {urls, 1}};
    kd_tb_put(t, kd_tb_head(KD_REC_SMTP, 10, "198.51.100.25", 50000, "10.0.0.25", 25), &m);
    struct kd_rec_http h = {.hostname = kd_str("files.example"), .url = kd_str("/invoice.zip"), .status = 200};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 60, "10.0.0.5", 50000, "198.51.100.80", 80), &h);
    sweep(t, 300, "10.0.0.5");
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_count(t, "KD-PE-0003") == 1 && kd_tb_stories(t) == 1 && y != NULL && strcmp(y->zero, "10.0.0.5") == 0);
    CHECK(y != NULL && strncmp(y->steps, "KD-PE-0003 - ", 13) == 0 && strstr(y->hosts, "10.0.0.25") == NULL);
    CHECK(kd_tb_count(t, "KD-CO-0002") == 1);
    kd_tb_free(t);
}

static void many_hosts_and_one_place(void)
{
    struct kd_tb *t = watch();
    char src[32];
    for (int i = 1; i <= 5; i++) {
        snprintf(src, sizeof(src), "10.0.0.%d", i);
        call_out(t, i * 60, src);
    }
    kd_tb_finish(t);
    const struct kd_tb_incident *y = kd_tb_story(t);
    CHECK(kd_tb_stories(t) == 1 && y != NULL && y->n_hosts == 5 && y->n_met == 5);
    CHECK(kd_tb_count(t, "KD-CO-0004") == 1 && strcmp(kd_tb_alert(t, "KD-CO-0004")->peer, "203.0.113.66") == 0);
    kd_tb_free(t);
}

static void alone_they_are_no_story(void)
{
    struct kd_tb *t = watch();
    sweep(t, 100, "10.0.0.5");                      /* one stage */
    call_out(t, 200, "10.0.0.6");                   /* another host */
    sweep(t, 100, "203.0.113.7");                   /* the outside tries doors */
    enter(t, 5 * 86400, "10.0.0.5", "10.0.0.9");    /* days later */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0002") >= 1 && kd_tb_count(t, "KD-LM-0005") == 1 && kd_tb_count(t, "KD-CC-0001") == 1);
    CHECK(kd_tb_stories(t) == 0 && t->n_incidents == 0);
    kd_tb_free(t);
}

/* A request for a listed link, told as contact, and a listed file in its answer: one conversation. */
static void one_conversation_judged_twice_is_no_story(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.known_bad = "ip 203.0.113.66 x\nmd5 44D88612FEA8A8F36DE82E1278ABB02F y\n"}, NULL);
    static const char md5[] = "\x44\xd8\x86\x12\xfe\xa8\xa8\xf3\x6d\xe8\x2e\x12\x78\xab\xb0\x2f";
    struct kd_rec_file f = {.filename = kd_str("a.com"), .md5 = kd_bytes_of(md5, 16)};
    call_out(t, 100, "10.0.0.5");
    kd_tb_put(t, kd_tb_head(KD_REC_FILE, 101, "10.0.0.5", 50000, "203.0.113.66", 80), &f);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0002") == 1 && kd_tb_count(t, "KD-CC-0001") == 1 && kd_tb_stories(t) == 0);
    kd_tb_free(t);
}

static void what_is_excepted_is_no_part_of_it(void)
{
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.known_bad = list, .exceptions = "KD-DI-0002 | 10.0.0.5 | | - | inventory\n"}, NULL);
    CHECK(t != NULL);
    if (t == NULL)
        return;
    sweep(t, 100, "10.0.0.5");
    call_out(t, 200, "10.0.0.5");
    kd_tb_finish(t);
    CHECK(kd_tb_stories(t) == 0);
    kd_tb_free(t);
}

/* Far more hosts than there is room for: it stays bounded, and ends. */
static void crowds_are_borne(void)
{
    struct kd_tb *t = watch();
    char src[32];
    for (int i = 0; i < 3000; i++) {
        snprintf(src, sizeof(src), "10.%d.%d.5", 1 + i / 250, i % 250);
        call_out(t, i, src);
        enter(t, i, src, "10.0.0.9");
        if (i % 100 == 0)
            kd_tb_send(t);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_stories(t) >= 1 && kd_tb_story(t)->n_hosts <= 24);
    kd_tb_free(t);
}

static uint64_t sum_of_run(void)
{
    struct kd_tb *t = watch();
    call_out(t, 100, "10.0.0.5");
    sweep(t, 200, "10.0.0.5");
    enter(t, 400, "10.0.0.5", "10.0.0.9");
    sweep(t, 500, "10.0.0.9");
    kd_tb_finish(t);
    uint64_t sum = t->passed_sum;
    kd_tb_free(t);
    return sum;
}

static void it_is_the_same_twice(void)
{
    CHECK(sum_of_run() == sum_of_run());
}

int main(void)
{
    RUN(one_hosts_course_is_one_incident);
    RUN(it_follows_to_the_next_host);
    RUN(what_came_before_does_not_spread);
    RUN(two_stories_that_meet_become_one);
    RUN(a_mail_is_joined_with_who_opened_it);
    RUN(many_hosts_and_one_place);
    RUN(alone_they_are_no_story);
    RUN(one_conversation_judged_twice_is_no_story);
    RUN(what_is_excepted_is_no_part_of_it);
    RUN(crowds_are_borne);
    RUN(it_is_the_same_twice);
    return tap_done();
}
