/* SPDX-License-Identifier: Apache-2.0 */
#include "store/objects.h"

#include "store/decisions.h"

enum { REASON_MAX = 1000, MEETINGS_SHOWN = 50, LISTED = 1000, DECIDED_MEETINGS = 2000 };

/* ---- spelling ---- */

static bool put_lower(struct kd_out *o, struct kd_bytes v)
{
    for (size_t i = 0; i < v.n; i++)
        kd_out_u8(o, kd_ascii_lower(v.p[i]));
    return kd_out_ok(o);
}

static bool is_hex(struct kd_bytes v, size_t digits)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = kd_ascii_lower(v.p[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return v.n == digits;
}

static bool put_net(struct kd_out *o, struct kd_bytes v)
{
    enum { WHOLE = 128, FOUR = 32 };
    struct kd_net net;
    if (!kd_net_parse(v, &net))
        return false;
    kd_out_addr(o, &net.addr);
    bool four = kd_addr_is_v4(&net.addr);
    if (net.bits < WHOLE)
        kd_out_fmt(o, "/%u", four ? net.bits - (WHOLE - FOUR) : net.bits);
    return kd_out_ok(o);
}

static bool put_name(struct kd_out *o, struct kd_bytes v)
{
    v.n -= v.n > 0 && v.p[v.n - 1] == '.';
    bool ok = v.n > 0 && v.n <= 253 && kd_bytes_find_byte(v, '.') != SIZE_MAX;
    for (size_t i = 0; i < v.n; i++)
        ok = ok && v.p[i] > ' ' && v.p[i] != '/' && v.p[i] != ':' && v.p[i] != 0x7f;
    return ok && put_lower(o, v);
}

static bool put_url(struct kd_out *o, struct kd_bytes v)
{
    size_t at = kd_bytes_find(v, kd_str("://"));
    v = at == SIZE_MAX ? v : kd_bytes_from(v, at + 3);
    size_t slash = kd_bytes_find_byte(v, '/');
    if (slash == SIZE_MAX || slash == 0)
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] <= ' ' || v.p[i] == 0x7f)
            return false;
    kd_ignore(put_lower(o, kd_bytes_head(v, slash)) ? KD_OK : KD_LIMIT);
    kd_out_bytes(o, kd_bytes_from(v, slash));
    return kd_out_ok(o);
}

static bool put_word(struct kd_out *o, struct kd_bytes v)
{
    bool ok = v.n > 0 && v.n <= 64;
    for (size_t i = 0; i < v.n; i++)
        ok = ok && v.p[i] > ' ' && v.p[i] < 0x7f && v.p[i] != ',';
    return ok && put_lower(o, v);
}

bool kd_object_key(struct kd_bytes kind, struct kd_bytes value, struct kd_out *o)
{
    static const struct {
        const char *name;
        size_t digits;
    } sums[] = {{"sha256", 64}, {"sha1", 40}, {"md5", 32}, {"ja3", 32}};
    for (size_t i = 0; i < KD_COUNT(sums); i++)
        if (kd_bytes_eq_str(kind, sums[i].name))
            return is_hex(value, sums[i].digits) && put_lower(o, value);
    if (value.n > KD_OBJECT_VALUE_MAX || !kd_bytes_is_utf8(value))
        return false;
    return kd_bytes_eq_str(kind, "ip")       ? put_net(o, value)
           : kd_bytes_eq_str(kind, "domain") ? put_name(o, value)
           : kd_bytes_eq_str(kind, "url")    ? put_url(o, value)
                                             : kd_bytes_eq_str(kind, "ja4") && put_word(o, value);
}

/* ---- life ---- */

static enum kd_status count(struct kd_meta *m, uint64_t *ret)
{
    struct kd_sql q = kd_sql(m, "SELECT count(*) FROM objects");
    *ret = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q);
}

