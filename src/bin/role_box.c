/* SPDX-License-Identifier: Apache-2.0 */
/* Box: whole files of the engines are looked at with YARA rules, one after the other; what matches becomes records for
 * brain.  The sandbox is entered before the first rule is read.  Whatever a file does to this process costs that file's
 * verdict, which is told, and no other's. */
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/hash.h"
#include "bin/role.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "box/scan.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/log.h"
#include "wire/tray.h"

enum {
    BOX_NUMBER = 253, /* engines count from 0, the parent is 254, brain 255 */
    CLEAN_KEPT = 4096,
    POOL_BYTES = 16 << 20,
    NICE = 10,         /* packets first */
    TELL_S = 60,       /* the same trouble is told so often */
    LAST_S = 10,       /* at the end what waits is still looked at */
    WATCH_SLACK_S = 5, /* beyond the library's own limit of time */
    COPY_MORE = 1 << 20
};

/* A file that no rule matched, and under which name. */
struct clean {
    uint8_t sha256[KD_SHA256_BYTES];
    uint64_t name;
};

enum trouble { LEFT_OUT, TIME_OVER, BOUND, DIED, BROKEN, TROUBLES };

struct told {
    uint64_t at_us, n; /* monotonic; since then */
    bool once;
};

struct box {
    const struct kd_start *start;
    struct kd_clock clock;
    struct kd_yara *yara;
    struct kd_pool *pool;
    struct kd_tray_reader tray[KD_ENGINES_MAX];
    uint64_t lost[KD_ENGINES_MAX]; /* as told */
    size_t n_trays;
    uint8_t *copy;
    size_t copy_n;
    uint64_t next_id;
    struct clean clean[CLEAN_KEPT];
    struct told told[TROUBLES];
    /* the file in hand */
    struct kd_rec_head head;
    struct kd_rec_file file;
    uint32_t n_matches;
    uint8_t batch[KD_BATCH_MAX];
};

static void emit(struct box *b, struct kd_rec_head *head, const void *body)
{
    struct kd_out o = kd_out_of(b->batch, sizeof(b->batch));
    head->engine = BOX_NUMBER;
    head->id = (uint64_t)BOX_NUMBER << 40 | (++b->next_id & (((uint64_t)1 << 40) - 1));
    if (kd_record_put(&o, head, body) == KD_OK)
        kd_ignore(kd_edge_send(KD_FD_OUT, kd_out_bytes_view(&o))); /* without a brain there is nothing to say */
}

/* ---- trouble ---- */

static void tell(struct box *b, enum trouble what, uint64_t n, uint64_t ts_us)
{
    static const char *const texts[TROUBLES][3] = {
        [LEFT_OUT] = {"left_out", "%llu 個のファイルは YARA で検査していません(待ち行列が満杯、または大きすぎるため)。",
                      "%llu files were not looked at with YARA rules (no room in the queue, or too large)"},
        [TIME_OVER] = {"timeout", "%llu 個のファイルで YARA の検査が時間切れになりました。判定は途中までです。",
                       "YARA ran out of time over %llu files; what was found until then was told"},
        [BOUND] = {"limit", "%llu 個のファイルの YARA 検査が上限に達し、判定できませんでした。",
                   "YARA met a limit in %llu files; they have no verdict"},
        [DIED] = {"died", "ファイルの検査が %llu 個のファイルの途中で止まりました。それらの判定はありません。",
                  "the inspection of files ended over %llu files; they have no verdict"},
        [BROKEN] = {"broken", "検査待ちのファイルの列が %llu 回壊れていたため、捨てました。",
                    "files waiting for inspection were damaged %llu times and given up"},
    };
    char ja[300], en[300];
    struct told *t = &b->told[what];
    uint64_t now = kd_os_monotonic_us();
    t->n += n;
    if (t->n == 0 || (b->start->live && t->once && now - t->at_us < TELL_S * (uint64_t)KD_US_PER_S))
        return;
    snprintf(ja, sizeof(ja), texts[what][1], (unsigned long long)t->n);
    snprintf(en, sizeof(en), texts[what][2], (unsigned long long)t->n);
    struct kd_rec_health h = {.kind = kd_str("yara"), .role = kd_str("box"), .state = kd_str(texts[what][0]),
                              .value = t->n, .text_ja = kd_str(ja), .text_en = kd_str(en)};
    struct kd_rec_head head = {.ts_us = ts_us != 0 ? ts_us : kd_now_us(&b->clock), .type = KD_REC_HEALTH};
    emit(b, &head, &h);
    *t = (struct told){.at_us = now, .once = true};
}

