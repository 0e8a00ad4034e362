/* SPDX-License-Identifier: Apache-2.0 */
/* Programs started on another machine through WMI and DCOM objects, by what stays visible when the
 * calls are sealed: interfaces and operation numbers.  See dcom.md. */
#include "detect/rpc.h"
#include "findings.h"

enum { KEY_PAIR = 'p' };
#define TOGETHER_US (10 * KD_US_PER_MINUTE)

/* [MS-WMI] 3.1.4.3, [MS-OAUT] 3.1.4 */
enum {
    PUT_INSTANCE = 14,
    PUT_INSTANCE_ASYNC = 15,
    EXEC_QUERY = 20,
    EXEC_QUERY_ASYNC = 21,
    EXEC_METHOD = 24,
    EXEC_METHOD_ASYNC = 25,
    INVOKE = 6
};

enum { TOLD_EXEC = 1, TOLD_PUT = 2, TOLD_QUERY = 4, TOLD_INVOKE = 8, TOLD_OBJECT = 16 };

struct pair {
    uint64_t first_us, last_us, activated_us;
    uint32_t puts, told, objects, others;
    struct kd_addr actor, target;
    struct kd_word class, user;
    struct kd_ids ids;
};

/* Objects that run what they are told; known by their class. */
static const char *const runners[] = {
    "MMC20.Application",
    "ShellWindows",
    "ShellBrowserWindow",
    "Excel.Application",
    "Outlook.Application",
    "PowerPoint.Application",
    "Word.Application",
    "Visio.Application",
    "InternetExplorer.Application",
    "htafile",
    "WScript.Shell",
    "Shell.Application",
    "49b2791a-b1ae-4c90-9b8e-e860ba07f889", /* MMC20.Application */
    "9ba05972-f6a8-11cf-a442-00a0c90a8f39", /* ShellWindows */
    "c08afd90-f2a1-11d1-8455-00a0c91f3880", /* ShellBrowserWindow */
    "00024500-0000-0000-c000-000000000046", /* Excel.Application */
    "00020812-0000-0000-c000-000000000046", /* Excel.Application 5 */
    "0006f03a-0000-0000-c000-000000000046", /* Outlook.Application */
    "91493441-5a91-11cf-8700-00aa0060263b", /* PowerPoint.Application */
    "000209ff-0000-0000-c000-000000000046", /* Word.Application */
    "00021a20-0000-0000-c000-000000000046", /* Visio.Application */
    "0002df01-0000-0000-c000-000000000046", /* InternetExplorer.Application */
    "63b46d3c-1c1a-4f3b-9a3b-ab1b1d36ab0c", /* HTA */
    "3050f4d8-98b5-11cf-bb82-00aa00bdce0b", /* htafile */
};

static struct kd_bytes class_of(const struct kd_rec_dcerpc *c)
{
    static const char *const names[] = {"clsid", "class"};
    for (size_t i = 0; i < KD_COUNT(names); i++) {
        struct kd_bytes v = kd_rpc_arg(c, names[i]);
        if (v.n > 0)
            return v;
    }
    return kd_bytes_of(NULL, 0);
}

static bool is_runner(const struct kd_rec_dcerpc *c)
{
    return kd_rpc_arg_with(c, runners, KD_COUNT(runners)).n > 0;
}

static struct pair *pair_of(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct pair *p = kd_detect_state(d, kd_key_view(&key), NULL);
    if (p == NULL)
        return NULL;
    if (p->first_us != 0 && kd_gap_us(r->head->ts_us, p->last_us) > TOGETHER_US)
        *p = (struct pair){0};
    if (p->first_us == 0) {
        p->first_us = r->head->ts_us;
        p->actor = r->head->src;
        p->target = r->head->dst;
    }
    p->last_us = kd_max_u64(p->last_us, r->head->ts_us);
    if (c->user.n > 0)
        kd_word_set(&p->user, c->user);
    kd_ids_add(&p->ids, r->head->id);
    return p;
}

