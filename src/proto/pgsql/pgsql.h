/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of PostgreSQL and answered, gathered until it is complete (private to this folder). */
#ifndef KD_PROTO_PGSQL_PGSQL_H
#define KD_PROTO_PGSQL_PGSQL_H

#include "proto/pace.h"

enum { PG_PARAMETERS_MAX = 32 };

/* Kinds of AuthenticationXXX. */
enum {
    PG_AUTH_OK = 0,
    PG_AUTH_KERBEROS5 = 2,
    PG_AUTH_CLEARTEXT = 3,
    PG_AUTH_MD5 = 5,
    PG_AUTH_GSS = 7,
    PG_AUTH_CONTINUE = 8,
    PG_AUTH_SSPI = 9,
    PG_AUTH_SASL = 10,
    PG_AUTH_SASL_CONTINUE = 11,
    PG_AUTH_SASL_FINAL = 12
};

/* The exchange under way.  Zeroed is ready; its texts live in `mem` until it is told. */
struct pg_exchange {
    struct kd_arena mem;
    bool asked, answered;
    struct kd_pgsql_request request;
    struct kd_pgsql_response response;
    struct kd_pgsql_parameter *parameters[2]; /* by direction; PG_PARAMETERS_MAX of them */
    uint32_t next_tx;
    struct kd_pace pace;
};

/* The client's first message, behind length and version; a message of a letter; one without content ("SSL Request"). */
void pg_startup(struct kd_ctx *ctx, struct pg_exchange *x, uint32_t version, struct kd_bytes rest);
void pg_asks(struct kd_ctx *ctx, struct pg_exchange *x, uint8_t type, struct kd_bytes body, uint8_t auth);
void pg_asks_for(struct kd_ctx *ctx, struct pg_exchange *x, const char *what);

/* The server's part; `over`: its refusal of a logon ends the conversation. */
void pg_answers(struct kd_ctx *ctx, struct pg_exchange *x, uint8_t type, struct kd_bytes body, bool over);
void pg_encrypts(struct kd_ctx *ctx, struct pg_exchange *x, bool agreed);

/* `bytes` of a row ('D'), or of data of COPY ('d'), that went by unread. */
void pg_counts(struct kd_ctx *ctx, struct pg_exchange *x, enum kd_dir dir, uint8_t type, uint64_t bytes);

/* Tell what there is, and forget it. */
void pg_tell(struct kd_ctx *ctx, struct pg_exchange *x);

#endif
