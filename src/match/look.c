/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
/* Conditions on one value, in order.  What is relative to an earlier match is tried behind each place where that
 * one matches, as Suricata does it; the number of steps is bounded. */
#include <math.h>

#include "base/out.h"
#include "match/internal.h"

enum outcome { NO, YES, NEVER }; /* NEVER: no other place of an earlier match can help */

struct walk {
    struct m_run *run;
    const struct m_look *look;
    struct kd_bytes in;
    size_t at;       /* end of the last match */
    size_t furthest; /* end of any match */
    unsigned tries;
};

static enum outcome step(struct walk *w, unsigned i);

/* ---- contents ---- */

static bool same_nocase(const uint8_t *p, struct kd_bytes low)
{
    for (size_t i = 0; i < low.n; i++)
        if (kd_ascii_lower(p[i]) != low.p[i])
            return false;
    return true;
}

/* First place in `in`, or SIZE_MAX.  A byte that is no letter is sought first, where there is one. */
static size_t seek(struct kd_bytes in, const struct kd_content *c, uint8_t rare)
{
    struct kd_bytes want = c->bytes;
    if (want.n > in.n || want.n == 0)
        return want.n == 0 ? 0 : SIZE_MAX;
    if ((c->flags & KD_CONTENT_NOCASE) == 0) {
        const uint8_t *hit = memmem(in.p, in.n, want.p, want.n);
        return hit == NULL ? SIZE_MAX : (size_t)(hit - in.p);
    }
    uint8_t key = want.p[rare];
    bool letter = key >= 'a' && key <= 'z';
    size_t last = in.n - want.n;
    for (size_t i = 0; i <= last; i++) {
        if (!letter) {
            const uint8_t *hit = memchr(in.p + i + rare, key, last - i + 1);
            if (hit == NULL)
                return SIZE_MAX;
            i = (size_t)(hit - in.p) - rare;
        } else if (kd_ascii_lower(in.p[i + rare]) != key) {
            continue;
        }
        if (same_nocase(in.p + i, want))
            return i;
    }
    return SIZE_MAX;
}

static int64_t at_least_0(int64_t v)
{
    return v < 0 ? 0 : v;
}

/* Where the content must lie: [*ret_from, *ret_to).  False: nowhere. */
static bool range_of(const struct walk *w, const struct kd_content *c, int64_t *ret_from, int64_t *ret_to)
{
    const struct m_run *run = w->run;
    int64_t from = 0, to = (int64_t)w->in.n;
    if (c->flags & (KD_CONTENT_DISTANCE | KD_CONTENT_WITHIN)) {
        int64_t distance = c->flags & KD_CONTENT_DISTANCE ? m_value_of(run, &c->distance) : 0;
        from = at_least_0((int64_t)w->at + distance);
        if (c->flags & KD_CONTENT_WITHIN) {
            int64_t end = (int64_t)w->at + m_value_of(run, &c->within) + distance;
            to = end < to ? end : to;
        }
        if (c->flags & KD_CONTENT_DEPTH) {
            int64_t end = (int64_t)w->at + m_value_of(run, &c->depth);
            to = end < to ? end : to;
        }
        if (c->flags & KD_CONTENT_OFFSET) {
            int64_t offset = m_value_of(run, &c->offset);
            from = offset > from ? offset : from;
        }
    } else {
        int64_t offset = c->flags & KD_CONTENT_OFFSET ? m_value_of(run, &c->offset) : 0;
        from = at_least_0(offset);
        if (c->flags & KD_CONTENT_DEPTH) {
            int64_t end = offset + m_value_of(run, &c->depth);
            if (run->in_stream) /* counted from the stream's beginning */
                end -= (int64_t)run->stream_start;
            to = end < to ? end : to;
        }
        if (run->in_stream && (c->flags & KD_CONTENT_OFFSET))
            from = at_least_0(from - (int64_t)run->stream_start);
    }
    *ret_from = from;
    *ret_to = to;
    return from <= to && to > 0;
}

