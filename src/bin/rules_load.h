/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files become an image (rule/image.h), an image becomes what an engine runs.  Foreign bytes: in a sandbox. */
#ifndef KD_BIN_RULES_LOAD_H
#define KD_BIN_RULES_LOAD_H

#include "bin/rule_inputs.h"
#include "match/match.h"
#include "rule/image.h"
#include "rule/rules.h"

struct kd_loaded_rules {
    struct kd_pool *pool;
    struct kd_rules *rules;
    struct kd_ruleset *set;
    struct kd_rule_counts counts;
    uint32_t n_bad_lines; /* of classification.config and reference.config; left out */
};

/* ---- files to an image ---- */

/* The content of one file becomes a part; err->what and at (line) where it cannot be read. */
KD_MUST_USE enum kd_status kd_rules_add(struct kd_out *image, enum kd_rule_input_kind kind, const char *name, int fd,
                                        struct kd_err *err);

/* What of an image decides about the result, beside its parts: this program, this machine, these limits. */
void kd_rules_key(const struct kd_out *image, const struct kd_limits *lim, uint8_t ret[KD_RULE_KEY_BYTES]);

/* All parts are there: parse, compile, add what was compiled and end the image.  `keep` (may be NULL) gets the
 * set, else it is freed. */
KD_MUST_USE enum kd_status kd_rules_compile(struct kd_out *image, const uint8_t key[KD_RULE_KEY_BYTES],
                                            const struct kd_limits *lim, struct kd_loaded_rules *keep,
                                            struct kd_err *err);

/* ---- an image to a set ---- */

/* Parse parts into rules alone (into->set is NULL); then kd_rules_arm() compiles. */
KD_MUST_USE enum kd_status kd_rules_parse(struct kd_bytes parts, const struct kd_limits *lim,
                                          struct kd_loaded_rules *into, struct kd_err *err);
KD_MUST_USE enum kd_status kd_rules_load(struct kd_bytes image, const struct kd_limits *lim,
                                         struct kd_loaded_rules *into, struct kd_err *err);
void kd_rules_unload(struct kd_loaded_rules *r);

#endif
