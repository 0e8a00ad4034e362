/* SPDX-License-Identifier: Apache-2.0 */
/* Connection-oriented DCE/RPC 5 (C706 12.6, [MS-RPCE]) for protocols that carry it in a stream of
 * their own: named pipes of SMB 1, 2 and 3, tunnels in HTTP.  Over TCP the parser of this folder
 * does the same by itself.
 *
 * One kd_dcerpc per open pipe.  Bytes are handed in as they come, in any pieces; it finds out
 * itself whether they are DCE/RPC at all and ignores them otherwise.  Records (dcerpc; ntlm or krb5
 * of a logon inside) go to ctx->sink.  Memory comes from ctx->pool, bounded by limits dcerpc_*. */
#ifndef KD_PROTO_DCERPC_DCERPC_H
#define KD_PROTO_DCERPC_DCERPC_H

#include "proto/parser.h"

struct kd_dcerpc;

/* What the carrier knows.  Everything is copied. */
struct kd_dcerpc_carrier {
    const char *over;             /* "smb" or "http"; static */
    struct kd_bytes endpoint;     /* name of the pipe, with or without backslash and "pipe" */
    struct kd_bytes user, domain; /* logged on at the carrier, UTF-8; may be empty */
    struct kd_bytes auth;         /* how: ntlm, kerberos …; may be empty */
    bool midstream;               /* the pipe's opening was not seen */
    /* Each call, and each bind, as the carrier's own JSON lines have it; ctx->state is the carrier's.  NULL: nobody
     * wants them. */
    void (*told)(const struct kd_ctx *ctx, void *arg, const struct kd_smb_call *call);
    void *arg;
};

/* NULL: no memory; the pipe is then not followed. */
KD_MUST_USE struct kd_dcerpc *kd_dcerpc_open(const struct kd_ctx *ctx,
                                             const struct kd_dcerpc_carrier *carrier);

/* The next bytes written to the server (WRITE, the input of FSCTL_PIPE_TRANSCEIVE) or read from it
 * (READ, its output). */
void kd_dcerpc_data(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum kd_dir dir,
                    struct kd_bytes piece);

/* What told() is given lies elsewhere now.  NULL is fine. */
void kd_dcerpc_moved(struct kd_dcerpc *d, void *arg);

/* n bytes of one direction were not seen. */
void kd_dcerpc_gap(const struct kd_ctx *ctx, struct kd_dcerpc *d, enum kd_dir dir, uint64_t n);

/* Tell what was not answered and give the memory back.  NULL is fine. */
void kd_dcerpc_close(const struct kd_ctx *ctx, struct kd_dcerpc *d);

#endif
