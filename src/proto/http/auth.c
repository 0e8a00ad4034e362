/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs on (RFC 7616, RFC 7617, [MS-NTHT]).  Passwords and responses are never kept. */
#include "base/base64.h"
#include "proto/http/http.h"

enum { SCHEME_MAX = 32, TOKEN_MAX = 16384, CHALLENGE_MAX = 2048 };

/* name="value" within the parameters of Digest. */
static struct kd_bytes digest_user(struct kd_bytes params)
{
    while (params.n > 0) {
        params = kd_bytes_trim(params);
        if (kd_bytes_istarts(params, kd_str("username=\""))) {
            struct kd_bytes user = kd_bytes_from(params, strlen("username=\""));
            return kd_bytes_cut(&user, '"');
        }
        (void)kd_bytes_cut(&params, ',');
    }
    return params;
}

/* NTLM, Kerberos, or either wrapped for Negotiate.  Only a token that shows a user or a ticket is a
 * logon; the server's challenge before it tells its names. */
static void read_windows(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes token)
{
    const struct http_state *st = ctx->state;
    struct kd_credential *c = http_tx_alloc(ctx, tx, sizeof(*c));
    if (c == NULL)
        return;
    kd_credential_start(c);
    kd_credential_token(c, kd_bytes_of(st->challenge, st->challenge_n));
    kd_credential_token(c, token);
    if (!kd_credential_complete(c))
        return;
    tx->credential = c;
    tx->auth = HTTP_AUTH_WINDOWS;
    tx->auth_user = c->ntlm.user;
}

static bool is_windows(struct kd_bytes scheme)
{
    return kd_bytes_ieq(scheme, kd_str("NTLM")) || kd_bytes_ieq(scheme, kd_str("Negotiate")) ||
           kd_bytes_ieq(scheme, kd_str("Kerberos"));
}

static struct kd_bytes read_user(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes scheme,
                                 struct kd_bytes value, struct kd_out *clear)
{
    struct kd_bytes none = {NULL, 0};
    if (kd_bytes_ieq(scheme, kd_str("Digest"))) {
        tx->auth = HTTP_AUTH_DIGEST;
        return digest_user(value);
    }
    bool basic = kd_bytes_ieq(scheme, kd_str("Basic"));
    if (!basic && !is_windows(scheme))
        return none;
    struct kd_base64 b = {0};
    kd_base64_add(&b, kd_bytes_head(kd_bytes_trim(value), TOKEN_MAX), clear);
    kd_base64_end(&b, clear);
    struct kd_bytes token = kd_out_bytes_view(clear);
    if (!basic) {
        read_windows(ctx, tx, token);
        return none;
    }
    tx->auth = HTTP_AUTH_BASIC;
    size_t colon = kd_bytes_find_byte(token, ':');
    return colon == SIZE_MAX ? none : kd_bytes_head(token, colon);
}

void http_auth_field(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes value, bool proxy)
{
    uint8_t clear[TOKEN_MAX];
    struct kd_out o = kd_out_of(clear, sizeof(clear));
    uint8_t room[SCHEME_MAX + 1 + HTTP_USER_MAX];
    struct kd_out text = kd_out_of(room, sizeof(room));
    if (tx->auth != HTTP_AUTH_NONE)
        return;
    struct kd_bytes scheme = kd_bytes_head(kd_bytes_cut(&value, ' '), SCHEME_MAX);
    if (!proxy && !kd_bytes_ieq(scheme, kd_str("Basic")) && !kd_bytes_ieq(scheme, kd_str("Digest")) &&
        !kd_bytes_ieq(scheme, kd_str("Bearer")))
        http_event(ctx, KD_TO_SERVER, HTTP_EV_AUTH, 0);
    if (value.n == 0)
        return; /* no scheme: it may be the secret itself */
    tx->auth = HTTP_AUTH_OTHER;
    tx->auth_proxy = proxy;
    struct kd_bytes user = kd_bytes_head(read_user(ctx, tx, scheme, value, &o), HTTP_USER_MAX);
    kd_out_bytes(&text, scheme);
    if (user.n > 0)
        kd_out_u8(&text, ' ');
    kd_out_bytes(&text, user);
    tx->rec.authorization = http_tx_keep(ctx, tx, KD_TO_SERVER, kd_out_bytes_view(&text));
    if (user.n > 0)
        tx->auth_user = kd_bytes_from(tx->rec.authorization, scheme.n + 1);
}

/* WWW-Authenticate: NTLM's challenge is kept for the answer in the next request. */
void http_auth_challenge(struct kd_ctx *ctx, struct kd_bytes value)
{
    struct http_state *st = ctx->state;
    struct kd_bytes scheme = kd_bytes_head(kd_bytes_cut(&value, ' '), SCHEME_MAX);
    uint8_t clear[CHALLENGE_MAX];
    struct kd_out o = kd_out_of(clear, sizeof(clear));
    if (!is_windows(scheme) || value.n == 0 ||
        !kd_base64_decode(kd_bytes_head(kd_bytes_trim(value), CHALLENGE_MAX), &o) ||
        kd_bytes_find(kd_out_bytes_view(&o), kd_bytes_of("NTLMSSP", 8)) == SIZE_MAX)
        return;
    http_auth_close(ctx);
    st->challenge = kd_pool_take(ctx->pool, o.n, &st->challenge_size);
    if (st->challenge == NULL)
        return;
    memcpy(st->challenge, o.p, o.n);
    st->challenge_n = o.n;
}

void http_auth_close(struct kd_ctx *ctx)
{
    struct http_state *st = ctx->state;
    kd_pool_give(ctx->pool, st->challenge, st->challenge_size);
    st->challenge = NULL;
    st->challenge_n = 0;
}

/* A logon attempt.  Requests repeat their credentials, so success is told once until the user
 * changes; every failure is told. */
void http_auth_emit(struct kd_ctx *ctx, const struct http_tx *tx)
{
    struct http_state *st = ctx->state;
    uint16_t status = tx->rec.status;
    bool failed = status == (tx->auth_proxy ? 407 : 401);
    bool passed = status >= 200 && status < 300;
    if (tx->auth == HTTP_AUTH_NONE || tx->auth == HTTP_AUTH_OTHER)
        return;
    struct kd_bytes who = tx->auth_user.n > 0 || tx->credential == NULL
                              ? tx->auth_user
                              : kd_out_bytes_view(&tx->credential->sname);
    uint64_t key = kd_hash(who.p, who.n, tx->auth + (passed ? 16u : 32u));
    if (!failed && key == st->login_key)
        return;
    st->login_key = failed ? 0 : key;
    if (tx->credential != NULL)
        kd_credential_emit(ctx, tx->credential, "http");
    struct kd_rec_login rec = {
        .method = kd_str(tx->auth == HTTP_AUTH_BASIC ? "basic" : "digest"),
        .service = kd_str(tx->auth_proxy ? "http-proxy" : "http"),
        .user = tx->auth_user,
        .result = kd_str(failed   ? "failure"
                         : passed ? "success"
                                  : "unknown"),
        .reason = kd_str(failed ? (tx->auth_proxy ? "407" : "401") : ""),
    };
    if (tx->credential != NULL)
        kd_credential_login(tx->credential, &rec);
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}
