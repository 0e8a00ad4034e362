/* SPDX-License-Identifier: Apache-2.0 */
/* What leaves the site although it should not: by what it is, not by how much.  See leak.md. */
#include "base/filetype.h"
#include "detect/web.h"
#include "findings.h"

static const struct kd_tunable tunables[] = {
    {"numbers_medium", 3, 1, 100000, "numbers", "personal numbers in one mail or file from which it is medium", "中と判定する、1 通・1 ファイル中の個人の番号の数"},
    {"numbers_high", 30, 1, 1000000, "numbers", "personal numbers in one mail or file from which it is high", "高と判定する、1 通・1 ファイル中の個人の番号の数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static bool leaves(const struct kd_detect *d, const struct kd_record *r)
{
    return kd_detect_is_inside(d, &r->head->src) && !kd_detect_is_inside(d, &r->head->dst);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind, int severity,
                 struct kd_bytes user, struct kd_bytes fold_text, const struct kd_fact *facts, size_t n_facts)
{
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->dst);
    kd_key_text(&fold, kd_bytes_head(fold_text, 100));
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = r->head->src, .peer = r->head->dst, .user = user, .fold = kd_key_view(&fold),
                   .severity = severity, .confidence = -1, .facts = facts, .n_facts = n_facts, .record_ids = &r->head->id,
                   .n_record_ids = 1, .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

static struct kd_bytes or_dash(struct kd_bytes b)
{
    return b.n > 0 ? kd_bytes_head(b, 200) : kd_str("-");
}

/* --- markings --- */

/* Words by which people themselves mark what must not go out; empty when there is none. */
static struct kd_bytes marking_in(struct kd_bytes text)
{
    static const char *const words[] = {
        "社外秘", "部外秘", "庁外秘", "院外秘", "関係者外秘", "極秘", "機密", "取扱注意", "取り扱い注意", "マル秘", "㊙", "厳秘",
        "【秘】", "［秘］", "（秘）", "(秘)", "[秘]",
        "持出禁止", "持ち出し禁止", "個人情報", "個人番号", "マイナンバー", "住民記録", "住民票", "診療情報", "診療録", "患者情報",
        "confidential", "internal use only", "internal only", "company secret", "top secret", "strictly private", "proprietary",
        "restricted distribution", "not for distribution", "do not distribute"};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_icontains(text, kd_str(words[i])))
            return kd_str(words[i]);
    return (struct kd_bytes){NULL, 0};
}

static void marked(struct kd_detect *d, const struct kd_record *r, struct kd_bytes name, struct kd_bytes to, struct kd_bytes user,
                   int severity)
{
    struct kd_bytes word = marking_in(name);
    if (word.n == 0)
        return;
    struct kd_fact facts[] = {{"what", or_dash(name)}, {"word", word}, {"to", or_dash(to)}};
    tell(d, r, &kd_finding_KD_EX_0002, severity, user, name, facts, KD_COUNT(facts));
}

/* --- personal numbers --- */

static void numbers(struct kd_detect *d, const struct kd_record *r, uint32_t my, uint32_t card, uint32_t ssn, struct kd_bytes what,
                    struct kd_bytes to)
{
    struct kd_digits a, b, c;
    double sum = (double)my + card + ssn;
    if (sum == 0)
        return;
    int severity = sum >= kd_detect_tunable(d, "numbers_high")     ? KD_HIGH
                   : sum >= kd_detect_tunable(d, "numbers_medium") ? KD_MEDIUM
                                                                   : KD_LOW;
    struct kd_fact facts[] = {
        {"my", kd_digits_of(&a, my)}, {"card", kd_digits_of(&b, card)}, {"ssn", kd_digits_of(&c, ssn)},
        {"what", or_dash(what)},      {"to", or_dash(to)},
    };
    tell(d, r, &kd_finding_KD_EX_0003, severity, kd_str(""), what, facts, KD_COUNT(facts));
}

/* --- mail past the site's own server --- */

/* How a program that steals writes its mails: from and to itself, named after the computer, without what mail programs add. */
static unsigned stealer_points(const struct kd_rec_smtp *m)
{
    const struct kd_mail_part *part = m->attachments.v;
    bool bare = m->helo.n > 0 && kd_bytes_find_byte(m->helo, '.') == SIZE_MAX && kd_bytes_at(m->helo, 0) != '[';
    unsigned n = bare;
    n += m->x_mailer.n == 0;
    n += m->message_id.n == 0;
    n += m->rcpt_to.n == 1 && kd_bytes_ieq(m->mail_from, m->rcpt_to.v[0]);
    if (!bare || m->helo.n < 3)
        return n;
    n += kd_bytes_icontains(m->subject, m->helo) ? 3 : 0;
    for (size_t i = 0; i < m->attachments.n; i++)
        if (kd_bytes_icontains(part[i].filename, m->helo))
            return n + 2;
    return n;
}

static void direct_mail(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smtp *m = r->body;
    struct kd_host_view v;
    bool server = kd_detect_host(d, &r->head->src, &v) && (kd_bytes_eq_str(v.role, "mail") || kd_bytes_eq_str(v.role, "smtp"));
    if (m->auth_user.n == 0 || m->mail_from.n == 0 || server)
        return;
    unsigned points = stealer_points(m);
    bool sure = points >= 5;
    if (points < 3)
        return; /* somebody's mail program */
    struct kd_fact facts[] = {
        {"account", or_dash(m->auth_user)}, {"to", or_dash(m->rcpt_to.n > 0 ? m->rcpt_to.v[0] : m->mail_from)},
        {"subject", or_dash(m->subject)},
    };
    tell(d, r, sure ? &kd_finding_KD_EX_0004 : &kd_finding_KD_EX_0005, -1, m->auth_user, m->auth_user, facts, KD_COUNT(facts));
}

static void mail(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smtp *m = r->body;
    const struct kd_mail_part *part = m->attachments.v;
    struct kd_bytes to = m->rcpt_to.n > 0 ? m->rcpt_to.v[0] : kd_str("");
    if (kd_mail_is_fetched(r->head) || !leaves(d, r))
        return;
    direct_mail(d, r);
    numbers(d, r, m->my_numbers, m->card_numbers, m->ssn_numbers, m->subject, to);
    for (size_t i = 0; i < m->attachments.n; i++)
        marked(d, r, part[i].filename, to, m->auth_user, KD_MEDIUM);
    if (m->attachments.n > 0 || marking_in(m->subject).n > 0)
        marked(d, r, m->subject, to, m->auth_user, m->attachments.n > 0 ? KD_MEDIUM : KD_LOW);
}

/* --- files --- */

static void file(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_file *f = r->body;
    bool mail_file = r->head->app == KD_APP_SMTP; /* its markings are told with the mail */
    if (!f->to_server || !leaves(d, r))
        return;
    struct kd_bytes what = f->filename.n > 0 ? f->filename : f->source;
    numbers(d, r, f->my_numbers, f->card_numbers, f->ssn_numbers, what, f->source);
    if (!mail_file)
        marked(d, r, f->filename, f->source, kd_str(""), KD_MEDIUM);
}

static void ftp(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_ftp *f = r->body;
    bool stores = kd_bytes_ieq(f->command, kd_str("STOR")) || kd_bytes_ieq(f->command, kd_str("APPE")) ||
                  kd_bytes_ieq(f->command, kd_str("STOU"));
    if (!stores || !leaves(d, r) || f->code >= 400)
        return;
    struct kd_fact facts[] = {{"what", or_dash(f->argument)}, {"account", or_dash(f->user)}};
    tell(d, r, &kd_finding_KD_EX_0006, -1, f->user, kd_str("ftp"), facts, KD_COUNT(facts));
}

/* --- uploads by what is no browser --- */

/* Things that thieves collect: archives, pictures of the screen, lists of passwords. */
static bool is_booty_name(struct kd_bytes name)
{
    static const char *const words[] = {"password", "passwd", "screenshot", "screen.", "cookies", "autofill", "wallet", "keylog", "credit"};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_icontains(name, kd_str(words[i])))
            return true;
    return kd_web_content_of_name(name) == KD_CONTENT_ARCHIVE;
}

