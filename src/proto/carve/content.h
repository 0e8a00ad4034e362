/* SPDX-License-Identifier: Apache-2.0 */
/* The content of a file while it crosses the network, held because it will be kept (parser.h,
 * struct kd_contents).  Given up, not waited for, when it is larger than allowed, has a hole, or
 * memory is short. */
#ifndef KD_PROTO_CARVE_CONTENT_H
#define KD_PROTO_CARVE_CONTENT_H

#include "proto/parser.h"

/* Zeroed: nothing is held. */
struct content {
    struct kd_contents *to; /* NULL: not (any more) */
    struct kd_buf held;
    bool wanted; /* whatever rules say */
    struct kd_conn conn;
    uint64_t ts_us;
    enum kd_contents_risk risk;
};

/* May this file be wanted?  Whether it is, is known with its type. */
void content_start(struct content *c, const struct kd_ctx *ctx);

/* Its type and name are known, and its size as announced (0: not): hold it from here on, or not. */
void content_decide(struct content *c, struct kd_pool *pool, enum kd_contents_risk risk, uint64_t size);

void content_add(struct content *c, struct kd_pool *pool, struct kd_bytes piece);
void content_drop(struct content *c, struct kd_pool *pool);

/* The file is whole: hand it on (`asked`: by a rule).  Is it kept? */
bool content_keep(struct content *c, struct kd_bytes sha256, bool asked);

#endif
