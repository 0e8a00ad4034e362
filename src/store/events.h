/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence: events/YYYYMMDD/HH-nn.seg with blocks, one day.idx per day with every block's
 * header and Bloom filter, and the table of all blocks in memory.
 *
 * One thread adds and removes; any thread may take a list of blocks and read them: what is written
 * is never changed, and a day that retention removes meanwhile simply reads as not found. */
#ifndef KD_STORE_EVENTS_H
#define KD_STORE_EVENTS_H

#include "base/clock.h"
#include "store/block.h"
#include "store/file.h"

struct kd_events;

/* Where a block is. */
struct kd_block_ref {
    uint64_t seq;
    uint64_t min_us, max_us;
    uint64_t types;
    uint64_t seg_off; /* of the block's header */
    uint64_t idx_off; /* of its entry in day.idx */
    uint64_t data_len;
    uint32_t rows;
    uint32_t day; /* 20261122 */
    uint32_t head_len;
    uint32_t bloom_lines;
    uint16_t hour, part; /* HH-nn */
};

/* dir_fd: the store's directory (borrowed).  `write`: make what is missing, repair torn tails. */
KD_MUST_USE enum kd_status kd_events_open(int dir_fd, int zone_s, bool write,
                                          struct kd_events **ret, struct kd_err *err);
void kd_events_free(struct kd_events *e);

/* Position behind the last block: its sequence number and hash, and its journal with rows done. */
struct kd_events_last {
    uint64_t seq, journal, journal_rows;
    uint8_t hash[KD_BLOCK_HASH];
};
struct kd_events_last kd_events_last(const struct kd_events *e);

/* Write a built block to disk, durable on return.  KD_FULL: nothing is left of it. */
KD_MUST_USE enum kd_status kd_events_add(struct kd_events *e, const struct kd_built *b);

/* Blocks that may hold records of these types in [from, to], in a new array sorted by descending
 * newest time; free() it. */
KD_MUST_USE enum kd_status kd_events_list(struct kd_events *e, uint64_t from_us, uint64_t to_us,
                                          uint64_t types, struct kd_block_ref **ret, size_t *ret_n);

/* The next blocks after `seq`, at most `max`, in order. */
size_t kd_events_after(struct kd_events *e, uint64_t seq, struct kd_block_ref *ret, size_t max);

struct kd_events_sum {
    uint64_t records, bytes, oldest_us, newest_us, blocks;
    uint32_t days;
};
struct kd_events_sum kd_events_sum(struct kd_events *e);

/* The oldest day that no `hold` file protects, except `except`; 0 if none.  And its removal, with
 * what is needed to tell of it. */
struct kd_day_info {
    uint32_t day;
    uint32_t blocks;
    uint64_t records, bytes;
    uint64_t first_seq, last_seq;
    uint64_t written_us; /* when it was last written to, by the file system */
    bool held;
};
KD_MUST_USE enum kd_status kd_events_days(struct kd_events *e, struct kd_day_info **ret,
                                          size_t *ret_n);
KD_MUST_USE enum kd_status kd_events_remove_day(struct kd_events *e, uint32_t day);

/* SHA-256 over the lines (events_format.h) of the day's blocks in order: the day's root. */
KD_MUST_USE enum kd_status kd_events_day_root(struct kd_events *e, uint32_t day,
                                              uint32_t *ret_blocks, uint8_t ret[KD_BLOCK_HASH]);

/* ---- reading blocks: one reader per thread ---- */

struct kd_block_reader;
KD_MUST_USE struct kd_block_reader *kd_block_reader_new(struct kd_events *e);
void kd_block_reader_free(struct kd_block_reader *r);

/* May the block hold any of these keys?  True also when the filter cannot be read. */
bool kd_block_maybe(struct kd_block_reader *r, const struct kd_block_ref *ref, const uint64_t *keys,
                    size_t n);

/* Read the header; it stays the reader's current block.  kd_block_use() does the same for a block
 * that is not on disk (head and data are borrowed). */
KD_MUST_USE enum kd_status kd_block_open(struct kd_block_reader *r, const struct kd_block_ref *ref);
KD_MUST_USE enum kd_status kd_block_use(struct kd_block_reader *r, struct kd_bytes head,
                                        struct kd_bytes data);
/* The same for a block of another version's layout, by its segment's layout table. */
KD_MUST_USE enum kd_status kd_block_use_as(struct kd_block_reader *r, struct kd_bytes table,
                                           struct kd_bytes head, struct kd_bytes data);
/* What a block's hash is made of (hash before, header, data), and its segment's layout table; the
 * block becomes the current one. */
KD_MUST_USE enum kd_status kd_block_raw(struct kd_block_reader *r, const struct kd_block_ref *ref,
                                        struct kd_heap *ret_table, struct kd_heap *ret);
const struct kd_block_head *kd_block_current(const struct kd_block_reader *r);

/* A column of the current block, unpacked and kept until the next block.  NULL with *ret_s ==
 * KD_OK: the column is not there, all its values are absent.  `n` must be what the rows or counts
 * ask for. */
struct kd_loaded {
    const struct kd_column_desc *desc;
    uint64_t *number;    /* numbers */
    uint32_t *code;      /* entry + 1; 0 absent */
    const uint8_t *dict; /* joined entries */
    const uint32_t *end;
};
const struct kd_loaded *kd_block_column(struct kd_block_reader *r, size_t group, size_t leaf,
                                        enum kd_status *ret_s);
/* The same, the dictionary alone (codes are NULL until kd_block_column() is called). */
const struct kd_loaded *kd_block_dict(struct kd_block_reader *r, size_t group, size_t leaf,
                                      enum kd_status *ret_s);

static inline struct kd_bytes kd_loaded_entry(const struct kd_loaded *l, uint32_t i)
{
    uint32_t start = i == 0 ? 0 : l->end[i - 1];
    return kd_bytes_of(l->dict + start, l->end[i] - start);
}

/* First item of each row of a list column (n + 1 values, the last is the total), from its counts.
 */
const uint32_t *kd_block_starts(struct kd_block_reader *r, size_t group, size_t leaf,
                                enum kd_status *ret_s);

/* A whole record back: head and body, lists from `mem`. */
KD_MUST_USE enum kd_status kd_block_record(struct kd_block_reader *r, size_t group, uint32_t row,
                                           struct kd_arena *mem, struct kd_rec_head *ret_head,
                                           void *ret_body);

#endif
