/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors that close themselves, and whole reads and writes. */
#ifndef KD_OS_FD_H
#define KD_OS_FD_H

#include <unistd.h>

#include "base/bytes.h"
#include "base/status.h"

static inline void kd_fd_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* `KD_AUTO_FD fd = open(…)`: closed when the scope ends; set it to -1 to give it away. */
#define KD_AUTO_FD KD_CLEANUP(kd_fd_close) int

/* All of b, over short writes and signals.  KD_FULL on a full disk, KD_CLOSED when the reader is
 * gone. */
KD_MUST_USE enum kd_status kd_fd_write_all(int fd, struct kd_bytes b);

/* What a descriptor still holds, up to `max` bytes; more is KD_LIMIT.  *ret is malloc()ed, the
 * caller's. */
KD_MUST_USE enum kd_status kd_fd_read_all(int fd, size_t max, uint8_t **ret, size_t *ret_n);

#endif
