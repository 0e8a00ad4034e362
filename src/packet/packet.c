/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"

enum {
    ETHER_IPV4 = 0x0800,
    ETHER_ARP = 0x0806,
    ETHER_TEB = 0x6558, /* Ethernet within GRE */
    ETHER_VLAN = 0x8100,
    ETHER_IPV6 = 0x86dd,
    ETHER_PPP = 0x880b,
    ETHER_MPLS = 0x8847,
    ETHER_MPLS_UPPER = 0x8848,
    ETHER_PPPOE = 0x8864,
    ETHER_QINQ = 0x88a8,
    ETHER_ERSPAN2 = 0x88be,
    ETHER_LLDP = 0x88cc,
    ETHER_QINQ_OLD = 0x9100,
    ETHER_ERSPAN3 = 0x22eb,
    ETHER_MIN_TYPE = 0x0600
};

enum { IP_IPIP = 4, IP_IPV6 = 41, IP_GRE = 47 };
enum { PORT_GTP_U = 2152, PORT_VXLAN = 4789, PORT_VXLAN_LINUX = 8472, PORT_GENEVE = 6081 };
enum { PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057 };
enum { MAX_TAGS = 8, MAX_IPV6_EXTENSIONS = 12 };

/* What decoding carries along: the packet being filled, what is left of the frame, and how many tunnels
 * may still be opened. */
struct decode {
    struct kd_packet *p;
    struct kd_cur c;
    size_t missing; /* bytes of the frame the capture did not keep */
    unsigned depth;
};

static void ethertype(struct decode *d, unsigned type);
static void ipv4(struct decode *d);
static void ipv6(struct decode *d);
static void transport(struct decode *d);

static void bad(struct decode *d, enum kd_odd why)
{
    d->p->kind = KD_PACKET_BAD;
    d->p->n_odd = 0;
    kd_packet_odd(d->p, why);
}

static void ethernet(struct decode *d)
{
    enum { HEADER = 14 };
    struct kd_bytes h = kd_cur_take(&d->c, HEADER);
    if (h.n != HEADER) {
        bad(d, KD_ODD_ETHERNET_SHORT);
        return;
    }
    unsigned type = kd_bytes_be16(h, 12);
    if (d->p->tunnels == 0) {
        memcpy(d->p->dst_mac.b, h.p, 6);
        memcpy(d->p->src_mac.b, h.p + 6, 6);
    }
    if (type < ETHER_MIN_TYPE) { /* IEEE 802.3 length: LLC, spanning tree */
        d->p->kind = KD_PACKET_OTHER;
        return;
    }
    ethertype(d, type);
}

static void mpls(struct decode *d)
{
    for (unsigned i = 0; i < MAX_TAGS; i++) {
        uint32_t label = kd_cur_be32(&d->c);
        if (!kd_cur_ok(&d->c))
            break;
        if ((label & 0x100) == 0)
            continue;
        /* Bottom of stack.  No field says what follows; the first nibble does (RFC 4928). */
        unsigned nibble = kd_cur_peek(&d->c) >> 4;
        if (nibble == 4)
            ipv4(d);
        else if (nibble == 6)
            ipv6(d);
        else if (nibble == 0) { /* control word, then Ethernet (RFC 4448) */
            (void)kd_cur_take(&d->c, 4);
            ethernet(d);
        } else
            ethernet(d);
        return;
    }
    bad(d, KD_ODD_MPLS_SHORT);
}

static void ppp_protocol(struct decode *d)
{
    unsigned proto = kd_cur_u8(&d->c);
    if ((proto & 1) == 0) /* not compressed to one byte (RFC 1661 section 6.5) */
        proto = proto << 8 | kd_cur_u8(&d->c);
    if (proto == PPP_IPV4)
        ipv4(d);
    else if (proto == PPP_IPV6)
        ipv6(d);
    else
        d->p->kind = KD_PACKET_OTHER;
}

static void pppoe(struct decode *d)
{
    unsigned version = kd_cur_u8(&d->c);
    unsigned code = kd_cur_u8(&d->c);
    (void)kd_cur_take(&d->c, 4);
    if (!kd_cur_ok(&d->c))
        bad(d, KD_ODD_PPPOE_SHORT);
    else if (version != 0x11 || code != 0)
        bad(d, KD_ODD_PPPOE_CODE);
    else
        ppp_protocol(d);
}

