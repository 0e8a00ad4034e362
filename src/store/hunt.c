/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hunt.h"

#include "base/hash.h"
#include "store/ingest.h"

#include <errno.h>
#include <pthread.h>

enum { THREADS_MAX = 2 };

struct scan {
    const struct kd_hunt_query *q;
    const struct kd_hunt_source *src;
    const struct kd_hunt_visitor *v;
    const struct kd_block_ref *ref;
    size_t n_refs;
    pthread_mutex_t lock; /* over what follows and the visitor's calls */
    size_t next;
    bool stop;
    enum kd_status s;
    struct kd_hunt_stats stats;
};

struct worker {
    struct scan *scan;
    struct kd_block_reader *r;
    struct kd_hunt_eval *ev;
    uint8_t *match; /* per row */
    uint32_t *row;
};

static bool out_of_time(const struct kd_hunt_query *q, enum kd_status *ret)
{
    if (q->cancel != NULL && *q->cancel)
        *ret = KD_CANCELLED;
    else if (q->deadline_us != 0 && kd_now_us(&q->clock) > q->deadline_us)
        *ret = KD_DEADLINE;
    else
        return false;
    return true;
}

/* Leave out rows outside the window. */
static enum kd_status cut_window(struct worker *w, size_t group, size_t *n)
{
    const struct kd_hunt_query *q = w->scan->q;
    const struct kd_block_head *h = kd_block_current(w->r);
    if (h->fixed.min_us >= q->from_us && h->fixed.max_us <= q->to_us)
        return KD_OK;
    enum kd_status s;
    const struct kd_loaded *ts = kd_block_column(w->r, group, KD_LEAF_TS, &s);
    *n = 0;
    for (size_t i = 0; s == KD_OK && i < h->group[group].rows; i++) {
        uint64_t at = ts == NULL ? 0 : ts->number[i];
        w->match[i] &= at >= q->from_us && at <= q->to_us;
        *n += w->match[i];
    }
    return s;
}

static enum kd_status scan_block(struct worker *w)
{
    const struct kd_block_head *h = kd_block_current(w->r);
    for (size_t g = 0; g < h->n_groups; g++) {
        size_t n = 0;
        enum kd_status s = kd_hunt_eval(w->ev, w->r, g, w->match, &n);
        if (s == KD_OK && n > 0)
            s = cut_window(w, g, &n);
        if (s != KD_OK)
            return s;
        if (n == 0)
            continue;
        size_t k = 0;
        for (uint32_t i = 0; i < h->group[g].rows; i++)
            if (w->match[i])
                w->row[k++] = i;
        (void)pthread_mutex_lock(&w->scan->lock);
        if (!w->scan->stop && !w->scan->v->visit(w->scan->v->arg, w->r, g, w->row, n)) {
            w->scan->stop = true;
            w->scan->stats.truncated = true;
        }
        (void)pthread_mutex_unlock(&w->scan->lock);
    }
    return KD_OK;
}

