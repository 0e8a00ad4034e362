/* SPDX-License-Identifier: Apache-2.0 */
/* Machines that nobody registered: unknown devices in guarded zones, servers of names, addresses, mail and
 * the web that are not the site's, devices for treatment or control with new partners.  See registered.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_BEGIN = 'b', KEY_DEVICE = 'd', KEY_SERVER = 's', KEY_PARTNERS = 'p', PARTNERS = 128 };
#define QUIET_US KD_US_PER_DAY

union state {
    uint64_t begin_us; /* when this detector began to learn */
    struct known {
        uint64_t told_us;
        bool known;
        bool by_mac; /* of an address: its link address is known, and is what counts */
    } known;
    struct partners {
        uint64_t first_us;
        uint32_t n;
        uint32_t sums[PARTNERS];
    } partners;
};

static const struct kd_tunable tunables[] = {
    {"learn_days", 7, 0, 365, "days", "what is seen so long after the start belongs to the site",
     "開始からこの期間に観測したものを既知とみなす"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static uint64_t learn_us(const struct kd_detect *d)
{
    return (uint64_t)(kd_detect_tunable(d, "learn_days") * (double)KD_US_PER_DAY);
}

/* Each zone, and the servers, have a time of learning of their own: a zone that becomes guarded later begins then. */
static bool learning(struct kd_detect *d, struct kd_bytes what)
{
    struct kd_key key = kd_key_of(KEY_BEGIN);
    bool is_new;
    kd_key_text(&key, what);
    union state *u = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (u == NULL)
        return true;
    if (is_new)
        u->begin_us = kd_detect_now_us(d);
    return kd_detect_now_us(d) - u->begin_us < learn_us(d);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 const struct kd_addr *host, const struct kd_addr *peer, const struct kd_key *fold,
                 const struct kd_fact *facts, size_t n, int severity)
{
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = *host,
                   .peer = *peer,
                   .fold = kd_key_view(fold),
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = n,
                   .record_ids = &r->head->id,
                   .n_record_ids = 1,
                   .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

/* ---- devices in guarded zones ---- */

/* Zones are known by their names: their numbers change with the plan. */
static struct kd_key device_key(const struct kd_addr *a, const struct kd_mac *mac, struct kd_bytes zone)
{
    struct kd_key k = kd_key_of(KEY_DEVICE);
    kd_key_text(&k, zone);
    if (kd_mac_is_none(mac)) {
        kd_key_addr(&k, a);
        return k;
    }
    for (unsigned i = 0; i < 6; i += 2)
        kd_key_u16(&k, (uint16_t)((unsigned)mac->b[i] << 8 | mac->b[i + 1]));
    return k;
}

/* A device is its link address when that is known, else its address.  One that was first met without its link
 * address stays the same when that becomes known. */
static struct known *known_device(struct kd_detect *d, const struct kd_addr *a, const struct kd_mac *mac,
                                  struct kd_bytes zone, bool *ret_new)
{
    static const struct kd_mac none;
    struct kd_key key = device_key(a, mac, zone);
    union state *u = kd_detect_state(d, kd_key_view(&key), ret_new);
    if (u == NULL || kd_mac_is_none(mac))
        return u == NULL ? NULL : &u->known;
    struct kd_key plain = device_key(a, &none, zone);
    bool was_new;
    union state *by_addr = kd_detect_state(d, kd_key_view(&plain), &was_new);
    if (by_addr != NULL) {
        if (*ret_new && !was_new && !by_addr->known.by_mac) {
            u->known = by_addr->known;
            *ret_new = false;
        }
        by_addr->known.by_mac = true;
    }
    return &u->known;
}

static void device(struct kd_detect *d, const struct kd_record *r, const struct kd_addr *a, const struct kd_mac *said)
{
    const struct kd_site *s = kd_detect_site(d);
    uint8_t zone = kd_detect_zone_of(d, a);
    struct kd_host_view h = {0};
    if (zone >= s->n_zones || !s->zone[zone].guarded || kd_addr_is_link_local(a))
        return;
    bool found = kd_detect_host(d, a, &h);
    struct kd_bytes name = kd_site_zone_name(s, zone);
    bool early = learning(d, name);
    struct kd_mac mac = said != NULL ? *said : h.mac;
    if (kd_detect_routes(d, &mac))
        mac = (struct kd_mac){{0}}; /* the router's, not this machine's */
    if (kd_site_knows(s, a, &mac))
        return;
    bool is_new;
    struct known *k = known_device(d, a, &mac, name, &is_new);
    if (k == NULL)
        return;
    uint64_t now = kd_detect_now_us(d);
    if (is_new && early && !s->zone[zone].listed)
        k->known = true;
    if (k->known || (k->told_us != 0 && now - k->told_us < QUIET_US))
        return;
    k->told_us = now;
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    if (kd_mac_is_none(&mac))
        kd_out_str(&o, "-");
    else
        kd_out_mac(&o, &mac);
    struct kd_key fold = device_key(a, &mac, name);
    struct kd_fact facts[] = {{"zone", name},
                              {"mac", kd_out_bytes_view(&o)},
                              {"what", found && h.os.n > 0 ? h.os : kd_str("-")}};
    tell(d, r, &kd_finding_KD_PO_0044, a, &(struct kd_addr){{0}}, &fold, facts, KD_COUNT(facts), -1);
}

/* ---- servers ---- */

/* Registered, or (when nobody is for this) known from the time of learning. */
static bool is_expected(struct kd_detect *d, const struct kd_addr *server, unsigned duty)
{
    const struct kd_site *s = kd_detect_site(d);
    unsigned also = duty == KD_DUTY_DNS ? (unsigned)KD_DUTY_DC : 0; /* a domain's controllers answer for names */
    unsigned has = kd_site_duties(s, server);
    if ((has & duty) != 0 || (also != 0 && (has & also) == also))
        return true;
    if ((s->duties & duty) != 0)
        return false;
    struct kd_key key = kd_key_of(KEY_SERVER);
    kd_key_u16(&key, (uint16_t)duty);
    kd_key_addr(&key, server);
    bool early = learning(d, kd_str("")), is_new;
    union state *u = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (u != NULL && is_new && early)
        u->known.known = true;
    return u == NULL || u->known.known;
}

struct service {
    unsigned duty;
    const char *en, *ja;
};

static void server(struct kd_detect *d, const struct kd_record *r, const struct kd_addr *who, const struct kd_addr *user,
                   const struct service *v)
{
    if (kd_addr_is_none(who) || kd_addr_is_multicast(who) || !kd_detect_is_inside(d, who) ||
        is_expected(d, who, v->duty))
        return;
    struct kd_key fold = kd_key_of((uint8_t)KEY_SERVER);
    kd_key_u16(&fold, (uint16_t)v->duty);
    struct kd_fact facts[] = {{"service", kd_str(v->en)}, {"service_ja", kd_str(v->ja)}};
    tell(d, r, &kd_finding_KD_PO_0045, who, user, &fold, facts, KD_COUNT(facts), -1);
}

/* Names asked of somebody outside although the site has its own. */
static void asks_outside(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_site *s = kd_detect_site(d);
    const struct kd_addr *who = &r->head->src;
    if ((s->duties & (KD_DUTY_DNS | KD_DUTY_KDC)) == 0 || !kd_detect_is_inside(d, who) ||
        kd_detect_is_inside(d, &r->head->dst) || kd_addr_is_multicast(&r->head->dst) || kd_asks_for_others(d, who) ||
        kd_site_duties(s, who) != 0)
        return;
    struct kd_key fold = kd_key_of(KEY_SERVER);
    const struct kd_rec_dns *n = r->body;
    struct kd_fact facts[] = {{"name", n->rrname}};
    tell(d, r, &kd_finding_KD_PO_0047, who, &r->head->dst, &fold, facts, KD_COUNT(facts), -1);
}

static void names(struct kd_detect *d, const struct kd_record *r)
{
    static const struct service v = {KD_DUTY_DNS, "name server (DNS)", "DNS サーバー"};
    const struct kd_rec_dns *n = r->body;
    if (r->head->app != KD_APP_DNS || n->latency_us == 0)
        return;
    server(d, r, &r->head->dst, &r->head->src, &v);
    asks_outside(d, r);
}

static void addresses(struct kd_detect *d, const struct kd_record *r)
{
    static const struct service v = {KD_DUTY_DHCP, "address server (DHCP)", "DHCP サーバー"};
    const struct kd_rec_dhcp *c = r->body;
    bool offer = kd_bytes_eq_str(c->dhcp_type, "offer"), ack = kd_bytes_eq_str(c->dhcp_type, "ack");
    if (ack)
        device(d, r, &c->assigned_ip, &c->client_mac);
    if (!offer && !ack)
        return;
    /* The option names the server even where a relay stands between. */
    const struct kd_addr *who = !kd_addr_is_none(&c->server_ip) ? &c->server_ip
                                : r->head->src_port == 67       ? &r->head->src
                                                                : &r->head->dst;
    server(d, r, who, &c->assigned_ip, &v);
}

static void mail(struct kd_detect *d, const struct kd_record *r)
{
    static const struct service v = {KD_DUTY_MAIL, "mail server (SMTP)", "メールサーバー"};
    const struct kd_rec_smtp *m = r->body;
    if (m->rcpt_to.n > 0 && r->head->app == KD_APP_SMTP)
        server(d, r, &r->head->dst, &r->head->src, &v);
}

/* Asked for pages of others: the whole address in the request, or CONNECT, and granted. */
static void web(struct kd_detect *d, const struct kd_record *r)
{
    static const struct service v = {KD_DUTY_PROXY, "web proxy", "Web プロキシー"};
    const struct kd_rec_http *h = r->body;
    bool tunnel = kd_bytes_eq_str(h->http_method, "CONNECT");
    bool whole = kd_bytes_istarts(h->url, kd_str("http://")) || kd_bytes_istarts(h->url, kd_str("ftp://"));
    if ((tunnel || whole) && h->status >= 200 && h->status < 300)
        server(d, r, &r->head->dst, &r->head->src, &v);
}

static void socks(struct kd_detect *d, const struct kd_record *r)
{
    static const struct service v = {KD_DUTY_PROXY, "proxy (SOCKS)", "プロキシー(SOCKS)"};
    const struct kd_rec_socks *s = r->body;
    if (kd_bytes_eq_str(s->result, "granted"))
        server(d, r, &r->head->dst, &r->head->src, &v);
}

/* ---- devices for treatment and control ---- */

static bool is_delicate(const struct kd_detect *d, const struct kd_addr *a)
{
    const struct kd_site *s = kd_detect_site(d);
    uint8_t zone = kd_detect_zone_of(d, a);
    unsigned duties = kd_site_duties(s, a);
    if (duties != 0)
        return (duties & (KD_DUTY_MEDICAL | KD_DUTY_CONTROL)) != 0;
    return zone < s->n_zones && (s->zone[zone].kind == KD_KIND_MEDICAL || s->zone[zone].kind == KD_KIND_CONTROL);
}

static void partner(struct kd_detect *d, const struct kd_record *r, const struct kd_addr *device_addr,
                    const struct kd_addr *other, bool serves)
{
    struct kd_key key = kd_key_of(KEY_PARTNERS);
    kd_key_addr(&key, device_addr);
    bool is_new;
    union state *u = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (u == NULL)
        return;
    struct partners *p = &u->partners;
    uint64_t now = kd_detect_now_us(d);
    if (is_new)
        p->first_us = now;
    struct kd_key what = kd_key_of(serves);
    kd_key_addr(&what, other);
    kd_key_u16(&what, r->head->dst_port);
    if (!kd_sums_add(p->sums, PARTNERS, &p->n, kd_sum_text(kd_key_view(&what))) || now - p->first_us < learn_us(d))
        return;
    bool outside = kd_detect_zone_of(d, other) == KD_ZONE_OUTSIDE;
    struct kd_digits port;
    struct kd_fact facts[] = {
        {"where", kd_str(outside ? "outside the site" : "inside")},
        {"where_ja", kd_str(outside ? "外部" : "内部")},
        {"service", kd_service_name(r->head->dst_port, &port)},
    };
    tell(d, r, &kd_finding_KD_PO_0046, device_addr, other, &what, facts, KD_COUNT(facts), outside ? KD_MEDIUM : -1);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_head *h = r->head;
    const struct kd_rec_flow *f = r->body;
    bool answered = f->pkts_toclient > 0 && f->pkts_toserver > 0;
    if (kd_addr_is_multicast(&h->dst) || kd_addr_is_none(&h->src))
        return;
    device(d, r, &h->src, NULL);
    if (!answered)
        return;
    device(d, r, &h->dst, NULL);
    if (f->midstream || kd_bytes_eq_str(f->state, "refused") || (h->proto != 6 && h->proto != 17))
        return;
    if (is_delicate(d, &h->src))
        partner(d, r, &h->src, &h->dst, false);
    if (is_delicate(d, &h->dst))
        partner(d, r, &h->dst, &h->src, true);
}

static void record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_site *s = kd_detect_site(d);
    if (s->n_zones == 0 && s->n_hosts == 0)
        return;
    switch (r->head->type) {
    case KD_REC_FLOW:
        flow(d, r);
        break;
    case KD_REC_ARP: {
        const struct kd_rec_arp *a = r->body;
        device(d, r, &a->sender_ip, &a->sender_mac);
        break;
    }
    case KD_REC_DNS:
        names(d, r);
        break;
    case KD_REC_DHCP:
        addresses(d, r);
        break;
    case KD_REC_SMTP:
        mail(d, r);
        break;
    case KD_REC_SOCKS:
        socks(d, r);
        break;
    default:
        web(d, r);
        break;
    }
}

static void snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    union state *u = state;
    switch (kd_bytes_at(key, 0)) {
    case KEY_BEGIN:
        kd_snap_time(s, &u->begin_us);
        break;
    case KEY_PARTNERS:
        kd_snap_time(s, &u->partners.first_us);
        kd_snap_sums(s, u->partners.sums, PARTNERS, &u->partners.n);
        break;
    default:
        kd_snap_time(s, &u->known.told_us);
        kd_snap_bool(s, &u->known.known);
        kd_snap_bool(s, &u->known.by_mac);
        break;
    }
}

const struct kd_detector kd_detector_registered = {
    .name = "registered",
    .summary_en = "Unknown devices in guarded zones, servers nobody registered, new partners of delicate devices",
    .summary_ja = "登録のない端末やサーバー、医療・制御機器の新しい通信相手",
    .wants = 1u << KD_REC_FLOW | 1u << KD_REC_ARP | 1u << KD_REC_DNS | 1u << KD_REC_DHCP | 1u << KD_REC_SMTP |
             1u << KD_REC_HTTP | (uint64_t)1 << KD_REC_SOCKS,
    .key_state_bytes = sizeof(union state),
    .max_keys = 50000,
    .idle_us = 120 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = record,
    .snap = snap,
    .snap_version = 1,
};
