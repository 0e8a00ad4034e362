/* SPDX-License-Identifier: Apache-2.0 */
/* How much leaves the site, against habit.  See upload.md. */
#include "detect/habit.h"
#include "detect/web.h"
#include "findings.h"

enum { KEY_HOST = 'h', KEY_PLACE = 'p', KEY_GROUP = 'g', KEY_LIKE = 'l', HOURS = 24 };
#define MIB ((uint64_t)1 << 20)

/* One day of a host. */
struct host {
    uint64_t day;             /* since 1970, of `sent` */
    uint64_t sent;            /* to the outside, so far today */
    uint64_t collected;       /* read from file servers in the last day */
    uint64_t collected_us;    /* when last */
    uint32_t n_days;
    uint32_t past_mib[KD_HABIT_OWN]; /* complete days */
    uint32_t by_hour[HOURS];  /* MiB sent in each hour of the day, of all days, halved when large */
    struct kd_ids reads;
    bool told_volume, told_staged;
};

/* What one host sends to one place. */
struct place {
    uint64_t first_us, day, sent, received;
    uint64_t last_flow;  /* a long conversation reports itself again and again: */
    uint64_t last_sent, last_received; /* what of it was counted */
    struct kd_ids ids;
    bool told;
};

/* The last days of all hosts of one role in one zone; of the whole site only since when it is watched. */
struct group {
    uint32_t n;
    uint32_t mib[KD_HABIT_GROUP];
    uint64_t begun_us;
};

union state {
    struct host host;
    struct place place;
    struct group group;
};

