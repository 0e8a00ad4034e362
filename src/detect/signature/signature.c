/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that matched.  See signature.md. */
#include "detect/common.h"
#include "findings.h"

enum { CORROBORATED = 3, WINDOW_S = 3600, MESSAGE_MAX = 200 };

/* What rules said about one machine. */
struct told {
    uint64_t since_us;
    uint32_t rules[8]; /* different ones that speak of malware */
    uint32_t n;
};

enum family { MALWARE, EXPLOIT, RECON, PHISH, OTHER };

static enum family family_of(struct kd_bytes classtype)
{
    static const struct {
        const char *classtype;
        enum family family;
    } rows[] = {
        {"trojan-activity", MALWARE},      {"command-and-control", MALWARE},
        {"domain-c2", MALWARE},            {"targeted-activity", MALWARE},
        {"coin-mining", MALWARE},          {"attempted-admin", EXPLOIT},
        {"attempted-user", EXPLOIT},       {"successful-admin", EXPLOIT},
        {"successful-user", EXPLOIT},      {"web-application-attack", EXPLOIT},
        {"exploit-kit", EXPLOIT},          {"shellcode-detect", EXPLOIT},
        {"attempted-recon", RECON},        {"network-scan", RECON},
        {"successful-recon-limited", RECON}, {"successful-recon-largescale", RECON},
        {"credential-theft", PHISH},       {"social-engineering", PHISH},
    };
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (kd_bytes_eq_str(classtype, rows[i].classtype))
            return rows[i].family;
    return OTHER;
}

/* How many different rules spoke of malware at this machine within the hour, this one counted. */
static uint32_t agreeing(struct kd_detect *d, const struct kd_addr *host, uint32_t sid, uint64_t now_us)
{
    struct kd_key key = kd_key_of('h');
    kd_key_addr(&key, host);
    struct told *t = kd_detect_state(d, kd_key_view(&key), NULL);
    if (t == NULL)
        return 1;
    if (now_us > t->since_us + WINDOW_S * (uint64_t)KD_US_PER_S) {
        t->since_us = now_us;
        t->n = 0;
    }
    for (uint32_t i = 0; i < t->n; i++)
        if (t->rules[i] == sid)
            return t->n;
    if (t->n < KD_COUNT(t->rules))
        t->rules[t->n++] = sid;
    return t->n;
}

static bool sure(const struct kd_rec_signature *s)
{
    return kd_bytes_ieq(s->confidence, kd_str("high")) &&
           (kd_bytes_ieq(s->importance, kd_str("major")) || kd_bytes_ieq(s->importance, kd_str("critical")));
}

static void signature_record(struct kd_detect *d, const struct kd_record *r)
{
    static const struct kd_finding_kind *const kinds[] = {
        [MALWARE] = &kd_finding_KD_SG_0001, [EXPLOIT] = &kd_finding_KD_SG_0002, [RECON] = &kd_finding_KD_SG_0003,
        [PHISH] = &kd_finding_KD_SG_0004,   [OTHER] = &kd_finding_KD_SG_0005,
    };
    const struct kd_rec_signature *s = r->body;
    if (s->classtype.n == 0)
        return; /* without a class nothing is known of what it means; the match itself is in the log */
    enum family family = family_of(s->classtype);
    struct kd_sides sides = kd_sides_of(d, &r->head->src, &r->head->dst);
    char number[24], technique[16];
    struct kd_out address = kd_out_of(number, sizeof(number));
    kd_out_u64(&address, s->signature_id);
    struct kd_key fold = kd_key_of(0);
    kd_key_text(&fold, kd_out_bytes_view(&address));
    int severity = -1;
    if (family == MALWARE && agreeing(d, &sides.host, (uint32_t)s->signature_id, r->head->ts_us) >= CORROBORATED && sure(s))
        severity = KD_MEDIUM;
    char other[48];
    struct kd_out o = kd_out_of(other, sizeof(other));
    kd_out_addr(&o, &sides.peer);
    struct kd_fact facts[] = {
        {"message", kd_bytes_head(s->signature, 100)},
        {"message_ja", s->signature_ja.n > 0 && s->signature_ja.n <= MESSAGE_MAX ? s->signature_ja : kd_bytes_head(s->signature, 100)},
        {"rule", kd_out_bytes_view(&address)},
        {"class", s->category.n > 0 ? s->category : kd_str("-")},
        {"other", o.n > 0 ? kd_out_bytes_view(&o) : kd_str("-")},
    };
    snprintf(technique, sizeof(technique), "%.*s", (int)kd_min_size(s->technique.n, 12), (const char *)s->technique.p);
    const char *const techniques[] = {technique};
    kd_find(d, &(struct kd_finding){
                   .kind = kinds[family], .host = sides.host, .peer = sides.peer, .fold = kd_key_view(&fold),
                   .severity = severity, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts),
                   .record_ids = &r->head->id, .n_record_ids = 1, .first_us = r->head->ts_us, .last_us = r->head->ts_us,
                   .technique = techniques, .n_techniques = s->technique.n > 0 ? 1 : 0,
               });
}

const struct kd_detector kd_detector_signature = {
    .name = "signature",
    .summary_en = "rules in Suricata's language that matched",
    .summary_ja = "Suricata 形式のルールへの一致",
    .wants = (uint64_t)1 << KD_REC_SIGNATURE,
    .key_state_bytes = sizeof(struct told),
    .max_keys = 20000,
    .idle_us = (uint64_t)WINDOW_S * KD_US_PER_S,
    .record = signature_record,
};
