/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/fetch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "bin/say.h"
#include "bin/start.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/sandbox.h"
#include "os/spawn.h"

enum { MORE_S = 30, CONTROL_BYTES = 64 * 1024, MESSAGE_MAX = 2048 };

struct process {
    pid_t pid;
    int control;
};

struct work {
    const struct kd_config *config;
    const struct kd_fetch_want *want;
    struct kd_fetch_answer *answer;
    struct process fetch, dial;
    bool begun, over, dialled, shown;
};

static void fail(struct work *w, enum kd_fetched what, const char *why)
{
    *w->answer = (struct kd_fetch_answer){.outcome = (uint8_t)what};
    snprintf(w->answer->why, sizeof(w->answer->why), "%.150s", why);
    w->over = true;
}

/* ---- processes ---- */

static bool begin(struct process *p, const struct kd_config *config, enum kd_proc role, struct kd_start *s,
                  const int *fds)
{
    static uint8_t message[KD_START_BYTES_MAX];
    struct kd_err err = {0};
    int control[2];
    struct kd_spawn sp = {.args = {"--role", kd_proc_name(role)}, .log_fd = STDERR_FILENO, .fds = {-1, -1, -1, -1}};
    s->role = (uint8_t)role;
    s->reduced = strcmp(config->sandbox, "reduced") == 0;
    s->limits = config->limits;
    if (geteuid() == 0)
        kd_sandbox_user(role, &s->uid, &s->gid);
    if (kd_edge_new(CONTROL_BYTES, control, &err) != KD_OK)
        return false;
    sp.fds[0] = control[1];
    for (size_t i = 0; i < s->n_extras; i++)
        sp.fds[KD_FD_EXTRA - KD_FD_CONTROL + (int)i] = fds[i];
    sp.n_fds = KD_FD_EXTRA - KD_FD_CONTROL + s->n_extras;
    struct kd_out o = kd_out_of(message, sizeof(message));
    kd_start_put(&o, s);
    bool ok = kd_edge_offer(control[0], kd_out_bytes_view(&o), NULL, 0) == KD_OK && kd_spawn(&sp, &p->pid, &err) == KD_OK;
    (void)close(control[1]);
    p->control = control[0];
    if (!ok)
        kd_fd_close(&p->control);
    return ok;
}

static void end(struct process *p)
{
    int st;
    if (p->pid > 0) {
        (void)kill(p->pid, SIGKILL);
        while (waitpid(p->pid, &st, 0) < 0 && errno == EINTR)
            ;
    }
    p->pid = 0;
    kd_fd_close(&p->control);
}

static bool begin_fetch(struct work *w, int authorities_fd)
{
    static struct kd_start s; /* large */
    const int fds[] = {authorities_fd, w->want->room_fd};
    s = (struct kd_start){.n_extras = 2, .extra = {{.kind = KD_EXTRA_AUTHORITIES},
                                                   {.kind = KD_EXTRA_FETCHED, .number = w->want->most_mib}}};
    (void)lseek(authorities_fd, 0, SEEK_SET);
    return begin(&w->fetch, w->config, KD_PROC_FETCH, &s, fds);
}

static void to_fetch(struct work *w, enum kd_dialled what, struct kd_bytes why, int fd)
{
    uint8_t room[200];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, KD_ORDER_LINE);
    kd_out_u8(&o, (uint8_t)what);
    kd_out_bytes(&o, kd_bytes_head(why, 150));
    kd_ignore(kd_edge_offer(w->fetch.control, kd_out_bytes_view(&o), &fd, fd >= 0)); /* a dead one is noticed */
}

/* ---- connections ---- */

static bool same_host(struct kd_bytes host, const char *url)
{
    struct kd_bytes its;
    uint16_t port;
    return kd_config_https(kd_str(url), &its, &port) && kd_bytes_ieq(its, host);
}

