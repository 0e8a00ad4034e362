/* SPDX-License-Identifier: Apache-2.0 */
/* What of the traffic is shown to the rules, and what becomes of their matches. */
#include "base/json.h"
#include "base/json_read.h"
#include "engine/internal.h"
#include "rule/cond.h"

enum {
    TRANSACTION_MAX = 4096, /* bytes of a transaction that a match tells with it */
    CONTEXT_MAX = 8192,     /* … of what sets say of members that were found */
    FRAME_MAX = 4095        /* … of a frame: as many as Suricata's EVE has */
};

/* As rules mean it: both sides have spoken. */
static bool is_established(const struct kd_flow *f)
{
    return f->packets[0] > 0 && f->packets[1] > 0;
}

/* Where we are, for the matcher; the packet is that of the present frame, or NULL. */
static struct kd_match_at place(struct kd_engine *e, struct kd_flow *f, unsigned dir)
{
    return (struct kd_match_at){
        .packet = e->packet,
        .addr = {f->client, f->server},
        .port = {f->client_port, f->server_port},
        .proto = f->proto,
        .dir = (uint8_t)dir,
        .app = (enum kd_app)f->app,
        .established = is_established(f),
        .midstream = f->proto == KD_IP_TCP && (f->flags & KD_FLOW_MIDSTREAM) != 0,
        .now_us = e->packet != NULL ? e->packet->ts_us : e->now_us, /* captures are not always in order */
        .start_us = f->start_us,
        .packets = {f->packets[0], f->packets[1]},
        .bytes = {f->bytes[0], f->bytes[1]},
        .seq_seen = {f->seq[0] - f->isn[0], f->seq[1] - f->isn[1]},
        .flow = (struct kd_match_flow **)&f->rules,
        .flow_id = kd_engine_flow_id(e, f),
        .owner = f,
        .quiet = &f->rules_quiet,
    };
}

/* The headers' oddities, to rules that ask for them. */
static void tell_odd(struct kd_engine *e, const struct kd_match_at *at, const struct kd_packet *p)
{
    if (!kd_engine_rules_ask(e, KD_EVENT_DECODE))
        return;
    for (unsigned i = 0; i < p->n_odd; i++)
        kd_match_event(e->match, at, kd_odd_names[p->odd[i]] + strlen("decoder."));
}

void kd_engine_rules_lone(struct kd_engine *e, const struct kd_packet *p)
{
    struct kd_match_flow *flow = NULL;
    uint8_t quiet = 0;
    struct kd_match_at at = {
        .packet = p,
        .addr = {p->src, p->dst},
        .proto = p->proto,
        .kind = p->kind,
        .now_us = p->ts_us,
        .start_us = p->ts_us,
        .packets = {1, 0},
        .bytes = {p->length, 0},
        .flow = &flow,
        .quiet = &quiet,
    };
    kd_match_packet(e->match, &at, true);
    tell_odd(e, &at, p);
    kd_match_flow_end(e->match, &flow);
}

void kd_engine_rules_begin(struct kd_engine *e, struct kd_flow *f, unsigned dir)
{
    if (!kd_match_wants_first(e->match))
        return;
    struct kd_match_at at = place(e, f, dir);
    kd_match_first(e->match, &at);
}

void kd_engine_rules_packet(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    if (p->proto == KD_IP_TCP || p->proto == KD_IP_UDP) /* the parser may have turned the conversation round */
        dir = p->sport == f->client_port && kd_addr_eq(&p->src, &f->client) ? 0 : 1;
    bool odd = p->n_odd > 0 && kd_engine_rules_ask(e, KD_EVENT_DECODE);
    bool seen = f->packets[dir] > 1 && (f->rules_quiet >> dir & 1) != 0;
    if (!odd && !kd_match_wants_packet(e->match, p->proto, dir, (enum kd_app)f->app, seen, !e->payload_done && p->payload.n > 0))
        return;
    struct kd_match_at at = place(e, f, dir);
    kd_match_packet(e->match, &at, e->payload_done);
    tell_odd(e, &at, p);
}

void kd_engine_rules_odd(struct kd_engine *e, struct kd_flow *f, unsigned dir, uint64_t odd)
{
    struct kd_match_at at = place(e, f, dir);
    for (; odd != 0; odd &= odd - 1)
        kd_match_event(e->match, &at, kd_tcp_odd_names[__builtin_ctzll(odd)] + strlen("stream."));
}

