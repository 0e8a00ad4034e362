/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tls/hello.h"

#include "base/cursor.h"
#include "base/hash.h"
#include "base/out.h"

enum {
    EXT_SERVER_NAME = 0,
    EXT_GROUPS = 10,
    EXT_POINT_FORMATS = 11,
    EXT_SIGNATURES = 13,
    EXT_ALPN = 16,
    EXT_TICKET = 35,
    EXT_PRE_SHARED_KEY = 41,
    EXT_VERSIONS = 43,
    EXT_ECH = 0xfe0d,
    EXT_ESNI = 0xffce
};

/* Nobody offers more; who does gets no fingerprint. */
enum { NUMBERS_MAX = 512, ALPN_MAX = 32, SNI_MAX = 512, FINGERPRINT_MAX = 12 * 1024 };

struct numbers {
    uint16_t v[NUMBERS_MAX];
    size_t n;
    bool cut;
};

/* What the fingerprints are made of, GREASE (RFC 8701) left out. */
struct offer {
    uint16_t version; /* of the message's own field */
    bool has_sni;
    struct kd_bytes first_alpn;
    struct numbers ciphers, extensions, groups, formats, signatures;
};

static bool is_grease(uint16_t v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

static void add(struct numbers *l, uint16_t v)
{
    if (is_grease(v))
        return;
    if (l->n == NUMBERS_MAX)
        l->cut = true;
    else
        l->v[l->n++] = v;
}

static void add_all(struct numbers *l, struct kd_cur c)
{
    while (kd_cur_left(&c) >= 2)
        add(l, kd_cur_be16(&c));
}

/* ---- fingerprints ---- */

static void put_decimals(struct kd_out *o, const struct numbers *l)
{
    for (size_t i = 0; i < l->n; i++) {
        if (i > 0)
            kd_out_u8(o, '-');
        kd_out_u64(o, l->v[i]);
    }
}

static void put_hexes(struct kd_out *o, const struct numbers *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const uint8_t b[2] = {(uint8_t)(l->v[i] >> 8), (uint8_t)l->v[i]};
        if (i > 0)
            kd_out_u8(o, ',');
        kd_out_hex(o, kd_bytes_of(b, 2));
    }
}

static void sort(struct numbers *l)
{
    static const size_t gaps[] = {301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < KD_COUNT(gaps); g++)
        for (size_t i = gaps[g]; i < l->n; i++) {
            uint16_t v = l->v[i];
            size_t at = i;
            for (; at >= gaps[g] && l->v[at - gaps[g]] > v; at -= gaps[g])
                l->v[at] = l->v[at - gaps[g]];
            l->v[at] = v;
        }
}

/* JA3 and JA3S: the MD5 of the text.  https://github.com/salesforce/ja3 */
static void md5_text(struct kd_out *o, struct kd_arena *mem, const struct kd_limits *lim,
                     struct kd_bytes *ret_string, struct kd_bytes *ret_hash)
{
    uint8_t digest[KD_MD5_BYTES];
    uint8_t hex[2 * KD_MD5_BYTES];
    struct kd_out h = kd_out_of(hex, sizeof(hex));
    if (!kd_out_ok(o))
        return;
    kd_digest_once(KD_MD5, kd_out_bytes_view(o), digest);
    kd_out_hex(&h, kd_bytes_of(digest, sizeof(digest)));
    *ret_hash = kd_arena_copy(mem, kd_out_bytes_view(&h), h.n);
    if (o->n <= lim->text_bytes)
        *ret_string = kd_arena_copy(mem, kd_out_bytes_view(o), o->n);
}

