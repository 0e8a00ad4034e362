/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "base/bytes.h"

bool kd_bytes_istarts(struct kd_bytes a, struct kd_bytes head)
{
    if (a.n < head.n)
        return false;
    for (size_t i = 0; i < head.n; i++) {
        uint8_t differ = a.p[i] ^ head.p[i];
        if (differ == 0)
            continue;
        uint8_t low = a.p[i] | 0x20;
        if (differ != 0x20 || low < 'a' || low > 'z')
            return false;
    }
    return true;
}

bool kd_bytes_ieq(struct kd_bytes a, struct kd_bytes b)
{
    return a.n == b.n && kd_bytes_istarts(a, b);
}

bool kd_bytes_iends(struct kd_bytes a, struct kd_bytes tail)
{
    return a.n >= tail.n && kd_bytes_istarts(kd_bytes_from(a, a.n - tail.n), tail);
}

size_t kd_bytes_find_byte(struct kd_bytes hay, uint8_t c)
{
    if (hay.n == 0)
        return SIZE_MAX;
    const uint8_t *hit = memchr(hay.p, c, hay.n);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - hay.p);
}

size_t kd_bytes_find(struct kd_bytes hay, struct kd_bytes needle)
{
    if (needle.n == 0)
        return 0;
    if (hay.n < needle.n)
        return SIZE_MAX;
    const uint8_t *hit = memmem(hay.p, hay.n, needle.p, needle.n);
    return hit == NULL ? SIZE_MAX : (size_t)(hit - hay.p);
}

/* One that begins with the byte `first`. */
static bool has_from(struct kd_bytes hay, struct kd_bytes needle, uint8_t first)
{
    struct kd_bytes starts = kd_bytes_head(hay, hay.n - needle.n + 1); /* where it may begin */
    for (size_t at = 0;; at++) {
        size_t next = kd_bytes_find_byte(kd_bytes_from(starts, at), first);
        if (next == SIZE_MAX)
            return false;
        at += next;
        if (kd_bytes_istarts(kd_bytes_from(hay, at), needle))
            return true;
    }
}

bool kd_bytes_icontains(struct kd_bytes hay, struct kd_bytes needle)
{
    if (needle.n == 0)
        return true;
    if (hay.n < needle.n)
        return false;
    uint8_t first = kd_ascii_lower(needle.p[0]);
    bool is_letter = first >= 'a' && first <= 'z';
    return has_from(hay, needle, first) || (is_letter && has_from(hay, needle, first & ~0x20 & 0xff));
}

bool kd_bytes_icontains_any(struct kd_bytes hay, const char *const *needles, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_icontains(hay, kd_str(needles[i])))
            return true;
    return false;
}

struct kd_bytes kd_bytes_trim(struct kd_bytes b)
{
    while (b.n > 0 && (b.p[0] == ' ' || b.p[0] == '\t'))
        b = kd_bytes_from(b, 1);
    while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
        b.n--;
    return b;
}

struct kd_bytes kd_bytes_cut(struct kd_bytes *rest, uint8_t sep)
{
    size_t at = kd_bytes_find_byte(*rest, sep);
    struct kd_bytes head = kd_bytes_head(*rest, at);
    *rest = at == SIZE_MAX ? (struct kd_bytes){NULL, 0} : kd_bytes_from(*rest, at + 1);
    return head;
}

bool kd_bytes_to_u64(struct kd_bytes b, uint64_t max, uint64_t *ret)
{
    uint64_t v = 0;
    if (b.n == 0)
        return false;
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < '0' || b.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(b.p[i] - '0'), &v) || v > max)
            return false;
    }
    *ret = v;
    return true;
}

/* Length of the well-formed sequence at p (RFC 3629 section 4), or 0. */
static size_t utf8_step(const uint8_t *p, size_t n)
{
    uint8_t c = p[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
        (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

bool kd_bytes_is_utf8(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n;) {
        uint64_t w;
        if (i + sizeof(w) <= b.n) { /* eight of ASCII, as most are */
            memcpy(&w, b.p + i, sizeof(w));
            if ((w & UINT64_C(0x8080808080808080)) == 0) {
                i += sizeof(w);
                continue;
            }
        }
        size_t step = utf8_step(b.p + i, b.n - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}
