/* SPDX-License-Identifier: Apache-2.0 */
/* What the parent of a running sensor says of itself, in its directory. */
#ifndef KD_BIN_STATUS_H
#define KD_BIN_STATUS_H

#include <jansson.h>

/* status.json, the caller's; NULL: no sensor runs with this directory. */
json_t *kd_status_read(const char *dir);

#endif
