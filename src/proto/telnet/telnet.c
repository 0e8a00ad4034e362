/* SPDX-License-Identifier: Apache-2.0 */
/* Remote terminals (RFC 854): who logs on, and whether it worked, from the prompts.  What is typed
 * is not kept, but for the user's name. */
#include "proto/parser.h"

enum { IAC = 255, SB = 250, SE = 240, WILL = 251, DONT = 254 };
enum { LINE_KEPT = 160, USER_MAX = 64, RECOGNISE_MAX = 512 };

enum asks { ASKS_NOTHING, ASKS_USER, ASKS_PASSWORD };

/* Taking commands out of the data (RFC 854, RFC 855). */
enum command { TEXT, AFTER_IAC, AFTER_VERB, IN_OPTION, IN_OPTION_IAC };

struct telnet_state {
    uint8_t command[2]; /* enum command */
    uint8_t typing;     /* enum asks: what the client answers now */
    uint8_t line_n;     /* the server's line so far, its end when longer */
    uint8_t user_n;
    uint8_t framed[2]; /* the frame under way */
    bool waits; /* a password was sent: how did it go? */
    uint8_t line[LINE_KEPT];
    uint8_t user[USER_MAX];
};

static struct telnet_state *state_of(const struct kd_ctx *ctx)
{
    return (struct telnet_state *)ctx->state;
}

/* ---- words ---- */

static bool has_word(struct kd_bytes line, const char *const *words)
{
    for (; *words != NULL; words++)
        if (kd_bytes_icontains(line, kd_str(*words)))
            return true;
    return false;
}

static const char *const user_words[] = {"login", "user", "account", "ログイン", "ユーザ", NULL};
static const char *const password_words[] = {"password", "passwd", "passcode", "パスワード", NULL};
static const char *const failure_words[] = {
    "incorrect",  "invalid",     "failed", "failure",  "denied", "bad password",
    "bad secret", "not correct", "wrong",  "違います", "失敗",   NULL};

/* A prompt ends in a colon, as a rule with a blank behind it. */
static enum asks asks_of(struct kd_bytes line)
{
    while (line.n > 0 && (line.p[line.n - 1] == ' ' || line.p[line.n - 1] == 0))
        line.n--;
    bool prompt = line.n > 0 && (line.p[line.n - 1] == ':' || line.p[line.n - 1] == '>');
    struct kd_bytes wide = kd_str("：");
    if (!prompt && !(line.n >= wide.n && kd_bytes_eq(kd_bytes_from(line, line.n - wide.n), wide)))
        return ASKS_NOTHING;
    if (has_word(line, password_words))
        return ASKS_PASSWORD;
    return has_word(line, user_words) && !kd_bytes_icontains(line, kd_str("last login"))
               ? ASKS_USER
               : ASKS_NOTHING;
}

static bool is_shell_prompt(struct kd_bytes line)
{
    while (line.n > 0 && line.p[line.n - 1] == ' ')
        line.n--;
    uint8_t last = line.n > 0 ? line.p[line.n - 1] : 0;
    return last == '$' || last == '#' || last == '>' || last == '%';
}

/* ---- recognition ---- */

static enum kd_probe telnet_probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    (void)dir;
    if (in.n == 0)
        return KD_PROBE_MORE;
    if (in.p[0] == IAC) {
        if (in.n < 3)
            return KD_PROBE_MORE;
        return in.p[1] >= WILL && in.p[1] <= DONT && in.p[2] < 64 ? KD_PROBE_YES : KD_PROBE_NO;
    }
    if (conn->server_port != 23 && conn->client_port != 23)
        return KD_PROBE_NO;
    struct kd_bytes head = kd_bytes_head(in, RECOGNISE_MAX);
    if (has_word(head, password_words) || asks_of(head) == ASKS_USER)
        return KD_PROBE_YES;
    return in.n < RECOGNISE_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
}

/* ---- the conversation ---- */

static void tell(struct kd_ctx *ctx, const char *result, struct kd_bytes reason)
{
    struct telnet_state *st = state_of(ctx);
    struct kd_rec_login rec = {
        .method = kd_str("password"),
        .service = kd_str("telnet"),
        .user = kd_bytes_of(st->user, st->user_n),
        .result = kd_str(result),
        .reason = reason,
    };
    st->waits = false;
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

static void on_server_byte(struct kd_ctx *ctx, uint8_t b)
{
    struct telnet_state *st = state_of(ctx);
    if (b == '\n') {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_of(st->line, st->line_n));
        if (st->waits && has_word(line, failure_words))
            tell(ctx, "failure", line);
        st->line_n = 0;
        return;
    }
    if (b < ' ')
        return;
    if (st->line_n == LINE_KEPT) {
        memmove(st->line, st->line + LINE_KEPT / 2, LINE_KEPT / 2);
        st->line_n = LINE_KEPT / 2;
    }
    st->line[st->line_n++] = b;
}

/* The client begins to answer what the server said last. */
static void begin_typing(struct kd_ctx *ctx)
{
    struct telnet_state *st = state_of(ctx);
    struct kd_bytes line = kd_bytes_of(st->line, st->line_n);
    enum asks asks = asks_of(line);
    if (st->waits)
        tell(ctx, asks != ASKS_NOTHING ? "failure" : "success", kd_str(""));
    st->typing = (uint8_t)asks;
    if (asks == ASKS_USER)
        st->user_n = 0;
    st->line_n = 0;
}

