/* SPDX-License-Identifier: Apache-2.0 */
#include "os/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/fd.h"

/* Same numbers on every architecture (include/uapi/asm-generic/unistd.h,
 * include/uapi/linux/landlock.h). */
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1, RULE_NET_PORT = 2, NET_CONNECT_TCP = 2, DOMAIN_PORT = 53 };

/* struct landlock_ruleset_attr of ABI 6; older kernels accept it when what they do not know is
 * zero. */
struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t fd;
} __attribute__((packed));

struct net_port {
    uint64_t allowed, port;
};

#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_REFER (1ull << 13)
#define FS_TRUNCATE (1ull << 14)

static const uint64_t may_read = FS_READ_FILE | FS_READ_DIR;
static const uint64_t may_write = FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_REMOVE_DIR |
                                  FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_REFER |
                                  FS_TRUNCATE;

static struct ruleset everything(long abi)
{
    unsigned fs_bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    return (struct ruleset){
        .fs = (1ull << fs_bits) - 1, .net = abi >= 4 ? 3 : 0, .scoped = abi >= 6 ? 3 : 0};
}

static enum kd_status enter(int rules, struct kd_err *err)
{
    if (syscall(RESTRICT_SELF, rules, 0) != 0)
        return kd_fail_sys(err, KD_DENIED, "Landlock cannot be entered", NULL, errno);
    return KD_OK;
}

enum kd_status kd_landlock_enter(int dir_fd, enum kd_landlock_dir may, struct kd_err *err)
{
    long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);
    if (abi < 1)
        return KD_OK; /* not built in, or switched off at boot */
    struct ruleset all = everything(abi);
    KD_AUTO_FD rules = (int)syscall(CREATE_RULESET, &all, sizeof(all), 0);
    if (rules < 0)
        return kd_fail_sys(err, KD_DENIED, "Landlock refuses its rules", NULL, errno);
    if (may != KD_LANDLOCK_NONE) {
        struct path_beneath below = {(may == KD_LANDLOCK_WRITE ? may_write : may_read) & all.fs,
                                     dir_fd};
        if (syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &below, 0) != 0)
            return kd_fail_sys(err, KD_DENIED, "Landlock refuses the directory", NULL, errno);
    }
    return enter(rules, err);
}

enum kd_status kd_landlock_dial(uint16_t port, struct kd_err *err)
{
    static const char *const readable[] = {"/etc", "/run"};
    const uint64_t ports[] = {port, DOMAIN_PORT};
    long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);
    if (abi < 1)
        return KD_OK;
    struct ruleset all = everything(abi);
    KD_AUTO_FD rules = (int)syscall(CREATE_RULESET, &all, sizeof(all), 0);
    if (rules < 0)
        return kd_fail_sys(err, KD_DENIED, "Landlock refuses its rules", NULL, errno);
    for (size_t i = 0; i < KD_COUNT(readable); i++) {
        KD_AUTO_FD dir = open(readable[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct path_beneath below = {may_read, dir};
        if (dir >= 0 && syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &below, 0) != 0)
            return kd_fail_sys(err, KD_DENIED, "Landlock refuses a directory", NULL, errno);
    }
    for (size_t i = 0; abi >= 4 && i < KD_COUNT(ports); i++) {
        struct net_port to = {NET_CONNECT_TCP, ports[i]};
        if (syscall(ADD_RULE, rules, RULE_NET_PORT, &to, 0) != 0)
            return kd_fail_sys(err, KD_DENIED, "Landlock refuses a port", NULL, errno);
    }
    return enter(rules, err);
}
