/* SPDX-License-Identifier: Apache-2.0 */
/* What is odd about an encrypted session's names and certificate.  See channel.md. */
#ifndef KD_DETECT_CHANNEL_CERTIFICATE_H
#define KD_DETECT_CHANNEL_CERTIFICATE_H

#include "detect/detect.h"

enum kd_tls_sign {
    KD_TLS_NO_NAME,       /* no server name, or an address for one */
    KD_TLS_SELF_SIGNED,
    KD_TLS_DEFAULT,       /* a certificate as made by pressing Enter at every question */
    KD_TLS_TOOL,          /* the certificate that a known attack tool ships */
    KD_TLS_RANDOM,        /* its owner's name is drawn, not written */
    KD_TLS_YOUNG,
    KD_TLS_LONG,          /* valid for longer than anybody would sell */
    KD_TLS_EXPIRED,
    KD_TLS_MISMATCH,      /* it is not for the name asked for */
    KD_TLS_OLD,           /* TLS 1.0 or older agreed on */
    KD_TLS_ANCIENT_HELLO, /* the hello of SSL 2.0 */
    KD_TLS_ODD_PORT,
    KD_TLS_CHEAP_NAME,
    KD_TLS_RANDOM_NAME,
    KD_TLS_REPEATED,      /* session after session of the same size */
    KD_TLS_SIGNS
};

/* Signs of one session as bits (KD_TLS_REPEATED is channel.c's). */
unsigned kd_tls_signs_of(const struct kd_rec_tls *t, const struct kd_rec_head *head);
unsigned kd_tls_signs_weight(unsigned signs);
void kd_tls_signs_words(unsigned signs, unsigned lang, struct kd_out *o);

/* Value of an attribute (CN, O …) in a name as the records hold it; empty when it has none. */
struct kd_bytes kd_dn_part(struct kd_bytes dn, const char *attribute);

/* How Tor talks to its relays: 0 not at all; 1 the server name has the form; 2 the certificate too. */
unsigned kd_tor_likeness(const struct kd_rec_tls *t);

#endif
