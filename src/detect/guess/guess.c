/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing where the logon itself cannot be seen: many short sessions, or many that were concluded to have
 * failed.  See guess.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PAIR = 'p', KEY_SOURCE = 's', KEY_KNOWN = 'v', TARGETS_KEPT = 32, IP_TCP = 6, PORT_SSH = 22 };

struct sessions {
    uint64_t first_us, last_us;
    uint32_t n, told, n_targets;
    bool passed; /* a success was told */
    uint32_t targets[TARGETS_KEPT];
    struct kd_addr source, target;
    struct kd_ids ids;
};

static const struct kd_tunable tunables[] = {
    {"sessions", 8, 4, 1000, "sessions", "short sessions between two machines that count as guessing",
     "2 台の間の短い接続の回数"},
    {"sure", 30, 8, 10000, "sessions", "from this many on the finding is a medium one", "深刻度を中とする回数"},
    {"window_s", 600, 60, 86400, "s", "time in which they are counted", "数える期間"},
    {"outside_sessions", 12, 4, 10000, "sessions", "the same in a day, over all targets, from outside the site",
     "庁外から 1 日に全体で観測した場合の回数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Least bytes a client sends for one attempt: below it is a check whether the service lives. */
static const struct service {
    uint16_t port;
    uint8_t app;
    uint32_t least_ts, most;
} services[] = {
    {PORT_SSH, KD_APP_SSH, 700, 16384},
    {3389, KD_APP_RDP, 300, 24576},
    {21, KD_APP_FTP, 16, 4096},
    {23, KD_APP_TELNET, 16, 8192},
    {5900, KD_APP_RFB, 12, 8192},
};

static const struct service *service_of(const struct kd_rec_head *h)
{
    for (size_t i = 0; i < KD_COUNT(services); i++)
        if (h->dst_port == services[i].port || (services[i].app != KD_APP_UNKNOWN && h->app == services[i].app))
            return &services[i];
    return NULL;
}

/* An ended session long enough for a logon and too short for work. */
static bool is_attempt(const struct service *s, const struct kd_rec_flow *f)
{
    return !kd_bytes_eq_str(f->reason, "update") && !f->midstream && f->age_us < 2 * KD_US_PER_MINUTE &&
           f->data_toserver >= s->least_ts && f->data_toclient > 0 && f->data_toserver + f->data_toclient <= s->most;
}

/* A session and when it was. */
struct attempt {
    const struct kd_rec_head *head;
    const struct service *service;
    uint64_t start_us, end_us;
};

static void add(struct sessions *a, const struct attempt *t, uint64_t window_us)
{
    if (a->n > 0 && kd_gap_us(t->start_us, a->first_us) > window_us)
        *a = (struct sessions){0};
    a->first_us = a->n == 0 ? t->start_us : kd_min_u64(a->first_us, t->start_us);
    a->last_us = kd_max_u64(a->last_us, t->end_us);
    if (a->n++ == 0) { /* the first target stands for all: an alert's host must not wander */
        a->source = t->head->src;
        a->target = t->head->dst;
    }
    (void)kd_sums_add(a->targets, TARGETS_KEPT, &a->n_targets, kd_sum_addr(&t->head->dst));
    kd_ids_add(&a->ids, t->head->id);
}

static void tell(struct kd_detect *d, struct sessions *a, const struct service *s)
{
    a->told = a->n;
    struct kd_digits number, targets, port;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides sides = kd_sides_of(d, &a->source, &a->target);
    struct kd_fact facts[] = {
        {"service", kd_service_name(s->port, &port)},
        {"number", kd_digits_of(&number, a->n)},
        {"targets", kd_digits_of(&targets, a->n_targets)},
    };
    struct kd_key fold = kd_key_of(0);
    kd_key_addr(&fold, &a->source);
    kd_key_u16(&fold, s->port);
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0006, .host = sides.host, .peer = sides.peer, .fold = kd_key_view(&fold),
                   .severity = a->n >= kd_detect_tunable(d, "sure") ? KD_MEDIUM : KD_LOW, .confidence = -1,
                   .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&a->ids, ids), .first_us = a->first_us, .last_us = a->last_us,
                   .count = a->n,
               });
}

static void judge(struct kd_detect *d, struct sessions *a, const struct service *s, double least)
{
    if (a->n >= least && (a->told == 0 || a->n >= 2 * a->told))
        tell(d, a, s);
}

static struct kd_key pair_key(const struct attempt *t)
{
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &t->head->src);
    kd_key_addr(&key, &t->head->dst);
    kd_key_u16(&key, t->service->port);
    return key;
}

