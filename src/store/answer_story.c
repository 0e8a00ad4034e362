/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about incidents. */
#include "store/asker.h"
#include "store/incidents.h"
#include "store/sighting.h"

enum { INCIDENTS_LIMIT = 100, INCIDENT_NOTE_MAX = 4000, SCOPE_ROWS = 400, SCOPE_HOSTS = 50, THINGS_MOST = 64 };
#define SCOPE_US (366 * KD_US_PER_DAY)

void kd_answer_incidents(struct kd_asker *k)
{
    struct kd_incident_filter f = {.severity = kd_asker_pair(k, "severity"),
                                   .state = kd_asker_pair(k, "state"),
                                   .host = kd_asker_pair(k, "host"),
                                   .q = kd_asker_pair(k, "q")};
    if (!kd_asker_number(k, "limit", 50, INCIDENTS_LIMIT, &f.limit) ||
        !kd_asker_number(k, "before", 0, INT64_MAX, &f.before))
        return;
    struct kd_jw *w = &k->r->json;
    uint64_t next = 0, total = 0;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_incidents_json(&k->a->meta, &f, w, &next, &total);
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

/* ---- who else met its things ---- */

struct thing {
    char kind[8], value[128];
};

struct things {
    struct thing v[THINGS_MOST];
    size_t n;
};

static void keep(char *to, size_t size, struct kd_bytes text)
{
    size_t n = kd_min_size(text.n, size - 1);
    if (n > 0)
        memcpy(to, text.p, n);
    to[n] = '\0';
}

static void keep_thing(void *arg, struct kd_bytes kind, struct kd_bytes value)
{
    struct things *t = arg;
    if (t->n == THINGS_MOST || value.n >= sizeof(t->v[0].value))
        return;
    keep(t->v[t->n].kind, sizeof(t->v[0].kind), kind);
    keep(t->v[t->n].value, sizeof(t->v[0].value), value);
    t->n++;
}

struct meeting {
    struct kd_addr host;
    uint64_t first_us, last_us, count;
};

struct meetings {
    struct meeting v[SCOPE_HOSTS];
    size_t n;
    bool more;
};

/* Days and names under one are put together by host. */
static bool add_meeting(void *arg, const struct kd_sighting *s)
{
    struct meetings *m = arg;
    size_t i = 0;
    while (i < m->n && !kd_addr_eq(&m->v[i].host, &s->host))
        i++;
    if (i == SCOPE_HOSTS) {
        m->more = true;
        return false;
    }
    if (i == m->n)
        m->v[m->n++] = (struct meeting){s->host, s->first_us, s->last_us, 0};
    m->v[i].first_us = kd_min_u64(m->v[i].first_us, s->first_us);
    m->v[i].last_us = kd_max_u64(m->v[i].last_us, s->last_us);
    m->v[i].count += s->count;
    return true;
}

static enum kd_status put_meetings(struct kd_asker *k, const struct thing *t, const struct meetings *m)
{
    struct kd_jw *w = &k->r->json;
    enum kd_status s = KD_OK;
    kd_jw_open(w, NULL, '{');
    kd_jw_str(w, "kind", t->kind);
    kd_jw_str(w, "value", t->value);
    kd_jw_bool(w, "more", m->more);
    kd_jw_open(w, "hosts", '[');
    for (size_t i = 0; i < m->n && s == KD_OK; i++) {
        uint8_t buf[48];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        kd_out_addr(&o, &m->v[i].host);
        struct kd_sql q = kd_sql(&k->a->meta, "SELECT name, role FROM hosts WHERE address = ?");
        kd_sql_text(&q, kd_out_bytes_view(&o));
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "address", kd_out_bytes_view(&o));
        bool known = kd_sql_row(&q);
        kd_jw_text(w, "name", known ? kd_sql_get_text(&q, 0) : kd_str(""));
        kd_jw_text(w, "role", known ? kd_sql_get_text(&q, 1) : kd_str(""));
        kd_jw_time(w, "first", m->v[i].first_us);
        kd_jw_time(w, "last", m->v[i].last_us);
        kd_jw_u64(w, "count", m->v[i].count);
        kd_jw_close(w, '}');
        s = kd_sql_done(&q);
    }
    kd_jw_close(w, ']');
    kd_jw_close(w, '}');
    return s;
}

/* From the sightings of a year: all who met the outside places, files and senders of the incident. */
static enum kd_status put_scope(struct kd_asker *k, uint64_t id)
{
    struct things *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return KD_NO_MEMORY;
    enum kd_status s = kd_incident_things(&k->a->meta, id, keep_thing, t);
    uint64_t now = kd_now_us(&k->a->clock);
    kd_jw_open(&k->r->json, "scope", '[');
    for (size_t i = 0; i < t->n && s == KD_OK; i++) {
        struct meetings m = {.n = 0};
        struct kd_sighting_sum sum = {.truncated = false};
        struct kd_err err;
        struct kd_sighting_ask ask = {.dir_path = k->a->dir_path, .clock = k->a->clock, .zone_s = k->a->zone_s,
                                      .value = kd_str(t->v[i].value), .from_us = k->a->demo ? 0 : now - SCOPE_US,
                                      .to_us = UINT64_MAX, .limit = SCOPE_ROWS, .deadline_us = k->deadline_us,
                                      .cancel = k->a->cancel};
        s = kd_sightings_find(&ask, add_meeting, &m, &sum, &err);
        m.more |= sum.truncated;
        if (s == KD_OK)
            s = put_meetings(k, &t->v[i], &m);
    }
    kd_jw_close(&k->r->json, ']');
    free(t);
    return s;
}

static void put_incident(struct kd_asker *k, uint64_t id)
{
    enum kd_status s = kd_incident_json(&k->a->meta, id, &k->r->json);
    if (s == KD_OK)
        s = put_scope(k, id);
    kd_jw_close(&k->r->json, '}');
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

void kd_answer_incident(struct kd_asker *k)
{
    uint64_t id;
    if (kd_asker_number(k, "id", 0, INT64_MAX, &id))
        put_incident(k, id);
}

void kd_answer_incident_patch(struct kd_asker *k)
{
    uint64_t id;
    struct kd_bytes state = kd_asker_pair(k, "state");
    struct kd_bytes note = kd_asker_pair(k, "note");
    if (!kd_asker_number(k, "id", 0, INT64_MAX, &id))
        return;
    if (state.p != NULL && !kd_bytes_eq_str(state, "open") && !kd_bytes_eq_str(state, "acknowledged") &&
        !kd_bytes_eq_str(state, "closed")) {
        kd_asker_refuse(k, "bad_state", "状態は open、acknowledged、closed のいずれかです。",
                        "The state is one of open, acknowledged, closed.");
        return;
    }
    if (note.n > INCIDENT_NOTE_MAX) {
        kd_asker_refuse(k, "note_too_long", "メモが長すぎます。", "The note is too long.");
        return;
    }
    enum kd_status s = kd_incident_patch(&k->a->meta, id, state, note, kd_str(k->session.user));
    if (s == KD_OK)
        s = kd_asker_audit(k, "incident_change", kd_asker_pair(k, "id"), state.p != NULL ? state : kd_str("note"));
    if (s == KD_OK)
        put_incident(k, id);
    else
        kd_asker_fail(k, s);
}
