/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/fetch_order.h"

static void put_text(struct kd_out *o, const char *text)
{
    kd_out_le16(o, (uint16_t)strlen(text));
    for (const char *c = text; *c != '\0'; c++)
        kd_out_u8(o, *c >= ' ' && *c <= '~' ? (uint8_t)*c : '?');
}

/* Printable ASCII: it goes into headers and into a file of lines. */
static void read_text(struct kd_cur *c, char *into, size_t room)
{
    struct kd_bytes t = kd_cur_take(c, kd_cur_le16(c));
    bool ok = t.n < room;
    for (size_t i = 0; i < t.n; i++)
        ok = ok && t.p[i] >= ' ' && t.p[i] <= '~';
    memset(into, 0, room);
    if (!ok)
        kd_cur_fail(c);
    else if (t.n > 0)
        memcpy(into, t.p, t.n);
}

void kd_fetch_order_put(struct kd_out *o, const struct kd_fetch_order *f)
{
    put_text(o, f->url);
    put_text(o, f->proxy);
    put_text(o, f->etag);
    put_text(o, f->modified);
    kd_out_le16(o, f->proxy_port);
    kd_out_le64(o, f->most);
    kd_out_le32(o, f->timeout_s);
}

bool kd_fetch_order_read(struct kd_cur *c, struct kd_fetch_order *ret)
{
    read_text(c, ret->url, sizeof(ret->url));
    read_text(c, ret->proxy, sizeof(ret->proxy));
    read_text(c, ret->etag, sizeof(ret->etag));
    read_text(c, ret->modified, sizeof(ret->modified));
    ret->proxy_port = kd_cur_le16(c);
    ret->most = kd_cur_le64(c);
    ret->timeout_s = kd_cur_le32(c);
    return kd_cur_ok(c);
}

void kd_fetch_answer_put(struct kd_out *o, const struct kd_fetch_answer *a)
{
    kd_out_u8(o, a->outcome);
    kd_out_le64(o, a->bytes);
    put_text(o, a->etag);
    put_text(o, a->modified);
    put_text(o, a->why);
}

bool kd_fetch_answer_read(struct kd_cur *c, struct kd_fetch_answer *ret)
{
    ret->outcome = kd_cur_u8(c);
    ret->bytes = kd_cur_le64(c);
    read_text(c, ret->etag, sizeof(ret->etag));
    read_text(c, ret->modified, sizeof(ret->modified));
    read_text(c, ret->why, sizeof(ret->why));
    return kd_cur_ok(c) && ret->outcome < KD_FETCHED_SUM; /* what lies behind is not for it to say */
}

static const struct {
    const char *word, *en, *ja;
} rows[KD_FETCHED_OUTCOMES] = {
    [KD_FETCHED_NEW] = {"new", "fetched", "取得しました"},
    [KD_FETCHED_UNCHANGED] = {"unchanged", "unchanged", "変更はありません"},
    [KD_FETCHED_NO_NAME] = {"name", "the host's name is not known; check the URL and the name servers",
                            "ホスト名が見つかりません。URL と DNS の設定を確認してください"},
    [KD_FETCHED_NO_ANSWER] = {"connect", "the host does not answer; check the address, the firewall and whether it runs",
                              "ホストが応答しません。アドレス、ファイアウォール、ホストの稼働を確認してください"},
    [KD_FETCHED_REFUSED] = {"refused", "the server refuses; check the URL",
                            "サーバーに拒まれました。URL を確認してください"},
    [KD_FETCHED_CERTIFICATE] = {"certificate", "the server's certificate is not to be trusted; check fetch.ca_file and the server",
                                "サーバーの証明書を信頼できません。fetch.ca_file とサーバーを確認してください"},
    [KD_FETCHED_TLS] = {"tls", "no encrypted connection came about (TLS 1.2 or later is needed)",
                        "暗号化された接続ができません(TLS 1.2 以降が必要です)"},
    [KD_FETCHED_TOO_LARGE] = {"large", "the file is larger than fetch.most_mib", "ファイルが fetch.most_mib より大きいです"},
    [KD_FETCHED_CUT] = {"cut", "the file ended before its end", "ファイルが途中で切れました"},
    [KD_FETCHED_TIME] = {"time", "it took longer than fetch.seconds", "fetch.seconds の時間内に取得できませんでした"},
    [KD_FETCHED_ELSEWHERE] = {"elsewhere", "it redirects to a place that is not allowed; name the host in fetch.hosts if it is right",
                              "許可されていない場所へ転送されました。正しい場合はホストを fetch.hosts に書いてください"},
    [KD_FETCHED_INSIDE] = {"inside", "the sensor itself could not do it", "センサー側の問題で取得できませんでした"},
    [KD_FETCHED_SUM] = {"sum", "its SHA-256 is not the one that was given", "SHA-256 が一致しません"},
    [KD_FETCHED_SIGNATURE] = {"signature", "its signature does not fit the key", "署名が鍵と一致しません"},
    [KD_FETCHED_CONTENT] = {"content", "what came cannot be used", "取得した内容を使えません"},
};

const char *kd_fetched_word(enum kd_fetched what)
{
    return rows[(unsigned)what < KD_FETCHED_OUTCOMES ? what : KD_FETCHED_INSIDE].word;
}

const char *kd_fetched_text(enum kd_fetched what, bool ja)
{
    unsigned i = (unsigned)what < KD_FETCHED_OUTCOMES ? what : KD_FETCHED_INSIDE;
    return ja ? rows[i].ja : rows[i].en;
}

enum kd_fetched kd_fetched_of(struct kd_bytes word)
{
    unsigned i = 0;
    while (i < KD_FETCHED_OUTCOMES && !kd_bytes_eq_str(word, rows[i].word))
        i++;
    return (enum kd_fetched)i;
}
