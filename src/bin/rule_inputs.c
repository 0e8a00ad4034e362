/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rule_inputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/rule_archive.h"
#include "bin/say.h"
#include "os/fd.h"
#include "rule/rules.h"

enum { INPUTS_MAX = 4096 };

struct kd_rule_paths kd_rule_paths_of(const struct kd_config *c)
{
    return (struct kd_rule_paths){c->rules, c->rule_suricata, c->rule_classes, c->rule_references,
                                  c->rule_thresholds};
}

struct kd_rule_paths kd_rule_paths_over(struct kd_rule_paths paths, const struct kd_rule_paths *over)
{
    return (struct kd_rule_paths){
        over->files != NULL ? over->files : paths.files,
        over->suricata != NULL ? over->suricata : paths.suricata,
        over->classes != NULL ? over->classes : paths.classes,
        over->references != NULL ? over->references : paths.references,
        over->thresholds != NULL ? over->thresholds : paths.thresholds,
    };
}

static bool add(const char *command, struct kd_rule_inputs *all, enum kd_rule_input_kind kind, struct kd_bytes folder,
                struct kd_bytes path)
{
    struct kd_rule_input *more = NULL;
    char *copy = malloc(folder.n + path.n + 2);
    if (copy != NULL && all->n < INPUTS_MAX)
        more = realloc(all->at, (all->n + 1) * sizeof(*more));
    if (more == NULL) {
        free(copy);
        (void)kd_say(0, command, "at most %d files of rules at once", INPUTS_MAX);
        return false;
    }
    all->at = more;
    struct kd_out o = kd_out_of((uint8_t *)copy, folder.n + path.n + 2);
    kd_out_bytes(&o, folder);
    kd_out_str(&o, folder.n > 0 ? "/" : "");
    kd_out_bytes(&o, path);
    kd_out_u8(&o, '\0');
    all->at[all->n++] = (struct kd_rule_input){kind, copy, copy, -1};
    return true;
}

static bool ends_in(const struct dirent *e, const char *const *ends, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_iends(kd_str(e->d_name), kd_str(ends[i])))
            return true;
    return false;
}

static int is_rule_file(const struct dirent *e)
{
    static const char *const ends[] = {".rules", ".rules.gz", ".rules.zst"};
    return e->d_name[0] != '.' && ends_in(e, ends, KD_COUNT(ends));
}

/* Lists by their usual names, which go first. */
static int is_data_file(const struct dirent *e)
{
    return e->d_name[0] != '.' && kd_rule_is_list(kd_str(e->d_name));
}

/* A rule may give its list any name; what is surely none is left out. */
static int may_be_data_file(const struct dirent *e)
{
    static const char *const others[] = {".yaml", ".yml",  ".toml", ".config", ".conf", ".pcap", ".pcapng", ".md",  ".map",
                                         ".gz",   ".zst",  ".zip",  ".tar",    ".lua",  ".sh",   ".py",     ".log", ".json"};
    return e->d_name[0] != '.' && !is_data_file(e) && !is_rule_file(e) && !ends_in(e, others, KD_COUNT(others));
}

/* What rules may load lies beside them; which of it they want is known only when they are read, shut in. */
static bool add_data_named(const char *command, struct kd_rule_inputs *all, const char *folder,
                           int (*is)(const struct dirent *), int max, off_t largest)
{
    struct dirent **found = NULL;
    int n = scandir(folder, &found, is, alphasort);
    bool ok = true;
    for (int i = 0; i < n; i++) {
        struct stat st;
        ok = ok && (i >= max || add(command, all, KD_INPUT_DATA, kd_str(folder), kd_str(found[i]->d_name)));
        struct kd_rule_input *in = all->n == 0 ? NULL : &all->at[all->n - 1];
        if (ok && i < max && in != NULL) {
            in->name = in->path + strlen(folder) + 1; /* rules name it so */
            if (stat(in->path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > largest || access(in->path, R_OK) != 0)
                free(all->at[--all->n].path);
        }
        free(found[i]);
    }
    free(found);
    return ok;
}

static bool add_data(const char *command, struct kd_rule_inputs *all, const char *folder)
{
    enum { DATA_MAX = 64, OTHERS_MAX = 32, OTHER_LARGEST = 1 << 20 };
    return add_data_named(command, all, folder, is_data_file, DATA_MAX, KD_RULE_LIST_MAX) &&
           add_data_named(command, all, folder, may_be_data_file, OTHERS_MAX, OTHER_LARGEST);
}

static bool add_data_beside(const char *command, struct kd_rule_inputs *all, const char *rules)
{
    char folder[4096];
    const char *slash = strrchr(rules, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - rules) + (slash == rules),
             slash == NULL ? "." : rules);
    return add_data(command, all, folder);
}

