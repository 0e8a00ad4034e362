/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: parsers tell values; when a side is complete the rules are judged whose fast pattern was seen
 * in one of them.  A side that ends in the call in which it began costs no memory: its values are looked into
 * where they lie. */
#include "match/internal.h"

static bool is_content(enum kd_inspect id)
{
    return id == KD_IN_FILE_DATA;
}

static void side_reset(struct m_side *s)
{
    s->open = s->has_body = s->judged_head = s->judged_body = s->scan_again = false;
    s->has_file = s->file_only = false;
    s->n_values = s->n_numbers = s->n_waiting = s->n_scanned = 0;
    s->body = (struct kd_buf){0};
    s->body_seen = 0;
    s->mem = (struct kd_arena){0};
}

void m_side_done(struct kd_matcher *m, struct m_side *s)
{
    kd_buf_done(&s->body, m->pool);
    kd_arena_done(&s->mem);
    side_reset(s);
}

/* ---- between calls ---- */

static size_t used_bytes(const struct m_side *s)
{
    return offsetof(struct m_side, value) + s->n_values * sizeof(s->value[0]);
}

static void restore(struct kd_matcher *m, unsigned dir)
{
    struct kd_match_flow *f = *m->at.flow;
    struct m_saved *saved = f == NULL ? NULL : f->side[dir];
    if (saved == NULL)
        return;
    memcpy(&m->side[dir], &saved->side, used_bytes(&saved->side));
    kd_pool_give(m->pool, saved, saved->size);
    f->side[dir] = NULL;
}

/* Copy what is borrowed; false: no memory, the side is given up. */
static bool keep_values(struct kd_matcher *m, struct m_side *s)
{
    enum { KEPT_MAX = 256 * 1024 };
    if (s->mem.pool == NULL)
        kd_arena_init(&s->mem, m->pool, KEPT_MAX);
    for (unsigned i = 0; i < s->n_values; i++) {
        struct m_value *v = &s->value[i];
        if (v->kept || v->n == 0)
            continue;
        uint8_t *copy = kd_arena_alloc(&s->mem, v->n);
        if (copy == NULL)
            return false;
        memcpy(copy, v->p, v->n);
        v->p = copy;
        v->kept = true;
    }
    return true;
}

static void save(struct kd_matcher *m, unsigned dir)
{
    struct m_side *s = &m->side[dir];
    struct kd_match_flow *f = m_flow(m, &m->at);
    size_t size = 0;
    struct m_saved *saved = NULL;
    if (f != NULL && keep_values(m, s))
        saved = kd_pool_take(m->pool, offsetof(struct m_saved, side) + used_bytes(s), &size);
    if (saved == NULL) {
        m_side_done(m, s);
        return;
    }
    saved->size = size;
    memcpy(&saved->side, s, used_bytes(s));
    f->side[dir] = saved;
    side_reset(s);
}

void kd_match_enter(struct kd_matcher *m, const struct kd_match_at *at, struct kd_bytes data)
{
    m->at = *at;
    m->stream = data;
    m->passed = *at->flow != NULL && (*at->flow)->passed;
    m->entered = true;
    m->span = (struct m_span){0};
    if (*at->flow != NULL) {
        restore(m, 0);
        restore(m, 1);
    }
}

void kd_match_leave(struct kd_matcher *m)
{
    m->entered = false;
    for (unsigned d = 0; d < 2; d++)
        if (m->side[d].open)
            save(m, d);
}

/* ---- judging ---- */

static void scan_value(struct kd_matcher *m, uint8_t dir, enum kd_inspect id, struct kd_bytes value)
{
    const struct m_list *l = &m->set->buffers_of[id];
    for (uint32_t i = 0; i < l->n; i++) {
        const struct m_group *g = &m->set->group[dir][l->v[i]];
        const struct kd_rule_buffer *b = m->set->rules->buffer[l->v[i]];
        struct kd_bytes in = value;
        if (g->db == NULL && g->always.n == 0)
            continue;
        if (b->n_transforms == 0 || m_transform(m, b, value, &in))
            m_scan(m, g, in);
    }
}

struct kd_bytes m_stream_so_far(struct kd_matcher *m, uint8_t dir)
{
    const struct kd_match_flow *f = *m->at.flow;
    size_t before = f == NULL || dir != m->at.dir ? 0 : f->window_n[dir];
    if (before == 0 || m->stream.n > MATCH_PIECE)
        return dir == m->at.dir ? m->stream : kd_str(NULL);
    memcpy(m->window, f->window[dir], before);
    if (m->stream.n > 0)
        memcpy(m->window + before, m->stream.p, m->stream.n);
    return kd_bytes_of(m->window, before + m->stream.n);
}

