/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a process of a role: this executable again, in a fresh address space, with nothing but
 * the descriptors it is given. */
#ifndef KD_OS_SPAWN_H
#define KD_OS_SPAWN_H

#include <sys/types.h>

#include "base/status.h"

enum { KD_SPAWN_FDS = 80, KD_SPAWN_ARGS = 8 };

struct kd_spawn {
    const char *args[KD_SPAWN_ARGS]; /* argv behind the program's name, ends with NULL */
    int log_fd;                      /* becomes descriptor 2 */
    int fds[KD_SPAWN_FDS]; /* fds[i] becomes descriptor 3 + i; -1 leaves the number closed */
    size_t n_fds;
};

/* The descriptors given stay open in the caller.  Signals are unblocked and at their defaults in
 * the child; its environment is empty. */
KD_MUST_USE enum kd_status kd_spawn(const struct kd_spawn *what, pid_t *ret_pid,
                                    struct kd_err *err);

#endif
