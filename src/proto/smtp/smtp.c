/* SPDX-License-Identifier: Apache-2.0 */
/* SMTP (RFC 5321) with PIPELINING, CHUNKING, AUTH and STARTTLS. */
#include "proto/smtp/smtp.h"

#include "proto/line.h"

enum { LINE_MAX_BYTES = 65536 + 1, SESSION_ARENA = 4096 };

static const char *const event_names[SMTP_EVENTS] = {
    [SMTP_EV_COMMAND] = "command_unknown",
    [SMTP_EV_REPLY] = "invalid_reply",
    [SMTP_EV_COMMAND_TOO_LONG] = "max_command_line_len_exceeded",
    [SMTP_EV_REPLY_TOO_LONG] = "max_reply_line_len_exceeded",
    [SMTP_EV_DATA_END_BARE_LF] = "data_end_bare_lf",
    [SMTP_EV_BDAT_SIZE] = "invalid_bdat",
    [SMTP_EV_STARTTLS_PIPELINED] = "invalid_pipelined_sequence",
    [SMTP_EV_TOO_MANY_PENDING] = "too_many_pending",
    [SMTP_EV_DUPLICATE] = "duplicate_fields",
    [SMTP_EV_DATA_REJECTED] = "data_command_rejected",
};

void smtp_event(struct kd_ctx *ctx, enum smtp_event event, uint64_t at)
{
    struct smtp_state *st = ctx->state;
    if (st->told & 1u << event) {
        kd_odd(ctx, event_names[event]);
        return;
    }
    st->told |= 1u << event;
    kd_anomaly(ctx, event_names[event], at);
}

/* --- recognition --- */

/* The greeting: FTP begins with the same number, so the words decide, or the port. */
static enum kd_probe probe_greeting(struct kd_bytes in, const struct kd_conn *conn)
{
    struct kd_bytes start = kd_str("220");
    if (in.n < 4)
        return kd_bytes_starts(start, kd_bytes_head(in, 3)) ? KD_PROBE_MORE : KD_PROBE_NO;
    if (!kd_bytes_starts(in, start) || (kd_bytes_at(in, 3) != ' ' && kd_bytes_at(in, 3) != '-'))
        return KD_PROBE_NO;
    struct kd_bytes line = kd_bytes_head(in, kd_bytes_find_byte(in, '\n'));
    if (line.n == in.n)
        return in.n < 1024 ? KD_PROBE_MORE : KD_PROBE_NO;
    if (kd_bytes_icontains(line, kd_str("SMTP")))
        return KD_PROBE_YES;
    if (kd_bytes_icontains(line, kd_str("FTP")))
        return KD_PROBE_NO;
    return conn->server_port == 25 || conn->server_port == 587 ? KD_PROBE_YES : KD_PROBE_MORE;
}

/* QUIT is said in other protocols, too: here by who addressed a mail server. */
static bool is_quit(struct kd_bytes in, const struct kd_conn *conn)
{
    return (conn->server_port == 25 || conn->server_port == 587) && kd_bytes_istarts(in, kd_str("QUIT\r\n"));
}

static enum kd_probe probe_command(struct kd_bytes in)
{
    static const char *const begins[] = {"EHLO ", "HELO ", "LHLO ", "MAIL FROM:", "RCPT TO:"};
    for (size_t i = 0; i < KD_COUNT(begins); i++) {
        struct kd_bytes want = kd_str(begins[i]);
        if (kd_bytes_istarts(in, want))
            return KD_PROBE_YES;
        if (in.n < want.n && kd_bytes_istarts(want, in))
            return KD_PROBE_MORE;
    }
    return KD_PROBE_NO;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    enum kd_probe command = is_quit(in, conn) ? KD_PROBE_YES : probe_command(in);
    enum kd_probe greeting = probe_greeting(in, conn);
    if (command == KD_PROBE_YES)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (greeting == KD_PROBE_YES)
        return dir == KD_TO_CLIENT ? KD_PROBE_YES : KD_PROBE_REVERSED;
    return command == KD_PROBE_MORE ? command : greeting;
}

/* --- framing --- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct smtp_state *st = ctx->state;
    if (st->skip_line[dir])
        return kd_line_skip(in, ret);
    switch ((enum smtp_phase)st->phase[dir]) {
    case SMTP_LINES:
        return kd_line_frame(in, seen, kd_min_size(ctx->lim->mail_line_bytes, LINE_MAX_BYTES - 1),
                             false, ret);
    case SMTP_DATA:
        return kd_line_dotted(st->line_start, in, ret);
    case SMTP_BDAT:
        *ret = (struct kd_frame){.len = st->left, .is_body = true};
        return KD_OK;
    case SMTP_TUNNEL:
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    return KD_MALFORMED;
}

/* --- messages and bodies --- */

static void mail_bytes(struct kd_ctx *ctx, struct kd_bytes b)
{
    struct smtp_state *st = ctx->state;
    if (b.n == 0)
        return;
    uint8_t before = b.n > 1 ? kd_bytes_at(b, b.n - 2) : st->last_byte;
    if (st->mail != NULL && !st->mail->crlf_seen)
        st->mail->crlf_seen = (st->last_byte == '\r' && kd_bytes_at(b, 0) == '\n') ||
                              kd_bytes_find(b, kd_str("\r\n")) != SIZE_MAX;
    st->last_byte = kd_bytes_at(b, b.n - 1);
    st->line_start = st->last_byte == '\n';
    st->after_cr = before == '\r';
    smtp_mail_data(ctx, b);
}

