/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void put_smb(struct kd_tb *t, const char *src, const struct kd_rec_smb *s)
{
    struct kd_rec_head h = kd_tb_head(KD_REC_SMB, 1, src, 50000, "10.0.0.9", 445);
    h.app = KD_APP_SMB;
    kd_tb_put(t, h, s);
}

static void old_file_sharing(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_smb s = {.command = kd_str("SMB1_COMMAND_SESSION_SETUP_ANDX"), .dialect = kd_str("NT LM 0.12"),
                           .status = kd_str("STATUS_SUCCESS"), .auth = kd_str("ntlm"), .user = kd_str("tanaka"),
                           .server_os = kd_str("Unix")};
    put_smb(t, "10.0.0.5", &s);
    s.command = kd_str("SMB2_COMMAND_SESSION_SETUP");
    put_smb(t, "10.0.0.6", &s);
    s.command = kd_str("SMB1_COMMAND_SESSION_SETUP_ANDX");
    s.status_code = 0xc0000022;
    put_smb(t, "10.0.0.7", &s);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0020") == 1 && strcmp(kd_tb_alert(t, "KD-PO-0020")->host, "10.0.0.5") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-PO-0020")->severity, "low") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void open_shares(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_smb s = {.command = kd_str("SMB2_COMMAND_TREE_CONNECT"), .status = kd_str("STATUS_SUCCESS"),
                           .share = kd_str("\\\\fs\\scan"), .share_type = kd_str("DISK"), .auth = kd_str("guest")};
    put_smb(t, "10.0.0.5", &s);
    s.auth = kd_str("ntlm");
    put_smb(t, "10.0.0.6", &s);
    s.auth = kd_str("anonymous");
    s.share_type = kd_str("PIPE");
    put_smb(t, "10.0.0.7", &s);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0021") == 1 && strcmp(kd_tb_alert(t, "KD-PO-0021")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

static void put_ntlm(struct kd_tb *t, const char *src, bool v1, bool anonymous)
{
    struct kd_rec_ntlm n = {.user = kd_str("tanaka"), .ntlmv1 = v1, .anonymous = anonymous};
    kd_tb_put(t, kd_tb_head(KD_REC_NTLM, 1, src, 50000, "10.0.0.9", 445), &n);
}

static void outdated_logons(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put_ntlm(t, "10.0.0.5", true, false);
    put_ntlm(t, "10.0.0.6", false, false);
    put_ntlm(t, "10.0.0.7", true, true);
    struct kd_rec_login l = {.service = kd_str("smb"), .method = kd_str("password"), .user = kd_str("sato"),
                             .result = kd_str("success")};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, 2, "10.0.0.8", 50000, "10.0.0.9", 445), &l);
    l.method = kd_str("kerberos");
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, 3, "10.0.0.8", 50001, "10.0.0.9", 445), &l);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PO-0022") == 2 && t->unfilled == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(old_file_sharing);
    RUN(open_shares);
    RUN(outdated_logons);
    return tap_done();
}
