/* SPDX-License-Identifier: Apache-2.0 */
#include "os/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/fd.h"

enum kd_status kd_progress_new(int *ret_fd, struct kd_err *err)
{
    KD_AUTO_FD fd = memfd_create("kidoban-progress", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    /* Sealed in size, so that no side can take the other's pages away. */
    if (fd < 0 || ftruncate(fd, sizeof(struct kd_progress)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return kd_fail_sys(err, KD_SYSTEM, "no shared memory", NULL, errno);
    *ret_fd = fd;
    fd = -1;
    return KD_OK;
}

enum kd_status kd_progress_map(int fd, struct kd_progress **ret, struct kd_err *err)
{
    void *p = mmap(NULL, sizeof(struct kd_progress), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return kd_fail_sys(err, KD_SYSTEM, "the shared memory cannot be mapped", NULL, errno);
    *ret = p;
    return KD_OK;
}
