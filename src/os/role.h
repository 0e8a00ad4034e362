/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sensor and the descriptors each finds when it starts. */
#ifndef KD_OS_ROLE_H
#define KD_OS_ROLE_H

#include "base/base.h"

/* KD_ROLE_READER is no child: it is what `hunt`, `host` and `verify` make of themselves before they read
 * the store. */
enum kd_role { KD_ROLE_ENGINE, KD_ROLE_BRAIN, KD_ROLE_STORE, KD_ROLE_WEB, KD_ROLE_READER, KD_ROLE_COUNT };

/* Fixed descriptor numbers.  0 and 1 are /dev/null, 2 is the log.  From KD_FD_EXTRA on: capture, files,
 * listener, directory, in the order the start message names them. */
enum {
    KD_FD_LOG = 2,
    KD_FD_CONTROL = 3,
    KD_FD_IN = 4,
    KD_FD_OUT = 5,
    KD_FD_ASK = 6,
    KD_FD_EXTRA = 7,
    KD_FD_EXTRA_MAX = 64
};

const char *kd_role_name(enum kd_role role);

/* The role of that name, or KD_ROLE_COUNT. */
enum kd_role kd_role_find(const char *name);

#endif
