/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/role.h"

#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/charset.h"
#include "base/hash.h"
#include "bin/say.h"
#include "os/edge.h"
#include "os/fd.h"

#define MIB ((uint64_t)1 << 20)

void kd_role_tell(enum kd_order what, struct kd_bytes text)
{
    uint8_t room[1024];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, (uint8_t)what);
    kd_out_bytes(&o, kd_bytes_head(text, sizeof(room) - 1));
    kd_ignore(kd_edge_send(KD_FD_CONTROL,
                           kd_out_bytes_view(&o))); /* a parent that is gone needs no word */
}

void kd_role_fail(const struct kd_err *err)
{
    uint8_t text[600];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_str(&o, err->what != NULL ? err->what : kd_status_text(err->status));
    if (err->detail[0] != '\0')
        kd_out_fmt(&o, ": %s", err->detail);
    if (err->sys != 0)
        kd_out_fmt(&o, " (%s)", strerror(err->sys));
    kd_role_tell(KD_ORDER_FAILED, kd_out_bytes_view(&o));
    _exit(KD_EXIT_COULD_NOT);
}

/* Box is given what waits for it on top of what it may take. */
static uint64_t memory_of(const struct kd_start *s)
{
    uint64_t bytes = (uint64_t)s->limits.yara_memory_mib << 20;
    for (size_t i = 0; i < s->n_extras; i++)
        if (s->extra[i].kind == KD_EXTRA_TRAY)
            bytes += ((uint64_t)s->limits.yara_queue_mib << 20) + MIB;
    return s->role == KD_PROC_BOX ? bytes : 0;
}

void kd_role_enter(const struct kd_start *s, struct kd_sandbox *into)
{
    static int rings[KD_EXTRAS_MAX];
    size_t n_rings = 0;
    for (size_t i = 0; i < s->n_extras; i++)
        if (s->extra[i].kind == KD_EXTRA_RING)
            rings[n_rings++] = KD_FD_EXTRA + (int)i;
    *into = (struct kd_sandbox){
        .role = (enum kd_proc)s->role,
        .reduced = s->reduced,
        .uid = s->uid,
        .gid = s->gid,
        .dir_fd = kd_start_fd(s, KD_EXTRA_DIRECTORY),
        .n_fds = KD_FD_EXTRA + (unsigned)s->n_extras,
        .ring_fds = rings,
        .n_ring_fds = n_rings,
        .port = s->dial.port,
        .memory_bytes = memory_of(s),
    };
    /* What libraries load at first use cannot be loaded afterwards. */
    kd_digest_warm();
    tzset();
    kd_charset_init();
    struct kd_err err = {0};
    if (kd_sandbox_enter(into, &err) != KD_OK)
        kd_role_fail(&err);
}

void kd_role_ready(void)
{
    kd_role_tell(KD_ORDER_READY, kd_str(""));
}

static struct kd_given_lists given;
static bool given_news;

static void drop_given(void)
{
    for (size_t i = 0; i < given.n; i++)
        kd_fd_close(&given.fd[i]);
    given.n = 0;
}

static void take_lists(struct kd_bytes message, const int *fds, size_t n)
{
    struct kd_cur c = kd_cur_of(message);
    (void)kd_cur_u8(&c);
    drop_given(); /* never taken up, and older */
    given.skip = kd_cur_le64(&c);
    given.n = n;
    for (size_t i = 0; i < n; i++)
        given.fd[i] = fds[i];
    given_news = true;
}

bool kd_role_given_lists(struct kd_given_lists *ret)
{
    bool news = given_news;
    if (news)
        *ret = given;
    given_news = false;
    given.n = 0;
    return news;
}

static int new_rules = -1;

int kd_role_new_rules(void)
{
    int fd = new_rules;
    new_rules = -1;
    return fd;
}

void kd_role_rules_came(int fd)
{
    kd_fd_close(&new_rules);
    new_rules = fd;
}

bool kd_role_stopping(void)
{
    static bool stop;
    uint8_t message[64];
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    while (!stop) {
        enum kd_status s = kd_edge_take_fds(KD_FD_CONTROL, message, sizeof(message), &n, fds, &n_fds);
        if (s == KD_MORE)
            break;
        if (s == KD_OK && message[0] == KD_ORDER_LISTS && n_fds <= KD_COUNT(given.fd)) {
            take_lists(kd_bytes_of(message, n), fds, n_fds);
            continue;
        }
        stop = s != KD_OK || message[0] == KD_ORDER_STOP;
        if (s == KD_OK && message[0] == KD_ORDER_RULES && n_fds == 1) {
            kd_role_rules_came(fds[0]);
            n_fds = 0;
        }
        for (size_t i = 0; s == KD_OK && i < n_fds; i++)
            kd_fd_close(&fds[i]);
    }
    return stop;
}

void kd_role_wait(struct pollfd *fds, size_t n, int timeout_ms)
{
    if (poll(fds, n, timeout_ms) < 0) /* a signal: nothing is ready then */
        for (size_t i = 0; i < n; i++)
            fds[i].revents = 0;
}

struct kd_bytes kd_role_read_extra(const struct kd_start *s, enum kd_extra kind, size_t max)
{
    int fd = kd_start_fd(s, kind);
    uint8_t *p = NULL;
    size_t n = 0;
    if (fd < 0)
        return kd_bytes_of(NULL, 0);
    struct kd_err err = {0};
    if (kd_fd_read_all(fd, max, &p, &n) != KD_OK) {
        (void)kd_fail_sys(&err, KD_LIMIT,
                          "a file of the configuration cannot be read or is too long", NULL, 0);
        kd_role_fail(&err);
    }
    return kd_bytes_of(p, n);
}

int kd_role_main(int argc, char **argv)
{
    static uint8_t message[KD_START_BYTES_MAX];
    static struct kd_start start;
    size_t n = 0;
    if (argc < 3 || kd_edge_take(KD_FD_CONTROL, true, message, sizeof(message), &n) != KD_OK ||
        kd_start_read(kd_bytes_of(message, n), &start) != KD_OK ||
        start.role != kd_proc_find(argv[2]))
        return kd_say(KD_EXIT_USAGE, "", "--role is for kidoban itself; see kidoban --help");
    (void)signal(SIGPIPE, SIG_IGN);
    /* A terminal and a service manager tell the whole group; the parent tells us when it is our
     * turn. */
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    switch ((enum kd_proc)start.role) {
    case KD_PROC_ENGINE:
        return kd_role_engine(&start);
    case KD_PROC_BRAIN:
        return kd_role_brain(&start);
    case KD_PROC_STORE:
        return kd_role_store(&start);
    case KD_PROC_WEB:
        return kd_role_web(&start);
    case KD_PROC_GATE:
        return kd_role_gate(&start);
    case KD_PROC_DIAL:
        return kd_role_dial(&start);
    case KD_PROC_LISTS:
        return kd_role_lists(&start);
    case KD_PROC_BOX:
        return kd_role_box(&start);
    case KD_PROC_COMPILE:
        return kd_role_compile(&start);
    case KD_PROC_FETCH:
        return kd_role_fetch(&start);
    case KD_PROC_UPDATE:
        return kd_role_update(&start);
    case KD_PROC_READER:
    case KD_PROC_COUNT:
        break;
    }
    return KD_EXIT_USAGE;
}
