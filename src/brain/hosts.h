/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind an address: the inside hosts as the records tell of them.  Names come from DHCP, NTLM,
 * Kerberos, NetBIOS, mDNS/LLMNR and DNS, in this order of trust. */
#ifndef KD_BRAIN_HOSTS_H
#define KD_BRAIN_HOSTS_H

#include "base/site.h"
#include "brain/system.h"
#include "brain/table.h"
#include "detect/detect.h"

enum kd_source {
    KD_FROM_NONE,
    KD_FROM_FLOW,
    KD_FROM_ARP,
    KD_FROM_DNS,
    KD_FROM_MDNS,
    KD_FROM_NBNS,
    KD_FROM_KERBEROS,
    KD_FROM_NTLM,
    KD_FROM_DHCP
};

enum { KD_HOST_TEXT = 63 };

struct kd_text {
    uint8_t n;
    uint8_t b[KD_HOST_TEXT];
};

struct kd_host {
    struct kd_addr addr;
    struct kd_mac mac;
    uint8_t severity;    /* 0 to 10, kept by severity.c */
    uint8_t name_from;   /* enum kd_source */
    uint8_t last_from;   /* of the last change */
    uint8_t os_from;     /* enum kd_system_source */
    uint8_t prefix;      /* of its network (IPv4), as DHCP told; 0: not known */
    uint16_t roles;      /* enum kd_duty */
    uint64_t first_us, last_us;
    uint64_t told_us;    /* when the last host record went out */
    struct kd_text name, user, os;
    bool told, dirty;
    struct kd_host *dirty_next, *dirty_prev;
};

struct kd_hosts {
    struct kd_table table; /* struct kd_host by address */
    struct kd_table macs;  /* addresses behind a link address, to find routers */
    struct kd_host *dirty_first, *dirty_last;
    const struct kd_net *inside;
    size_t n_inside;
};

KD_MUST_USE bool kd_hosts_init(struct kd_hosts *h, struct kd_pool *pool, uint64_t seed);
void kd_hosts_done(struct kd_hosts *h);

bool kd_hosts_inside(const struct kd_hosts *h, const struct kd_addr *a);

/* Learn from a decoded record. */
void kd_hosts_learn(struct kd_hosts *h, const struct kd_record *r, uint64_t now_us);

struct kd_host *kd_hosts_find(const struct kd_hosts *h, const struct kd_addr *a);
KD_MUST_USE struct kd_host *kd_hosts_get(struct kd_hosts *h, const struct kd_addr *a, uint64_t now_us);

/* It changed: a host record is due. */
void kd_hosts_mark(struct kd_hosts *h, struct kd_host *host);

/* Tell the hosts that changed and were not told within `quiet_us` (0: all that changed); each is then clean.
 * fn must not add hosts. */
void kd_hosts_tell(struct kd_hosts *h, uint64_t now_us, uint64_t quiet_us,
                   void (*fn)(void *arg, struct kd_host *host), void *arg);

/* "dc", "router", "dns,file" … as static text. */
const char *kd_role_text(unsigned roles);
/* Does a router own this link address? */
bool kd_hosts_routes(const struct kd_hosts *h, const struct kd_mac *mac);

bool kd_roles_dc(unsigned roles); /* answers both Kerberos and the directory */
const char *kd_source_text(enum kd_source s);

static inline struct kd_bytes kd_text_view(const struct kd_text *t)
{
    return kd_bytes_of(t->b, t->n);
}

#endif
