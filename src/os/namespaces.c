/* SPDX-License-Identifier: Apache-2.0 */
#include "os/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/out.h"
#include "os/fd.h"

#define REMEDY                                                                                     \
    "; let this user have namespaces, run as root, or set `sandbox: reduced` in the configuration"

/* Where the new root is put before it becomes the root: /proc exists wherever we could start at
 * all, and what it hides is of no use any more. */
#define STAGE "/proc"

static bool put_file(const char *path, struct kd_bytes text)
{
    KD_AUTO_FD fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && kd_fd_write_all(fd, text) == KD_OK;
}

static bool map_id(const char *path, unsigned id)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_u64(&o, id);
    kd_out_str(&o, " ");
    kd_out_u64(&o, id);
    kd_out_str(&o, " 1");
    return put_file(path, kd_out_bytes_view(&o));
}

/* A user stays who it is: only the capabilities inside are new, and they are given up below. */
static enum kd_status own_user_namespace(struct kd_err *err)
{
    unsigned uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWUSER) != 0)
        return kd_fail_sys(err, KD_DENIED, "no user namespace for the sandbox" REMEDY, NULL, errno);
    if (!put_file("/proc/self/setgroups", kd_str("deny")) || !map_id("/proc/self/uid_map", uid) ||
        !map_id("/proc/self/gid_map", gid))
        return kd_fail_sys(err, KD_DENIED, "the user namespace cannot be set up" REMEDY, NULL,
                           errno);
    return KD_OK;
}

static bool stage_empty(void)
{
    return mount("none", STAGE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                 "size=4k,nr_inodes=2,mode=555") == 0;
}

/* The directory is the working directory: the only way to name it that follows into a new mount
 * namespace. */
static bool stage_directory(bool writable)
{
    unsigned long more =
        MS_NOSUID | MS_NODEV | MS_NOEXEC | (writable ? 0ul : (unsigned long)MS_RDONLY);
    return mount(".", STAGE, NULL, MS_BIND, NULL) == 0 &&
           (mount(NULL, STAGE, NULL, MS_REMOUNT | MS_BIND | more, NULL) == 0 ||
            /* Inside a user namespace the stricter flags of the file system (noatime …) are locked
             * and must be repeated: what the mount then does not forbid, Landlock and the filter
             * do. */
            errno == EPERM);
}

/* pivot_root(".", ".") puts the old root on top of the new one, from where it is thrown away.  The
 * root of an initial RAM disk cannot be pivoted; there chroot does, which without capabilities has
 * no way back. */
static bool change_root(void)
{
    if (chdir(STAGE) != 0)
        return false;
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        return umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
    return chroot(".") == 0 && chdir("/") == 0;
}

static bool reopen_root(int dir_fd)
{
    KD_AUTO_FD root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root >= 0 && dup3(root, dir_fd, O_CLOEXEC) == dir_fd;
}

/* Each with what is mounted below it: a container puts its own resolv.conf over the system's. */
static bool stage_names(void)
{
    static const char *const shown[][2] = {{"/etc", STAGE "/etc"}, {"/run", STAGE "/run"}};
    if (mount("none", STAGE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=4,mode=755") != 0)
        return false;
    for (size_t i = 0; i < KD_COUNT(shown); i++) {
        if (mkdir(shown[i][1], 0755) != 0 || mount(shown[i][0], shown[i][1], NULL, MS_BIND | MS_REC, NULL) != 0)
            return false;
        /* Refused inside a user namespace where stricter flags are locked; see stage_directory(). */
        (void)mount(NULL, shown[i][1], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    }
    return mount(NULL, STAGE, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0 || errno == EPERM;
}

enum kd_status kd_namespaces_dial(struct kd_err *err)
{
    if (geteuid() != 0) {
        enum kd_status s = own_user_namespace(err);
        if (s != KD_OK)
            return s;
    }
    if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
        return kd_fail_sys(err, KD_DENIED, "no private namespaces for the sandbox" REMEDY, NULL, errno);
#ifdef KD_SANITIZED
    (void)stage_names;
    return KD_OK; /* test builds: the sanitizers read /proc */
#else
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || !stage_names() || !change_root())
        return kd_fail_sys(err, KD_DENIED, "no root directory of its own for the sandbox" REMEDY, NULL, errno);
    return KD_OK;
#endif
}

enum kd_status kd_namespaces_enter(int dir_fd, bool writable, struct kd_err *err)
{
    if (geteuid() != 0) {
        enum kd_status s = own_user_namespace(err);
        if (s != KD_OK)
            return s;
    }
    if (dir_fd >= 0 && fchdir(dir_fd) != 0)
        return kd_fail_sys(err, KD_DENIED,
                           "the directory cannot be entered; give it to the role's user", NULL,
                           errno);
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
        return kd_fail_sys(err, KD_DENIED, "no private namespaces for the sandbox" REMEDY, NULL,
                           errno);
#ifdef KD_SANITIZED
    (void)stage_empty;
    (void)stage_directory;
    (void)change_root;
    (void)reopen_root;
    (void)writable;
    return KD_OK; /* test builds: the sanitizers read /proc */
#else
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return kd_fail_sys(err, KD_DENIED, "mounts cannot be made private" REMEDY, NULL, errno);
    if (!(dir_fd < 0 ? stage_empty() : stage_directory(writable)) || !change_root() ||
        (dir_fd >= 0 && !reopen_root(dir_fd)))
        return kd_fail_sys(err, KD_DENIED, "no root directory of its own for the sandbox" REMEDY,
                           NULL, errno);
    return KD_OK;
#endif
}

bool kd_namespaces_chroot(int dir_fd)
{
#ifdef KD_SANITIZED
    (void)dir_fd;
    return false;
#else
    return fchdir(dir_fd) == 0 && chroot(".") == 0;
#endif
}
