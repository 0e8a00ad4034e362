/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of suspicious objects, and the sources of rules, in the configuration file. */
#include "config/reader.h"

enum { EVERY_DEFAULT_S = 86400 };

static const char rules_section[] = "rules.sources";

static bool one_of(struct kd_bytes v, const char *words, unsigned *ret)
{
    struct kd_bytes rest = kd_str(words);
    for (*ret = 0; rest.n > 0; (*ret)++)
        if (kd_bytes_eq(kd_bytes_cut(&rest, ' '), v))
            return true;
    return false;
}

static bool copy(char *into, size_t room, struct kd_bytes v)
{
    if (v.n == 0 || v.n >= room || !kd_bytes_is_utf8(v))
        return false;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] < ' ' || v.p[i] == 0x7f)
            return false;
    memset(into, 0, room);
    memcpy(into, v.p, v.n);
    return true;
}

/* Of a source of rules a list's keys but these mean nothing. */
static bool is_of_rules(struct kd_bytes key)
{
    static const char *const keys[] = {"url", "name", "every", "sha256", "key", "note"};
    for (size_t i = 0; i < KD_COUNT(keys); i++)
        if (kd_bytes_eq_str(key, keys[i]))
            return true;
    return false;
}

/* NULL, or what is wanted: English, then Japanese. */
static const char *set(struct kd_config_feed *f, struct kd_bytes key, struct kd_bytes v, const char **ret_ja)
{
    uint64_t number = 0;
    unsigned at = 0;
    const char *en;
    if (kd_source_key(&f->from, key, v, &en, ret_ja))
        return en;
    if (kd_bytes_eq_str(key, "file")) {
        *ret_ja = "/ で始まる完全なパスを書いてください";
        return v.n > 0 && v.p[0] == '/' && copy(f->file, sizeof(f->file), v) ? NULL : "write a whole path that begins with /";
    }
    if (kd_bytes_eq_str(key, "name")) {
        *ret_ja = "63 バイトまでの名前を書いてください";
        return copy(f->name, sizeof(f->name), v) ? NULL : "write a name of at most 63 bytes";
    }
    if (kd_bytes_eq_str(key, "format")) {
        *ret_ja = "auto、plain、hosts、dataset、csv、misp、stix、json のいずれかを書いてください";
        return one_of(v, "auto plain hosts dataset csv misp stix json", &at) && copy(f->format, sizeof(f->format), v)
                   ? NULL
                   : "write auto, plain, hosts, dataset, csv, misp, stix or json";
    }
    if (kd_bytes_eq_str(key, "kind")) {
        *ret_ja = "ip、domain、url、sha256、sha1、md5、ja3、ja4、cert、mail のいずれかを書いてください";
        return one_of(v, "ip domain url sha256 sha1 md5 ja3 ja4 cert mail", &at) && copy(f->kind, sizeof(f->kind), v)
                   ? NULL
                   : "write ip, domain, url, sha256, sha1, md5, ja3, ja4, cert or mail";
    }
    if (kd_bytes_eq_str(key, "confidence")) {
        *ret_ja = "1 から 100 までの数を書いてください";
        if (!kd_bytes_to_u64(v, 100, &number) || number == 0)
            return "write a number from 1 to 100";
        f->confidence = (uint8_t)number;
        return NULL;
    }
    if (kd_bytes_eq_str(key, "severity")) {
        *ret_ja = "info、low、medium、high、critical のいずれかを書いてください";
        if (!one_of(v, "info low medium high critical", &at))
            return "write info, low, medium, high or critical";
        f->severity = (uint8_t)at;
        return NULL;
    }
    if (kd_bytes_eq_str(key, "force")) {
        *ret_ja = "true または false と書いてください";
        f->force = kd_bytes_eq_str(v, "true");
        return f->force || kd_bytes_eq_str(v, "false") ? NULL : "write true or false";
    }
    *ret_ja = "ここにこの項目はありません。kidoban config reference を見てください";
    return kd_bytes_eq_str(key, "note") ? NULL : "there is no such key here; see kidoban config reference";
}

