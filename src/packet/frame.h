/* SPDX-License-Identifier: Apache-2.0 */
/* A frame as it was captured, before anybody looked into it. */
#ifndef KD_PACKET_FRAME_H
#define KD_PACKET_FRAME_H

#include "base/bytes.h"

/* LINKTYPE numbers of https://www.tcpdump.org/linktypes.html that are read. */
enum kd_link {
    KD_LINK_NULL = 0,
    KD_LINK_ETHERNET = 1,
    KD_LINK_PPP = 9,
    KD_LINK_RAW_BSD = 12,
    KD_LINK_RAW_OPENBSD = 14,
    KD_LINK_RAW = 101,
    KD_LINK_LOOP = 108,
    KD_LINK_LINUX_SLL = 113,
    KD_LINK_IPV4 = 228,
    KD_LINK_IPV6 = 229,
    KD_LINK_LINUX_SLL2 = 276
};

/* Borrowed during the call it is given to. */
struct kd_captured {
    uint64_t ts_us;
    uint32_t link;   /* enum kd_link; others are counted as undecoded */
    uint32_t length; /* on the wire; bytes.n may be less */
    uint16_t vlan;   /* tag that the capture took out of the frame (TPACKET), or 0 */
    struct kd_bytes bytes;
};

#endif
