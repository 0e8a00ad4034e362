/* SPDX-License-Identifier: Apache-2.0 */
/* Every role's sandbox, attacked from inside.  Runs as root (own users, namespaces, a capture
 * socket in a network namespace of its own) and then again as a plain user (user namespace). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "os/edge.h"
#include "os/fd.h"
#include "os/sandbox.h"
#include "os/shared.h"
#include "os/spawn.h"
#include "probes.h"
#include "tap.h"

enum { WORKED = 42, REFUSED = 43, NO_SANDBOX = 3 };

#ifdef KD_SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

static const char *who = "root";
static int ring = -1, other[2] = {-1, -1}, output[2] = {-1, -1}, directory = -1, board[2] = {-1, -1};

/* The numbers of a system without the users _kidoban_*; no look-up, so that the test is the same
 * anywhere. */
static unsigned user_of(enum kd_proc role)
{
    return 65520 + (unsigned)(role == KD_PROC_READER ? KD_PROC_STORE : role);
}

/* ---- the child ---- */

static int be_role(char **argv)
{
    enum kd_proc role = kd_proc_find(argv[2]);
    int ring_fd = FD_RING;
    bool has_dir = role == KD_PROC_STORE || role == KD_PROC_READER;
    unsigned user = user_of(role);
    struct kd_sandbox sb = {.role = role,
                            .uid = user,
                            .gid = user,
                            .reduced = strcmp(argv[4], "reduced") == 0,
                            .dir_fd = has_dir ? FD_DIR : -1,
                            .n_fds = FD_END,
                            .port = 25,
                            .memory_bytes = role == KD_PROC_BOX ? (uint64_t)256 << 20 : 0,
                            .ring_fds = &ring_fd,
                            .n_ring_fds = role == KD_PROC_ENGINE};
    struct kd_err err = {0};
    if (kd_sandbox_enter(&sb, &err) != KD_OK) {
        dprintf(2, "# no sandbox: %s (%s)\n", err.what, strerror(err.sys));
        return NO_SANDBOX;
    }
    if (strcmp(argv[3], "wait") == 0) {
        char byte;
        (void)!write(KD_FD_OUT, "ready", 5);
        _exit(read(KD_FD_CONTROL, &byte, 1) == 1 ? WORKED : REFUSED);
    }
    for (size_t i = 0; i < n_probes; i++)
        if (strcmp(argv[3], probes[i].name) == 0)
            _exit(probes[i].attempt() ? WORKED : REFUSED);
    _exit(1);
}

/* ---- the test ---- */

static pid_t start(enum kd_proc role, const char *probe, const char *mode, int control)
{
    bool has_dir = role == KD_PROC_STORE || role == KD_PROC_READER;
    struct kd_spawn sp = {.args = {"--role", kd_proc_name(role), probe, mode}, .log_fd = 2};
    int fds[] = {control, -1, output[1], -1, has_dir ? directory : ring, other[1], board[1]};
    memcpy(sp.fds, fds, sizeof(fds));
    sp.n_fds = KD_COUNT(fds);
    pid_t pid = -1;
    struct kd_err err = {0};
    CHECK(kd_spawn(&sp, &pid, &err) == KD_OK);
    return pid;
}

/* How a child ended: an exit status, or 128 + signal. */
static int end_of(pid_t pid)
{
    int st = 0;
    if (waitpid(pid, &st, 0) != pid)
        return -1;
    return WIFSIGNALED(st) ? 128 + WTERMSIG(st) : WEXITSTATUS(st);
}

static bool as_expected(enum outcome expect, int end)
{
    if (expect == WORKS)
        return end == WORKED;
    bool killed = end == 128 + SIGSYS;
    return expect == KILLED ? killed : end > 128 || end == REFUSED;
}

static void drain(int fd)
{
    char buf[256];
    while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
        ;
}

static long landlock_version(void)
{
    enum { CREATE_RULESET = 444, CREATE_VERSION = 1 };
    long version = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);
    return version < 0 ? 0 : version;
}

