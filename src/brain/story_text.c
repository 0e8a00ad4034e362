/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/story_text.h"

enum { NAMES_MOST = 5 };

const char *kd_stage_text(enum kd_stage stage, enum kd_lang lang)
{
    static const char *const words[KD_STAGES][2] = {
        [KD_STAGE_NONE] = {"operation", "運用"},
        [KD_STAGE_ENTRY] = {"something suspicious came in", "不審なプログラムなどの受信"},
        [KD_STAGE_CONTROL] = {"what looks like remote control from outside", "外部からの遠隔操作とみられる通信"},
        [KD_STAGE_DISCOVERY] = {"looking around inside", "内部の探索"},
        [KD_STAGE_CREDENTIALS] = {"attacks on passwords and accounts", "パスワードやアカウントへの攻撃"},
        [KD_STAGE_LATERAL] = {"signs of reaching into other machines", "他の端末への侵入の疑い"},
        [KD_STAGE_EXFILTRATION] = {"sending data out", "外部への送信"},
        [KD_STAGE_IMPACT] = {"damage", "破壊・妨害"},
    };
    return words[stage][lang];
}

void kd_story_facts(struct kd_brain *b, const struct kd_story *y, struct kd_story_facts *f)
{
    *f = (struct kd_story_facts){.b = b, .y = y};
    for (unsigned i = 0; i < y->n_hosts; i++) {
        unsigned part = y->hosts[i].part;
        f->zero = part == KD_PART_FIRST ? &y->hosts[i] : f->zero;
        f->n_spread += part == KD_PART_SPREAD;
        f->n_targeted += part == KD_PART_TARGETED;
        f->n_entered += part == KD_PART_ENTERED;
        f->n_acting += part != KD_PART_TARGETED && part != KD_PART_ENTERED;
    }
    for (unsigned i = 0; i < y->n; i++) {
        const struct kd_step *t = &y->v[i];
        for (unsigned k = 0; k < t->n_techniques; k++)
            f->encrypted |= strcmp(t->technique[k], "T1573") == 0;
        if (!kd_step_weighs(t))
            continue;
        f->first = f->first == NULL ? t : f->first;
        f->stages |= 1u << t->stage;
        f->medium |= t->severity >= KD_MEDIUM ? 1u << t->stage : 0;
    }
}

static bool has(const struct kd_story_facts *f, enum kd_stage s)
{
    return (f->stages >> s & 1) != 0;
}

/* "PC-A (10.0.0.5)" */
static void name(const struct kd_story_facts *f, const struct kd_addr *a, enum kd_lang lang, struct kd_out *o)
{
    const struct kd_host *host = kd_hosts_find(&f->b->hosts, a);
    bool named = host != NULL && host->name.n > 0;
    if (named) {
        kd_text_clean(o, kd_text_view(&host->name), KD_HOST_TEXT);
        kd_out_str(o, lang == KD_JA ? "(" : " (");
    }
    kd_out_addr(o, a);
    kd_out_str(o, !named ? "" : lang == KD_JA ? ")" : ")");
}

/* Hosts of these parts (bits), the first of them by name. */
static unsigned names(const struct kd_story_facts *f, unsigned parts, enum kd_lang lang, struct kd_out *o)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->y->n_hosts; i++) {
        if ((parts >> f->y->hosts[i].part & 1) == 0 || n++ >= NAMES_MOST)
            continue;
        kd_out_str(o, n == 1 ? "" : lang == KD_JA ? "、" : ", ");
        name(f, &f->y->hosts[i].addr, lang, o);
    }
    if (n > NAMES_MOST)
        kd_out_fmt(o, lang == KD_JA ? " ほか %u 台" : " and %u more", n - NAMES_MOST);
    return n;
}

static bool same(const struct kd_thing *a, const struct kd_thing *b)
{
    return a->kind == b->kind && kd_bytes_eq(kd_thing_view(a), kd_thing_view(b));
}

/* The first place among a step's things; their number when there is none. */
static unsigned place_in(const struct kd_step *t)
{
    unsigned k = 0;
    while (k < t->n_things && t->things[k].kind != KD_THING_PLACE)
        k++;
    return k;
}

/* How sure it is that a place belongs to the attack: it has a step of medium severity or more, or low ones only. */
enum sureness { SURE, UNSURE };

/* The place of a weighing step of these stages; NULL when it has none. */
static const struct kd_thing *place_of(const struct kd_step *t, unsigned stages)
{
    unsigned k = place_in(t);
    return (stages >> t->stage & 1) == 0 || !kd_step_weighs(t) || k == t->n_things ? NULL : &t->things[k];
}

