/* SPDX-License-Identifier: Apache-2.0 */
/* Community strings of SNMP tried one after another.  See community.md. */
#include "detect/common.h"
#include "findings.h"

enum { NAMES_KEPT = 64 };

/* Of a pair of machines. */
struct tries {
    uint64_t first_us, last_us;
    uint32_t n_names, told;
    uint32_t names[NAMES_KEPT]; /* sums of them */
    bool passed;                /* one was right, and that was told */
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"names", 8, 3, NAMES_KEPT, "names", "different community strings from one machine to another that count as guessing",
     "1 台の機器に試された異なるコミュニティ名の数"},
    {"window_s", 600, 10, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void tell(struct kd_detect *d, const struct tries *t, const struct kd_rec_head *h, const struct kd_finding_kind *kind)
{
    struct kd_digits number;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides s = kd_sides_of(d, &h->src, &h->dst);
    struct kd_fact facts[] = {{"number", kd_digits_of(&number, t->n_names)}};
    struct kd_key fold = kd_key_of('c');
    kd_key_addr(&fold, &h->src);
    kd_key_addr(&fold, &h->dst);
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .fold = kd_key_view(&fold), .severity = -1,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&t->ids, ids), .first_us = t->first_us, .last_us = t->last_us,
                   .count = t->n_names,
               });
}

static void community_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_snmp *s = r->body;
    bool asks = kd_bytes_starts(s->pdu_type, kd_str("get")) || kd_bytes_starts(s->pdu_type, kd_str("set"));
    if (!asks || s->community.n == 0)
        return;
    struct kd_key key = kd_key_of('c');
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct tries *t = kd_detect_state(d, kd_key_view(&key), NULL);
    if (t == NULL)
        return;
    uint64_t ts = r->head->ts_us;
    if (t->first_us == 0 || kd_gap_us(ts, t->first_us) > (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6))
        *t = (struct tries){.first_us = ts};
    t->last_us = kd_max_u64(t->last_us, ts);
    if (kd_sums_add(t->names, NAMES_KEPT, &t->n_names, kd_sum_text(s->community)))
        kd_ids_add(&t->ids, r->head->id);
    if (t->n_names < (uint32_t)kd_detect_tunable(d, "names"))
        return;
    if (t->told == 0 || t->n_names >= 2 * t->told) {
        t->told = t->n_names;
        tell(d, t, r->head, &kd_finding_KD_CR_0080);
    }
    if (s->answered && !t->passed) {
        t->passed = true;
        kd_ids_add(&t->ids, r->head->id);
        tell(d, t, r->head, &kd_finding_KD_CR_0081);
    }
}

const struct kd_detector kd_detector_community = {
    .name = "community",
    .summary_en = "community strings of SNMP tried one after another",
    .summary_ja = "SNMP コミュニティ名の総当たり",
    .wants = (uint64_t)1 << KD_REC_SNMP,
    .key_state_bytes = sizeof(struct tries),
    .max_keys = 20000,
    .idle_us = KD_US_PER_HOUR,
    .tunables = tunables,
    .record = community_record,
};
