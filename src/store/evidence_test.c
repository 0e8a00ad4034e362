/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, blocks on disk, the same records out. */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "../../tests/store/gen.h"
#include "../../tests/tap.h"
#include "store/ingest.h"

enum { ZONE_S = 9 * 3600 };
static const uint64_t start_us = 1763737200000000u; /* 2025-11-22 00:00 in Japan */

static uint64_t fake_now = 1763737200000000u;

static uint64_t now(void *ctx)
{
    (void)ctx;
    return fake_now;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

struct box {
    char path[64];
    int dir;
    struct kd_events *events;
    struct kd_seals *seals;
    struct kd_ingest *in;
};

static void box_open(struct box *b)
{
    struct kd_err err = {0};
    CHECK(kd_seals_open(b->dir, &b->seals, &err) == KD_OK);
    CHECK(kd_events_open(b->dir, ZONE_S, true, &b->events, &err) == KD_OK);
    struct kd_ingest_config cfg = {.dir_fd = b->dir,
                                   .zone_s = ZONE_S,
                                   .clock = {now, NULL},
                                   .events = b->events,
                                   .seals = b->seals};
    CHECK(kd_ingest_new(&cfg, &b->in, &err) == KD_OK);
}

static void box_close(struct box *b)
{
    kd_ingest_free(b->in);
    kd_events_free(b->events);
    kd_seals_free(b->seals);
}

static void box_new(struct box *b)
{
    (void)snprintf(b->path, sizeof(b->path), "/tmp/kd-store-XXXXXX");
    CHECK(mkdtemp(b->path) != NULL);
    b->dir = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    box_open(b);
}

static void box_done(struct box *b)
{
    box_close(b);
    (void)close(b->dir);
    (void)nftw(b->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The text of a record, as it must come out again. */
struct line {
    uint64_t id;
    char *json;
};

static struct line json_of(const struct kd_rec_head *h, const void *body)
{
    static uint8_t buf[KD_JSON_MAX];
    struct kd_out o = kd_out_of(buf, sizeof(buf) - 1);
    kd_record_json(&o, h, body, ZONE_S);
    buf[o.n] = '\0';
    return (struct line){h->id, strdup((char *)buf)};
}

static size_t count_seen(struct box *b, const struct line *line, size_t n, size_t *ret_wrong)
{
    struct kd_block_reader *r = kd_block_reader_new(b->events);
    struct kd_block_ref *ref = NULL;
    size_t refs = 0;
    size_t seen = 0;
    *ret_wrong = 0;
    static uint64_t body[1024];
    struct kd_pool *pool = kd_pool_new(16 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 16 << 20);
    CHECK(kd_events_list(b->events, 0, UINT64_MAX, UINT64_MAX, &ref, &refs) == KD_OK);
    for (size_t i = 0; i < refs; i++) {
        CHECK(kd_block_open(r, &ref[i]) == KD_OK);
        const struct kd_block_head *h = kd_block_current(r);
        for (size_t g = 0; g < h->n_groups; g++)
            for (uint32_t row = 0; row < h->group[g].rows; row++) {
                struct kd_rec_head head;
                if (kd_block_record(r, g, row, &mem, &head, body) != KD_OK || head.id == 0 ||
                    head.id > n) {
                    ++*ret_wrong;
                    continue;
                }
                struct line got = json_of(&head, body);
                seen++;
                *ret_wrong += strcmp(got.json, line[head.id - 1].json) != 0;
                free(got.json);
                kd_arena_done(&mem);
            }
    }
    free(ref);
    kd_block_reader_free(r);
    kd_pool_free(pool);
    return seen;
}

static void every_type_comes_back_the_same(void)
{
    struct box b;
    box_new(&b);
    struct kd_gen g;
    kd_gen_init(&g, 42, start_us);
    enum { N = 6000 };
    static struct line line[N];
    static uint64_t body[1024];
    static uint8_t batch[KD_BATCH_MAX];
    struct kd_pool *pool = kd_pool_new(16 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 16 << 20);
    struct kd_out o = kd_out_of(batch, sizeof(batch));
    size_t in_batch = 0;
    for (size_t i = 0; i < N; i++) {
        unsigned type = (unsigned)(i % KD_REC_MAX) + 1;
        struct kd_rec_head h;
        kd_gen_any(&g, type, &mem, &h, body);
        line[i] = json_of(&h, body);
        if (kd_record_put(&o, &h, body) != KD_OK) {
            CHECK(kd_ingest_batch(b.in, kd_out_bytes_view(&o), in_batch, h.ts_us) == KD_OK);
            o = kd_out_of(batch, sizeof(batch));
            in_batch = 0;
            CHECK(kd_record_put(&o, &h, body) == KD_OK);
        }
        in_batch++;
        kd_arena_done(&mem);
        if (i == N / 2)
            CHECK(kd_ingest_seal(b.in) == KD_OK);
    }
    CHECK(kd_ingest_batch(b.in, kd_out_bytes_view(&o), in_batch, g.ts_us) == KD_OK);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    size_t wrong = 0;
    CHECK(count_seen(&b, line, N, &wrong) == N);
    CHECK(wrong == 0);
    box_close(&b);
    box_open(&b);
    CHECK(count_seen(&b, line, N, &wrong) == N && wrong == 0);
    CHECK(kd_ingest_sum(b.in).pending_records == 0);
    for (size_t i = 0; i < N; i++)
        free(line[i].json);
    kd_pool_free(pool);
    box_done(&b);
}

/* ---- many records of the office, in days ---- */

static void feed(struct box *b, struct kd_gen *g, size_t batches)
{
    static uint8_t batch[KD_BATCH_MAX];
    for (size_t i = 0; i < batches; i++) {
        struct kd_out o = kd_out_of(batch, sizeof(batch));
        size_t n = 0;
        uint64_t first = g->ts_us;
        while (kd_gen_office(g, &o) == KD_OK)
            n++;
        CHECK(kd_ingest_batch(b->in, kd_out_bytes_view(&o), n, first) == KD_OK);
    }
}

static void feed_days(struct box *b, struct kd_gen *g, size_t days)
{
    for (size_t d = 0; d < days; d++) {
        feed(b, g, 8);
        CHECK(kd_ingest_seal(b->in) == KD_OK);
        g->ts_us += KD_US_PER_DAY;
    }
}

static size_t days_there(struct box *b)
{
    return kd_events_sum(b->events).days;
}

static void records_of_a_day_lie_in_its_folder(void)
{
    struct box b;
    box_new(&b);
    struct kd_gen g;
    kd_gen_init(&g, 7, start_us + 23 * KD_US_PER_HOUR);
    feed(&b, &g, 4);
    g.ts_us = start_us + 25 * KD_US_PER_HOUR; /* past midnight in Japan */
    feed(&b, &g, 4);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    struct kd_day_info *day = NULL;
    size_t n = 0;
    CHECK(kd_events_days(b.events, &day, &n) == KD_OK && n == 2);
    CHECK(n == 2 && day[0].day == 20251122 && day[1].day == 20251123 && day[0].records > 1000);
    free(day);
    box_done(&b);
}

static void retention_by_size_spares_what_is_held(void)
{
    struct box b;
    box_new(&b);
    struct kd_gen g;
    kd_gen_init(&g, 8, start_us);
    feed_days(&b, &g, 5);
    CHECK(days_there(&b) == 5);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/events/20251122/hold", b.path);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    CHECK(fd >= 0);
    (void)close(fd);
    uint64_t bytes = kd_events_sum(b.events).bytes;
    box_close(&b);
    struct kd_err err = {0};
    CHECK(kd_seals_open(b.dir, &b.seals, &err) == KD_OK);
    CHECK(kd_events_open(b.dir, ZONE_S, true, &b.events, &err) == KD_OK);
    struct kd_ingest_config cfg = {.dir_fd = b.dir,
                                   .zone_s = ZONE_S,
                                   .clock = {now, NULL},
                                   .events = b.events,
                                   .seals = b.seals,
                                   .keep_bytes = bytes / 2};
    CHECK(kd_ingest_new(&cfg, &b.in, &err) == KD_OK);
    kd_ingest_retain(b.in);
    struct kd_day_info *day = NULL;
    size_t n = 0;
    CHECK(kd_events_days(b.events, &day, &n) == KD_OK);
    CHECK(n == 2 && day[0].day == 20251122 && day[0].held && day[1].day == 20251126);
    free(day);
    struct kd_verify_result v;
    CHECK(kd_verify(b.dir, NULL, NULL, NULL, &v, &err) == KD_OK && v.ok && v.days_gone == 3);
    box_done(&b);
}

static void flip(const char *dir, const char *name, long at)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "r+b");
    CHECK(f != NULL);
    if (f == NULL)
        return;
    (void)fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    (void)fseek(f, -1, SEEK_CUR);
    (void)fputc(c ^ 1, f);
    (void)fclose(f);
}

static bool verify_says(struct box *b, const char *where, const char *what)
{
    struct kd_verify_result v;
    struct kd_err err = {0};
    CHECK(kd_verify(b->dir, NULL, NULL, NULL, &v, &err) == KD_OK);
    bool fits = where == NULL
                    ? v.ok
                    : !v.ok && strstr(v.where, where) != NULL && strstr(v.what, what) != NULL;
    if (!fits)
        printf("# verify: ok %d, %s: %s\n", v.ok, v.where, v.what);
    return fits;
}

static void tampering_is_found_and_placed(void)
{
    struct box b;
    box_new(&b);
    struct kd_gen g;
    kd_gen_init(&g, 9, start_us);
    feed_days(&b, &g, 3);
    box_close(&b);
    struct kd_verify_result v;
    struct kd_err err = {0};
    CHECK(kd_verify(b.dir, NULL, NULL, NULL, &v, &err) == KD_OK);
    CHECK(v.ok && v.days == 3 && v.days_sealed == 3 && v.blocks == 3 && v.unsealed_blocks == 0);
    flip(b.path, "events/20251123/00-00.seg", -5000);
    CHECK(verify_says(&b, "20251123/00-00.seg block 2 ", "content was changed"));
    flip(b.path, "events/20251123/00-00.seg", -5000);
    flip(b.path, "events/20251122/day.idx", 70);
    CHECK(verify_says(&b, "20251122", ""));
    flip(b.path, "events/20251122/day.idx", 70);
    flip(b.path, "events/seals.log", 60);
    CHECK(verify_says(&b, "seals.log line 1", "signature"));
    flip(b.path, "events/seals.log", 60);
    CHECK(verify_says(&b, NULL, NULL));
    char from[160], to[160];
    (void)snprintf(from, sizeof(from), "%s/events/20251123", b.path);
    (void)snprintf(to, sizeof(to), "%s/away", b.path);
    CHECK(rename(from, to) == 0);
    CHECK(verify_says(&b, "events/2025112", "missing"));
    CHECK(rename(to, from) == 0);
    CHECK(verify_says(&b, NULL, NULL));
    box_open(&b);
    box_done(&b);
}

/* What a crash leaves: journal taken up, torn tails cut, nothing twice. */
static void a_torn_journal_is_cut_and_taken_up(void)
{
    struct box b;
    box_new(&b);
    struct kd_gen g;
    kd_gen_init(&g, 10, start_us);
    feed(&b, &g, 3);
    uint64_t pending = kd_ingest_sum(b.in).pending_records;
    box_close(&b);
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/journal/0000000000000001.wal", b.path);
    FILE *f = fopen(path, "ab");
    CHECK(f != NULL);
    for (int i = 0; f != NULL && i < 5000; i++)
        (void)fputc(i, f);
    if (f != NULL)
        (void)fclose(f);
    box_open(&b);
    CHECK(kd_ingest_sum(b.in).pending_records == pending);
    box_close(&b);
    /* A frame that is whole but not as it was written ends the journal too. */
    flip(b.path, "journal/0000000000000001.wal", -100);
    box_open(&b);
    uint64_t kept = kd_ingest_sum(b.in).pending_records;
    CHECK(kept > pending / 2 && kept < pending);
    pending = kept;
    feed(&b, &g, 1);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    CHECK(kd_events_sum(b.events).records > pending);
    /* Half a block at the end of the index is cut too. */
    uint64_t records = kd_events_sum(b.events).records;
    box_close(&b);
    (void)snprintf(path, sizeof(path), "%s/events/20251122/day.idx", b.path);
    f = fopen(path, "ab");
    CHECK(f != NULL);
    if (f != NULL) {
        (void)fwrite("KDI1\0\0\0\0half", 12, 1, f);
        (void)fclose(f);
    }
    box_open(&b);
    CHECK(kd_events_sum(b.events).records == records);
    feed(&b, &g, 1);
    CHECK(kd_ingest_seal(b.in) == KD_OK);
    box_close(&b);
    CHECK(verify_says(&b, NULL, NULL));
    box_open(&b);
    box_done(&b);
}

int main(void)
{
    RUN(every_type_comes_back_the_same);
    RUN(records_of_a_day_lie_in_its_folder);
    RUN(retention_by_size_spares_what_is_held);
    RUN(tampering_is_found_and_placed);
    RUN(a_torn_journal_is_cut_and_taken_up);
    return tap_done();
}
