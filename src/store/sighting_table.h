/* SPDX-License-Identifier: Apache-2.0 */
/* Sightings of some blocks gathered in bounded memory, before they go into the database. */
#ifndef KD_STORE_SIGHTING_TABLE_H
#define KD_STORE_SIGHTING_TABLE_H

#include "store/events.h"
#include "store/sighting.h"

enum {
    KD_SIGHT_ENTRIES = 1 << 20, /* most pairs of indicator and host held; about 100 MB when full */
    KD_SIGHT_SPARE = 1 << 17,   /* so many may be left for one block */
    KD_SIGHT_TEXT = 16 << 20    /* bytes of the indicators */
};

struct kd_sight_entry {
    uint64_t key; /* of day, kind, value and host; seeded, stands for them */
    uint64_t first_us, last_us, count, bytes;
    struct kd_addr host;
    uint32_t next; /* of the same indicator: index + 1 */
};

/* An indicator of a day. */
struct kd_sight_value {
    uint64_t key;
    uint32_t day, at; /* `at`: where its bytes are in the texts */
    uint32_t first;   /* host: index + 1 */
    uint8_t kind, n;  /* n: length */
};

struct kd_sight_table {
    uint64_t seed;
    struct kd_sight_entry *v;
    size_t n;
    uint32_t *slot; /* index + 1 */
    struct kd_sight_value *value;
    size_t n_values;
    uint32_t *value_slot;
    struct kd_heap text;
    uint64_t left_out; /* meetings that found no room */
    /* Of the block at hand: per dictionary entry, and their bytes. */
    struct kd_heap scratch[4];
};

KD_MUST_USE bool kd_sight_table_init(struct kd_sight_table *t, uint64_t seed);
void kd_sight_table_done(struct kd_sight_table *t);
void kd_sight_table_clear(struct kd_sight_table *t);

/* Count the reader's current block. */
KD_MUST_USE enum kd_status kd_sight_count(struct kd_sight_table *t, struct kd_block_reader *r,
                                          int zone_s);

/* The indicators in the order of the database's key, which is what makes writing them quick: an
 * array of n_values indexes. */
void kd_sight_order(const struct kd_sight_table *t, uint32_t *ret);

/* From here on it is to be emptied before the next block. */
static inline bool kd_sight_is_full(const struct kd_sight_table *t)
{
    return t->n >= KD_SIGHT_ENTRIES - KD_SIGHT_SPARE || t->text.n >= KD_SIGHT_TEXT / 2;
}

static inline struct kd_bytes kd_sight_bytes(const struct kd_sight_table *t,
                                             const struct kd_sight_value *v)
{
    return kd_bytes_of(t->text.p + v->at, v->n);
}

#endif