/* Is it in this direction that the rule asks for a file?  Those with => may ask in the other alone. */
static bool asks_for_file(const struct m_rule *r, uint8_t dir)
{
    if ((r->flags & M_FILE) == 0 || r->sides != KD_INSPECT_BOTH)
        return (r->flags & M_FILE) != 0;
    bool any = false;
    for (unsigned i = 0; i < r->rule->n_checks; i++) {
        const struct kd_cond *c = &r->rule->check[i];
        bool file = c->kind == KD_COND_FILE_HASH || (c->kind == KD_COND_NUMBER && c->is.number.field == KD_NUM_FILESIZE);
        uint8_t side = m_check_side(c);
        any |= file && (side == 0 || (side >> dir & 1) != 0);
    }
    for (unsigned i = 0; i < r->n_looks; i++) {
        uint8_t side = r->look[i].side;
        any |= kd_inspect_rows[r->look[i].in].unit == KD_INSPECT_FILE && (side == 0 || (side >> dir & 1) != 0);
    }
    return any;
}

static void judge_one(struct kd_matcher *m, uint8_t dir, uint32_t rule)
{
    struct m_run run = m_run_of(m, &m->at, dir);
    run.r = &m->set->rule[rule];
    if (KD_UNLIKELY((run.r->flags & M_FILE) != 0) && !m->side[dir].has_file && asks_for_file(run.r, dir))
        return;
    run.side = &m->side[dir];
    run.payload = m_stream_so_far(m, dir);
    m_judge(&run);
}

static void scan_values(struct kd_matcher *m, uint8_t dir, unsigned from, bool lists)
{
    struct m_side *s = &m->side[dir];
    for (unsigned i = from; i < s->n_values; i++)
        scan_value(m, dir, (enum kd_inspect)s->value[i].id, kd_bytes_of(s->value[i].p, s->value[i].n));
    s->n_scanned = s->n_values;
    if (lists)
        m_scan_list(m, &m->set->at_tx[m->at.app][dir]);
}

/* The head is complete: rules about it are judged, those about the content wait. */
static void judge_head(struct kd_matcher *m, uint8_t dir)
{
    struct m_side *s = &m->side[dir];
    s->judged_head = true;
    m_scan_begin(m, &m->at, dir);
    scan_values(m, dir, 0, true);
    m_scan_sort(m);
    for (uint32_t i = 0; i < m->n_cand && !m->passed; i++) {
        bool waits = (m->set->rule[m->cand[i]].flags & M_CONTENT) != 0;
        if (!waits)
            judge_one(m, dir, m->cand[i]);
        else if (s->n_waiting < MATCH_WAITING)
            s->waiting[s->n_waiting++] = m->cand[i];
        else
            s->scan_again = true;
    }
}

static void judge_content(struct kd_matcher *m, uint8_t dir)
{
    struct m_side *s = &m->side[dir];
    struct m_list waiting = {.n = s->n_waiting, .v = s->waiting};
    if (s->judged_body)
        return;
    s->judged_body = true;
    if (!s->has_body && s->n_waiting == 0 && !s->scan_again && s->n_scanned == s->n_values)
        return;
    m_scan_begin(m, &m->at, dir);
    m_scan_list(m, &waiting);
    scan_values(m, dir, s->scan_again ? 0 : s->n_scanned, s->scan_again);
    if (s->has_body)
        scan_value(m, dir, KD_IN_FILE_DATA, kd_buf_view(&s->body));
    m_scan_sort(m);
    for (uint32_t i = 0; i < m->n_cand && !m->passed; i++)
        if (m->set->rule[m->cand[i]].flags & M_CONTENT)
            judge_one(m, dir, m->cand[i]);
}

/* ---- what parsers tell ---- */

static struct m_side *open_side(struct kd_matcher *m, uint8_t dir)
{
    struct m_side *s = &m->side[dir];
    if (!s->open) {
        s->open = true;
        s->tx_id = *m->at.flow == NULL ? 0 : (*m->at.flow)->tx_next[dir];
    }
    return s;
}

static void add_content(struct kd_matcher *m, struct m_side *s, uint8_t dir, struct kd_bytes piece)
{
    s->has_body = true;
    s->body_seen += piece.n;
    if (s->judged_body)
        return;
    piece = kd_bytes_head(piece, MATCH_BODY - s->body.n);
    if (!kd_buf_add(&s->body, m->pool, piece, MATCH_BODY) || s->body.n == MATCH_BODY) {
        if (!s->judged_head)
            judge_head(m, dir);
        judge_content(m, dir);
        kd_buf_done(&s->body, m->pool);
        s->has_body = false;
    }
}

