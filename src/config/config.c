/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <stdarg.h>

#include "config/reader.h"

enum { DEPTH_MAX = 4, KEY_MAX = 128 };

void kd_config_default(struct kd_config *ret)
{
    memset(ret, 0, sizeof(*ret));
    struct kd_config_row r;
    for (size_t i = 0; kd_config_row(i, &r); i++) {
        char *at = (char *)ret + r.offset;
        if (r.kind == KIND_TEXT)
            memcpy(at, r.text, strlen(r.text));
        else if (r.kind == KIND_NUMBER)
            *(uint64_t *)(void *)at = r.number;
    }
    ret->limits = kd_limits_default;
}

static struct kd_config_problem *complain(struct kd_reader *rd, size_t line)
{
    static struct kd_config_problem beyond; /* those no longer kept are written here */
    struct kd_config_problems *p = rd->problems;
    struct kd_config_problem *at = p->n < KD_CONFIG_PROBLEMS_MAX ? &p->at[p->n++] : &beyond;
    memset(at, 0, sizeof(*at));
    at->line = (unsigned)line + 1;
    return at;
}

KD_FORMAT(2, 3) static void say(char *into, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(into, sizeof(((struct kd_config_problem *)NULL)->en), fmt, args);
    va_end(args);
}

struct kd_quoted kd_config_quote(struct kd_bytes b)
{
    struct kd_quoted q = {""};
    struct kd_out o = kd_out_of(q.text, sizeof(q.text) - 1);
    kd_out_escaped(&o, kd_bytes_head(b, 80));
    return q;
}

static void unknown_key(struct kd_reader *rd, size_t line, struct kd_bytes key)
{
    struct kd_quoted q = kd_config_quote(key);
    const char *near = kd_config_nearest(key);
    struct kd_config_problem *p = complain(rd, line);
    if (near != NULL) {
        say(p->en, "there is no key \"%s\"; did you mean \"%s\"?", q.text, near);
        say(p->ja, "「%s」という項目はありません。「%s」ではありませんか", q.text, near);
    } else {
        say(p->en, "there is no key \"%s\"; remove it (kidoban config reference lists all)",
            q.text);
        say(p->ja,
            "「%s」という項目はありません。削除してください(一覧は kidoban config reference)",
            q.text);
    }
}

void kd_config_bad_value(struct kd_reader *rd, size_t line, const char *key, struct kd_bytes value,
                         const char *en, const char *ja)
{
    struct kd_quoted q = kd_config_quote(value);
    struct kd_config_problem *p = complain(rd, line);
    say(p->en, "%s: \"%s\" does not fit; %s", key, q.text, en);
    say(p->ja, "%s: 「%s」は使えません。%s", key, q.text, ja);
}

static void set_number(struct kd_reader *rd, size_t line, const struct kd_config_row *r,
                       struct kd_bytes value)
{
    char *at = (char *)rd->config + r->offset;
    uint64_t v = 0;
    if (!kd_bytes_to_u64(value, r->most, &v) || v < r->least) {
        char en[160], ja[160];
        snprintf(en, sizeof(en), "write a number from %llu to %llu (%s)",
                 (unsigned long long)r->least, (unsigned long long)r->most, r->unit);
        snprintf(ja, sizeof(ja), "%llu から %llu までの数(単位 %s)を書いてください",
                 (unsigned long long)r->least, (unsigned long long)r->most, r->unit);
        kd_config_bad_value(rd, line, r->key, value, en, ja);
        return;
    }
    if (r->kind == KIND_LIMIT)
        *(uint32_t *)(void *)at = (uint32_t)v;
    else
        *(uint64_t *)(void *)at = v;
}

static bool checked(struct kd_reader *rd, size_t line, const struct kd_config_row *r,
                    struct kd_bytes value, size_t max)
{
    const char *en = "it is too long", *ja = "長すぎます";
    if (value.n < max && kd_bytes_find_byte(value, '\0') == SIZE_MAX &&
        kd_config_value_ok(r->check, value, &en, &ja))
        return true;
    kd_config_bad_value(rd, line, r->key, value, en, ja);
    return false;
}

