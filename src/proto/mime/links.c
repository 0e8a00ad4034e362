/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/mime/links.h"

#include "base/out.h"

enum state { TEXT, TAG, BEFORE_VALUE, VALUE };

static void keep(struct kd_links *l, uint8_t c)
{
    if (l->n < KD_LINK_MAX)
        l->url[l->n++] = c;
}

static bool is_link(struct kd_bytes b)
{
    return (kd_bytes_istarts(b, kd_str("http://")) && b.n > 7) ||
           (kd_bytes_istarts(b, kd_str("https://")) && b.n > 8);
}

static bool may_be_scheme(struct kd_bytes b)
{
    return kd_bytes_istarts(b, kd_str("http://")) || kd_bytes_istarts(b, kd_str("https://"));
}

/* Could what was kept so far become a link? */
static bool may_be_link(const struct kd_links *l)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct kd_bytes have = kd_bytes_of(l->url, l->n);
    for (size_t i = 0; i < KD_COUNT(schemes); i++) {
        struct kd_bytes scheme = kd_str(schemes[i]);
        if (kd_bytes_istarts(have, kd_bytes_head(scheme, have.n)))
            return true;
    }
    return false;
}

/* In place: &amp; is the one entity that links are full of. */
static struct kd_bytes without_entities(struct kd_links *l)
{
    struct kd_out o = kd_out_of(l->url, KD_LINK_MAX);
    struct kd_bytes in = kd_bytes_of(l->url, l->n);
    for (size_t i = 0; i < in.n; i++) {
        uint8_t c = kd_bytes_at(in, i);
        if (c == '&' && kd_bytes_istarts(kd_bytes_from(in, i), kd_str("&amp;")))
            i += 4;
        kd_out_u8(&o, c);
    }
    return kd_out_bytes_view(&o);
}

static void report(struct kd_links *l, bool from_text, kd_link_found *found, void *user)
{
    struct kd_bytes url = l->html ? without_entities(l) : kd_bytes_of(l->url, l->n);
    l->n = 0;
    while (from_text && url.n > 0 && strchr(".,;:!?'\")]>*_", kd_bytes_at(url, url.n - 1)) != NULL)
        url.n--;
    if (!is_link(url))
        return;
    if (!from_text && l->in_anchor && l->n_target == 0) {
        l->n_target = (uint16_t)kd_min_size(url.n, KD_LINK_TARGET);
        memcpy(l->target, url.p, l->n_target);
    }
    found(user, url, (struct kd_bytes){NULL, 0});
}

