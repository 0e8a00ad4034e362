/* SPDX-License-Identifier: Apache-2.0 */
/* From parsed rules to what the matcher runs: where each rule is judged, by which content it is found. */
#include "match/internal.h"

enum { FAST_MAX = 64 }; /* bytes of a fast pattern; the rest is left to the close look */

/* ---- order ---- */

/* What sets a flow bit is judged before what asks for it. */
static unsigned bits_rank(const struct kd_rule *r)
{
    bool reads = false, sets = false;
    for (unsigned i = 0; i < r->n_checks; i++)
        reads |= r->check[i].kind == KD_COND_FLOWBITS || r->check[i].kind == KD_COND_FLOWINT;
    for (unsigned i = 0; i < r->n_actions; i++)
        sets |= r->act[i].kind == KD_COND_FLOWBITS || r->act[i].kind == KD_COND_FLOWINT;
    return sets ? (reads ? 1 : 0) : reads ? 2 : 3;
}

static unsigned action_rank(const struct kd_rule *r)
{
    return r->action == KD_ACTION_PASS ? 0 : r->action == KD_ACTION_ALERT ? 2 : 1;
}

static int by_rank(const void *a, const void *b)
{
    const struct kd_rule *x = *(const struct kd_rule *const *)a, *y = *(const struct kd_rule *const *)b;
    unsigned ax = action_rank(x), ay = action_rank(y), bx = bits_rank(x), by = bits_rank(y);
    if (ax != ay)
        return ax < ay ? -1 : 1;
    if (bx != by)
        return bx < by ? -1 : 1;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* ---- protocols ---- */

uint64_t m_apps_of(enum kd_rule_proto proto)
{
    static const struct {
        enum kd_rule_proto proto;
        enum kd_app app[2];
    } rows[] = {
        {KD_RP_HTTP, {KD_APP_HTTP, KD_APP_HTTP2}}, {KD_RP_HTTP1, {KD_APP_HTTP}},
        {KD_RP_TLS, {KD_APP_TLS}},     {KD_RP_SMTP, {KD_APP_SMTP}},
        {KD_RP_FTP, {KD_APP_FTP}},     {KD_RP_FTP_DATA, {KD_APP_FTP_DATA}},
        {KD_RP_IMAP, {KD_APP_IMAP}},   {KD_RP_POP3, {KD_APP_POP3}},
        {KD_RP_SSH, {KD_APP_SSH}},     {KD_RP_SMB, {KD_APP_SMB}},
        {KD_RP_DCERPC, {KD_APP_DCERPC, KD_APP_SMB}},
        {KD_RP_DNS, {KD_APP_DNS}},     {KD_RP_MDNS, {KD_APP_MDNS}},
        {KD_RP_LLMNR, {KD_APP_LLMNR}}, {KD_RP_DHCP, {KD_APP_DHCP}},
        {KD_RP_KRB5, {KD_APP_KRB5}},   {KD_RP_LDAP, {KD_APP_LDAP}},
        {KD_RP_NTP, {KD_APP_NTP}},     {KD_RP_SNMP, {KD_APP_SNMP}},
        {KD_RP_TFTP, {KD_APP_TFTP}},   {KD_RP_RDP, {KD_APP_RDP}},
        {KD_RP_RFB, {KD_APP_RFB}},     {KD_RP_TELNET, {KD_APP_TELNET}},
        {KD_RP_PGSQL, {KD_APP_PGSQL}}, {KD_RP_QUIC, {KD_APP_QUIC}},
        {KD_RP_BITTORRENT_DHT, {KD_APP_BITTORRENT}},
        {KD_RP_IRC, {KD_APP_IRC}},     {KD_RP_MQTT, {KD_APP_MQTT}},
        {KD_RP_SIP, {KD_APP_SIP}},     {KD_RP_HTTP2, {KD_APP_HTTP2}},
        {KD_RP_WEBSOCKET, {KD_APP_WEBSOCKET}},   {KD_RP_MODBUS, {KD_APP_MODBUS}},
        {KD_RP_IKE, {KD_APP_IKE}},     {KD_RP_DNP3, {KD_APP_DNP3}},
        {KD_RP_ENIP, {KD_APP_ENIP}},
        {KD_RP_NFS, {KD_APP_NFS}},
    };
    uint64_t apps = 0;
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (rows[i].proto == proto)
            for (unsigned j = 0; j < 2; j++)
                if (rows[i].app[j] != KD_APP_UNKNOWN)
                    apps |= (uint64_t)1 << rows[i].app[j];
    /* A protocol nobody here reads: no conversation is of it. */
    return apps == 0 && kd_rule_proto_rows[proto].layer == KD_LAYER_APP ? M_APP_NONE : apps;
}

static uint8_t protocols_of(enum kd_rule_proto proto)
{
    const struct kd_rule_proto_row *row = &kd_rule_proto_rows[proto];
    switch (proto) {
    case KD_RP_ICMP:
        return M_P_ICMP | M_P_ICMPV6;
    case KD_RP_ICMPV4:
        return M_P_ICMP;
    case KD_RP_ICMPV6:
        return M_P_ICMPV6;
    case KD_RP_SCTP:
        return M_P_SCTP;
    case KD_RP_IGMP:
    case KD_RP_ESP:
    case KD_RP_GRE:
        return M_P_OTHER;
    case KD_RP_PKTHDR:
    case KD_RP_ETHER:
        return M_P_IP | M_P_ARP | M_P_LINK;
    case KD_RP_ARP:
        return M_P_ARP;
    default:
        if (row->layer == KD_LAYER_NETWORK)
            return M_P_IP;
        return (uint8_t)((strchr(row->over, 'T') != NULL ? M_P_TCP : 0) | (strchr(row->over, 'U') != NULL ? M_P_UDP : 0));
    }
}

/* ip_proto: among the checks leaves out what it cannot be; bits of enum m_proto. */
static uint8_t narrowed(uint8_t protos, const struct kd_rule *rule)
{
    static const struct {
        uint8_t bit, number;
    } rows[] = {{M_P_TCP, KD_IP_TCP}, {M_P_UDP, KD_IP_UDP}, {M_P_ICMP, KD_IP_ICMP}, {M_P_ICMPV6, KD_IP_ICMPV6},
                {M_P_SCTP, KD_IP_SCTP}};
    for (unsigned i = 0; i < rule->n_checks; i++)
        for (unsigned j = 0; j < KD_COUNT(rows); j++)
            if (rule->check[i].kind == KD_COND_IP_PROTO &&
                m_ranges_hold(&rule->check[i].is.ranges, rows[j].number) == rule->check[i].negated)
                protos &= (uint8_t)~rows[j].bit;
    return protos;
}

static uint8_t ip_number_of(enum kd_rule_proto proto)
{
    return proto == KD_RP_IGMP ? KD_IP_IGMP : proto == KD_RP_ESP ? 50 : proto == KD_RP_GRE ? 47 : 0;
}

/* ---- one rule ---- */

static pcre2_code *expression(const struct kd_pcre *p)
{
    uint32_t options = 0;
    int error;
    PCRE2_SIZE at;
    static const struct {
        uint16_t flag;
        uint32_t option;
    } rows[] = {{KD_PCRE_I, PCRE2_CASELESS},  {KD_PCRE_M, PCRE2_MULTILINE}, {KD_PCRE_S, PCRE2_DOTALL},
                {KD_PCRE_X, PCRE2_EXTENDED},  {KD_PCRE_A, PCRE2_ANCHORED},  {KD_PCRE_E, PCRE2_DOLLAR_ENDONLY},
                {KD_PCRE_G, PCRE2_UNGREEDY}};
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        options |= p->flags & rows[i].flag ? rows[i].option : 0;
    /* No machine code is made of it: whoever runs rules may make no memory executable. */
    return pcre2_compile(p->pattern.p, p->pattern.n, options, &error, &at, NULL);
}

static bool keep_code(struct kd_ruleset *set, pcre2_code *code)
{
    if (set->n_codes == set->codes_room) {
        size_t room = set->codes_room * 2 + 256;
        pcre2_code **more = realloc(set->codes, room * sizeof(pcre2_code *));
        if (more == NULL)
            return false;
        set->codes = more;
        set->codes_room = room;
    }
    set->codes[set->n_codes++] = code;
    return true;
}

static bool is_relative(const struct kd_cond *c)
{
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_CONTENT:
        return (c->is.content.flags & (KD_CONTENT_DISTANCE | KD_CONTENT_WITHIN)) != 0;
    case KD_COND_PCRE:
        return (c->is.pcre.flags & KD_PCRE_R) != 0;
    case KD_COND_BYTE_TEST:
        return c->is.byte_test.field.relative;
    case KD_COND_BYTE_JUMP:
        return c->is.byte_jump.field.relative;
    case KD_COND_BYTE_EXTRACT:
        return c->is.byte_extract.field.relative;
    case KD_COND_BYTE_MATH:
        return c->is.byte_math.field.relative;
    case KD_COND_ISDATAAT:
        return c->is.isdataat.relative;
    case KD_COND_BASE64_DECODE:
        return c->is.base64_decode.relative;
    default:
        return false;
    }
}

