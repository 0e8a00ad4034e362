/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite files.  meta.db: detections, hosts, roll-ups, users, audit; sightings.db: sightings.  One
 * connection per thread. */
#ifndef KD_STORE_META_H
#define KD_STORE_META_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

/* A connection, and the limits of what runs on it now. */
struct kd_meta {
    struct sqlite3 *db;
    struct kd_clock clock;
    uint64_t deadline_us;       /* 0: none */
    const _Atomic bool *cancel; /* may be NULL */
};

/* Opens dir_path/meta.db, made and brought to this version's schema when `write`.  `durable`: each
 * transaction is on disk when it returns (questions that change something), otherwise only
 * consistent. */
KD_MUST_USE enum kd_status kd_meta_open(const char *dir_path, bool write, bool durable,
                                        struct kd_clock clock, struct kd_meta *ret,
                                        struct kd_err *err);
/* The same for another file of the directory with its own schema. */
KD_MUST_USE enum kd_status kd_meta_open_file(const char *dir_path, const char *name,
                                             const char *schema, bool write, bool durable,
                                             struct kd_clock clock, struct kd_meta *ret,
                                             struct kd_err *err);
void kd_meta_close(struct kd_meta *m);

/* From here on statements end with KD_DEADLINE or KD_CANCELLED when it is time. */
void kd_meta_limit(struct kd_meta *m, uint64_t deadline_us, const _Atomic bool *cancel);

/* A statement: bind in order, step, read columns in order, done.  Errors are sticky in `s`. */
struct kd_sql {
    struct kd_meta *m;
    struct sqlite3_stmt *st;
    int bound;
    enum kd_status s;
};

struct kd_sql kd_sql(struct kd_meta *m, const char *sql);
void kd_sql_u64(struct kd_sql *q, uint64_t v);
void kd_sql_text(struct kd_sql *q, struct kd_bytes v);
void kd_sql_blob(struct kd_sql *q, struct kd_bytes v);
void kd_sql_none(struct kd_sql *q);
bool kd_sql_row(struct kd_sql *q); /* a row is there */
uint64_t kd_sql_get(struct kd_sql *q, int column);
struct kd_bytes kd_sql_get_text(struct kd_sql *q, int column); /* valid until the next step */
enum kd_status kd_sql_done(struct kd_sql *q); /* runs what is left, frees, gives the outcome */

void kd_sql_drop(struct kd_sql *q);            /* frees without running what is left */
enum kd_status kd_sql_again(struct kd_sql *q); /* runs what is left; ready to bind anew */

/* One statement without results. */
enum kd_status kd_meta_run(struct kd_meta *m, const char *sql);
uint64_t kd_meta_last_id(struct kd_meta *m);
uint64_t kd_meta_changes(struct kd_meta *m);

static inline uint64_t kd_meta_now(const struct kd_meta *m)
{
    return kd_now_us(&m->clock);
}

#endif
