/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/keep.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/out.h"

enum {
    MAGIC = 0x3150444b, /* "KDP1" */
    FRAME_HEAD = 24,    /* u64 time, u32 kept, u32 on the wire, u32 link, u16 VLAN, u16 0 */
    DATA_AT = KD_KEEP_HEAD + KD_KEEP_BLOOM,
    SEEN = 1024, /* conversations known to be in the filter */
    OPEN = 1,
    CLOSED = 2
};

struct kd_keep {
    uint8_t *mem;
    size_t n_segments, at; /* the one in hand; n_segments: none */
    uint32_t engine;
    uint64_t seq;
    struct kd_keep_head head;
    uint64_t seen[SEEN];
};

/* ---- the format ---- */

static void put_head(uint8_t *segment, const struct kd_keep_head *h)
{
    uint8_t text[KD_KEEP_HEAD_SEALED] = {0};
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_le32(&o, MAGIC);
    kd_out_le32(&o, h->closed ? CLOSED : OPEN);
    kd_out_le64(&o, h->seq);
    kd_out_le32(&o, h->engine);
    kd_out_le32(&o, h->frames);
    kd_out_le32(&o, h->used);
    kd_out_le32(&o, 0);
    kd_out_le64(&o, h->first_us);
    kd_out_le64(&o, h->last_us);
    kd_out_le64(&o, h->left_out);
    kd_out_le64(&o, h->left_out_bytes);
    KD_ASSERT(kd_out_ok(&o));
    /* A reader beside us must not see a count before what it counts. */
    atomic_thread_fence(memory_order_release);
    memcpy(segment, text, sizeof(text));
}

enum kd_status kd_keep_head_read(struct kd_bytes head, struct kd_keep_head *ret)
{
    *ret = (struct kd_keep_head){0};
    if (head.n < KD_KEEP_HEAD)
        return KD_TRUNCATED;
    struct kd_cur c = kd_cur_of(head);
    uint32_t magic = kd_cur_le32(&c);
    uint32_t state = kd_cur_le32(&c);
    if (magic == 0 && state == 0)
        return KD_OK;
    ret->closed = state == CLOSED;
    ret->seq = kd_cur_le64(&c);
    ret->engine = kd_cur_le32(&c);
    ret->frames = kd_cur_le32(&c);
    ret->used = kd_cur_le32(&c);
    (void)kd_cur_le32(&c);
    ret->first_us = kd_cur_le64(&c);
    ret->last_us = kd_cur_le64(&c);
    ret->left_out = kd_cur_le64(&c);
    ret->left_out_bytes = kd_cur_le64(&c);
    ret->held = head.p[KD_KEEP_HELD_AT] != 0;
    uint64_t room = KD_KEEP_SEGMENT - DATA_AT;
    bool fits = ret->used <= room && (uint64_t)ret->frames * KD_KEEP_ENTRY <= room - ret->used;
    return magic == MAGIC && (state == OPEN || state == CLOSED) && fits ? KD_OK : KD_MALFORMED;
}

void kd_keep_parts(const struct kd_keep_head *h, struct kd_keep_span ret[KD_KEEP_PARTS])
{
    uint64_t index = (uint64_t)h->frames * KD_KEEP_ENTRY;
    ret[0] = (struct kd_keep_span){0, KD_KEEP_HEAD_SEALED};
    ret[1] = (struct kd_keep_span){KD_KEEP_HEAD, KD_KEEP_BLOOM};
    ret[2] = (struct kd_keep_span){DATA_AT, h->used};
    ret[3] = (struct kd_keep_span){KD_KEEP_SEGMENT - index, index};
}

static uint64_t key_of_flow(uint64_t flow)
{
    return kd_hash(&flow, sizeof(flow), 0x6670);
}

static uint64_t key_of_addr(const struct kd_addr *a)
{
    return kd_hash(a->b, sizeof(a->b), 0x6170);
}

/* Two bits of the filter by one key. */
static bool bloom(uint8_t *filter, uint64_t key, bool set)
{
    uint32_t bit[2] = {(uint32_t)key % (KD_KEEP_BLOOM * 8), (uint32_t)(key >> 32) % (KD_KEEP_BLOOM * 8)};
    bool has = true;
    for (size_t i = 0; i < KD_COUNT(bit); i++) {
        has = has && (filter[bit[i] / 8] & 1u << bit[i] % 8) != 0;
        if (set)
            filter[bit[i] / 8] |= (uint8_t)(1u << bit[i] % 8);
    }
    return has;
}

/* ---- writing ---- */

static uint8_t *segment_of(const struct kd_keep *k, size_t i)
{
    return k->mem + i * (size_t)KD_KEEP_SEGMENT;
}

static bool is_held(const struct kd_keep *k, size_t i)
{
    const volatile uint8_t *held = segment_of(k, i) + KD_KEEP_HELD_AT;
    return *held != 0;
}

