/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../tests/tap.h"

static void records_pass_unchanged_and_the_total_comes_last(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_stats s = {.scope = kd_str("total"), .packets = 10, .bytes = 100, .flows = 2, .seconds_us = 5};
    kd_tb_put(t, kd_tb_head(KD_REC_STATS, 1, NULL, 0, NULL, 0), &s);
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 1, .src = "10.0.0.1", .dst = "10.0.0.2", .dst_port = 80});
    kd_tb_put(t, kd_tb_head(KD_REC_STATS, 2, NULL, 0, NULL, 0), &s);
    kd_tb_finish(t);
    CHECK(t->stats_last && t->stats.packets == 20 && t->stats.bytes == 200 && t->stats.flows == 4);
    CHECK(t->n_passed == 1 && t->n_hosts == 2 && t->stats.records == 4 && t->stats.detections == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(records_pass_unchanged_and_the_total_comes_last);
    return tap_done();
}
