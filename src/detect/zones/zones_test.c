/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

enum { OFFICE, SERVERS, SECRET };

/* Office may reach the servers by SMB; nobody but the servers may reach the secret zone; servers not out. */
static const struct kd_site *plan(void)
{
    static struct kd_site s;
    static const char *const names[] = {"事務", "servers", "個人番号"};
    static const char *const nets[] = {"10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"};
    static const struct kd_site_rule rules[] = {
        {OFFICE, SERVERS, true, 1, {{6, 3389, 3389}}},
        {SERVERS, SECRET, false, 0, {{0}}},
        {KD_ZONE_ANY, SECRET, true, 0, {{0}}},
        {SECRET, KD_ZONE_ANY, true, 0, {{0}}},
        {KD_ZONE_OUTSIDE, OFFICE, true, 0, {{0}}},
    };
    memset(&s, 0, sizeof(s));
    for (s.n_zones = 0; s.n_zones < 3; s.n_zones++) {
        memcpy(s.zone[s.n_zones].name, names[s.n_zones], strlen(names[s.n_zones]));
        s.net[s.n_zones].zone = (uint8_t)s.n_zones;
        CHECK(kd_net_parse(kd_str(nets[s.n_zones]), &s.net[s.n_zones].net));
    }
    s.n_nets = 3;
    memcpy(s.rule, rules, sizeof(rules));
    s.n_rules = KD_COUNT(rules);
    CHECK(kd_addr_parse(kd_str("10.0.2.9"), &s.host[0].addr));
    s.host[0].duties = KD_DUTY_JUMP;
    s.n_hosts = 1;
    return &s;
}

static struct kd_tb *start(void)
{
    return kd_tb_new(&(struct kd_tb_config){.site = plan()}, NULL);
}

static const struct kd_tb_alert *last(const struct kd_tb *t, const char *id)
{
    for (size_t i = t->n_alerts; i-- > 0;)
        if (strcmp(t->alerts[i].id, id) == 0)
            return &t->alerts[i];
    return NULL;
}

static void talk(struct kd_tb *t, double at_s, const char *src, const char *dst, uint16_t port)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .seconds = 1, .src = src, .dst = dst, .src_port = 50000,
                                       .dst_port = port, .data_ts = 500, .data_tc = 900});
}

static void forbidden_crossing_is_told(void)
{
    struct kd_tb *t = start();
    talk(t, 1, "10.0.1.5", "10.0.2.1", 445);
    talk(t, 2, "10.0.1.5", "10.0.2.1", 3389);
    talk(t, 3, "10.0.2.1", "10.0.3.1", 443);
    talk(t, 4, "10.0.1.5", "10.0.3.1", 80);
    talk(t, 5, "203.0.113.7", "10.0.1.8", 3389);
    talk(t, 6, "10.0.1.5", "203.0.113.7", 443);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0040") == 3 && kd_tb_count(t, "KD-PO-0041") == 0 && t->unfilled == 0);
    const struct kd_tb_alert *a = last(t, "KD-PO-0040");
    CHECK(a != NULL && strcmp(a->host, "10.0.1.8") == 0 && strcmp(a->severity, "medium") == 0);
    CHECK(a != NULL && strstr(a->title_ja, "外部") != NULL && strstr(a->title_en, "the outside to 事務, RDP") != NULL);
    CHECK(t->n_crossings == 6 && t->crossings[0].first && strcmp(t->crossings[0].policy, "allowed") == 0);
    CHECK(strcmp(t->crossings[5].to, "outside") == 0);
    kd_tb_free(t);
}

static void attempts_are_one_record_and_low(void)
{
    struct kd_tb *t = start();
    for (unsigned i = 0; i < 200; i++) {
        char dst[32];
        (void)snprintf(dst, sizeof(dst), "10.0.3.%u", i + 1);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.1.5", .dst = dst, .src_port = 50000,
                                           .dst_port = (uint16_t)(i + 1), .state = i % 2 == 0 ? "no_answer" : "refused"});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0040") == 0 && kd_tb_count(t, "KD-PO-0041") == 1);
    CHECK(t->n_crossings == 2 && t->crossings[0].conversations == 1 && t->crossings[1].conversations == 199);
    CHECK(last(t, "KD-PO-0041") != NULL && strcmp(last(t, "KD-PO-0041")->severity, "low") == 0);
    kd_tb_free(t);
}

static void crossing_is_told_once_a_day(void)
{
    struct kd_tb *t = start();
    for (unsigned hour = 0; hour < 60; hour++)
        talk(t, hour * 3600.0, "10.0.1.5", "10.0.2.1", 445);
    kd_tb_finish(t);
    CHECK(t->n_crossings == 4); /* at 0, 24 and 48 hours, and the rest */
    uint64_t sum = 0;
    for (size_t i = 0; i < t->n_crossings; i++)
        sum += t->crossings[i].conversations;
    CHECK(sum == 60 && t->crossings[1].conversations == 24 && !t->crossings[1].first && t->n_alerts == 0);
    kd_tb_free(t);
}

static void pings_and_the_middle_keep_their_direction(void)
{
    struct kd_tb *t = start();
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 1, .src = "10.0.2.1", .dst = "10.0.1.5", .src_port = 445, .dst_port = 50000,
                                       .midstream = true, .data_ts = 50, .data_tc = 5});
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 2, .src = "10.0.3.1", .dst = "10.0.1.5", .proto = 1, .icmp_type = 3,
                                       .src_port = 3, .pkts_ts = 1});
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0 && t->n_crossings == 1 && strcmp(t->crossings[0].src, "10.0.1.5") == 0);
    CHECK(t->crossings[0].port == 445);
    kd_tb_free(t);
}

