/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts that met one indicator on one day, as the database keeps them: in ascending order, each
 * u8 4 or 16, the address, varints first (µs since a day before the date's midnight in UTC), last −
 * first, count, bytes. */
#ifndef KD_STORE_SIGHTING_HOSTS_H
#define KD_STORE_SIGHTING_HOSTS_H

#include "base/addr.h"
#include "base/cursor.h"
#include "store/column.h"

enum {
    KD_SIGHT_HOSTS_MAX = 4096, /* of one indicator and day; more are left out and counted */
    KD_SIGHT_HOST_BYTES = 57   /* at most */
};

struct kd_sight_host {
    struct kd_addr addr;
    uint64_t first_us, last_us, count, bytes;
};

void kd_sight_host_put(struct kd_out *o, uint32_t day, const struct kd_sight_host *h);
/* The next one; KD_NOT_FOUND at the end, KD_MALFORMED when it is none. */
KD_MUST_USE enum kd_status kd_sight_host_take(struct kd_cur *c, uint32_t day,
                                              struct kd_sight_host *ret);

/* Both lists as one, into an emptied heap; left_out grows by the meetings of hosts beyond the
 * bound. */
KD_MUST_USE enum kd_status kd_sight_hosts_merge(uint32_t day, struct kd_bytes a, struct kd_bytes b,
                                                struct kd_heap *ret, uint64_t *left_out);

#endif
