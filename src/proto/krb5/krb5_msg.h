/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos messages (RFC 4120 5.4 to 5.9), wherever they are carried: pure functions on bytes. */
#ifndef KD_PROTO_KRB5_KRB5_MSG_H
#define KD_PROTO_KRB5_KRB5_MSG_H

#include "base/der.h"
#include "base/out.h"

enum kd_krb5_type {
    KD_KRB5_AS_REQ = 10,
    KD_KRB5_AS_REP = 11,
    KD_KRB5_TGS_REQ = 12,
    KD_KRB5_TGS_REP = 13,
    KD_KRB5_AP_REQ = 14,
    KD_KRB5_AP_REP = 15,
    KD_KRB5_ERROR = 30
};

enum {
    KD_KRB5_NAME_MAX = 256, /* bytes kept of a name or realm; the rest is cut */
    KD_KRB5_NUMBER_ROOM = 32
};

/* One message.  Views into it; what a message of this type lacks is empty or 0. */
struct kd_krb5 {
    enum kd_krb5_type type;
    struct kd_bytes realm; /* requests, errors: the server's; replies: the client's */
    struct kd_bytes cname; /* inside of a PrincipalName: for kd_krb5_out_name() */
    struct kd_bytes sname;
    struct kd_bytes etypes;    /* inside of the list offered: for kd_krb5_next_etype() */
    struct kd_bytes addresses; /* inside of HostAddresses: for kd_krb5_next_address() */
    int32_t etype;             /* of the reply's secret part, of an AP-REQ's authenticator */
    int32_t ticket_etype;
    uint32_t nonce, kdc_options, error;
    uint64_t till_us;
    bool preauth; /* AS-REQ with encrypted time, certificate or the like */
};

/* A whole message.  KD_UNSUPPORTED: a Kerberos message of another type. */
KD_MUST_USE enum kd_status kd_krb5_parse(struct kd_bytes in, struct kd_krb5 *ret);

/* A principal's name, its parts joined by "/", appended as far as it fits. */
void kd_krb5_out_name(struct kd_out *o, struct kd_bytes name);

/* Walk the list of offered encryption types; false at its end. */
KD_MUST_USE bool kd_krb5_next_etype(struct kd_der *list, int32_t *ret);

/* Walk client addresses: appends an IP address or a NetBIOS name without its padding. *ret_netbios:
 * it is a name.  False at the end; an address of another kind appends nothing. */
KD_MUST_USE bool kd_krb5_next_address(struct kd_der *list, struct kd_out *o, bool *ret_netbios);

/* Names as EVE writes them; a number without one is written into `room` (KD_KRB5_NUMBER_ROOM). */
struct kd_bytes kd_krb5_etype_name(int32_t etype, char *room);

/* The number behind such a name; false: it is none. */
KD_MUST_USE bool kd_krb5_etype_number(struct kd_bytes name, int32_t *ret);
struct kd_bytes kd_krb5_error_name(uint32_t error, char *room);
const char *kd_krb5_type_name(enum kd_krb5_type type); /* KRB_AS_REQ … */

/* Single DES, triple DES and RC4 (RFC 6649, RFC 8429), and what nobody knows by number. */
bool kd_krb5_is_weak(int32_t etype);

#endif
