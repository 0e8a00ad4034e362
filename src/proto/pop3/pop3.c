/* SPDX-License-Identifier: Apache-2.0 */
/* Mail fetched with POP3 (RFC 1939, RFC 2449, RFC 2595, RFC 5034). */
#include "base/charset.h"
#include "proto/inner.h"
#include "proto/line.h"
#include "proto/mime/fetched.h"
#include "proto/sasl/sasl.h"

enum {
    LINE_BYTES = 4096,
    VERB_MAX = 4,
    ARG_MAX = 64,
    USER_MAX = 64,
    REPLY_MAX = 128,
    PENDING = 32
};
enum { PORT_POP3 = 110 };

extern const struct kd_parser kd_parser_tls;

enum phase { LINES, LISTING, MAIL }; /* of the server's side */

struct command {
    char verb[VERB_MAX + 1]; /* upper case */
    uint8_t arg_n;           /* without secrets */
    uint8_t arg[ARG_MAX];
};

struct pop3_state {
    struct command queue[PENDING];
    uint8_t queue_at, queue_n;
    uint8_t user_n, reply_n;
    uint8_t user[USER_MAX], reply[REPLY_MAX];
    uint8_t phase; /* enum phase */
    bool skip_line[2];
    bool tls, line_start, told_pending;
    uint32_t mails;
    uint64_t bytes; /* of the answer so far */
    struct kd_sasl *sasl;
    struct kd_fetched mail;
    struct kd_inner inner;
};

static bool is(const struct command *c, const char *verb)
{
    return strcmp(c->verb, verb) == 0;
}

static struct kd_bytes user_of(const struct pop3_state *st)
{
    return kd_bytes_of(st->user, st->user_n);
}

static uint8_t keep(uint8_t *to, size_t max, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(to, max);
    kd_charset_guess_to_utf8(kd_bytes_head(text, max), &o);
    return (uint8_t)o.n;
}

/* --- recognition --- */

static enum kd_probe probe_server(struct kd_bytes in, const struct kd_conn *conn)
{
    struct kd_bytes ok = kd_str("+OK");
    if (in.n < 5)
        return kd_bytes_starts(ok, kd_bytes_head(in, 3)) ? KD_PROBE_MORE : KD_PROBE_NO;
    if (!kd_bytes_starts(in, ok))
        return KD_PROBE_NO;
    /* Others say a bare +OK as well. */
    bool text = kd_bytes_at(in, 3) == ' ' && kd_bytes_at(in, 4) > ' ';
    return text || conn->server_port == PORT_POP3 ? KD_PROBE_YES : KD_PROBE_NO;
}

static enum kd_probe probe_client(struct kd_bytes in, const struct kd_conn *conn)
{
    static const char *const begins[] = {"CAPA\r\n", "STLS\r\n", "UIDL\r\n",
                                         "APOP ",    "USER ",    "AUTH "};
    enum kd_probe best = KD_PROBE_NO;
    for (size_t i = 0; i < KD_COUNT(begins); i++) {
        struct kd_bytes want = kd_str(begins[i]);
        if (in.n < want.n && kd_bytes_istarts(want, in))
            best = KD_PROBE_MORE;
        if (kd_bytes_istarts(in, want))
            return i < 4 || conn->server_port == PORT_POP3 ? KD_PROBE_YES : KD_PROBE_NO;
    }
    return best;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    enum kd_probe client = probe_client(in, conn), server = probe_server(in, conn);
    if (client == KD_PROBE_YES)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (server == KD_PROBE_YES)
        return dir == KD_TO_CLIENT ? KD_PROBE_YES : KD_PROBE_REVERSED;
    return client == KD_PROBE_MORE ? client : server;
}

/* --- what is told --- */

