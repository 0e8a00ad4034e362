/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions in meta.db: detections of a kind at a host, with a peer, of a user (each may be any) are kept but
 * not told until a time (0: for ever).  Each names its owner and its reason, and counts what it hid. */
#ifndef KD_STORE_EXCEPTIONS_H
#define KD_STORE_EXCEPTIONS_H

#include "store/jw.h"
#include "store/meta.h"
#include "wire/decision.h"

/* Empty: any.  `id` may end in "*"; `host` and `peer` are addresses or prefixes. */
struct kd_exception_new {
    struct kd_bytes id, host, peer, user, reason;
    uint64_t until_us;
    struct kd_bytes owner;
};

/* Why it cannot be one: NULL when it can. */
KD_MUST_USE bool kd_exception_is_valid(const struct kd_exception_new *e);

KD_MUST_USE enum kd_status kd_exceptions_json(struct kd_meta *m, struct kd_jw *w);
KD_MUST_USE enum kd_status kd_exception_json(struct kd_meta *m, uint64_t id, struct kd_jw *w);

/* What is open already goes behind the exception, and comes back when it is taken away. */
KD_MUST_USE enum kd_status kd_exception_add(struct kd_meta *m, const struct kd_exception_new *e, uint64_t *ret_id);
KD_MUST_USE enum kd_status kd_exception_delete(struct kd_meta *m, uint64_t id);

/* It hid `n` more, the last at last_us. */
KD_MUST_USE enum kd_status kd_exception_hit(struct kd_meta *m, uint64_t id, uint64_t n, uint64_t last_us);

/* Those in force, as decisions. */
KD_MUST_USE enum kd_status kd_exceptions_put(struct kd_meta *m, struct kd_out *o, size_t *ret_n,
                                             uint64_t *ret_left_out);

#endif
