/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/normal.h"

#include "base/out.h"

enum { ROUNDS = 3, DEPTH_MAX = 32 };

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number in `n` hexadecimal digits at `at`, or -1. */
static int hex_at(struct kd_bytes b, size_t at, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = hex_digit(kd_bytes_at(b, at + i));
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* Full-width forms and look-alikes of dot and slash that some servers fold. */
static uint8_t fold_wide(int code)
{
    if (code >= 0xff01 && code <= 0xff5e)
        return (uint8_t)(code - 0xff01 + 0x21);
    if (code == 0x2215 || code == 0x2044)
        return '/';
    return code < 0x100 ? (uint8_t)code : (uint8_t)'?';
}

/* One round in place; the new length. */
static size_t decode_percent(uint8_t *b, size_t n)
{
    struct kd_bytes in = kd_bytes_of(b, n);
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        bool wide = b[i] == '%' && kd_ascii_lower(kd_bytes_at(in, i + 1)) == 'u';
        int code = b[i] != '%' ? -1 : wide ? hex_at(in, i + 2, 4) : hex_at(in, i + 1, 2);
        if (code < 0) {
            b[out++] = b[i];
            continue;
        }
        b[out++] = wide ? fold_wide(code) : (uint8_t)code;
        i += wide ? 5 : 2;
    }
    return out;
}

/* Two bytes that encode ASCII the long way (%c0%af for a slash); 0 when they do not. */
static uint8_t overlong(uint8_t a, uint8_t b)
{
    if ((a != 0xc0 && a != 0xc1) || (b & 0xc0) != 0x80)
        return 0;
    return (uint8_t)((a & 3) << 6 | (b & 0x3f));
}

/* Lower case, slashes, spaces, comments; in place. */
static size_t fold(uint8_t *b, size_t n)
{
    size_t out = 0;
    bool comments = true; /* one without its end ends the search, or it would be made again and again */
    for (size_t i = 0; i < n; i++) {
        uint8_t next = i + 1 < n ? b[i + 1] : 0;
        uint8_t c = overlong(b[i], next);
        if (c != 0)
            i++;
        else
            c = b[i];
        if (comments && c == '/' && next == '*') {
            size_t end = kd_bytes_find(kd_bytes_of(b + i, n - i), kd_str("*/"));
            comments = end != SIZE_MAX;
            if (comments) {
                i += end + 1;
                c = ' ';
            }
        }
        c = c == '\\' ? '/' : c == '+' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0 ? ' ' : kd_ascii_lower(c);
        if (c != ' ' || out == 0 || b[out - 1] != ' ')
            b[out++] = c;
    }
    return out;
}

struct kd_bytes kd_normal_text(struct kd_bytes in, uint8_t room[KD_NORMAL_MAX])
{
    size_t n = kd_min_size(in.n, KD_NORMAL_MAX);
    if (n > 0)
        memcpy(room, in.p, n);
    for (int round = 0; round < ROUNDS && kd_bytes_find_byte(kd_bytes_of(room, n), '%') != SIZE_MAX; round++)
        n = decode_percent(room, n);
    return kd_bytes_of(room, fold(room, n));
}

/* What the inside of a lookup stands for; itself, with its braces, when that is not known. */
static size_t resolve(uint8_t *out, size_t begin, size_t end)
{
    struct kd_bytes inside = kd_bytes_of(out + begin + 2, end - begin - 2);
    struct kd_bytes value = {NULL, 0};
    size_t fallback = kd_bytes_find(inside, kd_str(":-"));
    if (fallback != SIZE_MAX)
        value = kd_bytes_from(inside, fallback + 2);
    else if (kd_bytes_starts(inside, kd_str("lower:")) || kd_bytes_starts(inside, kd_str("upper:")))
        value = kd_bytes_from(inside, strlen("lower:"));
    else if (kd_bytes_starts(inside, kd_str("date:'")) && inside.n > 7)
        value = kd_bytes_head(kd_bytes_from(inside, strlen("date:'")), inside.n - 7);
    else {
        out[end] = '}';
        return end + 1;
    }
    if (value.n > 0)
        memmove(out + begin, value.p, value.n);
    return begin + value.n;
}

struct kd_bytes kd_normal_lookups(struct kd_bytes in, uint8_t room[KD_NORMAL_MAX])
{
    size_t open[DEPTH_MAX];
    size_t depth = 0, n = 0;
    for (size_t i = 0; i < in.n && n + 1 < KD_NORMAL_MAX; i++) {
        uint8_t c = in.p[i];
        if (c == '$' && kd_bytes_at(in, i + 1) == '{' && depth < DEPTH_MAX)
            open[depth++] = n;
        if (c == '}' && depth > 0) {
            n = resolve(room, open[--depth], n);
            continue;
        }
        room[n++] = c;
    }
    return kd_bytes_of(room, n);
}
