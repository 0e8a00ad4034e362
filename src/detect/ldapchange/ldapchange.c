/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, groups and rights changed in the directory.  See ldapchange.md. */
#include "detect/common.h"
#include "findings.h"

struct none {
    uint8_t unused;
};

/* An attribute whose change gives power.  `parts`: only where the object's name has this in it. */
struct row {
    const char *attribute;
    const char *parts;
    const struct kd_finding_kind *kind;
    int severity; /* -1: the kind's own */
};

static const struct row rows[] = {
    {"member", "CN=Domain Admins,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", "CN=Enterprise Admins,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", "CN=Schema Admins,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", "CN=Administrators,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", "CN=Account Operators,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", "CN=Backup Operators,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", "CN=DnsAdmins,", &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"member", NULL, &kd_finding_KD_LM_0031, KD_LOW},
    {"primaryGroupID", NULL, &kd_finding_KD_LM_0031, KD_MEDIUM},
    {"unicodePwd", NULL, &kd_finding_KD_LM_0032, KD_LOW},
    {"userPassword", NULL, &kd_finding_KD_LM_0032, KD_LOW},
    {"nTSecurityDescriptor", NULL, &kd_finding_KD_LM_0041, -1},
    {"msDS-AllowedToActOnBehalfOfOtherIdentity", NULL, &kd_finding_KD_LM_0041, -1},
    {"msDS-AllowedToDelegateTo", NULL, &kd_finding_KD_LM_0041, -1},
    {"msDS-KeyCredentialLink", NULL, &kd_finding_KD_LM_0041, -1},
    {"altSecurityIdentities", NULL, &kd_finding_KD_LM_0041, -1},
    {"sIDHistory", NULL, &kd_finding_KD_LM_0041, -1},
};

/* "name=value", "name+=value": something is given, not taken away. */
static bool sets(struct kd_bytes change, const char *attribute)
{
    struct kd_bytes name = kd_str(attribute);
    if (!kd_bytes_istarts(change, name))
        return false;
    uint8_t next = kd_bytes_at(change, name.n);
    return next == '=' || (next == '+' && kd_bytes_at(change, name.n + 1) == '=');
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind,
                 int severity, const char *attribute)
{
    const struct kd_rec_ldap *l = r->body;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->src);
    kd_key_text(&fold, kd_bytes_head(l->base, 120));
    struct kd_fact facts[] = {
        {"what", l->base.n > 0 ? l->base : kd_str("-")},
        {"operation", kd_str(attribute)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = l->user,
                   .fold = kd_key_view(&fold),
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .first_us = r->head->ts_us,
                   .last_us = r->head->ts_us,
               });
}

static const struct row *row_of(const struct kd_rec_ldap *l, struct kd_bytes change)
{
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (sets(change, rows[i].attribute) &&
            (rows[i].parts == NULL || kd_bytes_istarts(l->base, kd_str(rows[i].parts))))
            return &rows[i];
    return NULL;
}

static bool makes_user(const struct kd_rec_ldap *l)
{
    bool user = false;
    bool computer = false;
    for (size_t i = 0; i < l->attributes.n; i++) {
        user |= kd_bytes_ieq(l->attributes.v[i], kd_str("objectClass=user"));
        computer |= kd_bytes_ieq(l->attributes.v[i], kd_str("objectClass=computer"));
    }
    return user && !computer;
}

/* The settings of the machine that writes its own object are its own business. */
static void ldapchange_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_ldap *l = r->body;
    struct kd_host_view host;
    if (l->result_code != 0 || (kd_detect_host(d, &r->head->src, &host) && host.dc))
        return;
    if (kd_bytes_eq_str(l->operation, "add") && makes_user(l))
        tell(d, r, &kd_finding_KD_LM_0030, KD_LOW, "add");
    if (!kd_bytes_eq_str(l->operation, "modify"))
        return;
    for (size_t i = 0; i < l->attributes.n; i++) {
        const struct row *row = row_of(l, l->attributes.v[i]);
        if (row != NULL)
            tell(d, r, row->kind, row->severity, row->attribute);
    }
}

const struct kd_detector kd_detector_ldapchange = {
    .name = "ldapchange",
    .summary_en = "accounts made, members added, passwords and rights changed in the directory",
    .summary_ja = "ディレクトリでのアカウント作成、グループへの追加、パスワード・権限の変更",
    .wants = (uint64_t)1 << KD_REC_LDAP,
    .key_state_bytes = sizeof(struct none),
    .max_keys = 1,
    .record = ldapchange_record,
};
