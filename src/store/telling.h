/* SPDX-License-Identifier: Apache-2.0 */
/* The store's side of notices: notes what is to be told as records come, hands it to gate when the
 * transaction holds, and keeps what gate answers.  For the thread that takes records. */
#ifndef KD_STORE_TELLING_H
#define KD_STORE_TELLING_H

#include "store/notices.h"

enum { KD_TELLING_QUEUE = 64 };

struct kd_telling {
    bool on; /* notices are configured; else nothing is noted */
    bool example;
    uint8_t least;
    struct kd_meta *meta;
    struct kd_live *live;
    void (*send)(void *arg,
                 const struct kd_notice *n); /* to gate; what is lost is asked for again */
    void *send_arg;
    void (*health)(void *arg, const struct kd_rec_health *h); /* an event of the sensor's own */
    void *health_arg;
    uint64_t queue[KD_TELLING_QUEUE]; /* rows with news; more are sent when gate says hello */
    size_t n;
    uint64_t checked_us, forgot_us, last_test;
    unsigned there[KD_TROUBLES], gone[KD_TROUBLES]; /* checks in a row */
    bool began[KD_TROUBLES];
};

/* Within the transaction that stores them.  id 0: an incident that was merged into another. */
void kd_telling_detection(struct kd_telling *t, uint64_t id, const struct kd_rec_alert *a);
void kd_telling_incident(struct kd_telling *t, uint64_t id, const struct kd_rec_incident *r);

/* The transaction holds: gate hears of it. */
void kd_telling_flush(struct kd_telling *t);

/* Once a second: tests people asked for, troubles of the sensor. */
void kd_telling_tick(struct kd_telling *t, const struct kd_ingest_sum *sum);

/* What gate said. */
void kd_telling_heard(struct kd_telling *t, const struct kd_notice_message *m);

#endif
