/* SPDX-License-Identifier: Apache-2.0 */
/* One file by HTTPS, into memory that was given; then the process ends.  It has no network: it asks for a connection
 * to each host, and gets it or does not. */
#include <poll.h>
#include <sys/mman.h>

#include "adapter/https/https.h"
#include "bin/fetch_order.h"
#include "bin/role.h"
#include "bin/say.h"
#include "config/config.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/shared.h"

enum { PEM_BYTES_MAX = 4 << 20, REDIRECTS_MAX = 4, MIB_SHIFT = 20, TELL_MS = 300 };

struct fetching {
    struct kd_fetch_order order;
    struct kd_https *https;
    uint8_t *room;
    uint64_t told_us;
};

/* The next message, with at most one descriptor (-1: none). */
static enum kd_order hear(uint8_t *message, size_t room, size_t *ret_n, int *ret_fd)
{
    int fds[KD_EDGE_FDS_MAX];
    size_t n_fds = 0;
    struct pollfd wait = {.fd = KD_FD_CONTROL, .events = POLLIN};
    enum kd_status s;
    while ((s = kd_edge_take_fds(KD_FD_CONTROL, message, room, ret_n, fds, &n_fds)) == KD_MORE)
        kd_role_wait(&wait, 1, -1);
    if (s != KD_OK || *ret_n == 0 || message[0] == KD_ORDER_STOP)
        _exit(KD_EXIT_COULD_NOT); /* nobody waits for it any more */
    *ret_fd = n_fds > 0 ? fds[0] : -1;
    for (size_t i = 1; i < n_fds; i++)
        kd_fd_close(&fds[i]);
    return (enum kd_order)message[0];
}

/* A connection to the host of the URL, or to the proxy on its behalf. */
static int dial(struct kd_bytes host, uint16_t port, struct kd_fetch_answer *a)
{
    uint8_t room[400];
    size_t n = 0;
    int fd = -1;
    struct kd_out o = kd_out_of(room, sizeof(room)), why = kd_out_of(a->why, sizeof(a->why) - 1);
    kd_out_le16(&o, port);
    kd_out_bytes(&o, host);
    kd_role_tell(KD_ORDER_DIAL, kd_out_bytes_view(&o));
    if (hear(room, sizeof(room), &n, &fd) != KD_ORDER_LINE)
        _exit(KD_EXIT_COULD_NOT);
    if (fd >= 0 && kd_bytes_at(kd_bytes_of(room, n), 1) == KD_DIALLED)
        return fd;
    kd_fd_close(&fd);
    uint8_t what = kd_bytes_at(kd_bytes_of(room, n), 1);
    a->outcome = what == KD_DIALLED_NO_NAME   ? KD_FETCHED_NO_NAME
                 : what == KD_DIALLED_NOT_MEANT ? KD_FETCHED_ELSEWHERE
                                              : KD_FETCHED_NO_ANSWER;
    kd_out_escaped(&why, kd_bytes_from(kd_bytes_of(room, kd_min_size(n, 120)), 2));
    a->why[why.n] = '\0';
    return -1;
}

static bool tell_progress(void *arg, uint64_t bytes, uint64_t of)
{
    struct fetching *f = arg;
    uint8_t room[32];
    struct kd_out o = kd_out_of(room, sizeof(room));
    uint64_t now = kd_os_monotonic_us();
    if (now - f->told_us < TELL_MS * (uint64_t)KD_US_PER_MS)
        return true;
    f->told_us = now;
    kd_out_u8(&o, KD_ORDER_PROGRESS);
    kd_out_le64(&o, bytes);
    kd_out_le64(&o, of);
    return kd_edge_offer(KD_FD_CONTROL, kd_out_bytes_view(&o), NULL, 0) != KD_CLOSED;
}