/* The next block to look into, by its filter; false: no more. */
static bool next_block(struct worker *w, const struct kd_block_ref **ret)
{
    struct scan *sc = w->scan;
    for (;;) {
        enum kd_status stopped = KD_OK;
        (void)pthread_mutex_lock(&sc->lock);
        bool more = !sc->stop && sc->next < sc->n_refs;
        const struct kd_block_ref *ref = more ? &sc->ref[sc->next++] : NULL;
        if (more && out_of_time(sc->q, &stopped)) {
            sc->stats.stopped = stopped;
            sc->stats.truncated = sc->stop = true;
            more = false;
        }
        if (more && sc->v->want != NULL && !sc->v->want(sc->v->arg, ref)) {
            sc->stop = true;
            more = false;
        }
        (void)pthread_mutex_unlock(&sc->lock);
        if (!more)
            return false;
        bool look = ref->seq <= sc->src->last_seq && kd_hunt_maybe(sc->q->expr, w->r, ref);
        (void)pthread_mutex_lock(&sc->lock);
        sc->stats.blocks++;
        sc->stats.blocks_skipped += !look;
        sc->stats.scanned += look ? ref->rows : 0;
        (void)pthread_mutex_unlock(&sc->lock);
        *ret = ref;
        if (look)
            return true;
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;
    const struct kd_block_ref *ref;
    while (next_block(w, &ref)) {
        enum kd_status s = kd_block_open(w->r, ref);
        if (s == KD_OK)
            s = scan_block(w);
        if (s == KD_OK)
            continue;
        /* A damaged or removed block must not hide what the others hold; it is told. */
        (void)pthread_mutex_lock(&w->scan->lock);
        w->scan->stats.unreadable++;
        if (s == KD_NO_MEMORY) {
            w->scan->s = s;
            w->scan->stop = true;
        }
        (void)pthread_mutex_unlock(&w->scan->lock);
    }
    return NULL;
}

static bool worker_init(struct worker *w, struct scan *sc)
{
    *w = (struct worker){.scan = sc,
                         .r = kd_block_reader_new(sc->src->events),
                         .ev = kd_hunt_eval_new(sc->q->expr),
                         .match = malloc(KD_BLOCK_ROWS),
                         .row = malloc(KD_BLOCK_ROWS * sizeof(uint32_t))};
    return w->r != NULL && w->ev != NULL && w->match != NULL && w->row != NULL;
}

static void worker_done(struct worker *w)
{
    kd_block_reader_free(w->r);
    kd_hunt_eval_free(w->ev);
    free(w->match);
    free(w->row);
}

/* What is in no block yet is made into blocks in memory, so that there is one way to search. */
static enum kd_status scan_unsealed(struct worker *w)
{
    struct kd_bytes rest = kd_bytes_of(w->scan->src->unsealed.p, w->scan->src->unsealed.n);
    struct kd_block_builder *b = rest.n > 0 ? kd_block_builder_new() : NULL;
    struct kd_built built = {.rows_taken = 0};
    enum kd_status s = rest.n > 0 && b == NULL ? KD_NO_MEMORY : KD_OK;
    while (s == KD_OK && rest.n > 0 && !w->scan->stop &&
           !out_of_time(w->scan->q, &w->scan->stats.stopped)) {
        struct kd_block_fixed fixed = {.seq = 1};
        s = kd_block_build(b, rest, &fixed, &built);
        if (built.rows_taken == 0)
            break;
        rest = kd_bytes_from(rest, built.bytes_taken);
        if (s == KD_NOT_FOUND) {
            s = KD_OK;
            continue;
        }
        w->scan->stats.scanned += built.fixed.rows;
        if (s == KD_OK)
            s = kd_block_use(w->r, kd_bytes_of(built.head.p, built.head.n),
                             kd_bytes_of(built.data.p, built.data.n));
        if (s == KD_OK)
            s = scan_block(w);
    }
    w->scan->stats.truncated |= w->scan->stats.stopped != KD_OK;
    kd_built_done(&built);
    kd_block_builder_free(b);
    return s;
}

enum kd_status kd_hunt_scan(const struct kd_hunt_query *q, const struct kd_hunt_source *src,
                            const struct kd_hunt_visitor *v, struct kd_hunt_stats *ret)
{
    struct scan sc = {.q = q, .src = src, .v = v, .s = KD_OK};
    struct kd_block_ref *ref = NULL;
    enum kd_status s =
        kd_events_list(src->events, q->from_us, q->to_us, q->expr->types, &ref, &sc.n_refs);
    if (s != KD_OK)
        return s;
    sc.ref = ref;
    (void)pthread_mutex_init(&sc.lock, NULL);
    struct worker w[THREADS_MAX];
    size_t n = q->threads > 1 && sc.n_refs > 1 ? THREADS_MAX : 1;
    bool ready = true;
    for (size_t i = 0; i < n; i++)
        ready = worker_init(&w[i], &sc) && ready;
    if (!ready)
        sc.s = KD_NO_MEMORY;
    if (sc.s == KD_OK)
        sc.s = scan_unsealed(&w[0]);
    if (sc.s == KD_OK) {
        pthread_t other;
        bool started = n > 1 && pthread_create(&other, NULL, run, &w[1]) == 0;
        (void)run(&w[0]);
        if (started)
            (void)pthread_join(other, NULL);
    }
    for (size_t i = 0; i < n; i++)
        worker_done(&w[i]);
    (void)pthread_mutex_destroy(&sc.lock);
    free(ref);
    *ret = sc.stats;
    return sc.s;
}

/* ---- the newest records ---- */

struct gather {
    const struct kd_hunt_query *q;
    struct kd_hunt_result *res;
    size_t room;
    uint64_t floor_us; /* with `limit` hits: the oldest of them */
    struct kd_pool *pool;
    struct kd_arena mem;
    uint8_t *json;
    void *body;
    struct {
        uint64_t ts_us;
        uint32_t row;
    } * order;
    enum kd_status s;
};

static int newest_first(const void *a, const void *b)
{
    const struct kd_hunt_hit *x = a;
    const struct kd_hunt_hit *y = b;
    if (x->ts_us != y->ts_us)
        return x->ts_us > y->ts_us ? -1 : 1;
    return x->id > y->id ? -1 : x->id < y->id;
}

/* Keep the newest `limit`; what falls out leaves its text behind until the end. */
static void trim(struct gather *g)
{
    struct kd_hunt_result *r = g->res;
    if (r->n > 0)
        qsort(r->hit, r->n, sizeof(*r->hit), newest_first);
    if (r->n > g->q->limit) {
        r->n = g->q->limit;
        r->stats.truncated = true;
    }
    if (r->n == g->q->limit && r->n > 0)
        g->floor_us = r->hit[r->n - 1].ts_us;
    struct kd_heap text = {NULL, 0, 0};
    size_t used = 0;
    for (size_t i = 0; i < r->n; i++)
        used += r->hit[i].n;
    if (used >= r->text.n / 2 || !kd_heap_room(&text, used + 1))
        return;
    for (size_t i = 0; i < r->n; i++) {
        memcpy(text.p + text.n, r->text.p + r->hit[i].at, r->hit[i].n);
        r->hit[i].at = text.n;
        text.n += r->hit[i].n;
    }
    kd_heap_done(&r->text);
    r->text = text;
}

static bool add_hit(struct gather *g, struct kd_block_reader *r, size_t group, uint32_t row)
{
    struct kd_hunt_result *res = g->res;
    struct kd_rec_head h;
    kd_arena_done(&g->mem);
    enum kd_status s = kd_block_record(r, group, row, &g->mem, &h, g->body);
    if (s != KD_OK)
        return s != KD_NO_MEMORY;
    struct kd_out o = kd_out_of(g->json, KD_JSON_MAX);
    kd_record_json(&o, &h, g->body, g->q->zone_s);
    if (!kd_out_ok(&o))
        return true;
    if (res->n == g->room) {
        size_t room = g->room * 2 + 64;
        struct kd_hunt_hit *hit = realloc(res->hit, room * sizeof(*hit));
        if (hit == NULL)
            return false;
        res->hit = hit;
        g->room = room;
    }
    if (!kd_heap_room(&res->text, o.n))
        return false;
    memcpy(res->text.p + res->text.n, o.p, o.n);
    res->hit[res->n++] = (struct kd_hunt_hit){h.ts_us, h.id, res->text.n, o.n};
    res->text.n += o.n;
    return true;
}

static int row_newest_first(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x > y ? -1 : x < y;
}

static bool visit(void *arg, struct kd_block_reader *r, size_t group, const uint32_t *row, size_t n)
{
    struct gather *g = arg;
    enum kd_status s;
    const struct kd_loaded *ts = kd_block_column(r, group, KD_LEAF_TS, &s);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = ts == NULL ? 0 : ts->number[row[i]];
        if (at < g->floor_us)
            continue;
        g->order[k].ts_us = at;
        g->order[k++].row = row[i];
    }
    g->res->stats.truncated |= k < n;
    if (k > 0)
        qsort(g->order, k, sizeof(*g->order), row_newest_first);
    if (k > g->q->limit) {
        k = g->q->limit;
        g->res->stats.truncated = true;
    }
    for (size_t i = 0; i < k; i++)
        if (!add_hit(g, r, group, g->order[i].row)) {
            g->s = KD_NO_MEMORY;
            return false;
        }
    trim(g);
    if (g->res->text.n <= g->q->max_bytes)
        return true;
    g->res->stats.truncated = true;
    return false;
}

