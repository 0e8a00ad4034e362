/* SPDX-License-Identifier: Apache-2.0 */
/* A machine made to log on somewhere, and drivers put on its print service.  See coercion.md. */
#include "detect/rpc.h"
#include "findings.h"

/* [MS-RPRN] 3.1.4 */
enum {
    OPEN_PRINTER = 1,
    CLOSE_PRINTER = 29,
    FIRST_NOTIFY = 62,
    FIRST_NOTIFY_EX = 65,
    OPEN_PRINTER_EX = 69,
    KEY_PRINT = 'p'
};
#define QUIET_US (10 * KD_US_PER_MINUTE)

/* A machine and the print service it talks to; after rules' states in size. */
union state {
    struct kd_rpc_tally tally;
    struct print {
        uint64_t asked_us; /* to be notified; 0: not */
        uint64_t last_us;
        uint32_t others; /* calls of somebody who prints */
        bool told, refused;
        struct kd_addr actor, target;
        struct kd_word where, user;
        struct kd_ids ids;
    } print;
};

static bool is_dc(const struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_host_view host;
    return kd_detect_host(d, a, &host) && host.dc;
}

/* Does the place lie on the machine that is asked?  Files on its own shares are named in the same
 * way. */
static bool is_own(const struct kd_detect *d, const struct kd_record *r, struct kd_bytes machine)
{
    uint8_t text[48];
    struct kd_out o = kd_out_of(text, sizeof(text));
    kd_out_addr(&o, &r->head->dst);
    struct kd_host_view host;
    if (kd_bytes_ieq(machine, kd_out_bytes_view(&o)) || kd_bytes_ieq(machine, kd_str("localhost")))
        return true;
    struct kd_bytes label = kd_bytes_cut(&machine, '.');
    return kd_detect_host(d, &r->head->dst, &host) && host.name.n > 0 &&
           kd_bytes_ieq(label, host.name);
}

/* Names a share of another machine: \\machine\share, also behind \\?\UNC. */
static bool names_share(const struct kd_detect *d, const struct kd_record *r)
{
    static const char *const words[] = {"\\\\", "//"};
    struct kd_bytes path = kd_rpc_arg_with(r->body, words, KD_COUNT(words));
    size_t at = 0;
    while (kd_bytes_at(path, at) == '\\' || kd_bytes_at(path, at) == '/')
        at++;
    struct kd_bytes rest = kd_bytes_from(path, at);
    if (path.n == 0 || at < 2)
        return false;
    if (kd_bytes_istarts(rest, kd_str("?\\UNC\\")))
        rest = kd_bytes_from(rest, 6);
    size_t end = 0;
    while (end < rest.n && rest.p[end] != '\\' && rest.p[end] != '/' && rest.p[end] != '@')
        end++;
    return !is_own(d, r, kd_bytes_head(rest, end));
}

static bool names_share_or_sealed(const struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    return c->args.n == 0 || names_share(d, r);
}

/* Backup asks file servers for shadow copies, sealed; nobody has a reason to ask a domain
 * controller. */
static bool names_share_or_sealed_at_dc(const struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    return (c->args.n == 0 && is_dc(d, &r->head->dst)) || names_share(d, r);
}

/* Printers are installed with drivers that lie on the print service already. */
static bool is_foreign_driver(const struct kd_detect *d, const struct kd_record *r)
{
    (void)d;
    static const char *const words[] = {"\\\\", "UNIDRV", ".dll"};
    const struct kd_rec_dcerpc *c = r->body;
    return c->args.n == 0 || kd_rpc_arg_with(c, words, KD_COUNT(words)).n > 0;
}

enum { ASK = KD_RPC_EACH | KD_RPC_NOT_DC };

