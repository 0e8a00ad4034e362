/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a package that people read, and its public key. */
#ifndef KD_STORE_PACKAGE_TEXT_H
#define KD_STORE_PACKAGE_TEXT_H

#include "store/package.h"

extern const char *const kd_package_readme; /* README.txt, Japanese and English */
extern const char *const kd_package_check;  /* check.sh, POSIX sh */

/* An Ed25519 public key as openssl reads it (RFC 8410). */
enum { KD_PACKAGE_PEM = 160 };
void kd_package_pem(const uint8_t pub[KD_SEAL_PUBLIC], char ret[KD_PACKAGE_PEM]);

/* package.json: who and when was asked for, so that the lines can be made again. */
void kd_package_about(const struct kd_host_ask *ask, const struct kd_host_report *rep,
                      struct kd_jw *w);

#endif
