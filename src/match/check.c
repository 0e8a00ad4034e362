/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that look at the packet, the conversation or the transaction rather than into bytes. */
#include "match/internal.h"

/* ---- numbers ---- */

static bool icmp_echo(const struct kd_packet *p)
{
    return (p->proto == KD_IP_ICMP && (p->sport == 0 || p->sport == 8 || (p->sport >= 13 && p->sport <= 18))) ||
           (p->proto == KD_IP_ICMPV6 && (p->sport == 128 || p->sport == 129));
}

/* Of the packet or conversation; false: there is none. */
static bool number_here(const struct m_run *run, enum kd_number id, uint64_t *ret)
{
    const struct kd_match_at *at = run->at;
    const struct kd_packet *p = at->packet;
    switch (id) {
    case KD_NUM_FLOW_AGE:
        *ret = (at->now_us - at->start_us) / 1000000;
        return true;
    case KD_NUM_FLOW_PKTS_TOSERVER:
        *ret = at->packets[0];
        return true;
    case KD_NUM_FLOW_PKTS_TOCLIENT:
        *ret = at->packets[1];
        return true;
    case KD_NUM_FLOW_BYTES_TOSERVER:
        *ret = at->bytes[0];
        return true;
    case KD_NUM_FLOW_BYTES_TOCLIENT:
        *ret = at->bytes[1];
        return true;
    default:
        break;
    }
    if (p == NULL)
        return false;
    bool tcp = p->proto == KD_IP_TCP;
    bool icmp = p->proto == KD_IP_ICMP || p->proto == KD_IP_ICMPV6;
    switch (id) {
    case KD_NUM_TTL:
        *ret = p->ttl;
        return true;
    case KD_NUM_DSIZE:
        *ret = p->payload_wire;
        return true;
    case KD_NUM_SEQ:
        *ret = p->seq;
        return tcp;
    case KD_NUM_ACK:
        *ret = p->ack;
        return tcp;
    case KD_NUM_WINDOW:
        *ret = p->window;
        return tcp;
    case KD_NUM_ITYPE:
        *ret = p->sport;
        return icmp;
    case KD_NUM_ICODE:
        *ret = p->dport;
        return icmp;
    case KD_NUM_ICMP_ID:
    case KD_NUM_ICMP_SEQ: {
        size_t off = id == KD_NUM_ICMP_ID ? 4 : 6;
        *ret = (uint64_t)kd_bytes_at(p->icmp, off) << 8 | kd_bytes_at(p->icmp, off + 1);
        return icmp_echo(p) && p->icmp.n >= 8;
    }
    case KD_NUM_VLAN_ID:
        *ret = p->vlan;
        return p->vlan != 0;
    case KD_NUM_VLAN_LAYERS:
        *ret = p->vlan != 0;
        return true;
    default:
        return false;
    }
}

static bool either(const struct m_run *run, const struct kd_number_cond *n)
{
    const struct kd_match_at *at = run->at;
    bool packets = n->field == KD_NUM_FLOW_PKTS_EITHER;
    for (unsigned d = 0; d < 2; d++)
        if (kd_range_has(&n->range, packets ? at->packets[d] : at->bytes[d]))
            return true;
    return false;
}

