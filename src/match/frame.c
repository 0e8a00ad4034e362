/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: runs of the stream that parsers point at.  A frame that lies in what the parser was called with is looked
 * into where it lies; of others the bytes are gathered as they pass.  Each is judged once, when it is whole, when
 * more of it is there than is looked into, or when nothing more will come; what lies between two losses is judged by
 * itself. */
#include "match/internal.h"

enum { WHOLE_MAX = 8 };

struct m_frame {
    struct kd_buf buf;   /* what passed since the last loss */
    uint64_t at, length; /* in the stream; KD_FRAME_OPEN */
    uint64_t passed;     /* bytes, lost ones too */
    uint32_t id, tx_id;
    uint16_t kind;       /* enum kd_frame_kind */
    uint8_t dir;
    bool open;           /* the slot is in use */
    bool wanted, full;   /* some rule looks into it; as much as is looked into was judged */
    bool cut;            /* its first bytes are gone */
};

struct m_frames {
    size_t size;
    uint32_t told[2];    /* frames so far, by direction */
    uint8_t n_whole[2];
    uint32_t whole[2][WHOLE_MAX]; /* rules that matched in the stream as a whole */
    struct m_frame frame[MATCH_FRAMES];
};

enum kd_frame_kind m_frame_of(const struct kd_rule_buffer *b)
{
    unsigned i = 0;
    while (i < KD_FRAME_COUNT && !kd_bytes_eq_str(b->arg, kd_frame_rows[i].name))
        i++;
    return (enum kd_frame_kind)i;
}

bool m_is_stream_frame(const struct kd_rule_buffer *b, enum kd_rule_proto *ret)
{
    struct kd_bytes name = b->arg;
    struct kd_bytes proto = kd_bytes_cut(&name, '.');
    if (b->in != KD_IN_FRAME || !kd_bytes_eq_str(name, "stream"))
        return false;
    for (unsigned i = 0; i < KD_RP_COUNT; i++)
        if (kd_bytes_eq_str(proto, kd_rule_proto_rows[i].name)) {
            *ret = (enum kd_rule_proto)i;
            return true;
        }
    return false;
}

static struct m_frames *frames_of(struct kd_matcher *m, const struct kd_match_at *at)
{
    struct kd_match_flow *f = m_flow(m, at);
    if (f == NULL || f->frames != NULL)
        return f == NULL ? NULL : f->frames;
    size_t size = 0;
    struct m_frames *all = kd_pool_take(m->pool, sizeof(*all), &size);
    if (all == NULL)
        return NULL;
    memset(all, 0, sizeof(*all));
    all->size = size;
    /* The whole direction is a frame, too: the first. */
    all->told[0] = all->told[1] = at->proto == KD_IP_TCP;
    f->frames = all;
    return all;
}

void m_frames_done(struct kd_matcher *m, struct kd_match_flow *f)
{
    if (f->frames == NULL)
        return;
    for (unsigned i = 0; i < MATCH_FRAMES; i++)
        kd_buf_done(&f->frames->frame[i].buf, m->pool);
    kd_pool_give(m->pool, f->frames, f->frames->size);
    f->frames = NULL;
}

bool m_first_in_stream(const struct m_run *run)
{
    struct m_frames *all = frames_of(run->m, run->at);
    uint32_t rule = (uint32_t)(run->r - run->m->set->rule);
    for (unsigned i = 0; all != NULL && i < all->n_whole[run->dir]; i++)
        if (all->whole[run->dir][i] == rule)
            return false;
    if (all != NULL && all->n_whole[run->dir] < WHOLE_MAX)
        all->whole[run->dir][all->n_whole[run->dir]++] = rule;
    return true;
}

void m_frames_move(struct kd_match_flow *f)
{
    if (f->frames != NULL)
        f->frames->n_whole[0] = f->frames->n_whole[1] = 0;
}

/* ---- judging ---- */

static bool is_wanted(const struct kd_matcher *m, enum kd_frame_kind kind, uint8_t dir)
{
    const struct m_list *l = &m->set->frames_of[kind];
    for (uint32_t i = 0; i < l->n; i++)
        if (!m_group_is_empty(&m->set->group[dir][l->v[i]]))
            return true;
    return false;
}

static void scan(struct kd_matcher *m, const struct m_frame *f, struct kd_bytes data)
{
    const struct m_list *l = &m->set->frames_of[f->kind];
    m_scan_begin(m, &m->at, f->dir);
    for (uint32_t i = 0; i < l->n; i++) {
        const struct kd_rule_buffer *b = m->set->rules->buffer[l->v[i]];
        struct kd_bytes in = data;
        if (b->n_transforms == 0 || m_transform(m, b, data, &in))
            m_scan(m, &m->set->group[f->dir][l->v[i]], in);
    }
    m_scan_sort(m);
}

/* `data` is what there is of it behind the last loss; `missing`: bytes that are lost behind it. */
static void judge(struct kd_matcher *m, const struct m_frame *f, struct kd_bytes data, uint64_t missing)
{
    bool whole = f->length != KD_FRAME_OPEN && f->passed == f->length && missing == 0;
    struct kd_match_frame told = {
        .type = kd_str(strchr(kd_frame_rows[f->kind].name, '.') + 1),
        .id = f->id,
        .tx_id = f->tx_id,
        .dir = f->dir,
        .at = f->at,
        .length = f->length,
        .missing = missing,
        .complete = whole,
        .data = data,
    };
    scan(m, f, data);
    for (uint32_t i = 0; i < m->n_cand && !m->passed; i++) {
        struct m_run run = m_run_of(m, &m->at, f->dir);
        run.r = &m->set->rule[m->cand[i]];
        run.frame = &told;
        run.frame_kind = f->kind;
        run.frame_cut[0] = f->cut;
        run.frame_cut[1] = !whole;
        run.payload = m_stream_so_far(m, f->dir);
        m_judge(&run);
    }
}

