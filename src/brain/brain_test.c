/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/severity.h"
#include "brain/table.h"
#include "brain/text.h"
#include "findings.h"
#include "testbrain.h"
#include "wire/decision.h"

#include "../../tests/tap.h"

static void records_pass_unchanged_and_the_total_comes_last(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_stats s = {.scope = kd_str("final"), .packets = 10, .bytes = 100, .flows = 2, .seconds_us = 5000000};
    struct kd_stats_proto p[] = {{.name = kd_str("dns"), .flows = 1, .packets = 2}, {.name = kd_str("tls"), .flows = 3}};
    s.protocols = (struct kd_list){p, 2};
    kd_tb_put(t, kd_tb_head(KD_REC_STATS, 5, NULL, 0, NULL, 0), &s);
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 1, .src = "10.0.0.1", .dst = "10.0.0.2", .dst_port = 80});
    kd_tb_put(t, kd_tb_head(KD_REC_STATS, 7, NULL, 0, NULL, 0), &s);
    s.scope = kd_str("engine");
    kd_tb_put(t, kd_tb_head(KD_REC_STATS, 7, NULL, 0, NULL, 0), &s);
    kd_tb_finish(t);
    CHECK(t->stats_last && t->stats.packets == 20 && t->stats.bytes == 200 && t->stats.flows == 4);
    CHECK(t->stats.seconds_us == 7000000 && t->stats.protocols.n == 2);
    CHECK(t->n_passed == 2 && t->n_hosts == 2 && t->stats.records == 5 && t->stats.detections == 0);
    kd_tb_free(t);
}

static void login(struct kd_tb *t, double at_s, const char *src, const char *user)
{
    struct kd_rec_login l = {.service = kd_str("smb"), .user = kd_str(user), .result = kd_str("failure"),
                             .reason = kd_str("LOGON_FAILURE")};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, at_s, src, 50000, "10.0.0.1", 445), &l);
}

static uint64_t run_once(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 500; i++) {
        char src[32];
        snprintf(src, sizeof(src), "10.0.%d.%d", i % 3, i % 50);
        login(t, i, src, i % 2 ? "a" : "b");
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = src, .dst = "10.0.0.1", .dst_port = (uint16_t)i,
                                           .state = "refused"});
    }
    kd_tb_finish(t);
    uint64_t sum = t->passed_sum;
    kd_tb_free(t);
    return sum;
}

static void twice_the_same(void)
{
    CHECK(run_once() == run_once());
}

static void repeats_fold_into_few_lines(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 5000; i++)
        login(t, i * 4, "10.0.0.5", "sato");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0001") == 1 && kd_tb_lines(t, "KD-CR-0001") <= 20);
    CHECK(kd_tb_alert(t, "KD-CR-0001")->count == 5000 && t->stats.detections == t->n_alerts - kd_tb_lines(t, "KD-CR-0001") -
          kd_tb_lines(t, "KD-CR-0002") + 2);
    kd_tb_free(t);
}

static void a_long_silence_begins_a_new_alert(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    login(t, 0, "10.0.0.5", "sato");
    login(t, 3 * 86400, "10.0.0.6", "ito");
    login(t, 3 * 86400 + 5, "10.0.0.5", "sato");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0001") == 3);
    kd_tb_free(t);
}

static void exceptions_hide_but_keep(void)
{
    static const char rules[] = "# comment\n"
                                "KD-CR-0001 | 10.0.0.0/24 | user=sato peer=10.0.0.1 | - | known script\n"
                                "KD-CR-* | 10.0.0.7 | | 2025-01-01 | over\n";
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.exceptions = rules}, NULL);
    login(t, 0, "10.0.0.5", "Sato");
    login(t, 1, "10.0.0.5", "ito");
    login(t, 2, "10.0.0.7", "kato");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0001") == 3 && t->stats.detections == 2 && t->n_health == 1);
    CHECK(t->alerts[0].excepted && !t->alerts[1].excepted && !t->alerts[2].excepted);
    kd_tb_free(t);
    t = kd_tb_new(&(struct kd_tb_config){.exceptions = "* | * | | - | all quiet"}, NULL);
    login(t, 0, "10.0.0.5", "sato");
    kd_tb_finish(t);
    CHECK(t->alerts[0].excepted && kd_tb_host(t, "10.0.0.5") == NULL);
    kd_tb_free(t);
}

