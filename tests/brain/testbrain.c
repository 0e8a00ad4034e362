/* SPDX-License-Identifier: Apache-2.0 */
#include "testbrain.h"

#include "object/feed.h"

#include "base/clock.h"
#include "base/hash.h"

static void copy_text(char *to, size_t size, struct kd_bytes text)
{
    size_t n = kd_min_size(text.n, size - 1);
    if (n > 0)
        memcpy(to, text.p, n);
    to[n] = '\0';
}

static void copy_addr(char *to, size_t size, const struct kd_addr *a)
{
    struct kd_out o = kd_out_of(to, size - 1);
    kd_out_addr(&o, a);
    to[o.n] = '\0';
}

static bool has_gap(struct kd_bytes text)
{
    return kd_bytes_find_byte(text, '{') != SIZE_MAX || kd_bytes_find_byte(text, '?') != SIZE_MAX;
}

static void keep_alert(struct kd_tb *t, const struct kd_rec_head *head, const struct kd_rec_alert *a)
{
    if (t->n_alerts == KD_TB_ALERTS)
        return;
    struct kd_tb_alert *k = &t->alerts[t->n_alerts++];
    copy_text(k->id, sizeof(k->id), a->detection_id);
    copy_text(k->severity, sizeof(k->severity), a->severity);
    copy_text(k->user, sizeof(k->user), a->user);
    copy_text(k->host_name, sizeof(k->host_name), a->host_name);
    copy_text(k->title_en, sizeof(k->title_en), a->title_en);
    copy_text(k->title_ja, sizeof(k->title_ja), a->title_ja);
    copy_text(k->why_en, sizeof(k->why_en), a->why_en);
    copy_text(k->why_ja, sizeof(k->why_ja), a->why_ja);
    copy_addr(k->host, sizeof(k->host), &a->host);
    copy_addr(k->peer, sizeof(k->peer), &a->peer);
    struct kd_out o = kd_out_of(k->technique, sizeof(k->technique) - 1);
    for (size_t i = 0; i < a->technique.n; i++) {
        kd_out_str(&o, i > 0 ? " " : "");
        kd_out_bytes(&o, a->technique.v[i]);
    }
    k->technique[o.n] = '\0';
    memcpy(k->key, a->key.p, kd_min_size(a->key.n, sizeof(k->key)));
    k->count = a->count;
    k->ts_us = head->ts_us;
    k->confidence = a->confidence;
    k->excepted = a->excepted;
    t->unfilled += has_gap(a->title_en) || has_gap(a->title_ja) || has_gap(a->why_en) || has_gap(a->why_ja) ||
                   has_gap(a->do_en) || has_gap(a->do_ja);
}

static void keep_host(struct kd_tb *t, const struct kd_rec_host *h)
{
    if (t->n_hosts == KD_TB_HOSTS)
        return;
    struct kd_tb_host *k = &t->hosts[t->n_hosts++];
    copy_addr(k->address, sizeof(k->address), &h->address);
    copy_text(k->name, sizeof(k->name), h->name);
    copy_text(k->user, sizeof(k->user), h->user);
    copy_text(k->os, sizeof(k->os), h->os);
    copy_text(k->role, sizeof(k->role), h->role);
    copy_text(k->os_source, sizeof(k->os_source), h->os_source);
    copy_text(k->zone, sizeof(k->zone), h->zone);
    struct kd_out roles = kd_out_of(k->roles, sizeof(k->roles) - 1);
    for (size_t i = 0; i < h->roles.n; i++) {
        kd_out_str(&roles, i > 0 ? " " : "");
        kd_out_bytes(&roles, h->roles.v[i]);
    }
    k->prefix = h->prefix;
    copy_text(k->source, sizeof(k->source), h->source);
    k->severity = h->severity;
    k->n_reasons = h->reasons.n;
    const struct kd_host_reason *r = h->reasons.v;
    copy_text(k->reason, sizeof(k->reason), h->reasons.n > 0 ? r[0].detection_id : kd_str(""));
}

