/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and their identity history in meta.db. */
#ifndef KD_STORE_HOSTS_H
#define KD_STORE_HOSTS_H

#include "store/jw.h"
#include "store/meta.h"
#include "wire/record.h"

/* Take a host record: what it says replaces what was known; names, users and link addresses also go
 * into the history with their source. */
KD_MUST_USE enum kd_status kd_host_take(struct kd_meta *m, const struct kd_rec_head *head,
                                        const struct kd_rec_host *host);

struct kd_host_filter {
    struct kd_bytes q, sort; /* severity, last, name, address */
    uint64_t min_severity, limit, offset;
};
/* Host objects of the HTTP contract: the items of an array; one whole object (with identities,
 * reasons, detections; `peers` and the closing brace are left to the caller). */
KD_MUST_USE enum kd_status kd_hosts_json(struct kd_meta *m, const struct kd_host_filter *f,
                                         struct kd_jw *w, uint64_t *ret_total);
KD_MUST_USE enum kd_status kd_host_json(struct kd_meta *m, struct kd_bytes address,
                                        struct kd_jw *w);

/* Addresses a text stands for: itself when it is one, else those the name belonged to.  At most
 * `max`. */
KD_MUST_USE enum kd_status kd_host_resolve(struct kd_meta *m, struct kd_bytes text,
                                           struct kd_addr *ret, size_t max, size_t *ret_n);

#endif