static struct kd_key source_key(const struct attempt *t)
{
    struct kd_key key = kd_key_of(KEY_SOURCE);
    kd_key_addr(&key, &t->head->src);
    kd_key_u16(&key, t->service->port);
    return key;
}

static void count(struct kd_detect *d, const struct attempt *t)
{
    struct kd_key key = pair_key(t);
    struct sessions *a = kd_detect_state(d, kd_key_view(&key), NULL);
    if (a != NULL) {
        add(a, t, (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6));
        judge(d, a, t->service, kd_detect_tunable(d, "sessions"));
    }
    if (kd_detect_is_inside(d, &t->head->src))
        return;
    key = source_key(t);
    a = kd_detect_state(d, kd_key_view(&key), NULL);
    if (a != NULL) {
        add(a, t, KD_US_PER_DAY);
        judge(d, a, t->service, kd_detect_tunable(d, "outside_sessions"));
    }
}

/* How a conversation's logon ended was concluded: its flow record says nothing more. */
static struct kd_key known_key(const struct kd_rec_head *h)
{
    struct kd_key key = kd_key_of(KEY_KNOWN);
    for (unsigned i = 0; i < 4; i++)
        kd_key_u16(&key, (uint16_t)(h->flow_id >> 16 * i & 0xffff));
    return key;
}

static void tell_success(struct kd_detect *d, const struct attempt *t)
{
    struct kd_key key = pair_key(t);
    struct sessions *a = kd_detect_peek(d, kd_key_view(&key));
    if (a == NULL || a->passed || a->n < kd_detect_tunable(d, "sessions"))
        return;
    a->passed = true;
    kd_ids_add(&a->ids, t->head->id);
    struct kd_digits fails, port;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_sides sides = kd_sides_of(d, &t->head->src, &t->head->dst);
    struct kd_fact facts[] = {{"service", kd_service_name(t->service->port, &port)},
                              {"fails", kd_digits_of(&fails, a->n)}};
    kd_find(d, &(struct kd_finding){
                   .kind = &kd_finding_KD_CR_0050, .host = sides.host, .peer = sides.peer, .fold = kd_key_view(&key),
                   .severity = -1, .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(&a->ids, ids), .first_us = a->first_us, .last_us = t->end_us,
                   .count = a->n,
               });
}

static void ssh(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_ssh *s = r->body;
    struct attempt t = {r->head, &services[0], r->head->ts_us, r->head->ts_us};
    bool failed = kd_bytes_eq_str(s->auth, "failure");
    if (!failed && !kd_bytes_eq_str(s->auth, "success"))
        return;
    struct kd_key key = known_key(r->head);
    if (kd_detect_state(d, kd_key_view(&key), NULL) == NULL)
        return;
    if (failed)
        count(d, &t);
    else
        tell_success(d, &t);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    const struct service *s = r->head->proto == IP_TCP ? service_of(r->head) : NULL;
    if (s == NULL)
        return;
    struct kd_key key = known_key(r->head);
    if (kd_detect_peek(d, kd_key_view(&key)) != NULL) {
        if (!kd_bytes_eq_str(f->reason, "update"))
            kd_detect_forget(d, kd_key_view(&key));
        return;
    }
    if (is_attempt(s, f))
        count(d, &(struct attempt){r->head, s, f->start_us, f->end_us});
}

static void guess_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_SSH)
        ssh(d, r);
    else
        flow(d, r);
}

/* What came after it was last told. */
static void guess_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    struct sessions *a = state;
    if (key.p[0] == KEY_KNOWN)
        return;
    const uint8_t *port = key.p + key.n - 2;
    struct kd_rec_head h = {.dst_port = (uint16_t)(port[0] << 8 | port[1])};
    if (a->told != 0 && a->n > a->told)
        tell(d, a, service_of(&h));
}

static void guess_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    struct sessions *a = state;
    (void)key;
    kd_snap_time(s, &a->first_us);
    kd_snap_time(s, &a->last_us);
    kd_snap_u32(s, &a->n);
    kd_snap_u32(s, &a->told);
    kd_snap_bool(s, &a->passed);
    kd_snap_sums(s, a->targets, TARGETS_KEPT, &a->n_targets);
    kd_snap_addr(s, &a->source);
    kd_snap_addr(s, &a->target);
    kd_snap_ids(s, &a->ids);
}

const struct kd_detector kd_detector_guess = {
    .name = "guess",
    .summary_en = "many short sessions to a remote logon service (SSH, RDP, FTP, Telnet, VNC)",
    .summary_ja = "遠隔ログオン(SSH、RDP、FTP、Telnet、VNC)への短い接続の繰り返し",
    .wants = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_SSH,
    .key_state_bytes = sizeof(struct sessions),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = guess_record,
    .snap = guess_snap,
    .snap_version = 1,
    .leave = guess_leave,
};
