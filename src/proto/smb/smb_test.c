/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/smb/smb_test.h"
#include "base/charset.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_smb;

/* ---- looking at records ---- */

static struct kd_tape_run run;

static void play(struct kd_bytes t)
{
    kd_tape_run_done(&run);
    for (size_t step = 3; step < 5000; step = step * 37 + 2)
        CHECK(kd_tape_check(&kd_parser_smb, t, step) == NULL);
    run = kd_tape_play(&kd_parser_smb, t, SIZE_MAX);
    CHECK(run.status[0] == KD_OK && run.status[1] == KD_OK && run.pool_left == 0);
}

static void play_tape(void)
{
    CHECK(kd_out_ok(&tape));
    play(kd_out_bytes_view(&tape));
}

/* How many lines hold all the words (separated by "|")? */
static int lines_with(const char *words)
{
    int n = 0;
    struct kd_bytes text = kd_bytes_of(run.text, run.n);
    while (text.n > 0) {
        struct kd_bytes line = kd_bytes_cut(&text, '\n');
        struct kd_bytes rest = kd_str(words);
        bool all = true;
        while (rest.n > 0)
            all = kd_bytes_find(line, kd_bytes_cut(&rest, '|')) != SIZE_MAX && all;
        n += all;
    }
    return n;
}

