/* SPDX-License-Identifier: Apache-2.0 */
/* Kerberos used by attackers: tickets fetched to be cracked, old ciphers, requests no client makes.
 * See kerberos.md. */
#include "detect/common.h"
#include "findings.h"

enum {
    KEY_ROAST = 's',
    KEY_ASREP = 'a',
    KEY_NAMES = 'n',
    KEY_TRIES = 't',
    KEY_SPN = 'h',
    KEY_USER = 'u',
    NAMES_KEPT = 64,
    CLIENTS_HABIT =
        3, /* so many machines get this service's ticket this way: it is how the service is */
    OPTION_CANONICALIZE = 0x10000,
    OPTION_RENEWABLE_OK = 0x10,
    OPTION_FORWARDABLE = 0x40000000,
    OPTION_RENEWABLE = 0x800000,
};
#define TILL_WINDOWS_S 2136422885u /* 2037-09-13 02:48:05 UTC: "for ever" as Windows asks */

/* For one client machine, service or user: a set of names or addresses, and how it stood before. */
struct watch {
    uint64_t first_us, last_us;
    uint32_t n, n_names, told;
    uint32_t names[NAMES_KEPT];
    uint32_t aes;  /* of KEY_USER: logons with a current cipher */
    uint32_t bare; /* requests that offered no current cipher */
    struct kd_addr client, kdc;
    struct kd_word last;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"roast_services", 3, 2, 1000, "services",
     "old-cipher tickets for so many services by one machine are a medium finding",
     "1 台が弱い暗号のチケットを取得したサービス数(中とする数)"},
    {"burst_services", 15, 5, 1000, "services",
     "tickets for so many user-run services by one machine, whatever the cipher",
     "1 台がチケットを取得したサービス数(暗号を問わない)"},
    {"names", 8, 3, 64, "accounts", "accounts asked for by one machine and not used",
     "1 台が問い合わせただけで使わなかったアカウントの数"},
    {"window_s", 600, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static bool is_current(struct kd_bytes cipher)
{
    return kd_bytes_istarts(cipher, kd_str("aes")) || kd_bytes_istarts(cipher, kd_str("camellia"));
}

static bool is_rc4(struct kd_bytes cipher)
{
    return kd_bytes_istarts(cipher, kd_str("rc4"));
}

static bool offers_current(const struct kd_rec_krb5 *k)
{
    for (size_t i = 0; i < k->offered.n; i++)
        if (is_current(k->offered.v[i]))
            return true;
    return false;
}

static bool is_krbtgt(struct kd_bytes sname)
{
    return kd_bytes_istarts(sname, kd_str("krbtgt")) || kd_bytes_istarts(sname, kd_str("kadmin"));
}

static bool is_machine(struct kd_bytes name)
{
    return name.n > 0 && name.p[name.n - 1] == '$';
}

/* Services that every Windows machine runs itself, with its own long random key. */
static bool is_of_machine(struct kd_bytes sname)
{
    static const char *const classes[] = {"host/",
                                          "cifs/",
                                          "ldap/",
                                          "gc/",
                                          "dns/",
                                          "rpcss/",
                                          "termsrv/",
                                          "wsman/",
                                          "restrictedkrbhost/",
                                          "e3514235-4b06-11d1-ab04-00c04fc2dcd2/"};
    for (size_t i = 0; i < KD_COUNT(classes); i++)
        if (kd_bytes_istarts(sname, kd_str(classes[i])))
            return true;
    return is_machine(sname);
}

static struct watch *watch_of(struct kd_detect *d, uint8_t kind, const struct kd_record *r,
                              struct kd_bytes name, uint64_t window_us)
{
    struct kd_key key = kd_key_of(kind);
    if (name.n > 0)
        kd_key_text(&key, kd_bytes_head(name, 128));
    else
        kd_key_addr(&key, &r->head->src);
    struct watch *w = kd_detect_state(d, kd_key_view(&key), NULL);
    if (w == NULL)
        return NULL;
    if (window_us > 0 && w->n > 0 && kd_gap_us(r->head->ts_us, w->first_us) > window_us)
        *w = (struct watch){0};
    if (w->n++ == 0) {
        w->first_us = r->head->ts_us;
        w->client = r->head->src;
        w->kdc = r->head->dst;
    }
    w->last_us = kd_max_u64(w->last_us, r->head->ts_us);
    return w;
}

static void tell(struct kd_detect *d, struct watch *w, const struct kd_record *r,
                 const struct kd_finding_kind *kind, int severity, struct kd_bytes fold_text)
{
    const struct kd_rec_krb5 *k = r->body;
    struct kd_digits number;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides s = kd_sides_of(d, &w->client, &w->kdc);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &w->client);
    kd_key_text(&fold, kd_bytes_head(fold_text, 100));
    bool as = kd_bytes_eq_str(k->request_type, "AS");
    struct kd_fact facts[] = {
        {"service", k->sname.n > 0 ? k->sname : kd_str("-")},
        {"cipher", as && k->encryption.n > 0    ? k->encryption
                   : k->ticket_encryption.n > 0 ? k->ticket_encryption
                                                : kd_str("-")},
        {"number", kd_digits_of(&number, kd_max_u64(w->n_names, 1))},
        {"realm", k->realm.n > 0 ? k->realm : kd_str("-")},
    };
    w->told = (uint32_t)kd_max_u64(w->n_names, 1);
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = k->cname,
                   .fold = kd_key_view(&fold),
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&w->ids, ids),
                   .first_us = w->first_us,
                   .last_us = w->last_us,
                   .count = w->n,
               });
}

