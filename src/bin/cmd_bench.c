/* SPDX-License-Identifier: Apache-2.0 */
/* kidoban bench: what one engine, the brain and the JSON writer cost on a capture.  One thread, no sandbox, no
 * edges: only the work itself is counted, by the processor time of the thread. */
#include "bin/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "bin/say.h"
#include "bin/rules_load.h"
#include "brain/brain.h"
#include "engine/engine.h"
#include "match/match.h"
#include "packet/capfile.h"

#define IMAGE_ROOM ((size_t)1 << 30)
#define HEAD_ROOM ((size_t)4096)

enum { KEEP_MAX = 512 << 20, BRAIN_MEMORY = 512 << 20, BODY_WORDS = 1024, DECODE_MEMORY = 16 << 20, JAPAN_S = 32400 };

/* Records as they leave the engine; kept (up to KEEP_MAX bytes) for the stages behind it. */
struct taken {
    uint8_t *kept;
    size_t n_kept, n_records_kept;
    uint64_t records, bytes;
    struct kd_rec_stats stats; /* the latest stats record; texts and lists are not used */
    struct kd_pool *pool;
};

struct cost {
    uint64_t cpu_us, instructions;
};

static uint64_t thread_cpu_us(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_THREAD, &u) != 0)
        return 0;
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* Counts this thread's own instructions; -1 where the system does not let us. */
static int instruction_counter(void)
{
    struct perf_event_attr attr = {
        .type = PERF_TYPE_HARDWARE,
        .size = sizeof(attr),
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t instructions(int counter)
{
    uint64_t n = 0;
    if (counter < 0 || read(counter, &n, sizeof(n)) != (ssize_t)sizeof(n))
        return 0;
    return n;
}

static struct cost now(int counter)
{
    return (struct cost){thread_cpu_us(), instructions(counter)};
}

static struct cost since(int counter, struct cost start)
{
    return (struct cost){thread_cpu_us() - start.cpu_us, instructions(counter) - start.instructions};
}

/* ---- the engine ---- */

/* Memory of our own: what is resident, without the mapped capture. */
static uint64_t own_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        if (sscanf(line, "RssAnon: %llu kB", &kib) == 1)
            break;
    if (f != NULL)
        (void)fclose(f);
    return (uint64_t)kib * 1024;
}

static void note_stats(struct taken *t, struct kd_bytes batch)
{
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    uint64_t room[BODY_WORDS];
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        t->records++;
        if (head.type != KD_REC_STATS)
            continue;
        struct kd_arena mem;
        kd_arena_init(&mem, t->pool, DECODE_MEMORY);
        if (kd_body_decode(kd_schemas[KD_REC_STATS], body, &mem, room) == KD_OK)
            memcpy(&t->stats, room, sizeof(t->stats));
        kd_arena_done(&mem);
    }
}

static enum kd_status take_batch(void *arg, struct kd_bytes batch)
{
    struct taken *t = arg;
    t->bytes += batch.n;
    if (t->kept != NULL && batch.n + sizeof(uint32_t) <= KEEP_MAX - t->n_kept) {
        uint32_t n = (uint32_t)batch.n;
        memcpy(t->kept + t->n_kept, &n, sizeof(n));
        memcpy(t->kept + t->n_kept + sizeof(n), batch.p, batch.n);
        t->n_kept += batch.n + sizeof(n);
    }
    note_stats(t, batch);
    return KD_OK;
}

static ptrdiff_t read_fd(void *arg, void *buf, size_t n)
{
    const int *fd = arg;
    return read(*fd, buf, n);
}

struct capture {
    int fd;
    struct kd_bytes mapped;
    struct kd_capfile *file;
};

static enum kd_status open_capture(const char *path, struct capture *ret, struct kd_err *err)
{
    *ret = (struct capture){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat st;
    if (ret->fd < 0 || fstat(ret->fd, &st) != 0) {
        *err = (struct kd_err){.status = KD_NOT_FOUND, .what = "cannot open", .sys = errno};
        return KD_NOT_FOUND;
    }
    void *p = st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, ret->fd, 0) : MAP_FAILED;
    if (p != MAP_FAILED)
        ret->mapped = kd_bytes_of(p, (size_t)st.st_size);
    struct kd_capsource source = {.mapped = ret->mapped, .read = read_fd, .arg = &ret->fd};
    return kd_capfile_open(&source, &ret->file, err);
}

