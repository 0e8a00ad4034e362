/* SPDX-License-Identifier: Apache-2.0 */
/* The security token of SMB, LDAP, HTTP …: SPNEGO (RFC 4178) around NTLMSSP or Kerberos (RFC 4121),
 * or one of those bare.  Pure. */
#ifndef KD_PROTO_SPNEGO_SPNEGO_H
#define KD_PROTO_SPNEGO_SPNEGO_H

#include "base/bytes.h"
#include "base/status.h"

enum kd_mech { KD_MECH_NONE, KD_MECH_NTLM, KD_MECH_KERBEROS, KD_MECH_OTHER };

enum {
    KD_SPNEGO_NO_STATE = -1,
    KD_SPNEGO_COMPLETED = 0,
    KD_SPNEGO_INCOMPLETE = 1,
    KD_SPNEGO_REJECT = 2
};

struct kd_spnego {
    /* Of the token within; without one, of the mechanism offered first or chosen. */
    enum kd_mech mech;
    /* The NTLMSSP message, or the Kerberos message (AP-REQ, AP-REP, KRB-ERROR; GSS head removed);
     * may be empty.  A view into the input. */
    struct kd_bytes token;
    int state; /* negState of a response */
};

/* KD_MALFORMED when it is none of the forms, or broken. */
KD_MUST_USE enum kd_status kd_spnego_parse(struct kd_bytes in, struct kd_spnego *ret);

#endif
