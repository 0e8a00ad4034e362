/* SPDX-License-Identifier: Apache-2.0 */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum kd_status kd_file_read(int fd, uint64_t off, void *ret, size_t n)
{
    uint8_t *at = ret;
    while (n > 0) {
        ssize_t got = pread(fd, at, n, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return KD_SYSTEM;
        if (got == 0)
            return KD_TRUNCATED;
        at += got;
        off += (uint64_t)got;
        n -= (size_t)got;
    }
    return KD_OK;
}

enum kd_status kd_file_write(int fd, uint64_t off, struct kd_bytes b)
{
    while (b.n > 0) {
        ssize_t put = pwrite(fd, b.p, b.n, (off_t)off);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? KD_FULL : KD_SYSTEM;
        b = kd_bytes_from(b, (size_t)put);
        off += (uint64_t)put;
    }
    return KD_OK;
}

int kd_file_dir(int dir_fd, const char *name, bool make)
{
    if (make && mkdirat(dir_fd, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

enum kd_status kd_file_size(int fd, uint64_t *ret)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return KD_SYSTEM;
    *ret = (uint64_t)st.st_size;
    return KD_OK;
}

enum kd_status kd_file_load(int dir_fd, const char *name, size_t max, struct kd_heap *ret)
{
    KD_AUTO_FD fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    uint64_t size = 0;
    if (fd < 0)
        return errno == ENOENT ? KD_NOT_FOUND : KD_SYSTEM;
    if (kd_file_size(fd, &size) != KD_OK)
        return KD_SYSTEM;
    if (size > max)
        return KD_LIMIT;
    ret->n = 0;
    if (!kd_heap_room(ret, (size_t)size + 1))
        return KD_NO_MEMORY;
    enum kd_status s = kd_file_read(fd, 0, ret->p, (size_t)size);
    ret->n = s == KD_OK ? (size_t)size : 0;
    return s;
}

enum kd_status kd_file_save(int dir_fd, const char *name, struct kd_bytes b, unsigned mode)
{
    char tmp[80];
    int n = snprintf(tmp, sizeof(tmp), "%s.new", name);
    KD_ASSERT(n > 0 && (size_t)n < sizeof(tmp));
    KD_AUTO_FD fd =
        openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
    if (fd < 0)
        return errno == ENOSPC ? KD_FULL : KD_SYSTEM;
    enum kd_status s = kd_file_write(fd, 0, b);
    if (s == KD_OK && (fdatasync(fd) != 0 || renameat(dir_fd, tmp, dir_fd, name) != 0))
        s = KD_SYSTEM;
    if (s == KD_OK)
        (void)fsync(dir_fd);
    else
        (void)unlinkat(dir_fd, tmp, 0);
    return s;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum kd_status kd_file_list(int dir_fd, bool (*want)(const char *name), struct kd_names *ret)
{
    *ret = (struct kd_names){NULL, 0, 0};
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (d == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return KD_SYSTEM;
    }
    enum kd_status s = KD_OK;
    for (struct dirent *e; s == KD_OK && (e = readdir(d)) != NULL;) {
        size_t len = strlen(e->d_name);
        if (len >= sizeof(ret->v[0]) || !want(e->d_name))
            continue;
        if (ret->n == ret->room) {
            size_t room = ret->room * 2 + 32;
            void *v = realloc(ret->v, room * sizeof(ret->v[0]));
            if (v == NULL) {
                s = KD_NO_MEMORY;
                continue;
            }
            ret->v = v;
            ret->room = room;
        }
        memcpy(ret->v[ret->n++], e->d_name, len + 1);
    }
    (void)closedir(d);
    if (s != KD_OK)
        kd_names_done(ret);
    else if (ret->n > 0)
        qsort(ret->v, ret->n, sizeof(ret->v[0]), by_name);
    return s;
}

void kd_names_done(struct kd_names *names)
{
    free(names->v);
    *names = (struct kd_names){NULL, 0, 0};
}
