/* SPDX-License-Identifier: Apache-2.0 */
/* rules update and rules rollback: a new set from a folder, a file or an archive; its sum and signature are checked,
 * then a child that is shut in unpacks and compiles it, and only what that took is written and put in force. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/hash.h"
#include "bin/command.h"
#include "bin/rule_archive.h"
#include "bin/rule_sets.h"
#include "bin/rules_command.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/shared.h"

#define IMAGE_ROOM ((size_t)1 << 30)
enum { SUM_FILE_MAX = 4096, SIGNATURE_BYTES = 64, SOURCE_MAX = 512 << 20 };

struct update {
    const char *source, *sum, *signature, *key;
    struct kd_rule_inputs inputs;
    struct kd_bytes whole; /* a file or archive; none: a folder */
    int room;
    struct kd_bytes image;
};

static int no(const char *path, const char *why)
{
    return kd_say(KD_EXIT_NO, "rules update", "%s: %s; the rules stay as they are", path, why);
}

/* ---- is it what its publisher made? ---- */

static struct kd_bytes map_file(const char *path)
{
    struct stat st;
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > SOURCE_MAX)
        return kd_str(NULL);
    /* A copy: what is checked is what is read. */
    uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t n = 0;
    ssize_t got = 1;
    while (p != MAP_FAILED && n < (size_t)st.st_size && (got = read(fd, p + n, (size_t)st.st_size - n)) > 0)
        n += (size_t)got;
    return p == MAP_FAILED || got < 0 ? kd_str(NULL) : kd_bytes_of(p, n);
}

/* "HEX  name" as sha256sum writes it; the first word counts. */
static bool sum_fits(const struct update *u)
{
    uint8_t digest[KD_SHA256_BYTES], text[2 * KD_SHA256_BYTES];
    struct kd_out o = kd_out_of(text, sizeof(text));
    struct kd_bytes sum = kd_bytes_head(kd_bytes_trim(map_file(u->sum)), 2 * KD_SHA256_BYTES);
    kd_digest_once(KD_SHA256, u->whole, digest);
    kd_out_hex(&o, kd_bytes_of(digest, sizeof(digest)));
    return sum.n == sizeof(text) && kd_bytes_ieq(sum, kd_out_bytes_view(&o));
}

static bool signature_fits(const struct update *u)
{
    FILE *f = fopen(u->key, "re");
    EVP_PKEY *key = f == NULL ? NULL : PEM_read_PUBKEY(f, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct kd_bytes s = map_file(u->signature);
    bool ok = key != NULL && ctx != NULL && EVP_PKEY_id(key) == EVP_PKEY_ED25519 && s.n == SIGNATURE_BYTES &&
              EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, s.p, s.n, u->whole.p, u->whole.n) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    if (f != NULL)
        (void)fclose(f);
    return ok;
}

static char *beside(const char *path, const char *end)
{
    char *p = NULL;
    return asprintf(&p, "%s%s", path, end) < 0 ? NULL : p;
}

static int verify(struct update *u)
{
    struct stat st;
    char *sum = beside(u->source, ".sha256"), *signature = beside(u->source, ".sig");
    if (u->sum == NULL && sum != NULL && stat(sum, &st) == 0)
        u->sum = sum;
    if (u->signature == NULL)
        u->signature = signature;
    int status = KD_EXIT_DONE;
    if (u->sum != NULL && (u->whole.n == 0 || !sum_fits(u)))
        status = no(u->source, "its SHA-256 is not the one that was given");
    else if (u->key[0] != '\0' && (u->whole.n == 0 || u->signature == NULL || !signature_fits(u)))
        status = no(u->source, "it is not signed with the key of rules.update.key");
    free(sum);
    free(signature);
    return status;
}

/* ---- the child that reads it ---- */

static KD_NORETURN void refuse(const char *name, const struct kd_err *err)
{
    if (err->at > 0)
        (void)kd_say(0, "rules update", "%s:%llu: %s", name, (unsigned long long)err->at, err->what);
    else
        (void)kd_say(0, "rules update", "%s: %s", name, err->what);
    _exit(KD_EXIT_NO);
}

static struct kd_bytes last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return kd_str(slash == NULL ? path : slash + 1);
}

