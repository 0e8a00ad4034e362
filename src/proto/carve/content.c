/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/content.h"

void content_start(struct content *c, const struct kd_ctx *ctx)
{
    if (ctx->contents == NULL || (ctx->contents->keep == KD_CONTENTS_NONE && !ctx->contents->rules_ask))
        return;
    c->to = ctx->contents;
    c->conn = *ctx->conn;
    c->ts_us = ctx->now_us;
}

void content_decide(struct content *c, struct kd_pool *pool, enum kd_contents_risk risk,
                    uint64_t size)
{
    enum kd_contents_keep keep = c->to != NULL ? c->to->keep : KD_CONTENTS_NONE;
    c->risk = risk;
    c->wanted = keep == KD_CONTENTS_ALL ||
                (keep == KD_CONTENTS_RISKY && (risk == KD_RISK_MUCH || (risk == KD_RISK_SOME && c->to->some)));
    if (c->wanted)
        c->to->given_up += size > c->to->most;
    if ((!c->wanted && (c->to == NULL || !c->to->rules_ask)) || size > c->to->most)
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
        c->to->given_up += c->wanted;
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

bool content_keep(struct content *c, struct kd_bytes sha256, bool asked)
{
    if (c->to == NULL || c->held.n == 0 || (!c->wanted && !asked))
        return false;
    return c->to->put(c->to, &c->conn, c->ts_us, c->risk, asked, sha256, kd_buf_view(&c->held));
}
