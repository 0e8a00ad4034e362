/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"
#include "proto/http/http.h"
#include "proto/mime/header.h"

enum { METHOD_MAX = 32, UNFOLD_MAX = 4096 };

static const char *const known_methods[] = {
    "GET ",         "POST ",         "HEAD ",      "PUT ",      "DELETE ",    "OPTIONS ",
    "CONNECT ",     "TRACE ",        "PATCH ",     "PROPFIND ", "PROPPATCH ", "MKCOL ",
    "COPY ",        "MOVE ",         "LOCK ",      "UNLOCK ",   "REPORT ",    "SEARCH ",
    "RPC_IN_DATA ", "RPC_OUT_DATA ", "BITS_POST ", "CCM_POST ", "M-POST ",    "SUBSCRIBE ",
    "NOTIFY ",      "DEBUG ",
};

static enum kd_probe starts_with(struct kd_bytes in, const char *text)
{
    struct kd_bytes want = kd_str(text);
    if (in.n >= want.n)
        return kd_bytes_starts(in, want) ? KD_PROBE_YES : KD_PROBE_NO;
    return kd_bytes_starts(want, in) ? KD_PROBE_MORE : KD_PROBE_NO;
}

enum kd_probe http_looks_like_request(struct kd_bytes in)
{
    for (size_t i = 0; i < KD_COUNT(known_methods); i++) {
        if (in.n > 0 && in.p[0] != (uint8_t)known_methods[i][0])
            continue;
        enum kd_probe hit = starts_with(in, known_methods[i]);
        if (hit != KD_PROBE_NO)
            return hit;
    }
    return KD_PROBE_NO;
}

enum kd_probe http_looks_like_response(struct kd_bytes in)
{
    return starts_with(in, "HTTP/1.");
}

static enum kd_probe says_http(struct kd_bytes in)
{
    enum { BEFORE_MAX = 16 };
    static const char start[] = "http/";
    size_t at = 0;
    while (at < in.n && at < BEFORE_MAX && in.p[at] <= ' ')
        at++;
    for (size_t i = 0; i < sizeof(start) - 1; i++) {
        if (at + i >= in.n)
            return KD_PROBE_MORE;
        if (kd_ascii_lower(in.p[at + i]) != (uint8_t)start[i])
            return KD_PROBE_NO;
    }
    return KD_PROBE_YES;
}

/* One short line before it is passed over. */
enum kd_probe http_may_be_response(struct kd_bytes in)
{
    enum { JUNK_MAX = 32 };
    enum kd_probe first = says_http(in);
    if (first != KD_PROBE_NO)
        return first;
    size_t end = kd_bytes_find_byte(kd_bytes_head(in, JUNK_MAX), '\n');
    if (end == SIZE_MAX)
        return in.n < JUNK_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
    return says_http(kd_bytes_from(in, end + 1));
}

size_t http_bare_cr(struct kd_bytes line)
{
    for (size_t i = 0; i + 1 < line.n; i++)
        if (line.p[i] == '\r' && line.p[i + 1] != '\n' && line.p[i + 1] != ' ' && line.p[i + 1] != '\t')
            return i;
    return SIZE_MAX;
}

static bool is_token_char(uint8_t c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (kd_ascii_lower(c) >= 'a' && kd_ascii_lower(c) <= 'z') ||
           (c != 0 && strchr(others, c) != NULL);
}

static bool is_token(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (!is_token_char(b.p[i]))
            return false;
    return b.n > 0;
}

/* host[:port], IPv6 in brackets; the name is kept in lower case, without brackets. */
static void keep_host(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes authority)
{
    struct kd_bytes host = authority;
    struct kd_bytes port = {NULL, 0};
    if (kd_bytes_at(authority, 0) == '[') {
        port = kd_bytes_from(authority, 1);
        host = kd_bytes_cut(&port, ']');
        if (kd_bytes_at(port, 0) == ':')
            port = kd_bytes_from(port, 1);
    } else {
        size_t colon = kd_bytes_find_byte(authority, ':');
        if (colon != SIZE_MAX) {
            host = kd_bytes_head(authority, colon);
            port = kd_bytes_from(authority, colon + 1);
        }
    }
    uint64_t number = 0;
    if (kd_bytes_to_u64(port, UINT16_MAX, &number))
        tx->rec.http_port = (uint16_t)number;
    uint8_t lower[256];
    struct kd_out o = kd_out_of(lower, sizeof(lower));
    for (size_t i = 0; i < host.n && i < sizeof(lower); i++)
        kd_out_u8(&o, kd_ascii_lower(host.p[i]));
    tx->rec.hostname = http_tx_keep(ctx, tx, KD_TO_SERVER, kd_out_bytes_view(&o));
}

