/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents as plain text for a terminal; control characters of foreign text become "?". */
#ifndef KD_STORE_INCIDENT_TEXT_H
#define KD_STORE_INCIDENT_TEXT_H

#include "store/meta.h"
#include "store/column.h"

/* One line each, the worst first; nothing when there are none. */
KD_MUST_USE enum kd_status kd_incidents_text(struct kd_meta *m, int zone_s, bool ja, struct kd_heap *ret);

/* The whole of one.  KD_NOT_FOUND when there is none of that number. */
KD_MUST_USE enum kd_status kd_incident_text(struct kd_meta *m, uint64_t id, bool ja, struct kd_heap *ret);

#endif
