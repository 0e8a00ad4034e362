/* SPDX-License-Identifier: Apache-2.0 */
/* What stands in an LDAP message (RFC 4511). */
#include "proto/ldap/ldap.h"

enum { INTEGER_MAX = 4 };

bool ldap_is_request(uint8_t op)
{
    switch (op) {
    case LDAP_BIND:
    case LDAP_UNBIND:
    case LDAP_SEARCH:
    case LDAP_MODIFY:
    case LDAP_ADD:
    case LDAP_DELETE:
    case LDAP_MODIFY_DN:
    case LDAP_COMPARE:
    case LDAP_ABANDON:
    case LDAP_EXTENDED:
        return true;
    default:
        return false;
    }
}

bool ldap_is_answer(uint8_t op)
{
    switch (op) {
    case LDAP_BIND_ANSWER:
    case LDAP_ENTRY:
    case LDAP_SEARCH_DONE:
    case LDAP_REFERENCE:
    case LDAP_MODIFY_ANSWER:
    case LDAP_ADD_ANSWER:
    case LDAP_DELETE_ANSWER:
    case LDAP_MODIFY_DN_ANSWER:
    case LDAP_COMPARE_ANSWER:
    case LDAP_EXTENDED_ANSWER:
    case LDAP_INTERMEDIATE:
        return true;
    default:
        return false;
    }
}

const char *ldap_op_name(uint8_t op)
{
    switch (op) {
    case LDAP_BIND:
        return "bind";
    case LDAP_SEARCH:
        return "search";
    case LDAP_MODIFY:
        return "modify";
    case LDAP_ADD:
        return "add";
    case LDAP_DELETE:
        return "delete";
    case LDAP_MODIFY_DN:
        return "modify_dn";
    case LDAP_COMPARE:
        return "compare";
    case LDAP_EXTENDED:
        return "extended";
    case LDAP_UNBIND:
        return "unbind";
    case LDAP_ABANDON:
        return "abandon";
    case LDAP_SEARCH_DONE:
        return "search";
    case LDAP_MODIFY_ANSWER:
        return "modify";
    case LDAP_ADD_ANSWER:
        return "add";
    case LDAP_DELETE_ANSWER:
        return "delete";
    case LDAP_MODIFY_DN_ANSWER:
        return "modify_dn";
    case LDAP_COMPARE_ANSWER:
        return "compare";
    case LDAP_EXTENDED_ANSWER:
        return "extended";
    default:
        return "";
    }
}

/* Header of the value at the cursor; *ret_content may go beyond what is there. */
static enum kd_status take_head(struct kd_cur *c, uint64_t *ret_content)
{
    size_t head = 0;
    enum kd_status s = kd_der_head(kd_bytes_of(c->p, c->n), &head, ret_content);
    if (s == KD_OK)
        (void)kd_cur_take(c, head);
    return s;
}

enum kd_probe ldap_read_head(struct kd_bytes in, struct ldap_head *ret)
{
    struct kd_cur c = kd_cur_of(in);
    uint64_t inside = 0;
    *ret = (struct ldap_head){0};
    if (in.n > 0 && in.p[0] != KD_DER_SEQUENCE)
        return KD_PROBE_NO;
    enum kd_status s = take_head(&c, &inside);
    if (s != KD_OK)
        return s == KD_MORE ? KD_PROBE_MORE : KD_PROBE_NO;
    if (inside > LDAP_LENGTH_MAX)
        return KD_PROBE_NO;
    ret->total = c.taken + inside;
    if (kd_cur_more(&c) && kd_cur_peek(&c) != KD_DER_INTEGER)
        return KD_PROBE_NO;
    (void)kd_cur_u8(&c);
    size_t n = kd_cur_u8(&c);
    if (!kd_cur_ok(&c))
        return KD_PROBE_MORE;
    if (n == 0 || n > INTEGER_MAX)
        return KD_PROBE_NO;
    for (size_t i = 0; i < n; i++)
        ret->id = ret->id << 8 | kd_cur_u8(&c);
    ret->op = kd_cur_peek(&c);
    if (!kd_cur_ok(&c) || !kd_cur_more(&c))
        return KD_PROBE_MORE;
    if (!ldap_is_request(ret->op) && !ldap_is_answer(ret->op))
        return KD_PROBE_NO;
    s = take_head(&c, &ret->content);
    if (s != KD_OK)
        return s == KD_MORE ? KD_PROBE_MORE : KD_PROBE_NO;
    ret->at = c.taken;
    return ret->at + ret->content <= ret->total ? KD_PROBE_YES : KD_PROBE_NO;
}

