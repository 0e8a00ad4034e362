/* SPDX-License-Identifier: Apache-2.0 */
/* The one writer of sightings.db: a thread that counts sealed blocks in order, some blocks at a
 * time, and writes what it counted together with the number of the last block in one transaction.
 * So after a crash each block is counted once, never twice; a block stays uncounted for at most a
 * minute plus the time the writing takes.  It never holds up the thread that takes records. */
#ifndef KD_STORE_SIGHTINGS_H
#define KD_STORE_SIGHTINGS_H

#include "store/events.h"
#include "store/sighting.h"

struct kd_sightings;

struct kd_sightings_config {
    const char *dir_path;
    struct kd_events *events;
    struct kd_clock clock;
    int zone_s;
    uint64_t keep_days; /* 0: KD_SIGHT_KEEP_DAYS */
};
enum { KD_SIGHT_KEEP_DAYS = 400 };

KD_MUST_USE enum kd_status kd_sightings_new(const struct kd_sightings_config *cfg,
                                            struct kd_sightings **ret, struct kd_err *err);

/* There may be new blocks, or a minute is over.  Returns at once. */
void kd_sightings_wake(struct kd_sightings *s);

/* Wait until every block sealed so far is counted and written, or cannot be. */
void kd_sightings_finish(struct kd_sightings *s);

/* Counts what was sealed last and writes it; what is left of a long backlog is counted after the
 * next start. */
void kd_sightings_free(struct kd_sightings *s);

#endif
