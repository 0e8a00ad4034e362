/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mime/fetched.h"

void kd_fetched_begin(const struct kd_ctx *ctx, struct kd_fetched *f, uint32_t tx_id)
{
    kd_arena_init(&f->mem, ctx->pool, KD_MIME_ARENA);
    f->mime = kd_mime_start(&f->mem, ctx->lim, (struct kd_mime_of){tx_id, false});
    if (f->mime == NULL)
        kd_arena_done(&f->mem);
}

void kd_fetched_data(struct kd_ctx *ctx, struct kd_fetched *f, struct kd_bytes piece)
{
    if (f->mime != NULL && piece.n > 0)
        kd_mime_feed(f->mime, ctx, piece);
}

void kd_fetched_lost(struct kd_fetched *f, uint64_t n)
{
    if (f->mime != NULL)
        kd_mime_lost(f->mime, n);
}

void kd_fetched_end(struct kd_ctx *ctx, struct kd_fetched *f, struct kd_bytes user, bool whole)
{
    if (f->mime == NULL)
        return;
    struct kd_rec_smtp rec = {.auth_user = user};
    kd_mime_end(f->mime, ctx, whole);
    kd_mime_record(f->mime, &rec);
    kd_emit(ctx, KD_REC_SMTP, &rec);
    f->mime = NULL;
    kd_arena_done(&f->mem);
}
