/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted sessions whose names and certificates no honest service has; Tor.  See channel.md. */
#include "detect/channel/certificate.h"
#include "detect/common.h"
#include "findings.h"

enum { KEY_PEER = 'p', KEY_TOR = 't', KEY_WHO = 'w', RELAYS_KEPT = 16, CALLERS_KEPT = 8 };

struct peer {
    uint64_t first_us, last_us;
    uint64_t size;       /* of the last session, client's data */
    uint32_t n, n_established, n_same; /* sessions; of them in a row of the same size */
    uint32_t signs, told;
    struct kd_word name, subject;
    struct kd_ids ids;
};

struct tor {
    uint64_t first_us, last_us;
    uint32_t n_relays, relays[RELAYS_KEPT];
    uint32_t n_sure; /* sessions whose certificate shows it */
    uint32_t told;
    struct kd_ids ids;
};

union state {
    struct peer peer;
    struct tor tor;
    struct {
        uint32_t n, sums[CALLERS_KEPT];
    } callers;
};

static const struct kd_tunable tunables[] = {
    {"weight", 4, 3, 20, "points", "weight of the signs together that is told", "知らせる特徴の合計点"},
    {"sure_weight", 7, 4, 30, "points", "from this weight on the finding is a medium one", "深刻度を中とする合計点"},
    {"common", 4, 2, 6, "machines", "a peer called by so many inside machines is not told",
     "この台数以上が接続する相手は知らせない"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct kd_key peer_key(const struct kd_rec_head *h)
{
    struct kd_key key = kd_key_of(KEY_PEER);
    kd_key_addr(&key, &h->src);
    kd_key_addr(&key, &h->dst);
    return key;
}

static bool is_common(struct kd_detect *d, const struct kd_rec_head *h)
{
    struct kd_key key = kd_key_of(KEY_WHO);
    kd_key_addr(&key, &h->dst);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return false;
    (void)kd_sums_add(s->callers.sums, CALLERS_KEPT, &s->callers.n, kd_sum_addr(&h->src));
    return s->callers.n >= (uint32_t)kd_detect_tunable(d, "common");
}

static void tell(struct kd_detect *d, const struct kd_rec_head *h, const struct peer *p, int severity, unsigned weight)
{
    enum { WEAK = 45, EACH = 7, LEAST = 4, SUREST = 95 };
    uint8_t words[2][1024], address[48];
    struct kd_out en = kd_out_of(words[0], sizeof(words[0])), ja = kd_out_of(words[1], sizeof(words[1]));
    struct kd_out a = kd_out_of(address, sizeof(address));
    struct kd_digits number, port;
    uint64_t ids[KD_IDS_KEPT];
    kd_tls_signs_words(p->signs, 0, &en);
    kd_tls_signs_words(p->signs, 1, &ja);
    kd_out_addr(&a, &h->dst);
    struct kd_fact facts[] = {
        {"name", p->name.n > 0 ? kd_word_view(&p->name) : kd_out_bytes_view(&a)},
        {"subject", p->subject.n > 0 ? kd_word_view(&p->subject) : kd_str("-")},
        {"signs_en", kd_out_bytes_view(&en)},
        {"signs_ja", kd_out_bytes_view(&ja)},
        {"number", kd_digits_of(&number, p->n)},
        {"port", kd_digits_of(&port, h->dst_port)},
    };
    int confidence = WEAK + EACH * (int)(weight > LEAST ? weight - LEAST : 0);
    struct kd_key fold = peer_key(h);
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0040, .host = h->src, .peer = h->dst, .fold = kd_key_view(&fold),
                   .severity = severity, .confidence = confidence > SUREST ? SUREST : confidence, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = kd_ids_list(&p->ids, ids),
                   .first_us = p->first_us, .last_us = p->last_us, .count = p->n,
               });
}

static void judge(struct kd_detect *d, const struct kd_rec_head *h, struct peer *p)
{
    enum { SESSIONS_SURE = 3 };
    unsigned weight = kd_tls_signs_weight(p->signs);
    bool tool = (p->signs & 1u << KD_TLS_TOOL) != 0;
    /* Size after size the same is the way of any program; something must be wrong with the session too. */
    if ((p->signs & ~(1u << KD_TLS_REPEATED)) == 0 || weight < kd_detect_tunable(d, "weight"))
        return;
    int severity = weight >= kd_detect_tunable(d, "sure_weight") && p->n_established > 0 ? KD_MEDIUM : KD_LOW;
    if (tool && p->n_established >= SESSIONS_SURE)
        severity = KD_HIGH;
    uint32_t mark = weight + 100 * (uint32_t)severity;
    if (mark <= p->told || (!tool && is_common(d, h)))
        return;
    p->told = mark;
    tell(d, h, p, severity, weight);
}

/* ---- Tor ---- */

static void tell_tor(struct kd_detect *d, const struct kd_rec_head *h, const struct tor *t)
{
    struct kd_digits number;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {{"number", kd_digits_of(&number, t->n_relays)}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CC_0041, .host = h->src, .peer = h->dst, .fold = kd_str("tor"),
                   .severity = t->n_sure > 0 ? KD_MEDIUM : KD_LOW, .confidence = t->n_sure > 0 ? 95 : 60, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = ids, .n_record_ids = kd_ids_list(&t->ids, ids),
                   .first_us = t->first_us, .last_us = t->last_us, .count = t->ids.n,
               });
}

