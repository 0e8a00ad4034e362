/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.x (RFC 9110, RFC 9112). */
#include "proto/http/http.h"
#include "proto/line.h"

extern const struct kd_parser kd_parser_http;

enum { LINE_MAX_BYTES = 1 << 20 };

/* Of requests and of answers, named as rules name them (app-layer-event:http.…) where they have a name for it. */
static const char *const event_names[HTTP_EVENTS][2] = {
    [HTTP_EV_REQUEST_LINE] = {"request_line_malformed", "request_line_malformed"},
    [HTTP_EV_STATUS_LINE] = {"status_line_malformed", "status_line_malformed"},
    [HTTP_EV_LINE_TOO_LONG] = {"request_field_too_long", "response_field_too_long"},
    [HTTP_EV_COLON] = {"request_field_missing_colon", "response_field_missing_colon"},
    [HTTP_EV_FIELD] = {"request_header_invalid", "response_header_invalid"},
    [HTTP_EV_TOO_MANY_FIELDS] = {"request_too_many_headers", "response_too_many_headers"},
    [HTTP_EV_HEAD_TOO_LONG] = {"request_header_too_long", "response_header_too_long"},
    [HTTP_EV_LENGTH_BAD] = {"invalid_content_length_field_in_request", "invalid_content_length_field_in_response"},
    [HTTP_EV_LENGTH_DUPLICATE] = {"duplicate_content_length_field_in_request",
                                  "duplicate_content_length_field_in_response"},
    [HTTP_EV_LENGTH_AND_CHUNKED] = {"content_length_and_chunked", "content_length_and_chunked"},
    [HTTP_EV_CODING_UNKNOWN] = {"invalid_transfer_encoding_value_in_request",
                                "invalid_transfer_encoding_value_in_response"},
    [HTTP_EV_CHUNK_SIZE] = {"invalid_request_chunk_len", "invalid_response_chunk_len"},
    [HTTP_EV_CHUNK_END] = {"chunk_end_bad", "chunk_end_bad"},
    [HTTP_EV_HOST_MISSING] = {"missing_host_header", "missing_host_header"},
    [HTTP_EV_HOST_DUPLICATE] = {"duplicate_host", "duplicate_host"},
    [HTTP_EV_HOST_MISMATCH] = {"host_header_ambiguous", "host_header_ambiguous"},
    [HTTP_EV_VERSION] = {"request_missing_protocol", "request_missing_protocol"},
    [HTTP_EV_URI_SPACE] = {"uri_delim_non_compliant", "uri_delim_non_compliant"},
    [HTTP_EV_RESPONSE_ALONE] = {"unable_to_match_response_to_request", "unable_to_match_response_to_request"},
    [HTTP_EV_TOO_MANY_PENDING] = {"too_many_pending", "too_many_pending"},
    [HTTP_EV_CODING_BROKEN] = {"gzip_decompression_failed", "gzip_decompression_failed"},
    [HTTP_EV_CODING_BOMB] = {"compression_bomb", "compression_bomb"},
    [HTTP_EV_LENGTH_TWICE] = {"duplicate_content_length_field_in_request",
                              "duplicate_content_length_field_in_response"},
    [HTTP_EV_AUTH] = {"request_auth_unrecognized", "request_auth_unrecognized"},
    [HTTP_EV_CHUNK_EXTENSION] = {"request_chunk_extension", "response_chunk_extension"},
    [HTTP_EV_CODINGS] = {"too_many_encoding_layers", "too_many_encoding_layers"},
    [HTTP_EV_CODING_NAME] = {"abnormal_ce_header", "abnormal_ce_header"},
};

void http_event(struct kd_ctx *ctx, enum kd_dir dir, enum http_event event, uint64_t at)
{
    struct http_state *st = ctx->state;
    const char *name = event_names[event][dir];
    if (event >= HTTP_EV_RECORDED || (st->told & 1u << event) != 0) {
        kd_odd(ctx, name);
        return;
    }
    st->told |= 1u << event;
    kd_anomaly(ctx, name, at);
}

/* --- recognition --- */

static struct kd_bytes skip_empty_lines(struct kd_bytes in)
{
    for (unsigned i = 0; i < 8 && (kd_bytes_at(in, 0) == '\r' || kd_bytes_at(in, 0) == '\n'); i++)
        in = kd_bytes_from(in, 1);
    return in;
}

/* Other protocols share the shape of HTTP (RTSP, SIP, ICAP): the version decides, or, while the
 * line is long, a target that only HTTP has. */
