/* SPDX-License-Identifier: Apache-2.0 */
/* Chat (IRC) with the outside, as programs that wait for orders use it.  See chat.md. */
#include "detect/common.h"
#include "findings.h"

enum { DIGITS_ODD = 4 };

/* People choose a name they can say; programs number themselves: "JPN|W10|48213", "[DE-XP]0093". */
static bool is_numbered(struct kd_bytes nick)
{
    unsigned digits = 0, marks = 0;
    for (size_t i = 0; i < nick.n; i++) {
        digits += nick.p[i] >= '0' && nick.p[i] <= '9';
        marks += nick.p[i] == '|' || nick.p[i] == '[' || nick.p[i] == '{';
    }
    return digits >= DIGITS_ODD || (marks > 0 && digits > 0);
}

static void chat_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_irc *c = r->body;
    bool takes_part = kd_bytes_eq_str(c->command, "register") || kd_bytes_eq_str(c->command, "join");
    if (!takes_part || !kd_bytes_eq_str(c->result, "ok") || !kd_detect_is_inside(d, &r->head->src) ||
        kd_detect_is_inside(d, &r->head->dst))
        return;
    struct kd_digits port;
    struct kd_key fold = kd_key_of('i');
    kd_key_addr(&fold, &r->head->src);
    kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {
        {"name", c->nick.n > 0 ? c->nick : kd_str("-")},
        {"port", kd_digits_of(&port, r->head->dst_port)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0080, .host = r->head->src, .peer = r->head->dst, .fold = kd_key_view(&fold),
                   .severity = is_numbered(c->nick) ? KD_MEDIUM : -1, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

const struct kd_detector kd_detector_chat = {
    .name = "chat",
    .summary_en = "chat (IRC) with the outside, as programs that wait for orders use it",
    .summary_ja = "外部のチャット(IRC)への参加(指令を待つ不正プログラムの動き)",
    .wants = (uint64_t)1 << KD_REC_IRC,
    .key_state_bytes = 1,
    .max_keys = 16,
    .record = chat_record,
};
