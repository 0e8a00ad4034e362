/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes.  Never owns; p may be NULL only when n is 0. */
#ifndef KD_BASE_BYTES_H
#define KD_BASE_BYTES_H

#include "base/base.h"

struct kd_bytes {
    const uint8_t *p;
    size_t n;
};

static inline struct kd_bytes kd_bytes_of(const void *p, size_t n)
{
    return (struct kd_bytes){(const uint8_t *)p, n};
}

/* View of a terminated string, without its terminator. */
static inline struct kd_bytes kd_str(const char *s)
{
    return kd_bytes_of(s, s == NULL ? 0 : strlen(s));
}

/* The part of b from `off` on; empty when off lies behind the end. */
static inline struct kd_bytes kd_bytes_from(struct kd_bytes b, size_t off)
{
    if (off >= b.n)
        return (struct kd_bytes){NULL, 0};
    return (struct kd_bytes){b.p + off, b.n - off};
}

/* The byte at `i`; 0 behind the end. */
static inline uint8_t kd_bytes_at(struct kd_bytes b, size_t i)
{
    return i < b.n ? b.p[i] : 0;
}

/* The first `n` bytes of b, or all of it. */
static inline struct kd_bytes kd_bytes_head(struct kd_bytes b, size_t n)
{
    return (struct kd_bytes){b.p, n < b.n ? n : b.n};
}

/* Numbers at offset `at`; 0 where b does not hold all their bytes.  Behind a check of b.n, as for a header taken as
 * a whole, each is a single load. */
static inline uint16_t kd_bytes_be16(struct kd_bytes b, size_t at)
{
    if (b.n < 2 || at > b.n - 2)
        return 0;
    return (uint16_t)((uint32_t)b.p[at] << 8 | b.p[at + 1]);
}

static inline uint32_t kd_bytes_be32(struct kd_bytes b, size_t at)
{
    if (b.n < 4 || at > b.n - 4)
        return 0;
    const uint8_t *p = b.p + at;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t kd_bytes_le32(struct kd_bytes b, size_t at)
{
    return __builtin_bswap32(kd_bytes_be32(b, at));
}

/* Are two terminated strings alike?  For tables, whose rows mostly differ in the first letter. */
static inline bool kd_str_eq(const char *a, const char *b)
{
    return a[0] == b[0] && strcmp(a, b) == 0;
}

static inline bool kd_bytes_eq(struct kd_bytes a, struct kd_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool kd_bytes_eq_str(struct kd_bytes a, const char *s)
{
    return kd_bytes_eq(a, kd_str(s));
}

static inline bool kd_bytes_starts(struct kd_bytes a, struct kd_bytes head)
{
    return a.n >= head.n && (head.n == 0 || memcmp(a.p, head.p, head.n) == 0);
}

static inline uint8_t kd_ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

static inline bool kd_ascii_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool kd_ascii_is_letter(uint8_t c)
{
    return kd_ascii_lower(c) >= 'a' && kd_ascii_lower(c) <= 'z';
}

/* Compare, ASCII letters without case. */
bool kd_bytes_ieq(struct kd_bytes a, struct kd_bytes b);
bool kd_bytes_istarts(struct kd_bytes a, struct kd_bytes head);
bool kd_bytes_iends(struct kd_bytes a, struct kd_bytes tail);

/* Offset of the first occurrence, or SIZE_MAX. */
size_t kd_bytes_find(struct kd_bytes hay, struct kd_bytes needle);
size_t kd_bytes_find_byte(struct kd_bytes hay, uint8_t c);
bool kd_bytes_icontains(struct kd_bytes hay, struct kd_bytes needle);
bool kd_bytes_icontains_any(struct kd_bytes hay, const char *const *needles, size_t n);

/* Without spaces and tabs at both ends. */
struct kd_bytes kd_bytes_trim(struct kd_bytes b);

/* Cut *rest at the first `sep`: what lies before is returned, *rest is what lies behind.  Without a
 * separator the whole is returned and *rest becomes empty. */
struct kd_bytes kd_bytes_cut(struct kd_bytes *rest, uint8_t sep);

/* Decimal number, digits only, whole view; false when it is none or exceeds `max`. */
KD_MUST_USE bool kd_bytes_to_u64(struct kd_bytes b, uint64_t max, uint64_t *ret);

/* Is the view valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool kd_bytes_is_utf8(struct kd_bytes b);

#endif
