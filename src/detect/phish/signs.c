/* SPDX-License-Identifier: Apache-2.0 */
#include "signs.h"

const struct sign_text sign_texts[SIGNS] = {
    [SENDER_OWN_NAME] = {3, "it comes from outside in the name of the recipients' own domain", "受信者自身のドメインを名乗りながら外部から届いた"},
    [SENDER_CHECK_FAILED] = {3, "the sender check (SPF, DKIM, DMARC) failed", "送信元の認証(SPF・DKIM・DMARC)に失敗している"},
    [SENDER_CHECK_SOFT] = {1, "the sender checks (SPF, DKIM) do not confirm it", "送信元の認証(SPF・DKIM)で確認できていない"},
    [SENDER_NAME_IS_OTHER] = {3, "the displayed name is another address than the real one", "表示名が実際の差出人と異なるアドレスになっている"},
    [SENDER_BRAND] = {3, "it names a well-known company, but was not sent from its domain", "有名企業を名乗るが、その企業のドメインから送られていない"},
    [SENDER_LOOKS_LIKE_OWN] = {4, "the sender's domain looks almost like the recipients' own", "差出人のドメインが受信者自身のドメインに酷似している"},
    [SENDER_REPLY_ELSEWHERE] = {2, "answers would go to a free mailbox elsewhere", "返信先が別のフリーメールになっている"},
    [SENDER_ENVELOPE] = {1, "the envelope names another sender's domain", "封筒の差出人のドメインが異なる"},
    [SENDER_NAMELESS_RELAY] = {2, "it was handed in by a machine without a proper name", "正式な名前のない機械から送り込まれた"},
    [SENDER_CHEAP] = {1, "the sender's domain is of a kind that costs nothing and is much misused", "悪用の多い無料・格安のドメインから送られた"},
    [SENDER_ODD_LETTERS] = {3, "its name or subject is written with look-alike letters, to pass by filters", "差出人名や件名に、フィルターを避けるための紛らわしい文字が使われている"},
    [SENDER_MALFORMED] = {2, "the sender's address is written in a way no mail program writes it", "差出人のアドレスがメールソフトでは書かれない形になっている"},
    [SENDER_NUMBERED] = {1, "the sender's address is generated", "差出人のアドレスが機械的に作られている"},
    [SENDER_NO_ID] = {1, "it lacks the number that every mail program gives", "メールソフトが必ず付ける番号がない"},
    [LINK_ADDRESS] = {4, "a link leads to a bare address", "リンク先が IP アドレス"},
    [LINK_LOOKS_LIKE_OWN] = {4, "a link looks like the recipients' own domain but is none", "リンク先が受信者自身のドメインに見せかけられている"},
    [LINK_BRAND] = {3, "a link bears the name of a well-known company that does not own it", "リンク先に有名企業の名前が含まれるが、その企業のものではない"},
    [LINK_SHOWS_OTHER] = {2, "a link shows another address than it leads to", "リンクの表示と実際の飛び先が異なる"},
    [LINK_PUNYCODE] = {3, "a link uses look-alike letters", "リンク先に紛らわしい文字が使われている"},
    [LINK_USER_PART] = {4, "a link hides its target behind an @", "リンク先が @ の前の文字で偽装されている"},
    [LINK_RECIPIENT] = {3, "a link carries the recipient's address as forged logon pages want it", "リンクに受信者のアドレスが埋め込まれている(偽ログイン画面の特徴)"},
    [LINK_CHEAP] = {2, "a link leads to a kind of name that costs nothing and is much misused", "リンク先が悪用の多い無料・格安のドメイン"},
    [LINK_PROGRAM] = {2, "a link leads to a program or an archive", "リンク先がプログラムや圧縮ファイル"},
    [LINK_PORT] = {2, "a link uses an unusual port", "リンク先が通常と異なるポート"},
    [LINK_HOSTED_FORM] = {1, "a link leads to a page anybody can set up for free", "リンク先が誰でも無料で作れるページ"},
    [LINK_STORE] = {2, "a link leads to a page in a rented file store", "リンク先が貸しストレージ上のページ"},
    [LINK_SHORTENER] = {1, "a link hides its target behind a short name", "リンク先が短縮 URL で隠されている"},
};