static void decide(struct kd_tb *t, const char *id, const char *host, const char *peer, uint64_t until_us)
{
    uint8_t list[512];
    struct kd_out o = kd_out_of(list, sizeof(list));
    struct kd_decision d = {.kind = KD_DECISION_EXCEPTION};
    d.exception = (struct kd_exception){.number = 5, .id = kd_str(id), .reason = kd_str("known"), .until_us = until_us};
    CHECK(kd_exception_net(kd_str(host), &d.exception.host, &d.exception.any_host) &&
          kd_exception_net(kd_str(peer), &d.exception.peer, &d.exception.any_peer) && kd_decision_put(&o, &d));
    kd_tb_send(t);
    CHECK(kd_brain_decide(t->brain, id[0] == '\0' ? kd_str("") : kd_out_bytes_view(&o)) == KD_OK);
}

static void decisions_of_people_take_force_at_once(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 40; i++)
        login(t, i, "10.0.0.5", "sato");
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 200, .src = "10.0.0.8", .dst = "10.0.0.1", .dst_port = 80});
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0002") == 1 && kd_tb_host(t, "10.0.0.5")->severity > 1);
    decide(t, "KD-CR-*", "10.0.0.0/24", "*", KD_TB_START_US + 7200 * (uint64_t)KD_US_PER_S);
    size_t before = t->n_alerts;
    login(t, 300, "10.0.0.5", "sato");
    kd_tb_send(t);
    CHECK(t->n_alerts == before + 1 && t->alerts[before].excepted); /* told once more, to say that it is hidden now */
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 0);
    login(t, 302, "10.0.0.5", "sato");
    login(t, 8000, "10.0.0.5", "sato"); /* behind its end */
    kd_tb_send(t);
    CHECK(!t->alerts[t->n_alerts - 1].excepted && kd_tb_count(t, "KD-CR-0001") == 1);
    CHECK(kd_brain_decide(t->brain, kd_str("\1garbage")) == KD_MALFORMED);
    kd_tb_finish(t);
    CHECK(t->n_health == 1 && kd_tb_host(t, "10.0.0.5")->severity > 0);
    kd_tb_free(t);
}

static void what_is_excepted_begins_no_story(void)
{
    for (int excepted = 0; excepted < 2; excepted++) {
        struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.known_bad = "ip 203.0.113.9 listed\n"}, NULL);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 1, .src = "10.0.0.5", .dst = "203.0.113.9", .dst_port = 443, .data_ts = 9,
                                           .data_tc = 9});
        if (excepted)
            decide(t, "KD-CC-0001", "10.0.0.5", "203.0.113.9", 0);
        for (int i = 0; i < 60; i++)
            login(t, 60 + i, "10.0.0.5", "sato");
        kd_tb_finish(t);
        CHECK(kd_tb_stories(t) == (excepted ? 0 : 1));
        kd_tb_free(t);
    }
}

