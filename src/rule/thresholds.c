/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/thresholds.h"

#include "rule/internal.h"

enum { BUF_MAX = KD_POOL_LARGE, WORD_MAX = 80 };

struct entry {
    uint32_t gid, sid;
    bool has_gid, has_sid, has_ip;
    enum kd_suppress_by by;
    struct kd_bytes ip, rest; /* rest: the words of a threshold, from "type" on */
};

/* "gen_id 1, sig_id 2, …" */
static bool identity(struct kd_parse *p, struct kd_bytes *text, struct entry *e)
{
    for (unsigned i = 0; i < 2; i++) {
        struct kd_bytes number = kd_cut_word(text, ',');
        struct kd_bytes name = kd_cut_blank(&number);
        bool gid = kd_bytes_eq_str(name, "gen_id"), sid = kd_bytes_eq_str(name, "sig_id");
        uint64_t n;
        if ((!gid && !sid) || !kd_bytes_to_u64(number, UINT32_MAX, &n))
            return kd_refuse_word(p, KD_WHY_THRESHOLD_LINE, name);
        *(gid ? &e->gid : &e->sid) = (uint32_t)n;
        *(gid ? &e->has_gid : &e->has_sid) = true;
    }
    *text = kd_bytes_trim(*text);
    return (e->has_gid && e->has_sid) || kd_refuse(p, KD_WHY_THRESHOLD_LINE);
}

static bool suppress_by(struct kd_bytes v, enum kd_suppress_by *ret)
{
    *ret = kd_bytes_eq_str(v, "by_src")      ? KD_SUPPRESS_SRC
           : kd_bytes_eq_str(v, "by_dst")    ? KD_SUPPRESS_DST
           : kd_bytes_eq_str(v, "by_either") ? KD_SUPPRESS_EITHER
                                             : KD_SUPPRESS_ALL;
    return *ret != KD_SUPPRESS_ALL;
}

/* "[, track by_src|by_dst|by_either, ip ADDRESSES]" */
static bool suppress(struct kd_parse *p, struct kd_bytes text, struct entry *e)
{
    struct kd_suppression s = {.gid = e->gid, .sid = e->sid};
    if (text.n > 0) {
        struct kd_bytes track = kd_cut_word(&text, ',');
        struct kd_bytes ip = kd_bytes_trim(text), all = track;
        if (!kd_bytes_eq_str(kd_cut_blank(&track), "track") || !suppress_by(track, &s.by))
            return kd_refuse_word(p, KD_WHY_THRESHOLD_LINE, all);
        if (!kd_bytes_eq_str(kd_cut_blank(&ip), "ip"))
            return kd_refuse_word(p, KD_WHY_THRESHOLD_LINE, text);
        if (!kd_parse_addresses(p, ip, &s.addrs))
            return false;
    }
    return kd_buf_add(&p->st->suppressions, p->st->pool, kd_bytes_of(&s, sizeof(s)), BUF_MAX) ||
           kd_refuse(p, KD_WHY_NO_MEMORY);
}

static bool names_rule(const struct entry *e, const struct kd_rule *r)
{
    return (e->gid == 0 || e->gid == r->gid) && (e->sid == 0 || e->sid == r->sid);
}

/* ", type T, track BY, count N, seconds S" */
static bool threshold(struct kd_parse *p, struct kd_bytes text, const struct entry *e)
{
    enum { ALL_FOUR = 15 };
    struct kd_threshold t = {0};
    unsigned has;
    if (!kd_threshold_words(text, &t, &has) || has != ALL_FOUR || t.count == 0)
        return kd_refuse_word(p, KD_WHY_THRESHOLD, text);
    struct kd_rules *rules = p->rules;
    for (uint32_t i = 0; i < rules->n; i++) {
        struct kd_rule *r = rules->rule[i];
        if (names_rule(e, r) && r->threshold.kind == KD_THRESHOLD_NONE &&
            r->filter.kind == KD_THRESHOLD_NONE)
            r->threshold = t;
    }
    return true;
}

