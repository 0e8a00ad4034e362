/* SPDX-License-Identifier: Apache-2.0 */
/* Values are looked at once per distinct one of a block; a row costs one probe of the table. */
#include "store/sighting_table.h"

#include "base/hash.h"

enum { SLOTS = KD_SIGHT_ENTRIES * 2 };

/* Where indicators are; one of the head's addresses is `KD_SIGHT_IP` of a flow. */
static const struct source {
    unsigned type; /* KD_REC_* */
    enum kd_sighting_kind kind;
    const char *path;
} sources[] = {
    {KD_REC_DNS, KD_SIGHT_DNS, "dns.rrname"},
    {KD_REC_HTTP, KD_SIGHT_HTTP, "http.hostname"},
    {KD_REC_HTTP, KD_SIGHT_HASH, "http.response_sha256"},
    {KD_REC_TLS, KD_SIGHT_SNI, "tls.sni"},
    {KD_REC_TLS, KD_SIGHT_JA3, "tls.ja3.hash"},
    {KD_REC_TLS, KD_SIGHT_JA4, "tls.ja4"},
    {KD_REC_TLS, KD_SIGHT_CERT, "tls.fingerprint"},
    {KD_REC_TLS, KD_SIGHT_CERT, "tls.fingerprint_sha256"},
    {KD_REC_FILE, KD_SIGHT_HASH, "fileinfo.md5"},
    {KD_REC_FILE, KD_SIGHT_HASH, "fileinfo.sha1"},
    {KD_REC_FILE, KD_SIGHT_HASH, "fileinfo.sha256"},
    {KD_REC_SMTP, KD_SIGHT_MAIL, "smtp.mail_from"},
    {KD_REC_SMTP, KD_SIGHT_MAIL, "email.from"},
    {KD_REC_SMTP, KD_SIGHT_HASH, "email.attachments.md5"},
    {KD_REC_SMTP, KD_SIGHT_HASH, "email.attachments.sha1"},
    {KD_REC_SMTP, KD_SIGHT_HASH, "email.attachments.sha256"},
};

/* One end of the conversations of a group. */
struct side {
    uint64_t hash;
    bool outside; /* an address of the internet */
    bool inside;  /* one of a private network */
};

/* A value of a dictionary in stored form. */
struct value {
    uint64_t hash; /* 0: cannot be an indicator */
    uint32_t at;   /* in scratch[3] */
    uint8_t n;
};

struct group {
    struct kd_sight_table *t;
    struct kd_block_reader *r;
    size_t number;
    const struct kd_layout *layout;
    size_t rows;
    uint32_t day; /* of all rows; 0: look at each */
    int zone_s;
    const struct kd_loaded *src, *dst, *ts;
    struct side *src_side, *dst_side;
    enum kd_status s;
};

/* ---- the table ---- */

bool kd_sight_table_init(struct kd_sight_table *t, uint64_t seed)
{
    *t = (struct kd_sight_table){.seed = seed,
                                 .v = malloc(KD_SIGHT_ENTRIES * sizeof(*t->v)),
                                 .slot = calloc(SLOTS, sizeof(*t->slot)),
                                 .value = malloc(KD_SIGHT_ENTRIES * sizeof(*t->value)),
                                 .value_slot = calloc(SLOTS, sizeof(*t->value_slot))};
    return t->v != NULL && t->slot != NULL && t->value != NULL && t->value_slot != NULL;
}

void kd_sight_table_done(struct kd_sight_table *t)
{
    free(t->v);
    free(t->slot);
    free(t->value);
    free(t->value_slot);
    kd_heap_done(&t->text);
    for (size_t i = 0; i < KD_COUNT(t->scratch); i++)
        kd_heap_done(&t->scratch[i]);
    *t = (struct kd_sight_table){0};
}

