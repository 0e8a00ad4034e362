/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define DAY_US ((uint64_t)86400000000)

static void session(struct kd_tb *t, double at_s, const char *dst, uint16_t port, struct kd_rec_tls s)
{
    s.version = s.version.n > 0 ? s.version : kd_str("TLS 1.2");
    s.ja3_hash = kd_str("0123456789abcdef0123456789abcdef");
    s.established = true;
    if (s.notbefore_us == 0) {
        s.notbefore_us = KD_TB_START_US - 100 * DAY_US;
        s.notafter_us = KD_TB_START_US + 200 * DAY_US;
    }
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, at_s, "10.0.0.5", 50000, dst, port), &s);
}

static void default_and_invented_certificates_fire(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    session(t, 1, "203.0.113.5", 443,
            (struct kd_rec_tls){.sni = kd_str("update-cdn.top"), .self_signed = true,
                                .subject = kd_str("CN=localhost, C=AU, ST=Some-State, O=Internet Widgits Pty Ltd"),
                                .issuerdn = kd_str("CN=localhost, C=AU, ST=Some-State, O=Internet Widgits Pty Ltd")});
    session(t, 2, "203.0.113.6", 453,
            (struct kd_rec_tls){.self_signed = true, .version = kd_str("TLSv1"),
                                .subject = kd_str("C=TO, ST=Qwzrtbk4x, L=Nuku, O=Xvrqtzln SICAV, OU=7Wqbzkhx, CN=2kqxvbzt.fan"),
                                .issuerdn = kd_str("C=TO, ST=Qwzrtbk4x, L=Nuku, O=Xvrqtzln SICAV, OU=7Wqbzkhx, CN=2kqxvbzt.fan")});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0040") == 2 && t->unfilled == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0040")->severity, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-CC-0040")->peer, "203.0.113.6") == 0);
    kd_tb_free(t);
}

static void a_tools_certificate_is_high_even_inside(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 4; i++)
        session(t, i * 60, "10.0.9.9", 443, (struct kd_rec_tls){.self_signed = true, .serial = kd_str("08:BB:00:EE"), .subject = kd_str("")});
    for (int i = 0; i < 4; i++)
        session(t, i * 60, "10.0.9.9", 443,
                (struct kd_rec_tls){.self_signed = true, .serial = kd_str("08:BB:00:EE"), .subject = kd_str("C=, ST=, L=, O=, OU=, CN=")});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0040") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0040")->severity, "high") == 0);
    kd_tb_free(t);
}

static void tor_fires(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    session(t, 1, "203.0.113.5", 9001,
            (struct kd_rec_tls){.sni = kd_str("www.k7xq2vbn4tz.com"), .subject = kd_str("CN=www.b5qz3nvk7wt.net"),
                                .issuerdn = kd_str("CN=www.x2kq6vzt5n.com")});
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0041") == 1 && strcmp(kd_tb_alert(t, "KD-CC-0041")->technique, "T1090.003") == 0);
    CHECK(kd_tb_count(t, "KD-CC-0040") == 0);
    kd_tb_free(t);
}

static void honest_services_are_silent(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_bytes names[] = {kd_str("*.example.com"), kd_str("example.com")};
    for (int i = 0; i < 20; i++) {
        session(t, i * 60, "203.0.113.7", 443,
                (struct kd_rec_tls){.sni = kd_str("www.example.com"), .subject = kd_str("C=US, O=Example Corporation, CN=example.com"),
                                    .issuerdn = kd_str("C=US, O=Let's Encrypt, CN=R3"), .alternative_names = {names, 2},
                                    .notbefore_us = KD_TB_START_US - DAY_US, .notafter_us = KD_TB_START_US + 89 * DAY_US});
        session(t, i * 60, "203.0.113.8", 443, (struct kd_rec_tls){.subject = kd_str("C=JP, O=Komorebi, CN=relay.komorebi.example"),
                                                                   .issuerdn = kd_str("C=JP, O=Komorebi, CN=Root")});
        session(t, i * 60, "10.0.0.1", 443, /* a router's own page */
                (struct kd_rec_tls){.self_signed = true, .version = kd_str("TLSv1"), .subject = kd_str("CN=localhost"),
                                    .issuerdn = kd_str("CN=localhost")});
        session(t, i * 60, "203.0.113.9", 443, (struct kd_rec_tls){.sni = kd_str("www.shinbun.example"), .version = kd_str("TLS 1.3")});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-CC-0040") == 0 && kd_tb_count(t, "KD-CC-0041") == 0);
    kd_tb_free(t);
}

int main(void)
{
    RUN(default_and_invented_certificates_fire);
    RUN(a_tools_certificate_is_high_even_inside);
    RUN(tor_fires);
    RUN(honest_services_are_silent);
    return tap_done();
}
