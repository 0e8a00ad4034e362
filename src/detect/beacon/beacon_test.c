/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/beacon/rhythm.h"
#include "testbrain.h"

#include "../../../tests/tap.h"

#include <math.h>

/* xorshift64*: the same numbers on every machine. */
static uint64_t lottery = 88172645463325252u;

static double draw(void)
{
    lottery ^= lottery >> 12;
    lottery ^= lottery << 25;
    lottery ^= lottery >> 27;
    return (double)((lottery * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static void web_call(struct kd_tb *t, double at_s, const char *src, const char *host, const char *dst, uint64_t length,
                     const char *referrer)
{
    struct kd_rec_http h = {.hostname = kd_str(host), .url = kd_str("/a"), .http_method = kd_str("POST"),
                            .http_refer = kd_str(referrer), .status = 200, .request_length = length};
    struct kd_rec_head head = kd_tb_head(KD_REC_HTTP, at_s, src, 50000, dst, 80);
    head.app = KD_APP_HTTP;
    kd_tb_put(t, head, &h);
}

static void regular_web_calls_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 30; i++)
        web_call(t, i * 60, "10.0.0.5", "c2.example", "203.0.113.5", 120, "");
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CC-0003");
    CHECK(a != NULL && kd_tb_count(t, "KD-CC-0003") == 1 && t->unfilled == 0);
    CHECK(a != NULL && strcmp(a->severity, "medium") == 0 && strcmp(a->host, "10.0.0.5") == 0);
    CHECK(a != NULL && strcmp(a->technique, "T1071.001") == 0 && strstr(a->title_en, "60 seconds") != NULL);
    kd_tb_free(t);
}

static void seven_calls_are_enough(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 7; i++)
        web_call(t, i * 63 + draw(), "10.0.0.5", "", "203.0.113.5", 120, "");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0003") == 1);
    kd_tb_free(t);
}

/* Callbacks with jitter (share of the period), of which some are lost, each a burst of requests. */
static unsigned found_of(unsigned runs, double jitter, double lost, unsigned calls, unsigned burst)
{
    unsigned found = 0;
    for (unsigned run = 0; run < runs; run++) {
        struct kd_tb *t = kd_tb_new(NULL, NULL);
        double at = 0;
        for (unsigned i = 0; i < calls; i++) {
            at += 60 * (1 + jitter * (2 * draw() - 1));
            for (unsigned k = 0; k < burst && draw() >= lost; k++)
                web_call(t, at + k * 0.3, "10.0.0.5", "c2.example", "203.0.113.5", 100 + (uint64_t)(draw() * 20), "");
        }
        kd_tb_finish(t);
        found += kd_tb_count(t, "KD-CC-0003") > 0;
        kd_tb_free(t);
    }
    return found;
}

static void jitter_loss_and_bursts_do_not_hide_it(void)
{
    unsigned jitter = found_of(50, 0.3, 0, 40, 1);
    unsigned lost = found_of(50, 0.1, 0.15, 40, 1);
    unsigned burst = found_of(50, 0.1, 0, 20, 3);
    unsigned all = found_of(50, 0.2, 0.1, 60, 2);
    printf("# found of 50: jitter 30 %% %u, 15 %% lost %u, bursts %u, all together %u\n", jitter, lost, burst, all);
    CHECK(jitter >= 48 && lost >= 45 && burst >= 48 && all >= 40);
}

static void chance_has_no_rhythm(void)
{
    unsigned found = 0;
    for (unsigned run = 0; run < 4000; run++) {
        uint64_t at[KD_RHYTHM_MAX];
        unsigned n = 6 + (unsigned)(draw() * 42);
        double s = 1e6;
        for (unsigned i = 0; i < n; i++) {
            s += -log(1 - draw()) * 60;
            at[i] = (uint64_t)(s * 1e6);
        }
        struct kd_rhythm r;
        found += kd_rhythm_of(at, n, 6, &r);
    }
    printf("# random series taken for a rhythm: %u of 4000\n", found);
    CHECK(found <= 20);
}

static void routine_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char src[32];
    for (int i = 0; i < 60; i++) {
        /* The clock, an open page that asks for news, and updates that everybody fetches. */
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 64, .src = "10.0.0.5", .src_port = 50000, .dst = "203.0.113.7",
                                           .dst_port = 123, .proto = 17, .data_ts = 48, .data_tc = 48, .seconds = 1});
        web_call(t, i * 60, "10.0.0.5", "news.example", "203.0.113.8", 90, "http://news.example/");
        for (int k = 0; k < 8; k++) {
            snprintf(src, sizeof(src), "10.0.0.%d", 20 + k);
            web_call(t, i * 60 + k, src, "update.example", "203.0.113.9", 90, "");
        }
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void rounds_inside_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 0; i < 60; i++)
        for (int k = 0; k < 6; k++) {
            snprintf(dst, sizeof(dst), "10.0.0.%d", 20 + k);
            web_call(t, i * 60 + k * 5, "10.0.0.5", "", dst, 0, "");
        }
    kd_tb_finish(t);
    CHECK(kd_tb_at_least(t, "low") == 0);
    kd_tb_free(t);
}

