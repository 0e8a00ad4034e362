/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ask_pool.h"

#include <pthread.h>
#include <signal.h>

struct job {
    bool used, running;
    _Atomic bool cancel;
    uint64_t order;
    struct kd_question q; /* its texts are views into `text` */
    uint8_t *text;
    void (*reply)(void *arg, const struct kd_answer *a);
    void *arg;
};

struct worker {
    struct kd_ask_pool *pool;
    struct kd_answerer a;
    pthread_t thread;
    bool started;
};

struct kd_ask_pool {
    pthread_mutex_t lock;       /* over the jobs */
    pthread_mutex_t reply_lock; /* one answer at a time */
    pthread_cond_t more;
    struct job job[KD_ASK_OPEN_MAX];
    uint64_t next_order;
    bool stop;
    unsigned n_workers;
    struct worker worker[KD_ASK_THREADS_MAX];
};

static void send_reply(struct kd_ask_pool *p, struct job *j, const struct kd_reply *r)
{
    struct kd_bytes rest = kd_jw_view(&r->json);
    if (r->status == 204)
        rest = kd_bytes_of(NULL, 0);
    (void)pthread_mutex_lock(&p->reply_lock);
    do {
        struct kd_answer a = {.id = j->q.id,
                              .status = r->status,
                              .retry_s = r->retry_s,
                              .token = kd_str(r->token),
                              .json = kd_bytes_head(rest, KD_ASK_CHUNK_MAX)};
        rest = kd_bytes_from(rest, KD_ASK_CHUNK_MAX);
        a.more = rest.n > 0;
        j->reply(j->arg, &a);
    } while (rest.n > 0);
    (void)pthread_mutex_unlock(&p->reply_lock);
}

static struct job *oldest_waiting(struct kd_ask_pool *p)
{
    struct job *found = NULL;
    for (size_t i = 0; i < KD_ASK_OPEN_MAX; i++) {
        struct job *j = &p->job[i];
        if (j->used && !j->running && (found == NULL || j->order < found->order))
            found = j;
    }
    return found;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct kd_ask_pool *p = w->pool;
    (void)pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct job *j = oldest_waiting(p);
        if (j == NULL) {
            (void)pthread_cond_wait(&p->more, &p->lock);
            continue;
        }
        j->running = true;
        (void)pthread_mutex_unlock(&p->lock);
        struct kd_reply r;
        w->a.cancel = &j->cancel;
        if (j->cancel) {
            kd_jw_init(&r.json, 0);
            r.retry_s = 0;
            r.token[0] = '\0';
            kd_reply_error(&r, 408, "cancelled", "中止しました。", "It was cancelled.");
        } else {
            kd_answer(&w->a, &j->q, &r);
        }
        send_reply(p, j, &r);
        kd_jw_done(&r.json);
        (void)pthread_mutex_lock(&p->lock);
        free(j->text);
        j->text = NULL;
        j->used = j->running = false;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

static bool start_thread(struct worker *w)
{
    /* Signals are the main thread's. */
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    w->started = pthread_create(&w->thread, NULL, work, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return w->started;
}

enum kd_status kd_ask_pool_new(const struct kd_answerer *like, const char *dir_path,
                               unsigned threads, struct kd_ask_pool **ret, struct kd_err *err)
{
    struct kd_ask_pool *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "questions");
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_mutex_init(&p->reply_lock, NULL);
    (void)pthread_cond_init(&p->more, NULL);
    enum kd_status s = KD_OK;
    p->n_workers = threads > KD_ASK_THREADS_MAX ? KD_ASK_THREADS_MAX : threads;
    for (unsigned i = 0; i < p->n_workers; i++) {
        p->worker[i].pool = p;
        p->worker[i].a = *like;
        p->worker[i].a.meta.db = NULL;
    }
    for (unsigned i = 0; i < p->n_workers && s == KD_OK; i++) {
        s = kd_meta_open(dir_path, true, true, like->clock, &p->worker[i].a.meta, err);
        if (s == KD_OK && !start_thread(&p->worker[i]))
            s = kd_fail(err, KD_SYSTEM, 0, "thread");
    }
    if (s != KD_OK) {
        kd_ask_pool_free(p);
        return s;
    }
    *ret = p;
    return KD_OK;
}

void kd_ask_pool_free(struct kd_ask_pool *p)
{
    if (p == NULL)
        return;
    (void)pthread_mutex_lock(&p->lock);
    p->stop = true;
    for (size_t i = 0; i < KD_ASK_OPEN_MAX; i++)
        p->job[i].cancel = true;
    (void)pthread_cond_broadcast(&p->more);
    (void)pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_workers; i++) {
        if (p->worker[i].started)
            (void)pthread_join(p->worker[i].thread, NULL);
        kd_meta_close(&p->worker[i].a.meta);
    }
    for (size_t i = 0; i < KD_ASK_OPEN_MAX; i++)
        free(p->job[i].text);
    (void)pthread_cond_destroy(&p->more);
    (void)pthread_mutex_destroy(&p->reply_lock);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

/* The same question with texts of its own. */
static bool copy_question(struct job *j, const struct kd_question *q)
{
    size_t n = 1;
    for (size_t i = 0; i < q->n; i++)
        n += q->v[i].name.n + q->v[i].value.n;
    j->text = malloc(n);
    if (j->text == NULL)
        return false;
    struct kd_out o = kd_out_of(j->text, n);
    j->q = *q;
    for (size_t i = 0; i < q->n; i++) {
        struct kd_bytes *part[2] = {&j->q.v[i].name, &j->q.v[i].value};
        for (size_t k = 0; k < 2; k++) {
            struct kd_bytes old = *part[k];
            *part[k] = kd_bytes_of(j->text + o.n, old.n);
            kd_out_bytes(&o, old);
        }
    }
    return true;
}

static void cancel(struct kd_ask_pool *p, uint32_t id)
{
    for (size_t i = 0; i < KD_ASK_OPEN_MAX; i++)
        if (p->job[i].used && p->job[i].q.id == id)
            p->job[i].cancel = true;
}

enum kd_status kd_ask_pool_ask(struct kd_ask_pool *p, const struct kd_question *q,
                               void (*reply)(void *arg, const struct kd_answer *a), void *arg)
{
    enum kd_status s = KD_BUSY;
    (void)pthread_mutex_lock(&p->lock);
    if (q->kind == KD_ASK_CANCEL) {
        cancel(p, q->id);
        s = KD_OK;
    }
    for (size_t i = 0; i < KD_ASK_OPEN_MAX && s == KD_BUSY; i++) {
        struct job *j = &p->job[i];
        if (j->used)
            continue;
        *j = (struct job){.order = p->next_order++, .reply = reply, .arg = arg};
        j->used = copy_question(j, q);
        s = j->used ? KD_OK : KD_NO_MEMORY;
        (void)pthread_cond_signal(&p->more);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return s;
}
