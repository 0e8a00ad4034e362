/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void every_program_is_told_once(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 3; i++) {
        struct kd_rec_login l = {.service = kd_str("mining"), .user = kd_str("4Wallet"), .result = kd_str("unknown")};
        kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, i, "10.0.0.5", 50000, "203.0.113.1", 3333), &l);
        struct kd_rec_tls s = {.sni = kd_str("relay-ab12.net.anydesk.com")};
        kd_tb_put(t, kd_tb_head(KD_REC_TLS, i, "10.0.0.6", 50000, "203.0.113.2", 443), &s);
        struct kd_rec_tls r = {.sni = kd_str("dns.google")};
        kd_tb_put(t, kd_tb_head(KD_REC_TLS, i, "10.0.0.7", 50000, "203.0.113.3", 443), &r);
        kd_tb_flow(t, &(struct kd_tb_flow){.at_s = i, .src = "10.0.0.8", .src_port = 50000, .dst = "203.0.113.4", .dst_port = 51413,
                                           .app = KD_APP_BITTORRENT, .data_ts = 100, .data_tc = 100});
        struct kd_rec_dns d = {.rrname = kd_str("xmr-eu1.nanopool.org"), .rrtype = kd_str("A")};
        kd_tb_put(t, kd_tb_head(KD_REC_DNS, i, "10.0.0.9", 50000, "10.0.0.1", 53), &d);
    }
    kd_tb_finish(t);
    CHECK(kd_tb_lines(t, "KD-IM-0020") == 2 && kd_tb_lines(t, "KD-PO-0030") == 1 && kd_tb_lines(t, "KD-CC-0042") == 1);
    CHECK(kd_tb_lines(t, "KD-PO-0031") == 1 && t->unfilled == 0 && kd_tb_at_least(t, "medium") == 1);
    kd_tb_free(t);
}

static void makers_pages_and_inside_traffic_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_tls s = {.sni = kd_str("www.anydesk.com")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 1, "10.0.0.6", 50000, "203.0.113.2", 443), &s);
    s.sni = kd_str("www.teamviewer.com");
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 2, "10.0.0.6", 50000, "203.0.113.2", 443), &s);
    struct kd_rec_dns d = {.rrname = kd_str("dns.google"), .rrtype = kd_str("A")};
    kd_tb_put(t, kd_tb_head(KD_REC_DNS, 3, "10.0.0.9", 50000, "10.0.0.1", 53), &d);
    struct kd_rec_login l = {.service = kd_str("smb"), .user = kd_str("suzuki"), .result = kd_str("success")};
    kd_tb_put(t, kd_tb_head(KD_REC_LOGIN, 4, "10.0.0.5", 50000, "10.0.0.2", 445), &l);
    kd_tb_finish(t);
    CHECK(t->n_alerts == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(every_program_is_told_once);
    RUN(makers_pages_and_inside_traffic_are_silent);
    return tap_done();
}
