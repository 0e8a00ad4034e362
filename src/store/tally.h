/* SPDX-License-Identifier: Apache-2.0 */
/* Things counted by a key of fixed length, up to KD_TALLY_MAX of them; what finds no room is left
 * out, and its caller says so. */
#ifndef KD_STORE_TALLY_H
#define KD_STORE_TALLY_H

#include "base/status.h"

enum { KD_TALLY_MAX = 1 << 15 };

struct kd_tally {
    size_t n, item;
    uint8_t *v;     /* KD_TALLY_MAX items, the key first; free() it */
    uint32_t *slot; /* index + 1; free() it */
    size_t key_bytes;
};

/* False: no memory; what was taken is still to be freed. */
KD_MUST_USE bool kd_tally_init(struct kd_tally *t, size_t item, size_t key_bytes);

/* The item of a key (key_bytes long), zeroed when new; NULL when the table is full. */
void *kd_tally_get(struct kd_tally *t, const void *key);
/* The same, NULL when there is none. */
void *kd_tally_find(const struct kd_tally *t, const void *key);

#endif