unsigned signs_weigh(uint32_t signs, enum sign first, enum sign last)
{
    unsigned n = 0;
    for (unsigned i = first; i <= (unsigned)last; i++)
        n += signs & 1u << i ? sign_texts[i].weight : 0;
    return n;
}

struct kd_bytes signs_words(uint32_t signs, bool ja, uint8_t room[SIGNS_TEXT])
{
    struct kd_out o = kd_out_of(room, SIGNS_TEXT);
    for (unsigned i = 0; i < SIGNS; i++) {
        const char *text = ja ? sign_texts[i].ja : sign_texts[i].en;
        if (!(signs & 1u << i) || strlen(text) + 3 > o.max - o.n)
            continue;
        kd_out_str(&o, o.n == 0 ? "" : ja ? "、" : "; ");
        kd_out_str(&o, text);
    }
    if (o.n == 0)
        kd_out_str(&o, "-");
    return kd_out_bytes_view(&o);
}

/* --- names and addresses --- */

static size_t find_last(struct kd_bytes b, uint8_t c)
{
    for (size_t i = b.n; i > 0; i--)
        if (b.p[i - 1] == c)
            return i - 1;
    return SIZE_MAX;
}

struct mailbox signs_mailbox(struct kd_bytes text)
{
    struct mailbox m = {.address = kd_bytes_trim(text)};
    size_t open = find_last(text, '<');
    if (open != SIZE_MAX) {
        m.name = kd_bytes_trim(kd_bytes_head(text, open));
        m.address = kd_bytes_from(text, open + 1);
        m.address = kd_bytes_trim(kd_bytes_cut(&m.address, '>'));
    }
    size_t at = find_last(m.address, '@');
    if (at != SIZE_MAX) {
        m.local = kd_bytes_head(m.address, at);
        m.domain = kd_bytes_from(m.address, at + 1);
    }
    return m;
}

struct kd_bytes signs_own_zone(const struct kd_rec_smtp *m)
{
    struct kd_bytes to = m->rcpt_to.n > 0 ? m->rcpt_to.v[0] : m->to.n > 0 ? m->to.v[0] : (struct kd_bytes){NULL, 0};
    return kd_detect_zone(signs_mailbox(to).domain);
}

static bool ends_with_zone(struct kd_bytes host, const char *const *zones)
{
    for (; *zones != NULL; zones++) {
        struct kd_bytes z = kd_str(*zones);
        if (kd_bytes_iends(host, z) && (host.n == z.n || host.p[host.n - z.n - 1] == '.'))
            return true;
    }
    return false;
}

static bool is_free_mail(struct kd_bytes domain)
{
    static const char *const zones[] = {"gmail.com", "outlook.com", "hotmail.com", "yahoo.com", "yahoo.co.jp", "live.com", "aol.com",
                                        "icloud.com", "proton.me", "protonmail.com", "mail.ru", "yandex.ru", "yandex.com",
                                        "gmx.com", "gmx.de", "qq.com", "163.com", "126.com", "naver.com", "zoho.com",
                                        "tutanota.com", "mail.com", "outlook.jp", "excite.co.jp", NULL};
    return ends_with_zone(domain, zones);
}

/* The registered name's first label: "example" of example.co.jp. */
static struct kd_bytes label_of(struct kd_bytes zone)
{
    return kd_bytes_cut(&zone, '.');
}