static enum kd_probe probe_request(struct kd_bytes in)
{
    enum { LONG_TARGET = 1024 };
    size_t end = kd_bytes_find_byte(in, '\n');
    struct kd_bytes line = kd_bytes_trim(kd_bytes_head(in, end));
    struct kd_bytes rest = line;
    enum kd_probe known = http_looks_like_request(in);
    if (end != SIZE_MAX) {
        (void)kd_bytes_cut(&rest, ' ');
        if (rest.n > 0 && kd_bytes_find(rest, kd_str(" HTTP/1.")) != SIZE_MAX)
            return KD_PROBE_YES;
        return known == KD_PROBE_YES && kd_bytes_at(rest, 0) == '/' &&
                       kd_bytes_find_byte(rest, ' ') == SIZE_MAX
                   ? KD_PROBE_YES
                   : KD_PROBE_NO;
    }
    struct kd_bytes method = kd_bytes_cut(&rest, ' ');
    for (size_t i = 0; i < method.n; i++)
        if (method.p[i] <= ' ' || method.p[i] >= 0x7f)
            return KD_PROBE_NO;
    if (method.n > 32)
        return KD_PROBE_NO;
    if (in.n >= LONG_TARGET && known == KD_PROBE_YES &&
        (kd_bytes_at(rest, 0) == '/' || kd_bytes_starts(rest, kd_str("http://"))))
        return KD_PROBE_YES;
    return KD_PROBE_MORE;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)conn;
    in = skip_empty_lines(in);
    enum kd_probe response = http_looks_like_response(in);
    if (response == KD_PROBE_YES)
        return dir == KD_TO_CLIENT ? KD_PROBE_YES : KD_PROBE_REVERSED;
    enum kd_probe request = probe_request(in);
    if (request == KD_PROBE_YES)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    return response == KD_PROBE_MORE ? response : request;
}

/* --- framing --- */

/* A line of a head.  One that is too long is cut; the rest of it is then skipped. */
static enum kd_status frame_line(const struct kd_ctx *ctx, struct kd_bytes in, size_t seen,
                                 bool folds, struct kd_frame *ret)
{
    return kd_line_frame(in, seen, kd_min_size(ctx->lim->http_header_bytes, LINE_MAX_BYTES - 1),
                         folds, ret);
}

static bool is_blank(struct kd_bytes line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && (line.p[i] < '\t' || line.p[i] > '\r'))
            return false;
    return true;
}

/* Does a head go on behind a line of blanks?  Not by the standard, but by what some browsers make of it: when
 * another field or blank line follows.  Otherwise the body begins. */
static enum kd_probe goes_on(struct kd_bytes next)
{
    enum { NAME_MAX = 40 };
    if (next.n > 0 && is_blank(kd_bytes_head(next, 1)))
        return KD_PROBE_YES;
    for (size_t i = 0; i < NAME_MAX; i++) {
        uint8_t c = kd_ascii_lower(kd_bytes_at(next, i));
        if (i >= next.n)
            return KD_PROBE_MORE;
        if (c == ':')
            return i > 0 ? KD_PROBE_YES : KD_PROBE_NO;
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
            return KD_PROBE_NO;
    }
    return KD_PROBE_NO;
}

/* The lines of a field.  One of blanks among them, or instead of them, may end the head. */
static enum kd_status frame_field(const struct kd_ctx *ctx, struct http_side *side, struct kd_bytes in, size_t seen,
                                  struct kd_frame *ret)
{
    enum kd_status s = frame_line(ctx, in, side->blank_seen ? 0 : seen, true, ret);
    side->blank_goes_on = side->blank_seen = false;
    for (size_t at = 0; s == KD_OK && at < ret->len;) {
        size_t lf = kd_bytes_find_byte(kd_bytes_head(kd_bytes_from(in, at), ret->len - at), '\n');
        if (lf == SIZE_MAX)
            break;
        size_t end = at + lf + 1;
        bool empty = lf == 0 || (lf == 1 && in.p[at] == '\r');
        enum kd_probe more = KD_PROBE_YES;
        if (!empty && is_blank(kd_bytes_head(kd_bytes_from(in, at), lf)))
            more = goes_on(kd_bytes_from(in, end));
        if (more == KD_PROBE_MORE) {
            side->blank_seen = true;
            ret->len = 0;
            return KD_MORE;
        }
        if (more == KD_PROBE_NO) {
            ret->len = at == 0 ? end : at;
            break;
        }
        side->blank_goes_on |= at == 0 && !empty;
        at = end;
    }
    return s;
}

