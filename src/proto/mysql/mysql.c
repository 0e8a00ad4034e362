/* SPDX-License-Identifier: Apache-2.0 */
/* Logons at MySQL and MariaDB (client/server protocol, "Connection Phase").  What is asked
 * afterwards goes by. */
#include "proto/inner.h"
#include "proto/sql/sql.h"

enum {
    PORT = 3306,
    HEAD = 4,
    MESSAGE_MAX = 16384,
    VERSION_MAX = 100,
    RESPONSE_MIN = 7,
    PROTOCOL = 10
};
enum { OK_PACKET = 0x00, MORE_DATA = 0x01, SWITCH_PACKET = 0xfe, ERR_PACKET = 0xff };

/* Capabilities. */
enum {
    CAP_WITH_DB = 8,
    CAP_PROTOCOL_41 = 0x200,
    CAP_SSL = 0x800,
    CAP_SECURE = 0x8000,
    CAP_PLUGIN = 0x80000,
    CAP_ATTRIBUTES = 0x100000,
    CAP_LENENC = 0x200000
};

enum phase { GREETING, RESPONSE, LOGON, PASSING };

extern const struct kd_parser kd_parser_tls;

struct mysql_state {
    uint8_t phase[2]; /* enum phase: what comes next from each side */
    bool clear;       /* the plugin sends the password as it is */
    struct kd_sql logon;
    struct kd_inner inner;
};

static struct mysql_state *state_of(const struct kd_ctx *ctx)
{
    return (struct mysql_state *)ctx->state;
}

static void pass(struct kd_ctx *ctx)
{
    struct mysql_state *st = state_of(ctx);
    kd_sql_tell(ctx, &st->logon);
    st->phase[0] = st->phase[1] = PASSING;
}

/* The text up to its zero. */
static struct kd_bytes text(struct kd_cur *c)
{
    struct kd_bytes left = kd_bytes_of(c->p, c->n);
    size_t n = kd_bytes_find_byte(left, 0);
    if (n == SIZE_MAX)
        return kd_cur_rest(c);
    struct kd_bytes b = kd_cur_take(c, n);
    (void)kd_cur_u8(c);
    return b;
}

/* Length-encoded number; beyond four bytes it is more than a logon holds. */
static uint64_t number(struct kd_cur *c)
{
    uint8_t first = kd_cur_u8(c);
    switch (first) {
    case 0xfc:
        return kd_cur_le16(c);
    case 0xfd: {
        uint64_t low = kd_cur_le16(c);
        return low | (uint64_t)kd_cur_u8(c) << 16;
    }
    case 0xfe:
        return kd_cur_le64(c);
    default:
        return first;
    }
}

static struct kd_bytes counted(struct kd_cur *c)
{
    uint64_t n = number(c);
    return kd_cur_take(c, n > kd_cur_left(c) ? kd_cur_left(c) : (size_t)n);
}

/* ---- recognition ---- */

static enum kd_probe probe_greeting(struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    struct kd_bytes size = kd_cur_take(&c, 3);
    if (size.n == 3 && (size.p[1] > 2 || size.p[2] != 0 || size.p[0] + size.p[1] * 256 < 10))
        return KD_PROBE_NO;
    uint8_t number_in_row = kd_cur_u8(&c), first = kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return in.n < 3 || (in.n == 4 ? in.p[3] < 2 : in.n == 3) ? KD_PROBE_MORE : KD_PROBE_NO;
    if (first == ERR_PACKET && number_in_row < 2) { /* "your host is blocked", "too many" */
        if (in.n < 8)
            return KD_PROBE_MORE;
        uint16_t code = kd_cur_le16(&c);
        return code >= 1000 && code < 2000 && kd_cur_u8(&c) >= ' ' ? KD_PROBE_YES : KD_PROBE_NO;
    }
    if (first != PROTOCOL || number_in_row != 0)
        return KD_PROBE_NO;
    /* A version: digits and a dot, and its end. */
    struct kd_bytes version = kd_bytes_head(kd_bytes_of(c.p, c.n), VERSION_MAX);
    size_t end = kd_bytes_find_byte(version, 0);
    for (size_t i = 0; i < version.n && i < end; i++)
        if (version.p[i] < ' ' || version.p[i] > '~' ||
            (i == 0 && (version.p[i] < '0' || version.p[i] > '9')))
            return KD_PROBE_NO;
    if (end == SIZE_MAX)
        return version.n < VERSION_MAX ? KD_PROBE_MORE : KD_PROBE_NO;
    return end >= 3 ? KD_PROBE_YES : KD_PROBE_NO;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    enum kd_probe found = probe_greeting(in);
    (void)conn;
    return found != KD_PROBE_YES || dir == KD_TO_CLIENT ? found : KD_PROBE_REVERSED;
}

