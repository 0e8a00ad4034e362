/* SPDX-License-Identifier: Apache-2.0 */
/* What is told when, and the life of the channel. */
#include "notice/outbox.h"

#include "../../tests/tap.h"
#include "notice/channel.h"

#define S (uint64_t) KD_US_PER_S
#define NOW (1800000000 * S)
#define QUIET KD_US_PER_HOUR

static const struct kd_notice *due[KD_LETTER_ITEMS];

static struct kd_notice item(uint64_t id, uint8_t severity, uint64_t count)
{
    return (struct kd_notice){.id = id,
                              .version = 1,
                              .kind = KD_NOTICE_DETECTION,
                              .severity = severity,
                              .count = count,
                              .first_us = NOW,
                              .last_us = NOW,
                              .title = {kd_str("題"), kd_str("title")}};
}

static size_t send_due(struct kd_outbox *b, uint64_t now)
{
    uint64_t ids[KD_LETTER_ITEMS];
    size_t n = kd_outbox_due(b, now, due);
    for (size_t i = 0; i < n; i++)
        ids[i] = due[i]->id;
    kd_outbox_told(b, ids, n, now);
    return n;
}

static void news_gathers_and_goes_within_a_minute(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    struct kd_notice n = item(1, KD_NOTICE_HIGH, 1);
    kd_outbox_put(b, &n, NOW);
    CHECK(kd_outbox_due(b, NOW + 1 * S, due) == 0);
    /* Further news of the same does not put it off. */
    for (uint64_t s = 1; s < KD_GATHER_S; s++) {
        n.version++;
        n.count++;
        kd_outbox_put(b, &n, NOW + s * S);
    }
    CHECK(kd_outbox_due(b, NOW + KD_GATHER_S * S, due) == 1 && due[0]->count == KD_GATHER_S);
    kd_outbox_free(b);
}

static void repeats_are_quiet_and_then_counted(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    struct kd_notice n = item(1, KD_NOTICE_HIGH, 6);
    n.told_times = 1;
    n.told_us = NOW;
    n.told_count = 1;
    n.told_severity = KD_NOTICE_HIGH;
    kd_outbox_put(b, &n, NOW + 60 * S);
    CHECK(kd_outbox_due(b, NOW + QUIET - S, due) == 0 &&
          kd_outbox_waiting(b, NOW + QUIET - S) == 0);
    CHECK(kd_outbox_due(b, NOW + QUIET, due) == 1 && due[0]->count - due[0]->told_count == 5);
    /* The third mail waits twice as long. */
    n.version = 2;
    n.told_times = 2;
    kd_outbox_put(b, &n, NOW + 61 * S);
    CHECK(kd_outbox_due(b, NOW + QUIET, due) == 0 && kd_outbox_due(b, NOW + 2 * QUIET, due) == 1);
    /* Worse than told: at once. */
    n.version = 3;
    n.severity = KD_NOTICE_CRITICAL;
    kd_outbox_put(b, &n, NOW + 100 * S);
    CHECK(kd_outbox_due(b, NOW + (100 + KD_GATHER_S) * S, due) == 1);
    /* A clock set back by a year silences for the quiet period at most. */
    n = item(2, KD_NOTICE_HIGH, 2);
    n.told_times = 1;
    n.told_count = 1;
    n.told_severity = KD_NOTICE_HIGH;
    n.told_us = NOW + 365 * KD_US_PER_DAY;
    kd_outbox_put(b, &n, NOW);
    (void)kd_outbox_due(b, NOW + 2 * QUIET, due);
    CHECK(kd_outbox_waiting(b, NOW + 2 * QUIET) == 1);
    kd_outbox_free(b);
}

