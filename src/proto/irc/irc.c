/* SPDX-License-Identifier: Apache-2.0 */
/* Chat (RFC 2812, modern IRC): who takes part where.  What is said is counted, not kept. */
#include "base/charset.h"
#include "proto/line.h"

enum { LINE_BYTES = 2048, NICK_MAX = 40, TEXT_MAX = 80, JOINS_MAX = 8, FILES_MAX = 32 };
enum { RPL_WELCOME = 1, ERR_PASSWD = 464, ERR_BANNED = 465 };
enum { ERR_NICK = 431, ERR_NICK_USED = 433, ERR_NO_CHANNEL = 403, ERR_FULL = 471, ERR_KEY = 475 };

struct text {
    uint8_t n;
    uint8_t b[TEXT_MAX];
};

struct irc_state {
    bool skip_line[2];
    bool password, nick_sent, user_sent, registered, refused, login_due;
    uint8_t files;
    uint16_t nick_code; /* why the name was refused; 0: it was not */
    struct text nick, user, realname, server;
    struct text joins[JOINS_MAX]; /* asked for, not answered */
    size_t n_joins;
    uint32_t said, heard;
};

static struct irc_state *state_of(const struct kd_ctx *ctx)
{
    return (struct irc_state *)ctx->state;
}

static void set(struct text *t, struct kd_bytes in)
{
    struct kd_out o = kd_out_of(t->b, sizeof(t->b));
    kd_charset_guess_to_utf8(kd_bytes_head(in, sizeof(t->b)), &o);
    t->n = (uint8_t)o.n;
}

static struct kd_bytes view(const struct text *t)
{
    return kd_bytes_of(t->b, t->n);
}

/* ---- lines ---- */

/* A line: [@tags] [:prefix] command parameters; the last one may hold blanks behind a colon. */
struct irc_line {
    struct kd_bytes prefix, command, rest;
};

static struct kd_bytes word(struct kd_bytes *rest)
{
    struct kd_bytes w = kd_bytes_cut(rest, ' ');
    *rest = kd_bytes_trim(*rest);
    return w;
}

static struct kd_bytes parameter(struct kd_bytes *rest)
{
    if (kd_bytes_at(*rest, 0) != ':')
        return word(rest);
    struct kd_bytes all = kd_bytes_from(*rest, 1);
    *rest = kd_bytes_of(NULL, 0);
    return all;
}

static struct irc_line split(struct kd_bytes line)
{
    struct irc_line l = {.rest = kd_bytes_trim(line)};
    if (kd_bytes_at(l.rest, 0) == '@')
        (void)word(&l.rest);
    if (kd_bytes_at(l.rest, 0) == ':')
        l.prefix = kd_bytes_from(word(&l.rest), 1);
    l.command = word(&l.rest);
    return l;
}

/* ---- recognition ---- */

static bool is_nick(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] <= ' ' || b.p[i] == ',' || b.p[i] == '@' || b.p[i] == '/')
            return false;
    return b.n > 0 && b.n <= NICK_MAX;
}

/* USER name mode unused :realname; POP3 and FTP have one word. */
static bool is_user(struct kd_bytes rest)
{
    unsigned words = 0;
    while (rest.n > 0 && words < 4) {
        (void)parameter(&rest);
        words++;
    }
    return words >= 4;
}

static enum kd_probe client_line(struct kd_bytes line)
{
    struct irc_line l = split(line);
    struct kd_bytes rest = l.rest;
    if (l.prefix.n > 0)
        return KD_PROBE_NO;
    if (kd_bytes_ieq(l.command, kd_str("NICK")))
        return is_nick(parameter(&rest)) ? KD_PROBE_YES : KD_PROBE_NO;
    if (kd_bytes_ieq(l.command, kd_str("USER")))
        return is_user(rest) ? KD_PROBE_YES : KD_PROBE_NO;
    if (kd_bytes_ieq(l.command, kd_str("PASS")))
        return KD_PROBE_MORE; /* a name follows; in other protocols it came before */
    if (!kd_bytes_ieq(l.command, kd_str("CAP")))
        return KD_PROBE_NO;
    struct kd_bytes what = parameter(&rest);
    return kd_bytes_ieq(what, kd_str("LS")) || kd_bytes_ieq(what, kd_str("REQ")) ||
                   kd_bytes_ieq(what, kd_str("END"))
               ? KD_PROBE_YES
               : KD_PROBE_NO;
}

static enum kd_probe server_line(struct kd_bytes line)
{
    struct irc_line l = split(line);
    bool notice = kd_bytes_eq_str(l.command, "NOTICE") &&
                  (l.prefix.n > 0 || kd_bytes_starts(l.rest, kd_str("AUTH :")));
    bool welcome = kd_bytes_eq_str(l.command, "001") && l.prefix.n > 0;
    return notice || welcome ? KD_PROBE_YES : KD_PROBE_NO;
}

