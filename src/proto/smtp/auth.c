/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs on (RFC 4954). */
#include "proto/smtp/smtp.h"

enum { USER_MAX = 256 };

void smtp_auth_start(struct kd_ctx *ctx, struct kd_bytes params)
{
    struct smtp_state *st = ctx->state;
    smtp_auth_end(ctx, "unknown", (struct kd_bytes){NULL, 0});
    st->auth = kd_sasl_begin(ctx->pool, kd_bytes_cut(&params, ' '));
    params = kd_bytes_trim(params);
    if (params.n > 0)
        kd_sasl_line(st->auth, params);
}

void smtp_auth_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct smtp_state *st = ctx->state;
    kd_sasl_line(st->auth, line);
}

void smtp_auth_challenge(struct kd_ctx *ctx, struct kd_bytes text)
{
    struct smtp_state *st = ctx->state;
    kd_sasl_challenge(st->auth, text);
}

void smtp_auth_end(struct kd_ctx *ctx, const char *result, struct kd_bytes reason)
{
    struct smtp_state *st = ctx->state;
    struct kd_sasl *a = st->auth;
    if (a == NULL)
        return;
    if (strcmp(result, "success") == 0)
        st->auth_user = kd_arena_copy(&st->session, a->user, USER_MAX);
    kd_sasl_end(ctx, a, "smtp", result, reason);
    st->auth = NULL;
}
