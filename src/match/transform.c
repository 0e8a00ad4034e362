/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule asks to be done to a buffer before it is looked into. */
#include "base/hash.h"
#include "base/out.h"
#include "match/internal.h"
#include "proto/carve/coding.h"

static bool is_white(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_value(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void spaces(struct kd_bytes in, bool compress, struct kd_out *o)
{
    bool was = false;
    for (size_t i = 0; i < in.n; i++) {
        bool white = is_white(in.p[i]);
        if (!white || (compress && !was))
            kd_out_u8(o, white ? ' ' : in.p[i]);
        was = white;
    }
}

static void url_decode(struct kd_bytes in, struct kd_out *o)
{
    for (size_t i = 0; i < in.n; i++) {
        int high = in.p[i] == '%' && i + 2 < in.n ? hex_value(in.p[i + 1]) : -1;
        int low = high < 0 ? -1 : hex_value(in.p[i + 2]);
        kd_out_u8(o, low >= 0 ? (uint8_t)(high << 4 | low) : in.p[i] == '+' ? ' ' : in.p[i]);
        i += low >= 0 ? 2 : 0;
    }
}

static void change_case(struct kd_bytes in, bool upper, struct kd_out *o)
{
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = in.p[i];
        bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        kd_out_u8(o, letter ? c ^ 0x20 : c);
    }
}

/* Names of header lines in lower case, their values as they are. */
static void header_names(struct kd_bytes in, struct kd_out *o)
{
    bool value = false;
    for (size_t i = 0; i < in.n; i++) {
        kd_out_u8(o, value ? in.p[i] : kd_ascii_lower(in.p[i]));
        value = in.p[i] == '\n' ? false : value || in.p[i] == ':';
    }
}

static void pseudo_headers(struct kd_bytes in, struct kd_out *o)
{
    while (in.n > 0) {
        size_t end = kd_bytes_find_byte(in, '\n');
        size_t n = end == SIZE_MAX ? in.n : end + 1;
        if (in.p[0] != ':')
            kd_out_bytes(o, kd_bytes_head(in, n));
        in = kd_bytes_from(in, n);
    }
}

static void digest(enum kd_digest_kind kind, size_t n, struct kd_bytes in, struct kd_out *o)
{
    uint8_t *at = kd_out_room(o, n);
    if (at != NULL)
        kd_digest_once(kind, in, at);
}

static bool xor_key(const struct kd_transform *t, struct kd_bytes in, struct kd_out *o)
{
    struct kd_bytes key = t->arg, before = kd_str(NULL);
    if (t->b > 0) { /* the key stands in the data: b bytes at c; what follows a is under it */
        key = kd_bytes_head(kd_bytes_from(in, (size_t)t->c), (size_t)t->b);
        if (key.n < (size_t)t->b || in.n <= (size_t)t->a)
            return false;
        before = kd_bytes_head(in, (size_t)t->a);
        in = kd_bytes_from(in, (size_t)t->a);
    }
    kd_out_bytes(o, before);
    for (size_t i = 0; i < in.n && key.n > 0; i++)
        kd_out_u8(o, in.p[i] ^ key.p[i % key.n]);
    return true;
}

/* ---- parts ---- */

static void subslice(const struct kd_transform *t, struct kd_bytes in, struct kd_out *o)
{
    int64_t n = (int64_t)in.n;
    int64_t from = t->a < 0 ? n + t->a : t->a;
    int64_t to = (t->c & KD_SUBSLICE_COUNT) == 0 ? n : t->b < 0 ? n + t->b : from + t->b;
    bool inside = from >= 0 && from <= n && to >= from && to <= n;
    if (!inside && (t->c & KD_SUBSLICE_TRUNCATE) == 0)
        return; /* nothing of it */
    if (from < 0 && (t->c & KD_SUBSLICE_COUNT) != 0 && t->b >= 0)
        to = t->b; /* counted from where it begins */
    from = from < 0 ? 0 : from;
    to = to > n ? n : to;
    if (to > from)
        kd_out_bytes(o, kd_bytes_head(kd_bytes_from(in, (size_t)from), (size_t)(to - from)));
}

static size_t label_before(struct kd_bytes name, size_t end)
{
    while (end > 0 && name.p[end - 1] != '.')
        end--;
    return end;
}

/* Of two-letter country domains. */
static bool is_second_level(struct kd_bytes label)
{
    static const char *const known[] = {"ac", "ad", "co", "com", "ed", "edu", "go", "gob", "gov", "gr",
                                        "info", "lg", "mil", "ne", "net", "nom", "or", "org", "sch"};
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (kd_bytes_ieq(label, kd_str(known[i])))
            return true;
    return false;
}

/* The registered domain, or the public suffix, of a name: by its shape, there is no list here. */
static bool name_part(struct kd_bytes in, bool suffix, struct kd_out *o)
{
    while (in.n > 0 && in.p[in.n - 1] == '.')
        in.n--;
    size_t last = label_before(in, in.n);
    size_t second = last == 0 ? 0 : label_before(in, last - 1);
    struct kd_bytes country = kd_bytes_from(in, last);
    if (last == 0)
        return false;
    size_t at = last;
    if (second > 0 && country.n == 2 && is_second_level(kd_bytes_head(kd_bytes_from(in, second), last - 1 - second)))
        at = second;
    kd_out_bytes(o, kd_bytes_from(in, suffix ? at : label_before(in, at - 1)));
    return true;
}

/* ---- decoding ---- */

static int base64_digit(uint8_t c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

void m_base64(struct kd_bytes text, enum kd_base64_mode mode, struct kd_out *o)
{
    uint32_t bits = 0;
    unsigned n = 0;
    for (size_t i = 0; i < text.n; i++) {
        int v = base64_digit(text.p[i]);
        if (v < 0 && (text.p[i] == '=' || mode == KD_BASE64_STRICT))
            break;
        if (v < 0) {
            /* RFC 2045 passes over what is no digit; RFC 4648 ends there, but for blanks between lines */
            if (mode == KD_BASE64_RFC2045 || text.p[i] == ' ' || text.p[i] == '\r' || text.p[i] == '\n')
                continue;
            break;
        }
        bits = bits << 6 | (uint32_t)v;
        if (++n % 4 == 0) {
            kd_out_u8(o, (uint8_t)(bits >> 16));
            kd_out_u8(o, (uint8_t)(bits >> 8));
            kd_out_u8(o, (uint8_t)bits);
        }
    }
    if (n % 4 == 2)
        kd_out_u8(o, (uint8_t)(bits >> 4));
    if (n % 4 == 3) {
        kd_out_u8(o, (uint8_t)(bits >> 10));
        kd_out_u8(o, (uint8_t)(bits >> 2));
    }
}

static bool from_base64(const struct kd_transform *t, struct kd_bytes in, struct kd_out *o)
{
    in = kd_bytes_from(in, (size_t)t->a);
    if (t->b > 0)
        in = kd_bytes_head(in, (size_t)t->b);
    m_base64(in, (enum kd_base64_mode)t->c, o);
    return o->n > 0;
}

struct unpacked {
    struct kd_out *o;
    size_t most;
};

static void take_unpacked(void *user, struct kd_bytes piece)
{
    struct unpacked *u = user;
    kd_out_bytes(u->o, kd_bytes_head(piece, u->most - kd_min_size(u->o->n, u->most)));
}

static bool unpack(struct kd_matcher *m, const struct kd_transform *t, struct kd_bytes in, struct kd_out *o)
{
    enum { USUAL = 1024 };
    struct unpacked u = {o, kd_min_size(t->a > 0 ? (size_t)t->a : USUAL, MATCH_BODY)};
    bool gzip = kd_bytes_starts(in, kd_bytes_of("\x1f\x8b", 2));
    bool zlib = (kd_bytes_at(in, 0) & 0x0f) == 8 && (kd_bytes_at(in, 0) * 256 + kd_bytes_at(in, 1)) % 31 == 0;
    if (t->kind == KD_TR_GUNZIP ? !gzip : !zlib)
        return false;
    struct kd_coding *c = kd_coding_new(m->pool, m->lim, gzip ? KD_CODING_GZIP : KD_CODING_DEFLATE);
    if (c == NULL)
        return false;
    kd_coding_add(c, in, take_unpacked, &u);
    kd_coding_free(c);
    return o->n > 0;
}

/* The first capture of the expression; nothing where it does not match. */
static void capture(struct kd_matcher *m, const struct kd_transform *t, struct kd_bytes in, struct kd_out *o)
{
    const pcre2_code *code = m_code_of(m->set, t);
    if (code == NULL || pcre2_match(code, in.p == NULL ? (PCRE2_SPTR) "" : in.p, in.n, 0, 0, m->match_data,
                                    m->match_context) < 2)
        return;
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->match_data);
    if (at[2] <= at[3] && at[3] <= in.n)
        kd_out_bytes(o, kd_bytes_head(kd_bytes_from(in, at[2]), at[3] - at[2]));
}

static bool one(struct kd_matcher *m, const struct kd_transform *t, struct kd_bytes in, struct kd_out *o)
{
    switch (t->kind) {
    case KD_TR_DOTPREFIX:
        kd_out_u8(o, '.');
        kd_out_bytes(o, in);
        break;
    case KD_TR_STRIP_WHITESPACE:
        spaces(in, false, o);
        break;
    case KD_TR_COMPRESS_WHITESPACE:
        spaces(in, true, o);
        break;
    case KD_TR_TO_LOWERCASE:
        change_case(in, false, o);
        break;
    case KD_TR_TO_UPPERCASE:
        change_case(in, true, o);
        break;
    case KD_TR_TO_MD5:
        digest(KD_MD5, KD_MD5_BYTES, in, o);
        break;
    case KD_TR_TO_SHA1:
        digest(KD_SHA1, KD_SHA1_BYTES, in, o);
        break;
    case KD_TR_TO_SHA256:
        digest(KD_SHA256, KD_SHA256_BYTES, in, o);
        break;
    case KD_TR_URL_DECODE:
        url_decode(in, o);
        break;
    case KD_TR_XOR:
        return xor_key(t, in, o);
    case KD_TR_PCREXFORM:
        capture(m, t, in, o);
        break;
    case KD_TR_HEADER_LOWERCASE:
        header_names(in, o);
        break;
    case KD_TR_STRIP_PSEUDO_HEADERS:
        pseudo_headers(in, o);
        break;
    case KD_TR_SUBSLICE:
        subslice(t, in, o);
        break;
    case KD_TR_DOMAIN:
    case KD_TR_TLD:
        return name_part(in, t->kind == KD_TR_TLD, o);
    case KD_TR_FROM_BASE64:
        return from_base64(t, in, o);
    case KD_TR_GUNZIP:
    case KD_TR_ZLIB_DEFLATE:
        return unpack(m, t, in, o);
    case KD_TR_COUNT:
        return false;
    }
    return true;
}

bool m_transform(struct kd_matcher *m, const struct kd_rule_buffer *b, struct kd_bytes in, struct kd_bytes *ret)
{
    for (unsigned i = 0; i < b->n_transforms; i++) {
        struct kd_out o = kd_out_of(m->transform[i & 1], MATCH_BODY + 64);
        if (!one(m, &b->transform[i], in, &o) || !kd_out_ok(&o))
            return false;
        in = kd_out_bytes_view(&o);
    }
    *ret = in;
    return true;
}
