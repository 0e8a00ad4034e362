/* SPDX-License-Identifier: Apache-2.0 */
/* Packets and streams. */
#include <inttypes.h>

#include "base/out.h"
#include "match/internal.h"

static enum m_transport transport_of(uint8_t proto)
{
    switch (proto) {
    case KD_IP_TCP:
        return M_TCP;
    case KD_IP_UDP:
        return M_UDP;
    case KD_IP_ICMP:
    case KD_IP_ICMPV6:
        return M_ICMP;
    default:
        return M_OTHER;
    }
}

static bool is_encrypted(const struct kd_match_at *at)
{
    return *at->flow != NULL && (*at->flow)->encrypted;
}

static bool is_passed(const struct kd_match_at *at)
{
    return *at->flow != NULL && (*at->flow)->passed;
}

bool kd_match_wants_packet(const struct kd_matcher *m, uint8_t proto, unsigned dir, enum kd_app app, bool seen,
                           bool payload)
{
    enum m_transport t = transport_of(proto);
    return (payload && !m_group_is_empty(&m->set->payload[t][dir])) || m_tables_ask(m->set, t, dir, seen) ||
           m->set->at_app[app].n > 0;
}

bool kd_match_wants_stream(const struct kd_matcher *m, const struct kd_match_flow *flow, unsigned dir)
{
    return !m_group_is_empty(&m->set->payload[M_TCP][dir]) &&
           (flow == NULL || (!flow->encrypted && !flow->passed && flow->stream_seen[dir] <= MATCH_STREAM));
}

bool kd_match_bypassed(const struct kd_match_flow *f)
{
    return f->bypassed;
}

/* ---- streams ---- */

/* The last `before` bytes before `data`, and `data`, in one piece.  `data` was put there by an earlier call if `again`. */
static struct kd_bytes with_window(struct kd_matcher *m, const struct kd_match_flow *f, uint8_t dir,
                                   struct kd_bytes data, size_t before, bool again)
{
    if (before == 0)
        return data;
    uint8_t *at = m->window + MATCH_WINDOW - before;
    memcpy(at, f->window[dir] + f->window_n[dir] - before, before);
    if (!again)
        memcpy(m->window + MATCH_WINDOW, data.p, data.n);
    return kd_bytes_of(at, before + data.n);
}

/* Keep the last bytes for the next piece. */
static void keep_window(struct kd_matcher *m, struct kd_match_flow *f, uint8_t dir, struct kd_bytes data)
{
    if (f->window[dir] == NULL)
        f->window[dir] = kd_pool_take(m->pool, MATCH_WINDOW, &f->window_size[dir]);
    if (f->window[dir] == NULL) {
        f->window_n[dir] = 0;
        return;
    }
    uint8_t *w = f->window[dir];
    size_t n = kd_min_size(data.n, MATCH_WINDOW), before = f->window_n[dir];
    size_t stays = kd_min_size(before, MATCH_WINDOW - n);
    if (stays > 0 && stays < before)
        memmove(w, w + before - stays, stays);
    memcpy(w + stays, data.p + data.n - n, n);
    f->window_n[dir] = (uint16_t)(stays + n);
    size_t gone = before - stays, lost = f->window_lost[dir];
    f->window_lost[dir] = (uint16_t)(lost > gone ? lost - gone : 0);
}

void kd_match_gap(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir, uint64_t n)
{
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_match_flow *f = m_flow(m, at);
    if (f == NULL || f->encrypted || f->passed)
        return;
    kd_out_fmt(&o, "[%" PRIu64 " bytes missing]", n); /* EVE's words */
    keep_window(m, f, dir, kd_out_bytes_view(&o));
    f->window_lost[dir] = f->window_n[dir];
    f->stream_seen[dir] += n;
    f->n_pending[dir] = 0;
}

