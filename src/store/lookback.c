/* SPDX-License-Identifier: Apache-2.0 */
#include "store/lookback.h"

#include <jansson.h>
#include <pthread.h>
#include <signal.h>

#include "store/decisions.h"
#include "store/hunt.h"
#include "store/lists.h"
#include "store/objects.h"
#include "store/sighting.h"

enum { DEADLINE_S = 30, LOOKS = 3, HITS_MAX = 1000, ROWS_MAX = 20000, HOSTS_MAX = 256, HITS_BYTES = 16 << 20, LAYERS = 2, LISTS_LOOKS = 2 };

struct kd_lookback {
    struct kd_lookback_config cfg;
    struct kd_meta m;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool started, woken;
    _Atomic bool stop;
    /* Under `lists_lock`, which the thread holds while it looks; who has new ones cancels that. */
    pthread_mutex_t lists_lock;
    _Atomic bool lists_cancel;
    struct kd_obj_index now[LAYERS], before[LAYERS];
    size_t n_now, n_before;
    unsigned lists_looks;     /* still to be made */
    uint64_t lists_due_us;
};

/* One look: what was found, by host. */
struct look {
    struct kd_lookback *l;
    const struct kd_object_due *due;
    struct kd_meeting_new host[HOSTS_MAX];
    char met[HOSTS_MAX][256];
    size_t n;
    bool cut;
};

static void meet(struct look *k, const struct kd_addr *host, const char *how, struct kd_bytes met, uint64_t first_us,
                 uint64_t last_us, uint64_t count)
{
    if (kd_addr_is_none(host) || first_us >= k->due->created_us)
        return; /* since it is known, the brain sees it */
    size_t i = 0;
    while (i < k->n && !kd_addr_eq(&k->host[i].host, host))
        i++;
    if (i == HOSTS_MAX) {
        k->cut = true;
        return;
    }
    struct kd_meeting_new *h = &k->host[i];
    if (i == k->n) {
        k->n++;
        struct kd_out o = kd_out_of(k->met[i], sizeof(k->met[i]));
        kd_out_bytes(&o, kd_bytes_head(met, sizeof(k->met[i])));
        *h = (struct kd_meeting_new){.object = k->due->id, .host = *host, .met = kd_out_bytes_view(&o),
                                     .how = kd_str(how), .first_us = first_us};
    }
    h->first_us = kd_min_u64(h->first_us, first_us);
    h->last_us = kd_max_u64(h->last_us, kd_min_u64(last_us, k->due->created_us));
    h->count += count;
}

/* ---- in the sightings ---- */

static bool on_sighting(void *arg, const struct kd_sighting *s)
{
    struct look *k = arg;
    meet(k, &s->host, kd_sighting_name(s->kind), s->value, s->first_us, s->last_us, s->count);
    return !k->l->stop;
}

static enum kd_status look_in_sightings(struct look *k, enum kd_sighting_kind kind, struct kd_bytes value, uint64_t deadline_us)
{
    struct kd_lookback *l = k->l;
    struct kd_sighting_sum sum;
    struct kd_err err = {0};
    struct kd_sighting_ask ask = {.dir_path = l->cfg.dir_path, .clock = l->cfg.clock, .zone_s = l->cfg.zone_s,
                                  .kind = kind, .value = value, .to_us = k->due->created_us, .limit = ROWS_MAX,
                                  .deadline_us = deadline_us, .cancel = &l->stop};
    enum kd_status s = kd_sightings_find(&ask, on_sighting, k, &sum, &err);
    k->cut |= sum.truncated;
    return s;
}

/* ---- in the records ---- */

static void on_record(struct look *k, struct kd_bytes json, uint64_t ts_us)
{
    json_t *r = json_loadb((const char *)json.p, json.n, 0, NULL);
    const char *src = json_string_value(json_object_get(r, "src_ip")), *dst = json_string_value(json_object_get(r, "dest_ip"));
    struct kd_addr a = {{0}}, b = {{0}};
    struct kd_net net;
    struct kd_bytes value = kd_bytes_of(k->due->value.p, k->due->value.n);
    if (src != NULL && dst != NULL && kd_addr_parse(kd_str(src), &a) && kd_addr_parse(kd_str(dst), &b)) {
        bool is_net = kd_net_parse(value, &net);
        bool source_is_it = is_net && kd_net_has(&net, &a);
        meet(k, source_is_it ? &b : &a, is_net ? "ip" : "url", is_net ? kd_str(source_is_it ? src : dst) : value, ts_us, ts_us, 1);
    }
    json_decref(r);
}

static void put_quoted(struct kd_out *o, struct kd_bytes text)
{
    kd_out_u8(o, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            kd_out_u8(o, '\\');
        kd_out_u8(o, text.p[i]);
    }
    kd_out_u8(o, '"');
}

