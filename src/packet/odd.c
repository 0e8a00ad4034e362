/* SPDX-License-Identifier: Apache-2.0 */
/* The closer look at headers: what decoding steps over because nothing but rules about oddities asks for it. */
#include "packet/packet.h"

const char *const kd_odd_names[KD_ODD_COUNT] = {
#define KD_ODD(id, name) "decoder." name,
#include "packet/odd.def"
#undef KD_ODD
};

void kd_packet_odd(struct kd_packet *p, enum kd_odd odd)
{
    for (unsigned i = 0; i < p->n_odd; i++)
        if (p->odd[i] == odd)
            return;
    if (p->n_odd < KD_PACKET_ODD)
        p->odd[p->n_odd++] = (uint8_t)odd;
}

static bool test_and_set(uint64_t seen[4], uint8_t bit)
{
    bool was = (seen[bit / 64] >> (bit % 64) & 1) != 0;
    seen[bit / 64] |= (uint64_t)1 << (bit % 64);
    return was;
}

/* ---- IPv4: RFC 791, 1108, 2113, 4782 ---- */

/* Shortest and longest lengths of options that have one; 0: not known here. */
static bool ipv4_option_length_ok(uint8_t type, uint8_t n, bool *ret_known)
{
    static const struct {
        uint8_t type, least, most;
    } rows[] = {{7, 3, 40},   {25, 8, 8},   {68, 5, 40},  {130, 11, 11}, {131, 3, 40}, {133, 3, 40},
                {134, 6, 40}, {136, 4, 4},  {137, 3, 40}, {148, 4, 4}};
    for (size_t i = 0; i < KD_COUNT(rows); i++)
        if (rows[i].type == type) {
            *ret_known = true;
            return n >= rows[i].least && n <= rows[i].most;
        }
    *ret_known = false;
    return true;
}

static void ipv4_options(struct kd_packet *p, struct kd_bytes in)
{
    uint64_t seen[4] = {0};
    struct kd_cur c = kd_cur_of(in);
    if (in.n % 8 != 0)
        kd_packet_odd(p, KD_ODD_IPV4_OPTION_PAD);
    while (kd_cur_more(&c)) {
        bool known = true;
        uint8_t type = kd_cur_u8(&c);
        if (type == 0)
            return;
        if (type == 1)
            continue;
        uint8_t n = kd_cur_u8(&c);
        if (!kd_cur_ok(&c) || n < 2 || n - 2u > kd_cur_left(&c)) {
            kd_packet_odd(p, KD_ODD_IPV4_OPTION_LENGTH);
            return;
        }
        (void)kd_cur_take(&c, n - 2u);
        if (!ipv4_option_length_ok(type, n, &known))
            kd_packet_odd(p, KD_ODD_IPV4_OPTION_LENGTH);
        else if (!known)
            kd_packet_odd(p, KD_ODD_IPV4_OPTION_UNKNOWN);
        else if (test_and_set(seen, type))
            kd_packet_odd(p, KD_ODD_IPV4_OPTION_TWICE);
    }
}

static void ipv4(struct kd_packet *p)
{
    enum { HEADER = 20 };
    size_t header = (size_t)(kd_bytes_at(p->ip, 0) & 15) * 4;
    if (p->ip.n < header || header < HEADER)
        return;
    if (kd_bytes_be16(p->ip, 2) > p->ip.n)
        kd_packet_odd(p, KD_ODD_IPV4_TRUNCATED);
    if (header > HEADER)
        ipv4_options(p, kd_bytes_of(p->ip.p + HEADER, header - HEADER));
    if (p->ip.p[9] == KD_IP_ICMPV6)
        kd_packet_odd(p, KD_ODD_IPV4_ICMPV6);
}

/* ---- IPv6: RFC 8200 ---- */

