/* SPDX-License-Identifier: Apache-2.0 */
/* Records into a block. */
#include <sodium.h>

#include "store/block.h"

struct group {
    const struct kd_layout *layout;
    size_t rows;
    struct kd_column column[KD_LEAVES_MAX];
    uint32_t total[KD_LEAVES_MAX]; /* items so far, by leaf of the list */
};

struct kd_block_builder {
    struct kd_packer *packer;
    struct group *group[KD_TYPES];
    bool no_memory;
    bool items_full;
};

struct kd_block_builder *kd_block_builder_new(void)
{
    struct kd_block_builder *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    b->packer = kd_packer_new();
    if (b->packer == NULL) {
        free(b);
        return NULL;
    }
    return b;
}

void kd_block_builder_free(struct kd_block_builder *b)
{
    if (b == NULL)
        return;
    for (size_t t = 0; t < KD_TYPES; t++) {
        for (size_t i = 0; b->group[t] != NULL && i < KD_LEAVES_MAX; i++)
            kd_column_done(&b->group[t]->column[i]);
        free(b->group[t]);
    }
    kd_packer_free(b->packer);
    free(b);
}

void kd_built_done(struct kd_built *b)
{
    kd_heap_done(&b->head);
    kd_heap_done(&b->data);
    kd_heap_done(&b->bloom);
}

static void clear(struct kd_block_builder *b)
{
    b->no_memory = false;
    b->items_full = false;
    for (size_t t = 0; t < KD_TYPES; t++) {
        struct group *g = b->group[t];
        if (g == NULL)
            continue;
        g->rows = 0;
        memset(g->total, 0, sizeof(g->total));
        for (size_t i = 0; i < g->layout->n; i++)
            kd_column_clear(&g->column[i]);
    }
}

static struct group *group_of(struct kd_block_builder *b, unsigned type)
{
    if (KD_LIKELY(b->group[type] != NULL))
        return b->group[type];
    struct group *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    g->layout = kd_layout_of(type);
    for (size_t i = 0; i < g->layout->n; i++)
        g->column[i].text = kd_type_is_text(g->layout->leaf[i].type);
    b->group[type] = g;
    return g;
}

static void put_number(struct kd_block_builder *b, struct group *g, size_t leaf, size_t row,
                       uint64_t v)
{
    if (v != 0 && !kd_column_number(&g->column[leaf], row, v))
        b->no_memory = true;
}

static void put_text(struct kd_block_builder *b, struct group *g, size_t leaf, size_t row,
                     struct kd_bytes v)
{
    if (!kd_column_text(&g->column[leaf], row, v))
        b->no_memory = true;
}

static void put_addr(struct kd_block_builder *b, struct group *g, size_t leaf, size_t row,
                     const struct kd_addr *a)
{
    if (!kd_addr_is_none(a))
        put_text(b, g, leaf, row, kd_bytes_of(a->b, sizeof(a->b)));
}

static void put_head(struct kd_block_builder *b, struct group *g, const struct kd_rec_head *h)
{
    size_t row = g->rows;
    put_number(b, g, KD_LEAF_TS, row, h->ts_us);
    put_number(b, g, KD_LEAF_FLOW_ID, row, h->flow_id);
    put_number(b, g, KD_LEAF_ID, row, h->id);
    put_addr(b, g, KD_LEAF_SRC, row, &h->src);
    put_number(b, g, KD_LEAF_SRC_PORT, row, h->src_port);
    put_addr(b, g, KD_LEAF_DST, row, &h->dst);
    put_number(b, g, KD_LEAF_DST_PORT, row, h->dst_port);
    put_number(b, g, KD_LEAF_PROTO, row, h->proto);
    put_number(b, g, KD_LEAF_APP, row, h->app);
    put_number(b, g, KD_LEAF_VLAN, row, h->vlan);
    put_number(b, g, KD_LEAF_ENGINE, row, h->engine);
}

static struct kd_bytes take_text(struct kd_cur *c)
{
    uint64_t n = kd_cur_varint(c);
    return kd_cur_take(c, n > KD_RECORD_MAX ? SIZE_MAX : (size_t)n);
}

static void put_body(struct kd_block_builder *b, struct group *g, size_t frame, size_t row,
                     struct kd_cur *c);

static void put_list(struct kd_block_builder *b, struct group *g, size_t leaf, size_t row,
                     struct kd_cur *c)
{
    uint64_t n = kd_cur_varint(c);
    if (n > KD_LIST_MAX || n > kd_cur_left(c)) {
        kd_cur_fail(c);
        return;
    }
    const struct kd_leaf *l = &g->layout->leaf[leaf];
    put_number(b, g, leaf, row, n);
    for (uint64_t i = 0; i < n && kd_cur_ok(c); i++) {
        if (l->type == KD_T_STRS)
            put_text(b, g, leaf + 1, g->total[leaf], take_text(c));
        else
            put_body(b, g, l->frame, g->total[leaf], c);
        g->total[leaf]++;
    }
    if (g->total[leaf] > KD_BLOCK_ITEMS)
        b->items_full = true;
}