/* A replay's own total says the same in its stats record. */
static void tell_left_out(struct box *b)
{
    uint64_t n = 0;
    if (!b->start->live)
        return;
    for (size_t i = 0; i < b->n_trays; i++) {
        uint64_t lost = kd_tray_lost(&b->tray[i]);
        n += lost - b->lost[i];
        b->lost[i] = lost;
    }
    tell(b, LEFT_OUT, n, 0);
}

/* ---- one file ---- */

static bool on_match(void *arg, const struct kd_rec_yara *match)
{
    struct box *b = arg;
    const struct kd_rec_file *f = &b->file;
    struct kd_rec_yara rec = *match;
    rec.file_id = b->head.id;
    rec.filename = f->filename;
    rec.magic = f->magic;
    rec.size = f->size;
    rec.md5 = f->md5;
    rec.sha1 = f->sha1;
    rec.sha256 = f->sha256;
    rec.to_server = f->to_server;
    rec.source = f->source;
    struct kd_rec_head head = b->head;
    head.type = KD_REC_YARA;
    emit(b, &head, &rec);
    return ++b->n_matches < b->start->limits.yara_matches;
}

/* If the library does not keep its own limit: the process ends, and its successor tells. */
static void watch(unsigned seconds)
{
    const struct itimerval t = {.it_value = {.tv_sec = seconds}};
    (void)setitimer(ITIMER_REAL, &t, NULL);
}

static void scan(struct box *b, struct kd_bytes content)
{
    const struct kd_rec_file *f = &b->file;
    struct clean now = {.name = kd_hash(f->filename.p, f->filename.n, b->start->seed)};
    memcpy(now.sha256, f->sha256.p, kd_min_size(f->sha256.n, sizeof(now.sha256)));
    struct clean *known = &b->clean[kd_hash(&now, sizeof(now), b->start->seed) % CLEAN_KEPT];
    if (f->sha256.n == sizeof(now.sha256) && memcmp(known, &now, sizeof(now)) == 0)
        return;
    const struct kd_yara_file file = {.content = content, .name = f->filename, .type = f->magic};
    unsigned seconds = b->start->limits.yara_seconds;
    b->n_matches = 0;
    watch(2 * seconds + WATCH_SLACK_S);
    enum kd_status s = kd_yara_scan(b->yara, &file, seconds, on_match, b);
    watch(0);
    if (s == KD_DEADLINE)
        tell(b, TIME_OVER, 1, b->head.ts_us);
    else if (s != KD_OK)
        tell(b, BOUND, 1, b->head.ts_us);
    else if (b->n_matches == 0)
        *known = now;
}

/* Engines are not believed: the record is read as foreign. */
static bool read_record(struct box *b, struct kd_bytes record, struct kd_arena *mem)
{
    struct kd_cur c = kd_cur_of(record);
    struct kd_bytes body, whole;
    return kd_record_next(&c, &b->head, &body, &whole) == KD_OK && b->head.type == KD_REC_FILE &&
           kd_body_decode(kd_schemas[KD_REC_FILE], body, mem, &b->file) == KD_OK;
}

static void take(struct box *b, const struct kd_tray_job *job)
{
    struct kd_arena mem;
    kd_arena_init(&mem, b->pool, POOL_BYTES);
    if (!read_record(b, job->record, &mem))
        tell(b, BROKEN, 1, 0);
    else if (job->again)
        tell(b, DIED, 1, b->head.ts_us);
    else
        scan(b, job->content);
    kd_arena_done(&mem);
}

/* One file of each engine in turn; was there any? */
static bool round_of(struct box *b)
{
    bool any = false;
    for (size_t i = 0; i < b->n_trays; i++) {
        struct kd_tray_job job;
        enum kd_status s = kd_tray_next(&b->tray[i], b->copy, b->copy_n, &job);
        if (s == KD_OK) {
            take(b, &job);
            kd_tray_taken(&b->tray[i]);
        } else if (s != KD_NOT_FOUND) {
            tell(b, BROKEN, 1, 0);
        }
        any |= s != KD_NOT_FOUND;
    }
    return any;
}

