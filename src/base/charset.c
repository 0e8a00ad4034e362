/* SPDX-License-Identifier: Apache-2.0 */
#include "base/charset.h"

#include <iconv.h>

enum kind { UTF8, LATIN1, UTF16LE, UTF16BE, JIS, ICONV };

/* The converters to open.  Vendors' supersets where mail uses them under the standard's name. */
enum converter {
    CP932,
    EUCJP,
    CP1250,
    CP1251,
    GB18030,
    BIG5,
    UHC,
    KOI8R,
    KOI8U,
    LATIN2,
    LATIN9,
    CP874,
    CONVERTERS
};

static const char *const iconv_names[CONVERTERS] = {
    [CP932] = "CP932",       [EUCJP] = "EUC-JP-MS",    [CP1250] = "CP1250",
    [CP1251] = "CP1251",     [GB18030] = "GB18030",    [BIG5] = "BIG5",
    [UHC] = "UHC",           [KOI8R] = "KOI8-R",       [KOI8U] = "KOI8-U",
    [LATIN2] = "ISO-8859-2", [LATIN9] = "ISO-8859-15", [CP874] = "CP874",
};

static const struct {
    const char *name;
    enum kind kind;
    enum converter converter;
} charsets[] = {
    {"utf-8", UTF8, 0},
    {"us-ascii", UTF8, 0},
    {"utf8", UTF8, 0},
    {"ascii", UTF8, 0},
    {"ansi_x3.4-1968", UTF8, 0},
    {"iso-2022-jp", JIS, 0},
    {"iso-2022-jp-1", JIS, 0},
    {"iso-2022-jp-ms", JIS, 0},
    {"cp50220", JIS, 0},
    {"cp50221", JIS, 0},
    {"csiso2022jp", JIS, 0},
    {"shift_jis", ICONV, CP932},
    {"shift-jis", ICONV, CP932},
    {"sjis", ICONV, CP932},
    {"x-sjis", ICONV, CP932},
    {"cp932", ICONV, CP932},
    {"windows-31j", ICONV, CP932},
    {"ms_kanji", ICONV, CP932},
    {"euc-jp", ICONV, EUCJP},
    {"x-euc-jp", ICONV, EUCJP},
    {"eucjp", ICONV, EUCJP},
    {"cp51932", ICONV, EUCJP},
    {"iso-8859-1", LATIN1, 0},
    {"latin1", LATIN1, 0},
    {"windows-1252", LATIN1, 0},
    {"cp1252", LATIN1, 0},
    {"iso-8859-2", ICONV, LATIN2},
    {"iso-8859-15", ICONV, LATIN9},
    {"windows-1250", ICONV, CP1250},
    {"windows-1251", ICONV, CP1251},
    {"gb2312", ICONV, GB18030},
    {"gbk", ICONV, GB18030},
    {"gb18030", ICONV, GB18030},
    {"cp936", ICONV, GB18030},
    {"big5", ICONV, BIG5},
    {"euc-kr", ICONV, UHC},
    {"ks_c_5601-1987", ICONV, UHC},
    {"cp949", ICONV, UHC},
    {"koi8-r", ICONV, KOI8R},
    {"koi8-u", ICONV, KOI8U},
    {"tis-620", ICONV, CP874},
    {"windows-874", ICONV, CP874},
    {"utf-16", UTF16BE, 0},
    {"utf-16le", UTF16LE, 0},
    {"utf-16be", UTF16BE, 0},
};

static iconv_t opened[CONVERTERS];
static bool init_done;

unsigned kd_charset_init(void)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < CONVERTERS; i++) {
        if (!init_done)
            opened[i] = iconv_open("UTF-8", iconv_names[i]);
        missing += opened[i] == (iconv_t)-1;
    }
    init_done = true;
    return missing;
}