void kd_match_speaks(struct kd_matcher *m, enum kd_app app)
{
    m->at.app = app;
}

/* Does the side hold anything but a file? */
static void note_file(struct m_side *s, bool of_file, bool data)
{
    bool first = s->n_values == 0 && s->n_numbers == 0 && !s->has_body && !s->judged_head;
    s->file_only = (first || s->file_only) && (of_file || data);
    s->has_file |= of_file;
}

/* What was told of one file is taken back: another may follow. */
static void forget_file(struct kd_matcher *m, struct m_side *s)
{
    uint16_t n = 0;
    for (uint16_t i = 0; i < s->n_values; i++)
        if (kd_inspect_rows[s->value[i].id].unit != KD_INSPECT_FILE)
            s->value[n++] = s->value[i];
    s->n_values = s->n_scanned = n;
    n = 0;
    for (uint16_t i = 0; i < s->n_numbers; i++)
        if (s->number[i].id != KD_NUM_FILESIZE)
            s->number[n++] = s->number[i];
    s->n_numbers = n;
    s->has_file = false;
    if (s->file_only)
        m_side_done(m, s);
}

static void judge_file(struct kd_matcher *m, uint8_t dir)
{
    struct m_side *s = &m->side[dir];
    if (!s->has_file && !s->has_body)
        return;
    if (!s->judged_head)
        judge_head(m, dir);
    s->judged_body &= !s->has_file; /* what asks for more than content is judged for each file */
    judge_content(m, dir);
    forget_file(m, s);
}

void kd_match_value(struct kd_matcher *m, enum kd_inspect id, uint8_t dir, struct kd_bytes value)
{
    struct m_side *s = open_side(m, dir);
    note_file(s, kd_inspect_rows[id].unit == KD_INSPECT_FILE && !is_content(id), is_content(id));
    if (is_content(id)) {
        add_content(m, s, dir, value);
        return;
    }
    if (s->n_values < MATCH_VALUES && value.n <= UINT32_MAX)
        s->value[s->n_values++] = (struct m_value){value.p, (uint32_t)value.n, (uint16_t)id, false};
}

void kd_match_number(struct kd_matcher *m, enum kd_number id, uint8_t dir, uint64_t value)
{
    struct m_side *s = open_side(m, dir);
    note_file(s, id == KD_NUM_FILESIZE, false);
    if (s->n_numbers < MATCH_NUMBERS)
        s->number[s->n_numbers++] = (struct m_number){(uint16_t)id, value};
}

void kd_match_end(struct kd_matcher *m, uint8_t dir, enum kd_inspect_stage stage)
{
    struct m_side *s = &m->side[dir];
    if (!s->open || stage == KD_INSPECT_MORE)
        return;
    if (stage == KD_INSPECT_ONE_FILE) {
        judge_file(m, dir);
        return;
    }
    if (!s->judged_head)
        judge_head(m, dir);
    if (stage != KD_INSPECT_ALL) { /* what was told is the parser's again */
        if (!keep_values(m, s))
            m_side_done(m, s);
        return;
    }
    judge_content(m, dir);
    if (*m->at.flow != NULL)
        (*m->at.flow)->tx_next[dir]++;
    m_side_done(m, s);
}

void kd_match_event(struct kd_matcher *m, const struct kd_match_at *at, const char *name)
{
    const struct kd_rules *rules = m->set->rules;
    bool of_app = at == NULL;
    if (of_app && !m->entered)
        return;
    if (of_app)
        at = &m->at;
    if (*at->flow != NULL && (*at->flow)->passed)
        return;
    for (uint32_t id = 0; id < rules->events.n; id++) {
        if (m->set->events[id].n == 0 || !kd_bytes_eq_str(rules->events.name[id], name))
            continue;
        m->event = name;
        for (uint32_t i = 0; i < m->set->events[id].n; i++) {
            struct m_run run = m_run_of(m, at, at->dir);
            run.r = &m->set->rule[m->set->events[id].v[i]];
            if (of_app && (run.r->dirs >> run.dir & 1) == 0)
                run.dir ^= 1; /* a transaction's oddity is its own, whichever side it came from */
            run.side = of_app ? &m->side[run.dir] : NULL;
            run.payload = at->packet == NULL ? kd_str(NULL) : at->packet->payload;
            m_judge(&run);
        }
        m->event = NULL;
    }
}
