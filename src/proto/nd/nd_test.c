/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_nd;

#define BYTES(s) kd_bytes_of(s, sizeof(s) - 1)
#define TARGET "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x99"
#define LINK(type) type "\1\2\0\0\0\0\x99"

/* The tape's conversation: client 02:00:00:00:00:01 at 10.1.2.3 to 10.1.0.5. */
static bool shows(struct kd_bytes msg, const char *text, size_t n_records)
{
    uint8_t room[256];
    struct kd_out tape = kd_out_of(room, sizeof(room));
    kd_tape_add(&tape, KD_TO_SERVER, msg);
    struct kd_tape_run run = kd_tape_play(&kd_parser_nd, kd_out_bytes_view(&tape), SIZE_MAX);
    bool ok = run.n_records == n_records && strstr(run.text, text) != NULL;
    if (!ok)
        printf("# no %s in %zu records\n# %s\n", text, run.n_records, run.text);
    kd_tape_run_done(&run);
    return ok;
}

static void messages_are_described(void)
{
    CHECK(shows(BYTES("\x87\0\0\0\0\0\0\0" TARGET LINK("\1")),
                "\"arp\":{\"opcode\":\"request\",\"src_mac\":\"02:00:00:00:00:99\",\"src_ip\":\"10."
                "1.2.3\",\"dest_ip\":\"fe80::99\"}",
                1));
    CHECK(shows(BYTES("\x88\0\0\0\x60\0\0\0" TARGET LINK("\2")),
                "\"arp\":{\"opcode\":\"reply\",\"src_mac\":\"02:00:00:00:00:99\",\"src_ip\":\"fe80:"
                ":99\",\"dest_ip\":\"10.1.0.5\"}",
                1));
    CHECK(shows(BYTES("\x88\0\0\0\x20\0\0\0" TARGET),
                "\"opcode\":\"announce\",\"src_mac\":\"02:00:00:00:00:01\"", 1));
    CHECK(shows(
        BYTES("\x86\0\0\0\x40\0\7\x08\0\0\0\0\0\0\0\0" LINK("\1")),
        "\"opcode\":\"router_announce\",\"src_mac\":\"02:00:00:00:00:99\",\"src_ip\":\"10.1.2.3\"}",
        1));
    CHECK(shows(BYTES("\x85\0\0\0\0\0\0\0"), "\"opcode\":\"router_request\"", 1));
    CHECK(shows(BYTES("\x89\0\0\0\0\0\0\0" TARGET TARGET LINK("\2")),
                "\"opcode\":\"redirect\",\"src_mac\":\"02:00:00:00:00:01\",\"src_ip\":\"10.1.2.3\","
                "\"dest_mac\":\"02:00:00:00:00:99\",\"dest_ip\":\"fe80::99\"}",
                1));
}

static void broken_messages_are_noticed(void)
{
    CHECK(shows(BYTES("\x87\0\0\0\0\0\0\0" TARGET "\1\0\2\0\0\0\0\x99"), "nd_broken_options", 2));
    CHECK(shows(BYTES("\x80\0\0\0\0\0\0\0" TARGET), "", 0));
    struct kd_bytes whole = BYTES("\x87\0\0\0\0\0\0\0" TARGET LINK("\1"));
    for (size_t n = 0; n < whole.n; n++)
        if (n < 24)
            CHECK(shows(kd_bytes_head(whole, n), "", 0));
        else if (n > 24)
            CHECK(shows(kd_bytes_head(whole, n), "nd_broken_options", 2));
}

int main(void)
{
    RUN(messages_are_described);
    RUN(broken_messages_are_noticed);
    return tap_done();
}
