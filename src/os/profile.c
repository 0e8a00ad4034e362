/* SPDX-License-Identifier: Apache-2.0 */
/* The sandbox of every role, as data.  A call that is not here ends the process; each row that
 * looks odd says why it is needed.  tests/jail proves what is refused. */
#include "os/profile.h"

#include <sys/syscall.h>

/* Memory, waiting, time, an orderly or disorderly end. */
static const struct kd_syscall_rule common[] = {
    {SYS_read, KD_ANY},
    {SYS_recvmsg, KD_ANY},
    {SYS_mmap, KD_NO_EXEC},
    {SYS_mprotect, KD_NO_EXEC},
    {SYS_munmap, KD_ANY},
    {SYS_mremap, KD_ANY},
    {SYS_madvise, KD_ANY},
    {SYS_brk, KD_ANY},
    {SYS_futex, KD_ANY},
    {SYS_ppoll, KD_ANY},
#ifdef SYS_poll
    {SYS_poll, KD_ANY},
#endif
    {SYS_clock_gettime, KD_ANY},
    {SYS_gettimeofday, KD_ANY},
    {SYS_clock_nanosleep, KD_ANY},
    {SYS_nanosleep, KD_ANY},
    {SYS_getrandom, KD_ANY},
    {SYS_getrusage, KD_ANY}, /* processor time, for the stats record */
    {SYS_getpid, KD_ANY},
    {SYS_gettid, KD_ANY},
    {SYS_rt_sigprocmask, KD_ANY},
    {SYS_rt_sigreturn, KD_ANY},
    {SYS_tgkill, KD_OWN_PROCESS}, /* abort() */
    {SYS_restart_syscall, KD_ANY},
    {SYS_close, KD_ANY},
    {SYS_exit, KD_ANY},
    {SYS_exit_group, KD_ANY},
};

/* Output of a role that has a capture socket at hand: writing to that would send a frame. */
static const struct kd_syscall_rule pinned[] = {
    {SYS_write, KD_PINNED_FD},
    {SYS_writev, KD_PINNED_FD},
};

static const struct kd_syscall_rule capture[] = {
    {SYS_getsockopt, KD_RING_COUNTERS}, /* what the kernel dropped */
    {SYS_lseek, KD_ANY},                /* capture files */
    {SYS_pread64, KD_ANY},
    {SYS_fstat, KD_ANY},      /* size of a capture file */
    {SYS_newfstatat, KD_ANY}, /* glibc's fstat(); paths lead nowhere in an empty root */
};

static const struct kd_syscall_rule whole_files[] = {
    {SYS_lseek, KD_ANY},
    {SYS_fstat, KD_ANY},
    {SYS_newfstatat, KD_ANY},
};

/* Looking into files, in memory: nothing is opened, so libraries that try are told no. */
static const struct kd_syscall_rule inspecting[] = {
    {SYS_sysinfo, KD_ANY}, /* qsort() of much */
    {SYS_setitimer, KD_ANY}, /* an end to a file that takes too long */
    {SYS_openat, KD_REFUSED},
    {SYS_ioctl, KD_REFUSED},
    {SYS_lseek, KD_ANY},
    {SYS_fstat, KD_ANY},
    {SYS_newfstatat, KD_ANY}, /* glibc's fstat(); paths lead nowhere in an empty root */
};

/* Reading and compiling rules. */
static const struct kd_syscall_rule rules[] = {
    {SYS_sysinfo, KD_ANY}, /* qsort() of much asks how much memory there is */
};

/* A thread of its own that loads new rules while packets go on, and gives way to those. */
static const struct kd_syscall_rule beside[] = {
    {SYS_setpriority, KD_ANY}, /* of its own user's processes, downwards only: it has no capability */
};

static const struct kd_syscall_rule threads[] = {
    {SYS_clone, KD_OWN_THREAD},
    {SYS_rt_sigaction, KD_ANY}, /* pthread_create sets its own signals up */
    {SYS_clone3,
     KD_ABSENT}, /* its flags lie in memory where no filter sees them; glibc then uses clone */
    {SYS_set_robust_list, KD_ANY},
    {SYS_rseq, KD_ANY},
    {SYS_sched_yield, KD_ANY},
    {SYS_sched_getaffinity, KD_ANY},
    {SYS_set_tid_address, KD_ANY},
    {SYS_sigaltstack, KD_ANY},
    {SYS_prctl, KD_REFUSED}, /* thread names: not needed */
};

