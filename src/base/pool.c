/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#if defined(__SANITIZE_ADDRESS__)
#define KD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KD_ASAN 1
#endif
#endif

struct free_block {
    struct free_block *next;
};

struct slab {
    struct slab *next;
};

enum { SLAB_BYTES = 4 << 20, SLAB_HEAD = 64 };

struct kd_pool {
    size_t used;
    size_t max;
    struct free_block *free[KD_POOL_CLASSES];
    struct slab *slabs;
    uint8_t *fresh; /* uncut part of the newest slab */
    size_t n_fresh;
};

struct kd_arena_block {
    struct kd_arena_block *next;
    size_t size;
    size_t used;
};

struct kd_pool *kd_pool_new(size_t max_bytes)
{
    struct kd_pool *pool = calloc(1, sizeof(*pool));
    if (pool != NULL)
        pool->max = max_bytes;
    return pool;
}

void kd_pool_free(struct kd_pool *pool)
{
    if (pool == NULL)
        return;
    for (struct slab *s = pool->slabs; s != NULL;) {
        struct slab *next = s->next;
        free(s);
        s = next;
    }
    free(pool);
}

/* Two classes for each doubling, so that at most a third of a block is waste. */
static size_t class_size(unsigned k)
{
    return (size_t)(k % 2 == 0 ? KD_POOL_MIN : KD_POOL_MIN / 2 * 3) << k / 2;
}

static unsigned class_of(size_t n)
{
    unsigned k = 0;
    if (n > KD_POOL_MIN) {
        /* n is in (2^b, 2^(b+1)]; 2^6 is KD_POOL_MIN */
        unsigned b = 63 - (unsigned)__builtin_clzll(n - 1);
        k = (b - 6) * 2 + (n <= (size_t)3 << (b - 1) ? 1 : 2);
    }
    return k;
}

#ifndef KD_ASAN
static void *cut_fresh(struct kd_pool *pool, size_t size)
{
    if (pool->n_fresh < size) {
        /* The uncut rest is smaller than a block of this class: hand it out as smaller ones. */
        for (unsigned k = KD_POOL_CLASSES; k-- > 0;) {
            size_t s = class_size(k);
            while (pool->n_fresh >= s) {
                struct free_block *b = (struct free_block *)(void *)pool->fresh;
                b->next = pool->free[k];
                pool->free[k] = b;
                pool->fresh += s;
                pool->n_fresh -= s;
            }
        }
        struct slab *slab = aligned_alloc(SLAB_HEAD, SLAB_BYTES + SLAB_HEAD);
        if (slab == NULL)
            return NULL;
        slab->next = pool->slabs;
        pool->slabs = slab;
        pool->fresh = (uint8_t *)slab + SLAB_HEAD;
        pool->n_fresh = SLAB_BYTES;
    }
    void *block = pool->fresh;
    pool->fresh += size;
    pool->n_fresh -= size;
    return block;
}
#endif

void *kd_pool_take(struct kd_pool *pool, size_t n, size_t *ret_size)
{
    if (n > KD_POOL_LARGE)
        return NULL;
    bool large = n > KD_POOL_MAX;
    unsigned k = large ? 0 : class_of(n);
    size_t size = large ? n : class_size(k);
    if (size > pool->max - pool->used)
        return NULL;
    void *block;
#ifdef KD_ASAN
    block = malloc(size); /* so that the sanitizer sees every block's end */
#else
    if (large) {
        block = malloc(size);
        pool->used += block == NULL ? 0 : size;
        *ret_size = size;
        return block;
    }
    struct free_block *b = pool->free[k];
    if (b != NULL) {
        pool->free[k] = b->next;
        block = b;
    } else {
        block = cut_fresh(pool, size);
    }
#endif
    if (block == NULL)
        return NULL;
    pool->used += size;
    *ret_size = size;
    return block;
}

void kd_pool_give(struct kd_pool *pool, void *block, size_t size)
{
    if (block == NULL)
        return;
    KD_ASSERT(size <= pool->used);
    pool->used -= size;
#ifdef KD_ASAN
    free(block);
#else
    if (size > KD_POOL_MAX) {
        free(block);
        return;
    }
    unsigned k = class_of(size);
    struct free_block *b = block;
    b->next = pool->free[k];
    pool->free[k] = b;
#endif
}

