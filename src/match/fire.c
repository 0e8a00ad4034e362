/* SPDX-License-Identifier: Apache-2.0 */
/* A rule matched: what it changes, whether it is told. */
#include "match/internal.h"
#include "rule/thresholds.h"

enum { BITS_MAX = 4096, INTS_MAX = 256 };

struct kd_match_flow *m_flow(struct kd_matcher *m, const struct kd_match_at *at)
{
    struct kd_match_flow *f = *at->flow;
    if (f != NULL)
        return f;
    size_t size = 0;
    f = kd_pool_take(m->pool, sizeof(*f), &size);
    if (f == NULL)
        return NULL;
    memset(f, 0, sizeof(*f));
    f->size = size;
    *at->flow = f;
    return f;
}

void *m_room_for(struct kd_matcher *m, void *old, uint32_t n, uint32_t *room, size_t *size, size_t each, uint32_t max)
{
    if (n < *room)
        return old;
    size_t now = 0;
    uint32_t want = *room == 0 ? 8 : *room * 2;
    if (want > max)
        return NULL;
    void *p = kd_pool_take(m->pool, want * each, &now);
    if (p == NULL)
        return NULL;
    if (n > 0)
        memcpy(p, old, n * each);
    kd_pool_give(m->pool, old, *size);
    *room = want;
    *size = now;
    return p;
}

static void flowbit_set(struct kd_matcher *m, struct kd_match_flow *f, uint32_t name)
{
    if (m_flowbit_isset(f, name))
        return;
    uint32_t *bits = m_room_for(m, f->bits, f->n_bits, &f->bits_room, &f->bits_size, sizeof(*bits), BITS_MAX);
    if (bits == NULL)
        return;
    f->bits = bits;
    f->bits[f->n_bits++] = name;
}

size_t kd_match_flowbits(const struct kd_matcher *m, const struct kd_match_flow *f, struct kd_bytes ret[KD_MATCH_BITS])
{
    size_t n = kd_min_size(f->n_bits, KD_MATCH_BITS);
    for (size_t i = 0; i < n; i++)
        ret[i] = m->set->rules->flowbits.name[f->bits[i]];
    return n;
}

static void flowbit_unset(struct kd_match_flow *f, uint32_t name)
{
    for (uint32_t i = 0; i < f->n_bits; i++)
        if (f->bits[i] == name) {
            f->bits[i] = f->bits[--f->n_bits];
            return;
        }
}

static void flowbits(struct kd_matcher *m, struct kd_match_flow *f, const struct kd_bits *b)
{
    for (unsigned i = 0; i < b->n; i++) {
        bool set = b->what == KD_BITS_SET || (b->what == KD_BITS_TOGGLE && !m_flowbit_isset(f, b->name[i]));
        if (set)
            flowbit_set(m, f, b->name[i]);
        else
            flowbit_unset(f, b->name[i]);
    }
}

static void flowint(struct kd_matcher *m, struct kd_match_flow *f, const struct kd_flowint *x)
{
    uint32_t i = 0;
    uint32_t right = x->value;
    if (x->by_name) {
        right = 0;
        for (uint32_t j = 0; j < f->n_ints; j++)
            if (f->ints[j].name == x->value)
                right = f->ints[j].value;
    }
    while (i < f->n_ints && f->ints[i].name != x->name)
        i++;
    if (i == f->n_ints) {
        struct m_flowint *ints = m_room_for(m, f->ints, f->n_ints, &f->ints_room, &f->ints_size, sizeof(*ints), INTS_MAX);
        if (ints == NULL)
            return;
        f->ints = ints;
        f->ints[f->n_ints++] = (struct m_flowint){.name = x->name};
    }
    struct m_flowint *v = &f->ints[i];
    switch (x->what) {
    case KD_FLOWINT_SET:
        v->value = right;
        break;
    case KD_FLOWINT_ADD:
        v->value += right;
        break;
    case KD_FLOWINT_SUB:
        v->value -= right;
        break;
    default:
        break;
    }
}

