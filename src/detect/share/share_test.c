/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void step(struct kd_tb *t, double at_s, const char *src, const char *command, const char *share, const char *file,
                 uint64_t written, uint32_t status)
{
    bool pipe = strstr(share, "IPC$") != NULL;
    struct kd_rec_smb s = {.command = kd_str(command), .share = kd_str(share), .filename = kd_str(file),
                           .share_type = kd_str(pipe ? "PIPE" : "DISK"), .user = kd_str("tanaka"),
                           .write_bytes = written, .status_code = status};
    struct kd_rec_head h = kd_tb_head(KD_REC_SMB, at_s, src, 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &s);
}

static void use_is_information_and_folds(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 300; i++)
        step(t, i * 20, "10.0.0.5", "SMB2_COMMAND_TREE_CONNECT", "\\\\fs\\work", "", 0, 0);
    step(t, 6000, "10.0.0.5", "SMB2_COMMAND_TREE_CONNECT", "\\\\fs\\IPC$", "", 0, 0);
    step(t, 6000, "10.0.0.5", "SMB2_COMMAND_TREE_CONNECT", "\\\\fs\\ADMIN$", "", 0, 0xc0000022);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0001") == 1 && kd_tb_at_least(t, "low") == 0 && t->unfilled == 0);
    CHECK(kd_tb_lines(t, "KD-LM-0001") <= 12 && kd_tb_alert(t, "KD-LM-0001")->count == 300);
    CHECK(strcmp(kd_tb_alert(t, "KD-LM-0001")->user, "tanaka") == 0);
    kd_tb_free(t);
}

static void the_first_time_is_low_after_learning(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int day = 0; day < 10; day++)
        step(t, day * 86400, "10.0.0.5", "SMB2_COMMAND_TREE_CONNECT", "\\\\fs\\work", "", 0, 0);
    CHECK(kd_tb_count(t, "KD-LM-0002") == 0);
    step(t, 10 * 86400, "10.0.0.6", "SMB2_COMMAND_TREE_CONNECT", "\\\\fs\\work", "", 0, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0002") == 1 && strcmp(kd_tb_alert(t, "KD-LM-0002")->host, "10.0.0.6") == 0);
    kd_tb_free(t);
}

static void admin_shares_and_programs(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    step(t, 1, "10.0.0.5", "SMB2_COMMAND_TREE_CONNECT", "\\\\pc7\\C$", "", 0, 0);
    step(t, 2, "10.0.0.5", "SMB2_COMMAND_CLOSE", "\\\\pc7\\C$", "ProgramData\\a.exe", 5000, 0);
    step(t, 2, "10.0.0.5", "SMB2_COMMAND_CLOSE", "\\\\pc7\\C$", "Windows\\Temp\\p.xml", 5000, 0);
    step(t, 3, "10.0.0.6", "SMB2_COMMAND_CLOSE", "\\\\fs\\work", "tools\\b.PS1", 5000, 0);
    step(t, 4, "10.0.0.6", "SMB2_COMMAND_CLOSE", "\\\\fs\\work", "letter.docx", 5000, 0);
    step(t, 5, "10.0.0.6", "SMB2_COMMAND_CLOSE", "\\\\fs\\work", "setup.exe", 0, 0);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0003") == 1 && strcmp(kd_tb_alert(t, "KD-LM-0003")->technique, "T1021.002") == 0);
    CHECK(kd_tb_count(t, "KD-LM-0005") == 1 && strstr(kd_tb_alert(t, "KD-LM-0005")->technique, "T1570") != NULL);
    CHECK(kd_tb_count(t, "KD-LM-0068") == 1 && strstr(kd_tb_alert(t, "KD-LM-0068")->title_en, "p.xml") != NULL);
    CHECK(kd_tb_count(t, "KD-LM-0004") == 1 && kd_tb_alert(t, "KD-LM-0004")->count == 1);
    CHECK(strstr(kd_tb_alert(t, "KD-LM-0004")->title_en, "b.PS1") != NULL && t->unfilled == 0);
    CHECK(kd_tb_host(t, "10.0.0.5")->severity == 5 && kd_tb_host(t, "10.0.0.6")->severity == 2);
    kd_tb_free(t);
}

static void a_program_by_its_content(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_file f = {.filename = kd_str("picture.jpg"), .magic = kd_str("pe"), .to_server = true};
    struct kd_rec_head h = kd_tb_head(KD_REC_FILE, 1, "10.0.0.5", 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &f);
    f.to_server = false; /* read, not written */
    h = kd_tb_head(KD_REC_FILE, 1, "10.0.0.6", 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &f);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0004") == 1 && t->n_alerts == 1);
    f = (struct kd_rec_file){.filename = kd_str("list"), .magic = kd_str("eicar"), .to_server = true,
                             .source = kd_str("\\\\pc7\\C$\\list")};
    h = kd_tb_head(KD_REC_FILE, 2, "10.0.0.7", 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &f);
    f = (struct kd_rec_file){.filename = kd_str("t\\x.exe"), .magic = kd_str("pe"), .state = kd_str("CLOSED"),
                             .source = kd_str("\\\\pc7\\C$\\t\\x.exe")};
    h = kd_tb_head(KD_REC_FILE, 3, "10.0.0.8", 50000, "10.0.0.1", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, &f);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-LM-0067") == 1);
    CHECK(kd_tb_count(t, "KD-LM-0005") == 1);
    kd_tb_free(t);
}

int main(void)
{
    RUN(use_is_information_and_folds);
    RUN(the_first_time_is_low_after_learning);
    RUN(admin_shares_and_programs);
    RUN(a_program_by_its_content);
    return tap_done();
}
