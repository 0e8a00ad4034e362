/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/krb5/krb5_msg.h"

#include "base/addr.h"
#include "base/clock.h"

enum {
    PA_TGS_REQ = 1,
    PA_ENC_TIMESTAMP = 2,
    PA_PK_AS_REQ_OLD = 14,
    PA_PK_AS_REQ = 16,
    PA_FX_FAST = 136,
    PA_ENCRYPTED_CHALLENGE = 138,
    ADDRESS_IPV4 = 2,
    ADDRESS_NETBIOS = 20,
    ADDRESS_IPV6 = 24,
    NAME_PARTS_MAX = 16,
    TICKET = 1 /* APPLICATION tag */
};

/* Field [n] of a sequence whose fields come in ascending order; absent ones are passed over. */
static bool field(struct kd_der *seq, unsigned n, struct kd_der *ret)
{
    struct kd_tlv tlv;
    while (kd_der_more(seq) && kd_cur_peek(&seq->c) < KD_DER_CONTEXT(n) &&
           kd_cur_peek(&seq->c) >= KD_DER_CONTEXT(0))
        if (!kd_der_next(seq, &tlv))
            return false;
    return kd_der_enter_if(seq, (uint8_t)KD_DER_CONTEXT(n), ret);
}

static int32_t int_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    return field(seq, n, &in) ? kd_der_i32(&in, KD_DER_INTEGER) : 0;
}

/* UInt32 may take five bytes on the wire; some also send it as a negative number. */
static uint32_t u32_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    if (!field(seq, n, &in))
        return 0;
    struct kd_cur c = kd_cur_of(kd_der_take(&in, KD_DER_INTEGER));
    uint32_t v = 0;
    while (kd_cur_more(&c))
        v = v << 8 | kd_cur_u8(&c);
    return v;
}

static struct kd_bytes string_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    return field(seq, n, &in) ? kd_der_take(&in, KD_DER_GENERAL_STRING)
                              : (struct kd_bytes){NULL, 0};
}

static struct kd_bytes rest_of(struct kd_der *d)
{
    return kd_cur_rest(&d->c);
}

/* The inside of SEQUENCE { name-type [0], name-string [1] SEQUENCE OF }, of its list. */
static struct kd_bytes name_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    struct kd_der list;
    if (!field(seq, n, &in))
        return (struct kd_bytes){NULL, 0};
    struct kd_der name = kd_der_enter(&in, KD_DER_SEQUENCE);
    if (!field(&name, 1, &list))
        return (struct kd_bytes){NULL, 0};
    struct kd_der parts = kd_der_enter(&list, KD_DER_SEQUENCE);
    return rest_of(&parts);
}

static uint32_t flags_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    if (!field(seq, n, &in))
        return 0;
    struct kd_cur c = kd_cur_of(kd_der_take(&in, KD_DER_BIT_STRING));
    (void)kd_cur_u8(&c); /* unused bits */
    return kd_cur_be32(&c);
}

/* EncryptedData: its type. */
static int32_t etype_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    if (!field(seq, n, &in))
        return 0;
    struct kd_der data = kd_der_enter(&in, KD_DER_SEQUENCE);
    return int_field(&data, 0);
}

/* YYYYMMDDHHMMSSZ */
static uint64_t time_field(struct kd_der *seq, unsigned n)
{
    struct kd_der in;
    if (!field(seq, n, &in))
        return 0;
    struct kd_cur c = kd_cur_of(kd_der_take(&in, KD_DER_GENERALIZED_TIME));
    uint64_t v[6];
    static const uint8_t width[6] = {4, 2, 2, 2, 2, 2};
    for (size_t i = 0; i < KD_COUNT(v); i++)
        if (!kd_bytes_to_u64(kd_cur_take(&c, width[i]), 9999, &v[i]))
            return 0;
    struct kd_date date = {.year = (int)v[0],
                           .month = (unsigned)v[1],
                           .day = (unsigned)v[2],
                           .hour = (unsigned)v[3],
                           .minute = (unsigned)v[4],
                           .second = (unsigned)v[5]};
    uint64_t us = 0;
    return kd_date_to_us(&date, 0, &us) ? us : 0;
}

static void read_ticket(struct kd_der *seq, unsigned n, struct kd_krb5 *ret)
{
    struct kd_der in;
    if (!field(seq, n, &in))
        return;
    struct kd_der app = kd_der_enter(&in, KD_DER_APPLICATION(TICKET));
    struct kd_der ticket = kd_der_enter(&app, KD_DER_SEQUENCE);
    struct kd_bytes realm = string_field(&ticket, 1);
    ret->sname = name_field(&ticket, 2);
    ret->ticket_etype = etype_field(&ticket, 3);
    if (ret->realm.n == 0)
        ret->realm = realm;
}

static bool is_preauth(int32_t type)
{
    return type == PA_ENC_TIMESTAMP || type == PA_PK_AS_REQ || type == PA_PK_AS_REQ_OLD ||
           type == PA_ENCRYPTED_CHALLENGE || type == PA_FX_FAST;
}