static bool number_holds(const struct m_run *run, const struct kd_number_cond *n)
{
    uint64_t v;
    if (n->field == KD_NUM_FLOW_PKTS_EITHER || n->field == KD_NUM_FLOW_BYTES_EITHER)
        return either(run, n);
    if (number_here(run, n->field, &v))
        return kd_range_has(&n->range, v);
    const struct m_side *s = run->side;
    uint32_t total = 0, good = 0;
    bool nth = false;
    for (unsigned i = 0; s != NULL && i < s->n_numbers; i++)
        total += s->number[i].id == n->field;
    int32_t want = n->nth >= 0 ? n->nth : (int32_t)total + n->nth;
    int32_t from = n->sliced ? (n->slice_from < 0 ? (int32_t)total + n->slice_from : n->slice_from) : 0;
    int32_t to = n->sliced ? (n->slice_to < 0 ? (int32_t)total + n->slice_to : n->slice_to) : INT32_MAX;
    int32_t at = 0;
    uint32_t looked = 0;
    for (unsigned i = 0; s != NULL && i < s->n_numbers; i++) {
        if (s->number[i].id != n->field)
            continue;
        bool holds = kd_range_has(&n->range, s->number[i].v);
        nth |= at == want && holds;
        if (at >= from && at < to) {
            good += holds;
            looked++;
        }
        at++;
    }
    switch (n->index) {
    case KD_INDEX_ANY:
        return good > 0;
    case KD_INDEX_ALL:
        return looked > 0 && good == looked;
    case KD_INDEX_ALL_OR_ABSENT:
        return good == looked;
    case KD_INDEX_OR_ABSENT:
        return total == 0 || good > 0;
    case KD_INDEX_NTH:
        return nth;
    case KD_INDEX_OOB_OR:
        return want < 0 || want >= (int32_t)total || nth;
    case KD_INDEX_TIMES:
        return kd_range_has(&n->times, good);
    case KD_INDEX_COUNT:
        return kd_range_has(&n->times, looked);
    }
    return false;
}

/* ---- others ---- */

static bool flags_hold(const struct kd_flags *f, unsigned have)
{
    unsigned v = have & ~(unsigned)f->ignore & 0xff;
    switch (f->modifier) {
    case KD_FLAGS_EXACT:
        return v == f->bits;
    case KD_FLAGS_PLUS:
        return (v & f->bits) == f->bits;
    case KD_FLAGS_ANY:
        return (v & f->bits) != 0;
    case KD_FLAGS_NOT:
        return (v & f->bits) != f->bits;
    }
    return false;
}

/* One of the transaction's values has all the bits that must be, and none that must not. */
static bool number_flags_hold(const struct m_run *run, enum kd_number id, const struct kd_flags *f)
{
    for (unsigned i = 0; run->side != NULL && i < run->side->n_numbers; i++) {
        uint64_t v = run->side->number[i].v;
        if (run->side->number[i].id == id && (v & f->bits) == f->bits && (v & f->ignore) == 0)
            return true;
    }
    return false;
}

static bool stream_size(const struct m_run *run, const struct kd_sided *s)
{
    uint64_t server = run->at->seq_seen[1], client = run->at->seq_seen[0];
    switch (s->side) {
    case KD_SIDE_SERVER:
        return kd_range_has(&s->range, server);
    case KD_SIDE_CLIENT:
        return kd_range_has(&s->range, client);
    case KD_SIDE_BOTH:
        return kd_range_has(&s->range, server) && kd_range_has(&s->range, client);
    default:
        return kd_range_has(&s->range, server) || kd_range_has(&s->range, client);
    }
}

static const struct m_flowint *flowint_of(const struct kd_match_flow *f, uint32_t name)
{
    for (uint32_t i = 0; f != NULL && i < f->n_ints; i++)
        if (f->ints[i].name == name)
            return &f->ints[i];
    return NULL;
}

static bool flowint_holds(const struct m_run *run, const struct kd_flowint *x)
{
    const struct kd_match_flow *f = *run->at->flow;
    const struct m_flowint *a = flowint_of(f, x->name);
    const struct m_flowint *b = x->by_name ? flowint_of(f, x->value) : NULL;
    uint32_t right = x->by_name ? (b == NULL ? 0 : b->value) : x->value;
    if (x->what == KD_FLOWINT_ISSET)
        return a != NULL;
    if (x->what == KD_FLOWINT_NOTSET)
        return a == NULL;
    if (a == NULL || (x->by_name && b == NULL))
        return false;
    switch (x->what) {
    case KD_FLOWINT_LT:
        return a->value < right;
    case KD_FLOWINT_LE:
        return a->value <= right;
    case KD_FLOWINT_EQ:
        return a->value == right;
    case KD_FLOWINT_NE:
        return a->value != right;
    case KD_FLOWINT_GE:
        return a->value >= right;
    case KD_FLOWINT_GT:
        return a->value > right;
    default:
        return true;
    }
}

