/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and ports of a header: variables, groups, negation, ranges, resolved to sorted ranges.
 *
 * As in Suricata, what is negated is taken from what is listed; when only negated entries of an
 * address family are listed, from all of that family; a family that is not mentioned does not
 * match. */
#include "rule/internal.h"

enum { BUF_MAX = KD_POOL_LARGE };

/* Both kinds of set as ranges of 16-byte keys; a port is the last two bytes. */
struct range {
    uint8_t first[16], last[16];
};

struct group {
    struct kd_parse *p;
    bool is_port;
    unsigned depth;
    struct kd_buf *yes, *no; /* struct range */
};

static void put_port(uint8_t key[16], uint16_t port)
{
    memset(key, 0, 16);
    key[14] = (uint8_t)(port >> 8);
    key[15] = (uint8_t)port;
}

static bool put(struct group *g, const struct range *r, bool negated)
{
    struct kd_buf *to = negated ? g->no : g->yes;
    if (to->n / sizeof(*r) >= g->p->lim->rule_addresses)
        return kd_refuse(g->p, KD_WHY_TOO_MANY_ADDRESSES);
    return kd_buf_add(to, g->p->st->pool, kd_bytes_of(r, sizeof(*r)), BUF_MAX) ||
           kd_refuse(g->p, KD_WHY_NO_MEMORY);
}

static const struct range all_v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0},
                                    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255}};
/* All of IPv6 lies on both sides of the mapped IPv4. */
static const struct range low_v6 = {{0},
                                    {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 254, 255, 255, 255, 255}};
static const struct range high_v6 = {
    {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0},
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};
static const struct range all_ports = {{0}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255}};

static bool put_v6(struct group *g, bool negated)
{
    return put(g, &low_v6, negated) && put(g, &high_v6, negated);
}

static bool put_any(struct group *g, bool negated)
{
    if (g->is_port)
        return put(g, &all_ports, negated);
    return put(g, &all_v4, negated) && put_v6(g, negated);
}

static bool one_port(struct kd_bytes text, uint16_t *ret)
{
    uint64_t v;
    if (!kd_bytes_to_u64(kd_bytes_trim(text), UINT16_MAX, &v))
        return false;
    *ret = (uint16_t)v;
    return true;
}

/* "80", "80:90", ":1024", "1024:" */
static bool port_item(struct group *g, struct kd_bytes text, bool negated)
{
    struct kd_bytes tail = text;
    struct kd_bytes head = kd_bytes_cut(&tail, ':');
    bool is_range = head.n < text.n;
    uint16_t first = 0, last = UINT16_MAX;
    if ((head.n > 0 && !one_port(head, &first)) || (head.n == 0 && !is_range) ||
        (tail.n > 0 && !one_port(tail, &last)) || (is_range && head.n == 0 && tail.n == 0))
        return kd_refuse_word(g->p, KD_WHY_PORT, text);
    if (!is_range)
        last = first;
    if (first > last)
        return kd_refuse_word(g->p, KD_WHY_PORT, text);
    struct range r;
    put_port(r.first, first);
    put_port(r.last, last);
    return put(g, &r, negated);
}

static void net_range(const struct kd_net *net, struct range *r)
{
    memcpy(r->first, net->addr.b, 16);
    memcpy(r->last, net->addr.b, 16);
    for (unsigned i = net->bits; i < 128; i++) {
        r->first[i / 8] &= (uint8_t) ~(0x80u >> i % 8);
        r->last[i / 8] |= (uint8_t)(0x80u >> i % 8);
    }
}

/* "10.0.0.0/255.0.0.0": the older way to write a network. */
static bool netmask(struct kd_bytes text, struct range *r)
{
    struct kd_bytes tail = text;
    struct kd_addr addr, mask;
    struct kd_bytes head = kd_bytes_cut(&tail, '/');
    if (!kd_addr_parse(head, &addr) || !kd_addr_parse(tail, &mask) || !kd_addr_is_v4(&addr) ||
        !kd_addr_is_v4(&mask))
        return false;
    for (unsigned i = 0; i < 16; i++) {
        uint8_t m = i < 12 ? 255 : mask.b[i];
        r->first[i] = addr.b[i] & m;
        r->last[i] = (uint8_t)(addr.b[i] | (uint8_t)~m);
    }
    return true;
}

