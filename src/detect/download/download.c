/* SPDX-License-Identifier: Apache-2.0 */
/* Programs fetched over the web in a way that people and updaters do not.  See download.md. */
#include "base/filetype.h"
#include "detect/web.h"
#include "findings.h"

enum { KEY_FETCH = 'f', SIGNS_TEXT = 400 };

/* Reasons, and what each weighs. */
enum sign {
    SIGN_ADDRESS,
    SIGN_CHEAP,
    SIGN_SHELL,
    SIGN_TOOL,
    SIGN_OFFICE,
    SIGN_JAVA,
    SIGN_OLD,
    SIGN_NAMELESS,
    SIGN_STRANGE,
    SIGN_POST,
    SIGN_PORT,
    SIGN_PATH,
    SIGN_DIRECT,
    SIGN_NOT_PICTURE,
    SIGNS
};
static const struct {
    unsigned weight;
    const char *en, *ja;
} signs[SIGNS] = {
    [SIGN_ADDRESS] = {3, "from a bare address instead of a name", "名前ではなく IP アドレスから取得"},
    [SIGN_CHEAP] = {2, "from a kind of name that costs nothing and is much misused", "悪用の多い無料・格安のドメインから取得"},
    [SIGN_SHELL] = {4, "by a command shell", "コマンド実行環境(PowerShell)による取得"},
    [SIGN_TOOL] = {4, "by a tool of the system", "OS 付属ツールによる取得"},
    [SIGN_OFFICE] = {4, "by an office program", "Office ソフトによる取得"},
    [SIGN_JAVA] = {3, "by Java", "Java による取得"},
    [SIGN_OLD] = {2, "by a program that uses the system's own download function", "OS のダウンロード機能を使う別のプログラムによる取得"},
    [SIGN_NAMELESS] = {2, "by a program that does not say its name", "名乗らないプログラムによる取得"},
    [SIGN_STRANGE] = {1, "by a program that is not a browser", "ブラウザー以外による取得"},
    [SIGN_POST] = {2, "as the answer to data that was sent", "データ送信への応答として受信"},
    [SIGN_PORT] = {2, "from an unusual port", "通常と異なるポートから取得"},
    [SIGN_PATH] = {1, "from a folder where no programs belong", "プログラムを置かないフォルダーから取得"},
    [SIGN_DIRECT] = {1, "without a page that led there", "リンク元のページなし"},
    [SIGN_NOT_PICTURE] = {2, "declared as a picture, which it is not", "画像と申告されているが画像ではない"},
};

/* One transfer: its two records may come in either order. */
struct fetch {
    struct kd_addr client, server;
    uint64_t at_us, ids[2];
    uint64_t bytes;
    uint32_t signs; /* bits of enum sign */
    uint16_t status;
    bool has_http, from_inside, to_outside, packed; /* packed: in a content coding, its beginning says nothing */
    uint8_t agent, declared, named;    /* enum kd_agent, kd_content, kd_content */
    bool installer;                    /* the name or the asker says it is one */
    bool macro;
    bool has_head, plain_head;         /* plain_head: its beginning is readable text */
    uint8_t told;                      /* bits of what was told */
    char magic[14];
    struct kd_word host, file, asker, hidden, member;
};

static void keep_magic(struct fetch *f, struct kd_bytes magic)
{
    struct kd_out o = kd_out_of(f->magic, sizeof(f->magic) - 1);
    memset(f->magic, 0, sizeof(f->magic));
    kd_out_bytes(&o, kd_bytes_head(magic, sizeof(f->magic) - 1));
}

static unsigned score_of(const struct fetch *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SIGNS; i++)
        n += f->signs & 1u << i ? signs[i].weight : 0;
    return n;
}

static struct kd_bytes words_of(const struct fetch *f, bool ja, uint8_t room[SIGNS_TEXT])
{
    struct kd_out o = kd_out_of(room, SIGNS_TEXT);
    for (unsigned i = 0; i < SIGNS; i++) {
        if (!(f->signs & 1u << i))
            continue;
        kd_out_str(&o, o.n == 0 ? "" : ja ? "、" : ", ");
        kd_out_str(&o, ja ? signs[i].ja : signs[i].en);
    }
    if (o.n == 0)
        kd_out_str(&o, ja ? "特になし" : "no other");
    return kd_out_bytes_view(&o);
}