static void set_text(struct kd_reader *rd, size_t line, const struct kd_config_row *r,
                     struct kd_bytes value)
{
    char *at = (char *)rd->config + r->offset;
    if (!checked(rd, line, r, value, KD_CONFIG_TEXT_MAX))
        return;
    memcpy(at, value.p, value.n);
    at[value.n] = '\0';
}

static void add_item(struct kd_reader *rd, size_t line, const struct kd_config_row *r,
                     struct kd_bytes value)
{
    struct kd_config_list *list = (struct kd_config_list *)(void *)((char *)rd->config + r->offset);
    if (list->n == KD_CONFIG_ITEMS_MAX)
        kd_config_bad_value(rd, line, r->key, value, "the list may have 64 items", "一覧は 64 項目までです");
    else if (checked(rd, line, r, value, sizeof(list->item[0])))
        memcpy(list->item[list->n++], value.p, value.n); /* the rest is zero */
}

static void add_pair(struct kd_reader *rd, size_t line, const struct kd_config_row *r,
                     struct kd_bytes name, struct kd_bytes value)
{
    struct kd_config_map *map = (struct kd_config_map *)(void *)((char *)rd->config + r->offset);
    struct kd_out o = kd_out_of(map->lines + map->n, sizeof(map->lines) - map->n);
    bool clean = kd_bytes_find_byte(value, '\n') == SIZE_MAX &&
                 kd_bytes_find_byte(name, '\n') == SIZE_MAX &&
                 kd_bytes_find_byte(name, '=') == SIZE_MAX;
    kd_out_bytes(&o, name);
    kd_out_str(&o, "=");
    kd_out_bytes(&o, value);
    kd_out_str(&o, "\n");
    if (!clean || !kd_out_ok(&o)) {
        kd_config_bad_value(rd, line, r->key, name, "write one line of moderate length",
                  "短い 1 行で書いてください");
        return;
    }
    map->n += o.n;
}

bool kd_config_next(struct kd_reader *rd, yaml_event_t *ev)
{
    if (yaml_parser_parse(&rd->yaml, ev)) {
        bool named =
            (ev->type == YAML_SCALAR_EVENT && ev->data.scalar.anchor != NULL) ||
            (ev->type == YAML_MAPPING_START_EVENT && ev->data.mapping_start.anchor != NULL) ||
            (ev->type == YAML_SEQUENCE_START_EVENT && ev->data.sequence_start.anchor != NULL);
        if (!named && ev->type != YAML_ALIAS_EVENT)
            return true;
        struct kd_config_problem *p = complain(rd, ev->start_mark.line);
        say(p->en, "anchors and aliases (& and *) are not used here; write the value itself, in "
                   "quotes if it "
                   "begins so");
        say(p->ja,
            "アンカーと別名(& と *)は使えません。値そのものを書くか、引用符で囲んでください");
        yaml_event_delete(ev);
        return false;
    }
    struct kd_config_problem *p = complain(rd, rd->yaml.problem_mark.line);
    const char *what = rd->yaml.problem != NULL ? rd->yaml.problem : "not readable";
    say(p->en, "this is no valid YAML (%s); check indentation (spaces, no tabs), colons and quotes",
        what);
    say(p->ja, "YAML として読めません(%s)。字下げ(タブ不可)・コロン・引用符を確かめてください",
        what);
    return false;
}

void kd_config_wrong_shape(struct kd_reader *rd, size_t line, const char *key, const char *en,
                           const char *ja)
{
    struct kd_config_problem *p = complain(rd, line);
    say(p->en, "%s: %s", key, en);
    say(p->ja, "%s: %s", key, ja);
}

static bool read_mapping(struct kd_reader *rd, struct kd_bytes prefix, const struct kd_config_row *map,
                         unsigned depth);

static bool read_list(struct kd_reader *rd, const struct kd_config_row *r)
{
    yaml_event_t ev;
    for (;;) {
        if (!kd_config_next(rd, &ev))
            return false;
        yaml_event_type_t type = ev.type;
        size_t line = ev.start_mark.line;
        if (type == YAML_SCALAR_EVENT)
            add_item(rd, line, r, kd_bytes_of(ev.data.scalar.value, ev.data.scalar.length));
        yaml_event_delete(&ev);
        if (type == YAML_SEQUENCE_END_EVENT)
            return true;
        if (type != YAML_SCALAR_EVENT) {
            kd_config_wrong_shape(rd, line, r->key, "only plain values go into this list",
                        "値だけを並べてください");
            return false;
        }
    }
}

