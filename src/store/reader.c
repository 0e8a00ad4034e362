/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks read back, column by column (events.h). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/events_format.h"

/* Memory for one block's unpacked columns: taken in chunks, all given back at the next block. */
struct chunk {
    struct chunk *next;
    size_t size, used;
    uint8_t data[];
};

enum { CHUNK_MIN = 4 << 20 };

struct slot {
    struct kd_loaded loaded;
    struct kd_column_desc desc;
    uint32_t *starts;
    bool tried, has_dict, has_values, here;
    enum kd_status status;
};

struct kd_block_reader {
    struct kd_events *events;
    struct kd_packer *packer;
    struct chunk *chunks;
    struct kd_heap head_bytes, packed, dict;
    struct kd_block_head head;
    struct slot *slot; /* n_groups * KD_LEAVES_MAX */
    size_t slots_room;
    struct kd_bytes data; /* of a block in memory; p == NULL: in file */
    uint64_t data_off;
    struct kd_layout_map map;
    struct kd_layout_map ours;
    int seg_fd, idx_fd;
    uint32_t seg_day, idx_day;
    uint16_t seg_hour, seg_part;
};

struct kd_block_reader *kd_block_reader_new(struct kd_events *e)
{
    struct kd_block_reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->events = e;
    r->seg_fd = r->idx_fd = -1;
    r->packer = kd_packer_new();
    if (r->packer == NULL || kd_layout_map(kd_layout_table(), &r->ours) != KD_OK) {
        kd_block_reader_free(r);
        return NULL;
    }
    return r;
}

void kd_block_reader_free(struct kd_block_reader *r)
{
    if (r == NULL)
        return;
    while (r->chunks != NULL) {
        struct chunk *next = r->chunks->next;
        free(r->chunks);
        r->chunks = next;
    }
    if (r->seg_fd >= 0)
        (void)close(r->seg_fd);
    if (r->idx_fd >= 0)
        (void)close(r->idx_fd);
    kd_block_head_done(&r->head);
    kd_heap_done(&r->head_bytes);
    kd_heap_done(&r->packed);
    kd_heap_done(&r->dict);
    kd_packer_free(r->packer);
    free(r->slot);
    free(r);
}

static void *take(struct kd_block_reader *r, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    for (struct chunk *c = r->chunks; c != NULL; c = c->next) {
        if (n > c->size - c->used)
            continue;
        void *p = c->data + c->used;
        c->used += n;
        return p;
    }
    size_t size = n > CHUNK_MIN ? n : CHUNK_MIN;
    struct chunk *c = malloc(sizeof(*c) + size);
    if (c == NULL)
        return NULL;
    c->next = r->chunks;
    c->size = size;
    c->used = n;
    r->chunks = c;
    return c->data;
}

static enum kd_status open_index(struct kd_block_reader *r, uint32_t day)
{
    if (r->idx_fd >= 0 && r->idx_day == day)
        return KD_OK;
    char name[32];
    int n = snprintf(name, sizeof(name), "%08u/day.idx", (unsigned)day);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(name));
    if (r->idx_fd >= 0)
        (void)close(r->idx_fd);
    r->idx_fd = openat(kd_events_root_fd(r->events), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    r->idx_day = day;
    return r->idx_fd >= 0 ? KD_OK : KD_NOT_FOUND;
}

bool kd_block_maybe(struct kd_block_reader *r, const struct kd_block_ref *ref, const uint64_t *keys,
                    size_t n)
{
    if (open_index(r, ref->day) != KD_OK)
        return true;
    uint64_t filter = ref->idx_off + KD_IDX_FIXED + ref->head_len;
    for (size_t i = 0; i < n; i++) {
        uint8_t line[KD_BLOOM_LINE];
        uint64_t at = filter + kd_bloom_line_of(keys[i], ref->bloom_lines) * KD_BLOOM_LINE;
        if (kd_file_read(r->idx_fd, at, line, sizeof(line)) != KD_OK ||
            kd_bloom_line_has(line, keys[i]))
            return true;
    }
    return false;
}

