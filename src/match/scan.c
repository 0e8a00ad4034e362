/* SPDX-License-Identifier: Apache-2.0 */
#include "match/internal.h"

void m_scan_begin(struct kd_matcher *m)
{
    m->n_cand = 0;
    if (++m->stamp_now == 0) {
        memset(m->stamp, 0, m->set->n * sizeof(*m->stamp));
        m->stamp_now = 1;
    }
}

void m_scan_list(struct kd_matcher *m, const struct m_list *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t r = l->v[i];
        if (m->stamp[r] == m->stamp_now)
            continue;
        m->stamp[r] = m->stamp_now;
        m->cand[m->n_cand++] = r;
    }
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
    if (g->db == NULL || in.n == 0)
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
    if (m->n_cand > 16) {
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
