/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "bin/command.h"
#include "bin/say.h"
#include "os/fd.h"

static const struct kd_option *find(const char *arg, const struct kd_option *options, size_t n,
                                    const char **ret_value)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(options[i].name);
        *ret_value = NULL;
        if (strncmp(arg, options[i].name, len) == 0 && arg[len] == '=') {
            *ret_value = arg + len + 1;
            return &options[i];
        }
        if (strcmp(arg, options[i].name) == 0 ||
            (options[i].letter != NULL && strcmp(arg, options[i].letter) == 0))
            return &options[i];
    }
    return NULL;
}

bool kd_options(const char *command, int *argc, char **argv, const struct kd_option *options,
                size_t n)
{
    int kept = 1;
    bool ended = false;
    for (int i = 1; i < *argc; i++) {
        const char *value = NULL;
        const char *arg = argv[i];
        if (ended || arg[0] != '-' || arg[1] == '\0') {
            argv[kept++] = argv[i];
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            ended = true;
            continue;
        }
        const struct kd_option *o = find(arg, options, n, &value);
        if (o == NULL)
            return kd_say(0, command, "%s: no such option; see kidoban %s --help", arg, command),
                   false;
        if (o->set != NULL && value != NULL)
            return kd_say(0, command, "%s: takes no value", o->name), false;
        if (o->set != NULL) {
            *o->set = true;
            continue;
        }
        if (value == NULL && i + 1 >= *argc)
            return kd_say(0, command, "%s: a value must follow; see kidoban %s --help", o->name,
                          command),
                   false;
        *o->value = value != NULL ? value : argv[++i];
    }
    *argc = kept;
    return true;
}

bool kd_option_number(const char *command, const char *name, const char *text, uint64_t most,
                      uint64_t *ret)
{
    if (kd_bytes_to_u64(kd_str(text), most, ret))
        return true;
    (void)kd_say(0, command, "%s %s: write a number up to %llu", name, text,
                 (unsigned long long)most);
    return false;
}

static int print_problems(const char *command, const char *path, const struct kd_config_problems *p)
{
    bool ja = kd_say_japanese();
    for (size_t i = 0; i < p->n; i++)
        if (p->at[i].line == 0) /* the file as a whole */
            (void)kd_say(0, command, "%s: %s", path, ja ? p->at[i].ja : p->at[i].en);
        else
            (void)kd_say(0, command, "%s:%u: %s", path, p->at[i].line, ja ? p->at[i].ja : p->at[i].en);
    return KD_EXIT_NO;
}

int kd_load_config(const char *command, const char *path, struct kd_config *ret)
{
    static const char usual[] = "/etc/kidoban/kidoban.yaml";
    static struct kd_config_problems problems;
    bool asked = path != NULL;
    path = asked ? path : usual;
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && !asked && errno == ENOENT) {
        kd_config_default(ret);
        return KD_EXIT_DONE;
    }
    uint8_t *text = NULL;
    size_t n = 0;
    /* One byte more than is allowed tells a file that is too long from one that just fits. */
    if (fd < 0 || kd_fd_read_all(fd, KD_CONFIG_BYTES_MAX + 1, &text, &n) != KD_OK)
        return kd_say(KD_EXIT_COULD_NOT, command,
                      "%s: cannot be read (%s); check the path and its permissions", path,
                      strerror(fd < 0 ? errno : EFBIG));
    enum kd_status s = kd_config_read(kd_bytes_of(text, n), ret, &problems);
    free(text);
    if (s == KD_MALFORMED)
        return print_problems(command, path, &problems);
    return s == KD_OK ? KD_EXIT_DONE
                      : kd_say(KD_EXIT_COULD_NOT, command, "%s: out of memory", path);
}

static bool state_directory(char ret[KD_CONFIG_TEXT_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char parent[KD_CONFIG_TEXT_MAX - 16];
    if (state != NULL && state[0] == '/') {
        snprintf(parent, sizeof(parent), "%s", state);
    } else if (home != NULL && home[0] == '/') {
        snprintf(parent, sizeof(parent), "%s/.local", home);
        (void)mkdir(parent, 0700);
        snprintf(parent, sizeof(parent), "%.470s/.local/state", home);
    } else {
        return false;
    }
    (void)mkdir(parent, 0700);
    snprintf(ret, KD_CONFIG_TEXT_MAX, "%s/kidoban", parent);
    return true;
}

bool kd_directory(const char *command, const char *option, const struct kd_config *cfg,
                  char ret[KD_CONFIG_TEXT_MAX])
{
    const char *env = getenv("KIDOBAN_DIR");
    const char *said = option != NULL                  ? option
                       : cfg->dir[0] != '\0'           ? cfg->dir
                       : env != NULL && env[0] != '\0' ? env
                                                       : NULL;
    if (said != NULL && strlen(said) >= KD_CONFIG_TEXT_MAX - 32)
        return kd_say(0, command, "--dir: the path is too long"), false;
    if (said != NULL || geteuid() == 0) {
        snprintf(ret, KD_CONFIG_TEXT_MAX, "%s", said != NULL ? said : "/var/lib/kidoban");
        return true;
    }
    if (state_directory(ret))
        return true;
    (void)kd_say(0, command, "no directory for the records: give one with --dir");
    return false;
}
