/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about suspicious objects. */
#include "store/asker.h"
#include "store/lists.h"
#include "store/objects.h"

void kd_answer_objects(struct kd_asker *k)
{
    struct kd_jw *w = &k->r->json;
    kd_jw_open(w, NULL, '{');
    kd_jw_open(w, "items", '[');
    enum kd_status s = kd_objects_json(&k->a->meta, w);
    kd_jw_close(w, ']');
    if (s == KD_OK)
        s = kd_lists_json(&k->a->meta, w);
    kd_jw_close(w, '}');
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

void kd_answer_object_add(struct kd_asker *k)
{
    struct kd_object_new n = {.kind = kd_asker_pair(k, "kind"), .value = kd_bytes_trim(kd_asker_pair(k, "value")),
                              .reason = kd_bytes_trim(kd_asker_pair(k, "reason")), .owner = kd_str(k->session.user),
                              .source = "page"};
    uint64_t id = 0;
    if (!kd_asker_moment(k, "until", 0, &n.until_us))
        return;
    enum kd_status s = kd_object_add(&k->a->meta, &n, &id);
    if (s == KD_MALFORMED) {
        kd_asker_refuse(k, "bad_object", "種類に合う値と、理由を入力してください。",
                        "Give a value that fits the kind, and a reason.");
        return;
    }
    if (s == KD_LIMIT) {
        kd_asker_refuse(k, "too_many_objects", "登録できる数の上限に達しています。",
                        "There are as many objects as can be kept.");
        return;
    }
    if (s == KD_OK)
        s = kd_asker_audit(k, "object_add", n.value, n.reason);
    if (s == KD_OK)
        s = kd_object_json(&k->a->meta, id, &k->r->json);
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

void kd_answer_object_expire(struct kd_asker *k)
{
    uint64_t id;
    if (!kd_asker_number(k, "id", 0, INT64_MAX, &id))
        return;
    enum kd_status s = kd_object_expire(&k->a->meta, id);
    kd_asker_empty(k, s == KD_OK ? kd_asker_audit(k, "object_expire", kd_asker_pair(k, "id"), kd_str("")) : s);
}
