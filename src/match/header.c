/* SPDX-License-Identifier: Apache-2.0 */
/* What the headers of a packet say, read where a rule asks. */
#include "match/internal.h"

/* ---- where headers are ---- */

static struct kd_bytes part(struct kd_bytes b, size_t n)
{
    return b.n < n ? kd_str(NULL) : kd_bytes_head(b, n);
}

static struct kd_bytes ipv4_header(const struct kd_packet *p)
{
    size_t n = (size_t)(kd_bytes_at(p->ip, 0) & 15) * 4;
    return p->ip_version == 4 && n >= 20 ? part(p->ip, n) : kd_str(NULL);
}

/* With its extension headers. */
static struct kd_bytes ipv6_header(const struct kd_packet *p)
{
    if (p->ip_version != 6 || p->ip.n < 40)
        return kd_str(NULL);
    bool behind = p->segment.p > p->ip.p && p->segment.p <= p->ip.p + p->ip.n;
    return kd_bytes_head(p->ip, behind ? (size_t)(p->segment.p - p->ip.p) : 40);
}

static struct kd_bytes tcp_header(const struct kd_packet *p)
{
    size_t n = (size_t)(kd_bytes_at(p->segment, 12) >> 4) * 4;
    return p->proto == KD_IP_TCP && n >= 20 ? part(p->segment, n) : kd_str(NULL);
}

/* Of some types more belongs to it than the first eight bytes: timestamps and masks (RFC 792, 950), a router's list of
 * addresses (RFC 1256). */
static size_t icmp_header(struct kd_bytes icmp)
{
    enum { COMMON = 8, ROUTER = 9, TIMESTAMP = 13, TIMESTAMP_REPLY, MASK = 17, MASK_REPLY };
    switch (kd_bytes_at(icmp, 0)) {
    case ROUTER:
        return COMMON + (size_t)kd_bytes_at(icmp, 4) * kd_bytes_at(icmp, 5) * 4;
    case TIMESTAMP:
    case TIMESTAMP_REPLY:
        return COMMON + 12;
    case MASK:
    case MASK_REPLY:
        return COMMON + 4;
    default:
        return COMMON;
    }
}

bool m_header_bytes(const struct kd_packet *p, enum kd_inspect in, struct kd_bytes *ret)
{
    *ret = kd_str(NULL);
    switch (in) {
    case KD_IN_IPV4_HDR:
        *ret = ipv4_header(p);
        break;
    case KD_IN_IPV6_HDR:
        *ret = ipv6_header(p);
        break;
    case KD_IN_TCP_HDR:
        *ret = tcp_header(p);
        break;
    case KD_IN_UDP_HDR:
        if (p->proto == KD_IP_UDP)
            *ret = part(p->segment, 8);
        break;
    case KD_IN_ICMPV4_HDR:
        if (p->proto == KD_IP_ICMP)
            *ret = kd_bytes_head(p->segment, icmp_header(p->segment));
        break;
    case KD_IN_ICMPV6_HDR:
        if (p->proto == KD_IP_ICMPV6)
            *ret = kd_bytes_head(p->segment, 8);
        break;
    case KD_IN_IGMP_HDR:
        if (p->proto == KD_IP_IGMP)
            *ret = p->segment;
        break;
    case KD_IN_SCTP_HDR:
        if (p->proto == KD_IP_SCTP)
            *ret = part(p->segment, 12);
        break;
    default:
        break;
    }
    return ret->n > 0;
}

/* ---- options ---- */

/* The data of an option (kind, length, data) in a list as IPv4 and TCP have it; *ret_n: of the whole option. */
static bool option_at(struct kd_bytes options, uint8_t kind, struct kd_bytes *ret)
{
    struct kd_cur c = kd_cur_of(options);
    while (kd_cur_more(&c)) {
        uint8_t k = kd_cur_u8(&c);
        if (k == kind && k <= 1) {
            *ret = kd_str(NULL);
            return true;
        }
        if (k == 0)
            return false;
        if (k == 1)
            continue;
        uint8_t n = kd_cur_u8(&c);
        struct kd_bytes data = kd_cur_take(&c, n < 2 ? SIZE_MAX : n - 2u);
        if (!kd_cur_ok(&c))
            return false;
        if (k == kind) {
            *ret = data;
            return true;
        }
    }
    return false;
}