static bool once(struct kd_reader *rd, size_t line, struct kd_bytes key)
{
    struct kd_config_row r;
    size_t i = 0;
    while (kd_config_row(i, &r) && !kd_bytes_eq_str(key, r.key))
        i++;
    KD_ASSERT(i < 64 * KD_COUNT(rd->seen));
    uint64_t bit = 1ull << (i % 64);
    bool first = (rd->seen[i / 64] & bit) == 0;
    rd->seen[i / 64] |= bit;
    rd->config->has_zone |= kd_bytes_eq_str(key, "zone");
    if (!first)
        kd_config_wrong_shape(rd, line, r.key, "the key stands here for the second time; keep one",
                    "同じ項目が 2 回あります。1 つだけ残してください");
    return first;
}

static void not_entries(struct kd_reader *rd, size_t line, const char *key)
{
    kd_config_wrong_shape(rd, line, key, "write a list of entries below it, each beginning with \"- \"",
                          "下に「- 」で始まる項目を並べてください");
}

static void set_scalar(struct kd_reader *rd, size_t line, const struct kd_config_row *r,
                       struct kd_bytes value)
{
    if (r->kind == KIND_TEXT)
        set_text(rd, line, r, value);
    else if (r->kind == KIND_LIST && value.n > 0)
        add_item(rd, line, r, value); /* one value needs no list */
    else if (r->kind == KIND_SITE && value.n > 0)
        not_entries(rd, line, r->key);
    else if (r->kind == KIND_MAP && value.n > 0)
        kd_config_wrong_shape(rd, line, r->key, "write name: value lines below it",
                    "下に「名前: 値」を並べてください");
    else if (r->kind == KIND_NUMBER || r->kind == KIND_LIMIT)
        set_number(rd, line, r, value);
}

/* The value of `key`, whose event was taken already and is freed here. */
static bool read_value(struct kd_reader *rd, yaml_event_t *ev, struct kd_bytes key, size_t key_line,
                       unsigned depth)
{
    struct kd_config_row r;
    bool known = kd_config_find(key, &r);
    yaml_event_type_t type = ev->type;
    bool go_on = true;
    if (known && !once(rd, key_line, key)) {
        go_on = false;
    } else if (known && type == YAML_SCALAR_EVENT) {
        set_scalar(rd, key_line, &r, kd_bytes_of(ev->data.scalar.value, ev->data.scalar.length));
    } else if (known && r.kind == KIND_LIST && type == YAML_SEQUENCE_START_EVENT) {
        go_on = read_list(rd, &r);
    } else if (known && r.kind == KIND_SITE && type == YAML_SEQUENCE_START_EVENT) {
        go_on = strcmp(r.key, "objects.lists") == 0 || strcmp(r.key, "rules.sources") == 0 ? kd_feeds_section(rd, r.key)
                                                                                           : kd_site_section(rd, r.key);
    } else if (type == YAML_MAPPING_START_EVENT &&
               ((known && r.kind == KIND_MAP) || kd_config_is_group(key))) {
        go_on = read_mapping(rd, key, known ? &r : NULL, depth + 1);
    } else if (known && r.kind == KIND_SITE) {
        not_entries(rd, key_line, r.key);
        go_on = false;
    } else if (known) {
        kd_config_wrong_shape(rd, key_line, r.key, "write one value", "値を 1 つ書いてください");
        go_on = false;
    } else if (type == YAML_SCALAR_EVENT && ev->data.scalar.length == 0 &&
               kd_config_is_group(key)) {
        go_on = true; /* "web:" with nothing below */
    } else {
        unknown_key(rd, key_line, key);
        go_on = type == YAML_SCALAR_EVENT; /* what lies below it is not worth complaining about */
    }
    yaml_event_delete(ev);
    return go_on;
}

static void join(struct kd_out *o, struct kd_bytes prefix, struct kd_bytes name)
{
    kd_out_bytes(o, prefix);
    if (prefix.n > 0)
        kd_out_str(o, ".");
    kd_out_bytes(o, name);
}

