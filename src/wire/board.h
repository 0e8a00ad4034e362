/* SPDX-License-Identifier: Apache-2.0 */
/* A notice board: one writer, one reader, memory that both map and that outlives either.  The writer replaces
 * the whole text; the reader looks whether there is a newer one and copies it before use.  Nobody ever waits
 * for the other, so the way back from store to brain can never hold up the way there.
 *
 * Two texts lie in turn in two slots; a reader that was overtaken sees it and looks again. */
#ifndef KD_WIRE_BOARD_H
#define KD_WIRE_BOARD_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/status.h"

enum { KD_BOARD_TEXT_MAX = 8 << 20 };

struct kd_board {
    _Atomic uint64_t number; /* of the newest text, from 1; 0: none yet */
    struct {
        uint64_t bytes, sum;
    } slot[2];
    uint8_t text[2][KD_BOARD_TEXT_MAX];
};

/* KD_LIMIT when the text is too long. */
KD_MUST_USE enum kd_status kd_board_write(struct kd_board *b, struct kd_bytes text);

static inline uint64_t kd_board_number(const struct kd_board *b)
{
    return atomic_load_explicit(&b->number, memory_order_acquire);
}

/* A copy (malloc()ed, the caller's) of the newest text, and its number.  KD_NOT_FOUND: there is none.
 * KD_MALFORMED: it is damaged, or the writer is faster than any honest one. */
KD_MUST_USE enum kd_status kd_board_read(const struct kd_board *b, uint8_t **ret, size_t *ret_n, uint64_t *ret_number);

#endif