bool m_header_option(const struct kd_packet *p, unsigned option, bool any)
{
    struct kd_bytes h = ipv4_header(p), data;
    if (h.n <= 20)
        return false;
    return any || option_at(kd_bytes_from(h, 20), (uint8_t)option, &data);
}

static bool tcp_option(const struct kd_packet *p, uint8_t kind, size_t n, struct kd_bytes *ret)
{
    struct kd_bytes h = tcp_header(p);
    return h.n > 20 && option_at(kd_bytes_from(h, 20), kind, ret) && ret->n == n;
}

bool m_header_chunk(const struct kd_packet *p, unsigned i, uint8_t *ret_type, struct kd_bytes *ret_data)
{
    enum { HEADER = 12 };
    if (p->proto != KD_IP_SCTP || p->segment.n < HEADER)
        return false;
    struct kd_cur c = kd_cur_of(kd_bytes_from(p->segment, HEADER));
    for (unsigned at = 0; kd_cur_left(&c) >= 4; at++) {
        uint8_t type = kd_cur_u8(&c);
        (void)kd_cur_u8(&c);
        size_t n = kd_cur_be16(&c);
        if (n < 4)
            return false;
        struct kd_bytes data = kd_cur_take(&c, kd_min_size(n - 4, kd_cur_left(&c)));
        (void)kd_cur_take(&c, kd_min_size((4 - n % 4) % 4, kd_cur_left(&c)));
        if (at == i) {
            *ret_type = type;
            *ret_data = data;
            return true;
        }
    }
    return false;
}

/* ---- numbers ---- */

static unsigned chunks(const struct kd_packet *p)
{
    unsigned n = 0;
    uint8_t type;
    struct kd_bytes data;
    while (m_header_chunk(p, n, &type, &data))
        n++;
    return n;
}

static bool icmp_echo(const struct kd_packet *p)
{
    return (p->proto == KD_IP_ICMP && (p->sport == 0 || p->sport == 8 || (p->sport >= 13 && p->sport <= 18))) ||
           (p->proto == KD_IP_ICMPV6 && (p->sport == 128 || p->sport == 129));
}

static bool tcp_number(const struct kd_packet *p, enum kd_number id, uint64_t *ret)
{
    struct kd_bytes option;
    switch (id) {
    case KD_NUM_SEQ:
        *ret = p->seq;
        return true;
    case KD_NUM_ACK:
        *ret = p->ack;
        return true;
    case KD_NUM_WINDOW:
        *ret = p->window;
        return true;
    case KD_NUM_TCP_MSS: {
        bool has = tcp_option(p, 2, 2, &option);
        *ret = has ? kd_bytes_be16(option, 0) : 0;
        return has;
    }
    case KD_NUM_TCP_WSCALE: {
        bool has = tcp_option(p, 3, 1, &option);
        *ret = has ? kd_bytes_at(option, 0) : 0;
        return has;
    }
    default:
        return false;
    }
}

static bool icmp_number(const struct kd_packet *p, enum kd_number id, uint64_t *ret)
{
    switch (id) {
    case KD_NUM_ITYPE:
        *ret = p->sport;
        return true;
    case KD_NUM_ICODE:
        *ret = p->dport;
        return true;
    case KD_NUM_ICMP_ID:
        *ret = kd_bytes_be16(p->icmp, 4);
        return icmp_echo(p) && p->icmp.n >= 8;
    case KD_NUM_ICMP_SEQ:
        *ret = kd_bytes_be16(p->icmp, 6);
        return icmp_echo(p) && p->icmp.n >= 8;
    case KD_NUM_ICMPV6_MTU: /* packet too big */
        *ret = kd_bytes_be32(p->icmp, 4);
        return p->proto == KD_IP_ICMPV6 && p->sport == 2 && p->icmp.n >= 8;
    default:
        return false;
    }
}

