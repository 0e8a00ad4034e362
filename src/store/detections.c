/* SPDX-License-Identifier: Apache-2.0 */
#include "store/detections.h"

#include "store/exceptions.h"
#include "store/objects.h"

/* What an earlier row of the same fold key knows. */
struct known {
    uint64_t id, count, first_us, last_us, state_us;
    bool closed;
};

static enum kd_status find_fold(struct kd_meta *m, struct kd_bytes key, struct known *ret)
{
    *ret = (struct known){0};
    if (key.n == 0)
        return KD_OK;
    struct kd_sql q =
        kd_sql(m, "SELECT id, count, first_us, last_us, state = 'closed' FROM detections"
                  " WHERE fold = ?");
    kd_sql_blob(&q, key);
    if (kd_sql_row(&q))
        *ret = (struct known){.id = kd_sql_get(&q, 0),
                              .count = kd_sql_get(&q, 1),
                              .first_us = kd_sql_get(&q, 2),
                              .last_us = kd_sql_get(&q, 3),
                              .closed = kd_sql_get(&q, 4) != 0};
    return kd_sql_done(&q);
}

static void join_ids(struct kd_heap *h, const struct kd_strs *ids)
{
    for (size_t i = 0; i < ids->n; i++) {
        uint64_t id;
        char text[32];
        if (!kd_bytes_to_u64(ids->v[i], UINT64_MAX, &id))
            continue;
        int n = snprintf(text, sizeof(text), "%s%llu", h->n > 0 ? "," : "", (unsigned long long)id);
        if (n <= 0 || !kd_heap_room(h, (size_t)n))
            return;
        memcpy(h->p + h->n, text, (size_t)n);
        h->n += (size_t)n;
    }
}

static void bind_row(struct kd_sql *q, const struct kd_rec_alert *a, bool excepted, uint64_t exception,
                     struct kd_bytes json)
{
    uint8_t host[48], peer[48];
    struct kd_heap ids = {NULL, 0, 0};
    join_ids(&ids, &a->record_ids);
    if (a->key.n == 0)
        kd_sql_none(q);
    else
        kd_sql_blob(q, a->key);
    kd_sql_text(q, a->detection_id);
    kd_sql_u64(q, kd_severity_of(a->severity));
    kd_sql_text(q, a->phase);
    kd_sql_text(q, kd_addr_view(&a->host, host));
    kd_sql_text(q, kd_addr_view(&a->peer, peer));
    kd_sql_text(q, a->host_name);
    kd_sql_text(q, a->title_ja);
    kd_sql_text(q, a->title_en);
    kd_sql_u64(q, a->count);
    kd_sql_u64(q, a->first_us);
    kd_sql_u64(q, a->last_us);
    kd_sql_u64(q, excepted);
    kd_sql_u64(q, exception);
    kd_sql_text(q, a->user);
    kd_sql_text(q, kd_bytes_of(ids.p, ids.n));
    kd_sql_text(q, json);
    kd_heap_done(&ids);
}

static enum kd_status count_hour(struct kd_meta *m, uint64_t us, const char *kind,
                                 struct kd_bytes name)
{
    struct kd_sql q = kd_sql(m, "INSERT INTO hourly (hour, kind, name, value) VALUES (?, ?, ?, 1)"
                                " ON CONFLICT DO UPDATE SET value = value + 1");
    kd_sql_u64(&q, us / KD_US_PER_HOUR);
    kd_sql_text(&q, kd_str(kind));
    kd_sql_text(&q, name);
    return kd_sql_done(&q);
}

enum kd_status kd_detection_take(struct kd_meta *m, const struct kd_rec_head *head,
                                 const struct kd_rec_alert *alert, const struct kd_decisions *decisions,
                                 int zone_s, uint64_t *ret_id)
{
    struct kd_rec_alert a = *alert;
    struct known was;
    *ret_id = 0;
    enum kd_status s = find_fold(m, a.key, &was);
    if (s != KD_OK)
        return s;
    struct kd_exception_case c = {a.detection_id, &a.host, &a.peer, a.user};
    const struct kd_exception *by = kd_decisions_hide(decisions, &c, kd_meta_now(m));
    /* Hidden by one of ours that was taken away meanwhile: told again. */
    bool excepted = by != NULL || (a.excepted && a.exception == 0);
    uint64_t before = was.count;
    a.first_us = a.first_us == 0 ? head->ts_us : a.first_us;
    a.last_us = a.last_us == 0 ? head->ts_us : a.last_us;
    if (was.id != 0) { /* the detector may have begun to count anew */
        a.first_us = kd_min_u64(a.first_us, was.first_us);
        a.last_us = kd_max_u64(a.last_us, was.last_us);
        a.count = kd_max_u64(a.count, was.count);
    }
    uint8_t *json = malloc(KD_JSON_MAX);
    if (json == NULL)
        return KD_NO_MEMORY;
    struct kd_out o = kd_out_of(json, KD_JSON_MAX);
    kd_record_json(&o, head, &a, zone_s);
    struct kd_sql q =
        kd_sql(m, was.id == 0 ? "INSERT INTO detections (fold, detection_id, severity, phase, "
                                "host, peer, host_name, title_ja,"
                                " title_en, count, first_us, last_us, excepted, exception, user, record_ids, json)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                              : "UPDATE detections SET fold = ?, detection_id = ?, severity = ?, "
                                "phase = ?, host = ?, peer = ?,"
                                " host_name = ?, title_ja = ?, title_en = ?, count = ?, first_us = "
                                "?, last_us = ?, excepted = ?, exception = ?, user = ?,"
                                " record_ids = ?, json = ?, state = CASE state WHEN 'closed' THEN "
                                "'open' ELSE state END"
                                " WHERE id = ?");
    bind_row(&q, &a, excepted, by == NULL ? 0 : by->number, kd_out_bytes_view(&o));
    if (was.id != 0)
        kd_sql_u64(&q, was.id);
    s = kd_sql_done(&q);
    free(json);
    if (s == KD_OK && by != NULL && a.count > before)
        s = kd_exception_hit(m, by->number, a.count - before, a.last_us);
    bool of_the_past = kd_bytes_starts(a.detection_id, kd_str("KD-CO-002"));
    if (s == KD_OK && a.object != 0 && (of_the_past || a.count > before))
        s = kd_object_hit(m, a.object, &a.host, of_the_past, a.count - kd_min_u64(before, a.count), a.last_us);
    if (s != KD_OK || excepted)
        return s;
    *ret_id = was.id != 0 ? was.id : kd_meta_last_id(m);
    return was.id != 0 ? KD_OK : count_hour(m, a.last_us, "severity", a.severity);
}

