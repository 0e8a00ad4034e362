/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/board.h"

#include "base/hash.h"

enum { TRIES = 16 };

enum kd_status kd_board_write(struct kd_board *b, struct kd_bytes text)
{
    if (text.n > KD_BOARD_TEXT_MAX)
        return KD_LIMIT;
    uint64_t number = kd_board_number(b) + 1;
    unsigned slot = number & 1;
    atomic_thread_fence(memory_order_release);
    if (text.n > 0)
        memcpy(b->text[slot], text.p, text.n);
    b->slot[slot].bytes = text.n;
    b->slot[slot].sum = kd_hash(text.p, text.n, number);
    atomic_store_explicit(&b->number, number, memory_order_release);
    return KD_OK;
}

enum kd_status kd_board_read(const struct kd_board *b, uint8_t **ret, size_t *ret_n, uint64_t *ret_number)
{
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t number = kd_board_number(b);
        unsigned slot = number & 1;
        if (number == 0)
            return KD_NOT_FOUND;
        uint64_t n = b->slot[slot].bytes, sum = b->slot[slot].sum;
        if (n > KD_BOARD_TEXT_MAX)
            continue;
        uint8_t *copy = malloc((size_t)n + 1);
        if (copy == NULL)
            return KD_NO_MEMORY;
        if (n > 0)
            memcpy(copy, b->text[slot], (size_t)n);
        if (kd_hash(copy, (size_t)n, number) == sum) {
            *ret = copy;
            *ret_n = (size_t)n;
            *ret_number = number;
            return KD_OK;
        }
        free(copy);
    }
    return KD_MALFORMED;
}