static uint64_t window_us(const struct kd_detect *d)
{
    return (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6);
}

/* Is it how this service always is?  An old one gives old-cipher tickets to everybody. */
static bool is_habit(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_krb5 *k = r->body;
    struct watch *spn = watch_of(d, KEY_SPN, r, k->sname, 0);
    if (spn == NULL)
        return true;
    (void)kd_sums_add(spn->names, NAMES_KEPT, &spn->n_names, kd_sum_addr(&r->head->src));
    return spn->n_names > CLIENTS_HABIT;
}

/* A ticket for a service: what is in it is sealed with the service account's password. */
static void ticket(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_krb5 *k = r->body;
    if (k->sname.n == 0 || is_krbtgt(k->sname))
        return;
    bool old = is_rc4(k->ticket_encryption);
    bool of_machine = is_of_machine(k->sname);
    if (old && of_machine && offers_current(k)) {
        struct watch *w = watch_of(d, KEY_SPN, r, k->sname, 0);
        if (w != NULL && w->aes > 0) { /* the same machine took a current cipher before */
            kd_ids_add(&w->ids, r->head->id);
            w->client = r->head->src;
            w->kdc = r->head->dst;
            tell(d, w, r, &kd_finding_KD_CR_0024, KD_MEDIUM, k->sname);
        }
        return;
    }
    if (of_machine) {
        struct watch *w = watch_of(d, KEY_SPN, r, k->sname, 0);
        if (w != NULL)
            w->aes += !old;
        return;
    }
    bool bare = old && !offers_current(k);
    if (old && !bare && is_habit(d, r))
        return;
    struct watch *w = watch_of(d, KEY_ROAST, r, kd_str(""), window_us(d));
    if (w == NULL)
        return;
    w->bare += bare;
    w->aes += !old; /* of these, not worth cracking */
    bool fresh = kd_sums_add(w->names, NAMES_KEPT, &w->n_names, kd_sum_text(k->sname));
    kd_ids_add(&w->ids, r->head->id);
    bool burst = w->n_names >= kd_detect_tunable(d, "burst_services");
    bool many =
        w->n_names > w->aes && w->n_names - w->aes >= kd_detect_tunable(d, "roast_services");
    if ((old || burst) && fresh &&
        (w->told == 0 || w->n_names >= 2 * w->told || (many && w->told < 3)))
        tell(d, w, r, &kd_finding_KD_CR_0020, w->bare > 0 || burst || many ? KD_MEDIUM : KD_LOW,
             kd_str(""));
}

/* A logon ticket without the password having been proven: it can be cracked. */
static void without_proof(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_krb5 *k = r->body;
    if (is_machine(k->cname))
        return;
    struct watch *w = watch_of(d, KEY_ASREP, r, kd_str(""), window_us(d));
    if (w == NULL)
        return;
    bool fresh = kd_sums_add(w->names, NAMES_KEPT, &w->n_names, kd_sum_text(k->cname));
    bool old = is_rc4(k->encryption);
    w->bare += old && !offers_current(k);
    kd_ids_add(&w->ids, r->head->id);
    if (!fresh || (!old && w->n_names < kd_detect_tunable(d, "roast_services")))
        return;
    if (w->told == 0 || w->n_names >= 2 * w->told)
        tell(d, w, r, &kd_finding_KD_CR_0021, w->bare > 1 && w->n_names > 1 ? KD_MEDIUM : KD_LOW,
             kd_str(""));
}

/* Windows' own logons name the workstation and offer everything; tools copy the options and forget
 * the rest. */
static bool is_imitation(const struct kd_rec_krb5 *k)
{
    const uint32_t windows =
        OPTION_FORWARDABLE | OPTION_RENEWABLE | OPTION_CANONICALIZE | OPTION_RENEWABLE_OK;
    return k->kdc_options == windows && k->addresses.n == 0 && !is_machine(k->cname);
}

