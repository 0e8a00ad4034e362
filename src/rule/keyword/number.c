/* SPDX-License-Identifier: Apache-2.0 */
/* Keywords of base/number.def: one reader for all. */
#include "rule/internal.h"

/* "any", "all", "3", "-1", "or_absent", "oob_or 2", "nb>3" */
static bool index_word(struct kd_bytes v, struct kd_number_cond *n)
{
    static const struct {
        const char *name;
        enum kd_index index;
    } names[] = {{"any", KD_INDEX_ANY},
                 {"all", KD_INDEX_ALL},
                 {"all_or_absent", KD_INDEX_ALL_OR_ABSENT},
                 {"or_absent", KD_INDEX_OR_ABSENT}};
    int64_t i;
    for (size_t k = 0; k < KD_COUNT(names); k++)
        if (kd_bytes_ieq(v, kd_str(names[k].name))) {
            n->index = names[k].index;
            return true;
        }
    if (kd_bytes_starts(v, kd_str("nb"))) {
        n->index = KD_INDEX_TIMES;
        return kd_range_parse(kd_bytes_from(v, 2), 32, "", &n->times);
    }
    n->index = KD_INDEX_NTH;
    if (kd_bytes_starts(v, kd_str("oob_or"))) {
        n->index = KD_INDEX_OOB_OR;
        v = kd_bytes_from(v, strlen("oob_or"));
    }
    if (!kd_parse_i64(v, INT32_MIN, INT32_MAX, &i))
        return false;
    n->nth = (int32_t)i;
    return true;
}

/* "2:4", "-4:-1" */
static bool slice(struct kd_bytes v, struct kd_number_cond *n)
{
    int64_t from = 0, to = INT32_MAX;
    struct kd_bytes first = kd_cut_word(&v, ':');
    if ((first.n > 0 && !kd_parse_i64(first, INT32_MIN, INT32_MAX, &from)) ||
        (v.n > 0 && !kd_parse_i64(v, INT32_MIN, INT32_MAX, &to)))
        return false;
    n->sliced = true;
    n->slice_from = (int32_t)from;
    n->slice_to = (int32_t)to;
    return true;
}

static bool multiple(struct kd_parse *p, const struct kd_number_row *row, struct kd_bytes v,
                     struct kd_number_cond *n)
{
    struct kd_bytes range = kd_cut_word(&v, ','), index = kd_cut_word(&v, ',');
    if (kd_bytes_starts(range, kd_str("count"))) {
        n->index = KD_INDEX_COUNT;
        range = kd_bytes_from(range, strlen("count"));
        return kd_range_parse(range, 32, "", &n->times) || kd_refuse_word(p, KD_WHY_RANGE, range);
    }
    if (!kd_range_parse(range, row->bits, row->words, &n->range))
        return kd_refuse_word(p, KD_WHY_RANGE, range);
    if (index.n > 0 && !index_word(index, n))
        return kd_refuse_word(p, KD_WHY_VALUE, index);
    v = kd_bytes_trim(v);
    return v.n == 0 || slice(v, n) || kd_refuse_word(p, KD_WHY_VALUE, v);
}

/* "fin,!comp": bits by name */
static bool bit_names(struct kd_bytes v, const char *words, struct kd_range *ret)
{
    *ret = (struct kd_range){.op = KD_RANGE_MASK_EQ};
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        uint64_t bit;
        bool no = kd_bytes_at(word, 0) == '!';
        if (no)
            word = kd_bytes_trim(kd_bytes_from(word, 1));
        if (!kd_number_parse(word, 8, words, &bit) || (ret->a & bit) != 0 ||
            (word.p[0] >= '0' && word.p[0] <= '9'))
            return false;
        ret->a |= bit;
        ret->b |= no ? 0 : bit;
    }
    return ret->a != 0;
}

/* "10,raw": of the decoded path unless it says otherwise */
static struct kd_bytes urilen(struct kd_bytes v, struct kd_number_cond *n)
{
    struct kd_bytes which = v;
    struct kd_bytes range = kd_cut_word(&which, ',');
    which = kd_bytes_trim(which);
    if (kd_bytes_eq_str(which, "raw"))
        n->field = KD_NUM_URILEN_RAW;
    else if (which.n > 0 && !kd_bytes_eq_str(which, "norm"))
        return v;
    return range;
}

/* "to_client, <100": in rules over both directions of a transaction */
static struct kd_bytes sided(struct kd_parse *p, struct kd_bytes v, struct kd_number_cond *n)
{
    struct kd_bytes rest = v;
    struct kd_bytes side = kd_cut_word(&rest, ',');
    bool client = kd_bytes_eq_str(side, "to_client");
    if (!p->rule.transactional || (!client && !kd_bytes_eq_str(side, "to_server")))
        return v;
    n->side = client ? KD_INSPECT_CLIENT : KD_INSPECT_SERVER;
    return kd_bytes_trim(rest);
}

bool kd_parse_number_keyword(struct kd_parse *p, enum kd_number field, struct kd_bytes v)
{
    const struct kd_number_row *row = &kd_number_rows[field];
    struct kd_number_cond n = {.field = field};
    (void)kd_parse_app(p, row->proto);
    v = sided(p, v, &n);
    if (field == KD_NUM_URILEN)
        v = urilen(v, &n);
    if (row->multi) {
        if (!multiple(p, row, v, &n))
            return false;
    } else if (field == KD_NUM_WEBSOCKET_FLAGS && bit_names(v, row->words, &n.range)) {
        /* read */
    } else if (!kd_range_parse(v, row->bits, row->words, &n.range)) {
        return kd_refuse_word(p, KD_WHY_RANGE, v);
    }
    struct kd_cond *c = kd_parse_check(p, KD_COND_NUMBER);
    if (c != NULL)
        c->is.number = n;
    return c != NULL;
}