/* ---- as JSON ---- */

#define COLUMNS "id, json, state, note, state_by, state_us, host_name"

static void put_row(struct kd_sql *q, struct kd_jw *w)
{
    kd_jw_reopen(w, NULL, kd_sql_get_text(q, 1));
    kd_jw_u64(w, "id", kd_sql_get(q, 0));
    kd_jw_text(w, "state", kd_sql_get_text(q, 2));
    kd_jw_text(w, "note", kd_sql_get_text(q, 3));
    kd_jw_text(w, "state_by", kd_sql_get_text(q, 4));
    kd_jw_time(w, "state_time", kd_sql_get(q, 5));
    kd_jw_text(w, "host_name", kd_sql_get_text(q, 6));
    kd_jw_close(w, '}');
}

enum kd_status kd_detection_json(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM detections WHERE id = ?");
    kd_sql_u64(&q, id);
    bool found = kd_sql_row(&q);
    if (found)
        put_row(&q, w);
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}

/* The filter's conditions, the same for list and total.  Foreign text is only ever bound. */
static const char where[] = " FROM detections WHERE excepted = 0 AND last_us >= ? AND first_us <= ?"
                            " AND (? = '' OR instr(?, ',' || CASE severity WHEN 0 THEN 'info' WHEN "
                            "1 THEN 'low' WHEN 2 THEN 'medium'"
                            " WHEN 3 THEN 'high' ELSE 'critical' END || ',') > 0)"
                            " AND (? = '' OR instr(?, ',' || phase || ',') > 0) AND (? = '' OR "
                            "instr(?, ',' || state || ',') > 0)"
                            " AND (? = '' OR host = ? OR peer = ? OR host_name = ? COLLATE NOCASE)"
                            " AND (? = '' OR instr(lower(title_ja || ' ' || title_en || ' ' || "
                            "detection_id || ' ' || host || ' ' || peer"
                            " || ' ' || host_name || ' ' || note), lower(?)) > 0)";

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

static void bind_filter(struct kd_sql *q, const struct kd_detection_filter *f)
{
    kd_sql_u64(q, f->from_us);
    kd_sql_u64(q, f->to_us == 0 ? INT64_MAX : f->to_us);
    bind_list(q, f->severity);
    bind_list(q, f->phase);
    bind_list(q, f->state);
    for (int i = 0; i < 4; i++)
        kd_sql_text(q, f->host);
    kd_sql_text(q, f->q);
    kd_sql_text(q, f->q);
}

enum kd_status kd_detections_json(struct kd_meta *m, const struct kd_detection_filter *f,
                                  struct kd_jw *w, uint64_t *ret_next, uint64_t *ret_total)
{
    char sql[1800];
    int n =
        snprintf(sql, sizeof(sql), "SELECT " COLUMNS "%s AND (? = 0 OR id < ?) ORDER BY %s LIMIT ?",
                 where, f->worst_first ? "severity DESC, last_us DESC, id DESC" : "id DESC");
    KD_ASSERT(n > 0 && (size_t)n < sizeof(sql));
    struct kd_sql q = kd_sql(m, sql);
    bind_filter(&q, f);
    kd_sql_u64(&q, f->before);
    kd_sql_u64(&q, f->before);
    kd_sql_u64(&q, f->limit + 1);
    uint64_t count = 0;
    uint64_t last = 0;
    *ret_next = 0;
    while (kd_sql_row(&q)) {
        if (count++ == f->limit) {
            *ret_next = last;
            break;
        }
        last = kd_sql_get(&q, 0);
        put_row(&q, w);
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

enum kd_status kd_detection_patch(struct kd_meta *m, uint64_t id, struct kd_bytes state,
                                  struct kd_bytes note, struct kd_bytes user)
{
    struct kd_sql q = kd_sql(
        m, "UPDATE detections SET state_by = CASE WHEN ? THEN ? ELSE state_by END,"
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

enum kd_status kd_detection_evidence(struct kd_meta *m, uint64_t id, struct kd_heap *ret_ids,
                                     uint64_t *ret_first_us, uint64_t *ret_last_us)
{
    struct kd_sql q =
        kd_sql(m, "SELECT record_ids, first_us, last_us FROM detections WHERE id = ?");
    kd_sql_u64(&q, id);
    bool found = kd_sql_row(&q);
    if (found) {
        struct kd_bytes ids = kd_sql_get_text(&q, 0);
        ret_ids->n = 0;
        if (!kd_heap_room(ret_ids, ids.n + 1))
            q.s = KD_NO_MEMORY;
        else if (ids.n > 0)
            memcpy(ret_ids->p, ids.p, ids.n);
        ret_ids->n = q.s == KD_OK ? ids.n : 0;
        *ret_first_us = kd_sql_get(&q, 1);
        *ret_last_us = kd_sql_get(&q, 2);
    }
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}