/* Reading below one directory. */
static const struct kd_syscall_rule directory[] = {
    {SYS_write, KD_ANY}, /* files, and JSON output: no capture socket is at hand here */
    {SYS_writev, KD_ANY},         {SYS_openat, KD_ANY},
#ifdef SYS_open
    {SYS_open, KD_ANY},           {SYS_access, KD_ANY},
    {SYS_stat, KD_ANY},           {SYS_lstat, KD_ANY},
    {SYS_readlink, KD_ANY},
#endif
    {SYS_faccessat, KD_ANY},      {SYS_faccessat2, KD_ANY},
    {SYS_readlinkat, KD_ANY},     {SYS_fstat, KD_ANY},
    {SYS_newfstatat, KD_ANY},     {SYS_statx, KD_ANY},
    {SYS_fstatfs, KD_ANY},        {SYS_getdents64, KD_ANY},
    {SYS_lseek, KD_ANY},          {SYS_pread64, KD_ANY},
    {SYS_preadv, KD_ANY},         {SYS_fadvise64, KD_ANY},
    {SYS_fcntl, KD_FILE_CONTROL}, {SYS_flock, KD_ANY},
    {SYS_getcwd, KD_ANY},         {SYS_geteuid, KD_ANY}, /* SQLite: whom do its files belong to */
    {SYS_getuid, KD_ANY},         {SYS_getegid, KD_ANY},
    {SYS_getgid, KD_ANY},         {SYS_uname, KD_ANY},
    {SYS_sysinfo, KD_ANY},        {SYS_sendmsg, KD_ANY},
    {SYS_sendto, KD_ANY},         {SYS_recvfrom, KD_ANY},
    {SYS_ioctl, KD_REFUSED}, /* isatty() of a library; never needed */
};

static const struct kd_syscall_rule changes[] = {
    {SYS_pwrite64, KD_ANY},
    {SYS_pwritev, KD_ANY},
    {SYS_ftruncate, KD_ANY},
    {SYS_fallocate, KD_ANY},
    {SYS_fsync, KD_ANY},
    {SYS_fdatasync, KD_ANY},
    {SYS_msync, KD_ANY},
    {SYS_sync_file_range, KD_ANY},
    {SYS_syncfs, KD_ANY},
    {SYS_mkdirat, KD_ANY},
    {SYS_unlinkat, KD_ANY},
    {SYS_renameat2, KD_ANY},
    {SYS_linkat, KD_ANY},
    {SYS_fchmod, KD_ANY},
    {SYS_fchmodat, KD_ANY},
    {SYS_fchown, KD_REFUSED}, /* SQLite tries as root only; its files are ours already */
    {SYS_utimensat, KD_ANY},
    {SYS_umask, KD_ANY},
#ifdef SYS_unlink
    {SYS_unlink, KD_ANY},
    {SYS_rename, KD_ANY},
    {SYS_mkdir, KD_ANY},
    {SYS_rmdir, KD_ANY},
    {SYS_link, KD_ANY},
    {SYS_chmod, KD_ANY},
#endif
#ifdef SYS_renameat
    {SYS_renameat, KD_ANY},
#endif
};

