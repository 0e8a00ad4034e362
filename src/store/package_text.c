/* SPDX-License-Identifier: Apache-2.0 */
#include "store/package_text.h"

#include <sodium.h>

const char *const kd_package_readme =
    "木戸番 証拠パッケージ\n"
    "====================\n"
    "\n"
    "1 台の端末が指定の期間に行った通信の記録と、それが改ざんされていないことを確かめる材料です。\n"
    "\n"
    "  summary.ja.txt   要約(まずここを読んでください)\n"
    "  outside.ja.txt   情報が外部に出ていないか、見えなかったものは何か\n"
    "  records/         記録。1 行が 1 件(JSON)。番号は同じ番号の blocks/ に対応します\n"
    "  packets.pcapng   パケット(保存されていた場合)\n"
    "  blocks/          記録の原本。封印された単位のままなので、ほかの端末の記録も含みます\n"
    "  days/            日ごとの全ブロックのハッシュ値の一覧\n"
    "  seals/           その一覧への署名(封印)。記録した日に付けられたものです\n"
    "  key.pem          センサーの公開鍵。別の経路で受け取った鍵と同じかを確かめてください\n"
    "  SHA256SUMS(.sig) このパッケージの全ファイルのハッシュ値と署名\n"
    "\n"
    "確かめ方(openssl 3 と sha256sum だけで足ります):\n"
    "  sh check.sh                 同梱の鍵で確認\n"
    "  sh check.sh 受け取った鍵.pem  別に受け取った鍵で確認(推奨)\n"
    "木戸番があれば、記録の 1 行ごとに原本と照合できます: kidoban verify パッケージ.tar\n"
    "\n"
    "records/unsealed.jsonl は、作成時にまだ封印されていなかった直近の記録です。\n"
    "このパッケージの署名だけで守られています。\n"
    "他人の個人情報を含むことがあります。渡す相手と範囲に注意してください。\n"
    "\n"
    "\n"
    "Kidoban evidence package\n"
    "========================\n"
    "\n"
    "What one machine did on the network in a given time, and what is needed to check that nothing was\n"
    "changed since it was recorded.\n"
    "\n"
    "  summary.en.txt   summary (begin here)\n"
    "  outside.en.txt   did data leave, and what could not be seen\n"
    "  records/         the records, one a line (JSON); a number is that of the block in blocks/\n"
    "  packets.pcapng   packets, when they were kept\n"
    "  blocks/          the originals, as they were sealed: they hold other machines' records too\n"
    "  days/            list of the hashes of all blocks of a day\n"
    "  seals/           the signature over that list, made when the day was recorded\n"
    "  key.pem          the sensor's public key; compare it with the one you got another way\n"
    "  SHA256SUMS(.sig) hashes of all files of this package, and their signature\n"
    "\n"
    "To check (openssl 3 and sha256sum are enough):\n"
    "  sh check.sh                with the key in this package\n"
    "  sh check.sh their-key.pem  with a key you got another way (better)\n"
    "With Kidoban every line of the records is compared with its original: kidoban verify PACKAGE.tar\n"
    "\n"
    "records/unsealed.jsonl holds the newest records, which were in no seal yet; only this package's\n"
    "own signature holds them.  The package may hold personal data of others: mind whom you give it to.\n";

const char *const kd_package_check =
    "#!/bin/sh\n"
    "# Checks a Kidoban evidence package with openssl 3 and sha256sum.  usage: sh check.sh [KEY.pem]\n"
    "key=${1:-key.pem}\n"
    "case $key in /*) ;; *) [ -n \"$1\" ] && key=$PWD/$1 ;; esac\n"
    "cd \"$(dirname \"$0\")\" || exit 3\n"
    "broken() { echo \"BROKEN / 不一致: $1\"; exit 1; }\n"
    "signed() { openssl pkeyutl -verify -pubin -inkey \"$key\" -rawin -in \"$1\" -sigfile \"$2\" >/dev/null 2>&1; }\n"
    "signed SHA256SUMS SHA256SUMS.sig || broken 'SHA256SUMS: signature / 署名'\n"
    "sha256sum --quiet -c SHA256SUMS || broken 'a file of the package / パッケージのファイル'\n"
    "for seal in seals/[0-9]*.seal; do\n"
    "    [ -e \"$seal\" ] || continue\n"
    "    day=$(basename \"$seal\" .seal)\n"
    "    signed \"$seal\" \"seals/$day.sig\" || broken \"$seal: signature / 署名\"\n"
    "    root=$(sha256sum \"days/$day.sha256\" | cut -c1-64)\n"
    "    case \" $(cat \"$seal\") \" in *\" $root \"*) ;; *) broken \"days/$day.sha256: seal / 封印\" ;; esac\n"
    "    (cd blocks && sha256sum --quiet --ignore-missing -c \"../days/$day.sha256\") || broken \"blocks of / ブロック $day\"\n"
    "done\n"
    "for block in blocks/*.block; do\n"
    "    [ -e \"$block\" ] || continue\n"
    "    grep -q \"  $(basename \"$block\")\\$\" days/*.sha256 2>/dev/null ||\n"
    "        echo \"note / 注意: $block: in no day's seal yet / 日ごとの封印はまだありません\"\n"
    "done\n"
    "echo 'OK: every file, block and seal matches / すべて一致しました'\n";

void kd_package_pem(const uint8_t pub[KD_SEAL_PUBLIC], char ret[KD_PACKAGE_PEM])
{
    static const uint8_t prefix[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    uint8_t der[sizeof(prefix) + KD_SEAL_PUBLIC];
    char text[sodium_base64_ENCODED_LEN(sizeof(der), sodium_base64_VARIANT_ORIGINAL)];
    memcpy(der, prefix, sizeof(prefix));
    memcpy(der + sizeof(prefix), pub, KD_SEAL_PUBLIC);
    (void)sodium_bin2base64(text, sizeof(text), der, sizeof(der), sodium_base64_VARIANT_ORIGINAL);
    (void)snprintf(ret, KD_PACKAGE_PEM,
                   "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", text);
}

void kd_package_about(const struct kd_host_ask *ask, const struct kd_host_report *rep,
                      struct kd_jw *w)
{
    uint8_t room[48];
    kd_jw_open(w, NULL, '{');
    kd_jw_str(w, "format", "kidoban evidence package 1");
    kd_jw_text(w, "asked", ask->who);
    kd_jw_open(w, "addresses", '[');
    for (size_t i = 0; i < rep->n_addr; i++) {
        struct kd_out o = kd_out_of(room, sizeof(room));
        kd_out_addr(&o, &rep->addr[i]);
        kd_jw_text(w, NULL, kd_out_bytes_view(&o));
    }
    kd_jw_close(w, ']');
    kd_jw_u64(w, "from_us", ask->from_us);
    kd_jw_u64(w, "to_us", kd_min_u64(ask->to_us, INT64_MAX));
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_i64(&o, ask->zone_s);
    kd_jw_raw(w, "zone_s", kd_out_bytes_view(&o));
    kd_jw_time(w, "made", kd_now_us(&ask->clock));
    kd_jw_close(w, '}');
}
