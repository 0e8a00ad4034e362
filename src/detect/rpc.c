/* SPDX-License-Identifier: Apache-2.0 */
#include "detect/rpc.h"

static const struct {
    enum kd_rpc service;
    const char *uuid;
} services[] = {
    {KD_RPC_EPM, "e1af8308-5d1f-11c9-91a4-08002b14a0fa"},
    {KD_RPC_SVCCTL, "367abb81-9844-35f1-ad32-98f038001003"},
    {KD_RPC_ATSVC, "1ff70682-0a51-30e8-076d-740be8cee98b"},
    {KD_RPC_TASKS, "86d35949-83c9-4044-b424-db363231fd0c"},
    {KD_RPC_SAMR, "12345778-1234-abcd-ef00-0123456789ac"},
    {KD_RPC_LSARPC, "12345778-1234-abcd-ef00-0123456789ab"},
    {KD_RPC_NETLOGON, "12345678-1234-abcd-ef00-01234567cffb"},
    {KD_RPC_DRSUAPI, "e3514235-4b06-11d1-ab04-00c04fc2dcd2"},
    {KD_RPC_WINREG, "338cd001-2244-31f1-aaaa-900038001003"},
    {KD_RPC_SRVSVC, "4b324fc8-1670-01d3-1278-5a47bf6ee188"},
    {KD_RPC_WKSSVC, "6bffd098-a112-3610-9833-46c3f87e345a"},
    {KD_RPC_EVENTLOG, "82273fdc-e32a-18c3-3f78-827929dc23ea"},
    {KD_RPC_EVENTLOG6, "f6beaff7-1e19-4fbb-9f8f-b89e2018337c"},
    {KD_RPC_SPOOLSS, "12345678-1234-abcd-ef00-0123456789ab"},
    {KD_RPC_PAR, "76f03f96-cdfd-44fc-a22c-64950a001209"},
    {KD_RPC_EFSR, "c681d488-d850-11d0-8c52-00c04fd90f7e"},
    {KD_RPC_EFSR, "df1941c5-fe89-4e79-bf10-463657acf44d"},
    {KD_RPC_DFSNM, "4fc742e0-4a10-11cf-8273-00aa004ae673"},
    {KD_RPC_FSRVP, "a8e0653c-2744-4389-a61d-7373df8b2292"},
    {KD_RPC_ICPR, "91ae6020-9e3c-11cf-8d7c-00aa00c091be"},
    {KD_RPC_CERTREQUEST, "d99e6e70-fc88-11d0-b498-00a0c90312f3"},
    {KD_RPC_CERTREQUEST, "5422fd3a-d4b8-4cef-a12e-e87d4ca22e90"},
    {KD_RPC_BACKUPKEY, "3dde7c30-165d-11d1-ab8f-00805f14db40"},
    {KD_RPC_ACTIVATION, "000001a0-0000-0000-c000-000000000046"},
    {KD_RPC_ACTIVATION, "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57"},
    {KD_RPC_REMUNKNOWN, "00000131-0000-0000-c000-000000000046"},
    {KD_RPC_REMUNKNOWN, "00000143-0000-0000-c000-000000000046"},
    {KD_RPC_DISPATCH, "00020400-0000-0000-c000-000000000046"},
    {KD_RPC_WBEMLOGIN, "f309ad18-d86a-11d0-a075-00c04fb68820"},
    {KD_RPC_WBEMSERVICES, "9556dc99-828c-11cf-a37e-00aa003240c7"},
};

enum kd_rpc kd_rpc_of(const struct kd_rec_dcerpc *c)
{
    for (size_t i = 0; i < KD_COUNT(services); i++)
        if (kd_bytes_ieq(c->uuid, kd_str(services[i].uuid)))
            return services[i].service;
    return KD_RPC_OTHER;
}

struct kd_bytes kd_rpc_arg(const struct kd_rec_dcerpc *c, const char *name)
{
    const struct kd_dcerpc_arg *args = c->args.v;
    for (size_t i = 0; i < c->args.n; i++)
        if (kd_bytes_ieq(args[i].name, kd_str(name)))
            return args[i].value;
    return kd_bytes_of(NULL, 0);
}

struct kd_bytes kd_rpc_arg_with(const struct kd_rec_dcerpc *c, const char *const *words, size_t n)
{
    const struct kd_dcerpc_arg *args = c->args.v;
    for (size_t i = 0; i < c->args.n; i++)
        for (size_t w = 0; w < n; w++)
            if (kd_bytes_icontains(args[i].value, kd_str(words[w])))
                return args[i].value;
    return kd_bytes_of(NULL, 0);
}

bool kd_rpc_refused(const struct kd_rec_dcerpc *c)
{
    /* More data, some not found; no way to the place named: it was tried. */
    static const uint32_t more[] = {0, 0x103, 0x105, 0x107, 0xea, 0x8000001a, 0x35};
    if (c->fault)
        return true;
    for (size_t i = 0; i < KD_COUNT(more); i++)
        if (c->status_code == more[i])
            return false;
    return c->answered;
}

uint32_t kd_rpc_calls(const struct kd_rec_dcerpc *c)
{
    return c->calls > 0 ? c->calls : 1;
}

