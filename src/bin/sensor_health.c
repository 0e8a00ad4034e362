/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to the sensor itself, in words for an officer: as records into brain, and in a file
 * that `kidoban status` reads. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/json.h"
#include "bin/say.h"
#include "bin/sensor.h"
#include "os/clock.h"
#include "os/edge.h"
#include "os/fd.h"
#include "wire/record.h"

enum { TEXT_MAX = 400, PARENT_NUMBER = 254 }; /* engines count from 0, brain is 255 */

static const char *role_ja(enum kd_proc role)
{
    switch (role) {
    case KD_PROC_ENGINE:
        return "通信の解析";
    case KD_PROC_BRAIN:
        return "検知の判断";
    case KD_PROC_STORE:
        return "記録の保存";
    case KD_PROC_WEB:
        return "画面の表示";
    case KD_PROC_GATE:
        return "お知らせの送信";
    case KD_PROC_LISTS:
        return "不審オブジェクトの一覧の読み取り";
    case KD_PROC_BOX:
        return "ファイルの検査";
    case KD_PROC_DIAL:
    case KD_PROC_COMPILE:
    case KD_PROC_FETCH:
    case KD_PROC_UPDATE:
    case KD_PROC_READER:
    case KD_PROC_COUNT:
        break;
    }
    return "";
}

/* Record numbers of the parent: above them its place among the writers, below a clock, so that they
 * differ from one run to the next. */
static uint64_t next_id(uint64_t now_us)
{
    static uint64_t last;
    uint64_t ms = now_us / KD_US_PER_MS & (((uint64_t)1 << 40) - 1);
    last = ms > last ? ms : last + 1;
    return (uint64_t)PARENT_NUMBER << 40 | last;
}

/* Never waits: when brain is that far behind, the page has more pressing news.  A replay at full
 * speed tells nothing but deaths, so that two runs give the same. */
static void tell(struct kd_sensor *s, const struct kd_rec_health *h)
{
    static uint8_t room[4096];
    struct kd_clock clock = kd_os_clock();
    uint64_t now_us = kd_now_us(&clock);
    struct kd_rec_head head = {
        .ts_us = now_us, .type = KD_REC_HEALTH, .engine = PARENT_NUMBER, .id = next_id(now_us)};
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (kd_record_put(&o, &head, h) == KD_OK)
        kd_ignore(kd_edge_offer(s->edges[KD_EDGE_RECORDS][0], kd_out_bytes_view(&o), NULL, 0));
}

void kd_health_started(struct kd_sensor *s, const struct kd_child *c)
{
    char ja[TEXT_MAX], en[TEXT_MAX];
    bool again = c->restarts > 0;
    snprintf(ja, sizeof(ja), "%s(%s)が%s動き始めました。", role_ja(c->role), c->name,
             again ? "再び" : "");
    snprintf(en, sizeof(en), "%s is running%s", c->name, again ? " again" : "");
    struct kd_rec_health h = {.kind = kd_str("role_start"),
                              .role = kd_str(c->name),
                              .state = kd_str("running"),
                              .pid = (uint32_t)c->pid,
                              .restarts = c->restarts,
                              .text_ja = kd_str(ja),
                              .text_en = kd_str(en)};
    if (again || s->plan.n_files == 0 || s->plan.realtime || s->plan.loop)
        tell(s, &h);
    kd_health_status_file(s);
}

/* "by signal 9", "with exit status 1", "stopped by its sandbox". */
static void cause(int wait_status, char ja[80], char en[80])
{
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGSYS) {
        snprintf(ja, 80, "許可されていない操作を試みたため保護機能が停止");
        snprintf(en, 80, "was stopped by its sandbox (a system call that is not permitted)");
    } else if (WIFSIGNALED(wait_status)) {
        snprintf(ja, 80, "シグナル %d により終了", WTERMSIG(wait_status));
        snprintf(en, 80, "ended by signal %d", WTERMSIG(wait_status));
    } else {
        snprintf(ja, 80, "終了コード %d で終了", WEXITSTATUS(wait_status));
        snprintf(en, 80, "ended with exit status %d", WEXITSTATUS(wait_status));
    }
}

