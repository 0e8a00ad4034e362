/* SPDX-License-Identifier: Apache-2.0 */
/* The range of an integer keyword: ">3", "10-20" (both ends apart), "!=5", "&0xc0=0x80", "0x10",
 * "2mb" … */
#ifndef KD_RULE_NUMBER_H
#define KD_RULE_NUMBER_H

#include "base/bytes.h"

enum kd_range_op {
    KD_RANGE_IN,      /* a <= v <= b */
    KD_RANGE_OUT,     /* v < a or v > b */
    KD_RANGE_MASK_EQ, /* (v & a) == b */
    KD_RANGE_MASK_NE,
};

struct kd_range {
    uint64_t a, b;
    enum kd_range_op op;
};

static inline bool kd_range_has(const struct kd_range *r, uint64_t v)
{
    switch (r->op) {
    case KD_RANGE_IN:
        return r->a <= v && v <= r->b;
    case KD_RANGE_OUT:
        return v < r->a || v > r->b;
    case KD_RANGE_MASK_EQ:
        return (v & r->a) == r->b;
    case KD_RANGE_MASK_NE:
        return (v & r->a) != r->b;
    }
    return false;
}

/* Read a range of numbers of `bits` bits.  `words` ("name=value,…", may be "") may stand for a
 * value.  False: not a range, or one that nothing can be in. */
KD_MUST_USE bool kd_range_parse(struct kd_bytes text, unsigned bits, const char *words,
                                struct kd_range *ret);

/* One number: decimal, 0x…, with kb/mb/gb (1024 based), or one of `words` (without regard to case).
 */
KD_MUST_USE bool kd_number_parse(struct kd_bytes text, unsigned bits, const char *words,
                                 uint64_t *ret);

#endif
