/* SPDX-License-Identifier: Apache-2.0 */
#include "store/live.h"

#include <pthread.h>

enum {
    ENGINES = 64,
    PROTOCOLS = 48,
    NAME_MAX_BYTES = 64,
    STEP_S = 10,
    SERIES_POINTS = 360,
    QUIET_S = 30,       /* an engine that says nothing for so long is told */
    NO_PACKETS_S = 300, /* as is a mirror port that delivers nothing */
    KEEP_EVENTS = 2000
};

struct totals {
    uint64_t packets, bytes, dropped, records;
};

struct protocol {
    char name[NAME_MAX_BYTES];
    uint64_t flows, packets, bytes;
};

struct engine {
    bool known, finished;
    char source[NAME_MAX_BYTES];
    struct totals total;
    uint64_t flows_active, memory_bytes, seen_us, last_packet_us, pps, bps, last_rate_us;
    uint64_t kept, kept_bytes; /* packets in the ring since the engine began */
    struct protocol protocol[PROTOCOLS];
    size_t n_protocols;
};

struct kd_live {
    pthread_mutex_t lock;
    struct engine engine[ENGINES];
    struct totals second, step; /* since the last health event, since the last row */
    uint64_t last_row_s;
    uint64_t started_us;
};

struct kd_live *kd_live_new(void)
{
    struct kd_live *l = calloc(1, sizeof(*l));
    if (l != NULL)
        (void)pthread_mutex_init(&l->lock, NULL);
    return l;
}

