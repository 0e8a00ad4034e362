/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void conversation(struct kd_tb *t, double at_s, const char *src, const char *dst, struct kd_rec_icmp i)
{
    struct kd_rec_head head = kd_tb_head(KD_REC_ICMP, at_s, src, 8, dst, 0);
    head.proto = 1;
    i.type = 8;
    kd_tb_put(t, head, &i);
}

static void a_tunnel_fires(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    conversation(t, 1, "10.0.0.5", "203.0.113.5",
                 (struct kd_rec_icmp){.requests = 200, .replies = 195, .bytes_toserver = 40000, .bytes_toclient = 90000,
                                      .sizes = 16, .contents = 64, .mismatched = 190, .largest = 1028});
    conversation(t, 2, "10.0.0.6", "10.0.0.7",
                 (struct kd_rec_icmp){.requests = 20, .replies = 20, .bytes_toserver = 300, .bytes_toclient = 900,
                                      .sizes = 6, .contents = 7, .mismatched = 12, .largest = 128});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0050") == 2 && t->unfilled == 0 && kd_tb_count(t, "KD-CC-0051") == 0);
    CHECK(kd_tb_at_least(t, "medium") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0050")->severity, "low") == 0);
    kd_tb_free(t);
}

static void data_carried_off_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    conversation(t, 1, "10.0.0.5", "203.0.113.5",
                 (struct kd_rec_icmp){.requests = 60, .replies = 60, .bytes_toserver = 60000, .bytes_toclient = 60000,
                                      .sizes = 2, .contents = 60, .largest = 1000});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0051") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0051")->technique, "T1048.003") == 0);
    kd_tb_free(t);
}

/* Pings of systems and monitoring, path-MTU probes, a reply or two gone wrong, a flood of pings. */
static void pings_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    conversation(t, 1, "10.0.0.5", "203.0.113.5",
                 (struct kd_rec_icmp){.requests = 86400, .replies = 86390, .bytes_toserver = 4838400, .bytes_toclient = 4837840,
                                      .sizes = 1, .contents = 1, .largest = 56});
    conversation(t, 2, "10.0.0.6", "203.0.113.5",
                 (struct kd_rec_icmp){.requests = 20, .replies = 12, .bytes_toserver = 28000, .bytes_toclient = 16000,
                                      .sizes = 16, .contents = 1, .largest = 1472});
    conversation(t, 3, "10.0.0.7", "10.0.0.9",
                 (struct kd_rec_icmp){.requests = 400, .replies = 400, .bytes_toserver = 12800, .bytes_toclient = 12800,
                                      .sizes = 2, .contents = 3, .mismatched = 2, .largest = 32});
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_tunnel_fires);
    RUN(data_carried_off_fire);
    RUN(pings_are_silent);
    return tap_done();
}