static void ja3(const struct offer *f, struct kd_arena *mem, const struct kd_limits *lim,
                struct tls_client_hello *ret)
{
    uint8_t text[FINGERPRINT_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    const struct numbers *parts[] = {&f->ciphers, &f->extensions, &f->groups, &f->formats};
    kd_out_u64(&o, f->version);
    for (size_t i = 0; i < KD_COUNT(parts); i++) {
        if (parts[i]->cut)
            return;
        kd_out_u8(&o, ',');
        put_decimals(&o, parts[i]);
    }
    md5_text(&o, mem, lim, &ret->ja3_string, &ret->ja3_hash);
}

/* The first 12 hexadecimal digits of the text's SHA-256. */
static void put_short_sha256(struct kd_out *o, const struct kd_out *text)
{
    uint8_t digest[KD_SHA256_BYTES];
    if (text->n == 0) {
        kd_out_str(o, "000000000000");
        return;
    }
    kd_digest_once(KD_SHA256, kd_out_bytes_view(text), digest);
    kd_out_hex(o, kd_bytes_of(digest, 6));
}

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (kd_ascii_lower(c) >= 'a' && kd_ascii_lower(c) <= 'z');
}

/* First and last character of the first protocol; of its hexadecimal form when they are no text. */
static void put_alpn_ends(struct kd_out *o, struct kd_bytes alpn)
{
    static const char digits[] = "0123456789abcdef";
    if (alpn.n == 0) {
        kd_out_str(o, "00");
        return;
    }
    uint8_t first = alpn.p[0];
    uint8_t last = alpn.p[alpn.n - 1];
    bool text = is_alnum(first) && is_alnum(last);
    kd_out_u8(o, text ? first : (uint8_t)digits[first >> 4]);
    kd_out_u8(o, text ? last : (uint8_t)digits[last & 15]);
}

static const char *ja4_version(uint16_t version)
{
    switch (version) {
    case TLS_1_3:
        return "13";
    case TLS_1_2:
        return "12";
    case 0x0302:
        return "11";
    case TLS_1_0:
        return "10";
    case TLS_SSL3:
        return "s3";
    case TLS_SSL2:
        return "s2";
    case 0xfeff:
        return "d1";
    case 0xfefd:
        return "d2";
    case 0xfefc:
        return "d3";
    default:
        return "00";
    }
}

/* JA4, the TLS client fingerprint (BSD-licensed part), by its technical description:
 * https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md */
static void ja4(struct offer *f, char transport, struct kd_arena *mem, struct tls_client_hello *ret)
{
    uint8_t result[64];
    uint8_t text[FINGERPRINT_MAX];
    struct kd_out o = kd_out_of(result, sizeof(result));
    if (f->ciphers.cut || f->extensions.cut || f->signatures.cut)
        return;
    kd_out_u8(&o, (uint8_t)transport);
    kd_out_str(&o, ja4_version(ret->version));
    kd_out_u8(&o, f->has_sni ? 'd' : 'i');
    kd_out_u64_pad(&o, kd_min_size(f->ciphers.n, 99), 2);
    kd_out_u64_pad(&o, kd_min_size(f->extensions.n, 99), 2);
    put_alpn_ends(&o, f->first_alpn);
    kd_out_u8(&o, '_');
    struct kd_out t = kd_out_of(text, sizeof(text));
    sort(&f->ciphers);
    put_hexes(&t, &f->ciphers);
    put_short_sha256(&o, &t);
    kd_out_u8(&o, '_');
    t = kd_out_of(text, sizeof(text));
    size_t n = 0;
    for (size_t i = 0; i < f->extensions.n; i++)
        if (f->extensions.v[i] != EXT_SERVER_NAME && f->extensions.v[i] != EXT_ALPN)
            f->extensions.v[n++] = f->extensions.v[i];
    f->extensions.n = n;
    sort(&f->extensions);
    put_hexes(&t, &f->extensions);
    if (t.n > 0 && f->signatures.n > 0) {
        kd_out_u8(&t, '_');
        put_hexes(&t, &f->signatures);
    }
    put_short_sha256(&o, &t);
    ret->ja4 = kd_arena_copy(mem, kd_out_bytes_view(&o), o.n);
}

/* ---- extensions ---- */

static struct kd_bytes lower_copy(struct kd_arena *mem, struct kd_bytes b, size_t max)
{
    uint8_t text[SNI_MAX];
    size_t n = kd_min_size(b.n, kd_min_size(max, sizeof(text)));
    for (size_t i = 0; i < n; i++)
        text[i] = kd_ascii_lower(b.p[i]);
    return kd_arena_copy(mem, kd_bytes_of(text, n), n);
}

