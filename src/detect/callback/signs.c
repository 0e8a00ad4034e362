/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/callback/signs.h"

#include "detect/names.h"

#define BIT(sign) ((uint64_t)1 << KD_SIGN_##sign)

struct sign_text {
    uint8_t weight;
    const char *text[2];
};

static const struct sign_text table[KD_SIGNS] = {
    [KD_SIGN_NO_AGENT] = {1, {"no program name", "利用ソフト名なし"}},
    [KD_SIGN_NO_AGENT_POST] = {2, {"data sent without a program name", "利用ソフト名のないデータ送信"}},
    [KD_SIGN_ODD_AGENT] = {2, {"an impossible or outdated program name", "実在しない・古すぎる利用ソフト名"}},
    [KD_SIGN_FALSE_BROWSER] = {2, {"claims to be a browser but is none", "ブラウザーを装うが特徴が異なる"}},
    [KD_SIGN_PLAIN_BROWSER] = {1, {"a program behind a browser's name", "ブラウザー名を使う別のソフト"}},
    [KD_SIGN_TOOL_AGENT] = {1, {"a script or tool sends data", "スクリプトやツールによる送信"}},
    [KD_SIGN_RAW_HOST] = {2, {"an address instead of a name", "名前でなく IP アドレスを直接指定"}},
    [KD_SIGN_BAD_HOST] = {4, {"a malformed host name", "ホスト名が不正"}},
    [KD_SIGN_ODD_PORT] = {1, {"an unusual port", "一般的でないポート"}},
    [KD_SIGN_HTTP_ON_443] = {3, {"unencrypted on the port for encrypted traffic", "暗号化用ポートで平文通信"}},
    [KD_SIGN_LYING_BODY] = {3, {"data that are not what they claim to be", "申告した種類と異なるデータを送信"}},
    [KD_SIGN_BINARY_POST] = {2, {"encrypted-looking data sent", "暗号化されたようなデータを送信"}},
    [KD_SIGN_CODED_POST] = {2, {"encoded data sent", "符号化されたデータを送信"}},
    [KD_SIGN_SCRIPT_POST] = {1, {"data sent that come from no page", "ページを経ないデータ送信"}},
    [KD_SIGN_LONG_DATA] = {1, {"encoded data in the address", "URL に符号化されたデータ"}},
    [KD_SIGN_VERY_LONG_DATA] = {2, {"much encoded data in the address", "URL に長い符号化データ"}},
    [KD_SIGN_CODED_ANSWER] = {2, {"an encoded answer", "符号化された応答"}},
    [KD_SIGN_BINARY_ANSWER] = {3, {"an encrypted-looking answer that claims to be a page", "ページと称する暗号化されたような応答"}},
    [KD_SIGN_GONE] = {1, {"data sent to a page that is not there", "存在しないページへの送信"}},
    [KD_SIGN_MACHINE_ID] = {2, {"a number for the machine", "端末の識別番号"}},
    [KD_SIGN_OWN_NAME] = {3, {"the machine's or user's own name", "端末名・利用者名の送信"}},
    [KD_SIGN_STAGE_PATH] = {2, {"an address drawn like a staging program's", "段階的に読み込む攻撃ツール型の URL"}},
    [KD_SIGN_BARE_COOKIE] = {3, {"data in place of a cookie", "クッキーの形をしたデータ"}},
    [KD_SIGN_BORROWED_NAME] = {3, {"a famous site's name at an inside address", "庁内アドレスに有名サイトの名前"}},
    [KD_SIGN_PROGRAM_BY_POST] = {3, {"program parts fetched by sending data", "データ送信の応答としてプログラム部品を取得"}},
    [KD_SIGN_CHEAP_NAME] = {1, {"a name from a free or short-lived supply", "無料・使い捨てで使われやすいドメイン"}},
    [KD_SIGN_RANDOM_NAME] = {1, {"a random-looking name", "無作為なドメイン名"}},
    [KD_SIGN_RANDOM_FOLDER] = {1, {"a random-looking folder", "無作為なフォルダー名"}},
    [KD_SIGN_REPEATED] = {1, {"the same request again and again", "同じ要求の繰り返し"}},
    [KD_SIGN_REPEATED_CODED] = {2, {"encoded data sent again and again", "符号化されたデータの送信の繰り返し"}},
    [KD_SIGN_KNOWN_PATHS] = {4, {"addresses that a known attack tool uses unless changed", "既知の攻撃ツールの初期設定の URL"}},
    [KD_SIGN_MANY_SITES] = {4, {"the same odd address at several unrelated sites", "無関係な複数サイトで同じ URL"}},
    [KD_SIGN_ASKED_ADDRESS] = {2, {"asked for its own public address just before", "直前に自身の公開アドレスを照会"}},
};

