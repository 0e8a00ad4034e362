/* SPDX-License-Identifier: Apache-2.0 */
/* One column of a block: gathered, packed, unpacked.
 *
 * Numbers are packed as value - smallest (FOR) or as zigzag differences (DELTA), whichever is
 * narrower, cut into byte planes and compressed.  Everything else is a dictionary in order of first
 * appearance and one code per value: 0 absent, 1 the next new entry, k + 2 entry k again; so a
 * column of unique texts costs hardly more than its texts. */
#ifndef KD_STORE_COLUMN_H
#define KD_STORE_COLUMN_H

#include "base/cursor.h"
#include "base/out.h"
#include "base/status.h"

enum {
    KD_COLUMN_VALUES_MAX = 4 << 20, /* values of one column of one block */
    KD_COLUMN_RAW_MAX = 48 << 20    /* unpacked bytes of one part */
};

enum kd_packing { KD_PACK_FOR, KD_PACK_DELTA, KD_PACK_DICT, KD_PACKINGS };

/* What the block's header says about a column. */
struct kd_column_desc {
    uint8_t leaf;
    uint8_t packing;
    uint8_t width;     /* bytes per value or code; 0: all values are `base` */
    uint32_t n;        /* values */
    uint64_t base;     /* FOR: smallest; DELTA: first */
    uint64_t min, max; /* numbers; for pruning */
    uint32_t entries;  /* DICT */
    uint32_t dict_raw, dict_packed, raw, packed; /* bytes; packed == raw: not compressed */
    uint64_t sum; /* XXH3 of the packed bytes: dictionary, then values */
};

/* Bytes that grow; memory stays for the next use. */
struct kd_heap {
    uint8_t *p;
    size_t n, room;
};

KD_MUST_USE bool kd_heap_room(struct kd_heap *h, size_t more);
void kd_heap_done(struct kd_heap *h);

/* Append text, cut at 1,023 bytes; nothing when memory is short. */
KD_FORMAT(2, 3) void kd_heap_say(struct kd_heap *h, const char *fmt, ...);

/* A column being gathered.  Zeroed is empty. */
struct kd_column {
    bool text;
    size_t n; /* values so far; what is missing before a put is absent */
    size_t room;
    uint64_t *number;
    uint32_t *code;
    struct kd_heap bytes; /* dictionary entries, joined */
    uint32_t *end;        /* of entry i in bytes */
    uint32_t *hash;       /* of entry i */
    size_t entries, entries_room;
    uint32_t *slot; /* entry + 1, open addressing */
    size_t slots;
};

/* Put the value of row `row` (>= n).  False: no memory. */
KD_MUST_USE bool kd_column_number(struct kd_column *c, size_t row, uint64_t v);
KD_MUST_USE bool kd_column_text(struct kd_column *c, size_t row, struct kd_bytes v);
void kd_column_clear(struct kd_column *c); /* empty, memory kept */
void kd_column_done(struct kd_column *c);

static inline struct kd_bytes kd_column_entry(const struct kd_column *c, size_t i)
{
    size_t start = i == 0 ? 0 : c->end[i - 1];
    return kd_bytes_of(c->bytes.p + start, c->end[i] - start);
}

/* Packing and unpacking contexts: zstd's state and scratch memory.  One per thread. */
struct kd_packer;
KD_MUST_USE struct kd_packer *kd_packer_new(void);
void kd_packer_free(struct kd_packer *p);

/* Pack a column of n values (absent ones behind c->n) and append its bytes to `out`. */
KD_MUST_USE enum kd_status kd_column_pack(struct kd_packer *p, struct kd_column *c, size_t n,
                                          struct kd_heap *out, struct kd_column_desc *ret);

void kd_column_desc_put(struct kd_out *o, const struct kd_column_desc *d);
/* Reads and checks every bound. */
KD_MUST_USE enum kd_status kd_column_desc_take(struct kd_cur *c, struct kd_column_desc *ret);

/* Unpack.  `packed` are the column's bytes as stored (dict_packed + packed), checked against the
 * sum by kd_column_check().  Results are the caller's arrays of d->n values (codes: entry + 1, 0
 * absent). */
KD_MUST_USE bool kd_column_check(const struct kd_column_desc *d, struct kd_bytes packed);
KD_MUST_USE enum kd_status kd_column_numbers(struct kd_packer *p, const struct kd_column_desc *d,
                                             struct kd_bytes packed, uint64_t *ret);
KD_MUST_USE enum kd_status kd_column_codes(struct kd_packer *p, const struct kd_column_desc *d,
                                           struct kd_bytes packed, uint32_t *ret);

/* The dictionary: joined bytes (in *bytes, owned by the caller's heap) and the end of each entry.
 */
KD_MUST_USE enum kd_status kd_column_dict(struct kd_packer *p, const struct kd_column_desc *d,
                                          struct kd_bytes packed, struct kd_heap *bytes,
                                          size_t *ret_start, uint32_t *ret_end);

#endif