static void put_body(struct kd_block_builder *b, struct group *g, size_t frame, size_t row,
                     struct kd_cur *c)
{
    const struct kd_frame *f = &g->layout->frame[frame];
    uint64_t present = kd_cur_varint(c);
    if (f->schema->n_fields < 64 && present >> f->schema->n_fields != 0)
        kd_cur_fail(c);
    while (present != 0 && kd_cur_ok(c)) {
        size_t i = (size_t)__builtin_ctzll(present);
        present &= present - 1;
        size_t leaf = f->leaf[i];
        switch (f->schema->fields[i].type) {
        case KD_T_BOOL:
            put_number(b, g, leaf, row, 1);
            break;
        case KD_T_ADDR:
            put_text(b, g, leaf, row, kd_cur_take(c, sizeof(struct kd_addr)));
            break;
        case KD_T_MAC:
            put_text(b, g, leaf, row, kd_cur_take(c, sizeof(struct kd_mac)));
            break;
        case KD_T_STR:
        case KD_T_HEX:
            put_text(b, g, leaf, row, take_text(c));
            break;
        case KD_T_STRS:
        case KD_T_LIST:
            put_list(b, g, leaf, row, c);
            break;
        default:
            put_number(b, g, leaf, row, kd_cur_varint(c));
            break;
        }
    }
}

/* Gather records until a bound.  `checked`: look at each body first and leave bad ones out;
 * otherwise a bad one makes the result KD_MALFORMED. */
static enum kd_status gather(struct kd_block_builder *b, struct kd_bytes records, bool checked,
                             struct kd_built *ret)
{
    clear(b);
    ret->rows_taken = 0;
    ret->rows_bad = 0;
    struct kd_block_fixed *fixed = &ret->fixed;
    fixed->rows = 0;
    fixed->types = 0;
    fixed->min_us = UINT64_MAX;
    fixed->max_us = 0;
    struct kd_cur batch = kd_cur_of(kd_bytes_head(records, KD_BLOCK_BYTES));
    struct kd_rec_head h;
    struct kd_bytes body, whole;
    ret->bytes_taken = 0;
    while (ret->rows_taken < KD_BLOCK_ROWS && !b->items_full &&
           kd_record_next(&batch, &h, &body, &whole) == KD_OK) {
        ret->bytes_taken += whole.n;
        ret->rows_taken++;
        if (kd_is_step(h.type) || (checked && kd_body_check(kd_schemas[h.type], body) != KD_OK)) {
            ret->rows_bad++;
            continue;
        }
        struct group *g = group_of(b, h.type);
        if (g == NULL)
            return KD_NO_MEMORY;
        put_head(b, g, &h);
        struct kd_cur c = kd_cur_of(body);
        put_body(b, g, 0, g->rows, &c);
        if (!kd_cur_ok(&c) || kd_cur_left(&c) > 0)
            return KD_MALFORMED;
        g->rows++;
        fixed->rows++;
        fixed->types |= (uint64_t)1 << h.type;
        fixed->min_us = kd_min_u64(fixed->min_us, h.ts_us);
        fixed->max_us = kd_max_u64(fixed->max_us, h.ts_us);
        if (b->no_memory)
            return KD_NO_MEMORY;
    }
    return KD_OK;
}

static size_t values_of(const struct group *g, size_t leaf)
{
    size_t parent = g->layout->leaf[leaf].parent;
    if (g->layout->leaf[leaf].is_item)
        return g->total[leaf - 1];
    return parent == 0 ? g->rows : g->total[parent];
}

static enum kd_status pack_group(struct kd_block_builder *b, struct group *g, struct kd_heap *data,
                                 struct kd_out *dir)
{
    size_t used = 0;
    for (size_t i = 0; i < g->layout->n; i++)
        used += g->column[i].n > 0;
    kd_out_u8(dir, (uint8_t)g->layout->schema->id);
    kd_out_varint(dir, g->rows);
    kd_out_varint(dir, used);
    for (size_t i = 0; i < g->layout->n; i++) {
        struct kd_column *c = &g->column[i];
        if (c->n == 0)
            continue;
        struct kd_column_desc d;
        enum kd_status s = kd_column_pack(b->packer, c, values_of(g, i), data, &d);
        if (s != KD_OK)
            return s;
        d.leaf = (uint8_t)i;
        kd_column_desc_put(dir, &d);
    }
    return KD_OK;
}