unsigned kd_signs_weight(uint64_t signs)
{
    /* How a simple program writes requests, malicious or not: alone no reason to say anything. */
    const uint64_t simple = BIT(NO_AGENT) | BIT(NO_AGENT_POST) | BIT(TOOL_AGENT) | BIT(PLAIN_BROWSER) | BIT(RAW_HOST) |
                            BIT(ODD_PORT) | BIT(REPEATED) | BIT(CHEAP_NAME) | BIT(RANDOM_NAME);
    unsigned sum = 0;
    if ((signs & ~simple) == 0)
        return 0;
    if (signs & BIT(NO_AGENT_POST))
        signs &= ~BIT(NO_AGENT);
    if (signs & BIT(VERY_LONG_DATA))
        signs &= ~BIT(LONG_DATA);
    for (unsigned i = 0; i < KD_SIGNS; i++)
        if (signs >> i & 1)
            sum += table[i].weight;
    return sum;
}

void kd_signs_words(uint64_t signs, unsigned lang, struct kd_out *o)
{
    enum { HEAVIEST = 4, TOLD = 6 };
    unsigned told = 0;
    for (unsigned weight = HEAVIEST; weight > 0; weight--)
        for (unsigned i = 0; i < KD_SIGNS && told < TOLD; i++) {
            if ((signs >> i & 1) == 0 || table[i].weight != weight)
                continue;
            kd_out_str(o, told++ == 0 ? "" : lang == 0 ? ", " : "、");
            kd_out_str(o, table[i].text[lang]);
        }
}

/* ---- texts ---- */

static bool is_any(struct kd_bytes text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_ieq(text, kd_str(list[i])))
            return true;
    return false;
}

static bool ends_any(struct kd_bytes text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_iends(text, kd_str(list[i])))
            return true;
    return false;
}

/* Bytes that no text has.  Bytes above 127 count unless they are UTF-8 (a character cut at the end aside). */
static bool is_binary(struct kd_bytes b)
{
    enum { LEAST = 8, CHAR_MAX_BYTES = 4 };
    size_t control = 0, high = 0;
    for (size_t i = 0; i < b.n; i++) {
        high += b.p[i] >= 0x80;
        control += b.p[i] < 0x20 && b.p[i] != '\r' && b.p[i] != '\n' && b.p[i] != '\t';
    }
    bool utf8 = false;
    for (size_t cut = 0; cut < CHAR_MAX_BYTES && cut < b.n && !utf8; cut++)
        utf8 = kd_bytes_is_utf8(kd_bytes_head(b, b.n - cut));
    return b.n >= LEAST && (control * 8 > b.n || (!utf8 && high * 4 > b.n));
}