/* One character, or nothing; false when it does not fit. */
static bool put_char(struct kd_out *o, uint32_t c)
{
    uint8_t tmp[4];
    size_t n;
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    if (c < 0x80) {
        tmp[0] = (uint8_t)c;
        n = 1;
    } else if (c < 0x800) {
        tmp[0] = (uint8_t)(0xc0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        tmp[0] = (uint8_t)(0xe0 | c >> 12);
        n = 3;
    } else {
        tmp[0] = (uint8_t)(0xf0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        tmp[i] = (uint8_t)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
    if (o->full || n > o->max - o->n)
        return false;
    kd_out_bytes(o, kd_bytes_of(tmp, n));
    return true;
}

/* Length of the UTF-8 character at the front (RFC 3629), 0 when there is none. */
static size_t utf8_char(struct kd_bytes in)
{
    uint8_t c = kd_bytes_at(in, 0);
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return in.n >= n && kd_bytes_is_utf8(kd_bytes_head(in, n)) ? n : 0;
}

static void from_utf8(struct kd_bytes in, struct kd_out *o)
{
    if (in.n <= o->max - o->n && kd_bytes_is_utf8(in)) { /* as nearly always */
        kd_out_bytes(o, in);
        return;
    }
    while (in.n > 0) {
        size_t n = utf8_char(in);
        if (n == 0) {
            if (!put_char(o, 0xfffd))
                return;
            n = 1;
        } else {
            if (n > o->max - o->n)
                return;
            kd_out_bytes(o, kd_bytes_head(in, n));
        }
        in = kd_bytes_from(in, n);
    }
}

/* As Windows-1252, which is what mail under that name holds. */
static void from_latin1(struct kd_bytes in, struct kd_out *o)
{
    static const uint16_t c1[32] = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                    0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                    0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                    0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        if (!put_char(o, c >= 0x80 && c < 0xa0 ? c1[c - 0x80] : c))
            return;
    }
}

static void from_utf16(struct kd_bytes in, bool little, struct kd_out *o)
{
    struct kd_bytes b = in;
    if (b.n >= 2 && ((kd_bytes_at(b, 0) == 0xff && kd_bytes_at(b, 1) == 0xfe) ||
                     (kd_bytes_at(b, 0) == 0xfe && kd_bytes_at(b, 1) == 0xff))) {
        little = kd_bytes_at(b, 0) == 0xff;
        b = kd_bytes_from(b, 2);
    }
    uint32_t high = 0;
    for (size_t i = 0; i + 1 < b.n; i += 2) {
        uint32_t c = little ? (uint32_t)kd_bytes_at(b, i + 1) << 8 | kd_bytes_at(b, i)
                            : (uint32_t)kd_bytes_at(b, i) << 8 | kd_bytes_at(b, i + 1);
        if (c >= 0xd800 && c < 0xdc00) {
            high = c;
            continue;
        }
        if (c >= 0xdc00 && c < 0xe000 && high != 0)
            c = 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00);
        high = 0;
        if (!put_char(o, c))
            return;
    }
}

/* A little at a time through the converter; what it refuses becomes U+FFFD, one byte a time. */
static void from_iconv(enum converter which, struct kd_bytes in, struct kd_out *o)
{
    iconv_t cd = opened[which];
    char *from = (char *)(uintptr_t)in.p; /* iconv does not write to its input */
    size_t left = in.n;
    iconv(cd, NULL, NULL, NULL, NULL);
    while (left > 0 && !o->full) {
        char *to = (char *)(o->p + o->n);
        size_t room = o->max - o->n;
        size_t before = left;
        size_t r = iconv(cd, &from, &left, &to, &room);
        o->n = o->max - room;
        if (r != (size_t)-1)
            return;
        if (room < 4 && before == left)
            return; /* no room for another character */
        if (left > 0 && room >= 4) {
            if (!put_char(o, 0xfffd))
                return;
            from++;
            left--;
        }
    }
}

/* ISO-2022-JP by way of CP932: mail under that name holds the vendors' rows (①, ㈱) and half-width
 * kana, which the standard, and so iconv, refuses. */
static void from_jis(struct kd_bytes in, struct kd_out *o)
{
    enum { ASCII, KANJI, KANA } mode = ASCII;
    uint8_t tmp[256];
    struct kd_out sjis = kd_out_of(tmp, sizeof(tmp));
    for (size_t i = 0; i < in.n;) {
        uint8_t c = kd_bytes_at(in, i);
        uint8_t d = kd_bytes_at(in, i + 1);
        uint8_t e = kd_bytes_at(in, i + 2);
        if (sjis.n + 4 > sjis.max) {
            from_iconv(CP932, kd_out_bytes_view(&sjis), o);
            sjis.n = 0;
        }
        if (c == 0x1b && (d == '$' || d == '(')) {
            mode = d == '$' ? KANJI : e == 'I' ? KANA : ASCII;
            i += d == '$' && e == '(' ? 4 : 3;
        } else if (c == 0x0e || c == 0x0f) {
            mode = c == 0x0e ? KANA : ASCII;
            i++;
        } else if (mode == KANJI && c >= 0x21 && c <= 0x7e && d >= 0x21 && d <= 0x7e) {
            uint8_t lead = (uint8_t)((c - 0x21) / 2 + (c < 0x5f ? 0x81 : 0xc1));
            kd_out_u8(&sjis, lead);
            kd_out_u8(&sjis, (uint8_t)(c % 2 == 0 ? d + 0x7e : d + (d < 0x60 ? 0x1f : 0x20)));
            i += 2;
        } else {
            kd_out_u8(&sjis, mode == KANA && c >= 0x21 && c <= 0x5f ? (uint8_t)(c | 0x80) : c);
            i++;
        }
    }
    from_iconv(CP932, kd_out_bytes_view(&sjis), o);
}

static bool have(enum converter which)
{
    return init_done && opened[which] != (iconv_t)-1;
}

bool kd_charset_to_utf8(struct kd_bytes name, struct kd_bytes in, struct kd_out *o)
{
    size_t i = 0;
    while (i < KD_COUNT(charsets) && !kd_bytes_ieq(name, kd_str(charsets[i].name)))
        i++;
    if (i == KD_COUNT(charsets))
        return false;
    enum kind kind = charsets[i].kind;
    if ((kind == JIS && !have(CP932)) || (kind == ICONV && !have(charsets[i].converter)))
        return false;
    switch (kind) {
    case UTF8:
        from_utf8(in, o);
        break;
    case LATIN1:
        from_latin1(in, o);
        break;
    case UTF16LE:
    case UTF16BE:
        from_utf16(in, kind == UTF16LE, o);
        break;
    case JIS:
        from_jis(in, o);
        break;
    case ICONV:
        from_iconv(charsets[i].converter, in, o);
        break;
    }
    return true;
}

/* Is every byte part of a character of the pattern lead, trail? */
static bool looks_like_eucjp(struct kd_bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        if (c < 0x80)
            continue;
        uint8_t d = kd_bytes_at(in, ++i);
        if (c == 0x8f)
            d = kd_bytes_at(in, ++i);
        else if (c != 0x8e && (c < 0xa1 || c == 0xff))
            return false;
        if (d < 0xa1 || d == 0xff)
            return false;
    }
    return true;
}

static bool looks_like_sjis(struct kd_bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        if (c < 0x80 || (c >= 0xa1 && c <= 0xdf))
            continue;
        uint8_t d = kd_bytes_at(in, ++i);
        if (c == 0x80 || c == 0xa0 || c > 0xfc || d < 0x40 || d == 0x7f || d > 0xfc)
            return false;
    }
    return true;
}

void kd_charset_guess_to_utf8(struct kd_bytes in, struct kd_out *o)
{
    static const char esc_kanji[] = "\x1b$";
    const char *name = "iso-8859-1";
    if (kd_bytes_find_byte(in, 0x1b) != SIZE_MAX && kd_bytes_find(in, kd_str(esc_kanji)) != SIZE_MAX && have(CP932))
        name = "iso-2022-jp";
    else if (kd_bytes_is_utf8(in)) {
        from_utf8(in, o);
        return;
    }
    else if (looks_like_eucjp(in) && have(EUCJP))
        name = "euc-jp";
    else if (looks_like_sjis(in) && have(CP932))
        name = "cp932";
    bool known = kd_charset_to_utf8(kd_str(name), in, o);
    KD_ASSERT(known);
}
