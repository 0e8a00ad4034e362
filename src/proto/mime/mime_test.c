/* SPDX-License-Identifier: Apache-2.0 */
#include "base/charset.h"
#include "proto/mime/header.h"
#include "proto/mime/mime.h"

#include "tap.h"

/* --- header texts --- */

static bool words(const char *in, const char *want)
{
    char buf[512];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_mime_words(kd_str(in), &o);
    bool same = kd_bytes_eq_str(kd_out_bytes_view(&o), want);
    if (!same)
        printf("# got %.*s, wanted %s\n", (int)o.n, buf, want);
    return same;
}

static bool param(const char *value, const char *name, const char *want)
{
    char buf[512];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    bool found = kd_mime_param(kd_str(value), name, &o);
    bool same = found ? want != NULL && kd_bytes_eq_str(kd_out_bytes_view(&o), want) : want == NULL;
    if (!same)
        printf("# got %.*s, wanted %s\n", (int)o.n, buf, want == NULL ? "nothing" : want);
    return same;
}

/* Subjects as Japanese programs write them; the plain text is 見積書の件 or 請求書. */
static void encoded_words(void)
{
    CHECK(words("=?ISO-2022-JP?B?GyRCOCtAUT1xJE43bxsoQg==?=", "見積書の件"));
    CHECK(words("=?iso-2022-jp?B?GyRCOCtAURsoQg==?=\r\n =?iso-2022-jp?B?GyRCPXEkTjdvGyhC?=",
                "見積書の件"));
    CHECK(words("=?Shift_JIS?B?jKmQz4+RgsyMjw==?=", "見積書の件"));
    CHECK(words("=?EUC-JP?B?uKvA0b3xpM637w==?=", "見積書の件"));
    CHECK(words("=?UTF-8?B?6KaL56mN5pu444Gu5Lu2?=", "見積書の件"));
    CHECK(words("=?utf-8?Q?=E8=A6=8B=E7=A9=8D_a?=", "見積 a"));
    /* a character cut in two by its program */
    CHECK(words("=?UTF-8?B?6KaL56k=?= =?UTF-8?B?jeabuA==?=", "見積書"));
    CHECK(words("=?utf-8*ja?Q?=E8=A6=8B?=", "見"));
    CHECK(words("Re: =?ISO-8859-1?Q?caf=E9?= (=?ISO-8859-1?Q?b?=) x", "Re: café (b) x"));
    CHECK(words("=?ISO-8859-1?Q?a?= b =?ISO-8859-1?Q?c?=", "a b c"));
    CHECK(words("=?x-none?B?YWJj?=", "abc"));
    CHECK(words("plain =? text", "plain =? text") && words("=?a?b", "=?a?b") && words("", ""));
    /* raw, without any encoding */
    CHECK(words("\x1b$B@A5a=q\x1b(B", "請求書"));
    CHECK(words("\x90\xbf\x8b\x81\x8f\x91", "請求書") && words("請求書", "請求書"));
}

static void parameters(void)
{
    CHECK(param("attachment; filename=a.txt", "filename", "a.txt"));
    CHECK(param("attachment; FileName=\"a; b.txt\" ; size=3", "filename", "a; b.txt"));
    CHECK(param("attachment; filename*=UTF-8''%E8%A6%8B%E7%A9%8D.pdf", "filename", "見積.pdf"));
    CHECK(param("attachment; filename=x.pdf; filename*=utf-8'ja'%E8%A6%8B.pdf", "filename",
                "見.pdf"));
    CHECK(param(
        "attachment; filename*0*=iso-2022-jp''%1B$B8+; filename*1*=%40Q%1B(B; filename*2=\".xls\"",
        "filename", "見積.xls"));
    CHECK(param("a; filename*1=b; filename*0=a; filename*2=c", "filename", "abc"));
    CHECK(param("a; filename=\"=?ISO-2022-JP?B?GyRCOCtAUT1xGyhCLnhscw==?=\"", "filename",
                "見積書.xls"));
    CHECK(param("a; filename=\"\x8c\xa9\x90\xcf.zip\"", "filename", "見積.zip"));
    CHECK(param("a; filename=\"q\\\"q\\\\.txt\"", "filename", "q\"q\\.txt"));
    CHECK(param("a; filename=\"C:\\temp\\x.exe\"", "filename", "C:\\temp\\x.exe"));
    CHECK(param("multipart/mixed; boundary==_a=b", "boundary", "=_a=b"));
    CHECK(param("attachment", "filename", NULL) && param("a; filenames=b", "filename", NULL));
    CHECK(param("a; filename", "filename", ""));
}

