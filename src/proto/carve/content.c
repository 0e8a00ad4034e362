/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/content.h"

void content_start(struct content *c, const struct kd_ctx *ctx)
{
    if (ctx->contents == NULL || ctx->contents->keep == KD_CONTENTS_NONE)
        return;
    c->to = ctx->contents;
    c->conn = *ctx->conn;
    c->ts_us = ctx->now_us;
}

void content_decide(struct content *c, struct kd_pool *pool, enum kd_contents_risk risk,
                    uint64_t size)
{
    if (c->to == NULL)
        return;
    bool wanted = c->to->keep == KD_CONTENTS_ALL || risk == KD_RISK_MUCH || (risk == KD_RISK_SOME && c->to->some);
    c->risk = risk;
    c->to->given_up += wanted && size > c->to->most;
    if (!wanted || size > c->to->most)
        content_drop(c, pool);
}

void content_add(struct content *c, struct kd_pool *pool, struct kd_bytes piece)
{
    if (c->to == NULL)
        return;
    size_t before = c->held.room;
    bool fits = piece.n <= c->to->waiting_max - kd_min_size(c->to->waiting, c->to->waiting_max) &&
                kd_buf_add(&c->held, pool, piece, c->to->most);
    c->to->waiting += c->held.room - before;
    if (!fits) {
        c->to->given_up++;
        content_drop(c, pool);
    }
}

void content_drop(struct content *c, struct kd_pool *pool)
{
    if (c->to != NULL)
        c->to->waiting -= c->held.room;
    kd_buf_done(&c->held, pool);
    c->to = NULL;
}

bool content_keep(struct content *c, struct kd_bytes sha256)
{
    if (c->to == NULL || c->held.n == 0)
        return false;
    return c->to->put(c->to, &c->conn, c->ts_us, c->risk, sha256, kd_buf_view(&c->held));
}