/* The first answer of the conversation: what it begins with may be no status line at all. */
static bool is_answer_due(const struct http_state *st, enum kd_dir dir)
{
    return dir == KD_TO_CLIENT && !st->answered && st->first != NULL && !st->first->has_response;
}

static uint64_t unchunked_length(const struct http_side *side)
{
    const struct http_framing *f = &side->framing;
    return f->has_length && f->length > 0 ? f->length : UINT64_MAX;
}

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    enum kd_probe start;
    if (side->skip_line)
        return kd_line_skip(in, ret);
    switch ((enum http_phase)side->phase) {
    case HTTP_START:
        if (!is_answer_due(st, dir))
            return frame_line(ctx, in, seen, false, ret);
        start = http_may_be_response(in);
        if (start == KD_PROBE_MORE)
            return KD_MORE;
        if (start == KD_PROBE_YES) /* it looked further than the line */
            return frame_line(ctx, in, 0, false, ret);
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    case HTTP_FIELDS:
    case HTTP_TRAILER:
        return frame_field(ctx, side, in, seen, ret);
    case HTTP_CHUNK_SIZE:
        if (!side->chunk_first || dir == KD_TO_SERVER)
            return frame_line(ctx, in, seen, false, ret);
        start = http_chunk_begins(in);
        if (start == KD_PROBE_MORE)
            return KD_MORE;
        if (start == KD_PROBE_NO) { /* not chunked, whatever was said */
            *ret = (struct kd_frame){.len = unchunked_length(side), .is_body = true};
            return KD_OK;
        }
        return frame_line(ctx, in, 0, false, ret);
    case HTTP_BODY:
    case HTTP_CHUNK:
        *ret = (struct kd_frame){.len = side->left, .is_body = true};
        return KD_OK;
    case HTTP_TUNNEL:
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    case HTTP_LOST:
    case HTTP_CONNECT:
        start = dir == KD_TO_SERVER ? http_looks_like_request(in) : http_looks_like_response(in);
        if (start == KD_PROBE_MORE)
            return KD_MORE;
        if (start == KD_PROBE_YES)
            return frame_line(ctx, in, seen, false, ret);
        if (side->phase == HTTP_LOST)
            return kd_line_skip(in, ret);
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    return KD_MALFORMED;
}

/* --- messages --- */

static void expect_start(struct http_state *st, struct http_side *side)
{
    side->phase = st->tunnel ? HTTP_TUNNEL : HTTP_START;
    side->tx = NULL;
    side->left = 0;
}

static enum kd_frame_kind frame_kind(enum kd_dir dir)
{
    return dir == KD_TO_SERVER ? KD_FRAME_HTTP_REQUEST : KD_FRAME_HTTP_RESPONSE;
}

static void end_message(struct kd_ctx *ctx, enum kd_dir dir, bool whole)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    struct http_tx *tx = side->tx;
    bool connect = dir == KD_TO_SERVER && tx != NULL && tx->is_connect && !tx->has_response;
    expect_start(st, side);
    kd_end_frame(ctx, frame_kind(dir), dir, NULL);
    if (connect && !st->tunnel)
        side->phase = HTTP_CONNECT;
    http_tx_end(ctx, tx, dir, whole);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
}

/* Bytes are missing or make no sense: what was read so far is told, then a start line is looked
 * for. */
static void lose(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    if (side->tx != NULL && side->phase != HTTP_START) {
        struct http_tx *tx = side->tx;
        tx->lost[dir] = true;
        side->tx = NULL;
        http_tx_end(ctx, tx, dir, false);
    }
    kd_end_frame(ctx, frame_kind(dir), dir, NULL);
    kd_inspect_end(ctx, dir, KD_INSPECT_ALL);
    side->phase = st->tunnel ? HTTP_TUNNEL : HTTP_LOST;
    side->skip_line = false;
}

/* What is carried from here on is looked into; for HTTP once, not within itself again and again. */
static void connects(struct http_state *st)
{
    st->connects = true;
    if (st->carried_itself)
        kd_tunnel_not(&st->carried, &kd_parser_http);
}

static void carry(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece)
{
    struct http_state *st = ctx->state;
    const struct kd_inner *in = &st->carried.inner;
    kd_tunnel_data(&st->carried, ctx, dir, piece);
    if (in->parser == &kd_parser_http && in->state != NULL)
        ((struct http_state *)in->state)->carried_itself = true;
}

