/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>

#include "bin/brain_state.h"
#include "bin/lists_order.h"
#include "bin/role.h"
#include "bin/say.h"
#include "base/clock.h"
#include "brain/brain.h"
#include "os/edge.h"
#include "os/log.h"
#include "os/shared.h"
#include "wire/board.h"

#define NUMBERS ((uint64_t)1 << 40) /* of one writer of records */
enum { LIST_BYTES_MAX = 256 * 1024 * 1024, BOARD_WAIT_MS = 500 };

/* What people decided, as the store has put it up. */
struct notices {
    const struct kd_board *board; /* or NULL */
    uint64_t seen;                /* number of the newest text that was looked at */
};

static enum kd_status to_store(void *arg, struct kd_bytes batch)
{
    (void)arg;
    return kd_edge_send(KD_FD_OUT, batch);
}

static void look_at_board(struct kd_brain *b, struct notices *k)
{
    uint8_t *text = NULL;
    size_t n = 0;
    if (k->board == NULL || kd_board_number(k->board) == k->seen)
        return;
    enum kd_status s = kd_board_read(k->board, &text, &n, &k->seen);
    if (s == KD_OK)
        s = kd_brain_decide(b, kd_bytes_of(text, n));
    else
        k->seen = kd_board_number(k->board); /* a damaged one is not looked at again and again */
    if (s != KD_OK && s != KD_NOT_FOUND)
        kd_log("board", "refused: %s", kd_status_text(s));
    free(text);
}

/* Take all that waits; false when the edge is gone. */
static bool drain(struct kd_brain *b, struct notices *k, uint8_t *batch)
{
    for (;;) {
        size_t n = 0;
        look_at_board(b, k);
        enum kd_status s = kd_edge_take(KD_FD_IN, false, batch, KD_BATCH_MAX, &n);
        if (s == KD_OK)
            s = kd_brain_batch(b, kd_bytes_of(batch, n));
        else if (s == KD_MORE || s == KD_CLOSED)
            return s == KD_MORE;
        if (s != KD_OK)
            kd_log("batch", "refused: %s", kd_status_text(s));
    }
}

static struct kd_brain *make_brain(const struct kd_start *s)
{
    struct kd_brain_config cfg = {
        .lim = &s->limits,
        .hash_seed = s->seed,
        .max_memory = s->memory_bytes,
        .zone_s = s->zone_s,
        .inside = s->inside,
        .n_inside = s->n_inside,
        .known_bad = kd_role_read_extra(s, KD_EXTRA_KNOWN_BAD, LIST_BYTES_MAX),
        .exceptions = kd_role_read_extra(s, KD_EXTRA_EXCEPTIONS, LIST_BYTES_MAX),
        .tunables = s->tunables,
        .site = s->site,
        .id_base = s->live || s->shift ? s->id_base / KD_US_PER_MS % NUMBERS : 0,
    };
    struct kd_brain *b = NULL;
    struct kd_err err = {0};
    kd_brain_state_map(s, &cfg);
    if (kd_brain_new(&cfg, (struct kd_brain_out){to_store, NULL}, &b, &err) != KD_OK)
        kd_role_fail(&err);
    free((void *)(uintptr_t)cfg.known_bad.p);
    free((void *)(uintptr_t)cfg.exceptions.p);
    return b;
}

static const struct kd_board *map_board(const struct kd_start *s)
{
    int fd = kd_start_fd(s, KD_EXTRA_BOARD);
    void *board = NULL;
    struct kd_err err = {0};
    if (fd >= 0 && kd_shared_map(fd, sizeof(struct kd_board), false, &board, &err) != KD_OK)
        kd_role_fail(&err);
    return board;
}

/* Others' lists, as the parent gives them: between two batches, so that no record meets half of each. */
static void look_at_lists(struct kd_brain *b)
{
    static struct kd_mapped_lists mapped;
    struct kd_mapped_lists fresh;
    struct kd_given_lists given;
    if (!kd_role_given_lists(&given) || !kd_lists_map(given.fd, given.n, given.skip, &fresh))
        return;
    kd_brain_lists(b, fresh.layer, fresh.n);
    kd_lists_unmap(&mapped);
    mapped = fresh;
}

int kd_role_brain(const struct kd_start *s)
{
    static uint8_t batch[KD_BATCH_MAX];
    struct kd_sandbox sb;
    kd_role_enter(s, &sb); /* before the lists, which are foreign bytes too */
    struct kd_brain *b = make_brain(s);
    struct notices notices = {.board = map_board(s)};
    kd_role_ready();
    struct pollfd fds[] = {{.fd = KD_FD_IN, .events = POLLIN},
                           {.fd = KD_FD_CONTROL, .events = POLLIN}};
    bool open = true;
    while (open && !kd_role_stopping()) {
        look_at_lists(b);
        kd_role_wait(fds, KD_COUNT(fds), notices.board != NULL ? BOARD_WAIT_MS : -1);
        open = drain(b, &notices, batch);
        kd_brain_flush(b);
    }
    (void)drain(b, &notices, batch); /* those who wrote it have ended already */
    kd_brain_finish(b);
    kd_brain_free(b);
    return KD_EXIT_DONE;
}
