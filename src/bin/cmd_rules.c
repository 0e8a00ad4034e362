/* SPDX-License-Identifier: Apache-2.0 */
/* rules check|list|explain: rule files are foreign bytes, so they are opened, the command shuts
 * itself in, and only then looks at them. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bin/command.h"
#include "bin/rules_command.h"
#include "bin/rules_load.h"
#include "bin/say.h"
#include "bin/yara_files.h"
#include "box/scan.h"
#include "os/sandbox.h"
#include "rule/explain.h"
#include "rule/thresholds.h"

enum { EXPLAIN_MAX = 64 * 1024, FDS_BEFORE = 16 };
#define IMAGE_ROOM ((size_t)1 << 30)

struct asked {
    const char *sid, *category, *text;
    struct kd_rule_paths paths;
    bool quiet, keywords;
    struct kd_rule_inputs inputs;
    uint8_t *yara; /* a bundle of files of YARA rules */
    size_t n_yara;
    struct kd_yara_counts yara_counts;
    const char *rule; /* explain: a rule's text, or NULL */
    struct kd_loaded_rules loaded;
    const struct kd_rules *rules; /* of loaded */
};

int kd_rules_shut_in(const char *mode, const struct kd_rule_inputs *inputs, unsigned more)
{
    struct kd_err err = {0};
    struct kd_sandbox sb = {.role = KD_PROC_READER,
                            .reduced = strcmp(mode, "reduced") == 0,
                            .dir_fd = -1,
                            .n_fds = FDS_BEFORE + (unsigned)inputs->n + more};
    if (geteuid() == 0)
        kd_sandbox_user(KD_PROC_READER, &sb.uid, &sb.gid);
    (void)signal(SIGPIPE, SIG_IGN);
    if (kd_sandbox_enter(&sb, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "rules", &err);
    return KD_EXIT_DONE;
}

static int failed(const char *name, const struct kd_err *err)
{
    if (err->at > 0)
        return kd_say(KD_EXIT_COULD_NOT, "rules", "%s:%llu: %s", name, (unsigned long long)err->at, err->what);
    return kd_say(KD_EXIT_COULD_NOT, "rules", "%s: %s", name, err->what);
}

int kd_rules_read_all(const struct kd_rule_inputs *inputs, const char *rule, const struct kd_config *config,
                      struct kd_loaded_rules *ret)
{
    struct kd_err err = {0};
    void *room = mmap(NULL, IMAGE_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    struct kd_out image = kd_out_of(room, room == MAP_FAILED ? 0 : IMAGE_ROOM);
    kd_rule_image_begin(&image);
    kd_rule_image_part(&image, KD_PART_VARS, kd_str("rules.vars"),
                       kd_bytes_of(config->rule_vars.lines, config->rule_vars.n));
    for (size_t i = 0; i <= inputs->n; i++) {
        const struct kd_rule_input *in = i < inputs->n ? &inputs->at[i] : NULL;
        if (rule != NULL && (in == NULL || in->kind == KD_INPUT_THRESHOLDS)) {
            kd_rule_image_part(&image, KD_PART_RULES, kd_str("-"), kd_str(rule));
            rule = NULL;
        }
        if (in != NULL && kd_rules_add(&image, in->kind, in->name, in->fd, &err) != KD_OK)
            return failed(in->name, &err);
    }
    struct kd_bytes parts = kd_bytes_from(kd_out_bytes_view(&image), KD_RULE_IMAGE_HEAD);
    bool ok = kd_out_ok(&image) && kd_rules_parse(parts, &config->limits, ret, &err) == KD_OK;
    if (room != MAP_FAILED)
        (void)munmap(room, IMAGE_ROOM);
    if (ok && ret->n_bad_lines > 0)
        (void)kd_say(0, "rules", "%u lines of classes and references cannot be read", ret->n_bad_lines);
    return ok ? KD_EXIT_DONE : failed("rules", &err);
}

static void tell_refusal(const struct asked *a, const struct kd_refusal *r)
{
    struct kd_bytes file = a->rules->files.name[r->file];
    uint8_t room[512];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (r->what.n > 0) {
        kd_out_str(&o, ": ");
        kd_out_escaped(&o, r->what);
    }
    if (r->sid != 0)
        kd_out_fmt(&o, " (sid %u)", r->sid);
    fprintf(stderr, "%.*s:%u:%u: %s%.*s\n", (int)file.n, (const char *)file.p, r->line, r->column,
            kd_say_japanese() ? r->why_ja : r->why, (int)o.n, (const char *)o.p);
}

/* Of the files and directories that are named, those with YARA rules: read whole now, and looked at when this process is
 * shut in.  The others stay, NULL behind them. */
static bool take_yara(struct asked *a, const char **paths, size_t *n)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        uint8_t *more = NULL;
        size_t n_more = 0;
        bool directory = kd_is_directory(paths[i]), only = kd_is_yara_file(paths[i]);
        if ((directory || only) && !kd_yara_files_read("rules", "rules", paths[i], &more, &n_more))
            return false;
        uint8_t *all = n_more == 0 ? a->yara : realloc(a->yara, a->n_yara + n_more);
        if (n_more > 0 && all != NULL)
            memcpy(all + a->n_yara, more, n_more);
        free(more);
        if (n_more > 0 && all == NULL)
            return kd_say(0, "rules", "no memory for the YARA rules"), false;
        a->yara = all;
        a->n_yara += n_more;
        if (!only && (n_more == 0 || kd_has_rules(paths[i])))
            paths[kept++] = paths[i];
    }
    *n = kept;
    return true;
}

