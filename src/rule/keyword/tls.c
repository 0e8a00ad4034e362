/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: versions, states, certificates. */
#include "base/clock.h"
#include "rule/internal.h"

static bool version(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char versions[] = "1.0=769,1.1=770,1.2=771,1.3=772";
    uint64_t n;
    (void)kw;
    (void)kd_parse_app(p, KD_RP_TLS);
    if (!kd_number_parse(v, 16, versions, &n))
        return kd_refuse_word(p, KD_WHY_VALUE, v);
    struct kd_cond *c = kd_parse_check(p, KD_COND_TLS_VERSION);
    if (c != NULL) {
        c->negated = p->negated;
        c->is.words.a = (uint32_t)n;
    }
    return c != NULL;
}

/* "[!]sslv3,tls1.0": bits of versions */
static bool listed(struct kd_parse *p, struct kd_bytes v, const char *names, uint8_t sep,
                   enum kd_cond_kind kind)
{
    uint32_t yes = 0, no = 0;
    (void)kd_parse_app(p, KD_RP_TLS);
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, sep);
        bool negated = kd_bytes_at(word, 0) == '!';
        uint64_t bit;
        if (negated)
            word = kd_bytes_trim(kd_bytes_from(word, 1));
        if (!kd_number_parse(word, 8, names, &bit))
            return kd_refuse_word(p, KD_WHY_VALUE, word);
        *(negated ? &no : &yes) |= (uint32_t)bit;
    }
    struct kd_cond *c = kd_parse_check(p, kind);
    if (c != NULL)
        c->is.words = (struct kd_words){.a = yes, .b = no};
    return c != NULL;
}

static bool ssl_version(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    return listed(p, v, "sslv2=1,sslv3=2,tls1.0=4,tls1.1=8,tls1.2=16,tls1.3=32", ',',
                  KD_COND_SSL_VERSION);
}

static bool ssl_state(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    uint8_t sep = kd_bytes_find_byte(v, '|') < v.n ? '|' : ',';
    (void)kw;
    return listed(p, v, "client_hello=1,server_hello=2,client_keyx=4,server_keyx=8,unknown=16", sep,
                  KD_COND_SSL_STATE);
}

/* A content in a certificate's name, of older rules. */
static bool name(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_cond *c = kd_parse_sought_in(p, KD_COND_CONTENT, (enum kd_inspect)kw->arg);
    (void)kd_parse_app(p, KD_RP_TLS);
    if (c == NULL)
        return false;
    c->negated = p->negated;
    c->is.content.offset.var = c->is.content.depth.var = -1;
    c->is.content.distance.var = c->is.content.within.var = -1;
    return kd_parse_pattern(p, v, &c->is.content.bytes);
}

static bool store(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw, (void)v;
    (void)kd_parse_app(p, KD_RP_TLS);
    return true; /* certificates are recorded in any case */
}

/* "2015", "2015-10-22", "2015-10-22T23:59:59", or seconds since 1970 */
static bool unix_time(struct kd_bytes text, uint64_t *ret)
{
    static const uint8_t rest[] = "0000-01-01T00:00:00Z";
    uint8_t full[sizeof(rest)];
    uint64_t us;
    bool dashed = text.n >= 4 && (text.n == 4 || text.p[4] == '-');
    if (!dashed)
        return kd_bytes_to_u64(text, UINT32_MAX, ret);
    if (text.n > 19)
        return false;
    memcpy(full, rest, sizeof(rest));
    memcpy(full, text.p, text.n);
    if (text.n > 10)
        full[10] = 'T';
    if (!kd_time_parse(kd_bytes_of(full, sizeof(rest) - 1), 0, &us))
        return false;
    *ret = us / 1000000;
    return true;
}

