/* SPDX-License-Identifier: Apache-2.0 */
#include "tape.h"

#include "base/charset.h"
#include "base/hasher.h"

enum { POOL_BYTES = 64 << 20, TEXT_FIRST = 16 << 10, START_S = 1700000000 };
enum { CHUNK_TO_CLIENT = 1, CHUNK_GAP = 2, CHUNK_DATAGRAM = 4 };

bool kd_tape_steps;

struct text_sink {
    struct kd_sink sink;
    struct kd_out out;
    size_t n_records;
    bool bad_codec;
    uint8_t *wire;
    struct kd_pool *mem;
    struct kd_out frames;
    struct kd_bytes span[2]; /* what the parser was called with last */
    uint64_t span_at[2];
};

/* Room for one more record of n encoded bytes as JSON: six bytes for one, and the keys. */
static void make_room(struct kd_out *text, size_t n)
{
    size_t need = text->n + n * 6 + 16384;
    if (need <= text->max)
        return;
    text->max = need * 2;
    text->p = realloc(text->p, text->max);
    KD_ASSERT(text->p != NULL);
}

static void on_record(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                      const void *body)
{
    struct text_sink *t = (struct text_sink *)sink;
    struct kd_rec_head head = {
        .ts_us = ctx->now_us,
        .flow_id = ctx->conn->flow_id,
        .src = ctx->conn->client,
        .dst = ctx->conn->server,
        .src_port = ctx->conn->client_port,
        .dst_port = ctx->conn->server_port,
        .type = (uint8_t)type,
        .proto = ctx->conn->proto,
        .app = (uint8_t)ctx->app,
    };
    /* Print what the other side of the wire would see. */
    struct kd_out w = kd_out_of(t->wire, KD_BATCH_MAX);
    t->n_records++;
    if (kd_record_put(&w, &head, body) != KD_OK) {
        t->bad_codec = true;
        return;
    }
    make_room(&t->out, w.n);
    struct kd_cur c = kd_cur_of(kd_out_bytes_view(&w));
    struct kd_bytes enc;
    struct kd_bytes whole;
    struct kd_arena mem;
    uint64_t room[512];
    kd_arena_init(&mem, t->mem, POOL_BYTES);
    const struct kd_schema *schema = kd_schema_of(type);
    KD_ASSERT(schema->size <= sizeof(room));
    if (kd_record_next(&c, &head, &enc, &whole) != KD_OK ||
        kd_body_decode(schema, enc, &mem, room) != KD_OK)
        t->bad_codec = true;
    else
        kd_record_json(&t->out, &head, room, 0);
    kd_out_u8(&t->out, '\n');
    kd_arena_done(&mem);
}

/* ---- frames ---- */

static void on_span(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, uint64_t at)
{
    struct text_sink *t = (struct text_sink *)sink;
    (void)ctx;
    t->span[dir] = in;
    t->span_at[dir] = at;
}

static void frame_line(struct text_sink *t, enum kd_frame_kind kind, enum kd_dir dir, const char *what, uint64_t at)
{
    make_room(&t->frames, 0);
    kd_out_fmt(&t->frames, "%s %s %s%llu", dir == KD_TO_SERVER ? "c" : "s", kd_frame_rows[kind].name, what,
               (unsigned long long)at);
}

static void on_frame(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                     const uint8_t *first, uint64_t length)
{
    struct text_sink *t = (struct text_sink *)sink;
    struct kd_bytes in = t->span[dir];
    KD_ASSERT(!ctx->inner && in.p != NULL && first >= in.p && first <= in.p + in.n && length > 0);
    frame_line(t, kind, dir, "", t->span_at[dir] + (uint64_t)(first - in.p));
    if (length == KD_FRAME_OPEN)
        kd_out_str(&t->frames, "+\n");
    else
        kd_out_fmt(&t->frames, "+%llu\n", (unsigned long long)length);
}

static void on_frame_end(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                         const uint8_t *end)
{
    struct text_sink *t = (struct text_sink *)sink;
    struct kd_bytes in = t->span[dir];
    (void)ctx;
    KD_ASSERT(end == NULL || (end >= in.p && end <= in.p + in.n));
    frame_line(t, kind, dir, "end ", t->span_at[dir] + (end == NULL ? in.n : (uint64_t)(end - in.p)));
    kd_out_u8(&t->frames, '\n');
}

static void on_frames_lost(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir, uint64_t n, bool all)
{
    (void)sink, (void)ctx, (void)dir, (void)n, (void)all;
}

