/* SPDX-License-Identifier: Apache-2.0 */
#include "match/internal.h"
#include "rule/hits.h"

enum { RATE_BUCKETS = 8192, PCRE_LIMIT = 100000, PCRE_DEPTH = 10000, CAPTURES = 16 };

struct kd_matcher *kd_matcher_new(const struct kd_ruleset *set, struct kd_pool *pool,
                                  const struct kd_limits *lim, uint64_t seed, struct kd_match_out out)
{
    struct kd_matcher *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    *m = (struct kd_matcher){.set = set, .pool = pool, .lim = lim, .seed = seed, .out = out};
    m->stamp = calloc(set->n + 1, sizeof(*m->stamp));
    m->cand = calloc(set->n + 1, sizeof(*m->cand));
    m->count = calloc(set->n + 1, sizeof(*m->count));
    m->window = malloc(MATCH_WINDOW + MATCH_PIECE);
    m->base64 = malloc(MATCH_BODY);
    m->transform[0] = malloc(MATCH_BODY + 64);
    m->transform[1] = malloc(MATCH_BODY + 64);
    m->rates = m_rates_new(RATE_BUCKETS, seed);
    m->sets = m_sets_new(set->rules);
    m->match_data = pcre2_match_data_create(CAPTURES, NULL);
    m->match_context = pcre2_match_context_create(NULL);
    bool ok = m->stamp != NULL && m->cand != NULL && m->count != NULL && m->window != NULL && m->base64 != NULL &&
              m->transform[0] != NULL && m->transform[1] != NULL && m->rates != NULL && m->sets != NULL &&
              m->match_data != NULL && m->match_context != NULL &&
              (set->scratch == NULL || hs_clone_scratch(set->scratch, &m->scratch) == HS_SUCCESS);
    if (!ok) {
        kd_matcher_free(m);
        return NULL;
    }
    pcre2_set_match_limit(m->match_context, PCRE_LIMIT);
    pcre2_set_depth_limit(m->match_context, PCRE_DEPTH);
    return m;
}

void kd_matcher_free(struct kd_matcher *m)
{
    if (m == NULL)
        return;
    for (unsigned d = 0; d < 2; d++)
        m_side_done(m, &m->side[d]);
    free(m->stamp);
    free(m->cand);
    free(m->count);
    free(m->window);
    free(m->base64);
    free(m->transform[0]);
    free(m->transform[1]);
    m_rates_free(m->rates);
    m_sets_free(m->sets);
    pcre2_match_data_free(m->match_data);
    pcre2_match_context_free(m->match_context);
    if (m->scratch != NULL)
        (void)hs_free_scratch(m->scratch);
    free(m);
}

void kd_match_flow_end(struct kd_matcher *m, struct kd_match_flow **flow)
{
    struct kd_match_flow *f = *flow;
    if (f == NULL)
        return;
    for (unsigned d = 0; d < 2; d++) {
        if (f->side[d] != NULL) {
            kd_buf_done(&f->side[d]->side.body, m->pool);
            kd_arena_done(&f->side[d]->side.mem);
            kd_pool_give(m->pool, f->side[d], f->side[d]->size);
        }
        kd_pool_give(m->pool, f->window[d], f->window_size[d]);
        kd_pool_give(m->pool, f->pending[d], f->pending_size[d]);
    }
    m_frames_done(m, f);
    kd_pool_give(m->pool, f->bits, f->bits_size);
    kd_pool_give(m->pool, f->ints, f->ints_size);
    kd_pool_give(m->pool, f->half, f->half_size);
    kd_pool_give(m->pool, f, f->size);
    *flow = NULL;
}

const struct kd_match_stats *kd_matcher_stats(const struct kd_matcher *m)
{
    return &m->stats;
}

uint32_t kd_matcher_hits(const struct kd_matcher *m, struct kd_rule_hit *ret, size_t max)
{
    const struct kd_rules *rules = m->set->rules;
    uint32_t n = 0;
    for (uint32_t i = 0; i < rules->n && n < max; i++) {
        const struct kd_rule *r = rules->rule[i];
        const struct kd_rule_count *c = &m->count[r->index];
        if (c->candidates > 0)
            ret[n++] = (struct kd_rule_hit){r->gid, r->sid, c->candidates, c->matches};
    }
    return n;
}

struct kd_rule_count kd_matcher_count(const struct kd_matcher *m, uint32_t rule_index)
{
    return m->count[rule_index];
}
