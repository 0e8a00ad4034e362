/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/brain.h"

#include "brain/internal.h"

enum { MEM_MAX = 1 << 20, FOLDS_MOST = 20000, MARKS_MOST = 50000, EXPIRE_STEP = 4096 };
#define HOST_QUIET_US KD_US_PER_MINUTE
#define STORY_QUIET_US (10 * (uint64_t)KD_US_PER_S)
#define HOUSEKEEPING_US ((uint64_t)KD_US_PER_S)
#define FOLD_IDLE_US KD_US_PER_DAY
#define HOST_IDLE_US (30 * KD_US_PER_DAY)
#define CROSSING_IDLE_US (30 * KD_US_PER_DAY)
#define MARK_IDLE_US (150 * KD_US_PER_DAY)

/* Records the brain itself learns from, whatever the detectors want. */
static const uint64_t own_wants = 1u << KD_REC_FLOW | 1u << KD_REC_DNS | 1u << KD_REC_DHCP | 1u << KD_REC_ARP |
                                  1u << KD_REC_NTLM | 1u << KD_REC_KRB5 | 1u << KD_REC_NBNS | 1u << KD_REC_SMB |
                                  1u << KD_REC_STATS | 1u << KD_REC_DCERPC | 1u << KD_REC_HTTP | 1u << KD_REC_SSH | (uint64_t)1 << KD_REC_SOCKS | KD_STORY_WANTS;

/* A body of any type. */
union any_body {
    struct kd_rec_flow flow;
    struct kd_rec_dns dns;
    struct kd_rec_http http;
    struct kd_rec_tls tls;
    struct kd_rec_smtp smtp;
    struct kd_rec_smb smb;
    struct kd_rec_ntlm ntlm;
    struct kd_rec_krb5 krb5;
    struct kd_rec_dhcp dhcp;
    struct kd_rec_arp arp;
    struct kd_rec_nbns nbns;
    struct kd_rec_login login;
    struct kd_rec_anomaly anomaly;
    struct kd_rec_file file;
    struct kd_rec_stats stats;
    struct kd_rec_health health;
    struct kd_rec_alert alert;
    struct kd_rec_host host;
    struct kd_rec_dcerpc dcerpc;
    struct kd_rec_ldap ldap;
    struct kd_rec_rdp rdp;
    struct kd_rec_ssh ssh;
    struct kd_rec_ftp ftp;
    struct kd_rec_mailbox mailbox;
    struct kd_rec_sql sql;
    struct kd_rec_snmp snmp;
    struct kd_rec_icmp icmp;
    struct kd_rec_incident incident;
    struct kd_rec_socks socks;
    struct kd_rec_irc irc;
    struct kd_rec_crossing crossing;
};

/* ---- out ---- */

void kd_brain_flush(struct kd_brain *b)
{
    if (b->out.n > 0 && b->to.batch(b->to.arg, kd_out_bytes_view(&b->out)) != KD_OK)
        b->n_lost++;
    b->out = kd_out_of(b->batch, KD_BATCH_MAX);
}

void kd_brain_forward(struct kd_brain *b, struct kd_bytes whole)
{
    if (whole.n > b->out.max - b->out.n)
        kd_brain_flush(b);
    kd_out_bytes(&b->out, whole);
    b->n_records++;
}

void kd_brain_emit(struct kd_brain *b, struct kd_rec_head *head, const void *body)
{
    head->engine = KD_BRAIN_ENGINE;
    head->id = (uint64_t)KD_BRAIN_ENGINE << 40 | ++b->next_id;
    enum kd_status s = kd_record_put(&b->out, head, body);
    if (s != KD_OK) {
        kd_brain_flush(b);
        s = kd_record_put(&b->out, head, body);
    }
    if (s == KD_OK)
        b->n_records++;
    else
        b->n_lost++;
}

void kd_brain_health(struct kd_brain *b, const char *kind, const char *state, uint64_t value, const char *text_en,
                     const char *text_ja)
{
    struct kd_rec_head head = {.type = KD_REC_HEALTH, .ts_us = b->now_us};
    struct kd_rec_health h = {.kind = kd_str(kind), .role = kd_str("brain"), .state = kd_str(state), .value = value,
                              .text_en = kd_str(text_en), .text_ja = kd_str(text_ja)};
    kd_brain_emit(b, &head, &h);
}

/* ---- time ---- */


static bool tick_key(void *arg, struct kd_bytes key, void *state)
{
    struct kd_detect *d = arg;
    return d->detector->tick(d, key, state);
}

