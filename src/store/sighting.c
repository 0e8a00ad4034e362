/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sighting.h"

#include "store/sighting_hosts.h"

extern const char kd_sightings_schema[];

static const char *const names[KD_SIGHT_KINDS] = {"any", "ip",  "dns",  "http", "sni",
                                                  "ja3", "ja4", "cert", "hash", "mail"};

const char *kd_sighting_name(enum kd_sighting_kind kind)
{
    return names[kind];
}

bool kd_sighting_kind_of(struct kd_bytes name, enum kd_sighting_kind *ret)
{
    for (unsigned i = 0; i < KD_SIGHT_KINDS; i++)
        if (kd_bytes_eq_str(name, names[i])) {
            *ret = (enum kd_sighting_kind)i;
            return true;
        }
    return false;
}

/* ---- one spelling ---- */

/* www.example.jp as jp.example.www, and back. */
static void put_turned(struct kd_out *o, struct kd_bytes name)
{
    while (name.n > 0) {
        size_t dot = name.n;
        while (dot > 0 && name.p[dot - 1] != '.')
            dot--;
        for (size_t i = dot; i < name.n; i++)
            kd_out_u8(o, kd_ascii_lower(name.p[i]));
        if (dot == 0)
            return;
        kd_out_u8(o, '.');
        name = kd_bytes_head(name, dot - 1);
    }
}

/* host:8080 and [2001:db8::1]:8080 without the port. */
static struct kd_bytes without_port(struct kd_bytes host)
{
    size_t colon = kd_bytes_find_byte(host, ':');
    if (colon == SIZE_MAX)
        return host;
    if (host.p[0] == '[') {
        size_t end = kd_bytes_find_byte(host, ']');
        return end == SIZE_MAX ? host : kd_bytes_head(kd_bytes_from(host, 1), end - 1);
    }
    bool one = kd_bytes_find_byte(kd_bytes_from(host, colon + 1), ':') == SIZE_MAX;
    return one ? kd_bytes_head(host, colon) : host;
}

/* The address of `"A Name" <user@example.jp>`. */
static struct kd_bytes mail_address(struct kd_bytes v)
{
    size_t open = kd_bytes_find_byte(v, '<');
    if (open != SIZE_MAX) {
        v = kd_bytes_from(v, open + 1);
        size_t close = kd_bytes_find_byte(v, '>');
        v = close == SIZE_MAX ? v : kd_bytes_head(v, close);
    }
    return kd_bytes_trim(v);
}

static void put_lower(struct kd_out *o, struct kd_bytes v)
{
    for (size_t i = 0; i < v.n; i++)
        kd_out_u8(o, kd_ascii_lower(v.p[i]));
}

