/* SPDX-License-Identifier: Apache-2.0 */
/* A world of its own: no network, no other's IPC, and a root directory with nothing or one
 * directory. */
#ifndef KD_OS_NAMESPACES_H
#define KD_OS_NAMESPACES_H

#include "base/status.h"

/* dir_fd: becomes the root (and keeps naming it), or -1 for an empty one.  Root privileges, or a
 * kernel that lets users have user namespaces, are needed: KD_DENIED otherwise. */
KD_MUST_USE enum kd_status kd_namespaces_enter(int dir_fd, bool writable, struct kd_err *err);

/* The same for who dials: the network stays, the root shows /etc and /run alone (where names are looked
 * up), read only as far as the kernel permits. */
KD_MUST_USE enum kd_status kd_namespaces_dial(struct kd_err *err);

/* What is left where namespaces are not to be had: the directory as root, by chroot.  False when
 * that is not permitted either. */
bool kd_namespaces_chroot(int dir_fd);

#endif
