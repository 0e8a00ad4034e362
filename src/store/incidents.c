/* SPDX-License-Identifier: Apache-2.0 */
#include "store/incidents.h"

#include "store/detections.h"

/* What an earlier version said. */
struct known {
    uint64_t id, severity, hosts, steps, version;
};

static enum kd_status find(struct kd_meta *m, struct kd_bytes key, struct known *ret)
{
    *ret = (struct known){0};
    struct kd_sql q = kd_sql(m, "SELECT i.id, i.severity, c.hosts, c.steps, i.version FROM incidents i"
                                " LEFT JOIN incident_changes c ON c.incident = i.id WHERE i.key = ?"
                                " ORDER BY c.version DESC LIMIT 1");
    kd_sql_blob(&q, key);
    if (kd_sql_row(&q))
        *ret = (struct known){kd_sql_get(&q, 0), kd_sql_get(&q, 1), kd_sql_get(&q, 2), kd_sql_get(&q, 3),
                              kd_sql_get(&q, 4)};
    kd_sql_drop(&q);
    return q.s;
}

static size_t count_role(const struct kd_rec_incident *r, const char *role)
{
    const struct kd_incident_host *h = r->hosts.v;
    size_t n = 0;
    for (size_t i = 0; i < r->hosts.n; i++)
        n += kd_bytes_eq_str(h[i].role, role);
    return n;
}

/* Findings; what is only information goes along without being counted. */
static size_t count_steps(const struct kd_rec_incident *r)
{
    const struct kd_incident_step *t = r->steps.v;
    size_t n = 0;
    for (size_t i = 0; i < r->steps.n; i++)
        n += !kd_bytes_eq_str(t[i].severity, "info");
    return n;
}

/* What the list shows. */
static void put_brief(const struct kd_rec_incident *r, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_both(w, "title", r->title_ja, r->title_en);
    kd_jw_both(w, "summary", r->summary_ja, r->summary_en);
    kd_jw_text(w, "severity", r->severity);
    kd_jw_u64(w, "confidence", r->confidence);
    kd_jw_time(w, "first", r->first_us);
    kd_jw_time(w, "last", r->last_us);
    kd_jw_open(w, "patient_zero", '{');
    kd_jw_addr(w, "address", &r->zero);
    kd_jw_text(w, "name", r->zero_name);
    kd_jw_close(w, '}');
    kd_jw_u64(w, "hosts", r->hosts.n);
    kd_jw_u64(w, "hosts_spread", count_role(r, "spread"));
    kd_jw_u64(w, "hosts_targeted", count_role(r, "targeted"));
    kd_jw_u64(w, "steps", count_steps(r));
    kd_jw_open(w, "phases", '[');
    for (size_t i = 0; i < r->phases.n; i++)
        kd_jw_text(w, NULL, r->phases.v[i]);
    kd_jw_close(w, ']');
    kd_jw_close(w, '}');
}

static enum kd_status put_parts(struct kd_meta *m, uint64_t id, const struct kd_rec_incident *r)
{
    const struct kd_incident_host *h = r->hosts.v;
    const struct kd_incident_step *t = r->steps.v;
    const struct kd_incident_thing *g = r->things.v;
    enum kd_status s = KD_OK;
    for (size_t i = 0; i < r->hosts.n && s == KD_OK; i++) {
        uint8_t buf[48];
        struct kd_sql q = kd_sql(m, "INSERT OR IGNORE INTO incident_hosts (incident, host) VALUES (?, ?)");
        kd_sql_u64(&q, id);
        kd_sql_text(&q, kd_addr_view(&h[i].address, buf));
        s = kd_sql_done(&q);
    }
    for (size_t i = 0; i < r->steps.n && s == KD_OK; i++) {
        if (t[i].alert_key.n == 0)
            continue;
        struct kd_sql q = kd_sql(m, "INSERT OR IGNORE INTO incident_steps (incident, fold) VALUES (?, ?)");
        kd_sql_u64(&q, id);
        kd_sql_blob(&q, t[i].alert_key);
        s = kd_sql_done(&q);
    }
    for (size_t i = 0; i < r->things.n && s == KD_OK; i++) {
        struct kd_sql q = kd_sql(m, "INSERT OR IGNORE INTO incident_things (incident, kind, value) VALUES (?, ?, ?)");
        kd_sql_u64(&q, id);
        kd_sql_text(&q, g[i].kind);
        kd_sql_text(&q, g[i].value);
        s = kd_sql_done(&q);
    }
    return s;
}

