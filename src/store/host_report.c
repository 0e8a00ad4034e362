/* SPDX-License-Identifier: Apache-2.0 */
#include "store/host_report.h"


#include "store/hosts.h"
#include "store/plain.h"
#include "store/tally.h"

enum { TOP = 50 };

struct collect {
    const struct kd_host_ask *ask;
    struct kd_host_report *rep;
    struct kd_tally peer, named[KD_NAMED_KINDS];
};

/* What a row of a type is summed up by: columns found once per group, not once per row. */
enum { PARTS = 4 };
static const char *const part_paths[KD_TYPES][PARTS] = {
    [KD_REC_FLOW] = {"src_ip", "dest_ip", "flow.bytes_toserver", "flow.bytes_toclient"},
    [KD_REC_DNS] = {"dns.rrname"},
    [KD_REC_HTTP] = {"http.hostname"},
    [KD_REC_TLS] = {"tls.sni"},
    [KD_REC_LOGIN] = {"login.result", "login.service", "login.user"},
    [KD_REC_SMB] = {"smb.share", "smb.filename"},
    [KD_REC_FILE] = {"fileinfo.filename"},
};

struct parts {
    const struct kd_loaded *c[PARTS];
};

static size_t leaf_of(const struct kd_layout *l, const char *path)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->leaf[i].path, path) == 0 && l->leaf[i].parent == 0 && !l->leaf[i].is_item)
            return i;
    return SIZE_MAX;
}

static struct parts parts_of(struct kd_block_reader *r, size_t group, const struct kd_layout *l)
{
    struct parts p = {{NULL}};
    enum kd_status s;
    for (size_t i = 0; i < PARTS && part_paths[l->schema->id][i] != NULL; i++) {
        size_t leaf = leaf_of(l, part_paths[l->schema->id][i]);
        p.c[i] = leaf == SIZE_MAX ? NULL : kd_block_column(r, group, leaf, &s);
    }
    return p;
}

static struct kd_bytes text_at(const struct kd_loaded *c, uint32_t row)
{
    if (c == NULL || c->code == NULL || c->code[row] == 0)
        return kd_bytes_of(NULL, 0);
    return kd_loaded_entry(c, c->code[row] - 1);
}

static uint64_t number_at(const struct kd_loaded *c, uint32_t row)
{
    return c == NULL || c->number == NULL ? 0 : c->number[row];
}

static bool is_ours(const struct kd_host_report *rep, struct kd_bytes a)
{
    for (size_t i = 0; i < rep->n_addr; i++)
        if (kd_bytes_eq(a, kd_bytes_of(rep->addr[i].b, sizeof(rep->addr[i].b))))
            return true;
    return false;
}

static void add_named(struct collect *c, enum kd_named_kind kind, uint64_t ts, struct kd_bytes a,
                      const char *sep, struct kd_bytes b)
{
    char key[128] = {0};
    struct kd_out o = kd_out_of(key, sizeof(key) - 1);
    kd_out_bytes(&o, kd_bytes_head(a, 100));
    if (a.n > 0 && b.n > 0)
        kd_out_str(&o, sep);
    kd_out_bytes(&o, kd_bytes_head(b, sizeof(key) - 1 - o.n));
    if (o.n == 0)
        return;
    struct kd_named *n = kd_tally_get(&c->named[kind], key);
    if (n == NULL)
        return;
    n->count++;
    n->first_us = n->first_us == 0 ? ts : kd_min_u64(n->first_us, ts);
    n->last_us = kd_max_u64(n->last_us, ts);
}

static void add_flow(struct collect *c, const struct parts *p, uint32_t row, uint64_t ts)
{
    struct kd_bytes src = text_at(p->c[0], row);
    struct kd_bytes dst = text_at(p->c[1], row);
    uint64_t to_server = number_at(p->c[2], row);
    uint64_t to_client = number_at(p->c[3], row);
    bool out = is_ours(c->rep, src);
    struct kd_bytes other = out ? dst : src;
    c->rep->flows_out += out;
    c->rep->flows_in += !out;
    c->rep->bytes_out += out ? to_server : to_client;
    c->rep->bytes_in += out ? to_client : to_server;
    struct kd_peer *peer = other.n == sizeof(struct kd_addr) ? kd_tally_get(&c->peer, other.p) : NULL;
    if (peer == NULL)
        return;
    peer->flows++;
    peer->bytes_out += out ? to_server : to_client;
    peer->bytes_in += out ? to_client : to_server;
    peer->last_us = kd_max_u64(peer->last_us, ts);
}

