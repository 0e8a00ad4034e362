/* SPDX-License-Identifier: Apache-2.0 */
/* WebSocket (RFC 6455) behind its HTTP handshake: frames, unmasked and decompressed (RFC 7692). */
#include "proto/websocket/websocket.h"

#include <zlib.h>

enum {
    FRAME_MAX = 64 * 1024, /* longer ones are told, not read */
    HEAD_MAX = 14,
    PLAIN_MAX = 64 * 1024, /* bytes that one frame may become */
    RECORDS_MAX = 256,     /* of one conversation */
    RAW_BITS = -15,
    LENGTH_16 = 126,
    LENGTH_64 = 127
};

enum { FIN = 0x80, RSV1 = 0x40, MASKED = 0x80, CONTROL = 8 };

struct ws_side {
    uint64_t skip;
    bool compressed; /* within a compressed message */
    bool lost;       /* the window is not known any more */
    bool forgets;    /* each message is compressed by itself */
    bool ready;
    z_stream zlib;
};

struct ws_state {
    struct ws_side side[2];
    uint32_t told;
    bool deflates;
};

struct ws_frame {
    uint8_t first, opcode;
    bool masked;
    uint32_t mask;
    uint64_t length;
    size_t head;
};

static struct ws_state *state_of(const struct kd_ctx *ctx)
{
    return (struct ws_state *)ctx->state;
}

void kd_websocket_begin(void *state, struct kd_bytes extensions)
{
    struct ws_state *st = state;
    st->deflates = kd_bytes_icontains(extensions, kd_str("permessage-deflate"));
    st->side[KD_TO_SERVER].forgets = kd_bytes_icontains(extensions, kd_str("client_no_context_takeover"));
    st->side[KD_TO_CLIENT].forgets = kd_bytes_icontains(extensions, kd_str("server_no_context_takeover"));
}

/* Nobody begins with WebSocket: the HTTP parser hands it on. */
static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)in;
    (void)dir;
    (void)conn;
    return KD_PROBE_NO;
}

/* ---- frames (RFC 6455, 5.2) ---- */

/* KD_MORE: `ret->head` bytes are needed. */
static enum kd_status read_head(struct kd_bytes in, struct ws_frame *ret)
{
    struct kd_cur c = kd_cur_of(in);
    *ret = (struct ws_frame){.first = kd_cur_u8(&c), .head = 2};
    uint8_t second = kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return KD_MORE;
    ret->opcode = ret->first & 15;
    ret->masked = (second & MASKED) != 0;
    ret->length = second & 0x7f;
    ret->head += (ret->length == LENGTH_16 ? 2u : ret->length == LENGTH_64 ? 8u : 0) + (ret->masked ? 4u : 0);
    if (ret->length == LENGTH_16)
        ret->length = kd_cur_be16(&c);
    else if (ret->length == LENGTH_64)
        ret->length = kd_cur_be64(&c);
    if (ret->masked)
        ret->mask = kd_cur_be32(&c);
    if (!kd_cur_ok(&c))
        return KD_MORE;
    bool reserved = (ret->opcode > 2 && ret->opcode < CONTROL) || ret->opcode > 10;
    return reserved || ret->length > INT64_MAX ? KD_MALFORMED : KD_OK;
}

static enum kd_status ws_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                               struct kd_frame *ret)
{
    struct ws_side *side = &state_of(ctx)->side[dir];
    struct ws_frame f;
    (void)seen;
    if (side->skip > 0) {
        *ret = (struct kd_frame){.len = side->skip, .is_body = true};
        return KD_OK;
    }
    enum kd_status s = read_head(in, &f);
    ret->len = f.head;
    if (s == KD_OK && f.length <= FRAME_MAX - HEAD_MAX)
        ret->len += f.length;
    return s;
}

static const char *opcode_name(uint8_t opcode)
{
    static const char *const names[] = {"continuation", "text", "binary", "3", "4", "5", "6", "7",
                                        "connection_close", "ping", "pong"};
    return opcode < KD_COUNT(names) ? names[opcode] : "";
}

/* ---- payload ---- */

struct label {
    size_t size, unused; /* before each block of zlib: its size */
};

static voidpf zlib_take(voidpf pool, uInt items, uInt each)
{
    size_t size = 0;
    struct label *l = kd_pool_take(pool, sizeof(*l) + (size_t)items * each, &size);
    if (l == NULL)
        return NULL;
    l->size = size;
    return l + 1;
}

static void zlib_give(voidpf pool, voidpf p)
{
    struct label *l = (struct label *)p - 1;
    kd_pool_give(pool, l, l->size);
}

static void unmask(uint8_t *to, struct kd_bytes in, uint32_t mask)
{
    uint8_t key[4] = {(uint8_t)(mask >> 24), (uint8_t)(mask >> 16), (uint8_t)(mask >> 8), (uint8_t)mask};
    for (size_t i = 0; i < in.n; i++)
        to[i] = in.p[i] ^ key[i & 3];
}

/* One run of the decompressor; false: broken, or more than fits (what fits is there). */
static bool run(struct ws_side *side, struct kd_bytes in, uint8_t *room, size_t max, size_t *n)
{
    z_stream *z = &side->zlib;
    z->next_in = (Bytef *)(uintptr_t)in.p;
    z->avail_in = (uInt)in.n;
    z->next_out = room + *n;
    z->avail_out = (uInt)(max - *n);
    int s = inflate(z, Z_SYNC_FLUSH);
    *n = max - z->avail_out;
    return (s == Z_OK || s == Z_BUF_ERROR || s == Z_STREAM_END) && z->avail_in == 0;
}

