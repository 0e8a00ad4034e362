/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/rules_load.h"

#include "bin/rule_text.h"
#include "config/suricata.h"
#include "rule/thresholds.h"

enum { RULES_MEMORY = 1 << 30, VARS_MAX = 1 << 20 };

/* ---- files to an image ---- */

static enum kd_status put_var(void *arg, bool is_port, struct kd_bytes name, struct kd_bytes value)
{
    struct kd_out *lines = arg;
    kd_out_str(lines, is_port ? "port-groups." : "address-groups.");
    kd_out_bytes(lines, name);
    kd_out_str(lines, "=");
    kd_out_bytes(lines, value);
    kd_out_str(lines, "\n");
    return kd_out_ok(lines) ? KD_OK : KD_LIMIT;
}

static enum kd_status add_vars(struct kd_out *image, const char *name, struct kd_bytes yaml, struct kd_err *err)
{
    uint8_t *room = malloc(VARS_MAX);
    struct kd_out lines = kd_out_of(room, VARS_MAX);
    enum kd_status s = room == NULL ? KD_NO_MEMORY : kd_suricata_vars(yaml, put_var, &lines, err);
    if (s == KD_OK)
        kd_rule_image_part(image, KD_PART_VARS, kd_str(name), kd_out_bytes_view(&lines));
    free(room);
    return s;
}

enum kd_status kd_rules_add(struct kd_out *image, enum kd_rule_input_kind kind, const char *name, int fd,
                            struct kd_err *err)
{
    static const enum kd_rule_part parts[KD_INPUT_KINDS] = {
        [KD_INPUT_CLASSES] = KD_PART_CLASSES,
        [KD_INPUT_REFERENCES] = KD_PART_REFERENCES,
        [KD_INPUT_DATA] = KD_PART_DATA,
        [KD_INPUT_RULES] = KD_PART_RULES,
        [KD_INPUT_THRESHOLDS] = KD_PART_THRESHOLDS,
    };
    struct kd_rule_text t;
    enum kd_status s = kd_rule_text_read(fd, &t);
    if (s != KD_OK)
        return kd_fail(err, s, 0, kd_status_text(s));
    if (kind == KD_INPUT_SURICATA)
        s = add_vars(image, name, t.text, err);
    else
        kd_rule_image_part(image, parts[kind], kd_str(name), t.text);
    kd_rule_text_done(&t);
    if (s == KD_OK && !kd_out_ok(image))
        s = kd_fail(err, KD_LIMIT, 0, "the rules are too many bytes");
    else if (s != KD_OK && err->what == NULL)
        (void)kd_fail(err, s, err->at, kd_status_text(s));
    return s;
}

void kd_rules_key(const struct kd_out *image, const struct kd_limits *lim, uint8_t ret[KD_RULE_KEY_BYTES])
{
    uint8_t room[256];
    struct kd_out salt = kd_out_of(room, sizeof(room));
    kd_out_str(&salt, KD_VERSION);
    kd_out_le64(&salt, kd_ruleset_machine());
    const uint32_t limits[] = {lim->rules,      lim->rule_line_bytes, lim->rule_options,   lim->rule_contents,
                               lim->rule_pcre_bytes, lim->rule_depth, lim->rule_addresses, lim->rule_names};
    for (size_t i = 0; i < KD_COUNT(limits); i++)
        kd_out_le32(&salt, limits[i]);
    kd_rule_image_key(image, kd_out_bytes_view(&salt), ret);
}

/* ---- an image to a set ---- */

/* "address-groups.HOME_NET=[…]" lines */
static enum kd_status take_vars(struct kd_rules *rules, struct kd_bytes lines)
{
    enum kd_status s = KD_OK;
    while (lines.n > 0 && s == KD_OK) {
        struct kd_bytes value = kd_bytes_cut(&lines, '\n');
        struct kd_bytes name = kd_bytes_cut(&value, '=');
        struct kd_bytes group = kd_bytes_cut(&name, '.');
        s = kd_rules_var(rules, kd_bytes_eq_str(group, "port-groups"), name, value);
    }
    return s;
}

static enum kd_status take(struct kd_rules *rules, const struct kd_rule_image_part *p, uint32_t *bad)
{
    char name[4096 + 1];
    snprintf(name, sizeof(name), "%.*s", (int)kd_min_size(p->name.n, sizeof(name) - 1), (const char *)p->name.p);
    switch (p->kind) {
    case KD_PART_VARS:
        return take_vars(rules, p->bytes);
    case KD_PART_CLASSES:
        return kd_rules_classes(rules, p->bytes, bad);
    case KD_PART_REFERENCES:
        return kd_rules_references(rules, p->bytes, bad);
    case KD_PART_DATA:
        return kd_rules_data(rules, p->name, p->bytes);
    case KD_PART_RULES:
        return kd_rules_read(rules, name, p->bytes);
    case KD_PART_THRESHOLDS:
        return kd_rules_thresholds(rules, name, p->bytes);
    case KD_PART_DATABASES:
    case KD_PART_KINDS:
        break;
    }
    return KD_OK;
}

