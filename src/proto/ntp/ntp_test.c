/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_ntp;

/* A header of 48 bytes: what a test does not give is zero. */
static struct kd_bytes header(uint8_t *b, uint8_t first, uint8_t stratum, const char *reference)
{
    memset(b, 0, 48);
    b[0] = first;
    b[1] = stratum;
    b[2] = 6;
    b[3] = 0xe9; /* 2^-23 s */
    memcpy(b + 12, reference, 4);
    b[40] = 0xea;
    return kd_bytes_of(b, 48);
}

static void client_and_server_are_told_once(void)
{
    uint8_t b[48];
    begin();
    for (unsigned i = 0; i < 5; i++) {
        kd_tape_add(&tape, KD_TO_SERVER, header(b, 0xe3, 0, "\0\0\0\0"));
        kd_tape_add(&tape, KD_TO_CLIENT, header(b, 0x24, 1, "GPS\0"));
    }
    kd_tape_add(&tape, KD_TO_CLIENT, header(b, 0x24, 2, "\x0a\1\2\3"));
    kd_tape_add(&tape, KD_TO_SERVER, header(b, 0x1b, 0, "\0\0\0\0")); /* version 3 */
    play();
    CHECK(records("ntp") == 4 && lacks("anomaly"));
    CHECK(has("\"ntp\":{\"version\":4,\"mode\":3,\"stratum\":0,\"reference_id\":\"00:00:00:00\"}"));
    CHECK(has("\"ntp\":{\"version\":4,\"mode\":4,\"stratum\":1,\"reference_id\":\"47:50:53:00\"}"));
    CHECK(has("\"stratum\":2,\"reference_id\":\"0a:01:02:03\"") && has("\"version\":3,\"mode\":3"));
    done();
}

static void control_messages_have_no_stratum(void)
{
    begin();
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x17\0\3\x2a\0\0\0\0", 8));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x16\2\0\1\0\0\0\0\0\0\0\0", 12));
    kd_tape_add(&tape, KD_TO_SERVER, kd_bytes_of("\x23\0", 2)); /* cut short: nothing */
    play();
    CHECK(records("ntp") == 2 && has("\"ntp\":{\"version\":2,\"mode\":7,\"stratum\":0}") && has("\"mode\":6,\"stratum\":0}"));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 17, .client_port = 40000, .server_port = 123};
    const struct kd_parser *p = &kd_parser_ntp;
    uint8_t b[48 + 24];
    struct kd_bytes asks = header(b, 0xe3, 0, "\0\0\0\0");
    CHECK(p->probe(asks, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(asks, KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    CHECK(p->probe(kd_bytes_head(asks, 47), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    b[3] = 0x20; /* a client that says nothing of itself */
    CHECK(p->probe(asks, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    struct kd_bytes answers = header(b, 0x24, 2, "\x0a\1\2\3");
    CHECK(p->probe(answers, KD_TO_CLIENT, &conn) == KD_PROBE_YES);
    memset(b + 48, 0, 24);
    CHECK(p->probe(kd_bytes_of(b, 48 + 20), KD_TO_CLIENT, &conn) == KD_PROBE_YES); /* with an MD5 */
    CHECK(p->probe(kd_bytes_of(b, 48 + 9), KD_TO_CLIENT, &conn) == KD_PROBE_NO);
    b[4] = 1; /* hours away from its clock: no clock */
    CHECK(p->probe(answers, KD_TO_CLIENT, &conn) == KD_PROBE_NO);
    asks = header(b, 0xe3, 0, "\0\0\0\0");
    conn.server_port = 1123; /* too little is fixed for another port */
    CHECK(p->probe(asks, KD_TO_SERVER, &conn) == KD_PROBE_NO);
    conn.server_port = 123;
    asks = header(b, 0xfb, 0, "\0\0\0\0"); /* version 7 */
    CHECK(p->probe(asks, KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_ntp;
    RUN(client_and_server_are_told_once);
    RUN(control_messages_have_no_stratum);
    RUN(probe_knows_its_own);
    return tap_done();
}