/* Serving connections that others accept or that come in on a listener made by the parent. */
static const struct kd_syscall_rule serving[] = {
    {SYS_write, KD_ANY},
    {SYS_writev, KD_ANY},
    {SYS_accept4, KD_ANY},
    {SYS_recvfrom, KD_ANY},
    {SYS_sendto, KD_ANY},
    {SYS_sendmsg, KD_ANY},
    {SYS_shutdown, KD_ANY},
    {SYS_setsockopt, KD_TCP_OPTION},
    {SYS_getsockopt, KD_SOCKET_ERROR},
    {SYS_getsockname, KD_ANY},
    {SYS_getpeername, KD_ANY},
    {SYS_epoll_create1, KD_ANY},
    {SYS_epoll_ctl, KD_ANY},
    {SYS_epoll_pwait, KD_ANY},
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, KD_ANY},
#endif
    {SYS_eventfd2, KD_ANY},
    {SYS_pipe2, KD_ANY},
    {SYS_fcntl, KD_FILE_CONTROL},
    {SYS_lseek, KD_ANY},
    {SYS_fstat, KD_ANY},
    {SYS_newfstatat, KD_ANY},
    {SYS_sysinfo, KD_ANY},
    {SYS_geteuid, KD_ANY},
    {SYS_getuid, KD_ANY},
    {SYS_getegid, KD_ANY},
    {SYS_getgid, KD_ANY},
};

/* Holding a conversation on a connection that was given.  Making one, or a socket at all, is not here. */
static const struct kd_syscall_rule talking[] = {
    {SYS_write, KD_ANY},
    {SYS_writev, KD_ANY},
    {SYS_recvfrom, KD_ANY},
    {SYS_sendto, KD_ANY},
    {SYS_sendmsg, KD_ANY},
    {SYS_shutdown, KD_ANY},
    {SYS_setsockopt, KD_TCP_OPTION},
    {SYS_getsockopt, KD_SOCKET_ERROR},
    {SYS_getsockname, KD_ANY},
    {SYS_getpeername, KD_ANY},
    {SYS_fcntl, KD_FILE_CONTROL},
    {SYS_connect, KD_AS_IF_BEGUN}, /* libcurl connects what is connected already (7.88) */
    {SYS_socket, KD_REFUSED},      /* a library that asks whether there is IPv6 */
};

/* Finding a server by name and connecting to it.  Landlock narrows the ports where the kernel can. */
static const struct kd_syscall_rule dialling[] = {
    {SYS_socket, KD_INET_SOCKET},
    {SYS_connect, KD_ANY},
    {SYS_bind, KD_REFUSED},
    {SYS_write, KD_ANY},
    {SYS_sendto, KD_ANY},
    {SYS_sendmsg, KD_ANY},
    {SYS_sendmmsg, KD_ANY}, /* A and AAAA at once */
    {SYS_recvfrom, KD_ANY},
    {SYS_setsockopt, KD_ANY}, /* IP_RECVERR of name queries; the process owns nothing but its sockets */
    {SYS_getsockopt, KD_SOCKET_ERROR},
    {SYS_getsockname, KD_ANY},
    {SYS_getpeername, KD_ANY},
    {SYS_ioctl, KD_REFUSED}, /* FIONREAD: the resolver then takes its buffer's size */
    {SYS_openat, KD_READ_OPEN},
    {SYS_fstat, KD_ANY},
    {SYS_newfstatat, KD_ANY},
    {SYS_lseek, KD_ANY},
    {SYS_fcntl, KD_FILE_CONTROL},
    {SYS_uname, KD_ANY},
    {SYS_getuid, KD_ANY},
    {SYS_geteuid, KD_ANY},
    {SYS_getgid, KD_ANY},
    {SYS_getegid, KD_ANY},
#ifdef SYS_open
    {SYS_stat, KD_ANY},
    {SYS_access, KD_ANY},
    {SYS_readlink, KD_ANY},
#endif
};

#ifdef KD_SANITIZED
/* Test builds only: the sanitizers' own calls (their reports read /proc, the leak check stops the
 * process with ptrace).  Never part of a release; the jail tests skip what these rows open. */