static void objects_of_people_are_watched_for_and_looked_back_at(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    uint8_t list[1024];
    struct kd_out o = kd_out_of(list, sizeof(list));
    struct kd_decision d = {.kind = KD_DECISION_OBJECT, .object = {.number = 9, .kind = kd_str("ip"), .value = kd_str("203.0.113.9"),
                                                                   .note = kd_str("from the police")}};
    CHECK(kd_decision_put(&o, &d));
    d.object = (struct kd_object){.number = 10, .kind = kd_str("md5"), .value = kd_str("no sum"), .note = kd_str("")};
    CHECK(kd_decision_put(&o, &d)); /* nonsense harms nobody */
    d.object = (struct kd_object){.number = 11, .kind = kd_str("domain"), .value = kd_str("Old.Example"), .until_us = 1};
    CHECK(kd_decision_put(&o, &d));
    d = (struct kd_decision){.kind = KD_DECISION_MEETING};
    d.meeting = (struct kd_meeting){.object = 9, .kind = kd_str("ip"), .value = kd_str("203.0.113.9"), .met = kd_str("203.0.113.9"),
                                    .how = kd_str("ip"), .note = kd_str("from the police"),
                                    .first_us = KD_TB_START_US - 3 * KD_US_PER_DAY, .last_us = KD_TB_START_US - KD_US_PER_DAY,
                                    .count = 12};
    CHECK(kd_addr_parse(kd_str("10.0.0.7"), &d.meeting.host) && kd_decision_put(&o, &d));
    CHECK(kd_brain_decide(t->brain, kd_out_bytes_view(&o)) == KD_OK);
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 1, .src = "10.0.0.5", .dst = "203.0.113.9", .dst_port = 443, .data_ts = 9,
                                       .data_tc = 9});
    struct kd_rec_dns q = {.rrname = kd_str("www.old.example"), .rrtype = kd_str("A")};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, 2, "10.0.0.5", 50000, "10.0.0.1", 53), &q);
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CC-0001") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0001")->host, "10.0.0.5") == 0);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CO-0020");
    CHECK(a != NULL && strcmp(a->host, "10.0.0.7") == 0 && a->count == 12 && strcmp(a->severity, "medium") == 0);
    CHECK(a != NULL && strstr(a->why_en, "from the police") != NULL && strstr(a->why_ja, "203.0.113.9") != NULL);
    CHECK(kd_brain_decide(t->brain, kd_out_bytes_view(&o)) == KD_OK); /* the same list again tells nothing twice */
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 60, .src = "10.0.0.9", .dst = "10.0.0.1", .dst_port = 80});
    kd_tb_finish(t);
    CHECK(kd_tb_lines(t, "KD-CO-0020") == 1 && t->unfilled == 0 && kd_tb_host(t, "10.0.0.7")->severity >= 4);
    kd_tb_free(t);
}

static void bad_configuration_names_its_line(void)
{
    static const struct {
        struct kd_tb_config cfg;
        uint64_t line;
    } bad[] = {
        {{.exceptions = "KD-CR-0001 | * | | -"}, 1},
        {{.exceptions = "\nKD-CR-0001 | 10.0.0 | | - | why"}, 2},
        {{.exceptions = "KD-CR-0001 | * | colour=red | - | why"}, 1},
        {{.exceptions = "KD-CR-0001 | * | | tomorrow | why"}, 1},
        {{.exceptions = "CR-1 | * | | - | why"}, 1},
        {{.tunables = "logon.brute_fails=12\nlogon.brute=1"}, 2},
        {{.tunables = "logon.brute_fails=2"}, 1},
        {{.tunables = "logon.brute_fails=many"}, 1},
        {{.tunables = "nobody.x=1"}, 1},
        {{.tunables = "findings.KD-XX-0001=0"}, 1},
    };
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        struct kd_err err = {0};
        CHECK(kd_tb_new(&bad[i].cfg, &err) == NULL && err.status == KD_MALFORMED && err.at == bad[i].line);
    }
    struct kd_tb *t = kd_tb_new(&(struct kd_tb_config){.tunables = "logon.brute_fails=40\n\nfindings.KD-CR-0001=0\n"}, NULL);
    for (int i = 0; i < 30; i++)
        login(t, i, "10.0.0.5", "sato");
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void hosts_get_names_users_and_roles(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_nbns n = {.kind = kd_str("registration"), .name = kd_str("OLDNAME")};
    kd_tb_put(t, kd_tb_head(KD_REC_NBNS, 1, "10.0.0.5", 137, "10.0.0.255", 137), &n);
    struct kd_rec_dhcp d = {.dhcp_type = kd_str("ack"), .hostname = kd_str("PC-05"), .vendor_class = kd_str("MSFT 5.0"),
                            .client_mac = {{2, 0, 0, 0, 0, 5}}};
    CHECK(kd_addr_parse(kd_str("10.0.0.5"), &d.assigned_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, 2, "10.0.0.1", 67, "10.0.0.5", 68), &d);
    struct kd_rec_krb5 k = {.request_type = kd_str("AS"), .msg_type = kd_str("KRB_AS_REP"), .cname = kd_str("tanaka")};
    kd_tb_put(t, kd_tb_head(KD_REC_KRB5, 3, "10.0.0.5", 50000, "10.0.0.1", 88), &k);
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 4, .src = "10.0.0.5", .dst = "10.0.0.1", .dst_port = 389, .app = KD_APP_LDAP,
                                       .data_ts = 1, .data_tc = 1});
    login(t, 5, "10.0.0.5", "tanaka");
    kd_tb_finish(t);
    const struct kd_tb_host *h = kd_tb_host(t, "10.0.0.5");
    CHECK(h != NULL && strcmp(h->name, "pc-05") == 0 && strcmp(h->user, "tanaka") == 0);
    CHECK(h != NULL && strcmp(h->os, "Windows") == 0 && strcmp(h->role, "client") == 0 && h->severity == 1);
    CHECK(strcmp(kd_tb_host(t, "10.0.0.1")->role, "dc") == 0);
    CHECK(strcmp(t->alerts[0].host_name, "pc-05") == 0 && strstr(t->alerts[0].why_en, "pc-05 (10.0.0.5)") != NULL);
    kd_tb_free(t);
}

