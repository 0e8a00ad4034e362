/* SPDX-License-Identifier: Apache-2.0 */
/* What every conversation through libcurl has in common here: one connection, made by somebody else, and an encryption
 * that is believed only when an authority of the list vouches for the other end. */
#ifndef KD_ADAPTER_GIVEN_GIVEN_H
#define KD_ADAPTER_GIVEN_GIVEN_H

#include <curl/curl.h>

#include "base/bytes.h"

struct kd_given {
    int fd; /* connected, ours, not yet taken by the library; -1: none */
};

/* Nothing is looked up, opened, reused or read from files of the system; TLS 1.2 or later with a certificate of that
 * name under `ca_pem` (borrowed; empty: nobody is believed).  `g` must outlive `easy`.  False: the library refuses. */
KD_MUST_USE bool kd_given_set(CURL *easy, struct kd_given *g, struct kd_bytes ca_pem);

/* Closes a connection that the library never took. */
void kd_given_close(struct kd_given *g);

#endif
