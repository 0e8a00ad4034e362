/* SPDX-License-Identifier: Apache-2.0 */
/* A notice as a mail (RFC 5322): words an officer acts on, nothing active, nothing of an attacker's
 * that could be taken for ours. */
#ifndef KD_NOTICE_LETTER_H
#define KD_NOTICE_LETTER_H

#include "base/clock.h"
#include "notice/outbox.h"

enum { KD_LETTER_MAX = 256 * 1024 };

struct kd_letter_config {
    bool ja, en;      /* languages, Japanese first */
    int zone_s;       /* of the site */
    const char *from; /* bare addresses */
    const char *const *to;
    size_t n_to;
    const char *url;   /* of the page, without a trailing slash; empty: no links */
    const char *site;  /* the sensor's name, to tell several apart */
    uint64_t alarm_us; /* told in a test mail */
};

/* The whole message with CRLF line ends, about `items` (at least one).  `number` tells apart the
 * mails of one moment.  KD_LIMIT: it does not fit; take fewer items. */
KD_MUST_USE enum kd_status kd_letter_write(struct kd_out *o, const struct kd_letter_config *cfg,
                                           const struct kd_notice *const *items, size_t n,
                                           uint64_t now_us, uint64_t number);

#endif