static void proven(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_krb5 *k = r->body;
    struct watch *w = watch_of(d, KEY_USER, r, k->cname, 0);
    if (w == NULL)
        return;
    bool old = is_rc4(k->encryption);
    w->aes += !old && is_current(k->encryption);
    kd_ids_add(&w->ids, r->head->id);
    w->client = r->head->src;
    w->kdc = r->head->dst;
    if (old && !offers_current(k))
        tell(d, w, r, &kd_finding_KD_CR_0025, w->aes > 0 || is_imitation(k) ? KD_MEDIUM : KD_LOW,
             k->cname);
    else if (is_imitation(k) && k->till_us / KD_US_PER_S != TILL_WINDOWS_S)
        tell(d, w, r, &kd_finding_KD_CR_0025, KD_LOW, k->cname);
    else if (old)
        tell(d, w, r, &kd_finding_KD_CR_0024, w->aes > 0 ? KD_MEDIUM : KD_LOW, k->cname);
}

/* Asked for a user and left it there: to learn whether the name exists, or the answers were not
 * seen. */
static void asked(struct kd_detect *d, const struct kd_record *r, uint8_t key,
                  const struct kd_finding_kind *kind)
{
    const struct kd_rec_krb5 *k = r->body;
    if (is_machine(k->cname) || k->cname.n == 0)
        return;
    struct watch *w = watch_of(d, key, r, kd_str(""), window_us(d));
    if (w == NULL)
        return;
    (void)kd_sums_add(w->names, NAMES_KEPT, &w->n_names, kd_sum_text(k->cname));
    kd_ids_add(&w->ids, r->head->id);
    uint32_t least = (uint32_t)kd_detect_tunable(d, "names");
    uint32_t unused = w->n_names > w->aes ? w->n_names - w->aes : 0;
    if (unused >= least && unused * 2 > w->n_names && (w->told == 0 || w->n_names >= 2 * w->told))
        tell(d, w, r, kind, -1, kd_str(""));
}

/* Who then logged on used the name. */
static void used(struct kd_detect *d, const struct kd_record *r, uint8_t key)
{
    struct kd_key k = kd_key_of(key);
    kd_key_addr(&k, &r->head->src);
    struct watch *w = kd_detect_peek(d, kd_key_view(&k));
    if (w != NULL)
        w->aes++;
}

static void logon(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_krb5 *k = r->body;
    if (kd_bytes_eq_str(k->msg_type, "KRB_AS_REP")) {
        used(d, r, KEY_NAMES);
        used(d, r, KEY_TRIES);
        if (k->preauth)
            proven(d, r);
        else
            without_proof(d, r);
        return;
    }
    bool unanswered = kd_bytes_eq_str(k->msg_type, "KRB_AS_REQ");
    if (k->preauth && !unanswered)
        used(d, r, KEY_NAMES); /* a password was tried: `logon` counts those */
    if (k->preauth && unanswered)
        asked(d, r, KEY_TRIES, &kd_finding_KD_CR_0023);
    else if (!k->preauth &&
             (unanswered || kd_bytes_icontains(k->error_code, kd_str("PREAUTH_REQUIRED"))))
        asked(d, r, KEY_NAMES, &kd_finding_KD_CR_0022);
}

static void kerberos_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_krb5 *k = r->body;
    if (kd_bytes_eq_str(k->request_type, "AS"))
        logon(d, r);
    else if (kd_bytes_eq_str(k->msg_type, "KRB_TGS_REP"))
        ticket(d, r);
}

static void kerberos_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct watch *w = state;
    (void)key;
    kd_snap_time(s, &w->first_us);
    kd_snap_time(s, &w->last_us);
    kd_snap_u32(s, &w->n);
    kd_snap_u32_to(s, &w->told, UINT32_MAX / 4);
    kd_snap_u32(s, &w->aes);
    kd_snap_u32(s, &w->bare);
    kd_snap_sums(s, w->names, NAMES_KEPT, &w->n_names);
    kd_snap_addr(s, &w->client);
    kd_snap_addr(s, &w->kdc);
    kd_snap_word(s, &w->last);
    kd_snap_ids(s, &w->ids);
}

const struct kd_detector kd_detector_kerberos = {
    .name = "kerberos",
    .summary_en = "Kerberos tickets fetched to be cracked, outdated ciphers, requests made by "
                  "tools, names tried",
    .summary_ja =
        "解読目的のチケット取得、古い暗号、ツールによる要求、アカウント名の探索(Kerberos)",
    .wants = (uint64_t)1 << KD_REC_KRB5,
    .key_state_bytes = sizeof(struct watch),
    .max_keys = 20000,
    .idle_us = 30 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = kerberos_record,
    .snap = kerberos_snap,
    .snap_version = 1,
};
