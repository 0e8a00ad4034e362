/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/engine_rules.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "bin/role.h"
#include "bin/rules_load.h"
#include "os/clock.h"
#include "os/fd.h"
#include "rule/hits.h"

enum { LOWEST = 19 };

enum stage { IDLE, WORKING, READY };

static struct kd_loaded_rules in_force;
static struct kd_rule_hits *hits; /* mapped; NULL: nobody asks */
static size_t hits_max;

/* The thread's work: either a set to load or one to throw away; nobody else touches it while WORKING. */
static struct {
    _Atomic int stage;
    pthread_t thread;
    const struct kd_limits *lim;
    int fd; /* to be loaded; -1: `set` is to be freed */
    struct kd_loaded_rules set;
    struct kd_bytes image; /* of what was loaded last */
    struct kd_err err;
    enum kd_status status;
} work = {.fd = -1};

/* The image stays mapped: lists that rules name are read out of it when the rules are put in force. */
static enum kd_status load(int fd, const struct kd_limits *lim, struct kd_loaded_rules *into, struct kd_bytes *ret_image,
                           struct kd_err *err)
{
    struct stat st;
    *ret_image = kd_str(NULL);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return kd_fail(err, KD_MALFORMED, 0, "the compiled rules are damaged");
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return kd_fail(err, KD_SYSTEM, 0, "the compiled rules cannot be mapped");
    *ret_image = kd_bytes_of(p, (size_t)st.st_size);
    return kd_rules_load(*ret_image, lim, into, err);
}

static void unmap(struct kd_bytes *image)
{
    if (image->n > 0)
        (void)munmap((void *)(uintptr_t)image->p, image->n);
    *image = kd_str(NULL);
}

static void *run(void *arg)
{
    (void)arg;
    (void)setpriority(PRIO_PROCESS, 0, LOWEST); /* of this thread alone */
    if (work.fd >= 0) {
        work.status = load(work.fd, work.lim, &work.set, &work.image, &work.err);
        kd_fd_close(&work.fd);
        atomic_store_explicit(&work.stage, READY, memory_order_release);
    } else {
        unmap(&work.image);
        kd_rules_unload(&work.set);
        atomic_store_explicit(&work.stage, IDLE, memory_order_release);
    }
    return NULL;
}

static void begin(void)
{
    pthread_attr_t attr;
    atomic_store_explicit(&work.stage, WORKING, memory_order_release);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&work.thread, &attr, run, NULL) != 0)
        (void)run(NULL); /* a pause is better than old rules */
    (void)pthread_attr_destroy(&attr);
}

static void answer(bool taken, const char *why)
{
    uint8_t room[200];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_u8(&o, taken);
    kd_out_bytes(&o, kd_bytes_head(kd_str(why), sizeof(room) - 1));
    kd_role_tell(KD_ORDER_TAKEN, kd_out_bytes_view(&o));
}

static const char *put_in_force(struct kd_engine *e, struct kd_loaded_rules *new)
{
    if (!kd_engine_rules(e, new->set))
        return "no memory for the new rules";
    struct kd_loaded_rules old = in_force;
    in_force = *new;
    *new = old;
    return NULL;
}

void kd_engine_rules_turn(struct kd_engine *e, const struct kd_start *s)
{
    int stage = atomic_load_explicit(&work.stage, memory_order_acquire);
    if (stage == WORKING)
        return;
    if (stage == READY) {
        const char *why = work.status != KD_OK ? work.err.what : put_in_force(e, &work.set);
        answer(why == NULL, why == NULL ? "" : why);
        if (work.set.pool != NULL || work.image.n > 0)
            begin(); /* throws away what is not in force */
        else
            atomic_store_explicit(&work.stage, IDLE, memory_order_relaxed);
        return;
    }
    int fd = kd_role_new_rules();
    if (fd < 0)
        return;
    work.fd = fd;
    work.lim = &s->limits;
    work.err = (struct kd_err){0};
    begin();
}

static void map_hits(const struct kd_start *s)
{
    struct stat st;
    int fd = kd_start_fd(s, KD_EXTRA_HITS);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= (off_t)sizeof(*hits))
        return;
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return;
    struct kd_clock clock = kd_os_clock();
    hits = p;
    hits_max = ((size_t)st.st_size - sizeof(*hits)) / sizeof(hits->hit[0]);
    hits->n = 0;
    hits->since_us = kd_now_us(&clock);
}

void kd_engine_rules_note(struct kd_engine *e)
{
    if (hits != NULL)
        hits->n = kd_engine_rule_hits(e, hits->hit, hits_max);
}

void kd_engine_rules_first(struct kd_engine *e, const struct kd_start *s)
{
    struct kd_err err = {0};
    struct kd_bytes image;
    int fd = kd_start_fd(s, KD_EXTRA_RULES);
    map_hits(s);
    if (fd < 0)
        return;
    bool ok = load(fd, &s->limits, &in_force, &image, &err) == KD_OK;
    if (ok && !kd_engine_rules(e, in_force.set)) {
        ok = false;
        (void)kd_fail(&err, KD_NO_MEMORY, 0, "no memory for the rules; lower limits.memory_mib");
    }
    unmap(&image);
    if (!ok && !s->live && !s->shift)
        kd_role_fail(&err);
    if (!ok)
        answer(false, err.what);
}

void kd_engine_rules_done(void)
{
    if (atomic_load_explicit(&work.stage, memory_order_acquire) != WORKING)
        kd_rules_unload(&work.set);
    kd_rules_unload(&in_force);
}
