/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files on their way from one engine to box: a ring in memory that both map and that outlives either.
 * The engine puts a file's content down, then the `file` record that tells of it; box takes them in order.
 *
 * Neither believes the other.  Box copies a file before it looks at it, so that nothing changes under its
 * hands, and checks every length.  The engine reads one number that box writes, and bounds it.
 *
 * A job, at a multiple of 16: u32 magic, u32 bytes of the job, u32 of the content, u32 of the record, content,
 * record (wire/record.h).  Content 0 and record 0: nothing but the rest of the ring. */
#ifndef KD_WIRE_TRAY_H
#define KD_WIRE_TRAY_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/out.h"
#include "base/status.h"

enum { KD_TRAY_MAGIC = 0x4b445459, KD_TRAY_HEAD = 4096, KD_TRAY_JOB = 16 };

struct kd_tray {
    _Atomic uint64_t put;      /* engine: bytes ever */
    _Atomic uint64_t left_out; /* engine: files box will not see */
    uint8_t pad[48];
    _Atomic uint64_t taken; /* box: bytes ever */
    _Atomic uint64_t begun; /* box: 1 while it looks at the next job, to tell its successor */
};

/* ---- the engine's side ---- */

struct kd_tray_writer {
    struct kd_tray *tray;
    size_t room;  /* of the ring */
    uint64_t put; /* its own copy: box cannot move it */
    size_t at;    /* of the job that is open */
    uint32_t content;
    bool open;
};

/* `mem`: n bytes, mapped; goes on behind a predecessor.  False: too small. */
KD_MUST_USE bool kd_tray_writer_init(struct kd_tray_writer *w, void *mem, size_t n);

/* Put a content down.  What is not `urgent` may fill half of the ring, so that there is room for what is.  False:
 * no room.  An open job that was not finished is given up. */
bool kd_tray_put(struct kd_tray_writer *w, struct kd_bytes content, bool urgent);

/* Where the open job's record is to be written; then it is box's (or given up, when the record does not fit). */
struct kd_out kd_tray_record(struct kd_tray_writer *w);
bool kd_tray_done(struct kd_tray_writer *w, const struct kd_out *record);

/* A file that box will not see. */
void kd_tray_left_out(struct kd_tray_writer *w, uint64_t n);

/* Has box dealt with all that was put? */
bool kd_tray_is_empty(const struct kd_tray_writer *w);

/* ---- box's side ---- */

struct kd_tray_reader {
    struct kd_tray *tray;
    size_t room;
    uint64_t next; /* behind the job in hand */
};

struct kd_tray_job {
    struct kd_bytes content, record; /* private copies, in the reader's buffer */
    bool again; /* a predecessor died over it: leave it alone */
};

KD_MUST_USE bool kd_tray_reader_init(struct kd_tray_reader *r, void *mem, size_t n);

/* The next job, copied into `room` (n bytes).  KD_NOT_FOUND: there is none.  KD_MALFORMED: what lies there is no job
 * (or longer than n); all that waits is passed over.  Behind KD_OK comes kd_tray_taken(). */
KD_MUST_USE enum kd_status kd_tray_next(struct kd_tray_reader *r, uint8_t *room, size_t n, struct kd_tray_job *ret);
void kd_tray_taken(struct kd_tray_reader *r);

static inline uint64_t kd_tray_lost(const struct kd_tray_reader *r)
{
    return atomic_load_explicit(&r->tray->left_out, memory_order_relaxed);
}

#endif
