/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/http2/http2.h"

enum { FIELDS_TOLD = 32 };

extern const struct kd_parser kd_parser_http;

static struct h2_state *state_of(const struct kd_ctx *ctx)
{
    return (struct h2_state *)ctx->state;
}

/* The call as the HTTP/1 parser sees it: its state is the stream's. */
static struct kd_ctx within(const struct kd_ctx *ctx, struct h2_stream *s)
{
    struct kd_ctx c = *ctx;
    c.state = &s->http;
    c.inner = true; /* what it is shown lies nowhere in the stream */
    return c;
}

static struct h2_stream *find(const struct h2_state *st, uint32_t id)
{
    for (struct h2_stream *s = st->first; s != NULL; s = s->next)
        if (s->id == id)
            return s;
    return NULL;
}

static void close_one(struct kd_ctx *ctx, struct h2_stream *s)
{
    struct h2_state *st = state_of(ctx);
    struct kd_ctx c = within(ctx, s);
    for (unsigned dir = 0; dir < 2; dir++)
        if (!s->ended[dir] || st->side[dir].shown == s->id)
            h2_focus(ctx, (enum kd_dir)dir, s->id);
    kd_parser_http.close(&c);
    struct h2_stream **at = &st->first;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    st->n_streams--;
    kd_pool_give(ctx->pool, s, s->size);
}

static void close_oldest(struct kd_ctx *ctx)
{
    struct h2_stream *s = state_of(ctx)->first;
    while (s->next != NULL)
        s = s->next;
    h2_event(ctx, H2_EV_TOO_MANY_STREAMS);
    close_one(ctx, s);
}

static struct h2_stream *stream_new(struct kd_ctx *ctx, uint32_t id)
{
    struct h2_state *st = state_of(ctx);
    size_t size = 0;
    if (st->n_streams >= ctx->lim->pending)
        close_oldest(ctx);
    struct h2_stream *s = kd_pool_take(ctx->pool, sizeof(*s), &size);
    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof(*s));
    s->size = size;
    s->id = id;
    s->next = st->first;
    s->http.next_id = st->next_id++;
    s->http.framed.on = true;
    s->http.framed.is.stream_id = id;
    st->first = s;
    st->n_streams++;
    return s;
}

void h2_focus(struct kd_ctx *ctx, enum kd_dir dir, uint32_t id)
{
    struct h2_side *side = &state_of(ctx)->side[dir];
    if (side->shown != id)
        kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    side->shown = id;
}

static void line(struct kd_ctx *c, enum kd_dir dir, struct kd_bytes text)
{
    kd_ignore(kd_parser_http.message(c, dir, text));
}

static void start_line(struct kd_ctx *c, enum kd_dir dir, const struct h2_head *h)
{
    struct kd_buf text = {0};
    bool request = dir == KD_TO_SERVER;
    struct kd_bytes target = kd_buf_view(h->path.n > 0 ? &h->path : &h->authority);
    bool whole =
        request ? kd_buf_add(&text, c->pool, kd_buf_view(&h->method), H2_HEAD_MAX) &&
                      kd_buf_add(&text, c->pool, kd_str(" "), H2_HEAD_MAX) &&
                      kd_buf_add(&text, c->pool, target, H2_HEAD_MAX) &&
                      kd_buf_add(&text, c->pool, kd_str(" HTTP/2\r\n"), H2_HEAD_MAX + 16)
                : kd_buf_add(&text, c->pool, kd_str("HTTP/2 "), H2_HEAD_MAX) &&
                      kd_buf_add(&text, c->pool, kd_buf_view(&h->status), H2_HEAD_MAX) &&
                      kd_buf_add(&text, c->pool, kd_str("\r\n"), H2_HEAD_MAX + 16);
    if (whole)
        line(c, dir, kd_buf_view(&text));
    kd_buf_done(&text, c->pool);
}

struct field_list {
    struct kd_http_field v[FIELDS_TOLD];
    size_t n;
};

static void add_field(struct field_list *l, struct kd_bytes name, struct kd_bytes value)
{
    static const char *const secret[] = {"authorization", "proxy-authorization", "cookie", "set-cookie"};
    if (l->n == FIELDS_TOLD || name.n == 0)
        return;
    for (size_t i = 0; i < KD_COUNT(secret); i++)
        if (kd_bytes_ieq(name, kd_str(secret[i])))
            value.n = 0;
    l->v[l->n++] = (struct kd_http_field){name, value};
}

static void add_pseudo(struct field_list *l, const char *name, const struct kd_buf *value)
{
    if (value->n > 0)
        add_field(l, kd_str(name), kd_buf_view(value));
}

