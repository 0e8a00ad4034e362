/* SPDX-License-Identifier: Apache-2.0 */
#include "object/index.h"

#include <sodium.h>

#include "base/hash.h"

_Static_assert(crypto_shorthash_siphashx24_KEYBYTES == KD_OBJ_KEY_BYTES, "key");
_Static_assert(sizeof(struct kd_obj_entry) == 16 && sizeof(struct kd_obj_net) == 32 && sizeof(struct kd_obj_tag) == 12,
               "layout");

void kd_obj_digest(const uint8_t key[KD_OBJ_KEY_BYTES], enum kd_object_kind kind, struct kd_bytes spelt,
                   uint32_t ret[3])
{
    uint8_t own[KD_OBJ_KEY_BYTES], out[crypto_shorthash_siphashx24_BYTES];
    memcpy(own, key, sizeof(own));
    own[0] ^= (uint8_t)kind; /* the kinds do not meet */
    (void)crypto_shorthash_siphashx24(out, spelt.p, spelt.n, own);
    memcpy(ret, out, 3 * sizeof(ret[0]));
}

uint64_t kd_obj_filter_hash(const uint8_t key[KD_OBJ_KEY_BYTES], enum kd_object_kind kind, struct kd_bytes spelt)
{
    uint64_t seed;
    memcpy(&seed, key + KD_OBJ_KEY_BYTES - sizeof(seed), sizeof(seed));
    return kd_hash(spelt.p, spelt.n, seed + (uint64_t)kind);
}

/* ---- opening ---- */

static const void *part(const uint8_t *p, size_t bytes, const struct kd_obj_part *at, size_t item)
{
    if (at->at % 8 != 0 || at->at > bytes || at->n > (bytes - at->at) / item)
        return NULL;
    return p + at->at;
}

enum kd_status kd_obj_index_open(const void *memory, size_t bytes, struct kd_obj_index *ret)
{
    const uint8_t *p = memory;
    const struct kd_obj_head *h = memory;
    if (bytes < sizeof(*h) || h->magic != KD_OBJ_INDEX_MAGIC || h->bytes > bytes)
        return KD_MALFORMED;
    *ret = (struct kd_obj_index){.head = h,
                                 .lists = part(p, bytes, &h->lists, sizeof(ret->lists[0])),
                                 .filter = part(p, bytes, &h->filter, sizeof(ret->filter[0])),
                                 .buckets = part(p, bytes, &h->buckets, sizeof(ret->buckets[0])),
                                 .entries = part(p, bytes, &h->entries, sizeof(ret->entries[0])),
                                 .nets = part(p, bytes, &h->nets, sizeof(ret->nets[0])),
                                 .tags = part(p, bytes, &h->tags, sizeof(ret->tags[0])),
                                 .notes = part(p, bytes, &h->notes, 1)};
    bool there = ret->lists != NULL && ret->filter != NULL && ret->buckets != NULL && ret->entries != NULL &&
                 ret->nets != NULL && ret->tags != NULL && ret->notes != NULL;
    if (!there || h->lists.n > KD_OBJ_LISTS_MAX || h->filter.n == 0 || h->filter.n > UINT32_MAX || h->buckets.n < 2 ||
        h->buckets.n > UINT32_MAX || h->nets.n >= KD_OBJ_NO_NET || h->entries.n > UINT32_MAX)
        return KD_MALFORMED;
    for (size_t i = 0; i + 1 < h->buckets.n; i++)
        if (ret->buckets[i] > ret->buckets[i + 1])
            return KD_MALFORMED;
    if (ret->buckets[h->buckets.n - 1] > h->entries.n)
        return KD_MALFORMED;
    for (size_t i = 0; i < h->lists.n; i++) {
        const struct kd_obj_list *l = &ret->lists[i];
        if (memchr(l->name, 0, sizeof(l->name)) == NULL || memchr(l->format, 0, sizeof(l->format)) == NULL ||
            memchr(l->problem, 0, sizeof(l->problem)) == NULL || memchr(l->refusal, 0, sizeof(l->refusal)) == NULL)
            return KD_MALFORMED;
    }
    return KD_OK;
}

/* ---- looking ---- */

static struct kd_bytes note_at(const struct kd_obj_index *x, uint32_t at)
{
    uint64_t n = x->head->notes.n;
    if (at >= n || x->notes[at] > n - at - 1)
        return kd_bytes_of(NULL, 0);
    return kd_bytes_of(x->notes + at + 1, x->notes[at]);
}

