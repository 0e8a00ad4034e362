/* SPDX-License-Identifier: Apache-2.0 */
/* TCP: connection state, and streams in order (RFC 9293).
 *
 * Data in order is passed on where it lies in the packet.  What lies behind a hole is copied and waits, in
 * bounded bytes and pieces, until the hole is filled or given up.  A hole is given up when the receiver
 * acknowledged it (so it was lost to us, not to the receiver) and a few packets more have not brought it,
 * when the bounds are reached, or when the stream ends.
 *
 * Overlap policy: the byte that came first stays, whatever operating systems do; waiting data that is
 * contradicted by a later copy is counted as a conflict, because that is how evasion looks. */
#ifndef KD_FLOW_TCP_H
#define KD_FLOW_TCP_H

#include "base/pool.h"
#include "flow/flow.h"

struct kd_tcp_piece;

/* One direction of a stream.  Zeroed is ready. */
struct kd_tcp_half {
    uint32_t next_seq;  /* the next byte to pass on */
    uint32_t end_seq;   /* behind the last byte, when FIN was seen */
    uint32_t waiting;   /* bytes behind a hole */
    uint16_t n_pieces;
    uint8_t hole_age;   /* packets seen since the hole opened */
    bool started;       /* next_seq is known */
    bool has_end;
    bool ended;         /* everything was passed on */
    struct kd_tcp_piece *pieces; /* waiting data by sequence number */
};

/* Who takes the stream. */
struct kd_tcp_reader {
    void (*data)(void *arg, struct kd_flow *f, unsigned dir, struct kd_bytes in);
    void (*gap)(void *arg, struct kd_flow *f, unsigned dir, uint64_t n);
    void (*conflict)(void *arg, struct kd_flow *f, unsigned dir);
    void *arg;
};

/* Follow the connection's state by this packet's flags.  Call for every packet, before the data. */
void kd_tcp_state(struct kd_flow *f, const struct kd_packet *p, unsigned dir);

/* Put this packet's data where it belongs; passes on what has come in order. */
void kd_tcp_data(struct kd_tcp_half half[2], struct kd_flow *f, const struct kd_packet *p, unsigned dir,
                 const struct kd_limits *lim, struct kd_pool *pool, const struct kd_tcp_reader *reader);

/* The stream is over: pass on what waits, holes as gaps.  Gives all memory back. */
void kd_tcp_finish(struct kd_tcp_half half[2], struct kd_flow *f, struct kd_pool *pool,
                   const struct kd_tcp_reader *reader);

/* Forget what waits, silently. */
void kd_tcp_drop(struct kd_tcp_half half[2], struct kd_pool *pool);

#endif
