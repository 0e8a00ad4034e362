/* SPDX-License-Identifier: Apache-2.0 */
/* How bad something is, in five steps, as records, rules, pages and people's settings name them. */
#ifndef KD_BASE_SEVERITY_H
#define KD_BASE_SEVERITY_H

#include "base/bytes.h"

enum kd_severity { KD_INFO, KD_LOW, KD_MEDIUM, KD_HIGH, KD_CRITICAL };

enum { KD_SEVERITIES = KD_CRITICAL + 1 };

extern const char *const kd_severity_names[KD_SEVERITIES]; /* "info" … "critical" */

/* KD_INFO for a name that is none of them. */
enum kd_severity kd_severity_of(struct kd_bytes name);

#endif