/* Take up what a tag says when it holds today; the most confident list leads. */
static bool take(const struct kd_obj_index *x, uint32_t tag, bool below, uint16_t today, struct kd_obj_hit *hit)
{
    if (tag >= x->head->tags.n)
        return false;
    const struct kd_obj_tag *t = &x->tags[tag];
    bool exact = (t->flags & KD_OBJ_EXACT) != 0;
    if (t->list >= x->head->lists.n || (x->skip >> t->list & 1) != 0 || (below && exact) ||
        (t->from_day != 0 && today < t->from_day) || (t->until_day != 0 && today >= t->until_day))
        return false;
    unsigned lists = hit->lists + 1;
    if (hit->lists == 0 || t->confidence > hit->confidence)
        *hit = (struct kd_obj_hit){.list = &x->lists[t->list], .note = note_at(x, t->note), .exact = exact,
                                   .confidence = t->confidence, .until_day = t->until_day};
    hit->lists = lists;
    return true;
}

bool kd_obj_find(const struct kd_obj_index *x, enum kd_object_kind kind, struct kd_bytes spelt, bool below,
                 uint16_t today, struct kd_obj_hit *ret)
{
    uint32_t d[3], missing = 0;
    if ((x->head->kinds >> kind & 1) == 0)
        return false;
    uint64_t hash = kd_obj_filter_hash(x->head->key, kind, spelt);
    const uint32_t *block = x->filter[kd_obj_part_of((uint32_t)(hash >> 32), x->head->filter.n)];
    for (unsigned i = 0; i < 8; i++)
        missing |= kd_obj_filter_bit((uint32_t)(hash & UINT32_MAX), i) & ~block[i];
    if (KD_LIKELY(missing != 0))
        return false;
    kd_obj_digest(x->head->key, kind, spelt, d);
    size_t bucket = kd_obj_part_of(d[0], x->head->buckets.n - 1);
    *ret = (struct kd_obj_hit){.lists = 0};
    for (size_t i = x->buckets[bucket]; i < x->buckets[bucket + 1]; i++)
        if (memcmp(x->entries[i].digest, d, sizeof(d)) == 0)
            (void)take(x, x->entries[i].tag, below, today, ret);
    return ret->lists > 0;
}

static int order(const struct kd_obj_net *net, const struct kd_addr *a)
{
    return kd_addr_cmp(&net->addr, a);
}

bool kd_obj_find_net(const struct kd_obj_index *x, const struct kd_addr *a, uint16_t today, struct kd_obj_hit *ret)
{
    size_t low = 0, high = x->head->nets.n; /* the first behind it */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (order(&x->nets[middle], a) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret = (struct kd_obj_hit){.lists = 0};
    for (uint32_t i = (uint32_t)low; i-- > 0;) {
        const struct kd_obj_net *n = &x->nets[i];
        struct kd_net net = {n->addr, (uint8_t)kd_min_size(n->bits, 128)};
        if (kd_net_has(&net, a))
            (void)take(x, n->tag, false, today, ret);
        if (ret->lists > 0 || n->parent >= i) /* of none: the greatest number */
            break;
        i = n->parent + 1;
    }
    ret->by_net = true;
    return ret->lists > 0;
}

bool kd_obj_match(const struct kd_obj_index *x, enum kd_object_kind kind, struct kd_bytes spelt, uint16_t today,
                  struct kd_obj_hit *ret)
{
    if (kd_obj_find(x, kind, spelt, false, today, ret))
        return true;
    if (kind == KD_OBJ_IP && x->head->nets.n > 0 && spelt.n == sizeof(struct kd_addr)) {
        struct kd_addr a;
        memcpy(a.b, spelt.p, sizeof(a.b));
        return kd_obj_find_net(x, &a, today, ret);
    }
    if (kind != KD_OBJ_DOMAIN || (x->head->kinds >> kind & 1) == 0)
        return false;
    (void)kd_bytes_cut(&spelt, '.');
    while (kd_bytes_find_byte(spelt, '.') != SIZE_MAX) { /* nothing is listed that is a single label */
        if (kd_obj_find(x, kind, spelt, true, today, ret))
            return true;
        (void)kd_bytes_cut(&spelt, '.');
    }
    return false;
}
