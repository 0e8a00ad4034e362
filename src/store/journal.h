/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken but not yet in a block: one file, journal/<number>.wal, of checksummed frames.  A
 * new file starts when all records of the old one are in blocks.
 *
 * File: "KDJ1", u32 0, u64 number; then frames: u32 bytes, u32 records, u64 XXH3-64 of the two and
 * the payload, payload (whole records in wire form). */
#ifndef KD_STORE_JOURNAL_H
#define KD_STORE_JOURNAL_H

#include "store/file.h"

struct kd_journal {
    int fd; /* -1: none open */
    uint64_t number;
    uint64_t size; /* end of the last whole frame */
    bool unsynced;
};

/* A new, empty journal; the old one's file is removed afterwards with kd_journal_remove(). */
KD_MUST_USE enum kd_status kd_journal_create(int dir_fd, uint64_t number, struct kd_journal *ret);
void kd_journal_close(struct kd_journal *j);
void kd_journal_remove(int dir_fd, uint64_t number);

/* One frame.  KD_FULL or KD_SYSTEM: the file is as before. */
KD_MUST_USE enum kd_status kd_journal_append(struct kd_journal *j, struct kd_bytes records,
                                             size_t n_records);
KD_MUST_USE enum kd_status kd_journal_sync(struct kd_journal *j);

/* The payloads of all whole frames of journal file content, joined, appended to *records (at most
 * `max` bytes: KD_LIMIT).  *ret_size: where the first broken frame begins; behind it nothing is
 * used. */
KD_MUST_USE enum kd_status kd_journal_parse(struct kd_bytes file, size_t max, uint64_t *ret_number,
                                            struct kd_heap *records, uint64_t *ret_size);

/* Numbers of the journals in a directory, ascending, at most `max`. */
KD_MUST_USE enum kd_status kd_journal_list(int dir_fd, uint64_t *ret, size_t max, size_t *ret_n);

/* Read a journal; with `repair` cut its torn tail and open it for more. */
KD_MUST_USE enum kd_status kd_journal_load(int dir_fd, uint64_t number, bool repair,
                                           struct kd_heap *records, struct kd_journal *ret);

#endif