static const struct kd_tunable tunables[] = {
    {"new_place_mib", 50, 1, 100000, "MiB", "sent to a place that was not known yet, from which it is told", "初めての送信先への送信量の通知の目安"},
    {"volume_mib", 300, 10, 1000000, "MiB", "a day's uploads of one host below which nothing is told", "1 日の送信量がこれ未満なら通知しない"},
    {"staged_mib", 50, 1, 100000, "MiB", "read from file servers and then sent out, from which it is told", "ファイルサーバーから集めて外部に送った量の通知の目安"},
    {"learn_days", 3, 0, 60, "days", "how long a place counts as new; days needed for a habit", "送信先を新しいと見なす期間、普段の量を知るのに要る日数"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* --- habit --- */

static struct group *group_of(struct kd_detect *d)
{
    struct kd_key key = kd_key_of(KEY_GROUP);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static struct group *like_of(struct kd_detect *d, const struct kd_addr *host)
{
    struct kd_key key = kd_habit_group(d, KEY_LIKE, host);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static struct host *host_of(struct kd_detect *d, const struct kd_addr *a)
{
    struct kd_key key = kd_key_of(KEY_HOST);
    kd_key_addr(&key, a);
    return kd_detect_state(d, kd_key_view(&key), NULL);
}

static void end_day(struct kd_detect *d, struct host *h, const struct kd_addr *host, uint64_t today)
{
    struct group *g = like_of(d, host);
    uint32_t mib = (uint32_t)kd_min_u64(h->sent / MIB, UINT32_MAX);
    if (h->day != 0) {
        kd_habit_add(h->past_mib, KD_HABIT_OWN, &h->n_days, mib);
        if (g != NULL)
            kd_habit_add(g->mib, KD_HABIT_GROUP, &g->n, mib);
    }
    h->day = today;
    h->sent = 0;
    h->told_volume = false;
}

/* Local time is not known here: an hour is odd when this host has sent next to nothing in it and its neighbours before. */
static bool is_odd_hour(const struct host *h, unsigned hour)
{
    uint64_t all = 0;
    for (unsigned i = 0; i < HOURS; i++)
        all += h->by_hour[i];
    uint64_t here = (uint64_t)h->by_hour[hour] + h->by_hour[(hour + 1) % HOURS] + h->by_hour[(hour + HOURS - 1) % HOURS];
    return h->n_days >= 3 && here * 100 < all;
}

/* --- telling --- */

static void mib_text(struct kd_out *o, uint64_t bytes)
{
    if (bytes >= 10 * MIB)
        kd_out_fmt(o, "%llu MB", (unsigned long long)(bytes / MIB));
    else
        kd_out_fmt(o, "%llu kB", (unsigned long long)(bytes / 1024));
}

struct amount {
    uint8_t room[32];
};
static struct kd_bytes amount_of(struct amount *a, uint64_t bytes)
{
    struct kd_out o = kd_out_of(a->room, sizeof(a->room));
    mib_text(&o, bytes);
    return kd_out_bytes_view(&o);
}

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind, int severity, uint64_t sent,
                 uint64_t other, const struct kd_ids *evidence, uint64_t first_us)
{
    struct amount a, b;
    uint64_t ids[KD_IDS_KEPT];
    struct kd_fact facts[] = {{"sent", amount_of(&a, sent)}, {"other", amount_of(&b, other)}};
    struct kd_key fold = kd_key_of(0);
    if (kind != &kd_finding_KD_EX_0011)
        kd_key_addr(&fold, &r->head->dst);
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = r->head->src, .peer = r->head->dst, .fold = kd_key_view(&fold), .severity = severity,
                   .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = ids,
                   .n_record_ids = kd_ids_list(evidence, ids), .first_us = first_us, .last_us = r->head->ts_us,
               });
}

/* --- records --- */

/* What is new of this conversation since it was last reported. */
static void count_flow(struct place *p, const struct kd_record *r, uint64_t *ret_sent, uint64_t *ret_received)
{
    const struct kd_rec_flow *f = r->body;
    bool again = p->last_flow == r->head->flow_id && f->data_toserver >= p->last_sent && f->data_toclient >= p->last_received;
    *ret_sent = f->data_toserver - (again ? p->last_sent : 0);
    *ret_received = f->data_toclient - (again ? p->last_received : 0);
    p->last_flow = r->head->flow_id;
    p->last_sent = f->data_toserver;
    p->last_received = f->data_toclient;
}

static void judge_place(struct kd_detect *d, const struct kd_record *r, struct place *p, const struct host *h, unsigned hour)
{
    uint64_t enough = (uint64_t)kd_detect_tunable(d, "new_place_mib") * MIB;
    uint64_t learn_us = (uint64_t)(kd_detect_tunable(d, "learn_days") * (double)KD_US_PER_DAY);
    bool is_new = r->head->ts_us < p->first_us + kd_min_u64(learn_us > 0 ? learn_us : KD_US_PER_DAY, KD_US_PER_DAY);
    const struct group *g = group_of(d);
    bool watched = g != NULL && r->head->ts_us >= g->begun_us + learn_us;
    if (p->told || !is_new || p->sent < enough || p->sent < 5 * p->received)
        return;
    p->told = true;
    bool odd = is_odd_hour(h, hour);
    tell(d, r, &kd_finding_KD_EX_0010, watched || odd ? KD_MEDIUM : KD_LOW, p->sent, p->received, &p->ids, p->first_us);
}

static void judge_volume(struct kd_detect *d, const struct kd_record *r, struct host *h, const struct place *p)
{
    uint64_t least = (uint64_t)kd_detect_tunable(d, "volume_mib");
    const struct group *g = like_of(d, &r->head->src);
    uint64_t mib = h->sent / MIB;
    if (h->told_volume || mib < least || (double)h->n_days < kd_detect_tunable(d, "learn_days"))
        return;
    uint64_t own = kd_habit_most(h->past_mib, KD_HABIT_OWN, h->n_days);
    if (mib <= own)
        return;
    h->told_volume = true;
    bool beyond_all = g != NULL && g->n >= 10 && mib > kd_habit_most(g->mib, KD_HABIT_GROUP, g->n);
    tell(d, r, &kd_finding_KD_EX_0011, beyond_all ? KD_MEDIUM : KD_LOW, h->sent, own * MIB, &p->ids, r->head->ts_us);
}

static void judge_staged(struct kd_detect *d, const struct kd_record *r, struct host *h, const struct place *p)
{
    uint64_t least = (uint64_t)kd_detect_tunable(d, "staged_mib") * MIB;
    bool fresh = h->collected_us > 0 && r->head->ts_us < h->collected_us + KD_US_PER_DAY;
    bool new_place = r->head->ts_us < p->first_us + KD_US_PER_DAY;
    if (h->told_staged || !fresh || !new_place || h->collected < least || p->sent < least || p->sent * 3 < h->collected ||
        p->sent < 5 * p->received)
        return;
    h->told_staged = true;
    struct kd_ids both = h->reads;
    uint64_t ids[KD_IDS_KEPT];
    size_t n = kd_ids_list(&p->ids, ids);
    for (size_t i = n > 4 ? n - 4 : 0; i < n; i++)
        kd_ids_add(&both, ids[i]);
    tell(d, r, &kd_finding_KD_EX_0012, -1, p->sent, h->collected, &both, h->collected_us);
}

static void flow(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_flow *f = r->body;
    uint64_t sent, received;
    if (!kd_detect_is_inside(d, &r->head->src) || kd_detect_is_inside(d, &r->head->dst) || f->data_toserver == 0)
        return;
    struct kd_key key = kd_key_of(KEY_PLACE);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct host *h = host_of(d, &r->head->src);
    struct place *p = kd_detect_state(d, kd_key_view(&key), NULL);
    struct group *g = group_of(d);
    if (h == NULL || p == NULL)
        return;
    if (g != NULL && g->begun_us == 0)
        g->begun_us = r->head->ts_us;
    if (p->first_us == 0)
        p->first_us = f->start_us;
    count_flow(p, r, &sent, &received);
    p->sent += sent;
    p->received += received;
    kd_ids_add(&p->ids, r->head->id);
    uint64_t today = r->head->ts_us / KD_US_PER_DAY;
    unsigned hour = (unsigned)(r->head->ts_us / KD_US_PER_HOUR % HOURS);
    if (today > h->day)
        end_day(d, h, &r->head->src, today);
    h->sent += sent;
    judge_staged(d, r, h, p);
    judge_place(d, r, p, h, hour);
    judge_volume(d, r, h, p);
    h->by_hour[hour] += (uint32_t)kd_min_u64(sent / MIB, 1u << 20);
    if (h->by_hour[hour] > 1u << 24)
        for (unsigned i = 0; i < HOURS; i++)
            h->by_hour[i] /= 2;
}

static void smb(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_smb *s = r->body;
    if (s->read_bytes == 0 || !kd_detect_is_inside(d, &r->head->src))
        return;
    struct host *h = host_of(d, &r->head->src);
    if (h == NULL)
        return;
    if (r->head->ts_us > h->collected_us + KD_US_PER_DAY) {
        h->collected = 0;
        h->told_staged = false;
    }
    h->collected += s->read_bytes;
    h->collected_us = r->head->ts_us;
    kd_ids_add(&h->reads, r->head->id);
}

static void upload_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_FLOW)
        flow(d, r);
    else
        smb(d, r);
}

