/* SPDX-License-Identifier: Apache-2.0 */
/* Rules in force: their files are found and opened here, compiled by a process of its own, and the result handed
 * to the engines, which wait for it at the start and go over to it later without a pause. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "bin/rule_inputs.h"
#include "bin/rules_load.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "bin/yara_files.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/shared.h"
#include "rule/hits.h"

#define IMAGE_ROOM ((size_t)1 << 30) /* pages that nobody writes cost nothing */

static struct kd_rule_inputs inputs; /* of the set being compiled */
static size_t next_input;

static struct kd_child *compiler(struct kd_sensor *s)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].role == KD_PROC_COMPILE)
            return &s->child[i];
    return NULL;
}

static bool find_inputs(struct kd_sensor *s)
{
    char own[KD_CONFIG_TEXT_MAX + 32] = "", fetched[KD_CONFIG_TEXT_MAX + 32] = "";
    const char *more[2];
    size_t n_more = 0;
    struct kd_rule_paths paths = kd_rule_paths_of(s->plan.config);
    bool named = s->plan.rules.files != NULL || s->plan.yara != NULL; /* then not our own */
    paths = kd_rule_paths_over(paths, &s->plan.rules);
    if (!named && strcmp(s->plan.config->rules_own, "on") == 0)
        kd_own_rules("suricata", own);
    if (!named && s->plan.fetched != NULL && s->plan.config->rule_sources.n > 0)
        snprintf(fetched, sizeof(fetched), "%s/rules/current", s->plan.fetched);
    if (own[0] != '\0')
        more[n_more++] = own;
    if (fetched[0] != '\0' && kd_has_rules(fetched) && strstr(paths.files, fetched) == NULL)
        more[n_more++] = fetched;
    kd_rule_inputs_done(&inputs);
    next_input = 0;
    return kd_rule_inputs_find(s->plan.command, &paths, more, n_more, &inputs);
}

/* ---- where images lie ---- */

