/* SPDX-License-Identifier: Apache-2.0 */
#include "store/answer.h"

#include <sodium.h>

#include "store/asker.h"
#include "store/audit.h"
#include "store/detections.h"
#include "store/host_report.h"
#include "store/hosts.h"
#include "store/outside.h"
#include "store/incidents.h"
#include "store/network.h"
#include "store/sighting.h"

enum {
    DEADLINE_S = 5,
    RECORDS_LIMIT = 500,
    SIGHTINGS_LIMIT = 1000,
    DETECTIONS_LIMIT = 100,
    HOSTS_LIMIT = 500,
    EVIDENCE_MAX = 200,
    NOTE_MAX = 4000,
    HOST_DAYS = 7,
    JSON_BYTES = 8 << 20
};


/* ---- detections ---- */

static void answer_detections(struct kd_asker *k)
{
    struct kd_detection_filter f = {.severity = kd_asker_pair(k, "severity"),
                                    .phase = kd_asker_pair(k, "phase"),
                                    .state = kd_asker_pair(k, "state"),
                                    .host = kd_asker_pair(k, "host"),
                                    .q = kd_asker_pair(k, "q")};
    if (!kd_asker_moment(k, "from", 0, &f.from_us) || !kd_asker_moment(k, "to", 0, &f.to_us) ||
        !kd_asker_number(k, "limit", 50, DETECTIONS_LIMIT, &f.limit) ||
        !kd_asker_number(k, "before", 0, INT64_MAX, &f.before))
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
        kd_asker_fail(k, s);
}

static enum kd_status source_of(struct kd_asker *k, struct kd_hunt_source *ret)
{
    *ret = (struct kd_hunt_source){.events = k->a->events, .last_seq = UINT64_MAX};
    return k->a->ingest == NULL ? KD_OK
                                : kd_ingest_snapshot(k->a->ingest, &ret->unsealed, &ret->last_seq);
}

static enum kd_status hunt(struct kd_asker *k, struct kd_bytes expr, uint64_t from, uint64_t to,
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
static enum kd_status put_evidence(struct kd_asker *k, uint64_t id, struct kd_jw *w)
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

static void put_detection(struct kd_asker *k, uint64_t id, bool evidence)
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
        kd_asker_fail(k, s);
}

static void answer_detection(struct kd_asker *k)
{
    uint64_t id;
    if (kd_asker_number(k, "id", 0, INT64_MAX, &id))
        put_detection(k, id, true);
}

static void answer_detection_patch(struct kd_asker *k)
{
    uint64_t id;
    struct kd_bytes state = kd_asker_pair(k, "state");
    struct kd_bytes note = kd_asker_pair(k, "note");
    if (!kd_asker_number(k, "id", 0, INT64_MAX, &id))
        return;
    if (state.p != NULL && !kd_bytes_eq_str(state, "open") &&
        !kd_bytes_eq_str(state, "acknowledged") && !kd_bytes_eq_str(state, "closed")) {
        kd_asker_refuse(k, "bad_state", "状態は open、acknowledged、closed のいずれかです。",
                    "The state is one of open, acknowledged, closed.");
        return;
    }
    if (note.n > NOTE_MAX) {
        kd_asker_refuse(k, "note_too_long", "メモが長すぎます。", "The note is too long.");
        return;
    }
    enum kd_status s = kd_detection_patch(&k->a->meta, id, state, note, kd_str(k->session.user));
    if (s == KD_OK)
        s = kd_asker_audit(k, "detection_change", kd_asker_pair(k, "id"), state.p != NULL ? state : kd_str("note"));
    if (s == KD_OK)
        put_detection(k, id, false);
    else
        kd_asker_fail(k, s);
}

/* ---- hosts ---- */

static void answer_hosts(struct kd_asker *k)
{
    struct kd_host_filter f = {.q = kd_asker_pair(k, "q"), .sort = kd_asker_pair(k, "sort")};
    if (!kd_asker_number(k, "min_severity", 0, 10, &f.min_severity) ||
        !kd_asker_number(k, "limit", 50, HOSTS_LIMIT, &f.limit) ||
        !kd_asker_number(k, "offset", 0, INT64_MAX, &f.offset))
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
        kd_asker_fail(k, s);
}

static enum kd_status name_of(struct kd_meta *m, struct kd_bytes address, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT name FROM hosts WHERE address = ?");
    kd_sql_text(&q, address);
    kd_jw_text(w, "name", kd_sql_row(&q) ? kd_sql_get_text(&q, 0) : kd_str(""));
    return kd_sql_done(&q);
}

/* Whom it talked with in the last days, as far as the records tell within the deadline. */
static enum kd_status put_peers(struct kd_asker *k, struct kd_bytes address, struct kd_jw *w)
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

