/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/command.h"
#include "bin/role.h"
#include "bin/say.h"

#ifdef KD_SANITIZED
/* The leak checker stops all threads by ptrace, which no sandbox grants: it would wait for ever.  Leaks are
 * looked for by tests/bare, which runs without one. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

const struct kd_command kd_commands[] = {
    {"run", "[-c FILE] [-i INTERFACE] [--dir DIRECTORY] [--listen ADDRESS:PORT]",
     "watch the network and show the page", "ネットワークを監視し、画面を表示する",
     "  -c FILE            configuration\n"
     "  -i INTERFACE       receive the mirrored traffic here; none: play a recorded example\n"
     "  --dir DIRECTORY    where records are kept\n"
     "  --listen A:P       address and port of the page, or off\n"
     "  --demo FILE        play this capture, again and again\n"
     "  --sandbox MODE     full, or reduced where namespaces are not to be had\n",
     "  -c ファイル         設定ファイル\n"
     "  -i 名前             ミラーポートにつないだインターフェース。省略時は見本の通信を再生\n"
     "  --dir フォルダー    記録の保存先\n"
     "  --listen A:P        画面のアドレスとポート。off で出さない\n"
     "  --demo ファイル     この記録を繰り返し再生する\n"
     "  --sandbox 方式      full、または名前空間の使えない環境では reduced\n",
     kd_cmd_run},
    {"replay", "[-c FILE] [--rules FILE,…] [--yara FILE,…] [--json FILE|-] [--db DIRECTORY] [--engines N] [--realtime] PCAP…",
     "analyse capture files", "保存された通信(pcap)を解析する",
     "  -c FILE            configuration\n"
     "  --rules FILE,…     rules in Suricata's language instead of those of the configuration\n"
     "  --yara FILE,…      files or directories of YARA rules, likewise\n"
     "  --vars FILE, --classification FILE, --reference FILE, --thresholds FILE   as for kidoban rules\n"
     "  --json FILE|-      records as JSON lines to a file, or - for standard output\n"
     "  --db DIRECTORY     keep the records, for hunt, host and verify\n"
     "  --engines N        share the work (default 1: two runs give the same bytes)\n"
     "  --realtime         at the pace it was recorded\n"
     "  --packets          with --db: keep packets and contents of files too, as a running sensor does\n"
     "  --state            with --db: go on with what was learned there, and keep it\n"
     "  --sandbox MODE     full, or reduced where namespaces are not to be had\n",
     "  -c ファイル          設定ファイル\n"
     "  --rules ファイル,…   設定のルールの代わりに使う Suricata 形式のルール\n"
     "  --yara ファイル,…    設定のルールの代わりに使う YARA のルール(フォルダーも可)\n"
     "  --vars、--classification、--reference、--thresholds ファイル   kidoban rules と同じ\n"
     "  --json ファイル|-    記録を JSON 行でファイルへ。- は標準出力\n"
     "  --db フォルダー      記録を保存する(hunt・host・verify で使う)\n"
     "  --engines 数         処理を分担する(初期値 1: 何度実行しても同じ結果)\n"
     "  --realtime           記録されたときの速さで再生する\n"
     "  --packets            --db と併せて: 稼働中のセンサーと同じくパケットとファイルの内容も残す\n"
     "  --state              --db と併せて: 前に学習した内容を引き継ぎ、残す\n"
     "  --sandbox 方式       full、または名前空間の使えない環境では reduced\n",
     kd_cmd_replay},
    {"hunt", "'EXPRESSION' [--from TIME] [--to TIME] [--dir DIRECTORY]", "search the records",
     "記録を検索する",
     "  EXPRESSION         for example: ip = 10.1.2.3 and dns.rrname ~ example\n"
     "                     fields: JSON paths, ip, port, name, user, hash, any\n"
     "                     = != < <= > >= ~ (contains) in (…), and, or, not, ( )\n"
     "  --sightings        the argument is an address, name, fingerprint, hash or sender:\n"
     "                     which hosts met it, per day\n"
     "  --from, --to TIME  2026-11-22 or 2026-11-22T09:00:00+09:00\n"
     "  --dir DIRECTORY    the sensor's directory, or that of replay --db\n",
     "  検索式              例: ip = 10.1.2.3 and dns.rrname ~ example\n"
     "                      項目: JSON の項目名、ip、port、name、user、hash、any\n"
     "                      = != < <= > >= ~(含む) in (…)、and、or、not、( )\n"
     "  --sightings         引数をアドレス・名前・指紋・ハッシュ・送信者とみなし、\n"
     "                      それに接した端末を日ごとに表示する\n"
     "  --from, --to 時刻   2026-11-22 または 2026-11-22T09:00:00+09:00\n"
     "  --dir フォルダー    センサーの保存先、または replay --db の保存先\n",
     kd_cmd_hunt},
    {"host", "ADDRESS|NAME|MAC [--from TIME] [--to TIME] [--outside] [--json|--package FILE] [--dir DIRECTORY]",
     "what a host did, with the proof", "端末が何をしたかを根拠とともに表示する",
     "  --from, --to TIME  2026-11-22 or 2026-11-22T09:00:00+09:00\n"
     "  --outside          did data leave? every outside place, what was sent, and what could not be seen\n"
     "  --json             as one JSON object\n"
     "  --package FILE     records, sealed originals, seals and key as one tar archive that anybody can check\n"
     "  --dir DIRECTORY    the sensor's directory, or that of replay --db\n",
     "  --from, --to 時刻   2026-11-22 または 2026-11-22T09:00:00+09:00\n"
     "  --outside           情報が外部に出ていないか(外部の通信先、送ったもの、見えなかったもの)\n"
     "  --json              JSON で表示\n"
     "  --package ファイル  記録・原本・封印・鍵を、誰でも検証できる 1 つの tar にまとめる\n"
     "  --dir フォルダー    センサーの保存先、または replay --db の保存先\n",
     kd_cmd_host},
    {"incident", "list | show NUMBER [--json] [--dir DIRECTORY]",
     "what belongs together: the story of an attack", "事案(一連の攻撃の経緯)を表示する",
     "  list               all incidents, open and grave ones first\n"
     "  show NUMBER        one of them: what to do, who, how far, and every step in order\n"
     "  --json             as JSON\n"
     "  --dir DIRECTORY    the sensor's directory, or that of replay --db\n",
     "  list                事案の一覧(未対応で深刻なものから)\n"
     "  show 番号           1 件の内容(今すること・端末・経緯)\n"
     "  --json              JSON で表示\n"
     "  --dir フォルダー    センサーの保存先、または replay --db の保存先\n",
     kd_cmd_incident},
    {"object", "list | add KIND VALUE --reason TEXT | expire NUMBER | import FILE | export | lists | update [--dir DIRECTORY]",
     "suspicious objects: watched for, and looked for in the past", "不審オブジェクトを登録し、過去の記録も照合する",
     "  list               all objects, with who met them before they were added\n"
     "  add KIND VALUE     kinds: ip, domain, url, sha256, sha1, md5, ja3, ja4\n"
     "  expire NUMBER      end the watch; what was found stays\n"
     "  import FILE        lines \"kind value [remark]\", or the same with commas; all or nothing\n"
     "  export             those in force, as lines that import takes\n"
     "  lists              the lists of others (objects.lists): how much of each is in force, what was left out\n"
     "  update             fetch those that have a url now (a running sensor does it by itself)\n"
     "  --reason TEXT      where it comes from\n"
     "  --until TIME       the watch ends then (default: no end)\n"
     "  --json             list, lists: as JSON\n"
     "  --dir DIRECTORY    the sensor's directory; a running sensor sees the change within a second\n",
     "  list                一覧(登録前に接触していた端末の数も)\n"
     "  add 種類 値          種類: ip、domain、url、sha256、sha1、md5、ja3、ja4\n"
     "  expire 番号          監視を終える(見つかった結果は残る)\n"
     "  import ファイル      「種類 値 [備考]」の行。コンマ区切りも可。1 行でも誤りがあれば登録しない\n"
     "  export              有効なものを import できる形で出力する\n"
     "  lists               他者の一覧(objects.lists)の件数、読み取り日時、除外した件数\n"
     "  update              URL のある一覧を今すぐ取得する(稼働中のセンサーは自動で取得する)\n"
     "  --reason 理由        情報源など\n"
     "  --until 日時         監視を終える日時(省略時は期限なし)\n"
     "  --json              list、lists を JSON で表示\n"
     "  --dir フォルダー     センサーの保存先。稼働中のセンサーにも 1 秒以内に反映される\n",
     kd_cmd_object},
    {"packets", "FLOW_ID|ADDRESS|NAME|MAC [--from TIME] [--to TIME] [-o FILE] [--dir DIRECTORY]",
     "the kept packets of a conversation or host, as pcapng",
     "保存されたパケットを通信または端末ごとに取り出す(pcapng)",
     "  FLOW_ID            a conversation's number, as in flow_id of its records\n"
     "  --from, --to TIME  2026-11-22 or 2026-11-22T09:00:00+09:00\n"
     "  -o FILE            a new file; - or nothing: standard output\n"
     "  --dir DIRECTORY    the sensor's directory, or that of replay --db --packets\n",
     "  FLOW_ID             通信の番号(記録の flow_id)\n"
     "  --from, --to 時刻   2026-11-22 または 2026-11-22T09:00:00+09:00\n"
     "  -o ファイル         新しいファイル。- または省略時は標準出力\n"
     "  --dir フォルダー    センサーの保存先、または replay --db --packets の保存先\n",
     kd_cmd_packets},
    {"file", "SHA256 [-o FILE] [--dir DIRECTORY]", "the kept content of a file that crossed the network",
     "通信で運ばれたファイルの内容を取り出す",
     "  SHA256             of a file record with fileinfo.stored\n"
     "  -o FILE            write here (a new file, mode 0600); - or none: standard output\n"
     "  --dir DIRECTORY    the sensor's directory, or that of replay --db --packets\n"
     "                     The file may be harmful: do not open it on a machine in use.\n",
     "  SHA256              fileinfo.stored のあるファイル記録の SHA-256\n"
     "  -o ファイル         書き出し先(新しいファイル、権限 0600)。- または省略で標準出力\n"
     "  --dir フォルダー    センサーの保存先、または replay --db --packets の保存先\n"
     "                      危険なファイルのことがあります。業務用の端末では開かないでください。\n",
     kd_cmd_file},
    {"verify", "[DIRECTORY|PACKAGE]", "are the seals of the records, or of a package, intact",
     "記録の封印(改ざんのないこと)を確かめる",
     "  DIRECTORY          the sensor's directory, or that of replay --db\n"
     "  PACKAGE            an archive made by host --package\n"
     "  exit status 0: all seals match, 1: one does not\n",
     "  フォルダー          センサーの保存先、または replay --db の保存先\n"
     "  パッケージ          host --package で作ったファイル\n"
     "  終了コード 0: すべて一致、1: 一致しないものがある\n",
     kd_cmd_verify},
    {"status", "[--dir DIRECTORY] [--json]", "is the sensor running, and are all its parts",
     "センサーが正常に動いているかを調べる",
     "  --dir DIRECTORY    the sensor's directory\n"
     "  --json             as JSON\n",
     "  --dir フォルダー    センサーの保存先\n"
     "  --json              JSON で表示\n",
     kd_cmd_status},
    {"rules", "check|list FILE… | explain SID|RULE [FILE…] | test RULES PCAP… | update [SOURCE] | rollback | reload | hits | keywords",
     "check, list, explain or try rules in Suricata's language", "Suricata 形式のルールを確かめる・一覧する・説明する・試す",
     "  check FILE…        name every rule that cannot be taken, with line and reason; the last line counts\n"
     "  list FILE…         sid, revision, priority, class and message of each rule\n"
     "  explain SID FILE…  what a rule looks for, in plain words; or explain 'RULE'\n"
     "  test RULES PCAP…   which rules fire in which capture, and which do not; --fires SID,…, --silent SID,… and in a\n"
     "                     rule metadata:kidoban_test fires (or silent) say what is expected: exit status 1 if not so\n"
     "  update [SOURCE]    take new rules from a directory, a file or an archive (or rules.update.source) into rules/current of\n"
     "                     the sensor's directory: --sha256 FILE, --signature FILE, --key PEM; without a source those of\n"
     "                     rules.sources are fetched; rollback: the set before\n"
     "  reload             the running sensor reads its rules anew, without losing a packet (--dir, -c)\n"
     "  hits               of the running sensor (or replay --db): rule, how often it matched and was looked at, dearest first\n"
     "  keywords           all keywords and buffers of the language\n"
     "  --sid N, --category CLASS, --text WORDS   list only these\n"
     "  --vars FILE        take the variables of this suricata.yaml\n"
     "  --classification FILE, --reference FILE   classification.config, reference.config\n"
     "  --thresholds FILE  suppressions and thresholds (threshold.config)\n"
     "  -q                 only the last line\n"
     "A directory stands for its files *.rules. Files may be compressed (zstd, gzip).\n"
     "exit status 0: all rules were taken, 1: some were not\n",
     "  check ファイル…     読めないルールを行番号と理由とともに示す。最後の行は件数\n"
     "  list ファイル…      各ルールの番号・版・優先度・分類・文言\n"
     "  explain 番号 ファイル…  ルールが何を探すかを平易な文で示す。explain 'ルール' も可\n"
     "  test ルール pcap…   どのルールがどの通信で反応するか、しないかを示す。--fires 番号,…、--silent 番号,…、または\n"
     "                      ルールの metadata:kidoban_test fires(silent)で期待を書く。違えば終了コード 1\n"
     "  update [元]         新しいルール(フォルダー・ファイル・書庫、省略時は rules.update.source)を保存先の rules/current に\n"
     "                      取り込む。--sha256、--signature、--key ファイルで確かめる。rules.sources があれば、元を省略すると\n"
     "                      そこから取得する。rollback で一つ前に戻す\n"
     "  reload              動いているセンサーにルールを読み直させる。通信は取りこぼさない(--dir、-c)\n"
     "  hits                稼働中のセンサー(または replay --db)で、各ルールの一致した回数と調べた回数。負担の大きい順\n"
     "  keywords            使えるキーワードとバッファーの一覧\n"
     "  --sid 番号、--category 分類、--text 語句   絞り込む\n"
     "  --vars ファイル     この suricata.yaml の変数を使う\n"
     "  --classification ファイル、--reference ファイル   classification.config、reference.config\n"
     "  --thresholds ファイル  抑止としきい値(threshold.config)\n"
     "  -q                  最後の行だけを表示する\n"
     "フォルダーを指定するとその中の *.rules を読む。圧縮(zstd、gzip)されていてもよい。\n"
     "終了コード 0: すべて読めた、1: 読めないものがある\n",
     kd_cmd_rules},
    {"config", "check [FILE] | propose [--dir DIRECTORY] [--json] | reference [--lang ja|en]",
     "check the configuration, propose a network plan, or list all keys",
     "設定ファイルを確かめる、ネットワークの区分を提案する、または全項目の説明を表示する",
     "  check [FILE]       say what is wrong, with the line and the remedy\n"
     "  propose            zones and registered machines from what was seen, as lines for the file\n"
     "  reference          all keys with meaning, default and range: itself a valid file\n"
     "  --lang ja|en       language of the reference\n",
     "  check [ファイル]    誤りのある行と直し方を表示する\n"
     "  propose             観測した内容から、区分と機器の下書きを設定の形で表示する\n"
     "  reference           全項目の意味・初期値・範囲(そのまま設定ファイルとして使える)\n"
     "  --lang ja|en        説明の言語\n",
     kd_cmd_config},
    {"bench", "[--all] [--rules FILE] PCAP…", "measure the speed of this machine", "この機器での処理速度を測る",
     "  --all              also the detectors and the JSON writer, on the records of the engine\n"
     "  --rules FILE,…     with these rules (and --vars FILE … as for kidoban rules); how long they took to compile stands in a line before\n"
     "One line of JSON for each capture: processor time and memory of one engine.\n",
     "  --all               検知処理と JSON 出力も測る\n"
     "  --rules ファイル,…   このルールを使う(--vars なども kidoban rules と同じ。準備にかかった時間を先に 1 行表示する)\n"
     "通信ファイル(pcap)ごとに、処理部 1 つの CPU 時間とメモリを JSON で 1 行表示する。\n",
     kd_cmd_bench},
    {"version", "", "print the version", "版を表示する", "", "", kd_cmd_version},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL},
};

static int help_all(FILE *to)
{
    bool ja = kd_say_japanese();
    fputs(
        ja ? "木戸番(kidoban): ネットワークの脅威検知\n\n使い方: kidoban コマンド [オプション]\n\n"
           : "kidoban: network threat detection\n\nusage: kidoban COMMAND [OPTION]\n\n",
        to);
    for (const struct kd_command *c = kd_commands; c->name != NULL; c++)
        fprintf(to, "  %-9s %s\n", c->name, ja ? c->ja : c->en);
    fputs(ja ? "\n各コマンドの説明: kidoban コマンド --help\n" : "\nmore: kidoban COMMAND --help\n",
          to);
    return KD_EXIT_DONE;
}

static int help_one(const struct kd_command *c)
{
    bool ja = kd_say_japanese();
    printf("kidoban %s %s\n%s\n%s%s", c->name, c->args, ja ? c->ja : c->en,
           (ja ? c->help_ja : c->help_en)[0] != '\0' ? "\n" : "", ja ? c->help_ja : c->help_en);
    return KD_EXIT_DONE;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 || strcmp(arg, "help") == 0;
}

static int dispatch(int argc, char **argv)
{
    for (const struct kd_command *c = kd_commands; c->name != NULL; c++) {
        if (strcmp(argv[1], c->name) != 0)
            continue;
        for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
            if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
                return help_one(c);
        return c->run(argc - 1, argv + 1);
    }
    return kd_say(KD_EXIT_USAGE, "", "%.40s: no such command; see kidoban --help", argv[1]);
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--role") == 0)
        return kd_role_main(argc, argv);
    if (argc < 2) {
        (void)help_all(stderr);
        return KD_EXIT_USAGE;
    }
    if (is_help(argv[1]))
        return help_all(stdout);
    if (strcmp(argv[1], "--version") == 0)
        return kd_cmd_version(1, argv);
    return dispatch(argc, argv);
}