static enum kd_status find(struct kd_meta *m, struct kd_bytes kind, struct kd_bytes value, uint64_t *ret)
{
    struct kd_sql q = kd_sql(m, "SELECT id FROM objects WHERE kind = ? AND value = ?");
    kd_sql_text(&q, kind);
    kd_sql_text(&q, value);
    *ret = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q);
}

enum kd_status kd_object_add(struct kd_meta *m, const struct kd_object_new *n, uint64_t *ret_id)
{
    uint8_t room[KD_OBJECT_VALUE_MAX];
    struct kd_out key = kd_out_of(room, sizeof(room));
    uint64_t have = 0;
    if (!kd_object_key(n->kind, n->value, &key) || n->reason.n == 0 || n->reason.n > REASON_MAX)
        return KD_MALFORMED;
    enum kd_status s = count(m, &have);
    if (s == KD_OK && have >= KD_OBJECTS_MAX)
        s = KD_LIMIT;
    if (s != KD_OK)
        return s;
    struct kd_sql q =
        kd_sql(m, "INSERT INTO objects (kind, value, reason, source, by_user, created_us, until_us, look_us)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason,"
                  " source = excluded.source, by_user = excluded.by_user, until_us = excluded.until_us, look_us = 1,"
                  " looks = 0, look_state = 'waiting'");
    kd_sql_text(&q, n->kind);
    kd_sql_text(&q, kd_out_bytes_view(&key));
    kd_sql_text(&q, n->reason);
    kd_sql_text(&q, kd_str(n->source));
    kd_sql_text(&q, n->owner);
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_u64(&q, n->until_us);
    s = kd_sql_done(&q);
    s = s == KD_OK ? find(m, n->kind, kd_out_bytes_view(&key), ret_id) : s;
    return s == KD_OK ? kd_decided(m) : s;
}

enum kd_status kd_object_expire(struct kd_meta *m, uint64_t id)
{
    struct kd_sql q = kd_sql(m, "UPDATE objects SET until_us = ?, look_us = 0 WHERE id = ? AND (until_us = 0 OR until_us > ?)");
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_u64(&q, id);
    kd_sql_u64(&q, kd_meta_now(m));
    enum kd_status s = kd_sql_done(&q);
    if (s == KD_OK && kd_meta_changes(m) == 0)
        return KD_NOT_FOUND;
    return s == KD_OK ? kd_decided(m) : s;
}

/* ---- as JSON ---- */

#define COLUMNS                                                                                                      \
    "id, kind, value, reason, source, by_user, created_us, until_us, hits, hit_us, look_state,"                      \
    " (SELECT count(*) FROM meetings WHERE object = id)"

static enum kd_status put_meetings(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT x.host, met, how, x.first_us, x.last_us, count, coalesce(h.name, '') FROM meetings x"
                                " LEFT JOIN hosts h ON h.address = x.host WHERE object = ?"
                                " ORDER BY x.last_us DESC, x.host LIMIT ?");
    kd_sql_u64(&q, id);
    kd_sql_u64(&q, MEETINGS_SHOWN);
    kd_jw_open(w, "meetings", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "host", kd_sql_get_text(&q, 0));
        kd_jw_text(w, "host_name", kd_sql_get_text(&q, 6));
        kd_jw_text(w, "met", kd_sql_get_text(&q, 1));
        kd_jw_text(w, "how", kd_sql_get_text(&q, 2));
        kd_jw_time(w, "first", kd_sql_get(&q, 3));
        kd_jw_time(w, "last", kd_sql_get(&q, 4));
        kd_jw_u64(w, "count", kd_sql_get(&q, 5));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

