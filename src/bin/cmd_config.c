/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/reading.h"
#include "bin/say.h"
#include "os/clock.h"
#include "store/proposal.h"

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

static enum kd_status propose_text(const struct kd_proposal *p, const struct kd_reading *rd, struct kd_jw *w)
{
    if (!rd->json) {
        kd_proposal_yaml(p, kd_say_japanese(), &w->h);
        return KD_OK;
    }
    kd_jw_open(w, NULL, '{');
    kd_proposal_json(p, w, "proposal");
    kd_jw_close(w, '}');
    return kd_jw_ok(w) ? KD_OK : KD_LIMIT;
}

/* A network plan from what the sensor has seen, for the configuration file. */
static int propose(int argc, char **argv)
{
    static struct kd_reading rd;
    static struct kd_meta meta;
    struct kd_err err = {0};
    int status = kd_reading_begin("config propose", argc, argv, false, &rd);
    if (status != KD_EXIT_DONE)
        return status;
    if (rd.dir_fd < 0)
        return kd_say(KD_EXIT_USAGE, "config propose", "name the sensor's directory with --dir");
    if (kd_meta_open(rd.dir_path, false, false, kd_os_clock(), &meta, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "config propose", &err);
    struct kd_proposal *p = NULL;
    struct kd_jw w;
    kd_jw_init(&w, rd.zone_s);
    enum kd_status s = kd_proposal_make(&meta, rd.nets, rd.n_nets, &p);
    if (s == KD_OK)
        s = propose_text(p, &rd, &w);
    status = s == KD_OK ? kd_reading_print("config propose", kd_jw_view(&w))
                        : kd_say(KD_EXIT_COULD_NOT, "config propose", "the hosts cannot be read: %s", kd_status_text(s));
    if (status == KD_EXIT_DONE && rd.json)
        status = kd_reading_print("config propose", kd_str("\n"));
    kd_proposal_free(p);
    kd_jw_done(&w);
    kd_meta_close(&meta);
    return status;
}

int kd_cmd_config(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "propose") == 0)
        return propose(argc - 1, argv + 1);
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
                  "write config check [FILE], config propose or config reference; see kidoban config --help");
}
