/* SPDX-License-Identifier: Apache-2.0 */
/* Edges between processes: SOCK_SEQPACKET pairs.  One message is one batch, question, answer or
 * order; a message arrives whole or not at all, whoever else writes to the same edge. */
#ifndef KD_OS_EDGE_H
#define KD_OS_EDGE_H

#include "base/bytes.h"
#include "base/status.h"

enum { KD_EDGE_MESSAGE_MAX = 64 * 1024, KD_EDGE_FDS_MAX = 16 };

/* Make a pair; both ends are closed on exec and have a send buffer as large as the system permits
 * (up to `buffer` bytes).  The buffer is what a reader may lag behind before its writers wait. */
KD_MUST_USE enum kd_status kd_edge_new(size_t buffer, int ret_ends[2], struct kd_err *err);

/* Send one message; waits when the edge is full.  KD_CLOSED: nobody is at the other end any more.
 */
KD_MUST_USE enum kd_status kd_edge_send(int fd, struct kd_bytes message);

/* The same without waiting (KD_BUSY when full), with descriptors for the other side. */
KD_MUST_USE enum kd_status kd_edge_offer(int fd, struct kd_bytes message, const int *fds,
                                         size_t n_fds);

/* Take one message into `into`; waits for one if `wait`.  KD_MORE: none is there.  KD_CLOSED: the
 * other end is gone.  KD_LIMIT: the message was longer than max (it is lost). */
KD_MUST_USE enum kd_status kd_edge_take(int fd, bool wait, void *into, size_t max, size_t *ret_n);

/* The same, with descriptors that came along; *ret_n_fds of at most KD_EDGE_FDS_MAX. */
KD_MUST_USE enum kd_status kd_edge_take_fds(int fd, void *into, size_t max, size_t *ret_n,
                                            int ret_fds[KD_EDGE_FDS_MAX], size_t *ret_n_fds);

#endif