/* NULL: it does not wait. */
static uint32_t *pending_of(struct kd_match_flow *f, uint8_t dir, uint32_t rule)
{
    for (uint32_t i = 0; i < f->n_pending[dir]; i++)
        if ((f->pending[dir][i] & ~(uint32_t)M_EARLY) == rule)
            return &f->pending[dir][i];
    return NULL;
}

/* A rule whose pattern was seen may hold when more has come. */
static void note_pending(struct kd_matcher *m, struct kd_match_flow *f, uint8_t dir, uint32_t rule, bool early)
{
    uint32_t *at = pending_of(f, dir, rule);
    if (at == NULL) {
        uint32_t *v = m_room_for(m, f->pending[dir], f->n_pending[dir], &f->pending_room[dir], &f->pending_size[dir],
                                 sizeof(*v), MATCH_PENDING);
        if (v == NULL)
            return;
        f->pending[dir] = v;
        at = &v[f->n_pending[dir]++];
        *at = rule;
    }
    if (early)
        *at |= (uint32_t)M_EARLY;
}

/* The conversation was seen from its middle: does the rule want it established, and nothing else?  What one side sent
 * is judged when the other has answered. */
static bool is_early(const struct m_run *run)
{
    if (run->at->established || (run->r->rule->flow & KD_FLOW_ESTABLISHED) == 0)
        return false;
    struct kd_match_at at = *run->at;
    struct m_run later = *run;
    at.established = true;
    later.at = &at;
    return m_gate(&later);
}

static bool may_hold_later(const struct m_rule *r)
{
    return r->n_looks > 0 && r->look[0].n > 1;
}

static void judge_stream(struct m_run *run, struct kd_match_flow *f, struct kd_bytes all, size_t before,
                         uint64_t start, bool is_packet)
{
    const struct m_rule *r = run->r;
    uint32_t rule = (uint32_t)(r - run->m->set->rule);
    uint64_t alerts = run->m->count[r->rule->index].matches;
    struct kd_bytes shown = run->shown;
    if ((r->flags & M_ON_PACKET) && is_packet) {
        run->shown = kd_str(NULL);
        run->payload = kd_bytes_from(all, before);
        run->in_stream = false;
        run->beyond = 0;
        m_judge(run);
        if (run->m->count[r->rule->index].matches != alerts)
            return;
    }
    if ((r->flags & M_ON_STREAM) == 0)
        return;
    run->payload = all;
    run->shown = shown;
    uint32_t *waits = f == NULL ? NULL : pending_of(f, run->dir, rule);
    bool was_early = waits != NULL && (*waits & (uint32_t)M_EARLY) != 0;
    run->in_stream = true;
    run->beyond = was_early ? 0 : before;
    run->stream_start = start;
    m_judge(run);
    bool matched = run->m->count[r->rule->index].matches != alerts;
    bool early = f != NULL && !matched && is_early(run);
    if (was_early && run->at->established)
        *waits = rule;
    if (early || (f != NULL && !matched && may_hold_later(r) && m_gate(run)))
        note_pending(run->m, f, run->dir, rule, early);
}