/* One "key: value"; *ret_more false behind the last. */
static bool read_pair(struct kd_reader *rd, const char *section, struct kd_config_feed *f, bool *ret_more)
{
    yaml_event_t key, ev;
    const char *ja = "";
    if (!kd_config_next(rd, &key))
        return false;
    *ret_more = key.type != YAML_MAPPING_END_EVENT;
    size_t line = key.start_mark.line;
    bool ok = !*ret_more;
    if (key.type == YAML_SCALAR_EVENT && kd_config_next(rd, &ev)) {
        struct kd_bytes name = kd_bytes_of(key.data.scalar.value, key.data.scalar.length);
        ok = ev.type == YAML_SCALAR_EVENT;
        struct kd_bytes v = ok ? kd_bytes_of(ev.data.scalar.value, ev.data.scalar.length) : kd_bytes_of(NULL, 0);
        bool strange = strcmp(section, rules_section) == 0 && !is_of_rules(name);
        const char *en = ok ? set(f, strange ? kd_str("") : name, v, &ja) : NULL;
        if (en != NULL)
            kd_config_bad_value(rd, line, section, v, en, ja);
        yaml_event_delete(&ev);
    }
    yaml_event_delete(&key);
    if (!ok)
        kd_config_wrong_shape(rd, line, section, "write key: value", "「項目: 値」の形で書いてください");
    return ok;
}

/* As files are called: the last part of its path, or of its URL. */
static void name_by_itself(struct kd_config_feed *f)
{
    struct kd_bytes path = kd_str(f->file[0] != '\0' ? f->file : f->from.url), last = path;
    path = kd_bytes_head(path, kd_bytes_find_byte(path, '?'));
    for (struct kd_bytes rest = path; rest.n > 0;) {
        struct kd_bytes part = kd_bytes_cut(&rest, '/');
        last = part.n > 0 ? part : last;
    }
    (void)copy(f->name, sizeof(f->name), kd_bytes_head(last, sizeof(f->name) - 1));
}

static bool is_taken(const struct kd_config *c, bool rules, const char *name)
{
    for (size_t i = 0; rules && i < c->rule_sources.n; i++)
        if (strcmp(c->rule_sources.v[i].name, name) == 0)
            return true;
    for (size_t i = 0; !rules && i < c->feeds.n; i++)
        if (strcmp(c->feeds.v[i].name, name) == 0)
            return true;
    return false;
}

static void add(struct kd_reader *rd, size_t line, const char *section, const struct kd_config_feed *f)
{
    struct kd_config *c = rd->config;
    bool rules = strcmp(section, rules_section) == 0;
    if (is_taken(c, rules, f->name)) {
        kd_config_bad_value(rd, line, section, kd_str(f->name), "the name is taken; choose another",
                            "この名前は使われています。別の名前にしてください");
    } else if (!rules && c->feeds.n < KD_CONFIG_FEEDS_MAX) {
        c->feeds.v[c->feeds.n++] = *f;
    } else if (rules && c->rule_sources.n < KD_CONFIG_RULE_SOURCES_MAX) {
        struct kd_config_rule_source *s = &c->rule_sources.v[c->rule_sources.n++];
        s->from = f->from;
        memcpy(s->name, f->name, sizeof(s->name));
    } else if (rules) {
        kd_config_wrong_shape(rd, line, section, "there may be 8 sources", "取得元は 8 個までです");
    } else {
        kd_config_wrong_shape(rd, line, section, "there may be 32 lists", "一覧は 32 個までです");
    }
}

static bool read_entry(struct kd_reader *rd, const char *section, size_t line)
{
    struct kd_config_feed f = {.severity = UINT8_MAX, .format = "auto", .from = {.every_s = EVERY_DEFAULT_S}};
    bool more = true, rules = strcmp(section, rules_section) == 0;
    while (more)
        if (!read_pair(rd, section, &f, &more))
            return false;
    bool file = f.file[0] != '\0', url = f.from.url[0] != '\0';
    if (rules && !url) {
        kd_config_wrong_shape(rd, line, section, "a source needs url", "url(URL)が必要です");
    } else if (!file && !url) {
        kd_config_wrong_shape(rd, line, section, "a list needs file or url", "file(ファイル)または url(URL)が必要です");
    } else if (file && url) {
        kd_config_wrong_shape(rd, line, section, "write file or url, not both", "file と url はどちらか一方だけを書いてください");
    } else {
        if (f.name[0] == '\0')
            name_by_itself(&f);
        add(rd, line, section, &f);
    }
    return true;
}

bool kd_feeds_section(struct kd_reader *rd, const char *section)
{
    yaml_event_t ev;
    for (;;) {
        if (!kd_config_next(rd, &ev))
            return false;
        yaml_event_type_t type = ev.type;
        size_t line = ev.start_mark.line;
        yaml_event_delete(&ev);
        if (type == YAML_SEQUENCE_END_EVENT)
            return true;
        if (type != YAML_MAPPING_START_EVENT) {
            kd_config_wrong_shape(rd, line, section, "write entries of key: value lines, each beginning with \"- \"",
                                  "「- 」で始まる「項目: 値」の組を並べてください");
            return false;
        }
        if (!read_entry(rd, section, line))
            return false;
    }
}
