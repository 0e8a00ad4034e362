/* SPDX-License-Identifier: Apache-2.0 */
/* TCP flows: the stream in order, who reads it, and its end. */
#include "engine/internal.h"
#include "rule/cond.h"

enum { MIDSTREAM_TRIES = 24 }; /* places in a stream begun in its middle where a message is looked for */

static struct kd_tcp_ext *ext_of(struct kd_engine *e, struct kd_flow *f)
{
    if (f->ext != NULL)
        return f->ext;
    size_t size = 0;
    struct kd_tcp_ext *x = kd_pool_take(e->pool, sizeof(*x), &size);
    if (x == NULL)
        return NULL;
    memset(x, 0, sizeof(*x));
    x->size = size;
    x->candidates = e->over_tcp;
    x->conn = kd_engine_conn(e, f);
    kd_arena_init(&x->mem, e->pool, e->cfg.lim->flow_bytes);
    f->ext = x;
    return x;
}

static void drop_probes(struct kd_engine *e, struct kd_tcp_ext *x)
{
    kd_buf_done(&x->probe[0], e->pool);
    kd_buf_done(&x->probe[1], e->pool);
}

static void keep_head(struct kd_tcp_ext *x, struct kd_bytes in)
{
    size_t n = kd_min_size(in.n, sizeof(x->head) - x->n_head);
    memcpy(x->head + x->n_head, in.p, n);
    x->n_head = (uint8_t)(x->n_head + n);
}

static void nobody_reads(struct kd_engine *e, struct kd_flow *f, struct kd_tcp_ext *x, struct kd_bytes in)
{
    if (x->n_head == 0)
        keep_head(x, x->probe[0].n > 0 ? kd_buf_view(&x->probe[0]) : in);
    drop_probes(e, x);
    x->candidates = e->over_tcp;
    if ((f->flags & KD_FLOW_MIDSTREAM) && ++f->probes < MIDSTREAM_TRIES)
        return; /* perhaps a message begins with the next segment */
    f->app = KD_APP_FAILED;
    f->flags |= KD_FLOW_OPAQUE;
}

static void turn(struct kd_engine *e, struct kd_flow *f, struct kd_tcp_ext *x)
{
    struct kd_tcp_half half = x->half[0];
    struct kd_buf probe = x->probe[0];
    x->half[0] = x->half[1];
    x->half[1] = half;
    x->probe[0] = x->probe[1];
    x->probe[1] = probe;
    x->turned = !x->turned;
    kd_flow_turn(f);
    if (f->rules != NULL)
        kd_engine_rules_flow_end(e, f);
    x->conn = kd_engine_conn(e, f);
}

static void parser_data(struct kd_engine *e, struct kd_flow *f, struct kd_tcp_ext *x, unsigned dir,
                        struct kd_bytes in)
{
    const struct kd_parser *p = kd_parsers[f->parser - 1];
    struct kd_ctx ctx = kd_engine_ctx(e, &x->conn, f, x->state);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_enter(e, f, dir, in);
    e->reading_flow = f;
    e->reading = e->frame != NULL;
    e->reading_dir = (uint8_t)dir;
    e->reading_seq = x->half[dir].next_seq;
    enum kd_status s = kd_feed_data(p, &ctx, &x->feed[dir], (enum kd_dir)dir, in);
    if (s != KD_OK && s != KD_CLOSED)
        kd_anomaly(&ctx, s == KD_LIMIT ? "message_too_long" : "message_malformed", x->feed[dir].offset);
    e->reading = false;
    e->reading_flow = NULL;
    e->stats.app_errors[f->app] += s != KD_OK && s != KD_CLOSED;
    if (e->n_unacked > 0 && e->unacked[e->n_unacked - 1].flow_id == x->conn.flow_id)
        f->flags |= KD_FLOW_UNACKED;
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_leave(e);
    if (x->feed[0].ended && x->feed[1].ended)
        f->flags |= KD_FLOW_OPAQUE;
}

static bool begin_parser(struct kd_engine *e, struct kd_flow *f, struct kd_tcp_ext *x, int which)
{
    const struct kd_parser *p = kd_parsers[which];
    x->state = kd_arena_alloc(&x->mem, p->state_bytes > 0 ? p->state_bytes : 1);
    if (x->state == NULL) {
        f->flags |= KD_FLOW_DEGRADED | KD_FLOW_OPAQUE;
        drop_probes(e, x);
        return false;
    }
    f->parser = (uint8_t)(which + 1);
    f->app = (uint8_t)p->app;
    return true;
}

