/* SPDX-License-Identifier: Apache-2.0 */
#include "os/edge.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void widen(int fd, size_t buffer)
{
    int want = (int)kd_min_size(buffer, 1u << 30);
    /* Only root may pass the system's maximum; the other call takes what is permitted.  A smaller
     * buffer makes writers wait sooner and nothing else, so failing changes nothing. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &want, sizeof(want)) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &want, sizeof(want));
}

enum kd_status kd_edge_new(size_t buffer, int ret_ends[2], struct kd_err *err)
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) != 0)
        return kd_fail_sys(err, KD_SYSTEM, "no socket pair between processes", NULL, errno);
    widen(ret_ends[0], buffer);
    widen(ret_ends[1], buffer);
    return KD_OK;
}

/* write(2), not send(2): a sandboxed role's filter pins the descriptors it may write to. */
enum kd_status kd_edge_send(int fd, struct kd_bytes message)
{
    for (;;) {
        ssize_t n = write(fd, message.p, message.n);
        if (n >= 0)
            return KD_OK;
        if (errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            (void)poll(&p, 1, -1);
        } else if (errno != EINTR) {
            return errno == EPIPE || errno == ECONNRESET ? KD_CLOSED : KD_SYSTEM;
        }
    }
}

enum kd_status kd_edge_offer(int fd, struct kd_bytes message, const int *fds, size_t n_fds)
{
    KD_ASSERT(n_fds <= KD_EDGE_FDS_MAX);
    struct iovec iov = {(void *)(uintptr_t)message.p, message.n};
    _Alignas(struct cmsghdr) uint8_t space[CMSG_SPACE(KD_EDGE_FDS_MAX * sizeof(int))] = {0};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n_fds > 0) {
        m.msg_control = space;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    while (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN)
            return KD_BUSY;
        if (errno != EINTR)
            return errno == EPIPE || errno == ECONNRESET ? KD_CLOSED : KD_SYSTEM;
    }
    return KD_OK;
}

static enum kd_status receive(int fd, int flags, struct msghdr *m, size_t *ret_n)
{
    for (;;) {
        ssize_t n = recvmsg(fd, m, flags | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? KD_MORE : errno == ECONNRESET ? KD_CLOSED : KD_SYSTEM;
        if ((m->msg_flags & MSG_TRUNC) != 0)
            return KD_LIMIT;
        *ret_n = (size_t)n;
        return n == 0 ? KD_CLOSED : KD_OK; /* nobody here sends an empty message */
    }
}

enum kd_status kd_edge_take(int fd, bool wait, void *into, size_t max, size_t *ret_n)
{
    struct iovec iov = {into, max};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    return receive(fd, wait ? 0 : MSG_DONTWAIT, &m, ret_n);
}

enum kd_status kd_edge_take_fds(int fd, void *into, size_t max, size_t *ret_n,
                                int ret_fds[KD_EDGE_FDS_MAX], size_t *ret_n_fds)
{
    struct iovec iov = {into, max};
    _Alignas(struct cmsghdr) uint8_t space[CMSG_SPACE(KD_EDGE_FDS_MAX * sizeof(int))];
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
    *ret_n_fds = 0;
    enum kd_status s = receive(fd, MSG_DONTWAIT, &m, ret_n);
    if (s != KD_OK)
        return s;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        n = kd_min_size(n, KD_EDGE_FDS_MAX - *ret_n_fds);
        memcpy(ret_fds + *ret_n_fds, CMSG_DATA(c), n * sizeof(int));
        *ret_n_fds += n;
    }
    return KD_OK;
}
