/* SPDX-License-Identifier: Apache-2.0 */
#include "probes.h"

#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool open_passwd(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0;
}

static bool open_by_old_name(void)
{
#ifdef SYS_open
    return syscall(SYS_open, "/etc/passwd", O_RDONLY) >= 0;
#else
    return false;
#endif
}

static bool write_beside(void)
{
    return open("/tmp/kidoban-jail-test", O_WRONLY | O_CREAT, 0600) >= 0;
}

static bool read_own_file(void)
{
    return openat(FD_DIR, "there", O_RDONLY) >= 0;
}

static bool make_own_file(void)
{
    int fd = openat(FD_DIR, "made", O_WRONLY | O_CREAT, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && unlinkat(FD_DIR, "made", 0) == 0;
}

static bool climb_out(void)
{
    return openat(FD_DIR, "../../../../../../etc/passwd", O_RDONLY) >= 0;
}

static bool new_inet_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static bool new_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0;
}

static bool new_packet_socket(void)
{
    return socket(AF_PACKET, SOCK_RAW, 0) >= 0;
}

/* A port nobody declared.  Nothing listens there: refused by the peer means that the attempt was let through. */
static bool connect_elsewhere(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == ECONNREFUSED;
}

static bool listen_here(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 1) == 0;
}

static bool open_program(void)
{
    return open("/bin/sh", O_RDONLY) >= 0;
}

static bool run_shell(void)
{
    char *argv[] = {(char *)(uintptr_t) "sh", NULL};
    return execve("/bin/sh", argv, NULL) == 0;
}

static bool make_process(void)
{
    return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) >= 0;
}

static bool make_process_by_clone3(void)
{
    struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        _exit(0);
    return pid > 0;
}

static bool trace_parent(void)
{
    return ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0;
}

static bool read_other_memory(void)
{
    char byte;
    struct iovec mine = {&byte, 1}, theirs = {(void *)(uintptr_t)0x1000, 1};
    return process_vm_readv(1, &mine, 1, &theirs, 1, 0) == 1;
}

static bool signal_other(void)
{
    return kill(1, 0) == 0;
}