bool kd_match_stream(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir, struct kd_bytes data,
                     bool is_packet)
{
    const struct m_group *g = &m->set->payload[M_TCP][dir];
    struct kd_match_flow *f = *at->flow;
    m->passed = false;
    if (data.n == 0 || data.n > MATCH_PIECE || m_group_is_empty(g))
        return false;
    if (f != NULL && (f->encrypted || f->passed || f->stream_seen[dir] > MATCH_STREAM))
        return true; /* looked into as far as it goes */
    size_t before = f == NULL ? 0 : (size_t)(f->window_n[dir] - f->window_lost[dir]), overlap = kd_min_size(before, MATCH_OVERLAP);
    uint64_t seen = f == NULL ? 0 : f->stream_seen[dir];
    struct kd_bytes all = with_window(m, f, dir, data, overlap, false);
    m_scan_begin(m, at, dir);
    m_scan(m, g, all);
    m_scan_weak(m, g, data);
    if (before > 0 && seen == before && g->n_weak > 0)
        m_scan_weak(m, g, with_window(m, f, dir, data, before, true));
    for (unsigned i = 0; f != NULL && seen < f->pending_until[dir] && i < f->n_pending[dir]; i++) {
        uint32_t rule = f->pending[dir][i] & ~(uint32_t)M_EARLY;
        struct m_list one = {.n = 1, .v = &rule};
        m_scan_list(m, &one);
    }
    if (m->n_cand > 0)
        all = with_window(m, f, dir, data, before, true);
    f = m_flow(m, at);
    if (f != NULL) {
        if (seen >= f->pending_until[dir])
            f->n_pending[dir] = 0;
        f->pending_until[dir] = seen + data.n + MATCH_WINDOW;
    }
    m_scan_sort(m);
    struct m_run run = m_run_of(m, at, dir);
    if (m->n_cand > 0 && f != NULL && f->window_lost[dir] > 0)
        run.shown = with_window(m, f, dir, data, f->window_n[dir], before > 0);
    for (uint32_t i = 0; i < m->n_cand && !m->passed; i++) {
        run.r = &m->set->rule[m->cand[i]];
        judge_stream(&run, f, all, before, seen - before, is_packet);
    }
    if (f != NULL) {
        keep_window(m, f, dir, data);
        f->stream_seen[dir] += data.n;
    }
    return true;
}

/* ---- packets ---- */

static void judge_packet(struct kd_matcher *m, const struct kd_match_at *at, uint16_t which)
{
    m_scan_sort(m);
    struct m_run run = m_run_of(m, at, at->dir);
    for (uint32_t i = 0; i < m->n_cand && !m->passed; i++) {
        run.r = &m->set->rule[m->cand[i]];
        if ((run.r->flags & which) == 0)
            continue;
        run.payload = at->packet->payload;
        m_judge(&run);
    }
}

/* Rules that ask for the protocol alone match once in each direction: those, the first time; or NULL. */
static const struct m_list *protocol_known(struct kd_matcher *m, const struct kd_match_at *at)
{
    const struct m_list *l = &m->set->at_app[at->app];
    if (at->app <= KD_APP_FAILED || l->n == 0)
        return NULL;
    struct kd_match_flow *f = m_flow(m, at);
    if (f == NULL || f->told_app[at->dir])
        return NULL;
    f->told_app[at->dir] = true;
    return l;
}

bool kd_match_wants_first(const struct kd_matcher *m)
{
    return m->set->once_first;
}

void kd_match_first(struct kd_matcher *m, const struct kd_match_at *at)
{
    m->passed = is_passed(at);
    if (!m->passed && m_tables_first(m, at, transport_of(at->proto)))
        judge_packet(m, at, M_HEADER);
}

void kd_match_packet(struct kd_matcher *m, const struct kd_match_at *at, bool payload_done)
{
    const struct kd_ruleset *set = m->set;
    enum m_transport t = at->kind == KD_PACKET_IP ? transport_of(at->proto) : M_OTHER;
    const struct m_group *g = &set->payload[t][at->dir];
    m->passed = is_passed(at);
    if (m->passed)
        return;
    if (m_tables_scan(m, at, t, protocol_known(m, at)))
        judge_packet(m, at, M_HEADER);
    if (payload_done || at->kind != KD_PACKET_IP || at->packet->payload.n == 0 || m_group_is_empty(g) || is_encrypted(at))
        return;
    m_scan_begin(m, at, at->dir);
    m_scan_weak(m, g, at->packet->payload);
    m_scan(m, g, at->packet->payload);
    judge_packet(m, at, M_ON_PACKET);
}

void kd_match_encrypted(struct kd_matcher *m)
{
    struct kd_match_flow *f = m->entered ? m_flow(m, &m->at) : NULL;
    if (f != NULL)
        f->encrypted = true;
}
