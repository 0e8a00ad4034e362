/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that look at the packet, the conversation or the transaction rather than into bytes. */
#include "base/out.h"
#include "match/internal.h"

/* ---- numbers ---- */

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
    if (id == KD_NUM_DSIZE && p != NULL) { /* asked most */
        *ret = p->proto == KD_IP_IGMP ? 0 : p->payload_wire; /* its message is all header */
        return p->kind == KD_PACKET_IP;
    }
    return p != NULL && m_header_number(p, id, ret);
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

static bool chunk_type(const struct m_run *run, const struct kd_number_cond *n)
{
    uint8_t type;
    struct kd_bytes data;
    const struct kd_packet *p = run->at->packet;
    for (unsigned i = 0; p != NULL && m_header_chunk(p, i, &type, &data); i++)
        if (kd_range_has(&n->range, type))
            return true;
    return false;
}

/* Several numbers at once, in their order. */
static bool several_hold(const struct kd_number_cond *n, const uint64_t *v, uint32_t total)
{
    uint32_t good = 0, looked = 0;
    int32_t want = n->nth >= 0 ? n->nth : (int32_t)total + n->nth;
    int32_t from = n->sliced ? (n->slice_from < 0 ? (int32_t)total + n->slice_from : n->slice_from) : 0;
    int32_t to = n->sliced ? (n->slice_to < 0 ? (int32_t)total + n->slice_to : n->slice_to) : INT32_MAX;
    bool there = want >= 0 && want < (int32_t)total, nth = there && kd_range_has(&n->range, v[want]);
    for (int32_t i = 0; i < (int32_t)total; i++)
        if (i >= from && i < to) {
            good += kd_range_has(&n->range, v[i]);
            looked++;
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
        return !there || nth;
    case KD_INDEX_TIMES:
        return kd_range_has(&n->times, good);
    case KD_INDEX_COUNT:
        return kd_range_has(&n->times, looked);
    }
    return false;
}

static bool of_transaction(const struct m_run *run, const struct kd_number_cond *n)
{
    uint64_t v[MATCH_NUMBERS];
    uint32_t total = 0;
    for (unsigned i = 0; run->side != NULL && i < run->side->n_numbers; i++)
        if (run->side->number[i].id == n->field)
            v[total++] = run->side->number[i].v;
    return several_hold(n, v, total);
}

static bool of_tags(const struct m_run *run, const struct kd_number_cond *n)
{
    const struct kd_packet *p = run->at->packet;
    uint64_t v[KD_PACKET_TAGS];
    uint32_t total = 0;
    for (; p != NULL && total < p->tags && total < KD_PACKET_TAGS; total++)
        v[total] = p->tag[total];
    return several_hold(n, v, total);
}