static void list_hosts(struct kd_tb_incident *k, const struct kd_rec_incident *r)
{
    struct kd_out o = kd_out_of(k->hosts, sizeof(k->hosts) - 1);
    const struct kd_incident_host *h = r->hosts.v;
    for (size_t i = 0; i < r->hosts.n; i++) {
        kd_out_str(&o, i > 0 ? " " : "");
        kd_out_addr(&o, &h[i].address);
        kd_out_str(&o, "=");
        kd_out_bytes(&o, h[i].role);
        kd_out_str(&o, kd_addr_is_none(&h[i].from) ? "" : "<");
        if (!kd_addr_is_none(&h[i].from))
            kd_out_addr(&o, &h[i].from);
    }
    k->hosts[o.n] = '\0';
}

static void keep_incident(struct kd_tb *t, const struct kd_rec_incident *r)
{
    if (t->n_incidents == KD_TB_INCIDENTS)
        return;
    struct kd_tb_incident *k = &t->incidents[t->n_incidents++];
    copy_text(k->severity, sizeof(k->severity), r->severity);
    copy_text(k->state, sizeof(k->state), r->state);
    copy_text(k->title_en, sizeof(k->title_en), r->title_en);
    copy_text(k->title_ja, sizeof(k->title_ja), r->title_ja);
    copy_text(k->do_ja, sizeof(k->do_ja), r->do_ja);
    copy_addr(k->zero, sizeof(k->zero), &r->zero);
    list_hosts(k, r);
    struct kd_out o = kd_out_of(k->steps, sizeof(k->steps) - 1);
    const struct kd_incident_step *s = r->steps.v;
    for (size_t i = 0; i < r->steps.n; i++) {
        kd_out_str(&o, i > 0 ? " " : "");
        kd_out_bytes(&o, s[i].detection_id.n > 0 ? s[i].detection_id : kd_str("-"));
    }
    k->steps[o.n] = '\0';
    o = kd_out_of(k->techniques, sizeof(k->techniques) - 1);
    for (size_t i = 0; i < r->technique.n; i++) {
        kd_out_bytes(&o, r->technique.v[i]);
        kd_out_str(&o, " ");
    }
    k->techniques[o.n] = '\0';
    memcpy(k->key, r->key.p, kd_min_size(r->key.n, sizeof(k->key)));
    k->version = r->version;
    k->n_steps = r->steps.n;
    k->n_hosts = r->hosts.n;
    k->n_things = r->things.n;
    k->n_met = r->things.n > 0 ? ((const struct kd_incident_thing *)r->things.v)->n_hosts : 0;
    t->unfilled += has_gap(r->title_en) || has_gap(r->title_ja) || has_gap(r->summary_en) || has_gap(r->do_ja);
}

static void keep_crossing(struct kd_tb *t, const struct kd_rec_head *h, const struct kd_rec_crossing *r)
{
    if (t->n_crossings == KD_TB_CROSSINGS)
        return;
    struct kd_tb_crossing *k = &t->crossings[t->n_crossings++];
    copy_text(k->from, sizeof(k->from), r->from_zone);
    copy_text(k->to, sizeof(k->to), r->to_zone);
    copy_text(k->policy, sizeof(k->policy), r->policy);
    copy_addr(k->src, sizeof(k->src), &h->src);
    copy_addr(k->dst, sizeof(k->dst), &h->dst);
    k->port = h->dst_port;
    k->first = r->first;
    k->answered = r->answered;
    k->conversations = r->conversations;
    k->bytes_toserver = r->bytes_toserver;
    k->bytes_toclient = r->bytes_toclient;
    k->ts_us = h->ts_us;
    k->start_us = r->start_us;
    k->end_us = r->end_us;
}

