/* SPDX-License-Identifier: Apache-2.0 */
/* Harmless triggers by which an operator proves that the sensor sees a segment.  See selftest.md. */
#include "detect/common.h"
#include "findings.h"

static const char name_trigger[] = "selftest.kidoban.invalid";
static const char word_trigger[] = "kidoban-self-test";

static void tell(struct kd_detect *d, const struct kd_record *r, const char *what, struct kd_bytes seen)
{
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_fact facts[] = {{"what", kd_str(what)}, {"seen", seen}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_ST_0001, .host = s.host, .peer = s.peer, .fold = kd_str(what),
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts),
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

static bool has_word(struct kd_bytes text)
{
    return text.n >= sizeof(word_trigger) - 1 && kd_bytes_icontains(text, kd_str(word_trigger));
}

static bool is_name(struct kd_bytes name)
{
    return kd_bytes_iends(name, kd_str(name_trigger)) ||
           (kd_bytes_iends(name, kd_str("selftest.kidoban.invalid.")));
}

static void selftest_record(struct kd_detect *d, const struct kd_record *r)
{
    const void *body = r->body;
    switch (r->head->type) {
    case KD_REC_DNS: {
        const struct kd_rec_dns *dns = body;
        if (is_name(dns->rrname))
            tell(d, r, "DNS", dns->rrname);
        break;
    }
    case KD_REC_HTTP: {
        const struct kd_rec_http *http = body;
        if (has_word(http->url) || is_name(http->hostname))
            tell(d, r, "HTTP", http->url);
        break;
    }
    case KD_REC_TLS: {
        const struct kd_rec_tls *tls = body;
        if (is_name(tls->sni))
            tell(d, r, "TLS", tls->sni);
        break;
    }
    case KD_REC_SMTP: {
        const struct kd_rec_smtp *mail = body;
        if (has_word(mail->subject))
            tell(d, r, "SMTP", mail->subject);
        break;
    }
    case KD_REC_LOGIN: {
        const struct kd_rec_login *login = body;
        if (has_word(login->user))
            tell(d, r, "login", login->user);
        break;
    }
    case KD_REC_NBNS: {
        const struct kd_rec_nbns *nbns = body;
        if (kd_bytes_ieq(nbns->name, kd_str("KIDOBAN-TEST")))
            tell(d, r, "NetBIOS", nbns->name);
        break;
    }
    case KD_REC_FILE: {
        const struct kd_rec_file *file = body;
        if (has_word(file->filename))
            tell(d, r, "file", file->filename);
        break;
    }
    case KD_REC_SMB: {
        const struct kd_rec_smb *smb = body;
        if (has_word(smb->filename))
            tell(d, r, "file", smb->filename);
        break;
    }
    case KD_REC_ICMP: {
        const struct kd_rec_icmp *icmp = body;
        if (has_word(icmp->payload_head))
            tell(d, r, "ICMP", kd_str(word_trigger));
        break;
    }
    default:
        break;
    }
}

const struct kd_detector kd_detector_selftest = {
    .name = "selftest",
    .summary_en = "self-test triggers",
    .summary_ja = "動作確認用の通信",
    .wants = (uint64_t)1 << KD_REC_DNS | (uint64_t)1 << KD_REC_HTTP | (uint64_t)1 << KD_REC_TLS |
             (uint64_t)1 << KD_REC_SMTP | (uint64_t)1 << KD_REC_LOGIN | (uint64_t)1 << KD_REC_NBNS |
             (uint64_t)1 << KD_REC_FILE | (uint64_t)1 << KD_REC_SMB | (uint64_t)1 << KD_REC_ICMP,
    .key_state_bytes = 1,
    .max_keys = 16,
    .record = selftest_record,
};
