/* SPDX-License-Identifier: Apache-2.0 */
/* Data carried in look-ups.  See dnstunnel.md. */
#include "detect/common.h"
#include "detect/names.h"
#include "findings.h"

enum { NAMES_KEPT = 128, CALLERS_KEPT = 8, KEY_ZONE = 'z', KEY_WHO = 'w', LONG_LABEL = 40 };

struct carrier {
    uint64_t first_us, last_us;
    uint32_t n_queries, n_odd_types; /* TXT, NULL, CNAME, MX, SRV … as questions */
    uint32_t n_null;
    uint32_t n_names;    /* different names below the zone */
    uint32_t n_encoded;  /* of them looking like data */
    uint32_t n_bytes;    /* of these */
    uint32_t told;
    uint32_t names[NAMES_KEPT];
    struct kd_addr resolver;
    struct kd_word example;
    struct kd_ids ids;
};

union state {
    struct carrier carrier;
    struct {
        uint32_t n, sums[CALLERS_KEPT];
    } callers;
};

static const struct kd_tunable tunables[] = {
    {"names", 8, 4, 1000, "names", "different data-like names below one zone", "1 つのゾーンの下の、データらしい名前の数"},
    {"name_bytes", 18, 8, 100, "bytes", "their mean length", "その平均の長さ"},
    {"many_names", 64, 16, 128, "names", "so many names are told whatever their length", "長さを問わず知らせる名前の数"},
    {"sure_bytes", 1000, 100, 1000000, "bytes", "from this much data on the finding is a medium one",
     "深刻度を中とするデータ量"},
    {"common", 4, 2, 6, "machines", "a zone asked for by so many machines is not told",
     "この台数以上が問い合わせるゾーンは知らせない"},
    {"window_s", 3600, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* A last label that no registry would hand out: the name as a whole is data. */
static bool is_no_tld(struct kd_bytes label)
{
    enum { TLD_MOST = 24 };
    for (size_t i = 0; i < label.n; i++)
        if (label.p[i] >= '0' && label.p[i] <= '9' && !kd_bytes_istarts(label, kd_str("xn--")))
            return true;
    return label.n > TLD_MOST;
}

static struct kd_bytes last_label(struct kd_bytes name)
{
    for (size_t i = name.n; i > 0; i--)
        if (name.p[i - 1] == '.')
            return kd_bytes_from(name, i);
    return name;
}

/* Addresses asked backwards (block lists) and service names are not data. */
static bool is_plain(struct kd_bytes sub)
{
    bool digits = true;
    for (size_t i = 0; i < sub.n; i++)
        digits &= sub.p[i] == '.' || (sub.p[i] >= '0' && sub.p[i] <= '9');
    return digits || kd_bytes_starts(sub, kd_str("_")) || kd_bytes_icontains(sub, kd_str("._"));
}

/* Hexadecimal digits of both kinds: sixteen signs surprise less than a whole alphabet, but no word is made of them. */
static bool is_hex(struct kd_bytes label)
{
    enum { FEW = 2 };
    unsigned digits = 0, letters = 0;
    for (size_t i = 0; i < label.n; i++) {
        uint8_t c = label.p[i] | 0x20;
        digits += label.p[i] >= '0' && label.p[i] <= '9';
        letters += c >= 'a' && c <= 'f';
    }
    return digits + letters == label.n && digits >= FEW && letters >= FEW;
}

/* Does what stands before the zone look like data: a long label, or letters in no order of words? */
static bool is_encoded(struct kd_bytes sub)
{
    enum { SHORT = 8 };
    struct kd_bytes longest = {NULL, 0};
    while (sub.n > 0) {
        struct kd_bytes label = kd_bytes_cut(&sub, '.');
        if (label.n > longest.n)
            longest = label;
    }
    return longest.n >= SHORT &&
           (longest.n >= LONG_LABEL || is_hex(longest) || kd_name_surprise(longest) >= KD_NAME_RANDOM);
}

static bool is_odd_type(struct kd_bytes type)
{
    static const char *const plain[] = {"A", "AAAA", "HTTPS", "SVCB", "PTR", "NS", "SOA", "DS", "DNSKEY"};
    for (size_t i = 0; i < KD_COUNT(plain); i++)
        if (kd_bytes_eq_str(type, plain[i]))
            return false;
    return type.n > 0;
}

static uint32_t callers_of(struct kd_detect *d, struct kd_bytes zone, const struct kd_addr *src)
{
    struct kd_key key = kd_key_of(KEY_WHO);
    kd_key_text(&key, zone);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return 0;
    (void)kd_sums_add(s->callers.sums, CALLERS_KEPT, &s->callers.n, kd_sum_addr(src));
    return s->callers.n;
}

static void tell(struct kd_detect *d, const struct carrier *c, const struct kd_addr *host, struct kd_bytes zone,
                 int severity)
{
    struct kd_digits number, bytes;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {
        {"zone", zone.n > 0 ? zone : kd_str("-")},
        {"number", kd_digits_of(&number, c->n_names)},
        {"bytes", kd_digits_of(&bytes, c->n_bytes)},
        {"example", kd_word_view(&c->example)},
    };
    struct kd_key fold = kd_key_of(KEY_ZONE);
    kd_key_text(&fold, zone);
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0009, .host = *host, .peer = c->resolver, .fold = kd_key_view(&fold),
                   .severity = severity, .confidence = severity == KD_MEDIUM ? 85 : 60, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = kd_ids_list(&c->ids, ids),
                   .first_us = c->first_us, .last_us = c->last_us, .count = c->n_queries,
               });
}

