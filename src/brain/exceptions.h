/* SPDX-License-Identifier: Apache-2.0 */
/* What the site has decided not to be told.  A line of the file is
 *     detection-id | host or net | other criteria | until | reason
 * where the id may end in "*"; the host is an address, a prefix or "*"; criteria are "peer=NET" and
 * "user=NAME" (or nothing); until is an RFC 3339 date or date-time, or "-"; the reason is a must. */
#ifndef KD_BRAIN_EXCEPTIONS_H
#define KD_BRAIN_EXCEPTIONS_H

#include "detect/detect.h"

struct kd_exception {
    struct kd_bytes id, user, reason;
    struct kd_net host, peer;
    bool any_host, any_peer;
    uint64_t until_us; /* 0: for ever */
    uint64_t hits, hits_told;
    size_t line;
};

struct kd_exceptions {
    uint8_t *text;
    struct kd_exception *v;
    size_t n;
};

/* On failure err->at is the line number. */
KD_MUST_USE enum kd_status kd_exceptions_load(struct kd_exceptions *x, struct kd_bytes file, int zone_s,
                                              struct kd_err *err);
void kd_exceptions_done(struct kd_exceptions *x);

/* The first that hides this finding, with its hit counted; NULL for none. */
struct kd_exception *kd_exceptions_match(struct kd_exceptions *x, const struct kd_finding *f, uint64_t now_us);

#endif
