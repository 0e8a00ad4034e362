/* SPDX-License-Identifier: Apache-2.0 */
/* The mail itself: what it says, and what an attacker cannot make it say. */
#include "notice/letter.h"

#include "../../tests/tap.h"
#include "base/base64.h"
#include "notice/clean.h"
#include "notice/mime.h"

#define NOW (1795306502 * (uint64_t)KD_US_PER_S) /* 2026-11-22 09:15:02 in Japan */

static uint8_t room[KD_LETTER_MAX], plain[KD_LETTER_MAX];
static const char *to[] = {"officer@town.example", "second@town.example"};
static const struct kd_letter_config both = {.ja = true,
                                             .en = true,
                                             .zone_s = KD_ZONE_JAPAN_S,
                                             .from = "kidoban@town.example",
                                             .to = to,
                                             .n_to = 2,
                                             .url = "https://10.1.2.9:8443",
                                             .site = "sensor-1"};

static struct kd_notice a_detection(void)
{
    return (struct kd_notice){
        .id = 5,
        .version = 1,
        .kind = KD_NOTICE_DETECTION,
        .severity = KD_NOTICE_CRITICAL,
        .number = 31,
        .count = 1,
        .first_us = NOW,
        .last_us = NOW,
        .host = kd_str("10.1.2.3"),
        .host_name = kd_str("kaikei-pc014"),
        .title = {kd_str("共有フォルダーの中身が次々に書き換えられている"),
                  kd_str("Files on a share are being rewritten")},
        .what = {kd_str("端末が http://bad.example.com/x から取得した"),
                 kd_str("fetched http://bad.example.com/x")},
        .action = {kd_str("LAN ケーブルを抜く\n担当者に連絡する"), kd_str("Unplug it\nCall")}};
}

/* Headers as they are, and the body decoded; both terminated. */
static const char *write_letter(const struct kd_letter_config *cfg, const struct kd_notice *n,
                                const char **ret_body)
{
    struct kd_out o = kd_out_of(room, sizeof(room) - 1), body = kd_out_of(plain, sizeof(plain) - 1);
    CHECK(kd_letter_write(&o, cfg, &n, 1, NOW, 1) == KD_OK);
    room[o.n] = '\0';
    size_t end = kd_bytes_find(kd_out_bytes_view(&o), kd_str("\r\n\r\n"));
    CHECK(end != SIZE_MAX &&
          kd_base64_decode(kd_bytes_from(kd_out_bytes_view(&o), end + 4), &body));
    plain[body.n] = '\0';
    room[end] = '\0';
    *ret_body = (const char *)plain;
    return (const char *)room;
}

static void clean(const char *in, const char *want)
{
    uint8_t buf[256];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_clean_foreign(&o, kd_str(in), sizeof(buf));
    if (!kd_bytes_eq_str(kd_out_bytes_view(&o), want))
        printf("# \"%s\" became \"%.*s\"\n", in, (int)o.n, (const char *)o.p);
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&o), want));
}

static void foreign_text_is_harmless(void)
{
    clean("see https://Evil.Example.com/a?b=c.", "see hxxps://Evil.Example[.]com/a?b=c.");
    clean("HTTP://x.jp ftp://y.jp javascript:alert(1)",
          "hxxp://x[.]jp ftp[:]//y[.]jp javascript[:]alert(1)");
    clean("bad.example.com と xn--fsq.xn--zckzah", "bad.example[.]com と xn--fsq[.]xn--zckzah");
    clean("10.1.2.3 の report.docx、見積書.exe", "10.1.2.3 の report.docx、見積書.exe");
    clean("a@b.example", "a[@]b[.]example");
    clean("one\r\nBcc: x\n\tq", "one Bcc: x q");
    clean("ab\x1b[31mc\x7f", "ab[31mc");
    clean("\xe2\x80\xae"
          "fdp.exe\xe2\x80\x8b\xef\xbb\xbf",
          "fdp.exe");
    clean("bad \xff\xc0\xaf byte", "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd byte");
    clean("Ver. 2.0 (12:30) 端末:PC", "Ver. 2.0 (12:30) 端末:PC");
}

static void lines_are_bounded(void)
{
    uint8_t buf[64];
    for (size_t max = 0; max <= 40; max++) {
        struct kd_out o = kd_out_of(buf, sizeof(buf));
        kd_clean_line(&o, kd_str("木戸番は ネットワークを 見守る 番人です"), max);
        CHECK(o.n <= max && kd_bytes_is_utf8(kd_out_bytes_view(&o)) && kd_out_ok(&o));
    }
}

static void headers_are_as_they_must_be(void)
{
    struct kd_notice n = a_detection();
    const char *body, *head = write_letter(&both, &n, &body);
    CHECK(strstr(head, "Date: Sun, 22 Nov 2026 09:15:02 +0900\r\n") != NULL);
    CHECK(strstr(head, "\r\nFrom: Kidoban <kidoban@town.example>\r\n") != NULL);
    CHECK(strstr(head, "\r\nTo: officer@town.example,\r\n second@town.example\r\n") != NULL);
    CHECK(strstr(head, "\r\nMessage-ID: <kidoban.5.1795306502000000@town.example>\r\n") != NULL);
    CHECK(strstr(head, "\r\nAuto-Submitted: auto-generated\r\n") != NULL &&
          strstr(head, "\r\nImportance: high") != NULL);
    CHECK(strstr(head, "\r\nSubject: =?UTF-8?B?") != NULL && strstr(head, "In-Reply-To") == NULL);
    for (const char *line = head; line != NULL && *line != '\0';) {
        const char *end = strstr(line, "\r\n");
        CHECK((end != NULL ? (size_t)(end - line) : strlen(line)) <= 78);
        line = end != NULL ? end + 2 : NULL;
    }
    for (const char *c = head; *c != '\0'; c++)
        CHECK((unsigned char)*c < 0x80);
}

