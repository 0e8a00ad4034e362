/* SPDX-License-Identifier: Apache-2.0 */
/* File sharing and logons of yesterday, as facts for the keeper of the network.  See outdated.md. */
#include "detect/common.h"
#include "findings.h"

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 struct kd_bytes user, struct kd_bytes what, const struct kd_fact *facts, size_t n)
{
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &s.peer);
    kd_key_text(&fold, kd_bytes_head(what, 80));
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = s.host, .peer = s.peer, .user = user, .fold = kd_key_view(&fold),
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = n,
                   .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

static struct kd_bytes or_dash(struct kd_bytes text)
{
    return text.n > 0 ? text : kd_str("-");
}

static bool nobody(struct kd_bytes auth)
{
    return kd_bytes_eq_str(auth, "anonymous") || kd_bytes_eq_str(auth, "guest");
}

static void smb(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    if (s->status_code != 0 || s->status.n == 0)
        return;
    if (kd_bytes_eq_str(s->command, "SMB1_COMMAND_SESSION_SETUP_ANDX") && s->auth.n > 0) {
        struct kd_fact facts[] = {{"dialect", or_dash(s->dialect)}, {"os", or_dash(s->server_os)}};
        tell(d, r, &kd_finding_KD_PO_0020, s->user, kd_str(""), facts, KD_COUNT(facts));
    } else if (kd_bytes_eq_str(s->share_type, "DISK") && nobody(s->auth) &&
               kd_bytes_find(s->command, kd_str("TREE_CONNECT")) != SIZE_MAX) {
        struct kd_fact facts[] = {{"share", or_dash(s->share)}, {"method", s->auth}};
        tell(d, r, &kd_finding_KD_PO_0021, s->user, s->share, facts, KD_COUNT(facts));
    }
}

static void outdated_logon(struct kd_detect *d, const struct kd_record *r, struct kd_bytes user, const char *method)
{
    struct kd_fact facts[] = {{"method", kd_str(method)}};
    tell(d, r, &kd_finding_KD_PO_0022, user, user, facts, KD_COUNT(facts));
}

static void outdated_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_SMB) {
        smb(d, r);
    } else if (r->head->type == KD_REC_NTLM) {
        const struct kd_rec_ntlm *n = r->body;
        if (n->ntlmv1 && !n->anonymous)
            outdated_logon(d, r, n->user, "NTLMv1");
    } else {
        const struct kd_rec_login *l = r->body;
        if (!kd_bytes_eq_str(l->service, "smb"))
            return;
        if (kd_bytes_eq_str(l->method, "lm"))
            outdated_logon(d, r, l->user, "LAN Manager");
        else if (kd_bytes_eq_str(l->method, "password"))
            outdated_logon(d, r, l->user, "password in the clear");
    }
}

const struct kd_detector kd_detector_outdated = {
    .name = "outdated",
    .summary_en = "old file sharing (SMB 1), shares open to everybody, outdated logons",
    .summary_ja = "旧式のファイル共有(SMB 1)、誰でも使える共有、旧式の認証",
    .wants = (uint64_t)1 << KD_REC_SMB | (uint64_t)1 << KD_REC_NTLM | (uint64_t)1 << KD_REC_LOGIN,
    .key_state_bytes = 8,
    .max_keys = 1,
    .record = outdated_record,
};
