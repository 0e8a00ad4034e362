/* SPDX-License-Identifier: Apache-2.0 */
/* Who calls ([MS-RPCE] 2.2.1.1.7): tokens of NTLM, SPNEGO, Kerberos and Netlogon within binds. */
#include "proto/dcerpc/dce.h"
#include "proto/krb5/krb5_msg.h"
#include "proto/ntlm/ntlm.h"
#include "proto/spnego/spnego.h"

enum { CHALLENGE_MAX = 1024, NETLOGON_DOMAIN = 1, NETLOGON_COMPUTER = 2 };

struct kd_bytes dce_auth_name(const struct kd_dcerpc *d)
{
    switch (d->auth_type) {
    case DCE_AUTH_SPNEGO:
        return kd_str("negotiate");
    case DCE_AUTH_NTLM:
        return kd_str("ntlm");
    case DCE_AUTH_KERBEROS:
        return kd_str("kerberos");
    case DCE_AUTH_NETLOGON:
        return kd_str("netlogon");
    case DCE_AUTH_SCHANNEL:
        return kd_str("schannel");
    default:
        return kd_str("");
    }
}

struct kd_bytes dce_level_name(uint8_t level)
{
    static const char *const names[] = {"",       "none",      "connect", "call",
                                        "packet", "integrity", "privacy"};
    return kd_str(level < KD_COUNT(names) ? names[level] : "");
}

static bool is_tcp(const struct kd_dcerpc *d)
{
    return strcmp(d->over, "tcp") == 0;
}

/* ---- NTLM ---- */

/* The server's message is kept: its names belong to the record of the client's answer. */
static void on_challenge(struct kd_dcerpc *d, struct kd_bytes token)
{
    if (d->challenge.n == 0 && token.n <= CHALLENGE_MAX)
        d->challenge = kd_arena_copy(&d->mem, token, CHALLENGE_MAX);
}

static void on_ntlm(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct kd_bytes token)
{
    struct kd_ntlm m, challenge;
    if (kd_ntlm_parse(token, &m) != KD_OK) {
        dce_odd(ctx, d, DCE_ODD_TOKEN);
        return;
    }
    if (m.type == KD_NTLM_CHALLENGE)
        on_challenge(d, token);
    if (m.type != KD_NTLM_AUTHENTICATE)
        return;
    uint8_t room[KD_NTLM_ROOM];
    struct kd_out text = kd_out_of(room, sizeof(room));
    struct kd_rec_ntlm rec = {.over = kd_str("dcerpc")};
    if (d->challenge.n > 0 && kd_ntlm_parse(d->challenge, &challenge) == KD_OK)
        kd_ntlm_describe(&challenge, &rec, &text);
    kd_ntlm_describe(&m, &rec, &text);
    kd_emit(ctx, KD_REC_NTLM, &rec);
    d->logon.user = kd_arena_copy(&d->mem, rec.user, DCE_NAME_MAX);
    d->logon.domain = kd_arena_copy(&d->mem, rec.domain, DCE_NAME_MAX);
    d->logon.host = kd_arena_copy(&d->mem, rec.host, DCE_NAME_MAX);
    d->logon_kerberos = false;
    d->logon_anonymous = m.anonymous;
    d->logon_pending = true;
}

/* ---- Kerberos ---- */

static void on_ticket(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct kd_krb5 *m)
{
    char room[KD_KRB5_NUMBER_ROOM], name[KD_KRB5_NAME_MAX];
    struct kd_out o = kd_out_of(name, sizeof(name));
    kd_krb5_out_name(&o, m->sname);
    struct kd_rec_krb5 rec = {
        .msg_type = kd_str(kd_krb5_type_name(KD_KRB5_AP_REQ)),
        .request_type = kd_str("AP"),
        .realm = m->realm,
        .sname = kd_out_bytes_view(&o),
        .ticket_encryption = kd_krb5_etype_name(m->ticket_etype, room),
        .weak_encryption = kd_krb5_is_weak(m->ticket_etype),
    };
    kd_emit(ctx, KD_REC_KRB5, &rec);
    d->logon.user = d->logon.host = (struct kd_bytes){NULL, 0};
    d->logon.domain = kd_arena_copy(&d->mem, m->realm, DCE_NAME_MAX);
    d->logon_kerberos = true;
    d->logon_anonymous = false;
    d->logon_pending = true;
}

