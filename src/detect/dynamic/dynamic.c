/* SPDX-License-Identifier: Apache-2.0 */
/* Names that can point elsewhere any minute, and one odd label carried from domain to domain.  See dynamic.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PLACE = 'p', KEY_LABEL = 'l', KEY_NAME = 'n', ZONES_KEPT = 16 };

/* An address that a machine learned from a dynamic name. */
struct place {
    uint64_t asked_us;
    uint32_t n_tried, n_spoke; /* conversations: in vain; in an unknown protocol */
    bool told;
    struct kd_word name;
    struct kd_ids ids;
};

/* A name asked for, and the domains that one label was asked for under. */
struct asked {
    uint64_t first_us, last_us;
    uint32_t n, n_zones, zones[ZONES_KEPT], told;
    struct kd_word example;
    struct kd_ids ids;
};

union state {
    struct place place;
    struct asked asked;
};

static const struct kd_tunable tunables[] = {
    {"asked", 12, 4, 1000, "look-ups", "look-ups of one dynamic name over ten minutes or more that are told",
     "知らせる、同じ動的 DNS 名の問い合わせ回数(10 分以上にわたり)"},
    {"domains", 5, 3, 12, "domains", "unrelated domains under which one odd label is asked for",
     "同じ特殊な名前を問い合わせた、無関係なドメインの数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Suppliers of names that their holders may point anywhere at any time. */
static bool is_dynamic(struct kd_bytes name)
{
    static const char *const zones[] = {
        ".duckdns.org", ".no-ip.org", ".no-ip.biz", ".no-ip.info", ".ddns.net", ".hopto.org", ".hopto.me", ".zapto.org",
        ".sytes.net", ".webhop.me", ".webhop.net", ".myftp.biz", ".myftp.org", ".servehttp.com", ".serveftp.com",
        ".servegame.com", ".serveblog.net", ".servebeer.com", ".redirectme.net", ".bounceme.net", ".gotdns.ch",
        ".dynu.net", ".dynu.com", ".dyndns.org", ".dyndns.biz", ".dyndns.tv", ".dyndns-ip.com", ".dynamicdns.org.uk",
        ".dynamicdns.co.uk", ".3utilities.com", ".chickenkiller.com", ".mooo.com", ".publicvm.com", ".linkpc.net",
        ".freedynamicdns.net", ".freedynamicdns.org", ".ddnsking.com", ".ddns.me", ".ddns.us", ".changeip.com",
        ".changeip.net", ".dynserv.com", ".dns-dns.com", ".dnsdynamic.org", ".3322.org", ".8866.org", ".9966.org",
        ".2288.org", ".6600.org", ".7766.org", ".8800.org", ".f3322.net", ".f3322.org", ".vicp.net", ".oicp.net",
        ".gicp.net", ".eicp.net", ".imwork.net", ".homeip.net", ".homelinux.org", ".kicks-ass.net", ".from-ca.com",
        ".blogdns.com", ".selfip.com", ".ns01.us", ".ns02.us", ".x3322.net", ".dyn.dns.tv", ".myvnc.com", ".viewdns.net",
        ".warzonedns.com", ".dns.army", ".dns.navy", ".nsupdate.info", ".loseyourip.com", ".ooguy.com", ".theworkpc.com",
        ".casacam.net", ".giize.com", ".mywire.org", ".accesscam.org", ".camdvr.org", ".kozow.com", ".onthewifi.com"};
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    for (size_t i = 0; i < KD_COUNT(zones); i++)
        if (kd_bytes_iends(name, kd_str(zones[i])))
            return true;
    return false;
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 const struct kd_addr *peer, struct kd_bytes name, uint64_t number, const struct kd_ids *ids_in,
                 uint64_t first_us)
{
    struct kd_digits digits;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {{"name", name}, {"number", kd_digits_of(&digits, number)}};
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = r->head->src, .peer = *peer, .fold = name, .severity = -1, .confidence = -1,
                   .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(ids_in, ids), .first_us = first_us, .last_us = r->head->ts_us,
                   .count = number,
               });
}

static struct kd_key place_key(const struct kd_addr *src, const struct kd_addr *dst)
{
    struct kd_key key = kd_key_of(KEY_PLACE);
    kd_key_addr(&key, src);
    kd_key_addr(&key, dst);
    return key;
}

static bool address_of(struct kd_bytes text, struct kd_addr *ret)
{
    return text.n > 0 && text.n < 46 && kd_addr_parse(text, ret);
}

static void dynamic_name(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    struct kd_key key = kd_key_of(KEY_NAME);
    kd_key_addr(&key, &r->head->src);
    kd_key_text(&key, kd_bytes_head(q->rrname, 128));
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct asked *a = &s->asked;
    a->first_us = a->first_us == 0 ? r->head->ts_us : a->first_us;
    a->n++;
    kd_ids_add(&a->ids, r->head->id);
    bool lasts = r->head->ts_us > a->first_us + 10 * KD_US_PER_MINUTE;
    if (lasts && a->n >= kd_detect_tunable(d, "asked") && (a->told == 0 || a->n >= 4 * a->told)) {
        a->told = a->n;
        tell(d, r, &kd_finding_KD_CC_0060, &r->head->dst, q->rrname, a->n, &a->ids, a->first_us);
    }
    const struct kd_dns_rr *answers = q->answers.v;
    for (size_t i = 0; i < q->answers.n; i++) {
        struct kd_addr at;
        if (!address_of(answers[i].rdata, &at))
            continue;
        struct kd_key place = place_key(&r->head->src, &at);
        s = kd_detect_state(d, kd_key_view(&place), NULL);
        if (s == NULL)
            return;
        s->place.asked_us = r->head->ts_us;
        kd_word_set(&s->place.name, q->rrname);
        kd_ids_add(&s->place.ids, r->head->id);
    }
}

