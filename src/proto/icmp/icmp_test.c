/* SPDX-License-Identifier: Apache-2.0 */
#include "../../../tests/parser/tape.h"

#include "../../../tests/tap.h"

extern const struct kd_parser kd_parser_icmp;

static uint8_t room[1 << 16];
static struct kd_out tape;

static void echo(enum kd_dir dir, uint8_t type, uint16_t seq, const char *data, size_t n)
{
    uint8_t b[2048];
    struct kd_out o = kd_out_of(b, sizeof(b));
    kd_out_u8(&o, type);
    kd_out_u8(&o, 0);
    kd_out_be16(&o, 0);
    kd_out_be16(&o, 77);
    kd_out_be16(&o, seq);
    kd_out_bytes(&o, kd_bytes_of(data, n));
    kd_tape_add(&tape, dir, kd_out_bytes_view(&o));
}

static bool shows(const char *text, size_t n_records)
{
    struct kd_tape_run run = kd_tape_play(&kd_parser_icmp, kd_out_bytes_view(&tape), SIZE_MAX);
    bool ok = run.n_records == n_records && strstr(run.text, text) != NULL;
    if (!ok)
        printf("# no %s in %zu records\n# %s\n", text, run.n_records, run.text);
    kd_tape_run_done(&run);
    tape = kd_out_of(room, sizeof(room));
    return ok;
}

/* The clock at its beginning changes, the pattern does not. */
static void a_ping_has_one_content(void)
{
    tape = kd_out_of(room, sizeof(room));
    for (uint16_t seq = 1; seq <= 5; seq++) {
        char data[56];
        memset(data, 0x40 + seq, 16);
        for (unsigned i = 16; i < sizeof(data); i++)
            data[i] = (char)i;
        echo(KD_TO_SERVER, 8, seq, data, sizeof(data));
        echo(KD_TO_CLIENT, 0, seq, data, sizeof(data));
    }
    CHECK(shows("\"icmp\":{\"type\":8,\"id\":77,\"requests\":5,\"replies\":5,\"bytes_toserver\":280,\"bytes_toclient\":280,"
                "\"sizes\":1,\"contents\":1,\"largest\":56",
                1));
}

static void other_data_in_the_reply_are_a_mismatch(void)
{
    tape = kd_out_of(room, sizeof(room));
    for (uint16_t seq = 1; seq <= 3; seq++) {
        echo(KD_TO_SERVER, 8, seq, "give me orders", 14);
        echo(KD_TO_CLIENT, 0, seq, "run this", 8);
    }
    echo(KD_TO_CLIENT, 0, 99, "nobody asked", 12);
    CHECK(shows("\"mismatched\":3", 1));
}

static void a_long_one_is_told_as_it_doubles(void)
{
    tape = kd_out_of(room, sizeof(room));
    for (uint16_t seq = 1; seq <= 70; seq++)
        echo(KD_TO_SERVER, 8, seq, "abcdefgh", 8);
    CHECK(shows("\"requests\":70,\"unanswered\":70", 3));
}

static void broken_messages_are_passed_over(void)
{
    tape = kd_out_of(room, sizeof(room));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x08\0\0\0\0", 5));
    CHECK(shows("", 0));
    tape = kd_out_of(room, sizeof(room));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x03\3\0\0\0\0\0\0", 8));
    CHECK(shows("", 0));
}

int main(void)
{
    RUN(a_ping_has_one_content);
    RUN(other_data_in_the_reply_are_a_mismatch);
    RUN(a_long_one_is_told_as_it_doubles);
    RUN(broken_messages_are_passed_over);
    return tap_done();
}
