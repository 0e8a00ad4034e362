/* SPDX-License-Identifier: Apache-2.0 */
/* From fields to entries: what a column or member is called, what its kinds are called, when an entry holds, and what
 * must not be in a list. */
#include "object/internal.h"

#include "base/clock.h"

enum { CLOCK_LINES = 4096, SURE = 100 };

static const struct {
    const char *name;
    uint8_t field;
} field_names[] = {
    {"value", KD_F_VALUE},          {"ioc", KD_F_VALUE},           {"ioc_value", KD_F_VALUE},
    {"indicator", KD_F_VALUE},      {"observable", KD_F_VALUE},    {"type", KD_F_TYPE},
    {"ioc_type", KD_F_TYPE},        {"kind", KD_F_TYPE},           {"indicator_type", KD_F_TYPE},
    {"url", KD_F_URL},              {"uri", KD_F_URL},             {"link", KD_F_URL},
    {"sha256", KD_F_SHA256},        {"sha256_hash", KD_F_SHA256},  {"sha-256", KD_F_SHA256},
    {"sha1", KD_F_SHA1},            {"sha1_hash", KD_F_SHA1},      {"sha-1", KD_F_SHA1},
    {"md5", KD_F_MD5},              {"md5_hash", KD_F_MD5},        {"hash", KD_F_VALUE},
    {"cert", KD_F_CERT},            {"certificate", KD_F_CERT},    {"cert_sha1", KD_F_CERT},
    {"fingerprint", KD_F_CERT},     {"ja3", KD_F_JA3},             {"ja3_md5", KD_F_JA3},
    {"ja3_hash", KD_F_JA3},         {"ja3_fingerprint", KD_F_JA3}, {"ja4", KD_F_JA4},
    {"domain", KD_F_DOMAIN},        {"hostname", KD_F_DOMAIN},     {"host", KD_F_DOMAIN},
    {"fqdn", KD_F_DOMAIN},          {"ip", KD_F_IP},               {"ip_address", KD_F_IP},
    {"dst_ip", KD_F_IP},            {"dstip", KD_F_IP},            {"dest_ip", KD_F_IP},
    {"src_ip", KD_F_IP},            {"ipaddress", KD_F_IP},        {"address", KD_F_IP},
    {"cidr", KD_F_IP},              {"network", KD_F_IP},          {"prefix", KD_F_IP},
    {"email", KD_F_MAIL},           {"mail", KD_F_MAIL},           {"sender", KD_F_MAIL},
    {"confidence", KD_F_CONFIDENCE}, {"confidence_level", KD_F_CONFIDENCE}, {"valid_from", KD_F_FROM},
    {"valid_until", KD_F_UNTIL},    {"expires", KD_F_UNTIL},       {"expiration", KD_F_UNTIL},
    {"to_ids", KD_F_TO_IDS},        {"revoked", KD_F_REVOKED},     {"pattern", KD_F_PATTERN},
    {"pattern_type", KD_F_PATTERN_TYPE}, {"indicator_types", KD_F_INDICATOR_TYPES}, {"malware_printable", KD_F_NOTE},
    {"malware", KD_F_NOTE},         {"signature", KD_F_NOTE},      {"listingreason", KD_F_NOTE},
    {"threat", KD_F_NOTE2},         {"name", KD_F_NOTE2},          {"note", KD_F_NOTE},
    {"remark", KD_F_NOTE},          {"comment", KD_F_NOTE2},       {"description", KD_F_NOTE3},
    {"reason", KD_F_NOTE2},         {"tags", KD_F_NOTE3},          {"threat_type", KD_F_NOTE3},
    {"note_en", KD_F_NOTE},         {"note_ja", KD_F_NOTE2},       {"file_name", KD_F_NOTE3},      {"info", KD_F_INFO},           {"object_relation", KD_F_COUNT},
};

bool kd_field_of(struct kd_bytes name, enum kd_field *ret)
{
    uint8_t room[32];
    struct kd_out o = kd_out_of(room, sizeof(room));
    for (size_t i = 0; i < name.n && i < sizeof(room); i++)
        kd_out_u8(&o, name.p[i] == ' ' ? '_' : kd_ascii_lower(name.p[i]));
    for (size_t i = 0; i < KD_COUNT(field_names); i++)
        if (name.n <= sizeof(room) && field_names[i].field < KD_F_COUNT &&
            kd_bytes_eq_str(kd_out_bytes_view(&o), field_names[i].name)) {
            *ret = (enum kd_field)field_names[i].field;
            return true;
        }
    return false;
}