static enum kd_status put_change(struct kd_meta *m, uint64_t id, uint64_t ts_us, const struct kd_rec_incident *r)
{
    struct kd_sql q = kd_sql(m, "INSERT OR REPLACE INTO incident_changes (incident, version, ts_us, severity, hosts, steps,"
                                " title_ja, title_en) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    kd_sql_u64(&q, id);
    kd_sql_u64(&q, r->version);
    kd_sql_u64(&q, ts_us);
    kd_sql_u64(&q, kd_severity_of(r->severity));
    kd_sql_u64(&q, r->hosts.n);
    kd_sql_u64(&q, count_steps(r));
    kd_sql_text(&q, r->title_ja);
    kd_sql_text(&q, r->title_en);
    return kd_sql_done(&q);
}

static enum kd_status put_row(struct kd_meta *m, const struct kd_rec_head *head, const struct kd_rec_incident *r,
                              int zone_s, bool news)
{
    struct kd_jw brief;
    kd_jw_init(&brief, zone_s);
    put_brief(r, &brief);
    uint8_t *json = malloc(KD_JSON_MAX);
    enum kd_status s = json != NULL && kd_jw_ok(&brief) ? KD_OK : KD_NO_MEMORY;
    if (s == KD_OK) {
        struct kd_out o = kd_out_of(json, KD_JSON_MAX);
        kd_record_json(&o, head, r, zone_s);
        struct kd_sql q =
            kd_sql(m, "INSERT INTO incidents (key, merged_into, severity, title_ja, title_en, first_us, last_us, version,"
                      " brief, json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                      " ON CONFLICT (key) DO UPDATE SET merged_into = excluded.merged_into, severity = excluded.severity,"
                      " title_ja = excluded.title_ja, title_en = excluded.title_en, first_us = excluded.first_us,"
                      " last_us = excluded.last_us, version = excluded.version, brief = excluded.brief,"
                      " json = excluded.json, state = CASE WHEN ? AND state = 'closed' THEN 'open' ELSE state END");
        kd_sql_blob(&q, r->key);
        if (r->merged_into.n > 0)
            kd_sql_blob(&q, r->merged_into);
        else
            kd_sql_none(&q);
        kd_sql_u64(&q, kd_severity_of(r->severity));
        kd_sql_text(&q, r->title_ja);
        kd_sql_text(&q, r->title_en);
        kd_sql_u64(&q, r->first_us);
        kd_sql_u64(&q, r->last_us);
        kd_sql_u64(&q, r->version);
        kd_sql_text(&q, kd_jw_view(&brief));
        kd_sql_text(&q, kd_out_bytes_view(&o));
        kd_sql_u64(&q, news);
        s = kd_sql_done(&q);
    }
    free(json);
    kd_jw_done(&brief);
    return s;
}

enum kd_status kd_incident_take(struct kd_meta *m, const struct kd_rec_head *head, const struct kd_rec_incident *r,
                                int zone_s, uint64_t *ret_id)
{
    struct known was, now;
    *ret_id = 0;
    if (r->key.n == 0)
        return KD_MALFORMED;
    enum kd_status s = find(m, r->key, &was);
    if (s != KD_OK || (was.id != 0 && r->version < was.version))
        return s;
    bool news = was.id == 0 || was.severity != kd_severity_of(r->severity) || was.hosts != r->hosts.n ||
                was.steps != count_steps(r);
    s = put_row(m, head, r, zone_s, news);
    if (s == KD_OK)
        s = find(m, r->key, &now);
    if (s == KD_OK)
        s = put_parts(m, now.id, r);
    if (s == KD_OK && news)
        s = put_change(m, now.id, head->ts_us, r);
    if (s == KD_OK && r->merged_into.n == 0)
        *ret_id = now.id;
    return s;
}

/* ---- as JSON ---- */

#define STATE_COLUMNS "i.id, i.state, i.note, i.state_by, i.state_us"

static void put_state(struct kd_sql *q, struct kd_jw *w)
{
    kd_jw_u64(w, "id", kd_sql_get(q, 0));
    kd_jw_text(w, "state", kd_sql_get_text(q, 1));
    kd_jw_text(w, "note", kd_sql_get_text(q, 2));
    kd_jw_text(w, "state_by", kd_sql_get_text(q, 3));
    kd_jw_time(w, "state_time", kd_sql_get(q, 4));
}

static void put_brief_row(struct kd_sql *q, struct kd_jw *w)
{
    kd_jw_reopen(w, NULL, kd_sql_get_text(q, 5));
    put_state(q, w);
    kd_jw_close(w, '}');
}

enum kd_status kd_incident_brief_json(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " STATE_COLUMNS ", i.brief FROM incidents i WHERE i.id = ?");
    kd_sql_u64(&q, id);
    bool found = kd_sql_row(&q);
    if (found)
        put_brief_row(&q, w);
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}

/* The numbers of its detections by their key, so that a step leads to its detection. */
static enum kd_status put_detections(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT lower(hex(s.fold)), d.id FROM incident_steps s JOIN detections d ON d.fold = s.fold"
                                " WHERE s.incident = ? ORDER BY d.id LIMIT 1000");
    kd_sql_u64(&q, id);
    kd_jw_open(w, "detections", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "key", kd_sql_get_text(&q, 0));
        kd_jw_u64(w, "id", kd_sql_get(&q, 1));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

static enum kd_status put_changes(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT ts_us, severity, hosts, steps, title_ja, title_en FROM incident_changes"
                                " WHERE incident = ? ORDER BY version LIMIT 200");
    kd_sql_u64(&q, id);
    kd_jw_open(w, "changes", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_time(w, "time", kd_sql_get(&q, 0));
        kd_jw_str(w, "severity", kd_severity_names[kd_min_u64(kd_sql_get(&q, 1), 4)]);
        kd_jw_u64(w, "hosts", kd_sql_get(&q, 2));
        kd_jw_u64(w, "steps", kd_sql_get(&q, 3));
        kd_jw_both(w, "title", kd_sql_get_text(&q, 4), kd_sql_get_text(&q, 5));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

enum kd_status kd_incident_json(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " STATE_COLUMNS ", i.json, coalesce(o.id, 0) FROM incidents i"
                                " LEFT JOIN incidents o ON o.key = i.merged_into WHERE i.id = ?");
    kd_sql_u64(&q, id);
    bool found = kd_sql_row(&q);
    if (found) {
        kd_jw_reopen(w, NULL, kd_sql_get_text(&q, 5));
        put_state(&q, w);
        if (kd_sql_get(&q, 6) != 0)
            kd_jw_u64(w, "merged_into_id", kd_sql_get(&q, 6));
        else
            kd_jw_null(w, "merged_into_id");
    }
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK || !found)
        return s == KD_OK ? KD_NOT_FOUND : s;
    s = put_detections(m, id, w);
    return s == KD_OK ? put_changes(m, id, w) : s;
}

