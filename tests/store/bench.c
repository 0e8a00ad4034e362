/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the store is.
 *   store_bench DIR MILLIONS [plain|with [habits]]
 *                                        take and seal office records (journal included); plain:
 *                                        without sightings; habits: each host has its own peers
 *   store_bench DIR hunt THREADS EXPR…   search them
 *   store_bench DIR host ADDRESS         what a host did
 *   store_bench - json MILLIONS          records as JSON lines to standard output */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "gen.h"
#include "store/host_report.h"
#include "store/hunt.h"
#include "store/ingest.h"
#include "store/json_log.h"
#include "store/sightings.h"

static uint64_t clock_us(clockid_t which)
{
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static uint64_t wall(void *ctx)
{
    (void)ctx;
    return clock_us(CLOCK_REALTIME);
}

static int hunt(int dir, unsigned threads, int n, char **expr)
{
    struct kd_err err = {0};
    struct kd_hunt_source src;
    uint64_t t = clock_us(CLOCK_MONOTONIC);
    if (kd_hunt_open(dir, 32400, &src, &err) != KD_OK) {
        fprintf(stderr, "%s: %s\n", err.what, err.detail);
        return 3;
    }
    printf("open %.3f s\n", (double)(clock_us(CLOCK_MONOTONIC) - t) / 1e6);
    for (int i = 0; i < n; i++) {
        struct kd_hunt_query q = {.to_us = UINT64_MAX,
                                  .clock = {wall, NULL},
                                  .threads = threads,
                                  .zone_s = 32400,
                                  .limit = 200,
                                  .max_bytes = 64 << 20};
        struct kd_hunt_expr *e = NULL;
        struct kd_hunt_result r;
        if (kd_hunt_parse(kd_str(expr[i]), 32400, &e, &err) != KD_OK) {
            fprintf(stderr, "%s: %s at %llu\n", expr[i], err.what, (unsigned long long)err.at);
            return 1;
        }
        q.expr = e;
        t = clock_us(CLOCK_MONOTONIC);
        uint64_t c = clock_us(CLOCK_PROCESS_CPUTIME_ID);
        if (kd_hunt(&q, &src, &r) != KD_OK)
            return 3;
        printf(
            "%-48s hits %zu%s blocks %llu skipped %llu unreadable %llu  wall %.3f s cpu %.3f s\n",
            expr[i], r.n, r.stats.truncated ? "+" : "", (unsigned long long)r.stats.blocks,
            (unsigned long long)r.stats.blocks_skipped, (unsigned long long)r.stats.unreadable,
            (double)(clock_us(CLOCK_MONOTONIC) - t) / 1e6,
            (double)(clock_us(CLOCK_PROCESS_CPUTIME_ID) - c) / 1e6);
        kd_hunt_result_done(&r);
        kd_hunt_expr_free(e);
    }
    kd_hunt_source_done(&src);
    kd_events_free(src.events);
    return 0;
}

static int host(int dir, const char *who)
{
    struct kd_err err = {0};
    struct kd_hunt_source src;
    if (kd_hunt_open(dir, 32400, &src, &err) != KD_OK)
        return 3;
    struct kd_host_ask ask = {.src = &src,
                              .who = kd_str(who),
                              .to_us = UINT64_MAX,
                              .clock = {wall, NULL},
                              .threads = 2,
                              .zone_s = 32400,
                              .limit = 50};
    struct kd_host_report rep;
    struct kd_heap text = {NULL, 0, 0};
    uint64_t t = clock_us(CLOCK_MONOTONIC);
    uint64_t c = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    if (kd_host_report(&ask, &rep, &err) != KD_OK)
        return 3;
    t = clock_us(CLOCK_MONOTONIC) - t;
    c = clock_us(CLOCK_PROCESS_CPUTIME_ID) - c;
    kd_host_report_text(&ask, &rep, false, &text);
    printf("%.*s\nblocks %llu skipped %llu wall %.3f s cpu %.3f s\n", (int)text.n, (char *)text.p,
           (unsigned long long)rep.stats.blocks, (unsigned long long)rep.stats.blocks_skipped,
           (double)t / 1e6, (double)c / 1e6);
    kd_heap_done(&text);
    kd_host_report_done(&rep);
    kd_hunt_source_done(&src);
    kd_events_free(src.events);
    return 0;
}

static int json(uint64_t want)
{
    static uint8_t batch[KD_BATCH_MAX];
    struct kd_json_log *l = kd_json_log_new(1, 32400);
    struct kd_gen g;
    uint64_t done = 0, cpu = 0;
    kd_gen_init(&g, 1, 1763737200000000u);
    while (l != NULL && done < want) {
        struct kd_out o = kd_out_of(batch, sizeof(batch));
        while (kd_gen_office(&g, &o) == KD_OK)
            done++;
        uint64_t start = clock_us(CLOCK_PROCESS_CPUTIME_ID);
        if (kd_json_log_batch(l, kd_out_bytes_view(&o)) != KD_OK)
            return 3;
        cpu += clock_us(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
    fprintf(stderr, "%llu lines cpu_s %.2f lines/cpu-s %.0f\n", (unsigned long long)done,
            (double)cpu / 1e6, (double)done * 1e6 / (double)cpu);
    kd_json_log_free(l);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: store_bench DIR MILLIONS | DIR hunt THREADS EXPR...\n");
        return 2;
    }
    if (argc == 4 && strcmp(argv[2], "json") == 0)
        return json(strtoull(argv[3], NULL, 10) * 1000000u);
    int dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    if (dir >= 0 && argc > 4 && strcmp(argv[2], "hunt") == 0)
        return hunt(dir, (unsigned)atoi(argv[3]), argc - 4, argv + 4);
    if (dir >= 0 && argc == 4 && strcmp(argv[2], "host") == 0)
        return host(dir, argv[3]);
    uint64_t want = strtoull(argv[2], NULL, 10) * 1000000u;
    struct kd_err err = {0};
    struct kd_events *events = NULL;
    struct kd_seals *seals = NULL;
    struct kd_ingest *in = NULL;
    if (dir < 0 || kd_seals_open(dir, &seals, &err) != KD_OK ||
        kd_events_open(dir, 32400, true, &events, &err) != KD_OK)
        return 3;
    struct kd_ingest_config cfg = {
        .dir_fd = dir, .zone_s = 32400, .clock = {wall, NULL}, .events = events, .seals = seals};
    if (kd_ingest_new(&cfg, &in, &err) != KD_OK)
        return 3;
    struct kd_sightings_config seen_cfg = {
        .dir_path = argv[1], .events = events, .clock = {wall, NULL}, .zone_s = 32400};
    struct kd_sightings *seen = NULL;
    if (!(argc > 3 && strcmp(argv[3], "plain") == 0) &&
        kd_sightings_new(&seen_cfg, &seen, &err) != KD_OK)
        return 3;
    struct kd_gen g;
    kd_gen_init(&g, 1, 1763737200000000u);
    g.habits = argc > 4;
    static uint8_t batch[16][KD_BATCH_MAX];
    uint64_t done = 0, bytes = 0, cpu = 0, worst = 0;
    while (done < want) {
        size_t n[16] = {0};
        struct kd_out o[16];
        for (int b = 0; b < 16; b++) {
            o[b] = kd_out_of(batch[b], KD_BATCH_MAX);
            while (kd_gen_office(&g, &o[b]) == KD_OK)
                n[b]++;
            bytes += o[b].n;
        }
        uint64_t start = clock_us(CLOCK_THREAD_CPUTIME_ID);
        for (int b = 0; b < 16; b++) {
            uint64_t t = clock_us(CLOCK_MONOTONIC);
            if (kd_ingest_batch(in, kd_out_bytes_view(&o[b]), n[b], g.ts_us) != KD_OK)
                return 3;
            t = clock_us(CLOCK_MONOTONIC) - t;
            worst = t > worst ? t : worst;
            done += n[b];
        }
        kd_ingest_tick(in);
        if (seen != NULL)
            kd_sightings_wake(seen);
        cpu += clock_us(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    uint64_t start = clock_us(CLOCK_THREAD_CPUTIME_ID);
    if (kd_ingest_seal(in) != KD_OK)
        return 3;
    cpu += clock_us(CLOCK_THREAD_CPUTIME_ID) - start;
    if (seen != NULL)
        kd_sightings_finish(seen);
    /* The other thread's. */
    uint64_t mine = clock_us(CLOCK_THREAD_CPUTIME_ID);
    uint64_t beside = seen == NULL ? 0 : clock_us(CLOCK_PROCESS_CPUTIME_ID) - mine;
    cpu += beside;
    struct kd_events_sum sum = kd_events_sum(events);
    printf("records %llu blocks %llu cpu_s %.2f (sightings %.2f) records/cpu-s %.0f wire B/rec "
           "%.1f disk B/rec %.1f "
           "longest call ms %.0f\n",
           (unsigned long long)sum.records, (unsigned long long)sum.blocks, (double)cpu / 1e6,
           (double)beside / 1e6, (double)done * 1e6 / (double)cpu, (double)bytes / (double)done,
           (double)sum.bytes / (double)sum.records, (double)worst / 1e3);
    kd_sightings_free(seen);
    kd_ingest_free(in);
    kd_events_free(events);
    kd_seals_free(seals);
    return 0;
}
