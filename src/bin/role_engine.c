/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

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
        }
        if (!any)
            kd_role_wait(in->wait, in->n + 1, KD_RING_RETIRE_MS);
    }
    (void)take_frames(e, in);
    count_drops(e, in);
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
    kd_engine_free(e);
    kd_engine_rules_done();
    kd_keep_free(keep);
    kd_keep_free(files);
    for (size_t i = 0; i < in.n; i++)
        kd_ring_unmap(in.ring[i]);
    return KD_EXIT_DONE;
}
