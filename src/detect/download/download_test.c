/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "../../../tests/tap.h"

static const char PE[64] = "MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0@\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                           "\0\0\0\0\0\0\0\0\x80\0\0";
static const char NOISE[64] = "\x9a\x01\xf3\x88\x12\xe0\x77\x03\xa9\xb4\x1d\x90\x02\x11\xfe\x5c\x9a\x01\xf3\x88\x12\xe0\x77\x03\xa9\xb4"
                              "\x1d\x90\x02\x11\xfe\x5c\x9a\x01\xf3\x88\x12\xe0\x77\x03\xa9\xb4\x1d\x90\x02\x11\xfe\x5c\x9a\x01";

static const char GZIP[64] = "\x1f\x8b\x08";
static const char OLE[64] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

struct get {
    const char *dst, *host, *url, *agent, *type, *referer, *method, *encoding;
    const char *head; /* 64 bytes or NULL */
    const char *magic, *hidden; /* of the file record; NULL: none */
    uint16_t status;
    bool file_first;
};

static void send_file(struct kd_tb *t, const struct get *g, double at_s)
{
    struct kd_rec_file f = {.magic = kd_str(g->magic), .hidden = kd_str(g->hidden), .size = 60000, .state = kd_str("CLOSED")};
    struct kd_rec_head h = kd_tb_head(KD_REC_FILE, at_s, "10.0.0.5", 40000, g->dst, 80);
    h.app = KD_APP_HTTP;
    h.flow_id = 7;
    if (g->magic != NULL || g->hidden != NULL)
        kd_tb_put(t, h, &f);
}

static struct kd_tb *told(const struct get *g)
{
    struct kd_tb *t = kd_tb_new(NULL, NULL);
    struct kd_rec_http r = {.hostname = kd_str(g->host), .url = kd_str(g->url), .http_user_agent = kd_str(g->agent),
                            .http_content_type = kd_str(g->type), .http_refer = kd_str(g->referer), .length = 60000,
                            .http_method = kd_str(g->method == NULL ? "GET" : g->method), .status = g->status == 0 ? 200 : g->status,
                            .content_encoding = kd_str(g->encoding), .response_head = kd_bytes_of(g->head, g->head == NULL ? 0 : 64)};
    struct kd_rec_head h = kd_tb_head(KD_REC_HTTP, 1, "10.0.0.5", 40000, g->dst, 80);
    h.app = KD_APP_HTTP;
    h.flow_id = 7;
    if (g->file_first)
        send_file(t, g, 1);
    kd_tb_put(t, h, &r);
    if (!g->file_first)
        send_file(t, g, 1);
    kd_tb_finish(t);
    CHECK(t->unfilled == 0);
    return t;
}

static bool fires(const char *id, const char *severity, struct get g)
{
    struct kd_tb *t = told(&g);
    const struct kd_tb_alert *a = kd_tb_alert(t, id);
    bool right = a != NULL && strcmp(a->severity, severity) == 0 && strcmp(a->host, "10.0.0.5") == 0;
    if (!right)
        printf("# %s: %s\n", id, a == NULL ? "not told" : a->severity);
    kd_tb_free(t);
    return right;
}

static bool silent(struct get g)
{
    struct kd_tb *t = told(&g);
    bool right = t->n_alerts == 0;
    if (!right)
        printf("# %s %s\n", t->alerts[0].id, t->alerts[0].why_en);
    kd_tb_free(t);
    return right;
}

#define OUT "198.51.100.7"
#define FIREFOX "Mozilla/5.0 (Windows NT 10.0; rv:120.0) Gecko/20100101 Firefox/120.0"
#define LIBRARY "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; Trident/7.0)"
#define SHELL "Mozilla/5.0 (Windows NT; Windows NT 10.0; ja-JP) WindowsPowerShell/5.1.19041.1"

