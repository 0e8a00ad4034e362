/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rule_vars.h"

#include "config/suricata.h"

/* "address-groups.HOME_NET=[…]" lines */
enum kd_status kd_rule_vars_configured(struct kd_rules *rules, const struct kd_config *config)
{
    struct kd_bytes lines = kd_bytes_of(config->rule_vars.lines, config->rule_vars.n);
    enum kd_status s = KD_OK;
    while (lines.n > 0 && s == KD_OK) {
        struct kd_bytes value = kd_bytes_cut(&lines, '\n');
        struct kd_bytes name = kd_bytes_cut(&value, '=');
        struct kd_bytes group = kd_bytes_cut(&name, '.');
        s = kd_rules_var(rules, kd_bytes_eq_str(group, "port-groups"), name, value);
    }
    return s;
}

static enum kd_status take_var(void *arg, bool is_port, struct kd_bytes name, struct kd_bytes value)
{
    return kd_rules_var(arg, is_port, name, value);
}

enum kd_status kd_rule_vars_suricata(struct kd_rules *rules, struct kd_bytes yaml,
                                     struct kd_err *err)
{
    return kd_suricata_vars(yaml, take_var, rules, err);
}
