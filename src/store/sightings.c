/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sightings.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>

#include "store/sighting_hosts.h"
#include "store/sighting_table.h"

enum {
    DAY_VALUES_MAX = 4 << 20, /* indicators of one day; from there on only known ones are counted */
    BLOCKS = 16,
    WRITE_S = 60,
    LAST_CALLS = 8 /* of count_some(), once it is to stop */
};

extern const char kd_sightings_schema[];

struct kd_sightings {
    struct kd_sightings_config cfg;
    struct kd_meta m;
    struct kd_block_reader *r;
    struct kd_sight_table table;
    uint32_t *order;
    struct kd_heap hosts, merged;
    uint64_t merges; /* rows that were there already */
    pthread_t thread;
    bool started;

    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t wake, idle;
    bool woken, finish, stop, at_rest;

    /* The thread's own. */
    uint64_t seq, written_seq; /* last block counted in the table, and in the database */
    uint64_t last_write_us, last_retain_us;
};

/* ---- writing ---- */

/* kd_merge(day, hosts there, hosts to add) */
static void merge(sqlite3_context *c, int n, sqlite3_value **v)
{
    struct kd_sightings *s = sqlite3_user_data(c);
    struct kd_bytes part[2];
    for (int i = 0; i < 2 && n == 3; i++) {
        const void *p = sqlite3_value_blob(v[i + 1]);
        part[i] = kd_bytes_of(p, p == NULL ? 0 : (size_t)sqlite3_value_bytes(v[i + 1]));
    }
    s->merges++;
    if (n != 3 || kd_sight_hosts_merge((uint32_t)sqlite3_value_int64(v[0]), part[0], part[1],
                                       &s->merged, &s->table.left_out) != KD_OK)
        sqlite3_result_error(c, "hosts", -1);
    else
        sqlite3_result_blob64(c, s->merged.p, s->merged.n, SQLITE_STATIC);
}

static int by_host(const void *a, const void *b)
{
    return kd_addr_cmp(&((const struct kd_sight_host *)a)->addr,
                       &((const struct kd_sight_host *)b)->addr);
}

/* The hosts of an indicator as one list. */
static enum kd_status gather_hosts(struct kd_sightings *s, const struct kd_sight_value *v)
{
    static _Thread_local struct kd_sight_host h[KD_SIGHT_HOSTS_MAX];
    size_t n = 0;
    for (uint32_t i = v->first; i != 0; i = s->table.v[i - 1].next) {
        const struct kd_sight_entry *e = &s->table.v[i - 1];
        if (n == KD_SIGHT_HOSTS_MAX)
            s->table.left_out += e->count;
        else
            h[n++] = (struct kd_sight_host){e->host, e->first_us, e->last_us, e->count, e->bytes};
    }
    qsort(h, n, sizeof(h[0]), by_host);
    s->hosts.n = 0;
    if (!kd_heap_room(&s->hosts, n * KD_SIGHT_HOST_BYTES + 1))
        return KD_NO_MEMORY;
    struct kd_out o = kd_out_of(s->hosts.p, s->hosts.room);
    for (size_t i = 0; i < n; i++)
        kd_sight_host_put(&o, v->day, &h[i]);
    s->hosts.n = o.n;
    return KD_OK;
}

/* Indicators that the day has. */
static uint64_t indicators(struct kd_sightings *s, uint32_t day)
{
    struct kd_sql q = kd_sql(&s->m, "SELECT indicators FROM days WHERE day = ?");
    kd_sql_u64(&q, day);
    uint64_t n = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    kd_ignore(kd_sql_done(&q));
    return n;
}

static enum kd_status put_day(struct kd_sightings *s, uint32_t day, uint64_t added,
                              uint64_t left_out)
{
    struct kd_sql q = kd_sql(&s->m, "INSERT INTO days VALUES (?, ?, ?, ?) ON CONFLICT (day) DO"
                                    " UPDATE SET written_us = excluded.written_us,"
                                    " indicators = indicators + excluded.indicators,"
                                    " left_out = left_out + excluded.left_out");
    kd_sql_u64(&q, day);
    kd_sql_u64(&q, kd_now_us(&s->cfg.clock));
    kd_sql_u64(&q, added);
    kd_sql_u64(&q, left_out);
    return kd_sql_done(&q);
}

static uint64_t meetings(const struct kd_sight_table *t, const struct kd_sight_value *v)
{
    uint64_t n = 0;
    for (uint32_t i = v->first; i != 0; i = t->v[i - 1].next)
        n += t->v[i - 1].count;
    return n;
}

