/* SPDX-License-Identifier: Apache-2.0 */
#include "store/notices.h"

#include "store/detections.h"

enum { KEEP_DAYS = 90, PAGE_ROWS = 50, TEST_WAIT_S = 600 };

/* ---- what there is to tell ---- */

static uint64_t row_of(struct kd_meta *m, struct kd_bytes key, enum kd_status *ret_s)
{
    struct kd_sql q = kd_sql(m, "SELECT id FROM notices WHERE key = ?");
    kd_sql_text(&q, key);
    uint64_t id = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    *ret_s = kd_sql_done(&q);
    return id;
}

/* News is what makes the version grow: something more, worse, over, or again. */
static enum kd_status put(struct kd_meta *m, struct kd_bytes key, const struct kd_notice *n,
                          uint64_t *ret)
{
    struct kd_sql q = kd_sql(m, "INSERT INTO notices (key, kind, number, severity, over, count, "
                                "first_us, last_us, host, host_name, title_ja, title_en,"
                                " what_ja, what_en, do_ja, do_en, made_us, version) VALUES (?, ?, "
                                "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"
                                " ON CONFLICT (key) DO UPDATE SET version = version + 1, number = "
                                "excluded.number, severity = excluded.severity,"
                                " over = excluded.over, count = excluded.count, first_us = "
                                "min(first_us, excluded.first_us),"
                                " last_us = excluded.last_us, host = excluded.host, host_name = "
                                "excluded.host_name, title_ja = excluded.title_ja,"
                                " title_en = excluded.title_en, what_ja = excluded.what_ja, "
                                "what_en = excluded.what_en, do_ja = excluded.do_ja,"
                                " do_en = excluded.do_en WHERE severity <> excluded.severity OR "
                                "over <> excluded.over OR count <> excluded.count"
                                " OR number <> excluded.number");
    kd_sql_text(&q, key);
    kd_sql_u64(&q, n->kind);
    kd_sql_u64(&q, n->number);
    kd_sql_u64(&q, n->severity);
    kd_sql_u64(&q, n->over);
    kd_sql_u64(&q, n->count);
    kd_sql_u64(&q, n->first_us);
    kd_sql_u64(&q, n->last_us);
    const struct kd_bytes texts[] = {n->host,    n->host_name, n->title.ja,  n->title.en,
                                     n->what.ja, n->what.en,   n->action.ja, n->action.en};
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        kd_sql_text(&q, texts[i]);
    kd_sql_u64(&q, kd_meta_now(m));
    enum kd_status s = kd_sql_done(&q);
    bool news = s == KD_OK && kd_meta_changes(m) > 0;
    *ret = 0;
    if (news)
        *ret = row_of(m, key, &s);
    return s;
}

/* All detections of the kind at the host: how often together, and is somebody at work on all of
 * them? */
static enum kd_status sum_up(struct kd_meta *m, struct kd_bytes detection_id, struct kd_bytes host,
                             struct kd_notice *n, bool *ret_known)
{
    struct kd_sql q = kd_sql(m, "SELECT sum(count), max(severity), min(first_us), max(last_us), "
                                "sum(state = 'open') FROM detections"
                                " WHERE detection_id = ? AND host = ? AND excepted = 0");
    kd_sql_text(&q, detection_id);
    kd_sql_text(&q, host);
    *ret_known = false;
    if (kd_sql_row(&q)) {
        n->count = kd_sql_get(&q, 0);
        n->severity = (uint8_t)kd_min_u64(kd_sql_get(&q, 1), KD_NOTICE_CRITICAL);
        n->first_us = kd_sql_get(&q, 2);
        n->last_us = kd_sql_get(&q, 3);
        *ret_known = kd_sql_get(&q, 4) == 0;
    }
    return kd_sql_done(&q);
}

/* Is it part of an incident that is told, and is at least as grave? */
static bool is_covered(struct kd_meta *m, struct kd_bytes fold, uint8_t severity,
                       enum kd_status *ret_s)
{
    struct kd_sql q = kd_sql(
        m, "SELECT 1 FROM incident_steps s JOIN notices n ON n.key = 'incident:' || s.incident"
           " WHERE s.fold = ? AND n.severity >= ? LIMIT 1");
    kd_sql_blob(&q, fold);
    kd_sql_u64(&q, severity);
    bool covered = kd_sql_row(&q);
    *ret_s = kd_sql_done(&q);
    return covered;
}

