/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/file.h>

#include "bin/command.h"
#include "bin/fetch_order.h"
#include "bin/status.h"
#include "bin/say.h"
#include "os/fd.h"

enum { STATUS_BYTES_MAX = 64 * 1024 };

/* Is somebody holding the sensor's lock? */
static bool is_running(const char *dir)
{
    char path[KD_CONFIG_TEXT_MAX + 16];
    snprintf(path, sizeof(path), "%s/lock", dir);
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

json_t *kd_status_read(const char *dir)
{
    if (!is_running(dir))
        return NULL;

    char path[KD_CONFIG_TEXT_MAX + 16];
    uint8_t *text = NULL;
    size_t n = 0;
    snprintf(path, sizeof(path), "%s/status.json", dir);
    KD_AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || kd_fd_read_all(fd, STATUS_BYTES_MAX, &text, &n) != KD_OK)
        return NULL;
    json_t *j = json_loadb((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return j;
}

static const char *word(const char *state)
{
    static const char *const ja[][2] = {{"running", "動作中"},
                                        {"starting", "起動中"},
                                        {"restarting", "再起動待ち"},
                                        {"failed", "停止(故障)"},
                                        {"stopped", "停止"}};
    for (size_t i = 0; kd_say_japanese() && i < KD_COUNT(ja); i++)
        if (strcmp(state, ja[i][0]) == 0)
            return ja[i][1];
    return state;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s != NULL ? s : "";
}

/* Mails cannot be delivered for long: that is not well.  Ten seconds are. */
static bool print_notices(const json_t *j, bool ja)
{
    static const char *const words[][3] = {{"unknown", "確認中", "not tried yet"},
                                           {"ok", "届いています", "delivered"},
                                           {"failing", "届いていません(再試行中)", "not delivered, trying again"},
                                           {"dead", "届いていません(警告中)", "not delivered for long"}};
    const char *state = text_of(j, "state"), *say = state;
    if (j == NULL)
        return true;
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (strcmp(state, words[i][0]) == 0)
            say = words[i][ja ? 1 : 2];
    printf(ja ? "お知らせのメール: %s(未送信 %lld 件)\n" : "notices by mail: %s (%lld waiting)\n", say,
           (long long)json_integer_value(json_object_get(j, "waiting")));
    if (text_of(j, "reason")[0] != '\0')
        printf("  %s\n  %s\n", text_of(j, ja ? "why_ja" : "why_en"), text_of(j, "answer"));
    return strcmp(state, "dead") != 0;
}

static bool print_rules(const json_t *j, bool ja)
{
    const char *state = text_of(j, "state");
    long long loaded = json_integer_value(json_object_get(j, "loaded"));
    long long refused = json_integer_value(json_object_get(j, "refused"));
    if (j == NULL || strcmp(state, "none") == 0)
        return true;
    if (strcmp(state, "compiling") == 0)
        puts(ja ? "ルール: 準備中" : "rules: being compiled");
    else
        printf(ja ? "ルール: %lld 件が有効(読めなかったもの %lld 件)\n" : "rules: %lld in force, %lld refused\n", loaded,
               refused);
    if (strcmp(state, "failed") == 0)
        printf(ja ? "  新しいルールは有効にできませんでした: %s\n" : "  new rules could not be put in force: %s\n", text_of(j, "why"));
    return strcmp(state, "failed") != 0;
}

/* One that fails now and then is no trouble; one that fails for long is told by the alarm. */
static void print_updates(const json_t *list, bool ja)
{
    size_t i;
    const json_t *u;
    json_array_foreach(list, i, u)
    {
        enum kd_fetched outcome = kd_fetched_of(kd_str(text_of(u, "outcome")));
        const char *ok = text_of(u, "ok");
        long long fails = (long long)json_integer_value(json_object_get(u, "fails"));
        printf(ja ? "%s「%s」: 最後に取得 %s、次回 %s\n" : "%s %s: last fetched %s, next %s\n",
               strcmp(text_of(u, "kind"), "rules") == 0 ? (ja ? "ルール" : "rules") : (ja ? "一覧" : "list"), text_of(u, "name"),
               ok[0] != '\0' ? ok : (ja ? "まだ" : "never"), text_of(u, "next"));
        if (fails > 0 && outcome < KD_FETCHED_OUTCOMES)
            printf(ja ? "  取得できません(%lld 回、%s から): %s %s\n" : "  cannot be fetched (%lld times, since %s): %s %s\n", fails,
                   text_of(u, "failing_since"), kd_fetched_text(outcome, ja), text_of(u, "why"));
    }
}

static int print(const json_t *j)
{
    bool ja = kd_say_japanese(), well = true;
    size_t i;
    const json_t *role;
    printf(ja ? "センサーは動いています(PID %lld)。画面: %s\n"
              : "the sensor is running (pid %lld), page: %s\n",
           (long long)json_integer_value(json_object_get(j, "pid")), text_of(j, "url"));
    if (strcmp(text_of(j, "sandbox"), "reduced") == 0)
        puts(ja ? "注意: 保護機能を弱めた設定です(sandbox: reduced)。"
                : "note: the sandbox is reduced, as configured");
    json_array_foreach(json_object_get(j, "roles"), i, role)
    {
        const char *state = text_of(role, "state");
        printf(ja ? "  %-10s %s  PID %lld  再起動 %lld 回\n"
                  : "  %-10s %-10s pid %lld, restarted %lld times\n",
               text_of(role, "role"), word(state),
               (long long)json_integer_value(json_object_get(role, "pid")),
               (long long)json_integer_value(json_object_get(role, "restarts")));
        well = well && strcmp(state, "running") == 0;
    }
    well = print_notices(json_object_get(j, "notices"), ja) && well;
    well = print_rules(json_object_get(j, "rules"), ja) && well;
    print_updates(json_object_get(j, "updates"), ja);
    return well ? KD_EXIT_DONE : KD_EXIT_NO;
}

int kd_cmd_status(int argc, char **argv)
{
    static struct kd_config config;
    static char dir[KD_CONFIG_TEXT_MAX];
    const char *path = NULL, *dir_option = NULL;
    bool json = false;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--dir", NULL, &dir_option, NULL},
                                        {"--json", NULL, NULL, &json}};
    if (!kd_options("status", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc > 1)
        return kd_say(KD_EXIT_USAGE, "status", "takes no arguments");
    if (kd_load_config("status", path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    if (!kd_directory("status", dir_option, &config, dir))
        return KD_EXIT_COULD_NOT;
    json_t *j = kd_status_read(dir);
    if (j == NULL) {
        (void)kd_say(0, "status", "no sensor is running with %s; start one with kidoban run", dir);
        return KD_EXIT_NO;
    }
    int status = KD_EXIT_DONE;
    if (json)
        status = json_dumpf(j, stdout, JSON_COMPACT) == 0 && putchar('\n') != EOF
                     ? KD_EXIT_DONE
                     : KD_EXIT_COULD_NOT;
    else
        status = print(j);
    json_decref(j);
    return status;
}