static void addresses(void)
{
    struct kd_bytes rest = kd_str("\"Sato, T\" <a@x>, b@y,, c@z ");
    struct kd_bytes one;
    CHECK(kd_mime_next_address(&rest, &one) && kd_bytes_eq_str(one, "\"Sato, T\" <a@x>"));
    CHECK(kd_mime_next_address(&rest, &one) && kd_bytes_eq_str(one, "b@y"));
    CHECK(kd_mime_next_address(&rest, &one) && kd_bytes_eq_str(one, "c@z"));
    CHECK(!kd_mime_next_address(&rest, &one));
}

/* --- whole mails --- */

static char summary[32768];
static struct kd_out out;

static void put(const char *name, struct kd_bytes text)
{
    if (text.n > 0)
        kd_out_fmt(&out, "%s=%.*s\n", name, (int)text.n, (const char *)text.p);
}

static void put_hex(const char *name, struct kd_bytes b)
{
    kd_out_fmt(&out, " %s=", name);
    kd_out_hex(&out, b);
}

static void on_record(struct kd_sink *sink, const struct kd_ctx *ctx, enum kd_rec_type type,
                      const void *body)
{
    (void)sink;
    (void)ctx;
    if (type == KD_REC_FILE) {
        const struct kd_rec_file *file = body;
        put("file", file->filename);
        put("state", file->state);
        put("source", file->source);
        put("encoding", file->encoding);
    } else if (type == KD_REC_ANOMALY) {
        const struct kd_rec_anomaly *anomaly = body;
        put("anomaly", anomaly->event);
    }
}

static void put_mail(const struct kd_mail *mail)
{
    put("status", mail->status);
    put("from", mail->from);
    put("subject", mail->subject);
    put("date", mail->date);
    put("auth", mail->auth_results);
    for (size_t i = 0; i < mail->to.n; i++)
        put("to", mail->to.v[i]);
    for (size_t i = 0; i < mail->received.n; i++)
        put("received", mail->received.v[i]);
    for (size_t i = 0; i < mail->urls.n; i++)
        put("url", mail->urls.v[i]);
    for (size_t i = 0; i < mail->shown.n; i++)
        put("shown", mail->shown.v[i]);
    if (mail->my_numbers > 0)
        kd_out_fmt(&out, "my_numbers=%u\n", (unsigned)mail->my_numbers);
    const struct kd_mail_part *parts = mail->attachments.v;
    for (size_t i = 0; i < mail->attachments.n; i++) {
        kd_out_fmt(&out, "part=%.*s type=%.*s bytes=%u magic=%.*s", (int)parts[i].filename.n,
                   (const char *)parts[i].filename.p, (int)parts[i].content_type.n,
                   (const char *)parts[i].content_type.p, (unsigned)parts[i].bytes,
                   (int)parts[i].magic.n, (const char *)parts[i].magic.p);
        put_hex("md5", parts[i].md5);
        put_hex("sha1", parts[i].sha1);
        put_hex("sha256", parts[i].sha256);
        kd_out_u8(&out, '\n');
    }
}

static void read_mail(struct kd_bytes mail, size_t step)
{
    struct kd_pool *pool = kd_pool_new(1 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, KD_MIME_ARENA);
    out = kd_out_of(summary, sizeof(summary) - 1);
    memset(summary, 0, sizeof(summary));
    struct kd_sink sink = {.record = on_record};
    struct kd_ctx ctx = {.lim = &kd_limits_default, .pool = pool, .sink = &sink};
    struct kd_mime *m = kd_mime_start(&mem, &kd_limits_default, (struct kd_mime_of){7, true});
    CHECK(m != NULL);
    for (size_t at = 0; at < mail.n; at += kd_min_size(step, mail.n - at)) {
        struct kd_bytes piece = kd_bytes_head(kd_bytes_from(mail, at), step);
        uint8_t *copy = malloc(piece.n);
        memcpy(copy, piece.p, piece.n);
        kd_mime_feed(m, &ctx, kd_bytes_of(copy, piece.n));
        free(copy);
    }
    kd_mime_end(m, &ctx, true);
    put_mail(kd_mime_mail(m));
    kd_arena_done(&mem);
    CHECK(kd_pool_used(pool) == 0);
    kd_pool_free(pool);
}

