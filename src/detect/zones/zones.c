/* SPDX-License-Identifier: Apache-2.0 */
/* The network plan and what breaks it: forbidden crossings, machines that stand in two zones, and machines
 * that pass a conversation on across a border.  See zones.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_MAC = 'm', KEY_NAME = 'n', KEY_RELAY = 'r', LEGS = 8, TCP = 6 };
#define NEAR_US (15 * KD_US_PER_MINUTE)
#define LEG_START_US (5 * (uint64_t)KD_US_PER_S)
#define LEG_END_US (10 * (uint64_t)KD_US_PER_S)

/* One side of a conversation that may be passed on. */
struct leg {
    struct kd_addr peer;
    uint64_t start_us, end_us, up, down; /* payload to the server and back */
    uint64_t id;
    uint16_t port;
    bool in; /* towards the machine */
};

union state {
    struct stand { /* a link address or a name, in two zones */
        struct kd_addr addr[2];
        uint64_t last_us[2], since_us;
        uint32_t turns; /* from one zone to the other */
        uint8_t zone[2], n, newest;
        struct kd_ids ids;
    } stand;
    struct relay {
        struct leg leg[LEGS];
        uint32_t n;
    } relay;
};

static const struct kd_tunable tunables[] = {
    {"turns", 4, 2, 1000, "changes", "a machine seen in two zones by turns, within 15 minutes each",
     "2 つの区分に交互に(15 分以内に)現れた回数"},
    {"settle_min", 10, 0, 10080, "minutes", "a link address seen in two zones for this long",
     "同じ MAC アドレスが 2 つの区分で観測された時間"},
    {"relay_bytes", 4096, 256, 1e9, "bytes", "payload of a conversation that was passed on",
     "中継とみなす通信の最小データ量"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* A zone in words; those beside the plan have names of their own in each language. */
static struct kd_bytes words(struct kd_bytes name, bool ja)
{
    if (kd_bytes_eq_str(name, "outside"))
        return kd_str(ja ? "外部" : "the outside");
    if (kd_bytes_eq_str(name, "unlisted"))
        return kd_str(ja ? "区分の定めのないネットワーク" : "a network without a zone");
    return name;
}

static struct kd_bytes zone_words(const struct kd_detect *d, uint8_t zone, bool ja)
{
    return words(kd_site_zone_name(kd_detect_site(d), zone), ja);
}

/* Is there a border between them that not just anything may cross? */
static bool border(const struct kd_detect *d, uint8_t a, uint8_t b)
{
    const struct kd_site *s = kd_detect_site(d);
    return a != b && a < s->n_zones && b < s->n_zones &&
           (!kd_site_allows(s, a, b, 0, 0) || !kd_site_allows(s, b, a, 0, 0));
}

/* Machines that are there to connect zones. */
static bool may_connect(const struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_host_view h = {0};
    (void)kd_detect_host(d, a, &h);
    unsigned declared = kd_site_duties(kd_detect_site(d), a);
    return (h.roles & KD_DUTY_ROUTER) != 0 ||
           (declared & (KD_DUTY_ROUTER | KD_DUTY_PROXY | KD_DUTY_MAIL | KD_DUTY_DNS | KD_DUTY_JUMP)) != 0;
}

/* ---- forbidden crossings ---- */

static void crossing(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_crossing *c = r->body;
    const struct kd_rec_head *h = r->head;
    if (!kd_bytes_eq_str(c->policy, "forbidden"))
        return;
    struct kd_sides sides = kd_sides_of(d, &h->src, &h->dst);
    struct kd_digits port;
    struct kd_key fold = kd_key_of(c->answered);
    kd_key_text(&fold, c->from_zone);
    kd_key_text(&fold, c->to_zone);
    struct kd_fact facts[] = {
        {"from", words(c->from_zone, false)},
        {"from_ja", words(c->from_zone, true)},
        {"to", words(c->to_zone, false)},
        {"to_ja", words(c->to_zone, true)},
        {"service", h->proto == TCP || h->proto == 17 ? kd_service_name(h->dst_port, &port) : kd_str("ping")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = c->answered ? &kd_finding_KD_PO_0040 : &kd_finding_KD_PO_0041,
                   .host = sides.host,
                   .peer = sides.peer,
                   .fold = kd_key_view(&fold),
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = &h->id,
                   .n_record_ids = 1,
                   .first_us = c->start_us,
                   .last_us = c->end_us,
               });
}

/* ---- one machine in two zones ---- */

static void tell_stand(struct kd_detect *d, const struct stand *s, struct kd_bytes what)
{
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {{"from", zone_words(d, s->zone[0], false)}, {"to", zone_words(d, s->zone[1], false)},
                              {"what", what}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_PO_0042,
                   .host = s->addr[s->newest],
                   .peer = s->addr[!s->newest],
                   .fold = what,
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&s->ids, ids),
                   .first_us = s->since_us,
                   .last_us = s->last_us[s->newest],
               });
}

