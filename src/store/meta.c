/* SPDX-License-Identifier: Apache-2.0 */
#include "store/meta.h"

#include <sqlite3.h>
#include <unistd.h>

enum { BUSY_MS = 3000, PROGRESS_STEPS = 20000 };

extern const char kd_meta_schema[];

static int progress(void *arg)
{
    const struct kd_meta *m = arg;
    return (m->cancel != NULL && *m->cancel) ||
           (m->deadline_us != 0 && kd_now_us(&m->clock) > m->deadline_us);
}

void kd_meta_limit(struct kd_meta *m, uint64_t deadline_us, const _Atomic bool *cancel)
{
    m->deadline_us = deadline_us;
    m->cancel = cancel;
    sqlite3_progress_handler(m->db, deadline_us != 0 || cancel != NULL ? PROGRESS_STEPS : 0,
                             progress, m);
}

static enum kd_status status_of(const struct kd_meta *m, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return KD_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return KD_BUSY;
    case SQLITE_FULL:
        return KD_FULL;
    case SQLITE_NOMEM:
        return KD_NO_MEMORY;
    case SQLITE_INTERRUPT:
        return m->cancel != NULL && *m->cancel ? KD_CANCELLED : KD_DEADLINE;
    case SQLITE_CONSTRAINT:
        return KD_EXISTS;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return KD_MALFORMED;
    case SQLITE_CANTOPEN:
        return KD_NOT_FOUND;
    default:
        return KD_SYSTEM;
    }
}

enum kd_status kd_meta_run(struct kd_meta *m, const char *sql)
{
    return status_of(m, sqlite3_exec(m->db, sql, NULL, NULL, NULL));
}

/* Run every step above the file's version, each in a transaction with its number. */
static enum kd_status migrate(struct kd_meta *m, const char *schema)
{
    struct kd_sql q = kd_sql(m, "PRAGMA user_version");
    uint64_t have = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    enum kd_status s = kd_sql_done(&q);
    uint64_t latest = 0;
    static const char mark[] = "-- version ";
    for (const char *at = strstr(schema, mark); at != NULL && s == KD_OK;) {
        const char *next = strstr(at + 1, mark);
        latest = strtoull(at + strlen(mark), NULL, 10);
        if (latest > have) {
            char version[64];
            (void)snprintf(version, sizeof(version), "PRAGMA user_version = %llu",
                           (unsigned long long)latest);
            size_t n = next == NULL ? strlen(at) : (size_t)(next - at);
            char *step = strndup(at, n);
            if (step == NULL)
                return KD_NO_MEMORY;
            s = kd_meta_run(m, "BEGIN IMMEDIATE");
            if (s == KD_OK)
                s = kd_meta_run(m, step);
            if (s == KD_OK)
                s = kd_meta_run(m, version);
            if (s == KD_OK)
                s = kd_meta_run(m, "COMMIT");
            else
                kd_ignore(kd_meta_run(m, "ROLLBACK"));
            free(step);
        }
        at = next;
    }
    return s == KD_OK && have > latest ? KD_UNSUPPORTED : s;
}