/* Letters of base64 (both alphabets) or hexadecimal, in a mixture that words do not have. */
static bool is_coded(struct kd_bytes b, size_t least)
{
    size_t upper = 0, lower = 0, digits = 0, others = 0, hex = 0;
    while (b.n > 0 && b.p[b.n - 1] == '=')
        b.n--;
    for (size_t i = 0; i < b.n; i++) {
        uint8_t c = b.p[i];
        bool coding = c == '+' || c == '/' || c == '-' || c == '_' || c == '%';
        if (!kd_ascii_is_digit(c) && !kd_ascii_is_letter(c) && !coding)
            return false;
        digits += kd_ascii_is_digit(c);
        upper += c >= 'A' && c <= 'Z';
        lower += c >= 'a' && c <= 'z';
        others += coding;
        hex += kd_ascii_is_digit(c) || (kd_ascii_lower(c) >= 'a' && kd_ascii_lower(c) <= 'f');
    }
    enum { NO_WORD = 48 };
    if (b.n < least)
        return false;
    if (hex == b.n)
        return digits * 4 >= b.n && digits < b.n + (upper + lower > 0);
    return upper * 10 >= b.n && lower * 10 >= b.n && (digits + others > 0 || b.n >= NO_WORD) &&
           others * 5 <= b.n;
}

struct kd_bytes kd_path_of(struct kd_bytes url)
{
    size_t scheme = kd_bytes_find(kd_bytes_head(url, 16), kd_str("://"));
    if (scheme != SIZE_MAX) {
        url = kd_bytes_from(url, scheme + 3);
        size_t slash = kd_bytes_find_byte(url, '/');
        url = slash == SIZE_MAX ? kd_str("/") : kd_bytes_from(url, slash);
    }
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] == '?' || url.p[i] == '#')
            return kd_bytes_head(url, i);
    return url;
}

static struct kd_bytes query_of(struct kd_bytes url)
{
    size_t at = kd_bytes_find_byte(url, '?');
    return at == SIZE_MAX ? kd_bytes_of(NULL, 0) : kd_bytes_from(url, at + 1);
}

/* Longest coded run between the separators of an address or a form. */
static size_t longest_coded(struct kd_bytes text, size_t least)
{
    size_t longest = 0, begin = 0;
    for (size_t i = 0; i <= text.n; i++) {
        uint8_t c = kd_bytes_at(text, i);
        /* The = of padding belongs to the run; one with something behind it parts name and value. */
        bool parts = i == text.n || c == '&' || c == '?' || c == ';' || c == '.' || c == ',' ||
                     (c == '=' && i + 1 < text.n && kd_bytes_at(text, i + 1) != '=' && kd_bytes_at(text, i + 1) != '&');
        if (!parts)
            continue;
        struct kd_bytes run = kd_bytes_from(kd_bytes_head(text, i), begin);
        /* Folders with readable names are no data. */
        size_t slash = kd_bytes_find_byte(run, '/');
        if (slash != SIZE_MAX && slash < 16)
            while ((slash = kd_bytes_find_byte(run, '/')) != SIZE_MAX && slash < 16)
                run = kd_bytes_from(run, slash + 1);
        if (run.n > longest && is_coded(run, least))
            longest = run.n;
        begin = i + 1;
    }
    return longest;
}

/* ---- one subject each ---- */

static bool says_browser(struct kd_bytes agent)
{
    return kd_bytes_starts(agent, kd_str("Mozilla/5.0 (")) || kd_bytes_starts(agent, kd_str("Mozilla/4.0 (compatible"));
}

/* name<|>user<|>system: a report, not a program's name. */
static bool has_fields(struct kd_bytes agent)
{
    size_t bars = 0;
    for (size_t i = 0; i < agent.n; i++)
        bars += agent.p[i] == '|' || agent.p[i] == '\\';
    return bars >= 2;
}

/* Browsers older than any that is still in use, or written by somebody who never saw one. */
static bool is_odd_agent(struct kd_bytes agent)
{
    static const char *const old[] = {"MSIE 2.", "MSIE 3.", "MSIE 4.", "MSIE 5.", "MSIE 6.", "Windows 95",
                                      "Windows 98", "Windows NT 4", "Windows NT 5.0", "Netscape"};
    if (kd_bytes_starts(agent, kd_str("Mozilla/")))
        return kd_bytes_icontains_any(agent, old, KD_COUNT(old)) || !(says_browser(agent) || agent.n > 60 ||
                                                       kd_bytes_starts(agent, kd_str("Mozilla/5.0")));
    /* Fields of a report in place of a program's name. */
    if (has_fields(agent))
        return true;
    /* One word, as in "agent": real programs tell their version. */
    return agent.n > 0 && agent.n < 16 && kd_bytes_find_byte(agent, '/') == SIZE_MAX &&
           kd_bytes_find_byte(agent, ' ') == SIZE_MAX;
}

