/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the LDAP parser.  ldap.c cuts the stream, message.c reads what stands in a message,
 * filter.c prints search filters, session.c joins requests with their answers, bind.c follows
 * logons, show.c shows messages to rules. */
#ifndef KD_PROTO_LDAP_LDAP_H
#define KD_PROTO_LDAP_LDAP_H

#include "base/der.h"
#include "base/out.h"
#include "proto/inner.h"
#include "proto/parser.h"

/* protocolOp (RFC 4511 4.2 to 4.14) by its identifier octet. */
enum ldap_op {
    LDAP_BIND = 0x60,
    LDAP_BIND_ANSWER = 0x61,
    LDAP_UNBIND = 0x42,
    LDAP_SEARCH = 0x63,
    LDAP_ENTRY = 0x64,
    LDAP_SEARCH_DONE = 0x65,
    LDAP_REFERENCE = 0x73,
    LDAP_MODIFY = 0x66,
    LDAP_MODIFY_ANSWER = 0x67,
    LDAP_ADD = 0x68,
    LDAP_ADD_ANSWER = 0x69,
    LDAP_DELETE = 0x4a,
    LDAP_DELETE_ANSWER = 0x6b,
    LDAP_MODIFY_DN = 0x6c,
    LDAP_MODIFY_DN_ANSWER = 0x6d,
    LDAP_COMPARE = 0x6e,
    LDAP_COMPARE_ANSWER = 0x6f,
    LDAP_ABANDON = 0x50,
    LDAP_EXTENDED = 0x77,
    LDAP_EXTENDED_ANSWER = 0x78,
    LDAP_INTERMEDIATE = 0x79
};

enum {
    LDAP_MESSAGE_MAX = 65536,  /* a message held whole */
    LDAP_LENGTH_MAX = 1 << 24, /* a longer one is none */
    LDAP_HEAD_MAX = 24,        /* bytes that always hold a message's head */
    LDAP_NAME_MAX = 512,       /* of a distinguished name; the rest is cut */
    LDAP_VALUE_MAX = 256,      /* of an attribute's value */
    LDAP_LIST_MAX = 128,       /* attributes, controls */
    LDAP_DIAGNOSTIC_MAX = 256,
    LDAP_PROTO_UDP = 17
};

/* What a message begins with. */
struct ldap_head {
    uint32_t id;
    uint8_t op;
    size_t at;        /* where the operation's content begins */
    uint64_t content; /* its length */
    uint64_t total;   /* of the message */
};

/* Is this the start of a message?  MORE: as far as it goes. */
enum kd_probe ldap_read_head(struct kd_bytes in, struct ldap_head *ret);

bool ldap_is_request(uint8_t op);
bool ldap_is_answer(uint8_t op);
const char *ldap_op_name(uint8_t op); /* of a request, or of what an answer answers */

/* Name of a result code (RFC 4511 4.1.9); NULL when it has none. */
const char *ldap_result_name(uint32_t code);

/* The text representation of the filter at the start of `d` (RFC 4515).  False when it is broken or
 * too deep; what was read until then is written. */
bool ldap_out_filter(struct kd_out *o, struct kd_der *d);

/* An attribute's value for people: text as it is, anything else as 0x…; never a password. */
void ldap_out_value(struct kd_out *o, struct kd_bytes attribute, struct kd_bytes value);

/* The common part of answers. */
struct ldap_result {
    uint32_t code;
    struct kd_bytes matched, diagnostic, oid; /* oid: of an extended answer */
};
struct ldap_result ldap_read_result(struct kd_der *d);

/* A list of texts in one run of bytes: a little-endian length before each. */
void ldap_list_add(struct kd_out *o, struct kd_bytes text);
size_t ldap_list_read(struct kd_bytes list, struct kd_bytes *ret, size_t max);

/* A request that waits for its answer, in a block of its own: texts lie behind it. */
struct ldap_pending {
    struct ldap_pending *next; /* older */
    size_t size;
    uint64_t at_us;
    uint64_t entry_bytes;
    uint32_t id, entries;
    uint8_t op, scope;
    uint32_t base_n, filter_n, oid_n, attributes_n, controls_n;
    uint8_t text[];
};

struct ldap_bind; /* bind.c */

struct ldap_stream {
    uint64_t body_left;   /* of a message or wrapping that is not held */
    uint32_t wrap_left;   /* stream bytes left of a signed wrapping */
    uint32_t trailer;     /* behind them */
    bool started, unsure; /* unsure: behind a loss, looking for a message */
};

struct ldap_state {
    struct ldap_stream stream[2];
    struct ldap_pending *pending; /* newest first */
    uint32_t n_pending;
    struct ldap_bind *bind;
    struct kd_inner inner; /* TLS after StartTLS */
    uint32_t told;
    uint32_t shown; /* answers of the present request, to rules */
    uint64_t sealed_bytes[2];
    uint32_t sealed_messages[2];
    uint64_t sealed_at_us;
    bool tls;
    const struct kd_rec_ldap *present; /* while rules look at what was asked or answered */
    uint8_t user_n, auth_n;
    uint8_t user[250]; /* who is logged on */
    char auth[16];
};

enum ldap_oddity {
    LDAP_ODD_BODY,
    LDAP_ODD_TOO_LONG,
    LDAP_ODD_TOKEN,
    LDAP_ODD_TOO_MANY,
    LDAP_ODDITIES
};
void ldap_odd(const struct kd_ctx *ctx, enum ldap_oddity what);

static inline struct ldap_state *ldap_state_of(const struct kd_ctx *ctx)
{
    return (struct ldap_state *)ctx->state;
}

/* session.c: a message (or the head of an entry), and the end. */
void ldap_session_message(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes msg);
void ldap_session_close(struct kd_ctx *ctx);

/* show.c: to the rules, which see a request and its answers.  What entries hold is kept only if some rule asks. */
bool ldap_shows_entries(const struct kd_ctx *ctx);
void ldap_show(const struct kd_ctx *ctx, const struct ldap_head *h, struct kd_bytes content);

/* bind.c: content of a bind request or answer. */
void ldap_bind_request(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_der *d);
void ldap_bind_answer(struct kd_ctx *ctx, struct kd_der *d);
void ldap_bind_close(struct kd_ctx *ctx);

#endif
