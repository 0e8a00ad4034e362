/* SPDX-License-Identifier: Apache-2.0 */
/* The limits in force.  Rows and reasons are in limits.def. */
#ifndef KD_BASE_LIMITS_H
#define KD_BASE_LIMITS_H

#include "base/base.h"

struct kd_limits {
#define KD_LIMIT_DEF(name, value, least, most, unit, en, ja) uint32_t name;
#include "base/limits.def"
#undef KD_LIMIT_DEF
};

struct kd_limit_row {
    const char *name;
    uint32_t value, least, most;
    const char *unit, *en, *ja;
    size_t offset; /* in struct kd_limits */
};

extern const struct kd_limit_row kd_limit_rows[];
extern const size_t kd_limit_row_count;
extern const struct kd_limits kd_limits_default;

#endif
