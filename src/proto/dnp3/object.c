/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of a message: headers that say which points, and the points' values (IEEE 1815, 4.2.2 and annex A). */
#include "proto/dnp3/dnp3.h"

enum { GROUP_CLASS = 60, GROUP_FILE = 70, GROUP_OCTETS = 110, GROUP_OCTET_EVENT = 111, GROUP_TERMINAL = 112,
       GROUP_TERMINAL_EVENT = 113 };
enum { RANGE_8 = 0, RANGE_32 = 2, RANGE_ALL = 6, RANGE_COUNT_8 = 7, RANGE_COUNT_32 = 9, RANGE_FREE = 11 };
enum { PREFIX_INDEX_32 = 3, PREFIX_SIZE_8 = 4, PREFIX_SIZE_32 = 6 };

/* Numbers of 1, 2 or 4 bytes. */
static uint32_t number(struct kd_cur *c, unsigned power)
{
    return power == 0 ? kd_cur_u8(c) : power == 1 ? kd_cur_le16(c) : kd_cur_le32(c);
}

static uint64_t little(struct kd_bytes b)
{
    uint64_t v = 0;
    for (size_t i = b.n; i-- > 0;)
        v = v << 8 | b.p[i];
    return v;
}

/* ---- values ---- */

/* The values of one point, while there is room for them. */
struct point {
    struct kd_arena *mem;
    struct kd_dnp3_value *v; /* NULL: it is not told */
    unsigned n;
};

static void add_number(struct point *p, const char *name, uint64_t number)
{
    if (p->v != NULL && p->n < DNP3_VALUES_MAX)
        p->v[p->n++] = (struct kd_dnp3_value){.name = kd_str(name), .number = number, .numeric = true};
}

static void add_text(struct point *p, const char *name, const char *format, double v)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_fmt(&o, format, v);
    if (p->v != NULL && p->n < DNP3_VALUES_MAX)
        p->v[p->n++] = (struct kd_dnp3_value){.name = kd_str(name), .text = kd_arena_copy(p->mem, kd_out_bytes_view(&o), sizeof(text))};
}

static double float_of(struct kd_bytes b, uint64_t raw)
{
    float single;
    double v;
    uint32_t low = (uint32_t)raw;
    memcpy(&single, &low, sizeof(single));
    memcpy(&v, &raw, sizeof(v));
    return b.n == sizeof(single) ? (double)single : v;
}

static void add_bytes(struct point *p, const struct dnp3_field *f, struct kd_bytes b)
{
    uint64_t raw = little(b), sign = b.n == 0 ? 0 : (uint64_t)1 << (8 * b.n - 1);
    if (f->kind == DNP3_FLOAT)
        add_text(p, f->name, "%.6g", float_of(b, raw));
    else if (f->kind == DNP3_SIGNED && (raw & sign) != 0)
        add_text(p, f->name, "-%.0f", (double)(2 * sign - raw));
    else
        add_number(p, f->name, raw);
}

static void read_fields(struct kd_cur *c, const struct dnp3_layout *l, struct point *p)
{
    unsigned at = 0; /* bits of the byte at hand that are read */
    uint8_t byte = 0;
    for (unsigned i = 0; i < l->n; i++) {
        const struct dnp3_field *f = &l->field[i];
        if (f->bytes > 0) {
            add_bytes(p, f, kd_cur_take(c, f->bytes));
            continue;
        }
        if (at == 0)
            byte = kd_cur_u8(c);
        add_number(p, f->name, byte >> at & ((1u << f->bits) - 1));
        at = (at + f->bits) % 8;
    }
}

/* ---- points ---- */

struct points {
    struct dnp3_message *m;
    struct kd_dnp3_object *o;
    struct kd_dnp3_point *told;
    unsigned n_told;
};

/* A new point, to be told or not. */
static struct point point_of(struct points *all, uint32_t index, uint32_t prefix)
{
    struct point p = {.mem = all->m->mem};
    if (all->told != NULL && all->n_told < DNP3_POINTS_TOLD)
        p.v = kd_arena_alloc(all->m->mem, DNP3_VALUES_MAX * sizeof(*p.v));
    add_number(&p, "prefix", prefix);
    add_number(&p, "index", index);
    return p;
}

