/* SPDX-License-Identifier: Apache-2.0 */
/* One line of events/seals.log (seal.h), for writer and verifier. */
#ifndef KD_STORE_SEAL_LINE_H
#define KD_STORE_SEAL_LINE_H

#include "store/block.h"

enum { KD_SEALS_MAX = 256 << 20 };

struct kd_seal_line {
    bool gone;
    bool packets; /* day is the engine, blocks the frames, records the segment, seqs its times */
    uint32_t day, blocks;
    uint64_t records, first_seq, last_seq;
    uint8_t root[KD_BLOCK_HASH];
    uint8_t prev[KD_BLOCK_HASH];
};

/* KD_MALFORMED, or KD_BROKEN_SEAL when the signature is not by `pub`. */
KD_MUST_USE enum kd_status kd_seal_line_parse(struct kd_bytes line, const uint8_t pub[32],
                                              struct kd_seal_line *ret);
void kd_seal_line_hash(struct kd_bytes line, uint8_t ret[KD_BLOCK_HASH]);

#endif
