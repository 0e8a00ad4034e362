/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bloom.h"

#include "base/hash.h"

/* Fixed seeds: the filter is part of the stored format. */
enum { SEED_TEXT = 0x6b64, SEED_BYTES = 0x6b65, FOLD_MAX = 512 };

static const uint32_t salt[8] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu, 0xa2b7289du,
                                 0x705495c7u, 0x2df1424bu, 0x9efc4947u, 0x5c6bfb31u};

uint64_t kd_bloom_key_text(struct kd_bytes text)
{
    /* Long texts count by their beginning and length; that only makes a "maybe" a little likelier.
     */
    uint8_t low[FOLD_MAX];
    size_t n = kd_min_size(text.n, sizeof(low));
    for (size_t i = 0; i < n; i++)
        low[i] = kd_ascii_lower(text.p[i]);
    return kd_hash(low, n, SEED_TEXT + (uint64_t)text.n);
}

uint64_t kd_bloom_key_bytes(struct kd_bytes value)
{
    return kd_hash(value.p, value.n, SEED_BYTES);
}

size_t kd_bloom_lines(size_t n)
{
    size_t lines = (n * KD_BLOOM_BITS_PER_VALUE + KD_BLOOM_LINE * 8 - 1) / (KD_BLOOM_LINE * 8);
    return lines == 0 ? 1 : kd_min_size(lines, KD_BLOOM_LINES_MAX);
}

void kd_bloom_add(uint8_t *filter, size_t lines, uint64_t key)
{
    uint8_t *line = filter + kd_bloom_line_of(key, lines) * KD_BLOOM_LINE;
    for (size_t i = 0; i < 8; i++) {
        uint32_t bit = ((uint32_t)key * salt[i]) >> 27;
        line[i * 4 + bit / 8] |= (uint8_t)(1u << (bit % 8));
    }
}

bool kd_bloom_line_has(const uint8_t line[KD_BLOOM_LINE], uint64_t key)
{
    for (size_t i = 0; i < 8; i++) {
        uint32_t bit = ((uint32_t)key * salt[i]) >> 27;
        if ((line[i * 4 + bit / 8] >> (bit % 8) & 1) == 0)
            return false;
    }
    return true;
}
