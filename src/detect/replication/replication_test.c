/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *uuid,
                 uint16_t opnum, uint32_t status)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = at_s,
                                       .src = src,
                                       .dst = dst,
                                       .uuid = uuid,
                                       .opnum = opnum,
                                       .status = status,
                                       .user = "tanaka"});
}

static void a_tool_fetches_passwords(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 0, 0);
    call(t, 2, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 12, 0);
    call(t, 3, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 3, 0);
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CR-0026");
    CHECK(kd_tb_count(t, "KD-CR-0026") == 1 && strcmp(a->severity, "high") == 0 &&
          strcmp(a->technique, "T1003.006") == 0);
    CHECK(strcmp(a->host, "10.0.0.5") == 0 && strcmp(a->peer, "10.0.0.1") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void refused_is_less(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 2, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 12, 0);
    call(t, 3, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 3, 0x2105);
    kd_tb_finish(t);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0026")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void controllers_replicate(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_NETLOGON, 45, 0); /* both serve the domain */
    call(t, 1, "10.0.0.5", "10.0.0.2", KD_TB_DRSUAPI, 12, 0);
    for (int i = 0; i < 100; i++) {
        call(t, 2 + i, "10.0.0.1", "10.0.0.2", KD_TB_DRSUAPI, 3, 0);
        call(t, 2 + i, "10.0.0.2", "10.0.0.1", KD_TB_DRSUAPI, 3, 0);
        call(t, 2 + i, "10.0.0.1", "10.0.0.2", KD_TB_DRSUAPI, 12, 0);
        call(t, 2 + i, "10.0.0.6", "10.0.0.1", KD_TB_DRSUAPI, 12,
             0); /* every logon asks for a name */
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void a_machine_passes_itself_off(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_bytes attributes[] = {kd_str("objectClass=server"),
                                    kd_str("dNSHostName=pc5.town.example")};
    struct kd_rec_ldap l = {
        .operation = kd_str("add"),
        .base = kd_str("CN=PC5,CN=Servers,CN=Site1,CN=Sites,CN=Configuration,DC=town,DC=example"),
        .attributes = {attributes, 2},
        .user = kd_str("tanaka")};
    kd_tb_put(t, kd_tb_head(KD_REC_LDAP, 1, "10.0.0.5", 50000, "10.0.0.1", 389), &l);
    kd_tb_send(t);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0027")->severity, "medium") == 0);
    call(t, 2, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 5, 0);
    call(t, 3, "10.0.0.1", "10.0.0.5", KD_TB_DRSUAPI, 3, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0027") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0027")->severity, "high") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CR-0027")->host, "10.0.0.5") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_tool_fetches_passwords);
    RUN(refused_is_less);
    RUN(controllers_replicate);
    RUN(a_machine_passes_itself_off);
    return tap_done();
}
