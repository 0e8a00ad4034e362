/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/set.h"

#include "base/base64.h"
#include "base/hash.h"

enum { SLOTS_FIRST = 64, VALUE_MAX = 4096, ADDRESS_BYTES = 16 };

struct member {
    const uint8_t *p; /* NULL: free; `gone`: was removed */
    uint32_t n;
    uint16_t reputation;
    bool gone;
    bool has_context; /* behind the value: its length (4 bytes), and JSON */
};

struct kd_set {
    struct kd_pool *pool;
    struct kd_arena mem;
    enum kd_dataset_type type;
    uint32_t n, n_used, most; /* n_used: slots that are not free */
    uint32_t n_slots;
    struct member *slot;
    size_t slot_bytes;
};

struct kd_set *kd_set_new(struct kd_pool *pool, enum kd_dataset_type type, uint32_t most)
{
    struct kd_arena mem;
    kd_arena_init(&mem, pool, kd_pool_max(pool));
    struct kd_set *set = kd_arena_alloc(&mem, sizeof(*set));
    if (set == NULL)
        return NULL;
    *set = (struct kd_set){.pool = pool, .mem = mem, .type = type, .most = most};
    return set;
}

void kd_set_free(struct kd_set *set)
{
    if (set == NULL)
        return;
    kd_pool_give(set->pool, set->slot, set->slot_bytes);
    struct kd_arena mem = set->mem; /* the set itself lies in it */
    kd_arena_done(&mem);
}

/* The member, or the slot where it would go. */
static struct member *find(const struct kd_set *set, struct kd_bytes v)
{
    struct member *gone = NULL;
    for (uint32_t i = (uint32_t)kd_hash(v.p, v.n, 0);; i++) {
        struct member *m = &set->slot[i & (set->n_slots - 1)];
        if (m->p == NULL)
            return gone != NULL ? gone : m;
        if (m->gone)
            gone = gone != NULL ? gone : m;
        else if (kd_bytes_eq(kd_bytes_of(m->p, m->n), v))
            return m;
    }
}

static bool grow(struct kd_set *set)
{
    struct kd_set bigger = *set;
    bigger.n_slots = set->n_slots == 0            ? SLOTS_FIRST
                     : set->n >= set->n_slots / 2 ? set->n_slots * 2
                                                  : set->n_slots;
    bigger.slot =
        kd_pool_take(set->pool, bigger.n_slots * sizeof(*bigger.slot), &bigger.slot_bytes);
    if (bigger.slot == NULL)
        return false;
    memset(bigger.slot, 0, bigger.n_slots * sizeof(*bigger.slot));
    for (uint32_t i = 0; i < set->n_slots; i++)
        if (set->slot[i].p != NULL && !set->slot[i].gone)
            *find(&bigger, kd_bytes_of(set->slot[i].p, set->slot[i].n)) = set->slot[i];
    kd_pool_give(set->pool, set->slot, set->slot_bytes);
    bigger.n_used = set->n;
    *set = bigger;
    return true;
}

/* The value in the form it is kept; addresses in 16 bytes.  False: not of this kind. */
static bool normal(const struct kd_set *set, struct kd_bytes v, uint8_t room[ADDRESS_BYTES],
                   struct kd_bytes *ret)
{
    *ret = v;
    switch (set->type) {
    case KD_DATASET_STRING:
        return v.n > 0 && v.n <= VALUE_MAX;
    case KD_DATASET_MD5:
        return v.n == KD_MD5_BYTES;
    case KD_DATASET_SHA256:
        return v.n == KD_SHA256_BYTES;
    case KD_DATASET_SHA1:
        return v.n == KD_SHA1_BYTES;
    case KD_DATASET_IPV4:
    case KD_DATASET_IP:
        break;
    }
    if (v.n == 4) {
        struct kd_addr a = kd_addr_v4(v.p);
        memcpy(room, a.b, ADDRESS_BYTES);
        *ret = kd_bytes_of(room, ADDRESS_BYTES);
        return true;
    }
    return v.n == ADDRESS_BYTES;
}

bool kd_set_has(const struct kd_set *set, struct kd_bytes value, uint16_t *ret_reputation)
{
    uint8_t room[ADDRESS_BYTES];
    struct kd_bytes v;
    if (set->n == 0 || !normal(set, value, room, &v))
        return false;
    const struct member *m = find(set, v);
    if (m->p == NULL || m->gone)
        return false;
    if (ret_reputation != NULL)
        *ret_reputation = m->reputation;
    return true;
}

bool kd_set_context(const struct kd_set *set, struct kd_bytes value, struct kd_bytes *ret)
{
    uint8_t room[ADDRESS_BYTES];
    struct kd_bytes v;
    uint32_t n;
    if (set->n == 0 || !normal(set, value, room, &v))
        return false;
    const struct member *m = find(set, v);
    if (m->p == NULL || m->gone || !m->has_context)
        return false;
    memcpy(&n, m->p + m->n, sizeof(n));
    *ret = kd_bytes_of(m->p + m->n + sizeof(n), n);
    return true;
}

bool kd_set_add_context(struct kd_set *set, struct kd_bytes value, struct kd_bytes context)
{
    uint8_t room[ADDRESS_BYTES];
    struct kd_bytes v;
    uint32_t n = (uint32_t)context.n;
    if (!kd_set_add(set, value, 0) || context.n > UINT32_MAX || !normal(set, value, room, &v))
        return false;
    struct member *m = find(set, v);
    uint8_t *copy = kd_arena_alloc(&set->mem, v.n + sizeof(n) + context.n);
    if (copy == NULL)
        return false;
    memcpy(copy, v.p, v.n);
    memcpy(copy + v.n, &n, sizeof(n));
    memcpy(copy + v.n + sizeof(n), context.p, context.n);
    m->p = copy;
    m->has_context = true;
    return true;
}

