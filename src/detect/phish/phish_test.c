/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define OUT "198.51.100.7"
#define MAILHOST "10.0.0.25"

struct letter {
    const char *src, *dst, *from, *envelope, *to, *reply_to, *subject, *auth, *received, *url, *shown;
    const char *file, *magic, *member; /* attachment; a program within */
    bool macro, locked;
    uint8_t app; /* none: SMTP */
};

static void put(struct kd_tb *t, double at_s, struct letter l)
{
    struct kd_bytes to = kd_str(l.to == NULL ? "sato@town.example.jp" : l.to), received = kd_str(l.received), url = kd_str(l.url),
                    shown = kd_str(l.shown);
    struct kd_mail_part part = {.filename = kd_str(l.file), .magic = kd_str(l.magic), .bytes = 5000};
    struct kd_rec_smtp m = {.mail_from = kd_str(l.envelope == NULL ? "info@maker.example" : l.envelope), .from = kd_str(l.from), .rcpt_to = {&to, 1},
                            .to = {&to, 1}, .reply_to = kd_str(l.reply_to), .subject = kd_str(l.subject == NULL ? "Hello" : l.subject),
                            .auth_results = kd_str(l.auth), .message_id = kd_str("<1@maker.example>"), .status = kd_str("PARSE_DONE")};
    if (l.from == NULL)
        m.from = kd_str("Maker <info@maker.example>");
    if (l.received != NULL)
        m.received = (struct kd_strs){&received, 1};
    if (l.url != NULL)
        m.urls = (struct kd_strs){&url, 1};
    if (l.shown != NULL)
        m.shown = (struct kd_strs){&shown, 1};
    if (l.file != NULL)
        m.attachments = (struct kd_list){&part, 1};
    struct kd_rec_head h = kd_tb_head(KD_REC_FILE, at_s, l.src == NULL ? OUT : l.src, 40000, l.dst == NULL ? MAILHOST : l.dst, 25);
    h.app = l.app == 0 ? KD_APP_SMTP : l.app;
    h.flow_id = 9;
    struct kd_file_member member = {.filename = kd_str(l.member)};
    struct kd_rec_file f = {.filename = part.filename, .magic = part.magic, .macro = l.macro, .encrypted = l.locked, .to_server = true};
    if (l.member != NULL)
        f.members = (struct kd_list){&member, 1};
    if (l.file != NULL)
        kd_tb_put(t, h, &f);
    h.type = KD_REC_SMTP;
    kd_tb_put(t, h, &m);
}

static bool fires(const char *id, const char *severity, struct letter l)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put(t, 1, l);
    kd_tb_finish(t);
    const struct kd_tb_alert *a = kd_tb_alert(t, id);
    bool right = a != NULL && strcmp(a->severity, severity) == 0;
    if (!right)
        printf("# %s %s: %s\n", id, l.file != NULL ? l.file : l.url != NULL ? l.url : l.from, a == NULL ? "not told" : a->severity);
    kd_tb_free(t);
    return right;
}

static bool silent(struct letter l)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put(t, 1, l);
    kd_tb_finish(t);
    bool right = kd_tb_at_least(t, "low") == 0;
    if (!right)
        printf("# %s %s\n", t->alerts[0].id, t->alerts[0].why_en);
    kd_tb_free(t);
    return right;
}

static void attachments(void)
{
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.file = "order.exe", .magic = "pe"}));
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.file = "invoice.pdf.js", .magic = "text"}));
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.file = "ann\xe2\x80\xae" "fdp.exe", .magic = "pe"}));
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.file = "scan.pdf", .magic = "pe"}));
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.file = "scan.zip", .magic = "zip", .member = "scan.js"}));
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.file = "scan.iso", .magic = "iso"}));
    CHECK(fires("KD-PE-0040", "low", (struct letter){.file = "form.xlsm", .magic = "ooxml"}));
    CHECK(fires("KD-PE-0040", "low", (struct letter){.file = "form.doc", .magic = "ole", .macro = true}));
    CHECK(fires("KD-PE-0040", "low", (struct letter){.file = "a.zip", .magic = "zip-encrypted", .locked = true, .auth = "mx; spf=fail"}));
    CHECK(fires("KD-PE-0040", "low", (struct letter){.file = "reform.doc", .magic = "ole",
                                                     .received = "from user-0.domain (unknown [203.0.113.4]) by mx"}));
    /* a machine of the house sends it out */
    CHECK(fires("KD-PE-0040", "low", (struct letter){.src = "10.0.0.5", .dst = OUT, .file = "doc.xlsm", .magic = "ooxml"}));
    CHECK(silent((struct letter){.file = "plan.pdf", .magic = "pdf"}) && silent((struct letter){.file = "a.zip", .magic = "zip", .locked = true}));
    CHECK(silent((struct letter){.file = "letter.doc", .magic = "ole"}) && silent((struct letter){.file = "photo.jpg", .magic = "jpeg"}));
    CHECK(silent((struct letter){.src = "10.0.0.5", .file = "form.xlsm", .magic = "ooxml"}));
}

