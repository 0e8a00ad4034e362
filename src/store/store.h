/* SPDX-License-Identifier: Apache-2.0 */
/* The only owner of the evidence files and the database: records in, answers and live events out.
 *
 * One thread takes records (kd_store_batch, kd_store_tick); questions run in at most two threads of
 * the store's own, so a long hunt never delays a record. */
#ifndef KD_STORE_STORE_H
#define KD_STORE_STORE_H

#include "base/clock.h"
#include "store/sighting.h"
#include "wire/ask.h"
#include "wire/notice.h"
#include "wire/record.h"

struct kd_board;
struct kd_store;

struct kd_store_config {
    int dir_fd;              /* the store's directory (borrowed); everything is opened below it */
    const char *dir_path;    /* the same as a path for SQLite, e.g. "/proc/self/fd/7" */
    int zone_s;              /* day partitions are days of the site */
    uint64_t keep_days;      /* retention by age; 0: no limit */
    uint64_t keep_bytes;     /* retention by size; 0: no limit */
    uint64_t free_bytes_min; /* oldest unprotected data goes when less is free */
    struct kd_clock clock;
    const struct kd_net *inside; /* the site's own nets (borrowed); none: private addresses */
    size_t n_inside;
    struct kd_bytes site; /* the network plan, as kd_site_put() writes it; may be empty */
    bool read_only;       /* for hunt, host, verify beside a running writer */
    bool demo;            /* a capture is being replayed: the pages say so */
    unsigned ask_threads; /* 0: no questions (replay); at most 2 */

    /* Where people's decisions are put up for the brain (wire/board.h); NULL: nobody looks. */
    struct kd_board *board;

    /* A live event (kind, JSON text), from the thread that calls kd_store_batch() or
     * kd_store_tick().  May be NULL. */
    void (*event)(void *arg, const struct kd_event *event);
    void *event_arg;

    /* Notices to people from this severity on (wire/notice.h), from the same thread.  NULL: none are
     * kept. */
    void (*notice)(void *arg, const struct kd_notice *n);
    void *notice_arg;
    uint8_t notice_severity;
};

/* The store's directory must not be open for writing by another: KD_BUSY.  Read only: KD_NOT_FOUND
 * when there is no evidence yet. */
KD_MUST_USE enum kd_status kd_store_open(const struct kd_store_config *cfg, struct kd_store **ret,
                                         struct kd_err *err);
void kd_store_close(struct kd_store *s); /* seals what is left, signs the day */

/* The password of user `admin` when this open made it (first start); NULL otherwise.  To be shown
 * once. */
const char *kd_store_first_password(const struct kd_store *s);

/* The lists of suspicious objects that are in force from now on (object/index.h): noted for people, and looked for in
 * the past.  Their memory is the caller's, who may give up that of the call before last when this returns. */
struct kd_obj_index;
void kd_store_lists(struct kd_store *s, const struct kd_obj_index *layer, size_t n);

/* Take a batch: into the journal before it returns, into columns when a block is full.  KD_FULL:
 * the disk is full and nothing more could be given up; the batch is counted as lost.  KD_MALFORMED:
 * refused behind the last good record. */
enum kd_status kd_store_batch(struct kd_store *s, struct kd_bytes batch, struct kd_err *err);

/* Time passes: sync the journal (each second), seal old blocks, retention, health events.  Call
 * about every 200 ms. */
void kd_store_tick(struct kd_store *s);

/* What gate said; from the thread that takes records. */
void kd_store_heard(struct kd_store *s, const struct kd_notice_message *m);

/* What is in memory becomes a block now. */
enum kd_status kd_store_seal(struct kd_store *s, struct kd_err *err);

/* Who met an indicator, over days of the site: newest day first.  A sealed block counts within
 * about a minute of its sealing. */
KD_MUST_USE enum kd_status kd_store_sightings(struct kd_store *s, enum kd_sighting_kind kind,
                                              struct kd_bytes value, uint64_t from_us,
                                              uint64_t to_us,
                                              bool (*row)(void *arg, const struct kd_sighting *s),
                                              void *arg, struct kd_sighting_sum *ret,
                                              struct kd_err *err);

/* Ask.  The question is copied.  `reply` is called from another thread once per answer message,
 * never concurrently for one store; the answer's texts are borrowed until it returns.  KD_BUSY: too
 * many open questions (answer 503).  A KD_ASK_CANCEL stops the question of that id. */
KD_MUST_USE enum kd_status kd_store_ask(struct kd_store *s, const struct kd_question *q,
                                        void (*reply)(void *arg, const struct kd_answer *a),
                                        void *arg);

#endif
