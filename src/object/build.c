/* SPDX-License-Identifier: Apache-2.0 */
#include "object/build.h"

#include <stdlib.h>

#include "base/hash.h"

enum {
    BUCKET_ENTRIES = 6,
    FILTER_BITS = 12, /* of an object */
    BLOCK_BITS = 256,
    NOTES_MAX = 64 << 20,
    TAG_BITS = 26, /* while it is made an entry's tag has its list's number above these */
    TAGS_SLOTS_FIRST = 1 << 12
};

struct growing {
    void *p;
    size_t n, room;
};

struct kd_obj_build {
    struct kd_obj_build_config cfg;
    struct kd_obj_list list[KD_OBJ_LISTS_MAX];
    size_t n_lists;
    struct growing entries, hashes, nets, tags, notes;
    uint32_t *slot; /* of tags, by their content: number + 1 */
    size_t n_slots; /* a power of two */
    uint32_t *note_slot;
    size_t n_note_slots, n_notes;
    uint32_t last_tag; /* neighbours are mostly alike */
    uint64_t kinds;
};

/* Room for `more` items of `size`; the pages of large blocks are moved, not copied. */
static bool grow(struct growing *g, size_t more, size_t size)
{
    if (g->n + more <= g->room)
        return true;
    size_t room = kd_max_u64(g->room + g->room / 2, kd_max_u64(g->n + more, 1024));
    void *p = realloc(g->p, room * size);
    if (p == NULL)
        return false;
    g->p = p;
    g->room = room;
    return true;
}

struct kd_obj_build *kd_obj_build_new(const struct kd_obj_build_config *cfg)
{
    struct kd_obj_build *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    b->cfg = *cfg;
    b->n_slots = b->n_note_slots = TAGS_SLOTS_FIRST;
    b->slot = calloc(b->n_slots, sizeof(b->slot[0]));
    b->note_slot = calloc(b->n_note_slots, sizeof(b->note_slot[0]));
    if (b->slot == NULL || b->note_slot == NULL || !grow(&b->notes, 1, 1)) {
        kd_obj_build_free(b);
        return NULL;
    }
    *(uint8_t *)b->notes.p = 0; /* note 0: none */
    b->notes.n = 1;
    return b;
}

void kd_obj_build_free(struct kd_obj_build *b)
{
    if (b == NULL)
        return;
    free(b->entries.p);
    free(b->hashes.p);
    free(b->nets.p);
    free(b->tags.p);
    free(b->notes.p);
    free(b->slot);
    free(b->note_slot);
    free(b);
}

struct kd_obj_list *kd_obj_build_list(struct kd_obj_build *b, const char *name)
{
    if (b->n_lists == KD_OBJ_LISTS_MAX)
        return NULL;
    struct kd_obj_list *l = &b->list[b->n_lists++];
    struct kd_out o = kd_out_of(l->name, sizeof(l->name) - 1);
    kd_out_bytes(&o, kd_bytes_head(kd_str(name), sizeof(l->name) - 1));
    l->severity = UINT8_MAX;
    return l;
}

/* ---- tags and remarks, each kept once ---- */

static const struct kd_obj_tag *tag_at(const struct kd_obj_build *b, uint32_t i)
{
    return (const struct kd_obj_tag *)b->tags.p + i;
}

static struct kd_bytes note_at(const struct kd_obj_build *b, uint32_t at)
{
    const uint8_t *p = (const uint8_t *)b->notes.p + at;
    return kd_bytes_of(p + 1, p[0]);
}

static bool widen_notes(struct kd_obj_build *b)
{
    size_t n = 2 * b->n_note_slots;
    uint32_t *slot = calloc(n, sizeof(slot[0]));
    if (slot == NULL)
        return false;
    for (size_t i = 0; i < b->n_note_slots; i++) {
        if (b->note_slot[i] == 0)
            continue;
        struct kd_bytes v = note_at(b, b->note_slot[i]);
        size_t at = kd_hash(v.p, v.n, 1) & (n - 1);
        while (slot[at] != 0)
            at = (at + 1) & (n - 1);
        slot[at] = b->note_slot[i];
    }
    free(b->note_slot);
    b->note_slot = slot;
    b->n_note_slots = n;
    return true;
}

