/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "../../tests/tap.h"

static struct kd_config config;
static struct kd_config_problems problems;

static enum kd_status read_text(const char *text)
{
    /* An exact-size copy, so that reading behind the end is seen. */
    size_t n = strlen(text);
    char *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, text, n);
    enum kd_status s = kd_config_read(kd_bytes_of(copy, n), &config, &problems);
    free(copy);
    return s;
}

static bool complains(const char *text, unsigned line, const char *part)
{
    if (read_text(text) == KD_OK || problems.n == 0)
        return false;
    bool ok = problems.at[0].line == line && strstr(problems.at[0].en, part) != NULL &&
              problems.at[0].ja[0] != 0;
    if (!ok)
        printf("# line %u: %s\n", problems.at[0].line, problems.at[0].en);
    return ok;
}

static void defaults_work(void)
{
    CHECK(read_text("") == KD_OK);
    CHECK(read_text("# nothing\n") == KD_OK);
    CHECK(strcmp(config.web_listen, "127.0.0.1:8443") == 0);
    CHECK(config.keep_days == 365 && config.interfaces.n == 0);
    CHECK(memcmp(&config.limits, &kd_limits_default, sizeof(config.limits)) == 0);
}

static void keys_are_read(void)
{
    CHECK(read_text("interfaces: [eth1, eth2]\ninside:\n  - 192.168.0.0/16\nengines: 2\nweb:\n  "
                    "listen: \"[::]:443\"\n"
                    "zone: '+05:30'\nlimits:\n  flows: 5000\ndetectors:\n  beacon.count: 12\n  "
                    "scan:\n    ports: 20\n"
                    "retention:\n") == KD_OK);
    CHECK(config.interfaces.n == 2 && strcmp(config.interfaces.item[1], "eth2") == 0);
    CHECK(config.inside.n == 1 && config.engines == 2 && config.limits.flows == 5000);
    CHECK(strcmp(config.detectors.lines, "beacon.count=12\nscan.ports=20\n") == 0);
    int zone = 0;
    CHECK(kd_config_zone(config.zone, &zone) && zone == 19800);
    struct kd_addr addr;
    uint16_t port = 0;
    CHECK(kd_config_listen(kd_str(config.web_listen), &addr, &port) && port == 443 &&
          kd_addr_is_none(&addr));
    CHECK(read_text("interfaces: eth0\n") == KD_OK && config.interfaces.n == 1);
}

static const char plan[] = "zones:\n"                                    /* 1 */
                           "  - name: 事務\n"                             /* 2 */
                           "    networks: [10.0.1.0/24, 2001:db8:1::/64]\n" /* 3 */
                           "    kind: office\n"
                           "  - name: サーバー\n" /* 5 */
                           "    networks: 10.0.2.0/24\n"
                           "    guarded: yes\n"
                           "    devices:\n"
                           "      - 52:54:00:AA:bb:01\n"
                           "      - 10.0.2.10\n"
                           "crossings:\n" /* 11 */
                           "  - { from: 事務, to: サーバー, policy: allow, services: [smb, tcp/443] }\n"
                           "  - from: 事務\n"
                           "    to: outside\n"
                           "    policy: forbid\n"
                           "crossing_default: forbid\n"
                           "hosts:\n" /* 17 */
                           "  - address: 10.0.2.1\n"
                           "    role: [dc, dns]\n"
                           "    note: new in April\n";

static void network_plan_is_read(void)
{
    CHECK(read_text(plan) == KD_OK);
    struct kd_site *s = NULL;
    CHECK(kd_site_read(kd_bytes_of(config.site.b, config.site.n), &s) == KD_OK);
    if (s == NULL)
        return;
    struct kd_addr a, b;
    CHECK(kd_addr_parse(kd_str("2001:db8:1::5"), &a) && kd_addr_parse(kd_str("10.0.2.1"), &b));
    CHECK(kd_site_zone_of(s, &a) == 0 && kd_site_zone_of(s, &b) == 1);
    CHECK(s->zone[0].kind == KD_KIND_OFFICE && s->zone[1].guarded && s->zone[1].listed && !s->zone[0].listed);
    CHECK(kd_bytes_eq_str(kd_site_zone_name(s, 1), "サーバー"));
    CHECK(kd_site_allows(s, 0, 1, 6, 443) && !kd_site_allows(s, 0, 1, 6, 3389));
    CHECK(!kd_site_allows(s, 0, KD_ZONE_OUTSIDE, 6, 443) && !kd_site_allows(s, 1, 0, 6, 443));
    CHECK(kd_site_duties(s, &b) == (KD_DUTY_DC | KD_DUTY_DNS));
    static const struct kd_mac mac = {{0x52, 0x54, 0, 0xaa, 0xbb, 1}};
    CHECK(kd_site_knows(s, &a, &mac) && !kd_site_knows(s, &a, &(struct kd_mac){{0}}));
    kd_site_free(s);
    CHECK(read_text("zones: []\ncrossings:\nhosts: []\n") == KD_OK && config.site.n == 0);
}

