/* SPDX-License-Identifier: Apache-2.0 */
#include "store/exceptions.h"

#include "store/decisions.h"

enum { TEXT_MAX = KD_DECISION_TEXT_MAX };

/* ---- as JSON ---- */

static void put_or_null(struct kd_jw *w, const char *key, struct kd_bytes text)
{
    if (text.n > 0)
        kd_jw_text(w, key, text);
    else
        kd_jw_null(w, key);
}

static void put_exception(struct kd_sql *q, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    kd_jw_u64(w, "id", kd_sql_get(q, 0));
    kd_jw_text(w, "detection_id", kd_sql_get_text(q, 1));
    put_or_null(w, "host", kd_sql_get_text(q, 2));
    put_or_null(w, "peer", kd_sql_get_text(q, 3));
    put_or_null(w, "user", kd_sql_get_text(q, 4));
    kd_jw_text(w, "reason", kd_sql_get_text(q, 5));
    kd_jw_time(w, "until", kd_sql_get(q, 6));
    kd_jw_text(w, "created_by", kd_sql_get_text(q, 7));
    kd_jw_time(w, "created", kd_sql_get(q, 8));
    kd_jw_u64(w, "hits", kd_sql_get(q, 9));
    kd_jw_time(w, "last_hit", kd_sql_get(q, 10));
    kd_jw_close(w, '}');
}

#define COLUMNS "id, detection_id, host, peer, user, reason, until_us, by_user, created_us, hits, hit_us"

enum kd_status kd_exceptions_json(struct kd_meta *m, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM exceptions ORDER BY id DESC LIMIT 1000");
    while (kd_sql_row(&q))
        put_exception(&q, w);
    return kd_sql_done(&q);
}

enum kd_status kd_exception_json(struct kd_meta *m, uint64_t id, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(m, "SELECT " COLUMNS " FROM exceptions WHERE id = ?");
    kd_sql_u64(&q, id);
    bool found = kd_sql_row(&q);
    if (found)
        put_exception(&q, w);
    enum kd_status s = kd_sql_done(&q);
    return s == KD_OK && !found ? KD_NOT_FOUND : s;
}

/* ---- as decisions ---- */

static bool net_of(struct kd_bytes text, struct kd_net *ret, bool *ret_any)
{
    return kd_exception_net(text.n == 0 ? kd_str("*") : text, ret, ret_any);
}

bool kd_exception_is_valid(const struct kd_exception_new *e)
{
    struct kd_net net;
    bool any;
    bool some = e->id.n + e->host.n + e->peer.n + e->user.n > 0 && !kd_bytes_eq_str(e->id, "*");
    return some && (e->id.n == 0 || kd_exception_id_is_valid(e->id)) && e->id.n <= 64 && e->user.n <= 256 &&
           e->reason.n > 0 && e->reason.n <= TEXT_MAX && net_of(e->host, &net, &any) && net_of(e->peer, &net, &any);
}

/* Texts are the row's. */
static bool read_row(struct kd_sql *q, struct kd_exception *ret)
{
    struct kd_bytes id = kd_sql_get_text(q, 1);
    *ret = (struct kd_exception){.number = kd_sql_get(q, 0), .id = id.n > 0 ? id : kd_str("*"),
                                 .user = kd_sql_get_text(q, 4), .reason = kd_sql_get_text(q, 5),
                                 .until_us = kd_sql_get(q, 6)};
    return kd_exception_id_is_valid(ret->id) && net_of(kd_sql_get_text(q, 2), &ret->host, &ret->any_host) &&
           net_of(kd_sql_get_text(q, 3), &ret->peer, &ret->any_peer);
}

enum kd_status kd_exceptions_put(struct kd_meta *m, struct kd_out *o, size_t *ret_n, uint64_t *ret_left_out)
{
    struct kd_sql q =
        kd_sql(m, "SELECT " COLUMNS " FROM exceptions WHERE until_us = 0 OR until_us > ? ORDER BY id DESC");
    kd_sql_u64(&q, kd_meta_now(m));
    *ret_n = 0;
    while (kd_sql_row(&q)) {
        struct kd_decision d = {.kind = KD_DECISION_EXCEPTION};
        bool fits = read_row(&q, &d.exception) && kd_decision_put(o, &d);
        *ret_n += fits;
        *ret_left_out += !fits;
    }
    return kd_sql_done(&q);
}