static void add_row(struct collect *c, unsigned type, const struct parts *p, uint32_t row,
                    uint64_t ts)
{
    static const struct kd_bytes none = {NULL, 0};
    struct kd_bytes text = type == KD_REC_FLOW ? none : text_at(p->c[0], row);
    switch (type) {
    case KD_REC_FLOW:
        add_flow(c, p, row, ts);
        break;
    case KD_REC_DNS:
        add_named(c, KD_NAMED_DNS, ts, text, "", none);
        break;
    case KD_REC_HTTP:
    case KD_REC_TLS:
        add_named(c, KD_NAMED_SITE, ts, text, "", none);
        break;
    case KD_REC_LOGIN: {
        char both[120];
        struct kd_out o = kd_out_of(both, sizeof(both));
        kd_out_bytes(&o, kd_bytes_head(text, 20));
        kd_out_str(&o, " ");
        kd_out_bytes(&o, kd_bytes_head(text_at(p->c[1], row), 20));
        add_named(c, KD_NAMED_LOGIN, ts, kd_out_bytes_view(&o), " ", text_at(p->c[2], row));
        break;
    }
    case KD_REC_SMB:
        add_named(c, KD_NAMED_SHARE, ts, text, "\\", text_at(p->c[1], row));
        break;
    case KD_REC_FILE:
        add_named(c, KD_NAMED_FILE, ts, text, "", none);
        break;
    default:
        break;
    }
}

static bool visit(void *arg, struct kd_block_reader *r, size_t group, const uint32_t *row, size_t n)
{
    struct collect *c = arg;
    const struct kd_layout *l = kd_layout_of(kd_block_current(r)->group[group].type);
    enum kd_status s;
    const struct kd_loaded *ts = kd_block_column(r, group, KD_LEAF_TS, &s);
    struct parts parts = parts_of(r, group, l);
    c->rep->records += n;
    c->rep->by_type[l->schema->id] += n;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = ts == NULL ? 0 : ts->number[row[i]];
        c->rep->first_us = c->rep->first_us == 0 ? at : kd_min_u64(c->rep->first_us, at);
        c->rep->last_us = kd_max_u64(c->rep->last_us, at);
        add_row(c, l->schema->id, &parts, row[i], at);
    }
    return true;
}

enum kd_status kd_host_expr(const struct kd_addr *addr, size_t n_addr, int zone_s,
                            struct kd_hunt_expr **ret, struct kd_err *err)
{
    static const char *const fields[] = {"src_ip", "dest_ip", "dhcp.assigned_ip", "detection.host",
                                         "host.address"};
    uint8_t text[KD_HUNT_TEXT_MAX];
    struct kd_out o = kd_out_of(text, sizeof(text));
    for (size_t f = 0; f < KD_COUNT(fields); f++) {
        kd_out_fmt(&o, "%s%s in (", f > 0 ? " or " : "", fields[f]);
        for (size_t i = 0; i < n_addr; i++) {
            kd_out_str(&o, i > 0 ? "," : "");
            kd_out_addr(&o, &addr[i]);
        }
        kd_out_str(&o, ")");
    }
    KD_ASSERT(kd_out_ok(&o));
    return kd_hunt_parse(kd_out_bytes_view(&o), zone_s, ret, err);
}

static int by_bytes(const void *a, const void *b)
{
    const struct kd_peer *x = a;
    const struct kd_peer *y = b;
    uint64_t m = x->bytes_out + x->bytes_in;
    uint64_t n = y->bytes_out + y->bytes_in;
    return m != n ? (m > n ? -1 : 1) : kd_addr_cmp(&x->addr, &y->addr);
}

static int by_count(const void *a, const void *b)
{
    const struct kd_named *x = a;
    const struct kd_named *y = b;
    return x->count != y->count ? (x->count > y->count ? -1 : 1)
                                : memcmp(x->text, y->text, sizeof(x->text));
}