static void play_seed(const char *name)
{
    static uint8_t room[1 << 18];
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("smb_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    if (f == NULL)
        return;
    size_t n = fread(room, 1, sizeof(room), f);
    fclose(f);
    play(kd_bytes_of(room, n));
}

/* ---- real conversations ---- */

static void files_of_a_real_server(void)
{
    play_seed("files-3.11");
    CHECK(lines_with("NEGOTIATE_PROTOCOL|\"dialect\":\"3.11\"|STATUS_SUCCESS|client_guid") == 1);
    CHECK(lines_with("SESSION_SETUP|\"user\":\"yakuba\",\"domain\":\"MACHI\"|\"auth\":\"ntlm\"") ==
          1);
    CHECK(lines_with("\"ntlm\":{|\"target\":\"FILESV\"|\"version\":\"6.1.0\"|\"over\":\"smb\"") ==
          1);
    CHECK(lines_with(
              "\"login\":{|\"result\":\"success\"|\"service\":\"smb\"|\"user\":\"yakuba\"") == 1);
    CHECK(lines_with("TREE_CONNECT|\\\\\\\\10.77.0.1\\\\share|\"share_type\":\"DISK\"") == 1);
    CHECK(lines_with("TREE_CONNECT|IPC$|\"share_type\":\"PIPE\"") == 1);
    CHECK(lines_with("COMMAND_CREATE|町民名簿.txt|\"create_action\":\"created\"") == 1);
    CHECK(lines_with("COMMAND_CLOSE|税務課\\\\mid.bin|\"write_bytes\":9000") == 1);
    CHECK(lines_with("COMMAND_CLOSE|税務課\\\\mid.bin|\"read_bytes\":9000|\"size\":9000") == 1);
    CHECK(lines_with("SET_INFO|町民名簿.txt|\"rename\":{|\"to\":\"住民.txt\"}") == 1);
    CHECK(lines_with("COMMAND_CREATE|住民.txt|\"delete_on_close\":true") == 1);
    CHECK(lines_with("SET_INFO|税務課|\"delete_on_close\":true") == 1);
    CHECK(lines_with("nothere.txt|STATUS_OBJECT_NAME_NOT_FOUND") == 1);
    CHECK(lines_with("\"event_type\":\"anomaly\"") == 0);
}

static void logons_of_a_real_server(void)
{
    play_seed("wrong-password");
    CHECK(lines_with("\"login\":{|\"result\":\"failure\",\"reason\":\"STATUS_LOGON_FAILURE\"") ==
          1);
    CHECK(lines_with("SESSION_SETUP|STATUS_LOGON_FAILURE|\"user\":\"yakuba\"") == 1);
    play_seed("guest");
    CHECK(lines_with(
              "\"login\":{|\"method\":\"guest\"|\"user\":\"dareka\"|\"result\":\"success\"") == 1);
    play_seed("no-such-share");
    CHECK(lines_with("TREE_CONNECT|nashi|STATUS_BAD_NETWORK_NAME") == 1);
    play_seed("netbios-139");
    CHECK(lines_with("COMMAND_CLOSE|n.txt|\"write_bytes\":6") == 1);
}

static void encryption_is_told_and_counted(void)
{
    play_seed("encrypted-3.11");
    CHECK(lines_with("SMB2_TRANSFORM|\"encrypted\":true|\"user\":\"yakuba\"") == 2);
    CHECK(lines_with("SMB2_TRANSFORM|\"encrypted_messages\":1,") == 1); /* at once, and the sum */
    CHECK(lines_with("b.txt") == 0);
}

static void calls_in_pipes_of_a_real_server(void)
{
    play_seed("rpc-svcctl");
    CHECK(lines_with(
              "OpenServiceW|pipe\\\\svcctl|\"over\":\"smb\"|\"user\":\"Administrator\"|Spooler") ==
          1);
    CHECK(lines_with("StartServiceW|{\"name\":\"service\",\"value\":\"Spooler\"}|one two") == 1);
    CHECK(lines_with("CreateServiceW|nca_op_rng_error|%COMSPEC% /c echo a") == 1);
    play_seed("rpc-winreg");
    CHECK(lines_with("BaseRegSetValue|HKLM\\\\SOFTWARE\\\\Kd|C:\\\\a.exe") == 1);
    CHECK(lines_with("BaseRegSaveKey|ERROR_BAD_PATHNAME|x.save") == 1);
    play_seed("rpc-spoolss");
    CHECK(lines_with(
              "PrinterChangeNotificationEx|\"name\":\"target\",\"value\":\"\\\\\\\\10.0.0.9") == 1);
}

static void old_protocol_has_the_same_records(void)
{
    play_seed("smb1-files");
    CHECK(lines_with("SMB1_COMMAND_NEGOTIATE_PROTOCOL|\"dialect\":\"NT LANMAN 1.0\"") == 1);
    CHECK(lines_with(
              "SESSION_SETUP_ANDX|\"user\":\"root\"|\"auth\":\"ntlm\"|\"native_lm\":\"Samba") == 1);
    CHECK(lines_with("\"login\":{|\"user\":\"root\"|\"result\":\"success\"") == 1);
    CHECK(lines_with("TREE_CONNECT_ANDX|\\\\\\\\10.77.0.1\\\\SHARE|\"share_type\":\"DISK\"") == 1);
    CHECK(lines_with("CREATE_DIRECTORY|\"filename\":\"税務課\"|STATUS_SUCCESS") == 1);
    CHECK(lines_with("CLOSE|町民名簿.txt|\"write_bytes\":6") == 1);
    CHECK(lines_with("CLOSE|税務課\\\\mid.bin|\"write_bytes\":9000") == 1);
    CHECK(lines_with("CLOSE|税務課\\\\mid.bin|\"read_bytes\":9000") == 1);
    CHECK(lines_with("\"fileinfo\":{|税務課\\\\mid.bin|\"state\":\"CLOSED\",\"size\":9000") == 2);
    CHECK(lines_with("RENAME|町民名簿.txt|\"rename\":{|\"to\":\"住民.txt\"}") == 1);
    CHECK(lines_with("SMB1_COMMAND_DELETE|住民.txt|\"delete_on_close\":true") == 1);
    CHECK(lines_with("nothere.txt|STATUS_OBJECT_NAME_NOT_FOUND") == 1);
    CHECK(lines_with("DELETE_DIRECTORY|税務課|STATUS_SUCCESS") == 1);
    CHECK(lines_with("\"event_type\":\"anomaly\"") == 0);
}

static void old_logons_and_names(void)
{
    play_seed("smb1-plain");
    CHECK(lines_with(
              "SESSION_SETUP_ANDX|\"user\":\"root\"|\"domain\":\"MACHI\"|\"auth\":\"ntlm\"") == 1);
    CHECK(lines_with("\"ntlm\":{|\"ntlmv1\":true") == 1);
    CHECK(lines_with("CLOSE|日本.txt|\"write_bytes\":6") == 1); /* Shift_JIS on the wire */
    play_seed("smb1-wrong");
    CHECK(lines_with("\"login\":{|\"result\":\"failure\",\"reason\":\"STATUS_LOGON_FAILURE\"") ==
          1);
    play_seed("smb1-139");
    CHECK(lines_with("CLOSE|n.txt|\"write_bytes\":6") == 1);
    CHECK(lines_with("\"login\":{\"method\":\"anonymous\"") == 1);
    play_seed("smb1-pipes");
    CHECK(lines_with("NT_CREATE_ANDX|\"filename\":\"srvsvc\"|\"share_type\":\"PIPE\"") == 1);
    CHECK(lines_with("fileinfo") == 0 && lines_with("anomaly") == 0);
}

/* ---- misuse of the old protocol ---- */

static void put_old(struct kd_out *o, uint8_t command, bool reply, uint32_t status, uint16_t id)
{
    kd_out_bytes(o, kd_bytes_of("\xffSMB", 4));
    kd_out_u8(o, command);
    kd_out_le32(o, status);
    kd_out_u8(o, reply ? 0x98 : 0x18);
    kd_out_le16(o, 0xc007); /* Unicode, NT status */
    zeros(o, 12);
    kd_out_le16(o, 2048);   /* tree */
    kd_out_le16(o, 0xfeff); /* process */
    kd_out_le16(o, 2049);   /* user */
    kd_out_le16(o, id);
}

static struct kd_out old_message(uint8_t command, bool reply, uint32_t status, uint16_t id)
{
    struct kd_out o = kd_out_of(message_room, sizeof(message_room));
    put_old(&o, command, reply, status, id);
    return o;
}

static void old_answer(uint8_t command, uint32_t status, uint16_t id)
{
    struct kd_out o = old_message(command, true, status, id);
    zeros(&o, 3); /* no words, no bytes */
    send(KD_TO_CLIENT, &o);
}

/* The head of an NT_TRANSACT: announced and sent amounts of data. */
static void old_nt_transact(uint16_t id, uint32_t total, uint32_t n)
{
    struct kd_out o = old_message(0xa0, false, 0, id);
    kd_out_u8(&o, 20);
    zeros(&o, 3);
    kd_out_le32(&o, 30);
    kd_out_le32(&o, total);
    zeros(&o, 8);
    kd_out_le32(&o, 30);
    kd_out_le32(&o, 75);
    kd_out_le32(&o, n);
    kd_out_le32(&o, 105);
    kd_out_u8(&o, 1);
    zeros(&o, 4);
    kd_out_le16(&o, (uint16_t)(30 + n));
    zeros(&o, 30 + n);
    send(KD_TO_SERVER, &o);
}

static void old_secondary(uint8_t command, uint16_t id, uint16_t total, uint16_t n, uint16_t at)
{
    struct kd_out o = old_message(command, false, 0, id);
    kd_out_u8(&o, command == 0x33 ? 9 : 8);
    zeros(&o, 2);
    kd_out_le16(&o, total);
    zeros(&o, 6);
    kd_out_le16(&o, n);
    kd_out_le16(&o, 53);
    kd_out_le16(&o, at);
    if (command == 0x33)
        zeros(&o, 2);
    kd_out_le16(&o, n);
    zeros(&o, n);
    send(KD_TO_SERVER, &o);
}

static void old_trans(uint8_t command, uint16_t id, uint16_t function, uint16_t fid, uint16_t total)
{
    struct kd_out o = old_message(command, false, 0, id);
    kd_out_u8(&o, 16);
    zeros(&o, 2);
    kd_out_le16(&o, total);
    zeros(&o, 22);
    kd_out_le16(&o, 2); /* setup words */
    kd_out_le16(&o, function);
    kd_out_le16(&o, fid);
    kd_out_le16(&o, 15);
    kd_out_u8(&o, 0);
    put_utf16(&o, command == 0x25 ? "\\PIPE\\" : "");
    zeros(&o, 2);
    send(KD_TO_SERVER, &o);
}

static void transaction_continued_as_another_kind(void)
{
    tape_start();
    old_nt_transact(65, 66512, 1000);
    old_answer(0xa0, 0, 65); /* go on */
    for (unsigned i = 0; i < 15; i++)
        old_secondary(0x33, 65, 4096, 4096, 0);
    old_answer(0x32, 0xc000000d, 65);
    play_tape();
    CHECK(lines_with("anomaly|smb1_transaction_type") == 1);
    CHECK(lines_with("SMB1_COMMAND_NT_TRANS|\"message_id\":65|STATUS_INVALID_PARAMETER") == 1);
    /* as its makers meant it */
    tape_start();
    old_trans(0x25, 66, 0x26, 0x4000, 8192);
    old_answer(0x25, 0, 66);
    old_secondary(0x26, 66, 8192, 4096, 0);
    old_secondary(0x26, 66, 8192, 4096, 4096);
    play_tape();
    CHECK(run.n_records == 0);
    tape_start();
    old_trans(0x25, 66, 0x26, 0x4000, 8192);
    old_secondary(0x26, 66, 8192, 4096, 4097);
    play_tape();
    CHECK(lines_with("anomaly|smb1_transaction_overrun") == 1);
}

static void a_back_door_answers_under_another_number(void)
{
    tape_start();
    old_trans(0x32, 65, 0x0e, 0, 0);
    old_answer(0x32, 0xc0000002, 65);
    play_tape();
    CHECK(lines_with("TRANS2_SESSION_SETUP|STATUS_NOT_IMPLEMENTED") == 1);
    CHECK(lines_with("reply_id") == 0 && lines_with("anomaly|smb1_session_setup_subcommand") == 1);
    tape_start();
    old_trans(0x32, 65, 0x0e, 0, 0);
    old_answer(0x32, 0xc0000002, 81);
    play_tape();
    CHECK(lines_with("TRANS2_SESSION_SETUP|\"message_id\":65|\"reply_id\":81") == 1);
    CHECK(lines_with("anomaly|smb1_multiplex_changed") == 1);
}

static void peek_at_no_pipe_is_told(void)
{
    tape_start();
    old_trans(0x25, 64, 0x23, 0, 0);
    old_answer(0x25, 0xc0000205, 64);
    old_trans(0x25, 67, 0x23, 0x4000, 0);
    old_answer(0x25, 0, 67);
    play_tape();
    CHECK(run.n_records == 1);
    CHECK(lines_with("SMB1_COMMAND_TRANS|TRANS_PEEK_NO_PIPE|STATUS_INSUFF_SERVER_RESOURCES") == 1);
}

/* ---- built conversations ---- */

static void compound_works_on_the_file_it_created(void)
{
    tape_start();
    struct header h = {.command = 5, .id = 7, .session = 9, .tree = 3};
    struct kd_out o = kd_out_of(message_room, sizeof(message_room));
    struct kd_out first = kd_out_of(message_room + 4096, 4096);
    put_header(&first, &h);
    put_create(&first, "secret.doc", 0);
    h.next = (uint32_t)first.n;
    put_header(&o, &h);
    put_create(&o, "secret.doc", 0);
    struct header close = {
        .command = 6, .id = 8, .session = UINT64_MAX, .tree = UINT32_MAX, .flags = 4};
    put_header(&o, &close);
    put_close(&o, UINT64_MAX);
    send(KD_TO_SERVER, &o);
    struct header answer = {.command = 5, .id = 7, .session = 9, .tree = 3, .flags = 1};
    o = message(&answer);
    put_created(&o, 1234, 77);
    send(KD_TO_CLIENT, &o);
    answer.command = 6;
    answer.id = 8;
    answer.flags = 5;
    o = message(&answer);
    put_closed(&o);
    send(KD_TO_CLIENT, &o);
    play_tape();
    CHECK(lines_with("COMMAND_CREATE|secret.doc|\"size\":1234") == 1);
    CHECK(lines_with("COMMAND_CLOSE|secret.doc|STATUS_SUCCESS|\"session_id\":9,\"tree_id\":3") ==
          1);
}

static void failed_compound_is_told_once(void)
{
    tape_start();
    struct header h = {.command = 5, .id = 7, .session = 9, .tree = 3, .next = 64 + 56 + 8};
    struct kd_out o = message(&h);
    put_create(&o, "none", 0);
    struct header close = {.command = 6, .id = 8, .flags = 4};
    put_header(&o, &close);
    put_close(&o, UINT64_MAX);
    send(KD_TO_SERVER, &o);
    struct header answer = {
        .command = 5, .id = 7, .session = 9, .flags = 1, .status = 0xc0000034, .next = 72};
    o = message(&answer);
    put_error(&o);
    answer = (struct header){.command = 6, .id = 8, .session = 9, .flags = 5, .status = 0xc0000034};
    put_header(&o, &answer);
    put_error(&o);
    send(KD_TO_CLIENT, &o);
    play_tape();
    CHECK(run.n_records == 1 &&
          lines_with("COMMAND_CREATE|none|STATUS_OBJECT_NAME_NOT_FOUND") == 1);
}

static void open_file(uint64_t file, const char *name)
{
    struct header h = {.command = 5, .id = 100 + file, .session = 9, .tree = 3};
    struct kd_out o = message(&h);
    put_create(&o, name, 0);
    send(KD_TO_SERVER, &o);
    h.flags = 1;
    o = message(&h);
    put_created(&o, 0, file);
    send(KD_TO_CLIENT, &o);
}

static void write_file(uint64_t id, uint64_t file, uint32_t n)
{
    struct header h = {.command = 9, .id = id, .session = 9, .tree = 3};
    struct kd_out o = message(&h);
    put_write(&o, file, 0, n);
    zeros(&o, n);
    send(KD_TO_SERVER, &o);
}

static void answer_write(uint64_t id, uint32_t n, uint32_t flags, uint32_t status)
{
    struct header h = {
        .command = 9, .id = id, .session = 9, .tree = 3, .flags = flags, .status = status};
    struct kd_out o = message(&h);
    put_written(&o, n);
    send(KD_TO_CLIENT, &o);
}

static void close_file(uint64_t file)
{
    struct header h = {.command = 6, .id = 200 + file, .session = 9, .tree = 3};
    struct kd_out o = message(&h);
    put_close(&o, file);
    send(KD_TO_SERVER, &o);
    h.flags = 1;
    o = message(&h);
    put_closed(&o);
    send(KD_TO_CLIENT, &o);
}

static void writes_are_counted_when_they_succeed(void)
{
    tape_start();
    open_file(5, "a");
    write_file(10, 5, 100000);
    answer_write(10, 0, 3, 0x103); /* later */
    write_file(11, 5, 70000);
    answer_write(11, 0, 1, 0xc000007f);
    answer_write(10, 100000, 3, 0);
    close_file(5);
    play_tape();
    CHECK(lines_with("COMMAND_CLOSE|\"filename\":\"a\"|\"write_bytes\":100000") == 1);
    CHECK(lines_with("COMMAND_WRITE|STATUS_DISK_FULL|\"filename\":\"a\"") == 1);
}

static void set_size(uint64_t id, uint64_t file, uint64_t size)
{
    struct header h = {.command = 17, .id = id, .session = 9, .tree = 3};
    struct kd_out o = message(&h);
    put_end_of_file(&o, file, size);
    send(KD_TO_SERVER, &o);
    h.flags = 1;
    o = message(&h);
    kd_out_le16(&o, 2);
    send(KD_TO_CLIENT, &o);
}

static void a_file_cut_short_is_told(void)
{
    tape_start();
    open_file(5, "a");
    set_size(10, 5, 5000);
    set_size(11, 5, 20);
    play_tape();
    CHECK(lines_with("COMMAND_SET_INFO|\"function\":\"END_OF_FILE\"") == 1);
    CHECK(lines_with("COMMAND_SET_INFO|\"filename\":\"a\"|\"size\":20") == 1);
}

/* Pieces of an answer's worth in any order make the file. */
static void read_piece(uint64_t id, uint64_t file, uint64_t offset, uint32_t n, bool ask)
{
    struct header h = {.command = 8, .id = id, .session = 9, .tree = 3, .flags = ask ? 0 : 1};
    struct kd_out o = message(&h);
    kd_out_le16(&o, ask ? 49 : 17);
    kd_out_u8(&o, 80);
    kd_out_u8(&o, 0);
    kd_out_le32(&o, n);
    if (ask) {
        kd_out_le64(&o, offset);
        kd_out_le64(&o, file);
        kd_out_le64(&o, file);
        zeros(&o, 16);
    } else {
        zeros(&o, 8);
        for (uint64_t i = offset; i < offset + n; i++)
            kd_out_u8(&o, (uint8_t)(i * 7 + i / 256));
    }
    send(ask ? KD_TO_SERVER : KD_TO_CLIENT, &o);
}

static void answers_in_another_order_make_the_file(void)
{
    static const unsigned order[] = {2, 0, 3, 1};
    char sums[2][80] = {{0}};
    for (unsigned turn = 0; turn < 2; turn++) {
        tape_start();
        open_file(5, "a");
        for (unsigned i = 0; i < 4; i++)
            read_piece(20 + i, 5, 40000 * i, 40000, true);
        for (unsigned i = 0; i < 4; i++) {
            unsigned k = turn == 0 ? i : order[i];
            read_piece(20 + k, 5, 40000 * k, 40000, false);
        }
        close_file(5);
        play_tape();
        CHECK(lines_with("\"fileinfo\":{|\"state\":\"CLOSED\",\"size\":160000") == 1);
        size_t at = kd_bytes_find(kd_bytes_of(run.text, run.n), kd_str("\"sha256\":\""));
        CHECK(at != SIZE_MAX);
        if (at != SIZE_MAX)
            memcpy(sums[turn], run.text + at, 75);
    }
    CHECK(strcmp(sums[0], sums[1]) == 0);
}

static void file_never_closed_is_told_at_the_end(void)
{
    tape_start();
    open_file(5, "a");
    write_file(10, 5, 100);
    answer_write(10, 100, 1, 0);
    open_file(6, "untouched");
    play_tape();
    CHECK(lines_with("COMMAND_CLOSE|\"filename\":\"a\"|\"write_bytes\":100") == 1);
    CHECK(lines_with("COMMAND_CLOSE|untouched") == 0);
}

static void loss_within_content_costs_nothing(void)
{
    tape_start();
    open_file(5, "a");
    struct header h = {.command = 9, .id = 10, .session = 9, .tree = 3};
    struct kd_out o = message(&h);
    put_write(&o, 5, 0, 1000);
    zeros(&o, 400);
    uint8_t room[1024];
    struct kd_out chunk = kd_out_of(room, sizeof(room));
    kd_out_be16(&chunk, 0);
    kd_out_be16(&chunk, 64 + 48 + 1000);
    kd_out_bytes(&chunk, kd_out_bytes_view(&o));
    kd_tape_add(&tape, KD_TO_SERVER, kd_out_bytes_view(&chunk));
    gap(KD_TO_SERVER, 600);
    answer_write(10, 1000, 1, 0);
    close_file(5);
    play_tape();
    CHECK(lines_with("COMMAND_CLOSE|\"filename\":\"a\"|\"write_bytes\":1000") == 1);
    /* the whole, its head and the rest, under the transport's own */
    CHECK(strstr(run.frames, "+1116\n") != NULL && strstr(run.frames, "+1112\n") != NULL &&
          strstr(run.frames, "+1048\n") != NULL && strstr(run.frames, "c smb.nbss.hdr ") != NULL);
}

static void place_is_found_again_after_a_loss(void)
{
    tape_start();
    open_file(5, "a");
    gap(KD_TO_SERVER, 500);
    gap(KD_TO_CLIENT, 9);
    static const uint8_t junk[] = {0, 0,  0,    0,   0xfe, 'S', 'M', 0, 0, 0,
                                   0, 80, 0xfe, 'S', 'M',  'B', 64,  1, 0};
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(junk, sizeof(junk)));
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(junk, sizeof(junk)));
    open_file(6, "after");
    close_file(6);
    play_tape();
    CHECK(lines_with("COMMAND_CREATE|after|STATUS_SUCCESS") == 1);
    CHECK(lines_with("COMMAND_CLOSE|after|STATUS_SUCCESS") == 1);
}