/* 0 (no remark) when there is no room left for more of them. */
static uint32_t note_of(struct kd_obj_build *b, struct kd_bytes text)
{
    text = kd_bytes_head(text, KD_OBJ_NOTE_MAX);
    while (text.n > 0 && !kd_bytes_is_utf8(text))
        text.n--; /* cut within a letter, or no text at all */
    if (text.n == 0 || (2 * b->n_notes >= b->n_note_slots && !widen_notes(b)))
        return 0;
    size_t i = kd_hash(text.p, text.n, 1) & (b->n_note_slots - 1);
    for (; b->note_slot[i] != 0; i = (i + 1) & (b->n_note_slots - 1))
        if (kd_bytes_eq(note_at(b, b->note_slot[i]), text))
            return b->note_slot[i];
    if (b->notes.n + 1 + text.n > NOTES_MAX || !grow(&b->notes, 1 + text.n, 1))
        return 0;
    uint8_t *p = (uint8_t *)b->notes.p + b->notes.n;
    p[0] = (uint8_t)text.n;
    memcpy(p + 1, text.p, text.n);
    b->note_slot[i] = (uint32_t)b->notes.n;
    b->notes.n += 1 + text.n;
    b->n_notes++;
    return b->note_slot[i];
}

static bool widen_tags(struct kd_obj_build *b)
{
    size_t n = 2 * b->n_slots;
    uint32_t *slot = calloc(n, sizeof(slot[0]));
    if (slot == NULL)
        return false;
    for (uint32_t i = 0; i < b->tags.n; i++) {
        size_t at = kd_hash(tag_at(b, i), sizeof(struct kd_obj_tag), 2) & (n - 1);
        while (slot[at] != 0)
            at = (at + 1) & (n - 1);
        slot[at] = i + 1;
    }
    free(b->slot);
    b->slot = slot;
    b->n_slots = n;
    return true;
}

static bool tag_of(struct kd_obj_build *b, const struct kd_obj_tag *t, uint32_t *ret)
{
    *ret = b->last_tag;
    if (b->last_tag < b->tags.n && memcmp(tag_at(b, b->last_tag), t, sizeof(*t)) == 0)
        return true;
    if (b->tags.n >> TAG_BITS != 0 || (2 * b->tags.n >= b->n_slots && !widen_tags(b)))
        return false;
    size_t i = kd_hash(t, sizeof(*t), 2) & (b->n_slots - 1);
    for (; b->slot[i] != 0; i = (i + 1) & (b->n_slots - 1))
        if (memcmp(tag_at(b, b->slot[i] - 1), t, sizeof(*t)) == 0)
            break;
    if (b->slot[i] == 0) {
        if (!grow(&b->tags, 1, sizeof(*t)))
            return false;
        memcpy((struct kd_obj_tag *)b->tags.p + b->tags.n++, t, sizeof(*t));
        b->slot[i] = (uint32_t)b->tags.n;
    }
    *ret = b->last_tag = b->slot[i] - 1;
    return true;
}

/* ---- entries ---- */

static struct kd_net masked(struct kd_net net)
{
    for (unsigned i = net.bits; i < 128; i++)
        net.addr.b[i / 8] &= (uint8_t)~(0x80u >> i % 8);
    return net;
}

