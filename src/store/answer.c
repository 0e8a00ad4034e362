/* SPDX-License-Identifier: Apache-2.0 */
#include "store/answer.h"

#include <sodium.h>

#include "store/audit.h"
#include "store/detections.h"
#include "store/host_report.h"
#include "store/hosts.h"
#include "store/sighting.h"

enum {
    DEADLINE_S = 5,
    RECORDS_LIMIT = 500,
    SIGHTINGS_LIMIT = 1000,
    DETECTIONS_LIMIT = 100,
    HOSTS_LIMIT = 500,
    AUDIT_LIMIT = 500,
    EVIDENCE_MAX = 200,
    NOTE_MAX = 4000,
    HOST_DAYS = 7,
    JSON_BYTES = 8 << 20
};

struct asker {
    struct kd_answerer *a;
    const struct kd_question *q;
    struct kd_reply *r;
    struct kd_session session;
    uint64_t deadline_us;
};

static void fail_with(struct asker *k, enum kd_status s)
{
    kd_reply_status(k->r, s);
}

static void bad_request(struct asker *k, const char *code, const char *ja, const char *en)
{
    kd_reply_error(k->r, 422, code, ja, en);
}

/* ---- pairs ---- */

static struct kd_bytes pair(const struct asker *k, const char *name)
{
    return kd_question_get(k->q, name);
}

static bool number(struct asker *k, const char *name, uint64_t otherwise, uint64_t max,
                   uint64_t *ret)
{
    struct kd_bytes v = pair(k, name);
    *ret = otherwise;
    if (v.n == 0)
        return true;
    if (!kd_bytes_to_u64(v, UINT64_MAX, ret)) {
        bad_request(k, "bad_number", "数値の指定が正しくありません。",
                    "A number is not written as one.");
        return false;
    }
    *ret = kd_min_u64(*ret, max);
    return true;
}

static bool moment(struct asker *k, const char *name, uint64_t otherwise, uint64_t *ret)
{
    struct kd_bytes v = pair(k, name);
    *ret = otherwise;
    if (v.n == 0 || kd_time_parse(v, k->a->zone_s, ret))
        return true;
    bad_request(k, "bad_time", "日時の指定が正しくありません(例: 2026-11-22T09:00:00+09:00)。",
                "A time is not written as one (for example 2026-11-22T09:00:00+09:00).");
    return false;
}

static enum kd_status audit(struct asker *k, const char *action, struct kd_bytes object,
                            struct kd_bytes detail)
{
    return kd_audit(&k->a->meta, kd_str(k->session.user), pair(k, "client"), action, object,
                    detail);
}

/* ---- sessions ---- */

static void answer_login(struct asker *k)
{
    uint32_t retry_s = 0;
    struct kd_bytes user = pair(k, "user");
    enum kd_status s = kd_login(&k->a->meta, user, pair(k, "password"), pair(k, "client"),
                                k->r->token, &k->session, &retry_s);
    if (s == KD_OK || s == KD_DENIED || s == KD_BUSY) {
        const char *what = s == KD_OK ? "login" : s == KD_BUSY ? "login_locked" : "login_failed";
        struct kd_bytes name = kd_user_name_is_valid(user) ? user : kd_str("?");
        enum kd_status t =
            kd_audit(&k->a->meta, name, pair(k, "client"), what, kd_str(""), kd_str(""));
        s = t != KD_OK && s == KD_OK ? t : s;
    }
    if (s == KD_OK) {
        kd_session_json(&k->session, &k->r->json);
    } else if (s == KD_BUSY && retry_s > 0) {
        kd_reply_error(k->r, 429, "locked", "失敗が続いたため、しばらくログインできません。",
                       "Too many failures: logging on is locked for a while.");
        k->r->retry_s = retry_s;
    } else if (s == KD_DENIED) {
        kd_reply_error(k->r, 401, "bad_login", "利用者名またはパスワードが違います。",
                       "The user name or the password is wrong.");
    } else {
        fail_with(k, s);
    }
    if (s != KD_OK)
        k->r->token[0] = '\0';
}

static void answer_session(struct asker *k)
{
    kd_session_json(&k->session, &k->r->json);
}

