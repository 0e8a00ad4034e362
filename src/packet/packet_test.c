/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/packet.h"

#include "../../tests/tap.h"

/* Frames are built from the inside out: each wrapper puts its header before what is there. */
struct frame {
    uint8_t room[512];
    size_t start;
    uint32_t link;
};

static void put(struct frame *f, const void *head, size_t n)
{
    f->start -= n;
    memcpy(f->room + f->start, head, n);
}

#define PUT(f, ...)                                                                               \
    do {                                                                                          \
        static const uint8_t head_[] = {__VA_ARGS__};                                             \
        put(f, head_, sizeof(head_));                                                             \
    } while (0)

static size_t size_of(const struct frame *f)
{
    return sizeof(f->room) - f->start;
}

static void ipv4(struct frame *f, uint8_t proto)
{
    size_t n = size_of(f) + 20;
    const uint8_t head[20] = {0x45, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 1, 0, 0, 64, proto, 0, 0,
                              10, 1, 2, 3, 10, 1, 0, 5};
    put(f, head, sizeof(head));
}

static void ipv6(struct frame *f, uint8_t next)
{
    size_t n = size_of(f);
    uint8_t head[40] = {0x60, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n, next, 64, 0x20, 1, 0xd, 0xb8};
    head[23] = 1;
    head[24] = 0x20, head[25] = 1, head[26] = 0xd, head[27] = 0xb8, head[39] = 2;
    put(f, head, sizeof(head));
}

static void udp(struct frame *f, uint16_t dport)
{
    size_t n = size_of(f) + 8;
    const uint8_t head[8] = {0xc0, 0x00, (uint8_t)(dport >> 8), (uint8_t)dport, (uint8_t)(n >> 8), (uint8_t)n, 0, 0};
    put(f, head, sizeof(head));
}

static void ether(struct frame *f, uint16_t type)
{
    const uint8_t head[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, (uint8_t)(type >> 8), (uint8_t)type};
    put(f, head, sizeof(head));
}

static struct frame hello(void)
{
    struct frame f = {.start = sizeof(f.room), .link = KD_LINK_ETHERNET};
    put(&f, "hello", 5);
    return f;
}

static struct frame dns_in_ipv4(void)
{
    struct frame f = hello();
    udp(&f, 53);
    ipv4(&f, KD_IP_UDP);
    return f;
}

static struct kd_packet decode(const struct frame *f, size_t cut, unsigned depth)
{
    /* An exact heap copy: the sanitizer sees any read past the end. */
    size_t n = size_of(f) - cut;
    uint8_t *copy = malloc(n > 0 ? n : 1);
    memcpy(copy, f->room + f->start, n);
    struct kd_captured c = {.ts_us = 1, .link = f->link, .length = (uint32_t)size_of(f), .bytes = kd_bytes_of(copy, n)};
    struct kd_packet p;
    kd_packet_decode(&c, depth, &p);
    p.payload.p = NULL; /* gone with the copy */
    free(copy);
    return p;
}

static void is_hello(const struct frame *f, uint8_t tunnels, uint16_t vlan)
{
    struct kd_packet p = decode(f, 0, 5);
    CHECK(p.kind == KD_PACKET_IP && p.proto == KD_IP_UDP && p.dport == 53 && p.sport == 0xc000);
    CHECK(p.payload.n == 5 && p.payload_wire == 5 && !p.truncated);
    CHECK(p.tunnels == tunnels && p.vlan == vlan);
    for (size_t cut = 1; cut <= size_of(f); cut++) {
        struct kd_packet q = decode(f, cut, 5);
        CHECK(q.kind != KD_PACKET_IP || q.truncated);
    }
}