static void body_says_what_to_do(void)
{
    struct kd_notice n = a_detection();
    const char *body;
    (void)write_letter(&both, &n, &body);
    CHECK(strstr(body, "【重大】共有フォルダー") == body &&
          strstr(body, "すぐに対応してください") != NULL);
    CHECK(strstr(body, "  1. LAN ケーブルを抜く\r\n  2. 担当者に連絡する\r\n") != NULL);
    CHECK(strstr(body, "kaikei-pc014 (10.1.2.3)") != NULL &&
          strstr(body, "2026-11-22 09:15:02(日本時間)") != NULL);
    CHECK(strstr(body, "https://10.1.2.9:8443/#/detections/31\r\n") != NULL);
    CHECK(strstr(body, "hxxp://bad.example[.]com/x") != NULL && strstr(body, "http://bad") == NULL);
    CHECK(strstr(body, "[CRITICAL] Files on a share") != NULL &&
          strstr(body, "  1. Unplug it") != NULL);
    struct kd_letter_config ja = both;
    ja.en = false;
    ja.url = "";
    (void)write_letter(&ja, &n, &body);
    CHECK(strstr(body, "CRITICAL") == NULL && strstr(body, "https://") == NULL);
}

static void repeats_are_counted_and_threaded(void)
{
    struct kd_notice n = a_detection();
    n.count = 6;
    n.told_count = 1;
    n.told_times = 1;
    n.told_us = NOW;
    n.told_severity = n.severity;
    const char *body, *head = write_letter(&both, &n, &body);
    CHECK(strstr(head, "\r\nIn-Reply-To: <kidoban.5.1795306502000000@town.example>") != NULL);
    CHECK(strstr(head, "\r\nReferences: <kidoban.5.1795306502000000@town.example>") != NULL);
    CHECK(strstr(head, "Message-ID: <kidoban.5.1795306502000000@") == NULL);
    CHECK(strstr(body, "同じものが 5 回ありました") != NULL &&
          strstr(body, "5 more of the same") != NULL);
}

/* A name, title and action made by an attacker: no header of his, no line of his at a line's start.
 */
static void attacker_cannot_write_headers(void)
{
    struct kd_notice n = a_detection();
    n.title.ja = n.title.en =
        kd_str("x\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script>=?UTF-8?B?QUJD?=");
    n.host_name = kd_str("pc\r\n-- \r\nforged");
    const char *body, *head = write_letter(&both, &n, &body);
    CHECK(strstr(head, "\nBcc") == NULL && strstr(head, "=?UTF-8?B?QUJD?=") == NULL);
    CHECK(strstr(body, "\nBcc") == NULL && strstr(body, "\r\nforged") == NULL);
}

/* As long as the format permits, in all fields, twenty times. */
static void the_largest_fits(void)
{
    static char longest[KD_NOTICE_TEXT_MAX + 1];
    memset(longest, 'x', KD_NOTICE_TEXT_MAX);
    for (size_t i = 100; i < KD_NOTICE_TEXT_MAX; i += 101)
        longest[i] = '\n';
    struct kd_notice n = a_detection();
    n.what = (struct kd_notice_words){kd_str(longest), kd_str(longest)};
    n.action = n.what;
    const struct kd_notice *many[KD_LETTER_ITEMS];
    for (size_t i = 0; i < KD_LETTER_ITEMS; i++)
        many[i] = &n;
    struct kd_out o = kd_out_of(room, sizeof(room));
    CHECK(kd_letter_write(&o, &both, many, KD_LETTER_ITEMS, NOW, 1) == KD_OK);
    printf("# %zu bytes\n", o.n);
}

static void subject_survives_decoding(void)
{
    struct kd_out o = kd_out_of(room, sizeof(room));
    const char *text =
        "[木戸番] 重大: 共有フォルダーの中身が次々に書き換えられている (kaikei-pc014) ほか 3 件";
    kd_mime_header(&o, "Subject", kd_str(text), false);
    struct kd_out back = kd_out_of(plain, sizeof(plain));
    struct kd_bytes rest = kd_bytes_from(kd_out_bytes_view(&o), strlen("Subject: "));
    while (kd_bytes_starts(rest, kd_str("=?UTF-8?B?"))) {
        size_t end = kd_bytes_find(rest, kd_str("?="));
        struct kd_bytes word = kd_bytes_from(kd_bytes_head(rest, end), 10);
        size_t before = back.n;
        CHECK(kd_base64_decode(word, &back) && end + 2 <= 75);
        CHECK(kd_bytes_is_utf8(
            kd_bytes_from(kd_out_bytes_view(&back), before))); /* whole characters */
        rest = kd_bytes_from(rest, end + 2);
        rest = kd_bytes_from(rest, kd_bytes_starts(rest, kd_str("\r\n ")) ? 3 : 0);
    }
    CHECK(kd_bytes_eq_str(kd_out_bytes_view(&back), text));
}

int main(void)
{
    RUN(foreign_text_is_harmless);
    RUN(lines_are_bounded);
    RUN(headers_are_as_they_must_be);
    RUN(body_says_what_to_do);
    RUN(repeats_are_counted_and_threaded);
    RUN(attacker_cannot_write_headers);
    RUN(the_largest_fits);
    RUN(subject_survives_decoding);
    return tap_done();
}