static enum kd_status read_table(struct kd_block_reader *r)
{
    uint8_t fixed[KD_SEG_FIXED];
    enum kd_status s = kd_file_read(r->seg_fd, 0, fixed, sizeof(fixed));
    struct kd_cur c = kd_cur_of(kd_bytes_of(fixed, sizeof(fixed)));
    struct kd_bytes magic = kd_cur_take(&c, 8);
    uint64_t len = kd_cur_le64(&c);
    uint64_t sum = kd_cur_le64(&c);
    if (s != KD_OK)
        return s;
    if (!kd_bytes_eq(magic, kd_bytes_of("KDSEG1\n", 8)) || len > KD_TABLE_MAX)
        return KD_MALFORMED;
    struct kd_bytes table = kd_layout_table();
    if (len == table.n && sum == kd_hash(table.p, table.n, 0)) {
        r->map = r->ours;
        return KD_OK;
    }
    uint8_t *theirs = malloc((size_t)len + 1);
    if (theirs == NULL)
        return KD_NO_MEMORY;
    s = kd_file_read(r->seg_fd, KD_SEG_FIXED, theirs, (size_t)len);
    if (s == KD_OK && kd_hash(theirs, (size_t)len, 0) != sum)
        s = KD_MALFORMED;
    if (s == KD_OK)
        s = kd_layout_map(kd_bytes_of(theirs, (size_t)len), &r->map);
    free(theirs);
    return s;
}

static enum kd_status open_segment(struct kd_block_reader *r, const struct kd_block_ref *ref)
{
    if (r->seg_fd >= 0 && r->seg_day == ref->day && r->seg_hour == ref->hour &&
        r->seg_part == ref->part)
        return KD_OK;
    char day[16], file[32], name[64];
    kd_day_name(ref->day, day);
    kd_segment_name(ref->hour, ref->part, file);
    int n = snprintf(name, sizeof(name), "%s/%s", day, file);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(name));
    if (r->seg_fd >= 0)
        (void)close(r->seg_fd);
    r->seg_fd = openat(kd_events_root_fd(r->events), name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (r->seg_fd < 0)
        return errno == ENOENT ? KD_NOT_FOUND : KD_SYSTEM;
    r->seg_day = ref->day;
    r->seg_hour = ref->hour;
    r->seg_part = ref->part;
    enum kd_status s = read_table(r);
    if (s != KD_OK) {
        (void)close(r->seg_fd);
        r->seg_fd = -1;
    }
    return s;
}

static enum kd_status begin(struct kd_block_reader *r, struct kd_bytes head,
                            const struct kd_layout_map *map)
{
    kd_block_head_done(&r->head);
    for (struct chunk *c = r->chunks; c != NULL; c = c->next)
        c->used = 0;
    enum kd_status s = kd_block_head_read(head, map, &r->head);
    if (s != KD_OK)
        return s;
    size_t n = r->head.n_groups * KD_LEAVES_MAX;
    if (n > r->slots_room) {
        struct slot *slot = realloc(r->slot, n * sizeof(*slot));
        if (slot == NULL)
            return KD_NO_MEMORY;
        r->slot = slot;
        r->slots_room = n;
    }
    if (n > 0)
        memset(r->slot, 0, n * sizeof(*r->slot));
    return KD_OK;
}

enum kd_status kd_block_open(struct kd_block_reader *r, const struct kd_block_ref *ref)
{
    enum kd_status s = open_segment(r, ref);
    if (s != KD_OK)
        return s;
    r->head_bytes.n = 0;
    if (ref->head_len > KD_BLOCK_HEAD_MAX || !kd_heap_room(&r->head_bytes, ref->head_len))
        return KD_NO_MEMORY;
    s = kd_file_read(r->seg_fd, ref->seg_off, r->head_bytes.p, ref->head_len);
    if (s != KD_OK)
        return s;
    r->data = kd_bytes_of(NULL, 0);
    r->data_off = ref->seg_off + ref->head_len;
    return begin(r, kd_bytes_of(r->head_bytes.p, ref->head_len), &r->map);
}

static enum kd_status use(struct kd_block_reader *r, struct kd_bytes head, struct kd_bytes data,
                          const struct kd_layout_map *map)
{
    static const uint8_t none[1];
    r->data = data.p != NULL ? data : kd_bytes_of(none, 0);
    enum kd_status s = begin(r, head, map);
    return s == KD_OK && r->head.fixed.data_len != data.n ? KD_MALFORMED : s;
}

enum kd_status kd_block_use(struct kd_block_reader *r, struct kd_bytes head, struct kd_bytes data)
{
    return use(r, head, data, &r->ours);
}

enum kd_status kd_block_use_as(struct kd_block_reader *r, struct kd_bytes table,
                               struct kd_bytes head, struct kd_bytes data)
{
    struct kd_layout_map map;
    enum kd_status s = kd_layout_map(table, &map);
    return s == KD_OK ? use(r, head, data, &map) : s;
}

