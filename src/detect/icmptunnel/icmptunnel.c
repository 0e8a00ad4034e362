/* SPDX-License-Identifier: Apache-2.0 */
/* Data carried in pings.  See icmptunnel.md. */
#include "detect/common.h"
#include "findings.h"

enum { KEY_PAIR = 'p' };

struct pair {
    int severity[2]; /* it was told with, by kind, + 1; 0 not yet */
    uint64_t bytes_told;
};

static const struct kd_tunable tunables[] = {
    {"contents", 12, 4, 64, "contents", "different contents of one machine's pings to another",
     "1 台が相手に送った ping の内容の種類数"},
    {"bytes", 2000, 200, 1000000, "bytes", "data carried that are told", "知らせるデータ量"},
    {"sure_bytes", 20000, 1000, 100000000, "bytes", "from this much on the finding is a medium one",
     "深刻度を中とするデータ量"},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void tell(struct kd_detect *d, const struct kd_record *r, const struct kd_finding_kind *kind, int severity)
{
    const struct kd_rec_icmp *i = r->body;
    struct kd_digits number, contents, bytes, largest;
    struct kd_sides sides = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_fact facts[] = {
        {"number", kd_digits_of(&number, i->requests + (uint64_t)i->replies)},
        {"contents", kd_digits_of(&contents, i->contents)},
        {"bytes", kd_digits_of(&bytes, i->bytes_toserver + i->bytes_toclient)},
        {"largest", kd_digits_of(&largest, i->largest)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = kind, .host = sides.host, .peer = sides.peer, .severity = severity,
                   .confidence = severity == KD_MEDIUM ? 85 : 60, .fold = kd_bytes_of(r->head->dst.b, sizeof(r->head->dst.b)),
                   .facts = facts, .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us, .count = i->requests + (uint64_t)i->replies,
               });
}

/* -1: pings.  Replies that do not repeat their request are no pings, whoever sends them; ever-changing data
 * may be a test of a line when they are few. */
static int judge(const struct kd_detect *d, const struct kd_rec_icmp *i)
{
    enum { MISMATCHES = 4, MIXED_SIZES = 3, LARGE = 64 };
    double bytes = (double)(i->bytes_toserver + i->bytes_toclient);
    bool answers = i->mismatched >= MISMATCHES && i->mismatched * 4 >= i->replies;
    bool changing = i->contents >= kd_detect_tunable(d, "contents") && (i->sizes >= MIXED_SIZES || i->largest >= LARGE);
    bool much = bytes >= kd_detect_tunable(d, "bytes");
    if (answers && (changing || i->contents >= MISMATCHES))
        return changing && bytes >= kd_detect_tunable(d, "sure_bytes") ? KD_MEDIUM : KD_LOW;
    if (changing && much)
        return i->sizes >= MIXED_SIZES && bytes >= kd_detect_tunable(d, "sure_bytes") ? KD_MEDIUM : KD_LOW;
    return -1;
}

static void icmptunnel_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_icmp *i = r->body;
    int severity = judge(d, i);
    if (severity < 0)
        return;
    struct kd_key key = kd_key_of(KEY_PAIR);
    kd_key_addr(&key, &r->head->src);
    kd_key_addr(&key, &r->head->dst);
    struct pair *p = kd_detect_state(d, kd_key_view(&key), NULL);
    if (p == NULL)
        return;
    if (severity + 1 > p->severity[0]) {
        p->severity[0] = severity + 1;
        tell(d, r, &kd_finding_KD_CC_0050, severity);
    }
    /* One way only, to the outside: something is being carried off. */
    bool outward = kd_detect_is_inside(d, &r->head->src) && !kd_detect_is_inside(d, &r->head->dst);
    bool one_way = i->replies * 4 < i->requests || i->mismatched == 0;
    bool enough = (double)i->bytes_toserver >= kd_detect_tunable(d, "bytes");
    if (outward && one_way && enough && severity + 1 > p->severity[1]) {
        p->severity[1] = severity + 1;
        tell(d, r, &kd_finding_KD_CC_0051, severity);
    }
}

const struct kd_detector kd_detector_icmptunnel = {
    .name = "icmptunnel",
    .summary_en = "data carried in pings",
    .summary_ja = "ping に隠したデータの送受信",
    .wants = (uint64_t)1 << KD_REC_ICMP,
    .key_state_bytes = sizeof(struct pair),
    .max_keys = 20000,
    .idle_us = KD_US_PER_DAY,
    .tunables = tunables,
    .record = icmptunnel_record,
};
