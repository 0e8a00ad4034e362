/* SPDX-License-Identifier: Apache-2.0 */
/* Entering a role's sandbox: irreversible, and fatal to the role when it fails.
 *
 * In this order: own network, mount, IPC and host-name namespaces (as a plain user inside a user
 * namespace of its own), an empty or single-directory root, a user of its own (as root), no
 * capabilities, resource limits, no_new_privs, Landlock where the kernel has it, and the system
 * call filter. */
#ifndef KD_OS_SANDBOX_H
#define KD_OS_SANDBOX_H

#include "os/profile.h"

struct kd_sandbox {
    enum kd_proc role;
    bool reduced;      /* the operator's choice: go on where namespaces are not to be had */
    unsigned uid, gid; /* whom to become when started by root, see kd_sandbox_user() */
    int dir_fd; /* the directory of a role that has one, else -1; names the same directory after */
    char ret_dir[32];    /* the same as a path, from inside: "/" or "/proc/self/fd/N" */
    unsigned n_fds;      /* descriptors in use: numbers below this one */
    const int *ring_fds; /* capture sockets */
    size_t n_ring_fds;
    uint16_t port; /* of the server that is dialled */
    uint64_t memory_bytes; /* address space it may have; 0: as its role has */
};

/* May be called once, by the only thread.  On failure err->what is one line with the remedy; the
 * process must end (exit status 3). */
KD_MUST_USE enum kd_status kd_sandbox_enter(struct kd_sandbox *sb, struct kd_err *err);

/* The user and group a role runs as when the sensor was started by root: the system user
 * _kidoban_ROLE when there is one, else a number of a range no package uses (65520 + role).  The
 * parent asks, once: looking names up loads libraries and opens connections. */
void kd_sandbox_user(enum kd_proc role, unsigned *ret_uid, unsigned *ret_gid);

#endif
