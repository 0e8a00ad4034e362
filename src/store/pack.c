/* SPDX-License-Identifier: Apache-2.0 */
/* Packing and unpacking of columns (column.h). */
#include <zstd.h>

#include "base/hash.h"
#include "store/column.h"

enum { LEVEL = 1, LEAST_TO_COMPRESS = 24 };

struct kd_packer {
    ZSTD_CCtx *cctx;
    ZSTD_DCtx *dctx;
    struct kd_heap scratch;
};

struct kd_packer *kd_packer_new(void)
{
    struct kd_packer *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return NULL;
    p->cctx = ZSTD_createCCtx();
    p->dctx = ZSTD_createDCtx();
    if (p->cctx != NULL && p->dctx != NULL)
        return p;
    kd_packer_free(p);
    return NULL;
}

void kd_packer_free(struct kd_packer *p)
{
    if (p == NULL)
        return;
    ZSTD_freeCCtx(p->cctx);
    ZSTD_freeDCtx(p->dctx);
    kd_heap_done(&p->scratch);
    free(p);
}

static uint8_t width_of(uint64_t v)
{
    return v == 0 ? 0 : (uint8_t)((64 - (unsigned)__builtin_clzll(v) + 7) / 8);
}

static uint64_t zigzag(uint64_t d)
{
    return (d << 1) ^ ((uint64_t)0 - (d >> 63));
}

static uint64_t unzigzag(uint64_t z)
{
    return (z >> 1) ^ ((uint64_t)0 - (z & 1));
}

/* Compress scratch[from..] to the end of `out`. */
static enum kd_status squeeze(struct kd_packer *p, struct kd_bytes raw, struct kd_heap *out,
                              uint32_t *ret_packed)
{
    *ret_packed = (uint32_t)raw.n;
    if (raw.n == 0)
        return KD_OK;
    size_t bound = ZSTD_compressBound(raw.n);
    if (!kd_heap_room(out, bound))
        return KD_NO_MEMORY;
    if (raw.n >= LEAST_TO_COMPRESS) {
        size_t n = ZSTD_compressCCtx(p->cctx, out->p + out->n, bound, raw.p, raw.n, LEVEL);
        if (!ZSTD_isError(n) && n < raw.n) {
            out->n += n;
            *ret_packed = (uint32_t)n;
            return KD_OK;
        }
    }
    memcpy(out->p + out->n, raw.p, raw.n);
    out->n += raw.n;
    return KD_OK;
}

static bool fresh_scratch(struct kd_packer *p, size_t n)
{
    p->scratch.n = 0;
    return kd_heap_room(&p->scratch, n + 8);
}

static enum kd_status pack_numbers(struct kd_packer *p, struct kd_column *c, size_t n,
                                   struct kd_heap *out, struct kd_column_desc *d)
{
    uint64_t min = c->n < n ? 0 : UINT64_MAX;
    uint64_t max = 0;
    uint64_t delta = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t v = c->number[i];
        min = v < min ? v : min;
        max = v > max ? v : max;
        delta |= i > 0 ? zigzag(v - c->number[i - 1]) : 0;
    }
    if (c->n < n && c->n > 0)
        delta |= zigzag((uint64_t)0 - c->number[c->n - 1]);
    d->min = min;
    d->max = max;
    bool is_delta = width_of(delta) < width_of(max - min);
    d->packing = is_delta ? KD_PACK_DELTA : KD_PACK_FOR;
    d->base = is_delta ? c->number[0] : min;
    d->width = width_of(is_delta ? delta : max - min);
    d->raw = (uint32_t)(n * d->width);
    if (!fresh_scratch(p, d->raw))
        return KD_NO_MEMORY;
    uint64_t last = d->base;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = i < c->n ? c->number[i] : 0;
        uint64_t x = is_delta ? zigzag(v - last) : v - min;
        last = v;
        for (unsigned b = 0; b < d->width; b++, x >>= 8)
            p->scratch.p[b * n + i] = (uint8_t)(x & 0xff);
    }
    return squeeze(p, kd_bytes_of(p->scratch.p, d->raw), out, &d->packed);
}

static enum kd_status pack_dict(struct kd_packer *p, const struct kd_column *c, struct kd_heap *out,
                                struct kd_column_desc *d)
{
    if (!fresh_scratch(p, c->entries * 5 + c->bytes.n))
        return KD_NO_MEMORY;
    struct kd_out o = kd_out_of(p->scratch.p, p->scratch.room);
    for (size_t i = 0; i < c->entries; i++)
        kd_out_varint(&o, kd_column_entry(c, i).n);
    kd_out_bytes(&o, kd_bytes_of(c->bytes.p, c->bytes.n));
    KD_ASSERT(kd_out_ok(&o));
    d->entries = (uint32_t)c->entries;
    d->dict_raw = (uint32_t)o.n;
    return squeeze(p, kd_out_bytes_view(&o), out, &d->dict_packed);
}

