/* SPDX-License-Identifier: Apache-2.0 */
/* One index of suspicious objects: lists that others wrote are read, one file after the other, into memory of the
 * parent's; then the process ends.  What a hostile list can reach is this process, its memory and its time. */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bin/lists_order.h"
#include "bin/role.h"
#include "bin/say.h"
#include "object/feed.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "os/shared.h"

enum { READ_S = 120, MIB_SHIFT = 20 };

struct reading {
    const struct kd_start *start;
    struct kd_obj_build *build;
    struct kd_obj_list *list; /* the one being read */
    struct kd_feed_spec spec;
    struct kd_feed_site site;
    uint64_t until_us;
};

static bool time_is_over(void *arg)
{
    const struct reading *r = arg;
    return kd_os_monotonic_us() > r->until_us;
}

static void begin_list(struct reading *r, const struct kd_list_order *l)
{
    enum kd_feed_format format = KD_FEED_AUTO;
    enum kd_object_kind kind;
    r->list = kd_obj_build_list(r->build, l->name);
    if (r->list == NULL)
        return;
    struct kd_clock clock = kd_os_clock();
    r->list->number = l->number;
    r->list->severity = l->severity;
    r->list->signature = l->signature;
    r->list->read_us = kd_now_us(&clock);
    r->spec = (struct kd_feed_spec){.kind = KD_FEED_ANY_KIND, .confidence = l->confidence, .severity = l->severity,
                                    .force = l->force};
    if (kd_feed_format_of(kd_str(l->format), &format))
        r->spec.format = (uint8_t)format;
    if (kd_object_kind_of(kd_str(l->kind), &kind))
        r->spec.kind = (uint8_t)kind;
}

static void fail(struct reading *r, const struct kd_list_order *l, const char *why)
{
    r->list->failed = 1;
    if (r->list->problem[0] == '\0')
        (void)snprintf(r->list->problem, sizeof(r->list->problem), "%s: %s", l->file, why);
}

/* A private map: pages are copied only where escapes are undone. */
static void read_file(struct reading *r, const struct kd_list_order *l, int fd)
{
    struct stat st;
    if (fd < 0) {
        fail(r, l, l->problem);
        return;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > KD_FEED_FILE_MAX) {
        fail(r, l, "no file, or one that is larger than 1 GiB");
        return;
    }
    size_t n = (size_t)st.st_size;
    void *p = n > 0 ? mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) : NULL;
    if (p == MAP_FAILED) {
        fail(r, l, strerror(errno));
        return;
    }
    enum kd_status s = n > 0 ? kd_feed_read(r->build, r->list, &r->spec, &r->site, l->file, p, n) : KD_OK;
    if (n > 0)
        (void)munmap(p, n);
    if (s == KD_LIMIT)
        fail(r, l, r->list->beyond > 0 ? "more objects than limits.objects" : "it could not be read in time");
    else if (s == KD_MALFORMED)
        fail(r, l, "nothing in it could be read; is format right?");
    else if (s != KD_OK)
        fail(r, l, kd_status_text(s));
}

/* Ask for the next file; false: there are no more. */
static bool next_file(struct reading *r)
{
    uint8_t message[1024];
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    struct kd_list_order l;
    kd_role_tell(KD_ORDER_NEXT, kd_str(""));
    struct pollfd wait = {.fd = KD_FD_CONTROL, .events = POLLIN};
    enum kd_status s;
    while ((s = kd_edge_take_fds(KD_FD_CONTROL, message, sizeof(message), &n, fds, &n_fds)) == KD_MORE)
        kd_role_wait(&wait, 1, -1);
    struct kd_cur c = kd_cur_of(kd_bytes_of(message, n));
    if (s != KD_OK)
        _exit(KD_EXIT_COULD_NOT); /* the parent is gone */
    if (kd_cur_u8(&c) != KD_ORDER_LIST || !kd_list_order_read(&c, &l))
        return false;
    if (l.first)
        begin_list(r, &l);
    if (r->list != NULL)
        read_file(r, &l, n_fds > 0 ? fds[0] : -1);
    for (size_t i = 0; i < n_fds; i++)
        kd_fd_close(&fds[i]);
    return true;
}

static void lay_out(struct reading *r, void *memory, size_t room)
{
    struct kd_err err = {0};
    uint8_t text[8];
    size_t bytes = 0;
    if (kd_obj_build_write(r->build, memory, room, &bytes) != KD_OK) {
        (void)kd_fail(&err, KD_LIMIT, 0, "the suspicious objects need more memory than limits.objects provides for");
        kd_role_fail(&err);
    }
    (void)munmap(memory, room); /* so that the parent can seal it */
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_le64(&o, bytes);
    kd_role_tell(KD_ORDER_BUILT, kd_out_bytes_view(&o));
}

int kd_role_lists(const struct kd_start *s)
{
    struct kd_sandbox sb;
    struct kd_err err = {0};
    void *memory = NULL;
    struct kd_obj_build_config cfg = {.entries_max = s->limits.objects};
    struct reading r = {.start = s,
                        .site = {.inside = s->inside, .n_inside = s->n_inside, .line_max = 64 << 10,
                                 .stop = time_is_over, .arg = &r},
                        .until_us = kd_os_monotonic_us() + READ_S * (uint64_t)KD_US_PER_S};
    kd_role_enter(s, &sb);
    size_t room = (size_t)s->extra[0].number << MIB_SHIFT;
    if (kd_shared_map(kd_start_fd(s, KD_EXTRA_INDEX), room, true, &memory, &err) != KD_OK)
        kd_role_fail(&err);
    for (size_t i = 0; i < sizeof(cfg.key); i += sizeof(uint64_t)) {
        uint64_t random = s->live || s->realtime ? kd_os_random_u64() : s->seed + i;
        memcpy(cfg.key + i, &random, sizeof(random));
    }
    r.build = kd_obj_build_new(&cfg);
    if (r.build == NULL) {
        (void)kd_fail(&err, KD_NO_MEMORY, 0, "no memory for lists of suspicious objects");
        kd_role_fail(&err);
    }
    kd_role_ready();
    while (next_file(&r))
        ;
    lay_out(&r, memory, room);
    return KD_EXIT_DONE; /* the build goes with the process */
}
