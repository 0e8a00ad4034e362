/* SPDX-License-Identifier: Apache-2.0 */
/* Logons: simple, SASL (RFC 4513) and Windows' own ([MS-ADTS] 5.1.1.1.3).  Several requests with
 * their answers may make one.  Passwords are not kept. */
#include "proto/credential/credential.h"
#include "proto/ldap/ldap.h"

enum {
    AUTH_SIMPLE = 0x80,
    AUTH_SASL = 0xa3,
    AUTH_PACKAGES = 0x89,
    AUTH_NEGOTIATE = 0x8a,
    AUTH_RESPONSE = 0x8b
};
enum { BIND_IN_PROGRESS = 14, SERVER_CREDENTIALS = 0x87, MECHANISM_MAX = 24, USER_MAX = 250 };

struct ldap_bind {
    size_t size;
    uint64_t at_us;
    uint32_t id;
    bool anonymous;
    uint16_t user_n;
    uint8_t mechanism_n;
    uint8_t user[USER_MAX];
    uint8_t mechanism[MECHANISM_MAX];
    struct kd_credential credential;
};

static struct ldap_bind *bind_of(struct kd_ctx *ctx)
{
    struct ldap_state *st = ldap_state_of(ctx);
    if (st->bind != NULL)
        return st->bind;
    size_t size = 0;
    struct ldap_bind *b = kd_pool_take(ctx->pool, sizeof(*b), &size);
    if (b == NULL)
        return NULL;
    memset(b, 0, sizeof(*b));
    b->size = size;
    b->at_us = ctx->now_us;
    kd_credential_start(&b->credential);
    st->bind = b;
    return b;
}

static void drop(struct kd_ctx *ctx)
{
    struct ldap_state *st = ldap_state_of(ctx);
    if (st->bind != NULL)
        kd_pool_give(ctx->pool, st->bind, st->bind->size);
    st->bind = NULL;
}

/* ---- requests ---- */

static void set_user(struct ldap_bind *b, struct kd_bytes user)
{
    b->user_n = (uint16_t)kd_min_size(user.n, sizeof(b->user));
    if (b->user_n > 0)
        memcpy(b->user, user.p, b->user_n);
}

static void set_mechanism(struct ldap_bind *b, struct kd_bytes name)
{
    b->mechanism_n = (uint8_t)kd_min_size(name.n, sizeof(b->mechanism));
    for (size_t i = 0; i < b->mechanism_n; i++)
        b->mechanism[i] = kd_ascii_lower(name.p[i]);
}

static struct kd_bytes digest_user(struct kd_bytes in)
{
    struct kd_bytes begin = kd_str("username=\"");
    size_t at = kd_bytes_find(in, begin);
    struct kd_bytes user =
        at == SIZE_MAX ? (struct kd_bytes){NULL, 0} : kd_bytes_from(in, at + begin.n);
    return kd_bytes_cut(&user, '"');
}

static void read_sasl(struct ldap_bind *b, struct kd_bytes in)
{
    struct kd_der d = kd_der_of(in);
    struct kd_bytes mechanism = kd_der_take(&d, KD_DER_OCTET_STRING);
    struct kd_bytes token = {NULL, 0};
    if (kd_der_more(&d))
        token = kd_der_take(&d, KD_DER_OCTET_STRING);
    set_mechanism(b, mechanism);
    if (kd_bytes_ieq(mechanism, kd_str("PLAIN"))) {
        (void)kd_bytes_cut(&token, 0); /* whom to act as */
        set_user(b, kd_bytes_cut(&token, 0));
    } else if (kd_bytes_ieq(mechanism, kd_str("DIGEST-MD5"))) {
        if (b->user_n == 0)
            set_user(b, digest_user(token));
    } else if (kd_bytes_ieq(mechanism, kd_str("CRAM-MD5"))) {
        if (b->user_n == 0)
            set_user(b, kd_bytes_cut(&token, ' '));
    } else if (kd_bytes_istarts(mechanism, kd_str("GSS")) ||
               kd_bytes_ieq(mechanism, kd_str("NTLM"))) {
        kd_credential_token(&b->credential, token);
    }
}

void ldap_bind_request(struct kd_ctx *ctx, const struct ldap_head *h, struct kd_der *d)
{
    struct ldap_bind *b = bind_of(ctx);
    struct kd_tlv how;
    if (b == NULL)
        return;
    b->id = h->id;
    (void)kd_der_i32(d, KD_DER_INTEGER);
    struct kd_bytes name = kd_der_take(d, KD_DER_OCTET_STRING);
    if (!kd_der_next(d, &how)) {
        ldap_odd(ctx, LDAP_ODD_BODY);
        return;
    }
    switch (how.tag) {
    case AUTH_SIMPLE:
        b->anonymous = how.value.n == 0; /* with a name, too: "unauthenticated" (RFC 4513 5.1.2) */
        set_mechanism(b, kd_str(b->anonymous ? "anonymous" : "simple"));
        set_user(b, name);
        break;
    case AUTH_SASL:
        read_sasl(b, how.value);
        break;
    case AUTH_NEGOTIATE:
    case AUTH_RESPONSE:
        set_mechanism(b, kd_str("sicily"));
        kd_credential_token(&b->credential, how.value);
        break;
    case AUTH_PACKAGES:
    default:
        break;
    }
    if (b->credential.broken)
        ldap_odd(ctx, LDAP_ODD_TOKEN);
}

