/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static void match(struct kd_tb *t, double at_s, uint64_t sid, const char *classtype, const char *confidence)
{
    struct kd_rec_signature s = {
        .signature_id = sid, .signature = kd_str("Example"), .classtype = kd_str(classtype),
        .category = kd_str("An example"), .severity = 1, .confidence = kd_str(confidence),
        .importance = kd_str("Major"), .technique = kd_str("T1071.001"),
    };
    kd_tb_put(t, kd_tb_head(KD_REC_SIGNATURE, at_s, "10.0.0.5", 50000, "203.0.113.9", 80), &s);
}

static void one_rule_is_a_hint(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 20; i++)
        match(t, i, 1, "trojan-activity", "High");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-SG-0001") == 1 && t->unfilled == 0);
    CHECK(kd_tb_at_least(t, "low") >= 1 && kd_tb_at_least(t, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-SG-0001")->technique, "T1071.001") == 0);
    kd_tb_free(t);
}

static void several_that_agree_are_more(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned sid = 1; sid <= 4; sid++)
        match(t, sid, sid, "command-and-control", "High");
    kd_tb_finish(t);
    CHECK(kd_tb_at_least(t, "medium") >= 1 && kd_tb_at_least(t, "high") == 0);
    kd_tb_free(t);
}

static void weak_ones_stay_weak(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (unsigned sid = 1; sid <= 6; sid++)
        match(t, sid, sid, "misc-activity", "Low");
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-SG-0005") == 6 && kd_tb_at_least(t, "low") == 0);
    kd_tb_free(t);
}

static void the_message_is_in_the_readers_language(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_signature s = {.signature_id = 7, .signature = kd_str("Example"), .signature_ja = kd_str("見本"),
                                 .classtype = kd_str("trojan-activity"), .category = kd_str("An example")};
    kd_tb_put(t, kd_tb_head(KD_REC_SIGNATURE, 1, "10.0.0.5", 50000, "203.0.113.9", 80), &s);
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, "KD-SG-0001");
    CHECK(strstr(a->title_ja, "見本") != NULL && strstr(a->title_en, "Example") != NULL && strstr(a->why_ja, "見本") != NULL);
    kd_tb_free(t);
}

int main(void)
{
    RUN(one_rule_is_a_hint);
    RUN(several_that_agree_are_more);
    RUN(weak_ones_stay_weak);
    RUN(the_message_is_in_the_readers_language);
    return tap_done();
}