static void note_tag(struct kd_packet *p, unsigned vlan)
{
    p->vlan = (uint16_t)vlan;
    if (p->tags < KD_PACKET_TAGS)
        p->tag[p->tags] = (uint16_t)vlan;
    p->tags++;
}

static void ethertype(struct decode *d, unsigned type)
{
    for (unsigned tags = 0;
         type == ETHER_VLAN || type == ETHER_QINQ || type == ETHER_QINQ_OLD; tags++) {
        if (tags == MAX_TAGS) {
            bad(d, KD_ODD_VLAN_DEEP);
            return;
        }
        note_tag(d->p, kd_cur_be16(&d->c) & 0x0fff);
        type = kd_cur_be16(&d->c);
    }
    switch (type) {
    case ETHER_IPV4:
        ipv4(d);
        break;
    case ETHER_IPV6:
        ipv6(d);
        break;
    case ETHER_ARP:
        d->p->kind = KD_PACKET_ARP;
        d->p->payload = kd_cur_rest(&d->c);
        break;
    case ETHER_MPLS:
    case ETHER_MPLS_UPPER:
        mpls(d);
        break;
    case ETHER_PPPOE:
        pppoe(d);
        break;
    case ETHER_LLDP:
        d->p->kind = KD_PACKET_LLDP;
        d->p->payload = kd_cur_rest(&d->c);
        break;
    default:
        d->p->kind = KD_PACKET_OTHER;
        break;
    }
}

/* Step into a tunnel: what follows is a packet of its own. */
static bool enter(struct decode *d)
{
    if (d->depth == 0)
        return false;
    d->depth--;
    d->p->tunnels++;
    d->p->length = (uint32_t)(kd_cur_left(&d->c) + d->missing);
    return true;
}

static bool looks_like_ip(const struct kd_cur *c)
{
    unsigned nibble = kd_cur_peek(c) >> 4;
    return (nibble == 4 && kd_cur_left(c) >= 20) || (nibble == 6 && kd_cur_left(c) >= 40);
}

static void ip_by_nibble(struct decode *d)
{
    if (kd_cur_peek(&d->c) >> 4 == 4)
        ipv4(d);
    else
        ipv6(d);
}

/* draft-foschiano-erspan, types II and III: which VLAN was mirrored, then the frame. */
static void erspan(struct decode *d, bool third)
{
    enum { HEADER_2 = 8, HEADER_3 = 12, PLATFORM = 8 };
    struct kd_bytes head = kd_cur_take(&d->c, third ? HEADER_3 : HEADER_2);
    unsigned vlan = kd_bytes_be16(head, 0) & 0x0fff;
    if (vlan != 0)
        note_tag(d->p, vlan);
    if (third && (kd_bytes_at(head, 11) & 1))
        (void)kd_cur_take(&d->c, PLATFORM);
    ethernet(d);
}

/* RFC 2784, 2890; version 1 is PPTP's (RFC 2637). */
static bool gre(struct decode *d)
{
    struct decode save = *d;
    unsigned flags = kd_cur_be16(&d->c);
    unsigned type = kd_cur_be16(&d->c);
    unsigned version = flags & 7;
    bool has_seq = (flags & 0x1000) != 0;
    if (flags & 0x8000)
        (void)kd_cur_take(&d->c, 4); /* checksum */
    if (flags & 0x2000)
        (void)kd_cur_take(&d->c, 4); /* key */
    if (has_seq)
        (void)kd_cur_take(&d->c, 4);
    if (version == 1 && (flags & 0x0080))
        (void)kd_cur_take(&d->c, 4); /* acknowledgement */
    if (!kd_cur_more(&d->c) || version > 1 || !enter(d)) {
        *d = save;
        return false;
    }
    if (version == 1 || type == ETHER_PPP)
        ppp_protocol(d);
    else if (type == ETHER_ERSPAN3 || (type == ETHER_ERSPAN2 && has_seq))
        erspan(d, type == ETHER_ERSPAN3);
    else if (type == ETHER_TEB || type == ETHER_ERSPAN2) /* type I has no header of its own */
        ethernet(d);
    else
        ethertype(d, type);
    return true;
}

