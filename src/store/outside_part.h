/* SPDX-License-Identifier: Apache-2.0 */
/* What outside.c gathers from the records and outside_sum.c makes the answer of.  Nobody else
 * includes this. */
#ifndef KD_STORE_OUTSIDE_PART_H
#define KD_STORE_OUTSIDE_PART_H

#include "store/outside.h"
#include "store/tally.h"

/* A report of a long conversation: they count from its beginning. */
struct kd_outside_told {
    uint64_t flow_id, ts_us, out, in;
    size_t place; /* index */
    uint8_t class;
    bool securable;
};

struct kd_outside_counters {
    uint64_t ts_us;
    uint64_t v[7];
    uint8_t engine;
};

struct kd_outside_named {
    struct kd_addr addr;
    char name[128];
};

struct kd_outside_share {
    char key[160];
    struct kd_outside_item item;
};

struct kd_outside_collect {
    const struct kd_outside_ask *ask;
    struct kd_outside *r;
    struct kd_tally place, name, share;
    struct kd_outside_told *told;
    size_t n_told, room_told;
    struct kd_outside_counters *stats;
    size_t n_stats, room_stats;
    uint64_t day_out[KD_OUTSIDE_DAYS_MAX];
    uint64_t habit[KD_OUTSIDE_HABIT_DAYS];
    uint32_t habit_seen; /* days with traffic of the host */
    struct kd_pool *pool;
    struct kd_arena mem;
    bool failed;
};

/* Is the address one of the house (or none that leads outside)?  One of the host's own? */
bool kd_outside_is_inside(const struct kd_outside_ask *ask, const struct kd_addr *a);
bool kd_outside_is_host(const struct kd_outside *r, const struct kd_addr *a);

/* Copy a text, cut to the room, unless there is one already. */
void kd_outside_set(char *to, size_t size, struct kd_bytes text);

/* A new item of a kind; NULL when there are enough (it is counted) or no memory is left. */
struct kd_outside_item *kd_outside_item(struct kd_outside_collect *c, enum kd_outside_kind kind,
                                        const struct kd_rec_head *h);

/* Count what a conversation carried: for the place, the day or the habit. */
void kd_outside_count(struct kd_outside_collect *c, struct kd_outside_place *p,
                      const struct kd_outside_told *t);

/* All records were seen: make the answer of them, without the grade. */
KD_MUST_USE enum kd_status kd_outside_sum(struct kd_outside_collect *c);

#endif
