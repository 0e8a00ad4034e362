/* SPDX-License-Identifier: Apache-2.0 */
/* Fast patterns by buffer and direction: one vectorscan database each. */
#include <cpuid.h>

#include "base/hash.h"
#include "base/out.h"
#include "match/internal.h"

void *m_alloc(struct kd_ruleset *set, size_t n)
{
    if (set->n_blocks == set->blocks_room) {
        size_t room = set->blocks_room * 2 + 256;
        void **more = realloc(set->blocks, room * sizeof(*more));
        if (more == NULL)
            return NULL;
        set->blocks = more;
        set->blocks_room = room;
    }
    void *p = calloc(1, n > 0 ? n : 1);
    if (p != NULL)
        set->blocks[set->n_blocks++] = p;
    return p;
}

/* Lists grow by halves; the blocks left behind are few and small. */
bool m_list_add(struct kd_ruleset *set, struct m_list *l, uint32_t v)
{
    if (l->n == l->room) {
        uint32_t room = l->room == 0 ? 1 : l->room * 2;
        uint32_t *more = m_alloc(set, room * sizeof(uint32_t));
        if (more == NULL)
            return false;
        if (l->n > 0)
            memcpy(more, l->v, l->n * sizeof(uint32_t));
        l->v = more;
        l->room = room;
    }
    l->v[l->n++] = v;
    return true;
}

static bool grow(struct kd_ruleset *set, struct m_group *g)
{
    uint32_t room = g->room == 0 ? 8 : g->room * 2;
    struct m_pattern *pattern = m_alloc(set, room * sizeof(*pattern));
    struct m_list *rules = m_alloc(set, room * sizeof(*rules));
    uint32_t *slot = m_alloc(set, (size_t)room * 2 * sizeof(uint32_t));
    if (pattern == NULL || rules == NULL || slot == NULL)
        return false;
    for (uint32_t i = 0; i < g->n_patterns; i++) {
        pattern[i] = g->pattern[i];
        rules[i] = g->rules[i];
        uint32_t at = (uint32_t)kd_hash(pattern[i].bytes.p, pattern[i].bytes.n, pattern[i].nocase) & (room * 2 - 1);
        while (slot[at] != 0)
            at = (at + 1) & (room * 2 - 1);
        slot[at] = i + 1;
    }
    g->pattern = pattern;
    g->rules = rules;
    g->slot = slot;
    g->n_slots = room * 2;
    g->room = room;
    return true;
}

bool m_group_add(struct kd_ruleset *set, struct m_group *g, struct kd_bytes bytes, bool nocase, uint32_t rule)
{
    if (g->n_patterns == g->room && !grow(set, g))
        return false;
    uint32_t at = (uint32_t)kd_hash(bytes.p, bytes.n, nocase) & (g->n_slots - 1);
    for (; g->slot[at] != 0; at = (at + 1) & (g->n_slots - 1)) {
        const struct m_pattern *p = &g->pattern[g->slot[at] - 1];
        if (p->nocase == nocase && kd_bytes_eq(p->bytes, bytes))
            return m_list_add(set, &g->rules[g->slot[at] - 1], rule);
    }
    g->pattern[g->n_patterns] = (struct m_pattern){bytes, nocase};
    g->slot[at] = ++g->n_patterns;
    if (g->shortest == 0 || bytes.n < g->shortest)
        g->shortest = (uint32_t)bytes.n;
    set->n_patterns++;
    return m_list_add(set, &g->rules[g->n_patterns - 1], rule);
}

/* ---- compiling ---- */

/* A literal as an expression; hs_compile_lit_multi() refuses bytes of value 0. */
static char *expression_of(struct kd_bytes b)
{
    static const char digits[] = "0123456789abcdef";
    char *text = malloc(b.n * 4 + 1);
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < b.n; i++) {
        text[4 * i] = '\\';
        text[4 * i + 1] = 'x';
        text[4 * i + 2] = digits[b.p[i] >> 4];
        text[4 * i + 3] = digits[b.p[i] & 15];
    }
    text[4 * b.n] = '\0';
    return text;
}

static enum kd_status compile(struct m_group *g, struct kd_err *err)
{
    uint32_t n = g->n_patterns;
    char **text = calloc(n, sizeof(*text));
    unsigned *flags = calloc(n, sizeof(*flags));
    unsigned *ids = calloc(n, sizeof(*ids));
    hs_compile_error_t *why = NULL;
    bool ok = text != NULL && flags != NULL && ids != NULL;
    for (uint32_t i = 0; ok && i < n; i++) {
        text[i] = expression_of(g->pattern[i].bytes);
        flags[i] = HS_FLAG_SINGLEMATCH | (g->pattern[i].nocase ? HS_FLAG_CASELESS : 0);
        ids[i] = i;
        ok = text[i] != NULL;
    }
    enum kd_status s = KD_OK;
    if (!ok)
        s = kd_fail(err, KD_NO_MEMORY, 0, "no memory to compile rules");
    else if (hs_compile_multi((const char *const *)text, flags, ids, n, HS_MODE_BLOCK, NULL, &g->db, &why) !=
             HS_SUCCESS)
        s = kd_fail_sys(err, KD_LIMIT, "rules: the patterns cannot be compiled", why == NULL ? "" : why->message, 0);
    if (why != NULL)
        (void)hs_free_compile_error(why);
    for (uint32_t i = 0; text != NULL && i < n; i++)
        free(text[i]);
    free(text);
    free(flags);
    free(ids);
    return s;
}

