/* SPDX-License-Identifier: Apache-2.0 */
/* Values of resource records as text.  The forms are those of the RFC that defines the type,
 * shortened where nobody reads the rest (keys and signatures); see dns.md. */
#include "base/addr.h"
#include "proto/dns/dns_message.h"

static const char *const type_names[] = {
    [1] = "A",       [2] = "NS",      [3] = "MD",        [4] = "MF",          [5] = "CNAME",
    [6] = "SOA",     [7] = "MB",      [8] = "MG",        [9] = "MR",          [10] = "NULL",
    [11] = "WKS",    [12] = "PTR",    [13] = "HINFO",    [14] = "MINFO",      [15] = "MX",
    [16] = "TXT",    [17] = "RP",     [18] = "AFSDB",    [24] = "SIG",        [25] = "KEY",
    [28] = "AAAA",   [29] = "LOC",    [30] = "NXT",      [33] = "SRV",        [35] = "NAPTR",
    [36] = "KX",     [37] = "CERT",   [39] = "DNAME",    [41] = "OPT",        [42] = "APL",
    [43] = "DS",     [44] = "SSHFP",  [45] = "IPSECKEY", [46] = "RRSIG",      [47] = "NSEC",
    [48] = "DNSKEY", [49] = "DHCID",  [50] = "NSEC3",    [51] = "NSEC3PARAM", [52] = "TLSA",
    [53] = "SMIMEA", [55] = "HIP",    [59] = "CDS",      [60] = "CDNSKEY",    [61] = "OPENPGPKEY",
    [62] = "CSYNC",  [63] = "ZONEMD", [64] = "SVCB",     [65] = "HTTPS",      [99] = "SPF",
    [108] = "EUI48", [109] = "EUI64", [249] = "TKEY",    [250] = "TSIG",      [251] = "IXFR",
    [252] = "AXFR",  [253] = "MAILB", [254] = "MAILA",   [255] = "ANY",       [256] = "URI",
    [257] = "CAA",
};

static const char *type_name(uint16_t type)
{
    return type < KD_COUNT(type_names) ? type_names[type] : NULL;
}

bool dns_type_known(uint16_t type)
{
    return type_name(type) != NULL;
}

static void put_type(struct kd_out *o, uint16_t type)
{
    const char *name = type_name(type);
    if (name != NULL)
        kd_out_str(o, name);
    else
        kd_out_fmt(o, "TYPE%u", type);
}

struct kd_bytes dns_type_text(struct dns_reader *r, uint16_t type)
{
    const char *name = type_name(type);
    if (name != NULL)
        return kd_str(name);
    size_t start = r->text.n;
    put_type(&r->text, type);
    return kd_bytes_of(r->text.p + start, r->text.n - start);
}

const char *dns_rcode_name(unsigned rcode)
{
    static const char *const names[] = {
        "NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",   "REFUSED",
        "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",  "DSOTYPENI",
        NULL,       NULL,      NULL,       NULL,       "BADVERS",  "BADKEY",
        "BADTIME",  "BADMODE", "BADNAME",  "BADALG",   "BADTRUNC", "BADCOOKIE",
    };
    return rcode < KD_COUNT(names) ? names[rcode] : NULL;
}

struct kd_bytes dns_rcode_text(struct dns_reader *r, unsigned rcode)
{
    const char *name = dns_rcode_name(rcode);
    if (name != NULL)
        return kd_str(name);
    size_t start = r->text.n;
    kd_out_str(&r->text, "RCODE");
    kd_out_u64(&r->text, rcode);
    return kd_bytes_from(kd_out_bytes_view(&r->text), start);
}

/* At most lim->text_bytes of text come from one value. */
static void put_hex(struct dns_reader *r, struct kd_bytes b)
{
    kd_out_hex(&r->text, kd_bytes_head(b, r->lim->text_bytes / 2));
}