static enum kd_status pack_codes(struct kd_packer *p, const struct kd_column *c, size_t n,
                                 struct kd_heap *out, struct kd_column_desc *d)
{
    uint32_t max = 0;
    for (size_t i = 0; i < c->n; i++)
        max = c->code[i] > max ? c->code[i] : max;
    d->packing = KD_PACK_DICT;
    d->width = width_of(max);
    d->raw = (uint32_t)(n * d->width);
    if (!fresh_scratch(p, d->raw))
        return KD_NO_MEMORY;
    for (unsigned b = 0; b < d->width; b++) {
        uint8_t *plane = p->scratch.p + b * n;
        for (size_t i = 0; i < c->n; i++)
            plane[i] = (uint8_t)(c->code[i] >> (8 * b) & 0xff);
        memset(plane + c->n, 0, n - c->n);
    }
    return squeeze(p, kd_bytes_of(p->scratch.p, d->raw), out, &d->packed);
}

enum kd_status kd_column_pack(struct kd_packer *p, struct kd_column *c, size_t n,
                              struct kd_heap *out, struct kd_column_desc *ret)
{
    KD_ASSERT(c->n <= n && n <= KD_COLUMN_VALUES_MAX);
    size_t start = out->n;
    *ret = (struct kd_column_desc){.n = (uint32_t)n};
    enum kd_status s;
    if (!c->text) {
        s = pack_numbers(p, c, n, out, ret);
    } else {
        s = pack_dict(p, c, out, ret);
        if (s == KD_OK)
            s = pack_codes(p, c, n, out, ret);
    }
    if (s == KD_OK)
        ret->sum = kd_hash(out->n > start ? out->p + start : (const uint8_t *)"", out->n - start, 0);
    return s;
}

void kd_column_desc_put(struct kd_out *o, const struct kd_column_desc *d)
{
    kd_out_u8(o, d->leaf);
    kd_out_u8(o, d->packing);
    kd_out_u8(o, d->width);
    kd_out_varint(o, d->n);
    kd_out_varint(o, d->raw);
    kd_out_varint(o, d->packed);
    if (d->packing == KD_PACK_DICT) {
        kd_out_varint(o, d->entries);
        kd_out_varint(o, d->dict_raw);
        kd_out_varint(o, d->dict_packed);
    } else {
        kd_out_varint(o, d->base);
        kd_out_varint(o, d->min);
        kd_out_varint(o, d->max);
    }
    kd_out_le64(o, d->sum);
}

static uint32_t take_bounded(struct kd_cur *c, uint64_t max)
{
    uint64_t v = kd_cur_varint(c);
    if (v > max)
        kd_cur_fail(c);
    return kd_cur_ok(c) ? (uint32_t)v : 0;
}

enum kd_status kd_column_desc_take(struct kd_cur *c, struct kd_column_desc *ret)
{
    struct kd_column_desc d = {0};
    d.leaf = kd_cur_u8(c);
    d.packing = kd_cur_u8(c);
    d.width = kd_cur_u8(c);
    d.n = take_bounded(c, KD_COLUMN_VALUES_MAX);
    d.raw = take_bounded(c, KD_COLUMN_RAW_MAX);
    d.packed = take_bounded(c, d.raw);
    if (d.packing == KD_PACK_DICT) {
        d.entries = take_bounded(c, d.n);
        d.dict_raw = take_bounded(c, KD_COLUMN_RAW_MAX);
        d.dict_packed = take_bounded(c, d.dict_raw);
    } else {
        d.base = kd_cur_varint(c);
        d.min = kd_cur_varint(c);
        d.max = kd_cur_varint(c);
    }
    d.sum = kd_cur_le64(c);
    if (!kd_cur_ok(c))
        return KD_TRUNCATED;
    unsigned most = d.packing == KD_PACK_DICT ? 4 : 8;
    if (d.packing >= KD_PACKINGS || d.width > most || d.raw != (uint64_t)d.n * d.width ||
        d.entries > d.dict_raw)
        return KD_MALFORMED;
    *ret = d;
    return KD_OK;
}

bool kd_column_check(const struct kd_column_desc *d, struct kd_bytes packed)
{
    return packed.n == (size_t)d->dict_packed + d->packed &&
           kd_hash(packed.p, packed.n, 0) == d->sum;
}