static void on_yara_refused(void *arg, struct kd_bytes file, uint32_t line, const char *why)
{
    const struct asked *a = arg;
    if (!a->quiet)
        fprintf(stderr, "%.*s:%u: %s\n", (int)file.n, (const char *)file.p, line, why);
}

/* Compiled, to see that they can be. */
static int read_yara(struct asked *a)
{
    struct kd_err err = {0};
    if (a->n_yara == 0)
        return KD_EXIT_DONE;
    struct kd_yara *y = kd_yara_new(kd_bytes_of(a->yara, a->n_yara), on_yara_refused, a, &a->yara_counts, &err);
    if (y == NULL)
        return kd_say_err(KD_EXIT_COULD_NOT, "rules", &err);
    kd_yara_free(y);
    return KD_EXIT_DONE;
}

static void tell_refusals(const struct asked *a)
{
    for (uint32_t i = 0; i < a->rules->n_refused; i++)
        tell_refusal(a, &a->rules->refusal[i]);
    for (uint32_t i = 0; i < a->rules->n_bad_lines; i++)
        tell_refusal(a, &a->rules->bad_line[i]);
}

/* The closing line is for programs, too: it is the same in every language. */
static int check(struct asked *a)
{
    if (!a->quiet)
        tell_refusals(a);
    if (a->n_yara == 0 || kd_rule_inputs_any(&a->inputs))
        printf("rules: %u read, %u loaded, %u refused\n", a->rules->n_read, a->rules->n, a->rules->n_refused);
    if (a->n_yara > 0)
        printf("yara: %u files read, %u rules loaded, %u files refused\n", a->yara_counts.files, a->yara_counts.rules,
               a->yara_counts.refused);
    return a->rules->n_refused + a->rules->n_bad_lines + a->yara_counts.refused > 0 ? KD_EXIT_NO : KD_EXIT_DONE;
}

static bool listed(const struct asked *a, const struct kd_rule *r, uint64_t sid)
{
    if (a->sid != NULL && r->sid != sid)
        return false;
    if (a->category != NULL &&
        (r->classtype == NULL || !kd_bytes_eq_str(r->classtype->name, a->category)))
        return false;
    return a->text == NULL || kd_bytes_icontains(r->msg, kd_str(a->text));
}