/* Differ in one letter: put in, left out or exchanged, or two neighbours swapped. */
static bool is_near(struct kd_bytes a, struct kd_bytes b)
{
    if (a.n > b.n)
        return is_near(b, a);
    if (b.n - a.n > 1 || a.n < 5)
        return false;
    size_t i = 0;
    while (i < a.n && kd_ascii_lower(a.p[i]) == kd_ascii_lower(b.p[i]))
        i++;
    if (i == a.n && a.n == b.n)
        return false;
    struct kd_bytes rest_b = kd_bytes_from(b, i + 1);
    if (kd_bytes_ieq(kd_bytes_from(a, i + (a.n == b.n)), rest_b))
        return true;
    return a.n == b.n && i + 1 < a.n && a.p[i] == b.p[i + 1] && a.p[i + 1] == b.p[i] &&
           kd_bytes_ieq(kd_bytes_from(a, i + 2), kd_bytes_from(b, i + 2));
}

/* `own` within `host`, with something behind it: town.own.example.evil.net, own.example-login.net. */
static bool holds_name(struct kd_bytes host, struct kd_bytes own)
{
    for (size_t i = 0; i + own.n < host.n; i++) {
        bool begins = i == 0 || host.p[i - 1] == '.' || host.p[i - 1] == '-';
        uint8_t next = host.p[i + own.n];
        if (begins && (next == '.' || next == '-') && kd_bytes_istarts(kd_bytes_from(host, i), own))
            return true;
    }
    return false;
}

/* Is `host` somebody else's, made to be read as `own`: own.example.evil.net, own-example.net, 0wn.example? */
static bool looks_like(struct kd_bytes host, struct kd_bytes own)
{
    struct kd_bytes zone = kd_detect_zone(host);
    struct kd_bytes label = label_of(own);
    if (own.n == 0 || zone.n == 0 || kd_bytes_ieq(zone, own) || kd_web_is_address(host) || is_free_mail(own))
        return false;
    if (holds_name(host, own))
        return true;
    if (is_near(label_of(zone), label) && kd_bytes_ieq(kd_bytes_from(zone, label_of(zone).n), kd_bytes_from(own, label.n)))
        return true;
    uint8_t dashed[80];
    struct kd_out o = kd_out_of(dashed, sizeof(dashed));
    for (size_t i = 0; i < own.n && i < sizeof(dashed); i++)
        kd_out_u8(&o, own.p[i] == '.' ? '-' : kd_ascii_lower(own.p[i]));
    return own.n >= 6 && kd_bytes_icontains(host, kd_out_bytes_view(&o));
}

/* Companies whose customers are deceived most, by what they are called and where they send from. */
static const struct {
    const char *name; /* lower case, or as written in Japanese */
    const char *zones[6];
} brands[] = {
    {"amazon", {"amazon.", "amazonaws.", "amazonses.", NULL}},
    {"アマゾン", {"amazon.", NULL}},
    {"paypal", {"paypal.", NULL}},
    {"apple", {"apple.", "icloud.", NULL}},
    {"microsoft", {"microsoft", "office", "outlook.", "live.", "linkedin.", NULL}},
    {"netflix", {"netflix.", NULL}},
    {"dhl", {"dhl.", "dhl-", NULL}},
    {"fedex", {"fedex.", NULL}},
    {"docusign", {"docusign.", NULL}},
    {"facebook", {"facebook", "meta.", "fb.", NULL}},
    {"metamask", {"metamask.", "consensys.", NULL}},
    {"coinbase", {"coinbase.", NULL}},
    {"wells fargo", {"wellsfargo.", NULL}},
    {"bank of america", {"bankofamerica.", "bofa.", NULL}},
    {"ebay", {"ebay.", NULL}},
    {"dropbox", {"dropbox", NULL}},
    {"rakuten", {"rakuten", NULL}},
    {"楽天", {"rakuten", NULL}},
    {"三井住友", {"smbc", "vpass.", "smcc", NULL}},
    {"三菱ufj", {"mufg", "bk.mufg", "cr.mufg", NULL}},
    {"みずほ", {"mizuho", NULL}},
    {"えきねっと", {"eki-net.", "jre", NULL}},
    {"ヤマト運輸", {"kuronekoyamato.", NULL}},
    {"佐川急便", {"sagawa", NULL}},
    {"日本郵便", {"post.japanpost.", "japanpost.", NULL}},
    {"国税庁", {"nta.go.jp", NULL}},
    {"メルカリ", {"mercari.", NULL}},
    {"イオンカード", {"aeon", NULL}},
    {"icloud", {"icloud.", "apple.", NULL}},
    {"ledger", {"ledger.", NULL}},
    {"correios", {"correios.", NULL}},
    {"etc利用照会", {"etc-meisai.", "smile-etc.", NULL}},
    {"イオン銀行", {"aeonbank.", NULL}},
    {"paypay", {"paypay", NULL}},
    {"bradesco", {"bradesco", NULL}},
    {"itau", {"itau", NULL}},
    {"santander", {"santander", NULL}},
};

