/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/record.h"

#include "../../tests/tap.h"

static char json[4096];

static void tell(enum kd_rec_type type, const void *body)
{
    struct kd_rec_head h = {.ts_us = 1763770502123456u, .type = (uint8_t)type, .flow_id = 7, .proto = 6, .app = KD_APP_SMB};
    struct kd_out o = kd_out_of(json, sizeof(json) - 1);
    kd_record_lines(&o, &h, body, 0);
    json[o.n] = '\0';
}

static bool has(const char *what)
{
    bool found = strstr(json, what) != NULL;
    if (!found)
        printf("# lacks %s\n# %s", what, json);
    return found;
}

static void shares(void)
{
    static const uint8_t guid[16] = {0x4d, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
    struct kd_rec_smb smb = {.command = kd_str("SMB2_COMMAND_CREATE"), .status = kd_str("STATUS_SUCCESS"),
                             .disposition = kd_str("FILE_OPEN"), .filename = kd_str("a.txt"), .share_type = kd_str("PIPE"),
                             .share = kd_str("IPC$"), .windows = kd_str("10.0.10586"), .server_guid = {guid, 16}};
    tell(KD_REC_SMB, &smb);
    CHECK(has("\"status_code\":\"0x0\"") && has("\"access\":\"normal\"") && has("\"named_pipe\":\"IPC$\""));
    CHECK(has("\"version\":\"10.0 build 10586 rev 15\"") && strstr(json, "rename") == NULL);
    CHECK(has("\"server_guid\":\"0000004d-0000-0000-0009-0000ffffffff\""));
    CHECK(has("\"dialect\":\"unknown\"") && strstr(json, "fuid") == NULL && strstr(json, "created\":") == NULL);
    struct kd_rec_smb opened = {.command = kd_str("SMB2_COMMAND_CREATE"), .create_action = kd_str("opened"),
                                .file_id = smb.server_guid, .created = 7};
    tell(KD_REC_SMB_STEP, &opened);
    CHECK(has("\"event_type\":\"smb\"") && has("\"fuid\":\"0000004d-0000-0000-0009-0000ffffffff\""));
    CHECK(has("\"created\":7,\"accessed\":0") && has("\"size\":0"));
    struct kd_rec_smb old = {.status = kd_str("STATUS_UNSUCCESSFUL"), .status_code = 0xc0000001, .dos_error = 2 | 91 << 8};
    tell(KD_REC_SMB, &old);
    CHECK(has("\"status\":\"SRV_BADUID\"") && has("\"status_code\":\"0x005b\""));
    smb.delete_on_close = true;
    smb.rename_to = kd_str("b.txt");
    smb.status_code = 0xc0000022;
    tell(KD_REC_SMB, &smb);
    CHECK(has("\"access\":\"delete on close\"") && has("\"status_code\":\"0xc0000022\""));
    CHECK(has("\"rename\":{\"from\":\"a.txt\",\"to\":\"b.txt\"}"));
    smb.command = kd_str("SMB2_COMMAND_CLOSE");
    smb.disposition = kd_str("");
    smb.status = smb.share_type = smb.windows = kd_str("");
    tell(KD_REC_SMB, &smb);
    CHECK(strstr(json, "\"access\"") == NULL && strstr(json, "status_code") == NULL);
    CHECK(strstr(json, "named_pipe") == NULL && strstr(json, "ntlmssp") == NULL);
}

static void remote_calls(void)
{
    struct kd_rec_dcerpc rpc = {.call_id = 27, .rpc_version = kd_str("5.0"), .opnum = 4, .request_bytes = 24,
                                .request_fragments = 1, .uuid = kd_str("00000000-0000-0000-0000-000000000001"),
                                .version = kd_str("1.0"), .interface = kd_str("winreg"), .operation = kd_str("OpenLocalMachine")};
    tell(KD_REC_DCERPC, &rpc);
    CHECK(has("\"request\":\"REQUEST\",\"response\":\"UNREPLIED\",\"call_id\":27,\"rpc_version\":\"5.0\""));
    CHECK(has("\"req\":{\"opnum\":4,\"frag_cnt\":1,\"stub_data_size\":24}") && strstr(json, "\"res\"") == NULL);
    CHECK(has("\"interfaces\":[{\"uuid\":\"00000000-0000-0000-0000-000000000001\",\"version\":\"1.0\",\"ack_result\":0,"
              "\"service\":\"winreg\",\"procedure\":\"OpenLocalMachine\"}]"));
    rpc.answered = true;
    rpc.response_fragments = 2;
    tell(KD_REC_DCERPC, &rpc);
    CHECK(has("\"response\":\"RESPONSE\"") && has("\"res\":{\"frag_cnt\":2,\"stub_data_size\":0}"));
    struct kd_rpc_bound bound[] = {{.uuid = kd_str("a"), .version = kd_str("1.0"), .ack_result = 2}, {.uuid = kd_str("b")}};
    struct kd_rec_dcerpc bind = {.step = kd_str("BIND"), .answered = true, .call_id = 3, .bound = {bound, 2}};
    tell(KD_REC_DCERPC_STEP, &bind);
    CHECK(has("\"request\":\"BIND\",\"response\":\"BINDACK\",\"call_id\":3") && strstr(json, "\"req\"") == NULL);
    CHECK(has("[{\"uuid\":\"a\",\"version\":\"1.0\",\"ack_result\":2},{\"uuid\":\"b\",\"ack_result\":0}]"));
    rpc.fault = true;
    rpc.uuid = kd_str("");
    tell(KD_REC_DCERPC, &rpc);
    CHECK(has("\"response\":\"FAULT\"") && strstr(json, "interfaces") == NULL);
}

static void tickets(void)
{
    struct kd_rec_krb5 k = {.msg_type = kd_str("KRB_ERROR"), .request_type = kd_str("TGS")};
    tell(KD_REC_KRB5, &k);
    CHECK(has("\"failed_request\":\"KRB_TGS_REQ\"") && has("\"encryption\":\"<none>\"") && has("\"weak_encryption\":false"));
    CHECK(strstr(json, "ticket_weak") == NULL);
    k.msg_type = kd_str("KRB_TGS_REP");
    k.ticket_encryption = kd_str("rc4-hmac");
    tell(KD_REC_KRB5, &k);
    CHECK(has("\"ticket_weak_encryption\":true") && strstr(json, "failed_request") == NULL);
    k.ticket_encryption = kd_str("aes256-cts-hmac-sha1-96");
    tell(KD_REC_KRB5, &k);
    CHECK(has("\"ticket_weak_encryption\":false"));
}

static void mails(void)
{
    struct kd_mail_part parts[] = {{.filename = kd_str("a.txt")}, {.bytes = 5}, {.filename = kd_str("b.zip")}};
    struct kd_rec_smtp mail = {.attachments = {parts, 3}};
    tell(KD_REC_SMTP, &mail);
    CHECK(has("\"attachment\":[\"a.txt\",\"b.zip\"]"));
    mail.attachments = (struct kd_list){&parts[1], 1};
    tell(KD_REC_SMTP, &mail);
    CHECK(strstr(json, "\"attachment\"") == NULL);
}

/* A file of the web bears its path, unless it was given another name; what was lost of it counts. */
static void files(void)
{
    struct kd_rec_file f = {.filename = kd_str("a.bin"), .http_url = kd_str("/dir/a.bin?x=/y"), .by_url = true,
                            .size = 12, .gaps = 30};
    tell(KD_REC_FILE, &f);
    CHECK(has("\"filename\":\"/dir/a.bin\"") && has("\"size\":42") && strstr(json, "\"end\"") == NULL);
    f.filename = kd_str("given.bin");
    f.by_url = false;
    f.start = 500;
    f.gaps = 0;
    tell(KD_REC_FILE, &f);
    CHECK(has("\"filename\":\"given.bin\"") && has("\"start\":500,\"end\":511"));
    f.content_range = kd_str("bytes 500-511/900");
    tell(KD_REC_FILE, &f);
    CHECK(has("\"content_range\":{\"raw\":\"bytes 500-511/900\",\"start\":500,\"end\":511,\"size\":900}"));
    f.content_range = kd_str("bytes */900");
    tell(KD_REC_FILE, &f);
    CHECK(has("\"content_range\":{\"raw\":\"bytes */900\",\"size\":900}"));
    f.filename = kd_str("b c");
    f.http_url = kd_str("/b%20c");
    tell(KD_REC_FILE, &f);
    CHECK(has("\"filename\":\"b c\""));
}

static void transfers(void)
{
    struct kd_bytes lines[] = {kd_str("Here"), kd_str("Done")};
    struct kd_bytes codes[] = {kd_str("150"), kd_str("226")};
    struct kd_rec_ftp ftp = {.command = kd_str("RETR"), .code = 226, .replies = {lines, 2}, .codes = {codes, 2}};
    tell(KD_REC_FTP, &ftp);
    CHECK(has("\"reply_received\":\"yes\",\"completion_code\":[\"150\",\"226\"],\"reply\":[\"Here\",\"Done\"]"));
    ftp.code = 0;
    tell(KD_REC_FTP, &ftp);
    CHECK(has("\"reply_received\":\"no\"") && has("\"command_truncated\":false"));
}

static void directories(void)
{
    struct kd_bytes changes[] = {kd_str("mail+=a@x"), kd_str("mail+=b@x"), kd_str("phone-="), kd_str("title=chief=1")};
    struct kd_rec_ldap r = {.message_id = 3, .operation = kd_str("modify"), .base = kd_str("cn=a"), .attributes = {changes, 4},
                            .result = kd_str("insufficientAccessRights"), .result_code = 50, .diagnostic = kd_str("no")};
    tell(KD_REC_LDAP, &r);
    CHECK(has("\"request\":{\"operation\":\"modify_request\",\"message_id\":3,\"modify_request\":{\"object\":\"cn=a\",\"changes\":["
              "{\"operation\":\"add\",\"modification\":{\"attribute_type\":\"mail\",\"attribute_values\":[\"a@x\",\"b@x\"]}},"
              "{\"operation\":\"delete\",\"modification\":{\"attribute_type\":\"phone\",\"attribute_values\":[\"\"]}},"
              "{\"operation\":\"replace\",\"modification\":{\"attribute_type\":\"title\",\"attribute_values\":[\"chief=1\"]}}]}}"));
    CHECK(has("\"responses\":[{\"operation\":\"modify_response\",\"modify_response\":{\"result_code\":\"insufficient_access_rights\","
              "\"matched_dn\":\"\",\"message\":\"no\"}}]"));
    r.operation = kd_str("search");
    r.scope = kd_str("sub");
    r.entries = 2;
    r.result = kd_str("invalidDNSyntax");
    r.attributes.n = 0;
    tell(KD_REC_LDAP, &r);
    CHECK(has("\"search_request\":{\"base_object\":\"cn=a\",\"scope\":\"whole_subtree\",\"attributes\":[]}}"));
    CHECK(has("\"responses\":[{\"operation\":\"search_result_entry\"},{\"operation\":\"search_result_entry\"},"
              "{\"operation\":\"search_result_done\",\"search_result_done\":{\"result_code\":\"invalid_dn_syntax\""));
    r.unasked = true;
    tell(KD_REC_LDAP, &r);
    CHECK(strstr(json, "\"request\"") == NULL && has("\"responses\""));
    r = (struct kd_rec_ldap){.operation = kd_str("sealed"), .encrypted = true};
    tell(KD_REC_LDAP, &r);
    CHECK(strstr(json, "\"request\"") == NULL && strstr(json, "\"responses\"") == NULL);
}

/* What is for information only is no alert to readers of EVE. */
static void detections(void)
{
    struct kd_rec_alert a = {.action = kd_str("allowed"), .severity = kd_str("info")};
    tell(KD_REC_ALERT, &a);
    CHECK(has("\"event_type\":\"detection\"") && has("\"detection\":{\"severity\":\"info\""));
    a.severity = kd_str("low");
    tell(KD_REC_ALERT, &a);
    CHECK(has("\"event_type\":\"alert\"") && has("\"detection\":{\"severity\":\"low\""));
}

int main(void)
{
    RUN(shares);
    RUN(remote_calls);
    RUN(tickets);
    RUN(mails);
    RUN(files);
    RUN(transfers);
    RUN(directories);
    RUN(detections);
    return tap_done();
}
