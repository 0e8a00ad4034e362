/* SPDX-License-Identifier: Apache-2.0 */
/* Where an engine is in its input, in memory that outlives it.  When an engine dies, its successor
 * goes on behind the frame that was in hand: nothing is counted twice, and the frame that killed it
 * cannot kill the next one. */
#ifndef KD_OS_PROGRESS_H
#define KD_OS_PROGRESS_H

#include <stdatomic.h>

#include "base/status.h"

enum { KD_PROGRESS_INPUTS = 8 };

struct kd_progress_input {
    _Atomic uint64_t unit;  /* capture file (from 1) or ring block (its sequence number) */
    _Atomic uint64_t frame; /* frames of it taken in hand so far */
};

struct kd_progress {
    struct kd_progress_input input[KD_PROGRESS_INPUTS];
};

/* A zeroed one, of which the parent keeps the descriptor. */
KD_MUST_USE enum kd_status kd_progress_new(int *ret_fd, struct kd_err *err);

/* The same in this process's memory.  The content is the writer's claim: check before use. */
KD_MUST_USE enum kd_status kd_progress_map(int fd, struct kd_progress **ret, struct kd_err *err);

static inline void kd_progress_note(struct kd_progress_input *in, uint64_t unit, uint64_t frame)
{
    atomic_store_explicit(&in->unit, unit, memory_order_relaxed);
    atomic_store_explicit(&in->frame, frame, memory_order_relaxed);
}

#endif
