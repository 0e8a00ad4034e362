/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf16.h"

#include "../../tests/tap.h"

static bool converts(const char *in, size_t n, size_t room, const char *want, bool want_full)
{
    uint8_t buf[64];
    struct kd_out o = kd_out_of(buf, room);
    kd_out_utf16le(&o, kd_bytes_of(in, n));
    return kd_bytes_eq_str(kd_out_bytes_view(&o), want) && o.full == want_full;
}

static void plain_and_japanese_text(void)
{
    CHECK(converts("a\0b\0", 4, 64, "ab", false));
    CHECK(converts("\x28\x67\x38\x62\x6a\x75", 6, 64, "木戸番", false));
    CHECK(converts("\x3d\xd8\x00\xde", 4, 64, "\xf0\x9f\x98\x80", false));
    CHECK(converts("\xe9\0", 2, 64, "é", false));
    CHECK(converts("", 0, 64, "", false));
}

static void broken_text_is_replaced(void)
{
    CHECK(converts("\x3d\xd8", 2, 64, "\xef\xbf\xbd", false));
    CHECK(converts("\x3d\xd8"
                   "a\0",
                   4, 64,
                   "\xef\xbf\xbd"
                   "a",
                   false));
    CHECK(converts("\x00\xde"
                   "a\0",
                   4, 64,
                   "\xef\xbf\xbd"
                   "a",
                   false));
    CHECK(converts("a\0b", 3, 64, "a", false));
}

static void text_is_cut_at_a_character(void)
{
    CHECK(converts("\x28\x67\x38\x62", 4, 5, "木", true));
    CHECK(converts("\x28\x67", 2, 2, "", true));
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena a;
    kd_arena_init(&a, pool, 4096);
    CHECK(kd_bytes_eq_str(kd_arena_utf16le(&a, kd_bytes_of("\x28\x67\x38\x62", 4), 64), "木戸"));
    CHECK(kd_bytes_eq_str(kd_arena_utf16le(&a, kd_bytes_of("\x28\x67\x38\x62", 4), 4), "木"));
    CHECK(kd_arena_utf16le(&a, kd_bytes_of("a", 1), 64).n == 0);
    kd_arena_done(&a);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

int main(void)
{
    RUN(plain_and_japanese_text);
    RUN(broken_text_is_replaced);
    RUN(text_is_cut_at_a_character);
    return tap_done();
}
