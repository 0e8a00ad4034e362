/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_enip;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("enip_test.c");
    kd_out_fmt(&o, "seeds/%s", name);
    path[o.n] = '\0';
    FILE *f = fopen(path, "rb");
    CHECK(f != NULL);
    begin();
    tape.n = f == NULL ? 0 : fread(room, 1, sizeof(room), f);
    if (f != NULL)
        fclose(f);
    play();
    CHECK(run.status[0] == KD_OK && run.status[1] == KD_OK);
}

#define BYTES(dir, text) kd_tape_add(&tape, dir, kd_bytes_of(text, sizeof(text) - 1))
#define TO_SERVER(text) BYTES(KD_TO_SERVER, text)
#define TO_CLIENT(text) BYTES(KD_TO_CLIENT, text)
/* Command, length, session 1, a context and options. */
#define HEAD(command, length, context) command "\0" length "\0" "\1\0\0\0" "\0\0\0\0" context "\0\0\0\0\0\0\0" "\0\0\0\0"
/* One request to a connection: counter, CIP. */
#define UNIT(length, count, cip_length, cip)                                                                    \
    HEAD("\x70", length, "\0") "\0\0\0\0\0\0\2\0\xa1\0\4\0\7\0\0\0\xb1\0" cip_length "\0" count "\0" cip

static void recorded_exchanges(void)
{
    play_seed("identity");
    CHECK(has("\"response\":{\"command\":\"list_identity\",\"status\":\"success\",\"identity\":{\"protocol_version\":1,"
              "\"revision\":\"20.11\",\"vendor_id\":\"Rockwell Automation/Allen-Bradley\",\"device_type\":"
              "\"Programmable Logic Controller\",\"product_code\":54,"));
    CHECK(records("enip") == 2 && lacks("anomaly"));
    done();
    play_seed("services");
    CHECK(has("\"list_services\":{\"protocol_version\":1,\"capabilities\":") && has("\"service_name\":\"Communications\""));
    done();
    play_seed("tags");
    CHECK(has("\"service\":\"Unconnected Send\"") && has("\"multiple\":[{\"service\":\"Multiple Service Packet\"") &&
          has("{\"service\":\"Write Tag\"},") && has("{\"service\":\"Write Tag\",\"status\":\"Success\"}"));
    done();
    play_seed("attributes");
    CHECK(has("{\"segment_type\":\"attribute\",\"value\":7}],\"class_name\":\"Identity\"}") && has("\"status\":\"8\""));
    done();
    play_seed("identity-udp");
    CHECK(records("enip") == 1 && has("\"product_name\":\"1756-L61/B LOGIX5561\""));
    done();
}

static void answers_find_their_requests(void)
{
    begin();
    TO_SERVER(UNIT("\x20", "\1", "\x0c", "\5\2\x20\1\x24\1\0\0\0\0")); /* reset the device */
    TO_SERVER(UNIT("\x1c", "\2", "\x08", "\x0e\2\x20\4\x24\x64"));
    TO_CLIENT(UNIT("\x1a", "\2", "\x06", "\x8e\0\x16\0"));
    TO_CLIENT(UNIT("\x1a", "\1", "\x06", "\x85\0\0\0"));
    TO_CLIENT(UNIT("\x1c", "\x09", "\x08", "\x8e\0\1\1\x11\1")); /* to what was not seen */
    play();
    CHECK(has("\"cip\":{\"service\":\"Get Attribute Single\",\"path\":[{\"segment_type\":\"class\",\"value\":4},{\"segment_type\":"
              "\"instance\",\"value\":100}],\"class_name\":\"Assembly\"}},\"response\":{\"command\":\"send_unit_data\",\"status\":"
              "\"success\",\"cip\":{\"service\":\"Get Attribute Single\",\"status\":\"Object does not exist\"}}"));
    CHECK(has("\"cip\":{\"service\":\"Reset\",") && has("\"enip\":{\"response\":{") &&
          has("\"status\":\"Connection failure\",\"status_extended\":273}") && records("enip") == 3);
    done();
}

static void what_does_not_fit_is_noted(void)
{
    begin();
    TO_SERVER(UNIT("\x1c", "\2", "\x99", "\x0e\2\x20\4\x24\x64"));
    play();
    CHECK(has("broken_message") && records("enip") == 1);
    done();
    begin();
    TO_SERVER(HEAD("\x63", "\0", "a"));
    TO_SERVER("GET / HTTP/1.1\r\n\r\n........");
    play();
    CHECK(run.status[0] != KD_OK);
    done();
}

static void many_unanswered_are_bounded(void)
{
    begin();
    for (unsigned i = 0; i < 100; i++)
        TO_SERVER(HEAD("\x63", "\0", "a"));
    play();
    CHECK(records("enip") == 100);
    done();
    begin();
    for (unsigned i = 0; i < 2500; i++)
        TO_SERVER(HEAD("\x66", "\0", "a"));
    play();
    CHECK(records("enip") == kd_limits_default.exchanges && records("anomaly") == 1 && has("exchanges_not_told"));
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .client_port = 40000, .server_port = 44818};
    const struct kd_parser *p = &kd_parser_enip;
    static const char ask[] = HEAD("\x63", "\0", "a"), unit[] = UNIT("\x1c", "\2", "\x08", "\x0e\2\x20\4\x24\x64");
    static const char answer[] = UNIT("\x1a", "\2", "\x06", "\x8e\0\x16\0"), nop[] = HEAD("\0", "\0", "a");
    static const char cycle[] = "\2\0\2\x80\x08\0\1\2\3\4\1\0\0\0\xb1\0\4\0\1\0\0\0";
    const struct kd_bytes in = kd_bytes_of(ask, sizeof(ask) - 1);
    CHECK(p->probe(in, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(in, KD_TO_CLIENT, &conn) == KD_PROBE_REVERSED);
    CHECK(p->probe(kd_bytes_head(in, 23), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    conn.server_port = 9000;
    CHECK(p->probe(in, KD_TO_SERVER, &conn) == KD_PROBE_NO); /* a header alone is too little elsewhere */
    CHECK(p->probe(kd_bytes_of(unit, sizeof(unit) - 1), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of(answer, sizeof(answer) - 1), KD_TO_SERVER, &conn) == KD_PROBE_REVERSED);
    CHECK(p->probe(kd_bytes_of(nop, sizeof(nop) - 1), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_str("GET / HTTP/1.1\r\nHost: a.example\r\n"), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("e\0\0\0 and so on, more than a header", 33), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    conn.proto = 17;
    CHECK(p->probe(kd_bytes_of(cycle, sizeof(cycle) - 1), KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of(cycle, sizeof(cycle) - 2), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_enip;
    RUN(recorded_exchanges);
    RUN(answers_find_their_requests);
    RUN(what_does_not_fit_is_noted);
    RUN(many_unanswered_are_bounded);
    RUN(probe_knows_its_own);
    return tap_done();
}