static void tell(struct kd_detect *d, struct pair *p, const struct kd_finding_kind *kind,
                 uint32_t told, int severity, struct kd_bytes what)
{
    if (p->told & told)
        return;
    p->told |= told;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides s = kd_sides_of(d, &p->actor, &p->target);
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &p->actor);
    if (told != TOLD_QUERY) /* who only asks asks many: one finding for all of them */
        kd_key_addr(&fold, &p->target);
    struct kd_fact facts[] = {{"what", what.n > 0 ? what : kd_str("-")}};
    kd_find(d, &(struct kd_finding){
                   .kind = kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = kd_word_view(&p->user),
                   .fold = kd_key_view(&fold),
                   .severity = severity,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&p->ids, ids),
                   .first_us = p->first_us,
                   .last_us = p->last_us,
               });
}

/* Win32_Process.Create and what it starts, when they are to be seen. */
static struct kd_bytes method_of(const struct kd_rec_dcerpc *c)
{
    static const char *const words[] = {"Win32_Process", "StdRegProv", "Win32_"};
    struct kd_bytes v = kd_rpc_arg(c, "command");
    if (v.n == 0)
        v = kd_rpc_arg(c, "method");
    return v.n > 0 ? v : kd_rpc_arg_with(c, words, KD_COUNT(words));
}

static void wmi(struct kd_detect *d, const struct kd_record *r, struct pair *p)
{
    const struct kd_rec_dcerpc *c = r->body;
    p->others++;
    if (c->fault)
        return;
    switch (c->opnum) {
    case EXEC_METHOD:
    case EXEC_METHOD_ASYNC:
        tell(d, p, &kd_finding_KD_LM_0027, TOLD_EXEC, -1, method_of(c));
        break;
    case PUT_INSTANCE:
    case PUT_INSTANCE_ASYNC:
        if (++p->puts >= 2) /* an event and what is to be done then */
            tell(d, p, &kd_finding_KD_LM_0028, TOLD_PUT, -1, kd_str(""));
        break;
    case EXEC_QUERY:
    case EXEC_QUERY_ASYNC:
        tell(d, p, &kd_finding_KD_LM_0038, TOLD_QUERY, -1, kd_rpc_arg(c, "query"));
        break;
    default:
        break;
    }
}

static void dcom_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_dcerpc *c = r->body;
    enum kd_rpc service = kd_rpc_of(c);
    if (service < KD_RPC_ACTIVATION || service > KD_RPC_WBEMSERVICES)
        return;
    struct pair *p = pair_of(d, r);
    if (p == NULL)
        return;
    if (service == KD_RPC_WBEMSERVICES)
        wmi(d, r, p);
    else if (service == KD_RPC_WBEMLOGIN)
        p->others++;
    else if (service == KD_RPC_DISPATCH && c->opnum == INVOKE && !c->fault)
        tell(d, p, &kd_finding_KD_LM_0029, TOLD_INVOKE, -1, kd_word_view(&p->class));
    else if (service == KD_RPC_REMUNKNOWN)
        p->objects++;
    else if (service == KD_RPC_ACTIVATION && !kd_rpc_refused(c)) {
        p->activated_us = r->head->ts_us;
        kd_word_set(&p->class, class_of(c));
        if (is_runner(c))
            tell(d, p, &kd_finding_KD_LM_0029, TOLD_INVOKE, -1, class_of(c));
    }
}

/* An object of another kind than WMI was made there and used. */
static void dcom_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    struct pair *p = state;
    (void)key;
    if (p->activated_us != 0 && p->objects > 0 && p->others == 0 && (p->told & TOLD_INVOKE) == 0)
        tell(d, p, &kd_finding_KD_LM_0039, TOLD_OBJECT, -1, kd_word_view(&p->class));
}

const struct kd_detector kd_detector_dcom = {
    .name = "dcom",
    .summary_en = "WMI and DCOM objects used on another machine",
    .summary_ja = "他の端末での WMI・DCOM の利用",
    .wants = (uint64_t)1 << KD_REC_DCERPC,
    .key_state_bytes = sizeof(struct pair),
    .max_keys = 10000,
    .idle_us = 2 * TOGETHER_US,
    .record = dcom_record,
    .leave = dcom_leave,
};