static void detector_time(struct kd_brain *b, struct kd_detect *d)
{
    const struct kd_detector *k = d->detector;
    if (k->idle_us > 0 && b->now_us > k->idle_us)
        kd_table_expire(&d->table, b->now_us - k->idle_us, EXPIRE_STEP);
    if (k->tick == NULL || b->now_us < d->next_tick_us)
        return;
    if (d->next_tick_us != 0)
        kd_table_each(&d->table, tick_key, d);
    d->next_tick_us = b->now_us + k->tick_us;
}

static void tell_exceptions(struct kd_brain *b)
{
    for (size_t i = 0; i < b->exceptions.n_file; i++) {
        struct kd_excepting *x = &b->exceptions.file[i];
        if (x->hits == x->hits_told)
            continue;
        x->hits_told = x->hits;
        uint8_t en[512], ja[512];
        struct kd_out oe = kd_out_of(en, sizeof(en) - 1), oj = kd_out_of(ja, sizeof(ja) - 1);
        kd_out_fmt(&oe, "The exception in line %zu hid detections.", x->line);
        kd_out_fmt(&oj, "例外設定の %zu 行目により通知しなかった検知があります。", x->line);
        en[oe.n] = ja[oj.n] = '\0';
        kd_brain_health(b, "exception", "used", x->hits, (const char *)en, (const char *)ja);
    }
}

static void housekeeping(struct kd_brain *b)
{
    b->next_housekeeping_us = b->now_us + HOUSEKEEPING_US;
    if (b->meetings_due)
        kd_brain_tell_meetings(b);
    for (size_t i = 0; i < b->n_detects; i++)
        detector_time(b, &b->detects[i]);
    if (b->now_us > FOLD_IDLE_US)
        kd_table_expire(&b->folds, b->now_us - FOLD_IDLE_US, EXPIRE_STEP);
    if (b->now_us > HOST_IDLE_US)
        kd_table_expire(&b->hosts.table, b->now_us - HOST_IDLE_US, EXPIRE_STEP);
    if (b->now_us > MARK_IDLE_US)
        kd_table_expire(&b->marks, b->now_us - MARK_IDLE_US, EXPIRE_STEP);
    if (b->site->n_zones > 0 && b->now_us > CROSSING_IDLE_US)
        kd_table_expire(&b->crossings, b->now_us - CROSSING_IDLE_US, EXPIRE_STEP);
    if (b->now_us >= b->next_decay_us) {
        if (b->next_decay_us != 0) {
            kd_brain_decay(b);
            tell_exceptions(b);
        }
        b->next_decay_us = b->now_us + KD_US_PER_HOUR;
    }
    if (b->stories.n_due > 0)
        kd_story_work(b);
    kd_stories_expire(&b->stories, b->now_us);
    kd_story_tell(b, STORY_QUIET_US);
    kd_brain_tell_hosts(b, HOST_QUIET_US);
    kd_state_tick(b);
}

static void advance(struct kd_brain *b, uint64_t ts_us)
{
    if (ts_us <= b->now_us)
        return;
    b->now_us = ts_us;
    if (ts_us >= b->next_housekeeping_us)
        housekeeping(b);
}

/* ---- in ---- */

static bool is_final_stats(const struct kd_rec_head *head, const union any_body *body)
{
    return head->type == KD_REC_STATS &&
           (kd_bytes_eq_str(body->stats.scope, "final") || kd_bytes_eq_str(body->stats.scope, "total"));
}

/* What a machine says of its own name is taken up only behind the detectors: the one that looks for false
 * answers must see it as it was known before. */
static bool names_itself(const struct kd_rec_head *head)
{
    return head->app == KD_APP_MDNS || head->app == KD_APP_LLMNR || head->type == KD_REC_NBNS;
}

void kd_brain_show(struct kd_brain *b, const struct kd_rec_head *head, const void *body)
{
    const struct kd_rec_head *was_head = b->head;
    const struct kd_record *was = b->record;
    struct kd_record r = {head, body};
    b->head = head;
    b->record = &r;
    for (struct kd_detect **d = b->wanting[head->type]; *d != NULL; d++)
        (*d)->detector->record(*d, &r);
    b->head = was_head;
    b->record = was;
}

static void look(struct kd_brain *b, const struct kd_rec_head *head, const union any_body *body)
{
    struct kd_record r = {head, body};
    b->head = head;
    b->record = &r;
    bool later = names_itself(head);
    if (!later)
        kd_hosts_learn(&b->hosts, &r, b->now_us);
    if ((KD_STORY_WANTS >> head->type & 1) != 0)
        kd_story_record(b, &r); /* before a finding about it makes the host known for it */
    for (struct kd_detect **d = b->wanting[head->type]; *d != NULL; d++)
        (*d)->detector->record(*d, &r);
    if (later)
        kd_hosts_learn(&b->hosts, &r, b->now_us);
    if (head->type == KD_REC_FLOW && b->site->n_zones > 0)
        kd_crossing_flow(b, &r);
    b->head = NULL;
    b->record = NULL;
    if (b->stories.n_due > 0)
        kd_story_work(b);
}

