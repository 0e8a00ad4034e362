/* SPDX-License-Identifier: Apache-2.0 */
/* Life and death of one role's process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bin/say.h"
#include "bin/sensor.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/spawn.h"

enum { FIRST_DELAY_MS = 200, LAST_DELAY_MS = 30000, SETTLED_S = 60 };

static bool could_not_start(struct kd_sensor *s, struct kd_child *c, const struct kd_err *err)
{
    s->could_not = true;
    s->stop_wanted = true;
    c->state = KD_CHILD_FAILED;
    (void)kd_say_err(0, s->plan.command, err);
    return false;
}

static void fill_spawn(const struct kd_child *c, int control, int log, struct kd_spawn *ret)
{
    *ret = (struct kd_spawn){.args = {"--role", kd_proc_name(c->role)}, .log_fd = log};
    if (c->role == KD_PROC_ENGINE)
        ret->args[2] = c->name + strlen("engine "); /* so that ps tells them apart */
    ret->fds[KD_FD_CONTROL - KD_FD_CONTROL] = control;
    ret->fds[KD_FD_IN - KD_FD_CONTROL] = c->in;
    ret->fds[KD_FD_OUT - KD_FD_CONTROL] = c->out;
    ret->fds[KD_FD_ASK - KD_FD_CONTROL] = c->ask;
    for (size_t i = 0; i < c->start.n_extras; i++)
        ret->fds[KD_FD_EXTRA - KD_FD_CONTROL + (int)i] = c->extra_fds[i];
    ret->n_fds = KD_FD_EXTRA - KD_FD_CONTROL + c->start.n_extras;
}

/* Record numbers of a successor must not meet its predecessor's. */
static uint64_t id_base(const struct kd_sensor *s, const struct kd_child *c)
{
    struct kd_clock clock = kd_os_clock();
    return s->plan.n_files == 0 || s->plan.loop ? kd_now_us(&clock) : (uint64_t)c->restarts << 40;
}

/* Files given as descriptors are read from their beginning by every successor. */
static void rewind_extras(const struct kd_child *c)
{
    for (size_t i = 0; i < c->start.n_extras; i++)
        if (c->start.extra[i].kind == KD_EXTRA_KNOWN_BAD ||
            c->start.extra[i].kind == KD_EXTRA_EXCEPTIONS ||
            c->start.extra[i].kind == KD_EXTRA_CERTIFICATE ||
            c->start.extra[i].kind == KD_EXTRA_KEY ||
            c->start.extra[i].kind == KD_EXTRA_PASSWORD ||
            c->start.extra[i].kind == KD_EXTRA_AUTHORITIES)
            (void)lseek(c->extra_fds[i], 0, SEEK_SET);
}

bool kd_child_start(struct kd_sensor *s, struct kd_child *c)
{
    static uint8_t message[KD_START_BYTES_MAX];
    struct kd_err err = {0};
    int control[2];
    int log[2];
    if (kd_edge_new(KD_EDGE_MESSAGE_MAX, control, &err) != KD_OK)
        return could_not_start(s, c, &err);
    if (pipe2(log, O_CLOEXEC) != 0) {
        (void)kd_fail_sys(&err, KD_SYSTEM, "no pipe for a role's log", NULL, errno);
        return could_not_start(s, c, &err);
    }
    (void)fcntl(log[0], F_SETFL, O_NONBLOCK);
    c->start.id_base = id_base(s, c);
    rewind_extras(c);
    struct kd_out o = kd_out_of(message, sizeof(message));
    kd_start_put(&o, &c->start);
    KD_ASSERT(kd_out_ok(&o));
    struct kd_spawn sp;
    fill_spawn(c, control[1], log[1], &sp);
    enum kd_status st = kd_edge_offer(control[0], kd_out_bytes_view(&o), NULL, 0);
    c->control = control[0];
    kd_lists_give(s, c);
    if (st == KD_OK)
        st = kd_spawn(&sp, &c->pid, &err);
    (void)close(control[1]);
    (void)close(log[1]);
    c->log_fd = log[0];
    if (st != KD_OK)
        return could_not_start(s, c, &err);
    c->relay = (struct kd_log_relay){0};
    c->reason[0] = '\0';
    c->told_to_stop = false;
    c->state = KD_CHILD_STARTING;
    c->since_us = kd_os_monotonic_us();
    return true;
}

void kd_child_stop(struct kd_child *c)
{
    uint8_t order = KD_ORDER_STOP;
    if (c->told_to_stop)
        return;
    c->told_to_stop = true;
    kd_ignore(
        kd_edge_offer(c->control, kd_bytes_of(&order, 1), NULL, 0)); /* a dead role has stopped */
}

