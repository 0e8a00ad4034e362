/* SPDX-License-Identifier: Apache-2.0 */
/* Proxies (SOCKS) across the site's border.  See proxy.md. */
#include "detect/common.h"
#include "findings.h"

static void proxy_record(struct kd_detect *d, const struct kd_record *r)
{
    const struct kd_rec_socks *s = r->body;
    bool from_inside = kd_detect_is_inside(d, &r->head->src), to_inside = kd_detect_is_inside(d, &r->head->dst);
    if (!kd_bytes_eq_str(s->result, "granted") || from_inside == to_inside)
        return;
    uint8_t room[64];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (s->host.n == 0)
        kd_out_addr(&o, &s->address);
    struct kd_digits port;
    struct kd_sides sides = kd_sides_of(d, &r->head->src, &r->head->dst);
    struct kd_key fold = kd_key_of('x');
    kd_key_addr(&fold, &sides.host);
    kd_key_addr(&fold, &sides.peer);
    struct kd_fact facts[] = {
        {"target", s->host.n > 0 ? s->host : kd_out_bytes_view(&o)},
        {"port", kd_digits_of(&port, s->port)},
    };
    kd_find(d, &(struct kd_finding){
                   .kind = from_inside ? &kd_finding_KD_CC_0081 : &kd_finding_KD_CC_0082, .host = sides.host,
                   .peer = sides.peer, .fold = kd_key_view(&fold), .severity = -1, .confidence = -1, .facts = facts,
                   .n_facts = KD_COUNT(facts), .record_ids = &r->head->id, .n_record_ids = 1,
                   .first_us = r->head->ts_us, .last_us = r->head->ts_us,
               });
}

const struct kd_detector kd_detector_proxy = {
    .name = "proxy",
    .summary_en = "proxies (SOCKS) across the site's border",
    .summary_ja = "庁内と外部をまたぐ中継(SOCKS)",
    .wants = (uint64_t)1 << KD_REC_SOCKS,
    .key_state_bytes = 1,
    .max_keys = 16,
    .record = proxy_record,
};