/* Another conversation announced this one, so that nothing needs to be guessed.  Announcements come
 * before the first byte, so only that asks. */
static bool begin_expected(struct kd_engine *e, struct kd_flow *f, struct kd_tcp_ext *x)
{
    struct kd_expected *w = e->n_expected > 0 ? kd_engine_expected(e, &x->conn) : NULL;
    if (w == NULL || !begin_parser(e, f, x, w->parser))
        return false;
    const struct kd_parser *p = kd_parsers[w->parser];
    struct kd_ctx ctx = kd_engine_ctx(e, &x->conn, f, x->state);
    if (p->expected != NULL)
        p->expected(&ctx, kd_bytes_of(w->context, w->n_context));
    kd_engine_expected_done(e, w);
    return true;
}

/* Data while the protocol is unknown: ask with all that came in this direction. */
static void probe_data(struct kd_engine *e, struct kd_flow *f, struct kd_tcp_ext *x, unsigned dir,
                       struct kd_bytes in)
{
    bool reversed = false;
    kd_parser_set set = x->candidates;
    struct kd_bytes all = in;
    if (x->probe[dir].n > 0) {
        if (!kd_buf_add(&x->probe[dir], e->pool, in, e->cfg.lim->probe_bytes + in.n)) {
            nobody_reads(e, f, x, in);
            return;
        }
        all = kd_buf_view(&x->probe[dir]);
        in = (struct kd_bytes){NULL, 0};
    }
    int which = kd_engine_recognise(e, &x->conn, dir, all, &set, &reversed);
    if (which == RECOGNISED_MORE && all.n < e->cfg.lim->probe_bytes) {
        if (in.n > 0 && !kd_buf_add(&x->probe[dir], e->pool, in, e->cfg.lim->probe_bytes))
            nobody_reads(e, f, x, all);
        return;
    }
    if (which < 0) {
        /* The other side's data may still tell, as long as it has not spoken. */
        if (f->data[dir ^ 1] == 0 && all.n < e->cfg.lim->probe_bytes && x->probe[dir ^ 1].n == 0 &&
            (in.n == 0 || kd_buf_add(&x->probe[dir], e->pool, in, e->cfg.lim->probe_bytes)))
            return;
        nobody_reads(e, f, x, all);
        return;
    }
    if (reversed) {
        turn(e, f, x);
        dir ^= 1;
    }
    if (!begin_parser(e, f, x, which))
        return;
    struct kd_buf probe[2] = {x->probe[0], x->probe[1]};
    x->probe[0] = x->probe[1] = (struct kd_buf){0};
    for (unsigned d = 0; d < 2; d++) {
        if (probe[d].n > 0)
            parser_data(e, f, x, d, kd_buf_view(&probe[d]));
        kd_buf_done(&probe[d], e->pool);
    }
    if (in.n > 0)
        parser_data(e, f, x, dir, in);
}

static void on_data(void *arg, struct kd_flow *f, unsigned dir, struct kd_bytes in)
{
    struct kd_engine *e = arg;
    struct kd_tcp_ext *x = f->ext;
    bool first = f->parser == 0 && x->probe[0].n + x->probe[1].n + x->n_head == 0;
    bool parsed = (f->flags & KD_FLOW_OPAQUE) == 0;
    bool turned = x->turned;
    if (parsed && (f->parser != 0 || (first && begin_expected(e, f, x))))
        parser_data(e, f, x, dir, in);
    else if (parsed)
        probe_data(e, f, x, dir, in);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_stream(e, f, turned != x->turned ? dir ^ 1u : dir, in);
}

static void on_gap(void *arg, struct kd_flow *f, unsigned dir, uint64_t n)
{
    struct kd_engine *e = arg;
    struct kd_tcp_ext *x = f->ext;
    e->stats.gaps++;
    if (kd_engine_rules_ask(e, KD_EVENT_STREAM))
        kd_engine_rules_odd(e, f, dir, (uint64_t)1 << KD_TCP_ODD_GAP);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_gap(e, f, dir, n);
    if (f->flags & KD_FLOW_OPAQUE)
        return;
    if (f->parser == 0) {
        /* What is behind the hole is the middle of something. */
        kd_buf_done(&x->probe[dir], e->pool);
        f->flags |= KD_FLOW_MIDSTREAM;
        return;
    }
    struct kd_ctx ctx = kd_engine_ctx(e, &x->conn, f, x->state);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_enter(e, f, dir, kd_str(NULL));
    kd_feed_gap(kd_parsers[f->parser - 1], &ctx, &x->feed[dir], (enum kd_dir)dir, n);
    if (KD_UNLIKELY(e->match != NULL))
        kd_engine_rules_leave(e);
}

