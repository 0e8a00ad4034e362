/* SPDX-License-Identifier: Apache-2.0 */
/* Port scans and sweeps, from flow and ARP records.  See scan.md. */
#include "base/hash.h"
#include "detect/common.h"
#include "findings.h"

enum {
    PAIRS_KEPT = 512, /* sums of (target, port); beyond three quarters every probe counts as new */
    TOP = 8,
    IP_ICMP = 1,
    IP_TCP = 6,
    IP_UDP = 17,
    IP_ICMPV6 = 58,
    SYN = 2,
    RST = 4,
    ACK = 16,
    KEY_FLOW = 'f',
    KEY_ARP = 'a',
    KEY_FAN = 'u'
};

/* What is probed most: a target (many ports) or a port (many targets). */
struct top {
    struct kd_addr target; /* of a port: the first one probed */
    uint32_t port;         /* protocol << 16 | port; of a target: the first one */
    uint32_t n;            /* different probes, a lower bound (Misra-Gries) */
    uint32_t inside;       /* of them to inside targets */
    uint32_t answered;     /* of them answered (ICMP only) */
    uint32_t told;
    int severity;          /* it was told with */
    uint64_t first_us, last_us;
    struct kd_ids ids;
};

struct scanner {
    uint64_t since_us;
    struct kd_addr source;
    uint32_t n_pairs, n_probes;
    uint32_t pairs[PAIRS_KEPT];
    struct top targets[TOP], ports[TOP];
};