static void loaders(void)
{
    CHECK(fires("KD-PE-0020", "medium", (struct get){.dst = OUT, .host = "a.example.top", .url = "/~u/x.exe", .agent = LIBRARY, .head = PE}));
    CHECK(fires("KD-PE-0020", "medium", (struct get){.dst = OUT, .host = OUT, .url = "/x.exe", .agent = "", .head = PE}));
    CHECK(fires("KD-PE-0020", "low", (struct get){.dst = OUT, .host = "a.example.com", .url = "/s.dll", .agent = "", .method = "POST",
                                                  .type = "application/octet-stream", .head = GZIP}));
    CHECK(fires("KD-PE-0023", "medium", (struct get){.dst = OUT, .host = OUT, .url = "/x.jpg", .agent = SHELL, .type = "image/jpeg", .head = NOISE}));
    CHECK(fires("KD-PE-0025", "medium", (struct get){.dst = OUT, .host = "a.example.com", .url = "/x", .agent = "Windows Installer",
                                                     .head = OLE}));
    CHECK(fires("KD-PE-0026", "low", (struct get){.dst = OUT, .host = OUT, .url = "/a/b", .agent = LIBRARY, .status = 404}));
    CHECK(fires("KD-PE-0025", "medium", (struct get){.dst = OUT, .host = OUT, .url = "/x.exe", .agent = "Microsoft BITS/7.8", .head = PE}));
    CHECK(fires("KD-PE-0028", "low", (struct get){.dst = OUT, .host = "www.example.com", .url = "/scan", .agent = FIREFOX, .referer = "http://x.example/", .magic = "hta"}));
    CHECK(silent((struct get){.dst = OUT, .host = "dl.example.com", .url = "/x.cab", .agent = "Microsoft BITS/7.8", .head = PE}));
    CHECK(fires("KD-PE-0027", "medium", (struct get){.dst = OUT, .host = "a.example.com", .url = "/?q=1", .agent = "Mozilla/4.0 (Windows 7 6.1) Java/1.7.0_10",
                                                     .type = "application/x-msdownload", .head = NOISE}));
}

static void disguises_in_either_order(void)
{
    for (int order = 0; order < 2; order++) {
        CHECK(fires("KD-PE-0021", "high", (struct get){.dst = OUT, .host = OUT, .url = "/logo.png", .agent = FIREFOX, .type = "image/png",
                                                       .encoding = "gzip", .head = GZIP, .magic = "pe", .file_first = order}));
        CHECK(fires("KD-PE-0022", "high", (struct get){.dst = OUT, .host = OUT, .url = "/a.txt", .agent = SHELL, .type = "text/plain",
                                                       .magic = "text", .hidden = "reversed base64", .file_first = order}));
    }
}

static void documents(void)
{
    CHECK(fires("KD-PE-0024", "medium", (struct get){.dst = OUT, .host = "t.example.com", .url = "/a.dotm?x=1", .method = "HEAD", .status = 403,
                                                     .agent = "Microsoft Office Existence Discovery"}));
    CHECK(silent((struct get){.dst = OUT, .host = "templates.office.com", .url = "/a.dotx", .agent = "Microsoft Office Word 2016"}));
    CHECK(silent((struct get){.dst = "10.0.0.9", .host = "files.lan", .url = "/a.dotx", .agent = "Microsoft Office Word 2016"}));
}

static void ordinary_downloads_are_silent(void)
{
    CHECK(silent((struct get){.dst = OUT, .host = "dl.example.com", .url = "/setup.exe", .agent = FIREFOX, .referer = "http://www.example.com/", .head = PE}));
    CHECK(silent((struct get){.dst = OUT, .host = OUT, .url = "/c/x.cab", .agent = "Microsoft-Delivery-Optimization/10.0", .head = PE}));
    CHECK(silent((struct get){.dst = OUT, .host = "au.example.com", .url = "/x.psf", .agent = "Windows-Update-Agent/10", .head = PE}));
    CHECK(silent((struct get){.dst = OUT, .host = "mirror.example.org", .url = "/p/putty.exe", .agent = "Wget/1.21", .head = PE}));
    CHECK(silent((struct get){.dst = OUT, .host = "www.example.com", .url = "/a.png", .agent = FIREFOX, .type = "image/png", .magic = "png"}));
    CHECK(silent((struct get){.dst = OUT, .host = "www.example.com", .url = "/a.php", .agent = FIREFOX, .type = "text/html", .magic = "html"}));
    CHECK(silent((struct get){.dst = OUT, .host = "b.example.top", .url = "/a.exe", .agent = FIREFOX, .type = "text/html", .status = 404, .head = NULL}));
}

int main(void)
{
    RUN(loaders);
    RUN(disguises_in_either_order);
    RUN(documents);
    RUN(ordinary_downloads_are_silent);
    return tap_done();
}