static void old_requests_and_files_give_way(void)
{
    tape_start();
    for (unsigned i = 0; i < 2000; i++) {
        struct header h = {.command = 13, .id = i, .session = 9};
        struct kd_out o = message(&h);
        put_error(&o);
        send(KD_TO_SERVER, &o);
    }
    for (unsigned i = 0; i < 1500; i++)
        open_file(10000 + i, "x");
    open_file(5, "last");
    close_file(5);
    play_tape();
    CHECK(lines_with("COMMAND_CLOSE|last") == 1);
}

static void bulk_answers_are_not_held(void)
{
    tape_start();
    struct header h = {.command = 14, .id = 4, .session = 9, .flags = 1};
    struct kd_out o = message(&h);
    zeros(&o, 100000);
    send(KD_TO_CLIENT, &o);
    open_file(5, "a");
    play_tape();
    CHECK(lines_with("COMMAND_CREATE|\"filename\":\"a\"") == 1);
}

static void compression_is_told_and_its_overflow(void)
{
    tape_start();
    struct kd_out o = kd_out_of(message_room, sizeof(message_room));
    kd_out_bytes(&o, kd_bytes_of("\xfcSMB", 4));
    kd_out_le32(&o, UINT32_MAX);
    kd_out_le32(&o, 0x10001); /* algorithm, chained */
    kd_out_le32(&o, 1);
    zeros(&o, 30);
    struct kd_out tame = o;
    send(KD_TO_SERVER, &o);
    play_tape();
    CHECK(lines_with("anomaly|smb_compressed") == 1 && lines_with("smb_compression_overflow") == 0);
    /* unchained: offset 1 + 0xffffffff */
    tape_start();
    o = tame;
    memset(o.p + 8, 0, 4);
    send(KD_TO_SERVER, &o);
    play_tape();
    CHECK(lines_with("anomaly|smb_compression_overflow") == 1);
    CHECK(lines_with("anomaly|smb_bad_compression") == 1);
}