/* ---- errors ---- */

static const struct error {
    uint16_t code;
    uint8_t outcome;
    const char *name;
} errors[] = {
    {1040, KD_SQL_UNKNOWN, "ER_CON_COUNT_ERROR"},
    {1044, KD_SQL_SUCCESS, "ER_DBACCESS_DENIED_ERROR"}, /* the user is known by then */
    {1045, KD_SQL_FAILURE, "ER_ACCESS_DENIED_ERROR"},
    {1049, KD_SQL_SUCCESS, "ER_BAD_DB_ERROR"},
    {1129, KD_SQL_UNKNOWN, "ER_HOST_IS_BLOCKED"},
    {1130, KD_SQL_UNKNOWN, "ER_HOST_NOT_PRIVILEGED"},
    {1203, KD_SQL_SUCCESS, "ER_TOO_MANY_USER_CONNECTIONS"},
    {1226, KD_SQL_SUCCESS, "ER_USER_LIMIT_REACHED"},
    {1251, KD_SQL_FAILURE, "ER_NOT_SUPPORTED_AUTH_MODE"},
    {1698, KD_SQL_FAILURE, "ER_ACCESS_DENIED_NO_PASSWORD_ERROR"},
    {1862, KD_SQL_FAILURE, "ER_MUST_CHANGE_PASSWORD_LOGIN"},
    {3118, KD_SQL_FAILURE, "ER_ACCOUNT_HAS_BEEN_LOCKED"},
    {3159, KD_SQL_UNKNOWN, "ER_SECURE_TRANSPORT_REQUIRED"},
    {3955, KD_SQL_FAILURE, "ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK"},
    {4151, KD_SQL_FAILURE, "ER_ACCOUNT_HAS_BEEN_LOCKED"},
};

static void error(struct kd_ctx *ctx, struct kd_cur *c)
{
    struct mysql_state *st = state_of(ctx);
    uint16_t code = kd_cur_le16(c);
    struct kd_bytes message = kd_cur_rest(c);
    if (kd_bytes_at(message, 0) == '#')
        message = kd_bytes_from(message, 6);
    st->logon.error = code;
    st->logon.refusal = "other";
    for (size_t i = 0; i < KD_COUNT(errors); i++)
        if (errors[i].code == code) {
            st->logon.refusal = errors[i].name;
            st->logon.outcome = errors[i].outcome;
        }
    kd_sql_say(&st->logon, message);
    pass(ctx);
}

/* ---- messages ---- */

static void greeting(struct kd_ctx *ctx, struct kd_cur *c)
{
    struct mysql_state *st = state_of(ctx);
    uint8_t first = kd_cur_u8(c);
    if (first == ERR_PACKET) {
        error(ctx, c);
        return;
    }
    struct kd_bytes version = text(c);
    if (kd_bytes_starts(version, kd_str("5.5.5-"))) /* MariaDB, for the sake of old clients */
        version = kd_bytes_from(version, 6);
    kd_sql_set(&st->logon.version, version);
    st->phase[KD_TO_CLIENT] = LOGON;
    st->phase[KD_TO_SERVER] = RESPONSE;
}

static void plugin(struct mysql_state *st, struct kd_bytes name)
{
    st->clear = kd_bytes_eq_str(name, "mysql_clear_password") || kd_bytes_eq_str(name, "dialog");
    kd_sql_set(&st->logon.auth, st->clear ? kd_str("password") : name);
}

/* Pairs of names and values; who the client says it is. */
static void attributes(struct mysql_state *st, struct kd_bytes all)
{
    struct kd_cur c = kd_cur_of(all);
    while (kd_cur_more(&c)) {
        struct kd_bytes name = counted(&c), value = counted(&c);
        if (kd_bytes_eq_str(name, "program_name"))
            kd_sql_set(&st->logon.application, value);
        else if (kd_bytes_eq_str(name, "_client_name") && st->logon.application.n == 0)
            kd_sql_set(&st->logon.application, value);
        else if (kd_bytes_eq_str(name, "_server_host"))
            continue;
    }
}

