/* SPDX-License-Identifier: Apache-2.0 */
/* Sets that rules ask and change: datasets, reputations, lists of digests.  One worker's; the memory is bounded
 * apart from that of conversations. */
#include "match/internal.h"
#include "rule/set.h"

enum { SETS_MEMORY = 512 << 20, MEMBER_BYTES = 64 };

struct m_sets {
    struct kd_pool *pool;
    uint32_t n;
    struct kd_set **set; /* by number of the dataset; NULL: cannot be asked */
};

static bool fill(struct m_sets *s, const struct kd_rules *rules, uint32_t i)
{
    const struct kd_dataset *d = rules->dataset[i];
    uint64_t most = d->memcap > 0 ? d->memcap / MEMBER_BYTES : SETS_MEMORY / MEMBER_BYTES;
    struct kd_bytes text;
    uint32_t bad;
    s->set[i] = kd_set_new(s->pool, d->type, (uint32_t)kd_min_u64(most, INT32_MAX));
    if (s->set[i] == NULL)
        return false;
    if (d->load.n > 0 && kd_rules_data_of(rules, d->load, &text) && d->format != KD_DATASET_CSV)
        return kd_set_load_json(s->set[i], text, d, &bad) != KD_NO_MEMORY;
    if (d->load.n > 0 && kd_rules_data_of(rules, d->load, &text))
        return kd_set_load(s->set[i], text, &bad) != KD_NO_MEMORY; /* as far as it goes */
    return true;
}

struct m_sets *m_sets_new(const struct kd_rules *rules)
{
    struct m_sets *s = calloc(1, sizeof(*s));
    bool ok = s != NULL;
    if (ok) {
        s->n = rules->n_datasets;
        s->set = calloc(s->n + 1, sizeof(struct kd_set *));
        s->pool = s->n == 0 ? NULL : kd_pool_new(SETS_MEMORY);
        ok = s->set != NULL && (s->n == 0 || s->pool != NULL);
    }
    for (uint32_t i = 0; ok && i < s->n; i++)
        ok = fill(s, rules, i);
    if (!ok) {
        m_sets_free(s);
        return NULL;
    }
    return s;
}

void m_sets_free(struct m_sets *s)
{
    if (s == NULL)
        return;
    for (uint32_t i = 0; s->set != NULL && i < s->n; i++)
        kd_set_free(s->set[i]);
    if (s->pool != NULL)
        kd_pool_free(s->pool);
    free(s->set);
    free(s);
}

void m_sets_carry(const struct m_sets *from, const struct kd_rules *old, struct m_sets *to, const struct kd_rules *now)
{
    enum { LINE_MAX_BYTES = 8192 };
    uint8_t room[LINE_MAX_BYTES];
    for (uint32_t i = 0; i < to->n; i++)
        for (uint32_t j = 0; j < from->n; j++) {
            const struct kd_dataset *a = old->dataset[j], *b = now->dataset[i];
            bool same = kd_bytes_eq(a->name, b->name) && a->type == b->type;
            bool from_file = a->load.n > 0 && a->save.n == 0; /* read anew */
            struct kd_out line = kd_out_of(room, sizeof(room));
            uint32_t at = 0, bad;
            while (same && !from_file && kd_set_next(from->set[j], &at, &line)) {
                if (kd_set_load(to->set[i], kd_out_bytes_view(&line), &bad) != KD_OK)
                    break;
                line = kd_out_of(room, sizeof(room));
            }
        }
}

bool m_sets_has(const struct m_sets *s, uint32_t dataset, struct kd_bytes value)
{
    return dataset < s->n && kd_set_has(s->set[dataset], value, NULL);
}

static bool compares(const struct kd_dataset_test *t, uint16_t v)
{
    switch (t->op) {
    case KD_OP_LT:
        return v < t->value;
    case KD_OP_LE:
        return v <= t->value;
    case KD_OP_GT:
        return v > t->value;
    case KD_OP_GE:
        return v >= t->value;
    default:
        return v == t->value;
    }
}

bool m_sets_context(const struct m_sets *s, const struct kd_dataset_test *t, struct kd_bytes value, struct kd_bytes *ret)
{
    return t->what == KD_DATASET_ISSET && t->set->id < s->n && kd_set_context(s->set[t->set->id], value, ret);
}

bool m_sets_test(const struct m_sets *s, const struct kd_dataset_test *t, struct kd_bytes value)
{
    uint16_t reputation = 0;
    if (t->set->id >= s->n || value.n == 0)
        return false;
    struct kd_set *set = s->set[t->set->id];
    bool has = kd_set_has(set, value, &reputation);
    if (t->set->reputation)
        return has && compares(t, reputation);
    switch (t->what) {
    case KD_DATASET_ISSET:
        return has;
    case KD_DATASET_ISNOTSET:
        return !has;
    case KD_DATASET_SET: /* what is there already is no news */
        return !has && kd_set_add(set, value, 0);
    case KD_DATASET_UNSET:
        return kd_set_remove(set, value);
    }
    return false;
}
