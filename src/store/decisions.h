/* SPDX-License-Identifier: Apache-2.0 */
/* What people decided, as one list for the brain (wire/decision.h) and for the thread that takes detections.
 * Every change in meta.db of what is in it says so with kd_decided(). */
#ifndef KD_STORE_DECISIONS_H
#define KD_STORE_DECISIONS_H

#include "store/meta.h"
#include "wire/decision.h"

struct kd_decisions {
    uint64_t revision; /* of meta.db, as loaded; 0: not yet */
    uint8_t *text;     /* the list */
    size_t n_text;
    struct kd_exception *exception; /* views into it */
    size_t n_exceptions;
    uint64_t left_out; /* for lack of room */
};

/* Bring it up to date; *ret_changed (may be NULL) says whether there was news. */
KD_MUST_USE enum kd_status kd_decisions_load(struct kd_decisions *d, struct kd_meta *m, bool *ret_changed);
void kd_decisions_done(struct kd_decisions *d);

/* The first exception that hides it; NULL: none. */
const struct kd_exception *kd_decisions_hide(const struct kd_decisions *d, const struct kd_exception_case *c,
                                             uint64_t now_us);

/* In the transaction of a change. */
KD_MUST_USE enum kd_status kd_decided(struct kd_meta *m);

#endif
