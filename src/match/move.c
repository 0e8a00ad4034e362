/* SPDX-License-Identifier: Apache-2.0 */
/* Going over to another set of rules between two packets.  What outlives it is named by what rules say, not by
 * their place: flow bits and variables by name, thresholds and counts by the rule's numbers. */
#include "match/internal.h"

/* What the matcher's arrays become; nothing of the matcher is touched before all of it is there. */
struct room {
    uint32_t *stamp, *cand, *flowbit, *flowint;
    struct kd_rule_count *count;
    hs_scratch_t *scratch;
    struct m_sets *sets;
};

enum { GONE = UINT32_MAX };

static int by_name(const void *a, const void *b)
{
    const struct kd_bytes *x = *(const struct kd_bytes *const *)a, *y = *(const struct kd_bytes *const *)b;
    size_t n = kd_min_size(x->n, y->n);
    int order = n == 0 ? 0 : memcmp(x->p, y->p, n);
    return order != 0 ? order : x->n < y->n ? -1 : x->n > y->n;
}

/* For each former name its number now, or GONE. */
static bool map_names(const struct kd_names *from, const struct kd_names *to, uint32_t **ret)
{
    const struct kd_bytes **sorted = calloc((size_t)to->n + 1, sizeof(*sorted));
    uint32_t *map = calloc((size_t)from->n + 1, sizeof(*map));
    bool ok = sorted != NULL && map != NULL;
    for (uint32_t i = 0; ok && i < to->n; i++)
        sorted[i] = &to->name[i];
    if (ok && to->n > 0)
        qsort(sorted, to->n, sizeof(*sorted), by_name);
    for (uint32_t i = 0; ok && i < from->n; i++) {
        const struct kd_bytes *key = &from->name[i];
        const struct kd_bytes **found = to->n == 0 ? NULL : bsearch(&key, sorted, to->n, sizeof(*sorted), by_name);
        map[i] = found == NULL ? GONE : (uint32_t)(*found - to->name);
    }
    free(sorted);
    *ret = map;
    return ok;
}

static void give_back(struct room *r)
{
    free(r->stamp);
    free(r->cand);
    free(r->count);
    free(r->flowbit);
    free(r->flowint);
    if (r->scratch != NULL)
        (void)hs_free_scratch(r->scratch);
    m_sets_free(r->sets);
}

static bool make_room(const struct kd_matcher *m, const struct kd_ruleset *next, struct room *r)
{
    *r = (struct room){0};
    r->stamp = calloc((size_t)next->n + 1, sizeof(*r->stamp));
    r->cand = calloc((size_t)next->n + 1, sizeof(*r->cand));
    r->count = calloc((size_t)next->n + 1, sizeof(*r->count));
    r->sets = m_sets_new(next->rules);
    return r->stamp != NULL && r->cand != NULL && r->count != NULL && r->sets != NULL &&
           map_names(&m->set->rules->flowbits, &next->rules->flowbits, &r->flowbit) &&
           map_names(&m->set->rules->flowints, &next->rules->flowints, &r->flowint) &&
           (next->scratch == NULL || hs_clone_scratch(next->scratch, &r->scratch) == HS_SUCCESS);
}

/* Both sets are sorted by gid and sid. */
static void carry_counts(const struct kd_matcher *m, const struct kd_rules *next, struct kd_rule_count *count)
{
    const struct kd_rules *old = m->set->rules;
    uint32_t j = 0;
    for (uint32_t i = 0; i < next->n; i++) {
        uint64_t want = (uint64_t)next->rule[i]->gid << 32 | next->rule[i]->sid;
        while (j < old->n && ((uint64_t)old->rule[j]->gid << 32 | old->rule[j]->sid) < want)
            j++;
        if (j < old->n && ((uint64_t)old->rule[j]->gid << 32 | old->rule[j]->sid) == want)
            count[next->rule[i]->index] = m->count[old->rule[j]->index];
    }
}

bool kd_matcher_move(struct kd_matcher *m, const struct kd_ruleset *next)
{
    struct room r;
    KD_ASSERT(!m->entered);
    if (!make_room(m, next, &r)) {
        give_back(&r);
        return false;
    }
    carry_counts(m, next->rules, r.count);
    struct room old = {.stamp = m->stamp, .cand = m->cand, .count = m->count, .scratch = m->scratch, .sets = m->sets};
    m->stamp = r.stamp;
    m->cand = r.cand;
    m->count = r.count;
    m->scratch = r.scratch;
    m_sets_carry(m->sets, m->set->rules, r.sets, next->rules);
    m->sets = r.sets;
    m->flowbit_now = r.flowbit;
    m->flowint_now = r.flowint;
    m->set = next;
    m->stamp_now = m->n_cand = 0;
    m->scanning = NULL;
    m->class[0] = m->class[1] = NULL;
    give_back(&old);
    return true;
}

void kd_match_flow_moves(struct kd_matcher *m, struct kd_match_flow *f)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n_bits; i++)
        if (m->flowbit_now[f->bits[i]] != GONE)
            f->bits[n++] = m->flowbit_now[f->bits[i]];
    f->n_bits = n;
    n = 0;
    for (uint32_t i = 0; i < f->n_ints; i++)
        if (m->flowint_now[f->ints[i].name] != GONE)
            f->ints[n++] = (struct m_flowint){m->flowint_now[f->ints[i].name], f->ints[i].value};
    f->n_ints = n;
    m_frames_move(f);
    for (unsigned d = 0; d < 2; d++) {
        f->n_pending[d] = 0;
        if (f->side[d] == NULL)
            continue;
        /* Of this side only a part was told, chosen for the former rules: nobody judges it. */
        struct m_side *s = &f->side[d]->side;
        s->judged_head = s->judged_body = true;
        s->scan_again = false;
        s->n_waiting = 0;
        kd_buf_done(&s->body, m->pool);
    }
}

void kd_matcher_moved(struct kd_matcher *m)
{
    free(m->flowbit_now);
    free(m->flowint_now);
    m->flowbit_now = m->flowint_now = NULL;
}
