/* SPDX-License-Identifier: Apache-2.0 */
/* What is worth knowing of an X.509 certificate (RFC 5280), by a strict walk over its DER.
 * Signatures are not checked: the certificate is only described. */
#ifndef KD_PROTO_TLS_X509_H
#define KD_PROTO_TLS_X509_H

#include "base/limits.h"
#include "base/pool.h"
#include "wire/schema.h"

struct x509 {
    struct kd_bytes subject, issuer; /* "C=JP, O=…, CN=…", in the order of the certificate */
    struct kd_bytes serial;          /* "0A:1B:…" */
    uint64_t not_before_us, not_after_us; /* 0: before 1970 or unreadable */
    struct kd_strs names; /* subjectAltName: DNS names, addresses, mail addresses, URIs */
    bool self_signed;     /* issuer and subject are the same */
};

/* Texts are taken from `mem`; one that finds no memory is empty.  False when the certificate cannot
 * be read; what was read before is given nevertheless. */
KD_MUST_USE bool x509_read(struct kd_bytes der, struct kd_arena *mem, const struct kd_limits *lim,
                           struct x509 *ret);

/* "4a:a3:…": SHA-1 or SHA-256 of the certificate. */
struct kd_bytes x509_sha1(struct kd_bytes der, struct kd_arena *mem);
struct kd_bytes x509_sha256(struct kd_bytes der, struct kd_arena *mem);

#endif
