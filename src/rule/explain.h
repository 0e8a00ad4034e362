/* SPDX-License-Identifier: Apache-2.0 */
/* A rule in plain words, for people who do not read the language. */
#ifndef KD_RULE_EXPLAIN_H
#define KD_RULE_EXPLAIN_H

#include "rule/rules.h"

/* Some lines of text: what the alert says, whose traffic is looked at, what must hold, how grave it
 * is, which technique its metadata names, where to read more.  Cut where `out` is full. */
void kd_rule_explain(const struct kd_rules *rules, const struct kd_rule *rule, bool ja,
                     struct kd_out *out);

/* A keyword, buffer or number as the documentation lists it. */
struct kd_keyword_doc {
    const char *family_en, *family_ja; /* of keywords; NULL for buffers and numbers */
    const char *name;                  /* with other names, comma-separated */
    const char *form;                  /* NULL: takes no value */
    const char *en, *ja;
};

/* The i-th keyword of all families; false behind the last. */
KD_MUST_USE bool kd_keyword_doc(size_t i, struct kd_keyword_doc *ret);

#endif