/* Options of a hop-by-hop or destination header. */
static void ipv6_options(struct kd_packet *p, struct kd_bytes in, bool hop)
{
    struct kd_cur c = kd_cur_of(in);
    bool only_padding = true;
    while (kd_cur_more(&c)) {
        uint8_t type = kd_cur_u8(&c);
        if (type == 0)
            continue;
        uint8_t n = kd_cur_u8(&c);
        if (!kd_cur_ok(&c) || n > kd_cur_left(&c)) {
            kd_packet_odd(p, KD_ODD_IPV6_OPTION_LENGTH);
            return;
        }
        (void)kd_cur_take(&c, n);
        if (type == 1) {
            if (n == 0)
                kd_packet_odd(p, KD_ODD_IPV6_PAD_EMPTY);
            continue;
        }
        only_padding = false;
        /* router alert, jumbo payload, home address, and those registered since: RPL, tunnel limit, quick start */
        if (type != 5 && type != 0xc2 && type != 0xc9 && type != 4 && type != 0x26 && type != 0x23 && type != 0x63)
            kd_packet_odd(p, hop ? KD_ODD_IPV6_HOP_UNKNOWN : KD_ODD_IPV6_DESTINATION_UNKNOWN);
        if ((type == 5 && n != 2) || (type == 0xc2 && n != 4) || (type == 0xc9 && n != 16))
            kd_packet_odd(p, KD_ODD_IPV6_OPTION_LENGTH);
    }
    if (only_padding)
        kd_packet_odd(p, hop ? KD_ODD_IPV6_HOP_PADDING : KD_ODD_IPV6_DESTINATION_PADDING);
}

static void ipv6_twice(struct kd_packet *p, unsigned kind, unsigned seen)
{
    /* Destination options may stand before and behind a routing header. */
    if (kind == 0 && seen > 1)
        kd_packet_odd(p, KD_ODD_IPV6_HOP_TWICE);
    if (kind == 43 && seen > 1)
        kd_packet_odd(p, KD_ODD_IPV6_ROUTING_TWICE);
    if (kind == 44 && seen > 1)
        kd_packet_odd(p, KD_ODD_IPV6_FRAGMENT_TWICE);
    if (kind == 51 && seen > 1)
        kd_packet_odd(p, KD_ODD_IPV6_AH_TWICE);
    if (kind == 60 && seen > 2)
        kd_packet_odd(p, KD_ODD_IPV6_DESTINATION_TWICE);
}

/* False: what is behind cannot be told (a fragment that is no whole packet). */
static bool ipv6_fragment(struct kd_packet *p, struct kd_bytes h)
{
    unsigned offset = kd_bytes_be16(h, 2);
    if (h.p[1] != 0 || (offset & 6) != 0)
        kd_packet_odd(p, KD_ODD_IPV6_FRAGMENT_RESERVED);
    if ((offset & 0xfff9) == 0)
        kd_packet_odd(p, KD_ODD_IPV6_FRAGMENT_USELESS);
    return (offset & 0xfff9) == 0;
}

static bool is_ipv6_extension(unsigned next)
{
    return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 135 || next == 139 || next == 140;
}