static enum kd_fetched fetched_of(enum kd_https_outcome what)
{
    static const enum kd_fetched outcomes[KD_HTTPS_OUTCOMES] = {
        [KD_HTTPS_DONE] = KD_FETCHED_NEW,
        [KD_HTTPS_UNCHANGED] = KD_FETCHED_UNCHANGED,
        [KD_HTTPS_REDIRECTED] = KD_FETCHED_ELSEWHERE,
        [KD_HTTPS_REFUSED] = KD_FETCHED_REFUSED,
        [KD_HTTPS_CERTIFICATE] = KD_FETCHED_CERTIFICATE,
        [KD_HTTPS_TLS] = KD_FETCHED_TLS,
        [KD_HTTPS_TOO_LARGE] = KD_FETCHED_TOO_LARGE,
        [KD_HTTPS_CUT] = KD_FETCHED_CUT,
        [KD_HTTPS_TIME] = KD_FETCHED_TIME,
        [KD_HTTPS_CLOSED] = KD_FETCHED_NO_ANSWER,
        [KD_HTTPS_FAULT] = KD_FETCHED_INSIDE,
    };
    return outcomes[what];
}

/* False: it was redirected, order->url is where to. */
static bool one_host(struct fetching *f, struct kd_fetch_answer *a)
{
    struct kd_fetch_order *order = &f->order;
    struct kd_https_result r;
    struct kd_bytes host;
    char name[300];
    uint16_t port;
    *a = (struct kd_fetch_answer){.outcome = KD_FETCHED_ELSEWHERE};
    if (!kd_config_https(kd_str(order->url), &host, &port)) {
        snprintf(a->why, sizeof(a->why), "%.100s", order->url);
        return true;
    }
    snprintf(name, sizeof(name), "%.*s", (int)kd_min_size(host.n, sizeof(name) - 1), (const char *)host.p);
    int fd = dial(host, port, a);
    if (fd < 0)
        return true;
    struct kd_https_want want = {.url = order->url, .host = name, .port = port, .proxy = order->proxy,
                                 .proxy_port = order->proxy_port, .etag = order->etag, .modified = order->modified,
                                 .into = f->room, .most = order->most, .timeout_s = order->timeout_s,
                                 .progress = tell_progress, .arg = f};
    kd_https_get(f->https, fd, &want, &r);
    if (r.outcome == KD_HTTPS_REDIRECTED && r.location[0] != '\0') {
        memcpy(order->url, r.location, sizeof(order->url));
        return false;
    }
    a->outcome = (uint8_t)fetched_of(r.outcome);
    a->bytes = r.bytes;
    memcpy(a->etag, r.etag, sizeof(a->etag));
    memcpy(a->modified, r.modified, sizeof(a->modified));
    memcpy(a->why, r.why, sizeof(a->why));
    return true;
}

static void fetch(struct fetching *f)
{
    struct kd_fetch_answer a;
    uint8_t room[900];
    unsigned hops = 0;
    while (!one_host(f, &a))
        if (++hops > REDIRECTS_MAX) {
            a = (struct kd_fetch_answer){.outcome = KD_FETCHED_ELSEWHERE};
            snprintf(a.why, sizeof(a.why), "too many redirections");
            break;
        }
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_fetch_answer_put(&o, &a);
    kd_role_tell(KD_ORDER_FETCHED, kd_out_bytes_view(&o));
}

int kd_role_fetch(const struct kd_start *s)
{
    static struct fetching f;
    static uint8_t message[2048];
    struct kd_sandbox sb;
    struct kd_err err = {0};
    void *memory = NULL;
    size_t n = 0;
    int fd = -1;
    uint32_t mib = 0;
    for (size_t i = 0; i < s->n_extras; i++)
        if (s->extra[i].kind == KD_EXTRA_FETCHED)
            mib = s->extra[i].number;
    if (kd_https_new(kd_role_read_extra(s, KD_EXTRA_AUTHORITIES, PEM_BYTES_MAX), &f.https, &err) != KD_OK)
        kd_role_fail(&err);
    kd_role_enter(s, &sb);
    if (kd_shared_map(kd_start_fd(s, KD_EXTRA_FETCHED), (size_t)mib << MIB_SHIFT, true, &memory, &err) != KD_OK)
        kd_role_fail(&err);
    f.room = memory;
    kd_role_ready();
    if (hear(message, sizeof(message), &n, &fd) != KD_ORDER_FETCH)
        _exit(KD_EXIT_COULD_NOT);
    kd_fd_close(&fd);
    struct kd_cur c = kd_cur_of(kd_bytes_of(message + 1, n - 1));
    if (!kd_fetch_order_read(&c, &f.order) || f.order.most > (uint64_t)mib << MIB_SHIFT)
        _exit(KD_EXIT_COULD_NOT);
    fetch(&f);
    return KD_EXIT_DONE; /* the end of the process frees all */
}