/* Whatever order they come in: variables before rules, thresholds behind them. */
static enum kd_status take_all(struct kd_loaded_rules *into, struct kd_bytes parts)
{
    enum kd_status s = KD_OK;
    for (int kind = KD_PART_VARS; s == KD_OK && kind <= KD_PART_THRESHOLDS; kind++) {
        struct kd_bytes rest = parts;
        struct kd_rule_image_part p;
        if (kind == KD_PART_THRESHOLDS)
            s = kd_rules_finish(into->rules);
        while (s == KD_OK && kd_rule_image_next(&rest, &p)) {
            uint32_t bad = 0;
            if ((int)p.kind != kind)
                continue;
            into->counts.files += p.kind == KD_PART_RULES;
            s = take(into->rules, &p, &bad);
            into->n_bad_lines += bad;
        }
        if (s == KD_OK && rest.n > 0)
            s = KD_MALFORMED;
    }
    return s;
}

enum kd_status kd_rules_parse(struct kd_bytes parts, const struct kd_limits *lim, struct kd_loaded_rules *into,
                              struct kd_err *err)
{
    *into = (struct kd_loaded_rules){.pool = kd_pool_new(RULES_MEMORY)};
    if (into->pool != NULL)
        into->rules = kd_rules_new(into->pool, lim);
    enum kd_status s = into->rules == NULL ? KD_NO_MEMORY : take_all(into, parts);
    if (s != KD_OK) {
        kd_rules_unload(into);
        return kd_fail(err, s, 0, s == KD_MALFORMED ? "the compiled rules are damaged" : "no memory for the rules");
    }
    kd_ruleset_fit(into->rules);
    into->counts.read = into->rules->n_read;
    into->counts.loaded = into->rules->n;
    into->counts.refused = into->rules->n_refused;
    return KD_OK;
}

static struct kd_bytes databases_of(struct kd_bytes parts)
{
    struct kd_rule_image_part p;
    while (kd_rule_image_next(&parts, &p))
        if (p.kind == KD_PART_DATABASES)
            return p.bytes;
    return kd_str(NULL);
}

static enum kd_status arm(struct kd_loaded_rules *into, struct kd_bytes parts, struct kd_err *err)
{
    into->set = kd_ruleset_new(into->rules, databases_of(parts), err);
    if (into->set != NULL)
        return KD_OK;
    kd_rules_unload(into);
    return err->status;
}

enum kd_status kd_rules_load(struct kd_bytes image, const struct kd_limits *lim, struct kd_loaded_rules *into,
                             struct kd_err *err)
{
    struct kd_rule_image i;
    *into = (struct kd_loaded_rules){0};
    if (kd_rule_image_open(image, &i) != KD_OK)
        return kd_fail(err, KD_MALFORMED, 0, "the compiled rules are damaged");
    enum kd_status s = kd_rules_parse(i.parts, lim, into, err);
    return s == KD_OK ? arm(into, i.parts, err) : s;
}

enum kd_status kd_rules_compile(struct kd_out *image, const uint8_t key[KD_RULE_KEY_BYTES],
                                const struct kd_limits *lim, struct kd_loaded_rules *keep, struct kd_err *err)
{
    struct kd_loaded_rules mine;
    struct kd_bytes parts = kd_bytes_from(kd_out_bytes_view(image), KD_RULE_IMAGE_HEAD);
    enum kd_status s = kd_rules_parse(parts, lim, &mine, err);
    if (s == KD_OK)
        s = arm(&mine, parts, err);
    if (s != KD_OK)
        return s;
    size_t n = 0;
    uint8_t *databases = kd_ruleset_save(mine.set, &n);
    if (databases != NULL)
        kd_rule_image_part(image, KD_PART_DATABASES, kd_str(""), kd_bytes_of(databases, n));
    free(databases);
    kd_rule_image_end(image, key, &mine.counts);
    if (databases == NULL || !kd_out_ok(image))
        s = kd_fail(err, KD_LIMIT, 0, "the rules are too many bytes");
    if (keep != NULL && s == KD_OK)
        *keep = mine;
    else
        kd_rules_unload(&mine);
    return s;
}

void kd_rules_unload(struct kd_loaded_rules *r)
{
    kd_ruleset_free(r->set);
    kd_rules_free(r->rules);
    kd_pool_free(r->pool);
    *r = (struct kd_loaded_rules){0};
}