/* The byte that is sought first: one that is no letter, rather than zero or space. */
static uint8_t rare_byte(struct kd_bytes b)
{
    uint8_t best = 0;
    unsigned score = 0;
    for (size_t i = 0; i < b.n && i < 255; i++) {
        uint8_t c = b.p[i];
        unsigned s = c >= 'a' && c <= 'z' ? 1 : c == 0 || c == ' ' ? 2 : c >= '0' && c <= '9' ? 3 : 4;
        if (s > score) {
            score = s;
            best = (uint8_t)i;
        }
    }
    return best;
}

/* isdataat:!1,relative: the content before it is at the end. */
static bool says_ends(const struct kd_cond *c)
{
    const struct kd_isdataat *i = &c->is.isdataat;
    return c->kind == KD_COND_ISDATAAT && c->negated && i->relative && i->size.var < 0 && i->size.n == 1;
}

static bool look_of(struct kd_ruleset *set, const struct kd_look *l, struct m_look *ret)
{
    struct m_cond *cond = m_alloc(set, l->n * sizeof(*cond));
    if (cond == NULL)
        return false;
    unsigned n = 0;
    for (unsigned i = 0; i < l->n; i++) {
        const struct kd_cond *c = &l->cond[i];
        struct m_cond *mc = &cond[n];
        if (n > 0 && cond[n - 1].c->kind == KD_COND_CONTENT && says_ends(c)) {
            cond[n - 1].ends = true;
            continue;
        }
        mc->c = c;
        n++;
        if (c->kind == KD_COND_CONTENT) {
            mc->rare = rare_byte(c->is.content.bytes);
            mc->ends = (c->is.content.flags & KD_CONTENT_ENDS) != 0;
        }
        if (c->kind == KD_COND_PCRE) {
            pcre2_code *code = expression(&c->is.pcre);
            mc->code = code;
            if (code != NULL && !keep_code(set, code))
                return false;
        }
        if (c->kind == KD_COND_ABSENT)
            ret->absent_ok = true;
    }
    for (unsigned i = 0; i + 1 < n; i++)
        cond[i].next_relative = is_relative(cond[i + 1].c);
    enum kd_inspect in = l->buffer->in;
    bool body = in == KD_IN_HTTP_REQUEST_BODY || in == KD_IN_HTTP_RESPONSE_BODY;
    enum kd_rule_proto proto;
    if (m_is_stream_frame(l->buffer, &proto))
        in = KD_IN_PAYLOAD;
    ret->buffer = l->buffer;
    ret->frame = (uint16_t)m_frame_of(l->buffer);
    ret->in = body ? KD_IN_FILE_DATA : in; /* the parsers tell a body once */
    ret->n = (uint16_t)n;
    ret->cond = cond;
    return true;
}