static void response_41(struct kd_ctx *ctx, uint32_t caps, struct kd_cur *c)
{
    struct mysql_state *st = state_of(ctx);
    struct kd_bytes secret;
    (void)kd_cur_take(c, 28); /* largest packet, character set, filler */
    if ((caps & CAP_SSL) != 0 && !kd_cur_more(c) && kd_cur_ok(c)) {
        st->logon.encrypted = true;
        (void)kd_inner_begin(&st->inner, ctx, &kd_parser_tls);
        pass(ctx);
        return;
    }
    kd_sql_set(&st->logon.user, text(c));
    if (caps & CAP_LENENC)
        secret = counted(c);
    else
        secret = caps & CAP_SECURE ? kd_cur_take(c, kd_cur_u8(c)) : text(c);
    if (caps & CAP_WITH_DB)
        kd_sql_set(&st->logon.database, text(c));
    kd_sql_set(&st->logon.auth, kd_str("mysql_native_password"));
    if (caps & CAP_PLUGIN)
        plugin(st, text(c));
    if (caps & CAP_ATTRIBUTES)
        attributes(st, counted(c));
    st->logon.password = st->clear && secret.n > 0;
}

static void response(struct kd_ctx *ctx, struct kd_cur *c)
{
    struct mysql_state *st = state_of(ctx);
    st->phase[KD_TO_SERVER] = LOGON;
    if (kd_cur_left(c) < RESPONSE_MIN)
        return; /* it takes its leave: it only wanted to see the greeting */
    uint32_t caps = kd_cur_le16(c);
    if (caps & CAP_PROTOCOL_41) {
        caps |= (uint32_t)kd_cur_le16(c) << 16;
        response_41(ctx, caps, c);
    } else { /* before 4.1 */
        (void)kd_cur_take(c, 3);
        kd_sql_set(&st->logon.user, text(c));
        (void)text(c);
        kd_sql_set(&st->logon.auth, kd_str("mysql_old_password"));
        if (caps & CAP_WITH_DB)
            kd_sql_set(&st->logon.database, text(c));
    }
    st->logon.attempt = !st->logon.encrypted;
}

static void from_server(struct kd_ctx *ctx, struct kd_cur *c)
{
    struct mysql_state *st = state_of(ctx);
    switch (kd_cur_u8(c)) {
    case OK_PACKET:
        st->logon.ok = true;
        st->logon.outcome = KD_SQL_SUCCESS;
        pass(ctx);
        break;
    case ERR_PACKET:
        error(ctx, c);
        break;
    case SWITCH_PACKET:
        if (kd_cur_more(c))
            plugin(st, text(c));
        break;
    default: /* more data for the plugin */
        break;
    }
}

/* ---- the stream ---- */

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct mysql_state *st = state_of(ctx);
    (void)seen;
    if (st->phase[dir] == PASSING) {
        *ret = (struct kd_frame){.len = UINT64_MAX, .is_body = true};
        return KD_OK;
    }
    ret->len = HEAD;
    if (in.n < HEAD)
        return KD_MORE;
    uint64_t len = in.p[0] | (uint64_t)in.p[1] << 8 | (uint64_t)in.p[2] << 16;
    *ret = (struct kd_frame){.len = HEAD + len, .is_body = len > MESSAGE_MAX};
    return KD_OK;
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct mysql_state *st = state_of(ctx);
    struct kd_cur c = kd_cur_of(kd_bytes_from(msg, HEAD));
    if (dir == KD_TO_CLIENT && st->phase[dir] == GREETING)
        greeting(ctx, &c);
    else if (dir == KD_TO_CLIENT)
        from_server(ctx, &c);
    else if (st->phase[dir] == RESPONSE)
        response(ctx, &c);
    else if (st->phase[dir] == LOGON) /* what a plugin asked for */
        st->logon.password = st->logon.password || (st->clear && kd_cur_more(&c));
    return KD_OK;
}

static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    (void)last;
    kd_inner_data(&state_of(ctx)->inner, ctx, dir, piece);
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
    kd_inner_end(&state_of(ctx)->inner, ctx);
}

const struct kd_parser kd_parser_mysql = {
    .name = "mysql",
    .summary = "database logons (MySQL, MariaDB)",
    .app = KD_APP_MYSQL,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = MESSAGE_MAX + HEAD,
    .state_bytes = sizeof(struct mysql_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .resync = resync,
    .close = finish,
};
