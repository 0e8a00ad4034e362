/* SPDX-License-Identifier: Apache-2.0 */
/* New rules, from wherever they came: a child that is shut in unpacks and compiles them, and only what that took is
 * written and put in force. */
#ifndef KD_BIN_RULES_TAKE_H
#define KD_BIN_RULES_TAKE_H

#include "bin/rule_inputs.h"
#include "config/config.h"

struct kd_rules_archive {
    struct kd_bytes bytes;
    const char *name; /* of a source: goes before names of files that others have too */
};

struct kd_rules_offer {
    const char *command; /* for messages */
    const char *from;    /* for messages and rules/log */
    struct kd_rules_archive archive[KD_CONFIG_RULE_SOURCES_MAX];
    size_t n_archives;
    struct kd_rule_inputs inputs; /* files beside them, open */
    char why[200];                /* why it was not taken; a line was printed too */
};

/* An exit status: KD_EXIT_DONE, KD_EXIT_NO (they are not to be used; those before stay), KD_EXIT_COULD_NOT. */
KD_MUST_USE int kd_rules_take(struct kd_rules_offer *offer, const struct kd_config *config, const char *dir);

/* A file in memory becomes one of offer->inputs, called `name`. */
KD_MUST_USE bool kd_rules_offer_file(struct kd_rules_offer *offer, struct kd_bytes bytes, const char *name);

#endif