/* RFC 7348. */
static bool vxlan(struct decode *d)
{
    struct kd_cur c = d->c;
    unsigned flags = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 7);
    if ((flags & 0x08) == 0 || kd_cur_left(&c) < 14 || d->depth == 0)
        return false;
    d->c = c;
    (void)enter(d);
    ethernet(d);
    return true;
}

/* RFC 8926. */
static bool geneve(struct decode *d)
{
    struct kd_cur c = d->c;
    unsigned first = kd_cur_u8(&c);
    (void)kd_cur_u8(&c);
    unsigned type = kd_cur_be16(&c);
    (void)kd_cur_take(&c, 4 + (size_t)(first & 0x3f) * 4);
    if (first >> 6 != 0 || kd_cur_left(&c) < 14 || d->depth == 0)
        return false;
    d->c = c;
    (void)enter(d);
    if (type == ETHER_TEB)
        ethernet(d);
    else
        ethertype(d, type);
    return true;
}

/* 3GPP TS 29.281: version 1, G-PDU, extension headers. */
static bool gtp_u(struct decode *d)
{
    struct kd_cur c = d->c;
    unsigned flags = kd_cur_u8(&c);
    unsigned type = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 6);
    if (flags >> 5 != 1 || (flags & 0x10) == 0 || type != 255 || d->depth == 0)
        return false;
    if (flags & 0x07) {
        (void)kd_cur_take(&c, 3);
        unsigned next = kd_cur_u8(&c);
        for (unsigned i = 0; i < MAX_TAGS && next != 0 && (flags & 0x04); i++) {
            size_t n = kd_cur_u8(&c);
            struct kd_bytes ext = kd_cur_take(&c, n == 0 ? 1 : n * 4 - 1);
            next = ext.n > 0 ? ext.p[ext.n - 1] : 0;
        }
    }
    if (!looks_like_ip(&c))
        return false;
    d->c = c;
    (void)enter(d);
    ip_by_nibble(d);
    return true;
}

static bool udp_tunnel(struct decode *d)
{
    switch (d->p->dport) {
    case PORT_VXLAN:
    case PORT_VXLAN_LINUX:
        return vxlan(d);
    case PORT_GENEVE:
        return geneve(d);
    case PORT_GTP_U:
        return gtp_u(d);
    default:
        return false;
    }
}

static void tcp(struct decode *d)
{
    enum { HEADER = 20 };
    struct kd_packet *p = d->p;
    struct kd_bytes h = kd_cur_take(&d->c, HEADER);
    size_t header = (size_t)(kd_bytes_at(h, 12) >> 4) * 4;
    if (h.n != HEADER || header < HEADER || header > p->payload_wire) {
        bad(d, h.n != HEADER ? KD_ODD_TCP_SHORT : header < HEADER ? KD_ODD_TCP_OPTIONS : KD_ODD_TCP_HEADER);
        return;
    }
    p->sport = kd_bytes_be16(h, 0);
    p->dport = kd_bytes_be16(h, 2);
    p->seq = kd_bytes_be32(h, 4);
    p->ack = kd_bytes_be32(h, 8);
    p->tcp_flags = h.p[13];
    p->window = kd_bytes_be16(h, 14);
    /* A capture may end within the options; the rest of the header still counts. */
    p->payload = kd_bytes_from(kd_cur_rest(&d->c), header - HEADER);
    p->payload_wire -= (uint32_t)header;
}

static void udp(struct decode *d)
{
    struct kd_packet *p = d->p;
    enum { HEADER = 8 };
    struct kd_bytes h = kd_cur_take(&d->c, HEADER);
    unsigned length = kd_bytes_be16(h, 4);
    if (h.n != HEADER || p->payload_wire < HEADER || (length < HEADER && length != 0)) {
        bad(d, h.n != HEADER || p->payload_wire < HEADER ? KD_ODD_UDP_HEADER : KD_ODD_UDP_LENGTH);
        return;
    }
    p->sport = kd_bytes_be16(h, 0);
    p->dport = kd_bytes_be16(h, 2);
    p->payload_wire -= 8;
    if (KD_UNLIKELY(length > p->payload_wire + 8u))
        kd_packet_odd(p, KD_ODD_UDP_SHORT);
    if (length >= 8 && length - 8u < p->payload_wire)
        p->payload_wire = length - 8u;
    if (udp_tunnel(d))
        return;
    p->payload = kd_bytes_head(kd_cur_rest(&d->c), p->payload_wire);
}

