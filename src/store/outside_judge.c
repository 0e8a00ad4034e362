/* SPDX-License-Identifier: Apache-2.0 */
/* The grade is the worst that any one reason asks for; every reason is told. */
#include <stdarg.h>

#include "store/outside.h"

#define U(x) ((unsigned long long)(x))
#define MIB ((uint64_t)1 << 20)

enum {
    NEW_PLACE_KIB = 1024, /* sent to a place that was new, unreadably, from which it is a reason */
    UNKNOWN_KIB = 100,    /* sent in protocols that were not recognised */
    HABIT_TIMES = 3,      /* of a usual day, and at least ... */
    HABIT_MORE_MIB = 10,  /* ... more than it */
    DROPPED_PER_MILLE = 10, /* packets lost, from which the sight was too poor for "no sign" */
    SILENCE_MAX_US = 300000000,
    DAYS_FOR_HABIT = 3
};

/* Two formats with the same arguments; the Japanese one first. */
static void say(struct kd_outside_text *t, size_t *n, const char *ja, const char *en, ...)
{
    if (*n == KD_OUTSIDE_REASONS_MAX)
        return;
    va_list ap;
    va_start(ap, en);
    (void)vsnprintf(t[*n].ja, sizeof(t[*n].ja), ja, ap);
    va_end(ap);
    va_start(ap, en);
    (void)vsnprintf(t[*n].en, sizeof(t[*n].en), en, ap);
    va_end(ap);
    ++*n;
}

#define REASON(r, g, ...)                                                                          \
    do {                                                                                           \
        (r)->grade = (r)->grade < (g) ? (g) : (r)->grade;                                          \
        say((r)->reason, &(r)->n_reasons, __VA_ARGS__);                                            \
    } while (0)
#define UNSEEN(r, ...) say((r)->unseen, &(r)->n_unseen, __VA_ARGS__)

unsigned kd_outside_judged(const struct kd_outside *r)
{
    if (r->bytes_out == 0)
        return 100;
    double share = 100.0 * (double)r->out[KD_OUTSIDE_READABLE] / (double)r->bytes_out;
    return (unsigned)share; /* rounded down: never more than was read */
}

static bool is_alarmed(const struct kd_outside *r, const struct kd_addr *peer)
{
    for (size_t i = 0; i < r->n_detections; i++)
        if (kd_addr_eq(&r->detection[i].peer, peer))
            return true;
    return false;
}

/* ---- reasons ---- */

static void by_detections(struct kd_outside *r)
{
    size_t proven = 0, leaks = 0, control = 0;
    for (size_t i = 0; i < r->n_detections; i++) {
        proven += r->detection[i].leak && r->detection[i].severity >= 3;
        leaks += r->detection[i].leak && r->detection[i].severity < 3;
        control += !r->detection[i].leak && r->detection[i].severity >= 1;
    }
    if (proven > 0)
        REASON(r, KD_OUTSIDE_LEFT, "情報が外部に送られたことを示す深刻な検知が %llu 件あります。",
               "%llu grave detection(s) show that data was sent outside.", U(proven));
    if (leaks > 0)
        REASON(r, KD_OUTSIDE_MAYBE, "情報の持ち出しが疑われる検知が %llu 件あります。",
               "%llu detection(s) of possible taking of data.", U(leaks));
    if (control > 0)
        REASON(
            r, KD_OUTSIDE_MAYBE,
            "外部から操られている疑いのある検知が %llu "
            "件あります。その通信で情報が送られた可能性があります。",
            "%llu detection(s) of control from outside; data may have left in those conversations.",
            U(control));
}

static void by_items(struct kd_outside *r)
{
    size_t personal = 0, alarmed = 0;
    for (size_t k = 0; k <= KD_OUTSIDE_FILE; k++)
        for (size_t i = 0; i < r->n_items[k]; i++) {
            personal += r->item[k][i].personal;
            alarmed += is_alarmed(r, &r->item[k][i].peer);
        }
    if (personal > 0)
        REASON(r, KD_OUTSIDE_LEFT,
               "個人の番号やカード番号を含むファイル・メール %llu 件が平文で送られました。",
               "%llu file(s) or mail(s) with personal or card numbers went out in clear.",
               U(personal));
    if (alarmed > 0)
        REASON(r, KD_OUTSIDE_LEFT,
               "検知のあった相手に、ファイルや大きなデータが %llu 件送られました。",
               "%llu file(s) or large bodies went to a place there is a detection for.",
               U(alarmed));
    uint64_t sent = r->all_items[KD_OUTSIDE_UPLOAD] + r->all_items[KD_OUTSIDE_FILE];
    if (sent > 0 && r->grade != KD_OUTSIDE_LEFT)
        REASON(r, KD_OUTSIDE_MAYBE,
               "外部に送られたファイル・添付・大きなデータが %llu "
               "件あります。業務によるものか一覧で確認してください。",
               "%llu file(s), attachment(s) or large bodies were sent: look in the list whether it "
               "was work.",
               U(sent));
}

