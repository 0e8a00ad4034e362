/* SPDX-License-Identifier: Apache-2.0 */
/* threshold.config: suppress, threshold and event_filter lines, for rules that cannot be edited. */
#ifndef KD_RULE_THRESHOLDS_H
#define KD_RULE_THRESHOLDS_H

#include "rule/rules.h"

/* Read after kd_rules_finish().  A threshold of a line becomes that of the rules it names, unless a
 * rule has one of its own; sig_id 0: of all rules of the group.  What is suppressed is listed in
 * rules->suppression.  Lines that cannot be read are listed in rules->bad_line (rate_filter is one:
 * this sensor does not change what a rule does). */
KD_MUST_USE enum kd_status kd_rules_thresholds(struct kd_rules *rules, const char *name,
                                               struct kd_bytes text);

/* Is an alert of this rule between these addresses not to be told? */
bool kd_rules_suppressed(const struct kd_rules *rules, const struct kd_rule *rule,
                         const struct kd_addr *src, const struct kd_addr *dst);

#endif
