/* SPDX-License-Identifier: Apache-2.0 */
#include "os/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/out.h"
#include "os/landlock.h"
#include "os/namespaces.h"

enum { FIRST_UID = 65520, LAST_CAPABILITY = 63 };

void kd_sandbox_user(enum kd_proc role, unsigned *ret_uid, unsigned *ret_gid)
{
    uint8_t name[32];
    if (role == KD_PROC_READER)
        role = KD_PROC_STORE; /* whose files it reads */
    struct kd_out o = kd_out_of(name, sizeof(name) - 1);
    kd_out_str(&o, "_kidoban_");
    kd_out_str(&o, kd_proc_name(role));
    name[o.n] = '\0';
    const struct passwd *pw = getpwnam((const char *)name);
    *ret_uid = pw != NULL ? pw->pw_uid : (unsigned)(FIRST_UID + (int)role);
    *ret_gid = pw != NULL ? pw->pw_gid : (unsigned)(FIRST_UID + (int)role);
}

/* The sets that take a capability to be given up.  A plain user without a user namespace has none
 * of these rights, nor anything to lose by them. */
static void drop_capabilities(void)
{
    for (unsigned long c = 0; c <= LAST_CAPABILITY; c++)
        (void)prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    (void)prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
                                       SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static enum kd_status clear_capabilities(struct kd_err *err)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (syscall(SYS_capset, &head, none) != 0)
        return kd_fail_sys(err, KD_DENIED, "capabilities cannot be given up", NULL, errno);
    return KD_OK;
}

static enum kd_status become(unsigned uid, unsigned gid, struct kd_err *err)
{
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return kd_fail_sys(
            err, KD_DENIED,
            "the role's own user cannot be taken; give the sensor CAP_SETUID and CAP_SETGID", NULL,
            errno);
    return KD_OK;
}

static bool limit(__rlimit_resource_t what, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return false;
    if (most > now.rlim_max)
        most = now.rlim_max;
    struct rlimit want = {most, most};
    return setrlimit(what, &want) == 0;
}

static enum kd_status set_limits(const struct kd_sandbox *sb, const struct kd_profile *p,
                                 struct kd_err *err)
{
    bool ok = limit(RLIMIT_CORE, 0) && limit(RLIMIT_NOFILE, (rlim_t)sb->n_fds + p->spare_fds);
    if (!p->directory_writes && !p->stdout_too)
        ok = ok && limit(RLIMIT_FSIZE, 0);
#ifndef KD_SANITIZED /* shadow memory; the leak check makes a process */
    uint64_t memory = sb->memory_bytes > 0 ? sb->memory_bytes : (uint64_t)p->memory_mib << 20;
    if (memory > 0)
        ok = ok && limit(RLIMIT_AS, (rlim_t)memory);
    if (!p->threads)
        ok = ok && limit(RLIMIT_NPROC, 0);
#endif
    return ok ? KD_OK : kd_fail_sys(err, KD_DENIED, "resource limits cannot be set", NULL, errno);
}

static enum kd_status filter(const struct kd_sandbox *sb, const struct kd_profile *p,
                             struct kd_err *err)
{
    struct kd_filter f = {.sets = p->sets, .n_sets = p->n_sets, .n_ring_fds = sb->n_ring_fds};
    KD_ASSERT(sb->n_ring_fds <= KD_FILTER_FDS);
    if (sb->n_ring_fds > 0)
        memcpy(f.ring_fds, sb->ring_fds, sb->n_ring_fds * sizeof(int));
    if (p->pinned_output) {
        static const int out[] = {KD_FD_LOG, KD_FD_CONTROL, KD_FD_OUT, KD_FD_ASK};
        memcpy(f.out_fds, out, sizeof(out));
        f.n_out_fds = KD_COUNT(out);
    }
    return kd_seccomp_enter(&f, err);
}

static void name_directory(struct kd_sandbox *sb, bool is_root)
{
    struct kd_out o = kd_out_of(sb->ret_dir, sizeof(sb->ret_dir) - 1);
    kd_out_str(&o, is_root ? "/" : "/proc/self/fd/");
    if (!is_root)
        kd_out_i64(&o, sb->dir_fd);
    sb->ret_dir[o.n] = '\0';
}

static enum kd_status own_world(struct kd_sandbox *sb, const struct kd_profile *p,
                                struct kd_err *err)
{
    bool is_root = true, has_dir = p->own_directory && sb->dir_fd >= 0;
    enum kd_status s = p->dials ? kd_namespaces_dial(err)
                                : kd_namespaces_enter(has_dir ? sb->dir_fd : -1, p->directory_writes, err);
#ifdef KD_SANITIZED
    is_root = false;
#endif
    if (s != KD_OK && sb->reduced) {
        is_root = has_dir && kd_namespaces_chroot(sb->dir_fd);
        s = KD_OK;
    }
    name_directory(sb, is_root);
    return s;
}

enum kd_status kd_sandbox_enter(struct kd_sandbox *sb, struct kd_err *err)
{
    const struct kd_profile *p = kd_profile_of(sb->role);
    bool root = geteuid() == 0;
    enum kd_status s = own_world(sb, p, err);
    if (s != KD_OK)
        return s;
    drop_capabilities();
    if (root)
        s = become(sb->uid, sb->gid, err);
    if (s == KD_OK)
        s = clear_capabilities(err);
    if (s != KD_OK)
        return s;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return kd_fail_sys(err, KD_DENIED, "no_new_privs cannot be set", NULL, errno);
#ifndef KD_SANITIZED /* the leak check traces the process, reports read /proc */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    enum kd_landlock_dir may = !p->own_directory || sb->dir_fd < 0 ? KD_LANDLOCK_NONE
                               : p->directory_writes               ? KD_LANDLOCK_WRITE
                                                                   : KD_LANDLOCK_READ;
    s = p->dials ? kd_landlock_dial(sb->port, err) : kd_landlock_enter(sb->dir_fd, may, err);
    if (s != KD_OK)
        return s;
#endif
    s = set_limits(sb, p, err); /* now that no step needs a descriptor any more */
    return s == KD_OK ? filter(sb, p, err) : s;
}