static void by_volume(struct kd_outside *r)
{
    uint64_t new_bytes = 0, outside_began = 0;
    size_t new_places = 0;
    for (size_t i = 0; i < r->n_places; i++) {
        const struct kd_outside_place *p = &r->place[i];
        uint64_t unread = p->out[KD_OUTSIDE_ENCRYPTED] + p->out[KD_OUTSIDE_UNKNOWN];
        if (p->is_new && unread >= (uint64_t)NEW_PLACE_KIB << 10) {
            new_places++;
            new_bytes += unread;
        }
        outside_began += p->begun_outside > 0 && p->bytes_out > MIB ? p->bytes_out : 0;
    }
    if (new_places > 0)
        REASON(r, KD_OUTSIDE_MAYBE,
               "初めての相手 %llu 箇所に、中身の見えない通信で計 %llu バイトを送信しました。",
               "To %llu place(s) it had not met before it sent %llu bytes that could not be read.",
               U(new_places), U(new_bytes));
    if (outside_began > 0)
        REASON(r, KD_OUTSIDE_MAYBE, "外部から始められた通信で %llu バイトを送信しました。",
               "In conversations that the outside began it sent %llu bytes.", U(outside_began));
    if (r->habit_days >= DAYS_FOR_HABIT && r->busiest > HABIT_TIMES * r->habit_median &&
        r->busiest - r->habit_median >= HABIT_MORE_MIB * MIB)
        REASON(r, KD_OUTSIDE_MAYBE,
               "送信量が普段を大きく超えた日があります(1 日 %llu バイト、普段は %llu バイト)。",
               "One day's volume was far above habit (%llu bytes, a usual day %llu).",
               U(r->busiest), U(r->habit_median));
    if (r->out[KD_OUTSIDE_UNKNOWN] >= (uint64_t)UNKNOWN_KIB << 10)
        REASON(r, KD_OUTSIDE_MAYBE, "種類の分からない通信で %llu バイトを外部に送信しました。",
               "It sent %llu bytes outside in protocols that were not recognised.",
               U(r->out[KD_OUTSIDE_UNKNOWN]));
}

/* Where too little was seen, no sign means little. */
static void by_sight(const struct kd_outside_ask *ask, struct kd_outside *r)
{
    const struct kd_outside_sensor *z = &r->sensor;
    if (r->records == 0)
        REASON(r, KD_OUTSIDE_MAYBE,
               "この期間にこの端末の記録がありません。通信しなかったのか、見えていなかったのかは分"
               "かりません。",
               "There are no records of this host in that time: whether it was silent or not seen "
               "is not known.");
    if (z->store_first_us > ask->host.from_us && ask->host.from_us > 0)
        REASON(r, KD_OUTSIDE_MAYBE, "期間のはじめの部分は、記録がまだ(または、もう)ありません。",
               "For the beginning of that time there are no records yet (or no more).");
    if (z->dropped * 1000 > (z->packets + z->dropped) * DROPPED_PER_MILLE)
        REASON(r, KD_OUTSIDE_MAYBE, "センサーがパケットの 1%% を超えて取りこぼしました(%llu 個)。",
               "The sensor lost more than 1%% of the packets (%llu).", U(z->dropped));
    if (z->silence_us > SILENCE_MAX_US)
        REASON(r, KD_OUTSIDE_MAYBE, "センサーの記録が %llu 秒間途切れています。",
               "For %llu seconds the sensor reported nothing.", U(z->silence_us / 1000000));
    if (r->cut || r->unreadable > 0 || r->left_out > 0)
        REASON(r, KD_OUTSIDE_MAYBE, "記録のすべては調べられていません(下記)。",
               "Not all records could be looked at (see below).");
}

/* ---- what was not seen ---- */

