/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL (its protocol 3, documentation chapter "Frontend/Backend Protocol"): the logon, and what is asked
 * afterwards (exchange.c).  Rows are counted, not read. */
#include "proto/pgsql/pgsql.h"

#include "proto/inner.h"
#include "proto/sql/sql.h"

enum { PORT = 5432, HEAD = 5, MESSAGE_MAX = 10000, STARTUP_MIN = 8, STATE_CHARS = 5 };
enum { CODE_CANCEL = 80877102, CODE_SSL = 80877103, CODE_GSS = 80877104, PROTOCOL_3 = 3 };

enum phase { STARTUP, ONE_BYTE, MESSAGES, PASSING };

extern const struct kd_parser kd_parser_tls;

struct pgsql_state {
    uint8_t phase[2]; /* enum phase */
    uint8_t asked;    /* CODE_SSL or CODE_GSS, low byte */
    uint8_t auth;     /* what the server asked for last */
    bool logged_on;
    uint8_t counted[2];        /* letter of a message that goes by unread, by direction; 0: none */
    uint64_t counted_bytes[2]; /* its content */
    struct kd_sql logon;
    struct pg_exchange exchange;
    struct kd_inner inner;
};

static struct pgsql_state *state_of(const struct kd_ctx *ctx)
{
    return (struct pgsql_state *)ctx->state;
}

static void pass(struct kd_ctx *ctx)
{
    struct pgsql_state *st = state_of(ctx);
    kd_sql_tell(ctx, &st->logon);
    pg_tell(ctx, &st->exchange);
    st->phase[0] = st->phase[1] = PASSING;
}

/* ---- recognition ---- */

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    uint32_t len = kd_cur_be32(&c), code = kd_cur_be32(&c);
    (void)conn;
    if (in.n < STARTUP_MIN) /* a short message: its length begins with zeros */
        return kd_bytes_at(in, 0) == 0 && kd_bytes_at(in, 1) == 0 ? KD_PROBE_MORE : KD_PROBE_NO;
    bool asks = (code == CODE_SSL || code == CODE_GSS) && len == STARTUP_MIN;
    bool cancels = code == CODE_CANCEL && len >= 16 && len <= 272;
    uint8_t next = kd_bytes_at(in, STARTUP_MIN);
    bool starts = code >> 16 == PROTOCOL_3 && (code & 0xffff) <= 2 && len > STARTUP_MIN + 6 &&
                  len <= MESSAGE_MAX;
    if (starts && in.n == STARTUP_MIN)
        return KD_PROBE_MORE;
    starts = starts && ((next >= 'a' && next <= 'z') || next == '_');
    if (!asks && !cancels && !starts)
        return KD_PROBE_NO;
    return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- the client ---- */

static void startup(struct kd_ctx *ctx, struct kd_bytes msg)
{
    struct pgsql_state *st = state_of(ctx);
    struct kd_cur c = kd_cur_of(msg);
    (void)kd_cur_be32(&c);
    uint32_t code = kd_cur_be32(&c);
    if (code == CODE_SSL || code == CODE_GSS) {
        st->asked = (uint8_t)code;
        st->phase[KD_TO_CLIENT] = ONE_BYTE;
        pg_asks_for(ctx, &st->exchange, code == CODE_SSL ? "SSL Request" : "GSSENC Request");
        return;
    }
    if (code == CODE_CANCEL) {
        pg_asks_for(ctx, &st->exchange, "cancel_request");
        st->exchange.request.process_id = kd_cur_be32(&c);
        st->exchange.request.secret_key = kd_cur_be32(&c);
        pass(ctx);
        return;
    }
    struct kd_bytes rest = kd_cur_rest(&c);
    pg_startup(ctx, &st->exchange, code, rest);
    while (rest.n > 0) {
        struct kd_bytes key = kd_bytes_cut(&rest, 0), value = kd_bytes_cut(&rest, 0);
        if (kd_bytes_eq_str(key, "user"))
            kd_sql_set(&st->logon.user, value);
        else if (kd_bytes_eq_str(key, "database"))
            kd_sql_set(&st->logon.database, value);
        else if (kd_bytes_eq_str(key, "application_name"))
            kd_sql_set(&st->logon.application, value);
    }
    st->logon.attempt = true;
    st->phase[KD_TO_SERVER] = MESSAGES;
    st->phase[KD_TO_CLIENT] = MESSAGES;
}