enum { TOLD_DISGUISED = 1, TOLD_HIDDEN = 2, TOLD_FETCH = 4, TOLD_OFFICE = 8, TOLD_BARE = 16 };

static void tell(struct kd_detect *d, struct fetch *f, const struct kd_finding_kind *kind, uint8_t told, int severity)
{
    uint8_t en[SIGNS_TEXT], ja[SIGNS_TEXT];
    if (f->told & told)
        return;
    f->told |= told;
    struct kd_key fold = kd_key_of(told);
    kd_key_addr(&fold, &f->server);
    kd_key_text(&fold, kd_word_view(&f->file));
    struct kd_bytes dash = kd_str("-");
    struct kd_fact facts[] = {
        {"file", f->file.n > 0 ? kd_word_view(&f->file) : dash},
        {"site", f->host.n > 0 ? kd_word_view(&f->host) : dash},
        {"agent", f->asker.n > 0 ? kd_word_view(&f->asker) : dash},
        {"type", f->magic[0] != 0 ? kd_str(f->magic) : dash},
        {"hidden", f->hidden.n > 0 ? kd_word_view(&f->hidden) : dash},
        {"signs_en", words_of(f, false, en)},
        {"signs_ja", words_of(f, true, ja)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = f->client, .peer = f->server, .fold = kd_key_view(&fold), .severity = severity,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = f->ids,
                   .n_record_ids = f->ids[1] != 0 ? 2 : 1, .first_us = f->at_us, .last_us = f->at_us,
               });
}

/* --- what was delivered --- */

static bool is_program(const struct fetch *f)
{
    enum kd_content content = kd_web_content_of_magic(kd_str(f->magic));
    bool unreadable = f->packed || (content == KD_CONTENT_UNKNOWN && !f->plain_head);
    if (content == KD_CONTENT_PROGRAM)
        return true;
    if (f->member.n > 0 || (f->installer && strcmp(f->magic, "ole") == 0))
        return true;
    return f->named == KD_CONTENT_PROGRAM && unreadable && f->declared != KD_CONTENT_PAGE &&
           f->declared != KD_CONTENT_PICTURE;
}

/* A native program that calls itself something harmless in both its name and its type, or in the one it has. */
static bool is_disguised(const struct fetch *f)
{
    bool native = strcmp(f->magic, "pe") == 0 || strcmp(f->magic, "elf") == 0 || strcmp(f->magic, "macho") == 0 ||
                  strcmp(f->magic, "lnk") == 0 || strcmp(f->magic, "hta") == 0;
    bool says_program = f->named == KD_CONTENT_PROGRAM || f->declared == KD_CONTENT_PROGRAM;
    bool says_other = f->named == KD_CONTENT_PICTURE || f->named == KD_CONTENT_TEXT || f->named == KD_CONTENT_DOCUMENT ||
                      f->declared == KD_CONTENT_PICTURE || f->declared == KD_CONTENT_DOCUMENT ||
                      f->declared == KD_CONTENT_PAGE ||
                      (f->declared == KD_CONTENT_TEXT && f->named != KD_CONTENT_UNKNOWN);
    return native && says_other && !says_program;
}

/* Called a program, but neither one nor anything else that can be read: encrypted for a loader. */
static bool is_scrambled(const struct fetch *f)
{
    bool says_program = f->named == KD_CONTENT_PROGRAM || f->declared == KD_CONTENT_PROGRAM;
    return says_program && f->has_head && !f->packed && f->magic[0] == 0 && !f->plain_head && f->bytes >= 8192;
}

/* The transfer service of the system also serves who commands it: then the place gives it away. */
static bool is_updater(const struct fetch *f)
{
    bool commanded = kd_bytes_istarts(kd_word_view(&f->asker), kd_str("Microsoft BITS")) &&
                     f->signs & (1u << SIGN_ADDRESS | 1u << SIGN_CHEAP);
    return f->agent == KD_AGENT_UPDATER && !commanded;
}