static enum kd_status open_once(struct kd_meta *m, const char *path, int flags)
{
    int rc = sqlite3_open_v2(path, &m->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    enum kd_status s = status_of(m, rc);
    if (s == KD_OK) {
        (void)sqlite3_busy_timeout(m->db, BUSY_MS);
        (void)sqlite3_extended_result_codes(m->db, 1);
        (void)sqlite3_db_config(m->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(m->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        s = kd_meta_run(m, "PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000");
    }
    if (s != KD_OK)
        kd_meta_close(m);
    return s;
}

static bool lies_beside(const char *path, const char *ending)
{
    char name[600];
    int n = snprintf(name, sizeof(name), "%s%s", path, ending);
    return n < 0 || (size_t)n >= sizeof(name) || access(name, F_OK) == 0;
}

/* Reading only, and without making or changing a file.  While somebody writes, or after a crash, the index of
 * the log lies beside the database and is read as it is; else the database is at rest and does not change. */
static enum kd_status open_reading(struct kd_meta *m, const char *path)
{
    const char *how = lies_beside(path, "-shm") ? "mode=ro&readonly_shm=1" : "mode=ro&immutable=1";
    /* In a URI two slashes announce a host; an absolute path needs the empty one. */
    const char *host = path[0] == '/' ? "//" : "";
    char name[600];
    int n = snprintf(name, sizeof(name), "file:%s%s?%s", host, path, how);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(name));
    enum kd_status s = open_once(m, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    if (s == KD_OK) /* opening touches nothing; only reading shows whether it works */
        s = kd_meta_run(m, "PRAGMA query_only = ON; SELECT count(*) FROM sqlite_master");
    if (s != KD_OK)
        kd_meta_close(m);
    return s;
}

enum kd_status kd_meta_open_file(const char *dir_path, const char *file, const char *schema,
                                 bool write, bool durable, struct kd_clock clock,
                                 struct kd_meta *ret, struct kd_err *err)
{
    char path[512];
    *ret = (struct kd_meta){.clock = clock};
    int n = snprintf(path, sizeof(path), "%s/%s", dir_path, file);
    if (n < 0 || (size_t)n >= sizeof(path))
        return kd_fail(err, KD_LIMIT, 0, "path of the store is too long");
    enum kd_status s = write ? open_once(ret, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)
                             : open_reading(ret, path);
    if (s == KD_OK && write)
        s = kd_meta_run(ret, "PRAGMA journal_mode = WAL");
    if (s == KD_OK)
        s = kd_meta_run(ret, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (s == KD_OK && write)
        s = migrate(ret, schema);
    if (s == KD_OK)
        return KD_OK;
    (void)kd_fail_sys(err, s, "database", path, 0);
    kd_meta_close(ret);
    return s;
}

enum kd_status kd_meta_open(const char *dir_path, bool write, bool durable, struct kd_clock clock,
                            struct kd_meta *ret, struct kd_err *err)
{
    return kd_meta_open_file(dir_path, "meta.db", kd_meta_schema, write, durable, clock, ret, err);
}

void kd_meta_close(struct kd_meta *m)
{
    if (m->db != NULL)
        (void)sqlite3_close_v2(m->db);
    m->db = NULL;
}

struct kd_sql kd_sql(struct kd_meta *m, const char *sql)
{
    struct kd_sql q = {.m = m};
    q.s = status_of(m, sqlite3_prepare_v2(m->db, sql, -1, &q.st, NULL));
    return q;
}

static void bound(struct kd_sql *q, int rc)
{
    if (q->s == KD_OK)
        q->s = status_of(q->m, rc);
}

void kd_sql_u64(struct kd_sql *q, uint64_t v)
{
    bound(q, sqlite3_bind_int64(q->st, ++q->bound, (sqlite3_int64)kd_min_u64(v, INT64_MAX)));
}

void kd_sql_text(struct kd_sql *q, struct kd_bytes v)
{
    bound(q, sqlite3_bind_text64(q->st, ++q->bound, v.n == 0 ? "" : (const char *)v.p, v.n,
                                 SQLITE_TRANSIENT, SQLITE_UTF8));
}

void kd_sql_blob(struct kd_sql *q, struct kd_bytes v)
{
    bound(q, sqlite3_bind_blob64(q->st, ++q->bound, v.n == 0 ? (const void *)"" : v.p, v.n,
                                 SQLITE_TRANSIENT));
}

void kd_sql_none(struct kd_sql *q)
{
    bound(q, sqlite3_bind_null(q->st, ++q->bound));
}

bool kd_sql_row(struct kd_sql *q)
{
    if (q->s != KD_OK || q->st == NULL)
        return false;
    int rc = sqlite3_step(q->st);
    q->s = status_of(q->m, rc);
    return rc == SQLITE_ROW;
}

uint64_t kd_sql_get(struct kd_sql *q, int column)
{
    sqlite3_int64 v = sqlite3_column_int64(q->st, column);
    return v < 0 ? 0 : (uint64_t)v;
}

struct kd_bytes kd_sql_get_text(struct kd_sql *q, int column)
{
    const void *p = sqlite3_column_blob(q->st, column);
    return kd_bytes_of(p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(q->st, column));
}

enum kd_status kd_sql_done(struct kd_sql *q)
{
    while (kd_sql_row(q))
        ;
    (void)sqlite3_finalize(q->st);
    q->st = NULL;
    return q->s;
}

void kd_sql_drop(struct kd_sql *q)
{
    (void)sqlite3_finalize(q->st);
    q->st = NULL;
}

enum kd_status kd_sql_again(struct kd_sql *q)
{
    while (kd_sql_row(q))
        ;
    (void)sqlite3_reset(q->st);
    q->bound = 0;
    return q->s;
}

uint64_t kd_meta_last_id(struct kd_meta *m)
{
    return (uint64_t)sqlite3_last_insert_rowid(m->db);
}

uint64_t kd_meta_changes(struct kd_meta *m)
{
    return (uint64_t)sqlite3_changes64(m->db);
}
