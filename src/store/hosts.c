/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hosts.h"

#include "store/detections.h"

static const char *const phases[] = {"intelligence_gathering",
                                     "point_of_entry",
                                     "command_and_control",
                                     "lateral_movement",
                                     "discovery",
                                     "exfiltration",
                                     "impact",
                                     "policy"};

static struct kd_bytes mac_text(const struct kd_mac *mac, uint8_t buf[24])
{
    struct kd_out o = kd_out_of(buf, 24);
    if (!kd_mac_is_none(mac))
        kd_out_mac(&o, mac);
    return kd_out_bytes_view(&o);
}

static enum kd_status remember(struct kd_meta *m, struct kd_bytes address, const char *kind,
                               struct kd_bytes value, struct kd_bytes source, uint64_t first_us,
                               uint64_t last_us)
{
    if (value.n == 0)
        return KD_OK;
    struct kd_sql q =
        kd_sql(m, "INSERT INTO identities (address, kind, value, source, first_us, last_us)"
                  " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                  " first_us = min(first_us, excluded.first_us),"
                  " last_us = max(last_us, excluded.last_us),"
                  " source = CASE excluded.source WHEN '' THEN source ELSE excluded.source END");
    kd_sql_text(&q, address);
    kd_sql_text(&q, kd_str(kind));
    kd_sql_text(&q, value);
    kd_sql_text(&q, source);
    kd_sql_u64(&q, first_us);
    kd_sql_u64(&q, last_us);
    return kd_sql_done(&q);
}

/* A reason names the kind of detection; the page wants the number of the host's newest one of that
 * kind. */
static uint64_t newest_of(struct kd_meta *m, struct kd_bytes host, struct kd_bytes detection_id)
{
    struct kd_sql q =
        kd_sql(m, "SELECT id FROM detections WHERE host = ? AND detection_id = ? AND excepted = 0"
                  " ORDER BY last_us DESC LIMIT 1");
    kd_sql_text(&q, host);
    kd_sql_text(&q, detection_id);
    uint64_t id = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q) == KD_OK ? id : 0;
}