static void answer_host(struct kd_asker *k)
{
    struct kd_jw *w = &k->r->json;
    struct kd_bytes address = kd_asker_pair(k, "address");
    enum kd_status s = kd_host_json(&k->a->meta, address, w);
    if (s == KD_OK)
        s = put_peers(k, address, w);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

/* Did data leave: a host, its outside places, and what was not seen. */
static void answer_outside(struct kd_asker *k)
{
    struct kd_hunt_source src;
    struct kd_outside_ask ask = {.host = {.src = &src,
                                          .meta = &k->a->meta,
                                          .who = kd_asker_pair(k, "address"),
                                          .clock = k->a->clock,
                                          .deadline_us = k->deadline_us - 2 * (uint64_t)KD_US_PER_S,
                                          .cancel = k->a->cancel,
                                          .threads = 1,
                                          .zone_s = k->a->zone_s},
                                 .nets = k->a->inside,
                                 .n_nets = k->a->n_inside,
                                 .dir_path = k->a->dir_path};
    if (!kd_asker_moment(k, "from", 0, &ask.host.from_us) ||
        !kd_asker_moment(k, "to", UINT64_MAX, &ask.host.to_us))
        return;
    struct kd_outside r = {0};
    struct kd_err err = {0};
    enum kd_status s = source_of(k, &src);
    if (s == KD_OK)
        s = kd_outside(&ask, &r, &err);
    if (s == KD_OK)
        kd_outside_json(&ask, &r, &k->r->json);
    else
        kd_asker_fail(k, s);
    kd_outside_done(&r);
    kd_hunt_source_done(&src);
}

/* ---- records ---- */

static void answer_records(struct kd_asker *k)
{
    uint64_t from, to, limit;
    if (!kd_asker_moment(k, "from", 0, &from) || !kd_asker_moment(k, "to", UINT64_MAX, &to) ||
        !kd_asker_number(k, "limit", 100, RECORDS_LIMIT, &limit))
        return;
    struct kd_hunt_result res = {0};
    struct kd_err err = {0};
    uint64_t start = kd_now_us(&k->a->clock);
    enum kd_status s = hunt(k, kd_asker_pair(k, "expr"), from, to, (size_t)limit, &res, &err);
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
        kd_asker_fail(k, s);
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

static void answer_sightings(struct kd_asker *k)
{
    struct kd_sighting_ask ask = {.dir_path = k->a->dir_path,
                                  .clock = k->a->clock,
                                  .zone_s = k->a->zone_s,
                                  .value = kd_bytes_trim(kd_asker_pair(k, "value")),
                                  .deadline_us = k->deadline_us,
                                  .cancel = k->a->cancel};
    struct kd_bytes kind = kd_asker_pair(k, "kind");
    if (!kd_asker_moment(k, "from", 0, &ask.from_us) || !kd_asker_moment(k, "to", UINT64_MAX, &ask.to_us) ||
        !kd_asker_number(k, "limit", 100, SIGHTINGS_LIMIT, &ask.limit))
        return;
    if (ask.value.n == 0 || (kind.n > 0 && !kd_sighting_kind_of(kind, &ask.kind))) {
        kd_asker_refuse(k, "bad_indicator",
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
        kd_asker_fail(k, s);
}

/* ---- the network ---- */

/* This moment, or that of the newest thing in a capture that is replayed. */
static uint64_t present(struct kd_asker *k)
{
    uint64_t now = kd_now_us(&k->a->clock);
    if (!k->a->demo)
        return now;
    struct kd_sql q = kd_sql(&k->a->meta, "SELECT max(last_us) FROM hosts");
    now = kd_sql_row(&q) && kd_sql_get(&q, 0) > 0 ? kd_sql_get(&q, 0) : now;
    kd_ignore(kd_sql_done(&q));
    return now;
}

static void answer_network(struct kd_asker *k)
{
    uint64_t day = present(k) + (uint64_t)((int64_t)k->a->zone_s * KD_US_PER_S);
    struct kd_network_ask ask = {
        .meta = &k->a->meta, .site = k->a->site, .nets = k->a->inside, .n_nets = k->a->n_inside, .zone_s = k->a->zone_s,
        .today_us = day / KD_US_PER_DAY * KD_US_PER_DAY - (uint64_t)((int64_t)k->a->zone_s * KD_US_PER_S)};
    if (!kd_asker_moment(k, "from", 0, &ask.from_us) || !kd_asker_moment(k, "to", INT64_MAX, &ask.to_us))
        return;
    enum kd_status s = kd_network_json(&ask, &k->r->json);
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

/* ---- today, health ---- */

static struct kd_ingest_sum ingest_sum(struct kd_asker *k)
{
    return k->a->ingest == NULL ? (struct kd_ingest_sum){0} : kd_ingest_sum(k->a->ingest);
}

static enum kd_status put_open(struct kd_asker *k, struct kd_jw *w, uint64_t count[5])
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
static enum kd_status put_days(struct kd_asker *k, struct kd_jw *w, uint64_t now)
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

static void answer_today(struct kd_asker *k)
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
    struct kd_incident_filter stories = {.state = kd_str("open"), .limit = 3, .worst_first = true};
    kd_jw_open(w, "incidents", '[');
    if (s == KD_OK)
        s = kd_incidents_json(&k->a->meta, &stories, w, &next, NULL);
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
        kd_asker_fail(k, s);
}

static void answer_health(struct kd_asker *k)
{
    struct kd_ingest_sum sum = ingest_sum(k);
    struct kd_events_sum events = kd_events_sum(k->a->events);
    enum kd_status s = kd_health_json(k->a->live, &k->a->meta, &sum, &events, &k->r->json);
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

/* ---- who may ask what ---- */

static void (*const answers[KD_ASK_KINDS])(struct kd_asker *k) = {
    [KD_ASK_LOGIN] = kd_answer_login,
    [KD_ASK_SESSION_CHECK] = kd_answer_session,
    [KD_ASK_LOGOUT] = kd_answer_logout,
    [KD_ASK_PASSWORD] = kd_answer_password,
    [KD_ASK_TODAY] = answer_today,
    [KD_ASK_DETECTIONS] = answer_detections,
    [KD_ASK_DETECTION] = answer_detection,
    [KD_ASK_DETECTION_PATCH] = answer_detection_patch,
    [KD_ASK_HOSTS] = answer_hosts,
    [KD_ASK_HOST] = answer_host,
    [KD_ASK_RECORDS] = answer_records,
    [KD_ASK_HEALTH] = answer_health,
    [KD_ASK_OBJECTS] = kd_answer_objects,
    [KD_ASK_OBJECT_ADD] = kd_answer_object_add,
    [KD_ASK_OBJECT_EXPIRE] = kd_answer_object_expire,
    [KD_ASK_EXCEPTIONS] = kd_answer_exceptions,
    [KD_ASK_EXCEPTION_ADD] = kd_answer_exception_add,
    [KD_ASK_EXCEPTION_DELETE] = kd_answer_exception_delete,
    [KD_ASK_USERS] = kd_answer_users,
    [KD_ASK_USER_ADD] = kd_answer_user_add,
    [KD_ASK_USER_PATCH] = kd_answer_user_patch,
    [KD_ASK_USER_DELETE] = kd_answer_user_delete,
    [KD_ASK_AUDIT] = kd_answer_audit,
    [KD_ASK_SIGHTINGS] = answer_sightings,
    [KD_ASK_OUTSIDE] = answer_outside,
    [KD_ASK_NETWORK] = answer_network,
    [KD_ASK_INCIDENTS] = kd_answer_incidents,
    [KD_ASK_INCIDENT] = kd_answer_incident,
    [KD_ASK_INCIDENT_PATCH] = kd_answer_incident_patch,
    [KD_ASK_NOTICES] = kd_answer_notices,
    [KD_ASK_NOTICE_TEST] = kd_answer_notice_test,
};

static bool may_ask(struct kd_asker *k)
{
    const struct kd_ask_row *row = &kd_ask_rows[k->q->kind];
    if (row->role == KD_ROLE_NONE)
        return true;
    enum kd_status s = kd_session_find(&k->a->meta, kd_asker_pair(k, "token"), &k->session);
    if (s != KD_OK && s != KD_DENIED) {
        kd_asker_fail(k, s);
        return false;
    }
    if (s == KD_DENIED) {
        kd_reply_error(k->r, 401, "login_required", "ログインしてください。", "Log on first.");
        return false;
    }
    struct kd_bytes csrf = kd_asker_pair(k, "csrf");
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
    struct kd_asker k = {.a = a,
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
            kd_asker_fail(&k, s);
        else if (may_ask(&k))
            answers[q->kind](&k);
        if (writes && s == KD_OK) {
            s = kd_meta_run(&a->meta, ret->status < 300 ? "COMMIT" : "ROLLBACK");
            if (s != KD_OK)
                kd_asker_fail(&k, s);
        }
    }
    if (!kd_jw_ok(&ret->json)) {
        kd_reply_error(ret, 500, "too_large", "結果が大きすぎます。条件を狭めてください。",
                       "The answer is too large. Ask a narrower question.");
    }
    kd_meta_limit(&a->meta, 0, NULL);
}
