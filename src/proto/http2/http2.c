/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http2/http2.h"

static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum { MAGIC = sizeof(magic) - 1, SETTING = 6 };

static const char *const event_names[] = {
    [H2_EV_HEAD_BROKEN] = "invalid_header",
    [H2_EV_HEAD_TOO_LONG] = "header_too_long",
    [H2_EV_FRAME_BROKEN] = "invalid_frame",
    [H2_EV_TOO_MANY_STREAMS] = "too_many_streams",
};

void h2_event(struct kd_ctx *ctx, enum h2_event event)
{
    struct h2_state *st = ctx->state;
    if ((st->told >> event & 1) == 0)
        kd_anomaly(ctx, event_names[event], 0);
    st->told |= 1u << event;
}

/* ---- recognition ---- */

static struct h2_frame frame_of(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    struct h2_frame f = {.length = kd_cur_be24(&c), .type = kd_cur_u8(&c), .flags = kd_cur_u8(&c)};
    f.stream = kd_cur_be32(&c) & INT32_MAX;
    return f;
}

/* A server may begin: with settings, of which all are known. */
static enum kd_probe probe_settings(struct kd_bytes in)
{
    static const uint8_t begin[] = {0, 0};
    struct kd_bytes same = kd_bytes_of(begin, sizeof(begin));
    struct h2_frame f = frame_of(in);
    if (!kd_bytes_starts(in, kd_bytes_head(same, in.n)))
        return KD_PROBE_NO;
    if (in.n < H2_HEADER)
        return KD_PROBE_MORE;
    if (f.type != H2_SETTINGS || f.flags != 0 || f.stream != 0 || f.length == 0 || f.length % SETTING != 0 ||
        f.length > 16 * SETTING)
        return KD_PROBE_NO;
    for (size_t at = H2_HEADER; at < H2_HEADER + f.length; at += SETTING) {
        if (in.n < at + SETTING)
            return KD_PROBE_MORE;
        uint16_t id = kd_bytes_be16(in, at);
        if (id == 0 || id > 16)
            return KD_PROBE_NO;
    }
    return KD_PROBE_YES;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_bytes want = kd_bytes_of(magic, MAGIC);
    (void)conn;
    if (in.n == 0)
        return KD_PROBE_MORE;
    if (kd_bytes_starts(in, kd_bytes_head(want, in.n))) {
        if (in.n < MAGIC)
            return KD_PROBE_MORE;
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    }
    return dir == KD_TO_CLIENT ? probe_settings(in) : KD_PROBE_NO;
}

/* ---- frames ---- */

static enum kd_status h2_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                               struct kd_frame *ret)
{
    struct h2_state *st = ctx->state;
    struct h2_side *side = &st->side[dir];
    (void)seen;
    uint64_t passing = side->data > 0 ? side->data : side->pad > 0 ? side->pad : side->skip;
    if (passing > 0) {
        *ret = (struct kd_frame){.len = passing, .is_body = true};
        return KD_OK;
    }
    bool greets = dir == KD_TO_SERVER && !side->begun && kd_bytes_at(in, 0) == 'P';
    ret->len = greets ? MAGIC : H2_HEADER;
    if (greets || in.n < H2_HEADER)
        return greets ? KD_OK : KD_MORE;
    struct h2_frame f = frame_of(in);
    bool padded = (f.flags & H2_PADDED) != 0 && f.length > 0;
    if (f.type == H2_DATA)
        ret->len += padded ? 1 : 0;
    else if (f.length <= H2_BLOCK_MAX && f.type <= H2_CONTINUATION)
        ret->len += f.length;
    return KD_OK;
}

/* Without padding; empty when it is longer than the frame. */
static struct kd_bytes unpadded(struct kd_ctx *ctx, struct h2_frame f, struct kd_bytes payload)
{
    if ((f.flags & H2_PADDED) == 0)
        return payload;
    size_t pad = kd_bytes_at(payload, 0);
    if (payload.n < pad + 1) {
        h2_event(ctx, H2_EV_FRAME_BROKEN);
        return kd_str("");
    }
    return kd_bytes_head(kd_bytes_from(payload, 1), payload.n - 1 - pad);
}

