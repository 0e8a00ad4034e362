/* SPDX-License-Identifier: Apache-2.0 */
/* A protocol inside the stream of another: TLS after STARTTLS, or beneath remote desktop.  The
 * outer parser hands on the bytes that belong to the inner one, whose records then stand beside its
 * own. */
#ifndef KD_PROTO_INNER_H
#define KD_PROTO_INNER_H

#include "proto/feed.h"

/* Zeroed is ready: nothing inside. */
struct kd_inner {
    const struct kd_parser *parser;
    void *state;
    size_t size; /* of the state's block */
    struct kd_feed feed[2];
};

/* From now on `parser` reads.  False for lack of memory: nothing is read then. */
bool kd_inner_begin(struct kd_inner *in, const struct kd_ctx *outer,
                    const struct kd_parser *parser);

/* Stream bytes, and bytes that were lost.  Nothing happens when there is no parser. */
void kd_inner_data(struct kd_inner *in, const struct kd_ctx *outer, enum kd_dir dir,
                   struct kd_bytes piece);
void kd_inner_gap(struct kd_inner *in, const struct kd_ctx *outer, enum kd_dir dir, uint64_t n);

/* The conversation is over: what waits is told, memory given back. */
void kd_inner_end(struct kd_inner *in, const struct kd_ctx *outer);

#endif
