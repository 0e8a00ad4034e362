/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that puts itself between others: false answers to local names, false link addresses, a
 * second address server.  See mitm.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_NAMES = 'n', KEY_ADDRESS = 'a', KEY_MAC = 'm', KEY_DHCP = 'd', NAMES_KEPT = 32 };
#define WINDOW_US KD_US_PER_HOUR
#define FLIP_US (10 * KD_US_PER_MINUTE)

union state {
    struct names { /* answered by one machine with its own address */
        uint64_t first_us, last_us;
        uint32_t n, told;
        uint32_t names[NAMES_KEPT];
        struct kd_word last;
        struct kd_addr asked_by;
        struct kd_ids ids;
    } names;
    struct address { /* who says to have it */
        struct kd_mac mac, before;
        uint64_t changed_us;
        uint32_t flips;
        bool told;
        struct kd_ids ids;
    } address;
    struct kd_addr first; /* of KEY_MAC: its own address, most likely */
    struct dhcp {         /* of one network: what the address server said so far */
        struct kd_addr server;
        uint64_t last_us;
        uint32_t options;
    } dhcp;
};

static const struct kd_tunable tunables[] = {
    {"names", 2, 1, 32, "names", "different names answered with one's own address",
     "自分のアドレスで応答した異なる名前の数"},
    {"names_sure", 4, 2, 32, "names", "from this many on the finding is a medium one",
     "深刻度を中とする数"},
    {"flips", 3, 1, 1000, "changes", "an address going back and forth between two link addresses",
     "アドレスが 2 つの MAC アドレスの間で入れ替わった回数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* ---- names ---- */

/* Names that no machine has; who answers them wants to be the proxy or the router. */
static bool is_bait(struct kd_bytes name)
{
    return kd_bytes_ieq(name, kd_str("wpad")) || kd_bytes_ieq(name, kd_str("isatap"));
}

static void tell_names(struct kd_detect *d, const struct kd_record *r, const struct kd_addr *who,
                       struct names *s, bool bait)
{
    uint64_t ids[KD_IDS_KEPT];
    struct kd_digits number;
    s->told = s->n;
    struct kd_sides sides = kd_sides_of(d, who, &s->asked_by);
    struct kd_fact facts[] = {{"number", kd_digits_of(&number, s->n)},
                              {"name", kd_word_view(&s->last)}};
    kd_find(d,
            &(struct kd_finding){
                .kind = &kd_finding_KD_CR_0039,
                .host = sides.host,
                .peer = sides.peer,
                .severity = bait || s->n >= kd_detect_tunable(d, "names_sure") ? KD_MEDIUM : KD_LOW,
                .confidence = -1,
                .facts = facts,
                .n_facts = KD_COUNT(facts),
                .record_ids = ids,
                .n_record_ids = kd_ids_list(&s->ids, ids),
                .first_us = s->first_us,
                .last_us = r->head->ts_us,
                .count = s->n,
            });
}

static void answered(struct kd_detect *d, const struct kd_record *r, struct kd_bytes name,
                     const struct kd_addr *who, const struct kd_addr *asker)
{
    struct kd_bytes label = kd_bytes_cut(&name, '.');
    struct kd_host_view host;
    if (label.n == 0 || (kd_detect_host(d, who, &host) &&
                         kd_bytes_ieq(kd_bytes_head(host.name, 15), kd_bytes_head(label, 15))))
        return; /* its own name */
    struct kd_key key = kd_key_of(KEY_NAMES);
    kd_key_addr(&key, who);
    union state *u = kd_detect_state(d, kd_key_view(&key), NULL);
    if (u == NULL)
        return;
    struct names *s = &u->names;
    if (s->n > 0 && kd_gap_us(r->head->ts_us, s->first_us) > WINDOW_US)
        *s = (struct names){0};
    if (s->n == 0) {
        s->first_us = r->head->ts_us;
        s->asked_by = *asker;
    }
    kd_ids_add(&s->ids, r->head->id);
    if (!kd_sums_add(s->names, NAMES_KEPT, &s->n, kd_sum_text(kd_bytes_head(label, 15))))
        return;
    kd_word_set(&s->last, label);
    bool bait = is_bait(label);
    if (bait || (s->n >= kd_detect_tunable(d, "names") && (s->told == 0 || s->n >= 2 * s->told)))
        tell_names(d, r, who, s, bait);
}

/* Which of the two ends gave this address as its own? */
static bool own_address(const struct kd_record *r, struct kd_bytes text, struct kd_addr *ret_who,
                        struct kd_addr *ret_asker)
{
    struct kd_addr a;
    if (!kd_addr_parse(text, &a))
        return false;
    if (kd_addr_eq(&a, &r->head->src)) {
        *ret_who = r->head->src;
        *ret_asker = r->head->dst;
        return true;
    }
    *ret_who = r->head->dst;
    *ret_asker = r->head->src;
    return kd_addr_eq(&a, &r->head->dst);
}

static void local_name(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *n = r->body;
    struct kd_addr who, asker;
    bool local = r->head->app == KD_APP_LLMNR || r->head->app == KD_APP_MDNS;
    if (!local || !kd_bytes_eq_str(n->kind, "response"))
        return;
    const struct kd_dns_rr *rr = n->answers.v;
    for (size_t i = 0; i < n->answers.n; i++)
        if (kd_bytes_eq_str(rr[i].rrtype, "A") && own_address(r, rr[i].rdata, &who, &asker))
            answered(d, r, rr[i].rrname, &who, &asker);
}

static void netbios(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_nbns *n = r->body;
    struct kd_addr who, asker;
    if (!kd_bytes_eq_str(n->kind, "response") || n->group || n->rcode != 0 || n->addresses.n == 0 ||
        (n->suffix != 0 && n->suffix != 0x20) || !own_address(r, n->addresses.v[0], &who, &asker))
        return;
    answered(d, r, n->name, &who, &asker);
}

/* ---- link addresses ---- */

/* Shared by routers on purpose: VRRP, HSRP. */
static bool is_shared(const struct kd_mac *m)
{
    static const uint8_t heads[][4] = {{0, 0, 0x5e, 0}, {0, 0, 0x0c, 0x07}, {0, 0, 0x0c, 0x9f}};
    for (size_t i = 0; i < KD_COUNT(heads); i++)
        if (memcmp(m->b, heads[i], 4) == 0)
            return true;
    return false;
}

static bool same(const struct kd_mac *a, const struct kd_mac *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* The address that a link address had first. */
static struct kd_addr first_of(struct kd_detect *d, const struct kd_mac *mac,
                               const struct kd_addr *a)
{
    struct kd_key key = kd_key_of(KEY_MAC);
    kd_key_text(&key, kd_bytes_of(mac->b, sizeof(mac->b)));
    bool is_new;
    union state *u = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (u == NULL)
        return *a;
    if (is_new)
        u->first = *a;
    return u->first;
}

static void tell_flips(struct kd_detect *d, const struct kd_record *r, struct address *s,
                       const struct kd_addr *a, const struct kd_addr *liar)
{
    uint64_t ids[KD_IDS_KEPT];
    struct kd_digits number;
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, a);
    s->told = true;
    struct kd_fact facts[] = {{"number", kd_digits_of(&number, s->flips)},
                              {"address", kd_out_bytes_view(&o)}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0040,
                   .host = *liar,
                   .peer = *a,
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&s->ids, ids),
                   .first_us = s->changed_us,
                   .last_us = r->head->ts_us,
                   .count = s->flips,
               });
}