static bool number_holds(const struct m_run *run, const struct kd_number_cond *n)
{
    uint64_t v;
    if (n->field == KD_NUM_FLOW_PKTS_EITHER || n->field == KD_NUM_FLOW_BYTES_EITHER)
        return either(run, n);
    if (n->field == KD_NUM_SCTP_CHUNK_TYPE)
        return chunk_type(run, n);
    if (number_here(run, n->field, &v))
        return kd_range_has(&n->range, v);
    return n->field == KD_NUM_VLAN_ID ? of_tags(run, n) : of_transaction(run, n);
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

/* Of IPv4, as rules number them: M 1, D 2, R 4. */
static unsigned fragment_bits(const struct kd_packet *p)
{
    return kd_bytes_at(p->ip, 6) >> 5;
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

bool m_ranges_hold(const struct kd_ranges *r, uint64_t v)
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

/* What is not known yet is not said to be another. */
static bool app_holds(const struct m_run *run, const struct kd_cond *c)
{
    bool any = false;
    for (uint32_t i = 0; i < c->is.words.n; i++) {
        bool unknown = kd_bytes_eq_str(c->is.words.word[i], "unknown");
        if (c->negated && !unknown && run->at->app == KD_APP_UNKNOWN)
            return false;
        any |= app_is(run, c->is.words.word[i]);
    }
    return any != c->negated;
}

static bool event_is(const struct m_run *run, const struct kd_event *e)
{
    return run->m->event != NULL && kd_bytes_eq_str(e->text, run->m->event);
}

/* The value as the parser tells it: "UUID MAJOR.MINOR". */
static bool calls_iface(const struct m_run *run, const struct kd_iface *want)
{
    const struct m_side *s = run->side;
    for (unsigned i = 0; s != NULL && i < s->n_values; i++) {
        if (s->value[i].id != KD_IN_DCERPC_IFACE)
            continue;
        struct kd_bytes version = kd_bytes_of(s->value[i].p, s->value[i].n), uuid = kd_bytes_cut(&version, ' ');
        uint8_t room[sizeof(want->uuid) * 2];
        struct kd_out o = kd_out_of(room, sizeof(room));
        kd_out_hex(&o, kd_bytes_of(want->uuid, sizeof(want->uuid)));
        size_t n = 0;
        for (size_t j = 0; j < uuid.n; j++)
            n += uuid.p[j] != '-' && n < o.n && kd_ascii_lower(uuid.p[j]) == room[n];
        uint64_t major = 0;
        bool told = kd_bytes_to_u64(kd_bytes_cut(&version, '.'), UINT16_MAX, &major);
        if (n == o.n && (!want->has_version || (told && kd_range_has(&want->version, major))))
            return true;
    }
    return false;
}

static bool calls_opnum(const struct m_run *run, const struct kd_ranges *want)
{
    const struct m_side *s = run->side;
    for (unsigned i = 0; s != NULL && i < s->n_numbers; i++)
        if (s->number[i].id == KD_NUM_DCERPC_OPNUM && m_ranges_hold(want, s->number[i].v))
            return true;
    return false;
}

/* A digest that is not known (a file with holes) is neither in the list nor out of it. */
static bool digest_listed(const struct m_run *run, const struct kd_words *w, bool negated)
{
    const struct m_side *s = run->side;
    for (unsigned i = 0; s != NULL && i < s->n_values; i++)
        if (s->value[i].id == m_hash_of(w->a))
            return m_sets_has(run->m->sets, w->b, kd_bytes_of(s->value[i].p, s->value[i].n)) != negated;
    return false;
}

static bool holds(struct m_run *run, const struct kd_cond *c)
{
    const struct kd_packet *p = run->at->packet;
    bool valid = false;
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_NUMBER:
        return number_holds(run, &c->is.number) != c->negated;
    case KD_COND_TCP_FLAGS:
        return p != NULL && p->proto == KD_IP_TCP && flags_hold(&c->is.flags, p->tcp_flags) != c->negated;
    case KD_COND_IP_PROTO:
        return p != NULL && m_ranges_hold(&c->is.ranges, p->proto) != c->negated;
    case KD_COND_FRAGBITS:
        return p != NULL && p->ip_version == 4 && flags_hold(&c->is.flags, fragment_bits(p)) != c->negated;
    case KD_COND_IPOPTS:
        return p != NULL && m_header_option(p, c->is.words.a, c->is.words.b == 1) != c->negated;
    case KD_COND_CSUM:
        return p != NULL && m_header_sum_valid(p, c->is.words.a, &valid) && valid == (c->is.words.b == 1);
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
        return m_bits_isset(run->m->rates, run->m->set->rules, &c->is.bits, c->kind, run->at, run->dir) ==
               (c->is.bits.what == KD_BITS_ISSET);
    case KD_COND_APP_PROTO:
        return app_holds(run, c);
    case KD_COND_EVENT:
        return event_is(run, &c->is.event);
    case KD_COND_MQTT_FLAGS:
        return number_flags_hold(run, KD_NUM_MQTT_FLAGS, &c->is.flags) != c->negated;
    case KD_COND_MQTT_CONNECT_FLAGS:
        return number_flags_hold(run, KD_NUM_MQTT_CONNECT_FLAGS, &c->is.flags) != c->negated;
    case KD_COND_MODBUS:
        return m_modbus_holds(run, c->is.modbus) != c->negated;
    case KD_COND_DNP3_FUNC:
    case KD_COND_DNP3_IND:
    case KD_COND_DNP3_OBJ:
    case KD_COND_CIP_SERVICE:
        return m_plant_holds(run, c) != c->negated;
    case KD_COND_DCE_IFACE:
        return calls_iface(run, &c->is.iface) != c->negated;
    case KD_COND_DCE_OPNUM:
        return calls_opnum(run, &c->is.ranges) != c->negated;
    case KD_COND_FILE_HASH:
        return digest_listed(run, &c->is.words, c->negated);
    default:
        return m_agreed_holds(run, c); /* compile.c leaves rules out that need anything else */
    }
}

bool m_check_known(enum kd_cond_kind kind)
{
    switch (kind) {
    case KD_COND_NUMBER:
    case KD_COND_TCP_FLAGS:
    case KD_COND_IP_PROTO:
    case KD_COND_FRAGBITS:
    case KD_COND_IPOPTS:
    case KD_COND_CSUM:
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
    case KD_COND_MODBUS:
    case KD_COND_DNP3_FUNC:
    case KD_COND_DNP3_IND:
    case KD_COND_DNP3_OBJ:
    case KD_COND_CIP_SERVICE:
    case KD_COND_DCE_IFACE:
    case KD_COND_DCE_OPNUM:
    case KD_COND_FILE_HASH:
    case KD_COND_TLS_VERSION:
    case KD_COND_SSL_VERSION:
    case KD_COND_SSL_STATE:
    case KD_COND_TLS_DATES:
    case KD_COND_KRB5_TICKET_ENC:
    case KD_COND_IKE_CHOSEN_SA:
    case KD_COND_FTPBOUNCE:
        return true;
    default:
        return false;
    }
}

uint8_t m_check_side(const struct kd_cond *c)
{
    if (c->kind != KD_COND_NUMBER)
        return 0;
    uint8_t dir = (uint8_t)kd_number_rows[c->is.number.field].dir;
    return c->is.number.side != 0 ? c->is.number.side : dir == KD_INSPECT_BOTH ? 0 : dir;
}

bool m_checks_hold(struct m_run *run)
{
    const struct kd_rule *r = run->r->rule;
    for (unsigned i = 0; i < r->n_checks; i++) {
        uint8_t side = r->transactional ? m_check_side(&r->check[i]) : 0;
        if ((side == 0 || (side >> run->dir & 1) != 0) && !holds(run, &r->check[i]))
            return false;
    }
    return true;
}
