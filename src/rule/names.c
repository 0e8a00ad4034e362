/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/names.h"

#include "base/hash.h"

enum { SLOTS_FIRST = 64, BUF_MAX = KD_POOL_LARGE };

static uint32_t home(const struct kd_name_table *t, struct kd_bytes name)
{
    return (uint32_t)kd_hash(name.p, name.n, 0) & (t->n_slots - 1);
}

static uint32_t *slot_of(const struct kd_name_table *t, struct kd_bytes name)
{
    uint32_t i = home(t, name);
    while (t->slot[i] != 0 && !kd_bytes_eq(kd_nametab_at(t, t->slot[i] - 1), name))
        i = (i + 1) & (t->n_slots - 1);
    return &t->slot[i];
}

static bool grow(struct kd_name_table *t, struct kd_pool *pool)
{
    struct kd_name_table bigger = *t;
    bigger.n_slots = t->n_slots == 0 ? SLOTS_FIRST : t->n_slots * 2;
    if ((size_t)bigger.n_slots * sizeof(uint32_t) > KD_POOL_LARGE)
        return false;
    bigger.slot = kd_pool_take(pool, bigger.n_slots * sizeof(uint32_t), &bigger.slot_bytes);
    if (bigger.slot == NULL)
        return false;
    memset(bigger.slot, 0, bigger.n_slots * sizeof(uint32_t));
    for (uint32_t i = 0; i < t->n; i++)
        *slot_of(&bigger, kd_nametab_at(t, i)) = i + 1;
    kd_pool_give(pool, t->slot, t->slot_bytes);
    *t = bigger;
    return true;
}

uint32_t kd_nametab_find(const struct kd_name_table *t, struct kd_bytes name)
{
    if (t->n == 0)
        return KD_NAME_NONE;
    uint32_t slot = *slot_of(t, name);
    return slot == 0 ? KD_NAME_NONE : slot - 1;
}

uint32_t kd_nametab_add(struct kd_name_table *t, struct kd_pool *pool, struct kd_arena *mem,
                        struct kd_bytes name, uint32_t most)
{
    uint32_t known = kd_nametab_find(t, name);
    if (known != KD_NAME_NONE)
        return known;
    if (t->n >= most || (t->n + 1 > t->n_slots / 4 * 3 && !grow(t, pool)))
        return KD_NAME_NONE;
    struct kd_bytes copy = kd_arena_copy(mem, name, name.n);
    void *none = NULL;
    if (copy.n != name.n || !kd_buf_add(&t->names, pool, kd_bytes_of(&copy, sizeof(copy)), BUF_MAX))
        return KD_NAME_NONE;
    if (!kd_buf_add(&t->values, pool, kd_bytes_of(&none, sizeof(none)), BUF_MAX)) {
        t->names.n -= sizeof(copy);
        return KD_NAME_NONE;
    }
    *slot_of(t, name) = ++t->n;
    return t->n - 1;
}

struct kd_bytes kd_nametab_at(const struct kd_name_table *t, uint32_t i)
{
    KD_ASSERT(i < t->names.n / sizeof(struct kd_bytes));
    return ((const struct kd_bytes *)(const void *)t->names.p)[i];
}

void **kd_nametab_value(struct kd_name_table *t, uint32_t i)
{
    KD_ASSERT(i < t->n);
    return &((void **)(void *)t->values.p)[i];
}

void kd_nametab_done(struct kd_name_table *t, struct kd_pool *pool)
{
    kd_pool_give(pool, t->slot, t->slot_bytes);
    kd_buf_done(&t->names, pool);
    kd_buf_done(&t->values, pool);
    *t = (struct kd_name_table){0};
}