static enum outcome content(struct walk *w, unsigned i)
{
    const struct m_cond *mc = &w->look->cond[i];
    const struct kd_content *c = &mc->c->is.content;
    bool relative = (c->flags & (KD_CONTENT_DISTANCE | KD_CONTENT_WITHIN)) != 0;
    bool ends = mc->ends;
    int64_t from, to;
    bool room = range_of(w, c, &from, &to);
    size_t before = w->at, furthest = w->furthest;
    bool placed = !relative && (c->flags & (KD_CONTENT_OFFSET | KD_CONTENT_DEPTH)) != 0;
    if (placed && w->run->cut[0])
        room = false; /* nobody knows where the value's places are */
    if (room && ends) {
        /* Only at the value's end. */
        if ((size_t)to < w->in.n || w->run->cut[1])
            room = false;
        else if ((int64_t)w->in.n - (int64_t)c->bytes.n > from)
            from = (int64_t)w->in.n - (int64_t)c->bytes.n;
    }
    for (;;) {
        size_t hit = SIZE_MAX;
        if (room && from <= to)
            hit = seek(kd_bytes_of(w->in.p + from, (size_t)(to - from)), c, mc->rare);
        if (mc->c->negated) {
            bool single = !relative && !mc->next_relative && !ends && (c->flags & (KD_CONTENT_DEPTH | KD_CONTENT_OFFSET)) == 0;
            if (hit != SIZE_MAX)
                return single ? NEVER : NO;
            return step(w, i + 1);
        }
        if (hit == SIZE_MAX)
            return relative || w->run->beyond > 0 ? NO : NEVER;
        size_t end = (size_t)from + hit + c->bytes.n;
        w->at = end;
        w->furthest = end > furthest ? end : furthest;
        enum outcome o = step(w, i + 1);
        if (o != NO || (!mc->next_relative && w->run->beyond == 0) || w->tries > MATCH_TRIES)
            return o;
        w->at = before;
        w->furthest = furthest;
        from = (int64_t)(end - c->bytes.n + 1);
    }
}

/* ---- expressions ---- */

static enum outcome expression(struct walk *w, unsigned i)
{
    const struct m_cond *mc = &w->look->cond[i];
    const struct kd_pcre *p = &mc->c->is.pcre;
    struct kd_matcher *m = w->run->m;
    size_t from = p->flags & KD_PCRE_R ? w->at : 0;
    size_t before = w->at, furthest = w->furthest;
    if (mc->code == NULL)
        return NEVER;
    for (;;) {
        int n = from > w->in.n ? PCRE2_ERROR_NOMATCH
                               : pcre2_match(mc->code, w->in.p == NULL ? (PCRE2_SPTR) "" : w->in.p + from,
                                             w->in.n - from, 0, 0, m->match_data, m->match_context);
        if (mc->c->negated)
            return n == PCRE2_ERROR_NOMATCH ? step(w, i + 1) : NO;
        if (n < 0)
            return p->flags & KD_PCRE_R ? NO : NEVER;
        const PCRE2_SIZE *o = pcre2_get_ovector_pointer(m->match_data);
        size_t start = from + o[0];
        w->at = from + (o[1] > o[0] ? o[1] : o[0]);
        w->furthest = w->at > furthest ? w->at : furthest;
        enum outcome r = step(w, i + 1);
        if (r != NO || (!mc->next_relative && w->run->beyond == 0) || w->tries > MATCH_TRIES)
            return r;
        w->at = before;
        w->furthest = furthest;
        from = start + 1;
    }
}

/* ---- numbers ---- */

