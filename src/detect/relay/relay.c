/* SPDX-License-Identifier: Apache-2.0 */
/* NTLM logons passed on by a third machine, and the old form that is broken.  See relay.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_WHO = 'w' };
#define PASSED_ON_US (15 * (uint64_t)KD_US_PER_S)

/* The newest logon of a user of a workstation. */
struct last {
    uint64_t ts_us;
    struct kd_addr src, dst;
    uint64_t id;
};

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 struct kd_bytes origin, const uint64_t *ids, size_t n_ids)
{
    const struct kd_rec_ntlm *n = r->body;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->src);
    kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {
        {"origin", origin.n > 0 ? origin : kd_str("-")},
        {"workstation", n->host.n > 0 ? n->host : kd_str("-")},
        {"over", n->over.n > 0 ? n->over : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = n->user,
                   .fold = kd_key_view(&fold),
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = n_ids,
                   .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

/* A logs on at B, and at once B logs on elsewhere with A's name and workstation: B passed it on. */
static void passed_on(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_ntlm *n = r->body;
    struct kd_key key = kd_key_of(KEY_WHO);
    kd_key_text(&key, kd_bytes_head(n->user, 60));
    kd_key_text(&key, kd_bytes_head(n->host, 40));
    struct last *l = kd_detect_state(d, kd_key_view(&key), NULL);
    if (l == NULL)
        return;
    bool soon = l->ts_us != 0 && kd_gap_us(r->head->ts_us, l->ts_us) < PASSED_ON_US;
    if (soon && kd_addr_eq(&l->dst, &r->head->src) && !kd_addr_eq(&l->src, &r->head->src)) {
        uint8_t text[48];
        struct kd_out o = kd_out_of(text, sizeof(text));
        kd_out_addr(&o, &l->src);
        const uint64_t ids[] = {l->id, r->head->id};
        tell(d, r, &kd_finding_KD_CR_0044, kd_out_bytes_view(&o), ids, KD_COUNT(ids));
    }
    *l = (struct last){r->head->ts_us, r->head->src, r->head->dst, r->head->id};
}

static void relay_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_ntlm *n = r->body;
    if (n->anonymous || n->user.n == 0)
        return;
    if (n->ntlmv1)
        tell(d, r, &kd_finding_KD_CR_0043, kd_bytes_of(NULL, 0), &r->head->id, 1);
    if (n->host.n > 0)
        passed_on(d, r);
}

const struct kd_detector kd_detector_relay = {
    .name = "relay",
    .summary_en = "NTLM logons passed on by a third machine; the broken old form of NTLM",
    .summary_ja = "第三者が中継した NTLM 認証、解読できる古い NTLM",
    .wants = (uint64_t)1 << KD_REC_NTLM,
    .key_state_bytes = sizeof(struct last),
    .max_keys = 20000,
    .idle_us = KD_US_PER_HOUR,
    .record = relay_record,
};
