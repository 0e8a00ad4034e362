/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files become what an engine runs. */
#ifndef KD_BIN_RULES_LOAD_H
#define KD_BIN_RULES_LOAD_H

#include "bin/start.h"
#include "match/match.h"

struct kd_loaded_rules {
    struct kd_pool *pool;
    struct kd_rules *rules;
    struct kd_ruleset *set;
    uint32_t n_read, n_loaded, n_refused;
};

struct kd_rule_file {
    const char *name;
    int fd;       /* stays open */
    bool is_data; /* not rules, but what rules load */
};

/* Read and compile; `into` holds nothing where it fails. */
KD_MUST_USE enum kd_status kd_rules_load(const struct kd_rule_file *files, size_t n, const struct kd_limits *lim,
                                         struct kd_loaded_rules *into, struct kd_err *err);
void kd_rules_unload(struct kd_loaded_rules *r);

/* The rule files of a role's start message; at most `max`. */
size_t kd_rules_of_start(const struct kd_start *s, struct kd_rule_file *files, size_t max);

#endif
