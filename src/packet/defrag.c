/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/defrag.h"

#include "base/hash.h"

enum { DATAGRAM_MAX = 65535, BUCKETS = 4096 };

struct part {
    uint32_t start, end;
};

struct key {
    struct kd_addr src, dst;
    uint32_t id;
    uint16_t vlan;
    uint8_t proto;
    uint8_t zero;
};

struct datagram {
    struct key key;
    uint32_t next;             /* in its bucket */
    uint32_t older, newer;     /* by arrival of the first fragment */
    uint64_t first_us;
    uint32_t total;            /* known with the last fragment; 0 before */
    uint32_t frame_bytes;
    uint32_t n_parts;
    struct part *parts;        /* sorted, not overlapping, merged */
    size_t parts_size;
    struct kd_buf data;
    bool used;
};

/* Index 0 of `slots` is nobody, so that 0 can mean none. */
struct kd_defrag {
    const struct kd_limits *lim;
    struct kd_pool *pool;
    uint64_t seed;
    struct datagram *slots;
    uint32_t n_slots;
    uint32_t free;             /* list through `next` */
    uint32_t oldest, newest;
    uint32_t buckets[BUCKETS];
    struct kd_buf done;        /* the datagram handed out last */
    struct kd_defrag_counts counts;
};

struct kd_defrag *kd_defrag_new(const struct kd_limits *lim, struct kd_pool *pool, uint64_t hash_seed)
{
    struct kd_defrag *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->n_slots = lim->fragments + 1;
    d->slots = calloc(d->n_slots, sizeof(*d->slots));
    if (d->slots == NULL) {
        free(d);
        return NULL;
    }
    d->lim = lim;
    d->pool = pool;
    d->seed = hash_seed;
    for (uint32_t i = d->n_slots - 1; i > 0; i--) {
        d->slots[i].next = d->free;
        d->free = i;
    }
    return d;
}

static uint32_t bucket_of(const struct kd_defrag *d, const struct key *k)
{
    return (uint32_t)(kd_hash(k, sizeof(*k), d->seed) % BUCKETS);
}

static void release(struct kd_defrag *d, uint32_t i)
{
    struct datagram *g = &d->slots[i];
    uint32_t *at = &d->buckets[bucket_of(d, &g->key)];
    while (*at != i)
        at = &d->slots[*at].next;
    *at = g->next;
    if (g->older != 0)
        d->slots[g->older].newer = g->newer;
    else
        d->oldest = g->newer;
    if (g->newer != 0)
        d->slots[g->newer].older = g->older;
    else
        d->newest = g->older;
    kd_buf_done(&g->data, d->pool);
    kd_pool_give(d->pool, g->parts, g->parts_size);
    memset(g, 0, sizeof(*g));
    g->next = d->free;
    d->free = i;
}

void kd_defrag_free(struct kd_defrag *d)
{
    if (d == NULL)
        return;
    while (d->oldest != 0)
        release(d, d->oldest);
    kd_buf_done(&d->done, d->pool);
    free(d->slots);
    free(d);
}

static void drop(struct kd_defrag *d, uint32_t i)
{
    d->counts.dropped++;
    release(d, i);
}

static uint32_t find_or_add(struct kd_defrag *d, const struct key *k, uint64_t now_us)
{
    uint64_t wait_us = (uint64_t)d->lim->fragment_s * 1000000;
    while (d->oldest != 0 && d->slots[d->oldest].first_us + wait_us < now_us)
        drop(d, d->oldest);
    uint32_t bucket = bucket_of(d, k);
    for (uint32_t i = d->buckets[bucket]; i != 0; i = d->slots[i].next)
        if (memcmp(&d->slots[i].key, k, sizeof(*k)) == 0)
            return i;
    if (d->free == 0)
        drop(d, d->oldest);
    uint32_t i = d->free;
    struct datagram *g = &d->slots[i];
    d->free = g->next;
    *g = (struct datagram){.key = *k, .used = true, .first_us = now_us, .older = d->newest};
    g->next = d->buckets[bucket];
    d->buckets[bucket] = i;
    if (d->newest != 0)
        d->slots[d->newest].newer = i;
    else
        d->oldest = i;
    d->newest = i;
    return i;
}

/* Make room for the datagram up to `end`; the buffer's length is the furthest byte seen. */
static bool reach(struct kd_defrag *d, struct datagram *g, uint32_t end)
{
    static const uint8_t zeros[4096];
    while (g->data.n < end) {
        size_t n = kd_min_size(sizeof(zeros), end - g->data.n);
        if (!kd_buf_add(&g->data, d->pool, kd_bytes_of(zeros, n), DATAGRAM_MAX))
            return false;
    }
    return true;
}