static void mistakes_in_the_plan_are_told(void)
{
    CHECK(complains("zones:\n  - name: a\n    network: 10.0.0.0/8\n", 3, "no such key"));
    CHECK(complains("zones:\n  - name: a\n    networks: [10.0.0.0/8, 10.0.0/24]\n", 3, "address with prefix"));
    CHECK(complains("zones:\n  - name: a\n", 2, "needs name and networks"));
    CHECK(complains("zones:\n  - { name: a, networks: 10.0.0.0/8 }\n  - { name: b, networks: 10.1.0.0/8 }\n", 3,
                    "already"));
    CHECK(complains("zones:\n  - { name: a, networks: 10.0.0.0/8 }\n  - { name: a, networks: 10.1.0.0/16 }\n", 3,
                    "taken"));
    CHECK(complains("zones:\n  - { name: outside, networks: 10.0.0.0/8 }\n", 2, "taken"));
    CHECK(complains("zones:\n  - { name: a, networks: 10.0.0.0/8, kind: shop }\n", 2, "office, server"));
    CHECK(complains("zones:\n  - { name: a, networks: 10.0.0.0/8, guarded: 2 }\n", 2, "true or false"));
    CHECK(complains("zones:\n  - { name: a, networks: 10.0.0.0/8, devices: [5] }\n", 2, "link address"));
    CHECK(complains("zones:\n  a: 10.0.0.0/8\n", 1, "list of entries"));
    CHECK(complains("zones: office\n", 1, "list of entries"));
    CHECK(complains("zones:\n  - office\n", 2, "entries"));
    CHECK(complains("zones:\n  - name: {a: b}\n", 2, "plain values"));
    CHECK(complains("crossings:\n  - { from: a, to: outside, policy: allow }\n", 2, "no zone of this name"));
    CHECK(complains("crossings:\n  - { from: any, to: outside, policy: maybe }\n", 2, "allow or forbid"));
    CHECK(complains("crossings:\n  - { from: any, to: outside }\n", 2, "needs from, to"));
    CHECK(complains("crossings:\n  - { from: any, to: any, policy: allow, services: smb2 }\n", 2, "tcp/445"));
    CHECK(complains("crossing_default: deny\n", 1, "allow or forbid"));
    CHECK(complains("hosts:\n  - { address: 10.0.0.1 }\n", 2, "needs address"));
    CHECK(complains("hosts:\n  - { address: 10.0.0.1, role: boss }\n", 2, "dhcp"));
    CHECK(complains("hosts:\n  - { mac: 5254, role: dns }\n", 2, "52:54:00"));
    CHECK(complains("zones: []\nzones: []\n", 2, "second time"));
}

static void mistakes_name_line_and_remedy(void)
{
    CHECK(complains("engines: 1\ninterface: eth0\n", 2, "did you mean \"interfaces\""));
    CHECK(complains("web:\n  listn: 1.2.3.4:1\n", 2, "did you mean \"web.listen\""));
    CHECK(complains("listen: 1.2.3.4:1\n", 1, "did you mean \"web.listen\""));
    CHECK(complains("zzzzzzzzzzzzzzzz: 1\n", 1, "config reference"));
    CHECK(complains("engines: many\n", 1, "from 0 to 64"));
    CHECK(complains("engines: 65\n", 1, "from 0 to 64"));
    CHECK(complains("limits:\n  flows: 1\n", 2, "limits.flows"));
    CHECK(complains("inside: [10.0.0.0/33]\n", 1, "192.168.10.0/24"));
    CHECK(complains("web:\n  listen: localhost\n", 2, "address:port"));
    CHECK(complains("sandbox: none\n", 1, "full or reduced"));
    CHECK(complains("dir: here\n", 1, "begins with /"));
    CHECK(complains("engines: 1\nengines: 2\n", 2, "second time"));
    CHECK(complains("engines: 1\nweb: }\n", 2, "YAML"));
    CHECK(complains("\tengines: 1\n", 1, "YAML"));
    CHECK(complains("- a\n- b\n", 1, "key: value"));
    CHECK(complains("engines: [1]\n", 1, "one value"));
    CHECK(complains("interfaces: {a: b}\n", 1, "one value"));
}

