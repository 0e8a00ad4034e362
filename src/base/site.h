/* SPDX-License-Identifier: Apache-2.0 */
/* The site's network plan, as its people wrote it: zones with their networks, which conversations
 * between zones are wanted, and what registered machines are there for.
 *
 * The configuration makes one, the brain and the store read it from the bytes of kd_site_put(). */
#ifndef KD_BASE_SITE_H
#define KD_BASE_SITE_H

#include "base/addr.h"
#include "base/status.h"

enum {
    KD_SITE_ZONES_MAX = 64,
    KD_SITE_NETS_MAX = 256,
    KD_SITE_RULES_MAX = 256,
    KD_SITE_HOSTS_MAX = 512,
    KD_SITE_SERVICES_MAX = 8, /* of one rule */
    KD_SITE_NAME_MAX = 63,    /* bytes of a zone's name */
    KD_SITE_BYTES_MAX = 24 * 1024
};

/* Zones are counted from 0; beside them there are these. */
enum {
    KD_ZONE_ANY = 253,     /* in rules: whatever it is */
    KD_ZONE_OUTSIDE = 254, /* not of the site */
    KD_ZONE_UNLISTED = 255 /* of the site, but in no zone */
};

#define KD_ZONE_KINDS(X)                                                                           \
    X(OFFICE, "office")                                                                            \
    X(SERVER, "server")                                                                            \
    X(PERSONAL_NUMBER, "personal-number")                                                          \
    X(LGWAN, "lgwan")                                                                              \
    X(INTERNET, "internet")                                                                        \
    X(MEDICAL, "medical")                                                                          \
    X(CONTROL, "control")                                                                          \
    X(GUEST, "guest")                                                                              \
    X(MANAGEMENT, "management")                                                                    \
    X(DEVICES, "devices")                                                                          \
    X(OTHER, "other")

enum kd_zone_kind {
#define X(name, text) KD_KIND_##name,
    KD_ZONE_KINDS(X)
#undef X
        KD_ZONE_KINDS_COUNT
};

/* What a machine is there for: declared in the plan, or learnt from what it does. */
#define KD_DUTIES(X)                                                                               \
    X(CLIENT, "client")                                                                            \
    X(SERVER, "server")                                                                            \
    X(FILE, "file")                                                                                \
    X(DNS, "dns")                                                                                  \
    X(KDC, "kerberos")                                                                             \
    X(LDAP, "ldap")                                                                                \
    X(ROUTER, "router")                                                                            \
    X(DHCP, "dhcp")                                                                                \
    X(MAIL, "mail")                                                                                \
    X(WEB, "web")                                                                                  \
    X(PROXY, "proxy")                                                                              \
    X(PRINTER, "printer")                                                                          \
    X(DATABASE, "database")                                                                        \
    X(MEDICAL, "medical")                                                                          \
    X(CONTROL, "control")                                                                          \
    X(JUMP, "jump")

enum kd_duty_bit {
#define X(name, text) KD_DUTY_BIT_##name,
    KD_DUTIES(X)
#undef X
        KD_DUTY_BITS
};

enum kd_duty {
#define X(name, text) KD_DUTY_##name = 1 << KD_DUTY_BIT_##name,
    KD_DUTIES(X)
#undef X
    KD_DUTY_DC = KD_DUTY_KDC | KD_DUTY_LDAP
};

struct kd_site_zone {
    char name[KD_SITE_NAME_MAX + 1]; /* UTF-8, terminated */
    uint8_t kind;                    /* enum kd_zone_kind */
    bool guarded;                    /* a device nobody knows matters here */
    bool listed;                     /* its devices are listed: others are unknown at once */
};

struct kd_site_net {
    struct kd_net net;
    uint8_t zone;
};

struct kd_site_service {
    uint8_t proto; /* 6, 17, 1 (ICMP of either family); 0: any */
    uint16_t from, to;
};

/* The first rule that fits decides. */
struct kd_site_rule {
    uint8_t from, to;
    bool forbid;
    uint8_t n; /* 0: every service */
    struct kd_site_service service[KD_SITE_SERVICES_MAX];
};

/* A registered machine, by address or by link address. */
struct kd_site_host {
    struct kd_addr addr;
    struct kd_mac mac;
    uint16_t duties; /* enum kd_duty */
};

struct kd_site_node;

struct kd_site {
    struct kd_site_zone zone[KD_SITE_ZONES_MAX];
    struct kd_site_net net[KD_SITE_NETS_MAX];
    struct kd_site_rule rule[KD_SITE_RULES_MAX];
    struct kd_site_host host[KD_SITE_HOSTS_MAX];
    size_t n_zones, n_nets, n_rules, n_hosts;
    bool forbid;                /* what no rule speaks of */
    uint16_t duties;            /* all that hosts were registered for */
    struct kd_site_node *nodes; /* made by kd_site_index() */
};

/* As bytes, and back: allocated and indexed; no bytes are a site without zones. */
void kd_site_put(struct kd_out *o, const struct kd_site *s);
KD_MUST_USE enum kd_status kd_site_read(struct kd_bytes form, struct kd_site **ret);
void kd_site_free(struct kd_site *s);

/* Zone of an address by the longest prefix, in at most 128 steps: a number, or KD_ZONE_UNLISTED. */
uint8_t kd_site_zone_of(const struct kd_site *s, const struct kd_addr *a);

/* Does the plan want this conversation?  Within one zone everything is wanted unless a rule names it. */
bool kd_site_allows(const struct kd_site *s, uint8_t from, uint8_t to, uint8_t proto, uint16_t port);

/* What the machine is registered for (enum kd_duty), 0 when it is not. */
unsigned kd_site_duties(const struct kd_site *s, const struct kd_addr *a);
/* Is the machine registered, by either? */
bool kd_site_knows(const struct kd_site *s, const struct kd_addr *a, const struct kd_mac *mac);

/* Names of the plan: the zone's, "outside", "unlisted". */
struct kd_bytes kd_site_zone_name(const struct kd_site *s, uint8_t zone);

const char *kd_zone_kind_name(unsigned kind);
KD_MUST_USE bool kd_zone_kind_of(struct kd_bytes name, uint8_t *ret);
const char *kd_duty_name(unsigned bit);
KD_MUST_USE bool kd_duty_of(struct kd_bytes name, uint16_t *ret); /* "dc" too */

/* "tcp/445", "udp/53", "8000-8100", "icmp", or a name such as "smb". */
KD_MUST_USE bool kd_site_service_of(struct kd_bytes text, struct kd_site_service *ret);

#endif
