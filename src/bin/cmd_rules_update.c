/* SPDX-License-Identifier: Apache-2.0 */
/* rules update and rules rollback: a new set from a folder, a file or an archive, or fetched from rules.sources; its sum and
 * signature are checked, and what can be taken is put in force. */
#include <errno.h>
#include <sys/stat.h>

#include "bin/command.h"
#include "bin/publisher.h"
#include "bin/rule_archive.h"
#include "bin/rule_sets.h"
#include "bin/rules_command.h"
#include "bin/rules_take.h"
#include "bin/say.h"
#include "bin/update.h"
#include "os/clock.h"
#include "os/fd.h"

struct update {
    const char *source, *sum, *signature, *key;
    struct kd_rules_offer offer;
    struct kd_bytes whole; /* a file or archive; none: a folder */
};

static int no(const char *path, const char *why)
{
    return kd_say(KD_EXIT_NO, "rules update", "%s: %s; the rules stay as they are", path, why);
}

/* ---- from a folder, a file or an archive ---- */

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
    if (u->sum != NULL && (u->whole.n == 0 || !kd_sum_fits(u->whole, kd_file_copy(u->sum))))
        status = no(u->source, "its SHA-256 is not the one that was given");
    else if (u->key[0] != '\0' && (u->whole.n == 0 || u->signature == NULL ||
                                   !kd_signature_fits(u->whole, kd_file_copy(u->signature), u->key)))
        status = no(u->source, "it is not signed with the key of rules.update.key");
    free(sum);
    free(signature);
    return status;
}

static int open_source(struct update *u)
{
    struct stat st;
    struct kd_rule_paths paths = {.files = u->source};
    if (stat(u->source, &st) != 0)
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "%s: cannot be read (%s)", u->source, strerror(errno));
    if (S_ISDIR(st.st_mode))
        return kd_rule_inputs_find("rules update", &paths, NULL, 0, &u->offer.inputs) &&
                       kd_rule_inputs_open("rules update", &u->offer.inputs)
                   ? KD_EXIT_DONE
                   : KD_EXIT_COULD_NOT;
    u->whole = kd_file_copy(u->source);
    if (u->whole.n == 0)
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "%s: cannot be read, is empty or too large", u->source);
    if (kd_rule_is_archive(u->whole) && strstr(u->source, ".rules.") == NULL)
        u->offer.archive[u->offer.n_archives++] = (struct kd_rules_archive){u->whole, u->source};
    else if (!kd_rules_offer_file(&u->offer, u->whole, u->source)) /* what was checked is what is read */
        return kd_say(KD_EXIT_COULD_NOT, "rules update", "no memory");
    return KD_EXIT_DONE;
}

static int take(struct update *u, const struct kd_config *config, const char *dir)
{
    u->offer.command = "rules update";
    u->offer.from = u->source;
    int status = open_source(u);
    if (status == KD_EXIT_DONE)
        status = verify(u);
    if (status == KD_EXIT_DONE)
        status = kd_rules_take(&u->offer, config, dir);
    kd_rule_inputs_done(&u->offer.inputs);
    return status;
}

/* ---- the commands ---- */

static int tell_if_running(const char *dir)
{
    return kd_rules_sensor_runs(dir) ? kd_rules_tell_sensor(dir) : KD_EXIT_DONE;
}

static int fetch(const struct kd_config *config, const char *dir)
{
    struct kd_update_sum sum;
    struct kd_update_job job = {.command = "rules update", .config = config, .dir = dir, .rules = true, .shows = true};
    int status = kd_update_run(&job, &sum);
    int told = sum.rules ? tell_if_running(dir) : KD_EXIT_DONE;
    return status != KD_EXIT_DONE ? status : told;
}

int kd_rules_update(int argc, char **argv)
{
    static struct kd_config config;
    static struct update u;
    static char dir[KD_CONFIG_TEXT_MAX];
    const char *path = NULL, *dir_option = NULL;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},     {"--dir", NULL, &dir_option, NULL},
                                        {"--sha256", NULL, &u.sum, NULL},    {"--signature", NULL, &u.signature, NULL},
                                        {"--key", NULL, &u.key, NULL}};
    if (!kd_options("rules update", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (kd_load_config("rules update", path, &config) != KD_EXIT_DONE ||
        !kd_directory("rules update", dir_option, &config, dir))
        return KD_EXIT_COULD_NOT;
    if (argc == 1 && config.rule_sources.n > 0)
        return fetch(&config, dir);
    u.source = argc > 1 ? argv[1] : config.rule_source;
    u.key = u.key != NULL ? u.key : config.rule_key;
    if (argc > 2 || u.source[0] == '\0')
        return kd_say(KD_EXIT_USAGE, "rules update",
                      "name a folder, a file or an archive of rules (or rules.sources or rules.update.source)");
    int status = take(&u, &config, dir);
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
