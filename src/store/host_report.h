/* SPDX-License-Identifier: Apache-2.0 */
/* What a host did between two times, from its records. */
#ifndef KD_STORE_HOST_REPORT_H
#define KD_STORE_HOST_REPORT_H

#include "store/hunt.h"
#include "store/jw.h"
#include "store/meta.h"

enum { KD_HOST_ADDRS_MAX = 16 };

struct kd_host_ask {
    struct kd_hunt_source *src;
    struct kd_meta *meta; /* may have db == NULL: then only an address can be asked for */
    struct kd_bytes who;  /* address, name or MAC */
    uint64_t from_us, to_us;
    struct kd_clock clock;
    uint64_t deadline_us;
    const _Atomic bool *cancel;
    unsigned threads;
    int zone_s;
    size_t limit; /* newest records that go along; the summary is over all */
};

struct kd_peer {
    struct kd_addr addr;
    uint64_t bytes_out, bytes_in, flows, last_us;
};

struct kd_named {
    char text[128];
    uint64_t count, first_us, last_us;
};

enum kd_named_kind {
    KD_NAMED_DNS,   /* names asked for */
    KD_NAMED_SITE,  /* web and TLS hosts */
    KD_NAMED_LOGIN, /* logons: result, service and user */
    KD_NAMED_SHARE, /* shares and files */
    KD_NAMED_FILE,  /* files that crossed */
    KD_NAMED_KINDS
};

struct kd_host_report {
    struct kd_addr addr[KD_HOST_ADDRS_MAX];
    size_t n_addr;
    uint64_t records, by_type[KD_TYPES];
    uint64_t flows_out, flows_in, bytes_out, bytes_in;
    uint64_t first_us, last_us;
    struct kd_peer *peer; /* most bytes first */
    size_t n_peers;
    struct kd_named *named[KD_NAMED_KINDS]; /* most frequent first */
    size_t n_named[KD_NAMED_KINDS];
    struct kd_hunt_result newest;
    struct kd_hunt_stats stats;
};

/* The addresses `who` stands for, at most KD_HOST_ADDRS_MAX.  KD_NOT_FOUND: none is known. */
KD_MUST_USE enum kd_status kd_host_addresses(const struct kd_host_ask *ask, struct kd_addr *ret,
                                             size_t *ret_n, struct kd_err *err);

/* KD_NOT_FOUND: the name is not known. */
KD_MUST_USE enum kd_status kd_host_report(const struct kd_host_ask *ask, struct kd_host_report *ret,
                                          struct kd_err *err);
/* The hunt that finds every record of these addresses (at most KD_HOST_ADDRS_MAX). */
KD_MUST_USE enum kd_status kd_host_expr(const struct kd_addr *addr, size_t n_addr, int zone_s,
                                        struct kd_hunt_expr **ret, struct kd_err *err);

void kd_host_report_done(struct kd_host_report *r);

/* As one JSON object, and as text for people. */
void kd_host_report_json(const struct kd_host_ask *ask, const struct kd_host_report *r,
                         struct kd_jw *w);
void kd_host_report_text(const struct kd_host_ask *ask, const struct kd_host_report *r,
                         bool japanese, struct kd_heap *ret);

#endif
