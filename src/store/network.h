/* SPDX-License-Identifier: Apache-2.0 */
/* Who talks to whom between the zones of the network plan: the roll-up of crossing records by day, and what
 * the page of the network shows. */
#ifndef KD_STORE_NETWORK_H
#define KD_STORE_NETWORK_H

#include "base/site.h"
#include "store/jw.h"
#include "store/meta.h"
#include "wire/record.h"

enum { KD_NETWORK_ROWS_MAX = 200000, KD_NETWORK_PAIRS = 10, KD_NETWORK_NEW = 50, KD_NETWORK_BREACHES = 30 };

/* Count a crossing record into its day. */
KD_MUST_USE enum kd_status kd_crossing_take(struct kd_meta *m, const struct kd_rec_head *head,
                                            const struct kd_rec_crossing *c, int zone_s);

/* Oldest days go while there are more than KD_NETWORK_ROWS_MAX rows. */
KD_MUST_USE enum kd_status kd_crossings_prune(struct kd_meta *m);

struct kd_network_ask {
    struct kd_meta *meta;
    const struct kd_site *site;
    const struct kd_net *nets; /* the site's own; none: private addresses */
    size_t n_nets;
    int zone_s;
    uint64_t from_us, to_us, today_us; /* today_us: this day's midnight */
};

/* The object of the HTTP contract. */
KD_MUST_USE enum kd_status kd_network_json(const struct kd_network_ask *ask, struct kd_jw *w);

#endif
