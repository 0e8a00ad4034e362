/* SPDX-License-Identifier: Apache-2.0 */
/* An IP address of either family.  IPv4 is kept as ::ffff:a.b.c.d, so that one comparison and one
 * hash serve both.  The unspecified address (all zero) means "none". */
#ifndef KD_BASE_ADDR_H
#define KD_BASE_ADDR_H

#include "base/out.h"

struct kd_addr {
    uint8_t b[16];
};

struct kd_mac {
    uint8_t b[6];
};

/* A prefix; `bits` counts within the 128-bit form (an IPv4 /24 is 120). */
struct kd_net {
    struct kd_addr addr;
    uint8_t bits;
};

static inline struct kd_addr kd_addr_v4(const uint8_t b[4])
{
    struct kd_addr a = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3]}};
    return a;
}

static inline struct kd_addr kd_addr_v6(const uint8_t b[16])
{
    struct kd_addr a;
    memcpy(a.b, b, sizeof(a.b));
    return a;
}

static inline bool kd_addr_is_v4(const struct kd_addr *a)
{
    static const uint8_t head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(a->b, head, sizeof(head)) == 0;
}

static inline bool kd_addr_eq(const struct kd_addr *a, const struct kd_addr *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline int kd_addr_cmp(const struct kd_addr *a, const struct kd_addr *b)
{
    return memcmp(a->b, b->b, sizeof(a->b));
}

static inline bool kd_addr_is_none(const struct kd_addr *a)
{
    static const struct kd_addr none;
    return kd_addr_eq(a, &none);
}

static inline bool kd_mac_is_none(const struct kd_mac *m)
{
    static const struct kd_mac none;
    return memcmp(m->b, none.b, sizeof(m->b)) == 0;
}

/* Text forms: dotted quad, RFC 5952, aa:bb:cc:dd:ee:ff.  Nothing is written for "none". */
void kd_out_addr(struct kd_out *o, const struct kd_addr *a);
void kd_out_mac(struct kd_out *o, const struct kd_mac *m);

/* The same as a view into `room`, and as a C string there. */
enum { KD_ADDR_ROOM = 48 };
struct kd_bytes kd_addr_view(const struct kd_addr *a, uint8_t room[KD_ADDR_ROOM]);
const char *kd_addr_text(const struct kd_addr *a, char room[KD_ADDR_ROOM]);

/* Strict parsers of the same forms; a prefix without "/n" is a single address. */
KD_MUST_USE bool kd_addr_parse(struct kd_bytes text, struct kd_addr *ret);
KD_MUST_USE bool kd_net_parse(struct kd_bytes text, struct kd_net *ret);
bool kd_net_has(const struct kd_net *net, const struct kd_addr *a);

/* What kind of address, by the IANA registries (RFC 6890): multicast or broadcast; loopback;
 * link-local; private (RFC 1918, RFC 4193, RFC 6598). */
bool kd_addr_is_multicast(const struct kd_addr *a);
bool kd_addr_is_loopback(const struct kd_addr *a);
bool kd_addr_is_link_local(const struct kd_addr *a);
bool kd_addr_is_private(const struct kd_addr *a);

#endif