static bool address_item(struct group *g, struct kd_bytes text, bool negated)
{
    struct kd_bytes tail = text;
    struct kd_bytes head = kd_bytes_cut(&tail, '-');
    struct kd_net net;
    struct kd_addr first, last;
    struct range r;
    if (kd_bytes_eq_str(text, "::/0"))
        return put_v6(g, negated);
    if (head.n < text.n) {
        if (!kd_addr_parse(head, &first) || !kd_addr_parse(tail, &last) ||
            kd_addr_is_v4(&first) != kd_addr_is_v4(&last) || kd_addr_cmp(&first, &last) > 0)
            return kd_refuse_word(g->p, KD_WHY_ADDRESS, text);
        memcpy(r.first, first.b, 16);
        memcpy(r.last, last.b, 16);
        return put(g, &r, negated);
    }
    if (kd_net_parse(text, &net))
        net_range(&net, &r);
    else if (!netmask(text, &r))
        return kd_refuse_word(g->p, KD_WHY_ADDRESS, text);
    return put(g, &r, negated);
}

static bool group(struct group *g, struct kd_bytes text, bool negated);

static bool variable(struct group *g, struct kd_bytes name, bool negated)
{
    struct kd_rules_state *st = g->p->st;
    struct kd_name_table *t = g->is_port ? &st->port_vars : &st->addr_vars;
    uint32_t i = kd_nametab_find(t, name);
    if (i == KD_NAME_NONE)
        return kd_refuse_word(g->p, KD_WHY_NO_SUCH_GROUP, name);
    const struct kd_bytes *value = *kd_nametab_value(t, i);
    if (value->n == 0)
        return kd_refuse_word(g->p, KD_WHY_EMPTY, name);
    return group(g, *value, negated);
}

static bool item(struct group *g, struct kd_bytes text, bool negated)
{
    struct kd_bytes b = kd_bytes_trim(text);
    while (kd_bytes_at(b, 0) == '!') {
        negated = !negated;
        b = kd_bytes_trim(kd_bytes_from(b, 1));
    }
    if (b.n == 0)
        return kd_refuse(g->p, KD_WHY_EMPTY);
    if (b.p[0] == '[')
        return group(g, b, negated);
    if (b.p[0] == '$')
        return variable(g, kd_bytes_from(b, 1), negated);
    if (kd_bytes_ieq(b, kd_str("any")))
        return put_any(g, negated);
    return g->is_port ? port_item(g, b, negated) : address_item(g, b, negated);
}

/* Length of the item at the start: up to a comma outside of brackets; SIZE_MAX: brackets do not
 * match. */
static size_t item_length(struct kd_bytes b)
{
    int depth = 0;
    size_t n = 0;
    for (; n < b.n && (depth > 0 || b.p[n] != ','); n++) {
        depth += b.p[n] == '[' ? 1 : b.p[n] == ']' ? -1 : 0;
        if (depth < 0)
            return SIZE_MAX;
    }
    return depth == 0 ? n : SIZE_MAX;
}

static bool group(struct group *g, struct kd_bytes text, bool negated)
{
    struct kd_bytes b = kd_bytes_trim(text);
    if (++g->depth > g->p->lim->rule_depth)
        return kd_refuse_word(g->p, KD_WHY_TOO_DEEP, text);
    if (kd_bytes_at(b, 0) == '[' && item_length(b) == b.n) {
        if (b.p[b.n - 1] != ']')
            return kd_refuse_word(g->p, KD_WHY_BRACKETS, text);
        b = kd_bytes_of(b.p + 1, b.n - 2);
    }
    do {
        size_t n = item_length(b);
        if (n == SIZE_MAX)
            return kd_refuse_word(g->p, KD_WHY_BRACKETS, text);
        if (!item(g, kd_bytes_head(b, n), negated))
            return false;
        b = kd_bytes_from(b, n < b.n ? n + 1 : n);
    } while (b.n > 0);
    g->depth--;
    return true;
}

/* ---- From entries to a set ---- */

static int by_first(const void *a, const void *b)
{
    return memcmp(((const struct range *)a)->first, ((const struct range *)b)->first, 16);
}

static bool step(uint8_t key[16], int by)
{
    for (int i = 15; i >= 0; i--) {
        key[i] = (uint8_t)(key[i] + by);
        if (key[i] != (by > 0 ? 0 : 255))
            return true;
    }
    return false; /* wrapped round */
}

/* Sort; join what overlaps or touches. */
static void tidy(struct kd_buf *buf)
{
    struct range *r = (struct range *)(void *)buf->p;
    size_t n = buf->n / sizeof(*r), kept = 0;
    if (n == 0)
        return;
    qsort(r, n, sizeof(*r), by_first);
    for (size_t i = 1; i < n; i++) {
        uint8_t next[16];
        memcpy(next, r[kept].last, 16);
        bool endless = !step(next, 1);
        if (endless || memcmp(r[i].first, next, 16) <= 0) {
            if (memcmp(r[i].last, r[kept].last, 16) > 0)
                memcpy(r[kept].last, r[i].last, 16);
        } else {
            r[++kept] = r[i];
        }
    }
    buf->n = (kept + 1) * sizeof(*r);
}

