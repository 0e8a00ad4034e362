/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/packet_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bin/say.h"
#include "os/sandbox.h"
#include "packet/keep.h"

static int say_none(const struct kd_sensor *s, const char *why)
{
    return kd_say(-1, s->plan.command, "packets are not kept: %s/data/packets: %s", s->plan.dir, why);
}

/* The engine's part of what is configured, but never the space that records need. */
static uint64_t size_of_part(const struct kd_sensor *s, int dir, uint64_t has)
{
    const struct kd_config *cfg = s->plan.config;
    struct statvfs fs;
    uint64_t part = (cfg->packets_mib << 20) / (s->plan.n_engines > 0 ? s->plan.n_engines : 1);
    if (fstatvfs(dir, &fs) == 0) {
        uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize, reserve = cfg->free_gib << 30;
        uint64_t most = has + (free_bytes > reserve ? (free_bytes - reserve) / 2 : 0);
        part = part < most ? part : most;
    }
    return part / KD_KEEP_SEGMENT * KD_KEEP_SEGMENT;
}

/* Room is taken now: a mapped file whose disk is full would end the engine. */
static int open_part(const struct kd_sensor *s, int dir, unsigned number)
{
    char name[32];
    struct stat st;
    (void)snprintf(name, sizeof(name), "engine-%02u.ring", number);
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0 || fstat(fd, &st) != 0)
        return say_none(s, strerror(errno));
    uint64_t size = size_of_part(s, dir, (uint64_t)st.st_size);
    unsigned uid, gid;
    kd_sandbox_user(KD_PROC_STORE, &uid, &gid);
    int why = geteuid() == 0 && fchown(fd, uid, gid) != 0 ? errno : 0;
    if (why == 0 && size < 2 * KD_KEEP_SEGMENT)
        why = ENOSPC;
    if (why == 0 && ftruncate(fd, (off_t)size) != 0)
        why = errno;
    if (why == 0)
        why = posix_fallocate(fd, 0, (off_t)size);
    if (why == 0)
        return fd;
    if (ftruncate(fd, 0) != 0)
        why = errno;
    (void)close(fd);
    return say_none(s, why == ENOSPC ? "not enough free space; lower packets.mib or make room" : strerror(why));
}

int kd_packet_ring_open(struct kd_sensor *s, unsigned number)
{
    if (s->data_fd < 0 || !s->plan.packets || s->plan.config->packets_mib == 0)
        return -1;
    (void)mkdirat(s->data_fd, "packets", 0750);
    int dir = openat(s->data_fd, "packets", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return say_none(s, strerror(errno));
    unsigned uid, gid;
    kd_sandbox_user(KD_PROC_STORE, &uid, &gid);
    if (geteuid() == 0 && fchown(dir, uid, gid) != 0)
        (void)say_none(s, strerror(errno));
    int fd = open_part(s, dir, number);
    (void)close(dir);
    return fd;
}

struct kd_keep *kd_packet_ring_map(const struct kd_start *s)
{
    struct stat st;
    int fd = kd_start_fd(s, KD_EXTRA_KEEP);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
        return NULL;
    void *mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mem == MAP_FAILED ? NULL : kd_keep_new(mem, (size_t)st.st_size, s->number);
}