enum kd_status kd_obj_build_add(struct kd_obj_build *b, const struct kd_obj_new *n)
{
    struct kd_obj_list *list = &b->list[b->n_lists - 1];
    KD_ASSERT(b->n_lists > 0);
    if (b->entries.n + b->nets.n >= b->cfg.entries_max) {
        list->beyond++;
        return KD_LIMIT;
    }
    struct kd_obj_tag t = {.note = note_of(b, n->note), .from_day = n->from_day, .until_day = n->until_day,
                           .list = (uint8_t)(b->n_lists - 1), .confidence = n->confidence,
                           .flags = n->exact ? KD_OBJ_EXACT : 0};
    uint32_t tag;
    bool is_net = n->is_net && n->net.bits < 128;
    if (!tag_of(b, &t, &tag) || !grow(&b->hashes, 1, sizeof(uint64_t)) || !grow(is_net ? &b->nets : &b->entries, 1, is_net ? sizeof(struct kd_obj_net)
                                                                              : sizeof(struct kd_obj_entry)))
        return KD_NO_MEMORY;
    if (is_net) {
        struct kd_net net = masked(n->net);
        ((struct kd_obj_net *)b->nets.p)[b->nets.n++] =
            (struct kd_obj_net){.addr = net.addr, .parent = KD_OBJ_NO_NET, .tag = tag, .bits = net.bits};
    } else {
        struct kd_obj_entry *e = (struct kd_obj_entry *)b->entries.p + b->entries.n++;
        struct kd_bytes spelt = n->is_net ? kd_bytes_of(n->net.addr.b, 16) : n->spelt;
        kd_obj_digest(b->cfg.key, n->kind, spelt, e->digest);
        ((uint64_t *)b->hashes.p)[b->hashes.n++] = kd_obj_filter_hash(b->cfg.key, n->kind, spelt);
        e->tag = tag | (uint32_t)t.list << TAG_BITS;
        b->kinds |= (uint64_t)1 << n->kind;
    }
    list->n[n->kind]++;
    list->n_nets += is_net;
    return KD_OK;
}

/* ---- layout ---- */

static size_t n_buckets(size_t n)
{
    return n / BUCKET_ENTRIES + 1;
}

static size_t n_blocks(size_t n)
{
    return n * FILTER_BITS / BLOCK_BITS + 1;
}

static struct kd_obj_part place(uint64_t *at, size_t n, size_t size)
{
    struct kd_obj_part p = {*at, n};
    *at = (*at + n * size + 63) & ~(uint64_t)63; /* a filter block never lies across two cache lines */
    return p;
}

static void plan(const struct kd_obj_build *b, struct kd_obj_head *h)
{
    uint64_t at = (sizeof(*h) + 63) & ~(uint64_t)63;
    memcpy(h->key, b->cfg.key, sizeof(h->key));
    h->kinds = b->kinds;
    h->lists = place(&at, b->n_lists, sizeof(struct kd_obj_list));
    h->filter = place(&at, n_blocks(b->entries.n), sizeof(uint32_t[8]));
    h->buckets = place(&at, n_buckets(b->entries.n) + 1, sizeof(uint32_t));
    h->entries = place(&at, b->entries.n, sizeof(struct kd_obj_entry));
    h->nets = place(&at, b->nets.n, sizeof(struct kd_obj_net));
    h->tags = place(&at, b->tags.n, sizeof(struct kd_obj_tag));
    h->notes = place(&at, b->notes.n, 1);
    h->bytes = at;
}

size_t kd_obj_build_bytes(const struct kd_obj_build *b)
{
    struct kd_obj_head h;
    plan(b, &h);
    return h.bytes;
}

static uint32_t list_of(const struct kd_obj_entry *e)
{
    return e->tag >> TAG_BITS;
}

/* By digest, then list. */
static int entry_order(const void *x, const void *y)
{
    const struct kd_obj_entry *a = x, *b = y;
    int c = memcmp(a->digest, b->digest, sizeof(a->digest));
    return c != 0 ? c : (int)list_of(a) - (int)list_of(b);
}

/* A bucket holds six on average; one that was filled on purpose must not cost the square of it. */
static void sort_bucket(struct kd_obj_entry *e, size_t n)
{
    enum { LARGE = 64 };
    if (n > LARGE) {
        qsort(e, n, sizeof(e[0]), entry_order);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct kd_obj_entry x = e[i];
        size_t k = i;
        for (; k > 0 && entry_order(&e[k - 1], &x) > 0; k--)
            e[k] = e[k - 1];
        e[k] = x;
    }
}

/* What a list says twice is kept once, as it says it with most confidence. */
static size_t drop_twice(struct kd_obj_build *b, struct kd_obj_entry *e, size_t n)
{
    const uint32_t mask = (1u << TAG_BITS) - 1;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct kd_obj_entry *last = kept > 0 ? &e[kept - 1] : NULL;
        if (last == NULL || entry_order(last, &e[i]) != 0) {
            e[kept++] = e[i];
            continue;
        }
        b->list[list_of(last)].twice++;
        if (tag_at(b, e[i].tag & mask)->confidence > tag_at(b, last->tag & mask)->confidence)
            *last = e[i];
    }
    for (size_t i = 0; i < kept; i++)
        e[i].tag &= mask;
    return kept;
}