void kd_health_ended(struct kd_sensor *s, const struct kd_child *c, int wait_status,
                     uint64_t wait_us)
{
    char ja[TEXT_MAX], en[TEXT_MAX], how_ja[80], how_en[80];
    bool failed = c->state == KD_CHILD_FAILED;
    double wait_s = (double)wait_us / KD_US_PER_S;
    cause(wait_status, how_ja, how_en);
    snprintf(ja, sizeof(ja),
             failed ? "%s(%s)が%sしました。繰り返し止まるため、%.0f "
                      "秒後まで再起動を待ちます。保守の担当に連絡してください。"
                    : "%s(%s)が%sしました。%.1f 秒後に再起動します。",
             role_ja(c->role), c->name, how_ja, wait_s);
    snprintf(en, sizeof(en),
             failed ? "%s %s; it ends again and again and is not restarted for %.0f s: call support"
                    : "%s %s, restarted in %.1f s",
             c->name, how_en, wait_s);
    struct kd_rec_health h = {.kind = kd_str("role_exit"),
                              .role = kd_str(c->name),
                              .state = kd_str(failed ? "failed" : "restarting"),
                              .pid = (uint32_t)c->pid,
                              .restarts = c->restarts,
                              .value =
                                  (uint64_t)(WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
                                                                      : WEXITSTATUS(wait_status)),
                              .text_ja = kd_str(ja),
                              .text_en = kd_str(en)};
    tell(s, &h);
    (void)kd_say(0, s->plan.command, "%s", kd_say_japanese() ? ja : en);
}

void kd_health_reduced(struct kd_sensor *s)
{
    struct kd_rec_health h = {
        .kind = kd_str("config"),
        .role = kd_str("parent"),
        .state = kd_str("low"),
        .text_ja = kd_str("設定により保護機能(sandbox)"
                          "を弱めて動いています。名前空間を使える環境に移すことを勧めます。"),
        .text_en = kd_str("running with the reduced sandbox, as configured; a system that gives "
                          "namespaces is better")};
    tell(s, &h);
}

static const char *state_name(enum kd_child_state state)
{
    switch (state) {
    case KD_CHILD_OFF:
    case KD_CHILD_DONE:
        return "stopped";
    case KD_CHILD_STARTING:
        return "starting";
    case KD_CHILD_RUNNING:
        return "running";
    case KD_CHILD_WAITING:
        return "restarting";
    case KD_CHILD_FAILED:
        return "failed";
    }
    return "";
}

static void put_child(struct kd_out *o, const struct kd_child *c, bool first)
{
    kd_out_str(o, first ? "{" : ",{");
    kd_json_key(o, "role");
    kd_json_string(o, kd_str(c->name));
    kd_out_fmt(o, ",\"pid\":%d,\"restarts\":%u,\"state\":\"%s\"}", (int)c->pid, c->restarts,
               state_name(c->state));
}

/* Gate is not believed: what it says is read as foreign. */
void kd_health_channel(struct kd_sensor *s, struct kd_bytes message)
{
    struct kd_notice_message m;
    struct kd_bytes kept = kd_bytes_of(s->channel_text, kd_min_size(message.n, sizeof(s->channel_text)));
    if (kept.n > 0)
        memcpy(s->channel_text, message.p, kept.n);
    s->channel_known = kd_notice_read(kept, &m) == KD_OK && m.tag == KD_NOTICE_CHANNEL;
    if (!s->channel_known)
        return;
    s->channel = m.channel;
    kd_health_status_file(s);
}

static void put_channel(struct kd_out *o, const struct kd_notice_channel *c)
{
    static const char *const states[KD_CHANNEL_STATES] = {"unknown", "ok", "failing", "dead"};
    kd_out_fmt(o, ",\"notices\":{\"state\":\"%s\",\"waiting\":%u", states[c->state], (unsigned)c->waiting);
    kd_json_moment(o, "ok", c->ok_us, KD_ZONE_JAPAN_S);
    kd_json_moment(o, "failed", c->fail_us, KD_ZONE_JAPAN_S);
    const struct {
        const char *key;
        struct kd_bytes text;
    } texts[] = {{"reason", c->reason}, {"why_ja", c->why.ja}, {"why_en", c->why.en}, {"answer", c->answer}};
    for (size_t i = 0; i < KD_COUNT(texts); i++) {
        kd_out_str(o, ",");
        kd_json_key(o, texts[i].key);
        kd_json_string(o, texts[i].text);
    }
    kd_out_str(o, "}");
}

