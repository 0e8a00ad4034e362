/* SPDX-License-Identifier: Apache-2.0 */
/* Regular calls to one peer, and long sessions in an unknown protocol.  See beacon.md. */
#include "detect/beacon/rhythm.h"
#include "detect/beacon/session.h"
#include "detect/common.h"
#include "findings.h"

enum { KEY_CALLS = 'c', KEY_PEER = 'p', KEY_ROUND = 'r', CALLERS_KEPT = 16, TARGETS_MANY = 4, IP_TCP = 6, IP_UDP = 17 };

#define SPAN_LEAST_US KD_US_PER_MINUTE        /* shorter is no habit */
#define SURE_SPAN_US (8 * KD_US_PER_MINUTE)

#define SLOW_GAP_US (10 * KD_US_PER_MINUTE)

enum call_kind { CALL_HTTP, CALL_TLS, CALL_RAW };

struct calls {
    uint64_t at_us[KD_RHYTHM_MAX];
    uint32_t bytes[KD_RHYTHM_MAX];
    uint32_t n;        /* all calls; the newest KD_RHYTHM_MAX are kept */
    uint32_t judged;   /* n when last judged */
    uint32_t answered;
    uint32_t steady;      /* judgements in a row that found a rhythm */
    uint32_t n_from_page; /* requests of pages, not counted in n */
    uint8_t kind;      /* enum call_kind */
    uint8_t proto;
    uint16_t port;
    uint32_t n_targets, targets[8]; /* addresses behind a name */
    struct kd_addr source, target;
    struct kd_word name; /* of the peer; empty: its address */
    struct kd_ids ids;
};

/* Who calls a peer: what many call is no secret channel.  Also whom a machine goes its rounds to. */
struct callers {
    uint32_t n, sums[CALLERS_KEPT];
};

union state {
    struct calls calls;
    struct callers callers;
    struct kd_greeting greeting;
};

