/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void ask(struct kd_tb *t, double at_s, const char *dst, const char *community, bool answered)
{
    struct kd_rec_snmp s = {.version = kd_str("2c"), .pdu_type = kd_str("get_request"), .community = kd_str(community),
                            .answered = answered};
    kd_tb_put(t, kd_tb_head(KD_REC_SNMP, at_s, "10.0.0.5", 50000, dst, 161), &s);
}

static void guessing_fires_and_its_success_is_medium(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[16];
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        ask(t, i * 0.1, "10.0.0.1", name, false);
    }
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0080") == 1 && kd_tb_count(t, "KD-CR-0081") == 0 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0080")->technique, "T1110.001") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0080")->host, "10.0.0.5") == 0 && kd_tb_at_least(t, "medium") == 0);
    ask(t, 3, "10.0.0.1", "komorebi", true);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0081") == 1 && kd_tb_at_least(t, "medium") == 1 && t->unfilled == 0);
    kd_tb_free(t);
}

static void monitoring_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "10.0.1.%d", i % 50);
        ask(t, i * 60, name, "komorebi", i % 7 != 0); /* polls, some devices switched off */
    }
    for (int i = 0; i < 50; i++) { /* stock is taken: three communities at each device */
        snprintf(name, sizeof(name), "10.0.2.%d", i);
        ask(t, 40000 + i, name, "public", false);
        ask(t, 40000 + i, name, "private", false);
        ask(t, 40000 + i, name, "komorebi", true);
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(guessing_fires_and_its_success_is_medium);
    RUN(monitoring_is_silent);
    return tap_done();
}