static uint64_t agent_signs(const struct kd_rec_http *h, bool post)
{
    static const char *const tools[] = {"python", "curl/", "wget", "powershell", "go-http-client", "winhttp",
                                        "autoit", "libwww-perl", "okhttp", "java/"};
    struct kd_bytes agent = h->http_user_agent;
    if (agent.n == 0)
        return post ? BIT(NO_AGENT_POST) : BIT(NO_AGENT);
    if (is_odd_agent(agent))
        return has_fields(agent) ? BIT(ODD_AGENT) | BIT(MACHINE_ID) : BIT(ODD_AGENT);
    if (post && kd_bytes_icontains_any(agent, tools, KD_COUNT(tools)))
        return BIT(TOOL_AGENT);
    bool lacks = h->request_fields.n > 0 && !kd_bytes_icontains(h->request_fields, kd_str("Accept-Language"));
    if (!says_browser(agent) || !lacks)
        return 0;
    bool library = kd_bytes_icontains(agent, kd_str("MSIE ")) || kd_bytes_icontains(agent, kd_str("Trident/"));
    return library ? BIT(PLAIN_BROWSER) : BIT(FALSE_BROWSER);
}

static bool is_name(struct kd_bytes host)
{
    for (size_t i = 0; i < host.n; i++) {
        uint8_t c = host.p[i];
        if (!kd_ascii_is_digit(c) && !kd_ascii_is_letter(c) && c != '-' && c != '.' && c != '_' && c < 0x80)
            return false;
    }
    return host.n > 0;
}

static bool is_address(struct kd_bytes host)
{
    size_t dots = 0, colons = 0, others = 0;
    for (size_t i = 0; i < host.n; i++) {
        dots += host.p[i] == '.';
        colons += host.p[i] == ':';
        others += !kd_ascii_is_digit(host.p[i]) && host.p[i] != '.';
    }
    return (dots == 3 && others == 0) || colons >= 2;
}

static bool is_random_label(struct kd_bytes label)
{
    enum { SHORTEST = 8 };
    size_t digits = 0, letters = 0;
    for (size_t i = 0; i < label.n; i++) {
        digits += kd_ascii_is_digit(label.p[i]);
        letters += kd_ascii_is_letter(label.p[i]);
    }
    bool mixed = digits >= 3 && letters >= 3;
    return label.n >= SHORTEST && (mixed || kd_name_surprise(label) >= KD_NAME_RANDOM);
}