static bool put_question(struct look *k, struct kd_out *o)
{
    struct kd_bytes value = kd_bytes_of(k->due->value.p, k->due->value.n);
    if (kd_bytes_eq_str(kd_bytes_of(k->due->kind.p, k->due->kind.n), "ip")) {
        kd_out_str(o, "ip = ");
        kd_out_bytes(o, value);
        return kd_out_ok(o);
    }
    size_t slash = kd_bytes_find_byte(value, '/');
    struct kd_bytes host = kd_bytes_head(value, slash);
    host = kd_bytes_head(host, kd_min_size(host.n, kd_bytes_find_byte(host, ':')));
    kd_out_str(o, "http.hostname = ");
    put_quoted(o, host);
    kd_out_str(o, " and http.url = ");
    put_quoted(o, kd_bytes_from(value, slash));
    return kd_out_ok(o);
}

static enum kd_status look_in_records(struct look *k, uint64_t deadline_us)
{
    struct kd_lookback *l = k->l;
    uint8_t text[2 * KD_OBJECT_VALUE_MAX + 64];
    struct kd_out o = kd_out_of(text, sizeof(text));
    struct kd_hunt_expr *e = NULL;
    struct kd_err err = {0};
    struct kd_hunt_result found = {0};
    if (!put_question(k, &o))
        return KD_LIMIT;
    enum kd_status s = kd_hunt_parse(kd_out_bytes_view(&o), l->cfg.zone_s, &e, &err);
    if (s != KD_OK)
        return s;
    struct kd_hunt_source src = {.events = l->cfg.events, .last_seq = UINT64_MAX};
    struct kd_hunt_query q = {.expr = e, .to_us = k->due->created_us, .clock = l->cfg.clock, .deadline_us = deadline_us,
                              .cancel = &l->stop, .threads = 1, .zone_s = l->cfg.zone_s, .limit = HITS_MAX,
                              .max_bytes = HITS_BYTES};
    s = kd_hunt(&q, &src, &found);
    for (size_t i = 0; s == KD_OK && i < found.n; i++)
        on_record(k, kd_bytes_of(found.text.p + found.hit[i].at, found.hit[i].n), found.hit[i].ts_us);
    k->cut |= found.stats.truncated;
    kd_hunt_result_done(&found);
    kd_hunt_expr_free(e);
    return s;
}

/* ---- one object ---- */

static enum kd_status search(struct look *k)
{
    static const enum kd_sighting_kind names[] = {KD_SIGHT_DNS, KD_SIGHT_HTTP, KD_SIGHT_SNI};
    struct kd_bytes kind = kd_bytes_of(k->due->kind.p, k->due->kind.n);
    struct kd_bytes value = kd_bytes_of(k->due->value.p, k->due->value.n);
    uint64_t deadline_us = kd_now_us(&k->l->cfg.clock) + DEADLINE_S * (uint64_t)KD_US_PER_S;
    bool is_net = kd_bytes_find_byte(value, '/') != SIZE_MAX;
    enum kd_status s = KD_OK;
    if (kd_bytes_eq_str(kind, "url") || (kd_bytes_eq_str(kind, "ip") && is_net))
        return look_in_records(k, deadline_us);
    for (size_t i = 0; kd_bytes_eq_str(kind, "domain") && s == KD_OK && i < KD_COUNT(names); i++)
        s = look_in_sightings(k, names[i], value, deadline_us);
    enum kd_sighting_kind one = kd_bytes_eq_str(kind, "ip")    ? KD_SIGHT_IP
                                : kd_bytes_eq_str(kind, "ja3") ? KD_SIGHT_JA3
                                : kd_bytes_eq_str(kind, "ja4") ? KD_SIGHT_JA4
                                                               : KD_SIGHT_HASH;
    return kd_bytes_eq_str(kind, "domain") ? s : look_in_sightings(k, one, value, deadline_us);
}

/* Again when the sightings have come up to the moment it was added. */
static uint64_t next_look(const struct kd_object_due *due, uint64_t now_us)
{
    static const unsigned minutes[LOOKS] = {2, 10, 0};
    unsigned wait = due->looks < LOOKS ? minutes[due->looks] : 0;
    return wait == 0 ? 0 : now_us + wait * KD_US_PER_MINUTE;
}

static enum kd_status note(struct look *k)
{
    struct kd_meta *m = &k->l->m;
    uint64_t now_us = kd_meta_now(m);
    enum kd_status s = kd_meta_run(m, "BEGIN IMMEDIATE");
    if (s != KD_OK)
        return s;
    for (size_t i = 0; s == KD_OK && i < k->n; i++)
        s = kd_meeting_note(m, &k->host[i]);
    if (s == KD_OK)
        s = kd_object_looked(m, k->due->id, !k->cut, next_look(k->due, now_us));
    if (s == KD_OK && k->n > 0)
        s = kd_decided(m);
    enum kd_status t = kd_meta_run(m, s == KD_OK ? "COMMIT" : "ROLLBACK");
    return s == KD_OK ? t : s;
}