/* The indicators order[from … to - 1], all of one day. */
static enum kd_status put_one_day(struct kd_sightings *s, size_t from, size_t to)
{
    struct kd_sight_table *t = &s->table;
    uint32_t day = t->value[s->order[from]].day;
    bool full = indicators(s, day) + (to - from) > DAY_VALUES_MAX;
    struct kd_sql q = kd_sql(&s->m, full ? "UPDATE sightings SET hosts = kd_merge(?1, hosts, ?4)"
                                           " WHERE day = ?1 AND kind = ?2 AND value = ?3"
                                         : "INSERT INTO sightings VALUES (?1, ?2, ?3, ?4)"
                                           " ON CONFLICT (day, kind, value) DO UPDATE"
                                           " SET hosts = kd_merge(day, hosts, excluded.hosts)");
    enum kd_status st = q.s;
    uint64_t before = s->merges;
    for (size_t i = from; i < to && st == KD_OK; i++) {
        const struct kd_sight_value *v = &t->value[s->order[i]];
        uint64_t merges = s->merges;
        st = gather_hosts(s, v);
        kd_sql_u64(&q, day);
        kd_sql_u64(&q, v->kind);
        kd_sql_blob(&q, kd_sight_bytes(t, v));
        kd_sql_blob(&q, kd_bytes_of(s->hosts.p, s->hosts.n));
        if (st == KD_OK)
            st = kd_sql_again(&q);
        if (full && s->merges == merges)
            t->left_out += meetings(t, v);
    }
    kd_sql_drop(&q);
    uint64_t added = full ? 0 : (to - from) - (s->merges - before);
    if (st == KD_OK)
        st = put_day(s, day, added, t->left_out);
    t->left_out = 0;
    return st;
}

static enum kd_status put_all(struct kd_sightings *s)
{
    const struct kd_sight_table *t = &s->table;
    enum kd_status st = KD_OK;
    kd_sight_order(t, s->order);
    for (size_t from = 0, to; from < t->n_values && st == KD_OK; from = to) {
        for (to = from; to < t->n_values; to++)
            if (t->value[s->order[to]].day != t->value[s->order[from]].day)
                break;
        st = put_one_day(s, from, to);
    }
    struct kd_sql c = kd_sql(&s->m, "UPDATE counted SET seq = ?");
    kd_sql_u64(&c, s->seq);
    enum kd_status s2 = kd_sql_done(&c);
    return st == KD_OK ? s2 : st;
}

/* All or nothing; what could not be written stays in the table. */
static enum kd_status write_out(struct kd_sightings *s)
{
    s->last_write_us = kd_now_us(&s->cfg.clock);
    if (s->seq == s->written_seq)
        return KD_OK;
    uint64_t left_out = s->table.left_out;
    enum kd_status st = kd_meta_run(&s->m, "BEGIN IMMEDIATE");
    if (st == KD_OK) {
        st = put_all(s);
        if (st == KD_OK)
            st = kd_meta_run(&s->m, "COMMIT");
        if (st != KD_OK)
            kd_ignore(kd_meta_run(&s->m, "ROLLBACK"));
    }
    if (st != KD_OK) {
        s->table.left_out = left_out;
        return st;
    }
    kd_sight_table_clear(&s->table);
    s->written_seq = s->seq;
    return KD_OK;
}

/* ---- retention ---- */

static void retain(struct kd_sightings *s)
{
    uint64_t now = kd_now_us(&s->cfg.clock);
    uint64_t keep = (s->cfg.keep_days == 0 ? KD_SIGHT_KEEP_DAYS : s->cfg.keep_days) * KD_US_PER_DAY;
    s->last_retain_us = now;
    if (now <= keep)
        return;
    uint64_t day = 0;
    struct kd_sql q =
        kd_sql(&s->m, "SELECT day FROM days WHERE written_us < ? ORDER BY day LIMIT 1");
    kd_sql_u64(&q, now - keep);
    if (kd_sql_row(&q))
        day = kd_sql_get(&q, 0);
    if (kd_sql_done(&q) != KD_OK || day == 0 || kd_meta_run(&s->m, "BEGIN IMMEDIATE") != KD_OK)
        return;
    static const char *const parts[] = {"DELETE FROM sightings WHERE day = ?",
                                        "DELETE FROM days WHERE day = ?"};
    enum kd_status st = KD_OK;
    for (size_t i = 0; i < KD_COUNT(parts) && st == KD_OK; i++) {
        struct kd_sql d = kd_sql(&s->m, parts[i]);
        kd_sql_u64(&d, day);
        st = kd_sql_done(&d);
    }
    kd_ignore(kd_meta_run(&s->m, st == KD_OK ? "COMMIT" : "ROLLBACK"));
    s->last_retain_us = 0; /* there may be another */
}

/* ---- the thread ---- */

