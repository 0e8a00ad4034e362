/* SPDX-License-Identifier: Apache-2.0 */
/* The page's certificate when the operator has none: an ECDSA P-256 key and a self-signed
 * certificate, made once and kept in the sensor's directory. */
#ifndef KD_BIN_CERTIFICATE_H
#define KD_BIN_CERTIFICATE_H

#include "base/status.h"

/* Open tls/certificate.pem and tls/key.pem below dir_fd, made first if they are not there. */
KD_MUST_USE enum kd_status kd_certificate_open(int dir_fd, int *ret_certificate_fd, int *ret_key_fd,
                                               struct kd_err *err);

#endif
