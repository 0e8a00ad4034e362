/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "base/gcm.h"
#include "base/hash.h"
#include "engine/internal.h"
#include "rule/cond.h"

struct kd_conn kd_engine_conn(const struct kd_engine *e, const struct kd_flow *f)
{
    return (struct kd_conn){
        .client = f->client,
        .server = f->server,
        .client_port = f->client_port,
        .server_port = f->server_port,
        .vlan = f->vlan,
        .outer_vlan = f->outer_vlan,
        .proto = f->proto,
        .midstream = (f->flags & KD_FLOW_MIDSTREAM) != 0,
        .flow_id = kd_engine_flow_id(e, f),
        .client_mac = f->mac[0],
        .server_mac = f->mac[1],
    };
}

struct kd_ctx kd_engine_ctx(struct kd_engine *e, const struct kd_conn *conn, const struct kd_flow *f,
                            void *state)
{
    return (struct kd_ctx){
        .lim = e->cfg.lim,
        .pool = e->pool,
        .conn = conn,
        .state = state,
        .now_us = e->now_us,
        .frame = kd_engine_frame_number(e),
        .app = (enum kd_app)f->app,
        .sink = &e->sink,
        .contents = e->cfg.files != NULL || e->cfg.tray != NULL ? &e->contents : NULL,
    };
}

/* A parser's record. */
static void on_record(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                      const void *body)
{
    struct kd_engine *e = (struct kd_engine *)((uint8_t *)sink - offsetof(struct kd_engine, sink));
    const struct kd_conn *c = ctx->conn;
    if (KD_UNLIKELY(e->match != NULL) && type != KD_REC_HTTP && type != KD_REC_DNS && type != KD_REC_TLS)
        kd_engine_rules_record(ctx, type, body);
    if (type == KD_REC_TLS && KD_UNLIKELY(e->match != NULL) && ((const struct kd_rec_tls *)body)->established)
        kd_engine_rules_encrypted(e);
    struct kd_rec_head head = {
        .ts_us = ctx->now_us,
        .frame = ctx->frame,
        .flow_id = c->flow_id,
        .src = c->client,
        .dst = c->server,
        .src_port = c->client_port,
        .dst_port = c->server_port,
        .vlan = c->vlan,
        .outer_vlan = {c->outer_vlan},
        .type = (uint8_t)type,
        .proto = c->proto,
        .app = (uint8_t)ctx->app,
    };
    kd_engine_emit(e, &head, body);
    if (kd_engine_is_transaction((uint8_t)type)) {
        e->stats.app_tx[ctx->app]++;
        if (e->reading_flow != NULL)
            e->reading_flow->n_tx++;
        e->stats.app_tx_udp[ctx->app] += c->proto == KD_IP_UDP;
    }
    if (e->reading && head.frame != 0)
        kd_engine_unacked(e, c->flow_id);
    if (type == KD_REC_FILE && KD_UNLIKELY(e->cfg.tray != NULL))
        kd_engine_contents_told(e, &head, body);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_told(e, &head);
}

static void on_goes_over(struct kd_sink *sink, enum kd_app to)
{
    struct kd_engine *e = (struct kd_engine *)((uint8_t *)sink - offsetof(struct kd_engine, sink));
    if (e->reading_flow != NULL)
        e->reading_flow->carried = (uint8_t)to;
}

/* ---- the flow record ---- */

static const char *state_text(const struct kd_flow *f)
{
    static const char *const texts[] = {
        [KD_FLOW_NEW] = "new",       [KD_FLOW_HALF_OPEN] = "half_open", [KD_FLOW_ESTABLISHED] = "established",
        [KD_FLOW_CLOSED] = "closed", [KD_FLOW_RESET] = "reset",         [KD_FLOW_REFUSED] = "refused",
    };
    if (f->state == KD_FLOW_NEW && f->packets[1] == 0)
        return "no_answer";
    return texts[f->state];
}

static const char *end_text(enum kd_flow_end why)
{
    static const char *const texts[] = {
        [KD_END_TIMEOUT] = "timeout", [KD_END_FIN] = "fin",       [KD_END_RST] = "rst",
        [KD_END_FORCED] = "forced",   [KD_END_BUDGET] = "budget", [KD_END_UPDATE] = "update",
    };
    return texts[why];
}

