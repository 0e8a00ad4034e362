/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/tds/tds.h"

enum { LOGIN7_FIXED = 36, OPTION2 = 25, INTEGRATED = 0x80, SSPI_AT = 78 };

/* Places of fields in the logon of TDS 4.2 and 5.0: texts of 30 bytes and a length behind. */
enum { OLD_HOST = 0, OLD_USER = 31, OLD_PASSWORD = 62, OLD_APPLICATION = 140, OLD_TEXT = 30 };

/* A text by its offset and length in characters. */
static struct kd_bytes part(struct kd_bytes body, struct kd_cur *c, size_t unit)
{
    size_t offset = kd_cur_le16(c), n = kd_cur_le16(c);
    return kd_bytes_head(kd_bytes_from(body, offset), n * unit);
}

/* [MS-TDS] 2.2.6.4. */
static void login7(struct kd_ctx *ctx, struct kd_bytes body)
{
    struct tds_state *st = tds_state_of(ctx);
    struct kd_cur c = kd_cur_of(body);
    (void)kd_cur_take(&c, LOGIN7_FIXED);
    kd_sql_set16(&st->logon.client_name, part(body, &c, 2));
    kd_sql_set16(&st->logon.user, part(body, &c, 2));
    struct kd_bytes password = part(body, &c, 2); /* not hidden, only turned: 2.2.6.4 */
    kd_sql_set16(&st->logon.application, part(body, &c, 2));
    (void)part(body, &c, 2); /* server */
    (void)part(body, &c, 2); /* extensions */
    (void)part(body, &c, 2); /* library */
    (void)part(body, &c, 2); /* language */
    kd_sql_set16(&st->logon.database, part(body, &c, 2));
    c = kd_cur_of(kd_bytes_from(body, SSPI_AT));
    struct kd_bytes token = part(body, &c, 1);
    bool windows = (kd_bytes_at(body, OPTION2) & INTEGRATED) != 0;
    st->logon.password = password.n > 0 && !windows;
    kd_sql_set(&st->logon.auth, kd_str(windows ? "windows" : "password"));
    if (windows)
        tds_sspi(ctx, token);
}

static struct kd_bytes old_text(struct kd_bytes body, size_t at)
{
    size_t n = kd_min_size(kd_bytes_at(body, at + OLD_TEXT), OLD_TEXT);
    return kd_bytes_head(kd_bytes_from(body, at), n);
}

void tds_login(struct kd_ctx *ctx, struct kd_bytes body, bool old)
{
    struct tds_state *st = tds_state_of(ctx);
    st->logon.attempt = true;
    if (!old) {
        login7(ctx, body);
        return;
    }
    kd_sql_set(&st->logon.client_name, old_text(body, OLD_HOST));
    kd_sql_set(&st->logon.user, old_text(body, OLD_USER));
    kd_sql_set(&st->logon.application, old_text(body, OLD_APPLICATION));
    st->logon.password = old_text(body, OLD_PASSWORD).n > 0;
    kd_sql_set(&st->logon.auth, kd_str("password"));
}

void tds_sspi(struct kd_ctx *ctx, struct kd_bytes token)
{
    struct tds_state *st = tds_state_of(ctx);
    if (st->logon.told || token.n == 0)
        return;
    if (st->windows == NULL) {
        size_t size = 0;
        st->windows = kd_pool_take(ctx->pool, sizeof(*st->windows), &size);
        if (st->windows == NULL)
            return;
        st->windows->size = size;
        kd_credential_start(&st->windows->credential);
    }
    kd_credential_token(&st->windows->credential, token);
}

void tds_tell(struct kd_ctx *ctx)
{
    struct tds_state *st = tds_state_of(ctx);
    struct kd_rec_login names = {0};
    if (st->windows != NULL) {
        kd_credential_login(&st->windows->credential, &names);
        if (st->logon.user.n == 0)
            kd_sql_set(&st->logon.user, names.user);
        if (names.method.n > 0)
            kd_sql_set(&st->logon.auth, names.method);
        st->logon.domain = names.domain;
    }
    kd_sql_tell(ctx, &st->logon);
    st->logon.domain = (struct kd_bytes){NULL, 0};
    if (st->windows == NULL)
        return;
    kd_credential_emit(ctx, &st->windows->credential, "tds");
    kd_pool_give(ctx->pool, st->windows, st->windows->size);
    st->windows = NULL;
}
