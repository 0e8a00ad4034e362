/* SPDX-License-Identifier: Apache-2.0 */
#include "object/words.h"

static const struct {
    const char *en, *ja;
} words[] = {
    {"a name without a dot would be all of a domain", "ドットのない名前はドメイン全体を指してしまう"},
    {"a registry, under which anybody may have a name", "だれでも名前を取れる登録用のドメイン"},
    {"a name that everybody uses", "だれもが使う名前"},
    {"too wide a network", "ネットワークの範囲が広すぎる"},
    {"one of your own networks", "自分のネットワーク"},
    {"not an address of the Internet", "インターネットのアドレスではない"},
    {"a name server that everybody asks", "だれもが使うネームサーバー"},
    {"the sum of an empty file", "空のファイルのハッシュ"},
    {"no address and no network", "アドレスでもネットワークでもない"},
    {"no such value", "この種類の値ではない"},
    {"neither address, name, link, sum, fingerprint nor mail address",
     "アドレス、名前、リンク、ハッシュ、指紋、メールアドレスのいずれでもない"},
    {"the row has no value", "行に値がない"},
    {"the line is too long", "行が長すぎる"},
    {"not an address and a name", "アドレスと名前の組ではない"},
    {"neither Base64 of a text nor a sum nor an address", "Base64 の文字列、ハッシュ、アドレスのいずれでもない"},
    {"a field in quotes has no end", "引用符が閉じられていない"},
    {"no JSON: an escape that does not exist", "JSON ではない(存在しないエスケープ)"},
    {"no JSON: a text without an end", "JSON ではない(文字列が終わらない)"},
    {"no JSON: no value", "JSON ではない(値がない)"},
    {"no JSON: no name of a member", "JSON ではない(項目名がない)"},
    {"no JSON: no colon behind a name", "JSON ではない(項目名の後にコロンがない)"},
    {"no JSON: it ends in the middle", "JSON が途中で終わっている"},
    {"no list: objects within objects within objects", "入れ子が深すぎる"},
    {"no file, or one that is larger than 1 GiB", "ファイルでないか、1 GiB を超えている"},
    {"more objects than limits.objects", "limits.objects の件数を超えている"},
    {"it could not be read in time", "時間内に読み終わらなかった"},
    {"nothing in it could be read; is format right?", "読める内容がない(format は正しいか)"},
    {"the directory holds no .json file", "フォルダーに .json ファイルがない"},
    {"No such file or directory", "ファイルがない"},
    {"Permission denied", "読む権限がない"},
};

struct kd_bytes kd_list_words_ja(struct kd_bytes text, struct kd_out *o)
{
    for (size_t i = 0; i < KD_COUNT(words); i++) {
        struct kd_bytes en = kd_str(words[i].en);
        size_t at = kd_bytes_find(text, en);
        if (at == SIZE_MAX || at < 2 || text.p[at - 1] != ' ')
            continue;
        kd_out_bytes(o, kd_bytes_head(text, at));
        kd_out_str(o, words[i].ja);
        kd_out_bytes(o, kd_bytes_from(text, at + en.n));
        return kd_out_ok(o) ? kd_out_bytes_view(o) : text;
    }
    return text;
}
