/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ingest.h"

#include <errno.h>
#include <pthread.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/journal.h"

enum {
    PENDING_MAX = 2 * KD_BLOCK_BYTES,
    DAY_CHANGE_ROWS = 1024, /* a change of day closes a block only from this size on */
    BLOCK_AGE_S = 60,
    SEAL_DAY_S = 3600,
    RETAIN_S = 60,
    JOURNALS_MAX = 64
};

struct kd_ingest {
    struct kd_ingest_config cfg;
    int journal_dir;
    struct kd_block_builder *builder;
    struct kd_built built;
    struct kd_journal journal;
    uint64_t journal_rows; /* of the journal's records, how many are in blocks */
    uint64_t last_sync_us, last_retain_us, last_day_seal_us, pending_since_us;
    uint32_t pending_day, sealed_day;
    bool low, full;
    uint64_t lost_reported;

    pthread_mutex_t lock; /* over what readers look at */
    struct kd_heap pending;
    size_t pending_rows;
    uint64_t sealed_seq;
    struct kd_ingest_sum sum;
};

static uint64_t now_us(const struct kd_ingest *in)
{
    return kd_now_us(&in->cfg.clock);
}

/* Bytes of the first `rows` records, or of all. */
static size_t skip_rows(struct kd_bytes records, uint64_t rows)
{
    struct kd_cur c = kd_cur_of(records);
    for (; rows > 0 && kd_cur_more(&c); rows--)
        (void)kd_cur_take(&c, kd_cur_le32(&c));
    return kd_cur_ok(&c) ? c.taken : records.n;
}

static size_t count_rows(struct kd_bytes records)
{
    struct kd_cur c = kd_cur_of(records);
    size_t n = 0;
    for (; kd_cur_more(&c); n++)
        (void)kd_cur_take(&c, kd_cur_le32(&c));
    return kd_cur_ok(&c) ? n : n - 1;
}

/* ---- notices ---- */

static void notice(struct kd_ingest *in, const char *state, uint64_t value, const char *en,
                   const char *ja)
{
    if (in->cfg.notice == NULL)
        return;
    struct kd_rec_health h = {.kind = kd_str("disk"),
                              .role = kd_str("store"),
                              .state = kd_str(state),
                              .value = value,
                              .text_en = kd_str(en),
                              .text_ja = kd_str(ja)};
    in->cfg.notice(in->cfg.notice_arg, &h);
}

static void tell_lost(struct kd_ingest *in)
{
    char en[200], ja[300];
    uint64_t lost = in->sum.lost - in->lost_reported;
    (void)snprintf(en, sizeof(en),
                   "The disk has room again. While it was full, %llu records were lost.",
                   (unsigned long long)lost);
    (void)snprintf(ja, sizeof(ja),
                   "ディスクの空きが回復しました。満杯の間に %llu 件の記録が失われました。",
                   (unsigned long long)lost);
    in->lost_reported = in->sum.lost;
    notice(in, "running", lost, en, ja);
}

static void set_full(struct kd_ingest *in, bool full)
{
    if (in->full == full)
        return;
    in->full = full;
    if (full)
        notice(in, "full", 0,
               "The disk is full and nothing more can be given up: records are being lost.",
               "ディスクが満杯で、これ以上削除できるデータもありません。記録が失われています。");
    else
        tell_lost(in);
}

/* ---- retention ---- */

static bool measure(struct kd_ingest *in)
{
    struct statvfs v;
    if (fstatvfs(in->cfg.dir_fd, &v) != 0)
        return false;
    (void)pthread_mutex_lock(&in->lock);
    in->sum.disk_free = (uint64_t)v.f_bavail * v.f_frsize;
    in->sum.disk_total = (uint64_t)v.f_blocks * v.f_frsize;
    (void)pthread_mutex_unlock(&in->lock);
    return true;
}

/* Remove the oldest day that is neither held nor the one being written; false when there is none.
 */
