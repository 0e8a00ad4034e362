/* SPDX-License-Identifier: Apache-2.0 */
/* The packet ring: the latest frames of one engine, in a file mapped into its memory, so that a
 * conversation or a machine can be looked at packet by packet later (docs/internals/packet-ring.md has
 * the bytes).
 *
 * The file is a row of segments of KD_KEEP_SEGMENT bytes.  A segment holds frames from the front, an
 * index entry per frame from the back, a Bloom filter of the conversations and addresses in between,
 * and is closed when they meet; then the oldest segment that is not held begins anew.  What was written
 * is there after a crash of the process.  No I/O, no clock: memory in, memory out. */
#ifndef KD_PACKET_KEEP_H
#define KD_PACKET_KEEP_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/status.h"
#include "packet/frame.h"

enum {
    KD_KEEP_SEGMENT = 32 << 20,
    KD_KEEP_HEAD = 4096,       /* header page of a segment */
    KD_KEEP_HEAD_SEALED = 96,  /* of it, what the seal covers */
    KD_KEEP_HELD_AT = 2048,    /* one byte that the store writes: not to be overwritten */
    KD_KEEP_BLOOM = 64 << 10,  /* behind the header */
    KD_KEEP_ENTRY = 24,        /* of the index */
    KD_KEEP_FRAME_MAX = (31 << 20), /* bytes of a frame that always fit */
    KD_KEEP_CONTENT = 0x464b   /* link type of what is no frame but a file's content */
};

/* A segment's header. */
struct kd_keep_head {
    uint64_t seq; /* 1, 2, 3 … per engine; 0: nothing in it */
    bool closed;
    bool held;
    uint32_t engine;
    uint32_t frames, used; /* bytes of frames behind header and filter */
    uint64_t first_us, last_us;
    uint64_t left_out, left_out_bytes; /* frames of long conversations that were not kept */
};

/* KD_MALFORMED: no segment's header (a new file's is: seq 0). */
KD_MUST_USE enum kd_status kd_keep_head_read(struct kd_bytes head, struct kd_keep_head *ret);

/* The parts of a closed segment that its seal covers, in order: header, filter, frames, index. */
enum { KD_KEEP_PARTS = 4 };
struct kd_keep_span {
    uint64_t at, n;
};
void kd_keep_parts(const struct kd_keep_head *h, struct kd_keep_span ret[KD_KEEP_PARTS]);

/* ---- writing ---- */

struct kd_keep;

/* `mem`: the mapped file, whole segments (n is rounded down; at least two), outlives the ring.  A
 * segment that a predecessor left open is closed.  NULL: too small, or no memory. */
KD_MUST_USE struct kd_keep *kd_keep_new(void *mem, size_t n, uint32_t engine);
void kd_keep_free(struct kd_keep *k); /* closes the segment in hand */

/* `flow`: the conversation, 0 for none.  False: there is no room because every segment is held. */
bool kd_keep_put(struct kd_keep *k, const struct kd_captured *c, uint64_t flow,
                 const struct kd_addr *a, const struct kd_addr *b);

/* Is there something of `flow` in the newer half of the segments? */
bool kd_keep_has_recent(const struct kd_keep *k, uint64_t flow);

/* A frame that is not kept, to be counted. */
void kd_keep_leave_out(struct kd_keep *k, uint32_t length);

/* What a file's content is kept under, beside its digest of 32 bytes: never 0. */
static inline uint64_t kd_keep_content_key(struct kd_bytes sha256)
{
    struct kd_cur c = kd_cur_of(sha256);
    return kd_cur_le64(&c) | 1;
}

/* ---- reading: a segment's bytes may be anything ---- */

struct kd_keep_query {
    uint64_t flow;              /* 0: any */
    const struct kd_addr *host; /* frames from or to one of these; n_hosts 0: any */
    size_t n_hosts;
    uint64_t from_us, to_us; /* both inclusive */
};

struct kd_keep_reader {
    struct kd_bytes segment;
    struct kd_keep_head head;
    const struct kd_keep_query *query;
    uint32_t next; /* index entry */
    uint32_t bad;  /* entries that break the format */
};

/* Look into a segment (KD_KEEP_SEGMENT bytes).  KD_NOT_FOUND: nothing in it can match.  Reading the
 * segment that is being written gives what was complete when its header was read. */
KD_MUST_USE enum kd_status kd_keep_open(struct kd_keep_reader *r, struct kd_bytes segment,
                                        const struct kd_keep_query *q);

/* The next matching frame, in the order they were kept; false at the end.  *ret_at is its place in the
 * segment, for kd_keep_frame(). */
bool kd_keep_next(struct kd_keep_reader *r, struct kd_captured *ret, uint32_t *ret_at);

/* The frame at a place; false when there is none. */
bool kd_keep_frame(struct kd_bytes segment, uint32_t at, struct kd_captured *ret);

#endif
