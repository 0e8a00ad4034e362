/* SPDX-License-Identifier: Apache-2.0 */
#include "os/fd.h"

#include <errno.h>

static enum kd_status status_of_errno(int e)
{
    if (e == ENOSPC || e == EDQUOT || e == EFBIG)
        return KD_FULL;
    return e == EPIPE || e == ECONNRESET ? KD_CLOSED : KD_SYSTEM;
}

enum kd_status kd_fd_write_all(int fd, struct kd_bytes b)
{
    while (b.n > 0) {
        ssize_t n = write(fd, b.p, b.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return status_of_errno(errno);
        b = kd_bytes_from(b, (size_t)n);
    }
    return KD_OK;
}

enum kd_status kd_fd_read_all(int fd, size_t max, uint8_t **ret, size_t *ret_n)
{
    size_t room = 4096, n = 0;
    uint8_t *p = malloc(room);
    while (p != NULL) {
        ssize_t got = read(fd, p + n, room - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || n + (size_t)got > max) {
            free(p);
            return got < 0 ? KD_SYSTEM : KD_LIMIT;
        }
        n += (size_t)got;
        if (got == 0) {
            *ret = p;
            *ret_n = n;
            return KD_OK;
        }
        if (n < room)
            continue;
        room *= 2;
        uint8_t *more = realloc(p, room);
        if (more == NULL)
            free(p);
        p = more;
    }
    return KD_NO_MEMORY;
}