static enum kd_status put_row(struct kd_meta *m, struct kd_sql *q, struct kd_jw *w)
{
    uint64_t until_us = kd_sql_get(q, 7);
    kd_jw_open(w, NULL, '{');
    kd_jw_u64(w, "id", kd_sql_get(q, 0));
    kd_jw_text(w, "kind", kd_sql_get_text(q, 1));
    kd_jw_text(w, "value", kd_sql_get_text(q, 2));
    kd_jw_text(w, "reason", kd_sql_get_text(q, 3));
    kd_jw_text(w, "source", kd_sql_get_text(q, 4));
    kd_jw_text(w, "created_by", kd_sql_get_text(q, 5));
    kd_jw_time(w, "created", kd_sql_get(q, 6));
    kd_jw_time(w, "until", until_us);
    kd_jw_str(w, "state", until_us == 0 || until_us > kd_meta_now(m) ? "active" : "expired");
    kd_jw_u64(w, "hits", kd_sql_get(q, 8));
    kd_jw_time(w, "last_hit", kd_sql_get(q, 9));
    kd_jw_text(w, "look_back", kd_sql_get_text(q, 10));
    kd_jw_u64(w, "hosts", kd_sql_get(q, 11));
    enum kd_status s = put_meetings(m, kd_sql_get(q, 0), w);
    kd_jw_close(w, '}');
    return s;
}

static enum kd_status put_all(struct kd_meta *m, struct kd_sql *q, struct kd_jw *w, size_t *ret_n)
{
    enum kd_status s = KD_OK;
    *ret_n = 0;
    while (s == KD_OK && kd_sql_row(q)) {
        s = put_row(m, q, w);
        (*ret_n)++;
    }
    enum kd_status t = kd_sql_done(q);
    return s == KD_OK ? t : s;
}

enum kd_status kd_objects_json(struct kd_meta *m, struct kd_jw *w)
{
    size_t n;
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM objects ORDER BY id DESC LIMIT ?");
    kd_sql_u64(&q, LISTED);
    return put_all(m, &q, w, &n);
}

enum kd_status kd_object_json(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    size_t n;
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM objects WHERE id = ?");
    kd_sql_u64(&q, id);
    enum kd_status s = put_all(m, &q, w, &n);
    return s == KD_OK && n == 0 ? KD_NOT_FOUND : s;
}

/* ---- to and from the brain ---- */

static enum kd_status put_decided_meetings(struct kd_meta *m, struct kd_out *o, uint64_t *ret_left_out)
{
    struct kd_sql q = kd_sql(m, "SELECT o.id, o.kind, o.value, x.met, x.how, o.reason, x.host, x.first_us, x.last_us, x.count"
                                " FROM meetings x JOIN objects o ON o.id = x.object WHERE x.told = 0"
                                " AND (o.until_us = 0 OR o.until_us > ?) ORDER BY o.id, x.host LIMIT ?");
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_u64(&q, DECIDED_MEETINGS); /* the rest when these are told */
    while (kd_sql_row(&q)) {
        struct kd_decision d = {.kind = KD_DECISION_MEETING};
        d.meeting = (struct kd_meeting){.object = kd_sql_get(&q, 0), .kind = kd_sql_get_text(&q, 1),
                                        .value = kd_sql_get_text(&q, 2), .met = kd_sql_get_text(&q, 3),
                                        .how = kd_sql_get_text(&q, 4), .note = kd_sql_get_text(&q, 5),
                                        .first_us = kd_sql_get(&q, 7), .last_us = kd_sql_get(&q, 8),
                                        .count = kd_sql_get(&q, 9)};
        *ret_left_out += !kd_addr_parse(kd_sql_get_text(&q, 6), &d.meeting.host) || !kd_decision_put(o, &d);
    }
    return kd_sql_done(&q);
}

enum kd_status kd_objects_put(struct kd_meta *m, struct kd_out *o, uint64_t *ret_left_out)
{
    enum kd_status s = put_decided_meetings(m, o, ret_left_out);
    struct kd_sql q =
        kd_sql(m, "SELECT id, kind, value, reason, until_us FROM objects WHERE until_us = 0 OR until_us > ? ORDER BY id DESC");
    kd_sql_u64(&q, kd_meta_now(m));
    while (s == KD_OK && kd_sql_row(&q)) {
        struct kd_decision d = {.kind = KD_DECISION_OBJECT};
        d.object = (struct kd_object){.number = kd_sql_get(&q, 0), .kind = kd_sql_get_text(&q, 1),
                                      .value = kd_sql_get_text(&q, 2), .note = kd_sql_get_text(&q, 3),
                                      .until_us = kd_sql_get(&q, 4)};
        *ret_left_out += !kd_decision_put(o, &d);
    }
    enum kd_status t = kd_sql_done(&q);
    return s == KD_OK ? t : s;
}