static int nibble(uint8_t c)
{
    c = kd_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Hexadecimal digits, in pairs with or without colons, as bytes. */
static bool put_unhexed(struct kd_out *o, struct kd_bytes v)
{
    for (size_t i = 0; i < v.n; i += 2) {
        if (v.p[i] == ':' && i > 0)
            i++;
        if (i + 1 >= v.n || nibble(v.p[i]) < 0 || nibble(v.p[i + 1]) < 0)
            return false;
        kd_out_u8(o, (uint8_t)(nibble(v.p[i]) << 4 | nibble(v.p[i + 1])));
    }
    return true;
}

static void put_address(struct kd_out *o, const struct kd_addr *a)
{
    if (kd_addr_is_v4(a))
        kd_out_bytes(o, kd_bytes_of(a->b + 12, 4));
    else
        kd_out_bytes(o, kd_bytes_of(a->b, sizeof(a->b)));
}

static struct kd_addr address_of(struct kd_bytes key)
{
    struct kd_addr none = {{0}};
    return key.n == 4 ? kd_addr_v4(key.p) : key.n == sizeof(none.b) ? kd_addr_v6(key.p) : none;
}

bool kd_sighting_key(enum kd_sighting_kind kind, struct kd_bytes text, struct kd_out *o)
{
    struct kd_addr a;
    size_t start = o->n;
    bool ok = true;
    if (text.n == 0 || text.n > KD_SIGHT_KEY_MAX * 2)
        return false;
    switch (kind) {
    case KD_SIGHT_IP:
        ok = kd_addr_parse(text, &a);
        if (ok)
            put_address(o, &a);
        break;
    case KD_SIGHT_HTTP:
        text = without_port(text); /* fallthrough */
    case KD_SIGHT_DNS:
    case KD_SIGHT_SNI:
        if (text.n > 0 && text.p[text.n - 1] == '.')
            text = kd_bytes_head(text, text.n - 1);
        put_turned(o, text);
        break;
    case KD_SIGHT_JA3:
    case KD_SIGHT_CERT:
    case KD_SIGHT_HASH:
        ok = put_unhexed(o, text);
        break;
    case KD_SIGHT_MAIL:
        text = mail_address(text); /* fallthrough */
    default:
        put_lower(o, text);
        break;
    }
    return ok && kd_out_ok(o) && o->n > start && o->n - start <= KD_SIGHT_KEY_MAX;
}

void kd_sighting_text(enum kd_sighting_kind kind, struct kd_bytes key, struct kd_out *o)
{
    struct kd_addr a;
    switch (kind) {
    case KD_SIGHT_IP:
        a = address_of(key);
        kd_out_addr(o, &a);
        break;
    case KD_SIGHT_HTTP:
    case KD_SIGHT_DNS:
    case KD_SIGHT_SNI:
        put_turned(o, key);
        break;
    case KD_SIGHT_JA3:
    case KD_SIGHT_CERT:
    case KD_SIGHT_HASH:
        kd_out_hex(o, key);
        break;
    default:
        kd_out_bytes(o, key);
        break;
    }
}

/* ---- asking ---- */

struct finder {
    const struct kd_sighting_ask *ask;
    struct kd_meta m;
    uint32_t from_day, to_day;
    bool (*row)(void *arg, const struct kd_sighting *s);
    void *arg;
    uint64_t n;
    bool stop;
    struct kd_sighting_sum *sum;
};

static enum kd_status hand_over(struct finder *f, enum kd_sighting_kind kind, struct kd_sql *q)
{
    uint8_t text[2 * KD_SIGHT_KEY_MAX + 1];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_sighting_text(kind, kd_sql_get_text(q, 1), &o);
    uint32_t day = (uint32_t)kd_sql_get(q, 0);
    struct kd_cur c = kd_cur_of(kd_sql_get_text(q, 2));
    struct kd_sight_host h;
    enum kd_status s = KD_OK;
    while (!f->stop && (s = kd_sight_host_take(&c, day, &h)) == KD_OK) {
        struct kd_sighting row = {
            day, kind, kd_out_bytes_view(&o), h.addr, h.first_us, h.last_us, h.count, h.bytes};
        if (f->n++ == f->ask->limit)
            f->sum->truncated = f->stop = true;
        else
            f->stop = !f->row(f->arg, &row);
    }
    return s == KD_NOT_FOUND ? KD_OK : s;
}

/* `days` leads, so that each day is one or two steps down the tree, however long the others are. */
#define FIND                                                                                       \
    "SELECT s.day, s.value, s.hosts"                                                               \
    " FROM days d CROSS JOIN sightings s ON s.day = d.day"                                         \
    " WHERE d.day BETWEEN ?1 AND ?2 AND s.kind = ?3 AND "

static enum kd_status find_kind(struct finder *f, enum kd_sighting_kind kind, const char *sql,
                                struct kd_bytes low, struct kd_bytes high)
{
    struct kd_sql q = kd_sql(&f->m, sql);
    kd_sql_u64(&q, f->from_day);
    kd_sql_u64(&q, f->to_day);
    kd_sql_u64(&q, kind);
    kd_sql_blob(&q, low);
    if (high.n > 0)
        kd_sql_blob(&q, high);
    enum kd_status s = KD_OK;
    while (s == KD_OK && !f->stop && kd_sql_row(&q))
        s = hand_over(f, kind, &q);
    if (s == KD_OK && !f->stop)
        return kd_sql_done(&q);
    kd_sql_drop(&q);
    return s;
}

static enum kd_status find_value(struct finder *f, enum kd_sighting_kind kind)
{
    uint8_t low[KD_SIGHT_KEY_MAX + 2], high[KD_SIGHT_KEY_MAX + 2];
    struct kd_out o = kd_out_of(low, sizeof(low));
    if (!kd_sighting_key(kind, f->ask->value, &o))
        return KD_OK;
    enum kd_status s = find_kind(f, kind, FIND "s.value = ?4 ORDER BY d.day DESC, s.value",
                                 kd_out_bytes_view(&o), kd_bytes_of(NULL, 0));
    bool is_name = kind == KD_SIGHT_DNS || kind == KD_SIGHT_HTTP || kind == KD_SIGHT_SNI;
    if (s != KD_OK || !is_name || f->stop)
        return s;
    memcpy(high, low, o.n);
    low[o.n] = '.';
    high[o.n] = '.' + 1;
    return find_kind(f, kind, FIND "s.value > ?4 AND s.value < ?5 ORDER BY d.day DESC, s.value",
                     kd_bytes_of(low, o.n + 1), kd_bytes_of(high, o.n + 1));
}

static enum kd_status find_sum(struct finder *f)
{
    struct kd_sql q = kd_sql(&f->m, "SELECT seq, (SELECT coalesce(sum(left_out), 0) FROM days"
                                    " WHERE day BETWEEN ? AND ?) FROM counted");
    kd_sql_u64(&q, f->from_day);
    kd_sql_u64(&q, f->to_day);
    if (kd_sql_row(&q)) {
        f->sum->counted_seq = kd_sql_get(&q, 0);
        f->sum->left_out = kd_sql_get(&q, 1);
    }
    return kd_sql_done(&q);
}

enum kd_status kd_sightings_find(const struct kd_sighting_ask *ask,
                                 bool (*row)(void *arg, const struct kd_sighting *s), void *arg,
                                 struct kd_sighting_sum *ret, struct kd_err *err)
{
    struct finder f = {.ask = ask,
                       .from_day = kd_day_of(ask->from_us, ask->zone_s),
                       .to_day = kd_day_of(ask->to_us, ask->zone_s),
                       .row = row,
                       .arg = arg,
                       .sum = ret};
    *ret = (struct kd_sighting_sum){0};
    enum kd_status s = kd_meta_open_file(ask->dir_path, "sightings.db", kd_sightings_schema, false,
                                         false, ask->clock, &f.m, err);
    if (s == KD_NOT_FOUND)
        return KD_OK; /* nothing was counted yet */
    if (s != KD_OK)
        return s;
    kd_meta_limit(&f.m, ask->deadline_us, ask->cancel);
    s = find_sum(&f);
    for (unsigned k = KD_SIGHT_ANY + 1; k < KD_SIGHT_KINDS && s == KD_OK && !f.stop; k++)
        if (ask->kind == KD_SIGHT_ANY || ask->kind == k)
            s = find_value(&f, (enum kd_sighting_kind)k);
    kd_meta_close(&f.m);
    return s == KD_OK ? KD_OK : kd_fail(err, s, 0, "sightings");
}

enum kd_status kd_sightings_each(const struct kd_sighting_ask *ask,
                                 bool (*row)(void *arg, enum kd_sighting_kind kind, struct kd_bytes text),
                                 void *arg, struct kd_err *err)
{
    struct kd_meta m;
    enum kd_status s = kd_meta_open_file(ask->dir_path, "sightings.db", kd_sightings_schema, false,
                                         false, ask->clock, &m, err);
    if (s != KD_OK)
        return s == KD_NOT_FOUND ? KD_OK : s;
    kd_meta_limit(&m, ask->deadline_us, ask->cancel);
    struct kd_sql q = kd_sql(&m, "SELECT kind, value FROM sightings ORDER BY day DESC");
    bool go_on = true;
    while (go_on && kd_sql_row(&q)) {
        uint8_t text[2 * KD_SIGHT_KEY_MAX + 1];
        struct kd_out o = kd_out_of(text, sizeof(text));
        uint64_t kind = kd_sql_get(&q, 0);
        if (kind >= KD_SIGHT_KINDS)
            continue;
        kd_sighting_text((enum kd_sighting_kind)kind, kd_sql_get_text(&q, 1), &o);
        go_on = row(arg, (enum kd_sighting_kind)kind, kd_out_bytes_view(&o));
    }
    if (go_on)
        s = kd_sql_done(&q);
    else
        kd_sql_drop(&q);
    kd_meta_close(&m);
    return s == KD_OK ? KD_OK : kd_fail(err, s, 0, "sightings");
}

void kd_sighting_json(struct kd_jw *w, const struct kd_sighting *s)
{
    char day[16];
    uint8_t buf[48];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    (void)snprintf(day, sizeof(day), "%04u-%02u-%02u", s->day / 10000, s->day / 100 % 100,
                   s->day % 100);
    kd_out_addr(&o, &s->host);
    kd_jw_open(w, NULL, '{');
    kd_jw_str(w, "day", day);
    kd_jw_str(w, "kind", names[s->kind]);
    kd_jw_text(w, "value", s->value);
    kd_jw_text(w, "host", kd_out_bytes_view(&o));
    kd_jw_time(w, "first", s->first_us);
    kd_jw_time(w, "last", s->last_us);
    kd_jw_u64(w, "count", s->count);
    kd_jw_u64(w, "bytes", s->bytes);
    kd_jw_close(w, '}');
}
