/* SPDX-License-Identifier: Apache-2.0 */
/* Names of Kerberos' numbers (IANA registry "Kerberos Parameters", RFC 4120 7.5.9, RFC 4556, RFC
 * 6113). */
#include "proto/krb5/krb5_msg.h"

struct name_row {
    int32_t number;
    const char *name;
};

static const struct name_row etypes[] = {
    {1, "des-cbc-crc"},
    {2, "des-cbc-md4"},
    {3, "des-cbc-md5"},
    {5, "des3-cbc-md5"},
    {7, "des3-cbc-sha1"},
    {9, "dsaWithSHA1-CmsOID"},
    {10, "md5WithRSAEncryption-CmsOID"},
    {11, "sha1WithRSAEncryption-CmsOID"},
    {12, "rc2CBC-EnvOID"},
    {13, "rsaEncryption-EnvOID"},
    {14, "rsaES-OAEP-ENV-OID"},
    {15, "des-ede3-cbc-Env-OID"},
    {16, "des3-cbc-sha1-kd"},
    {17, "aes128-cts-hmac-sha1-96"},
    {18, "aes256-cts-hmac-sha1-96"},
    {19, "aes128-cts-hmac-sha256-128"},
    {20, "aes256-cts-hmac-sha384-192"},
    {23, "rc4-hmac"},
    {24, "rc4-hmac-exp"},
    {25, "camellia128-cts-cmac"},
    {26, "camellia256-cts-cmac"},
    {65, "subkey-keymaterial"},
    {-133, "rc4-hmac-old"},
    {-135, "rc4-hmac-old-exp"},
};

static const struct name_row errors[] = {
#define KRB5_ERROR(number, name) {number, name},
#include "proto/krb5/krb5_error.def"
#undef KRB5_ERROR
};

static const char *find_name(const struct name_row *rows, size_t n, int32_t number)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].number == number)
            return rows[i].name;
    return NULL;
}

static struct kd_bytes or_number(const char *name, const char *prefix, int32_t number, char *room)
{
    if (name != NULL)
        return kd_str(name);
    struct kd_out o = kd_out_of(room, KD_KRB5_NUMBER_ROOM);
    kd_out_fmt(&o, "%s%d", prefix, number);
    return kd_out_bytes_view(&o);
}

struct kd_bytes kd_krb5_etype_name(int32_t etype, char *room)
{
    return or_number(find_name(etypes, KD_COUNT(etypes), etype), "unknown-", etype, room);
}

bool kd_krb5_etype_number(struct kd_bytes name, int32_t *ret)
{
    struct kd_bytes unknown = kd_str("unknown-");
    uint64_t n = 0;
    for (size_t i = 0; i < KD_COUNT(etypes); i++)
        if (kd_bytes_eq_str(name, etypes[i].name)) {
            *ret = etypes[i].number;
            return true;
        }
    if (!kd_bytes_starts(name, unknown))
        return false;
    name = kd_bytes_from(name, unknown.n);
    bool negative = kd_bytes_at(name, 0) == '-';
    if (!kd_bytes_to_u64(negative ? kd_bytes_from(name, 1) : name, INT32_MAX, &n))
        return false;
    *ret = negative ? -(int32_t)n : (int32_t)n;
    return true;
}

struct kd_bytes kd_krb5_error_name(uint32_t error, char *room)
{
    int32_t number = (int32_t)error;
    return or_number(find_name(errors, KD_COUNT(errors), number), "KRB_ERR_", number, room);
}

const char *kd_krb5_type_name(enum kd_krb5_type type)
{
    switch (type) {
    case KD_KRB5_AS_REQ:
        return "KRB_AS_REQ";
    case KD_KRB5_AS_REP:
        return "KRB_AS_REP";
    case KD_KRB5_TGS_REQ:
        return "KRB_TGS_REQ";
    case KD_KRB5_TGS_REP:
        return "KRB_TGS_REP";
    case KD_KRB5_AP_REQ:
        return "KRB_AP_REQ";
    case KD_KRB5_AP_REP:
        return "KRB_AP_REP";
    case KD_KRB5_ERROR:
    default:
        return "KRB_ERROR";
    }
}

bool kd_krb5_is_weak(int32_t etype)
{
    return !((etype >= 17 && etype <= 20) || etype == 25 || etype == 26);
}
