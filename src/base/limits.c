/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"

const struct kd_limit_row kd_limit_rows[] = {
#define KD_LIMIT_DEF(name, value, least, most, unit, en, ja)                                      \
    {#name, value, least, most, unit, en, ja, offsetof(struct kd_limits, name)},
#include "base/limits.def"
#undef KD_LIMIT_DEF
};

const size_t kd_limit_row_count = KD_COUNT(kd_limit_rows);

const struct kd_limits kd_limits_default = {
#define KD_LIMIT_DEF(name, value, least, most, unit, en, ja) .name = value,
#include "base/limits.def"
#undef KD_LIMIT_DEF
};
