/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation of which nobody said what it is, inside another: what a proxy was asked to carry.
 * Its protocol is recognised by content, among those that do not resemble each other (tunnel.c has
 * the list), and read as any inner one (inner.h). */
#ifndef KD_PROTO_TUNNEL_H
#define KD_PROTO_TUNNEL_H

#include "proto/inner.h"

enum { KD_TUNNEL_HEAD = 256 }; /* bytes of a side looked at */

/* Zeroed is ready: nothing inside yet. */
struct kd_tunnel {
    struct kd_inner inner;
    struct kd_buf held[2]; /* until the protocol is known */
    uint16_t out;          /* who it cannot be, by place in the list */
    bool given_up;
};

/* It cannot be this one: said by who would otherwise be within itself, again and again. */
void kd_tunnel_not(struct kd_tunnel *t, const struct kd_parser *parser);

void kd_tunnel_data(struct kd_tunnel *t, const struct kd_ctx *outer, enum kd_dir dir,
                    struct kd_bytes piece);
void kd_tunnel_gap(struct kd_tunnel *t, const struct kd_ctx *outer, enum kd_dir dir, uint64_t n);
void kd_tunnel_end(struct kd_tunnel *t, const struct kd_ctx *outer);

#endif
