/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void ask(struct kd_tb *t, const char *src, const char *dst, const char *host, const char *result)
{
    struct kd_rec_socks s = {.version = kd_str("5"), .command = kd_str("connect"), .host = kd_str(host), .port = 443,
                             .result = kd_str(result), .answered = true};
    CHECK(kd_addr_parse(kd_str("192.0.2.7"), &s.address));
    kd_tb_put(t, kd_tb_head(KD_REC_SOCKS, 1, src, 50000, dst, 1080), &s);
}

static void a_proxy_outside_is_low(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 9; i++)
        ask(t, "10.0.0.5", "203.0.113.9", i % 2 ? "www.example" : "", "granted");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0081") == 1 && t->unfilled == 0);
    CHECK(strcmp(t->alerts[0].severity, "low") == 0 && strcmp(t->alerts[0].technique, "T1090.002") == 0);
    kd_tb_free(t);
}

static void a_proxy_inside_for_the_outside_is_medium(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ask(t, "203.0.113.9", "10.0.0.5", "", "granted");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0082") == 1 && strcmp(t->alerts[0].severity, "medium") == 0 && t->unfilled == 0);
    CHECK(strcmp(t->alerts[0].host, "10.0.0.5") == 0 && strstr(t->alerts[0].why_en, "192.0.2.7") != NULL);
    kd_tb_free(t);
}

static void refused_and_the_sites_own_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    ask(t, "203.0.113.9", "10.0.0.5", "", "not allowed");
    ask(t, "10.0.0.5", "203.0.113.9", "", "");
    ask(t, "10.0.0.5", "10.0.0.1", "www.example", "granted");
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_proxy_outside_is_low);
    RUN(a_proxy_inside_for_the_outside_is_medium);
    RUN(refused_and_the_sites_own_are_silent);
    return tap_done();
}
