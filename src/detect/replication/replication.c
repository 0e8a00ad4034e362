/* SPDX-License-Identifier: Apache-2.0 */
/* Replication of the directory asked for, or offered, by a machine that is no domain controller.
 * See replication.md. */
#include "detect/rpc.h"
#include "findings.h"

enum { KEY_PAIR = 'p' };
#define TOGETHER_US (10 * KD_US_PER_MINUTE)

/* [MS-DRSR] 4.1 */
enum { GET_CHANGES = 3, REPLICA_ADD = 5, CRACK_NAMES = 12, DC_INFO = 16, ADD_ENTRY = 17 };

struct pair {
    uint64_t names_us,
        info_us;       /* asked for a name; for the list of controllers: what tools do first */
    uint64_t added_us; /* asked the other side to fetch changes from here */
    uint32_t told;
    struct kd_ids ids;
};

static struct pair *pair_of(struct kd_detect *d, const struct kd_addr *src,
                            const struct kd_addr *dst, bool make)
{
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, src);
    kd_key_addr(&key, dst);
    return make ? kd_detect_state(d, kd_key_view(&key), NULL)
                : kd_detect_peek(d, kd_key_view(&key));
}

static bool is_dc(const struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_host_view host;
    return kd_detect_host(d, a, &host) && host.dc;
}

/* Watched for a day without having been seen as one. */
static bool surely_no_dc(const struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_host_view host;
    return kd_detect_host(d, a, &host) && !host.dc &&
           kd_detect_now_us(d) - host.first_us > KD_US_PER_DAY;
}

static void tell(struct kd_detect *d, const struct kd_record *r, struct pair *p,
                 const struct kd_finding_kind *kind, const struct kd_addr *actor,
                 const struct kd_addr *target, int severity)
{
    const struct kd_rec_dcerpc *c = r->body;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides s = kd_sides_of(d, actor, target);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, actor);
    kd_key_addr(&fold, target);
    struct kd_bytes what = kd_rpc_arg(c, "naming_context");
    struct kd_fact facts[] = {{"what", what.n > 0 ? what : kd_str("-")}};
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = c->user,
                   .fold = kd_key_view(&fold),
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&p->ids, ids),
                   .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

static bool lately(uint64_t then_us, uint64_t now_us)
{
    return then_us != 0 && kd_gap_us(now_us, then_us) < TOGETHER_US;
}

/* Controllers fetch changes straight away; tools first ask for the controller and for the account
 * they want. */
static void changes(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    uint64_t ts = r->head->ts_us;
    bool refused = kd_rpc_refused(r->body);
    bool tool = lately(p->names_us, ts) || lately(p->info_us, ts);
    int severity = refused ? KD_MEDIUM : KD_HIGH;
    if (!tool)
        severity = surely_no_dc(d, &r->head->src) && is_dc(d, &r->head->dst) ? KD_MEDIUM : KD_LOW;
    tell(d, r, p, &kd_finding_KD_CR_0026, &r->head->src, &r->head->dst, severity);
}

static void offered(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    p->added_us = r->head->ts_us;
    tell(d, r, p, &kd_finding_KD_CR_0027, &r->head->src, &r->head->dst, KD_MEDIUM);
}

/* A controller comes to fetch where a machine that is none had offered. */
static void fetched(struct kd_detect *d, const struct kd_record *r)
{
    struct pair *p = pair_of(d, &r->head->dst, &r->head->src, false);
    if (p == NULL || !lately(p->added_us, r->head->ts_us) || is_dc(d, &r->head->dst))
        return;
    kd_ids_add(&p->ids, r->head->id);
    tell(d, r, p, &kd_finding_KD_CR_0027, &r->head->dst, &r->head->src, KD_HIGH);
}