static bool same_host(const struct http_tx *tx, struct kd_bytes authority)
{
    if (kd_bytes_at(authority, 0) == '[')
        authority = kd_bytes_from(authority, 1);
    struct kd_bytes head = kd_bytes_head(authority, tx->rec.hostname.n);
    uint8_t next = kd_bytes_at(authority, head.n);
    return kd_bytes_ieq(head, tx->rec.hostname) && (next == 0 || next == ':' || next == ']');
}

/* scheme://[user[:password]@]host[:port]/… : the host counts before the Host field (RFC
 * 9112 3.2.2). Returns where the authority's user information ends in the target, 0 without any. */
static size_t read_absolute(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes target)
{
    size_t at = kd_bytes_find(kd_bytes_head(target, 16), kd_str("://"));
    if (at == SIZE_MAX || at == 0)
        return 0;
    struct kd_bytes authority = kd_bytes_from(target, at + 3);
    for (size_t i = 0; i < authority.n; i++)
        if (authority.p[i] == '/' || authority.p[i] == '?' || authority.p[i] == '#')
            authority.n = i;
    size_t user_end = 0;
    for (size_t i = 0; i < authority.n; i++)
        if (authority.p[i] == '@')
            user_end = i + 1;
    keep_host(ctx, tx, kd_bytes_from(authority, user_end));
    tx->host_in_target = true;
    return user_end == 0 ? 0 : at + 3 + user_end;
}

static void keep_target(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes target)
{
    size_t secret_end = 0;
    if (tx->is_connect) {
        keep_host(ctx, tx, target);
        tx->host_in_target = true;
    } else if (kd_bytes_at(target, 0) != '/') {
        secret_end = read_absolute(ctx, tx, target);
    }
    if (secret_end == 0 || secret_end > UNFOLD_MAX) {
        tx->rec.url = http_tx_keep(ctx, tx, KD_TO_SERVER, target);
        return;
    }
    /* Credentials in a URL are never recorded. */
    uint8_t room[UNFOLD_MAX * 2];
    struct kd_out o = kd_out_of(room, sizeof(room));
    size_t scheme = kd_bytes_find(target, kd_str("://")) + 3;
    kd_out_bytes(&o, kd_bytes_head(target, scheme));
    kd_out_str(&o, "***@");
    kd_out_bytes(&o, kd_bytes_head(kd_bytes_from(target, secret_end), UNFOLD_MAX));
    tx->rec.url = http_tx_keep(ctx, tx, KD_TO_SERVER, kd_out_bytes_view(&o));
}

/* "HTTP/1.1" at the end of a request line: what lies before it is returned through *ret_target. */
static struct kd_bytes cut_version(struct kd_bytes rest, struct kd_bytes *ret_target)
{
    size_t i = rest.n;
    while (i > 0 && rest.p[i - 1] != ' ' && rest.p[i - 1] != '\t')
        i--;
    struct kd_bytes version = kd_bytes_from(rest, i);
    if (!kd_bytes_istarts(version, kd_str("HTTP/"))) {
        *ret_target = rest;
        return (struct kd_bytes){NULL, 0};
    }
    *ret_target = kd_bytes_trim(kd_bytes_head(rest, i));
    return version;
}

bool http_request_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[KD_TO_SERVER];
    struct kd_bytes rest = kd_bytes_trim(line);
    size_t end = 0;
    /* The byte of a TCP keep-alive, where a capture began with one. */
    while (rest.n > 0 && kd_bytes_at(rest, 0) <= ' ')
        rest = kd_bytes_from(rest, 1);
    while (end < rest.n && end <= METHOD_MAX && is_token_char(rest.p[end]))
        end++;
    struct kd_bytes method = kd_bytes_head(rest, end);
    uint8_t after = kd_bytes_at(rest, end);
    struct kd_bytes target;
    struct kd_bytes version = cut_version(kd_bytes_trim(kd_bytes_from(rest, end)), &target);
    if (method.n == 0 || method.n > METHOD_MAX || (after != ' ' && after != '\t') || target.n == 0)
        return false;
    if (version.n == 0 && http_looks_like_request(rest) != KD_PROBE_YES && !side->skip_line)
        return false;
    if (version.n == 0)
        http_event(ctx, KD_TO_SERVER, HTTP_EV_VERSION, line.n);
    if (kd_bytes_find_byte(target, ' ') != SIZE_MAX)
        http_event(ctx, KD_TO_SERVER, HTTP_EV_URI_SPACE, 0);
    struct http_tx *tx = http_tx_new(ctx, true);
    side->tx = tx;
    if (tx == NULL)
        return true;
    tx->request_us = ctx->now_us;
    tx->is_head = kd_bytes_eq_str(method, "HEAD");
    tx->is_connect = kd_bytes_eq_str(method, "CONNECT");
    tx->rec.http_method = http_tx_keep(ctx, tx, KD_TO_SERVER, method);
    tx->rec.protocol = http_tx_keep(ctx, tx, KD_TO_SERVER, kd_bytes_head(version, 16));
    keep_target(ctx, tx, target);
    return true;
}