/* All groups in a fixed order. */
static struct m_group *group_at(struct kd_ruleset *set, uint32_t i)
{
    if (i < 2 * set->n_buffers)
        return &set->group[i & 1][i / 2];
    i -= 2 * set->n_buffers;
    return i < M_TRANSPORTS * 2 ? &set->payload[i / 2][i & 1] : NULL;
}

static uint64_t key_of(const struct m_group *g)
{
    uint64_t h = g->n_patterns;
    for (uint32_t i = 0; i < g->n_patterns; i++)
        h = kd_hash(g->pattern[i].bytes.p, g->pattern[i].bytes.n, h * 2 + g->pattern[i].nocase);
    return h;
}

uint64_t kd_ruleset_machine(void)
{
    unsigned r[4] = {0};
    uint64_t h = kd_hash(hs_version(), strlen(hs_version()), 0);
    for (unsigned leaf = 1; leaf <= 7; leaf += 6) {
        (void)__get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3]);
        if (leaf == 1)
            r[1] = 0; /* number of the processor that runs us */
        h = kd_hash(r, sizeof(r), h);
    }
    return h;
}

/* ---- cache: machine key, then key, length and bytes of each database ---- */

struct entry {
    uint64_t key, n;
};

static struct kd_bytes cached(struct kd_bytes cache, uint64_t key)
{
    uint64_t machine;
    if (cache.n < sizeof(machine))
        return kd_str(NULL);
    memcpy(&machine, cache.p, sizeof(machine));
    if (machine != kd_ruleset_machine())
        return kd_str(NULL);
    for (size_t at = sizeof(machine); at + sizeof(struct entry) <= cache.n;) {
        struct entry e;
        memcpy(&e, cache.p + at, sizeof(e));
        at += sizeof(e);
        if (e.n > cache.n - at)
            break;
        if (e.key == key)
            return kd_bytes_of(cache.p + at, (size_t)e.n);
        at += (size_t)e.n;
    }
    return kd_str(NULL);
}

uint8_t *kd_ruleset_save(const struct kd_ruleset *set, size_t *ret_n)
{
    uint64_t machine = kd_ruleset_machine();
    size_t room = sizeof(machine), n = 0;
    struct kd_ruleset *all = (struct kd_ruleset *)(uintptr_t)set;
    const struct m_group *g;
    for (uint32_t i = 0; (g = group_at(all, i)) != NULL; i++) {
        size_t size = 0;
        if (g->db != NULL && hs_database_size(g->db, &size) == HS_SUCCESS)
            room += sizeof(struct entry) + size * 2 + 4096;
    }
    uint8_t *bytes = malloc(room);
    if (bytes == NULL)
        return NULL;
    memcpy(bytes, &machine, sizeof(machine));
    n = sizeof(machine);
    for (uint32_t i = 0; (g = group_at(all, i)) != NULL; i++) {
        char *part = NULL;
        size_t size = 0;
        if (g->db == NULL || hs_serialize_database(g->db, &part, &size) != HS_SUCCESS)
            continue;
        struct entry e = {key_of(g), size};
        if (n + sizeof(e) + size <= room) {
            memcpy(bytes + n, &e, sizeof(e));
            memcpy(bytes + n + sizeof(e), part, size);
            n += sizeof(e) + size;
        }
        free(part);
    }
    *ret_n = n;
    return bytes;
}

bool m_groups_compile(struct kd_ruleset *set, struct kd_bytes cache, struct kd_err *err)
{
    struct m_group *g;
    set->from_cache = cache.n > 0;
    for (uint32_t i = 0; (g = group_at(set, i)) != NULL; i++) {
        if (g->n_patterns == 0)
            continue;
        struct kd_bytes have = cached(cache, key_of(g));
        if (have.n == 0 || hs_deserialize_database((const char *)have.p, have.n, &g->db) != HS_SUCCESS) {
            g->db = NULL;
            set->from_cache = false;
            if (compile(g, err) != KD_OK)
                return false;
        }
        size_t size = 0;
        (void)hs_database_size(g->db, &size);
        set->database_bytes += size;
        set->n_databases++;
        if (g->n_patterns > set->max_patterns)
            set->max_patterns = g->n_patterns;
        if (hs_alloc_scratch(g->db, &set->scratch) != HS_SUCCESS) {
            (void)kd_fail(err, KD_NO_MEMORY, 0, "no memory to compile rules");
            return false;
        }
    }
    return true;
}
