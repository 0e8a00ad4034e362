/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/answer.h"
#include "store/ask_pool.h"
#include "store/decisions.h"
#include "store/detections.h"
#include "store/hosts.h"
#include "store/incidents.h"
#include "store/ingest.h"
#include "store/lists.h"
#include "store/lookback.h"
#include "store/network.h"
#include "store/packets.h"
#include "store/sightings.h"
#include "store/telling.h"
#include "wire/board.h"

enum { ARENA_MAX = 8 << 20, NOTICES_MAX = 16, NOTICE_TEXT = 400 };

/* A notice waits until the call that caused it is over. */
struct waiting_notice {
    char kind[24], role[24], state[24], en[NOTICE_TEXT], ja[NOTICE_TEXT];
    uint64_t value;
};

struct kd_store {
    struct kd_store_config cfg;
    int lock_fd;
    struct kd_seals *seals;
    struct kd_events *events;
    struct kd_ingest *ingest;
    struct kd_sightings *sightings;
    struct kd_lookback *lookback; /* of a live store */
    struct kd_packets *packets;
    struct kd_live *live;
    struct kd_meta meta; /* of the thread that takes records */
    struct kd_decisions decisions;
    struct kd_ask_pool *pool;
    struct kd_telling telling;
    struct kd_pool *memory;
    struct kd_arena arena;
    char first_password[32];
    uint64_t last_second_us, last_hour_us;
    struct kd_site *site;
    struct waiting_notice notice[NOTICES_MAX];
    size_t n_notices;
};

/* ---- open and close ---- */

static void on_notice(void *arg, const struct kd_rec_health *h);
static void hear_decisions(struct kd_store *s);

