/* SPDX-License-Identifier: Apache-2.0 */
#include "object/kind.h"

enum { NAME_MAX_BYTES = 253, MAIL_MAX = 320, JA4_MAX = 64 };

static const char *const names[KD_OBJ_KINDS] = {"ip",  "domain", "url", "sha256", "sha1",
                                                "md5", "ja3",    "ja4", "cert",   "mail"};

const char *kd_object_kind_name(enum kd_object_kind kind)
{
    KD_ASSERT((unsigned)kind < KD_OBJ_KINDS);
    return names[kind];
}

bool kd_object_kind_of(struct kd_bytes name, enum kd_object_kind *ret)
{
    for (unsigned k = 0; k < KD_OBJ_KINDS; k++)
        if (kd_bytes_eq_str(name, names[k])) {
            *ret = (enum kd_object_kind)k;
            return true;
        }
    return false;
}

static int digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_hex(struct kd_bytes v)
{
    for (size_t i = 0; i < v.n; i++)
        if (digit(v.p[i]) < 0)
            return false;
    return v.n > 0;
}

static bool put_hex(struct kd_bytes v, size_t want_bytes, struct kd_out *o)
{
    if (v.n != 2 * want_bytes || !is_hex(v))
        return false;
    for (size_t i = 0; i < v.n; i += 2)
        kd_out_u8(o, (uint8_t)(digit(v.p[i]) << 4 | digit(v.p[i + 1])));
    return kd_out_ok(o);
}

static bool put_lower(struct kd_bytes v, struct kd_out *o)
{
    for (size_t i = 0; i < v.n; i++)
        kd_out_u8(o, kd_ascii_lower(v.p[i]));
    return kd_out_ok(o);
}

/* Printable, without space and without what never stands in a name; no domain is a number. */
static bool is_name(struct kd_bytes v)
{
    bool dot = false, letter = false;
    if (v.n == 0 || v.n > NAME_MAX_BYTES || v.p[0] == '.' || v.p[v.n - 1] == '.')
        return false;
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];
        if (c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '@' || c == '"' || c == ',' || c == ';' || c == '*')
            return false;
        if (c == '.' && v.p[i - 1] == '.')
            return false;
        dot |= c == '.';
        letter = c != '.' && (letter || c < '0' || c > '9');
    }
    return dot && letter;
}

static bool put_domain(struct kd_bytes v, struct kd_out *o)
{
    v.n -= v.n > 0 && v.p[v.n - 1] == '.';
    return is_name(v) && put_lower(v, o);
}

static struct kd_bytes without_port(struct kd_bytes host, bool any)
{
    size_t colon = kd_bytes_find_byte(host, ':');
    uint64_t port = 0;
    if (colon == SIZE_MAX || !kd_bytes_to_u64(kd_bytes_from(host, colon + 1), 65535, &port))
        return host;
    return any || port == 80 || port == 443 ? kd_bytes_head(host, colon) : host;
}

static bool put_url(struct kd_bytes v, struct kd_out *o)
{
    size_t at = kd_bytes_find(v, kd_str("://"));
    v = at == SIZE_MAX ? v : kd_bytes_from(v, at + 3);
    v = kd_bytes_head(v, kd_bytes_find_byte(v, '#'));
    size_t end = kd_min_size(kd_min_size(kd_bytes_find_byte(v, '/'), kd_bytes_find_byte(v, '?')), v.n);
    struct kd_bytes host = without_port(kd_bytes_head(v, end), false), path = kd_bytes_from(v, end);
    if (host.n == 0 || v.n > KD_OBJ_TEXT_MAX)
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || v.p[i] == 0x7f)
            return false;
    (void)put_lower(host, o);
    if (path.n == 0 || path.p[0] != '/')
        kd_out_u8(o, '/');
    kd_out_bytes(o, path);
    return kd_out_ok(o);
}

static bool put_mail(struct kd_bytes v, struct kd_out *o)
{
    size_t at = kd_bytes_find_byte(v, '@');
    if (at == 0 || at == SIZE_MAX || v.n > MAIL_MAX)
        return false;
    for (size_t i = 0; i < at; i++)
        if (v.p[i] <= ' ' || v.p[i] == 0x7f || strchr("<>,;\"", v.p[i]) != NULL)
            return false;
    return is_name(kd_bytes_from(v, at + 1)) && put_lower(v, o);
}

