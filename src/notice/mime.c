/* SPDX-License-Identifier: Apache-2.0 */
#include "notice/mime.h"

#include "base/clock.h"

enum {
    LINE_BYTES = 57,
    WORD_BYTES = 42,
    FIRST_WORD_BYTES = 39
}; /* 76 and 56 characters of base64 */

static void put_base64(struct kd_out *o, struct kd_bytes b)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < b.n; i += 3) {
        uint32_t v =
            (uint32_t)b.p[i] << 16 | (uint32_t)kd_bytes_at(b, i + 1) << 8 | kd_bytes_at(b, i + 2);
        kd_out_u8(o, (uint8_t)digits[v >> 18 & 63]);
        kd_out_u8(o, (uint8_t)digits[v >> 12 & 63]);
        kd_out_u8(o, i + 1 < b.n ? (uint8_t)digits[v >> 6 & 63] : '=');
        kd_out_u8(o, i + 2 < b.n ? (uint8_t)digits[v & 63] : '=');
    }
}

static bool is_plain(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] < 0x20 || b.p[i] > 0x7e)
            return false;
    return kd_bytes_find(b, kd_str("=?")) == SIZE_MAX;
}

/* Whole characters of at most `max` bytes: an encoded word must not end within one. */
static struct kd_bytes characters(struct kd_bytes b, size_t max)
{
    size_t n = kd_min_size(b.n, max);
    while (n < b.n && n > 0 && (b.p[n] & 0xc0) == 0x80)
        n--;
    return kd_bytes_head(b, n > 0 ? n : kd_min_size(b.n, max));
}

static void put_words(struct kd_out *o, struct kd_bytes value)
{
    size_t max = FIRST_WORD_BYTES; /* the header's name stands before it */
    while (value.n > 0) {
        struct kd_bytes word = characters(value, max);
        if (max != FIRST_WORD_BYTES)
            kd_out_str(o, "\r\n ");
        kd_out_str(o, "=?UTF-8?B?");
        put_base64(o, word);
        kd_out_str(o, "?=");
        value = kd_bytes_from(value, word.n);
        max = WORD_BYTES;
    }
}

/* At spaces, so that no line is longer than need be. */
static void put_plain(struct kd_out *o, size_t column, struct kd_bytes value)
{
    bool first = true;
    while (value.n > 0) {
        struct kd_bytes word = kd_bytes_cut(&value, ' ');
        if (!first && column + word.n > 75) {
            kd_out_str(o, "\r\n ");
            column = 1;
        } else if (!first) {
            kd_out_u8(o, ' ');
            column++;
        }
        kd_out_bytes(o, word);
        column += word.n;
        first = false;
    }
}

void kd_mime_header(struct kd_out *o, const char *name, struct kd_bytes value, bool plain)
{
    kd_out_str(o, name);
    kd_out_str(o, ": ");
    if (plain || is_plain(value))
        put_plain(o, strlen(name) + 2, value);
    else
        put_words(o, value);
    kd_out_str(o, "\r\n");
}

void kd_mime_body(struct kd_out *o, struct kd_bytes text)
{
    for (size_t at = 0; at < text.n; at += LINE_BYTES) {
        put_base64(o, kd_bytes_head(kd_bytes_from(text, at), LINE_BYTES));
        kd_out_str(o, "\r\n");
    }
}

void kd_mime_date(struct kd_out *o, uint64_t us, int zone_s)
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun",
                                    "Mon", "Tue", "Wed"}; /* 1970-01-01 was one */
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct kd_date d = kd_date_of(us, zone_s);
    int64_t day = ((int64_t)(us / KD_US_PER_S) + zone_s) / 86400;
    unsigned minutes = (unsigned)((zone_s < 0 ? -zone_s : zone_s) / 60);
    kd_out_fmt(o, "%s, %02u %s %04d %02u:%02u:%02u %c%02u%02u", days[day % 7], d.day,
               months[(d.month + 11) % 12], d.year, d.hour, d.minute, d.second,
               zone_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}