void kd_sight_table_clear(struct kd_sight_table *t)
{
    t->n = t->n_values = 0;
    t->text.n = 0;
    t->left_out = 0;
    memset(t->slot, 0, SLOTS * sizeof(*t->slot));
    memset(t->value_slot, 0, SLOTS * sizeof(*t->value_slot));
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xbf58476d1ce4e5b9u);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* An indicator of a day, new or known; NULL when there is no room. */
static struct kd_sight_value *value_of(struct kd_sight_table *t, uint64_t key, struct kd_bytes b)
{
    size_t at = (size_t)key & (SLOTS - 1);
    for (; t->value_slot[at] != 0; at = (at + 1) & (SLOTS - 1))
        if (t->value[t->value_slot[at] - 1].key == key)
            return &t->value[t->value_slot[at] - 1];
    if (b.n > KD_SIGHT_TEXT - t->text.n || !kd_heap_room(&t->text, b.n))
        return NULL;
    struct kd_sight_value *v = &t->value[t->n_values]; /* no more of them than of pairs */
    *v = (struct kd_sight_value){.key = key, .at = (uint32_t)t->text.n, .n = (uint8_t)b.n};
    memcpy(t->text.p + t->text.n, b.p, b.n);
    t->text.n += b.n;
    t->value_slot[at] = (uint32_t)++t->n_values;
    return v;
}

/* Where the pair is, or is to be: a slot with 0. */
static uint32_t *pair_slot(const struct kd_sight_table *t, uint64_t key)
{
    size_t at = (size_t)key & (SLOTS - 1);
    while (t->slot[at] != 0 && t->v[t->slot[at] - 1].key != key)
        at = (at + 1) & (SLOTS - 1);
    return &t->slot[at];
}

static int in_order(const void *a, const void *b, void *arg)
{
    const struct kd_sight_table *t = arg;
    const struct kd_sight_value *x = &t->value[*(const uint32_t *)a];
    const struct kd_sight_value *y = &t->value[*(const uint32_t *)b];
    if (x->day != y->day)
        return x->day < y->day ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    int c = memcmp(t->text.p + x->at, t->text.p + y->at, kd_min_size(x->n, y->n));
    return c != 0 ? c : (int)x->n - (int)y->n;
}

void kd_sight_order(const struct kd_sight_table *t, uint32_t *ret)
{
    for (size_t i = 0; i < t->n_values; i++)
        ret[i] = (uint32_t)i;
    if (t->n_values > 0)
        qsort_r(ret, t->n_values, sizeof(*ret), in_order, (void *)(uintptr_t)t);
}

/* ---- who and when ---- */

static void *scratch(struct group *g, size_t which, size_t n, size_t item)
{
    struct kd_heap *h = &g->t->scratch[which];
    h->n = 0;
    if (!kd_heap_room(h, n * item + 1))
        g->s = KD_NO_MEMORY;
    return g->s == KD_OK ? h->p : NULL;
}

static struct side *sides(struct group *g, size_t which, const struct kd_loaded *c)
{
    struct side *v = scratch(g, which, c->desc->entries, sizeof(*v));
    for (uint32_t i = 0; v != NULL && i < c->desc->entries; i++) {
        struct kd_bytes b = kd_loaded_entry(c, i);
        v[i] = (struct side){0};
        if (b.n != sizeof(struct kd_addr))
            continue;
        struct kd_addr a = kd_addr_v6(b.p);
        bool none = kd_addr_is_none(&a) || kd_addr_is_multicast(&a) || kd_addr_is_loopback(&a);
        v[i].hash = kd_hash(a.b, sizeof(a.b), g->t->seed);
        v[i].inside = !none && (kd_addr_is_private(&a) || kd_addr_is_link_local(&a));
        v[i].outside = !none && !v[i].inside;
    }
    return v;
}

static const struct side *side_at(const struct kd_loaded *c, const struct side *v, size_t row)
{
    static const struct side none;
    return c == NULL || c->code[row] == 0 ? &none : &v[c->code[row] - 1];
}

static const uint8_t *address_at(const struct kd_loaded *c, size_t row)
{
    return kd_loaded_entry(c, c->code[row] - 1).p;
}

/* A pair of an indicator, whose number stands in `next` until it is linked. */
static struct kd_sight_entry *new_pair(struct group *g, uint32_t *slot, uint64_t what,
                                       const struct value *v)
{
    struct kd_sight_table *t = g->t;
    if (t->n == KD_SIGHT_ENTRIES)
        return NULL;
    const struct kd_sight_value *of = value_of(t, what, kd_bytes_of(t->scratch[3].p + v->at, v->n));
    if (of == NULL)
        return NULL;
    struct kd_sight_entry *e = &t->v[t->n];
    *e = (struct kd_sight_entry){.next = (uint32_t)(of - t->value) + 1};
    *slot = (uint32_t)++t->n;
    return e;
}

