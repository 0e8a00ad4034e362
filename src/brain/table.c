/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/table.h"

#include "base/hash.h"

struct kd_entry {
    struct kd_entry *chain;
    struct kd_entry *newer, *older;
    uint64_t hash, used_us;
    size_t block_bytes;
    uint32_t key_bytes;
    uint32_t state_at; /* offset of the state from the entry's start */
    uint8_t key[];
};

/* Entries that may still be in use by the caller are never evicted. */
enum { HELD_MOST = 4, BUCKETS_LEAST = 64 };

static void *state_of(const struct kd_entry *e)
{
    return (uint8_t *)(uintptr_t)e + e->state_at;
}

static struct kd_bytes key_of(const struct kd_entry *e)
{
    return kd_bytes_of(e->key, e->key_bytes);
}

bool kd_table_init(struct kd_table *t, struct kd_pool *pool, size_t state_bytes, size_t max_keys, uint64_t seed)
{
    *t = (struct kd_table){.pool = pool, .state_bytes = state_bytes, .max_keys = max_keys, .seed = seed};
    t->n_buckets = BUCKETS_LEAST;
    while (t->n_buckets < max_keys)
        t->n_buckets *= 2;
    t->buckets = calloc(t->n_buckets, sizeof(t->buckets[0]));
    return t->buckets != NULL;
}

void kd_table_done(struct kd_table *t)
{
    for (struct kd_entry *e = t->oldest; e != NULL;) {
        struct kd_entry *next = e->newer;
        kd_pool_give(t->pool, e, e->block_bytes);
        e = next;
    }
    free(t->buckets);
    *t = (struct kd_table){0};
}

static struct kd_entry **bucket_of(const struct kd_table *t, uint64_t hash)
{
    return &t->buckets[hash & (t->n_buckets - 1)];
}

static struct kd_entry *find(const struct kd_table *t, struct kd_bytes key, uint64_t hash)
{
    for (struct kd_entry *e = *bucket_of(t, hash); e != NULL; e = e->chain)
        if (e->hash == hash && kd_bytes_eq(key_of(e), key))
            return e;
    return NULL;
}

static void lru_remove(struct kd_table *t, struct kd_entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &t->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &t->oldest) = e->newer;
}

static void lru_add(struct kd_table *t, struct kd_entry *e)
{
    e->newer = NULL;
    e->older = t->newest;
    *(t->newest != NULL ? &t->newest->newer : &t->oldest) = e;
    t->newest = e;
}

static void lru_add_oldest(struct kd_table *t, struct kd_entry *e)
{
    e->older = NULL;
    e->newer = t->oldest;
    *(t->oldest != NULL ? &t->oldest->older : &t->newest) = e;
    t->oldest = e;
}

static void take_out(struct kd_table *t, struct kd_entry *e)
{
    struct kd_entry **at = bucket_of(t, e->hash);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    lru_remove(t, e);
    t->n--;
}

static void let_go(struct kd_table *t, struct kd_entry *e)
{
    take_out(t, e);
    if (t->leave != NULL)
        t->leave(t->arg, key_of(e), state_of(e));
    kd_pool_give(t->pool, e, e->block_bytes);
}

static void *room_for_entry(struct kd_table *t, size_t bytes, size_t *ret_size)
{
    if (t->n >= t->max_keys && t->n > HELD_MOST) {
        t->n_evicted++;
        let_go(t, t->oldest);
    }
    void *block = kd_pool_take(t->pool, bytes, ret_size);
    while (block == NULL && t->n > HELD_MOST) {
        t->n_evicted++;
        let_go(t, t->oldest);
        block = kd_pool_take(t->pool, bytes, ret_size);
    }
    return block;
}

static size_t state_at(struct kd_bytes key)
{
    return (sizeof(struct kd_entry) + key.n + 15) / 16 * 16;
}

/* Into a block of `size` bytes; the caller gives it its place in time. */
static struct kd_entry *add(struct kd_table *t, struct kd_entry *e, size_t size, struct kd_bytes key, uint64_t hash)
{
    size_t at = state_at(key);
    memset(e, 0, at + t->state_bytes);
    e->hash = hash;
    e->block_bytes = size;
    e->key_bytes = (uint32_t)key.n;
    e->state_at = (uint32_t)at;
    if (key.n > 0)
        memcpy(e->key, key.p, key.n);
    struct kd_entry **bucket = bucket_of(t, hash);
    e->chain = *bucket;
    *bucket = e;
    t->n++;
    return e;
}

void *kd_table_get(struct kd_table *t, struct kd_bytes key, uint64_t now_us, bool *ret_new)
{
    if (key.n > KD_TABLE_KEY_MAX)
        return NULL;
    uint64_t hash = kd_hash(key.p, key.n, t->seed);
    struct kd_entry *e = find(t, key, hash);
    if (ret_new != NULL)
        *ret_new = e == NULL;
    if (e == NULL) {
        size_t size;
        e = room_for_entry(t, state_at(key) + t->state_bytes, &size);
        if (e == NULL)
            return NULL;
        lru_add(t, add(t, e, size, key, hash));
    } else if (t->newest != e) {
        lru_remove(t, e);
        lru_add(t, e);
    }
    e->used_us = now_us;
    return state_of(e);
}

void *kd_table_restore(struct kd_table *t, struct kd_bytes key, uint64_t used_us)
{
    uint64_t hash = kd_hash(key.p, key.n, t->seed);
    size_t size;
    if (key.n > KD_TABLE_KEY_MAX || t->n >= t->max_keys || find(t, key, hash) != NULL)
        return NULL;
    struct kd_entry *e = kd_pool_take(t->pool, state_at(key) + t->state_bytes, &size);
    if (e == NULL)
        return NULL;
    lru_add_oldest(t, add(t, e, size, key, hash));
    e->used_us = used_us;
    return state_of(e);
}

void *kd_table_peek(const struct kd_table *t, struct kd_bytes key)
{
    struct kd_entry *e = find(t, key, kd_hash(key.p, key.n, t->seed));
    return e == NULL ? NULL : state_of(e);
}

void kd_table_forget(struct kd_table *t, struct kd_bytes key)
{
    struct kd_entry *e = find(t, key, kd_hash(key.p, key.n, t->seed));
    if (e == NULL)
        return;
    take_out(t, e);
    kd_pool_give(t->pool, e, e->block_bytes);
}

void kd_table_expire(struct kd_table *t, uint64_t before_us, size_t most)
{
    while (most-- > 0 && t->oldest != NULL && t->oldest->used_us < before_us)
        let_go(t, t->oldest);
}

void kd_table_each(struct kd_table *t, bool (*fn)(void *arg, struct kd_bytes key, void *state), void *arg)
{
    for (struct kd_entry *e = t->oldest; e != NULL; e = e->newer)
        if (!fn(arg, key_of(e), state_of(e)))
            return;
}

void kd_table_each_newest(const struct kd_table *t,
                          bool (*fn)(void *arg, struct kd_bytes key, void *state, uint64_t used_us), void *arg)
{
    for (struct kd_entry *e = t->newest; e != NULL; e = e->older)
        if (!fn(arg, key_of(e), state_of(e), e->used_us))
            return;
}
