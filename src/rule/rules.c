/* SPDX-License-Identifier: Apache-2.0 */
/* The set: its life, the lines of a file, refusals, duplicates. */
#include "rule/internal.h"

enum { BUF_MAX = KD_POOL_LARGE };

static const struct {
    bool unsupported;
    const char *en, *ja;
} whys[KD_WHY_COUNT] = {
#define KD_WHY(id, unsupported, en, ja) {unsupported, en, ja},
#include "rule/why.def"
#undef KD_WHY
};

struct kd_rules *kd_rules_new(struct kd_pool *pool, const struct kd_limits *lim)
{
    struct kd_arena mem;
    kd_arena_init(&mem, pool, kd_pool_max(pool));
    struct kd_rules *rules = kd_arena_alloc(&mem, sizeof(*rules));
    struct kd_rules_state *st = kd_arena_alloc(&mem, sizeof(*st));
    if (rules == NULL || st == NULL) {
        kd_arena_done(&mem);
        return NULL;
    }
    rules->state = st;
    st->pool = pool;
    st->lim = lim;
    st->mem = mem;
    st->parse.st = st;
    if (!kd_keywords_init(st) || !kd_defaults_init(rules)) {
        kd_rules_free(rules);
        return NULL;
    }
    return rules;
}

void kd_rules_free(struct kd_rules *rules)
{
    if (rules == NULL)
        return;
    struct kd_rules_state *st = rules->state;
    struct kd_pool *pool = st->pool;
    struct kd_name_table *tables[] = {
        &st->files,     &st->flowbits,  &st->xbits,      &st->hostbits,  &st->flowints,
        &st->events,    &st->words,     &st->addr_texts, &st->addr_sets, &st->port_texts,
        &st->port_sets, &st->addr_vars, &st->port_vars,  &st->classes,   &st->references,
        &st->buffers,   &st->datasets,  &st->data, &st->keywords,   &st->sids};
    struct kd_buf *bufs[] = {&st->rule_list, &st->refusals, &st->hits,      &st->pending,
                             &st->scratch,   &st->refs,     &st->metas,     &st->ranges,
                             &st->joined,    &st->breaks,   &st->ranges_no, &st->suppressions,
                             &st->bad_lines};
    for (size_t i = 0; i < KD_COUNT(tables); i++)
        kd_nametab_done(tables[i], pool);
    for (size_t i = 0; i < KD_COUNT(bufs); i++)
        kd_buf_done(bufs[i], pool);
    struct kd_arena mem = st->mem; /* the state itself lies in it */
    kd_arena_done(&mem);
}

/* Names and lists as the matcher sees them; they may have moved. */
static void publish(struct kd_rules *rules)
{
    struct kd_rules_state *st = rules->state;
    const struct {
        struct kd_names *to;
        const struct kd_name_table *from;
    } names[] = {{&rules->files, &st->files},       {&rules->flowbits, &st->flowbits},
                 {&rules->xbits, &st->xbits},       {&rules->hostbits, &st->hostbits},
                 {&rules->flowints, &st->flowints}, {&rules->events, &st->events}};
    for (size_t i = 0; i < KD_COUNT(names); i++)
        *names[i].to = (struct kd_names){
            names[i].from->n, (const struct kd_bytes *)(const void *)names[i].from->names.p};
    rules->buffer = (const struct kd_rule_buffer *const *)(const void *)st->buffers.values.p;
    rules->n_buffers = st->buffers.n;
    rules->addr_set = (const struct kd_addr_set *const *)(const void *)st->addr_sets.values.p;
    rules->n_addr_sets = st->addr_sets.n;
    rules->port_set = (const struct kd_port_set *const *)(const void *)st->port_sets.values.p;
    rules->n_port_sets = st->port_sets.n;
    rules->dataset = (struct kd_dataset *const *)(const void *)st->datasets.values.p;
    rules->n_datasets = st->datasets.n;
    rules->n_classtypes = st->classes.n;
    rules->rule = (struct kd_rule *const *)(const void *)st->rule_list.p;
    rules->n = (uint32_t)(st->rule_list.n / sizeof(struct kd_rule *));
    rules->refusal = (const struct kd_refusal *)(const void *)st->refusals.p;
}

void kd_refusal_explain(struct kd_refusal *r, enum kd_why why)
{
    r->why = whys[why].en;
    r->why_ja = whys[why].ja;
    r->is_unsupported = whys[why].unsupported;
    r->is_unmet = why == KD_WHY_REQUIRES;
}

static enum kd_status note_refusal(struct kd_rules *rules, struct kd_refusal r, enum kd_why why)
{
    struct kd_rules_state *st = rules->state;
    enum { WORD_MAX = 80 };
    r.what = kd_arena_copy(&st->mem, r.what, WORD_MAX);
    kd_refusal_explain(&r, why);
    if (!kd_buf_add(&st->refusals, st->pool, kd_bytes_of(&r, sizeof(r)), BUF_MAX))
        return KD_NO_MEMORY;
    rules->n_refused++;
    return KD_OK;
}

