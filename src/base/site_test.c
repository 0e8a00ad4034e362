/* SPDX-License-Identifier: Apache-2.0 */
#include "base/site.h"

#include "../../tests/tap.h"

static struct kd_site plan;

static void add_net(const char *text, uint8_t zone)
{
    CHECK(kd_net_parse(kd_str(text), &plan.net[plan.n_nets].net));
    plan.net[plan.n_nets++].zone = zone;
}

static void add_rule(uint8_t from, uint8_t to, bool forbid, const char *service)
{
    struct kd_site_rule *r = &plan.rule[plan.n_rules++];
    *r = (struct kd_site_rule){.from = from, .to = to, .forbid = forbid};
    if (service != NULL)
        CHECK(kd_site_service_of(kd_str(service), &r->service[r->n++]));
}

/* The plan as the other side gets it, from an exact-size copy. */
static struct kd_site *other_side(void)
{
    static uint8_t room[KD_SITE_BYTES_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_site *s = NULL;
    kd_site_put(&o, &plan);
    uint8_t *copy = malloc(o.n);
    memcpy(copy, room, o.n);
    CHECK(kd_out_ok(&o) && kd_site_read(kd_bytes_of(copy, o.n), &s) == KD_OK);
    free(copy);
    return s;
}

static uint8_t zone_of(const struct kd_site *s, const char *address)
{
    struct kd_addr a;
    CHECK(kd_addr_parse(kd_str(address), &a));
    return kd_site_zone_of(s, &a);
}

static void start(void)
{
    memset(&plan, 0, sizeof(plan));
    plan.n_zones = 3;
    memcpy(plan.zone[0].name, "事務", 6);
    memcpy(plan.zone[1].name, "servers", 7);
    memcpy(plan.zone[2].name, "guest", 5);
    plan.zone[2].guarded = true;
    plan.zone[1].kind = KD_KIND_SERVER;
}

static void longest_prefix_wins(void)
{
    start();
    add_net("10.0.0.0/8", 0);
    add_net("10.2.0.0/16", 1);
    add_net("10.2.3.4/32", 2);
    add_net("2001:db8::/32", 0);
    add_net("2001:db8:5::/48", 1);
    struct kd_site *s = other_side();
    CHECK(zone_of(s, "10.1.2.3") == 0 && zone_of(s, "10.2.3.5") == 1 && zone_of(s, "10.2.3.4") == 2);
    CHECK(zone_of(s, "11.0.0.1") == KD_ZONE_UNLISTED && zone_of(s, "9.255.255.255") == KD_ZONE_UNLISTED);
    CHECK(zone_of(s, "2001:db8:4::1") == 0 && zone_of(s, "2001:db8:5::1") == 1);
    CHECK(zone_of(s, "2001:db9::1") == KD_ZONE_UNLISTED && zone_of(s, "::1") == KD_ZONE_UNLISTED);
    CHECK(kd_bytes_eq_str(kd_site_zone_name(s, 0), "事務") && s->zone[2].guarded && !s->zone[1].guarded);
    CHECK(kd_bytes_eq_str(kd_site_zone_name(s, KD_ZONE_OUTSIDE), "outside"));
    kd_site_free(s);
}

static void everything_may_be_one_zone(void)
{
    start();
    add_net("0.0.0.0/0", 1);
    struct kd_site *s = other_side();
    CHECK(zone_of(s, "203.0.113.9") == 1 && zone_of(s, "2001:db8::1") == KD_ZONE_UNLISTED);
    kd_site_free(s);
    CHECK(kd_site_read(kd_bytes_of(NULL, 0), &s) == KD_OK && s->n_zones == 0);
    CHECK(zone_of(s, "10.0.0.1") == KD_ZONE_UNLISTED);
    kd_site_free(s);
}

static void first_rule_that_fits_decides(void)
{
    start();
    add_rule(0, 1, false, "smb");
    add_rule(0, 1, true, NULL);
    add_rule(2, 2, true, "udp/53");
    add_rule(KD_ZONE_ANY, KD_ZONE_OUTSIDE, true, "1000-2000");
    struct kd_site *s = other_side();
    CHECK(kd_site_allows(s, 0, 1, 6, 445) && !kd_site_allows(s, 0, 1, 17, 445) && !kd_site_allows(s, 0, 1, 6, 3389));
    CHECK(kd_site_allows(s, 1, 0, 6, 3389));
    CHECK(!kd_site_allows(s, 2, KD_ZONE_OUTSIDE, 17, 1500) && kd_site_allows(s, 2, KD_ZONE_OUTSIDE, 6, 2001));
    CHECK(kd_site_allows(s, 2, KD_ZONE_OUTSIDE, 1, 1500)); /* ports are of TCP and UDP */
    CHECK(!kd_site_allows(s, 2, 2, 17, 53) && kd_site_allows(s, 2, 2, 6, 53));
    kd_site_free(s);
    plan.forbid = true;
    add_rule(KD_ZONE_ANY, 1, false, "icmp");
    s = other_side();
    CHECK(!kd_site_allows(s, 1, 0, 6, 3389) && kd_site_allows(s, 2, 1, 58, 0) && kd_site_allows(s, 2, 1, 1, 8));
    CHECK(kd_site_allows(s, 0, 0, 6, 22)); /* within a zone */
    kd_site_free(s);
}

static void hosts_are_known_by_either_address(void)
{
    static const char *const addresses[] = {"10.0.0.9", "10.0.0.1", "2001:db8::1", "10.0.0.1"};
    static const uint16_t duties[] = {KD_DUTY_MAIL, KD_DUTY_DC, KD_DUTY_PROXY, KD_DUTY_DNS};
    static const struct kd_mac mac = {{2, 0, 0, 0, 0, 7}}, other = {{2, 0, 0, 0, 0, 8}}, none;
    struct kd_addr a = {{0}}, stranger;
    start();
    for (size_t i = 0; i < KD_COUNT(addresses); i++) {
        CHECK(kd_addr_parse(kd_str(addresses[i]), &plan.host[i].addr));
        plan.host[i].duties = duties[i];
    }
    plan.host[4].mac = mac;
    plan.n_hosts = 5;
    struct kd_site *s = other_side();
    CHECK(kd_addr_parse(kd_str("10.0.0.1"), &a) && kd_addr_parse(kd_str("10.0.0.2"), &stranger));
    CHECK(kd_site_duties(s, &a) == (KD_DUTY_DC | KD_DUTY_DNS) && kd_site_duties(s, &stranger) == 0);
    CHECK(s->duties == (KD_DUTY_DC | KD_DUTY_DNS | KD_DUTY_MAIL | KD_DUTY_PROXY));
    CHECK(kd_site_knows(s, &a, &none) && kd_site_knows(s, &stranger, &mac));
    CHECK(!kd_site_knows(s, &stranger, &none) && !kd_site_knows(s, &stranger, &other));
    kd_site_free(s);
}

static void broken_bytes_are_refused(void)
{
    static uint8_t room[KD_SITE_BYTES_MAX];
    struct kd_site *s = NULL;
    start();
    add_net("10.0.0.0/8", 0);
    add_rule(0, 1, true, "tcp/1-9");
    plan.n_hosts = 1;
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_site_put(&o, &plan);
    for (size_t n = 1; n < o.n; n++) {
        uint8_t *copy = malloc(n);
        memcpy(copy, room, n);
        CHECK(kd_site_read(kd_bytes_of(copy, n), &s) == KD_MALFORMED);
        free(copy);
    }
    for (size_t i = 0; i < o.n; i++) { /* any byte may be anything: refused or readable, never a fault */
        uint8_t kept = room[i];
        room[i] = 0xee;
        if (kd_site_read(kd_bytes_of(room, o.n), &s) == KD_OK) {
            (void)zone_of(s, "10.0.0.1");
            kd_site_free(s);
        }
        room[i] = kept;
    }
    struct kd_site_service v;
    CHECK(!kd_site_service_of(kd_str("sctp/5"), &v) && !kd_site_service_of(kd_str("9-8"), &v));
    CHECK(!kd_site_service_of(kd_str("70000"), &v) && !kd_site_service_of(kd_str(""), &v));
}

int main(void)
{
    RUN(longest_prefix_wins);
    RUN(everything_may_be_one_zone);
    RUN(first_rule_that_fits_decides);
    RUN(hosts_are_known_by_either_address);
    RUN(broken_bytes_are_refused);
    return tap_done();
}
