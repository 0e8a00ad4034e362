/* SPDX-License-Identifier: Apache-2.0 */
/* Logons at Microsoft SQL Server, and at Sybase ([MS-TDS]): packets of at most 64 KiB, several of
 * which may make a message. */
#include "proto/tds/tds.h"

enum { PORT = 1433, END_OF_MESSAGE = 1, PACKET_MAX = 65535, PACKET_MIN = 512, TLS_HEAD = 5 };
enum { OPTION_VERSION = 0, OPTION_END = 0xff };
enum { LOGIN7_MIN = 86, FIRST_PROBE = 17, OLD_PROBE = 101 };
enum { TLS_CHANGE = 20, TLS_DATA = 23 };

extern const struct kd_parser kd_parser_tls;

/* ---- recognition ---- */

/* A table of options, the version first, each within the packet ([MS-TDS] 2.2.6.5). */
static bool is_prelogin(struct kd_cur *c, size_t len)
{
    uint8_t option = kd_cur_u8(c);
    uint16_t at = kd_cur_be16(c), n = kd_cur_be16(c);
    return option == OPTION_VERSION && at >= 6 && n == 6 && TDS_HEAD + (size_t)at + n <= len;
}

static bool is_login(struct kd_cur *c, size_t len)
{
    uint32_t size = kd_cur_le32(c), version = kd_cur_le32(c);
    return size >= LOGIN7_MIN && size <= TDS_LOGIN_MAX && size + TDS_HEAD >= len &&
           version >> 28 == 7;
}

/* Host, user and password: 30 bytes and a length each. */
static bool is_old_login(struct kd_cur *c, size_t len)
{
    uint8_t longest = 0, user = 0;
    for (unsigned i = 0; i < 3; i++) {
        (void)kd_cur_take(c, 30);
        uint8_t n = kd_cur_u8(c);
        longest = n > longest ? n : longest;
        user = i == 1 ? n : user;
    }
    return len >= PACKET_MIN && len <= 1024 && longest <= 30 && user > 0;
}

static enum kd_probe probe(struct kd_bytes in, enum kd_dir dir, const struct kd_conn *conn)
{
    struct kd_cur c = kd_cur_of(in);
    uint8_t type = kd_cur_u8(&c), status = kd_cur_u8(&c);
    (void)conn;
    bool mine = type == TDS_PRELOGIN || type == TDS_LOGIN7 || type == TDS_LOGIN_OLD;
    if (in.n > 0 && (!mine || status > END_OF_MESSAGE))
        return KD_PROBE_NO;
    size_t len = kd_cur_be16(&c);
    bool quiet = kd_cur_be16(&c) == 0; /* process */
    uint8_t number = kd_cur_u8(&c), window = kd_cur_u8(&c);
    if (kd_cur_ok(&c) && (!quiet || number > 2 || window != 0))
        return KD_PROBE_NO;
    if (in.n < (type == TDS_LOGIN_OLD ? OLD_PROBE : FIRST_PROBE))
        return KD_PROBE_MORE;
    bool good = type == TDS_PRELOGIN ? is_prelogin(&c, len)
                : type == TDS_LOGIN7 ? is_login(&c, len)
                                     : is_old_login(&c, len);
    if (!good)
        return KD_PROBE_NO;
    return dir == KD_TO_SERVER ? KD_PROBE_YES : KD_PROBE_REVERSED;
}

/* ---- messages ---- */

static void version_text(struct tds_state *st, struct kd_bytes v)
{
    uint8_t room[24];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_fmt(&o, "%u.%u.%u", kd_bytes_at(v, 0), kd_bytes_at(v, 1),
               kd_bytes_at(v, 2) * 256u + kd_bytes_at(v, 3));
    if (v.n >= 4)
        kd_sql_set(&st->logon.version, kd_out_bytes_view(&o));
}

/* The server's side of the beginning: its version. */
static void prelogin_answer(struct tds_state *st, struct kd_bytes body)
{
    struct kd_cur c = kd_cur_of(body);
    for (unsigned i = 0; i < 16 && kd_cur_more(&c); i++) {
        uint8_t option = kd_cur_u8(&c);
        if (option == OPTION_END)
            return;
        size_t at = kd_cur_be16(&c), n = kd_cur_be16(&c);
        if (option == OPTION_VERSION)
            version_text(st, kd_bytes_head(kd_bytes_from(body, at), n));
    }
}

/* TLS' beginning travels within packets of the beginning ([MS-TDS] 2.2.6.5, 3.2.5.1). */
static bool is_tls(struct kd_bytes body)
{
    return kd_bytes_at(body, 0) >= TLS_CHANGE && kd_bytes_at(body, 0) <= TLS_DATA &&
           kd_bytes_at(body, 1) == 3;
}

static void prelogin(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes body)
{
    struct tds_state *st = tds_state_of(ctx);
    if (st->tls_seen || is_tls(body)) {
        if (!st->tls_seen)
            (void)kd_inner_begin(&st->tls, ctx, &kd_parser_tls);
        st->tls_seen = true;
        kd_inner_data(&st->tls, ctx, dir, body);
    } else if (dir == KD_TO_CLIENT) {
        prelogin_answer(st, body);
    }
}

