/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define MIB (1ull << 20)
#define DAY 86400.0

static void out(struct kd_tb *t, double at_s, const char *src, const char *dst, uint64_t sent, uint64_t received)
{
    static uint16_t port = 30000;
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .seconds = 30, .src = src, .dst = dst, .src_port = port++, .dst_port = 443,
                                       .data_ts = sent, .data_tc = received});
}

static void new_places(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int day = 0; day < 6; day++)
        out(t, day * DAY, "10.0.0.5", "198.51.100.1", 20 * MIB, MIB);
    CHECK(kd_tb_count(t, "KD-EX-0010") == 0);
    out(t, 6 * DAY, "10.0.0.5", "198.51.100.9", 40 * MIB, MIB);
    out(t, 6 * DAY + 60, "10.0.0.5", "198.51.100.9", 40 * MIB, MIB);
    out(t, 6 * DAY, "10.0.0.6", "198.51.100.8", 80 * MIB, 70 * MIB); /* a call: as much comes in */
    out(t, 6 * DAY, "10.0.0.6", "10.0.0.9", 800 * MIB, MIB);         /* inside */
    out(t, 6 * DAY, "10.0.0.7", "198.51.100.7", MIB, 500 * MIB);     /* a download */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-EX-0010") == 1 && strcmp(kd_tb_alert(t, "KD-EX-0010")->severity, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-EX-0010")->peer, "198.51.100.9") == 0 && strstr(kd_tb_alert(t, "KD-EX-0010")->why_en, "80 MB") != NULL);
    CHECK(t->unfilled == 0);
    kd_tb_free(t);
}

static void against_habit(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int day = 0; day < 10; day++) { /* a nightly backup, and a clerk */
        out(t, day * DAY + 3600, "10.0.0.5", "198.51.100.1", (900 + (uint64_t)day % 3 * 100) * MIB, MIB);
        out(t, day * DAY + 3600, "10.0.0.6", "198.51.100.2", 40 * MIB, 30 * MIB);
    }
    out(t, 10 * DAY + 3600, "10.0.0.5", "198.51.100.1", 1300 * MIB, MIB);
    out(t, 10 * DAY + 3600, "10.0.0.6", "198.51.100.2", 900 * MIB, 500 * MIB);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-EX-0011") == 1 && strcmp(kd_tb_alert(t, "KD-EX-0011")->host, "10.0.0.6") == 0);
    kd_tb_free(t);
}

static void collected_then_sent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 100; i++) {
        struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_CLOSE"), .share = kd_str("\\\\fs\\work"), .filename = kd_str("a.docx"), .read_bytes = MIB};
        struct kd_rec_head h = kd_tb_head(KD_REC_SMB, i, i % 2 == 0 ? "10.0.0.5" : "10.0.0.6", 50000, "10.0.0.1", 445);
        h.app = KD_APP_SMB;
        kd_tb_put(t, h, &s);
    }
    out(t, 3600, "10.0.0.5", "198.51.100.9", 60 * MIB, MIB);
    out(t, 3600, "10.0.0.6", "198.51.100.8", 5 * MIB, MIB);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-EX-0012") == 1 && strcmp(kd_tb_alert(t, "KD-EX-0012")->host, "10.0.0.5") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-EX-0012")->technique, "T1074") != NULL);
    kd_tb_free(t);
}

/* Updates of one long conversation carry totals. */
static void updates_count_once(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 1; i <= 8; i++) {
        struct kd_rec_head h = kd_tb_head(KD_REC_FLOW, i * 300, "10.0.0.5", 40000, "198.51.100.9", 443);
        h.proto = 6;
        h.flow_id = 77;
        struct kd_rec_flow f = {.start_us = KD_TB_START_US, .end_us = KD_TB_START_US + (uint64_t)i * 300000000, .data_toserver = (uint64_t)i * 5 * MIB,
                                .state = kd_str("established"), .reason = kd_str("update")};
        kd_tb_put(t, h, &f);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-EX-0010") == 0); /* 40 MiB in all, not 180 */
    kd_tb_free(t);
}

int main(void)
{
    RUN(new_places);
    RUN(against_habit);
    RUN(collected_then_sent);
    RUN(updates_count_once);
    return tap_done();
}
