/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/smtp/smtp.h"

enum { NAME_MAX_BYTES = 256 };

static const struct {
    const char *verb;
    enum smtp_command command;
} verbs[] = {
    {"EHLO", SMTP_HELO},         {"HELO", SMTP_HELO},         {"LHLO", SMTP_HELO},
    {"MAIL", SMTP_MAIL},         {"RCPT", SMTP_RCPT},         {"DATA", SMTP_DATA_COMMAND},
    {"BDAT", SMTP_BDAT_COMMAND}, {"STARTTLS", SMTP_STARTTLS}, {"AUTH", SMTP_AUTH},
    {"RSET", SMTP_RSET},         {"QUIT", SMTP_QUIT},         {"NOOP", SMTP_OTHER},
    {"VRFY", SMTP_OTHER},        {"EXPN", SMTP_OTHER},        {"HELP", SMTP_OTHER},
    {"XCLIENT", SMTP_OTHER},     {"ETRN", SMTP_OTHER},        {"TURN", SMTP_OTHER},
    {"X-EXPS", SMTP_AUTH},
};

void smtp_push(struct kd_ctx *ctx, enum smtp_command command)
{
    struct smtp_state *st = ctx->state;
    if (st->queue_n == SMTP_QUEUE) {
        /* No answers are seen, or the client floods: what is answered is no longer known. */
        smtp_event(ctx, SMTP_EV_TOO_MANY_PENDING, 0);
        st->queue_n = 0;
    }
    st->queue[(st->queue_at + st->queue_n++) % SMTP_QUEUE] = (uint8_t)command;
}

static bool pop(struct smtp_state *st, enum smtp_command *ret)
{
    if (st->queue_n == 0)
        return false;
    *ret = (enum smtp_command)st->queue[st->queue_at];
    st->queue_at = (uint8_t)((st->queue_at + 1) % SMTP_QUEUE);
    st->queue_n--;
    return true;
}

/* "FROM:<a@b> SIZE=1" to a@b; the null path is kept as <>. */
static struct kd_bytes address_of(struct kd_bytes params)
{
    (void)kd_bytes_cut(&params, ':');
    params = kd_bytes_trim(params);
    if (kd_bytes_at(params, 0) != '<')
        return kd_bytes_cut(&params, ' ');
    struct kd_bytes inner = kd_bytes_from(params, 1);
    inner = kd_bytes_cut(&inner, '>');
    return inner.n == 0 ? kd_bytes_head(params, 2) : inner;
}

static void begin_chunk(struct kd_ctx *ctx, struct kd_bytes params)
{
    struct smtp_state *st = ctx->state;
    uint64_t size = 0;
    struct kd_bytes number = kd_bytes_cut(&params, ' ');
    struct kd_bytes tail = kd_bytes_trim(params);
    bool last = kd_bytes_ieq(tail, kd_str("LAST"));
    if (!kd_bytes_to_u64(number, INT64_MAX, &size) || (tail.n > 0 && !last)) {
        smtp_event(ctx, SMTP_EV_BDAT_SIZE, 0);
        smtp_push(ctx, SMTP_OTHER);
        return;
    }
    st->last_chunk = last;
    smtp_mail_begin_data(ctx);
    smtp_push(ctx, st->last_chunk ? SMTP_MESSAGE : SMTP_BDAT_COMMAND);
    st->left = size;
    if (size > 0)
        st->phase[KD_TO_SERVER] = SMTP_BDAT;
    else if (st->last_chunk)
        smtp_mail_end_data(ctx, true);
}

static void begin_data(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    smtp_mail_begin_data(ctx);
    smtp_push(ctx, SMTP_DATA_COMMAND);
    st->phase[KD_TO_SERVER] = SMTP_DATA;
    st->line_start = true;
    st->after_cr = true;
    st->last_byte = '\n';
}

bool smtp_is_pending(const struct smtp_state *st, enum smtp_command command)
{
    for (unsigned i = 0; i < st->queue_n; i++)
        if (st->queue[(st->queue_at + i) % SMTP_QUEUE] == command)
            return true;
    return false;
}

static void do_command(struct kd_ctx *ctx, enum smtp_command command, struct kd_bytes params)
{
    struct smtp_state *st = ctx->state;
    switch (command) {
    case SMTP_HELO:
        if (st->welcome)
            smtp_event(ctx, SMTP_EV_DUPLICATE, 0);
        st->helo = st->helo.n > 0 ? st->helo : kd_arena_copy(&st->session, params, NAME_MAX_BYTES);
        smtp_mail_drop(ctx);
        break;
    case SMTP_MAIL:
        if (st->mail != NULL && st->mail->rec.mail_from.n > 0 && st->mail->rec.reply == 0)
            smtp_event(ctx, SMTP_EV_DUPLICATE, 0);
        smtp_mail_from(ctx, address_of(params));
        break;
    case SMTP_RCPT:
        smtp_mail_rcpt(ctx, address_of(params));
        break;
    case SMTP_DATA_COMMAND:
        begin_data(ctx);
        return; /* both push by themselves */
    case SMTP_BDAT_COMMAND:
        begin_chunk(ctx, params);
        return;
    case SMTP_AUTH:
        smtp_auth_start(ctx, params);
        break;
    case SMTP_RSET:
    case SMTP_QUIT:
        smtp_mail_drop(ctx);
        break;
    case SMTP_STARTTLS:
    case SMTP_OTHER:
    case SMTP_MESSAGE:
        break;
    }
    smtp_push(ctx, command);
}