enum kd_status kd_notice_detection(struct kd_meta *m, uint64_t id, const struct kd_rec_alert *a,
                                   uint8_t least, uint64_t *ret)
{
    uint8_t host[48], room[256];
    struct kd_out key = kd_out_of(room, sizeof(room));
    enum kd_status s = KD_OK;
    bool known = false;
    *ret = 0;
    if (kd_severity_of(a->severity) < least ||
        (a->key.n > 0 && is_covered(m, a->key, (uint8_t)kd_severity_of(a->severity), &s)) || s != KD_OK)
        return s;
    struct kd_notice n = {.kind = KD_NOTICE_DETECTION,
                          .number = id,
                          .host = kd_addr_view(&a->host, host),
                          .host_name = a->host_name,
                          .title = {a->title_ja, a->title_en},
                          .what = {a->why_ja, a->why_en},
                          .action = {a->do_ja, a->do_en}};
    kd_out_str(&key, "detection:");
    kd_out_bytes(&key, kd_bytes_head(a->detection_id, 100));
    kd_out_str(&key, ":");
    kd_out_bytes(&key, n.host);
    s = sum_up(m, a->detection_id, n.host, &n, &known);
    return s == KD_OK && !known ? put(m, kd_out_bytes_view(&key), &n, ret) : s;
}

/* Its detections that nobody was told of yet go with it.  They become "over", which gate gives
 * back. */
static enum kd_status cover(struct kd_meta *m, uint64_t incident, uint8_t severity)
{
    struct kd_sql q = kd_sql(
        m, "UPDATE notices SET over = 1, version = version + 1 WHERE kind = 1 AND told_times = 0 "
           "AND over = 0"
           " AND severity <= ? AND key IN (SELECT 'detection:' || d.detection_id || ':' || d.host"
           " FROM incident_steps s JOIN detections d ON d.fold = s.fold WHERE s.incident = ?)");
    kd_sql_u64(&q, severity);
    kd_sql_u64(&q, incident);
    return kd_sql_done(&q);
}

enum kd_status kd_notice_incident(struct kd_meta *m, uint64_t id, const struct kd_rec_incident *r,
                                  uint8_t least, uint64_t *ret)
{
    uint8_t host[48], room[64];
    struct kd_out key = kd_out_of(room, sizeof(room));
    *ret = 0;
    struct kd_notice n = {.kind = KD_NOTICE_INCIDENT,
                          .number = id,
                          .severity = (uint8_t)kd_severity_of(r->severity),
                          .count = r->steps.n + r->hosts.n,
                          .first_us = r->first_us,
                          .last_us = r->last_us,
                          .host = kd_addr_view(&r->zero, host),
                          .host_name = r->zero_name,
                          .title = {r->title_ja, r->title_en},
                          .what = {r->summary_ja, r->summary_en},
                          .action = {r->do_ja, r->do_en}};
    if (n.severity < least)
        return KD_OK;
    struct kd_sql q = kd_sql(m, "SELECT i.state = 'acknowledged' AND coalesce(n.severity, 0) >= ?1 "
                                "FROM incidents i LEFT JOIN notices n"
                                " ON n.key = 'incident:' || i.id WHERE i.id = ?2");
    kd_sql_u64(&q, n.severity);
    kd_sql_u64(&q, id);
    bool known = kd_sql_row(&q) &&
                 kd_sql_get(&q, 0) != 0; /* somebody is at work on it, and it is no worse */
    enum kd_status s = kd_sql_done(&q);
    kd_out_str(&key, "incident:");
    kd_out_u64(&key, id);
    if (s == KD_OK && !known)
        s = put(m, kd_out_bytes_view(&key), &n, ret);
    return s == KD_OK ? cover(m, id, n.severity) : s;
}

enum kd_status kd_notice_merged(struct kd_meta *m, struct kd_bytes key, uint64_t *ret)
{
    uint8_t room[64];
    struct kd_out name = kd_out_of(room, sizeof(room));
    *ret = 0;
    struct kd_sql q = kd_sql(m, "SELECT id FROM incidents WHERE key = ?");
    kd_sql_blob(&q, key);
    uint64_t id = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK || id == 0)
        return s;
    kd_out_str(&name, "incident:");
    kd_out_u64(&name, id);
    q = kd_sql(m, "UPDATE notices SET over = 1, version = version + 1 WHERE key = ? AND over = 0");
    kd_sql_text(&q, kd_out_bytes_view(&name));
    s = kd_sql_done(&q);
    if (s == KD_OK && kd_meta_changes(m) > 0)
        *ret = row_of(m, kd_out_bytes_view(&name), &s);
    return s;
}