/* The packet an ICMP error complains about: RFC 792, RFC 4443.  Only what a flow is looked up by. */
static void icmp_inner(struct decode *d, struct kd_bytes inner)
{
    struct kd_packet *p = d->p;
    struct kd_cur c = kd_cur_of(inner);
    (void)kd_cur_take(&c, 4);
    unsigned first = kd_cur_u8(&c);
    if (first >> 4 == 4) {
        (void)kd_cur_take(&c, 8);
        p->inner_proto = kd_cur_u8(&c);
        (void)kd_cur_take(&c, 2);
        struct kd_bytes a = kd_cur_take(&c, 8);
        (void)kd_cur_take(&c, (first & 15) < 5 ? 0 : ((size_t)(first & 15) - 5) * 4);
        if (a.n == 8) {
            p->inner_src = kd_addr_v4(a.p);
            p->inner_dst = kd_addr_v4(a.p + 4);
        }
    } else if (first >> 4 == 6) {
        (void)kd_cur_take(&c, 5);
        p->inner_proto = kd_cur_u8(&c);
        (void)kd_cur_take(&c, 1);
        struct kd_bytes a = kd_cur_take(&c, 32);
        if (a.n == 32) {
            p->inner_src = kd_addr_v6(a.p);
            p->inner_dst = kd_addr_v6(a.p + 16);
        }
    } else {
        return;
    }
    p->inner_sport = kd_cur_be16(&c);
    p->inner_dport = kd_cur_be16(&c);
    p->has_inner = kd_cur_ok(&c);
}

static void icmp(struct decode *d)
{
    struct kd_packet *p = d->p;
    struct kd_cur whole = d->c;
    p->icmp = kd_cur_rest(&whole);
    p->sport = kd_cur_u8(&d->c);
    p->dport = kd_cur_u8(&d->c);
    (void)kd_cur_take(&d->c, 2);
    if (!kd_cur_ok(&d->c)) {
        bad(d, p->proto == KD_IP_ICMP ? KD_ODD_ICMPV4_SHORT : KD_ODD_ICMPV6_SHORT);
        return;
    }
    p->payload_wire = p->payload_wire >= 4 ? p->payload_wire - 4 : 0;
    p->payload = kd_cur_rest(&d->c);
    bool v6 = p->proto == KD_IP_ICMPV6;
    if (v6 ? p->sport >= 1 && p->sport <= 4
           : p->sport == 3 || p->sport == 4 || p->sport == 5 || p->sport == 11 || p->sport == 12)
        icmp_inner(d, p->payload);
}

static void transport(struct decode *d)
{
    struct kd_packet *p = d->p;
    struct kd_cur whole = d->c;
    p->kind = KD_PACKET_IP;
    p->segment = kd_cur_rest(&whole);
    switch (p->proto) {
    case KD_IP_TCP:
        tcp(d);
        return;
    case KD_IP_UDP:
        udp(d);
        return;
    case KD_IP_ICMP:
    case KD_IP_ICMPV6:
        icmp(d);
        return;
    case IP_GRE:
        if (gre(d))
            return;
        break;
    case IP_IPIP:
    case IP_IPV6:
        if (looks_like_ip(&d->c) && enter(d)) {
            ip_by_nibble(d);
            return;
        }
        break;
    case KD_IP_SCTP: {
        struct kd_cur c = d->c;
        p->sport = kd_cur_be16(&c);
        p->dport = kd_cur_be16(&c);
        break;
    }
    default:
        break;
    }
    p->payload = kd_cur_rest(&d->c);
}

/* Cut the cursor to what the IP header says is there; frames have padding, captures cut short. */
static void limit_to(struct decode *d, size_t n)
{
    size_t left = kd_cur_left(&d->c);
    d->p->payload_wire = (uint32_t)n;
    if (n > left) {
        d->p->truncated = true;
        d->missing = n - left;
    } else {
        d->c = kd_cur_sub(&d->c, n);
        d->missing = 0;
    }
}

