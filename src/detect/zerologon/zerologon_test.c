/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, double at_s, const char *src, uint16_t opnum, uint32_t status,
                 const char *credential)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = at_s,
                                       .src = src,
                                       .dst = "10.0.0.1",
                                       .uuid = KD_TB_NETLOGON,
                                       .opnum = opnum,
                                       .status = status,
                                       .args = {"account", "DC1$",
                                                credential == NULL ? NULL : "client_credential",
                                                credential}});
}

static void tried_until_it_fits(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 40; i++) {
        call(t, i * 0.1, "10.0.0.5", 4, 0, NULL);
        call(t, i * 0.1, "10.0.0.5", 26, 0xc0000022, NULL);
    }
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-CR-0037") == 1 && kd_tb_count(t, "KD-CR-0038") == 0);
    call(t, 5, "10.0.0.5", 26, 0, NULL);
    call(t, 6, "10.0.0.6", 15, 0, "0000000000000000"); /* at the first try */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0038") == 2 &&
          strcmp(kd_tb_alert(t, "KD-CR-0038")->severity, "high") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-CR-0038")->technique, "T1210") != NULL && t->unfilled == 0);
    kd_tb_free(t);
}

static void machines_log_on(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 100; i++) {
        call(t, i, "10.0.0.5", 4, 0, NULL);
        call(t, i, "10.0.0.5", 26, 0, "1a2b3c4d5e6f7081");
    }
    call(t, 101, "10.0.0.6", 26, 0xc0000022, NULL); /* its password no longer fits */
    call(t, 102, "10.0.0.6", 26, 0xc0000022, NULL);
    call(t, 103, "10.0.0.5", 30, 0, NULL); /* changes its own password */
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(tried_until_it_fits);
    RUN(machines_log_on);
    return tap_done();
}
