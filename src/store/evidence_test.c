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
    struct kd_ingest_config cfg = {.dir_fd = b->dir, .zone_s = ZONE_S, .clock = {now, NULL}, .events = b->events,
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
                if (kd_block_record(r, g, row, &mem, &head, body) != KD_OK || head.id == 0 || head.id > n) {
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

int main(void)
{
    RUN(every_type_comes_back_the_same);
    return tap_done();
}
