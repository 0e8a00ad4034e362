/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_read.h"

struct reader {
    struct kd_bytes in;
    size_t at;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static uint8_t peek(struct reader *r)
{
    while (r->at < r->in.n && is_space(r->in.p[r->at]))
        r->at++;
    return kd_bytes_at(r->in, r->at);
}

static bool take(struct reader *r, uint8_t c)
{
    bool yes = peek(r) == c && r->at < r->in.n;
    r->at += yes;
    return yes;
}

static int hex_of(uint8_t c)
{
    c = kd_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits; -1: they are not. */
static int32_t unit_at(struct kd_bytes b, size_t at)
{
    int32_t v = 0;
    for (size_t i = at; i < at + 4; i++) {
        int digit = hex_of(kd_bytes_at(b, i));
        if (digit < 0)
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

static bool string(struct reader *r)
{
    size_t from = ++r->at;
    while (r->at < r->in.n && r->in.p[r->at] != '"') {
        uint8_t c = r->in.p[r->at++];
        if (c < ' ')
            return false;
        if (c != '\\')
            continue;
        uint8_t e = kd_bytes_at(r->in, r->at++);
        if (e == 0 || strchr("\"\\/bfnrtu", e) == NULL || (e == 'u' && unit_at(r->in, r->at) < 0))
            return false;
    }
    return r->at < r->in.n && kd_bytes_is_utf8(kd_bytes_of(r->in.p + from, r->at++ - from));
}

static bool digits(struct reader *r)
{
    size_t from = r->at;
    while (r->at < r->in.n && r->in.p[r->at] >= '0' && r->in.p[r->at] <= '9')
        r->at++;
    return r->at > from;
}

static bool number(struct reader *r)
{
    r->at += kd_bytes_at(r->in, r->at) == '-';
    size_t from = r->at;
    if (!digits(r) || (r->in.p[from] == '0' && r->at > from + 1))
        return false;
    if (kd_bytes_at(r->in, r->at) == '.' && (r->at++, !digits(r)))
        return false;
    if (kd_ascii_lower(kd_bytes_at(r->in, r->at)) != 'e')
        return true;
    uint8_t sign = kd_bytes_at(r->in, ++r->at);
    r->at += sign == '+' || sign == '-';
    return digits(r);
}

static bool word(struct reader *r)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_starts(kd_bytes_from(r->in, r->at), kd_str(words[i]))) {
            r->at += strlen(words[i]);
            return true;
        }
    return false;
}

static bool value(struct reader *r, unsigned depth)
{
    uint8_t c = peek(r);
    if (c == '"')
        return string(r);
    if (c != '{' && c != '[')
        return c == '-' || (c >= '0' && c <= '9') ? number(r) : word(r);
    uint8_t end = c == '{' ? '}' : ']';
    r->at++;
    if (depth == KD_JSON_DEPTH)
        return false;
    if (take(r, end))
        return true;
    do {
        if (c == '{' && (peek(r) != '"' || !string(r) || !take(r, ':')))
            return false;
        if (!value(r, depth + 1))
            return false;
    } while (take(r, ','));
    return take(r, end);
}

bool kd_json_take(struct kd_bytes *rest, struct kd_bytes *ret)
{
    struct reader r = {.in = *rest};
    (void)peek(&r);
    size_t from = r.at;
    if (!value(&r, 0))
        return false;
    *ret = kd_bytes_of(rest->p + from, r.at - from);
    (void)peek(&r);
    *rest = kd_bytes_from(*rest, r.at);
    return true;
}

bool kd_json_is_line(struct kd_bytes text)
{
    struct kd_bytes v;
    return kd_bytes_find_byte(text, '\n') >= text.n && kd_bytes_find_byte(text, '\r') >= text.n && kd_json_take(&text, &v) &&
           text.n == 0;
}

/* At the next one's beginning, behind what separates it from the one before; false: none. */
static bool next(struct reader *r, uint8_t open)
{
    if (r->at == 0 && !take(r, open))
        return false;
    (void)take(r, ',');
    uint8_t c = peek(r);
    return r->at < r->in.n && c != '}' && c != ']';
}

static struct kd_bytes next_value(struct reader *r)
{
    (void)peek(r);
    size_t from = r->at;
    return value(r, 0) ? kd_bytes_of(r->in.p + from, r->at - from) : kd_str(NULL);
}

bool kd_json_member(struct kd_bytes object, size_t *at, struct kd_bytes *ret_key, struct kd_bytes *ret)
{
    struct reader r = {object, *at};
    if (!next(&r, '{'))
        return false;
    *ret_key = next_value(&r);
    if (ret_key->n < 2 || ret_key->p[0] != '"' || !take(&r, ':'))
        return false;
    *ret_key = kd_bytes_of(ret_key->p + 1, ret_key->n - 2);
    *ret = next_value(&r);
    *at = r.at;
    return ret->n > 0;
}

bool kd_json_element(struct kd_bytes array, size_t *at, struct kd_bytes *ret)
{
    struct reader r = {array, *at};
    if (!next(&r, '['))
        return false;
    *ret = next_value(&r);
    *at = r.at;
    return ret->n > 0;
}

bool kd_json_find(struct kd_bytes v, struct kd_bytes path, struct kd_bytes *ret)
{
    *ret = v;
    while (path.n > 0) {
        struct kd_bytes name = kd_bytes_cut(&path, '.'), key;
        struct kd_bytes object = *ret;
        size_t at = 0;
        bool found = false;
        while (!found && kd_json_member(object, &at, &key, ret))
            found = kd_bytes_eq(key, name);
        if (!found)
            return false;
    }
    return true;
}

static void put_utf8(struct kd_out *o, uint32_t c)
{
    if (c < 0x80) {
        kd_out_u8(o, (uint8_t)c);
        return;
    }
    unsigned n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    kd_out_u8(o, (uint8_t)((0xf00 >> n & 0xf0) | c >> 6 * (n - 1)));
    for (unsigned i = n - 1; i-- > 0;)
        kd_out_u8(o, (uint8_t)(0x80 | (c >> 6 * i & 0x3f)));
}

/* What \u at `at` (its digits) stands for; *at goes behind it.  Halves of pairs that stand alone: U+FFFD. */
static uint32_t code_at(struct kd_bytes b, size_t *at)
{
    uint32_t c = (uint32_t)unit_at(b, *at);
    *at += 4;
    if (c < 0xd800 || c > 0xdfff)
        return c;
    int32_t low = kd_bytes_at(b, *at) == '\\' && kd_bytes_at(b, *at + 1) == 'u' ? unit_at(b, *at + 2) : -1;
    if (c > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return 0xfffd;
    *at += 6;
    return 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
}

bool kd_json_text(struct kd_bytes s, struct kd_out *o)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    if (s.n < 2 || s.p[0] != '"')
        return false;
    s = kd_bytes_of(s.p + 1, s.n - 2);
    for (size_t i = 0; i < s.n;) {
        uint8_t c = s.p[i++];
        const char *known = c == '\\' ? strchr(from, kd_bytes_at(s, i)) : NULL;
        if (c != '\\') {
            kd_out_u8(o, c);
        } else if (known != NULL && *known != 0) {
            kd_out_u8(o, (uint8_t)into[known - from]);
            i++;
        } else {
            i++;
            uint32_t code = code_at(s, &i);
            if (code == 0)
                return false;
            put_utf8(o, code);
        }
    }
    return kd_out_ok(o);
}

/* The path behind this member; false: it does not lead there. */
static bool leads_to(struct kd_bytes path, struct kd_bytes key, struct kd_bytes *ret)
{
    *ret = path;
    return path.n > 0 && kd_bytes_eq(kd_bytes_cut(ret, '.'), key);
}

void kd_json_compact(struct kd_out *o, struct kd_bytes v, struct kd_bytes without)
{
    struct kd_bytes key, one, path;
    bool object = kd_bytes_at(v, 0) == '{';
    size_t n = 0, at = 0;
    if (!object && kd_bytes_at(v, 0) != '[') {
        kd_out_bytes(o, v);
        return;
    }
    kd_out_u8(o, v.p[0]);
    while (object ? kd_json_member(v, &at, &key, &one) : kd_json_element(v, &at, &one)) {
        bool leads = object && leads_to(without, key, &path);
        if (leads && path.n == 0)
            continue;
        if (n++ > 0)
            kd_out_u8(o, ',');
        if (object) {
            kd_out_u8(o, '"');
            kd_out_bytes(o, key);
            kd_out_str(o, "\":");
        }
        kd_json_compact(o, one, leads ? path : kd_str(""));
    }
    kd_out_u8(o, object ? '}' : ']');
}
