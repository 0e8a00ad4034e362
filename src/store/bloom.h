/* SPDX-License-Identifier: Apache-2.0 */
/* Split-block Bloom filter (J. Putze, P. Sanders, J. Singler: Cache-, Hash- and Space-Efficient
 * Bloom Filters; the form Parquet uses): one probe touches one line of 32 bytes, so a filter on
 * disk is asked with one small read.  12 bits per value give about 0.6 % false "maybe". */
#ifndef KD_STORE_BLOOM_H
#define KD_STORE_BLOOM_H

#include "base/addr.h"

enum { KD_BLOOM_LINE = 32, KD_BLOOM_BITS_PER_VALUE = 12, KD_BLOOM_LINES_MAX = 1 << 19 };

/* What a value is looked up by: texts without ASCII case, other values by their bytes. */
uint64_t kd_bloom_key_text(struct kd_bytes text);
uint64_t kd_bloom_key_bytes(struct kd_bytes value);

/* Lines for n distinct values; at least one. */
size_t kd_bloom_lines(size_t n);

/* Where a key's line is among `lines`. */
static inline size_t kd_bloom_line_of(uint64_t key, size_t lines)
{
    return (size_t)(((key >> 32) * (uint64_t)lines) >> 32);
}

void kd_bloom_add(uint8_t *filter, size_t lines, uint64_t key);
bool kd_bloom_line_has(const uint8_t line[KD_BLOOM_LINE], uint64_t key);

#endif
