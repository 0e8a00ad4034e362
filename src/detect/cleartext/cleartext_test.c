/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void logon(struct kd_tb *t, double at_s, const char *dst, const char *service, const char *method, const char *user)
{
    struct kd_rec_login l = {.method = kd_str(method), .service = kd_str(service), .user = kd_str(user),
                             .result = kd_str("success")};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, at_s, "10.0.0.5", 50000, dst, 23), &l);
}

static void passwords_in_the_clear_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 50; i++)
        logon(t, i, "10.0.0.1", "telnet", "password", "kanri");
    logon(t, 60, "203.0.113.9", "pop3", "plain", "tanaka");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0051") == 2 && t->unfilled == 0);
    CHECK(kd_tb_at_least(t, "medium") == 0 && kd_tb_at_least(t, "low") == 1);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0051")->technique, "T1040") == 0);
    kd_tb_free(t);
}

static void communities_count_across_the_border(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    logon(t, 1, "10.0.0.1", "snmp", "community", "");
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0051") == 0);
    logon(t, 2, "203.0.113.9", "snmp", "community", "");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0051") == 1 && kd_tb_at_least(t, "low") == 1);
    kd_tb_free(t);
}

static void protected_and_public_ones_are_not(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    logon(t, 1, "10.0.0.1", "smb", "ntlm", "tanaka");
    logon(t, 2, "10.0.0.1", "kdc", "kerberos", "tanaka");
    logon(t, 3, "10.0.0.1", "ssh", "ssh", "");
    logon(t, 4, "10.0.0.1", "http", "digest", "tanaka");
    logon(t, 5, "203.0.113.9", "ftp", "password", "anonymous");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0051") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(passwords_in_the_clear_are_told);
    RUN(communities_count_across_the_border);
    RUN(protected_and_public_ones_are_not);
    return tap_done();
}
