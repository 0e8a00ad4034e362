/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/sensor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bin/say.h"
#include "os/clock.h"
#include "os/fd.h"

static bool is_stopped(const struct kd_child *c)
{
    return c->state == KD_CHILD_DONE || c->state == KD_CHILD_FAILED || c->state == KD_CHILD_OFF;
}

static bool all_stopped(const struct kd_sensor *s, enum kd_proc role)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].role == role && !is_stopped(&s->child[i]))
            return false;
    return true;
}

static bool is_due(const struct kd_sensor *s, const struct kd_child *c)
{
    switch (c->role) {
    case KD_PROC_ENGINE:
        return s->stop_wanted && s->phase >= KD_PHASE_ENGINES;
    case KD_PROC_BOX:
        return s->phase >= KD_PHASE_BOX;
    case KD_PROC_BRAIN:
        return s->phase >= KD_PHASE_BRAIN;
    case KD_PROC_STORE:
    case KD_PROC_WEB:
    case KD_PROC_GATE:
        return s->phase >= KD_PHASE_STORE;
    case KD_PROC_DIAL: /* end by themselves */
    case KD_PROC_LISTS:
    case KD_PROC_COMPILE:
    case KD_PROC_UPDATE:
    case KD_PROC_FETCH:
    case KD_PROC_READER:
    case KD_PROC_COUNT:
        break;
    }
    return false;
}

static void enter_phase(struct kd_sensor *s, enum kd_phase phase)
{
    s->phase = phase;
    s->phase_until_us =
        s->stop_wanted ? kd_os_monotonic_us() + KD_STOP_WAIT_S * (uint64_t)KD_US_PER_S : 0;
}

/* One step after the other: who writes ends before who reads, so that nothing is left between them.
 */
static void advance(struct kd_sensor *s)
{
    if (s->phase == KD_PHASE_RUN && (s->stop_wanted || all_stopped(s, KD_PROC_ENGINE)))
        enter_phase(s, KD_PHASE_ENGINES);
    if (s->phase == KD_PHASE_ENGINES && all_stopped(s, KD_PROC_ENGINE))
        enter_phase(s, KD_PHASE_BOX);
    if (s->phase == KD_PHASE_BOX && all_stopped(s, KD_PROC_BOX))
        enter_phase(s, KD_PHASE_BRAIN);
    if (s->phase == KD_PHASE_BRAIN && all_stopped(s, KD_PROC_BRAIN))
        enter_phase(s, KD_PHASE_STORE);
    if (s->phase == KD_PHASE_STORE && all_stopped(s, KD_PROC_STORE) && all_stopped(s, KD_PROC_WEB) &&
        all_stopped(s, KD_PROC_GATE))
        s->phase = KD_PHASE_OVER;
    for (size_t i = 0; i < s->n_children; i++) {
        struct kd_child *c = &s->child[i];
        if (is_due(s, c) && c->state == KD_CHILD_RUNNING)
            kd_child_stop(c);
    }
}

static void kill_all(struct kd_sensor *s)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].pid > 0)
            (void)kill(s->child[i].pid, SIGKILL);
}

/* What the clock demands: restarts, and an end to waiting. */
static void on_time(struct kd_sensor *s)
{
    uint64_t now = kd_os_monotonic_us();
    for (size_t i = 0; i < s->n_children; i++) {
        struct kd_child *c = &s->child[i];
        bool wants = c->state == KD_CHILD_WAITING ||
                     (c->state == KD_CHILD_FAILED && s->phase == KD_PHASE_RUN);
        if (wants && c->restart_us != 0 && now >= c->restart_us) {
            if (s->stop_wanted && c->role == KD_PROC_ENGINE)
                c->state = KD_CHILD_DONE;
            else
                (void)kd_child_start(s, c);
        }
        kd_rules_late(s, c, now);
        bool late = c->state == KD_CHILD_STARTING &&
                    now > c->since_us + KD_START_WAIT_S * (uint64_t)KD_US_PER_S;
        if (late && c->pid > 0)
            (void)kill(c->pid, SIGKILL);
        kd_lists_late(c);
    }
    kd_updates_tick(s);
    if (s->phase_until_us != 0 && now > s->phase_until_us) {
        s->could_not = true;
        (void)kd_say(0, s->plan.command, "not everything ended in time; ending it the hard way");
        s->phase_until_us = 0;
        kill_all(s);
    }
}

static int next_wait_ms(const struct kd_sensor *s)
{
    uint64_t now = kd_os_monotonic_us(), first = now + 1000 * (uint64_t)KD_US_PER_MS;
    for (size_t i = 0; i < s->n_children; i++) {
        const struct kd_child *c = &s->child[i];
        if (c->state == KD_CHILD_WAITING && c->restart_us != 0)
            first = kd_min_u64(first, kd_max_u64(c->restart_us, now));
    }
    return (int)((first - now + KD_US_PER_MS - 1) / KD_US_PER_MS);
}