/* Kinds of files that hardly anybody offers for download, but every second mail with malicious content leads to. */
static bool is_trap(const struct fetch *f)
{
    static const char *const kinds[] = {"lnk", "hta", "vbs-encoded", "onenote", "ooxml-macro", "vhd", "vhdx"};
    static const char *const tails[] = {".js", ".jse", ".vbs", ".vbe", ".wsf", ".hta", ".lnk", ".ps1", ".bat", ".cmd", ".scr", ".pif", ".cpl"};
    for (size_t i = 0; i < KD_COUNT(kinds); i++)
        if (strcmp(f->magic, kinds[i]) == 0)
            return true;
    for (size_t i = 0; f->member.n > 0 && i < KD_COUNT(tails); i++)
        if (kd_bytes_iends(kd_word_view(&f->member), kd_str(tails[i])))
            return true;
    bool small_image = strcmp(f->magic, "iso") == 0 && f->bytes < 20 * 1024 * 1024;
    return f->macro || small_image;
}

static void judge(struct kd_detect *d, struct fetch *f)
{
    unsigned score = score_of(f);
    bool odd = score >= 3;
    int by_score = !f->to_outside ? KD_LOW : score >= 5 ? KD_MEDIUM : KD_LOW;
    if (!f->has_http)
        return;
    bool delivered = f->status == 200 || f->status == 206 || f->status == 0;
    if (delivered && f->hidden.n > 0)
        tell(d, f, &kd_finding_KD_PE_0022, TOLD_HIDDEN, odd ? KD_HIGH : KD_MEDIUM);
    if (delivered && is_disguised(f) && !is_updater(f))
        tell(d, f, &kd_finding_KD_PE_0021, TOLD_DISGUISED, odd && f->to_outside ? KD_HIGH : KD_MEDIUM);
    if (delivered && is_scrambled(f) && f->to_outside && !is_updater(f))
        tell(d, f, &kd_finding_KD_PE_0027, TOLD_HIDDEN, odd ? KD_MEDIUM : KD_LOW);
    if (is_updater(f))
        return;
    bool program = delivered && is_program(f);
    if (f->agent == KD_AGENT_POWERSHELL && delivered && (f->to_outside || program)) {
        bool grave = program || f->signs & (1u << SIGN_ADDRESS | 1u << SIGN_CHEAP | 1u << SIGN_NOT_PICTURE);
        tell(d, f, &kd_finding_KD_PE_0023, TOLD_FETCH, grave && f->to_outside ? KD_MEDIUM : KD_LOW);
    } else if ((f->agent == KD_AGENT_SYSTEM_TOOL || f->agent == KD_AGENT_UPDATER) && program) {
        tell(d, f, &kd_finding_KD_PE_0025, TOLD_FETCH, f->to_outside ? KD_MEDIUM : KD_LOW);
    } else if (program && odd) {
        tell(d, f, &kd_finding_KD_PE_0020, TOLD_FETCH, by_score);
    } else if (delivered && f->from_inside && f->to_outside && is_trap(f)) {
        tell(d, f, &kd_finding_KD_PE_0028, TOLD_FETCH, -1);
    }
}

/* --- what asked for it --- */

static bool is_maker_of_office(struct kd_bytes host)
{
    static const char *const zones[] = {"microsoft.com", "office.com", "office.net", "live.com", "windows.com", "live.net",
                                        "sharepoint.com", "windows.net", "msocdn.com", "microsoftonline.com"};
    for (size_t i = 0; i < KD_COUNT(zones); i++)
        if (kd_bytes_ieq(kd_detect_zone(host), kd_str(zones[i])))
            return true;
    return false;
}