static bool remove_oldest(struct kd_ingest *in, const char *reason, uint64_t written_before_us)
{
    struct kd_day_info *day = NULL;
    size_t n = 0;
    if (kd_events_days(in->cfg.events, &day, &n) != KD_OK)
        return false;
    uint64_t last_seq = kd_events_last(in->cfg.events).seq;
    bool removed = false;
    for (size_t i = 0; i < n && !removed; i++) {
        if (day[i].held || day[i].last_seq == last_seq || day[i].written_us >= written_before_us)
            continue;
        if (in->cfg.seals != NULL)
            kd_ignore(kd_seals_gone(in->cfg.seals, &day[i], reason, now_us(in)));
        removed = kd_events_remove_day(in->cfg.events, day[i].day) == KD_OK;
    }
    free(day);
    return removed;
}

void kd_ingest_retain(struct kd_ingest *in)
{
    uint64_t now = now_us(in);
    uint64_t keep = in->cfg.keep_days * KD_US_PER_DAY;
    while (keep > 0 && now > keep && remove_oldest(in, "age", now - keep))
        ;
    while (in->cfg.keep_bytes > 0 && kd_events_sum(in->cfg.events).bytes > in->cfg.keep_bytes &&
           remove_oldest(in, "size", UINT64_MAX))
        ;
    while (measure(in) && in->sum.disk_free < in->cfg.free_bytes_min &&
           remove_oldest(in, "space", UINT64_MAX))
        ;
    bool low = in->sum.disk_free < in->cfg.free_bytes_min;
    if (low && !in->low)
        notice(in, "low", in->sum.disk_free,
               "Little disk space is left, and all older evidence that may go is gone.",
               "ディスクの空きが少なく、削除できる古い記録も残っていません。");
    in->low = low;
}

/* ---- sealing ---- */

