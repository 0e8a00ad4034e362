/* SPDX-License-Identifier: Apache-2.0 */
/* What was changed on another machine by remote calls: accounts, groups, rights, registry, logs.
 * See account.md. */
#include "detect/rpc.h"
#include "findings.h"

/* Joining a machine to the domain makes an account with a name ending in $ and sets its password.
 */
static bool is_person(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    struct kd_bytes name = kd_rpc_arg(r->body, "name");
    if (name.n == 0)
        name = kd_rpc_arg(r->body, "user");
    return name.n == 0 || name.p[name.n - 1] != '$';
}

/* SamrSetInformationUser with a level that holds a password ([MS-SAMR] 2.2.6.28), or a level that
 * was not seen. */
static bool sets_password(const struct kd_detect *d, const struct kd_record *r)
{
    static const char *const levels[] = {"18", "23", "24", "25", "26", "31", "32"};
    struct kd_bytes level = kd_rpc_arg(r->body, "level");
    if (level.n == 0)
        return is_person(d, r);
    for (size_t i = 0; i < KD_COUNT(levels); i++)
        if (kd_bytes_eq_str(level, levels[i]))
            return is_person(d, r);
    return false;
}

/* A name of one's own choice in the request's attributes ([MS-WCCE] 2.2.2.6). */
static bool names_owner(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    return kd_bytes_icontains(kd_rpc_arg(r->body, "attributes"), kd_str("SAN:"));
}

enum { EACH_DONE = KD_RPC_EACH | KD_RPC_DONE | KD_RPC_NOT_DC };

static const struct kd_rpc_rule rules[] = {
    /* [MS-SAMR] 3.1.5: CreateUserInDomain, CreateUser2InDomain */
    {KD_RPC_SAMR, 12, &kd_finding_KD_LM_0030, "name", KD_RPC_EACH, 0, 0, 0, is_person},
    {KD_RPC_SAMR, 50, &kd_finding_KD_LM_0030, "name", KD_RPC_EACH, 0, 0, 0, is_person},
    /* AddMemberToGroup, AddMemberToAlias, AddMultipleMembersToAlias */
    {KD_RPC_SAMR, 22, &kd_finding_KD_LM_0031, "group", KD_RPC_EACH, 0, 0, 0, NULL},
    {KD_RPC_SAMR, 31, &kd_finding_KD_LM_0031, "group", KD_RPC_EACH, 0, 0, 0, NULL},
    {KD_RPC_SAMR, 52, &kd_finding_KD_LM_0031, "group", KD_RPC_EACH, 0, 0, 0, NULL},
    /* SetInformationUser, SetInformationUser2, SetDSRMPassword */
    {KD_RPC_SAMR, 37, &kd_finding_KD_LM_0032, "user", EACH_DONE, 0, 0, 0, sets_password},
    {KD_RPC_SAMR, 58, &kd_finding_KD_LM_0032, "user", EACH_DONE, 0, 0, 0, sets_password},
    {KD_RPC_SAMR, 66, &kd_finding_KD_LM_0032, "user", EACH_DONE, 0, 0, 0, NULL},
    /* [MS-LSAD] SetSecret, AddAccountRights, StorePrivateData */
    {KD_RPC_LSARPC, 29, &kd_finding_KD_LM_0033, "secret", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_LSARPC, 37, &kd_finding_KD_LM_0033, "rights", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_LSARPC, 42, &kd_finding_KD_LM_0033, "key", EACH_DONE, 0, 0, 0, NULL},
    /* [MS-EVEN] ElfrClearELFW, ElfrClearELFA; [MS-EVEN6] EvtRpcClearLog */
    {KD_RPC_EVENTLOG, 0, &kd_finding_KD_LM_0034, "log", KD_RPC_EACH, 0, 0, 0, NULL},
    {KD_RPC_EVENTLOG, 12, &kd_finding_KD_LM_0034, "log", KD_RPC_EACH, 0, 0, 0, NULL},
    {KD_RPC_EVENTLOG6, 6, &kd_finding_KD_LM_0034, "log", KD_RPC_EACH, 0, 0, 0, NULL},
    /* [MS-RRP] CreateKey, DeleteKey, DeleteValue, LoadKey, ReplaceKey, RestoreKey, SetValue */
    {KD_RPC_WINREG, 7, &kd_finding_KD_LM_0035, "key", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 8, &kd_finding_KD_LM_0035, "key", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 13, &kd_finding_KD_LM_0035, "key", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 18, &kd_finding_KD_LM_0035, "key", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 19, &kd_finding_KD_LM_0035, "key", EACH_DONE, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 22, &kd_finding_KD_LM_0035, "key", EACH_DONE, 0, 0, 0, NULL},
    /* [MS-ICPR] CertServerRequest; [MS-WCCE] Request, Request2 */
    {KD_RPC_ICPR, 0, &kd_finding_KD_CR_0042, "attributes", KD_RPC_EACH, 0, 0, 0, names_owner},
    {KD_RPC_CERTREQUEST, 3, &kd_finding_KD_CR_0042, "attributes", KD_RPC_EACH, 0, 0, 0,
     names_owner},
    {KD_RPC_CERTREQUEST, 6, &kd_finding_KD_CR_0042, "attributes", KD_RPC_EACH, 0, 0, 0,
     names_owner},
};

static void account_record(struct kd_detect *d, const struct kd_record *r)
{
    kd_rpc_rules(d, r, rules, KD_COUNT(rules), KD_US_PER_DAY);
}

static void account_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    (void)key;
    kd_rpc_snap(s, state);
}

const struct kd_detector kd_detector_account = {
    .name = "account",
    .summary_en =
        "accounts, groups, passwords, rights, registry and event logs changed on another machine",
    .summary_ja = "他の端末のアカウント・グループ・パスワード・権限・レジストリ・ログの変更",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(struct kd_rpc_tally),
    .max_keys = 5000,
    .idle_us = 2 * KD_US_PER_DAY,
    .record = account_record,
    .snap = account_snap,
    .snap_version = 1,
};
