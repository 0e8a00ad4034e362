/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations between zones of the network plan: a record at the first of its kind (zones, client, server,
 * service), then at most one a day with what came together since.  Of machines outside only the zone counts,
 * and attempts that nobody answered are one kind whatever they aimed at, so that neither the world nor a scan
 * fills the table. */
#include "base/hash.h"
#include "brain/internal.h"
#include "brain/snaps.h"

enum { CROSSINGS_MOST = 200000, UDP = 17, ICMP = 1, ICMP6 = 58, ECHO = 8, ECHO6 = 128 };
#define TELL_US KD_US_PER_DAY

struct crossing {
    struct kd_addr client, server; /* of the newest; of attempts: of the first */
    uint64_t flow_id;              /* the newest, and what of it is counted */
    uint64_t flow_out, flow_in;
    uint64_t told_us;
    uint64_t start_us, end_us;
    uint64_t conversations, out, in; /* since told */
    uint32_t plan;                   /* sum of the plan its zones are numbered by */
    uint16_t port;
    uint8_t proto, app, from, to;
    bool forbidden, answered, first;
};

/* One conversation, seen from who began it. */
struct talk {
    struct kd_addr client, server;
    uint16_t port;
    uint8_t from, to;
    uint64_t out, in;
    bool answered, forbidden;
};

uint8_t kd_brain_zone(const struct kd_brain *b, const struct kd_addr *a)
{
    uint8_t zone = kd_site_zone_of(b->site, a);
    return zone == KD_ZONE_UNLISTED && !kd_hosts_inside(&b->hosts, a) ? KD_ZONE_OUTSIDE : zone;
}

static bool is_host(const struct kd_addr *a)
{
    return !kd_addr_is_none(a) && !kd_addr_is_multicast(a) && !kd_addr_is_link_local(a) && !kd_addr_is_loopback(a);
}

/* To everybody of a network, as a rule. */
static bool is_broadcast(const struct kd_addr *a)
{
    return kd_addr_is_v4(a) && a->b[15] == 255;
}

/* Who was met in the middle may be told the wrong way round: then the low port is the server's. */
static bool is_backward(const struct kd_rec_head *h, const struct kd_rec_flow *f)
{
    return (f->midstream || h->proto == UDP) && h->src_port < 1024 && h->src_port != 0 && h->dst_port >= 1024;
}

static bool is_ping(const struct kd_rec_head *h, const struct kd_rec_flow *f)
{
    return h->proto == ICMP ? f->icmp_type == ECHO : f->icmp_type == ECHO6;
}

static bool talk_of(const struct kd_brain *b, const struct kd_rec_head *h, const struct kd_rec_flow *f,
                    struct talk *ret)
{
    bool icmp = h->proto == ICMP || h->proto == ICMP6;
    if (!is_host(&h->src) || !is_host(&h->dst) || (icmp && !is_ping(h, f)))
        return false;
    bool back = !icmp && is_backward(h, f);
    struct talk t = {.client = back ? h->dst : h->src, .server = back ? h->src : h->dst,
                     .port = icmp ? 0 : back ? h->src_port : h->dst_port,
                     .out = back ? f->bytes_toclient : f->bytes_toserver,
                     .in = back ? f->bytes_toserver : f->bytes_toclient};
    t.answered = f->pkts_toclient > 0 && f->pkts_toserver > 0 && !kd_bytes_eq_str(f->state, "refused");
    if (!t.answered && is_broadcast(&t.server))
        return false;
    t.from = kd_brain_zone(b, &t.client);
    t.to = kd_brain_zone(b, &t.server);
    t.forbidden = !kd_site_allows(b->site, t.from, t.to, h->proto, t.port);
    *ret = t;
    return t.from != t.to || t.forbidden;
}

enum { KEY_MAX = 48 };

/* Under another plan zones have other numbers: what was learned then is of no use, and expires. */
static struct kd_bytes key_of(uint32_t plan, const struct talk *t, uint8_t proto, uint8_t room[KEY_MAX])
{
    struct kd_out o = kd_out_of(room, KEY_MAX);
    kd_out_le32(&o, plan);
    kd_out_u8(&o, (uint8_t)(t->answered | t->forbidden << 1));
    kd_out_u8(&o, t->from);
    kd_out_u8(&o, t->to);
    if (t->from != KD_ZONE_OUTSIDE)
        kd_out_bytes(&o, kd_bytes_of(t->client.b, sizeof(t->client.b)));
    if (t->answered) {
        if (t->to != KD_ZONE_OUTSIDE)
            kd_out_bytes(&o, kd_bytes_of(t->server.b, sizeof(t->server.b)));
        kd_out_u8(&o, proto);
        kd_out_le16(&o, t->port);
    }
    return kd_out_bytes_view(&o);
}