static void reap(struct kd_sensor *s)
{
    int st;
    pid_t pid;
    while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
        for (size_t i = 0; i < s->n_children; i++)
            if (s->child[i].pid == pid)
                kd_child_ended(s, &s->child[i], st);
}

static void on_signal(struct kd_sensor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            reap(s);
        } else if (info.ssi_signo == SIGHUP) {
            kd_sensor_reload(s);
        } else if (s->stop_wanted) {
            s->could_not = true;
            kill_all(s);
        } else {
            s->stop_wanted = true;
        }
    }
}

static int make_signal_fd(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void wait_and_hear(struct kd_sensor *s)
{
    struct pollfd fds[2 * KD_CHILDREN_MAX + 1];
    struct kd_child *of[2 * KD_CHILDREN_MAX + 1] = {NULL};
    nfds_t n = 0;
    fds[n++] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    for (size_t i = 0; i < s->n_children; i++) {
        struct kd_child *c = &s->child[i];
        if (c->pid <= 0)
            continue;
        of[n] = c;
        fds[n++] = (struct pollfd){.fd = c->control, .events = POLLIN};
        of[n] = c;
        fds[n++] = (struct pollfd){.fd = c->log_fd, .events = POLLIN};
    }
    if (poll(fds, n, next_wait_ms(s)) <= 0)
        return;
    for (nfds_t i = 1; i < n; i++)
        if (fds[i].revents != 0 && of[i]->pid > 0 && fds[i].fd == of[i]->log_fd)
            (void)kd_log_relay(&of[i]->relay, of[i]->log_fd, of[i]->name, kd_os_monotonic_us());
        else if (fds[i].revents != 0 && of[i]->pid > 0)
            kd_child_hear(s, of[i]);
    if (fds[0].revents != 0)
        on_signal(s);
}

/* Readers before writers; engines when there are rules for them. */
static bool start_one(struct kd_sensor *s, struct kd_child *c)
{
    if (c->role != KD_PROC_ENGINE || !kd_rules_awaited(s))
        return kd_child_start(s, c);
    c->state = KD_CHILD_WAITING;
    c->restart_us = 0;
    return true;
}

static bool start_all(struct kd_sensor *s)
{
    static const enum kd_proc order[] = {KD_PROC_STORE, KD_PROC_BRAIN, KD_PROC_BOX, KD_PROC_WEB, KD_PROC_GATE, KD_PROC_ENGINE};
    kd_rules_begin(s);
    for (size_t o = 0; o < KD_COUNT(order); o++)
        for (size_t i = 0; i < s->n_children; i++)
            if (s->child[i].role == order[o] && !start_one(s, &s->child[i]))
                return false;
    return true;
}

/* Before anything else in a replay, which is to be the same twice; a live sensor does not wait for them. */
static void read_lists(struct kd_sensor *s)
{
    kd_lists_reload(s);
    while (s->plan.n_files > 0 && !s->plan.loop && s->lists.made_fd >= 0 && !s->stop_wanted) {
        wait_and_hear(s);
        on_time(s);
    }
}

static int conclude(const struct kd_sensor *s)
{
    if (s->could_not)
        return KD_EXIT_COULD_NOT;
    bool nothing = s->plan.n_files > 0 && !s->plan.loop && s->file_problems > 0 && s->frames == 0;
    return nothing ? KD_EXIT_COULD_NOT : KD_EXIT_DONE;
}

int kd_sensor_run(const struct kd_plan *plan)
{
    static struct kd_sensor s;
    s = (struct kd_sensor){
        .plan = *plan, .lock_fd = -1, .dir_fd = -1, .data_fd = -1, .listen_fd = -1,
        .board_fd = -1, .board_reading_fd = -1, .state_fd = -1, .bell_fd = -1,
        .rules = {.image_fd = -1, .room_fd = -1, .reading_fd = -1},
        .lists = {.fd = {-1, -1}, .made_fd = -1}};
    for (size_t i = 0; i < KD_EDGES; i++)
        s.edges[i][0] = s.edges[i][1] = -1;
    s.signal_fd = make_signal_fd();
    bool ready = kd_sensor_open(&s) && kd_sensor_describe(&s);
    if (ready)
        read_lists(&s);
    if (!ready || !start_all(&s)) {
        kill_all(&s);
        kd_sensor_close(&s);
        return KD_EXIT_COULD_NOT;
    }
    if (strcmp(plan->config->sandbox, "reduced") == 0)
        kd_health_reduced(&s);
    while (s.phase != KD_PHASE_OVER) {
        wait_and_hear(&s);
        on_time(&s);
        advance(&s);
    }
    kill_all(&s); /* a connection that is being made */
    kd_sensor_close(&s);
    return conclude(&s);
}
