/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, const char *src, const char *uuid, uint16_t opnum,
                 const char *name, const char *value, uint32_t status)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = 1,
                                       .src = src,
                                       .dst = "10.0.0.1",
                                       .uuid = uuid,
                                       .opnum = opnum,
                                       .operation = "Operation",
                                       .user = "tanaka",
                                       .status = status,
                                       .args = {name, value}});
}

static void secrets_read(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, "10.0.0.5", KD_TB_LSARPC, 43, "key", "G$BCKUPKEY_PREFERRED", 0);
    call(t, "10.0.0.6", KD_TB_LSARPC, 43, NULL, NULL, 0); /* sealed */
    call(t, "10.0.0.7", KD_TB_BACKUPKEY, 0, NULL, NULL, 0);
    call(t, "10.0.0.8", KD_TB_WINREG, 31, "key", "HKLM\\SAM", 0);
    call(t, "10.0.0.9", KD_TB_WINREG, 15, "key",
         "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Lsa\\JD", 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0029") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0029")->severity, "high") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0028") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0028")->technique, "T1003.004") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0030") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0030")->severity, "low") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0031") == 2 && t->unfilled == 0);
    kd_tb_free(t);
}

static void refused_is_low_and_others_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, "10.0.0.5", KD_TB_LSARPC, 43, "key", "G$BCKUPKEY_PREFERRED", 0xc0000022);
    kd_tb_send(t);
    CHECK(t->n_alerts == 1 && strcmp(kd_tb_alert(t, "KD-CR-0029")->severity, "low") == 0);
    call(t, "10.0.0.6", KD_TB_WINREG, 15, "key", "HKLM\\SOFTWARE\\Microsoft", 0);
    call(t, "10.0.0.6", KD_TB_LSARPC, 44, NULL, NULL, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0031") == 0 && kd_tb_count(t, "KD-CR-0028") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(secrets_read);
    RUN(refused_is_low_and_others_silent);
    return tap_done();
}