static void close_capture(struct capture *c)
{
    if (c->file != NULL)
        kd_capfile_close(c->file);
    if (c->mapped.n > 0)
        (void)munmap((void *)(uintptr_t)c->mapped.p, c->mapped.n);
    if (c->fd >= 0)
        (void)close(c->fd);
}

/* The reading itself, so that it can be told apart. */
static enum kd_status read_only(const char *path, int counter, struct cost *ret, struct kd_err *err)
{
    struct capture c;
    struct kd_captured frame;
    enum kd_status s = open_capture(path, &c, err);
    struct cost start = now(counter);
    volatile uint8_t touched = 0;
    while (s == KD_OK && kd_capfile_next(c.file, &frame, err) == KD_OK)
        if (frame.bytes.n > 0)
            touched = (uint8_t)(touched ^ frame.bytes.p[0]);
    *ret = since(counter, start);
    close_capture(&c);
    return s;
}

struct engine_figures {
    struct cost cost;
    uint64_t flows_at_end, memory_at_end, resident_at_end;
    struct kd_match_stats rules;
};

static enum kd_status run_engine(const char *path, const struct kd_ruleset *rules, struct taken *t, int counter,
                                 struct engine_figures *ret, struct kd_err *err)
{
    struct capture c;
    struct kd_engine_config cfg = {.lim = &kd_limits_default, .hash_seed = 1, .n_engines = 1, .source = path, .rules = rules};
    struct kd_engine *e = kd_engine_new(&cfg, (struct kd_engine_out){take_batch, t});
    enum kd_status s = e == NULL ? KD_NO_MEMORY : open_capture(path, &c, err);
    if (s == KD_OK) {
        struct kd_captured frame;
        uint64_t last_us = 0;
        struct cost start = now(counter);
        while (kd_capfile_next(c.file, &frame, err) == KD_OK) {
            last_us = frame.ts_us;
            kd_engine_frame(e, &frame);
        }
        kd_engine_stats(e, last_us, 0);
        ret->flows_at_end = t->stats.flows_active;
        ret->memory_at_end = t->stats.memory_bytes;
        ret->resident_at_end = own_bytes();
        kd_engine_finish(e, 0);
        ret->cost = since(counter, start);
        if (rules != NULL)
            ret->rules = *kd_engine_rule_stats(e);
    }
    if (e != NULL)
        close_capture(&c);
    kd_engine_free(e);
    return s;
}

/* ---- behind the engine ---- */

/* Each kept batch in turn. */
static bool next_kept(const struct taken *t, size_t *at, struct kd_bytes *ret)
{
    uint32_t n;
    if (*at + sizeof(n) > t->n_kept)
        return false;
    memcpy(&n, t->kept + *at, sizeof(n));
    *ret = kd_bytes_of(t->kept + *at + sizeof(n), n);
    *at += sizeof(n) + n;
    return true;
}

static enum kd_status count_batch(void *arg, struct kd_bytes batch)
{
    uint64_t *bytes = arg;
    *bytes += batch.n;
    return KD_OK;
}

static enum kd_status run_brain(const struct taken *t, int counter, struct cost *ret, struct kd_err *err)
{
    uint64_t bytes = 0;
    struct kd_brain *b = NULL;
    struct kd_brain_config cfg = {
        .lim = &kd_limits_default, .hash_seed = 1, .max_memory = BRAIN_MEMORY, .zone_s = JAPAN_S};
    enum kd_status s = kd_brain_new(&cfg, (struct kd_brain_out){count_batch, &bytes}, &b, err);
    if (s != KD_OK)
        return s;
    size_t at = 0;
    struct kd_bytes batch;
    struct cost start = now(counter);
    while (next_kept(t, &at, &batch))
        (void)kd_brain_batch(b, batch);
    kd_brain_finish(b);
    *ret = since(counter, start);
    kd_brain_free(b);
    return KD_OK;
}

static uint64_t json_lines(const struct taken *t, struct kd_bytes batch, uint8_t *line)
{
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    uint64_t room[BODY_WORDS];
    uint64_t lines = 0;
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        struct kd_arena mem;
        struct kd_out o = kd_out_of(line, KD_JSON_MAX);
        kd_arena_init(&mem, t->pool, DECODE_MEMORY);
        if (kd_body_decode(kd_schemas[head.type], body, &mem, room) == KD_OK)
            kd_record_json(&o, &head, room, JAPAN_S);
        kd_arena_done(&mem);
        lines += o.n > 0;
    }
    return lines;
}