static enum kd_status take(struct kd_brain *b, const struct kd_rec_head *head, struct kd_bytes encoded,
                           struct kd_bytes whole)
{
    bool wanted = b->wanting[head->type][0] != NULL || (own_wants >> head->type & 1) != 0;
    union any_body body;
    enum kd_status s = KD_OK;
    if (wanted) {
        s = kd_body_decode(kd_schemas[head->type], encoded, &b->mem, &body);
        if (s == KD_OK && is_final_stats(head, &body)) {
            kd_total_add(b, head, &body.stats);
            kd_arena_done(&b->mem);
            return KD_OK;
        }
    }
    if (s == KD_OK) {
        advance(b, head->ts_us);
        kd_brain_forward(b, whole);
        if (wanted)
            look(b, head, &body);
    }
    kd_arena_done(&b->mem);
    return s;
}

enum kd_status kd_brain_batch(struct kd_brain *b, struct kd_bytes batch)
{
    struct kd_cur c = kd_cur_of(kd_bytes_head(batch, KD_BATCH_MAX));
    enum kd_status s = batch.n > KD_BATCH_MAX ? KD_LIMIT : KD_OK;
    while (s == KD_OK) {
        struct kd_rec_head head;
        struct kd_bytes body, whole;
        s = kd_record_next(&c, &head, &body, &whole);
        if (s == KD_OK)
            s = head.type <= KD_REC_MAX ? take(b, &head, body, whole) : KD_OK;
        if (s == KD_OK && kd_is_step(head.type))
            kd_brain_forward(b, whole); /* for JSON lines alone */
    }
    if (s == KD_NOT_FOUND)
        return KD_OK;
    b->n_refused++;
    kd_brain_health(b, "input", "refused", b->n_refused,
                    "A capture process sent data that is not well formed; the rest of that batch was not used.",
                    "取得処理から形式の正しくないデータが届いたため、その残りを使いませんでした。");
    return s;
}

/* ---- life ---- */

static size_t count_detectors(void)
{
    size_t n = 0;
    while (kd_detectors[n] != NULL)
        n++;
    return n;
}

