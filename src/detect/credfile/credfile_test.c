/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void carried(struct kd_tb *t, const char *src, const char *name, uint64_t read,
                    uint64_t written)
{
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_CLOSE"),
                           .share = kd_str("\\\\dc\\C$"),
                           .share_type = kd_str("DISK"),
                           .filename = kd_str(name),
                           .read_bytes = read,
                           .write_bytes = written,
                           .user = kd_str("tanaka")};
    kd_tb_put(t, kd_tb_head(KD_REC_SMB, 1, src, 50000, "10.0.0.1", 445), &s);
}

static void file(struct kd_tb *t, const char *src, const char *name, const char *magic,
                 bool to_server)
{
    struct kd_rec_file f = {
        .filename = kd_str(name), .magic = kd_str(magic), .to_server = to_server};
    struct kd_rec_head h = kd_tb_head(KD_REC_FILE, 1, src, 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &f);
}

static void files_with_passwords(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    carried(t, "10.0.0.5", "Windows\\Temp\\ntds.dit", 40000000, 0);
    carried(t, "10.0.0.6", "Windows\\System32\\config\\SAM", 60000, 0);
    carried(t, "10.0.0.7", "temp\\lsass.DMP", 0, 50000000);
    file(t, "10.0.0.8", "a.txt", "Mini DuMP crash report", true);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CR-0032") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0032")->severity, "high") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0033") == 1 &&
          strcmp(kd_tb_alert(t, "KD-CR-0033")->technique, "T1003.002") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0034") == 2 &&
          strcmp(kd_tb_alert(t, "KD-CR-0034")->severity, "low") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void other_files_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    carried(t, "10.0.0.5", "Windows\\Temp\\ntds.dit", 0, 0); /* only looked at */
    carried(t, "10.0.0.5", "shop\\SAM", 1000, 0);
    carried(t, "10.0.0.5", "lsass.docx", 1000, 0);
    file(t, "10.0.0.5", "profiles\\tanaka\\NTUSER.DAT", "MS Windows registry file", false);
    kd_tb_finish(t);
    CHECK(kd_tb_at_least(t, "low") == 0 || kd_tb_count(t, "KD-CR-0033") == 0);
    CHECK(kd_tb_count(t, "KD-CR-0032") == 0 && kd_tb_count(t, "KD-CR-0034") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(files_with_passwords);
    RUN(other_files_are_silent);
    return tap_done();
}