/* Kinds by the names that MISP, abuse.ch, OTX and we give them.  part: which piece of a value such as
 * "name|sum" or "address:port". */
enum part { ALL, FIRST, SECOND, ADDRESS };
static const struct {
    const char *name;
    uint8_t kind, part;
    bool exact;
} type_names[] = {
    {"ip", KD_OBJ_IP, ADDRESS, 0},           {"ip-src", KD_OBJ_IP, ALL, 0},
    {"ip-dst", KD_OBJ_IP, ALL, 0},           {"ip-src|port", KD_OBJ_IP, FIRST, 0},
    {"ip-dst|port", KD_OBJ_IP, FIRST, 0},    {"ip:port", KD_OBJ_IP, ADDRESS, 0},
    {"ipv4", KD_OBJ_IP, ADDRESS, 0},         {"ipv6", KD_OBJ_IP, ALL, 0},
    {"ipv4-addr", KD_OBJ_IP, ALL, 0},        {"ipv6-addr", KD_OBJ_IP, ALL, 0},
    {"cidr", KD_OBJ_IP, ALL, 0},             {"network", KD_OBJ_IP, ALL, 0},
    {"domain", KD_OBJ_DOMAIN, ALL, 0},       {"domain|ip", KD_OBJ_DOMAIN, FIRST, 0},
    {"domain-name", KD_OBJ_DOMAIN, ALL, 0},  {"hostname", KD_OBJ_DOMAIN, ALL, 1},
    {"hostname|port", KD_OBJ_DOMAIN, FIRST, 1}, {"fqdn", KD_OBJ_DOMAIN, ALL, 1},
    {"url", KD_OBJ_URL, ALL, 0},             {"uri", KD_OBJ_URL, ALL, 0},
    {"md5", KD_OBJ_MD5, ALL, 0},             {"md5_hash", KD_OBJ_MD5, ALL, 0},
    {"filehash-md5", KD_OBJ_MD5, ALL, 0},    {"filename|md5", KD_OBJ_MD5, SECOND, 0},
    {"malware-sample", KD_OBJ_MD5, SECOND, 0}, {"sha1", KD_OBJ_SHA1, ALL, 0},
    {"sha1_hash", KD_OBJ_SHA1, ALL, 0},      {"filehash-sha1", KD_OBJ_SHA1, ALL, 0},
    {"filename|sha1", KD_OBJ_SHA1, SECOND, 0}, {"sha256", KD_OBJ_SHA256, ALL, 0},
    {"sha256_hash", KD_OBJ_SHA256, ALL, 0},  {"filehash-sha256", KD_OBJ_SHA256, ALL, 0},
    {"filename|sha256", KD_OBJ_SHA256, SECOND, 0}, {"ja3", KD_OBJ_JA3, ALL, 0},
    {"ja3-fingerprint-md5", KD_OBJ_JA3, ALL, 0}, {"ja4", KD_OBJ_JA4, ALL, 0},
    {"ja4-fingerprint", KD_OBJ_JA4, ALL, 0}, {"cert", KD_OBJ_CERT, ALL, 0},
    {"certificate", KD_OBJ_CERT, ALL, 0},    {"x509-fingerprint-sha1", KD_OBJ_CERT, ALL, 0},
    {"x509-fingerprint-sha256", KD_OBJ_CERT, ALL, 0}, {"mail", KD_OBJ_MAIL, ALL, 0},
    {"email", KD_OBJ_MAIL, ALL, 0},          {"email-src", KD_OBJ_MAIL, ALL, 0},
    {"email-addr", KD_OBJ_MAIL, ALL, 0},     {"envelope_from", KD_OBJ_MAIL, ALL, 0},
    {"body_from", KD_OBJ_MAIL, ALL, 0},
};

