/* SPDX-License-Identifier: Apache-2.0 */
/* rules check|list|explain: rule files are foreign bytes, so they are opened, the command shuts
 * itself in, and only then looks at them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/command.h"
#include "bin/rule_text.h"
#include "bin/rule_vars.h"
#include "bin/say.h"
#include "bin/yara_files.h"
#include "box/scan.h"
#include "os/sandbox.h"
#include "rule/explain.h"
#include "rule/thresholds.h"

enum { FILES_MAX = 256, MEMORY_MAX = 1 << 30, EXPLAIN_MAX = 64 * 1024 };

struct input {
    const char *name;
    int fd;
};

struct asked {
    const char *sid, *category, *text;
    const char *yaml, *classes, *references, *thresholds;
    bool quiet, keywords;
    struct input file[FILES_MAX], extra[3]; /* extra: yaml, classes, references */
    struct input threshold;
    size_t n_files;
    uint8_t *yara; /* a bundle of files of YARA rules */
    size_t n_yara;
    struct kd_yara_counts yara_counts;
    const char *rule; /* explain: a rule's text, or NULL */
    struct kd_pool *pool;
    struct kd_rules *rules;
};

static bool open_one(const char *path, struct input *in)
{
    *in = (struct input){path, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (in->fd < 0)
        (void)kd_say(0, "rules", "%s: cannot be opened (%s)", path, strerror(errno));
    return in->fd >= 0;
}

static bool open_file(struct asked *a, const char *path)
{
    if (a->n_files >= FILES_MAX)
        return kd_say(0, "rules", "at most %d files at once", FILES_MAX), false;
    return open_one(path, &a->file[a->n_files++]);
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int is_rule_file(const struct dirent *e)
{
    static const char *const ends[] = {".rules", ".rules.gz", ".rules.zst"};
    for (size_t i = 0; i < KD_COUNT(ends); i++)
        if (e->d_name[0] != '.' && kd_bytes_iends(kd_str(e->d_name), kd_str(ends[i])))
            return 1;
    return 0;
}

/* All rule files of a directory, by name; the names live as long as the process. */
static bool open_directory(struct asked *a, const char *path)
{
    struct dirent **found = NULL;
    int n = scandir(path, &found, is_rule_file, alphasort);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
        size_t room = strlen(path) + strlen(found[i]->d_name) + 2;
        char *name = malloc(room);
        if (ok && name != NULL) {
            snprintf(name, room, "%s/%s", path, found[i]->d_name);
            ok = open_file(a, name);
        } else {
            free(name);
        }
        free(found[i]);
    }
    free(found);
    return ok || n == 0;
}

/* YARA rules are read whole now, and looked at when this process is shut in. */
static bool add_yara(struct asked *a, const char *path)
{
    uint8_t *more = NULL, *all = NULL;
    size_t n = 0;
    if (!kd_yara_files_read("rules", "rules", path, &more, &n))
        return false;
    all = n == 0 ? a->yara : realloc(a->yara, a->n_yara + n);
    if (n > 0 && all != NULL)
        memcpy(all + a->n_yara, more, n);
    free(more);
    if (n > 0 && all == NULL)
        return kd_say(0, "rules", "no memory for the YARA rules"), false;
    a->yara = all;
    a->n_yara += n;
    return true;
}

static bool open_all(struct asked *a, int n, char **paths)
{
    const char *extra[] = {a->yaml, a->classes, a->references};
    for (size_t i = 0; i < KD_COUNT(extra); i++) {
        a->extra[i].fd = -1;
        if (extra[i] != NULL && !open_one(extra[i], &a->extra[i]))
            return false;
    }
    a->threshold.fd = -1;
    if (a->thresholds != NULL && !open_one(a->thresholds, &a->threshold))
        return false;
    for (int i = 0; i < n; i++) {
        size_t files = a->n_files, yara = a->n_yara;
        bool directory = is_directory(paths[i]), is_yara = directory || kd_is_yara_file(paths[i]);
        if ((directory && !open_directory(a, paths[i])) || (is_yara && !add_yara(a, paths[i])) ||
            (!is_yara && !open_file(a, paths[i])))
            return false;
        if (directory && a->n_files == files && a->n_yara == yara)
            return kd_say(0, "rules", "%s: holds no files named *.rules, *.yar or *.yara", paths[i]), false;
    }
    return true;
}

static int shut_in(const char *mode)
{
    struct kd_err err = {0};
    struct kd_sandbox sb = {.role = KD_PROC_READER,
                            .reduced = strcmp(mode, "reduced") == 0,
                            .dir_fd = -1,
                            .n_fds = 3 + FILES_MAX + 8};
    if (geteuid() == 0)
        kd_sandbox_user(KD_PROC_READER, &sb.uid, &sb.gid);
    (void)signal(SIGPIPE, SIG_IGN);
    if (kd_sandbox_enter(&sb, &err) != KD_OK)
        return kd_say_err(KD_EXIT_COULD_NOT, "rules", &err);
    return KD_EXIT_DONE;
}

static int failed(const char *name, enum kd_status s)
{
    return kd_say(KD_EXIT_COULD_NOT, "rules", "%s: %s", name, kd_status_text(s));
}

static int read_extras(struct asked *a)
{
    for (size_t i = 0; i < KD_COUNT(a->extra); i++) {
        struct kd_rule_text t;
        struct kd_err err = {0};
        uint32_t bad = 0;
        if (a->extra[i].fd < 0)
            continue;
        enum kd_status s = kd_rule_text_read(a->extra[i].fd, &t);
        if (s == KD_OK)
            s = i == 0   ? kd_rule_vars_suricata(a->rules, t.text, &err)
                : i == 1 ? kd_rules_classes(a->rules, t.text, &bad)
                         : kd_rules_references(a->rules, t.text, &bad);
        if (s != KD_OK)
            return failed(a->extra[i].name, s);
        if (bad > 0)
            (void)kd_say(0, "rules", "%s: %u lines cannot be read", a->extra[i].name, bad);
        kd_rule_text_done(&t);
    }
    return KD_EXIT_DONE;
}

static int read_thresholds(struct asked *a)
{
    struct kd_rule_text t;
    enum kd_status s = kd_rule_text_read(a->threshold.fd, &t);
    if (s == KD_OK)
        s = kd_rules_thresholds(a->rules, a->threshold.name, t.text);
    if (s != KD_OK)
        return failed(a->threshold.name, s);
    kd_rule_text_done(&t);
    return KD_EXIT_DONE;
}

static int read_rules(struct asked *a, const struct kd_config *config)
{
    a->pool = kd_pool_new(MEMORY_MAX);
    a->rules = a->pool == NULL ? NULL : kd_rules_new(a->pool, &config->limits);
    if (a->rules == NULL || kd_rule_vars_configured(a->rules, config) != KD_OK)
        return failed("rules", KD_NO_MEMORY);
    int status = read_extras(a);
    if (status != KD_EXIT_DONE)
        return status;
    for (size_t i = 0; i < a->n_files; i++) {
        struct kd_rule_text t;
        enum kd_status s = kd_rule_text_read(a->file[i].fd, &t);
        if (s == KD_OK)
            s = kd_rules_read(a->rules, a->file[i].name, t.text);
        if (s != KD_OK)
            return failed(a->file[i].name, s);
        kd_rule_text_done(&t);
    }
    if (a->rule != NULL && kd_rules_read(a->rules, "-", kd_str(a->rule)) != KD_OK)
        return failed("-", KD_NO_MEMORY);
    if (kd_rules_finish(a->rules) != KD_OK)
        return failed("rules", KD_NO_MEMORY);
    return a->threshold.fd < 0 ? KD_EXIT_DONE : read_thresholds(a);
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
    if (a->n_files > 0)
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
    if (!open_all(a, argc - first, argv + first))
        return KD_EXIT_COULD_NOT;
    if (a->n_yara > 0 && !kd_yara_start())
        return kd_say(KD_EXIT_COULD_NOT, "rules", "no memory for the YARA rules");
    int status = shut_in(config->sandbox);
    if (status == KD_EXIT_DONE)
        status = read_rules(a, config);
    if (status != KD_EXIT_DONE)
        return status;
    if (explains)
        return explain(a, sid);
    if (strcmp(what, "check") != 0)
        return list(a);
    status = read_yara(a);
    return status == KD_EXIT_DONE ? check(a) : status;
}

int kd_cmd_rules(int argc, char **argv)
{
    static struct kd_config config;
    static struct asked a;
    const char *path = NULL;
    const struct kd_option options[] = {{"--config", "-c", &path, NULL},
                                        {"--quiet", "-q", NULL, &a.quiet},
                                        {"--sid", NULL, &a.sid, NULL},
                                        {"--category", NULL, &a.category, NULL},
                                        {"--text", NULL, &a.text, NULL},
                                        {"--vars", NULL, &a.yaml, NULL},
                                        {"--classification", NULL, &a.classes, NULL},
                                        {"--reference", NULL, &a.references, NULL},
                                        {"--thresholds", NULL, &a.thresholds, NULL}};
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
    kd_rules_free(a.rules);
    kd_pool_free(a.pool);
    free(a.yara);
    if (fflush(stdout) != 0 && errno != EPIPE && status == KD_EXIT_DONE)
        return kd_say(KD_EXIT_COULD_NOT, "rules", "standard output cannot be written");
    return status;
}