/* RFC 6066 §3: a list, in which there is one host name. */
static bool read_server_name(struct kd_cur c, struct kd_arena *mem, struct kd_bytes *ret)
{
    struct kd_cur list = kd_cur_sub(&c, kd_cur_be16(&c));
    while (kd_cur_more(&list)) {
        uint8_t type = kd_cur_u8(&list);
        struct kd_bytes name = kd_cur_take(&list, kd_cur_be16(&list));
        if (type == 0 && ret->n == 0)
            *ret = lower_copy(mem, name, SNI_MAX);
    }
    return kd_cur_ok(&c) && kd_cur_ok(&list);
}

/* RFC 7301 §3.1. */
static bool read_alpn(struct kd_cur c, struct kd_arena *mem, struct kd_strs *ret,
                      struct kd_bytes *ret_first)
{
    struct kd_bytes names[ALPN_MAX];
    size_t n = 0;
    struct kd_cur list = kd_cur_sub(&c, kd_cur_be16(&c));
    while (kd_cur_more(&list)) {
        struct kd_bytes name = kd_cur_take(&list, kd_cur_u8(&list));
        if (n == 0)
            *ret_first = name;
        if (n < ALPN_MAX)
            names[n++] = kd_arena_copy(mem, name, name.n);
    }
    struct kd_bytes *kept = n == 0 ? NULL : kd_arena_alloc(mem, n * sizeof(names[0]));
    if (kept != NULL) {
        memcpy(kept, names, n * sizeof(names[0]));
        *ret = (struct kd_strs){kept, n};
    }
    return kd_cur_ok(&c) && kd_cur_ok(&list);
}

static void read_offered_versions(struct kd_cur c, struct tls_client_hello *ret)
{
    struct kd_cur list = kd_cur_sub(&c, kd_cur_u8(&c));
    uint16_t best = 0;
    while (kd_cur_left(&list) >= 2) {
        uint16_t v = kd_cur_be16(&list);
        if (!is_grease(v) && v > best)
            best = v;
    }
    if (best != 0)
        ret->version = best;
}

static bool client_extension(uint16_t type, struct kd_cur c, struct kd_arena *mem, struct offer *f,
                             struct tls_client_hello *ret)
{
    struct kd_cur list;
    add(&f->extensions, type);
    switch (type) {
    case EXT_SERVER_NAME:
        f->has_sni = true;
        return kd_cur_left(&c) == 0 || read_server_name(c, mem, &ret->sni);
    case EXT_GROUPS:
        list = kd_cur_sub(&c, kd_cur_be16(&c));
        add_all(&f->groups, list);
        return kd_cur_ok(&c);
    case EXT_SIGNATURES:
        list = kd_cur_sub(&c, kd_cur_be16(&c));
        add_all(&f->signatures, list);
        return kd_cur_ok(&c);
    case EXT_POINT_FORMATS:
        list = kd_cur_sub(&c, kd_cur_u8(&c));
        while (kd_cur_more(&list))
            add(&f->formats, kd_cur_u8(&list));
        return kd_cur_ok(&c);
    case EXT_ALPN:
        return ret->alpns.n > 0 || read_alpn(c, mem, &ret->alpns, &f->first_alpn);
    case EXT_VERSIONS:
        read_offered_versions(c, ret);
        return true;
    case EXT_TICKET:
        ret->ticket = kd_cur_left(&c) > 0;
        return true;
    case EXT_ECH:
    case EXT_ESNI:
        ret->ech = true;
        return true;
    default:
        return true;
    }
}

static uint8_t read_session_id(struct kd_cur *c, uint8_t id[32])
{
    struct kd_bytes b = kd_cur_take(c, kd_cur_u8(c));
    if (b.n > 32) {
        kd_cur_fail(c);
        return 0;
    }
    if (b.n > 0)
        memcpy(id, b.p, b.n);
    return (uint8_t)b.n;
}

