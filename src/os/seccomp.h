/* SPDX-License-Identifier: Apache-2.0 */
/* System call filters as rows, turned into classic BPF.  Written out by hand because libseccomp's
 * view of a foreign ABI (i386 socketcall) cannot be trusted; here every foreign ABI is deadly. */
#ifndef KD_OS_SECCOMP_H
#define KD_OS_SECCOMP_H

#include "base/status.h"

/* What must hold for a permitted call, beyond its number. */
enum kd_syscall_check {
    KD_ANY,           /* nothing */
    KD_PINNED_FD,     /* argument 0 is one of the profile's output descriptors */
    KD_NO_EXEC,       /* argument 2 (protection) lacks PROT_EXEC */
    KD_RING_COUNTERS, /* getsockopt(a capture descriptor, SOL_PACKET, PACKET_STATISTICS) */
    KD_OWN_THREAD,    /* clone() of a thread: shares memory, makes no namespace */
    KD_OWN_PROCESS,   /* argument 0 is this process */
    KD_FILE_CONTROL,  /* fcntl: flags and record locks only, no duplicates, no owner, no leases */
    KD_TCP_OPTION,    /* setsockopt at level IPPROTO_TCP */
    KD_SOCKET_ERROR,  /* getsockopt(…, SOL_SOCKET or IPPROTO_TCP) */
    KD_READ_OPEN,     /* openat: argument 2 (flags) asks for reading only */
    KD_INET_SOCKET,   /* socket(AF_INET or AF_INET6): others are refused, told as EPERM */
    KD_ABSENT,        /* not permitted, but told as ENOSYS so that libraries take their older way */
    KD_AS_IF_BEGUN,   /* connect: not done, told as EINPROGRESS; on a connected socket a library goes on */
    KD_REFUSED        /* not permitted, told as EPERM */
};

struct kd_syscall_rule {
    int number;
    enum kd_syscall_check check;
};

struct kd_syscall_set {
    const struct kd_syscall_rule *rules;
    size_t n;
};

enum { KD_FILTER_FDS = 80 };

struct kd_filter {
    const struct kd_syscall_set *sets;
    size_t n_sets;
    int out_fds[KD_FILTER_FDS]; /* for KD_PINNED_FD */
    size_t n_out_fds;
    int ring_fds[KD_FILTER_FDS]; /* for KD_RING_COUNTERS */
    size_t n_ring_fds;
};

/* Put the filter on every thread of this process, for good.  Anything else that is called ends the
 * process (or, in a build with -Dsandbox_trap=true, is told on descriptor 2 first).  Needs
 * no_new_privs. */
KD_MUST_USE enum kd_status kd_seccomp_enter(const struct kd_filter *f, struct kd_err *err);

#endif
