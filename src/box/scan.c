/* SPDX-License-Identifier: Apache-2.0 */
#include "box/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <yara.h>

#include "box/bundle.h"
#include "box/meta.h"

enum { TAGS_MAX = 16, PLACES_MAX = 32, WHY_MAX = 300, NAME_MAX_ = 256, TEXT_KEPT = 300 };

/* Text that rules may ask for by name. */
static const char *const externals[] = {"filename", "filepath", "extension", "filetype", "owner"};

struct kd_yara {
    YR_RULES *rules;
};

/* The first thing the library found wrong with a file. */
struct trouble {
    int line;
    char why[WHY_MAX];
};

struct compiling {
    struct kd_bytes bundle;
    bool *bad; /* by place in the bundle */
    kd_yara_refused *refused;
    void *arg;
    struct kd_yara_counts counts;
};

bool kd_yara_start(void)
{
    uint32_t none = 0;
    return yr_initialize() == ERROR_SUCCESS && yr_set_configuration(YR_CONFIG_MAX_MATCH_DATA, &none) == ERROR_SUCCESS;
}

static void on_error(int level, const char *file, int line, const YR_RULE *rule, const char *message, void *user)
{
    struct trouble *t = user;
    (void)file, (void)rule;
    if (level != YARA_ERROR_LEVEL_ERROR || t->why[0] != '\0')
        return;
    t->line = line;
    snprintf(t->why, sizeof(t->why), "%s", message);
}

static YR_COMPILER *new_compiler(struct trouble *t)
{
    YR_COMPILER *c = NULL;
    if (yr_compiler_create(&c) != ERROR_SUCCESS)
        return NULL;
    yr_compiler_set_callback(c, on_error, t);
    yr_compiler_set_include_callback(c, NULL, NULL, NULL);
    for (size_t i = 0; i < KD_COUNT(externals); i++)
        if (yr_compiler_define_string_variable(c, externals[i], "") != ERROR_SUCCESS) {
            yr_compiler_destroy(c);
            return NULL;
        }
    return c;
}

static bool add(YR_COMPILER *c, const struct kd_bundle_file *f)
{
    char name[NAME_MAX_];
    snprintf(name, sizeof(name), "%.*s", (int)f->name.n, (const char *)f->name.p);
    return memchr(f->text.p, '\0', f->text.n) == NULL && yr_compiler_add_string(c, (const char *)f->text.p, name) == 0;
}

/* A module that needs what is not here (a file of the system, a report of another program). */
static int on_module(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
    (void)context;
    if (message != CALLBACK_MSG_IMPORT_MODULE)
        return CALLBACK_CONTINUE;
    const YR_MODULE_IMPORT *m = data;
    if (strcmp(m->module_name, "magic") != 0 && strcmp(m->module_name, "cuckoo") != 0)
        return CALLBACK_CONTINUE;
    snprintf(user, WHY_MAX, "module \"%s\" is not available here", m->module_name);
    return CALLBACK_ABORT;
}

/* Do they run at all?  NULL: yes. */
static const char *trial(YR_RULES *rules, char why[WHY_MAX])
{
    why[0] = '\0';
    int rc = yr_rules_scan_mem(rules, (const uint8_t *)"x", 1, SCAN_FLAGS_NO_TRYCATCH, on_module, why, 1);
    if (rc != ERROR_SUCCESS && rc != ERROR_SCAN_TIMEOUT && why[0] == '\0')
        snprintf(why, WHY_MAX, "the rules cannot be run (error %d of the library)", rc);
    return why[0] == '\0' ? NULL : why;
}

/* One file by itself: is it taken? */
static bool is_good(struct compiling *k, const struct kd_bundle_file *f)
{
    struct trouble t = {0};
    char why[WHY_MAX];
    YR_RULES *rules = NULL;
    YR_COMPILER *c = new_compiler(&t);
    bool good = c != NULL && add(c, f) && yr_compiler_get_rules(c, &rules) == ERROR_SUCCESS;
    if (good && trial(rules, why) != NULL) {
        snprintf(t.why, sizeof(t.why), "%s", why);
        good = false;
    }
    if (!good)
        k->refused(k->arg, f->name, t.line > 0 ? (uint32_t)t.line : 1, t.why[0] != '\0' ? t.why : "cannot be read as rules");
    if (rules != NULL)
        yr_rules_destroy(rules);
    if (c != NULL)
        yr_compiler_destroy(c);
    return good;
}

static bool find_bad(struct compiling *k)
{
    struct kd_cur c = kd_cur_of(k->bundle);
    struct kd_bundle_file f;
    for (size_t i = 0; kd_bundle_next(&c, &f); i++) {
        k->bad[i] = !is_good(k, &f);
        k->counts.refused += k->bad[i];
    }
    return kd_cur_ok(&c);
}

/* All that are not known to be bad, together. */
static YR_RULES *compile(const struct compiling *k)
{
    struct trouble t = {0};
    struct kd_cur c = kd_cur_of(k->bundle);
    struct kd_bundle_file f;
    char why[WHY_MAX];
    YR_RULES *rules = NULL;
    YR_COMPILER *compiler = new_compiler(&t);
    bool ok = compiler != NULL;
    for (size_t i = 0; ok && kd_bundle_next(&c, &f); i++)
        ok = k->bad[i] || add(compiler, &f);
    ok = ok && kd_cur_ok(&c) && yr_compiler_get_rules(compiler, &rules) == ERROR_SUCCESS;
    if (ok && trial(rules, why) != NULL) {
        (void)yr_rules_destroy(rules);
        rules = NULL;
    }
    if (compiler != NULL)
        yr_compiler_destroy(compiler);
    return ok ? rules : NULL;
}

