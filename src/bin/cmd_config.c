/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/command.h"
#include "bin/say.h"

static int check(const char *path)
{
    static struct kd_config config;
    int status = kd_load_config("config check", path, &config);
    if (status == KD_EXIT_DONE)
        puts(kd_say_japanese() ? "設定に問題はありません。" : "the configuration is fine");
    return status;
}

static int reference(const char *lang, bool man)
{
    enum { ROOM = 128 * 1024 };
    bool ja = lang != NULL ? strcmp(lang, "ja") == 0 : kd_say_japanese();
    if (lang != NULL && !ja && strcmp(lang, "en") != 0)
        return kd_say(KD_EXIT_USAGE, "config reference", "--lang %s: write ja or en", lang);
    uint8_t *room = malloc(ROOM);
    if (room == NULL)
        return kd_say(KD_EXIT_COULD_NOT, "config reference", "out of memory");
    struct kd_out o = kd_out_of(room, ROOM);
    kd_config_reference(&o, man ? KD_REFERENCE_MAN : KD_REFERENCE_YAML, ja);
    bool ok = kd_out_ok(&o) && fwrite(room, 1, o.n, stdout) == o.n && fflush(stdout) == 0;
    free(room);
    return ok ? KD_EXIT_DONE
              : kd_say(KD_EXIT_COULD_NOT, "config reference", "standard output cannot be written");
}

int kd_cmd_config(int argc, char **argv)
{
    const char *path = NULL, *lang = NULL;
    bool man = false;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--lang", NULL, &lang, NULL},
                                        {"--man", NULL, NULL, &man}};
    if (!kd_options("config", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc == 3 && strcmp(argv[1], "check") == 0 && path == NULL)
        return check(argv[2]);
    if (argc == 2 && strcmp(argv[1], "check") == 0)
        return check(path);
    if (argc == 2 && strcmp(argv[1], "reference") == 0)
        return reference(lang, man);
    return kd_say(KD_EXIT_USAGE, "config",
                  "write config check [FILE] or config reference; see kidoban config --help");
}