static bool owns(size_t brand, struct kd_bytes host)
{
    struct kd_bytes zone = kd_detect_zone(host);
    for (size_t i = 0; brands[brand].zones[i] != NULL; i++)
        if (kd_bytes_istarts(zone, kd_str(brands[brand].zones[i])) || kd_bytes_iends(host, kd_str(brands[brand].zones[i])))
            return true;
    return false;
}

/* The name as a word of its own. */
static bool has_word(struct kd_bytes text, struct kd_bytes word)
{
    for (size_t i = 0; i + word.n <= text.n; i++) {
        bool here = kd_bytes_istarts(kd_bytes_from(text, i), word);
        bool begins = i == 0 || !kd_ascii_is_letter(text.p[i - 1]);
        bool ends = !kd_ascii_is_letter(kd_bytes_at(text, i + word.n));
        if (here && ((begins && ends) || word.p[0] >= 0x80))
            return true;
    }
    return false;
}

static bool claims_brand(struct kd_bytes text, struct kd_bytes domain)
{
    for (size_t i = 0; i < KD_COUNT(brands); i++)
        if (has_word(text, kd_str(brands[i].name)))
            return !owns(i, domain);
    return false;
}

/* --- sender --- */

/* "name@other.example" or "other.example" as the displayed name of somebody at example.net. */
static bool name_is_other(const struct mailbox *from)
{
    size_t at = find_last(from->name, '@');
    if (at == SIZE_MAX)
        return false;
    struct kd_bytes domain = kd_bytes_from(from->name, at + 1);
    size_t n = 0;
    while (n < domain.n && (kd_ascii_is_letter(domain.p[n]) || (domain.p[n] >= '0' && domain.p[n] <= '9') || domain.p[n] == '.' || domain.p[n] == '-'))
        n++;
    domain = kd_bytes_head(domain, n);
    return kd_bytes_find_byte(domain, '.') != SIZE_MAX && from->domain.n > 0 && !kd_web_same_place(domain, from->domain);
}

static bool says(struct kd_bytes results, const char *words)
{
    return kd_bytes_icontains(results, kd_str(words));
}

/* A broken DKIM signature alone is what forwarding and lists do. */
static uint32_t check_signs(struct kd_bytes results)
{
    if (results.n == 0 || says(results, "dmarc=pass"))
        return 0;
    if (says(results, "spf=fail") || says(results, "dmarc=fail") || says(results, "dmarc=permerror") || says(results, "compauth=fail"))
        return 1u << SENDER_CHECK_FAILED;
    bool unsure = says(results, "spf=softfail") || says(results, "dkim=fail") || (says(results, "spf=none") && says(results, "dkim=none"));
    return unsure ? 1u << SENDER_CHECK_SOFT : 0;
}

/* Mathematical letters (U+1D400 to U+1D7FF), which mail programs show like ordinary ones; Cyrillic or Greek within a
 * Latin word. */