/* The head as it was sent, into the record of its transaction. */
static void tell_fields(struct kd_ctx *c, enum kd_dir dir, const struct h2_head *h)
{
    struct http_tx *tx = ((struct http_state *)c->state)->side[dir].tx;
    struct field_list l = {.n = 0};
    struct kd_bytes rest = kd_buf_view(&h->fields);
    if (tx == NULL)
        return;
    add_pseudo(&l, ":method", &h->method);
    add_pseudo(&l, ":path", &h->path);
    add_pseudo(&l, ":scheme", &h->scheme);
    add_pseudo(&l, ":authority", &h->authority);
    add_pseudo(&l, ":status", &h->status);
    while (rest.n > 0) {
        struct kd_bytes one = kd_bytes_cut(&rest, '\n');
        struct kd_bytes name = kd_bytes_cut(&one, ':');
        one.n -= kd_bytes_at(one, one.n - 1) == '\r';
        add_field(&l, name, kd_bytes_trim(one));
    }
    struct kd_http_field *kept = kd_arena_alloc(&tx->mem, l.n * sizeof(l.v[0]));
    if (kept == NULL)
        return;
    for (size_t i = 0; i < l.n; i++)
        kept[i] = (struct kd_http_field){http_tx_keep(c, tx, dir, l.v[i].name), http_tx_keep(c, tx, dir, l.v[i].value)};
    *(dir == KD_TO_SERVER ? &tx->rec.request_headers : &tx->rec.response_headers) = (struct kd_list){kept, l.n};
}

static void field_lines(struct kd_ctx *c, enum kd_dir dir, const struct h2_head *h)
{
    struct kd_buf host = {0};
    if (h->authority.n > 0 && kd_buf_add(&host, c->pool, kd_str("Host: "), H2_HEAD_MAX) &&
        kd_buf_add(&host, c->pool, kd_buf_view(&h->authority), H2_HEAD_MAX + 16) &&
        kd_buf_add(&host, c->pool, kd_str("\r\n"), H2_HEAD_MAX + 32))
        line(c, dir, kd_buf_view(&host));
    kd_buf_done(&host, c->pool);
    struct kd_bytes rest = kd_buf_view(&h->fields);
    while (rest.n > 0) {
        size_t lf = kd_bytes_find_byte(rest, '\n');
        size_t n = lf == SIZE_MAX ? rest.n : lf + 1;
        line(c, dir, kd_bytes_head(rest, n));
        rest = kd_bytes_from(rest, n);
    }
    tell_fields(c, dir, h);
    line(c, dir, kd_str("\r\n"));
}

static void show_names(const struct kd_ctx *ctx, enum kd_dir dir, const struct h2_head *h)
{
    const struct {
        const char *name;
        const struct kd_buf *value;
    } pseudo[] = {{":method", &h->method}, {":path", &h->path}, {":authority", &h->authority}, {":status", &h->status}};
    struct kd_bytes rest = kd_buf_view(&h->fields);
    for (size_t i = 0; i < KD_COUNT(pseudo); i++)
        if (pseudo[i].value->n > 0)
            kd_inspect(ctx, KD_IN_HTTP2_HEADER_NAME, dir, kd_str(pseudo[i].name));
    while (kd_wants(ctx, KD_IN_HTTP2_HEADER_NAME, dir) && rest.n > 0) {
        struct kd_bytes one = kd_bytes_cut(&rest, '\n');
        kd_inspect(ctx, KD_IN_HTTP2_HEADER_NAME, dir, kd_bytes_cut(&one, ':'));
    }
}

static void end_side(struct kd_ctx *ctx, struct h2_stream *s, enum kd_dir dir)
{
    struct kd_ctx c = within(ctx, s);
    if (s->ended[dir])
        return;
    s->ended[dir] = true;
    h2_focus(ctx, dir, s->id);
    if (s->http.side[dir].phase == HTTP_BODY)
        kd_ignore(kd_parser_http.body(&c, dir, kd_str(""), true));
    if (s->ended[0] && s->ended[1])
        close_one(ctx, s);
}

void h2_head(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, struct h2_head *head, bool end)
{
    struct h2_state *st = state_of(ctx);
    struct h2_stream *s = find(st, id);
    bool is_start = dir == KD_TO_SERVER ? head->method.n > 0 : head->status.n > 0;
    if (s == NULL && is_start)
        s = stream_new(ctx, id);
    if (s == NULL)
        return;
    struct kd_ctx c = within(ctx, s);
    h2_focus(ctx, dir, id);
    show_names(ctx, dir, head);
    if (is_start && !s->head_seen[dir]) {
        bool interim = dir == KD_TO_CLIENT && kd_bytes_at(kd_buf_view(&head->status), 0) == '1';
        s->http.framed.ends = end;
        s->head_seen[dir] = !interim;
        start_line(&c, dir, head);
        field_lines(&c, dir, head);
    }
    if (end)
        end_side(ctx, s, dir);
}

static bool takes_data(const struct h2_stream *s, enum kd_dir dir)
{
    uint8_t phase = s->http.side[dir].phase;
    return phase == HTTP_BODY || phase == HTTP_CONNECT || phase == HTTP_TUNNEL;
}

void h2_data(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, struct kd_bytes piece)
{
    struct h2_stream *s = find(state_of(ctx), id);
    if (s == NULL || s->ended[dir] || piece.n == 0 || !takes_data(s, dir))
        return;
    struct kd_ctx c = within(ctx, s);
    h2_focus(ctx, dir, id);
    kd_ignore(kd_parser_http.body(&c, dir, piece, false));
}

