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
#include "proto/parser.h"

/* What the two rings differ in. */
struct kind {
    const char *folder, *what, *key;
    mode_t mode;
    uint64_t mib;
};

static int say_none(const struct kd_sensor *s, const struct kind *k, const char *why)
{
    return kd_say(-1, s->plan.command, "%s are not kept: %s/data/%s: %s", k->what, s->plan.dir, k->folder, why);
}

/* The engine's part of what is configured, but never the space that records need. */
static uint64_t size_of_part(const struct kd_sensor *s, const struct kind *k, int dir, uint64_t has)
{
    struct statvfs fs;
    uint64_t part = (k->mib << 20) / (s->plan.n_engines > 0 ? s->plan.n_engines : 1);
    if (part < 2 * (uint64_t)KD_KEEP_SEGMENT)
        part = 2 * (uint64_t)KD_KEEP_SEGMENT;
    if (fstatvfs(dir, &fs) == 0) {
        uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize, reserve = s->plan.config->free_gib << 30;
        uint64_t most = has + (free_bytes > reserve ? (free_bytes - reserve) / 2 : 0);
        part = part < most ? part : most;
    }
    return part / KD_KEEP_SEGMENT * KD_KEEP_SEGMENT;
}

/* Room is taken now: a mapped file whose disk is full would end the engine. */
static int open_part(const struct kd_sensor *s, const struct kind *k, int dir, unsigned number)
{
    char name[32], advice[96];
    struct stat st;
    (void)snprintf(name, sizeof(name), "engine-%02u.ring", number);
    int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, k->mode);
    if (fd < 0 || fstat(fd, &st) != 0)
        return say_none(s, k, strerror(errno));
    uint64_t size = size_of_part(s, k, dir, (uint64_t)st.st_size);
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
    (void)snprintf(advice, sizeof(advice), "not enough free space; lower %s or make room", k->key);
    return say_none(s, k, why == ENOSPC ? advice : strerror(why));
}

static int open_ring(struct kd_sensor *s, const struct kind *k, unsigned number)
{
    if (s->data_fd < 0 || !s->plan.packets)
        return -1;
    (void)mkdirat(s->data_fd, k->folder, 0750);
    int dir = openat(s->data_fd, k->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return say_none(s, k, strerror(errno));
    unsigned uid, gid;
    kd_sandbox_user(KD_PROC_STORE, &uid, &gid);
    if (geteuid() == 0 && fchown(dir, uid, gid) != 0)
        (void)say_none(s, k, strerror(errno));
    int fd = open_part(s, k, dir, number);
    (void)close(dir);
    return fd;
}

int kd_packet_ring_open(struct kd_sensor *s, unsigned number)
{
    struct kind k = {"packets", "packets", "packets.mib", 0640, s->plan.config->packets_mib};
    return k.mib == 0 ? -1 : open_ring(s, &k, number);
}

/* What lies there may be harmful: nobody but the store reads it, and nobody can start it. */
int kd_file_ring_open(struct kd_sensor *s, unsigned number)
{
    struct kind k = {"files", "contents of files", "files.mib", 0600, s->plan.config->files_mib};
    return kd_file_ring_policy(s->plan.config) == KD_CONTENTS_NONE ? -1 : open_ring(s, &k, number);
}

uint8_t kd_file_ring_policy(const struct kd_config *cfg)
{
    if (strcmp(cfg->files_keep, "none") == 0)
        return KD_CONTENTS_NONE;
    return strcmp(cfg->files_keep, "all") == 0 ? KD_CONTENTS_ALL : KD_CONTENTS_RISKY;
}

struct kd_keep *kd_packet_ring_map(const struct kd_start *s, enum kd_extra which)
{
    struct stat st;
    int fd = kd_start_fd(s, which);
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size <= 0)
        return NULL;
    void *mem = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return mem == MAP_FAILED ? NULL : kd_keep_new(mem, (size_t)st.st_size, s->number);
}
