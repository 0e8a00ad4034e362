/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and their answers: a record each; logons. */
#include "proto/ftp/ftp.h"

extern const struct kd_parser kd_parser_tls;

static bool is(const struct ftp_command *c, const char *verb)
{
    return strcmp(c->verb, verb) == 0;
}

static struct ftp_command *oldest(struct ftp_state *st)
{
    return st->queue_n == 0 ? NULL : &st->queue[st->queue_at];
}

static void pop(struct ftp_state *st)
{
    st->queue_at = (uint8_t)((st->queue_at + 1) % FTP_PENDING);
    st->queue_n--;
}

/* --- what is told --- */

static void tell(struct kd_ctx *ctx, const struct ftp_command *c, uint16_t code)
{
    struct ftp_state *st = ctx->state;
    struct kd_bytes codes[FTP_LINES];
    struct kd_bytes replies[FTP_LINES];
    size_t n_codes = 0;
    for (size_t i = 0; i < st->n_lines; i++) {
        const struct ftp_line *l = &st->line[i];
        replies[i] = kd_bytes_of(st->lines + l->at, l->n);
        if (l->code_n > 0)
            codes[n_codes++] = kd_bytes_of(l->code, l->code_n);
    }
    struct kd_rec_ftp rec = {
        .command = kd_str(c->verb),
        .argument = ftp_view(&c->arg),
        .code = code,
        .reply = kd_bytes_of(st->reply, code > 0 ? st->reply_n : 0),
        .user = ftp_view(&st->user),
        .codes = {codes, n_codes},
        .replies = {replies, st->n_lines},
        .command_truncated = c->truncated,
        .reply_truncated = st->reply_truncated,
    };
    st->n_lines = 0;
    st->lines_n = 0;
    st->reply_truncated = false;
    if (c->data.port != 0) {
        rec.mode = kd_str(c->data.active ? "active" : "passive");
        rec.data_ip = c->data.addr;
        rec.data_port = c->data.port;
    }
    kd_emit(ctx, KD_REC_FTP, &rec);
}

