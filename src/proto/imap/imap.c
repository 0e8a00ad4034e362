/* SPDX-License-Identifier: Apache-2.0 */
/* Mail fetched with IMAP (RFC 9051, RFC 3501): lines that may go on behind literals. */
#include "base/charset.h"
#include "proto/inner.h"
#include "proto/line.h"
#include "proto/mime/fetched.h"
#include "proto/sasl/sasl.h"

enum { TAG_MAX = 32, VERB_MAX = 24, ARG_MAX = 96, USER_MAX = 64, REPLY_MAX = 128, PENDING = 16 };
enum { PORT_IMAP = 143, LINE_BYTES = 65536 };

extern const struct kd_parser kd_parser_tls;

/* A text of bounded length. */
struct text {
    uint8_t n;
    uint8_t b[ARG_MAX];
};

struct command {
    struct text tag, verb, arg; /* verb in upper case; arg without secrets */
};

struct imap_state {
    struct command queue[PENDING];
    uint8_t n_queue;
    struct text user, reply;
    bool skip_line[2], tls, told_pending;
    bool goes_on[2];   /* the line began before a literal */
    bool user_literal; /* the literal that comes is the user of LOGIN */
    uint64_t left[2];  /* of the literal */
    uint32_t mails, fetched;
    uint64_t bytes; /* from the server since the last command was answered */
    struct kd_sasl *sasl;
    struct kd_fetched mail;
    struct kd_inner inner;
};

static struct kd_bytes view(const struct text *t)
{
    return kd_bytes_of(t->b, t->n);
}

static void keep(struct text *t, size_t max, struct kd_bytes text)
{
    struct kd_out o = kd_out_of(t->b, kd_min_size(max, sizeof(t->b)));
    kd_charset_guess_to_utf8(kd_bytes_head(text, max), &o);
    t->n = (uint8_t)o.n;
}

static void keep_upper(struct text *t, size_t max, struct kd_bytes text)
{
    keep(t, max, text);
    for (uint8_t i = 0; i < t->n; i++)
        if (t->b[i] >= 'a' && t->b[i] <= 'z')
            t->b[i] = (uint8_t)(t->b[i] - 'a' + 'A');
}

static bool is(const struct command *c, const char *verb)
{
    return kd_bytes_eq_str(view(&c->verb), verb);
}

/* --- recognition --- */

static enum kd_probe starts_with(struct kd_bytes in, const char *const *begins)
{
    enum kd_probe best = KD_PROBE_NO;
    for (; *begins != NULL; begins++) {
        if (kd_bytes_istarts(in, kd_str(*begins)))
            return KD_PROBE_YES;
        if (in.n < strlen(*begins) && kd_bytes_istarts(kd_str(*begins), in))
            best = KD_PROBE_MORE;
    }
    return best;
}