/* Foreign text is only ever bound. */
static const char where[] =
    " FROM incidents i WHERE i.merged_into IS NULL AND (? = '' OR instr(?, ',' || CASE i.severity WHEN 0 THEN 'info'"
    " WHEN 1 THEN 'low' WHEN 2 THEN 'medium' WHEN 3 THEN 'high' ELSE 'critical' END || ',') > 0)"
    " AND (? = '' OR instr(?, ',' || i.state || ',') > 0)"
    " AND (? = '' OR EXISTS (SELECT 1 FROM incident_hosts h WHERE h.incident = i.id AND h.host = ?))"
    " AND (? = '' OR instr(lower(i.title_ja || ' ' || i.title_en || ' ' || i.note), lower(?)) > 0"
    " OR EXISTS (SELECT 1 FROM incident_things g WHERE g.incident = i.id AND instr(g.value, lower(?)) > 0))";

static void bind_list(struct kd_sql *q, struct kd_bytes list)
{
    uint8_t buf[512];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_out_u8(&o, ',');
    kd_out_bytes(&o, list);
    kd_out_u8(&o, ',');
    kd_sql_text(q, kd_out_ok(&o) ? list : kd_str("none"));
    kd_sql_text(q, kd_out_bytes_view(&o));
}

static void bind_filter(struct kd_sql *q, const struct kd_incident_filter *f)
{
    bind_list(q, f->severity);
    bind_list(q, f->state);
    kd_sql_text(q, f->host);
    kd_sql_text(q, f->host);
    for (int i = 0; i < 3; i++)
        kd_sql_text(q, f->q);
}

