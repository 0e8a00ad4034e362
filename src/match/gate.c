/* SPDX-License-Identifier: Apache-2.0 */
#include "match/internal.h"

/* The classes of both addresses, looked up once per conversation. */
static const struct m_class *const *classes(struct m_run *run)
{
    struct kd_matcher *m = run->m;
    const struct kd_match_at *at = run->at;
    if (m->class_flow != at->flow_id || !kd_addr_eq(&m->class_client, &at->addr[0]) || m->class[0] == NULL) {
        m->class_flow = at->flow_id;
        m->class_client = at->addr[0];
        m->class[0] = m_ends_class(&m->set->ends, &at->addr[0]);
        m->class[1] = m_ends_class(&m->set->ends, &at->addr[1]);
    }
    return m->class;
}

static bool ends_fit(struct m_run *run, unsigned from)
{
    const struct m_ends *e = &run->m->set->ends;
    const struct m_rule *r = run->r;
    const struct kd_match_at *at = run->at;
    if (r->dport_set != UINT32_MAX && !m_ends_port(e, at->port[from ^ 1], r->dport_set))
        return false;
    if (r->sport_set != UINT32_MAX && !m_ends_port(e, at->port[from], r->sport_set))
        return false;
    if (r->src_set == UINT32_MAX && r->dst_set == UINT32_MAX)
        return true;
    const struct m_class *const *c = classes(run);
    return (r->src_set == UINT32_MAX || m_ends_has(e, c[from], r->src_set)) &&
           (r->dst_set == UINT32_MAX || m_ends_has(e, c[from ^ 1], r->dst_set));
}

uint8_t m_proto_bit(uint8_t proto)
{
    switch (proto) {
    case KD_IP_TCP:
        return 1;
    case KD_IP_UDP:
        return 2;
    case KD_IP_ICMP:
        return 4;
    case KD_IP_ICMPV6:
        return 16;
    case KD_IP_SCTP:
        return 32;
    default:
        return 8;
    }
}

bool m_gate(struct m_run *run)
{
    const struct m_rule *r = run->r;
    const struct kd_match_at *at = run->at;
    uint16_t flow = r->rule->flow;
    if ((r->dirs >> run->dir & 1) == 0 || (r->ip_protos & m_proto_bit(at->proto)) == 0)
        return false;
    if (r->apps != 0 && (r->apps >> at->app & 1) == 0)
        return false;
    if ((flow & KD_FLOW_ESTABLISHED) != 0 && !at->established)
        return false;
    if ((flow & KD_FLOW_NOT_ESTABLISHED) != 0 && at->established)
        return false;
    if (r->family != 0 && kd_addr_is_v4(&at->addr[0]) != (r->family == 4))
        return false;
    return ends_fit(run, run->dir) || (r->rule->bidirectional && ends_fit(run, run->dir ^ 1u));
}
