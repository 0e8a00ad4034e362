/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/inner.h"

static struct kd_ctx ctx_of(const struct kd_inner *in, const struct kd_ctx *outer)
{
    struct kd_ctx ctx = *outer;
    ctx.inner = true;
    ctx.state = in->state; /* the records stay the outer protocol's by their head */
    return ctx;
}

bool kd_inner_begin(struct kd_inner *in, const struct kd_ctx *outer, const struct kd_parser *parser)
{
    if (in->parser != NULL)
        return true;
    in->state = kd_pool_take(outer->pool, parser->state_bytes, &in->size);
    if (in->state == NULL)
        return false;
    memset(in->state, 0, in->size);
    in->parser = parser;
    if (outer->app != KD_APP_RDP) /* there TLS is a part of it */
        kd_goes_over(outer, parser->app);
    return true;
}

void kd_inner_data(struct kd_inner *in, const struct kd_ctx *outer, enum kd_dir dir,
                   struct kd_bytes piece)
{
    if (in->parser == NULL)
        return;
    struct kd_ctx ctx = ctx_of(in, outer);
    kd_ignore(kd_feed_data(in->parser, &ctx, &in->feed[dir], dir, piece));
}

void kd_inner_gap(struct kd_inner *in, const struct kd_ctx *outer, enum kd_dir dir, uint64_t n)
{
    if (in->parser == NULL)
        return;
    struct kd_ctx ctx = ctx_of(in, outer);
    kd_feed_gap(in->parser, &ctx, &in->feed[dir], dir, n);
}

void kd_inner_end(struct kd_inner *in, const struct kd_ctx *outer)
{
    if (in->parser == NULL)
        return;
    struct kd_ctx ctx = ctx_of(in, outer);
    kd_feed_end(in->parser, &ctx, &in->feed[0], KD_TO_SERVER);
    kd_feed_end(in->parser, &ctx, &in->feed[1], KD_TO_CLIENT);
    if (in->parser->close != NULL)
        in->parser->close(&ctx);
    kd_pool_give(outer->pool, in->state, in->size);
    *in = (struct kd_inner){0};
}