static bool want(void *arg, const struct kd_block_ref *ref)
{
    struct gather *g = arg;
    if (g->res->n < g->q->limit || ref->max_us >= g->floor_us)
        return true;
    g->res->stats.truncated = true; /* older ones may match too */
    return false;
}

static size_t body_size(void)
{
    size_t size = 0;
    for (unsigned t = 0; t < KD_TYPES; t++)
        if (kd_schemas[t] != NULL && kd_schemas[t]->size > size)
            size = kd_schemas[t]->size;
    return size;
}

enum kd_status kd_hunt(const struct kd_hunt_query *q, const struct kd_hunt_source *src,
                       struct kd_hunt_result *ret)
{
    *ret = (struct kd_hunt_result){0};
    struct gather g = {.q = q,
                       .res = ret,
                       .s = KD_OK,
                       .pool = kd_pool_new(32 << 20),
                       .json = malloc(KD_JSON_MAX),
                       .body = malloc(body_size()),
                       .order = malloc(KD_BLOCK_ROWS * sizeof(*g.order))};
    struct kd_hunt_visitor v = {.want = want, .visit = visit, .arg = &g};
    enum kd_status s = KD_NO_MEMORY;
    if (g.pool != NULL && g.json != NULL && g.body != NULL && g.order != NULL) {
        kd_arena_init(&g.mem, g.pool, 32 << 20);
        struct kd_hunt_stats stats;
        s = kd_hunt_scan(q, src, &v, &stats);
        stats.truncated |= ret->stats.truncated;
        ret->stats = stats;
        kd_arena_done(&g.mem);
    }
    s = s == KD_OK ? g.s : s;
    kd_pool_free(g.pool);
    free(g.json);
    free(g.body);
    free(g.order);
    if (s != KD_OK)
        kd_hunt_result_done(ret);
    return s;
}

void kd_hunt_result_done(struct kd_hunt_result *r)
{
    free(r->hit);
    kd_heap_done(&r->text);
    *r = (struct kd_hunt_result){0};
}

void kd_hunt_source_done(struct kd_hunt_source *src)
{
    kd_heap_done(&src->unsealed);
}

enum kd_status kd_hunt_open(int dir_fd, int zone_s, struct kd_hunt_source *ret, struct kd_err *err)
{
    *ret = (struct kd_hunt_source){0};
    kd_digest_warm(); /* before there is more than one thread */
    struct kd_peek peek;
    enum kd_status s = kd_ingest_peek(dir_fd, &peek);
    if (s != KD_OK)
        return kd_fail_sys(err, s, "read", "journal", errno);
    s = kd_events_open(dir_fd, zone_s, false, &ret->events, err);
    if (s == KD_OK) {
        struct kd_events_last last = kd_events_last(ret->events);
        ret->last_seq = last.seq;
        s = kd_ingest_unsealed(&peek, &last, &ret->unsealed);
    }
    kd_peek_done(&peek);
    return s;
}
