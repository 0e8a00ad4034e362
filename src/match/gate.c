/* SPDX-License-Identifier: Apache-2.0 */
#include "match/internal.h"

/* The classes of both addresses, looked up once per conversation. */
const struct m_class *const *m_classes(struct kd_matcher *m, const struct kd_match_at *at)
{
    if (at->flow_id == 0 || m->class_flow != at->flow_id || !kd_addr_eq(&m->class_client, &at->addr[0]) || m->class[0] == NULL) {
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
    uint16_t sport = at->port[from], dport = at->port[from ^ 1];
    if (r->dport_set != UINT32_MAX && !m_port_in(e, m_port_bits(e, dport), dport, r->dport_set))
        return false;
    if (r->sport_set != UINT32_MAX && !m_port_in(e, m_port_bits(e, sport), sport, r->sport_set))
        return false;
    if (r->src_set == UINT32_MAX && r->dst_set == UINT32_MAX)
        return true;
    const struct m_class *const *c = m_classes(run->m, at);
    return (r->src_set == UINT32_MAX || m_ends_has(e, c[from], r->src_set)) &&
           (r->dst_set == UINT32_MAX || m_ends_has(e, c[from ^ 1], r->dst_set));
}

uint8_t m_proto_bit(const struct kd_match_at *at)
{
    if (KD_UNLIKELY(at->kind != KD_PACKET_IP))
        return at->kind == KD_PACKET_FRAGMENT ? M_P_OTHER : at->kind == KD_PACKET_ARP ? M_P_ARP : M_P_LINK;
    switch (at->proto) {
    case KD_IP_TCP:
        return M_P_TCP;
    case KD_IP_UDP:
        return M_P_UDP;
    case KD_IP_ICMP:
        return M_P_ICMP;
    case KD_IP_ICMPV6:
        return M_P_ICMPV6;
    case KD_IP_SCTP:
        return M_P_SCTP;
    default:
        return M_P_OTHER;
    }
}

/* Packets without a conversation have no direction and no state in it. */
static bool fragments_fit(const struct kd_match_at *at, uint16_t flow)
{
    enum { OF_FLOW = KD_FLOW_TO_SERVER | KD_FLOW_TO_CLIENT | KD_FLOW_ESTABLISHED | KD_FLOW_NOT_ESTABLISHED };
    bool fragment = at->kind == KD_PACKET_FRAGMENT;
    if ((flow & KD_FLOW_ONLY_FRAG) != 0 && !fragment)
        return false;
    if ((flow & KD_FLOW_NO_FRAG) != 0 && fragment)
        return false;
    return at->kind == KD_PACKET_IP || (flow & OF_FLOW) == 0;
}

bool m_gate(struct m_run *run)
{
    const struct m_rule *r = run->r;
    const struct kd_match_at *at = run->at;
    uint16_t flow = r->rule->flow;
    unsigned from = r->sides != 0 ? KD_TO_SERVER : run->dir; /* rules with => are written as the request goes */
    if ((r->dirs >> run->dir & 1) == 0 || (r->ip_protos & m_proto_bit(at)) == 0)
        return false;
    if (r->apps != 0 && (r->apps >> at->app & 1) == 0)
        return false;
    if (r->ip_number != 0 && r->ip_number != at->proto)
        return false;
    if (flow != 0 && !fragments_fit(at, flow))
        return false;
    if ((flow & KD_FLOW_ESTABLISHED) != 0 && !at->established)
        return false;
    if ((flow & KD_FLOW_NOT_ESTABLISHED) != 0 && at->established)
        return false;
    if (r->family != 0 && (at->packet != NULL && at->kind != KD_PACKET_IP
                               ? at->packet->ip_version != r->family
                               : kd_addr_is_v4(&at->addr[0]) != (r->family == 4)))
        return false;
    return ends_fit(run, from) || (r->rule->bidirectional && ends_fit(run, from ^ 1u));
}
