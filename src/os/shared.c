/* SPDX-License-Identifier: Apache-2.0 */
#include "os/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/fd.h"

enum kd_status kd_shared_new(const char *name, size_t bytes, int *ret_fd, int *ret_reading, struct kd_err *err)
{
    KD_AUTO_FD fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return kd_fail_sys(err, KD_SYSTEM, "no shared memory", NULL, errno);
    if (ret_reading != NULL) {
        char path[40];
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        *ret_reading = open(path, O_RDONLY | O_CLOEXEC);
        if (*ret_reading < 0)
            return kd_fail_sys(err, KD_SYSTEM, "no shared memory", NULL, errno);
    }
    *ret_fd = fd;
    fd = -1;
    return KD_OK;
}

enum kd_status kd_shared_room(const char *name, size_t bytes, int *ret_fd, struct kd_err *err)
{
    KD_AUTO_FD fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
        return kd_fail_sys(err, KD_SYSTEM, "no shared memory", NULL, errno);
    *ret_fd = fd;
    fd = -1;
    return KD_OK;
}

enum kd_status kd_shared_seal(int fd, size_t bytes, struct kd_err *err)
{
    if (ftruncate(fd, (off_t)bytes) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return kd_fail_sys(err, KD_SYSTEM, "the shared memory cannot be sealed", NULL, errno);
    return KD_OK;
}

enum kd_status kd_shared_map(int fd, size_t bytes, bool write, void **ret, struct kd_err *err)
{
    void *p = mmap(NULL, bytes, write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return kd_fail_sys(err, KD_SYSTEM, "the shared memory cannot be mapped", NULL, errno);
    *ret = p;
    return KD_OK;
}