/* PasswordMessage, SASLInitialResponse and their like have one letter. */
static void proof(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct pgsql_state *st = state_of(ctx);
    if (st->auth == PG_AUTH_CLEARTEXT)
        st->logon.password = true;
    pg_asks(ctx, &st->exchange, 'p', body, st->auth);
    if (st->auth != PG_AUTH_SASL)
        return;
    struct kd_bytes name = kd_bytes_cut(&body, 0);
    for (size_t i = 0; i < name.n && i < KD_SQL_TEXT; i++)
        st->logon.auth.b[i] = kd_ascii_lower(name.p[i]);
    st->logon.auth.n = (uint8_t)kd_min_size(name.n, KD_SQL_TEXT);
    if (!kd_bytes_is_utf8(kd_sql_view(&st->logon.auth)))
        st->logon.auth.n = 0;
    st->auth = PG_AUTH_CONTINUE;
}

/* ---- the server ---- */

static void authentication(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct pgsql_state *st = state_of(ctx);
    struct kd_cur c = kd_cur_of(body);
    uint32_t kind = kd_cur_be32(&c);
    const char *name = NULL;
    switch (kd_cur_ok(&c) ? kind : PG_AUTH_CONTINUE) {
    case PG_AUTH_OK:
        st->logon.outcome = KD_SQL_SUCCESS;
        name = st->logon.auth.n == 0 ? "trust" : NULL;
        break;
    case PG_AUTH_KERBEROS5:
        name = "kerberos";
        break;
    case PG_AUTH_CLEARTEXT:
        name = "password";
        break;
    case PG_AUTH_MD5:
        name = "md5";
        break;
    case PG_AUTH_GSS:
        name = "gssapi";
        break;
    case PG_AUTH_SSPI:
        name = "sspi";
        break;
    case PG_AUTH_SASL:
        name = "sasl";
        break;
    default:
        st->auth = kind == PG_AUTH_SASL_CONTINUE ? PG_AUTH_SASL_CONTINUE : st->auth;
        return;
    }
    st->auth = (uint8_t)kind;
    if (name != NULL)
        kd_sql_set(&st->logon.auth, kd_str(name));
}

static const char *state_name(struct kd_bytes code)
{
    static const struct {
        const char *code, *name;
    } names[] = {
        {"28P01", "28P01 invalid_password"},
        {"28000", "28000 invalid_authorization"},
        {"3D000", "3D000 invalid_catalog_name"},
        {"42501", "42501 insufficient_privilege"},
        {"53300", "53300 too_many_connections"},
        {"55000", "55000 object_not_in_prerequisite_state"},
        {"57P03", "57P03 cannot_connect_now"},
        {"0A000", "0A000 feature_not_supported"},
        {"08P01", "08P01 protocol_violation"},
    };
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_eq_str(code, names[i].code))
            return names[i].name;
    return "other";
}

/* ErrorResponse: fields of a letter and a text. */
static void error(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct pgsql_state *st = state_of(ctx);
    st->logon.refusal = "other";
    while (body.n > 0 && body.p[0] != 0) {
        uint8_t letter = body.p[0];
        body = kd_bytes_from(body, 1);
        struct kd_bytes text = kd_bytes_cut(&body, 0);
        if (letter == 'C') {
            st->logon.refusal = state_name(text);
            if (kd_bytes_starts(text, kd_str("28")))
                st->logon.outcome = KD_SQL_FAILURE;
        } else if (letter == 'M') {
            kd_sql_say(&st->logon, text);
        }
    }
}

static void parameter(struct pgsql_state *st, struct kd_bytes body)
{
    struct kd_bytes name = kd_bytes_cut(&body, 0);
    if (kd_bytes_eq_str(name, "server_version"))
        kd_sql_set(&st->logon.version, kd_bytes_cut(&body, 0));
}