/* A rule as it stands in the file: joined lines and where each began. */
struct line {
    struct kd_bytes text;
    uint32_t first; /* number of its first line */
    uint32_t n;     /* lines it takes */
    bool is_too_long;
};

struct line_break {
    size_t offset; /* in the joined text */
    uint32_t line;
};

static struct kd_bytes trim_end(struct kd_bytes b)
{
    while (b.n > 0 && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t' || b.p[b.n - 1] == '\r'))
        b.n--;
    return b;
}

static bool ends_in_backslash(struct kd_bytes b)
{
    return b.n > 0 && b.p[b.n - 1] == '\\';
}

/* Take one line, with those that continue it.  False: no memory. */
static bool take_line(struct kd_rules_state *st, struct kd_bytes *rest, struct line *ret)
{
    uint32_t first = ret->first + ret->n;
    struct kd_bytes b = trim_end(kd_bytes_cut(rest, '\n'));
    *ret = (struct line){b, first, 1, b.n > st->lim->rule_line_bytes};
    if (!ends_in_backslash(b) || kd_bytes_at(kd_bytes_trim(b), 0) == '#')
        return true;
    st->joined.n = 0;
    st->breaks.n = 0;
    for (;;) {
        bool more = ends_in_backslash(b);
        struct line_break br = {st->joined.n, first + ret->n - 1};
        b.n -= more ? 1 : 0;
        ret->is_too_long |= st->joined.n + b.n > st->lim->rule_line_bytes;
        if (!ret->is_too_long &&
            (!kd_buf_add(&st->breaks, st->pool, kd_bytes_of(&br, sizeof(br)), BUF_MAX) ||
             !kd_buf_add(&st->joined, st->pool, b, BUF_MAX)))
            return false;
        if (!more || rest->n == 0)
            break;
        b = trim_end(kd_bytes_cut(rest, '\n'));
        ret->n++;
    }
    ret->text = kd_buf_view(&st->joined);
    return true;
}

static void place(const struct kd_rules_state *st, const struct line *line, struct kd_refusal *r,
                  const uint8_t *at)
{
    size_t offset =
        at >= line->text.p && at <= line->text.p + line->text.n ? (size_t)(at - line->text.p) : 0;
    r->line = line->first;
    if (line->n > 1) {
        const struct line_break *br = (const struct line_break *)(const void *)st->breaks.p;
        size_t i = st->breaks.n / sizeof(*br), start = 0;
        while (i > 0 && br[i - 1].offset > offset)
            i--;
        if (i > 0) {
            r->line = br[i - 1].line;
            start = br[i - 1].offset;
        }
        offset -= start;
    }
    r->column = (uint32_t)offset + 1;
}

static bool looks_like_rule(struct kd_bytes comment)
{
    static const char *const actions[] = {"alert", "pass", "drop", "reject", "config"};
    while (kd_bytes_at(comment, 0) == '#' || kd_bytes_at(comment, 0) == ' ')
        comment = kd_bytes_from(comment, 1);
    for (size_t i = 0; i < KD_COUNT(actions); i++)
        if (kd_bytes_starts(comment, kd_str(actions[i])) &&
            kd_bytes_at(comment, strlen(actions[i])) == ' ')
            return kd_bytes_find(comment, kd_str("sid:")) != SIZE_MAX;
    return false;
}

/* A rule of the same gid and sid was read before: the higher revision stays. */
static enum kd_status keep(struct kd_rules *rules, struct kd_rule *rule, struct kd_refusal *r)
{
    struct kd_rules_state *st = rules->state;
    uint32_t id[2] = {rule->gid, rule->sid};
    uint32_t i =
        kd_nametab_add(&st->sids, st->pool, &st->mem, kd_bytes_of(id, sizeof(id)), UINT32_MAX - 1);
    if (i == KD_NAME_NONE)
        return KD_NO_MEMORY;
    void **known = kd_nametab_value(&st->sids, i);
    if (*known == NULL) {
        *known = rule;
        return kd_buf_add(&st->rule_list, st->pool, kd_bytes_of(&rule, sizeof(rule)), BUF_MAX)
                   ? KD_OK
                   : KD_NO_MEMORY;
    }
    struct kd_rule *old = *known;
    if (old->rev == rule->rev)
        return note_refusal(rules, *r, KD_WHY_DUPLICATE);
    rules->n_replaced++;
    if (rule->rev > old->rev)
        *old = *rule;
    return KD_OK;
}

static enum kd_status read_rule(struct kd_rules *rules, uint32_t file, const struct line *line)
{
    struct kd_rules_state *st = rules->state;
    struct kd_parse *p = &st->parse;
    struct kd_refusal r = {.file = (uint16_t)file, .line = line->first, .column = 1};
    rules->n_read++;
    if (line->is_too_long)
        return note_refusal(rules, r, KD_WHY_LINE_TOO_LONG);
    if (st->rule_list.n / sizeof(struct kd_rule *) >= st->lim->rules)
        return note_refusal(rules, r, KD_WHY_TOO_MANY_RULES);
    p->rules = rules;
    p->lim = st->lim;
    struct kd_rule *rule = NULL;
    bool ok = kd_parse_rule(p, line->text);
    if (ok && (rule = kd_arena_alloc(&st->mem, sizeof(*rule))) == NULL)
        ok = kd_refuse(p, KD_WHY_NO_MEMORY);
    place(st, line, &r, p->what.p);
    r.sid = p->rule.sid;
    r.what = p->what;
    if (!ok)
        return note_refusal(rules, r, p->why);
    *rule = p->rule;
    rule->file = (uint16_t)file;
    rule->line = line->first;
    return keep(rules, rule, &r);
}

enum kd_status kd_rules_read(struct kd_rules *rules, const char *name, struct kd_bytes text)
{
    struct kd_rules_state *st = rules->state;
    uint32_t file = kd_nametab_add(&st->files, st->pool, &st->mem, kd_str(name), UINT16_MAX);
    if (file == KD_NAME_NONE)
        return KD_LIMIT;
    struct line line = {.first = 1};
    enum kd_status s = KD_OK;
    while (s == KD_OK && text.n > 0) {
        if (!take_line(st, &text, &line))
            return KD_NO_MEMORY;
        struct kd_bytes b = kd_bytes_trim(line.text);
        if (b.n == 0)
            continue;
        if (b.p[0] == '#')
            rules->n_disabled += looks_like_rule(b);
        else
            s = read_rule(rules, file, &line);
    }
    publish(rules);
    return s;
}

static int by_sid(const void *a, const void *b)
{
    const struct kd_rule *x = *(struct kd_rule *const *)a, *y = *(struct kd_rule *const *)b;
    if (x->gid != y->gid)
        return x->gid < y->gid ? -1 : 1;
    return (x->sid > y->sid) - (x->sid < y->sid);
}

static void number(struct kd_rules *rules)
{
    struct kd_rule **list = (struct kd_rule **)(void *)rules->state->rule_list.p;
    publish(rules);
    for (uint32_t i = 0; i < rules->n; i++)
        list[i]->index = i;
}

enum kd_status kd_rules_finish(struct kd_rules *rules)
{
    struct kd_buf *list = &rules->state->rule_list;
    if (list->n > 0)
        qsort(list->p, list->n / sizeof(struct kd_rule *), sizeof(struct kd_rule *), by_sid);
    number(rules);
    return KD_OK;
}

void kd_rules_refuse(struct kd_rules *rules, const struct kd_rule *rule, const char *why,
                     const char *why_ja)
{
    struct kd_rules_state *st = rules->state;
    struct kd_rule **list = (struct kd_rule **)(void *)st->rule_list.p;
    struct kd_refusal r = {.file = rule->file, .line = rule->line, .column = 1, .sid = rule->sid};
    size_t n = st->rule_list.n / sizeof(*list), kept = 0;
    for (size_t i = 0; i < n; i++)
        if (list[i] != rule)
            list[kept++] = list[i];
    st->rule_list.n = kept * sizeof(*list);
    if (note_refusal(rules, r, KD_WHY_LATER) == KD_OK) {
        struct kd_refusal *last =
            (struct kd_refusal *)(void *)(st->refusals.p + st->refusals.n) - 1;
        last->why = why;
        last->why_ja = why_ja;
    }
    number(rules);
}

const struct kd_rule *kd_rules_find(const struct kd_rules *rules, uint32_t gid, uint32_t sid)
{
    struct kd_rules_state *st = rules->state;
    uint32_t id[2] = {gid, sid};
    uint32_t i = kd_nametab_find(&st->sids, kd_bytes_of(id, sizeof(id)));
    if (i == KD_NAME_NONE)
        return NULL;
    const struct kd_rule *rule = *kd_nametab_value(&st->sids, i);
    return rule != NULL && rule->index < rules->n && rules->rule[rule->index] == rule ? rule : NULL;
}

enum kd_status kd_rules_data(struct kd_rules *rules, struct kd_bytes name, struct kd_bytes content)
{
    struct kd_rules_state *st = rules->state;
    if (content.n > KD_RULE_LIST_MAX)
        return KD_OK;
    uint32_t i = kd_nametab_add(&st->data, st->pool, &st->mem, name, rules->state->lim->rule_names);
    if (i == KD_NAME_NONE)
        return KD_NO_MEMORY;
    void **value = kd_nametab_value(&st->data, i);
    if (*value != NULL)
        return KD_OK;
    struct kd_bytes *b = kd_arena_alloc(&st->mem, sizeof(*b));
    if (b == NULL)
        return KD_NO_MEMORY;
    *b = content;
    *value = b;
    return KD_OK;
}

bool kd_rules_data_of(const struct kd_rules *rules, struct kd_bytes name, struct kd_bytes *ret)
{
    struct kd_rules_state *st = rules->state;
    uint32_t i = kd_nametab_find(&st->data, name);
    void **value = i == KD_NAME_NONE ? NULL : kd_nametab_value(&st->data, i);
    if (value == NULL || *value == NULL)
        return false;
    *ret = *(const struct kd_bytes *)*value;
    return true;
}