/* Files of a folder keep their names, without what says that they are packed. */
static void add_inputs(const struct update *u, struct kd_out *image)
{
    char name[256];
    struct kd_err err = {0};
    for (size_t i = 0; i < u->inputs.n; i++) {
        struct kd_bytes last = last_part(u->inputs.at[i].path);
        for (unsigned k = 0; k < 2; k++) {
            struct kd_bytes end = kd_str(k == 0 ? ".gz" : ".zst");
            if (kd_bytes_iends(last, end))
                last = kd_bytes_head(last, last.n - end.n);
        }
        snprintf(name, sizeof(name), "%.*s", (int)kd_min_size(last.n, sizeof(name) - 1), (const char *)last.p);
        if (kd_rules_add(image, u->inputs.at[i].kind, name, u->inputs.at[i].fd, &err) != KD_OK)
            refuse(name, &err);
    }
}

static KD_NORETURN void read_and_compile(const struct update *u, const struct kd_config *config)
{
    static uint8_t key[KD_RULE_KEY_BYTES];
    struct kd_err err = {0};
    struct kd_out image = kd_out_of((void *)(uintptr_t)u->image.p, u->image.n);
    struct kd_loaded_rules made;
    int status = kd_rules_shut_in(config->sandbox, &u->inputs, 8);
    if (status != KD_EXIT_DONE)
        _exit(status);
    kd_rule_image_begin(&image);
    kd_rule_image_part(&image, KD_PART_VARS, kd_str("rules.vars"), kd_bytes_of(config->rule_vars.lines, config->rule_vars.n));
    if (u->whole.n > 0 && kd_rule_is_archive(u->whole)) {
        if (kd_rule_archive(u->whole, &image, &err) != KD_OK)
            refuse(u->source, &err);
    } else {
        add_inputs(u, &image);
    }
    if (kd_rules_compile(&image, key, &config->limits, &made, &err) != KD_OK)
        refuse(u->source, &err);
    _exit(KD_EXIT_DONE);
}

static int examine(struct update *u, const struct kd_config *config, struct kd_rule_image *ret)
{
    int st = 0;
    pid_t pid = fork();
    if (pid == 0)
        read_and_compile(u, config);
    if (pid < 0 || waitpid(pid, &st, 0) != pid)
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "no process (%s)", strerror(errno));
    if (WIFEXITED(st) && WEXITSTATUS(st) != KD_EXIT_DONE)
        return WEXITSTATUS(st);
    if (!WIFEXITED(st) || kd_rule_image_open(u->image, ret) != KD_OK)
        return no(u->source, "it cannot be compiled");
    if (ret->counts.loaded == 0 || ret->counts.refused > ret->counts.loaded)
        return no(u->source, "hardly any of its rules can be taken (see kidoban rules check)");
    return KD_EXIT_DONE;
}

/* ---- the commands ---- */

/* What was checked is what is read. */
static bool replace_by_copy(struct update *u)
{
    struct kd_err err = {0};
    int fd = -1;
    void *p = NULL;
    if (u->inputs.n != 1 || kd_shared_new("kidoban-rules", u->whole.n, &fd, NULL, &err) != KD_OK)
        return false;
    kd_fd_close(&u->inputs.at[0].fd);
    u->inputs.at[0].fd = fd;
    if (kd_shared_map(fd, u->whole.n, true, &p, &err) != KD_OK)
        return false;
    memcpy(p, u->whole.p, u->whole.n);
    return munmap(p, u->whole.n) == 0;
}

static int open_source(struct update *u)
{
    struct stat st;
    struct kd_rule_paths paths = {.files = u->source};
    struct kd_err err = {0};
    int reading = -1;
    void *p = NULL;
    if (stat(u->source, &st) != 0)
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "%s: cannot be read (%s)", u->source, strerror(errno));
    if (!S_ISDIR(st.st_mode) && (u->whole = map_file(u->source)).n == 0)
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "%s: cannot be read, is empty or too large", u->source);
    bool file = u->whole.n > 0;
    bool archive = kd_rule_is_archive(u->whole) && strstr(u->source, ".rules.") == NULL;
    if (!archive && (!kd_rule_inputs_find("rules update", &paths, NULL, 0, &u->inputs) ||
                     !kd_rule_inputs_open("rules update", &u->inputs)))
        return KD_EXIT_COULD_NOT;
    if (!archive && file && !replace_by_copy(u))
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "no memory");
    if (kd_shared_new("kidoban-rules", IMAGE_ROOM, &u->room, &reading, &err) != KD_OK ||
        kd_shared_map(u->room, IMAGE_ROOM, true, &p, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "rules update", &err);
    kd_fd_close(&reading);
    u->image = kd_bytes_of(p, IMAGE_ROOM);
    return KD_EXIT_DONE;
}