static void end_point(struct points *all, const struct point *p)
{
    if (p->v != NULL)
        all->told[all->n_told++] = (struct kd_dnp3_point){.values = {p->v, p->n}};
}

/* Several points in a byte. */
static void read_packed(struct kd_cur *c, const struct dnp3_layout *l, struct points *all)
{
    struct kd_bytes bytes = kd_cur_take(c, ((size_t)all->o->count * l->packed + 7) / 8);
    for (uint32_t i = 0; i < all->o->count && i < DNP3_POINTS_TOLD && kd_cur_ok(c); i++) {
        struct point p = point_of(all, all->o->start + i, 0);
        size_t bit = (size_t)i * l->packed;
        add_number(&p, l->field[0].name, kd_bytes_at(bytes, bit / 8) >> bit % 8 & ((1u << l->packed) - 1));
        end_point(all, &p);
    }
}

/* Length of a point that is a text; 0: it is none. */
static size_t text_length(const struct kd_dnp3_object *o)
{
    return o->group >= GROUP_OCTETS && o->group <= GROUP_TERMINAL_EVENT ? o->variation : 0;
}

/* One point behind its prefix.  False: nobody knows how long it is. */
static bool read_point(struct kd_cur *c, const struct dnp3_layout *l, const struct kd_dnp3_object *o, uint32_t prefix,
                       struct point *p)
{
    if (o->prefix_code >= PREFIX_SIZE_8) {
        struct kd_bytes value = kd_cur_take(c, prefix);
        struct kd_cur in = kd_cur_of(value);
        add_number(p, "size", prefix);
        if (o->group == GROUP_FILE && p->v != NULL)
            p->n = dnp3_file(o->variation, value, p->v, p->n);
        else if (l != NULL && l->packed == 0)
            read_fields(&in, l, p);
        return true;
    }
    if (text_length(o) > 0) {
        (void)kd_cur_take(c, text_length(o));
        return true;
    }
    if (l == NULL || l->packed > 0)
        return false;
    read_fields(c, l, p);
    return true;
}

/* All points of an object; false: the rest of the message cannot be read. */
static bool read_points(struct kd_cur *c, struct dnp3_message *m, struct kd_dnp3_object *o, bool has_data)
{
    const struct dnp3_layout *l = dnp3_layout(o->group, o->variation);
    struct points all = {.m = m, .o = o};
    if (has_data && m->told != NULL && m->n_told < DNP3_TOLD_MAX && o->count > 0)
        all.told = kd_arena_alloc(m->mem, DNP3_POINTS_TOLD * sizeof(*all.told));
    bool good = true;
    if (has_data && l != NULL && l->packed > 0 && o->prefix_code == 0) {
        read_packed(c, l, &all);
    } else if (has_data || o->prefix_code > 0) {
        for (uint32_t i = 0; i < o->count && good && kd_cur_ok(c); i++) {
            uint32_t prefix = o->prefix_code == 0 ? 0 : number(c, (o->prefix_code - 1u) % 3);
            bool is_index = o->prefix_code >= 1 && o->prefix_code <= PREFIX_INDEX_32;
            struct point p = point_of(&all, is_index ? prefix : o->start + i, prefix);
            good = !has_data || read_point(c, l, o, prefix, &p);
            if (good && kd_cur_ok(c))
                end_point(&all, &p);
        }
    }
    o->points = (struct kd_list){all.told, all.n_told};
    return good;
}

/* ---- objects ---- */

static bool read_range(struct kd_cur *c, struct kd_dnp3_object *o)
{
    if (o->range_code <= RANGE_32) {
        o->start = number(c, o->range_code);
        o->stop = number(c, o->range_code);
        if (o->stop < o->start)
            return false;
        o->count = o->stop - o->start + 1;
    } else if (o->range_code >= RANGE_COUNT_8 && o->range_code <= RANGE_COUNT_32) {
        o->count = number(c, o->range_code - (unsigned)RANGE_COUNT_8);
    } else if (o->range_code == RANGE_FREE) {
        o->count = kd_cur_u8(c);
    } else {
        return o->range_code == RANGE_ALL;
    }
    return true;
}

/* Do values follow the headers of this function? */
static bool has_values(const struct dnp3_message *m)
{
    uint8_t f = m->function;
    return m->is_response || (f >= DNP3_WRITE && f <= DNP3_DIRECT_OPERATE_NR) || f == DNP3_FREEZE_AT_TIME ||
           f == DNP3_FREEZE_AT_TIME_NR || (f >= DNP3_OPEN_FILE && f <= DNP3_AUTH_ERR);
}