static void hand_over(struct collect *c)
{
    struct kd_host_report *rep = c->rep;
    rep->peer = (struct kd_peer *)(void *)c->peer.v;
    rep->n_peers = c->peer.n;
    if (rep->n_peers > 0)
        qsort(rep->peer, rep->n_peers, sizeof(*rep->peer), by_bytes);
    free(c->peer.slot);
    for (size_t k = 0; k < KD_NAMED_KINDS; k++) {
        rep->named[k] = (struct kd_named *)(void *)c->named[k].v;
        rep->n_named[k] = c->named[k].n;
        if (rep->n_named[k] > 0)
            qsort(rep->named[k], rep->n_named[k], sizeof(*rep->named[k]), by_count);
        free(c->named[k].slot);
    }
}

enum kd_status kd_host_addresses(const struct kd_host_ask *ask, struct kd_addr *ret, size_t *ret_n,
                                 struct kd_err *err)
{
    enum kd_status s = KD_OK;
    *ret_n = 0;
    if (kd_addr_parse(ask->who, &ret[0]))
        *ret_n = 1;
    else if (ask->meta != NULL && ask->meta->db != NULL)
        s = kd_host_resolve(ask->meta, ask->who, ret, KD_HOST_ADDRS_MAX, ret_n);
    if (s == KD_OK && *ret_n == 0)
        return kd_fail(err, KD_NOT_FOUND, 0, "no host of this address or name is known");
    return s;
}

enum kd_status kd_host_report(const struct kd_host_ask *ask, struct kd_host_report *ret,
                              struct kd_err *err)
{
    *ret = (struct kd_host_report){0};
    enum kd_status s = kd_host_addresses(ask, ret->addr, &ret->n_addr, err);
    struct kd_hunt_expr *e = NULL;
    if (s == KD_OK)
        s = kd_host_expr(ret->addr, ret->n_addr, ask->zone_s, &e, err);
    if (s != KD_OK)
        return s;
    struct collect c = {.ask = ask, .rep = ret};
    bool ready = kd_tally_init(&c.peer, sizeof(struct kd_peer), sizeof(struct kd_addr));
    for (size_t k = 0; k < KD_NAMED_KINDS; k++)
        ready = kd_tally_init(&c.named[k], sizeof(struct kd_named),
                           sizeof(((struct kd_named *)0)->text)) &&
                ready;
    struct kd_hunt_query q = {.expr = e,
                              .from_us = ask->from_us,
                              .to_us = ask->to_us,
                              .clock = ask->clock,
                              .deadline_us = ask->deadline_us,
                              .cancel = ask->cancel,
                              .threads = ask->threads,
                              .zone_s = ask->zone_s,
                              .limit = ask->limit,
                              .max_bytes = 64 << 20};
    struct kd_hunt_visitor v = {.visit = visit, .arg = &c};
    s = ready ? kd_hunt_scan(&q, ask->src, &v, &ret->stats) : KD_NO_MEMORY;
    hand_over(&c);
    if (s == KD_OK && ask->limit > 0)
        s = kd_hunt(&q, ask->src, &ret->newest);
    kd_hunt_expr_free(e);
    if (s != KD_OK)
        kd_host_report_done(ret);
    return s == KD_OK ? KD_OK : kd_fail(err, s, 0, "search of the evidence");
}

void kd_host_report_done(struct kd_host_report *r)
{
    free(r->peer);
    for (size_t k = 0; k < KD_NAMED_KINDS; k++)
        free(r->named[k]);
    kd_hunt_result_done(&r->newest);
    *r = (struct kd_host_report){0};
}

static const char *const named_keys[KD_NAMED_KINDS] = {"dns_names", "sites", "logons", "shares",
                                                       "files"};

static void put_names(const struct kd_host_report *r, struct kd_jw *w)
{
    for (size_t k = 0; k < KD_NAMED_KINDS; k++) {
        kd_jw_open(w, named_keys[k], '[');
        for (size_t i = 0; i < kd_min_size(r->n_named[k], TOP); i++) {
            const struct kd_named *n = &r->named[k][i];
            kd_jw_open(w, NULL, '{');
            kd_jw_str(w, "text", n->text);
            kd_jw_u64(w, "count", n->count);
            kd_jw_time(w, "first", n->first_us);
            kd_jw_time(w, "last", n->last_us);
            kd_jw_close(w, '}');
        }
        kd_jw_close(w, ']');
    }
}

static void put_detections(const struct kd_host_ask *ask, const struct kd_host_report *r,
                           struct kd_jw *w);

