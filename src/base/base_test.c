/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/status.h"

#include "../../tests/tap.h"

static void cursor_is_sticky_and_zeroing(void)
{
    static const uint8_t in[] = {1, 2, 3};
    struct kd_cur c = kd_cur_of(kd_bytes_of(in, sizeof(in)));
    CHECK(kd_cur_be16(&c) == 0x0102);
    CHECK(kd_cur_be32(&c) == 0);
    CHECK(!kd_cur_ok(&c) && kd_cur_left(&c) == 0);
    CHECK(kd_cur_u8(&c) == 0);
    CHECK(!kd_cur_ok(&c));
}

static void cursor_child_cannot_see_its_parent(void)
{
    static const uint8_t in[] = {1, 2, 3, 4};
    struct kd_cur c = kd_cur_of(kd_bytes_of(in, sizeof(in)));
    struct kd_cur sub = kd_cur_sub(&c, 2);
    CHECK(kd_cur_be16(&sub) == 0x0102);
    CHECK(kd_cur_u8(&sub) == 0 && !kd_cur_ok(&sub));
    CHECK(kd_cur_ok(&c) && kd_cur_be16(&c) == 0x0304);
    struct kd_cur none = kd_cur_sub(&c, 1);
    CHECK(!kd_cur_ok(&none) && !kd_cur_ok(&c));
}

static void varint_survives_and_refuses_excess(void)
{
    static const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < KD_COUNT(values); i++) {
        uint8_t buf[10];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        kd_out_varint(&o, values[i]);
        struct kd_cur c = kd_cur_of(kd_out_bytes_view(&o));
        CHECK(kd_cur_varint(&c) == values[i] && kd_cur_ok(&c) && kd_cur_left(&c) == 0);
    }
    static const uint8_t longest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    struct kd_cur c = kd_cur_of(kd_bytes_of(longest, sizeof(longest)));
    (void)kd_cur_varint(&c);
    CHECK(!kd_cur_ok(&c));
}

static void writer_writes_all_or_nothing(void)
{
    char buf[4];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_out_str(&o, "abc");
    kd_out_str(&o, "de");
    CHECK(o.n == 3 && !kd_out_ok(&o));
    kd_out_u8(&o, 'x');
    CHECK(o.n == 3);
}

static void text_equals(void (*put)(struct kd_out *, const void *), const void *arg, const char *want)
{
    char buf[128];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    put(&o, arg);
    bool same = kd_bytes_eq_str(kd_out_bytes_view(&o), want);
    if (!same)
        printf("# got %.*s, want %s\n", (int)o.n, buf, want);
    CHECK(same);
}

static void put_time(struct kd_out *o, const void *us)
{
    kd_out_time(o, *(const uint64_t *)us, KD_ZONE_JAPAN_S);
}

static void put_json(struct kd_out *o, const void *text)
{
    kd_json_string(o, kd_str(text));
}

static void put_addr(struct kd_out *o, const void *text)
{
    struct kd_addr a;
    CHECK(kd_addr_parse(kd_str(text), &a));
    kd_out_addr(o, &a);
}

static void times_are_written_and_read(void)
{
    uint64_t us = 1763770502123456u;
    text_equals(put_time, &us, "2025-11-22T09:15:02.123456+0900");
    static const char *const same[] = {"2025-11-22T09:15:02.123456+0900", "2025-11-22T00:15:02.123456Z",
                                       "2025-11-22 09:15:02.123456", "2025-11-22T01:15:02.123456+01:00"};
    for (size_t i = 0; i < KD_COUNT(same); i++) {
        uint64_t got = 0;
        CHECK(kd_time_parse(kd_str(same[i]), KD_ZONE_JAPAN_S, &got) && got == us);
    }
    static const char *const bad[] = {"", "2025", "2025-13-01", "2025-11-22T25:00", "2025-11-22T09:15:02x"};
    for (size_t i = 0; i < KD_COUNT(bad); i++) {
        uint64_t got = 0;
        CHECK(!kd_time_parse(kd_str(bad[i]), 0, &got));
    }
}

