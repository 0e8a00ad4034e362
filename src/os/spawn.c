/* SPDX-License-Identifier: Apache-2.0 */
#include "os/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "os/process.h"

enum { PARKED = 128 }; /* above every target number, so that moving one cannot overwrite another */

static _Noreturn void child_failed(const char *why)
{
    /* Async-signal-safe only: this runs between fork and exec. */
    (void)!write(2, "kidoban: a process cannot be started: ", 38);
    (void)!write(2, why, strlen(why));
    (void)!write(2, "\n", 1);
    _exit(3);
}

static void place(int from, int to)
{
    if (from < 0)
        (void)close(to);
    else if (dup2(from, to) < 0)
        child_failed("a descriptor cannot be placed (raise the limit of open files)");
}

static void place_all(const struct kd_spawn *what)
{
    int parked[KD_SPAWN_FDS];
    int log = fcntl(what->log_fd, F_DUPFD, PARKED);
    if (log < 0)
        child_failed("too many open files (raise the limit, ulimit -n)");
    for (size_t i = 0; i < what->n_fds; i++) {
        parked[i] = what->fds[i] < 0 ? -1 : fcntl(what->fds[i], F_DUPFD, PARKED);
        if (what->fds[i] >= 0 && parked[i] < 0)
            child_failed("too many open files (raise the limit, ulimit -n)");
    }
    int null = open("/dev/null", O_RDWR);
    place(null, 0);
    place(null, 1);
    place(log, KD_FD_LOG);
    for (size_t i = 0; i < what->n_fds; i++)
        place(parked[i], KD_FD_CONTROL + (int)i);
    if (close_range((unsigned)KD_FD_CONTROL + (unsigned)what->n_fds, ~0u, 0) != 0)
        child_failed("the kernel lacks close_range (Linux 5.9 or newer is needed)");
}

static void default_signals(void)
{
    for (int s = 1; s < 32; s++)
        (void)signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

enum kd_status kd_spawn(const struct kd_spawn *what, pid_t *ret_pid, struct kd_err *err)
{
    KD_ASSERT(what->n_fds <= KD_SPAWN_FDS);
    char *argv[KD_SPAWN_ARGS + 2] = {(char *)(uintptr_t) "kidoban"};
    for (size_t i = 0; i < KD_SPAWN_ARGS && what->args[i] != NULL; i++)
        argv[i + 1] = (char *)(uintptr_t)what->args[i];
#ifdef KD_SANITIZED
    char **env = environ; /* the sanitizers take their options from it */
#else
    char *env[] = {NULL};
#endif
    pid_t pid = fork();
    if (pid < 0)
        return kd_fail_sys(err, KD_SYSTEM, "no new process", NULL, errno);
    if (pid == 0) {
        default_signals();
        place_all(what);
        (void)execve("/proc/self/exe", argv, env);
        child_failed("/proc/self/exe cannot be run (is /proc mounted?)");
    }
    *ret_pid = pid;
    return KD_OK;
}