/* DIR/state/rules, which only this user may enter; -1: nothing is kept. */
static int cache_folder(const struct kd_sensor *s)
{
    if (s->dir_fd < 0)
        return -1;
    (void)mkdirat(s->dir_fd, "state", 0700);
    KD_AUTO_FD state = openat(s->dir_fd, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (state < 0)
        return -1;
    (void)mkdirat(state, "rules", 0700);
    return openat(state, "rules", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* What another user could have written is not believed. */
static int open_cached(const struct kd_sensor *s)
{
    struct stat st;
    KD_AUTO_FD folder = cache_folder(s);
    if (folder < 0 || fstat(folder, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return -1;
    KD_AUTO_FD fd = openat(folder, "current", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return -1;
    int given = fd;
    fd = -1;
    return given;
}

/* Room for a new one: a file, or memory alone.  *ret_reading: of memory, a descriptor that only reads. */
static bool make_room(struct kd_sensor *s, int *ret_room, int *ret_reading)
{
    struct kd_err err = {0};
    *ret_reading = -1;
    KD_AUTO_FD folder = cache_folder(s);
    if (folder >= 0) {
        (void)unlinkat(folder, "next", 0);
        *ret_room = openat(folder, "next", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (*ret_room >= 0 && ftruncate(*ret_room, (off_t)IMAGE_ROOM) == 0)
            return true;
        kd_fd_close(ret_room);
    }
    return kd_shared_new("kidoban-rules", IMAGE_ROOM, ret_room, ret_reading, &err) == KD_OK ||
           (kd_say_err(0, s->plan.command, &err), false);
}

/* The new one is whole: cut to its size and given its name. */
static int publish(const struct kd_sensor *s)
{
    uint8_t head[KD_RULE_IMAGE_HEAD];
    KD_AUTO_FD folder = cache_folder(s);
    KD_AUTO_FD fd = folder < 0 ? -1 : openat(folder, "next", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || read(fd, head, sizeof(head)) != (ssize_t)sizeof(head))
        return -1;
    struct kd_cur c = kd_cur_of(kd_bytes_of(head, sizeof(head)));
    (void)kd_cur_take(&c, 8);
    uint64_t bytes = kd_cur_le64(&c);
    if (bytes > IMAGE_ROOM || ftruncate(fd, (off_t)bytes) != 0 || fsync(fd) != 0 ||
        renameat(folder, "next", folder, "current") != 0)
        return -1;
    return openat(folder, "current", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* state/rules/hits-N, for the limits of now; pages that nobody writes cost nothing. */
int kd_rules_hits_file(const struct kd_sensor *s, unsigned engine)
{
    char name[32];
    size_t bytes = sizeof(struct kd_rule_hits) + s->plan.config->limits.rules * sizeof(struct kd_rule_hit);
    KD_AUTO_FD folder = cache_folder(s);
    snprintf(name, sizeof(name), "hits-%u", engine);
    KD_AUTO_FD fd = folder < 0 ? -1 : openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || ftruncate(fd, 0) != 0 || ftruncate(fd, (off_t)bytes) != 0)
        return -1;
    int given = fd;
    fd = -1;
    return given;
}

/* ---- engines ---- */

static void give(struct kd_child *c, int fd)
{
    size_t i = 0;
    while (i < c->start.n_extras && c->start.extra[i].kind != KD_EXTRA_RULES)
        i++;
    if (i == c->start.n_extras && fd >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_RULES, fd, "", 0);
    else if (i < c->start.n_extras)
        c->extra_fds[i] = fd;
}

/* Engines that run go over to it; those that wait for it begin. */
static void to_engines(struct kd_sensor *s)
{
    uint8_t order = KD_ORDER_RULES;
    int fd = s->rules.image_fd;
    s->rules.asked = s->rules.taken = 0;
    for (size_t i = 0; i < s->n_children; i++) {
        struct kd_child *c = &s->child[i];
        if (c->role != KD_PROC_ENGINE)
            continue;
        give(c, fd);
        if (fd >= 0 && c->pid > 0 && kd_edge_offer(c->control, kd_bytes_of(&order, 1), &fd, 1) == KD_OK)
            s->rules.asked++;
        else if (c->state == KD_CHILD_WAITING && c->restart_us == 0)
            c->restart_us = kd_os_monotonic_us();
    }
}

static void settle(struct kd_sensor *s, enum kd_rules_stage state, const char *why)
{
    s->rules.state = state;
    snprintf(s->rules.why, sizeof(s->rules.why), "%s", why);
    struct kd_clock clock = kd_os_clock();
    s->rules.since_us = kd_now_us(&clock);
    s->rules.serial++;
    kd_health_rules(s);
}

void kd_rules_refused(struct kd_sensor *s, const char *why)
{
    settle(s, KD_RULES_FAILED, why);
}

/* The set that was in force stays so. */
static void failed(struct kd_sensor *s, const char *why)
{
    bool replay = s->plan.n_files > 0 && !s->plan.loop;
    s->could_not |= replay;
    s->stop_wanted |= replay; /* without its rules it would be another replay */
    settle(s, KD_RULES_FAILED, why);
    (void)kd_say(0, s->plan.command, "rules: %s%s", why, replay ? "" : "; those in force stay");
    if (s->rules.image_fd < 0)
        s->rules.image_fd = replay ? -1 : open_cached(s); /* at the start: those of before are better than none */
    if (s->rules.waits)
        to_engines(s);
    s->rules.waits = false;
}

void kd_rules_taken(struct kd_sensor *s, const struct kd_child *c, struct kd_bytes answer)
{
    char why[200];
    struct kd_out o = kd_out_of(why, sizeof(why) - 1);
    kd_out_fmt(&o, "%s: ", c->name);
    kd_out_escaped(&o, kd_bytes_head(kd_bytes_from(answer, 1), 40));
    why[o.n] = '\0';
    if (kd_bytes_at(answer, 0) != 1) {
        (void)kd_say(0, s->plan.command, "rules: %s", why);
        settle(s, KD_RULES_FAILED, why);
    } else if (s->rules.state != KD_RULES_FAILED && ++s->rules.taken >= s->rules.asked) {
        settle(s, KD_RULES_IN_FORCE, "");
    }
}

/* ---- the compiler's life ---- */

bool kd_rules_describe(struct kd_sensor *s)
{
    s->rules.image_fd = -1;
    if (!find_inputs(s) || !kd_rule_inputs_open(s->plan.command, &inputs))
        return false;
    for (size_t i = 0; i < inputs.n; i++)
        kd_fd_close(&inputs.at[i].fd); /* they can be had; each is opened again when its turn comes */
    (void)kd_sensor_child(s, KD_PROC_COMPILE, 0);
    return true;
}

static bool start(struct kd_sensor *s, struct kd_child *c)
{
    int room = -1;
    kd_fd_close(&s->rules.room_fd);
    kd_fd_close(&s->rules.reading_fd);
    if (!make_room(s, &room, &s->rules.reading_fd))
        return false;
    s->rules.room_fd = room;
    int before = s->rules.image_fd >= 0 ? s->rules.image_fd : (s->rules.image_fd = open_cached(s));
    c->start.n_extras = 0;
    (void)kd_sensor_extra(c, KD_EXTRA_RULES_ROOM, room, "", 0);
    if (before >= 0)
        (void)kd_sensor_extra(c, KD_EXTRA_RULES, before, "", 0);
    s->rules.compiled = false;
    s->rules.state = KD_RULES_COMPILING;
    return kd_child_start(s, c);
}

void kd_rules_begin(struct kd_sensor *s)
{
    struct kd_child *c = compiler(s);
    bool first = !s->rules.begun;
    if (c == NULL || s->stop_wanted)
        return;
    s->rules.begun = true;
    if (c->pid > 0) { /* of files that may have changed since */
        s->rules.again = true;
        (void)kill(c->pid, SIGKILL);
        return;
    }
    if (!find_inputs(s)) {
        failed(s, "their files cannot be had");
        return;
    }
    if (!kd_rule_inputs_any(&inputs) && s->rules.image_fd < 0) { /* none, and none before */
        if (!first)
            settle(s, KD_RULES_NONE, "");
        return;
    }
    s->rules.waits |= first;
    if (!start(s, c))
        failed(s, "there is no process to compile them");
}

bool kd_rules_awaited(const struct kd_sensor *s)
{
    return s->rules.waits;
}

static void next(struct kd_sensor *s, const struct kd_child *c)
{
    uint8_t room[4200];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (next_input >= inputs.n) {
        kd_out_u8(&o, KD_ORDER_NO_MORE);
        kd_ignore(kd_edge_offer(c->control, kd_out_bytes_view(&o), NULL, 0));
        return;
    }
    struct kd_rule_input *in = &inputs.at[next_input++];
    if (!kd_rule_input_open(s->plan.command, in)) {
        (void)kill(c->pid, SIGKILL); /* half a set is none */
        return;
    }
    kd_out_u8(&o, KD_ORDER_INPUT);
    kd_out_u8(&o, (uint8_t)in->kind);
    kd_out_bytes(&o, kd_bytes_head(kd_str(in->name), sizeof(room) - 8));
    kd_ignore(kd_edge_offer(c->control, kd_out_bytes_view(&o), &in->fd, 1));
    kd_fd_close(&in->fd);
}

static void compiled(struct kd_sensor *s, struct kd_cur *answer)
{
    s->rules.same = kd_cur_u8(answer) != 0;
    s->rules.counts.read = kd_cur_le32(answer);
    s->rules.counts.loaded = kd_cur_le32(answer);
    s->rules.counts.refused = kd_cur_le32(answer);
    s->rules.counts.files = kd_cur_le32(answer);
    s->rules.compiled = kd_cur_ok(answer);
}

bool kd_rules_hear(struct kd_sensor *s, struct kd_child *c, struct kd_bytes message)
{
    struct kd_cur cur = kd_cur_of(message);
    switch (kd_cur_u8(&cur)) {
    case KD_ORDER_READY:
        c->state = KD_CHILD_RUNNING;
        return true;
    case KD_ORDER_NEXT:
        next(s, c);
        return true;
    case KD_ORDER_COMPILED:
        compiled(s, &cur);
        return true;
    default:
        return false;
    }
}

static void say_counts(const struct kd_sensor *s)
{
    const struct kd_rule_counts *c = &s->rules.counts;
    if (c->refused > 0 || s->plan.n_files == 0)
        (void)kd_say(0, s->plan.command, "rules: %u read, %u loaded, %u refused%s", c->read, c->loaded, c->refused,
                     c->refused > 0 ? "; kidoban rules check names them" : "");
}

/* The new set is there. */
static void go_over(struct kd_sensor *s)
{
    int fd = s->rules.image_fd;
    if (!s->rules.same) {
        fd = s->rules.reading_fd >= 0 ? s->rules.reading_fd : publish(s);
        s->rules.reading_fd = -1;
    }
    if (fd < 0) {
        failed(s, "what was compiled cannot be kept; is the disk full?");
        return;
    }
    if (fd != s->rules.image_fd)
        kd_fd_close(&s->rules.image_fd);
    s->rules.image_fd = fd;
    say_counts(s);
    if (s->rules.same && !s->rules.waits && s->rules.serial > 0) { /* it is what they run */
        settle(s, KD_RULES_IN_FORCE, "");
        return;
    }
    to_engines(s);
    s->rules.waits = false;
    if (s->rules.asked == 0)
        settle(s, KD_RULES_IN_FORCE, "");
}

void kd_rules_ended(struct kd_sensor *s, struct kd_child *c, int wait_status)
{
    bool again = s->rules.again, well = wait_status == 0 && s->rules.compiled;
    char how[64] = "they could not be compiled";
    if (WIFSIGNALED(wait_status))
        snprintf(how, sizeof(how), "they could not be compiled (ended by signal %d)", WTERMSIG(wait_status));
    c->state = KD_CHILD_OFF;
    s->rules.again = false;
    if (again && !s->stop_wanted) {
        kd_rules_begin(s);
        return;
    }
    if (well)
        go_over(s);
    else
        failed(s, c->reason[0] != '\0'  ? c->reason
                  : s->rules.overdue    ? "they take too long to compile"
                                        : how);
    s->rules.overdue = false;
    KD_AUTO_FD folder = cache_folder(s);
    if (folder >= 0)
        (void)unlinkat(folder, "next", 0);
    kd_fd_close(&s->rules.room_fd);
    kd_fd_close(&s->rules.reading_fd);
    kd_rule_inputs_done(&inputs);
}

void kd_rules_late(struct kd_sensor *s, const struct kd_child *c, uint64_t now_us)
{
    if (c->role != KD_PROC_COMPILE || c->pid <= 0)
        return;
    bool late = now_us > c->since_us + KD_COMPILE_WAIT_S * (uint64_t)KD_US_PER_S;
    if (!late && !s->stop_wanted)
        return;
    s->rules.overdue = late;
    (void)kill(c->pid, SIGKILL);
}
