/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule says about itself. */
#include "rule/internal.h"

enum { BUF_MAX = KD_POOL_LARGE };

/* Version of the language that this reader speaks, for requires:version. */
static const unsigned language[3] = {9, 0, 0};

/* Text with its escapes taken out. */
static bool plain_text(struct kd_parse *p, struct kd_bytes v, struct kd_bytes *ret)
{
    uint8_t *to = kd_arena_alloc(&p->st->mem, v.n);
    size_t n = 0;
    if (v.n == 0) {
        *ret = v;
        return true;
    }
    if (to == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '\\' && i + 1 < v.n && strchr(":;\\\"", v.p[i + 1]) != NULL)
            i++;
        to[n++] = v.p[i];
    }
    *ret = kd_bytes_of(to, n);
    return true;
}

static bool msg(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    if (p->rule.msg.n > 0)
        return kd_refuse(p, KD_WHY_TWICE);
    return plain_text(p, v, &p->rule.msg);
}

enum { ID_SID, ID_GID, ID_REV };

static bool ident(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint64_t n;
    if (!kd_bytes_to_u64(v, UINT32_MAX, &n) || (kw->arg == ID_SID && n == 0))
        return kd_refuse_word(p, KD_WHY_NUMBER, v);
    uint32_t *to = kw->arg == ID_SID   ? &p->rule.sid
                   : kw->arg == ID_GID ? &p->rule.gid
                                       : &p->rule.rev;
    if (*to != (kw->arg == ID_GID ? 1 : 0))
        return kd_refuse(p, KD_WHY_TWICE);
    *to = (uint32_t)n;
    return true;
}

static bool classtype(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    if (p->rule.classtype != NULL)
        return true; /* the first one stands */
    p->rule.classtype = kd_class_find(p->st, v);
    if (p->rule.classtype == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    if (!p->has_priority)
        p->rule.priority = p->rule.classtype->priority;
    return true;
}

static bool priority(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint64_t n;
    (void)kw;
    if (p->has_priority)
        return kd_refuse(p, KD_WHY_TWICE);
    if (!kd_bytes_to_u64(v, UINT16_MAX, &n))
        return kd_refuse_word(p, KD_WHY_NUMBER, v);
    p->has_priority = true;
    p->rule.priority = (uint16_t)n;
    return true;
}

static bool add_pair(struct kd_parse *p, struct kd_buf *to, struct kd_bytes key,
                     struct kd_bytes value)
{
    uint32_t id;
    /* Keys recur in every rule: each is kept once. */
    if (!kd_parse_name(p, &p->st->words, key, &id))
        return false;
    struct kd_rule_pair pair = {kd_nametab_at(&p->st->words, id), {NULL, 0}};
    if (!plain_text(p, value, &pair.value))
        return false;
    return kd_buf_add(to, p->st->pool, kd_bytes_of(&pair, sizeof(pair)), BUF_MAX) ||
           kd_refuse(p, KD_WHY_NO_MEMORY);
}

static bool reference(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bytes rest = v;
    (void)kw;
    struct kd_bytes key = kd_cut_word(&rest, ',');
    rest = kd_bytes_trim(rest);
    if (key.n == 0 || rest.n == 0)
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    return add_pair(p, &p->st->refs, key, rest);
}

static bool metadata(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    while (v.n > 0) {
        struct kd_bytes value = kd_cut_word(&v, ',');
        struct kd_bytes key = kd_cut_blank(&value);
        if (key.n > 0 && !add_pair(p, &p->st->metas, key, value))
            return false;
    }
    return true;
}

static bool target(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    p->rule.target = kd_bytes_eq_str(v, "src_ip")    ? KD_TARGET_SRC
                     : kd_bytes_eq_str(v, "dest_ip") ? KD_TARGET_DST
                                                     : KD_TARGET_NONE;
    return p->rule.target != KD_TARGET_NONE || kd_refuse_word(p, KD_WHY_VALUE, v);
}

static bool noalert(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)v;
    p->rule.noalert = kw->arg == 0;
    return true;
}

/* "8.0.1" against the version of the language: < 0, 0, > 0. */
static int compare_version(struct kd_bytes text)
{
    for (size_t i = 0; i < KD_COUNT(language); i++) {
        uint64_t n = 0;
        struct kd_bytes part = kd_bytes_cut(&text, '.');
        if (part.n > 0 && !kd_bytes_to_u64(part, 1000, &n))
            return -1;
        if (n != language[i])
            return language[i] < n ? -1 : 1;
    }
    return 0;
}

/* ">= 7.0.3 < 8" */
static bool has_version(struct kd_bytes text)
{
    while (text.n > 0) {
        struct kd_bytes op = kd_cut_blank(&text);
        int c = compare_version(kd_cut_blank(&text));
        if (!(kd_bytes_eq_str(op, ">=")  ? c >= 0
              : kd_bytes_eq_str(op, ">") ? c > 0
              : kd_bytes_eq_str(op, "<") ? c < 0
                                         : kd_bytes_eq_str(op, "<=") && c <= 0))
            return false;
    }
    return true;
}

static bool has_feature(struct kd_bytes name)
{
    static const char *const features[] = {"ja3",      "ja4",        "have_ja3",
                                           "have_ja4", "file_store", "true_ip"};
    for (size_t i = 0; i < KD_COUNT(features); i++)
        if (kd_bytes_ieq(name, kd_str(features[i])))
            return true;
    return false;
}

