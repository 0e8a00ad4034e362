/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/internal.h"

void kd_engine_emit_stats(struct kd_engine *e, const char *scope, uint64_t now_us, uint64_t cpu_us)
{
    const struct kd_engine_stats *s = &e->stats;
    const struct kd_defrag_counts *frags = kd_defrag_counts(e->defrag);
    struct kd_stats_proto protos[KD_APP_COUNT];
    size_t n = 0;
    for (unsigned app = 0; app < KD_APP_COUNT; app++)
        if (s->app_packets[app] > 0)
            protos[n++] = (struct kd_stats_proto){
                .name = kd_str(kd_app_names[app]),
                .flows = s->app_flows[app],
                .packets = s->app_packets[app],
                .bytes = s->app_bytes[app],
            };
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
    };
    struct kd_rec_head head = {.ts_us = now_us, .type = KD_REC_STATS};
    kd_engine_emit(e, &head, &rec);
    kd_engine_flush(e);
}
