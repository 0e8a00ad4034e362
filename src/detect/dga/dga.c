/* SPDX-License-Identifier: Apache-2.0 */
/* Names made by an algorithm: a burst of look-ups of random-looking names that do not exist.  See dga.md. */
#include "detect/common.h"
#include "detect/names.h"
#include "findings.h"

enum { ZONES_KEPT = 128, LABEL_LEAST = 6, EXAMPLES = 3 };

struct misses {
    uint64_t first_us, last_us;
    uint32_t n_zones, n_random, told;
    uint32_t n_tld, n_bytes, n_squares; /* zones under `tld`, a lower bound; their labels' lengths, and squares of them */
    uint32_t tld;
    uint32_t zones[ZONES_KEPT];
    struct kd_addr resolver;
    struct kd_word examples[EXAMPLES];
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"names", 10, 4, 1000, "names", "names that do not exist, asked for by one machine",
     "1 台が問い合わせた、存在しない名前の数"},
    {"random_pct", 50, 10, 100, "%", "share of them that look random", "そのうち無作為に見えるものの割合"},
    {"window_s", 3600, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void tell(struct kd_detect *d, const struct misses *m, const struct kd_addr *host, int severity)
{
    struct kd_digits number, random;
    uint64_t ids[KD_IDS_KEPT];
    uint8_t room[256];
    struct kd_out o = kd_out_of(room, sizeof(room));
    for (size_t i = 0; i < EXAMPLES && m->examples[i].n > 0; i++) {
        kd_out_str(&o, i > 0 ? ", " : "");
        kd_out_bytes(&o, kd_word_view(&m->examples[i]));
    }
    struct kd_fact facts[] = {
        {"number", kd_digits_of(&number, m->n_zones)},
        {"random", kd_digits_of(&random, m->n_random)},
        {"examples", kd_out_bytes_view(&o)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0010, .host = *host, .peer = m->resolver, .severity = severity,
                   .confidence = severity == KD_LOW ? 60 : -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&m->ids, ids), .first_us = m->first_us, .last_us = m->last_us,
                   .count = m->n_zones,
               });
}

/* Names of words or syllables made by one recipe: one top-level domain, and all equally long or all very long.
 * What people mistype, and what filters hide from them, is of all sorts. */
static bool is_uniform(const struct misses *m)
{
    enum { LEAST = 14, VERY_LONG = 17, SPREAD_SQUARED = 1 };
    if (m->n_zones < LEAST || m->n_tld * 10 < m->n_zones * 7)
        return false;
    double mean = (double)m->n_bytes / m->n_zones, spread = (double)m->n_squares / m->n_zones - mean * mean;
    return spread <= SPREAD_SQUARED || mean >= VERY_LONG;
}

/* Many of which half look random, or a few that all do.  -1: nothing to tell. */
static int judge(const struct kd_detect *d, const struct misses *m)
{
    double names = kd_detect_tunable(d, "names"), random = m->n_random * 100.0 / m->n_zones;
    if (m->n_zones >= names && random >= kd_detect_tunable(d, "random_pct"))
        return KD_MEDIUM;
    if (m->n_zones >= names)
        return is_uniform(m) ? KD_LOW : -1;
    return m->n_zones >= names * 0.6 && random >= 90 ? KD_LOW : -1;
}

static void miss(struct kd_detect *d, const struct kd_record *r, struct kd_bytes zone, struct kd_bytes label)
{
    struct kd_key key = kd_key_of('m');
    kd_key_addr(&key, &r->head->src);
    struct misses *m = kd_detect_state(d, kd_key_view(&key), NULL);
    if (m == NULL)
        return;
    uint64_t ts_us = r->head->ts_us;
    if (m->first_us != 0 && kd_gap_us(ts_us, m->first_us) > (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6))
        *m = (struct misses){0};
    if (!kd_sums_add(m->zones, ZONES_KEPT, &m->n_zones, kd_sum_text(zone)))
        return;
    uint32_t tld = kd_sum_text(kd_bytes_from(zone, label.n));
    m->tld = m->n_tld == 0 ? tld : m->tld;
    m->n_tld = m->tld == tld ? m->n_tld + 1 : m->n_tld - 1;
    m->n_bytes += (uint32_t)label.n;
    m->n_squares += (uint32_t)(label.n * label.n);
    m->first_us = m->first_us == 0 ? ts_us : m->first_us;
    m->last_us = ts_us;
    m->resolver = r->head->dst;
    if (kd_name_surprise(label) >= KD_NAME_RANDOM) {
        kd_word_set(&m->examples[m->n_random % EXAMPLES], zone);
        m->n_random++;
        kd_ids_add(&m->ids, r->head->id);
    } else if (m->n_random == 0) {
        kd_word_set(&m->examples[0], zone);
        kd_ids_add(&m->ids, r->head->id);
    }
    int severity = judge(d, m);
    if (severity > KD_LOW && kd_asks_for_others(d, &r->head->src))
        severity = KD_LOW;
    if (severity < 0 || (m->told != 0 && m->n_zones < 2 * m->told))
        return;
    m->told = m->n_zones;
    tell(d, m, &r->head->src, severity);
}

static void dga_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    bool local = r->head->app == KD_APP_MDNS || r->head->app == KD_APP_LLMNR;
    if (local || !kd_bytes_ieq(q->rcode, kd_str("NXDOMAIN")))
        return;
    struct kd_bytes zone = kd_detect_zone(q->rrname);
    struct kd_bytes rest = zone, label = kd_bytes_cut(&rest, '.');
    /* A single label is a local name gone astray, or a browser finding out whether all names resolve. */
    if (rest.n == 0 || label.n < LABEL_LEAST || kd_bytes_iends(zone, kd_str(".arpa")))
        return;
    miss(d, r, zone, label);
}

/* What came after it was last told. */
static void dga_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    const struct misses *m = state;
    struct kd_addr host;
    int severity = m->n_zones > 0 ? judge(d, m) : -1;
    if (m->told == 0 || m->n_zones == m->told || severity < 0)
        return;
    memcpy(host.b, key.p + 1, sizeof(host.b));
    tell(d, m, &host, severity > KD_LOW && kd_asks_for_others(d, &host) ? KD_LOW : severity);
}

const struct kd_detector kd_detector_dga = {
    .name = "dga",
    .summary_en = "bursts of look-ups of random-looking names that do not exist",
    .summary_ja = "無作為に作られた、存在しない名前の集中的な問い合わせ",
    .wants = (uint64_t)1 << KD_REC_DNS,
    .key_state_bytes = sizeof(struct misses),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_HOUR,
    .tunables = tunables,
    .record = dga_record,
    .leave = dga_leave,
};
