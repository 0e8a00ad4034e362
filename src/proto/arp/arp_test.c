/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_arp;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)
#define HEAD "\0\1\x08\0\6\4\0"
#define PC "\2\0\0\0\0\1"
#define OTHER "\2\0\0\0\0\x63"

static bool shows(struct kd_bytes msg, const char *text, size_t n_records)
{
    uint8_t room[128];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    kd_tape_add(&tape, KD_TO_SERVER, msg);
    struct kd_tape_run run = kd_tape_play(&kd_parser_arp, kd_out_bytes_view(&tape), SIZE_MAX);
    bool ok = run.n_records == n_records && strstr(run.text, text) != NULL;
    if (!ok)
        printf("# no %s in %zu records\n# %s\n", text, run.n_records, run.text);
    kd_tape_run_done(&run);
    return ok;
}

static void messages_are_described(void)
{
    CHECK(shows(BYTES(HEAD "\1" PC "\x0a\0\0\1"
                           "\0\0\0\0\0\0"
                           "\x0a\0\0\2"),
                "\"arp\":{\"hw_type\":\"ethernet\",\"proto_type\":\"ipv4\",\"opcode\":\"request\",\"src_mac\":\"02:00:00:00:00:01\","
                "\"src_ip\":\"10.0.0.1\",\"dest_mac\":\"00:00:00:00:00:00\",\"dest_ip\":\"10.0.0.2\"}",
                1));
    CHECK(shows(BYTES(HEAD "\2" PC "\x0a\0\0\1" OTHER "\x0a\0\0\2"), "\"opcode\":\"reply\"", 1));
    CHECK(shows(BYTES(HEAD "\2" PC "\x0a\0\0\1" PC "\x0a\0\0\1"), "\"opcode\":\"announce\"", 1));
    CHECK(shows(BYTES(HEAD "\1" PC "\0\0\0\0"
                           "\0\0\0\0\0\0"
                           "\0\0\0\0"),
                "\"opcode\":\"request\"", 1));
    CHECK(shows(BYTES(HEAD "\2" OTHER "\x0a\0\0\1" PC "\x0a\0\0\2"),
                "arp_sender_is_not_frame_source", 2));
}

static void others_are_refused(void)
{
    CHECK(shows(BYTES(HEAD "\3" PC "\x0a\0\0\1" PC "\x0a\0\0\1"), "", 0));
    CHECK(shows(BYTES("\0\1\x86\xdd\6\4\0\1" PC "\x0a\0\0\1" PC "\x0a\0\0\1"), "", 0));
    struct kd_bytes whole = BYTES(HEAD "\1" PC "\x0a\0\0\1"
                                       "\0\0\0\0\0\0"
                                       "\x0a\0\0\2");
    for (size_t n = 0; n < whole.n; n++)
        CHECK(shows(kd_bytes_head(whole, n), "", 0));
}

int main(void)
{
    RUN(messages_are_described);
    RUN(others_are_refused);
    return tap_done();
}
