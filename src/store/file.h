/* SPDX-License-Identifier: Apache-2.0 */
/* The few file operations of the store: whole reads and writes below a directory descriptor, never
 * through a symbolic link. */
#ifndef KD_STORE_FILE_H
#define KD_STORE_FILE_H

#include "base/status.h"
#include "store/column.h"

/* All n bytes at `off`; KD_TRUNCATED when the file ends before, KD_SYSTEM otherwise (errno is set).
 */
KD_MUST_USE enum kd_status kd_file_read(int fd, uint64_t off, void *ret, size_t n);

/* All bytes at `off`; KD_FULL for lack of space (ENOSPC, EDQUOT, EFBIG), KD_SYSTEM otherwise. */
KD_MUST_USE enum kd_status kd_file_write(int fd, uint64_t off, struct kd_bytes b);

/* A directory below dir_fd, made when it is not there and `make` is set; -1 with errno. */
int kd_file_dir(int dir_fd, const char *name, bool make);

KD_MUST_USE enum kd_status kd_file_size(int fd, uint64_t *ret);

/* A small file whole, at most `max` bytes, into *ret (owned by the caller). */
KD_MUST_USE enum kd_status kd_file_load(int dir_fd, const char *name, size_t max,
                                        struct kd_heap *ret);

/* Write a small file anew: complete on disk or not there at all. */
KD_MUST_USE enum kd_status kd_file_save(int dir_fd, const char *name, struct kd_bytes b,
                                        unsigned mode);

/* Names in a directory that `want` likes, sorted.  Free with kd_names_done(). */
struct kd_names {
    char (*v)[64];
    size_t n, room;
};
KD_MUST_USE enum kd_status kd_file_list(int dir_fd, bool (*want)(const char *name),
                                        struct kd_names *ret);
void kd_names_done(struct kd_names *names);

#ifndef KD_AUTO_FD /* os/fd.h has the same, for who includes both */
static inline void kd_close_auto(int *fd)
{
    extern int close(int);
    if (*fd >= 0)
        (void)close(*fd);
}
#define KD_AUTO_FD KD_CLEANUP(kd_close_auto) int
#endif

#endif