static bool read_pair(struct kd_reader *rd, yaml_event_t *name, struct kd_bytes prefix,
                      const struct kd_config_row *map, unsigned depth)
{
    char key[KEY_MAX];
    struct kd_out o = kd_out_of(key, sizeof(key));
    struct kd_bytes text = kd_bytes_of(name->data.scalar.value, name->data.scalar.length);
    size_t line = name->start_mark.line;
    yaml_event_t ev;
    join(&o, prefix, text);
    if (!kd_out_ok(&o) || text.n == 0) {
        unknown_key(rd, line, text);
        return false;
    }
    if (!kd_config_next(rd, &ev))
        return false;
    if (map == NULL)
        return read_value(rd, &ev, kd_out_bytes_view(&o), line, depth);
    /* Inside a map: names are free, and may be grouped once more. */
    bool ok = true;
    struct kd_bytes below = kd_bytes_from(kd_out_bytes_view(&o), strlen(map->key) + 1);
    if (ev.type == YAML_SCALAR_EVENT)
        add_pair(rd, line, map, below, kd_bytes_of(ev.data.scalar.value, ev.data.scalar.length));
    else if (ev.type == YAML_MAPPING_START_EVENT)
        ok = read_mapping(rd, kd_out_bytes_view(&o), map, depth + 1);
    else
        kd_config_wrong_shape(rd, line, map->key, "write name: value", "「名前: 値」の形で書いてください");
    ok = ok && (ev.type == YAML_SCALAR_EVENT || ev.type == YAML_MAPPING_START_EVENT);
    yaml_event_delete(&ev);
    return ok;
}

static bool read_mapping(struct kd_reader *rd, struct kd_bytes prefix, const struct kd_config_row *map,
                         unsigned depth)
{
    if (depth > DEPTH_MAX) {
        kd_config_wrong_shape(rd, rd->yaml.mark.line, "…", "too many levels", "入れ子が深すぎます");
        return false;
    }
    for (;;) {
        yaml_event_t ev;
        if (!kd_config_next(rd, &ev))
            return false;
        yaml_event_type_t type = ev.type;
        bool go_on = type == YAML_SCALAR_EVENT && read_pair(rd, &ev, prefix, map, depth);
        size_t line = ev.start_mark.line;
        yaml_event_delete(&ev);
        if (type == YAML_MAPPING_END_EVENT)
            return true;
        if (type != YAML_SCALAR_EVENT)
            kd_config_wrong_shape(rd, line, "…", "a key must be plain text",
                        "項目名は文字列で書いてください");
        if (!go_on)
            return false;
    }
}

/* Stream and document start, the one mapping, document and stream end. */
static void read_document(struct kd_reader *rd)
{
    for (;;) {
        yaml_event_t ev;
        if (!kd_config_next(rd, &ev))
            return;
        yaml_event_type_t type = ev.type;
        size_t line = ev.start_mark.line;
        bool empty = type == YAML_SCALAR_EVENT && ev.data.scalar.length == 0;
        yaml_event_delete(&ev);
        if (type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
            return;
        if (type == YAML_MAPPING_START_EVENT) {
            if (!read_mapping(rd, kd_str(""), NULL, 1))
                return;
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT &&
                   type != YAML_DOCUMENT_END_EVENT && !empty) {
            kd_config_wrong_shape(rd, line, "…", "write key: value lines", "「項目: 値」を並べてください");
            return;
        }
    }
}

enum kd_status kd_config_read(struct kd_bytes text, struct kd_config *ret,
                              struct kd_config_problems *problems)
{
    struct kd_reader rd = {.config = ret, .problems = problems};
    problems->n = 0;
    kd_config_default(ret);
    if (text.n > KD_CONFIG_BYTES_MAX) {
        kd_config_wrong_shape(&rd, 0, "…", "the file is larger than 1 MiB",
                    "ファイルが 1 MiB を超えています");
        return KD_MALFORMED;
    }
    if (!yaml_parser_initialize(&rd.yaml))
        return KD_NO_MEMORY;
    yaml_parser_set_input_string(&rd.yaml, text.p, text.n);
    read_document(&rd);
    yaml_parser_delete(&rd.yaml);
    kd_site_finish(&rd);
    if (problems->n == 0)
        kd_config_whole(ret, problems);
    return problems->n == 0 ? KD_OK : KD_MALFORMED;
}
