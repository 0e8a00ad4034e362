/* SPDX-License-Identifier: Apache-2.0 */
/* JSON (RFC 8259) read once from front to back, escapes undone in place: events of MISP, bundles of STIX, exports of
 * abuse.ch.  Nothing is built: an object is the few members that have a meaning here, and is judged where it ends. */
#include "object/internal.h"

enum { DEPTH_MAX = 48, CACHE = 64, KEY_MAX = 23 };

struct level {
    bool is_array;
    uint8_t key; /* enum kd_field its scalars belong to; KD_F_COUNT: none */
    struct kd_row row;
};

struct json {
    struct kd_feed *f;
    enum kd_feed_format format;
    uint8_t *p;
    size_t n, at;
    bool bad;
    size_t depth;
    struct level level[DEPTH_MAX];
    struct {
        uint8_t n, field;
        uint8_t key[KEY_MAX];
    } cache[CACHE]; /* of names, which come again in every object */
};

static void fail(struct json *j, const char *why)
{
    if (!j->bad)
        kd_feed_wrong(j->f, why, kd_bytes_head(kd_bytes_of(j->p + j->at, j->n - j->at), 30));
    j->bad = true;
}

static uint8_t peek(struct json *j)
{
    while (j->at < j->n && (j->p[j->at] == ' ' || j->p[j->at] == '\n' || j->p[j->at] == '\r' || j->p[j->at] == '\t'))
        j->f->line += j->p[j->at++] == '\n';
    return j->at < j->n ? j->p[j->at] : 0;
}

static bool is(struct json *j, uint8_t c)
{
    bool yes = peek(j) == c && j->at < j->n;
    j->at += yes;
    return yes;
}

