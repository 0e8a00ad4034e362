/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of suspicious objects: their files are opened here, read by a process of its own, and the index it made is
 * handed to brain and store, who go on with the former one until then.
 *
 * There are two layers: all lists as they were, and those that changed since, which alone are read again.  When more
 * than half has changed, all is read. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "bin/lists_order.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/shared.h"

enum { BYTES_EACH = 40, ROOM_LEAST_MIB = 96, BUILD_S = 200 };

static struct kd_child *find(struct kd_sensor *s)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].role == KD_PROC_LISTS)
            return &s->child[i];
    return NULL;
}

/* Of what is taken, not of its content: a file that is replaced or written has another number, size or time.  A
 * directory's own times tell that a file in it was replaced, not that one was written to. */
static uint64_t signature_of(const struct kd_config_feed *f, off_t *ret_bytes)
{
    struct stat st = {0};
    *ret_bytes = 0;
    uint64_t sum = kd_hash(f, sizeof(*f), 5);
    if (stat(f->file, &st) != 0)
        return sum;
    *ret_bytes = st.st_size;
    uint64_t id[] = {st.st_dev, st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec,
                     (uint64_t)st.st_ctim.tv_sec, (uint64_t)st.st_ctim.tv_nsec, sum};
    return kd_hash(id, sizeof(id), 6);
}

void kd_lists_give(struct kd_sensor *s, const struct kd_child *c)
{
    const struct kd_list_layers *l = &s->lists;
    uint8_t message[16];
    struct kd_out o = kd_out_of(message, sizeof(message));
    size_t n = l->fd[0] < 0 ? 0 : l->fd[1] < 0 ? 1 : 2;
    bool looks = c->role == KD_PROC_BRAIN || c->role == KD_PROC_STORE;
    if (!looks || (n == 0 && !l->were))
        return;
    kd_out_u8(&o, KD_ORDER_LISTS);
    kd_out_le64(&o, l->skip);
    if (kd_edge_offer(c->control, kd_out_bytes_view(&o), l->fd, n) != KD_OK)
        (void)kd_say(0, s->plan.command, "%s did not take the lists of suspicious objects; it gets them when it starts anew", c->name);
}

static void give_all(struct kd_sensor *s)
{
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].pid > 0)
            kd_lists_give(s, &s->child[i]);
    s->lists.were = true;
}

/* ---- what is to be read ---- */

static void begin(struct kd_sensor *s, uint64_t lists, bool whole)
{
    struct kd_list_layers *l = &s->lists;
    struct kd_child *c = find(s);
    struct kd_err err = {0};
    uint64_t mib = ROOM_LEAST_MIB + ((uint64_t)s->plan.config->limits.objects * BYTES_EACH >> 20);
    l->reading = lists;
    l->whole = whole;
    l->next = 0;
    l->made_bytes = 0;
    if (kd_shared_room("kidoban-objects", (size_t)mib << 20, &l->made_fd, &err) != KD_OK) {
        (void)kd_say_err(0, s->plan.command, &err);
        return;
    }
    c->start.n_extras = 0;
    (void)kd_sensor_extra(c, KD_EXTRA_INDEX, l->made_fd, "", (uint32_t)mib);
    (void)kd_child_start(s, c);
}

void kd_lists_reload(struct kd_sensor *s)
{
    struct kd_list_layers *l = &s->lists;
    const struct kd_config_feeds *feeds = &s->plan.config->feeds;
    struct kd_child *c = find(s);
    uint64_t changed = 0, all = feeds->n == 64 ? UINT64_MAX : ((uint64_t)1 << feeds->n) - 1;
    off_t of_changed = 0, of_all = 0;
    if (c == NULL)
        return;
    if (c->pid > 0) { /* it began with what was there before: once more behind it */
        l->again = true;
        return;
    }
    for (size_t i = 0; i < feeds->n; i++) {
        off_t bytes;
        l->signature[i] = signature_of(&feeds->v[i], &bytes);
        of_all += bytes;
        if (l->signature[i] != l->base_signature[i]) {
            changed |= (uint64_t)1 << i;
            of_changed += bytes;
        }
    }
    bool same_lists = l->fd[0] >= 0 && l->n_base == feeds->n;
    if (feeds->n == 0) {
        kd_fd_close(&l->fd[0]);
        kd_fd_close(&l->fd[1]);
        if (l->were)
            give_all(s);
    } else if (!same_lists || of_changed > of_all / 2) {
        begin(s, all, true);
    } else if (changed != 0) {
        begin(s, changed, false);
    } else if (l->fd[1] >= 0) {
        kd_fd_close(&l->fd[1]);
        l->skip = 0;
        give_all(s);
    }
}

/* ---- files ---- */

static bool is_event(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && strcmp(name + n - 5, ".json") == 0 && name[0] != '.';
}

