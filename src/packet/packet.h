/* SPDX-License-Identifier: Apache-2.0 */
/* From a captured frame to the innermost transport header: link layers, VLAN, MPLS, PPPoE, tunnels. */
#ifndef KD_PACKET_PACKET_H
#define KD_PACKET_PACKET_H

#include "base/addr.h"
#include "base/cursor.h"
#include "packet/frame.h"

enum {
    KD_IP_ICMP = 1,
    KD_IP_IGMP = 2,
    KD_IP_TCP = 6,
    KD_IP_UDP = 17,
    KD_IP_ICMPV6 = 58,
    KD_IP_SCTP = 132
};

enum {
    KD_TCP_FIN = 1,
    KD_TCP_SYN = 2,
    KD_TCP_RST = 4,
    KD_TCP_PSH = 8,
    KD_TCP_ACK = 16,
    KD_TCP_URG = 32
};

enum kd_packet_kind {
    KD_PACKET_IP,       /* transport fields are set, payload is the transport's */
    KD_PACKET_FRAGMENT, /* a fragment: payload is the IP payload from frag_offset on */
    KD_PACKET_ARP,      /* payload is the ARP message */
    KD_PACKET_LLDP,
    KD_PACKET_OTHER,    /* a link protocol that is not IP */
    KD_PACKET_BAD       /* a header that is no header; why says which */
};

/* What can be odd about headers (odd.def). */
enum kd_odd {
#define KD_ODD(id, name) KD_ODD_##id,
#include "packet/odd.def"
#undef KD_ODD
    KD_ODD_COUNT
};
extern const char *const kd_odd_names[KD_ODD_COUNT];

enum { KD_PACKET_ODD = 7 };  /* oddities noted of one packet */
enum { KD_PACKET_TAGS = 3 }; /* VLAN tags whose numbers are noted */

struct kd_packet {
    uint64_t ts_us;
    struct kd_addr src, dst;
    struct kd_mac src_mac, dst_mac; /* of the outermost Ethernet header */
    struct kd_bytes payload;        /* may be shorter than payload_wire (capture cut short) */
    uint32_t payload_wire;          /* by the IP header */
    uint32_t length;                /* bytes accounted to the flow: the frame, or in a tunnel what lies in it */
    uint16_t sport, dport;          /* ICMP: type and code */
    uint16_t vlan;                  /* innermost tag, 0 none */
    uint16_t tag[KD_PACKET_TAGS];   /* the first `tags` of them, outermost first */
    uint8_t kind;                   /* enum kd_packet_kind */
    uint8_t proto;
    uint8_t ttl;
    uint8_t tunnels;                /* how many were opened */
    bool truncated;                 /* the capture holds less than the header says */
    uint8_t n_odd;
    uint8_t odd[KD_PACKET_ODD];     /* enum kd_odd; of KD_PACKET_BAD the first says why */
    uint8_t ip_version;             /* of the innermost IP header: 4, 6; 0 there is none */
    uint8_t tags;                   /* VLAN tags */
    /* Innermost, to the end of what the capture holds: from the IP header; from the transport header (of a
     * fragment: empty). */
    struct kd_bytes ip, segment;
    /* TCP */
    uint32_t seq, ack;
    uint16_t window;
    uint8_t tcp_flags;
    /* fragment */
    uint32_t frag_id;
    uint32_t frag_offset;
    bool frag_more;
    bool has_inner;       /* what begins with inner_ is set */
    struct kd_bytes icmp; /* ICMP: the message with its header; undefined for all else */
    /* ICMP errors: the packet they complain about, as far as it is there */
    struct kd_addr inner_src, inner_dst;
    uint16_t inner_sport, inner_dport;
    uint8_t inner_proto;
};

/* Decode.  Always fills *ret; the kind tells how far it came.  `tunnel_depth`: most tunnels opened. */
void kd_packet_decode(const struct kd_captured *frame, unsigned tunnel_depth, struct kd_packet *ret);

/* Note an oddity. */
void kd_packet_odd(struct kd_packet *p, enum kd_odd odd);

/* Look closer at what decoding skips: IP and TCP options, extension headers, types of ICMP and IGMP.  For rules
 * that ask; nothing else needs it. */
void kd_packet_look_closer(struct kd_packet *p);

/* Decode the transport layer of a datagram put together from fragments; addresses, proto and so on are
 * kept from *p, which is the last fragment. */
void kd_packet_transport(struct kd_packet *p, struct kd_bytes ip_payload, unsigned tunnel_depth);

#endif