static bool is_packet_buffer(enum kd_inspect in)
{
    enum kd_inspect_unit u = kd_inspect_rows[in].unit;
    return u == KD_INSPECT_PACKET || u == KD_INSPECT_STREAM;
}

static bool has_place(const struct m_look *l)
{
    for (unsigned i = 0; i < l->n; i++)
        if (l->cond[i].c->kind == KD_COND_CONTENT &&
            (l->cond[i].c->is.content.flags & (KD_CONTENT_OFFSET | KD_CONTENT_DEPTH)) != 0)
            return true;
    return false;
}

/* The number that a check looks at; KD_NUM_COUNT: none. */
static enum kd_number number_of(const struct kd_cond *c)
{
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_NUMBER:
        return c->is.number.field;
    case KD_COND_MQTT_FLAGS:
        return KD_NUM_MQTT_FLAGS;
    case KD_COND_MQTT_CONNECT_FLAGS:
        return KD_NUM_MQTT_CONNECT_FLAGS;
    case KD_COND_MODBUS:
        return KD_NUM_MODBUS_FUNCTION; /* among others: want() */
    case KD_COND_DNP3_FUNC:
        return KD_NUM_DNP3_FUNC;
    case KD_COND_DNP3_IND:
        return KD_NUM_DNP3_IND;
    case KD_COND_DNP3_OBJ:
        return KD_NUM_DNP3_OBJ;
    case KD_COND_CIP_SERVICE:
        return KD_NUM_ENIP_CIP_SERVICE;
    default:
        return m_agreed_number(c);
    }
}

static bool is_file_check(const struct kd_cond *c)
{
    return c->kind == KD_COND_FILE_HASH ||
           (c->kind == KD_COND_NUMBER && kd_number_rows[c->is.number.field].unit == KD_INSPECT_FILE);
}

