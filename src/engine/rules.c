/* SPDX-License-Identifier: Apache-2.0 */
/* What of the traffic is shown to the rules, and what becomes of their matches. */
#include "engine/internal.h"
#include "rule/cond.h"

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
        .frame = e->stats.packets + 1,
        .quiet = &f->rules_quiet,
    };
}

/* The headers' oddities, to rules that ask for them. */
static void tell_odd(struct kd_engine *e, const struct kd_match_at *at, const struct kd_packet *p)
{
    if ((e->rule_events & 1u << KD_EVENT_DECODE) == 0)
        return;
    for (unsigned i = 0; i < p->n_odd; i++)
        kd_match_event(e->match, at, kd_odd_names[p->odd[i]] + strlen("decoder."));
}

void kd_engine_rules_lone(struct kd_engine *e, const struct kd_packet *p)
{
    struct kd_match_flow *flow = NULL;
    bool quiet = false;
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
        .frame = e->stats.packets + 1,
        .quiet = &quiet,
    };
    kd_match_packet(e->match, &at, true);
    tell_odd(e, &at, p);
    kd_match_flow_end(e->match, &flow);
}

void kd_engine_rules_packet(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    if (p->proto == KD_IP_TCP || p->proto == KD_IP_UDP) /* the parser may have turned the conversation round */
        dir = p->sport == f->client_port && kd_addr_eq(&p->src, &f->client) ? 0 : 1;
    struct kd_match_at at = place(e, f, dir);
    kd_match_packet(e->match, &at, e->payload_done);
    tell_odd(e, &at, p);
}

void kd_engine_rules_stream(struct kd_engine *e, struct kd_flow *f, unsigned dir, struct kd_bytes in)
{
    struct kd_match_at at = place(e, f, dir);
    bool whole = e->packet != NULL && in.p == e->packet->payload.p && in.n == e->packet->payload.n;
    if (kd_match_stream(e->match, &at, (uint8_t)dir, in, whole) && whole)
        e->payload_done = true;
}

void kd_engine_rules_enter(struct kd_engine *e, struct kd_flow *f, unsigned dir, struct kd_bytes in)
{
    struct kd_match_at at = place(e, f, dir);
    kd_match_enter(e->match, &at, in);
}

void kd_engine_rules_leave(struct kd_engine *e)
{
    kd_match_leave(e->match);
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

static void on_inspect(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_inspect id, enum kd_dir dir,
                       struct kd_bytes value)
{
    kd_match_speaks(engine_of(sink)->match, ctx->app);
    kd_match_value(engine_of(sink)->match, id, (uint8_t)dir, value);
}

static void on_number(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_number id, enum kd_dir dir,
                      uint64_t value)
{
    kd_match_speaks(engine_of(sink)->match, ctx->app);
    kd_match_number(engine_of(sink)->match, id, (uint8_t)dir, value);
}

static void on_inspect_end(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_dir dir,
                           enum kd_inspect_stage stage)
{
    kd_match_speaks(engine_of(sink)->match, ctx->app);
    kd_match_end(engine_of(sink)->match, (uint8_t)dir, stage);
}

/* ---- matches ---- */

static void on_match(void *arg, const struct kd_match_alert *a)
{
    struct kd_engine *e = arg;
    const struct kd_match_at *at = a->at;
    struct kd_rec_signature rec = {
        .pcap_cnt = at->frame,
        .tx_id = a->tx_id,
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
        .direction = kd_str(a->dir == KD_TO_SERVER ? "to_server" : "to_client"),
        .pkts_toserver = at->packets[0],
        .pkts_toclient = at->packets[1],
        .bytes_toserver = at->bytes[0],
        .bytes_toclient = at->bytes[1],
        .start_us = at->start_us,
    };
    struct kd_rec_head head = {
        .ts_us = at->now_us,
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
    kd_engine_emit(e, &head, &rec);
}

bool kd_engine_rules_new(struct kd_engine *e)
{
    if (e->cfg.rules == NULL)
        return true;
    e->match = kd_matcher_new(e->cfg.rules, e->pool, e->cfg.lim, e->cfg.hash_seed,
                              (struct kd_match_out){on_match, e});
    if (e->match == NULL)
        return false;
    e->sink.wanted = kd_ruleset_wanted(e->cfg.rules);
    e->rule_events = kd_ruleset_events(e->cfg.rules);
    e->sink.inspect = on_inspect;
    e->sink.number = on_number;
    e->sink.inspect_end = on_inspect_end;
    return true;
}
