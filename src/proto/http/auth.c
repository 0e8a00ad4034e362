/* SPDX-License-Identifier: Apache-2.0 */
/* Who logs on (RFC 7616, RFC 7617, [MS-NTHT]).  Passwords and responses are never kept. */
#include "base/base64.h"
#include "proto/http/http.h"
#include "proto/ntlm/ntlm.h"

enum { SCHEME_MAX = 32, TOKEN_MAX = 6144 };

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

/* NTLM as it is, or wrapped for Negotiate: only its last message has a user. */
static void read_ntlm(struct kd_ctx *ctx, struct http_tx *tx, struct kd_bytes token)
{
    size_t at = kd_bytes_find(token, kd_bytes_of("NTLMSSP", 8));
    struct kd_ntlm m;
    if (at == SIZE_MAX || kd_ntlm_parse(kd_bytes_from(token, at), &m) != KD_OK ||
        m.type != KD_NTLM_AUTHENTICATE)
        return;
    uint8_t room[KD_NTLM_ROOM];
    struct kd_out text = kd_out_of(room, sizeof(room));
    struct kd_rec_ntlm *rec = http_tx_alloc(ctx, tx, sizeof(*rec));
    if (rec == NULL)
        return;
    kd_ntlm_describe(&m, rec, &text);
    rec->user = http_tx_keep(ctx, tx, KD_TO_SERVER, rec->user);
    rec->domain = http_tx_keep(ctx, tx, KD_TO_SERVER, rec->domain);
    rec->host = http_tx_keep(ctx, tx, KD_TO_SERVER, rec->host);
    rec->version = http_tx_keep(ctx, tx, KD_TO_SERVER, rec->version);
    rec->over = kd_str("http");
    tx->ntlm = rec;
    tx->auth = HTTP_AUTH_NTLM;
    tx->auth_user = rec->user;
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
    if (!basic && !kd_bytes_ieq(scheme, kd_str("NTLM")) &&
        !kd_bytes_ieq(scheme, kd_str("Negotiate")))
        return none;
    struct kd_base64 b = {0};
    kd_base64_add(&b, kd_bytes_head(kd_bytes_trim(value), TOKEN_MAX), clear);
    kd_base64_end(&b, clear);
    struct kd_bytes token = kd_out_bytes_view(clear);
    if (!basic) {
        read_ntlm(ctx, tx, token);
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

/* A logon attempt.  Requests repeat their credentials, so success is told once until the user
 * changes; every failure is told. */
void http_auth_emit(struct kd_ctx *ctx, const struct http_tx *tx)
{
    static const char *const methods[] = {
        [HTTP_AUTH_BASIC] = "basic", [HTTP_AUTH_DIGEST] = "digest", [HTTP_AUTH_NTLM] = "ntlm"};
    struct http_state *st = ctx->state;
    uint16_t status = tx->rec.status;
    bool failed = status == (tx->auth_proxy ? 407 : 401);
    bool passed = status >= 200 && status < 300;
    if (tx->auth == HTTP_AUTH_NONE || tx->auth == HTTP_AUTH_OTHER)
        return;
    uint64_t key = kd_hash(tx->auth_user.p, tx->auth_user.n, tx->auth + (passed ? 16u : 32u));
    if (!failed && key == st->login_key)
        return;
    st->login_key = failed ? 0 : key;
    if (tx->ntlm != NULL)
        kd_emit(ctx, KD_REC_NTLM, tx->ntlm);
    struct kd_rec_login rec = {
        .method = kd_str(methods[tx->auth]),
        .service = kd_str(tx->auth_proxy ? "http-proxy" : "http"),
        .user = tx->auth_user,
        .result = kd_str(failed   ? "failure"
                         : passed ? "success"
                                  : "unknown"),
        .reason = kd_str(failed ? (tx->auth_proxy ? "407" : "401") : ""),
    };
    if (tx->ntlm != NULL) {
        rec.domain = tx->ntlm->domain;
        rec.workstation = tx->ntlm->host;
    }
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}
