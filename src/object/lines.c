/* SPDX-License-Identifier: Apache-2.0 */
/* Lists with a value a line: plain ones, hosts files, Suricata's datasets. */
#include "base/base64.h"
#include "object/internal.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct kd_bytes trimmed(struct kd_bytes b)
{
    while (b.n > 0 && is_space(b.p[0]))
        b = kd_bytes_from(b, 1);
    while (b.n > 0 && is_space(b.p[b.n - 1]))
        b.n--;
    return b;
}

/* The next word; *rest is what follows, without the spaces between. */
static struct kd_bytes word(struct kd_bytes *rest)
{
    size_t n = 0;
    while (n < rest->n && !is_space(rest->p[n]))
        n++;
    struct kd_bytes w = kd_bytes_head(*rest, n);
    *rest = trimmed(kd_bytes_from(*rest, n));
    return w;
}

/* The next line that says something, without its end; false: no more, or no time. */
static bool next_line(struct kd_feed *f, struct kd_bytes *text, struct kd_bytes *ret)
{
    while (text->n > 0 && kd_feed_go_on(f)) {
        struct kd_bytes line = trimmed(kd_bytes_cut(text, '\n'));
        f->line++;
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || line.p[0] == '!' ||
            kd_bytes_starts(line, kd_str("//"))) {
            f->list->lines--;
            continue;
        }
        if (line.n > f->site->line_max) {
            kd_feed_wrong(f, "the line is too long", line);
            continue;
        }
        *ret = line;
        return true;
    }
    return false;
}

/* ||name^ of block lists for browsers. */
static struct kd_bytes unblocked(struct kd_bytes v)
{
    if (!kd_bytes_starts(v, kd_str("||")))
        return v;
    v = kd_bytes_from(v, 2);
    return kd_bytes_head(v, kd_bytes_find_byte(v, '^'));
}

static void plain_line(struct kd_feed *f, struct kd_bytes line)
{
    struct kd_row row = {0};
    struct kd_bytes rest = line, first = word(&rest);
    enum kd_object_kind kind;
    if (first.n > 1 && first.p[first.n - 1] == ',')
        first.n--;
    size_t comma = kd_bytes_find_byte(first, ',');
    if (comma != SIZE_MAX && kd_bytes_find_byte(first, '/') > comma) { /* "kind,value,remark", "value,remark" */
        rest = kd_bytes_from(line, comma + 1);
        first = kd_bytes_head(first, comma);
        if (kd_object_kind_of(first, &kind)) {
            row.f[KD_F_VALUE] = kd_bytes_trim(kd_bytes_cut(&rest, ','));
            row.f[KD_F_TYPE] = first;
            row.f[KD_F_NOTE] = trimmed(rest);
            kd_feed_row(f, &row);
            return;
        }
    }
    if (rest.n > 0 && kd_object_kind_of(first, &kind)) {
        row.f[KD_F_TYPE] = first;
        first = word(&rest);
    }
    row.f[KD_F_VALUE] = unblocked(first);
    while (rest.n > 0 && (rest.p[0] == '#' || rest.p[0] == ';'))
        rest = trimmed(kd_bytes_from(rest, 1));
    row.f[KD_F_NOTE] = rest;
    kd_feed_row(f, &row);
}

void kd_feed_plain(struct kd_feed *f, struct kd_bytes text)
{
    struct kd_bytes line;
    while (next_line(f, &text, &line))
        plain_line(f, line);
}

/* The names that every hosts file has for its own machine. */
static bool is_own(struct kd_bytes name)
{
    static const char *const own[] = {"localhost", "localhost.localdomain", "local", "broadcasthost", "ip6-localhost",
                                      "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes",
                                      "ip6-allrouters", "ip6-allhosts", "0.0.0.0"};
    for (size_t i = 0; i < KD_COUNT(own); i++)
        if (kd_bytes_ieq(name, kd_str(own[i])))
            return true;
    return false;
}

void kd_feed_hosts(struct kd_feed *f, struct kd_bytes text)
{
    struct kd_bytes line;
    struct kd_addr a;
    while (next_line(f, &text, &line)) {
        struct kd_row row = {0};
        size_t hash = kd_bytes_find_byte(line, '#');
        struct kd_bytes rest = trimmed(kd_bytes_head(line, hash)), first = word(&rest);
        if (hash != SIZE_MAX)
            row.f[KD_F_NOTE] = trimmed(kd_bytes_from(line, hash + 1));
        if (!kd_addr_parse(first, &a) || rest.n == 0) {
            kd_feed_wrong(f, "not an address and a name", line);
            continue;
        }
        while (rest.n > 0) {
            struct kd_bytes name = word(&rest);
            if (!is_own(name))
                kd_feed_kind(f, KD_OBJ_DOMAIN, true, name, &row);
        }
    }
}

static bool is_text(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] <= ' ' || b.p[i] >= 0x7f)
            return false;
    return b.n > 0;
}

/* A string is Base64, a sum or an address as it is. */
void kd_feed_dataset(struct kd_feed *f, struct kd_bytes text)
{
    struct kd_bytes line;
    while (next_line(f, &text, &line)) {
        uint8_t room[KD_OBJ_TEXT_MAX + 8];
        struct kd_out o = kd_out_of(room, sizeof(room));
        struct kd_row row = {0};
        struct kd_bytes value = trimmed(kd_bytes_head(line, kd_bytes_find_byte(line, ',')));
        enum kd_object_kind kind;
        bool as_it_is = kd_object_guess(value, &kind) && (kind == KD_OBJ_IP || kind == KD_OBJ_SHA256 ||
                                                          kind == KD_OBJ_MD5 || kind == KD_OBJ_SHA1);
        if (!as_it_is && kd_base64_decode(value, &o) && is_text(kd_out_bytes_view(&o)))
            value = kd_out_bytes_view(&o);
        else if (!as_it_is) {
            kd_feed_wrong(f, "neither Base64 of a text nor a sum nor an address", line);
            continue;
        }
        if (f->spec->kind == KD_FEED_ANY_KIND && kd_object_guess(value, &kind) && kind == KD_OBJ_DOMAIN)
            kd_feed_kind(f, KD_OBJ_DOMAIN, true, value, &row);
        else
            kd_feed_value(f, kd_bytes_of(NULL, 0), value, &row);
    }
}
