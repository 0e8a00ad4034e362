/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and lists that keep themselves fresh: when a source's time has come a process is started (role update), which
 * fetches, checks and puts files in their place; what became of it is told here, and the roles concerned take it up. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bin/say.h"
#include "bin/sensor.h"
#include "os/clock.h"
#include "os/edge.h"

enum { LOOK_S = 1, FIRST_S = 60, RUN_S = 4 * 3600, REMIND_S = 86400, AGAIN_S = 60 };

static struct kd_child *updater(struct kd_sensor *s)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].role == KD_PROC_UPDATE)
            return &s->child[i];
    return NULL;
}

static uint64_t now_us(void)
{
    struct kd_clock clock = kd_os_clock();
    return kd_now_us(&clock);
}

void kd_updates_describe(struct kd_sensor *s)
{
    /* A replay and the demo are of the past. */
    if (s->plan.n_files > 0 || s->plan.dir == NULL)
        return;
    (void)kd_sensor_child(s, KD_PROC_UPDATE, 0);
    s->updates.first = true;
    s->updates.next_us = kd_os_monotonic_us();
}

/* ---- what became of it ---- */

static uint64_t signature_of(const struct kd_sensor *s)
{
    struct stat st;
    char path[KD_CONFIG_TEXT_MAX + 32];
    snprintf(path, sizeof(path), "%s/updates/state", s->plan.dir);
    return stat(path, &st) == 0 ? st.st_ino ^ (uint64_t)st.st_mtim.tv_nsec << 20 ^ (uint64_t)st.st_mtim.tv_sec : 0;
}

static const struct kd_update_row *row_of(const struct kd_updates *u, const struct kd_update_source *source)
{
    return kd_updates_find(u, source->id);
}

/* News of one source: it fails (otherwise than before), is well again, or brought something. */
static void tell_row(struct kd_sensor *s, const struct kd_update_source *source, const struct kd_update_row *was,
                     const struct kd_update_row *is)
{
    bool failing = is->fails > 0, failed = was != NULL && was->fails > 0;
    bool news = failing ? !failed || was->outcome != is->outcome
                        : failed || (was != NULL ? was->new_us != is->new_us : is->new_us != 0);
    if (news && !(s->updates.first && !failing))
        kd_health_update(s, source, is);
}

/* Some source has failed for too long: told once, then once a day, and when all are well. */
static void tell_alarm(struct kd_sensor *s, const struct kd_update_source *source, size_t n)
{
    const struct kd_update_source *worst = NULL;
    const struct kd_update_row *its = NULL;
    uint64_t now = now_us(), mono = kd_os_monotonic_us();
    for (size_t i = 0; i < n; i++) {
        const struct kd_update_row *r = row_of(&s->updates.state, &source[i]);
        uint64_t after_us = s->plan.config->fetch_alarm_minutes * KD_US_PER_MINUTE;
        bool late = r != NULL && r->failing_us != 0 && now >= r->failing_us + after_us;
        /* Nor was it tried: what should fetch it cannot. */
        late = late || (r != NULL && r->ok_us != 0 && now > r->ok_us + 2 * source[i].from->every_s * (uint64_t)KD_US_PER_S +
                                                                after_us + RUN_S * (uint64_t)KD_US_PER_S);
        if (late && (its == NULL || r->ok_us < its->ok_us)) {
            its = r;
            worst = &source[i];
        }
    }
    bool alarm = worst != NULL, again = alarm && mono > s->updates.alarm_us + REMIND_S * (uint64_t)KD_US_PER_S;
    if (alarm == s->updates.alarm && !again && !s->updates.first)
        return;
    if (s->updates.first && !alarm && s->updates.state.n == 0)
        return; /* nothing was ever fetched */
    s->updates.alarm = alarm;
    s->updates.alarm_us = mono;
    kd_health_update_alarm(s, worst, its);
}

