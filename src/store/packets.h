/* SPDX-License-Identifier: Apache-2.0 */
/* The packet ring's files (packet/keep.h), seen from the store: it seals each segment when the engine has
 * closed it, holds those of days that are held, finds frames again, and checks the seals. */
#ifndef KD_STORE_PACKETS_H
#define KD_STORE_PACKETS_H

#include "packet/keep.h"
#include "store/events.h"
#include "store/package.h"
#include "store/seal.h"

/* ---- sealing and holding: the store's process ---- */

struct kd_packets;
KD_MUST_USE struct kd_packets *kd_packets_new(int dir_fd, int zone_s, struct kd_seals *seals);
void kd_packets_free(struct kd_packets *p);

/* About once a second: seals at most one segment.  `all`: every closed one (at the end). */
void kd_packets_tick(struct kd_packets *p, struct kd_events *e, uint64_t now_us, bool all);

/* ---- finding ---- */

/* Frames found, in order of time; its own mapping of the files. */
struct kd_packets_found;
struct kd_packets_sum {
    uint64_t frames, bytes;  /* bytes: of the pcapng */
    uint64_t left_out;       /* frames the ring did not keep, in the segments of that time */
    uint64_t oldest_us;      /* since when packets are kept at all; 0: none are */
    bool truncated;          /* more than KD_PACKETS_MAX frames */
};
enum { KD_PACKETS_MAX = 16 << 20 };

/* KD_NOT_FOUND: no such packets are kept (sum->oldest_us tells whether any are). */
KD_MUST_USE enum kd_status kd_packets_find(int dir_fd, const struct kd_keep_query *q,
                                           struct kd_packets_found **ret,
                                           struct kd_packets_sum *ret_sum, struct kd_err *err);
void kd_packets_found_free(struct kd_packets_found *f);

/* The next piece of them as pcapng: fits struct kd_package_part. */
KD_MUST_USE enum kd_status kd_packets_read(void *found, struct kd_bytes *ret, bool *ret_more);

/* ---- checking ---- */

/* SHA-256 of what a segment's seal covers. */
KD_MUST_USE enum kd_status kd_packets_hash(int fd, uint64_t at, const struct kd_keep_head *h,
                                           uint8_t ret[KD_BLOCK_HASH]);

/* Call `each` for every segment of every file that holds something.  `folder`: "packets", or "files" for
 * contents of files, which lie in segments of the same form (store/contents.h). */
KD_MUST_USE enum kd_status kd_packets_each(int dir_fd, const char *folder,
                                           enum kd_status (*each)(void *arg, const char *file, int fd,
                                                                  uint64_t at,
                                                                  const struct kd_keep_head *h),
                                           void *arg);

#endif
