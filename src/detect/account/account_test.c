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

static void changes_are_told(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, "10.0.0.5", KD_TB_SAMR, 50, "name", "helpdesk2", 0);
    call(t, "10.0.0.5", KD_TB_SAMR, 22, "group", "512", 0);
    call(t, "10.0.0.5", KD_TB_SAMR, 58, "level", "26", 0);
    call(t, "10.0.0.5", KD_TB_LSARPC, 29, "secret", "_SC_x", 0);
    call(t, "10.0.0.5", KD_TB_WINREG, 22, "key", "HKLM\\SOFTWARE\\Run", 0);
    call(t, "10.0.0.5", "82273fdc-e32a-18c3-3f78-827929dc23ea", 0, "log", "Security", 0);
    call(t, "10.0.0.5", KD_TB_ICPR, 0, "attributes",
         "CertificateTemplate:User SAN:upn=admin@town.example", 0);
    kd_tb_finish(t);
    static const char *const ids[] = {"KD-LM-0030", "KD-LM-0031", "KD-LM-0032", "KD-LM-0033",
                                      "KD-LM-0034", "KD-LM-0035", "KD-CR-0042"};
    for (size_t i = 0; i < KD_COUNT(ids); i++)
        CHECK(kd_tb_count(t, ids[i]) == 1);
    CHECK(strstr(kd_tb_alert(t, "KD-LM-0030")->title_en, "helpdesk2") != NULL && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0034")->technique, "T1070.001") == 0);
    kd_tb_free(t);
}

static void joining_and_asking_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, "10.0.0.5", KD_TB_SAMR, 50, "name", "PC77$", 0); /* joins the domain */
    call(t, "10.0.0.5", KD_TB_SAMR, 58, "user", "PC77$", 0);
    call(t, "10.0.0.5", KD_TB_SAMR, 58, "level", "7", 0);       /* no password in it */
    call(t, "10.0.0.5", KD_TB_SAMR, 55, "user", "tanaka", 0);   /* one's own password */
    call(t, "10.0.0.5", KD_TB_WINREG, 22, "key", "HKLM\\X", 5); /* refused */
    call(t, "10.0.0.5", KD_TB_WINREG, 17, "key", "HKLM\\X", 0); /* read */
    call(t, "10.0.0.5", KD_TB_ICPR, 0, "attributes", "CertificateTemplate:Machine", 0);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(changes_are_told);
    RUN(joining_and_asking_are_silent);
    return tap_done();
}