static bool has_odd_letters(struct kd_bytes t)
{
    size_t styled = 0, mixed = 0;
    bool latin = false;
    for (size_t i = 0; i < t.n; i++) {
        uint8_t c = t.p[i], next = kd_bytes_at(t, i + 1), third = kd_bytes_at(t, i + 2);
        styled += c == 0xf0 && next == 0x9d && third >= 0x90 && third <= 0x9f;
        bool other = (c == 0xd0 || c == 0xd1 || c == 0xce || c == 0xcf) && next >= 0x80;
        mixed += other && (latin || kd_ascii_is_letter(third));
        latin = kd_ascii_is_letter(c);
    }
    return styled >= 4 || mixed >= 2;
}

/* Several senders at once, a blank within the address, a domain without a dot or with one at its end. */
static bool is_malformed(struct kd_bytes text, const struct mailbox *from)
{
    size_t opens = 0;
    for (size_t i = 0; i < text.n; i++)
        opens += text.p[i] == '<';
    struct kd_bytes d = from->domain;
    bool dotless = d.n > 0 && kd_bytes_find_byte(d, '.') == SIZE_MAX && !kd_bytes_ieq(d, kd_str("localhost"));
    return opens >= 2 || kd_bytes_find(text, kd_str(" >")) != SIZE_MAX || dotless || kd_bytes_at(d, d.n - 1) == '.';
}

/* word_word_12345: made anew for every mail. */
static bool is_numbered(struct kd_bytes local)
{
    size_t digits = 0;
    while (digits < local.n && local.p[local.n - 1 - digits] >= '0' && local.p[local.n - 1 - digits] <= '9')
        digits++;
    return digits >= 4 && digits < local.n && local.p[local.n - 1 - digits] == '_';
}

/* The machine that handed it in is not in the DNS and calls itself by a number, a bare word or a name that cannot be. */
static bool is_nameless(struct kd_bytes received)
{
    size_t unknown = kd_bytes_find(received, kd_str("(unknown ["));
    if (unknown == SIZE_MAX || !kd_bytes_istarts(received, kd_str("from ")))
        return false;
    struct kd_bytes name = kd_bytes_from(received, 5);
    name = kd_bytes_cut(&name, ' ');
    if (kd_bytes_at(name, 0) == '[') {
        struct kd_bytes inner = kd_bytes_from(name, 1);
        inner = kd_bytes_cut(&inner, ']');
        struct kd_bytes real = kd_bytes_from(received, unknown + 10);
        return !kd_bytes_eq(inner, kd_bytes_cut(&real, ']'));
    }
    return kd_bytes_find_byte(name, '.') == SIZE_MAX || kd_bytes_iends(name, kd_str(".domain")) ||
           kd_bytes_iends(name, kd_str(".local")) || kd_bytes_iends(name, kd_str(".localdomain"));
}

static bool is_list(const struct kd_rec_smtp *m)
{
    struct mailbox reply = signs_mailbox(m->reply_to);
    for (size_t i = 0; i < m->to.n; i++)
        if (kd_bytes_ieq(signs_mailbox(m->to.v[i]).address, reply.address))
            return true;
    for (size_t i = 0; i < m->cc.n; i++)
        if (kd_bytes_ieq(signs_mailbox(m->cc.v[i]).address, reply.address))
            return true;
    struct kd_bytes local = signs_mailbox(m->mail_from).local;
    static const char *const words[] = {"bounce", "owner-", "-admin", "-request", "list", "errors", "return", "+", "="};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_icontains(local, kd_str(words[i])))
            return true;
    return false;
}