static void what_needs_no_mail_is_given_back(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    struct kd_notice n = item(1, KD_NOTICE_HIGH, 3), back;
    n.told_times = 1;
    n.told_count = 3;
    n.told_severity = KD_NOTICE_HIGH;
    kd_outbox_put(b, &n, NOW);
    CHECK(kd_outbox_idle(b, &back) && back.id == 1 && !kd_outbox_idle(b, &back));
    /* A trouble that went before anybody was told, and one that was told. */
    n = item(2, KD_NOTICE_HIGH, 1);
    n.kind = KD_NOTICE_SENSOR;
    n.over = true;
    kd_outbox_put(b, &n, NOW);
    CHECK(kd_outbox_idle(b, &back) && back.id == 2);
    n.told_times = 1;
    kd_outbox_put(b, &n, NOW);
    CHECK(!kd_outbox_idle(b, &back) && kd_outbox_due(b, NOW, due) == 1);
    kd_outbox_free(b);
}

static void old_versions_change_nothing(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    struct kd_notice n = item(1, KD_NOTICE_HIGH, 9);
    n.version = 5;
    kd_outbox_put(b, &n, NOW);
    n.version = 4;
    n.count = 1;
    kd_outbox_put(b, &n, NOW);
    CHECK(kd_outbox_due(b, NOW + 60 * S, due) == 1 && due[0]->count == 9);
    kd_outbox_free(b);
}

static void a_few_are_separate_many_are_one(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    for (uint64_t i = 1; i <= 3; i++) {
        struct kd_notice n = item(i, i == 2 ? KD_NOTICE_CRITICAL : KD_NOTICE_HIGH, 1);
        kd_outbox_put(b, &n, NOW);
    }
    uint64_t t = NOW + 10 * S;
    CHECK(kd_outbox_due(b, t, due) == 1 && due[0]->id == 2);
    CHECK(send_due(b, t) == 1 && send_due(b, t) == 1 && send_due(b, t) == 1 && send_due(b, t) == 0);
    for (uint64_t i = 10; i < 40; i++) {
        struct kd_notice n = item(i, i == 33 ? KD_NOTICE_CRITICAL : KD_NOTICE_HIGH, 1);
        kd_outbox_put(b, &n, t);
    }
    t += 10 * S;
    CHECK(send_due(b, t) == KD_LETTER_ITEMS && due[0]->id == 33);
    CHECK(send_due(b, t) == 30 - KD_LETTER_ITEMS && send_due(b, t) == 0);
    kd_outbox_free(b);
}

/* A new subject every second for an hour: not 3600 mails, and the critical one still within a
 * minute. */
static void a_storm_is_not_passed_on(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    size_t mails = 0, told = 0;
    bool urgent_out = false;
    for (uint64_t s = 0; s < 3600; s++) {
        struct kd_notice n = item(s + 1, s == 1800 ? KD_NOTICE_CRITICAL : KD_NOTICE_HIGH, 1);
        kd_outbox_put(b, &n, NOW + s * S);
        size_t k = send_due(b, NOW + s * S);
        mails += k > 0;
        told += k;
        for (size_t i = 0; i < k; i++)
            urgent_out |= due[i]->severity == KD_NOTICE_CRITICAL && s - 1800 <= 60;
    }
    printf("# %zu mails, %zu items\n", mails, told);
    CHECK(mails <= KD_MAILS_PER_HOUR + 3600 / KD_CROWDED_S + 1 && urgent_out);
    kd_outbox_free(b);
}

static void a_test_goes_alone_and_at_once(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    for (uint64_t i = 1; i <= KD_OUTBOX_ITEMS; i++) {
        struct kd_notice n = item(i, KD_NOTICE_CRITICAL, 1);
        kd_outbox_put(b, &n, NOW);
    }
    struct kd_notice n = item(900, KD_NOTICE_INFO, 1);
    n.kind = KD_NOTICE_TEST;
    kd_outbox_put(b, &n, NOW);
    CHECK(kd_outbox_due(b, NOW, due) == 1 && due[0]->id == 900);
    kd_outbox_free(b);
}

static void a_full_box_keeps_the_worst(void)
{
    struct kd_outbox *b = kd_outbox_new(QUIET);
    for (uint64_t i = 1; i <= KD_OUTBOX_ITEMS + 5; i++) {
        struct kd_notice n = item(i, KD_NOTICE_HIGH, 1);
        kd_outbox_put(b, &n, NOW);
    }
    struct kd_notice n = item(900, KD_NOTICE_CRITICAL, 1);
    kd_outbox_put(b, &n, NOW);
    CHECK(kd_outbox_due(b, NOW + 10 * S, due) == KD_LETTER_ITEMS && due[0]->id == 900);
    kd_outbox_free(b);
}