static void arp(struct kd_tb *t, double at_s, const char *address, uint8_t last_byte)
{
    struct kd_rec_arp a = {.opcode = kd_str("request"), .sender_mac = {{2, 0, 0, 0, 1, last_byte}}};
    CHECK(kd_addr_parse(kd_str(address), &a.sender_ip));
    kd_tb_put(t, kd_tb_head(KD_REC_ARP, at_s, address, 0, "10.0.1.1", 0), &a);
}

static void link_address_in_two_zones_is_told(void)
{
    struct kd_tb *t = start();
    for (unsigned i = 0; i < 30; i++) {
        arp(t, 60 * i, "10.0.1.5", 5);
        arp(t, 60 * i + 1, "10.0.3.5", 5);
        arp(t, 60 * i + 2, "10.0.1.6", 6); /* not kept apart */
        arp(t, 60 * i + 3, "10.0.1.7", 6);
        arp(t, 60 * i + 4, "10.0.2.9", 9); /* registered to connect them */
        arp(t, 60 * i + 5, "10.0.1.9", 9);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0042") > 0 && t->unfilled == 0);
    const struct kd_tb_alert *a = last(t, "KD-PO-0042");
    CHECK(a != NULL && strstr(a->title_en, "02:00:00:00:01:05") != NULL);
    for (size_t i = 0; i < t->n_alerts; i++)
        CHECK(strstr(t->alerts[i].title_en, "02:00:00:00:01:05") != NULL);
    kd_tb_free(t);
}

static void router_is_left_alone(void)
{
    struct kd_tb *t = start();
    for (unsigned i = 0; i < 30; i++) {
        char dst[32];
        (void)snprintf(dst, sizeof(dst), "203.0.113.%u", i + 1);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 60 * i, .src = "10.0.1.5", .dst = dst, .src_port = 50000, .dst_port = 443,
                                           .smac = "02:00:00:00:01:05", .dmac = "02:00:00:00:01:01"});
        arp(t, 60 * i + 1, "10.0.1.1", 1);
        arp(t, 60 * i + 2, "10.0.3.1", 1);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0042") == 0);
    kd_tb_free(t);
}

static void logon(struct kd_tb *t, double at_s, const char *src)
{
    struct kd_rec_ntlm n = {.host = kd_str("JUMIN-PC3"), .user = kd_str("sato")};
    kd_tb_put(t, kd_tb_head(KD_REC_NTLM, at_s, src, 50000, "10.0.2.1", 445), &n);
    talk(t, at_s + 1, src, "10.0.2.1", 445);
}

static void one_name_by_turns_is_one_machine(void)
{
    struct kd_tb *t = start();
    for (unsigned i = 0; i < 4; i++) {
        logon(t, i * 600, "10.0.1.5");
        logon(t, i * 600 + 300, "10.0.3.5");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0042") == 1);
    kd_tb_free(t);
    t = start(); /* carried from one room to another */
    for (unsigned i = 0; i < 4; i++) {
        logon(t, i * 7200, "10.0.1.5");
        logon(t, i * 7200 + 3600, "10.0.3.5");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0042") == 0);
    kd_tb_free(t);
}

static void legs(struct kd_tb *t, double at_s, const char *client, const char *middle, const char *server, uint64_t more)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .seconds = 120, .src = client, .dst = middle, .src_port = 50001,
                                       .dst_port = 8022, .data_ts = 20000, .data_tc = 90000});
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s + 0.2, .seconds = 120, .src = middle, .dst = server, .src_port = 50002,
                                       .dst_port = 3389, .data_ts = 19000 + more, .data_tc = 88000});
}

static void passed_on_is_told(void)
{
    struct kd_tb *t = start();
    legs(t, 1, "10.0.1.5", "10.0.2.7", "10.0.3.1", 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0043") == 1 && t->unfilled == 0);
    const struct kd_tb_alert *a = last(t, "KD-PO-0043");
    CHECK(a != NULL && strcmp(a->technique, "T1090.001") == 0 && strcmp(a->host, "10.0.1.5") == 0);
    CHECK(a != NULL && strstr(a->title_en, "10.0.2.7") != NULL);
    kd_tb_free(t);
    t = start();
    legs(t, 1, "10.0.1.5", "10.0.2.7", "10.0.3.1", 900000); /* another amount */
    legs(t, 500, "10.0.1.5", "10.0.2.9", "10.0.3.1", 0);     /* registered as a jump host */
    legs(t, 900, "10.0.2.5", "10.0.2.7", "10.0.3.1", 0);     /* allowed anyway */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0043") == 0);
    kd_tb_free(t);
}

static void silent_without_a_plan(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned i = 0; i < 30; i++) {
        arp(t, 60 * i, "10.0.1.5", 5);
        arp(t, 60 * i + 1, "10.0.3.5", 5);
        talk(t, 60 * i + 2, "10.0.1.5", "10.0.3.1", 3389);
    }
    legs(t, 5000, "10.0.1.5", "10.0.2.7", "10.0.3.1", 0);
    kd_tb_finish(t);
    CHECK(t->n_crossings == 0);
    for (size_t i = 0; i < t->n_alerts; i++)
        CHECK(strncmp(t->alerts[i].id, "KD-PO-004", 9) != 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(forbidden_crossing_is_told);
    RUN(attempts_are_one_record_and_low);
    RUN(crossing_is_told_once_a_day);
    RUN(pings_and_the_middle_keep_their_direction);
    RUN(link_address_in_two_zones_is_told);
    RUN(router_is_left_alone);
    RUN(one_name_by_turns_is_one_machine);
    RUN(passed_on_is_told);
    RUN(silent_without_a_plan);
    return tap_done();
}
