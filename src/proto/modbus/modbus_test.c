/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

extern const struct kd_parser kd_parser_modbus;

static void play_seed(const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("modbus_test.c");
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

static void recorded_exchanges(void)
{
    play_seed("registers");
    CHECK(records("modbus") == 9 && lacks("anomaly"));
    CHECK(has("\"function_raw\":1,\"function_code\":\"RdCoils\",\"access_type\":\"READ | COILS\",\"category\":"
              "\"PUBLIC_ASSIGNED\",\"error_flags\":\"NONE\",\"read\":{\"quantity\":10}},\"response\":{"));
    CHECK(has("\"read\":{\"address\":4,\"quantity\":2}},\"response\":{") && has("\"read\":{\"data\":\"00070007\"}}"));
    CHECK(has("\"write\":{\"address\":5,\"quantity\":1,\"data\":\"01f4\"}}"));
    CHECK(has("\"write\":{\"address\":10,\"quantity\":3,\"data\":\"000100020003\"}}"));
    CHECK(has("\"exception\":{\"raw\":2,\"code\":\"IllegalDataAddr\"}}"));
    done();
}

static void answers_find_their_requests(void)
{
    begin();
    TO_SERVER("\0\1\0\0\0\6\1\3\0\0\0\1\0\2\0\0\0\6\1\3\0\1\0\1");
    TO_CLIENT("\0\2\0\0\0\5\1\3\2\0\7\0\1\0\0\0\5\1\3\2\0\x08");
    TO_CLIENT("\0\x09\0\0\0\3\1\x81\6"); /* to a request that was not seen */
    TO_SERVER("\0\3\0\0\0\6\1\3\0\0\0\1"); /* without an answer */
    play();
    CHECK(has("\"transaction_id\":2,") && has("\"address\":1,\"quantity\":1}},\"response\":{\"transaction_id\":2,"));
    CHECK(has("\"modbus\":{\"id\":3,\"response\":{") && has("\"code\":\"ServerDeviceBusy\"") && records("modbus") == 4);
    done();
}

static void odd_messages(void)
{
    begin();
    TO_SERVER("\0\1\0\0\0\3\1\3\0"); /* too short for its function */
    TO_SERVER("\0\2\0\7\0\6\1\3\0\0\0\1");
    play();
    CHECK(has("\"error_flags\":\"DATA_LENGTH\"") && has("\"error_flags\":\"PROTO_ID\"") && has("invalid_protocol_id"));
    done();
    begin();
    TO_SERVER("\0\1\0\0\0\1\1");
    play();
    CHECK(run.status[0] != KD_OK);
    done();
}

static void many_unanswered_are_bounded(void)
{
    begin();
    for (unsigned i = 0; i < 100; i++)
        TO_SERVER("\0\1\0\0\0\6\1\3\0\0\0\1");
    play();
    CHECK(records("modbus") == 100);
    done();
}

static void probe_knows_its_own(void)
{
    struct kd_conn conn = {.proto = 6, .server_port = 502};
    const struct kd_parser *p = &kd_parser_modbus;
    const struct kd_bytes read = kd_bytes_of("\0\1\0\0\0\6\1\3\0\0\0\1", 12);
    CHECK(p->probe(read, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_head(read, 5), KD_TO_SERVER, &conn) == KD_PROBE_MORE);
    CHECK(p->probe(kd_bytes_of("\0\1\0\0\0\7\1\3\0\0\0\1\0", 13), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("GET / HTTP/1.1\r\n", 16), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    conn.server_port = 10502;
    CHECK(p->probe(read, KD_TO_SERVER, &conn) == KD_PROBE_YES);
    CHECK(p->probe(kd_bytes_of("\0\1\0\0\0\6\1\x08\0\0\0\1", 12), KD_TO_SERVER, &conn) == KD_PROBE_NO);
    CHECK(p->probe(kd_bytes_of("\0\1\0\0\0\6\1\3\0\0\0\1\0", 13), KD_TO_SERVER, &conn) == KD_PROBE_NO);
}

int main(void)
{
    talk_parser = &kd_parser_modbus;
    RUN(recorded_exchanges);
    RUN(answers_find_their_requests);
    RUN(odd_messages);
    RUN(many_unanswered_are_bounded);
    RUN(probe_knows_its_own);
    return tap_done();
}