/* The next file of a directory of events, or -1 behind the last. */
static int next_event(struct kd_list_layers *l, char *name, size_t room)
{
    struct dirent *e = NULL;
    while (l->events != NULL && (e = readdir(l->events)) != NULL) {
        if (!is_event(e->d_name))
            continue;
        (void)snprintf(name, room, "%.120s", e->d_name);
        return openat(dirfd(l->events), e->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    if (l->events != NULL)
        (void)closedir(l->events);
    l->events = NULL;
    return -1;
}

static void send(struct kd_sensor *s, const struct kd_child *c, const struct kd_list_order *order, int fd)
{
    uint8_t message[1024];
    struct kd_out o = kd_out_of(message, sizeof(message));
    (void)s;
    kd_list_order_put(&o, order);
    kd_ignore(kd_edge_offer(c->control, kd_out_bytes_view(&o), &fd, fd >= 0)); /* a dead one asks no more */
}

static void fill(const struct kd_sensor *s, size_t i, bool first, struct kd_list_order *o)
{
    const struct kd_config_feed *f = &s->plan.config->feeds.v[i];
    *o = (struct kd_list_order){.number = (uint8_t)i, .first = first, .confidence = f->confidence, .severity = f->severity,
                                .force = f->force, .signature = s->lists.signature[i]};
    memcpy(o->name, f->name, sizeof(o->name));
    memcpy(o->format, f->format, sizeof(o->format));
    memcpy(o->kind, f->kind, sizeof(o->kind));
    (void)snprintf(o->file, sizeof(o->file), "%.120s", strrchr(f->file, '/') + 1);
}

static void next(struct kd_sensor *s, const struct kd_child *c)
{
    struct kd_list_layers *l = &s->lists;
    const struct kd_config_feeds *feeds = &s->plan.config->feeds;
    struct kd_list_order order;
    char name[128] = "";
    KD_AUTO_FD fd = next_event(l, name, sizeof(name));
    if (fd >= 0) {
        fill(s, l->next - 1, false, &order);
        memcpy(order.file, name, sizeof(order.file));
        send(s, c, &order, fd);
        return;
    }
    while (l->next < feeds->n && (l->reading >> l->next & 1) == 0)
        l->next++;
    if (l->next >= feeds->n) {
        uint8_t no_more = KD_ORDER_NO_MORE;
        kd_ignore(kd_edge_offer(c->control, kd_bytes_of(&no_more, 1), NULL, 0));
        return;
    }
    fill(s, l->next, true, &order);
    fd = open(feeds->v[l->next++].file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0) {
        bool awaited = errno == ENOENT && feeds->v[l->next - 1].from.url[0] != '\0';
        (void)snprintf(order.problem, sizeof(order.problem), "%.100s", awaited ? "it has not been fetched yet" : strerror(errno));
    } else if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        l->events = fdopendir(fd);
        fd = -1;
        fd = next_event(l, order.file, sizeof(order.file));
        if (fd < 0)
            (void)snprintf(order.problem, sizeof(order.problem), "the directory holds no .json file");
    }
    send(s, c, &order, fd);
}

/* ---- the role ---- */

void kd_lists_hear(struct kd_sensor *s, struct kd_child *c)
{
    uint8_t message[1024];
    size_t n = 0;
    while (kd_edge_take(c->control, false, message, sizeof(message), &n) == KD_OK) {
        struct kd_cur cur = kd_cur_of(kd_bytes_of(message, n));
        uint8_t what = kd_cur_u8(&cur);
        struct kd_out o = kd_out_of(c->reason, sizeof(c->reason) - 1);
        switch (what) {
        case KD_ORDER_READY:
            c->state = KD_CHILD_RUNNING;
            c->since_us = kd_os_monotonic_us();
            break;
        case KD_ORDER_NEXT:
            next(s, c);
            break;
        case KD_ORDER_BUILT:
            s->lists.made_bytes = kd_cur_le64(&cur);
            break;
        case KD_ORDER_FAILED:
            kd_out_escaped(&o, kd_cur_rest(&cur));
            c->reason[o.n] = '\0';
            break;
        default:
            break;
        }
    }
}

void kd_lists_late(struct kd_child *c)
{
    if (c->role == KD_PROC_LISTS && c->state == KD_CHILD_RUNNING && c->pid > 0 &&
        kd_os_monotonic_us() > c->since_us + BUILD_S * (uint64_t)KD_US_PER_S)
        (void)kill(c->pid, SIGKILL);
}

static void take_layer(struct kd_list_layers *l, size_t n_feeds)
{
    if (l->whole) {
        kd_fd_close(&l->fd[0]);
        kd_fd_close(&l->fd[1]);
        l->fd[0] = l->made_fd;
        l->skip = 0;
        l->n_base = n_feeds;
        memcpy(l->base_signature, l->signature, sizeof(l->base_signature));
    } else {
        kd_fd_close(&l->fd[1]);
        l->fd[1] = l->made_fd;
        l->skip = l->reading;
    }
    l->made_fd = -1;
}

void kd_lists_ended(struct kd_sensor *s, struct kd_child *c, bool well)
{
    struct kd_list_layers *l = &s->lists;
    struct kd_err err = {0};
    c->state = KD_CHILD_OFF;
    if (l->events != NULL)
        (void)closedir(l->events);
    l->events = NULL;
    uint64_t room = c->start.n_extras > 0 ? (uint64_t)c->start.extra[0].number << 20 : 0;
    bool made = well && l->made_bytes > 0 && l->made_bytes <= room;
    if (made && kd_shared_seal(l->made_fd, l->made_bytes, &err) != KD_OK) {
        (void)kd_say_err(0, s->plan.command, &err);
        made = false;
    } else if (!made && !s->stop_wanted) {
        (void)kd_say(0, s->plan.command, "objects.lists: %s; the former lists stay in force",
                     c->reason[0] != '\0' ? c->reason : "the lists could not be read to their end");
    }
    if (made) {
        take_layer(l, s->plan.config->feeds.n);
        give_all(s);
    }
    kd_fd_close(&l->made_fd);
    bool again = l->again && !s->stop_wanted;
    l->again = false;
    if (again)
        kd_lists_reload(s);
}
