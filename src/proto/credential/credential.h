/* SPDX-License-Identifier: Apache-2.0 */
/* Windows credentials (NTLM, Kerberos, either within SPNEGO) gathered from the tokens of one logon,
 * in whatever protocol they ride: what LDAP, HTTP … share.  Only names are kept, never a proof. */
#ifndef KD_PROTO_CREDENTIAL_CREDENTIAL_H
#define KD_PROTO_CREDENTIAL_CREDENTIAL_H

#include "proto/krb5/krb5_msg.h"
#include "proto/ntlm/ntlm.h"
#include "proto/parser.h"

/* One logon under way.  Holds pointers into itself: not to be copied. */
struct kd_credential {
    struct kd_rec_ntlm ntlm; /* texts lie in ntlm_room */
    struct kd_out ntlm_text;
    bool has_ntlm;     /* a user's message was seen */
    bool has_kerberos; /* a ticket was shown */
    bool broken;       /* a token was none */
    int32_t ticket_etype;
    struct kd_out realm, sname;
    uint8_t ntlm_room[KD_NTLM_ROOM];
    uint8_t realm_room[KD_KRB5_NAME_MAX], sname_room[KD_KRB5_NAME_MAX];
};

void kd_credential_start(struct kd_credential *c);

/* A token of either side, in its order. */
void kd_credential_token(struct kd_credential *c, struct kd_bytes token);

/* Has it come to names? */
static inline bool kd_credential_complete(const struct kd_credential *c)
{
    return c->has_ntlm || c->has_kerberos;
}

/* Fill method, user, domain and workstation; valid as long as the credential. */
void kd_credential_login(const struct kd_credential *c, struct kd_rec_login *rec);

/* The `ntlm` or `krb5` record, if there is one to tell.  `over`: name of the carrying protocol. */
void kd_credential_emit(const struct kd_ctx *ctx, struct kd_credential *c, const char *over);

#endif