/* Could the line that is not all there yet become one of these? */
static bool may_become(struct kd_bytes in)
{
    static const char *const begins[] = {"NICK ", "USER ", "PASS ", "CAP ", "NOTICE AUTH :", ":"};
    for (size_t i = 0; i < KD_COUNT(begins); i++) {
        struct kd_bytes want = kd_str(begins[i]);
        if (kd_bytes_istarts(want, in) || kd_bytes_istarts(in, want))
            return in.n < LINE_BYTES;
    }
    return false;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)conn;
    for (unsigned n = 0; n < 2; n++) {
        size_t end = kd_bytes_find_byte(in, '\n');
        if (end == SIZE_MAX)
            return in.n == 0 || may_become(in) ? KD_PROBE_MORE : KD_PROBE_NO;
        struct kd_bytes line = kd_bytes_head(in, end);
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        enum kd_probe client = client_line(line);
        if (client == KD_PROBE_YES)
            return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
        if (client == KD_PROBE_NO)
            return server_line(line) == KD_PROBE_NO ? KD_PROBE_NO
                   : dir == KD_TO_CLIENT            ? KD_PROBE_YES
                                                    : KD_PROBE_REVERSED;
        in = kd_bytes_from(in, end + 1);
    }
    return KD_PROBE_NO;
}

/* ---- what is told ---- */

static struct kd_rec_irc record_of(const struct irc_state *st, const char *command)
{
    return (struct kd_rec_irc){
        .command = kd_str(command),
        .nick = view(&st->nick),
        .user = view(&st->user),
        .realname = view(&st->realname),
        .server = view(&st->server),
        .password = st->password,
    };
}

