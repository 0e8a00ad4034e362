/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void tick(struct kd_tb *t, double at_s, uint64_t packets, uint64_t dropped)
{
    struct kd_rec_stats s = {.scope = kd_str("engine"), .source = kd_str("eth1"), .packets = packets, .dropped = dropped};
    kd_tb_put(t, kd_tb_head(KD_REC_STATS, at_s, NULL, 0, NULL, 0), &s);
}

static void losses_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned i = 0; i < 300; i++)
        tick(t, i, 1000 + i * 10000u, i * 500u);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0001") == 1 && t->unfilled == 0 && kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

static void silence_is_told_once(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned i = 0; i < 3600; i += 10)
        tick(t, i, 5000, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0003") == 1 && kd_tb_lines(t, "KD-PO-0003") == 1 && t->unfilled == 0);
    kd_tb_free(t);
}

static void one_direction_is_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned i = 0; i < 600; i++) {
        struct kd_rec_flow f = {.state = kd_str("established"), .reason = kd_str("timeout"), .tcp_flags = 24,
                                .tcp_flags_ts = 24, .pkts_toserver = 20};
        kd_tb_put(t, kd_tb_head(KD_REC_FLOW, i, "10.0.0.5", 50000, "203.0.113.1", 80), &f);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0002") == 1 && t->unfilled == 0);
    kd_tb_free(t);
}

static void a_healthy_sensor_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned i = 0; i < 3600; i += 2) {
        tick(t, i, i * 1000u, i);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.5", .src_port = 50000, .dst = "10.0.0.1", .dst_port = 80,
                                           .app = KD_APP_HTTP, .data_ts = 100, .data_tc = 1000});
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(losses_are_told);
    RUN(silence_is_told_once);
    RUN(one_direction_is_told);
    RUN(a_healthy_sensor_is_silent);
    return tap_done();
}
