/* SPDX-License-Identifier: Apache-2.0 */
/* A machine's logon guessed until it fits by chance (CVE-2020-1472).  See zerologon.md. */
#include "detect/rpc.h"
#include "findings.h"

enum { KEY_PAIR = 'p' };
#define WINDOW_US (10 * KD_US_PER_MINUTE)

/* [MS-NRPC] 3.5.4.4, 3.5.4.5 */
enum {
    CHALLENGE = 4,
    AUTHENTICATE = 5,
    PASSWORD_SET = 6,
    AUTHENTICATE_2 = 15,
    AUTHENTICATE_3 = 26,
    PASSWORD_SET_2 = 30
};

struct pair {
    uint64_t first_us, last_us;
    uint32_t fails, zeros, told;
    bool succeeded;
    struct kd_word account;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"fails", 5, 2, 1000, "attempts", "refused machine logons in 10 minutes",
     "10 分間の、端末アカウントの認証失敗回数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static bool is_zero(struct kd_bytes hex)
{
    if (hex.n < 16)
        return false;
    for (size_t i = 0; i < hex.n; i++)
        if (hex.p[i] != '0')
            return false;
    return true;
}

static void tell(struct kd_detect *d, const struct kd_record *r, struct pair *p,
                 const struct kd_finding_kind *kind)
{
    uint64_t ids[KD_IDS_KEPT];
    struct kd_digits fails;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->src);
    kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {
        {"fails", kd_digits_of(&fails, p->fails)},
        {"account", p->account.n > 0 ? kd_word_view(&p->account) : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = kd_word_view(&p->account),
                   .fold = kd_key_view(&fold),
                   .severity = -1,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&p->ids, ids),
                   .first_us = p->first_us,
                   .last_us = p->last_us,
                   .count = p->fails,
               });
}

static void attempt(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_bytes account = kd_rpc_arg(c, "account");
    if (account.n > 0)
        kd_word_set(&p->account, account);
    uint32_t least = (uint32_t)kd_detect_tunable(d, "fails");
    bool zero = is_zero(kd_rpc_arg(c, "client_credential"));
    p->zeros += zero ? kd_rpc_calls(c) : 0;
    if (!kd_rpc_refused(c)) {
        if (c->answered && (p->fails >= least || zero)) {
            p->succeeded = true;
            tell(d, r, p, &kd_finding_KD_CR_0038);
        }
        return;
    }
    p->fails += kd_rpc_calls(c);
    if (p->fails >= least && (p->told == 0 || p->fails >= 4 * p->told)) {
        p->told = p->fails;
        tell(d, r, p, &kd_finding_KD_CR_0037);
    }
}

static void zerologon_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    if (kd_rpc_of(c) != KD_RPC_NETLOGON)
        return;
    bool logon =
        c->opnum == AUTHENTICATE || c->opnum == AUTHENTICATE_2 || c->opnum == AUTHENTICATE_3;
    bool set = c->opnum == PASSWORD_SET || c->opnum == PASSWORD_SET_2;
    if (!logon && !set)
        return;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct pair *p =
        logon ? kd_detect_state(d, kd_key_view(&key), NULL) : kd_detect_peek(d, kd_key_view(&key));
    if (p == NULL)
        return;
    if (p->first_us != 0 && kd_gap_us(r->head->ts_us, p->last_us) > WINDOW_US)
        *p = (struct pair){0};
    p->first_us = p->first_us == 0 ? r->head->ts_us : p->first_us;
    p->last_us = kd_max_u64(p->last_us, r->head->ts_us);
    kd_ids_add(&p->ids, r->head->id);
    if (logon)
        attempt(d, r, p);
    else if (p->fails >= kd_detect_tunable(d, "fails") && !kd_rpc_refused(c))
        tell(d, r, p, &kd_finding_KD_CR_0038); /* the account's password was replaced after it */
}

const struct kd_detector kd_detector_zerologon = {
    .name = "zerologon",
    .summary_en = "a machine account's logon tried until it fits by chance (Zerologon)",
    .summary_ja = "端末アカウントの認証が偶然通るまでの試行(Zerologon)",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(struct pair),
    .max_keys = 5000,
    .idle_us = 2 * KD_US_PER_HOUR,
    .tunables = tunables,
    .record = zerologon_record,
};
