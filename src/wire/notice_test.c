/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/notice.h"

#include "../../tests/tap.h"

static uint8_t buf[KD_NOTICE_MAX];

static struct kd_notice_message an_item(void)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_ITEM};
    m.item = (struct kd_notice){.id = 7,
                                .version = 3,
                                .kind = KD_NOTICE_INCIDENT,
                                .severity = KD_NOTICE_CRITICAL,
                                .over = true,
                                .number = 12,
                                .count = 40,
                                .first_us = 1,
                                .last_us = 2,
                                .told_count = 3,
                                .told_us = 4,
                                .told_times = 1,
                                .told_severity = KD_NOTICE_HIGH,
                                .host = kd_str("10.1.2.3"),
                                .host_name = kd_str("kaikei-pc014"),
                                .title = {kd_str("題"), kd_str("title")},
                                .what = {kd_str("説明"), kd_str("what")},
                                .action = {kd_str("一\n二"), kd_str("one\ntwo")}};
    return m;
}

static void item_survives(void)
{
    struct kd_notice_message m = an_item(), back;
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_notice_put(&o, &m) == KD_OK);
    CHECK(kd_notice_read(kd_out_bytes_view(&o), &back) == KD_OK && back.tag == KD_NOTICE_ITEM);
    CHECK(back.item.id == 7 && back.item.version == 3 && back.item.over && !back.item.example);
    CHECK(back.item.count == 40 && back.item.told_count == 3 &&
          back.item.told_severity == KD_NOTICE_HIGH);
    CHECK(kd_bytes_eq_str(back.item.action.ja, "一\n二") &&
          kd_bytes_eq_str(back.item.host_name, "kaikei-pc014"));
}

static void answers_survive(void)
{
    struct kd_notice_message m = {.tag = KD_NOTICE_TOLD}, back;
    m.told = (struct kd_notice_told){.id = 9,
                                     .version = 2,
                                     .mailed = true,
                                     .severity = 4,
                                     .count = 5,
                                     .us = 6,
                                     .answer = kd_str("250 ok")};
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_notice_put(&o, &m) == KD_OK && kd_notice_read(kd_out_bytes_view(&o), &back) == KD_OK);
    CHECK(back.told.mailed && back.told.count == 5 && kd_bytes_eq_str(back.told.answer, "250 ok"));
    m = (struct kd_notice_message){.tag = KD_NOTICE_CHANNEL};
    m.channel = (struct kd_notice_channel){.state = KD_CHANNEL_DEAD,
                                           .waiting = 3,
                                           .reason = kd_str("login"),
                                           .why = {kd_str("断"), kd_str("no")}};
    o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_notice_put(&o, &m) == KD_OK && kd_notice_read(kd_out_bytes_view(&o), &back) == KD_OK);
    CHECK(back.channel.state == KD_CHANNEL_DEAD && kd_bytes_eq_str(back.channel.why.ja, "断"));
    m = (struct kd_notice_message){.tag = KD_NOTICE_HELLO};
    m.hello = (struct kd_notice_hello){.server = kd_str("mail:587"), .quiet_us = 8};
    o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_notice_put(&o, &m) == KD_OK && kd_notice_read(kd_out_bytes_view(&o), &back) == KD_OK);
    CHECK(kd_bytes_eq_str(back.hello.server, "mail:587") && back.hello.quiet_us == 8);
}

static void long_texts_are_cut_between_characters(void)
{
    static char text[KD_NOTICE_TITLE_MAX + 30];
    struct kd_notice_message m = an_item(), back;
    for (size_t i = 0; i + 3 < sizeof(text); i += 3)
        memcpy(text + i, "木", 3);
    text[sizeof(text) - 3] = '\0';
    m.item.title.ja = kd_str(text);
    m.item.title.en = kd_bytes_of("\xff\xfe", 2);
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_notice_put(&o, &m) == KD_OK && kd_notice_read(kd_out_bytes_view(&o), &back) == KD_OK);
    CHECK(back.item.title.ja.n == KD_NOTICE_TITLE_MAX / 3 * 3 && back.item.title.en.n == 0);
}

/* Cut anywhere, or with any byte changed: refused, or still within its bounds. */
static void broken_is_refused(void)
{
    struct kd_notice_message m = an_item(), back;
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    CHECK(kd_notice_put(&o, &m) == KD_OK);
    for (size_t n = 0; n < o.n; n++)
        CHECK(kd_notice_read(kd_bytes_of(buf, n), &back) == KD_MALFORMED);
    buf[o.n] = 0;
    CHECK(kd_notice_read(kd_bytes_of(buf, o.n + 1), &back) == KD_MALFORMED);
    for (size_t i = 0; i < o.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            buf[i] ^= (uint8_t)(1u << bit);
            if (kd_notice_read(kd_bytes_of(buf, o.n), &back) == KD_OK && back.tag == KD_NOTICE_ITEM)
                CHECK(back.item.kind < KD_NOTICE_KINDS &&
                      back.item.severity <= KD_NOTICE_CRITICAL &&
                      back.item.title.ja.n <= KD_NOTICE_TITLE_MAX);
            buf[i] ^= (uint8_t)(1u << bit);
        }
}

int main(void)
{
    RUN(item_survives);
    RUN(answers_survive);
    RUN(long_texts_are_cut_between_characters);
    RUN(broken_is_refused);
    return tap_done();
}