static void people_who_browse_are_silent(void)
{
    unsigned alerts = 0;
    for (unsigned run = 0; run < 200; run++) {
        struct kd_tb *t = kd_tb_new(NULL, NULL);
        double at = 0;
        for (unsigned i = 0; i < 60; i++) {
            at += 2 + -log(1 - draw()) * 40;
            web_call(t, at, "10.0.0.5", "shop.example", "203.0.113.8", 0, "");
        }
        kd_tb_finish(t);
        alerts += t->n_alerts > 0;
        CHECK(kd_tb_at_least(t, "medium") == 0);
        kd_tb_free(t);
    }
    printf("# runs of browsing that fired: %u of 200\n", alerts);
    CHECK(alerts <= 6);
}

static void unknown_protocols_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_flow f = {.state = kd_str("closed"), .reason = kd_str("fin"), .age_us = 300000000, .start_us = KD_TB_START_US,
                            .end_us = KD_TB_START_US + 300000000, .pkts_toserver = 50, .pkts_toclient = 50,
                            .data_toserver = 900, .data_toclient = 800, .tcp_flags_ts = 27, .tcp_flags_tc = 27,
                            .payload_head = kd_str("\x01\x02\x03")};
    kd_tb_put(t, kd_tb_head(KD_REC_FLOW, 300, "10.0.0.5", 50000, "203.0.113.9", 5656), &f);
    kd_tb_put(t, kd_tb_head(KD_REC_FLOW, 300, "10.0.0.6", 50000, "10.0.0.9", 5656), &f); /* inside: silent */
    f.age_us = 500000;
    kd_tb_put(t, kd_tb_head(KD_REC_FLOW, 301, "10.0.0.5", 50001, "203.0.113.8", 443), &f);
    kd_tb_put(t, kd_tb_head(KD_REC_FLOW, 301, "10.0.0.6", 50001, "203.0.113.8", 5656), &f); /* short: silent */
    f.payload_head = kd_bytes_of("\x16\x03\x01", 3);
    kd_tb_put(t, kd_tb_head(KD_REC_FLOW, 301, "10.0.0.7", 50001, "203.0.113.8", 443), &f); /* TLS: silent */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0007") == 1 && kd_tb_count(t, "KD-CC-0008") == 1 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0007")->peer, "203.0.113.9") == 0);
    CHECK(kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

static void session(struct kd_tb *t, double at_s, const char *dst, uint16_t port, struct kd_bytes head)
{
    struct kd_rec_flow f = {.state = kd_str("closed"), .reason = kd_str("fin"), .age_us = 500000, .start_us = KD_TB_START_US,
                            .end_us = KD_TB_START_US + 500000, .pkts_toserver = 5, .pkts_toclient = 5, .data_toserver = 200,
                            .data_toclient = 80, .payload_head = head};
    kd_tb_put(t, kd_tb_head(KD_REC_FLOW, at_s, "10.0.0.5", (uint16_t)(50000 + at_s), dst, port), &f);
}

static void known_forms_and_greetings_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    static const char frame[] = "XRAT9\x97\0\0\0\x94\5\0\0\x78\x9cmore";
    for (int i = 0; i < 3; i++)
        session(t, i * 600, "10.0.7.7", 9494, kd_bytes_of(frame, sizeof(frame) - 1));
    session(t, 1, "203.0.113.5", 2404, kd_bytes_of("\x1b\x84\xd5\xb0]\xf4", 6));
    session(t, 2, "203.0.113.6", 2404, kd_bytes_of("\x1b\x84\xd5\xb0]\xf4", 6)); /* another peer */
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CC-0007") == 0);
    session(t, 3, "203.0.113.5", 2404, kd_bytes_of("\x1b\x84\xd5\xb0\x99\x01", 6));
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0007") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0007")->peer, "203.0.113.5") == 0);
    CHECK(kd_tb_count(t, "KD-CC-0062") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0062")->severity, "high") == 0);
    kd_tb_free(t);
}

static void command_lines_handed_out_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    session(t, 1, "203.0.113.5", 4444, kd_str("bash: cannot set terminal process group"));
    session(t, 2, "203.0.113.5", 4444, kd_str("bash: cannot set terminal process group")); /* folded */
    session(t, 3, "10.0.7.7", 9001, kd_str("Microsoft Windows [Version 10.0"));
    session(t, 4, "203.0.113.6", 4444, kd_str("bashful greeting: hello")); /* silent */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0063") == 2 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0063")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void a_dead_server_is_tried_again_and_again(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 20; i++)
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 25, .src = "10.0.0.5", .src_port = (uint16_t)(50000 + i),
                                           .dst = "203.0.113.5", .dst_port = 2404, .state = "no_answer"});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0006") == 1 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0006")->severity, "low") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(regular_web_calls_fire);
    RUN(seven_calls_are_enough);
    RUN(jitter_loss_and_bursts_do_not_hide_it);
    RUN(chance_has_no_rhythm);
    RUN(routine_is_silent);
    RUN(rounds_inside_are_silent);
    RUN(people_who_browse_are_silent);
    RUN(unknown_protocols_are_told);
    RUN(known_forms_and_greetings_are_told);
    RUN(command_lines_handed_out_are_told);
    RUN(a_dead_server_is_tried_again_and_again);
    return tap_done();
}