static void put_text(struct dns_reader *r, struct kd_bytes b)
{
    b = kd_bytes_head(b, r->lim->text_bytes);
    if (kd_bytes_is_utf8(b))
        kd_out_bytes(&r->text, b);
    else
        kd_out_escaped(&r->text, b);
}

static bool put_name(struct dns_reader *r, struct kd_cur *c, size_t base)
{
    struct kd_bytes name;
    return dns_name(r, c, base + c->taken, &name);
}

static void put_number(struct dns_reader *r, uint64_t v)
{
    kd_out_u64(&r->text, v);
    kd_out_u8(&r->text, ' ');
}

static struct kd_bytes char_string(struct kd_cur *c)
{
    return kd_cur_take(c, kd_cur_u8(c));
}

static bool put_addr(struct dns_reader *r, struct kd_cur *c, size_t n)
{
    struct kd_bytes b = kd_cur_take(c, n);
    if (b.n != n)
        return false;
    struct kd_addr a = n == 4 ? kd_addr_v4(b.p) : kd_addr_v6(b.p);
    size_t before = r->text.n;
    kd_out_addr(&r->text, &a);
    if (r->text.n == before) /* the unspecified address */
        kd_out_str(&r->text, n == 4 ? "0.0.0.0" : "::");
    return true;
}

static bool soa(struct dns_reader *r, struct kd_cur *c, size_t base)
{
    if (!put_name(r, c, base))
        return false;
    kd_out_u8(&r->text, ' ');
    if (!put_name(r, c, base))
        return false;
    for (unsigned i = 0; i < 5; i++) {
        kd_out_u8(&r->text, ' ');
        kd_out_u64(&r->text, kd_cur_be32(c));
    }
    return kd_cur_ok(c);
}

/* Strings of one value are one text (RFC 7208 §3.3 for the commonest use), without a separator. */
static bool txt(struct dns_reader *r, struct kd_cur *c)
{
    uint8_t joined[4096];
    struct kd_out o = kd_out_of(joined, kd_min_size(sizeof(joined), r->lim->text_bytes));
    while (kd_cur_more(c)) {
        struct kd_bytes s = char_string(c);
        if (!kd_cur_ok(c))
            return false;
        kd_out_bytes(&o, kd_bytes_head(s, o.max - o.n));
    }
    put_text(r, kd_out_bytes_view(&o));
    return true;
}

/* NULL holds what it likes, mostly text: what is none is escaped. */
static void anything(struct dns_reader *r, struct kd_bytes b)
{
    b = kd_bytes_head(b, r->lim->text_bytes);
    bool utf8 = kd_bytes_is_utf8(b);
    for (size_t i = 0; i < b.n; i++) {
        if (utf8 || b.p[i] < 0x80) {
            kd_out_u8(&r->text, b.p[i]);
            continue;
        }
        kd_out_str(&r->text, "\\x");
        kd_out_hex(&r->text, kd_bytes_of(b.p + i, 1));
    }
}

static void quoted(struct dns_reader *r, struct kd_bytes s)
{
    kd_out_u8(&r->text, '"');
    put_text(r, s);
    kd_out_u8(&r->text, '"');
}

static bool naptr(struct dns_reader *r, struct kd_cur *c, size_t base)
{
    put_number(r, kd_cur_be16(c));
    put_number(r, kd_cur_be16(c));
    for (unsigned i = 0; i < 3; i++) {
        quoted(r, char_string(c));
        kd_out_u8(&r->text, ' ');
    }
    return put_name(r, c, base);
}

/* RFC 4034 §3.1, without the signature. */
static bool rrsig(struct dns_reader *r, struct kd_cur *c, size_t base)
{
    put_type(&r->text, kd_cur_be16(c));
    kd_out_u8(&r->text, ' ');
    put_number(r, kd_cur_u8(c));
    put_number(r, kd_cur_u8(c));
    for (unsigned i = 0; i < 3; i++) /* original TTL, expiration, inception */
        put_number(r, kd_cur_be32(c));
    put_number(r, kd_cur_be16(c));
    return kd_cur_ok(c) && put_name(r, c, base);
}