/* "tag LOGIN …": a client whose server was not heard. */
static enum kd_probe probe_client(struct kd_bytes in)
{
    static const char *const verbs[] = {"CAPABILITY\r\n", "LOGIN ",  "AUTHENTICATE ",
                                        "STARTTLS\r\n",   "SELECT ", "LIST \"",
                                        "UID FETCH ",     NULL};
    size_t tag = kd_bytes_find_byte(kd_bytes_head(in, TAG_MAX), ' ');
    for (size_t i = 0; i < tag && i < in.n; i++) {
        uint8_t b = kd_ascii_lower(in.p[i]);
        if (i >= TAG_MAX || !((b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || b == '.'))
            return KD_PROBE_NO;
    }
    if (tag == SIZE_MAX)
        return in.n < TAG_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
    return tag == 0 ? KD_PROBE_NO : starts_with(kd_bytes_from(in, tag + 1), verbs);
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    static const char *const greetings[] = {"* OK ", "* PREAUTH ", NULL};
    (void)conn;
    enum kd_probe server = starts_with(in, greetings), client = probe_client(in);
    if (client == KD_PROBE_YES)
        return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
    if (server == KD_PROBE_YES)
        return dir == KD_TO_CLIENT ? KD_PROBE_YES : KD_PROBE_REVERSED;
    return server == KD_PROBE_MORE ? server : client;
}

/* --- what is told --- */

static void tell_login(struct kd_ctx *ctx, const char *result)
{
    const struct imap_state *st = ctx->state;
    struct kd_rec_login rec = {
        .method = kd_str("password"),
        .service = kd_str("imap"),
        .user = view(&st->user),
        .result = kd_str(result),
        .reason = *result == 'f' ? view(&st->reply) : kd_str(""),
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* A command has its answer, or never will (result ""); NULL: the server's greeting. */
static void tell(struct kd_ctx *ctx, const struct command *c, struct kd_bytes result)
{
    struct imap_state *st = ctx->state;
    static const struct command none;
    const struct command *what = c == NULL ? &none : c;
    const char *login = result.n == 0                        ? "unknown"
                        : kd_bytes_ieq(result, kd_str("OK")) ? "success"
                                                             : "failure";
    bool authenticates = is(what, "AUTHENTICATE");
    if (authenticates && st->sasl != NULL) {
        keep(&st->user, USER_MAX, st->sasl->user);
        kd_sasl_end(ctx, st->sasl, "imap", login, *login == 'f' ? view(&st->reply) : kd_str(""));
        st->sasl = NULL;
    }
    struct kd_rec_mailbox rec = {
        .user = view(&st->user),
        .command = view(&what->verb),
        .argument = view(&what->arg),
        .result = result,
        .reply = result.n == 0 ? result : view(&st->reply),
        .messages = st->fetched,
        .bytes = c == NULL ? 0 : st->bytes,
    };
    kd_emit(ctx, KD_REC_MAILBOX, &rec);
    if (is(what, "LOGIN"))
        tell_login(ctx, login);
    st->fetched = 0;
    st->bytes = 0;
}

static void take_from_queue(struct imap_state *st, unsigned at)
{
    memmove(&st->queue[at], &st->queue[at + 1], (st->n_queue - at - 1u) * sizeof(st->queue[0]));
    st->n_queue--;
}

static void tell_unanswered(struct kd_ctx *ctx)
{
    struct imap_state *st = ctx->state;
    for (; st->n_queue > 0; take_from_queue(st, 0))
        tell(ctx, &st->queue[0], kd_str(""));
}

/* --- literals: "{12}" or "{12+}" at a line's end --- */

static bool literal_behind(struct kd_bytes line, uint64_t *ret, struct kd_bytes *ret_before)
{
    size_t at = line.n;
    if (at < 3 || line.p[at - 1] != '}')
        return false;
    while (at > 0 && line.p[at - 1] != '{')
        at--;
    if (at == 0)
        return false;
    struct kd_bytes number = kd_bytes_head(kd_bytes_from(line, at), line.n - at - 1);
    if (number.n > 0 && number.p[number.n - 1] == '+')
        number.n--;
    *ret_before = kd_bytes_head(line, at - 1);
    return kd_bytes_to_u64(number, UINT32_MAX, ret);
}

/* --- the client --- */

/* The first word, which may be quoted. */
static struct kd_bytes word(struct kd_bytes *rest)
{
    if (kd_bytes_at(*rest, 0) != '"')
        return kd_bytes_cut(rest, ' ');
    *rest = kd_bytes_from(*rest, 1);
    return kd_bytes_cut(rest, '"');
}

static void command(struct kd_ctx *ctx, struct kd_bytes line, bool literal)
{
    struct imap_state *st = ctx->state;
    struct command c = {0};
    struct kd_bytes tag = kd_bytes_cut(&line, ' ');
    struct kd_bytes verb = kd_bytes_cut(&line, ' ');
    if (tag.n == 0 || tag.n > TAG_MAX || verb.n < 2 || verb.n > VERB_MAX - 4)
        return; /* the end of IDLE, or a piece of a line */
    keep(&c.tag, TAG_MAX, tag);
    keep_upper(&c.verb, VERB_MAX, verb);
    if (is(&c, "UID")) {
        uint8_t both[VERB_MAX + 4] = "UID ";
        struct kd_bytes of = kd_bytes_head(kd_bytes_cut(&line, ' '), VERB_MAX - 4);
        if (of.n > 0)
            memcpy(both + 4, of.p, of.n);
        keep_upper(&c.verb, VERB_MAX, kd_bytes_of(both, 4 + of.n));
    }
    if (is(&c, "LOGIN")) {
        st->user_literal = literal && kd_bytes_trim(line).n == 0;
        keep(&st->user, USER_MAX, st->user_literal ? kd_str("") : word(&line));
    } else if (is(&c, "AUTHENTICATE")) {
        struct kd_bytes method = kd_bytes_cut(&line, ' ');
        keep(&c.arg, ARG_MAX, method);
        if (st->sasl == NULL)
            st->sasl = kd_sasl_begin(ctx->pool, method);
        if (line.n > 0 && !kd_bytes_eq_str(line, "="))
            kd_sasl_line(st->sasl, line);
    } else {
        keep(&c.arg, ARG_MAX, kd_bytes_trim(line));
    }
    if (st->n_queue == PENDING) {
        if (!st->told_pending)
            kd_anomaly(ctx, "too_many_pending", 0);
        st->told_pending = true;
        tell(ctx, &st->queue[0], kd_str(""));
        take_from_queue(st, 0);
    }
    st->queue[st->n_queue++] = c;
}

static void client_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct imap_state *st = ctx->state;
    struct kd_bytes before = line;
    bool literal = literal_behind(line, &st->left[KD_TO_SERVER], &before);
    bool is_new = !st->goes_on[KD_TO_SERVER];
    st->goes_on[KD_TO_SERVER] = literal;
    if (is_new && st->sasl != NULL && kd_bytes_find_byte(line, ' ') == SIZE_MAX)
        kd_sasl_line(st->sasl, line);
    else if (is_new)
        command(ctx, before, literal);
}

/* --- the server --- */

static void tagged(struct kd_ctx *ctx, struct kd_bytes tag, struct kd_bytes rest)
{
    struct imap_state *st = ctx->state;
    struct kd_bytes result = kd_bytes_cut(&rest, ' ');
    bool ok = kd_bytes_ieq(result, kd_str("OK"));
    for (unsigned i = 0; i < st->n_queue; i++) {
        if (!kd_bytes_eq(view(&st->queue[i].tag), tag))
            continue;
        bool tls = ok && is(&st->queue[i], "STARTTLS");
        keep(&st->reply, REPLY_MAX, rest);
        tell(ctx, &st->queue[i], kd_bytes_head(result, 8));
        take_from_queue(st, i);
        if (tls) {
            st->tls = true;
            (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
        }
        return;
    }
}

/* Is it a mail, from its first byte on, that the literal behind this text holds? */
static bool is_mail(struct kd_bytes before)
{
    static const char *const ends[] = {"BODY[]", "RFC822", "BODY[]<0>", "BINARY[]"};
    before = kd_bytes_trim(before);
    for (size_t i = 0; i < KD_COUNT(ends); i++)
        if (kd_bytes_iends(before, kd_str(ends[i])))
            return true;
    return false;
}

static void untagged(struct kd_ctx *ctx, struct kd_bytes rest)
{
    struct imap_state *st = ctx->state;
    uint64_t number;
    struct kd_bytes first = kd_bytes_cut(&rest, ' ');
    if (kd_bytes_to_u64(first, UINT32_MAX, &number) && kd_bytes_istarts(rest, kd_str("FETCH ")))
        st->fetched++;
    bool greets = kd_bytes_ieq(first, kd_str("OK")) || kd_bytes_ieq(first, kd_str("PREAUTH"));
    if (greets && st->bytes == 0 && st->n_queue == 0 && st->reply.n == 0 && !ctx->conn->midstream) {
        keep(&st->reply, REPLY_MAX, rest);
        tell(ctx, NULL, kd_bytes_head(first, 8));
    }
}

static void server_line(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct imap_state *st = ctx->state;
    struct kd_bytes before = line;
    bool literal = literal_behind(line, &st->left[KD_TO_CLIENT], &before);
    bool is_new = !st->goes_on[KD_TO_CLIENT];
    st->goes_on[KD_TO_CLIENT] = literal;
    if (literal && is_mail(before))
        kd_fetched_begin(ctx, &st->mail, st->mails++);
    if (!is_new) {
        st->bytes += line.n;
        return;
    }
    struct kd_bytes rest = line;
    struct kd_bytes tag = kd_bytes_cut(&rest, ' ');
    if (kd_bytes_eq_str(tag, "*"))
        untagged(ctx, rest);
    else if (kd_bytes_eq_str(tag, "+"))
        kd_sasl_challenge(st->sasl, rest);
    else
        tagged(ctx, tag, rest);
    if (kd_bytes_eq_str(tag, "*"))
        st->bytes += line.n;
}

/* --- the stream --- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct imap_state *st = ctx->state;
    if (st->tls || st->left[dir] > 0) {
        *ret = (struct kd_frame){.len = st->tls ? UINT64_MAX : st->left[dir], .is_body = true};
        return KD_OK;
    }
    if (st->skip_line[dir])
        return kd_line_skip(in, ret);
    return kd_line_frame(in, seen, kd_min_size(ctx->lim->mail_line_bytes, LINE_BYTES - 1), false,
                         ret);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct imap_state *st = ctx->state;
    struct kd_bytes line = kd_line_text(msg, &st->skip_line[dir]);
    if (dir == KD_TO_CLIENT)
        server_line(ctx, line);
    else
        client_line(ctx, line);
    return KD_OK;
}

static void literal_piece(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece)
{
    struct imap_state *st = ctx->state;
    if (dir == KD_TO_CLIENT) {
        st->bytes += piece.n;
        kd_fetched_data(ctx, &st->mail, piece);
    } else if (st->user_literal) {
        struct kd_out o = {st->user.b, st->user.n, USER_MAX, false};
        kd_out_bytes(&o, kd_bytes_head(piece, USER_MAX - st->user.n));
        st->user.n = (uint8_t)o.n;
    }
}

static void end_literal(struct kd_ctx *ctx, enum kd_dir dir, bool whole)
{
    struct imap_state *st = ctx->state;
    if (dir == KD_TO_CLIENT)
        kd_fetched_end(ctx, &st->mail, view(&st->user), whole);
    else
        st->user_literal = false;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct imap_state *st = ctx->state;
    if (st->tls) {
        kd_inner_data(&st->inner, ctx, dir, piece);
        return KD_OK;
    }
    if (st->left[dir] > 0) {
        literal_piece(ctx, dir, piece);
        st->left[dir] = last ? 0 : st->left[dir] - kd_min_u64(piece.n, st->left[dir] - 1);
        if (last)
            end_literal(ctx, dir, true);
    } else if (piece.n > 0) {
        st->skip_line[dir] = kd_bytes_at(piece, piece.n - 1) != '\n';
    }
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct imap_state *st = ctx->state;
    if (st->tls) {
        kd_inner_gap(&st->inner, ctx, dir, n);
        return;
    }
    uint64_t lost = kd_min_u64(n, st->left[dir]);
    if (lost > 0) {
        st->left[dir] -= lost;
        if (dir == KD_TO_CLIENT)
            kd_fetched_lost(&st->mail, lost);
        if (st->left[dir] == 0)
            end_literal(ctx, dir, false);
        if (lost == n)
            return;
    }
    st->skip_line[dir] = true; /* until the next line begins */
    st->goes_on[dir] = false;
    tell_unanswered(ctx);
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
    struct imap_state *st = ctx->state;
    kd_fetched_end(ctx, &st->mail, view(&st->user), false);
    tell_unanswered(ctx);
    kd_sasl_end(ctx, st->sasl, "imap", "unknown", kd_str(""));
    st->sasl = NULL;
    kd_inner_end(&st->inner, ctx);
}

const struct kd_parser kd_parser_imap = {
    .name = "imap",
    .summary = "mail fetched (IMAP)",
    .app = KD_APP_IMAP,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT_IMAP, 0},
    .max_message = LINE_BYTES,
    .state_bytes = sizeof(struct imap_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