static int put_in_force(const struct update *u, const struct kd_config *config, const char *dir,
                        const struct kd_rule_image *image)
{
    char name[KD_RULE_SET_NAME], what[300];
    struct kd_err err = {0};
    struct kd_clock clock = kd_os_clock();
    if (kd_rule_sets_add(dir, image, kd_now_us(&clock), (unsigned)config->rule_keep, name, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "rules update", &err);
    snprintf(what, sizeof(what), "update %s from %.150s: %u loaded, %u refused", name, u->source, image->counts.loaded,
             image->counts.refused);
    kd_rule_sets_log(dir, kd_now_us(&clock), what);
    printf("%s/rules/current: %s, %u read, %u loaded, %u refused\n", dir, name, image->counts.read, image->counts.loaded,
           image->counts.refused);
    return KD_EXIT_DONE;
}

static int tell_if_running(const char *dir)
{
    return kd_rules_sensor_runs(dir) ? kd_rules_tell_sensor(dir) : KD_EXIT_DONE;
}

int kd_rules_update(int argc, char **argv)
{
    static struct kd_config config;
    static struct update u = {.room = -1};
    static char dir[KD_CONFIG_TEXT_MAX];
    struct kd_rule_image image;
    const char *path = NULL, *dir_option = NULL;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},     {"--dir", NULL, &dir_option, NULL},
                                        {"--sha256", NULL, &u.sum, NULL},    {"--signature", NULL, &u.signature, NULL},
                                        {"--key", NULL, &u.key, NULL}};
    if (!kd_options("rules update", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (kd_load_config("rules update", path, &config) != KD_EXIT_DONE ||
        !kd_directory("rules update", dir_option, &config, dir))
        return KD_EXIT_COULD_NOT;
    u.source = argc > 1 ? argv[1] : config.rule_source;
    u.key = u.key != NULL ? u.key : config.rule_key;
    if (argc > 2 || u.source[0] == '\0')
        return kd_say(KD_EXIT_USAGE, "rules update", "name a folder, a file or an archive of rules (or rules.update.source)");
    int status = open_source(&u);
    if (status == KD_EXIT_DONE)
        status = verify(&u);
    if (status == KD_EXIT_DONE)
        status = examine(&u, &config, &image);
    if (status == KD_EXIT_DONE)
        status = put_in_force(&u, &config, dir, &image);
    kd_rule_inputs_done(&u.inputs);
    return status == KD_EXIT_DONE ? tell_if_running(dir) : status;
}

int kd_rules_rollback(int argc, char **argv)
{
    static struct kd_config config;
    static char dir[KD_CONFIG_TEXT_MAX];
    char name[KD_RULE_SET_NAME], what[100];
    const char *path = NULL, *dir_option = NULL;
    struct kd_err err = {0};
    struct kd_clock clock = kd_os_clock();
    const struct kd_option options[] = {{"--config", "-c", &path, NULL}, {"--dir", NULL, &dir_option, NULL}};
    if (!kd_options("rules rollback", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc > 1)
        return kd_say(KD_EXIT_USAGE, "rules rollback", "takes no arguments");
    if (kd_load_config("rules rollback", path, &config) != KD_EXIT_DONE ||
        !kd_directory("rules rollback", dir_option, &config, dir))
        return KD_EXIT_COULD_NOT;
    enum kd_status s = kd_rule_sets_back(dir, name, &err);
    if (s != KD_OK)
        return kd_say_err(s == KD_NOT_FOUND ? KD_EXIT_NO : KD_EXIT_COULD_NOT, "rules rollback", &err);
    snprintf(what, sizeof(what), "rollback to %s", name);
    kd_rule_sets_log(dir, kd_now_us(&clock), what);
    printf("%s/rules/current: %s\n", dir, name);
    return tell_if_running(dir);
}