enum kd_status kd_notice_covered(struct kd_meta *m, uint64_t id, size_t room, uint64_t *rows,
                                 size_t *n)
{
    struct kd_sql q =
        kd_sql(m, "SELECT id FROM notices WHERE kind = 1 AND over = 1 AND version > told_version"
                  " AND key IN (SELECT 'detection:' || d.detection_id || ':' || d.host"
                  " FROM incident_steps s JOIN detections d ON d.fold = s.fold WHERE s.incident = "
                  "?) LIMIT ?");
    kd_sql_u64(&q, id);
    kd_sql_u64(&q, room);
    while (kd_sql_row(&q))
        rows[(*n)++] = kd_sql_get(&q, 0);
    return kd_sql_done(&q);
}

/* Which source, which disk: as the latest event has it.  `ja` and `en` take a copy. */
static enum kd_status read_event(struct kd_meta *m, const char *kind, struct kd_out *ja, struct kd_out *en)
{
    struct kd_sql q = kd_sql(m, "SELECT text_ja, text_en FROM health_events WHERE kind = ? ORDER BY id DESC LIMIT 1");
    kd_sql_text(&q, kd_str(kind));
    if (kd_sql_row(&q)) {
        kd_out_bytes(ja, kd_sql_get_text(&q, 0));
        kd_out_bytes(en, kd_sql_get_text(&q, 1));
    }
    return kd_sql_done(&q);
}

enum kd_status kd_notice_trouble(struct kd_meta *m, const struct kd_trouble *t, bool over,
                                 uint64_t *ret)
{
    uint8_t room[64], what_ja[500], what_en[500];
    struct kd_out ja = kd_out_of(what_ja, sizeof(what_ja)), en = kd_out_of(what_en, sizeof(what_en));
    struct kd_out key = kd_out_of(room, sizeof(room));
    enum kd_status s = KD_OK;
    *ret = 0;
    kd_out_str(&key, "sensor:");
    kd_out_str(&key, t->kind);
    uint64_t now = kd_meta_now(m);
    struct kd_notice n = {.kind = KD_NOTICE_SENSOR,
                          .severity = KD_NOTICE_HIGH,
                          .over = over,
                          .count = 1,
                          .first_us = now,
                          .last_us = now};
    n.title = (struct kd_notice_words){kd_str(t->ja), kd_str(t->en)};
    n.action = (struct kd_notice_words){kd_str(t->do_ja), kd_str(t->do_en)};
    if (over)
        n.action = (struct kd_notice_words){kd_str("何もする必要はありません。"),
                                            kd_str("Nothing: it works again.")};
    if (t->event != NULL)
        s = read_event(m, t->event, &ja, &en);
    n.what = (struct kd_notice_words){kd_out_bytes_view(&ja), kd_out_bytes_view(&en)};
    if (s != KD_OK)
        return s;
    struct kd_sql q = kd_sql(m, "SELECT count, first_us, over FROM notices WHERE key = ?");
    kd_sql_text(&q, kd_out_bytes_view(&key));
    bool known = kd_sql_row(&q);
    if (known) {
        bool was_over = kd_sql_get(&q, 2) != 0;
        n.count = kd_sql_get(&q, 0) + (was_over && !over); /* how many times it began */
        n.first_us = was_over && !over ? now : kd_sql_get(&q, 1);
    }
    s = kd_sql_done(&q);
    if (s != KD_OK || (over && !known))
        return s;
    return put(m, kd_out_bytes_view(&key), &n, ret);
}

enum kd_status kd_notice_test(struct kd_meta *m, struct kd_bytes user, uint64_t *ret)
{
    uint8_t room[64], what_ja[300], what_en[300];
    uint64_t now = kd_meta_now(m);
    struct kd_out key = kd_out_of(room, sizeof(room)), ja = kd_out_of(what_ja, sizeof(what_ja)),
                  en = kd_out_of(what_en, sizeof(what_en));
    kd_out_str(&key, "test:");
    kd_out_u64(&key, now);
    kd_out_str(&ja, "画面の「試験メールを送る」が押されました。このメールが届けば、本番のお知らせも"
                    "届きます。操作した利用者: ");
    kd_out_str(
        &en, "Somebody pressed \"send a test mail\". If this arrives, real notices do too. User: ");
    kd_out_bytes(&ja, kd_bytes_head(user, 100));
    kd_out_bytes(&en, kd_bytes_head(user, 100));
    struct kd_notice n = {
        .kind = KD_NOTICE_TEST,
        .count = 1,
        .first_us = now,
        .last_us = now,
        .title = {kd_str("お知らせメールの試験です"), kd_str("A test of notices by mail")},
        .what = {kd_out_bytes_view(&ja), kd_out_bytes_view(&en)},
        .action = {kd_str("何もする必要はありません。"), kd_str("Nothing.")}};
    return put(m, kd_out_bytes_view(&key), &n, ret);
}

