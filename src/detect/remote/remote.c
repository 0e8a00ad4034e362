/* SPDX-License-Identifier: Apache-2.0 */
/* One machine controlled from another: remote desktop, shell, screen, Windows remote management.
 * See remote.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PAIR = 'p', KEY_SOURCE = 's', TARGETS_KEPT = 64 };

enum how { BY_RDP, BY_SSH, BY_VNC, BY_WINRM, HOWS };

static const struct {
    const char *name;
    const struct kd_finding_kind *kind;
} hows[HOWS] = {
    [BY_RDP] = {"RDP", &kd_finding_KD_LM_0050},
    [BY_SSH] = {"SSH", &kd_finding_KD_LM_0051},
    [BY_VNC] = {"VNC", &kd_finding_KD_LM_0052},
    [BY_WINRM] = {"WinRM", &kd_finding_KD_LM_0053},
};

/* What a record says about one use. */
struct use {
    enum how how;
    bool passed; /* the logon did */
    struct kd_bytes user;
};

/* Of a pair: first_us alone.  Of a source: whom it reached for the first time within the window. */
struct reach {
    uint64_t first_us, last_us;
    uint32_t n_targets, told;
    uint32_t targets[TARGETS_KEPT];
    struct kd_addr target;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"many", 6, 3, 48, "machines", "machines that one machine controls for the first time within the window",
     "1 台が期間内に初めて遠隔操作した台数"},
    {"window_s", 3600, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* ---- what is a use ---- */

static bool rdp_use(const struct kd_record *r, struct use *ret)
{
    const struct kd_rec_rdp *s = r->body;
    bool told = s->client_version.n > 0; /* standard security: the session was set up */
    *ret = (struct use){BY_RDP, kd_bytes_eq_str(s->result, "success"), s->cookie};
    return ret->passed || kd_bytes_eq_str(s->result, "encrypted") || told;
}

static bool ssh_use(const struct kd_record *r, struct use *ret)
{
    const struct kd_rec_ssh *s = r->body;
    *ret = (struct use){BY_SSH, kd_bytes_eq_str(s->auth, "success"), kd_str("")};
    return ret->passed;
}

/* The attempt counts, too: a screen has one password and no users. */
static bool vnc_use(const struct kd_record *r, struct use *ret)
{
    const struct kd_rec_login *l = r->body;
    *ret = (struct use){BY_VNC, kd_bytes_eq_str(l->result, "success"), kd_str("")};
    return kd_bytes_eq_str(l->service, "vnc");
}

/* Windows remote management: a command's envelope was taken.  Collecting events ("SubscriptionManager") and
 * asking who is there ("identify") are no control. */
static bool winrm_use(const struct kd_record *r, struct use *ret)
{
    const struct kd_rec_http *h = r->body;
    *ret = (struct use){BY_WINRM, h->status >= 200 && h->status < 300, kd_str("")};
    bool exchange = kd_bytes_icontains(h->url, kd_str("/powershell?serializationLevel"));
    bool envelope = kd_bytes_icontains(h->request_content_type, kd_str("soap+xml")) ||
                    kd_bytes_icontains(h->request_content_type, kd_str("session-encrypted"));
    return kd_bytes_eq_str(h->http_method, "POST") && (kd_bytes_istarts(h->url, kd_str("/wsman")) || exchange) && envelope &&
           !kd_bytes_icontains(h->url, kd_str("SubscriptionManager")) &&
           !kd_bytes_istarts(h->url, kd_str("/wsman-anon")) && (ret->passed || h->status == 500);
}

static bool use_of(const struct kd_record *r, struct use *ret)
{
    switch (r->head->type) {
    case KD_REC_RDP:
        return rdp_use(r, ret);
    case KD_REC_SSH:
        return ssh_use(r, ret);
    case KD_REC_LOGIN:
        return vnc_use(r, ret);
    case KD_REC_HTTP:
        return winrm_use(r, ret);
    default:
        return false;
    }
}

/* ---- telling ---- */

static void tell_pair(struct kd_detect *d, const struct kd_record *r, const struct use *u)
{
    struct kd_key fold = kd_key_of(KEY_PAIR);
    kd_key_addr(&fold, &r->head->dst);
    kd_find(d, &(struct kd_finding){
                   .kind = hows[u->how].kind, .host = r->head->src, .peer = r->head->dst, .user = u->user,
                   .fold = kd_key_view(&fold), .severity = -1, .confidence = -1, .record_ids = &r->head->id,
                   .n_record_ids = 1, .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

static void tell_source(struct kd_detect *d, const struct kd_record *r, struct reach *s, enum how how)
{
    struct kd_digits number;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_key fold = kd_key_of(KEY_SOURCE);
    kd_key_u16(&fold, (uint16_t)how);
    struct kd_fact facts[] = {{"service", kd_str(hows[how].name)}, {"targets", kd_digits_of(&number, s->n_targets)}};
    s->told = s->n_targets;
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_LM_0054, .host = r->head->src, .peer = s->target, .fold = kd_key_view(&fold),
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&s->ids, ids), .first_us = s->first_us, .last_us = s->last_us,
                   .count = s->n_targets,
               });
}

static void tell_from_outside(struct kd_detect *d, const struct kd_record *r, const struct use *u)
{
    struct kd_key fold = kd_key_of(KEY_PAIR);
    kd_key_addr(&fold, &r->head->src);
    kd_key_u16(&fold, (uint16_t)u->how);
    struct kd_fact facts[] = {{"service", kd_str(hows[u->how].name)}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_LM_0055, .host = r->head->dst, .peer = r->head->src, .user = u->user,
                   .fold = kd_key_view(&fold), .severity = u->how == BY_SSH ? KD_LOW : -1, .confidence = -1,
                   .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

/* ---- counting ---- */

/* One more machine that this one reached for the first time. */
static void count_target(struct kd_detect *d, const struct kd_record *r, enum how how)
{
    struct kd_key key = kd_key_of(KEY_SOURCE);
    kd_key_u16(&key, (uint16_t)how);
    kd_key_addr(&key, &r->head->src);
    struct reach *s = kd_detect_state(d, kd_key_view(&key), NULL);
    if (s == NULL)
        return;
    double window_us = kd_detect_tunable(d, "window_s") * 1e6;
    if (s->n_targets > 0 && (double)kd_gap_us(r->head->ts_us, s->first_us) > window_us)
        *s = (struct reach){0};
    if (s->n_targets == 0) {
        s->first_us = r->head->ts_us;
        s->target = r->head->dst;
    }
    s->last_us = kd_max_u64(s->last_us, r->head->ts_us);
    if (!kd_sums_add(s->targets, TARGETS_KEPT, &s->n_targets, kd_sum_addr(&r->head->dst)))
        return;
    kd_ids_add(&s->ids, r->head->id);
    if (s->n_targets >= kd_detect_tunable(d, "many") && (s->told == 0 || s->n_targets >= 2 * s->told))
        tell_source(d, r, s, how);
}

static void remote_record(struct kd_detect *d, const struct kd_record *r)
{
    struct use u;
    if (!use_of(r, &u) || !kd_detect_is_inside(d, &r->head->dst))
        return;
    struct kd_key key = kd_key_of(KEY_PAIR);
    bool is_new = false;
    kd_key_u16(&key, (uint16_t)u.how);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct reach *pair = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (pair == NULL)
        return;
    if (!kd_detect_is_inside(d, &r->head->src)) {
        if (u.passed && pair->told == 0) {
            pair->told = 1;
            tell_from_outside(d, r, &u);
        }
        return;
    }
    if (!is_new)
        return; /* their habit by now */
    tell_pair(d, r, &u);
    count_target(d, r, u.how);
}

static void remote_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct reach *p = state;
    kd_snap_time(s, &p->first_us);
    kd_snap_time(s, &p->last_us);
    kd_snap_u32(s, &p->told);
    if (key.p[0] == KEY_PAIR)
        return;
    kd_snap_sums(s, p->targets, TARGETS_KEPT, &p->n_targets);
    kd_snap_addr(s, &p->target);
    kd_snap_ids(s, &p->ids);
}

const struct kd_detector kd_detector_remote = {
    .name = "remote",
    .summary_en = "machines controlled from others by RDP, SSH, VNC or WinRM: new pairs, many targets, from outside",
    .summary_ja = "RDP・SSH・VNC・WinRM による遠隔操作(初めての組み合わせ、多数の端末、外部から)",
    .wants = (uint64_t)1 << KD_REC_RDP | (uint64_t)1 << KD_REC_SSH | (uint64_t)1 << KD_REC_LOGIN |
             (uint64_t)1 << KD_REC_HTTP,
    .key_state_bytes = sizeof(struct reach),
    .max_keys = 50000,
    .idle_us = 60 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = remote_record,
    .snap = remote_snap,
    .snap_version = 1,
};