/* Does visible text read like an address: a scheme, or dotted letters without a space? */
static bool looks_like_address(struct kd_bytes t)
{
    size_t dots = 0;
    if (may_be_scheme(t))
        return true;
    for (size_t i = 0; i < t.n; i++) {
        uint8_t c = kd_ascii_lower(t.p[i]);
        if (c == '/' || c == '?' || c == ':')
            break;
        dots += c == '.';
        if (c != '.' && c != '-' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    uint8_t last = kd_ascii_lower(kd_bytes_at(t, t.n - 1));
    return dots >= 1 && t.n >= 6 && kd_bytes_at(t, 0) != '.' &&
           (last == '/' || (last >= 'a' && last <= 'z'));
}

static void end_anchor(struct kd_links *l, kd_link_found *found, void *user)
{
    struct kd_bytes shown = kd_bytes_trim(kd_bytes_of(l->shown, l->n_shown));
    if (l->in_anchor && l->n_target > 0 && shown.n > 0 && looks_like_address(shown))
        found(user, kd_bytes_of(l->target, l->n_target), shown);
    l->in_anchor = false;
    l->n_target = 0;
    l->n_shown = 0;
}

/* The element's name is complete: does an anchor begin or end? */
static void end_tag_name(struct kd_links *l, kd_link_found *found, void *user)
{
    bool anchor = l->n_tag == 1 && kd_ascii_lower((uint8_t)l->tag[0]) == 'a';
    l->n_tag = UINT8_MAX;
    if (!anchor)
        return;
    end_anchor(l, found, user);
    l->in_anchor = !l->closing;
}

static bool is_url_char(uint8_t c)
{
    return c > ' ' && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

static void text_char(struct kd_links *l, uint8_t c, kd_link_found *found, void *user)
{
    if (l->n > 7 && is_url_char(c)) {
        keep(l, c);
        return;
    }
    if (l->n > 7)
        report(l, true, found, user);
    if (l->n > 0) {
        keep(l, c);
        if (is_url_char(c) && may_be_link(l))
            return;
        l->n = 0;
    }
    if (c == 'h' || c == 'H')
        keep(l, c);
    if (l->html && c == '<') {
        l->n = 0;
        l->state = TAG;
        l->n_word = 0;
        l->equals = false;
        l->closing = false;
        l->n_tag = 0;
    }
}

/* Names of attributes; a name, spaces, then something other than "=" begins another name. */
static void tag_name_char(struct kd_links *l, uint8_t c, kd_link_found *found, void *user)
{
    if (l->n_tag == UINT8_MAX)
        return;
    if (c == '/' && l->n_tag == 0)
        l->closing = true;
    else if (c <= ' ' || c == '>' || c == '/')
        end_tag_name(l, found, user);
    else if (l->n_tag < sizeof(l->tag))
        l->tag[l->n_tag++] = (char)c;
}

static void tag_char(struct kd_links *l, uint8_t c)
{
    if (c == '>') {
        l->state = TEXT;
    } else if (c == '=') {
        struct kd_bytes word = kd_bytes_of(l->word, l->n_word);
        l->wanted = kd_bytes_ieq(word, kd_str("href")) || kd_bytes_ieq(word, kd_str("action"));
        l->state = BEFORE_VALUE;
    } else if (c <= ' ' || c == '/' || c == '"' || c == '\'') {
        l->equals = true; /* the name is complete */
    } else {
        if (l->equals)
            l->n_word = 0;
        l->equals = false;
        if (l->n_word < sizeof(l->word))
            l->word[l->n_word++] = (char)c;
    }
}

static void begin_value(struct kd_links *l, uint8_t c)
{
    if (c <= ' ')
        return;
    l->n = 0;
    l->n_word = 0;
    l->state = c == '>' ? TEXT : VALUE;
    l->quote = c == '"' || c == '\'' ? c : 0;
    if (l->quote == 0 && l->wanted)
        keep(l, c);
}

static void value_char(struct kd_links *l, uint8_t c, kd_link_found *found, void *user)
{
    bool ends = l->quote != 0 ? c == l->quote : c <= ' ' || c == '>';
    if (ends) {
        if (l->wanted)
            report(l, false, found, user);
        l->n = 0;
        l->state = l->quote == 0 && c == '>' ? TEXT : TAG;
        l->equals = true;
    } else if (l->wanted && c > ' ') {
        keep(l, c);
    }
}

void kd_links_add(struct kd_links *l, struct kd_bytes piece, kd_link_found *found, void *user)
{
    for (size_t i = 0; i < piece.n; i++) {
        uint8_t c = piece.p[i];
        switch ((enum state)l->state) {
        case TEXT:
            if (l->in_anchor && c != '<' && l->n_shown < KD_LINK_SHOWN)
                l->shown[l->n_shown++] = c < ' ' ? ' ' : c;
            if (l->n == 0 && (c | 0x20) != 'h' && c != '<')
                continue;
            text_char(l, c, found, user);
            break;
        case TAG:
            tag_name_char(l, c, found, user);
            tag_char(l, c);
            break;
        case BEFORE_VALUE:
            begin_value(l, c);
            break;
        case VALUE:
            value_char(l, c, found, user);
            break;
        }
    }
}

void kd_links_end(struct kd_links *l, kd_link_found *found, void *user)
{
    if (l->state == TEXT && l->n > 7)
        report(l, true, found, user);
    end_anchor(l, found, user);
    l->n = 0;
    l->state = TEXT;
}