bool kd_set_add(struct kd_set *set, struct kd_bytes value, uint16_t reputation)
{
    uint8_t room[ADDRESS_BYTES];
    struct kd_bytes v;
    if (!normal(set, value, room, &v) || (set->n_used + 1 > set->n_slots / 4 * 3 && !grow(set)))
        return false;
    struct member *m = find(set, v);
    if (m->p != NULL && !m->gone) {
        m->reputation = reputation;
        return true;
    }
    struct kd_bytes copy = set->n < set->most ? kd_arena_copy(&set->mem, v, v.n) : kd_str(NULL);
    if (copy.n != v.n)
        return false;
    set->n_used += m->p == NULL;
    set->n++;
    *m = (struct member){copy.p, (uint32_t)copy.n, reputation, false, false};
    return true;
}

bool kd_set_remove(struct kd_set *set, struct kd_bytes value)
{
    uint8_t room[ADDRESS_BYTES];
    struct kd_bytes v;
    if (set->n == 0 || !normal(set, value, room, &v))
        return false;
    struct member *m = find(set, v);
    if (m->p == NULL || m->gone)
        return false;
    m->gone = true; /* its bytes stay until the set ends: what is removed and added again costs
                       memory, within the pool */
    set->n--;
    return true;
}

uint32_t kd_set_count(const struct kd_set *set)
{
    return set->n;
}

static bool from_hex(struct kd_bytes text, struct kd_out *o)
{
    for (size_t i = 0; i < text.n; i += 2) {
        unsigned byte = 0;
        for (size_t k = 0; k < 2; k++) {
            uint8_t c = kd_ascii_lower(kd_bytes_at(text, i + k));
            bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
            if (!digit && !letter)
                return false;
            byte = byte << 4 | (digit ? c - (unsigned)'0' : c - (unsigned)'a' + 10);
        }
        kd_out_u8(o, (uint8_t)byte);
    }
    return true;
}

bool kd_set_raw(const struct kd_set *set, struct kd_bytes text, struct kd_out *o)
{
    struct kd_addr a;
    switch (set->type) {
    case KD_DATASET_STRING:
        return text.n % 4 == 0 && kd_base64_decode(text, o);
    case KD_DATASET_MD5:
    case KD_DATASET_SHA1:
    case KD_DATASET_SHA256: /* a name may stand behind it */
        return from_hex(kd_bytes_head(text, kd_bytes_find_byte(text, ' ')), o);
    case KD_DATASET_IPV4:
    case KD_DATASET_IP:
        if (!kd_addr_parse(text, &a) || (set->type == KD_DATASET_IPV4 && !kd_addr_is_v4(&a)))
            return false;
        kd_out_bytes(o, kd_bytes_of(a.b, sizeof(a.b)));
        return true;
    }
    return false;
}

static bool take_line(struct kd_set *set, struct kd_bytes line, bool *ret_full)
{
    uint8_t room[VALUE_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    uint64_t reputation = 0;
    struct kd_bytes value = kd_bytes_trim(kd_bytes_cut(&line, ','));
    line = kd_bytes_trim(line);
    if ((line.n > 0 && !kd_bytes_to_u64(line, UINT16_MAX, &reputation)) || !kd_set_raw(set, value, &o) ||
        !kd_out_ok(&o))
        return false;
    uint32_t before = set->n;
    bool known = kd_set_has(set, kd_out_bytes_view(&o), NULL);
    bool ok = kd_set_add(set, kd_out_bytes_view(&o), (uint16_t)reputation);
    *ret_full = !ok && !known && before >= set->most;
    return ok || *ret_full;
}

enum kd_status kd_set_load(struct kd_set *set, struct kd_bytes text, uint32_t *ret_bad)
{
    *ret_bad = 0;
    while (text.n > 0) {
        struct kd_bytes line = kd_bytes_cut(&text, '\n');
        bool full = false;
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        line = kd_bytes_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        *ret_bad += !take_line(set, line, &full);
        if (full)
            return KD_LIMIT;
    }
    return KD_OK;
}

static void put_base64(struct kd_out *o, struct kd_bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < b.n; i += 3) {
        uint32_t v =
            (uint32_t)b.p[i] << 16 | (uint32_t)kd_bytes_at(b, i + 1) << 8 | kd_bytes_at(b, i + 2);
        kd_out_u8(o, (uint8_t)digits[v >> 18]);
        kd_out_u8(o, (uint8_t)digits[v >> 12 & 63]);
        kd_out_u8(o, i + 1 < b.n ? (uint8_t)digits[v >> 6 & 63] : '=');
        kd_out_u8(o, i + 2 < b.n ? (uint8_t)digits[v & 63] : '=');
    }
}

bool kd_set_next(const struct kd_set *set, uint32_t *at, struct kd_out *line)
{
    while (*at < set->n_slots && (set->slot[*at].p == NULL || set->slot[*at].gone))
        ++*at;
    if (*at >= set->n_slots)
        return false;
    const struct member *m = &set->slot[(*at)++];
    struct kd_bytes v = kd_bytes_of(m->p, m->n);
    struct kd_addr a;
    switch (set->type) {
    case KD_DATASET_STRING:
        put_base64(line, v);
        break;
    case KD_DATASET_MD5:
    case KD_DATASET_SHA1:
    case KD_DATASET_SHA256:
        kd_out_hex(line, v);
        break;
    case KD_DATASET_IPV4:
    case KD_DATASET_IP:
        memcpy(a.b, v.p, sizeof(a.b));
        kd_out_addr(line, &a);
        break;
    }
    if (m->reputation > 0)
        kd_out_fmt(line, ",%u", m->reputation);
    return true;
}
