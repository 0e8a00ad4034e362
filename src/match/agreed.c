/* SPDX-License-Identifier: Apache-2.0 */
/* Rules about what two sides agreed on: versions and certificates of TLS, encryption of Kerberos' tickets, key exchanges of
 * IKE, addresses that FTP names.  Parsers tell all of it in numbers; a number that was not told fits no rule, negated or not. */
#include "match/internal.h"

enum kd_number m_agreed_number(const struct kd_cond *c)
{
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_TLS_VERSION:
    case KD_COND_SSL_VERSION:
        return KD_NUM_TLS_VERSION;
    case KD_COND_SSL_STATE:
        return KD_NUM_TLS_STATE;
    case KD_COND_TLS_DATES:
        return c->is.dates.what == KD_TLS_NOT_BEFORE ? KD_NUM_TLS_NOT_BEFORE : KD_NUM_TLS_NOT_AFTER;
    case KD_COND_KRB5_TICKET_ENC:
        return KD_NUM_KRB5_TICKET_ENCRYPTION;
    case KD_COND_IKE_CHOSEN_SA:
        return KD_NUM_IKE_CHOSEN;
    case KD_COND_FTPBOUNCE:
        return KD_NUM_FTP_BOUNCE;
    default:
        return KD_NUM_COUNT;
    }
}

/* Validity takes both ends. */
enum kd_number m_agreed_number_too(const struct kd_cond *c)
{
    bool valid = c->kind == KD_COND_TLS_DATES && c->is.dates.what == KD_TLS_VALID;
    return valid ? KD_NUM_TLS_NOT_BEFORE : KD_NUM_COUNT;
}

static unsigned version_bit(uint64_t version)
{
    enum { SSL2 = 0x0002, SSL3 = 0x0300, LAST = 0x0304 };
    return version == SSL2 ? 1u : version >= SSL3 && version <= LAST ? 2u << (version - SSL3) : 0;
}

/* Of old, short keys or none: DES, 3DES, RC4 (RFC 6649, RFC 8429). */
static bool is_weak(uint64_t etype)
{
    enum { DES3_LAST = 16, RC4 = 23, RC4_EXPORT = 24 };
    int32_t n = (int32_t)(uint32_t)etype;
    return n < 0 || n <= DES3_LAST || n == RC4 || n == RC4_EXPORT;
}

static bool date_holds(const struct m_run *run, const struct kd_tls_dates *d, uint64_t unix_s)
{
    uint64_t now_s = run->at->now_us / 1000000, from = 0;
    switch (d->what) {
    case KD_TLS_EXPIRED:
        return unix_s < now_s;
    case KD_TLS_VALID:
        return now_s <= unix_s && m_first_number(run, KD_NUM_TLS_NOT_BEFORE, &from) && from <= now_s;
    default:
        return kd_range_has(&d->unix_s, unix_s);
    }
}

static bool fits(const struct m_run *run, const struct kd_cond *c, uint64_t v)
{
    const struct kd_words *w = &c->is.words;
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_TLS_VERSION:
        return v == w->a;
    case KD_COND_SSL_VERSION:
    case KD_COND_SSL_STATE: {
        unsigned bit = c->kind == KD_COND_SSL_STATE ? (unsigned)v : version_bit(v);
        return (w->a == 0 || (w->a & bit) != 0) && (w->b & bit) == 0;
    }
    case KD_COND_TLS_DATES:
        return date_holds(run, &c->is.dates, v);
    case KD_COND_KRB5_TICKET_ENC:
        return c->is.ranges.n == 0 ? is_weak(v) : m_ranges_hold(&c->is.ranges, v);
    case KD_COND_IKE_CHOSEN_SA:
        return v >> 32 == c->is.keyed.key && kd_range_has(&c->is.keyed.range, v & UINT32_MAX);
    default: /* FTP_BOUNCE is told only when it is one */
        return true;
    }
}

bool m_agreed_holds(const struct m_run *run, const struct kd_cond *c)
{
    enum kd_number id = m_agreed_number(c);
    bool any = false, told = false;
    for (unsigned i = 0; run->side != NULL && i < run->side->n_numbers && id != KD_NUM_COUNT; i++) {
        if (run->side->number[i].id != id)
            continue;
        told = true;
        any |= fits(run, c, run->side->number[i].v);
    }
    return told && any != c->negated;
}