/* Every content is wanted, and must have the digest that is told; none is kept, so that records are the same. */
static bool look_at_content(struct kd_contents *to, const struct kd_conn *conn, uint64_t ts_us,
                            enum kd_contents_risk risk, bool asked, struct kd_bytes sha256, struct kd_bytes content)
{
    struct kd_sha256 sum;
    uint8_t have[KD_SHA256_BYTES];
    (void)conn, (void)risk, (void)asked;
    kd_sha256_start(&sum);
    kd_sha256_add(&sum, content);
    kd_sha256_end(&sum, have);
    KD_ASSERT(kd_bytes_eq(sha256, kd_bytes_of(have, sizeof(have))));
    KD_ASSERT(content.n <= to->most && ts_us >= (uint64_t)START_S * 1000000);
    return false;
}

struct player {
    const struct kd_parser *p;
    struct kd_ctx ctx;
    struct kd_feed feed[2];
    struct kd_tape_run *run;
    bool stream;
};

/* Is this tape played as a stream to the parser? */
static bool is_stream(const struct kd_parser *p, struct kd_bytes tape)
{
    bool datagrams = tape.n > 0 && (tape.p[0] & CHUNK_DATAGRAM) != 0 && (p->over & KD_OVER_UDP) != 0;
    return (p->over & KD_OVER_TCP) != 0 && !datagrams;
}

static uint8_t proto_of(const struct kd_parser *p, bool stream)
{
    if (stream)
        return 6;
    return p->over & KD_OVER_UDP ? 17 : p->over & KD_OVER_ND ? 58 : p->over & KD_OVER_ICMP ? 1 : 0;
}

static void play_piece(struct player *pl, enum kd_dir dir, struct kd_bytes piece)
{
    uint8_t *copy = malloc(piece.n > 0 ? piece.n : 1);
    KD_ASSERT(copy != NULL);
    if (piece.n > 0)
        memcpy(copy, piece.p, piece.n);
    enum kd_status s;
    if (pl->stream) {
        s = kd_feed_data(pl->p, &pl->ctx, &pl->feed[dir], dir, kd_bytes_of(copy, piece.n));
    } else {
        kd_frame_span(&pl->ctx, dir, kd_bytes_of(copy, piece.n), 0);
        s = pl->p->message(&pl->ctx, dir, kd_bytes_of(copy, piece.n));
    }
    if (s != KD_OK)
        pl->run->status[dir] = s;
    free(copy);
}

static void play_chunk(struct player *pl, struct kd_cur *tape, size_t step)
{
    uint8_t flags = kd_cur_u8(tape);
    uint16_t n = kd_cur_be16(tape);
    enum kd_dir dir = flags & CHUNK_TO_CLIENT ? KD_TO_CLIENT : KD_TO_SERVER;
    bool stream = pl->stream;
    pl->ctx.now_us += 1000;
    if (flags & CHUNK_GAP) {
        if (stream)
            kd_feed_gap(pl->p, &pl->ctx, &pl->feed[dir], dir, n);
        else
            pl->ctx.now_us += (uint64_t)n * 1000;
        if (!stream && pl->p->tick != NULL)
            pl->p->tick(&pl->ctx);
        return;
    }
    struct kd_bytes data = kd_cur_take(tape, kd_min_size(n, kd_cur_left(tape)));
    pl->run->in_bytes += data.n;
    if (!stream)
        play_piece(pl, dir, data);
    for (size_t i = 0; stream && i < data.n; i += kd_min_size(step, data.n - i))
        play_piece(pl, dir, kd_bytes_head(kd_bytes_from(data, i), step));
    if (pl->p->tick != NULL)
        pl->p->tick(&pl->ctx);
}

