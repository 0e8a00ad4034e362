/* SPDX-License-Identifier: Apache-2.0 */
/* Fetching one file by HTTPS (RFC 9110, TLS 1.2 and later) by libcurl, directly or through a proxy's CONNECT.
 *
 * Opens nothing by itself: the connection is given, as is the list of certification authorities.  Follows no
 * redirection: that it was redirected is told, and whoever asked decides. */
#ifndef KD_ADAPTER_HTTPS_HTTPS_H
#define KD_ADAPTER_HTTPS_HTTPS_H

#include "base/bytes.h"
#include "base/status.h"

enum { KD_HTTPS_TAG_MAX = 200, KD_HTTPS_URL_MAX = 512, KD_HTTPS_WHY_MAX = 160 };

struct kd_https;

/* Loads what the library needs from disk, so before a sandbox is entered.  `ca_pem` is borrowed. */
KD_MUST_USE enum kd_status kd_https_new(struct kd_bytes ca_pem, struct kd_https **ret, struct kd_err *err);
void kd_https_free(struct kd_https *h);

/* Texts are borrowed, empty where there is none. */
struct kd_https_want {
    const char *url, *host; /* host: as in the URL, an address of IPv6 without brackets */
    uint16_t port;
    const char *proxy; /* name of a proxy; empty: none */
    uint16_t proxy_port;
    const char *etag, *modified; /* of what is there already */
    uint8_t *into;
    uint64_t most; /* bytes `into` has room for */
    unsigned timeout_s;
    /* Told now and then; `of` 0: unknown.  False: give up.  May be NULL. */
    bool (*progress)(void *arg, uint64_t bytes, uint64_t of);
    void *arg;
};

enum kd_https_outcome {
    KD_HTTPS_DONE,
    KD_HTTPS_UNCHANGED,   /* 304: what is there already is the newest */
    KD_HTTPS_REDIRECTED,  /* to `location` */
    KD_HTTPS_REFUSED,     /* by the server: `code` */
    KD_HTTPS_CERTIFICATE, /* not of that name, not of a trusted authority, or over */
    KD_HTTPS_TLS,
    KD_HTTPS_TOO_LARGE,
    KD_HTTPS_CUT, /* ended before its end */
    KD_HTTPS_TIME,
    KD_HTTPS_CLOSED,
    KD_HTTPS_FAULT,
    KD_HTTPS_OUTCOMES
};

struct kd_https_result {
    enum kd_https_outcome outcome;
    unsigned code; /* of the answer; 0: none came */
    uint64_t bytes;
    /* As the server says, printable ASCII; empty when it does not or they are longer. */
    char etag[KD_HTTPS_TAG_MAX], modified[KD_HTTPS_TAG_MAX];
    char location[KD_HTTPS_URL_MAX];
    char why[KD_HTTPS_WHY_MAX]; /* the library's words, escaped */
};

/* The whole conversation on a connected socket, which becomes ours; waits for its end. */
void kd_https_get(struct kd_https *h, int fd, const struct kd_https_want *want, struct kd_https_result *ret);

#endif
