/* SPDX-License-Identifier: Apache-2.0 */
/* How often each rule was looked at and matched: a file that an engine maps and others read.  One per engine; the
 * numbers count from the engine's start. */
#ifndef KD_RULE_HITS_H
#define KD_RULE_HITS_H

#include "base/base.h"

struct kd_rule_hit {
    uint32_t gid, sid;
    uint64_t candidates, matches; /* looked at closer; held */
};

struct kd_rule_hits {
    uint64_t since_us;
    uint32_t n, reserved; /* n: of those that have been candidates */
    struct kd_rule_hit hit[];
};

#endif
