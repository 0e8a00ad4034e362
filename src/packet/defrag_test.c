/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/defrag.h"

#include "../../tests/tap.h"

static struct kd_pool *pool;
static struct kd_defrag *defrag;
static struct kd_limits lim;

static void begin(uint32_t datagrams)
{
    lim = kd_limits_default;
    lim.fragments = datagrams;
    pool = kd_pool_new(8 << 20);
    defrag = kd_defrag_new(&lim, pool, 1);
    KD_ASSERT(defrag != NULL);
}

static void end(void)
{
    kd_defrag_free(defrag);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

static bool add(uint32_t id, uint32_t offset, bool more, const char *data, uint64_t ts_us, struct kd_bytes *ret)
{
    struct kd_packet p = {.ts_us = ts_us, .kind = KD_PACKET_FRAGMENT, .proto = 17, .frag_id = id, .length = 34,
                          .frag_offset = offset, .frag_more = more, .payload = kd_str(data)};
    return kd_defrag_add(defrag, &p, ret);
}

static void any_order_gives_the_datagram(void)
{
    static const uint32_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const parts[3] = {"01234567", "89abcdef", "ghi"};
    begin(16);
    for (uint32_t o = 0; o < 6; o++) {
        struct kd_bytes got = {NULL, 0};
        for (unsigned i = 0; i < 3; i++) {
            uint32_t k = orders[o][i];
            bool whole = add(o, k * 8, k < 2, parts[k], 1, &got);
            CHECK(whole == (i == 2));
        }
        CHECK(kd_bytes_eq_str(got, "0123456789abcdefghi"));
    }
    CHECK(kd_defrag_counts(defrag)->reassembled == 6 && kd_defrag_counts(defrag)->overlaps == 0);
    end();
}

static void first_byte_stays_and_conflict_is_counted(void)
{
    struct kd_bytes got = {NULL, 0};
    begin(16);
    CHECK(!add(1, 8, true, "AAAAAAAA", 1, &got));
    CHECK(!add(1, 0, true, "bbbbbbbbCCCCCCCC", 1, &got));
    CHECK(add(1, 16, false, "end", 1, &got));
    CHECK(kd_bytes_eq_str(got, "bbbbbbbbAAAAAAAAend"));
    CHECK(kd_defrag_counts(defrag)->overlaps == 1 && kd_defrag_counts(defrag)->conflicts == 1);
    end();
}

static void bounds_hold(void)
{
    struct kd_bytes got;
    begin(16);
    for (uint32_t id = 0; id < 1000; id++)
        CHECK(!add(id, 0, true, "01234567", id, &got));
    CHECK(kd_defrag_counts(defrag)->dropped == 1000 - 16);
    CHECK(!add(5000, 65528, false, "0123456789", 1, &got)); /* longer than a datagram may be */
    CHECK(!add(5001, 0, true, "0123", 1, &got));            /* not a multiple of eight */
    for (uint32_t i = 0; i < 3000; i++) /* every other piece: no two ever meet */
        CHECK(!add(6000, (i * 16) & 0xfff8, true, "01234567", 1, &got));
    CHECK(!add(7000, 0, true, "01234567", 1, &got));
    CHECK(!add(7000, 8, false, "x", 100 * 1000000ull, &got)); /* its first half waited too long */
    end();
}

int main(void)
{
    RUN(any_order_gives_the_datagram);
    RUN(first_byte_stays_and_conflict_is_counted);
    RUN(bounds_hold);
    return tap_done();
}