static bool is_sure(const struct kd_story *y, const struct kd_thing *place, unsigned stages)
{
    bool sure = false;
    for (unsigned i = 0; i < y->n && !sure; i++) {
        const struct kd_thing *one = place_of(&y->v[i], stages);
        sure = one != NULL && y->v[i].severity >= KD_MEDIUM && same(one, place);
    }
    return sure;
}

static bool named_before(const struct kd_story *y, unsigned step, unsigned stages)
{
    const struct kd_thing *place = place_of(&y->v[step], stages);
    bool named = false;
    for (unsigned i = 0; i < step && !named; i++) {
        const struct kd_thing *other = place_of(&y->v[i], stages);
        named = other != NULL && same(other, place);
    }
    return named;
}

/* Outside places of steps of these stages, by name where there is one. */
static unsigned places(const struct kd_story_facts *f, unsigned stages, enum sureness how, enum kd_lang lang, struct kd_out *o)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->y->n; i++) {
        const struct kd_thing *place = place_of(&f->y->v[i], stages);
        if (place == NULL || named_before(f->y, i, stages) || is_sure(f->y, place, stages) != (how == SURE) ||
            n++ >= NAMES_MOST)
            continue;
        kd_out_str(o, n == 1 ? "" : lang == KD_JA ? "、" : ", ");
        kd_out_bytes(o, kd_thing_view(place));
    }
    if (n > NAMES_MOST)
        kd_out_fmt(o, lang == KD_JA ? " ほか %u 件" : " and %u more", n - NAMES_MOST);
    return n;
}

static unsigned users(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->y->n && n < NAMES_MOST; i++) {
        const struct kd_step *t = &f->y->v[i];
        struct kd_bytes user = kd_bytes_of(t->user, t->n_user);
        bool known = user.n == 0 || !kd_step_weighs(t);
        for (unsigned k = 0; k < i && !known; k++)
            known = kd_bytes_ieq(user, kd_bytes_of(f->y->v[k].user, f->y->v[k].n_user));
        if (known)
            continue;
        kd_out_str(o, n++ == 0 ? "" : lang == KD_JA ? "、" : ", ");
        kd_out_bytes(o, user);
    }
    return n;
}

void kd_story_title(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    bool ja = lang == KD_JA;
    kd_out_str(o, ja ? "" : "Suspected intrusion that began at ");
    if (f->zero != NULL)
        name(f, &f->zero->addr, lang, o);
    else
        kd_out_str(o, ja ? "(不明)" : "(unknown)");
    kd_out_str(o, ja ? " から始まった侵入の疑い" : "");
    if (f->n_spread > 0) {
        kd_out_fmt(o, ja ? ":他の %u 台に拡大" : f->n_spread == 1 ? "; spread to %u other machine" : "; spread to %u other machines",
                   f->n_spread);
    } else if (f->n_entered > 0) {
        kd_out_fmt(o, ja ? ":他の %u 台に入り込んだ形跡" : f->n_entered == 1 ? "; signs of entry at %u other machine" : "; signs of entry at %u other machines",
                   f->n_entered);
    } else if (f->n_acting > 1) {
        kd_out_fmt(o, ja ? ":%u 台が関係" : "; %u machines concerned", f->n_acting);
    }
    if ((f->medium >> KD_STAGE_EXFILTRATION & 1) != 0) /* a low one is no ground for a headline */
        kd_out_str(o, ja ? "、外部への送信あり" : "; data was sent out");
    if ((f->medium >> KD_STAGE_IMPACT & 1) != 0)
        kd_out_str(o, ja ? "、破壊・妨害あり" : "; damage was done");
}

void kd_story_zero_why(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    if (f->zero == NULL || f->first == NULL)
        return;
    bool ja = lang == KD_JA;
    if (f->first->carried)
        kd_out_str(o, ja ? "不審なメールの中身に最初に接した端末です。" : "It was the first to meet what a suspicious mail carried. ");
    else
        kd_out_str(o, ja ? "この事案の動きが最初に見られた端末です(" : "The earliest step of this incident was seen there (");
    if (!f->first->carried) {
        kd_text_time(o, f->zero->first_us, f->b->zone_s);
        kd_out_str(o, ja ? ")。" : "). ");
    }
    if (f->n_spread > 0)
        kd_out_str(o, ja ? "他の端末への侵入はここから始まっています。" : "Other machines were reached from it, not the other way round. ");
    kd_out_str(o, ja ? "観測開始より前の出来事は分かりません。" : "What happened before the sensor watched is not known.");
}