static void link(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_arp *a = r->body;
    if (kd_addr_is_none(&a->sender_ip) || kd_mac_is_none(&a->sender_mac) ||
        is_shared(&a->sender_mac))
        return;
    struct kd_addr own = first_of(d, &a->sender_mac, &a->sender_ip);
    struct kd_key key = kd_key_of(KEY_ADDRESS);
    kd_key_addr(&key, &a->sender_ip);
    union state *u = kd_detect_state(d, kd_key_view(&key), NULL);
    if (u == NULL)
        return;
    struct address *s = &u->address;
    if (same(&s->mac, &a->sender_mac))
        return;
    bool back =
        same(&s->before, &a->sender_mac) && kd_gap_us(r->head->ts_us, s->changed_us) < FLIP_US;
    struct kd_mac other = s->mac;
    s->flips = back ? s->flips + 1 : 0;
    s->before = s->mac;
    s->mac = a->sender_mac;
    s->changed_us = r->head->ts_us;
    kd_ids_add(&s->ids, r->head->id);
    if (s->flips < kd_detect_tunable(d, "flips") || s->told)
        return;
    struct kd_addr of_other = first_of(d, &other, &a->sender_ip);
    bool is_owner = kd_addr_eq(&own, &a->sender_ip); /* then it is the other that lies */
    tell_flips(d, r, s, &a->sender_ip, is_owner ? &of_other : &own);
}

