/* SPDX-License-Identifier: Apache-2.0 */
/* Search filters as text (RFC 4511 4.5.1.7, RFC 4515). */
#include "proto/ldap/ldap.h"

enum {
    FILTER_AND = 0xa0,
    FILTER_OR = 0xa1,
    FILTER_NOT = 0xa2,
    FILTER_EQUAL = 0xa3,
    FILTER_SUBSTRINGS = 0xa4,
    FILTER_GREATER = 0xa5,
    FILTER_LESS = 0xa6,
    FILTER_PRESENT = 0x87,
    FILTER_APPROX = 0xa8,
    FILTER_EXTENSIBLE = 0xa9
};
enum { SUB_INITIAL = 0x80, SUB_ANY = 0x81, SUB_FINAL = 0x82 };
enum { EXT_RULE = 0x81, EXT_TYPE = 0x82, EXT_VALUE = 0x83, EXT_DN = 0x84 };

static void out_escape(struct kd_out *o, uint8_t b)
{
    kd_out_u8(o, '\\');
    kd_out_hex(o, kd_bytes_of(&b, 1));
}

/* An assertion value: text as it is, what has a meaning in filters or is no text as \xx. */
static void out_assertion(struct kd_out *o, struct kd_bytes v)
{
    bool text = kd_bytes_is_utf8(v);
    for (size_t i = 0; i < v.n && kd_out_ok(o); i++) {
        uint8_t b = v.p[i];
        if (b < ' ' || b == '*' || b == '(' || b == ')' || b == '\\' || b == 0x7f ||
            (b >= 0x80 && !text))
            out_escape(o, b);
        else
            kd_out_u8(o, b);
    }
}

static void out_comparison(struct kd_out *o, struct kd_der *d, const char *sign)
{
    out_assertion(o, kd_der_take(d, KD_DER_OCTET_STRING));
    kd_out_str(o, sign);
    out_assertion(o, kd_der_take(d, KD_DER_OCTET_STRING));
}

static void out_substrings(struct kd_out *o, struct kd_der *d)
{
    out_assertion(o, kd_der_take(d, KD_DER_OCTET_STRING));
    kd_out_u8(o, '=');
    struct kd_der parts = kd_der_enter(d, KD_DER_SEQUENCE);
    struct kd_tlv part;
    bool open = true; /* the text may end with a star */
    while (kd_der_next(&parts, &part)) {
        if (part.tag != SUB_INITIAL)
            kd_out_u8(o, '*');
        out_assertion(o, part.value);
        open = part.tag != SUB_FINAL;
    }
    if (open)
        kd_out_u8(o, '*');
    if (!kd_der_ok(&parts))
        kd_cur_fail(&d->c);
}

static void out_extensible(struct kd_out *o, struct kd_der *d)
{
    struct kd_bytes rule = {0}, type = {0}, value = {0};
    struct kd_tlv part;
    bool dn = false;
    while (kd_der_next(d, &part)) {
        if (part.tag == EXT_RULE)
            rule = part.value;
        else if (part.tag == EXT_TYPE)
            type = part.value;
        else if (part.tag == EXT_VALUE)
            value = part.value;
        else if (part.tag == EXT_DN)
            dn = kd_bytes_at(part.value, 0) != 0;
    }
    out_assertion(o, type);
    if (dn)
        kd_out_str(o, ":dn");
    if (rule.n > 0) {
        kd_out_u8(o, ':');
        out_assertion(o, rule);
    }
    kd_out_str(o, ":=");
    out_assertion(o, value);
}

/* One filter; nesting is bounded by KD_DER_DEPTH. */
static bool out_filter(struct kd_out *o, struct kd_der *d)
{
    struct kd_tlv tlv;
    if (!kd_der_next(d, &tlv) || d->depth >= KD_DER_DEPTH)
        return false;
    struct kd_der in = {kd_cur_of(tlv.value), d->depth + 1};
    bool good = true;
    kd_out_u8(o, '(');
    switch (tlv.tag) {
    case FILTER_AND:
    case FILTER_OR:
    case FILTER_NOT:
        kd_out_u8(o, tlv.tag == FILTER_AND ? '&' : tlv.tag == FILTER_OR ? '|' : '!');
        while (good && kd_der_more(&in))
            good = out_filter(o, &in);
        break;
    case FILTER_EQUAL:
        out_comparison(o, &in, "=");
        break;
    case FILTER_GREATER:
        out_comparison(o, &in, ">=");
        break;
    case FILTER_LESS:
        out_comparison(o, &in, "<=");
        break;
    case FILTER_APPROX:
        out_comparison(o, &in, "~=");
        break;
    case FILTER_SUBSTRINGS:
        out_substrings(o, &in);
        break;
    case FILTER_PRESENT:
        out_assertion(o, tlv.value);
        kd_out_str(o, "=*");
        break;
    case FILTER_EXTENSIBLE:
        out_extensible(o, &in);
        break;
    default:
        good = false;
        break;
    }
    kd_out_u8(o, ')');
    return good && kd_der_ok(&in);
}

bool ldap_out_filter(struct kd_out *o, struct kd_der *d)
{
    return out_filter(o, d);
}
