/* SPDX-License-Identifier: Apache-2.0 */
#include "store/asker.h"

#include "store/audit.h"

void kd_asker_fail(struct kd_asker *k, enum kd_status s)
{
    kd_reply_status(k->r, s);
}

void kd_asker_refuse(struct kd_asker *k, const char *code, const char *ja, const char *en)
{
    kd_reply_error(k->r, 422, code, ja, en);
}

struct kd_bytes kd_asker_pair(const struct kd_asker *k, const char *name)
{
    return kd_question_get(k->q, name);
}

bool kd_asker_number(struct kd_asker *k, const char *name, uint64_t otherwise, uint64_t max,
                     uint64_t *ret)
{
    struct kd_bytes v = kd_asker_pair(k, name);
    *ret = otherwise;
    if (v.n == 0)
        return true;
    if (!kd_bytes_to_u64(v, UINT64_MAX, ret)) {
        kd_asker_refuse(k, "bad_number", "数値の指定が正しくありません。",
                        "A number is not written as one.");
        return false;
    }
    *ret = kd_min_u64(*ret, max);
    return true;
}

bool kd_asker_moment(struct kd_asker *k, const char *name, uint64_t otherwise, uint64_t *ret)
{
    struct kd_bytes v = kd_asker_pair(k, name);
    *ret = otherwise;
    if (v.n == 0 || kd_time_parse(v, k->a->zone_s, ret))
        return true;
    kd_asker_refuse(k, "bad_time", "日時の指定が正しくありません(例: 2026-11-22T09:00:00+09:00)。",
                    "A time is not written as one (for example 2026-11-22T09:00:00+09:00).");
    return false;
}

enum kd_status kd_asker_audit(struct kd_asker *k, const char *action, struct kd_bytes object,
                              struct kd_bytes detail)
{
    return kd_audit(&k->a->meta, kd_str(k->session.user), kd_asker_pair(k, "client"), action,
                    object, detail);
}

void kd_asker_empty(struct kd_asker *k, enum kd_status s)
{
    if (s == KD_OK)
        k->r->status = 204;
    else
        kd_asker_fail(k, s);
}
