/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/spnego/spnego.h"

#include "base/der.h"
#include "proto/ntlm/ntlm.h"

enum {
    INIT_TOKEN = KD_DER_APPLICATION(0), /* RFC 2743 3.1: OID, then what the mechanism says */
    GSS_TOKEN_ID_BYTES = 2
};

#define OID(name, ...)                                                                             \
    static const uint8_t name##_bytes[] = {__VA_ARGS__};                                           \
    static const struct kd_bytes name = {name##_bytes, sizeof(name##_bytes)}

OID(oid_spnego, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02);
OID(oid_krb5, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02);
OID(oid_krb5_ms, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02,
    0x02); /* an old slip, still sent */
OID(oid_ntlm, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a);

static enum kd_mech mech_of(struct kd_bytes oid)
{
    if (kd_bytes_eq(oid, oid_krb5) || kd_bytes_eq(oid, oid_krb5_ms))
        return KD_MECH_KERBEROS;
    return kd_bytes_eq(oid, oid_ntlm) ? KD_MECH_NTLM : KD_MECH_OTHER;
}

/* AP-REQ, AP-REP, KRB-ERROR without a GSS head, as DCE/RPC has them (RFC 4757 7.3, [MS-KILE] 3.4).
 */
static bool is_bare_kerberos(struct kd_bytes in)
{
    uint8_t tag = kd_bytes_at(in, 0);
    return tag == KD_DER_APPLICATION(14) || tag == KD_DER_APPLICATION(15) ||
           tag == KD_DER_APPLICATION(30);
}

/* The token of a mechanism: NTLMSSP as it is, Kerberos within its GSS head or bare. */
static bool read_mech_token(struct kd_bytes in, struct kd_spnego *ret)
{
    if (kd_ntlm_is(in)) {
        ret->mech = KD_MECH_NTLM;
        ret->token = in;
        return true;
    }
    if (is_bare_kerberos(in)) {
        ret->mech = KD_MECH_KERBEROS;
        ret->token = in;
        return true;
    }
    struct kd_der d = kd_der_of(in);
    struct kd_der gss;
    if (!kd_der_enter_if(&d, INIT_TOKEN, &gss))
        return false;
    if (mech_of(kd_der_take(&gss, KD_DER_OID)) != KD_MECH_KERBEROS)
        return false;
    (void)kd_cur_take(&gss.c, GSS_TOKEN_ID_BYTES);
    if (!kd_der_ok(&gss))
        return false;
    ret->mech = KD_MECH_KERBEROS;
    ret->token = kd_cur_rest(&gss.c);
    return true;
}

static enum kd_status read_init(struct kd_der *outer, struct kd_spnego *ret)
{
    struct kd_der choice = kd_der_enter(outer, KD_DER_CONTEXT(0));
    struct kd_der seq = kd_der_enter(&choice, KD_DER_SEQUENCE);
    struct kd_der field;
    if (kd_der_enter_if(&seq, KD_DER_CONTEXT(0), &field)) {
        struct kd_der types = kd_der_enter(&field, KD_DER_SEQUENCE);
        if (kd_der_more(&types))
            ret->mech = mech_of(kd_der_take(&types, KD_DER_OID));
    }
    struct kd_tlv tlv;
    while (kd_der_next(&seq, &tlv)) {
        if (tlv.tag != KD_DER_CONTEXT(2))
            continue;
        struct kd_der token = kd_der_of(tlv.value);
        (void)read_mech_token(kd_der_take(&token, KD_DER_OCTET_STRING), ret);
    }
    return kd_der_ok(&seq) ? KD_OK : KD_MALFORMED;
}

static enum kd_status read_response(struct kd_der *outer, struct kd_spnego *ret)
{
    struct kd_der choice = kd_der_enter(outer, KD_DER_CONTEXT(1));
    struct kd_der seq = kd_der_enter(&choice, KD_DER_SEQUENCE);
    struct kd_tlv tlv;
    while (kd_der_next(&seq, &tlv)) {
        struct kd_der field = kd_der_of(tlv.value);
        if (tlv.tag == KD_DER_CONTEXT(0))
            ret->state = kd_der_i32(&field, KD_DER_ENUMERATED);
        else if (tlv.tag == KD_DER_CONTEXT(1))
            ret->mech = mech_of(kd_der_take(&field, KD_DER_OID));
        else if (tlv.tag == KD_DER_CONTEXT(2))
            (void)read_mech_token(kd_der_take(&field, KD_DER_OCTET_STRING), ret);
    }
    return kd_der_ok(&seq) ? KD_OK : KD_MALFORMED;
}

enum kd_status kd_spnego_parse(struct kd_bytes in, struct kd_spnego *ret)
{
    *ret = (struct kd_spnego){.state = KD_SPNEGO_NO_STATE};
    if (read_mech_token(in, ret))
        return KD_OK;
    struct kd_der d = kd_der_of(in);
    if (kd_cur_peek(&d.c) == KD_DER_CONTEXT(1))
        return read_response(&d, ret);
    if (kd_cur_peek(&d.c) == KD_DER_CONTEXT(0))
        return read_init(&d, ret);
    struct kd_der gss = kd_der_enter(&d, INIT_TOKEN);
    if (!kd_bytes_eq(kd_der_take(&gss, KD_DER_OID), oid_spnego))
        return KD_MALFORMED;
    return read_init(&gss, ret);
}