static bool line(struct kd_parse *p, struct kd_bytes text)
{
    struct entry e = {0};
    struct kd_bytes rest = text;
    struct kd_bytes what = kd_cut_blank(&rest);
    p->what = what;
    if (kd_bytes_eq_str(what, "rate_filter"))
        return kd_refuse(p, KD_WHY_RATE_FILTER);
    bool suppresses = kd_bytes_eq_str(what, "suppress");
    if (!suppresses && !kd_bytes_eq_str(what, "threshold") &&
        !kd_bytes_eq_str(what, "event_filter"))
        return kd_refuse(p, KD_WHY_THRESHOLD_LINE);
    return identity(p, &rest, &e) && (suppresses ? suppress(p, rest, &e) : threshold(p, rest, &e));
}

static enum kd_status note(struct kd_rules *rules, const struct kd_parse *p, uint32_t file,
                           uint32_t number, struct kd_bytes text)
{
    struct kd_rules_state *st = rules->state;
    const uint8_t *at = p->what.p;
    bool inside = at >= text.p && at < text.p + text.n;
    struct kd_refusal r = {.file = (uint16_t)file, .line = number, .column = 1};
    r.column += inside ? (uint32_t)(at - text.p) : 0;
    r.what = kd_arena_copy(&st->mem, p->what, WORD_MAX);
    kd_refusal_explain(&r, p->why);
    return kd_buf_add(&st->bad_lines, st->pool, kd_bytes_of(&r, sizeof(r)), BUF_MAX) ? KD_OK
                                                                                     : KD_NO_MEMORY;
}

enum kd_status kd_rules_thresholds(struct kd_rules *rules, const char *name, struct kd_bytes text)
{
    struct kd_rules_state *st = rules->state;
    struct kd_parse *p = &st->parse;
    uint32_t file = kd_nametab_add(&st->files, st->pool, &st->mem, kd_str(name), UINT16_MAX),
             number = 0;
    enum kd_status s = file == KD_NAME_NONE ? KD_LIMIT : KD_OK;
    p->rules = rules;
    p->lim = st->lim;
    while (s == KD_OK && text.n > 0) {
        struct kd_bytes one = kd_bytes_cut(&text, '\n');
        number++;
        if (one.n > 0 && one.p[one.n - 1] == '\r')
            one.n--;
        struct kd_bytes b = kd_bytes_trim(one);
        if (b.n > 0 && b.p[0] != '#' && !line(p, b))
            s = note(rules, p, file, number, one);
    }
    rules->files =
        (struct kd_names){st->files.n, (const struct kd_bytes *)(const void *)st->files.names.p};
    rules->suppression = (const struct kd_suppression *)(const void *)st->suppressions.p;
    rules->n_suppressions = (uint32_t)(st->suppressions.n / sizeof(struct kd_suppression));
    rules->bad_line = (const struct kd_refusal *)(const void *)st->bad_lines.p;
    rules->n_bad_lines = (uint32_t)(st->bad_lines.n / sizeof(struct kd_refusal));
    return s;
}

bool kd_addr_set_has(const struct kd_addr_set *set, const struct kd_addr *a)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (kd_addr_cmp(&set->range[mid].last, a) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return set->any || (low < set->n && kd_addr_cmp(&set->range[low].first, a) <= 0);
}

bool kd_rules_suppressed(const struct kd_rules *rules, const struct kd_rule *rule,
                         const struct kd_addr *src, const struct kd_addr *dst)
{
    for (uint32_t i = 0; i < rules->n_suppressions; i++) {
        const struct kd_suppression *s = &rules->suppression[i];
        if ((s->gid != 0 && s->gid != rule->gid) || (s->sid != 0 && s->sid != rule->sid))
            continue;
        if (s->by == KD_SUPPRESS_ALL ||
            (s->by != KD_SUPPRESS_DST && kd_addr_set_has(s->addrs, src)) ||
            (s->by != KD_SUPPRESS_SRC && kd_addr_set_has(s->addrs, dst)))
            return true;
    }
    return false;
}
