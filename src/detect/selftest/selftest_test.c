/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void every_trigger_is_seen(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_dns d = {.rrname = kd_str("a.SelfTest.kidoban.invalid"), .rrtype = kd_str("A")};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, 1, "10.0.0.5", 50000, "10.0.0.1", 53), &d);
    struct kd_rec_http h = {.hostname = kd_str("intra"), .url = kd_str("/kidoban-self-test")};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 2, "10.0.0.5", 50000, "10.0.0.1", 80), &h);
    struct kd_rec_tls s = {.sni = kd_str("selftest.kidoban.invalid")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 3, "10.0.0.5", 50000, "10.0.0.1", 443), &s);
    struct kd_rec_smtp m = {.subject = kd_str("Kidoban-Self-Test today")};
    kd_tb_put(t, kd_tb_head(KD_REC_SMTP, 4, "10.0.0.5", 50000, "10.0.0.1", 25), &m);
    struct kd_rec_login l = {.user = kd_str("kidoban-self-test"), .result = kd_str("success")};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, 5, "10.0.0.5", 50000, "10.0.0.1", 445), &l);
    struct kd_rec_icmp i = {.type = 8, .requests = 1, .payload_head = kd_str("kidoban-self-test")};
    kd_tb_put(t, kd_tb_head(KD_REC_ICMP, 6, "10.0.0.5", 8, "10.0.0.1", 0), &i);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-ST-0001") == 6 && t->n_alerts == 6 && kd_tb_at_least(t, "low") == 0 && t->unfilled == 0);
    kd_tb_free(t);
}

static void other_traffic_is_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_dns d = {.rrname = kd_str("www.kidoban.example"), .rrtype = kd_str("A")};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, 1, "10.0.0.5", 50000, "10.0.0.1", 53), &d);
    struct kd_rec_http h = {.hostname = kd_str("intra"), .url = kd_str("/kidoban")};
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 2, "10.0.0.5", 50000, "10.0.0.1", 80), &h);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(every_trigger_is_seen);
    RUN(other_traffic_is_silent);
    return tap_done();
}