bool kd_engine_rules_read(const struct kd_engine *e, const struct kd_flow *f)
{
    return e->match != NULL && (kd_match_wants_stream(e->match, f->rules, KD_TO_SERVER) ||
                                kd_match_wants_stream(e->match, f->rules, KD_TO_CLIENT));
}

void kd_engine_rules_stream(struct kd_engine *e, struct kd_flow *f, unsigned dir, struct kd_bytes in)
{
    bool whole = e->packet != NULL && in.p == e->packet->payload.p && in.n == e->packet->payload.n;
    if (!kd_match_wants_stream(e->match, f->rules, dir)) {
        e->payload_done |= whole;
        return;
    }
    struct kd_match_at at = place(e, f, dir);
    if (kd_match_stream(e->match, &at, (uint8_t)dir, in, whole) && whole)
        e->payload_done = true;
}

void kd_engine_rules_gap(struct kd_engine *e, struct kd_flow *f, unsigned dir, uint64_t n)
{
    if (kd_match_wants_stream(e->match, f->rules, dir)) {
        struct kd_match_at at = place(e, f, dir);
        kd_match_gap(e->match, &at, (uint8_t)dir, n);
    }
}

void kd_engine_rules_flow_end(struct kd_engine *e, struct kd_flow *f)
{
    kd_match_flow_end(e->match, (struct kd_match_flow **)&f->rules);
}

/* ---- what parsers tell ---- */

static struct kd_engine *engine_of(struct kd_sink *sink)
{
    return (struct kd_engine *)((uint8_t *)sink - offsetof(struct kd_engine, sink));
}

/* The first that a parser tells in this call; false: it is about no conversation. */
static bool begin(struct kd_engine *e)
{
    struct kd_engine_telling *t = &e->parsing;
    if (t->flow == NULL)
        return false;
    if (!t->begun) {
        struct kd_match_at at = place(e, t->flow, t->dir);
        kd_match_enter(e->match, &at, t->data);
        t->begun = true;
    }
    return true;
}

void kd_engine_rules_encrypted(struct kd_engine *e)
{
    if (begin(e))
        kd_match_encrypted(e->match);
}

static void on_inspect(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir,
                       struct kd_bytes value)
{
    if (!begin(engine_of(sink)))
        return;
    kd_match_speaks(engine_of(sink)->match, ctx->app);
    kd_match_value(engine_of(sink)->match, id, (uint8_t)dir, value);
}

static void on_number(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_number id, enum kd_dir dir,
                      uint64_t value)
{
    if (!begin(engine_of(sink)))
        return;
    kd_match_speaks(engine_of(sink)->match, ctx->app);
    kd_match_number(engine_of(sink)->match, id, (uint8_t)dir, value);
}

static void on_inspect_end(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir,
                           enum kd_inspect_stage stage)
{
    if (!begin(engine_of(sink)))
        return;
    kd_match_speaks(engine_of(sink)->match, ctx->app);
    kd_match_end(engine_of(sink)->match, (uint8_t)dir, stage);
}

static void on_span(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, uint64_t at)
{
    (void)ctx;
    if (begin(engine_of(sink)))
        kd_match_span(engine_of(sink)->match, (uint8_t)dir, in, at);
}

static void on_frame(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                     const uint8_t *first, uint64_t length)
{
    (void)ctx;
    if (begin(engine_of(sink)))
        kd_match_frame(engine_of(sink)->match, kind, (uint8_t)dir, first, length);
}

static void on_frame_end(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_frame_kind kind, enum kd_dir dir,
                         const uint8_t *end)
{
    (void)ctx;
    if (begin(engine_of(sink)))
        kd_match_frame_end(engine_of(sink)->match, kind, (uint8_t)dir, end);
}

static void on_frames_lost(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir, uint64_t n, bool all)
{
    (void)ctx;
    if (begin(engine_of(sink)))
        kd_match_frames_lost(engine_of(sink)->match, (uint8_t)dir, n, all);
}

