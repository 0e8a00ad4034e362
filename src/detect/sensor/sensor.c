/* SPDX-License-Identifier: Apache-2.0 */
/* Does the sensor see all there is to see?  See sensor.md. */
#include "detect/common.h"
#include "findings.h"

enum { IP_TCP = 6, ACK = 16, KEY_ENGINE = 'e' };

struct watch {
    uint64_t since_us, quiet_since_us;
    uint64_t packets, dropped; /* the engine's counters when last looked at */
    uint32_t n_flows, n_one_way;
    uint64_t heard;
    bool quiet_told;
};

static const struct kd_tunable tunables[] = {
    {"dropped_pct", 1, 0.01, 50, "%", "share of packets lost that is told", "知らせる取りこぼしの割合"},
    {"one_way_pct", 60, 10, 100, "%", "share of conversations seen in one direction only that is told",
     "片方向しか見えない通信の割合"},
    {"silence_s", 600, 30, 86400, "s", "time without any packet that is told", "パケットが来ない時間"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void tell(struct kd_detect *d, const struct kd_finding_kind *kind, const struct kd_record *r, uint64_t number,
                 uint64_t of, struct kd_bytes source)
{
    struct kd_digits a, b;
    struct kd_fact facts[] = {
        {"number", kd_digits_of(&a, number)},
        {"of", kd_digits_of(&b, of)},
        {"source", source.n > 0 ? source : kd_str("-")},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .severity = -1, .confidence = -1, .fold = source, .facts = facts,
                   .n_facts = KD_COUNT(facts), .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

/* Counters only grow; a smaller one belongs to an engine that was started anew. */
static uint64_t grown(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void drops(struct kd_detect *d, const struct kd_record *r, struct watch *w)
{
    enum { LEAST = 100 };
    const struct kd_rec_stats *s = r->body;
    if (r->head->ts_us - w->since_us < KD_US_PER_MINUTE)
        return;
    uint64_t dropped = grown(s->dropped, w->dropped);
    uint64_t all = grown(s->packets, w->packets) + dropped;
    if (dropped >= LEAST && (double)dropped * 100 >= (double)all * kd_detect_tunable(d, "dropped_pct"))
        tell(d, &kd_finding_KD_PO_0001, r, dropped, all, s->source);
    w->packets = s->packets;
    w->dropped = s->dropped;
    w->since_us = r->head->ts_us;
}

static void silence(struct kd_detect *d, const struct kd_record *r, struct watch *w)
{
    const struct kd_rec_stats *s = r->body;
    if (s->packets != w->heard || w->quiet_since_us == 0) {
        w->heard = s->packets;
        w->quiet_since_us = r->head->ts_us;
        w->quiet_told = false;
        return;
    }
    uint64_t quiet_us = r->head->ts_us - w->quiet_since_us;
    if (w->quiet_told || (double)quiet_us < kd_detect_tunable(d, "silence_s") * 1e6)
        return;
    w->quiet_told = true;
    tell(d, &kd_finding_KD_PO_0003, r, quiet_us / KD_US_PER_MINUTE, 0, s->source);
}

static void stats(struct kd_detect *d, const struct kd_record *r)
{
    struct kd_key key = kd_key_of(KEY_ENGINE);
    kd_key_u16(&key, r->head->engine);
    bool is_new;
    struct watch *w = kd_detect_state(d, kd_key_view(&key), &is_new);
    if (w == NULL)
        return;
    if (is_new) {
        const struct kd_rec_stats *s = r->body;
        *w = (struct watch){.since_us = r->head->ts_us, .packets = s->packets, .dropped = s->dropped};
    }
    drops(d, r, w);
    silence(d, r, w);
}

/* A mirror port set to one direction: conversations go on although nobody seems to answer. */
static void flow(struct kd_detect *d, const struct kd_record *r)
{
    enum { FLOWS = 500, PACKETS = 6 };
    const struct kd_rec_flow *f = r->body;
    bool went_on = (f->tcp_flags & ACK) != 0 && f->pkts_toserver + f->pkts_toclient >= PACKETS;
    if (r->head->proto != IP_TCP || !went_on || kd_bytes_eq_str(f->reason, "update"))
        return;
    bool is_new;
    struct watch *w = kd_detect_state(d, kd_bytes_of("w", 1), &is_new);
    if (w == NULL)
        return;
    w->n_flows++;
    w->n_one_way += f->pkts_toserver == 0 || f->pkts_toclient == 0;
    if (w->n_flows < FLOWS)
        return;
    if (w->n_one_way * 100 >= w->n_flows * kd_detect_tunable(d, "one_way_pct"))
        tell(d, &kd_finding_KD_PO_0002, r, w->n_one_way, w->n_flows, kd_bytes_of(NULL, 0));
    w->n_flows = w->n_one_way = 0;
}

static void sensor_record(struct kd_detect *d, const struct kd_record *r)
{
    if (r->head->type == KD_REC_STATS)
        stats(d, r);
    else
        flow(d, r);
}

const struct kd_detector kd_detector_sensor = {
    .name = "sensor",
    .summary_en = "packets lost, one direction missing, silence",
    .summary_ja = "取りこぼし、片方向のみの観測、無通信",
    .wants = (uint64_t)1 << KD_REC_STATS | (uint64_t)1 << KD_REC_FLOW,
    .key_state_bytes = sizeof(struct watch),
    .max_keys = 512,
    .tunables = tunables,
    .record = sensor_record,
};