bool m_header_number(const struct kd_packet *p, enum kd_number id, uint64_t *ret)
{
    switch (id) {
    case KD_NUM_TTL:
        *ret = p->ttl;
        return p->ip_version != 0;
    case KD_NUM_TOS:
        *ret = kd_bytes_at(p->ip, 1);
        return p->ip_version == 4;
    case KD_NUM_IP_ID:
        *ret = kd_bytes_be16(p->ip, 4);
        return p->ip_version == 4 && p->ip.n >= 20;
    case KD_NUM_FRAGOFFSET:
        *ret = p->ip_version == 4 ? kd_bytes_be16(p->ip, 6) & 0x1fffu : p->frag_offset / 8;
        return p->ip_version != 0;
    case KD_NUM_DSIZE:
        *ret = p->payload_wire;
        return p->kind == KD_PACKET_IP;
    case KD_NUM_VLAN_LAYERS:
        *ret = p->tags;
        return true;
    case KD_NUM_IGMP_TYPE:
        *ret = kd_bytes_at(p->segment, 0);
        return p->kind == KD_PACKET_IP && p->proto == KD_IP_IGMP && p->segment.n > 0;
    case KD_NUM_SCTP_VTAG:
        *ret = kd_bytes_be32(p->segment, 4);
        return p->kind == KD_PACKET_IP && p->proto == KD_IP_SCTP && p->segment.n >= 12;
    case KD_NUM_SCTP_CHUNK_CNT:
        *ret = chunks(p);
        return p->kind == KD_PACKET_IP && p->proto == KD_IP_SCTP && p->segment.n >= 12;
    default:
        break;
    }
    if (p->kind != KD_PACKET_IP)
        return false;
    if (p->proto == KD_IP_TCP)
        return tcp_number(p, id, ret);
    return (p->proto == KD_IP_ICMP || p->proto == KD_IP_ICMPV6) && icmp_number(p, id, ret);
}

/* ---- checksums ---- */

static uint32_t add_up(uint32_t sum, struct kd_bytes b)
{
    for (size_t i = 0; i + 1 < b.n; i += 2)
        sum += kd_bytes_be16(b, i);
    if (b.n % 2 != 0)
        sum += (uint32_t)kd_bytes_at(b, b.n - 1) << 8;
    return sum;
}

static bool is_zero(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

/* RFC 1071, with the pseudo header of RFC 9293 and RFC 8200. */
static bool sum_of_segment(const struct kd_packet *p, bool pseudo)
{
    uint32_t sum = 0;
    if (pseudo) {
        unsigned from = p->ip_version == 4 ? 12 : 0;
        sum = add_up(sum, kd_bytes_of(p->src.b + from, 16 - from));
        sum = add_up(sum, kd_bytes_of(p->dst.b + from, 16 - from));
        sum += (uint32_t)p->segment.n + p->proto;
    }
    return is_zero(add_up(sum, p->segment));
}

bool m_header_sum_valid(const struct kd_packet *p, unsigned which, bool *ret_valid)
{
    static const struct {
        uint8_t version, proto;
        bool pseudo;
    } of[] = {
        [KD_CSUM_TCPV4] = {4, KD_IP_TCP, true},      [KD_CSUM_TCPV6] = {6, KD_IP_TCP, true},
        [KD_CSUM_UDPV4] = {4, KD_IP_UDP, true},      [KD_CSUM_UDPV6] = {6, KD_IP_UDP, true},
        [KD_CSUM_ICMPV4] = {4, KD_IP_ICMP, false},   [KD_CSUM_ICMPV6] = {6, KD_IP_ICMPV6, true},
        [KD_CSUM_IGMP] = {4, KD_IP_IGMP, false},
    };
    if (which == KD_CSUM_IPV4) {
        struct kd_bytes h = ipv4_header(p);
        *ret_valid = is_zero(add_up(0, h));
        return h.n > 0;
    }
    if (which >= KD_COUNT(of) || p->kind != KD_PACKET_IP || p->truncated || p->ip_version != of[which].version ||
        p->proto != of[which].proto || p->segment.n == 0)
        return false;
    bool none = which == KD_CSUM_UDPV4 && kd_bytes_be16(p->segment, 6) == 0; /* left out: RFC 768 */
    *ret_valid = none || sum_of_segment(p, of[which].pseudo);
    return true;
}