/* By its name in rules: that of the protocol before it. */
static void on_odd(struct kd_sink *sink, const struct kd_ctx *ctx, const char *event)
{
    char room[96];
    struct kd_out name = kd_out_of(room, sizeof(room) - 1);
    kd_out_str(&name, kd_app_names[ctx->app]);
    kd_out_str(&name, ".");
    kd_out_str(&name, event);
    if (!kd_out_ok(&name))
        return;
    room[name.n] = 0;
    if (begin(engine_of(sink)))
        kd_match_event(engine_of(sink)->match, NULL, room);
}

/* ---- matches ---- */

static struct kd_bytes packet_payload(const struct kd_match_at *at)
{
    return at->packet == NULL ? kd_str(NULL) : at->packet->payload;
}

/* EVE's word for where a packet came from; of tunnels nothing is told. */
static struct kd_bytes source(const struct kd_match_at *at)
{
    if (at->packet == NULL)
        return kd_str("stream (flow timeout)");
    return kd_str(at->packet->tunnels == 0 ? "wire/pcap" : NULL);
}

static void put_frame(struct kd_rec_signature *rec, const struct kd_match_frame *f, size_t most)
{
    rec->frame_type = f->type;
    rec->frame_id = f->id;
    rec->frame_at = f->at;
    rec->frame_length = f->length == KD_FRAME_OPEN ? 0 : f->length;
    rec->frame_direction = kd_str(f->dir == KD_TO_SERVER ? "toserver" : "toclient");
    rec->frame_complete = f->complete;
    rec->frame_tx_id = f->tx_id;
    rec->frame_data = kd_bytes_head(f->data, most);
    rec->frame_missing = f->data.n <= most ? f->missing : 0;
}

/* {"KEY":…} of what sets say of the members that were found; what finds no room is left out. */
static void put_context(struct kd_out *o, const struct kd_match_alert *a)
{
    const char *before = "{";
    for (size_t i = 0; i < a->n_contexts; i++) {
        size_t begin = o->n;
        kd_out_str(o, before);
        kd_json_string(o, a->context[i].key);
        kd_out_u8(o, ':');
        kd_json_compact(o, a->context[i].value, a->context[i].without);
        if (!kd_out_ok(o) || o->n == o->max) {
            o->full = false;
            o->n = begin;
            continue;
        }
        before = ",";
    }
    if (o->n > 0)
        kd_out_u8(o, '}');
}

static void on_match(void *arg, const struct kd_match_alert *a)
{
    struct kd_engine *e = arg;
    const struct kd_match_at *at = a->at;
    size_t most = e->cfg.lim->match_bytes;
    struct kd_bytes seen = a->payload.n > 0 ? a->payload : packet_payload(at);
    struct kd_rec_signature rec = {
        .tx_id = e->telling.type != 0 && e->reading_flow != NULL ? e->reading_flow->n_tx : a->tx_id,
        .in_tx = a->has_tx,
        .action = kd_str("allowed"),
        .gid = a->gid,
        .signature_id = a->sid,
        .rev = a->rev,
        .signature = a->msg,
        .category = a->category,
        .severity = a->priority,
        .classtype = a->classtype,
        .technique = a->technique,
        .confidence = a->confidence,
        .importance = a->importance,
        .signature_ja = a->msg_ja,
        .stream = a->in_stream || (a->has_tx && at->proto == KD_IP_TCP),
        .payload = kd_bytes_head(seen, most),
        .payload_length = (uint32_t)seen.n,
        .pkt_src = source(at),
        .packet = e->frame == NULL ? kd_str(NULL) : kd_bytes_head(e->frame->bytes, most),
        .link = e->frame == NULL || most == 0 ? 0 : e->frame->link,
        .direction = kd_str(a->dir == KD_TO_SERVER ? "to_server" : "to_client"),
        .pkts_toserver = at->packets[0],
        .pkts_toclient = at->packets[1],
        .bytes_toserver = at->bytes[0],
        .bytes_toclient = at->bytes[1],
        .start_us = at->start_us,
    };
    if (a->frame != NULL)
        put_frame(&rec, a->frame, most > 0 ? FRAME_MAX : 0);
    uint8_t room[TRANSACTION_MAX];
    struct kd_out transaction = kd_out_of(room, sizeof(room));
    kd_engine_rules_transaction(e, a, &transaction);
    if (kd_out_ok(&transaction))
        rec.transaction = kd_out_bytes_view(&transaction);
    uint8_t said[CONTEXT_MAX];
    struct kd_out context = kd_out_of(said, sizeof(said));
    put_context(&context, a);
    rec.context = kd_out_bytes_view(&context);
    struct kd_flow *f = at->owner;
    struct kd_bytes bits[KD_MATCH_BITS];
    if (*at->flow != NULL)
        rec.bits = (struct kd_strs){bits, kd_match_flowbits(e->match, *at->flow, bits)};
    if (f != NULL)
        f->flags |= KD_FLOW_ALERTED;
    if (at->packet != NULL && (at->proto == KD_IP_ICMP || at->proto == KD_IP_ICMPV6)) {
        rec.icmp_type = (uint8_t)at->packet->sport;
        rec.icmp_code = (uint8_t)at->packet->dport;
    }
    struct kd_told_packet told;
    if (at->packet != NULL)
        kd_engine_match_packet(at->packet, &told, &rec);
    struct kd_rec_head head = {
        .ts_us = at->now_us,
        .frame = kd_engine_frame_number(e),
        .flow_id = at->flow_id,
        .src = at->addr[a->dir],
        .dst = at->addr[a->dir ^ 1],
        .src_port = at->port[a->dir],
        .dst_port = at->port[a->dir ^ 1],
        .vlan = at->packet == NULL ? 0 : at->packet->vlan,
        .type = KD_REC_SIGNATURE,
        .proto = at->proto,
        .app = (uint8_t)at->app,
    };
    if (at->packet != NULL && at->packet->tags > 1)
        memcpy(head.outer_vlan, at->packet->tag, (kd_min_size(at->packet->tags, KD_PACKET_TAGS) - 1) * sizeof(uint16_t));
    kd_engine_emit(e, &head, &rec);
    if (KD_UNLIKELY(a->tag.count > 0))
        kd_engine_tag(e, a);
}

