/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rules_take.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "bin/rule_archive.h"
#include "bin/rule_sets.h"
#include "bin/rules_command.h"
#include "bin/say.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/shared.h"

#define IMAGE_ROOM ((size_t)1 << 30)

struct work {
    struct kd_rules_offer *offer;
    struct kd_bytes image;
    char *why; /* both processes see it */
};

static int no(struct work *w, const char *why)
{
    if (w->offer->why[0] == '\0')
        snprintf(w->offer->why, sizeof(w->offer->why), "%s", why);
    return kd_say(KD_EXIT_NO, w->offer->command, "%s: %s; the rules stay as they are", w->offer->from, why);
}

/* ---- the child that reads them ---- */

static KD_NORETURN void refuse(const struct work *w, const char *name, const struct kd_err *err)
{
    if (err->at > 0)
        snprintf(w->why, sizeof(w->offer->why), "%.60s:%llu: %.100s", name, (unsigned long long)err->at, err->what);
    else
        snprintf(w->why, sizeof(w->offer->why), "%.60s: %.120s", name, err->what);
    (void)kd_say(0, w->offer->command, "%s", w->why);
    _exit(KD_EXIT_NO);
}

static struct kd_bytes last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return kd_str(slash == NULL ? path : slash + 1);
}

/* Files keep their names, without what says that they are packed. */
static void add_inputs(const struct work *w, struct kd_out *image)
{
    const struct kd_rule_inputs *inputs = &w->offer->inputs;
    char name[256];
    struct kd_err err = {0};
    for (size_t i = 0; i < inputs->n; i++) {
        struct kd_bytes last = last_part(inputs->at[i].path);
        for (unsigned k = 0; k < 2; k++) {
            struct kd_bytes end = kd_str(k == 0 ? ".gz" : ".zst");
            if (kd_bytes_iends(last, end))
                last = kd_bytes_head(last, last.n - end.n);
        }
        enum kd_rule_part kind;
        if (inputs->at[i].kind == KD_INPUT_DATA && !kd_rule_file_name_ok(last, &kind))
            continue; /* what merely lies beside the rules */
        snprintf(name, sizeof(name), "%.*s", (int)kd_min_size(last.n, sizeof(name) - 1), (const char *)last.p);
        if (kd_rules_add(image, inputs->at[i].kind, name, inputs->at[i].fd, &err) != KD_OK)
            refuse(w, name, &err);
    }
}

static KD_NORETURN void read_and_compile(const struct work *w, const struct kd_config *config)
{
    static uint8_t key[KD_RULE_KEY_BYTES];
    const struct kd_rules_offer *offer = w->offer;
    struct kd_err err = {0};
    struct kd_out image = kd_out_of((void *)(uintptr_t)w->image.p, w->image.n);
    struct kd_loaded_rules made;
    int status = kd_rules_shut_in(config->sandbox, &offer->inputs, 8);
    if (status != KD_EXIT_DONE)
        _exit(status);
    kd_rule_image_begin(&image);
    kd_rule_image_part(&image, KD_PART_VARS, kd_str("rules.vars"), kd_bytes_of(config->rule_vars.lines, config->rule_vars.n));
    for (size_t i = 0; i < offer->n_archives; i++)
        if (kd_rule_archive(offer->archive[i].bytes, i > 0 ? offer->archive[i].name : NULL, &image, &err) != KD_OK)
            refuse(w, offer->archive[i].name, &err);
    add_inputs(w, &image);
    if (kd_rules_compile(&image, key, &config->limits, &made, &err) != KD_OK)
        refuse(w, offer->from, &err);
    _exit(KD_EXIT_DONE);
}

static int examine(struct work *w, const struct kd_config *config, struct kd_rule_image *ret)
{
    int st = 0;
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        read_and_compile(w, config);
    if (pid < 0 || waitpid(pid, &st, 0) != pid)
        return kd_say(KD_EXIT_COULD_NOT, w->offer->command, "no process (%s)", strerror(errno));
    snprintf(w->offer->why, sizeof(w->offer->why), "%.199s", w->why);
    if (WIFEXITED(st) && WEXITSTATUS(st) != KD_EXIT_DONE)
        return WEXITSTATUS(st);
    if (!WIFEXITED(st) || kd_rule_image_open(w->image, ret) != KD_OK)
        return no(w, "it cannot be compiled");
    if (ret->counts.loaded == 0 || ret->counts.refused > ret->counts.loaded)
        return no(w, "hardly any of its rules can be taken (see kidoban rules check)");
    return KD_EXIT_DONE;
}

/* ---- in force ---- */

static int put_in_force(const struct kd_rules_offer *offer, const struct kd_config *config, const char *dir,
                        const struct kd_rule_image *image)
{
    char name[KD_RULE_SET_NAME], what[300];
    struct kd_err err = {0};
    struct kd_clock clock = kd_os_clock();
    if (kd_rule_sets_add(dir, image, kd_now_us(&clock), (unsigned)config->rule_keep, name, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, offer->command, &err);
    snprintf(what, sizeof(what), "update %s from %.150s: %u loaded, %u refused", name, offer->from, image->counts.loaded,
             image->counts.refused);
    kd_rule_sets_log(dir, kd_now_us(&clock), what);
    printf("%s/rules/current: %s, %u read, %u loaded, %u refused\n", dir, name, image->counts.read, image->counts.loaded,
           image->counts.refused);
    return KD_EXIT_DONE;
}

int kd_rules_take(struct kd_rules_offer *offer, const struct kd_config *config, const char *dir)
{
    struct work w = {.offer = offer};
    struct kd_rule_image image;
    struct kd_err err = {0};
    int room = -1, reading = -1;
    void *p = NULL;
    w.why = mmap(NULL, sizeof(offer->why), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (w.why == MAP_FAILED || kd_shared_new("kidoban-rules", IMAGE_ROOM, &room, &reading, &err) != KD_OK ||
        kd_shared_map(room, IMAGE_ROOM, true, &p, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, offer->command, &err);
    w.image = kd_bytes_of(p, IMAGE_ROOM);
    int status = examine(&w, config, &image);
    if (status == KD_EXIT_DONE)
        status = put_in_force(offer, config, dir, &image);
    (void)munmap(p, IMAGE_ROOM);
    (void)munmap(w.why, sizeof(offer->why));
    kd_fd_close(&room);
    kd_fd_close(&reading);
    return status;
}

bool kd_rules_offer_file(struct kd_rules_offer *offer, struct kd_bytes bytes, const char *name)
{
    struct kd_rule_inputs *all = &offer->inputs;
    struct kd_err err = {0};
    int fd = -1;
    void *p = NULL;
    struct kd_rule_input *more = realloc(all->at, (all->n + 1) * sizeof(*more));
    if (more == NULL)
        return false;
    all->at = more;
    char *path = strdup(name);
    if (path == NULL || kd_shared_new("kidoban-rules", bytes.n, &fd, NULL, &err) != KD_OK) {
        free(path);
        return false;
    }
    all->at[all->n++] = (struct kd_rule_input){.kind = KD_INPUT_RULES, .path = path, .name = path, .fd = fd};
    if (kd_shared_map(fd, bytes.n, true, &p, &err) != KD_OK)
        return false;
    memcpy(p, bytes.p, bytes.n);
    return munmap(p, bytes.n) == 0;
}
