/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mime/header.h"

#include "base/base64.h"
#include "base/charset.h"

enum { WORD_MAX = 1024, PARAM_MAX = 2048, SEGMENTS_MAX = 64 };

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `mark`XX to bytes: '=' of the Q encoding (which also writes _ for a space), '%' of RFC 2231. */
static void decode_hex(struct kd_bytes in, uint8_t mark, struct kd_out *o)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        int high = c == mark ? hex_digit(kd_bytes_at(in, i + 1)) : -1;
        int low = c == mark ? hex_digit(kd_bytes_at(in, i + 2)) : -1;
        if (high >= 0 && low >= 0) {
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '_' && mark == '=') {
            c = ' ';
        }
        kd_out_u8(o, c);
    }
}

static bool is_space(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (kd_bytes_at(b, i) > ' ')
            return false;
    return true;
}

static void put_charset(struct kd_bytes charset, struct kd_bytes raw, struct kd_out *o)
{
    if (raw.n > 0 && (charset.n == 0 || !kd_charset_to_utf8(charset, raw, o)))
        kd_charset_guess_to_utf8(raw, o);
}

struct word {
    struct kd_bytes charset, text;
    uint8_t encoding; /* 'b' or 'q' */
    size_t n;         /* length of the whole word */
};

/* =?charset[*language]?B|Q?text?= at the front of `in`. */
static bool read_word(struct kd_bytes in, struct word *ret)
{
    if (!kd_bytes_starts(in, kd_str("=?")))
        return false;
    struct kd_bytes rest = kd_bytes_from(in, 2);
    size_t a = kd_bytes_find_byte(kd_bytes_head(rest, 64), '?');
    if (a == SIZE_MAX || kd_bytes_at(rest, a + 2) != '?')
        return false;
    ret->charset = kd_bytes_head(rest, a);
    ret->charset = kd_bytes_cut(&ret->charset, '*');
    ret->encoding = kd_ascii_lower(kd_bytes_at(rest, a + 1));
    rest = kd_bytes_from(rest, a + 3);
    size_t end = kd_bytes_find(rest, kd_str("?="));
    if (end == SIZE_MAX || (ret->encoding != 'b' && ret->encoding != 'q'))
        return false;
    ret->text = kd_bytes_head(rest, end);
    ret->n = 2 + a + 3 + end + 2;
    return true;
}

/* Decoded words of one charset that wait for their neighbours. */
struct joined {
    struct kd_bytes charset;
    struct kd_out raw;
    struct kd_base64 base64;
};

static void flush_joined(struct joined *j, struct kd_out *o)
{
    put_charset(j->charset, kd_out_bytes_view(&j->raw), o);
    j->raw.n = 0;
    j->raw.full = false;
}

static void join_word(struct joined *j, const struct word *w, struct kd_out *o)
{
    struct kd_bytes text = kd_bytes_head(w->text, WORD_MAX);
    if (!kd_bytes_ieq(j->charset, w->charset) ||
        j->raw.n + kd_base64_room(text.n) + text.n > j->raw.max)
        flush_joined(j, o);
    j->charset = w->charset;
    if (w->encoding == 'q') {
        decode_hex(text, '=', &j->raw);
        return;
    }
    struct kd_base64 b = {0};
    kd_base64_add(&b, text, &j->raw);
    kd_base64_end(&b, &j->raw);
}

void kd_mime_words(struct kd_bytes in, struct kd_out *o)
{
    uint8_t room[WORD_MAX * 3];
    struct joined j = {.raw = kd_out_of(room, sizeof(room))};
    bool after_word = false;
    while (in.n > 0) {
        size_t at = kd_bytes_find(in, kd_str("=?"));
        struct kd_bytes plain = kd_bytes_head(in, at);
        struct word w;
        bool word = at != SIZE_MAX && read_word(kd_bytes_from(in, at), &w);
        if (at != SIZE_MAX && !word)
            plain = kd_bytes_head(in, at + 2);
        if (plain.n > 0 && !(word && after_word && is_space(plain))) {
            flush_joined(&j, o);
            put_charset((struct kd_bytes){NULL, 0}, plain, o);
        }
        if (word)
            join_word(&j, &w, o);
        in = kd_bytes_from(in, plain.n + (word ? w.n : 0));
        after_word = word;
    }
    flush_joined(&j, o);
}

struct kd_bytes kd_mime_main(struct kd_bytes value)
{
    return kd_bytes_trim(kd_bytes_cut(&value, ';'));
}

/* Offset of the first `sep` outside quotes, or the length. */
static size_t find_unquoted(struct kd_bytes in, uint8_t sep)
{
    bool quoted = false;
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        if (c == '"')
            quoted = !quoted;
        else if (quoted && c == '\\')
            i++;
        else if (!quoted && c == sep)
            return i;
    }
    return in.n;
}