static void fragment(struct decode *d)
{
    d->p->kind = KD_PACKET_FRAGMENT;
    d->p->payload = kd_cur_rest(&d->c);
}

static void ipv4(struct decode *d)
{
    struct kd_packet *p = d->p;
    enum { HEADER = 20 };
    size_t left = kd_cur_left(&d->c);
    struct kd_cur whole = d->c;
    p->ip = kd_cur_rest(&whole);
    p->ip_version = 4;
    struct kd_bytes h = kd_cur_take(&d->c, HEADER);
    unsigned first = kd_bytes_at(h, 0);
    size_t total = kd_bytes_be16(h, 2);
    size_t header = (size_t)(first & 15) * 4;
    p->ttl = kd_bytes_at(h, 8);
    p->proto = kd_bytes_at(h, 9);
    if (total == 0) /* segmentation was left to the card; the frame's length counts */
        total = left + d->missing;
    if (h.n != HEADER || first >> 4 != 4 || header < HEADER || total < header) {
        bad(d, h.n != HEADER       ? KD_ODD_IPV4_SHORT
               : first >> 4 != 4   ? KD_ODD_IPV4_VERSION
               : header < HEADER   ? KD_ODD_IPV4_HEADER
                                   : KD_ODD_IPV4_LENGTH);
        return;
    }
    unsigned offset = kd_bytes_be16(h, 6);
    p->src = kd_addr_v4(h.p + 12);
    p->dst = kd_addr_v4(h.p + 16);
    if (header > HEADER)
        (void)kd_cur_take(&d->c, kd_min_size(header - HEADER, kd_cur_left(&d->c)));
    limit_to(d, total - header);
    if (offset & 0x3fff) {
        p->frag_id = kd_bytes_be16(h, 4);
        p->frag_offset = (offset & 0x1fff) * 8;
        p->frag_more = (offset & 0x2000) != 0;
        fragment(d);
        return;
    }
    transport(d);
}

/* Extension headers of RFC 8200 up to the transport; true when a fragment header was met. */
static bool ipv6_extensions(struct decode *d, unsigned *next)
{
    struct kd_packet *p = d->p;
    for (unsigned i = 0; i < MAX_IPV6_EXTENSIONS; i++) {
        size_t before = kd_cur_left(&d->c);
        size_t n;
        switch (*next) {
        case 0:   /* hop-by-hop */
        case 43:  /* routing */
        case 60:  /* destination options */
        case 135: /* mobility */
            *next = kd_cur_u8(&d->c);
            n = kd_cur_u8(&d->c);
            (void)kd_cur_take(&d->c, n * 8 + 6);
            break;
        case 51: /* authentication header */
            *next = kd_cur_u8(&d->c);
            n = kd_cur_u8(&d->c);
            (void)kd_cur_take(&d->c, (n + 2) * 4 - 2);
            break;
        case 44: {
            *next = kd_cur_u8(&d->c);
            (void)kd_cur_u8(&d->c);
            unsigned offset = kd_cur_be16(&d->c);
            p->frag_id = kd_cur_be32(&d->c);
            p->frag_offset = offset & 0xfff8;
            p->frag_more = offset & 1;
            n = before - kd_cur_left(&d->c);
            p->payload_wire -= (uint32_t)kd_min_size(n, p->payload_wire);
            if (p->frag_offset == 0 && !p->frag_more) /* atomic fragment, RFC 6946 */
                continue;
            return true;
        }
        default:
            return false;
        }
        n = before - kd_cur_left(&d->c);
        p->payload_wire -= (uint32_t)kd_min_size(n, p->payload_wire);
    }
    kd_cur_fail(&d->c);
    return false;
}