static void close_segment(struct kd_keep *k)
{
    if (k->at == k->n_segments || k->head.closed)
        return;
    k->head.closed = true;
    put_head(segment_of(k, k->at), &k->head);
}

/* The segment with the lowest number that is not held. */
static bool begin_segment(struct kd_keep *k)
{
    size_t best = k->n_segments;
    uint64_t best_seq = UINT64_MAX;
    for (size_t i = 0; i < k->n_segments; i++) {
        struct kd_keep_head h;
        enum kd_status s = kd_keep_head_read(kd_bytes_of(segment_of(k, i), KD_KEEP_HEAD), &h);
        uint64_t seq = s == KD_OK ? h.seq : 0; /* what is broken is used first */
        if (seq < best_seq && !is_held(k, i)) {
            best = i;
            best_seq = seq;
        }
    }
    k->at = best;
    if (best == k->n_segments)
        return false;
    memset(segment_of(k, best), 0, DATA_AT);
    memset(k->seen, 0, sizeof(k->seen));
    k->head = (struct kd_keep_head){.seq = ++k->seq, .engine = k->engine};
    put_head(segment_of(k, best), &k->head);
    return true;
}

struct kd_keep *kd_keep_new(void *mem, size_t n, uint32_t engine)
{
    struct kd_keep *k = n / KD_KEEP_SEGMENT < 2 ? NULL : calloc(1, sizeof(*k));
    if (k == NULL)
        return NULL;
    k->mem = mem;
    k->n_segments = k->at = n / KD_KEEP_SEGMENT;
    k->engine = engine;
    for (size_t i = 0; i < k->n_segments; i++) {
        struct kd_keep_head h;
        if (kd_keep_head_read(kd_bytes_of(segment_of(k, i), KD_KEEP_HEAD), &h) != KD_OK || h.seq == 0)
            continue;
        k->seq = h.seq > k->seq ? h.seq : k->seq;
        if (!h.closed) {
            h.closed = true;
            put_head(segment_of(k, i), &h);
        }
    }
    return k;
}

void kd_keep_free(struct kd_keep *k)
{
    if (k == NULL)
        return;
    close_segment(k);
    free(k);
}

static bool make_room(struct kd_keep *k, size_t n)
{
    if (k->at < k->n_segments) {
        size_t index = ((size_t)k->head.frames + 1) * KD_KEEP_ENTRY;
        if (DATA_AT + (size_t)k->head.used + n + index <= KD_KEEP_SEGMENT)
            return true;
        close_segment(k);
    }
    return n + KD_KEEP_ENTRY <= KD_KEEP_SEGMENT - DATA_AT && begin_segment(k);
}

static void note_keys(struct kd_keep *k, uint64_t flow, uint64_t a, uint64_t b)
{
    uint64_t key = flow != 0 ? flow : a ^ b;
    uint64_t *seen = &k->seen[key % SEEN];
    uint8_t *filter = segment_of(k, k->at) + KD_KEEP_HEAD;
    if (*seen == key)
        return;
    *seen = key;
    if (flow != 0)
        (void)bloom(filter, key_of_flow(flow), true);
    (void)bloom(filter, a, true);
    (void)bloom(filter, b, true);
}

bool kd_keep_put(struct kd_keep *k, const struct kd_captured *c, uint64_t flow,
                 const struct kd_addr *a, const struct kd_addr *b)
{
    size_t n = (FRAME_HEAD + c->bytes.n + 7) & ~(size_t)7;
    if (!make_room(k, n))
        return false;
    uint8_t *segment = segment_of(k, k->at);
    uint64_t key_a = key_of_addr(a), key_b = key_of_addr(b);
    uint32_t at = DATA_AT + k->head.used;
    struct kd_out o = kd_out_of(segment + at, n);
    kd_out_le64(&o, c->ts_us);
    kd_out_le32(&o, (uint32_t)c->bytes.n);
    kd_out_le32(&o, c->length);
    kd_out_le32(&o, c->link);
    kd_out_le16(&o, c->vlan);
    kd_out_le16(&o, 0);
    kd_out_bytes(&o, c->bytes);
    o = kd_out_of(segment + KD_KEEP_SEGMENT - ((size_t)k->head.frames + 1) * KD_KEEP_ENTRY,
                  KD_KEEP_ENTRY);
    kd_out_le64(&o, flow);
    kd_out_le32(&o, at);
    kd_out_le32(&o, (uint32_t)key_a);
    kd_out_le32(&o, (uint32_t)key_b);
    kd_out_le32(&o, 0);
    note_keys(k, flow, key_a, key_b);
    struct kd_keep_head *h = &k->head;
    h->first_us = h->frames == 0 || c->ts_us < h->first_us ? c->ts_us : h->first_us;
    h->last_us = c->ts_us > h->last_us ? c->ts_us : h->last_us;
    h->frames++;
    h->used += (uint32_t)n;
    put_head(segment, h);
    return true;
}