static void unseen_content(struct kd_outside *r)
{
    uint64_t degraded = 0, midstream = 0, proxied = 0;
    for (size_t i = 0; i < r->n_places; i++) {
        degraded += r->place[i].degraded;
        midstream += r->place[i].unseen_start;
        proxied += r->place[i].proxy ? r->place[i].bytes_out : 0;
    }
    if (r->out[KD_OUTSIDE_ENCRYPTED] > 0)
        UNSEEN(r, "暗号化された送信 %llu バイト:相手と量は分かりますが、中身は分かりません。",
               "%llu bytes were sent encrypted: to whom and how much is known, not what.",
               U(r->out[KD_OUTSIDE_ENCRYPTED]));
    if (r->out[KD_OUTSIDE_UNKNOWN] > 0)
        UNSEEN(r, "種類の分からない通信での送信 %llu バイト:中身は分かりません。",
               "%llu bytes were sent in protocols that were not recognised: what is not known.",
               U(r->out[KD_OUTSIDE_UNKNOWN]));
    if (proxied > 0)
        UNSEEN(r,
               "庁内・院内のプロキシを通った送信 %llu "
               "バイト:プロキシの先は、プロキシの記録も確認してください。",
               "%llu bytes went through a proxy of the house: look at the proxy's own log too.",
               U(proxied));
    if (r->gap_bytes > 0)
        UNSEEN(r, "通信の途中で %llu バイトが観測できませんでした。",
               "%llu bytes within conversations were never seen.", U(r->gap_bytes));
    if (r->incomplete_files > 0)
        UNSEEN(r, "外部に送られたファイルのうち %llu 件は、全体を観測できていません。",
               "%llu file(s) sent outside were not seen whole.", U(r->incomplete_files));
    if (midstream > 0)
        UNSEEN(r, "通信 %llu 件は、始まりを観測していません。",
               "The beginning of %llu conversation(s) was not seen.", U(midstream));
    if (degraded > 0)
        UNSEEN(r, "通信 %llu 件は、センサーの資源不足で詳しく調べられていません。",
               "%llu conversation(s) were followed in less detail for lack of memory.",
               U(degraded));
}

static void unseen_by_sensor(const struct kd_outside_ask *ask, struct kd_outside *r)
{
    const struct kd_outside_sensor *z = &r->sensor;
    if (z->first_us == 0)
        UNSEEN(r, "センサー自身の動作記録がこの期間にないため、取りこぼしの有無を示せません。",
               "The sensor's own reports of that time are missing: whether it lost packets is not "
               "known.");
    if (z->dropped + z->truncated + z->undecoded > 0)
        UNSEEN(
            r,
            "ネットワーク全体で、取りこぼし %llu・途中で切れた %llu・解読できない %llu パケット。",
            "In the whole network: packets lost %llu, cut short %llu, not understood %llu.",
            U(z->dropped), U(z->truncated), U(z->undecoded));
    if (z->silence_us > 0 || z->exits > 0)
        UNSEEN(r, "センサーの記録の途切れは最長 %llu 秒、処理の停止は %llu 回。",
               "The sensor's longest silence was %llu s; its parts stopped %llu time(s).",
               U(z->silence_us / 1000000), U(z->exits));
    if (z->records_lost > 0)
        UNSEEN(r, "記録 %llu 件が失われました。", "%llu records were lost.", U(z->records_lost));
    if (z->not_kept > 0)
        UNSEEN(r,
               "パケットそのものは %llu "
               "個が保存されていません(長い通信の続きなど)。後から中身を確かめられません。",
               "%llu packets were not kept (the rest of long conversations): they cannot be looked "
               "at later.",
               U(z->not_kept));
    if (z->store_first_us > ask->host.from_us)
        UNSEEN(r, "最も古い記録より前の時間は、何も分かりません。",
               "Of the time before the oldest record nothing is known.");
    if (r->cut)
        UNSEEN(r, "時間切れのため、記録の一部しか調べていません。期間を狭めてください。",
               "Time ran out: only a part of the records was looked at. Ask for a shorter time.");
    if (r->unreadable > 0 || r->left_out > 0)
        UNSEEN(r,
               "読めない記録のまとまり %llu 個、表に入りきらない通信 %llu 件は含まれていません。",
               "%llu blocks that cannot be read and %llu conversations beyond the tables' room are "
               "not in it.",
               U(r->unreadable), U(r->left_out));
}

void kd_outside_judge(const struct kd_outside_ask *ask, struct kd_outside *r)
{
    r->grade = KD_OUTSIDE_NO_SIGN;
    r->n_reasons = r->n_unseen = 0;
    by_detections(r);
    by_items(r);
    by_volume(r);
    by_sight(ask, r);
    if (r->grade == KD_OUTSIDE_NO_SIGN)
        REASON(r, KD_OUTSIDE_NO_SIGN,
               "検知、外部へのファイル送信、初めての相手への大量送信、普段を超える送信は、見えた範"
               "囲にはありません。",
               "Within what was seen there is no detection, no file sent, no large volume to a new "
               "place or above habit.");
    if (r->habit_days < DAYS_FOR_HABIT)
        UNSEEN(r, "普段の送信量は、期間の前の記録が %llu 日分しかないため比べられません。",
               "Habit cannot be compared: there are records of only %llu day(s) before that time.",
               U(r->habit_days));
    unseen_content(r);
    unseen_by_sensor(ask, r);
    UNSEEN(r,
           "このセンサーを通らない経路(モバイル回線、Wi-Fi、USB "
           "メモリー、印刷、他の回線)は見えません。",
           "Ways that do not pass this sensor (mobile lines, Wi-Fi, USB sticks, print, other "
           "lines) are not seen.");
}