static void look(struct kd_sensor *s)
{
    static struct kd_updates was;
    static struct kd_update_source source[KD_UPDATE_ROWS];
    uint64_t signature = signature_of(s);
    size_t n = kd_update_sources(s->plan.config, source);
    bool lists = false;
    if (signature != s->updates.signature || s->updates.first) {
        was = s->updates.state;
        kd_updates_read(s->plan.dir, &s->updates.state);
        for (size_t i = 0; i < n; i++) {
            const struct kd_update_row *before = row_of(&was, &source[i]), *is = row_of(&s->updates.state, &source[i]);
            if (is != NULL)
                tell_row(s, &source[i], before, is);
            lists = lists || (is != NULL && !source[i].rules && is->new_us != (before != NULL ? before->new_us : 0));
        }
        kd_health_status_file(s);
    }
    tell_alarm(s, source, n);
    if (lists && !s->updates.first) /* somebody fetched them by hand */
        kd_lists_reload(s);
    s->updates.signature = signature;
    s->updates.first = false;
}

/* ---- time ---- */

static bool any_due(const struct kd_sensor *s)
{
    static struct kd_update_source source[KD_UPDATE_ROWS];
    size_t n = kd_update_sources(s->plan.config, source);
    uint64_t now = now_us();
    for (size_t i = 0; i < n; i++) {
        const struct kd_update_row *r = row_of(&s->updates.state, &source[i]);
        /* All sensors of a region start when the power comes back: the first time is spread. */
        uint64_t spread_s = kd_min_u64(source[i].from->every_s / 10, FIRST_S);
        if (r == NULL && kd_os_monotonic_us() - s->updates.since_us < s->updates.chance % (spread_s * KD_US_PER_S + 1))
            continue;
        if (kd_update_due(r, source[i].from->every_s, now))
            return true;
    }
    return false;
}

static void start(struct kd_sensor *s, struct kd_child *c)
{
    static char text[2 * KD_CONFIG_TEXT_MAX];
    snprintf(text, sizeof(text), "%s\n%s", s->plan.config_path != NULL ? s->plan.config_path : "", s->plan.dir);
    c->start.tunables = kd_str(text);
    c->start.uid = c->start.gid = 0;
    (void)kd_child_start(s, c);
}

void kd_updates_tick(struct kd_sensor *s)
{
    struct kd_child *c = updater(s);
    uint64_t now = kd_os_monotonic_us();
    if (c == NULL || s->stop_wanted || s->phase != KD_PHASE_RUN || now < s->updates.next_us)
        return;
    s->updates.next_us = now + LOOK_S * (uint64_t)KD_US_PER_S;
    if (s->updates.first) {
        s->updates.since_us = now;
        s->updates.chance = kd_os_random_u64();
    }
    look(s);
    if (c->pid > 0 && now > c->since_us + RUN_S * (uint64_t)KD_US_PER_S)
        (void)kill(c->pid, SIGKILL);
    if (c->pid <= 0 && any_due(s))
        start(s, c);
}

/* ---- the process ---- */

bool kd_updates_hear(struct kd_sensor *s, struct kd_child *c, struct kd_bytes message)
{
    switch (kd_bytes_at(message, 0)) {
    case KD_ORDER_READY:
        c->state = KD_CHILD_RUNNING;
        return true;
    case KD_ORDER_UPDATED:
        if (s->stop_wanted)
            return true;
        if (kd_bytes_at(message, 1) != 0)
            kd_rules_begin(s);
        else
            kd_lists_reload(s);
        return true;
    default:
        return false;
    }
}

void kd_updates_ended(struct kd_sensor *s, struct kd_child *c, int wait_status)
{
    c->state = KD_CHILD_OFF;
    if (s->stop_wanted)
        return;
    look(s);
    /* It could do nothing at all, and said why; not every second again. */
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != 0)
        s->updates.next_us = kd_os_monotonic_us() + AGAIN_S * (uint64_t)KD_US_PER_S;
}
