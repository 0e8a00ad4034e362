/* SPDX-License-Identifier: Apache-2.0 */
/* content and what stands behind it. */
#include "rule/internal.h"

static int hex_digit(uint8_t c)
{
    c = kd_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool kd_parse_pattern(struct kd_parse *p, struct kd_bytes text, struct kd_bytes *ret)
{
    uint8_t *to = kd_arena_alloc(&p->st->mem, text.n + 1);
    size_t n = 0;
    bool hex = false;
    int high = -1;
    if (to == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == '|') {
            if (high >= 0)
                return kd_refuse_word(p, KD_WHY_HEX, text);
            hex = !hex;
        } else if (hex) {
            int d = hex_digit(c);
            if (c == ' ' || c == ',')
                continue;
            if (d < 0)
                return kd_refuse_word(p, KD_WHY_HEX, kd_bytes_from(text, i));
            if (high >= 0)
                to[n++] = (uint8_t)(high << 4 | d);
            high = high >= 0 ? -1 : d;
        } else if (c == '\\') {
            if (++i >= text.n || strchr(":;\\\"", text.p[i]) == NULL)
                return kd_refuse_word(p, KD_WHY_ESCAPE, kd_bytes_from(text, i - 1));
            to[n++] = text.p[i];
        } else if (c == '"') {
            return kd_refuse_word(p, KD_WHY_ESCAPE, kd_bytes_from(text, i));
        } else {
            to[n++] = c;
        }
    }
    if (hex || high >= 0)
        return kd_refuse_word(p, KD_WHY_HEX, text);
    if (n == 0)
        return kd_refuse_word(p, KD_WHY_EMPTY, text);
    if (n > UINT16_MAX)
        return kd_refuse_word(p, KD_WHY_LINE_TOO_LONG, text);
    *ret = kd_bytes_of(to, n);
    return true;
}

static bool content(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c;
    if (kw->arg != 0) {
        if (p->sticky)
            return kd_refuse(p, KD_WHY_STICKY_SET);
        c = kd_parse_sought_in(p, KD_COND_CONTENT, KD_IN_HTTP_URI);
        (void)kd_parse_app(p, KD_RP_HTTP);
    } else {
        c = kd_parse_sought(p, KD_COND_CONTENT);
    }
    if (c == NULL)
        return false;
    p->last_content = kd_parse_pending_count(p) - 1;
    c->negated = p->negated;
    struct kd_content *k = &c->is.content;
    k->offset.var = k->depth.var = k->distance.var = k->within.var = -1;
    return kd_parse_pattern(p, v, &k->bytes);
}

static struct kd_cond *last(struct kd_parse *p)
{
    if (p->last_content < 0)
        return kd_refuse(p, KD_WHY_NO_CONTENT), NULL;
    return &kd_parse_pending(p, p->last_content)->cond;
}

enum { ABSOLUTE = KD_CONTENT_OFFSET | KD_CONTENT_DEPTH | KD_CONTENT_STARTS };
enum { RELATIVE = KD_CONTENT_DISTANCE | KD_CONTENT_WITHIN };

static bool nocase(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = last(p);
    (void)kw, (void)v;
    if (c == NULL)
        return false;
    struct kd_content *k = &c->is.content;
    if (k->flags & KD_CONTENT_NOCASE)
        return kd_refuse(p, KD_WHY_TWICE);
    k->flags |= KD_CONTENT_NOCASE;
    return true;
}

static bool rawbytes(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = last(p);
    (void)kw, (void)v;
    if (c == NULL)
        return false;
    if (c->is.content.flags & KD_CONTENT_RAWBYTES)
        return kd_refuse(p, KD_WHY_TWICE);
    if (p->sticky)
        return kd_refuse(p, KD_WHY_STICKY_SET);
    c->is.content.flags |= KD_CONTENT_RAWBYTES;
    return true;
}