static void begin_tunnel(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    st->tunnel = true;
    kd_goes_over(ctx, KD_APP_FAILED);
    struct http_side *client = &st->side[KD_TO_SERVER];
    if (!client->streaming)
        expect_start(st, client);
    end_message(ctx, KD_TO_CLIENT, true);
}

static void expect_body(struct kd_ctx *ctx, enum kd_dir dir, uint64_t length)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    if (length == 0) {
        end_message(ctx, dir, true);
        return;
    }
    side->phase = HTTP_BODY;
    side->left = length;
}

static void end_request_head(struct kd_ctx *ctx, struct http_side *side)
{
    const struct http_state *st = ctx->state;
    const struct http_framing *f = &side->framing;
    struct http_tx *tx = side->tx;
    if (st->framed.on) {
        expect_body(ctx, KD_TO_SERVER, st->framed.ends || (tx != NULL && tx->is_connect) ? 0 : UINT64_MAX);
        return;
    }
    if (tx != NULL && !f->has_host && kd_bytes_eq_str(tx->rec.protocol, "HTTP/1.1"))
        http_event(ctx, KD_TO_SERVER, HTTP_EV_HOST_MISSING, side->head_bytes);
    if (f->chunked) {
        side->phase = HTTP_CHUNK_SIZE;
        side->chunk_end_due = false;
        side->chunk_first = true;
        return;
    }
    expect_body(ctx, KD_TO_SERVER, f->has_length ? f->length : 0);
}

/* RFC 9112 6.3. */
static void end_response_head(struct kd_ctx *ctx, struct http_side *side)
{
    struct http_state *st = ctx->state;
    const struct http_framing *f = &side->framing;
    const struct http_tx *tx = side->tx;
    uint16_t status = side->status;
    bool connected = tx != NULL && tx->is_connect && status >= 200 && status < 300;
    if (tx != NULL && tx->is_connect && !connected && st->side[KD_TO_SERVER].phase == HTTP_CONNECT)
        st->side[KD_TO_SERVER].phase = HTTP_START;
    bool has_body = f->chunked || (f->has_length && f->length > 0); /* as far as the head says */
    if ((status == 101 && !(has_body && f->closes)) || connected) {
        if (connected)
            connects(st);
        else
            http_upgrade(ctx);
        begin_tunnel(ctx);
    } else if (st->framed.on && status >= 200) {
        expect_body(ctx, KD_TO_CLIENT, st->framed.ends ? 0 : UINT64_MAX);
    } else if (status >= 100 && status < 200 && status != 101) {
        expect_start(st, side);
        kd_end_frame(ctx, KD_FRAME_HTTP_RESPONSE, KD_TO_CLIENT, NULL);
        kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    } else if (((status == 204 || status == 304) && !(has_body && f->closes)) || (tx != NULL && tx->is_head)) {
        end_message(ctx, KD_TO_CLIENT, true);
    } else if (f->chunked) {
        side->phase = HTTP_CHUNK_SIZE;
        side->chunk_end_due = false;
        side->chunk_first = true;
    } else if (f->has_length && !f->coded) {
        expect_body(ctx, KD_TO_CLIENT, f->length);
    } else {
        expect_body(ctx, KD_TO_CLIENT, UINT64_MAX);
    }
}

static void end_head(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side)
{
    struct http_tap_room tap = {0};
    if (side->framing.has_length && side->framing.coded)
        http_event(ctx, dir, HTTP_EV_LENGTH_AND_CHUNKED, side->head_bytes);
    if (kd_wants_any(ctx))
        http_tap_head(ctx, dir, &tap);
    if (dir == KD_TO_SERVER)
        end_request_head(ctx, side);
    else
        end_response_head(ctx, side);
    kd_inspect_end(ctx, dir, KD_INSPECT_HEAD); /* nothing where the message is over already */
    http_tap_free(ctx, &tap);
}

static void start_line(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side,
                       struct kd_bytes line)
{
    while (dir == KD_TO_CLIENT && line.n > 0 && line.p[0] <= ' ')
        line = kd_bytes_from(line, 1);
    if (line.n == 0)
        return;
    side->framing = (struct http_framing){0};
    side->head_bytes = 0;
    side->fields = 0;
    side->tx = NULL;
    struct kd_bytes first = kd_bytes_head(line, http_bare_cr(line));
    bool ok = dir == KD_TO_SERVER ? http_request_line(ctx, line) : http_status_line(ctx, first);
    if (ok) {
        kd_tell_frame(ctx, frame_kind(dir), dir, line.p, KD_FRAME_OPEN);
        side->phase = HTTP_FIELDS;
        if (dir == KD_TO_CLIENT && first.n < line.n)
            http_field_line(ctx, dir, kd_bytes_from(line, first.n + 1));
        return;
    }
    bool skip = side->skip_line;
    http_event(ctx, dir, dir == KD_TO_SERVER ? HTTP_EV_REQUEST_LINE : HTTP_EV_STATUS_LINE, 0);
    lose(ctx, dir);
    side->skip_line = skip;
}