static uint32_t count_files(struct kd_bytes bundle)
{
    struct kd_cur c = kd_cur_of(bundle);
    struct kd_bundle_file f;
    uint32_t n = 0;
    while (n < KD_BUNDLE_FILES_MAX && kd_bundle_next(&c, &f))
        n++;
    return kd_cur_ok(&c) && kd_cur_left(&c) == 0 ? n : 0;
}

struct kd_yara *kd_yara_new(struct kd_bytes bundle, kd_yara_refused *refused, void *arg, struct kd_yara_counts *ret,
                            struct kd_err *err)
{
    struct compiling k = {.bundle = bundle, .refused = refused, .arg = arg, .counts = {.files = count_files(bundle)}};
    struct kd_yara *y = calloc(1, sizeof(*y));
    k.bad = calloc(k.counts.files + 1, sizeof(*k.bad));
    if (y != NULL && k.bad != NULL && (k.counts.files > 0 || bundle.n == 0)) {
        y->rules = compile(&k);
        if (y->rules == NULL && find_bad(&k)) /* seldom: so it is not done unless something is wrong */
            y->rules = compile(&k);
    }
    free(k.bad);
    if (y == NULL || y->rules == NULL) {
        (void)kd_fail(err, KD_NO_MEMORY, 0, "no memory for the YARA rules; raise limits.yara_memory_mib");
        kd_yara_free(y);
        return NULL;
    }
    YR_RULE *rule;
    yr_rules_foreach(y->rules, rule)
        k.counts.rules++;
    *ret = k.counts;
    return y;
}

void kd_yara_free(struct kd_yara *y)
{
    if (y != NULL && y->rules != NULL)
        (void)yr_rules_destroy(y->rules);
    free(y);
}

/* ---- running ---- */

struct running {
    kd_yara_match *match;
    void *arg;
};

static struct kd_bytes text_of(const char *s)
{
    return kd_bytes_head(kd_str(s), TEXT_KEPT);
}

static void add_places(YR_SCAN_CONTEXT *context, YR_RULE *rule, struct kd_yara_string *places, struct kd_rec_yara *rec)
{
    YR_STRING *s;
    YR_MATCH *m;
    uint32_t n = 0;
    yr_rule_strings_foreach(rule, s)
    {
        if (STRING_IS_PRIVATE(s))
            continue;
        yr_string_matches_foreach(context, s, m)
        {
            if (n == PLACES_MAX)
                break;
            places[n++] = (struct kd_yara_string){.name = text_of(s->identifier), .offset = (uint64_t)(m->base + m->offset),
                                                  .bytes = (uint32_t)m->match_length};
        }
    }
    rec->strings.v = places;
    rec->strings.n = n;
}

static int on_message(YR_SCAN_CONTEXT *context, int message, void *data, void *user)
{
    struct kd_yara_string places[PLACES_MAX];
    struct kd_bytes tags[TAGS_MAX];
    struct running *r = user;
    if (message != CALLBACK_MSG_RULE_MATCHING)
        return CALLBACK_CONTINUE;
    YR_RULE *rule = data;
    YR_META *meta;
    const char *tag;
    uint32_t n_tags = 0;
    struct kd_rec_yara rec = {.rule = text_of(rule->identifier), .source_file = text_of(rule->ns->name)};
    yr_rule_tags_foreach(rule, tag)
        if (n_tags < TAGS_MAX)
            tags[n_tags++] = text_of(tag);
    rec.tags.v = tags;
    rec.tags.n = n_tags;
    yr_rule_metas_foreach(rule, meta)
        kd_yara_meta(&rec, kd_str(meta->identifier), meta->type == META_TYPE_STRING ? kd_str(meta->string) : kd_str(""),
                     meta->integer);
    add_places(context, rule, places, &rec);
    return r->match(r->arg, &rec) ? CALLBACK_CONTINUE : CALLBACK_ABORT;
}

/* Cut, and ended by a zero as the library wants it. */
static void define(YR_SCANNER *s, const char *name, struct kd_bytes value)
{
    char text[NAME_MAX_];
    snprintf(text, sizeof(text), "%.*s", (int)kd_min_size(value.n, sizeof(text) - 1), (const char *)value.p);
    (void)yr_scanner_define_string_variable(s, name, text);
}

static struct kd_bytes extension_of(struct kd_bytes name)
{
    for (size_t i = name.n; i > 0 && name.p[i - 1] != '/'; i--)
        if (name.p[i - 1] == '.')
            return kd_bytes_from(name, i - 1);
    return kd_str("");
}

enum kd_status kd_yara_scan(struct kd_yara *y, const struct kd_yara_file *file, unsigned seconds, kd_yara_match *match,
                            void *arg)
{
    struct running r = {match, arg};
    YR_SCANNER *s = NULL;
    if (yr_scanner_create(y->rules, &s) != ERROR_SUCCESS)
        return KD_NO_MEMORY;
    yr_scanner_set_callback(s, on_message, &r);
    yr_scanner_set_timeout(s, (int)seconds);
    yr_scanner_set_flags(s, SCAN_FLAGS_NO_TRYCATCH | SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_REPORT_RULES_MATCHING);
    define(s, "filename", file->name);
    define(s, "filepath", file->name);
    define(s, "extension", extension_of(file->name));
    define(s, "filetype", file->type);
    int rc = yr_scanner_scan_mem(s, file->content.p, file->content.n);
    yr_scanner_destroy(s);
    switch (rc) {
    case ERROR_SUCCESS:
        return KD_OK;
    case ERROR_SCAN_TIMEOUT:
        return KD_DEADLINE;
    case ERROR_INSUFFICIENT_MEMORY:
        return KD_NO_MEMORY;
    default:
        return KD_LIMIT;
    }
}