static bool requires(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint32_t at;
    (void)kw;
    while (v.n > 0) {
        struct kd_bytes rest = kd_cut_word(&v, ','), all = rest;
        struct kd_bytes what = kd_cut_blank(&rest);
        bool met = false;
        if (kd_bytes_eq_str(what, "version"))
            while (rest.n > 0)
                met |= has_version(kd_cut_word(&rest, '|'));
        else if (kd_bytes_eq_str(what, "keyword"))
            met = kd_keyword_find(p->st, rest, &at) != NULL;
        else if (kd_bytes_eq_str(what, "feature"))
            met = has_feature(rest);
        if (!met)
            return kd_refuse_word(p, KD_WHY_REQUIRES, all);
    }
    return true;
}

static bool refused(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)v;
    return kd_refuse(p, (enum kd_why)kw->arg);
}

static bool ignored(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)p, (void)kw, (void)v;
    return true;
}

static bool bypass(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw, (void)v;
    p->rule.bypass = true;
    return true;
}

static bool prefilter(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw, (void)v;
    p->rule.prefilter = true;
    return true;
}

/* "logging disable, type tx, scope tx" */
static bool config(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    enum { WORDS_MAX = 8 };
    struct kd_cond *c = kd_parse_act(p, KD_COND_CONFIG);
    struct kd_bytes *word = kd_arena_alloc(&p->st->mem, WORDS_MAX * sizeof(*word));
    if (c == NULL)
        return false;
    if (word == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    c->is.words.word = word;
    while (v.n > 0 && c->is.words.n < WORDS_MAX)
        word[c->is.words.n++] = kd_parse_copy(p, kd_cut_word(&v, ','));
    return true;
}

const struct kd_keyword kd_keywords_meta[] = {
    {"msg", msg, 0, KW_NEEDED, KW_MUST_QUOTE, false, "\"TEXT\"", "what the alert says",
     "検知時の文言"},
    {"sid", ident, ID_SID, KW_NEEDED, KW_PLAIN, false, "N", "number of the rule; needed",
     "ルールの番号(必須)"},
    {"gid", ident, ID_GID, KW_NEEDED, KW_PLAIN, false, "N", "number of the rule's group; 1",
     "ルールの組の番号(省略時 1)"},
    {"rev", ident, ID_REV, KW_NEEDED, KW_PLAIN, false, "N",
     "revision; of two rules with one sid the higher stays", "版。同じ sid では高い版が残る"},
    {"classtype", classtype, 0, KW_NEEDED, KW_PLAIN, false, "NAME",
     "class of classification.config, which gives the priority",
     "classification.config の分類(優先度が決まる)"},
    {"priority", priority, 0, KW_NEEDED, KW_PLAIN, false, "N", "priority, 1 highest",
     "優先度(1 が最高)"},
    {"reference", reference, 0, KW_NEEDED, KW_PLAIN, false, "TYPE,TEXT", "where to read more",
     "参考資料"},
    {"metadata", metadata, 0, KW_NEEDED, KW_MAY_QUOTE, false, "KEY VALUE, …",
     "facts about the rule", "ルールの付帯情報"},
    {"target", target, 0, KW_NEEDED, KW_PLAIN, false, "src_ip|dest_ip", "which side is attacked",
     "攻撃される側"},
    {"noalert", noalert, 0, KW_NONE, KW_PLAIN, false, NULL,
     "a match changes state and tells nothing", "一致しても通知しない(状態のみ変える)"},
    {"alert", noalert, 1, KW_NONE, KW_PLAIN, false, NULL, "a match tells (of rules that would not)",
     "一致したら通知する"},
    {"requires", requires, 0, KW_NEEDED, KW_PLAIN, false, "feature F|version >= V|keyword K, …",
     "the rule is for engines that have this", "必要とする機能"},
    {"prefilter", prefilter, 0, KW_NONE, KW_PLAIN, false, NULL, "test this before others",
     "先に調べる"},
    {"bypass", bypass, 0, KW_NONE, KW_PLAIN, false, NULL,
     "rules look no further into a conversation where it matched", "一致した通信を以後ルールで調べない"},
    {"logto", ignored, 0, KW_NEEDED, KW_MAY_QUOTE, false, "NAME", "read and without effect",
     "読むが効果はない"},
    {"config", config, 0, KW_NEEDED, KW_PLAIN, false, "logging disable, type tx, scope tx",
     "how the transaction is recorded", "記録のしかた"},
    {"lua,luajit,luaxform", refused, KD_WHY_LUA, KW_OPTIONAL, KW_MAY_QUOTE, true, "FILE",
     "Lua script: refused and counted", "Lua スクリプト(拒否して数える)"},
    {"asn1", refused, KD_WHY_SCRIPT, KW_OPTIONAL, KW_MAY_QUOTE, false, "…",
     "refused: no longer part of the language", "拒否(言語から除かれた)"},
    {"replace", refused, KD_WHY_REPLACE, KW_OPTIONAL, KW_MAY_QUOTE, false, "\"TEXT\"",
     "change the packet: refused", "パケットの書き換え(拒否)"},
    {0},
};
