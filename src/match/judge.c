/* SPDX-License-Identifier: Apache-2.0 */
#include "match/internal.h"

struct m_run m_run_of(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir)
{
    return (struct m_run){.m = m, .at = at, .dir = dir, .var = m->var};
}

/* Bytes of the packet or stream that the look is about; false: there are none. */
static bool packet_value(const struct m_run *run, enum kd_inspect in, struct kd_bytes *ret)
{
    const struct kd_packet *p = run->at->packet;
    switch (in) {
    case KD_IN_PAYLOAD:
        *ret = run->payload;
        return true;
    case KD_IN_BASE64_DATA:
        *ret = run->base64;
        return run->base64.n > 0;
    case KD_IN_IP_SRC:
    case KD_IN_IP_DST: {
        const struct kd_addr *a = &run->at->addr[in == KD_IN_IP_SRC ? run->dir : run->dir ^ 1];
        *ret = kd_addr_is_v4(a) ? kd_bytes_of(a->b + 12, 4) : kd_bytes_of(a->b, 16);
        return true;
    }
    default:
        return p != NULL && m_header_bytes(p, in, ret);
    }
}

/* One of the SCTP chunks is enough. */
static bool chunk_holds(struct m_run *run, const struct m_look *look)
{
    uint8_t type;
    struct kd_bytes data;
    const struct kd_packet *p = run->at->packet;
    for (unsigned i = 0; p != NULL && m_header_chunk(p, i, &type, &data); i++)
        if (m_look_holds(run, look, data))
            return true;
    return false;
}

static bool holds_in(struct m_run *run, const struct m_look *look, struct kd_bytes value)
{
    if (look->buffer->n_transforms > 0 && !m_transform(run->m, look->buffer, value, &value))
        return false;
    return m_look_holds(run, look, value);
}

/* In this frame, as much as was seen of it. */
static bool frame_holds(struct m_run *run, const struct m_look *look)
{
    const struct kd_match_frame *f = run->frame;
    if (f == NULL || run->frame_kind != look->frame)
        return false;
    memcpy(run->cut, run->frame_cut, sizeof(run->cut));
    bool holds = holds_in(run, look, f->data);
    memset(run->cut, 0, sizeof(run->cut));
    return holds;
}

/* Several values of one buffer: one of them is enough. */
static bool look_holds(struct m_run *run, const struct m_look *look)
{
    struct kd_bytes value;
    if (look->in == KD_IN_SCTP_CHUNK_DATA)
        return chunk_holds(run, look);
    if (look->in == KD_IN_FRAME)
        return frame_holds(run, look);
    if (packet_value(run, look->in, &value))
        return holds_in(run, look, value);
    const struct m_side *s = run->side;
    if (s == NULL)
        return false;
    if (look->in == KD_IN_FILE_DATA && s->has_body)
        return holds_in(run, look, kd_buf_view(&s->body));
    bool any = false;
    for (unsigned i = 0; i < s->n_values; i++) {
        if (s->value[i].id != look->in)
            continue;
        any = true;
        if (holds_in(run, look, kd_bytes_of(s->value[i].p, s->value[i].n)))
            return true;
    }
    return !any && look->absent_ok;
}

/* ---- rules over both directions of a transaction (=>) ---- */

/* Did the request hold that this answers? */
static bool request_held(const struct m_run *run, uint32_t rule)
{
    const struct kd_match_flow *f = *run->at->flow;
    for (unsigned i = 0; f != NULL && f->half != NULL && i < MATCH_HALVES; i++)
        if (f->half[i].rule == rule + 1 && f->half[i].tx_id == run->side->tx_id)
            return true;
    return false;
}

static void note_request(struct m_run *run, uint32_t rule)
{
    struct kd_match_flow *f = m_flow(run->m, run->at);
    if (f != NULL && f->half == NULL) {
        f->half = kd_pool_take(run->m->pool, MATCH_HALVES * sizeof(*f->half), &f->half_size);
        if (f->half != NULL)
            memset(f->half, 0, MATCH_HALVES * sizeof(*f->half));
    }
    if (f != NULL && f->half != NULL)
        f->half[f->next_half++ % MATCH_HALVES] = (struct m_half){rule + 1, run->side->tx_id};
}

/* This direction holds: does the whole? */
static bool whole_holds(struct m_run *run)
{
    const struct m_rule *r = run->r;
    uint32_t rule = (uint32_t)(r - run->m->set->rule);
    if (run->side == NULL || r->sides != KD_INSPECT_BOTH)
        return true;
    if (run->dir == KD_TO_CLIENT)
        return request_held(run, rule);
    note_request(run, rule);
    return false;
}

void m_judge(struct m_run *run)
{
    const struct m_rule *r = run->r;
    run->m->count[r->rule->index].candidates++;
    run->m->n_contexts = 0;
    if (!m_gate(run) || !m_checks_hold(run))
        return;
    run->m->stats.verified++;
    for (unsigned i = 0; i < r->n_looks; i++) {
        const struct m_look *look = &r->look[i];
        if ((look->side == 0 || (look->side >> run->dir & 1) != 0) && !look_holds(run, look))
            return;
    }
    if (KD_UNLIKELY(r->sides != 0) && !whole_holds(run))
        return;
    m_fire(run);
}