static uint64_t host_signs(const struct kd_rec_http *h, const struct kd_rec_head *head, bool outside, bool proxy)
{
    static const char *const cheap[] = {
        ".top", ".xyz", ".tk", ".ml", ".ga", ".cf", ".gq", ".pw", ".su", ".icu", ".cyou", ".buzz", ".club", ".bid",
        ".site", ".online", ".space", ".website", ".monster", ".rest", ".duckdns.org", ".no-ip.org", ".no-ip.biz",
        ".ddns.net", ".hopto.org", ".zapto.org", ".sytes.net", ".webhop.me", ".myftp.biz", ".myftp.org",
        ".servehttp.com", ".serveftp.com", ".dynu.net", ".dyndns.org", ".dynamicdns.org.uk", ".mooo.com",
        ".publicvm.com", ".linkpc.net", ".bounceme.net", ".redirectme.net", ".ngrok.io", ".chickenkiller.com"};
    static const char *const famous[] = {"amazon.com", "google.com", "bing.com", "microsoft.com", "yahoo.com",
                                         "facebook.com", "jquery.com", "youtube.com", "twitter.com", "wikipedia.org",
                                         "linkedin.com", "office.com", "live.com", "msn.com", "apple.com",
                                         "cloudfront.net", "windowsupdate.com"};
    struct kd_bytes host = h->hostname;
    uint64_t signs = 0;
    if (host.n == 0) {
        bool due = kd_bytes_eq_str(h->protocol, "HTTP/1.1") && h->request_fields.n > 0;
        return outside && due && !kd_bytes_icontains(h->request_fields, kd_str("Host")) ? BIT(BAD_HOST) : 0;
    }
    if (is_address(host))
        return outside ? BIT(RAW_HOST) : 0;
    if (outside && (!is_name(host) || kd_bytes_find_byte(host, '.') == SIZE_MAX))
        signs |= BIT(BAD_HOST);
    if (ends_any(host, cheap, KD_COUNT(cheap)))
        signs |= BIT(CHEAP_NAME);
    struct kd_bytes zone = kd_detect_zone(host), rest = zone;
    if (!outside && !proxy && kd_addr_is_private(&head->dst) && is_any(zone, famous, KD_COUNT(famous)))
        signs |= BIT(BORROWED_NAME);
    if (is_random_label(kd_bytes_cut(&rest, '.')))
        signs |= BIT(RANDOM_NAME);
    return signs;
}

static uint64_t port_signs(const struct kd_rec_head *head, bool proxy)
{
    static const uint16_t usual[] = {80, 8080, 8000, 3128, 8081, 8008, 8888, 591, 631, 5357, 5985, 1900, 2869, 10080};
    if (proxy)
        return 0;
    if (head->dst_port == 443 || head->dst_port == 8443)
        return BIT(HTTP_ON_443);
    for (size_t i = 0; i < KD_COUNT(usual); i++)
        if (head->dst_port == usual[i])
            return 0;
    return BIT(ODD_PORT);
}

/* Does the beginning of the data fit the type?  Only types with an unmistakable beginning are judged. */
static bool body_lies(struct kd_bytes type, struct kd_bytes head)
{
    if (kd_bytes_istarts(type, kd_str("application/x-www-form-urlencoded")))
        return is_binary(head);
    if (kd_bytes_istarts(type, kd_str("text/xml")) || kd_bytes_istarts(type, kd_str("application/xml")))
        return kd_bytes_find_byte(head, '<') == SIZE_MAX && head.n >= 16;
    if (kd_bytes_istarts(type, kd_str("application/json")))
        return is_binary(head) || is_coded(head, 32);
    if (kd_bytes_istarts(type, kd_str("application/pdf")))
        return !kd_bytes_starts(head, kd_str("%PDF"));
    if (kd_bytes_istarts(type, kd_str("image/png")))
        return !kd_bytes_starts(head, kd_str("\x89PNG"));
    if (kd_bytes_istarts(type, kd_str("image/gif")))
        return !kd_bytes_starts(head, kd_str("GIF8"));
    if (kd_bytes_istarts(type, kd_str("image/jpeg")))
        return !kd_bytes_starts(head, kd_str("\xff\xd8"));
    bool text = kd_bytes_istarts(type, kd_str("text/")) || kd_bytes_icontains(type, kd_str("javascript"));
    return text && is_binary(head);
}

/* Known containers are data that somebody packed, not encrypted orders. */
static bool is_packed(struct kd_bytes head)
{
    static const struct {
        const char *magic;
        size_t n;
    } known[] = {{"\x1f\x8b", 2}, {"PK\3\4", 4}, {"MZ", 2}, {"\x89PNG", 4}, {"\xff\xd8", 2}, {"GIF8", 4},
                 {"%PDF", 4}, {"RIFF", 4}, {"\0asm", 4}, {"OggS", 4}, {"CWS", 3}, {"FWS", 3}, {"wOF", 3},
                 {"\x30\x82", 2}, {"\x28\xb5\x2f\xfd", 4}, {"\x78\x9c", 2}, {"\xef\xbb\xbf", 3}, {"\xff\xfe", 2},
                 {"MSCF", 4}, {"\0\0\1\0", 4}};
    for (size_t i = 0; i < KD_COUNT(known); i++)
        if (kd_bytes_starts(head, kd_bytes_of(known[i].magic, known[i].n)))
            return true;
    return false;
}

