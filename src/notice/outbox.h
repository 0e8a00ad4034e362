/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be told, and when: gathered for some seconds, repeats quiet for a while and then told
 * with their number, many at once in one mail, and never more mails than a person reads.
 *
 * Holds nothing that the store does not have too (wire/notice.h): a successor is given it again. */
#ifndef KD_NOTICE_OUTBOX_H
#define KD_NOTICE_OUTBOX_H

#include "base/clock.h"
#include "wire/notice.h"

enum {
    KD_OUTBOX_ITEMS = 64,     /* the worst; the store has the others */
    KD_LETTER_ITEMS = 20,     /* of one mail */
    KD_GATHER_S = 5,          /* what belongs together comes within this */
    KD_SEPARATE_MAX = 3,      /* so many are told in mails of their own, more in one */
    KD_MAILS_PER_HOUR = 10,   /* beyond: one mail with everything in … */
    KD_CROWDED_S = 600,       /* … this time, */
    KD_CROWDED_URGENT_S = 30, /* … or this when something critical is new */
    KD_QUIET_DOUBLINGS = 5 /* quiet period of the second repeat is twice the first's, and so on */
};

struct kd_outbox;

/* quiet_us: after a mail, repeats of its subject wait for this long. */
KD_MUST_USE struct kd_outbox *kd_outbox_new(uint64_t quiet_us);
void kd_outbox_free(struct kd_outbox *b);

/* An item from the store (copied).  One of an older version changes nothing. */
void kd_outbox_put(struct kd_outbox *b, const struct kd_notice *item, uint64_t now_us);

/* Whether an item needs a mail at all; one that does not is taken out and given back once. */
bool kd_outbox_idle(struct kd_outbox *b, struct kd_notice *ret);

/* The items of the mail that is due now, worst first; 0: none.  They stay until kd_outbox_told().
 */
size_t kd_outbox_due(struct kd_outbox *b, uint64_t now_us,
                     const struct kd_notice *ret[KD_LETTER_ITEMS]);

/* A mail with these items is out.  They are of no interest until the store sends news. */
void kd_outbox_told(struct kd_outbox *b, const uint64_t *ids, size_t n, uint64_t now_us);

/* Items that should be out by now. */
size_t kd_outbox_waiting(const struct kd_outbox *b, uint64_t now_us);

#endif