/* Note the zone; true when the machine is in a second one too. */
static bool stands(struct stand *s, const struct kd_record *r, const struct kd_addr *a, uint8_t zone, uint64_t now_us)
{
    unsigned i = 0;
    while (i < s->n && s->zone[i] != zone)
        i++;
    if (i == s->n) {
        if (s->n == 2)
            return false; /* a third one: more than this can follow */
        s->zone[s->n++] = zone;
        s->since_us = now_us;
    }
    if (s->n == 2 && i != s->newest) {
        bool near = now_us - s->last_us[!i] < NEAR_US;
        s->turns = near ? s->turns + 1 : 0;
    }
    s->newest = (uint8_t)i;
    s->addr[i] = *a;
    s->last_us[i] = now_us;
    kd_ids_add(&s->ids, r->head->id);
    return s->n == 2;
}

static void link_address(struct kd_detect *d, const struct kd_record *r, const struct kd_mac *mac,
                         const struct kd_addr *a)
{
    uint8_t zone = kd_detect_zone_of(d, a);
    if (zone >= kd_detect_site(d)->n_zones || kd_mac_is_none(mac) || (mac->b[0] & 1) != 0)
        return;
    struct kd_key key = kd_key_of(KEY_MAC);
    for (unsigned i = 0; i < 6; i += 2)
        kd_key_u16(&key, (uint16_t)((unsigned)mac->b[i] << 8 | mac->b[i + 1]));
    union state *u = kd_detect_state(d, kd_key_view(&key), NULL);
    uint64_t now = kd_detect_now_us(d);
    if (u == NULL || !stands(&u->stand, r, a, zone, now) || !border(d, u->stand.zone[0], u->stand.zone[1]))
        return;
    uint64_t settle = (uint64_t)(kd_detect_tunable(d, "settle_min") * (double)KD_US_PER_MINUTE);
    if (now - u->stand.since_us < settle || kd_detect_routes(d, mac) || may_connect(d, &u->stand.addr[0]) ||
        may_connect(d, &u->stand.addr[1]))
        return;
    uint8_t text[24];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_mac(&o, mac);
    tell_stand(d, &u->stand, kd_out_bytes_view(&o));
}

/* Two cards have two link addresses, but the machine gives one name.  Only names of the domain count: those
 * that telephones and boxes come with are not their own. */
static void name(struct kd_detect *d, const struct kd_record *r, const struct kd_addr *a)
{
    struct kd_host_view h;
    uint8_t zone = kd_detect_zone_of(d, a);
    if (zone >= kd_detect_site(d)->n_zones || !kd_detect_host(d, a, &h) || !h.domain_name || h.name.n == 0)
        return;
    struct kd_key key = kd_key_of(KEY_NAME);
    kd_key_text(&key, h.name);
    union state *u = kd_detect_state(d, kd_key_view(&key), NULL);
    if (u == NULL || !stands(&u->stand, r, a, zone, kd_detect_now_us(d)))
        return;
    struct stand *s = &u->stand;
    if (s->turns >= kd_detect_tunable(d, "turns") && border(d, s->zone[0], s->zone[1]) &&
        !may_connect(d, &s->addr[0]) && !may_connect(d, &s->addr[1])) {
        tell_stand(d, s, h.name);
        s->turns = 0;
    }
}

/* ---- passed on ---- */

static bool about(uint64_t a, uint64_t b)
{
    return kd_gap_us(a, b) <= kd_max_u64(a, b) / 4 + 1024;
}

static bool same_talk(const struct leg *a, const struct leg *b)
{
    return a->in != b->in && kd_gap_us(a->start_us, b->start_us) <= LEG_START_US &&
           kd_gap_us(a->end_us, b->end_us) <= LEG_END_US && about(a->up, b->up) && about(a->down, b->down);
}

