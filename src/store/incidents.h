/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents in meta.db: the newest version of each, what changed when, and what people decided. */
#ifndef KD_STORE_INCIDENTS_H
#define KD_STORE_INCIDENTS_H

#include "store/jw.h"
#include "store/meta.h"
#include "wire/record.h"

/* Take an incident record: a new row, or the newer version of one.  One that was closed opens again when it
 * tells of more hosts or steps or is graver.  *ret_id is its number, 0 when it was merged into another. */
KD_MUST_USE enum kd_status kd_incident_take(struct kd_meta *m, const struct kd_rec_head *head,
                                            const struct kd_rec_incident *incident, int zone_s, uint64_t *ret_id);

/* What to list; empty views and zeros choose nothing.  Merged ones are never listed. */
struct kd_incident_filter {
    struct kd_bytes severity, state; /* comma lists */
    struct kd_bytes host, q;
    uint64_t before, limit;
    bool worst_first;
};
KD_MUST_USE enum kd_status kd_incidents_json(struct kd_meta *m, const struct kd_incident_filter *f, struct kd_jw *w,
                                             uint64_t *ret_next, uint64_t *ret_total);

/* A row of the list, and the members of the whole (an object that the caller closes).  KD_NOT_FOUND when there is
 * none of that number. */
KD_MUST_USE enum kd_status kd_incident_brief_json(struct kd_meta *m, uint64_t id, struct kd_jw *w);
KD_MUST_USE enum kd_status kd_incident_json(struct kd_meta *m, uint64_t id, struct kd_jw *w);

/* Call fn for each thing of an incident (fn may not use m). */
KD_MUST_USE enum kd_status kd_incident_things(struct kd_meta *m, uint64_t id,
                                              void (*fn)(void *arg, struct kd_bytes kind, struct kd_bytes value),
                                              void *arg);

/* State: open, acknowledged, closed; a view with p == NULL leaves it (or the note) as it is. */
KD_MUST_USE enum kd_status kd_incident_patch(struct kd_meta *m, uint64_t id, struct kd_bytes state,
                                             struct kd_bytes note, struct kd_bytes user);

#endif