static enum kd_status take_batch(void *arg, struct kd_bytes batch)
{
    struct kd_tb *t = arg;
    struct kd_cur c = kd_cur_of(batch);
    struct kd_rec_head head;
    struct kd_bytes body, whole;
    struct kd_pool *pool = kd_pool_new(4 << 20);
    struct kd_arena mem;
    kd_arena_init(&mem, pool, 1 << 20);
    union {
        struct kd_rec_alert alert;
        struct kd_rec_host host;
        struct kd_rec_stats stats;
        struct kd_rec_incident incident;
        struct kd_rec_crossing crossing;
    } any;
    while (kd_record_next(&c, &head, &body, &whole) == KD_OK) {
        t->stats_last = false;
        t->passed_sum = kd_hash(whole.p, whole.n, t->passed_sum);
        if (head.type == KD_REC_HEALTH)
            t->n_health++;
        bool ours = head.type == KD_REC_ALERT || head.type == KD_REC_HOST || head.type == KD_REC_STATS ||
                    head.type == KD_REC_INCIDENT || head.type == KD_REC_CROSSING;
        if (!ours || kd_body_decode(kd_schemas[head.type], body, &mem, &any) != KD_OK) {
            t->n_passed++;
            continue;
        }
        if (head.type == KD_REC_ALERT)
            keep_alert(t, &head, &any.alert);
        else if (head.type == KD_REC_HOST)
            keep_host(t, &any.host);
        else if (head.type == KD_REC_INCIDENT)
            keep_incident(t, &any.incident);
        else if (head.type == KD_REC_CROSSING)
            keep_crossing(t, &head, &any.crossing);
        else if (kd_bytes_eq_str(any.stats.scope, "total")) {
            t->stats = any.stats;
            t->stats_last = true;
        } else
            t->n_passed++;
        kd_arena_done(&mem);
    }
    kd_pool_free(pool);
    return KD_OK;
}

static void give_list(struct kd_tb *t, const struct kd_tb_config *cfg)
{
    struct kd_obj_build_config build = {.key = "a test's own key", .entries_max = 1000};
    struct kd_feed_spec spec = {.kind = KD_FEED_ANY_KIND};
    struct kd_feed_site site = {.line_max = 4096};
    struct kd_obj_build *b = kd_obj_build_new(&build);
    struct kd_obj_list *l = kd_obj_build_list(b, "feed");
    struct kd_obj_index x;
    size_t n = strlen(cfg->list), bytes;
    uint8_t *text = malloc(n + 1);
    KD_ASSERT(l != NULL && text != NULL);
    memcpy(text, cfg->list, n);
    l->severity = cfg->list_severity > 0 ? cfg->list_severity : UINT8_MAX;
    KD_ASSERT(kd_feed_read(b, l, &spec, &site, "feed.txt", text, n) == KD_OK);
    t->lists = calloc(1, kd_obj_build_bytes(b));
    KD_ASSERT(kd_obj_build_write(b, t->lists, kd_obj_build_bytes(b), &bytes) == KD_OK);
    KD_ASSERT(kd_obj_index_open(t->lists, bytes, &x) == KD_OK);
    kd_brain_lists(t->brain, &x, 1);
    free(text);
    kd_obj_build_free(b);
}

struct kd_tb *kd_tb_new(const struct kd_tb_config *cfg, struct kd_err *err)
{
    struct kd_tb *t = calloc(1, sizeof(*t));
    struct kd_tb_config none = {0};
    struct kd_net inside;
    cfg = cfg == NULL ? &none : cfg;
    KD_ASSERT(t != NULL && (cfg->inside == NULL || kd_net_parse(kd_str(cfg->inside), &inside)));
    t->batch = malloc(KD_BATCH_MAX);
    t->out = kd_out_of(t->batch, KD_BATCH_MAX);
    struct kd_brain_config c = {
        .lim = &kd_limits_default, .hash_seed = cfg->seed == 0 ? 1 : cfg->seed, .max_memory = (size_t)256 << 20, .zone_s = KD_ZONE_JAPAN_S,
        .inside = &inside, .n_inside = cfg->inside != NULL, .known_bad = kd_str(cfg->known_bad),
        .exceptions = kd_str(cfg->exceptions), .tunables = kd_str(cfg->tunables),
        .state = cfg->state, .state_bytes = cfg->state_bytes, .state_not_after_us = cfg->state_not_after_us,
    };
    static uint8_t form[KD_SITE_BYTES_MAX];
    struct kd_out plan = kd_out_of(form, sizeof(form));
    if (cfg->site != NULL)
        kd_site_put(&plan, cfg->site);
    c.site = kd_out_bytes_view(&plan);
    if (kd_brain_new(&c, (struct kd_brain_out){take_batch, t}, &t->brain, &t->err) != KD_OK) {
        if (err != NULL)
            *err = t->err;
        kd_tb_free(t);
        return NULL;
    }
    if (cfg->list != NULL)
        give_list(t, cfg);
    return t;
}

