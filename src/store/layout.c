/* SPDX-License-Identifier: Apache-2.0 */
#include "store/layout.h"

#include <pthread.h>

enum { TABLE_MAX = 64 * 1024, UNKNOWN_LEAF = 255 };

static struct kd_layout layouts[KD_TYPES];
static uint8_t table_bytes[TABLE_MAX];
static size_t table_len;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct {
    const char *path;
    enum kd_type type;
    unsigned flags;
} head_leaves[KD_LEAF_BODY] = {
    [KD_LEAF_TS] = {"timestamp", KD_T_TIME, 0},
    [KD_LEAF_FLOW_ID] = {"flow_id", KD_T_U64, 0},
    [KD_LEAF_ID] = {"record_id", KD_T_U64, 0},
    [KD_LEAF_SRC] = {"src_ip", KD_T_ADDR, KD_F_BLOOM},
    [KD_LEAF_SRC_PORT] = {"src_port", KD_T_U16, 0},
    [KD_LEAF_DST] = {"dest_ip", KD_T_ADDR, KD_F_BLOOM},
    [KD_LEAF_DST_PORT] = {"dest_port", KD_T_U16, 0},
    [KD_LEAF_PROTO] = {"proto", KD_T_U8, 0},
    [KD_LEAF_APP] = {"app_proto", KD_T_U8, 0},
    [KD_LEAF_VLAN] = {"vlan", KD_T_U16, 0},
    [KD_LEAF_ENGINE] = {"engine", KD_T_U8, 0},
};

static struct kd_leaf *new_leaf(struct kd_layout *l, enum kd_type type, unsigned flags,
                                size_t parent, const char *head, const char *tail)
{
    KD_ASSERT(l->n < KD_LEAVES_MAX);
    struct kd_leaf *leaf = &l->leaf[l->n++];
    *leaf = (struct kd_leaf){.type = type, .flags = flags, .parent = (uint16_t)parent};
    int n =
        snprintf(leaf->path, sizeof(leaf->path), "%s%s%s", head, *head != '\0' ? "." : "", tail);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(leaf->path));
    return leaf;
}

static uint16_t add_frame(struct kd_layout *l, const struct kd_schema *schema, size_t parent,
                          const char *prefix)
{
    KD_ASSERT(l->n_frames < KD_FRAMES_MAX);
    uint16_t number = (uint16_t)l->n_frames++;
    l->frame[number].schema = schema;
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct kd_field *f = &schema->fields[i];
        size_t at = l->n;
        l->frame[number].leaf[i] = (uint16_t)at;
        struct kd_leaf *leaf = new_leaf(l, f->type, f->flags, parent, prefix, f->path);
        if (f->type == KD_T_STRS)
            new_leaf(l, KD_T_STR, f->flags, at, prefix, f->path)->is_item = true;
        else if (f->type == KD_T_LIST)
            leaf->frame = add_frame(l, f->sub, at, leaf->path);
    }
    return number;
}

static void put_table(struct kd_out *o, unsigned type)
{
    const struct kd_layout *l = &layouts[type];
    kd_out_u8(o, (uint8_t)type);
    kd_out_u8(o, (uint8_t)l->n);
    for (size_t i = 0; i < l->n; i++) {
        kd_out_u8(o, kd_type_is_text(l->leaf[i].type));
        kd_out_u8(o, (uint8_t)l->leaf[i].parent);
        kd_out_varint(o, strlen(l->leaf[i].path));
        kd_out_str(o, l->leaf[i].path);
    }
}

static void make_all(void)
{
    struct kd_out o = kd_out_of(table_bytes, sizeof(table_bytes));
    for (unsigned type = 0; type < KD_TYPES; type++) {
        struct kd_layout *l = &layouts[type];
        if (kd_schemas[type] == NULL)
            continue;
        l->schema = kd_schemas[type];
        for (size_t i = 0; i < KD_LEAF_BODY; i++)
            (void)new_leaf(l, head_leaves[i].type, head_leaves[i].flags, 0, "",
                           head_leaves[i].path);
        (void)add_frame(l, l->schema, 0, "");
        put_table(&o, type);
    }
    KD_ASSERT(kd_out_ok(&o));
    table_len = o.n;
}

const struct kd_layout *kd_layout_of(unsigned type)
{
    (void)pthread_once(&once, make_all);
    return type < KD_TYPES && layouts[type].schema != NULL ? &layouts[type] : NULL;
}

struct kd_bytes kd_layout_table(void)
{
    (void)pthread_once(&once, make_all);
    return kd_bytes_of(table_bytes, table_len);
}

/* A leaf of ours is the file's when path, kind and the list around it are the same. */
static uint8_t find_leaf(const struct kd_layout *l, struct kd_bytes path, bool text, uint8_t parent)
{
    for (size_t i = 0; l != NULL && i < l->n; i++)
        if (kd_bytes_eq_str(path, l->leaf[i].path) && kd_type_is_text(l->leaf[i].type) == text &&
            l->leaf[i].parent == parent)
            return (uint8_t)i;
    return UNKNOWN_LEAF;
}

enum kd_status kd_layout_map(struct kd_bytes table, struct kd_layout_map *ret)
{
    memset(ret, 0, sizeof(*ret));
    memset(ret->leaf, UNKNOWN_LEAF, sizeof(ret->leaf));
    ret->same = kd_bytes_eq(table, kd_layout_table());
    struct kd_cur c = kd_cur_of(table);
    while (kd_cur_more(&c)) {
        unsigned type = kd_cur_u8(&c);
        unsigned n = kd_cur_u8(&c);
        if (!kd_cur_ok(&c) || type >= KD_TYPES || n > KD_LEAVES_MAX || ret->n[type] != 0)
            return KD_MALFORMED;
        ret->n[type] = (uint8_t)n;
        for (unsigned i = 0; i < n; i++) {
            uint8_t kind = kd_cur_u8(&c);
            uint8_t parent = kd_cur_u8(&c);
            uint64_t len = kd_cur_varint(&c);
            struct kd_bytes path = kd_cur_take(&c, len < KD_PATH_MAX ? (size_t)len : SIZE_MAX);
            if (!kd_cur_ok(&c) || kind > 1 || (parent >= i && parent != 0))
                return KD_MALFORMED;
            uint8_t ours = parent == 0 ? 0 : ret->leaf[type][parent];
            if (ours != UNKNOWN_LEAF)
                ret->leaf[type][i] = find_leaf(kd_layout_of(type), path, kind == 1, ours);
        }
    }
    return KD_OK;
}
