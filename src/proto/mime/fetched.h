/* SPDX-License-Identifier: Apache-2.0 */
/* A mail that is fetched from a mailbox: read like one on its way (mime.h), and told in the same
 * record, which then has no envelope and travels from the server to the client. */
#ifndef KD_PROTO_MIME_FETCHED_H
#define KD_PROTO_MIME_FETCHED_H

#include "proto/mime/mime.h"

/* Zeroed is ready: no mail. */
struct kd_fetched {
    struct kd_arena mem;
    struct kd_mime *mime;
};

void kd_fetched_begin(const struct kd_ctx *ctx, struct kd_fetched *f, uint32_t tx_id);
void kd_fetched_data(struct kd_ctx *ctx, struct kd_fetched *f, struct kd_bytes piece);
void kd_fetched_lost(struct kd_fetched *f, uint64_t n);

/* Emits the record; `user` is who fetched it.  Nothing happens when there is no mail. */
void kd_fetched_end(struct kd_ctx *ctx, struct kd_fetched *f, struct kd_bytes user, bool whole);

#endif