/* Where an answer's transaction begins. */
static void begin_answer(struct kd_ctx *ctx, struct kd_bytes version, uint16_t status)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[KD_TO_CLIENT];
    struct http_tx *tx = http_tx_for_response(ctx);
    side->tx = tx;
    if (tx == NULL)
        return;
    tx->rec.status = status;
    if (tx->rec.protocol.n == 0)
        tx->rec.protocol = http_tx_keep(ctx, tx, KD_TO_CLIENT, kd_bytes_head(version, 16));
}

void http_headless(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    st->side[KD_TO_CLIENT].status = 0;
    begin_answer(ctx, kd_str(NULL), 0);
}

static bool is_blank(uint8_t c)
{
    return c <= ' ';
}

/* "HTTP/1.1 200 OK", and what browsers read as one: the version in any case and of any number, other blanks, no
 * number. */
bool http_status_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[KD_TO_CLIENT];
    struct kd_bytes rest = line;
    if (says_http(line) != KD_PROBE_YES)
        return false;
    while (rest.n > 0 && is_blank(rest.p[0]))
        rest = kd_bytes_from(rest, 1);
    size_t end = 0;
    while (end < rest.n && !is_blank(rest.p[end]))
        end++;
    struct kd_bytes version = kd_bytes_head(rest, end);
    while (end < rest.n && is_blank(rest.p[end]))
        end++;
    size_t first = end;
    unsigned status = 0;
    for (; end < rest.n && rest.p[end] >= '0' && rest.p[end] <= '9' && status <= 999; end++)
        status = status * 10 + (unsigned)(rest.p[end] - '0');
    bool odd = !kd_bytes_starts(line, kd_str(st->framed.on ? "HTTP/2 " : "HTTP/1.")) || end - first != 3 || status < 100;
    if (odd)
        http_event(ctx, KD_TO_CLIENT, HTTP_EV_STATUS_LINE, 0);
    if (status > 999)
        status = 0;
    side->status = (uint16_t)status;
    /* An interim response does not use up the request. */
    if (status >= 100 && status < 200 && status != 101) {
        side->tx = NULL;
        return true;
    }
    begin_answer(ctx, version, (uint16_t)status);
    return true;
}

/* --- fields --- */

/* Most names differ by their length already. */
#define IS(name, text)                                                                             \
    ((name).n == sizeof(text) - 1 && kd_bytes_ieq(name, kd_bytes_of(text, sizeof(text) - 1)))

static void read_length(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side, struct kd_bytes value)
{
    /* "5, 5" is a list of equal lengths that an intermediary joined (RFC 9110 8.6). */
    while (value.n > 0) {
        struct kd_bytes item = kd_bytes_trim(kd_bytes_cut(&value, ','));
        uint64_t length = 0;
        if (!kd_bytes_to_u64(item, INT64_MAX, &length)) {
            side->framing.bad_length = true;
            http_event(ctx, dir, HTTP_EV_LENGTH_BAD, side->head_bytes);
        } else if (side->framing.has_length) {
            http_event(ctx, dir, length != side->framing.length ? HTTP_EV_LENGTH_DUPLICATE : HTTP_EV_LENGTH_TWICE,
                       side->head_bytes);
        } else {
            side->framing.length = length;
            side->framing.has_length = true;
        }
    }
}

