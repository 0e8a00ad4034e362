/* SPDX-License-Identifier: Apache-2.0 */
/* Searching the evidence: sealed blocks and what is in none yet. */
#ifndef KD_STORE_HUNT_H
#define KD_STORE_HUNT_H

#include "store/events.h"
#include "store/hunt_expr.h"

/* What is searched, of one moment. */
struct kd_hunt_source {
    struct kd_events *events;
    struct kd_heap unsealed; /* records in no block (owned) */
    uint64_t last_seq;       /* blocks after this one are left out */
};
void kd_hunt_source_done(struct kd_hunt_source *src);

struct kd_hunt_query {
    const struct kd_hunt_expr *expr;
    uint64_t from_us, to_us; /* both inclusive */
    struct kd_clock clock;
    uint64_t deadline_us;        /* by that clock; 0: none */
    const _Atomic bool *cancel; /* may be NULL */
    unsigned threads;            /* 1 or 2 */
    int zone_s;
    size_t limit;     /* kd_hunt(): records wanted */
    size_t max_bytes; /* kd_hunt(): JSON text kept */
};

struct kd_hunt_stats {
    uint64_t scanned; /* records in the blocks looked into */
    uint64_t blocks, blocks_skipped;
    uint64_t unreadable;    /* blocks damaged or removed meanwhile */
    bool truncated;         /* stopped by limit, deadline or cancel: there may be more */
    enum kd_status stopped; /* KD_OK, KD_DEADLINE, KD_CANCELLED */
};

/* Call `visit` for each group of a block with matching rows (ascending), newest blocks first.  The
 * reader stands at the block.  Never concurrently.  `want` (may be NULL) may refuse a block before
 * it is read; both stop the scan by returning false. */
struct kd_hunt_visitor {
    bool (*want)(void *arg, const struct kd_block_ref *ref);
    bool (*visit)(void *arg, struct kd_block_reader *r, size_t group, const uint32_t *row,
                  size_t n);
    void *arg;
};
KD_MUST_USE enum kd_status kd_hunt_scan(const struct kd_hunt_query *q,
                                        const struct kd_hunt_source *src,
                                        const struct kd_hunt_visitor *v, struct kd_hunt_stats *ret);

/* The newest `limit` matching records as JSON, newest first. */
struct kd_hunt_hit {
    uint64_t ts_us, id;
    size_t at, n; /* in text */
};
struct kd_hunt_result {
    struct kd_hunt_hit *hit;
    size_t n;
    struct kd_heap text;
    struct kd_hunt_stats stats;
};
KD_MUST_USE enum kd_status kd_hunt(const struct kd_hunt_query *q, const struct kd_hunt_source *src,
                                   struct kd_hunt_result *ret);
void kd_hunt_result_done(struct kd_hunt_result *r);

/* Open a store's evidence for reading beside its writer.  *ret->events is the caller's to free. */
KD_MUST_USE enum kd_status kd_hunt_open(int dir_fd, int zone_s, struct kd_hunt_source *ret,
                                        struct kd_err *err);

/* Which rows of a group match, one byte per row.  Returns how many. */
struct kd_hunt_eval;
KD_MUST_USE struct kd_hunt_eval *kd_hunt_eval_new(const struct kd_hunt_expr *e);
void kd_hunt_eval_free(struct kd_hunt_eval *ev);
KD_MUST_USE enum kd_status kd_hunt_eval(struct kd_hunt_eval *ev, struct kd_block_reader *r,
                                        size_t group, uint8_t *ret_rows, size_t *ret_n);
/* May the block hold a match, by its filter? */
bool kd_hunt_maybe(const struct kd_hunt_expr *e, struct kd_block_reader *r,
                   const struct kd_block_ref *ref);

#endif
