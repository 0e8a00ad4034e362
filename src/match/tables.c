/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about headers alone: found by an address or port that few have, so that the packets of all others do not
 * meet them.  What asks for addresses and ports only is looked at once in each direction of a conversation, in a
 * table of its own; a conversation whose ends no table names is not looked up again. */
#include "match/internal.h"

/* ---- making ---- */

static const uint8_t transport_bits[M_TRANSPORTS] = {M_P_TCP, M_P_UDP, M_P_ICMP | M_P_ICMPV6,
                                                     M_P_OTHER | M_P_SCTP | M_P_ARP | M_P_LINK};

/* An address set small enough to be worth asking for by address. */
static bool is_narrow(const struct kd_addr_set *s)
{
    enum { WIDE = 1 << 22, V6_BYTES = 3 }; /* IPv4: addresses together; IPv6: a /24 or less each */
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct kd_addr *a = &s->range[i].first, *b = &s->range[i].last;
        if (kd_addr_is_v4(a) && kd_addr_is_v4(b))
            n += (uint64_t)m_v4(b) - m_v4(a) + 1;
        else if (memcmp(a->b, b->b, V6_BYTES) != 0 || a->b[0] == 0)
            return false;
    }
    return !s->any && n <= WIDE;
}

static bool by_address_add(struct kd_ruleset *set, struct m_list **lists, uint64_t *bits, uint32_t slot, uint32_t at)
{
    if (*lists == NULL)
        *lists = m_alloc(set, (set->ends.n_sets + 1) * sizeof(**lists));
    if (*lists == NULL)
        return false;
    if (slot < MATCH_COMMON_SETS)
        *bits |= (uint64_t)1 << slot;
    return m_list_add(set, &(*lists)[slot], at);
}

/* Rules that hold either way are found from both ends. */
static bool add_address(struct kd_ruleset *set, struct m_table *t, const struct m_rule *r, bool of_src, uint32_t at)
{
    bool both = set->hot[at].both_ways;
    uint32_t slot = of_src ? r->src_set : r->dst_set;
    return ((!of_src && !both) || by_address_add(set, &t->by_src, &t->src_bits, slot, at)) &&
           ((of_src && !both) || by_address_add(set, &t->by_dst, &t->dst_bits, slot, at));
}

static bool add_port(struct kd_ruleset *set, struct m_table *t, const struct kd_port_set *s, bool of_src, uint32_t at)
{
    bool both = set->hot[at].both_ways;
    return ((!of_src && !both) || m_by_port_add(set, &t->by_sport, s, at)) &&
           ((of_src && !both) || m_by_port_add(set, &t->by_dport, s, at));
}

static bool add_app(struct kd_ruleset *set, const struct m_rule *r, uint32_t at)
{
    for (unsigned app = 0; app < KD_APP_COUNT; app++)
        if ((r->apps >> app & 1) != 0 && !m_list_add(set, &set->at_app[app], at))
            return false;
    return true;
}

bool m_table_add(struct kd_ruleset *set, const struct m_rule *r, uint32_t at)
{
    const struct kd_rule *rule = r->rule;
    struct m_table *table = &set->table[(r->flags & M_ONCE) != 0];
    bool was_named = table->named;
    table->named = true;
    if ((r->flags & M_ONCE) && (rule->n_actions > 0 || rule->action == KD_ACTION_PASS || rule->bypass))
        set->once_first = true;
    if (is_narrow(rule->src) || is_narrow(rule->dst))
        return add_address(set, table, r, is_narrow(rule->src), at);
    if (m_port_set_is_narrow(rule->dport) || m_port_set_is_narrow(rule->sport)) {
        bool of_src = !m_port_set_is_narrow(rule->dport);
        return add_port(set, table, of_src ? rule->sport : rule->dport, of_src, at);
    }
    table->named = was_named;
    bool app_alone = rule->n_looks == 0 && rule->n_checks == 0; /* told once */
    if (r->apps != 0 && app_alone && rule->sport->any && rule->dport->any)
        return add_app(set, r, at);
    for (unsigned t = 0; t < M_TRANSPORTS; t++)
        for (unsigned dir = 0; dir < 2; dir++)
            if ((r->ip_protos & transport_bits[t]) != 0 && (r->dirs >> dir & 1) != 0 &&
                !m_list_add(set, &table->always[t][dir], at))
                return false;
    return true;
}

/* ---- looking ---- */

/* Sets are few for each class. */
static bool by_address(struct kd_matcher *m, const struct m_class *c, const struct m_list *lists, uint64_t used)
{
    bool any = false;
    const struct m_ends *e = &m->set->ends;
    if (lists == NULL)
        return false;
    for (uint64_t bits = c->common & used; bits != 0; bits &= bits - 1) {
        m_scan_list(m, &lists[__builtin_ctzll(bits)]);
        any = true;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        const struct m_list *l = &lists[e->rare[c->first + i]];
        m_scan_list(m, l);
        any |= l->n > 0;
    }
    return any;
}

static bool by_port(struct kd_matcher *m, uint16_t port, const struct m_by_port *p)
{
    const struct m_list *l = m_at_port(&m->set->ends, p, port);
    if (l == NULL)
        return false;
    m_scan_list(m, l);
    return l->n > 0;
}

static bool look_up(struct kd_matcher *m, const struct kd_match_at *at, const struct m_table *t)
{
    bool any = false;
    if (t->by_src != NULL || t->by_dst != NULL) {
        const struct m_class *const *class = m_classes(m, at);
        any = by_address(m, class[at->dir], t->by_src, t->src_bits);
        any |= by_address(m, class[at->dir ^ 1], t->by_dst, t->dst_bits);
    }
    any |= by_port(m, at->port[at->dir], &t->by_sport);
    any |= by_port(m, at->port[at->dir ^ 1], &t->by_dport);
    return any;
}

static void look_once(struct kd_matcher *m, const struct kd_match_at *at, const struct m_table *once, enum m_transport t)
{
    if (once->named)
        (void)look_up(m, at, once);
    m_scan_list(m, &once->always[t][at->dir]);
}

bool m_tables_first(struct kd_matcher *m, const struct kd_match_at *at, enum m_transport transport)
{
    m_scan_begin(m, at, at->dir);
    look_once(m, at, &m->set->table[1], transport);
    return m->n_cand > 0;
}

bool m_tables_scan(struct kd_matcher *m, const struct kd_match_at *at, enum m_transport transport,
                   const struct m_list *more)
{
    const struct m_table *each = &m->set->table[0], *once = &m->set->table[1];
    bool first = at->packets[at->dir] <= 1;
    uint8_t quiet = (uint8_t)(1u << at->dir);
    bool seen = !first && (*at->quiet & quiet) != 0;
    if (KD_LIKELY(!m_tables_ask(m->set, transport, at->dir, seen)) && more == NULL)
        return false;
    m_scan_begin(m, at, at->dir);
    if ((*at->quiet & quiet) == 0 && !(each->named && look_up(m, at, each)))
        *at->quiet |= quiet;
    m_scan_list(m, &each->always[transport][at->dir]);
    if (first && !m->set->once_first)
        look_once(m, at, once, transport);
    if (more != NULL)
        m_scan_list(m, more);
    return m->n_cand > 0;
}