bool kd_fetch_allows(const struct kd_config *c, struct kd_bytes host)
{
    for (size_t i = 0; i < c->rule_sources.n; i++)
        if (same_host(host, c->rule_sources.v[i].from.url))
            return true;
    for (size_t i = 0; i < c->feeds.n; i++)
        if (same_host(host, c->feeds.v[i].from.url))
            return true;
    for (size_t i = 0; i < c->fetch_hosts.n; i++)
        if (kd_bytes_ieq(kd_str(c->fetch_hosts.item[i]), host))
            return true;
    return false;
}

/* "name:port", as the configuration was checked. */
static void split_proxy(const char *text, char *name, size_t room, uint16_t *ret_port)
{
    char url[KD_CONFIG_TEXT_MAX + 16];
    struct kd_bytes host = kd_str("");
    snprintf(url, sizeof(url), "https://%.500s/", text);
    *ret_port = 0;
    if (text[0] != '\0')
        (void)!kd_config_https(kd_str(url), &host, ret_port);
    snprintf(name, room, "%.*s", (int)kd_min_size(host.n, room - 1), (const char *)host.p);
}

/* Fetch is not believed: it may name what it likes, and gets what the configuration names. */
static void dial_for(struct work *w, struct kd_cur *c)
{
    static struct kd_start s;
    s = (struct kd_start){.n_extras = 0};
    uint16_t port = kd_cur_le16(c);
    struct kd_bytes host = kd_cur_rest(c);
    if (port == 0 || host.n == 0 || host.n >= sizeof(s.dial.host) || !kd_fetch_allows(w->config, host)) {
        to_fetch(w, KD_DIALLED_NOT_MEANT, host, -1);
        return;
    }
    memcpy(s.dial.host, host.p, host.n);
    s.dial.port = port;
    if (w->config->fetch_proxy[0] != '\0')
        split_proxy(w->config->fetch_proxy, s.dial.host, sizeof(s.dial.host), &s.dial.port);
    end(&w->dial);
    w->dialled = false;
    if (!begin(&w->dial, w->config, KD_PROC_DIAL, &s, NULL))
        to_fetch(w, KD_DIALLED_NO_ANSWER, kd_str("no process for a connection"), -1);
}

static void hear_dial(struct work *w)
{
    uint8_t message[200];
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    enum kd_status s;
    while ((s = kd_edge_take_fds(w->dial.control, message, sizeof(message), &n, fds, &n_fds)) == KD_OK) {
        bool answer = message[0] == KD_ORDER_DIALLED && n >= 2 && message[1] <= KD_DIALLED_NO_ANSWER;
        if (!w->dialled && answer)
            to_fetch(w, (enum kd_dialled)message[1], kd_bytes_of(message + 2, n - 2), n_fds == 1 ? fds[0] : -1);
        else if (!w->dialled && message[0] == KD_ORDER_FAILED) /* its sandbox */
            to_fetch(w, KD_DIALLED_NO_ANSWER, kd_bytes_of(message + 1, n - 1), -1);
        w->dialled = w->dialled || answer || message[0] == KD_ORDER_FAILED;
        for (size_t i = 0; i < n_fds; i++)
            kd_fd_close(&fds[i]);
    }
    if (s == KD_MORE)
        return;
    if (!w->dialled)
        to_fetch(w, KD_DIALLED_NO_ANSWER, kd_str("the connection could not be made"), -1);
    end(&w->dial);
}

/* ---- the one that talks ---- */