/* ---- to gate ---- */

#define COLUMNS                                                                                    \
    "id, version, kind, severity, over, number, count, first_us, last_us, told_count, told_us, "   \
    "told_times, told_severity,"                                                                   \
    " host, host_name, title_ja, title_en, what_ja, what_en, do_ja, do_en"

static void send_row(struct kd_sql *q, bool example,
                     void (*fn)(void *arg, const struct kd_notice *n), void *arg)
{
    struct kd_notice n = {.id = kd_sql_get(q, 0),
                          .version = (uint32_t)kd_sql_get(q, 1),
                          .kind = (uint8_t)kd_sql_get(q, 2),
                          .severity = (uint8_t)kd_sql_get(q, 3),
                          .over = kd_sql_get(q, 4) != 0,
                          .number = kd_sql_get(q, 5),
                          .count = kd_sql_get(q, 6),
                          .first_us = kd_sql_get(q, 7),
                          .last_us = kd_sql_get(q, 8),
                          .told_count = kd_sql_get(q, 9),
                          .told_us = kd_sql_get(q, 10),
                          .told_times = (uint32_t)kd_sql_get(q, 11),
                          .told_severity = (uint8_t)kd_sql_get(q, 12),
                          .host = kd_sql_get_text(q, 13),
                          .host_name = kd_sql_get_text(q, 14),
                          .title = {kd_sql_get_text(q, 15), kd_sql_get_text(q, 16)},
                          .what = {kd_sql_get_text(q, 17), kd_sql_get_text(q, 18)},
                          .action = {kd_sql_get_text(q, 19), kd_sql_get_text(q, 20)}};
    n.example = example && (n.kind == KD_NOTICE_DETECTION || n.kind == KD_NOTICE_INCIDENT);
    fn(arg, &n);
}

enum kd_status kd_notice_send(struct kd_meta *m, uint64_t id, bool example,
                              void (*fn)(void *arg, const struct kd_notice *n), void *arg)
{
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM notices WHERE id = ?");
    kd_sql_u64(&q, id);
    if (kd_sql_row(&q))
        send_row(&q, example, fn, arg);
    return kd_sql_done(&q);
}

enum kd_status kd_notice_send_news(struct kd_meta *m, bool example, size_t max,
                                   void (*fn)(void *arg, const struct kd_notice *n), void *arg)
{
    struct kd_sql q = kd_sql(
        m, "SELECT " COLUMNS " FROM notices WHERE version > told_version ORDER BY kind = 4 DESC,"
           " told_times = 0 OR severity > told_severity DESC, severity DESC, told_us, id LIMIT ?");
    kd_sql_u64(&q, max);
    while (kd_sql_row(&q))
        send_row(&q, example, fn, arg);
    return kd_sql_done(&q);
}

/* ---- from gate ---- */

enum kd_status kd_notice_told(struct kd_meta *m, const struct kd_notice_told *t)
{
    struct kd_sql q = kd_sql(
        m, "UPDATE notices SET told_version = max(told_version, min(version, ?2)), answer = ?3,"
           " told_us = CASE ?4 WHEN 1 THEN ?5 ELSE told_us END,"
           " told_times = told_times + ?4, told_count = CASE ?4 WHEN 1 THEN ?6 ELSE told_count END,"
           " told_severity = CASE ?4 WHEN 1 THEN ?7 ELSE told_severity END WHERE id = ?1");
    kd_sql_u64(&q, t->id);
    kd_sql_u64(&q, t->version);
    kd_sql_text(&q, t->answer);
    kd_sql_u64(&q, t->mailed);
    kd_sql_u64(&q, t->us);
    kd_sql_u64(&q, t->count);
    kd_sql_u64(&q, t->severity);
    return kd_sql_done(&q);
}

