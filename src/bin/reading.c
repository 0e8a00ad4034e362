/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/reading.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "bin/say.h"
#include "os/fd.h"
#include "store/seal.h"

static bool read_time(const char *command, const char *option, const char *text, int zone_s,
                      uint64_t *ret)
{
    if (text == NULL || kd_time_parse(kd_str(text), zone_s, ret))
        return true;
    (void)kd_say(0, command, "%s %s: write a time such as 2026-11-22T09:00:00+09:00 or a date",
                 option, text);
    return false;
}

/* The directory of a running or stopped sensor, or one that `replay --db` made. */
static int open_data(const char *command, const char *dir)
{
    char path[KD_CONFIG_TEXT_MAX + 16];
    snprintf(path, sizeof(path), "%s/data", dir);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        (void)kd_say(
            0, command,
            "%s: holds no records that can be read (%s); name the sensor's directory with --dir",
            dir, strerror(errno));
    return fd;
}

static int shut_in(const char *command, const struct kd_config *config, bool changes, struct kd_reading *r)
{
    struct kd_err err = {0};
    enum kd_proc role = changes ? KD_PROC_STORE : KD_PROC_READER;
    struct kd_sandbox sb = {.role = role,
                            .reduced = strcmp(config->sandbox, "reduced") == 0,
                            .dir_fd = r->dir_fd,
                            .n_fds = (unsigned)r->dir_fd + 1};
    if (geteuid() == 0)
        kd_sandbox_user(role, &sb.uid, &sb.gid);
    if (r->package_fd >= 0 && r->package_fd >= (int)sb.n_fds)
        sb.n_fds = (unsigned)r->package_fd + 1;
    kd_digest_warm();
    tzset();
    (void)signal(SIGPIPE, SIG_IGN);
    if (kd_sandbox_enter(&sb, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, command, &err);
    snprintf(r->dir_path, sizeof(r->dir_path), "%s", sb.ret_dir);
    return KD_EXIT_DONE;
}

/* A file to be written: out of reach later. */
static int open_output(const char *command, const char *path, int *ret)
{
    *ret = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*ret >= 0)
        return KD_EXIT_DONE;
    return kd_say(KD_EXIT_COULD_NOT, command,
                  errno == EEXIST ? "%s: exists already; name another file"
                                  : "%s: cannot be made; name a file in a directory you may write to",
                  path);
}

/* And the key to sign it with. */
static int open_package(const char *command, struct kd_reading *r)
{
    struct kd_err err = {0};
    if (kd_seal_secret(r->dir_fd, r->secret, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, command, &err);
    return open_output(command, r->package, &r->package_fd);
}

/* Is the operand of `verify` a file?  Then it is a package. */
static bool is_package(struct kd_reading *r, const char *path)
{
    struct stat st;
    r->package_fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (r->package_fd >= 0 && fstat(r->package_fd, &st) == 0 && S_ISREG(st.st_mode)) {
        r->package = path;
        return true;
    }
    if (r->package_fd >= 0)
        (void)close(r->package_fd);
    r->package_fd = -1;
    return false;
}

int kd_reading_begin(const char *command, int argc, char **argv, bool needs_operand,
                     struct kd_reading *ret)
{
    static struct kd_config config;
    static char dir[KD_CONFIG_TEXT_MAX];
    const char *path = NULL, *dir_option = NULL, *from = NULL, *to = NULL;
    *ret = (struct kd_reading){.dir_fd = -1, .package_fd = -1, .to_us = UINT64_MAX};
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--dir", NULL, &dir_option, NULL},
                                        {"--from", NULL, &from, NULL},
                                        {"--to", NULL, &to, NULL},
                                        {"--package", NULL, &ret->package, NULL},
                                        {"--output", "-o", &ret->output, NULL},
                                        {"--json", NULL, NULL, &ret->json},
                                        {"--sightings", NULL, NULL, &ret->sightings},
                                        {"--outside", NULL, NULL, &ret->outside}};
    if (!kd_options(command, &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc > 2 || (needs_operand && argc != 2))
        return kd_say(KD_EXIT_USAGE, command,
                      "exactly one argument is expected; see kidoban %s --help", command);
    if (kd_load_config(command, path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    KD_ASSERT(kd_config_zone(config.zone, &ret->zone_s));
    for (; ret->n_nets < config.inside.n; ret->n_nets++)
        KD_ASSERT(kd_net_parse(kd_str(config.inside.item[ret->n_nets]), &ret->nets[ret->n_nets]));
    if (!read_time(command, "--from", from, ret->zone_s, &ret->from_us) ||
        !read_time(command, "--to", to, ret->zone_s, &ret->to_us))
        return KD_EXIT_USAGE;
    if (argc == 2 && !needs_operand && is_package(ret, argv[1]))
        return shut_in(command, &config, false, ret);
    if (argc == 2 && !needs_operand)
        dir_option = argv[1]; /* verify DIR */
    else if (argc == 2)
        snprintf(ret->operand, sizeof(ret->operand), "%s", argv[1]);
    if (!kd_directory(command, dir_option, &config, dir) ||
        (ret->dir_fd = open_data(command, dir)) < 0)
        return KD_EXIT_COULD_NOT;
    if (ret->package != NULL && open_package(command, ret) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    if (ret->output != NULL && strcmp(ret->output, "-") != 0 &&
        open_output(command, ret->output, &ret->package_fd) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    return shut_in(command, &config, false, ret);
}

int kd_reading_enter(const char *command, const char *config_path, const char *dir_option, bool changes,
                     struct kd_reading *ret)
{
    static struct kd_config config;
    static char dir[KD_CONFIG_TEXT_MAX];
    *ret = (struct kd_reading){.dir_fd = -1, .package_fd = -1, .to_us = UINT64_MAX};
    if (kd_load_config(command, config_path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    KD_ASSERT(kd_config_zone(config.zone, &ret->zone_s));
    if (!kd_directory(command, dir_option, &config, dir) || (ret->dir_fd = open_data(command, dir)) < 0)
        return KD_EXIT_COULD_NOT;
    return shut_in(command, &config, changes, ret);
}

int kd_reading_print(const char *command, struct kd_bytes text)
{
    enum kd_status s = kd_fd_write_all(STDOUT_FILENO, text);
    if (s == KD_OK || s == KD_CLOSED) /* a reader that has enough */
        return KD_EXIT_DONE;
    return kd_say(KD_EXIT_COULD_NOT, command, "standard output cannot be written: %s",
                  kd_status_text(s));
}