static void meet(struct group *g, size_t row, enum kd_sighting_kind kind, const struct value *v,
                 bool from_outside, uint64_t bytes)
{
    const struct kd_loaded *c = from_outside ? g->dst : g->src;
    const struct side *host = side_at(c, from_outside ? g->dst_side : g->src_side, row);
    uint64_t ts = g->ts == NULL ? 0 : g->ts->number[row];
    uint32_t day = g->day;
    if (host->hash == 0)
        return;
    if (day == 0) {
        struct kd_date d = kd_date_of(ts, g->zone_s);
        day = (uint32_t)d.year * 10000 + d.month * 100 + d.day;
    }
    uint64_t what = mix(v->hash, (uint64_t)day << 8 | (uint64_t)kind);
    uint64_t key = mix(what, host->hash);
    uint32_t *slot = pair_slot(g->t, key);
    struct kd_sight_entry *e = *slot != 0 ? &g->t->v[*slot - 1] : new_pair(g, slot, what, v);
    if (e == NULL) {
        g->t->left_out++;
        return;
    }
    if (e->count == 0) {
        struct kd_sight_value *of = &g->t->value[e->next - 1];
        e->next = of->first;
        of->first = *slot;
        of->day = day;
        of->kind = (uint8_t)kind;
        e->key = key;
        e->host = kd_addr_v6(address_at(c, row));
        e->first_us = ts;
    }
    e->first_us = kd_min_u64(e->first_us, ts);
    e->last_us = kd_max_u64(e->last_us, ts);
    e->count++;
    e->bytes += bytes;
}

/* The machine the reader cares about began the conversation, unless that came from the internet. */
static bool from_outside(const struct group *g, size_t row)
{
    return side_at(g->src, g->src_side, row)->outside && side_at(g->dst, g->dst_side, row)->inside;
}

/* ---- what ---- */

static const struct kd_loaded *column(struct group *g, const char *path, size_t *ret_leaf)
{
    enum kd_status s = KD_OK;
    for (size_t i = 0; i < g->layout->n; i++) {
        const struct kd_leaf *l = &g->layout->leaf[i];
        if (strcmp(l->path, path) != 0 || l->is_item)
            continue;
        *ret_leaf = i;
        const struct kd_loaded *c = kd_block_column(g->r, g->number, i, &s);
        g->s = s != KD_OK ? s : g->s;
        return c;
    }
    return NULL;
}

/* A value of a dictionary, with its hash. */
static void keep(struct group *g, enum kd_sighting_kind kind, struct kd_bytes key,
                 struct value *ret)
{
    struct kd_heap *h = &g->t->scratch[3];
    if (!kd_heap_room(h, key.n)) {
        g->s = KD_NO_MEMORY;
        return;
    }
    memcpy(h->p + h->n, key.p, key.n);
    *ret = (struct value){kd_hash(key.p, key.n, g->t->seed + (uint64_t)kind) | 1, (uint32_t)h->n,
                          (uint8_t)key.n};
    h->n += key.n;
}

static struct value *values(struct group *g, enum kd_sighting_kind kind, const struct kd_leaf *l,
                            const struct kd_loaded *c)
{
    struct value *v = scratch(g, 2, c->desc->entries, sizeof(*v));
    g->t->scratch[3].n = 0;
    for (uint32_t i = 0; v != NULL && i < c->desc->entries; i++) {
        uint8_t buf[KD_SIGHT_KEY_MAX + 1];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        struct kd_bytes b = kd_loaded_entry(c, i);
        bool ok =
            l->type == KD_T_STR ? kd_sighting_key(kind, b, &o) : b.n > 0 && b.n <= KD_SIGHT_KEY_MAX;
        v[i] = (struct value){0};
        if (ok)
            keep(g, kind, l->type == KD_T_STR ? kd_out_bytes_view(&o) : b, &v[i]);
    }
    return v;
}

static void count_source(struct group *g, const struct source *src)
{
    size_t leaf = 0;
    const struct kd_loaded *c = column(g, src->path, &leaf);
    if (c == NULL || c->code == NULL)
        return;
    const struct kd_leaf *l = &g->layout->leaf[leaf];
    const uint32_t *starts = NULL;
    enum kd_status s = KD_OK;
    if (l->parent != 0) {
        starts = kd_block_starts(g->r, g->number, l->parent, &s);
        g->s = s != KD_OK ? s : g->s;
        if (starts == NULL)
            return;
    }
    const struct value *v = values(g, src->kind, l, c);
    for (size_t row = 0; v != NULL && row < g->rows; row++) {
        uint32_t at = starts == NULL ? (uint32_t)row : starts[row];
        uint32_t end = starts == NULL ? at + 1 : starts[row + 1];
        for (; at < end; at++)
            if (c->code[at] != 0 && v[c->code[at] - 1].hash != 0)
                meet(g, row, src->kind, &v[c->code[at] - 1], from_outside(g, row), 0);
    }
}

