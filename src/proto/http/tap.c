/* SPDX-License-Identifier: Apache-2.0 */
/* What rules look into: the head of a message as sent and in the forms that Suricata's rules expect.  The
 * lines are kept from the first to the empty one; the forms are made when the head is complete, and only those
 * that some rule wants. */
#include "proto/http/http.h"

#define AUTHORITY ":authority"

enum { TAP_FIELDS = 128, TAP_HEAD_MAX = 64 * 1024 };

struct tap_field {
    struct kd_bytes name, value; /* of the first line of this name; more values are joined */
    bool joined;
};

struct tap_head {
    struct kd_bytes raw;    /* with all line ends */
    struct kd_bytes line;   /* the first one, without its end */
    struct kd_bytes fields; /* raw, behind the first line */
    struct tap_field field[TAP_FIELDS];
    size_t n;
};

void http_tap_line(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg, bool first)
{
    struct http_state *st = ctx->state;
    struct kd_buf *head = &st->tap[dir];
    if (first)
        kd_buf_drop(head, head->n);
    if (!kd_buf_add(head, ctx->pool, msg, TAP_HEAD_MAX))
        return; /* longer than rules are meant for: what is there is looked at */
}

void http_tap_done(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    kd_buf_done(&st->tap[0], ctx->pool);
    kd_buf_done(&st->tap[1], ctx->pool);
}

/* --- reading the head --- */

