/* SPDX-License-Identifier: Apache-2.0 */
/* How many exchanges one conversation may tell: statements at a database, messages to a device that is asked many
 * times a second.  Rules see all of them. */
#ifndef KD_PROTO_PACE_H
#define KD_PROTO_PACE_H

#include "base/clock.h"
#include "proto/parser.h"

/* Zeroed is ready. */
struct kd_pace {
    uint64_t minute;
    uint32_t n;
    bool told;
};

/* May one more be told (limits.exchanges in a minute)?  What is left out is noted once in a conversation, as
 * exchanges_not_told. */
static inline bool kd_pace_allows(struct kd_ctx *ctx, struct kd_pace *p)
{
    uint64_t minute = ctx->now_us / KD_US_PER_MINUTE;
    if (p->minute != minute) {
        p->minute = minute;
        p->n = 0;
    }
    if (p->n < ctx->lim->exchanges) {
        p->n++;
        return true;
    }
    if (!p->told)
        kd_anomaly(ctx, "exchanges_not_told", 0);
    p->told = true;
    return false;
}

#endif