enum kd_status kd_block_raw(struct kd_block_reader *r, const struct kd_block_ref *ref,
                            struct kd_heap *ret_table, struct kd_heap *ret)
{
    uint8_t fixed[KD_SEG_FIXED];
    enum kd_status s = kd_block_open(r, ref);
    if (s == KD_OK)
        s = kd_file_read(r->seg_fd, 0, fixed, sizeof(fixed));
    if (s != KD_OK)
        return s;
    struct kd_cur c = kd_cur_of(kd_bytes_of(fixed, sizeof(fixed)));
    (void)kd_cur_take(&c, 8);
    uint64_t table = kd_cur_le64(&c);
    uint64_t n = ref->head_len + r->head.fixed.data_len;
    ret->n = ret_table->n = 0;
    if (table > KD_TABLE_MAX || n > KD_BLOCK_HEAD_MAX + (uint64_t)KD_BLOCK_DATA_MAX)
        return KD_MALFORMED;
    if (!kd_heap_room(ret_table, (size_t)table + 1) ||
        !kd_heap_room(ret, KD_BLOCK_HASH + (size_t)n))
        return KD_NO_MEMORY;
    memcpy(ret->p, r->head.fixed.prev, KD_BLOCK_HASH);
    ret_table->n = (size_t)table;
    ret->n = KD_BLOCK_HASH + (size_t)n;
    s = kd_file_read(r->seg_fd, KD_SEG_FIXED, ret_table->p, (size_t)table);
    return s == KD_OK ? kd_file_read(r->seg_fd, ref->seg_off, ret->p + KD_BLOCK_HASH, (size_t)n)
                      : s;
}

const struct kd_block_head *kd_block_current(const struct kd_block_reader *r)
{
    return &r->head;
}

/* ---- columns ---- */

static enum kd_status read_packed(struct kd_block_reader *r, const struct kd_column_desc *d,
                                  uint64_t off, struct kd_bytes *ret)
{
    size_t n = (size_t)d->dict_packed + d->packed;
    if (r->data.p != NULL) {
        *ret = kd_bytes_head(kd_bytes_from(r->data, (size_t)off), n);
    } else {
        r->packed.n = 0;
        if (!kd_heap_room(&r->packed, n + 1))
            return KD_NO_MEMORY;
        enum kd_status s = kd_file_read(r->seg_fd, r->data_off + off, r->packed.p, n);
        if (s != KD_OK)
            return s;
        *ret = kd_bytes_of(r->packed.p, n);
    }
    return kd_column_check(d, *ret) ? KD_OK : KD_BROKEN_SEAL;
}

/* How many values the leaf must have. */
static enum kd_status values_wanted(struct kd_block_reader *r, size_t group, size_t leaf,
                                    uint64_t *ret)
{
    const struct kd_block_group *g = &r->head.group[group];
    const struct kd_leaf *l = &kd_layout_of(g->type)->leaf[leaf];
    size_t list = l->is_item ? leaf - 1 : l->parent;
    *ret = g->rows;
    if (!l->is_item && l->parent == 0)
        return KD_OK;
    enum kd_status s;
    uint64_t n_lists = 0;
    const uint32_t *starts = kd_block_starts(r, group, list, &s);
    if (s == KD_OK && starts != NULL)
        s = values_wanted(r, group, list, &n_lists);
    *ret = s == KD_OK && starts != NULL ? starts[n_lists] : 0;
    return s;
}

static enum kd_status load_dict(struct kd_block_reader *r, struct slot *slot,
                                struct kd_bytes packed)
{
    const struct kd_column_desc *d = &slot->desc;
    uint32_t *end = take(r, ((size_t)d->entries + 1) * sizeof(*end));
    size_t start = 0;
    enum kd_status s =
        end == NULL ? KD_NO_MEMORY : kd_column_dict(r->packer, d, packed, &r->dict, &start, end);
    if (s != KD_OK)
        return s;
    uint8_t *copy = take(r, r->dict.n - start + 1);
    if (copy == NULL)
        return KD_NO_MEMORY;
    if (r->dict.n > start)
        memcpy(copy, r->dict.p + start, r->dict.n - start);
    slot->loaded.dict = copy;
    slot->loaded.end = end;
    slot->has_dict = true;
    return KD_OK;
}

static enum kd_status load_values(struct kd_block_reader *r, struct slot *slot,
                                  struct kd_bytes packed)
{
    const struct kd_column_desc *d = &slot->desc;
    enum kd_status s;
    if (d->packing == KD_PACK_DICT) {
        slot->loaded.code = take(r, ((size_t)d->n + 1) * sizeof(*slot->loaded.code));
        s = slot->loaded.code == NULL ? KD_NO_MEMORY
                                      : kd_column_codes(r->packer, d, packed, slot->loaded.code);
    } else {
        slot->loaded.number = take(r, ((size_t)d->n + 1) * sizeof(*slot->loaded.number));
        s = slot->loaded.number == NULL
                ? KD_NO_MEMORY
                : kd_column_numbers(r->packer, d, packed, slot->loaded.number);
    }
    slot->has_values = s == KD_OK;
    return s;
}