const char *ldap_result_name(uint32_t code)
{
    static const char *const names[] = {
        [0] = "success",
        [1] = "operationsError",
        [2] = "protocolError",
        [3] = "timeLimitExceeded",
        [4] = "sizeLimitExceeded",
        [5] = "compareFalse",
        [6] = "compareTrue",
        [7] = "authMethodNotSupported",
        [8] = "strongerAuthRequired",
        [10] = "referral",
        [11] = "adminLimitExceeded",
        [12] = "unavailableCriticalExtension",
        [13] = "confidentialityRequired",
        [14] = "saslBindInProgress",
        [16] = "noSuchAttribute",
        [17] = "undefinedAttributeType",
        [18] = "inappropriateMatching",
        [19] = "constraintViolation",
        [20] = "attributeOrValueExists",
        [21] = "invalidAttributeSyntax",
        [32] = "noSuchObject",
        [33] = "aliasProblem",
        [34] = "invalidDNSyntax",
        [36] = "aliasDereferencingProblem",
        [48] = "inappropriateAuthentication",
        [49] = "invalidCredentials",
        [50] = "insufficientAccessRights",
        [51] = "busy",
        [52] = "unavailable",
        [53] = "unwillingToPerform",
        [54] = "loopDetect",
        [64] = "namingViolation",
        [65] = "objectClassViolation",
        [66] = "notAllowedOnNonLeaf",
        [67] = "notAllowedOnRDN",
        [68] = "entryAlreadyExists",
        [69] = "objectClassModsProhibited",
        [71] = "affectsMultipleDSAs",
        [80] = "other",
    };
    return code < KD_COUNT(names) ? names[code] : NULL;
}

struct ldap_result ldap_read_result(struct kd_der *d)
{
    struct ldap_result r = {0};
    r.code = (uint32_t)kd_der_i32(d, KD_DER_ENUMERATED);
    r.matched = kd_der_take(d, KD_DER_OCTET_STRING);
    r.diagnostic = kd_der_take(d, KD_DER_OCTET_STRING);
    while (r.diagnostic.n > 0 && r.diagnostic.p[r.diagnostic.n - 1] <= ' ')
        r.diagnostic.n--; /* Windows ends it with NUL */
    r.diagnostic = kd_bytes_head(r.diagnostic, LDAP_DIAGNOSTIC_MAX);
    return r;
}

/* ---- values ---- */

static bool is_secret(struct kd_bytes attribute)
{
    static const char *const secrets[] = {
        "unicodePwd",        "userPassword",    "dBCSPwd",      "ntPwdHistory",
        "clearTextPassword", "sambaNTPassword", "lmPwdHistory", "supplementalCredentials"};
    for (size_t i = 0; i < KD_COUNT(secrets); i++)
        if (kd_bytes_ieq(attribute, kd_str(secrets[i])))
            return true;
    return false;
}

static bool is_text(struct kd_bytes value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] < ' ' && value.p[i] != '\t' && value.p[i] != '\n' && value.p[i] != '\r')
            return false;
    return kd_bytes_is_utf8(value);
}

/* The longest head of at most `max` bytes that does not cut a character. */
static struct kd_bytes head_of_text(struct kd_bytes text, size_t max)
{
    if (text.n <= max)
        return text;
    while (max > 0 && (text.p[max] & 0xc0) == 0x80)
        max--;
    return kd_bytes_head(text, max);
}

void ldap_out_value(struct kd_out *o, struct kd_bytes attribute, struct kd_bytes value)
{
    enum { BINARY_MAX = 64 };
    if (is_secret(attribute)) {
        kd_out_str(o, "(hidden)");
        return;
    }
    if (is_text(value)) {
        kd_out_bytes(o, head_of_text(value, LDAP_VALUE_MAX));
        return;
    }
    kd_out_str(o, "0x");
    kd_out_hex(o, kd_bytes_head(value, BINARY_MAX));
}

/* ---- lists ---- */

void ldap_list_add(struct kd_out *o, struct kd_bytes text)
{
    if (o->full || o->max - o->n < 2 + text.n) {
        o->full = true;
        return;
    }
    kd_out_le16(o, (uint16_t)text.n);
    kd_out_bytes(o, text);
}

size_t ldap_list_read(struct kd_bytes list, struct kd_bytes *ret, size_t max)
{
    struct kd_cur c = kd_cur_of(list);
    size_t n = 0;
    while (n < max && kd_cur_more(&c)) {
        size_t len = kd_cur_le16(&c);
        ret[n++] = kd_cur_take(&c, len);
    }
    return n;
}