static void put_reasons(struct kd_meta *m, struct kd_jw *w, struct kd_bytes address,
                        const struct kd_rec_host *h)
{
    const struct kd_host_reason *r = h->reasons.v;
    kd_jw_open(w, NULL, '[');
    for (size_t i = 0; i < h->reasons.n; i++) {
        kd_jw_open(w, NULL, '{');
        kd_jw_u64(w, "score", r[i].score);
        uint64_t id = newest_of(m, address, r[i].detection_id);
        if (id != 0)
            kd_jw_u64(w, "detection_id", id);
        else
            kd_jw_null(w, "detection_id");
        kd_jw_text(w, "kind", r[i].detection_id);
        kd_jw_both(w, "text", r[i].text_ja, r[i].text_en);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
}

enum kd_status kd_host_take(struct kd_meta *m, const struct kd_rec_head *head,
                            const struct kd_rec_host *h)
{
    uint8_t a[48], b[24];
    if (kd_addr_is_none(&h->address))
        return KD_OK;
    struct kd_bytes address = kd_addr_view(&h->address, a);
    struct kd_bytes mac = mac_text(&h->mac, b);
    uint64_t first = h->first_us == 0 ? head->ts_us : h->first_us;
    uint64_t last = h->last_us == 0 ? head->ts_us : h->last_us;
    struct kd_jw reasons;
    kd_jw_init(&reasons, 0);
    put_reasons(m, &reasons, address, h);
    struct kd_sql q =
        kd_sql(m, "INSERT INTO hosts (address, sort, mac, name, user, os, role, zone, severity, "
                  "first_us, last_us, reasons, os_source, roles, prefix)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                  " mac = CASE excluded.mac WHEN '' THEN mac ELSE excluded.mac END,"
                  " name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END,"
                  " user = CASE excluded.user WHEN '' THEN user ELSE excluded.user END,"
                  " os = CASE excluded.os WHEN '' THEN os ELSE excluded.os END,"
                  " role = CASE excluded.role WHEN '' THEN role ELSE excluded.role END,"
                  " zone = excluded.zone, roles = excluded.roles,"
                  " os_source = CASE excluded.os WHEN '' THEN os_source ELSE excluded.os_source END,"
                  " prefix = max(prefix, excluded.prefix),"
                  " severity = excluded.severity, first_us = min(first_us, excluded.first_us),"
                  " last_us = max(last_us, excluded.last_us), reasons = excluded.reasons");
    kd_sql_text(&q, address);
    kd_sql_blob(&q, kd_bytes_of(h->address.b, sizeof(h->address.b)));
    kd_sql_text(&q, mac);
    kd_sql_text(&q, h->name);
    kd_sql_text(&q, h->user);
    kd_sql_text(&q, h->os);
    kd_sql_text(&q, h->role);
    kd_sql_text(&q, h->zone);
    kd_sql_u64(&q, h->severity);
    kd_sql_u64(&q, first);
    kd_sql_u64(&q, last);
    kd_sql_text(&q, kd_jw_view(&reasons));
    uint8_t roles[200];
    struct kd_out o = kd_out_of(roles, sizeof(roles));
    for (size_t i = 0; i < h->roles.n; i++) {
        kd_out_str(&o, i > 0 ? " " : "");
        kd_out_bytes(&o, h->roles.v[i]);
    }
    kd_sql_text(&q, h->os_source);
    kd_sql_text(&q, kd_out_bytes_view(&o));
    kd_sql_u64(&q, h->prefix);
    enum kd_status s = kd_sql_done(&q);
    kd_jw_done(&reasons);
    /* The history counts from when it was seen, not from when the host was: names move. */
    if (s == KD_OK)
        s = remember(m, address, "mac", mac, h->source, head->ts_us, last);
    if (s == KD_OK)
        s = remember(m, address, "name", h->name, h->source, head->ts_us, last);
    if (s == KD_OK)
        s = remember(m, address, "user", h->user, h->source, head->ts_us, last);
    return s;
}

/* ---- as JSON ---- */

static const char *level_of(uint64_t severity)
{
    return severity >= 8   ? "critical"
           : severity >= 4 ? "major"
           : severity >= 2 ? "minor"
                           : "trivial";
}

#define COLUMNS                                                                                    \
    "h.address, h.mac, h.name, h.user, h.os, h.role, h.zone, h.severity, h.first_us, h.last_us, "  \
    "h.reasons, h.os_source, h.roles"

static enum kd_status put_counts(struct kd_meta *m, struct kd_bytes address, struct kd_jw *w)
{
    uint64_t count[KD_COUNT(phases)] = {0};
    uint64_t last = 0;
    struct kd_sql q = kd_sql(m, "SELECT phase, count(*), max(last_us) FROM detections"
                                " WHERE host = ? AND excepted = 0 GROUP BY phase");
    kd_sql_text(&q, address);
    while (kd_sql_row(&q)) {
        for (size_t i = 0; i < KD_COUNT(phases); i++)
            if (kd_bytes_eq_str(kd_sql_get_text(&q, 0), phases[i]))
                count[i] = kd_sql_get(&q, 1);
        last = kd_max_u64(last, kd_sql_get(&q, 2));
    }
    enum kd_status s = kd_sql_done(&q);
    kd_jw_open(w, "counts", '{');
    for (size_t i = 0; i < KD_COUNT(phases); i++)
        kd_jw_u64(w, phases[i], count[i]);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        return s;
    q = kd_sql(m, "SELECT title_ja, title_en FROM detections WHERE host = ? AND excepted = 0"
                  " AND state <> 'closed' ORDER BY severity DESC, last_us DESC LIMIT 1");
    kd_sql_text(&q, address);
    if (kd_sql_row(&q))
        kd_jw_both(w, "notable", kd_sql_get_text(&q, 0), kd_sql_get_text(&q, 1));
    else
        kd_jw_null(w, "notable");
    kd_jw_time(w, "last_detection", last);
    return kd_sql_done(&q);
}

static void put_roles(struct kd_jw *w, struct kd_bytes names)
{
    kd_jw_open(w, "roles", '[');
    while (names.n > 0)
        kd_jw_text(w, NULL, kd_bytes_cut(&names, ' '));
    kd_jw_close(w, ']');
}

/* The object, left open. */
static enum kd_status put_host(struct kd_meta *m, struct kd_sql *q, struct kd_jw *w)
{
    uint64_t severity = kd_sql_get(q, 7);
    static const char *const keys[] = {"address", "mac", "name", "user", "os", "role", "zone"};
    kd_jw_open(w, NULL, '{');
    for (int i = 0; i < (int)KD_COUNT(keys); i++) {
        struct kd_bytes text = kd_sql_get_text(q, i);
        if (text.n > 0)
            kd_jw_text(w, keys[i], text);
        else
            kd_jw_null(w, keys[i]); /* not known */
    }
    if (kd_sql_get_text(q, 11).n > 0)
        kd_jw_text(w, "os_source", kd_sql_get_text(q, 11));
    else
        kd_jw_null(w, "os_source");
    put_roles(w, kd_sql_get_text(q, 12));
    kd_jw_u64(w, "severity", severity);
    kd_jw_str(w, "level", level_of(severity));
    kd_jw_time(w, "first_seen", kd_sql_get(q, 8));
    kd_jw_time(w, "last_seen", kd_sql_get(q, 9));
    return put_counts(m, kd_sql_get_text(q, 0), w);
}

static const char where[] = " FROM hosts h WHERE h.severity >= ? AND (? = '' OR "
                            "instr(lower(h.address || ' ' || h.mac || ' ' || h.name || ' '"
                            " || h.user || ' ' || h.role || ' ' || h.zone), lower(?)) > 0 OR "
                            "h.address IN (SELECT address FROM identities"
                            " WHERE instr(lower(value), lower(?)) > 0))";

static void bind_filter(struct kd_sql *q, const struct kd_host_filter *f)
{
    kd_sql_u64(q, f->min_severity);
    kd_sql_text(q, f->q);
    kd_sql_text(q, f->q);
    kd_sql_text(q, f->q);
}

static const char *order_of(struct kd_bytes sort)
{
    static const char *const order[][2] = {{"last", "h.last_us DESC, h.sort"},
                                           {"name", "h.name = '', h.name COLLATE NOCASE, h.sort"},
                                           {"address", "h.sort"}};
    for (size_t i = 0; i < KD_COUNT(order); i++)
        if (kd_bytes_eq_str(sort, order[i][0]))
            return order[i][1];
    return "h.severity DESC, h.last_us DESC, h.sort";
}

enum kd_status kd_hosts_json(struct kd_meta *m, const struct kd_host_filter *f, struct kd_jw *w,
                             uint64_t *ret_total)
{
    char sql[1024];
    int n = snprintf(sql, sizeof(sql), "SELECT " COLUMNS "%s ORDER BY %s LIMIT ? OFFSET ?", where,
                     order_of(f->sort));
    KD_ASSERT(n > 0 && (size_t)n < sizeof(sql));
    struct kd_sql q = kd_sql(m, sql);
    bind_filter(&q, f);
    kd_sql_u64(&q, f->limit);
    kd_sql_u64(&q, f->offset);
    enum kd_status s = KD_OK;
    while (s == KD_OK && kd_sql_row(&q)) {
        s = put_host(m, &q, w);
        kd_jw_close(w, '}');
    }
    enum kd_status done = kd_sql_done(&q);
    if (s != KD_OK || done != KD_OK)
        return s != KD_OK ? s : done;
    n = snprintf(sql, sizeof(sql), "SELECT count(*)%s", where);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(sql));
    q = kd_sql(m, sql);
    bind_filter(&q, f);
    *ret_total = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q);
}