/* Shannon entropy of the bytes, in tenths of a bit. */
static uint8_t entropy(struct kd_bytes b)
{
    unsigned seen[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < b.n; i++)
        seen[b.p[i]]++;
    for (unsigned i = 0; i < 256; i++)
        if (seen[i] > 0)
            sum -= (double)seen[i] / (double)b.n * log2((double)seen[i] / (double)b.n);
    return (uint8_t)(sum * 10);
}

static void flow_record(struct kd_engine *e, struct kd_flow *f, enum kd_flow_end why)
{
    bool tcp = f->proto == KD_IP_TCP;
    bool icmp = f->proto == KD_IP_ICMP || f->proto == KD_IP_ICMPV6;
    struct kd_rec_flow rec = {
        .start_us = f->start_us,
        .end_us = f->last_us,
        .age_us = f->last_us - f->start_us,
        .pkts_toserver = f->packets[0],
        .pkts_toclient = f->packets[1],
        .bytes_toserver = f->bytes[0],
        .bytes_toclient = f->bytes[1],
        .state = kd_str(state_text(f)),
        .reason = kd_str(end_text(why)),
        .midstream = (f->flags & KD_FLOW_MIDSTREAM) != 0,
        .first_data_us = f->first_data == UINT32_MAX ? 0 : f->first_data,
        .gap_bytes = f->gap_bytes,
        .data_toserver = f->data[0],
        .data_toclient = f->data[1],
        .degraded = f->flags & KD_FLOW_DEGRADED ? kd_str("memory") : kd_str(""),
        .smac = f->mac[0],
        .dmac = f->mac[1],
        .tcp_flags = tcp ? (uint8_t)(f->tcp_flags[0] | f->tcp_flags[1]) : 0,
        .tcp_flags_ts = f->tcp_flags[0],
        .tcp_flags_tc = f->tcp_flags[1],
        .icmp_type = icmp ? (uint8_t)f->client_port : 0,
        .icmp_code = icmp ? (uint8_t)f->server_port : 0,
        .alerted = (f->flags & KD_FLOW_ALERTED) != 0,
        .replayed = e->cfg.id_base == 0,
        .carried = f->carried,
        .tx_cnt = f->n_tx,
        .bypassed = f->rules != NULL && kd_match_bypassed(f->rules),
    };
    struct kd_bytes bits[KD_MATCH_BITS];
    if (f->rules != NULL)
        rec.bits = (struct kd_strs){bits, kd_match_flowbits(e->match, f->rules, bits)};
    struct kd_tcp_ext *x = tcp ? f->ext : NULL;
    if (x != NULL && f->parser == 0 && x->n_head > 0) {
        rec.payload_head = kd_bytes_of(x->head, x->n_head);
        rec.entropy = entropy(rec.payload_head);
    }
    kd_engine_emit_flow(e, f, KD_REC_FLOW, &rec);
}

static void on_flow_end(void *arg, struct kd_flow *f, enum kd_flow_end why)
{
    struct kd_engine *e = arg;
    bool tcp = f->proto == KD_IP_TCP;
    const struct kd_packet *packet = e->packet;
    const struct kd_captured *frame = e->frame;
    e->packet = NULL;
    e->frame = NULL; /* what ends it is time, or another conversation's frame */
    if (why == KD_END_UPDATE) {
        flow_record(e, f, why);
        e->packet = packet;
        e->frame = frame;
        return;
    }
    if (tcp)
        kd_engine_tcp_end(e, f);
    else
        kd_engine_udp_end(e, f);
    e->packet = packet;
    flow_record(e, f, why);
    if (f->rules != NULL)
        kd_engine_rules_flow_end(e, f);
    e->frame = frame;
    e->stats.app_flows[f->app]++;
    e->stats.app_flows_udp[f->app] += f->proto == KD_IP_UDP;
    e->stats.app_packets[f->app] += (uint64_t)f->packets[0] + f->packets[1];
    e->stats.app_bytes[f->app] += f->bytes[0] + f->bytes[1];
    e->stats.gap_bytes += f->gap_bytes;
    e->stats.degraded += (f->flags & KD_FLOW_DEGRADED) != 0;
    if (tcp && f->ext != NULL) {
        struct kd_tcp_ext *x = f->ext;
        kd_pool_give(e->pool, x, x->size);
        f->ext = NULL;
    }
}