static void link_layers(void)
{
    struct frame f = dns_in_ipv4();
    ether(&f, 0x0800);
    is_hello(&f, 0, 0);

    f = dns_in_ipv4();
    PUT(&f, 0x00, 0x07, 0x08, 0x00);
    PUT(&f, 0x00, 0x64, 0x81, 0x00);
    ether(&f, 0x88a8);
    is_hello(&f, 0, 7);

    f = dns_in_ipv4();
    PUT(&f, 0, 0, 0x01, 0x40, 0, 0, 0x21, 0x40);
    PUT(&f, 0, 0x01, 0x00, 0x40);
    f.start += 8; /* one label, bottom of stack below */
    f = dns_in_ipv4();
    PUT(&f, 0, 0x01, 0x01, 0x40);
    PUT(&f, 0, 0x02, 0x00, 0x40);
    ether(&f, 0x8847);
    is_hello(&f, 0, 0);

    f = dns_in_ipv4();
    PUT(&f, 0x11, 0, 0, 1, 0, 35, 0x00, 0x21);
    ether(&f, 0x8864);
    is_hello(&f, 0, 0);

    f = dns_in_ipv4();
    f.link = KD_LINK_RAW;
    is_hello(&f, 0, 0);

    f = dns_in_ipv4();
    PUT(&f, 0, 0, 0, 2);
    f.link = KD_LINK_LOOP;
    is_hello(&f, 0, 0);

    f = dns_in_ipv4();
    PUT(&f, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 0x08, 0x00);
    f.link = KD_LINK_LINUX_SLL;
    is_hello(&f, 0, 0);

    f = dns_in_ipv4();
    PUT(&f, 0x08, 0x00, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0);
    f.link = KD_LINK_LINUX_SLL2;
    is_hello(&f, 0, 0);
}