static const struct kd_rpc_rule rules[] = {
    /* [MS-EFSR]: OpenFileRaw, EncryptFileSrv, DecryptFileSrv, QueryUsersOnFile,
     * QueryRecoveryAgents, RemoveUsersFromFile, AddUsersToFile, FileKeyInfo,
     * DuplicateEncryptionInfoFile, AddUsersToFileEx, … */
    {KD_RPC_EFSR, 0, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 4, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 5, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 6, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 7, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 8, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 9, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 12, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 13, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 15, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 16, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 18, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 19, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 20, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    {KD_RPC_EFSR, 21, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share_or_sealed},
    /* [MS-DFSNM]: NetrDfsAddStdRoot, NetrDfsRemoveStdRoot, NetrDfsAddStdRootForced */
    {KD_RPC_DFSNM, 12, &kd_finding_KD_CR_0035, "server", ASK, 0, 0, 0, NULL},
    {KD_RPC_DFSNM, 13, &kd_finding_KD_CR_0035, "server", ASK, 0, 0, 0, NULL},
    {KD_RPC_DFSNM, 15, &kd_finding_KD_CR_0035, "server", ASK, 0, 0, 0, NULL},
    /* [MS-FSRVP]: IsPathSupported, IsPathShadowCopied */
    {KD_RPC_FSRVP, 8, &kd_finding_KD_CR_0035, "share", ASK, 0, 0, 0, names_share_or_sealed_at_dc},
    {KD_RPC_FSRVP, 9, &kd_finding_KD_CR_0035, "share", ASK, 0, 0, 0, names_share_or_sealed_at_dc},
    /* [MS-EVEN]: ElfrOpenBELW, ElfrBackupELFW with a file elsewhere */
    {KD_RPC_EVENTLOG, 9, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share},
    {KD_RPC_EVENTLOG, 1, &kd_finding_KD_CR_0035, "file", ASK, 0, 0, 0, names_share},
    /* [MS-RPRN]: AddPrinterDriver, AddPrinterDriverEx; [MS-PAR]: AsyncAddPrinterDriver */
    {KD_RPC_SPOOLSS, 9, &kd_finding_KD_LM_0040, "driver", KD_RPC_EACH, 0, 0, 0, is_foreign_driver},
    {KD_RPC_SPOOLSS, 89, &kd_finding_KD_LM_0040, "driver", KD_RPC_EACH, 0, 0, 0, is_foreign_driver},
    {KD_RPC_PAR, 39, &kd_finding_KD_LM_0040, "driver", KD_RPC_EACH, 0, 0, 0, is_foreign_driver},
};

static void tell_notify(struct kd_detect *d, struct print *p)
{
    if (p->asked_us == 0 || p->told || p->others > 0)
        return;
    p->told = true;
    uint64_t ids[KD_IDS_KEPT];
    bool dc = is_dc(d, &p->target);
    struct kd_sides s = kd_sides_of(d, &p->actor, &p->target);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &p->actor);
    kd_key_addr(&fold, &p->target);
    struct kd_fact facts[] = {{"what", p->where.n > 0 ? kd_word_view(&p->where) : kd_str("-")}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0036,
                   .host = s.host,
                   .peer = s.peer,
                   .user = kd_word_view(&p->user),
                   .fold = kd_key_view(&fold),
                   .severity = dc && !p->refused ? KD_MEDIUM : KD_LOW,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&p->ids, ids),
                   .first_us = p->asked_us,
                   .last_us = p->last_us,
               });
}

/* Who prints asks for much else.  Who only opens the service, asks to be notified and closes wants
 * the service's machine to come and log on. */
static void print_call(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_key key = kd_key_of(KEY_PRINT);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    union state *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    struct print *p = &s->print;
    p->actor = r->head->src;
    p->target = r->head->dst;
    p->last_us = kd_max_u64(p->last_us, r->head->ts_us);
    kd_ids_add(&p->ids, r->head->id);
    if (c->user.n > 0)
        kd_word_set(&p->user, c->user);
    switch (c->opnum) {
    case OPEN_PRINTER:
    case OPEN_PRINTER_EX:
        break;
    case FIRST_NOTIFY:
    case FIRST_NOTIFY_EX:
        p->asked_us = r->head->ts_us;
        p->refused = c->fault;
        kd_word_set(&p->where, kd_rpc_arg(c, "target"));
        break;
    case CLOSE_PRINTER:
        tell_notify(d, p);
        break;
    default:
        p->others++;
        break;
    }
}

static bool coercion_tick(struct kd_detect *d, struct kd_bytes key, void *state)
{
    union state *s = state;
    if (key.p[0] == KEY_PRINT && kd_gap_us(kd_detect_now_us(d), s->print.last_us) > QUIET_US)
        tell_notify(d, &s->print);
    return true;
}

static void coercion_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    union state *s = state;
    if (key.p[0] == KEY_PRINT)
        tell_notify(d, &s->print);
}

static void coercion_record(struct kd_detect *d, const struct kd_record *r)
{
    kd_rpc_rules(d, r, rules, KD_COUNT(rules), KD_US_PER_DAY);
    if (kd_rpc_of(r->body) == KD_RPC_SPOOLSS)
        print_call(d, r);
}

const struct kd_detector kd_detector_coercion = {
    .name = "coercion",
    .summary_en = "machines made to log on elsewhere (EFS, print, DFS, shadow copy services); "
                  "foreign printer drivers",
    .summary_ja = "他の端末を強制的に認証させる操作(EFS・印刷・DFS・シャドウコピー)"
                  "、外来のプリンタードライバー",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(union state),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .record = coercion_record,
    .leave = coercion_leave,
    .tick = coercion_tick,
    .tick_us = 5 * KD_US_PER_MINUTE,
};