/* Of entries whose list says nothing: one address may be many people's, a sum is one file's. */
static const uint8_t usual_confidence[KD_OBJ_KINDS] = {
    [KD_OBJ_IP] = 60,  [KD_OBJ_DOMAIN] = 80, [KD_OBJ_URL] = 85, [KD_OBJ_SHA256] = 95, [KD_OBJ_SHA1] = 90,
    [KD_OBJ_MD5] = 90, [KD_OBJ_JA3] = 40,    [KD_OBJ_JA4] = 40, [KD_OBJ_CERT] = 85,   [KD_OBJ_MAIL] = 60,
};

/* ---- what is told ---- */

static void say(struct kd_feed *f, char *into, size_t room, const char *why, struct kd_bytes value)
{
    struct kd_out o = kd_out_of(into, room - 1);
    if (into[0] != '\0')
        return;
    kd_out_escaped(&o, kd_bytes_head(kd_str(f->file), 100));
    kd_out_fmt(&o, ":%llu: %s: ", (unsigned long long)f->line, why);
    kd_out_escaped(&o, kd_bytes_head(value, 60));
    into[o.n] = '\0';
}

void kd_feed_wrong(struct kd_feed *f, const char *why, struct kd_bytes value)
{
    f->list->wrong++;
    say(f, f->list->problem, sizeof(f->list->problem), why, value);
}

bool kd_feed_go_on(struct kd_feed *f)
{
    f->list->lines++;
    if (f->status == KD_OK && f->to_stop-- == 0) {
        f->to_stop = CLOCK_LINES;
        if (f->site->stop != NULL && f->site->stop(f->site->arg))
            f->status = KD_LIMIT;
    }
    return f->status == KD_OK;
}

/* ---- values ---- */

/* A day, of "2026-11-22…" or seconds; 0: none. */
static uint16_t day_of(struct kd_bytes v)
{
    uint64_t us = 0;
    v = kd_bytes_trim(v);
    if (v.n >= 9 && v.n <= 11 && kd_bytes_to_u64(v, UINT32_MAX, &us))
        return (uint16_t)kd_min_u64(us / 86400, UINT16_MAX);
    if (v.n < 10 || !kd_time_parse(kd_bytes_head(v, 10), 0, &us))
        return 0;
    return (uint16_t)kd_min_u64(us / KD_US_PER_DAY, UINT16_MAX);
}

static struct kd_bytes note_of(const struct kd_row *row)
{
    static const uint8_t order[] = {KD_F_NOTE, KD_F_NOTE2, KD_F_NOTE3, KD_F_INFO};
    for (size_t i = 0; i < KD_COUNT(order); i++) {
        struct kd_bytes v = kd_bytes_trim(row->f[order[i]]);
        if (v.n > 0 && !kd_bytes_eq_str(v, "None") && !kd_bytes_eq_str(v, "n/a") && !kd_bytes_eq_str(v, "null"))
            return v;
    }
    return kd_bytes_of(NULL, 0);
}

static void put(struct kd_feed *f, struct kd_obj_new *n, const struct kd_row *row)
{
    uint8_t room[KD_OBJ_NOTE_MAX];
    struct kd_out note = kd_out_of(room, sizeof(room));
    struct kd_bytes text = kd_bytes_head(note_of(row), sizeof(room));
    for (size_t i = 0; i < text.n; i++)
        kd_out_u8(&note, text.p[i] < ' ' || text.p[i] == 0x7f ? ' ' : text.p[i]);
    uint64_t given = 0;
    bool told = row->f[KD_F_CONFIDENCE].n > 0 && kd_bytes_to_u64(row->f[KD_F_CONFIDENCE], SURE, &given);
    n->confidence = told                        ? (uint8_t)given
                    : f->spec->confidence > 0 ? f->spec->confidence
                                              : usual_confidence[n->kind];
    n->note = kd_out_bytes_view(&note);
    n->from_day = day_of(row->f[KD_F_FROM]);
    n->until_day = row->f[KD_F_UNTIL].n > 0 ? day_of(row->f[KD_F_UNTIL]) : 0;
    if (n->until_day > 0 && n->until_day < UINT16_MAX)
        n->until_day++; /* the day it names is whole */
    enum kd_status s = kd_obj_build_add(f->build, n);
    if (s == KD_OK)
        f->taken++;
    else if (s == KD_NO_MEMORY)
        f->status = s;
}