static void on_client_byte(struct kd_ctx *ctx, uint8_t b)
{
    struct telnet_state *st = state_of(ctx);
    bool end = b == '\r' || b == '\n';
    if (st->typing == ASKS_NOTHING && st->line_n > 0 && b != 0 && b != '\n')
        begin_typing(ctx);
    if (st->typing == ASKS_USER && !end) {
        if ((b == 8 || b == 127) && st->user_n > 0)
            st->user_n--;
        else if (b >= ' ' && b != 127 && st->user_n < USER_MAX)
            st->user[st->user_n++] = b;
    }
    if (!end || st->typing == ASKS_NOTHING)
        return;
    st->waits = st->typing == ASKS_PASSWORD;
    st->typing = ASKS_NOTHING;
    st->line_n = 0; /* the echo */
}

/* One byte of a direction: text, or part of a command. */
static void on_byte(struct kd_ctx *ctx, enum kd_dir dir, uint8_t b)
{
    struct telnet_state *st = state_of(ctx);
    uint8_t *command = &st->command[dir];
    switch (*command) {
    case AFTER_IAC:
        *command = b == SB ? IN_OPTION : b >= WILL && b < IAC ? AFTER_VERB : TEXT;
        return;
    case AFTER_VERB:
        *command = TEXT;
        return;
    case IN_OPTION:
        *command = b == IAC ? IN_OPTION_IAC : IN_OPTION;
        return;
    case IN_OPTION_IAC:
        *command = b == SE ? TEXT : IN_OPTION;
        return;
    default:
        break;
    }
    if (b == IAC)
        *command = AFTER_IAC;
    else if (dir == KD_TO_CLIENT)
        on_server_byte(ctx, b);
    else
        on_client_byte(ctx, b);
}

static enum kd_status telnet_frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in,
                                   size_t seen, struct kd_frame *ret)
{
    (void)ctx;
    (void)dir;
    (void)seen;
    *ret = (struct kd_frame){.len = in.n, .is_body = true};
    return KD_OK;
}

static enum kd_status telnet_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    (void)ctx;
    (void)dir;
    (void)msg;
    return KD_OK;
}

/* Frames: a command, or text up to its line's end or to the next command. */
enum { FRAME_NONE, FRAME_TEXT, FRAME_COMMAND };

static void close_frame(struct kd_ctx *ctx, enum kd_dir dir, const uint8_t *end)
{
    struct telnet_state *st = state_of(ctx);
    kd_end_frame(ctx, KD_FRAME_TELNET_PDU, dir, end);
    kd_end_frame(ctx, st->framed[dir] == FRAME_TEXT ? KD_FRAME_TELNET_DATA : KD_FRAME_TELNET_CTL, dir, end);
    st->framed[dir] = FRAME_NONE;
}

static void begin_frame(struct kd_ctx *ctx, enum kd_dir dir, const uint8_t *b)
{
    struct telnet_state *st = state_of(ctx);
    if (st->framed[dir] == FRAME_TEXT && *b == IAC)
        close_frame(ctx, dir, b);
    if (st->framed[dir] != FRAME_NONE)
        return;
    st->framed[dir] = *b == IAC ? FRAME_COMMAND : FRAME_TEXT;
    kd_tell_frame(ctx, KD_FRAME_TELNET_PDU, dir, b, KD_FRAME_OPEN);
    kd_tell_frame(ctx, *b == IAC ? KD_FRAME_TELNET_CTL : KD_FRAME_TELNET_DATA, dir, b, KD_FRAME_OPEN);
}

static void end_frame(struct kd_ctx *ctx, enum kd_dir dir, const uint8_t *b)
{
    struct telnet_state *st = state_of(ctx);
    if (st->framed[dir] == FRAME_TEXT ? *b == '\n' : st->command[dir] == TEXT)
        close_frame(ctx, dir, b + 1);
}

static enum kd_status telnet_body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece,
                                  bool last)
{
    bool framed = kd_wants_frames(ctx);
    (void)last;
    for (size_t i = 0; i < piece.n; i++) {
        if (framed)
            begin_frame(ctx, dir, piece.p + i);
        on_byte(ctx, dir, piece.p[i]);
        if (framed)
            end_frame(ctx, dir, piece.p + i);
    }
    return KD_OK;
}

static void telnet_gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct telnet_state *st = state_of(ctx);
    (void)n;
    st->command[dir] = TEXT;
    close_frame(ctx, dir, NULL);
    st->typing = ASKS_NOTHING;
    st->line_n = 0;
    if (st->waits)
        tell(ctx, "unknown", kd_str(""));
}

static size_t telnet_resync(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in)
{
    (void)ctx;
    (void)dir;
    (void)in;
    return 0;
}

static void telnet_close(struct kd_ctx *ctx)
{
    const struct telnet_state *st = state_of(ctx);
    struct kd_bytes line = kd_bytes_of(st->line, st->line_n);
    if (!st->waits)
        return;
    bool again = asks_of(line) != ASKS_NOTHING;
    tell(ctx, again ? "failure" : is_shell_prompt(line) ? "success" : "unknown", kd_str(""));
}

const struct kd_parser kd_parser_telnet = {
    .name = "telnet",
    .summary = "remote terminals (Telnet): who logs on, and whether it worked",
    .app = KD_APP_TELNET,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){23, 2323, 0},
    .max_message = RECOGNISE_MAX,
    .state_bytes = sizeof(struct telnet_state),
    .probe = telnet_probe,
    .frame = telnet_frame,
    .message = telnet_message,
    .body = telnet_body,
    .gap = telnet_gap,
    .resync = telnet_resync,
    .close = telnet_close,
};
