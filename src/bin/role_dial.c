/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to one declared server: found by name, made, handed to the parent; then the
 * process ends.  Answers of name servers are foreign bytes, so neither the parent nor who holds the
 * password reads them. */
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <resolv.h>
#include <sys/socket.h>

#include "bin/role.h"
#include "bin/say.h"
#include "os/edge.h"
#include "os/fd.h"

enum { CONNECT_S = 8, NAME_S = 3, NAME_TRIES = 2 };

static int answer(enum kd_dialled what, const char *why, int fd)
{
    uint8_t room[200];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, KD_ORDER_DIALLED);
    kd_out_u8(&o, (uint8_t)what);
    kd_out_bytes(&o, kd_bytes_head(kd_str(why), 150));
    kd_ignore(kd_edge_offer(KD_FD_CONTROL, kd_out_bytes_view(&o), &fd,
                            fd >= 0)); /* a parent that is gone needs none */
    return KD_EXIT_DONE;
}

/* Connected within some seconds, or -1 and errno. */
static int connect_to(const struct addrinfo *a)
{
    struct timeval wait = {.tv_sec = CONNECT_S};
    KD_AUTO_FD fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
        connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        errno = errno == EINPROGRESS ? ETIMEDOUT : errno;
        return -1;
    }
    int given = fd;
    fd = -1;
    return given;
}

/* Files and name servers alone, whatever else the system is told to ask: their code is in the
 * library already, others' would have to be loaded. */
static void narrow_lookups(void)
{
    (void)__nss_configure_lookup("hosts", "files dns");
    if (res_init() == 0) {
        _res.retrans = NAME_S;
        _res.retry = NAME_TRIES;
    }
}

int kd_role_dial(const struct kd_start *s)
{
    struct kd_sandbox sb;
    narrow_lookups();
    kd_role_enter(s, &sb);
    char port[8];
    snprintf(port, sizeof(port), "%u", s->dial.port);
    struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    int rc = getaddrinfo(s->dial.host, port, &want, &list);
    if (rc != 0)
        return answer(KD_DIALLED_NO_NAME, gai_strerror(rc), -1);
    int fd = -1;
    for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_to(a);
    int why = errno;
    freeaddrinfo(list);
    int status =
        fd >= 0 ? answer(KD_DIALLED, "", fd) : answer(KD_DIALLED_NO_ANSWER, strerror(why), -1);
    kd_fd_close(&fd);
    return status;
}
