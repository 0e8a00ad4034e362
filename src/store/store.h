/* SPDX-License-Identifier: Apache-2.0 */
/* The only owner of the evidence files and the database: records in, answers out. */
#ifndef KD_STORE_STORE_H
#define KD_STORE_STORE_H

#include "base/clock.h"
#include "wire/record.h"

struct kd_store;

struct kd_store_config {
    int dir_fd;               /* the store's directory; everything is opened below it */
    int zone_s;               /* day partitions are days of the site */
    uint64_t keep_days;       /* retention by age; 0: no limit */
    uint64_t keep_bytes;      /* retention by size; 0: no limit */
    uint64_t free_bytes_min;  /* oldest unprotected data goes when less is free */
    struct kd_clock clock;
    bool read_only;           /* for hunt, host, verify beside a running writer */
};

KD_MUST_USE enum kd_status kd_store_open(const struct kd_store_config *cfg, struct kd_store **ret,
                                         struct kd_err *err);
void kd_store_close(struct kd_store *s);

/* Take a batch: into the journal before it returns, into columns when a block is full.  KD_FULL: the disk
 * is full and nothing more could be given up; the batch is counted as lost. */
enum kd_status kd_store_batch(struct kd_store *s, struct kd_bytes batch, struct kd_err *err);

/* Time passes: sync the journal (each second), seal old blocks, retention.  Call about every 200 ms. */
void kd_store_tick(struct kd_store *s);

#endif
