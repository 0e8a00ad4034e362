/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/tray.h"

#include "wire/record.h"

#include "../../tests/tap.h"

enum { BYTES = KD_TRAY_HEAD + (512 << 10) };

static uint8_t *mem, *copy;

static void begin(struct kd_tray_writer *w, struct kd_tray_reader *r)
{
    memset(mem, 0, BYTES);
    CHECK(kd_tray_writer_init(w, mem, BYTES) && kd_tray_reader_init(r, mem, BYTES));
}

static bool put(struct kd_tray_writer *w, uint8_t fill, size_t n, bool urgent)
{
    static uint8_t content[BYTES];
    memset(content, fill, n);
    if (!kd_tray_put(w, kd_bytes_of(content, n), urgent))
        return false;
    struct kd_out o = kd_tray_record(w);
    kd_out_fmt(&o, "record %u", fill);
    return kd_tray_done(w, &o);
}

static bool take(struct kd_tray_reader *r, uint8_t fill, size_t n)
{
    struct kd_tray_job j;
    char text[16];
    snprintf(text, sizeof(text), "record %u", fill);
    if (kd_tray_next(r, copy, BYTES, &j) != KD_OK)
        return false;
    bool ok = j.content.n == n && j.content.p[0] == fill && j.content.p[n - 1] == fill && kd_bytes_eq_str(j.record, text);
    kd_tray_taken(r);
    return ok;
}

static void goes_round(void)
{
    struct kd_tray_writer w;
    struct kd_tray_reader r;
    struct kd_tray_job j;
    begin(&w, &r);
    CHECK(kd_tray_is_empty(&w) && kd_tray_next(&r, copy, BYTES, &j) == KD_NOT_FOUND);
    for (unsigned i = 1; i <= 200; i++) {
        size_t n = 1 + i * 7919u % 150000;
        CHECK(put(&w, (uint8_t)i, n, true) && !kd_tray_is_empty(&w));
        CHECK(take(&r, (uint8_t)i, n) && kd_tray_is_empty(&w));
    }
}

static void keeps_room_for_what_is_urgent(void)
{
    struct kd_tray_writer w;
    struct kd_tray_reader r;
    begin(&w, &r);
    unsigned some = 0, more = 0;
    while (put(&w, 1, 30000, false))
        some++;
    while (put(&w, 2, 30000, true))
        more++;
    CHECK(some >= 3 && more >= 3);
    CHECK(!put(&w, 3, BYTES - 1, true)); /* never fits */
    for (unsigned i = 0; i < some + more; i++)
        CHECK(take(&r, i < some ? 1 : 2, 30000));
    CHECK(kd_tray_is_empty(&w) && put(&w, 4, 30000, false) && take(&r, 4, 30000));
}

static void unfinished_is_given_up(void)
{
    struct kd_tray_writer w;
    struct kd_tray_reader r;
    begin(&w, &r);
    CHECK(kd_tray_put(&w, kd_str("never told"), true));
    CHECK(put(&w, 7, 100, true) && take(&r, 7, 100) && kd_tray_is_empty(&w));
    struct kd_out full = kd_out_of(mem, 0);
    CHECK(kd_tray_put(&w, kd_str("too much"), true));
    kd_out_str(&full, "x");
    CHECK(!kd_tray_done(&w, &full) && kd_tray_is_empty(&w));
}

static void successors_go_on(void)
{
    struct kd_tray_writer w;
    struct kd_tray_reader r;
    struct kd_tray_job j;
    begin(&w, &r);
    CHECK(put(&w, 1, 10, true) && put(&w, 2, 20, true));
    CHECK(kd_tray_next(&r, copy, BYTES, &j) == KD_OK && !j.again); /* and dies over it */
    CHECK(kd_tray_reader_init(&r, mem, BYTES));
    CHECK(kd_tray_next(&r, copy, BYTES, &j) == KD_OK && j.again && j.content.n == 10);
    kd_tray_taken(&r);
    CHECK(kd_tray_writer_init(&w, mem, BYTES) && put(&w, 3, 30, true));
    CHECK(take(&r, 2, 20) && take(&r, 3, 30));
}

/* Whatever the other side writes, nothing is read or written beyond the ring. */
static void survives_a_hostile_side(void)
{
    struct kd_tray_writer w;
    struct kd_tray_reader r;
    struct kd_tray_job j;
    for (unsigned seed = 1; seed < 2000; seed++) {
        begin(&w, &r);
        CHECK(put(&w, 1, 5000, true) && put(&w, 2, 5000, true));
        uint32_t x = seed * 2654435761u;
        for (int i = 0; i < 4; i++) {
            x = x * 1664525u + 1013904223u;
            size_t at = x % 3 == 0 ? x / 3 % 128 : KD_TRAY_HEAD + x / 3 % 16;
            mem[at] ^= (uint8_t)(x >> 24);
        }
        for (int i = 0; i < 10; i++)
            if (kd_tray_next(&r, copy, 12000, &j) == KD_OK) {
                CHECK(j.content.n + j.record.n <= 12000);
                kd_tray_taken(&r);
            }
        (void)put(&w, 3, 5000, false);
    }
}

int main(void)
{
    mem = aligned_alloc(64, BYTES);
    copy = malloc(BYTES);
    RUN(goes_round);
    RUN(keeps_room_for_what_is_urgent);
    RUN(unfinished_is_given_up);
    RUN(successors_go_on);
    RUN(survives_a_hostile_side);
    free(mem);
    free(copy);
    return tap_done();
}
