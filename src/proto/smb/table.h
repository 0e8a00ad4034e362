/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded table of things a conversation has open, each a block of the pool.  Finding, adding and
 * removing are O(1); when it is full the least recently added gives way. */
#ifndef KD_PROTO_SMB_TABLE_H
#define KD_PROTO_SMB_TABLE_H

#include "base/pool.h"

struct smb_key {
    uint64_t a, b;
};

/* First member of whatever is kept. */
struct smb_node {
    struct smb_node *chain;
    struct smb_node *older, *newer;
    struct smb_key key;
    size_t size; /* of its block */
};

struct smb_table {
    struct smb_node **buckets;
    size_t buckets_size; /* of their block */
    uint32_t mask;
    uint32_t n;
    struct smb_node *oldest, *newest;
};

/* Where tables take memory from, and how much they may. */
struct smb_memory {
    struct kd_pool *pool;
    size_t *used;
    size_t max;
};

struct smb_node *smb_table_find(const struct smb_table *t, struct smb_key key);

/* Zeroed node of n bytes, not yet with this key in the table (the caller looked).  NULL: no memory,
 * or `max` nodes are there; the caller may take the oldest out and try again. */
struct smb_node *smb_table_add(struct smb_table *t, const struct smb_memory *mem, uint32_t max,
                               struct smb_key key, size_t n);

/* Take a node out and give its memory back. */
void smb_table_drop(struct smb_table *t, const struct smb_memory *mem, struct smb_node *node);

/* All of them, and the table's own memory. */
void smb_table_done(struct smb_table *t, const struct smb_memory *mem);

#endif