/* RFC 4034 §4.1.2. */
static bool nsec(struct dns_reader *r, struct kd_cur *c, size_t base)
{
    if (!put_name(r, c, base))
        return false;
    while (kd_cur_more(c)) {
        unsigned window = kd_cur_u8(c);
        struct kd_bytes map = char_string(c);
        if (!kd_cur_ok(c) || map.n > 32)
            return false;
        for (unsigned bit = 0; bit < map.n * 8; bit++)
            if (map.p[bit / 8] & 0x80u >> bit % 8) {
                kd_out_u8(&r->text, ' ');
                put_type(&r->text, (uint16_t)(window << 8 | bit));
            }
    }
    return true;
}

static bool dnskey(struct dns_reader *r, struct kd_cur *c)
{
    put_number(r, kd_cur_be16(c));
    put_number(r, kd_cur_u8(c));
    kd_out_u64(&r->text, kd_cur_u8(c));
    return kd_cur_ok(c);
}

/* n numbers of the given sizes, then hexadecimal. */
static bool numbers_hex(struct dns_reader *r, struct kd_cur *c, const char *sizes)
{
    for (; *sizes != '\0'; sizes++)
        put_number(r, *sizes == '2' ? kd_cur_be16(c) : kd_cur_u8(c));
    bool ok = kd_cur_ok(c);
    put_hex(r, kd_cur_rest(c));
    return ok;
}

static bool caa(struct dns_reader *r, struct kd_cur *c)
{
    put_number(r, kd_cur_u8(c));
    put_text(r, char_string(c));
    kd_out_u8(&r->text, ' ');
    quoted(r, kd_cur_rest(c));
    return true;
}

static bool svc_alpn(struct dns_reader *r, struct kd_cur *v)
{
    for (bool first = true; kd_cur_more(v); first = false) {
        if (!first)
            kd_out_u8(&r->text, ',');
        put_text(r, char_string(v));
    }
    return kd_cur_ok(v);
}

static bool svc_hint(struct dns_reader *r, struct kd_cur *v, size_t n)
{
    for (bool first = true; kd_cur_more(v); first = false) {
        if (!first)
            kd_out_u8(&r->text, ',');
        if (!put_addr(r, v, n))
            return false;
    }
    return true;
}

/* RFC 9460 §2.1, §7. */
static bool svcb(struct dns_reader *r, struct kd_cur *c, size_t base)
{
    static const char *const keys[] = {"mandatory", "alpn", "no-default-alpn", "port",
                                       "ipv4hint",  "ech",  "ipv6hint",        "dohpath"};
    put_number(r, kd_cur_be16(c));
    if (!put_name(r, c, base))
        return false;
    while (kd_cur_more(c)) {
        unsigned key = kd_cur_be16(c);
        struct kd_cur v = kd_cur_sub(c, kd_cur_be16(c));
        if (!kd_cur_ok(c))
            return false;
        if (key < KD_COUNT(keys))
            kd_out_fmt(&r->text, " %s", keys[key]);
        else
            kd_out_fmt(&r->text, " key%u", key);
        if (kd_cur_left(&v) == 0)
            continue;
        kd_out_u8(&r->text, '=');
        bool ok = true;
        switch (key) {
        case 1:
            ok = svc_alpn(r, &v);
            break;
        case 3:
            kd_out_u64(&r->text, kd_cur_be16(&v));
            ok = kd_cur_ok(&v);
            break;
        case 4:
            ok = svc_hint(r, &v, 4);
            break;
        case 6:
            ok = svc_hint(r, &v, 16);
            break;
        case 7:
            put_text(r, kd_cur_rest(&v));
            break;
        default:
            put_hex(r, kd_cur_rest(&v));
            break;
        }
        if (!ok)
            return false;
    }
    return true;
}

