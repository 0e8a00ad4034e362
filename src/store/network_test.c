/* SPDX-License-Identifier: Apache-2.0 */
/* Crossings by day, what the page of the network is told, and the plan that is proposed. */
#include <ftw.h>
#include <unistd.h>

#include "../../tests/tap.h"
#include "store/hosts.h"
#include "store/network.h"
#include "store/proposal.h"

enum { ZONE_S = 9 * 3600 };
#define NOON_US 1795316400000000u /* 2026-11-22 12:00 in Japan */

static uint64_t now(void *ctx)
{
    (void)ctx;
    return NOON_US;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static char dir[64];
static struct kd_meta meta;

static void start(void)
{
    struct kd_err err = {0};
    (void)snprintf(dir, sizeof(dir), "/tmp/kd-network-XXXXXX");
    CHECK(mkdtemp(dir) != NULL);
    CHECK(kd_meta_open(dir, true, false, (struct kd_clock){now, NULL}, &meta, &err) == KD_OK);
}

static void end(void)
{
    kd_meta_close(&meta);
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

struct seen {
    const char *from, *to, *src, *dst, *policy;
    uint16_t port;
    bool fresh, unanswered;
    uint64_t n, out, at_us;
};

static void cross(const struct seen *s)
{
    struct kd_rec_head h = {.type = KD_REC_CROSSING, .proto = 6, .dst_port = s->port, .ts_us = s->at_us};
    struct kd_rec_crossing c = {.from_zone = kd_str(s->from), .to_zone = kd_str(s->to), .policy = kd_str(s->policy),
                                .first = s->fresh, .answered = !s->unanswered, .conversations = s->n,
                                .bytes_toserver = s->out, .bytes_toclient = 7, .start_us = s->at_us,
                                .end_us = s->at_us + 1000};
    CHECK(kd_addr_parse(kd_str(s->src), &h.src) && kd_addr_parse(kd_str(s->dst), &h.dst));
    CHECK(kd_crossing_take(&meta, &h, &c, ZONE_S) == KD_OK);
}

static void host(const char *address, const char *name, const char *roles, uint8_t prefix, uint8_t card)
{
    struct kd_rec_host h = {.name = kd_str(name), .prefix = prefix, .mac = {{2, 0, 0, 0, 0, card}}, .zone = kd_str("PCs"),
                            .first_us = NOON_US, .last_us = NOON_US};
    struct kd_bytes list[8];
    struct kd_bytes rest = kd_str(roles);
    struct kd_rec_head head = {.ts_us = NOON_US};
    while (rest.n > 0)
        list[h.roles.n++] = kd_bytes_cut(&rest, ' ');
    h.roles.v = list;
    CHECK(kd_addr_parse(kd_str(address), &h.address) && kd_host_take(&meta, &head, &h) == KD_OK);
}

static struct kd_jw answer;

static bool says(const char *text)
{
    bool found = kd_bytes_find(kd_jw_view(&answer), kd_str(text)) != SIZE_MAX;
    if (!found)
        printf("# not in: %.*s\n", (int)answer.h.n, (const char *)answer.h.p);
    return found;
}

static void ask(const struct kd_site *site, uint64_t from_us, uint64_t to_us)
{
    kd_jw_done(&answer);
    kd_jw_init(&answer, ZONE_S);
    struct kd_network_ask a = {.meta = &meta, .site = site, .zone_s = ZONE_S, .from_us = from_us, .to_us = to_us,
                               .today_us = NOON_US - KD_US_PER_DAY / 2};
    CHECK(kd_network_json(&a, &answer) == KD_OK && kd_jw_ok(&answer));
}

static struct kd_site plan;

static void make_plan(void)
{
    memset(&plan, 0, sizeof(plan));
    plan.n_zones = 2;
    memcpy(plan.zone[0].name, "PCs", 3);
    memcpy(plan.zone[1].name, "サーバー", 12);
    plan.zone[1].kind = KD_KIND_SERVER;
    plan.zone[1].guarded = true;
    CHECK(kd_net_parse(kd_str("10.0.1.0/24"), &plan.net[0].net));
    CHECK(kd_net_parse(kd_str("2001:db8::/64"), &plan.net[1].net));
    plan.net[1].zone = 1;
    plan.n_nets = 2;
}

static void days_are_rolled_up(void)
{
    start();
    make_plan();
    host("10.0.1.5", "PC-5", "client", 24, 5);
    cross(&(struct seen){"PCs", "サーバー", "10.0.1.5", "10.0.2.1", "allowed", 445, true, false, 1, 100, NOON_US});
    cross(&(struct seen){"PCs", "サーバー", "10.0.1.5", "10.0.2.1", "allowed", 445, false, false, 9, 900, NOON_US + 5000});
    cross(&(struct seen){"PCs", "サーバー", "10.0.1.5", "10.0.2.1", "forbidden", 3389, true, false, 2, 50, NOON_US});
    cross(&(struct seen){"PCs", "サーバー", "10.0.1.6", "10.0.2.1", "forbidden", 22, true, true, 4, 1, NOON_US});
    cross(&(struct seen){"PCs", "outside", "10.0.1.5", "203.0.113.5", "allowed", 443, true, false, 1, 10, NOON_US});
    cross(&(struct seen){"PCs", "outside", "10.0.1.5", "203.0.113.9", "allowed", 443, false, false, 3, 10, NOON_US});
    ask(&plan, NOON_US - KD_US_PER_HOUR, NOON_US + KD_US_PER_HOUR);
    CHECK(says("\"name\":\"サーバー\",\"kind\":\"server\",\"guarded\":true,\"networks\":[\"2001:db8::/64\"]"));
    CHECK(says("\"networks\":[\"10.0.1.0/24\"],\"hosts\":1,\"at_risk\":0"));
    CHECK(says("\"today\":{\"forbidden\":1,\"attempts\":1}"));
    CHECK(says("\"from\":\"PCs\",\"to\":\"サーバー\",\"conversations\":16,\"forbidden\":2,\"attempts\":4,\"bytes_out\":1051,"
               "\"bytes_in\":28,\"kinds\":3,\"new\":2"));
    CHECK(says("\"client\":{\"address\":\"10.0.1.5\",\"name\":\"PC-5\",\"outside\":false},\"server\":{\"address\":\"10.0.2.1\","
               "\"name\":null,\"outside\":false},\"proto\":6,\"port\":3389,\"app\":\"unknown\",\"forbidden\":true"));
    CHECK(says("\"server\":{\"address\":\"203.0.113.9\",\"name\":null,\"outside\":true}"));
    CHECK(says("\"conversations\":10,\"bytes_out\":1000") && says("\"proposal\":null"));
    ask(&plan, NOON_US + KD_US_PER_HOUR, NOON_US + 2 * KD_US_PER_HOUR); /* another box */
    CHECK(says("\"flows\":[],\"pairs\":[],\"new\":[]"));
    end();
}

static void oldest_days_go(void)
{
    start();
    struct kd_sql q = kd_sql(&meta, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 210000)"
                                    " INSERT INTO crossings SELECT 20260101 + i / 100000, 'a', 'b', i, 's', 6, 1, 0, 1, '', 0,"
                                    " 1, 1, 1, 0, 1, 1 FROM n");
    CHECK(kd_sql_done(&q) == KD_OK && kd_crossings_prune(&meta) == KD_OK);
    q = kd_sql(&meta, "SELECT count(*), min(day) FROM crossings");
    CHECK(kd_sql_row(&q) && kd_sql_get(&q, 0) <= KD_NETWORK_ROWS_MAX && kd_sql_get(&q, 0) > 0);
    CHECK(kd_sql_get(&q, 1) == 20260102 && kd_sql_done(&q) == KD_OK);
    end();
}

static void plan_is_proposed(void)
{
    start();
    memset(&plan, 0, sizeof(plan));
    host("10.0.5.1", "", "router dhcp", 0, 1);
    host("10.0.5.130", "pc-a", "client", 23, 2);
    host("10.0.4.7", "pc-b", "client", 0, 3); /* in the /23 that DHCP told of */
    host("10.0.9.10", "dc1", "server kerberos ldap dns", 0, 4);
    host("10.0.9.20", "fs\"1\\\n", "server file", 0, 5);
    host("10.0.9.30", "", "", 0, 6);
    host("2001:db8:5::130", "pc-a", "client", 0, 2); /* the same card */
    host("192.168.7.9", "", "printer", 0, 7);
    host("198.51.100.4", "", "client", 0, 8); /* not of the site */
    ask(&plan, 0, INT64_MAX);
    CHECK(says("\"zones\":[],\"today\"") && says("\"proposal\":{\"yaml\":{\"ja\":\"#"));
    CHECK(says("\"kind\":\"office\",\"by_dhcp\":true,\"hosts\":3"));
    CHECK(says("\"networks\":[\"10.0.4.0/23\"]"));
    CHECK(says("\"kind\":\"server\",\"by_dhcp\":false,\"hosts\":3,\"servers\":2,\"networks\":[\"10.0.9.0/24\"]"));
    CHECK(says("\"kind\":\"devices\"") && says("\"role\":\"dc\"") && says("\"role\":\"router\""));
    struct kd_proposal *p = NULL;
    struct kd_heap text = {NULL, 0, 0};
    struct kd_net nets[2];
    CHECK(kd_net_parse(kd_str("10.0.0.0/8"), &nets[0]) && kd_net_parse(kd_str("2001:db8::/32"), &nets[1]));
    CHECK(kd_proposal_make(&meta, nets, 2, &p) == KD_OK);
    kd_proposal_yaml(p, false, &text);
    struct kd_bytes t = kd_bytes_of(text.p, text.n);
    CHECK(kd_bytes_find(t, kd_str("networks: [\"10.0.4.0/23\", \"2001:db8:5::/64\"]")) != SIZE_MAX);
    CHECK(kd_bytes_find(t, kd_str("role: [dc, dns]\n    note: \"dc1: answers Kerberos and LDAP")) != SIZE_MAX);
    CHECK(kd_bytes_find(t, kd_str("note: \"fs1: gives out shares\"")) != SIZE_MAX); /* nothing breaks out */
    CHECK(kd_bytes_find(t, kd_str("192.168.7")) == SIZE_MAX);
    kd_heap_done(&text);
    kd_proposal_free(p);
    end();
}

static void nothing_seen_is_said(void)
{
    start();
    memset(&plan, 0, sizeof(plan));
    ask(&plan, 0, INT64_MAX);
    CHECK(says("Too little was seen") && says("\"zones\":[],\"hosts\":[]"));
    end();
}

int main(void)
{
    RUN(days_are_rolled_up);
    RUN(oldest_days_go);
    RUN(plan_is_proposed);
    RUN(nothing_seen_is_said);
    kd_jw_done(&answer);
    return tap_done();
}