static bool start_detector(struct kd_brain *b, struct kd_detect *d, const struct kd_detector *k)
{
    size_t n = 0;
    while (k->tunables != NULL && k->tunables[n].name != NULL)
        n++;
    d->brain = b;
    d->detector = k;
    d->tunables = calloc(n + 1, sizeof(d->tunables[0]));
    if (d->tunables == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        d->tunables[i] = k->tunables[i].value;
    if (!kd_table_init(&d->table, b->pool, k->key_state_bytes, k->max_keys, b->seed))
        return false;
    d->table.leave = NULL;
    return true;
}

static void leave_detector(void *arg, struct kd_bytes key, void *state)
{
    struct kd_detect *d = arg;
    d->detector->leave(d, key, state);
}

static bool list_wanting(struct kd_brain *b)
{
    for (size_t type = 0; type <= KD_REC_MAX; type++) {
        b->wanting[type] = calloc(b->n_detects + 1, sizeof(b->wanting[type][0]));
        if (b->wanting[type] == NULL)
            return false;
        size_t n = 0;
        for (size_t i = 0; i < b->n_detects; i++)
            if (b->detects[i].detector->wants >> type & 1)
                b->wanting[type][n++] = &b->detects[i];
    }
    return true;
}

static bool start_kinds(struct kd_brain *b)
{
    size_t n = 0;
    while (kd_finding_kinds[n] != NULL)
        n++;
    b->kinds_on = calloc(n + 1, sizeof(b->kinds_on[0]));
    for (size_t i = 0; b->kinds_on != NULL && i < n; i++)
        b->kinds_on[i] = !kd_finding_kinds[i]->off;
    return b->kinds_on != NULL;
}

static bool start(struct kd_brain *b, const struct kd_brain_config *cfg)
{
    b->pool = kd_pool_new(cfg->max_memory);
    b->batch = malloc(KD_BATCH_MAX);
    b->protocols = calloc(KD_APP_COUNT + 1, sizeof(b->protocols[0]));
    b->inside = calloc(cfg->n_inside + 1, sizeof(b->inside[0]));
    b->detects = calloc(count_detectors() + 1, sizeof(b->detects[0]));
    if (b->pool == NULL || b->batch == NULL || b->protocols == NULL || b->inside == NULL || b->detects == NULL)
        return false;
    b->out = kd_out_of(b->batch, KD_BATCH_MAX);
    kd_arena_init(&b->mem, b->pool, MEM_MAX);
    if (cfg->n_inside > 0)
        memcpy(b->inside, cfg->inside, cfg->n_inside * sizeof(b->inside[0]));
    b->hosts.inside = b->inside;
    b->hosts.n_inside = cfg->n_inside;
    if (!kd_hosts_init(&b->hosts, b->pool, b->seed) ||
        !kd_table_init(&b->marks, b->pool, sizeof(struct kd_marks), MARKS_MOST, b->seed) ||
        !kd_table_init(&b->folds, b->pool, sizeof(struct kd_fold), FOLDS_MOST, b->seed) || !start_kinds(b))
        return false;
    if (b->site->n_zones > 0 && !kd_crossings_init(b))
        return false;
    if (!kd_stories_init(&b->stories, b, b->pool, b->seed))
        return false;
    b->folds.leave = kd_fold_leave;
    b->folds.arg = b;
    for (; kd_detectors[b->n_detects] != NULL; b->n_detects++) {
        struct kd_detect *d = &b->detects[b->n_detects];
        if (!start_detector(b, d, kd_detectors[b->n_detects]))
            return false;
        d->table.leave = d->detector->leave != NULL ? leave_detector : NULL;
        d->table.arg = d;
    }
    return list_wanting(b);
}

enum kd_status kd_brain_new(const struct kd_brain_config *cfg, struct kd_brain_out out, struct kd_brain **ret,
                            struct kd_err *err)
{
    struct kd_brain *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "brain");
    b->lim = *cfg->lim;
    b->seed = cfg->hash_seed;
    b->zone_s = cfg->zone_s;
    b->to = out;
    b->next_id = cfg->id_base;
    enum kd_status s = kd_site_read(cfg->site, &b->site);
    b->plan = kd_crossing_plan(cfg->site);
    if (s != KD_OK)
        s = kd_fail(err, s, 0, "the network plan");
    else if (!start(b, cfg))
        s = kd_fail(err, KD_NO_MEMORY, 0, "brain");
    if (s == KD_OK)
        s = kd_intel_load(&b->intel, cfg->known_bad, cfg->hash_seed, err);
    if (s == KD_OK)
        s = kd_exceptions_load(&b->exceptions, cfg->exceptions, cfg->zone_s, err);
    if (s == KD_OK)
        s = kd_brain_tune(b, cfg->tunables, err);
    if (s == KD_OK && cfg->state != NULL && kd_state_begin(b, cfg->state, cfg->state_bytes, cfg->state_not_after_us) != KD_OK)
        s = kd_fail(err, KD_NO_MEMORY, 0, "brain");
    if (s != KD_OK) {
        kd_brain_free(b);
        return s;
    }
    *ret = b;
    return KD_OK;
}

static bool give_alert_back(void *arg, struct kd_bytes key, void *state)
{
    (void)key;
    struct kd_fold *fold = state;
    kd_pool_give(arg, fold->record, fold->block_bytes);
    return true;
}

void kd_brain_free(struct kd_brain *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n_detects; i++) {
        kd_table_done(&b->detects[i].table);
        free(b->detects[i].tunables);
    }
    for (size_t type = 0; type <= KD_REC_MAX; type++)
        free(b->wanting[type]);
    kd_hosts_done(&b->hosts);
    kd_table_done(&b->marks);
    kd_table_each(&b->folds, give_alert_back, b->pool);
    kd_table_done(&b->folds);
    kd_stories_done(&b->stories);
    kd_table_done(&b->crossings);
    kd_site_free(b->site);
    kd_intel_done(&b->intel);
    kd_intel_done(&b->decided);
    free(b->unlisted);
    kd_exceptions_done(&b->exceptions);
    free(b->decisions);
    kd_state_done(b);
    kd_pool_free(b->pool);
    free(b->detects);
    free(b->kinds_on);
    free(b->inside);
    free(b->protocols);
    free(b->batch);
    free(b);
}

static bool last_word(void *arg, struct kd_bytes key, void *state)
{
    leave_detector(arg, key, state);
    return true;
}

void kd_brain_finish(struct kd_brain *b)
{
    for (size_t i = 0; i < b->n_detects; i++)
        if (b->detects[i].detector->leave != NULL)
            kd_table_each(&b->detects[i].table, last_word, &b->detects[i]);
    if (b->site->n_zones > 0)
        kd_crossing_finish(b);
    kd_fold_finish(b);
    kd_story_work(b);
    kd_story_tell(b, 0);
    tell_exceptions(b);
    kd_brain_tell_hosts(b, 0);
    kd_state_save(b);
    kd_total_emit(b);
    kd_brain_flush(b);
}
