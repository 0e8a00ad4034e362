/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/tcp.h"

enum {
    HOLE_PATIENCE = 3,           /* packets after an acknowledged hole: mirrors reorder a little */
    HOLE_PATIENCE_ONE_SIDED = 32,/* nobody acknowledges in a one-sided capture */
    FAR = 1 << 30,               /* further from the expected number is no part of this stream */
    RESET_REACH = 1 << 20        /* a reset further off is not believed */
};

struct kd_tcp_piece {
    struct kd_tcp_piece *next;
    size_t size; /* of the block */
    uint32_t seq;
    uint32_t n;
    uint8_t data[];
};

static int32_t distance(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

/* A reset far from where the sender stands was made up by somebody else, or is very late. */
static bool reset_is_plausible(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    int32_t off = distance(p->seq, f->seq[dir]);
    return f->tcp_flags[dir] == 0 || (off > -RESET_REACH && off < RESET_REACH);
}

static void reset(struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    bool plausible = reset_is_plausible(f, p, dir);
    f->tcp_flags[dir] |= p->tcp_flags;
    if (!plausible || f->state >= KD_FLOW_CLOSED)
        return;
    bool refused = f->state == KD_FLOW_NEW && dir == 1 && (f->tcp_flags[0] & KD_TCP_SYN);
    f->state = refused ? KD_FLOW_REFUSED : KD_FLOW_RESET;
}

static void answered(struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    bool syn = (p->tcp_flags & KD_TCP_SYN) != 0;
    if (f->flags & KD_FLOW_MIDSTREAM) {
        if (p->payload_wire > 0 || (f->packets[0] > 0 && f->packets[1] > 0))
            f->state = KD_FLOW_ESTABLISHED;
    } else if (dir == 1) {
        f->state = syn ? KD_FLOW_HALF_OPEN : KD_FLOW_ESTABLISHED;
    } else if (!syn) {
        f->state = KD_FLOW_ESTABLISHED; /* the answer was not captured */
    }
}

void kd_tcp_state(struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    uint8_t flags = p->tcp_flags;
    if (flags & KD_TCP_RST) {
        reset(f, p, dir);
        return;
    }
    uint32_t end = p->seq + p->payload_wire + ((flags & KD_TCP_SYN) != 0) + ((flags & KD_TCP_FIN) != 0);
    bool first = f->tcp_flags[dir] == 0 || ((flags & KD_TCP_SYN) != 0 && (f->tcp_flags[dir] & KD_TCP_SYN) == 0);
    if (flags & KD_TCP_SYN)
        f->isn[dir] = p->seq;
    f->tcp_flags[dir] |= flags;
    if (first || distance(end, f->seq[dir]) > 0)
        f->seq[dir] = end;
    if (f->state == KD_FLOW_NEW)
        answered(f, p, dir);
    else if (f->state == KD_FLOW_HALF_OPEN && dir == 0 && (flags & KD_TCP_SYN) == 0)
        f->state = KD_FLOW_ESTABLISHED;
    if (f->state == KD_FLOW_ESTABLISHED && (f->tcp_flags[0] & f->tcp_flags[1] & KD_TCP_FIN))
        f->state = KD_FLOW_CLOSED;
}

/* ---- one direction ---- */

struct stream {
    struct kd_tcp_half *h;
    struct kd_flow *f;
    unsigned dir;
    const struct kd_limits *lim;
    struct kd_pool *pool;
    const struct kd_tcp_reader *reader;
};

static void pass(struct stream *s, struct kd_bytes b)
{
    s->h->next_seq += (uint32_t)b.n;
    s->reader->data(s->reader->arg, s->f, s->dir, b);
}

static void drop_piece(struct stream *s, struct kd_tcp_piece *piece)
{
    s->h->waiting -= piece->n;
    s->h->n_pieces--;
    kd_pool_give(s->pool, piece, piece->size);
}

/* Pass on what has become contiguous. */
static void pass_waiting(struct stream *s)
{
    struct kd_tcp_half *h = s->h;
    while (h->pieces != NULL && distance(h->pieces->seq, h->next_seq) <= 0) {
        struct kd_tcp_piece *piece = h->pieces;
        uint32_t skip = h->next_seq - piece->seq;
        h->pieces = piece->next;
        if (skip < piece->n)
            pass(s, kd_bytes_of(piece->data + skip, piece->n - skip));
        drop_piece(s, piece);
    }
    if (h->pieces == NULL)
        h->hole_age = 0;
    if (h->has_end && distance(h->next_seq, h->end_seq) >= 0)
        h->ended = true;
}

static void count_gap(struct kd_flow *f, uint32_t n)
{
    f->gap_bytes = n > UINT32_MAX - f->gap_bytes ? UINT32_MAX : f->gap_bytes + n;
}

static void give_up_hole(struct stream *s)
{
    struct kd_tcp_half *h = s->h;
    uint32_t n = h->pieces->seq - h->next_seq;
    count_gap(s->f, n);
    h->next_seq += n;
    h->hole_age = 0;
    s->reader->gap(s->reader->arg, s->f, s->dir, n);
    pass_waiting(s);
}

/* Data that is lost for good without anything waiting behind it. */
static void skip_lost(struct stream *s, uint32_t n)
{
    count_gap(s->f, n);
    s->h->next_seq += n;
    s->reader->gap(s->reader->arg, s->f, s->dir, n);
    pass_waiting(s);
}

static struct kd_tcp_piece *new_piece(struct stream *s, uint32_t seq, struct kd_bytes b)
{
    size_t size = 0;
    struct kd_tcp_half *h = s->h;
    if (h->n_pieces >= s->lim->stream_segments || b.n > s->lim->stream_ahead - h->waiting)
        return NULL;
    struct kd_tcp_piece *piece = kd_pool_take(s->pool, sizeof(*piece) + b.n, &size);
    if (piece == NULL)
        return NULL;
    *piece = (struct kd_tcp_piece){.size = size, .seq = seq, .n = (uint32_t)b.n};
    memcpy(piece->data, b.p, b.n);
    h->waiting += piece->n;
    h->n_pieces++;
    return piece;
}

static void compare(struct stream *s, const struct kd_tcp_piece *piece, uint32_t seq, struct kd_bytes b)
{
    uint32_t from = distance(seq, piece->seq) > 0 ? seq : piece->seq;
    uint32_t piece_end = piece->seq + piece->n;
    uint32_t b_end = seq + (uint32_t)b.n;
    uint32_t to = distance(piece_end, b_end) < 0 ? piece_end : b_end;
    if (distance(to, from) > 0 &&
        memcmp(piece->data + (from - piece->seq), b.p + (from - seq), to - from) != 0)
        s->reader->conflict(s->reader->arg, s->f, s->dir);
}

/* Copy the parts of b that nothing waits for yet.  False: no room. */
static bool wait_with(struct stream *s, uint32_t seq, struct kd_bytes b)
{
    struct kd_tcp_piece **at = &s->h->pieces;
    while (b.n > 0) {
        while (*at != NULL && distance((*at)->seq + (*at)->n, seq) <= 0)
            at = &(*at)->next;
        struct kd_tcp_piece *behind = *at;
        size_t n = b.n;
        if (behind != NULL && distance(behind->seq, seq) <= 0) {
            compare(s, behind, seq, b);
            n = kd_min_size(n, behind->seq + behind->n - seq); /* that part is there already */
        } else {
            if (behind != NULL)
                n = kd_min_size(n, behind->seq - seq);
            struct kd_tcp_piece *piece = new_piece(s, seq, kd_bytes_head(b, n));
            if (piece == NULL)
                return false;
            piece->next = behind;
            *at = piece;
        }
        seq += (uint32_t)n;
        b = kd_bytes_from(b, n);
    }
    return true;
}

static void take_data(struct stream *s, uint32_t seq, struct kd_bytes b)
{
    struct kd_tcp_half *h = s->h;
    int32_t ahead = distance(seq, h->next_seq);
    if (b.n == 0)
        return;
    if (ahead < 0) {
        if ((uint32_t)-ahead >= b.n)
            return; /* seen before */
        b = kd_bytes_from(b, (size_t)-ahead);
        seq = h->next_seq;
        ahead = 0;
    }
    if (ahead == 0) {
        if (h->pieces == NULL || distance(h->pieces->seq, seq + (uint32_t)b.n) >= 0) {
            pass(s, b);
        } else {
            /* It runs into waiting data: what came first stays. */
            compare(s, h->pieces, seq, b);
            pass(s, kd_bytes_head(b, h->pieces->seq - seq));
            uint32_t done = h->next_seq - seq;
            pass_waiting(s);
            if (done < b.n)
                take_data(s, seq + done, kd_bytes_from(b, done));
        }
        pass_waiting(s);
        return;
    }
    if (ahead >= FAR)
        return;
    if (!wait_with(s, seq, b)) {
        s->f->flags |= KD_FLOW_DEGRADED;
        if (h->pieces != NULL)
            give_up_hole(s);
        else
            skip_lost(s, seq - h->next_seq);
        take_data(s, seq, b); /* one hole less each time, so this ends */
    }
}

/* Does waiting longer for the hole make sense? */
static void judge_hole(struct stream *s, const struct kd_packet *p, unsigned packet_dir, bool one_sided)
{
    struct kd_tcp_half *h = s->h;
    if (h->pieces == NULL)
        return;
    if (h->hole_age < UINT8_MAX)
        h->hole_age++;
    bool acked = packet_dir != s->dir && (p->tcp_flags & KD_TCP_ACK) &&
                 distance(p->ack, h->pieces->seq) >= 0 && distance(p->ack, h->pieces->seq) < FAR;
    if ((acked && h->hole_age > HOLE_PATIENCE) || (one_sided && h->hole_age > HOLE_PATIENCE_ONE_SIDED))
        give_up_hole(s);
}

/* One byte, not pushed, where the beginning was not seen: a keep-alive repeats the last byte before the data to come
 * (RFC 9293 section 3.8.4), and what follows begins behind it. */
static bool is_keep_alive(const struct kd_packet *p)
{
    return p->payload_wire == 1 && (p->tcp_flags & (KD_TCP_PSH | KD_TCP_FIN)) == 0;
}

/* Urgent data is one byte beside the stream, as receivers take it: the last one that the pointer covers (RFC 6093
 * section 2).  SIZE_MAX: none in this packet. */
static size_t urgent_byte(const struct kd_packet *p)
{
    size_t pointer = kd_bytes_be16(p->segment, 18);
    return (p->tcp_flags & KD_TCP_URG) != 0 && pointer > 0 && pointer <= p->payload.n ? pointer - 1 : SIZE_MAX;
}

static void take_payload(struct stream *s, uint32_t seq, const struct kd_packet *p)
{
    size_t at = urgent_byte(p);
    if (KD_LIKELY(at == SIZE_MAX)) {
        take_data(s, seq, p->payload);
        return;
    }
    take_data(s, seq, kd_bytes_head(p->payload, at));
    if (s->h->next_seq == seq + (uint32_t)at)
        s->h->next_seq++;
    else if (distance(s->h->next_seq, seq) < 0) /* behind a hole it stays in its place */
        take_data(s, seq + (uint32_t)at, kd_bytes_of(p->payload.p + at, 1));
    take_data(s, seq + (uint32_t)at + 1, kd_bytes_from(p->payload, at + 1));
}

static void start(struct kd_tcp_half *h, const struct kd_flow *f, const struct kd_packet *p, unsigned dir, uint32_t seq)
{
    h->started = true;
    if (f->tcp_flags[dir] & KD_TCP_SYN)
        h->next_seq = f->isn[dir] + 1;
    else
        h->next_seq = is_keep_alive(p) ? seq + 1 : seq;
}

void kd_tcp_data(struct kd_tcp_half half[2], struct kd_flow *f, const struct kd_packet *p, unsigned dir,
                 const struct kd_limits *lim, struct kd_pool *pool, const struct kd_tcp_reader *reader)
{
    struct kd_tcp_half *h = &half[dir];
    struct stream s = {.h = h, .f = f, .dir = dir, .lim = lim, .pool = pool, .reader = reader};
    uint32_t seq = p->tcp_flags & KD_TCP_SYN ? p->seq + 1 : p->seq;
    if (!h->started)
        start(h, f, p, dir, seq);
    if (p->tcp_flags & KD_TCP_FIN) {
        h->has_end = true;
        h->end_seq = seq + p->payload_wire;
    }
    if (p->payload_wire > 0 && !h->ended) {
        take_payload(&s, seq, p);
        uint32_t kept = (uint32_t)p->payload.n;
        /* The capture cut the packet short: the rest will not come. */
        if (kept < p->payload_wire && distance(h->next_seq, seq + kept) == 0)
            skip_lost(&s, p->payload_wire - kept);
    }
    pass_waiting(&s);
    if (half[0].pieces == NULL && half[1].pieces == NULL)
        return; /* nothing waits for a hole: nearly always */
    bool one_sided = f->packets[0] == 0 || f->packets[1] == 0;
    judge_hole(&s, p, dir, one_sided);
    struct stream other = s;
    other.dir = dir ^ 1;
    other.h = &half[other.dir];
    judge_hole(&other, p, dir, one_sided);
}

void kd_tcp_finish(struct kd_tcp_half half[2], struct kd_flow *f, struct kd_pool *pool,
                   const struct kd_tcp_reader *reader)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        struct stream s = {.h = &half[dir], .f = f, .dir = dir, .pool = pool, .reader = reader};
        while (half[dir].pieces != NULL)
            give_up_hole(&s);
    }
}

void kd_tcp_drop(struct kd_tcp_half half[2], struct kd_pool *pool)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        struct stream s = {.h = &half[dir], .pool = pool};
        while (half[dir].pieces != NULL) {
            struct kd_tcp_piece *piece = half[dir].pieces;
            half[dir].pieces = piece->next;
            drop_piece(&s, piece);
        }
    }
}
