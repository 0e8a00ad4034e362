/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/keep.h"

#include <stdlib.h>
#include <string.h>

#include "../../tests/tap.h"
#include "base/addr.h"

enum { SEGMENTS = 3 };
static uint8_t *mem;
static const size_t size = (size_t)SEGMENTS * KD_KEEP_SEGMENT;
static uint8_t frame[1500];

static struct kd_addr ip(unsigned last)
{
    uint8_t v4[4] = {10, 1, (uint8_t)(last >> 8), (uint8_t)last};
    return kd_addr_v4(v4);
}

/* Frame number n: conversation n % 50 + 1 between 10.1.0.1 and 10.1.1.(n % 50), at n microseconds. */
static bool put(struct kd_keep *k, uint64_t n, size_t bytes)
{
    struct kd_addr a = ip(1), b = ip(256 + (unsigned)(n % 50));
    struct kd_captured c = {.ts_us = n, .link = 1, .length = (uint32_t)bytes + 9, .vlan = 7, .bytes = {frame, bytes}};
    memcpy(frame, &n, sizeof(n));
    return kd_keep_put(k, &c, n % 50 + 1, &a, &b);
}

static struct kd_bytes segment(size_t i)
{
    return kd_bytes_of(mem + i * KD_KEEP_SEGMENT, KD_KEEP_SEGMENT);
}

/* Over all segments: how many frames match, and is each the one that was put? */
static size_t count(const struct kd_keep_query *q, size_t bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < SEGMENTS; i++) {
        struct kd_keep_reader r;
        struct kd_captured c, again;
        uint32_t at;
        if (kd_keep_open(&r, segment(i), q) != KD_OK)
            continue;
        while (kd_keep_next(&r, &c, &at)) {
            n++;
            CHECK(c.bytes.n == bytes && c.length == bytes + 9 && c.vlan == 7 && c.link == 1);
            CHECK(memcmp(c.bytes.p, &c.ts_us, sizeof(c.ts_us)) == 0);
            CHECK(kd_keep_frame(segment(i), at, &again) && again.bytes.p == c.bytes.p);
        }
        CHECK(r.bad == 0);
    }
    return n;
}

static void begin(void)
{
    memset(mem, 0, size);
}

static void what_was_put_is_found(void)
{
    begin();
    struct kd_keep *k = kd_keep_new(mem, size, 3);
    for (uint64_t n = 1; n <= 5000; n++)
        CHECK(put(k, n, 100));
    struct kd_keep_query all = {.to_us = UINT64_MAX};
    CHECK(count(&all, 100) == 5000);
    struct kd_keep_query flow = {.flow = 8, .to_us = UINT64_MAX};
    CHECK(count(&flow, 100) == 100);
    struct kd_keep_query window = {.flow = 8, .from_us = 1000, .to_us = 1999};
    CHECK(count(&window, 100) == 20);
    struct kd_addr host[2] = {ip(256 + 4), ip(256 + 5)};
    struct kd_keep_query hosts = {.host = host, .n_hosts = 2, .to_us = UINT64_MAX};
    CHECK(count(&hosts, 100) == 200);
    struct kd_keep_query none = {.flow = 51, .to_us = UINT64_MAX};
    CHECK(count(&none, 100) == 0);
    kd_keep_free(k);
    struct kd_keep_head h;
    CHECK(kd_keep_head_read(segment(0), &h) == KD_OK && h.closed && h.seq == 1 && h.engine == 3 && h.frames == 5000);
}

static void the_oldest_goes_first_and_what_is_held_stays(void)
{
    begin();
    struct kd_keep *k = kd_keep_new(mem, size, 0);
    uint64_t n = 0;
    struct kd_keep_head h = {.seq = 0};
    /* Until the first segment begins anew, as number 4. */
    while (h.seq != 4 && n < 200000) {
        CHECK(put(k, ++n, 1400));
        CHECK(kd_keep_head_read(segment(0), &h) == KD_OK);
    }
    CHECK(h.seq == 4 && h.frames == 1);
    struct kd_keep_query all = {.to_us = UINT64_MAX};
    size_t left = count(&all, 1400);
    CHECK(left > n / 2 && left < n); /* the first third is gone */
    mem[KD_KEEP_SEGMENT + KD_KEEP_HELD_AT] = 1;
    for (uint64_t end = n + n; n < end; n++)
        CHECK(put(k, n, 1400));
    CHECK(kd_keep_head_read(segment(1), &h) == KD_OK);
    CHECK(h.seq == 2 && h.held && h.closed);
    mem[KD_KEEP_HELD_AT] = mem[2 * (size_t)KD_KEEP_SEGMENT + KD_KEEP_HELD_AT] = 1;
    size_t refused = 0;
    for (uint64_t end = n + n; n < end; n++)
        refused += !put(k, n, 1400);
    CHECK(refused > 0);
    kd_keep_leave_out(k, 1);
    kd_keep_free(k);
}