#define MAIL "notice:\n  email:\n    server: mail.town.example\n    from: k@town.example\n"

static void mail_settings_are_checked(void)
{
    CHECK(read_text(MAIL "    to: [a@b.example, c@d.example]\n    user: k\n    password_file: /etc/kidoban/mail\n") == KD_OK);
    CHECK(config.mail_to.n == 2 && strcmp(config.mail_tls, "starttls") == 0 && config.mail_quiet_minutes == 60);
    CHECK(complains(MAIL, 0, "notice.email.to: missing"));
    CHECK(complains("notice:\n  email:\n    to: a@b.example\n", 0, "notice.email.server: missing"));
    CHECK(complains(MAIL "    to: a@b.example\n    user: k\n", 0, "password_file: missing"));
    CHECK(complains(MAIL "    to: a@b.example\n    user: k\n    password_file: /p\n    tls: none\n", 0, "in clear"));
    CHECK(complains(MAIL "    to: a@b.example\n    password: secret\n", 6, "notice.email.password_file"));
    CHECK(complains("notice:\n  email:\n    server: mail server\n", 3, "host name"));
    CHECK(complains("notice:\n  email:\n    from: \"a@b\\r\\nBcc: c@d\"\n", 3, "mail address"));
    CHECK(complains("notice:\n  email:\n    to: [ab.example]\n", 3, "mail address"));
    CHECK(complains("notice:\n  email:\n    tls: ssl\n", 3, "starttls"));
    CHECK(complains("notice:\n  email:\n    port: 70000\n", 3, "65535"));
    CHECK(complains("notice:\n  email:\n    min_severity: hi\n", 3, "critical"));
    CHECK(complains("web:\n  url: kidoban.example\n", 2, "https://"));
}

static void bombs_are_refused(void)
{
    CHECK(complains("a: &x [1]\n", 1, "anchors"));
    CHECK(complains("interfaces: *x\n", 1, "anchors"));
    CHECK(complains("detectors: {a: {b: {c: {d: {e: 1}}}}}\n", 1, "levels"));
    size_t n = KD_CONFIG_BYTES_MAX + 1;
    char *big = malloc(n + 1);
    memset(big, '#', n);
    big[n] = '\0';
    CHECK(complains(big, 1, "1 MiB"));
    memset(big, '[', 100000);
    big[100000] = '\0';
    CHECK(read_text(big) != KD_OK);
    free(big);
}

/* The reference is a configuration that says what the defaults are. */
static void reference_is_the_default(void)
{
    static char text[64 * 1024];
    struct kd_config first;
    kd_config_default(&first);
    for (int ja = 0; ja < 2; ja++) {
        struct kd_out o = kd_out_of(text, sizeof(text) - 1);
        kd_config_reference(&o, KD_REFERENCE_YAML, ja == 1);
        CHECK(kd_out_ok(&o) && o.n > 1000);
        text[o.n] = '\0';
        CHECK(read_text(text) == KD_OK);
        for (size_t i = 0; i < problems.n; i++)
            printf("# %u: %s\n", problems.at[i].line, problems.at[i].en);
        CHECK(config.has_zone && !first.has_zone); /* the reference says it, nobody else */
        config.has_zone = false;
        CHECK(memcmp(&config, &first, sizeof(config)) == 0);
        o = kd_out_of(text, sizeof(text) - 1);
        kd_config_reference(&o, KD_REFERENCE_MAN, ja == 1);
        CHECK(kd_out_ok(&o));
    }
}

/* Cut and damaged files: an answer, never a crash. */
static void damage_is_survived(void)
{
    static const char good[] =
        "interfaces: [eth1, eth2]\nweb:\n  listen: 1.2.3.4:5\ndetectors:\n  a:\n    b: 'c'\n";
    char text[sizeof(good)];
    for (size_t cut = 0; cut < sizeof(good); cut++) {
        memcpy(text, good, sizeof(good));
        text[cut] = '\0';
        (void)!read_text(text);
        for (unsigned bit = 0; bit < 8 && cut + 1 < sizeof(good); bit++) {
            memcpy(text, good, sizeof(good));
            text[cut] = (char)(text[cut] ^ (1 << bit));
            (void)!read_text(text);
        }
    }
}

int main(void)
{
    RUN(defaults_work);
    RUN(keys_are_read);
    RUN(network_plan_is_read);
    RUN(mistakes_in_the_plan_are_told);
    RUN(mistakes_name_line_and_remedy);
    RUN(mail_settings_are_checked);
    RUN(bombs_are_refused);
    RUN(reference_is_the_default);
    RUN(damage_is_survived);
    return tap_done();
}
