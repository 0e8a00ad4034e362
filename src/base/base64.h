/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, RFC 2045).  Decoding is streamed and tolerant: characters outside the alphabet are
 * skipped, padding ends a group and another may follow, as mail programs do. */
#ifndef KD_BASE_BASE64_H
#define KD_BASE_BASE64_H

#include "base/out.h"

/* What is left of an unfinished group.  Zeroed is ready. */
struct kd_base64 {
    uint32_t bits;
    uint8_t n; /* characters of the group so far: 0 to 3 */
};

/* Bytes that decoding `n` further characters may give at most. */
static inline size_t kd_base64_room(size_t n)
{
    return n / 4 * 3 + 6;
}

/* Decode a piece.  The writer needs kd_base64_room(in.n) bytes left, else it becomes full and the
 * rest is lost.  Returns the number of characters that were skipped although they are no white
 * space. */
size_t kd_base64_add(struct kd_base64 *b, struct kd_bytes in, struct kd_out *o);

/* The bytes of a last group that lacks its padding. */
void kd_base64_end(struct kd_base64 *b, struct kd_out *o);

/* A whole text at once; false when it holds foreign characters or does not fit. */
KD_MUST_USE bool kd_base64_decode(struct kd_bytes in, struct kd_out *o);

/* Encode, with padding. */
void kd_base64_put(struct kd_out *o, struct kd_bytes b);

#endif