static const struct kd_tunable tunables[] = {
    {"calls", 6, 5, 60, "calls", "fewest calls that make a rhythm", "規則性を判断する最少の回数"},
    {"common", 5, 2, 12, "machines", "a peer called by so many inside machines is not told",
     "この台数以上が接続する相手は知らせない"},
    {"session_s", 60, 10, 86400, "s", "shortest session in an unknown protocol that is told",
     "不明な通信の持続時間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct kd_key peer_key(const struct calls *c)
{
    struct kd_key key = kd_key_of(KEY_PEER);
    if (c->name.n > 0)
        kd_key_text(&key, kd_detect_zone(kd_word_view(&c->name)));
    else
        kd_key_addr(&key, &c->target);
    return key;
}

/* Note who calls; do many? */
static bool note_caller(struct kd_detect *d, const struct calls *c)
{
    struct kd_key key = peer_key(c);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return false;
    (void)kd_sums_add(s->callers.sums, CALLERS_KEPT, &s->callers.n, kd_sum_addr(&c->source));
    return s->callers.n >= (uint32_t)kd_detect_tunable(d, "common");
}

/* A machine that looks after others calls several of them by turns. */
static bool goes_rounds(struct kd_detect *d, const struct calls *c, bool add)
{
    enum { SEVERAL = 4 };
    struct kd_key key = kd_key_of(KEY_ROUND);
    kd_key_addr(&key, &c->source);
    kd_key_u16(&key, c->port);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return false;
    if (add)
        (void)kd_sums_add(s->callers.sums, CALLERS_KEPT, &s->callers.n, kd_sum_addr(&c->target));
    return s->callers.n >= SEVERAL;
}

static const struct kd_finding_kind *kind_of(const struct calls *c)
{
    if (c->kind == CALL_HTTP)
        return &kd_finding_KD_CC_0003;
    if (c->kind == CALL_TLS)
        return &kd_finding_KD_CC_0004;
    return c->answered * 4 < c->n ? &kd_finding_KD_CC_0006 : &kd_finding_KD_CC_0005;
}

static void tell(struct kd_detect *d, const struct calls *c, const struct kd_rhythm *r, int severity, int confidence)
{
    struct kd_digits number, seconds, spread, port;
    uint64_t ids[KD_IDS_KEPT];
    uint8_t address[48];
    struct kd_out o = kd_out_of(address, sizeof(address));
    kd_out_addr(&o, &c->target);
    struct kd_fact facts[] = {
        {"name", c->name.n > 0 ? kd_word_view(&c->name) : kd_out_bytes_view(&o)},
        {"number", kd_digits_of(&number, c->n)},
        {"period", kd_digits_of(&seconds, (r->period_us + KD_US_PER_S / 2) / KD_US_PER_S)},
        {"spread", kd_digits_of(&spread, r->spread_pct)},
        {"port", kd_digits_of(&port, c->port)},
    };
    struct kd_key fold = peer_key(c);
    uint64_t first_us = UINT64_MAX, last_us = 0;
    for (uint32_t i = 0; i < c->n && i < KD_RHYTHM_MAX; i++) {
        first_us = kd_min_u64(first_us, c->at_us[i]);
        last_us = kd_max_u64(last_us, c->at_us[i]);
    }
    kd_find(d, &(struct kd_finding){
                   .kind = kind_of(c), .host = c->source, .peer = c->target, .fold = kd_key_view(&fold),
                   .severity = severity, .confidence = confidence, .facts = facts, .n_facts = KD_COUNT(facts),
                   .record_ids = ids, .n_record_ids = kd_ids_list(&c->ids, ids), .first_us = first_us,
                   .last_us = last_us, .count = c->n,
               });
}

/* How sure it is that a program keeps calling: steadiness, equal sizes, number; less where the calls go to
 * many addresses of one name (content networks). */
static int confidence_of(const struct calls *c, const struct kd_rhythm *r, bool same_size)
{
    int confidence = 80 - (int)r->spread_pct + (r->n >= 12 ? 10 : 0) - (r->missed > 0 ? 5 : 0);
    if (c->kind != CALL_TLS)
        confidence += same_size ? 10 : -10;
    if (c->n_targets >= TARGETS_MANY)
        confidence -= 15;
    if (c->n_from_page > 0)
        confidence -= 25;
    return confidence > 95 ? 95 : confidence < 30 ? 30 : confidence;
}

static void judge(struct kd_detect *d, struct calls *c)
{
    enum { FEW = 12, SURE = 75, SURE_CALLS = 10, SAME_SIZE_PCT = 20 };
    uint64_t at[KD_RHYTHM_MAX];
    unsigned n = c->n < KD_RHYTHM_MAX ? c->n : KD_RHYTHM_MAX;
    struct kd_rhythm r;
    c->judged = c->n;
    memcpy(at, c->at_us, n * sizeof(at[0]));
    bool regular = kd_rhythm_of(at, n, (unsigned)kd_detect_tunable(d, "calls"), &r);
    c->steady = regular ? c->steady + 1 : 0;
    bool common = note_caller(d, c);
    if (!regular || common || r.period_us * r.n < SPAN_LEAST_US)
        return;
    bool same_size = kd_spread_pct(c->bytes, n) <= SAME_SIZE_PCT;
    /* A few steady gaps also come by chance; few equal requests do not. */
    if (r.n < FEW && (!same_size || c->kind == CALL_TLS))
        return;
    int confidence = confidence_of(c, &r, same_size);
    bool outside = !kd_detect_is_inside(d, &c->target);
    bool lasts = r.period_us * r.n >= SURE_SPAN_US && c->steady >= 2;
    bool sure = outside && lasts && confidence >= SURE && r.n >= SURE_CALLS && kind_of(c) != &kd_finding_KD_CC_0006;
    /* Inside, equipment with a protocol of its own keeps calling its server: only worth keeping. */
    int plain = !outside && (c->kind == CALL_RAW || goes_rounds(d, c, false)) ? KD_INFO : KD_LOW;
    tell(d, c, &r, sure ? KD_MEDIUM : plain, confidence);
}

/* Judged when there are enough, and then each time a third more came. */
static bool is_time_to_judge(const struct kd_detect *d, const struct calls *c)
{
    return c->n >= (uint32_t)kd_detect_tunable(d, "calls") && c->n - c->judged > c->judged / 3;
}

struct call {
    enum call_kind kind;
    struct kd_bytes name;
    uint64_t at_us;
    uint64_t bytes;
    bool answered;
    bool from_page; /* names a page as its referrer */
};

static void add(struct kd_detect *d, const struct kd_record *r, const struct call *call)
{
    const struct kd_rec_head *h = r->head;
    struct kd_key key = kd_key_of(KEY_CALLS);
    kd_key_addr(&key, &h->src);
    kd_key_u16(&key, h->dst_port);
    if (call->name.n > 0)
        kd_key_text(&key, kd_bytes_head(call->name, 100));
    else
        kd_key_addr(&key, &h->dst);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct calls *c = &s->calls;
    /* A page that is open and asks for news names itself as the referrer; what else goes there is likely its
     * work too. */
    if (call->from_page) {
        c->n_from_page++;
        return;
    }
    /* Slow calls come seldom enough to be noted each; between quick ones the peer's callers are not forgotten. */
    bool slow = c->n > 0 && kd_gap_us(call->at_us, c->at_us[(c->n - 1) % KD_RHYTHM_MAX]) > SLOW_GAP_US;
    uint32_t slot = c->n++ % KD_RHYTHM_MAX;
    c->at_us[slot] = call->at_us;
    c->bytes[slot] = (uint32_t)kd_min_u64(call->bytes, UINT32_MAX);
    c->answered += call->answered;
    c->kind = (uint8_t)call->kind;
    c->proto = h->proto;
    c->port = h->dst_port;
    c->source = h->src;
    c->target = h->dst;
    (void)kd_sums_add(c->targets, KD_COUNT(c->targets), &c->n_targets, kd_sum_addr(&h->dst));
    kd_word_set(&c->name, call->name);
    kd_ids_add(&c->ids, h->id);
    /* From time to time, so that it is not forgotten between judgements. */
    enum { OFTEN = 16, CALLER_TURN = 2, ROUND_TURN = 5 };
    if (slow || c->n % OFTEN == CALLER_TURN)
        (void)note_caller(d, c);
    if (c->n % OFTEN == ROUND_TURN && kd_detect_is_inside(d, &c->target))
        (void)goes_rounds(d, c, true);
    if (is_time_to_judge(d, c))
        judge(d, c);
}

/* Services that call regularly by their nature. */
static bool is_routine_port(uint16_t port)
{
    static const uint16_t ports[] = {21,  22,  23,  25,  53,  67,  68,  88,  110, 123,  135,  137,  138,
                                     139, 143, 161, 162, 389, 445, 464, 465, 514, 546,  547,  587,  636,
                                     993, 995, 1900, 3268, 3389, 3702, 5353, 5355, 5900, 5985};
    for (size_t i = 0; i < KD_COUNT(ports); i++)
        if (port == ports[i])
            return true;
    return false;
}

static bool is_routine(const struct kd_rec_head *h)
{
    return is_routine_port(h->dst_port) || (h->app != KD_APP_UNKNOWN && h->app != KD_APP_FAILED);
}

static bool is_watched(const struct kd_detect *d, const struct kd_rec_head *h)
{
    /* Where the site's nets are not known, a client with a public address counts as one of ours. */
    bool ours = kd_detect_is_inside(d, &h->src) || !kd_detect_is_inside(d, &h->dst);
    return ours && !kd_addr_is_multicast(&h->dst) && !kd_addr_is_loopback(&h->dst) && h->src_port != h->dst_port;
}

static void http(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    add(d, r, &(struct call){CALL_HTTP, h->hostname, r->head->ts_us, h->request_length + h->url.n, h->status != 0,
                               h->http_refer.n > 0});
}

static void tls(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_tls *t = r->body;
    if (is_routine_port(r->head->dst_port) || !kd_is_tls_itself(r->head))
        return;
    add(d, r, &(struct call){.kind = CALL_TLS, .name = t->sni, .at_us = r->head->ts_us, .answered = true});
}

static bool common_peer(struct kd_detect *d, const struct kd_record *r)
{
    struct calls c = {.kind = CALL_RAW, .source = r->head->src, .target = r->head->dst};
    if (!kd_is_unknown_session(d, r))
        return false;
    return note_caller(d, &c);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    const struct kd_rec_head *h = r->head;
    bool transport = h->proto == IP_TCP || h->proto == IP_UDP;
    if (!transport || is_routine(h))
        return;
    kd_unknown_session(d, r, common_peer(d, r));
    /* A conversation counts once, when it ends; without its beginning the moment is not known.  UDP without
     * an answer goes out in many ways that nobody means. */
    bool answered = f->pkts_toclient > 0 && !kd_bytes_eq_str(f->state, "refused");
    if (kd_bytes_eq_str(f->reason, "update") || f->midstream || (h->proto == IP_UDP && !answered))
        return;
    if (kd_detect_is_inside(d, &h->dst) && h->proto == IP_UDP)
        return;
    add(d, r, &(struct call){.kind = CALL_RAW, .at_us = f->start_us, .bytes = f->data_toserver, .answered = answered});
}

static void beacon_record(struct kd_detect *d, const struct kd_record *r)
{
    if (!is_watched(d, r->head))
        return;
    if (r->head->type == KD_REC_HTTP)
        http(d, r);
    else if (r->head->type == KD_REC_TLS)
        tls(d, r);
    else
        flow(d, r);
}

static void beacon_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    union state *s = state;
    if (key.p[0] == KEY_CALLS && s->calls.n >= (uint32_t)kd_detect_tunable(d, "calls") &&
        s->calls.n > s->calls.judged)
        judge(d, &s->calls);
}

static void snap_calls(struct kd_snap *s, struct calls *c)
{
    kd_snap_u32(s, &c->n);
    /* Each as it stands in its slot: distances from the one before are small numbers. */
    uint64_t before = 0;
    for (uint32_t i = 0; i < c->n && i < KD_RHYTHM_MAX; i++) {
        uint64_t distance = c->at_us[i] - before;
        kd_snap_u64(s, &distance);
        c->at_us[i] = before += distance;
        if (s->loading && before > s->now_us)
            kd_snap_fail(s);
        kd_snap_u32(s, &c->bytes[i]);
    }
    kd_snap_u32(s, &c->judged);
    kd_snap_u32(s, &c->answered);
    kd_snap_u32(s, &c->steady);
    kd_snap_u32(s, &c->n_from_page);
    kd_snap_u8_to(s, &c->kind, CALL_RAW);
    kd_snap_u8_to(s, &c->proto, UINT8_MAX);
    kd_snap_u16_to(s, &c->port, UINT16_MAX);
    kd_snap_sums(s, c->targets, KD_COUNT(c->targets), &c->n_targets);
    kd_snap_addr(s, &c->source);
    kd_snap_addr(s, &c->target);
    kd_snap_word(s, &c->name);
    kd_snap_ids(s, &c->ids);
    if (c->judged > c->n)
        kd_snap_fail(s);
}

static void beacon_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    union state *u = state;
    if (key.p[0] == KEY_CALLS) {
        snap_calls(s, &u->calls);
    } else if (key.p[0] == KD_KEY_GREETING) {
        kd_snap_bytes(s, u->greeting.b, sizeof(u->greeting.b));
        kd_snap_u32(s, &u->greeting.n);
        kd_snap_u32(s, &u->greeting.n_rat);
        kd_snap_u32(s, &u->greeting.rat_told);
    } else {
        kd_snap_sums(s, u->callers.sums, CALLERS_KEPT, &u->callers.n);
    }
}

const struct kd_detector kd_detector_beacon = {
    .name = "beacon",
    .summary_en = "regular calls to one peer; sessions in an unknown protocol",
    .summary_ja = "同じ相手への規則的な通信、不明な形式の通信",
    .wants = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_TLS,
    .key_state_bytes = sizeof(union state),
    .max_keys = 60000,
    .idle_us = 3 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = beacon_record,
    .snap = beacon_snap,
    .snap_version = 1,
    .leave = beacon_leave,
};
