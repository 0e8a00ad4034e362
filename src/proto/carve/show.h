/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the carver: what rules look into of a file.  Nothing is held, and nothing costs anything, when no rule
 * looks at files of the direction. */
#ifndef KD_PROTO_CARVE_SHOW_H
#define KD_PROTO_CARVE_SHOW_H

#include "proto/carve/carve.h"

struct show {
    bool wanted;          /* by some rule */
    bool data, hashes;    /* the content is collected here; MD5 or SHA-1 are wanted */
    uint8_t dir;          /* enum kd_dir */
    struct kd_bytes name; /* borrowed from the carver */
    struct kd_buf held;
    uint8_t head[8], n_head; /* its first bytes */
};

void show_start(struct show *s, const struct kd_ctx *ctx, const struct kd_carve_meta *meta);
void show_add(struct show *s, struct kd_pool *pool, struct kd_bytes piece);
void show_tell(struct show *s, const struct kd_ctx *ctx, const struct kd_rec_file *rec);
void show_done(struct show *s, struct kd_pool *pool);

#endif
