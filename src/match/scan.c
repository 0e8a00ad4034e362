/* SPDX-License-Identifier: Apache-2.0 */
#include "match/internal.h"

void m_scan_begin(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir)
{
    m->n_cand = 0;
    m->scan_at = at;
    m->scan_dir = dir;
    m->scan_proto = m_proto_bit(at);
    m->scan_port[0] = m_port_bits(&m->set->ends, at->port[dir]);
    m->scan_port[1] = m_port_bits(&m->set->ends, at->port[dir ^ 1]);
    if (++m->stamp_now == 0) {
        memset(m->stamp, 0, m->set->n * sizeof(*m->stamp));
        m->stamp_now = 1;
    }
}

static bool has_port(const struct kd_matcher *m, unsigned end, uint16_t set)
{
    return set == UINT16_MAX ||
           m_port_in(&m->set->ends, m->scan_port[end], m->scan_at->port[m->scan_dir ^ end], set);
}

/* Most candidates are none, by their ports already. */
static bool may_be(const struct kd_matcher *m, const struct m_hot *h)
{
    if ((h->dirs >> m->scan_dir & 1) == 0 || (h->ip_protos & m->scan_proto) == 0)
        return false;
    if (h->apps != 0 && (h->apps >> m->scan_at->app & 1) == 0)
        return false;
    return h->both_ways || (has_port(m, 1, h->dport) && has_port(m, 0, h->sport));
}

void m_scan_list(struct kd_matcher *m, const struct m_list *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t r = l->v[i];
        if (m->stamp[r] == m->stamp_now || !may_be(m, &m->set->hot[r]))
            continue;
        m->stamp[r] = m->stamp_now;
        m->cand[m->n_cand++] = r;
    }
}

static void scan_weak(struct kd_matcher *m, const struct m_group *g, const struct m_list *l, struct kd_bytes in)
{
    for (uint32_t i = 0; l != NULL && i < l->n; i++) {
        const struct m_weak *w = &g->weak[l->v[i]];
        if (w->at != UINT16_MAX && ((size_t)w->at + w->n > in.n || in.p[w->at] != w->byte[0] ||
                                    (w->n > 1 && in.p[w->at + 1] != w->byte[1])))
            continue;
        struct m_list one = {.n = 1, .v = (uint32_t *)(uintptr_t)&w->rule};
        m_scan_list(m, &one);
    }
}

void m_scan_weak(struct kd_matcher *m, const struct m_group *g, struct kd_bytes in)
{
    const struct m_ends *e = &m->set->ends;
    if (g->n_weak == 0)
        return;
    scan_weak(m, g, &g->weak_any, in);
    scan_weak(m, g, m_at_port(e, &g->weak_sport, m->scan_at->port[m->scan_dir]), in);
    scan_weak(m, g, m_at_port(e, &g->weak_dport, m->scan_at->port[m->scan_dir ^ 1]), in);
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    struct kd_matcher *m = arg;
    (void)from, (void)to, (void)flags;
    m_scan_list(m, &m->scanning->rules[id]);
    return 0;
}

void m_scan(struct kd_matcher *m, const struct m_group *g, struct kd_bytes in)
{
    m_scan_list(m, &g->always);
    if (g->db == NULL || in.n < g->shortest)
        return;
    m->scanning = g;
    m->stats.scans++;
    m->stats.scanned_bytes += in.n;
    (void)hs_scan(g->db, (const char *)in.p, (unsigned)in.n, 0, m->scratch, on_hit, m);
}

static int by_order(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Rules are judged in their order: what sets a flow bit before what asks for it. */
void m_scan_sort(struct kd_matcher *m)
{
    m->stats.candidates += m->n_cand;
    if (m->n_cand > 48) {
        qsort(m->cand, m->n_cand, sizeof(*m->cand), by_order);
        return;
    }
    for (uint32_t i = 1; i < m->n_cand; i++) {
        uint32_t v = m->cand[i], j = i;
        for (; j > 0 && m->cand[j - 1] > v; j--)
            m->cand[j] = m->cand[j - 1];
        m->cand[j] = v;
    }
}
