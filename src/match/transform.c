/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule asks to be done to a buffer before it is looked into. */
#include "base/hash.h"
#include "base/out.h"
#include "match/internal.h"

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

static void xor_key(struct kd_bytes in, struct kd_bytes key, struct kd_out *o)
{
    for (size_t i = 0; i < in.n && key.n > 0; i++)
        kd_out_u8(o, in.p[i] ^ key.p[i % key.n]);
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
        xor_key(in, t->arg, o);
        break;
    case KD_TR_PCREXFORM:
        capture(m, t, in, o);
        break;
    case KD_TR_HEADER_LOWERCASE:
        header_names(in, o);
        break;
    case KD_TR_STRIP_PSEUDO_HEADERS:
        pseudo_headers(in, o);
        break;
    default:
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