static bool segment_has(const uint8_t *segment, uint64_t flow)
{
    struct kd_keep_head h;
    /* Read only: set is false. */
    uint8_t *filter = (uint8_t *)(uintptr_t)(segment + KD_KEEP_HEAD);
    if (kd_keep_head_read(kd_bytes_of(segment, KD_KEEP_HEAD), &h) != KD_OK ||
        !bloom(filter, key_of_flow(flow), false))
        return false;
    for (uint32_t i = 0; i < h.frames; i++) {
        size_t entry = KD_KEEP_SEGMENT - ((size_t)i + 1) * KD_KEEP_ENTRY;
        struct kd_cur c = kd_cur_of(kd_bytes_of(segment + entry, KD_KEEP_ENTRY));
        if (kd_cur_le64(&c) == flow)
            return true;
    }
    return false;
}

bool kd_keep_has_recent(const struct kd_keep *k, uint64_t flow)
{
    for (size_t i = 0; i < k->n_segments; i++) {
        struct kd_keep_head h;
        enum kd_status s = kd_keep_head_read(kd_bytes_of(segment_of(k, i), KD_KEEP_HEAD), &h);
        bool recent = s == KD_OK && h.seq > 0 && h.seq + k->n_segments / 2 > k->seq;
        if (recent && segment_has(segment_of(k, i), flow))
            return true;
    }
    return false;
}

void kd_keep_leave_out(struct kd_keep *k, uint32_t length)
{
    if (k->at == k->n_segments || k->head.closed)
        return; /* the next segment's count begins with it */
    k->head.left_out++;
    k->head.left_out_bytes += length;
}

/* ---- reading ---- */

static bool may_hold(struct kd_bytes segment, const struct kd_keep_query *q)
{
    uint8_t *filter = (uint8_t *)(uintptr_t)(segment.p + KD_KEEP_HEAD); /* read only: set is false */
    if (q->flow != 0 && !bloom(filter, key_of_flow(q->flow), false))
        return false;
    bool any = q->n_hosts == 0;
    for (size_t i = 0; i < q->n_hosts && !any; i++)
        any = bloom(filter, key_of_addr(&q->host[i]), false);
    return any;
}

enum kd_status kd_keep_open(struct kd_keep_reader *r, struct kd_bytes segment,
                            const struct kd_keep_query *q)
{
    *r = (struct kd_keep_reader){.segment = segment, .query = q};
    if (segment.n < KD_KEEP_SEGMENT)
        return KD_TRUNCATED;
    enum kd_status s = kd_keep_head_read(kd_bytes_head(segment, KD_KEEP_HEAD), &r->head);
    atomic_thread_fence(memory_order_acquire);
    if (s != KD_OK)
        return s;
    bool in_time = r->head.first_us <= q->to_us && r->head.last_us >= q->from_us;
    return r->head.frames > 0 && in_time && may_hold(segment, q) ? KD_OK : KD_NOT_FOUND;
}

bool kd_keep_frame(struct kd_bytes segment, uint32_t at, struct kd_captured *ret)
{
    if (at < DATA_AT || at >= KD_KEEP_SEGMENT)
        return false;
    struct kd_cur c = kd_cur_of(kd_bytes_from(kd_bytes_head(segment, KD_KEEP_SEGMENT), at));
    uint64_t ts_us = kd_cur_le64(&c);
    uint32_t kept = kd_cur_le32(&c);
    uint32_t length = kd_cur_le32(&c);
    uint32_t link = kd_cur_le32(&c);
    *ret = (struct kd_captured){.ts_us = ts_us, .link = link, .length = length, .vlan = kd_cur_le16(&c)};
    (void)kd_cur_le16(&c);
    ret->bytes = kd_cur_take(&c, kept);
    return kd_cur_ok(&c);
}

static bool wanted(const struct kd_keep_query *q, uint64_t flow, uint32_t a, uint32_t b)
{
    if (q->flow != 0 && flow != q->flow)
        return false;
    for (size_t i = 0; i < q->n_hosts; i++) {
        uint32_t key = (uint32_t)key_of_addr(&q->host[i]);
        if (key == a || key == b)
            return true;
    }
    return q->n_hosts == 0;
}

bool kd_keep_next(struct kd_keep_reader *r, struct kd_captured *ret, uint32_t *ret_at)
{
    while (r->next < r->head.frames) {
        size_t entry = KD_KEEP_SEGMENT - ((size_t)++r->next) * KD_KEEP_ENTRY;
        struct kd_cur c = kd_cur_of(kd_bytes_from(r->segment, entry));
        uint64_t flow = kd_cur_le64(&c);
        uint32_t at = kd_cur_le32(&c);
        uint32_t a = kd_cur_le32(&c);
        uint32_t b = kd_cur_le32(&c);
        if (!wanted(r->query, flow, a, b))
            continue;
        if (!kd_keep_frame(r->segment, at, ret)) {
            r->bad++;
            continue;
        }
        *ret_at = at;
        if (ret->ts_us >= r->query->from_us && ret->ts_us <= r->query->to_us)
            return true;
    }
    return false;
}