static struct kd_bytes decompress(struct kd_ctx *ctx, struct ws_side *side, struct kd_bytes in, bool ends,
                                  uint8_t *room, size_t max)
{
    static const uint8_t tail[] = {0, 0, 0xff, 0xff}; /* left out by who sends (RFC 7692, 7.2.1) */
    size_t n = 0;
    if (!side->ready) {
        side->zlib = (z_stream){.zalloc = zlib_take, .zfree = zlib_give, .opaque = ctx->pool};
        side->ready = inflateInit2(&side->zlib, RAW_BITS) == Z_OK;
    }
    if (!side->ready || side->lost)
        return kd_str("");
    bool good = run(side, in, room, max, &n) && (!ends || run(side, kd_bytes_of(tail, sizeof(tail)), room, max, &n));
    if (!good) {
        side->lost = true;
        kd_anomaly(ctx, "compression_broken", 0);
    }
    if (ends && side->forgets) {
        (void)inflateReset(&side->zlib);
        side->lost = false;
    }
    return kd_bytes_of(room, n);
}

static void show(struct kd_ctx *ctx, enum kd_dir dir, const struct ws_frame *f, struct kd_bytes payload)
{
    kd_inspect_number(ctx, KD_NUM_WEBSOCKET_OPCODE, dir, f->opcode);
    kd_inspect_number(ctx, KD_NUM_WEBSOCKET_FLAGS, dir, f->first & 0xf0u);
    if (f->masked)
        kd_inspect_number(ctx, KD_NUM_WEBSOCKET_MASK, dir, f->mask);
    if (payload.n > 0)
        kd_inspect(ctx, KD_IN_WEBSOCKET_PAYLOAD, dir, payload);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* Only when a rule looks into it.  Compressed messages are followed from the first, as each may need those before. */
static void show_payload(struct kd_ctx *ctx, enum kd_dir dir, const struct ws_frame *f, struct kd_bytes payload,
                         bool compressed)
{
    struct ws_side *side = &state_of(ctx)->side[dir];
    size_t size = 0;
    if (!kd_wants(ctx, KD_IN_WEBSOCKET_PAYLOAD, dir)) {
        show(ctx, dir, f, kd_str(""));
        return;
    }
    uint8_t *room = kd_pool_take(ctx->pool, payload.n + (compressed ? PLAIN_MAX : 0) + 1, &size);
    if (room == NULL)
        return;
    struct kd_bytes plain = kd_bytes_of(room, payload.n);
    unmask(room, payload, f->mask);
    if (compressed)
        plain = decompress(ctx, side, plain, (f->first & FIN) != 0, room + payload.n, PLAIN_MAX);
    show(ctx, dir, f, plain);
    kd_pool_give(ctx->pool, room, size);
}

static enum kd_status ws_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct ws_state *st = state_of(ctx);
    struct ws_side *side = &st->side[dir];
    struct ws_frame f;
    if (read_head(msg, &f) != KD_OK)
        return KD_MALFORMED;
    struct kd_bytes payload = kd_bytes_from(msg, f.head);
    bool control = f.opcode >= CONTROL;
    bool compressed = !control && st->deflates && ((f.first & RSV1) != 0 || (f.opcode == 0 && side->compressed));
    if (!control)
        side->compressed = compressed && (f.first & FIN) == 0;
    if (payload.n < f.length) {
        side->skip = f.length - payload.n;
        side->lost |= compressed;
    }
    struct kd_rec_websocket rec = {
        .fin = (f.first & FIN) != 0,
        .mask = f.mask,
        .opcode = kd_str(opcode_name(f.opcode)),
        .length = f.length,
        .compressed = compressed,
    };
    if (st->told++ < RECORDS_MAX)
        kd_emit(ctx, KD_REC_WEBSOCKET, &rec);
    else
        st->told = RECORDS_MAX;
    if (kd_wants_any(ctx))
        show_payload(ctx, dir, &f, payload, compressed);
    return KD_OK;
}

static enum kd_status ws_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct ws_side *side = &state_of(ctx)->side[dir];
    side->skip = last ? 0 : side->skip - kd_min_u64(piece.n, side->skip);
    return KD_OK;
}

static void ws_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct ws_side *side = &state_of(ctx)->side[dir];
    side->skip -= kd_min_u64(n, side->skip);
}

static void ws_close(struct kd_ctx *ctx)
{
    struct ws_state *st = state_of(ctx);
    for (unsigned dir = 0; dir < 2; dir++)
        if (st->side[dir].ready)
            (void)inflateEnd(&st->side[dir].zlib);
}

const struct kd_parser kd_parser_websocket = {
    .name = "websocket",
    .summary = "two-way web (WebSocket), behind its handshake",
    .app = KD_APP_WEBSOCKET,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){0},
    .max_message = FRAME_MAX,
    .state_bytes = sizeof(struct ws_state),
    .probe = probe,
    .frame = ws_frame,
    .message = ws_message,
    .body = ws_body,
    .gap = ws_gap,
    .close = ws_close,
};
