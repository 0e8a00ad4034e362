/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions: "/EXPRESSION/FLAGS[, flow:NAME][, pkt:NAME]". */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rule/internal.h"

static const struct {
    char letter;
    uint16_t flag;
} flags[] = {{'i', KD_PCRE_I}, {'m', KD_PCRE_M}, {'s', KD_PCRE_S},
             {'x', KD_PCRE_X}, {'A', KD_PCRE_A}, {'E', KD_PCRE_E},
             {'G', KD_PCRE_G}, {'R', KD_PCRE_R}, {'O', KD_PCRE_O}};

/* Older letters that name a buffer. */
static const struct {
    char letter;
    enum kd_inspect in;
} buffers[] = {
    {'U', KD_IN_HTTP_URI},          {'I', KD_IN_HTTP_URI_RAW},       {'H', KD_IN_HTTP_HEADER},
    {'D', KD_IN_HTTP_HEADER_RAW},   {'M', KD_IN_HTTP_METHOD},        {'C', KD_IN_HTTP_COOKIE},
    {'P', KD_IN_HTTP_REQUEST_BODY}, {'Q', KD_IN_HTTP_RESPONSE_BODY}, {'V', KD_IN_HTTP_USER_AGENT},
    {'W', KD_IN_HTTP_HOST},         {'Z', KD_IN_HTTP_HOST_RAW},      {'Y', KD_IN_HTTP_STAT_MSG},
    {'S', KD_IN_HTTP_STAT_CODE},
};

struct letters {
    uint16_t flags;
    enum kd_inspect in; /* KD_IN_COUNT: none named */
};

static bool letter(struct kd_parse *p, uint8_t c, struct letters *ret)
{
    if (c == 'B') /* raw bytes: what the payload is anyway */
        return true;
    for (size_t i = 0; i < KD_COUNT(flags); i++)
        if (flags[i].letter == (char)c) {
            ret->flags |= flags[i].flag;
            return true;
        }
    for (size_t i = 0; i < KD_COUNT(buffers); i++)
        if (buffers[i].letter == (char)c) {
            if (ret->in != KD_IN_COUNT && ret->in != buffers[i].in)
                return kd_refuse(p, KD_WHY_PCRE_FLAG);
            ret->in = buffers[i].in;
            return true;
        }
    return kd_refuse(p, KD_WHY_PCRE_FLAG);
}

/* "flow:NAME, pkt:NAME, alert:NAME" */
static bool captures(struct kd_parse *p, struct kd_bytes text, struct kd_pcre *ret)
{
    enum { CAPTURES_MAX = 8 };
    struct kd_capture *c = kd_arena_alloc(&p->st->mem, CAPTURES_MAX * sizeof(*c));
    if (c == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    ret->capture = c;
    while (text.n > 0) {
        struct kd_bytes name = kd_cut_word(&text, ',');
        struct kd_bytes to = kd_cut_word(&name, ':');
        if (ret->n_captures >= CAPTURES_MAX)
            return kd_refuse(p, KD_WHY_PCRE_CAPTURES);
        c->to = kd_bytes_eq_str(to, "flow")    ? KD_CAPTURE_FLOW
                : kd_bytes_eq_str(to, "alert") ? KD_CAPTURE_ALERT
                                               : KD_CAPTURE_PKT;
        if ((c->to == KD_CAPTURE_PKT && !kd_bytes_eq_str(to, "pkt")) || name.n == 0)
            return kd_refuse_word(p, KD_WHY_VALUE, to);
        c->name = kd_parse_copy(p, kd_bytes_trim(name));
        c++;
        ret->n_captures++;
    }
    return true;
}

/* Is it an expression at all?  Compiled once more by the matcher, with limits on match and depth.
 */
static bool compiles(struct kd_parse *p, const struct kd_pcre *re)
{
    int error;
    size_t offset;
    uint32_t options = 0, n_captures = 0;
    options |= re->flags & KD_PCRE_X ? PCRE2_EXTENDED : 0;
    pcre2_code *code = pcre2_compile(re->pattern.p, re->pattern.n, options, &error, &offset, NULL);
    if (code == NULL)
        return kd_refuse(p, KD_WHY_PCRE_COMPILE);
    (void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n_captures);
    pcre2_code_free(code);
    return re->n_captures <= n_captures || kd_refuse(p, KD_WHY_PCRE_CAPTURES);
}

static size_t last_slash(struct kd_bytes v)
{
    for (size_t i = v.n; i > 1; i--)
        if (v.p[i - 1] == '/')
            return i - 1;
    return 0;
}

/* A letter that names the sticky buffer again says nothing new. */
static bool is_in_force(const struct kd_parse *p, enum kd_inspect in)
{
    return p->next.in == in || (p->next.in == KD_IN_FILE_DATA && in == KD_IN_HTTP_RESPONSE_BODY);
}

static bool pcre(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_pcre re = {0};
    struct letters l = {.in = KD_IN_COUNT};
    (void)kw;
    size_t end = last_slash(v);
    if (kd_bytes_at(v, 0) != '/' || end == 0)
        return kd_refuse_word(p, KD_WHY_PCRE_FORM, v);
    struct kd_bytes tail = kd_bytes_from(v, end + 1);
    struct kd_bytes letters = kd_cut_word(&tail, ',');
    struct kd_bytes body = kd_bytes_of(v.p + 1, end - 1);
    if (body.n == 0)
        return kd_refuse_word(p, KD_WHY_EMPTY, v);
    if (body.n > p->lim->rule_pcre_bytes)
        return kd_refuse_word(p, KD_WHY_PCRE_LONG, v);
    for (size_t i = 0; i < letters.n; i++)
        if (!letter(p, letters.p[i], &l)) {
            p->what = kd_bytes_from(letters, i);
            return false;
        }
    re.pattern = kd_parse_copy(p, body);
    re.flags = l.flags;
    if (tail.n > 0 && !captures(p, tail, &re))
        return false;
    p->what = body;
    if (!compiles(p, &re))
        return false;
    struct kd_cond *c;
    if (l.in != KD_IN_COUNT && p->sticky && !is_in_force(p, l.in))
        return kd_refuse(p, KD_WHY_STICKY_SET);
    if (l.in != KD_IN_COUNT && !p->sticky) {
        (void)kd_parse_app(p, KD_RP_HTTP);
        c = kd_parse_sought_in(p, KD_COND_PCRE, l.in);
    } else if (re.flags & KD_PCRE_R) {
        c = kd_parse_sought_next(p, KD_COND_PCRE);
    } else {
        c = kd_parse_sought(p, KD_COND_PCRE);
    }
    if (c == NULL)
        return false;
    c->negated = p->negated;
    c->is.pcre = re;
    return true;
}

const struct kd_keyword kd_keywords_pcre[] = {
    {"pcre", pcre, 0, KW_NEEDED, KW_MAY_QUOTE, true,
     "[!]\"/EXPRESSION/FLAGS[, flow:NAME][, pkt:NAME]\"",
     "a regular expression (PCRE2); i m s x A E G as in Perl, R relative to the last match, U I H "
     "D M C P Q V W Z Y S older names of HTTP buffers",
     "正規表現 (PCRE2)。i m s x A E G は Perl と同じ、R は前の一致から、U I H D M C P Q V W Z Y S "
     "は旧式の HTTP バッファー名"},
    {0},
};
