/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "bin/lists_order.h"
#include "bin/role.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/log.h"
#include "os/shared.h"
#include "store/json_log.h"
#include "store/store.h"
#include "wire/board.h"

enum { TICK_MS = 200, ASK_THREADS = 2, ANSWER_WAIT_MS = 1000 };
#define FULL_QUIET_US (60 * (uint64_t)KD_US_PER_S)

struct keeper {
    struct kd_store *store;   /* or NULL: JSON only */
    struct kd_json_log *json; /* or NULL */
    uint8_t batch[KD_BATCH_MAX];
    uint8_t kept[KD_BATCH_MAX];
    uint8_t message[KD_ASK_MAX]; /* from web or gate */
    int gate_fd;                 /* or -1 */
    bool told_json;              /* one line is enough */
    uint64_t full_us;            /* when the disk was last found full; 0 never */
};

/* To web; a web that does not read in time (or is just being restarted) loses the message: a
 * question is then asked again by its reader, an event is of the past. */
static void to_web(struct kd_bytes message, int wait_ms)
{
    enum kd_status s = kd_edge_offer(KD_FD_ASK, message, NULL, 0);
    if (s == KD_BUSY && wait_ms > 0) {
        struct pollfd p = {.fd = KD_FD_ASK, .events = POLLOUT};
        kd_role_wait(&p, 1, wait_ms);
        kd_ignore(kd_edge_offer(KD_FD_ASK, message, NULL, 0));
    }
}

static void on_event(void *arg, const struct kd_event *event)
{
    static uint8_t room[KD_ASK_MAX];
    (void)arg;
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (kd_event_put(&o, event) == KD_OK)
        to_web(kd_out_bytes_view(&o), 0);
}

/* Called by one thread of the store's at a time. */
static void on_answer(void *arg, const struct kd_answer *a)
{
    static uint8_t room[KD_ASK_MAX];
    (void)arg;
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (kd_answer_put(&o, a) == KD_OK)
        to_web(kd_out_bytes_view(&o), ANSWER_WAIT_MS);
}

static void hear_questions(struct keeper *k)
{
    size_t n = 0;
    struct kd_ask_message m;
    while (kd_edge_take(KD_FD_ASK, false, k->message, sizeof(k->message), &n) == KD_OK) {
        if (kd_ask_read(kd_bytes_of(k->message, n), &m) != KD_OK || m.tag != KD_ASK_QUESTION) {
            kd_log("question", "refused: it breaks the format");
            continue;
        }
        if (k->store == NULL || kd_store_ask(k->store, &m.question, on_answer, NULL) != KD_OK) {
            struct kd_answer busy = {.id = m.question.id, .status = 503, .retry_s = 1};
            on_answer(NULL, &busy);
        }
    }
}

/* To gate; one that is behind or just being restarted asks for it again. */
static void to_gate(void *arg, const struct kd_notice *n)
{
    static uint8_t room[KD_NOTICE_MAX];
    const struct keeper *k = arg;
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_notice_message m = {.tag = KD_NOTICE_ITEM, .item = *n};
    if (kd_notice_put(&o, &m) == KD_OK)
        kd_ignore(kd_edge_offer(k->gate_fd, kd_out_bytes_view(&o), NULL, 0));
}

static void hear_gate(struct keeper *k)
{
    size_t n = 0;
    struct kd_notice_message m;
    while (kd_edge_take(k->gate_fd, false, k->message, sizeof(k->message), &n) == KD_OK) {
        if (kd_notice_read(kd_bytes_of(k->message, n), &m) == KD_OK)
            kd_store_heard(k->store, &m);
        else
            kd_log("gate", "refused: it breaks the format");
    }
}

static void complain(struct keeper *k, enum kd_status s, const struct kd_err *err)
{
    if (s == KD_FULL) { /* a disk at its brim takes a batch now and then: that is no news */
        uint64_t now_us = kd_os_monotonic_us(), last_us = k->full_us;
        k->full_us = now_us;
        if (last_us != 0 && now_us - last_us < FULL_QUIET_US)
            return;
    }
    uint8_t text[300];
    struct kd_out o = kd_out_of(text, sizeof(text));
    if (s == KD_FULL)
        kd_out_str(
            &o, "the disk is full: records are being lost; free some space or lower retention.gib");
    else
        kd_out_fmt(&o, "records could not be kept: %s",
                   err->what != NULL ? err->what : kd_status_text(s));
    kd_role_tell(KD_ORDER_PROBLEM, kd_out_bytes_view(&o));
}

/* What is kept of a batch: not what JSON lines alone tell. */
static struct kd_bytes without_steps(struct keeper *k, struct kd_bytes batch)
{
    struct kd_cur c = kd_cur_of(batch);
    struct kd_out o = kd_out_of(k->kept, sizeof(k->kept));
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    bool any = false;
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        any = any || kd_is_step(head.type);
        if (!kd_is_step(head.type))
            kd_out_bytes(&o, whole);
    }
    return any ? kd_out_bytes_view(&o) : batch;
}