/* offset, depth, distance, within */
static bool position(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = last(p);
    if (c == NULL)
        return false;
    struct kd_content *k = &c->is.content;
    bool relative = (kw->arg & RELATIVE) != 0;
    struct kd_value *to = kw->arg == KD_CONTENT_OFFSET     ? &k->offset
                          : kw->arg == KD_CONTENT_DEPTH    ? &k->depth
                          : kw->arg == KD_CONTENT_DISTANCE ? &k->distance
                                                           : &k->within;
    if (k->flags & kw->arg)
        return kd_refuse(p, KD_WHY_TWICE);
    if (k->flags & (relative ? ABSOLUTE : RELATIVE | KD_CONTENT_STARTS))
        return kd_refuse(p, KD_WHY_MIXED_POSITION);
    enum { FAR = 1 << 20 };
    int64_t least = relative ? -FAR : 0, most = relative ? FAR : UINT16_MAX;
    if (!kd_parse_value(p, v, least, most, to))
        return false;
    bool too_short = kw->arg == KD_CONTENT_DEPTH || kw->arg == KD_CONTENT_WITHIN;
    if (too_short && to->var < 0 && to->n < (int64_t)k->bytes.n)
        return kd_refuse_word(p, KD_WHY_DEPTH_SHORT, v);
    k->flags |= (uint16_t)kw->arg;
    return true;
}

static bool startswith(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = last(p);
    (void)kw, (void)v;
    if (c == NULL)
        return false;
    struct kd_content *k = &c->is.content;
    if (k->flags & (ABSOLUTE | RELATIVE))
        return kd_refuse(p, k->flags & KD_CONTENT_STARTS ? KD_WHY_TWICE : KD_WHY_MIXED_POSITION);
    k->flags |= KD_CONTENT_STARTS | KD_CONTENT_DEPTH | KD_CONTENT_OFFSET;
    k->depth.n = (int64_t)k->bytes.n;
    return true;
}

static bool endswith(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = last(p);
    (void)kw, (void)v;
    if (c == NULL)
        return false;
    struct kd_content *k = &c->is.content;
    if (k->flags & KD_CONTENT_ENDS)
        return kd_refuse(p, KD_WHY_TWICE);
    if (k->flags & (KD_CONTENT_RAWBYTES | KD_CONTENT_FAST_CHOP))
        return kd_refuse(p, KD_WHY_ENDS_WITH);
    k->flags |= KD_CONTENT_ENDS;
    return true;
}

/* "5,10": only this part. */
static bool chop(struct kd_parse *p, struct kd_cond *c, struct kd_bytes v)
{
    struct kd_content *k = &c->is.content;
    uint64_t offset, length;
    struct kd_bytes rest = v;
    struct kd_bytes head = kd_cut_word(&rest, ',');
    if (!kd_bytes_to_u64(head, UINT16_MAX, &offset) ||
        !kd_bytes_to_u64(kd_bytes_trim(rest), UINT16_MAX, &length) || length == 0)
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    if (offset + length > k->bytes.n)
        return kd_refuse_word(p, KD_WHY_FAST_RANGE, v);
    if (c->negated)
        return kd_refuse(p, KD_WHY_FAST_ONLY);
    k->fast_offset = (uint16_t)offset;
    k->fast_length = (uint16_t)length;
    k->flags |= KD_CONTENT_FAST_CHOP;
    return true;
}

static bool fast_pattern(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = last(p);
    (void)kw;
    if (c == NULL)
        return false;
    struct kd_content *k = &c->is.content;
    if (p->has_fast)
        return kd_refuse(p, KD_WHY_FAST_TWICE);
    if (c->negated && (k->flags & (ABSOLUTE | RELATIVE)))
        return kd_refuse(p, KD_WHY_NEGATED_RELATIVE);
    p->has_fast = true;
    k->flags |= KD_CONTENT_FAST;
    if (kd_bytes_eq_str(v, "only")) {
        if (c->negated || (k->flags & (ABSOLUTE | RELATIVE)))
            return kd_refuse(p, KD_WHY_FAST_ONLY);
        k->flags |= KD_CONTENT_FAST_ONLY;
        return true;
    }
    return v.n == 0 || chop(p, c, v);
}