static void read_padata(struct kd_der *seq, struct kd_krb5 *ret)
{
    struct kd_der in;
    if (!field(seq, 3, &in))
        return;
    struct kd_der list = kd_der_enter(&in, KD_DER_SEQUENCE);
    while (kd_der_more(&list)) {
        struct kd_der pa = kd_der_enter(&list, KD_DER_SEQUENCE);
        if (is_preauth(int_field(&pa, 1)))
            ret->preauth = true;
    }
}

static void read_request(struct kd_der *seq, struct kd_krb5 *ret)
{
    struct kd_der in;
    if (ret->type == KD_KRB5_AS_REQ)
        read_padata(seq, ret);
    if (!field(seq, 4, &in)) {
        kd_cur_fail(&seq->c);
        return;
    }
    struct kd_der body = kd_der_enter(&in, KD_DER_SEQUENCE);
    ret->kdc_options = flags_field(&body, 0);
    ret->cname = name_field(&body, 1);
    ret->realm = string_field(&body, 2);
    ret->sname = name_field(&body, 3);
    ret->till_us = time_field(&body, 5);
    ret->nonce = u32_field(&body, 7);
    if (field(&body, 8, &in)) {
        struct kd_der list = kd_der_enter(&in, KD_DER_SEQUENCE);
        ret->etypes = rest_of(&list);
    }
    if (field(&body, 9, &in)) {
        struct kd_der list = kd_der_enter(&in, KD_DER_SEQUENCE);
        ret->addresses = rest_of(&list);
    }
    if (!kd_der_ok(&body))
        kd_cur_fail(&seq->c);
}

static void read_reply(struct kd_der *seq, struct kd_krb5 *ret)
{
    ret->realm = string_field(seq, 3);
    ret->cname = name_field(seq, 4);
    read_ticket(seq, 5, ret);
    ret->etype = etype_field(seq, 6);
}

static void read_ap_request(struct kd_der *seq, struct kd_krb5 *ret)
{
    read_ticket(seq, 3, ret);
    ret->etype = etype_field(seq, 4);
}

static void read_error(struct kd_der *seq, struct kd_krb5 *ret)
{
    ret->error = (uint32_t)int_field(seq, 6);
    (void)string_field(seq, 7);
    ret->cname = name_field(seq, 8);
    ret->realm = string_field(seq, 9);
    ret->sname = name_field(seq, 10);
}

enum kd_status kd_krb5_parse(struct kd_bytes in, struct kd_krb5 *ret)
{
    struct kd_der d = kd_der_of(in);
    struct kd_tlv app;
    *ret = (struct kd_krb5){0};
    if (!kd_der_next(&d, &app) || (app.tag & 0xe0) != KD_DER_APPLICATION(0))
        return KD_MALFORMED;
    ret->type = (enum kd_krb5_type)(app.tag & 0x1f);
    struct kd_der inside = kd_der_of(app.value);
    struct kd_der seq = kd_der_enter(&inside, KD_DER_SEQUENCE);
    switch (ret->type) {
    case KD_KRB5_AS_REQ:
    case KD_KRB5_TGS_REQ:
        read_request(&seq, ret);
        break;
    case KD_KRB5_AS_REP:
    case KD_KRB5_TGS_REP:
        read_reply(&seq, ret);
        break;
    case KD_KRB5_AP_REQ:
        read_ap_request(&seq, ret);
        break;
    case KD_KRB5_ERROR:
        read_error(&seq, ret);
        break;
    case KD_KRB5_AP_REP:
    default:
        return KD_UNSUPPORTED;
    }
    return kd_der_ok(&seq) ? KD_OK : KD_MALFORMED;
}

void kd_krb5_out_name(struct kd_out *o, struct kd_bytes name)
{
    struct kd_der parts = kd_der_of(name);
    for (unsigned i = 0; i < NAME_PARTS_MAX && kd_der_more(&parts); i++) {
        struct kd_bytes part = kd_der_take(&parts, KD_DER_GENERAL_STRING);
        if (i > 0 && kd_der_ok(&parts))
            kd_out_u8(o, '/');
        kd_out_bytes(o, kd_bytes_head(part, o->max - o->n));
    }
}

bool kd_krb5_next_etype(struct kd_der *list, int32_t *ret)
{
    if (!kd_der_more(list))
        return false;
    *ret = kd_der_i32(list, KD_DER_INTEGER);
    return kd_der_ok(list);
}

bool kd_krb5_next_address(struct kd_der *list, struct kd_out *o, bool *ret_netbios)
{
    struct kd_der in;
    if (!kd_der_more(list))
        return false;
    struct kd_der host = kd_der_enter(list, KD_DER_SEQUENCE);
    int32_t type = int_field(&host, 0);
    struct kd_bytes value =
        field(&host, 1, &in) ? kd_der_take(&in, KD_DER_OCTET_STRING) : (struct kd_bytes){NULL, 0};
    *ret_netbios = type == ADDRESS_NETBIOS;
    if (type == ADDRESS_NETBIOS) {
        while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == 0))
            value = kd_bytes_head(value, value.n - 1);
        kd_out_bytes(o, value);
    } else if ((type == ADDRESS_IPV4 && value.n == 4) || (type == ADDRESS_IPV6 && value.n == 16)) {
        struct kd_addr a = value.n == 4 ? kd_addr_v4(value.p) : kd_addr_v6(value.p);
        kd_out_addr(o, &a);
    }
    return kd_der_ok(list);
}
