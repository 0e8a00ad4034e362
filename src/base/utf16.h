/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-16LE, as Windows protocols carry text, to UTF-8.  Unpaired surrogates become U+FFFD; an odd
 * last byte is ignored. */
#ifndef KD_BASE_UTF16_H
#define KD_BASE_UTF16_H

#include "base/out.h"
#include "base/pool.h"

/* Append the text.  What does not fit is cut at a character and sets `full`. */
void kd_out_utf16le(struct kd_out *o, struct kd_bytes in);

/* The text as a copy in the arena, cut at a character to `max` bytes; empty when there is no
 * memory. */
struct kd_bytes kd_arena_utf16le(struct kd_arena *a, struct kd_bytes in, size_t max);

/* Room that is always enough for n bytes of UTF-16LE. */
static inline size_t kd_utf16_room(size_t n)
{
    return n / 2 * 3;
}

#endif
