/* SPDX-License-Identifier: Apache-2.0 */
/* Sightings of some blocks gathered in bounded memory, before they go into the database. */
#ifndef KD_STORE_SIGHTING_TABLE_H
#define KD_STORE_SIGHTING_TABLE_H

#include "store/events.h"
#include "store/sighting.h"

enum {
    KD_SIGHT_ENTRIES = 1 << 18, /* most pairs held */
    KD_SIGHT_TEXT = 16 << 20    /* bytes of their values */
};

struct kd_sight_entry {
    uint64_t key; /* of day, kind, value and host; seeded, stands for them */
    uint64_t first_us, last_us, count, bytes;
    uint32_t day, at; /* `at`: where the value is in the texts */
    uint8_t kind, n;  /* n: length of the value */
    struct kd_addr host;
};

struct kd_sight_table {
    uint64_t seed;
    struct kd_sight_entry *v;
    size_t n;
    uint32_t *slot; /* index + 1 */
    struct kd_heap text;
    uint64_t left_out; /* meetings that found no room */
    /* Of the block at hand: per dictionary entry. */
    struct kd_heap scratch[3];
};

KD_MUST_USE bool kd_sight_table_init(struct kd_sight_table *t, uint64_t seed);
void kd_sight_table_done(struct kd_sight_table *t);
void kd_sight_table_clear(struct kd_sight_table *t);

/* Count the reader's current block. */
KD_MUST_USE enum kd_status kd_sight_count(struct kd_sight_table *t, struct kd_block_reader *r,
                                          int zone_s);

/* Into the order of the database's key, which is what makes writing them quick. */
void kd_sight_table_sort(struct kd_sight_table *t);

/* From here on it is to be emptied before the next block, which may need the other half. */
static inline bool kd_sight_is_full(const struct kd_sight_table *t)
{
    return t->n >= KD_SIGHT_ENTRIES / 2 || t->text.n >= KD_SIGHT_TEXT / 2;
}

static inline struct kd_bytes kd_sight_value(const struct kd_sight_table *t,
                                             const struct kd_sight_entry *e)
{
    return kd_bytes_of(t->text.p + e->at, e->n);
}

#endif
