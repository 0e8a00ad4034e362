/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded table of keyed state: chained hash, least recently used entry goes first.  All operations are
 * O(1); memory comes from a pool and never exceeds max_keys entries nor the pool's budget. */
#ifndef KD_BRAIN_TABLE_H
#define KD_BRAIN_TABLE_H

#include "base/pool.h"

enum { KD_TABLE_KEY_MAX = 256 };

struct kd_entry;

struct kd_table {
    struct kd_pool *pool;
    struct kd_entry **buckets;
    struct kd_entry *newest, *oldest;
    size_t n, max_keys, n_buckets;
    size_t state_bytes;
    uint64_t seed;
    /* An entry goes, by age or for lack of room.  May be NULL. */
    void (*leave)(void *arg, struct kd_bytes key, void *state);
    void *arg;
    uint64_t n_evicted; /* for lack of room or memory */
};

KD_MUST_USE bool kd_table_init(struct kd_table *t, struct kd_pool *pool, size_t state_bytes, size_t max_keys,
                               uint64_t seed);

/* Give all memory back without calling `leave`; a zeroed table is fine. */
void kd_table_done(struct kd_table *t);

/* State of `key`, created zeroed when there is none; NULL for lack of memory or a key too long. */
KD_MUST_USE void *kd_table_get(struct kd_table *t, struct kd_bytes key, uint64_t now_us, bool *ret_new);
KD_MUST_USE void *kd_table_peek(const struct kd_table *t, struct kd_bytes key);
void kd_table_forget(struct kd_table *t, struct kd_bytes key); /* without `leave` */

/* Let go of entries not used since before_us; at most `most` of them. */
void kd_table_expire(struct kd_table *t, uint64_t before_us, size_t most);

/* A loaded entry: zeroed state, as the oldest of all.  NULL when it is there already, when the table is full,
 * for lack of memory, and for a key too long. */
KD_MUST_USE void *kd_table_restore(struct kd_table *t, struct kd_bytes key, uint64_t used_us);

/* From the newest to the oldest, with when each was last used. */
void kd_table_each_newest(const struct kd_table *t,
                          bool (*fn)(void *arg, struct kd_bytes key, void *state, uint64_t used_us), void *arg);

/* From the oldest to the newest; fn returns false to stop.  fn must not add or remove entries. */
void kd_table_each(struct kd_table *t, bool (*fn)(void *arg, struct kd_bytes key, void *state), void *arg);

#endif
