/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"
#include "proto/dcerpc/iface.h"

extern const struct kd_parser kd_parser_dcerpc, kd_parser_dcerpc_udp;

/* ---- seeds: conversations of real servers (samr-signed, drsuapi-sealed, epm-map, netlogon-zero)
 * and requests as clients encode them, with short answers ---- */

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("dcerpc_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    begin();
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    if (f == NULL)
        return;
    tape.n = fread(room, 1, sizeof(room), f);
    fclose(f);
    play();
}

/* Is there a record that holds all of these parts, separated by "|"? */
static bool line_with(const char *parts)
{
    for (const char *line = run.text; *line != '\0';) {
        const char *newline = strchr(line, '\n');
        struct kd_bytes text =
            kd_bytes_of(line, newline != NULL ? (size_t)(newline - line) : strlen(line));
        struct kd_bytes rest = kd_str(parts);
        bool all = true;
        while (rest.n > 0 && all)
            all = kd_bytes_find(text, kd_bytes_cut(&rest, '|')) != SIZE_MAX;
        if (all)
            return true;
        line += text.n + (newline != NULL);
    }
    printf("# no record with %s\n", parts);
    return false;
}

#define ARG(name, value) "{\"name\":\"" name "\",\"value\":\"" value "\"}"

static void a_signed_conversation_tells_user_and_arguments(void)
{
    play_seed("samr-signed");
    CHECK(line_with(
        "\"login\":{|\"service\":\"dcerpc\"|\"user\":\"Administrator\"|\"result\":\"success\""));
    CHECK(line_with("\"ntlm\":{|\"over\":\"dcerpc\"|\"dns_domain\":\"machi.test\""));
    CHECK(line_with(
        "\"operation\":\"SamrConnect5\"|\"auth_level\":\"integrity\"|\"user\":\"Administrator\""));
    CHECK(line_with("SamrOpenDomain|" ARG("sid", "S-1-5-21-2696129996-2066696076-3447214245")));
    CHECK(line_with("SamrEnumerateUsersInDomain|\"status\":\"success\"|" ARG("filter", "0x10")));
    done();
}

static void sealed_calls_have_names_but_no_arguments(void)
{
    play_seed("drsuapi-sealed");
    CHECK(line_with(
        "\"interface\":\"drsuapi\"|\"operation\":\"DRSGetNCChanges\"|\"auth_level\":\"privacy\""));
    CHECK(lacks("\"args\""));
    CHECK(lacks("\"status\""));
    done();
}

static void endpoint_and_netlogon(void)
{
    play_seed("epm-map");
    CHECK(line_with("ept_map|" ARG("interface", "samr") "|" ARG("port", "49154")));
    done();
    play_seed("netlogon-zero");
    CHECK(line_with("NetrServerAuthenticate3|STATUS_ACCESS_DENIED|" ARG("account", "DC1$") "|" ARG(
        "client_credential", "0000000000000000") "|" ARG("flags", "0x212fffff")));
    done();
}

static void tasks_in_fragments(void)
{
    play_seed("tasks");
    CHECK(line_with("SchRpcRegisterTask|" ARG("command", "cmd.exe") "|" ARG("run_as", "S-1-5-18")));
    CHECK(line_with("SchRpcRegisterTask|/C whoami > %windir%\\\\Temp\\\\o.tmp"));
    CHECK(line_with("SchRpcDelete|" ARG("path", "\\\\kd")));
    CHECK(line_with("\"interface\":\"atsvc\"|" ARG("command", "%COMSPEC% /C dir")));
    done();
}

static void coercion_names_the_place(void)
{
    play_seed("coercion");
    CHECK(line_with("EfsRpcOpenFileRaw|ERROR_BAD_NETPATH|\\\\\\\\10.0.0.9\\\\x\\\\f"));
    CHECK(line_with("NetrDfsAddStdRoot|" ARG("server", "10.0.0.9")));
    CHECK(line_with("\"interface\":\"fsrvp\"|IsPathSupported|\\\\\\\\10.0.0.9\\\\share"));
    done();
}

static void replication_in_the_clear(void)
{
    play_seed("drsuapi-clear");
    CHECK(line_with("DRSGetNCChanges|" ARG("extended", "EXOP_REPL_OBJ") "|" ARG(
        "naming_context", "CN=krbtgt,CN=Users,DC=machi,DC=test")));
    CHECK(line_with("DRSCrackNames|" ARG("names", "krbtgt Administrator")));
    done();
}

