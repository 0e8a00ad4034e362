/* SPDX-License-Identifier: Apache-2.0 */
/* How the sensor is now: engines and protocols from stats records (in memory), the last hours as a
 * series, roles and health events (in meta.db). */
#ifndef KD_STORE_LIVE_H
#define KD_STORE_LIVE_H

#include "store/ingest.h"
#include "store/jw.h"
#include "store/meta.h"

struct kd_live;
KD_MUST_USE struct kd_live *kd_live_new(void);
void kd_live_free(struct kd_live *l);

/* From the thread that takes records. */
void kd_live_stats(struct kd_live *l, const struct kd_rec_head *head, const struct kd_rec_stats *s,
                   uint64_t now_us);
KD_MUST_USE enum kd_status kd_live_health(struct kd_meta *m, uint64_t ts_us,
                                          const struct kd_rec_health *h);
/* Once a second: the JSON of a `health` event into *w; every ten seconds a row of the series. */
void kd_live_second(struct kd_live *l, struct kd_meta *m, uint64_t now_us, struct kd_jw *w);

/* What can be wrong with the sensor, in words, and is it now (any thread)? */
enum { KD_TROUBLES = 8 };
struct kd_trouble {
    const char *kind, *severity;
    const char *ja, *en, *do_ja, *do_en;
    bool mailed; /* told by mail when it lasts */
    const char *event; /* kind of the health events whose latest says more; NULL: none */
};
const struct kd_trouble *kd_trouble_row(size_t i);
KD_MUST_USE enum kd_status kd_troubles_find(struct kd_live *l, struct kd_meta *m, const struct kd_ingest_sum *in,
                                            bool ret_found[KD_TROUBLES]);

/* Health and its problems as the HTTP contract has them (any thread).  `store` may be zeroed. */
KD_MUST_USE enum kd_status kd_health_json(struct kd_live *l, struct kd_meta *m,
                                          const struct kd_ingest_sum *in,
                                          const struct kd_events_sum *events, struct kd_jw *w);
/* Only {ok, problems}. */
KD_MUST_USE enum kd_status kd_problems_json(struct kd_live *l, struct kd_meta *m,
                                            const struct kd_ingest_sum *in, struct kd_jw *w,
                                            const char *key);

#endif
