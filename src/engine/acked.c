/* SPDX-License-Identifier: Apache-2.0 */
/* The frame that a record of TCP data names in a capture file.  EVE means the one that acknowledges the data, for until then
 * a receiver may not have it; our parsers read data as it comes.  So the number is put into the record when the
 * acknowledgement is seen, as long as the record is still in the batch; else it names the data's own frame. */
#include "engine/internal.h"

void kd_engine_unacked(struct kd_engine *e, uint64_t flow_id)
{
    if (e->n_unacked == KD_UNACKED_MAX)
        memmove(e->unacked, e->unacked + 1, --e->n_unacked * sizeof(*e->unacked));
    e->unacked[e->n_unacked++] = (struct kd_unacked){
        .flow_id = flow_id, .at = e->told_at, .seq = e->reading_seq, .dir = e->reading_dir};
}

void kd_engine_acked(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    uint64_t flow_id = kd_engine_flow_id(e, f);
    unsigned kept = 0;
    bool more = false;
    if ((p->tcp_flags & KD_TCP_ACK) == 0)
        return;
    for (unsigned i = 0; i < e->n_unacked; i++) {
        struct kd_unacked *u = &e->unacked[i];
        bool mine = u->flow_id == flow_id;
        if (mine && u->dir != dir && (int32_t)(p->ack - u->seq) >= 0) {
            kd_record_refer(e->batch + u->at, kd_engine_frame_number(e));
            continue;
        }
        more |= mine;
        if (kept++ != i)
            e->unacked[kept - 1] = *u;
    }
    e->n_unacked = kept;
    if (!more)
        f->flags &= (uint8_t)~KD_FLOW_UNACKED;
}
