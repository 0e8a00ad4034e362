/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, double at_s, const char *src, const char *uuid, uint16_t opnum,
                 const char *class)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = at_s,
                                       .src = src,
                                       .dst = "10.0.0.7",
                                       .uuid = uuid,
                                       .opnum = opnum,
                                       .user = "tanaka",
                                       .args = {class == NULL ? NULL : "class", class}});
}

static void wmi_runs_and_stays(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", KD_TB_ACTIVATION, 4, NULL);
    call(t, 1, "10.0.0.5", KD_TB_REMUNKNOWN, 3, NULL);
    call(t, 2, "10.0.0.5", KD_TB_WBEM, 6, NULL);
    call(t, 3, "10.0.0.5", KD_TB_WBEM, 24, NULL);
    call(t, 4, "10.0.0.6", KD_TB_WBEM, 14, NULL);
    call(t, 5, "10.0.0.6", KD_TB_WBEM, 14, NULL);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0027") == 1 &&
          strcmp(kd_tb_alert(t, "KD-LM-0027")->host, "10.0.0.5") == 0);
    CHECK(kd_tb_count(t, "KD-LM-0028") == 1 &&
          strstr(kd_tb_alert(t, "KD-LM-0028")->technique, "T1546.003") != NULL);
    CHECK(kd_tb_count(t, "KD-LM-0039") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void objects_that_run_programs(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", KD_TB_ACTIVATION, 4, "49b2791a-b1ae-4c90-9b8e-e860ba07f889");
    call(t, 2, "10.0.0.6", KD_TB_ACTIVATION, 3, NULL);
    call(t, 2, "10.0.0.6", KD_TB_REMUNKNOWN, 3, NULL);
    call(t, 3, "10.0.0.6", KD_TB_DISPATCH, 6, NULL);
    call(t, 4, "10.0.0.8", KD_TB_ACTIVATION, 4, NULL);
    call(t, 4, "10.0.0.8", KD_TB_REMUNKNOWN, 3, NULL);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0029") == 2 &&
          strcmp(kd_tb_alert(t, "KD-LM-0029")->technique, "T1021.003") == 0);
    CHECK(kd_tb_count(t, "KD-LM-0039") == 1 &&
          strcmp(kd_tb_alert(t, "KD-LM-0039")->severity, "low") == 0);
    kd_tb_free(t);
}

static void monitoring_is_no_more_than_low(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 100; i++) {
        call(t, i * 60, "10.0.0.5", KD_TB_ACTIVATION, 4, NULL);
        call(t, i * 60, "10.0.0.5", KD_TB_REMUNKNOWN, 3, NULL);
        call(t, i * 60 + 1, "10.0.0.5", KD_TB_WBEM, 20, NULL);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_at_least(t, "medium") == 0 && kd_tb_count(t, "KD-LM-0038") == 1 &&
          kd_tb_count(t, "KD-LM-0039") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(wmi_runs_and_stays);
    RUN(objects_that_run_programs);
    RUN(monitoring_is_no_more_than_low);
    return tap_done();
}