/* An office program that looks for something at an outside place by itself: a template, a linked document. */
static void office(struct kd_detect *d, struct fetch *f, const struct kd_rec_http *h)
{
    struct kd_bytes path = kd_web_path(h->url);
    if (f->agent != KD_AGENT_OFFICE || !f->to_outside || is_maker_of_office(h->hostname))
        return;
    bool document = f->named == KD_CONTENT_DOCUMENT || f->declared == KD_CONTENT_DOCUMENT;
    bool grave = document || f->signs & (1u << SIGN_ADDRESS | 1u << SIGN_CHEAP);
    kd_word_set(&f->file, path);
    tell(d, f, &kd_finding_KD_PE_0024, TOLD_OFFICE, grave ? KD_MEDIUM : KD_LOW);
}

/* The system's download function, or a nameless program, asks a bare outside address: what documents with macros do
 * first, whether they get an answer or not. */
static void bare(struct kd_detect *d, struct fetch *f, const struct kd_rec_http *h)
{
    bool asker = f->agent == KD_AGENT_OLD_LIBRARY || f->agent == KD_AGENT_SYSTEM_TOOL || f->agent == KD_AGENT_OTHER;
    bool address = f->signs & 1u << SIGN_ADDRESS;
    if (asker && address && f->from_inside && h->http_refer.n == 0 && kd_bytes_ieq(h->http_method, kd_str("GET")) && h->url.n > 1)
        tell(d, f, &kd_finding_KD_PE_0026, TOLD_BARE, -1);
}

static bool has_path_sign(struct kd_bytes path)
{
    static const char *const parts[] = {"/~", "/wp-content/", "/wp-includes/", "/wp-admin/", "/images/", "/img/", "/css/",
                                        "/fonts/", "/tmp/", "/cache/", "/.well-known/", "/assets/js/"};
    for (size_t i = 0; i < KD_COUNT(parts); i++)
        if (kd_bytes_icontains(path, kd_str(parts[i])))
            return true;
    return false;
}

static uint32_t signs_of(const struct kd_detect *d, const struct kd_record *r, const struct fetch *f)
{
    static const uint8_t by_agent[] = {
        [KD_AGENT_NONE] = SIGN_NAMELESS, [KD_AGENT_OLD_LIBRARY] = SIGN_OLD, [KD_AGENT_POWERSHELL] = SIGN_SHELL,
        [KD_AGENT_SYSTEM_TOOL] = SIGN_TOOL, [KD_AGENT_TOOL] = SIGN_STRANGE, [KD_AGENT_OFFICE] = SIGN_OFFICE,
        [KD_AGENT_JAVA] = SIGN_JAVA, [KD_AGENT_OTHER] = SIGN_STRANGE};
    const struct kd_rec_http *h = r->body;
    bool person = f->agent == KD_AGENT_BROWSER || f->agent == KD_AGENT_UPDATER;
    uint32_t s = person ? 0 : 1u << by_agent[f->agent];
    bool outside = !kd_detect_is_inside(d, &r->head->dst);
    uint16_t port = r->head->dst_port;
    bool usual = port == 80 || port == 443 || port == 8080 || port == 3128;
    s |= outside && (kd_web_is_address(h->hostname) || h->hostname.n == 0) ? 1u << SIGN_ADDRESS : 0;
    s |= kd_web_is_cheap_name(h->hostname) ? 1u << SIGN_CHEAP : 0;
    s |= kd_bytes_ieq(h->http_method, kd_str("POST")) ? 1u << SIGN_POST : 0;
    s |= outside && !usual ? 1u << SIGN_PORT : 0;
    s |= has_path_sign(kd_web_path(h->url)) ? 1u << SIGN_PATH : 0;
    s |= f->agent == KD_AGENT_BROWSER && h->http_refer.n == 0 ? 1u << SIGN_DIRECT : 0;
    return s;
}

/* --- records --- */

