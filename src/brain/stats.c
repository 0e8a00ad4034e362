/* SPDX-License-Identifier: Apache-2.0 */
/* The engines' final stats records become one. */
#include "brain/internal.h"

/* Keep a text for as long as the brain lives; what does not fit is dropped. */
static struct kd_bytes keep(struct kd_brain *b, struct kd_bytes text)
{
    if (text.n > sizeof(b->text_store) - b->n_text_store)
        return (struct kd_bytes){NULL, 0};
    uint8_t *at = b->text_store + b->n_text_store;
    if (text.n > 0)
        memcpy(at, text.p, text.n);
    b->n_text_store += text.n;
    return kd_bytes_of(at, text.n);
}

static void add_protocol(struct kd_brain *b, const struct kd_stats_proto *p)
{
    size_t i = 0;
    while (i < b->n_protocols && !kd_bytes_eq(b->protocols[i].name, p->name))
        i++;
    if (i == b->n_protocols) {
        struct kd_bytes name = i < KD_APP_COUNT ? keep(b, p->name) : kd_str("");
        if (name.n == 0)
            return;
        b->protocols[b->n_protocols++] = (struct kd_stats_proto){.name = name};
    }
    b->protocols[i].flows += p->flows;
    b->protocols[i].packets += p->packets;
    b->protocols[i].bytes += p->bytes;
    b->protocols[i].flows_udp += p->flows_udp;
    b->protocols[i].tx += p->tx;
    b->protocols[i].tx_udp += p->tx_udp;
    b->protocols[i].errors += p->errors;
}

static void add_odd(struct kd_brain *b, const struct kd_stats_event *odd)
{
    size_t i = 0;
    while (i < b->n_odd && !kd_bytes_eq(b->odd[i].name, odd->name))
        i++;
    if (i == b->n_odd) {
        struct kd_bytes name = i < KD_COUNT(b->odd) ? keep(b, odd->name) : kd_str("");
        if (name.n == 0)
            return;
        b->odd[b->n_odd++] = (struct kd_stats_event){.name = name};
    }
    b->odd[i].count += odd->count;
}

void kd_total_add(struct kd_brain *b, const struct kd_rec_head *head, const struct kd_rec_stats *s)
{
    struct kd_rec_stats *t = &b->total;
    uint64_t first_us = head->ts_us - kd_min_u64(head->ts_us, s->seconds_us);
    if (!b->any_total) {
        t->source = keep(b, s->source);
        b->total_first_us = first_us;
    }
    b->any_total = true;
    b->total_first_us = kd_min_u64(b->total_first_us, first_us);
    b->total_last_us = kd_max_u64(b->total_last_us, head->ts_us);
    uint64_t *const to[] = {&t->packets, &t->bytes, &t->decoded, &t->dropped, &t->undecoded, &t->truncated,
                            &t->fragments, &t->reassembled, &t->flows, &t->flows_active, &t->flows_degraded,
                            &t->stream_gap_bytes, &t->memory_bytes, &t->records_lost, &t->anomalies, &t->cpu_us,
                            &t->kept, &t->kept_bytes, &t->kept_out, &t->scanned, &t->scan_out,
                            &t->ethernet, &t->arp, &t->vlan, &t->ipv4, &t->ipv6, &t->tcp, &t->udp, &t->sctp,
                            &t->icmpv4, &t->icmpv6, &t->igmp, &t->gaps};
    const uint64_t from[] = {s->packets, s->bytes, s->decoded, s->dropped, s->undecoded, s->truncated,
                             s->fragments, s->reassembled, s->flows, s->flows_active, s->flows_degraded,
                             s->stream_gap_bytes, s->memory_bytes, s->records_lost, s->anomalies, s->cpu_us,
                             s->kept, s->kept_bytes, s->kept_out, s->scanned, s->scan_out,
                             s->ethernet, s->arp, s->vlan, s->ipv4, s->ipv6, s->tcp, s->udp, s->sctp,
                             s->icmpv4, s->icmpv6, s->igmp, s->gaps};
    for (size_t i = 0; i < KD_COUNT(to); i++)
        *to[i] += from[i];
    if (t->input_error.n == 0 && s->input_error.n > 0)
        t->input_error = keep(b, s->input_error);
    const struct kd_stats_proto *p = s->protocols.v;
    for (size_t i = 0; i < s->protocols.n; i++)
        add_protocol(b, &p[i]);
    const struct kd_stats_event *odd = s->odd.v;
    for (size_t i = 0; i < s->odd.n; i++)
        add_odd(b, &odd[i]);
    t->largest = (uint32_t)kd_max_u64(t->largest, s->largest);
    t->pressure = (uint32_t)kd_max_u64(t->pressure, s->pressure);
    t->pressure_max = (uint32_t)kd_max_u64(t->pressure_max, s->pressure_max);
    t->rules_loaded = s->rules_loaded; /* every engine has the same */
    t->rules_failed = s->rules_failed;
    t->rules_skipped = s->rules_skipped;
}

void kd_total_emit(struct kd_brain *b)
{
    struct kd_rec_stats *t = &b->total;
    struct kd_rec_head head = {.type = KD_REC_STATS, .ts_us = b->any_total ? b->total_last_us : b->now_us};
    t->scope = kd_str("total");
    t->seconds_us = b->total_last_us - b->total_first_us;
    t->records = b->n_records + 1;
    t->records_lost += b->n_lost;
    t->detections = b->n_detections;
    t->memory_bytes += kd_pool_used(b->pool);
    t->protocols = (struct kd_list){b->protocols, b->n_protocols};
    t->odd = (struct kd_list){b->odd, b->n_odd};
    kd_brain_emit(b, &head, t);
}