static enum kd_status lock_directory(struct kd_store *s, struct kd_err *err)
{
    s->lock_fd = openat(s->cfg.dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return kd_fail_sys(err, errno == EACCES ? KD_DENIED : KD_SYSTEM, "store directory", "lock",
                           errno);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return kd_fail(err, KD_BUSY, 0, "another kidoban writes to this directory");
    return KD_OK;
}

static enum kd_status open_writer(struct kd_store *s, struct kd_err *err)
{
    enum kd_status st = lock_directory(s, err);
    if (st == KD_OK)
        st = kd_seals_open(s->cfg.dir_fd, &s->seals, err);
    if (st == KD_OK)
        st = kd_events_open(s->cfg.dir_fd, s->cfg.zone_s, true, &s->events, err);
    if (st == KD_OK && (s->packets = kd_packets_new(s->cfg.dir_fd, s->cfg.zone_s, s->seals)) == NULL)
        st = kd_fail(err, KD_NO_MEMORY, 0, "packet ring");
    if (st == KD_OK)
        st = kd_meta_open(s->cfg.dir_path, true, false, s->cfg.clock, &s->meta, err);
    if (st == KD_OK) {
        st = kd_users_first(&s->meta, s->first_password);
        if (st != KD_OK)
            (void)kd_fail(err, st, 0, "first user");
    }
    struct kd_ingest_config cfg = {
        .dir_fd = s->cfg.dir_fd,
        .zone_s = s->cfg.zone_s,
        .keep_days = s->cfg.keep_days,
        .keep_bytes = s->cfg.keep_bytes,
        .free_bytes_min = s->cfg.free_bytes_min,
        .clock = s->cfg.clock,
        .events = s->events,
        .seals = s->seals,
        .notice = on_notice,
        .notice_arg = s,
    };
    if (st == KD_OK)
        st = kd_ingest_new(&cfg, &s->ingest, err);
    struct kd_sightings_config seen = {.dir_path = s->cfg.dir_path,
                                       .events = s->events,
                                       .clock = s->cfg.clock,
                                       .zone_s = s->cfg.zone_s,
                                       .keep_days = s->cfg.keep_days};
    if (st == KD_OK)
        st = kd_sightings_new(&seen, &s->sightings, err);
    struct kd_lookback_config back = {.dir_path = s->cfg.dir_path,
                                      .events = s->events,
                                      .clock = s->cfg.clock,
                                      .zone_s = s->cfg.zone_s};
    if (st == KD_OK && s->cfg.ask_threads > 0)
        st = kd_lookback_new(&back, &s->lookback, err);
    return st;
}

enum kd_status kd_store_open(const struct kd_store_config *cfg, struct kd_store **ret,
                             struct kd_err *err)
{
    struct kd_store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "store");
    kd_digest_warm(); /* before there is more than one thread */
    s->cfg = *cfg;
    s->lock_fd = -1;
    if (s->cfg.dir_path == NULL)
        s->cfg.dir_path = ".";
    s->live = kd_live_new();
    s->memory = kd_pool_new(ARENA_MAX);
    kd_arena_init(&s->arena, s->memory, ARENA_MAX);
    enum kd_status st =
        s->live == NULL || s->memory == NULL ? kd_fail(err, KD_NO_MEMORY, 0, "store") : KD_OK;
    if (st == KD_OK && (st = kd_site_read(cfg->site, &s->site)) != KD_OK)
        (void)kd_fail(err, st, 0, "the network plan");
    if (st == KD_OK && !cfg->read_only)
        st = open_writer(s, err);
    else if (st == KD_OK)
        st = kd_events_open(cfg->dir_fd, cfg->zone_s, false, &s->events, err);
    if (st == KD_OK && cfg->ask_threads > 0) {
        struct kd_answerer a = {.live = s->live,
                                .events = s->events,
                                .ingest = s->ingest,
                                .clock = cfg->clock,
                                .zone_s = cfg->zone_s,
                                .dir_path = s->cfg.dir_path,
                                .inside = cfg->inside,
                                .n_inside = cfg->n_inside,
                                .site = s->site,
                                .notices = cfg->notice != NULL,
                                .demo = cfg->demo};
        st = kd_ask_pool_new(&a, s->cfg.dir_path, cfg->ask_threads, &s->pool, err);
    }
    if (st != KD_OK) {
        kd_store_close(s);
        return st;
    }
    if (!cfg->read_only)
        hear_decisions(s);
    s->telling = (struct kd_telling){.on = cfg->notice != NULL && !cfg->read_only,
                                     .example = cfg->demo,
                                     .least = cfg->notice_severity,
                                     .meta = &s->meta,
                                     .live = s->live,
                                     .send = cfg->notice,
                                     .send_arg = cfg->notice_arg,
                                     .health = on_notice,
                                     .health_arg = s};
    *ret = s;
    return KD_OK;
}

void kd_store_close(struct kd_store *s)
{
    if (s == NULL)
        return;
    kd_ask_pool_free(s->pool);
    kd_lookback_free(s->lookback);
    if (s->ingest != NULL)
        kd_ignore(kd_ingest_seal(s->ingest));
    if (s->packets != NULL)
        kd_packets_tick(s->packets, s->events, kd_now_us(&s->cfg.clock), true);
    kd_packets_free(s->packets);
    kd_sightings_free(s->sightings);
    kd_ingest_free(s->ingest);
    kd_events_free(s->events);
    kd_seals_free(s->seals);
    kd_decisions_done(&s->decisions);
    kd_meta_close(&s->meta);
    kd_live_free(s->live);
    kd_site_free(s->site);
    kd_arena_done(&s->arena);
    kd_pool_free(s->memory);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    free(s);
}

const char *kd_store_first_password(const struct kd_store *s)
{
    return s->first_password[0] == '\0' ? NULL : s->first_password;
}

/* ---- live events ---- */

static void send_event(struct kd_store *s, enum kd_event_kind kind, const struct kd_jw *w)
{
    struct kd_event e = {kind, kd_jw_view(w)};
    if (s->cfg.event != NULL && kd_jw_ok(w) && e.json.n <= KD_ASK_CHUNK_MAX)
        s->cfg.event(s->cfg.event_arg, &e);
}

static void send_detection(struct kd_store *s, uint64_t id)
{
    struct kd_jw w;
    kd_jw_init(&w, s->cfg.zone_s);
    if (s->cfg.event != NULL && kd_detection_json(&s->meta, id, &w) == KD_OK)
        send_event(s, KD_EVENT_DETECTION, &w);
    kd_jw_done(&w);
}