static void refuse(struct kd_feed *f, const char *why, struct kd_bytes value)
{
    f->list->refused++;
    say(f, f->list->refusal, sizeof(f->list->refusal), why, value);
}

static void net_value(struct kd_feed *f, struct kd_bytes value, const struct kd_row *row)
{
    struct kd_obj_new n = {.kind = KD_OBJ_IP, .is_net = true};
    if (!kd_net_parse(value, &n.net)) {
        kd_feed_wrong(f, "no address and no network", value);
        return;
    }
    const char *why = f->spec->force ? NULL : kd_safe_net(&f->safe, &n.net, f->site);
    if (why != NULL)
        refuse(f, why, value);
    else
        put(f, &n, row);
}

/* hxxp://evil[.]example as people write it. */
static struct kd_bytes refanged(struct kd_bytes v, struct kd_out *o)
{
    bool defanged = kd_bytes_starts(v, kd_str("hxxp")) || kd_bytes_find(v, kd_str("[.]")) != SIZE_MAX;
    if (!defanged)
        return v;
    for (size_t i = 0; i < v.n; i++) {
        if (i + 3 <= v.n && memcmp(v.p + i, "[.]", 3) == 0) {
            kd_out_u8(o, '.');
            i += 2;
        } else {
            kd_out_u8(o, v.p[i]);
        }
    }
    return kd_out_bytes_view(o);
}

void kd_feed_kind(struct kd_feed *f, enum kd_object_kind kind, bool exact, struct kd_bytes value,
                  const struct kd_row *row)
{
    uint8_t room[KD_OBJ_KEY_MAX], plain[KD_OBJ_TEXT_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room)), clean = kd_out_of(plain, sizeof(plain));
    value = refanged(kd_bytes_trim(kd_bytes_head(value, KD_OBJ_TEXT_MAX + 1)), &clean);
    if (kind == KD_OBJ_IP) {
        net_value(f, value, row);
        return;
    }
    if (kind == KD_OBJ_DOMAIN && value.n > 2 && value.p[0] == '*')
        value = kd_bytes_from(value, 1);
    if (kind == KD_OBJ_DOMAIN && value.n > 1 && value.p[0] == '.')
        value = kd_bytes_from(value, 1);
    struct kd_net net;
    if (kind == KD_OBJ_DOMAIN && kd_net_parse(value, &net)) { /* abuse.ch and others mix them in a column of hosts */
        net_value(f, value, row);
        return;
    }
    if (!kd_object_spell(kind, value, &o)) {
        bool one_label = kind == KD_OBJ_DOMAIN && kd_bytes_find_byte(value, '.') == SIZE_MAX && value.n > 0;
        if (one_label)
            refuse(f, "a name without a dot would be all of a domain", value);
        else
            kd_feed_wrong(f, "no such value", value);
        return;
    }
    struct kd_obj_new n = {.kind = kind, .spelt = kd_out_bytes_view(&o), .exact = exact};
    const char *why = f->spec->force          ? NULL
                      : kind == KD_OBJ_DOMAIN ? kd_safe_name(&f->safe, n.spelt)
                                              : kd_safe_sum(kind, n.spelt);
    if (why != NULL)
        refuse(f, why, value);
    else
        put(f, &n, row);
}

/* 192.0.2.1:443 and [2001:db8::1]:443 are their addresses. */
static struct kd_bytes address_of(struct kd_bytes v)
{
    size_t colon = kd_bytes_find_byte(v, ':');
    if (kd_bytes_at(v, 0) == '[')
        return kd_bytes_from(kd_bytes_head(v, kd_bytes_find_byte(v, ']')), 1);
    if (colon != SIZE_MAX && kd_bytes_find_byte(kd_bytes_from(v, colon + 1), ':') == SIZE_MAX)
        return kd_bytes_head(v, colon);
    return v;
}

static struct kd_bytes piece(struct kd_bytes v, enum part part)
{
    struct kd_bytes rest = v, first;
    if (part == ALL)
        return v;
    if (part == ADDRESS)
        return address_of(v);
    first = kd_bytes_cut(&rest, '|');
    return part == FIRST ? first : rest;
}

