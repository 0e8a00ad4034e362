/* SPDX-License-Identifier: Apache-2.0 */
/* The byte sequences were made with another implementation's encoders. */
#include "base/charset.h"

#include "../../tests/tap.h"

struct sample {
    const char *name, *in, *want;
};

static const struct sample samples[] = {
    {"iso-2022-jp",
     "\x1b\x24\x42\x46\x7c\x4b\x5c\x38\x6c\x24\x4e\x25\x46\x25\x39\x25\x48\x1b\x28\x42",
     "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"},
    {"ISO-2022-JP", "\x1b\x24\x42\x2d\x21\x1b\x28\x49\x31\x1b\x28\x42\x21",
     "\xe2\x91\xa0\xef\xbd\xb1\x21"},
    {"shift_jis", "\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x83\x65\x83\x58\x83\x67\x87\x40\xb1",
     "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88\xe2\x91"
     "\xa0\xef\xbd\xb1"},
    {"CP932", "\x95\x5c\x8e\xa6\x83\x5c\x81\x60",
     "\xe8\xa1\xa8\xe7\xa4\xba\xe3\x82\xbd\xef\xbd\x9e"},
    {"EUC-JP", "\xc6\xfc\xcb\xdc\xb8\xec\xa4\xce\xa5\xc6\xa5\xb9\xa5\xc8",
     "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"},
    {"gb2312", "\xbc\xf2\xcc\xe5\xd6\xd0\xce\xc4",
     "\xe7\xae\x80\xe4\xbd\x93\xe4\xb8\xad\xe6\x96\x87"},
    {"big5", "\xc1\x63\xc5\xe9\xa4\xa4\xa4\xe5",
     "\xe7\xb9\x81\xe9\xab\x94\xe4\xb8\xad\xe6\x96\x87"},
    {"euc-kr", "\xc7\xd1\xb1\xb9\xbe\xee", "\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4"},
    {"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
    {"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2",
     "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
    {"iso-8859-1", "\x63\x61\x66\xe9", "\x63\x61\x66\xc3\xa9"},
    {"windows-1252", "\x93\x68\x69\x94", "\xe2\x80\x9c\x68\x69\xe2\x80\x9d"},
    {"utf-8", "\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac"},
    {"utf-8", "\x61\xff\x62\xe6\x97", "\x61\xef\xbf\xbd\x62\xef\xbf\xbd\xef\xbf\xbd"},
    {"shift_jis", "\x82\xa0\x82", "\xe3\x81\x82\xef\xbf\xbd"},
    {"us-ascii", "\x70\x6c\x61\x69\x6e", "\x70\x6c\x61\x69\x6e"},
};

static const struct sample guesses[] = {
    {"iso-2022-jp", "\x1b\x24\x42\x37\x6f\x4c\x3e\x1b\x28\x42", "\xe4\xbb\xb6\xe5\x90\x8d"},
    {"utf8", "\xe4\xbb\xb6\xe5\x90\x8d", "\xe4\xbb\xb6\xe5\x90\x8d"},
    {"sjis", "\x8c\x8f\x96\xbc\x83\x65\x83\x58\x83\x67",
     "\xe4\xbb\xb6\xe5\x90\x8d\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"},
    {"eucjp", "\xb7\xef\xcc\xbe\xa5\xc6\xa5\xb9\xa5\xc8",
     "\xe4\xbb\xb6\xe5\x90\x8d\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88"},
    {"latin1", "\x63\x61\x66\xe9\x20", "\x63\x61\x66\xc3\xa9\x20"},
};

static bool gives(const struct kd_out *o, const char *what, const char *want)
{
    bool same = kd_bytes_eq_str(kd_out_bytes_view(o), want);
    if (!same)
        printf("# %s: got %.*s, wanted %s\n", what, (int)o->n, (const char *)o->p, want);
    return same;
}

static void every_charset_gives_utf8(void)
{
    for (size_t i = 0; i < KD_COUNT(samples); i++) {
        char buf[256];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        CHECK(kd_charset_to_utf8(kd_str(samples[i].name), kd_str(samples[i].in), &o));
        CHECK(gives(&o, samples[i].name, samples[i].want));
    }
}

static void utf16_with_and_without_mark(void)
{
    char buf[64];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_charset_to_utf8(kd_str("utf-16"),
                             kd_bytes_of("\xff\xfe"
                                         "A\0\x28\x67\x3d\xd8\0\xde",
                                         10),
                             &o));
    CHECK(gives(&o, "mark", "A\xe6\x9c\xa8\xf0\x9f\x98\x80"));
    o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_charset_to_utf8(kd_str("UTF-16BE"), kd_bytes_of("\0A\x67\x28", 4), &o));
    CHECK(gives(&o, "no mark", "A\xe6\x9c\xa8"));
}

static void undeclared_text_is_recognised(void)
{
    for (size_t i = 0; i < KD_COUNT(guesses); i++) {
        char buf[64];
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        kd_charset_guess_to_utf8(kd_str(guesses[i].in), &o);
        CHECK(gives(&o, guesses[i].name, guesses[i].want));
    }
}

static void output_is_cut_between_characters(void)
{
    for (size_t max = 0; max < 13; max++) {
        for (size_t i = 0; i < KD_COUNT(samples); i++) {
            char buf[16];
            struct kd_out o = kd_out_of(buf, max);
            CHECK(kd_charset_to_utf8(kd_str(samples[i].name), kd_str(samples[i].in), &o));
            CHECK(o.n <= max && kd_out_ok(&o) && kd_bytes_is_utf8(kd_out_bytes_view(&o)));
        }
    }
}

static void unknown_charset_is_refused(void)
{
    char buf[16];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(!kd_charset_to_utf8(kd_str("x-unknown"), kd_str("abc"), &o) && o.n == 0);
}

static void before_init_nothing_is_loaded(void)
{
    char buf[16];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(!kd_charset_to_utf8(kd_str("shift_jis"), kd_str("abc"), &o));
    CHECK(kd_charset_to_utf8(kd_str("utf-8"), kd_str("abc"), &o) && o.n == 3);
    CHECK(kd_charset_init() == 0 && kd_charset_init() == 0);
}

int main(void)
{
    RUN(before_init_nothing_is_loaded);
    RUN(every_charset_gives_utf8);
    RUN(utf16_with_and_without_mark);
    RUN(undeclared_text_is_recognised);
    RUN(output_is_cut_between_characters);
    RUN(unknown_charset_is_refused);
    return tap_done();
}
