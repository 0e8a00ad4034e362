/* SPDX-License-Identifier: Apache-2.0 */
/* What a page makes the browser do, read without understanding the page: tags with their
 * attributes, and in scripts the plain ways to go elsewhere (location = "…",
 * location.replace("…")).  Scripts that hide their target need a browser; this is not one. */
#include "proto/http/content.h"
#include "proto/http/http.h"

enum {
    PAGE_BYTES = 256 * 1024,
    TAG_MAX = 2048,
    SCRIPT_BYTES = 4096,
    SCRIPT_OVERLAP = 1024, /* what the end of one look and the begin of the next share */
    FRAMES_MAX = 32,
    URL_MAX = 1024
};

enum phase { TEXT, TAG, OTHER_TAG, COMMENT, SCRIPT };

struct http_page {
    size_t size; /* of this block */
    struct http_tx *tx;
    uint32_t seen;
    uint8_t phase;
    uint8_t quote;  /* within a tag */
    uint8_t n_mark; /* matched of "-->" or "</script" */
    uint16_t n_tag, n_script;
    uint16_t n_frames;
    struct kd_bytes *frames;
    uint8_t tag[TAG_MAX];
    uint8_t script[SCRIPT_BYTES];
};

struct http_page *http_page_new(struct kd_ctx *ctx, struct http_tx *tx)
{
    size_t size = 0;
    struct http_page *p = kd_pool_take(ctx->pool, sizeof(*p), &size);
    if (p == NULL)
        return NULL;
    memset(p, 0, offsetof(struct http_page, tag));
    p->size = size;
    p->tx = tx;
    return p;
}

/* --- results --- */

/* &amp; is the one entity that addresses are full of; white space at the ends is no part of them.
 */
static struct kd_bytes clean_url(struct kd_bytes in, uint8_t room[URL_MAX])
{
    struct kd_out o = kd_out_of(room, URL_MAX);
    while (in.n > 0 && kd_bytes_at(in, 0) <= ' ')
        in = kd_bytes_from(in, 1);
    while (in.n > 0 && kd_bytes_at(in, in.n - 1) <= ' ')
        in.n--;
    for (size_t i = 0; i < in.n && o.n < URL_MAX; i++) {
        uint8_t c = kd_bytes_at(in, i);
        if (c == '&' && kd_bytes_istarts(kd_bytes_from(in, i), kd_str("&amp;")))
            i += 4;
        if (c >= ' ')
            kd_out_u8(&o, c);
    }
    return kd_out_bytes_view(&o);
}

static void redirect(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes target)
{
    uint8_t room[URL_MAX];
    struct kd_bytes url = clean_url(target, room);
    bool elsewhere = url.n > 0 && kd_bytes_at(url, 0) != '#' &&
                     !kd_bytes_istarts(url, kd_str("javascript:")) &&
                     !kd_bytes_istarts(url, kd_str("about:"));
    if (elsewhere && p->tx->rec.body_redirect.n == 0)
        p->tx->rec.body_redirect = http_tx_keep(ctx, p->tx, KD_TO_CLIENT, url);
}

/* http://host/…, https://host/… or //host/…: the host; else empty. */
static struct kd_bytes host_of(struct kd_bytes url)
{
    static const char *const begins[] = {"http://", "https://", "//"};
    for (size_t i = 0; i < KD_COUNT(begins); i++) {
        struct kd_bytes begin = kd_str(begins[i]);
        if (!kd_bytes_istarts(url, begin))
            continue;
        struct kd_bytes host = kd_bytes_from(url, begin.n);
        for (size_t k = 0; k < host.n; k++)
            if (strchr("/?#:\\", host.p[k]) != NULL)
                host.n = k;
        return host;
    }
    return (struct kd_bytes){NULL, 0};
}

