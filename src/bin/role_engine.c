/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/charset.h"
#include "bin/engine_files.h"
#include "bin/engine_rules.h"
#include "bin/packet_ring.h"
#include "bin/role.h"
#include "bin/say.h"
#include "engine/engine.h"
#include "os/capture.h"
#include "os/clock.h"
#include "os/edge.h"

enum { IDLE_US = 40000, BURST_FRAMES = 256 };

struct inputs {
    struct kd_ring *ring[KD_PROGRESS_INPUTS];
    uint32_t link[KD_PROGRESS_INPUTS];
    struct pollfd wait[KD_PROGRESS_INPUTS + 1]; /* and control */
    size_t n;
};

static enum kd_status to_brain(void *arg, struct kd_bytes batch)
{
    (void)arg;
    return kd_edge_send(KD_FD_OUT, batch);
}

static void map_rings(const struct kd_start *s, struct kd_progress *progress, struct inputs *in)
{
    struct kd_err err = {0};
    for (size_t i = 0; i < s->n_extras; i++) {
        if (s->extra[i].kind != KD_EXTRA_RING)
            continue;
        KD_ASSERT(in->n < KD_PROGRESS_INPUTS);
        int fd = KD_FD_EXTRA + (int)i;
        in->link[in->n] = s->extra[i].number;
        in->wait[in->n] = (struct pollfd){.fd = fd, .events = POLLIN};
        if (kd_ring_map(fd, s->ring_bytes, &progress->input[in->n], &in->ring[in->n], &err) !=
            KD_OK)
            kd_role_fail(&err);
        in->n++;
    }
    in->wait[in->n] = (struct pollfd){.fd = KD_FD_CONTROL, .events = POLLIN};
}

/* Some frames of each ring in turn, so that none starves.  Were there any? */
static bool take_frames(struct kd_engine *e, struct inputs *in)
{
    bool any = false;
    for (size_t i = 0; i < in->n; i++) {
        struct kd_ring_frame f;
        for (int n = 0; n < BURST_FRAMES && kd_ring_next(in->ring[i], &f); n++) {
            struct kd_captured c = {f.ts_us, in->link[i], f.length, f.vlan, f.bytes};
            kd_engine_frame(e, &c);
            any = true;
        }
    }
    return any;
}

static void count_drops(struct kd_engine *e, struct inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        kd_engine_dropped(e, kd_ring_dropped(in->ring[i]));
}

static void capture(struct kd_engine *e, const struct kd_start *s, struct inputs *in)
{
    struct kd_clock clock = kd_os_clock();
    uint64_t idle_us = 0, stats_us = kd_os_monotonic_us();
    for (bool stop = false; !stop;) {
        bool any = take_frames(e, in);
        uint64_t now_us = kd_os_monotonic_us();
        if (now_us - idle_us >= IDLE_US) {
            idle_us = now_us;
            kd_engine_idle(e, kd_now_us(&clock));
            stop = kd_role_stopping();
            kd_engine_rules_turn(e, s);
        }
        if (now_us - stats_us >= KD_US_PER_S) {
            stats_us = now_us;
            count_drops(e, in);
            kd_engine_stats(e, kd_now_us(&clock), kd_os_cpu_us());
            kd_engine_rules_note(e);
        }
        if (!any)
            kd_role_wait(in->wait, in->n + 1, KD_RING_RETIRE_MS);
    }
    (void)take_frames(e, in);
    count_drops(e, in);
}

/* Files for box. */
struct box {
    struct kd_tray_writer tray;
    bool waits; /* a replay at full speed: brain shall hear of each file in the same order, whatever box takes */
    uint64_t most_us;
};

