/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the rules' address sets is this in?  All sets together cut the address space into intervals;
 * each interval has a class, the list of the sets that hold it.  A look-up is one binary search among intervals
 * of the same upper 16 bits, however many lists of addresses the rules have. */
#include "base/hash.h"
#include "match/internal.h"

enum { TOP = 65536 };

struct cut {
    struct kd_addr at;
    uint32_t set;
    bool begins;
};

static int by_place(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    return kd_addr_cmp(&x->at, &y->at);
}

/* The address behind; false: there is none. */
static bool next_address(struct kd_addr *a)
{
    for (int i = 15; i >= 0; i--)
        if (++a->b[i] != 0)
            return true;
    return false;
}

/* A class for the sets whose count in `in` is not zero; classes are made once per combination. */
struct maker {
    struct kd_ruleset *set;
    struct m_ends *e;
    uint32_t *active;   /* sets that hold the present interval, sorted */
    uint32_t n_active;
    uint32_t *table;
    uint32_t n_table;
    uint32_t classes_room, rare_room;
};

static void switch_set(struct maker *k, const struct cut *c)
{
    uint32_t i = 0;
    while (i < k->n_active && k->active[i] < c->set)
        i++;
    if (c->begins) {
        memmove(k->active + i + 1, k->active + i, (k->n_active - i) * sizeof(*k->active));
        k->active[i] = c->set;
        k->n_active++;
    } else if (i < k->n_active && k->active[i] == c->set) {
        memmove(k->active + i, k->active + i + 1, (k->n_active - i - 1) * sizeof(*k->active));
        k->n_active--;
    }
}

static bool same_class(const struct m_ends *e, const struct m_class *c, const struct maker *k, uint64_t common,
                       uint32_t first_rare)
{
    uint32_t n = k->n_active - first_rare;
    return c->common == common && c->n == n &&
           (n == 0 || memcmp(e->rare + c->first, k->active + first_rare, n * sizeof(uint32_t)) == 0);
}

static bool class_of_active(struct maker *k, uint32_t *ret)
{
    struct m_ends *e = k->e;
    uint64_t common = 0;
    uint32_t i = 0;
    for (; i < k->n_active && k->active[i] < MATCH_COMMON_SETS; i++)
        common |= (uint64_t)1 << k->active[i];
    uint64_t h = kd_hash(k->active, k->n_active * sizeof(uint32_t), 1);
    uint32_t at = (uint32_t)h & (k->n_table - 1);
    for (; k->table[at] != 0; at = (at + 1) & (k->n_table - 1))
        if (same_class(e, &e->class[k->table[at] - 1], k, common, i)) {
            *ret = k->table[at] - 1;
            return true;
        }
    uint32_t n = k->n_active - i;
    if (e->n_classes == k->classes_room || e->n_rare + n > k->rare_room)
        return false;
    struct m_class *c = &e->class[e->n_classes];
    *c = (struct m_class){.common = common, .first = e->n_rare, .n = n};
    memcpy(e->rare + e->n_rare, k->active + i, n * sizeof(uint32_t));
    e->n_rare += n;
    *ret = e->n_classes++;
    k->table[at] = *ret + 1;
    return true;
}

static bool add_interval(struct m_ends *e, const struct kd_addr *at, uint32_t class)
{
    if (kd_addr_is_v4(at)) {
        if (e->n_v4 > 0 && e->v4_class[e->n_v4 - 1] == class)
            return true;
        e->v4_start[e->n_v4] = m_v4(at);
        e->v4_class[e->n_v4++] = class;
        return true;
    }
    if (e->n_v6 > 0 && e->v6_class[e->n_v6 - 1] == class)
        return true;
    e->v6_start[e->n_v6] = *at;
    e->v6_class[e->n_v6++] = class;
    return true;
}