/* ---- address servers ---- */

static uint32_t options_of(const struct kd_rec_dhcp *h)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < h->routers.n; i++)
        sum = sum * 31 + kd_sum_text(h->routers.v[i]);
    for (size_t i = 0; i < h->dns_servers.n; i++)
        sum = sum * 37 + kd_sum_text(h->dns_servers.v[i]);
    return sum;
}

static void addresses(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dhcp *h = r->body;
    bool offer =
        kd_bytes_ieq(h->dhcp_type, kd_str("offer")) || kd_bytes_ieq(h->dhcp_type, kd_str("ack"));
    if (!offer || kd_addr_is_none(&h->server_ip) || h->routers.n + h->dns_servers.n == 0)
        return;
    struct kd_key key = kd_key_of(KEY_DHCP);
    kd_key_u16(&key, r->head->vlan);
    kd_key_addr(&key, &h->relay_ip);
    union state *u = kd_detect_state(d, kd_key_view(&key), NULL);
    if (u == NULL)
        return;
    struct dhcp *s = &u->dhcp;
    uint32_t options = options_of(h);
    bool known = s->last_us != 0 && kd_gap_us(r->head->ts_us, s->last_us) < KD_US_PER_DAY;
    if (!known || kd_addr_eq(&s->server, &h->server_ip)) {
        *s = (struct dhcp){h->server_ip, r->head->ts_us, options};
        return;
    }
    if (options == s->options)
        return; /* a second server that says the same */
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, &s->server);
    struct kd_fact facts[] = {
        {"server", kd_out_bytes_view(&o)},
        {"router", h->routers.n > 0 ? h->routers.v[0] : kd_str("-")},
        {"dns", h->dns_servers.n > 0 ? h->dns_servers.v[0] : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0041,
                   .host = h->server_ip,
                   .peer = h->assigned_ip,
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

static void mitm_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_DNS)
        local_name(d, r);
    else if (r->head->type == KD_REC_NBNS)
        netbios(d, r);
    else if (r->head->type == KD_REC_ARP)
        link(d, r);
    else
        addresses(d, r);
}

const struct kd_detector kd_detector_mitm = {
    .name = "mitm",
    .summary_en = "false answers to local names, false link addresses, a second address server",
    .summary_ja = "名前解決・ARP のなりすまし、不正な DHCP サーバー",
    .wants = (uint64_t)1 << KD_REC_DNS | (uint64_t)1 << KD_REC_NBNS | (uint64_t)1 << KD_REC_ARP |
             (uint64_t)1 << KD_REC_DHCP,
    .key_state_bytes = sizeof(union state),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = mitm_record,
};
