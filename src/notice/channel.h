/* SPDX-License-Identifier: Apache-2.0 */
/* Is the way out open?  When to try again, and when to raise the alarm.  A way nobody uses is tried
 * now and then, so that a wrong password is known before the first attack and not during it. */
#ifndef KD_NOTICE_CHANNEL_H
#define KD_NOTICE_CHANNEL_H

#include "notice/reason.h"
#include "wire/notice.h"

enum {
    KD_RETRY_FIRST_S = 10,
    KD_RETRY_LAST_S = 300,
    KD_PROBE_S = 3600 /* after the last contact */
};

struct kd_channel {
    enum kd_channel_state state;
    enum kd_reason reason; /* of the last failure */
    uint64_t alarm_us;     /* failing for so long is being dead */
    uint64_t ok_us, fail_us, since_us, next_us;
    unsigned failures; /* in a row */
    char answer[200];  /* of the server, at the last failure or success */
};

void kd_channel_init(struct kd_channel *c, uint64_t alarm_us);

/* What came of an attempt.  `answer` is foreign: cleaned and cut. */
void kd_channel_ok(struct kd_channel *c, uint64_t now_us, struct kd_bytes answer);
void kd_channel_failed(struct kd_channel *c, uint64_t now_us, enum kd_reason reason,
                       struct kd_bytes answer);

/* Time passes.  True when it has just become dead. */
bool kd_channel_tick(struct kd_channel *c, uint64_t now_us);

/* May something be sent now?  Is it time to see whether the server would take mail? */
bool kd_channel_may_send(const struct kd_channel *c, uint64_t now_us);
bool kd_channel_should_probe(const struct kd_channel *c, uint64_t now_us);

/* For the store; texts are static or the channel's. */
void kd_channel_tell(const struct kd_channel *c, size_t waiting, struct kd_notice_channel *ret);

#endif