static void snap_host(struct kd_snap *s, struct host *h)
{
    kd_snap_u64(s, &h->day);
    kd_snap_u64(s, &h->sent);
    kd_snap_u64(s, &h->collected);
    kd_snap_time(s, &h->collected_us);
    kd_snap_habit(s, h->past_mib, KD_HABIT_OWN, &h->n_days);
    for (unsigned i = 0; i < HOURS; i++)
        kd_snap_u32_to(s, &h->by_hour[i], 1u << 25);
    kd_snap_ids(s, &h->reads);
    kd_snap_bool(s, &h->told_volume);
    kd_snap_bool(s, &h->told_staged);
}

static void snap_place(struct kd_snap *s, struct place *p)
{
    kd_snap_time(s, &p->first_us);
    kd_snap_u64(s, &p->day);
    kd_snap_u64(s, &p->sent);
    kd_snap_u64(s, &p->received);
    kd_snap_u64(s, &p->last_flow);
    kd_snap_u64(s, &p->last_sent);
    kd_snap_u64(s, &p->last_received);
    kd_snap_ids(s, &p->ids);
    kd_snap_bool(s, &p->told);
}

static void snap_group(struct kd_snap *s, struct group *g)
{
    kd_snap_habit(s, g->mib, KD_HABIT_GROUP, &g->n);
    kd_snap_time(s, &g->begun_us);
}

static void upload_snap(struct kd_snap *s, struct kd_bytes key, void *state)
{
    union state *u = state;
    if (key.p[0] == KEY_HOST)
        snap_host(s, &u->host);
    else if (key.p[0] == KEY_PLACE)
        snap_place(s, &u->place);
    else
        snap_group(s, &u->group);
}

const struct kd_detector kd_detector_upload = {
    .name = "upload",
    .summary_en = "much sent to new places, more than is usual, or what was collected from file servers",
    .summary_ja = "初めての相手への大量送信、普段を超える送信、集めたファイルの送信",
    .wants = (uint64_t)1 << KD_REC_FLOW | (uint64_t)1 << KD_REC_SMB,
    .key_state_bytes = sizeof(union state),
    .max_keys = 60000,
    .idle_us = 30 * KD_US_PER_DAY,
    .tunables = tunables,
    .record = upload_record,
    .snap = upload_snap,
    .snap_version = 1,
};