/* Mostly bytes written as %XX that are no text: letters of other languages come as UTF-8. */
static bool is_escaped(struct kd_bytes form)
{
    enum { LEAST = 8 };
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    for (size_t i = 0; i + 2 < form.n; i++) {
        uint8_t high = kd_ascii_lower(form.p[i + 1]), low = kd_ascii_lower(form.p[i + 2]);
        bool hex = (kd_ascii_is_digit(high) || (high >= 'a' && high <= 'f')) && (kd_ascii_is_digit(low) || (low >= 'a' && low <= 'f'));
        if (form.p[i] != '%' || !hex)
            continue;
        kd_out_u8(&o, (uint8_t)((kd_ascii_is_digit(high) ? high - '0' : high - 'a' + 10) << 4 | (kd_ascii_is_digit(low) ? low - '0' : low - 'a' + 10)));
        i += 2;
    }
    return o.n >= LEAST && o.n * 6 >= form.n && is_binary(kd_out_bytes_view(&o));
}

static uint64_t post_signs(const struct kd_rec_http *h)
{
    static const char *const scripts[] = {".php", ".asp", ".aspx", ".jsp", ".cgi", ".pl"};
    enum { FORM_DATA = 32, GONE_FIRST = 400, GONE_LAST = 499 };
    struct kd_bytes head = h->request_head, type = h->request_content_type;
    uint64_t signs = 0;
    if (body_lies(type, head))
        signs |= BIT(LYING_BODY);
    bool untyped = type.n == 0 || kd_bytes_istarts(type, kd_str("application/octet-stream"));
    if (untyped && is_binary(head) && !is_packed(head))
        signs |= BIT(BINARY_POST);
    if (longest_coded(head, FORM_DATA) > 0 || is_escaped(head))
        signs |= BIT(CODED_POST);
    /* Browsers name the page that the data come from. */
    bool from_page = h->http_refer.n > 0 || kd_bytes_icontains(h->request_fields, kd_str("Origin"));
    if (!from_page && (says_browser(h->http_user_agent) || ends_any(kd_path_of(h->url), scripts, KD_COUNT(scripts))))
        signs |= BIT(SCRIPT_POST);
    if (h->status >= GONE_FIRST && h->status <= GONE_LAST && h->status != 401 && h->status != 407)
        signs |= BIT(GONE);
    static const char *const parts[] = {".dll", ".exe"};
    bool program = kd_bytes_starts(h->response_head, kd_str("MZ")) || ends_any(kd_path_of(h->url), parts, KD_COUNT(parts));
    return signs | (program && h->status == 200 ? BIT(PROGRAM_BY_POST) : 0);
}

/* A single segment whose bytes sum up to a number that staging programs agree on. */
static bool is_stage_path(struct kd_bytes path)
{
    enum { SHORT = 4, LONG = 24 };
    static const uint8_t sums[] = {92, 93, 80, 88, 98};
    unsigned sum = 0, digits = 0, upper = 0;
    for (size_t i = 1; i < path.n; i++) {
        uint8_t c = path.p[i];
        if (!kd_ascii_is_digit(c) && !kd_ascii_is_letter(c) && c != '-' && c != '_')
            return false;
        sum += c;
        digits += kd_ascii_is_digit(c);
        upper += c >= 'A' && c <= 'Z';
    }
    if ((path.n != SHORT + 1 && path.n < LONG) || digits + upper < 2)
        return false;
    for (size_t i = 0; i < KD_COUNT(sums); i++)
        if ((sum & 255) == sums[i])
            return true;
    return false;
}

