/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/carve/carve.h"

#include "base/hasher.h"

#include "../../../tests/tap.h"

static struct kd_pool *pool;
static struct kd_ctx ctx;
static uint8_t plain[300000];

static void set_up(void)
{
    pool = kd_pool_new(64 << 20);
    ctx = (struct kd_ctx){.lim = &kd_limits_default, .pool = pool};
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof(plain); i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = (uint8_t)(x >> 24);
    }
    plain[0] = 1; /* no text */
}

static bool sha256_is(struct kd_bytes digest, struct kd_bytes of)
{
    struct kd_sha256 h;
    uint8_t want[KD_SHA256_BYTES];
    kd_sha256_start(&h);
    kd_sha256_add(&h, of);
    kd_sha256_end(&h, want);
    return kd_bytes_eq(digest, kd_bytes_of(want, sizeof(want)));
}

static bool state_is(const struct kd_rec_file *rec, const char *state)
{
    if (!kd_bytes_eq_str(rec->state, state))
        printf("# state %.*s, wanted %s\n", (int)rec->state.n, rec->state.p, state);
    return kd_bytes_eq_str(rec->state, state);
}

static struct kd_carve *start(struct kd_carve_meta meta)
{
    struct kd_carve *c = kd_carve_begin(&ctx, &meta);
    CHECK(c != NULL);
    return c;
}

/* Sizes around the head's and a block's, in pieces of several sizes. */
static void digests_of_any_size(void)
{
    static const size_t sizes[] = {1, 63, 1023, 1024, 1025, 4096, 65535, 65536, 65537, 300000};
    static const size_t steps[] = {1460, 65536, 1000, 1 << 30};
    for (size_t i = 0; i < KD_COUNT(sizes); i++) {
        for (size_t k = 0; k < KD_COUNT(steps); k++) {
            struct kd_bytes all = kd_bytes_of(plain, sizes[i]);
            struct kd_carve *c = start((struct kd_carve_meta){.filename = kd_str("a.bin"), .all_hashes = true});
            for (size_t at = 0; at < all.n; at += kd_min_size(steps[k], all.n - at))
                kd_carve_data(c, kd_bytes_head(kd_bytes_from(all, at), steps[k]));
            const struct kd_rec_file *rec = kd_carve_finish(c, true);
            CHECK(state_is(rec, "CLOSED") && rec->size == all.n && rec->gaps == 0);
            CHECK(sha256_is(rec->sha256, all) && rec->md5.n == 16 && rec->sha1.n == 20);
            CHECK(all.n < 65535 || rec->entropy >= 78);
            kd_carve_drop(c);
        }
    }
    CHECK(kd_pool_used(pool) == 0);
}

/* MD5 and SHA-1 cost most, so they are spared for what carries no risk. */
static void hashes_by_risk(void)
{
    static const struct {
        const char *content, *name;
        bool all, more;
    } cases[] = {
        {"\x89PNG\r\n\x1a\n....", "a.png", false, false},
        {"\x89PNG\r\n\x1a\n....", "a.png", true, true},
        {"just words", "a.txt", false, false},
        {"just words", "RUN.PS1", false, true},
        {"%PDF-1.7 x", "a", false, true},
        {"\x01\x02\x03\x04", "a", false, false},
        {"\x01\x02\x03\x04", "a.lnk", false, true},
    };
    for (size_t i = 0; i < KD_COUNT(cases); i++) {
        struct kd_carve *c = start(
            (struct kd_carve_meta){.filename = kd_str(cases[i].name), .all_hashes = cases[i].all});
        kd_carve_data(c, kd_str(cases[i].content));
        const struct kd_rec_file *rec = kd_carve_finish(c, true);
        CHECK(rec->sha256.n == 32 && (rec->md5.n == 16) == cases[i].more &&
              (rec->sha1.n == 20) == cases[i].more);
        kd_carve_drop(c);
    }
}