static enum kd_status expand(struct kd_packer *p, struct kd_bytes packed, size_t raw, uint8_t *ret)
{
    if (packed.n == raw) {
        if (raw > 0)
            memcpy(ret, packed.p, raw);
        return KD_OK;
    }
    size_t n = ZSTD_decompressDCtx(p->dctx, ret, raw, packed.p, packed.n);
    return ZSTD_isError(n) || n != raw ? KD_MALFORMED : KD_OK;
}

static enum kd_status expand_values(struct kd_packer *p, const struct kd_column_desc *d,
                                    struct kd_bytes packed)
{
    struct kd_bytes values = kd_bytes_from(packed, d->dict_packed);
    if (packed.n != (size_t)d->dict_packed + d->packed)
        return KD_TRUNCATED;
    if (!fresh_scratch(p, d->raw))
        return KD_NO_MEMORY;
    return expand(p, values, d->raw, p->scratch.p);
}

enum kd_status kd_column_numbers(struct kd_packer *p, const struct kd_column_desc *d,
                                 struct kd_bytes packed, uint64_t *ret)
{
    if (d->packing == KD_PACK_DICT)
        return KD_MALFORMED;
    enum kd_status s = expand_values(p, d, packed);
    if (s != KD_OK)
        return s;
    const uint8_t *low = p->scratch.p;
    if (d->width == 0)
        memset(ret, 0, d->n * sizeof(*ret));
    for (size_t i = 0; d->width > 0 && i < d->n; i++)
        ret[i] = low[i];
    for (unsigned b = 1; b < d->width; b++) {
        const uint8_t *plane = low + (size_t)b * d->n;
        for (size_t i = 0; i < d->n; i++)
            ret[i] |= (uint64_t)plane[i] << (8 * b);
    }
    uint64_t last = d->base;
    for (size_t i = 0; d->packing == KD_PACK_FOR && i < d->n; i++)
        ret[i] += d->base;
    for (size_t i = 0; d->packing != KD_PACK_FOR && i < d->n; i++)
        last = ret[i] = last + unzigzag(ret[i]);
    return KD_OK;
}

enum kd_status kd_column_codes(struct kd_packer *p, const struct kd_column_desc *d,
                               struct kd_bytes packed, uint32_t *ret)
{
    if (d->packing != KD_PACK_DICT)
        return KD_MALFORMED;
    enum kd_status s = expand_values(p, d, packed);
    if (s != KD_OK)
        return s;
    const uint8_t *low = p->scratch.p;
    const uint8_t *high = low + d->n;
    if (d->width == 0)
        memset(ret, 0, d->n * sizeof(*ret));
    for (size_t i = 0; d->width == 1 && i < d->n; i++)
        ret[i] = low[i];
    for (size_t i = 0; d->width > 1 && i < d->n; i++)
        ret[i] = (uint32_t)low[i] | (uint32_t)high[i] << 8;
    for (unsigned b = 2; b < d->width; b++) {
        const uint8_t *plane = p->scratch.p + (size_t)b * d->n;
        for (size_t i = 0; i < d->n; i++)
            ret[i] |= (uint32_t)plane[i] << (8 * b);
    }
    uint32_t next = 0;
    uint32_t worst = 0;
    for (size_t i = 0; i < d->n; i++) {
        uint32_t code = ret[i];
        ret[i] = code == 0 ? 0 : code == 1 ? ++next : code - 1;
        worst = ret[i] > worst ? ret[i] : worst;
    }
    return worst > d->entries ? KD_MALFORMED : KD_OK;
}

enum kd_status kd_column_dict(struct kd_packer *p, const struct kd_column_desc *d,
                              struct kd_bytes packed, struct kd_heap *bytes, size_t *ret_start,
                              uint32_t *ret_end)
{
    if (d->packing != KD_PACK_DICT || packed.n < d->dict_packed)
        return KD_MALFORMED;
    bytes->n = 0;
    if (!kd_heap_room(bytes, (size_t)d->dict_raw + 8))
        return KD_NO_MEMORY;
    enum kd_status s = expand(p, kd_bytes_head(packed, d->dict_packed), d->dict_raw, bytes->p);
    if (s != KD_OK)
        return s;
    bytes->n = d->dict_raw;
    struct kd_cur c = kd_cur_of(kd_bytes_of(bytes->p, bytes->n));
    uint64_t end = 0;
    for (uint32_t i = 0; i < d->entries; i++) {
        end += kd_cur_varint(&c);
        if (end > d->dict_raw)
            return KD_MALFORMED;
        ret_end[i] = (uint32_t)end;
    }
    *ret_start = c.taken;
    return kd_cur_ok(&c) && end == kd_cur_left(&c) ? KD_OK : KD_MALFORMED;
}
