/* SPDX-License-Identifier: Apache-2.0 */
/* A logon at a database, gathered while it goes on and told once: what the parsers of the database
 * protocols share.  Passwords are never kept. */
#ifndef KD_PROTO_SQL_SQL_H
#define KD_PROTO_SQL_SQL_H

#include "proto/parser.h"

enum { KD_SQL_TEXT = 64, KD_SQL_MESSAGE = 160 };

enum kd_sql_outcome { KD_SQL_UNKNOWN, KD_SQL_SUCCESS, KD_SQL_FAILURE };

struct kd_sql_text {
    uint8_t n;
    uint8_t b[KD_SQL_TEXT];
};

/* Zeroed is ready. */
struct kd_sql {
    struct kd_sql_text user, database, application, client_name, version, auth;
    uint8_t message_n;
    uint8_t message[KD_SQL_MESSAGE];
    uint32_t error;
    struct kd_bytes domain; /* borrowed until told */
    const char *refusal;    /* static name of the error; NULL: none */
    uint8_t outcome;        /* enum kd_sql_outcome, of the logon itself */
    bool attempt;           /* somebody tried to log on */
    bool password;          /* its password could be read on the way */
    bool encrypted, ok, told;
};

static inline struct kd_bytes kd_sql_view(const struct kd_sql_text *t)
{
    return kd_bytes_of(t->b, t->n);
}

/* Keep the beginning of a foreign text, as UTF-8; of UTF-16LE. */
void kd_sql_set(struct kd_sql_text *t, struct kd_bytes text);
void kd_sql_set16(struct kd_sql_text *t, struct kd_bytes text);
void kd_sql_say(struct kd_sql *s, struct kd_bytes message);
void kd_sql_say16(struct kd_sql *s, struct kd_bytes message);

/* Tell it, once: `sql`, and `login` when somebody tried.  Nothing when nothing is known. */
void kd_sql_tell(struct kd_ctx *ctx, struct kd_sql *s);

#endif
