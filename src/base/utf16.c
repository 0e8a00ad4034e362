/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf16.h"

#include "base/cursor.h"

enum { REPLACEMENT = 0xfffd };

static bool is_high(uint32_t c)
{
    return c >= 0xd800 && c < 0xdc00;
}

static bool is_low(uint32_t c)
{
    return c >= 0xdc00 && c < 0xe000;
}

static uint32_t next_char(struct kd_cur *c)
{
    uint32_t unit = kd_cur_le16(c);
    if (!is_high(unit))
        return is_low(unit) ? REPLACEMENT : unit;
    struct kd_cur ahead = *c;
    uint32_t second = kd_cur_le16(&ahead);
    if (!kd_cur_ok(&ahead) || !is_low(second))
        return REPLACEMENT;
    *c = ahead;
    return 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
}

static void put_char(struct kd_out *o, uint32_t c)
{
    uint8_t b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (uint8_t)c;
    } else if (c < 0x800) {
        b[n++] = (uint8_t)(0xc0 | c >> 6);
        b[n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (uint8_t)(0xe0 | c >> 12);
        b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (uint8_t)(0xf0 | c >> 18);
        b[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (uint8_t)(0x80 | (c & 0x3f));
    }
    kd_out_bytes(o, kd_bytes_of(b, n));
}

void kd_out_utf16le(struct kd_out *o, struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    while (kd_cur_left(&c) >= 2 && kd_out_ok(o))
        put_char(o, next_char(&c));
}

struct kd_bytes kd_arena_utf16le(struct kd_arena *a, struct kd_bytes in, size_t max)
{
    size_t room = kd_min_size(kd_utf16_room(in.n), max);
    uint8_t *p = room == 0 ? NULL : kd_arena_alloc(a, room);
    if (p == NULL)
        return (struct kd_bytes){NULL, 0};
    struct kd_out o = kd_out_of(p, room);
    kd_out_utf16le(&o, in);
    return kd_out_bytes_view(&o);
}
