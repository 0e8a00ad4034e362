/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_read.h"

#include "../../tests/tap.h"

static bool is_sound(const char *text)
{
    struct kd_bytes rest = kd_str(text), v;
    return kd_json_take(&rest, &v) && rest.n == 0;
}

static void values(void)
{
    static const char *const good[] = {"0", "-1.5e+3", " true ", "null", "\"\"", "\"\\u00e9\\n\"", "[]", "{}", "[1, [2], {\"a\": []}]",
                                       "{\"a\" : \"}\" , \"b\":[\"]\"]}", "\"\xe6\x9c\xa8\""};
    static const char *const bad[] = {"",      "01",    "1.",        "-",       "tru",   "\"",    "\"\\x\"", "\"\\u12g4\"", "[1",  "[1,]",
                                      "[1 2]", "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "\"\n\"", "\"\xff\"", "]",           "1 2", "{\"a\":1]"};
    for (size_t i = 0; i < KD_COUNT(good); i++)
        CHECK(is_sound(good[i]));
    for (size_t i = 0; i < KD_COUNT(bad); i++)
        CHECK(!is_sound(bad[i]));
}

static void depth_is_bounded(void)
{
    static char deep[200001];
    for (unsigned n = 40; n <= 60; n += 20) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        deep[2 * n] = 0;
        CHECK(is_sound(deep) == (n <= KD_JSON_DEPTH));
    }
    memset(deep, '[', sizeof(deep) - 1);
    CHECK(!is_sound(deep));
}

static bool finds(const char *text, const char *path, const char *want)
{
    struct kd_bytes v;
    bool found = kd_json_find(kd_str(text), kd_str(path), &v);
    return want == NULL ? !found : found && kd_bytes_eq_str(v, want);
}

static void paths(void)
{
    static const char text[] = "{\"a\": {\"b\": [1, 2], \"c\":\"x\"}, \"d\": null}";
    CHECK(finds(text, "a.b", "[1, 2]") && finds(text, "d", "null") && finds(text, "", text));
    CHECK(finds(text, "b", NULL) && finds(text, "a.b.c", NULL) && finds(text, "d.e", NULL) && finds("[]", "a", NULL));
}

static bool compacts(const char *text, const char *without, const char *want)
{
    uint8_t room[256];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_json_compact(&o, kd_str(text), kd_str(without));
    return kd_bytes_eq_str(kd_out_bytes_view(&o), want) && kd_json_is_line(kd_out_bytes_view(&o));
}

static void compact(void)
{
    static const char text[] = "{ \"a\" : { \"b\" : 1 ,\n\"c\" : [ \"x y\" , 2 ] } , \"d\" : {} }";
    CHECK(compacts(text, "", "{\"a\":{\"b\":1,\"c\":[\"x y\",2]},\"d\":{}}"));
    CHECK(compacts(text, "a", "{\"d\":{}}") && compacts(text, "a.b", "{\"a\":{\"c\":[\"x y\",2]},\"d\":{}}"));
    CHECK(compacts(text, "a.c.x", "{\"a\":{\"b\":1,\"c\":[\"x y\",2]},\"d\":{}}") && compacts("7", "a", "7"));
    CHECK(!kd_json_is_line(kd_str("{}\n")) && !kd_json_is_line(kd_str("{} {}")) && !kd_json_is_line(kd_str("x")));
}

static bool text_of(const char *string, const char *want)
{
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    bool ok = kd_json_text(kd_str(string), &o);
    return want == NULL ? !ok : ok && kd_bytes_eq_str(kd_out_bytes_view(&o), want);
}

static void texts(void)
{
    CHECK(text_of("\"a\\n\\u00e9\\ud83d\\ude00\\\"\"", "a\n\xc3\xa9\xf0\x9f\x98\x80\""));
    CHECK(text_of("\"\\ud83dx\"", "\xef\xbf\xbdx") && text_of("\"\\u0000\"", NULL) && text_of("1", NULL) && text_of("\"\"", ""));
}

int main(void)
{
    RUN(values);
    RUN(depth_is_bounded);
    RUN(paths);
    RUN(compact);
    RUN(texts);
    return tap_done();
}