static bool hex4(const struct json *j, size_t at, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = at; i < at + 4; i++) {
        uint8_t c = i < j->n ? kd_ascii_lower(j->p[i]) : 0;
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *ret = *ret << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

static size_t put_utf8(uint8_t *p, uint32_t c)
{
    if (c < 0x80) {
        p[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6)
        p[i] = (uint8_t)(0x80 | (c & 0x3f));
    p[0] = (uint8_t)((0xf00 >> n & 0xf0) | c);
    return n;
}

/* Behind a backslash: what it stands for goes to `to`, which is never ahead of where it is read. */
static size_t escape(struct json *j, uint8_t *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    uint8_t c = j->at < j->n ? j->p[j->at++] : 0;
    const char *known = c != 0 ? strchr(from, c) : NULL;
    uint32_t code, low;
    if (known != NULL) {
        *to = (uint8_t)into[known - from];
        return 1;
    }
    if (c != 'u' || !hex4(j, j->at, &code)) {
        fail(j, "no JSON: an escape that does not exist");
        return 0;
    }
    j->at += 4;
    bool high = code >= 0xd800 && code < 0xdc00;
    if (high && j->at + 6 <= j->n && j->p[j->at] == '\\' && j->p[j->at + 1] == 'u' && hex4(j, j->at + 2, &low) &&
        low >= 0xdc00 && low < 0xe000) {
        j->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
        code = 0xfffd;
    }
    return put_utf8(to, code);
}

static struct kd_bytes string(struct json *j)
{
    size_t begin = ++j->at, out = begin;
    while (j->at < j->n && j->p[j->at] != '"' && !j->bad) {
        uint8_t c = j->p[j->at++];
        j->f->line += c == '\n';
        if (c != '\\')
            j->p[out++] = c;
        else
            out += escape(j, j->p + out);
    }
    if (j->at >= j->n)
        fail(j, "no JSON: a text without an end");
    else
        j->at++;
    return kd_bytes_of(j->p + begin, out - begin);
}

static struct kd_bytes scalar(struct json *j)
{
    size_t begin = j->at;
    while (j->at < j->n && (j->p[j->at] == '-' || j->p[j->at] == '+' || j->p[j->at] == '.' ||
                            (j->p[j->at] >= '0' && j->p[j->at] <= '9') ||
                            (kd_ascii_lower(j->p[j->at]) >= 'a' && kd_ascii_lower(j->p[j->at]) <= 'z')))
        j->at++;
    if (j->at == begin)
        fail(j, "no JSON: no value");
    struct kd_bytes v = kd_bytes_of(j->p + begin, j->at - begin);
    return kd_bytes_eq_str(v, "null") ? kd_bytes_of(NULL, 0) : v;
}

static uint8_t field_of(struct json *j, struct kd_bytes key)
{
    enum kd_field field = KD_F_COUNT;
    if (key.n == 0 || key.n > KEY_MAX)
        return KD_F_COUNT;
    size_t slot = (key.n * 7u + key.p[0] * 31u + key.p[key.n - 1] * 5u + key.p[key.n / 2]) % CACHE;
    if (j->cache[slot].n == key.n && memcmp(j->cache[slot].key, key.p, key.n) == 0)
        return j->cache[slot].field;
    (void)kd_field_of(key, &field);
    j->cache[slot].n = (uint8_t)key.n;
    memcpy(j->cache[slot].key, key.p, key.n);
    j->cache[slot].field = (uint8_t)field;
    return (uint8_t)field;
}

/* ---- objects ---- */

static void keep(struct level *l, struct kd_bytes v)
{
    if (l->key < KD_F_COUNT && l->row.f[l->key].n == 0)
        l->row.f[l->key] = v;
}

static void stix_object(struct json *j, struct kd_row *row)
{
    struct kd_bytes type = row->f[KD_F_PATTERN_TYPE], what = row->f[KD_F_INDICATOR_TYPES];
    struct kd_bytes revoked = row->f[KD_F_REVOKED];
    if (!kd_bytes_eq_str(row->f[KD_F_TYPE], "indicator") || row->f[KD_F_PATTERN].n == 0 || !kd_feed_go_on(j->f))
        return;
    bool foreign = type.n > 0 && !kd_bytes_eq_str(type, "stix");
    bool harmless = kd_bytes_eq_str(what, "benign") || kd_bytes_eq_str(what, "anonymization");
    if (foreign || harmless || kd_bytes_eq_str(revoked, "true"))
        j->f->list->other++;
    else
        kd_feed_pattern(j->f, row->f[KD_F_PATTERN], row);
}

static void judge(struct json *j)
{
    struct kd_row *row = &j->level[j->depth - 1].row;
    bool typed = row->f[KD_F_VALUE].n > 0 && row->f[KD_F_TYPE].n > 0, has = typed;
    if (j->format == KD_FEED_STIX) {
        stix_object(j, row);
        return;
    }
    for (size_t i = KD_F_URL; j->format == KD_FEED_JSON && i <= KD_F_MAIL; i++)
        has |= row->f[i].n > 0;
    if (!has || !kd_feed_go_on(j->f))
        return;
    for (size_t d = j->depth - 1; d-- > 0 && row->f[KD_F_INFO].n == 0;)
        row->f[KD_F_INFO] = j->level[d].row.f[KD_F_INFO];
    if (j->format == KD_FEED_MISP && row->f[KD_F_NOTE2].n == 0)
        row->f[KD_F_NOTE3] = kd_bytes_of(NULL, 0);
    kd_feed_row(j->f, row);
}

static void open_level(struct json *j, bool is_array)
{
    j->at++;
    if (j->depth == DEPTH_MAX) {
        fail(j, "no list: objects within objects within objects");
        return;
    }
    struct level *l = &j->level[j->depth++];
    l->is_array = is_array;
    l->key = KD_F_COUNT;
    l->row = (struct kd_row){0};
}

/* A text in an array belongs to the member that the array is. */
static struct level *owner(struct json *j)
{
    size_t d = j->depth;
    while (d > 0 && j->level[d - 1].is_array)
        d--;
    return d > 0 && j->depth - d <= 1 ? &j->level[d - 1] : NULL;
}

/* A value has begun to be read; what is inside it is read by the caller's loop. */
static void value(struct json *j)
{
    uint8_t c = peek(j);
    if (c == '{' || c == '[') {
        open_level(j, c == '[');
        return;
    }
    struct kd_bytes v = c == '"' ? string(j) : scalar(j);
    struct level *l = owner(j);
    if (l != NULL)
        keep(l, v);
}

static void member(struct json *j)
{
    struct level *l = &j->level[j->depth - 1];
    if (peek(j) != '"') {
        fail(j, "no JSON: no name of a member");
        return;
    }
    l->key = field_of(j, string(j));
    if (!is(j, ':'))
        fail(j, "no JSON: no colon behind a name");
    else
        value(j);
}

/* Within an array or object: what ends it or comes next. */
static void step(struct json *j)
{
    const struct level *l = &j->level[j->depth - 1];
    bool array = l->is_array;
    if (is(j, array ? ']' : '}')) {
        if (!array)
            judge(j);
        j->depth--;
        return;
    }
    (void)is(j, ','); /* a comma too many or too few changes nothing here */
    if (peek(j) == (array ? ']' : '}'))
        return;
    if (array)
        value(j);
    else
        member(j);
}

void kd_feed_json(struct kd_feed *f, uint8_t *text, size_t n, enum kd_feed_format format)
{
    static struct json j;
    j = (struct json){.f = f, .format = format, .p = text, .n = n};
    f->line = 1;
    do { /* one value, or one after the other: JSON lines */
        value(&j);
        while (j.depth > 0 && !j.bad && f->status == KD_OK) {
            if (j.at >= j.n)
                fail(&j, "no JSON: it ends in the middle");
            else
                step(&j);
        }
    } while (!j.bad && f->status == KD_OK && peek(&j) != 0);
}
