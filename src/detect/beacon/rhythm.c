/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/beacon/rhythm.h"

#include "base/clock.h"

#define PERIOD_LEAST_US (2 * (uint64_t)KD_US_PER_S)
#define PERIOD_MOST_US KD_US_PER_DAY

static void sort(uint64_t *v, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        uint64_t x = v[i];
        unsigned k = i;
        for (; k > 0 && v[k - 1] > x; k--)
            v[k] = v[k - 1];
        v[k] = x;
    }
}

static uint64_t median(uint64_t *v, unsigned n)
{
    sort(v, n);
    return n % 2 ? v[n / 2] : v[n / 2 - 1] / 2 + v[n / 2] / 2;
}

/* Gaps between the moments, those of one burst merged. */
static unsigned gaps_of(const uint64_t *at, unsigned n, uint64_t burst_us, uint64_t *gaps)
{
    unsigned n_gaps = 0;
    uint64_t last = at[0];
    for (unsigned i = 1; i < n; i++) {
        if (at[i] - last < burst_us)
            continue;
        gaps[n_gaps++] = at[i] - last;
        last = at[i];
    }
    return n_gaps;
}

/* The most spread that so many gaps may have: chance makes a few gaps look alike easily.  The figures keep
 * the share of random series taken for a rhythm below one in two hundred (see the test). */
static unsigned spread_allowed(unsigned n_gaps)
{
    static const struct {
        unsigned below, spread_pct;
    } steps[] = {{6, 1}, {7, 2}, {8, 3}, {10, 4}, {12, 6}, {16, 9}, {24, 14}, {32, 18}};
    for (size_t i = 0; i < KD_COUNT(steps); i++)
        if (n_gaps < steps[i].below)
            return steps[i].spread_pct;
    return 22;
}

/* A gap over lost callbacks lies near a multiple of the period; it is brought back to one.  Others stay what
 * they are.  False when too many are multiples, breaks or short: what people and chance do. */
static bool straighten(uint64_t *gaps, unsigned *n_gaps, struct kd_rhythm *r)
{
    enum { MULTIPLE_MOST = 7, NEAR_PCT = 16 };
    unsigned n = *n_gaps, kept = 0, shorts = 0, breaks = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t periods = (gaps[i] + r->period_us / 2) / r->period_us;
        uint64_t whole = periods * r->period_us;
        uint64_t off = gaps[i] > whole ? gaps[i] - whole : whole - gaps[i];
        bool near = off * 100 <= r->period_us * NEAR_PCT;
        shorts += gaps[i] < r->period_us / 2;
        if (periods > MULTIPLE_MOST) {
            breaks++;
            continue;
        }
        bool multiple = periods > 1 && near;
        r->missed += multiple;
        gaps[kept++] = multiple ? gaps[i] / periods : gaps[i];
    }
    *n_gaps = kept;
    return shorts <= (n < 16 ? 1 : n / 12) && breaks * 6 <= n && r->missed * 5 <= n * 2;
}

static bool rhythm_with(const uint64_t *at, unsigned n, unsigned least, uint64_t burst_us, struct kd_rhythm *ret)
{
    uint64_t gaps[KD_RHYTHM_MAX], sorted[KD_RHYTHM_MAX];
    unsigned n_gaps = gaps_of(at, n, burst_us, gaps);
    if (n_gaps + 1 < least)
        return false;
    memcpy(sorted, gaps, n_gaps * sizeof(gaps[0]));
    *ret = (struct kd_rhythm){.period_us = median(sorted, n_gaps), .n = n_gaps + 1};
    if (ret->period_us < PERIOD_LEAST_US || ret->period_us > PERIOD_MOST_US ||
        ret->period_us < (burst_us > KD_US_PER_S ? 4 : 2) * burst_us)
        return false;
    if (!straighten(gaps, &n_gaps, ret) || n_gaps + 1 < least)
        return false;
    for (unsigned i = 0; i < n_gaps; i++)
        gaps[i] = gaps[i] > ret->period_us ? gaps[i] - ret->period_us : ret->period_us - gaps[i];
    ret->spread_pct = (unsigned)(median(gaps, n_gaps) * 100 / ret->period_us);
    /* Evenly drawn jitter has a wide middle but no tails: then all gaps lie close by (gaps is sorted now). */
    enum { ENOUGH = 10, REACH_PCT = 40, WIDEST_PCT = 25 };
    bool no_tails = n_gaps >= ENOUGH && ret->missed == 0 &&
                    gaps[n_gaps - 1] * 100 <= ret->period_us * REACH_PCT && ret->spread_pct <= WIDEST_PCT;
    return no_tails || ret->spread_pct <= spread_allowed(n_gaps);
}

bool kd_rhythm_of(uint64_t *at, unsigned n, unsigned least, struct kd_rhythm *ret)
{
    static const uint64_t bursts_us[] = {KD_US_PER_S, 5 * (uint64_t)KD_US_PER_S, 15 * (uint64_t)KD_US_PER_S};
    if (n < least || n < 3)
        return false;
    sort(at, n);
    for (size_t i = 0; i < KD_COUNT(bursts_us); i++)
        if (rhythm_with(at, n, least, bursts_us[i], ret))
            return true;
    return false;
}

unsigned kd_spread_pct(const uint32_t *v, unsigned n)
{
    uint64_t copy[KD_RHYTHM_MAX];
    for (unsigned i = 0; i < n; i++)
        copy[i] = v[i];
    uint64_t middle = n == 0 ? 0 : median(copy, n);
    if (middle == 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        copy[i] = copy[i] > middle ? copy[i] - middle : middle - copy[i];
    return (unsigned)kd_min_u64(median(copy, n) * 100 / middle, 1000);
}
