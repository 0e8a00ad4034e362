/* SPDX-License-Identifier: Apache-2.0 */
/* Content codings undone as they stream by (RFC 9110 8.4.1): gzip (RFC 1952, several members),
 * deflate (RFC 1950, and raw RFC 1951 as some servers send it) and br (RFC 7932).  What is named
 * gzip or deflate is told by its first bytes; what is neither is handed on as it is.  All memory is
 * taken from the pool.  Output is bounded by decode_ratio and decode_mib. */
#ifndef KD_PROTO_CARVE_CODING_H
#define KD_PROTO_CARVE_CODING_H

#include "base/bytes.h"
#include "base/limits.h"
#include "base/pool.h"

enum kd_coding_kind {
    KD_CODING_NONE,
    KD_CODING_GZIP,
    KD_CODING_DEFLATE,
    KD_CODING_BR,
    KD_CODING_OTHER
};

/* By its name without case; NONE for "" and "identity", OTHER for one that is not known (or
 * several). */
enum kd_coding_kind kd_coding_of(struct kd_bytes name);
const char *kd_coding_name(enum kd_coding_kind kind);

enum kd_coding_end {
    KD_CODING_RUNNING, /* more may come */
    KD_CODING_ENDED,   /* the stream's end was seen; what follows is ignored */
    KD_CODING_BROKEN,  /* no such stream, or no memory */
    KD_CODING_BOMB     /* over decode_ratio or decode_mib */
};

struct kd_coding;

/* Where decoded bytes go; the piece is valid during the call. */
typedef void kd_coding_sink(void *user, struct kd_bytes piece);

/* NULL for lack of memory, and for NONE and OTHER. */
KD_MUST_USE struct kd_coding *kd_coding_new(struct kd_pool *pool, const struct kd_limits *lim,
                                            enum kd_coding_kind kind);
void kd_coding_free(struct kd_coding *c); /* NULL is fine */

void kd_coding_add(struct kd_coding *c, struct kd_bytes in, kd_coding_sink *sink, void *user);

/* No more input.  What the stream came to; RUNNING: it is cut off. */
enum kd_coding_end kd_coding_finish(struct kd_coding *c, kd_coding_sink *sink, void *user);

#endif