/* "At 10:02 …; then …" by stages in the order they were reached. */
static void stages_in_order(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    unsigned told = 0, n = 0;
    for (unsigned i = 0; i < f->y->n; i++) {
        const struct kd_step *t = &f->y->v[i];
        if (!kd_step_weighs(t) || (told >> t->stage & 1) != 0)
            continue;
        told |= 1u << t->stage;
        kd_out_str(o, n++ == 0 ? "" : " → ");
        kd_out_str(o, kd_stage_text((enum kd_stage)t->stage, lang));
        struct kd_date d = kd_date_of(t->first_us, f->b->zone_s);
        kd_out_fmt(o, " (%02u:%02u)", d.hour, d.minute);
    }
}

/* The outside parties, all of them; those that nothing but a low step speaks against are said to be so. */
static void told_places(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    static const char *const before[2][2] = {{"The outside parties are ", "外部の相手は "},
                                             {"Less certain: ", "確かではないが関係が疑われる外部の相手は "}};
    unsigned stages = 1u << KD_STAGE_ENTRY | 1u << KD_STAGE_CONTROL | 1u << KD_STAGE_EXFILTRATION;
    for (enum sureness how = SURE; how <= UNSURE; how++) {
        uint8_t room[512];
        struct kd_out list = kd_out_of(room, sizeof(room));
        if (places(f, stages, how, lang, &list) == 0)
            continue;
        kd_out_str(o, before[how][lang]);
        kd_out_bytes(o, kd_out_bytes_view(&list));
        kd_out_str(o, lang == KD_JA ? " です。" : ". ");
    }
}

/* The gravest step of a stage, the last of equals; NULL: none. */
static const struct kd_step *gravest(const struct kd_story *y, enum kd_stage stage)
{
    const struct kd_step *found = NULL;
    for (unsigned i = 0; i < y->n; i++)
        if (y->v[i].stage == stage && kd_step_weighs(&y->v[i]) && (found == NULL || y->v[i].severity >= found->severity))
            found = &y->v[i];
    return found;
}

void kd_story_summary(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    bool ja = lang == KD_JA;
    kd_text_time(o, f->y->first_us, f->b->zone_s);
    kd_out_str(o, ja ? " から " : " to ");
    kd_text_time(o, f->y->last_us, f->b->zone_s);
    kd_out_str(o, ja ? " の間に、次の順で起きました:" : ", in this order: ");
    stages_in_order(f, lang, o);
    kd_out_str(o, ja ? "。" : ". ");
    uint8_t room[512];
    struct kd_out list = kd_out_of(room, sizeof(room));
    if (names(f, 1u << KD_PART_SPREAD, lang, &list) > 0) {
        kd_out_str(o, ja ? "拡大先は " : "It spread to ");
        kd_out_bytes(o, kd_out_bytes_view(&list));
        kd_out_str(o, ja ? " です。" : ". ");
    }
    list = kd_out_of(room, sizeof(room));
    if (names(f, 1u << KD_PART_ENTERED, lang, &list) > 0) {
        kd_out_str(o, ja ? "ほかに入り込んだ形跡がある端末は " : "There are signs that it also got into ");
        kd_out_bytes(o, kd_out_bytes_view(&list));
        kd_out_str(o, ja ? " です。" : ". ");
    }
    told_places(f, lang, o);
    const struct kd_step *loss = gravest(f->y, KD_STAGE_EXFILTRATION);
    if (loss != NULL) {
        kd_out_str(o, ja ? "持ち出し:" : "What was sent out: ");
        kd_out_bytes(o, kd_bytes_of(loss->title[lang], loss->n_title[lang]));
        kd_out_str(o, ja ? "。" : ".");
    }
}

static void line(struct kd_out *o, const char *text)
{
    kd_out_str(o, o->n > 0 ? "\n" : "");
    kd_out_str(o, text);
}