/* An attempt is a password with its answer, or a user that is let in or turned away without one. */
static void tell_login(struct kd_ctx *ctx, const struct ftp_command *c, uint16_t code)
{
    const struct ftp_state *st = ctx->state;
    bool password = is(c, "PASS");
    bool asks_on = code == 331 || code == 332;
    if ((!password && !is(c, "USER")) || asks_on || (!password && code == 0))
        return;
    bool success = code == 230 || code == 202 || code == 232;
    bool failure = code >= 400 && code != 421;
    struct kd_rec_login rec = {
        .method = kd_str(password ? "password" : "none"),
        .service = kd_str("ftp"),
        .user = ftp_view(&st->user),
        .result = kd_str(success   ? "success"
                         : failure ? "failure"
                                   : "unknown"),
        .reason = kd_bytes_of(st->reply, failure ? st->reply_n : 0),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* --- commands --- */

static bool is_secret(const struct ftp_state *st, const struct ftp_command *c)
{
    static const char *const verbs[] = {"PASS", "ACCT", "ADAT"};
    /* An anonymous user's password is none (RFC 1635). */
    bool anonymous = kd_bytes_ieq(ftp_view(&st->user), kd_str("anonymous")) ||
                     kd_bytes_ieq(ftp_view(&st->user), kd_str("ftp"));
    if (anonymous && is(c, "PASS"))
        return false;
    for (size_t i = 0; i < KD_COUNT(verbs); i++)
        if (is(c, verbs[i]))
            return true;
    return false;
}

static bool read_verb(struct kd_bytes verb, struct ftp_command *c)
{
    if (verb.n < 3 || verb.n > FTP_VERB_MAX)
        return false;
    for (size_t i = 0; i < verb.n; i++) {
        uint8_t b = kd_ascii_lower(verb.p[i]);
        if (b < 'a' || b > 'z')
            return false;
        c->verb[i] = (char)(b - 'a' + 'A');
    }
    c->verb[verb.n] = '\0';
    return true;
}

static struct ftp_command *push(struct kd_ctx *ctx)
{
    struct ftp_state *st = ctx->state;
    if (st->queue_n == FTP_PENDING) { /* no answers are seen, or the client floods */
        ftp_event(ctx, FTP_EV_TOO_MANY_PENDING);
        tell(ctx, oldest(st), 0);
        pop(st);
    }
    struct ftp_command *c = &st->queue[(st->queue_at + st->queue_n++) % FTP_PENDING];
    c->announced = false;
    c->data = (struct ftp_endpoint){0};
    c->arg.n = 0;
    return c;
}

static void begin_transfer(struct kd_ctx *ctx, struct ftp_command *c)
{
    struct ftp_state *st = ctx->state;
    c->data = st->data;
    if (c->data.port == 0)
        return;
    ftp_announce(ctx, c);
    c->announced = true;
    if (!st->data.active)
        st->data.port = 0; /* the next asks anew */
    st->restart = 0;
}

static void do_command(struct kd_ctx *ctx, struct ftp_command *c)
{
    struct ftp_state *st = ctx->state;
    struct kd_bytes arg = ftp_view(&c->arg);
    if (is(c, "USER")) {
        st->user = c->arg;
        st->user.n = (uint16_t)kd_min_size(st->user.n, FTP_USER_MAX);
    } else if (is(c, "REST")) {
        if (!kd_bytes_to_u64(arg, INT64_MAX, &st->restart))
            st->restart = 0;
    } else if (is(c, "PORT") || is(c, "EPRT")) {
        bool read =
            is(c, "PORT") ? ftp_read_numbers(arg, &c->data) : ftp_read_extended(arg, &c->data);
        c->data.active = true;
        if (read)
            st->data = c->data;
    } else if (is(c, "RETR") || ftp_stores(c) || ftp_lists(c)) {
        begin_transfer(ctx, c);
    }
}

void ftp_command_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct ftp_state *st = ctx->state;
    struct ftp_command parsed;
    struct kd_bytes rest = line;
    struct kd_bytes verb = kd_bytes_cut(&rest, ' ');
    if (!read_verb(kd_bytes_trim(verb), &parsed)) {
        if (line.n > 0 && !st->lost)
            ftp_event(ctx, FTP_EV_COMMAND);
        return;
    }
    st->lost = false;
    struct ftp_command *c = push(ctx);
    memcpy(c->verb, parsed.verb, sizeof(c->verb));
    c->truncated = st->skip_line[KD_TO_SERVER];
    if (!is_secret(st, c))
        ftp_keep(&c->arg, rest);
    do_command(ctx, c);
}

/* --- answers --- */

/* The path that an answer to PWD shows within quotes (RFC 959, appendix II). */
static void read_directory(struct ftp_state *st, struct kd_bytes text)
{
    (void)kd_bytes_cut(&text, '"');
    struct ftp_text path;
    ftp_keep(&path, kd_bytes_cut(&text, '"'));
    if (path.n > 0 && path.b[0] == '/')
        ftp_directory(st, ftp_view(&path));
}

static void use_answer(struct kd_ctx *ctx, struct ftp_command *c, uint16_t code,
                       struct kd_bytes text)
{
    struct ftp_state *st = ctx->state;
    if (code == 227 ? ftp_read_numbers(text, &c->data)
                    : code == 229 && ftp_read_extended(text, &c->data)) {
        if (kd_addr_is_none(&c->data.addr))
            c->data.addr = ctx->conn->server;
        st->data = c->data;
    } else if (code == 257 && is(c, "PWD")) {
        read_directory(st, text);
    } else if (code == 250 && (is(c, "CWD") || is(c, "XCWD"))) {
        ftp_directory(st, ftp_view(&c->arg));
    } else if (code / 100 == 2 && is(c, "CDUP")) {
        ftp_directory(st, kd_str(".."));
    } else if (code == 213 && is(c, "SIZE")) {
        st->sized.n = 0;
        if (kd_bytes_to_u64(kd_bytes_trim(text), INT64_MAX, &st->size))
            st->sized = c->arg;
    }
}

static void final_answer(struct kd_ctx *ctx, uint16_t code, struct kd_bytes text)
{
    struct ftp_state *st = ctx->state;
    struct ftp_command *c = oldest(st);
    if (c == NULL) {
        /* the greeting, or a server that hangs up by itself */
        static const struct ftp_command none;
        tell(ctx, &none, code);
        return;
    }
    use_answer(ctx, c, code, text);
    tell(ctx, c, code);
    tell_login(ctx, c, code);
    bool tls = is(c, "AUTH") && code == 234;
    pop(st);
    if (tls) {
        st->tls = true;
        (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
    }
}

static void keep_first_line(struct ftp_state *st, struct kd_bytes text)
{
    struct ftp_text line;
    ftp_keep(&line, kd_bytes_head(text, FTP_REPLY_MAX));
    st->reply_n = (uint8_t)kd_min_size(line.n, FTP_REPLY_MAX);
    memcpy(st->reply, line.b, st->reply_n);
}

static void keep_line(struct ftp_state *st, struct kd_bytes code, struct kd_bytes text)
{
    if (st->n_lines == FTP_LINES)
        return;
    struct ftp_line *l = &st->line[st->n_lines++];
    struct ftp_text kept;
    ftp_keep(&kept, text);
    l->code_n = (uint8_t)code.n;
    if (code.n > 0)
        memcpy(l->code, code.p, code.n);
    l->at = st->lines_n;
    l->n = (uint16_t)kd_min_size(kept.n, sizeof(st->lines) - st->lines_n);
    memcpy(st->lines + l->at, kept.b, l->n);
    st->lines_n = (uint16_t)(st->lines_n + l->n);
}

/* "nnn text", or "nnn-text" up to a line "nnn text" with the same number (RFC 959 4.2). */
void ftp_reply_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct ftp_state *st = ctx->state;
    uint64_t code = 0;
    uint8_t after = kd_bytes_at(line, 3);
    bool numbered = line.n >= 3 && kd_bytes_to_u64(kd_bytes_head(line, 3), 699, &code) &&
                    code >= 100 && (after == 0 || after == ' ' || after == '-');
    st->reply_truncated |= st->skip_line[KD_TO_CLIENT];
    if (numbered)
        keep_line(st, kd_bytes_head(line, 3), kd_bytes_trim(kd_bytes_from(line, 4)));
    else if (st->reply_code != 0)
        keep_line(st, (struct kd_bytes){NULL, 0}, kd_bytes_trim(line));
    if (st->reply_code != 0 && (!numbered || code != st->reply_code || after == '-'))
        return; /* within an answer of several lines */
    if (!numbered) {
        if (!st->lost)
            ftp_event(ctx, FTP_EV_REPLY);
        return;
    }
    struct kd_bytes text = kd_bytes_trim(kd_bytes_from(line, 4));
    if (st->reply_code == 0)
        keep_first_line(st, text);
    st->reply_code = after == '-' ? (uint16_t)code : 0;
    if (after != '-' && code >= 200)
        final_answer(ctx, (uint16_t)code, text);
}

/* --- losses and the end --- */

static void tell_unanswered(struct kd_ctx *ctx)
{
    struct ftp_state *st = ctx->state;
    for (; st->queue_n > 0; pop(st)) {
        tell(ctx, oldest(st), 0);
        tell_login(ctx, oldest(st), 0);
    }
}

void ftp_lost(struct kd_ctx *ctx)
{
    struct ftp_state *st = ctx->state;
    tell_unanswered(ctx);
    st->reply_code = 0;
    st->lost = true;
}

void ftp_finish(struct kd_ctx *ctx)
{
    tell_unanswered(ctx);
}