static bool is_command(struct kd_bytes line, enum smtp_command *ret, struct kd_bytes *ret_params)
{
    struct kd_bytes rest = line;
    struct kd_bytes verb = kd_bytes_cut(&rest, ' ');
    for (size_t i = 0; i < KD_COUNT(verbs); i++)
        if (kd_bytes_ieq(verb, kd_str(verbs[i].verb))) {
            *ret = verbs[i].command;
            *ret_params = kd_bytes_trim(rest);
            return true;
        }
    return false;
}

/* A line that base64 cannot be: the logon is over although its end was not seen. */
static bool leaves_auth(struct kd_bytes line)
{
    return kd_bytes_istarts(line, kd_str("MAIL ")) || kd_bytes_istarts(line, kd_str("EHLO ")) ||
           kd_bytes_istarts(line, kd_str("HELO ")) || kd_bytes_istarts(line, kd_str("AUTH "));
}

void smtp_command_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct smtp_state *st = ctx->state;
    enum smtp_command command = SMTP_OTHER;
    struct kd_bytes params = {NULL, 0};
    if (st->auth != NULL && !leaves_auth(line)) {
        smtp_auth_line(ctx, line);
        smtp_push(ctx, SMTP_AUTH);
        return;
    }
    if (st->auth != NULL)
        smtp_auth_end(ctx, "unknown", params);
    bool known = is_command(kd_bytes_trim(line), &command, &params);
    if (!known && st->lost)
        return; /* the rest of a line whose beginning was lost */
    st->lost = false;
    if (!known)
        smtp_event(ctx, SMTP_EV_COMMAND, 0);
    if (smtp_is_pending(st, SMTP_STARTTLS))
        smtp_event(ctx, SMTP_EV_STARTTLS_PIPELINED, 0);
    do_command(ctx, command, params);
}

/* --- replies --- */

static void begin_tunnel(struct kd_ctx *ctx)
{
    struct smtp_state *st = ctx->state;
    st->starttls = true;
    st->phase[KD_TO_SERVER] = SMTP_TUNNEL;
    st->phase[KD_TO_CLIENT] = SMTP_TUNNEL;
    smtp_session_record(ctx);
}

static void auth_reply(struct kd_ctx *ctx, uint16_t code, struct kd_bytes line,
                       struct kd_bytes text)
{
    if (code == 334)
        smtp_auth_challenge(ctx, text);
    else if (code == 235)
        smtp_auth_end(ctx, "success", (struct kd_bytes){NULL, 0});
    else
        smtp_auth_end(ctx, "failure", line);
}

/* An answer that nothing asked for: the end of a mail whose last line was lost, or a server that
 * hangs up. */
static void unasked_reply(struct kd_ctx *ctx, uint16_t code)
{
    struct smtp_state *st = ctx->state;
    if (st->phase[KD_TO_SERVER] != SMTP_DATA || st->mail == NULL)
        return;
    st->mail->rec.reply = code;
    if (code >= 300)
        return;
    st->phase[KD_TO_SERVER] = SMTP_LINES;
    smtp_mail_end_data(ctx, false);
    smtp_mail_answer(ctx, code);
}

static void data_reply(struct kd_ctx *ctx, uint16_t code)
{
    struct smtp_state *st = ctx->state;
    if (code == 354)
        return;
    smtp_event(ctx, SMTP_EV_DATA_REJECTED, 0);
    if (st->phase[KD_TO_SERVER] == SMTP_DATA)
        st->phase[KD_TO_SERVER] = SMTP_LINES;
    if (st->mail == NULL)
        return;
    st->mail->rec.reply = code;
    smtp_mail_drop(ctx);
}

static void on_reply(struct kd_ctx *ctx, uint16_t code, struct kd_bytes line, struct kd_bytes text)
{
    struct smtp_state *st = ctx->state;
    enum smtp_command command;
    bool greeting = !st->greeted && !ctx->conn->midstream;
    st->greeted = true;
    if (greeting)
        return;
    if (!pop(st, &command)) {
        unasked_reply(ctx, code);
        return;
    }
    switch (command) {
    case SMTP_MAIL:
    case SMTP_RCPT:
    case SMTP_BDAT_COMMAND:
        if (code >= 400 && st->mail != NULL)
            st->mail->rec.reply = code;
        break;
    case SMTP_DATA_COMMAND:
        data_reply(ctx, code);
        break;
    case SMTP_MESSAGE:
        smtp_mail_answer(ctx, code);
        break;
    case SMTP_STARTTLS:
        if (code == 220)
            begin_tunnel(ctx);
        break;
    case SMTP_AUTH:
        auth_reply(ctx, code, line, text);
        break;
    case SMTP_HELO:
        st->welcome |= code < 300;
        break;
    case SMTP_RSET:
    case SMTP_QUIT:
    case SMTP_OTHER:
        break;
    }
}

void smtp_reply_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    uint64_t code = 0;
    uint8_t after = kd_bytes_at(line, 3);
    if (line.n < 3 || !kd_bytes_to_u64(kd_bytes_head(line, 3), 599, &code) || code < 200 ||
        (after != 0 && after != ' ' && after != '-')) {
        smtp_event(ctx, SMTP_EV_REPLY, 0);
        return;
    }
    if (after != '-')
        on_reply(ctx, (uint16_t)code, line, kd_bytes_trim(kd_bytes_from(line, 4)));
}