static bool carries_booty(const struct kd_rec_http *h)
{
    const struct kd_form_field *field = h->form.v;
    const char *magic = kd_filetype(h->request_head);
    if (kd_web_content_of_magic(kd_str(magic)) == KD_CONTENT_ARCHIVE)
        return true;
    for (size_t i = 0; i < h->form.n; i++)
        if (field[i].filename.n > 0 && (is_booty_name(field[i].filename) ||
                                        kd_web_content_of_type(field[i].content_type) == KD_CONTENT_ARCHIVE))
            return true;
    return false;
}

static unsigned upload_points(const struct kd_rec_http *h, bool booty)
{
    static const uint8_t by_agent[] = {[KD_AGENT_NONE] = 2, [KD_AGENT_OLD_LIBRARY] = 2, [KD_AGENT_POWERSHELL] = 4,
                                       [KD_AGENT_SYSTEM_TOOL] = 3, [KD_AGENT_TOOL] = 1, [KD_AGENT_OTHER] = 1, [KD_AGENT_OFFICE] = 0};
    unsigned n = by_agent[kd_web_agent(h->http_user_agent)];
    n += kd_web_is_address(h->hostname) ? 3 : kd_web_is_cheap_name(h->hostname) ? 2 : 0;
    n += booty ? 2 : 0;
    n += h->request_length >= 100000;
    return n;
}

static void http(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    bool sends = kd_bytes_ieq(h->http_method, kd_str("POST")) || kd_bytes_ieq(h->http_method, kd_str("PUT"));
    enum kd_agent agent = kd_web_agent(h->http_user_agent);
    if (!sends || h->request_length < 1000 || h->http_refer.n > 0 || agent == KD_AGENT_UPDATER || !leaves(d, r))
        return;
    bool booty = carries_booty(h);
    unsigned points = upload_points(h, booty);
    if (points < 4 && !(booty && points >= 3))
        return;
    struct kd_digits bytes;
    struct kd_fact facts[] = {
        {"site", or_dash(h->hostname)}, {"bytes", kd_digits_of(&bytes, h->request_length)}, {"agent", or_dash(h->http_user_agent)},
        {"path", or_dash(kd_web_path(h->url))},
    };
    tell(d, r, &kd_finding_KD_EX_0007, booty && points >= 4 ? KD_MEDIUM : KD_LOW, kd_str(""), h->hostname, facts, KD_COUNT(facts));
}

static void leak_record(struct kd_detect *d, const struct kd_record *r)
{
    switch (r->head->type) {
    case KD_REC_SMTP:
        mail(d, r);
        break;
    case KD_REC_FILE:
        file(d, r);
        break;
    case KD_REC_FTP:
        ftp(d, r);
        break;
    default:
        http(d, r);
        break;
    }
}

const struct kd_detector kd_detector_leak = {
    .name = "leak",
    .summary_en = "marked documents, personal numbers and collected passwords that leave the site",
    .summary_ja = "秘密の印のある文書、個人の番号、盗み集めた情報の外部送信",
    .wants = (uint64_t)1 << KD_REC_SMTP | (uint64_t)1 << KD_REC_FILE | (uint64_t)1 << KD_REC_FTP | (uint64_t)1 << KD_REC_HTTP,
    .key_state_bytes = 1,
    .max_keys = 16,
    .tunables = tunables,
    .record = leak_record,
};
