/* SPDX-License-Identifier: Apache-2.0 */
#include "base/personal.h"

bool kd_my_number_ok(const uint8_t d[12])
{
    unsigned sum = 0;
    for (unsigned n = 1; n <= 11; n++) /* n counts from the lowest digit before the check digit */
        sum += d[11 - n] * (n <= 6 ? n + 1 : n - 5);
    unsigned rest = sum % 11;
    return d[11] == (rest <= 1 ? 0 : 11 - rest);
}

static bool luhn_ok(const uint8_t *d, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned v = d[n - 1 - i];
        v = i % 2 == 1 ? v * 2 : v;
        sum += v > 9 ? v - 9 : v;
    }
    return sum % 10 == 0;
}

/* Ranges in use: Visa, Mastercard, American Express, JCB, Diners, Discover, UnionPay. */
static bool is_issuer(const uint8_t *d, size_t n)
{
    unsigned two = d[0] * 10u + d[1];
    unsigned four = two * 100 + d[2] * 10u + d[3];
    if (n == 15)
        return two == 34 || two == 37;
    if (n == 14)
        return two == 36 || two == 38 || (four >= 3000 && four <= 3059);
    if (n != 16)
        return false;
    return d[0] == 4 || (two >= 51 && two <= 55) || (four >= 2221 && four <= 2720) ||
           (four >= 3528 && four <= 3589) || four == 6011 || two == 65 || two == 62;
}

bool kd_card_ok(const uint8_t *d, size_t n)
{
    return is_issuer(d, n) && luhn_ok(d, n);
}

/* 202601311200: a time, which systems write far more often than anything personal. */
static bool is_time(const uint8_t *d)
{
    unsigned year = d[0] * 1000u + d[1] * 100u + d[2] * 10u + d[3];
    unsigned month = d[4] * 10u + d[5], day = d[6] * 10u + d[7], hour = d[8] * 10u + d[9],
             minute = d[10] * 10u + d[11];
    return year >= 1900 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 && day <= 31 &&
           hour < 24 && minute < 60;
}

static bool all_same(const uint8_t *d, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (d[i] != d[0])
            return false;
    return true;
}

static bool groups_are(const struct kd_personal *p, unsigned a, unsigned b, unsigned c, unsigned d)
{
    unsigned want[4] = {a, b, c, d};
    unsigned n = d > 0 ? 4 : 3;
    if (p->n_groups != n)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (p->groups[i] != want[i])
            return false;
    return true;
}

static void end_token(struct kd_personal *p)
{
    const uint8_t *d = p->digits;
    bool whole = p->n_groups == 1;
    bool fits = !p->spoiled && p->n <= KD_PERSONAL_DIGITS;
    if (fits && p->n == 12 && (whole || groups_are(p, 4, 4, 4, 0)) && !is_time(d) &&
        !all_same(d, 12)) {
        p->my_all++;
        p->my_right += kd_my_number_ok(d);
    }
    bool card_form = whole || groups_are(p, 4, 4, 4, 4) || groups_are(p, 4, 6, 5, 0) ||
                     groups_are(p, 4, 6, 4, 0);
    if (fits && p->n >= 14 && p->n <= 16 && card_form && is_issuer(d, p->n) && !all_same(d, p->n)) {
        p->card_all++;
        p->card_right += luhn_ok(d, p->n);
    }
    if (fits && p->separator == '-' && p->n == 9 && groups_are(p, 3, 2, 4, 0)) {
        unsigned area = d[0] * 100u + d[1] * 10u + d[2];
        bool used = area != 0 && area != 666 && area < 900 && (d[3] | d[4]) != 0 &&
                    (d[5] | d[6] | d[7] | d[8]) != 0;
        p->ssn += used;
    }
    p->n = p->n_groups = 0;
    p->separator = 0;
    p->spoiled = false;
}

static void digit(struct kd_personal *p, uint8_t value)
{
    uint8_t b = kd_ascii_lower(p->before);
    if (p->n == 0) /* within a word, a fraction or a path it is none */
        p->spoiled =
            (b >= 'a' && b <= 'z') || b == '_' || b == '.' || b == '/' || b == '-' || b == '%';
    if (p->n == 0 || (p->separator != 0 && p->before == p->separator)) {
        if (p->n_groups == sizeof(p->groups))
            p->spoiled = true;
        else
            p->groups[p->n_groups++] = 0;
    }
    p->groups[p->n_groups - 1]++;
    if (p->n < KD_PERSONAL_DIGITS)
        p->digits[p->n++] = value;
    else
        p->spoiled = true;
}

static void other(struct kd_personal *p, uint8_t c)
{
    enum { GROUP_MAX = 6, WHOLE = 15 }; /* beyond them a separator parts numbers, not groups */
    bool behind_digit = p->before >= '0' && p->before <= '9';
    uint8_t low = kd_ascii_lower(c);
    if ((c == '-' || c == ' ') && behind_digit && (p->separator == 0 || p->separator == c) &&
        p->groups[p->n_groups - 1] <= GROUP_MAX && p->n < WHOLE) {
        p->separator = c;
        return;
    }
    if (behind_digit && ((low >= 'a' && low <= 'z') || c == '_'))
        p->spoiled = true;
    end_token(p);
}

static void one(struct kd_personal *p, uint8_t c)
{
    /* U+FF10 to U+FF19 in UTF-8: EF BC 90 to EF BC 99. */
    if (p->wide == 2 && c >= 0x90 && c <= 0x99) {
        p->wide = 0;
        digit(p, (uint8_t)(c - 0x90));
        p->before = (uint8_t)('0' + (c - 0x90));
        return;
    }
    if ((p->wide == 0 && c == 0xef) || (p->wide == 1 && c == 0xbc)) {
        p->wide++;
        return;
    }
    if (p->wide > 0 && p->n > 0)
        end_token(p);
    p->wide = 0;
    if (c >= '0' && c <= '9')
        digit(p, (uint8_t)(c - '0'));
    else if (p->n > 0)
        other(p, c);
    p->before = c;
}

enum { BLOCK = 8 };

/* No digit of either kind begins in these eight bytes: most of a text, asked of all at once.  A byte
 * below n makes the subtraction borrow into its highest bit, which was clear. */
static bool is_dull(const uint8_t *b)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t w;
    memcpy(&w, b, sizeof(w));
    uint64_t digit = w ^ each * '0';
    uint64_t wide = w ^ each * 0xef;
    uint64_t hit = ((digit - each * 10) & ~digit) | ((wide - each) & ~wide);
    return (hit & each * 0x80) == 0;
}

void kd_personal_add(struct kd_personal *p, struct kd_bytes piece)
{
    for (size_t i = 0; i < piece.n;) {
        size_t end = i + kd_min_size(BLOCK, piece.n - i);
        if (p->n == 0 && p->wide == 0 && end == i + BLOCK && is_dull(piece.p + i)) {
            p->before = piece.p[end - 1];
            i = end;
            continue;
        }
        for (; i < end; i++) {
            uint8_t c = piece.p[i];
            if (p->n == 0 && p->wide == 0 && (c < '0' || c > '9') && c != 0xef)
                p->before = c; /* most of a text */
            else
                one(p, c);
        }
    }
}

void kd_personal_end(struct kd_personal *p)
{
    if (p->n > 0)
        end_token(p);
}

uint32_t kd_personal_my_numbers(const struct kd_personal *p)
{
    return p->my_right * 3 >= p->my_all * 2 ? p->my_right : 0;
}

uint32_t kd_personal_cards(const struct kd_personal *p)
{
    return p->card_right * 3 >= p->card_all * 2 ? p->card_right : 0;
}
