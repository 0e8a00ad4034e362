/* SPDX-License-Identifier: Apache-2.0 */
/* UDP and ICMP echo flows, and what has no flow: ARP and IPv6 neighbour discovery. */
#include "engine/internal.h"

enum { DATAGRAM_TRIES = 3 }; /* datagrams looked at before a flow is nobody's */

static void close_parser(struct kd_engine *e, struct kd_flow *f)
{
    struct kd_udp_ext *x = f->ext;
    const struct kd_parser *p = kd_parsers[f->parser - 1];
    struct kd_conn conn = kd_engine_conn(e, f);
    struct kd_ctx ctx = kd_engine_ctx(e, &conn, f, x->state);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_enter(e, f, KD_TO_SERVER, kd_str(NULL));
    if (p->close != NULL)
        p->close(&ctx);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_leave(e);
    kd_pool_give(e->pool, x, x->size);
    f->ext = NULL;
}

/* State is made when a datagram needs it and given back when the parser waits for nothing, so that a
 * finished look-up costs its slot only. */
static struct kd_udp_ext *ext_of(struct kd_engine *e, struct kd_flow *f, const struct kd_parser *p)
{
    if (f->ext != NULL)
        return f->ext;
    size_t size = 0;
    struct kd_udp_ext *x = kd_pool_take(e->pool, sizeof(*x) + p->state_bytes, &size);
    if (x == NULL) {
        f->flags |= KD_FLOW_DEGRADED;
        return NULL;
    }
    memset(x, 0, sizeof(*x) + p->state_bytes);
    x->size = size;
    f->ext = x;
    return x;
}

static void recognise(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned *dir)
{
    struct kd_conn conn = kd_engine_conn(e, f);
    kd_parser_set set = e->over_udp;
    bool reversed = false;
    int which = kd_engine_recognise(e, &conn, *dir, p->payload, &set, &reversed);
    if (which < 0) {
        if (++f->probes >= DATAGRAM_TRIES) {
            f->app = KD_APP_FAILED;
            f->flags |= KD_FLOW_OPAQUE;
        }
        return;
    }
    if (reversed) {
        kd_flow_turn(f);
        if (f->rules != NULL)
            kd_engine_rules_flow_end(e, f);
        *dir ^= 1;
    }
    f->parser = (uint8_t)(which + 1);
    f->app = (uint8_t)kd_parsers[which]->app;
}

/* A datagram for the flow's parser. */
static void message(struct kd_engine *e, struct kd_flow *f, unsigned dir, struct kd_bytes data)
{
    const struct kd_parser *parser = kd_parsers[f->parser - 1];
    struct kd_udp_ext *x = ext_of(e, f, parser);
    if (x == NULL)
        return;
    struct kd_conn conn = kd_engine_conn(e, f);
    struct kd_ctx ctx = kd_engine_ctx(e, &conn, f, x->state);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_enter(e, f, dir, data);
    e->reading_flow = f;
    kd_frame_span(&ctx, (enum kd_dir)dir, data, 0);
    if (parser->message(&ctx, (enum kd_dir)dir, data) != KD_OK) {
        kd_anomaly(&ctx, "message_malformed", 0);
        e->stats.app_errors[f->app]++;
    }
    e->reading_flow = NULL;
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_leave(e);
    if (parser->idle != NULL && parser->idle(x->state)) {
        kd_pool_give(e->pool, x, x->size);
        f->ext = NULL;
    } else if (parser->tick != NULL) {
        f->flags |= KD_FLOW_TICK;
    }
}

void kd_engine_udp(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    if ((f->flags & KD_FLOW_OPAQUE) || p->payload.n == 0)
        return;
    if (f->parser == 0)
        recognise(e, f, p, &dir);
    if (f->parser != 0)
        message(e, f, dir, p->payload);
}

/* ICMP echo: a request and what comes back are a conversation like any other. */
void kd_engine_echo(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    if (e->icmp == 0 || p->truncated)
        return;
    f->parser = (uint8_t)e->icmp;
    message(e, f, dir, p->icmp);
}

void kd_engine_udp_end(struct kd_engine *e, struct kd_flow *f)
{
    if (f->ext != NULL)
        close_parser(e, f);
}

void kd_engine_udp_tick(struct kd_engine *e, struct kd_flow *f)
{
    struct kd_udp_ext *x = f->ext;
    if (x == NULL || f->parser == 0)
        return;
    const struct kd_parser *p = kd_parsers[f->parser - 1];
    struct kd_conn conn = kd_engine_conn(e, f);
    struct kd_ctx ctx = kd_engine_ctx(e, &conn, f, x->state);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_enter(e, f, KD_TO_SERVER, kd_str(NULL));
    if (p->tick != NULL)
        p->tick(&ctx);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_leave(e);
}

void kd_engine_link(struct kd_engine *e, const struct kd_parser *p, const struct kd_packet *packet)
{
    struct kd_conn conn = {
        .client = packet->src,
        .server = packet->dst,
        .client_mac = packet->src_mac,
        .server_mac = packet->dst_mac,
        .vlan = packet->vlan,
        .proto = packet->kind == KD_PACKET_IP ? packet->proto : 0,
    };
    uint64_t state[32] = {0};
    KD_ASSERT(p->state_bytes <= sizeof(state));
    struct kd_ctx ctx = {
        .lim = e->cfg.lim,
        .pool = e->pool,
        .conn = &conn,
        .state = state,
        .now_us = packet->ts_us,
        .frame = kd_engine_frame_number(e),
        .app = p->app,
        .sink = &e->sink,
    };
    struct kd_bytes message = packet->kind == KD_PACKET_IP ? packet->icmp : packet->payload;
    if (p->message(&ctx, KD_TO_SERVER, message) != KD_OK)
        kd_anomaly(&ctx, "message_malformed", 0);
}
