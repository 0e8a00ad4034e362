/* SPDX-License-Identifier: Apache-2.0 */
/* Detections in meta.db: repeats folded, state and note of the people. */
#ifndef KD_STORE_DETECTIONS_H
#define KD_STORE_DETECTIONS_H

#include "base/severity.h"
#include "store/decisions.h"
#include "store/jw.h"
#include "store/meta.h"
#include "wire/record.h"

/* Take an alert record: a new row, or an update of the one with the same fold key (count, first,
 * last, newest text; a closed one opens again).  *ret_id is its number, 0 when an exception hides
 * it: then that is counted as a hit of the exception. */
KD_MUST_USE enum kd_status kd_detection_take(struct kd_meta *m, const struct kd_rec_head *head,
                                             const struct kd_rec_alert *alert,
                                             const struct kd_decisions *decisions, int zone_s,
                                             uint64_t *ret_id);

/* Detection objects of the HTTP contract.  KD_NOT_FOUND when there is none of that number. */
KD_MUST_USE enum kd_status kd_detection_json(struct kd_meta *m, uint64_t id, struct kd_jw *w);

/* What to list; empty views and zeros choose nothing. */
struct kd_detection_filter {
    uint64_t from_us, to_us;                /* overlap with [first, last] */
    struct kd_bytes severity, phase, state; /* comma lists */
    struct kd_bytes host, q;
    uint64_t before, limit;
    bool worst_first;
};
/* Writes the items of an array; *ret_next: the id to continue before, or 0; *ret_total (may be
 * NULL). */
KD_MUST_USE enum kd_status kd_detections_json(struct kd_meta *m,
                                              const struct kd_detection_filter *f, struct kd_jw *w,
                                              uint64_t *ret_next, uint64_t *ret_total);

/* State: open, acknowledged, closed; a view with p == NULL leaves it (or the note) as it is. */
KD_MUST_USE enum kd_status kd_detection_patch(struct kd_meta *m, uint64_t id, struct kd_bytes state,
                                              struct kd_bytes note, struct kd_bytes user);

/* Evidence: numbers of its records and the time they lie in. */
KD_MUST_USE enum kd_status kd_detection_evidence(struct kd_meta *m, uint64_t id,
                                                 struct kd_heap *ret_ids, uint64_t *ret_first_us,
                                                 uint64_t *ret_last_us);

#endif