static void seal_day(struct kd_ingest *in, uint32_t number)
{
    struct kd_day_info *day = NULL;
    size_t n = 0;
    if (in->cfg.seals == NULL || number == 0 || kd_events_days(in->cfg.events, &day, &n) != KD_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (day[i].day == number && day[i].blocks > 0)
            kd_ignore(kd_seals_day(in->cfg.seals, in->cfg.events, &day[i], now_us(in)));
    free(day);
    in->last_day_seal_us = now_us(in);
}

/* Make room as retention would; the caller tries again. */
static bool give_up_a_day(struct kd_ingest *in)
{
    return remove_oldest(in, "full", UINT64_MAX);
}

static enum kd_status one_block(struct kd_ingest *in, struct kd_bytes records)
{
    struct kd_events_last last = kd_events_last(in->cfg.events);
    struct kd_block_fixed fixed = {
        .seq = last.seq + 1, .journal = in->journal.number, .journal_rows = in->journal_rows};
    memcpy(fixed.prev, last.hash, sizeof(fixed.prev));
    enum kd_status s = kd_block_build(in->builder, records, &fixed, &in->built);
    if (s == KD_OK || s == KD_NOT_FOUND) {
        (void)pthread_mutex_lock(&in->lock);
        in->sum.bad += in->built.rows_bad;
        (void)pthread_mutex_unlock(&in->lock);
    }
    if (s != KD_OK)
        return s == KD_NOT_FOUND ? KD_OK : s;
    do {
        s = kd_events_add(in->cfg.events, &in->built);
    } while (s == KD_FULL && give_up_a_day(in));
    uint32_t day = kd_day_of(in->built.fixed.min_us, in->cfg.zone_s);
    if (s == KD_OK && day != in->sealed_day) {
        seal_day(in, in->sealed_day);
        in->sealed_day = day;
    }
    return s;
}

static void drop_pending(struct kd_ingest *in, size_t bytes, size_t rows)
{
    (void)pthread_mutex_lock(&in->lock);
    memmove(in->pending.p, in->pending.p + bytes, in->pending.n - bytes);
    in->pending.n -= bytes;
    in->pending_rows -= rows;
    in->sealed_seq = kd_events_last(in->cfg.events).seq;
    (void)pthread_mutex_unlock(&in->lock);
    in->journal_rows += rows;
}

static enum kd_status next_journal(struct kd_ingest *in)
{
    struct kd_journal next;
    enum kd_status s;
    do {
        s = kd_journal_create(in->journal_dir, in->journal.number + 1, &next);
    } while (s == KD_FULL && give_up_a_day(in));
    if (s != KD_OK)
        return s; /* the old one goes on: its records up to journal_rows are in blocks */
    kd_journal_close(&in->journal);
    kd_journal_remove(in->journal_dir, in->journal.number);
    in->journal = next;
    in->journal_rows = 0;
    return KD_OK;
}

enum kd_status kd_ingest_seal(struct kd_ingest *in)
{
    bool any = in->pending_rows > 0;
    while (in->pending_rows > 0) {
        enum kd_status s = one_block(in, kd_bytes_of(in->pending.p, in->pending.n));
        if (s != KD_OK)
            return s;
        if (in->built.rows_taken == 0)
            return KD_MALFORMED;
        drop_pending(in, in->built.bytes_taken, in->built.rows_taken);
    }
    in->pending_day = 0;
    return any ? next_journal(in) : KD_OK;
}

/* ---- taking records ---- */

static enum kd_status keep_pending(struct kd_ingest *in, struct kd_bytes records, size_t n)
{
    (void)pthread_mutex_lock(&in->lock);
    bool room = kd_heap_room(&in->pending, records.n);
    if (room && records.n > 0) {
        memcpy(in->pending.p + in->pending.n, records.p, records.n);
        in->pending.n += records.n;
        in->pending_rows += n;
        in->sum.records += n;
    }
    (void)pthread_mutex_unlock(&in->lock);
    return room ? KD_OK : KD_NO_MEMORY;
}

static enum kd_status lose(struct kd_ingest *in, enum kd_status s, size_t n)
{
    (void)pthread_mutex_lock(&in->lock);
    in->sum.lost += n;
    (void)pthread_mutex_unlock(&in->lock);
    set_full(in, true);
    return s;
}

enum kd_status kd_ingest_batch(struct kd_ingest *in, struct kd_bytes records, size_t n,
                               uint64_t first_ts_us)
{
    uint32_t day = kd_day_of(first_ts_us, in->cfg.zone_s);
    bool new_day =
        in->pending_day != 0 && day != in->pending_day && in->pending_rows >= DAY_CHANGE_ROWS;
    bool no_room =
        in->pending_rows + n > KD_BLOCK_ROWS || in->pending.n + records.n > KD_BLOCK_BYTES;
    if (new_day || (no_room && in->pending_rows > 0))
        kd_ignore(kd_ingest_seal(in)); /* if the disk is full the records stay pending */
    if (in->pending.n > PENDING_MAX - records.n)
        return lose(in, KD_FULL, n);
    enum kd_status s;
    do {
        s = kd_journal_append(&in->journal, records, n);
    } while (s == KD_FULL && give_up_a_day(in));
    if (s != KD_OK)
        return lose(in, s, n);
    if (in->pending_rows == 0) {
        in->pending_day = day;
        in->pending_since_us = now_us(in);
    }
    s = keep_pending(in, records, n);
    if (s != KD_OK)
        return lose(in, s, n);
    set_full(in, false);
    return KD_OK;
}

void kd_ingest_tick(struct kd_ingest *in)
{
    uint64_t now = now_us(in);
    if (now - in->last_sync_us >= KD_US_PER_S) {
        kd_ignore(kd_journal_sync(&in->journal));
        in->last_sync_us = now;
    }
    if (in->pending_rows > 0 && now - in->pending_since_us >= BLOCK_AGE_S * (uint64_t)KD_US_PER_S) {
        kd_ignore(kd_ingest_seal(in));
        in->pending_since_us = now;
    }
    if (in->last_day_seal_us == 0)
        in->last_day_seal_us = now;
    if (now - in->last_day_seal_us >= SEAL_DAY_S * (uint64_t)KD_US_PER_S)
        seal_day(in, in->sealed_day);
    if (now - in->last_retain_us >= RETAIN_S * (uint64_t)KD_US_PER_S) {
        in->last_retain_us = now;
        kd_ingest_retain(in);
    }
}

struct kd_ingest_sum kd_ingest_sum(struct kd_ingest *in)
{
    (void)pthread_mutex_lock(&in->lock);
    struct kd_ingest_sum sum = in->sum;
    sum.pending_records = in->pending_rows;
    sum.pending_bytes = in->pending.n;
    (void)pthread_mutex_unlock(&in->lock);
    return sum;
}

enum kd_status kd_ingest_snapshot(struct kd_ingest *in, struct kd_heap *ret_records,
                                  uint64_t *ret_last_seq)
{
    (void)pthread_mutex_lock(&in->lock);
    ret_records->n = 0;
    bool room = kd_heap_room(ret_records, in->pending.n + 1);
    if (room && in->pending.n > 0) {
        memcpy(ret_records->p, in->pending.p, in->pending.n);
        ret_records->n = in->pending.n;
    }
    *ret_last_seq = in->sealed_seq;
    (void)pthread_mutex_unlock(&in->lock);
    return room ? KD_OK : KD_NO_MEMORY;
}

/* ---- start ---- */

static enum kd_status append_unsealed(struct kd_heap *to, struct kd_bytes records, uint64_t journal,
                                      const struct kd_events_last *last, uint64_t *ret_skipped)
{
    uint64_t skip = journal < last->journal    ? UINT64_MAX
                    : journal == last->journal ? last->journal_rows
                                               : 0;
    size_t at = skip_rows(records, skip);
    *ret_skipped = skip;
    struct kd_bytes rest = kd_bytes_from(records, at);
    if (!kd_heap_room(to, rest.n + 1))
        return KD_NO_MEMORY;
    if (rest.n > 0)
        memcpy(to->p + to->n, rest.p, rest.n);
    to->n += rest.n;
    return KD_OK;
}

/* Each journal a crash left: what is in no block is pending; all but the newest become blocks at
 * once, so that one journal goes on. */
static enum kd_status take_up(struct kd_ingest *in, struct kd_err *err)
{
    uint64_t number[JOURNALS_MAX];
    size_t n = 0;
    enum kd_status s = kd_journal_list(in->journal_dir, number, JOURNALS_MAX, &n);
    if (s != KD_OK)
        return kd_fail_sys(err, s, "journal directory", "journal", errno);
    struct kd_events_last last = kd_events_last(in->cfg.events);
    uint64_t newest = last.journal;
    for (size_t i = 0; i < n; i++) {
        struct kd_heap records = {NULL, 0, 0};
        struct kd_journal j = {.fd = -1};
        newest = kd_max_u64(newest, number[i]);
        s = kd_journal_load(in->journal_dir, number[i], true, &records, &j);
        if (s == KD_MALFORMED) { /* its head is torn: nothing was ever in it */
            kd_journal_remove(in->journal_dir, number[i]);
            kd_heap_done(&records);
            continue;
        }
        if (s == KD_OK)
            s = append_unsealed(&in->pending, kd_bytes_of(records.p, records.n), number[i], &last,
                                &in->journal_rows);
        kd_heap_done(&records);
        in->pending_rows = count_rows(kd_bytes_of(in->pending.p, in->pending.n));
        kd_journal_close(&in->journal);
        in->journal = j;
        if (s == KD_OK && in->pending_rows == 0) {
            kd_journal_close(&in->journal);
            kd_journal_remove(in->journal_dir, number[i]);
        } else if (s == KD_OK && i + 1 < n) {
            s = kd_ingest_seal(in);
            last = kd_events_last(in->cfg.events);
            kd_journal_close(&in->journal);
            kd_journal_remove(in->journal_dir, in->journal.number);
        }
        if (s != KD_OK)
            return kd_fail(err, s, number[i], "journal left by a crash");
    }
    in->sum.records += in->pending_rows;
    in->pending_since_us = now_us(in);
    if (in->journal.fd >= 0)
        return KD_OK;
    in->journal_rows = 0;
    s = kd_journal_create(in->journal_dir, newest + 1, &in->journal);
    return s == KD_OK ? KD_OK : kd_fail_sys(err, s, "new journal", "journal", errno);
}

enum kd_status kd_ingest_new(const struct kd_ingest_config *cfg, struct kd_ingest **ret,
                             struct kd_err *err)
{
    struct kd_ingest *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "store");
    in->cfg = *cfg;
    in->journal.fd = -1;
    (void)pthread_mutex_init(&in->lock, NULL);
    in->journal_dir = kd_file_dir(cfg->dir_fd, "journal", true);
    in->builder = kd_block_builder_new();
    enum kd_status s = in->builder == NULL ? kd_fail(err, KD_NO_MEMORY, 0, "store") : KD_OK;
    if (in->journal_dir < 0)
        s = kd_fail_sys(err, KD_SYSTEM, "journal directory", "journal", errno);
    struct kd_events_last last = kd_events_last(cfg->events);
    in->sealed_seq = last.seq;
    struct kd_day_info *day = NULL;
    size_t n = 0;
    if (s == KD_OK && kd_events_days(cfg->events, &day, &n) == KD_OK) {
        for (size_t i = 0; i < n; i++)
            if (day[i].blocks > 0 && day[i].last_seq == last.seq)
                in->sealed_day = day[i].day;
        free(day);
    }
    if (s == KD_OK)
        s = take_up(in, err);
    if (s != KD_OK) {
        kd_ingest_free(in);
        return s;
    }
    (void)measure(in);
    *ret = in;
    return KD_OK;
}