static void on_flow_tick(void *arg, struct kd_flow *f)
{
    if (f->proto == KD_IP_UDP)
        kd_engine_udp_tick(arg, f);
}

/* ---- making and ending ---- */

static void sort_parsers(struct kd_engine *e)
{
    for (; kd_parsers[e->n_parsers] != NULL; e->n_parsers++) {
        const struct kd_parser *p = kd_parsers[e->n_parsers];
        kd_parser_set bit = (kd_parser_set)1 << e->n_parsers;
        KD_ASSERT(e->n_parsers < KD_PARSERS_MAX);
        if (p->over & KD_OVER_TCP)
            e->over_tcp |= bit;
        if (p->over & KD_OVER_UDP)
            e->over_udp |= bit;
        if (p->over & KD_OVER_ARP)
            e->arp = p;
        if (p->over & KD_OVER_ND)
            e->nd = p;
        if (p->over & KD_OVER_ICMP)
            e->icmp = e->n_parsers + 1;
        for (const uint16_t *port = p->ports; port != NULL && *port != 0; port++) {
            e->by_port[*port] |= bit;
            kd_flow_table_service(e->flows, *port);
        }
    }
}

struct kd_engine *kd_engine_new(const struct kd_engine_config *cfg, struct kd_engine_out out)
{
    struct kd_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->cfg = *cfg;
    e->out = out;
    e->engine_no = (uint8_t)cfg->number;
    /* Record numbers of several engines must not meet: each has its own residue of the base. */
    e->next_record = cfg->id_base + ((uint64_t)cfg->number << 56);
    e->writer = kd_out_of(e->batch, sizeof(e->batch));
    e->sink.record = on_record;
    e->sink.steps = cfg->steps;
    e->sink.expect = kd_engine_expect;
    e->sink.goes_over = on_goes_over;
    size_t memory = (size_t)cfg->lim->memory_mib << 20;
    struct kd_flow_events events = {.end = on_flow_end, .tick = on_flow_tick, .arg = e};
    e->pool = kd_pool_new(memory);
    e->flows = kd_flow_table_new(cfg->lim, cfg->hash_seed, cfg->id_base / 1000000 % (1u << 20) << 26, &events);
    e->defrag = e->pool == NULL ? NULL : kd_defrag_new(cfg->lim, e->pool, cfg->hash_seed);
    e->by_port = calloc(65536, sizeof(*e->by_port));
    if (e->flows == NULL || e->defrag == NULL || e->by_port == NULL || !kd_engine_rules_new(e)) {
        kd_engine_free(e);
        return NULL;
    }
    sort_parsers(e);
    kd_engine_reader(e);
    kd_engine_contents(e);
    kd_digest_warm();
    kd_gcm_warm();
    return e;
}

void kd_engine_free(struct kd_engine *e)
{
    if (e == NULL)
        return;
    kd_flow_table_free(e->flows);
    kd_matcher_free(e->match);
    kd_defrag_free(e->defrag);
    kd_pool_free(e->pool);
    free(e->by_port);
    free(e);
}

/* ---- frames ---- */

static bool is_mine(const struct kd_engine *e, uint32_t hash)
{
    return !e->cfg.split_by_hash || hash % e->cfg.n_engines == e->cfg.number;
}

static void refuse_inner(struct kd_engine *e, const struct kd_packet *p)
{
    bool unreachable = p->proto == KD_IP_ICMP ? p->sport == 3 : p->sport == 1;
    struct kd_flow *f = unreachable && p->has_inner ? kd_flow_table_inner(e->flows, p) : NULL;
    if (f != NULL && f->packets[1] == 0 && f->proto == KD_IP_UDP)
        f->state = KD_FLOW_REFUSED;
}

static bool is_neighbour_discovery(const struct kd_packet *p)
{
    return p->proto == KD_IP_ICMPV6 && p->sport >= 133 && p->sport <= 137;
}

static bool is_echo(const struct kd_packet *p)
{
    return (p->proto == KD_IP_ICMP && (p->sport == 8 || p->sport == 0)) ||
           (p->proto == KD_IP_ICMPV6 && (p->sport == 128 || p->sport == 129));
}