static void keep(struct keeper *k, struct kd_bytes batch)
{
    struct kd_err err = {0};
    enum kd_status s = KD_OK;
    if (k->store != NULL)
        s = kd_store_batch(k->store, k->json != NULL ? without_steps(k, batch) : batch, &err);
    if (s != KD_OK)
        complain(k, s, &err);
    s = k->json != NULL ? kd_json_log_batch(k->json, batch) : KD_OK;
    if (s == KD_MALFORMED || s == KD_LIMIT)
        kd_log("json", "a record was left out: %s", kd_status_text(s));
}

static void flush(struct keeper *k)
{
    struct kd_err err = {0};
    enum kd_status s = k->json != NULL ? kd_json_log_flush(k->json) : KD_OK;
    if (s != KD_OK && s != KD_CLOSED &&
        !k->told_json) { /* closed: the reader of our output had enough */
        complain(k, s, &err);
        k->told_json = true;
    }
}

/* Take all that waits; false when the edge is gone. */
static bool drain(struct keeper *k)
{
    for (;;) {
        size_t n = 0;
        enum kd_status s = kd_edge_take(KD_FD_IN, false, k->batch, sizeof(k->batch), &n);
        if (s == KD_OK)
            keep(k, kd_bytes_of(k->batch, n));
        else if (s == KD_MORE || s == KD_CLOSED)
            return s == KD_MORE;
        else
            kd_log("batch", "lost: %s", kd_status_text(s));
    }
}

static void open_store(const struct kd_start *s, const struct kd_sandbox *sb, struct keeper *k)
{
    struct kd_store_config cfg = {
        .dir_fd = sb->dir_fd,
        .dir_path = sb->ret_dir,
        .zone_s = s->zone_s,
        .keep_days = s->keep_days,
        .keep_bytes = s->keep_bytes,
        .free_bytes_min = s->free_bytes,
        .clock = kd_os_clock(),
        .inside = s->inside,
        .n_inside = s->n_inside,
        .site = s->site,
        .demo = s->shift,
        .ask_threads = s->live || s->realtime ? ASK_THREADS : 0,
        .event = on_event,
        .notice = k->gate_fd >= 0 && s->mail.n_to > 0 ? to_gate : NULL,
        .notice_arg = k,
        .notice_severity = s->mail.severity,
    };
    struct kd_err err = {0};
    int board_fd = kd_start_fd(s, KD_EXTRA_BOARD);
    void *board = NULL;
    if (board_fd >= 0 && kd_shared_map(board_fd, sizeof(struct kd_board), true, &board, &err) != KD_OK)
        kd_role_fail(&err);
    cfg.board = board;
    if (kd_store_open(&cfg, &k->store, &err) != KD_OK)
        kd_role_fail(&err);
    const char *password = kd_store_first_password(k->store);
    if (password != NULL)
        kd_role_tell(KD_ORDER_PASSWORD, kd_str(password));
}

/* The lookers of the past may still be at the former ones: their memory goes when the next ones come. */
static void look_at_lists(struct keeper *k)
{
    static struct kd_mapped_lists now, before;
    struct kd_mapped_lists fresh;
    struct kd_given_lists given;
    if (!kd_role_given_lists(&given) || !kd_lists_map(given.fd, given.n, given.skip, &fresh))
        return;
    if (k->store != NULL)
        kd_store_lists(k->store, fresh.layer, fresh.n);
    kd_lists_unmap(&before);
    before = now;
    now = fresh;
}

int kd_role_store(const struct kd_start *s)
{
    static struct keeper k;
    k.gate_fd = kd_start_fd(s, KD_EXTRA_GATE);
    int json_fd = kd_start_fd(s, KD_EXTRA_JSON);
    struct kd_err err = {0};
    if (json_fd >= 0 && (k.json = kd_json_log_new(json_fd, (int32_t)kd_start_number(s, KD_EXTRA_JSON))) == NULL) {
        (void)kd_fail(&err, KD_NO_MEMORY, 0, "no memory for JSON output");
        kd_role_fail(&err);
    }
    struct kd_sandbox sb;
    kd_role_enter(s, &sb);
    if (sb.dir_fd >= 0)
        open_store(s, &sb, &k);
    kd_role_ready();
    struct pollfd fds[] = {{.fd = KD_FD_IN, .events = POLLIN},
                           {.fd = KD_FD_CONTROL, .events = POLLIN},
                           {.fd = s->live || s->realtime ? KD_FD_ASK : -1, .events = POLLIN},
                           {.fd = k.store != NULL ? k.gate_fd : -1, .events = POLLIN}};
    bool open = true;
    while (open && !kd_role_stopping()) {
        look_at_lists(&k);
        kd_role_wait(fds, KD_COUNT(fds), TICK_MS);
        open = drain(&k);
        flush(&k);
        if (fds[2].revents != 0)
            hear_questions(&k);
        if (fds[3].revents != 0)
            hear_gate(&k);
        if (k.store != NULL)
            kd_store_tick(k.store);
    }
    (void)drain(&k);
    flush(&k);
    kd_json_log_free(k.json);
    if (k.store != NULL)
        kd_store_close(k.store);
    return KD_EXIT_DONE;
}
