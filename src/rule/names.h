/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings, each once, numbered from 0 in the order met. */
#ifndef KD_RULE_NAMES_H
#define KD_RULE_NAMES_H

#include "base/pool.h"

struct kd_name_table {
    uint32_t n;
    uint32_t n_slots;
    uint32_t *slot; /* index + 1, 0 free */
    size_t slot_bytes;
    struct kd_buf names;  /* struct kd_bytes */
    struct kd_buf values; /* void *, one for each; NULL at first */
};

enum { KD_NAME_NONE = UINT32_MAX };

/* The number of `name`; a new one is copied into `mem`.  KD_NAME_NONE: no memory, or `most`
 * reached. */
uint32_t kd_nametab_add(struct kd_name_table *t, struct kd_pool *pool, struct kd_arena *mem,
                        struct kd_bytes name, uint32_t most);
uint32_t kd_nametab_find(const struct kd_name_table *t, struct kd_bytes name);
struct kd_bytes kd_nametab_at(const struct kd_name_table *t, uint32_t i);
void **kd_nametab_value(struct kd_name_table *t, uint32_t i);
void kd_nametab_done(struct kd_name_table *t, struct kd_pool *pool);

#endif
