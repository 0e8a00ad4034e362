/* SPDX-License-Identifier: Apache-2.0 */
/* Rules with tag: the packets behind a match are told, of its conversation or of one of its hosts, up to a number of packets,
 * seconds or bytes.  A new match of the same begins anew; when too many are under way, the oldest gives way. */
#include "engine/internal.h"

static bool is_same(const struct kd_tagged *a, const struct kd_tagged *b)
{
    return a->flow_id == b->flow_id && (a->flow_id != 0 || kd_addr_eq(&a->host, &b->host));
}

static void drop(struct kd_engine *e, unsigned i)
{
    e->n_tagged--;
    memmove(&e->tagged[i], &e->tagged[i + 1], (e->n_tagged - i) * sizeof(e->tagged[0]));
}

void kd_engine_tag(struct kd_engine *e, const struct kd_match_alert *a)
{
    enum { SECOND_US = 1000000 };
    const struct kd_match_tag *tag = &a->tag;
    struct kd_tagged t = {.left = tag->count, .bytes = tag->bytes};
    if (!tag->seconds && !tag->bytes && --t.left == 0) /* the one that matched counts */
        return;
    unsigned i = 0;
    if (tag->seconds)
        t.until_us = a->at->now_us + (uint64_t)tag->count * SECOND_US;
    if (tag->host)
        t.host = a->at->addr[tag->dst ? a->dir ^ 1 : a->dir];
    else
        t.flow_id = a->at->flow_id;
    while (i < e->n_tagged && !is_same(&e->tagged[i], &t))
        i++;
    if (i == e->n_tagged && i == KD_TAGGED_MAX)
        i = 0;
    if (i < e->n_tagged)
        drop(e, i);
    e->tagged[e->n_tagged++] = t;
}

/* Is the packet meant?  Then it counts. */
static bool takes(struct kd_tagged *t, uint64_t flow_id, const struct kd_packet *p)
{
    bool mine = t->flow_id != 0 ? t->flow_id == flow_id : kd_addr_eq(&t->host, &p->src) || kd_addr_eq(&t->host, &p->dst);
    if (!mine)
        return false;
    if (t->until_us != 0)
        t->left = p->ts_us <= t->until_us;
    else
        t->left -= kd_min_u64(t->bytes ? p->length : 1, t->left);
    return t->until_us == 0 || t->left > 0;
}

static void tell(struct kd_engine *e, const struct kd_flow *f, const struct kd_packet *p)
{
    struct kd_rec_packet rec = {
        .packet = kd_bytes_head(e->frame->bytes, e->cfg.lim->match_bytes),
        .link = e->frame->link,
    };
    bool ports = p->proto == KD_IP_TCP || p->proto == KD_IP_UDP || p->proto == KD_IP_SCTP;
    struct kd_rec_head head = {
        .ts_us = p->ts_us,
        .frame = kd_engine_frame_number(e),
        .flow_id = kd_engine_flow_id(e, f),
        .src = p->src,
        .dst = p->dst,
        .src_port = ports ? p->sport : f->client_port,
        .dst_port = ports ? p->dport : f->server_port,
        .vlan = p->vlan,
        .outer_vlan = {f->outer_vlan},
        .type = KD_REC_PACKET,
        .proto = p->proto,
        .app = f->app,
    };
    kd_engine_emit(e, &head, &rec);
}

void kd_engine_tagged(struct kd_engine *e, const struct kd_flow *f, const struct kd_packet *p)
{
    bool told = false;
    for (unsigned i = 0; i < e->n_tagged;) {
        told |= takes(&e->tagged[i], kd_engine_flow_id(e, f), p);
        if (e->tagged[i].left == 0)
            drop(e, i);
        else
            i++;
    }
    if (told)
        tell(e, f, p);
}