void kd_ingest_free(struct kd_ingest *in)
{
    if (in == NULL)
        return;
    seal_day(in, in->sealed_day);
    kd_journal_close(&in->journal);
    if (in->journal_dir >= 0)
        (void)close(in->journal_dir);
    kd_block_builder_free(in->builder);
    kd_built_done(&in->built);
    kd_heap_done(&in->pending);
    (void)pthread_mutex_destroy(&in->lock);
    free(in);
}

/* ---- reading beside a writer ---- */

enum kd_status kd_ingest_peek(int dir_fd, struct kd_peek *ret)
{
    *ret = (struct kd_peek){0};
    KD_AUTO_FD dir = kd_file_dir(dir_fd, "journal", false);
    if (dir < 0)
        return errno == ENOENT ? KD_OK : KD_SYSTEM;
    uint64_t number[2];
    size_t n = 0;
    enum kd_status s = kd_journal_list(dir, number, KD_COUNT(number), &n);
    for (size_t i = 0; s == KD_OK && i < n; i++) {
        ret->journal[ret->n] = number[i];
        enum kd_status got = kd_journal_load(dir, number[i], false, &ret->records[ret->n], NULL);
        ret->n++;
        if (got != KD_OK && got != KD_NOT_FOUND && got != KD_MALFORMED && got != KD_TRUNCATED)
            s = got;
    }
    if (s != KD_OK)
        kd_peek_done(ret);
    return s;
}

enum kd_status kd_ingest_unsealed(const struct kd_peek *p, const struct kd_events_last *last,
                                  struct kd_heap *ret_records)
{
    enum kd_status s = KD_OK;
    uint64_t skipped;
    ret_records->n = 0;
    for (size_t i = 0; i < p->n && s == KD_OK; i++)
        s = append_unsealed(ret_records, kd_bytes_of(p->records[i].p, p->records[i].n),
                            p->journal[i], last, &skipped);
    return s;
}

void kd_peek_done(struct kd_peek *p)
{
    for (size_t i = 0; i < KD_COUNT(p->records); i++)
        kd_heap_done(&p->records[i]);
    p->n = 0;
}
