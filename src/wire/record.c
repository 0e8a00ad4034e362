/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/record.h"

enum { HEAD_SRC_V4 = 1, HEAD_DST_V4 = 2, HEAD_NO_ADDR = 4, HEAD_FRAME = 8, HEAD_OUTER_TAGS = 16 };

static const void *field_at(const void *body, const struct kd_field *f)
{
    return (const uint8_t *)body + f->offset;
}

static uint64_t number_of(const void *at, enum kd_type type)
{
    uint32_t u32;
    uint64_t u64;
    uint16_t u16;
    switch (type) {
    case KD_T_BOOL:
        return *(const bool *)at;
    case KD_T_U8:
        return *(const uint8_t *)at;
    case KD_T_U16:
        memcpy(&u16, at, sizeof(u16));
        return u16;
    case KD_T_U32:
        memcpy(&u32, at, sizeof(u32));
        return u32;
    default:
        memcpy(&u64, at, sizeof(u64));
        return u64;
    }
}

static void put_text(struct kd_out *o, struct kd_bytes text)
{
    enum { ONE_BYTE = 0x80 };
    if (text.n >= ONE_BYTE) {
        kd_out_varint(o, text.n);
        kd_out_bytes(o, text);
        return;
    }
    uint8_t *at = kd_out_room(o, text.n + 1);
    if (at == NULL)
        return;
    at[0] = (uint8_t)text.n;
    if (text.n > 0)
        memcpy(at + 1, text.p, text.n);
}

static void put_body(struct kd_out *o, const struct kd_schema *schema, const void *body);

static void put_field(struct kd_out *o, const struct kd_field *f, const void *at)
{
    switch (f->type) {
    case KD_T_BOOL:
        break;
    case KD_T_ADDR:
        kd_out_bytes(o, kd_bytes_of(at, sizeof(struct kd_addr)));
        break;
    case KD_T_MAC:
        kd_out_bytes(o, kd_bytes_of(at, sizeof(struct kd_mac)));
        break;
    case KD_T_STR:
    case KD_T_HEX:
        put_text(o, *(const struct kd_bytes *)at);
        break;
    case KD_T_STRS: {
        const struct kd_strs *s = at;
        size_t n = kd_min_size(s->n, KD_LIST_MAX);
        kd_out_varint(o, n);
        for (size_t i = 0; i < n; i++)
            put_text(o, s->v[i]);
        break;
    }
    case KD_T_LIST: {
        const struct kd_list *l = at;
        size_t n = kd_min_size(l->n, KD_LIST_MAX);
        kd_out_varint(o, n);
        for (size_t i = 0; i < n; i++)
            put_body(o, f->sub, (const uint8_t *)l->v + i * f->sub->size);
        break;
    }
    default:
        kd_out_varint(o, number_of(at, f->type));
        break;
    }
}

static void put_body(struct kd_out *o, const struct kd_schema *schema, const void *body)
{
    uint64_t present = schema->present(body);
    kd_out_varint(o, present);
    while (present != 0) {
        size_t i = (size_t)__builtin_ctzll(present);
        present &= present - 1;
        put_field(o, &schema->fields[i], field_at(body, &schema->fields[i]));
    }
}

void kd_body_put(struct kd_out *o, const struct kd_schema *schema, const void *body)
{
    put_body(o, schema, body);
}

static void put_addr(struct kd_out *o, const struct kd_addr *a, bool v4)
{
    kd_out_bytes(o, v4 ? kd_bytes_of(a->b + 12, 4) : kd_bytes_of(a->b, 16));
}

/* Wide enough for another number in its place (kd_record_refer). */
enum { FRAME_BYTES = 4, FRAME_MAX = (1 << 7 * FRAME_BYTES) - 1 };

static void put_frame(uint8_t at[FRAME_BYTES], uint64_t frame)
{
    for (unsigned i = 0; i < FRAME_BYTES; i++)
        at[i] = (uint8_t)((frame >> 7 * i & 0x7f) | (i + 1 < FRAME_BYTES ? 0x80 : 0));
}