static const struct kd_loaded *load(struct kd_block_reader *r, size_t group, size_t leaf,
                                    bool values, enum kd_status *ret_s)
{
    const struct kd_block_group *g = &r->head.group[group];
    struct slot *slot = &r->slot[group * KD_LEAVES_MAX + leaf];
    size_t at = 0;
    while (at < g->n_columns && g->column[at].leaf != leaf)
        at++;
    *ret_s = slot->status;
    slot->here = at < g->n_columns;
    if (!slot->here || slot->status != KD_OK)
        return NULL;
    slot->desc = g->column[at];
    slot->loaded.desc = &slot->desc;
    bool text = slot->desc.packing == KD_PACK_DICT;
    bool need_dict = text && !slot->has_dict;
    bool need_values = values && !slot->has_values;
    if (!need_dict && !need_values)
        return &slot->loaded;
    uint64_t want = 0;
    struct kd_bytes packed;
    enum kd_status s = values_wanted(r, group, leaf, &want);
    if (s == KD_OK && want != slot->desc.n)
        s = KD_MALFORMED;
    if (s == KD_OK)
        s = read_packed(r, &slot->desc, g->offset[at], &packed);
    if (s == KD_OK && need_dict)
        s = load_dict(r, slot, packed);
    if (s == KD_OK && need_values)
        s = load_values(r, slot, packed);
    *ret_s = slot->status = s;
    return s == KD_OK ? &slot->loaded : NULL;
}

const struct kd_loaded *kd_block_column(struct kd_block_reader *r, size_t group, size_t leaf,
                                        enum kd_status *ret_s)
{
    return load(r, group, leaf, true, ret_s);
}

const struct kd_loaded *kd_block_dict(struct kd_block_reader *r, size_t group, size_t leaf,
                                      enum kd_status *ret_s)
{
    return load(r, group, leaf, false, ret_s);
}

const uint32_t *kd_block_starts(struct kd_block_reader *r, size_t group, size_t leaf,
                                enum kd_status *ret_s)
{
    struct slot *slot = &r->slot[group * KD_LEAVES_MAX + leaf];
    const struct kd_loaded *counts = load(r, group, leaf, true, ret_s);
    if (counts == NULL || slot->starts != NULL)
        return counts == NULL ? NULL : slot->starts;
    uint32_t *starts = take(r, ((size_t)slot->desc.n + 1) * sizeof(*starts));
    if (starts == NULL) {
        *ret_s = KD_NO_MEMORY;
        return NULL;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < slot->desc.n; i++) {
        starts[i] = (uint32_t)sum;
        sum += counts->number[i] > KD_LIST_MAX ? KD_COLUMN_VALUES_MAX + 1 : counts->number[i];
        if (sum > KD_COLUMN_VALUES_MAX) {
            *ret_s = slot->status = KD_MALFORMED;
            return NULL;
        }
    }
    starts[slot->desc.n] = (uint32_t)sum;
    return slot->starts = starts;
}

/* ---- whole records ---- */

struct filler {
    struct kd_block_reader *r;
    size_t group;
    const struct kd_layout *layout;
    struct kd_arena *mem;
    enum kd_status s;
};

static uint64_t number_at(struct filler *f, size_t leaf, size_t row)
{
    enum kd_status s;
    const struct kd_loaded *c = kd_block_column(f->r, f->group, leaf, &s);
    if (s != KD_OK)
        f->s = s;
    return c == NULL || c->number == NULL ? 0 : c->number[row];
}

static struct kd_bytes text_at(struct filler *f, size_t leaf, size_t row)
{
    enum kd_status s;
    const struct kd_loaded *c = kd_block_column(f->r, f->group, leaf, &s);
    if (s != KD_OK)
        f->s = s;
    if (c == NULL || c->code == NULL || c->code[row] == 0)
        return kd_bytes_of(NULL, 0);
    return kd_loaded_entry(c, c->code[row] - 1);
}

static void fill_frame(struct filler *f, size_t frame, size_t row, void *ret);

