/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void knock(struct kd_tb *t, double at_s, const char *src, uint16_t src_port, const char *dst, uint16_t port, uint8_t proto)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .src = src, .src_port = src_port, .dst = dst, .dst_port = port,
                                       .proto = proto, .state = "no_answer", .data_ts = proto == 17 ? 400 : 0});
}

static void many_sources_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char src[32];
    for (int i = 0; i < 600; i++) {
        snprintf(src, sizeof(src), "198.51.%d.%d", 100 + i / 250, i % 250);
        knock(t, i * 0.05, src, (uint16_t)(1024 + i), "10.0.0.9", 443, 6);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-IM-0021") == 1 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-IM-0021")->host, "10.0.0.9") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-IM-0021")->technique, "T1498.001") == 0);
    kd_tb_free(t);
}

static void one_source_at_one_door_fires(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 2500; i++)
        knock(t, i * 0.02, "10.0.0.5", (uint16_t)(1024 + i), "203.0.113.9", 80, 6);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-IM-0022") == 1 && strcmp(kd_tb_alert(t, "KD-IM-0022")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

static void unasked_answers_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char server[32];
    for (int i = 0; i < 60; i++) {
        snprintf(server, sizeof(server), "198.51.100.%d", 10 + i);
        struct kd_rec_flow f = {.start_us = KD_TB_START_US + (uint64_t)i * 100000, .state = kd_str("new"), .reason = kd_str("timeout"),
                                .pkts_toclient = 10, .bytes_toclient = 4680};
        struct kd_rec_head head = kd_tb_head(KD_REC_FLOW, i * 0.1, "10.0.0.9", 40000, server, 123);
        head.proto = 17;
        kd_tb_put(t, head, &f);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-IM-0023") == 1 && strcmp(kd_tb_alert(t, "KD-IM-0023")->technique, "T1498.002") == 0);
    kd_tb_free(t);
}

static void lease(struct kd_tb *t, double at_s, uint8_t first, uint32_t n)
{
    struct kd_rec_dhcp l = {.kind = kd_str("request"), .dhcp_type = kd_str("discover"),
                            .client_mac = {{first, 0, 0x5e, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}}};
    kd_tb_put(t, kd_tb_head(KD_REC_DHCP, at_s, "0.0.0.0", 68, "255.255.255.255", 67), &l);
}

static void all_leases_at_once_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (uint32_t i = 0; i < 400; i++)
        lease(t, i * 0.01, 2, i * 7919);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-IM-0024") == 1);
    kd_tb_free(t);
}

/* Scans, busy servers, a morning's machines, everybody's look-ups. */
static void ordinary_days_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char src[32];
    for (int i = 0; i < 5000; i++) {
        knock(t, i * 0.01, "10.0.0.5", (uint16_t)(1024 + i), "10.0.0.9", (uint16_t)(1 + i), 6); /* a port scan */
        snprintf(src, sizeof(src), "198.51.%d.%d", 100 + i / 250, i % 250);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 0.01, .src = src, .src_port = 50000, .dst = "10.0.0.8", .dst_port = 443,
                                           .data_ts = 500, .data_tc = 5000});
    }
    for (uint32_t i = 0; i < 400; i++) {
        lease(t, i * 2.0, 2, i * 7919);
        /* a server under attack elsewhere answers questions that others asked in our name */
        snprintf(src, sizeof(src), "10.0.%d.%d", 1 + (int)(i / 200), (int)(1 + i % 200));
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 0.1, .src = src, .src_port = (uint16_t)(1024 + i), .dst = "203.0.113.1",
                                           .dst_port = 80, .state = "half_open", .pkts_tc = 1, .flags_ts = 0x20,
                                           .flags_tc = 0x12, .midstream = true});
        snprintf(src, sizeof(src), "198.51.100.%d", (int)(i % 8));
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.7", .src_port = (uint16_t)(40000 + i), .dst = src, .dst_port = 53,
                                           .proto = 17, .data_ts = 40, .data_tc = 400});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-IM-0021") == 0 && kd_tb_count(t, "KD-IM-0022") == 0 && kd_tb_count(t, "KD-IM-0023") == 0 &&
          kd_tb_count(t, "KD-IM-0024") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(many_sources_fire);
    RUN(one_source_at_one_door_fires);
    RUN(unasked_answers_fire);
    RUN(all_leases_at_once_fire);
    RUN(ordinary_days_are_silent);
    return tap_done();
}