static struct fetch *fetch_of(struct kd_detect *d, const struct kd_record *r, uint32_t tx_id)
{
    struct kd_key key = kd_key_of(KEY_FETCH);
    kd_key_addr(&key, &r->head->src);
    for (unsigned i = 0; i < 4; i++)
        kd_key_u16(&key, (uint16_t)(r->head->flow_id >> (16 * i)));
    kd_key_u16(&key, (uint16_t)(tx_id >> 16));
    kd_key_u16(&key, (uint16_t)tx_id);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static bool is_readable(struct kd_bytes head)
{
    size_t strange = 0;
    for (size_t i = 0; i < head.n; i++)
        strange += head.p[i] < ' ' && head.p[i] != '\n' && head.p[i] != '\r' && head.p[i] != '\t';
    return strange == 0;
}

static void http(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    struct fetch *f = fetch_of(d, r, h->tx_id);
    if (f == NULL || f->has_http)
        return;
    struct kd_bytes path = kd_web_path(h->url);
    struct kd_bytes name = h->content_disposition.n > 0 ? h->content_disposition : kd_web_basename(path);
    f->has_http = true;
    f->client = r->head->src;
    f->server = r->head->dst;
    f->at_us = r->head->ts_us;
    f->ids[f->ids[0] != 0] = r->head->id;
    f->status = h->status;
    f->bytes = f->bytes > 0 ? f->bytes : h->length;
    f->from_inside = kd_detect_is_inside(d, &r->head->src);
    f->to_outside = !kd_detect_is_inside(d, &r->head->dst);
    f->agent = (uint8_t)kd_web_agent(h->http_user_agent);
    f->declared = (uint8_t)kd_web_content_of_type(h->http_content_type);
    f->named = (uint8_t)kd_web_content_of_name(name);
    f->packed = h->content_encoding.n > 0 || kd_bytes_starts(h->response_head, kd_bytes_of("\x1f\x8b", 2));
    f->has_head = h->response_head.n >= 32;
    f->plain_head = is_readable(h->response_head);
    f->installer = kd_bytes_iends(name, kd_str(".msi")) || kd_bytes_iends(name, kd_str(".msp")) ||
                   kd_bytes_icontains(h->http_user_agent, kd_str("Windows Installer"));
    f->signs = signs_of(d, r, f);
    kd_word_set(&f->host, h->hostname);
    kd_word_set(&f->file, name.n > 0 ? name : path);
    kd_word_set(&f->asker, h->http_user_agent);
    if (f->magic[0] == 0 && !f->packed)
        keep_magic(f, kd_str(kd_filetype(h->response_head)));
    bool picture = f->declared == KD_CONTENT_PICTURE && f->magic[0] == 0 && !f->packed && f->bytes > 4096 && !f->plain_head &&
                   kd_bytes_istarts(h->http_content_type, kd_str("image/")) && h->response_head.n >= 32;
    f->signs |= picture ? 1u << SIGN_NOT_PICTURE : 0;
    judge(d, f);
    office(d, f, h);
    bare(d, f, h);
}

static bool is_program_name(struct kd_bytes name)
{
    return kd_web_content_of_name(name) == KD_CONTENT_PROGRAM || kd_bytes_iends(name, kd_str(".js"));
}

static void file(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_file *v = r->body;
    if (r->head->app != KD_APP_HTTP || v->to_server)
        return;
    struct fetch *f = fetch_of(d, r, v->tx_id);
    if (f == NULL)
        return;
    f->ids[f->ids[0] != 0] = r->head->id;
    f->bytes = v->size;
    f->packed = false;
    keep_magic(f, v->magic);
    f->macro = v->macro;
    kd_word_set(&f->hidden, v->hidden);
    const struct kd_file_member *m = v->members.v;
    for (size_t i = 0; i < v->members.n && f->member.n == 0; i++)
        if (is_program_name(m[i].filename) && kd_web_content_of_magic(v->magic) == KD_CONTENT_ARCHIVE)
            kd_word_set(&f->member, kd_web_basename(m[i].filename));
    judge(d, f);
}

static void download_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_HTTP)
        http(d, r);
    else
        file(d, r);
}

const struct kd_detector kd_detector_download = {
    .name = "download",
    .summary_en = "programs fetched over the web in unusual ways, disguised or hidden",
    .summary_ja = "Web からの不自然なプログラムの取得、偽装・隠ぺいされたプログラム",
    .wants = (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_FILE,
    .key_state_bytes = sizeof(struct fetch),
    .max_keys = 4096,
    .idle_us = KD_US_PER_HOUR,
    .record = download_record,
};
