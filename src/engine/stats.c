/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/internal.h"
#include "rule/cond.h"

void kd_engine_emit_stats(struct kd_engine *e, const char *scope, uint64_t now_us, uint64_t cpu_us)
{
    const struct kd_engine_stats *s = &e->stats;
    const struct kd_defrag_counts *frags = kd_defrag_counts(e->defrag);
    struct kd_stats_proto protos[KD_APP_COUNT];
    size_t n = 0;
    for (unsigned app = 0; app < KD_APP_COUNT; app++)
        if (s->app_packets[app] > 0 || s->app_tx[app] > 0)
            protos[n++] = (struct kd_stats_proto){
                .name = kd_str(kd_app_names[app]),
                .flows = s->app_flows[app],
                .packets = s->app_packets[app],
                .bytes = s->app_bytes[app],
                .flows_udp = s->app_flows_udp[app],
                .tx = s->app_tx[app],
                .tx_udp = s->app_tx_udp[app],
                .errors = s->app_errors[app],
            };
    struct kd_stats_event odd[KD_ODD_COUNT];
    size_t n_odd = 0;
    bool all = kd_engine_rules_ask(e, KD_EVENT_DECODE); /* else most were not looked for */
    for (unsigned i = 0; i < KD_ODD_COUNT; i++)
        if (all || s->odd[i] > 0)
            odd[n_odd++] = (struct kd_stats_event){kd_str(kd_odd_names[i] + strlen("decoder.")), s->odd[i]};
    struct kd_ruleset_counts rules = {0};
    if (e->cfg.rules != NULL)
        rules = kd_ruleset_counts(e->cfg.rules);
    struct kd_rec_stats rec = {
        .scope = kd_str(scope),
        .source = kd_str(e->cfg.source),
        .packets = s->packets,
        .bytes = s->bytes,
        .decoded = s->decoded,
        .dropped = s->dropped,
        .undecoded = s->undecoded,
        .truncated = s->truncated,
        .fragments = frags->fragments,
        .reassembled = frags->reassembled,
        .flows = kd_flow_table_begun(e->flows),
        .flows_active = kd_flow_table_count(e->flows),
        .flows_degraded = s->degraded,
        .stream_gap_bytes = s->gap_bytes,
        .memory_bytes = kd_flow_table_memory(e->flows) + kd_pool_used(e->pool),
        .records = s->records,
        .records_lost = s->records_lost,
        .anomalies = s->anomalies,
        .seconds_us = s->last_us - s->first_us,
        .cpu_us = cpu_us,
        .kept = s->kept,
        .kept_bytes = s->kept_bytes,
        .kept_out = s->kept_out,
        .scanned = s->scanned,
        .scan_out = kd_engine_contents_left_out(e),
        .input_error = kd_str(e->input_error),
        .protocols = {protos, n},
        .ethernet = s->ethernet,
        .arp = s->app_packets[KD_APP_ARP],
        .vlan = s->tagged,
        .ipv4 = s->ip[0],
        .ipv6 = s->ip[1],
        .tcp = s->ip_proto[KD_IP_TCP],
        .udp = s->ip_proto[KD_IP_UDP],
        .sctp = s->ip_proto[KD_IP_SCTP],
        .icmpv4 = s->ip_proto[KD_IP_ICMP],
        .icmpv6 = s->ip_proto[KD_IP_ICMPV6],
        .igmp = s->ip_proto[KD_IP_IGMP],
        .largest = s->largest,
        .odd = {odd, n_odd},
        .gaps = s->gaps,
        .rules_loaded = rules.loaded,
        .rules_failed = rules.failed,
        .rules_skipped = rules.skipped,
    };
    rec.pressure = (uint32_t)(rec.memory_bytes * 100 / kd_max_u64((uint64_t)e->cfg.lim->memory_mib << 20, 1));
    e->stats.pressure_max = (uint32_t)kd_max_u64(e->stats.pressure_max, rec.pressure);
    rec.pressure_max = s->pressure_max;
    struct kd_rec_head head = {.ts_us = now_us, .type = KD_REC_STATS};
    kd_engine_emit(e, &head, &rec);
    kd_engine_flush(e);
}