/* Into buckets by counting, then each bucket in order. */
static size_t lay_entries(struct kd_obj_build *b, const struct kd_obj_head *h, uint8_t *base)
{
    const struct kd_obj_entry *from = b->entries.p;
    struct kd_obj_entry *to = (void *)(base + h->entries.at);
    uint32_t *bucket = (void *)(base + h->buckets.at);
    size_t n = h->buckets.n - 1, out = 0;
    for (size_t i = 0; i < b->entries.n; i++)
        bucket[kd_obj_part_of(from[i].digest[0], n) + 1]++;
    for (size_t i = 0; i < n; i++)
        bucket[i + 1] += bucket[i];
    for (size_t i = b->entries.n; i-- > 0;)
        to[--bucket[kd_obj_part_of(from[i].digest[0], n) + 1]] = from[i];
    /* bucket[i + 1] is now where bucket i begins */
    for (size_t i = 0; i < n; i++) {
        size_t first = bucket[i + 1], end = i + 2 <= n ? bucket[i + 2] : b->entries.n;
        sort_bucket(to + first, end - first);
        size_t kept = drop_twice(b, to + first, end - first);
        memmove(to + out, to + first, kept * sizeof(to[0]));
        bucket[i] = (uint32_t)out;
        out += kept;
    }
    bucket[n] = (uint32_t)out;
    return out;
}

static void lay_filter(const struct kd_obj_build *b, const struct kd_obj_head *h, uint8_t *base)
{
    const uint64_t *hash = b->hashes.p;
    uint32_t(*filter)[8] = (void *)(base + h->filter.at);
    for (size_t i = 0; i < b->hashes.n; i++) {
        uint32_t *block = filter[kd_obj_part_of((uint32_t)(hash[i] >> 32), h->filter.n)];
        for (unsigned k = 0; k < 8; k++)
            block[k] |= kd_obj_filter_bit((uint32_t)(hash[i] & UINT32_MAX), k);
    }
}

static int by_address(const void *x, const void *y)
{
    const struct kd_obj_net *a = x, *b = y;
    int c = kd_addr_cmp(&a->addr, &b->addr);
    return c != 0 ? c : a->bits - b->bits;
}

static void lay_nets(struct kd_obj_build *b, const struct kd_obj_head *h, uint8_t *base)
{
    struct kd_obj_net *nets = (void *)(base + h->nets.at);
    if (b->nets.n > 0)
        memcpy(nets, b->nets.p, b->nets.n * sizeof(nets[0]));
    qsort(nets, b->nets.n, sizeof(nets[0]), by_address);
    for (uint32_t i = 1; i < b->nets.n; i++) {
        uint32_t p = i - 1;
        while (p != KD_OBJ_NO_NET && !kd_net_has(&(struct kd_net){nets[p].addr, nets[p].bits}, &nets[i].addr))
            p = nets[p].parent;
        nets[i].parent = p;
    }
}

enum kd_status kd_obj_build_write(struct kd_obj_build *b, void *into, size_t room, size_t *ret_bytes)
{
    struct kd_obj_head h = {.magic = 0};
    uint8_t *base = into;
    plan(b, &h);
    if (h.bytes > room)
        return KD_LIMIT;
    h.entries.n = lay_entries(b, &h, base);
    lay_filter(b, &h, base);
    lay_nets(b, &h, base);
    memcpy(base + h.tags.at, b->tags.p == NULL ? (void *)b->list : b->tags.p, b->tags.n * sizeof(struct kd_obj_tag));
    memcpy(base + h.notes.at, b->notes.p, b->notes.n);
    memcpy(base + h.lists.at, b->list, b->n_lists * sizeof(b->list[0]));
    h.magic = KD_OBJ_INDEX_MAGIC;
    memcpy(base, &h, sizeof(h));
    *ret_bytes = h.bytes;
    return KD_OK;
}