/* Copy [start, end) where nothing is yet; compare where something is. */
static void fill(struct kd_defrag *d, struct datagram *g, uint32_t start, struct kd_bytes b)
{
    uint32_t at = start;
    uint32_t end = start + (uint32_t)b.n;
    for (uint32_t i = 0; i < g->n_parts && at < end; i++) {
        const struct part *p = &g->parts[i];
        if (p->end <= at)
            continue;
        uint32_t free_end = p->start < end ? (p->start > at ? p->start : at) : end;
        memcpy(g->data.p + at, b.p + (at - start), free_end - at);
        at = free_end;
        uint32_t old_end = p->end < end ? p->end : end;
        if (at < old_end) {
            d->counts.overlaps++;
            if (memcmp(g->data.p + at, b.p + (at - start), old_end - at) != 0)
                d->counts.conflicts++;
            at = old_end;
        }
    }
    if (at < end)
        memcpy(g->data.p + at, b.p + (at - start), end - at);
}

/* Add [start, end) to the sorted list, merging neighbours. */
static bool note_part(struct kd_defrag *d, struct datagram *g, uint32_t start, uint32_t end)
{
    if (g->parts == NULL) {
        g->parts = kd_pool_take(d->pool, d->lim->fragment_parts * sizeof(struct part), &g->parts_size);
        if (g->parts == NULL)
            return false;
    }
    uint32_t i = 0;
    while (i < g->n_parts && g->parts[i].end < start)
        i++;
    uint32_t j = i;
    while (j < g->n_parts && g->parts[j].start <= end) {
        start = g->parts[j].start < start ? g->parts[j].start : start;
        end = g->parts[j].end > end ? g->parts[j].end : end;
        j++;
    }
    if (j == i && g->n_parts == d->lim->fragment_parts)
        return false;
    memmove(&g->parts[i + 1], &g->parts[j], (g->n_parts - j) * sizeof(struct part));
    g->n_parts = g->n_parts - (j - i) + 1;
    g->parts[i] = (struct part){start, end};
    return true;
}

static bool is_whole(const struct datagram *g)
{
    return g->total > 0 && g->n_parts == 1 && g->parts[0].start == 0 && g->parts[0].end >= g->total;
}

bool kd_defrag_add(struct kd_defrag *d, struct kd_packet *p, struct kd_bytes *ret)
{
    d->counts.fragments++;
    uint32_t start = p->frag_offset;
    size_t n = p->payload.n;
    bool v6 = p->ip_version == 6;
    uint64_t overlaps = d->counts.overlaps;
    if (start + n > DATAGRAM_MAX)
        kd_packet_odd(p, v6 ? KD_ODD_IPV6_FRAGMENT_LARGE : KD_ODD_IPV4_FRAGMENT_LARGE);
    else if (v6 && p->frag_more && n % 8 != 0)
        kd_packet_odd(p, KD_ODD_IPV6_FRAGMENT_LENGTH);
    if (p->truncated || n == 0 || start > DATAGRAM_MAX || n > DATAGRAM_MAX - start ||
        (p->frag_more && n % 8 != 0)) {
        d->counts.dropped++;
        return false;
    }
    struct key k = {.src = p->src, .dst = p->dst, .id = p->frag_id, .vlan = p->vlan, .proto = p->proto};
    uint32_t i = find_or_add(d, &k, p->ts_us);
    struct datagram *g = &d->slots[i];
    uint32_t end = start + (uint32_t)n;
    if (!p->frag_more && g->total == 0)
        g->total = end;
    if (!reach(d, g, end)) {
        drop(d, i);
        return false;
    }
    fill(d, g, start, p->payload);
    if (d->counts.overlaps > overlaps)
        kd_packet_odd(p, v6 ? KD_ODD_IPV6_FRAGMENT_OVERLAP : KD_ODD_IPV4_FRAGMENT_OVERLAP);
    if (!note_part(d, g, start, end)) {
        drop(d, i);
        return false;
    }
    g->frame_bytes += p->length;
    if (!is_whole(g))
        return false;
    kd_buf_done(&d->done, d->pool);
    d->done = g->data;
    g->data = (struct kd_buf){0};
    d->done.n = g->total;
    p->length = g->frame_bytes;
    d->counts.reassembled++;
    release(d, i);
    *ret = kd_buf_view(&d->done);
    return true;
}

const struct kd_defrag_counts *kd_defrag_counts(const struct kd_defrag *d)
{
    return &d->counts;
}
