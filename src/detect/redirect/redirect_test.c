/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define FIREFOX "Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0"
#define EXPLORER "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko"
#define LONG_A "/?q=wX7QMvXcJwDQA4bGMvrESLtBNknQA0KK2Ir2_dqyEoH9eWnihNzUSkr06B2aC&fix=culture.104&oq=98tu62.406t1w9a6"
static const char NOISE[64] = "\x9a\x01\xf3\x88\x12\xe0\x77\x03\xa9\xb4\x1d\x90\x02\x11\xfe\x5c\x9a\x01\xf3\x88\x12\xe0\x77\x03\xa9\xb4"
                              "\x1d\x90\x02\x11\xfe\x5c\x9a\x01\xf3\x88\x12\xe0\x77\x03\xa9\xb4\x1d\x90\x02\x11\xfe\x5c\x9a\x01";

struct get {
    const char *host, *url, *referer, *type, *agent, *redirect;
    uint16_t status;
    bool noise;
};

static void get(struct kd_tb *t, double at_s, struct get g)
{
    struct kd_rec_http r = {.hostname = kd_str(g.host), .url = kd_str(g.url), .http_refer = kd_str(g.referer),
                            .http_content_type = kd_str(g.type), .http_user_agent = kd_str(g.agent == NULL ? EXPLORER : g.agent),
                            .redirect = kd_str(g.redirect), .status = g.status == 0 ? 200 : g.status, .length = 90000,
                            .http_method = kd_str("GET"), .response_head = kd_bytes_of(NOISE, g.noise ? 64 : 0)};
    struct kd_rec_head h = kd_tb_head(KD_REC_HTTP, at_s, "10.0.0.5", 40000, "198.51.100.7", 80);
    h.app = KD_APP_HTTP;
    kd_tb_put(t, h, &r);
}

static void a_kit_with_its_payload(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    get(t, 1, (struct get){.host = "www.club.example", .url = "/", .type = "text/html"});
    get(t, 2, (struct get){.host = "x.trap.top", .url = "/forum/view.php?f=1", .referer = "http://www.club.example/", .type = "text/html"});
    get(t, 3, (struct get){.host = "x.trap.top", .url = "/a1/b2", .referer = "http://x.trap.top/forum/view.php?f=1",
                           .type = "application/x-shockwave-flash"});
    CHECK(kd_tb_count(t, "KD-PE-0031") == 0);
    get(t, 6, (struct get){.host = "x.trap.top", .url = "/c3/d4", .agent = "", .type = "application/octet-stream", .noise = true});
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-PE-0031");
    CHECK(a != NULL && strcmp(a->severity, "high") == 0 && strstr(a->technique, "T1203") != NULL);
    CHECK(a != NULL && strstr(a->why_en, "www.club.example → x.trap.top → application/x-shockwave-flash → ") != NULL);
    CHECK(t->unfilled == 0);
    kd_tb_free(t);
}

static void the_gate_alone(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    get(t, 1, (struct get){.host = "act.shop.example", .url = LONG_A, .type = "text/html"});
    get(t, 2, (struct get){.host = "real.example", .url = LONG_A, .type = "text/html"});
    get(t, 3, (struct get){.host = "real.example", .url = "/a.css", .referer = "http://real.example/", .type = "text/css"});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0032") == 1 && t->n_alerts == 1);
    kd_tb_free(t);
}

static void a_page_with_an_animation_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    get(t, 1, (struct get){.host = "www.news.example", .url = "/", .referer = "http://search.example/", .type = "text/html"});
    get(t, 2, (struct get){.host = "www.news.example", .url = "/a.css", .type = "text/css", .referer = "http://www.news.example/"});
    get(t, 2, (struct get){.host = "www.news.example", .url = "/a.png", .type = "image/png", .referer = "http://www.news.example/"});
    get(t, 3, (struct get){.host = "ads.example", .url = "/banner.swf", .type = "application/x-shockwave-flash", .referer = "http://www.news.example/"});
    get(t, 3, (struct get){.host = "www.news.example", .url = "/paper.pdf", .type = "application/pdf", .referer = "http://www.news.example/"});
    get(t, 4, (struct get){.host = "dl.example", .url = "/setup.exe", .type = "application/x-msdownload", .referer = "http://www.news.example/"});
    get(t, 5, (struct get){.host = "cdn.example", .url = "/data.bin", .type = "application/octet-stream", .noise = true});
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