static int list(struct asked *a)
{
    uint64_t sid = 0;
    unsigned n = 0;
    if (a->sid != NULL && !kd_option_number("rules", "--sid", a->sid, UINT32_MAX, &sid))
        return KD_EXIT_USAGE;
    for (uint32_t i = 0; i < a->rules->n; i++) {
        const struct kd_rule *r = a->rules->rule[i];
        uint8_t room[2048];
        struct kd_out o = kd_out_of(room, sizeof(room));
        if (!listed(a, r, sid))
            continue;
        n++;
        kd_out_escaped(&o, kd_bytes_head(r->msg, sizeof(room) / 4));
        printf("%u\t%u\t%u\t%.*s\t%.*s\n", r->sid, r->rev, r->priority,
               r->classtype == NULL ? 1 : (int)r->classtype->name.n,
               r->classtype == NULL ? "-" : (const char *)r->classtype->name.p, (int)o.n,
               (const char *)o.p);
    }
    if (!a->quiet)
        tell_refusals(a);
    return n > 0 ? KD_EXIT_DONE : KD_EXIT_NO;
}

static int explain_one(const struct asked *a, const struct kd_rule *r)
{
    static uint8_t room[EXPLAIN_MAX];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_rule_explain(a->rules, r, kd_say_japanese(), &o);
    return fwrite(room, 1, o.n, stdout) == o.n ? KD_EXIT_DONE : KD_EXIT_COULD_NOT;
}

static int explain(struct asked *a, uint64_t sid)
{
    unsigned n = 0;
    tell_refusals(a);
    for (uint32_t i = 0; i < a->rules->n; i++) {
        if (a->rule == NULL && a->rules->rule[i]->sid != sid)
            continue;
        n++;
        if (explain_one(a, a->rules->rule[i]) != KD_EXIT_DONE)
            return KD_EXIT_COULD_NOT;
    }
    if (n == 0 && a->rule == NULL)
        return kd_say(KD_EXIT_NO, "rules explain", "sid %llu: no such rule in the files given",
                      (unsigned long long)sid);
    return n > 0 ? KD_EXIT_DONE : KD_EXIT_NO;
}

static void doc_row(const char *name, const char *form, const char *text)
{
    printf("| `%s` | ", name);
    if (form != NULL)
        putchar('`');
    for (const char *c = form; c != NULL && *c != '\0'; c++)
        if (*c == '|')
            fputs("\\|", stdout);
        else
            putchar(*c);
    printf("%s | %s |\n", form != NULL ? "`" : "", text);
}

/* docs/rules.md: all names of the language, from the tables the reader uses. */
static int keywords(void)
{
    bool ja = kd_say_japanese();
    const char *family = NULL;
    struct kd_keyword_doc d;
    for (size_t i = 0; kd_keyword_doc(i, &d); i++) {
        if (family != d.family_en) {
            printf("\n## %s\n\n| %s | %s | %s |\n|---|---|---|\n", ja ? d.family_ja : d.family_en,
                   ja ? "キーワード" : "keyword", ja ? "値" : "value", ja ? "意味" : "meaning");
            family = d.family_en;
        }
        doc_row(d.name, d.form, ja ? d.ja : d.en);
    }
    printf("\n## %s\n\n| %s | %s | %s | %s |\n|---|---|---|---|\n", ja ? "バッファー" : "Buffers",
           ja ? "バッファー" : "buffer", ja ? "別名" : "other names",
           ja ? "プロトコル" : "protocol", ja ? "中身" : "what it holds");
    for (int i = 0; i < KD_IN_COUNT; i++) {
        const struct kd_inspect_row *r = &kd_inspect_rows[i];
        if (r->name[0] == '\0')
            continue;
        printf("| `%s` | %s%s%s | %s | %s%s |\n", r->name, r->aliases,
               r->aliases[0] && r->modifier[0] ? "," : "", r->modifier,
               r->proto == KD_RP_IP ? "" : kd_rule_proto_rows[r->proto].name, ja ? r->ja : r->en,
               !r->multi ? ""
               : ja      ? "(複数)"
                         : " (several)");
    }
    printf("\n## %s\n\n| %s | %s | %s | %s |\n|---|---|---|---|\n", ja ? "数値" : "Numbers",
           ja ? "キーワード" : "keyword", ja ? "別名" : "other names",
           ja ? "プロトコル" : "protocol", ja ? "意味" : "meaning");
    for (int i = 0; i < KD_NUM_COUNT; i++) {
        const struct kd_number_row *r = &kd_number_rows[i];
        if (r->name[0] != '\0')
            printf("| `%s` | %s | %s | %s |\n", r->name, r->aliases,
                   r->proto == KD_RP_IP ? "" : kd_rule_proto_rows[r->proto].name,
                   ja ? r->ja : r->en);
    }
    return KD_EXIT_DONE;
}