static void put_rules(struct kd_out *o, const struct kd_rules_in_force *r)
{
    static const char *const states[] = {"none", "compiling", "in_force", "failed"};
    kd_out_fmt(o, ",\"rules\":{\"state\":\"%s\",\"serial\":%u,\"files\":%u,\"read\":%u,\"loaded\":%u,\"refused\":%u",
               states[r->state], r->serial, r->counts.files, r->counts.read, r->counts.loaded, r->counts.refused);
    kd_json_moment(o, "since", r->since_us, KD_ZONE_JAPAN_S);
    kd_out_str(o, ",");
    kd_json_key(o, "why");
    kd_json_string(o, kd_str(r->why));
    kd_out_str(o, "}");
}

/* New rules, or why the old ones stay. */
void kd_health_rules(struct kd_sensor *s)
{
    char ja[TEXT_MAX], en[TEXT_MAX];
    const struct kd_rules_in_force *r = &s->rules;
    bool bad = r->state == KD_RULES_FAILED;
    if (bad) {
        snprintf(ja, sizeof(ja), "新しいルールを有効にできませんでした(%s)。これまでのルールで監視を続けます。"
                 "kidoban rules check でルールを確かめてください。", r->why);
        snprintf(en, sizeof(en), "new rules could not be put in force (%s); watching goes on with the former ones: "
                 "try kidoban rules check", r->why);
    } else {
        snprintf(ja, sizeof(ja), "ルールを有効にしました: %u 件(読めなかったもの %u 件)。", r->counts.loaded,
                 r->counts.refused);
        snprintf(en, sizeof(en), "rules in force: %u (%u refused)", r->counts.loaded, r->counts.refused);
    }
    struct kd_rec_health h = {.kind = kd_str("rules"),
                              .role = kd_str("parent"),
                              .state = kd_str(bad ? "failed" : "running"),
                              .value = r->counts.loaded,
                              .text_ja = kd_str(ja),
                              .text_en = kd_str(en)};
    if (r->state != KD_RULES_NONE && (s->plan.n_files == 0 || s->plan.realtime || s->plan.loop))
        tell(s, &h);
    kd_health_status_file(s);
}

/* ---- sources ---- */

void kd_health_update(struct kd_sensor *s, const struct kd_update_source *source, const struct kd_update_row *row)
{
    char ja[TEXT_MAX], en[TEXT_MAX];
    bool bad = row->fails > 0;
    const char *what_ja = source->rules ? "ルール" : "不審オブジェクトの一覧", *what_en = source->rules ? "rules" : "list";
    enum kd_fetched outcome = (enum kd_fetched)row->outcome;
    if (bad) {
        snprintf(ja, sizeof(ja), "%s「%.63s」を取得できませんでした。%s(%.80s)。これまでのものを使い続けます。", what_ja,
                 source->name, kd_fetched_text(outcome, true), row->why[0] != '\0' ? row->why : kd_fetched_word(outcome));
        snprintf(en, sizeof(en), "%s \"%.63s\" could not be fetched: %s (%.80s); the former stays in force", what_en, source->name,
                 kd_fetched_text(outcome, false), row->why[0] != '\0' ? row->why : kd_fetched_word(outcome));
    } else {
        bool fresh = outcome == KD_FETCHED_NEW;
        snprintf(ja, sizeof(ja), fresh ? "%s「%.63s」の新しいものを取得しました(%llu バイト)。"
                                       : "%s「%.63s」を再び取得できるようになりました(変更なし、%llu バイト)。",
                 what_ja, source->name, (unsigned long long)row->bytes);
        snprintf(en, sizeof(en), fresh ? "%s \"%.63s\": new, %llu bytes" : "%s \"%.63s\" can be fetched again: unchanged, %llu bytes",
                 what_en, source->name, (unsigned long long)row->bytes);
    }
    struct kd_rec_health h = {.kind = kd_str("update"),
                              .role = kd_str("parent"),
                              .state = kd_str(bad ? "failed" : "running"),
                              .value = row->bytes,
                              .text_ja = kd_str(ja),
                              .text_en = kd_str(en)};
    tell(s, &h);
    (void)kd_say(0, s->plan.command, "%s", kd_say_japanese() ? ja : en);
}

