/* SPDX-License-Identifier: Apache-2.0 */
/* The only way to read hostile bytes.  A shortage is sticky: from then on every read gives zero (or an
 * empty view), touches no memory, and kd_cur_ok() is false.  Read a whole header, ask once. */
#ifndef KD_BASE_CURSOR_H
#define KD_BASE_CURSOR_H

#include "base/bytes.h"

struct kd_cur {
    const uint8_t *p;
    size_t n;      /* bytes left */
    size_t taken;  /* bytes read since kd_cur_of() */
    bool failed;
};

static inline struct kd_cur kd_cur_of(struct kd_bytes b)
{
    return (struct kd_cur){b.p, b.n, 0, false};
}

static inline bool kd_cur_ok(const struct kd_cur *c)
{
    return !c->failed;
}

static inline size_t kd_cur_left(const struct kd_cur *c)
{
    return c->n;
}

static inline void kd_cur_fail(struct kd_cur *c)
{
    c->failed = true;
    c->n = 0;
}

/* Is there something to read and nothing broken? */
static inline bool kd_cur_more(const struct kd_cur *c)
{
    return c->n > 0;
}

/* The next n bytes as a view, or an empty view and failure. */
static inline struct kd_bytes kd_cur_take(struct kd_cur *c, size_t n)
{
    if (KD_UNLIKELY(n > c->n)) {
        kd_cur_fail(c);
        return (struct kd_bytes){NULL, 0};
    }
    struct kd_bytes b = {c->p, n};
    if (n > 0)
        c->p += n;
    c->n -= n;
    c->taken += n;
    return b;
}

/* What is left, as a view; the cursor is then at its end. */
static inline struct kd_bytes kd_cur_rest(struct kd_cur *c)
{
    return kd_cur_take(c, c->n);
}

/* A child window of n bytes: it cannot see what lies behind.  Failed when the parent is short. */
static inline struct kd_cur kd_cur_sub(struct kd_cur *c, size_t n)
{
    struct kd_cur sub = kd_cur_of(kd_cur_take(c, n));
    sub.failed = c->failed;
    return sub;
}

static inline uint8_t kd_cur_u8(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_take(c, 1);
    return b.n == 1 ? b.p[0] : 0;
}

/* The next byte without taking it; 0 at the end. */
static inline uint8_t kd_cur_peek(const struct kd_cur *c)
{
    return c->n > 0 ? c->p[0] : 0;
}

static inline uint16_t kd_cur_be16(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_take(c, 2);
    return b.n == 2 ? (uint16_t)((uint32_t)b.p[0] << 8 | b.p[1]) : 0;
}

static inline uint32_t kd_cur_be24(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_take(c, 3);
    return b.n == 3 ? (uint32_t)b.p[0] << 16 | (uint32_t)b.p[1] << 8 | b.p[2] : 0;
}

static inline uint32_t kd_cur_be32(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_take(c, 4);
    if (b.n != 4)
        return 0;
    return (uint32_t)b.p[0] << 24 | (uint32_t)b.p[1] << 16 | (uint32_t)b.p[2] << 8 | b.p[3];
}

static inline uint64_t kd_cur_be64(struct kd_cur *c)
{
    uint64_t high = kd_cur_be32(c);
    uint64_t low = kd_cur_be32(c);
    return c->failed ? 0 : high << 32 | low;
}

static inline uint16_t kd_cur_le16(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_take(c, 2);
    return b.n == 2 ? (uint16_t)((uint32_t)b.p[1] << 8 | b.p[0]) : 0;
}

static inline uint32_t kd_cur_le32(struct kd_cur *c)
{
    struct kd_bytes b = kd_cur_take(c, 4);
    if (b.n != 4)
        return 0;
    return (uint32_t)b.p[3] << 24 | (uint32_t)b.p[2] << 16 | (uint32_t)b.p[1] << 8 | b.p[0];
}

static inline uint64_t kd_cur_le64(struct kd_cur *c)
{
    uint64_t low = kd_cur_le32(c);
    uint64_t high = kd_cur_le32(c);
    return c->failed ? 0 : high << 32 | low;
}

/* Unsigned LEB128, at most ten bytes; more, or bits above 63, is a failure. */
static inline uint64_t kd_cur_varint(struct kd_cur *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = kd_cur_u8(c);
        if (c->failed || (shift == 63 && b > 1))
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if ((b & 0x80) == 0)
            return v;
    }
    kd_cur_fail(c);
    return 0;
}

#endif
