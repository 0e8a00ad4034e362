/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

#define OUT "198.51.100.7"

struct letter {
    const char *src, *dst, *helo, *from, *to, *subject, *file, *mailer, *id, *auth;
    uint32_t my, card, ssn;
    uint8_t app; /* none: SMTP */
};

static struct kd_tb *send_mail(struct letter l)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_bytes to = kd_str(l.to);
    struct kd_mail_part part = {.filename = kd_str(l.file), .bytes = 5000};
    struct kd_rec_smtp m = {.helo = kd_str(l.helo), .mail_from = kd_str(l.from), .from = kd_str(l.from), .rcpt_to = {&to, 1},
                            .subject = kd_str(l.subject), .x_mailer = kd_str(l.mailer), .message_id = kd_str(l.id),
                            .auth_user = kd_str(l.auth), .my_numbers = l.my, .card_numbers = l.card, .ssn_numbers = l.ssn};
    if (l.file != NULL)
        m.attachments = (struct kd_list){&part, 1};
    struct kd_rec_head h = kd_tb_head(KD_REC_SMTP, 1, l.src == NULL ? "10.0.0.5" : l.src, 40000, l.dst == NULL ? OUT : l.dst, 587);
    h.app = l.app == 0 ? KD_APP_SMTP : l.app;
    kd_tb_put(t, h, &m);
    kd_tb_finish(t);
    CHECK(t->unfilled == 0);
    return t;
}

static bool fires(const char *id, const char *severity, struct letter l)
{
    struct kd_tb *t = send_mail(l);
    const struct kd_tb_alert *a = kd_tb_alert(t, id);
    bool right = a != NULL && strcmp(a->severity, severity) == 0 && strcmp(a->host, "10.0.0.5") == 0;
    if (!right)
        printf("# %s: %s\n", id, a == NULL ? "not told" : a->severity);
    kd_tb_free(t);
    return right;
}

static bool silent(struct letter l)
{
    struct kd_tb *t = send_mail(l);
    bool right = t->n_alerts == 0;
    if (!right)
        printf("# %s\n", t->alerts[0].why_en);
    kd_tb_free(t);
    return right;
}

static const struct letter person = {.helo = "[10.0.0.5]", .from = "sato@example.jp", .to = "mori@example.com", .subject = "Minutes",
                                     .mailer = "Thunderbird", .id = "<1@example.jp>", .auth = "sato@example.jp"};

static struct letter with_file(const char *subject, const char *file)
{
    struct letter l = person;
    l.subject = subject;
    l.file = file;
    return l;
}

static void markings(void)
{
    CHECK(fires("KD-EX-0002", "medium", with_file("Roadmap", "plan - CONFIDENTIAL.pdf")));
    CHECK(fires("KD-EX-0002", "medium", with_file("見積", "【社外秘】単価表.xlsx")));
    CHECK(fires("KD-EX-0002", "medium", with_file("資料", "【秘】価格一覧.csv")));
    CHECK(fires("KD-EX-0002", "low", with_file("取扱注意 名簿について", NULL)));
    CHECK(silent(with_file("Minutes", "minutes.pdf")) && silent(person));
    struct letter inside = with_file("x", "社外秘.pdf");
    inside.dst = "10.0.0.25";
    CHECK(silent(inside));
    struct letter fetched = with_file("Roadmap", "plan - CONFIDENTIAL.pdf"); /* from a mailbox outside */
    fetched.app = KD_APP_POP3;
    CHECK(silent(fetched));
}

static void numbers_in_clear(void)
{
    struct letter l = person;
    l.my = 1;
    CHECK(fires("KD-EX-0003", "low", l));
    l.my = 2, l.card = 1;
    CHECK(fires("KD-EX-0003", "medium", l));
    l.my = 40;
    CHECK(fires("KD-EX-0003", "high", l));
    l.dst = "10.0.0.25";
    CHECK(silent(l));
}

static void what_steals_writes_so(void)
{
    struct letter l = {.helo = "SOUMU-PC7", .from = "a@drop.example", .to = "a@drop.example", .subject = "PW_sato/SOUMU-PC7", .auth = "a@drop.example"};
    CHECK(fires("KD-EX-0004", "high", l));
    l.subject = "report";
    l.to = "b@drop.example";
    CHECK(fires("KD-EX-0005", "low", l));
    l.auth = NULL; /* a mail server that hands on */
    CHECK(silent(l));
}

static void put_file(struct kd_tb *t, enum kd_app app, const char *dst, const char *name, uint32_t my)
{
    struct kd_rec_file f = {.filename = kd_str(name), .to_server = true, .size = 5000, .my_numbers = my, .source = kd_str("http://up.example/")};
    struct kd_rec_head h = kd_tb_head(KD_REC_FILE, 1, "10.0.0.5", 40000, dst, 80);
    h.app = (uint8_t)app;
    kd_tb_put(t, h, &f);
}

static void files_and_ftp(void)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    put_file(t, KD_APP_HTTP, OUT, "list.csv", 50);
    put_file(t, KD_APP_SMB, "10.0.0.9", "list.csv", 50);
    struct kd_rec_ftp f = {.command = kd_str("STOR"), .argument = kd_str("a.zip"), .user = kd_str("u"), .code = 226};
    kd_tb_put(t, kd_tb_head(KD_REC_FTP, 1, "10.0.0.5", 40000, OUT, 21), &f);
    kd_tb_put(t, kd_tb_head(KD_REC_FTP, 1, "10.0.0.5", 40000, "10.0.0.9", 21), &f);
    kd_tb_finish(t);
    CHECK(kd_tb_count(t, "KD-EX-0003") == 1 && strcmp(kd_tb_alert(t, "KD-EX-0003")->severity, "high") == 0);
    CHECK(kd_tb_count(t, "KD-EX-0006") == 1 && t->n_alerts == 2);
    kd_tb_free(t);
}

static size_t post(const char *host, const char *agent, const char *referer, const char *upload, uint64_t bytes)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_form_field field = {.name = kd_str("file"), .filename = kd_str(upload), .bytes = bytes};
    struct kd_rec_http h = {.hostname = kd_str(host), .url = kd_str("/gate.php"), .http_user_agent = kd_str(agent), .http_refer = kd_str(referer),
                            .http_method = kd_str("POST"), .request_length = bytes, .status = 200};
    if (upload != NULL)
        h.form = (struct kd_list){&field, 1};
    struct kd_rec_head head = kd_tb_head(KD_REC_HTTP, 1, "10.0.0.5", 40000, OUT, 80);
    head.app = KD_APP_HTTP;
    kd_tb_put(t, head, &h);
    kd_tb_finish(t);
    size_t n = kd_tb_count(t, "KD-EX-0007");
    kd_tb_free(t);
    return n;
}

static void uploads_by_programs(void)
{
    CHECK(post("gate.example.com", "", NULL, "1F8B.zip", 50000) == 1);
    CHECK(post(OUT, "", NULL, NULL, 50000) == 1);
    CHECK(post("www.example.com", "Mozilla/5.0 (Windows NT 10.0) Firefox/120.0", "http://www.example.com/form", "photos.zip", 5000000) == 0);
    CHECK(post("telemetry.example.com", "Vendor Agent 3", NULL, NULL, 20000) == 0 && post("x.example.com", "", NULL, NULL, 300) == 0);
}

int main(void)
{
    RUN(markings);
    RUN(numbers_in_clear);
    RUN(what_steals_writes_so);
    RUN(files_and_ftp);
    RUN(uploads_by_programs);
    return tap_done();
}