/* False: nothing is due, or not now. */
static bool look_for_one(struct kd_lookback *l)
{
    struct kd_object_due due = {.id = 0};
    if (kd_object_due(&l->m, &due) != KD_OK) {
        kd_object_due_done(&due);
        return false;
    }
    struct look *k = calloc(1, sizeof(*k));
    enum kd_status s = k == NULL ? KD_NO_MEMORY : KD_OK;
    if (s == KD_OK) {
        k->l = l;
        k->due = &due;
        k->cut = search(k) != KD_OK || k->cut;
        s = l->stop ? KD_CANCELLED : note(k);
    }
    free(k);
    kd_object_due_done(&due);
    return s == KD_OK;
}

/* ---- lists ---- */

void kd_lookback_lists(struct kd_lookback *l, const struct kd_obj_index *layer, size_t n)
{
    l->lists_cancel = true;
    (void)pthread_mutex_lock(&l->lists_lock);
    memcpy(l->before, l->now, sizeof(l->before));
    l->n_before = l->n_now;
    l->n_now = kd_min_size(n, LAYERS);
    if (n > 0)
        memcpy(l->now, layer, l->n_now * sizeof(layer[0]));
    l->lists_looks = l->n_now > 0 ? LISTS_LOOKS : 0;
    l->lists_due_us = 0;
    l->lists_cancel = false;
    (void)pthread_mutex_unlock(&l->lists_lock);
    kd_lookback_wake(l);
}

/* At once, and again when the sightings have come up to the moment they came into force. */
static void look_for_lists(struct kd_lookback *l)
{
    (void)pthread_mutex_lock(&l->lists_lock);
    uint64_t now_us = kd_now_us(&l->cfg.clock);
    if (l->lists_looks > 0 && now_us >= l->lists_due_us) {
        struct kd_lists_look look = {.dir_path = l->cfg.dir_path, .clock = l->cfg.clock, .now = {l->now, l->n_now},
                                     .before = {l->before, l->n_before}, .cancel = &l->lists_cancel,
                                     .deadline_us = now_us + DEADLINE_S * (uint64_t)KD_US_PER_S};
        kd_ignore(kd_lists_look_back(&l->m, &look)); /* what did not fit is looked for the next time */
        l->lists_looks--;
        l->lists_due_us = now_us + 10 * KD_US_PER_MINUTE;
    }
    (void)pthread_mutex_unlock(&l->lists_lock);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct kd_lookback *l = arg;
    (void)pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        while (!l->woken && !l->stop)
            (void)pthread_cond_wait(&l->wake, &l->lock);
        l->woken = false;
        (void)pthread_mutex_unlock(&l->lock);
        if (!l->stop)
            look_for_lists(l);
        while (!l->stop && look_for_one(l))
            ;
        (void)pthread_mutex_lock(&l->lock);
    }
    (void)pthread_mutex_unlock(&l->lock);
    return NULL;
}

static bool start_thread(struct kd_lookback *l)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    l->started = pthread_create(&l->thread, NULL, run, l) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return l->started;
}

enum kd_status kd_lookback_new(const struct kd_lookback_config *cfg, struct kd_lookback **ret, struct kd_err *err)
{
    struct kd_lookback *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "look-back");
    l->cfg = *cfg;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_mutex_init(&l->lists_lock, NULL);
    (void)pthread_cond_init(&l->wake, NULL);
    enum kd_status s = kd_meta_open(cfg->dir_path, true, false, cfg->clock, &l->m, err);
    if (s == KD_OK && !start_thread(l))
        s = kd_fail(err, KD_SYSTEM, 0, "thread");
    if (s != KD_OK) {
        kd_lookback_free(l);
        return s;
    }
    *ret = l;
    return KD_OK;
}

void kd_lookback_wake(struct kd_lookback *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->woken = true;
    (void)pthread_cond_signal(&l->wake);
    (void)pthread_mutex_unlock(&l->lock);
}

void kd_lookback_free(struct kd_lookback *l)
{
    if (l == NULL)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->stop = true;
    l->lists_cancel = true;
    (void)pthread_cond_signal(&l->wake);
    (void)pthread_mutex_unlock(&l->lock);
    if (l->started)
        (void)pthread_join(l->thread, NULL);
    kd_meta_close(&l->m);
    (void)pthread_cond_destroy(&l->wake);
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_mutex_destroy(&l->lists_lock);
    free(l);
}