static void frame(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes target)
{
    uint8_t room[URL_MAX];
    struct kd_bytes url = clean_url(target, room);
    struct kd_bytes host = host_of(url);
    if (host.n == 0 || kd_bytes_ieq(host, p->tx->rec.hostname) || p->n_frames == FRAMES_MAX)
        return;
    if (p->frames == NULL)
        p->frames = http_tx_alloc(ctx, p->tx, FRAMES_MAX * sizeof(*p->frames));
    if (p->frames == NULL)
        return;
    for (uint16_t i = 0; i < p->n_frames; i++)
        if (kd_bytes_eq(p->frames[i], url))
            return;
    struct kd_bytes kept = http_tx_keep(ctx, p->tx, KD_TO_CLIENT, url);
    if (kept.n > 0)
        p->frames[p->n_frames++] = kept;
    p->tx->rec.frames.v = p->frames;
    p->tx->rec.frames.n = p->n_frames;
}

/* --- scripts --- */

static bool is_name_char(uint8_t c)
{
    uint8_t l = kd_ascii_lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '$';
}

static struct kd_bytes skip_space(struct kd_bytes b)
{
    while (b.n > 0 && kd_bytes_at(b, 0) <= ' ')
        b = kd_bytes_from(b, 1);
    return b;
}

static bool skip_word(struct kd_bytes *b, const char *word)
{
    struct kd_bytes want = kd_str(word);
    if (!kd_bytes_starts(*b, want) || is_name_char(kd_bytes_at(*b, want.n)))
        return false;
    *b = kd_bytes_from(*b, want.n);
    return true;
}

/* What stands behind the word "location": the address it is set to, when that is a whole literal.
 */
static struct kd_bytes set_to(struct kd_bytes b)
{
    const struct kd_bytes none = {NULL, 0};
    b = skip_space(b);
    bool call = skip_word(&b, ".replace") || skip_word(&b, ".assign");
    if (!call)
        (void)skip_word(&b, ".href");
    b = skip_space(b);
    if (kd_bytes_at(b, 0) != (call ? '(' : '='))
        return none;
    b = skip_space(kd_bytes_from(b, 1));
    uint8_t quote = kd_bytes_at(b, 0);
    if (quote == '\\') { /* within a script in a string */
        b = kd_bytes_from(b, 1);
        quote = kd_bytes_at(b, 0);
    }
    if (quote != '"' && quote != '\'' && quote != '`')
        return none;
    b = kd_bytes_from(b, 1);
    size_t end = kd_bytes_find_byte(b, quote);
    if (end == SIZE_MAX || kd_bytes_at(skip_space(kd_bytes_from(b, end + 1)), 0) == '+')
        return none; /* put together while it runs */
    struct kd_bytes url = kd_bytes_head(b, end);
    if (url.n > 0 && kd_bytes_at(url, url.n - 1) == '\\')
        url.n--;
    return url;
}

static void read_script(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes b)
{
    const struct kd_bytes word = kd_str("location");
    size_t from = 0;
    while (p->tx->rec.body_redirect.n == 0) {
        size_t at = kd_bytes_find(kd_bytes_from(b, from), word);
        if (at == SIZE_MAX)
            return;
        at += from;
        from = at + word.n;
        if (at > 0 && is_name_char(kd_bytes_at(b, at - 1)))
            continue;
        redirect(ctx, p, set_to(kd_bytes_from(b, from)));
    }
}

static void script_bytes(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes b)
{
    while (b.n > 0) {
        if (p->n_script == SCRIPT_BYTES) {
            read_script(ctx, p, kd_bytes_of(p->script, p->n_script));
            memmove(p->script, p->script + SCRIPT_BYTES - SCRIPT_OVERLAP, SCRIPT_OVERLAP);
            p->n_script = SCRIPT_OVERLAP;
        }
        size_t n = kd_min_size(b.n, SCRIPT_BYTES - p->n_script);
        memcpy(p->script + p->n_script, b.p, n);
        p->n_script = (uint16_t)(p->n_script + n);
        b = kd_bytes_from(b, n);
    }
}

static void end_script(struct kd_ctx *ctx, struct http_page *p)
{
    read_script(ctx, p, kd_bytes_of(p->script, p->n_script));
    p->n_script = 0;
}

/* --- tags --- */

