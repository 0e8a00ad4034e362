/* SPDX-License-Identifier: Apache-2.0 */
#include "base/severity.h"

const char *const kd_severity_names[KD_SEVERITIES] = {"info", "low", "medium", "high", "critical"};

enum kd_severity kd_severity_of(struct kd_bytes name)
{
    for (unsigned i = KD_CRITICAL; i > KD_INFO; i--)
        if (kd_bytes_eq_str(name, kd_severity_names[i]))
            return (enum kd_severity)i;
    return KD_INFO;
}