static bool is_tx_check(const struct kd_cond *c)
{
    if (is_file_check(c) || c->kind == KD_COND_DCE_IFACE || c->kind == KD_COND_DCE_OPNUM)
        return true;
    enum kd_number id = number_of(c);
    if (id == KD_NUM_COUNT)
        return false;
    enum kd_inspect_unit u = kd_number_rows[id].unit;
    return u == KD_INSPECT_TX || u == KD_INSPECT_FILE;
}

/* Does it look into a stream as a frame?  Then in no other protocol's. */
static bool of_whole_stream(struct m_rule *r)
{
    enum kd_rule_proto proto;
    for (unsigned i = 0; i < r->n_looks; i++)
        if (m_is_stream_frame(r->look[i].buffer, &proto)) {
            r->apps = m_apps_of(proto);
            return true;
        }
    return false;
}

/* Where is it judged? */
static void place(struct m_rule *r)
{
    const struct kd_rule *rule = r->rule;
    bool file = false, tx = false, content = false, payload = false, in_place = false, event = false, frame = false;
    for (unsigned i = 0; i < r->n_looks; i++) {
        enum kd_inspect in = r->look[i].in;
        tx |= !is_packet_buffer(in);
        content |= in == KD_IN_FILE_DATA;
        file |= kd_inspect_rows[in].unit == KD_INSPECT_FILE && in != KD_IN_FILE_DATA;
        payload |= in == KD_IN_PAYLOAD;
        frame |= in == KD_IN_FRAME;
        in_place |= in == KD_IN_PAYLOAD && has_place(&r->look[i]);
    }
    for (unsigned i = 0; i < rule->n_checks; i++) {
        tx |= is_tx_check(&rule->check[i]);
        file |= is_file_check(&rule->check[i]);
        event |= rule->check[i].kind == KD_COND_EVENT;
    }
    for (unsigned i = 0; i < rule->n_actions; i++)
        file |= rule->act[i].kind == KD_COND_FILESTORE && !payload && !event;
    if (frame)
        r->flags = M_FRAME;
    else if (event)
        r->flags = M_EVENT;
    else if (tx || file)
        r->flags = M_TX | (content || payload || file ? M_CONTENT : 0) | (file ? M_FILE : 0); /* the stream goes on behind the head */
    else if (payload)
        r->flags = M_PAYLOAD;
    else
        r->flags = M_HEADER | (rule->header_only ? M_ONCE : 0);
    if (r->flags != M_PAYLOAD)
        return;
    if (of_whole_stream(r)) {
        r->flags |= M_ON_STREAM | M_WHOLE;
        r->ip_protos &= M_P_TCP;
        return;
    }
    bool tcp = (r->ip_protos & M_P_TCP) != 0 && kd_rule_proto_rows[rule->proto].layer != KD_LAYER_NETWORK;
    bool packet = rule->packet_only || (!tcp && !rule->stream_only);
    bool stream = !packet || (!rule->packet_only && kd_rule_proto_rows[rule->proto].layer == KD_LAYER_NETWORK);
    if (packet || (in_place && !rule->stream_only) || (r->ip_protos & ~M_P_TCP) != 0)
        r->flags |= M_ON_PACKET;
    if (stream && (r->ip_protos & M_P_TCP) != 0)
        r->flags |= M_ON_STREAM;
}

/* Rules with =>: which condition is about the request, which about the answer. */
static void sides(struct m_rule *r)
{
    for (unsigned i = 0; i < r->n_looks; i++) {
        uint8_t dir = (uint8_t)kd_inspect_rows[r->look[i].buffer->in].dir;
        uint8_t side = r->rule->look[i].side;
        r->look[i].side = side != 0 ? side : dir == KD_INSPECT_BOTH ? 0 : dir;
        r->sides |= r->look[i].side;
    }
    for (unsigned i = 0; i < r->rule->n_checks; i++)
        r->sides |= m_check_side(&r->rule->check[i]);
    r->dirs = r->sides != 0 ? r->sides : (uint8_t)KD_INSPECT_BOTH;
}

static bool rule_of(struct kd_ruleset *set, const struct kd_rule *rule, struct m_rule *r)
{
    r->rule = rule;
    r->apps = m_apps_of(rule->proto);
    r->ip_protos = narrowed(protocols_of(rule->proto), rule);
    r->ip_number = ip_number_of(rule->proto);
    r->family = rule->proto == KD_RP_IPV4 ? 4 : rule->proto == KD_RP_IPV6 ? 6 : 0;
    r->dirs = (uint8_t)(rule->dir == 0 ? KD_INSPECT_BOTH : rule->dir);
    r->n_looks = (uint8_t)kd_min_size(rule->n_looks, UINT8_MAX);
    r->look = m_alloc(set, r->n_looks * sizeof(*r->look));
    if (r->look == NULL)
        return false;
    for (unsigned i = 0; i < r->n_looks; i++)
        if (!look_of(set, &rule->look[i], &r->look[i]))
            return false;
    if (rule->transactional)
        sides(r);
    place(r);
    return true;
}

