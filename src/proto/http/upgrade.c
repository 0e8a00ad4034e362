/* SPDX-License-Identifier: Apache-2.0 */
/* 101 Switching Protocols (RFC 9110, 15.2.2): HTTP/2 in clear, and WebSocket. */
#include "proto/http/http.h"
#include "proto/websocket/websocket.h"

extern const struct kd_parser kd_parser_http2, kd_parser_websocket;

void http_upgrade_field(struct kd_ctx *ctx, struct kd_bytes name, struct kd_bytes value)
{
    struct http_state *st = ctx->state;
    struct http_framing *f = &st->side[KD_TO_CLIENT].framing;
    if (kd_bytes_ieq(name, kd_str("Upgrade"))) {
        f->upgrade = kd_bytes_ieq(value, kd_str("h2c"))         ? HTTP_UPGRADE_H2C
                     : kd_bytes_ieq(value, kd_str("websocket")) ? HTTP_UPGRADE_WEBSOCKET
                                                                : HTTP_UPGRADE_OTHER;
    } else if (kd_bytes_ieq(name, kd_str("Sec-WebSocket-Extensions"))) {
        struct kd_out o = kd_out_of(st->extensions, sizeof(st->extensions));
        kd_out_bytes(&o, kd_bytes_head(value, sizeof(st->extensions)));
        st->extensions_n = (uint8_t)o.n;
    }
}

void http_upgrade(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    uint8_t to = st->side[KD_TO_CLIENT].framing.upgrade;
    if (to == HTTP_UPGRADE_OTHER || st->framed.on)
        return;
    bool websocket = to == HTTP_UPGRADE_WEBSOCKET;
    if (kd_inner_begin(&st->upgraded, ctx, websocket ? &kd_parser_websocket : &kd_parser_http2) && websocket)
        kd_websocket_begin(st->upgraded.state, kd_bytes_of(st->extensions, st->extensions_n));
}

/* To the rules it is a conversation of its own protocol. */
static struct kd_ctx within(const struct kd_ctx *ctx, const struct kd_inner *in)
{
    struct kd_ctx c = *ctx;
    if (in->parser != NULL)
        c.app = in->parser->app;
    return c;
}

void http_upgrade_data(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece)
{
    struct kd_inner *in = &((struct http_state *)ctx->state)->upgraded;
    struct kd_ctx c = within(ctx, in);
    kd_inner_data(in, &c, dir, piece);
}

void http_upgrade_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct kd_inner *in = &((struct http_state *)ctx->state)->upgraded;
    struct kd_ctx c = within(ctx, in);
    kd_inner_gap(in, &c, dir, n);
}

void http_upgrade_end(struct kd_ctx *ctx)
{
    struct kd_inner *in = &((struct http_state *)ctx->state)->upgraded;
    struct kd_ctx c = within(ctx, in);
    kd_inner_end(in, &c);
}
