/* SPDX-License-Identifier: Apache-2.0 */
#include "base/out.h"

#include <stdarg.h>

static const char hex_digits[] = "0123456789abcdef";

/* Two digits at a time: half the divisions. */
static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                  "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                  "8081828384858687888990919293949596979899";

static size_t digits_of(uint64_t v)
{
    size_t n = 1;
    for (; v >= 10000; v /= 10000)
        n += 4;
    return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

void kd_out_u64_pad(struct kd_out *o, uint64_t v, unsigned width)
{
    enum { WIDEST = 32 };
    size_t n = digits_of(v);
    if (n < width)
        n = width < WIDEST ? width : WIDEST;
    uint8_t *at = kd_out_room(o, n);
    if (at == NULL)
        return;
    for (; v >= 100; v /= 100)
        memcpy(at + (n -= 2), digit_pairs + v % 100 * 2, 2);
    if (v >= 10)
        memcpy(at + (n -= 2), digit_pairs + v * 2, 2);
    else
        at[--n] = (uint8_t)('0' + v);
    while (n > 0)
        at[--n] = '0';
}

void kd_out_u64(struct kd_out *o, uint64_t v)
{
    kd_out_u64_pad(o, v, 1);
}

void kd_out_i64(struct kd_out *o, int64_t v)
{
    if (v < 0)
        kd_out_u8(o, '-');
    kd_out_u64(o, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
}

void kd_out_hex(struct kd_out *o, struct kd_bytes b)
{
    kd_out_hex_sep(o, b, '\0');
}

void kd_out_hex_sep(struct kd_out *o, struct kd_bytes b, char sep)
{
    if (sep == '\0' && !o->full && b.n <= (o->max - o->n) / 2) { /* all of it fits */
        uint8_t *at = o->p + o->n;
        o->n += b.n * 2;
        for (size_t i = 0; i < b.n; i++) { /* no table: compilers do sixteen at a time */
            uint8_t high = b.p[i] >> 4, low = b.p[i] & 15;
            at[2 * i] = (uint8_t)(high + '0' + (high > 9 ? 'a' - '0' - 10 : 0));
            at[2 * i + 1] = (uint8_t)(low + '0' + (low > 9 ? 'a' - '0' - 10 : 0));
        }
        return;
    }
    for (size_t i = 0; i < b.n; i++) {
        if (sep != '\0' && i > 0)
            kd_out_u8(o, (uint8_t)sep);
        kd_out_u8(o, (uint8_t)hex_digits[b.p[i] >> 4]);
        kd_out_u8(o, (uint8_t)hex_digits[b.p[i] & 15]);
    }
}

void kd_out_escaped(struct kd_out *o, struct kd_bytes b)
{
    for (size_t i = 0; i < b.n && !o->full; i++) {
        uint8_t c = b.p[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') {
            kd_out_u8(o, c);
            continue;
        }
        uint8_t *at = kd_out_room(o, 4);
        if (at != NULL) {
            at[0] = '\\';
            at[1] = 'x';
            at[2] = (uint8_t)hex_digits[c >> 4];
            at[3] = (uint8_t)hex_digits[c & 15];
        }
    }
}

void kd_out_fmt(struct kd_out *o, const char *fmt, ...)
{
    char tmp[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(tmp, sizeof(tmp), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(tmp)) {
        o->full = true;
        return;
    }
    kd_out_bytes(o, kd_bytes_of(tmp, (size_t)n));
}
