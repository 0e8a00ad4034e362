/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *uuid,
                 uint16_t opnum, const char *name, const char *value)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = at_s,
                                       .src = src,
                                       .dst = dst,
                                       .uuid = uuid,
                                       .opnum = opnum,
                                       .operation = "Operation",
                                       .user = "tanaka",
                                       .args = {name, value}});
}

static void lists_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SAMR, 13, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SAMR, 25, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SAMR, 39, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SAMR, 8, "class", "1");
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SRVSVC, 15, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SRVSVC, 12, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_WINREG, 4, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_LSARPC, 50, NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_SVCCTL, 42, NULL, NULL);
    kd_tb_call(t, &(struct kd_tb_call){.at_s = 2,
                                       .src = "10.0.0.5",
                                       .dst = "10.0.0.1",
                                       .uuid = KD_TB_EPM,
                                       .opnum = 2,
                                       .response_bytes = 20000});
    for (int i = 0; i < 80; i++)
        call(t, 3 + i, "10.0.0.5", "10.0.0.1", KD_TB_LSARPC, 57, NULL, NULL);
    kd_tb_finish(t);
    static const char *const ids[] = {"KD-DI-0020", "KD-DI-0021", "KD-DI-0022", "KD-DI-0023",
                                      "KD-DI-0024", "KD-DI-0025", "KD-DI-0026", "KD-DI-0028",
                                      "KD-DI-0029", "KD-DI-0035", "KD-DI-0036"};
    for (size_t i = 0; i < KD_COUNT(ids); i++)
        CHECK(kd_tb_count(t, ids[i]) == 1 && strcmp(kd_tb_alert(t, ids[i])->severity, "low") == 0);
    CHECK(t->unfilled == 0);
    kd_tb_free(t);
}

static void many_machines_are_medium(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 0; i < 20; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", 20 + i);
        call(t, i, "10.0.0.5", dst, KD_TB_SRVSVC, 12, NULL, NULL);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0024") == 1 &&
          strcmp(kd_tb_alert(t, "KD-DI-0024")->severity, "medium") == 0);
    kd_tb_free(t);
}

static void groups_that_rule(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.6", "10.0.0.1", KD_TB_SAMR, 17, "names", "Domain Users");
    call(t, 1, "10.0.0.6", "10.0.0.1", KD_TB_SAMR, 19, "rid", "513");
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-DI-0021") == 0);
    call(t, 2, "10.0.0.5", "10.0.0.1", KD_TB_SAMR, 17, "names", "domain admins");
    call(t, 2, "10.0.0.7", "10.0.0.1", KD_TB_SAMR, 19, "rid", "512");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0021") == 2);
    kd_tb_free(t);
}

static void what_every_machine_asks_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 40; i++) {
        call(t, i * 60, "10.0.0.5", "10.0.0.1", KD_TB_LSARPC, 57, NULL,
             NULL); /* forty in forty minutes */
        call(t, i * 60, "10.0.0.5", "10.0.0.1", KD_TB_EPM, 3, NULL, NULL);
        call(t, i * 60, "10.0.0.5", "10.0.0.1", KD_TB_SRVSVC, 16, NULL, NULL);
        call(t, i * 60, "10.0.0.5", "10.0.0.1", KD_TB_SAMR, 64, NULL, NULL);
        call(t, i * 60, "10.0.0.5", "10.0.0.1", KD_TB_NETLOGON, 40, NULL, NULL);
        call(t, i * 60, "10.0.0.5", "10.0.0.1", KD_TB_DRSUAPI, 12, NULL, NULL);
    }
    call(t, 10, "10.0.0.5", "10.0.0.1", KD_TB_EPM, 2, NULL, NULL);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

static void controllers_ask_each_other(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.1", KD_TB_NETLOGON, 45, NULL,
         NULL); /* a PC's user logs on: 10.0.0.1 is one */
    call(t, 2, "10.0.0.1", "10.0.0.2", KD_TB_SAMR, 13, NULL, NULL);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(lists_are_told);
    RUN(many_machines_are_medium);
    RUN(groups_that_rule);
    RUN(what_every_machine_asks_is_silent);
    RUN(controllers_ask_each_other);
    return tap_done();
}
