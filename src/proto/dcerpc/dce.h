/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the DCE/RPC parser share: dcerpc.c cuts the stream and serves carriers,
 * session.c knows the bound interfaces and pairs calls, auth.c the logons, call.c writes records;
 * args.c and its tables say what was asked. */
#ifndef KD_PROTO_DCERPC_DCE_H
#define KD_PROTO_DCERPC_DCE_H

#include "proto/dcerpc/args.h"
#include "proto/dcerpc/dcerpc.h"
#include "proto/feed.h"

enum dce_pdu_type {
    DCE_REQUEST = 0,
    DCE_RESPONSE = 2,
    DCE_FAULT = 3,
    DCE_BIND = 11,
    DCE_BIND_ACK = 12,
    DCE_BIND_NAK = 13,
    DCE_ALTER = 14,
    DCE_ALTER_RESP = 15,
    DCE_AUTH3 = 16,
    DCE_SHUTDOWN = 17,
    DCE_CANCEL = 18,
    DCE_ORPHANED = 19
};

enum {
    DCE_HEAD = 16,
    DCE_FIRST = 0x01,
    DCE_LAST = 0x02,
    DCE_OBJECT = 0x80,
    DCE_LITTLE = 0x10, /* of the first byte of the data representation */

    DCE_AUTH_SPNEGO = 9,
    DCE_AUTH_NTLM = 10,
    DCE_AUTH_SCHANNEL = 14,
    DCE_AUTH_KERBEROS = 16,
    DCE_AUTH_NETLOGON = 68,
    DCE_LEVEL_NONE = 1,
    DCE_LEVEL_CONNECT = 2,
    DCE_LEVEL_PRIVACY = 6,

    DCE_NAME_MAX = 256, /* bytes of UTF-8 kept of a user, domain, host */
    DCE_PIPE_MAX = 64
};

/* Oddities, told once per conversation each. */
enum dce_oddity {
    DCE_ODD_BODY,  /* dcerpc_bad_body: fields point outside of the message */
    DCE_ODD_TOKEN, /* dcerpc_bad_auth_token: token is not of the kind announced */
    DCE_ODDITIES
};

/* One message: its head, body and the parts of its security trailer. */
struct dce_pdu {
    uint8_t type, flags;
    bool big;
    uint32_t call_id;
    struct kd_cur body;
    struct kd_bytes all; /* all of it behind the head, with its security trailer */
    uint8_t auth_type, auth_level; /* 0 without a trailer */
    struct kd_bytes token;
};

/* A bound interface (presentation context). */
struct dce_bound {
    const struct dce_iface *iface; /* NULL: nobody knows it */
    char uuid[DCE_UUID_TEXT];
    uint16_t major, minor;
    bool known; /* bound, or concluded (guessed) */
    bool wide;  /* NDR64 */
    bool guessed;
};

struct dce_context {
    struct dce_context *next;
    struct dce_bound bound;
    uint16_t id;
    uint16_t position; /* among those of its bind */
    uint32_t bind;     /* number of the bind that asked for it */
    uint16_t result;   /* the server's word on it */
};

/* A call waiting for its answer. */
struct dce_call {
    struct dce_call *next; /* an older one */
    size_t size;           /* of its block */
    uint32_t id;
    uint16_t opnum, context;
    struct dce_bound to;
    const struct dce_op *op;
    uint8_t level;
    bool big, has_object, asked, answered, fault, has_status;
    uint8_t object[DCE_UUID];
    uint32_t status;
    uint64_t request_bytes, response_bytes;
    uint16_t fragments[2]; /* by direction */
    struct kd_buf stub;  /* of a request or answer in several fragments */
    struct kd_buf shown; /* the same as rules see it */
    uint64_t raw[2];     /* bytes as rules see them, by direction */
    struct dce_kept *args;
    uint32_t repeats;  /* of this call, not yet told */
    uint64_t first_us; /* when it was told */
};

/* Names of a logon inside. */
struct dce_logon {
    struct kd_bytes user, domain, host;
};

