/* SPDX-License-Identifier: Apache-2.0 */
/* What the brain has learned, in memory that outlives it (a mapped file): hosts, marks, folds, stories, and the
 * state of every detector that names its parts (kd_detector.snap).  docs/internals/state.md has the form.
 *
 * Two slots are written in turn, so a process that is killed while it writes loses what came since the last
 * writing and no more.  What is read is hostile: each block has its own sum, each number its bound; what is damaged or
 * of another version is left out alone and told once. */
#ifndef KD_BRAIN_STATE_H
#define KD_BRAIN_STATE_H

#include "base/clock.h"
#include "base/status.h"

struct kd_brain;

enum { KD_STATE_BLOCK = 128 * 1024, KD_STATE_LEAST = 8 * KD_STATE_BLOCK }; /* LEAST: both slots together */
#define KD_STATE_EVERY_US (5 * KD_US_PER_MINUTE)

struct kd_state {
    uint8_t *mem; /* NULL: nothing is kept */
    size_t bytes;
    uint8_t *block, *entry; /* KD_STATE_BLOCK each */
    uint64_t number;        /* of the newest slot written or read */
    uint64_t next_us;       /* when it is written again */
    /* Of the loading; told with the first record. */
    bool to_tell;
    uint64_t saved_us, n_entries, n_refused;
};

/* Take up what `mem` (borrowed, at least KD_STATE_LEAST bytes) holds; it is kept there from now on.  A state
 * saved later than not_after_us (0: any) is of a clock that went wrong, and refused. */
KD_MUST_USE enum kd_status kd_state_begin(struct kd_brain *b, uint8_t *mem, size_t bytes, uint64_t not_after_us);
void kd_state_done(struct kd_brain *b);

/* Write it all when it is time, or in any case. */
void kd_state_tick(struct kd_brain *b);
void kd_state_save(struct kd_brain *b);

#endif