static void another_machine_inherits_nothing(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_dhcp d = {.dhcp_type = kd_str("ack"), .hostname = kd_str("PC-05"), .client_mac = {{2, 0, 0, 0, 0, 5}}};
    CHECK(kd_addr_parse(kd_str("10.0.0.5"), &d.assigned_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, 2, "10.0.0.1", 67, "10.0.0.5", 68), &d);
    d.hostname = kd_str("");
    d.client_mac.b[5] = 9;
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, 90000, "10.0.0.1", 67, "10.0.0.5", 68), &d);
    kd_tb_finish(t);
    CHECK(strcmp(t->hosts[0].name, "pc-05") == 0 && strcmp(kd_tb_host(t, "10.0.0.5")->name, "") == 0);
    kd_tb_free(t);
}

/* ---- severity, exactly as it is defined ---- */

static unsigned score(const struct kd_marks *m, uint64_t now_us)
{
    const struct kd_mark *reasons[KD_REASONS_MAX];
    size_t n;
    return kd_marks_score(m, now_us, reasons, &n);
}

static struct kd_finding_kind kind_of(const char *phase, const char *method)
{
    return (struct kd_finding_kind){.id = "KD-XX-0000", .phase = phase, .method = method};
}

static void severity_follows_its_definition(void)
{
    struct kd_finding_kind in = kind_of("discovery", "behaviour"), a = kind_of("discovery", "behaviour"),
                           b = kind_of("discovery", "behaviour"), c2 = kind_of("command_and_control", "behaviour"),
                           lm = kind_of("lateral_movement", "behaviour"), ex = kind_of("exfiltration", "behaviour"),
                           list = kind_of("command_and_control", "intel");
    struct kd_marks m = {0};
    CHECK(score(&m, 0) == 0);
    CHECK(kd_marks_add(&m, &in, KD_INFO, 50, 0, 1) && score(&m, 1) == 1);
    CHECK(kd_marks_add(&m, &in, KD_LOW, 50, 0, 1) && score(&m, 1) == 2);
    CHECK(!kd_marks_add(&m, &in, KD_LOW, 50, 0, 1) && score(&m, 1) == 2); /* a repeat changes nothing */
    kd_marks_add(&m, &a, KD_LOW, 50, 0, 1);
    CHECK(score(&m, 1) == 2);
    kd_marks_add(&m, &b, KD_LOW, 50, 0, 1);
    CHECK(score(&m, 1) == 3);
    kd_marks_add(&m, &a, KD_MEDIUM, 50, 0, 1);
    CHECK(score(&m, 1) == 4);
    kd_marks_add(&m, &a, KD_MEDIUM, 80, 0, 1);
    CHECK(score(&m, 1) == 5);
    kd_marks_add(&m, &c2, KD_MEDIUM, 50, 0, 1);
    CHECK(score(&m, 1) == 6);
    kd_marks_add(&m, &lm, KD_MEDIUM, 50, 0, 1);
    CHECK(score(&m, 1) == 7);
    kd_marks_add(&m, &list, KD_MEDIUM, 50, 0, 1);
    CHECK(score(&m, 1) == 8);
    kd_marks_add(&m, &lm, KD_HIGH, 50, 7, 1);
    CHECK(score(&m, 1) == 9);
    CHECK(!kd_marks_add(&m, &lm, KD_HIGH, 50, 7, 1) && score(&m, 1) == 9); /* the same machine again */
    CHECK(kd_marks_add(&m, &lm, KD_HIGH, 50, 9, 1) && score(&m, 1) == 10);
    struct kd_marks loss = {0};
    kd_marks_add(&loss, &ex, KD_HIGH, 50, 0, 1);
    CHECK(score(&loss, 1) == 8);
    kd_marks_add(&loss, &ex, KD_CRITICAL, 50, 0, 1);
    CHECK(score(&loss, 1) == 10);
}