void kd_host_report_json(const struct kd_host_ask *ask, const struct kd_host_report *r,
                         struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_text(w, "asked", ask->who);
    kd_jw_open(w, "addresses", '[');
    for (size_t i = 0; i < r->n_addr; i++)
        kd_jw_addr(w, NULL, &r->addr[i]);
    kd_jw_close(w, ']');
    kd_jw_u64(w, "records", r->records);
    kd_jw_open(w, "by_type", '{');
    for (unsigned t = 0; t < KD_TYPES; t++)
        if (r->by_type[t] > 0)
            kd_jw_u64(w, kd_schemas[t]->name, r->by_type[t]);
    kd_jw_close(w, '}');
    kd_jw_time(w, "first", r->first_us);
    kd_jw_time(w, "last", r->last_us);
    kd_jw_u64(w, "connections_out", r->flows_out);
    kd_jw_u64(w, "connections_in", r->flows_in);
    kd_jw_u64(w, "bytes_out", r->bytes_out);
    kd_jw_u64(w, "bytes_in", r->bytes_in);
    kd_jw_open(w, "peers", '[');
    for (size_t i = 0; i < kd_min_size(r->n_peers, TOP); i++) {
        kd_jw_open(w, NULL, '{');
        kd_jw_addr(w, "address", &r->peer[i].addr);
        kd_jw_u64(w, "bytes_out", r->peer[i].bytes_out);
        kd_jw_u64(w, "bytes_in", r->peer[i].bytes_in);
        kd_jw_u64(w, "flows", r->peer[i].flows);
        kd_jw_time(w, "last", r->peer[i].last_us);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    put_names(r, w);
    put_detections(ask, r, w);
    kd_jw_open(w, "newest", '[');
    for (size_t i = 0; i < r->newest.n; i++)
        kd_jw_raw(w, NULL, kd_bytes_of(r->newest.text.p + r->newest.hit[i].at, r->newest.hit[i].n));
    kd_jw_close(w, ']');
    kd_jw_bool(w, "truncated", r->stats.truncated);
    kd_jw_u64(w, "unreadable_blocks", r->stats.unreadable);
    kd_jw_close(w, '}');
}

/* The detections whose host it is, newest first, in the window. */
static struct kd_sql detections_of(const struct kd_host_ask *ask, const struct kd_addr *a)
{
    uint8_t buf[48];
    struct kd_out o = kd_out_of(buf, sizeof(buf));
    kd_out_addr(&o, a);
    struct kd_sql q =
        kd_sql(ask->meta,
               "SELECT id, detection_id, severity, title_ja, title_en, count, first_us, last_us"
               " FROM detections WHERE host = ? AND excepted = 0 AND last_us >= ? AND first_us <= ?"
               " ORDER BY severity DESC, last_us DESC LIMIT 100");
    kd_sql_text(&q, kd_out_bytes_view(&o));
    kd_sql_u64(&q, ask->from_us);
    kd_sql_u64(&q, ask->to_us);
    return q;
}

static void put_detections(const struct kd_host_ask *ask, const struct kd_host_report *r,
                           struct kd_jw *w)
{
    kd_jw_open(w, "detections", '[');
    for (size_t i = 0; ask->meta != NULL && ask->meta->db != NULL && i < r->n_addr; i++) {
        struct kd_sql q = detections_of(ask, &r->addr[i]);
        while (kd_sql_row(&q)) {
            kd_jw_open(w, NULL, '{');
            kd_jw_u64(w, "id", kd_sql_get(&q, 0));
            kd_jw_text(w, "detection_id", kd_sql_get_text(&q, 1));
            kd_jw_u64(w, "severity", kd_sql_get(&q, 2));
            kd_jw_both(w, "title", kd_sql_get_text(&q, 3), kd_sql_get_text(&q, 4));
            kd_jw_u64(w, "count", kd_sql_get(&q, 5));
            kd_jw_time(w, "first", kd_sql_get(&q, 6));
            kd_jw_time(w, "last", kd_sql_get(&q, 7));
            kd_jw_close(w, '}');
        }
        kd_ignore(kd_sql_done(&q));
    }
    kd_jw_close(w, ']');
}

/* ---- text ---- */

static void say_names(const struct kd_host_report *r, bool ja, int zone_s, struct kd_heap *h)
{
    static const char *const title[KD_NAMED_KINDS][2] = {
        {"Names looked up", "問い合わせた名前"},
        {"Web sites and servers", "接続した Web サイト・サーバー"},
        {"Logons (result, service, user)", "ログオン(結果・対象・利用者)"},
        {"Shared folders and files", "共有フォルダー・ファイル"},
        {"Files that crossed the network", "送受信されたファイル"}};
    char text[160], time[48];
    for (size_t k = 0; k < KD_NAMED_KINDS; k++) {
        if (r->n_named[k] == 0)
            continue;
        kd_heap_say(h, "\n%s (%zu)\n", title[k][ja], r->n_named[k]);
        for (size_t i = 0; i < kd_min_size(r->n_named[k], 10); i++)
            kd_heap_say(h, "  %8llu  %s  %s\n", (unsigned long long)r->named[k][i].count,
                kd_plain_time(r->named[k][i].last_us, zone_s, true, time),
                kd_plain_text(r->named[k][i].text, text));
    }
}

static void say_detections(const struct kd_host_ask *ask, const struct kd_host_report *r, bool ja,
                           struct kd_heap *h)
{
    char time[48];
    size_t n = 0;
    kd_heap_say(h, "\n%s\n", ja ? "検知" : "Detections");
    for (size_t i = 0; ask->meta != NULL && ask->meta->db != NULL && i < r->n_addr; i++) {
        struct kd_sql q = detections_of(ask, &r->addr[i]);
        for (; kd_sql_row(&q); n++) {
            struct kd_bytes title = kd_sql_get_text(&q, ja ? 3 : 4);
            kd_heap_say(h, "  %s  %.*s  x%llu\n", kd_plain_time(kd_sql_get(&q, 7), ask->zone_s, true, time),
                (int)kd_min_size(title.n, 300), (const char *)title.p,
                (unsigned long long)kd_sql_get(&q, 5));
        }
        kd_ignore(kd_sql_done(&q));
    }
    if (n == 0)
        kd_heap_say(h, "  %s\n", ja ? "この期間の検知はありません。" : "None in this time.");
}

void kd_host_report_text(const struct kd_host_ask *ask, const struct kd_host_report *r, bool ja,
                         struct kd_heap *h)
{
    char a[48], b[48];
    kd_heap_say(h, ja ? "端末 " : "Host ");
    for (size_t i = 0; i < r->n_addr; i++)
        kd_heap_say(h, "%s%s", i > 0 ? ", " : "", kd_addr_text(&r->addr[i], a));
    kd_heap_say(h, "\n%s: %s - %s\n", ja ? "記録の期間" : "Records from",
        kd_plain_time(r->first_us, ask->zone_s, true, a), kd_plain_time(r->last_us, ask->zone_s, true, b));
    kd_heap_say(h,
        ja ? "記録 %llu 件。始めた通信 %llu 件、受けた通信 %llu 件。送信 %llu バイト、受信 %llu "
             "バイト。\n"
           : "%llu records. %llu connections begun, %llu received. %llu bytes sent, %llu "
             "received.\n",
        (unsigned long long)r->records, (unsigned long long)r->flows_out,
        (unsigned long long)r->flows_in, (unsigned long long)r->bytes_out,
        (unsigned long long)r->bytes_in);
    if (r->stats.truncated)
        kd_heap_say(h, ja ? "時間切れのため、途中までの結果です。期間を狭めてください。\n"
                  : "Time ran out: this is a part of the answer. Ask for a shorter time.\n");
    if (r->stats.unreadable > 0)
        kd_heap_say(h,
            ja ? "読めない記録のまとまりが %llu 個ありました。kidoban verify で確認してください。\n"
               : "%llu blocks could not be read; see kidoban verify.\n",
            (unsigned long long)r->stats.unreadable);
    say_detections(ask, r, ja, h);
    kd_heap_say(h, "\n%s (%zu)\n", ja ? "通信相手" : "Peers", r->n_peers);
    for (size_t i = 0; i < kd_min_size(r->n_peers, 10); i++)
        kd_heap_say(h,
            ja ? "  %-39s  送信 %12llu  受信 %12llu  %6llu 件  最後 %s\n"
               : "  %-39s  sent %12llu  received %12llu  %6llu times  last %s\n",
            kd_addr_text(&r->peer[i].addr, a), (unsigned long long)r->peer[i].bytes_out,
            (unsigned long long)r->peer[i].bytes_in, (unsigned long long)r->peer[i].flows,
            kd_plain_time(r->peer[i].last_us, ask->zone_s, true, b));
    say_names(r, ja, ask->zone_s, h);
}