static void close_frame(struct kd_matcher *m, struct m_frame *f, uint64_t missing)
{
    if (f->wanted && !f->full && f->buf.n > 0)
        judge(m, f, kd_buf_view(&f->buf), missing);
    kd_buf_done(&f->buf, m->pool);
    f->open = false;
}

/* More of the stream passes. */
static void pass(struct kd_matcher *m, struct m_frame *f, struct kd_bytes in)
{
    uint64_t left = f->length == KD_FRAME_OPEN ? UINT64_MAX : f->length - f->passed;
    in = kd_bytes_head(in, (size_t)kd_min_u64(in.n, left));
    f->passed += in.n;
    if (f->wanted && !f->full) {
        struct kd_bytes fits = kd_bytes_head(in, MATCH_FRAME - f->buf.n);
        bool kept = kd_buf_add(&f->buf, m->pool, fits, MATCH_FRAME);
        if (!kept || (f->buf.n == MATCH_FRAME && in.n < left)) {
            judge(m, f, kd_buf_view(&f->buf), 0);
            f->full = true;
        }
    }
    if (in.n == left)
        close_frame(m, f, 0);
}

/* ---- what parsers tell ---- */

static struct m_frame *next_open(struct kd_matcher *m, uint8_t dir, unsigned *i)
{
    struct m_frames *all = *m->at.flow == NULL ? NULL : (*m->at.flow)->frames;
    for (; all != NULL && *i < MATCH_FRAMES; (*i)++)
        if (all->frame[*i].open && all->frame[*i].dir == dir)
            return &all->frame[(*i)++];
    return NULL;
}

void kd_match_span(struct kd_matcher *m, uint8_t dir, struct kd_bytes in, uint64_t at)
{
    struct m_frame *f;
    m->span = (struct m_span){in, at, dir};
    for (unsigned i = 0; (f = next_open(m, dir, &i)) != NULL;)
        pass(m, f, in);
}

/* As much of it as the parser was called with; false: it does not begin there. */
static bool at_hand(const struct m_span *s, uint8_t dir, const uint8_t *first, struct kd_bytes *ret)
{
    uintptr_t from = (uintptr_t)s->in.p, p = (uintptr_t)first;
    if (s->dir != dir || s->in.p == NULL || p < from || p - from > s->in.n)
        return false;
    *ret = kd_bytes_from(s->in, p - from);
    return true;
}

static void keep_open(struct kd_matcher *m, struct m_frames *all, const struct m_frame *begun, struct kd_bytes data)
{
    struct m_frame *f = all->frame;
    while (f < all->frame + MATCH_FRAMES && f->open)
        f++;
    if (f == all->frame + MATCH_FRAMES)
        return;
    *f = *begun;
    f->open = true;
    pass(m, f, data);
}

void kd_match_frame(struct kd_matcher *m, enum kd_frame_kind kind, uint8_t dir, const uint8_t *first, uint64_t length)
{
    struct kd_bytes data;
    struct m_frames *all = frames_of(m, &m->at);
    if (all == NULL || !at_hand(&m->span, dir, first, &data))
        return;
    struct m_frame f = {
        .at = m->span.at + (uint64_t)(data.p - m->span.in.p),
        .length = length,
        .id = ++all->told[dir],
        .tx_id = (*m->at.flow)->tx_next[dir],
        .kind = (uint16_t)kind,
        .dir = dir,
        .wanted = is_wanted(m, kind, dir),
    };
    if (!f.wanted)
        return;
    if (length > data.n || length > MATCH_FRAME) {
        keep_open(m, all, &f, data);
        return;
    }
    f.passed = length;
    judge(m, &f, kd_bytes_head(data, (size_t)length), 0);
}

/* What passed of the present span from `end` on was not the frame's. */
static void take_back(struct m_frame *f, uint64_t n)
{
    f->passed -= kd_min_u64(n, f->passed);
    f->buf.n -= f->full ? 0 : (size_t)kd_min_u64(n, f->buf.n);
}

void kd_match_frame_end(struct kd_matcher *m, enum kd_frame_kind kind, uint8_t dir, const uint8_t *end)
{
    struct m_frame *f;
    struct kd_bytes behind;
    if (end == NULL || !at_hand(&m->span, dir, end, &behind))
        behind = kd_str(NULL);
    for (unsigned i = 0; (f = next_open(m, dir, &i)) != NULL;)
        if (f->kind == kind && f->length == KD_FRAME_OPEN) {
            take_back(f, behind.n);
            f->length = f->passed;
            close_frame(m, f, 0);
        }
}

/* Bytes that are lost belong to the frames that are open. */
static void lose(struct kd_matcher *m, struct m_frame *f, uint64_t n)
{
    uint64_t left = f->length == KD_FRAME_OPEN ? UINT64_MAX : f->length - f->passed;
    n = kd_min_u64(n, left);
    if (f->wanted && !f->full && f->buf.n > 0)
        judge(m, f, kd_buf_view(&f->buf), n);
    kd_buf_done(&f->buf, m->pool);
    f->passed += n;
    f->cut = true;
    f->open = n < left;
}

void kd_match_frames_lost(struct kd_matcher *m, uint8_t dir, uint64_t n, bool all)
{
    struct m_frame *f;
    for (unsigned i = 0; (f = next_open(m, dir, &i)) != NULL;) {
        if (n > 0)
            lose(m, f, n);
        if (all && f->open)
            close_frame(m, f, 0);
    }
}
