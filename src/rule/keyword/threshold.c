/* SPDX-License-Identifier: Apache-2.0 */
/* How often: threshold, detection_filter; and tag. */
#include "rule/internal.h"

static bool track(struct kd_bytes v, enum kd_track *ret)
{
    static const char *const names[] = {"by_rule", "by_src", "by_dst", "by_both", "by_flow"};
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_eq_str(v, names[i])) {
            *ret = (enum kd_track)i;
            return true;
        }
    return false;
}

static bool kind(struct kd_bytes v, enum kd_threshold_kind *ret)
{
    static const struct {
        const char *name;
        enum kd_threshold_kind kind;
    } kinds[] = {{"limit", KD_THRESHOLD_LIMIT},
                 {"threshold", KD_THRESHOLD_THRESHOLD},
                 {"both", KD_THRESHOLD_BOTH},
                 {"backoff", KD_THRESHOLD_BACKOFF}};
    for (size_t i = 0; i < KD_COUNT(kinds); i++)
        if (kd_bytes_eq_str(v, kinds[i].name)) {
            *ret = kinds[i].kind;
            return true;
        }
    return false;
}

static bool unique_on(struct kd_bytes v, enum kd_unique *ret)
{
    static const char *const names[] = {"", "src_port", "dst_port"};
    for (unsigned i = 1; i < KD_COUNT(names); i++)
        if (kd_bytes_eq_str(v, names[i])) {
            *ret = (enum kd_unique)i;
            return true;
        }
    return false;
}

enum {
    HAS_TYPE = 1,
    HAS_TRACK = 2,
    HAS_COUNT = 4,
    HAS_SECONDS = 8,
    HAS_MULTIPLIER = 16,
    HAS_UNIQUE = 32
};

enum { ENOUGH = HAS_TRACK | HAS_COUNT | HAS_SECONDS };

bool kd_threshold_words(struct kd_bytes v, struct kd_threshold *t, unsigned *ret_has)
{
    static const char *const names[] = {"type",    "track",      "count",
                                        "seconds", "multiplier", "unique_on"};
    *ret_has = 0;
    while (v.n > 0) {
        struct kd_bytes rest = kd_cut_word(&v, ',');
        struct kd_bytes word = kd_cut_blank(&rest);
        uint64_t n = 0;
        unsigned i = 0;
        while (i < KD_COUNT(names) && !kd_bytes_eq_str(word, names[i]))
            i++;
        bool enough = (*ret_has & ENOUGH) == ENOUGH;
        if (i == KD_COUNT(names) && enough)
            return true; /* what stands behind all that is needed is not looked at, as in Suricata
                          */
        if (i == KD_COUNT(names) || (*ret_has & 1u << i) != 0)
            return false;
        *ret_has |= 1u << i;
        rest = kd_cut_blank(&rest);
        if (i >= 2 && i <= 4 && !kd_bytes_to_u64(rest, UINT32_MAX, &n))
            return false;
        if ((i == 0 && !kind(rest, &t->kind)) || (i == 1 && !track(rest, &t->track)) ||
            (i == 5 && !unique_on(rest, &t->unique)))
            return false;
        if (i == 2)
            t->count = (uint32_t)n;
        if (i == 3)
            t->seconds = (uint32_t)n;
        if (i == 4)
            t->multiplier = (uint32_t)n;
    }
    return true;
}

static bool threshold(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_threshold t = {0};
    unsigned has;
    (void)kw;
    if (p->rule.threshold.kind != KD_THRESHOLD_NONE || p->rule.filter.kind != KD_THRESHOLD_NONE)
        return kd_refuse(p, KD_WHY_THRESHOLD_TWICE);
    bool ok = kd_threshold_words(v, &t, &has) && t.count > 0;
    if (t.kind == KD_THRESHOLD_BACKOFF)
        ok = ok && has == (HAS_TYPE | HAS_TRACK | HAS_COUNT | HAS_MULTIPLIER) && t.multiplier > 0 &&
             t.track == KD_TRACK_FLOW;
    else
        ok = ok && has == (HAS_TYPE | HAS_TRACK | HAS_COUNT | HAS_SECONDS) && t.seconds > 0;
    if (!ok)
        return kd_refuse_word(p, KD_WHY_THRESHOLD, v);
    p->rule.threshold = t;
    return true;
}

static bool detection_filter(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_threshold t = {0};
    unsigned has;
    (void)kw;
    if (p->rule.threshold.kind != KD_THRESHOLD_NONE || p->rule.filter.kind != KD_THRESHOLD_NONE)
        return kd_refuse(p, KD_WHY_THRESHOLD_TWICE);
    bool ok = kd_threshold_words(v, &t, &has);
    has &= ~(unsigned)HAS_UNIQUE;
    if (!ok || has != (HAS_TRACK | HAS_COUNT | HAS_SECONDS) || t.count == 0 || t.seconds == 0)
        return kd_refuse_word(p, KD_WHY_THRESHOLD, v);
    t.kind = KD_THRESHOLD_THRESHOLD;
    p->rule.filter = t;
    return true;
}

/* "session|host,N,packets|seconds|bytes[,src|dst]" */
static bool tag(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char *const metrics[] = {"", "packets", "seconds", "bytes"};
    enum { PACKETS_DEFAULT = 256 };
    struct kd_tag t = {.set = true, .metric = KD_TAG_PACKETS, .count = PACKETS_DEFAULT};
    uint64_t n;
    (void)kw;
    struct kd_bytes what = kd_cut_word(&v, ','), count = kd_cut_word(&v, ',');
    struct kd_bytes metric = kd_cut_word(&v, ','), side = kd_bytes_trim(v);
    t.host = kd_bytes_eq_str(what, "host");
    if (!t.host && !kd_bytes_eq_str(what, "session"))
        return kd_refuse_word(p, KD_WHY_VALUE, what);
    if (count.n > 0) {
        unsigned i = 1;
        while (i < KD_COUNT(metrics) && !kd_bytes_eq_str(metric, metrics[i]))
            i++;
        if (i == KD_COUNT(metrics) || !kd_bytes_to_u64(count, UINT32_MAX, &n) || n == 0)
            return kd_refuse_word(p, KD_WHY_VALUE, count);
        t.count = (uint32_t)n;
        t.metric = (enum kd_tag_metric)i;
    }
    t.dst = kd_bytes_eq_str(side, "dst");
    if (side.n > 0 && !t.dst && !kd_bytes_eq_str(side, "src"))
        return kd_refuse_word(p, KD_WHY_VALUE, side);
    p->rule.tag = t;
    return true;
}

const struct kd_keyword kd_keywords_threshold[] = {
    {"threshold", threshold, 0, KW_NEEDED, KW_PLAIN, false,
     "type limit|threshold|both, track by_src|by_dst|by_both|by_rule|by_flow, count N, seconds S; "
     "or type backoff, track by_flow, count N, multiplier M",
     "how many of the matches are told", "通知する回数"},
    {"detection_filter", detection_filter, 0, KW_NEEDED, KW_PLAIN, false,
     "track by_src|by_dst|by_both|by_rule|by_flow, count N, seconds S[, unique_on "
     "src_port|dst_port]",
     "tells from beyond so many matches on", "この回数を超えてから通知する"},
    {"tag", tag, 0, KW_NEEDED, KW_PLAIN, false, "session|host[,N,packets|seconds|bytes[,src|dst]]",
     "what is recorded behind the alert", "検知後に記録する範囲"},
    {0},
};
