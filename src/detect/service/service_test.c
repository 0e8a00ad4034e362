/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, double at_s, const char *src, const char *dst, uint16_t opnum,
                 const char *service, const char *path, uint32_t status)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = at_s,
                                       .src = src,
                                       .dst = dst,
                                       .uuid = KD_TB_SVCCTL,
                                       .opnum = opnum,
                                       .operation = "Operation",
                                       .user = "tanaka",
                                       .status = status,
                                       .args = {service == NULL ? NULL : "service", service,
                                                path == NULL ? NULL : "path", path}});
}

static void copy(struct kd_tb *t, double at_s, const char *src, const char *dst, const char *share,
                 const char *file)
{
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_CLOSE"),
                           .share = kd_str(share),
                           .share_type = kd_str("DISK"),
                           .filename = kd_str(file),
                           .write_bytes = 50000};
    kd_tb_put(t, kd_tb_head(KD_REC_SMB, at_s, src, 50000, dst, 445), &s);
}

static void a_service_made_there(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", "10.0.0.7", 12, "Updater", "C:\\Program Files\\Up\\up.exe", 0);
    call(t, 2, "10.0.0.5", "10.0.0.7", 19, "Updater", NULL, 0);
    call(t, 3, "10.0.0.6", "10.0.0.7", 44, "BTOBTO",
         "%COMSPEC% /Q /c echo dir ^> \\\\127.0.0.1\\C$\\out", 0);
    call(t, 4, "10.0.0.8", "10.0.0.7", 24, "x", "y.exe", 5); /* refused */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0020") == 2 && kd_tb_count(t, "KD-LM-0021") == 1 &&
          t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0021")->severity, "high") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0020")->severity, "low") ==
          0); /* the newest is the refused one */
    CHECK(strstr(kd_tb_alert(t, "KD-LM-0021")->technique, "T1569.002") != NULL);
    CHECK(kd_tb_count(t, "KD-LM-0023") == 0);
    kd_tb_free(t);
}

static void a_program_copied_before(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    copy(t, 1, "10.0.0.5", "10.0.0.7", "\\\\pc7\\ADMIN$", "QxRtbN.exe");
    call(t, 2, "10.0.0.5", "10.0.0.7", 45, "QxRt", NULL, 0); /* sealed: nothing but the number */
    copy(t, 3, "10.0.0.6", "10.0.0.7", "\\\\pc7\\C$", "Windows\\System32\\wlbsctrl.dll");
    call(t, 4, "10.0.0.6", "10.0.0.7", 1, "IKEEXT", NULL, 0);
    call(t, 5, "10.0.0.6", "10.0.0.7", 19, "IKEEXT", NULL, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0022") == 1 &&
          strstr(kd_tb_alert(t, "KD-LM-0022")->title_en, "QxRtbN.exe") != NULL);
    CHECK(kd_tb_count(t, "KD-LM-0024") == 1 &&
          strstr(kd_tb_alert(t, "KD-LM-0024")->technique, "T1574.001") != NULL);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0024")->severity, "high") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void services_restarted_are_low_and_questions_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    copy(t, 0, "10.0.0.5", "10.0.0.7", "\\\\fs\\work", "setup.exe"); /* no administrative share */
    call(t, 1, "10.0.0.5", "10.0.0.7", 15, NULL, NULL, 0);
    call(t, 1, "10.0.0.5", "10.0.0.7", 16, "Spooler", NULL, 0);
    call(t, 2, "10.0.0.5", "10.0.0.7", 6, "Spooler", NULL, 0);
    kd_tb_send(t);
    CHECK(kd_tb_count(t, "KD-LM-0023") == 0 && kd_tb_count(t, "KD-DI-0027") == 0);
    call(t, 3, "10.0.0.5", "10.0.0.7", 19, "Spooler", NULL, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0023") == 1 && kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

static void one_machine_after_the_other(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char dst[32];
    for (int i = 0; i < 12; i++) {
        snprintf(dst, sizeof(dst), "10.0.0.%d", 20 + i);
        call(t, i, "10.0.0.5", dst, 15, NULL, NULL, 5);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-DI-0027") == 1 &&
          strcmp(kd_tb_alert(t, "KD-DI-0027")->severity, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-DI-0027")->host, "10.0.0.5") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_service_made_there);
    RUN(a_program_copied_before);
    RUN(services_restarted_are_low_and_questions_silent);
    RUN(one_machine_after_the_other);
    return tap_done();
}