/* A logon fills one packet as a rule; of several the last completes it. */
static void login_packet(struct kd_ctx *ctx, uint8_t type, bool last, struct kd_bytes body)
{
    struct tds_state *st = tds_state_of(ctx);
    if (st->logon.told)
        return;
    bool whole = last && st->login.n == 0;
    if (!whole && !kd_buf_add(&st->login, ctx->pool, body, TDS_LOGIN_MAX))
        last = true;
    if (!last)
        return;
    tds_login(ctx, whole ? body : kd_buf_view(&st->login), type == TDS_LOGIN_OLD);
    kd_buf_done(&st->login, ctx->pool);
}

static enum kd_status message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    struct tds_state *st = tds_state_of(ctx);
    uint8_t type = kd_bytes_at(msg, 0);
    bool last = (kd_bytes_at(msg, 1) & END_OF_MESSAGE) != 0;
    struct kd_bytes body = kd_bytes_from(msg, TDS_HEAD);
    bool first = dir == KD_TO_CLIENT || st->going_on != type;
    if (dir == KD_TO_SERVER)
        st->going_on = last ? 0 : type;
    if (type == TDS_PRELOGIN || (dir == KD_TO_CLIENT && !st->logon.attempt && !st->answered))
        prelogin(ctx, dir, body);
    else if (type == TDS_LOGIN7 || type == TDS_LOGIN_OLD)
        login_packet(ctx, type, last, body);
    else if (type == TDS_SSPI && dir == KD_TO_SERVER)
        tds_sspi(ctx, body);
    else if (dir == KD_TO_CLIENT && !st->logon.told)
        tds_tokens(ctx, body);
    else if (dir == KD_TO_SERVER && first && (type == TDS_BATCH || type == TDS_RPC))
        tds_batch(ctx, type, body);
    if (dir == KD_TO_CLIENT)
        st->answered = true;
    return KD_OK;
}

/* ---- the stream ---- */

static bool is_wanted(const struct tds_state *st, enum kd_dir dir, uint8_t type)
{
    if (dir == KD_TO_CLIENT)
        return !st->logon.told;
    return type == TDS_PRELOGIN || type == TDS_LOGIN7 || type == TDS_LOGIN_OLD ||
           type == TDS_SSPI || type == TDS_BATCH || type == TDS_RPC;
}

static enum kd_status frame(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes in, size_t seen,
                            struct kd_frame *ret)
{
    const struct tds_state *st = tds_state_of(ctx);
    (void)seen;
    ret->len = TLS_HEAD;
    if (in.n < TLS_HEAD)
        return KD_MORE;
    struct kd_cur c = kd_cur_of(in);
    uint8_t type = kd_cur_u8(&c), second = kd_cur_u8(&c);
    if (st->tls_seen && type >= TLS_CHANGE && type <= TLS_DATA && second == 3) {
        (void)kd_cur_u8(&c);
        *ret = (struct kd_frame){.len = TLS_HEAD + (uint64_t)kd_cur_be16(&c), .is_body = true};
        return KD_OK;
    }
    uint64_t len = kd_cur_be16(&c);
    if (len < TDS_HEAD || type == 0 || type > TDS_PRELOGIN)
        return KD_MALFORMED;
    *ret = (struct kd_frame){.len = len, .is_body = !is_wanted(st, dir, type)};
    return KD_OK;
}

/* Bodies: what is encrypted, and packets nobody reads. */
static enum kd_status body(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes piece, bool last)
{
    struct tds_state *st = tds_state_of(ctx);
    (void)last;
    if (st->tls_seen && dir == KD_TO_SERVER && piece.n > 0 && !st->logon.attempt)
        st->logon.attempt = st->logon.encrypted = true; /* the logon is within */
    return KD_OK;
}

static void gap(struct kd_ctx *ctx, enum kd_dir dir, uint64_t n)
{
    struct tds_state *st = tds_state_of(ctx);
    (void)n;
    if (dir == KD_TO_SERVER)
        st->going_on = 0;
    kd_buf_done(&st->login, ctx->pool);
    tds_tell(ctx);
}

static void finish(struct kd_ctx *ctx)
{
    struct tds_state *st = tds_state_of(ctx);
    kd_buf_done(&st->login, ctx->pool);
    tds_tell(ctx);
    kd_inner_end(&st->tls, ctx);
}

const struct kd_parser kd_parser_tds = {
    .name = "tds",
    .summary = "database logons (SQL Server)",
    .app = KD_APP_MSSQL,
    .over = KD_OVER_TCP,
    .ports = (const uint16_t[]){PORT, 0},
    .max_message = PACKET_MAX,
    .state_bytes = sizeof(struct tds_state),
    .probe = probe,
    .frame = frame,
    .message = message,
    .body = body,
    .gap = gap,
    .close = finish,
};