static void severity_fades_over_days(void)
{
    struct kd_finding_kind k = kind_of("discovery", "behaviour");
    struct kd_marks m = {0};
    kd_marks_add(&m, &k, KD_HIGH, 90, 0, 1);
    CHECK(score(&m, 2 * KD_US_PER_DAY) == 8 && score(&m, 4 * KD_US_PER_DAY) == 5 && score(&m, 7 * KD_US_PER_DAY) == 2);
    CHECK(score(&m, 10 * KD_US_PER_DAY) == 1 && score(&m, 13 * KD_US_PER_DAY) == 0);
    kd_marks_add(&m, &k, KD_LOW, 90, 0, 9 * KD_US_PER_DAY); /* seen again, but weaker */
    CHECK(score(&m, 10 * KD_US_PER_DAY) == 2);
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    login(t, 0, "10.0.0.5", "sato");
    for (int hour = 1; hour < 100; hour++)
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = hour * 3600, .src = "10.0.0.9", .dst = "10.0.0.8", .dst_port = 80});
    kd_tb_finish(t);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 0);
    kd_tb_free(t);
}

/* ---- parts ---- */

static unsigned left_count;

static void count_leave(void *arg, struct kd_bytes key, void *state)
{
    (void)arg;
    (void)key;
    left_count += *(uint32_t *)state;
}

static void the_table_is_bounded_and_forgets_the_oldest(void)
{
    struct kd_pool *pool = kd_pool_new(64 << 10);
    struct kd_table t;
    CHECK(kd_table_init(&t, pool, 4, 100, 7));
    t.leave = count_leave;
    for (uint32_t i = 0; i < 1000; i++) {
        bool is_new;
        uint32_t *state = kd_table_get(&t, kd_bytes_of(&i, sizeof(i)), i, &is_new);
        CHECK(state != NULL && is_new && *state == 0);
        *state = 1;
        uint32_t keep = 0;
        CHECK(kd_table_get(&t, kd_bytes_of(&keep, sizeof(keep)), i, NULL) != NULL);
    }
    uint32_t old = 500, recent = 999, first = 0;
    CHECK(t.n == 100 && left_count == 900);
    CHECK(kd_table_peek(&t, kd_bytes_of(&old, 4)) == NULL && kd_table_peek(&t, kd_bytes_of(&recent, 4)) != NULL);
    CHECK(kd_table_peek(&t, kd_bytes_of(&first, 4)) != NULL);
    kd_table_forget(&t, kd_bytes_of(&first, 4));
    CHECK(kd_table_peek(&t, kd_bytes_of(&first, 4)) == NULL && t.n == 99);
    kd_table_expire(&t, 950, 1000);
    CHECK(t.n == 50);
    kd_table_done(&t);
    CHECK(kd_pool_used(pool) == 0);
    /* The pool's budget ends before the table's. */
    CHECK(kd_table_init(&t, pool, 3000, 100000, 7));
    for (uint32_t i = 0; i < 1000; i++)
        CHECK(kd_table_get(&t, kd_bytes_of(&i, sizeof(i)), i, NULL) != NULL);
    CHECK(t.n <= (64 << 10) / 3000 && t.n_evicted > 900);
    kd_table_done(&t);
    kd_pool_free(pool);
}