/* Count some blocks.  False: there are none, or not now. */
static bool count_some(struct kd_sightings *s)
{
    struct kd_block_ref ref[BLOCKS];
    size_t n = kd_events_after(s->cfg.events, s->seq, ref, BLOCKS);
    for (size_t i = 0; i < n; i++) {
        if (kd_sight_is_full(&s->table) && write_out(s) != KD_OK)
            return false;
        /* A block that cannot be read, or that retention took away, is no one's sighting. */
        if (kd_block_open(s->r, &ref[i]) == KD_OK)
            kd_ignore(kd_sight_count(&s->table, s->r, s->cfg.zone_s));
        s->seq = ref[i].seq;
    }
    return n > 0;
}

static bool minute_over(const struct kd_sightings *s, uint64_t since)
{
    return kd_now_us(&s->cfg.clock) - since >= WRITE_S * (uint64_t)KD_US_PER_S;
}

static void *run(void *arg)
{
    struct kd_sightings *s = arg;
    unsigned calls = 0;
    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        while (!s->woken && !s->stop && !s->finish)
            (void)pthread_cond_wait(&s->wake, &s->lock);
        bool last = s->stop || s->finish;
        s->woken = s->at_rest = false;
        (void)pthread_mutex_unlock(&s->lock);
        bool more = count_some(s);
        if (minute_over(s, s->last_write_us) || (last && !more))
            kd_ignore(write_out(s));
        if (minute_over(s, s->last_retain_us))
            retain(s);
        (void)pthread_mutex_lock(&s->lock);
        s->woken |= more;
        if (last && !more) {
            s->at_rest = true;
            s->finish = false;
            (void)pthread_cond_broadcast(&s->idle);
        }
        if (s->stop && (!more || ++calls == LAST_CALLS))
            break;
    }
    (void)pthread_mutex_unlock(&s->lock);
    kd_ignore(write_out(s));
    return NULL;
}

void kd_sightings_wake(struct kd_sightings *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->woken = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
}

void kd_sightings_finish(struct kd_sightings *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->finish = true;
    s->at_rest = false;
    (void)pthread_cond_signal(&s->wake);
    while (!s->at_rest)
        (void)pthread_cond_wait(&s->idle, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

static enum kd_status where_we_are(struct kd_sightings *s)
{
    struct kd_sql q = kd_sql(&s->m, "SELECT seq FROM counted");
    if (kd_sql_row(&q))
        s->seq = s->written_seq = kd_sql_get(&q, 0);
    return kd_sql_done(&q);
}

static bool start_thread(struct kd_sightings *s)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    s->started = pthread_create(&s->thread, NULL, run, s) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return s->started;
}

enum kd_status kd_sightings_new(const struct kd_sightings_config *cfg, struct kd_sightings **ret,
                                struct kd_err *err)
{
    struct kd_sightings *s = calloc(1, sizeof(*s));
    uint64_t seed = 0;
    if (s == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "sightings");
    s->cfg = *cfg;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->wake, NULL);
    (void)pthread_cond_init(&s->idle, NULL);
    randombytes_buf(&seed, sizeof(seed));
    s->last_write_us = kd_now_us(&cfg->clock);
    s->r = kd_block_reader_new(cfg->events);
    enum kd_status st = KD_OK;
    s->order = malloc(KD_SIGHT_ENTRIES * sizeof(*s->order));
    if (!kd_sight_table_init(&s->table, seed) || s->r == NULL || s->order == NULL)
        st = kd_fail(err, KD_NO_MEMORY, 0, "sightings");
    if (st == KD_OK)
        st = kd_meta_open_file(cfg->dir_path, "sightings.db", kd_sightings_schema, true, false,
                               cfg->clock, &s->m, err);
    if (st == KD_OK &&
        sqlite3_create_function_v2(s->m.db, "kd_merge", 3, SQLITE_UTF8 | SQLITE_DETERMINISTIC, s,
                                   merge, NULL, NULL, NULL) != SQLITE_OK)
        st = kd_fail(err, KD_NO_MEMORY, 0, "sightings");
    if (st == KD_OK && (st = where_we_are(s)) != KD_OK)
        (void)kd_fail(err, st, 0, "sightings.db");
    if (st == KD_OK && !start_thread(s))
        st = kd_fail(err, KD_SYSTEM, 0, "thread");
    if (st != KD_OK) {
        kd_sightings_free(s);
        return st;
    }
    *ret = s;
    return KD_OK;
}

void kd_sightings_free(struct kd_sightings *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    if (s->started)
        (void)pthread_join(s->thread, NULL);
    kd_block_reader_free(s->r);
    kd_meta_close(&s->m);
    kd_sight_table_done(&s->table);
    kd_heap_done(&s->hosts);
    kd_heap_done(&s->merged);
    free(s->order);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_cond_destroy(&s->idle);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
