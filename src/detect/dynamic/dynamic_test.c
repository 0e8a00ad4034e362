/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void look_up(struct kd_tb *t, double at_s, const char *src, const char *name, const char *address)
{
    struct kd_dns_rr a = {.rrname = kd_str(name), .rrtype = kd_str("A"), .ttl = 60, .rdata = kd_str(address)};
    struct kd_rec_dns d = {.rrname = kd_str(name), .rrtype = kd_str("A"), .rcode = kd_str("NOERROR"), .answers = {&a, 1}};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, at_s, src, 50000, "10.0.0.1", 53), &d);
}

static void a_moving_server_fires(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    look_up(t, 1, "10.0.0.5", "orders.duckdns.org", "203.0.113.5");
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 2, .src = "10.0.0.5", .src_port = 50000, .dst = "203.0.113.5", .dst_port = 9494,
                                       .data_ts = 151, .data_tc = 22});
    for (int i = 0; i < 3; i++) {
        look_up(t, 10 + i * 30, "10.0.0.6", "dead.ddns.net", "203.0.113.6");
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 11 + i * 30, .src = "10.0.0.6", .src_port = (uint16_t)(50000 + i),
                                           .dst = "203.0.113.6", .dst_port = 1177, .state = "no_answer"});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0060") == 2 && t->unfilled == 0 && kd_tb_at_least(t, "medium") == 0);
    CHECK(strstr(kd_tb_alert(t, "KD-CC-0060")->technique, "T1568") != NULL);
    kd_tb_free(t);
}

static void a_label_that_hops_fires(void)
{
    static const char *const zones[] = {"a-news.example", "b-shop.test", "c-mail.invalid", "d-play.org", "e-work.net", "f-tool.com"};
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    char name[64];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "7731.%s", zones[i]);
        look_up(t, i, "10.0.0.5", name, "203.0.113.5");
        snprintf(name, sizeof(name), "ww38.%s", zones[i]);
        look_up(t, i, "10.0.0.7", name, "203.0.113.5");
        snprintf(name, sizeof(name), "mail.%s", zones[i]);
        look_up(t, i, "10.0.0.6", name, "203.0.113.5");
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0061") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0061")->host, "10.0.0.5") == 0);
    kd_tb_free(t);
}

static void ordinary_names_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 20; i++) {
        look_up(t, i * 60, "10.0.0.5", "www.example.com", "203.0.113.7");
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i * 60, .src = "10.0.0.5", .src_port = (uint16_t)(50000 + i), .dst = "203.0.113.7",
                                           .dst_port = 9494, .data_ts = 500, .data_tc = 500, .seconds = 1});
    }
    look_up(t, 5, "10.0.0.6", "camera.ddns.net", "203.0.113.8"); /* watched in a browser */
    kd_tb_flow(t, &(struct kd_tb_flow){.at_s = 6, .src = "10.0.0.6", .src_port = 50000, .dst = "203.0.113.8", .dst_port = 80,
                                       .app = KD_APP_HTTP, .data_ts = 500, .data_tc = 50000});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0060") == 0 && kd_tb_count(t, "KD-CC-0061") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(a_moving_server_fires);
    RUN(a_label_that_hops_fires);
    RUN(ordinary_names_are_silent);
    return tap_done();
}