/* "chunked" in whatever company, letters alone counted: the body itself then tells. */
static bool names_chunked(struct kd_bytes value)
{
    static const char word[] = "chunked";
    size_t n = 0;
    for (size_t i = 0; i < value.n && n < sizeof(word) - 1; i++) {
        uint8_t c = kd_ascii_lower(value.p[i]);
        if (c < 'a' || c > 'z')
            continue;
        n = c == (uint8_t)word[n] ? n + 1 : c == 'c' ? 1 : 0;
    }
    return n == sizeof(word) - 1;
}

static void read_coding(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side, struct kd_bytes value)
{
    bool chunked = names_chunked(value);
    side->framing.chunked |= chunked;
    while (value.n > 0) {
        struct kd_bytes item = kd_bytes_trim(kd_bytes_cut(&value, ','));
        if (item.n == 0 || kd_bytes_ieq(item, kd_str("identity")))
            continue;
        side->framing.coded = true;
        if (!kd_bytes_ieq(item, kd_str("chunked")) && !kd_bytes_ieq(item, kd_str("gzip")) &&
            !kd_bytes_ieq(item, kd_str("deflate")) && !kd_bytes_ieq(item, kd_str("compress")))
            http_event(ctx, dir, HTTP_EV_CODING_UNKNOWN, side->head_bytes);
    }
}

static void read_host(struct kd_ctx *ctx, struct http_side *side, struct kd_bytes value)
{
    struct http_tx *tx = side->tx;
    if (tx != NULL && (side->framing.has_host || tx->host_in_target)) {
        if (!same_host(tx, value))
            http_event(ctx, KD_TO_SERVER, side->framing.has_host ? HTTP_EV_HOST_DUPLICATE : HTTP_EV_HOST_MISMATCH,
                       side->head_bytes);
    } else if (tx != NULL) {
        keep_host(ctx, tx, value);
    }
    side->framing.has_host = true;
}

static void keep_once(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir,
                      struct kd_bytes value, struct kd_bytes *field)
{
    if (field->n == 0)
        *field = http_tx_keep(ctx, tx, dir, value);
}

struct field {
    const char *name;
    uint16_t n;
    uint16_t offset; /* of a text in struct kd_rec_http */
};

#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, offsetof(struct kd_rec_http, member)                               \
    }
static const struct field request_texts[] = {
    TEXT("User-Agent", http_user_agent),
    TEXT("Referer", http_refer),
    TEXT("Content-Type", request_content_type),
    TEXT("X-Forwarded-For", xff),
};
static const struct field response_texts[] = {
    TEXT("Content-Type", http_content_type),
    TEXT("Location", redirect),
    TEXT("Server", server),
};
#undef TEXT

/* The file name of Content-Disposition (RFC 6266), decoded. */
static void keep_disposition(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir,
                             struct kd_bytes value)
{
    uint8_t room[1024];
    struct kd_out o = kd_out_of(room, sizeof(room));
    struct kd_bytes *field =
        dir == KD_TO_SERVER ? &tx->request_filename : &tx->rec.content_disposition;
    if (kd_mime_param(value, "filename", &o))
        keep_once(ctx, tx, dir, kd_out_bytes_view(&o), field);
}

static void keep_text(struct kd_ctx *ctx, struct http_tx *tx, enum kd_dir dir, struct kd_bytes name,
                      struct kd_bytes value)
{
    const struct field *row = dir == KD_TO_SERVER ? request_texts : response_texts;
    size_t n = dir == KD_TO_SERVER ? KD_COUNT(request_texts) : KD_COUNT(response_texts);
    for (size_t i = 0; i < n; i++)
        if (name.n == row[i].n && kd_bytes_ieq(name, kd_bytes_of(row[i].name, row[i].n))) {
            struct kd_bytes *field =
                (struct kd_bytes *)(void *)((uint8_t *)&tx->rec + row[i].offset);
            keep_once(ctx, tx, dir, value, field);
            return;
        }
}

/* "Host, User-Agent, …": which fields a program sends, and in which order, tells programs apart.
 * Names that no longer fit are left out whole. */
static void note_name(struct http_tx *tx, struct kd_bytes name)
{
    struct kd_out o = kd_out_of(tx->names, sizeof(tx->names));
    o.n = tx->names_n;
    size_t comma = o.n > 0 ? 2 : 0;
    if (o.n + comma + name.n > sizeof(tx->names))
        return;
    kd_out_str(&o, comma > 0 ? ", " : "");
    kd_out_bytes(&o, name);
    tx->names_n = (uint8_t)o.n;
}

