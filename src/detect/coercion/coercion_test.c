/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void call(struct kd_tb *t, double at_s, const char *src, const char *uuid, uint16_t opnum,
                 const char *name, const char *value, uint32_t status)
{
    kd_tb_call(t, &(struct kd_tb_call){.at_s = at_s,
                                       .src = src,
                                       .dst = "10.0.0.1",
                                       .uuid = uuid,
                                       .opnum = opnum,
                                       .operation = "Operation",
                                       .user = "tanaka",
                                       .status = status,
                                       .args = {name, value}});
}

static void made_to_log_on(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", KD_TB_EFSR, 0, "file", "\\\\10.0.0.5\\x\\y",
         0x35); /* no way to it: it went there */
    call(t, 2, "10.0.0.6", KD_TB_EFSR, 4, "file", "\\\\10.0.0.6\\x\\y", 5);
    call(t, 3, "10.0.0.7", "4fc742e0-4a10-11cf-8273-00aa004ae673", 13, "server", "10.0.0.7", 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0035") == 3 &&
          strcmp(kd_tb_alert(t, "KD-CR-0035")->technique, "T1187") == 0);
    for (size_t i = 0; i < t->n_alerts; i++)
        CHECK(strcmp(t->alerts[i].severity,
                     strcmp(t->alerts[i].host, "10.0.0.6") == 0 ? "low" : "medium") == 0);
    CHECK(t->unfilled == 0);
    kd_tb_free(t);
}

static void the_print_service_is_told_to_come(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", KD_TB_SPOOLSS, 69, "printer", "\\\\dc1", 0);
    call(t, 1, "10.0.0.5", KD_TB_SPOOLSS, 65, "target", "\\\\10.0.0.5", 0);
    call(t, 2, "10.0.0.5", KD_TB_SPOOLSS, 29, NULL, NULL, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0036") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0036")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

static void drivers_from_elsewhere(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    call(t, 1, "10.0.0.5", KD_TB_SPOOLSS, 89, "data", "\\\\10.0.0.5\\s\\a.dll", 0);
    call(t, 1, "10.0.0.6", KD_TB_SPOOLSS, 89, NULL, NULL, 0); /* sealed */
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0040") == 2 &&
          strstr(kd_tb_alert(t, "KD-LM-0040")->technique, "T1210") != NULL && t->unfilled == 0);
    kd_tb_free(t);
}

static void printing_and_encrypting_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 20; i++) {
        call(t, i * 10, "10.0.0.5", KD_TB_SPOOLSS, 69, "printer", "\\\\print1\\floor2", 0);
        call(t, i * 10 + 1, "10.0.0.5", KD_TB_SPOOLSS, 8, NULL, NULL, 0);
        call(t, i * 10 + 1, "10.0.0.5", KD_TB_SPOOLSS, 65, "target", "\\\\PC5", 0);
        call(t, i * 10 + 2, "10.0.0.5", KD_TB_SPOOLSS, 17, NULL, NULL, 0);
        call(t, i * 10 + 3, "10.0.0.5", KD_TB_SPOOLSS, 29, NULL, NULL, 0);
    }
    call(t, 300, "10.0.0.5", KD_TB_EFSR, 4, "file", "C:\\data\\letter.docx",
         0); /* a file of the server itself */
    call(t, 301, "10.0.0.5", KD_TB_EFSR, 4, "file", "\\\\10.0.0.1\\staff\\letter.docx", 0);
    call(t, 302, "10.0.0.5", "a8e0653c-2744-4389-a61d-7373df8b2292", 8, NULL, NULL,
         0); /* a backup, sealed */
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(made_to_log_on);
    RUN(the_print_service_is_told_to_come);
    RUN(drivers_from_elsewhere);
    RUN(printing_and_encrypting_are_silent);
    return tap_done();
}