static void on_conflict(void *arg, struct kd_flow *f, unsigned dir)
{
    struct kd_engine *e = arg;
    kd_engine_anomaly(e, f, "stream", kd_tcp_odd_names[KD_TCP_ODD_OVERLAP]);
    if (kd_engine_rules_ask(e, KD_EVENT_STREAM))
        kd_engine_rules_odd(e, f, dir, (uint64_t)1 << KD_TCP_ODD_OVERLAP);
}

void kd_engine_reader(struct kd_engine *e)
{
    e->reader = (struct kd_tcp_reader){.data = on_data, .gap = on_gap, .conflict = on_conflict, .arg = e};
}

/* Neither a parser nor the rules read it. */
static bool is_unread(const struct kd_engine *e, const struct kd_flow *f)
{
    return (f->flags & KD_FLOW_OPAQUE) != 0 && !kd_engine_rules_read(e, f);
}

/* Nobody reads the stream any more: what it held is given back, its numbers go on. */
static void let_go(struct kd_engine *e, struct kd_flow *f)
{
    struct kd_tcp_ext *x = f->ext;
    x->let_go = true;
    kd_tcp_drop(x->half, e->pool);
    drop_probes(e, x);
}

void kd_engine_tcp(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    uint8_t before = f->state;
    if (kd_engine_rules_ask(e, KD_EVENT_STREAM)) {
        uint64_t odd = kd_tcp_odd(f, p, dir);
        if (odd != 0)
            kd_engine_rules_odd(e, f, dir, odd);
    }
    if (KD_UNLIKELY((f->flags & KD_FLOW_UNACKED) != 0))
        kd_engine_acked(e, f, p, dir);
    kd_tcp_state(f, p, dir);
    if (dir == 0 && (p->tcp_flags & KD_TCP_SYN) != 0 && kd_engine_rules_ask(e, KD_EVENT_STREAM))
        kd_tcp_odd_syn(f, p);
    if (is_unread(e, f) || (f->ext != NULL && ((struct kd_tcp_ext *)f->ext)->let_go))
        return;
    bool has_data = p->payload_wire > 0 && (p->tcp_flags & KD_TCP_RST) == 0;
    if (f->ext == NULL && !has_data)
        return;
    struct kd_tcp_ext *x = ext_of(e, f);
    if (x == NULL) {
        f->flags |= KD_FLOW_DEGRADED | KD_FLOW_OPAQUE;
        return;
    }
    x->frame = kd_engine_frame_number(e);
    if (before == KD_FLOW_RESET || (p->payload_wire > 0 && !has_data))
        return; /* what a reset says is no part of the stream (RFC 9293 section 3.5.3) */
    kd_tcp_data(x->half, f, p, dir, e->cfg.lim, e->pool, &e->reader);
    if (is_unread(e, f))
        let_go(e, f);
}

void kd_engine_tcp_end(struct kd_engine *e, struct kd_flow *f)
{
    struct kd_tcp_ext *x = f->ext;
    if (x == NULL)
        return;
    e->last_frame = x->frame; /* what is told now was known by then */
    if (!x->let_go)
        kd_tcp_finish(x->half, f, e->pool, &e->reader);
    if (f->parser != 0) {
        const struct kd_parser *p = kd_parsers[f->parser - 1];
        struct kd_ctx ctx = kd_engine_ctx(e, &x->conn, f, x->state);
        if (KD_UNLIKELY(e->match != NULL))
            kd_engine_rules_enter(e, f, KD_TO_SERVER, kd_str(NULL));
        kd_feed_end(p, &ctx, &x->feed[0], KD_TO_SERVER);
        kd_feed_end(p, &ctx, &x->feed[1], KD_TO_CLIENT);
        if (p->close != NULL)
            p->close(&ctx);
        if (KD_UNLIKELY(e->match != NULL))
            kd_engine_rules_leave(e);
    } else if (x->n_head == 0 && x->probe[0].n + x->probe[1].n > 0) {
        keep_head(x, kd_buf_view(&x->probe[x->probe[0].n > 0 ? 0 : 1]));
    }
    e->last_frame = 0;
    kd_tcp_drop(x->half, e->pool);
    drop_probes(e, x);
    kd_arena_done(&x->mem);
}
