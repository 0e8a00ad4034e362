/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer says when there is none (answer.h). */
#include "store/answer.h"

void kd_reply_error(struct kd_reply *r, uint16_t status, const char *code, const char *ja,
                    const char *en)
{
    r->status = status;
    r->json.h.n = 0;
    r->json.comma = r->json.failed = false;
    kd_jw_open(&r->json, NULL, '{');
    kd_jw_open(&r->json, "error", '{');
    kd_jw_str(&r->json, "code", code);
    kd_jw_both(&r->json, "message", kd_str(ja), kd_str(en));
    kd_jw_close(&r->json, '}');
    kd_jw_close(&r->json, '}');
}

void kd_reply_status(struct kd_reply *r, enum kd_status s)
{
    switch (s) {
    case KD_NOT_FOUND:
        kd_reply_error(r, 404, "not_found", "見つかりません。", "There is no such thing.");
        break;
    case KD_EXISTS:
        kd_reply_error(r, 409, "exists", "同じ名前のものがすでにあります。", "It exists already.");
        break;
    case KD_DEADLINE:
        kd_reply_error(r, 408, "deadline",
                       "時間内に終わりませんでした。期間や条件を狭めてください。",
                       "It took too long. Choose a shorter time or a narrower question.");
        break;
    case KD_CANCELLED:
        kd_reply_error(r, 408, "cancelled", "中止しました。", "It was cancelled.");
        break;
    case KD_BUSY:
        kd_reply_error(r, 503, "busy", "混み合っています。少し待ってからやり直してください。",
                       "Too busy now. Try again in a moment.");
        break;
    case KD_FULL:
        kd_reply_error(r, 507, "disk_full", "ディスクが満杯のため保存できません。",
                       "The disk is full: nothing could be saved.");
        break;
    default:
        kd_reply_error(r, 500, "internal", "センサー内部の問題で答えられません。",
                       "The sensor could not answer because of a fault of its own.");
        break;
    }
}