static void no_content(struct asker *k, enum kd_status s)
{
    if (s == KD_OK)
        k->r->status = 204;
    else
        fail_with(k, s);
}

static void answer_logout(struct asker *k)
{
    enum kd_status s = kd_logout(&k->a->meta, pair(k, "token"));
    no_content(k, s == KD_OK ? audit(k, "logout", kd_str(""), kd_str("")) : s);
}

static bool strong(struct asker *k, struct kd_bytes user, struct kd_bytes password)
{
    if (kd_password_is_strong(user, password))
        return true;
    bad_request(k, "weak_password",
                "パスワードは 12 文字以上で、利用者名と違うものにしてください。",
                "The password must have at least 12 characters and differ from the user name.");
    return false;
}

static void answer_password(struct asker *k)
{
    struct kd_bytes user = kd_str(k->session.user);
    if (!strong(k, user, pair(k, "new")))
        return;
    enum kd_status s =
        kd_password_change(&k->a->meta, user, pair(k, "old"), pair(k, "new"), pair(k, "token"));
    if (s == KD_DENIED)
        kd_reply_error(k->r, 401, "bad_login", "今のパスワードが違います。",
                       "The current password is wrong.");
    else
        no_content(k, s == KD_OK ? audit(k, "password_change", user, kd_str("")) : s);
}

/* ---- detections ---- */

