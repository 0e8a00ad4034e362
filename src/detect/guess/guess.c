/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing where the logon itself cannot be seen: many short sessions.  See guess.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PAIR = 'p', KEY_SOURCE = 's', TARGETS_KEPT = 32, IP_TCP = 6 };

struct sessions {
    uint64_t first_us, last_us;
    uint32_t n, told, n_targets;
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
    {22, KD_APP_SSH, 700, 16384},
    {3389, KD_APP_RDP, 300, 24576},
    {21, KD_APP_FTP, 16, 4096},
    {23, KD_APP_UNKNOWN, 16, 8192},
    {5900, KD_APP_UNKNOWN, 12, 8192},
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

static void add(struct sessions *a, const struct kd_record *r, uint64_t window_us)
{
    const struct kd_rec_flow *f = r->body;
    if (a->n > 0 && kd_gap_us(f->start_us, a->first_us) > window_us)
        *a = (struct sessions){0};
    a->first_us = a->n == 0 ? f->start_us : kd_min_u64(a->first_us, f->start_us);
    a->last_us = kd_max_u64(a->last_us, f->end_us);
    if (a->n++ == 0) { /* the first target stands for all: an alert's host must not wander */
        a->source = r->head->src;
        a->target = r->head->dst;
    }
    (void)kd_sums_add(a->targets, TARGETS_KEPT, &a->n_targets, kd_sum_addr(&r->head->dst));
    kd_ids_add(&a->ids, r->head->id);
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

static void guess_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct service *s = r->head->proto == IP_TCP ? service_of(r->head) : NULL;
    if (s == NULL || !is_attempt(s, r->body))
        return;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    kd_key_u16(&key, s->port);
    struct sessions *a = kd_detect_state(d, kd_key_view(&key), NULL);
    if (a != NULL) {
        add(a, r, (uint64_t)(kd_detect_tunable(d, "window_s") * 1e6));
        judge(d, a, s, kd_detect_tunable(d, "sessions"));
    }
    if (kd_detect_is_inside(d, &r->head->src))
        return;
    key = kd_key_of(KEY_SOURCE);
    kd_key_addr(&key, &r->head->src);
    kd_key_u16(&key, s->port);
    a = kd_detect_state(d, kd_key_view(&key), NULL);
    if (a != NULL) {
        add(a, r, KD_US_PER_DAY);
        judge(d, a, s, kd_detect_tunable(d, "outside_sessions"));
    }
}

/* What came after it was last told. */
static void guess_leave(struct kd_detect *d, struct kd_bytes key, void *state)
{
    struct sessions *a = state;
    const uint8_t *port = key.p + key.n - 2;
    struct kd_rec_head h = {.dst_port = (uint16_t)(port[0] << 8 | port[1])};
    if (a->told != 0 && a->n > a->told)
        tell(d, a, service_of(&h));
}

const struct kd_detector kd_detector_guess = {
    .name = "guess",
    .summary_en = "many short sessions to a remote logon service (SSH, RDP, FTP, Telnet, VNC)",
    .summary_ja = "遠隔ログオン(SSH、RDP、FTP、Telnet、VNC)への短い接続の繰り返し",
    .wants = (uint64_t)1 << KD_REC_FLOW,
    .key_state_bytes = sizeof(struct sessions),
    .max_keys = 20000,
    .idle_us = 2 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = guess_record,
    .leave = guess_leave,
};