/* ---- answers ---- */

/* Windows tells why in words: "… AcceptSecurityContext error, data 52e, v4563" ([MS-ERREF] 2.2). */
static const char *windows_reason(struct kd_bytes diagnostic)
{
    static const struct {
        const char *code, *name;
    } reasons[] = {
        {"525", "STATUS_NO_SUCH_USER"},         {"52e", "STATUS_LOGON_FAILURE"},
        {"530", "STATUS_INVALID_LOGON_HOURS"},  {"531", "STATUS_INVALID_WORKSTATION"},
        {"532", "STATUS_PASSWORD_EXPIRED"},     {"533", "STATUS_ACCOUNT_DISABLED"},
        {"568", "STATUS_TOO_MANY_CONTEXT_IDS"}, {"701", "STATUS_ACCOUNT_EXPIRED"},
        {"773", "STATUS_PASSWORD_MUST_CHANGE"}, {"775", "STATUS_ACCOUNT_LOCKED_OUT"},
    };
    size_t at = kd_bytes_find(diagnostic, kd_str(", data "));
    if (at == SIZE_MAX)
        return NULL;
    struct kd_bytes code = kd_bytes_head(kd_bytes_from(diagnostic, at + 7), 3);
    for (size_t i = 0; i < KD_COUNT(reasons); i++)
        if (kd_bytes_ieq(code, kd_str(reasons[i].code)))
            return reasons[i].name;
    return NULL;
}

static void fill_login(const struct ldap_bind *b, struct kd_rec_login *rec)
{
    rec->method = kd_bytes_of(b->mechanism, b->mechanism_n);
    rec->service = kd_str("ldap");
    rec->user = kd_bytes_of(b->user, b->user_n);
    kd_credential_login(&b->credential, rec);
}

/* Whose session it is from now on. */
static void remember(struct ldap_state *st, const struct kd_rec_login *login)
{
    st->user_n = (uint8_t)kd_min_size(login->user.n, sizeof(st->user));
    if (st->user_n > 0)
        memcpy(st->user, login->user.p, st->user_n);
    st->auth_n = (uint8_t)kd_min_size(login->method.n, sizeof(st->auth));
    if (st->auth_n > 0)
        memcpy(st->auth, login->method.p, st->auth_n);
}

/* NULL: no answer was seen. */
static void finish(struct kd_ctx *ctx, const struct ldap_result *r)
{
    struct ldap_state *st = ldap_state_of(ctx);
    struct ldap_bind *b = st->bind;
    struct kd_rec_login login = {0};
    fill_login(b, &login);
    struct kd_rec_ldap rec = {
        .message_id = b->id,
        .operation = kd_str("bind"),
        .user = login.user,
        .auth = login.method,
    };
    login.result = kd_str(r == NULL ? "unknown" : r->code == 0 ? "success" : "failure");
    if (r != NULL) {
        rec.result = kd_str(ldap_result_name(r->code));
        rec.result_code = r->code;
        rec.diagnostic = r->diagnostic;
        rec.latency_us = ctx->now_us > b->at_us ? ctx->now_us - b->at_us : 0;
        const char *why = r->code == 0 ? NULL : windows_reason(r->diagnostic);
        if (r->code != 0)
            login.reason = why != NULL ? kd_str(why) : rec.result;
    }
    kd_emit(ctx, KD_REC_LDAP, &rec);
    kd_credential_emit(ctx, &b->credential, "ldap");
    kd_emit(ctx, KD_REC_LOGIN, &login);
    if (r != NULL && r->code == 0)
        remember(st, &login);
    drop(ctx);
}

void ldap_bind_answer(struct kd_ctx *ctx, struct kd_der *d)
{
    struct ldap_bind *b = ldap_state_of(ctx)->bind;
    struct ldap_result r = ldap_read_result(d);
    if (!kd_der_ok(d))
        ldap_odd(ctx, LDAP_ODD_BODY);
    if (b == NULL || !kd_der_ok(d))
        return;
    struct kd_tlv tlv;
    while (kd_der_next(d, &tlv))
        if (tlv.tag == SERVER_CREDENTIALS)
            kd_credential_token(&b->credential, tlv.value);
    bool sicily = kd_bytes_eq_str(kd_bytes_of(b->mechanism, b->mechanism_n), "sicily");
    if (sicily && kd_ntlm_is(r.matched)) { /* the challenge stands in the place of the name */
        kd_credential_token(&b->credential, r.matched);
        return;
    }
    if (b->mechanism_n > 0 && r.code != BIND_IN_PROGRESS)
        finish(ctx, &r);
}

void ldap_bind_close(struct kd_ctx *ctx)
{
    const struct ldap_bind *b = ldap_state_of(ctx)->bind;
    if (b != NULL && b->mechanism_n > 0)
        finish(ctx, NULL);
    drop(ctx);
}