/* The record, and what is counted anew. */
static void tell(struct kd_brain *b, struct crossing *c, struct kd_rec_head *head, struct kd_rec_crossing *ret)
{
    *head = (struct kd_rec_head){.type = KD_REC_CROSSING, .ts_us = b->now_us, .flow_id = c->flow_id,
                                 .src = c->client, .dst = c->server, .dst_port = c->port, .proto = c->proto,
                                 .app = c->app};
    *ret = (struct kd_rec_crossing){
        .from_zone = kd_site_zone_name(b->site, c->from), .to_zone = kd_site_zone_name(b->site, c->to),
        .policy = kd_str(c->forbidden ? "forbidden" : "allowed"), .first = c->first, .answered = c->answered,
        .conversations = c->conversations, .bytes_toserver = c->out, .bytes_toclient = c->in,
        .start_us = c->start_us, .end_us = c->end_us,
    };
    kd_brain_emit(b, head, ret);
    c->told_us = b->now_us;
    c->first = false;
    c->conversations = c->out = c->in = c->start_us = 0;
}

/* A long conversation tells how it stands from time to time: only what is new of it counts. */
static void count(struct crossing *c, const struct kd_rec_head *h, const struct kd_rec_flow *f, const struct talk *t)
{
    if (c->flow_id != h->flow_id || c->first) {
        c->conversations++;
        c->flow_out = c->flow_in = 0;
    }
    if (c->start_us == 0 || f->start_us < c->start_us)
        c->start_us = f->start_us;
    c->end_us = kd_max_u64(c->end_us, f->end_us);
    c->out += t->out - kd_min_u64(t->out, c->flow_out);
    c->in += t->in - kd_min_u64(t->in, c->flow_in);
    c->flow_id = h->flow_id;
    c->flow_out = t->out;
    c->flow_in = t->in;
}

void kd_crossing_flow(struct kd_brain *b, const struct kd_record *flow)
{
    const struct kd_rec_head *h = flow->head;
    const struct kd_rec_flow *f = flow->body;
    struct talk t;
    uint8_t room[KEY_MAX];
    bool is_new;
    if (!talk_of(b, h, f, &t))
        return;
    struct crossing *c = kd_table_get(&b->crossings, key_of(b->plan, &t, h->proto, room), b->now_us, &is_new);
    if (c == NULL)
        return;
    if (is_new)
        *c = (struct crossing){.from = t.from, .to = t.to, .forbidden = t.forbidden, .answered = t.answered,
                               .first = true, .plan = b->plan};
    if (is_new || t.answered) {
        c->client = t.client;
        c->server = t.server;
        c->port = t.port;
        c->proto = h->proto;
        c->app = h->app;
    }
    count(c, h, f, &t);
    if (!is_new && b->now_us - c->told_us < TELL_US)
        return;
    struct kd_rec_head head;
    struct kd_rec_crossing body;
    tell(b, c, &head, &body);
    kd_brain_show(b, &head, &body);
}

static void tell_rest(struct kd_brain *b, struct crossing *c)
{
    struct kd_rec_head head;
    struct kd_rec_crossing body;
    if (c->conversations > 0 || c->out > 0 || c->in > 0)
        tell(b, c, &head, &body);
}

void kd_snap_crossing(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct crossing *c = state;
    (void)key;
    kd_snap_u32(s, &c->plan);
    kd_snap_addr(s, &c->client);
    kd_snap_addr(s, &c->server);
    kd_snap_u64(s, &c->flow_id);
    kd_snap_u64(s, &c->flow_out);
    kd_snap_u64(s, &c->flow_in);
    kd_snap_time(s, &c->told_us);
    kd_snap_time(s, &c->start_us);
    kd_snap_time(s, &c->end_us);
    kd_snap_u64(s, &c->conversations);
    kd_snap_u64(s, &c->out);
    kd_snap_u64(s, &c->in);
    kd_snap_u16_to(s, &c->port, UINT16_MAX);
    kd_snap_u8_to(s, &c->proto, UINT8_MAX);
    kd_snap_u8_to(s, &c->app, KD_APP_COUNT - 1);
    kd_snap_u8_to(s, &c->from, UINT8_MAX);
    kd_snap_u8_to(s, &c->to, UINT8_MAX);
    kd_snap_bool(s, &c->forbidden);
    kd_snap_bool(s, &c->answered);
}

void kd_crossing_loaded(struct kd_brain *b, void *state)
{
    struct crossing *c = state;
    if (c->plan != b->plan) /* nothing is left to be told of it */
        c->conversations = c->out = c->in = 0;
}

uint32_t kd_crossing_plan(struct kd_bytes form)
{
    return (uint32_t)kd_hash(form.p, form.n, 0);
}

static void leave(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    tell_rest(arg, state);
}

static bool finish_one(void *arg, struct kd_bytes key, void *state)
{
    leave(arg, key, state);
    return true;
}

void kd_crossing_finish(struct kd_brain *b)
{
    kd_table_each(&b->crossings, finish_one, b);
}

bool kd_crossings_init(struct kd_brain *b)
{
    if (!kd_table_init(&b->crossings, b->pool, sizeof(struct crossing), CROSSINGS_MOST, b->seed))
        return false;
    b->crossings.leave = leave;
    b->crossings.arg = b;
    return true;
}