/* An address that moved takes part of the other's history with it: what else had this link address.
 */
static enum kd_status put_identities(struct kd_meta *m, struct kd_bytes address, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(
        m,
        "SELECT kind, value, source, first_us, last_us FROM identities WHERE address = ?1 UNION ALL"
        " SELECT 'address', o.address, o.source, o.first_us, o.last_us FROM identities o JOIN "
        "identities i"
        " ON i.kind = 'mac' AND o.kind = 'mac' AND o.value = i.value WHERE i.address = ?1 AND "
        "o.address <> ?1"
        " ORDER BY 5 DESC LIMIT 200");
    kd_sql_text(&q, address);
    kd_jw_open(w, "identities", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "kind", kd_sql_get_text(&q, 0));
        kd_jw_text(w, "value", kd_sql_get_text(&q, 1));
        kd_jw_text(w, "source", kd_sql_get_text(&q, 2));
        kd_jw_time(w, "first", kd_sql_get(&q, 3));
        kd_jw_time(w, "last", kd_sql_get(&q, 4));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

/* What would lower the severity. */
static void put_lower(struct kd_jw *w, uint64_t severity)
{
    if (severity == 0)
        kd_jw_both(w, "lower", kd_str("対応の必要はありません。"),
                   kd_str("Nothing needs to be done."));
    else
        kd_jw_both(w, "lower",
                   kd_str("下の検知を調べて、解決したものを「対応済み」にし、正常な業務であれば例外"
                          "に登録してください。"
                          "新しい検知がなければ、時間とともに下がります。"),
                   kd_str("Look into the detections below, close what is solved, and add an "
                          "exception for what is "
                          "ordinary work. Without new detections it falls with time."));
}

enum kd_status kd_host_json(struct kd_meta *m, struct kd_bytes address, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM hosts h WHERE h.address = ?");
    kd_sql_text(&q, address);
    bool found = kd_sql_row(&q);
    enum kd_status s = KD_OK;
    if (found) {
        s = put_host(m, &q, w);
        put_lower(w, kd_sql_get(&q, 7));
        kd_jw_raw(w, "reasons", kd_sql_get_text(&q, 10));
        if (s == KD_OK)
            s = put_identities(m, address, w);
    }
    enum kd_status done = kd_sql_done(&q);
    if (s != KD_OK || done != KD_OK || !found)
        return s != KD_OK ? s : done != KD_OK ? done : KD_NOT_FOUND;
    kd_jw_open(w, "detections", '[');
    struct kd_detection_filter f = {.host = address, .limit = 50};
    uint64_t next;
    s = kd_detections_json(m, &f, w, &next, NULL);
    kd_jw_close(w, ']');
    return s;
}

enum kd_status kd_host_resolve(struct kd_meta *m, struct kd_bytes text, struct kd_addr *ret,
                               size_t max, size_t *ret_n)
{
    *ret_n = 0;
    if (max > 0 && kd_addr_parse(text, &ret[0])) {
        *ret_n = 1;
        return KD_OK;
    }
    /* A name, with or without its domain. */
    struct kd_sql q = kd_sql(
        m,
        "SELECT DISTINCT address FROM identities WHERE kind = 'name' AND (value = ?1 COLLATE NOCASE"
        " OR value LIKE ?1 || '.%') UNION SELECT address FROM hosts WHERE name = ?1 COLLATE NOCASE"
        " UNION SELECT address FROM identities WHERE kind = 'mac' AND value = lower(?1)");
    kd_sql_text(&q, text);
    while (*ret_n < max && kd_sql_row(&q))
        if (kd_addr_parse(kd_sql_get_text(&q, 0), &ret[*ret_n]))
            ++*ret_n;
    return kd_sql_done(&q);
}