static void on_data(struct kd_ctx *ctx, enum kd_dir dir, struct h2_frame f, struct kd_bytes msg)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    uint64_t head = msg.n - H2_HEADER;
    uint64_t pad = head > 0 ? kd_bytes_at(msg, H2_HEADER) : 0;
    uint64_t rest = f.length - head;
    if (pad > rest) {
        h2_event(ctx, H2_EV_FRAME_BROKEN);
        pad = rest;
    }
    side->stream = f.stream;
    side->end = (f.flags & H2_END_STREAM) != 0;
    side->data = rest - pad;
    side->pad = pad;
    if (side->data == 0 && side->end)
        h2_end(ctx, f.stream, dir);
}

static void end_block(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    struct h2_head head;
    uint32_t id = side->promised != 0 ? side->promised : side->block_stream;
    enum kd_dir of = side->promised != 0 ? KD_TO_SERVER : dir; /* a promise is the request it answers */
    bool end = side->promised != 0 || (side->block_flags & H2_END_STREAM) != 0;
    enum kd_status s = h2_inflate(ctx, dir, kd_buf_view(&side->block), &head);
    kd_buf_done(&side->block, ctx->pool);
    if (s != KD_OK) {
        side->blind = true;
        h2_event(ctx, H2_EV_HEAD_BROKEN);
    } else {
        h2_head(ctx, id, of, &head, end);
    }
    h2_head_done(ctx, &head);
    side->block_stream = 0;
}

static void add_block(struct kd_ctx *ctx, enum kd_dir dir, uint8_t flags, struct kd_bytes part)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    if (!kd_buf_add(&side->block, ctx->pool, part, H2_BLOCK_MAX)) {
        side->blind = true;
        h2_event(ctx, H2_EV_HEAD_TOO_LONG);
        kd_buf_done(&side->block, ctx->pool);
    } else if (flags & H2_END_HEADERS) {
        end_block(ctx, dir);
    }
}

static void on_headers(struct kd_ctx *ctx, enum kd_dir dir, struct h2_frame f, struct kd_bytes payload)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    struct kd_cur c = kd_cur_of(unpadded(ctx, f, payload));
    int weight = -1;
    if (f.type == H2_HEADERS && (f.flags & H2_HAS_PRIORITY)) {
        (void)kd_cur_be32(&c);
        weight = kd_cur_u8(&c);
    }
    side->promised = f.type == H2_PUSH_PROMISE ? kd_cur_be32(&c) & INT32_MAX : 0;
    if (!kd_cur_ok(&c))
        h2_event(ctx, H2_EV_FRAME_BROKEN);
    side->block_stream = f.stream;
    side->block_flags = f.flags;
    kd_buf_drop(&side->block, side->block.n);
    if (!side->blind)
        add_block(ctx, dir, f.flags, kd_cur_rest(&c));
    if (weight >= 0)
        h2_priority(ctx, f.stream, dir, (uint8_t)weight);
}

static void on_other(struct kd_ctx *ctx, enum kd_dir dir, struct h2_frame f, struct kd_bytes payload)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    struct kd_cur c = kd_cur_of(payload);
    switch (f.type) {
    case H2_PRIORITY:
        (void)kd_cur_be32(&c);
        h2_priority(ctx, f.stream, dir, kd_cur_u8(&c));
        break;
    case H2_RST_STREAM:
        h2_error(ctx, f.stream, dir, kd_cur_be32(&c));
        break;
    case H2_GOAWAY:
        (void)kd_cur_be32(&c);
        h2_error(ctx, 0, dir, kd_cur_be32(&c));
        break;
    case H2_SETTINGS:
        if ((f.flags & H2_ACK) == 0)
            h2_settings(ctx, dir, payload);
        break;
    case H2_WINDOW_UPDATE:
        kd_inspect_number(ctx, KD_NUM_HTTP2_WINDOW, dir, kd_cur_be32(&c) & INT32_MAX);
        break;
    case H2_CONTINUATION:
        if (!side->blind && side->block_stream == f.stream && f.stream != 0)
            add_block(ctx, dir, f.flags, payload);
        break;
    default:
        break;
    }
    if (!kd_cur_ok(&c))
        h2_event(ctx, H2_EV_FRAME_BROKEN);
}

