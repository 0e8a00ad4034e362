/* SPDX-License-Identifier: Apache-2.0 */
/* A package of five days: whole it verifies, one flipped byte anywhere is found and placed. */
#include <fcntl.h>
#include <ftw.h>
#include <unistd.h>

#include "../../tests/store/gen.h"
#include "../../tests/tap.h"
#include "store/ingest.h"
#include "store/package.h"

enum { ZONE_S = 9 * 3600, DAYS = 5, BATCH_RECORDS = 400 };
static const uint64_t start_us = 1763737200000000u; /* 2025-11-22 00:00 in Japan */

static uint64_t now(void *ctx)
{
    (void)ctx;
    return start_us + 6 * KD_US_PER_DAY;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static struct kd_heap tar; /* the package */
static struct kd_addr whose;
static char path[64];
static int dir;

static void feed(struct kd_ingest *in, struct kd_gen *g)
{
    static uint8_t room[KD_BATCH_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    uint64_t first_us = g->ts_us;
    size_t n = 0;
    while (n < BATCH_RECORDS && kd_gen_office(g, &o) == KD_OK)
        n++;
    struct kd_cur c = kd_cur_of(kd_out_bytes_view(&o));
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    if (kd_addr_is_none(&whose) && kd_record_next(&c, &head, &body, &whole) == KD_OK)
        whose = head.src;
    CHECK(kd_ingest_batch(in, kd_out_bytes_view(&o), n, first_us) == KD_OK);
}

static void make_store(void)
{
    struct kd_events *events = NULL;
    struct kd_seals *seals = NULL;
    struct kd_ingest *in = NULL;
    struct kd_err err = {0};
    struct kd_gen g;
    kd_gen_init(&g, 7, start_us);
    (void)snprintf(path, sizeof(path), "/tmp/kd-package-XXXXXX");
    CHECK(mkdtemp(path) != NULL);
    dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(kd_seals_open(dir, &seals, &err) == KD_OK);
    CHECK(kd_events_open(dir, ZONE_S, true, &events, &err) == KD_OK);
    struct kd_ingest_config cfg = {
        .dir_fd = dir, .zone_s = ZONE_S, .clock = {now, NULL}, .events = events, .seals = seals};
    CHECK(kd_ingest_new(&cfg, &in, &err) == KD_OK);
    for (size_t d = 0; d < DAYS; d++) {
        for (size_t i = 0; i < 6; i++)
            feed(in, &g);
        CHECK(kd_ingest_seal(in) == KD_OK);
        g.ts_us += KD_US_PER_DAY;
    }
    kd_ingest_free(in);
    kd_events_free(events);
    kd_seals_free(seals);
}

static enum kd_status take(void *arg, struct kd_bytes b)
{
    struct kd_heap *h = arg;
    if (!kd_heap_room(h, b.n + 1))
        return KD_NO_MEMORY;
    memcpy(h->p + h->n, b.p, b.n);
    h->n += b.n;
    return KD_OK;
}

static bool packets_told;
static enum kd_status packets(void *arg, struct kd_bytes *ret, bool *ret_more)
{
    (void)arg;
    *ret = kd_str("frames of this host");
    *ret_more = false;
    packets_told = true;
    return KD_OK;
}

static struct kd_package_sum make_package(void)
{
    static uint8_t who[64];
    struct kd_hunt_source src = {0};
    struct kd_package_sum sum = {0};
    struct kd_err err = {0};
    struct kd_out o = kd_out_of(who, sizeof(who));
    kd_out_addr(&o, &whose);
    CHECK(kd_hunt_open(dir, ZONE_S, &src, &err) == KD_OK);
    struct kd_package_ask ask = {.host = {.src = &src,
                                          .who = kd_out_bytes_view(&o),
                                          .to_us = UINT64_MAX,
                                          .clock = {now, NULL},
                                          .threads = 1,
                                          .zone_s = ZONE_S},
                                 .dir_fd = dir,
                                 .packets = {"packets.pcapng", packets, NULL, 19},
                                 .write = take,
                                 .arg = &tar};
    CHECK(kd_seal_secret(dir, ask.secret, &err) == KD_OK);
    CHECK(kd_package_write(&ask, &sum, &err) == KD_OK);
    if (err.what != NULL)
        printf("# %s\n", err.what);
    kd_events_free(src.events);
    kd_hunt_source_done(&src);
    return sum;
}

static size_t reading_at, reading_end;
static ptrdiff_t give(void *arg, void *buf, size_t n)
{
    (void)arg;
    n = kd_min_size(n, reading_end - reading_at);
    memcpy(buf, tar.p + reading_at, n);
    reading_at += n;
    return (ptrdiff_t)n;
}

static struct kd_verify_result verify(size_t n, const uint8_t *pub)
{
    struct kd_verify_result v;
    struct kd_err err = {0};
    reading_at = 0;
    reading_end = n;
    CHECK(kd_package_verify(give, NULL, pub, &v, &err) == KD_OK);
    return v;
}

/* The tar's members by their headers: the name, and where the content is. */
static size_t next_member(size_t at, char name[101], size_t *ret_n)
{
    if (at + 512 > tar.n || tar.p[at] == 0)
        return 0;
    memcpy(name, tar.p + at, 100);
    name[100] = '\0';
    *ret_n = strtoull((const char *)tar.p + at + 124, NULL, 8);
    return at + 512;
}

static void five_days_verify(void)
{
    make_store();
    struct kd_package_sum sum = make_package();
    CHECK(sum.records > DAYS && sum.blocks == DAYS && sum.days == DAYS && sum.unreadable == 0);
    CHECK(packets_told && sum.bytes == tar.n);
    struct kd_verify_result v = verify(tar.n, NULL);
    CHECK(v.ok && v.records == sum.records && v.blocks == DAYS && v.days_sealed == DAYS);
    CHECK(v.unsealed_blocks == 0);
    if (!v.ok)
        printf("# %s: %s\n", v.where, v.what);
}

static void a_flipped_byte_is_found_and_placed(void)
{
    char name[101];
    size_t n = 0, members = 0;
    for (size_t at = 0, data; (data = next_member(at, name, &n)) != 0;
         at = data + (n + 511) / 512 * 512) {
        const char *plain = name + strlen("evidence/");
        for (size_t k = 0; k < 7 && n > 0; k++) {
            size_t off = data + n * k / 7;
            tar.p[off] ^= 4;
            struct kd_verify_result v = verify(tar.n, NULL);
            bool placed = !v.ok && strncmp(v.where, plain, strlen(plain)) == 0;
            bool of_seal = strncmp(plain, "SHA256SUMS", 10) == 0 &&
                           strncmp(v.where, "SHA256SUMS", 10) == 0;
            CHECK(placed || (!v.ok && of_seal));
            if (!placed && !of_seal)
                printf("# %s byte %zu: ok %d %s: %s\n", name, off - data, v.ok, v.where, v.what);
            if (strncmp(plain, "records/", 8) == 0)
                CHECK(strstr(v.where, " line ") != NULL);
            tar.p[off] ^= 4;
        }
        members++;
    }
    CHECK(members > 4 * DAYS);
}

static void an_end_cut_off_is_found(void)
{
    for (size_t k = 1; k < 40; k++) {
        struct kd_verify_result v = verify(tar.n * k / 41, NULL);
        CHECK(!v.ok && v.where[0] != '\0');
    }
}

/* Who changes a line and makes SHA256SUMS anew with a key of his own is found out by the true key. */
static void another_key_is_found(void)
{
    static const uint8_t other[KD_SEAL_PUBLIC] = {1, 2, 3};
    struct kd_verify_result v = verify(tar.n, other);
    CHECK(!v.ok && strcmp(v.where, "SHA256SUMS") == 0);
}

int main(void)
{
    RUN(five_days_verify);
    RUN(a_flipped_byte_is_found_and_placed);
    RUN(an_end_cut_off_is_found);
    RUN(another_key_is_found);
    kd_heap_done(&tar);
    (void)close(dir);
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}