static void answer_detections(struct asker *k)
{
    struct kd_detection_filter f = {.severity = pair(k, "severity"),
                                    .phase = pair(k, "phase"),
                                    .state = pair(k, "state"),
                                    .host = pair(k, "host"),
                                    .q = pair(k, "q")};
    if (!moment(k, "from", 0, &f.from_us) || !moment(k, "to", 0, &f.to_us) ||
        !number(k, "limit", 50, DETECTIONS_LIMIT, &f.limit) ||
        !number(k, "before", 0, INT64_MAX, &f.before))
        return;
    struct kd_jw *w = &k->r->json;
    uint64_t next = 0;
    uint64_t total = 0;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_detections_json(&k->a->meta, &f, w, &next, &total);
    kd_jw_close(w, ']');
    if (next != 0)
        kd_jw_u64(w, "next", next);
    else
        kd_jw_null(w, "next");
    kd_jw_u64(w, "total", total);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

static enum kd_status source_of(struct asker *k, struct kd_hunt_source *ret)
{
    *ret = (struct kd_hunt_source){.events = k->a->events, .last_seq = UINT64_MAX};
    return k->a->ingest == NULL ? KD_OK
                                : kd_ingest_snapshot(k->a->ingest, &ret->unsealed, &ret->last_seq);
}

static enum kd_status hunt(struct asker *k, struct kd_bytes expr, uint64_t from, uint64_t to,
                           size_t limit, struct kd_hunt_result *ret, struct kd_err *err)
{
    struct kd_hunt_expr *e = NULL;
    struct kd_hunt_source src;
    enum kd_status s = kd_hunt_parse(expr, k->a->zone_s, &e, err);
    if (s != KD_OK)
        return s;
    s = source_of(k, &src);
    struct kd_hunt_query q = {.expr = e,
                              .from_us = from,
                              .to_us = to,
                              .clock = k->a->clock,
                              .deadline_us = k->deadline_us,
                              .cancel = k->a->cancel,
                              .threads = 1,
                              .zone_s = k->a->zone_s,
                              .limit = limit,
                              .max_bytes = JSON_BYTES};
    if (s == KD_OK)
        s = kd_hunt(&q, &src, ret);
    kd_hunt_source_done(&src);
    kd_hunt_expr_free(e);
    if (s == KD_OK && ret->stats.stopped == KD_CANCELLED) {
        kd_hunt_result_done(ret);
        s = KD_CANCELLED;
    }
    return s;
}

static void put_hits(struct kd_jw *w, const char *key, const struct kd_hunt_result *res)
{
    kd_jw_open(w, key, '[');
    for (size_t i = 0; i < res->n; i++)
        kd_jw_raw(w, NULL, kd_bytes_of(res->text.p + res->hit[i].at, res->hit[i].n));
    kd_jw_close(w, ']');
}

/* The records a detection rests on, by number, around the time it names. */
static enum kd_status put_evidence(struct asker *k, uint64_t id, struct kd_jw *w)
{
    struct kd_heap ids = {NULL, 0, 0};
    uint64_t first = 0;
    uint64_t last = 0;
    enum kd_status s = kd_detection_evidence(&k->a->meta, id, &ids, &first, &last);
    uint8_t expr[KD_HUNT_TEXT_MAX];
    struct kd_out o = kd_out_of(expr, sizeof(expr));
    kd_out_str(&o, "record_id in (");
    kd_out_bytes(&o, kd_bytes_of(ids.p, ids.n));
    kd_out_str(&o, ")");
    struct kd_hunt_result res = {0};
    struct kd_err err;
    if (s == KD_OK && ids.n > 0 && kd_out_ok(&o))
        s = hunt(k, kd_out_bytes_view(&o), first - kd_min_u64(first, KD_US_PER_HOUR),
                 last + KD_US_PER_HOUR, EVIDENCE_MAX, &res, &err);
    if (s == KD_OK)
        put_hits(w, "evidence_records", &res);
    kd_hunt_result_done(&res);
    kd_heap_done(&ids);
    return s;
}

static void put_detection(struct asker *k, uint64_t id, bool evidence)
{
    struct kd_jw *w = &k->r->json;
    struct kd_jw row;
    kd_jw_init(&row, k->a->zone_s);
    enum kd_status s = kd_detection_json(&k->a->meta, id, &row);
    if (s == KD_OK && evidence) {
        kd_jw_reopen(w, NULL, kd_jw_view(&row));
        s = put_evidence(k, id, w);
        kd_jw_close(w, '}');
    } else if (s == KD_OK) {
        kd_jw_raw(w, NULL, kd_jw_view(&row));
    }
    kd_jw_done(&row);
    if (s != KD_OK)
        fail_with(k, s);
}

static void answer_detection(struct asker *k)
{
    uint64_t id;
    if (number(k, "id", 0, INT64_MAX, &id))
        put_detection(k, id, true);
}

static void answer_detection_patch(struct asker *k)
{
    uint64_t id;
    struct kd_bytes state = pair(k, "state");
    struct kd_bytes note = pair(k, "note");
    if (!number(k, "id", 0, INT64_MAX, &id))
        return;
    if (state.p != NULL && !kd_bytes_eq_str(state, "open") &&
        !kd_bytes_eq_str(state, "acknowledged") && !kd_bytes_eq_str(state, "closed")) {
        bad_request(k, "bad_state", "状態は open、acknowledged、closed のいずれかです。",
                    "The state is one of open, acknowledged, closed.");
        return;
    }
    if (note.n > NOTE_MAX) {
        bad_request(k, "note_too_long", "メモが長すぎます。", "The note is too long.");
        return;
    }
    enum kd_status s = kd_detection_patch(&k->a->meta, id, state, note, kd_str(k->session.user));
    if (s == KD_OK)
        s = audit(k, "detection_change", pair(k, "id"), state.p != NULL ? state : kd_str("note"));
    if (s == KD_OK)
        put_detection(k, id, false);
    else
        fail_with(k, s);
}

/* ---- hosts ---- */

static void answer_hosts(struct asker *k)
{
    struct kd_host_filter f = {.q = pair(k, "q"), .sort = pair(k, "sort")};
    if (!number(k, "min_severity", 0, 10, &f.min_severity) ||
        !number(k, "limit", 50, HOSTS_LIMIT, &f.limit) ||
        !number(k, "offset", 0, INT64_MAX, &f.offset))
        return;
    struct kd_jw *w = &k->r->json;
    uint64_t total = 0;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_hosts_json(&k->a->meta, &f, w, &total);
    kd_jw_close(w, ']');
    kd_jw_u64(w, "total", total);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

static enum kd_status name_of(struct kd_meta *m, struct kd_bytes address, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT name FROM hosts WHERE address = ?");
    kd_sql_text(&q, address);
    kd_jw_text(w, "name", kd_sql_row(&q) ? kd_sql_get_text(&q, 0) : kd_str(""));
    return kd_sql_done(&q);
}

/* Whom it talked with in the last days, as far as the records tell within the deadline. */
static enum kd_status put_peers(struct asker *k, struct kd_bytes address, struct kd_jw *w)
{
    struct kd_hunt_source src;
    enum kd_status s = source_of(k, &src);
    struct kd_events_sum sum = kd_events_sum(k->a->events);
    uint64_t now = kd_max_u64(kd_now_us(&k->a->clock), sum.newest_us);
    struct kd_host_ask ask = {.src = &src,
                              .meta = &k->a->meta,
                              .who = address,
                              .from_us =
                                  k->a->demo ? 0 : now - kd_min_u64(now, HOST_DAYS * KD_US_PER_DAY),
                              .to_us = UINT64_MAX,
                              .clock = k->a->clock,
                              .deadline_us = k->deadline_us - 2 * (uint64_t)KD_US_PER_S,
                              .cancel = k->a->cancel,
                              .threads = 1,
                              .zone_s = k->a->zone_s};
    struct kd_host_report rep = {0};
    struct kd_err err;
    if (s == KD_OK)
        s = kd_host_report(&ask, &rep, &err);
    kd_jw_open(w, "peers", '[');
    for (size_t i = 0; s == KD_OK && i < kd_min_size(rep.n_peers, 50); i++) {
        uint8_t buf[48];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        kd_out_addr(&o, &rep.peer[i].addr);
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "address", kd_out_bytes_view(&o));
        s = name_of(&k->a->meta, kd_out_bytes_view(&o), w);
        kd_jw_u64(w, "bytes_out", rep.peer[i].bytes_out);
        kd_jw_u64(w, "bytes_in", rep.peer[i].bytes_in);
        kd_jw_u64(w, "flows", rep.peer[i].flows);
        kd_jw_time(w, "last", rep.peer[i].last_us);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    kd_host_report_done(&rep);
    kd_hunt_source_done(&src);
    return s == KD_NOT_FOUND ? KD_OK : s;
}

static void answer_host(struct asker *k)
{
    struct kd_jw *w = &k->r->json;
    struct kd_bytes address = pair(k, "address");
    enum kd_status s = kd_host_json(&k->a->meta, address, w);
    if (s == KD_OK)
        s = put_peers(k, address, w);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

/* ---- records ---- */

static void answer_records(struct asker *k)
{
    uint64_t from, to, limit;
    if (!moment(k, "from", 0, &from) || !moment(k, "to", UINT64_MAX, &to) ||
        !number(k, "limit", 100, RECORDS_LIMIT, &limit))
        return;
    struct kd_hunt_result res = {0};
    struct kd_err err = {0};
    uint64_t start = kd_now_us(&k->a->clock);
    enum kd_status s = hunt(k, pair(k, "expr"), from, to, (size_t)limit, &res, &err);
    struct kd_jw *w = &k->r->json;
    if (s == KD_MALFORMED || s == KD_LIMIT) {
        k->r->status = 400;
        kd_jw_open(w, NULL, '{');
        kd_jw_open(w, "error", '{');
        kd_jw_str(w, "code", "bad_expression");
        kd_jw_u64(w, "pos", err.at);
        kd_jw_both(w, "message", kd_str("検索式のこの位置が正しくありません。"), kd_str(err.what));
        kd_jw_close(w, '}');
        kd_jw_close(w, '}');
        return;
    }
    if (s == KD_OK && res.stats.stopped == KD_DEADLINE && res.n == 0)
        s = KD_DEADLINE;
    if (s != KD_OK) {
        kd_hunt_result_done(&res);
        fail_with(k, s);
        return;
    }
    kd_jw_open(w, NULL, '{');
    put_hits(w, "items", &res);
    kd_jw_u64(w, "scanned", res.stats.scanned);
    kd_jw_bool(w, "truncated", res.stats.truncated);
    kd_jw_u64(w, "unreadable_blocks", res.stats.unreadable);
    kd_jw_fixed(w, "seconds", (double)(kd_now_us(&k->a->clock) - start) / KD_US_PER_S);
    kd_jw_close(w, '}');
    kd_hunt_result_done(&res);
}

static bool put_sighting(void *arg, const struct kd_sighting *s)
{
    kd_sighting_json(arg, s);
    return kd_jw_ok(arg);
}

static void answer_sightings(struct asker *k)
{
    struct kd_sighting_ask ask = {.dir_path = k->a->dir_path,
                                  .clock = k->a->clock,
                                  .zone_s = k->a->zone_s,
                                  .value = kd_bytes_trim(pair(k, "value")),
                                  .deadline_us = k->deadline_us,
                                  .cancel = k->a->cancel};
    struct kd_bytes kind = pair(k, "kind");
    if (!moment(k, "from", 0, &ask.from_us) || !moment(k, "to", UINT64_MAX, &ask.to_us) ||
        !number(k, "limit", 100, SIGHTINGS_LIMIT, &ask.limit))
        return;
    if (ask.value.n == 0 || (kind.n > 0 && !kd_sighting_kind_of(kind, &ask.kind))) {
        bad_request(k, "bad_indicator",
                    "調べるアドレス、名前、指紋、ハッシュ値、送信者のいずれかを入力してください。",
                    "Give an address, name, fingerprint, hash or sender to look for.");
        return;
    }
    struct kd_jw *w = &k->r->json;
    struct kd_sighting_sum sum;
    struct kd_err err;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_sightings_find(&ask, put_sighting, w, &sum, &err);
    kd_jw_close(w, ']');
    kd_jw_bool(w, "truncated", sum.truncated);
    kd_jw_u64(w, "left_out", sum.left_out);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

/* ---- today, health ---- */

static struct kd_ingest_sum ingest_sum(struct asker *k)
{
    return k->a->ingest == NULL ? (struct kd_ingest_sum){0} : kd_ingest_sum(k->a->ingest);
}

static enum kd_status put_open(struct asker *k, struct kd_jw *w, uint64_t count[5])
{
    struct kd_sql q =
        kd_sql(&k->a->meta, "SELECT severity, count(*) FROM detections"
                            " WHERE state = 'open' AND excepted = 0 GROUP BY severity");
    while (kd_sql_row(&q))
        count[kd_min_u64(kd_sql_get(&q, 0), 4)] = kd_sql_get(&q, 1);
    kd_jw_open(w, "open", '{');
    for (size_t i = 5; i-- > 0;)
        kd_jw_u64(w, kd_severity_names[i], count[i]);
    kd_jw_close(w, '}');
    return kd_sql_done(&q);
}

/* Detections that began on each of the last 14 days of the site. */
static enum kd_status put_days(struct asker *k, struct kd_jw *w, uint64_t now)
{
    uint64_t day_us[15];
    uint64_t count[14][5] = {{0}};
    uint64_t local = now + (uint64_t)((int64_t)k->a->zone_s * KD_US_PER_S);
    uint64_t midnight =
        local / KD_US_PER_DAY * KD_US_PER_DAY - (uint64_t)((int64_t)k->a->zone_s * KD_US_PER_S);
    for (size_t i = 0; i < 15; i++)
        day_us[i] =
            midnight - (13 - kd_min_u64(i, 13)) * KD_US_PER_DAY + (i == 14 ? KD_US_PER_DAY : 0);
    struct kd_sql q = kd_sql(
        &k->a->meta, "SELECT (first_us - ?1) / ?2, severity, count(*) FROM detections"
                     " WHERE excepted = 0 AND first_us >= ?1 AND first_us < ?3 GROUP BY 1, 2");
    kd_sql_u64(&q, day_us[0]);
    kd_sql_u64(&q, KD_US_PER_DAY);
    kd_sql_u64(&q, day_us[14]);
    while (kd_sql_row(&q))
        count[kd_min_u64(kd_sql_get(&q, 0), 13)][kd_min_u64(kd_sql_get(&q, 1), 4)] +=
            kd_sql_get(&q, 2);
    kd_jw_open(w, "days", '[');
    for (size_t d = 0; d < 14; d++) {
        struct kd_date date = kd_date_of(day_us[d], k->a->zone_s);
        char text[32];
        (void)snprintf(text, sizeof(text), "%04d-%02u-%02u", date.year, date.month, date.day);
        kd_jw_open(w, NULL, '{');
        kd_jw_str(w, "day", text);
        for (size_t i = 5; i-- > 0;)
            kd_jw_u64(w, kd_severity_names[i], count[d][i]);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

static void answer_today(struct asker *k)
{
    struct kd_jw *w = &k->r->json;
    uint64_t now = kd_now_us(&k->a->clock);
    uint64_t open[5] = {0};
    uint64_t next, total;
    /* A capture that is replayed has its own today. */
    if (k->a->demo) {
        struct kd_sql q = kd_sql(&k->a->meta, "SELECT max(last_us) FROM detections");
        now = kd_sql_row(&q) && kd_sql_get(&q, 0) > 0 ? kd_sql_get(&q, 0) : now;
        kd_ignore(kd_sql_done(&q));
    }
    kd_jw_open(w, NULL, '{');
    kd_jw_time(w, "now", now);
    enum kd_status s = put_open(k, w, open);
    kd_jw_str(w, "level", open[4] + open[3] > 0 ? "act" : open[2] > 0 ? "watch" : "calm");
    struct kd_detection_filter f = {.state = kd_str("open"), .limit = 5, .worst_first = true};
    kd_jw_open(w, "top", '[');
    if (s == KD_OK)
        s = kd_detections_json(&k->a->meta, &f, w, &next, NULL);
    kd_jw_close(w, ']');
    if (s == KD_OK)
        s = put_days(k, w, now);
    struct kd_host_filter h = {.min_severity = 2, .limit = 5};
    kd_jw_open(w, "hosts_at_risk", '[');
    if (s == KD_OK)
        s = kd_hosts_json(&k->a->meta, &h, w, &total);
    kd_jw_close(w, ']');
    struct kd_ingest_sum sum = ingest_sum(k);
    if (s == KD_OK)
        s = kd_problems_json(k->a->live, &k->a->meta, &sum, w, "health");
    kd_jw_bool(w, "demo", k->a->demo);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

static void answer_health(struct asker *k)
{
    struct kd_ingest_sum sum = ingest_sum(k);
    struct kd_events_sum events = kd_events_sum(k->a->events);
    enum kd_status s = kd_health_json(k->a->live, &k->a->meta, &sum, &events, &k->r->json);
    if (s != KD_OK)
        fail_with(k, s);
}

/* ---- exceptions, users, audit ---- */

static void list(struct asker *k, enum kd_status (*items)(struct kd_meta *m, struct kd_jw *w))
{
    kd_jw_open(&k->r->json, NULL, '{');
    kd_jw_open(&k->r->json, "items", '[');
    enum kd_status s = items(&k->a->meta, &k->r->json);
    kd_jw_close(&k->r->json, ']');
    kd_jw_close(&k->r->json, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

static void answer_exceptions(struct asker *k)
{
    list(k, kd_exceptions_json);
}

static void answer_exception_add(struct asker *k)
{
    struct kd_bytes id = pair(k, "detection_id");
    struct kd_bytes host = pair(k, "host");
    struct kd_bytes reason = kd_bytes_trim(pair(k, "reason"));
    uint64_t until, number_of = 0;
    struct kd_addr addr;
    if (!moment(k, "until", 0, &until))
        return;
    if ((id.n == 0 && host.n == 0) || id.n > 64 || reason.n == 0 || reason.n > NOTE_MAX ||
        (host.n > 0 && !kd_addr_parse(host, &addr))) {
        bad_request(k, "bad_exception", "検知番号か端末のアドレスと、理由を入力してください。",
                    "Give the number of a detection or the address of a host, and a reason.");
        return;
    }
    enum kd_status s =
        kd_exception_add(&k->a->meta, id, host, reason, until, kd_str(k->session.user), &number_of);
    if (s == KD_OK)
        s = audit(k, "exception_add", id.n > 0 ? id : host, reason);
    if (s == KD_OK)
        s = kd_exception_json(&k->a->meta, number_of, &k->r->json);
    if (s != KD_OK)
        fail_with(k, s);
}

static void answer_exception_delete(struct asker *k)
{
    uint64_t id;
    if (!number(k, "id", 0, INT64_MAX, &id))
        return;
    enum kd_status s = kd_exception_delete(&k->a->meta, id);
    no_content(k, s == KD_OK ? audit(k, "exception_delete", pair(k, "id"), kd_str("")) : s);
}

static void answer_users(struct asker *k)
{
    list(k, kd_users_json);
}

static void answer_user_add(struct asker *k)
{
    struct kd_bytes user = pair(k, "user");
    enum kd_role role = kd_role_of(pair(k, "role"));
    if (!kd_user_name_is_valid(user) || role == KD_ROLE_NONE) {
        bad_request(
            k, "bad_user", "利用者名は半角英数字と . _ - @、役割は viewer・analyst・admin です。",
            "A user name has letters, digits and . _ - @; the role is viewer, analyst or admin.");
        return;
    }
    if (!strong(k, user, pair(k, "password")))
        return;
    enum kd_status s = kd_user_add(&k->a->meta, user, role, pair(k, "password"));
    if (s == KD_OK)
        s = audit(k, "user_add", user, kd_str(kd_role_name(role)));
    if (s == KD_OK)
        s = kd_user_json(&k->a->meta, user, &k->r->json);
    if (s != KD_OK)
        fail_with(k, s);
}

static void last_admin(struct asker *k, enum kd_status s)
{
    if (s == KD_DENIED)
        kd_reply_error(k->r, 409, "last_admin", "最後の管理者は外せません。",
                       "The last administrator must stay.");
    else
        fail_with(k, s);
}

static void answer_user_patch(struct asker *k)
{
    struct kd_bytes user = pair(k, "user");
    struct kd_bytes password = pair(k, "password");
    struct kd_bytes role_name = pair(k, "role");
    struct kd_bytes lock = pair(k, "locked");
    enum kd_role role = kd_role_of(role_name);
    int locked = lock.p == NULL ? -1 : kd_bytes_eq_str(lock, "true");
    if (role_name.p != NULL && role == KD_ROLE_NONE) {
        bad_request(k, "bad_user", "役割は viewer・analyst・admin です。",
                    "The role is viewer, analyst or admin.");
        return;
    }
    if (password.p != NULL && !strong(k, user, password))
        return;
    enum kd_status s = kd_user_patch(&k->a->meta, user, role, password, locked);
    uint8_t detail[128];
    struct kd_out o = kd_out_of(detail, sizeof(detail));
    kd_out_fmt(&o, "role=%s password=%s locked=%s", role == KD_ROLE_NONE ? "-" : kd_role_name(role),
               password.p != NULL ? "new" : "-",
               locked < 0    ? "-"
               : locked == 1 ? "true"
                             : "false");
    if (s == KD_OK)
        s = audit(k, "user_change", user, kd_out_bytes_view(&o));
    if (s == KD_OK)
        s = kd_user_json(&k->a->meta, user, &k->r->json);
    if (s != KD_OK)
        last_admin(k, s);
}

static void answer_user_delete(struct asker *k)
{
    enum kd_status s = kd_user_delete(&k->a->meta, pair(k, "user"));
    if (s == KD_OK)
        s = audit(k, "user_delete", pair(k, "user"), kd_str(""));
    if (s == KD_OK)
        k->r->status = 204;
    else
        last_admin(k, s);
}

static void answer_audit(struct asker *k)
{
    uint64_t before, limit, next = 0;
    if (!number(k, "before", 0, INT64_MAX, &before) ||
        !number(k, "limit", 100, AUDIT_LIMIT, &limit))
        return;
    struct kd_jw *w = &k->r->json;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_audit_json(&k->a->meta, before, limit, w, &next);
    kd_jw_close(w, ']');
    if (next != 0)
        kd_jw_u64(w, "next", next);
    else
        kd_jw_null(w, "next");
    kd_jw_close(w, '}');
    if (s != KD_OK)
        fail_with(k, s);
}

/* ---- who may ask what ---- */

static void (*const answers[KD_ASK_KINDS])(struct asker *k) = {
    [KD_ASK_LOGIN] = answer_login,
    [KD_ASK_SESSION_CHECK] = answer_session,
    [KD_ASK_LOGOUT] = answer_logout,
    [KD_ASK_PASSWORD] = answer_password,
    [KD_ASK_TODAY] = answer_today,
    [KD_ASK_DETECTIONS] = answer_detections,
    [KD_ASK_DETECTION] = answer_detection,
    [KD_ASK_DETECTION_PATCH] = answer_detection_patch,
    [KD_ASK_HOSTS] = answer_hosts,
    [KD_ASK_HOST] = answer_host,
    [KD_ASK_RECORDS] = answer_records,
    [KD_ASK_HEALTH] = answer_health,
    [KD_ASK_EXCEPTIONS] = answer_exceptions,
    [KD_ASK_EXCEPTION_ADD] = answer_exception_add,
    [KD_ASK_EXCEPTION_DELETE] = answer_exception_delete,
    [KD_ASK_USERS] = answer_users,
    [KD_ASK_USER_ADD] = answer_user_add,
    [KD_ASK_USER_PATCH] = answer_user_patch,
    [KD_ASK_USER_DELETE] = answer_user_delete,
    [KD_ASK_AUDIT] = answer_audit,
    [KD_ASK_SIGHTINGS] = answer_sightings,
};

static bool may_ask(struct asker *k)
{
    const struct kd_ask_row *row = &kd_ask_rows[k->q->kind];
    if (row->role == KD_ROLE_NONE)
        return true;
    enum kd_status s = kd_session_find(&k->a->meta, pair(k, "token"), &k->session);
    if (s != KD_OK && s != KD_DENIED) {
        fail_with(k, s);
        return false;
    }
    if (s == KD_DENIED) {
        kd_reply_error(k->r, 401, "login_required", "ログインしてください。", "Log on first.");
        return false;
    }
    struct kd_bytes csrf = pair(k, "csrf");
    if (row->writes &&
        (csrf.n != KD_CSRF_TEXT - 1 || sodium_memcmp(csrf.p, k->session.csrf, csrf.n) != 0)) {
        kd_reply_error(k->r, 403, "csrf", "画面を読み込み直してください。", "Load the page again.");
        return false;
    }
    if (k->session.role < row->role) {
        kd_reply_error(k->r, 403, "forbidden", "この操作の権限がありません。",
                       "You may not do this.");
        return false;
    }
    bool allowed = k->q->kind == KD_ASK_PASSWORD || k->q->kind == KD_ASK_SESSION_CHECK ||
                   k->q->kind == KD_ASK_LOGOUT;
    if (k->session.must_change && !allowed) {
        kd_reply_error(k->r, 403, "must_change_password", "最初にパスワードを変更してください。",
                       "Change your password first.");
        return false;
    }
    return true;
}

void kd_answer(struct kd_answerer *a, const struct kd_question *q, struct kd_reply *ret)
{
    struct asker k = {.a = a,
                      .q = q,
                      .r = ret,
                      .deadline_us = kd_now_us(&a->clock) + DEADLINE_S * (uint64_t)KD_US_PER_S};
    ret->status = 200;
    ret->retry_s = 0;
    ret->token[0] = '\0';
    kd_jw_init(&ret->json, a->zone_s);
    kd_meta_limit(&a->meta, k.deadline_us, a->cancel);
    if (q->kind <= KD_ASK_NONE || q->kind >= KD_ASK_KINDS || answers[q->kind] == NULL) {
        kd_reply_error(ret, 404, "not_found", "見つかりません。", "There is no such thing.");
    } else {
        /* A change and its line in the audit log are one. */
        bool writes =
            kd_ask_rows[q->kind].writes && q->kind != KD_ASK_LOGIN && q->kind != KD_ASK_PASSWORD;
        enum kd_status s = writes ? kd_meta_run(&a->meta, "BEGIN IMMEDIATE") : KD_OK;
        if (s != KD_OK)
            fail_with(&k, s);
        else if (may_ask(&k))
            answers[q->kind](&k);
        if (writes && s == KD_OK) {
            s = kd_meta_run(&a->meta, ret->status < 300 ? "COMMIT" : "ROLLBACK");
            if (s != KD_OK)
                fail_with(&k, s);
        }
    }
    if (!kd_jw_ok(&ret->json)) {
        kd_reply_error(ret, 500, "too_large", "結果が大きすぎます。条件を狭めてください。",
                       "The answer is too large. Ask a narrower question.");
    }
    kd_meta_limit(&a->meta, 0, NULL);
}