static void give_order(struct work *w)
{
    static struct kd_fetch_order f;
    uint8_t room[MESSAGE_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    f = (struct kd_fetch_order){.most = (uint64_t)w->want->most_mib << 20, .timeout_s = (uint32_t)w->config->fetch_seconds};
    snprintf(f.url, sizeof(f.url), "%s", w->want->url);
    snprintf(f.etag, sizeof(f.etag), "%s", w->want->etag);
    snprintf(f.modified, sizeof(f.modified), "%s", w->want->modified);
    split_proxy(w->config->fetch_proxy, f.proxy, sizeof(f.proxy), &f.proxy_port);
    kd_out_u8(&o, KD_ORDER_FETCH);
    kd_fetch_order_put(&o, &f);
    w->begun = true;
    if (kd_edge_offer(w->fetch.control, kd_out_bytes_view(&o), NULL, 0) != KD_OK)
        fail(w, KD_FETCHED_INSIDE, "the process that fetches ended");
}

static void show(struct work *w, uint64_t bytes, uint64_t of)
{
    const double mib = 1 << 20;
    if (w->want->shown == NULL)
        return;
    w->shown = true;
    if (of > 0)
        fprintf(stderr, "\r%s: %.1f / %.1f MiB ", w->want->shown, (double)bytes / mib, (double)of / mib);
    else
        fprintf(stderr, "\r%s: %.1f MiB ", w->want->shown, (double)bytes / mib);
    (void)fflush(stderr);
}

static void on_order(struct work *w, struct kd_bytes message)
{
    struct kd_cur c = kd_cur_of(message);
    char text[200];
    struct kd_out o = kd_out_of(text, sizeof(text) - 1);
    uint64_t bytes;
    switch (kd_cur_u8(&c)) {
    case KD_ORDER_READY:
        if (!w->begun)
            give_order(w);
        break;
    case KD_ORDER_DIAL:
        dial_for(w, &c);
        break;
    case KD_ORDER_PROGRESS:
        bytes = kd_cur_le64(&c);
        show(w, bytes, kd_cur_le64(&c));
        break;
    case KD_ORDER_FETCHED:
        if (!kd_fetch_answer_read(&c, w->answer) || w->answer->bytes > (uint64_t)w->want->most_mib << 20)
            fail(w, KD_FETCHED_INSIDE, "the process that fetches broke the form");
        w->over = true;
        break;
    case KD_ORDER_FAILED:
        kd_out_escaped(&o, kd_bytes_head(kd_cur_rest(&c), 140));
        text[o.n] = '\0';
        fail(w, KD_FETCHED_INSIDE, text);
        break;
    default:
        break;
    }
}

static void hear_fetch(struct work *w)
{
    uint8_t message[MESSAGE_MAX];
    size_t n = 0;
    enum kd_status s = KD_OK;
    while (!w->over && (s = kd_edge_take(w->fetch.control, false, message, sizeof(message), &n)) == KD_OK)
        on_order(w, kd_bytes_of(message, n));
    if (!w->over && s != KD_MORE)
        fail(w, KD_FETCHED_INSIDE, "the process that fetches ended; is the disk full?");
}

void kd_fetch(const struct kd_config *config, int authorities_fd, const struct kd_fetch_want *want,
              struct kd_fetch_answer *ret)
{
    struct work w = {.config = config, .want = want, .answer = ret, .fetch = {.control = -1}, .dial = {.control = -1}};
    uint64_t until = kd_os_monotonic_us() + (config->fetch_seconds + MORE_S) * (uint64_t)KD_US_PER_S;
    if (!begin_fetch(&w, authorities_fd))
        fail(&w, KD_FETCHED_INSIDE, "there is no process to fetch it");
    while (!w.over) {
        struct pollfd fds[] = {{.fd = w.fetch.control, .events = POLLIN}, {.fd = w.dial.control, .events = POLLIN}};
        if (poll(fds, KD_COUNT(fds), 1000) > 0) {
            if (fds[1].revents != 0)
                hear_dial(&w);
            if (fds[0].revents != 0)
                hear_fetch(&w);
        }
        if (!w.over && kd_os_monotonic_us() > until)
            fail(&w, KD_FETCHED_TIME, "");
    }
    end(&w.dial);
    end(&w.fetch);
    if (w.shown)
        fputs("\r\033[K", stderr);
}