enum kd_status kd_notice_hello(struct kd_meta *m, const struct kd_notice_hello *h)
{
    struct kd_sql q =
        kd_sql(m, "INSERT INTO notice_channel (one, server, security, sender, recipients, "
                  "language, least, quiet_us)"
                  " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET server = ?1, "
                  "security = ?2,"
                  " sender = ?3, recipients = ?4, language = ?5, least = ?6, quiet_us = ?7");
    const struct kd_bytes texts[] = {h->server, h->security, h->from,
                                     h->to,     h->language, h->severity};
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        kd_sql_text(&q, texts[i]);
    kd_sql_u64(&q, h->quiet_us);
    return kd_sql_done(&q);
}

enum kd_status kd_notice_channel(struct kd_meta *m, const struct kd_notice_channel *c,
                                 enum kd_channel_state *ret_was)
{
    struct kd_sql q = kd_sql(m, "SELECT state FROM notice_channel");
    *ret_was = kd_sql_row(&q) ? (enum kd_channel_state)kd_sql_get(&q, 0) : KD_CHANNEL_UNKNOWN;
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK)
        return s;
    /* A gate that has just begun knows nothing: until it tried, what its predecessor knew stands.
     */
    q = kd_sql(
        m, "INSERT INTO notice_channel (one, state, waiting, ok_us, fail_us, since_us, next_us, "
           "reason, why_ja, why_en,"
           " do_ja, do_en, answer) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) "
           "ON CONFLICT DO UPDATE SET"
           " state = CASE ?1 WHEN 0 THEN state ELSE ?1 END, waiting = ?2, ok_us = max(ok_us, ?3),"
           " fail_us = max(fail_us, ?4), since_us = CASE ?1 WHEN 0 THEN since_us ELSE ?5 END, "
           "next_us = ?6,"
           " reason = CASE ?1 WHEN 0 THEN reason ELSE ?7 END, why_ja = CASE ?1 WHEN 0 THEN why_ja "
           "ELSE ?8 END,"
           " why_en = CASE ?1 WHEN 0 THEN why_en ELSE ?9 END, do_ja = CASE ?1 WHEN 0 THEN do_ja "
           "ELSE ?10 END,"
           " do_en = CASE ?1 WHEN 0 THEN do_en ELSE ?11 END, answer = CASE ?1 WHEN 0 THEN answer "
           "ELSE ?12 END");
    const uint64_t numbers[] = {c->state,   c->waiting,  c->ok_us,
                                c->fail_us, c->since_us, c->next_us};
    const struct kd_bytes texts[] = {c->reason,    c->why.ja,    c->why.en,
                                     c->action.ja, c->action.en, c->answer};
    for (size_t i = 0; i < KD_COUNT(numbers); i++)
        kd_sql_u64(&q, numbers[i]);
    for (size_t i = 0; i < KD_COUNT(texts); i++)
        kd_sql_text(&q, texts[i]);
    return kd_sql_done(&q);
}

enum kd_status kd_notice_forget(struct kd_meta *m)
{
    uint64_t now = kd_meta_now(m);
    struct kd_sql q = kd_sql(
        m,
        "DELETE FROM notices WHERE version = told_version AND max(last_us, told_us, made_us) < ?");
    kd_sql_u64(&q, now - kd_min_u64(now, KEEP_DAYS * KD_US_PER_DAY));
    enum kd_status s = kd_sql_done(&q);
    if (s != KD_OK)
        return s;
    /* A test that nobody sent in time would be a riddle later. */
    q = kd_sql(m, "UPDATE notices SET told_version = version, answer = 'not sent in time' WHERE "
                  "kind = 4 AND version > told_version"
                  " AND made_us < ?");
    kd_sql_u64(&q, now - kd_min_u64(now, TEST_WAIT_S * (uint64_t)KD_US_PER_S));
    return kd_sql_done(&q);
}

/* ---- for the page ---- */

static void put_words(struct kd_sql *q, struct kd_jw *w, int reason)
{
    kd_jw_text(w, "reason", kd_sql_get_text(q, reason));
    kd_jw_both(w, "why", kd_sql_get_text(q, reason + 1), kd_sql_get_text(q, reason + 2));
    kd_jw_both(w, "do", kd_sql_get_text(q, reason + 3), kd_sql_get_text(q, reason + 4));
    kd_jw_text(w, "answer", kd_sql_get_text(q, reason + 5));
}