/* The next name[=value] of a tag; false at its end. */
static bool next_attribute(struct kd_bytes *rest, struct kd_bytes *ret_name,
                           struct kd_bytes *ret_value)
{
    struct kd_bytes b = *rest;
    while (b.n > 0 && (kd_bytes_at(b, 0) <= ' ' || kd_bytes_at(b, 0) == '/'))
        b = kd_bytes_from(b, 1);
    size_t n = 0;
    while (n < b.n && b.p[n] > ' ' && b.p[n] != '=' && b.p[n] != '/')
        n++;
    *ret_name = kd_bytes_head(b, n);
    *ret_value = (struct kd_bytes){NULL, 0};
    b = kd_bytes_from(b, n);
    struct kd_bytes behind = skip_space(b);
    if (kd_bytes_at(behind, 0) == '=') {
        b = skip_space(kd_bytes_from(behind, 1));
        uint8_t quote = kd_bytes_at(b, 0);
        bool quoted = quote == '"' || quote == '\'';
        size_t end = 0;
        if (quoted)
            b = kd_bytes_from(b, 1);
        while (end < b.n && (quoted ? b.p[end] != quote : b.p[end] > ' '))
            end++;
        *ret_value = kd_bytes_head(b, end);
        b = kd_bytes_from(b, quoted ? end + 1 : end);
    }
    *rest = b;
    return ret_name->n > 0 || b.n > 0;
}

static struct kd_bytes attribute(struct kd_bytes tag, const char *name)
{
    struct kd_bytes key;
    struct kd_bytes value;
    while (next_attribute(&tag, &key, &value))
        if (kd_bytes_ieq(key, kd_str(name)))
            return value;
    return (struct kd_bytes){NULL, 0};
}

/* <meta http-equiv=refresh content="0; url='http://…'"> */
static void read_meta(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes attributes)
{
    struct kd_bytes content = attribute(attributes, "content");
    if (!kd_bytes_ieq(kd_bytes_trim(attribute(attributes, "http-equiv")), kd_str("refresh")))
        return;
    size_t semicolon = 0;
    while (semicolon < content.n && strchr(";,", content.p[semicolon]) == NULL)
        semicolon++;
    struct kd_bytes b = skip_space(kd_bytes_from(content, semicolon + 1));
    if (kd_bytes_istarts(b, kd_str("url"))) {
        struct kd_bytes value = skip_space(kd_bytes_from(b, 3));
        if (kd_bytes_at(value, 0) == '=')
            b = skip_space(kd_bytes_from(value, 1));
    }
    uint8_t quote = kd_bytes_at(b, 0);
    if (quote == '"' || quote == '\'') {
        b = kd_bytes_from(b, 1);
        b = kd_bytes_head(b, kd_bytes_find_byte(b, quote));
    }
    redirect(ctx, p, b);
}

static void end_tag(struct kd_ctx *ctx, struct http_page *p)
{
    static const struct {
        const char *tag, *attribute;
    } drawn_in[] = {
        {"iframe", "src"},  {"frame", "src"},      {"script", "src"},      {"embed", "src"},
        {"object", "data"}, {"applet", "archive"}, {"applet", "codebase"},
    };
    struct kd_bytes tag = kd_bytes_of(p->tag, p->n_tag);
    size_t n = 0;
    while (n < tag.n && tag.p[n] > ' ' && tag.p[n] != '/')
        n++;
    struct kd_bytes name = kd_bytes_head(tag, n);
    struct kd_bytes rest = kd_bytes_from(tag, n);
    p->phase = TEXT;
    p->n_tag = 0;
    if (kd_bytes_ieq(name, kd_str("meta")))
        read_meta(ctx, p, rest);
    for (size_t i = 0; i < KD_COUNT(drawn_in); i++)
        if (kd_bytes_ieq(name, kd_str(drawn_in[i].tag)))
            frame(ctx, p, attribute(rest, drawn_in[i].attribute));
    struct kd_bytes onload = {NULL, 0};
    if (kd_bytes_ieq(name, kd_str("body")))
        onload = attribute(rest, "onload");
    read_script(ctx, p, onload);
    if (kd_bytes_ieq(name, kd_str("script")) && kd_bytes_at(tag, tag.n - 1) != '/') {
        p->phase = SCRIPT;
        p->n_script = 0;
        p->n_mark = 0;
    }
}

