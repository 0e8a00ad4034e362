/* SPDX-License-Identifier: Apache-2.0 */
#include "base/addr.h"

#include <arpa/inet.h>

void kd_out_addr(struct kd_out *o, const struct kd_addr *a)
{
    if (kd_addr_is_none(a))
        return;
    if (kd_addr_is_v4(a)) {
        for (unsigned i = 12; i < 16; i++) {
            if (i > 12)
                kd_out_u8(o, '.');
            kd_out_u64(o, a->b[i]);
        }
        return;
    }
    char text[INET6_ADDRSTRLEN];
    if (inet_ntop(AF_INET6, a->b, text, sizeof(text)) != NULL)
        kd_out_str(o, text);
}

struct kd_bytes kd_addr_view(const struct kd_addr *a, uint8_t room[KD_ADDR_ROOM])
{
    struct kd_out o = kd_out_of(room, KD_ADDR_ROOM);
    kd_out_addr(&o, a);
    return kd_out_bytes_view(&o);
}

const char *kd_addr_text(const struct kd_addr *a, char room[KD_ADDR_ROOM])
{
    struct kd_out o = kd_out_of(room, KD_ADDR_ROOM - 1);
    kd_out_addr(&o, a);
    room[o.n] = '\0';
    return room;
}

void kd_out_mac(struct kd_out *o, const struct kd_mac *m)
{
    kd_out_hex_sep(o, kd_bytes_of(m->b, sizeof(m->b)), ':');
}

bool kd_addr_parse(struct kd_bytes text, struct kd_addr *ret)
{
    char tmp[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof(tmp))
        return false;
    memcpy(tmp, text.p, text.n);
    tmp[text.n] = '\0';
    uint8_t v4[4];
    if (inet_pton(AF_INET, tmp, v4) == 1) {
        *ret = kd_addr_v4(v4);
        return true;
    }
    return inet_pton(AF_INET6, tmp, ret->b) == 1;
}

bool kd_net_parse(struct kd_bytes text, struct kd_net *ret)
{
    struct kd_bytes bits = text;
    struct kd_bytes head = kd_bytes_cut(&bits, '/');
    struct kd_net net = {.bits = 128};
    if (!kd_addr_parse(head, &net.addr))
        return false;
    if (head.n < text.n) {
        bool v4 = kd_addr_is_v4(&net.addr);
        uint64_t n = 0;
        if (!kd_bytes_to_u64(bits, v4 ? 32 : 128, &n))
            return false;
        net.bits = (uint8_t)(v4 ? n + 96 : n);
    }
    *ret = net;
    return true;
}

bool kd_net_has(const struct kd_net *net, const struct kd_addr *a)
{
    unsigned whole = net->bits / 8;
    unsigned rest = net->bits % 8;
    if (memcmp(net->addr.b, a->b, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((unsigned)(net->addr.b[whole] ^ a->b[whole]) & mask) == 0;
}

bool kd_addr_is_multicast(const struct kd_addr *a)
{
    if (!kd_addr_is_v4(a))
        return a->b[0] == 0xff;
    static const uint8_t broadcast[4] = {255, 255, 255, 255};
    return (a->b[12] & 0xf0) == 0xe0 || memcmp(a->b + 12, broadcast, 4) == 0;
}

bool kd_addr_is_loopback(const struct kd_addr *a)
{
    static const struct kd_addr one = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    return kd_addr_is_v4(a) ? a->b[12] == 127 : kd_addr_eq(a, &one);
}

bool kd_addr_is_link_local(const struct kd_addr *a)
{
    if (kd_addr_is_v4(a))
        return a->b[12] == 169 && a->b[13] == 254;
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool kd_addr_is_private(const struct kd_addr *a)
{
    if (!kd_addr_is_v4(a))
        return (a->b[0] & 0xfe) == 0xfc;
    uint8_t first = a->b[12];
    uint8_t second = a->b[13];
    return first == 10 || (first == 172 && (second & 0xf0) == 16) ||
           (first == 192 && second == 168) || (first == 100 && (second & 0xc0) == 64);
}