/* -1: nothing to tell. */
static int judge(const struct kd_detect *d, const struct carrier *c)
{
    enum { NULLS = 8, COMMANDS = 20, COMMAND_NAMES = 10 };
    double names = kd_detect_tunable(d, "names");
    bool odd = c->n_odd_types * 2 >= c->n_queries;
    bool encoded = c->n_encoded >= names && c->n_encoded * 10 >= c->n_names * 8;
    if (encoded && c->n_bytes >= c->n_encoded * kd_detect_tunable(d, "name_bytes"))
        return odd || c->n_bytes >= kd_detect_tunable(d, "sure_bytes") ? KD_MEDIUM : KD_LOW;
    if (c->n_null >= NULLS)
        return KD_MEDIUM;
    /* Short ones carry little each: only many of them are data. */
    if (encoded && c->n_names >= kd_detect_tunable(d, "many_names"))
        return odd ? KD_MEDIUM : KD_LOW;
    /* Commands fetched as text: the names are short, but many and never the same. */
    bool commands = c->n_odd_types >= COMMANDS && c->n_names >= COMMAND_NAMES &&
                    c->n_odd_types * 10 >= c->n_queries * 8;
    return commands ? KD_LOW : -1;
}

static void query(struct kd_detect *d, const struct kd_record *r, struct kd_bytes zone, struct kd_bytes sub)
{
    const struct kd_rec_dns *q = r->body;
    struct kd_key key = kd_key_of(KEY_ZONE);
    kd_key_addr(&key, &r->head->src);
    kd_key_text(&key, zone);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct carrier *c = &s->carrier;
    uint64_t ts_us = r->head->ts_us;
    if (c->first_us != 0 && kd_gap_us(ts_us, c->first_us) > (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6))
        *c = (struct carrier){0};
    c->first_us = c->first_us == 0 ? ts_us : c->first_us;
    c->last_us = ts_us;
    c->resolver = r->head->dst;
    c->n_queries++;
    c->n_odd_types += is_odd_type(q->rrtype);
    c->n_null += kd_bytes_eq_str(q->rrtype, "NULL");
    if (sub.n > 0 && kd_sums_add(c->names, NAMES_KEPT, &c->n_names, kd_sum_text(sub)) && is_encoded(sub)) {
        c->n_encoded++;
        c->n_bytes += (uint32_t)sub.n;
        kd_word_set(&c->example, sub);
        kd_ids_add(&c->ids, r->head->id);
    } else if (c->n_names >= NAMES_KEPT / 4 * 3 && is_encoded(sub)) {
        c->n_bytes += (uint32_t)sub.n; /* the set is full: this is clear by now, only its amount counts */
    }
    if (c->example.n == 0)
        kd_word_set(&c->example, sub);
    int severity = judge(d, c);
    if (severity < 0 || (c->told != 0 && c->n_queries < 2 * c->told))
        return;
    c->told = c->n_queries;
    if (callers_of(d, zone, &r->head->src) < (uint32_t)kd_detect_tunable(d, "common"))
        tell(d, c, &r->head->src, zone, severity);
}

static void dnstunnel_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dns *q = r->body;
    bool local = r->head->app == KD_APP_MDNS || r->head->app == KD_APP_LLMNR || kd_addr_is_multicast(&r->head->dst);
    struct kd_bytes name = q->rrname;
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    if (local || kd_bytes_find_byte(name, '.') == SIZE_MAX || kd_bytes_iends(name, kd_str(".arpa")))
        return;
    struct kd_bytes zone = is_no_tld(last_label(name)) ? kd_bytes_of(NULL, 0) : kd_detect_zone(name);
    struct kd_bytes sub = kd_bytes_head(name, zone.n == 0 ? name.n : name.n - zone.n - (zone.n < name.n));
    if (sub.n == 0 || is_plain(sub))
        return;
    query(d, r, zone, sub);
}

const struct kd_detector kd_detector_dnstunnel = {
    .name = "dnstunnel",
    .summary_en = "data carried in DNS look-ups",
    .summary_ja = "DNS の問い合わせに隠したデータの送受信",
    .wants = (uint64_t)1 << KD_REC_DNS,
    .key_state_bytes = sizeof(union state),
    .max_keys = 40000,
    .idle_us = 2 * KD_US_PER_HOUR,
    .tunables = tunables,
    .record = dnstunnel_record,
};