static enum kd_status put_channel(struct kd_meta *m, struct kd_jw *w)
{
    static const char *const states[KD_CHANNEL_STATES] = {"unknown", "ok", "failing", "dead"};
    struct kd_sql q = kd_sql(
        m, "SELECT server, security, sender, recipients, language, least, quiet_us, state, "
           "waiting, ok_us, fail_us,"
           " since_us, next_us, reason, why_ja, why_en, do_ja, do_en, answer FROM notice_channel");
    if (kd_sql_row(&q)) {
        struct kd_bytes to = kd_sql_get_text(&q, 3);
        kd_jw_open(w, "channel", '{');
        kd_jw_text(w, "server", kd_sql_get_text(&q, 0));
        kd_jw_text(w, "security", kd_sql_get_text(&q, 1));
        kd_jw_text(w, "from", kd_sql_get_text(&q, 2));
        kd_jw_open(w, "to", '[');
        while (to.n > 0)
            kd_jw_text(w, NULL, kd_bytes_cut(&to, ' '));
        kd_jw_close(w, ']');
        kd_jw_text(w, "language", kd_sql_get_text(&q, 4));
        kd_jw_text(w, "min_severity", kd_sql_get_text(&q, 5));
        kd_jw_u64(w, "quiet_minutes", kd_sql_get(&q, 6) / KD_US_PER_MINUTE);
        kd_jw_str(w, "state", states[kd_min_u64(kd_sql_get(&q, 7), KD_CHANNEL_STATES - 1)]);
        kd_jw_u64(w, "waiting", kd_sql_get(&q, 8));
        kd_jw_time(w, "ok", kd_sql_get(&q, 9));
        kd_jw_time(w, "failed", kd_sql_get(&q, 10));
        kd_jw_time(w, "since", kd_sql_get(&q, 11));
        kd_jw_time(w, "next", kd_sql_get(&q, 12));
        put_words(&q, w, 13);
        kd_jw_close(w, '}');
    } /* else gate has not said hello yet */
    return kd_sql_done(&q);
}

static const char *state_of(struct kd_sql *q)
{
    bool news = kd_sql_get(q, 8) != 0, told = kd_sql_get(q, 9) > 0;
    if (news)
        return told ? "quiet" : "waiting";
    return told ? "sent" : kd_sql_get(q, 1) == KD_NOTICE_TEST ? "failed" : "not_needed";
}

static enum kd_status put_items(struct kd_meta *m, struct kd_jw *w)
{
    static const char *const kinds[KD_NOTICE_KINDS] = {"", "detection", "incident", "sensor",
                                                       "test"};
    struct kd_sql q = kd_sql(
        m, "SELECT id, kind, number, severity, title_ja, title_en, host, host_name, version > "
           "told_version,"
           " told_times, told_us, count, told_count, last_us, answer, over, made_us FROM notices"
           " ORDER BY max(told_us, made_us) DESC, id DESC LIMIT ?");
    kd_sql_u64(&q, PAGE_ROWS);
    kd_jw_open(w, "items", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_u64(w, "id", kd_sql_get(&q, 0));
        kd_jw_str(w, "kind", kinds[kd_min_u64(kd_sql_get(&q, 1), KD_NOTICE_KINDS - 1)]);
        kd_jw_u64(w, "number", kd_sql_get(&q, 2));
        kd_jw_str(w, "severity", kd_severity_names[kd_min_u64(kd_sql_get(&q, 3), 4)]);
        kd_jw_both(w, "title", kd_sql_get_text(&q, 4), kd_sql_get_text(&q, 5));
        kd_jw_text(w, "host", kd_sql_get_text(&q, 6));
        kd_jw_text(w, "host_name", kd_sql_get_text(&q, 7));
        kd_jw_str(w, "state", state_of(&q));
        kd_jw_u64(w, "mails", kd_sql_get(&q, 9));
        kd_jw_time(w, "mailed", kd_sql_get(&q, 10));
        kd_jw_u64(w, "count", kd_sql_get(&q, 11));
        kd_jw_u64(w, "count_mailed", kd_sql_get(&q, 12));
        kd_jw_time(w, "last", kd_sql_get(&q, 13));
        kd_jw_text(w, "answer", kd_sql_get_text(&q, 14));
        kd_jw_bool(w, "over", kd_sql_get(&q, 15) != 0);
        kd_jw_time(w, "made", kd_sql_get(&q, 16));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

enum kd_status kd_notices_json(struct kd_meta *m, bool wanted, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_bool(w, "configured", wanted);
    enum kd_status s = put_channel(m, w);
    if (s == KD_OK)
        s = put_items(m, w);
    kd_jw_close(w, '}');
    return s;
}
