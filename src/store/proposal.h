/* SPDX-License-Identifier: Apache-2.0 */
/* A first network plan, from what was seen: zones by network (DHCP's masks where known, else /24 and /64),
 * and what machines are there for, each with the reason. */
#ifndef KD_STORE_PROPOSAL_H
#define KD_STORE_PROPOSAL_H

#include "base/site.h"
#include "store/jw.h"
#include "store/meta.h"

enum { KD_PROPOSAL_HOSTS_MAX = 200, KD_PROPOSAL_NETS_MAX = 4 };

struct kd_proposal_zone {
    struct kd_net net[KD_PROPOSAL_NETS_MAX]; /* the same machines, in both families */
    size_t n_nets;
    bool by_dhcp;
    uint8_t kind;      /* enum kd_zone_kind */
    unsigned number;   /* among those of its kind; 0: the only one */
    uint32_t hosts, servers, printers, medical, control;
};

struct kd_proposal_host {
    struct kd_addr addr;
    uint16_t duties;
    char name[64];
};

struct kd_proposal {
    struct kd_proposal_zone zone[KD_SITE_ZONES_MAX];
    struct kd_proposal_host host[KD_PROPOSAL_HOSTS_MAX];
    size_t n_zones, n_hosts;
    uint64_t seen, left_out; /* machines; those that found no room */
};

KD_MUST_USE enum kd_status kd_proposal_make(struct kd_meta *m, const struct kd_net *nets, size_t n_nets,
                                            struct kd_proposal **ret);
void kd_proposal_free(struct kd_proposal *p);

/* As lines for the configuration file.  Names of machines are foreign and quoted. */
void kd_proposal_yaml(const struct kd_proposal *p, bool japanese, struct kd_heap *to);
/* {yaml: {ja, en}, zones: [...], hosts: [...], seen}. */
void kd_proposal_json(const struct kd_proposal *p, struct kd_jw *w, const char *key);

#endif
