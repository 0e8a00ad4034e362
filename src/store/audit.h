/* SPDX-License-Identifier: Apache-2.0 */
/* Who did what, from where: rows chained by BLAKE2b-256(hash before ‖ all fields). */
#ifndef KD_STORE_AUDIT_H
#define KD_STORE_AUDIT_H

#include "store/jw.h"
#include "store/meta.h"

KD_MUST_USE enum kd_status kd_audit(struct kd_meta *m, struct kd_bytes user,
                                    struct kd_bytes address, const char *action,
                                    struct kd_bytes object, struct kd_bytes detail);

/* Items of an array, newest first, ids below `before` (0: from the newest). */
KD_MUST_USE enum kd_status kd_audit_json(struct kd_meta *m, uint64_t before, uint64_t limit,
                                         struct kd_jw *w, uint64_t *ret_next);

/* KD_BROKEN_SEAL and the row's id when a row was changed or taken out. */
KD_MUST_USE enum kd_status kd_audit_verify(struct kd_meta *m, uint64_t *ret_rows,
                                           uint64_t *ret_bad_id);

#endif