/* Names only: values are keys to other people's sessions.  A value without a name gives none. */
static void read_cookie(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes value)
{
    uint8_t room[256];
    struct kd_out o = kd_out_of(room, sizeof(room));
    tx->rec.cookie = true;
    tx->rec.cookie_bytes = (uint32_t)kd_min_size(tx->rec.cookie_bytes + value.n, UINT32_MAX);
    while (value.n > 0) {
        struct kd_bytes rest = kd_bytes_trim(kd_bytes_cut(&value, ';'));
        struct kd_bytes name = kd_bytes_cut(&rest, '=');
        /* The = at the end of base64 does not make a name of what stands before it. */
        while (kd_bytes_at(rest, 0) == '=')
            rest = kd_bytes_from(rest, 1);
        if (rest.n == 0 || name.n + 2 > sizeof(room) - o.n)
            continue;
        kd_out_str(&o, o.n > 0 ? ", " : "");
        kd_out_bytes(&o, name);
    }
    keep_once(ctx, tx, KD_TO_SERVER, kd_out_bytes_view(&o), &tx->rec.cookie_names);
}

/* More content codings over each other than ordinary servers use, or one nobody knows. */
static void judge_codings(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes value)
{
    enum { ORDINARY = 2 };
    unsigned n = 0;
    for (; value.n > 0; n++) {
        struct kd_bytes item = kd_bytes_trim(kd_bytes_cut(&value, ','));
        bool known = kd_coding_of(item) != KD_CODING_NONE || IS(item, "identity") || item.n == 0;
        if (!known)
            http_event(ctx, dir, HTTP_EV_CODING_NAME, 0);
    }
    if (n > ORDINARY)
        http_event(ctx, dir, HTTP_EV_CODINGS, 0);
}

static void read_request_field(struct kd_ctx *ctx, struct http_side *side, struct kd_bytes name,
                               struct kd_bytes value)
{
    if (IS(name, "Host")) {
        read_host(ctx, side, value);
        return;
    }
    struct http_tx *tx = side->tx;
    if (tx == NULL)
        return;
    http_hint_field(ctx, tx, name, value);
    if (IS(name, "Content-Encoding"))
        judge_codings(ctx, KD_TO_SERVER, value);
    if (IS(name, "Content-Encoding"))
        http_codings_add(&tx->codings[KD_TO_SERVER], value);
    else if (IS(name, "Content-Disposition"))
        keep_disposition(ctx, tx, KD_TO_SERVER, value);
    else if (IS(name, "Cookie"))
        read_cookie(ctx, tx, value);
    else if (IS(name, "Authorization"))
        http_auth_field(ctx, tx, value, false);
    else if (IS(name, "Proxy-Authorization"))
        http_auth_field(ctx, tx, value, true);
    else
        keep_text(ctx, tx, KD_TO_SERVER, name, value);
}

static void read_response_field(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes name,
                                struct kd_bytes value)
{
    if (IS(name, "Content-Encoding"))
        judge_codings(ctx, KD_TO_CLIENT, value);
    if (IS(name, "Content-Disposition")) {
        keep_disposition(ctx, tx, KD_TO_CLIENT, value);
    } else if (IS(name, "Content-Encoding")) {
        http_codings_add(&tx->codings[KD_TO_CLIENT], value);
        keep_once(ctx, tx, KD_TO_CLIENT, value, &tx->rec.content_encoding);
    } else if (IS(name, "Upgrade") || IS(name, "Sec-WebSocket-Extensions")) {
        http_upgrade_field(ctx, name, value);
    } else if (IS(name, "Content-Range")) {
        tx->range = http_range_of(value);
        keep_once(ctx, tx, KD_TO_CLIENT, value, &tx->rec.content_range);
    } else if (IS(name, "ETag") || IS(name, "Last-Modified")) {
        uint64_t hash = kd_hash(value.p, value.n, 0);
        memcpy(tx->validator, &hash, sizeof(hash));
    } else {
        keep_text(ctx, tx, KD_TO_CLIENT, name, value);
    }
}

/* A folded value (obs-fold) in one line: each line end becomes a space. */
static struct kd_bytes unfold(struct kd_bytes value, uint8_t room[UNFOLD_MAX])
{
    if (kd_bytes_find_byte(value, '\n') == SIZE_MAX)
        return value;
    value = kd_bytes_head(value, UNFOLD_MAX);
    for (size_t i = 0; i < value.n; i++)
        room[i] = value.p[i] == '\r' || value.p[i] == '\n' ? ' ' : value.p[i];
    return kd_bytes_of(room, value.n);
}