static void json_is_valid_whatever_comes(void)
{
    text_equals(put_json, "a\"b\\c\n\x01", "\"a\\\"b\\\\c\\n\\u0001\"");
    text_equals(put_json, "木\xff\xc0\xaf", "\"木\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void addresses_are_read_and_written(void)
{
    text_equals(put_addr, "10.1.2.3", "10.1.2.3");
    text_equals(put_addr, "2001:DB8::1", "2001:db8::1");
    struct kd_addr a;
    CHECK(!kd_addr_parse(kd_str("10.1.2"), &a) && !kd_addr_parse(kd_str("10.1.2.256"), &a));
    struct kd_net net;
    CHECK(kd_net_parse(kd_str("10.1.0.0/20"), &net) && net.bits == 116);
    CHECK(kd_addr_parse(kd_str("10.1.15.255"), &a) && kd_net_has(&net, &a));
    CHECK(kd_addr_parse(kd_str("10.1.16.0"), &a) && !kd_net_has(&net, &a));
    CHECK(!kd_net_parse(kd_str("10.1.0.0/33"), &net));
    CHECK(kd_addr_parse(kd_str("172.31.0.1"), &a) && kd_addr_is_private(&a));
    CHECK(kd_addr_parse(kd_str("172.32.0.1"), &a) && !kd_addr_is_private(&a));
}

static void pool_obeys_its_budget_and_returns_to_zero(void)
{
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena a;
    kd_arena_init(&a, pool, 600 << 10);
    size_t got = 0;
    while (kd_arena_alloc(&a, 1000) != NULL)
        got += 1000;
    CHECK(got > 200 << 10 && got < 700 << 10);
    struct kd_arena b;
    kd_arena_init(&b, pool, 10 << 20);
    while (kd_arena_alloc(&b, 1000) != NULL)
        ;
    CHECK(kd_pool_used(pool) <= 1 << 20);
    struct kd_buf buf = {0};
    kd_arena_done(&b);
    CHECK(kd_buf_add(&buf, pool, kd_str("hello "), 100));
    for (int i = 0; i < 15; i++)
        CHECK(kd_buf_add(&buf, pool, kd_str("world "), 100));
    CHECK(!kd_buf_add(&buf, pool, kd_str("world "), 100) && buf.n == 96);
    kd_buf_drop(&buf, 6);
    CHECK(kd_bytes_starts(kd_buf_view(&buf), kd_str("world world")));
    kd_buf_done(&buf, pool);
    kd_arena_done(&a);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

static void pool_blocks_are_little_larger_than_asked_for(void)
{
    struct kd_pool *pool = kd_pool_new(4 << 20);
    for (size_t n = 1; n <= KD_POOL_MAX; n += 1 + n / 7) {
        size_t size = 0;
        uint8_t *block = kd_pool_take(pool, n, &size);
        CHECK(block != NULL && size >= n && (size <= KD_POOL_MIN || size * 2 < n * 3));
        memset(block, 0xa5, n);
        kd_pool_give(pool, block, size);
    }
    CHECK(kd_pool_used(pool) == 0);
    size_t size = 0;
    CHECK(kd_pool_take(pool, KD_POOL_LARGE + 1, &size) == NULL);
    kd_pool_free(pool);
}

static void digests_are_the_known_ones(void)
{
    uint8_t md[KD_SHA256_BYTES];
    char hex[65];
    kd_digest_once(KD_MD5, kd_str("abc"), md);
    struct kd_out o = kd_out_of(hex, sizeof(hex));
    kd_out_hex(&o, kd_bytes_of(md, KD_MD5_BYTES));
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), "900150983cd24fb0d6963f7d28e17f72"));
}

static void every_limit_has_a_sane_row(void)
{
    for (size_t i = 0; i < kd_limit_row_count; i++) {
        const struct kd_limit_row *r = &kd_limit_rows[i];
        CHECK(r->least <= r->value && r->value <= r->most && r->en[0] != '\0' && r->ja[0] != '\0');
    }
}

int main(void)
{
    RUN(cursor_is_sticky_and_zeroing);
    RUN(cursor_child_cannot_see_its_parent);
    RUN(varint_survives_and_refuses_excess);
    RUN(writer_writes_all_or_nothing);
    RUN(times_are_written_and_read);
    RUN(json_is_valid_whatever_comes);
    RUN(addresses_are_read_and_written);
    RUN(pool_obeys_its_budget_and_returns_to_zero);
    RUN(pool_blocks_are_little_larger_than_asked_for);
    RUN(digests_are_the_known_ones);
    RUN(every_limit_has_a_sane_row);
    return tap_done();
}
