/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's memory: blocks of a few sizes under one hard budget, and arenas made of them.
 *
 * Blocks come in classes of 64 B · 2^k and 96 B · 2^k up to 1 MiB, cut from slabs taken from the
 * system once. Taking and giving is O(1) and never calls malloc on the packet path once the slab is
 * there.  A NULL means "over budget": degrade the flow, not the process.  kd_pool_used() returns to
 * zero when all is given back; tests check it.  Not thread safe: one pool per worker. */
#ifndef KD_BASE_POOL_H
#define KD_BASE_POOL_H

#include "base/bytes.h"

enum {
    KD_POOL_MIN = 64,
    KD_POOL_CLASSES = 29,
    KD_POOL_MAX = KD_POOL_MIN << (KD_POOL_CLASSES - 1) / 2, /* largest class */
    KD_POOL_LARGE =
        32 << 20 /* larger ones come from the system one by one (windows of decompressors) */
};

struct kd_pool;

KD_MUST_USE struct kd_pool *kd_pool_new(size_t max_bytes);
void kd_pool_free(struct kd_pool *pool); /* all blocks with it; NULL is fine */

/* A block of at least n bytes (n <= KD_POOL_LARGE); *ret_size is its real size.  Content undefined.
 */
KD_MUST_USE void *kd_pool_take(struct kd_pool *pool, size_t n, size_t *ret_size);
void kd_pool_give(struct kd_pool *pool, void *block, size_t size); /* NULL is fine */
size_t kd_pool_used(const struct kd_pool *pool);
size_t kd_pool_max(const struct kd_pool *pool);

/* Many small things with one end.  Zeroed memory aligned to 8; NULL when the arena's own maximum or
 * the pool's budget is reached.  An arena takes no memory before its first allocation. */
struct kd_arena {
    struct kd_pool *pool;
    struct kd_arena_block *blocks;
    size_t used; /* bytes taken from the pool */
    size_t max;
};

void kd_arena_init(struct kd_arena *a, struct kd_pool *pool, size_t max_bytes);
void kd_arena_done(struct kd_arena *a); /* give all back; usable again; a zeroed arena is fine */
KD_MUST_USE void *kd_arena_alloc(struct kd_arena *a, size_t n);

/* Copy of b that lives as long as the arena; cut to `max` bytes.  Empty when there is no memory. */
struct kd_bytes kd_arena_copy(struct kd_arena *a, struct kd_bytes b, size_t max);

/* A byte buffer that grows inside a pool, up to its maximum (stream data waiting for more). */
struct kd_buf {
    uint8_t *p;
    size_t n;
    size_t room;
};

/* Append; false (nothing appended) when the result would exceed `max` or the pool has no more. */
KD_MUST_USE bool kd_buf_add(struct kd_buf *buf, struct kd_pool *pool, struct kd_bytes b,
                            size_t max);
void kd_buf_drop(struct kd_buf *buf, size_t n); /* forget the first n bytes */
void kd_buf_done(struct kd_buf *buf, struct kd_pool *pool);

static inline struct kd_bytes kd_buf_view(const struct kd_buf *buf)
{
    return (struct kd_bytes){buf->p, buf->n};
}

#endif