uint32_t signs_of_sender(const struct kd_rec_smtp *m, bool from_outside)
{
    struct mailbox from = signs_mailbox(m->from);
    struct mailbox envelope = signs_mailbox(m->mail_from);
    struct mailbox reply = signs_mailbox(m->reply_to);
    struct kd_bytes own = signs_own_zone(m);
    struct kd_bytes from_zone = kd_detect_zone(from.domain);
    uint32_t s = check_signs(m->auth_results);
    bool same_envelope = envelope.domain.n == 0 || kd_web_same_place(envelope.domain, from.domain);
    bool list = is_list(m);
    bool own_name = from_outside && own.n > 0 && kd_bytes_ieq(from_zone, own) && !same_envelope && !is_free_mail(own);
    s |= own_name && !list ? 1u << SENDER_OWN_NAME : 0;
    s |= !same_envelope && !list ? 1u << SENDER_ENVELOPE : 0;
    s |= name_is_other(&from) ? 1u << SENDER_NAME_IS_OTHER : 0;
    s |= claims_brand(from.name, from.domain) ? 1u << SENDER_BRAND : 0;
    s |= looks_like(from.domain, own) ? 1u << SENDER_LOOKS_LIKE_OWN : 0;
    s |= kd_web_is_cheap_name(from.domain) ? 1u << SENDER_CHEAP : 0;
    bool elsewhere = reply.domain.n > 0 && !kd_web_same_place(reply.domain, from.domain) && is_free_mail(reply.domain);
    s |= elsewhere && !list ? 1u << SENDER_REPLY_ELSEWHERE : 0;
    for (size_t i = 0; i < m->received.n; i++)
        s |= is_nameless(m->received.v[i]) ? 1u << SENDER_NAMELESS_RELAY : 0;
    s |= has_odd_letters(from.name) || has_odd_letters(m->subject) ? 1u << SENDER_ODD_LETTERS : 0;
    s |= is_malformed(m->from, &from) ? 1u << SENDER_MALFORMED : 0;
    s |= is_numbered(from.local) ? 1u << SENDER_NUMBERED : 0;
    s |= kd_bytes_eq_str(m->status, "PARSE_DONE") && m->message_id.n == 0 ? 1u << SENDER_NO_ID : 0;
    return s;
}

/* --- links --- */

static bool is_known_tail(struct kd_bytes host)
{
    static const char *const tails[] = {".com", ".net", ".org", ".jp", ".gov", ".edu", ".de", ".uk", ".fr", ".it", ".br", ".eu",
                                        ".info", ".biz", ".us", ".ca", ".au", ".nl", ".es", ".ch", ".at"};
    for (size_t i = 0; i < KD_COUNT(tails); i++)
        if (kd_bytes_iends(host, kd_str(tails[i])))
            return true;
    return false;
}

/* The host in the visible text of a link; empty when it is none after all. */
static struct kd_bytes shown_host(struct kd_bytes shown)
{
    struct kd_bytes host = kd_web_host(shown);
    if (host.n == 0) {
        size_t n = 0;
        while (n < shown.n && strchr("/?#: ", shown.p[n]) == NULL)
            n++;
        host = kd_bytes_head(shown, n);
    }
    return is_known_tail(host) ? host : (struct kd_bytes){NULL, 0};
}

static struct kd_bytes authority_of(struct kd_bytes url)
{
    size_t scheme = kd_bytes_find(kd_bytes_head(url, 16), kd_str("://"));
    struct kd_bytes rest = kd_bytes_from(url, scheme == SIZE_MAX ? url.n : scheme + 3);
    size_t n = 0;
    while (n < rest.n && strchr("/?#\\", rest.p[n]) == NULL)
        n++;
    return kd_bytes_head(rest, n);
}

static bool has_odd_port(struct kd_bytes authority)
{
    size_t colon = find_last(authority, ':');
    uint64_t port = 0;
    return colon != SIZE_MAX && kd_bytes_to_u64(kd_bytes_from(authority, colon + 1), UINT16_MAX, &port) && port != 80 &&
           port != 443 && port != 8080;
}

/* #user@example.jp: what a forged logon page fills in. */
static bool carries_recipient(const struct kd_rec_smtp *m, struct kd_bytes url)
{
    size_t hash = kd_bytes_find_byte(url, '#');
    if (hash == SIZE_MAX)
        return false;
    for (size_t i = 0; i < m->rcpt_to.n && i < 4; i++)
        if (m->rcpt_to.v[i].n >= 6 && kd_bytes_icontains(kd_bytes_from(url, hash), m->rcpt_to.v[i]))
            return true;
    return false;
}