static int run(const char *what, int argc, char **argv, struct asked *a,
               const struct kd_config *config)
{
    uint64_t sid = 0;
    bool explains = strcmp(what, "explain") == 0;
    int first = explains ? 3 : 2;
    if (explains && argc < 3)
        return kd_say(KD_EXIT_USAGE, "rules explain",
                      "write a rule, or a sid and the files to seek it in");
    if (explains && strchr(argv[2], '(') != NULL)
        a->rule = argv[2];
    else if (explains && !kd_option_number("rules explain", "SID", argv[2], UINT32_MAX, &sid))
        return KD_EXIT_USAGE;
    if (a->rule == NULL && argc <= first)
        return kd_say(KD_EXIT_USAGE, "rules", "no files were given; see kidoban rules --help");
    const char **paths = (const char **)argv + first;
    size_t n_paths = (size_t)(argc - first);
    if (strcmp(what, "check") == 0 && !take_yara(a, paths, &n_paths))
        return KD_EXIT_COULD_NOT;
    if (a->n_yara > 0 && !kd_yara_start())
        return kd_say(KD_EXIT_COULD_NOT, "rules", "no memory for the YARA rules");
    if (!kd_rule_inputs_find("rules", &a->paths, paths, n_paths, &a->inputs) ||
        !kd_rule_inputs_open("rules", &a->inputs))
        return KD_EXIT_COULD_NOT;
    int status = kd_rules_shut_in(config->sandbox, &a->inputs, 0);
    if (status == KD_EXIT_DONE)
        status = kd_rules_read_all(&a->inputs, a->rule, config, &a->loaded);
    a->rules = a->loaded.rules;
    if (status != KD_EXIT_DONE)
        return status;
    if (explains)
        return explain(a, sid);
    if (strcmp(what, "check") != 0)
        return list(a);
    status = read_yara(a);
    return status == KD_EXIT_DONE ? check(a) : status;
}

/* In files of their own. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} others[] = {{"reload", kd_rules_reload}, {"test", kd_rules_test}, {"update", kd_rules_update}, {"rollback", kd_rules_rollback}, {"hits", kd_rules_hits}};

int kd_cmd_rules(int argc, char **argv)
{
    static struct kd_config config;
    static struct asked a;
    const char *path = NULL;
    for (size_t i = 0; argc > 1 && i < KD_COUNT(others); i++)
        if (strcmp(argv[1], others[i].name) == 0)
            return others[i].run(argc - 1, argv + 1);
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--quiet", "-q", NULL, &a.quiet},
                                        {"--sid", NULL, &a.sid, NULL},
                                        {"--category", NULL, &a.category, NULL},
                                        {"--text", NULL, &a.text, NULL},
                                        {"--vars", NULL, &a.paths.suricata, NULL},
                                        {"--classification", NULL, &a.paths.classes, NULL},
                                        {"--reference", NULL, &a.paths.references, NULL},
                                        {"--thresholds", NULL, &a.paths.thresholds, NULL}};
    if (!kd_options("rules", &argc, argv, options, KD_COUNT(options)))
        return KD_EXIT_USAGE;
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "keywords") == 0 && argc == 2)
        return keywords();
    if (strcmp(what, "check") != 0 && strcmp(what, "list") != 0 && strcmp(what, "explain") != 0)
        return kd_say(KD_EXIT_USAGE, "rules",
                      "write rules check, list, explain or keywords; see kidoban rules --help");
    if (kd_load_config("rules", path, &config) != KD_EXIT_DONE)
        return KD_EXIT_COULD_NOT;
    int status = run(what, argc, argv, &a, &config);
    kd_rules_unload(&a.loaded);
    kd_rule_inputs_done(&a.inputs);
    free(a.yara);
    if (fflush(stdout) != 0 && errno != EPIPE && status == KD_EXIT_DONE)
        return kd_say(KD_EXIT_COULD_NOT, "rules", "standard output cannot be written");
    return status;
}
