/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http/http.h"

enum {
    SIDE_TEXT = 24 * 1024, /* texts of one side: both fit a record (KD_RECORD_MAX) */
    TX_ARENA = 96 * 1024
};

struct http_tx *http_tx_new(struct kd_ctx *ctx, bool for_request)
{
    struct http_state *st = ctx->state;
    struct kd_arena mem;
    kd_arena_init(&mem, ctx->pool, TX_ARENA);
    struct http_tx *tx = kd_arena_alloc(&mem, sizeof(*tx));
    uint32_t id = st->next_id++;
    if (tx == NULL)
        return NULL;
    tx->mem = mem;
    tx->rec.tx_id = id;
    if (st->framed.on)
        tx->rec.http2 = (struct kd_list){&st->framed.is, 1};
    tx->text_left[0] = tx->text_left[1] = SIDE_TEXT;
    tx->has_request = for_request;
    st->mem += mem.used;
    st->n_tx++;
    if (for_request && st->last != NULL) {
        st->last->next = tx;
    } else {
        tx->next = for_request ? NULL : st->first;
        st->first = tx;
    }
    if (tx->next == NULL)
        st->last = tx;
    return tx;
}

static void forget(struct kd_ctx *ctx, struct http_tx *tx)
{
    struct http_state *st = ctx->state;
    struct http_tx *before = NULL;
    for (struct http_tx *t = st->first; t != tx; t = t->next)
        before = t;
    if (before == NULL)
        st->first = tx->next;
    else
        before->next = tx->next;
    if (st->last == tx)
        st->last = before;
    for (int dir = 0; dir < 2; dir++)
        if (st->side[dir].tx == tx)
            st->side[dir].tx = NULL;
    st->n_tx--;
    st->mem -= tx->mem.used;
    struct kd_arena mem = tx->mem;
    kd_arena_done(&mem);
}

static void emit(struct kd_ctx *ctx, struct http_tx *tx)
{
    struct kd_rec_http *rec = &tx->rec;
    for (int dir = 0; dir < 2; dir++)
        http_content_end(ctx, tx, (enum kd_dir)dir, false);
    if (!tx->secret)
        rec->request_head = kd_bytes_of(tx->head[KD_TO_SERVER], tx->head_n[KD_TO_SERVER]);
    http_hint_end(ctx, tx);
    rec->response_head = kd_bytes_of(tx->head[KD_TO_CLIENT], tx->head_n[KD_TO_CLIENT]);
    rec->request_fields = kd_bytes_of(tx->names, tx->names_n);
    kd_emit(ctx, KD_REC_HTTP, rec);
    http_auth_emit(ctx, tx);
    forget(ctx, tx);
}

/* Make room by telling the oldest unanswered request as it is; its answer will then come alone. */
static bool give_up_oldest(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    struct http_tx *t = st->first;
    while (t != NULL && (t->has_response || !t->request_done))
        t = t->next;
    if (t == NULL)
        return false;
    st->orphans++;
    emit(ctx, t);
    return true;
}

static void make_room(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    while (st->n_tx >= ctx->lim->pending || st->mem > ctx->lim->flow_bytes) {
        http_event(ctx, KD_TO_SERVER, HTTP_EV_TOO_MANY_PENDING, 0);
        if (!give_up_oldest(ctx))
            return;
    }
}

struct http_tx *http_tx_for_response(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[KD_TO_CLIENT];
    if (side->was_lost) {
        /* How many answers went missing is not known.  Without pipelining this one belongs to the
         * newest request; with it nothing better can be said. */
        while (st->first != NULL && st->first != st->last && !st->first->has_response)
            emit(ctx, st->first);
        st->orphans = 0;
        side->was_lost = false;
    }
    struct http_tx *tx = NULL;
    if (st->orphans > 0) {
        st->orphans--;
    } else {
        for (tx = st->first; tx != NULL && tx->has_response;)
            tx = tx->next;
    }
    if (tx == NULL) {
        if (!ctx->conn->midstream && !st->framed.on)
            http_event(ctx, KD_TO_CLIENT, HTTP_EV_RESPONSE_ALONE, 0);
        make_room(ctx);
        tx = http_tx_new(ctx, false);
    }
    if (tx == NULL)
        return NULL;
    tx->has_response = true;
    kd_sha256_start(&tx->sha);
    if (tx->has_request && ctx->now_us > tx->request_us)
        tx->rec.latency_us = ctx->now_us - tx->request_us;
    return tx;
}

void *http_tx_alloc(struct kd_ctx *ctx, struct http_tx *tx, size_t n)
{
    struct http_state *st = ctx->state;
    size_t before = tx->mem.used;
    void *p = kd_arena_alloc(&tx->mem, n);
    st->mem += tx->mem.used - before;
    return p;
}

struct kd_bytes http_tx_keep(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir,
                             struct kd_bytes text)
{
    struct http_state *st = ctx->state;
    size_t before = tx->mem.used;
    size_t max = kd_min_size(ctx->lim->text_bytes, tx->text_left[dir]);
    struct kd_bytes kept = kd_arena_copy(&tx->mem, text, max);
    tx->text_left[dir] -= (uint32_t)kept.n;
    st->mem += tx->mem.used - before;
    if (st->mem > ctx->lim->flow_bytes)
        tx->text_left[0] = tx->text_left[1] = 0;
    return kept;
}

static uint64_t *length_of(struct http_tx *tx, enum kd_dir dir)
{
    return dir == KD_TO_SERVER ? &tx->rec.request_length : &tx->rec.length;
}

void http_tx_body(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, struct kd_bytes piece)
{
    if (dir == KD_TO_SERVER && !tx->lost[dir])
        http_hint_body(ctx, tx, piece);
    *length_of(tx, dir) += piece.n;
    http_content_data(ctx, tx, dir, piece);
    if (tx->lost[dir])
        return;
    if (tx->head_n[dir] < HTTP_HEAD_BYTES) {
        struct kd_out head = kd_out_of(tx->head[dir], HTTP_HEAD_BYTES);
        head.n = tx->head_n[dir];
        kd_out_bytes(&head, kd_bytes_head(piece, HTTP_HEAD_BYTES - head.n));
        tx->head_n[dir] = (uint8_t)head.n;
    }
    if (dir == KD_TO_CLIENT && !http_content_hashes(tx))
        kd_sha256_add(&tx->sha, piece);
}

void http_tx_body_lost(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, uint64_t n)
{
    *length_of(tx, dir) += n;
    http_content_lost(ctx, tx, dir, n);
    tx->lost[dir] = true;
}

void http_tx_end(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, bool whole)
{
    if (tx == NULL)
        return;
    bool hashed = http_content_hashes(tx);
    http_content_end(ctx, tx, dir, whole);
    if (dir == KD_TO_SERVER) {
        tx->request_done = true;
        tx->request_us = ctx->now_us;
    } else {
        tx->response_done = true;
        if (!hashed && whole && !tx->lost[KD_TO_CLIENT] && tx->rec.length > 0) {
            kd_sha256_end(&tx->sha, tx->digest);
            tx->rec.response_sha256 = kd_bytes_of(tx->digest, sizeof(tx->digest));
        }
    }
    if (tx->response_done && (tx->request_done || !tx->has_request))
        emit(ctx, tx);
    else if (dir == KD_TO_SERVER)
        make_room(ctx);
}

void http_tx_close(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    while (st->first != NULL)
        emit(ctx, st->first);
    http_ranges_end(ctx);
}