static void broken_messages_are_told(void)
{
    tape_start();
    struct header h = {.command = 5, .id = 4, .session = 9, .next = 12};
    struct kd_out o = message(&h);
    put_create(&o, "a", 0);
    o.p[64 + 46] = 0xff; /* name length beyond the message */
    o.p[64 + 47] = 0xff;
    send(KD_TO_SERVER, &o);
    o.n = 40;
    send(KD_TO_SERVER, &o);
    play_tape();
    CHECK(lines_with("anomaly|record_overflow") == 1);
    CHECK(lines_with("anomaly|smb_bad_body") == 1);
    CHECK(lines_with("anomaly|malformed_data") == 1);
}

/* ---- probe ---- */

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.server_port = 445, .client_port = 50000, .proto = 6};
    struct kd_conn turned = {
        .server_port = 50000, .client_port = 445, .proto = 6, .midstream = true};
    struct header h = {.command = 5, .id = 7, .session = 9, .tree = 3};
    uint8_t room[256];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_be16(&o, 0);
    kd_out_be16(&o, 120);
    put_header(&o, &h);
    struct kd_bytes in = kd_out_bytes_view(&o);
    CHECK(kd_parser_smb.probe(in, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_smb.probe(in, KD_TO_CLIENT, &turned) == KD_PROBE_REVERSED);
    for (size_t n = 0; n < 21; n++)
        CHECK(kd_parser_smb.probe(kd_bytes_head(in, n), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    room[4 + 16] = 1; /* an answer */
    CHECK(kd_parser_smb.probe(in, KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_smb.probe(in, KD_TO_SERVER, &turned) == KD_PROBE_REVERSED);
    room[4 + 4] = 65; /* header of another size */
    CHECK(kd_parser_smb.probe(in, KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(kd_parser_smb.probe(kd_str("GET / HTTP/1.1\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(kd_parser_smb.probe(kd_bytes_of("\x81\0\0\x44\x20", 5), KD_TO_SERVER, &conn) ==
          KD_PROBE_YES);
    conn.server_port = 80;
    CHECK(kd_parser_smb.probe(kd_bytes_of("\x81\0\0\x44\x20", 5), KD_TO_SERVER, &conn) ==
          KD_PROBE_NO);
}

static void old_protocol_is_known_in_the_middle(void)
{
    static const uint8_t old[] = {0, 0, 0, 35,   0xff, 'S', 'M', 'B', 0x2e, 0,
                                  0, 0, 0, 0x80, 0,    0,   0,   0,   0,    0};
    struct kd_conn conn = {.server_port = 445, .client_port = 50000, .proto = 6, .midstream = true};
    uint8_t room[64] = {1, 2, 3, 0, 0, 5};
    memcpy(room + 6, old, sizeof(old));
    CHECK(kd_parser_smb.probe(kd_bytes_of(room, 6 + sizeof(old)), KD_TO_CLIENT, &conn) ==
          KD_PROBE_YES);
    CHECK(kd_parser_smb.probe(kd_bytes_of(room, 6 + sizeof(old)), KD_TO_SERVER, &conn) ==
          KD_PROBE_REVERSED);
    conn.midstream = false;
    CHECK(kd_parser_smb.probe(kd_bytes_of(room, 6 + sizeof(old)), KD_TO_CLIENT, &conn) ==
          KD_PROBE_NO);
}

int main(void)
{
    (void)kd_charset_init();
    RUN(old_protocol_is_known_in_the_middle);
    RUN(files_of_a_real_server);
    RUN(logons_of_a_real_server);
    RUN(encryption_is_told_and_counted);
    RUN(old_protocol_has_the_same_records);
    RUN(old_logons_and_names);
    RUN(transaction_continued_as_another_kind);
    RUN(a_back_door_answers_under_another_number);
    RUN(peek_at_no_pipe_is_told);
    RUN(calls_in_pipes_of_a_real_server);
    RUN(compound_works_on_the_file_it_created);
    RUN(failed_compound_is_told_once);
    RUN(writes_are_counted_when_they_succeed);
    RUN(file_never_closed_is_told_at_the_end);
    RUN(a_file_cut_short_is_told);
    RUN(answers_in_another_order_make_the_file);
    RUN(loss_within_content_costs_nothing);
    RUN(place_is_found_again_after_a_loss);
    RUN(old_requests_and_files_give_way);
    RUN(bulk_answers_are_not_held);
    RUN(compression_is_told_and_its_overflow);
    RUN(broken_messages_are_told);
    RUN(probe_knows_its_own);
    kd_tape_run_done(&run);
    return tap_done();
}
