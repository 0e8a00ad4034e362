/* SPDX-License-Identifier: Apache-2.0 */
/* How a list of suspicious objects is handed from the parent to the role that reads it, and the index from there to
 * those who look into it. */
#ifndef KD_BIN_LISTS_ORDER_H
#define KD_BIN_LISTS_ORDER_H

#include "base/cursor.h"
#include "config/config.h"
#include "object/index.h"

/* KD_ORDER_LIST behind its first byte.  A list has one file or several (a directory of events). */
struct kd_list_order {
    uint8_t number; /* place in the configuration */
    bool first;     /* a list begins */
    uint8_t confidence, severity;
    bool force;
    char name[KD_OBJ_LIST_NAME_MAX], format[16], kind[16]; /* terminated */
    uint64_t signature;
    char file[128]; /* for messages */
    char problem[128]; /* why it could not be opened; then no descriptor comes along */
};

void kd_list_order_put(struct kd_out *o, const struct kd_list_order *l); /* with its first byte */
KD_MUST_USE bool kd_list_order_read(struct kd_cur *c, struct kd_list_order *ret);

/* Layers that a role was given, mapped.  Zeroed is none. */
struct kd_mapped_lists {
    struct kd_obj_index layer[2];
    void *memory[2];
    size_t bytes[2], n;
};

/* Map what a KD_ORDER_LISTS brought, whose descriptors are closed; false (a line was logged): *into is as before. */
bool kd_lists_map(const int *fds, size_t n, uint64_t skip, struct kd_mapped_lists *into);
void kd_lists_unmap(struct kd_mapped_lists *m);

#endif