void kd_live_free(struct kd_live *l)
{
    if (l == NULL)
        return;
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

/* Counters only grow; one that fell was begun anew by a restarted engine. */
static uint64_t grown(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void set_name(char *to, struct kd_bytes name)
{
    struct kd_out o = kd_out_of(to, NAME_MAX_BYTES - 1);
    kd_out_bytes(&o, kd_bytes_head(name, NAME_MAX_BYTES - 1));
    to[o.n] = '\0';
}

static void take_protocols(struct engine *e, const struct kd_list *list)
{
    const struct kd_stats_proto *p = list->v;
    e->n_protocols = kd_min_size(list->n, PROTOCOLS);
    for (size_t i = 0; i < e->n_protocols; i++) {
        set_name(e->protocol[i].name, p[i].name);
        e->protocol[i].flows = p[i].flows;
        e->protocol[i].packets = p[i].packets;
        e->protocol[i].bytes = p[i].bytes;
    }
}

void kd_live_stats(struct kd_live *l, const struct kd_rec_head *head, const struct kd_rec_stats *s,
                   uint64_t now_us)
{
    (void)pthread_mutex_lock(&l->lock);
    struct engine *e = &l->engine[head->engine % ENGINES];
    bool total = kd_bytes_eq_str(s->scope, "total");
    struct totals d = {grown(s->packets, e->total.packets), grown(s->bytes, e->total.bytes),
                       grown(s->dropped, e->total.dropped), grown(s->records, e->total.records)};
    uint64_t span = e->known && now_us > e->seen_us ? now_us - e->seen_us : KD_US_PER_S;
    if (!total || !e->known) {
        l->second.packets += d.packets, l->step.packets += d.packets;
        l->second.bytes += d.bytes, l->step.bytes += d.bytes;
        l->second.dropped += d.dropped, l->step.dropped += d.dropped;
        l->second.records += d.records, l->step.records += d.records;
        e->pps = d.packets * KD_US_PER_S / span;
        e->bps = d.bytes * 8 * KD_US_PER_S / span;
        e->total = (struct totals){s->packets, s->bytes, s->dropped, s->records};
        set_name(e->source, s->source);
        take_protocols(e, &s->protocols);
    }
    if (d.packets > 0 || !e->known)
        e->last_packet_us = now_us;
    e->flows_active = total ? 0 : s->flows_active;
    e->memory_bytes = s->memory_bytes;
    e->kept = s->kept;
    e->kept_bytes = s->kept_bytes;
    e->finished = total;
    e->seen_us = now_us;
    e->known = true;
    (void)pthread_mutex_unlock(&l->lock);
}

static enum kd_status take_role(struct kd_meta *m, uint64_t ts_us, const struct kd_rec_health *h)
{
    bool exited = kd_bytes_eq_str(h->kind, "role_exit");
    struct kd_sql q = kd_sql(
        m, "INSERT INTO roles (role, pid, state, since_us, restarts, last_exit)"
           " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET pid = ?2,"
           " since_us = CASE state WHEN ?3 THEN since_us ELSE ?4 END, state = ?3, restarts = ?5,"
           " last_exit = CASE ?6 WHEN '' THEN last_exit ELSE ?6 END");
    kd_sql_text(&q, h->role);
    kd_sql_u64(&q, h->pid);
    kd_sql_text(&q, h->state);
    kd_sql_u64(&q, ts_us);
    kd_sql_u64(&q, h->restarts);
    kd_sql_text(&q, exited ? h->text_en : kd_str(""));
    return kd_sql_done(&q);
}

enum kd_status kd_live_health(struct kd_meta *m, uint64_t ts_us, const struct kd_rec_health *h)
{
    struct kd_sql q =
        kd_sql(m, "INSERT INTO health_events (ts_us, kind, role, state, value, text_ja, text_en)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?)");
    kd_sql_u64(&q, ts_us);
    kd_sql_text(&q, h->kind);
    kd_sql_text(&q, h->role);
    kd_sql_text(&q, h->state);
    kd_sql_u64(&q, h->value);
    kd_sql_text(&q, h->text_ja);
    kd_sql_text(&q, h->text_en);
    enum kd_status s = kd_sql_done(&q);
    if (s == KD_OK && kd_bytes_starts(h->kind, kd_str("role")))
        s = take_role(m, ts_us, h);
    if (s != KD_OK)
        return s;
    q = kd_sql(m, "DELETE FROM health_events WHERE id <= ?");
    uint64_t id = kd_meta_last_id(m);
    kd_sql_u64(&q, id - kd_min_u64(id, KEEP_EVENTS));
    return kd_sql_done(&q);
}

static void put_series(struct kd_meta *m, uint64_t t, const struct totals *d)
{
    struct kd_sql q = kd_sql(m, "INSERT OR REPLACE INTO series (t, packets, bytes, dropped, "
                                "records) VALUES (?, ?, ?, ?, ?)");
    kd_sql_u64(&q, t);
    kd_sql_u64(&q, d->packets);
    kd_sql_u64(&q, d->bytes);
    kd_sql_u64(&q, d->dropped);
    kd_sql_u64(&q, d->records);
    kd_ignore(kd_sql_done(&q));
    q = kd_sql(
        m,
        "INSERT INTO hourly (hour, kind, name, value) VALUES (?1, 'sensor', 'packets', ?2),"
        " (?1, 'sensor', 'bytes', ?3), (?1, 'sensor', 'dropped', ?4), (?1, 'sensor', 'records', ?5)"
        " ON CONFLICT DO UPDATE SET value = value + excluded.value");
    kd_sql_u64(&q, t / 3600);
    kd_sql_u64(&q, d->packets);
    kd_sql_u64(&q, d->bytes);
    kd_sql_u64(&q, d->dropped);
    kd_sql_u64(&q, d->records);
    kd_ignore(kd_sql_done(&q));
    q = kd_sql(m, "DELETE FROM series WHERE t < ?");
    kd_sql_u64(&q, t - kd_min_u64(t, 86400));
    kd_ignore(kd_sql_done(&q));
}

void kd_live_second(struct kd_live *l, struct kd_meta *m, uint64_t now_us, struct kd_jw *w)
{
    uint64_t flows = 0;
    (void)pthread_mutex_lock(&l->lock);
    struct totals second = l->second;
    struct totals step = l->step;
    l->second = (struct totals){0};
    for (size_t i = 0; i < ENGINES; i++)
        flows += l->engine[i].flows_active;
    uint64_t t = now_us / KD_US_PER_S / STEP_S * STEP_S;
    bool row = t != l->last_row_s;
    if (row) {
        l->step = (struct totals){0};
        l->last_row_s = t;
    }
    if (l->started_us == 0)
        l->started_us = now_us;
    (void)pthread_mutex_unlock(&l->lock);
    if (row)
        put_series(m, t, &step);
    kd_jw_open(w, NULL, '{');
    kd_jw_u64(w, "pps", second.packets);
    kd_jw_u64(w, "bps", second.bytes * 8);
    kd_jw_u64(w, "dropped", second.dropped);
    kd_jw_u64(w, "records", second.records);
    kd_jw_u64(w, "flows", flows);
    kd_jw_u64(w, "t", now_us / KD_US_PER_S);
    kd_jw_close(w, '}');
}

/* ---- problems ---- */

static const struct kd_trouble problems[KD_TROUBLES] = {
    {"drops", "high", "直近 1 時間に取りこぼしたパケットがあります。見えていない通信があります。",
     "Packets were lost in the last hour: some traffic was not seen.",
     "ミラーポートの流量とセンサーの性能を確認してください。",
     "Check the mirror port's load and the sensor's capacity.", true, NULL},
    {"silent", "high", "通信がまったく届いていません。検知がなくても安全とは言えません。",
     "No traffic arrives. The absence of detections does not mean safety.",
     "ミラーポートの設定とケーブルを確認してください。",
     "Check the mirror port's settings and its cable.", true, NULL},
    {"engine_quiet", "high", "通信の処理部から報告がありません。",
     "A traffic engine does not report.",
     "しばらく待っても直らなければ、センサーを再起動してください。",
     "If it does not recover by itself, restart the sensor.", true, NULL},
    {"records_lost", "high", "保存できずに失われた記録があります。",
     "Records were lost because they could not be stored.", "ディスクの空きを確保してください。",
     "Make room on the disk.", true, NULL},
    {"disk_low", "medium", "ディスクの空きが 5 % を切りました。",
     "Less than 5 % of the disk is free.", "保存期間を短くするか、ディスクを増やしてください。",
     "Shorten the time records are kept, or add disk space.", true, NULL},
    {"role", "medium", "センサーの処理の一部が停止しています。",
     "A part of the sensor is not running.",
     "しばらく待っても直らなければ、センサーを再起動してください。",
     "If it does not recover by itself, restart the sensor.", true, NULL},
    {"mail", "high", "お知らせのメールを届けられません。", "Notices cannot be delivered by mail.",
     "「お知らせ」の画面で、原因とすることを確かめてください。",
     "See the page Notices for the reason and what to do.", false, NULL},
    {"update", "high", "ルールまたは不審オブジェクトの一覧を、長い間取得できていません。新しい脅威を見逃すおそれがあります。",
     "Rules or lists of suspicious objects could not be fetched for long: new threats may be missed.",
     "「センサーの健全性」の画面または kidoban status で取得元と理由を確かめ、取得元のサーバー、証明書、経路を直してください。",
     "See the page Health or kidoban status for which and why; mend the mirror, its certificate or the way to it.", true, "update_alarm"},
};

enum { P_DROPS, P_SILENT, P_QUIET, P_LOST, P_DISK, P_ROLE, P_MAIL, P_UPDATE, P_COUNT };

const struct kd_trouble *kd_trouble_row(size_t i)
{
    KD_ASSERT(i < KD_TROUBLES);
    return &problems[i];
}

static uint64_t one_number(struct kd_meta *m, const char *sql, uint64_t arg, enum kd_status *s)
{
    struct kd_sql q = kd_sql(m, sql);
    kd_sql_u64(&q, arg);
    uint64_t v = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    enum kd_status done = kd_sql_done(&q);
    *s = *s == KD_OK ? done : *s;
    return v;
}

enum kd_status kd_troubles_find(struct kd_live *l, struct kd_meta *m, const struct kd_ingest_sum *in,
                                bool found[KD_TROUBLES])
{
    uint64_t now = kd_meta_now(m);
    enum kd_status s = KD_OK;
    memset(found, 0, P_COUNT * sizeof(*found));
    (void)pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < ENGINES; i++) {
        const struct engine *e = &l->engine[i];
        if (!e->known || e->finished)
            continue;
        found[P_QUIET] |= e->seen_us + QUIET_S * (uint64_t)KD_US_PER_S < now;
        found[P_SILENT] |= e->last_packet_us + NO_PACKETS_S * (uint64_t)KD_US_PER_S < now;
    }
    (void)pthread_mutex_unlock(&l->lock);
    uint64_t hour_ago = now / KD_US_PER_S - kd_min_u64(now / KD_US_PER_S, 3600);
    found[P_DROPS] =
        one_number(m, "SELECT sum(dropped) FROM series WHERE t >= ?", hour_ago, &s) > 0;
    found[P_ROLE] =
        one_number(m, "SELECT count(*) FROM roles WHERE state <> 'running' AND since_us > ?", 0,
                   &s) > 0;
    found[P_MAIL] = one_number(m, "SELECT state = 3 FROM notice_channel WHERE ? = 0", 0, &s) > 0;
    found[P_UPDATE] = one_number(m, "SELECT state = 'failed' FROM health_events WHERE kind = 'update_alarm' AND id > ?"
                                    " ORDER BY id DESC LIMIT 1", 0, &s) > 0;
    found[P_LOST] = in->lost > 0;
    found[P_DISK] = in->disk_total > 0 && in->disk_free < in->disk_total / 20;
    return s;
}

static void put_problems(struct kd_jw *w, const bool found[P_COUNT])
{
    bool ok = true;
    for (size_t i = 0; i < P_COUNT; i++)
        ok = ok && !found[i];
    kd_jw_bool(w, "ok", ok);
    kd_jw_open(w, "problems", '[');
    for (size_t i = 0; i < P_COUNT; i++) {
        const struct kd_trouble *p = &problems[i];
        if (!found[i])
            continue;
        kd_jw_open(w, NULL, '{');
        kd_jw_str(w, "kind", p->kind);
        kd_jw_str(w, "severity", p->severity);
        kd_jw_both(w, "text", kd_str(p->ja), kd_str(p->en));
        kd_jw_both(w, "do", kd_str(p->do_ja), kd_str(p->do_en));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
}

enum kd_status kd_problems_json(struct kd_live *l, struct kd_meta *m,
                                const struct kd_ingest_sum *in, struct kd_jw *w, const char *key)
{
    bool found[P_COUNT];
    enum kd_status s = kd_troubles_find(l, m, in, found);
    kd_jw_open(w, key, '{');
    put_problems(w, found);
    kd_jw_close(w, '}');
    return s;
}

/* ---- health ---- */

static const char *state_of(const struct engine *e, uint64_t now)
{
    if (e->finished)
        return "finished";
    return e->seen_us + QUIET_S * (uint64_t)KD_US_PER_S < now ? "quiet" : "running";
}

static void put_engines(struct kd_live *l, struct kd_jw *w, uint64_t now)
{
    kd_jw_open(w, "engines", '[');
    for (size_t i = 0; i < ENGINES; i++) {
        const struct engine *e = &l->engine[i];
        if (!e->known)
            continue;
        uint64_t all = e->total.packets + e->total.dropped;
        bool stale = e->finished || e->seen_us + QUIET_S * (uint64_t)KD_US_PER_S < now;
        kd_jw_open(w, NULL, '{');
        kd_jw_u64(w, "id", i);
        kd_jw_str(w, "source", e->source);
        kd_jw_str(w, "state", state_of(e, now));
        kd_jw_u64(w, "packets", e->total.packets);
        kd_jw_u64(w, "bytes", e->total.bytes);
        kd_jw_u64(w, "dropped", e->total.dropped);
        kd_jw_fixed(w, "drop_pct", all == 0 ? 0 : 100.0 * (double)e->total.dropped / (double)all);
        kd_jw_u64(w, "pps", stale ? 0 : e->pps);
        kd_jw_u64(w, "bps", stale ? 0 : e->bps);
        kd_jw_u64(w, "flows", e->flows_active);
        kd_jw_u64(w, "memory_bytes", e->memory_bytes);
        kd_jw_u64(w, "kept", e->kept);
        kd_jw_u64(w, "kept_bytes", e->kept_bytes);
        kd_jw_time(w, "last_packet", e->last_packet_us);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
}

static void put_protocols(struct kd_live *l, struct kd_jw *w)
{
    struct protocol sum[PROTOCOLS];
    size_t n = 0;
    for (size_t i = 0; i < ENGINES; i++)
        for (size_t k = 0; k < l->engine[i].n_protocols; k++) {
            const struct protocol *p = &l->engine[i].protocol[k];
            size_t at = 0;
            while (at < n && strcmp(sum[at].name, p->name) != 0)
                at++;
            if (at == PROTOCOLS)
                continue;
            if (at == n) {
                sum[n++] = *p;
                continue;
            }
            sum[at].flows += p->flows;
            sum[at].packets += p->packets;
            sum[at].bytes += p->bytes;
        }
    kd_jw_open(w, "protocols", '[');
    for (size_t i = 0; i < n; i++) {
        kd_jw_open(w, NULL, '{');
        kd_jw_str(w, "name", sum[i].name);
        kd_jw_u64(w, "flows", sum[i].flows);
        kd_jw_u64(w, "packets", sum[i].packets);
        kd_jw_u64(w, "bytes", sum[i].bytes);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
}

static enum kd_status put_series_json(struct kd_meta *m, struct kd_jw *w, uint64_t now)
{
    static const struct {
        const char *key, *sql;
    } line[] = {{"times", "t"},
                {"pps", "packets / 10"},
                {"bps", "bytes * 8 / 10"},
                {"dropped", "dropped"},
                {"records", "records / 10"}};
    uint64_t from = now / KD_US_PER_S - STEP_S * SERIES_POINTS;
    enum kd_status s = KD_OK;
    kd_jw_open(w, "series", '{');
    for (size_t i = 0; i < KD_COUNT(line) && s == KD_OK; i++) {
        char sql[128];
        int n = snprintf(sql, sizeof(sql), "SELECT %s FROM series WHERE t > ? ORDER BY t LIMIT %d",
                         line[i].sql, SERIES_POINTS);
        KD_ASSERT(n > 0 && (size_t)n < sizeof(sql));
        struct kd_sql q = kd_sql(m, sql);
        kd_sql_u64(&q, from);
        kd_jw_open(w, line[i].key, '[');
        while (kd_sql_row(&q))
            kd_jw_u64(w, NULL, kd_sql_get(&q, 0));
        kd_jw_close(w, ']');
        s = kd_sql_done(&q);
    }
    kd_jw_close(w, '}');
    return s;
}

static enum kd_status put_roles(struct kd_meta *m, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(
        m, "SELECT role, pid, state, since_us, restarts, last_exit FROM roles ORDER BY role");
    kd_jw_open(w, "roles", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "role", kd_sql_get_text(&q, 0));
        kd_jw_u64(w, "pid", kd_sql_get(&q, 1));
        kd_jw_text(w, "state", kd_sql_get_text(&q, 2));
        kd_jw_time(w, "since", kd_sql_get(&q, 3));
        kd_jw_u64(w, "restarts", kd_sql_get(&q, 4));
        kd_jw_text(w, "last_exit", kd_sql_get_text(&q, 5));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

static enum kd_status put_events(struct kd_meta *m, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT ts_us, kind, text_ja, text_en, role, state FROM "
                                "health_events ORDER BY id DESC LIMIT 50");
    kd_jw_open(w, "events", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_time(w, "time", kd_sql_get(&q, 0));
        kd_jw_text(w, "kind", kd_sql_get_text(&q, 1));
        kd_jw_text(w, "role", kd_sql_get_text(&q, 4));
        kd_jw_text(w, "state", kd_sql_get_text(&q, 5));
        kd_jw_both(w, "text", kd_sql_get_text(&q, 2), kd_sql_get_text(&q, 3));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

static void put_store(struct kd_jw *w, const struct kd_ingest_sum *in,
                      const struct kd_events_sum *e)
{
    kd_jw_open(w, "store", '{');
    kd_jw_u64(w, "records", e->records + in->pending_records);
    kd_jw_u64(w, "bytes", e->bytes + in->pending_bytes);
    kd_jw_time(w, "oldest", e->oldest_us);
    kd_jw_u64(w, "disk_free_bytes", in->disk_free);
    kd_jw_u64(w, "disk_total_bytes", in->disk_total);
    kd_jw_time(w, "sealed_through", e->newest_us);
    kd_jw_u64(w, "lost", in->lost);
    kd_jw_close(w, '}');
}

enum kd_status kd_health_json(struct kd_live *l, struct kd_meta *m, const struct kd_ingest_sum *in,
                              const struct kd_events_sum *events, struct kd_jw *w)
{
    uint64_t now = kd_meta_now(m);
    bool found[P_COUNT];
    enum kd_status s = kd_troubles_find(l, m, in, found);
    kd_jw_open(w, NULL, '{');
    kd_jw_time(w, "now", now);
    put_problems(w, found);
    (void)pthread_mutex_lock(&l->lock);
    put_engines(l, w, now);
    put_protocols(l, w);
    (void)pthread_mutex_unlock(&l->lock);
    if (s == KD_OK)
        s = put_series_json(m, w, now);
    if (s == KD_OK)
        s = put_roles(m, w);
    put_store(w, in, events);
    if (s == KD_OK)
        s = put_events(m, w);
    kd_jw_close(w, '}');
    return s;
}