static void on_store(void *arg)
{
    struct kd_engine *e = arg;
    e->contents.asked = true;
}

static void move_flow(void *arg, struct kd_flow *f)
{
    struct kd_engine *e = arg;
    f->rules_quiet = 0;
    if (f->rules != NULL)
        kd_match_flow_moves(e->match, f->rules);
}

bool kd_engine_rules(struct kd_engine *e, const struct kd_ruleset *set)
{
    const struct kd_ruleset *former = e->cfg.rules;
    e->cfg.rules = set;
    if (e->match == NULL)
        return kd_engine_rules_new(e);
    KD_ASSERT(set != NULL);
    if (!kd_matcher_move(e->match, set)) {
        e->cfg.rules = former;
        return false;
    }
    kd_flow_table_each(e->flows, move_flow, e);
    kd_matcher_moved(e->match);
    e->sink.wanted = kd_ruleset_wanted(set);
    e->contents.rules_ask = e->sink.wanted->store;
    return true;
}

uint32_t kd_engine_rule_hits(const struct kd_engine *e, struct kd_rule_hit *ret, size_t max)
{
    return e->match == NULL ? 0 : kd_matcher_hits(e->match, ret, max);
}

const struct kd_match_stats *kd_engine_rule_stats(const struct kd_engine *e)
{
    return e->match == NULL ? NULL : kd_matcher_stats(e->match);
}

bool kd_engine_rules_new(struct kd_engine *e)
{
    if (e->cfg.rules == NULL)
        return true;
    e->match = kd_matcher_new(e->cfg.rules, e->pool, e->cfg.lim, e->cfg.hash_seed,
                              (struct kd_match_out){on_match, on_store, e});
    if (e->match == NULL)
        return false;
    e->sink.wanted = kd_ruleset_wanted(e->cfg.rules);
    e->contents.rules_ask = e->sink.wanted->store;
    e->rule_events = kd_ruleset_events(e->cfg.rules);
    if (e->rule_events & 1u << KD_EVENT_APP)
        e->sink.odd = on_odd;
    e->sink.inspect = on_inspect;
    e->sink.number = on_number;
    e->sink.inspect_end = on_inspect_end;
    e->sink.span = on_span;
    e->sink.frame = on_frame;
    e->sink.frame_end = on_frame_end;
    e->sink.frames_lost = on_frames_lost;
    return true;
}
