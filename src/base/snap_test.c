/* SPDX-License-Identifier: Apache-2.0 */
#include "base/snap.h"

#include "../../tests/tap.h"

struct thing {
    uint64_t number, us;
    uint32_t small;
    uint8_t kind, n_text;
    bool yes;
    struct kd_addr four, six, none;
    uint8_t text[20];
    char word[8];
};

static void walk(struct kd_snap *s, struct thing *t)
{
    kd_snap_u64(s, &t->number);
    kd_snap_time(s, &t->us);
    kd_snap_u32(s, &t->small);
    kd_snap_u8_to(s, &t->kind, 3);
    kd_snap_bool(s, &t->yes);
    kd_snap_addr(s, &t->four);
    kd_snap_addr(s, &t->six);
    kd_snap_addr(s, &t->none);
    kd_snap_text(s, t->text, sizeof(t->text), &t->n_text);
    kd_snap_chars(s, t->word, sizeof(t->word));
}

static struct thing a_thing(void)
{
    struct thing t = {.number = UINT64_MAX, .us = 1000, .small = UINT32_MAX, .kind = 3, .yes = true, .n_text = 3,
                      .text = "abc", .word = "T1021"};
    CHECK(kd_addr_parse(kd_str("192.0.2.7"), &t.four) && kd_addr_parse(kd_str("2001:db8::7"), &t.six));
    return t;
}

static uint8_t buf[200];

static struct kd_bytes saved(struct thing t)
{
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    struct kd_snap s = kd_snap_save(&o);
    walk(&s, &t);
    CHECK(kd_snap_ok(&s));
    return kd_out_bytes_view(&o);
}

static bool loads(struct kd_bytes b, uint64_t now_us, struct thing *ret)
{
    *ret = (struct thing){0};
    struct kd_snap s = kd_snap_load(b, now_us);
    walk(&s, ret);
    return kd_snap_ok(&s) && kd_cur_left(&s.in) == 0;
}

static void what_goes_out_comes_in(void)
{
    struct thing t = a_thing(), back;
    struct kd_bytes b = saved(t);
    CHECK(loads(b, 1000, &back) && back.number == t.number && back.us == t.us && back.small == t.small);
    CHECK(back.kind == 3 && back.yes && back.n_text == 3 && memcmp(back.text, "abc", 3) == 0);
    CHECK(kd_addr_eq(&back.four, &t.four) && kd_addr_eq(&back.six, &t.six) && kd_addr_is_none(&back.none));
    CHECK(strcmp(back.word, "T1021") == 0);
}

static void hostile_state_is_refused(void)
{
    struct thing t = a_thing(), back;
    struct kd_bytes b = saved(t);
    CHECK(!loads(b, 999, &back)); /* a moment that lies ahead */
    for (size_t n = 0; n < b.n; n++)
        CHECK(!loads(kd_bytes_head(b, n), 1000, &back));
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        uint8_t copy[sizeof(buf)];
        memcpy(copy, b.p, b.n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (loads(kd_bytes_of(copy, b.n), 1000, &back))
            CHECK(back.kind <= 3 && back.n_text <= sizeof(back.text) && strlen(back.word) < sizeof(back.word));
    }
}

static void a_full_writer_is_told(void)
{
    struct thing t = a_thing();
    struct kd_out o = kd_out_of(buf, 20);
    struct kd_snap s = kd_snap_save(&o);
    walk(&s, &t);
    CHECK(!kd_snap_ok(&s));
}

int main(void)
{
    RUN(what_goes_out_comes_in);
    RUN(hostile_state_is_refused);
    RUN(a_full_writer_is_told);
    return tap_done();
}
