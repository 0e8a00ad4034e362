/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds and bits by address: one table of fixed size; when its bucket is full the entry that was used
 * longest ago gives way, in constant time. */
#include "base/hash.h"
#include "match/internal.h"

enum { WAYS = 8 };

struct entry {
    uint64_t key;      /* 0: free */
    uint64_t first_us; /* the window's start; bits: set until */
    uint64_t used_us;
    uint32_t count;
    uint32_t told;
};

struct m_rate_table {
    uint64_t seed;
    uint32_t n_buckets;
    struct entry entry[];
};

struct m_rate_table *m_rates_new(uint32_t n, uint64_t seed)
{
    struct m_rate_table *t = calloc(1, sizeof(*t) + (size_t)n * WAYS * sizeof(struct entry));
    if (t != NULL) {
        t->n_buckets = n;
        t->seed = seed;
    }
    return t;
}

void m_rates_free(struct m_rate_table *t)
{
    free(t);
}

static struct entry *look_up(struct m_rate_table *t, uint64_t key)
{
    struct entry *e = &t->entry[(size_t)(key % t->n_buckets) * WAYS];
    for (unsigned i = 0; i < WAYS; i++)
        if (e[i].key == key)
            return &e[i];
    return NULL;
}

static struct entry *make(struct m_rate_table *t, uint64_t key, uint64_t now_us)
{
    struct entry *e = look_up(t, key);
    if (e == NULL) {
        struct entry *b = &t->entry[(size_t)(key % t->n_buckets) * WAYS];
        e = &b[0];
        for (unsigned i = 0; i < WAYS && e->key != 0; i++)
            if (b[i].key == 0 || b[i].used_us < e->used_us)
                e = &b[i];
        *e = (struct entry){.key = key, .first_us = now_us};
    }
    e->used_us = now_us;
    return e;
}

struct key {
    struct kd_addr a, b;
    uint64_t flow, what, kind;
};

static uint64_t hash_of(const struct m_rate_table *t, const struct key *k)
{
    uint64_t h = kd_hash(k, sizeof(*k), t->seed);
    return h == 0 ? 1 : h;
}

uint64_t m_rule_key(const struct kd_rule *r)
{
    return (uint64_t)r->gid << 32 | r->sid;
}

uint64_t m_name_key(const struct kd_rules *rules, unsigned space, uint32_t name)
{
    const struct kd_bytes *n = &(space == KD_COND_XBITS ? &rules->xbits : &rules->hostbits)->name[name];
    return kd_hash(n->p, n->n, space);
}

static uint64_t track_key(const struct m_rate_table *t, enum kd_track track, uint64_t what, uint32_t kind,
                          const struct kd_match_at *at, uint8_t dir)
{
    struct key k;
    memset(&k, 0, sizeof(k));
    k.what = what;
    k.kind = kind;
    switch (track) {
    case KD_TRACK_SRC:
        k.a = at->addr[dir];
        break;
    case KD_TRACK_DST:
        k.a = at->addr[dir ^ 1];
        break;
    case KD_TRACK_BOTH:
        k.a = at->addr[0];
        k.b = at->addr[1];
        if (kd_addr_cmp(&k.a, &k.b) > 0) {
            k.a = at->addr[1];
            k.b = at->addr[0];
        }
        break;
    case KD_TRACK_FLOW:
        k.flow = at->flow_id;
        break;
    case KD_TRACK_RULE:
        break;
    }
    return hash_of(t, &k);
}

/* A window that begins with the first match and is begun anew behind its end. */
static void turn_window(struct entry *e, uint64_t now_us, uint32_t seconds)
{
    if (now_us <= e->first_us + (uint64_t)seconds * 1000000)
        return;
    e->first_us = now_us;
    e->count = 0;
}

bool m_rates_let_through(struct m_rate_table *t, const struct kd_threshold *th, uint64_t rule,
                         const struct kd_match_at *at, uint8_t dir)
{
    if (th->kind == KD_THRESHOLD_NONE)
        return true;
    if (th->kind == KD_THRESHOLD_SUPPRESS)
        return false;
    struct entry *e = make(t, track_key(t, th->track, rule, 1, at, dir), at->now_us);
    switch (th->kind) {
    case KD_THRESHOLD_LIMIT:
        turn_window(e, at->now_us, th->seconds);
        return ++e->count <= th->count;
    case KD_THRESHOLD_THRESHOLD:
        turn_window(e, at->now_us, th->seconds);
        if (++e->count < th->count)
            return false;
        e->count = 0;
        return true;
    case KD_THRESHOLD_BOTH:
        turn_window(e, at->now_us, th->seconds);
        return ++e->count == th->count;
    case KD_THRESHOLD_BACKOFF:
        if (e->told == 0)
            e->told = th->count;
        if (++e->count != e->told)
            return false;
        e->told *= th->multiplier > 1 ? th->multiplier : 1;
        if (th->multiplier <= 1)
            e->count = 0;
        return true;
    default:
        return true;
    }
}

/* detection_filter: from beyond `count` matches within the time on. */
bool m_rates_filter(struct m_rate_table *t, const struct kd_threshold *th, uint64_t rule,
                    const struct kd_match_at *at, uint8_t dir)
{
    if (th->kind == KD_THRESHOLD_NONE)
        return true;
    struct entry *e = make(t, track_key(t, th->track, rule, 2, at, dir), at->now_us);
    turn_window(e, at->now_us, th->seconds);
    return ++e->count > th->count;
}

/* ---- bits of hosts and pairs of hosts ---- */

static uint64_t bit_key(const struct m_rate_table *t, const struct kd_bits *b, unsigned space, uint64_t name,
                        const struct kd_match_at *at, uint8_t dir)
{
    enum kd_track track = b->by == KD_BITS_BY_SRC   ? KD_TRACK_SRC
                          : b->by == KD_BITS_BY_DST ? KD_TRACK_DST
                                                    : KD_TRACK_BOTH;
    return track_key(t, track, name, 16 + space, at, dir);
}

void m_bits_do(struct m_rate_table *t, const struct kd_rules *rules, const struct kd_bits *b, unsigned space,
               const struct kd_match_at *at, uint8_t dir)
{
    enum { DEFAULT_S = 3600 };
    for (unsigned i = 0; i < b->n; i++) {
        uint64_t key = bit_key(t, b, space, m_name_key(rules, space, b->name[i]), at, dir);
        struct entry *e = look_up(t, key);
        bool set = b->what == KD_BITS_SET || (b->what == KD_BITS_TOGGLE && (e == NULL || e->first_us < at->now_us));
        if (set) {
            e = make(t, key, at->now_us);
            e->first_us = at->now_us + (uint64_t)(b->expire_s > 0 ? b->expire_s : DEFAULT_S) * 1000000;
        } else if (e != NULL) {
            e->key = 0;
        }
    }
}

bool m_bits_isset(struct m_rate_table *t, const struct kd_rules *rules, const struct kd_bits *b, unsigned space,
                  const struct kd_match_at *at, uint8_t dir)
{
    for (unsigned i = 0; i < b->n; i++) {
        const struct entry *e = look_up(t, bit_key(t, b, space, m_name_key(rules, space, b->name[i]), at, dir));
        if (e != NULL && e->first_us >= at->now_us)
            return true;
    }
    return false;
}
