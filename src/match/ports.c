/* SPDX-License-Identifier: Apache-2.0 */
/* Port sets.  The sets that rules use most have a bit each, by class of ports (ports that are in the same ones); the
 * others are few ranges each and are asked directly.  Rules whose ports are few are found by the class. */
#include "match/internal.h"

enum { NARROW = 128 }; /* ports of a set by which rules are found */

int m_by_use(const void *a, const void *b)
{
    const struct m_use *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->set < y->set ? -1 : 1;
}

bool m_port_set_is_narrow(const struct kd_port_set *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n && n <= NARROW; i++)
        n += s->range[i].last - s->range[i].first + 1u;
    return !s->any && n <= NARROW;
}

/* Slots by how often rules use a set. */
static bool order(struct kd_ruleset *set, uint32_t *slot)
{
    const struct kd_rules *rules = set->rules;
    struct m_ends *e = &set->ends;
    uint32_t n = rules->n_port_sets;
    struct m_use *use = calloc(n + 1, sizeof(*use));
    e->port_set = m_alloc(set, (n + 1) * sizeof(*e->port_set));
    bool ok = use != NULL && e->port_set != NULL;
    for (uint32_t i = 0; ok && i < n; i++)
        use[i].set = i;
    for (uint32_t i = 0; ok && i < rules->n; i++) {
        use[rules->rule[i]->sport->id].n++;
        use[rules->rule[i]->dport->id].n++;
    }
    if (ok)
        qsort(use, n, sizeof(*use), m_by_use);
    for (uint32_t i = 0; ok && i < n; i++) {
        slot[use[i].set] = i;
        e->port_set[i] = rules->port_set[use[i].set];
    }
    free(use);
    return ok;
}

/* A class begins where a set with a bit, or one by which rules are found, begins or ends. */
static bool classes(struct kd_ruleset *set)
{
    struct m_ends *e = &set->ends;
    uint8_t *edge = calloc(65537, 1);
    e->port_class = m_alloc(set, 65536 * sizeof(uint16_t));
    if (e->port_class == NULL || edge == NULL) {
        free(edge);
        return false;
    }
    for (uint32_t i = 0; i < set->rules->n_port_sets; i++) {
        const struct kd_port_set *s = e->port_set[i];
        if (i >= MATCH_COMMON_PORTS && !m_port_set_is_narrow(s))
            continue;
        for (uint32_t j = 0; j < s->n; j++) {
            edge[s->range[j].first] = 1;
            edge[s->range[j].last + 1] = 1;
        }
    }
    uint32_t n = 0;
    for (uint32_t p = 0; p < 65536; p++) {
        n += edge[p] && p > 0;
        e->port_class[p] = (uint16_t)n;
    }
    free(edge);
    e->n_port_classes = n + 1;
    return true;
}

bool m_ports_build(struct kd_ruleset *set, uint32_t *slot)
{
    struct m_ends *e = &set->ends;
    if (!order(set, slot) || !classes(set))
        return false;
    e->port_bits = m_alloc(set, (size_t)e->n_port_classes * MATCH_PORT_WORDS * sizeof(uint64_t));
    if (e->port_bits == NULL)
        return false;
    for (uint32_t i = 0; i < set->rules->n_port_sets && i < MATCH_COMMON_PORTS; i++)
        for (uint32_t j = 0; j < e->port_set[i]->n; j++)
            for (uint32_t c = e->port_class[e->port_set[i]->range[j].first];
                 c <= e->port_class[e->port_set[i]->range[j].last]; c++)
                e->port_bits[(size_t)c * MATCH_PORT_WORDS + i / 64] |= (uint64_t)1 << (i % 64);
    return true;
}

bool m_port_set_has(const struct kd_port_set *s, uint16_t port)
{
    uint32_t low = 0, high = s->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->range[mid].last < port)
            low = mid + 1;
        else
            high = mid;
    }
    return s->any || (low < s->n && s->range[low].first <= port);
}

bool m_by_port_add(struct kd_ruleset *set, struct m_by_port *to, const struct kd_port_set *s, uint32_t v)
{
    const struct m_ends *e = &set->ends;
    if (to->v == NULL)
        to->v = m_alloc(set, e->n_port_classes * sizeof(*to->v));
    if (to->v == NULL)
        return false;
    for (uint32_t i = 0; i < s->n; i++)
        for (uint32_t c = e->port_class[s->range[i].first]; c <= e->port_class[s->range[i].last]; c++)
            if (!m_list_add(set, &to->v[c], v))
                return false;
    return true;
}