static void objects(void)
{
    play_seed("dcom");
    CHECK(line_with("RemoteCreateInstance|" ARG("clsid", "MMC20.Application")));
    CHECK(line_with("GetIDsOfNames|" ARG("names", "ExecuteShellCommand")));
    CHECK(line_with("\"operation\":\"Invoke\"|" ARG("argument", "cmd.exe") "|/c whoami"));
    CHECK(line_with(
        "\"operation\":\"Invoke\"|\"object_uuid\":\"33333333-3333-3333-3333-333333333333\""));
    CHECK(line_with("ExecQuery|SELECT * FROM Win32_Process"));
    CHECK(line_with(
        "ExecMethod|" ARG("method", "Create") "|" ARG("command", "powershell -enc SQBFAFgA")));
    CHECK(line_with("PutInstance|" ARG("class", "__EventFilter") "|" ARG("value", "kdfilter")));
    done();
}

static void interfaces_are_concluded_without_a_bind(void)
{
    play_seed("midstream");
    CHECK(line_with("\"guessed\":true|RemoteCreateInstance|MMC20.Application"));
    CHECK(line_with("\"guessed\":true|\"interface\":\"IDispatch\"|\"operation\":\"Invoke\""));
    CHECK(line_with("\"guessed\":true|EfsRpcOpenFileRaw"));
    done();
}

static void certificates_logs_and_names(void)
{
    play_seed("services");
    CHECK(line_with("CertServerRequest|" ARG("ca", "MACHI-CA") "|CertificateTemplate:User"));
    CHECK(line_with("ElfrClearELFW|" ARG("log", "Security")));
    CHECK(line_with("DnssrvOperation2|" ARG("operation", "ServerLevelPluginDll") "|p.dll"));
    done();
}

static void other_encodings(void)
{
    play_seed("ndr64");
    CHECK(line_with(
        "CreateServiceW|" ARG("service", "kdsvc") "|" ARG("start_type", "demand") "|C:\\\\kd.exe"));
    CHECK(line_with("DeleteService|" ARG("service", "kdsvc")));
    done();
    play_seed("big-endian");
    CHECK(line_with("NetrServerGetInfo|ERROR_ACCESS_DENIED|\\\\\\\\fs1|" ARG("level", "101")));
    done();
}

/* ---- made here ---- */

static void message(enum kd_dir dir, uint8_t type, uint32_t call, struct kd_bytes body)
{
    uint8_t bytes[1024];
    struct kd_out o = kd_out_of(bytes, sizeof(bytes));
    kd_out_bytes(&o, kd_bytes_of("\x05\x00", 2));
    kd_out_u8(&o, type);
    kd_out_u8(&o, 3);
    kd_out_le32(&o, 0x10);
    kd_out_le16(&o, (uint16_t)(16 + body.n));
    kd_out_le16(&o, 0);
    kd_out_le32(&o, call);
    kd_out_bytes(&o, body);
    CHECK(kd_out_ok(&o));
    kd_tape_add(&tape, dir, kd_out_bytes_view(&o));
}

/* Binds svcctl. */
static void bind(void)
{
    static const uint8_t body[] = {
        0xb8, 0x10, 0xb8, 0x10, 0,    0,    0,    0,    1,    0,    0,    0,    0,    0,
        1,    0,    0x81, 0xbb, 0x7a, 0x36, 0x44, 0x98, 0xf1, 0x35, 0xad, 0x32, 0x98, 0xf0,
        0x38, 0,    0x10, 0x03, 2,    0,    0,    0,    0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c,
        0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 2,    0,    0,    0};
    message(KD_TO_SERVER, 11, 1, kd_bytes_of(body, sizeof(body)));
}

static void request(uint32_t call, uint16_t opnum)
{
    uint8_t body[8 + 20] = {20, 0, 0, 0, 0, 0, (uint8_t)opnum, 0};
    message(KD_TO_SERVER, 0, call, kd_bytes_of(body, sizeof(body)));
}

static void response(uint32_t call)
{
    uint8_t body[8 + 4] = {4};
    message(KD_TO_CLIENT, 2, call, kd_bytes_of(body, sizeof(body)));
}