static bool from_dc(const struct kd_detect *d, const struct kd_record *r)
{
    struct kd_host_view host;
    return kd_detect_host(d, &r->head->src, &host) && host.dc;
}

static void add(struct kd_rpc_tally *t, const struct kd_record *r, uint64_t window_us)
{
    const struct kd_rec_dcerpc *c = r->body;
    uint64_t ts = r->head->ts_us;
    if (t->n > 0 && kd_gap_us(ts, t->last_us) > window_us)
        *t = (struct kd_rpc_tally){0};
    bool first = t->n == 0;
    uint32_t calls = kd_rpc_calls(c);
    t->n += calls;
    if (first) { /* the first target stands for all: an alert's host must not wander */
        t->first_us = ts;
        t->actor = r->head->src;
        t->target = r->head->dst;
    }
    t->last_us = kd_max_u64(t->last_us, ts);
    t->done += kd_rpc_refused(c) ? 0 : calls;
    (void)kd_sums_add(t->targets, KD_RPC_TARGETS, &t->n_targets, kd_sum_addr(&r->head->dst));
    kd_ids_add(&t->ids, r->head->id);
}

static int severity_of(const struct kd_rpc_rule *rule, const struct kd_rpc_tally *t)
{
    enum kd_severity s = rule->kind->severity;
    if (t->done == 0)
        return s < KD_LOW ? (int)s : KD_LOW;
    if (rule->many_targets > 0 && t->n_targets >= rule->many_targets && s < KD_MEDIUM)
        return (int)s + 1;
    return (int)s;
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_rpc_rule *rule,
                 struct kd_rpc_tally *t, struct kd_bytes fold)
{
    const struct kd_rec_dcerpc *c = r->body;
    struct kd_digits number, targets;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_bytes op = c->operation.n > 0 ? c->operation : kd_str("-");
    struct kd_bytes what = rule->arg != NULL ? kd_rpc_arg(c, rule->arg) : kd_bytes_of(NULL, 0);
    struct kd_fact facts[] = {
        {"what", what.n > 0 ? what : op},
        {"operation", op},
        {"interface", c->interface.n > 0 ? c->interface : kd_str("-")},
        {"number", kd_digits_of(&number, t->n)},
        {"targets", kd_digits_of(&targets, t->n_targets)},
    };
    struct kd_sides s = kd_sides_of(d, &t->actor, &t->target);
    t->told = t->n;
    kd_find(d, &(struct kd_finding){
                   .kind = rule->kind,
                   .host = s.host,
                   .peer = s.peer,
                   .user = c->user,
                   .fold = fold,
                   .severity = severity_of(rule, t),
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&t->ids, ids),
                   .first_us = t->first_us,
                   .last_us = t->last_us,
                   .count = t->n,
               });
}

static void apply(struct kd_detect *d, const struct kd_record *r, const struct kd_rpc_rule *rule,
                  uint64_t window_us)
{
    if ((rule->flags & KD_RPC_DONE) && kd_rpc_refused(r->body))
        return;
    if ((rule->flags & KD_RPC_NOT_DC) && from_dc(d, r))
        return;
    if (rule->fits != NULL && !rule->fits(d, r))
        return;
    struct kd_key key = kd_key_of(KD_RPC_KEY);
    kd_key_addr(&key, &r->head->src);
    if (rule->flags & KD_RPC_EACH)
        kd_key_addr(&key, &r->head->dst);
    kd_key_u16(&key, (uint16_t)(rule->kind->number & 0xffff));
    struct kd_rpc_tally *t = kd_detect_state(d, kd_key_view(&key), NULL);
    if (t == NULL)
        return;
    bool refused = t->done == 0;
    add(t, r, window_us);
    uint32_t least = rule->least > 0 ? rule->least : 1;
    bool now_done = t->told != 0 && refused && t->done > 0;
    if (t->n >= least && t->n_targets >= rule->least_targets &&
        (t->told == 0 || t->n >= 2 * t->told || now_done))
        tell(d, r, rule, t, kd_key_view(&key));
}

void kd_rpc_rules(struct kd_detect *d, const struct kd_record *r, const struct kd_rpc_rule *rules,
                  size_t n, uint64_t window_us)
{
    const struct kd_rec_dcerpc *c = r->body;
    enum kd_rpc service = kd_rpc_of(c);
    if (service == KD_RPC_OTHER)
        return;
    for (size_t i = 0; i < n; i++)
        if (rules[i].service == service && rules[i].opnum == c->opnum)
            apply(d, r, &rules[i], window_us);
}

void kd_rpc_snap(struct kd_snap *s, struct kd_rpc_tally *t)
{
    kd_snap_time(s, &t->first_us);
    kd_snap_time(s, &t->last_us);
    kd_snap_u32(s, &t->n);
    kd_snap_u32(s, &t->done);
    kd_snap_u32_to(s, &t->told, UINT32_MAX / 4);
    kd_snap_sums(s, t->targets, KD_RPC_TARGETS, &t->n_targets);
    kd_snap_addr(s, &t->actor);
    kd_snap_addr(s, &t->target);
    kd_snap_ids(s, &t->ids);
}