bool tls_client_hello(struct kd_bytes body, char transport, struct kd_arena *mem,
                      const struct kd_limits *lim, struct tls_client_hello *ret)
{
    struct offer f;
    f.has_sni = false;
    f.first_alpn = (struct kd_bytes){NULL, 0};
    struct numbers *lists[] = {&f.ciphers, &f.extensions, &f.groups, &f.formats, &f.signatures};
    for (size_t i = 0; i < KD_COUNT(lists); i++)
        lists[i]->n = 0, lists[i]->cut = false;
    *ret = (struct tls_client_hello){0};
    struct kd_cur c = kd_cur_of(body);
    f.version = ret->version = kd_cur_be16(&c);
    (void)kd_cur_take(&c, 32);
    ret->n_session_id = read_session_id(&c, ret->session_id);
    if (transport == JA4_DTLS)
        (void)kd_cur_take(&c, kd_cur_u8(&c));
    struct kd_cur ciphers = kd_cur_sub(&c, kd_cur_be16(&c));
    (void)kd_cur_take(&c, kd_cur_u8(&c));
    if (!kd_cur_ok(&c))
        return false;
    add_all(&f.ciphers, ciphers);
    bool ok = true;
    struct kd_cur all =
        kd_cur_left(&c) > 0 ? kd_cur_sub(&c, kd_cur_be16(&c)) : kd_cur_of(kd_str(""));
    while (ok && kd_cur_more(&all)) {
        uint16_t type = kd_cur_be16(&all);
        struct kd_cur ext = kd_cur_sub(&all, kd_cur_be16(&all));
        ok = kd_cur_ok(&all) && client_extension(type, ext, mem, &f, ret);
    }
    if (!ok || !kd_cur_ok(&c))
        return false;
    ja3(&f, mem, lim, ret);
    ja4(&f, transport, mem, ret);
    return true;
}

/* RFC 8446 §4.1.3: a ServerHello with this random is a HelloRetryRequest. */
static const uint8_t retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
};

bool tls_server_hello(struct kd_bytes body, struct kd_arena *mem, const struct kd_limits *lim,
                      struct tls_server_hello *ret)
{
    *ret = (struct tls_server_hello){0};
    struct kd_cur c = kd_cur_of(body);
    uint16_t legacy = ret->version = kd_cur_be16(&c);
    ret->retry = kd_bytes_eq(kd_cur_take(&c, 32), kd_bytes_of(retry_random, sizeof(retry_random)));
    /* The drafts of TLS 1.3 up to 21 have neither session id nor compression here; those up to 15 said 1.3 itself. */
    bool early = legacy == TLS_1_3;
    bool draft = early || legacy >> 8 == 0x7f;
    if (early)
        ret->version = TLS_DRAFT_15;
    if (!draft)
        ret->n_session_id = read_session_id(&c, ret->session_id);
    ret->cipher = kd_cur_be16(&c);
    if (!draft)
        (void)kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return false;
    uint8_t text[FINGERPRINT_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_fmt(&o, "%u,%u,", legacy, ret->cipher);
    struct kd_cur all =
        kd_cur_left(&c) > 0 ? kd_cur_sub(&c, kd_cur_be16(&c)) : kd_cur_of(kd_str(""));
    bool ok = kd_cur_ok(&c);
    for (bool first = true; ok && kd_cur_more(&all); first = false) {
        uint16_t type = kd_cur_be16(&all);
        struct kd_cur ext = kd_cur_sub(&all, kd_cur_be16(&all));
        struct kd_bytes chosen = {NULL, 0};
        ok = kd_cur_ok(&all);
        if (ok && type == EXT_VERSIONS)
            ret->version = kd_cur_be16(&ext);
        if (ok && type == EXT_ALPN && ret->alpns.n == 0)
            ok = read_alpn(ext, mem, &ret->alpns, &chosen);
        ret->psk = ret->psk || type == EXT_PRE_SHARED_KEY;
        if (!first)
            kd_out_u8(&o, '-');
        kd_out_u64(&o, type);
    }
    if (ok)
        md5_text(&o, mem, lim, &ret->ja3s_string, &ret->ja3s_hash);
    return ok;
}
