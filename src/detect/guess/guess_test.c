/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void session(struct kd_tb *t, double at_s, const char *src, const char *dst, uint16_t port, uint64_t data)
{
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = at_s, .seconds = 4, .src = src, .src_port = 50000, .dst = dst,
                                       .dst_port = port, .app = port == 443 ? KD_APP_TLS : KD_APP_UNKNOWN, .data_ts = data, .data_tc = data});
}

static void many_short_sessions_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 12; i++)
        session(t, i * 6, "10.0.0.66", "10.0.0.1", 22, 2400);
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CR-0006");
    CHECK(kd_tb_count(t, "KD-CR-0006") == 1 && t->unfilled == 0);
    CHECK(a != NULL && strcmp(a->host, "10.0.0.66") == 0 && strcmp(a->technique, "T1110.001") == 0);
    CHECK(a != NULL && strcmp(a->severity, "low") == 0);
    kd_tb_free(t);
}

static void very_many_are_medium(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 60; i++)
        session(t, i * 5, "10.0.0.66", "10.0.0.1", 3389, 1500);
    kd_tb_finish(t);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0006")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void slow_guessing_from_outside_adds_up(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 0; i < 20; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", 1 + i % 5);
        session(t, i * 3600, "203.0.113.66", dst, 3389, 1500);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0006") == 1);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0006")->peer, "203.0.113.66") == 0);
    kd_tb_free(t);
}

static void work_and_monitoring_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 200; i++) {
        session(t, i * 10, "10.0.0.5", "10.0.0.1", 22, 40);        /* does it live? */
        session(t, i * 10, "10.0.0.6", "10.0.0.1", 22, 200000);    /* copies */
        session(t, i * 10, "10.0.0.7", "10.0.0.1", 443, 2000);     /* the web */
        if (i % 60 == 0)
            session(t, i * 10, "10.0.0.8", "10.0.0.1", 22, 2400);  /* an administrator */
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    for (size_t i = 0; i < t->n_alerts; i++)
        printf("# %s %s\n", t->alerts[i].id, t->alerts[i].title_en);
    kd_tb_free(t);
}

static void logon(struct kd_tb *t, double at_s, uint16_t port, const char *auth)
{
    struct kd_rec_ssh s = {.auth = kd_str(auth)};
    struct kd_rec_head h = kd_tb_head(KD_REC_SSH, at_s, "10.0.0.5", port, "10.0.0.1", 22);
    h.app = KD_APP_SSH;
    h.flow_id = port;
    kd_tb_put(t, h, &s);
}

static void conclusions_count_instead_of_sizes(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 40; i++)
        logon(t, i * 5, (uint16_t)(40000 + i), "success"); /* a script */
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0006") == 0);
    for (int i = 0; i < 9; i++)
        logon(t, 300 + i * 5, (uint16_t)(41000 + i), "failure");
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0006") == 1 && kd_tb_count(t, "KD-CR-0050") == 0);
    logon(t, 400, 42000, "success");
    logon(t, 401, 42001, "success");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0050") == 1 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0050")->severity, "medium") == 0 && kd_tb_alert(t, "KD-CR-0050")->count == 9);
    kd_tb_free(t);
}

int main(void)
{
    RUN(many_short_sessions_fire);
    RUN(very_many_are_medium);
    RUN(slow_guessing_from_outside_adds_up);
    RUN(work_and_monitoring_are_silent);
    RUN(conclusions_count_instead_of_sizes);
    return tap_done();
}
