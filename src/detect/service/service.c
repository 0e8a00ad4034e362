/* SPDX-License-Identifier: Apache-2.0 */
/* Services made, started and changed on another machine, alone and after a program was copied
 * there.  See service.md. */
#include "detect/rpc.h"
#include "findings.h"

enum { KEY_PAIR = 'p', KEY_PROBE = 'o', TARGETS_KEPT = 64 };
#define TOGETHER_US (15 * KD_US_PER_MINUTE)

enum {
    CONTROL = 1,
    DELETE = 2,
    CHANGE_CONFIG_W = 11,
    CREATE_W = 12,
    OPEN_MANAGER_W = 15,
    OPEN_W = 16,
    START_W = 19,
    CHANGE_CONFIG_A = 23,
    CREATE_A = 24,
    OPEN_MANAGER_A = 27,
    OPEN_A = 28,
    START_A = 31,
    CREATE_WOW_A = 44,
    CREATE_WOW_W = 45,
    CREATE_WOW = 60,
    OPEN_MANAGER_2 = 64
};

/* What one machine did to another; or (KEY_PROBE) which machines one asked for their service
 * manager. */
struct pair {
    uint64_t copied_us;  /* a program was written to an administrative share */
    uint64_t library_us; /* a program library into the system folder */
    uint64_t stopped_us, created_us;
    struct kd_word copied, library, service;
    uint64_t first_us, last_us;
    uint32_t n_targets, told;
    uint32_t targets[TARGETS_KEPT];
    struct kd_addr target;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"probes", 2, 2, 1000, "machines",
     "so many machines asked for their service manager by one, without using it",
     "サービス管理への接続だけを行った相手の台数"},
    {"probes_sure", 8, 2, 1000, "machines", "from this many on the finding is a medium one",
     "深刻度を中とする台数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static struct pair *pair_of(struct kd_detect *d, const struct kd_record *r)
{
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static bool lately(uint64_t then_us, uint64_t now_us)
{
    return then_us != 0 && kd_gap_us(now_us, then_us) < TOGETHER_US;
}

/* Programs that run commands: a service proper names its own program. */
static bool is_shell(struct kd_bytes path)
{
    static const char *const words[] = {
        "%comspec%", "cmd.exe",   "cmd /",           "powershell",     "pwsh",
        "mshta",     "rundll32",  "regsvr32",        "wscript",        "cscript",
        "certutil",  "bitsadmin", "\\\\127.0.0.1\\", "\\\\localhost\\"};
    for (size_t i = 0; i < KD_COUNT(words); i++)
        if (kd_bytes_icontains(path, kd_str(words[i])))
            return true;
    return false;
}

static struct kd_bytes or_dash(struct kd_bytes text)
{
    return text.n > 0 ? text : kd_str("-");
}

static void tell(struct kd_detect *d, const struct kd_record *r, struct pair *p,
                 const struct kd_finding_kind *kind, struct kd_bytes path, struct kd_bytes file,
                 int severity)
{
    const struct kd_rec_dcerpc *c = r->body;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides s = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->src);
    kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {
        {"service", or_dash(kd_word_view(&p->service))},
        {"path", or_dash(path)},
        {"file", or_dash(file)},
        {"operation", or_dash(c->operation)},
    };
    if (kd_rpc_refused(c) && severity < 0 && kind->severity > KD_LOW)
        severity = KD_LOW;
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

static void created(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_bytes path = kd_rpc_arg(c, "path");
    if (!kd_rpc_refused(c))
        p->created_us = r->head->ts_us;
    if (is_shell(path))
        tell(d, r, p, &kd_finding_KD_LM_0021, path, kd_str(""), -1);
    else if (lately(p->copied_us, r->head->ts_us))
        tell(d, r, p, &kd_finding_KD_LM_0022, path, kd_word_view(&p->copied), -1);
    else
        tell(d, r, p, &kd_finding_KD_LM_0020, path, kd_str(""), -1);
}

/* A service that was there before. */
static void changed(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_bytes path = kd_rpc_arg(c, "path");
    if (path.n > 0 && is_shell(path))
        tell(d, r, p, &kd_finding_KD_LM_0021, path, kd_str(""), -1);
    else
        tell(d, r, p, &kd_finding_KD_LM_0023, path, kd_str(""), path.n > 0 ? KD_MEDIUM : KD_LOW);
}

static void started(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    if (lately(p->library_us, r->head->ts_us)) {
        tell(d, r, p, &kd_finding_KD_LM_0024, kd_str(""), kd_word_view(&p->library), -1);
        return;
    }
    if (lately(p->created_us, r->head->ts_us))
        return; /* told when it was made */
    if (lately(p->copied_us, r->head->ts_us))
        tell(d, r, p, &kd_finding_KD_LM_0022, kd_str(""), kd_word_view(&p->copied), -1);
    else
        changed(d, r, p);
}

/* Who asks machine after machine for its service manager learns where he is administrator. */
static void probed(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_key key = kd_key_of(KEY_PROBE);
    kd_key_addr(&key, &r->head->src);
    struct pair *p = kd_detect_state(d, kd_key_view(&key), NULL);
    if (p == NULL)
        return;
    uint64_t ts = r->head->ts_us;
    if (p->first_us != 0 && kd_gap_us(ts, p->last_us) > KD_US_PER_HOUR)
        *p = (struct pair){0};
    if (p->first_us == 0) {
        p->first_us = ts;
        p->target = r->head->dst;
    }
    p->last_us = kd_max_u64(p->last_us, ts);
    kd_ids_add(&p->ids, r->head->id);
    if (!kd_sums_add(p->targets, TARGETS_KEPT, &p->n_targets, kd_sum_addr(&r->head->dst)) ||
        p->n_targets < kd_detect_tunable(d, "probes") ||
        (p->told != 0 && p->n_targets < 2 * p->told))
        return;
    p->told = p->n_targets;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_digits targets;
    struct kd_sides s = kd_sides_of(d, &r->head->src, &p->target);
    struct kd_fact facts[] = {{"targets", kd_digits_of(&targets, p->n_targets)}};
    kd_find(
        d, &(struct kd_finding){
               .kind = &kd_finding_KD_DI_0027,
               .host = s.host,
               .peer = s.peer,
               .user = c->user,
               .severity = p->n_targets >= kd_detect_tunable(d, "probes_sure") ? KD_MEDIUM : KD_LOW,
               .confidence = -1,
               .facts = facts,
               .n_facts = KD_COUNT(facts),
               .record_ids = ids,
               .n_record_ids = kd_ids_list(&p->ids, ids),
               .first_us = p->first_us,
               .last_us = p->last_us,
               .count = p->n_targets,
           });
}

static void call(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    if (kd_rpc_of(c) != KD_RPC_SVCCTL)
        return;
    if (c->opnum == OPEN_MANAGER_W || c->opnum == OPEN_MANAGER_A || c->opnum == OPEN_MANAGER_2)
        probed(d, r);
    struct pair *p = pair_of(d, r);
    if (p == NULL)
        return;
    struct kd_bytes name = kd_rpc_arg(c, "service");
    if (name.n > 0)
        kd_word_set(&p->service, name);
    kd_ids_add(&p->ids, r->head->id);
    switch (c->opnum) {
    case CREATE_W:
    case CREATE_A:
    case CREATE_WOW_A:
    case CREATE_WOW_W:
    case CREATE_WOW:
        created(d, r, p);
        break;
    case START_W:
    case START_A:
        started(d, r, p);
        break;
    case CHANGE_CONFIG_W:
    case CHANGE_CONFIG_A:
        changed(d, r, p);
        break;
    case DELETE:
    case CONTROL:
        if (!lately(p->created_us, r->head->ts_us) && !lately(p->copied_us, r->head->ts_us))
            changed(d, r, p);
        break;
    default:
        break;
    }
}

static bool is_program(struct kd_bytes name)
{
    static const char *const tails[] = {".exe", ".dll", ".sys", ".scr", ".com",
                                        ".bat", ".cmd", ".ps1", ".vbs"};
    for (size_t i = 0; i < KD_COUNT(tails); i++)
        if (kd_bytes_iends(name, kd_str(tails[i])))
            return true;
    return false;
}

/* A program written to a share that only administrators may use. */
static void copied(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    if (s->status_code != 0 || s->write_bytes == 0 || !is_program(s->filename) ||
        !kd_bytes_iends(s->share, kd_str("$")) || kd_bytes_iends(s->share, kd_str("IPC$")))
        return;
    struct pair *p = pair_of(d, r);
    if (p == NULL)
        return;
    p->copied_us = r->head->ts_us;
    kd_word_set(&p->copied, s->filename);
    kd_ids_add(&p->ids, r->head->id);
    bool in_windows = kd_bytes_icontains(s->filename, kd_str("system32\\")) ||
                      kd_bytes_icontains(s->filename, kd_str("syswow64\\"));
    if (kd_bytes_iends(s->filename, kd_str(".dll")) && in_windows) {
        p->library_us = r->head->ts_us;
        kd_word_set(&p->library, s->filename);
    }
}

static void service_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_DCERPC)
        call(d, r);
    else
        copied(d, r);
}

const struct kd_detector kd_detector_service = {
    .name = "service",
    .summary_en = "services made, started or changed on another machine; search for machines where "
                  "one is administrator",
    .summary_ja = "他の端末でのサービスの作成・開始・変更、管理者権限を持つ端末の探索",
    .wants = (uint64_t)1 << KD_REC_DCERPC | (uint64_t)1 << KD_REC_SMB,
    .key_state_bytes = sizeof(struct pair),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = service_record,
};
