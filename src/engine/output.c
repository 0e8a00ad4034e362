/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/internal.h"

void kd_engine_flush(struct kd_engine *e)
{
    if (e->writer.n == 0)
        return;
    if (e->out.batch(e->out.arg, kd_out_bytes_view(&e->writer)) != KD_OK) {
        struct kd_cur c = kd_cur_of(kd_out_bytes_view(&e->writer));
        struct kd_rec_head head;
        struct kd_bytes body;
        struct kd_bytes whole;
        while (kd_record_next(&c, &head, &body, &whole) == KD_OK)
            e->stats.records_lost++;
    }
    e->writer = kd_out_of(e->batch, sizeof(e->batch));
    e->told.type = 0;
    e->n_unacked = 0;
}

void kd_engine_emit(struct kd_engine *e, struct kd_rec_head *head, const void *body)
{
    head->engine = e->engine_no;
    head->id = ++e->next_record;
    e->told_at = e->writer.n;
    enum kd_status s = kd_record_put(&e->writer, head, body);
    if (s != KD_OK) {
        kd_engine_flush(e);
        e->told_at = 0;
        s = kd_record_put(&e->writer, head, body);
    }
    if (s == KD_OK)
        e->stats.records++;
    else
        e->stats.records_lost++; /* longer than any record may be */
    if (head->type == KD_REC_ANOMALY)
        e->stats.anomalies++;
}

/* Flow numbers of several engines never meet, and stay below 2^53 for JSON's sake. */
uint64_t kd_engine_flow_id(const struct kd_engine *e, const struct kd_flow *f)
{
    return (uint64_t)e->engine_no << 46 | (f->number & (((uint64_t)1 << 46) - 1));
}

/* A frame's number means something in a capture file. */
uint64_t kd_engine_frame_number(const struct kd_engine *e)
{
    return e->frame == NULL ? e->last_frame : e->cfg.id_base == 0 ? e->frames : 0;
}

void kd_engine_emit_flow(struct kd_engine *e, const struct kd_flow *f, enum kd_rec_type type,
                         const void *body)
{
    struct kd_rec_head head = {
        .ts_us = e->now_us,
        .flow_id = kd_engine_flow_id(e, f),
        .frame = kd_engine_frame_number(e),
        .src = f->client,
        .dst = f->server,
        .src_port = f->client_port,
        .dst_port = f->server_port,
        .vlan = f->vlan,
        .outer_vlan = {f->outer_vlan},
        .type = (uint8_t)type,
        .proto = f->proto,
        .app = f->app,
    };
    kd_engine_emit(e, &head, body);
}

void kd_engine_anomaly(struct kd_engine *e, const struct kd_flow *f, const char *kind, const char *event)
{
    struct kd_rec_anomaly rec = {.kind = kd_str(kind), .event = kd_str(event), .count = 1};
    kd_engine_emit_flow(e, f, KD_REC_ANOMALY, &rec);
}