bool m_flowbit_isset(const struct kd_match_flow *f, uint32_t name)
{
    for (uint32_t i = 0; f != NULL && i < f->n_bits; i++)
        if (f->bits[i] == name)
            return true;
    return false;
}

static bool bits_hold(const struct m_run *run, const struct kd_bits *b)
{
    const struct kd_match_flow *f = *run->at->flow;
    bool any = false;
    for (unsigned i = 0; i < b->n; i++)
        any |= m_flowbit_isset(f, b->name[i]);
    return b->what == KD_BITS_ISNOTSET ? !any : any;
}

static bool ranges_hold(const struct kd_ranges *r, uint64_t v)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (kd_range_has(&r->range[i], v))
            return true;
    return false;
}

static bool app_is(const struct m_run *run, struct kd_bytes name)
{
    if (kd_bytes_eq_str(name, "unknown"))
        return run->at->app == KD_APP_UNKNOWN;
    if (kd_bytes_eq_str(name, "failed"))
        return run->at->app == KD_APP_FAILED;
    return kd_bytes_ieq(name, kd_str(kd_app_names[run->at->app]));
}

static bool event_is(const struct m_run *run, const struct kd_event *e)
{
    return run->m->event != NULL && kd_bytes_eq_str(e->text, run->m->event);
}

static bool holds(struct m_run *run, const struct kd_cond *c)
{
    const struct kd_packet *p = run->at->packet;
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_NUMBER:
        return number_holds(run, &c->is.number) != c->negated;
    case KD_COND_TCP_FLAGS:
        return p != NULL && p->proto == KD_IP_TCP && flags_hold(&c->is.flags, p->tcp_flags) != c->negated;
    case KD_COND_IP_PROTO:
        return p != NULL && ranges_hold(&c->is.ranges, p->proto) != c->negated;
    case KD_COND_SAMEIP:
        return kd_addr_eq(&run->at->addr[0], &run->at->addr[1]);
    case KD_COND_STREAM_SIZE:
        return stream_size(run, &c->is.sided) != c->negated;
    case KD_COND_FLOWBITS:
        return bits_hold(run, &c->is.bits);
    case KD_COND_FLOWINT:
        return flowint_holds(run, &c->is.flowint);
    case KD_COND_XBITS:
    case KD_COND_HOSTBITS:
        return m_bits_isset(run->m->rates, &c->is.bits, c->kind, run->at, run->dir) ==
               (c->is.bits.what == KD_BITS_ISSET);
    case KD_COND_APP_PROTO:
        return c->is.words.n > 0 && app_is(run, c->is.words.word[0]) != c->negated;
    case KD_COND_EVENT:
        return event_is(run, &c->is.event);
    case KD_COND_MQTT_FLAGS:
        return number_flags_hold(run, KD_NUM_MQTT_FLAGS, &c->is.flags) != c->negated;
    case KD_COND_MQTT_CONNECT_FLAGS:
        return number_flags_hold(run, KD_NUM_MQTT_CONNECT_FLAGS, &c->is.flags) != c->negated;
    default:
        return false; /* compile.c leaves rules out that need anything else */
    }
}

bool m_check_known(enum kd_cond_kind kind)
{
    switch (kind) {
    case KD_COND_NUMBER:
    case KD_COND_TCP_FLAGS:
    case KD_COND_IP_PROTO:
    case KD_COND_SAMEIP:
    case KD_COND_STREAM_SIZE:
    case KD_COND_FLOWBITS:
    case KD_COND_FLOWINT:
    case KD_COND_XBITS:
    case KD_COND_HOSTBITS:
    case KD_COND_APP_PROTO:
    case KD_COND_EVENT:
    case KD_COND_MQTT_FLAGS:
    case KD_COND_MQTT_CONNECT_FLAGS:
        return true;
    default:
        return false;
    }
}

bool m_checks_hold(struct m_run *run)
{
    const struct kd_rule *r = run->r->rule;
    for (unsigned i = 0; i < r->n_checks; i++)
        if (!holds(run, &r->check[i]))
            return false;
    return true;
}
