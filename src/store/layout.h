/* SPDX-License-Identifier: Apache-2.0 */
/* How records of a type become columns.
 *
 * Every field is a leaf.  A number, time or truth value is a column of numbers; a text, address,
 * MAC or hex string is a column of dictionary codes; a list is a column of counts followed by the
 * leaves of its items, whose columns run over all items of all rows.  The head's fields come first
 * and are the same in all types.  Made from the schema tables once per process. */
#ifndef KD_STORE_LAYOUT_H
#define KD_STORE_LAYOUT_H

#include "wire/record.h"

enum {
    KD_LEAF_TS,
    KD_LEAF_FLOW_ID,
    KD_LEAF_ID,
    KD_LEAF_SRC,
    KD_LEAF_SRC_PORT,
    KD_LEAF_DST,
    KD_LEAF_DST_PORT,
    KD_LEAF_PROTO,
    KD_LEAF_APP,
    KD_LEAF_VLAN,
    KD_LEAF_ENGINE,
    KD_LEAF_BODY, /* first leaf of the body */
    KD_LEAVES_MAX = 192,
    KD_FRAMES_MAX = 32,
    KD_PATH_MAX = 96,
    KD_TYPES = 64
};

struct kd_leaf {
    enum kd_type type; /* KD_T_STRS and KD_T_LIST: the counts */
    unsigned flags;    /* KD_F_* */
    uint16_t parent;   /* leaf with the counts of the list this belongs to, or 0: one per row */
    uint16_t frame;    /* KD_T_LIST: frame of the items */
    bool is_item;      /* the texts of a KD_T_STRS leaf: the leaf after it */
    char path[KD_PATH_MAX]; /* JSON path; list items as list.key */
};

/* The leaves of one struct: the body, or the items of one list. */
struct kd_frame {
    const struct kd_schema *schema;
    uint16_t leaf[64]; /* by field */
};

struct kd_layout {
    const struct kd_schema *schema;
    size_t n;        /* leaves */
    size_t n_frames; /* frame 0 is the body */
    struct kd_leaf leaf[KD_LEAVES_MAX];
    struct kd_frame frame[KD_FRAMES_MAX];
};

/* Is the leaf stored as numbers (counts included), or as dictionary and codes? */
static inline bool kd_type_is_text(enum kd_type type)
{
    return type == KD_T_STR || type == KD_T_HEX || type == KD_T_ADDR || type == KD_T_MAC;
}

/* Are the leaf's values in the blocks' Bloom filters?  The fields marked so, and every address. */
static inline bool kd_leaf_is_indexed(const struct kd_leaf *l)
{
    return l->type == KD_T_ADDR || l->type == KD_T_MAC ||
           ((l->flags & KD_F_BLOOM) != 0 && kd_type_is_text(l->type));
}

/* Layout of a record type, or NULL for a number not in use.  Thread safe. */
const struct kd_layout *kd_layout_of(unsigned type);

/* All layouts as bytes, as segment files carry them: u8 type, u8 n leaves, then per leaf u8 kind (0
 * numbers, 1 dictionary), u8 parent, varint length, path.  Valid for the process's life. */
struct kd_bytes kd_layout_table(void);

/* Which of our leaves a file's leaves are. */
struct kd_layout_map {
    bool same; /* the file's table is ours: the map is the identity */
    uint8_t n[KD_TYPES];
    uint8_t leaf[KD_TYPES][KD_LEAVES_MAX]; /* 255: no longer known */
};

KD_MUST_USE enum kd_status kd_layout_map(struct kd_bytes table, struct kd_layout_map *ret);

#endif
