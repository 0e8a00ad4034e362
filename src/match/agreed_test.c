/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about what two sides agreed on.  Each keyword matches once and does not once. */
#include "match/match.h"
#include "rule/rules.h"
#include "../../tests/tap.h"

struct world {
    unsigned alerts;
};

static void on_alert(void *arg, const struct kd_match_alert *a)
{
    (void)a;
    ((struct world *)arg)->alerts++;
}

struct told {
    enum kd_number id;
    uint64_t value;
};

/* Does a rule with this option match a transaction of which these numbers are told? */
static bool holds(enum kd_app app, const char *proto, const char *option, enum kd_dir dir, const struct told *told, size_t n)
{
    char rule[512];
    struct kd_err err = {0};
    struct world w = {0};
    struct kd_pool *pool = kd_pool_new(64 << 20);
    struct kd_rules *rules = kd_rules_new(pool, &kd_limits_default);
    snprintf(rule, sizeof(rule), "alert %s any any -> any any (%s; sid:1;)\n", proto, option);
    if (kd_rules_read(rules, "test", kd_str(rule)) != KD_OK || kd_rules_finish(rules) != KD_OK)
        abort();
    kd_ruleset_fit(rules);
    struct kd_ruleset *set = kd_ruleset_new(rules, kd_str(NULL), &err);
    if (set == NULL)
        abort();
    struct kd_matcher *m = kd_matcher_new(set, pool, &kd_limits_default, 1, (struct kd_match_out){.alert = on_alert, .arg = &w});
    uint8_t transport = app == KD_APP_IKE ? KD_IP_UDP : KD_IP_TCP;
    struct kd_packet packet = {.proto = transport, .ip_version = 4, .sport = 50000, .dport = 443};
    struct kd_match_flow *flow = NULL;
    uint8_t quiet = 0;
    struct kd_match_at at = {.packet = &packet, .proto = transport, .port = {50000, 443}, .established = true,
                             .now_us = 1700000000u * UINT64_C(1000000), .packets = {2, 1}, .flow = &flow, .flow_id = 7,
                             .quiet = &quiet, .app = app};
    kd_match_enter(m, &at, kd_str(NULL));
    for (size_t i = 0; i < n; i++)
        kd_match_number(m, told[i].id, (uint8_t)dir, told[i].value);
    kd_match_end(m, (uint8_t)dir, KD_INSPECT_ALL);
    kd_match_leave(m);
    kd_match_flow_end(m, &flow);
    kd_matcher_free(m);
    kd_ruleset_free(set);
    kd_rules_free(rules);
    kd_pool_free(pool);
    return w.alerts == 1;
}

#define TLS(option, ...)                                                                                             \
    holds(KD_APP_TLS, "tls", option, KD_TO_CLIENT, (struct told[]){__VA_ARGS__}, sizeof((struct told[]){__VA_ARGS__}) / sizeof(struct told))
#define ONE(app, proto, option, dir, id, value) holds(app, proto, option, dir, &(struct told){id, value}, 1)

static void versions(void)
{
    CHECK(TLS("tls.version:1.2", {KD_NUM_TLS_VERSION, 0x0303}) && !TLS("tls.version:1.2", {KD_NUM_TLS_VERSION, 0x0302}));
    CHECK(!TLS("tls.version:!1.2", {KD_NUM_TLS_VERSION, 0x0303}) && TLS("tls.version:!1.2", {KD_NUM_TLS_VERSION, 0x0302}));
    CHECK(!TLS("tls.version:!1.2", {KD_NUM_TLS_STATE, 2})); /* not told yet: neither this nor another */
    CHECK(TLS("ssl_version:sslv3,tls1.0", {KD_NUM_TLS_VERSION, 0x0301}) && TLS("ssl_version:sslv2", {KD_NUM_TLS_VERSION, 2}));
    CHECK(!TLS("ssl_version:sslv3,tls1.0", {KD_NUM_TLS_VERSION, 0x0303}));
    CHECK(TLS("ssl_version:!tls1.3", {KD_NUM_TLS_VERSION, 0x0303}) && !TLS("ssl_version:!tls1.3", {KD_NUM_TLS_VERSION, 0x0304}));
    CHECK(TLS("ssl_state:server_hello", {KD_NUM_TLS_STATE, 2}) && !TLS("ssl_state:server_hello", {KD_NUM_TLS_STATE, 16}));
}

/* It is November 2023. */
static void validity(void)
{
    const uint64_t in_2020 = 1577836800 + 86400, in_2030 = 1893456000 + 86400;
    CHECK(TLS("tls_cert_notafter:>2015", {KD_NUM_TLS_NOT_AFTER, in_2020}) && !TLS("tls_cert_notafter:>2021", {KD_NUM_TLS_NOT_AFTER, in_2020}));
    CHECK(TLS("tls_cert_notbefore:<2025", {KD_NUM_TLS_NOT_BEFORE, in_2020}) && !TLS("tls_cert_notbefore:<2025", {KD_NUM_TLS_NOT_BEFORE, in_2030}));
    CHECK(TLS("tls_cert_expired", {KD_NUM_TLS_NOT_AFTER, in_2020}) && !TLS("tls_cert_expired", {KD_NUM_TLS_NOT_AFTER, in_2030}));
    CHECK(TLS("tls_cert_valid", {KD_NUM_TLS_NOT_BEFORE, in_2020}, {KD_NUM_TLS_NOT_AFTER, in_2030}));
    CHECK(!TLS("tls_cert_valid", {KD_NUM_TLS_NOT_BEFORE, in_2030}, {KD_NUM_TLS_NOT_AFTER, in_2030 + 1}));
}

static void tickets(void)
{
#define TICKET(option, value) ONE(KD_APP_KRB5, "krb5", "krb5.ticket_encryption:" option, KD_TO_CLIENT, KD_NUM_KRB5_TICKET_ENCRYPTION, value)
    CHECK(TICKET("weak", 23) && TICKET("23", 23) && TICKET("rc4-hmac", 23) && TICKET("weak", (uint32_t)-133));
    CHECK(!TICKET("weak", 18) && !TICKET("23", 18) && !TICKET("!rc4-hmac", 23) && TICKET("!rc4-hmac", 18));
}

static void key_exchanges(void)
{
#define CHOSEN(option, value) ONE(KD_APP_IKE, "ike", "ike.chosen_sa_attribute:" option, KD_TO_CLIENT, KD_NUM_IKE_CHOSEN, value)
    CHECK(CHOSEN("alg_hash=2", UINT64_C(2) << 32 | 2) && !CHOSEN("alg_hash=2", UINT64_C(2) << 32 | 4));
    CHECK(!CHOSEN("alg_hash=2", UINT64_C(1) << 32 | 2));
}

static void bounces(void)
{
    CHECK(ONE(KD_APP_FTP, "ftp", "ftpbounce", KD_TO_SERVER, KD_NUM_FTP_BOUNCE, 1));
    CHECK(!ONE(KD_APP_FTP, "ftp", "ftpbounce", KD_TO_SERVER, KD_NUM_FTP_MODE, 1));
}

int main(void)
{
    RUN(versions);
    RUN(validity);
    RUN(tickets);
    RUN(key_exchanges);
    RUN(bounces);
    return tap_done();
}