/* Addresses of one side as values. */
static struct value *peers(struct group *g, const struct kd_loaded *c, const struct side *side)
{
    struct value *v = scratch(g, 2, c->desc->entries, sizeof(*v));
    g->t->scratch[3].n = 0;
    for (uint32_t i = 0; v != NULL && i < c->desc->entries; i++) {
        struct kd_bytes b = kd_loaded_entry(c, i);
        v[i] = (struct value){0};
        if (!side[i].outside)
            continue;
        struct kd_addr a = kd_addr_v6(b.p);
        keep(g, KD_SIGHT_IP, kd_addr_is_v4(&a) ? kd_bytes_from(b, 12) : b, &v[i]);
    }
    return v;
}

/* Of each flow the end in the internet: whom it addressed, or who came in. */
static void count_flows(struct group *g)
{
    size_t leaf = 0;
    if (g->dst == NULL)
        return;
    const struct kd_loaded *to_server = column(g, "flow.bytes_toserver", &leaf);
    const struct kd_loaded *to_client = column(g, "flow.bytes_toclient", &leaf);
    for (unsigned in = 0; in < 2; in++) {
        const struct kd_loaded *c = in ? g->src : g->dst;
        const struct value *v = peers(g, c, in ? g->src_side : g->dst_side);
        for (size_t row = 0; v != NULL && row < g->rows; row++) {
            if (c->code[row] == 0 || v[c->code[row] - 1].hash == 0 || from_outside(g, row) != in)
                continue;
            uint64_t bytes = (to_server == NULL ? 0 : to_server->number[row]) +
                             (to_client == NULL ? 0 : to_client->number[row]);
            meet(g, row, KD_SIGHT_IP, &v[c->code[row] - 1], in, bytes);
        }
    }
}

static const uint64_t counted_types = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_DNS |
                                      (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_TLS |
                                      (uint64_t)1 << KD_REC_FILE | (uint64_t)1 << KD_REC_SMTP;

static enum kd_status count_group(struct group *g)
{
    enum kd_status s;
    g->src = kd_block_column(g->r, g->number, KD_LEAF_SRC, &s);
    if (s == KD_OK)
        g->dst = kd_block_column(g->r, g->number, KD_LEAF_DST, &s);
    if (s == KD_OK)
        g->ts = kd_block_column(g->r, g->number, KD_LEAF_TS, &s);
    if (s != KD_OK || g->src == NULL)
        return s;
    g->s = KD_OK;
    g->src_side = sides(g, 0, g->src);
    g->dst_side = g->dst == NULL ? NULL : sides(g, 1, g->dst);
    if (g->s == KD_OK && g->layout->schema->id == KD_REC_FLOW)
        count_flows(g);
    for (size_t i = 0; i < KD_COUNT(sources) && g->s == KD_OK; i++)
        if (sources[i].type == g->layout->schema->id)
            count_source(g, &sources[i]);
    return g->s;
}

enum kd_status kd_sight_count(struct kd_sight_table *t, struct kd_block_reader *r, int zone_s)
{
    const struct kd_block_head *h = kd_block_current(r);
    struct kd_date a = kd_date_of(h->fixed.min_us, zone_s);
    struct kd_date b = kd_date_of(h->fixed.max_us, zone_s);
    bool one_day = a.year == b.year && a.month == b.month && a.day == b.day;
    for (size_t i = 0; i < h->n_groups; i++) {
        struct group g = {.t = t,
                          .r = r,
                          .number = i,
                          .layout = kd_layout_of(h->group[i].type),
                          .rows = h->group[i].rows,
                          .day = one_day ? (uint32_t)a.year * 10000 + a.month * 100 + a.day : 0,
                          .zone_s = zone_s};
        if (g.layout == NULL || (counted_types >> h->group[i].type & 1) == 0)
            continue;
        enum kd_status s = count_group(&g);
        if (s != KD_OK)
            return s;
    }
    return KD_OK;
}