bool kd_is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool kd_has_rules(const char *path)
{
    struct dirent **found = NULL;
    int n = scandir(path, &found, is_rule_file, NULL);
    for (int i = 0; i < n; i++)
        free(found[i]);
    free(found);
    return n > 0;
}

static bool add_directory(const char *command, struct kd_rule_inputs *all, const char *path)
{
    struct dirent **found = NULL;
    int n = scandir(path, &found, is_rule_file, alphasort);
    bool ok = n > 0;
    for (int i = 0; i < n; i++) {
        ok = ok && add(command, all, KD_INPUT_RULES, kd_str(path), kd_str(found[i]->d_name));
        free(found[i]);
    }
    free(found);
    if (n <= 0)
        (void)kd_say(0, command, "%s: holds no files named *.rules", path);
    return ok;
}

static bool add_rules(const char *command, struct kd_rule_inputs *all, struct kd_bytes path)
{
    char text[4096];
    struct stat st;
    if (path.n >= sizeof(text))
        return kd_say(0, command, "a path of rules is too long"), false;
    snprintf(text, sizeof(text), "%.*s", (int)path.n, (const char *)path.p);
    if (stat(text, &st) == 0 && S_ISDIR(st.st_mode))
        return add_data(command, all, text) && add_directory(command, all, text);
    return add_data_beside(command, all, text) && add(command, all, KD_INPUT_RULES, kd_str(NULL), path);
}

static bool add_one(const char *command, struct kd_rule_inputs *all, enum kd_rule_input_kind kind, const char *path)
{
    return path == NULL || path[0] == '\0' || add(command, all, kind, kd_str(NULL), kd_str(path));
}

bool kd_rule_inputs_find(const char *command, const struct kd_rule_paths *paths, const char *const *more, size_t n_more,
                         struct kd_rule_inputs *ret)
{
    struct kd_bytes rest = kd_str(paths->files);
    *ret = (struct kd_rule_inputs){0};
    bool ok = add_one(command, ret, KD_INPUT_SURICATA, paths->suricata) &&
              add_one(command, ret, KD_INPUT_CLASSES, paths->classes) &&
              add_one(command, ret, KD_INPUT_REFERENCES, paths->references);
    while (ok && rest.n > 0) {
        struct kd_bytes one = kd_bytes_trim(kd_bytes_cut(&rest, ','));
        ok = one.n == 0 || add_rules(command, ret, one);
    }
    for (size_t i = 0; ok && i < n_more; i++)
        ok = add_rules(command, ret, kd_str(more[i]));
    return ok && add_one(command, ret, KD_INPUT_THRESHOLDS, paths->thresholds);
}

bool kd_rule_input_open(const char *command, struct kd_rule_input *in)
{
    struct stat st;
    kd_fd_close(&in->fd);
    in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (in->fd >= 0 && fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        kd_fd_close(&in->fd);
        errno = EISDIR;
    }
    if (in->fd < 0)
        (void)kd_say(0, command, "%s: cannot be opened (%s)", in->path, strerror(errno));
    return in->fd >= 0;
}

bool kd_rule_inputs_open(const char *command, struct kd_rule_inputs *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (!kd_rule_input_open(command, &all->at[i]))
            return false;
    return true;
}

bool kd_rule_inputs_any(const struct kd_rule_inputs *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->at[i].kind == KD_INPUT_RULES)
            return true;
    return false;
}

void kd_rule_inputs_done(struct kd_rule_inputs *all)
{
    for (size_t i = 0; i < all->n; i++) {
        kd_fd_close(&all->at[i].fd);
        free(all->at[i].path);
    }
    free(all->at);
    *all = (struct kd_rule_inputs){0};
}
