/* SPDX-License-Identifier: Apache-2.0 */
/* Killed at any moment, and with a full disk: what was acknowledged is there, once. */
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../tests/store/gen.h"
#include "../../tests/tap.h"
#include "store/hunt.h"
#include "store/ingest.h"

enum { ZONE_S = 9 * 3600, ROUNDS = 20, IDS_MAX = 8 << 20 };
static const uint64_t start_us = 1763737200000000u;

static uint64_t wall(void *ctx)
{
    (void)ctx;
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

struct writer {
    struct kd_events *events;
    struct kd_seals *seals;
    struct kd_ingest *in;
};

static unsigned notices_low, notices_full, notices_again;
static uint64_t told_lost;

static void on_notice(void *arg, const struct kd_rec_health *h)
{
    (void)arg;
    notices_low += kd_bytes_eq_str(h->state, "low");
    notices_full += kd_bytes_eq_str(h->state, "full");
    if (kd_bytes_eq_str(h->state, "running")) {
        notices_again++;
        told_lost += h->value;
    }
}

static bool writer_open(struct writer *w, int dir, uint64_t free_min)
{
    struct kd_err err = {0};
    if (kd_seals_open(dir, &w->seals, &err) != KD_OK ||
        kd_events_open(dir, ZONE_S, true, &w->events, &err) != KD_OK) {
        printf("# open: %s %s\n", err.what, err.detail);
        return false;
    }
    struct kd_ingest_config cfg = {.dir_fd = dir,
                                   .zone_s = ZONE_S,
                                   .clock = {wall, NULL},
                                   .events = w->events,
                                   .seals = w->seals,
                                   .free_bytes_min = free_min,
                                   .notice = on_notice};
    if (kd_ingest_new(&cfg, &w->in, &err) == KD_OK)
        return true;
    printf("# ingest: %s %s\n", err.what, err.detail);
    return false;
}

static void writer_close(struct writer *w)
{
    kd_ingest_free(w->in);
    kd_events_free(w->events);
    kd_seals_free(w->seals);
}

/* Records until killed; each acknowledged number goes into the pipe. */
static void write_until_killed(int dir, int pipe_fd, uint64_t first_id, uint64_t seed)
{
    struct writer w;
    if (!writer_open(&w, dir, 0))
        _exit(3);
    struct kd_gen g;
    kd_gen_init(&g, seed, start_us + first_id * 50);
    g.next_id = first_id;
    static uint8_t batch[KD_BATCH_MAX];
    for (unsigned i = 0;; i++) {
        struct kd_out o = kd_out_of(batch, sizeof(batch));
        size_t n = 0;
        uint64_t last = 0;
        while (kd_gen_office(&g, &o) == KD_OK) {
            n++;
            last = g.next_id - 1;
        }
        g.next_id = last + 1; /* the one that did not fit */
        if (kd_ingest_batch(w.in, kd_out_bytes_view(&o), n, g.ts_us) != KD_OK)
            _exit(4);
        if (write(pipe_fd, &last, sizeof(last)) != sizeof(last))
            _exit(5);
        if (kd_gen_next(&g) % 4 == 0 && kd_ingest_seal(w.in) != KD_OK)
            _exit(6);
        kd_ingest_tick(w.in);
    }
}

struct seen {
    uint8_t *count; /* by record number */
    uint64_t most;
};

static bool visit(void *arg, struct kd_block_reader *r, size_t group, const uint32_t *row, size_t n)
{
    struct seen *seen = arg;
    enum kd_status s;
    const struct kd_loaded *ids = kd_block_column(r, group, KD_LEAF_ID, &s);
    for (size_t i = 0; ids != NULL && i < n; i++) {
        uint64_t id = ids->number[row[i]];
        if (id < IDS_MAX) {
            seen->count[id]++;
            seen->most = id > seen->most ? id : seen->most;
        }
    }
    return true;
}

/* How many of the acknowledged records are missing or there twice. */
static uint64_t count_wrong(int dir, uint64_t acked, uint64_t *ret_most)
{
    struct kd_hunt_source src;
    struct kd_err err = {0};
    struct kd_hunt_expr *e = NULL;
    struct kd_hunt_stats stats = {0};
    struct seen seen = {.count = calloc(1, IDS_MAX)};
    uint64_t wrong = 0;
    CHECK(kd_hunt_open(dir, ZONE_S, &src, &err) == KD_OK);
    CHECK(kd_hunt_parse(kd_str(""), 0, &e, &err) == KD_OK);
    struct kd_hunt_query q = {.expr = e, .to_us = UINT64_MAX, .clock = {wall, NULL}, .threads = 2};
    struct kd_hunt_visitor v = {.visit = visit, .arg = &seen};
    CHECK(kd_hunt_scan(&q, &src, &v, &stats) == KD_OK && stats.unreadable == 0);
    for (uint64_t id = 1; id <= seen.most; id++)
        wrong += id <= acked ? seen.count[id] != 1 : seen.count[id] > 1;
    wrong += acked > seen.most ? acked - seen.most : 0;
    *ret_most = seen.most;
    free(seen.count);
    kd_hunt_expr_free(e);
    kd_events_free(src.events);
    kd_hunt_source_done(&src);
    return wrong;
}

static void killed_at_any_moment_loses_nothing_acknowledged(void)
{
    char path[64] = "/tmp/kd-crash-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint64_t next_id = 1;
    struct kd_gen dice;
    kd_gen_init(&dice, (uint64_t)getpid(), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        int p[2];
        CHECK(pipe(p) == 0);
        pid_t child = fork();
        if (child == 0) {
            (void)close(p[0]);
            write_until_killed(dir, p[1], next_id, round + 100);
        }
        (void)close(p[1]);
        uint64_t acked = next_id - 1;
        uint64_t got;
        /* At least one acknowledgement, then a random while. */
        if (read(p[0], &got, sizeof(got)) == sizeof(got))
            acked = got;
        struct timespec t = {0, (long)(kd_gen_next(&dice) % 250000000)};
        (void)nanosleep(&t, NULL);
        (void)kill(child, SIGKILL);
        int status = 0;
        (void)waitpid(child, &status, 0);
        CHECK(WIFSIGNALED(status));
        while (read(p[0], &got, sizeof(got)) == sizeof(got))
            acked = got;
        (void)close(p[0]);
        /* Reading beside no writer, before and after the repair. */
        uint64_t most = 0;
        uint64_t wrong = count_wrong(dir, acked, &most);
        struct writer w;
        CHECK(writer_open(&w, dir, 0));
        writer_close(&w);
        uint64_t wrong_after = count_wrong(dir, acked, &most);
        if (wrong + wrong_after > 0)
            printf("# round %u: acknowledged %llu, wrong %llu, after repair %llu\n", round,
                   (unsigned long long)acked, (unsigned long long)wrong,
                   (unsigned long long)wrong_after);
        CHECK(wrong == 0 && wrong_after == 0);
        next_id = most + 1;
    }
    struct writer w;
    CHECK(writer_open(&w, dir, 0) && kd_ingest_seal(w.in) == KD_OK);
    writer_close(&w);
    struct kd_verify_result v;
    struct kd_err err = {0};
    CHECK(kd_verify(dir, NULL, NULL, NULL, &v, &err) == KD_OK && v.ok);
    if (!v.ok)
        printf("# verify: %s: %s\n", v.where, v.what);
    printf("# %d kills, %llu records, %llu blocks, %llu bytes of torn tails\n", ROUNDS,
           (unsigned long long)v.records, (unsigned long long)v.blocks,
           (unsigned long long)v.tail_bytes);
    (void)close(dir);
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- a full disk ---- */

static bool mount_small(const char *path, const char *size)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("tmpfs", path, "tmpfs", 0, size) == 0;
}

static enum kd_status feed(struct writer *w, struct kd_gen *g, uint64_t *ret_n)
{
    static uint8_t batch[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(batch, sizeof(batch));
    uint64_t first = g->next_id;
    while (kd_gen_office(g, &o) == KD_OK)
        ;
    g->next_id--;
    *ret_n = g->next_id - first;
    return kd_ingest_batch(w->in, kd_out_bytes_view(&o), (size_t)*ret_n, g->ts_us);
}

static void fill_the_disk(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct writer w;
    struct kd_gen g;
    uint64_t n;
    kd_gen_init(&g, 5, start_us);
    CHECK(writer_open(&w, dir, 1 << 20));
    /* Several days, so that there is something to give up; the oldest is held. */
    for (int day = 0; day < 3; day++) {
        for (int i = 0; i < 20; i++)
            CHECK(feed(&w, &g, &n) == KD_OK);
        CHECK(kd_ingest_seal(w.in) == KD_OK);
        g.ts_us += KD_US_PER_DAY;
        if (day == 0) {
            int hold = openat(dir, "events/20251122/hold", O_CREAT | O_WRONLY, 0600);
            CHECK(hold >= 0);
            (void)close(hold);
        }
    }
    /* More of one day than the disk takes. */
    enum kd_status s = KD_OK;
    unsigned batches = 0;
    uint64_t lost = 0;
    for (; batches < 2000 && s == KD_OK; batches++) {
        s = feed(&w, &g, &n);
        if (batches % 20 == 0)
            kd_ingest_retain(w.in);
        if (s == KD_OK && batches % 60 == 59)
            kd_ignore(kd_ingest_seal(w.in));
    }
    lost += s == KD_OK ? 0 : n;
    CHECK(s == KD_FULL);
    CHECK(notices_full == 1 && notices_low >= 1);
    CHECK(kd_ingest_sum(w.in).lost == lost && lost > 0);
    struct kd_day_info *day = NULL;
    size_t days = 0;
    CHECK(kd_events_days(w.events, &day, &days) == KD_OK);
    CHECK(days == 2 && day[0].day == 20251122 && day[0].held); /* the held one and today's */
    free(day);
    /* Still full: nothing crashes, it is told once. */
    for (int i = 0; i < 5; i++) {
        CHECK(feed(&w, &g, &n) != KD_OK);
        lost += n;
    }
    CHECK(notices_full == 1);
    /* The officer lets the held day go. */
    CHECK(unlinkat(dir, "events/20251122/hold", 0) == 0);
    CHECK(feed(&w, &g, &n) == KD_OK);
    CHECK(notices_again == 1 && told_lost == lost);
    writer_close(&w);
    struct kd_verify_result v;
    struct kd_err err = {0};
    CHECK(kd_verify(dir, NULL, NULL, NULL, &v, &err) == KD_OK);
    if (!v.ok)
        printf("# verify: %s: %s\n", v.where, v.what);
    CHECK(v.ok);
    CHECK(writer_open(&w, dir, 0));
    writer_close(&w);
    (void)close(dir);
}

static void a_full_disk_is_told_and_outlived(void)
{
    char path[64] = "/tmp/kd-full-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!mount_small(path, "size=16m")) {
            printf("# skipped: no mount namespace here\n");
            fflush(stdout);
            _exit(0);
        }
        tap_bad = 0;
        fill_the_disk(path);
        fflush(stdout);
        _exit(tap_bad > 0);
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    (void)rmdir(path);
}

int main(void)
{
    RUN(killed_at_any_moment_loses_nothing_acknowledged);
    RUN(a_full_disk_is_told_and_outlived);
    return tap_done();
}