static void read_field(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes name, struct kd_bytes value)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    side->framing.last = HTTP_LAST_OTHER;
    if (IS(name, "Content-Length")) {
        read_length(ctx, dir, side, value);
    } else if (IS(name, "Transfer-Encoding")) {
        side->framing.last = HTTP_LAST_TRANSFER;
        read_coding(ctx, dir, side, value);
    } else if (side->fields > ctx->lim->http_headers ||
             side->head_bytes > ctx->lim->http_header_bytes) {
        return; /* framing alone is read beyond the limits */
    } else if (dir == KD_TO_SERVER) {
        read_request_field(ctx, side, name, value);
    } else if (IS(name, "WWW-Authenticate") || IS(name, "Proxy-Authenticate")) {
        http_auth_challenge(ctx, value);
    } else if (IS(name, "Connection")) {
        side->framing.closes = kd_bytes_icontains(value, kd_str("close"));
    } else if (side->tx != NULL) {
        if (IS(name, "Content-Encoding"))
            side->framing.last = HTTP_LAST_CONTENT;
        read_response_field(ctx, side->tx, name, value);
    }
}

/* Some browsers take a folded line for a field of its own, and any line without a name for the value of the field
 * before it.  Codings said in such a place are heard; whether the body is coded so it says itself. */
static void read_stray(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[KD_TO_CLIENT];
    size_t colon = kd_bytes_find_byte(line, ':');
    struct kd_bytes name = kd_bytes_trim(kd_bytes_head(line, colon));
    bool transfer = IS(name, "Transfer-Encoding");
    if (colon == SIZE_MAX) {
        transfer = side->framing.last == HTTP_LAST_TRANSFER;
        if (!transfer && side->framing.last != HTTP_LAST_CONTENT)
            return;
    } else if (!transfer && !IS(name, "Content-Encoding")) {
        return;
    }
    struct kd_bytes value = colon == SIZE_MAX ? line : kd_bytes_from(line, colon + 1);
    if (transfer)
        read_coding(ctx, KD_TO_CLIENT, side, value);
    else if (side->tx != NULL)
        http_codings_add(&side->tx->codings[KD_TO_CLIENT], value);
}

/* The name without what no name may have: NUL, blanks, control characters. */
static struct kd_bytes only_token(struct kd_bytes raw, struct kd_out *o)
{
    for (size_t i = 0; i < raw.n; i++)
        if (is_token_char(raw.p[i]))
            kd_out_u8(o, raw.p[i]);
    return kd_out_bytes_view(o);
}

static void one_field(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes line)
{
    enum { NAME_MAX = 64 };
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    size_t colon = kd_bytes_find_byte(line, ':');
    struct kd_bytes raw = kd_bytes_head(line, colon == SIZE_MAX ? line.n : colon);
    struct kd_bytes name = kd_bytes_trim(raw);
    uint8_t name_room[NAME_MAX];
    if (colon == SIZE_MAX || name.n != raw.n || !is_token(name)) {
        http_event(ctx, dir, colon == SIZE_MAX ? HTTP_EV_COLON : HTTP_EV_FIELD, side->head_bytes);
        struct kd_out o = kd_out_of(name_room, sizeof(name_room));
        name = only_token(kd_bytes_head(raw, NAME_MAX), &o);
    }
    if (colon == SIZE_MAX) {
        if (dir == KD_TO_CLIENT)
            read_stray(ctx, line);
        return;
    }
    uint8_t room[UNFOLD_MAX];
    size_t folded = kd_bytes_find_byte(line, '\n');
    struct kd_bytes value = kd_bytes_trim(unfold(kd_bytes_from(line, colon + 1), room));
    if (dir == KD_TO_SERVER && side->tx != NULL && side->fields <= ctx->lim->http_headers)
        note_name(side->tx, name);
    read_field(ctx, dir, name, value);
    if (dir == KD_TO_CLIENT && folded != SIZE_MAX && folded > colon)
        read_stray(ctx, kd_bytes_from(line, folded + 1));
}

void http_field_line(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes line)
{
    for (;;) {
        size_t cr = dir == KD_TO_CLIENT ? http_bare_cr(line) : SIZE_MAX;
        struct kd_bytes one = kd_bytes_head(line, cr);
        if (one.n > 0)
            one_field(ctx, dir, one);
        if (cr == SIZE_MAX)
            return;
        line = kd_bytes_from(line, cr + 1);
    }
}
