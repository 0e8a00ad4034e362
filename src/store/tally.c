/* SPDX-License-Identifier: Apache-2.0 */
#include "store/tally.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

enum { SLOTS = 2 * KD_TALLY_MAX };

bool kd_tally_init(struct kd_tally *t, size_t item, size_t key_bytes)
{
    *t = (struct kd_tally){.item = item,
                           .key_bytes = key_bytes,
                           .v = malloc(KD_TALLY_MAX * item),
                           .slot = calloc(SLOTS, sizeof(uint32_t))};
    return t->v != NULL && t->slot != NULL;
}

/* Where the key is, or the empty place where it would be. */
static size_t place_of(const struct kd_tally *t, const void *key)
{
    size_t at = (size_t)kd_hash(key, t->key_bytes, 1) & (SLOTS - 1);
    while (t->slot[at] != 0 && memcmp(t->v + (t->slot[at] - 1) * t->item, key, t->key_bytes) != 0)
        at = (at + 1) & (SLOTS - 1);
    return at;
}

void *kd_tally_find(const struct kd_tally *t, const void *key)
{
    size_t at = place_of(t, key);
    return t->slot[at] == 0 ? NULL : t->v + (t->slot[at] - 1) * t->item;
}

void *kd_tally_get(struct kd_tally *t, const void *key)
{
    size_t at = place_of(t, key);
    if (t->slot[at] != 0)
        return t->v + (t->slot[at] - 1) * t->item;
    if (t->n == KD_TALLY_MAX)
        return NULL;
    uint8_t *item = t->v + t->n * t->item;
    memset(item, 0, t->item);
    memcpy(item, key, t->key_bytes);
    t->slot[at] = (uint32_t)++t->n;
    return item;
}
