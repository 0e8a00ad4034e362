/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void attempt(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *user,
                    const char *result, const char *reason)
{
    struct kd_rec_login l = {.method = kd_str("ntlm"), .service = kd_str("smb"), .user = kd_str(user),
                             .result = kd_str(result), .reason = kd_str(reason)};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, at_s, src, 50000, dst, 445), &l);
}

static void one_failure_is_information(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    attempt(t, 1, "10.0.0.5", "10.0.0.1", "tanaka", "failure", "LOGON_FAILURE");
    attempt(t, 9, "10.0.0.5", "10.0.0.1", "tanaka", "success", "");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0001") == 1 && t->n_alerts == 1);
    CHECK(strcmp(t->alerts[0].severity, "info") == 0 && strcmp(t->alerts[0].user, "tanaka") == 0);
    CHECK(strstr(t->alerts[0].why_en, "LOGON_FAILURE") != NULL && t->unfilled == 0);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 1);
    kd_tb_free(t);
}

static void guessing_fires_and_its_success_is_high(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 45; i++)
        attempt(t, i, "10.0.0.5", "10.0.0.1", "admin", "failure", "LOGON_FAILURE");
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0002") == 1 && kd_tb_count(t, "KD-CR-0003") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-CR-0002")->technique, "T1110.001") != NULL);
    attempt(t, 46, "10.0.0.5", "10.0.0.1", "admin", "success", "");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0003") == 1);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0003")->host, "10.0.0.5") == 0);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 9);
    CHECK(kd_tb_alert(t, "KD-CR-0002")->count == 45 && t->unfilled == 0);
    kd_tb_free(t);
}

static void the_inside_machine_is_the_host(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 12; i++)
        attempt(t, i, "203.0.113.9", "10.0.0.1", "admin", "failure", "LOGON_FAILURE");
    kd_tb_finish(t);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0002")->host, "10.0.0.1") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0002")->peer, "203.0.113.9") == 0);
    kd_tb_free(t);
}

static void spraying_is_told_from_guessing(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char user[16];
    for (int i = 0; i < 30; i++) {
        snprintf(user, sizeof(user), "user%02d", i);
        attempt(t, i * 5, "10.0.0.5", i % 2 ? "10.0.0.1" : "10.0.0.2", user, "failure", "LOGON_FAILURE");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0004") == 1 && kd_tb_count(t, "KD-CR-0002") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0004")->technique, "T1110.003") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void unknown_names_are_enumeration(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char user[16];
    for (int i = 0; i < 20; i++) {
        snprintf(user, sizeof(user), "name%02d", i);
        attempt(t, i, "10.0.0.5", "10.0.0.1", user, "failure", "KDC_ERR_C_PRINCIPAL_UNKNOWN");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0005") == 1 && kd_tb_count(t, "KD-CR-0004") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void ordinary_errors_stay_information(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    /* Three mistakes, then in; every hour of a day; and the Kerberos preliminary that is no failure. */
    for (int hour = 0; hour < 24; hour++) {
        for (int i = 0; i < 3; i++)
            attempt(t, hour * 3600 + i, "10.0.0.5", "10.0.0.1", "sato", "failure", "LOGON_FAILURE");
        attempt(t, hour * 3600 + 9, "10.0.0.5", "10.0.0.1", "sato", "success", "");
        for (int i = 0; i < 20; i++)
            attempt(t, hour * 3600 + 60 + i, "10.0.0.6", "10.0.0.1", "ito", "failure", "KDC_ERR_PREAUTH_REQUIRED");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_at_least(t, "low") == 0 && kd_tb_count(t, "KD-CR-0001") == 1);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 1);
    kd_tb_free(t);
}

int main(void)
{
    RUN(one_failure_is_information);
    RUN(guessing_fires_and_its_success_is_high);
    RUN(the_inside_machine_is_the_host);
    RUN(spraying_is_told_from_guessing);
    RUN(unknown_names_are_enumeration);
    RUN(ordinary_errors_stay_information);
    return tap_done();
}