/* RFC 7871 §6: the address is cut to the bytes that count. */
static void client_subnet(struct dns_reader *r, struct kd_cur *v)
{
    unsigned family = kd_cur_be16(v);
    unsigned bits = kd_cur_u8(v);
    (void)kd_cur_u8(v);
    struct kd_bytes b = kd_cur_rest(v);
    uint8_t addr[16] = {0};
    if (b.n > 0 && b.n <= sizeof(addr))
        memcpy(addr, b.p, b.n);
    struct kd_cur a = kd_cur_of(kd_bytes_of(addr, sizeof(addr)));
    kd_out_str(&r->text, "subnet=");
    (void)put_addr(r, &a, family == 1 ? 4 : 16);
    kd_out_fmt(&r->text, "/%u", bits);
}

/* EDNS options (RFC 6891 §6.1.2); their prefix (size, do) is already written. */
static bool edns(struct dns_reader *r, struct kd_cur *c)
{
    while (kd_cur_more(c)) {
        unsigned code = kd_cur_be16(c);
        struct kd_cur v = kd_cur_sub(c, kd_cur_be16(c));
        if (!kd_cur_ok(c))
            return false;
        kd_out_u8(&r->text, ' ');
        if (code == 8) {
            client_subnet(r, &v);
            continue;
        }
        if (code == 10)
            kd_out_str(&r->text, "cookie=");
        else if (code == 3)
            kd_out_str(&r->text, "nsid=");
        else if (code == 15)
            kd_out_str(&r->text, "error=");
        else if (code == 12)
            kd_out_fmt(&r->text, "padding=%zu", kd_cur_left(&v));
        else
            kd_out_fmt(&r->text, "option%u=", code);
        if (code != 12)
            put_hex(r, kd_cur_rest(&v));
    }
    return true;
}

static bool value(struct dns_reader *r, uint16_t type, struct kd_cur *c, size_t base)
{
    switch (type) {
    case 1:
        return put_addr(r, c, 4);
    case 28:
        return put_addr(r, c, 16);
    case 2:
    case 3:
    case 4:
    case 5:
    case 7:
    case 8:
    case 9:
    case 12:
    case 39:
        return put_name(r, c, base);
    case 6:
        return soa(r, c, base);
    case 13:
        put_text(r, char_string(c));
        kd_out_u8(&r->text, ' ');
        put_text(r, char_string(c));
        return kd_cur_ok(c);
    case 14:
    case 17:
        if (!put_name(r, c, base))
            return false;
        kd_out_u8(&r->text, ' ');
        return put_name(r, c, base);
    case 15:
    case 18:
    case 36: /* the preference says nothing about the peer */
        (void)kd_cur_be16(c);
        return put_name(r, c, base);
    case 10:
        anything(r, kd_cur_take(c, kd_cur_left(c)));
        return true;
    case 16:
    case 99:
        return txt(r, c);
    case 33:
        for (unsigned i = 0; i < 3; i++)
            put_number(r, kd_cur_be16(c));
        return put_name(r, c, base);
    case 35:
        return naptr(r, c, base);
    case 41:
        return edns(r, c);
    case 43:
    case 59:
        return numbers_hex(r, c, "211");
    case 44:
        return numbers_hex(r, c, "11");
    case 52:
    case 53:
        return numbers_hex(r, c, "111");
    case 46:
        return rrsig(r, c, base);
    case 47:
        return nsec(r, c, base);
    case 48:
    case 60:
    case 25:
        return dnskey(r, c);
    case 64:
    case 65:
        return svcb(r, c, base);
    case 249:
    case 250:
        return put_name(r, c, base); /* the algorithm */
    case 256:
        put_number(r, kd_cur_be16(c));
        put_number(r, kd_cur_be16(c));
        quoted(r, kd_cur_rest(c));
        return true;
    case 257:
        return caa(r, c);
    default:
        put_hex(r, kd_cur_rest(c));
        return true;
    }
}

bool dns_rdata(struct dns_reader *r, uint16_t type, struct kd_cur *c, size_t base)
{
    return value(r, type, c, base) && kd_cur_ok(c);
}