static void ipv6(struct decode *d)
{
    struct kd_packet *p = d->p;
    enum { HEADER = 40 };
    struct kd_cur whole = d->c;
    p->ip = kd_cur_rest(&whole);
    p->ip_version = 6;
    struct kd_bytes h = kd_cur_take(&d->c, HEADER);
    if (h.n != HEADER || h.p[0] >> 4 != 6) {
        bad(d, h.n != HEADER ? KD_ODD_IPV6_SHORT : KD_ODD_IPV6_VERSION);
        return;
    }
    size_t length = kd_bytes_be16(h, 4);
    unsigned next = h.p[6];
    p->ttl = h.p[7];
    p->src = kd_addr_v6(h.p + 8);
    p->dst = kd_addr_v6(h.p + 24);
    if (length == 0 && next != 59) /* jumbo or offloaded: the frame's length counts */
        length = kd_cur_left(&d->c) + d->missing;
    limit_to(d, length);
    bool is_fragment = ipv6_extensions(d, &next);
    p->proto = (uint8_t)next;
    if (!kd_cur_ok(&d->c)) {
        bad(d, KD_ODD_IPV6_EXTENSION);
        return;
    }
    if (is_fragment)
        fragment(d);
    else
        transport(d);
}

static void by_family(struct decode *d, uint32_t family)
{
    /* BSD's AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30, in either byte order. */
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    if (family == 2)
        ipv4(d);
    else if (family == 10 || family == 24 || family == 28 || family == 30)
        ipv6(d);
    else
        d->p->kind = KD_PACKET_OTHER;
}

static void cooked(struct decode *d, bool version2)
{
    unsigned type;
    struct kd_bytes mac;
    if (version2) {
        type = kd_cur_be16(&d->c);
        (void)kd_cur_take(&d->c, 10);
        mac = kd_cur_take(&d->c, 8);
    } else {
        (void)kd_cur_take(&d->c, 6);
        mac = kd_cur_take(&d->c, 8);
        type = kd_cur_be16(&d->c);
    }
    if (!kd_cur_ok(&d->c)) {
        bad(d, KD_ODD_SLL_SHORT);
        return;
    }
    memcpy(d->p->src_mac.b, mac.p, 6);
    ethertype(d, type);
}

void kd_packet_decode(const struct kd_captured *frame, unsigned tunnel_depth, struct kd_packet *ret)
{
    /* In pieces that compilers write as plain stores: this is for every packet, and the instruction for long runs starts
     * slowly. */
    enum { CLEARED = offsetof(struct kd_packet, icmp), PIECE = 64 };
    for (size_t at = 0; at < CLEARED; at += PIECE)
        memset((uint8_t *)ret + at, 0, CLEARED - at < PIECE ? CLEARED - at : PIECE);
    ret->ts_us = frame->ts_us;
    ret->length = frame->length;
    if (frame->vlan != 0) /* the card has taken it off the frame */
        note_tag(ret, frame->vlan);
    struct decode d = {.p = ret, .c = kd_cur_of(frame->bytes), .depth = tunnel_depth};
    if (frame->length > frame->bytes.n)
        d.missing = frame->length - frame->bytes.n;
    switch (frame->link) {
    case KD_LINK_ETHERNET:
        ethernet(&d);
        break;
    case KD_LINK_RAW:
    case KD_LINK_RAW_BSD:
    case KD_LINK_RAW_OPENBSD:
    case KD_LINK_IPV4:
    case KD_LINK_IPV6:
        ip_by_nibble(&d);
        break;
    case KD_LINK_NULL:
    case KD_LINK_LOOP:
        by_family(&d, kd_cur_le32(&d.c));
        break;
    case KD_LINK_LINUX_SLL:
        cooked(&d, false);
        break;
    case KD_LINK_LINUX_SLL2:
        cooked(&d, true);
        break;
    case KD_LINK_PPP:
        if (kd_cur_peek(&d.c) == 0xff) /* address and control, RFC 1662 */
            (void)kd_cur_take(&d.c, 2);
        ppp_protocol(&d);
        break;
    default:
        ret->kind = KD_PACKET_OTHER;
        break;
    }
    if (frame->bytes.n < frame->length)
        ret->truncated = true;
}

void kd_packet_transport(struct kd_packet *p, struct kd_bytes ip_payload, unsigned tunnel_depth)
{
    struct decode d = {.p = p, .c = kd_cur_of(ip_payload), .depth = tunnel_depth};
    p->payload_wire = (uint32_t)ip_payload.n;
    p->truncated = false;
    transport(&d);
}
