/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void tasks_made_there(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    kd_tb_call(t, &(struct kd_tb_call){.at_s = 1,
                                       .src = "10.0.0.5",
                                       .dst = "10.0.0.7",
                                       .uuid = KD_TB_ATSVC,
                                       .opnum = 0,
                                       .args = {"command", "cmd /c whoami"}});
    kd_tb_call(t, &(struct kd_tb_call){.at_s = 2,
                                       .src = "10.0.0.6",
                                       .dst = "10.0.0.7",
                                       .uuid = KD_TB_TASKS,
                                       .opnum = 1}); /* sealed */
    kd_tb_call(t, &(struct kd_tb_call){.at_s = 3,
                                       .src = "10.0.0.8",
                                       .dst = "10.0.0.7",
                                       .uuid = KD_TB_TASKS,
                                       .opnum = 1,
                                       .status = 0x80070005});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0025") == 1 &&
          strcmp(kd_tb_alert(t, "KD-LM-0025")->technique, "T1053.002") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-LM-0025")->title_en, "whoami") != NULL);
    CHECK(kd_tb_count(t, "KD-LM-0026") == 2 &&
          strcmp(kd_tb_alert(t, "KD-LM-0026")->severity, "low") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void questions_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (uint16_t op = 0; op < 20; op++)
        if (op != 1 && op != 12)
            kd_tb_call(t, &(struct kd_tb_call){.at_s = op,
                                               .src = "10.0.0.6",
                                               .dst = "10.0.0.7",
                                               .uuid = KD_TB_TASKS,
                                               .opnum = op});
    kd_tb_call(
        t, &(struct kd_tb_call){
               .at_s = 30, .src = "10.0.0.6", .dst = "10.0.0.7", .uuid = KD_TB_ATSVC, .opnum = 2});
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(tasks_made_there);
    RUN(questions_are_silent);
    return tap_done();
}
