/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/smb/table.h"

#include "base/hash.h"

enum { BUCKETS_BYTES = 256, BUCKETS_LARGE_BYTES = 8192 };

static struct smb_node **bucket_of(const struct smb_table *t, struct smb_key key)
{
    /* Where the table happens to lie is a seed the peers cannot know; it decides the place of a
     * node in its bucket and nothing that could be seen outside. */
    uint64_t h = kd_hash(&key, sizeof(key), (uint64_t)(uintptr_t)t->buckets);
    return &t->buckets[h & t->mask];
}

struct smb_node *smb_table_find(const struct smb_table *t, struct smb_key key)
{
    if (t->n == 0)
        return NULL;
    struct smb_node *node = *bucket_of(t, key);
    while (node != NULL && (node->key.a != key.a || node->key.b != key.b))
        node = node->chain;
    return node;
}

static void *take(const struct smb_memory *mem, size_t n, size_t *ret_size)
{
    if (n > mem->max - *mem->used)
        return NULL;
    void *block = kd_pool_take(mem->pool, n, ret_size);
    if (block == NULL)
        return NULL;
    if (*ret_size > mem->max - *mem->used) {
        kd_pool_give(mem->pool, block, *ret_size);
        return NULL;
    }
    *mem->used += *ret_size;
    return block;
}

static void give(const struct smb_memory *mem, void *block, size_t size)
{
    if (block != NULL)
        *mem->used -= size;
    kd_pool_give(mem->pool, block, size);
}

static void link_node(struct smb_table *t, struct smb_node *node)
{
    struct smb_node **bucket = bucket_of(t, node->key);
    node->chain = *bucket;
    *bucket = node;
}

/* Begin small: most conversations have a few things open, some have a thousand. */
static bool grow(struct smb_table *t, const struct smb_memory *mem)
{
    bool large = t->buckets != NULL;
    if (large && (t->buckets_size >= BUCKETS_LARGE_BYTES || t->n <= t->mask))
        return true;
    size_t size = 0;
    struct smb_node **buckets = take(mem, large ? BUCKETS_LARGE_BYTES : BUCKETS_BYTES, &size);
    if (buckets == NULL)
        return large;
    memset(buckets, 0, size);
    give(mem, t->buckets, t->buckets_size);
    t->buckets = buckets;
    t->buckets_size = size;
    t->mask = (uint32_t)(size / sizeof(struct smb_node *)) - 1;
    for (struct smb_node *node = t->oldest; node != NULL; node = node->newer)
        link_node(t, node);
    return true;
}

struct smb_node *smb_table_add(struct smb_table *t, const struct smb_memory *mem, uint32_t max,
                               struct smb_key key, size_t n)
{
    size_t size = 0;
    if (t->n >= max || !grow(t, mem))
        return NULL;
    struct smb_node *node = take(mem, n, &size);
    if (node == NULL)
        return NULL;
    memset(node, 0, n);
    node->key = key;
    node->size = size;
    node->older = t->newest;
    if (t->newest != NULL)
        t->newest->newer = node;
    else
        t->oldest = node;
    t->newest = node;
    t->n++;
    link_node(t, node);
    return node;
}

void smb_table_drop(struct smb_table *t, const struct smb_memory *mem, struct smb_node *node)
{
    struct smb_node **at = bucket_of(t, node->key);
    while (*at != node)
        at = &(*at)->chain;
    *at = node->chain;
    if (node->older != NULL)
        node->older->newer = node->newer;
    else
        t->oldest = node->newer;
    if (node->newer != NULL)
        node->newer->older = node->older;
    else
        t->newest = node->older;
    t->n--;
    give(mem, node, node->size);
}

void smb_table_done(struct smb_table *t, const struct smb_memory *mem)
{
    while (t->oldest != NULL)
        smb_table_drop(t, mem, t->oldest);
    give(mem, t->buckets, t->buckets_size);
    *t = (struct smb_table){0};
}
