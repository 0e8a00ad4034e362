/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/feed.h"

void kd_anomaly(const struct kd_ctx *ctx, const char *event, uint64_t at)
{
    struct kd_rec_anomaly rec = {
        .kind = kd_str("applayer"),
        .event = kd_str(event),
        .layer = kd_str(kd_app_names[ctx->app]),
        .offset = at,
    };
    kd_emit(ctx, KD_REC_ANOMALY, &rec);
    kd_odd(ctx, event);
}

/* `all`: nothing more is known of frames that are not over. */
static void lose_frames(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n, bool all)
{
    if (kd_wants_frames(ctx))
        ctx->sink->frames_lost(ctx->sink, ctx, dir, n, all);
}

static void give_up(struct kd_ctx *ctx, struct kd_feed *f, enum kd_dir dir)
{
    lose_frames(ctx, dir, 0, true);
    kd_buf_done(&f->held, ctx->pool);
    f->ended = true;
    f->body_left = 0;
}

/* Hand body bytes on; returns how many were taken. */
static size_t pass_body(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f,
                        enum kd_dir dir, struct kd_bytes in, enum kd_status *ret)
{
    struct kd_bytes piece = kd_bytes_head(in, (size_t)kd_min_u64(in.n, f->body_left));
    if (f->body_left != UINT64_MAX)
        f->body_left -= piece.n;
    kd_frame_span(ctx, dir, piece, f->offset);
    *ret = p->body == NULL ? KD_OK : p->body(ctx, dir, piece, f->body_left == 0);
    return piece.n;
}

static enum kd_status one_step(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f,
                               enum kd_dir dir, struct kd_bytes in, size_t seen, size_t *ret_used)
{
    enum kd_status s;
    if (f->body_left > 0) {
        *ret_used = pass_body(p, ctx, f, dir, in, &s);
        return s;
    }
    if (f->lost) {
        size_t at = p->resync == NULL ? SIZE_MAX : p->resync(ctx, dir, in);
        *ret_used = kd_min_size(at, in.n);
        f->lost = at == SIZE_MAX;
        return KD_OK;
    }
    struct kd_frame frame = {0};
    s = p->frame(ctx, dir, in, seen, &frame);
    if (s == KD_MORE) {
        f->want = frame.len > in.n ? frame.len : 0;
        return f->want > p->max_message || in.n >= p->max_message ? KD_LIMIT : KD_MORE;
    }
    if (s != KD_OK)
        return s;
    KD_ASSERT(frame.len > 0);
    if (frame.is_body) {
        f->body_left = frame.len;
        *ret_used = 0;
        return KD_OK;
    }
    if (frame.len > p->max_message)
        return KD_LIMIT;
    if (frame.len > in.n) {
        f->want = frame.len;
        return KD_MORE;
    }
    *ret_used = (size_t)frame.len;
    kd_frame_span(ctx, dir, kd_bytes_head(in, (size_t)frame.len), f->offset);
    return p->message(ctx, dir, kd_bytes_head(in, (size_t)frame.len));
}

/* Parse from `in` as far as it goes; *ret_used bytes are done with. */
static enum kd_status parse(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f,
                            enum kd_dir dir, struct kd_bytes in, size_t seen, size_t *ret_used)
{
    size_t used = 0;
    enum kd_status s = KD_OK;
    while (used < in.n) {
        size_t n = 0;
        s = one_step(p, ctx, f, dir, kd_bytes_from(in, used), seen, &n);
        if (s != KD_OK)
            break;
        used += n;
        f->offset += n;
        seen = 0;
    }
    *ret_used = used;
    return s;
}

enum kd_status kd_feed_data(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f,
                            enum kd_dir dir, struct kd_bytes in)
{
    while (in.n > 0 && !f->ended) {
        size_t seen = f->held.n;
        size_t used = 0;
        enum kd_status s;
        if (seen == 0) {
            s = parse(p, ctx, f, dir, in, 0, &used);
            in = kd_bytes_from(in, used);
        } else {
            /* Complete the held message with just what it lacks, if that is known, so that the rest
             * stays in place. */
            size_t lacks = f->want > seen ? (size_t)(f->want - seen) : in.n;
            struct kd_bytes piece = kd_bytes_head(in, kd_min_size(lacks, p->max_message - seen));
            if (piece.n == 0 || !kd_buf_add(&f->held, ctx->pool, piece, p->max_message)) {
                give_up(ctx, f, dir);
                return KD_LIMIT;
            }
            in = kd_bytes_from(in, piece.n);
            if (f->held.n < f->want)
                return KD_OK;
            s = parse(p, ctx, f, dir, kd_buf_view(&f->held), seen, &used);
            kd_buf_drop(&f->held, used);
            if (f->held.n == 0)
                kd_buf_done(&f->held, ctx->pool);
        }
        if (s == KD_MORE && f->held.n == 0) {
            if (!kd_buf_add(&f->held, ctx->pool, in, p->max_message))
                s = KD_LIMIT;
            in = kd_bytes_from(in, in.n);
        }
        if (s != KD_OK && s != KD_MORE) {
            give_up(ctx, f, dir);
            return s;
        }
    }
    return KD_OK;
}

void kd_feed_gap(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f, enum kd_dir dir,
                 uint64_t n)
{
    if (f->ended)
        return;
    f->offset += n;
    uint64_t in_body = kd_min_u64(n, f->body_left);
    lose_frames(ctx, dir, n, n > in_body);
    if (in_body > 0) {
        if (f->body_left != UINT64_MAX)
            f->body_left -= in_body;
        if (p->gap != NULL)
            p->gap(ctx, dir, in_body);
        if (f->body_left == 0 && p->body != NULL)
            kd_ignore(p->body(ctx, dir, (struct kd_bytes){NULL, 0}, true));
    }
    if (n == in_body)
        return;
    f->offset += f->held.n;
    kd_buf_done(&f->held, ctx->pool);
    if (p->gap != NULL)
        p->gap(ctx, dir, n - in_body);
    f->want = 0;
    f->lost = true;
    if (p->resync == NULL)
        give_up(ctx, f, dir);
}

void kd_feed_end(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f, enum kd_dir dir)
{
    if (!f->ended && f->body_left > 0 && p->body != NULL)
        kd_ignore(p->body(ctx, dir, (struct kd_bytes){NULL, 0}, true));
    else if (!f->ended && !f->lost && f->held.n > 0 && p->rest != NULL)
        p->rest(ctx, dir, kd_buf_view(&f->held));
    give_up(ctx, f, dir);
}