static void fill_list(struct filler *f, size_t leaf, size_t row, void *at)
{
    enum kd_status s;
    const struct kd_leaf *l = &f->layout->leaf[leaf];
    const uint32_t *starts = kd_block_starts(f->r, f->group, leaf, &s);
    if (s != KD_OK)
        f->s = s;
    if (starts == NULL || starts[row + 1] == starts[row])
        return;
    size_t n = starts[row + 1] - starts[row];
    size_t item =
        l->type == KD_T_STRS ? sizeof(struct kd_bytes) : f->layout->frame[l->frame].schema->size;
    uint8_t *v = kd_arena_alloc(f->mem, n * item);
    if (v == NULL) {
        f->s = KD_NO_MEMORY;
        return;
    }
    for (size_t i = 0; i < n && f->s == KD_OK; i++) {
        struct kd_bytes text;
        if (l->type != KD_T_STRS) {
            fill_frame(f, l->frame, starts[row] + i, v + i * item);
            continue;
        }
        text = kd_arena_copy(f->mem, text_at(f, leaf + 1, starts[row] + i), SIZE_MAX);
        memcpy(v + i * item, &text, sizeof(text));
    }
    struct kd_list list = {v, n};
    memcpy(at, &list, sizeof(list));
}

static void fill_number(void *at, enum kd_type type, uint64_t v)
{
    bool flag = v != 0;
    static const uint8_t widths[] = {[KD_T_U8] = 1,  [KD_T_U16] = 2,  [KD_T_U32] = 4,
                                     [KD_T_U64] = 8, [KD_T_TIME] = 8, [KD_T_US] = 8};
    if (type == KD_T_BOOL)
        memcpy(at, &flag, sizeof(flag));
    else
        memcpy(at, &v, widths[type]); /* little-endian hosts only, as the wire form is */
}

static void fill_frame(struct filler *f, size_t frame, size_t row, void *ret)
{
    const struct kd_frame *fr = &f->layout->frame[frame];
    memset(ret, 0, fr->schema->size);
    for (size_t i = 0; i < fr->schema->n_fields && f->s == KD_OK; i++) {
        const struct kd_field *field = &fr->schema->fields[i];
        uint8_t *at = (uint8_t *)ret + field->offset;
        struct kd_bytes b;
        switch (field->type) {
        case KD_T_STR:
        case KD_T_HEX:
            b = text_at(f, fr->leaf[i], row);
            b = b.n == 0 ? b : kd_arena_copy(f->mem, b, SIZE_MAX);
            memcpy(at, &b, sizeof(b));
            break;
        case KD_T_ADDR:
        case KD_T_MAC:
            b = text_at(f, fr->leaf[i], row);
            if (b.n == (field->type == KD_T_ADDR ? sizeof(struct kd_addr) : sizeof(struct kd_mac)))
                memcpy(at, b.p, b.n);
            break;
        case KD_T_STRS:
        case KD_T_LIST:
            fill_list(f, fr->leaf[i], row, at);
            break;
        default:
            fill_number(at, field->type, number_at(f, fr->leaf[i], row));
            break;
        }
    }
}

static struct kd_addr addr_at(struct filler *f, size_t leaf, size_t row)
{
    static const struct kd_addr none;
    struct kd_bytes b = text_at(f, leaf, row);
    return b.n == sizeof(none.b) ? kd_addr_v6(b.p) : none;
}

enum kd_status kd_block_record(struct kd_block_reader *r, size_t group, uint32_t row,
                               struct kd_arena *mem, struct kd_rec_head *ret_head, void *ret_body)
{
    const struct kd_block_group *g = &r->head.group[group];
    const struct kd_layout *layout = kd_layout_of(g->type);
    if (layout == NULL || row >= g->rows)
        return KD_NOT_FOUND;
    struct filler f = {.r = r, .group = group, .layout = layout, .mem = mem, .s = KD_OK};
    uint64_t app = number_at(&f, KD_LEAF_APP, row);
    *ret_head = (struct kd_rec_head){
        .ts_us = number_at(&f, KD_LEAF_TS, row),
        .flow_id = number_at(&f, KD_LEAF_FLOW_ID, row),
        .id = number_at(&f, KD_LEAF_ID, row),
        .src = addr_at(&f, KD_LEAF_SRC, row),
        .dst = addr_at(&f, KD_LEAF_DST, row),
        .src_port = (uint16_t)number_at(&f, KD_LEAF_SRC_PORT, row),
        .dst_port = (uint16_t)number_at(&f, KD_LEAF_DST_PORT, row),
        .vlan = (uint16_t)number_at(&f, KD_LEAF_VLAN, row),
        .type = g->type,
        .proto = (uint8_t)number_at(&f, KD_LEAF_PROTO, row),
        .app = (uint8_t)(app < KD_APP_COUNT ? app : KD_APP_UNKNOWN),
        .engine = (uint8_t)number_at(&f, KD_LEAF_ENGINE, row),
    };
    fill_frame(&f, 0, row, ret_body);
    return f.s;
}