static const struct kd_syscall_rule sanitizer[] = {
    {SYS_openat, KD_ANY},         {SYS_readlinkat, KD_ANY},
    {SYS_getdents64, KD_ANY},     {SYS_lseek, KD_ANY},
    {SYS_fstat, KD_ANY},          {SYS_newfstatat, KD_ANY},
    {SYS_fcntl, KD_FILE_CONTROL}, {SYS_pipe2, KD_ANY},
    {SYS_sigaltstack, KD_ANY},    {SYS_rt_sigaction, KD_ANY},
    {SYS_sched_yield, KD_ANY},    {SYS_clone, KD_ANY},
    {SYS_wait4, KD_ANY},          {SYS_ptrace, KD_ANY},
    {SYS_kill, KD_ANY},           {SYS_tgkill, KD_ANY},
    {SYS_getppid, KD_ANY},        {SYS_prctl, KD_ANY},
    {SYS_prlimit64, KD_ANY},      {SYS_process_vm_readv, KD_ANY},
#ifdef SYS_open
    {SYS_open, KD_ANY},           {SYS_stat, KD_ANY},
    {SYS_readlink, KD_ANY},       {SYS_access, KD_ANY},
    {SYS_arch_prctl, KD_ANY},
#endif
};
#define SANITIZER {sanitizer, KD_COUNT(sanitizer)},
#else
#define SANITIZER
#endif

#define SET(rows)                                                                                  \
    {                                                                                              \
        rows, KD_COUNT(rows)                                                                       \
    }

static const struct kd_syscall_set engine_sets[] = {SANITIZER SET(common), SET(pinned), SET(capture),
                                                    SET(threads), SET(rules), SET(beside)};
static const struct kd_syscall_set brain_sets[] = {SANITIZER SET(common), SET(pinned),
                                                   SET(whole_files)};
static const struct kd_syscall_set store_sets[] = {SANITIZER SET(common), SET(threads),
                                                   SET(directory), SET(changes)};
static const struct kd_syscall_set lists_sets[] = {SANITIZER SET(common), SET(pinned),
                                                   SET(whole_files)};
static const struct kd_syscall_set web_sets[] = {SANITIZER SET(common), SET(threads), SET(serving)};
static const struct kd_syscall_set reader_sets[] = {SANITIZER SET(common), SET(threads),
                                                    SET(directory)};
static const struct kd_syscall_set gate_sets[] = {SANITIZER SET(common), SET(talking), SET(whole_files)};
static const struct kd_syscall_set fetch_sets[] = {SANITIZER SET(common), SET(talking), SET(whole_files)};
static const struct kd_syscall_set box_sets[] = {SANITIZER SET(common), SET(pinned), SET(inspecting)};
static const struct kd_syscall_set compile_sets[] = {SANITIZER SET(common), SET(pinned), SET(whole_files),
                                                     SET(rules)};
static const struct kd_syscall_set dial_sets[] = {SANITIZER SET(common), SET(dialling)};

#define SETS(list) .sets = list, .n_sets = KD_COUNT(list)

static const struct kd_profile profiles[KD_PROC_JAILED] = {
    [KD_PROC_ENGINE] = {SETS(engine_sets), .spare_fds = 2, .pinned_output = true, .threads = true},
    [KD_PROC_BRAIN] = {SETS(brain_sets), .pinned_output = true},
    [KD_PROC_STORE] = {SETS(store_sets), .spare_fds = 1024, .own_directory = true,
                       .directory_writes = true, .threads = true},
    [KD_PROC_WEB] = {SETS(web_sets), .spare_fds = 1024, .threads = true},
    [KD_PROC_READER] = {SETS(reader_sets), .spare_fds = 1024, .own_directory = true,
                        .threads = true, .stdout_too = true},
    [KD_PROC_GATE] = {SETS(gate_sets), .spare_fds = 16},
    [KD_PROC_DIAL] = {SETS(dial_sets), .spare_fds = 32, .dials = true},
    [KD_PROC_FETCH] = {SETS(fetch_sets), .spare_fds = 16, .memory_mib = 2048},
    [KD_PROC_BOX] = {SETS(box_sets), .pinned_output = true},
    [KD_PROC_COMPILE] = {SETS(compile_sets), .spare_fds = 2, .pinned_output = true, .memory_mib = 6144},
    [KD_PROC_LISTS] = {SETS(lists_sets), .spare_fds = 4, .pinned_output = true, .memory_mib = 12288}, /* one list's file at a time */
};

const struct kd_profile *kd_profile_of(enum kd_proc role)
{
    KD_ASSERT((unsigned)role < KD_PROC_JAILED);
    return &profiles[role];
}