static const struct kd_tunable tunables[] = {
    {"ports", 20, 5, 10000, "ports", "ports of one machine tried in vain that make a port scan",
     "1 台に対し空振りしたポート数(ポートスキャンとみなす)"},
    {"hosts", 25, 5, 10000, "machines", "machines tried in vain on one port that make a sweep",
     "1 つのポートで空振りした相手の数(探索とみなす)"},
    {"hosts_outside", 100, 10, 100000, "machines", "the same for targets outside the site", "庁外の相手の場合"},
    {"peers", 50, 10, 10000, "machines", "outside machines on one odd UDP port that make a peer-to-peer network",
     "P2P とみなす、1 つの特殊な UDP ポートの外部の相手の数"},
    {"fast_s", 600, 10, 86400, "s", "within this time the sweep is a fast one", "速い探索とみなす時間"},
    {"window_s", 86400, 60, 864000, "s", "time in which probes are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct scanner *scanner_of(struct kd_detect *d, uint8_t kind, const struct kd_addr *source, uint64_t ts_us)
{
    struct kd_key key = kd_key_of(kind);
    kd_key_addr(&key, source);
    struct scanner *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return NULL;
    uint64_t window_us = (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6);
    if (s->since_us != 0 && ts_us > s->since_us && ts_us - s->since_us > window_us)
        *s = (struct scanner){0};
    if (s->since_us == 0) {
        s->since_us = ts_us;
        s->source = *source;
    }
    return s;
}

/* Count up the row of `same`, or begin one, or let all others lose one (then NULL). */
static struct top *count(struct top *rows, bool by_target, const struct kd_addr *target, uint32_t port)
{
    struct top *free_row = NULL;
    for (size_t i = 0; i < TOP; i++) {
        if (rows[i].n == 0)
            free_row = free_row == NULL ? &rows[i] : free_row;
        else if (by_target ? kd_addr_eq(&rows[i].target, target) : rows[i].port == port) {
            rows[i].n++;
            return &rows[i];
        }
    }
    for (size_t i = 0; free_row == NULL && i < TOP; i++)
        rows[i].n--;
    if (free_row != NULL)
        *free_row = (struct top){.target = *target, .port = port, .n = 1};
    return free_row;
}

static void see(struct top *row, uint64_t ts_us, uint64_t id, bool inside, bool answered)
{
    row->first_us = row->first_us == 0 ? ts_us : kd_min_u64(row->first_us, ts_us);
    row->last_us = kd_max_u64(row->last_us, ts_us);
    row->inside += inside;
    row->answered += answered;
    kd_ids_add(&row->ids, id);
}

static struct kd_bytes name_of_port(uint32_t port, struct kd_digits *room)
{
    if (port >> 16 == IP_ICMP || port >> 16 == IP_ICMPV6)
        return kd_str("ping (ICMP)");
    return kd_service_name((uint16_t)(port & 0xffff), room);
}

static void tell(struct kd_detect *d, const struct scanner *s, struct top *row,
                 const struct kd_finding_kind *kind, int severity)
{
    row->severity = severity;
    struct kd_digits number, port;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides sides = kd_sides_of(d, &s->source, &row->target);
    struct kd_fact facts[] = {
        {"number", kd_digits_of(&number, row->n)},
        {"service", name_of_port(row->port, &port)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = sides.host, .peer = sides.peer, .severity = severity, .confidence = -1,
                   .fold = kd_bytes_of(s->source.b, sizeof(s->source.b)), .facts = facts, .n_facts = KD_COUNT(facts),
                   .record_ids = ids, .n_record_ids = kd_ids_list(&row->ids, ids), .first_us = row->first_us,
                   .last_us = row->last_us, .count = row->n,
               });
}

static bool is_due(struct top *row, double least)
{
    if (row->n < least || (row->told != 0 && row->n < 4 * row->told))
        return false;
    row->told = row->n;
    return true;
}

/* A scan from outside is the weather of the Internet; one from inside is somebody at work. */
static int severity_of(const struct kd_detect *d, const struct scanner *s, bool fast)
{
    return kd_detect_is_inside(d, &s->source) && fast ? KD_MEDIUM : KD_LOW;
}

static void judge_target(struct kd_detect *d, const struct scanner *s, struct top *row)
{
    if (is_due(row, kd_detect_tunable(d, "ports")))
        tell(d, s, row, &kd_finding_KD_DI_0001, severity_of(d, s, true));
}

static void judge_port(struct kd_detect *d, const struct scanner *s, struct top *row)
{
    unsigned proto = row->port >> 16;
    bool icmp = proto == IP_ICMP || proto == IP_ICMPV6;
    bool fast = row->last_us - row->first_us <= (uint64_t)(kd_detect_tunable(d, "fast_s") * 1e6);
    bool outward = row->inside * 2 < row->n && kd_detect_is_inside(d, &s->source);
    double least = kd_detect_tunable(d, outward ? "hosts_outside" : "hosts");
    if (!fast)
        least *= 2;
    /* Machines that answer their pings are being looked after rather than looked for. */
    bool looked_after = icmp && row->answered * 2 > row->n;
    if (looked_after)
        least *= 3;
    if (is_due(row, least))
        tell(d, s, row, icmp ? &kd_finding_KD_DI_0003 : &kd_finding_KD_DI_0002,
             severity_of(d, s, fast && !outward && !looked_after));
}

static void probe(struct kd_detect *d, const struct kd_record *r, uint32_t port, bool answered)
{
    const struct kd_rec_flow *f = r->body;
    struct scanner *s = scanner_of(d, KEY_FLOW, &r->head->src, f->start_us);
    if (s == NULL)
        return;
    uint8_t pair[20];
    memcpy(pair, r->head->dst.b, 16);
    memcpy(pair + 16, &port, 4);
    bool is_new = kd_sums_add(s->pairs, PAIRS_KEPT, &s->n_pairs, (uint32_t)kd_hash(pair, sizeof(pair), 0) | 1);
    if (!is_new && s->n_pairs < PAIRS_KEPT / 4 * 3)
        return;
    bool inside = kd_detect_is_inside(d, &r->head->dst);
    struct top *row = count(s->targets, true, &r->head->dst, port);
    if (row != NULL) {
        see(row, f->start_us, r->head->id, inside, answered);
        judge_target(d, s, row);
    }
    row = count(s->ports, false, &r->head->dst, port);
    if (row != NULL) {
        see(row, f->start_us, r->head->id, inside, answered);
        judge_port(d, s, row);
    }
}

/* Did the client knock, and nothing come of it?  What does not begin with a client's own packet (answers to
 * forged requests, conversations whose beginning was not seen) is nobody's probe. */
static bool is_tcp_probe(const struct kd_rec_flow *f)
{
    uint8_t ts = f->tcp_flags_ts;
    bool knock = (ts & SYN) != 0 && !f->midstream;
    bool odd_knock = (ts & (SYN | ACK | RST)) == 0; /* FIN, NULL and Xmas scans */
    if (f->pkts_toserver == 0 || (!knock && !odd_knock) || f->data_toserver > 0 || f->data_toclient > 0)
        return false;
    bool silent = kd_bytes_eq_str(f->state, "no_answer") || kd_bytes_eq_str(f->state, "refused") ||
                  kd_bytes_eq_str(f->state, "half_open");
    /* Opened and dropped without a word: how a scanner learns that a port is open. */
    return silent || (f->tcp_flags_tc & SYN) != 0 || odd_knock;
}

static bool is_udp_probe(const struct kd_detect *d, const struct kd_record *r)
{
    enum { TRACEROUTE_FIRST = 33434, TRACEROUTE_LAST = 33534 };
    const struct kd_rec_flow *f = r->body;
    uint16_t port = r->head->dst_port;
    bool silent = f->pkts_toclient == 0 && f->pkts_toserver > 0;
    /* Unanswered UDP to the outside is every-day life (peer-to-peer, calls, resolvers). */
    bool outward = kd_detect_is_inside(d, &r->head->src) && !kd_detect_is_inside(d, &r->head->dst);
    return silent && !outward && (port < TRACEROUTE_FIRST || port > TRACEROUTE_LAST);
}

/* One odd UDP port of very many outside machines: a peer-to-peer network. */
static void fan_out(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    bool odd = h->dst_port >= 1024 && h->src_port >= 1024 && (h->app == KD_APP_UNKNOWN || h->app == KD_APP_FAILED);
    if (!odd || !kd_detect_is_inside(d, &h->src) || kd_detect_is_inside(d, &h->dst) || f->pkts_toserver == 0)
        return;
    struct scanner *s = scanner_of(d, KEY_FAN, &h->src, f->start_us);
    if (s == NULL || !kd_sums_add(s->pairs, PAIRS_KEPT, &s->n_pairs, kd_sum_addr(&h->dst)))
        return;
    struct top *row = count(s->ports, false, &h->dst, (uint32_t)IP_UDP << 16 | h->dst_port);
    if (row == NULL)
        return;
    see(row, f->start_us, h->id, false, f->pkts_toclient > 0);
    if (is_due(row, kd_detect_tunable(d, "peers")))
        tell(d, s, row, &kd_finding_KD_CC_0011, KD_LOW);
}

static bool is_icmp_request(uint8_t proto, uint8_t type)
{
    /* echo, timestamp, information and address mask requests (RFC 792, RFC 950); echo (RFC 4443) */
    return proto == IP_ICMP ? type == 8 || type == 13 || type == 15 || type == 17 : type == 128;
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    if (kd_bytes_eq_str(f->reason, "update") || kd_addr_is_multicast(&h->dst))
        return;
    if (h->proto == IP_TCP && is_tcp_probe(f))
        probe(d, r, (uint32_t)IP_TCP << 16 | h->dst_port, false);
    else if (h->proto == IP_UDP && is_udp_probe(d, r))
        probe(d, r, (uint32_t)IP_UDP << 16 | h->dst_port, false);
    else if (h->proto == IP_UDP)
        fan_out(d, r);
    else if ((h->proto == IP_ICMP || h->proto == IP_ICMPV6) && is_icmp_request(h->proto, f->icmp_type) &&
             f->pkts_toserver > 0)
        probe(d, r, (uint32_t)IP_ICMP << 16, f->pkts_toclient > 0);
}

/* ---- ARP: who asks for many neighbours that are not there ---- */

/* A router asks for whatever somebody behind it wants to reach.  One that is not known to be a router but
 * was never seen to begin a conversation itself may well be one. */
static int arp_severity(const struct kd_detect *d, const struct kd_addr *a, bool answered)
{
    struct kd_host_view v;
    if (!kd_detect_host(d, a, &v) || v.role.n == 0 || answered)
        return KD_LOW;
    return kd_bytes_eq_str(v.role, "router") ? KD_INFO : KD_MEDIUM;
}

static void arp_request(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_arp *a = r->body;
    if (kd_addr_is_none(&a->sender_ip) || kd_addr_eq(&a->sender_ip, &a->target_ip) || !kd_addr_is_v4(&a->sender_ip))
        return;
    struct scanner *s = scanner_of(d, KEY_ARP, &a->sender_ip, r->head->ts_us);
    if (s == NULL)
        return;
    struct top *row = &s->targets[0];
    uint64_t fast_us = (uint64_t)(kd_detect_tunable(d, "fast_s") * 1e6);
    if (row->n > 0 && kd_gap_us(r->head->ts_us, row->first_us) > fast_us) {
        *s = (struct scanner){.since_us = r->head->ts_us, .source = s->source};
    }
    if (!kd_sums_add(s->pairs, PAIRS_KEPT, &s->n_pairs, kd_sum_addr(&a->target_ip)))
        return;
    if (row->n++ == 0)
        row->target = a->target_ip;
    see(row, r->head->ts_us, r->head->id, true, false);
    bool answered = row->answered * 2 > row->n;
    int severity = arp_severity(d, &s->source, answered);
    if (severity != KD_INFO && is_due(row, (answered ? 4 : 1.5) * kd_detect_tunable(d, "hosts")))
        tell(d, s, row, &kd_finding_KD_DI_0004, severity);
}

static void arp_reply(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_arp *a = r->body;
    struct kd_key key = kd_key_of(KEY_ARP);
    kd_key_addr(&key, &a->target_ip);
    struct scanner *s = kd_detect_peek(d, kd_key_view(&key));
    if (s != NULL && s->targets[0].answered < s->targets[0].n)
        s->targets[0].answered++;
}

/* ---- a tool that says its name ---- */

static void web(struct kd_detect *d, const struct kd_record *r)
{
    static const char *const tools[] = {"nmap", "masscan", "zgrab", "nikto", "sqlmap", "dirbuster", "gobuster",
                                        "feroxbuster", "ffuf", "wfuzz", "openvas", "nessus", "nuclei", "wpscan",
                                        "acunetix", "whatweb"};
    const struct kd_rec_http *http = r->body;
    for (size_t i = 0; i < KD_COUNT(tools); i++) {
        if (!kd_bytes_icontains(http->http_user_agent, kd_str(tools[i])))
            continue;
        struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
        struct kd_fact facts[] = {{"agent", http->http_user_agent}};
        kd_find(d, &(struct kd_finding){
                       .kind = &kd_finding_KD_DI_0005, .host = s.host, .peer = s.peer, .confidence = -1,
                       .severity = kd_detect_is_inside(d, &r->head->src) ? KD_MEDIUM : KD_LOW, .facts = facts,
                       .n_facts = 1, .fold = kd_bytes_of(r->head->src.b, sizeof(r->head->src.b)),
                       .first_us = r->head->ts_us, .last_us = r->head->ts_us,
                   });
        return;
    }
}

static void scan_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_arp *a = r->body;
    if (r->head->type == KD_REC_FLOW)
        flow(d, r);
    else if (r->head->type == KD_REC_HTTP)
        web(d, r);
    else if (kd_bytes_eq_str(a->opcode, "request"))
        arp_request(d, r);
    else if (kd_bytes_eq_str(a->opcode, "reply"))
        arp_reply(d, r);
}

static void tell_rest(struct kd_detect *d, const struct scanner *s, struct top *row, const struct kd_finding_kind *kind)
{
    if (row->told != 0 && row->n > row->told)
        tell(d, s, row, kind, row->severity);
}

static void scan_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    struct scanner *s = state;
    for (size_t i = 0; i < TOP; i++) {
        unsigned proto = s->ports[i].port >> 16;
        if (key.p[0] == KEY_FAN) {
            tell_rest(d, s, &s->ports[i], &kd_finding_KD_CC_0011);
            continue;
        }
        tell_rest(d, s, &s->targets[i], key.p[0] == KEY_ARP ? &kd_finding_KD_DI_0004 : &kd_finding_KD_DI_0001);
        tell_rest(d, s, &s->ports[i],
                  proto == IP_ICMP || proto == IP_ICMPV6 ? &kd_finding_KD_DI_0003 : &kd_finding_KD_DI_0002);
    }
}