struct kd_dcerpc {
    const char *over;
    struct kd_arena mem; /* contexts and names: bounded by their number */
    struct dce_context *contexts;
    uint32_t n_contexts, binds;
    struct dce_record *present; /* of the call that rules are shown now */
    uint32_t bind_id; /* call number of the newest bind */
    bool bind_alters, bind_waits;
    struct dce_call *calls; /* newest first */
    uint32_t n_calls;
    struct dce_call *last; /* answered: its repeats are counted */
    size_t used;           /* memory of calls and handles */
    struct dce_handles handles;
    uint32_t told;
    uint32_t guesses;
    uint64_t sealed_ops; /* operation numbers of sealed calls to interfaces not known */
    bool sealed_bind;
    bool unsure[2];
    uint8_t auth_type, auth_level;
    bool logon_pending, logon_kerberos, logon_anonymous;
    struct dce_logon logon;
    struct kd_bytes challenge; /* the server's NTLM message */
    struct kd_bytes user, domain, auth;
    char pipe[DCE_PIPE_MAX];
    /* Of a carried conversation only. */
    struct kd_feed feed[2];
    size_t size;
    void (*told_to)(const struct kd_ctx *ctx, void *arg, const struct kd_smb_call *call);
    void *told_arg, *told_state;
};

void dce_odd(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum dce_oddity what);

/* session.c */
void dce_start(const struct kd_ctx *ctx, struct kd_dcerpc *d);
void dce_message(struct kd_ctx *ctx, struct kd_dcerpc *d, enum kd_dir dir, struct kd_bytes msg);
void dce_end(const struct kd_ctx *ctx, struct kd_dcerpc *d);

/* auth.c */
void dce_auth_bind(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_pdu *pdu);
void dce_auth_ack(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_pdu *pdu);
/* How a logon that waits for its outcome ended: success, failure (reason) or unknown. */
void dce_auth_result(const struct kd_ctx *ctx, struct kd_dcerpc *d, const char *result,
                     struct kd_bytes reason);
/* The first call after a logon was refused with this. */
void dce_auth_fault(const struct kd_ctx *ctx, struct kd_dcerpc *d, uint32_t status, bool is_signed);
struct kd_bytes dce_auth_name(const struct kd_dcerpc *d);
struct kd_bytes dce_level_name(uint8_t level);

/* call.c */
struct dce_call *dce_call_new(const struct kd_ctx *ctx, struct kd_dcerpc *d);
void dce_call_free(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call);
/* Show a whole request or answer to the rules: service, number, and its bytes as Suricata counts them to the arguments
 * (of a request all behind its head of 24 bytes, of an answer all behind its common head of 16). */
void dce_call_show(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_call *call, enum kd_dir dir,
                   struct kd_bytes stub);
/* What is known of the call that rules are shown now. */
const void *dce_call_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type);
/* Add to what is held of it (one of its buffers), as far as limits allow. */
void dce_call_hold(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct kd_buf *to, struct kd_bytes stub);
void dce_call_drop_held(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call);
void dce_call_keep(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call,
                   const struct dce_args *args);
void dce_call_load(const struct kd_ctx *ctx, const struct dce_call *call, struct dce_args *args);
/* It is over: tell it, or count it when it is like the one before.  Takes it. */
void dce_call_done(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct dce_call *call);
/* A record of it, of this kind; `calls` alike, 0: one. */
void dce_call_tell(const struct kd_ctx *ctx, const struct kd_dcerpc *d, const struct dce_call *call, enum kd_rec_type type,
                   uint32_t calls);
/* Tell the repeats that wait. */
void dce_repeats_flush(const struct kd_ctx *ctx, struct kd_dcerpc *d);
void dce_handle_keep(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct kd_bytes key,
                     struct kd_bytes label);
void dce_handles_done(const struct kd_ctx *ctx, struct kd_dcerpc *d);

/* step.c: what JSON lines alone tell: binds, and each call by itself.  All do nothing when nobody reads such lines. */
enum dce_bind_end { DCE_BIND_TAKEN, DCE_BIND_REFUSED, DCE_BIND_UNANSWERED };
void dce_step_bind(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum dce_bind_end end);
/* `repeats`: it is like the one before, and will be told as one with others. */
void dce_step_call(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_call *call, bool repeats);

/* status.c: names of [MS-ERREF], C706 and [MS-RPCE]; others are written into `room`. */
enum { DCE_STATUS_ROOM = 16 };
struct kd_bytes dce_fault_name(uint32_t status, char room[DCE_STATUS_ROOM]);
struct kd_bytes dce_status_name(uint32_t status, char room[DCE_STATUS_ROOM]);

/* guess.c: the interface of a call whose bind was not seen: by what was asked and the pipe's name;
 * or of a sealed call that was answered, by the course of the conversation. */
const struct dce_iface *dce_guess(struct kd_dcerpc *d, uint16_t opnum, struct kd_bytes stub,
                                  bool big, bool *ret_wide);
const struct dce_iface *dce_guess_sealed(struct kd_dcerpc *d, const struct dce_call *call);

#endif
