/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/number.h"

static uint64_t most_of(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static bool digits(struct kd_bytes b, unsigned base, uint64_t *ret)
{
    uint64_t v = 0;
    if (b.n == 0)
        return false;
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = kd_ascii_lower(b.p[i]);
        unsigned d = c >= '0' && c <= '9' ? c - (unsigned)'0' : c - (unsigned)'a' + 10;
        bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!is_digit || d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
    }
    *ret = v;
    return true;
}

static unsigned unit_shift(struct kd_bytes *b)
{
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"kib", 10}, {"mib", 20}, {"gib", 30}, {"kb", 10}, {"mb", 20}, {"gb", 30}};
    for (size_t i = 0; i < KD_COUNT(units); i++)
        if (kd_bytes_iends(*b, kd_str(units[i].name))) {
            b->n -= strlen(units[i].name);
            *b = kd_bytes_trim(*b);
            return units[i].shift;
        }
    return 0;
}

static bool word_value(struct kd_bytes text, const char *words, uint64_t *ret)
{
    struct kd_bytes rest = kd_str(words);
    while (rest.n > 0) {
        struct kd_bytes value = kd_bytes_cut(&rest, ',');
        struct kd_bytes name = kd_bytes_cut(&value, '=');
        if (kd_bytes_ieq(name, text))
            return digits(value, 10, ret);
    }
    return false;
}

bool kd_number_parse(struct kd_bytes text, unsigned bits, const char *words, uint64_t *ret)
{
    struct kd_bytes b = kd_bytes_trim(text);
    if (words[0] != '\0' && word_value(b, words, ret))
        return *ret <= most_of(bits);
    unsigned shift = 0;
    if (kd_bytes_istarts(b, kd_str("0x"))) {
        if (!digits(kd_bytes_from(b, 2), 16, ret))
            return false;
    } else {
        shift = unit_shift(&b);
        if (!digits(b, 10, ret))
            return false;
    }
    if (*ret > most_of(bits) >> shift)
        return false;
    *ret <<= shift;
    return true;
}

struct reading {
    unsigned bits;
    const char *words;
    struct kd_range *ret;
};

static bool one_of(const struct reading *r, struct kd_bytes text, uint64_t *ret)
{
    return kd_number_parse(text, r->bits, r->words, ret);
}

/* "&mask=value", "&mask!=value" */
static bool masked(const struct reading *r, struct kd_bytes text)
{
    struct kd_bytes value = kd_bytes_from(text, 1);
    struct kd_bytes mask = kd_bytes_cut(&value, '=');
    r->ret->op = KD_RANGE_MASK_EQ;
    if (mask.n > 0 && mask.p[mask.n - 1] == '!') {
        mask.n--;
        r->ret->op = KD_RANGE_MASK_NE;
    }
    return one_of(r, mask, &r->ret->a) && one_of(r, value, &r->ret->b) &&
           (r->ret->b & ~r->ret->a) == 0;
}

/* "10-20", "10<>20": what lies between; "!10-20": the rest. */
static bool between(const struct reading *r, struct kd_bytes text, bool negated)
{
    struct kd_bytes last = text, first;
    size_t arrow = kd_bytes_find(text, kd_str("<>"));
    if (arrow != SIZE_MAX) {
        first = kd_bytes_head(text, arrow);
        last = kd_bytes_from(text, arrow + 2);
    } else {
        first = kd_bytes_cut(&last, '-');
    }
    if (!one_of(r, first, &r->ret->a) || !one_of(r, last, &r->ret->b) || r->ret->a >= r->ret->b)
        return false;
    if (r->ret->b - r->ret->a < 2)
        return false;
    r->ret->a++;
    r->ret->b--;
    r->ret->op = negated ? KD_RANGE_OUT : KD_RANGE_IN;
    return true;
}

static bool beyond(const struct reading *r, struct kd_bytes text, bool greater, bool or_equal)
{
    uint64_t v, most = most_of(r->bits);
    if (!one_of(r, text, &v) || (!or_equal && v == (greater ? most : 0)))
        return false;
    if (!or_equal)
        v = greater ? v + 1 : v - 1;
    *r->ret =
        greater ? (struct kd_range){v, most, KD_RANGE_IN} : (struct kd_range){0, v, KD_RANGE_IN};
    return true;
}

bool kd_range_parse(struct kd_bytes text, unsigned bits, const char *words, struct kd_range *ret)
{
    const struct reading r = {bits, words, ret};
    struct kd_bytes b = kd_bytes_trim(text);
    uint8_t c0 = kd_bytes_at(b, 0), c1 = kd_bytes_at(b, 1);
    *ret = (struct kd_range){0};
    if (c0 == '&')
        return masked(&r, b);
    if ((c0 == '<' && c1 != '>') || c0 == '>')
        return beyond(&r, kd_bytes_from(b, c1 == '=' ? 2 : 1), c0 == '>', c1 == '=');
    bool negated = c0 == '!';
    if (c0 == '=' || negated)
        b = kd_bytes_trim(kd_bytes_from(b, c1 == '=' ? 2 : 1));
    if (one_of(&r, b, &ret->a)) {
        ret->b = ret->a;
        ret->op = negated ? KD_RANGE_OUT : KD_RANGE_IN;
        return true;
    }
    return c0 != '=' && between(&r, b, negated);
}