void h2_lost(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, uint64_t n)
{
    struct h2_stream *s = find(state_of(ctx), id);
    if (s == NULL || s->ended[dir] || !takes_data(s, dir))
        return;
    struct kd_ctx c = within(ctx, s);
    kd_parser_http.gap(&c, dir, n);
}

void h2_end(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir)
{
    struct h2_stream *s = find(state_of(ctx), id);
    if (s != NULL)
        end_side(ctx, s, dir);
}

const void *h2_present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct h2_state *st = state_of(ctx);
    struct h2_stream *s = find(st, st->side[dir].shown);
    if (s == NULL || kd_parser_http.present == NULL)
        return NULL;
    struct kd_ctx c = within(ctx, s);
    return kd_parser_http.present(&c, dir, ret_type);
}

void h2_close_all(struct kd_ctx *ctx)
{
    while (state_of(ctx)->first != NULL)
        close_one(ctx, state_of(ctx)->first);
}

/* ---- what only HTTP/2 has ---- */

/* A record of the connection itself. */
static void tell_connection(struct kd_ctx *ctx, enum kd_dir dir, const struct kd_http2_side *side)
{
    struct kd_http2 is = {0};
    struct kd_list *list = dir == KD_TO_SERVER ? &is.request : &is.response;
    *list = (struct kd_list){side, 1};
    struct kd_rec_http rec = {.tx_id = state_of(ctx)->next_id++, .protocol = kd_str("HTTP/2"), .http2 = {&is, 1}};
    kd_emit(ctx, KD_REC_HTTP, &rec);
}

static const char *error_name(uint32_t code)
{
    static const char *const names[] = {
        "NOERROR",     "PROTOCOLERROR", "INTERNALERROR",    "FLOWCONTROLERROR", "SETTINGSTIMEOUT", "STREAMCLOSED",
        "FRAMESIZEERROR", "REFUSEDSTREAM", "CANCEL", "COMPRESSIONERROR", "CONNECTERROR", "ENHANCEYOURCALM",
        "INADEQUATESECURITY", "HTTP11REQUIRED"};
    return code < KD_COUNT(names) ? names[code] : "UNKNOWN";
}

void h2_error(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, uint32_t code)
{
    struct h2_stream *s = find(state_of(ctx), id);
    struct kd_http2_side side = {.error_code = kd_str(error_name(code))};
    h2_focus(ctx, dir, id);
    kd_inspect_number(ctx, KD_NUM_HTTP2_ERRORCODE, dir, code);
    if (s == NULL) {
        if (id == 0 && code != 0)
            tell_connection(ctx, dir, &side);
        return;
    }
    http_framed_side(&s->http, dir)->error_code = side.error_code;
    if (id != 0)
        close_one(ctx, s);
}

void h2_priority(struct kd_ctx *ctx, uint32_t id, enum kd_dir dir, uint8_t weight)
{
    struct h2_stream *s = find(state_of(ctx), id);
    h2_focus(ctx, dir, id);
    kd_inspect_number(ctx, KD_NUM_HTTP2_PRIORITY, dir, weight);
    if (s == NULL)
        return;
    struct http_framed *f = &s->http.framed;
    f->priority[dir].value = weight;
    http_framed_side(&s->http, dir)->priority = (struct kd_list){&f->priority[dir], 1};
}

void h2_settings(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes payload)
{
    enum { SETTINGS_MAX = 16 };
    static const char *const names[] = {"",
                                        "SETTINGSHEADERTABLESIZE",
                                        "SETTINGSENABLEPUSH",
                                        "SETTINGSMAXCONCURRENTSTREAMS",
                                        "SETTINGSINITIALWINDOWSIZE",
                                        "SETTINGSMAXFRAMESIZE",
                                        "SETTINGSMAXHEADERLISTSIZE",
                                        "",
                                        "SETTINGSENABLECONNECTPROTOCOL",
                                        "SETTINGSNORFC7540PRIORITIES"};
    struct kd_http2_setting v[SETTINGS_MAX];
    char other[SETTINGS_MAX][8];
    size_t n = 0;
    struct kd_cur c = kd_cur_of(payload);
    while (kd_cur_left(&c) >= 6) {
        uint16_t id = kd_cur_be16(&c);
        uint32_t value = kd_cur_be32(&c);
        if (id == 1)
            h2_table_size(ctx, (enum kd_dir)(dir ^ 1), value);
        if (n == SETTINGS_MAX)
            continue;
        bool known = id < KD_COUNT(names) && names[id][0] != '\0';
        struct kd_out o = kd_out_of(other[n], sizeof(other[n]));
        kd_out_u64(&o, id);
        v[n].settings_id = known ? kd_str(names[id]) : kd_out_bytes_view(&o);
        v[n++].settings_value = value;
    }
    struct kd_http2_side side = {.settings = {v, n}};
    if (n > 0)
        tell_connection(ctx, dir, &side);
}
