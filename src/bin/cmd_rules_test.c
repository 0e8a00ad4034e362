/* SPDX-License-Identifier: Apache-2.0 */
/* rules test: which rule fires in which capture.  A child replays the captures, each into a pipe of its own; this
 * process, shut in, reads the rules and what comes out of the pipes. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cursor.h"
#include "bin/command.h"
#include "bin/rules_command.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/fd.h"
#include "wire/record.h"

enum { CAPTURES_MAX = 200, LINE_MAX_BYTES = KD_JSON_MAX };

enum expectation { NOTHING, FIRES, SILENT };

struct tested {
    struct kd_rule_paths paths;
    const char *fires, *silent;
    bool quiet;
    struct kd_rule_inputs inputs;
    struct kd_loaded_rules loaded;
    const char *const *capture;
    size_t n_captures;
    int pipe[CAPTURES_MAX], result; /* result: an exit status for each capture */
    uint32_t *count, *total;        /* by rule, in the present capture and in all */
};

/* ---- the child ---- */

static void replay_one(const struct tested *t, const struct kd_config *config, const char *capture, int out)
{
    struct kd_plan plan = {.command = "rules test",
                           .config = config,
                           .json_fd = out,
                           .files = &capture,
                           .n_files = 1,
                           .rules = t->paths,
                           .n_engines = 1};
    _exit(kd_sensor_run(&plan));
}

static KD_NORETURN void replay_all(const struct tested *t, const struct kd_config *config, int *outs, int result)
{
    for (size_t i = 0; i < t->n_captures; i++) {
        int st = 0;
        pid_t pid = fork();
        if (pid == 0) {
            for (size_t j = i + 1; j < t->n_captures; j++)
                kd_fd_close(&outs[j]);
            replay_one(t, config, t->capture[i], outs[i]);
        }
        kd_fd_close(&outs[i]); /* the reader sees an end when the replay is over */
        bool ok = pid > 0 && waitpid(pid, &st, 0) == pid && WIFEXITED(st);
        uint8_t status = ok ? (uint8_t)WEXITSTATUS(st) : KD_EXIT_COULD_NOT;
        kd_ignore(kd_fd_write_all(result, kd_bytes_of(&status, 1)));
    }
    _exit(0);
}

static bool begin(struct tested *t, const struct kd_config *config)
{
    int outs[CAPTURES_MAX], result[2];
    for (size_t i = 0; i < t->n_captures; i++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return false;
        t->pipe[i] = ends[0];
        outs[i] = ends[1];
    }
    if (pipe2(result, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < t->n_captures; i++)
            kd_fd_close(&t->pipe[i]);
        kd_fd_close(&result[0]);
        replay_all(t, config, outs, result[1]);
    }
    for (size_t i = 0; i < t->n_captures; i++)
        kd_fd_close(&outs[i]);
    kd_fd_close(&result[1]);
    t->result = result[0];
    return pid > 0;
}

/* ---- what comes out ---- */

static void take_line(struct tested *t, const char *line, size_t n)
{
    json_t *j = json_loadb(line, n, 0, NULL);
    const json_t *alert = json_object_get(j, "alert"), *gid = json_object_get(alert, "gid");
    const json_t *sid = json_object_get(alert, "signature_id");
    const struct kd_rule *r = NULL;
    if (json_is_integer(gid) && json_is_integer(sid)) /* what behaviours tell has no gid */
        r = kd_rules_find(t->loaded.rules, (uint32_t)json_integer_value(gid), (uint32_t)json_integer_value(sid));
    if (r != NULL) {
        t->count[r->index]++;
        t->total[r->index]++;
    }
    json_decref(j);
}

