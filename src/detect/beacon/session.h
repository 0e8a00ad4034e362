/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions in a protocol that nobody knows.  Part of the beacon detector; see beacon.md. */
#ifndef KD_DETECT_BEACON_SESSION_H
#define KD_DETECT_BEACON_SESSION_H

#include "detect/detect.h"

/* Key of what is kept about greetings (struct kd_greeting, in the detector's state). */
enum { KD_KEY_GREETING = 'g' };
struct kd_greeting {
    uint8_t b[4];
    uint32_t n;      /* sessions that began with them, in a row */
    uint32_t n_rat;  /* sessions in the form of a remote-control program */
    uint32_t rat_told; /* n_rat when last told */
};

/* Is this flow record a session with an outside machine, both speaking, in no protocol that we know, at a port
 * that is not some other service's? */
bool kd_is_unknown_session(const struct kd_detect *d, const struct kd_record *r);

/* Tell about it when it is worth it: on a web port, long, begun twice in the same way, or in the form that a
 * widespread family of remote-control programs has.  `common`: many machines use that peer. */
void kd_unknown_session(struct kd_detect *d, const struct kd_record *r, bool common);

#endif
