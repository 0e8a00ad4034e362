/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/x509.h"

#include "base/addr.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"

/* X.690 tags that occur here. */
enum {
    INTEGER = 0x02,
    OCTET_STRING = 0x04,
    OID = 0x06,
    UTF8_STRING = 0x0c,
    T61_STRING = 0x14,
    UTC_TIME = 0x17,
    GENERALIZED_TIME = 0x18,
    BMP_STRING = 0x1e,
    SEQUENCE = 0x30,
    SET = 0x31,
    VERSION = 0xa0,
    EXTENSIONS = 0xa3
};

enum { NAME_TEXT_MAX = 1024, SERIAL_MAX = 64, ALT_NAMES_MAX = 256 };

struct item {
    uint8_t tag;
    struct kd_cur value;
    struct kd_bytes raw; /* the value's bytes */
};

/* X.690 §8.1.3, definite lengths only.  The cursor fails with what is not DER. */
static bool next(struct kd_cur *c, struct item *ret)
{
    ret->tag = kd_cur_u8(c);
    size_t n = kd_cur_u8(c);
    if (n >= 0x80) {
        unsigned more = n & 0x7f;
        if (more == 0 || more > 3)
            kd_cur_fail(c);
        for (n = 0; more > 0; more--)
            n = n << 8 | kd_cur_u8(c);
        if (n < 0x80)
            kd_cur_fail(c);
    }
    if ((ret->tag & 0x1f) == 0x1f)
        kd_cur_fail(c);
    ret->raw = kd_cur_take(c, n);
    ret->value = kd_cur_of(ret->raw);
    return kd_cur_ok(c);
}

static bool expect(struct kd_cur *c, uint8_t tag, struct item *ret)
{
    if (next(c, ret) && ret->tag == tag)
        return true;
    kd_cur_fail(c);
    return false;
}

/* ---- names ---- */

struct attribute {
    const char *name;
    uint8_t n;
    uint8_t oid[11];
};

static const struct attribute attributes[] = {
    {"CN", 3, {0x55, 4, 3}},
    {"C", 3, {0x55, 4, 6}},
    {"O", 3, {0x55, 4, 10}},
    {"OU", 3, {0x55, 4, 11}},
    {"L", 3, {0x55, 4, 7}},
    {"ST", 3, {0x55, 4, 8}},
    {"SN", 3, {0x55, 4, 4}},
    {"GN", 3, {0x55, 4, 42}},
    {"serialNumber", 3, {0x55, 4, 5}},
    {"street", 3, {0x55, 4, 9}},
    {"title", 3, {0x55, 4, 12}},
    {"businessCategory", 3, {0x55, 4, 15}},
    {"postalCode", 3, {0x55, 4, 17}},
    {"dnQualifier", 3, {0x55, 4, 46}},
    {"organizationIdentifier", 3, {0x55, 4, 97}},
    {"emailAddress", 9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1}},
    {"DC", 10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25}},
    {"UID", 10, {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1}},
    {"jurisdictionL", 11, {0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 1}},
    {"jurisdictionST", 11, {0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 2}},
    {"jurisdictionC", 11, {0x2b, 6, 1, 4, 1, 0x82, 0x37, 0x3c, 2, 1, 3}},
};

/* Dotted numbers (X.690 §8.19). */
static void put_oid(struct kd_out *o, struct kd_bytes oid)
{
    uint64_t v = 0;
    bool first = true;
    for (size_t i = 0; i < oid.n; i++) {
        v = v << 7 | (oid.p[i] & 0x7f);
        if (oid.p[i] & 0x80)
            continue;
        if (first) {
            uint64_t top = v < 80 ? v / 40 : 2;
            kd_out_u64(o, top);
            v -= top * 40;
            first = false;
        }
        kd_out_u8(o, '.');
        kd_out_u64(o, v);
        v = 0;
    }
}

static void put_attribute(struct kd_out *o, struct kd_bytes oid)
{
    for (size_t i = 0; i < KD_COUNT(attributes); i++)
        if (kd_bytes_eq(oid, kd_bytes_of(attributes[i].oid, attributes[i].n))) {
            kd_out_str(o, attributes[i].name);
            return;
        }
    put_oid(o, oid);
}

