/* SPDX-License-Identifier: Apache-2.0 */
/* What each role may do: one table, in profile.c. */
#ifndef KD_OS_PROFILE_H
#define KD_OS_PROFILE_H

#include "os/process.h"
#include "os/seccomp.h"

enum { KD_PROFILE_SETS = 8 };

struct kd_profile {
    const struct kd_syscall_set *sets;
    size_t n_sets;
    unsigned spare_fds;    /* descriptors it may open beyond those it was given */
    bool pinned_output;    /* writes only to log, control, output and ask */
    bool own_directory;    /* sees one directory, given as a descriptor, as its root */
    bool directory_writes; /* … and may change it */
    bool threads;
    unsigned memory_mib; /* address space; 0: no limit of its own */
    bool dials;      /* keeps the network, sees what names are looked up with, and nothing else */
    bool stdout_too; /* a command, not a child: 1 is an output as well */
};

const struct kd_profile *kd_profile_of(enum kd_proc role);

#endif
