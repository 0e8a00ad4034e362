/* SPDX-License-Identifier: Apache-2.0 */
/* Stored secrets of another machine read by remote calls.  See secrets.md. */
#include "detect/rpc.h"
#include "findings.h"

/* The key that opens everybody's protected data in the domain; G$BCKUPKEY_… and its older form. */
static bool is_backup_key(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    static const char *const words[] = {"BCKUPKEY"};
    return kd_rpc_arg_with(r->body, words, KD_COUNT(words)).n > 0;
}

static bool is_other_secret(const struct kd_detect *d, const struct kd_record *r)
{
    return !is_backup_key(d, r);
}

/* Keys whose reading from afar serves only to open stored passwords ([MS-SAMR], the boot key). */
static bool is_secret_key(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    static const char *const words[] = {
        "Control\\Lsa\\JD",  "Control\\Lsa\\Skew1",       "Control\\Lsa\\GBG", "Control\\Lsa\\Data",
        "SAM\\SAM\\Domains", "SECURITY\\Policy\\Secrets", "SECURITY\\Cache"};
    return kd_rpc_arg_with(r->body, words, KD_COUNT(words)).n > 0;
}

static const struct kd_rpc_rule rules[] = {
    /* [MS-LSAD] RetrievePrivateData, OpenSecret, QuerySecret */
    {KD_RPC_LSARPC, 43, &kd_finding_KD_CR_0029, "key", KD_RPC_EACH, 0, 0, 0, is_backup_key},
    {KD_RPC_LSARPC, 43, &kd_finding_KD_CR_0028, "key", KD_RPC_EACH, 0, 0, 0, is_other_secret},
    {KD_RPC_LSARPC, 30, &kd_finding_KD_CR_0028, "secret", KD_RPC_EACH, 0, 0, 0, NULL},
    /* [MS-BKRP] BackuprKey */
    {KD_RPC_BACKUPKEY, 0, &kd_finding_KD_CR_0030, NULL, KD_RPC_NOT_DC, 0, 0, 0, NULL},
    /* [MS-RRP] SaveKey, SaveKeyEx; OpenKey, QueryInfoKey */
    {KD_RPC_WINREG, 20, &kd_finding_KD_CR_0031, "key", KD_RPC_EACH, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 31, &kd_finding_KD_CR_0031, "key", KD_RPC_EACH, 0, 0, 0, NULL},
    {KD_RPC_WINREG, 15, &kd_finding_KD_CR_0031, "key", KD_RPC_EACH, 0, 0, 0, is_secret_key},
};

static void secrets_record(struct kd_detect *d, const struct kd_record *r)
{
    kd_rpc_rules(d, r, rules, KD_COUNT(rules), KD_US_PER_DAY);
}

static void secrets_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    (void)key;
    kd_rpc_snap(s, state);
}

const struct kd_detector kd_detector_secrets = {
    .name = "secrets",
    .summary_en = "stored secrets, backup keys and password databases of another machine read by "
                  "remote calls",
    .summary_ja = "他の端末に保存された秘密情報・バックアップキー・パスワード情報の遠隔読み出し",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(struct kd_rpc_tally),
    .max_keys = 5000,
    .idle_us = 2 * KD_US_PER_DAY,
    .record = secrets_record,
    .snap = secrets_snap,
    .snap_version = 1,
};