/* "[!]10[,relative][,rawbytes]" */
static bool isdataat(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bytes rest = v;
    (void)kw;
    struct kd_bytes size = kd_cut_word(&rest, ',');
    struct kd_isdataat at = {.size = {.var = -1}};
    bool negated = kd_bytes_at(size, 0) == '!';
    if (negated)
        size = kd_bytes_trim(kd_bytes_from(size, 1));
    while (rest.n > 0) {
        struct kd_bytes word = kd_cut_word(&rest, ',');
        if (kd_bytes_eq_str(word, "relative"))
            at.relative = true;
        else if (!kd_bytes_eq_str(word, "rawbytes"))
            return kd_refuse_word(p, KD_WHY_VALUE, word);
    }
    if (!kd_parse_value(p, size, 0, UINT16_MAX, &at.size))
        return false;
    struct kd_cond *c = at.relative ? kd_parse_sought_next(p, KD_COND_ISDATAAT)
                                    : kd_parse_sought(p, KD_COND_ISDATAAT);
    if (c == NULL)
        return false;
    c->negated = negated;
    c->is.isdataat = at;
    return true;
}

static bool bsize(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    if (!p->sticky)
        return kd_refuse(p, KD_WHY_NO_BUFFER);
    struct kd_cond *c = kd_parse_sought(p, KD_COND_BSIZE);
    if (c == NULL)
        return false;
    return kd_range_parse(v, 64, "", &c->is.range) || kd_refuse_word(p, KD_WHY_RANGE, v);
}

static bool absent(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    if (!p->sticky)
        return kd_refuse(p, KD_WHY_NO_BUFFER);
    if (v.n > 0 && !kd_bytes_eq_str(v, "or_else"))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    struct kd_cond *c = kd_parse_sought(p, KD_COND_ABSENT);
    if (c == NULL)
        return false;
    c->is.words.a = v.n > 0;
    return true;
}

/* "[bytes N][, offset N][, relative]" */
static bool base64_decode(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_base64_decode d = {0};
    (void)kw;
    while (v.n > 0) {
        struct kd_bytes rest = kd_cut_word(&v, ','), all = rest;
        struct kd_bytes word = kd_cut_blank(&rest);
        int64_t n = 0;
        if (kd_bytes_eq_str(word, "relative"))
            d.relative = true;
        else if (!kd_parse_i64(rest, 0, UINT16_MAX, &n))
            return kd_refuse_word(p, KD_WHY_VALUE, all);
        else if (kd_bytes_eq_str(word, "bytes"))
            d.nbytes = (uint32_t)n;
        else if (kd_bytes_eq_str(word, "offset"))
            d.offset = (uint32_t)n;
        else
            return kd_refuse_word(p, KD_WHY_VALUE, all);
    }
    struct kd_cond *c = d.relative ? kd_parse_sought_next(p, KD_COND_BASE64_DECODE)
                                   : kd_parse_sought(p, KD_COND_BASE64_DECODE);
    if (c != NULL)
        c->is.base64_decode = d;
    return c != NULL;
}

/* "4.14" in thousandths. */
static bool milli(struct kd_bytes text, uint32_t *ret)
{
    struct kd_bytes tail = text;
    struct kd_bytes head = kd_bytes_cut(&tail, '.');
    uint64_t whole, part = 0;
    if (!kd_bytes_to_u64(head, 8, &whole) || tail.n > 3 ||
        (tail.n > 0 && !kd_bytes_to_u64(tail, 999, &part)))
        return false;
    for (size_t i = tail.n; i < 3; i++)
        part *= 10;
    *ret = (uint32_t)(whole * 1000 + part);
    return true;
}

static bool entropy_value(struct kd_bytes text, struct kd_entropy *e)
{
    static const struct {
        const char *sign;
        enum kd_byte_op op;
    } ops[] = {{">=", KD_OP_GE}, {"<=", KD_OP_LE}, {"!=", KD_OP_NE}, {"==", KD_OP_EQ},
               {">", KD_OP_GT},  {"<", KD_OP_LT},  {"=", KD_OP_EQ}};
    e->op = KD_OP_EQ;
    for (size_t i = 0; i < KD_COUNT(ops); i++)
        if (kd_bytes_starts(text, kd_str(ops[i].sign))) {
            e->op = ops[i].op;
            return milli(kd_bytes_trim(kd_bytes_from(text, strlen(ops[i].sign))), &e->milli);
        }
    struct kd_bytes tail = text;
    e->outside = kd_bytes_at(tail, 0) == '!';
    if (e->outside)
        tail = kd_bytes_from(tail, 1);
    struct kd_bytes head = kd_cut_word(&tail, '-');
    e->between = tail.n > 0;
    if (e->outside && !e->between)
        e->op = KD_OP_NE;
    return milli(head, &e->milli) && (!e->between || milli(kd_bytes_trim(tail), &e->milli_to));
}

