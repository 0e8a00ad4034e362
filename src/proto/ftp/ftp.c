/* SPDX-License-Identifier: Apache-2.0 */
/* File transfer, its control connection (RFC 959, RFC 2228, RFC 2428, RFC 3659). */
#include "proto/ftp/ftp.h"

#include "base/charset.h"
#include "proto/line.h"

enum { PORT_CONTROL = 21, GREETING_MAX = 2048 };

static const char *const event_names[FTP_EVENTS] = {
    [FTP_EV_COMMAND] = "command_malformed",
    [FTP_EV_REPLY] = "reply_malformed",
    [FTP_EV_COMMAND_TOO_LONG] = "request_command_too_long",
    [FTP_EV_REPLY_TOO_LONG] = "response_command_too_long",
    [FTP_EV_TOO_MANY_PENDING] = "too_many_transactions",
};

void ftp_event(struct kd_ctx *ctx, enum ftp_event event)
{
    struct ftp_state *st = ctx->state;
    if (st->told & 1u << event) {
        kd_odd(ctx, event_names[event]);
        return;
    }
    st->told = (uint8_t)(st->told | 1u << event);
    kd_anomaly(ctx, event_names[event], 0);
}

void ftp_keep(struct ftp_text *t, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(t->b, sizeof(t->b));
    kd_charset_guess_to_utf8(kd_bytes_head(text, sizeof(t->b)), &o);
    t->n = (uint16_t)o.n;
}

/* --- recognition --- */

/* Mail begins with the same number, so the words decide, or the port; else the client's answer. */
static enum kd_probe probe_greeting(struct kd_bytes in, const struct kd_conn *conn)
{
    struct kd_bytes start = kd_str("220");
    if (in.n < 4)
        return kd_bytes_starts(start, kd_bytes_head(in, 3)) ? KD_PROBE_MORE : KD_PROBE_NO;
    if (!kd_bytes_starts(in, start) || (kd_bytes_at(in, 3) != ' ' && kd_bytes_at(in, 3) != '-'))
        return KD_PROBE_NO;
    struct kd_bytes line = kd_bytes_head(in, kd_bytes_find_byte(in, '\n'));
    if (kd_bytes_icontains(line, kd_str("SMTP")))
        return KD_PROBE_NO;
    if (line.n < in.n &&
        (kd_bytes_icontains(in, kd_str("FTP")) || conn->server_port == PORT_CONTROL))
        return KD_PROBE_YES;
    return in.n < GREETING_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
}

/* Commands that only FTP has, with what must follow; USER with one word (POP3 has that as well, but
 * is known by its greeting). */
static enum kd_probe probe_command(struct kd_bytes in)
{
    static const char *const begins[] = {"PASV\r\n", "EPSV",         "TYPE A",   "TYPE I",
                                         "STOR ",    "CWD ",         "SYST\r\n", "FEAT\r\n",
                                         "MLSD",     "AUTH TLS\r\n", "PBSZ ",    "OPTS UTF8 ",
                                         "PORT ",    "EPRT |",       "USER "};
    enum kd_probe best = KD_PROBE_NO;
    for (size_t i = 0; i < KD_COUNT(begins); i++) {
        struct kd_bytes want = kd_str(begins[i]);
        if (in.n < want.n && kd_bytes_istarts(want, in))
            best = KD_PROBE_MORE;
        if (!kd_bytes_istarts(in, want))
            continue;
        struct kd_bytes line = kd_bytes_head(in, kd_bytes_find_byte(in, '\n'));
        if (line.n == in.n && want.p[want.n - 1] != '\n')
            return in.n < GREETING_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
        bool one_word = kd_bytes_find_byte(kd_bytes_from(line, want.n), ' ') == SIZE_MAX;
        return one_word || want.p[0] != 'U' ? KD_PROBE_YES : KD_PROBE_NO;
    }
    return best;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    bool quits = conn->server_port == PORT_CONTROL && kd_bytes_istarts(in, kd_str("QUIT\r\n"));
    enum kd_probe command = quits ? KD_PROBE_YES : probe_command(in);
    enum kd_probe greeting = probe_greeting(in, conn);
    if (command == KD_PROBE_YES)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (greeting == KD_PROBE_YES)
        return dir == KD_TO_CLIENT ? KD_PROBE_YES : KD_PROBE_REVERSED;
    return command == KD_PROBE_MORE ? command : greeting;
}

/* --- lines --- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct ftp_state *st = ctx->state;
    if (st->tls) {
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    if (st->skip_line[dir])
        return kd_line_skip(in, ret);
    return kd_line_frame(in, seen, FTP_LINE_MAX - 1, false, ret);
}

/* A client may put Telnet commands before a line (RFC 959 4.1.3, ABOR). */
static struct kd_bytes without_telnet(struct kd_bytes line)
{
    while (kd_bytes_at(line, 0) >= 0xf0)
        line = kd_bytes_from(line, 1);
    return line;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct ftp_state *st = ctx->state;
    struct kd_bytes line = kd_line_text(msg, &st->skip_line[dir]);
    if (st->skip_line[dir])
        ftp_event(ctx, dir == KD_TO_SERVER ? FTP_EV_COMMAND_TOO_LONG : FTP_EV_REPLY_TOO_LONG);
    if (dir == KD_TO_CLIENT)
        ftp_reply_line(ctx, line);
    else
        ftp_command_line(ctx, without_telnet(line));
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct ftp_state *st = ctx->state;
    (void)last;
    if (st->tls)
        kd_inner_data(&st->inner, ctx, dir, piece);
    else if (piece.n > 0)
        st->skip_line[dir] = kd_bytes_at(piece, piece.n - 1) != '\n';
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct ftp_state *st = ctx->state;
    if (st->tls) {
        kd_inner_gap(&st->inner, ctx, dir, n);
        return;
    }
    st->skip_line[dir] = true; /* until the next line begins */
    ftp_lost(ctx);
}

static size_t resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void finish(struct kd_ctx *ctx)
{
    struct ftp_state *st = ctx->state;
    ftp_finish(ctx);
    kd_inner_end(&st->inner, ctx);
}

const struct kd_parser kd_parser_ftp = {
    .name = "ftp",
    .summary = "file transfer (FTP): commands, logons, and which files",
    .app = KD_APP_FTP,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT_CONTROL, 2121, 0},
    .max_message = FTP_LINE_MAX,
    .state_bytes = sizeof(struct ftp_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
