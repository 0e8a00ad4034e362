/* SPDX-License-Identifier: Apache-2.0 */
#include "notice/letter.h"

#include "notice/clean.h"
#include "notice/mime.h"

enum {
    SUBJECT_MAX = 180,
    TITLE_MAX = 400,
    LINE_MAX = 1000,
    NAME_MAX = 120,
    BODY_MAX = 160 * 1024,
    STEPS_MAX = 12
};

struct page {
    const struct kd_letter_config *cfg;
    struct kd_out *o;
    bool ja;
};

static const struct {
    const char *ja, *en, *say_ja, *say_en;
} severities[] = {
    {"情報", "INFO", "参考です。", "for information."},
    {"低", "LOW", "急ぎません。", "not urgent."},
    {"中", "MEDIUM", "業務時間内に確認してください。", "look at it within working hours."},
    {"高", "HIGH", "今日のうちに対応してください。", "act today."},
    {"重大", "CRITICAL", "すぐに対応してください。", "act at once."},
};

static struct kd_bytes in(bool ja, const struct kd_notice_words *w)
{
    struct kd_bytes first = ja ? w->ja : w->en, other = ja ? w->en : w->ja;
    return first.n > 0 ? first : other;
}

static void text(const struct page *p, const char *ja, const char *en)
{
    kd_out_str(p->o, p->ja ? ja : en);
}

/* 2026-11-22 09:15:02 */
static void put_time(const struct page *p, uint64_t us)
{
    struct kd_date d = kd_date_of(us, p->cfg->zone_s);
    kd_out_fmt(p->o, "%04d-%02u-%02u %02u:%02u:%02u", d.year, d.month, d.day, d.hour, d.minute,
               d.second);
}

static void put_zone(const struct page *p)
{
    int s = p->cfg->zone_s, m = (s < 0 ? -s : s) / 60;
    if (s == KD_ZONE_JAPAN_S)
        text(p, "(日本時間)", " (Japan time)");
    else
        kd_out_fmt(p->o, " (UTC%c%02d:%02d)", s < 0 ? '-' : '+', m / 60, m % 60);
}

static uint64_t more_of(const struct kd_notice *n)
{
    return n->count > n->told_count ? n->count - n->told_count : 0;
}

static bool is_repeat(const struct kd_notice *n)
{
    return n->told_times > 0 && !n->over && n->severity <= n->told_severity;
}

static void put_host(const struct page *p, const struct kd_notice *n)
{
    kd_clean_foreign(p->o, n->host_name.n > 0 ? n->host_name : n->host, NAME_MAX);
    if (n->host_name.n > 0 && n->host.n > 0) {
        kd_out_str(p->o, " (");
        kd_clean_line(p->o, n->host, NAME_MAX);
        kd_out_str(p->o, ")");
    }
}

/* ---- subject ---- */

static void put_mark(const struct page *p, const struct kd_notice *n)
{
    if (n->kind == KD_NOTICE_TEST)
        text(p, "試験", "TEST");
    else if (n->kind == KD_NOTICE_SENSOR)
        n->over ? text(p, "センサー回復", "SENSOR RECOVERED") : text(p, "センサー異常", "SENSOR");
    else
        text(p, severities[n->severity].ja, severities[n->severity].en);
}

static void put_repeat(const struct page *p, const struct kd_notice *n)
{
    if (is_repeat(n) && n->kind == KD_NOTICE_DETECTION)
        kd_out_fmt(p->o, p->ja ? "(続報・同じもの %llu 回)" : " (%llu more)",
                   (unsigned long long)more_of(n));
    else if (n->told_times > 0 && !n->over && n->kind != KD_NOTICE_TEST)
        text(p, "(続報)", " (update)");
}

static void put_subject(const struct page *p, const struct kd_notice *const *items, size_t n)
{
    kd_out_str(p->o, p->ja ? "[木戸番] " : "[Kidoban] ");
    put_mark(p, items[0]);
    put_repeat(p, items[0]);
    kd_out_str(p->o, ": ");
    kd_clean_foreign(p->o, in(p->ja, &items[0]->title), SUBJECT_MAX);
    if (n > 1)
        kd_out_fmt(p->o, p->ja ? " ほか %zu 件" : " and %zu more", n - 1);
    if (items[0]->example)
        text(p, "(見本)", " (example)");
}

/* ---- body ---- */

static void heading(const struct page *p, const char *ja, const char *en)
{
    kd_out_str(p->o, "\r\n■ ");
    text(p, ja, en);
    kd_out_str(p->o, "\r\n");
}