/* ---- how it is found ---- */

struct fast {
    const struct m_look *look;
    const struct kd_content *content;
    struct kd_bytes bytes;
    bool nocase;
    int score;
};

static void consider(const struct m_look *look, const struct kd_content *c, bool tx, struct fast *best)
{
    struct kd_bytes b = c->bytes;
    if (c->flags & KD_CONTENT_FAST_CHOP)
        b = kd_bytes_head(kd_bytes_from(b, c->fast_offset), c->fast_length);
    int score = (int)kd_min_size(b.n, FAST_MAX);
    if (is_packet_buffer(look->in) == tx)
        score -= 1000; /* not where the rule is judged */
    if (c->flags & (KD_CONTENT_FAST | KD_CONTENT_FAST_ONLY | KD_CONTENT_FAST_CHOP))
        score += 500;
    if (look->in == KD_IN_HTTP_METHOD || look->in == KD_IN_HTTP_STAT_CODE || look->in == KD_IN_HTTP_PROTOCOL)
        score -= 200; /* nearly every transaction has it */
    if (b.n == 0 || (best->look != NULL && score <= best->score))
        return;
    *best = (struct fast){look, c, kd_bytes_head(b, FAST_MAX), (c->flags & KD_CONTENT_NOCASE) != 0, score};
}

static bool in_direction(const struct m_look *look, unsigned dir)
{
    return look->side == 0 || (look->side >> dir & 1) != 0;
}

/* Is it in values like this that the rule is found? */
static bool found_in(const struct m_rule *r, const struct m_look *look)
{
    if (r->flags & M_TX)
        return !is_packet_buffer(look->in);
    return look->in == (r->flags & M_FRAME ? KD_IN_FRAME : KD_IN_PAYLOAD);
}

static struct fast fast_of(const struct m_rule *r, unsigned dir)
{
    struct fast best = {0};
    bool tx = (r->flags & M_TX) != 0;
    for (unsigned i = 0; i < r->n_looks; i++)
        for (unsigned j = 0; j < r->look[i].n; j++) {
            const struct kd_cond *c = r->look[i].cond[j].c;
            bool here = found_in(r, &r->look[i]) && in_direction(&r->look[i], dir);
            if (c->kind == KD_COND_CONTENT && !c->negated && here)
                consider(&r->look[i], &c->is.content, tx, &best);
        }
    return best;
}

/* The buffer whose group holds the patterns of a look: bodies are told as file data, so that one scan does. */
static uint32_t group_id(const struct kd_ruleset *set, const struct m_look *look)
{
    if (look->in != KD_IN_FILE_DATA || look->buffer->n_transforms > 0)
        return look->buffer->id;
    for (uint32_t i = 0; i < set->rules->n_buffers; i++) {
        const struct kd_rule_buffer *b = set->rules->buffer[i];
        bool body = b->in == KD_IN_FILE_DATA || b->in == KD_IN_HTTP_REQUEST_BODY || b->in == KD_IN_HTTP_RESPONSE_BODY;
        if (body && b->n_transforms == 0)
            return i;
    }
    return look->buffer->id;
}

static bool find_in_tx(struct kd_ruleset *set, const struct m_rule *r, uint32_t at, unsigned dir)
{
    struct fast f = fast_of(r, dir);
    if (f.look != NULL)
        return m_group_add(set, &set->group[dir][group_id(set, f.look)], f.bytes, f.nocase, at);
    for (unsigned i = 0; i < r->n_looks; i++)
        if (!is_packet_buffer(r->look[i].in) && !r->look[i].absent_ok && in_direction(&r->look[i], dir))
            return m_list_add(set, &set->group[dir][group_id(set, &r->look[i])].always, at);
    for (unsigned app = 0; app < KD_APP_COUNT; app++)
        if ((r->apps == 0 || (r->apps >> app & 1) != 0) && !m_list_add(set, &set->at_tx[app][dir], at))
            return false;
    return true;
}

static bool find_in_frame(struct kd_ruleset *set, const struct m_rule *r, uint32_t at, unsigned dir)
{
    struct fast f = fast_of(r, dir);
    if (f.look != NULL)
        return m_group_add(set, &set->group[dir][f.look->buffer->id], f.bytes, f.nocase, at);
    for (unsigned i = 0; i < r->n_looks; i++)
        if (r->look[i].in == KD_IN_FRAME)
            return m_list_add(set, &set->group[dir][r->look[i].buffer->id].always, at);
    return true;
}

