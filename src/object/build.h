/* SPDX-License-Identifier: Apache-2.0 */
/* An index is made: entries are taken in any order, then all is laid out at once. */
#ifndef KD_OBJECT_BUILD_H
#define KD_OBJECT_BUILD_H

#include "object/index.h"

struct kd_obj_build;

struct kd_obj_build_config {
    uint8_t key[KD_OBJ_KEY_BYTES];
    uint32_t entries_max; /* objects of all lists together */
};

KD_MUST_USE struct kd_obj_build *kd_obj_build_new(const struct kd_obj_build_config *cfg);
void kd_obj_build_free(struct kd_obj_build *b);

/* A further list; what is added belongs to it.  NULL: there are KD_OBJ_LISTS_MAX.  The row is for the reader to
 * count in and stays until the build is freed. */
KD_MUST_USE struct kd_obj_list *kd_obj_build_list(struct kd_obj_build *b, const char *name);

struct kd_obj_new {
    enum kd_object_kind kind;
    struct kd_bytes spelt; /* not for networks */
    bool is_net;
    struct kd_net net;
    struct kd_bytes note;
    uint8_t confidence;
    bool exact;
    uint16_t from_day, until_day;
};
/* KD_LIMIT: no room for more; KD_NO_MEMORY. */
KD_MUST_USE enum kd_status kd_obj_build_add(struct kd_obj_build *b, const struct kd_obj_new *n);

/* How large the index becomes at most. */
size_t kd_obj_build_bytes(const struct kd_obj_build *b);

/* Lay it out in `room` bytes of zeroed memory; `into` is aligned to 8.  KD_LIMIT: it does not fit. */
KD_MUST_USE enum kd_status kd_obj_build_write(struct kd_obj_build *b, void *into, size_t room, size_t *ret_bytes);

#endif