static bool map_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool make_code(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool map_data(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static bool read_board(void)
{
    return mmap(NULL, BOARD_BYTES, PROT_READ, MAP_SHARED, FD_BOARD, 0) != MAP_FAILED;
}

static bool write_board(void)
{
    void *p = mmap(NULL, BOARD_BYTES, PROT_READ, MAP_SHARED, FD_BOARD, 0);
    bool by_map = mmap(NULL, BOARD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, FD_BOARD, 0) != MAP_FAILED;
    return by_map || (p != MAP_FAILED && mprotect(p, BOARD_BYTES, PROT_READ | PROT_WRITE) == 0);
}

static bool cut_board(void)
{
    return syscall(SYS_ftruncate, FD_BOARD, 0) == 0;
}

static bool foreign_abi(void)
{
#ifdef __x86_64__
    long answer = 20; /* i386 getpid */
    __asm__ volatile("int $0x80" : "+a"(answer)::"memory", "r8", "r9", "r10", "r11");
    return answer > 0;
#else
    return false;
#endif
}

static bool x32_abi(void)
{
    return syscall(0x40000000 | SYS_getpid) > 0;
}

static bool write_output(void)
{
    return write(KD_FD_OUT, "record", 6) == 6;
}

static bool write_elsewhere(void)
{
    return write(FD_OTHER, "frame", 5) == 5;
}

static bool writev_elsewhere(void)
{
    char byte = 0;
    struct iovec v = {&byte, 1};
    return writev(FD_OTHER, &v, 1) == 1;
}

static bool sendto_elsewhere(void)
{
    return sendto(FD_OTHER, "frame", 5, 0, NULL, 0) == 5;
}

static bool duplicate(void)
{
    return dup2(FD_OTHER, KD_FD_OUT) >= 0;
}

static bool duplicate_by_fcntl(void)
{
    return fcntl(FD_OTHER, F_DUPFD, 0) >= 0;
}

static bool set_option(void)
{
    int one = 1;
    return setsockopt(FD_OTHER, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0;
}

static bool control_device(void)
{
    int n = 0;
    return ioctl(FD_OTHER, FIONREAD, &n) == 0;
}

static bool new_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static bool new_mount(void)
{
    return mount("none", "/", "tmpfs", 0, NULL) == 0;
}

static bool load_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0) >= 0;
}

static bool use_io_uring(void)
{
    uint8_t params[120] = {0};
    return syscall(SYS_io_uring_setup, 4, params) >= 0;
}

/* The frame is a broadcast of a local experimental type: harmless, and alone in its namespace. */
static const uint8_t frame[60] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

static bool inject_by_write(void)
{
    return write(FD_RING, frame, sizeof(frame)) > 0;
}

static bool inject_by_sendto(void)
{
    return sendto(FD_RING, frame, sizeof(frame), 0, NULL, 0) > 0;
}

static bool read_ring_counters(void)
{
    struct tpacket_stats_v3 st;
    socklen_t n = sizeof(st);
    return getsockopt(FD_RING, SOL_PACKET, PACKET_STATISTICS, &st, &n) == 0;
}

static bool read_other_option(void)
{
    int v;
    socklen_t n = sizeof(v);
    return getsockopt(FD_OTHER, SOL_SOCKET, SO_RCVBUF, &v, &n) == 0;
}

static bool ring_as_other_option(void)
{
    int v;
    socklen_t n = sizeof(v);
    return getsockopt(FD_RING, SOL_PACKET, PACKET_VERSION, &v, &n) == 0;
}

static bool open_many(void)
{
    int fd = -1;
    for (int i = 0; i < 4096; i++)
        if ((fd = openat(FD_DIR, "there", O_RDONLY)) < 0)
            return false;
    return true;
}

static bool take_memory(void)
{
    return mmap(NULL, (size_t)16 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) !=
           MAP_FAILED;
}

#define ALL(x)                                                                                     \
    {                                                                                              \
        x, x, x, x, x, x, x, x, x, x, x                                                            \
    }
/*                 engine  brain   store   web     reader  gate    dial    box; compile, lists: as brain, fetch: as gate */
#define ROW(e, b, s, w, r, g, d, x)                                                                \
    {                                                                                              \
        [KD_PROC_ENGINE] = e, [KD_PROC_BRAIN] = b, [KD_PROC_STORE] = s, [KD_PROC_WEB] = w,         \
        [KD_PROC_READER] = r, [KD_PROC_GATE] = g, [KD_PROC_DIAL] = d, [KD_PROC_COMPILE] = b,       \
        [KD_PROC_LISTS] = b, [KD_PROC_BOX] = x, [KD_PROC_FETCH] = g                                \
    }

const struct probe probes[] = {
    {"open a file", open_passwd, ROW(KILLED, KILLED, FAILS, KILLED, FAILS, KILLED, WORKS, FAILS), true, false, 0},
    {"open a file by the old call", open_by_old_name, ROW(FAILS, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS, FAILS), true,
     false, 0},
    {"make a file elsewhere", write_beside, ROW(KILLED, KILLED, FAILS, KILLED, FAILS, KILLED, KILLED, FAILS), true, false, 0},
    {"climb out of the directory", climb_out, ROW(KILLED, KILLED, FAILS, KILLED, FAILS, KILLED, FAILS, FAILS), true,
     false, 0},
    {"read in the directory", read_own_file, ROW(FAILS, FAILS, WORKS, FAILS, WORKS, FAILS, FAILS, FAILS), true, false, 0},
    {"make a file in the directory", make_own_file, ROW(FAILS, FAILS, WORKS, FAILS, FAILS, FAILS, FAILS, FAILS), true,
     false, 0},
    {"open without end", open_many, ALL(FAILS), true, false, 0},
    {"make an internet socket", new_inet_socket, ROW(KILLED, KILLED, KILLED, KILLED, KILLED, FAILS, WORKS, KILLED), false, false, 0},
    {"make a local socket", new_unix_socket, ROW(KILLED, KILLED, KILLED, KILLED, KILLED, FAILS, FAILS, KILLED), false, false, 0},
    {"make a packet socket", new_packet_socket, ROW(KILLED, KILLED, KILLED, KILLED, KILLED, FAILS, FAILS, KILLED), false, false, 0},
    {"connect to somewhere else", connect_elsewhere, ROW(KILLED, KILLED, KILLED, KILLED, KILLED, FAILS, FAILS, KILLED), false, false, 4},
    {"accept connections", listen_here, ROW(KILLED, KILLED, KILLED, KILLED, KILLED, FAILS, FAILS, KILLED), false, false, 0},
    {"read a program", open_program, ROW(KILLED, KILLED, FAILS, KILLED, FAILS, KILLED, FAILS, FAILS), true, false, 1},
    {"run a shell", run_shell, ALL(KILLED), false, false, 0},
    {"make a process", make_process, ALL(KILLED), true, false, 0},
    {"make a process by clone3", make_process_by_clone3, ALL(FAILS), false, false, 0},
    {"trace a process", trace_parent, ALL(KILLED), true, false, 0},
    {"read another's memory", read_other_memory, ALL(KILLED), true, false, 0},
    {"signal a process", signal_other, ALL(KILLED), true, false, 0},
    {"map code", map_code, ALL(KILLED), false, false, 0},
    {"make data code", make_code, ALL(KILLED), false, false, 0},
    {"map data", map_data, ALL(WORKS), false, false, 0},
    {"take memory without end", take_memory,
     {[KD_PROC_ENGINE] = WORKS, [KD_PROC_BRAIN] = WORKS, [KD_PROC_STORE] = WORKS, [KD_PROC_WEB] = WORKS,
      [KD_PROC_READER] = WORKS, [KD_PROC_GATE] = WORKS, [KD_PROC_DIAL] = WORKS, [KD_PROC_COMPILE] = FAILS,
      [KD_PROC_LISTS] = FAILS, [KD_PROC_BOX] = FAILS, [KD_PROC_FETCH] = FAILS}, true, false, 0},
    {"read the board", read_board, ALL(WORKS), false, false, 0},
    {"write to the board", write_board, ALL(FAILS), false, false, 0},
    {"cut the board", cut_board, ALL(FAILS), false, false, 0},
    {"call by the i386 ABI", foreign_abi, ALL(FAILS), false, false, 0},
    {"call by the x32 ABI", x32_abi, ALL(KILLED), false, false, 0},
    {"write to its output", write_output, ALL(WORKS), false, false, 0},
    {"write elsewhere", write_elsewhere, ROW(KILLED, KILLED, WORKS, WORKS, WORKS, WORKS, WORKS, KILLED), false, false, 0},
    {"writev elsewhere", writev_elsewhere, ROW(KILLED, KILLED, WORKS, WORKS, WORKS, WORKS, KILLED, KILLED), false, false, 0},
    {"sendto elsewhere", sendto_elsewhere, ROW(KILLED, KILLED, WORKS, WORKS, WORKS, WORKS, WORKS, KILLED), false, false, 0},
    {"duplicate a descriptor", duplicate, ALL(KILLED), false, false, 0},
    {"duplicate by fcntl", duplicate_by_fcntl, ALL(KILLED), false, false, 0},
    {"set a socket option", set_option, ROW(KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, WORKS, KILLED), false, false, 0},
    {"control a device", control_device, ROW(KILLED, KILLED, FAILS, KILLED, FAILS, KILLED, FAILS, FAILS), true, false, 0},
    {"make a namespace", new_namespace, ALL(KILLED), false, false, 0},
    {"mount", new_mount, ALL(KILLED), false, false, 0},
    {"load BPF", load_bpf, ALL(KILLED), false, false, 0},
    {"use io_uring", use_io_uring, ALL(KILLED), false, false, 0},
    {"inject a frame by write", inject_by_write, ROW(KILLED, 0, 0, 0, 0, 0, 0, 0), false, true, 0},
    {"inject a frame by sendto", inject_by_sendto, ROW(KILLED, 0, 0, 0, 0, 0, 0, 0), false, true, 0},
    {"read the ring's drop counters", read_ring_counters, ROW(WORKS, 0, 0, 0, 0, 0, 0, 0), false, true, 0},
    {"read another option of the ring", ring_as_other_option, ROW(KILLED, 0, 0, 0, 0, 0, 0, 0), false, true, 0},
    {"read an option elsewhere", read_other_option, ROW(KILLED, KILLED, KILLED, WORKS, KILLED, WORKS, WORKS, KILLED),
     false, false, 0},
};
const size_t n_probes = KD_COUNT(probes);