static void put_head(struct kd_out *o, const struct kd_rec_head *h)
{
    bool src_v4 = kd_addr_is_v4(&h->src);
    bool dst_v4 = kd_addr_is_v4(&h->dst);
    bool none = kd_addr_is_none(&h->src) && kd_addr_is_none(&h->dst);
    kd_out_u8(o, h->type);
    kd_out_u8(o, (uint8_t)((src_v4 ? HEAD_SRC_V4 : 0) | (dst_v4 ? HEAD_DST_V4 : 0) |
                           (none ? HEAD_NO_ADDR : 0) | (h->frame != 0 ? HEAD_FRAME : 0) |
                           (h->outer_vlan[0] != 0 ? HEAD_OUTER_TAGS : 0)));
    kd_out_u8(o, h->proto);
    kd_out_u8(o, h->app);
    kd_out_u8(o, h->engine);
    kd_out_le16(o, h->vlan);
    kd_out_le64(o, h->ts_us);
    kd_out_le64(o, h->flow_id);
    kd_out_le64(o, h->id);
    if (!none) {
        put_addr(o, &h->src, src_v4);
        kd_out_le16(o, h->src_port);
        put_addr(o, &h->dst, dst_v4);
        kd_out_le16(o, h->dst_port);
    }
    if (h->frame > FRAME_MAX) {
        kd_out_varint(o, h->frame);
    } else if (h->frame != 0) {
        uint8_t *at = kd_out_room(o, FRAME_BYTES);
        if (at != NULL)
            put_frame(at, h->frame);
    }
    if (h->outer_vlan[0] != 0) {
        kd_out_le16(o, h->outer_vlan[0]);
        kd_out_le16(o, h->outer_vlan[1]);
    }
}

void kd_record_refer(uint8_t *record, uint64_t frame)
{
    enum { FLAGS = 5, ADDRS = 4 + 7 + 3 * 8 }; /* lengths by put_head() */
    uint8_t flags = record[FLAGS];
    size_t at = ADDRS;
    if ((flags & HEAD_FRAME) == 0)
        return;
    if ((flags & HEAD_NO_ADDR) == 0)
        at += (flags & HEAD_SRC_V4 ? 4u : 16u) + (flags & HEAD_DST_V4 ? 4u : 16u) + 2 * 2u;
    bool wide = (record[at] & record[at + 1] & record[at + 2] & 0x80) != 0 && (record[at + 3] & 0x80) == 0;
    if (wide && frame <= FRAME_MAX)
        put_frame(record + at, frame);
}

enum kd_status kd_record_put(struct kd_out *o, const struct kd_rec_head *head, const void *body)
{
    const struct kd_schema *schema = kd_schema_of(head->type);
    KD_ASSERT(schema != NULL);
    size_t start = o->n;
    bool was_full = o->full;
    uint8_t *length = kd_out_room(o, 4);
    put_head(o, head);
    put_body(o, schema, body);
    size_t n = o->n - start;
    if (o->full || length == NULL || n > KD_RECORD_MAX) {
        o->n = start;
        o->full = was_full;
        return KD_LIMIT;
    }
    struct kd_out at = kd_out_of(length, 4);
    kd_out_le32(&at, (uint32_t)(n - 4));
    return KD_OK;
}

static struct kd_addr take_addr(struct kd_cur *c, bool v4)
{
    struct kd_bytes b = kd_cur_take(c, v4 ? 4 : 16);
    static const struct kd_addr none;
    if (b.p == NULL)
        return none;
    return v4 ? kd_addr_v4(b.p) : kd_addr_v6(b.p);
}