static void put_rune(struct kd_out *o, uint32_t rune)
{
    if (rune < 0x80) {
        kd_out_u8(o, (uint8_t)rune);
    } else if (rune < 0x800) {
        kd_out_u8(o, (uint8_t)(0xc0 | rune >> 6));
        kd_out_u8(o, (uint8_t)(0x80 | (rune & 0x3f)));
    } else {
        kd_out_u8(o, (uint8_t)(0xe0 | rune >> 12));
        kd_out_u8(o, (uint8_t)(0x80 | (rune >> 6 & 0x3f)));
        kd_out_u8(o, (uint8_t)(0x80 | (rune & 0x3f)));
    }
}

static void put_string(struct kd_out *o, const struct item *text)
{
    struct kd_cur c = text->value;
    if (text->tag == BMP_STRING) {
        while (kd_cur_left(&c) >= 2)
            put_rune(o, kd_cur_be16(&c));
    } else if (text->tag == T61_STRING && !kd_bytes_is_utf8(text->raw)) {
        while (kd_cur_more(&c)) /* Latin-1 in practice */
            put_rune(o, kd_cur_u8(&c));
    } else {
        kd_out_bytes(o, kd_bytes_head(text->raw, o->max - o->n));
    }
}

static bool put_rdn(struct kd_out *o, struct kd_cur set)
{
    struct item pair;
    struct item oid;
    struct item text;
    while (kd_cur_more(&set)) {
        if (!expect(&set, SEQUENCE, &pair) || !expect(&pair.value, OID, &oid) ||
            !next(&pair.value, &text))
            return false;
        if (o->n > 0)
            kd_out_str(o, ", ");
        put_attribute(o, oid.raw);
        kd_out_u8(o, '=');
        put_string(o, &text);
    }
    return kd_cur_ok(&set);
}

static bool read_name(struct kd_cur name, struct kd_arena *mem, struct kd_bytes *ret)
{
    uint8_t text[NAME_TEXT_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    struct item set;
    bool ok = true;
    while (ok && kd_cur_more(&name))
        ok = expect(&name, SET, &set) && put_rdn(&o, set.value);
    *ret = kd_arena_copy(mem, kd_out_bytes_view(&o), o.n);
    return ok;
}

/* ---- validity ---- */

static unsigned two_digits(struct kd_cur *c)
{
    unsigned v = 0;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t d = kd_cur_u8(c);
        if (d < '0' || d > '9')
            kd_cur_fail(c);
        v = v * 10 + (unsigned)(d - '0');
    }
    return v;
}

/* RFC 5280 §4.1.2.5: always UTC, always with seconds. */
static bool read_time(struct kd_cur *c, uint64_t *ret_us)
{
    struct item t;
    if (!next(c, &t) || (t.tag != UTC_TIME && t.tag != GENERALIZED_TIME))
        return false;
    unsigned year = two_digits(&t.value);
    if (t.tag == GENERALIZED_TIME)
        year = year * 100 + two_digits(&t.value);
    else
        year += year < 50 ? 2000 : 1900;
    struct kd_date d = {.year = (int)year};
    d.month = two_digits(&t.value);
    d.day = two_digits(&t.value);
    d.hour = two_digits(&t.value);
    d.minute = two_digits(&t.value);
    d.second = two_digits(&t.value);
    if (!kd_cur_ok(&t.value) || !kd_date_to_us(&d, 0, ret_us))
        *ret_us = 0;
    return true;
}

/* ---- extensions ---- */

static struct kd_bytes alt_name(const struct item *it, struct kd_arena *mem,
                                const struct kd_limits *lim)
{
    uint8_t text[64];
    struct kd_out o = kd_out_of(text, sizeof(text));
    struct kd_addr a;
    switch (it->tag) {
    case 0x81: /* rfc822Name */
    case 0x82: /* dNSName */
    case 0x86: /* URI */
        return kd_arena_copy(mem, it->raw, lim->text_bytes);
    case 0x87: /* iPAddress */
        if (it->raw.n != 4 && it->raw.n != 16)
            break;
        a = it->raw.n == 4 ? kd_addr_v4(it->raw.p) : kd_addr_v6(it->raw.p);
        kd_out_addr(&o, &a);
        return kd_arena_copy(mem, kd_out_bytes_view(&o), o.n);
    default:
        break;
    }
    return (struct kd_bytes){NULL, 0};
}