/* Sleep until box has taken what lies there; not for ever, and not again when it did not. */
static void wait_for_box(struct box *x)
{
    uint64_t until = kd_os_monotonic_us() + x->most_us;
    struct timespec t = {.tv_nsec = 50000};
    while (!kd_tray_is_empty(&x->tray) && !kd_role_stopping()) {
        (void)nanosleep(&t, NULL);
        t.tv_nsec += t.tv_nsec < 2000000 ? t.tv_nsec / 4 : 0;
        x->waits = kd_os_monotonic_us() < until;
        if (!x->waits)
            return;
    }
}

static void ring_box(void *arg)
{
    struct box *x = arg;
    uint64_t one = 1;
    (void)!write(KD_FD_ASK, &one, sizeof(one)); /* it cannot be so full that box would not wake */
    if (x->waits)
        wait_for_box(x);
}

/* NULL: files are not looked into. */
static struct box *map_box(const struct kd_start *s)
{
    static struct box x;
    struct stat st;
    int fd = kd_start_fd(s, KD_EXTRA_TRAY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return NULL;
    void *mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mem == MAP_FAILED || !kd_tray_writer_init(&x.tray, mem, (size_t)st.st_size))
        return NULL;
    x.waits = !s->live && !s->realtime;
    x.most_us = (3 * s->limits.yara_seconds + 60) * (uint64_t)KD_US_PER_S;
    return &x;
}

/* The first interface. */
static const char *source_of(const struct kd_start *s)
{
    for (size_t i = 0; i < s->n_extras; i++)
        if (s->extra[i].kind == KD_EXTRA_RING)
            return s->extra[i].name;
    return s->shift ? "demo" : "";
}

int kd_role_engine(const struct kd_start *s)
{
    static struct inputs in;
    struct kd_progress *progress = NULL;
    struct kd_err err = {0};
    if (kd_progress_map(kd_start_fd(s, KD_EXTRA_PROGRESS), &progress, &err) != KD_OK)
        kd_role_fail(&err);
    map_rings(s, progress, &in);
    struct kd_keep *keep = kd_packet_ring_map(s, KD_EXTRA_KEEP), *files = kd_packet_ring_map(s, KD_EXTRA_FILES);
    struct box *box = map_box(s);
    struct kd_engine_config cfg = {
        .lim = &s->limits,
        .hash_seed = s->seed,
        .number = s->number,
        .n_engines = s->n_engines,
        .split_by_hash = !s->live && s->n_engines > 1,
        .id_base = s->id_base,
        .source = source_of(s),
        .keep = keep,
        .keep_flow_bytes = s->keep_flow_bytes,
        .files = files,
        .files_keep = s->files_keep,
        .files_most = s->files_most,
        .tray = box != NULL ? &box->tray : NULL,
        .scan = s->scan,
        .steps = s->steps,
        .scan_most = (uint64_t)s->limits.yara_file_mib << 20,
        .scan_now = ring_box,
        .scan_arg = box,
    };
    struct kd_engine *e = kd_engine_new(&cfg, (struct kd_engine_out){to_brain, NULL});
    if (e == NULL) {
        (void)kd_fail(&err, KD_NO_MEMORY, 0,
                      "no memory for an engine; lower limits.memory_mib or limits.flows");
        kd_role_fail(&err);
    }
    (void)kd_charset_init(); /* converters of Japanese mail are loaded from disk: not possible in the sandbox */
    struct kd_sandbox sb;
    kd_role_enter(s, &sb);
    kd_engine_rules_first(e, s);
    kd_role_ready();
    if (s->live)
        capture(e, s, &in);
    else
        kd_engine_files(e, s, &progress->input[0]);
    /* A replay at full speed gives the same bytes twice, so it does not tell how long it took. */
    kd_engine_finish(e, s->live || s->realtime ? kd_os_cpu_us() : 0);
    kd_engine_rules_note(e);
    kd_engine_free(e);
    kd_engine_rules_done();
    kd_keep_free(keep);
    kd_keep_free(files);
    for (size_t i = 0; i < in.n; i++)
        kd_ring_unmap(in.ring[i]);
    return KD_EXIT_DONE;
}
