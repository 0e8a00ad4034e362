/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, groups, shares, sessions and services listed by remote calls.  See adlist.md. */
#include "detect/rpc.h"
#include "findings.h"

enum { LOOKUP_BYTES = 4096 };

static const struct kd_tunable tunables[] = {
    {"window_s", 3600, 60, 86400, "s", "time in which calls are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* One look-up of the endpoint mapper that brings the whole list; programs look for one service at a
 * time. */
static bool brings_list(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    const struct kd_rec_dcerpc *c = r->body;
    return c->response_bytes >= LOOKUP_BYTES;
}

static bool is_one_of_many(const struct kd_detect *d, const struct kd_record *r)
{
    return !brings_list(d, r);
}

static bool has_any(const struct kd_record *r, const char *const *words, size_t n)
{
    return kd_rpc_arg_with(r->body, words, n).n > 0;
}

/* Groups that rule the domain, by name (their English names stand in Japanese domains too) or by
 * number
 * ([MS-DTYP] 2.4.2.4: 512 domain, 518 schema, 519 enterprise administrators, 544 administrators).
 */
static bool rules_domain(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    static const char *const names[] = {"Domain Admins",       "Enterprise Admins", "Schema Admins",
                                        "Account Operators",   "Backup Operators",  "DnsAdmins",
                                        "Group Policy Creator"};
    static const char *const ids[] = {"512", "518", "519", "520", "544", "548", "551"};
    static const char *const fields[] = {"rid"};
    if (has_any(r, names, KD_COUNT(names)))
        return true;
    for (size_t f = 0; f < KD_COUNT(fields); f++) {
        struct kd_bytes v = kd_rpc_arg(r->body, fields[f]);
        for (size_t i = 0; i < KD_COUNT(ids); i++)
            if (kd_bytes_eq_str(v, ids[i]))
                return true;
    }
    return false;
}

/* Rules of passwords, log-off and lock-out ([MS-SAMR] 2.2.3.16); other levels are asked for in
 * passing. */
static bool is_policy(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    static const char *const levels[] = {"1", "3", "12"};
    struct kd_bytes level = kd_rpc_arg(r->body, "class");
    for (size_t i = 0; i < KD_COUNT(levels); i++)
        if (kd_bytes_eq_str(level, levels[i]))
            return true;
    return false;
}

/* People and monitoring look at file servers; at one after the other only who searches. */
static bool is_file_server(const struct kd_detect *d, const struct kd_record *r)
{
    struct kd_host_view host;
    return kd_detect_host(d, &r->head->dst, &host) && host.files;
}

static bool is_no_file_server(const struct kd_detect *d, const struct kd_record *r)
{
    return !is_file_server(d, r);
}

enum { ASK = KD_RPC_NOT_DC };

static const struct kd_rpc_rule rules[] = {
    /* [MS-SAMR]: EnumerateUsersInDomain, QueryDisplayInformation, …2, …3 */
    {KD_RPC_SAMR, 13, &kd_finding_KD_DI_0020, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SAMR, 40, &kd_finding_KD_DI_0020, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SAMR, 48, &kd_finding_KD_DI_0020, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SAMR, 51, &kd_finding_KD_DI_0020, NULL, ASK, 0, 0, 5, NULL},
    /* EnumerateGroupsInDomain, EnumerateAliasesInDomain, GetMembersInGroup, GetMembersInAlias */
    {KD_RPC_SAMR, 11, &kd_finding_KD_DI_0021, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SAMR, 15, &kd_finding_KD_DI_0021, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SAMR, 25, &kd_finding_KD_DI_0021, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SAMR, 33, &kd_finding_KD_DI_0021, NULL, ASK, 0, 0, 5, NULL},
    /* LookupNamesInDomain, OpenGroup, OpenAlias of what rules the domain */
    {KD_RPC_SAMR, 17, &kd_finding_KD_DI_0021, "names", ASK, 0, 0, 5, rules_domain},
    {KD_RPC_SAMR, 19, &kd_finding_KD_DI_0021, NULL, ASK, 0, 0, 5, rules_domain},
    /* GetGroupsForUser: what one account may do */
    {KD_RPC_SAMR, 39, &kd_finding_KD_DI_0022, NULL, ASK, 0, 0, 5, NULL},
    /* QueryInformationDomain, …2 */
    {KD_RPC_SAMR, 8, &kd_finding_KD_DI_0035, NULL, ASK, 0, 0, 5, is_policy},
    {KD_RPC_SAMR, 46, &kd_finding_KD_DI_0035, NULL, ASK, 0, 0, 5, is_policy},
    /* [MS-SCMR] EnumServicesStatus, …Ex, both spellings */
    {KD_RPC_SVCCTL, 14, &kd_finding_KD_DI_0036, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SVCCTL, 26, &kd_finding_KD_DI_0036, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SVCCTL, 41, &kd_finding_KD_DI_0036, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SVCCTL, 42, &kd_finding_KD_DI_0036, NULL, ASK, 0, 0, 5, NULL},
    /* [MS-LSAT] LookupSids, …2, …3; LookupNames, …2, …3, …4: every machine does a few */
    {KD_RPC_LSARPC, 15, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    {KD_RPC_LSARPC, 57, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    {KD_RPC_LSARPC, 76, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    {KD_RPC_LSARPC, 14, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    {KD_RPC_LSARPC, 58, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    {KD_RPC_LSARPC, 68, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    {KD_RPC_LSARPC, 77, &kd_finding_KD_DI_0028, NULL, ASK, 60, 0, 0, NULL},
    /* [MS-LSAD] EnumerateTrustedDomains, …Ex */
    {KD_RPC_LSARPC, 13, &kd_finding_KD_DI_0029, NULL, ASK, 0, 0, 0, NULL},
    {KD_RPC_LSARPC, 50, &kd_finding_KD_DI_0029, NULL, ASK, 0, 0, 0, NULL},
    /* [MS-SRVS] NetrShareEnum, …Sticky */
    {KD_RPC_SRVSVC, 15, &kd_finding_KD_DI_0023, NULL, ASK, 0, 0, 5, is_no_file_server},
    {KD_RPC_SRVSVC, 36, &kd_finding_KD_DI_0023, NULL, ASK, 0, 0, 5, is_no_file_server},
    {KD_RPC_SRVSVC, 15, &kd_finding_KD_DI_0023, NULL, ASK, 0, 3, 5, is_file_server},
    {KD_RPC_SRVSVC, 36, &kd_finding_KD_DI_0023, NULL, ASK, 0, 3, 5, is_file_server},
    /* NetrConnectionEnum, NetrFileEnum, NetrSessionEnum; [MS-WKST] NetrWkstaUserEnum */
    {KD_RPC_SRVSVC, 8, &kd_finding_KD_DI_0024, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SRVSVC, 9, &kd_finding_KD_DI_0024, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_SRVSVC, 12, &kd_finding_KD_DI_0024, NULL, ASK, 0, 0, 5, NULL},
    {KD_RPC_WKSSVC, 2, &kd_finding_KD_DI_0024, NULL, ASK, 0, 0, 5, NULL},
    /* [MS-RRP] OpenUsers: the registry of who is logged on */
    {KD_RPC_WINREG, 4, &kd_finding_KD_DI_0025, NULL, ASK, 0, 0, 5, NULL},
    /* ept_lookup: what runs there */
    {KD_RPC_EPM, 2, &kd_finding_KD_DI_0026, NULL, ASK, 0, 0, 5, brings_list},
    {KD_RPC_EPM, 2, &kd_finding_KD_DI_0026, NULL, ASK, 20, 0, 5, is_one_of_many},
};

static void adlist_record(struct kd_detect *d, const struct kd_record *r)
{
    kd_rpc_rules(d, r, rules, KD_COUNT(rules), (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6));
}

static void adlist_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    (void)key;
    kd_rpc_snap(s, state);
}

const struct kd_detector kd_detector_adlist = {
    .name = "adlist",
    .summary_en = "accounts, groups, shares, sessions and services listed by remote calls",
    .summary_ja = "遠隔操作によるアカウント・グループ・共有・接続・サービスの一覧取得",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(struct kd_rpc_tally),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = adlist_record,
    .snap = adlist_snap,
    .snap_version = 1,
};