static void send_incident(struct kd_store *s, uint64_t id)
{
    struct kd_jw w;
    kd_jw_init(&w, s->cfg.zone_s);
    if (s->cfg.event != NULL && kd_incident_brief_json(&s->meta, id, &w) == KD_OK)
        send_event(s, KD_EVENT_INCIDENT, &w);
    kd_jw_done(&w);
}

static void send_role(struct kd_store *s, const struct kd_rec_health *h)
{
    struct kd_jw w;
    kd_jw_init(&w, s->cfg.zone_s);
    kd_jw_open(&w, NULL, '{');
    kd_jw_text(&w, "role", h->role);
    kd_jw_text(&w, "state", h->state);
    kd_jw_text(&w, "kind", h->kind);
    kd_jw_both(&w, "text", h->text_ja, h->text_en);
    kd_jw_close(&w, '}');
    send_event(s, KD_EVENT_ROLE, &w);
    kd_jw_done(&w);
}

/* ---- records that are more than evidence ---- */

static const uint64_t wanted_types = (uint64_t)1 << KD_REC_ALERT | (uint64_t)1 << KD_REC_HOST |
                                     (uint64_t)1 << KD_REC_STATS | (uint64_t)1 << KD_REC_HEALTH |
                                     (uint64_t)1 << KD_REC_INCIDENT | (uint64_t)1 << KD_REC_CROSSING;

union wanted_body {
    struct kd_rec_alert alert;
    struct kd_rec_host host;
    struct kd_rec_stats stats;
    struct kd_rec_health health;
    struct kd_rec_incident incident;
    struct kd_rec_crossing crossing;
};

struct batch_effects {
    uint64_t incident[8]; /* the same for incidents */
    size_t n_incidents;
    uint64_t detection[64]; /* numbers to tell of, once the transaction holds */
    size_t n_detections;
    bool in_transaction;
};

static void begin_once(struct kd_store *s, struct batch_effects *fx)
{
    if (!fx->in_transaction)
        fx->in_transaction = kd_meta_run(&s->meta, "BEGIN IMMEDIATE") == KD_OK;
}

static void tell(struct kd_store *s, struct batch_effects *fx)
{
    if (fx->in_transaction && kd_meta_run(&s->meta, "COMMIT") != KD_OK)
        kd_ignore(kd_meta_run(&s->meta, "ROLLBACK"));
    fx->in_transaction = false;
    for (size_t i = 0; i < fx->n_detections; i++)
        send_detection(s, fx->detection[i]);
    for (size_t i = 0; i < fx->n_incidents; i++)
        send_incident(s, fx->incident[i]);
    kd_telling_flush(&s->telling);
    fx->n_detections = fx->n_incidents = 0;
}

static void take_incident(struct kd_store *s, const struct kd_rec_head *h, const struct kd_rec_incident *r,
                          struct batch_effects *fx)
{
    uint64_t id = 0;
    kd_ignore(kd_incident_take(&s->meta, h, r, s->cfg.zone_s, &id));
    if (id != 0 || r->merged_into.n > 0)
        kd_telling_incident(&s->telling, id, r);
    for (size_t i = 0; i < fx->n_incidents; i++)
        if (fx->incident[i] == id)
            return;
    if (id != 0 && fx->n_incidents < KD_COUNT(fx->incident))
        fx->incident[fx->n_incidents++] = id;
}