static enum kd_status h2_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct h2_state *st = ctx->state;
    struct h2_side *side = &st->side[dir];
    bool greeting = !side->begun && msg.n == MAGIC && kd_bytes_starts(msg, kd_bytes_of(magic, MAGIC));
    bool first = !side->begun;
    side->begun = true;
    if (greeting)
        return KD_OK;
    struct h2_frame f = frame_of(msg);
    struct kd_bytes payload = kd_bytes_from(msg, H2_HEADER);
    if (first && f.type != H2_SETTINGS && !ctx->conn->midstream)
        return KD_MALFORMED;
    h2_focus(ctx, dir, f.stream);
    kd_inspect_number(ctx, KD_NUM_HTTP2_FRAMETYPE, dir, f.type);
    if (f.type == H2_DATA)
        on_data(ctx, dir, f, msg);
    else if (payload.n < f.length)
        side->skip = f.length - payload.n;
    else if (f.type == H2_HEADERS || f.type == H2_PUSH_PROMISE)
        on_headers(ctx, dir, f, payload);
    else
        on_other(ctx, dir, f, payload);
    if (f.stream == 0)
        kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    if (side->skip > 0 && (f.type == H2_HEADERS || f.type == H2_PUSH_PROMISE || f.type == H2_CONTINUATION)) {
        side->blind = true;
        h2_event(ctx, H2_EV_HEAD_TOO_LONG);
    }
    return KD_OK;
}

static enum kd_status h2_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    if (side->data > 0) {
        side->data -= kd_min_u64(piece.n, side->data);
        h2_data(ctx, side->stream, dir, piece);
        if (last) {
            side->data = 0;
            if (side->end)
                h2_end(ctx, side->stream, dir);
        }
    } else if (side->pad > 0) {
        side->pad = last ? 0 : side->pad - kd_min_u64(piece.n, side->pad);
    } else {
        side->skip = last ? 0 : side->skip - kd_min_u64(piece.n, side->skip);
    }
    return KD_OK;
}

static void h2_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct h2_side *side = &((struct h2_state *)ctx->state)->side[dir];
    if (side->data > 0) {
        uint64_t lost = kd_min_u64(n, side->data);
        h2_lost(ctx, side->stream, dir, lost);
        side->data -= lost;
        if (side->data == 0 && side->end)
            h2_end(ctx, side->stream, dir);
    } else if (side->pad > 0) {
        side->pad -= kd_min_u64(n, side->pad);
    } else {
        side->skip -= kd_min_u64(n, side->skip);
    }
}

static void h2_close(struct kd_ctx *ctx)
{
    struct h2_state *st = ctx->state;
    h2_close_all(ctx);
    for (unsigned dir = 0; dir < 2; dir++) {
        kd_buf_done(&st->side[dir].block, ctx->pool);
        h2_inflate_end(&st->side[dir]);
        kd_inspect_end(ctx, (enum kd_dir)dir, KD_INSPECT_ALL);
    }
}

const struct kd_parser kd_parser_http2 = {
    .name = "http2",
    .summary = "web requests and responses (HTTP/2 in clear)",
    .app = KD_APP_HTTP2,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){80, 8080, 443, 0},
    .max_message = H2_HEADER + H2_BLOCK_MAX + 1,
    .state_bytes = sizeof(struct h2_state),
    .probe = probe,
    .frame = h2_frame,
    .message = h2_message,
    .body = h2_body,
    .gap = h2_gap,
    .close = h2_close,
    .present = h2_present,
};
