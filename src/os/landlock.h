/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by raw system calls: Debian 12's headers know only its second version. */
#ifndef KD_OS_LANDLOCK_H
#define KD_OS_LANDLOCK_H

#include "base/status.h"

enum kd_landlock_dir { KD_LANDLOCK_NONE, KD_LANDLOCK_READ, KD_LANDLOCK_WRITE };

/* Forbid every file access but that below dir_fd (-1: none at all), TCP bind and connect, abstract
 * sockets and signals to processes outside, each as far as the kernel knows it.  A kernel without
 * Landlock is fine: the other walls stand.  Needs no_new_privs. */
KD_MUST_USE enum kd_status kd_landlock_enter(int dir_fd, enum kd_landlock_dir may,
                                             struct kd_err *err);

/* For who finds a server by name and connects: reading below /etc and /run alone, and where the kernel
 * knows TCP rules, connecting to this port and to that of name servers. */
KD_MUST_USE enum kd_status kd_landlock_dial(uint16_t port, struct kd_err *err);

#endif
