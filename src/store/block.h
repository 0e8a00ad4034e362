/* SPDX-License-Identifier: Apache-2.0 */
/* A block: up to 65,536 records of any types, as columns per type, with what is needed to skip it
 * and to prove it.  docs/internals/store-format.md has the bytes. */
#ifndef KD_STORE_BLOCK_H
#define KD_STORE_BLOCK_H

#include "store/bloom.h"
#include "store/column.h"
#include "store/layout.h"

enum {
    KD_BLOCK_ROWS = 65536,
    KD_BLOCK_BYTES = 32 << 20, /* encoded records of one block */
    KD_BLOCK_ITEMS = 1 << 20,  /* list items of one list column of one block, before it closes */
    KD_BLOCK_HASH = 32,        /* SHA-256 */
    KD_BLOCK_FIXED = 120,      /* bytes of the header's fixed part */
    KD_BLOCK_HEAD_MAX = 1 << 20,
    KD_BLOCK_DATA_MAX = 1 << 30
};

/* The header's fixed part. */
struct kd_block_fixed {
    uint32_t head_len;
    uint64_t data_len;
    uint64_t seq;          /* 1, 2, 3 … in order of sealing, over all days */
    uint64_t journal;      /* number of the journal the records came from */
    uint64_t journal_rows; /* how many of its records are in blocks after this one */
    uint8_t prev[KD_BLOCK_HASH];
    uint64_t min_us, max_us;
    uint32_t rows;
    uint64_t types; /* bit per record type */
    uint32_t bloom_lines;
    uint8_t bloom_digest[16];
};

/* ---- making ---- */

struct kd_block_builder;
KD_MUST_USE struct kd_block_builder *kd_block_builder_new(void);
void kd_block_builder_free(struct kd_block_builder *b);

struct kd_built {
    struct kd_heap head, data, bloom;
    uint8_t hash[KD_BLOCK_HASH]; /* SHA-256 of prev ‖ header ‖ data; the header holds the
                                    bloom's digest */
    size_t bytes_taken;          /* of `records` */
    size_t rows_taken;           /* records among them: good and bad ones */
    size_t rows_bad;             /* whose body breaks the format; left out */
    struct kd_block_fixed fixed;
};

/* Make a block of as many records from the front of `records` as fit.  `fixed` gives seq, journal,
 * journal_rows (before) and prev.  The result's heaps are reused from call to call and belong to
 * *ret (kd_built_done).  KD_NOT_FOUND: no good record among them (bytes_taken, rows_bad are set).
 */
KD_MUST_USE enum kd_status kd_block_build(struct kd_block_builder *b, struct kd_bytes records,
                                          const struct kd_block_fixed *fixed, struct kd_built *ret);
void kd_built_done(struct kd_built *b);

/* ---- reading ---- */

struct kd_block_group {
    uint8_t type;
    uint32_t rows;
    uint16_t n_columns;
    const struct kd_column_desc *column;
    const uint64_t *offset; /* of each column's packed bytes in the data */
};

/* A header read whole. */
struct kd_block_head {
    struct kd_block_fixed fixed;
    size_t n_groups;
    struct kd_block_group group[KD_TYPES];
    struct kd_column_desc *columns; /* owned */
    uint64_t *offsets;              /* owned */
};

KD_MUST_USE enum kd_status kd_block_fixed_take(struct kd_bytes head, struct kd_block_fixed *ret);
KD_MUST_USE enum kd_status kd_block_head_read(struct kd_bytes head, const struct kd_layout_map *map,
                                              struct kd_block_head *ret);
void kd_block_head_done(struct kd_block_head *h);

void kd_block_hash(const uint8_t prev[KD_BLOCK_HASH], struct kd_bytes head, struct kd_bytes data,
                   uint8_t ret[KD_BLOCK_HASH]);

#endif