static void put_lines(const struct page *p, struct kd_bytes lines, bool numbered)
{
    for (unsigned k = 1; lines.n > 0 && k <= STEPS_MAX;) {
        struct kd_bytes line = kd_bytes_trim(kd_bytes_cut(&lines, '\n'));
        if (line.n == 0)
            continue;
        if (numbered)
            kd_out_fmt(p->o, "  %u. ", k);
        else
            kd_out_str(p->o, "  ");
        kd_clean_foreign(p->o, line, LINE_MAX);
        kd_out_str(p->o, "\r\n");
        k++;
    }
}

static void put_when(const struct page *p, const struct kd_notice *n)
{
    heading(p, "いつ", "When");
    kd_out_str(p->o, "  ");
    put_time(p, n->first_us);
    if (n->last_us > n->first_us) {
        text(p, " 〜 ", " to ");
        put_time(p, n->last_us);
    }
    put_zone(p);
    if (n->count > 1 && n->kind == KD_NOTICE_DETECTION)
        kd_out_fmt(p->o, p->ja ? "、%llu 回" : ", %llu times", (unsigned long long)n->count);
    kd_out_str(p->o, "\r\n");
    if (is_repeat(n) && n->kind == KD_NOTICE_DETECTION) {
        kd_out_fmt(p->o,
                   p->ja ? "  前回のお知らせの後、同じものが %llu 回ありました。前回: "
                         : "  %llu more of the same since the last mail, which was sent ",
                   (unsigned long long)more_of(n));
        put_time(p, n->told_us);
        kd_out_str(p->o, "\r\n");
    }
}

static void put_link(const struct page *p, const struct kd_notice *n)
{
    if (p->cfg->url[0] == '\0')
        return;
    heading(p, "くわしくは(庁内・院内からのみ開けます)", "Details (from inside your network)");
    kd_out_fmt(p->o, "  %s/", p->cfg->url);
    if (n->kind == KD_NOTICE_SENSOR)
        kd_out_str(p->o, "#/health");
    else if (n->kind == KD_NOTICE_TEST)
        kd_out_str(p->o, "#/notices");
    else
        kd_out_fmt(p->o, n->kind == KD_NOTICE_INCIDENT ? "#/incidents/%llu" : "#/detections/%llu",
                   (unsigned long long)n->number);
    kd_out_str(p->o, "\r\n");
}

static void put_item(const struct page *p, const struct kd_notice *n)
{
    kd_out_str(p->o, p->ja ? "【" : "[");
    put_mark(p, n);
    kd_out_str(p->o, p->ja ? "】" : "] ");
    kd_clean_foreign(p->o, in(p->ja, &n->title), TITLE_MAX);
    kd_out_str(p->o, "\r\n");
    if (n->example)
        text(p, "※ これは見本の通信(記録の再生)です。実際の攻撃ではありません。\r\n",
             "Note: this is an example (a recording being played), no real attack.\r\n");
    if (in(p->ja, &n->what).n > 0) {
        heading(p, "何が起きたか", "What happened");
        put_lines(p, in(p->ja, &n->what), false);
    }
    if (n->kind == KD_NOTICE_DETECTION || n->kind == KD_NOTICE_INCIDENT) {
        heading(p, "深刻さ", "How bad");
        kd_out_fmt(p->o, "  %s: %s\r\n",
                   p->ja ? severities[n->severity].ja : severities[n->severity].en,
                   p->ja ? severities[n->severity].say_ja : severities[n->severity].say_en);
    }
    if (n->host.n > 0 || n->host_name.n > 0) {
        heading(p, "端末", "Machine");
        kd_out_str(p->o, "  ");
        put_host(p, n);
        kd_out_str(p->o, "\r\n");
    }
    put_when(p, n);
    if (in(p->ja, &n->action).n > 0) {
        heading(p, "今すること", "What to do now");
        put_lines(p, in(p->ja, &n->action), true);
    }
    put_link(p, n);
}

static void put_foot(const struct page *p)
{
    kd_out_str(p->o, "\r\n-- \r\n");
    text(p, "木戸番 ", "Kidoban ");
    kd_clean_line(p->o, kd_str(p->cfg->site), NAME_MAX);
    text(p,
         "\r\nこのメールは自動で送られています。返信しても届きません。\r\n"
         "木戸番がメールで添付ファイルを開かせたり、パスワードを尋ねたりすることはありません。\r\n",
         "\r\nThis mail was sent automatically; answers are not read.\r\n"
         "Kidoban never sends attachments and never asks for a password.\r\n");
}

static void put_body(const struct page *p, const struct kd_notice *const *items, size_t n)
{
    if (n > 1)
        kd_out_fmt(p->o,
                   p->ja ? "%zu 件のお知らせを 1 "
                           "通にまとめています。深刻なものから順に並んでいます。\r\n\r\n"
                         : "%zu notices in one mail, the worst first.\r\n\r\n",
                   n);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            kd_out_str(p->o, "\r\n----------------------------------------\r\n\r\n");
        put_item(p, items[i]);
    }
    put_foot(p);
}