static void tell_login(struct kd_ctx *ctx, const char *result, struct kd_bytes reason)
{
    struct irc_state *st = state_of(ctx);
    if (!st->login_due)
        return;
    st->login_due = false;
    struct kd_rec_login rec = {
        .method = kd_str("password"),
        .service = kd_str("irc"),
        .user = view(&st->nick),
        .result = kd_str(result),
        .reason = reason,
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* code 0: no answer came. */
static void tell_register(struct kd_ctx *ctx, uint16_t code, struct kd_bytes result)
{
    struct irc_state *st = state_of(ctx);
    if (st->registered || st->refused || (!st->nick_sent && !st->user_sent && code == 0))
        return;
    st->registered = code == RPL_WELCOME;
    st->refused = !st->registered;
    struct kd_rec_irc rec = record_of(st, "register");
    if (code == 0 && result.n == 0 && st->nick_code != 0) {
        code = st->nick_code;
        result = kd_str("nick refused");
    }
    rec.result = st->registered ? kd_str("ok") : kd_bytes_head(result, TEXT_MAX);
    rec.code = code;
    kd_emit(ctx, KD_REC_IRC, &rec);
    bool wrong = code == ERR_PASSWD || kd_bytes_icontains(rec.result, kd_str("password"));
    tell_login(ctx,
               st->registered ? "success"
               : wrong        ? "failure"
                              : "unknown",
               wrong ? rec.result : kd_bytes_of(NULL, 0));
}

static void tell_join(struct kd_ctx *ctx, size_t at, uint16_t code, struct kd_bytes result)
{
    struct irc_state *st = state_of(ctx);
    struct kd_rec_irc rec = record_of(st, "join");
    rec.channel = view(&st->joins[at]);
    rec.code = code;
    rec.result = kd_bytes_head(result, TEXT_MAX);
    kd_emit(ctx, KD_REC_IRC, &rec);
    st->n_joins--;
    memmove(&st->joins[at], &st->joins[at + 1], (st->n_joins - at) * sizeof(st->joins[0]));
}

/* A file offered from one client to another: DCC SEND name address port. */
static void look_at_message(struct kd_ctx *ctx, struct kd_bytes rest)
{
    struct irc_state *st = state_of(ctx);
    struct kd_bytes to = parameter(&rest), said = parameter(&rest);
    struct kd_bytes offer = kd_str("\001DCC SEND ");
    if (!kd_bytes_istarts(said, offer) || st->files >= FILES_MAX)
        return;
    st->files++;
    struct text channel, file;
    set(&channel, to);
    set(&file, kd_bytes_cut(&(struct kd_bytes){said.p + offer.n, said.n - offer.n}, 1));
    struct kd_rec_irc rec = record_of(st, "send_file");
    rec.channel = view(&channel);
    rec.argument = view(&file);
    kd_emit(ctx, KD_REC_IRC, &rec);
}

/* ---- the client ---- */

static void ask_joins(struct kd_ctx *ctx, struct kd_bytes channels)
{
    struct irc_state *st = state_of(ctx);
    while (channels.n > 0) {
        struct kd_bytes one = kd_bytes_cut(&channels, ',');
        if (one.n == 0 || kd_bytes_eq_str(one, "0"))
            continue;
        if (st->n_joins == JOINS_MAX)
            tell_join(ctx, 0, 0, kd_str(""));
        set(&st->joins[st->n_joins++], one);
    }
}

static void client_says(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct irc_state *st = state_of(ctx);
    struct irc_line l = split(line);
    if (kd_bytes_ieq(l.command, kd_str("PASS")) ||
        kd_bytes_ieq(l.command, kd_str("AUTHENTICATE"))) {
        st->password = st->login_due = !st->registered;
    } else if (kd_bytes_ieq(l.command, kd_str("NICK"))) {
        set(&st->nick, parameter(&l.rest));
        st->nick_sent = true;
    } else if (kd_bytes_ieq(l.command, kd_str("USER")) && !st->user_sent) {
        set(&st->user, parameter(&l.rest));
        (void)parameter(&l.rest);
        (void)parameter(&l.rest);
        set(&st->realname, parameter(&l.rest));
        st->user_sent = true;
    } else if (kd_bytes_ieq(l.command, kd_str("JOIN"))) {
        ask_joins(ctx, parameter(&l.rest));
    } else if (kd_bytes_ieq(l.command, kd_str("PRIVMSG"))) {
        st->said++;
        look_at_message(ctx, l.rest);
    }
}

/* ---- the server ---- */

static size_t asked_join(const struct irc_state *st, struct kd_bytes channel)
{
    for (size_t i = 0; i < st->n_joins; i++)
        if (kd_bytes_ieq(view(&st->joins[i]), kd_bytes_head(channel, TEXT_MAX)))
            return i;
    return SIZE_MAX;
}

static bool is_channel_refusal(unsigned code)
{
    return code == ERR_NO_CHANNEL || code == 405 || code == 437 || code == 477 || code == 489 ||
           (code >= ERR_FULL && code <= ERR_KEY);
}

static void numeric(struct kd_ctx *ctx, unsigned code, struct kd_bytes prefix, struct kd_bytes rest)
{
    struct irc_state *st = state_of(ctx);
    (void)parameter(&rest); /* to whom */
    if (code == RPL_WELCOME) {
        set(&st->server, prefix);
        tell_register(ctx, RPL_WELCOME, kd_str("ok"));
    } else if (code >= ERR_NICK && code <= ERR_NICK_USED && !st->registered) {
        st->nick_code = (uint16_t)code; /* it may try another */
    } else if (code == ERR_PASSWD || code == ERR_BANNED) {
        tell_register(ctx, (uint16_t)code, parameter(&rest));
    } else if (is_channel_refusal(code)) {
        size_t at = asked_join(st, parameter(&rest));
        if (at != SIZE_MAX)
            tell_join(ctx, at, (uint16_t)code, parameter(&rest));
    }
}

static void server_says(struct kd_ctx *ctx, struct kd_bytes line)
{
    struct irc_state *st = state_of(ctx);
    struct irc_line l = split(line);
    uint64_t code = 0;
    if (l.command.n == 3 && kd_bytes_to_u64(l.command, 999, &code)) {
        numeric(ctx, (unsigned)code, l.prefix, l.rest);
    } else if (kd_bytes_eq_str(l.command, "ERROR")) {
        tell_register(ctx, 0, parameter(&l.rest));
    } else if (kd_bytes_eq_str(l.command, "JOIN")) {
        struct kd_bytes who = kd_bytes_cut(&l.prefix, '!');
        size_t at = asked_join(st, parameter(&l.rest));
        if (at != SIZE_MAX && kd_bytes_ieq(who, view(&st->nick)))
            tell_join(ctx, at, 0, kd_str("ok"));
    } else if (kd_bytes_eq_str(l.command, "PRIVMSG")) {
        st->heard++;
        look_at_message(ctx, l.rest);
    }
}

/* ---- the stream ---- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct irc_state *st = state_of(ctx);
    if (st->skip_line[dir])
        return kd_line_skip(in, ret);
    return kd_line_frame(in, seen, LINE_BYTES - 1, false, ret);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct kd_bytes line = kd_line_text(msg, &state_of(ctx)->skip_line[dir]);
    if (dir == KD_TO_SERVER)
        client_says(ctx, line);
    else
        server_says(ctx, line);
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)last;
    if (piece.n > 0)
        state_of(ctx)->skip_line[dir] = kd_bytes_at(piece, piece.n - 1) != '\n';
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    (void)n;
    state_of(ctx)->skip_line[dir] = true; /* until the next line begins */
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
    struct irc_state *st = state_of(ctx);
    tell_register(ctx, 0, kd_str(""));
    while (st->n_joins > 0)
        tell_join(ctx, 0, 0, kd_str(""));
    if (st->said + st->heard == 0)
        return;
    struct kd_rec_irc rec = record_of(st, "end");
    rec.messages_toserver = st->said;
    rec.messages_toclient = st->heard;
    kd_emit(ctx, KD_REC_IRC, &rec);
}

const struct kd_parser kd_parser_irc = {
    .name = "irc",
    .summary = "chat (IRC)",
    .app = KD_APP_IRC,
    .over = KD_OVER_TCP,
    .ports =
        (const uint16_t[]){6667, 6660, 6661, 6662, 6663, 6664, 6665, 6666, 6668, 6669, 7000, 0},
    .max_message = LINE_BYTES,
    .state_bytes = sizeof(struct irc_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