size_t kd_pool_used(const struct kd_pool *pool)
{
    return pool->used;
}

size_t kd_pool_max(const struct kd_pool *pool)
{
    return pool->max;
}

void kd_arena_init(struct kd_arena *a, struct kd_pool *pool, size_t max_bytes)
{
    *a = (struct kd_arena){.pool = pool, .max = max_bytes};
}

void kd_arena_done(struct kd_arena *a)
{
    for (struct kd_arena_block *b = a->blocks; b != NULL;) {
        struct kd_arena_block *next = b->next;
        kd_pool_give(a->pool, b, b->size);
        b = next;
    }
    a->blocks = NULL;
    a->used = 0;
}

static struct kd_arena_block *arena_grow(struct kd_arena *a, size_t n)
{
    size_t want = n + sizeof(struct kd_arena_block);
    size_t size = 0;
    if (want > a->max - a->used || want > KD_POOL_MAX)
        return NULL;
    /* Double with the arena's size, so that the number of blocks stays logarithmic. */
    size_t wish = a->used > want ? a->used : want;
    wish = kd_min_size(kd_min_size(wish, a->max - a->used), KD_POOL_MAX);
    struct kd_arena_block *b = kd_pool_take(a->pool, wish, &size);
    if (b == NULL)
        return NULL;
    *b = (struct kd_arena_block){a->blocks, size, sizeof(*b)};
    a->blocks = b;
    a->used += size;
    if (a->used > a->max) /* rounding up to a block class may pass the maximum once */
        a->max = a->used;
    return b;
}

void *kd_arena_alloc(struct kd_arena *a, size_t n)
{
    if (a->pool == NULL || n > KD_POOL_MAX)
        return NULL;
    n = (n + 7) & ~(size_t)7;
    struct kd_arena_block *b = a->blocks;
    if (b == NULL || n > b->size - b->used) {
        b = arena_grow(a, n);
        if (b == NULL)
            return NULL;
    }
    void *p = (uint8_t *)b + b->used;
    b->used += n;
    memset(p, 0, n);
    return p;
}

struct kd_bytes kd_arena_copy(struct kd_arena *a, struct kd_bytes b, size_t max)
{
    size_t n = kd_min_size(b.n, max);
    uint8_t *p = n == 0 ? NULL : kd_arena_alloc(a, n);
    if (p == NULL)
        return (struct kd_bytes){NULL, 0};
    memcpy(p, b.p, n);
    return (struct kd_bytes){p, n};
}

bool kd_buf_add(struct kd_buf *buf, struct kd_pool *pool, struct kd_bytes b, size_t max)
{
    if (b.n == 0)
        return true;
    if (buf->n > max || b.n > max - buf->n)
        return false;
    if (b.n > buf->room - buf->n) {
        size_t size = 0, want = buf->n + b.n;
        /* Classes grow by themselves; what comes from the system one by one must not grow by crumbs. */
        if (want > KD_POOL_MAX)
            want = kd_min_size(kd_min_size(want + want / 2, max), KD_POOL_LARGE);
        uint8_t *p = want < buf->n + b.n ? NULL : kd_pool_take(pool, want, &size);
        if (p == NULL)
            return false;
        if (buf->n > 0)
            memcpy(p, buf->p, buf->n);
        kd_pool_give(pool, buf->p, buf->room);
        buf->p = p;
        buf->room = size;
    }
    memcpy(buf->p + buf->n, b.p, b.n);
    buf->n += b.n;
    return true;
}

void kd_buf_drop(struct kd_buf *buf, size_t n)
{
    if (n >= buf->n) {
        buf->n = 0;
        return;
    }
    memmove(buf->p, buf->p + n, buf->n - n);
    buf->n -= n;
}

void kd_buf_done(struct kd_buf *buf, struct kd_pool *pool)
{
    kd_pool_give(pool, buf->p, buf->room);
    *buf = (struct kd_buf){0};
}
