/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

enum { FOREIGN = 64, SPACE = 65, PAD = 66 };

/* Value of each character.  Rows of sixteen from 0x00 to 0x7f; all above is foreign. */
#define F FOREIGN
#define S SPACE
static const uint8_t value_of[256] = {
    S,  F,  F,  F,  F,  F,  F,  F,  F,  S,  S,  F,  F,  S,   F,  F,  /* 00 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* 10 */
    S,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  62, F,  F,   F,  63, /* 20 */
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, F,  F,  F,  PAD, F,  F,  /* 30 */
    F,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,  13, 14, /* 40 */
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, F,  F,  F,   F,  F,  /* 50 */
    F,  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38,  39, 40, /* 60 */
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, F,  F,  F,   F,  F,  /* 70 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* 80 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* 90 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* a0 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* b0 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* c0 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* d0 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* e0 */
    F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,  F,   F,  F,  /* f0 */
};
#undef F
#undef S

/* Four characters at a time while a group is not begun and all are of the alphabet; returns how
 * many characters were taken. */
static size_t whole_groups(struct kd_bytes in, struct kd_out *o)
{
    uint8_t *to = kd_out_room(o, in.n / 4 * 3);
    if (to == NULL)
        return 0;
    uint8_t *start = to;
    size_t i = 0;
    for (; i + 4 <= in.n; i += 4) {
        uint8_t a = value_of[in.p[i]];
        uint8_t b = value_of[in.p[i + 1]];
        uint8_t c = value_of[in.p[i + 2]];
        uint8_t d = value_of[in.p[i + 3]];
        if ((a | b | c | d) >= FOREIGN)
            break;
        *to++ = (uint8_t)(a << 2 | b >> 4);
        *to++ = (uint8_t)((b & 15) << 4 | c >> 2);
        *to++ = (uint8_t)((c & 3) << 6 | d);
    }
    o->n -= in.n / 4 * 3 - (size_t)(to - start);
    return i;
}

void kd_base64_end(struct kd_base64 *b, struct kd_out *o)
{
    if (b->n >= 2)
        kd_out_u8(o, (uint8_t)(b->bits << (6 * (4u - b->n)) >> 16 & 0xff));
    if (b->n == 3)
        kd_out_u8(o, (uint8_t)(b->bits << 6 >> 8 & 0xff));
    *b = (struct kd_base64){0};
}

static size_t one_char(struct kd_base64 *b, uint8_t c, struct kd_out *o)
{
    uint8_t v = value_of[c];
    if (v == SPACE)
        return 0;
    if (v == FOREIGN)
        return 1;
    if (v == PAD) {
        kd_base64_end(b, o);
        return 0;
    }
    b->bits = b->bits << 6 | v;
    if (++b->n < 4)
        return 0;
    kd_out_u8(o, (uint8_t)(b->bits >> 16 & 0xff));
    kd_out_u8(o, (uint8_t)(b->bits >> 8 & 0xff));
    kd_out_u8(o, (uint8_t)(b->bits & 0xff));
    *b = (struct kd_base64){0};
    return 0;
}

size_t kd_base64_add(struct kd_base64 *b, struct kd_bytes in, struct kd_out *o)
{
    size_t foreign = 0;
    while (in.n > 0) {
        size_t took = b->n == 0 ? whole_groups(in, o) : 0;
        in = kd_bytes_from(in, took);
        if (in.n > 0) {
            foreign += one_char(b, in.p[0], o);
            in = kd_bytes_from(in, 1);
        }
    }
    return foreign;
}

bool kd_base64_decode(struct kd_bytes in, struct kd_out *o)
{
    struct kd_base64 b = {0};
    size_t foreign = kd_base64_add(&b, in, o);
    kd_base64_end(&b, o);
    return foreign == 0 && kd_out_ok(o);
}

void kd_base64_put(struct kd_out *o, struct kd_bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < b.n; i += 3) {
        size_t n = kd_min_size(b.n - i, 3);
        uint32_t v = (uint32_t)b.p[i] << 16;
        v |= n > 1 ? (uint32_t)b.p[i + 1] << 8 : 0;
        v |= n > 2 ? b.p[i + 2] : 0;
        kd_out_u8(o, (uint8_t)digits[v >> 18]);
        kd_out_u8(o, (uint8_t)digits[v >> 12 & 63]);
        kd_out_u8(o, (uint8_t)(n > 1 ? digits[v >> 6 & 63] : '='));
        kd_out_u8(o, (uint8_t)(n > 2 ? digits[v & 63] : '='));
    }
}