static void from_server(struct kd_ctx *ctx, uint8_t type, struct kd_bytes body)
{
    struct pgsql_state *st = state_of(ctx);
    pg_answers(ctx, &st->exchange, type, body, !st->logged_on);
    if (st->logged_on)
        return;
    switch (type) {
    case 'R':
        authentication(ctx, body);
        break;
    case 'S':
        parameter(st, body);
        break;
    case 'E':
        error(ctx, body);
        pass(ctx);
        break;
    case 'Z': /* ready: the logon is over */
        st->logon.ok = true;
        st->logged_on = true;
        kd_sql_tell(ctx, &st->logon);
        break;
    default:
        break;
    }
}

/* The answer to "may we encrypt?" */
static void one_byte(struct kd_ctx *ctx, uint8_t answer)
{
    struct pgsql_state *st = state_of(ctx);
    st->phase[KD_TO_CLIENT] = MESSAGES;
    bool tls = answer == 'S' && st->asked == (uint8_t)CODE_SSL;
    pg_encrypts(ctx, &st->exchange, tls || answer == 'G');
    if (!tls && answer != 'G')
        return;
    st->logon.encrypted = true;
    if (tls)
        (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
    pass(ctx);
}

/* ---- the stream ---- */

/* Rows, and data of COPY: their size is all that is told. */
static bool is_counted(enum kd_dir dir, uint8_t type)
{
    return type == 'd' || (type == 'D' && dir == KD_TO_CLIENT);
}

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    struct pgsql_state *st = state_of(ctx);
    size_t head = st->phase[dir] == STARTUP ? 0 : 1;
    (void)seen;
    if (st->phase[dir] == PASSING) {
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    /* An old server says E, a text and nothing else. */
    if (st->phase[dir] == ONE_BYTE) {
        ret->len = 1;
        return KD_OK;
    }
    if (dir == KD_TO_CLIENT && st->phase[dir] == STARTUP)
        return KD_MALFORMED; /* it speaks when spoken to */
    ret->len = head + 4;
    if (in.n < head + 4)
        return KD_MORE;
    struct kd_cur c = kd_cur_of(kd_bytes_from(in, head));
    uint64_t len = kd_cur_be32(&c);
    if (len < (head == 0 ? STARTUP_MIN : 4))
        return KD_MALFORMED;
    bool counted = head == 1 && is_counted(dir, in.p[0]);
    *ret = (struct kd_frame){.len = head + len, .is_body = counted || len > MESSAGE_MAX};
    st->counted[dir] = counted ? in.p[0] : 0;
    st->counted_bytes[dir] = len - (head == 0 ? 0 : 4);
    return KD_OK;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    const struct pgsql_state *st = state_of(ctx);
    struct kd_bytes body = kd_bytes_from(msg, HEAD);
    if (st->phase[dir] == ONE_BYTE)
        one_byte(ctx, kd_bytes_at(msg, 0));
    else if (st->phase[dir] == STARTUP)
        startup(ctx, msg);
    else if (dir == KD_TO_CLIENT)
        from_server(ctx, kd_bytes_at(msg, 0), body);
    else if (kd_bytes_at(msg, 0) == 'p')
        proof(ctx, body);
    else
        pg_asks(ctx, &state_of(ctx)->exchange, kd_bytes_at(msg, 0), body, 0);
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct pgsql_state *st = state_of(ctx);
    if (st->phase[dir] == PASSING)
        kd_inner_data(&st->inner, ctx, dir, piece);
    else if (last && st->counted[dir] != 0)
        pg_counts(ctx, &st->exchange, dir, st->counted[dir], st->counted_bytes[dir]);
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    kd_inner_gap(&state_of(ctx)->inner, ctx, dir, n);
    pass(ctx);
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
    kd_sql_tell(ctx, &state_of(ctx)->logon);
    pg_tell(ctx, &state_of(ctx)->exchange);
    kd_inner_end(&state_of(ctx)->inner, ctx);
}

const struct kd_parser kd_parser_pgsql = {
    .name = "pgsql",
    .summary = "database logons and statements (PostgreSQL)",
    .app = KD_APP_PGSQL,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = MESSAGE_MAX + HEAD,
    .state_bytes = sizeof(struct pgsql_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