static bool has_machine_id(struct kd_bytes query)
{
    static const char *const names[] = {"hwid", "botid", "bot_id", "pcname", "pc_name", "computername", "compname",
                                        "machineid", "machine_id", "guid", "victim", "sysid"};
    while (query.n > 0) {
        struct kd_bytes value = kd_bytes_cut(&query, '&');
        struct kd_bytes name = kd_bytes_cut(&value, '=');
        if (value.n > 0 && is_any(name, names, KD_COUNT(names)))
            return true;
    }
    return false;
}

/* xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx, its hyphens perhaps as %2D: programs number the machines they run on. */
static bool has_guid(struct kd_bytes query)
{
    enum { GROUPS = 5 };
    static const uint8_t lengths[GROUPS] = {8, 4, 4, 4, 12};
    unsigned group = 0, n = 0;
    for (size_t i = 0; i < query.n; i++) {
        uint8_t c = kd_ascii_lower(query.p[i]);
        bool hyphen = c == '-' || (c == '%' && kd_bytes_at(query, i + 1) == '2' && kd_ascii_lower(kd_bytes_at(query, i + 2)) == 'd');
        bool hex = kd_ascii_is_digit(c) || (c >= 'a' && c <= 'f');
        if (hyphen && n == lengths[group] && group < GROUPS - 1) {
            group++;
            n = 0;
            i += c == '%' ? 2 : 0;
        } else if (hex) {
            if (++n == lengths[GROUPS - 1] && group == GROUPS - 1)
                return true;
        } else {
            group = n = 0;
        }
    }
    return false;
}

bool kd_names_itself(struct kd_bytes url, struct kd_bytes name)
{
    enum { LEAST = 4 };
    struct kd_bytes query = query_of(url), path = kd_path_of(url), rest = name;
    struct kd_bytes label = kd_bytes_cut(&rest, '.');
    while (path.n > 0 && label.n >= LEAST) {
        /* NAME, or NAME_W617601.… */
        struct kd_bytes part = kd_bytes_cut(&path, '/');
        uint8_t next = kd_bytes_at(part, label.n);
        if (kd_bytes_istarts(part, label) && (next == 0 || next == '_'))
            return true;
    }
    while (query.n > 0) {
        struct kd_bytes value = kd_bytes_cut(&query, '&');
        (void)kd_bytes_cut(&value, '=');
        if (label.n >= LEAST && kd_bytes_ieq(value, label))
            return true;
    }
    return false;
}

static uint64_t url_signs(const struct kd_rec_http *h, bool post)
{
    enum { LONG = 64, VERY_LONG = 200, FOLDED = 120, NUMBER = 32 };
    struct kd_bytes path = kd_path_of(h->url), rest = kd_bytes_from(path, 1);
    size_t coded = longest_coded(h->url, LONG);
    /* Data cut into folders, with the ending of a picture. */
    struct kd_bytes stem = path;
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '.') {
            stem = kd_bytes_head(path, i - 1);
            break;
        }
    if (is_coded(stem, FOLDED))
        coded = kd_max_u64(coded, VERY_LONG);
    /* Shorter, a number of the machine: but pages name their pictures and scripts so too. */
    if (coded == 0 && h->http_refer.n == 0 && longest_coded(h->url, NUMBER) > 0)
        coded = NUMBER;
    uint64_t signs = coded >= VERY_LONG ? BIT(VERY_LONG_DATA) : coded > 0 ? BIT(LONG_DATA) : 0;
    struct kd_bytes query = query_of(h->url);
    if (has_machine_id(query) || has_guid(query) || (post && has_machine_id(h->request_head)))
        signs |= BIT(MACHINE_ID);
    bool single = kd_bytes_find_byte(rest, '/') == SIZE_MAX;
    if (single && h->http_refer.n == 0 && is_stage_path(h->url))
        signs |= BIT(STAGE_PATH);
    if (!single && is_random_label(kd_bytes_cut(&rest, '/')))
        signs |= BIT(RANDOM_FOLDER);
    return signs;
}

