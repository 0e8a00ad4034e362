/* SPDX-License-Identifier: Apache-2.0 */
/* Machines steered from others: desktop, shared screen, shell, PowerShell.  See remotedesk.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PAIR = 'p', KEY_SOURCE = 's', KEY_START = 'b', TARGETS_KEPT = 32 };

/* A pair that was seen, or one machine's new targets, or the beginning of the watch. */
struct use {
    uint64_t first_us, last_us;
    uint32_t n_targets, told;
    uint32_t targets[TARGETS_KEPT];
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"many", 5, 2, 1000, "machines",
     "so many machines steered for the first time by one within a day are a medium finding",
     "1 日に初めて遠隔操作した端末の数(中とする数)"},
    {"shell_learn_days", 7, 0, 365, "days",
     "time after the start in which new pairs for shells (SSH) are learned and not told",
     "開始後、SSH の新しい組み合わせを学習だけする日数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

struct session {
    const struct kd_finding_kind *kind;
    struct kd_bytes user;
    bool sure; /* the logon is known to have passed */
    bool learning;
};

static struct use *use_of(struct kd_detect *d, uint8_t kind, const struct kd_record *r,
                          const struct session *s, bool *ret_new)
{
    struct kd_key key = kd_key_of(kind);
    if (kind != KEY_START)
        kd_key_addr(&key, &r->head->src);
    if (kind == KEY_PAIR)
        kd_key_addr(&key, &r->head->dst);
    if (kind != KEY_START)
        kd_key_u16(&key, (uint16_t)(s->kind->number & 0xffff));
    struct use *u = kd_detect_state(d, kd_key_view(&key), ret_new);
    if (u != NULL && u->first_us == 0)
        u->first_us = r->head->ts_us;
    return u;
}

/* The watch begins with the first logon of any kind. */
static bool is_learning(struct kd_detect *d, const struct kd_record *r)
{
    const struct use *start = use_of(d, KEY_START, r, NULL, NULL);
    return start == NULL || (double)kd_gap_us(r->head->ts_us, start->first_us) <
                                kd_detect_tunable(d, "shell_learn_days") * (double)KD_US_PER_DAY;
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct session *s,
                 struct use *u)
{
    uint64_t ids[KD_IDS_KEPT];
    struct kd_digits targets;
    struct kd_sides sides = kd_sides_of(d, &r->head->src, &r->head->dst);
    bool many = u->n_targets >= kd_detect_tunable(d, "many");
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &r->head->src);
    if (!many)
        kd_key_addr(&fold, &r->head->dst);
    struct kd_fact facts[] = {{"targets", kd_digits_of(&targets, u->n_targets)}};
    kd_find(d, &(struct kd_finding){
                   .kind = s->kind,
                   .host = sides.host,
                   .peer = sides.peer,
                   .user = s->user,
                   .fold = kd_key_view(&fold),
                   .severity = many || (sides.from_outside && s->sure) ? KD_MEDIUM : KD_LOW,
                   .confidence = -1,
                   .facts = facts,
                   .n_facts = KD_COUNT(facts),
                   .record_ids = ids,
                   .n_record_ids = kd_ids_list(&u->ids, ids),
                   .first_us = u->first_us,
                   .last_us = r->head->ts_us,
               });
}

static void seen(struct kd_detect *d, const struct kd_record *r, const struct session *s)
{
    bool is_new;
    if (!kd_detect_is_inside(d, &r->head->dst))
        return;
    struct use *pair = use_of(d, KEY_PAIR, r, s, &is_new);
    if (pair == NULL || !is_new || s->learning)
        return;
    struct use *u = use_of(d, KEY_SOURCE, r, s, &is_new);
    if (u == NULL)
        return;
    if (kd_gap_us(r->head->ts_us, u->first_us) > KD_US_PER_DAY)
        *u = (struct use){.first_us = r->head->ts_us};
    kd_ids_add(&u->ids, r->head->id);
    (void)kd_sums_add(u->targets, TARGETS_KEPT, &u->n_targets, kd_sum_addr(&r->head->dst));
    tell(d, r, s, u);
}

static void desktop(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_rdp *p = r->body;
    if (p->selected.n == 0 || kd_bytes_eq_str(p->result, "failure"))
        return;
    struct session s = {&kd_finding_KD_LM_0037, p->user.n > 0 ? p->user : p->cookie,
                        kd_bytes_eq_str(p->result, "success"), false};
    seen(d, r, &s);
}

static void logon(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_login *l = r->body;
    bool learning = is_learning(d, r);
    if (!kd_bytes_eq_str(l->result, "success"))
        return;
    struct session s = {.user = l->user, .sure = true};
    if (kd_bytes_eq_str(l->service, "vnc"))
        s.kind = &kd_finding_KD_LM_0042;
    else if (kd_bytes_eq_str(l->service, "ssh")) {
        s.kind = &kd_finding_KD_LM_0043;
        s.learning = learning;
    }
    if (s.kind != NULL)
        seen(d, r, &s);
}

/* WS-Management that carries commands; event forwarding has an address of its own. */
static void powershell(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_http *h = r->body;
    bool wsman = kd_bytes_istarts(h->url, kd_str("/wsman")) ||
                 kd_bytes_icontains(h->url, kd_str("/powershell?serializationLevel"));
    if (!wsman || !kd_bytes_eq_str(h->http_method, "POST") || h->status != 200 ||
        kd_bytes_icontains(h->url, kd_str("SubscriptionManager")) ||
        kd_bytes_icontains(h->url, kd_str("-anon/identify")))
        return;
    struct session s = {&kd_finding_KD_LM_0036, kd_bytes_of(NULL, 0), true, false};
    seen(d, r, &s);
}

static void remotedesk_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_RDP)
        desktop(d, r);
    else if (r->head->type == KD_REC_HTTP)
        powershell(d, r);
    else
        logon(d, r);
}

const struct kd_detector kd_detector_remotedesk = {
    .name = "remotedesk",
    .summary_en =
        "machines steered from others for the first time: remote desktop, VNC, SSH, PowerShell",
    .summary_ja = "初めての組み合わせでの遠隔操作(リモートデスクトップ、VNC、SSH、PowerShell)",
    .wants = (uint64_t)1 << KD_REC_RDP | (uint64_t)1 << KD_REC_LOGIN | (uint64_t)1 << KD_REC_HTTP,
    .key_state_bytes = sizeof(struct use),
    .max_keys = 20000,
    .idle_us = 60 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = remotedesk_record,
};