static bool is_v4(const struct range *r)
{
    return memcmp(r->first, all_v4.first, 16) >= 0 && memcmp(r->last, all_v4.last, 16) <= 0;
}

static bool has_family(const struct kd_buf *buf, bool v4)
{
    const struct range *r = (const struct range *)(const void *)buf->p;
    for (size_t i = 0; i < buf->n / sizeof(*r); i++)
        if (is_v4(&r[i]) == v4)
            return true;
    return false;
}

/* Nothing but negated entries: they are taken from everything. */
static bool complete(struct group *g)
{
    if (g->is_port)
        return g->yes->n > 0 || put_any(g, false);
    if (has_family(g->no, true) && !has_family(g->yes, true) && !put(g, &all_v4, false))
        return false;
    return !has_family(g->no, false) || has_family(g->yes, false) || put_v6(g, false);
}

static bool cut(struct group *g, const struct range *from, struct kd_buf *out)
{
    const struct range *no = (const struct range *)(const void *)g->no->p;
    size_t n = g->no->n / sizeof(*no);
    struct range left = *from;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(no[i].last, left.first, 16) < 0 || memcmp(no[i].first, left.last, 16) > 0)
            continue;
        if (memcmp(no[i].first, left.first, 16) > 0) {
            struct range before = left;
            memcpy(before.last, no[i].first, 16);
            step(before.last, -1);
            if (!kd_buf_add(out, g->p->st->pool, kd_bytes_of(&before, sizeof(before)), BUF_MAX))
                return kd_refuse(g->p, KD_WHY_NO_MEMORY);
        }
        if (memcmp(no[i].last, left.last, 16) >= 0)
            return true;
        memcpy(left.first, no[i].last, 16);
        step(left.first, 1);
    }
    return kd_buf_add(out, g->p->st->pool, kd_bytes_of(&left, sizeof(left)), BUF_MAX) ||
           kd_refuse(g->p, KD_WHY_NO_MEMORY);
}

/* A negated entry that takes nothing away is a mistake of the writer's. */
static bool all_apply(struct group *g)
{
    const struct range *no = (const struct range *)(const void *)g->no->p;
    const struct range *yes = (const struct range *)(const void *)g->yes->p;
    size_t n_no = g->no->n / sizeof(*no), n_yes = g->yes->n / sizeof(*yes);
    for (size_t i = 0, k = 0; i < n_no; i++) {
        while (k < n_yes && memcmp(yes[k].last, no[i].first, 16) < 0)
            k++;
        if (k >= n_yes || memcmp(yes[k].first, no[i].last, 16) > 0)
            return kd_refuse(g->p, KD_WHY_NEGATED_OUTSIDE);
    }
    return true;
}

static bool resolve(struct group *g, struct kd_bytes text, struct kd_buf *out)
{
    g->yes->n = g->no->n = out->n = 0;
    if (!group(g, text, false) || !complete(g))
        return false;
    tidy(g->yes);
    tidy(g->no);
    const struct range *yes = (const struct range *)(const void *)g->yes->p;
    for (size_t i = 0; i < g->yes->n / sizeof(*yes); i++)
        if (!cut(g, &yes[i], out))
            return false;
    if (out->n == 0)
        return kd_refuse_word(g->p, KD_WHY_ALL_NEGATED, text);
    return g->is_port || all_apply(g);
}

static bool resolve_text(struct kd_parse *p, bool is_port, struct kd_bytes text)
{
    struct kd_rules_state *st = p->st;
    struct group g = {.p = p, .is_port = is_port, .yes = &st->ranges, .no = &st->ranges_no};
    return resolve(&g, text, &st->scratch);
}

static bool is_all_addresses(const struct range *r, size_t n)
{
    return n == 1 && memcmp(r->first, low_v6.first, 16) == 0 &&
           memcmp(r->last, high_v6.last, 16) == 0;
}

static const struct kd_addr_set *new_addr_set(struct kd_parse *p, struct kd_bytes ranges,
                                              uint32_t id)
{
    const struct range *r = (const struct range *)(const void *)ranges.p;
    size_t n = ranges.n / sizeof(*r);
    struct kd_addr_set *set = kd_arena_alloc(&p->st->mem, sizeof(*set));
    if (set == NULL)
        return NULL;
    _Static_assert(sizeof(struct range) == sizeof(struct kd_addr_range), "one form");
    *set = (struct kd_addr_set){.id = id,
                                .any = is_all_addresses(r, n),
                                .n = (uint32_t)n,
                                .range = (const struct kd_addr_range *)(const void *)ranges.p};
    if (set->any)
        set->n = 0;
    return set;
}