static void attack(enum kd_proc role, const char *mode)
{
    for (size_t i = 0; i < n_probes; i++) {
        const struct probe *p = &probes[i];
        bool skip = (p->needs_ring && (ring < 0 || role != KD_PROC_ENGINE)) ||
                    (p->not_sanitized && is_sanitized) ||
                    (role == KD_PROC_DIAL && p->dial_needs_landlock > (is_sanitized ? 0 : landlock_version()));
        if (skip)
            continue;
        int end = end_of(start(role, p->name, mode, -1));
        if (!as_expected(p->expect[role], end))
            printf("# %s as %s (%s): ended %d\n", p->name, kd_proc_name(role), who, end);
        CHECK(as_expected(p->expect[role], end));
        drain(other[0]);
        drain(output[0]);
    }
}

static void engine_is_jailed(void)
{
    attack(KD_PROC_ENGINE, "full");
}

static void brain_is_jailed(void)
{
    attack(KD_PROC_BRAIN, "full");
}

static void store_is_jailed(void)
{
    attack(KD_PROC_STORE, "full");
}

static void web_is_jailed(void)
{
    attack(KD_PROC_WEB, "full");
}

static void reader_is_jailed(void)
{
    attack(KD_PROC_READER, "full");
}

static void gate_is_jailed(void)
{
    attack(KD_PROC_GATE, "full");
}

static void dial_is_jailed(void)
{
    attack(KD_PROC_DIAL, "full");
}

static void lists_is_jailed(void)
{
    attack(KD_PROC_LISTS, "full");
}

static void compile_is_jailed(void)
{
    attack(KD_PROC_COMPILE, "full");
}

static void fetch_is_jailed(void)
{
    attack(KD_PROC_FETCH, "full");
}

static void box_is_jailed(void)
{
    attack(KD_PROC_BOX, "full");
}

static bool has_line(const char *text, const char *key, const char *value)
{
    const char *at = strstr(text, key);
    return at != NULL && strncmp(at + strlen(key), value, strlen(value)) == 0;
}

static void other_world(pid_t pid, const char *kind)
{
    char path[64], mine[64] = "", theirs[64] = "";
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kind);
    CHECK(readlink(path, theirs, sizeof(theirs) - 1) > 0);
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    CHECK(readlink(path, mine, sizeof(mine) - 1) > 0);
    CHECK(strcmp(mine, theirs) != 0);
}

/* What the kernel says of each role after it entered. */
static void kernel_confirms(void)
{
    for (int role = 0; role < KD_PROC_JAILED; role++) {
        int control[2];
        CHECK(kd_edge_new(4096, control, NULL) == KD_OK);
        pid_t pid = start((enum kd_proc)role, "wait", "full", control[1]);
        char text[4096] = "", path[64];
        struct pollfd p = {.fd = output[0], .events = POLLIN};
        CHECK(poll(&p, 1, 10000) == 1 && read(output[0], text, sizeof(text)) == 5);
        snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, text, sizeof(text) - 1);
        CHECK(n > 0);
        text[n > 0 ? n : 0] = '\0';
        CHECK(has_line(text, "\nNoNewPrivs:\t", "1"));
        CHECK(has_line(text, "\nSeccomp:\t", "2"));
        CHECK(has_line(text, "\nCapPrm:\t", "0000000000000000"));
        CHECK(has_line(text, "\nCapEff:\t", "0000000000000000"));
        CHECK(has_line(text, "\nCapBnd:\t", "0000000000000000"));
        char uid[16];
        snprintf(uid, sizeof(uid), "%u\t",
                 geteuid() != 0 ? geteuid() : user_of((enum kd_proc)role));
        CHECK(has_line(text, "\nUid:\t", uid));
        if (geteuid() == 0) {
            if (role != KD_PROC_DIAL) /* it is what the network is for */
                other_world(pid, "net");
            other_world(pid, "mnt");
            other_world(pid, "ipc");
            other_world(pid, "uts");
        }
        close(fd);
        CHECK(write(control[0], "x", 1) == 1);
        CHECK(end_of(pid) == WORKED);
        close(control[0]);
        close(control[1]);
    }
}

/* From here on unshare() is refused, as in a container without the right to it. */
static bool forbid_unshare(void)
{
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {KD_COUNT(f), f};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
}

