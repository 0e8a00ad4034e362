/* SPDX-License-Identifier: Apache-2.0 */
/* What others ask of a compiled set. */
#include "match/internal.h"

const struct kd_wanted *kd_ruleset_wanted(const struct kd_ruleset *set)
{
    return &set->wanted;
}

unsigned kd_ruleset_events(const struct kd_ruleset *set)
{
    return set->event_kinds;
}

static bool is_own(const struct kd_rules *rules, uint16_t file)
{
    return kd_bytes_iends(rules->files.name[file], kd_str("kidoban.rules"));
}

struct kd_ruleset_counts kd_ruleset_counts(const struct kd_ruleset *set)
{
    const struct kd_rules *rules = set->rules;
    struct kd_ruleset_counts n = {0};
    for (uint32_t i = 0; i < rules->n; i++)
        n.loaded += !is_own(rules, rules->rule[i]->file);
    for (uint32_t i = 0; i < rules->n_refused; i++) {
        const struct kd_refusal *r = &rules->refusal[i];
        n.skipped += r->is_unmet && !is_own(rules, r->file);
        n.failed += !r->is_unmet && !is_own(rules, r->file);
    }
    return n;
}

struct kd_ruleset_size kd_ruleset_size(const struct kd_ruleset *set)
{
    struct kd_ruleset_size s = {
        .rules = set->n,
        .patterns = set->n_patterns,
        .databases = set->n_databases,
        .database_bytes = set->database_bytes,
        .from_cache = set->from_cache,
    };
    for (unsigned d = 0; d < 2; d++) {
        for (uint32_t i = 0; i < set->n_buffers; i++)
            s.always += set->group[d][i].always.n;
        for (unsigned t = 0; t < M_TRANSPORTS; t++)
            s.always += set->payload[t][d].always.n + set->table[0].always[t][d].n + set->table[1].always[t][d].n;
    }
    return s;
}
