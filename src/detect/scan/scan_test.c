/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void knock(struct kd_tb *t, double at_s, const char *src, const char *dst, unsigned port, const char *state)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .src = src, .src_port = 40000, .dst = dst,
                                       .dst_port = (uint16_t)port, .state = state});
}

static void a_port_scan_fires_once(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned port = 1; port <= 500; port++)
        knock(t, port * 0.01, "10.0.0.66", "10.0.0.1", port, port % 7 ? "refused" : "no_answer");
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-DI-0001");
    CHECK(kd_tb_count(t, "KD-DI-0001") == 1 && kd_tb_lines(t, "KD-DI-0001") <= 3);
    CHECK(a != NULL && strcmp(a->host, "10.0.0.66") == 0 && strcmp(a->peer, "10.0.0.1") == 0);
    CHECK(a != NULL && strcmp(a->severity, "medium") == 0 && strcmp(a->technique, "T1046") == 0);
    CHECK(a != NULL && a->count >= 380 && kd_tb_count(t, "KD-DI-0002") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void a_connect_scan_of_open_ports_counts(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned port = 1; port <= 40; port++)
        knock(t, port, "10.0.0.66", "10.0.0.1", port, "reset");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0001") == 1);
    kd_tb_free(t);
}

static void a_sweep_is_told_from_a_scan(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 1; i < 200; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", i);
        knock(t, i * 0.1, "10.0.0.66", dst, 445, "no_answer");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0002") == 1 && kd_tb_count(t, "KD-DI-0001") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-DI-0002")->title_en, "SMB") != NULL);
    CHECK(strcmp(kd_tb_alert(t, "KD-DI-0002")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void a_slow_sweep_is_low(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 1; i < 120; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", i);
        knock(t, i * 300, "10.0.0.66", dst, 3389, "no_answer");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0002") == 1 && strcmp(kd_tb_alert(t, "KD-DI-0002")->severity, "low") == 0);
    kd_tb_free(t);
}

static void a_scan_from_outside_is_low_and_names_the_victim(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned port = 1; port <= 100; port++)
        knock(t, port * 0.01, "203.0.113.66", "10.0.0.1", port, "no_answer");
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-DI-0001");
    CHECK(a != NULL && strcmp(a->host, "10.0.0.1") == 0 && strcmp(a->peer, "203.0.113.66") == 0);
    CHECK(a != NULL && strcmp(a->severity, "low") == 0);
    kd_tb_free(t);
}

static void udp_and_icmp(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (unsigned i = 1; i < 100; i++) {
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.66", .src_port = 40000, .dst = "10.0.0.1",
                                           .dst_port = (uint16_t)(i * 7), .state = "no_answer", .proto = 17});
        snprintf(dst, sizeof(dst), "10.0.1.%u", i);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.67", .dst = dst, .state = "no_answer",
                                           .proto = 1, .icmp_type = 8});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0001") == 1 && strcmp(kd_tb_alert(t, "KD-DI-0001")->host, "10.0.0.66") == 0);
    CHECK(kd_tb_count(t, "KD-DI-0003") == 1 && strcmp(kd_tb_alert(t, "KD-DI-0003")->host, "10.0.0.67") == 0);
    CHECK(t->unfilled == 0);
    kd_tb_free(t);
}

static void ask(struct kd_tb *t, double at_s, const char *opcode, const char *sender, const char *target)
{
    struct kd_rec_arp a = {.opcode = kd_str(opcode)};
    CHECK(kd_addr_parse(kd_str(sender), &a.sender_ip) && kd_addr_parse(kd_str(target), &a.target_ip));
    a.sender_mac.b[5] = sender[strlen(sender) - 1] == '1' ? 1 : 2;
    kd_tb_put(t, kd_tb_head(KD_REC_ARP, at_s, NULL, 0, NULL, 0), &a);
}

