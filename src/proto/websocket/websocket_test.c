/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/talk.h"

#include "proto/websocket/websocket.h"

extern const struct kd_parser kd_parser_websocket, kd_parser_http;

static void play_file(const char *folder, const char *name)
{
    char path[512];
    struct kd_out o = kd_out_of(path, sizeof(path) - 1);
    kd_out_str(&o, __FILE__);
    o.n -= strlen("websocket/websocket_test.c");
    kd_out_fmt(&o, "%s/seeds/%s", folder, name);
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

static void recorded_frames(void)
{
    play_file("websocket", "plain");
    CHECK(has("\"opcode\":\"text\",\"length\":21}") && has("\"opcode\":\"binary\"") && has("\"opcode\":\"ping\"") &&
          has("\"opcode\":\"pong\"") && has("\"opcode\":\"continuation\"") && has("\"opcode\":\"connection_close\""));
    CHECK(lacks("anomaly"));
    done();
}

static void behind_its_handshake(void)
{
    talk_parser = &kd_parser_http;
    play_file("http", "websocket");
    CHECK(records("http") == 1 && has("\"status\":101") && has("\"opcode\":\"text\",\"length\":21}"));
    CHECK(lacks("\"compressed\":true"));
    done();
    play_file("http", "websocket-deflate");
    CHECK(has("\"opcode\":\"text\"") && has("\"compressed\":true") && lacks("anomaly"));
    done();
    begin(); /* another protocol than ours goes by */
    client("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: other\r\n\r\n");
    server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\n\x81\x05hello");
    play();
    CHECK(records("websocket") == 0 && records("http") == 1);
    done();
    talk_parser = &kd_parser_websocket;
}

static void long_frames_go_by(void)
{
    static uint8_t much[60000];
    begin();
    BYTES(KD_TO_CLIENT, "\x82\x7f\0\0\0\0\0\1\xd4\xc0"); /* 120000 */
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(much, sizeof(much)));
    kd_tape_add(&tape, KD_TO_CLIENT, kd_bytes_of(much, sizeof(much)));
    BYTES(KD_TO_CLIENT, "\x89\0");
    play();
    CHECK(has("\"opcode\":\"binary\",\"length\":120000}") && has("\"opcode\":\"ping\"") && records("websocket") == 2);
    done();
}

static void records_are_bounded(void)
{
    begin();
    for (unsigned i = 0; i < 600; i++)
        BYTES(KD_TO_SERVER, "\x81\x81\1\2\3\4\5");
    play();
    CHECK(records("websocket") == 256);
    done();
}

static void unknown_kinds_end_it(void)
{
    begin();
    BYTES(KD_TO_SERVER, "\x83\x01x");
    play();
    CHECK(run.status[0] != KD_OK && records("websocket") == 0);
    done();
}

/* What a rule would be shown. */
static uint8_t shown[1 << 17];
static size_t shown_n;

static void on_record(struct kd_sink *s, const struct kd_ctx *ctx, enum kd_rec_type type, const void *body)
{
    (void)s, (void)ctx, (void)type, (void)body;
}

static void on_inspect(struct kd_sink *s, const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir,
                       struct kd_bytes value)
{
    (void)s, (void)ctx, (void)id, (void)dir;
    struct kd_out o = {shown, shown_n, sizeof(shown), false};
    kd_out_bytes(&o, value);
    kd_out_str(&o, "|");
    shown_n = o.n;
}

static void on_number(struct kd_sink *s, const struct kd_ctx *ctx, enum kd_number id, enum kd_dir dir, uint64_t v)
{
    (void)s, (void)ctx, (void)id, (void)dir, (void)v;
}

static void on_end(struct kd_sink *s, const struct kd_ctx *ctx, enum kd_dir dir, enum kd_inspect_stage stage)
{
    (void)s, (void)ctx, (void)dir, (void)stage;
}

static void rules_see_what_was_said(void)
{
    static uint64_t state[512];
    struct kd_limits lim = kd_limits_default;
    struct kd_wanted wanted = {0};
    for (unsigned dir = 0; dir < 2; dir++)
        wanted.bytes[dir][KD_IN_WEBSOCKET_PAYLOAD / 64] |= (uint64_t)1 << (KD_IN_WEBSOCKET_PAYLOAD % 64);
    wanted.app[KD_APP_WEBSOCKET] = true;
    struct kd_sink sink = {.record = on_record, .wanted = &wanted, .inspect = on_inspect, .number = on_number,
                           .inspect_end = on_end};
    struct kd_conn conn = {.proto = 6};
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_ctx ctx = {.lim = &lim, .pool = pool, .conn = &conn, .state = state, .app = KD_APP_WEBSOCKET, .sink = &sink};
    CHECK(kd_parser_websocket.state_bytes <= sizeof(state));
    kd_websocket_begin(state, kd_str("permessage-deflate"));
    /* RFC 6455 5.7 and RFC 7692 7.2.3.1, 7.2.3.2: Hello, masked; compressed; and compressed by what was before. */
    const struct kd_bytes frames[] = {
        kd_bytes_of("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11),
        kd_bytes_of("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", 9),
        kd_bytes_of("\xc1\x05\xf2\x00\x11\x00\x00", 7),
    };
    shown_n = 0;
    CHECK(kd_parser_websocket.message(&ctx, KD_TO_SERVER, frames[0]) == KD_OK);
    CHECK(kd_parser_websocket.message(&ctx, KD_TO_CLIENT, frames[1]) == KD_OK);
    CHECK(kd_parser_websocket.message(&ctx, KD_TO_CLIENT, frames[2]) == KD_OK);
    CHECK(kd_bytes_eq_str(kd_bytes_of(shown, shown_n), "Hello|Hello|Hello|"));
    kd_parser_websocket.close(&ctx);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

int main(void)
{
    talk_parser = &kd_parser_websocket;
    RUN(recorded_frames);
    RUN(behind_its_handshake);
    RUN(long_frames_go_by);
    RUN(records_are_bounded);
    RUN(unknown_kinds_end_it);
    RUN(rules_see_what_was_said);
    return tap_done();
}