void kd_feed_value(struct kd_feed *f, struct kd_bytes type, struct kd_bytes value, const struct kd_row *row)
{
    enum kd_object_kind kind;
    value = kd_bytes_trim(value);
    for (size_t i = 0; type.n > 0 && i < KD_COUNT(type_names); i++)
        if (kd_bytes_ieq(type, kd_str(type_names[i].name))) {
            kd_feed_kind(f, (enum kd_object_kind)type_names[i].kind, type_names[i].exact,
                         piece(value, (enum part)type_names[i].part), row);
            return;
        }
    if (type.n > 0 && !kd_bytes_ieq(type, kd_str("hash"))) {
        f->list->other++;
        return;
    }
    uint8_t plain[KD_OBJ_TEXT_MAX];
    struct kd_out clean = kd_out_of(plain, sizeof(plain));
    value = refanged(kd_bytes_head(value, KD_OBJ_TEXT_MAX), &clean);
    if (f->spec->kind != KD_FEED_ANY_KIND)
        kd_feed_kind(f, (enum kd_object_kind)f->spec->kind, false,
                     f->spec->kind == KD_OBJ_IP ? address_of(value) : value, row);
    else if (kd_object_guess(value, &kind) || kd_object_guess(address_of(value), &kind))
        kd_feed_kind(f, kind, false, kind == KD_OBJ_IP ? address_of(value) : value, row);
    else if (value.n > 2 && (value.p[0] == '*' || value.p[0] == '.'))
        kd_feed_kind(f, KD_OBJ_DOMAIN, false, value, row);
    else if (kd_bytes_find_byte(value, '.') == SIZE_MAX && kd_bytes_find_byte(value, ' ') == SIZE_MAX && value.n > 0)
        refuse(f, "a name without a dot would be all of a domain", value);
    else
        kd_feed_wrong(f, "neither address, name, link, sum, fingerprint nor mail address", value);
}

static bool is_no(struct kd_bytes v)
{
    return kd_bytes_eq_str(v, "0") || kd_bytes_ieq(v, kd_str("false")) || kd_bytes_ieq(v, kd_str("no"));
}

/* A row is about one thing: a link before the host it is on, the strongest sum of a file. */
void kd_feed_row(struct kd_feed *f, const struct kd_row *row)
{
    static const struct {
        uint8_t field, kind;
    } order[] = {
        {KD_F_URL, KD_OBJ_URL},   {KD_F_SHA256, KD_OBJ_SHA256}, {KD_F_SHA1, KD_OBJ_SHA1}, {KD_F_MD5, KD_OBJ_MD5},
        {KD_F_CERT, KD_OBJ_CERT}, {KD_F_JA3, KD_OBJ_JA3},       {KD_F_JA4, KD_OBJ_JA4},   {KD_F_DOMAIN, KD_OBJ_DOMAIN},
        {KD_F_IP, KD_OBJ_IP},     {KD_F_MAIL, KD_OBJ_MAIL},
    };
    struct kd_bytes revoked = row->f[KD_F_REVOKED];
    if ((row->f[KD_F_TO_IDS].n > 0 && is_no(row->f[KD_F_TO_IDS])) || (revoked.n > 0 && !is_no(revoked))) {
        f->list->other++; /* kept by its makers as background */
        return;
    }
    if (row->f[KD_F_VALUE].n > 0) {
        kd_feed_value(f, kd_bytes_trim(row->f[KD_F_TYPE]), row->f[KD_F_VALUE], row);
        return;
    }
    for (size_t i = 0; i < KD_COUNT(order); i++) {
        struct kd_bytes v = kd_bytes_trim(row->f[order[i].field]);
        if (v.n == 0 || kd_bytes_ieq(v, kd_str("n/a")) || kd_bytes_eq_str(v, "None"))
            continue;
        enum kd_object_kind kind = (enum kd_object_kind)order[i].kind;
        bool sum = kind == KD_OBJ_SHA1 || kind == KD_OBJ_SHA256 || kind == KD_OBJ_MD5;
        if (sum && (f->spec->kind == KD_OBJ_CERT || f->spec->kind == KD_OBJ_JA3))
            kind = (enum kd_object_kind)f->spec->kind;
        kd_feed_kind(f, kind, false, kind == KD_OBJ_IP ? address_of(v) : v, row);
        return;
    }
    kd_feed_wrong(f, "the row has no value", kd_bytes_of(NULL, 0));
}