/* They are spared as well for what is large, sooner when nobody said how large it would be. */
static void hashes_by_size(void)
{
    const uint64_t mib = 1 << 20, limit = kd_limits_default.file_hash_mib * mib;
    const struct {
        uint64_t announced, comes;
        bool more;
    } cases[] = {
        {limit, limit, true}, {limit + 1, limit + 1, false}, {0, limit / 4, true}, {0, limit / 4 + 1, false}, {10, limit + 1, false},
    };
    for (size_t i = 0; i < KD_COUNT(cases); i++) {
        struct kd_carve *c = start((struct kd_carve_meta){.size = cases[i].announced});
        uint64_t left = cases[i].comes;
        for (struct kd_bytes b = kd_str("%PDF-1.7 x"); left > 0; b = kd_bytes_of(plain, sizeof(plain))) {
            b = kd_bytes_head(b, left < sizeof(plain) ? (size_t)left : sizeof(plain));
            kd_carve_data(c, b);
            left -= b.n;
        }
        const struct kd_rec_file *rec = kd_carve_finish(c, true);
        CHECK(rec->size == cases[i].comes && rec->sha256.n == 32 && (rec->md5.n == 16) == cases[i].more);
        kd_carve_drop(c);
    }
}

static void out_of_order(void)
{
    struct kd_bytes all = kd_bytes_of(plain, sizeof(plain));
    struct kd_carve *c = start((struct kd_carve_meta){0});
    /* blocks of 64 KiB in the order 1 0 3 2 4, each in small pieces, and one block twice */
    static const size_t order[] = {1, 0, 3, 2, 2, 4};
    for (size_t i = 0; i < KD_COUNT(order); i++)
        for (size_t k = 0; k < 65536; k += 1400) {
            size_t n = kd_min_size(1400, 65536 - k);
            size_t at = order[i] * 65536 + k;
            kd_carve_at(c, at, kd_bytes_head(kd_bytes_from(all, at), n));
        }
    const struct kd_rec_file *rec = kd_carve_finish(c, true);
    CHECK(state_is(rec, "CLOSED") && rec->size == all.n && sha256_is(rec->sha256, all));
    kd_carve_drop(c);
    CHECK(kd_pool_used(pool) == 0);
}

static void holes_and_limits(void)
{
    struct kd_bytes all = kd_bytes_of(plain, sizeof(plain));
    struct kd_carve *c = start((struct kd_carve_meta){0});
    kd_carve_data(c, kd_bytes_head(all, 5000));
    kd_carve_gap(c, 100);
    kd_carve_data(c, kd_bytes_head(all, 50));
    const struct kd_rec_file *rec = kd_carve_finish(c, true);
    CHECK(state_is(rec, "TRUNCATED") && rec->size == 5050 && rec->gaps == 100 &&
          rec->sha256.n == 0);
    kd_carve_drop(c);
    /* far ahead: what cannot wait makes a gap, and memory stays bounded */
    c = start((struct kd_carve_meta){0});
    for (uint64_t i = 1; i < 200; i++)
        kd_carve_at(c, i << 20, all);
    CHECK(kd_pool_used(pool) < 2 * kd_limits_default.file_ahead_bytes);
    kd_carve_at(c, UINT64_MAX - 10, all);
    rec = kd_carve_finish(c, true);
    CHECK(state_is(rec, "TRUNCATED") && rec->size == 199 * all.n &&
          rec->gaps == (UINT64_C(199) << 20) + all.n - rec->size);
    kd_carve_drop(c);
    /* ended early; a part only; written over */
    c = start((struct kd_carve_meta){.size = 10});
    kd_carve_data(c, kd_str("12345"));
    CHECK(state_is(kd_carve_finish(c, false), "TRUNCATED"));
    kd_carve_drop(c);
    c = start((struct kd_carve_meta){.size = 10});
    kd_carve_data(c, kd_str("12345"));
    CHECK(state_is(kd_carve_finish(c, true), "PARTIAL"));
    kd_carve_drop(c);
    c = start((struct kd_carve_meta){.start = 100});
    kd_carve_at(c, 100, kd_str("MZ345"));
    rec = kd_carve_finish(c, true);
    CHECK(state_is(rec, "PARTIAL") && rec->start == 100 && rec->sha256.n == 0 && rec->magic.n == 0);
    kd_carve_drop(c);
    c = start((struct kd_carve_meta){.rewritable = true});
    kd_carve_data(c, kd_str("12345"));
    kd_carve_at(c, 1, kd_str("xxx"));
    rec = kd_carve_finish(c, true);
    CHECK(state_is(rec, "CHANGED") && rec->sha256.n == 0 && rec->size == 5);
    kd_carve_drop(c);
    CHECK(kd_pool_used(pool) == 0);
}