/* Letters and figures that are no word: an identifier.  A word with a number behind it (www2, ns01) is a
 * numbered server. */
static bool is_odd_label(struct kd_bytes label)
{
    enum { SHORTEST = 3, LONGEST = 20, DIGITS = 2 };
    size_t digits = 0, word = 0;
    while (word < label.n && (label.p[word] < '0' || label.p[word] > '9'))
        word++;
    for (size_t i = word; i < label.n; i++)
        digits += label.p[i] >= '0' && label.p[i] <= '9';
    bool numbered = word > 0 && digits == label.n - word;
    return label.n >= SHORTEST && label.n <= LONGEST && digits >= DIGITS && !numbered;
}

/* The same identifier under unrelated domains: a program goes through its control servers. */
static void hopping_label(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    struct kd_bytes name = q->rrname, zone = kd_detect_zone(name), rest = name;
    struct kd_bytes label = kd_bytes_cut(&rest, '.');
    if (zone.n >= name.n || !is_odd_label(label) || kd_bytes_iends(zone, kd_str("arpa")) || kd_bytes_find_byte(zone, '.') == SIZE_MAX)
        return;
    struct kd_key key = kd_key_of(KEY_LABEL);
    kd_key_addr(&key, &r->head->src);
    kd_key_text(&key, label);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct asked *a = &s->asked;
    enum { WINDOW_US = 2 * KD_US_PER_HOUR };
    if (a->first_us != 0 && kd_gap_us(r->head->ts_us, a->last_us) > WINDOW_US)
        *a = (struct asked){0};
    a->first_us = a->first_us == 0 ? r->head->ts_us : a->first_us;
    a->last_us = r->head->ts_us;
    if (!kd_sums_add(a->zones, ZONES_KEPT, &a->n_zones, kd_sum_text(zone)))
        return;
    kd_word_set(&a->example, name);
    kd_ids_add(&a->ids, r->head->id);
    if (a->n_zones == (uint32_t)kd_detect_tunable(d, "domains"))
        tell(d, r, &kd_finding_KD_CC_0061, &r->head->dst, name, a->n_zones, &a->ids, a->first_us);
}

static void dns(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    bool local = r->head->app == KD_APP_MDNS || r->head->app == KD_APP_LLMNR || kd_addr_is_multicast(&r->head->dst);
    if (local || kd_asks_for_others(d, &r->head->src))
        return;
    if (is_dynamic(q->rrname))
        dynamic_name(d, r);
    else
        hopping_label(d, r);
}

/* A conversation with an address learned so, in no protocol that we know or again and again in vain. */
static void flow(struct kd_detect *d, const struct kd_record *r)
{
    enum { TRIES = 3, TOLD_BYTES = 16 };
    const struct kd_rec_flow *f = r->body;
    struct kd_key key = place_key(&r->head->src, &r->head->dst);
    union state *s = kd_detect_peek(d, kd_key_view(&key));
    if (s == NULL || s->place.told)
        return;
    struct place *p = &s->place;
    bool unknown = r->head->app == KD_APP_UNKNOWN || r->head->app == KD_APP_FAILED;
    bool empty = f->data_toserver == 0 && f->data_toclient == 0;
    p->n_tried += empty;
    p->n_spoke += unknown && f->data_toserver >= TOLD_BYTES;
    kd_ids_add(&p->ids, r->head->id);
    if (p->n_spoke == 0 && p->n_tried < TRIES)
        return;
    p->told = true;
    tell(d, r, &kd_finding_KD_CC_0060, &r->head->dst, kd_word_view(&p->name), p->n_spoke + (uint64_t)p->n_tried, &p->ids,
         p->asked_us);
}

static void dynamic_record(struct kd_detect *d, const struct kd_record *r)
{
    bool ours = kd_detect_is_inside(d, &r->head->src) || !kd_detect_is_inside(d, &r->head->dst);
    if (!ours)
        return;
    if (r->head->type == KD_REC_DNS)
        dns(d, r);
    else
        flow(d, r);
}

static void dynamic_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    union state *u = state;
    if (key.p[0] == KEY_PLACE) {
        kd_snap_time(s, &u->place.asked_us);
        kd_snap_u32(s, &u->place.n_tried);
        kd_snap_u32(s, &u->place.n_spoke);
        kd_snap_bool(s, &u->place.told);
        kd_snap_word(s, &u->place.name);
        kd_snap_ids(s, &u->place.ids);
        return;
    }
    kd_snap_time(s, &u->asked.first_us);
    kd_snap_time(s, &u->asked.last_us);
    kd_snap_u32(s, &u->asked.n);
    kd_snap_sums(s, u->asked.zones, ZONES_KEPT, &u->asked.n_zones);
    kd_snap_u32(s, &u->asked.told);
    kd_snap_word(s, &u->asked.example);
    kd_snap_ids(s, &u->asked.ids);
}

const struct kd_detector kd_detector_dynamic = {
    .name = "dynamic",
    .summary_en = "programs steered through dynamic names; one odd label under many domains",
    .summary_ja = "動的 DNS 名による遠隔操作、同じ特殊な名前の多数ドメインへの問い合わせ",
    .wants = (uint64_t)1 << KD_REC_DNS | (uint64_t)1 << KD_REC_FLOW,
    .key_state_bytes = sizeof(union state),
    .max_keys = 40000,
    .idle_us = KD_US_PER_DAY,
    .tunables = tunables,
    .record = dynamic_record,
    .snap = dynamic_snap,
    .snap_version = 1,
};