/* Whole, and in pieces of many sizes: the same. */
static void read_all_ways(struct kd_bytes mail)
{
    static char whole[sizeof(summary)];
    read_mail(mail, SIZE_MAX);
    memcpy(whole, summary, sizeof(whole));
    for (size_t step = 1; step < 40; step++) {
        read_mail(mail, step);
        CHECK(strcmp(whole, summary) == 0);
    }
}

static bool has(const char *text)
{
    bool found = strstr(summary, text) != NULL;
    if (!found)
        printf("# lacks %s in\n# %s\n", text, summary);
    return found;
}

static void plain_mail(void)
{
    read_all_ways(
        kd_str("Received: from a.example (a.example [192.0.2.1])\r\n\tby mx.example; Sun, 1 Feb "
               "2026 00:00:00 +0900\r\n"
               "Authentication-Results: mx.example; spf=fail smtp.mailfrom=x.example\r\n"
               "From: =?UTF-8?B?5L2Q6Jek?= <sato@x.example>\r\nTo: a@y.example,\r\n b@y.example\r\n"
               "Subject: =?ISO-2022-JP?B?GyRCOCtAURsoQg==?=\r\n =?ISO-2022-JP?B?GyRCPXEbKEI=?=\r\n"
               "Date: Sun, 1 Feb 2026 00:00:00 +0900\r\n\r\n"
               "Hello http://evil.example/a?b=c&d, and (https://two.example/x).\r\nhttp://日本 "
               "HTTP://Evil.example/B。\r\n"
               "http://evil.example/a?b=c&d\r\n"));
    CHECK(has("from=佐藤 <sato@x.example>\nsubject=見積書\n") &&
          has("to=a@y.example\nto=b@y.example\n"));
    CHECK(has("received=from a.example (a.example [192.0.2.1])\tby mx.example;"));
    CHECK(has("auth=mx.example; spf=fail") && has("status=PARSE_DONE"));
    CHECK(has(
        "url=http://evil.example/a?b=c&d\nurl=https://two.example/x\nurl=HTTP://Evil.example/B\n"));
    CHECK(strstr(summary, "part=") == NULL && strstr(summary, "anomaly=") == NULL);
}

static void what_links_show(void)
{
    read_all_ways(kd_str("Content-Type: text/html\r\n\r\n<p>A <A class=x href=\"http://evil.example/a\"> <b>https://bank</b>.example/"
                         " </a><abbr>www.no.example</abbr><a href='https://b.example/'>press here</a>"
                         "<a href=\"https://c.example/x\">www.c.example</a>My number: 1234-5678-9018"));
    CHECK(has("shown=https://bank.example/ -> http://evil.example/a\n") && has("shown=www.c.example -> https://c.example/x\n"));
    CHECK(has("my_numbers=1\n") && strstr(summary, "press") == NULL && strstr(summary, "no.example ->") == NULL);
}

static void html_links(void)
{
    read_all_ways(kd_str(
        "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\n"
        "<html xmlns=3D\"http://www.w3.org/1999/xhtml\"><a class=3Dx HREF =3D\r\n "
        "'https://one.ex=\r\n"
        "ample/?a=3D1&amp;b=3D2'>http://shown.example</a><a href=3Dhttp://three.example/>x</a>\r\n"
        "<form action=3D\"http://four.example/f\"><img src=3D\"http://no.example/\"><a "
        "href=3D\"mailto:a@b\">"));
    CHECK(has(
        "url=https://one.example/?a=1&b=2\nurl=http://shown.example\nurl=http://three.example/\n"
        "url=http://four.example/f\n"));
    CHECK(strstr(summary, "w3.org") == NULL && strstr(summary, "no.example") == NULL);
}

