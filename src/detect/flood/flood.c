/* SPDX-License-Identifier: Apache-2.0 */
/* Floods: far more empty conversations, or answers nobody asked for, than any use has.  See flood.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_TARGET = 't', KEY_REFLECTED = 'r', KEY_LEASES = 'l', SOURCES_KEPT = 512, IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17,
       IP_ICMPV6 = 58 };

/* What came upon one machine within the window. */
struct tide {
    uint64_t since_us, last_us;
    uint64_t n, packets, bytes;
    uint64_t n_port; /* of n at `port`, a lower bound (Boyer-Moore) */
    uint64_t n_odd;  /* leases: link addresses that no machine can have */
    uint32_t n_sources, told;
    uint16_t port;
    struct kd_addr source; /* the newest */
    uint32_t sources[SOURCES_KEPT];
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"window_s", 60, 10, 600, "s", "time in which they are counted", "数える期間"},
    {"empty", 2000, 100, 10000000, "conversations", "empty conversations with one machine that make a flood",
     "1 台に対する空の通信の数(洪水とみなす)"},
    {"sources", 150, 20, 380, "machines", "from so many sources a tenth of it is enough",
     "この数以上の送信元からの場合は 10 分の 1 で足りる"},
    {"packets", 300000, 10000, 1000000000, "packets", "unanswered packets of one conversation that make a flood",
     "応答のない 1 通信のパケット数(洪水とみなす)"},
    {"servers", 20, 5, 300, "machines", "services whose unasked answers make a flood", "頼んでいない応答を送る機器の数"},
    {"leases", 250, 50, 380, "addresses", "link addresses asking for a lease", "アドレスを要求した MAC アドレスの数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct tide *tide_of(struct kd_detect *d, uint8_t kind, const struct kd_addr *target, uint64_t ts_us)
{
    struct kd_key key = kd_key_of(kind);
    kd_key_addr(&key, target);
    struct tide *t = kd_detect_state(d, kd_key_view(&key), NULL);
    if (t == NULL)
        return NULL;
    uint64_t window_us = (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6);
    if (t->since_us != 0 && ts_us > t->since_us + window_us)
        *t = (struct tide){0};
    if (t->since_us == 0)
        t->since_us = ts_us;
    t->last_us = kd_max_u64(t->last_us, ts_us);
    return t;
}

static void count_port(struct tide *t, uint16_t port)
{
    if (t->n_port == 0)
        t->port = port;
    if (t->port == port)
        t->n_port++;
    else
        t->n_port--;
}

static void tell(struct kd_detect *d, const struct kd_finding_kind *kind, const struct tide *t, const struct kd_addr *host,
                 const struct kd_addr *peer, int severity)
{
    struct kd_digits number, sources, port, packets, bytes;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {
        {"number", kd_digits_of(&number, t->n)},       {"sources", kd_digits_of(&sources, t->n_sources)},
        {"service", kd_service_name(t->port, &port)},  {"packets", kd_digits_of(&packets, t->packets)},
        {"bytes", kd_digits_of(&bytes, t->bytes)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = *host, .peer = *peer, .severity = severity, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = kd_ids_list(&t->ids, ids),
                   .first_us = t->since_us, .last_us = t->last_us, .count = t->n,
               });
}

static bool is_due(struct tide *t, uint32_t level)
{
    if (level <= t->told)
        return false;
    t->told = level;
    return true;
}

/* Many sources, or few that knock at one door over and over.  Many doors knocked at by few is a scan. */
static void judge_target(struct kd_detect *d, struct tide *t, const struct kd_addr *target)
{
    enum { MANY = 10 };
    uint64_t least = (uint64_t)kd_detect_tunable(d, "empty");
    bool spread = t->n_sources >= (uint32_t)kd_detect_tunable(d, "sources");
    bool one_door = t->n_port * 2 >= t->n;
    if (!(spread ? t->n >= least / MANY : t->n >= least && one_door))
        return;
    bool ours = kd_detect_is_inside(d, target);
    uint32_t level = t->n >= least ? 2 : 1;
    if (!is_due(t, level))
        return;
    if (ours)
        tell(d, &kd_finding_KD_IM_0021, t, target, &t->source, level == 2 ? KD_MEDIUM : KD_LOW);
    else if (kd_detect_is_inside(d, &t->source))
        tell(d, &kd_finding_KD_IM_0022, t, &t->source, target, KD_MEDIUM);
}

/* Did nothing come of it?  Knocks, resets out of nowhere, packets nobody answers. */
static bool is_empty(const struct kd_rec_head *h, const struct kd_rec_flow *f)
{
    enum { FEW = 3 };
    if (h->proto == IP_TCP)
        return f->data_toserver == 0 && f->data_toclient == 0 && f->pkts_toserver <= FEW;
    return f->pkts_toclient == 0 && f->pkts_toserver > 0;
}

static void target(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    struct tide *t = tide_of(d, KEY_TARGET, &h->dst, f->start_us);
    if (t == NULL)
        return;
    t->n++;
    t->packets += f->pkts_toserver;
    t->bytes += f->bytes_toserver;
    t->source = h->src;
    (void)kd_sums_add(t->sources, SOURCES_KEPT, &t->n_sources, kd_sum_addr(&h->src));
    count_port(t, h->dst_port);
    kd_ids_add(&t->ids, h->id);
    judge_target(d, t, &h->dst);
}

/* One conversation that alone is a flood: packets by the hundred thousand that nobody answers. */
static void torrent(struct kd_detect *d, const struct kd_record *r)
{
    enum { RATE = 3000 };
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    uint64_t seconds = f->age_us / KD_US_PER_S + 1;
    struct tide *t = tide_of(d, KEY_TARGET, &h->dst, f->start_us);
    if (t == NULL || (double)f->pkts_toserver < kd_detect_tunable(d, "packets") || f->pkts_toserver / seconds < RATE)
        return;
    t->n = t->n == 0 ? 1 : t->n;
    t->n_sources = t->n_sources == 0 ? 1 : t->n_sources;
    t->packets = f->pkts_toserver;
    t->bytes = f->bytes_toserver;
    t->port = h->dst_port;
    t->source = h->src;
    kd_ids_add(&t->ids, h->id);
    if (!is_due(t, 1))
        return;
    struct kd_sides s = kd_sides_of(d, &h->src, &h->dst);
    tell(d, s.from_outside ? &kd_finding_KD_IM_0021 : &kd_finding_KD_IM_0022, t, &s.host, &s.peer, KD_LOW);
}

/* Services that answer a small question with much: answers without a question are aimed at somebody. */
static bool is_amplifier(uint16_t port)
{
    static const uint16_t ports[] = {17, 19, 53, 69, 111, 123, 137, 161, 389, 520, 1900, 3283, 3702, 5353, 11211, 27015};
    for (size_t i = 0; i < KD_COUNT(ports); i++)
        if (ports[i] == port)
            return true;
    return false;
}

static void reflected(struct kd_detect *d, const struct kd_record *r)
{
    enum { BYTES_LEAST = 50000 };
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    struct tide *t = tide_of(d, KEY_REFLECTED, &h->src, f->start_us);
    if (t == NULL)
        return;
    t->n++;
    t->packets += f->pkts_toclient;
    t->bytes += f->bytes_toclient;
    t->source = h->dst;
    t->port = h->dst_port;
    (void)kd_sums_add(t->sources, SOURCES_KEPT, &t->n_sources, kd_sum_addr(&h->dst));
    kd_ids_add(&t->ids, h->id);
    if (t->n_sources >= (uint32_t)kd_detect_tunable(d, "servers") && t->bytes >= BYTES_LEAST && is_due(t, 1))
        tell(d, &kd_finding_KD_IM_0023, t, &h->src, &h->dst, KD_MEDIUM);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    bool update = kd_bytes_eq_str(f->reason, "update");
    if (kd_addr_is_multicast(&h->dst) || kd_addr_is_none(&h->dst))
        return;
    bool unasked = h->proto == IP_UDP && f->pkts_toserver == 0 && f->pkts_toclient > 0;
    if (unasked && !update && is_amplifier(h->dst_port) && kd_detect_is_inside(d, &h->src) &&
        !kd_detect_is_inside(d, &h->dst))
        reflected(d, r);
    else if ((h->proto == IP_TCP || h->proto == IP_UDP) && !update && is_empty(h, f))
        target(d, r);
    if (h->proto != IP_TCP && f->pkts_toclient * 100 < f->pkts_toserver)
        torrent(d, r);
}

/* ---- all leases of a DHCP server asked for at once ---- */

static void lease(struct kd_detect *d, const struct kd_record *r)
{
    enum { GROUP_BIT = 1, IMPOSSIBLE = 20, OFTEN = 4 };
    const struct kd_rec_dhcp *l = r->body;
    bool asks = kd_bytes_ieq(l->dhcp_type, kd_str("discover")) || kd_bytes_ieq(l->dhcp_type, kd_str("request"));
    if (!asks || kd_mac_is_none(&l->client_mac))
        return;
    static const struct kd_addr anywhere;
    struct tide *t = tide_of(d, KEY_LEASES, &anywhere, r->head->ts_us);
    uint32_t sum = (uint32_t)l->client_mac.b[2] << 24 | (uint32_t)l->client_mac.b[3] << 16 | (uint32_t)l->client_mac.b[4] << 8 |
                   l->client_mac.b[5];
    if (t == NULL)
        return;
    t->n++;
    if (kd_sums_add(t->sources, SOURCES_KEPT, &t->n_sources, (sum * 2654435761u) | 1))
        t->n_odd += (l->client_mac.b[0] & GROUP_BIT) != 0;
    kd_ids_add(&t->ids, r->head->id);
    /* One that forges only its transactions asks far oftener than clients that wait for their answer. */
    double leases = kd_detect_tunable(d, "leases");
    bool many = (double)t->n_sources >= leases || (double)t->n >= OFTEN * leases;
    if ((many || t->n_odd >= IMPOSSIBLE) && is_due(t, many ? 2 : 1))
        tell(d, &kd_finding_KD_IM_0024, t, &r->head->dst, &r->head->src, KD_MEDIUM);
}

static void flood_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_FLOW)
        flow(d, r);
    else
        lease(d, r);
}

const struct kd_detector kd_detector_flood = {
    .name = "flood",
    .summary_en = "floods of empty conversations, of answers nobody asked for, of address requests",
    .summary_ja = "空の通信・頼んでいない応答・アドレス要求の洪水",
    .wants = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_DHCP,
    .key_state_bytes = sizeof(struct tide),
    .max_keys = 4000,
    .idle_us = 10 * KD_US_PER_MINUTE,
    .tunables = tunables,
    .record = flood_record,
};
