/* SPDX-License-Identifier: Apache-2.0 */
#include "store/network.h"

#include "store/detections.h"
#include "store/proposal.h"

enum { FLOWS_MOST = 300, PAIRS_MOST = 1000 };

/* ---- taking ---- */

/* Machines outside are one, by their zone; the newest of them is kept as an example. */
enum kd_status kd_crossing_take(struct kd_meta *m, const struct kd_rec_head *head, const struct kd_rec_crossing *c,
                                int zone_s)
{
    uint8_t room[2][48];
    bool from_out = kd_bytes_eq_str(c->from_zone, "outside"), to_out = kd_bytes_eq_str(c->to_zone, "outside");
    struct kd_bytes client = kd_addr_view(&head->src, room[0]), server = kd_addr_view(&head->dst, room[1]);
    struct kd_sql q = kd_sql(
        m, "INSERT INTO crossings (day, from_zone, to_zone, client, server, proto, port, forbidden, answered, outside,"
           " app, conversations, bytes_out, bytes_in, new_us, first_us, last_us)"
           " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
           " outside = excluded.outside, app = max(app, excluded.app),"
           " conversations = conversations + excluded.conversations, bytes_out = bytes_out + excluded.bytes_out,"
           " bytes_in = bytes_in + excluded.bytes_in, new_us = max(new_us, excluded.new_us),"
           " first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)");
    kd_sql_u64(&q, kd_day_of(c->end_us, zone_s));
    kd_sql_text(&q, c->from_zone);
    kd_sql_text(&q, c->to_zone);
    kd_sql_text(&q, from_out ? kd_str("") : client);
    kd_sql_text(&q, to_out ? kd_str("") : server);
    kd_sql_u64(&q, head->proto);
    kd_sql_u64(&q, head->dst_port);
    kd_sql_u64(&q, kd_bytes_eq_str(c->policy, "forbidden"));
    kd_sql_u64(&q, c->answered);
    kd_sql_text(&q, from_out ? client : to_out ? server : kd_str(""));
    kd_sql_u64(&q, head->app);
    kd_sql_u64(&q, c->conversations);
    kd_sql_u64(&q, c->bytes_toserver);
    kd_sql_u64(&q, c->bytes_toclient);
    kd_sql_u64(&q, c->first ? c->start_us : 0);
    kd_sql_u64(&q, c->start_us);
    kd_sql_u64(&q, c->end_us);
    return kd_sql_done(&q);
}

enum kd_status kd_crossings_prune(struct kd_meta *m)
{
    for (;;) {
        struct kd_sql q = kd_sql(m, "SELECT count(*) FROM crossings");
        bool many = kd_sql_row(&q) && kd_sql_get(&q, 0) > KD_NETWORK_ROWS_MAX;
        enum kd_status s = kd_sql_done(&q);
        if (s != KD_OK || !many)
            return s;
        s = kd_meta_run(m, "DELETE FROM crossings WHERE day = (SELECT min(day) FROM crossings)");
        if (s != KD_OK)
            return s;
    }
}

/* ---- the page ---- */

static void bind_box(struct kd_sql *q, const struct kd_network_ask *a)
{
    kd_sql_u64(q, kd_day_of(a->from_us, a->zone_s));
    kd_sql_u64(q, a->from_us);
    kd_sql_u64(q, a->to_us);
}
#define IN_BOX " FROM crossings WHERE day >= ?1 AND last_us >= ?2 AND first_us <= ?3"

static void put_net(struct kd_jw *w, const struct kd_net *net)
{
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    kd_out_addr(&o, &net->addr);
    kd_out_fmt(&o, "/%u", kd_addr_is_v4(&net->addr) && net->bits >= 96 ? net->bits - 96u : net->bits);
    kd_jw_text(w, NULL, kd_out_bytes_view(&o));
}