enum kd_status kd_incidents_json(struct kd_meta *m, const struct kd_incident_filter *f, struct kd_jw *w,
                                 uint64_t *ret_next, uint64_t *ret_total)
{
    char sql[1400];
    int n = snprintf(sql, sizeof(sql), "SELECT " STATE_COLUMNS ", i.brief%s AND (? = 0 OR i.id < ?) ORDER BY %s LIMIT ?",
                     where, f->worst_first ? "i.severity DESC, i.last_us DESC, i.id DESC" : "i.id DESC");
    KD_ASSERT(n > 0 && (size_t)n < sizeof(sql));
    struct kd_sql q = kd_sql(m, sql);
    bind_filter(&q, f);
    kd_sql_u64(&q, f->before);
    kd_sql_u64(&q, f->before);
    kd_sql_u64(&q, f->limit + 1);
    uint64_t count = 0, last = 0;
    *ret_next = 0;
    while (kd_sql_row(&q)) {
        if (count++ == f->limit) {
            *ret_next = last;
            break;
        }
        last = kd_sql_get(&q, 0);
        put_brief_row(&q, w);
    }
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK || ret_total == NULL)
        return s;
    n = snprintf(sql, sizeof(sql), "SELECT count(*)%s", where);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(sql));
    q = kd_sql(m, sql);
    bind_filter(&q, f);
    *ret_total = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q);
}

enum kd_status kd_incident_things(struct kd_meta *m, uint64_t id,
                                  void (*fn)(void *arg, struct kd_bytes kind, struct kd_bytes value), void *arg)
{
    struct kd_sql q = kd_sql(m, "SELECT kind, value FROM incident_things WHERE incident = ? ORDER BY kind, value LIMIT 64");
    kd_sql_u64(&q, id);
    while (kd_sql_row(&q))
        fn(arg, kd_sql_get_text(&q, 0), kd_sql_get_text(&q, 1));
    return kd_sql_done(&q);
}

enum kd_status kd_incident_patch(struct kd_meta *m, uint64_t id, struct kd_bytes state, struct kd_bytes note,
                                 struct kd_bytes user)
{
    struct kd_sql q = kd_sql(m, "UPDATE incidents SET state_by = CASE WHEN ? THEN ? ELSE state_by END,"
                                " state_us = CASE WHEN ? THEN ? ELSE state_us END,"
                                " state = CASE WHEN ? THEN ? ELSE state END, note = CASE WHEN ? THEN ? ELSE note END"
                                " WHERE id = ?");
    bool has_state = state.p != NULL;
    kd_sql_u64(&q, has_state);
    kd_sql_text(&q, user);
    kd_sql_u64(&q, has_state);
    kd_sql_u64(&q, kd_meta_now(m));
    kd_sql_u64(&q, has_state);
    kd_sql_text(&q, state);
    kd_sql_u64(&q, note.p != NULL);
    kd_sql_text(&q, note);
    kd_sql_u64(&q, id);
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && kd_meta_changes(m) == 0 ? KD_NOT_FOUND : s;
}
