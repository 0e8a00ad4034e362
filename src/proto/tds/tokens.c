/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a logon ([MS-TDS] 2.2.7). */
#include "proto/tds/tds.h"

enum {
    TOKEN_ERROR = 0xaa,
    TOKEN_INFO = 0xab,
    TOKEN_LOGINACK = 0xad,
    TOKEN_ENVCHANGE = 0xe3,
    TOKEN_SSPI = 0xed,
    TOKENS_MAX = 64,
    LOGIN_FAILED = 18456
};

static const struct refusal {
    uint32_t number;
    bool of_logon; /* of the account, not of what it asked for */
    const char *name;
} refusals[] = {
    {4060, false, "CANNOT_OPEN_DATABASE"},
    {4064, false, "CANNOT_OPEN_DEFAULT_DATABASE"},
    {17806, true, "SSPI_HANDSHAKE_FAILED"},
    {17836, false, "BAD_PACKET"},
    {18401, false, "UPGRADING"},
    {18451, true, "ADMINISTRATORS_ONLY"},
    {18452, true, "UNTRUSTED_DOMAIN"},
    {LOGIN_FAILED, true, "LOGIN_FAILED"},
    {18470, true, "ACCOUNT_DISABLED"},
    {18486, true, "ACCOUNT_LOCKED"},
    {18487, true, "PASSWORD_EXPIRED"},
    {18488, true, "PASSWORD_MUST_CHANGE"},
    {20014, true, "LOGIN_FAILED"},
    {4002, true, "LOGIN_FAILED"}, /* Sybase */
};

static void on_error(struct tds_state *st, struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    uint32_t number = kd_cur_le32(&c);
    (void)kd_cur_le16(&c); /* state, class */
    struct kd_bytes text = kd_cur_take(&c, 2 * (size_t)kd_cur_le16(&c));
    if (!kd_cur_ok(&c) || st->logon.refusal != NULL)
        return;
    st->logon.error = number;
    st->logon.refusal = "other";
    for (size_t i = 0; i < KD_COUNT(refusals); i++)
        if (refusals[i].number == number) {
            st->logon.refusal = refusals[i].name;
            st->logon.outcome = refusals[i].of_logon ? KD_SQL_FAILURE : KD_SQL_SUCCESS;
        }
    kd_sql_say16(&st->logon, text);
    /* The logon itself was encrypted, the refusal is not: it names the user within quotes. */
    struct kd_bytes said = kd_bytes_of(st->logon.message, st->logon.message_n);
    if (number == LOGIN_FAILED && st->logon.user.n == 0 &&
        kd_bytes_find_byte(said, '\'') != SIZE_MAX) {
        (void)kd_bytes_cut(&said, '\'');
        kd_sql_set(&st->logon.user, kd_bytes_cut(&said, '\''));
    }
}

static void on_ack(struct tds_state *st, struct kd_bytes in)
{
    struct kd_cur c = kd_cur_of(in);
    (void)kd_cur_take(&c, 5); /* interface, version of the protocol */
    (void)kd_cur_take(&c, 2 * (size_t)kd_cur_u8(&c));
    uint8_t major = kd_cur_u8(&c), minor = kd_cur_u8(&c);
    uint16_t build = kd_cur_be16(&c);
    st->logon.ok = true;
    st->logon.outcome = KD_SQL_SUCCESS;
    if (!kd_cur_ok(&c) || st->logon.version.n > 0)
        return;
    uint8_t room[24];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_fmt(&o, "%u.%u.%u", major, minor, build);
    kd_sql_set(&st->logon.version, kd_out_bytes_view(&o));
}

void tds_tokens(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct tds_state *st = tds_state_of(ctx);
    struct kd_cur c = kd_cur_of(body);
    bool more = false;
    for (unsigned n = 0; n < TOKENS_MAX && kd_cur_more(&c); n++) {
        uint8_t token = kd_cur_u8(&c);
        bool known = token == TOKEN_ERROR || token == TOKEN_INFO || token == TOKEN_LOGINACK ||
                     token == TOKEN_ENVCHANGE || token == TOKEN_SSPI;
        if (!known) /* done, or rows: no more about the logon */
            break;
        struct kd_bytes in = kd_cur_take(&c, kd_cur_le16(&c));
        if (token == TOKEN_ERROR)
            on_error(st, in);
        else if (token == TOKEN_LOGINACK)
            on_ack(st, in);
        else if (token == TOKEN_SSPI) {
            tds_sspi(ctx, in);
            more = true;
        }
    }
    if (!more)
        tds_tell(ctx);
}