static void ipv6(struct kd_packet *p)
{
    enum { HEADER = 40, EXTENSIONS = 40 };
    if (p->ip.n < HEADER)
        return;
    if (kd_bytes_be16(p->ip, 4) > p->ip.n - HEADER)
        kd_packet_odd(p, KD_ODD_IPV6_TRUNCATED);
    unsigned next = p->ip.p[6];
    uint8_t seen[256] = {0};
    size_t length = kd_bytes_be16(p->ip, 4);
    struct kd_cur c = kd_cur_of(kd_bytes_from(p->ip, HEADER));
    if (length > 0)
        c = kd_cur_of(kd_bytes_head(kd_bytes_from(p->ip, HEADER), length));
    unsigned i = 0;
    for (; i < EXTENSIONS && is_ipv6_extension(next); i++) {
        unsigned kind = next;
        struct kd_cur at = c;
        next = kd_cur_u8(&at);
        size_t n = kd_cur_u8(&at);
        n = kind == 44 ? 8 : kind == 51 ? (n + 2) * 4 : (n + 1) * 8;
        ipv6_twice(p, kind, ++seen[kind]);
        struct kd_bytes h = kd_cur_take(&c, n);
        if (h.n < 8) {
            kd_packet_odd(p, KD_ODD_IPV6_EXTENSION);
            return;
        }
        if (kind == 0 || kind == 60)
            ipv6_options(p, kd_bytes_from(h, 2), kind == 0);
        if (kind == 43 && h.p[2] == 0)
            kd_packet_odd(p, KD_ODD_IPV6_ROUTING_0);
        if (kind == 51 && kd_bytes_be16(h, 2) != 0)
            kd_packet_odd(p, KD_ODD_IPV6_AH_RESERVED);
        if (kind == 44 && (!ipv6_fragment(p, h) || seen[44] > 1))
            return;
    }
    if (i > 0 && next != 59 && kd_cur_left(&c) < 2) /* headers that lead to nothing */
        kd_packet_odd(p, KD_ODD_IPV6_EXTENSION);
    if (next == 59 && kd_cur_more(&c))
        kd_packet_odd(p, KD_ODD_IPV6_BEHIND_NONE);
    if (next == KD_IP_ICMP)
        kd_packet_odd(p, KD_ODD_IPV6_ICMPV4);
    if (next == 4 && kd_cur_more(&c) && kd_cur_peek(&c) >> 4 != 4)
        kd_packet_odd(p, KD_ODD_IPV6_IPV4_VERSION);
    if (next == 41 && kd_cur_more(&c) && kd_cur_peek(&c) >> 4 != 6)
        kd_packet_odd(p, KD_ODD_IPV6_IPV6_VERSION);
}

/* ---- transports ---- */

/* RFC 9293, 7323, 2018. */
static void tcp(struct kd_packet *p)
{
    enum { HEADER = 20 };
    uint64_t seen[4] = {0};
    size_t header = (size_t)(kd_bytes_at(p->segment, 12) >> 4) * 4;
    if (header <= HEADER || header > p->segment.n)
        return;
    struct kd_cur c = kd_cur_of(kd_bytes_of(p->segment.p + HEADER, header - HEADER));
    while (kd_cur_more(&c)) {
        uint8_t kind = kd_cur_u8(&c);
        if (kind == 0)
            return;
        if (kind == 1)
            continue;
        uint8_t n = kd_cur_u8(&c);
        if (!kd_cur_ok(&c) || n < 2 || n - 2u > kd_cur_left(&c)) {
            kd_packet_odd(p, KD_ODD_TCP_OPTION_LENGTH);
            return;
        }
        (void)kd_cur_take(&c, n - 2u);
        if ((kind == 2 && n != 4) || (kind == 3 && n != 3) || (kind == 4 && n != 2) || (kind == 8 && n != 10) ||
            (kind == 5 && (n > 34 || (n - 2) % 8 != 0))) /* an empty one is harmless */
            kd_packet_odd(p, KD_ODD_TCP_OPTION_LENGTH);
        else if ((kind == 2 || kind == 3 || kind == 4 || kind == 5 || kind == 8) && test_and_set(seen, kind))
            kd_packet_odd(p, KD_ODD_TCP_OPTION_TWICE);
    }
}

/* RFC 792, 950, 1256. */
static void icmpv4(struct kd_packet *p)
{
    static const uint8_t codes[] = {1, 0, 0, 16, 1, 4, 0, 0, 1, 17, 1, 2, 3, 1, 1, 1, 1, 1, 1}; /* by type: how many */
    unsigned type = kd_bytes_at(p->icmp, 0), code = kd_bytes_at(p->icmp, 1);
    if (p->icmp.n < 8)
        kd_packet_odd(p, KD_ODD_ICMPV4_SHORT);
    else if (type >= KD_COUNT(codes) || codes[type] == 0)
        kd_packet_odd(p, KD_ODD_ICMPV4_TYPE);
    else if (code >= codes[type])
        kd_packet_odd(p, KD_ODD_ICMPV4_CODE);
}

