/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the TDS parser share: tds.c the stream, login.c who logs on, tokens.c how the
 * server answers, batch.c what is worth telling of the statements. */
#ifndef KD_PROTO_TDS_TDS_H
#define KD_PROTO_TDS_TDS_H

#include "proto/credential/credential.h"
#include "proto/inner.h"
#include "proto/sql/sql.h"

/* Kinds of packets ([MS-TDS] 2.2.3.1.1). */
enum {
    TDS_BATCH = 1,
    TDS_LOGIN_OLD = 2, /* TDS 4.2 and 5.0 */
    TDS_RPC = 3,
    TDS_RESULT = 4,
    TDS_LOGIN7 = 16,
    TDS_SSPI = 17,
    TDS_PRELOGIN = 18
};

enum { TDS_HEAD = 8, TDS_LOGIN_MAX = 16384, TDS_STATEMENTS_MAX = 64 };

struct tds_windows {
    size_t size; /* of its block */
    struct kd_credential credential;
};

struct tds_state {
    struct kd_sql logon;
    struct kd_buf login;         /* a logon in several packets, until its last */
    struct tds_windows *windows; /* a logon of Windows */
    struct kd_inner tls;         /* within the packets before the logon */
    uint8_t going_on;            /* kind of the client's message that has more packets */
    uint8_t statements;          /* told */
    bool tls_seen, answered;
};

static inline struct tds_state *tds_state_of(const struct kd_ctx *ctx)
{
    return (struct tds_state *)ctx->state;
}

/* A whole logon, without packet headers; `old`: of TDS 4.2 or 5.0. */
void tds_login(struct kd_ctx *ctx, struct kd_bytes body, bool old);

/* What Windows' logon goes on with, of either side. */
void tds_sspi(struct kd_ctx *ctx, struct kd_bytes token);

/* The logon is over, or will not be seen: tell it. */
void tds_tell(struct kd_ctx *ctx);

/* The beginning of a server's answer. */
void tds_tokens(struct kd_ctx *ctx, struct kd_bytes body);

/* The first packet of a statement or procedure call. */
void tds_batch(struct kd_ctx *ctx, uint8_t type, struct kd_bytes body);

#endif
