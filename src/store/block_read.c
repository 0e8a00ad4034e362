/* SPDX-License-Identifier: Apache-2.0 */
/* A block's header, read from bytes that may have been tampered with. */
#include "base/hasher.h"

#include "store/block.h"

void kd_block_hash(const uint8_t prev[KD_BLOCK_HASH], struct kd_bytes head, struct kd_bytes data,
                   uint8_t ret[KD_BLOCK_HASH])
{
    struct kd_sha256 h;
    kd_sha256_start(&h);
    kd_sha256_add(&h, kd_bytes_of(prev, KD_BLOCK_HASH));
    kd_sha256_add(&h, head);
    kd_sha256_add(&h, data);
    kd_sha256_end(&h, ret);
}

static void take_raw(struct kd_cur *c, uint8_t *ret, size_t n)
{
    struct kd_bytes b = kd_cur_take(c, n);
    if (b.n == n)
        memcpy(ret, b.p, n);
}

enum kd_status kd_block_fixed_take(struct kd_bytes head, struct kd_block_fixed *ret)
{
    struct kd_cur c = kd_cur_of(kd_bytes_head(head, KD_BLOCK_FIXED));
    struct kd_block_fixed f = {0};
    struct kd_bytes magic = kd_cur_take(&c, 4);
    f.head_len = kd_cur_le32(&c);
    f.data_len = kd_cur_le64(&c);
    f.seq = kd_cur_le64(&c);
    f.journal = kd_cur_le64(&c);
    f.journal_rows = kd_cur_le64(&c);
    take_raw(&c, f.prev, sizeof(f.prev));
    f.min_us = kd_cur_le64(&c);
    f.max_us = kd_cur_le64(&c);
    f.rows = kd_cur_le32(&c);
    f.types = kd_cur_le64(&c);
    f.bloom_lines = kd_cur_le32(&c);
    take_raw(&c, f.bloom_digest, sizeof(f.bloom_digest));
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    if (!kd_bytes_eq_str(magic, "KDB1") || f.head_len <= KD_BLOCK_FIXED ||
        f.head_len > KD_BLOCK_HEAD_MAX || f.data_len > KD_BLOCK_DATA_MAX || f.rows == 0 ||
        f.rows > KD_BLOCK_ROWS || f.bloom_lines == 0 || f.bloom_lines > KD_BLOOM_LINES_MAX ||
        f.min_us > f.max_us)
        return KD_MALFORMED;
    *ret = f;
    return KD_OK;
}

struct reader {
    struct kd_block_head *h;
    const struct kd_layout_map *map;
    size_t used, room;
    uint64_t offset;
    uint64_t rows;
};

static bool more_columns(struct reader *r, size_t n)
{
    if (n <= r->room - r->used)
        return true;
    size_t room = r->room * 2 + n + 64;
    struct kd_column_desc *c = realloc(r->h->columns, room * sizeof(*c));
    if (c == NULL)
        return false;
    r->h->columns = c;
    uint64_t *o = realloc(r->h->offsets, room * sizeof(*o));
    if (o == NULL)
        return false;
    r->h->offsets = o;
    r->room = room;
    return true;
}

/* A column of a leaf that this version does not know, or knows as something else, is left out. */
static bool keep_column(const struct reader *r, unsigned type, struct kd_column_desc *d)
{
    const struct kd_layout *l = kd_layout_of(type);
    if (l == NULL || (d->leaf = r->map->leaf[type][d->leaf]) >= l->n)
        return false;
    return kd_type_is_text(l->leaf[d->leaf].type) == (d->packing == KD_PACK_DICT);
}

static enum kd_status take_group(struct reader *r, struct kd_cur *c)
{
    unsigned type = kd_cur_u8(c);
    uint64_t rows = kd_cur_varint(c);
    uint64_t n = kd_cur_varint(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    if (type >= KD_TYPES || (r->h->fixed.types >> type & 1) == 0 || rows == 0 ||
        rows > r->h->fixed.rows || n > r->map->n[type])
        return KD_MALFORMED;
    for (size_t i = 0; i < r->h->n_groups; i++)
        if (r->h->group[i].type == type)
            return KD_MALFORMED;
    if (!more_columns(r, (size_t)n))
        return KD_NO_MEMORY;
    struct kd_block_group *g = &r->h->group[r->h->n_groups++];
    *g = (struct kd_block_group){.type = (uint8_t)type, .rows = (uint32_t)rows};
    r->rows += rows;
    int last = -1;
    for (uint64_t i = 0; i < n; i++) {
        struct kd_column_desc d;
        enum kd_status s = kd_column_desc_take(c, &d);
        if (s != KD_OK)
            return s;
        if ((int)d.leaf <= last || d.leaf >= r->map->n[type])
            return KD_MALFORMED;
        last = d.leaf;
        uint64_t at = r->offset;
        r->offset += (uint64_t)d.dict_packed + d.packed;
        if (!keep_column(r, type, &d))
            continue;
        r->h->columns[r->used] = d;
        r->h->offsets[r->used++] = at;
        g->n_columns++;
    }
    return KD_OK;
}

/* Columns of rows must have one value per row; those of items are checked against their counts when
 * read. */
static bool counts_fit(const struct kd_block_group *g)
{
    const struct kd_layout *l = kd_layout_of(g->type);
    for (size_t i = 0; l != NULL && i < g->n_columns; i++) {
        const struct kd_leaf *leaf = &l->leaf[g->column[i].leaf];
        if (leaf->parent == 0 && !leaf->is_item && g->column[i].n != g->rows)
            return false;
    }
    return true;
}

enum kd_status kd_block_head_read(struct kd_bytes head, const struct kd_layout_map *map,
                                  struct kd_block_head *ret)
{
    memset(ret, 0, sizeof(*ret));
    enum kd_status s = kd_block_fixed_take(head, &ret->fixed);
    if (s != KD_OK)
        return s;
    if (head.n != ret->fixed.head_len)
        return KD_MALFORMED;
    struct reader r = {.h = ret, .map = map};
    struct kd_cur c = kd_cur_of(kd_bytes_from(head, KD_BLOCK_FIXED));
    unsigned n = kd_cur_u8(&c);
    for (unsigned i = 0; i < n && s == KD_OK; i++)
        s = i < KD_TYPES ? take_group(&r, &c) : KD_MALFORMED;
    if (s == KD_OK && (!kd_cur_ok(&c) || kd_cur_left(&c) > 0 || r.offset != ret->fixed.data_len ||
                       r.rows != ret->fixed.rows))
        s = KD_MALFORMED;
    size_t at = 0;
    for (size_t i = 0; i < ret->n_groups && s == KD_OK; i++) {
        ret->group[i].column = ret->columns + at;
        ret->group[i].offset = ret->offsets + at;
        at += ret->group[i].n_columns;
        if (!counts_fit(&ret->group[i]))
            s = KD_MALFORMED;
    }
    if (s != KD_OK)
        kd_block_head_done(ret);
    return s;
}

void kd_block_head_done(struct kd_block_head *h)
{
    free(h->columns);
    free(h->offsets);
    memset(h, 0, sizeof(*h));
}