static void field_line(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side,
                       struct kd_bytes line)
{
    if (is_blank(line)) {
        if (!side->blank_goes_on || line.n == 0)
            end_head(ctx, dir, side);
        else
            http_event(ctx, dir, HTTP_EV_FIELD, side->head_bytes);
        return;
    }
    if (side->fields++ == ctx->lim->http_headers)
        http_event(ctx, dir, HTTP_EV_TOO_MANY_FIELDS, side->head_bytes);
    if (side->head_bytes > ctx->lim->http_header_bytes)
        http_event(ctx, dir, HTTP_EV_HEAD_TOO_LONG, side->head_bytes);
    http_field_line(ctx, dir, line);
}

static void chunk_line(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side,
                       struct kd_bytes line)
{
    uint64_t size = 0;
    bool odd = false;
    if (side->chunk_end_due) {
        side->chunk_end_due = false;
        if (line.n > 0)
            http_event(ctx, dir, HTTP_EV_CHUNK_END, 0);
        return;
    }
    if (kd_bytes_trim(line).n == 0) {
        http_event(ctx, dir, HTTP_EV_CHUNK_SIZE, 0);
        return;
    }
    side->chunk_first = false;
    if (!http_chunk_size(line, &size, &odd)) {
        bool skip = side->skip_line;
        http_event(ctx, dir, HTTP_EV_CHUNK_SIZE, 0);
        lose(ctx, dir);
        side->skip_line = skip;
        return;
    }
    if (odd)
        http_event(ctx, dir, HTTP_EV_CHUNK_SIZE, 0);
    if (kd_bytes_find_byte(line, ';') != SIZE_MAX)
        http_event(ctx, dir, HTTP_EV_CHUNK_EXTENSION, 0);
    side->phase = size == 0 ? HTTP_TRAILER : HTTP_CHUNK;
    side->left = size;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    struct kd_bytes line = kd_line_text(msg, &side->skip_line);
    st->answered |= dir == KD_TO_CLIENT;
    if (side->skip_line)
        http_event(ctx, dir, HTTP_EV_LINE_TOO_LONG, side->head_bytes);
    if (kd_wants_any(ctx) && side->phase != HTTP_CHUNK_SIZE && side->phase != HTTP_TRAILER)
        http_tap_line(ctx, dir, msg, side->phase != HTTP_FIELDS);
    switch ((enum http_phase)side->phase) {
    case HTTP_START:
    case HTTP_CONNECT:
    case HTTP_LOST:
        start_line(ctx, dir, side, line);
        break;
    case HTTP_FIELDS:
        field_line(ctx, dir, side, line);
        break;
    case HTTP_CHUNK_SIZE:
        chunk_line(ctx, dir, side, line);
        break;
    case HTTP_TRAILER:
        if (is_blank(line))
            end_message(ctx, dir, true);
        break;
    case HTTP_BODY:
    case HTTP_CHUNK:
    case HTTP_TUNNEL:
        return KD_MALFORMED; /* frame() never announces these as messages */
    }
    side->head_bytes += msg.n;
    return KD_OK;
}

/* A side that hangs up within its head has still said what stands there. */
static void rest(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    if (side->phase != HTTP_FIELDS || side->skip_line)
        return;
    if (kd_wants_any(ctx))
        http_tap_line(ctx, dir, in, false);
    field_line(ctx, dir, side, in);
}

/* --- bodies --- */

static void end_piece(struct kd_ctx *ctx, enum kd_dir dir, struct http_side *side)
{
    bool whole = side->left == 0 || side->left == UINT64_MAX;
    if (side->phase == HTTP_CHUNK && whole) {
        side->phase = HTTP_CHUNK_SIZE;
        side->chunk_end_due = true;
        return;
    }
    end_message(ctx, dir, whole && side->phase == HTTP_BODY);
}