#define BLOB "aZ09bY18cX27dW36eV45fU54gT63hS72iR81jQ90_kP-"

static void chains(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    get(t, 1, (struct get){.host = "www.tpyo.example", .url = "/", .status = 302, .redirect = "http://one.net/click?d=" BLOB});
    get(t, 2, (struct get){.host = "one.net", .url = "/r", .referer = "http://one.net/click", .status = 302, .redirect = "http://two.org/feed?s=" BLOB});
    get(t, 3, (struct get){.host = "two.org", .url = "/feed", .status = 302, .redirect = "http://three.com/app?p=" BLOB});
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-PE-0033");
    CHECK(a != NULL && strstr(a->why_en, "www.tpyo.example → one.net → two.org → three.com") != NULL);
    CHECK(kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
    t = kd_tb_new(NULL, NULL); /* counting pixels of a page; sign-on; a short link */
    get(t, 1, (struct get){.host = "a.net", .url = "/p", .referer = "http://www.news.example/", .status = 302, .redirect = "http://b.net/?x=" BLOB});
    get(t, 1.1, (struct get){.host = "b.net", .url = "/p", .referer = "http://www.news.example/", .status = 302, .redirect = "http://c.net/?x=" BLOB});
    get(t, 1.2, (struct get){.host = "c.net", .url = "/p", .referer = "http://www.news.example/", .status = 302, .redirect = "http://d.net/?x=" BLOB});
    get(t, 9, (struct get){.host = "t.co", .url = "/Ab3", .status = 301, .redirect = "http://short.ly/x1"});
    get(t, 9.1, (struct get){.host = "short.ly", .url = "/x1", .status = 301, .redirect = "http://www.paper.example/story"});
    get(t, 9.2, (struct get){.host = "www.paper.example", .url = "/story", .status = 302, .redirect = "http://login.paper.example/?s=" BLOB});
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

/* kd_tb_flow has no first bytes, which matter here. */
static void call_back(struct kd_tb *t, double at_s, const char *first, const char *dst)
{
    struct kd_rec_head h = kd_tb_head(KD_REC_FLOW, at_s + 30, "10.0.0.5", 40001, dst, 4321);
    h.proto = 6;
    h.app = KD_APP_FAILED;
    struct kd_rec_flow f = {.start_us = KD_TB_START_US + (uint64_t)(at_s * 1e6), .end_us = KD_TB_START_US + (uint64_t)((at_s + 30) * 1e6),
                            .data_toserver = 600, .data_toclient = 200, .payload_head = kd_str(first)};
    kd_tb_put(t, h, &f);
}

static void calls_back(void)
{
    static const struct {
        const char *first, *id;
        double after_s;
    } cases[] = {{"Microsoft Windows XP [Version 5.", "KD-PE-0034", 4}, {"\x01\x02\x03", "KD-PE-0035", 4}, {"Microsoft Windows XP", NULL, 400}};
    for (size_t i = 0; i < KD_COUNT(cases); i++) {
        struct kd_tb *t = kd_tb_new(NULL, NULL);
        get(t, 1, (struct get){.host = "198.51.100.7", .url = "/info", .type = "text/html", .agent = FIREFOX});
        call_back(t, 1 + cases[i].after_s, cases[i].first, "198.51.100.7");
        call_back(t, 1 + cases[i].after_s, cases[i].first, "198.51.100.8");
        kd_tb_finish(t);
        CHECK(t->n_alerts == (cases[i].id != NULL) && (cases[i].id == NULL || kd_tb_count(t, cases[i].id) == 1));
        kd_tb_free(t);
    }
}

int main(void)
{
    RUN(a_kit_with_its_payload);
    RUN(the_gate_alone);
    RUN(a_page_with_an_animation_is_silent);
    RUN(chains);
    RUN(calls_back);
    return tap_done();
}
