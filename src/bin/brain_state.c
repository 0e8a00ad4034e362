/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/brain_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/say.h"
#include "brain/state.h"
#include "os/clock.h"
#include "os/fd.h"

static int say_none(const struct kd_sensor *s, int why)
{
    return kd_say(-1, s->plan.command, "%s/state/brain: %s; what is learned is lost at each restart", s->plan.dir,
                  strerror(why));
}

int kd_brain_state_open(const struct kd_sensor *s)
{
    off_t size = (off_t)s->plan.config->limits.state_mib << 20;
    struct stat st;
    (void)mkdirat(s->dir_fd, "state", 0700);
    KD_AUTO_FD dir = openat(s->dir_fd, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return say_none(s, errno);
    KD_AUTO_FD fd = openat(dir, "brain", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return say_none(s, fd < 0 ? errno : EINVAL);
    if (st.st_size != size && ftruncate(fd, 0) != 0) /* the slots stand elsewhere */
        return say_none(s, errno);
    if (ftruncate(fd, size) != 0)
        return say_none(s, errno);
    int why = posix_fallocate(fd, 0, size); /* a mapped file whose disk is full would end brain */
    if (why != 0)
        return say_none(s, ftruncate(fd, 0) != 0 ? errno : why);
    int given = fd;
    fd = -1;
    return given;
}

void kd_brain_state_map(const struct kd_start *s, struct kd_brain_config *cfg)
{
    struct stat st;
    int fd = kd_start_fd(s, KD_EXTRA_STATE);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < KD_STATE_LEAST)
        return;
    void *mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct kd_clock clock = kd_os_clock();
    if (mem == MAP_FAILED)
        return;
    cfg->state = mem;
    cfg->state_bytes = (size_t)st.st_size;
    cfg->state_not_after_us = s->live || s->shift ? kd_now_us(&clock) : 0;
}