static void on_kerberos(const struct kd_ctx *ctx, struct kd_dcerpc *d, struct kd_bytes token)
{
    char room[KD_KRB5_NUMBER_ROOM];
    struct kd_krb5 m;
    enum kd_status s = kd_krb5_parse(token, &m);
    if (s == KD_MALFORMED)
        dce_odd(ctx, d, DCE_ODD_TOKEN);
    if (s != KD_OK)
        return;
    if (m.type == KD_KRB5_AP_REQ)
        on_ticket(ctx, d, &m);
    else if (m.type == KD_KRB5_AP_REP)
        dce_auth_result(ctx, d, "success", kd_str(""));
    else if (m.type == KD_KRB5_ERROR)
        dce_auth_result(ctx, d, "failure", kd_krb5_error_name(m.error, room));
}

/* ---- Netlogon ([MS-NRPC] 2.2.1.3.1): the names of a computer's own channel ---- */

static void on_netlogon(struct kd_dcerpc *d, const struct dce_pdu *pdu)
{
    struct kd_cur c = kd_cur_of(pdu->token);
    uint32_t type = kd_cur_le32(&c);
    uint32_t flags = kd_cur_le32(&c);
    struct kd_bytes rest = kd_cur_rest(&c);
    if (type != 0)
        return;
    if (flags & NETLOGON_DOMAIN)
        d->logon.domain = kd_arena_copy(&d->mem, kd_bytes_cut(&rest, 0), DCE_NAME_MAX);
    if (flags & NETLOGON_COMPUTER)
        d->logon.user = kd_arena_copy(&d->mem, kd_bytes_cut(&rest, 0), DCE_NAME_MAX);
}

/* ---- both ---- */

static void on_token(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_pdu *pdu)
{
    struct kd_spnego t = {0};
    if (kd_spnego_parse(pdu->token, &t) != KD_OK) {
        if (pdu->auth_type == DCE_AUTH_KERBEROS)
            on_kerberos(ctx, d, pdu->token);
        else
            dce_odd(ctx, d, DCE_ODD_TOKEN);
        return;
    }
    if (t.mech == KD_MECH_NTLM && t.token.n > 0)
        on_ntlm(ctx, d, t.token);
    else if (t.mech == KD_MECH_KERBEROS && t.token.n > 0)
        on_kerberos(ctx, d, t.token);
    if (t.state == KD_SPNEGO_COMPLETED)
        dce_auth_result(ctx, d, "success", kd_str(""));
    else if (t.state == KD_SPNEGO_REJECT)
        dce_auth_result(ctx, d, "failure", kd_str("rejected"));
}

static bool has_token(const struct dce_pdu *pdu)
{
    return pdu->token.n > 0 &&
           (pdu->auth_type == DCE_AUTH_SPNEGO || pdu->auth_type == DCE_AUTH_NTLM ||
            pdu->auth_type == DCE_AUTH_KERBEROS);
}

void dce_auth_bind(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_pdu *pdu)
{
    if (pdu->auth_type == 0)
        return;
    d->auth_type = pdu->auth_type;
    d->auth_level = pdu->auth_level;
    if (pdu->auth_type == DCE_AUTH_NETLOGON)
        on_netlogon(d, pdu);
    if (has_token(pdu))
        on_token(ctx, d, pdu);
}

void dce_auth_ack(const struct kd_ctx *ctx, struct kd_dcerpc *d, const struct dce_pdu *pdu)
{
    if (has_token(pdu))
        on_token(ctx, d, pdu);
}

/* Within a pipe the carrier has told of the logon; a second one there is the same user's. */
void dce_auth_result(const struct kd_ctx *ctx, struct kd_dcerpc *d, const char *result,
                     struct kd_bytes reason)
{
    if (!d->logon_pending)
        return;
    d->logon_pending = false;
    if (!is_tcp(d))
        return;
    struct kd_rec_login rec = {
        .method = kd_str(d->logon_kerberos    ? "kerberos"
                         : d->logon_anonymous ? "anonymous"
                                              : "ntlm"),
        .service = kd_str("dcerpc"),
        .user = d->logon.user,
        .domain = d->logon.domain,
        .workstation = d->logon.host,
        .result = kd_str(result),
        .reason = reason,
    };
    kd_emit(ctx, KD_REC_LOGIN, &rec);
}

/* Windows tells a wrong password only with the first call: a fault without a signature, as there is
 * no key.  A signed fault comes from behind the logon.  Other faults say nothing of it. */
void dce_auth_fault(const struct kd_ctx *ctx, struct kd_dcerpc *d, uint32_t status, bool is_signed)
{
    enum { ACCESS_DENIED = 0x5, SEC_PKG_ERROR = 0x721 };
    char room[DCE_STATUS_ROOM];
    if (is_signed)
        dce_auth_result(ctx, d, "success", kd_str(""));
    else if (status == ACCESS_DENIED || status == SEC_PKG_ERROR)
        dce_auth_result(ctx, d, "failure", dce_fault_name(status, room));
}