static bool date_range(struct kd_bytes v, struct kd_range *r)
{
    uint64_t t;
    *r = (struct kd_range){0, INT64_MAX, KD_RANGE_IN};
    size_t arrow = kd_bytes_find(v, kd_str("<>"));
    if (arrow != SIZE_MAX)
        return unix_time(kd_bytes_trim(kd_bytes_head(v, arrow)), &r->a) &&
               unix_time(kd_bytes_trim(kd_bytes_from(v, arrow + 2)), &r->b) && r->a < r->b;
    uint8_t c = kd_bytes_at(v, 0);
    if (!unix_time(kd_bytes_trim(c == '<' || c == '>' ? kd_bytes_from(v, 1) : v), &t))
        return false;
    if (c != '<')
        r->a = c == '>' ? t + 1 : t;
    if (c != '>')
        r->b = c == '<' ? t - 1 : t;
    return r->a <= r->b;
}

static bool dates(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_tls_dates d = {.what = (enum kd_tls_date)kw->arg};
    (void)kd_parse_app(p, KD_RP_TLS);
    bool ranged = d.what == KD_TLS_NOT_BEFORE || d.what == KD_TLS_NOT_AFTER;
    if (ranged && !date_range(v, &d.unix_s))
        return kd_refuse_word(p, KD_WHY_RANGE, v);
    struct kd_cond *c = kd_parse_check(p, KD_COND_TLS_DATES);
    if (c != NULL)
        c->is.dates = d;
    return c != NULL;
}

const struct kd_keyword kd_keywords_tls[] = {
    {"tls.version", version, 0, KW_NEEDED, KW_MAY_QUOTE, true, "[!]1.0|1.1|1.2|1.3",
     "TLS version agreed on", "合意した TLS のバージョン"},
    {"ssl_version", ssl_version, 0, KW_NEEDED, KW_PLAIN, false,
     "[!]sslv2|sslv3|tls1.0|tls1.1|tls1.2|tls1.3[,…]", "one of these TLS versions",
     "いずれかの TLS バージョン"},
    {"ssl_state", ssl_state, 0, KW_NEEDED, KW_PLAIN, false,
     "[!]client_hello|server_hello|client_keyx|server_keyx|unknown[,…]",
     "step of the TLS handshake", "TLS ハンドシェイクの段階"},
    {"tls.subject", name, KD_IN_TLS_CERT_SUBJECT, KW_NEEDED, KW_MAY_QUOTE, true, "[!]\"TEXT\"",
     "in the certificate's subject", "証明書の主体者に含まれる"},
    {"tls.issuerdn", name, KD_IN_TLS_CERT_ISSUER, KW_NEEDED, KW_MAY_QUOTE, true, "[!]\"TEXT\"",
     "in the certificate's issuer", "証明書の発行者に含まれる"},
    {"tls.fingerprint", name, KD_IN_TLS_CERT_FINGERPRINT, KW_NEEDED, KW_MAY_QUOTE, true,
     "[!]\"aa:bb:…\"", "SHA-1 of the certificate", "証明書の SHA-1"},
    {"tls.store,tls_store", store, 0, KW_NONE, KW_PLAIN, false, NULL,
     "read and without effect: certificates are recorded anyway",
     "読むが効果はない(証明書は常に記録する)"},
    {"tls_cert_notbefore", dates, KD_TLS_NOT_BEFORE, KW_NEEDED, KW_MAY_QUOTE, false,
     "[<>]DATE or DATE<>DATE", "from when the certificate is valid", "証明書の有効期間の開始"},
    {"tls_cert_notafter", dates, KD_TLS_NOT_AFTER, KW_NEEDED, KW_MAY_QUOTE, false,
     "[<>]DATE or DATE<>DATE", "until when the certificate is valid", "証明書の有効期間の終わり"},
    {"tls_cert_expired", dates, KD_TLS_EXPIRED, KW_NONE, KW_PLAIN, false, NULL,
     "the certificate is no longer valid", "証明書の期限が切れている"},
    {"tls_cert_valid", dates, KD_TLS_VALID, KW_NONE, KW_PLAIN, false, NULL,
     "the certificate is within its dates", "証明書が有効期間内"},
    {0},
};
