/* SPDX-License-Identifier: Apache-2.0 */
/* Time as an argument, and its text forms.  All times are microseconds since 1970-01-01 UTC. */
#ifndef KD_BASE_CLOCK_H
#define KD_BASE_CLOCK_H

#include "base/out.h"

enum { KD_US_PER_MS = 1000, KD_US_PER_S = 1000000 };
#define KD_US_PER_MINUTE (60 * (uint64_t)KD_US_PER_S)
#define KD_US_PER_HOUR (3600 * (uint64_t)KD_US_PER_S)
#define KD_US_PER_DAY (86400 * (uint64_t)KD_US_PER_S)

/* Offset of the site's zone; Japan has one and no summer time.  Default Asia/Tokyo. */
enum { KD_ZONE_JAPAN_S = 9 * 3600 };

struct kd_clock {
    uint64_t (*now_us)(void *ctx);
    void *ctx;
};

static inline uint64_t kd_now_us(const struct kd_clock *clock)
{
    return clock->now_us(clock->ctx);
}

struct kd_date {
    int year;
    unsigned month, day, hour, minute, second, us;
};

/* Civil time at a fixed offset (proleptic Gregorian; H. Hinnant's algorithm), and back. */
struct kd_date kd_date_of(uint64_t us, int zone_s);
KD_MUST_USE bool kd_date_to_us(const struct kd_date *d, int zone_s, uint64_t *ret_us);

/* 2026-11-22T09:15:02.123456+0900, as EVE writes it. */
void kd_out_time(struct kd_out *o, uint64_t us, int zone_s);

/* 20261122, the number of a day at the site; and as text, the name of its partition. */
uint32_t kd_day_of(uint64_t us, int zone_s);
void kd_out_day(struct kd_out *o, uint64_t us, int zone_s);

/* RFC 3339 date-time, or a date alone (its first moment); without a zone, zone_s counts.  Also accepts
 * the EVE form with +0900. */
KD_MUST_USE bool kd_time_parse(struct kd_bytes text, int zone_s, uint64_t *ret_us);

#endif