static const char *filled(const char *text, const char *value)
{
    static char room[512];
    struct kd_fact fact = {"x", kd_str(value)};
    struct kd_out o = kd_out_of(room, sizeof(room) - 1);
    kd_text_fill(&o, text, &fact, 1);
    room[o.n] = '\0';
    return room;
}

static void texts_are_filled_safely(void)
{
    CHECK(strcmp(filled("a {x} b {x}", "1"), "a 1 b 1") == 0);
    CHECK(strcmp(filled("a {y} b", "1"), "a ? b") == 0);
    CHECK(strcmp(filled("a {x", "1"), "a 1") == 0);
    CHECK(strcmp(filled("{x}", "a\nb\xff\xc3("), "a?b?" "?(") == 0);
    char longer[400];
    memset(longer, 'a', sizeof(longer));
    memcpy(longer + 195, "木戸番", 9);
    longer[399] = '\0';
    const char *out = filled("{x}", longer);
    CHECK(strlen(out) <= KD_FACT_MAX && kd_bytes_is_utf8(kd_str(out)) && strcmp(out + strlen(out) - 3, "…") == 0);
}

static void zones_are_cut_by_shape(void)
{
    static const char *const cases[][2] = {
        {"www.example.com", "example.com"}, {"a.b.example.co.jp", "example.co.jp"}, {"example.com", "example.com"},
        {"localhost", "localhost"},         {"www.city.lg.jp", "city.lg.jp"},       {"a.example.com.", "example.com"},
        {"", ""},                           {"x.co", "x.co"},                       {"a.x.co", "x.co"},
    };
    for (size_t i = 0; i < KD_COUNT(cases); i++)
        CHECK(kd_bytes_eq_str(kd_detect_zone(kd_str(cases[i][0])), cases[i][1]));
}

static void hostile_batches_are_refused(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    uint8_t batch[4096], broken[4096];
    kd_tb_flow(t, &(struct kd_tb_flow){.src = "10.0.0.1", .dst = "10.0.0.2", .dst_port = 80});
    login(t, 1, "10.0.0.5", "sato");
    size_t n = t->out.n;
    memcpy(batch, t->out.p, n);
    t->out = kd_out_of(t->batch, KD_BATCH_MAX);
    unsigned refused = 0;
    for (size_t i = 0; i < n * 8; i++) {
        memcpy(broken, batch, n);
        broken[i / 8] ^= (uint8_t)(1u << (i % 8));
        refused += kd_brain_batch(t->brain, kd_bytes_of(broken, n)) != KD_OK;
    }
    for (size_t i = 1; i < n; i++)
        refused += kd_brain_batch(t->brain, kd_bytes_of(batch, i)) != KD_OK;
    kd_tb_finish(t);
    CHECK(refused > n / 2 && t->n_health >= refused && t->stats_last);
    kd_tb_free(t);
}

static void every_kind_has_its_words(void)
{
    for (size_t i = 0; kd_finding_kinds[i] != NULL; i++) {
        const struct kd_finding_kind *k = kd_finding_kinds[i];
        CHECK(kd_bytes_is_utf8(kd_str(k->why_ja)) && strlen(k->do_ja) > 0 && strlen(k->name_en) > 0 && k->number >= 9000000);
    }
}

static void web_page(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *agent, const char *url)
{
    struct kd_rec_http h = {.http_user_agent = kd_str(agent), .url = kd_str(url), .http_method = kd_str("GET"), .status = 200};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, at_s, src, 50000, dst, 80), &h);
}

static void answers(struct kd_tb *t, double at_s, const char *dst, uint16_t port, uint8_t app)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .src = "10.0.0.99", .src_port = 50000, .dst = dst, .dst_port = port,
                                       .app = app, .data_ts = 500, .data_tc = 500});
}

