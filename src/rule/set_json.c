/* SPDX-License-Identifier: Apache-2.0 */
/* Members of datasets in JSON, each with its context. */
#include "base/json_read.h"
#include "rule/set.h"

enum { VALUE_MAX = 4096, CONTEXT_MAX = 64 * 1024 };

/* The member's value in its raw form: strings stand as they are, the others as in lists. */
static bool value_of(const struct kd_set *set, const struct kd_dataset *d, struct kd_bytes object, struct kd_out *o)
{
    uint8_t room[VALUE_MAX];
    struct kd_out text = kd_out_of(room, sizeof(room));
    struct kd_bytes v;
    if (!kd_json_find(object, d->value_key, &v))
        return false;
    if (d->type == KD_DATASET_STRING)
        return kd_json_text(v, o);
    return kd_json_text(v, &text) && kd_set_raw(set, kd_out_bytes_view(&text), o);
}

static bool take_object(struct kd_set *set, const struct kd_dataset *d, struct kd_bytes object)
{
    static _Thread_local uint8_t context[CONTEXT_MAX];
    uint8_t room[VALUE_MAX];
    struct kd_out value = kd_out_of(room, sizeof(room)), whole = kd_out_of(context, sizeof(context));
    if (!value_of(set, d, object, &value) || !kd_out_ok(&value))
        return false;
    kd_json_compact(&whole, object, kd_str(""));
    if (kd_set_has(set, kd_out_bytes_view(&value), NULL))
        return true;
    return kd_out_ok(&whole) && kd_set_add_context(set, kd_out_bytes_view(&value), kd_out_bytes_view(&whole));
}

static enum kd_status take_array(struct kd_set *set, const struct kd_dataset *d, struct kd_bytes array, uint32_t *ret_bad)
{
    struct kd_bytes object;
    for (size_t at = 0; kd_json_element(array, &at, &object);)
        *ret_bad += !take_object(set, d, object);
    return KD_OK;
}

enum kd_status kd_set_load_json(struct kd_set *set, struct kd_bytes text, const struct kd_dataset *d, uint32_t *ret_bad)
{
    struct kd_bytes value, array;
    *ret_bad = 0;
    while (kd_json_take(&text, &value)) {
        if (d->format == KD_DATASET_JSON)
            return kd_json_find(value, d->array_key, &array) ? take_array(set, d, array, ret_bad) : KD_MALFORMED;
        *ret_bad += !take_object(set, d, value);
    }
    return text.n == 0 ? KD_OK : KD_MALFORMED;
}
