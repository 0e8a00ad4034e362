/* SPDX-License-Identifier: Apache-2.0 */
#include "store/decisions.h"

#include "store/exceptions.h"
#include "store/objects.h"
#include "wire/board.h"

static enum kd_status revision_of(struct kd_meta *m, uint64_t *ret)
{
    struct kd_sql q = kd_sql(m, "SELECT revision FROM decisions");
    *ret = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q);
}

enum kd_status kd_decided(struct kd_meta *m)
{
    return kd_meta_run(m, "UPDATE decisions SET revision = revision + 1");
}

/* The exceptions of the list, as views into it. */
static bool take_exceptions(struct kd_decisions *d, size_t most)
{
    struct kd_cur c = kd_cur_of(kd_bytes_of(d->text, d->n_text));
    struct kd_decision one;
    free(d->exception);
    d->exception = calloc(most + 1, sizeof(d->exception[0]));
    d->n_exceptions = 0;
    if (d->exception == NULL)
        return false;
    while (kd_decision_next(&c, &one) == KD_OK)
        if (one.kind == KD_DECISION_EXCEPTION && d->n_exceptions < most)
            d->exception[d->n_exceptions++] = one.exception;
    return true;
}

enum kd_status kd_decisions_load(struct kd_decisions *d, struct kd_meta *m, bool *ret_changed)
{
    uint64_t revision = 0;
    size_t n_exceptions = 0;
    enum kd_status s = revision_of(m, &revision);
    if (ret_changed != NULL)
        *ret_changed = s == KD_OK && revision != d->revision;
    if (s != KD_OK || revision == d->revision)
        return s;
    if (d->text == NULL && (d->text = malloc(KD_BOARD_TEXT_MAX)) == NULL)
        return KD_NO_MEMORY;
    struct kd_out o = kd_out_of(d->text, KD_BOARD_TEXT_MAX);
    d->left_out = 0;
    s = kd_exceptions_put(m, &o, &n_exceptions, &d->left_out);
    if (s == KD_OK)
        s = kd_objects_put(m, &o, &d->left_out);
    d->n_text = o.n;
    if (!take_exceptions(d, n_exceptions))
        s = KD_NO_MEMORY;
    if (s == KD_OK)
        d->revision = revision;
    return s;
}

void kd_decisions_done(struct kd_decisions *d)
{
    free(d->text);
    free(d->exception);
    *d = (struct kd_decisions){0};
}

const struct kd_exception *kd_decisions_hide(const struct kd_decisions *d, const struct kd_exception_case *c,
                                             uint64_t now_us)
{
    for (size_t i = 0; i < d->n_exceptions; i++)
        if (kd_exception_hides(&d->exception[i], c, now_us))
            return &d->exception[i];
    return NULL;
}
