/* SPDX-License-Identifier: Apache-2.0 */
/* The directory searched for what an attacker wants to know.  See ldaplist.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_CLIENT = 'c' };

/* What was searched for. */
enum topic {
    USERS = 1,
    COMPUTERS = 2,
    GROUPS = 4,
    RULERS = 8, /* groups and accounts that rule the domain */
    WEAK = 16,  /* accounts whose passwords can be cracked or that are trusted too much */
    TRUSTS = 32,
    RIGHTS = 64,  /* who may change what */
    PLACES = 128, /* units, policies, sites */
    SECRETS = 256 /* passwords kept in the directory */
};

/* One machine's searches in a directory. */
struct searches {
    uint64_t first_us, last_us;
    uint32_t topics, told, n;
    uint64_t entries;
    struct kd_addr client, server;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"topics", 4, 2, 9, "topics",
     "so many different subjects searched by one machine are a survey of the whole domain",
     "1 台が検索した主題の数(ドメイン全体の調査とみなす)"},
    {"entries", 50, 1, 100000, "entries", "a list of accounts has at least so many",
     "アカウント一覧とみなす件数"},
    {"window_s", 1800, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static bool any(struct kd_bytes text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (kd_bytes_icontains(text, kd_str(words[i])))
            return true;
    return false;
}

static bool wants(const struct kd_rec_ldap *l, const char *const *names, size_t n)
{
    for (size_t i = 0; i < l->attributes.n; i++)
        for (size_t k = 0; k < n; k++)
            if (kd_bytes_ieq(l->attributes.v[i], kd_str(names[k])))
                return true;
    return false;
}

#define ANY(text, ...)                                                                             \
    any((text), (const char *const[]){__VA_ARGS__}, KD_COUNT(((const char *const[]){__VA_ARGS__})))
#define WANTS(l, ...)                                                                              \
    wants((l), (const char *const[]){__VA_ARGS__}, KD_COUNT(((const char *const[]){__VA_ARGS__})))

static unsigned kinds_of(struct kd_bytes filter)
{
    unsigned t = 0;
    if (ANY(filter, "samAccountType=805306368", "(objectCategory=person", "(objectClass=user)",
            "(objectClass=person)", "(objectCategory=CN=Person", "(objectCategory=user",
            "(sAMAccountName=*)"))
        t |= USERS;
    if (ANY(filter, "samAccountType=805306369", "(objectCategory=computer",
            "(objectClass=computer)", "(objectCategory=CN=Computer"))
        t |= COMPUTERS;
    if (ANY(filter, "samAccountType=268435456", "samAccountType=536870912", "(objectCategory=group",
            "(objectClass=group)", "(objectCategory=CN=Group"))
        t |= GROUPS;
    if (ANY(filter, "(objectClass=trustedDomain)", "(objectCategory=trustedDomain"))
        t |= TRUSTS;
    if (ANY(filter, "(objectClass=organizationalUnit)", "(objectCategory=organizationalUnit",
            "groupPolicyContainer", "(objectClass=site)", "(objectClass=subnet)",
            "pKICertificateTemplate", "pKIEnrollmentService"))
        t |= PLACES;
    return t;
}

/* Sub-tree searches only: programs look up one object all the time. */
static unsigned topics_of(const struct kd_rec_ldap *l)
{
    unsigned t = kinds_of(l->filter);
    if (ANY(l->filter, "adminCount=1", "=Domain Admins", "=Enterprise Admins", "=Schema Admins",
            "=Account Operators", "CN=Domain Admins,", "CN=Enterprise Admins,", "CN=Schema Admins,",
            "=DnsAdmins", "=Backup Operators", "=krbtgt)") ||
        kd_bytes_istarts(l->base, kd_str("CN=Domain Admins,")) ||
        kd_bytes_istarts(l->base, kd_str("CN=Enterprise Admins,")))
        t |= RULERS;
    if (ANY(l->filter, "1.2.840.113556.1.4.803:=4194304", "1.2.840.113556.1.4.803:=524288",
            "1.2.840.113556.1.4.803:=16777216", "(msDS-AllowedToDelegateTo=*)",
            "(msDS-AllowedToActOnBehalfOfOtherIdentity=*)") ||
        (ANY(l->filter, "(servicePrincipalName=*)") && !(t & COMPUTERS)))
        t |= WEAK;
    bool policies =
        kd_bytes_istarts(l->base, kd_str("CN=Policies,CN=System,")); /* every machine reads these */
    if ((WANTS(l, "nTSecurityDescriptor") && !policies && l->entries > 1) ||
        ANY(l->filter, "(schemaIDGUID=*)", "(objectClass=controlAccessRight)"))
        t |= RIGHTS;
    if (WANTS(l, "ms-Mcs-AdmPwd", "msLAPS-Password", "msLAPS-EncryptedPassword",
              "msDS-ManagedPassword", "unixUserPassword") ||
        ANY(l->filter, "(ms-Mcs-AdmPwd=*)", "(msLAPS-Password=*)",
            "msDS-GroupManagedServiceAccount"))
        t |= SECRETS;
    return t;
}

static void tell(struct kd_detect *d, const struct kd_record *r, struct searches *s,
                 const struct kd_finding_kind *kind, unsigned bit, int severity)
{
    const struct kd_rec_ldap *l = r->body;
    if (s->told & bit)
        return;
    s->told |= bit;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_digits entries, number;
    struct kd_sides sides = kd_sides_of(d, &s->client, &s->server);
    struct kd_fact facts[] = {
        {"filter", l->filter.n > 0 ? kd_bytes_head(l->filter, 300) : kd_str("-")},
        {"entries", kd_digits_of(&entries, s->entries)},
        {"number", kd_digits_of(&number, s->n)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = sides.host,
                   .peer = sides.peer,
                   .user = l->user,
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&s->ids, ids),
                   .first_us = s->first_us,
                   .last_us = s->last_us,
                   .count = s->n,
               });
}