static bool by_port(struct kd_ruleset *set, struct m_group *g, const struct m_rule *r, uint32_t place)
{
    const struct kd_port_set *sport = r->rule->sport, *dport = r->rule->dport;
    bool both = set->hot[g->weak[place].rule].both_ways, of_dst = m_port_set_is_narrow(dport);
    const struct kd_port_set *narrow = of_dst ? dport : sport;
    if (!m_port_set_is_narrow(narrow))
        return m_list_add(set, &g->weak_any, place);
    return ((!of_dst && !both) || m_by_port_add(set, &g->weak_dport, narrow, place)) &&
           ((of_dst && !both) || m_by_port_add(set, &g->weak_sport, narrow, place));
}

static bool weak_add(struct kd_ruleset *set, struct m_group *g, const struct m_weak *w)
{
    if (g->n_weak == g->weak_room) {
        uint32_t room = g->weak_room * 2 + 16;
        struct m_weak *more = m_alloc(set, room * sizeof(*more));
        if (more == NULL)
            return false;
        if (g->n_weak > 0)
            memcpy(more, g->weak, g->n_weak * sizeof(*more));
        g->weak = more;
        g->weak_room = room;
    }
    g->weak[g->n_weak] = *w;
    return by_port(set, g, &set->rule[w->rule], g->n_weak++);
}

/* Is the pattern so short that the rule is better found by its ports, or by the pattern's place? */
static bool is_weak(const struct m_rule *r, const struct fast *f, struct m_weak *ret)
{
    const struct kd_content *c = f->content;
    bool placed = (c->flags & KD_CONTENT_OFFSET) && (c->flags & KD_CONTENT_DEPTH) && c->offset.var < 0 &&
                  c->depth.var < 0 && c->depth.n == (int64_t)c->bytes.n && c->offset.n >= 0 &&
                  c->offset.n < UINT16_MAX && (c->flags & (KD_CONTENT_DISTANCE | KD_CONTENT_WITHIN)) == 0;
    bool ports = r->sport_set != UINT32_MAX || r->dport_set != UINT32_MAX;
    if (f->bytes.n > 2 || (!placed && !ports))
        return false;
    placed &= (c->flags & KD_CONTENT_NOCASE) == 0 && f->bytes.n == c->bytes.n;
    *ret = (struct m_weak){.at = placed ? (uint16_t)c->offset.n : UINT16_MAX, .n = (uint8_t)f->bytes.n};
    memcpy(ret->byte, f->bytes.p, f->bytes.n);
    return true;
}

static bool find_in_payload(struct kd_ruleset *set, const struct m_rule *r, uint32_t at, unsigned dir)
{
    static const uint8_t bits[M_TRANSPORTS] = {M_P_TCP, M_P_UDP, M_P_ICMP | M_P_ICMPV6,
                                                M_P_OTHER | M_P_SCTP | M_P_ARP | M_P_LINK};
    struct fast f = fast_of(r, dir);
    struct m_weak weak;
    bool short_one = f.look != NULL && is_weak(r, &f, &weak);
    weak.rule = at;
    for (unsigned t = 0; t < M_TRANSPORTS; t++) {
        struct m_group *g = &set->payload[t][dir];
        if ((r->ip_protos & bits[t]) == 0)
            continue;
        if (short_one) {
            if (!weak_add(set, g, &weak))
                return false;
            continue;
        }
        if (f.look == NULL ? !m_list_add(set, &g->always, at) : !m_group_add(set, g, f.bytes, f.nocase, at))
            return false;
    }
    return true;
}

static bool find_by_event(struct kd_ruleset *set, const struct m_rule *r, uint32_t at)
{
    for (unsigned i = 0; i < r->rule->n_checks; i++)
        if (r->rule->check[i].kind == KD_COND_EVENT) {
            set->event_kinds |= 1u << r->rule->check[i].is.event.kind;
            return m_list_add(set, &set->events[r->rule->check[i].is.event.name], at);
        }
    return true;
}

/* A rule with something to ask that is not answered here is left out: it must not match without it. */
static bool can_be_judged(const struct m_rule *r)
{
    for (unsigned i = 0; i < r->rule->n_checks; i++)
        if (!m_check_known((enum kd_cond_kind)r->rule->check[i].kind))
            return false;
    return true;
}

enum kd_inspect m_hash_of(uint32_t which)
{
    return which == 0 ? KD_IN_FILE_MD5 : which == 1 ? KD_IN_FILE_SHA1 : KD_IN_FILE_SHA256;
}