static void arp_sweeps_fire_but_not_for_routers(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_dhcp d = {.dhcp_type = kd_str("ack"), .routers = {(struct kd_bytes[]){kd_str("10.0.0.1")}, 1}};
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, 0, "10.0.0.1", 67, "10.0.0.9", 68), &d);
    char target[32];
    for (int i = 2; i < 200; i++) {
        snprintf(target, sizeof(target), "10.0.0.%d", i);
        ask(t, i * 0.1, "request", "10.0.0.66", target);
        ask(t, i * 0.1, "request", "10.0.0.1", target);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0004") == 1 && strcmp(kd_tb_alert(t, "KD-DI-0004")->host, "10.0.0.66") == 0);
    CHECK(strcmp(kd_tb_host(t, "10.0.0.1")->role, "router") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void backscatter_accuses_nobody(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 1; i < 250; i++) {
        /* A flooded server answers forged requests: SYN/ACK and RST to many, nobody asked. */
        snprintf(dst, sizeof(dst), "10.0.0.%d", i);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 0.1, .src = dst, .src_port = (uint16_t)(1024 + i),
                                           .dst = "203.0.113.1", .dst_port = 80, .state = "half_open", .pkts_tc = 1,
                                           .flags_ts = 0x20, .flags_tc = 0x12, .midstream = true});
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 0.1, .src = "203.0.113.2", .src_port = 80, .dst = dst,
                                           .dst_port = (uint16_t)(1024 + i), .state = "reset", .pkts_ts = 1,
                                           .flags_ts = 0x14, .flags_tc = 0x20});
    }
    kd_tb_finish(t);
    for (size_t k = 0; k < t->n_alerts; k++) /* that somebody is flooded may be told, as another thing */
        CHECK(strncmp(t->alerts[k].id, "KD-DI", 5) != 0);
    kd_tb_free(t);
}

static void ordinary_work_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char a[32], b[32];
    for (int i = 1; i < 250; i++) {
        snprintf(a, sizeof(a), "10.0.0.%d", i);
        snprintf(b, sizeof(b), "203.0.%d.%d", i % 7, i);
        /* A busy server, a resolver's lost questions, browsing with dead links, monitoring that is answered. */
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = a, .src_port = 50000, .dst = "10.0.0.1", .dst_port = 443,
                                           .data_ts = 500, .data_tc = 5000});
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.2", .src_port = 50000, .dst = b, .dst_port = 53,
                                           .proto = 17, .state = "no_answer"});
        if (i % 5 == 0)
            knock(t, i, "10.0.0.3", b, 443, "no_answer");
        if (i <= 60)
            kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.4", .dst = a, .proto = 1, .icmp_type = 8});
        knock(t, i, "10.0.0.5", "10.0.0.250", 9100, "no_answer"); /* a printer that is off */
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    for (size_t i = 0; i < t->n_alerts; i++)
        printf("# %s %s\n", t->alerts[i].id, t->alerts[i].title_en);
    kd_tb_free(t);
}

static void a_tool_that_says_its_name(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_http h = {.hostname = kd_str("www"), .http_user_agent = kd_str("Mozilla/5.0 (compatible; Nmap Scripting Engine)")};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 1, "10.0.0.66", 40000, "10.0.0.1", 80), &h);
    h.http_user_agent = kd_str("Mozilla/5.0 (Windows NT 10.0)");
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 2, "10.0.0.7", 40000, "10.0.0.1", 80), &h);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0005") == 1 && t->n_alerts == 1 && t->unfilled == 0);
    kd_tb_free(t);
}

static void peer_to_peer(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char b[32];
    for (int i = 1; i < 100; i++) {
        snprintf(b, sizeof(b), "203.0.%d.%d", i % 7, i);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.66", .src_port = 40000, .dst = b, .dst_port = 16000,
                                           .proto = 17, .state = i % 2 ? "no_answer" : "established"});
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.67", .src_port = 40000, .dst = b, .dst_port = 443,
                                           .proto = 17, .app = KD_APP_QUIC});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0011") == 1 && t->unfilled == 0 && kd_tb_at_least(t, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0011")->host, "10.0.0.66") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_port_scan_fires_once);
    RUN(a_connect_scan_of_open_ports_counts);
    RUN(a_sweep_is_told_from_a_scan);
    RUN(a_slow_sweep_is_low);
    RUN(a_scan_from_outside_is_low_and_names_the_victim);
    RUN(udp_and_icmp);
    RUN(arp_sweeps_fire_but_not_for_routers);
    RUN(backscatter_accuses_nobody);
    RUN(ordinary_work_is_silent);
    RUN(a_tool_that_says_its_name);
    RUN(peer_to_peer);
    return tap_done();
}