static void snap_top(struct kd_snap *s, struct top *t)
{
    uint8_t severity = (uint8_t)t->severity;
    kd_snap_u32_to(s, &t->n, UINT32_MAX / 8);
    if (t->n == 0)
        return;
    kd_snap_addr(s, &t->target);
    kd_snap_u32(s, &t->port);
    kd_snap_u32(s, &t->inside);
    kd_snap_u32(s, &t->answered);
    kd_snap_u32_to(s, &t->told, UINT32_MAX / 8);
    kd_snap_u8_to(s, &severity, KD_CRITICAL);
    t->severity = severity;
    kd_snap_time(s, &t->first_us);
    kd_snap_time(s, &t->last_us);
    kd_snap_ids(s, &t->ids);
}

static void scan_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct scanner *p = state;
    (void)key;
    kd_snap_time(s, &p->since_us);
    kd_snap_addr(s, &p->source);
    kd_snap_u32(s, &p->n_probes);
    kd_snap_sums(s, p->pairs, PAIRS_KEPT, &p->n_pairs);
    for (unsigned i = 0; i < TOP; i++) {
        snap_top(s, &p->targets[i]);
        snap_top(s, &p->ports[i]);
    }
}

const struct kd_detector kd_detector_scan = {
    .name = "scan",
    .summary_en = "port scans; sweeps by TCP, UDP, ICMP and ARP; scanners that say their name",
    .summary_ja = "ポートスキャン、TCP・UDP・ICMP・ARP による機器の探索、検査ツールの名乗り",
    .wants = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_ARP | (uint64_t)1 << KD_REC_HTTP,
    .key_state_bytes = sizeof(struct scanner),
    .max_keys = 10000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = scan_record,
    .snap = scan_snap,
    .snap_version = 1,
    .leave = scan_leave,
};