bool kd_parse_addresses(struct kd_parse *p, struct kd_bytes text, const struct kd_addr_set **ret)
{
    struct kd_rules_state *st = p->st;
    uint32_t i = kd_nametab_find(&st->addr_texts, text);
    if (i != KD_NAME_NONE) {
        *ret = *kd_nametab_value(&st->addr_texts, i);
        return true;
    }
    if (!resolve_text(p, false, text))
        return false;
    uint32_t id = kd_nametab_add(&st->addr_sets, st->pool, &st->mem, kd_buf_view(&st->scratch),
                                 UINT32_MAX - 1);
    uint32_t t = kd_nametab_add(&st->addr_texts, st->pool, &st->mem, text, UINT32_MAX - 1);
    if (id == KD_NAME_NONE || t == KD_NAME_NONE)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    void **set = kd_nametab_value(&st->addr_sets, id);
    if (*set == NULL)
        *set = (void *)(uintptr_t)new_addr_set(p, kd_nametab_at(&st->addr_sets, id), id);
    *kd_nametab_value(&st->addr_texts, t) = *set;
    *ret = *set;
    return *set != NULL || kd_refuse(p, KD_WHY_NO_MEMORY);
}

static const struct kd_port_set *new_port_set(struct kd_parse *p, struct kd_bytes ranges,
                                              uint32_t id)
{
    const struct range *r = (const struct range *)(const void *)ranges.p;
    size_t n = ranges.n / sizeof(*r);
    struct kd_port_set *set = kd_arena_alloc(&p->st->mem, sizeof(*set));
    struct kd_port_range *port = kd_arena_alloc(&p->st->mem, n * sizeof(*port));
    if (set == NULL || port == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        port[i].first = (uint16_t)(r[i].first[14] << 8 | r[i].first[15]);
        port[i].last = (uint16_t)(r[i].last[14] << 8 | r[i].last[15]);
    }
    bool any = n == 1 && port->first == 0 && port->last == UINT16_MAX;
    *set = (struct kd_port_set){.id = id, .any = any, .n = any ? 0 : (uint32_t)n, .range = port};
    return set;
}

bool kd_parse_ports(struct kd_parse *p, struct kd_bytes text, const struct kd_port_set **ret)
{
    struct kd_rules_state *st = p->st;
    uint32_t i = kd_nametab_find(&st->port_texts, text);
    if (i != KD_NAME_NONE) {
        *ret = *kd_nametab_value(&st->port_texts, i);
        return true;
    }
    if (!resolve_text(p, true, text))
        return false;
    uint32_t id = kd_nametab_add(&st->port_sets, st->pool, &st->mem, kd_buf_view(&st->scratch),
                                 UINT32_MAX - 1);
    uint32_t t = kd_nametab_add(&st->port_texts, st->pool, &st->mem, text, UINT32_MAX - 1);
    if (id == KD_NAME_NONE || t == KD_NAME_NONE)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    void **set = kd_nametab_value(&st->port_sets, id);
    if (*set == NULL)
        *set = (void *)(uintptr_t)new_port_set(p, kd_nametab_at(&st->port_sets, id), id);
    *kd_nametab_value(&st->port_texts, t) = *set;
    *ret = *set;
    return *set != NULL || kd_refuse(p, KD_WHY_NO_MEMORY);
}

/* Texts that mention a variable would be out of date. */
static void forget_texts(struct kd_rules_state *st)
{
    kd_nametab_done(&st->addr_texts, st->pool);
    kd_nametab_done(&st->port_texts, st->pool);
}

enum kd_status kd_rules_var(struct kd_rules *rules, bool is_port, struct kd_bytes name,
                            struct kd_bytes value)
{
    struct kd_rules_state *st = rules->state;
    struct kd_name_table *t = is_port ? &st->port_vars : &st->addr_vars;
    uint32_t i = kd_nametab_add(t, st->pool, &st->mem, name, st->lim->rule_names);
    struct kd_bytes *v = kd_arena_alloc(&st->mem, sizeof(*v));
    if (i == KD_NAME_NONE || v == NULL)
        return KD_NO_MEMORY;
    *v = kd_arena_copy(&st->mem, kd_bytes_trim(value), value.n);
    *kd_nametab_value(t, i) = v;
    forget_texts(st);
    return KD_OK;
}