/* The certificate shows it at once; names alone only when several relays have such names. */
static void tor(struct kd_detect *d, const struct kd_record *r)
{
    enum { RELAYS_UNSURE = 3 };
    unsigned likeness = kd_tor_likeness(r->body);
    if (likeness == 0)
        return;
    struct kd_key key = kd_key_of(KEY_TOR);
    kd_key_addr(&key, &r->head->src);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct tor *t = &s->tor;
    t->first_us = t->first_us == 0 ? r->head->ts_us : t->first_us;
    t->last_us = r->head->ts_us;
    t->n_sure += likeness == 2;
    kd_ids_add(&t->ids, r->head->id);
    bool is_new = kd_sums_add(t->relays, RELAYS_KEPT, &t->n_relays, kd_sum_addr(&r->head->dst));
    if (!is_new || (t->n_sure == 0 && t->n_relays < RELAYS_UNSURE))
        return;
    tell_tor(d, r->head, t);
}

static void tls(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_tls *t = r->body;
    const struct kd_rec_head *h = r->head;
    bool seen = t->version.n > 0 && (t->ja3_hash.n > 0 || t->ssl2_hello);
    tor(d, r);
    /* The own house's servers have certificates of their own making; only a known tool's means something. */
    unsigned signs = kd_tls_signs_of(t, h);
    bool inside = kd_detect_is_inside(d, &h->dst);
    if (!seen || (inside && (signs & 1u << KD_TLS_TOOL) == 0) || kd_tor_likeness(t) != 0)
        return;
    struct kd_key key = peer_key(h);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct peer *p = &s->peer;
    p->first_us = p->first_us == 0 ? h->ts_us : p->first_us;
    p->last_us = h->ts_us;
    p->signs |= signs;
    p->n++;
    p->n_established += t->established;
    if (t->sni.n > 0)
        kd_word_set(&p->name, t->sni);
    if (t->subject.n > 0)
        kd_word_set(&p->subject, t->subject);
    kd_ids_add(&p->ids, h->id);
    judge(d, h, p);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    enum { SAME_PCT = 3, ROW = 4 };
    const struct kd_rec_flow *f = r->body;
    struct kd_key key = peer_key(r->head);
    union state *s = kd_detect_peek(d, kd_key_view(&key));
    if (r->head->app != KD_APP_TLS || s == NULL || f->data_toserver == 0 || kd_bytes_eq_str(f->reason, "update"))
        return;
    struct peer *p = &s->peer;
    bool same = kd_gap_us(f->data_toserver, p->size) * 100 <= p->size * SAME_PCT;
    p->n_same = same ? p->n_same + 1 : 1;
    p->size = f->data_toserver;
    if (p->n_same >= ROW && (p->signs & 1u << KD_TLS_REPEATED) == 0) {
        p->signs |= 1u << KD_TLS_REPEATED;
        judge(d, r->head, p);
    }
}

static void channel_record(struct kd_detect *d, const struct kd_record *r)
{
    /* Where the site's nets are not known, a client with a public address counts as one of ours. */
    bool ours = kd_detect_is_inside(d, &r->head->src) || !kd_detect_is_inside(d, &r->head->dst);
    if (!ours || kd_addr_is_loopback(&r->head->dst))
        return;
    if (r->head->type != KD_REC_TLS)
        flow(d, r);
    else if (kd_is_tls_itself(r->head))
        tls(d, r);
}

static void snap_peer(struct kd_snap *s, struct peer *p)
{
    kd_snap_time(s, &p->first_us);
    kd_snap_time(s, &p->last_us);
    kd_snap_u64(s, &p->size);
    kd_snap_u32(s, &p->n);
    kd_snap_u32(s, &p->n_established);
    kd_snap_u32(s, &p->n_same);
    kd_snap_u32(s, &p->signs);
    kd_snap_u32(s, &p->told);
    kd_snap_word(s, &p->name);
    kd_snap_word(s, &p->subject);
    kd_snap_ids(s, &p->ids);
}

static void channel_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    union state *u = state;
    if (key.p[0] == KEY_PEER) {
        snap_peer(s, &u->peer);
    } else if (key.p[0] == KEY_TOR) {
        kd_snap_time(s, &u->tor.first_us);
        kd_snap_time(s, &u->tor.last_us);
        kd_snap_sums(s, u->tor.relays, RELAYS_KEPT, &u->tor.n_relays);
        kd_snap_u32(s, &u->tor.n_sure);
        kd_snap_u32(s, &u->tor.told);
        kd_snap_ids(s, &u->tor.ids);
    } else {
        kd_snap_sums(s, u->callers.sums, CALLERS_KEPT, &u->callers.n);
    }
}

const struct kd_detector kd_detector_channel = {
    .name = "channel",
    .summary_en = "encrypted sessions with names and certificates that no honest service has; Tor",
    .summary_ja = "まともなサービスにはない名前・証明書の暗号化通信、Tor",
    .wants = (uint64_t)1 << KD_REC_TLS | (uint64_t)1 << KD_REC_FLOW,
    .key_state_bytes = sizeof(union state),
    .max_keys = 40000,
    .idle_us = KD_US_PER_DAY,
    .tunables = tunables,
    .record = channel_record,
    .snap = channel_snap,
    .snap_version = 1,
};
