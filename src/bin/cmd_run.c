/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>

#include "bin/command.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/fd.h"

/* Only what the command line may change beyond the configuration file. */
struct choices {
    const char *path, *dir, *interface, *listen, *demo, *sandbox;
    const char *place; /* the directory in force, once it is known */
};

static bool set_text(const char *option, const char *value, char *into, size_t max)
{
    if (value == NULL)
        return true;
    if (strlen(value) >= max)
        return kd_say(0, "run", "%s: too long", option), false;
    snprintf(into, max, "%s", value);
    return true;
}

static int configure(const struct choices *ch, struct kd_config *cfg)
{
    struct kd_addr addr;
    uint16_t port;
    if (kd_load_config("run", ch->path, cfg) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    if (ch->interface != NULL)
        cfg->interfaces.n = 1;
    if (!set_text("-i", ch->interface, cfg->interfaces.item[0], 16) ||
        !set_text("--listen", ch->listen, cfg->web_listen, sizeof(cfg->web_listen)) ||
        !set_text("--sandbox", ch->sandbox, cfg->sandbox, sizeof(cfg->sandbox)))
        return KD_EXIT_USAGE;
    if (strcmp(cfg->web_listen, "off") != 0 &&
        !kd_config_listen(kd_str(cfg->web_listen), &addr, &port))
        return kd_say(KD_EXIT_USAGE, "run",
                      "--listen %s: write address:port, for example 127.0.0.1:8443, or off",
                      cfg->web_listen);
    if (strcmp(cfg->sandbox, "full") != 0 && strcmp(cfg->sandbox, "reduced") != 0)
        return kd_say(KD_EXIT_USAGE, "run", "--sandbox %s: write full or reduced", cfg->sandbox);
    return KD_EXIT_DONE;
}

static const struct kd_config *reload(void *arg)
{
    static struct kd_config configs[2]; /* the one in force is borrowed by the sensor */
    static unsigned turn;
    struct kd_config *next = &configs[turn++ % 2];
    const struct choices *ch = arg;
    if (configure(ch, next) == KD_EXIT_DONE) {
        kd_update_place(next, ch->place);
        return next;
    }
    (void)kd_say(0, "run", "the configuration stays as it was");
    return NULL;
}

/* The recording that is played without an interface: beside the build, or installed. */
static bool find_demo(const char *asked, char ret[600])
{
    char self[400];
    if (asked != NULL) {
        snprintf(ret, 600, "%s", asked);
        return true;
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(ret, 600, "%s/%s", self, KD_DEMO_BESIDE);
    if (access(ret, R_OK) == 0)
        return true;
    snprintf(ret, 600, "%s", KD_DEMO_INSTALLED);
    return access(ret, R_OK) == 0;
}

/* The recorded example has a list and a network plan of its own, beside it or one folder up. */
static void find_beside(const char *demo, const char *name, char ret[KD_CONFIG_TEXT_MAX])
{
    static const char *const places[] = {"", "../"};
    const char *slash = strrchr(demo, '/');
    int folder = slash == NULL ? 0 : (int)(slash - demo) + 1;
    for (size_t i = 0; i < KD_COUNT(places); i++) {
        int n = snprintf(ret, KD_CONFIG_TEXT_MAX, "%.*s%s%s", folder, demo, places[i], name);
        if (n > 0 && n < KD_CONFIG_TEXT_MAX && access(ret, R_OK) == 0)
            return;
    }
    ret[0] = '\0';
}

static bool furnish_demo(const char *demo, struct kd_config *cfg)
{
    static struct kd_config other;
    char plan[KD_CONFIG_TEXT_MAX];
    if (cfg->known_bad[0] == '\0')
        find_beside(demo, "known-bad.csv", cfg->known_bad);
    find_beside(demo, "plan.yaml", plan);
    if (cfg->site.n > 0 || plan[0] == '\0')
        return true;
    if (kd_load_config("run", plan, &other) != KD_EXIT_DONE)
        return false;
    cfg->site = other.site;
    return true;
}

static unsigned engines_for(const struct kd_config *cfg, bool demo)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (cfg->engines > 0)
        return (unsigned)cfg->engines;
    return demo || n < 3 ? 1 : n > 16 ? 8 : (unsigned)n / 2;
}

static void announce(const struct kd_config *cfg, bool demo)
{
    bool ja = kd_say_japanese();
    if (demo)
        fputs(ja ? "インターフェースの指定がないため、見本の通信を再生します("
                   "実際の通信は見ていません)。\n"
                   "実際に監視するには: kidoban run -i インターフェース名\n"
                 : "no interface was given: playing a recorded example (no real traffic is "
                   "watched).\n"
                   "to watch: kidoban run -i INTERFACE\n",
              stderr);
    if (strcmp(cfg->web_listen, "off") != 0)
        fprintf(stderr,
                ja ? "画面: https://%s/  (終了は Ctrl+C)\n" : "page: https://%s/  (Ctrl+C ends)\n",
                cfg->web_listen);
}

int kd_cmd_run(int argc, char **argv)
{
    static struct kd_config config;
    static struct choices ch;
    static char dir[KD_CONFIG_TEXT_MAX], demo_path[600];
    const char *demo_files[] = {demo_path};
    const struct kd_option options[] = {
        {"--config", "-c", &ch.path, NULL},         {"--dir", NULL, &ch.dir, NULL},
        {"--interface", "-i", &ch.interface, NULL}, {"--listen", NULL, &ch.listen, NULL},
        {"--demo", NULL, &ch.demo, NULL},           {"--sandbox", NULL, &ch.sandbox, NULL}};
    if (!kd_options("run", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc > 1)
        return kd_say(KD_EXIT_USAGE, "run", "%s: not expected; give an interface with -i", argv[1]);
    int status = configure(&ch, &config);
    if (status != KD_EXIT_DONE)
        return status;
    if (!kd_directory("run", ch.dir, &config, dir))
        return KD_EXIT_COULD_NOT;
    ch.place = dir;
    kd_update_place(&config, dir);
    bool demo = ch.demo != NULL || config.interfaces.n == 0;
    if (demo && !find_demo(ch.demo, demo_path))
        return kd_say(KD_EXIT_USAGE, "run",
                      "no interface: name one with -i (see ip link), or a recording with --demo");
    KD_AUTO_FD json_fd = -1;
    if (config.json[0] != '\0' &&
        (json_fd = open(config.json, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)) < 0)
        return kd_say(KD_EXIT_COULD_NOT, "run", "json: %s: cannot be written (%s)", config.json,
                      strerror(errno));
    if (demo && ch.demo == NULL && !furnish_demo(demo_path, &config))
        return KD_EXIT_COULD_NOT;
    announce(&config, demo);
    struct kd_plan plan = {
        .command = "run",
        .config = &config,
        .config_path = ch.path,
        .dir = dir,
        .fetched = dir,
        .json_fd = json_fd,
        .files = demo ? demo_files : NULL,
        .n_files = demo ? 1 : 0,
        .loop = demo,
        .web = true,
        .packets = true,
        .state = true,
        .n_engines = engines_for(&config, demo),
        .reload = reload,
        .arg = &ch,
    };
    return kd_sensor_run(&plan);
}
