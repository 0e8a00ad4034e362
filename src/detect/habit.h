/* SPDX-License-Identifier: Apache-2.0 */
/* What is usual: daily figures of one host, or of all hosts of the same role in the same zone, and what even a busy
 * day keeps to.  Medians only: one large day neither hides the next nor makes it usual. */
#ifndef KD_DETECT_HABIT_H
#define KD_DETECT_HABIT_H

#include "detect/common.h"

enum { KD_HABIT_OWN = 14, KD_HABIT_GROUP = 48, KD_HABIT_MAX = KD_HABIT_GROUP };

/* The newest figures: `room` of them (at most KD_HABIT_MAX), *n counts all that came. */
void kd_habit_add(uint32_t *v, uint32_t room, uint32_t *n, uint32_t value);

/* Median plus eight times the median deviation (about five standard deviations), where that is at least a quarter
 * of the median.  0 without figures. */
uint64_t kd_habit_most(const uint32_t *v, uint32_t room, uint32_t n);

/* Key of what is usual among the host's like: clients or servers, zone by zone. */
struct kd_key kd_habit_group(const struct kd_detect *d, uint8_t kind, const struct kd_addr *host);

void kd_snap_habit(struct kd_snap *s, uint32_t *v, uint32_t room, uint32_t *n);

#endif