static void tunnels(void)
{
    struct frame f = dns_in_ipv4();
    PUT(&f, 0, 0, 0x08, 0x00);
    ipv4(&f, 47);
    ether(&f, 0x0800);
    is_hello(&f, 1, 0);

    f = dns_in_ipv4(); /* ERSPAN II: GRE with sequence number, 8 bytes, Ethernet */
    ether(&f, 0x0800);
    PUT(&f, 0x10, 0x01, 0, 0, 0, 0, 0, 0);
    PUT(&f, 0x10, 0x00, 0x88, 0xbe, 0, 0, 0, 1);
    ipv4(&f, 47);
    ether(&f, 0x0800);
    is_hello(&f, 1, 1);

    f = dns_in_ipv4(); /* ERSPAN III without platform header */
    ether(&f, 0x0800);
    PUT(&f, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    PUT(&f, 0x10, 0x00, 0x22, 0xeb, 0, 0, 0, 1);
    ipv4(&f, 47);
    ether(&f, 0x0800);
    is_hello(&f, 1, 0);

    f = dns_in_ipv4();
    ether(&f, 0x0800);
    PUT(&f, 0x08, 0, 0, 0, 0, 0, 7, 0);
    udp(&f, 4789);
    ipv4(&f, KD_IP_UDP);
    ether(&f, 0x0800);
    is_hello(&f, 1, 0);

    f = dns_in_ipv4();
    ether(&f, 0x0800);
    PUT(&f, 0x01, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 0, 0);
    udp(&f, 6081);
    ipv6(&f, KD_IP_UDP);
    ether(&f, 0x86dd);
    is_hello(&f, 1, 0);

    f = dns_in_ipv4();
    PUT(&f, 0x32, 0xff, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0);
    udp(&f, 2152);
    ipv4(&f, KD_IP_UDP);
    ether(&f, 0x0800);
    is_hello(&f, 1, 0);

    f = dns_in_ipv4();
    ipv4(&f, 4);
    ipv4(&f, 4);
    ether(&f, 0x0800);
    is_hello(&f, 2, 0);

    f = hello();
    udp(&f, 53);
    ipv6(&f, KD_IP_UDP);
    ipv4(&f, 41);
    ether(&f, 0x0800);
    is_hello(&f, 1, 0);
}

static void tunnels_end_at_the_limit(void)
{
    struct frame f = dns_in_ipv4();
    for (int i = 0; i < 7; i++)
        ipv4(&f, 4);
    ether(&f, 0x0800);
    struct kd_packet p = decode(&f, 0, 5);
    CHECK(p.kind == KD_PACKET_IP && p.tunnels == 5 && p.proto == 4);
}

static void ipv6_extensions_and_fragments(void)
{
    struct frame f = hello();
    udp(&f, 53);
    PUT(&f, 17, 0, 1, 4, 0, 0, 0, 0); /* destination options */
    PUT(&f, 60, 0, 1, 4, 0, 0, 0, 0); /* hop by hop */
    ipv6(&f, 0);
    ether(&f, 0x86dd);
    is_hello(&f, 0, 0);

    f = hello();
    PUT(&f, 17, 0, 0x00, 0x09, 0, 0, 0, 42);
    ipv6(&f, 44);
    ether(&f, 0x86dd);
    struct kd_packet p = decode(&f, 0, 5);
    CHECK(p.kind == KD_PACKET_FRAGMENT && p.frag_offset == 8 && p.frag_more && p.frag_id == 42 && p.payload.n == 5);
}

static void tcp_options_and_flags(void)
{
    struct frame f = hello();
    PUT(&f, 0xc0, 0, 0, 80, 0, 0, 0, 9, 0, 0, 0, 7, 0x60, 0x18, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0);
    ipv4(&f, KD_IP_TCP);
    ether(&f, 0x0800);
    struct kd_packet p = decode(&f, 0, 5);
    CHECK(p.kind == KD_PACKET_IP && p.seq == 9 && p.ack == 7 && p.tcp_flags == (KD_TCP_PSH | KD_TCP_ACK));
    CHECK(p.payload.n == 5 && p.payload_wire == 5);
    struct kd_packet cut = decode(&f, 3, 5);
    CHECK(cut.truncated && cut.payload.n == 2 && cut.payload_wire == 5);
}

static void padding_is_not_payload(void)
{
    struct frame f = {.start = sizeof(f.room), .link = KD_LINK_ETHERNET};
    PUT(&f, 0, 0, 0, 0, 0, 0);
    put(&f, "hello", 5);
    const uint8_t head[8] = {0xc0, 0, 0, 53, 0, 13, 0, 0};
    put(&f, head, 8);
    const uint8_t ip[20] = {0x45, 0, 0, 33, 0, 1, 0, 0, 64, 17, 0, 0, 10, 1, 2, 3, 10, 1, 0, 5};
    put(&f, ip, 20);
    ether(&f, 0x0800);
    struct kd_packet p = decode(&f, 0, 5);
    CHECK(p.kind == KD_PACKET_IP && p.payload.n == 5 && !p.truncated);
}

static void icmp_error_names_its_packet(void)
{
    struct frame f = dns_in_ipv4();
    PUT(&f, 3, 3, 0, 0, 0, 0, 0, 0);
    ipv4(&f, KD_IP_ICMP);
    ether(&f, 0x0800);
    struct kd_packet p = decode(&f, 0, 5);
    CHECK(p.has_inner && p.inner_proto == KD_IP_UDP && p.inner_dport == 53 && p.inner_src.b[15] == 3);
}

static void bad_headers_are_named(void)
{
    struct frame f = hello();
    PUT(&f, 0x44, 0, 0, 25, 0, 0, 0, 0, 64, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8); /* header of 16 bytes */
    ether(&f, 0x0800);
    struct kd_packet p = decode(&f, 0, 5);
    CHECK(p.kind == KD_PACKET_BAD && p.odd[0] == KD_ODD_IPV4_HEADER);
}

int main(void)
{
    RUN(link_layers);
    RUN(tunnels);
    RUN(tunnels_end_at_the_limit);
    RUN(ipv6_extensions_and_fragments);
    RUN(tcp_options_and_flags);
    RUN(padding_is_not_payload);
    RUN(icmp_error_names_its_packet);
    RUN(bad_headers_are_named);
    return tap_done();
}
