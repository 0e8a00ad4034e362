/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts one direction of a stream into the messages and body pieces of a parser.  In-order data that holds
 * whole messages is parsed where it lies; only an unfinished message is copied. */
#ifndef KD_PROTO_FEED_H
#define KD_PROTO_FEED_H

#include "proto/parser.h"

/* One direction.  Zeroed is ready. */
struct kd_feed {
    struct kd_buf held;   /* an unfinished message */
    uint64_t body_left;   /* of the body being streamed */
    uint64_t want;        /* length the held message will have; 0: not known */
    uint64_t offset;      /* stream bytes consumed, for anomalies */
    bool lost;            /* behind a hole, looking for a message's start */
    bool ended;           /* given up: data is ignored */
};

/* Feed in-order data.  Consumes all of `in`.  Not KD_OK: the parser refused (reason as status); the
 * direction has ended and further data is ignored. */
enum kd_status kd_feed_data(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f,
                            enum kd_dir dir, struct kd_bytes in);

/* n bytes are missing here. */
void kd_feed_gap(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f, enum kd_dir dir,
                 uint64_t n);

/* The direction is over: a body "until the end" gets its last piece.  Gives the held memory back. */
void kd_feed_end(const struct kd_parser *p, struct kd_ctx *ctx, struct kd_feed *f, enum kd_dir dir);

#endif
