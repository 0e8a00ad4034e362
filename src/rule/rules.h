/* SPDX-License-Identifier: Apache-2.0 */
/* A set of rules: read from text, ready for the matcher.
 *
 * usage: rules = kd_rules_new(pool, limits); kd_rules_vars…(); kd_rules_read(rules, "name", text)
 * per file; kd_rules_finish(); then read rules->rule[]. */
#ifndef KD_RULE_RULES_H
#define KD_RULE_RULES_H

#include "base/limits.h"
#include "base/pool.h"
#include "base/status.h"
#include "rule/rule.h"

/* A rule that was not taken. */
struct kd_refusal {
    uint16_t file;
    uint32_t line, column; /* from 1 */
    uint32_t sid;          /* 0: not known */
    struct kd_bytes what;  /* keyword or word concerned */
    const char *why, *why_ja;
    bool is_unsupported; /* understood, but not done by this version (lua …), rather than wrong */
    bool is_unmet;       /* the rule itself says that it is not for here (requires) */
};

/* Alerts that threshold.config keeps back. */
enum kd_suppress_by { KD_SUPPRESS_ALL, KD_SUPPRESS_SRC, KD_SUPPRESS_DST, KD_SUPPRESS_EITHER };

struct kd_suppression {
    uint32_t gid, sid; /* 0: all */
    enum kd_suppress_by by;
    const struct kd_addr_set *addrs; /* not for ALL */
};

/* Interned names of one space. */
struct kd_names {
    uint32_t n;
    const struct kd_bytes *name;
};

struct kd_rules {
    uint32_t n;
    struct kd_rule *const *rule;      /* those in force, sorted by gid, sid */
    uint32_t n_read, n_refused;       /* rules met; loaded = n */
    uint32_t n_replaced;              /* of the same sid: the highest revision stays */
    uint32_t n_disabled;              /* rules in comments */
    const struct kd_refusal *refusal; /* n_refused of them, in the order met */
    struct kd_names files, flowbits, xbits, hostbits, flowints, events;
    uint32_t n_buffers, n_addr_sets, n_port_sets, n_datasets, n_classtypes;
    const struct kd_rule_buffer *const *buffer;
    const struct kd_addr_set *const *addr_set;
    const struct kd_port_set *const *port_set;
    struct kd_dataset *const *dataset;
    uint32_t n_suppressions, n_bad_lines; /* of threshold.config: thresholds.h */
    const struct kd_suppression *suppression;
    const struct kd_refusal *bad_line;
    struct kd_rules_state *state; /* of the reader */
};

/* NULL: no memory.  All memory comes from `pool`, which must outlive it. */
KD_MUST_USE struct kd_rules *kd_rules_new(struct kd_pool *pool, const struct kd_limits *lim);
void kd_rules_free(struct kd_rules *rules); /* NULL is fine */

/* Variables: name without '$', value as in a rule's header ("[10.0.0.0/8,!10.1.0.0/16]",
 * "$HOME_NET", "any").  The defaults (HOME_NET, EXTERNAL_NET, HTTP_PORTS …) are there from the
 * start.  Not checked before use. */
KD_MUST_USE enum kd_status kd_rules_var(struct kd_rules *rules, bool is_port, struct kd_bytes name,
                                        struct kd_bytes value);

/* classification.config and reference.config; built-in defaults are there from the start.  Lines
 * that cannot be read are left out and counted in *ret_bad. */
KD_MUST_USE enum kd_status kd_rules_classes(struct kd_rules *rules, struct kd_bytes text,
                                            uint32_t *ret_bad);
KD_MUST_USE enum kd_status kd_rules_references(struct kd_rules *rules, struct kd_bytes text,
                                               uint32_t *ret_bad);

/* Read the rules of one file.  Bad rules are refusals, not errors; KD_NO_MEMORY and KD_LIMIT are.
 */
KD_MUST_USE enum kd_status kd_rules_read(struct kd_rules *rules, const char *name,
                                         struct kd_bytes text);

enum { KD_RULE_LIST_MAX = 31 << 20 };

/* The content of a file that rules name (datasets, lists of digests), by the name they give it: borrowed
 * until a matcher's set is made of the rules.
 * Further ones of one name, and those larger than KD_RULE_LIST_MAX, are left out. */
KD_MUST_USE enum kd_status kd_rules_data(struct kd_rules *rules, struct kd_bytes name, struct kd_bytes content);

/* What was given for this name; false: nothing. */
bool kd_rules_data_of(const struct kd_rules *rules, struct kd_bytes name, struct kd_bytes *ret);

/* All files are read: settle duplicates, sort, check across rules. */
KD_MUST_USE enum kd_status kd_rules_finish(struct kd_rules *rules);

/* Take back a rule that a later stage cannot do: it becomes a refusal.  Before kd_rules_finish() or
 * after; rules->rule[] keeps its order, `index` is made anew. */
void kd_rules_refuse(struct kd_rules *rules, const struct kd_rule *rule, const char *why,
                     const char *why_ja);

const struct kd_rule *kd_rules_find(const struct kd_rules *rules, uint32_t gid, uint32_t sid);

/* The URL of a reference by reference.config ("url,example.com" → "http://example.com"). */
void kd_rules_reference_url(const struct kd_rules *rules, const struct kd_rule_pair *ref,
                            struct kd_out *out);

#endif