/* Do two letters begin a tag that is read?  Most do not, and are passed over quickly. */
static bool is_wanted(const uint8_t *two)
{
    static const char begins[] = "!-meiffrscemobapbo";
    for (size_t i = 0; i + 1 < sizeof(begins); i += 2)
        if (kd_ascii_lower(two[0]) == (uint8_t)begins[i] &&
            kd_ascii_lower(two[1]) == (uint8_t)begins[i + 1])
            return true;
    return false;
}

static void tag_byte(struct kd_ctx *ctx, struct http_page *p, uint8_t c)
{
    if (c == '>' && p->quote == 0) {
        end_tag(ctx, p);
        return;
    }
    if (c == p->quote)
        p->quote = 0;
    else if (p->quote == 0 && (c == '"' || c == '\'') && p->n_tag > 0)
        p->quote = c;
    if (p->n_tag == TAG_MAX) { /* no tag that a browser would see, or one we need not */
        p->phase = TEXT;
        return;
    }
    p->tag[p->n_tag++] = c;
    if (p->n_tag == 2 && !is_wanted(p->tag))
        p->phase = OTHER_TAG;
    else if (p->n_tag == 3 && memcmp(p->tag, "!--", 3) == 0) {
        p->phase = COMMENT;
        p->n_mark = 0;
    }
}

static void comment_byte(struct http_page *p, uint8_t c)
{
    if (c == '-')
        p->n_mark = (uint8_t)(p->n_mark < 2 ? p->n_mark + 1 : 2);
    else if (c == '>' && p->n_mark == 2)
        p->phase = TEXT;
    else
        p->n_mark = 0;
}

/* Up to what may be the script's end tag; returns what was used. */
static size_t script_part(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes b)
{
    static const char mark[] = "</script";
    if (p->n_mark == 0) {
        size_t n = kd_min_size(kd_bytes_find_byte(b, '<'), b.n - 1) + 1;
        script_bytes(ctx, p, kd_bytes_head(b, n));
        p->n_mark = kd_bytes_at(b, n - 1) == '<';
        return n;
    }
    uint8_t c = kd_bytes_at(b, 0);
    if (kd_ascii_lower(c) != (uint8_t)mark[p->n_mark]) {
        p->n_mark = 0;
        return 0;
    }
    script_bytes(ctx, p, kd_bytes_of(&c, 1));
    if (++p->n_mark == sizeof(mark) - 1) {
        end_script(ctx, p);
        p->phase = OTHER_TAG;
    }
    return 1;
}

void http_page_data(struct kd_ctx *ctx, struct http_page *p, struct kd_bytes b)
{
    b = kd_bytes_head(b, PAGE_BYTES - p->seen);
    p->seen += (uint32_t)b.n;
    while (b.n > 0) {
        uint8_t c = kd_bytes_at(b, 0);
        size_t used = 1;
        switch ((enum phase)p->phase) {
        case TEXT:
            used = kd_min_size(kd_bytes_find_byte(b, '<'), b.n - 1) + 1;
            if (kd_bytes_at(b, used - 1) == '<') {
                p->phase = TAG;
                p->n_tag = 0;
                p->quote = 0;
            }
            break;
        case TAG:
            tag_byte(ctx, p, c);
            break;
        case OTHER_TAG:
            used = kd_min_size(kd_bytes_find_byte(b, '>'), b.n - 1) + 1;
            if (kd_bytes_at(b, used - 1) == '>')
                p->phase = TEXT;
            break;
        case COMMENT:
            comment_byte(p, c);
            break;
        case SCRIPT:
            used = script_part(ctx, p, b);
            break;
        }
        b = kd_bytes_from(b, used);
    }
}

void http_page_end(struct kd_ctx *ctx, struct http_page *p)
{
    if (p->phase == SCRIPT)
        end_script(ctx, p);
    kd_pool_give(ctx->pool, p, p->size);
}
