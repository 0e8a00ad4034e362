/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/credential/credential.h"

#include "proto/spnego/spnego.h"

void kd_credential_start(struct kd_credential *c)
{
    *c = (struct kd_credential){0};
    c->ntlm_text = kd_out_of(c->ntlm_room, sizeof(c->ntlm_room));
    c->realm = kd_out_of(c->realm_room, sizeof(c->realm_room));
    c->sname = kd_out_of(c->sname_room, sizeof(c->sname_room));
}

static void read_ntlm(struct kd_credential *c, struct kd_bytes token)
{
    struct kd_ntlm m;
    if (kd_ntlm_parse(token, &m) != KD_OK) {
        c->broken = true;
        return;
    }
    if (m.type == KD_NTLM_NEGOTIATE || c->has_ntlm)
        return;
    kd_ntlm_describe(&m, &c->ntlm, &c->ntlm_text);
    c->has_ntlm = m.type == KD_NTLM_AUTHENTICATE;
}

static void read_kerberos(struct kd_credential *c, struct kd_bytes token)
{
    struct kd_krb5 m;
    enum kd_status s = kd_krb5_parse(token, &m);
    c->broken = c->broken || s == KD_MALFORMED;
    if (s != KD_OK || m.type != KD_KRB5_AP_REQ || c->has_kerberos)
        return;
    c->has_kerberos = true;
    c->ticket_etype = m.ticket_etype;
    kd_out_bytes(&c->realm, kd_bytes_head(m.realm, sizeof(c->realm_room)));
    kd_krb5_out_name(&c->sname, m.sname);
}

void kd_credential_token(struct kd_credential *c, struct kd_bytes token)
{
    struct kd_spnego t;
    if (token.n == 0)
        return;
    if (kd_spnego_parse(token, &t) != KD_OK) {
        /* Behind the last token may come what is none: SASL's choice of protection. */
        c->broken = c->broken || !kd_credential_complete(c);
        return;
    }
    if (t.mech == KD_MECH_NTLM && t.token.n > 0)
        read_ntlm(c, t.token);
    else if (t.mech == KD_MECH_KERBEROS && t.token.n > 0)
        read_kerberos(c, t.token);
}

void kd_credential_login(const struct kd_credential *c, struct kd_rec_login *rec)
{
    if (c->has_ntlm) {
        rec->method = kd_str(c->ntlm.anonymous ? "anonymous" : "ntlm");
        rec->user = c->ntlm.user;
        rec->domain = c->ntlm.domain;
        rec->workstation = c->ntlm.host;
    } else if (c->has_kerberos) {
        rec->method = kd_str("kerberos");
        rec->domain = kd_out_bytes_view(&c->realm);
    }
}

void kd_credential_emit(const struct kd_ctx *ctx, struct kd_credential *c, const char *over)
{
    if (c->has_ntlm) {
        c->ntlm.over = kd_str(over);
        kd_emit(ctx, KD_REC_NTLM, &c->ntlm);
        return;
    }
    if (!c->has_kerberos)
        return;
    char room[KD_KRB5_NUMBER_ROOM];
    struct kd_rec_krb5 rec = {
        .msg_type = kd_str(kd_krb5_type_name(KD_KRB5_AP_REQ)),
        .request_type = kd_str("AP"),
        .realm = kd_out_bytes_view(&c->realm),
        .sname = kd_out_bytes_view(&c->sname),
        .ticket_encryption = kd_krb5_etype_name(c->ticket_etype, room),
        .weak_encryption = kd_krb5_is_weak(c->ticket_etype),
    };
    kd_emit(ctx, KD_REC_KRB5, &rec);
}