static void systems_and_roles_are_told_with_their_source(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    answers(t, 1, "10.0.0.5", 22, KD_APP_SSH);
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 1, .src = "10.0.0.5", .src_port = 1, .dst = "10.0.0.2", .dst_port = 80,
                                       .app = KD_APP_HTTP, .data_ts = 9, .data_tc = 9});
    web_page(t, 2, "10.0.0.5", "10.0.0.2", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "/");
    web_page(t, 3, "10.0.0.5", "10.0.0.2", "Mozilla/5.0 (X11; Linux x86_64)", "/"); /* a virtual machine perhaps */
    struct kd_rec_ssh ssh = {.server = kd_str("OpenSSH_9.2p1 Debian-2")};
    kd_tb_put(t, kd_tb_head(KD_REC_SSH, 4, "10.0.0.9", 50000, "10.0.0.2", 22), &ssh);
    struct kd_rec_dhcp d = {.dhcp_type = kd_str("ack"), .vendor_class = kd_str("MSFT 5.0"), .client_mac = {{0, 0, 0x74, 1, 2, 3}}};
    CHECK(kd_addr_parse(kd_str("10.0.0.7"), &d.assigned_ip) && kd_addr_parse(kd_str("255.255.254.0"), &d.subnet_mask));
    CHECK(kd_addr_parse(kd_str("10.0.0.1"), &d.server_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, 5, "10.0.0.1", 67, "10.0.0.7", 68), &d);
    answers(t, 6, "10.0.0.25", 25, KD_APP_SMTP);
    answers(t, 7, "10.0.0.8", 104, KD_APP_UNKNOWN);
    web_page(t, 8, "10.0.0.5", "10.0.0.80", "", "http://www.example.jp/");
    kd_tb_finish(t);
    const struct kd_tb_host *h = kd_tb_host(t, "10.0.0.5");
    CHECK(h != NULL && strcmp(h->os, "Windows 10 / 11") == 0 && strcmp(h->os_source, "http") == 0);
    h = kd_tb_host(t, "10.0.0.2");
    CHECK(h != NULL && strcmp(h->os, "Debian") == 0 && strcmp(h->os_source, "ssh") == 0 && strcmp(h->role, "web") == 0);
    h = kd_tb_host(t, "10.0.0.7"); /* DHCP is surer than the card's maker, which says that it prints */
    CHECK(h != NULL && strcmp(h->os, "Windows") == 0 && strcmp(h->os_source, "dhcp") == 0 && h->prefix == 23);
    CHECK(h != NULL && strcmp(h->role, "printer") == 0);
    CHECK(strcmp(kd_tb_host(t, "10.0.0.1")->roles, "dhcp") == 0 && strcmp(kd_tb_host(t, "10.0.0.25")->role, "mail") == 0);
    CHECK(strcmp(kd_tb_host(t, "10.0.0.8")->role, "medical") == 0 && strcmp(kd_tb_host(t, "10.0.0.80")->role, "proxy") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(records_pass_unchanged_and_the_total_comes_last);
    RUN(twice_the_same);
    RUN(repeats_fold_into_few_lines);
    RUN(a_long_silence_begins_a_new_alert);
    RUN(exceptions_hide_but_keep);
    RUN(decisions_of_people_take_force_at_once);
    RUN(what_is_excepted_begins_no_story);
    RUN(objects_of_people_are_watched_for_and_looked_back_at);
    RUN(bad_configuration_names_its_line);
    RUN(hosts_get_names_users_and_roles);
    RUN(another_machine_inherits_nothing);
    RUN(severity_follows_its_definition);
    RUN(severity_fades_over_days);
    RUN(the_table_is_bounded_and_forgets_the_oldest);
    RUN(texts_are_filled_safely);
    RUN(zones_are_cut_by_shape);
    RUN(hostile_batches_are_refused);
    RUN(every_kind_has_its_words);
    RUN(systems_and_roles_are_told_with_their_source);
    return tap_done();
}