/* ---- setting up ---- */

static void map_trays(struct box *b)
{
    const struct kd_start *s = b->start;
    struct kd_err err = {0};
    for (size_t i = 0; i < s->n_extras; i++) {
        struct stat st;
        int fd = KD_FD_EXTRA + (int)i;
        if (s->extra[i].kind != KD_EXTRA_TRAY)
            continue;
        KD_ASSERT(b->n_trays < KD_COUNT(b->tray));
        void *mem = fstat(fd, &st) != 0 ? MAP_FAILED
                                        : mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mem == MAP_FAILED || !kd_tray_reader_init(&b->tray[b->n_trays], mem, (size_t)st.st_size)) {
            (void)kd_fail(&err, KD_NO_MEMORY, 0, "the files to be inspected cannot be mapped");
            kd_role_fail(&err);
        }
        b->lost[b->n_trays] = kd_tray_lost(&b->tray[b->n_trays]);
        b->n_trays++;
    }
}

static void on_refused(void *arg, struct kd_bytes file, uint32_t line, const char *why)
{
    (void)arg;
    kd_log("yara", "%.*s:%u: %s", (int)file.n, (const char *)file.p, line, why);
}

static void compile(struct box *b)
{
    struct kd_err err = {0};
    struct kd_yara_counts n;
    struct kd_bytes bundle = kd_bytes_of(NULL, 0);
    struct stat st;
    int fd = kd_start_fd(b->start, KD_EXTRA_YARA);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        bundle = p == MAP_FAILED ? bundle : kd_bytes_of(p, (size_t)st.st_size);
    }
    b->yara = kd_yara_new(bundle, on_refused, NULL, &n, &err);
    if (b->yara == NULL)
        kd_role_fail(&err);
    if (n.refused > 0)
        kd_log("yara", "%u files read, %u rules loaded, %u files refused", n.files, n.rules, n.refused);
    if (bundle.n > 0)
        (void)munmap((void *)(uintptr_t)bundle.p, bundle.n);
}

static void set_up(struct box *b, const struct kd_start *s)
{
    struct kd_err err = {0};
    b->start = s;
    b->clock = kd_os_clock();
    b->next_id = s->live || s->shift ? kd_now_us(&b->clock) / KD_US_PER_MS : s->id_base >> 20;
    b->copy_n = ((size_t)s->limits.yara_file_mib << 20) + COPY_MORE;
    b->copy = malloc(b->copy_n);
    b->pool = kd_pool_new(POOL_BYTES);
    if (b->copy == NULL || b->pool == NULL || !kd_yara_start()) {
        (void)kd_fail(&err, KD_NO_MEMORY, 0, "no memory for the inspection of files");
        kd_role_fail(&err);
    }
    (void)setpriority(PRIO_PROCESS, 0, NICE);
    map_trays(b);
}

int kd_role_box(const struct kd_start *s)
{
    static struct box b;
    set_up(&b, s);
    struct kd_sandbox sb;
    kd_role_enter(s, &sb);
    kd_role_ready();
    compile(&b); /* rules are foreign, too */
    struct pollfd fds[] = {{.fd = KD_FD_IN, .events = POLLIN}, {.fd = KD_FD_CONTROL, .events = POLLIN}};
    bool stop = false;
    uint64_t until = UINT64_MAX, bell;
    for (;;) {
        bool any = round_of(&b);
        tell_left_out(&b);
        if (!stop && kd_role_stopping()) {
            stop = true;
            until = s->live ? kd_os_monotonic_us() + LAST_S * (uint64_t)KD_US_PER_S : UINT64_MAX;
        }
        if (stop && (!any || kd_os_monotonic_us() > until))
            break;
        if (any)
            continue;
        kd_role_wait(fds, KD_COUNT(fds), TELL_S * 1000);
        (void)!read(KD_FD_IN, &bell, sizeof(bell));
    }
    kd_yara_free(b.yara);
    kd_pool_free(b.pool);
    free(b.copy);
    return KD_EXIT_DONE;
}