static void tell_relay(struct kd_detect *d, const struct kd_addr *machine, const struct leg *in, const struct leg *out)
{
    uint64_t ids[] = {in->id, out->id};
    struct kd_digits port;
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, machine);
    uint8_t from = kd_detect_zone_of(d, &in->peer), to = kd_detect_zone_of(d, &out->peer);
    struct kd_fact facts[] = {{"from", zone_words(d, from, false)},
                              {"from_ja", zone_words(d, from, true)},
                              {"to", zone_words(d, to, false)},
                              {"to_ja", zone_words(d, to, true)},
                              {"service", kd_service_name(out->port, &port)},
                              {"relay", kd_out_bytes_view(&o)}};
    struct kd_sides sides = kd_sides_of(d, &in->peer, &out->peer);
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_PO_0043,
                   .host = sides.host,
                   .peer = sides.peer,
                   .fold = kd_out_bytes_view(&o),
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = KD_COUNT(ids),
                   .first_us = kd_min_u64(in->start_us, out->start_us),
                   .last_us = kd_max_u64(in->end_us, out->end_us),
               });
}

static void take_leg(struct kd_detect *d, const struct kd_addr *machine, const struct leg *leg)
{
    struct kd_key key = kd_key_of(KEY_RELAY);
    kd_key_addr(&key, machine);
    union state *u = kd_detect_state(d, kd_key_view(&key), NULL);
    if (u == NULL)
        return;
    struct relay *s = &u->relay;
    for (unsigned i = 0; i < LEGS && i < s->n; i++) {
        const struct leg *in = leg->in ? leg : &s->leg[i], *out = leg->in ? &s->leg[i] : leg;
        uint8_t from = kd_detect_zone_of(d, &in->peer), to = kd_detect_zone_of(d, &out->peer);
        if (!same_talk(leg, &s->leg[i]) || from == to || kd_addr_eq(&in->peer, &out->peer) ||
            kd_site_allows(kd_detect_site(d), from, to, TCP, out->port))
            continue;
        tell_relay(d, machine, in, out);
        break;
    }
    s->leg[s->n++ % LEGS] = *leg;
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_head *h = r->head;
    const struct kd_rec_flow *f = r->body;
    if (kd_detect_is_inside(d, &h->src))
        name(d, r, &h->src);
    if (h->proto != TCP || f->midstream || kd_bytes_eq_str(f->reason, "update") ||
        (double)(f->data_toserver + f->data_toclient) < kd_detect_tunable(d, "relay_bytes"))
        return;
    struct leg leg = {.start_us = f->start_us, .end_us = f->end_us, .up = f->data_toserver, .down = f->data_toclient,
                      .id = h->id, .port = h->dst_port, .in = true, .peer = h->src};
    if (kd_detect_is_inside(d, &h->dst) && !may_connect(d, &h->dst))
        take_leg(d, &h->dst, &leg);
    leg.in = false;
    leg.peer = h->dst;
    if (kd_detect_is_inside(d, &h->src) && !may_connect(d, &h->src))
        take_leg(d, &h->src, &leg);
}

static void record(struct kd_detect *d, const struct kd_record *r)
{
    if (kd_detect_site(d)->n_zones == 0)
        return;
    if (r->head->type == KD_REC_CROSSING) {
        crossing(d, r);
    } else if (r->head->type == KD_REC_FLOW) {
        flow(d, r);
    } else if (r->head->type == KD_REC_ARP) {
        const struct kd_rec_arp *a = r->body;
        link_address(d, r, &a->sender_mac, &a->sender_ip);
    } else {
        const struct kd_rec_dhcp *c = r->body;
        if (kd_bytes_eq_str(c->dhcp_type, "ack"))
            link_address(d, r, &c->client_mac, &c->assigned_ip);
    }
}

const struct kd_detector kd_detector_zones = {
    .name = "zones",
    .summary_en = "What breaks the network plan: forbidden crossings, machines in two zones, relays",
    .summary_ja = "ネットワークの取り決めに反する通信(禁止された区分間の通信、2 つの区分にまたがる機器、中継)",
    .wants = 1u << KD_REC_FLOW | 1u << KD_REC_ARP | 1u << KD_REC_DHCP | (uint64_t)1 << KD_REC_CROSSING,
    .key_state_bytes = sizeof(union state),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = record,
};
