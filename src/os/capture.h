/* SPDX-License-Identifier: Apache-2.0 */
/* Live capture: AF_PACKET with a TPACKET_V3 ring.  The parent opens and fixes the socket; the
 * engine only maps the ring, waits and reads.
 *
 * With several engines each has a socket in one fan-out group of the interface.  The group's choice
 * is a program of ours over the two network addresses alone, so that both directions of a
 * conversation, its IP fragments and everything else between the same two hosts reach the same
 * engine (the kernel's own hash looks at ports, which fragments do not have).  Frames without IP
 * addresses go to the first engine. */
#ifndef KD_OS_CAPTURE_H
#define KD_OS_CAPTURE_H

#include "base/bytes.h"
#include "base/status.h"
#include "os/progress.h"

enum {
    KD_RING_BLOCK_BYTES = 1 << 20,
    KD_RING_RETIRE_MS = 20 /* a block with frames in it is handed over no later than this */
};

struct kd_capture_config {
    const char *interface;
    uint32_t ring_bytes; /* memory of the ring, rounded down to blocks; at least two */
    uint16_t group;      /* of the fan-out: one number per interface */
    unsigned n_engines;  /* 1: no fan-out */
};

/* Needs CAP_NET_RAW.  KD_NOT_FOUND: no such interface; KD_DENIED; KD_UNSUPPORTED: a link type we do
 * not read. *ret_link is a LINKTYPE number.  The socket is promiscuous, its filter locked. */
KD_MUST_USE enum kd_status kd_capture_open(const struct kd_capture_config *cfg, int *ret_fd,
                                           uint32_t *ret_link, struct kd_err *err);

struct kd_ring;

/* Map the ring of a socket made by kd_capture_open() with this ring_bytes.  `at` says where a
 * predecessor stopped and is kept up to date.  Borrows fd and at. */
KD_MUST_USE enum kd_status kd_ring_map(int fd, uint32_t ring_bytes, struct kd_progress_input *at,
                                       struct kd_ring **ret, struct kd_err *err);
void kd_ring_unmap(struct kd_ring *r);

struct kd_ring_frame {
    uint64_t ts_us;
    uint32_t length; /* on the wire */
    uint16_t vlan;   /* tag the kernel took out of the frame, or 0 */
    struct kd_bytes bytes;
};

/* The next frame, borrowed until the next call; false when the kernel has handed over no more. */
KD_MUST_USE bool kd_ring_next(struct kd_ring *r, struct kd_ring_frame *ret);

/* Frames the kernel dropped since the last call for lack of room in the ring. */
uint64_t kd_ring_dropped(struct kd_ring *r);

#endif