/* ---- channel ---- */

static void channel_backs_off_dies_and_recovers(void)
{
    struct kd_channel c;
    struct kd_notice_channel told;
    kd_channel_init(&c, 600 * S);
    CHECK(kd_channel_should_probe(&c, NOW) && c.state == KD_CHANNEL_UNKNOWN);
    kd_channel_ok(&c, NOW, kd_str("250 2.0.0 Ok"));
    CHECK(!kd_channel_should_probe(&c, NOW + KD_PROBE_S * S - 1) &&
          kd_channel_should_probe(&c, NOW + KD_PROBE_S * S));
    uint64_t t = NOW + 5 * S;
    size_t tries = 0;
    bool alarm = false;
    for (; t < NOW + 700 * S; t += S) {
        alarm |= kd_channel_tick(&c, t);
        if (kd_channel_may_send(&c, t)) {
            tries++;
            kd_channel_failed(&c, t, KD_REASON_CONNECT, kd_str("Connection refused"));
        }
        CHECK(c.state == (t - (NOW + 5 * S) < 600 * S ? KD_CHANNEL_FAILING : KD_CHANNEL_DEAD));
    }
    CHECK(alarm || c.state == KD_CHANNEL_DEAD);
    CHECK(tries >= 5 && tries <= 10); /* 10, 20, 40, 80, 160, 300 s … */
    kd_channel_tell(&c, 4, &told);
    CHECK(told.state == KD_CHANNEL_DEAD && told.waiting == 4 &&
          kd_bytes_eq_str(told.reason, "connect") && told.why.ja.n > 0 && told.action.en.n > 0 &&
          told.next_us > t);
    kd_channel_ok(&c, t, kd_str("250"));
    CHECK(c.state == KD_CHANNEL_OK && c.since_us == t && c.failures == 0 &&
          !kd_channel_tick(&c, t + 9999 * S));
    kd_channel_failed(&c, t, KD_REASON_LATER, kd_str("4\r\n51 \x1b[31m"));
    CHECK(strchr(c.answer, '\n') == NULL && strchr(c.answer, '\x1b') == NULL);
    CHECK(kd_channel_may_send(&c, NOW - 365 * KD_US_PER_DAY)); /* a clock set back */
}

static void reasons_have_words(void)
{
    for (int r = KD_REASON_NONE + 1; r < KD_REASONS; r++) {
        const struct kd_reason_row *row = kd_reason_row((enum kd_reason)r);
        CHECK(row->name != NULL && row->ja[0] && row->en[0] && row->do_ja[0] && row->do_en[0]);
    }
    CHECK(kd_reason_of_answer(535, KD_MAIL_LOGIN) == KD_REASON_LOGIN);
    CHECK(kd_reason_of_answer(550, KD_MAIL_RECIPIENT) == KD_REASON_RECIPIENT);
    CHECK(kd_reason_of_answer(530, KD_MAIL_SENDER) == KD_REASON_LOGIN);
    CHECK(kd_reason_of_answer(451, KD_MAIL_RECIPIENT) == KD_REASON_LATER);
    CHECK(kd_reason_of_answer(552, KD_MAIL_CONTENT) == KD_REASON_REFUSED);
}

int main(void)
{
    RUN(news_gathers_and_goes_within_a_minute);
    RUN(repeats_are_quiet_and_then_counted);
    RUN(what_needs_no_mail_is_given_back);
    RUN(old_versions_change_nothing);
    RUN(a_few_are_separate_many_are_one);
    RUN(a_storm_is_not_passed_on);
    RUN(a_test_goes_alone_and_at_once);
    RUN(a_full_box_keeps_the_worst);
    RUN(channel_backs_off_dies_and_recovers);
    RUN(reasons_have_words);
    return tap_done();
}