static void take_record(struct kd_store *s, const struct kd_rec_head *h, struct kd_bytes body,
                        struct batch_effects *fx)
{
    union wanted_body b;
    uint64_t id = 0;
    uint64_t now = kd_now_us(&s->cfg.clock);
    if (kd_body_decode(kd_schemas[h->type], body, &s->arena, &b) == KD_OK) {
        switch (h->type) {
        case KD_REC_ALERT:
            begin_once(s, fx);
            kd_ignore(kd_detection_take(&s->meta, h, &b.alert, &s->decisions, s->cfg.zone_s, &id));
            if (id != 0)
                kd_telling_detection(&s->telling, id, &b.alert);
            break;
        case KD_REC_HOST:
            begin_once(s, fx);
            kd_ignore(kd_host_take(&s->meta, h, &b.host));
            break;
        case KD_REC_INCIDENT:
            begin_once(s, fx);
            take_incident(s, h, &b.incident, fx);
            break;
        case KD_REC_CROSSING:
            begin_once(s, fx);
            kd_ignore(kd_crossing_take(&s->meta, h, &b.crossing, s->cfg.zone_s));
            break;
        case KD_REC_STATS:
            kd_live_stats(s->live, h, &b.stats, now);
            break;
        default:
            begin_once(s, fx);
            kd_ignore(kd_live_health(&s->meta, h->ts_us, &b.health));
            send_role(s, &b.health);
            break;
        }
    }
    kd_arena_done(&s->arena);
    bool known = id == 0;
    for (size_t i = 0; i < fx->n_detections; i++)
        known = known || fx->detection[i] == id;
    if (!known && fx->n_detections == KD_COUNT(fx->detection))
        tell(s, fx);
    if (!known)
        fx->detection[fx->n_detections++] = id;
}

/* ---- notices ---- */

static void keep_text(char *to, size_t size, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(to, size - 1);
    kd_out_bytes(&o, kd_bytes_head(text, size - 1));
    to[o.n] = '\0';
}

static void on_notice(void *arg, const struct kd_rec_health *h)
{
    struct kd_store *s = arg;
    if (s->n_notices == NOTICES_MAX)
        return;
    struct waiting_notice *n = &s->notice[s->n_notices++];
    keep_text(n->kind, sizeof(n->kind), h->kind);
    keep_text(n->role, sizeof(n->role), h->role);
    keep_text(n->state, sizeof(n->state), h->state);
    keep_text(n->en, sizeof(n->en), h->text_en);
    keep_text(n->ja, sizeof(n->ja), h->text_ja);
    n->value = h->value;
}

/* A notice is a health record like any other, and told at once even when nothing can be stored. */
static void tell_notices(struct kd_store *s)
{
    while (s->n_notices > 0) {
        struct waiting_notice n = s->notice[--s->n_notices];
        struct kd_rec_head head = {.ts_us = kd_now_us(&s->cfg.clock), .type = KD_REC_HEALTH};
        struct kd_rec_health h = {.kind = kd_str(n.kind),
                                  .role = kd_str(n.role),
                                  .state = kd_str(n.state),
                                  .value = n.value,
                                  .text_en = kd_str(n.en),
                                  .text_ja = kd_str(n.ja)};
        uint8_t buf[2048];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        if (kd_record_put(&o, &head, &h) == KD_OK && strcmp(n.state, "full") != 0)
            kd_ignore(kd_ingest_batch(s->ingest, kd_out_bytes_view(&o), 1, head.ts_us));
        kd_ignore(kd_live_health(&s->meta, head.ts_us, &h));
        send_role(s, &h);
    }
}

/* ---- taking records ---- */

/* What people decided since: for what comes now, and put up for the brain. */
static void hear_decisions(struct kd_store *s)
{
    bool news = false;
    if (kd_decisions_load(&s->decisions, &s->meta, &news) != KD_OK)
        s->decisions.revision = 0; /* busy perhaps: again at the next tick */
    else if (news && s->cfg.board != NULL)
        kd_ignore(kd_board_write(s->cfg.board, kd_bytes_of(s->decisions.text, s->decisions.n_text)));
}

