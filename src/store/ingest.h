/* SPDX-License-Identifier: Apache-2.0 */
/* Records into the journal, from there into blocks; retention; what to do when the disk is full. */
#ifndef KD_STORE_INGEST_H
#define KD_STORE_INGEST_H

#include "store/events.h"
#include "store/seal.h"

struct kd_ingest;

struct kd_ingest_config {
    int dir_fd;
    int zone_s;
    uint64_t keep_days, keep_bytes, free_bytes_min;
    struct kd_clock clock;
    struct kd_events *events;
    struct kd_seals *seals; /* may be NULL */

    /* Something an officer must know: kind "disk", state, number, texts.  From the calling thread.
     */
    void (*notice)(void *arg, const struct kd_rec_health *health);
    void *notice_arg;
};

/* Takes up the journals a crash left: what is in no block yet is pending again. */
KD_MUST_USE enum kd_status kd_ingest_new(const struct kd_ingest_config *cfg, struct kd_ingest **ret,
                                         struct kd_err *err);
void kd_ingest_free(struct kd_ingest *in); /* does not seal */

/* Whole records, at most KD_BATCH_MAX bytes, already checked by kd_record_next(). */
KD_MUST_USE enum kd_status kd_ingest_batch(struct kd_ingest *in, struct kd_bytes records, size_t n,
                                           uint64_t first_ts_us);
void kd_ingest_tick(struct kd_ingest *in);
KD_MUST_USE enum kd_status kd_ingest_seal(struct kd_ingest *in);

/* Hold no more than the policies allow: also called by tick, each minute and when the disk is full.
 */
void kd_ingest_retain(struct kd_ingest *in);

struct kd_ingest_sum {
    uint64_t records, lost, bad, pending_records, pending_bytes;
    uint64_t disk_free, disk_total;
};
struct kd_ingest_sum kd_ingest_sum(struct kd_ingest *in);

/* A copy of what is in no block yet, and the last block before it (later ones hold the same records
 * again). For readers in any thread. */
KD_MUST_USE enum kd_status kd_ingest_snapshot(struct kd_ingest *in, struct kd_heap *ret_records,
                                              uint64_t *ret_last_seq);

/* The same for a process that only reads: look at the journals, then open the events, then take
 * what is in none of their blocks. */
struct kd_peek {
    size_t n;
    uint64_t journal[2];
    struct kd_heap records[2];
};
KD_MUST_USE enum kd_status kd_ingest_peek(int dir_fd, struct kd_peek *ret);
KD_MUST_USE enum kd_status kd_ingest_unsealed(const struct kd_peek *p,
                                              const struct kd_events_last *last,
                                              struct kd_heap *ret_records);
void kd_peek_done(struct kd_peek *p);

#endif