/* Whose an ARP packet is: sender and target (RFC 826; Ethernet and IPv4 only). */
static void arp_addresses(struct kd_bytes arp, struct kd_addr *a, struct kd_addr *b)
{
    static const uint8_t ether_ipv4[] = {0, 1, 8, 0, 6, 4};
    if (arp.n < 28 || memcmp(arp.p, ether_ipv4, sizeof(ether_ipv4)) != 0)
        return;
    *a = kd_addr_v4(arp.p + 14);
    *b = kd_addr_v4(arp.p + 24);
}

/* Into the packet ring; `f` may be NULL.  Of a long conversation only the beginning is kept: the bulk of a
 * download tells nothing that its hash does not. */
static void put_frame(struct kd_engine *e, const struct kd_packet *p, const struct kd_flow *f)
{
    uint64_t most = e->cfg.keep_flow_bytes;
    uint64_t flow = f == NULL ? 0 : kd_engine_flow_id(e, f);
    bool too_long = f != NULL && most > 0 && f->bytes[0] + f->bytes[1] > most;
    struct kd_addr a = p->src, b = p->dst;
    if (p->kind == KD_PACKET_ARP)
        arp_addresses(p->payload, &a, &b);
    if (!too_long && kd_keep_put(e->cfg.keep, e->frame, flow, &a, &b)) {
        e->stats.kept++;
        e->stats.kept_bytes += e->frame->bytes.n;
        return;
    }
    kd_keep_leave_out(e->cfg.keep, e->frame->length);
    e->stats.kept_out++;
}

static inline void keep_frame(struct kd_engine *e, const struct kd_packet *p, const struct kd_flow *f)
{
    if (e->cfg.keep != NULL)
        put_frame(e, p, f);
}

/* A packet with a transport header.  False: it belongs to another engine. */
static bool transport_packet(struct kd_engine *e, const struct kd_packet *p)
{
    uint32_t hash = kd_flow_hash(e->flows, p);
    if (!is_mine(e, hash))
        return false;
    unsigned dir;
    bool is_new;
    struct kd_flow *f = kd_flow_table_packet(e->flows, p, hash, &dir, &is_new);
    keep_frame(e, p, f);
    if (KD_UNLIKELY(e->n_tagged > 0))
        kd_engine_tagged(e, f, p);
    e->packet = p;
    e->payload_done = false;
    if (KD_UNLIKELY(e->match != NULL) && f->packets[dir] <= 1)
        kd_engine_rules_begin(e, f, dir);
    if (p->proto == KD_IP_TCP)
        kd_engine_tcp(e, f, p, dir);
    else if (p->proto == KD_IP_UDP)
        kd_engine_udp(e, f, p, dir);
    else if (p->has_inner)
        refuse_inner(e, p);
    if (is_neighbour_discovery(p) && e->nd != NULL)
        kd_engine_link(e, e->nd, p);
    if (p->proto == KD_IP_ICMP || p->proto == KD_IP_ICMPV6)
        f->app = KD_APP_ICMP;
    if (is_echo(p))
        kd_engine_echo(e, f, p, dir);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_packet(e, f, p, dir);
    e->packet = NULL;
    return true;
}

static void odd_packet(struct kd_engine *e, const struct kd_packet *p, enum kd_odd odd)
{
    struct kd_rec_anomaly rec = {.kind = kd_str("decode"), .event = kd_str(kd_odd_names[odd]), .count = 1};
    struct kd_rec_head head = {.ts_us = p->ts_us, .frame = kd_engine_frame_number(e), .src = p->src, .dst = p->dst,
                               .vlan = p->vlan, .type = KD_REC_ANOMALY, .proto = p->proto};
    kd_engine_emit(e, &head, &rec);
}

/* What has no flow is the first engine's. */
static bool other_packet(struct kd_engine *e, const struct kd_packet *p)
{
    if (e->cfg.split_by_hash && e->cfg.number != 0)
        return false;
    keep_frame(e, p, NULL);
    if (p->kind == KD_PACKET_ARP) {
        if (e->arp != NULL)
            kd_engine_link(e, e->arp, p);
        e->stats.app_packets[KD_APP_ARP]++;
        e->stats.app_bytes[KD_APP_ARP] += p->length;
    }
    if (p->kind == KD_PACKET_BAD)
        odd_packet(e, p, p->odd[0]);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_lone(e, p);
    return true;
}