static void what_is_there_need_not_come_again(void)
{
    begin();
    struct kd_keep *k = kd_keep_new(mem, size, 0);
    CHECK(!kd_keep_has_recent(k, 8));
    for (uint64_t n = 1; n <= 50; n++)
        CHECK(put(k, n, 100));
    CHECK(kd_keep_has_recent(k, 8) && kd_keep_has_recent(k, 50) && !kd_keep_has_recent(k, 51));
    /* In the third segment what the first holds is no longer recent. */
    struct kd_addr a = ip(1);
    uint8_t *large = calloc(1, KD_KEEP_FRAME_MAX);
    KD_ASSERT(large != NULL);
    struct kd_captured big = {.ts_us = 60, .bytes = {large, KD_KEEP_FRAME_MAX}, .length = KD_KEEP_FRAME_MAX};
    CHECK(kd_keep_put(k, &big, 777, &a, &a) && kd_keep_has_recent(k, 777));
    CHECK(kd_keep_put(k, &big, 778, &a, &a));
    CHECK(!kd_keep_has_recent(k, 8) && kd_keep_has_recent(k, 778));
    free(large);
    kd_keep_free(k);
}

static void a_successor_goes_on_behind_a_crash(void)
{
    begin();
    struct kd_keep *k = kd_keep_new(mem, size, 0);
    for (uint64_t n = 1; n <= 10; n++)
        CHECK(put(k, n, 60));
    struct kd_keep *next = kd_keep_new(mem, size, 0); /* the first was killed: never freed in order */
    for (uint64_t n = 11; n <= 20; n++)
        CHECK(put(next, n, 60));
    struct kd_keep_query all = {.to_us = UINT64_MAX};
    CHECK(count(&all, 60) == 20);
    struct kd_keep_head h;
    CHECK(kd_keep_head_read(segment(0), &h) == KD_OK && h.closed && h.frames == 10);
    CHECK(kd_keep_head_read(segment(1), &h) == KD_OK && !h.closed && h.seq == 2);
    kd_keep_free(next);
    free(k);
}

/* Any bytes: reading ends, and gives nothing from outside the segment. */
static void damage_is_survived(void)
{
    begin();
    struct kd_keep *k = kd_keep_new(mem, size, 0);
    for (uint64_t n = 1; n <= 2000; n++)
        CHECK(put(k, n, 90));
    kd_keep_free(k);
    uint64_t random = 88172645463325252u;
    uint8_t *copy = malloc(KD_KEEP_SEGMENT);
    struct kd_keep_query all = {.to_us = UINT64_MAX};
    for (int round = 0; round < 60 && copy != NULL; round++) {
        memcpy(copy, mem, KD_KEEP_SEGMENT);
        for (int i = 0; i < 40; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            size_t at = i % 3 == 0 ? random % 96
                        : i % 3 == 1 ? KD_KEEP_SEGMENT - 1 - random % (2000u * KD_KEEP_ENTRY)
                                     : KD_KEEP_HEAD + KD_KEEP_BLOOM + random % (2000u * 120);
            copy[at] = (uint8_t)(random >> 40);
        }
        struct kd_keep_reader r;
        struct kd_captured c;
        uint32_t at;
        size_t n = 0;
        if (kd_keep_open(&r, kd_bytes_of(copy, KD_KEEP_SEGMENT), &all) == KD_OK)
            while (kd_keep_next(&r, &c, &at)) {
                n++;
                CHECK(c.bytes.p >= copy && c.bytes.p + c.bytes.n <= copy + KD_KEEP_SEGMENT);
            }
        CHECK(n <= KD_KEEP_SEGMENT / KD_KEEP_ENTRY);
    }
    free(copy);
}

int main(void)
{
    mem = malloc(size);
    RUN(what_was_put_is_found);
    RUN(the_oldest_goes_first_and_what_is_held_stays);
    RUN(what_is_there_need_not_come_again);
    RUN(a_successor_goes_on_behind_a_crash);
    RUN(damage_is_survived);
    free(mem);
    return tap_done();
}