static bool compare(enum kd_byte_op op, uint64_t v, uint64_t x)
{
    switch (op) {
    case KD_OP_LT:
        return v < x;
    case KD_OP_LE:
        return v <= x;
    case KD_OP_GT:
        return v > x;
    case KD_OP_GE:
        return v >= x;
    case KD_OP_EQ:
        return v == x;
    case KD_OP_NE:
        return v != x;
    case KD_OP_AND:
        return (v & x) != 0;
    case KD_OP_NAND:
        return (v & x) == 0;
    case KD_OP_OR:
        return (v ^ x) != 0;
    case KD_OP_NOR:
        return (v ^ x) == 0;
    }
    return false;
}

static enum outcome byte_test(struct walk *w, const struct kd_cond *c, unsigned i)
{
    uint64_t v;
    size_t end;
    const struct kd_byte_test *t = &c->is.byte_test;
    if (!m_field_read(w->run, &t->field, w->in, w->at, &v, &end))
        return NO;
    if (compare(t->op, v, (uint64_t)m_value_of(w->run, &t->value)) == c->negated)
        return NO;
    return step(w, i + 1);
}

static enum outcome byte_jump(struct walk *w, const struct kd_cond *c, unsigned i)
{
    const struct kd_byte_jump *j = &c->is.byte_jump;
    uint64_t v = 0;
    size_t end = w->at;
    size_t before = w->at;
    bool reads = j->field.nbytes.n > 0 || j->field.nbytes.var >= 0;
    if (reads && !m_field_read(w->run, &j->field, w->in, w->at, &v, &end))
        return NO;
    if (j->multiplier > 1)
        v *= j->multiplier;
    if (j->align && v % 4 != 0)
        v += 4 - v % 4;
    int64_t to = (int64_t)v + m_value_of(w->run, &j->post_offset);
    if (j->from_end)
        to += (int64_t)w->in.n;
    else if (!j->from_beginning)
        to += (int64_t)end;
    if (to >= (int64_t)w->in.n)
        return NO;
    to = at_least_0(to); /* not before the beginning */
    w->at = (size_t)to;
    enum outcome o = step(w, i + 1);
    w->at = before;
    return o;
}

static enum outcome byte_extract(struct walk *w, const struct kd_cond *c, unsigned i)
{
    const struct kd_byte_extract *x = &c->is.byte_extract;
    uint64_t v;
    size_t end;
    size_t before = w->at;
    if (!m_field_read(w->run, &x->field, w->in, w->at, &v, &end))
        return NO;
    if (x->multiplier > 1)
        v *= x->multiplier;
    if (x->align > 1 && v % x->align != 0)
        v += x->align - v % x->align;
    if (x->var < MATCH_VARS)
        w->run->var[x->var] = v;
    w->at = end;
    enum outcome o = step(w, i + 1);
    w->at = before;
    return o;
}

static enum outcome byte_math(struct walk *w, const struct kd_cond *c, unsigned i)
{
    const struct kd_byte_math *x = &c->is.byte_math;
    uint64_t v;
    size_t end;
    size_t before = w->at;
    uint64_t right = (uint64_t)m_value_of(w->run, &x->rvalue);
    if (!m_field_read(w->run, &x->field, w->in, w->at, &v, &end))
        return NO;
    switch (x->oper) {
    case '+':
        v += right;
        break;
    case '-':
        v -= right;
        break;
    case '*':
        v *= right;
        break;
    case '/':
        if (right == 0)
            return NO;
        v /= right;
        break;
    case '<':
        v = right < 64 ? v << right : 0;
        break;
    default:
        v = right < 64 ? v >> right : 0;
        break;
    }
    if (x->var < MATCH_VARS)
        w->run->var[x->var] = v;
    w->at = end;
    enum outcome o = step(w, i + 1);
    w->at = before;
    return o;
}

static bool isdataat(const struct walk *w, const struct kd_cond *c)
{
    int64_t n = m_value_of(w->run, &c->is.isdataat.size);
    bool has = c->is.isdataat.relative ? n >= 0 && (int64_t)w->at + n <= (int64_t)w->in.n : n < (int64_t)w->in.n;
    return has != c->negated;
}