static bool take_output(struct tested *t, int fd)
{
    static char line[LINE_MAX_BYTES];
    size_t n = 0;
    ssize_t got;
    while ((got = read(fd, line + n, sizeof(line) - n)) > 0 || (got < 0 && errno == EINTR)) {
        n += got > 0 ? (size_t)got : 0;
        char *at = line, *end;
        while ((end = memchr(at, '\n', n - (size_t)(at - line))) != NULL) {
            take_line(t, at, (size_t)(end - at));
            at = end + 1;
        }
        n -= (size_t)(at - line);
        memmove(line, at, n);
        if (n == sizeof(line))
            return false;
    }
    return got == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void print_row(const char *what, const struct kd_rule *r, uint32_t n, const char *capture)
{
    uint8_t room[1024];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_escaped(&o, kd_bytes_head(r->msg, sizeof(room) / 4));
    printf("%s\t%u\t%u\t%s\t%.*s\n", what, r->sid, n, capture, (int)o.n, (const char *)o.p);
}

static int read_capture(struct tested *t, size_t i)
{
    const struct kd_rules *rules = t->loaded.rules;
    uint8_t status = KD_EXIT_COULD_NOT;
    memset(t->count, 0, (rules->n + (size_t)1) * sizeof(*t->count));
    bool whole = take_output(t, t->pipe[i]);
    if (read(t->result, &status, 1) != 1 || !whole || status != KD_EXIT_DONE)
        return kd_say(KD_EXIT_COULD_NOT, "rules test", "%s: could not be replayed", t->capture[i]);
    for (uint32_t r = 0; !t->quiet && r < rules->n; r++)
        if (t->count[rules->rule[r]->index] > 0)
            print_row("fired", rules->rule[r], t->count[rules->rule[r]->index], base_name(t->capture[i]));
    return KD_EXIT_DONE;
}

/* ---- what was expected ---- */

static bool names(const char *list, uint32_t sid)
{
    struct kd_bytes rest = kd_str(list);
    uint64_t n;
    while (rest.n > 0)
        if (kd_bytes_to_u64(kd_bytes_trim(kd_bytes_cut(&rest, ',')), UINT32_MAX, &n) && n == sid)
            return true;
    return false;
}

/* Options, or the rule's own word: metadata: kidoban_test fires (or silent). */
static enum expectation expected(const struct tested *t, const struct kd_rule *r)
{
    if (names(t->fires, r->sid))
        return FIRES;
    if (names(t->silent, r->sid))
        return SILENT;
    for (unsigned i = 0; i < r->n_metadata; i++)
        if (kd_bytes_eq_str(r->metadata[i].key, "kidoban_test"))
            return kd_bytes_eq_str(r->metadata[i].value, "fires")    ? FIRES
                   : kd_bytes_eq_str(r->metadata[i].value, "silent") ? SILENT
                                                                     : NOTHING;
    return NOTHING;
}

/* A sid that is to fire must be there. */
static unsigned tell_absent(const struct tested *t)
{
    struct kd_bytes rest = kd_str(t->fires);
    unsigned absent = 0;
    while (rest.n > 0) {
        uint64_t n = 0;
        struct kd_bytes word = kd_bytes_trim(kd_bytes_cut(&rest, ','));
        bool ok = kd_bytes_to_u64(word, UINT32_MAX, &n);
        for (uint32_t i = 0; ok && i < t->loaded.rules->n; i++)
            if (t->loaded.rules->rule[i]->sid == n)
                n = UINT64_MAX;
        if (n == UINT64_MAX || word.n == 0)
            continue;
        absent++;
        (void)kd_say(0, "rules test", "sid %.*s: no such rule in force", (int)kd_min_size(word.n, 20), (const char *)word.p);
    }
    return absent;
}

static int conclude(const struct tested *t)
{
    const struct kd_rules *rules = t->loaded.rules;
    unsigned fired = 0, well = 0, wrong = tell_absent(t);
    for (uint32_t i = 0; i < rules->n; i++) {
        const struct kd_rule *r = rules->rule[i];
        uint32_t n = t->total[r->index];
        enum expectation e = expected(t, r);
        bool bad = (e == FIRES && n == 0) || (e == SILENT && n > 0);
        fired += n > 0;
        wrong += bad;
        well += e != NOTHING && !bad;
        if (bad)
            print_row(e == FIRES ? "missing" : "unexpected", r, n, "-");
        else if (n == 0 && !t->quiet)
            print_row("silent", r, 0, "-");
    }
    printf("test: %u rules, %u fired, %u as expected, %u not\n", rules->n, fired, well, wrong);
    return wrong > 0 ? KD_EXIT_NO : KD_EXIT_DONE;
}

static int judge(struct tested *t, const struct kd_config *config)
{
    int status = kd_rules_shut_in(config->sandbox, &t->inputs, CAPTURES_MAX + 8);
    if (status == KD_EXIT_DONE)
        status = kd_rules_read_all(&t->inputs, NULL, config, &t->loaded);
    if (status != KD_EXIT_DONE)
        return status;
    t->count = calloc(t->loaded.rules->n + (size_t)1, sizeof(*t->count));
    t->total = calloc(t->loaded.rules->n + (size_t)1, sizeof(*t->total));
    if (t->count == NULL || t->total == NULL)
        return kd_say(KD_EXIT_COULD_NOT, "rules test", "no memory");
    for (size_t i = 0; i < t->n_captures && status == KD_EXIT_DONE; i++)
        status = read_capture(t, i);
    return status == KD_EXIT_DONE ? conclude(t) : status;
}

int kd_rules_test(int argc, char **argv)
{
    static struct kd_config config;
    static struct tested t;
    const char *path = NULL;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--fires", NULL, &t.fires, NULL},
                                        {"--silent", NULL, &t.silent, NULL},
                                        {"--quiet", "-q", NULL, &t.quiet},
                                        {"--vars", NULL, &t.paths.suricata, NULL},
                                        {"--classification", NULL, &t.paths.classes, NULL},
                                        {"--reference", NULL, &t.paths.references, NULL},
                                        {"--thresholds", NULL, &t.paths.thresholds, NULL}};
    if (!kd_options("rules test", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    if (argc < 3 || argc - 2 > CAPTURES_MAX)
        return kd_say(KD_EXIT_USAGE, "rules test", "write the rules, then at most %d captures", CAPTURES_MAX);
    if (kd_load_config("rules test", path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    t.paths.files = argv[1];
    struct kd_rule_paths paths = kd_rule_paths_of(&config);
    t.paths = kd_rule_paths_over(paths, &t.paths);
    t.capture = (const char *const *)(argv + 2);
    t.n_captures = (size_t)argc - 2;
    if (!kd_rule_inputs_find("rules test", &t.paths, NULL, 0, &t.inputs) ||
        !kd_rule_inputs_open("rules test", &t.inputs))
        return KD_EXIT_COULD_NOT;
    if (!begin(&t, &config))
        return kd_say(KD_EXIT_COULD_NOT, "rules test", "no process to replay captures (%s)", strerror(errno));
    int status = judge(&t, &config);
    if (fflush(stdout) != 0 && errno != EPIPE && status == KD_EXIT_DONE)
        return kd_say(KD_EXIT_COULD_NOT, "rules test", "standard output cannot be written");
    return status;
}
