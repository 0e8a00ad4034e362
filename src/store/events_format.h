/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes around blocks in segment and index files (docs/internals/store-format.md): shared by
 * writer, reader and verifier only. */
#ifndef KD_STORE_EVENTS_FORMAT_H
#define KD_STORE_EVENTS_FORMAT_H

#include "store/events.h"

enum {
    KD_SEG_FIXED = 24, /* "KDSEG1\n\0", u64 length and u64 XXH3 of the layout table behind it */
    KD_IDX_FIXED = 48, /* "KDI1", u16 hour, u16 part, u64 offset of the block, its hash */
    KD_IDX_SUM = 8,    /* XXH3 at the end of an entry */
    KD_TABLE_MAX = 1 << 20
};

struct kd_idx_fixed {
    uint16_t hour, part;
    uint64_t seg_off;
    uint8_t hash[KD_BLOCK_HASH];
};

KD_MUST_USE enum kd_status kd_idx_fixed_take(struct kd_bytes entry, struct kd_idx_fixed *ret);
uint64_t kd_idx_entry_len(const struct kd_block_fixed *f);

/* The entry at `off` of an index of `size` bytes: KD_NOT_FOUND at the end or where the last entry
 * is torn, KD_MALFORMED when it is something else. */
KD_MUST_USE enum kd_status kd_idx_next(int fd, uint64_t size, uint64_t off,
                                       struct kd_idx_fixed *ret_x, struct kd_block_fixed *ret_f);

/* A block's line in its day's list: SHA-256 in hex, two spaces, "<sequence number>.block", as
 * sha256sum(1) writes and checks it.  A view into `room`. */
enum { KD_ROOT_LINE_MAX = 96 };
struct kd_bytes kd_root_line(uint64_t seq, const uint8_t hash[KD_BLOCK_HASH],
                             uint8_t room[KD_ROOT_LINE_MAX]);

/* Root over the first max_blocks entries: SHA-256 of their lines. */
KD_MUST_USE enum kd_status kd_idx_root(int idx, uint64_t size, uint32_t max_blocks,
                                       uint32_t *ret_blocks, uint8_t ret[KD_BLOCK_HASH]);

int kd_events_root_fd(const struct kd_events *e);
void kd_day_name(uint32_t day, char ret[16]);
void kd_segment_name(unsigned hour, unsigned part, char ret[32]);

#endif