static bool is_shortener(struct kd_bytes host)
{
    static const char *const zones[] = {"bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "cutt.ly", "rebrand.ly", "rb.gy",
                                        "shorturl.at", "tiny.cc", "t.ly", "s.id", "v.gd", "bl.ink", "qrco.de", "x.gd", "onl.la",
                                        "bit.do", "buff.ly", "lnkd.in", "urlz.fr", "surl.li", "u.to", "00m.in", "onl.tw", NULL};
    return ends_with_zone(host, zones);
}

static bool is_hosted_form(struct kd_bytes host)
{
    static const char *const zones[] = {
        "weebly.com", "wixsite.com", "firebaseapp.com", "web.app", "pages.dev", "workers.dev", "r2.dev", "blogspot.com", "github.io",
        "netlify.app", "vercel.app", "glitch.me", "godaddysites.com", "square.site", "webflow.io", "forms.gle", "sites.google.com",
        "formstack.com", "jotform.com", "typeform.com", "000webhostapp.com", "herokuapp.com", "azurewebsites.net", "myshopify.com",
        "translate.goog", "ipfs.io", "dweb.link", "fleek.co", "replit.app", "repl.co", "webcindario.com", "yolasite.com",
        "strikingly.com", "notion.site", "appspot.com", "web.core.windows.net", "blob.core.windows.net", "backblazeb2.com", NULL};
    return ends_with_zone(host, zones);
}

/* A page in a file store, where anybody can put one. */
static bool is_store_page(struct kd_bytes host, struct kd_bytes path)
{
    static const char *const zones[] = {"storage.googleapis.com", "firebasestorage.googleapis.com", "amazonaws.com", "core.windows.net",
                                        "digitaloceanspaces.com", "backblazeb2.com", "wasabisys.com", "r2.dev", NULL};
    return ends_with_zone(host, zones) && kd_web_content_of_name(path) == KD_CONTENT_PAGE;
}

uint32_t signs_of_link(const struct kd_rec_smtp *m, struct kd_bytes url, struct kd_bytes shown)
{
    struct kd_bytes host = kd_web_host(url);
    struct kd_bytes authority = authority_of(url);
    struct kd_bytes seen = shown_host(shown);
    struct kd_bytes path = kd_web_path(url);
    enum kd_content content = kd_web_content_of_name(path);
    struct mailbox from = signs_mailbox(m->from);
    struct kd_addr a;
    uint32_t s = 0;
    if (host.n == 0)
        return 0;
    bool address = kd_addr_parse(host, &a);
    bool own_place = from.domain.n > 0 && kd_web_same_place(host, from.domain);
    s |= address ? 1u << LINK_ADDRESS : 0;
    s |= looks_like(host, signs_own_zone(m)) ? 1u << LINK_LOOKS_LIKE_OWN : 0;
    s |= !own_place && claims_brand(host, host) ? 1u << LINK_BRAND : 0;
    s |= seen.n > 0 && !kd_web_same_place(seen, host) ? 1u << LINK_SHOWS_OTHER : 0;
    s |= kd_bytes_istarts(host, kd_str("xn--")) || kd_bytes_icontains(host, kd_str(".xn--")) ? 1u << LINK_PUNYCODE : 0;
    s |= kd_bytes_find_byte(authority, '@') != SIZE_MAX ? 1u << LINK_USER_PART : 0;
    s |= carries_recipient(m, url) && !own_place ? 1u << LINK_RECIPIENT : 0;
    s |= kd_web_is_cheap_name(host) ? 1u << LINK_CHEAP : 0;
    s |= content == KD_CONTENT_PROGRAM || content == KD_CONTENT_ARCHIVE ? 1u << LINK_PROGRAM : 0;
    s |= has_odd_port(authority) ? 1u << LINK_PORT : 0;
    s |= is_hosted_form(host) ? 1u << LINK_HOSTED_FORM : 0;
    s |= is_store_page(host, path) ? 1u << LINK_STORE : 0;
    s |= is_shortener(host) ? 1u << LINK_SHORTENER : 0;
    return s;
}