static uint64_t answer_signs(const struct kd_rec_http *h)
{
    enum { SHORT_TEXT = 10, LONG_TEXT = 24, SMALL = 16384 };
    struct kd_bytes head = h->response_head, type = h->http_content_type;
    bool text = kd_bytes_istarts(type, kd_str("text/html")) || kd_bytes_istarts(type, kd_str("text/plain"));
    if (h->status != 200 || head.n == 0 || h->content_encoding.n > 0 || is_packed(head))
        return 0;
    if (kd_bytes_istarts(type, kd_str("text/html")) && is_binary(head))
        return BIT(BINARY_ANSWER);
    bool whole = h->length <= head.n;
    bool padded = head.p[head.n - 1] == '=';
    size_t least = whole && padded ? SHORT_TEXT : LONG_TEXT;
    return text && (h->length <= SMALL || whole || head.n >= LONG_TEXT * 2) && is_coded(head, least) ? BIT(CODED_ANSWER) : 0;
}

uint64_t kd_signs_of(const struct kd_rec_http *h, const struct kd_rec_head *head, bool outside)
{
    enum { COOKIE_LEAST = 60 };
    bool post = kd_bytes_eq_str(h->http_method, "POST") || kd_bytes_eq_str(h->http_method, "PUT");
    bool proxy = h->url.n > 0 && h->url.p[0] != '/';
    if (h->http_method.n == 0 || kd_bytes_eq_str(h->http_method, "CONNECT"))
        return 0;
    uint64_t signs = agent_signs(h, post) | host_signs(h, head, outside, proxy) | port_signs(head, proxy) |
                     url_signs(h, post) | answer_signs(h);
    if (post)
        signs |= post_signs(h);
    if (h->cookie_bytes >= COOKIE_LEAST && h->cookie_names.n == 0)
        signs |= BIT(BARE_COOKIE);
    return signs;
}

/* ---- names of services and tools ---- */

bool kd_tells_own_address(struct kd_bytes hostname)
{
    static const char *const services[] = {
        "api.ipify.org", "api64.ipify.org", "api4.ipify.org", "icanhazip.com", "ipv4.icanhazip.com", "ifconfig.me",
        "ifconfig.co", "ifconfig.io", "checkip.dyndns.org", "checkip.dyndns.com", "checkip.amazonaws.com",
        "ip-api.com", "ipinfo.io", "myexternalip.com", "ipecho.net", "wtfismyip.com", "ident.me", "v4.ident.me",
        "ip.seeip.org", "freegeoip.app", "freegeoip.net", "geoip.maxmind.com", "j.maxmind.com", "ipapi.co", "curlmyip.com",
        "whatismyipaddress.com", "bot.whatismyipaddress.com", "myip.opendns.com", "api.myip.com", "eth0.me",
        "ip.anysrc.net", "www.myip.ch", "ip4.seeip.org", "trackip.net", "iplogger.org", "ipwho.is", "reallyfreegeoip.org"};
    return is_any(hostname, services, KD_COUNT(services));
}

unsigned kd_known_path(struct kd_bytes url, unsigned *ret_which)
{
    /* One row a tool; addresses as its makers published them. */
    static const char *const tools[][10] = {
        {"/admin/get.php", "/news.php", "/login/process.php"},
        {"/submit.php", "/pixel.gif", "/__utm.gif", "/dpixel", "/g.pixel", "/IE9CompatViewList.xml", "/en_US/all.js",
         "/j.ad", "/ptj", "/updates.rss"},
        {"/en-us/index.html", "/en-us/docs.html", "/en-us/test.html"},
        {"/weather", "/file/download", "/weather/file/upload"},
        {"/beacon", "/file/download", "/file/upload", "/file"},
    };
    struct kd_bytes path = kd_path_of(url);
    for (unsigned t = 0; t < KD_COUNT(tools); t++)
        for (unsigned i = 0; i < KD_COUNT(tools[0]) && tools[t][i] != NULL; i++)
            if (kd_bytes_eq_str(path, tools[t][i])) {
                *ret_which = i;
                return t + 1;
            }
    return 0;
}