void kd_tb_free(struct kd_tb *t)
{
    if (t == NULL)
        return;
    kd_brain_free(t->brain);
    free(t->lists);
    free(t->batch);
    free(t);
}

static struct kd_addr addr(const char *text)
{
    struct kd_addr a = {{0}};
    if (text != NULL)
        KD_ASSERT(kd_addr_parse(kd_str(text), &a));
    return a;
}

struct kd_rec_head kd_tb_head(enum kd_rec_type type, double at_s, const char *src, uint16_t src_port, const char *dst,
                              uint16_t dst_port)
{
    return (struct kd_rec_head){
        .ts_us = KD_TB_START_US + (uint64_t)(at_s * 1e6), .type = (uint8_t)type, .src = addr(src), .dst = addr(dst),
        .src_port = src_port, .dst_port = dst_port, .proto = 6,
    };
}

uint64_t kd_tb_put(struct kd_tb *t, struct kd_rec_head head, const void *body)
{
    head.id = ++t->next_id;
    if (head.flow_id == 0)
        head.flow_id = head.id;
    if (kd_record_put(&t->out, &head, body) != KD_OK) {
        kd_tb_send(t);
        KD_ASSERT(kd_record_put(&t->out, &head, body) == KD_OK);
    }
    return head.id;
}

void kd_tb_send(struct kd_tb *t)
{
    KD_ASSERT(kd_brain_batch(t->brain, kd_out_bytes_view(&t->out)) == KD_OK);
    kd_brain_flush(t->brain);
    t->out = kd_out_of(t->batch, KD_BATCH_MAX);
}

void kd_tb_finish(struct kd_tb *t)
{
    kd_tb_send(t);
    kd_brain_finish(t->brain);
}

static struct kd_mac mac(const char *text)
{
    struct kd_mac m = {{0}};
    unsigned b[6];
    if (text != NULL && sscanf(text, "%x:%x:%x:%x:%x:%x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) == 6)
        for (size_t i = 0; i < 6; i++)
            m.b[i] = (uint8_t)b[i];
    return m;
}

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

static void suggest(const struct kd_tb_flow *f, struct kd_rec_flow *r)
{
    const struct {
        const char *state;
        uint64_t ts, tc;
        uint8_t flags_ts, flags_tc;
    } shapes[] = {
        {"no_answer", 2, 0, SYN, 0},
        {"refused", 1, 1, SYN, RST | ACK},
        {"half_open", 2, 1, SYN | RST, SYN | ACK},
        {"established", 8, 8, SYN | ACK | PSH, SYN | ACK | PSH},
        {"reset", 5, 4, SYN | ACK | PSH, SYN | ACK | PSH | RST},
        {"closed", 8, 8, SYN | ACK | PSH | FIN, SYN | ACK | PSH | FIN},
        {"new", 1, 0, SYN, 0},
    };
    for (size_t i = 0; i < KD_COUNT(shapes); i++)
        if (strcmp(shapes[i].state, f->state == NULL ? "closed" : f->state) == 0) {
            r->pkts_toserver = f->pkts_ts != 0 ? f->pkts_ts : shapes[i].ts;
            r->pkts_toclient = f->pkts_tc != 0 ? f->pkts_tc : shapes[i].tc;
            bool tcp = f->proto == 0 || f->proto == 6;
            r->tcp_flags_ts = f->flags_ts != 0 ? f->flags_ts : tcp ? shapes[i].flags_ts : 0;
            r->tcp_flags_tc = f->flags_tc != 0 ? f->flags_tc : tcp ? shapes[i].flags_tc : 0;
        }
}

uint64_t kd_tb_flow(struct kd_tb *t, const struct kd_tb_flow *f)
{
    struct kd_rec_head h = kd_tb_head(KD_REC_FLOW, f->at_s + f->seconds, f->src, f->src_port, f->dst, f->dst_port);
    h.proto = f->proto == 0 ? 6 : f->proto;
    h.app = f->app;
    struct kd_rec_flow r = {
        .start_us = KD_TB_START_US + (uint64_t)(f->at_s * 1e6), .age_us = (uint64_t)(f->seconds * 1e6),
        .end_us = KD_TB_START_US + (uint64_t)((f->at_s + f->seconds) * 1e6),
        .state = kd_str(f->state == NULL ? "closed" : f->state), .reason = kd_str("timeout"),
        .data_toserver = f->data_ts, .data_toclient = f->data_tc, .midstream = f->midstream,
        .icmp_type = f->icmp_type, .smac = mac(f->smac), .dmac = mac(f->dmac),
    };
    suggest(f, &r);
    r.tcp_flags = r.tcp_flags_ts | r.tcp_flags_tc;
    r.bytes_toserver = f->data_ts + 54 * r.pkts_toserver;
    r.bytes_toclient = f->data_tc + 54 * r.pkts_toclient;
    return kd_tb_put(t, h, &r);
}

uint64_t kd_tb_call(struct kd_tb *t, const struct kd_tb_call *c)
{
    struct kd_rec_head h = kd_tb_head(KD_REC_DCERPC, c->at_s, c->src, 50000, c->dst, 445);
    struct kd_dcerpc_arg args[4];
    struct kd_rec_dcerpc r = {
        .interface = kd_str("test"), .uuid = kd_str(c->uuid), .opnum = c->opnum, .operation = kd_str(c->operation),
        .user = kd_str(c->user), .status_code = c->status, .fault = c->fault, .answered = !c->unanswered,
        .response_bytes = c->response_bytes, .args = {args, 0},
    };
    for (; r.args.n < KD_COUNT(args) && c->args[2 * r.args.n] != NULL; r.args.n++)
        args[r.args.n] = (struct kd_dcerpc_arg){kd_str(c->args[2 * r.args.n]), kd_str(c->args[2 * r.args.n + 1])};
    return kd_tb_put(t, h, &r);
}

size_t kd_tb_lines(const struct kd_tb *t, const char *id)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_alerts; i++)
        n += strcmp(t->alerts[i].id, id) == 0;
    return n;
}

