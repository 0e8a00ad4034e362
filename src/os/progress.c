/* SPDX-License-Identifier: Apache-2.0 */
#include "os/progress.h"

#include "os/shared.h"

enum kd_status kd_progress_new(int *ret_fd, struct kd_err *err)
{
    return kd_shared_new("kidoban-progress", sizeof(struct kd_progress), ret_fd, NULL, err);
}

enum kd_status kd_progress_map(int fd, struct kd_progress **ret, struct kd_err *err)
{
    void *p = NULL;
    enum kd_status s = kd_shared_map(fd, sizeof(struct kd_progress), true, &p, err);
    if (s == KD_OK)
        *ret = p;
    return s;
}