static void on_order(struct kd_sensor *s, struct kd_child *c, struct kd_bytes message)
{
    struct kd_cur cur = kd_cur_of(message);
    char text[600];
    uint8_t what = kd_cur_u8(&cur);
    struct kd_bytes rest = kd_bytes_from(message, 1);
    struct kd_out o = kd_out_of(text, sizeof(text) - 1);
    kd_out_escaped(
        &o, rest); /* a role is not believed: nothing but printable text reaches the terminal */
    text[o.n] = '\0';
    if (c->role == KD_PROC_COMPILE && kd_rules_hear(s, c, message))
        return;
    if (c->role == KD_PROC_UPDATE && kd_updates_hear(s, c, message))
        return;
    switch (what) {
    case KD_ORDER_READY:
        c->state = KD_CHILD_RUNNING;
        c->since_us = kd_os_monotonic_us();
        kd_health_started(s, c);
        c->was_running = true;
        break;
    case KD_ORDER_NEXT:
        if (c->role == KD_PROC_ENGINE)
            kd_files_next(s, c, &cur);
        break;
    case KD_ORDER_FAILED:
        memcpy(c->reason, text, sizeof(c->reason));
        break;
    case KD_ORDER_PASSWORD:
        if (c->role == KD_PROC_STORE && s->plan.web)
            fprintf(stderr,
                    kd_say_japanese()
                        ? "最初のログイン: 利用者 admin  パスワード %s\n(一度しか表示しません)\n"
                        : "first login: user admin  password %s\n(shown only once)\n",
                    text);
        break;
    case KD_ORDER_TAKEN:
        if (c->role == KD_PROC_ENGINE)
            kd_rules_taken(s, c, rest);
        break;
    case KD_ORDER_DIAL:
        if (c->role == KD_PROC_GATE)
            kd_dial_asked(s);
        break;
    case KD_ORDER_CHANNEL:
        if (c->role == KD_PROC_GATE)
            kd_health_channel(s, rest);
        break;
    case KD_ORDER_PROBLEM:
        s->could_not |= s->plan.n_files > 0 && !s->plan.loop; /* a replay's output is not whole */
        (void)kd_say(0, s->plan.command, "%s", text);
        break;
    default:
        break;
    }
}

void kd_child_hear(struct kd_sensor *s, struct kd_child *c)
{
    uint8_t message[4200];
    size_t n = 0;
    if (c->role == KD_PROC_DIAL) {
        kd_dial_hear(s, c);
        return;
    }
    if (c->role == KD_PROC_LISTS) {
        kd_lists_hear(s, c);
        return;
    }
    while (kd_edge_take(c->control, false, message, sizeof(message), &n) == KD_OK)
        on_order(s, c, kd_bytes_of(message, n));
}

/* Exponential, from 0.2 s to 30 s; who ran for a minute begins anew. */
static uint64_t delay_us(struct kd_child *c, uint64_t now)
{
    if (now - c->since_us > SETTLED_S * (uint64_t)KD_US_PER_S)
        c->backoff = 0;
    uint64_t ms = (uint64_t)FIRST_DELAY_MS << kd_min_size(c->backoff++, 10);
    return kd_min_u64(ms, LAST_DELAY_MS) * KD_US_PER_MS;
}

/* The deaths of the last minute are one too many when the oldest kept one is not a minute ago. */
static bool too_often(struct kd_child *c, uint64_t now)
{
    uint64_t oldest = c->deaths_us[0];
    memmove(c->deaths_us, c->deaths_us + 1, sizeof(c->deaths_us) - sizeof(c->deaths_us[0]));
    c->deaths_us[KD_DEATHS_MAX - 1] = now;
    return oldest != 0 && now - oldest < KD_US_PER_MINUTE;
}

static void died(struct kd_sensor *s, struct kd_child *c, int wait_status)
{
    uint64_t now = kd_os_monotonic_us();
    uint64_t wait_us = delay_us(c, now);
    c->restarts++;
    c->state = KD_CHILD_WAITING;
    if (too_often(c, now)) {
        c->state = KD_CHILD_FAILED;
        wait_us = KD_RETRY_FAILED_S * (uint64_t)KD_US_PER_S;
        s->could_not |= s->plan.n_files > 0 && !s->plan.loop; /* a replay without it is no replay */
    }
    c->restart_us = now + wait_us;
    kd_health_ended(s, c, wait_status, wait_us);
    if (c->reason[0] != '\0')
        (void)kd_say(0, s->plan.command, "%s: %s", c->name, c->reason);
}

void kd_child_ended(struct kd_sensor *s, struct kd_child *c, int wait_status)
{
    kd_child_hear(s, c);
    while (kd_log_relay(&c->relay, c->log_fd, c->name, kd_os_monotonic_us()))
        ;
    kd_fd_close(&c->control);
    kd_fd_close(&c->log_fd);
    c->pid = 0;
    if (c->role == KD_PROC_DIAL) {
        kd_dial_ended(s, c);
        return;
    }
    if (c->role == KD_PROC_COMPILE) {
        kd_rules_ended(s, c, wait_status);
        return;
    }
    if (c->role == KD_PROC_UPDATE) {
        kd_updates_ended(s, c, wait_status);
        return;
    }
    bool well = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
    if (c->role == KD_PROC_LISTS) {
        kd_lists_ended(s, c, well);
        return;
    }
    bool files_done = c->role == KD_PROC_ENGINE && s->plan.n_files > 0 && well;
    if (c->fresh && well) {
        c->fresh = false;
        (void)kd_child_start(s, c);
    } else if (files_done || (well && c->told_to_stop)) {
        c->state = KD_CHILD_DONE;
    } else if (s->stop_wanted &&
               (s->could_not || c->role == KD_PROC_ENGINE || c->role == KD_PROC_WEB ||
                c->role == KD_PROC_GATE || c->role == KD_PROC_BOX)) {
        c->state = KD_CHILD_DONE; /* nothing depends on it any more */
    } else if (!c->was_running && WIFEXITED(wait_status) && c->reason[0] != '\0') {
        (void)kd_say(0, s->plan.command, "%s cannot start: %s", c->name, c->reason);
        s->could_not = true;
        s->stop_wanted = true;
        c->state = KD_CHILD_FAILED;
    } else {
        died(s, c, wait_status);
    }
    kd_health_status_file(s);
}