static bool build_addresses(struct kd_ruleset *set, const struct kd_addr_set *const *by_slot, uint32_t n_sets)
{
    struct m_ends *e = &set->ends;
    static const struct kd_addr v4_first = {{[10] = 0xff, [11] = 0xff}};
    static const struct kd_addr v4_behind = {{[9] = 1}};
    size_t n = 2;
    for (uint32_t i = 0; i < n_sets; i++)
        n += 2 * (size_t)by_slot[i]->n;
    struct cut *cut = calloc(n + 1, sizeof(*cut));
    struct maker k = {.set = set, .e = e, .n_table = 1024, .classes_room = (uint32_t)n + 2,
                      .rare_room = (uint32_t)n * 4 + 1024};
    while (k.n_table < 4 * n)
        k.n_table *= 2;
    k.active = calloc(n_sets + 1, sizeof(uint32_t));
    k.table = calloc(k.n_table, sizeof(uint32_t));
    e->v4_start = m_alloc(set, (n + 3) * sizeof(uint32_t));
    e->v4_class = m_alloc(set, (n + 3) * sizeof(uint32_t));
    e->v6_start = m_alloc(set, (n + 3) * sizeof(struct kd_addr));
    e->v6_class = m_alloc(set, (n + 3) * sizeof(uint32_t));
    e->class = m_alloc(set, k.classes_room * sizeof(*e->class));
    e->rare = m_alloc(set, k.rare_room * sizeof(uint32_t));
    e->v4_top = m_alloc(set, (TOP + 1) * sizeof(uint32_t));
    bool ok = cut != NULL && k.active != NULL && k.table != NULL && e->v4_start != NULL && e->v4_class != NULL &&
              e->v6_start != NULL && e->v6_class != NULL && e->class != NULL && e->rare != NULL && e->v4_top != NULL;
    size_t m = 0;
    for (uint32_t i = 0; ok && i < n_sets; i++)
        for (uint32_t j = 0; j < by_slot[i]->n; j++) {
            cut[m++] = (struct cut){by_slot[i]->range[j].first, i, true};
            cut[m] = (struct cut){by_slot[i]->range[j].last, i, false};
            if (next_address(&cut[m].at))
                m++;
        }
    if (ok)
        qsort(cut, m, sizeof(*cut), by_place);
    uint32_t class = 0;
    struct kd_addr zero = {{0}};
    ok = ok && class_of_active(&k, &class) && add_interval(e, &zero, class);
    bool in_v4 = false, after_v4 = false;
    for (size_t i = 0; ok && i <= m;) {
        const struct kd_addr *place = i < m ? &cut[i].at : NULL;
        /* IPv4 lies within the address space: its edges are places of change, too. */
        if (!in_v4 && (place == NULL || kd_addr_cmp(place, &v4_first) >= 0)) {
            in_v4 = true;
            ok = add_interval(e, &v4_first, class);
            continue;
        }
        if (in_v4 && !after_v4 && (place == NULL || kd_addr_cmp(place, &v4_behind) >= 0)) {
            after_v4 = true;
            ok = add_interval(e, &v4_behind, class);
            continue;
        }
        if (place == NULL)
            break;
        struct kd_addr here = *place;
        for (; i < m && kd_addr_cmp(&cut[i].at, &here) == 0; i++)
            if (!cut[i].begins)
                switch_set(&k, &cut[i]);
        for (size_t j = i; j > 0 && kd_addr_cmp(&cut[j - 1].at, &here) == 0; j--)
            if (cut[j - 1].begins)
                switch_set(&k, &cut[j - 1]);
        ok = class_of_active(&k, &class) && add_interval(e, &here, class);
    }
    uint32_t at = 0;
    for (uint32_t top = 0; ok && top <= TOP; top++) {
        while (at + 1 < e->n_v4 && top < TOP && e->v4_start[at + 1] <= top << 16)
            at++;
        e->v4_top[top] = top == TOP ? e->n_v4 - 1 : at;
    }
    free(cut);
    free(k.active);
    free(k.table);
    return ok;
}

const struct m_class *m_ends_class(const struct m_ends *e, const struct kd_addr *a)
{
    if (kd_addr_is_v4(a)) {
        uint32_t v = m_v4(a);
        uint32_t low = e->v4_top[v >> 16], high = e->v4_top[(v >> 16) + 1];
        while (low < high) {
            uint32_t mid = low + (high - low + 1) / 2;
            if (e->v4_start[mid] <= v)
                low = mid;
            else
                high = mid - 1;
        }
        return &e->class[e->v4_class[low]];
    }
    uint32_t low = 0, high = e->n_v6 - 1;
    while (low < high) {
        uint32_t mid = low + (high - low + 1) / 2;
        if (kd_addr_cmp(&e->v6_start[mid], a) <= 0)
            low = mid;
        else
            high = mid - 1;
    }
    return &e->class[e->v6_class[low]];
}

bool m_ends_has(const struct m_ends *e, const struct m_class *c, uint32_t slot)
{
    if (slot < MATCH_COMMON_SETS)
        return c->common >> slot & 1;
    uint32_t low = 0, high = c->n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (e->rare[c->first + mid] < slot)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n && e->rare[c->first + low] == slot;
}

/* ---- sets by how often rules use them ---- */

bool m_ends_build(struct kd_ruleset *set)
{
    const struct kd_rules *rules = set->rules;
    uint32_t n = rules->n_addr_sets;
    struct m_use *use = calloc(n + 1, sizeof(*use));
    const struct kd_addr_set **by_slot = calloc(n + 1, sizeof(struct kd_addr_set *));
    uint32_t *slot = calloc(n + 1, sizeof(uint32_t));
    uint32_t *port_slot = calloc(rules->n_port_sets + 1, sizeof(uint32_t));
    bool ok = use != NULL && by_slot != NULL && slot != NULL && port_slot != NULL && m_ports_build(set, port_slot);
    for (uint32_t i = 0; ok && i < n; i++)
        use[i].set = i;
    for (uint32_t i = 0; ok && i < rules->n; i++) {
        use[rules->rule[i]->src->id].n++;
        use[rules->rule[i]->dst->id].n++;
    }
    if (ok)
        qsort(use, n, sizeof(*use), m_by_use);
    for (uint32_t i = 0; ok && i < n; i++) {
        slot[use[i].set] = i;
        by_slot[i] = rules->addr_set[use[i].set];
    }
    for (uint32_t i = 0; ok && i < set->n; i++) {
        struct m_rule *r = &set->rule[i];
        r->src_set = r->rule->src->any ? UINT32_MAX : slot[r->rule->src->id];
        r->dst_set = r->rule->dst->any ? UINT32_MAX : slot[r->rule->dst->id];
        r->sport_set = r->rule->sport->any ? UINT32_MAX : port_slot[r->rule->sport->id];
        r->dport_set = r->rule->dport->any ? UINT32_MAX : port_slot[r->rule->dport->id];
    }
    set->ends.n_sets = n;
    ok = ok && build_addresses(set, by_slot, n);
    free(use);
    free(by_slot);
    free(slot);
    free(port_slot);
    return ok;
}