static uint64_t run_json(const struct taken *t, int counter, struct cost *ret)
{
    size_t at = 0;
    uint64_t lines = 0;
    struct kd_bytes batch;
    uint8_t *line = malloc(KD_JSON_MAX);
    struct cost start = now(counter);
    while (line != NULL && next_kept(t, &at, &batch))
        lines += json_lines(t, batch, line);
    *ret = since(counter, start);
    free(line);
    return lines;
}

/* ---- telling ---- */

static double per(uint64_t n, uint64_t us)
{
    return us == 0 ? 0 : (double)n * 1e6 / (double)us;
}

static void tell_engine(const char *path, const struct taken *t, const struct engine_figures *f, struct cost reading)
{
    const struct kd_rec_stats *st = &t->stats;
    double packets = st->packets > 0 ? (double)st->packets : 1;
    printf("{\"capture\":\"%s\",\"packets\":%llu,\"bytes\":%llu,\"flows\":%llu,\"records\":%llu,\"record_bytes\":%llu,", path,
           (unsigned long long)st->packets, (unsigned long long)st->bytes, (unsigned long long)st->flows,
           (unsigned long long)t->records, (unsigned long long)t->bytes);
    printf("\"cpu_s\":%.3f,\"read_cpu_s\":%.3f,\"packets_per_cpu_s\":%.0f,\"gbit_per_cpu_s\":%.2f,"
           "\"instructions_per_packet\":%.0f,\"degraded_flows\":%llu,",
           (double)f->cost.cpu_us / 1e6, (double)reading.cpu_us / 1e6, per(st->packets, f->cost.cpu_us),
           per(st->bytes, f->cost.cpu_us) * 8 / 1e9, (double)f->cost.instructions / packets,
           (unsigned long long)st->flows_degraded);
    printf("\"flows_at_end\":%llu,\"state_bytes_at_end\":%llu,\"bytes_per_flow\":%.0f,\"own_memory_at_end\":%llu",
           (unsigned long long)f->flows_at_end, (unsigned long long)f->memory_at_end,
           f->flows_at_end > 0 ? (double)f->memory_at_end / (double)f->flows_at_end : 0,
           (unsigned long long)f->resident_at_end);
}

/* What the rules looked at. */
static void tell_matching(const struct kd_match_stats *m)
{
    printf(",\"scans\":%llu,\"scanned_bytes\":%llu,\"candidates\":%llu,\"judged\":%llu,\"matches\":%llu",
           (unsigned long long)m->scans, (unsigned long long)m->scanned_bytes, (unsigned long long)m->candidates,
           (unsigned long long)m->verified, (unsigned long long)m->alerts);
}

static int bench_file(const char *path, const struct kd_ruleset *rules, bool behind, int counter)
{
    struct kd_err err = {0};
    struct taken t = {.pool = kd_pool_new(DECODE_MEMORY * 2)};
    struct engine_figures f = {0};
    struct cost reading, brain, json;
    int status = KD_EXIT_DONE;
    if (behind)
        t.kept = malloc(KEEP_MAX);
    if (t.pool == NULL || read_only(path, counter, &reading, &err) != KD_OK ||
        run_engine(path, rules, &t, counter, &f, &err) != KD_OK) {
        status = kd_say(KD_EXIT_COULD_NOT, "bench", "%s: %s", path, err.what != NULL ? err.what : "no memory");
    } else {
        tell_engine(path, &t, &f, reading);
        if (rules != NULL)
            tell_matching(&f.rules);
        uint64_t lines = t.kept != NULL ? run_json(&t, counter, &json) : 0;
        if (lines > 0 && run_brain(&t, counter, &brain, &err) == KD_OK)
            printf(",\"json_lines_per_cpu_s\":%.0f,\"brain_records_per_cpu_s\":%.0f", per(lines, json.cpu_us),
                   per(lines, brain.cpu_us));
        printf("}\n");
        (void)fflush(stdout);
    }
    free(t.kept);
    kd_pool_free(t.pool);
    return status;
}

