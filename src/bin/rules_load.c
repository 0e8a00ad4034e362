/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rules_load.h"

#include <sys/stat.h>

#include "bin/rule_text.h"
#include "os/process.h"
#include "rule/rules.h"

enum { RULES_MEMORY = 1 << 30 };

static enum kd_status read_one(struct kd_rules *rules, const struct kd_rule_file *file)
{
    struct kd_rule_text text;
    struct stat st;
    if (fstat(file->fd, &st) == 0 && !S_ISREG(st.st_mode))
        return KD_OK; /* /dev/null: no rules */
    enum kd_status s = kd_rule_text_read(file->fd, &text);
    if (s != KD_OK)
        return s;
    s = file->is_data ? kd_rules_data(rules, kd_str(file->name), text.text)
                      : kd_rules_read(rules, file->name, text.text);
    kd_rule_text_done(&text);
    return s;
}

enum kd_status kd_rules_load(const struct kd_rule_file *files, size_t n, const struct kd_limits *lim,
                             struct kd_loaded_rules *into, struct kd_err *err)
{
    enum kd_status s = KD_NO_MEMORY;
    *into = (struct kd_loaded_rules){.pool = kd_pool_new(RULES_MEMORY)};
    if (into->pool != NULL)
        into->rules = kd_rules_new(into->pool, lim);
    if (into->rules != NULL)
        s = KD_OK;
    for (size_t i = 0; i < n && s == KD_OK; i++)
        s = read_one(into->rules, &files[i]);
    if (s == KD_OK)
        s = kd_rules_finish(into->rules);
    if (s == KD_OK) {
        kd_ruleset_fit(into->rules);
        into->n_read = into->rules->n_read;
        into->n_loaded = into->rules->n;
        into->n_refused = into->rules->n_refused;
        into->set = kd_ruleset_new(into->rules, kd_str(NULL), err);
        s = into->set == NULL ? err->status : KD_OK;
    } else {
        (void)kd_fail(err, s, 0, "a rule file cannot be read, or there is no memory for its rules");
    }
    if (s != KD_OK)
        kd_rules_unload(into);
    return s;
}

void kd_rules_unload(struct kd_loaded_rules *r)
{
    kd_ruleset_free(r->set);
    kd_rules_free(r->rules);
    kd_pool_free(r->pool);
    *r = (struct kd_loaded_rules){0};
}

size_t kd_rules_of_start(const struct kd_start *s, struct kd_rule_file *files, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_extras && n < max; i++)
        if (s->extra[i].kind == KD_EXTRA_RULES || s->extra[i].kind == KD_EXTRA_DATA)
            files[n++] = (struct kd_rule_file){s->extra[i].name, KD_FD_EXTRA + (int)i,
                                               s->extra[i].kind == KD_EXTRA_DATA};
    return n;
}