static void begin_headless(struct kd_ctx *ctx, struct http_side *side)
{
    struct http_state *st = ctx->state;
    st->answered = true;
    http_event(ctx, KD_TO_CLIENT, HTTP_EV_STATUS_LINE, 0);
    side->framing = (struct http_framing){0};
    http_headless(ctx);
    side->phase = HTTP_BODY;
    side->left = UINT64_MAX;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    side->streaming = !last;
    if (side->skip_line || side->phase == HTTP_LOST) {
        if (piece.n > 0)
            side->skip_line = kd_bytes_at(piece, piece.n - 1) != '\n';
        return KD_OK;
    }
    if (side->phase == HTTP_START)
        begin_headless(ctx, side);
    if (side->phase == HTTP_CHUNK_SIZE) {
        http_event(ctx, dir, HTTP_EV_CHUNK_SIZE, 0);
        side->phase = HTTP_BODY;
        side->left = unchunked_length(side);
    }
    if (side->phase == HTTP_CONNECT) { /* it does not wait for the answer */
        side->phase = HTTP_TUNNEL;
        connects(st);
    }
    if (side->phase == HTTP_TUNNEL) {
        if (st->connects)
            carry(ctx, dir, piece);
        else
            http_upgrade_data(ctx, dir, piece);
        return KD_OK;
    }
    if (side->tx != NULL)
        http_tx_body(ctx, side->tx, dir, piece);
    if (side->left != UINT64_MAX)
        side->left -= kd_min_u64(piece.n, side->left);
    if (last)
        end_piece(ctx, dir, side);
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct http_state *st = ctx->state;
    struct http_side *side = &st->side[dir];
    bool in_body = (side->phase == HTTP_BODY || side->phase == HTTP_CHUNK) && !side->skip_line;
    if (side->phase == HTTP_TUNNEL) {
        if (st->connects)
            kd_tunnel_gap(&st->carried, ctx, dir, n);
        else
            http_upgrade_gap(ctx, dir, n);
        return;
    }
    if (!in_body) {
        lose(ctx, dir);
        side->was_lost = true;
        return;
    }
    uint64_t lost = kd_min_u64(n, side->left);
    if (side->tx != NULL)
        http_tx_body_lost(ctx, side->tx, dir, lost);
    if (side->left != UINT64_MAX)
        side->left -= lost;
    /* Within a frame feed.c goes on by itself; a body that was expected but not begun is ours to
     * end. */
    if (!side->streaming && side->left == 0)
        end_piece(ctx, dir, side);
    if (!side->streaming && n > lost) {
        lose(ctx, dir);
        side->was_lost = true;
    }
}

/* The search itself is done by frame(), which can ask for more. */
static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

/* A head that never ended: rules see what there was. */
static void cut_off(struct kd_ctx *ctx, enum kd_dir dir)
{
    struct http_state *st = ctx->state;
    struct http_tap_room tap = {0};
    if (st->side[dir].phase != HTTP_FIELDS || !kd_wants_any(ctx))
        return;
    http_tap_head(ctx, dir, &tap);
    kd_inspect_end(ctx, dir, KD_INSPECT_HEAD);
    http_tap_free(ctx, &tap);
}

static void finish(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    cut_off(ctx, KD_TO_SERVER);
    cut_off(ctx, KD_TO_CLIENT);
    kd_tunnel_end(&st->carried, ctx);
    http_upgrade_end(ctx);
    http_tx_close(ctx);
    http_auth_close(ctx);
    kd_inspect_end(ctx, KD_TO_SERVER, KD_INSPECT_ALL);
    kd_inspect_end(ctx, KD_TO_CLIENT, KD_INSPECT_ALL);
    http_tap_done(ctx);
}

static const uint16_t ports[] = {80, 8080, 3128, 8000, 8008, 8081, 8888, 5985, 5357, 0};

static const void *present(const struct kd_ctx *ctx, enum kd_dir dir, enum kd_rec_type *ret_type)
{
    const struct http_state *st = ctx->state;
    const struct http_tx *tx = st->side[dir].tx;
    if (tx == NULL && dir == KD_TO_SERVER)
        tx = st->last; /* asked, and not answered */
    *ret_type = KD_REC_HTTP;
    return tx == NULL ? NULL : &tx->rec;
}

const struct kd_parser kd_parser_http = {
    .name = "http",
    .summary = "web requests and responses (HTTP/1.x)",
    .app = KD_APP_HTTP,
    .over = KD_OVER_TCP,
    .ports = ports,
    .max_message = LINE_MAX_BYTES,
    .state_bytes = sizeof(struct http_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .rest = rest,
    .resync = resync,
    .close = finish,
    .present = present,
};
