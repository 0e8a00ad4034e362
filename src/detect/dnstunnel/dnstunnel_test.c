/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void ask(struct kd_tb *t, double at_s, const char *src, const char *name, const char *type)
{
    struct kd_rec_dns d = {.kind = kd_str("answer"), .rrname = kd_str(name), .rrtype = kd_str(type), .rcode = kd_str("NOERROR")};
    struct kd_rec_head h = kd_tb_head(KD_REC_DNS, at_s, src, 50000, "10.0.0.1", 53);
    h.app = KD_APP_DNS;
    kd_tb_put(t, h, &d);
}

/* Letters from a fixed draw; `n` of them. */
static const char *data(unsigned seed, unsigned n)
{
    static char text[128];
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint32_t x = seed * 2654435761u + 12345;
    for (unsigned i = 0; i < n && i < sizeof(text) - 1; i++) {
        x = x * 1664525 + 1013904223;
        text[i] = letters[x >> 27];
        text[i + 1] = '\0';
    }
    return text;
}

static void long_names_carry_data(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[256];
    for (unsigned i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "%s.t.example.com", data(i, 60));
        ask(t, i, "10.0.0.5", name, "TXT");
    }
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-CC-0009");
    CHECK(kd_tb_count(t, "KD-CC-0009") == 1 && t->unfilled == 0);
    CHECK(a != NULL && strcmp(a->severity, "medium") == 0 && strcmp(a->technique, "T1071.004") == 0);
    CHECK(a != NULL && strstr(a->title_en, "example.com") != NULL);
    kd_tb_free(t);
}

static void slow_and_short_is_low(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[256];
    for (unsigned i = 0; i < 14; i++) {
        snprintf(name, sizeof(name), "%s.example.com", data(i, 26));
        ask(t, i * 120, "10.0.0.5", name, "A");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0009") == 1 && kd_tb_at_least(t, "medium") == 0);
    kd_tb_free(t);
}

/* Ten hexadecimal digits a name carry little: a few are silent, many are told. */
static void many_short_ones_are_told(void)
{
    for (unsigned many = 0; many < 2; many++) {
        struct kd_tb *t = kd_tb_new(NULL, NULL);
        char name[64];
        for (unsigned i = 0; i < (many ? 100u : 20u); i++) {
            snprintf(name, sizeof(name), "%08x%02x.t.example.com", i * 2654435761u, i);
            ask(t, i * 10, "10.0.0.5", name, "AAAA");
        }
        kd_tb_finish(t);
        CHECK(kd_tb_count(t, "KD-CC-0009") == many && kd_tb_at_least(t, "medium") == 0);
        kd_tb_free(t);
    }
}

static void null_questions_and_names_without_a_zone(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[256];
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "za%u.t.example.com", i);
        ask(t, i, "10.0.0.5", name, "NULL");
        snprintf(name, sizeof(name), "tool.%s.1", data(i, 50));
        ask(t, i, "10.0.0.6", name, "CNAME");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0009") == 2 && t->unfilled == 0);
    kd_tb_free(t);
}

static void ordinary_names_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[256];
    static const char *const words[] = {"www", "mail", "static", "images", "login", "news", "portal", "download"};
    for (unsigned i = 0; i < 400; i++) {
        snprintf(name, sizeof(name), "%s%u.example.com", words[i % 8], i / 8);
        ask(t, i, "10.0.0.5", name, "A");
        snprintf(name, sizeof(name), "%u.%u.%u.10.list.example.net", i % 250, i % 7, i % 3);
        ask(t, i, "10.0.0.6", name, "A"); /* a block list */
        snprintf(name, sizeof(name), "_ldap._tcp.site%u._sites.town.example", i);
        ask(t, i, "10.0.0.7", name, "SRV");
        snprintf(name, sizeof(name), "%u.0.0.10.in-addr.arpa", i);
        ask(t, i, "10.0.0.7", name, "PTR");
        snprintf(name, sizeof(name), "d%s.cdn.example", data(i % 6, 13));
        ask(t, i, "10.0.0.8", name, "A"); /* a content network */
    }
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    for (size_t i = 0; i < t->n_alerts; i++)
        printf("# %s\n", t->alerts[i].why_en);
    kd_tb_free(t);
}

static void what_all_machines_ask_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[256], src[32];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "%s.virus.example.com", data(i, 40));
        snprintf(src, sizeof(src), "10.0.0.%u", 10 + i % 10);
        ask(t, i, src, name, "A"); /* a product that checks file sums */
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0009") <= 3); /* the first machines, before it is known to be common */
    kd_tb_free(t);
}

int main(void)
{
    RUN(long_names_carry_data);
    RUN(slow_and_short_is_low);
    RUN(many_short_ones_are_told);
    RUN(null_questions_and_names_without_a_zone);
    RUN(ordinary_names_are_silent);
    RUN(what_all_machines_ask_is_silent);
    return tap_done();
}