static struct kd_bytes cut_line(struct kd_bytes *rest)
{
    struct kd_bytes line = kd_bytes_cut(rest, '\n');
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct tap_field *field_named(struct tap_head *h, struct kd_bytes name)
{
    for (size_t i = 0; i < h->n; i++)
        if (kd_bytes_ieq(h->field[i].name, name))
            return &h->field[i];
    return NULL;
}

static struct kd_bytes value_of(struct tap_head *h, const char *name, bool *ret_has)
{
    struct tap_field *f = field_named(h, kd_str(name));
    *ret_has = f != NULL;
    return f == NULL ? kd_str(NULL) : f->value;
}

/* "a" and "b" of two lines of one name, or of a folded one, in one value. */
static struct kd_bytes join(struct kd_out *o, struct kd_bytes a, const char *between, struct kd_bytes b)
{
    size_t at = o->n;
    kd_out_bytes(o, a);
    kd_out_str(o, between);
    kd_out_bytes(o, b);
    return kd_bytes_from(kd_out_bytes_view(o), at);
}

static void read_fields(struct tap_head *h, struct kd_out *room)
{
    struct kd_bytes rest = h->fields;
    struct tap_field *last = NULL;
    while (rest.n > 0) {
        struct kd_bytes line = cut_line(&rest);
        if (line.n == 0)
            continue;
        if (is_space(line.p[0]) && last != NULL) {
            last->value = join(room, last->value, " ", kd_bytes_trim(line));
            continue;
        }
        size_t colon = kd_bytes_find_byte(line, ':');
        struct kd_bytes name = kd_bytes_trim(kd_bytes_head(line, colon));
        struct kd_bytes value =
            colon == SIZE_MAX ? kd_str(NULL) : kd_bytes_trim(kd_bytes_from(line, colon + 1));
        if (colon == SIZE_MAX) { /* a line without a name is all value */
            value = name;
            name = kd_str(NULL);
        }
        struct tap_field *same = name.n == 0 ? NULL : field_named(h, name);
        if (same != NULL) {
            same->value = join(room, same->value, ", ", value);
            last = same;
        } else if (h->n < TAP_FIELDS) {
            last = &h->field[h->n++];
            *last = (struct tap_field){.name = name, .value = value};
        }
    }
}

/* --- addresses --- */

static int hex_value(uint8_t c)
{
    c = kd_ascii_lower(c);
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void undo_percent(struct kd_out *o, struct kd_bytes in)
{
    for (size_t i = 0; i < in.n; i++) {
        int high = in.p[i] == '%' ? hex_value(kd_bytes_at(in, i + 1)) : -1;
        int low = high < 0 || i + 2 >= in.n ? -1 : hex_value(in.p[i + 2]);
        kd_out_u8(o, low < 0 ? in.p[i] : (uint8_t)(high << 4 | low));
        i += low < 0 ? 0 : 2;
    }
}

/* RFC 3986 5.2.4, in place, and runs of slashes become one. */
static size_t straighten_path(uint8_t *p, size_t n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++)
        p[i] = p[i] == '\\' ? '/' : p[i];
    for (size_t i = 0; i < n;) {
        if (p[i] != '/') {
            p[out++] = p[i++];
            continue;
        }
        size_t next = i + 1;
        while (next < n && p[next] == '/')
            next++;
        size_t end = next;
        while (end < n && p[end] != '/')
            end++;
        bool one = end - next == 1 && p[next] == '.';
        bool two = end - next == 2 && p[next] == '.' && p[next + 1] == '.';
        if (!one && !two) {
            p[out++] = '/';
            i = next;
            continue;
        }
        while (two && out > 0 && p[--out] != '/')
            ;
        i = end;
        if (end == n)
            p[out++] = '/';
    }
    return out;
}

/* The path and what follows, without scheme and host. */
static struct kd_bytes path_of(struct kd_bytes target)
{
    size_t at = kd_bytes_at(target, 0) == '/' ? SIZE_MAX
                                              : kd_bytes_find(kd_bytes_head(target, 16), kd_str("://"));
    if (at == SIZE_MAX)
        return target;
    struct kd_bytes rest = kd_bytes_from(target, at + 3);
    size_t slash = kd_bytes_find_byte(rest, '/');
    return slash == SIZE_MAX ? kd_str("/") : kd_bytes_from(rest, slash);
}

static struct kd_bytes normal_uri(struct kd_bytes target, struct kd_out *o)
{
    size_t at = o->n;
    struct kd_bytes rest = path_of(target);
    struct kd_bytes path = kd_bytes_head(rest, kd_bytes_find_byte(rest, '?'));
    struct kd_bytes query = kd_bytes_from(rest, path.n);
    undo_percent(o, path);
    o->n = at + straighten_path(o->p + at, o->n - at);
    undo_percent(o, query);
    return kd_bytes_from(kd_out_bytes_view(o), at);
}

static struct kd_bytes lower(struct kd_bytes in, struct kd_out *o)
{
    size_t at = o->n;
    for (size_t i = 0; i < in.n; i++)
        kd_out_u8(o, kd_ascii_lower(in.p[i]));
    return kd_bytes_from(kd_out_bytes_view(o), at);
}

static struct kd_bytes without_port(struct kd_bytes host)
{
    if (kd_bytes_at(host, 0) == '[')
        return kd_bytes_head(host, kd_bytes_find_byte(host, ']') + 1);
    return kd_bytes_head(host, kd_bytes_find_byte(host, ':'));
}

/* --- telling --- */

static struct kd_bytes all_fields(const struct tap_head *h, enum kd_dir dir, struct kd_out *o)
{
    const char *left_out = dir == KD_TO_SERVER ? "Cookie" : "Set-Cookie";
    size_t at = o->n;
    for (size_t i = 0; i < h->n; i++) {
        if (kd_bytes_ieq(h->field[i].name, kd_str(left_out)))
            continue;
        kd_out_bytes(o, h->field[i].name);
        kd_out_str(o, h->field[i].name.n > 0 ? ": " : "");
        kd_out_bytes(o, h->field[i].value);
        kd_out_str(o, "\r\n");
    }
    return kd_bytes_from(kd_out_bytes_view(o), at);
}

static struct kd_bytes all_names(const struct tap_head *h, struct kd_out *o)
{
    size_t at = o->n;
    kd_out_str(o, "\r\n");
    for (size_t i = 0; i < h->n; i++) {
        kd_out_bytes(o, h->field[i].name);
        kd_out_str(o, "\r\n");
    }
    kd_out_str(o, "\r\n");
    return kd_bytes_from(kd_out_bytes_view(o), at);
}

static void tell_field(const struct kd_ctx *ctx, struct tap_head *h, enum kd_dir dir, enum kd_inspect id,
                       const char *name)
{
    bool has;
    if (!kd_wants(ctx, id, dir))
        return;
    struct kd_bytes value = value_of(h, name, &has);
    if (has)
        kd_inspect(ctx, id, dir, value);
}

static void tell_common(const struct kd_ctx *ctx, struct tap_head *h, enum kd_dir dir, struct kd_out *o)
{
    bool server = dir == KD_TO_SERVER;
    if (kd_wants(ctx, KD_IN_HTTP_HEADER, dir) && h->n > 0)
        kd_inspect(ctx, KD_IN_HTTP_HEADER, dir, all_fields(h, dir, o));
    if (kd_wants(ctx, KD_IN_HTTP_HEADER_NAMES, dir) && h->n > 0)
        kd_inspect(ctx, KD_IN_HTTP_HEADER_NAMES, dir, all_names(h, o));
    kd_inspect(ctx, KD_IN_HTTP_HEADER_RAW, dir, h->fields);
    kd_inspect(ctx, KD_IN_HTTP_START, dir, h->raw);
    tell_field(ctx, h, dir, KD_IN_HTTP_COOKIE, server ? "Cookie" : "Set-Cookie");
    tell_field(ctx, h, dir, KD_IN_HTTP_CONTENT_TYPE, "Content-Type");
    tell_field(ctx, h, dir, KD_IN_HTTP_CONTENT_LEN, "Content-Length");
    tell_field(ctx, h, dir, KD_IN_HTTP_CONNECTION, "Connection");
    enum kd_inspect one = server ? KD_IN_HTTP_REQUEST_HEADER : KD_IN_HTTP_RESPONSE_HEADER;
    for (size_t i = 0; i < h->n && kd_wants(ctx, one, dir); i++)
        kd_inspect(ctx, one, dir, join(o, h->field[i].name, ": ", h->field[i].value));
}

static void tell_host(const struct kd_ctx *ctx, struct tap_head *h, struct kd_bytes target, struct kd_out *o)
{
    bool has;
    struct kd_bytes host = value_of(h, AUTHORITY, &has);
    if (!has)
        host = value_of(h, "Host", &has);
    size_t at = kd_bytes_find(kd_bytes_head(target, 16), kd_str("://"));
    if (kd_bytes_at(target, 0) != '/' && at != SIZE_MAX) {
        host = kd_bytes_from(target, at + 3);
        host = kd_bytes_head(host, kd_bytes_find_byte(host, '/'));
        has = true;
    }
    if (!has)
        return;
    kd_inspect(ctx, KD_IN_HTTP_HOST_RAW, KD_TO_SERVER, host);
    if (kd_wants(ctx, KD_IN_HTTP_HOST, KD_TO_SERVER))
        kd_inspect(ctx, KD_IN_HTTP_HOST, KD_TO_SERVER, lower(without_port(host), o));
}

static void tell_request(const struct kd_ctx *ctx, struct tap_head *h, struct kd_out *o)
{
    enum kd_dir dir = KD_TO_SERVER;
    struct kd_bytes rest = h->line;
    struct kd_bytes method = kd_bytes_cut(&rest, ' ');
    rest = kd_bytes_trim(rest);
    size_t space = rest.n;
    while (space > 0 && !is_space(rest.p[space - 1]))
        space--;
    struct kd_bytes protocol = kd_bytes_from(rest, space);
    struct kd_bytes target = rest;
    if (space > 0 && kd_bytes_istarts(protocol, kd_str("HTTP/")))
        target = kd_bytes_trim(kd_bytes_head(rest, space));
    else
        protocol = kd_str(NULL);
    kd_inspect(ctx, KD_IN_HTTP_REQUEST_LINE, dir, h->line);
    kd_inspect(ctx, KD_IN_HTTP_METHOD, dir, method);
    kd_inspect(ctx, KD_IN_HTTP_URI_RAW, dir, target);
    kd_inspect_number(ctx, KD_NUM_URILEN_RAW, dir, target.n);
    if (kd_wants(ctx, KD_IN_HTTP_URI, dir) || kd_wants_number(ctx, KD_NUM_URILEN, dir)) {
        struct kd_bytes uri = normal_uri(target, o);
        kd_inspect(ctx, KD_IN_HTTP_URI, dir, uri);
        kd_inspect_number(ctx, KD_NUM_URILEN, dir, uri.n);
    }
    if (protocol.n > 0)
        kd_inspect(ctx, KD_IN_HTTP_PROTOCOL, dir, protocol);
    tell_host(ctx, h, target, o);
    tell_field(ctx, h, dir, KD_IN_HTTP_USER_AGENT, "User-Agent");
    tell_field(ctx, h, dir, KD_IN_HTTP_REFERER, "Referer");
    tell_field(ctx, h, dir, KD_IN_HTTP_ACCEPT, "Accept");
    tell_field(ctx, h, dir, KD_IN_HTTP_ACCEPT_ENC, "Accept-Encoding");
    tell_field(ctx, h, dir, KD_IN_HTTP_ACCEPT_LANG, "Accept-Language");
}

static void tell_response(const struct kd_ctx *ctx, struct tap_head *h)
{
    enum kd_dir dir = KD_TO_CLIENT;
    struct kd_bytes rest = h->line;
    struct kd_bytes protocol = kd_bytes_cut(&rest, ' ');
    rest = kd_bytes_trim(rest);
    struct kd_bytes code = kd_bytes_cut(&rest, ' ');
    kd_inspect(ctx, KD_IN_HTTP_RESPONSE_LINE, dir, h->line);
    kd_inspect(ctx, KD_IN_HTTP_PROTOCOL, dir, protocol);
    kd_inspect(ctx, KD_IN_HTTP_STAT_CODE, dir, code);
    kd_inspect(ctx, KD_IN_HTTP_STAT_MSG, dir, kd_bytes_trim(rest));
    tell_field(ctx, h, dir, KD_IN_HTTP_SERVER, "Server");
    tell_field(ctx, h, dir, KD_IN_HTTP_LOCATION, "Location");
}

/* HTTP/2 has no first line: what it would say stands in fields, which rules see as such (RFC 9113 8.3). */
static void add_pseudo_fields(struct tap_head *h, enum kd_dir dir)
{
    enum { MOST = 2 };
    struct kd_bytes rest = h->line, first = kd_bytes_cut(&rest, ' '), second = kd_bytes_cut(&rest, ' ');
    bool request = dir == KD_TO_SERVER;
    struct tap_field add[MOST] = {{.name = kd_str(request ? ":method" : ":status"), .value = request ? first : second},
                                  {.name = kd_str(":path"), .value = second}};
    size_t n = request ? 2 : 1;
    if (request && h->n > 0 && kd_bytes_eq_str(h->field[0].name, "Host"))
        h->field[0].name = kd_str(AUTHORITY);
    n = kd_min_size(n, TAP_FIELDS - h->n);
    memmove(h->field + n, h->field, h->n * sizeof(h->field[0]));
    memcpy(h->field, add, n * sizeof(add[0]));
    h->n += n;
}

void http_tap_head(struct kd_ctx *ctx, enum kd_dir dir, struct http_tap_room *ret_room)
{
    struct http_state *st = ctx->state;
    struct tap_head h = {.raw = kd_buf_view(&st->tap[dir])};
    *ret_room = (struct http_tap_room){0};
    /* Every form is at most as long as the head and its separators. */
    uint8_t *room = kd_pool_take(ctx->pool, h.raw.n * 6 + 1024, &ret_room->size);
    if (room == NULL)
        return;
    ret_room->block = room;
    struct kd_out o = kd_out_of(room, ret_room->size);
    h.fields = h.raw;
    h.line = cut_line(&h.fields);
    read_fields(&h, &o);
    if (st->framed.on)
        add_pseudo_fields(&h, dir);
    if (dir == KD_TO_SERVER)
        tell_request(ctx, &h, &o);
    else
        tell_response(ctx, &h);
    tell_common(ctx, &h, dir, &o);
}

void http_tap_free(struct kd_ctx *ctx, struct http_tap_room *room)
{
    kd_pool_give(ctx->pool, room->block, room->size);
}

void http_tap_body(const struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece)
{
    if (piece.n == 0)
        return;
    kd_inspect(ctx, KD_IN_FILE_DATA, dir, piece);
    kd_inspect(ctx, dir == KD_TO_SERVER ? KD_IN_HTTP_REQUEST_BODY : KD_IN_HTTP_RESPONSE_BODY, dir, piece);
}