static bool odd(struct dnp3_message *m, const char *event)
{
    m->event = event;
    return false;
}

static bool read_object(struct kd_cur *c, struct dnp3_message *m)
{
    struct kd_dnp3_object o = {.group = kd_cur_u8(c)};
    o.variation = kd_cur_u8(c);
    o.qualifier = kd_cur_u8(c);
    o.prefix_code = o.qualifier >> 4 & 7;
    o.range_code = o.qualifier & 15;
    if (m->n_objects == DNP3_OBJECTS_MAX)
        return odd(m, "too_many_objects");
    if (m->object != NULL)
        m->object[m->n_objects] = (uint16_t)(o.group << 8 | o.variation);
    m->n_objects++;
    if (!read_range(c, &o) || o.prefix_code > PREFIX_SIZE_32 || !kd_cur_ok(c))
        return odd(m, "malformed");
    if (o.count > DNP3_POINTS_MAX)
        return odd(m, "too_many_points");
    bool good = read_points(c, m, &o, has_values(m) && o.group != GROUP_CLASS);
    if (m->told != NULL && m->n_told < DNP3_TOLD_MAX)
        m->told[m->n_told++] = o;
    if (!kd_cur_ok(c))
        return odd(m, "malformed");
    return good || odd(m, "unknown_object");
}

void dnp3_read(struct kd_bytes in, struct dnp3_message *m)
{
    struct kd_cur c = kd_cur_of(in);
    m->control = kd_cur_u8(&c);
    m->function = kd_cur_u8(&c);
    m->is_response = m->function >= DNP3_RESPONSE;
    if (m->is_response)
        m->indications = kd_cur_be16(&c);
    bool good = kd_cur_ok(&c) || odd(m, "len_too_small");
    while (good && kd_cur_more(&c))
        good = read_object(&c, m);
    m->complete = good;
}

/* ---- files ---- */

static void add_rest(struct kd_cur *c, struct point *p, const char *name, size_t n)
{
    struct kd_bytes text = kd_cur_take(c, n);
    if (p->n < DNP3_VALUES_MAX)
        p->v[p->n++] = (struct kd_dnp3_value){.name = kd_str(name), .text = text};
}

unsigned dnp3_file(uint8_t variation, struct kd_bytes in, struct kd_dnp3_value *v, unsigned n)
{
    static const struct dnp3_field command[] = {
        {"filename_offset", 2, 0, 0}, {"filename_size", 2, 0, 0}, {"created", 6, 0, 0}, {"permissions", 2, 0, 0},
        {"authentication_key", 4, 0, 0}, {"file_size", 4, 0, 0}, {"operational_mode", 2, 0, 0},
        {"maximum_block_size", 2, 0, 0}, {"request_id", 2, 0, 0}};
    static const struct dnp3_field status[] = {{"file_handle", 4, 0, 0}, {"file_size", 4, 0, 0},
                                               {"maximum_block_size", 2, 0, 0}, {"request_id", 2, 0, 0},
                                               {"status_code", 1, 0, 0}};
    static const struct dnp3_field transport[] = {{"file_handle", 4, 0, 0}, {"block_number", 4, 0, 0}};
    static const struct dnp3_layout layouts[] = {{GROUP_FILE, 3, 0, command, KD_COUNT(command)},
                                                 {GROUP_FILE, 4, 0, status, KD_COUNT(status)},
                                                 {GROUP_FILE, 5, 0, transport, KD_COUNT(transport)}};
    struct kd_cur c = kd_cur_of(in);
    struct point p = {.v = v, .n = n};
    if (variation < 3 || variation > 5)
        return n;
    read_fields(&c, &layouts[variation - 3], &p);
    if (variation == 3) {
        size_t name_bytes = (size_t)kd_bytes_at(in, 2) | (size_t)kd_bytes_at(in, 3) << 8;
        struct kd_cur at = kd_cur_of(kd_bytes_head(kd_cur_rest(&c), name_bytes));
        add_rest(&at, &p, "filename", kd_cur_left(&at));
    } else if (variation == 4) {
        add_rest(&c, &p, "optional_text", kd_cur_left(&c));
    }
    return p.n;
}