static void tell_rules(const struct kd_loaded_rules *r, size_t image_bytes, uint64_t cold_us, uint64_t warm_us)
{
    struct kd_ruleset_size size = kd_ruleset_size(r->set);
    printf("{\"rules\":%u,\"refused\":%u,\"patterns\":%zu,\"databases\":%zu,\"database_bytes\":%zu,\"always\":%zu,"
           "\"image_bytes\":%zu,\"ready_cpu_s\":%.3f,\"ready_from_cache_cpu_s\":%.3f,\"own_memory\":%llu}\n",
           r->counts.loaded, r->counts.refused, size.patterns, size.databases, size.database_bytes, size.always,
           image_bytes, (double)cold_us / 1e6, (double)warm_us / 1e6, (unsigned long long)own_bytes());
}

/* What the process that compiles tells its parent, before the image. */
struct compiled {
    size_t n; /* bytes of the image; 0: it failed */
    uint64_t cpu_us;
};

static void compile_rules(const struct kd_rule_paths *paths, struct compiled *ret, uint8_t *room)
{
    static uint8_t key[KD_RULE_KEY_BYTES];
    struct kd_rule_inputs inputs;
    struct kd_err err = {0};
    struct kd_out image = kd_out_of(room, IMAGE_ROOM);
    bool ok = kd_rule_inputs_find("bench", paths, NULL, 0, &inputs) && kd_rule_inputs_open("bench", &inputs);
    uint64_t start = thread_cpu_us();
    kd_rule_image_begin(&image);
    for (size_t i = 0; ok && i < inputs.n; i++)
        if (kd_rules_add(&image, inputs.at[i].kind, inputs.at[i].name, inputs.at[i].fd, &err) != KD_OK)
            ok = kd_say(1, "bench", "%s: %s", inputs.at[i].name, err.what) == 0;
    kd_rule_inputs_done(&inputs);
    if (!ok)
        return;
    kd_rules_key(&image, &kd_limits_default, key);
    if (kd_rules_compile(&image, key, &kd_limits_default, NULL, &err) != KD_OK) {
        (void)kd_say_err(0, "bench", &err);
        return;
    }
    *ret = (struct compiled){image.n, thread_cpu_us() - start};
}

/* The rules as the compile role makes them, in a process of its own so that the memory it takes is not counted, and then
 * as an engine finds them: from the image. */
static bool load_rules(const struct kd_rule_paths *paths, struct kd_loaded_rules *into)
{
    struct kd_err err = {0};
    struct compiled *c = mmap(NULL, HEAD_ROOM + IMAGE_ROOM, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (c == MAP_FAILED)
        return kd_say(1, "bench", "no memory for rules") == 0;
    uint8_t *room = (uint8_t *)c + HEAD_ROOM;
    pid_t child = fork();
    if (child == 0) {
        compile_rules(paths, c, room);
        _exit(c->n > 0 ? 0 : 1);
    }
    int status = 1;
    bool ok = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    uint64_t start = thread_cpu_us();
    if (ok && kd_rules_load(kd_bytes_of(room, c->n), &kd_limits_default, into, &err) == KD_OK)
        tell_rules(into, c->n, c->cpu_us, thread_cpu_us() - start);
    else
        ok = ok && kd_say_err(1, "bench", &err) == 0;
    (void)munmap(c, HEAD_ROOM + IMAGE_ROOM);
    return ok;
}

int kd_cmd_bench(int argc, char **argv)
{
    bool behind = false;
    struct kd_rule_paths rules = {0};
    struct kd_loaded_rules loaded = {0};
    const struct kd_option options[] = {{.name = "--all", .set = &behind}, {.name = "--rules", .value = &rules.files},
                                        {.name = "--vars", .value = &rules.suricata},
                                        {.name = "--classification", .value = &rules.classes},
                                        {.name = "--reference", .value = &rules.references},
                                        {.name = "--thresholds", .value = &rules.thresholds}};
    if (!kd_options("bench", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc < 2)
        return kd_say(KD_EXIT_USAGE, "bench", "needs a capture file; see kidoban bench --help");
    if (rules.files != NULL && !load_rules(&rules, &loaded))
        return KD_EXIT_COULD_NOT;
    int counter = instruction_counter();
    int status = KD_EXIT_DONE;
    for (int i = 1; i < argc && status == KD_EXIT_DONE; i++)
        status = bench_file(argv[i], loaded.set, behind, counter);
    if (counter >= 0)
        (void)close(counter);
    kd_rules_unload(&loaded);
    return status;
}
