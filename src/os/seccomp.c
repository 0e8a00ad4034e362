/* SPDX-License-Identifier: Apache-2.0 */
#include "os/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/out.h"
#include "os/fd.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error                                                                                             \
    "no system call table for this processor: add its audit architecture here and test tests/jail"
#endif

#ifdef KD_SANDBOX_TRAP
#define DENIED SECCOMP_RET_TRAP
#else
#define DENIED SECCOMP_RET_KILL_PROCESS
#endif

/* offsetof() is spelt out for the low word of an argument: both tables are little-endian. */
#define ARG_LOW(i) (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (i))
#define ARG_HIGH(i) (ARG_LOW(i) + 4)

enum { PROGRAM_MAX = 2048 };

struct program {
    struct sock_filter at[PROGRAM_MAX];
    size_t n;
};

static void put(struct program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
    KD_ASSERT(p->n < PROGRAM_MAX); /* the tables are ours */
    p->at[p->n++] = (struct sock_filter){code, yes, no, k};
}

static void load(struct program *p, uint32_t offset)
{
    put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void answer(struct program *p, uint32_t action)
{
    put(p, BPF_RET | BPF_K, 0, 0, action);
}

/* if (A == k) return action */
static void answer_if(struct program *p, uint32_t k, uint32_t action)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, k);
    answer(p, action);
}

/* if (A != k) return DENIED */
static void need(struct program *p, uint32_t k)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, k);
    answer(p, DENIED);
}

/* Descriptors are 32 bit to the kernel, so the low word is the whole truth. */
static void answer_if_fd(struct program *p, const int *fds, size_t n)
{
    load(p, ARG_LOW(0));
    for (size_t i = 0; i < n; i++)
        answer_if(p, (uint32_t)fds[i], SECCOMP_RET_ALLOW);
    answer(p, DENIED);
}

/* Only the given bits may be set, and all of `all`. */
static void flags(struct program *p, unsigned arg, uint32_t all, uint32_t none)
{
    load(p, ARG_LOW(arg));
    put(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, none);
    answer(p, DENIED);
    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((all & bit) == 0)
            continue;
        put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, bit);
        answer(p, DENIED);
    }
    answer(p, SECCOMP_RET_ALLOW);
}

static void one_of(struct program *p, unsigned arg, const uint32_t *values, size_t n)
{
    load(p, ARG_LOW(arg));
    for (size_t i = 0; i < n; i++)
        answer_if(p, values[i], SECCOMP_RET_ALLOW);
    answer(p, DENIED);
}

static void ring_counters(struct program *p, const struct kd_filter *f)
{
    load(p, ARG_LOW(1));
    need(p, SOL_PACKET);
    load(p, ARG_LOW(2));
    need(p, PACKET_STATISTICS);
    answer_if_fd(p, f->ring_fds, f->n_ring_fds);
}

static void body(struct program *p, const struct kd_filter *f, enum kd_syscall_check check)
{
    static const uint32_t file_control[] = {
        1 /* GETFD */, 2 /* SETFD */,  3 /* GETFL */,      4 /* SETFL */,      5 /* GETLK */,
        6 /* SETLK */, 7 /* SETLKW */, 36 /* OFD_GETLK */, 37 /* OFD_SETLK */, 38 /* OFD_SETLKW */};
    static const uint32_t tcp[] = {IPPROTO_TCP};
    static const uint32_t levels[] = {SOL_SOCKET, IPPROTO_TCP};
    switch (check) {
    case KD_ANY:
        answer(p, SECCOMP_RET_ALLOW);
        break;
    case KD_PINNED_FD:
        answer_if_fd(p, f->out_fds, f->n_out_fds);
        break;
    case KD_NO_EXEC:
        flags(p, 2, 0, PROT_EXEC);
        break;
    case KD_RING_COUNTERS:
        ring_counters(p, f);
        break;
    case KD_OWN_THREAD:
        flags(p, 0, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND,
              CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                  CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_PTRACE);
        break;
    case KD_OWN_PROCESS:
        load(p, ARG_LOW(0));
        answer_if(p, (uint32_t)getpid(), SECCOMP_RET_ALLOW);
        answer(p, DENIED);
        break;
    case KD_FILE_CONTROL:
        one_of(p, 1, file_control, KD_COUNT(file_control));
        break;
    case KD_TCP_OPTION:
        one_of(p, 1, tcp, KD_COUNT(tcp));
        break;
    case KD_SOCKET_ERROR:
        one_of(p, 1, levels, KD_COUNT(levels));
        break;
    case KD_READ_OPEN:
        flags(p, 2, 0, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND);
        break;
    case KD_INET_SOCKET:
        load(p, ARG_LOW(0));
        answer_if(p, AF_INET, SECCOMP_RET_ALLOW);
        answer_if(p, AF_INET6, SECCOMP_RET_ALLOW);
        answer(p, SECCOMP_RET_ERRNO | EPERM); /* name services ask for others and do without */
        break;
    case KD_ABSENT:
        answer(p, SECCOMP_RET_ERRNO | ENOSYS);
        break;
    case KD_AS_IF_BEGUN:
        answer(p, SECCOMP_RET_ERRNO | EINPROGRESS);
        break;
    case KD_REFUSED:
        answer(p, SECCOMP_RET_ERRNO | EPERM);
        break;
    }
}

static void rule(struct program *p, const struct kd_filter *f, const struct kd_syscall_rule *r)
{
    /* The number is loaded anew: a failed check before it may have left an argument in the
     * register. */
    load(p, offsetof(struct seccomp_data, nr));
    size_t jump = p->n;
    put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)r->number);
    body(p, f, r->check);
    size_t skip = p->n - jump - 1;
    KD_ASSERT(skip <= UINT8_MAX);
    p->at[jump].jf = (uint8_t)skip;
}

static void assemble(struct program *p, const struct kd_filter *f)
{
    load(p, offsetof(struct seccomp_data, arch));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCH);
    answer(p, SECCOMP_RET_KILL_PROCESS);
#ifdef X32_BIT
    load(p, offsetof(struct seccomp_data, nr));
    put(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, X32_BIT);
    answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
    for (size_t s = 0; s < f->n_sets; s++)
        for (size_t i = 0; i < f->sets[s].n; i++)
            rule(p, f, &f->sets[s].rules[i]);
    answer(p, DENIED);
}

#ifdef KD_SANDBOX_TRAP
static void on_denied(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    uint8_t text[96];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_str(&o, "sandbox: system call ");
    kd_out_i64(&o, info->si_syscall);
    kd_out_str(&o, " is not permitted\n");
    kd_ignore(kd_fd_write_all(2, kd_out_bytes_view(&o)));
    _exit(128 + SIGSYS);
}
#endif

enum kd_status kd_seccomp_enter(const struct kd_filter *f, struct kd_err *err)
{
    static struct program p; /* too large for a stack */
    p.n = 0;
    assemble(&p, f);
#ifdef KD_SANDBOX_TRAP
    struct sigaction act = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
    (void)sigaction(SIGSYS, &act, NULL);
#endif
    struct sock_fprog prog = {.len = (unsigned short)p.n, .filter = p.at};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog) != 0)
        return kd_fail_sys(err, KD_DENIED, "the kernel takes no system call filter (seccomp)", NULL,
                           errno);
    return KD_OK;
}