static void calls_are_paired_by_number(void)
{
    begin();
    bind();
    request(2, 6);
    request(3, 2);
    response(3);
    response(2);
    request(4, 0);
    play();
    const char *first = strstr(run.text, "DeleteService"),
               *second = strstr(run.text, "QueryServiceStatus");
    CHECK(first != NULL && second != NULL && first < second);
    CHECK(line_with("CloseServiceHandle"));
    CHECK(records("dcerpc") == 3);
    done();
}

static void repeats_are_counted(void)
{
    begin();
    bind();
    for (uint32_t i = 0; i < 40; i++) {
        request(2 + i, 6);
        response(2 + i);
    }
    play();
    CHECK(records("dcerpc") == 2);
    CHECK(line_with("QueryServiceStatus|\"calls\":39"));
    done();
}

static void faults_are_told(void)
{
    static const uint8_t body[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0x05, 0, 0, 0};
    begin();
    bind();
    request(2, 2);
    message(KD_TO_CLIENT, 3, 2, kd_bytes_of(body, sizeof(body)));
    play();
    CHECK(line_with("DeleteService|\"fault\":true|ERROR_ACCESS_DENIED"));
    CHECK(strstr(run.frames, "s dcerpc.pdu 0+32\ns dcerpc.hdr 0+16\ns dcerpc.data 16+16\n") != NULL ||
          strstr(run.frames, "+32\ns dcerpc.hdr") != NULL);
    done();
}

static void a_loss_ends_nothing_but_its_message(void)
{
    begin();
    bind();
    request(2, 6);
    kd_tape_add_gap(&tape, KD_TO_SERVER, 100);
    kd_tape_add(&tape, KD_TO_SERVER, kd_str("rest of what was lost \x05 and more"));
    request(3, 2);
    response(3);
    play();
    CHECK(line_with("DeleteService|\"answered\":true"));
    done();
}

static void hostile_numbers(void)
{
    uint8_t body[24];
    begin();
    bind();
    memset(body, 0xff, sizeof(body));
    for (uint16_t opnum = 0; opnum < 70; opnum++) {
        uint8_t ask[8 + 40] = {40, 0, 0, 0, 0, 0, (uint8_t)opnum, 0};
        memset(ask + 8, 0xff, 40);
        message(KD_TO_SERVER, 0, opnum, kd_bytes_of(ask, sizeof(ask)));
    }
    message(KD_TO_SERVER, 11, 1, kd_bytes_of(body, sizeof(body)));
    message(KD_TO_SERVER, 0, 9, kd_bytes_of(body, 3));
    play();
    CHECK(line_with("dcerpc_bad_body"));
    CHECK(records("dcerpc") >= 70);
    done();
}

static void names_are_in_their_places(void)
{
    static const struct {
        const char *iface;
        uint16_t opnum;
        const char *operation;
    } known[] = {
        {"svcctl", 12, "CreateServiceW"},
        {"svcctl", 64, "OpenSCManager2"},
        {"samr", 64, "SamrConnect5"},
        {"samr", 73, "SamrUnicodeChangePasswordUser4"},
        {"lsarpc", 77, "LsarLookupNames4"},
        {"netlogon", 26, "NetrServerAuthenticate3"},
        {"netlogon", 59, "NetrServerAuthenticateKerberos"},
        {"drsuapi", 3, "DRSGetNCChanges"},
        {"drsuapi", 30, "DRSReadNgcKey"},
        {"winreg", 31, "BaseRegSaveKeyEx"},
        {"srvsvc", 57, "NetrShareDelEx"},
        {"spoolss", 65, "RpcRemoteFindFirstPrinterChangeNotificationEx"},
        {"spoolss", 89, "RpcAddPrinterDriverEx"},
        {"spoolss", 117, "RpcRegeneratePrintDeviceCapabilities"},
        {"efsrpc", 22, "EfsRpcQueryProtectors"},
        {"dfsnm", 25, "NetrDfsGetSupportedNamespaceVersion"},
        {"eventlog6", 28, "EvtRpcGetClassicLogDisplayName"},
        {"IWbemServices", 24, "ExecMethod"},
        {"ICertAdminD2", 48, "DeleteRow"},
    };
    for (size_t i = 0; i < KD_COUNT(known); i++) {
        const struct dce_iface *iface = dce_iface_named(known[i].iface);
        CHECK(kd_bytes_eq_str(dce_operation(iface, known[i].opnum), known[i].operation));
    }
    CHECK(dce_operation(dce_iface_named("srvsvc"), 3).n == 0);
    CHECK(dce_operation(dce_iface_named("svcctl"), 500).n == 0);
    CHECK(dce_iface_of_pipe(kd_str("SvcCtl")) == dce_iface_named("svcctl"));
}