/* As in t13d1516h2_8daaf6152771_b186095e22b6. */
static bool is_ja4(struct kd_bytes v)
{
    struct kd_bytes rest = v, a = kd_bytes_cut(&rest, '_'), b = kd_bytes_cut(&rest, '_');
    return a.n == 10 && strchr("tqd", a.p[0]) != NULL && b.n == 12 && rest.n == 12 && is_hex(b) && is_hex(rest);
}

static bool put_word(struct kd_bytes v, struct kd_out *o)
{
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || v.p[i] >= 0x7f || v.p[i] == ',')
            return false;
    return v.n > 0 && v.n <= JA4_MAX && put_lower(v, o);
}

bool kd_object_spell_serial(struct kd_bytes serial, struct kd_bytes issuer, struct kd_out *o)
{
    size_t digits = 0;
    kd_out_u8(o, 's');
    for (size_t i = 0; i < serial.n; i++) {
        if (serial.p[i] == ':')
            continue;
        if (digit(serial.p[i]) < 0)
            return false;
        if (digits == 0 && serial.p[i] == '0' && i + 1 < serial.n)
            continue; /* leading zeros are written by some only */
        kd_out_u8(o, kd_ascii_lower(serial.p[i]));
        digits++;
    }
    kd_out_u8(o, 0);
    kd_out_bytes(o, kd_bytes_trim(issuer));
    return digits > 0 && digits <= 64 && issuer.n > 0 && kd_out_ok(o);
}

static bool put_cert(struct kd_bytes v, struct kd_out *o)
{
    uint8_t room[64];
    struct kd_out hex = kd_out_of(room, sizeof(room));
    if (kd_bytes_starts(v, kd_str("serial:"))) {
        struct kd_bytes rest = kd_bytes_from(v, 7), serial = kd_bytes_cut(&rest, ' ');
        return kd_object_spell_serial(serial, rest, o);
    }
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] != ':')
            kd_out_u8(&hex, v.p[i]);
    v = kd_out_bytes_view(&hex);
    return kd_out_ok(&hex) && put_hex(v, v.n == 64 ? 32 : 20, o);
}

bool kd_object_spell(enum kd_object_kind kind, struct kd_bytes text, struct kd_out *o)
{
    struct kd_addr a;
    if (text.n == 0 || text.n > KD_OBJ_TEXT_MAX)
        return false;
    switch (kind) {
    case KD_OBJ_IP:
        if (!kd_addr_parse(text, &a))
            return false;
        kd_out_bytes(o, kd_bytes_of(a.b, sizeof(a.b)));
        return kd_out_ok(o);
    case KD_OBJ_DOMAIN:
        return put_domain(text, o);
    case KD_OBJ_URL:
        return put_url(text, o);
    case KD_OBJ_SHA256:
        return put_hex(text, 32, o);
    case KD_OBJ_SHA1:
        return put_hex(text, 20, o);
    case KD_OBJ_MD5:
    case KD_OBJ_JA3:
        return put_hex(text, 16, o);
    case KD_OBJ_JA4:
        return put_word(text, o);
    case KD_OBJ_CERT:
        return put_cert(text, o);
    case KD_OBJ_MAIL:
        return put_mail(text, o);
    case KD_OBJ_KINDS:
        break;
    }
    return false;
}

bool kd_object_guess(struct kd_bytes v, enum kd_object_kind *ret)
{
    struct kd_net net;
    struct kd_bytes name = v;
    name.n -= name.n > 0 && name.p[name.n - 1] == '.';
    if (kd_net_parse(v, &net))
        *ret = KD_OBJ_IP;
    else if (is_hex(v) && (v.n == 64 || v.n == 40 || v.n == 32))
        *ret = v.n == 64 ? KD_OBJ_SHA256 : v.n == 40 ? KD_OBJ_SHA1 : KD_OBJ_MD5;
    else if (is_ja4(v))
        *ret = KD_OBJ_JA4;
    else if (kd_bytes_find_byte(v, '/') != SIZE_MAX)
        *ret = KD_OBJ_URL;
    else if (kd_bytes_find_byte(v, '@') != SIZE_MAX)
        *ret = KD_OBJ_MAIL;
    else if (is_name(name))
        *ret = KD_OBJ_DOMAIN;
    else
        return false;
    return true;
}