static void attachments_in_a_tree(void)
{
    read_all_ways(kd_str(
        "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"out "
        "er\"\r\n\r\npreamble\r\n"
        "--out er\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"
        "--in\r\n\r\nsee http://a.example/\r\n--in\r\nContent-Type: text/html\r\n\r\n<a "
        "href=\"http://b.example/\">\r\n--in--\r\n"
        "epilogue\r\n--out er  \r\n"
        "Content-Type: application/pdf; name=\"=?ISO-2022-JP?B?GyRCOCtAUT1xGyhCLnhscw==?=\"\r\n"
        "Content-Transfer-Encoding: BASE64\r\nContent-Disposition: attachment;\r\n"
        " filename*=UTF-8''%E8%A6%8B%E7%A9%8D.pdf\r\n\r\nJVBERi0x\r\nLjQKaGVsbG8=\r\n"
        "--out er\r\nContent-Type: text/plain; name=note.txt\r\n\r\n--not a "
        "boundary\r\n-\r\nline\r\n\r\n"
        "--out er\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Type: "
        "multipart/mixed; boundary=q\r\n\r\n"
        "--q\r\nContent-Disposition: attachment; filename=run.exe\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\n"
        "MZ=00=\r\nabc\r\n--out er--\r\nafter\r\n"));
    CHECK(has("subject=x\n") && has("url=http://a.example/\nurl=http://b.example/\n"));
    /* digests by coreutils */
    CHECK(has("part=見積.pdf type=application/pdf bytes=14 magic=pdf "
              "md5=e3918a82467398e3fb8cace5b3c3ce6c"));
    CHECK(has("part=note.txt type=text/plain bytes=27 magic=text"));
    CHECK(has("part=run.exe type= bytes=6"));
    CHECK(has("file=run.exe\nstate=CLOSED\nencoding=quoted-printable\n") &&
          strstr(summary, "inner") == NULL);
}

static void broken_mails(void)
{
    read_all_ways(kd_str("Content-Type: multipart/mixed\r\n\r\n--x\r\nbody http://a.example/\r\n"));
    CHECK(has("anomaly=mime_boundary_missing"));
    read_all_ways(kd_str("Subject: only a header"));
    CHECK(has("subject=only a header"));
    read_all_ways(kd_str("\r\n\r\n"));
    read_all_ways(kd_str(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: x/y; name=z\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nQU!JD\r\n--b"));
    CHECK(has("anomaly=mime_invalid_base64") && has("part=z type=x/y bytes=3"));
    read_all_ways(kd_str("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
                         "x/y\n\r\na\r\r\n\rb\r--b\n--b--\n"));
    CHECK(has("type=x/y bytes=10"));
}

static void depth_and_parts_are_bounded(void)
{
    static char mail[200000];
    struct kd_out o = kd_out_of(mail, sizeof(mail));
    for (unsigned i = 0; i < 50; i++)
        kd_out_fmt(&o, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
    read_mail(kd_out_bytes_view(&o), 7);
    CHECK(has("anomaly=mime_too_deep"));
    o.n = 0;
    kd_out_str(&o, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (unsigned i = 0; i < 1000; i++)
        kd_out_fmt(&o, "--b\r\nContent-Type: a/b; name=f%u\r\n\r\nhttp://x.example/%u\r\n", i, i);
    read_mail(kd_out_bytes_view(&o), 1460);
    CHECK(has("anomaly=mime_too_many_parts"));
    o.n = 0;
    kd_out_str(&o, "\r\n");
    for (unsigned i = 0; i < 2000; i++)
        kd_out_fmt(&o, "http://x.example/%u ", i);
    read_mail(kd_out_bytes_view(&o), 1460);
    CHECK(has("url=http://x.example/127\n") && strstr(summary, "/128\n") == NULL);
    o.n = 0;
    kd_out_str(&o, "Subject: ");
    for (unsigned i = 0; i < 20000; i++)
        kd_out_str(&o, "a");
    kd_out_str(&o, "\r\nFrom: b\r\n\r\n");
    read_mail(kd_out_bytes_view(&o), 1460);
    CHECK(has("anomaly=mime_long_header_value") && has("from=b\n"));
}

int main(void)
{
    kd_charset_init();
    RUN(encoded_words);
    RUN(parameters);
    RUN(addresses);
    RUN(plain_mail);
    RUN(html_links);
    RUN(what_links_show);
    RUN(attachments_in_a_tree);
    RUN(broken_mails);
    RUN(depth_and_parts_are_bounded);
    return tap_done();
}
