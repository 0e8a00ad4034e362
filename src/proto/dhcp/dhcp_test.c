/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_dhcp;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)

static uint8_t msg[1024];
static struct kd_out out;

/* Fixed part (RFC 2131 §2) with the given sname and file fields, and the cookie. */
static void begin(uint8_t op, struct kd_bytes sname, struct kd_bytes file)
{
    memset(msg, 0, sizeof(msg));
    memcpy(msg, (const uint8_t[]){op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78}, 8);
    memcpy(msg + 12, (const uint8_t[]){10, 0, 0, 7, 10, 0, 0, 8, 0, 0, 0, 0, 10, 0, 0, 254}, 16);
    memcpy(msg + 28, (const uint8_t[]){2, 0, 0, 0, 0, 7}, 6);
    memcpy(msg + 44, sname.p, sname.n);
    memcpy(msg + 108, file.p, file.n);
    memcpy(msg + 236, (const uint8_t[]){0x63, 0x82, 0x53, 0x63}, 4);
    out = (struct kd_out){msg, 240, sizeof(msg), false};
}

static struct kd_tape_run play(size_t n)
{
    uint8_t room[2048];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of(msg, n));
    return kd_tape_play(&kd_parser_dhcp, kd_out_bytes_view(&tape), SIZE_MAX);
}

static bool has(const struct kd_tape_run *run, const char *text)
{
    bool found = strstr(run->text, text) != NULL;
    if (!found)
        printf("# no %s in\n# %s\n", text, run->text);
    return found;
}

static void request_is_described(void)
{
    begin(1, BYTES(""), BYTES(""));
    kd_out_bytes(
        &out,
        BYTES("\x35\1\3\x37\4\1\3\6\x0f\x3c\x08MSFT 5.0\x32\4\x0a\0\0\x09\x3d\7\1\2\0\0\0\0\7"));
    kd_out_bytes(&out, BYTES("\x51\x11\4\0\0\4pc07\7example\0\xff"));
    struct kd_tape_run run = play(out.n);
    CHECK(run.n_records == 1 &&
          has(&run, "\"type\":\"request\",\"id\":305419896,\"client_mac\":\"02:00:00:00:00:07\""));
    CHECK(has(&run, "\"assigned_ip\":\"10.0.0.8\",\"client_ip\":\"10.0.0.7\",\"requested_ip\":\"10."
                    "0.0.9\",\"relay_ip\":\"10.0.0.254\""));
    CHECK(has(&run, "\"dhcp_type\":\"request\",\"hostname\":\"pc07.example\",\"vendor_class_"
                    "identifier\":\"MSFT 5.0\""));
    CHECK(has(&run, "\"client_id\":\"01020000000007\",\"params\":\"0103060f\""));
    kd_tape_run_done(&run);
}

static void options_go_on_in_other_fields(void)
{
    begin(2, BYTES("\x0f\7example\xff"), BYTES("\x0c\4pc08\x33\4\0\0\x0e\x10\xff"));
    kd_out_bytes(&out, BYTES("\x34\1\3\x35\1\5\3\x08\x0a\0\0\1\x0a\0\0\2\6\4\x0a\0\0\3\xff"));
    struct kd_tape_run run = play(out.n);
    CHECK(has(&run, "\"type\":\"reply\"") && has(&run, "\"hostname\":\"pc08\"") &&
          has(&run, "\"lease_time\":3600"));
    CHECK(has(&run, "\"domain_name\":\"example\",\"routers\":[\"10.0.0.1\",\"10.0.0.2\"],\"dns_"
                    "servers\":[\"10.0.0.3\"]"));
    kd_tape_run_done(&run);
}

static void shortened_messages_are_noticed(void)
{
    begin(1, BYTES(""), BYTES(""));
    kd_out_bytes(&out, BYTES("\x0c\4pc08"));
    for (size_t n = 0; n <= out.n; n++) {
        struct kd_tape_run run = play(n);
        if (n < 240)
            CHECK(run.status[0] == KD_TRUNCATED && run.n_records == 0);
        else /* no option, or a whole one, is fine */
            CHECK((strstr(run.text, "dhcp_broken_options") == NULL) == (n == 240 || n == out.n));
        kd_tape_run_done(&run);
    }
}

static void recognised_by_content(void)
{
    struct kd_conn conn = {.proto = 17};
    begin(1, BYTES(""), BYTES(""));
    CHECK(kd_parser_dhcp.probe(kd_bytes_of(msg, 240), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(kd_parser_dhcp.probe(kd_bytes_of(msg, 239), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    msg[239]++;
    CHECK(kd_parser_dhcp.probe(kd_bytes_of(msg, 240), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    RUN(request_is_described);
    RUN(options_go_on_in_other_fields);
    RUN(shortened_messages_are_noticed);
    RUN(recognised_by_content);
    return tap_done();
}