static void no_memory_no_file(void)
{
    struct kd_pool *small = kd_pool_new(100);
    struct kd_ctx poor = {.lim = &kd_limits_default, .pool = small};
    struct kd_carve *c = kd_carve_begin(&poor, &(struct kd_carve_meta){0});
    CHECK(c == NULL);
    kd_carve_data(c, kd_str("a"));
    kd_carve_at(c, 5, kd_str("a"));
    kd_carve_gap(c, 1);
    kd_carve_name(c, kd_str("a"));
    kd_carve_end(&poor, c, true);
    CHECK(kd_carve_finish(c, true) == NULL && kd_carve_seen(c) == 0 && kd_carve_next(c) == 0);
    kd_pool_free(small);
}

/* Who keeps contents: the last one and how many there were. */
static struct {
    uint8_t bytes[sizeof(plain)];
    size_t n;
    unsigned files;
} taken;

static bool take(struct kd_contents *to, const struct kd_conn *conn, uint64_t ts_us, enum kd_contents_risk risk, bool asked,
                 struct kd_bytes sha256, struct kd_bytes content)
{
    (void)to, (void)risk, (void)asked;
    CHECK(conn->client_port == 7 && ts_us == 5 && sha256_is(sha256, content));
    memcpy(taken.bytes, content.p, content.n);
    taken.n = content.n;
    taken.files++;
    return true;
}

/* Is the content of this kept, brought in pieces? */
static bool is_kept(struct kd_contents *to, struct kd_bytes in, const char *name, uint64_t hole)
{
    struct kd_conn conn = {.client_port = 7};
    struct kd_ctx with = ctx;
    with.contents = to;
    with.conn = &conn;
    with.now_us = 5;
    unsigned before = taken.files;
    struct kd_carve *c =
        kd_carve_begin(&with, &(struct kd_carve_meta){.filename = kd_str(name)});
    for (size_t at = 0; at < in.n; at += 700)
        kd_carve_data(c, kd_bytes_head(kd_bytes_from(in, at), 700));
    kd_carve_gap(c, hole);
    const struct kd_rec_file *rec = kd_carve_finish(c, true);
    bool kept = rec->stored;
    CHECK(kept == (taken.files > before));
    kd_carve_drop(c);
    CHECK(kd_pool_used(pool) == 0 && to->waiting == 0);
    return kept;
}

static void contents_are_kept_by_policy(void)
{
    struct kd_contents to = {
        .keep = KD_CONTENTS_RISKY, .most = 100000, .waiting_max = 1 << 20, .put = take};
    struct kd_bytes some = kd_bytes_of(plain, 100000);
    CHECK(is_kept(&to, some, "", 0) && taken.n == 100000);
    CHECK(memcmp(taken.bytes, plain, 100000) == 0);
    CHECK(is_kept(&to, kd_bytes_of(plain, 10), "", 0) && taken.n == 10);
    CHECK(!is_kept(&to, some, "", 1));                           /* a hole */
    CHECK(!is_kept(&to, kd_bytes_of(plain, 100001), "", 0));     /* too large */
    CHECK(!is_kept(&to, kd_str("an ordinary text"), "a.txt", 0)); /* no risk */
    CHECK(is_kept(&to, kd_str("an ordinary text"), "a.vbs", 0));
    to.keep = KD_CONTENTS_ALL;
    CHECK(is_kept(&to, kd_str("an ordinary text"), "a.txt", 0));
    to.waiting_max = 50000;
    CHECK(!is_kept(&to, some, "", 0)); /* others would suffer */
    to.keep = KD_CONTENTS_NONE;
    CHECK(!is_kept(&to, kd_bytes_of(plain, 10), "", 0));
}

int main(void)
{
    set_up();
    RUN(contents_are_kept_by_policy);
    RUN(digests_of_any_size);
    RUN(hashes_by_risk);
    RUN(hashes_by_size);
    RUN(out_of_order);
    RUN(holes_and_limits);
    RUN(no_memory_no_file);
    kd_pool_free(pool);
    return tap_done();
}