static void tell_login(struct kd_ctx *ctx, const char *method, const char *result)
{
    const struct pop3_state *st = ctx->state;
    bool failure = strcmp(result, "failure") == 0;
    struct kd_rec_login rec = {
        .method = kd_str(method),
        .service = kd_str("pop3"),
        .user = user_of(st),
        .result = kd_str(result),
        .reason = kd_bytes_of(st->reply, failure ? st->reply_n : 0),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* The oldest command has its answer, or never will (result ""). */
static void finish_command(struct kd_ctx *ctx, const char *result)
{
    struct pop3_state *st = ctx->state;
    static const struct command greeting;
    bool any = st->queue_n > 0;
    const struct command *c = any ? &st->queue[st->queue_at] : &greeting;
    const char *login = *result == '\0' ? "unknown" : *result == 'O' ? "success" : "failure";
    struct kd_rec_mailbox rec = {
        .user = user_of(st),
        .command = kd_str(c->verb),
        .argument = kd_bytes_of(c->arg, c->arg_n),
        .result = kd_str(result),
        .reply = kd_bytes_of(st->reply, *result == '\0' ? 0 : st->reply_n),
        .messages = *result == 'O' && (is(c, "RETR") || is(c, "TOP")),
        .bytes = st->bytes,
    };
    kd_emit(ctx, KD_REC_MAILBOX, &rec);
    if (is(c, "PASS"))
        tell_login(ctx, "password", login);
    if (is(c, "APOP"))
        tell_login(ctx, "apop", login);
    if (is(c, "AUTH") && st->sasl != NULL) {
        st->user_n = keep(st->user, sizeof(st->user), st->sasl->user);
        kd_sasl_end(ctx, st->sasl, "pop3", login,
                    kd_bytes_of(st->reply, *login == 'f' ? st->reply_n : 0));
        st->sasl = NULL;
    }
    st->bytes = 0;
    if (!any)
        return;
    st->queue_at = (uint8_t)((st->queue_at + 1) % PENDING);
    st->queue_n--;
}

static void end_answer(struct kd_ctx *ctx, bool whole)
{
    struct pop3_state *st = ctx->state;
    kd_fetched_end(ctx, &st->mail, user_of(st), whole);
    if (st->phase != LINES)
        finish_command(ctx, "OK");
    st->phase = LINES;
}

/* --- the client --- */

static bool read_verb(struct kd_bytes verb, struct command *c)
{
    if (verb.n < 3 || verb.n > VERB_MAX)
        return false;
    for (size_t i = 0; i < verb.n; i++) {
        uint8_t b = kd_ascii_lower(verb.p[i]);
        if (b < 'a' || b > 'z')
            return false;
        c->verb[i] = (char)(b - 'a' + 'A');
    }
    return true;
}

/* Within a logon a line of four letters is base64, unless the client goes on without an end of it.
 */
static bool leaves_auth(struct kd_bytes verb)
{
    return kd_bytes_ieq(verb, kd_str("QUIT")) || kd_bytes_ieq(verb, kd_str("STAT")) ||
           kd_bytes_ieq(verb, kd_str("CAPA"));
}

static void command_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct pop3_state *st = ctx->state;
    struct command c = {0};
    struct kd_bytes verb = kd_bytes_cut(&line, ' ');
    if (st->sasl != NULL && line.n == 0 && !leaves_auth(verb)) {
        kd_sasl_line(st->sasl, verb);
        return;
    }
    if (!read_verb(verb, &c))
        return; /* a piece of a line, or what the server will refuse */
    if (st->queue_n == PENDING) {
        if (!st->told_pending)
            kd_anomaly(ctx, "too_many_pending", 0);
        st->told_pending = true;
        finish_command(ctx, "");
    }
    if (is(&c, "USER") || is(&c, "APOP")) {
        st->user_n = keep(st->user, sizeof(st->user), kd_bytes_cut(&line, ' '));
    } else if (is(&c, "AUTH")) {
        struct kd_bytes method = kd_bytes_cut(&line, ' ');
        c.arg_n = keep(c.arg, sizeof(c.arg), method);
        if (st->sasl == NULL && method.n > 0)
            st->sasl = kd_sasl_begin(ctx->pool, method);
        if (line.n > 0 && !kd_bytes_eq_str(line, "="))
            kd_sasl_line(st->sasl, line);
    } else if (!is(&c, "PASS")) {
        c.arg_n = keep(c.arg, sizeof(c.arg), line);
    }
    st->queue[(st->queue_at + st->queue_n++) % PENDING] = c;
}

/* --- the server --- */

static enum phase phase_behind(const struct command *c)
{
    if (is(c, "RETR") || is(c, "TOP"))
        return MAIL;
    bool lists = (is(c, "LIST") || is(c, "UIDL")) && c->arg_n == 0;
    bool methods = is(c, "AUTH") && c->arg_n == 0;
    return lists || methods || is(c, "CAPA") ? LISTING : LINES;
}

static void reply_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct pop3_state *st = ctx->state;
    bool ok = kd_bytes_istarts(line, kd_str("+OK")), err = kd_bytes_istarts(line, kd_str("-ERR"));
    if (!ok && !err) {
        if (kd_bytes_starts(line, kd_str("+ ")))
            kd_sasl_challenge(st->sasl, kd_bytes_from(line, 2));
        return;
    }
    st->reply_n =
        keep(st->reply, sizeof(st->reply), kd_bytes_trim(kd_bytes_from(line, ok ? 3 : 4)));
    const struct command *c = st->queue_n > 0 ? &st->queue[st->queue_at] : NULL;
    enum phase next = ok && c != NULL ? phase_behind(c) : LINES;
    if (next == LINES) {
        bool tls = ok && c != NULL && is(c, "STLS");
        finish_command(ctx, ok ? "OK" : "ERR");
        st->tls = tls;
        if (tls)
            (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
        return;
    }
    st->phase = (uint8_t)next;
    st->line_start = true;
    if (next == MAIL)
        kd_fetched_begin(ctx, &st->mail, st->mails++);
}

/* --- the stream --- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct pop3_state *st = ctx->state;
    if (st->tls) {
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    if (st->skip_line[dir])
        return kd_line_skip(in, ret);
    if (dir == KD_TO_CLIENT && st->phase != LINES)
        return kd_line_dotted(st->line_start, in, ret);
    return kd_line_frame(in, seen, LINE_BYTES - 1, false, ret);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct pop3_state *st = ctx->state;
    if (dir == KD_TO_CLIENT && st->phase != LINES) {
        st->line_start = false;
        if (msg.n > 1)
            end_answer(ctx, true);
        return KD_OK;
    }
    struct kd_bytes line = kd_line_text(msg, &st->skip_line[dir]);
    if (dir == KD_TO_CLIENT)
        reply_line(ctx, line);
    else
        command_line(ctx, line);
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct pop3_state *st = ctx->state;
    (void)last;
    if (st->tls) {
        kd_inner_data(&st->inner, ctx, dir, piece);
        return KD_OK;
    }
    if (piece.n == 0)
        return KD_OK;
    bool at_end = kd_bytes_at(piece, piece.n - 1) == '\n';
    if (st->skip_line[dir]) {
        st->skip_line[dir] = !at_end;
        return KD_OK;
    }
    st->line_start = at_end;
    st->bytes += piece.n;
    kd_fetched_data(ctx, &st->mail, piece);
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct pop3_state *st = ctx->state;
    if (st->tls) {
        kd_inner_gap(&st->inner, ctx, dir, n);
        return;
    }
    if (dir == KD_TO_CLIENT && st->phase != LINES) {
        kd_fetched_lost(&st->mail, n);
        st->line_start = true; /* the final dot often travels alone */
        return;
    }
    st->skip_line[dir] = true; /* until the next line begins */
    while (st->queue_n > 0)
        finish_command(ctx, "");
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
    struct pop3_state *st = ctx->state;
    end_answer(ctx, false);
    while (st->queue_n > 0)
        finish_command(ctx, "");
    kd_sasl_end(ctx, st->sasl, "pop3", "unknown", kd_str(""));
    st->sasl = NULL;
    kd_inner_end(&st->inner, ctx);
}

const struct kd_parser kd_parser_pop3 = {
    .name = "pop3",
    .summary = "mail fetched (POP3)",
    .app = KD_APP_POP3,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT_POP3, 0},
    .max_message = LINE_BYTES,
    .state_bytes = sizeof(struct pop3_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