static bool entropy_holds(const struct walk *w, const struct kd_entropy *e)
{
    struct kd_bytes in = kd_bytes_from(w->in, e->offset);
    if (e->nbytes > 0)
        in = kd_bytes_head(in, e->nbytes);
    if (in.n == 0)
        return false;
    uint32_t count[256] = {0};
    double sum = 0;
    for (size_t i = 0; i < in.n; i++)
        count[in.p[i]]++;
    for (unsigned i = 0; i < 256; i++)
        if (count[i] > 0)
            sum -= (double)count[i] / (double)in.n * log2((double)count[i] / (double)in.n);
    uint64_t milli = (uint64_t)(sum * 1000 + 0.5);
    if (e->between || e->outside)
        return (milli >= e->milli && milli <= e->milli_to) == e->between;
    return compare(e->op, milli, e->milli);
}

static bool decode_base64(struct walk *w, const struct kd_base64_decode *d)
{
    size_t at = (d->relative ? w->at : 0) + d->offset;
    if (at > w->in.n)
        return false;
    struct kd_bytes text = kd_bytes_from(w->in, at);
    if (d->nbytes > 0)
        text = kd_bytes_head(text, d->nbytes);
    struct kd_out o = kd_out_of(w->run->m->base64, MATCH_BODY);
    m_base64(text, KD_BASE64_RFC4648, &o);
    w->run->base64 = kd_out_bytes_view(&o);
    return o.n > 0;
}

/* A member was found: what its set says of it goes with the match. */
static void note_context(struct kd_matcher *m, const struct kd_dataset_test *t, struct kd_bytes value)
{
    struct kd_match_context c = {.key = t->context_key, .without = t->remove_key ? t->set->value_key : kd_str("")};
    unsigned i = 0;
    while (i < m->n_contexts && !kd_bytes_eq(m->context[i].key, c.key))
        i++;
    if (i == MATCH_CONTEXTS || !m_sets_context(m->sets, t, value, &c.value))
        return;
    m->context[i] = c;
    m->n_contexts += i == m->n_contexts;
}

static enum outcome step(struct walk *w, unsigned i)
{
    if (i == w->look->n)
        return w->furthest > w->run->beyond || w->run->beyond == 0 ? YES : NO;
    if (++w->tries > MATCH_TRIES)
        return NEVER;
    const struct kd_cond *c = w->look->cond[i].c;
    bool holds;
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_CONTENT:
        return content(w, i);
    case KD_COND_PCRE:
        return expression(w, i);
    case KD_COND_BYTE_TEST:
        return byte_test(w, c, i);
    case KD_COND_BYTE_JUMP:
        return byte_jump(w, c, i);
    case KD_COND_BYTE_EXTRACT:
        return byte_extract(w, c, i);
    case KD_COND_BYTE_MATH:
        return byte_math(w, c, i);
    case KD_COND_ISDATAAT:
        holds = isdataat(w, c);
        break;
    case KD_COND_BSIZE:
        holds = !w->run->cut[0] && !w->run->cut[1] && kd_range_has(&c->is.range, w->in.n) != c->negated;
        break;
    case KD_COND_ABSENT: /* here the buffer exists */
        holds = c->is.words.a == 1;
        break;
    case KD_COND_DATASET:
        holds = m_sets_test(w->run->m->sets, &c->is.dataset, w->in);
        if (holds && c->is.dataset.context_key.n > 0)
            note_context(w->run->m, &c->is.dataset, w->in);
        break;
    case KD_COND_ENTROPY:
        holds = entropy_holds(w, &c->is.entropy) != c->negated;
        break;
    case KD_COND_BASE64_DECODE:
        holds = decode_base64(w, &c->is.base64_decode);
        break;
    default:
        holds = false;
        break;
    }
    return holds ? step(w, i + 1) : NO;
}

bool m_look_holds(struct m_run *run, const struct m_look *look, struct kd_bytes value)
{
    struct walk w = {.run = run, .look = look, .in = value};
    return step(&w, 0) == YES;
}
