/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "bin/command.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/fd.h"

static int open_json(const char *path)
{
    if (path == NULL)
        return -1;
    if (strcmp(path, "-") == 0)
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

/* EVE's times are the reader's: those of the one who calls, unless a zone is configured. */
static int callers_zone_s(void)
{
    struct tm tm;
    time_t now = time(NULL);
    return localtime_r(&now, &tm) == NULL ? 0 : (int)tm.tm_gmtoff;
}

int kd_cmd_replay(int argc, char **argv)
{
    static struct kd_config config;
    const char *path = NULL, *json = NULL, *db = NULL, *engines = NULL, *yara = NULL,
               *sandbox = NULL;
    struct kd_rule_paths rules = {0};
    bool realtime = false, packets = false, state = false;
    uint64_t n_engines = 1;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--json", NULL, &json, NULL},
                                        {"--db", NULL, &db, NULL},
                                        {"--engines", NULL, &engines, NULL},
                                        {"--yara", NULL, &yara, NULL},
                                        {"--rules", NULL, &rules.files, NULL},
                                        {"--vars", NULL, &rules.suricata, NULL},
                                        {"--classification", NULL, &rules.classes, NULL},
                                        {"--reference", NULL, &rules.references, NULL},
                                        {"--thresholds", NULL, &rules.thresholds, NULL},
                                        {"--sandbox", NULL, &sandbox, NULL},
                                        {"--realtime", NULL, NULL, &realtime},
                                        {"--packets", NULL, NULL, &packets},
                                        {"--state", NULL, NULL, &state}};
    if (!kd_options("replay", &argc, argv, options, KD_COUNT(options)) ||
        (engines != NULL &&
         !kd_option_number("replay", "--engines", engines, KD_ENGINES_MAX, &n_engines)))
        return KD_EXIT_USAGE;
    if (argc < 2)
        return kd_say(KD_EXIT_USAGE, "replay", "name a capture file; see kidoban replay --help");
    if (json == NULL && db == NULL)
        return kd_say(KD_EXIT_USAGE, "replay",
                      "say where the records go: --json - (or a file), --db DIRECTORY, or both");
    if (state && db == NULL)
        return kd_say(KD_EXIT_USAGE, "replay", "--state: what is learned is kept in the --db directory; name one");
    if (kd_load_config("replay", path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    if (sandbox != NULL && strcmp(sandbox, "full") != 0 && strcmp(sandbox, "reduced") != 0)
        return kd_say(KD_EXIT_USAGE, "replay", "--sandbox %s: write full or reduced", sandbox);
    if (sandbox != NULL)
        snprintf(config.sandbox, sizeof(config.sandbox), "%s", sandbox);
    static char place[KD_CONFIG_TEXT_MAX];
    bool fetches = config.rule_sources.n > 0 || config.feeds.n > 0;
    if (fetches && !kd_directory("replay", NULL, &config, place))
        return KD_EXIT_COULD_NOT;
    kd_update_place(&config, place);
    KD_AUTO_FD json_fd = open_json(json);
    if (json != NULL && json_fd < 0)
        return kd_say(KD_EXIT_COULD_NOT, "replay",
                      "%s: cannot be written (%s); name another file with --json", json,
                      strerror(errno));
    struct kd_plan plan = {
        .command = "replay",
        .config = &config,
        .dir = db,
        .fetched = fetches ? place : NULL,
        .json_fd = json_fd,
        .json_zone_s = callers_zone_s(),
        .json_zone = !config.has_zone,
        .files = (const char *const *)(argv + 1),
        .n_files = (size_t)argc - 1,
        .realtime = realtime,
        .packets = packets,
        .rules = rules,
        .yara = yara,
        .state = state,
        .n_engines = n_engines > 0 ? (unsigned)n_engines : 1,
    };
    return kd_sensor_run(&plan);
}
