/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/engine_files.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cursor.h"
#include "bin/engine_rules.h"
#include "bin/role.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "packet/capfile.h"

enum { LOOK_UP_EVERY = 4096, PAUSE_MS = 20, ERROR_MAX = 600 };

struct reading {
    struct kd_engine *e;
    const struct kd_start *start;
    struct kd_progress_input *at;
    uint32_t file;     /* number of the file in hand, from 1 */
    uint64_t skip;     /* frames a predecessor has dealt with */
    uint64_t frames;   /* of this file */
    uint64_t first_us; /* time of its first frame */
    uint64_t begun_us; /* monotonic time that belongs to it */
    uint64_t shift_us; /* added to every frame's time */
    uint64_t stats_us, last_us;
    struct kd_out error; /* "name: why; …", for the stats record */
    char error_text[ERROR_MAX];
};

static ptrdiff_t read_fd(void *arg, void *buf, size_t n)
{
    const int *fd = arg;
    ssize_t got;
    do
        got = read(*fd, buf, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static void wait_ms(int ms)
{
    struct pollfd p = {.fd = KD_FD_CONTROL, .events = POLLIN};
    kd_role_wait(&p, 1, ms);
}

/* Hold the frame back until its time has come. */
static bool keep_pace(struct reading *r, uint64_t ts_us)
{
    uint64_t due = r->begun_us + (ts_us > r->first_us ? ts_us - r->first_us : 0);
    for (;;) {
        uint64_t now = kd_os_monotonic_us();
        uint64_t wall = r->shift_us + r->first_us + (now - r->begun_us);
        if (now - r->stats_us >= KD_US_PER_S) {
            r->stats_us = now;
            kd_engine_stats(r->e, wall, kd_os_cpu_us());
        }
        if (now >= due)
            return true;
        kd_engine_idle(r->e, wall);
        kd_engine_rules_turn(r->e, r->start);
        if (kd_role_stopping())
            return false;
        uint64_t left_ms = (due - now) / KD_US_PER_MS;
        wait_ms(left_ms > PAUSE_MS ? PAUSE_MS : (int)left_ms + 1);
    }
}

/* The first frame sets the clock; a successor that skips frames sets it at the first it does not
 * skip. */
static void begin_time(struct reading *r, uint64_t ts_us)
{
    r->first_us = ts_us;
    r->begun_us = kd_os_monotonic_us();
    struct kd_clock clock = kd_os_clock();
    r->shift_us = r->start->shift ? kd_now_us(&clock) - ts_us : 0;
}

static bool take(struct reading *r, struct kd_captured *c)
{
    r->frames++;
    if (r->frames <= r->skip)
        return true;
    kd_progress_note(r->at, r->file, r->frames);
    if (r->start->realtime) {
        if (r->begun_us == 0)
            begin_time(r, c->ts_us);
        if (!keep_pace(r, c->ts_us))
            return false;
        c->ts_us += r->shift_us;
    } else if (r->frames % LOOK_UP_EVERY == 0 && kd_role_stopping()) {
        return false;
    }
    kd_engine_frame(r->e, c);
    return true;
}

static void note_error(struct reading *r, struct kd_bytes name, const struct kd_err *err)
{
    if (r->error.n > 0)
        kd_out_str(&r->error, "; ");
    kd_out_bytes(&r->error, name);
    kd_out_fmt(&r->error, ": %s (byte %llu, after %llu frames)",
               err->what != NULL ? err->what : kd_status_text(err->status),
               (unsigned long long)err->at, (unsigned long long)r->frames);
    r->error_text[r->error.n] = '\0';
    kd_engine_input_error(r->e, r->error_text);
}

static struct kd_bytes map_file(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return kd_str("");
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    return p == MAP_FAILED ? kd_str("") : kd_bytes_of(p, (size_t)st.st_size);
}

/* False: told to stop. */
static bool read_file(struct reading *r, int fd, struct kd_err *err)
{
    struct kd_capsource source = {.mapped = map_file(fd), .read = read_fd, .arg = &fd};
    struct kd_capfile *f = NULL;
    bool go_on = true;
    enum kd_status s = kd_capfile_open(&source, &f, err);
    while (s == KD_OK && go_on) {
        struct kd_captured c;
        s = kd_capfile_next(f, &c, err);
        if (s == KD_OK)
            go_on = take(r, &c);
    }
    kd_capfile_close(f);
    if (source.mapped.n > 0)
        (void)munmap((void *)(uintptr_t)source.mapped.p, source.mapped.n);
    if (s == KD_OK || s == KD_NOT_FOUND)
        *err = (struct kd_err){0};
    else if (err->status == KD_OK)
        err->status = s;
    return go_on;
}

static void ask_next(const struct reading *r, const struct kd_err *err)
{
    uint8_t text[400];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_le32(&o, r->file);
    kd_out_le64(&o, r->frames);
    if (err->status != KD_OK) {
        kd_out_str(&o, err->what != NULL ? err->what : kd_status_text(err->status));
        kd_out_fmt(&o, " (byte %llu)", (unsigned long long)err->at);
    }
    kd_role_tell(KD_ORDER_NEXT, kd_out_bytes_view(&o));
}

/* The parent's answer: the next file's descriptor, or -1. */
static int hear(struct reading *r, char *name, size_t max)
{
    uint8_t message[1024];
    int fds[KD_EDGE_FDS_MAX];
    size_t n = 0, n_fds = 0;
    for (;;) {
        enum kd_status s =
            kd_edge_take_fds(KD_FD_CONTROL, message, sizeof(message), &n, fds, &n_fds);
        if (s == KD_MORE) {
            wait_ms(-1);
            continue;
        }
        struct kd_cur c = kd_cur_of(kd_bytes_of(message, s == KD_OK ? n : 0));
        uint8_t what = kd_cur_u8(&c);
        if (what == KD_ORDER_RULES && n_fds == 1) {
            kd_role_rules_came(fds[0]);
            continue;
        }
        if (what != KD_ORDER_FILE || n_fds != 1)
            return -1;
        r->file = kd_cur_le32(&c);
        struct kd_bytes text = kd_bytes_head(kd_cur_rest(&c), max - 1);
        memcpy(name, text.p, text.n);
        name[text.n] = '\0';
        return fds[0];
    }
}

void kd_engine_files(struct kd_engine *e, const struct kd_start *s, struct kd_progress_input *at)
{
    static struct reading r;
    static char name[300];
    r = (struct reading){.e = e, .start = s, .at = at};
    r.error = kd_out_of(r.error_text, sizeof(r.error_text) - 1);
    struct kd_err err = {0};
    uint64_t resume_file = atomic_load_explicit(&at->unit, memory_order_relaxed);
    uint64_t resume_frame = atomic_load_explicit(&at->frame, memory_order_relaxed);
    ask_next(&r, &err);
    for (;;) {
        KD_AUTO_FD fd = hear(&r, name, sizeof(name));
        if (fd < 0)
            return;
        r.skip = r.file == resume_file ? resume_frame : 0;
        r.frames = 0;
        r.begun_us = 0;
        err = (struct kd_err){0};
        if (!read_file(&r, fd, &err))
            return;
        if (err.status != KD_OK)
            note_error(&r, kd_str(name), &err);
        ask_next(&r, &err);
    }
}