/* RFC 4443, 4861, 2710, 3810. */
static void icmpv6(struct kd_packet *p)
{
    unsigned type = kd_bytes_at(p->icmp, 0);
    if (p->icmp.n < 8)
        kd_packet_odd(p, KD_ODD_ICMPV6_SHORT);
    else if ((type >= 130 && type <= 132) || type == 143) {
        if (p->ttl != 1)
            kd_packet_odd(p, KD_ODD_ICMPV6_MLD_HOPS);
    } else if (type == 0 || (type > 4 && type < 100) || (type > 101 && type < 127) || (type > 161 && type < 200)) {
        kd_packet_odd(p, KD_ODD_ICMPV6_TYPE);
    }
}

/* RFC 1112, 2236, 3376. */
static void igmp(struct kd_packet *p)
{
    enum { V3_QUERY = 12, QUERY = 0x11, V3_REPORT = 0x22 };
    struct kd_bytes m = p->segment;
    unsigned type = kd_bytes_at(m, 0);
    if (m.n < 8)
        kd_packet_odd(p, KD_ODD_IGMP_SHORT);
    else if (type == QUERY && m.n > 8) {
        if (m.n < V3_QUERY)
            kd_packet_odd(p, KD_ODD_IGMP_V3_SHORT);
        else if (m.n < V3_QUERY + (size_t)kd_bytes_be16(m, 10) * 4)
            kd_packet_odd(p, KD_ODD_IGMP_MALFORMED);
    } else if (type == V3_REPORT && m.n < 8 + (size_t)kd_bytes_be16(m, 6) * 8)
        kd_packet_odd(p, KD_ODD_IGMP_MALFORMED);
}

/* RFC 9260: common header, then chunks. */
static void sctp(struct kd_packet *p)
{
    enum { HEADER = 12, CHUNKS = 16 };
    struct kd_cur c = kd_cur_of(kd_bytes_from(p->segment, HEADER));
    if (p->segment.n < HEADER) {
        kd_packet_odd(p, KD_ODD_SCTP_SHORT);
        return;
    }
    for (unsigned i = 0; kd_cur_left(&c) >= 4; i++) {
        if (i == CHUNKS) {
            kd_packet_odd(p, KD_ODD_SCTP_CHUNKS);
            return;
        }
        (void)kd_cur_be16(&c);
        size_t n = kd_cur_be16(&c);
        (void)kd_cur_take(&c, n < 4 ? 0 : kd_min_size((n + 3) / 4 * 4 - 4, kd_cur_left(&c)));
    }
}

void kd_packet_look_closer(struct kd_packet *p)
{
    enum { ESP = 50 };
    if (p->kind == KD_PACKET_BAD && p->ip_version == 0)
        return;
    if (p->kind == KD_PACKET_BAD && p->odd[0] >= KD_ODD_IPV4_SHORT && p->odd[0] <= KD_ODD_IPV4_VERSION)
        return; /* no header to look into */
    if (p->ip_version == 4)
        ipv4(p);
    else if (p->ip_version == 6)
        ipv6(p);
    if (p->kind != KD_PACKET_IP)
        return;
    switch (p->proto) {
    case KD_IP_TCP:
        tcp(p);
        break;
    case KD_IP_ICMP:
        icmpv4(p);
        break;
    case KD_IP_ICMPV6:
        icmpv6(p);
        break;
    case KD_IP_IGMP:
        igmp(p);
        break;
    case KD_IP_SCTP:
        sctp(p);
        break;
    case ESP:
        if (p->segment.n < 8)
            kd_packet_odd(p, KD_ODD_ESP_SHORT);
        break;
    default:
        break;
    }
}
