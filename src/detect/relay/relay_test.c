/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void logon(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *user,
                  const char *host, bool v1)
{
    struct kd_rec_ntlm n = {.user = kd_str(user),
                            .host = kd_str(host),
                            .over = kd_str("smb"),
                            .ntlmv1 = v1,
                            .anonymous = user[0] == '\0'};
    kd_tb_put(t, kd_tb_head(KD_REC_NTLM, at_s, src, 50000, dst, 445), &n);
}

static void a_logon_passed_on(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    logon(t, 1, "10.0.0.5", "10.0.0.66", "tanaka", "PC5", false);
    logon(t, 1.2, "10.0.0.66", "10.0.0.1", "tanaka", "PC5", false);
    logon(t, 2, "10.0.0.9", "10.0.0.1", "old", "NAS", true);
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CR-0044");
    CHECK(kd_tb_count(t, "KD-CR-0044") == 1 && a != NULL && strcmp(a->host, "10.0.0.66") == 0 &&
          strstr(a->why_en, "10.0.0.5") != NULL);
    CHECK(kd_tb_count(t, "KD-CR-0043") == 1 && t->unfilled == 0);
    kd_tb_free(t);
}

static void ordinary_logons_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 50; i++) {
        logon(t, i * 10, "10.0.0.5", "10.0.0.1", "tanaka", "PC5", false);
        logon(t, i * 10 + 1, "10.0.0.5", "10.0.0.2", "tanaka", "PC5", false);
        logon(t, i * 10 + 2, "10.0.0.1", "10.0.0.2", "backup", "FS1", false); /* the server's own */
        logon(t, i * 10 + 3, "10.0.0.5", "10.0.0.1", "", "", false);
    }
    logon(t, 600, "10.0.0.5", "10.0.0.66", "sato", "PC5", false);
    logon(t, 700, "10.0.0.66", "10.0.0.1", "sato", "PC5", false); /* long after */
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_logon_passed_on);
    RUN(ordinary_logons_are_silent);
    return tap_done();
}