/* ---- what was found already ---- */

/* The rows that a query gives (id, detection_id, host, peer, user), by the exception that hides each. */
static enum kd_status judge_rows(struct kd_meta *m, struct kd_sql *rows, const struct kd_decisions *d)
{
    struct kd_sql set = kd_sql(m, "UPDATE detections SET excepted = ?, exception = ? WHERE id = ?");
    enum kd_status s = set.s;
    while (s == KD_OK && kd_sql_row(rows)) {
        struct kd_addr host = {{0}}, peer = {{0}};
        struct kd_exception_case c = {kd_sql_get_text(rows, 1), &host, &peer, kd_sql_get_text(rows, 4)};
        (void)(kd_addr_parse(kd_sql_get_text(rows, 2), &host) && kd_addr_parse(kd_sql_get_text(rows, 3), &peer));
        const struct kd_exception *by = kd_decisions_hide(d, &c, kd_meta_now(m));
        if (by == NULL && kd_sql_get(rows, 5) == 0)
            continue;
        kd_sql_u64(&set, by != NULL);
        kd_sql_u64(&set, by == NULL ? 0 : by->number);
        kd_sql_u64(&set, kd_sql_get(rows, 0));
        s = kd_sql_again(&set);
    }
    kd_sql_drop(&set);
    enum kd_status t = kd_sql_done(rows);
    return s != KD_OK ? s : t;
}

#define ROWS "SELECT id, detection_id, host, peer, user, exception FROM detections WHERE "

enum kd_status kd_exception_add(struct kd_meta *m, const struct kd_exception_new *e, uint64_t *ret_id)
{
    struct kd_sql q =
        kd_sql(m, "INSERT INTO exceptions (detection_id, host, peer, user, reason, until_us, by_user, created_us)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    kd_sql_text(&q, e->id);
    kd_sql_text(&q, e->host);
    kd_sql_text(&q, e->peer);
    kd_sql_text(&q, e->user);
    kd_sql_text(&q, e->reason);
    kd_sql_u64(&q, e->until_us);
    kd_sql_text(&q, e->owner);
    kd_sql_u64(&q, kd_meta_now(m));
    enum kd_status s = kd_sql_done(&q);
    *ret_id = kd_meta_last_id(m);
    struct kd_decisions d = {0};
    s = s == KD_OK ? kd_decided(m) : s;
    s = s == KD_OK ? kd_decisions_load(&d, m, NULL) : s;
    if (s == KD_OK) {
        struct kd_sql rows = kd_sql(m, ROWS "excepted = 0");
        s = judge_rows(m, &rows, &d);
    }
    kd_decisions_done(&d);
    return s;
}

enum kd_status kd_exception_delete(struct kd_meta *m, uint64_t id)
{
    struct kd_sql q = kd_sql(m, "DELETE FROM exceptions WHERE id = ?");
    kd_sql_u64(&q, id);
    enum kd_status s = kd_sql_done(&q);
    if (s == KD_OK && kd_meta_changes(m) == 0)
        return KD_NOT_FOUND;
    struct kd_decisions d = {0};
    s = s == KD_OK ? kd_decided(m) : s;
    s = s == KD_OK ? kd_decisions_load(&d, m, NULL) : s;
    if (s == KD_OK) {
        struct kd_sql rows = kd_sql(m, ROWS "exception = ?");
        kd_sql_u64(&rows, id);
        s = judge_rows(m, &rows, &d);
    }
    kd_decisions_done(&d);
    return s;
}

enum kd_status kd_exception_hit(struct kd_meta *m, uint64_t id, uint64_t n, uint64_t last_us)
{
    struct kd_sql q = kd_sql(m, "UPDATE exceptions SET hits = hits + ?, hit_us = max(hit_us, ?) WHERE id = ?");
    kd_sql_u64(&q, n);
    kd_sql_u64(&q, last_us);
    kd_sql_u64(&q, id);
    return kd_sql_done(&q);
}