static bool next_param(struct kd_bytes *rest, struct kd_bytes *ret_name, struct kd_bytes *ret_value)
{
    if (rest->n == 0)
        return false;
    size_t end = find_unquoted(*rest, ';');
    struct kd_bytes value = kd_bytes_head(*rest, end);
    *rest = kd_bytes_from(*rest, end + 1);
    *ret_name = kd_bytes_trim(kd_bytes_cut(&value, '='));
    *ret_value = kd_bytes_trim(value);
    return true;
}

/* Without quotes; only \" and \\ are escapes, since old programs put paths and Shift_JIS in quotes.
 */
static void unquote(struct kd_bytes in, struct kd_out *o)
{
    bool quoted = kd_bytes_at(in, 0) == '"';
    for (size_t i = quoted ? 1 : 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        uint8_t d = kd_bytes_at(in, i + 1);
        if (quoted && c == '"')
            return;
        if (quoted && c == '\\' && (d == '"' || d == '\\'))
            i++;
        kd_out_u8(o, kd_bytes_at(in, i));
    }
}

/* Is `have` the parameter name*segment, or plainly `name` for segment -1?  *ret_extended: with the
 * final *. */
static bool is_segment(struct kd_bytes have, const char *name, int segment, bool *ret_extended)
{
    struct kd_bytes want = kd_str(name);
    *ret_extended = have.n > want.n && kd_bytes_at(have, have.n - 1) == '*';
    if (*ret_extended)
        have.n--;
    if (!kd_bytes_istarts(have, want))
        return false;
    struct kd_bytes number = kd_bytes_from(have, want.n);
    if (segment < 0)
        return number.n == 0;
    uint64_t v = 0;
    return kd_bytes_at(number, 0) == '*' &&
           kd_bytes_to_u64(kd_bytes_from(number, 1), SEGMENTS_MAX, &v) && (int)v == segment;
}

/* From *at on, which is then behind what was found.  Of name and name* the latter counts (RFC
 * 6266 4.3). */
static bool find_segment(struct kd_bytes *at, const char *name, int segment, bool *ret_extended,
                         struct kd_bytes *ret)
{
    struct kd_bytes rest = *at;
    struct kd_bytes have;
    struct kd_bytes value;
    bool found = false;
    bool extended = false;
    while (next_param(&rest, &have, &value)) {
        if (!is_segment(have, name, segment, &extended) || (found && !extended))
            continue;
        *at = rest;
        *ret = value;
        *ret_extended = extended;
        found = true;
        if (extended || segment >= 0)
            break;
    }
    return found;
}

/* One segment without its quotes or percent signs; the first may name the charset. */
static void decode_segment(struct kd_bytes segment, bool extended, bool first,
                           struct kd_bytes *charset, struct kd_out *raw)
{
    segment = kd_bytes_head(segment, PARAM_MAX / 2);
    if (!extended) {
        unquote(segment, raw);
        return;
    }
    if (kd_bytes_at(segment, 0) == '"') { /* not allowed, but met */
        segment = kd_bytes_from(segment, 1);
        segment = kd_bytes_cut(&segment, '"');
    }
    if (first && kd_bytes_find_byte(segment, '\'') != SIZE_MAX) {
        *charset = kd_bytes_cut(&segment, '\'');
        (void)kd_bytes_cut(&segment, '\'');
    }
    decode_hex(segment, '%', raw);
}

bool kd_mime_param(struct kd_bytes value, const char *name, struct kd_out *o)
{
    enum { MISSES_MAX = 8 }; /* segments out of order cost a search of all */
    struct kd_bytes params = kd_bytes_from(value, find_unquoted(value, ';') + 1);
    struct kd_bytes at = params;
    uint8_t room[PARAM_MAX];
    struct kd_out raw = kd_out_of(room, sizeof(room));
    struct kd_bytes charset = {NULL, 0};
    struct kd_bytes segment;
    bool extended = false;
    int i = -1;
    unsigned misses = 0;
    if (!find_segment(&at, name, i, &extended, &segment)) {
        i = 0;
        if (!find_segment(&at, name, i, &extended, &segment))
            return false;
    }
    for (;;) {
        decode_segment(segment, extended, i <= 0, &charset, &raw);
        if (i < 0 || ++i > SEGMENTS_MAX || raw.n >= PARAM_MAX / 2)
            break;
        if (find_segment(&at, name, i, &extended, &segment))
            continue;
        at = params;
        if (++misses > MISSES_MAX || !find_segment(&at, name, i, &extended, &segment))
            break;
    }
    if (charset.n > 0)
        put_charset(charset, kd_out_bytes_view(&raw), o);
    else
        kd_mime_words(kd_out_bytes_view(&raw), o);
    return true;
}

bool kd_mime_next_address(struct kd_bytes *rest, struct kd_bytes *ret)
{
    do {
        if (rest->n == 0)
            return false;
        size_t end = find_unquoted(*rest, ',');
        *ret = kd_bytes_trim(kd_bytes_head(*rest, end));
        *rest = kd_bytes_from(*rest, end + 1);
    } while (ret->n == 0);
    return true;
}
