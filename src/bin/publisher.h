/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file what its publisher made? */
#ifndef KD_BIN_PUBLISHER_H
#define KD_BIN_PUBLISHER_H

#include "base/bytes.h"

/* A copy of a file in memory that goes with the process: what is checked is what is read.  None: it cannot be read, is
 * empty or larger than 1 GiB. */
struct kd_bytes kd_file_copy(const char *path);

/* `sum`: "HEX  name" as sha256sum writes it; the first word counts. */
KD_MUST_USE bool kd_sum_fits(struct kd_bytes whole, struct kd_bytes sum);

/* An Ed25519 signature of 64 bytes; `key`: PEM file of the public key. */
KD_MUST_USE bool kd_signature_fits(struct kd_bytes whole, struct kd_bytes signature, const char *key);

#endif
