/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of rules ($HOME_NET …) from where operators write them; before rules are read. */
#ifndef KD_BIN_RULE_VARS_H
#define KD_BIN_RULE_VARS_H

#include "config/config.h"
#include "rule/rules.h"

/* rules.vars of the configuration. */
KD_MUST_USE enum kd_status kd_rule_vars_configured(struct kd_rules *rules,
                                                   const struct kd_config *config);

/* `vars` of a suricata.yaml's text; err->at: line. */
KD_MUST_USE enum kd_status kd_rule_vars_suricata(struct kd_rules *rules, struct kd_bytes yaml,
                                                 struct kd_err *err);

#endif