void kd_story_unknown(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    bool ja = lang == KD_JA;
    if (!has(f, KD_STAGE_ENTRY))
        line(o, ja ? "侵入のきっかけ(メール、Web、USB など)は観測できていません。"
                   : "How it came in (mail, web, USB …) was not seen.");
    if (f->n_entered > 0)
        line(o, ja ? "入り込まれた疑いのある端末で何が行われたか(プログラムの実行やファイルの閲覧)は、通信だけでは分かりません。"
                   : "What was done on the machines with signs of entry (programs run, files looked at) cannot be told from the traffic alone.");
    if (f->n_targeted > 0)
        line(o, ja ? "狙われただけの端末に実際に入られたかどうかは、通信からは分かりません。"
                   : "Whether the machines that were only targeted were really entered cannot be told from the traffic.");
    if (has(f, KD_STAGE_EXFILTRATION))
        line(o, ja ? "送信されたファイルの名前や中身は、暗号化されていれば分かりません。" : "Names and contents of what was sent are not known where it was encrypted.");
    else
        line(o, ja ? "外部への持ち出しは検知していませんが、なかったという証明ではありません。"
                   : "No sending out of data was detected; that does not prove that there was none.");
    if (f->encrypted)
        line(o, ja ? "暗号化された通信でどんな指示があったかは分かりません。"
                   : "What was ordered inside the encrypted sessions is not known.");
    line(o, ja ? "センサーを通らない通信(同じスイッチ内、無線、USB など)は見えません。"
               : "Traffic that does not pass the sensor (within one switch, wireless, USB) is not seen.");
}

static void step_with(struct kd_out *o, const char *before, struct kd_bytes what, const char *after)
{
    kd_out_str(o, o->n > 0 ? "\n" : "");
    kd_out_str(o, before);
    kd_out_bytes(o, what);
    kd_out_str(o, after);
}

void kd_story_do(const struct kd_story_facts *f, enum kd_lang lang, struct kd_out *o)
{
    bool ja = lang == KD_JA;
    uint8_t room[512];
    struct kd_out list = kd_out_of(room, sizeof(room));
    if (names(f, 1u << KD_PART_FIRST | 1u << KD_PART_SPREAD | 1u << KD_PART_SAME, lang, &list) > 0)
        step_with(o, ja ? "ネットワークから切り離す(電源は切らない):" : "Take off the network, but leave switched on: ",
                  kd_out_bytes_view(&list), ja ? "" : ".");
    line(o, ja ? "責任者と、契約しているセキュリティの連絡先に知らせる。端末の初期化や駆除はせず、記録とディスクを保全する。"
               : "Tell the person responsible and your security contact. Clean or reinstall nothing: keep records and disks.");
    unsigned out = 1u << KD_STAGE_CONTROL | 1u << KD_STAGE_EXFILTRATION | 1u << KD_STAGE_ENTRY;
    list = kd_out_of(room, sizeof(room));
    if (places(f, out, SURE, lang, &list) > 0)
        step_with(o, ja ? "業務で使う宛先でないことを確かめ、出口(ファイアウォール)で通信を止める:"
                         : "Make sure that it is no place you work with, then block at the gateway (firewall): ",
                  kd_out_bytes_view(&list), ja ? "" : ".");
    list = kd_out_of(room, sizeof(room));
    if (places(f, out, UNSURE, lang, &list) > 0)
        step_with(o, ja ? "業務で使う宛先か担当者に確かめ、心当たりがなければ同じく止める:"
                         : "Ask whether anybody works with it; if nobody does, block it as well: ",
                  kd_out_bytes_view(&list), ja ? "" : ".");
    list = kd_out_of(room, sizeof(room));
    if (users(f, lang, &list) > 0)
        step_with(o, ja ? "使われたアカウントのパスワードを変更する(管理者権限のあるものを先に):"
                        : "Change the passwords of the accounts used, those with administrator's rights first: ",
                  kd_out_bytes_view(&list), ja ? "" : ".");
    list = kd_out_of(room, sizeof(room));
    if (names(f, 1u << KD_PART_ENTERED | 1u << KD_PART_TARGETED, lang, &list) > 0)
        step_with(o, ja ? "切り離すかどうかを責任者と決める(業務への影響を確かめて)。新しいサービス・タスク・プログラム・アカウントがないか、専門家と調べる:"
                        : "Decide with the person responsible whether to take it off the network too (mind what depends on it), and have it "
                          "searched for new services, tasks, programs and accounts: ",
                  kd_out_bytes_view(&list), ja ? "" : ".");
    if (has(f, KD_STAGE_EXFILTRATION))
        line(o, ja ? "送信前に読み出されたファイルを調べ、個人情報の責任者に連絡する(漏えいのおそれがあれば、個人情報保護委員会への速報は知った日からおおむね 3 日から 5 日以内)。"
                   : "Find out which files were read before the sending, and tell the person in charge of personal data: a suspected leak is to be "
                     "reported to the Personal Information Protection Commission within about 3 to 5 days of knowing of it.");
    if (has(f, KD_STAGE_ENTRY))
        line(o, ja ? "同じ相手・ファイル・差出人に接した端末がほかにないか、下の「範囲」で確かめる。"
                   : "See under “Scope” below which other machines met the same place, file or sender.");
}