struct kd_tape_run kd_tape_play(const struct kd_parser *p, struct kd_bytes tape, size_t step)
{
    kd_charset_init();
    struct kd_tape_run run = {0};
    struct kd_pool *pool = kd_pool_new(POOL_BYTES);
    struct kd_pool *mem = kd_pool_new(POOL_BYTES);
    struct kd_wanted wanted = {0};
    wanted.framed[p->app] = true;
    struct text_sink sink = {
        .sink = {.record = on_record, .wanted = &wanted, .span = on_span, .frame = on_frame, .frame_end = on_frame_end,
                 .frames_lost = on_frames_lost, .steps = kd_tape_steps},
        .mem = mem,
        .wire = malloc(KD_BATCH_MAX),
    };
    uint8_t *room = malloc(TEXT_FIRST), *lines = malloc(TEXT_FIRST);
    KD_ASSERT(pool != NULL && mem != NULL && sink.wire != NULL && room != NULL && lines != NULL);
    sink.out = kd_out_of(room, TEXT_FIRST);
    sink.frames = kd_out_of(lines, TEXT_FIRST);
    static const uint8_t client[4] = {10, 1, 2, 3};
    static const uint8_t server[4] = {10, 1, 0, 5};
    bool stream = is_stream(p, tape);
    struct kd_conn conn = {
        .client = kd_addr_v4(client),
        .server = kd_addr_v4(server),
        .client_port = 49152,
        .server_port = p->ports != NULL ? p->ports[0] : 0,
        .proto = proto_of(p, stream),
        .flow_id = 1,
        .client_mac = {{2, 0, 0, 0, 0, 1}},
        .server_mac = {{2, 0, 0, 0, 0, 2}},
    };
    struct kd_arena arena;
    kd_arena_init(&arena, pool, kd_limits_default.flow_bytes);
    struct kd_contents contents = {
        .keep = KD_CONTENTS_ALL, .most = 1 << 20, .waiting_max = 8 << 20, .put = look_at_content};
    struct player pl = {
        .p = p,
        .run = &run,
        .stream = stream,
        .ctx = {.lim = &kd_limits_default,
                .pool = pool,
                .conn = &conn,
                .state = kd_arena_alloc(&arena, p->state_bytes > 0 ? p->state_bytes : 1),
                .now_us = (uint64_t)START_S * 1000000,
                .app = p->app,
                .sink = &sink.sink,
                .contents = &contents},
    };
    struct kd_cur c = kd_cur_of(tape);
    while (kd_cur_more(&c))
        play_chunk(&pl, &c, step);
    for (int dir = 0; dir < 2 && stream; dir++)
        kd_feed_end(p, &pl.ctx, &pl.feed[dir], (enum kd_dir)dir);
    if (p->close != NULL)
        p->close(&pl.ctx);
    kd_arena_done(&arena);
    run.pool_left = kd_pool_used(pool) + contents.waiting;
    run.n_records = sink.n_records;
    run.n = sink.out.n;
    run.text = realloc(sink.out.p, run.n + 1);
    run.text[run.n] = '\0';
    run.frames_n = sink.frames.n;
    run.frames = realloc(sink.frames.p, run.frames_n + 1);
    run.frames[run.frames_n] = '\0';
    if (sink.bad_codec)
        run.status[0] = run.status[1] = KD_STATUS_COUNT;
    free(sink.wire);
    kd_pool_free(mem);
    kd_pool_free(pool);
    return run;
}

void kd_tape_run_done(struct kd_tape_run *run)
{
    free(run->text);
    free(run->frames);
    run->text = run->frames = NULL;
}

void kd_tape_add(struct kd_out *tape, enum kd_dir dir, struct kd_bytes data)
{
    kd_out_u8(tape, dir == KD_TO_CLIENT ? CHUNK_TO_CLIENT : 0);
    kd_out_be16(tape, (uint16_t)data.n);
    kd_out_bytes(tape, data);
}

void kd_tape_add_datagram(struct kd_out *tape, enum kd_dir dir, struct kd_bytes data)
{
    kd_out_u8(tape, (uint8_t)(CHUNK_DATAGRAM | (dir == KD_TO_CLIENT ? CHUNK_TO_CLIENT : 0)));
    kd_out_be16(tape, (uint16_t)data.n);
    kd_out_bytes(tape, data);
}

void kd_tape_add_gap(struct kd_out *tape, enum kd_dir dir, uint16_t n)
{
    kd_out_u8(tape, (uint8_t)(CHUNK_GAP | (dir == KD_TO_CLIENT ? CHUNK_TO_CLIENT : 0)));
    kd_out_be16(tape, n);
}

static void probe_all(const struct kd_parser *p, struct kd_bytes tape)
{
    struct kd_cur c = kd_cur_of(tape);
    (void)kd_cur_take(&c, 3);
    uint16_t port = p->ports != NULL ? p->ports[0] : 0;
    struct kd_conn conn = {.proto = proto_of(p, is_stream(p, tape)), .server_port = port};
    if (p->probe != NULL)
        for (int dir = 0; dir < 2; dir++)
            (void)p->probe(kd_bytes_of(c.p, c.n), (enum kd_dir)dir, &conn);
}

const char *kd_tape_check(const struct kd_parser *p, struct kd_bytes tape, size_t step)
{
    probe_all(p, tape);
    struct kd_tape_run whole = kd_tape_play(p, tape, SIZE_MAX);
    const char *broken = NULL;
    if (whole.pool_left != 0)
        broken = "memory was not given back";
    else if (whole.status[0] == KD_STATUS_COUNT)
        broken = "a record does not survive its encoding";
    else if (whole.n > whole.in_bytes * 64 + whole.n_records * 2048 + 65536 ||
             whole.n_records > whole.in_bytes + 1024)
        broken = "output is out of proportion to input";
    if (broken == NULL && is_stream(p, tape)) {
        struct kd_tape_run split = kd_tape_play(p, tape, step);
        if (split.pool_left != 0)
            broken = "memory was not given back (split)";
        else if (split.n != whole.n || memcmp(split.text, whole.text, whole.n) != 0)
            broken = "split input gives other records";
        else if (split.frames_n != whole.frames_n || memcmp(split.frames, whole.frames, whole.frames_n) != 0)
            broken = "split input tells other frames";
        kd_tape_run_done(&split);
    }
    kd_tape_run_done(&whole);
    return broken;
}