/* What checks ask for that is told as a value. */
static void want_for_checks(struct kd_ruleset *set, const struct kd_rule *rule, unsigned dir)
{
    uint64_t *bytes = set->wanted.bytes[dir];
    for (unsigned i = 0; i < rule->n_checks; i++) {
        if (rule->check[i].kind == KD_COND_DCE_IFACE)
            bytes[KD_IN_DCERPC_IFACE / 64] |= (uint64_t)1 << (KD_IN_DCERPC_IFACE % 64);
        if (rule->check[i].kind == KD_COND_DCE_OPNUM)
            set->wanted.numbers[dir][KD_NUM_DCERPC_OPNUM / 64] |= (uint64_t)1 << (KD_NUM_DCERPC_OPNUM % 64);
        enum kd_number too = m_agreed_number_too(&rule->check[i]);
        if (too != KD_NUM_COUNT)
            set->wanted.numbers[dir][too / 64] |= (uint64_t)1 << (too % 64);
    }
    for (unsigned i = 0; i < rule->n_checks; i++)
        if (rule->check[i].kind == KD_COND_FILE_HASH) {
            enum kd_inspect in = m_hash_of(rule->check[i].is.words.a);
            bytes[in / 64] |= (uint64_t)1 << (in % 64);
        }
    for (unsigned i = 0; i < rule->n_actions; i++)
        if (rule->act[i].kind == KD_COND_FILESTORE) {
            bytes[KD_IN_FILE_NAME / 64] |= (uint64_t)1 << (KD_IN_FILE_NAME % 64); /* all files are told then */
            set->wanted.store = true;
        }
}

/* Transactions are told, too: frames carry their numbers. */
static void want_frames(struct kd_wanted *w, const struct m_rule *r)
{
    for (unsigned i = 0; i < r->n_looks; i++) {
        if (r->look[i].in != KD_IN_FRAME || r->look[i].frame == KD_FRAME_COUNT)
            continue;
        uint64_t apps = m_apps_of(kd_frame_rows[r->look[i].frame].proto);
        for (unsigned app = 0; app < KD_APP_COUNT; app++)
            if (apps >> app & 1)
                w->app[app] = w->framed[app] = true;
    }
}

static void want(struct kd_ruleset *set, const struct m_rule *r)
{
    struct kd_wanted *w = &set->wanted;
    if (r->flags & M_FRAME)
        want_frames(w, r);
    if ((r->flags & (M_TX | M_EVENT)) == 0)
        return;
    for (unsigned app = 0; app < KD_APP_COUNT; app++)
        w->app[app] |= r->apps == 0 || (r->apps >> app & 1) != 0;
    for (unsigned dir = 0; dir < 2; dir++) {
        if ((r->dirs >> dir & 1) == 0)
            continue;
        for (unsigned i = 0; i < r->n_looks; i++)
            w->bytes[dir][r->look[i].in / 64] |= (uint64_t)1 << (r->look[i].in % 64);
        want_for_checks(set, r->rule, dir);
        for (unsigned i = 0; i < r->rule->n_checks; i++) {
            enum kd_number id = number_of(&r->rule->check[i]);
            unsigned last = r->rule->check[i].kind == KD_COND_MODBUS ? KD_NUM_MODBUS_VALUE : id;
            if (last != id)
                id = KD_NUM_MODBUS_UNIT;
            for (unsigned n = id; id != KD_NUM_COUNT && n <= last; n++)
                w->numbers[dir][n / 64] |= (uint64_t)1 << (n % 64);
        }
    }
}

static bool find_rule(struct kd_ruleset *set, struct m_rule *r, uint32_t at)
{
    if (!can_be_judged(r))
        return true;
    want(set, r);
    if (r->flags & M_EVENT)
        return find_by_event(set, r, at);
    if (r->flags & M_HEADER)
        return m_table_add(set, r, at);
    for (unsigned dir = 0; dir < 2; dir++) {
        if ((r->dirs >> dir & 1) == 0)
            continue;
        if (r->flags & M_FRAME ? !find_in_frame(set, r, at, dir)
            : r->flags & M_TX  ? !find_in_tx(set, r, at, dir)
                               : !find_in_payload(set, r, at, dir))
            return false;
    }
    return true;
}

/* ---- all ---- */

static bool tables_new(struct kd_ruleset *set)
{
    const struct kd_rules *rules = set->rules;
    set->n_buffers = rules->n_buffers;
    for (unsigned d = 0; d < 2; d++)
        set->group[d] = m_alloc(set, (rules->n_buffers + 1) * sizeof(*set->group[d]));
    set->events = m_alloc(set, (rules->events.n + 1) * sizeof(*set->events));
    set->transform_code = m_alloc(set, (rules->n_buffers * 4 + 1) * sizeof(*set->transform_code));
    return set->group[0] != NULL && set->group[1] != NULL && set->events != NULL && set->transform_code != NULL;
}