static void act(struct m_run *run)
{
    const struct kd_rule *r = run->r->rule;
    for (unsigned i = 0; i < r->n_actions && run->m->out.store != NULL; i++)
        if (r->act[i].kind == KD_COND_FILESTORE)
            run->m->out.store(run->m->out.arg);
    struct kd_match_flow *f = r->n_actions > 0 ? m_flow(run->m, run->at) : NULL;
    for (unsigned i = 0; f != NULL && i < r->n_actions; i++) {
        const struct kd_cond *c = &r->act[i];
        switch ((enum kd_cond_kind)c->kind) {
        case KD_COND_FLOWBITS:
            flowbits(run->m, f, &c->is.bits);
            break;
        case KD_COND_FLOWINT:
            flowint(run->m, f, &c->is.flowint);
            break;
        case KD_COND_XBITS:
        case KD_COND_HOSTBITS:
            m_bits_do(run->m->rates, run->m->set->rules, &c->is.bits, c->kind, run->at, run->dir);
            break;
        default:
            break;
        }
    }
}

static struct kd_bytes metadata(const struct kd_rule *r, const char *key)
{
    for (unsigned i = 0; i < r->n_metadata; i++)
        if (kd_bytes_eq_str(r->metadata[i].key, key))
            return r->metadata[i].value;
    return kd_str(NULL);
}

/* The stream as a frame, as much of it as is at hand. */
static struct kd_match_frame whole_stream(const struct m_run *run)
{
    return (struct kd_match_frame){
        .type = kd_str("stream"),
        .id = 1,
        .dir = run->dir,
        .at = run->stream_start,
        .length = KD_FRAME_OPEN,
        .data = run->payload,
    };
}

static void tell(struct m_run *run)
{
    const struct kd_rule *r = run->r->rule;
    struct kd_match_frame whole = whole_stream(run);
    struct kd_match_alert a = {
        .rule = r,
        .at = run->at,
        .dir = run->dir,
        .has_tx = run->side != NULL,
        .in_stream = run->in_stream,
        .context = run->m->context,
        .n_contexts = run->m->n_contexts,
        .frame = run->r->flags & M_WHOLE ? &whole : run->frame,
        .payload = run->shown.n > 0 ? run->shown : run->payload,
        .tx_id = run->side == NULL ? 0 : run->side->tx_id,
        .gid = r->gid,
        .sid = r->sid,
        .rev = r->rev,
        .priority = r->priority,
        .msg = r->msg,
        .tag = {r->tag.host, r->tag.dst, r->tag.metric == KD_TAG_SECONDS, r->tag.metric == KD_TAG_BYTES,
                r->tag.set ? r->tag.count : 0},
        .technique = metadata(r, "mitre_technique_id"),
        .confidence = metadata(r, "confidence"),
        .importance = metadata(r, "signature_severity"),
        .msg_ja = metadata(r, "msg_ja"),
    };
    if (r->classtype != NULL) {
        a.category = r->classtype->text;
        a.classtype = r->classtype->name;
    }
    run->m->stats.alerts++;
    run->m->out.alert(run->m->out.arg, &a);
}

/* What is about the conversation, its stream or a transaction lets all of it pass; what is about a packet, the packet. */
static void let_pass(struct m_run *run)
{
    const struct kd_rule *r = run->r->rule;
    bool whole = r->bypass || (run->r->flags & M_ONCE) != 0 || run->side != NULL || run->in_stream;
    struct kd_match_flow *f = whole ? m_flow(run->m, run->at) : NULL;
    run->m->passed |= r->action == KD_ACTION_PASS;
    if (f != NULL) {
        f->passed = true;
        f->bypassed |= r->bypass;
    }
}

void m_fire(struct m_run *run)
{
    struct kd_matcher *m = run->m;
    const struct kd_rule *r = run->r->rule;
    if (KD_UNLIKELY((run->r->flags & M_WHOLE) != 0) && !m_first_in_stream(run))
        return;
    act(run);
    m->count[r->index].matches++;
    if (r->action == KD_ACTION_PASS || r->bypass)
        let_pass(run);
    if (r->action == KD_ACTION_PASS)
        return;
    if (r->noalert || r->action == KD_ACTION_CONFIG)
        return;
    if (m->set->rules->n_suppressions > 0 &&
        kd_rules_suppressed(m->set->rules, r, &run->at->addr[run->dir], &run->at->addr[run->dir ^ 1]))
        return;
    if (!m_rates_filter(m->rates, &r->filter, m_rule_key(r), run->at, run->dir) ||
        !m_rates_let_through(m->rates, &r->threshold, m_rule_key(r), run->at, run->dir))
        return;
    tell(run);
}