static enum kd_status put_zones(const struct kd_network_ask *a, struct kd_jw *w)
{
    const struct kd_site *s = a->site;
    enum kd_status status = KD_OK;
    kd_jw_open(w, "zones", '[');
    for (size_t i = 0; i < s->n_zones && status == KD_OK; i++) {
        kd_jw_open(w, NULL, '{');
        kd_jw_str(w, "name", s->zone[i].name);
        kd_jw_str(w, "kind", kd_zone_kind_name(s->zone[i].kind));
        kd_jw_bool(w, "guarded", s->zone[i].guarded);
        kd_jw_open(w, "networks", '[');
        for (size_t k = 0; k < s->n_nets; k++)
            if (s->net[k].zone == i)
                put_net(w, &s->net[k].net);
        kd_jw_close(w, ']');
        struct kd_sql q = kd_sql(a->meta, "SELECT count(*), sum(severity >= 4) FROM hosts WHERE zone = ? AND last_us >= ?");
        kd_sql_text(&q, kd_str(s->zone[i].name));
        kd_sql_u64(&q, a->from_us);
        bool row = kd_sql_row(&q);
        kd_jw_u64(w, "hosts", row ? kd_sql_get(&q, 0) : 0);
        kd_jw_u64(w, "at_risk", row ? kd_sql_get(&q, 1) : 0);
        status = kd_sql_done(&q);
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return status;
}

static enum kd_status put_flows(const struct kd_network_ask *a, struct kd_jw *w)
{
    static const char *const counts[] = {"conversations", "forbidden", "attempts", "bytes_out",
                                         "bytes_in",      "kinds",     "new"};
    struct kd_sql q = kd_sql(
        a->meta, "SELECT from_zone, to_zone, sum(conversations), sum(forbidden * answered * conversations),"
                 " sum(forbidden * (1 - answered) * conversations), sum(bytes_out), sum(bytes_in),"
                 " count(DISTINCT client || ' ' || server || ' ' || proto || ' ' || port),"
                 " sum(answered AND new_us BETWEEN ?2 AND ?3), min(first_us), max(last_us)" IN_BOX
                 " GROUP BY 1, 2 ORDER BY 4 DESC, 6 + 7 DESC LIMIT ?4");
    bind_box(&q, a);
    kd_sql_u64(&q, FLOWS_MOST);
    kd_jw_open(w, "flows", '[');
    while (kd_sql_row(&q)) {
        kd_jw_open(w, NULL, '{');
        kd_jw_text(w, "from", kd_sql_get_text(&q, 0));
        kd_jw_text(w, "to", kd_sql_get_text(&q, 1));
        for (size_t i = 0; i < KD_COUNT(counts); i++)
            kd_jw_u64(w, counts[i], kd_sql_get(&q, 2 + (int)i));
        kd_jw_time(w, "first", kd_sql_get(&q, 9));
        kd_jw_time(w, "last", kd_sql_get(&q, 10));
        kd_jw_close(w, '}');
    }
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

/* Columns of a pair, in the order put_pair() reads them. */
#define PAIR                                                                                                   \
    "from_zone, to_zone, client, server, max(outside) AS outside, proto, port, max(app) AS app, forbidden, "   \
    "answered, sum(conversations) AS n, sum(bytes_out) AS b_out, sum(bytes_in) AS b_in, max(new_us) AS new_us, " \
    "min(first_us) AS first_us, max(last_us) AS last_us"
enum { PAIR_COLUMNS = 16, RANKED_COLUMNS = 17 };
#define PAIR_OF " GROUP BY from_zone, to_zone, client, server, proto, port, forbidden, answered"
#define NAMES                                                                                                  \
    ", coalesce((SELECT name FROM hosts h WHERE h.address = p.client), ''),"                                   \
    " coalesce((SELECT name FROM hosts h WHERE h.address = p.server), '')"

static void put_end(struct kd_jw *w, const char *key, struct kd_bytes address, struct kd_bytes outside,
                    struct kd_bytes name)
{
    kd_jw_open(w, key, '{');
    kd_jw_text(w, "address", address.n > 0 ? address : outside);
    if (name.n > 0)
        kd_jw_text(w, "name", name);
    else
        kd_jw_null(w, "name");
    kd_jw_bool(w, "outside", address.n == 0);
    kd_jw_close(w, '}');
}

/* names: the column of the client's name; the server's follows. */
static void put_pair(struct kd_sql *q, int names, struct kd_jw *w)
{
    uint64_t app = kd_sql_get(q, 7);
    kd_jw_open(w, NULL, '{');
    kd_jw_text(w, "from", kd_sql_get_text(q, 0));
    kd_jw_text(w, "to", kd_sql_get_text(q, 1));
    put_end(w, "client", kd_sql_get_text(q, 2), kd_sql_get_text(q, 4), kd_sql_get_text(q, names));
    put_end(w, "server", kd_sql_get_text(q, 3), kd_sql_get_text(q, 4), kd_sql_get_text(q, names + 1));
    kd_jw_u64(w, "proto", kd_sql_get(q, 5));
    kd_jw_u64(w, "port", kd_sql_get(q, 6));
    kd_jw_str(w, "app", app < KD_APP_COUNT ? kd_app_names[app] : "unknown");
    kd_jw_bool(w, "forbidden", kd_sql_get(q, 8) != 0);
    kd_jw_bool(w, "answered", kd_sql_get(q, 9) != 0);
    kd_jw_u64(w, "conversations", kd_sql_get(q, 10));
    kd_jw_u64(w, "bytes_out", kd_sql_get(q, 11));
    kd_jw_u64(w, "bytes_in", kd_sql_get(q, 12));
    kd_jw_time(w, "new", kd_sql_get(q, 13));
    kd_jw_time(w, "first", kd_sql_get(q, 14));
    kd_jw_time(w, "last", kd_sql_get(q, 15));
    kd_jw_close(w, '}');
}

static enum kd_status put_pairs(const struct kd_network_ask *a, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(
        a->meta, "SELECT p.*" NAMES " FROM (SELECT *, row_number() OVER (PARTITION BY from_zone, to_zone"
                 " ORDER BY forbidden * answered DESC, forbidden DESC, b_out + b_in DESC) AS rank FROM"
                 " (SELECT " PAIR IN_BOX PAIR_OF ")) p WHERE rank <= ?4 ORDER BY from_zone, to_zone, rank LIMIT ?5");
    bind_box(&q, a);
    kd_sql_u64(&q, KD_NETWORK_PAIRS);
    kd_sql_u64(&q, PAIRS_MOST);
    kd_jw_open(w, "pairs", '[');
    while (kd_sql_row(&q))
        put_pair(&q, RANKED_COLUMNS, w);
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

static enum kd_status put_new(const struct kd_network_ask *a, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(a->meta, "SELECT p.*" NAMES " FROM (SELECT " PAIR IN_BOX
                                      " AND answered = 1" PAIR_OF ") p WHERE new_us BETWEEN ?2 AND ?3"
                                      " ORDER BY new_us DESC LIMIT ?4");
    bind_box(&q, a);
    kd_sql_u64(&q, KD_NETWORK_NEW);
    kd_jw_open(w, "new", '[');
    while (kd_sql_row(&q))
        put_pair(&q, PAIR_COLUMNS, w);
    kd_jw_close(w, ']');
    return kd_sql_done(&q);
}

/* What the plan's detectors told within the box. */
static enum kd_status put_breaches(const struct kd_network_ask *a, struct kd_jw *w)
{
    uint64_t id[KD_NETWORK_BREACHES];
    size_t n = 0;
    struct kd_sql q = kd_sql(a->meta, "SELECT id FROM detections WHERE detection_id BETWEEN 'KD-PO-0040' AND 'KD-PO-0059'"
                                      " AND excepted = 0 AND last_us >= ? AND first_us <= ?"
                                      " ORDER BY state = 'closed', severity DESC, last_us DESC LIMIT ?");
    kd_sql_u64(&q, a->from_us);
    kd_sql_u64(&q, a->to_us);
    kd_sql_u64(&q, KD_NETWORK_BREACHES);
    while (n < KD_NETWORK_BREACHES && kd_sql_row(&q))
        id[n++] = kd_sql_get(&q, 0);
    enum kd_status s = kd_sql_done(&q);
    kd_jw_open(w, "breaches", '[');
    for (size_t i = 0; i < n && s == KD_OK; i++) {
        struct kd_jw row;
        kd_jw_init(&row, a->zone_s);
        s = kd_detection_json(a->meta, id[i], &row);
        if (s == KD_OK)
            kd_jw_raw(w, NULL, kd_jw_view(&row));
        kd_jw_done(&row);
    }
    kd_jw_close(w, ']');
    return s;
}

static enum kd_status put_today(const struct kd_network_ask *a, struct kd_jw *w)
{
    struct kd_sql q = kd_sql(a->meta, "SELECT coalesce(sum(answered), 0), coalesce(sum(1 - answered), 0) FROM (SELECT"
                                      " max(answered) AS answered FROM crossings WHERE day >= ? AND last_us >= ?"
                                      " AND forbidden = 1 GROUP BY from_zone, to_zone, client, server, proto, port)");
    kd_sql_u64(&q, kd_day_of(a->today_us, a->zone_s));
    kd_sql_u64(&q, a->today_us);
    bool row = kd_sql_row(&q);
    kd_jw_open(w, "today", '{');
    kd_jw_u64(w, "forbidden", row ? kd_sql_get(&q, 0) : 0);
    kd_jw_u64(w, "attempts", row ? kd_sql_get(&q, 1) : 0);
    kd_jw_close(w, '}');
    return kd_sql_done(&q);
}

static enum kd_status put_proposal(const struct kd_network_ask *a, struct kd_jw *w)
{
    struct kd_proposal *p = NULL;
    enum kd_status s = kd_proposal_make(a->meta, a->nets, a->n_nets, &p);
    if (s == KD_OK)
        kd_proposal_json(p, w, "proposal");
    kd_proposal_free(p);
    return s;
}

enum kd_status kd_network_json(const struct kd_network_ask *ask, struct kd_jw *w)
{
    kd_jw_open(w, NULL, '{');
    enum kd_status s = put_zones(ask, w);
    if (s == KD_OK)
        s = put_today(ask, w);
    if (s == KD_OK)
        s = put_flows(ask, w);
    if (s == KD_OK)
        s = put_pairs(ask, w);
    if (s == KD_OK)
        s = put_new(ask, w);
    if (s == KD_OK)
        s = put_breaches(ask, w);
    if (s == KD_OK && ask->site->n_zones == 0)
        s = put_proposal(ask, w);
    else if (s == KD_OK)
        kd_jw_null(w, "proposal");
    kd_jw_close(w, '}');
    return s;
}