static unsigned count_bits(unsigned v)
{
    unsigned n = 0;
    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

static void judge(struct kd_detect *d, const struct kd_record *r, struct searches *s, unsigned now)
{
    const struct kd_rec_ldap *l = r->body;
    bool survey = count_bits(s->topics) >= kd_detect_tunable(d, "topics");
    if (survey)
        tell(d, r, s, &kd_finding_KD_DI_0032, 1u << 16, KD_MEDIUM);
    if (now & RIGHTS)
        tell(d, r, s, &kd_finding_KD_DI_0032, 1u << 17, survey ? KD_MEDIUM : KD_LOW);
    if (now & (WEAK | SECRETS))
        tell(d, r, s, &kd_finding_KD_DI_0033, now & (WEAK | SECRETS), -1);
    if (now & RULERS)
        tell(d, r, s, &kd_finding_KD_DI_0031, RULERS, -1);
    if (now & TRUSTS)
        tell(d, r, s, &kd_finding_KD_DI_0034, TRUSTS, -1);
    if ((now & (USERS | GROUPS)) && l->entries >= kd_detect_tunable(d, "entries"))
        tell(d, r, s, &kd_finding_KD_DI_0030, USERS, -1);
}

static void ldaplist_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_ldap *l = r->body;
    if (!kd_bytes_eq_str(l->operation, "search") || l->cldap || l->unasked || kd_bytes_eq_str(l->scope, "base"))
        return;
    unsigned now = topics_of(l);
    struct kd_host_view host;
    if (now == 0 || (kd_detect_host(d, &r->head->src, &host) && host.dc))
        return;
    struct kd_key key = kd_key_of(KEY_CLIENT);
    kd_key_addr(&key, &r->head->src);
    struct searches *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    uint64_t window_us = (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6);
    if (s->n > 0 && kd_gap_us(r->head->ts_us, s->first_us) > window_us)
        *s = (struct searches){0};
    if (s->n++ == 0) {
        s->first_us = r->head->ts_us;
        s->client = r->head->src;
        s->server = r->head->dst;
    }
    s->last_us = kd_max_u64(s->last_us, r->head->ts_us);
    s->topics |= now;
    s->entries += l->entries;
    kd_ids_add(&s->ids, r->head->id);
    judge(d, r, s, now);
}

static void ldaplist_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct searches *p = state;
    (void)key;
    kd_snap_time(s, &p->first_us);
    kd_snap_time(s, &p->last_us);
    kd_snap_u32_to(s, &p->topics, 2 * SECRETS - 1);
    kd_snap_u32(s, &p->told);
    kd_snap_u32(s, &p->n);
    kd_snap_u64(s, &p->entries);
    kd_snap_addr(s, &p->client);
    kd_snap_addr(s, &p->server);
    kd_snap_ids(s, &p->ids);
}

const struct kd_detector kd_detector_ldaplist = {
    .name = "ldaplist",
    .summary_en = "directory searched for accounts, rulers, weak accounts, trusts and rights",
    .summary_ja = "ディレクトリの検索(アカウント、管理者、弱いアカウント、信頼関係、権限)",
    .wants = (uint64_t)1 << KD_REC_LDAP,
    .key_state_bytes = sizeof(struct searches),
    .max_keys = 20000,
    .idle_us = KD_US_PER_DAY,
    .tunables = tunables,
    .record = ldaplist_record,
    .snap = ldaplist_snap,
    .snap_version = 1,
};
