/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be told to people, and what was: one row per subject in meta.db.  A detection's
 * subject is its kind at a host, so repeats and further peers are one; what belongs to an incident
 * that is told is not told by itself.  Gate (wire/notice.h) decides when. */
#ifndef KD_STORE_NOTICES_H
#define KD_STORE_NOTICES_H

#include "store/ingest.h"
#include "store/jw.h"
#include "store/live.h"
#include "store/meta.h"
#include "wire/notice.h"

/* Take a detection (row `id`) or an incident that was stored in this transaction.  *ret is the row
 * of the notice that has news, 0: none has. */
KD_MUST_USE enum kd_status kd_notice_detection(struct kd_meta *m, uint64_t id,
                                               const struct kd_rec_alert *a, uint8_t least,
                                               uint64_t *ret);
KD_MUST_USE enum kd_status kd_notice_incident(struct kd_meta *m, uint64_t id,
                                              const struct kd_rec_incident *r, uint8_t least,
                                              uint64_t *ret);

/* The incident of that key went into another, which is told in its place. */
KD_MUST_USE enum kd_status kd_notice_merged(struct kd_meta *m, struct kd_bytes key, uint64_t *ret);

/* Rows that the incident has just covered, behind the *n there are, at most `room` more. */
KD_MUST_USE enum kd_status kd_notice_covered(struct kd_meta *m, uint64_t id, size_t room,
                                             uint64_t *rows, size_t *n);

/* A trouble of the sensor that began, or that is over.  *ret as above. */
KD_MUST_USE enum kd_status kd_notice_trouble(struct kd_meta *m, const struct kd_trouble *t,
                                             bool over, uint64_t *ret);

/* A test; *ret its row. */
KD_MUST_USE enum kd_status kd_notice_test(struct kd_meta *m, struct kd_bytes user, uint64_t *ret);

/* Tell of one row, or of up to `max` rows with news, worst first.  Texts are borrowed during the
 * call. */
KD_MUST_USE enum kd_status kd_notice_send(struct kd_meta *m, uint64_t id, bool example,
                                          void (*fn)(void *arg, const struct kd_notice *n),
                                          void *arg);
KD_MUST_USE enum kd_status kd_notice_send_news(struct kd_meta *m, bool example, size_t max,
                                               void (*fn)(void *arg, const struct kd_notice *n),
                                               void *arg);

/* What gate said. */
KD_MUST_USE enum kd_status kd_notice_told(struct kd_meta *m, const struct kd_notice_told *t);
KD_MUST_USE enum kd_status kd_notice_hello(struct kd_meta *m, const struct kd_notice_hello *h);
/* *ret_was: the state before. */
KD_MUST_USE enum kd_status kd_notice_channel(struct kd_meta *m, const struct kd_notice_channel *c,
                                             enum kd_channel_state *ret_was);

/* Rows nobody will ask for go. */
KD_MUST_USE enum kd_status kd_notice_forget(struct kd_meta *m);

/* The page's view: the channel and the latest notices.  `wanted`: notices are configured. */
KD_MUST_USE enum kd_status kd_notices_json(struct kd_meta *m, bool wanted, struct kd_jw *w);

#endif
