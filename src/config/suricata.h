/* SPDX-License-Identifier: Apache-2.0 */
/* What of a suricata.yaml matters here: its variables, so that rules mean the same as there. */
#ifndef KD_CONFIG_SURICATA_H
#define KD_CONFIG_SURICATA_H

#include "base/bytes.h"
#include "base/status.h"

/* A variable of `vars`; borrowed during the call. */
typedef enum kd_status kd_suricata_var(void *arg, bool is_port, struct kd_bytes name,
                                       struct kd_bytes value);

/* Read the text of such a file.  err->at: line. */
KD_MUST_USE enum kd_status kd_suricata_vars(struct kd_bytes text, kd_suricata_var *take, void *arg,
                                            struct kd_err *err);

#endif
