/* SPDX-License-Identifier: Apache-2.0 */
/* Answers about notices: how the channel is, what was sent, and a test of it. */
#include "store/asker.h"
#include "store/notices.h"

enum { TESTS_A_MINUTE = 3 };

void kd_answer_notices(struct kd_asker *k)
{
    enum kd_status s = kd_notices_json(&k->a->meta, k->a->notices, &k->r->json);
    if (s != KD_OK)
        kd_asker_fail(k, s);
}

static enum kd_status count_tests(struct kd_asker *k, uint64_t *ret)
{
    uint64_t now = kd_meta_now(&k->a->meta);
    struct kd_sql q =
        kd_sql(&k->a->meta, "SELECT count(*) FROM notices WHERE kind = 4 AND made_us > ?");
    kd_sql_u64(&q, now - kd_min_u64(now, KD_US_PER_MINUTE));
    *ret = kd_sql_row(&q) ? kd_sql_get(&q, 0) : 0;
    return kd_sql_done(&q);
}

void kd_answer_notice_test(struct kd_asker *k)
{
    uint64_t tests = 0, id = 0;
    if (!k->a->notices) {
        kd_asker_refuse(
            k, "no_channel",
            "お知らせの送り先が設定されていません。設定ファイルの notice.email を書いてください。",
            "No way to send notices is configured; write notice.email in the configuration.");
        return;
    }
    enum kd_status s = count_tests(k, &tests);
    if (s == KD_OK && tests >= TESTS_A_MINUTE) {
        kd_reply_error(k->r, 429, "too_often", "続けて何度も送れません。1 分ほど待ってください。",
                       "Too many tests in a row. Wait a minute.");
        k->r->retry_s = 60;
        return;
    }
    if (s == KD_OK)
        s = kd_notice_test(&k->a->meta, kd_str(k->session.user), &id);
    if (s == KD_OK)
        s = kd_asker_audit(k, "notice_test", kd_str("email"), kd_str(""));
    if (s != KD_OK) {
        kd_asker_fail(k, s);
        return;
    }
    kd_jw_open(&k->r->json, NULL, '{');
    kd_jw_u64(&k->r->json, "id", id);
    kd_jw_close(&k->r->json, '}');
}