static bool buffers(struct kd_ruleset *set)
{
    for (uint32_t i = 0; i < set->rules->n_buffers; i++) {
        const struct kd_rule_buffer *b = set->rules->buffer[i];
        bool body = b->in == KD_IN_HTTP_REQUEST_BODY || b->in == KD_IN_HTTP_RESPONSE_BODY;
        enum kd_frame_kind frame = b->in == KD_IN_FRAME ? m_frame_of(b) : KD_FRAME_COUNT;
        if (!m_list_add(set, &set->buffers_of[body ? KD_IN_FILE_DATA : b->in], i) ||
            (frame != KD_FRAME_COUNT && !m_list_add(set, &set->frames_of[frame], i)))
            return false;
        for (unsigned j = 0; j < b->n_transforms && j < 4; j++) {
            if (b->transform[j].kind != KD_TR_PCREXFORM)
                continue;
            struct kd_pcre p = {.pattern = b->transform[j].arg};
            pcre2_code *code = expression(&p);
            if (code != NULL && !keep_code(set, code))
                return false;
            set->transform_code[set->n_transform_codes++] = (struct m_codes){&b->transform[j], code};
        }
    }
    return true;
}

const pcre2_code *m_code_of(const struct kd_ruleset *set, const struct kd_transform *t)
{
    for (size_t i = 0; i < set->n_transform_codes; i++)
        if (set->transform_code[i].of == t)
            return set->transform_code[i].code;
    return NULL;
}

static uint16_t small(uint32_t set)
{
    return set >= UINT16_MAX ? UINT16_MAX : (uint16_t)set;
}

static bool heat(struct kd_ruleset *set)
{
    set->hot = m_alloc(set, (set->n + 1) * sizeof(*set->hot));
    for (uint32_t i = 0; set->hot != NULL && i < set->n; i++) {
        const struct m_rule *r = &set->rule[i];
        set->hot[i] = (struct m_hot){.apps = r->apps,
                                     .sport = small(r->sport_set),
                                     .dport = small(r->dport_set),
                                     .dirs = r->dirs,
                                     .ip_protos = r->ip_protos,
                                     .both_ways = r->rule->bidirectional || r->sides != 0};
    }
    return set->hot != NULL;
}

static bool compile(struct kd_ruleset *set)
{
    const struct kd_rules *rules = set->rules;
    const struct kd_rule **order = m_alloc(set, (rules->n + 1) * sizeof(struct kd_rule *));
    set->rule = m_alloc(set, (rules->n + 1) * sizeof(*set->rule));
    if (order == NULL || set->rule == NULL || !tables_new(set) || !buffers(set))
        return false;
    for (uint32_t i = 0; i < rules->n; i++)
        order[i] = rules->rule[i];
    qsort(order, rules->n, sizeof(struct kd_rule *), by_rank);
    for (uint32_t i = 0; i < rules->n; i++) {
        if (!rule_of(set, order[i], &set->rule[i]))
            return false;
        set->n++;
    }
    if (!m_ends_build(set) || !heat(set))
        return false;
    for (uint32_t i = 0; i < set->n; i++)
        if (!find_rule(set, &set->rule[i], i))
            return false;
    return true;
}

struct kd_ruleset *kd_ruleset_new(const struct kd_rules *rules, struct kd_bytes cache, struct kd_err *err)
{
    struct kd_ruleset *set = calloc(1, sizeof(*set));
    if (set == NULL || (set->rules = rules, !compile(set))) {
        (void)kd_fail(err, KD_NO_MEMORY, 0, "no memory to compile rules");
        kd_ruleset_free(set);
        return NULL;
    }
    if (!m_groups_compile(set, cache, err)) {
        kd_ruleset_free(set);
        return NULL;
    }
    return set;
}

void kd_ruleset_free(struct kd_ruleset *set)
{
    if (set == NULL)
        return;
    for (unsigned d = 0; d < 2; d++) {
        for (uint32_t i = 0; set->group[d] != NULL && i < set->n_buffers; i++)
            (void)hs_free_database(set->group[d][i].db);
        for (unsigned t = 0; t < M_TRANSPORTS; t++)
            (void)hs_free_database(set->payload[t][d].db);
    }
    if (set->scratch != NULL)
        (void)hs_free_scratch(set->scratch);
    for (size_t i = 0; i < set->n_codes; i++)
        pcre2_code_free(set->codes[i]);
    free(set->codes);
    for (size_t i = 0; i < set->n_blocks; i++)
        free(set->blocks[i]);
    free(set->blocks);
    free(set);
}