enum kd_status kd_store_batch(struct kd_store *s, struct kd_bytes batch, struct kd_err *err)
{
    if (s->cfg.read_only)
        return kd_fail(err, KD_USAGE, 0, "the store is open for reading");
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head h;
    struct kd_bytes body, whole;
    size_t n = 0;
    size_t bytes = 0;
    uint64_t first_ts = 0;
    bool wanted = false;
    enum kd_status end;
    while ((end = kd_record_next(&c, &h, &body, &whole)) == KD_OK) {
        first_ts = n == 0 ? h.ts_us : first_ts;
        wanted = wanted || (wanted_types >> h.type & 1) != 0;
        n++;
        bytes += whole.n;
    }
    enum kd_status s1 = KD_OK;
    batch = kd_bytes_head(batch, bytes);
    if (n > 0)
        s1 = kd_ingest_batch(s->ingest, batch, n, first_ts);
    if (wanted) {
        hear_decisions(s);
        struct batch_effects fx = {.n_detections = 0};
        c = kd_cur_of(batch);
        while (kd_record_next(&c, &h, &body, &whole) == KD_OK)
            if ((wanted_types >> h.type & 1) != 0)
                take_record(s, &h, body, &fx);
        tell(s, &fx);
    }
    tell_notices(s);
    if (s1 != KD_OK)
        return kd_fail(err, s1, 0, "records could not be stored");
    return end == KD_NOT_FOUND ? KD_OK : kd_fail(err, KD_MALFORMED, bytes, "batch of records");
}

void kd_store_lists(struct kd_store *s, const struct kd_obj_index *layer, size_t n)
{
    struct kd_store_lists lists = {layer, n};
    if (s->cfg.read_only)
        return;
    kd_ignore(kd_lists_note(&s->meta, &lists)); /* for people to read: nothing depends on it */
    if (s->lookback != NULL)
        kd_lookback_lists(s->lookback, layer, n);
}

void kd_store_tick(struct kd_store *s)
{
    if (s->cfg.read_only)
        return;
    uint64_t now = kd_now_us(&s->cfg.clock);
    hear_decisions(s);
    kd_ingest_tick(s->ingest);
    kd_sightings_wake(s->sightings);
    tell_notices(s);
    if (now - s->last_second_us < KD_US_PER_S)
        return;
    s->last_second_us = now;
    if (s->lookback != NULL)
        kd_lookback_wake(s->lookback);
    if (s->packets != NULL)
        kd_packets_tick(s->packets, s->events, now, false);
    if (now - s->last_hour_us >= KD_US_PER_HOUR) {
        s->last_hour_us = now;
        kd_ignore(kd_crossings_prune(&s->meta));
    }
    struct kd_jw w;
    kd_jw_init(&w, s->cfg.zone_s);
    kd_live_second(s->live, &s->meta, now, &w);
    struct kd_ingest_sum sum = kd_ingest_sum(s->ingest);
    kd_telling_tick(&s->telling, &sum);
    send_event(s, KD_EVENT_HEALTH, &w);
    kd_jw_done(&w);
}

void kd_store_heard(struct kd_store *s, const struct kd_notice_message *m)
{
    kd_telling_heard(&s->telling, m);
}

enum kd_status kd_store_seal(struct kd_store *s, struct kd_err *err)
{
    enum kd_status st = s->cfg.read_only ? KD_USAGE : kd_ingest_seal(s->ingest);
    return st == KD_OK ? KD_OK : kd_fail(err, st, 0, "block");
}

enum kd_status kd_store_sightings(struct kd_store *s, enum kd_sighting_kind kind,
                                  struct kd_bytes value, uint64_t from_us, uint64_t to_us,
                                  bool (*row)(void *arg, const struct kd_sighting *s), void *arg,
                                  struct kd_sighting_sum *ret, struct kd_err *err)
{
    struct kd_sighting_ask ask = {.dir_path = s->cfg.dir_path,
                                  .clock = s->cfg.clock,
                                  .zone_s = s->cfg.zone_s,
                                  .kind = kind,
                                  .value = value,
                                  .from_us = from_us,
                                  .to_us = to_us,
                                  .limit = UINT64_MAX};
    return kd_sightings_find(&ask, row, arg, ret, err);
}

enum kd_status kd_store_ask(struct kd_store *s, const struct kd_question *q,
                            void (*reply)(void *arg, const struct kd_answer *a), void *arg)
{
    return s->pool == NULL ? KD_UNSUPPORTED : kd_ask_pool_ask(s->pool, q, reply, arg);
}