/* Without namespaces: a role must not start; told to go on, it keeps its filter and its user. */
static void fails_closed(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = forbid_unshare();
        for (int role = 0; role < KD_PROC_JAILED; role++)
            ok = ok && end_of(start((enum kd_proc)role, "map data", "full", -1)) == NO_SANDBOX;
        int before = tap_bad;
        for (int role = 0; role < KD_PROC_JAILED; role++)
            attack((enum kd_proc)role, "reduced");
        _exit(ok && tap_bad == before ? 0 : 1);
    }
    CHECK(end_of(pid) == 0);
}

/* The probe itself can do harm: without a sandbox the frame is sent.  Then, with it, none arrives.
 */
static void no_frame_leaves(void)
{
    if (ring < 0)
        return;
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(0x88b5),
                             .sll_ifindex = (int)if_nametoindex("lo")};
    int watch = socket(AF_PACKET, SOCK_RAW, 0);
    CHECK(bind(watch, (struct sockaddr *)&at, sizeof(at)) == 0);
    static const uint8_t frame[60] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
    CHECK(write(ring, frame, sizeof(frame)) == sizeof(frame));
    struct pollfd p = {.fd = watch, .events = POLLIN};
    CHECK(poll(&p, 1, 1000) == 1);
    drain(watch);
    CHECK(end_of(start(KD_PROC_ENGINE, "inject a frame by write", "full", -1)) == 128 + SIGSYS);
    CHECK(end_of(start(KD_PROC_ENGINE, "inject a frame by sendto", "full", -1)) == 128 + SIGSYS);
    CHECK(poll(&p, 1, 100) == 0);
    close(watch);
}

static int capture_socket(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        return -1;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    (void)ioctl(s, SIOCSIFFLAGS, &up);
    close(s);
    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex("lo")};
    if (fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        kd_fd_close(&fd);
    return fd;
}

static bool make_world(void)
{
    char path[] = "/tmp/kidoban-jail-XXXXXX";
    unsigned uid = geteuid() == 0 ? user_of(KD_PROC_STORE) : geteuid();
    if (mkdtemp(path) == NULL || (directory = open(path, O_RDONLY | O_DIRECTORY)) < 0)
        return false;
    int there = openat(directory, "there", O_WRONLY | O_CREAT, 0600);
    bool ok =
        there >= 0 && fchown(there, uid, (gid_t)-1) == 0 && fchown(directory, uid, (gid_t)-1) == 0;
    close(there);
    return ok && kd_edge_new(1 << 16, output, NULL) == KD_OK &&
           kd_edge_new(1 << 16, other, NULL) == KD_OK &&
           kd_shared_new("kidoban-jail-board", BOARD_BYTES, &board[0], &board[1], NULL) == KD_OK;
}

static void remove_world(void)
{
    char path[64] = "", name[64];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", directory);
    CHECK(readlink(name, path, sizeof(path) - 1) > 0);
    (void)unlinkat(directory, "there", 0);
    CHECK(rmdir(path) == 0);
}

static void run_all(void)
{
    RUN(kernel_confirms);
    RUN(engine_is_jailed);
    RUN(brain_is_jailed);
    RUN(store_is_jailed);
    RUN(web_is_jailed);
    RUN(reader_is_jailed);
    RUN(gate_is_jailed);
    RUN(dial_is_jailed);
    RUN(lists_is_jailed);
    RUN(fetch_is_jailed);
    RUN(box_is_jailed);
    RUN(compile_is_jailed);
    RUN(no_frame_leaves);
    RUN(fails_closed);
}

static bool may_have_namespaces(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(unshare(geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER) == 0 ? 0 : 1);
    return end_of(pid) == 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "--role") == 0)
        return be_role(argv);
    if (argc == 2 && strcmp(argv[1], "plain") == 0 && geteuid() == 0) {
        who = "plain user";
        if (setgid(65534) != 0 || setuid(65534) != 0)
            return 1;
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* /proc/self stays readable */
    }
    if (!may_have_namespaces()) {
        printf("1..0 # SKIP this kernel or container gives no namespaces to %s\n", who);
        return 0;
    }
    if (geteuid() == 0)
        ring = capture_socket();
    if (!make_world())
        return 1;
    run_all();
    RUN(remove_world);
    return tap_done();
}
