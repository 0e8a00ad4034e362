/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/yara_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/say.h"
#include "box/bundle.h"
#include "os/fd.h"

enum { DEPTH_MAX = 8 };

struct gathering {
    const char *command, *key;
    uint8_t *bytes;
    size_t n, room;
    uint32_t files;
};

static bool refuse(const struct gathering *g, const char *path, const char *why)
{
    (void)kd_say(0, g->command, "%s: %s: %s", g->key, path, why);
    return false;
}

bool kd_is_yara_file(const char *name)
{
    return kd_bytes_iends(kd_str(name), kd_str(".yar")) || kd_bytes_iends(kd_str(name), kd_str(".yara"));
}

static bool grow(struct gathering *g, size_t more)
{
    if (more > KD_BUNDLE_BYTES_MAX - g->n || g->files >= KD_BUNDLE_FILES_MAX)
        return false;
    if (more <= g->room - g->n)
        return true;
    size_t room = kd_min_size(KD_BUNDLE_BYTES_MAX, 2 * (g->n + more));
    uint8_t *bytes = realloc(g->bytes, room);
    if (bytes == NULL)
        return false;
    g->bytes = bytes;
    g->room = room;
    return true;
}

static bool add_file(struct gathering *g, int fd, const char *path)
{
    uint8_t *text = NULL;
    size_t n = 0;
    if (kd_fd_read_all(fd, KD_BUNDLE_BYTES_MAX, &text, &n) != KD_OK)
        return refuse(g, path, "cannot be read, or is too long");
    struct kd_bytes name = kd_bytes_head(kd_str(path), KD_BUNDLE_NAME_MAX);
    bool fits = grow(g, KD_BUNDLE_HEAD + name.n + n + 1);
    if (fits) {
        struct kd_out o = kd_out_of(g->bytes + g->n, g->room - g->n);
        kd_bundle_head(&o, name.n, n);
        kd_out_bytes(&o, name);
        kd_out_bytes(&o, kd_bytes_of(text, n));
        kd_out_u8(&o, 0);
        g->n += o.n;
        g->files++;
    }
    free(text);
    return fits || refuse(g, path, "too many or too long rules together");
}

static bool add_path(struct gathering *g, const char *path, unsigned depth);

static int is_wanted(const struct dirent *e)
{
    return e->d_name[0] != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN || kd_is_yara_file(e->d_name));
}

/* In the order of names, so that two runs are the same.  Links below it are not followed. */
static bool add_directory(struct gathering *g, const char *path, unsigned depth)
{
    struct dirent **found = NULL;
    int n = depth < DEPTH_MAX ? scandir(path, &found, is_wanted, alphasort) : 0;
    bool ok = n >= 0 || refuse(g, path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char below[KD_CONFIG_TEXT_MAX];
        struct stat st;
        int room = snprintf(below, sizeof(below), "%s/%s", path, found[i]->d_name);
        if (ok && room > 0 && (size_t)room < sizeof(below) && lstat(below, &st) == 0 &&
            (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && kd_is_yara_file(below))))
            ok = add_path(g, below, depth + 1);
        free(found[i]);
    }
    free(found);
    return ok;
}

static bool add_path(struct gathering *g, const char *path, unsigned depth)
{
    struct stat st;
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        return refuse(g, path, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return add_directory(g, path, depth);
    return S_ISREG(st.st_mode) ? add_file(g, fd, path) : refuse(g, path, "is no file");
}

bool kd_yara_files_read(const char *command, const char *key, const char *list, uint8_t **ret, size_t *ret_n)
{
    struct gathering g = {.command = command, .key = key};
    struct kd_bytes rest = kd_str(list);
    bool ok = true;
    while (ok && rest.n > 0) {
        char path[KD_CONFIG_TEXT_MAX];
        struct kd_bytes one = kd_bytes_trim(kd_bytes_cut(&rest, ','));
        snprintf(path, sizeof(path), "%.*s", (int)one.n, (const char *)one.p);
        ok = one.n == 0 || add_path(&g, path, 0);
    }
    if (!ok) {
        free(g.bytes);
        return false;
    }
    *ret = g.bytes;
    *ret_n = g.n;
    return true;
}

int kd_yara_files_open(const char *command, const char *key, const char *list)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    char path[40];
    if (!kd_yara_files_read(command, key, list, &bytes, &n))
        return -1;
    int reading = -1;
    KD_AUTO_FD fd = memfd_create("kidoban-yara", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && kd_fd_write_all(fd, kd_bytes_of(bytes, n)) == KD_OK &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        reading = open(path, O_RDONLY | O_CLOEXEC);
    }
    free(bytes);
    if (reading < 0)
        (void)kd_say(0, command, "no memory for YARA rules (%s)", strerror(errno));
    return reading;
}

void kd_own_rules(const char *kind, char ret[KD_CONFIG_TEXT_MAX])
{
    char self[400];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    (void)snprintf(ret, KD_CONFIG_TEXT_MAX, "%s/%s/%s", self, KD_RULES_BESIDE, kind);
    if (access(ret, R_OK) == 0)
        return;
    (void)snprintf(ret, KD_CONFIG_TEXT_MAX, "%s/%s", KD_RULES_INSTALLED, kind);
    if (access(ret, R_OK) != 0)
        ret[0] = '\0';
}