static enum kd_status make_bloom(struct kd_block_builder *b, struct kd_heap *bloom,
                                 size_t *ret_lines)
{
    size_t n = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t t = 0; t < KD_TYPES; t++) {
            const struct group *g = b->group[t];
            for (size_t i = 0; g != NULL && i < g->layout->n; i++) {
                const struct kd_column *c = &g->column[i];
                const struct kd_leaf *l = &g->layout->leaf[i];
                if (!kd_leaf_is_indexed(l))
                    continue;
                n += pass == 0 ? c->entries : 0;
                for (size_t e = 0; pass == 1 && e < c->entries; e++) {
                    struct kd_bytes v = kd_column_entry(c, e);
                    kd_bloom_add(bloom->p, *ret_lines,
                                 l->type == KD_T_STR ? kd_bloom_key_text(v)
                                                     : kd_bloom_key_bytes(v));
                }
            }
        }
        if (pass == 1)
            break;
        *ret_lines = kd_bloom_lines(n);
        bloom->n = 0;
        if (!kd_heap_room(bloom, *ret_lines * KD_BLOOM_LINE))
            return KD_NO_MEMORY;
        bloom->n = *ret_lines * KD_BLOOM_LINE;
        memset(bloom->p, 0, bloom->n);
    }
    return KD_OK;
}

static void put_fixed(struct kd_out *o, const struct kd_block_fixed *f)
{
    kd_out_str(o, "KDB1");
    kd_out_le32(o, f->head_len);
    kd_out_le64(o, f->data_len);
    kd_out_le64(o, f->seq);
    kd_out_le64(o, f->journal);
    kd_out_le64(o, f->journal_rows);
    kd_out_bytes(o, kd_bytes_of(f->prev, sizeof(f->prev)));
    kd_out_le64(o, f->min_us);
    kd_out_le64(o, f->max_us);
    kd_out_le32(o, f->rows);
    kd_out_le64(o, f->types);
    kd_out_le32(o, f->bloom_lines);
    kd_out_bytes(o, kd_bytes_of(f->bloom_digest, sizeof(f->bloom_digest)));
}

static enum kd_status pack(struct kd_block_builder *b, struct kd_built *ret)
{
    ret->data.n = 0;
    ret->head.n = 0;
    if (!kd_heap_room(&ret->head, KD_BLOCK_HEAD_MAX))
        return KD_NO_MEMORY;
    struct kd_out dir = kd_out_of(ret->head.p + KD_BLOCK_FIXED, KD_BLOCK_HEAD_MAX - KD_BLOCK_FIXED);
    kd_out_u8(&dir, (uint8_t)__builtin_popcountll(ret->fixed.types));
    for (size_t t = 0; t < KD_TYPES; t++) {
        if (b->group[t] == NULL || b->group[t]->rows == 0)
            continue;
        enum kd_status s = pack_group(b, b->group[t], &ret->data, &dir);
        if (s != KD_OK)
            return s;
    }
    KD_ASSERT(kd_out_ok(&dir));
    size_t lines = 0;
    enum kd_status s = make_bloom(b, &ret->bloom, &lines);
    if (s != KD_OK)
        return s;
    struct kd_block_fixed *f = &ret->fixed;
    f->bloom_lines = (uint32_t)lines;
    f->head_len = (uint32_t)(KD_BLOCK_FIXED + dir.n);
    f->data_len = ret->data.n;
    crypto_generichash(f->bloom_digest, sizeof(f->bloom_digest), ret->bloom.p, ret->bloom.n, NULL,
                       0);
    struct kd_out o = kd_out_of(ret->head.p, KD_BLOCK_FIXED);
    put_fixed(&o, f);
    KD_ASSERT(o.n == KD_BLOCK_FIXED);
    ret->head.n = f->head_len;
    kd_block_hash(f->prev, kd_bytes_of(ret->head.p, ret->head.n),
                  kd_bytes_of(ret->data.p, ret->data.n), ret->hash);
    return KD_OK;
}

enum kd_status kd_block_build(struct kd_block_builder *b, struct kd_bytes records,
                              const struct kd_block_fixed *fixed, struct kd_built *ret)
{
    ret->fixed = *fixed;
    enum kd_status s = gather(b, records, false, ret);
    if (s == KD_MALFORMED)
        s = gather(b, records, true, ret);
    if (s != KD_OK)
        return s;
    if (ret->fixed.rows == 0)
        return KD_NOT_FOUND;
    ret->fixed.journal_rows = fixed->journal_rows + ret->rows_taken;
    return pack(b, ret);
}
