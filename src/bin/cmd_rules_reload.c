/* SPDX-License-Identifier: Apache-2.0 */
/* rules reload: tell the running sensor, wait for what becomes of it. */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "bin/command.h"
#include "bin/rules_command.h"
#include "bin/say.h"
#include "bin/status.h"

enum { WAIT_MS = 240000, STEP_MS = 50 };

struct rules_now {
    long long pid, serial, read, loaded, refused;
    char state[16], why[256];
};

static bool look(const char *dir, struct rules_now *ret)
{
    json_t *j = kd_status_read(dir);
    const json_t *r = json_object_get(j, "rules");
    const char *state = json_string_value(json_object_get(r, "state")), *why = json_string_value(json_object_get(r, "why"));
    bool ok = r != NULL && state != NULL && why != NULL;
    if (ok) {
        *ret = (struct rules_now){
            .pid = json_integer_value(json_object_get(j, "pid")),
            .serial = json_integer_value(json_object_get(r, "serial")),
            .read = json_integer_value(json_object_get(r, "read")),
            .loaded = json_integer_value(json_object_get(r, "loaded")),
            .refused = json_integer_value(json_object_get(r, "refused")),
        };
        snprintf(ret->state, sizeof(ret->state), "%s", state);
        snprintf(ret->why, sizeof(ret->why), "%s", why);
    }
    json_decref(j);
    return ok;
}

static int tell(const struct rules_now *now)
{
    if (strcmp(now->state, "failed") == 0)
        return kd_say(KD_EXIT_NO, "rules reload", "%s; the former rules stay in force", now->why);
    printf("rules: %lld read, %lld loaded, %lld refused\n", now->read, now->loaded, now->refused);
    return KD_EXIT_DONE;
}

bool kd_rules_sensor_runs(const char *dir)
{
    struct rules_now now;
    return look(dir, &now);
}

int kd_rules_tell_sensor(const char *dir)
{
    struct rules_now before, now;
    if (!look(dir, &before))
        return kd_say(KD_EXIT_NO, "rules reload", "no sensor is running with %s", dir);
    if (before.pid <= 1 || kill((pid_t)before.pid, SIGHUP) != 0)
        return kd_say(KD_EXIT_COULD_NOT, "rules reload", "the sensor cannot be told (%s); be root or the user it runs as",
                      strerror(errno));
    for (int ms = 0; ms < WAIT_MS; ms += STEP_MS) {
        const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
        (void)nanosleep(&step, NULL);
        if (!look(dir, &now))
            return kd_say(KD_EXIT_COULD_NOT, "rules reload", "the sensor has ended");
        if (now.serial != before.serial && strcmp(now.state, "compiling") != 0)
            return tell(&now);
    }
    return kd_say(KD_EXIT_COULD_NOT, "rules reload", "the sensor does not answer; see kidoban status");
}

int kd_rules_reload(int argc, char **argv)
{
    static struct kd_config config;
    static char dir[KD_CONFIG_TEXT_MAX];
    const char *path = NULL, *dir_option = NULL;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL}, {"--dir", NULL, &dir_option, NULL}};
    if (!kd_options("rules reload", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc > 1)
        return kd_say(KD_EXIT_USAGE, "rules reload", "takes no arguments");
    if (kd_load_config("rules reload", path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    return kd_directory("rules reload", dir_option, &config, dir) ? kd_rules_tell_sensor(dir) : KD_EXIT_COULD_NOT;
}