size_t kd_tb_count(const struct kd_tb *t, const char *id)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_alerts; i++) {
        bool seen = strcmp(t->alerts[i].id, id) != 0;
        for (size_t k = 0; k < i && !seen; k++)
            seen = memcmp(t->alerts[i].key, t->alerts[k].key, 16) == 0;
        n += !seen;
    }
    return n;
}

const struct kd_tb_alert *kd_tb_alert(const struct kd_tb *t, const char *id)
{
    for (size_t i = t->n_alerts; i > 0; i--)
        if (strcmp(t->alerts[i - 1].id, id) == 0)
            return &t->alerts[i - 1];
    return NULL;
}

static int rank(const char *severity)
{
    static const char *const names[] = {"info", "low", "medium", "high", "critical"};
    int r = 0;
    while (r < 4 && strcmp(names[r], severity) != 0)
        r++;
    return r;
}

size_t kd_tb_at_least(const struct kd_tb *t, const char *severity)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_alerts; i++)
        n += rank(t->alerts[i].severity) >= rank(severity);
    return n;
}

const struct kd_tb_host *kd_tb_host(const struct kd_tb *t, const char *address)
{
    for (size_t i = t->n_hosts; i > 0; i--)
        if (strcmp(t->hosts[i - 1].address, address) == 0)
            return &t->hosts[i - 1];
    return NULL;
}

static bool is_newest(const struct kd_tb *t, size_t at)
{
    for (size_t i = at + 1; i < t->n_incidents; i++)
        if (memcmp(t->incidents[i].key, t->incidents[at].key, sizeof(t->incidents[i].key)) == 0)
            return false;
    return strcmp(t->incidents[at].state, "open") == 0;
}

size_t kd_tb_stories(const struct kd_tb *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_incidents; i++)
        n += is_newest(t, i);
    return n;
}

const struct kd_tb_incident *kd_tb_story(const struct kd_tb *t)
{
    for (size_t i = t->n_incidents; i-- > 0;)
        if (is_newest(t, i))
            return &t->incidents[i];
    return NULL;
}