/* "[bytes N,][offset N,] value >= 4.5" */
static bool entropy(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_entropy e = {0};
    bool has_value = false;
    (void)kw;
    while (v.n > 0) {
        struct kd_bytes rest = kd_cut_word(&v, ','), all = rest;
        struct kd_bytes word = kd_cut_blank(&rest);
        int64_t n = 0;
        if (kd_bytes_eq_str(word, "value")) {
            has_value = true;
            if (!entropy_value(rest, &e))
                return kd_refuse_word(p, KD_WHY_VALUE, all);
            continue;
        }
        bool bytes = kd_bytes_eq_str(word, "bytes");
        if ((!bytes && !kd_bytes_eq_str(word, "offset")) || !kd_parse_i64(rest, 0, INT32_MAX, &n))
            return kd_refuse_word(p, KD_WHY_VALUE, all);
        *(bytes ? &e.nbytes : &e.offset) = (uint32_t)n;
    }
    if (!has_value)
        return kd_refuse(p, KD_WHY_VALUE_MISSING);
    struct kd_cond *c = kd_parse_sought(p, KD_COND_ENTROPY);
    if (c != NULL)
        c->is.entropy = e;
    return c != NULL;
}

const struct kd_keyword kd_keywords_content[] = {
    {"content", content, 0, KW_NEEDED, KW_MUST_QUOTE, true, "[!]\"TEXT|HEX|\"", "these bytes",
     "このバイト列がある"},
    {"uricontent", content, 1, KW_NEEDED, KW_MUST_QUOTE, true, "[!]\"TEXT|HEX|\"",
     "these bytes in http.uri", "http.uri にこのバイト列がある"},
    {"nocase", nocase, 0, KW_NONE, KW_PLAIN, false, NULL, "letters without regard to case",
     "大文字・小文字を区別しない"},
    {"rawbytes", rawbytes, 0, KW_NONE, KW_PLAIN, false, NULL, "bytes as sent",
     "送られたままのバイト列"},
    {"offset", position, KD_CONTENT_OFFSET, KW_NEEDED, KW_PLAIN, false, "N|VARIABLE",
     "not before this offset", "この位置以降"},
    {"depth", position, KD_CONTENT_DEPTH, KW_NEEDED, KW_PLAIN, false, "N|VARIABLE",
     "within so many bytes from offset", "offset からこのバイト数以内"},
    {"distance", position, KD_CONTENT_DISTANCE, KW_NEEDED, KW_PLAIN, false, "N|VARIABLE",
     "so far behind the last match", "前の一致からの距離"},
    {"within", position, KD_CONTENT_WITHIN, KW_NEEDED, KW_PLAIN, false, "N|VARIABLE",
     "ends within so many bytes of the last match", "前の一致からこのバイト数以内"},
    {"startswith", startswith, 0, KW_NONE, KW_PLAIN, false, NULL, "at the start of the buffer",
     "バッファーの先頭"},
    {"endswith", endswith, 0, KW_NONE, KW_PLAIN, false, NULL, "at the end of the buffer",
     "バッファーの末尾"},
    {"fast_pattern", fast_pattern, 0, KW_OPTIONAL, KW_PLAIN, false, "[only|OFFSET,LENGTH]",
     "seek this content first", "最初に探す content"},
    {"isdataat", isdataat, 0, KW_NEEDED, KW_PLAIN, false, "[!]N|VARIABLE[,relative][,rawbytes]",
     "there is data at this offset", "この位置にデータがある"},
    {"bsize", bsize, 0, KW_NEEDED, KW_PLAIN, false, "RANGE", "length of the buffer",
     "バッファーの長さ"},
    {"absent", absent, 0, KW_OPTIONAL, KW_PLAIN, false, "[or_else]", "the buffer does not exist",
     "バッファーが存在しない"},
    {"base64_decode", base64_decode, 0, KW_OPTIONAL, KW_PLAIN, false,
     "[bytes N][,offset N][,relative]", "decode Base64 here, for base64_data",
     "ここから Base64 を復号し base64_data とする"},
    {"entropy", entropy, 0, KW_NEEDED, KW_PLAIN, false, "[bytes N,][offset N,]value COMPARISON",
     "entropy of the buffer, in bits per byte", "バッファーのエントロピー(ビット/バイト)"},
    {0},
};
