/* SPDX-License-Identifier: Apache-2.0 */
#include "store/outside.h"

#include "store/plain.h"

enum { TOP_JSON = 200, TOP_TEXT = 20 };
#define U(x) ((unsigned long long)(x))

static const char *const grade_key[] = {"no_sign", "maybe", "left"};
static const char *const grade_ja[] = {"情報が外部に出た形跡は見つかりません(見えた範囲で)",
                                       "情報が外部に出た可能性があります — 以下を確認してください",
                                       "情報が外部に送られました — 記録で確認済み"};
static const char *const grade_en[] = {"No sign that data left, as far as was seen",
                                       "Data may have left: look at these",
                                       "Data left: proven by records"};
static const char *const kind_key[KD_OUTSIDE_KINDS] = {"uploads", "files", "logons", "shares"};
static const char *const class_key[KD_OUTSIDE_CLASSES] = {"readable", "encrypted", "unknown"};

/* ---- JSON ---- */

static void put_places(const struct kd_outside *r, struct kd_jw *w)
{
    static const char *const rank[] = {"", "dns", "http", "tls"};
    kd_jw_open(w, "places", '[');
    for (size_t i = 0; i < kd_min_size(r->n_places, TOP_JSON); i++) {
        const struct kd_outside_place *p = &r->place[i];
        kd_jw_open(w, NULL, '{');
        kd_jw_addr(w, "address", &p->addr);
        kd_jw_str(w, "name", p->name);
        kd_jw_str(w, "name_from", rank[p->name_rank]);
        kd_jw_str(w, "certificate", p->subject);
        kd_jw_str(w, "issuer", p->issuer);
        kd_jw_bool(w, "proxy", p->proxy);
        if (r->habit_days > 0)
            kd_jw_bool(w, "new", p->is_new);
        else
            kd_jw_null(w, "new");
        kd_jw_bool(w, "known_to_others", p->site_knew);
        kd_jw_time(w, "first", p->first_us);
        kd_jw_time(w, "last", p->last_us);
        kd_jw_u64(w, "flows", p->flows);
        kd_jw_u64(w, "begun_outside", p->begun_outside);
        kd_jw_u64(w, "bytes_out", p->bytes_out);
        kd_jw_u64(w, "bytes_in", p->bytes_in);
        for (size_t k = 0; k < KD_OUTSIDE_CLASSES; k++)
            kd_jw_u64(w, class_key[k], p->out[k]);
        kd_jw_u64(w, "gap_bytes", p->gap_bytes);
        kd_jw_u64(w, "before_bytes_out", p->before_out);
        kd_jw_u64(w, "before_flows", p->before_flows);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
}

static void put_items(const struct kd_outside *r, struct kd_jw *w)
{
    for (size_t k = 0; k < KD_OUTSIDE_KINDS; k++) {
        kd_jw_open(w, kind_key[k], '[');
        for (size_t i = 0; i < kd_min_size(r->n_items[k], TOP_JSON); i++) {
            const struct kd_outside_item *it = &r->item[k][i];
            kd_jw_open(w, NULL, '{');
            kd_jw_time(w, "time", it->ts_us);
            kd_jw_addr(w, "peer", &it->peer);
            kd_jw_str(w, "how", it->how);
            kd_jw_str(w, "what", it->what);
            kd_jw_u64(w, "bytes", it->bytes);
            kd_jw_u64(w, "read_bytes", it->read_bytes);
            kd_jw_u64(w, "count", it->count);
            kd_jw_str(w, "sha256", it->sha256);
            kd_jw_bool(w, "personal_numbers", it->personal);
            kd_jw_bool(w, "incomplete", it->incomplete);
            kd_jw_close(w, '}');
        }
        kd_jw_close(w, ']');
    }
    kd_jw_open(w, "totals", '{');
    kd_jw_u64(w, "places", r->n_places);
    for (size_t k = 0; k < KD_OUTSIDE_KINDS; k++)
        kd_jw_u64(w, kind_key[k], r->all_items[k]);
    kd_jw_close(w, '}');
}

static void put_detections(const struct kd_outside *r, struct kd_jw *w)
{
    kd_jw_open(w, "detections", '[');
    for (size_t i = 0; i < r->n_detections; i++) {
        const struct kd_outside_detection *d = &r->detection[i];
        kd_jw_open(w, NULL, '{');
        kd_jw_u64(w, "id", d->id);
        kd_jw_str(w, "detection_id", d->detection_id);
        kd_jw_u64(w, "severity", d->severity);
        kd_jw_str(w, "phase", d->leak ? "exfiltration" : "command_and_control");
        kd_jw_addr(w, "peer", &d->peer);
        kd_jw_both(w, "title", kd_str(d->ja), kd_str(d->en));
        kd_jw_u64(w, "count", d->count);
        kd_jw_time(w, "first", d->first_us);
        kd_jw_time(w, "last", d->last_us);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
}

static void put_texts(struct kd_jw *w, const char *key, const struct kd_outside_text *t, size_t n)
{
    kd_jw_open(w, key, '[');
    for (size_t i = 0; i < n; i++)
        kd_jw_both(w, NULL, kd_str(t[i].ja), kd_str(t[i].en));
    kd_jw_close(w, ']');
}

static void put_sensor(const struct kd_outside *r, struct kd_jw *w)
{
    const struct kd_outside_sensor *z = &r->sensor;
    kd_jw_open(w, "sensor", '{');
    kd_jw_time(w, "first_report", z->first_us);
    kd_jw_time(w, "last_report", z->last_us);
    kd_jw_time(w, "oldest_record", z->store_first_us);
    kd_jw_u64(w, "packets", z->packets);
    kd_jw_u64(w, "dropped", z->dropped);
    kd_jw_u64(w, "truncated", z->truncated);
    kd_jw_u64(w, "undecoded", z->undecoded);
    kd_jw_u64(w, "records_lost", z->records_lost);
    kd_jw_u64(w, "packets_not_kept", z->not_kept);
    kd_jw_u64(w, "longest_silence_s", z->silence_us / 1000000);
    kd_jw_u64(w, "parts_stopped", z->exits);
    kd_jw_close(w, '}');
}

void kd_outside_json(const struct kd_outside_ask *ask, const struct kd_outside *r, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_text(w, "asked", ask->host.who);
    kd_jw_open(w, "addresses", '[');
    for (size_t i = 0; i < r->n_addr; i++)
        kd_jw_addr(w, NULL, &r->addr[i]);
    kd_jw_close(w, ']');
    kd_jw_time(w, "from", ask->host.from_us);
    kd_jw_time(w, "to", ask->host.to_us == UINT64_MAX ? 0 : ask->host.to_us);
    kd_jw_str(w, "grade", grade_key[r->grade]);
    kd_jw_both(w, "verdict", kd_str(grade_ja[r->grade]), kd_str(grade_en[r->grade]));
    put_texts(w, "reasons", r->reason, r->n_reasons);
    put_texts(w, "not_seen", r->unseen, r->n_unseen);
    kd_jw_u64(w, "judged_pct", kd_outside_judged(r));
    kd_jw_u64(w, "records", r->records);
    kd_jw_time(w, "first", r->first_us);
    kd_jw_time(w, "last", r->last_us);
    kd_jw_u64(w, "bytes_out", r->bytes_out);
    kd_jw_u64(w, "bytes_in", r->bytes_in);
    for (size_t k = 0; k < KD_OUTSIDE_CLASSES; k++)
        kd_jw_u64(w, class_key[k], r->out[k]);
    kd_jw_u64(w, "gap_bytes", r->gap_bytes);
    kd_jw_u64(w, "new_places", r->n_new);
    kd_jw_open(w, "habit", '{');
    kd_jw_u64(w, "days", r->habit_days);
    kd_jw_u64(w, "median_bytes_out", r->habit_median);
    kd_jw_u64(w, "busiest_bytes_out", r->busiest);
    kd_jw_time(w, "busiest_from", r->busiest_us);
    kd_jw_close(w, '}');
    put_places(r, w);
    put_items(r, w);
    put_detections(r, w);
    put_sensor(r, w);
    kd_jw_bool(w, "cut", r->cut);
    kd_jw_u64(w, "unreadable_blocks", r->unreadable);
    kd_jw_u64(w, "left_out", r->left_out);
    kd_jw_close(w, '}');
}

/* ---- text ---- */

static void say_texts(struct kd_heap *h, const char *title, const struct kd_outside_text *t,
                      size_t n, bool ja)
{
    kd_heap_say(h, "\n%s\n", title);
    for (size_t i = 0; i < n; i++)
        kd_heap_say(h, "  - %s\n", ja ? t[i].ja : t[i].en);
}

static void say_places(const struct kd_outside_ask *ask, const struct kd_outside *r, bool ja,
                       struct kd_heap *h)
{
    char a[48], b[48], text[160], cert[160], out[24], in[24], enc[24], before[24];
    kd_heap_say(h,
        ja ? "\n外部の通信先(%zu 箇所、うち初めて %zu 箇所。送信量の多い順)\n"
           : "\nOutside places (%zu, %zu of them new; most sent first)\n",
        r->n_places, r->n_new);
    for (size_t i = 0; i < kd_min_size(r->n_places, TOP_TEXT); i++) {
        const struct kd_outside_place *p = &r->place[i];
        kd_heap_say(h, "  %s  %s%s%s%s\n", kd_addr_text(&p->addr, a), kd_plain_text(p->name, text),
            p->proxy ? (ja ? "  [プロキシ]" : "  [proxy]") : "",
            p->is_new ? (ja ? "  [初めて]" : "  [new]") : "",
            p->site_knew ? (ja ? " [他の端末は以前から]" : " [known to others here]") : "");
        kd_heap_say(h,
            ja ? "      送信 %s(見えない %s) 受信 %s  %llu 回  %s - %s  以前の送信 %s\n"
               : "      sent %s (%s unreadable), received %s, %llu times, %s - %s; sent before "
                 "%s\n",
            kd_plain_size(p->bytes_out, out),
            kd_plain_size(p->out[KD_OUTSIDE_ENCRYPTED] + p->out[KD_OUTSIDE_UNKNOWN], enc),
            kd_plain_size(p->bytes_in, in), U(p->flows), kd_plain_time(p->first_us, ask->host.zone_s, false, a),
            kd_plain_time(p->last_us, ask->host.zone_s, false, b), kd_plain_size(p->before_out, before));
        if (p->subject[0] != '\0')
            kd_heap_say(h, ja ? "      証明書 %s / 発行者 %s\n" : "      certificate %s / issuer %s\n",
                kd_plain_text(p->subject, text), kd_plain_text(p->issuer, cert));
    }
}

static void say_items(const struct kd_outside_ask *ask, const struct kd_outside *r, bool ja,
                      struct kd_heap *h)
{
    static const char *const title[KD_OUTSIDE_KINDS][2] = {
        {"Sent: large bodies, attachments, stored files", "外部への送信(大きなデータ・添付・保存)"},
        {"Files seen on their way out", "外部に送られたファイル"},
        {"Logons from and to it", "ログオン(この端末から・この端末へ)"},
        {"Shared folders it used (bytes written / read)",
         "利用した共有フォルダー(書き込み/読み取り)"}};
    char a[48], t[48], what[160], how[160], size[24], read[24];
    for (size_t k = 0; k < KD_OUTSIDE_KINDS; k++) {
        kd_heap_say(h, "\n%s (%llu)\n", title[k][ja], U(r->all_items[k]));
        for (size_t i = 0; i < kd_min_size(r->n_items[k], TOP_TEXT); i++) {
            const struct kd_outside_item *it = &r->item[k][i];
            kd_heap_say(h, "  %s  %s  %s  %s", kd_plain_time(it->ts_us, ask->host.zone_s, false, t),
                kd_addr_text(&it->peer, a), kd_plain_text(it->how, how), kd_plain_text(it->what, what));
            if (k != KD_OUTSIDE_LOGON)
                kd_heap_say(h, "  %s", kd_plain_size(it->bytes, size));
            if (k == KD_OUTSIDE_SHARE)
                kd_heap_say(h, " / %s", kd_plain_size(it->read_bytes, read));
            if (it->sha256[0] != '\0')
                kd_heap_say(h, "  sha256 %s", it->sha256);
            kd_heap_say(h, "%s%s\n",
                it->personal ? (ja ? "  [個人の番号あり]" : "  [personal numbers]") : "",
                it->incomplete ? (ja ? "  [一部のみ観測]" : "  [not seen whole]") : "");
        }
    }
}

static void say_head(const struct kd_outside_ask *ask, const struct kd_outside *r, bool ja,
                     struct kd_heap *h)
{
    char a[48], b[48], out[24], in[24], median[24], busiest[24];
    kd_heap_say(h, ja ? "外部への通信:端末 " : "What went outside: host ");
    for (size_t i = 0; i < r->n_addr; i++)
        kd_heap_say(h, "%s%s", i > 0 ? ", " : "", kd_addr_text(&r->addr[i], a));
    kd_heap_say(h, "\n%s: %s - %s\n", ja ? "期間" : "Time asked for",
        ask->host.from_us == 0 ? (ja ? "最初の記録" : "the first record")
                               : kd_plain_time(ask->host.from_us, ask->host.zone_s, false, a),
        ask->host.to_us == UINT64_MAX ? (ja ? "最後の記録" : "the last record")
                                      : kd_plain_time(ask->host.to_us, ask->host.zone_s, false, b));
    kd_heap_say(h, "%s: %s - %s\n\n", ja ? "この端末の記録" : "Its records",
        kd_plain_time(r->first_us, ask->host.zone_s, false, a), kd_plain_time(r->last_us, ask->host.zone_s, false, b));
    kd_heap_say(h, "%s: %s\n", ja ? "結論" : "Conclusion", ja ? grade_ja[r->grade] : grade_en[r->grade]);
    kd_heap_say(h,
        ja ? "外部へ送信 %s、受信 %s。送信のうち中身を確かめられた割合 %u%%。\n"
           : "Sent outside %s, received %s. Of what was sent, %u%% could be read.\n",
        kd_plain_size(r->bytes_out, out), kd_plain_size(r->bytes_in, in), kd_outside_judged(r));
    if (r->habit_days > 0)
        kd_heap_say(h,
            ja ? "最も多い日 %s、普段の 1 日 %s(前の %u 日分の中央値)。\n"
               : "Busiest day %s, a usual day %s (median of %u day(s) before).\n",
            kd_plain_size(r->busiest, busiest), kd_plain_size(r->habit_median, median), r->habit_days);
}

void kd_outside_text(const struct kd_outside_ask *ask, const struct kd_outside *r, bool ja,
                     struct kd_heap *h)
{
    char t[48];
    say_head(ask, r, ja, h);
    say_texts(h, ja ? "理由" : "Reasons", r->reason, r->n_reasons, ja);
    say_texts(h, ja ? "見えなかったもの" : "What could not be seen", r->unseen, r->n_unseen, ja);
    kd_heap_say(h, "\n%s (%zu)\n",
        ja ? "検知(持ち出し・外部からの操作)" : "Detections (data leaving, control from outside)",
        r->n_detections);
    for (size_t i = 0; i < kd_min_size(r->n_detections, TOP_TEXT); i++)
        kd_heap_say(h, "  %s  %s  %s  x%llu\n", kd_plain_time(r->detection[i].last_us, ask->host.zone_s, false, t),
            r->detection[i].detection_id, ja ? r->detection[i].ja : r->detection[i].en,
            U(r->detection[i].count));
    say_places(ask, r, ja, h);
    say_items(ask, r, ja, h);
}