/* ---- what JSON lines alone have ---- */

static void lines_tell_binds_and_every_call(void)
{
    play_seed("samr-signed");
    unsigned before = records("dcerpc");
    CHECK(lacks("\"step\":\"BIND\""));
    done();
    kd_tape_steps = true;
    play_seed("samr-signed");
    CHECK(records("dcerpc") > before);
    CHECK(line_with("\"request\":\"BIND\",\"response\":\"BINDACK\"|\"ack_result\":0"));
    kd_tape_steps = false;
    done();
}

/* ---- over UDP ---- */

static void datagram(enum kd_dir dir, uint8_t type, uint8_t flags, uint8_t sequence, const char *stub)
{
    uint8_t b[200] = {4, type, flags, 0, 0x10};
    struct kd_bytes data = kd_str(stub);
    memset(b + 24, 0x11, 16); /* the service */
    memset(b + 40, 0x22, 16); /* the activity */
    b[60] = 1;
    b[64] = sequence;
    b[68] = 5;
    b[74] = (uint8_t)data.n;
    memcpy(b + 80, data.p, data.n);
    kd_tape_add(&tape, dir, kd_bytes_of(b, 80 + data.n));
}

static void calls_over_udp(void)
{
    talk_parser = &kd_parser_dcerpc_udp;
    begin();
    datagram(KD_TO_SERVER, 0, 0, 0, "question");
    datagram(KD_TO_SERVER, 0, 0, 0, "question"); /* once more */
    datagram(KD_TO_CLIENT, 2, 4, 0, "ans");      /* in two parts */
    datagram(KD_TO_CLIENT, 2, 6, 0, "wer");
    datagram(KD_TO_SERVER, 0, 0, 1, "");
    datagram(KD_TO_SERVER, 3, 0, 1, ""); /* a broadcast's answer goes the same way */
    datagram(KD_TO_SERVER, 0, 0, 2, "");
    run = kd_tape_play(talk_parser, kd_out_bytes_view(&tape), SIZE_MAX);
    CHECK(records("dcerpc") == 3);
    CHECK(line_with("\"response\":\"RESPONSE\"|\"rpc_version\":\"4.0\"|\"opnum\":5|\"frag_cnt\":2,\"stub_data_size\":6|"
                    "\"activityuuid\":\"22222222-2222-2222-2222-222222222222\",\"seqnum\":0"));
    CHECK(line_with("\"response\":\"FAULT\"|\"seqnum\":1") && line_with("\"response\":\"UNREPLIED\"|\"seqnum\":2"));
    struct kd_conn conn = {.proto = 17};
    uint8_t ntp[80] = {0x23};
    CHECK(talk_parser->probe(kd_bytes_of(tape.p + 3, 88), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(talk_parser->probe(kd_bytes_of(tape.p + 3, 87), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(talk_parser->probe(kd_bytes_of(ntp, sizeof(ntp)), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    done();
    talk_parser = &kd_parser_dcerpc;
}

int main(void)
{
    talk_parser = &kd_parser_dcerpc;
    RUN(a_signed_conversation_tells_user_and_arguments);
    RUN(sealed_calls_have_names_but_no_arguments);
    RUN(endpoint_and_netlogon);
    RUN(tasks_in_fragments);
    RUN(coercion_names_the_place);
    RUN(replication_in_the_clear);
    RUN(objects);
    RUN(interfaces_are_concluded_without_a_bind);
    RUN(certificates_logs_and_names);
    RUN(other_encodings);
    RUN(calls_are_paired_by_number);
    RUN(repeats_are_counted);
    RUN(faults_are_told);
    RUN(a_loss_ends_nothing_but_its_message);
    RUN(hostile_numbers);
    RUN(names_are_in_their_places);
    RUN(lines_tell_binds_and_every_call);
    RUN(calls_over_udp);
    return tap_done();
}