static void count_odd(struct kd_engine *e, const struct kd_packet *p)
{
    for (unsigned i = 0; i < p->n_odd; i++)
        e->stats.odd[p->odd[i]]++;
}

/* What it was, once it is done with. */
static void count_kind(struct kd_engine *e, const struct kd_packet *p)
{
    struct kd_engine_stats *s = &e->stats;
    s->ethernet += e->frame->link == KD_LINK_ETHERNET;
    s->tagged += p->tags > 0;
    s->largest = p->length > s->largest ? p->length : s->largest;
    if (p->ip_version == 0)
        return;
    s->ip[p->ip_version == 6]++;
    s->ip_proto[p->proto] += p->kind != KD_PACKET_FRAGMENT;
}

static bool fragment(struct kd_engine *e, struct kd_packet *p)
{
    struct kd_bytes whole;
    uint64_t conflicts = kd_defrag_counts(e->defrag)->conflicts;
    bool done = kd_defrag_add(e->defrag, p, &whole);
    bool mine = e->cfg.number == 0 || !e->cfg.split_by_hash;
    if (kd_defrag_counts(e->defrag)->conflicts > conflicts && e->cfg.number == 0)
        odd_packet(e, p, p->ip_version == 6 ? KD_ODD_IPV6_FRAGMENT_OVERLAP : KD_ODD_IPV4_FRAGMENT_OVERLAP);
    if (KD_UNLIKELY(e->match != NULL) && mine)
        kd_engine_rules_lone(e, p);
    if (!done) {
        if (mine)
            keep_frame(e, p, NULL);
        return mine;
    }
    p->n_odd = 0; /* told */
    kd_packet_transport(p, whole, e->cfg.lim->tunnel_depth);
    count_odd(e, p);
    return p->kind == KD_PACKET_IP ? transport_packet(e, p) : other_packet(e, p);
}

void kd_engine_frame(struct kd_engine *e, const struct kd_captured *frame)
{
    struct kd_packet p;
    e->frame = frame;
    e->frames++;
    kd_packet_decode(frame, e->cfg.lim->tunnel_depth, &p);
    if (kd_engine_rules_ask(e, KD_EVENT_DECODE))
        kd_packet_look_closer(&p);
    if (e->stats.first_us == 0)
        e->stats.first_us = p.ts_us;
    if (p.ts_us > e->now_us) {
        e->now_us = p.ts_us;
        kd_flow_table_time(e->flows, p.ts_us);
    }
    bool mine;
    bool bad = p.kind == KD_PACKET_BAD;
    if (KD_UNLIKELY(p.n_odd > 0))
        count_odd(e, &p);
    if (p.kind == KD_PACKET_IP)
        mine = transport_packet(e, &p);
    else if (p.kind == KD_PACKET_FRAGMENT)
        mine = fragment(e, &p);
    else
        mine = other_packet(e, &p);
    if (mine)
        count_kind(e, &p);
    e->frame = NULL;
    if (!mine)
        return;
    e->stats.last_us = e->now_us;
    e->stats.packets++;
    e->stats.bytes += frame->length;
    e->stats.truncated += p.truncated;
    if (bad)
        e->stats.undecoded++;
    else
        e->stats.decoded++;
}

void kd_engine_idle(struct kd_engine *e, uint64_t now_us)
{
    if (now_us > e->now_us) {
        e->now_us = now_us;
        kd_flow_table_time(e->flows, now_us);
    }
    kd_engine_flush(e);
}

void kd_engine_dropped(struct kd_engine *e, uint64_t n)
{
    e->stats.dropped += n;
}

void kd_engine_input_error(struct kd_engine *e, const char *why)
{
    e->input_error = why;
}

void kd_engine_stats(struct kd_engine *e, uint64_t now_us, uint64_t cpu_us)
{
    kd_engine_emit_stats(e, "engine", now_us, cpu_us);
}

void kd_engine_finish(struct kd_engine *e, uint64_t cpu_us)
{
    kd_flow_table_finish(e->flows);
    kd_engine_emit_stats(e, "final", e->now_us, cpu_us);
}