/* ---- the whole ---- */

static struct kd_bytes domain_of(const char *address)
{
    const char *at = strrchr(address, '@');
    return kd_str(at != NULL && at[1] != '\0' ? at + 1 : "localhost");
}

/* Mails about one subject hang together: the first one's identifier follows from the subject. */
static void put_thread(struct kd_out *o, const struct kd_letter_config *cfg,
                       const struct kd_notice *n)
{
    kd_out_fmt(o, "<kidoban.%llu.%llu@", (unsigned long long)n->id,
               (unsigned long long)n->first_us);
    kd_out_bytes(o, domain_of(cfg->from));
    kd_out_str(o, ">");
}

static void put_identifiers(struct kd_out *o, const struct kd_letter_config *cfg,
                            const struct kd_notice *const *items, size_t n, uint64_t now_us,
                            uint64_t number)
{
    uint8_t room[512];
    struct kd_out id = kd_out_of(room, sizeof(room));
    bool first = n == 1 && items[0]->told_times == 0;
    if (first) {
        put_thread(&id, cfg, items[0]);
    } else {
        kd_out_fmt(&id, "<kidoban.%llu.%llu.%llu@", (unsigned long long)items[0]->id,
                   (unsigned long long)now_us, (unsigned long long)number);
        kd_out_bytes(&id, domain_of(cfg->from));
        kd_out_str(&id, ">");
    }
    kd_mime_header(o, "Message-ID", kd_out_bytes_view(&id), true);
    if (first || n > 1)
        return;
    id.n = 0;
    put_thread(&id, cfg, items[0]);
    kd_mime_header(o, "In-Reply-To", kd_out_bytes_view(&id), true);
    kd_mime_header(o, "References", kd_out_bytes_view(&id), true);
}

static void put_to(struct kd_out *o, const struct kd_letter_config *cfg)
{
    kd_out_str(o, "To: ");
    for (size_t i = 0; i < cfg->n_to; i++) {
        kd_out_str(o, i > 0 ? ",\r\n " : "");
        kd_out_str(o, cfg->to[i]);
    }
    kd_out_str(o, "\r\n");
}

static void put_headers(struct kd_out *o, const struct kd_letter_config *cfg,
                        const struct kd_notice *const *items, size_t n, uint64_t now_us,
                        uint64_t number)
{
    uint8_t room[1024], name[256];
    struct kd_out value = kd_out_of(room, sizeof(room)), from = kd_out_of(name, sizeof(name));
    bool urgent = items[0]->severity == KD_NOTICE_CRITICAL && items[0]->kind != KD_NOTICE_TEST;
    kd_mime_date(&value, now_us, cfg->zone_s);
    kd_mime_header(o, "Date", kd_out_bytes_view(&value), true);
    kd_out_fmt(&from, "Kidoban <%s>", cfg->from);
    kd_mime_header(o, "From", kd_out_bytes_view(&from), true);
    put_to(o, cfg);
    struct page p = {cfg, &value, cfg->ja};
    value.n = 0;
    put_subject(&p, items, n);
    kd_mime_header(o, "Subject", kd_out_bytes_view(&value), false);
    put_identifiers(o, cfg, items, n, now_us, number);
    kd_out_str(o, "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n");
    if (urgent)
        kd_out_str(o, "Importance: high\r\nX-Priority: 1\r\n");
    kd_out_str(o, "MIME-Version: 1.0\r\nContent-Type: text/plain; "
                  "charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
}

enum kd_status kd_letter_write(struct kd_out *o, const struct kd_letter_config *cfg,
                               const struct kd_notice *const *items, size_t n, uint64_t now_us,
                               uint64_t number)
{
    KD_ASSERT(n > 0 && (cfg->ja || cfg->en));
    uint8_t *room = malloc(BODY_MAX);
    if (room == NULL)
        return KD_NO_MEMORY;
    struct kd_out body = kd_out_of(room, BODY_MAX);
    if (cfg->ja)
        put_body(&(struct page){cfg, &body, true}, items, n);
    if (cfg->ja && cfg->en)
        kd_out_str(&body, "\r\n\r\n========== English ==========\r\n\r\n");
    if (cfg->en)
        put_body(&(struct page){cfg, &body, false}, items, n);
    put_headers(o, cfg, items, n, now_us, number);
    kd_mime_body(o, kd_out_bytes_view(&body));
    bool ok = kd_out_ok(&body) && kd_out_ok(o);
    free(room);
    return ok ? KD_OK : KD_LIMIT;
}
