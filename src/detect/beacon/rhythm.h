/* SPDX-License-Identifier: Apache-2.0 */
/* How regular is a series of moments?  Robust figures only: medians, not means, so that a few odd gaps do
 * not count. */
#ifndef KD_DETECT_RHYTHM_H
#define KD_DETECT_RHYTHM_H

#include "base/base.h"

enum { KD_RHYTHM_MAX = 48 };

struct kd_rhythm {
    uint64_t period_us;  /* median gap */
    unsigned n;          /* moments after those of one burst were merged */
    unsigned spread_pct; /* median deviation from the period, per cent of it */
    unsigned missed;     /* gaps that are a multiple of the period */
};

/* `at` (n moments in any order, n <= KD_RHYTHM_MAX) is sorted in place.  False: no rhythm.  A rhythm has at
 * least `least` moments; the fewer, the steadier it must be.  Moments within a burst count as one. */
bool kd_rhythm_of(uint64_t *at, unsigned n, unsigned least, struct kd_rhythm *ret);

/* Median deviation of values from their median, per cent of it. */
unsigned kd_spread_pct(const uint32_t *v, unsigned n);

#endif