enum kd_status kd_record_next(struct kd_cur *batch, struct kd_rec_head *ret_head,
                              struct kd_bytes *ret_body, struct kd_bytes *ret_whole)
{
    if (!kd_cur_more(batch))
        return kd_cur_ok(batch) ? KD_NOT_FOUND : KD_TRUNCATED;
    const uint8_t *start = batch->p;
    uint32_t n = kd_cur_le32(batch);
    struct kd_cur c = kd_cur_sub(batch, n);
    struct kd_rec_head h = {0};
    h.type = kd_cur_u8(&c);
    uint8_t flags = kd_cur_u8(&c);
    h.proto = kd_cur_u8(&c);
    h.app = kd_cur_u8(&c);
    h.engine = kd_cur_u8(&c);
    h.vlan = kd_cur_le16(&c);
    h.ts_us = kd_cur_le64(&c);
    h.flow_id = kd_cur_le64(&c);
    h.id = kd_cur_le64(&c);
    if ((flags & HEAD_NO_ADDR) == 0) {
        h.src = take_addr(&c, (flags & HEAD_SRC_V4) != 0);
        h.src_port = kd_cur_le16(&c);
        h.dst = take_addr(&c, (flags & HEAD_DST_V4) != 0);
        h.dst_port = kd_cur_le16(&c);
    }
    if ((flags & HEAD_FRAME) != 0)
        h.frame = kd_cur_varint(&c);
    if ((flags & HEAD_OUTER_TAGS) != 0) {
        h.outer_vlan[0] = kd_cur_le16(&c);
        h.outer_vlan[1] = kd_cur_le16(&c);
    }
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    if (n > KD_RECORD_MAX || kd_schema_of(h.type) == NULL || h.app >= KD_APP_COUNT)
        return KD_MALFORMED;
    *ret_head = h;
    *ret_body = kd_cur_rest(&c);
    *ret_whole = kd_bytes_of(start, (size_t)n + 4);
    return KD_OK;
}

static void store_number(void *at, enum kd_type type, uint64_t v)
{
    uint16_t u16 = (uint16_t)v;
    uint32_t u32 = (uint32_t)v;
    switch (type) {
    case KD_T_BOOL:
        *(bool *)at = v != 0;
        break;
    case KD_T_U8:
        *(uint8_t *)at = (uint8_t)v;
        break;
    case KD_T_U16:
        memcpy(at, &u16, sizeof(u16));
        break;
    case KD_T_U32:
        memcpy(at, &u32, sizeof(u32));
        break;
    default:
        memcpy(at, &v, sizeof(v));
        break;
    }
}

static struct kd_bytes take_text(struct kd_cur *c)
{
    uint64_t n = kd_cur_varint(c);
    return kd_cur_take(c, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
}

static size_t take_count(struct kd_cur *c)
{
    uint64_t n = kd_cur_varint(c);
    /* An item takes at least one byte, so a count above what is left is a lie. */
    if (n > KD_LIST_MAX || n > kd_cur_left(c))
        kd_cur_fail(c);
    return kd_cur_ok(c) ? (size_t)n : 0;
}

static enum kd_status take_body(struct kd_cur *c, const struct kd_schema *schema,
                                struct kd_arena *mem, void *ret);

static enum kd_status take_list(struct kd_cur *c, const struct kd_field *f, struct kd_arena *mem,
                                void *at)
{
    size_t n = take_count(c);
    size_t item = f->type == KD_T_STRS ? sizeof(struct kd_bytes) : f->sub->size;
    uint8_t *v = n == 0 ? NULL : kd_arena_alloc(mem, n * item);
    if (n > 0 && v == NULL)
        return KD_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        if (f->type == KD_T_STRS) {
            struct kd_bytes text = take_text(c);
            memcpy(v + i * item, &text, sizeof(text));
            continue;
        }
        enum kd_status s = take_body(c, f->sub, mem, v + i * item);
        if (s != KD_OK)
            return s;
    }
    struct kd_list list = {v, n};
    _Static_assert(sizeof(struct kd_list) == sizeof(struct kd_strs), "both are pointer and count");
    memcpy(at, &list, sizeof(list));
    return KD_OK;
}

static enum kd_status take_field(struct kd_cur *c, const struct kd_field *f, struct kd_arena *mem,
                                 void *at)
{
    struct kd_bytes b;
    switch (f->type) {
    case KD_T_BOOL:
        *(bool *)at = true;
        return KD_OK;
    case KD_T_ADDR:
    case KD_T_MAC:
        b = kd_cur_take(c, f->type == KD_T_ADDR ? sizeof(struct kd_addr) : sizeof(struct kd_mac));
        if (b.n > 0)
            memcpy(at, b.p, b.n);
        return KD_OK;
    case KD_T_STR:
    case KD_T_HEX:
        b = take_text(c);
        memcpy(at, &b, sizeof(b));
        return KD_OK;
    case KD_T_STRS:
    case KD_T_LIST:
        return take_list(c, f, mem, at);
    default:
        store_number(at, f->type, kd_cur_varint(c));
        return KD_OK;
    }
}

