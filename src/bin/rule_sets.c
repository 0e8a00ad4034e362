/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rule_sets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/rule_archive.h"
#include "os/fd.h"

enum { SETS_MAX = 1000 };

static enum kd_status fail(struct kd_err *err, const char *what)
{
    return kd_fail_sys(err, KD_SYSTEM, what, NULL, errno);
}

static int open_folder(const char *dir, struct kd_err *err)
{
    char path[4096];
    (void)mkdir(dir, 0755);
    snprintf(path, sizeof(path), "%s/rules", dir);
    (void)mkdir(path, 0755);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        (void)fail(err, "the folder of rule sets cannot be used");
    return fd;
}

static enum kd_status write_file(int folder, struct kd_bytes name, struct kd_bytes text, struct kd_err *err)
{
    char path[160];
    enum kd_rule_part kind;
    if (!kd_rule_file_name_ok(name, &kind)) /* the image comes from a process that read foreign bytes */
        return kd_fail(err, KD_MALFORMED, 0, "a file of the set has no name that is taken");
    snprintf(path, sizeof(path), "%.*s", (int)name.n, (const char *)name.p);
    KD_AUTO_FD fd = openat(folder, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || kd_fd_write_all(fd, text) != KD_OK || fsync(fd) != 0)
        return fail(err, "a file of the new set cannot be written");
    return KD_OK;
}

static void remove_set(int folder, const char *name)
{
    KD_AUTO_FD set = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *d = set < 0 ? NULL : fdopendir(dup(set));
    const struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            (void)unlinkat(set, e->d_name, 0);
    if (d != NULL)
        (void)closedir(d);
    (void)unlinkat(folder, name, AT_REMOVEDIR);
}

static enum kd_status write_set(int folder, const char *name, struct kd_bytes parts, struct kd_err *err)
{
    struct kd_rule_image_part p;
    KD_AUTO_FD set = -1;
    if (mkdirat(folder, name, 0755) != 0 ||
        (set = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)) < 0)
        return fail(err, "the new set cannot be written");
    enum kd_status s = KD_OK;
    while (s == KD_OK && kd_rule_image_next(&parts, &p))
        if (p.kind != KD_PART_VARS && p.kind != KD_PART_DATABASES)
            s = write_file(set, p.name, p.bytes, err);
    if (s == KD_OK && fsync(set) != 0)
        s = fail(err, "the new set cannot be written");
    return s;
}

/* The name changes hands in one step. */
static enum kd_status point_to(int folder, const char *name, struct kd_err *err)
{
    (void)unlinkat(folder, "next", 0);
    if (symlinkat(name, folder, "next") != 0 || renameat(folder, "next", folder, "current") != 0 || fsync(folder) != 0)
        return fail(err, "the set cannot be put in force");
    return KD_OK;
}

static bool current_of(int folder, char ret[KD_RULE_SET_NAME])
{
    ssize_t n = readlinkat(folder, "current", ret, KD_RULE_SET_NAME - 1);
    ret[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

static int is_set(const struct dirent *e)
{
    return e->d_name[0] == '2' && strlen(e->d_name) < KD_RULE_SET_NAME;
}

/* Oldest first; to be free()d one by one. */
static int sets_of(int folder, struct dirent ***ret)
{
    return scandirat(folder, ".", ret, is_set, alphasort);
}

static void free_sets(struct dirent **sets, int n)
{
    for (int i = 0; i < n; i++)
        free(sets[i]);
    free(sets);
}

static void drop_oldest(int folder, unsigned keep)
{
    struct dirent **sets = NULL;
    char current[KD_RULE_SET_NAME];
    int n = sets_of(folder, &sets);
    bool known = current_of(folder, current);
    for (int i = 0; known && i + (int)keep < n; i++)
        if (strcmp(sets[i]->d_name, current) != 0)
            remove_set(folder, sets[i]->d_name);
    free_sets(sets, n);
}

/* "20261122T091502123": sorts by time. */
static void name_of(uint64_t now_us, char ret[KD_RULE_SET_NAME])
{
    char text[64];
    size_t n = 0;
    struct kd_out o = kd_out_of(text, sizeof(text) - 1);
    kd_out_time(&o, now_us, 0);
    text[o.n] = '\0';
    for (const char *c = text; *c != '\0' && *c != '+' && n < 18; c++)
        if ((*c >= '0' && *c <= '9') || *c == 'T')
            ret[n++] = *c;
    ret[n] = '\0';
}

enum kd_status kd_rule_sets_add(const char *dir, const struct kd_rule_image *image, uint64_t now_us, unsigned keep,
                                char ret_name[KD_RULE_SET_NAME], struct kd_err *err)
{
    KD_AUTO_FD folder = open_folder(dir, err);
    if (folder < 0)
        return err->status;
    name_of(now_us, ret_name);
    enum kd_status s = write_set(folder, ret_name, image->parts, err);
    if (s == KD_OK)
        s = point_to(folder, ret_name, err);
    if (s == KD_OK)
        drop_oldest(folder, keep > 0 ? keep : 1);
    else
        remove_set(folder, ret_name);
    return s;
}

enum kd_status kd_rule_sets_back(const char *dir, char ret_name[KD_RULE_SET_NAME], struct kd_err *err)
{
    struct dirent **sets = NULL;
    char current[KD_RULE_SET_NAME];
    KD_AUTO_FD folder = open_folder(dir, err);
    if (folder < 0)
        return err->status;
    int n = sets_of(folder, &sets), at = -1;
    bool known = current_of(folder, current);
    for (int i = 0; known && i < n && strcmp(sets[i]->d_name, current) < 0; i++)
        at = i;
    if (at >= 0)
        snprintf(ret_name, KD_RULE_SET_NAME, "%.*s", KD_RULE_SET_NAME - 1, sets[at]->d_name);
    free_sets(sets, n);
    return at < 0 ? kd_fail(err, KD_NOT_FOUND, 0, "there is no earlier set") : point_to(folder, ret_name, err);
}

void kd_rule_sets_log(const char *dir, uint64_t now_us, const char *what)
{
    uint8_t room[700];
    struct kd_err err = {0};
    struct kd_out o = kd_out_of(room, sizeof(room));
    KD_AUTO_FD folder = open_folder(dir, &err);
    KD_AUTO_FD fd = folder < 0 ? -1 : openat(folder, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    kd_out_time(&o, now_us, KD_ZONE_JAPAN_S);
    kd_out_fmt(&o, " uid %u ", (unsigned)getuid());
    kd_out_escaped(&o, kd_bytes_head(kd_str(what), 150));
    kd_out_str(&o, "\n");
    if (fd >= 0)
        kd_ignore(kd_fd_write_all(fd, kd_out_bytes_view(&o)));
}