static enum kd_status told(struct kd_meta *m, uint64_t id, const struct kd_addr *host)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, host);
    struct kd_sql q = kd_sql(m, "UPDATE meetings SET told = 1 WHERE object = ? AND host = ? AND told = 0");
    kd_sql_u64(&q, id);
    kd_sql_text(&q, kd_out_bytes_view(&o));
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && kd_meta_changes(m) > 0 ? kd_decided(m) : s;
}

enum kd_status kd_object_hit(struct kd_meta *m, uint64_t id, const struct kd_addr *host, bool of_the_past, uint64_t n,
                             uint64_t last_us)
{
    if (of_the_past)
        return told(m, id, host);
    struct kd_sql q = kd_sql(m, "UPDATE objects SET hits = hits + ?, hit_us = max(hit_us, ?) WHERE id = ?");
    kd_sql_u64(&q, n);
    kd_sql_u64(&q, last_us);
    kd_sql_u64(&q, id);
    return kd_sql_done(&q);
}

/* ---- looking back ---- */

static bool copy(struct kd_heap *h, struct kd_bytes text)
{
    if (!kd_heap_room(h, text.n + 1))
        return false;
    if (text.n > 0)
        memcpy(h->p, text.p, text.n);
    h->n = text.n;
    return true;
}

enum kd_status kd_object_due(struct kd_meta *m, struct kd_object_due *ret)
{
    struct kd_sql q = kd_sql(m, "SELECT id, created_us, looks, kind, value FROM objects WHERE look_us <> 0 AND look_us <= ?"
                                " ORDER BY look_us, id LIMIT 1");
    kd_sql_u64(&q, kd_meta_now(m));
    bool found = kd_sql_row(&q);
    if (found) {
        ret->id = kd_sql_get(&q, 0);
        ret->created_us = kd_sql_get(&q, 1);
        ret->looks = kd_sql_get(&q, 2);
        if (!copy(&ret->kind, kd_sql_get_text(&q, 3)) || !copy(&ret->value, kd_sql_get_text(&q, 4)))
            q.s = KD_NO_MEMORY;
    }
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}

void kd_object_due_done(struct kd_object_due *d)
{
    kd_heap_done(&d->kind);
    kd_heap_done(&d->value);
}

enum kd_status kd_meeting_note(struct kd_meta *m, const struct kd_meeting_new *n)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, &n->host);
    struct kd_sql q = kd_sql(m, "INSERT INTO meetings (object, host, met, how, first_us, last_us, count)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                                " first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us),"
                                " count = max(count, excluded.count)");
    kd_sql_u64(&q, n->object);
    kd_sql_text(&q, kd_out_bytes_view(&o));
    kd_sql_text(&q, kd_bytes_head(n->met, KD_OBJECT_VALUE_MAX));
    kd_sql_text(&q, n->how);
    kd_sql_u64(&q, n->first_us);
    kd_sql_u64(&q, n->last_us);
    kd_sql_u64(&q, n->count);
    return kd_sql_done(&q);
}

enum kd_status kd_object_looked(struct kd_meta *m, uint64_t id, bool whole, uint64_t next_us)
{
    struct kd_sql q = kd_sql(m, "UPDATE objects SET looks = looks + 1, look_us = ?, look_state = ? WHERE id = ?");
    kd_sql_u64(&q, next_us);
    kd_sql_text(&q, kd_str(whole ? "done" : "partial"));
    kd_sql_u64(&q, id);
    return kd_sql_done(&q);
}