static enum kd_status take_body(struct kd_cur *c, const struct kd_schema *schema,
                                struct kd_arena *mem, void *ret)
{
    memset(ret, 0, schema->size);
    uint64_t present = kd_cur_varint(c);
    if (schema->n_fields < 64 && present >> schema->n_fields != 0)
        return KD_MALFORMED;
    while (present != 0) {
        size_t i = (size_t)__builtin_ctzll(present);
        present &= present - 1;
        const struct kd_field *f = &schema->fields[i];
        enum kd_status s = take_field(c, f, mem, (uint8_t *)ret + f->offset);
        if (s != KD_OK)
            return s;
    }
    return kd_cur_ok(c) ? KD_OK : KD_TRUNCATED;
}

enum kd_status kd_body_decode(const struct kd_schema *schema, struct kd_bytes body,
                              struct kd_arena *mem, void *ret)
{
    struct kd_cur c = kd_cur_of(body);
    enum kd_status s = take_body(&c, schema, mem, ret);
    if (s == KD_OK && kd_cur_left(&c) > 0)
        return KD_MALFORMED;
    return s;
}

static void skip_body(struct kd_cur *c, const struct kd_schema *schema);

static void skip_field(struct kd_cur *c, const struct kd_field *f)
{
    size_t n;
    switch (f->type) {
    case KD_T_BOOL:
        return;
    case KD_T_ADDR:
        (void)kd_cur_take(c, sizeof(struct kd_addr));
        return;
    case KD_T_MAC:
        (void)kd_cur_take(c, sizeof(struct kd_mac));
        return;
    case KD_T_STR:
    case KD_T_HEX:
        (void)take_text(c);
        return;
    case KD_T_STRS:
    case KD_T_LIST:
        n = take_count(c);
        for (size_t i = 0; i < n && kd_cur_ok(c); i++) {
            if (f->type == KD_T_STRS)
                (void)take_text(c);
            else
                skip_body(c, f->sub);
        }
        return;
    default:
        (void)kd_cur_varint(c);
        return;
    }
}

static void skip_body(struct kd_cur *c, const struct kd_schema *schema)
{
    uint64_t present = kd_cur_varint(c);
    if (schema->n_fields < 64 && present >> schema->n_fields != 0)
        kd_cur_fail(c);
    while (present != 0 && kd_cur_ok(c)) {
        skip_field(c, &schema->fields[__builtin_ctzll(present)]);
        present &= present - 1;
    }
}

enum kd_status kd_body_check(const struct kd_schema *schema, struct kd_bytes body)
{
    struct kd_cur c = kd_cur_of(body);
    skip_body(&c, schema);
    return kd_cur_ok(&c) && kd_cur_left(&c) == 0 ? KD_OK : KD_MALFORMED;
}

bool kd_body_find(const struct kd_schema *schema, struct kd_bytes body, size_t field,
                  struct kd_bytes *ret_text, uint64_t *ret_number)
{
    struct kd_cur c = kd_cur_of(body);
    uint64_t present = kd_cur_varint(&c);
    if (field >= schema->n_fields || (present >> field & 1) == 0)
        return false;
    for (size_t i = 0; i < field && kd_cur_ok(&c); i++)
        if (present >> i & 1)
            skip_field(&c, &schema->fields[i]);
    const struct kd_field *f = &schema->fields[field];
    *ret_text = (struct kd_bytes){NULL, 0};
    *ret_number = 0;
    switch (f->type) {
    case KD_T_BOOL:
        *ret_number = 1;
        break;
    case KD_T_ADDR:
        *ret_text = kd_cur_take(&c, sizeof(struct kd_addr));
        break;
    case KD_T_MAC:
        *ret_text = kd_cur_take(&c, sizeof(struct kd_mac));
        break;
    case KD_T_STR:
    case KD_T_HEX:
        *ret_text = take_text(&c);
        break;
    case KD_T_STRS:
    case KD_T_LIST: /* the encoded list, count first */
        *ret_text = kd_cur_rest(&c);
        break;
    default:
        *ret_number = kd_cur_varint(&c);
        break;
    }
    return kd_cur_ok(&c);
}
