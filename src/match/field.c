/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the data, for byte_test, byte_jump, byte_extract and byte_math. */
#include "match/internal.h"

int64_t m_value_of(const struct m_run *run, const struct kd_value *v)
{
    return v->var < 0 || v->var >= MATCH_VARS ? v->n : (int64_t)((uint64_t)v->n + run->var[v->var]);
}

static int digit_of(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* As strtoull(3) reads it from `text`: white space, 0x behind base 16 or 0, digits. */
static size_t read_digits(struct kd_bytes text, unsigned base, uint64_t *ret)
{
    size_t i = 0;
    while (i < text.n && (text.p[i] == ' ' || (text.p[i] >= '\t' && text.p[i] <= '\r')))
        i++;
    bool minus = kd_bytes_at(text, i) == '-';
    i += minus || kd_bytes_at(text, i) == '+';
    bool hex = kd_bytes_at(text, i) == '0' && kd_ascii_lower(kd_bytes_at(text, i + 1)) == 'x' &&
               digit_of(kd_bytes_at(text, i + 2)) < 16 && i + 2 < text.n;
    if (base == 0)
        base = hex ? 16 : kd_bytes_at(text, i) == '0' ? 8 : 10;
    if (hex && base == 16)
        i += 2;
    size_t first = i;
    uint64_t v = 0;
    for (; i < text.n && (unsigned)digit_of(text.p[i]) < base; i++)
        v = v > (UINT64_MAX - 35) / base ? UINT64_MAX : v * base + (uint64_t)digit_of(text.p[i]);
    *ret = minus ? 0 - v : v;
    return i == first ? 0 : i;
}

static uint64_t read_binary(struct kd_bytes b, bool little)
{
    uint64_t v = 0;
    for (size_t i = 0; i < b.n; i++)
        v = v << 8 | b.p[little ? b.n - 1 - i : i];
    return v;
}

bool m_field_read(const struct m_run *run, const struct kd_byte_field *f, struct kd_bytes in, size_t from,
                  uint64_t *ret, size_t *ret_end)
{
    int64_t at = m_value_of(run, &f->offset);
    int64_t n = m_value_of(run, &f->nbytes);
    if (f->relative)
        at += (int64_t)from;
    if (f->is_text && n == 0 && at >= 0 && (uint64_t)at <= in.n) /* all there is, as far as it is digits */
        n = (int64_t)kd_min_u64(in.n - (uint64_t)at, 23);
    if (at < 0 || n < 0 || (uint64_t)at > in.n || (uint64_t)n > in.n - (uint64_t)at)
        return false;
    struct kd_bytes b = kd_bytes_of(in.p + at, (size_t)n);
    if (f->is_text) {
        size_t used = read_digits(b, f->base, ret);
        if (used == 0)
            return false;
        *ret_end = (size_t)at + used;
    } else {
        if (n == 0 || n > 8)
            return false;
        *ret = read_binary(b, f->endian != KD_ENDIAN_BIG);
        *ret_end = (size_t)(at + n);
    }
    if (f->mask != 0)
        *ret = (*ret & f->mask) >> __builtin_ctz(f->mask);
    return true;
}