static void senders(void)
{
    CHECK(fires("KD-PE-0042", "low", (struct letter){.from = "Helpdesk <help@town.example.jp>", .envelope = "x@bulk.example", .auth = "mx; spf=fail; dmarc=fail"}));
    CHECK(fires("KD-PE-0042", "low", (struct letter){.from = "Amazon <a@kx72.example.cn>", .reply_to = "who@gmail.com"}));
    CHECK(fires("KD-PE-0042", "low", (struct letter){.from = "\"mori@town.example.jp\" <z@other.example>", .reply_to = "who@gmail.com"}));
    CHECK(silent((struct letter){.from = "Mori <mori@town.example.jp>", .envelope = "list-bounces@lists.example"}));
    CHECK(silent((struct letter){.from = "Amazon <a@amazon.co.jp>", .envelope = "bounce@amazonses.com"}));
    CHECK(silent((struct letter){.from = "Shop <news@shop.example>", .envelope = "b+1@mailer.example", .url = "https://click.mailer.example/abc",
                                 .shown = "www.shop.example -> https://click.mailer.example/abc"}));
}

static void links(void)
{
    CHECK(fires("KD-PE-0043", "medium", (struct letter){.from = "Mail Admin <admin@town.example.jp>", .envelope = "p@bulk.example",
                                                        .url = "http://town.example.jp.webmail-alerts.example/login"}));
    CHECK(fires("KD-PE-0043", "low", (struct letter){.url = "http://203.0.113.9/x", .received = "from pc (unknown [203.0.113.4]) by mx"}));
    CHECK(fires("KD-PE-0043", "low", (struct letter){.url = "https://forms.example.top/#sato@town.example.jp"}));
    CHECK(fires("KD-PE-0043", "low", (struct letter){.url = "http://x.example.xyz/a", .shown = "https://www.bank.co.jp/ -> http://x.example.xyz/a", .auth = "spf=softfail"}));
    CHECK(fires("KD-PE-0043", "medium", (struct letter){.url = "http://www.bank.example@203.0.113.9/x"}));
    CHECK(silent((struct letter){.url = "http://www.maker.example/news"}) && silent((struct letter){.url = "https://bit.ly/3xyz"}));
    CHECK(silent((struct letter){.url = "http://dl.maker.example/setup.exe"}));
}

/* From a mailbox outside the client is the one inside. */
static void fetched_mails(void)
{
    CHECK(fires("KD-PE-0040", "medium", (struct letter){.app = KD_APP_IMAP, .src = "10.0.0.5", .dst = OUT, .file = "scan.zip", .magic = "zip", .member = "scan.js"}));
    CHECK(fires("KD-PE-0042", "low", (struct letter){.app = KD_APP_POP3, .src = "10.0.0.5", .dst = OUT, .from = "Amazon <a@kx72.example.cn>", .reply_to = "who@gmail.com"}));
    CHECK(silent((struct letter){.app = KD_APP_POP3, .src = "10.0.0.5", .dst = OUT, .file = "plan.pdf", .magic = "pdf"}));
}

static void who_followed(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put(t, 1, (struct letter){.url = "http://town.example.jp.webmail-alerts.example/login", .auth = "spf=fail"});
    struct kd_rec_http h = {.hostname = kd_str("town.example.jp.webmail-alerts.example"), .url = kd_str("/login"), .http_method = kd_str("GET")};
    struct kd_rec_head head = kd_tb_head(KD_REC_HTTP, 60, "10.0.0.7", 40000, OUT, 80);
    head.app = KD_APP_HTTP;
    kd_tb_put(t, head, &h);
    h.hostname = kd_str("www.maker.example");
    kd_tb_put(t, kd_tb_head(KD_REC_HTTP, 61, "10.0.0.8", 40000, OUT, 80), &h);
    struct kd_rec_tls s = {.sni = kd_str("town.example.jp.webmail-alerts.example")};
    kd_tb_put(t, kd_tb_head(KD_REC_TLS, 62, "10.0.0.9", 40000, OUT, 443), &s);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0045") == 2 && strcmp(kd_tb_alert(t, "KD-PE-0045")->severity, "medium") == 0);
    CHECK(strcmp(kd_tb_alert(t, "KD-PE-0045")->user, "sato@town.example.jp") == 0);
    kd_tb_free(t);
}

static void one_campaign(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    for (int i = 0; i < 8; i++) {
        char to[40];
        snprintf(to, sizeof(to), "user%d@town.example.jp", i);
        put(t, i, (struct letter){.to = to, .file = "scan.zip", .magic = "zip", .member = "scan.js"});
        put(t, i, (struct letter){.to = to, .subject = "Newsletter"});
    }
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-PE-0044") == 1 && kd_tb_lines(t, "KD-PE-0044") == 1);
    kd_tb_free(t);
}

static void a_report(void)
{
    CHECK(fires("KD-PE-0048", "low", (struct letter){.src = "10.0.0.5", .dst = OUT, .from = "Sato <sato@town.example.jp>", .to = "is-spam@lab.example"}));
    CHECK(silent((struct letter){.from = "X <x@junk.example>", .to = "spam@town.example.jp"}));
}

int main(void)
{
    RUN(attachments);
    RUN(senders);
    RUN(links);
    RUN(fetched_mails);
    RUN(who_followed);
    RUN(one_campaign);
    RUN(a_report);
    return tap_done();
}