void kd_health_update_alarm(struct kd_sensor *s, const struct kd_update_source *source, const struct kd_update_row *row)
{
    char ja[TEXT_MAX] = "ルールと一覧はすべて取得できています。", en[TEXT_MAX] = "all rules and lists can be fetched";
    if (source != NULL) {
        struct kd_clock clock = kd_os_clock();
        uint64_t since_us = row->failing_us != 0 ? row->failing_us : row->ok_us;
        uint64_t hours = (kd_now_us(&clock) - since_us) / KD_US_PER_HOUR;
        snprintf(ja, sizeof(ja), "「%.63s」を %llu 時間取得できていません。%s。", source->name, (unsigned long long)hours,
                 kd_fetched_text((enum kd_fetched)row->outcome, true));
        snprintf(en, sizeof(en), "\"%.63s\" could not be fetched for %llu hours: %s", source->name, (unsigned long long)hours,
                 kd_fetched_text((enum kd_fetched)row->outcome, false));
    }
    struct kd_rec_health h = {.kind = kd_str("update_alarm"),
                              .role = kd_str("parent"),
                              .state = kd_str(source != NULL ? "failed" : "running"),
                              .text_ja = kd_str(ja),
                              .text_en = kd_str(en)};
    tell(s, &h);
}

static void put_updates(struct kd_out *o, const struct kd_sensor *s)
{
    static struct kd_update_source source[KD_UPDATE_ROWS];
    size_t n = s->plan.n_files > 0 ? 0 : kd_update_sources(s->plan.config, source);
    if (n == 0)
        return;
    kd_out_str(o, ",\"updates\":[");
    for (size_t i = 0; i < n; i++) {
        kd_out_str(o, i > 0 ? "," : "");
        kd_update_json(o, &source[i], kd_updates_find(&s->updates.state, source[i].id), KD_ZONE_JAPAN_S);
    }
    kd_out_str(o, "]");
}

/* Written beside and renamed, so that a reader finds a whole one. */
void kd_health_status_file(const struct kd_sensor *s)
{
    static uint8_t room[KD_CHILDREN_MAX * 120 + 8192 + KD_UPDATE_ROWS * 700];
    if (s->dir_fd < 0)
        return;
    struct kd_clock clock = kd_os_clock();
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_fmt(&o, "{\"pid\":%d,\"time\":\"", (int)getpid());
    kd_out_time(&o, kd_now_us(&clock), KD_ZONE_JAPAN_S);
    kd_out_str(&o, "\",");
    kd_json_key(&o, "url");
    kd_json_string(&o, kd_str(s->url));
    kd_out_fmt(&o, ",\"sandbox\":\"%s\",\"roles\":[", s->plan.config->sandbox);
    for (size_t i = 0; i < s->n_children; i++)
        if (s->child[i].role != KD_PROC_DIAL && s->child[i].role != KD_PROC_COMPILE &&
            s->child[i].role != KD_PROC_LISTS && s->child[i].role != KD_PROC_UPDATE) /* come and go */
            put_child(&o, &s->child[i], i == 0);
    kd_out_str(&o, "]");
    if (s->channel_known)
        put_channel(&o, &s->channel);
    put_rules(&o, &s->rules);
    put_updates(&o, s);
    kd_out_str(&o, "}\n");
    KD_AUTO_FD fd = openat(s->dir_fd, "status.new",
                           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || kd_fd_write_all(fd, kd_out_bytes_view(&o)) != KD_OK)
        return; /* a full disk: told where records are lost, not here */
    (void)renameat(s->dir_fd, "status.new", s->dir_fd, "status.json");
}