/* RFC 5280 §4.2.1.6. */
static bool read_alt_names(struct kd_cur c, struct kd_arena *mem, const struct kd_limits *lim,
                           struct kd_strs *ret)
{
    struct kd_bytes names[ALT_NAMES_MAX];
    size_t most = kd_min_size(ALT_NAMES_MAX, lim->list_items);
    size_t n = 0;
    struct item all;
    struct item one;
    bool ok = expect(&c, SEQUENCE, &all);
    while (ok && kd_cur_more(&all.value)) {
        ok = next(&all.value, &one);
        if (!ok || n >= most)
            continue;
        names[n] = alt_name(&one, mem, lim);
        n += names[n].n > 0;
    }
    struct kd_bytes *kept = n == 0 ? NULL : kd_arena_alloc(mem, n * sizeof(names[0]));
    if (kept != NULL) {
        memcpy(kept, names, n * sizeof(names[0]));
        *ret = (struct kd_strs){kept, n};
    }
    return ok;
}

static bool read_extensions(struct kd_cur c, struct kd_arena *mem, const struct kd_limits *lim,
                            struct x509 *ret)
{
    static const uint8_t subject_alt_name[] = {0x55, 0x1d, 17};
    struct item all;
    if (!expect(&c, SEQUENCE, &all))
        return false;
    while (kd_cur_more(&all.value)) {
        struct item ext;
        struct item oid;
        struct item value;
        if (!expect(&all.value, SEQUENCE, &ext) || !expect(&ext.value, OID, &oid) ||
            !next(&ext.value, &value))
            return false;
        if (value.tag != OCTET_STRING && !expect(&ext.value, OCTET_STRING, &value)) /* critical */
            return false;
        if (kd_bytes_eq(oid.raw, kd_bytes_of(subject_alt_name, sizeof(subject_alt_name))) &&
            ret->names.n == 0 && !read_alt_names(value.value, mem, lim, &ret->names))
            return false;
    }
    return kd_cur_ok(&all.value);
}

static void put_upper_hex(struct kd_out *o, struct kd_bytes b)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < b.n; i++) {
        if (i > 0)
            kd_out_u8(o, ':');
        kd_out_u8(o, (uint8_t)digits[b.p[i] >> 4]);
        kd_out_u8(o, (uint8_t)digits[b.p[i] & 15]);
    }
}

bool x509_read(struct kd_bytes der, struct kd_arena *mem, const struct kd_limits *lim,
               struct x509 *ret)
{
    *ret = (struct x509){0};
    struct kd_cur c = kd_cur_of(der);
    struct item cert;
    struct item tbs;
    struct item it;
    struct item issuer;
    if (!expect(&c, SEQUENCE, &cert) || !expect(&cert.value, SEQUENCE, &tbs))
        return false;
    struct kd_cur *t = &tbs.value;
    if (kd_cur_peek(t) == VERSION)
        (void)next(t, &it);
    if (!expect(t, INTEGER, &it))
        return false;
    uint8_t text[3 * SERIAL_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    put_upper_hex(&o, kd_bytes_head(it.raw, SERIAL_MAX));
    ret->serial = kd_arena_copy(mem, kd_out_bytes_view(&o), o.n);
    if (!expect(t, SEQUENCE, &it) || !expect(t, SEQUENCE, &issuer) ||
        !read_name(issuer.value, mem, &ret->issuer))
        return false;
    if (!expect(t, SEQUENCE, &it) || !read_time(&it.value, &ret->not_before_us) ||
        !read_time(&it.value, &ret->not_after_us))
        return false;
    if (!expect(t, SEQUENCE, &it) || !read_name(it.value, mem, &ret->subject))
        return false;
    ret->self_signed = kd_bytes_eq(issuer.raw, it.raw);
    while (kd_cur_more(t)) {
        if (!next(t, &it))
            return false;
        if (it.tag == EXTENSIONS && !read_extensions(it.value, mem, lim, ret))
            return false;
    }
    return kd_cur_ok(t);
}

static struct kd_bytes fingerprint(enum kd_digest_kind kind, size_t n, struct kd_bytes der,
                                   struct kd_arena *mem)
{
    uint8_t digest[KD_SHA256_BYTES];
    uint8_t text[3 * KD_SHA256_BYTES];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_digest_once(kind, der, digest);
    kd_out_hex_sep(&o, kd_bytes_of(digest, n), ':');
    return kd_arena_copy(mem, kd_out_bytes_view(&o), o.n);
}

struct kd_bytes x509_sha1(struct kd_bytes der, struct kd_arena *mem)
{
    return fingerprint(KD_SHA1, KD_SHA1_BYTES, der, mem);
}

struct kd_bytes x509_sha256(struct kd_bytes der, struct kd_arena *mem)
{
    return fingerprint(KD_SHA256, KD_SHA256_BYTES, der, mem);
}