static void call(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    if (is_dc(d, &r->head->src))
        return;
    struct pair *p = pair_of(d, &r->head->src, &r->head->dst, true);
    if (p == NULL)
        return;
    kd_ids_add(&p->ids, r->head->id);
    if (c->opnum == CRACK_NAMES)
        p->names_us = r->head->ts_us;
    else if (c->opnum == DC_INFO)
        p->info_us = r->head->ts_us;
    else if (c->opnum == GET_CHANGES)
        changes(d, r, p);
    else if (c->opnum == REPLICA_ADD || c->opnum == ADD_ENTRY)
        offered(d, r, p);
}

/* Entries that make a machine a domain controller: its settings object in the sites, or the service
 * name that only controllers have ([MS-DRSR] 2.2.3.2). */
static bool makes_controller(const struct kd_rec_ldap *l)
{
    bool write = kd_bytes_eq_str(l->operation, "add") || kd_bytes_eq_str(l->operation, "modify");
    if (!write || l->result_code != 0)
        return false;
    if (kd_bytes_istarts(l->base, kd_str("CN=NTDS Settings,")) &&
        kd_bytes_eq_str(l->operation, "add"))
        return true;
    bool in_sites = kd_bytes_icontains(l->base, kd_str(",CN=Servers,")) &&
                    kd_bytes_icontains(l->base, kd_str(",CN=Sites,"));
    for (size_t i = 0; i < l->attributes.n; i++) {
        struct kd_bytes a = l->attributes.v[i];
        bool given = kd_bytes_istarts(a, kd_str("servicePrincipalName=")) ||
                     kd_bytes_istarts(a, kd_str("servicePrincipalName+="));
        if ((in_sites && (kd_bytes_ieq(a, kd_str("objectClass=server")) ||
                          kd_bytes_ieq(a, kd_str("objectClass=nTDSDSA")))) ||
            (given && (kd_bytes_icontains(a, kd_str("=GC/")) ||
                       kd_bytes_icontains(a, kd_str("E3514235-4B06-11D1-AB04-00C04FC2DCD2/")))))
            return true;
    }
    return false;
}

static void written(struct kd_detect *d, const struct kd_record *r)
{
    static const struct kd_rec_dcerpc none;
    if (!makes_controller(r->body) || is_dc(d, &r->head->src))
        return;
    struct pair *p = pair_of(d, &r->head->src, &r->head->dst, true);
    if (p == NULL)
        return;
    p->added_us = r->head->ts_us;
    kd_ids_add(&p->ids, r->head->id);
    struct kd_record as_call = {r->head, &none};
    tell(d, &as_call, p, &kd_finding_KD_CR_0027, &r->head->src, &r->head->dst, KD_MEDIUM);
}

/* Where the beginning of a sealed conversation was not seen, the first calls have numbers and no
 * name yet. */
static bool is_unnamed_step(const struct kd_rec_dcerpc *c)
{
    return c->uuid.n == 0 && kd_bytes_eq_str(c->auth_level, "privacy") &&
           (c->opnum == CRACK_NAMES || c->opnum == DC_INFO);
}

static void replication_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_LDAP) {
        written(d, r);
        return;
    }
    enum kd_rpc service = kd_rpc_of(r->body);
    if (service == KD_RPC_DRSUAPI || is_unnamed_step(r->body))
        call(d, r);
    if (service == KD_RPC_DRSUAPI || service == KD_RPC_EPM)
        fetched(d, r);
}

const struct kd_detector kd_detector_replication = {
    .name = "replication",
    .summary_en =
        "directory replication by machines that are no domain controllers (DCSync, DCShadow)",
    .summary_ja = "ドメインコントローラーでない端末によるディレクトリの複製(DCSync、DCShadow)",
    .wants = (uint64_t)1 << KD_REC_DCERPC | (uint64_t)1 << KD_REC_LDAP,
    .key_state_bytes = sizeof(struct pair),
    .max_keys = 5000,
    .idle_us = 2 * KD_US_PER_DAY,
    .record = replication_record,
};