/* A mail's first bytes. */
static void begin_frame(struct kd_ctx *ctx, struct kd_bytes b)
{
    struct smtp_state *st = ctx->state;
    if (st->framed || b.n == 0)
        return;
    st->framed = true;
    kd_tell_frame(ctx, KD_FRAME_SMTP_DATA, KD_TO_SERVER, b.p, KD_FRAME_OPEN);
}

/* A dot at a line's start.  Only CRLF . CRLF ends a mail; with bare LF around the dot servers
 * disagree, which smugglers of mail use.  A client that never sends CR is taken at its word. */
static void dot(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct smtp_state *st = ctx->state;
    if (msg.n == 1) {
        st->line_start = false;
        st->last_byte = '.';
        return;
    }
    bool proper = st->after_cr && msg.n == 3;
    if (!proper)
        smtp_event(ctx, SMTP_EV_DATA_END_BARE_LF, 0);
    if (!proper && (st->mail == NULL || st->mail->crlf_seen || msg.n == 3)) {
        mail_bytes(ctx, msg);
        return;
    }
    st->phase[KD_TO_SERVER] = SMTP_LINES;
    kd_end_frame(ctx, KD_FRAME_SMTP_DATA, KD_TO_SERVER, msg.p);
    st->framed = false;
    smtp_push(ctx, SMTP_MESSAGE);
    smtp_mail_end_data(ctx, true);
}

static void prepare(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    if (st->session.pool == NULL)
        kd_arena_init(&st->session, ctx->pool, SESSION_ARENA);
}

/* A mail follows DATA when that was answered, where answers are seen at all. */
static void judge_pipelining(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    if (st->welcome && smtp_is_pending(st, SMTP_DATA_COMMAND))
        smtp_event(ctx, SMTP_EV_STARTTLS_PIPELINED, 0);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct smtp_state *st = ctx->state;
    prepare(ctx);
    if (st->phase[dir] == SMTP_DATA) {
        judge_pipelining(ctx);
        begin_frame(ctx, msg);
        dot(ctx, msg);
        return KD_OK;
    }
    kd_tell_frame(ctx, dir == KD_TO_SERVER ? KD_FRAME_SMTP_COMMAND_LINE : KD_FRAME_SMTP_RESPONSE_LINE, dir, msg.p, msg.n);
    struct kd_bytes line = kd_line_text(msg, &st->skip_line[dir]);
    if (st->skip_line[dir])
        smtp_event(ctx, dir == KD_TO_SERVER ? SMTP_EV_COMMAND_TOO_LONG : SMTP_EV_REPLY_TOO_LONG, 0);
    if (dir == KD_TO_CLIENT)
        smtp_reply_line(ctx, line);
    else if (line.n > 0 || st->auth != NULL)
        smtp_command_line(ctx, line);
    return KD_OK;
}

static void end_chunk(struct kd_ctx *ctx, bool whole)
{
    struct smtp_state *st = ctx->state;
    st->phase[KD_TO_SERVER] = SMTP_LINES;
    if (st->last_chunk)
        smtp_mail_end_data(ctx, whole);
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct smtp_state *st = ctx->state;
    prepare(ctx);
    if (st->skip_line[dir]) {
        if (piece.n > 0)
            st->skip_line[dir] = kd_bytes_at(piece, piece.n - 1) != '\n';
        return KD_OK;
    }
    if (dir != KD_TO_SERVER || st->phase[dir] == SMTP_TUNNEL)
        return KD_OK;
    if (st->phase[dir] == SMTP_DATA) {
        judge_pipelining(ctx);
        begin_frame(ctx, piece);
        mail_bytes(ctx, piece);
        return KD_OK;
    }
    st->streaming = !last;
    smtp_mail_data(ctx, piece);
    st->left -= kd_min_u64(piece.n, st->left);
    if (last)
        end_chunk(ctx, st->left == 0);
    return KD_OK;
}

/* What was asked and answered in the hole is not known. */
static void lose(struct smtp_state *st)
{
    st->queue_n = 0;
    st->lost = true;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct smtp_state *st = ctx->state;
    prepare(ctx);
    st->skip_line[dir] = false;
    if (st->phase[dir] == SMTP_TUNNEL)
        return;
    if (dir == KD_TO_SERVER && st->phase[dir] == SMTP_DATA) {
        smtp_mail_lost(ctx, n);
        st->line_start = st->after_cr = true; /* the final dot often travels alone */
        return;
    }
    if (dir == KD_TO_SERVER && st->phase[dir] == SMTP_BDAT) {
        uint64_t lost = kd_min_u64(n, st->left);
        smtp_mail_lost(ctx, lost);
        st->left -= lost;
        if (st->streaming)
            return; /* feed.c goes on by itself */
        if (st->left == 0)
            end_chunk(ctx, true);
        if (n == lost)
            return;
    }
    lose(st);
}

/* Lines and mails go on at once; frame() sees by itself what does not fit. */
static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void finish(struct kd_ctx *ctx)
{
    prepare(ctx);
    smtp_auth_end(ctx, "unknown", (struct kd_bytes){NULL, 0});
    smtp_mail_close(ctx);
}

static const uint16_t ports[] = {25, 587, 2525, 0};

const struct kd_parser kd_parser_smtp = {
    .name = "smtp",
    .summary = "mail transfer (SMTP)",
    .app = KD_APP_SMTP,
    .over = KD_OVER_TCP,
    .ports = ports,
    .max_message = LINE_MAX_BYTES,
    .state_bytes = sizeof(struct smtp_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
