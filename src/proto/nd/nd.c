/* SPDX-License-Identifier: Apache-2.0 */
/* IPv6 neighbour discovery (RFC 4861): the ICMPv6 messages 133 to 137, told as arp records. */
#include "proto/parser.h"

enum { MESSAGE_MAX = 65535 };
enum { ROUTER_SOLICIT = 133, ROUTER_ADVERT, NEIGHBOUR_SOLICIT, NEIGHBOUR_ADVERT, REDIRECT };
enum { OPT_SOURCE = 1, OPT_TARGET = 2 };

struct links {
    struct kd_mac source, target; /* by the options; none when absent */
};

/* RFC 4861 §4.6: units of eight bytes.  False when an option goes beyond the message. */
static bool options(struct kd_cur *c, struct links *ret)
{
    while (kd_cur_more(c)) {
        uint8_t type = kd_cur_u8(c);
        size_t n = (size_t)kd_cur_u8(c) * 8;
        if (n == 0)
            return false;
        struct kd_bytes value = kd_cur_take(c, n - 2);
        if (!kd_cur_ok(c))
            return false;
        struct kd_mac *at = type == OPT_SOURCE   ? &ret->source
                            : type == OPT_TARGET ? &ret->target
                                                 : NULL;
        if (at != NULL && value.n >= sizeof(at->b))
            memcpy(at->b, value.p, sizeof(at->b));
    }
    return true;
}

static struct kd_addr take_addr(struct kd_cur *c)
{
    static const struct kd_addr none;
    struct kd_bytes b = kd_cur_take(c, 16);
    return b.n == 16 ? kd_addr_v6(b.p) : none;
}

/* Without an option the frame tells the sender: these messages never pass a router (RFC 4861 §3.1).
 */
static struct kd_mac either(const struct kd_mac *option, const struct kd_mac *frame)
{
    return kd_mac_is_none(option) ? *frame : *option;
}

static enum kd_status nd_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    enum { SOLICITED = 0x40000000 };
    bool back = dir == KD_TO_CLIENT;
    const struct kd_conn *conn = ctx->conn;
    const struct kd_addr *src = back ? &conn->server : &conn->client;
    const struct kd_addr *dst = back ? &conn->client : &conn->server;
    const struct kd_mac *frame = back ? &conn->server_mac : &conn->client_mac;
    struct kd_cur c = kd_cur_of(msg);
    uint8_t type = kd_cur_u8(&c);
    (void)kd_cur_take(&c, 3); /* code, checksum */
    uint32_t flags = kd_cur_be32(&c);
    struct kd_addr target = {{0}};
    if (type == ROUTER_ADVERT)
        (void)kd_cur_take(&c, 8); /* times */
    else if (type != ROUTER_SOLICIT)
        target = take_addr(&c);
    if (type == REDIRECT)
        (void)kd_cur_take(&c, 16); /* whose packets are redirected */
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    struct links links = {0};
    if (!options(&c, &links))
        kd_anomaly(ctx, "nd_broken_options", c.taken);
    struct kd_rec_arp rec = {.sender_ip = *src, .target_ip = target};
    rec.sender_mac = either(&links.source, frame);
    switch (type) {
    case ROUTER_SOLICIT:
        rec.opcode = kd_str("router_request");
        break;
    case ROUTER_ADVERT:
        rec.opcode = kd_str("router_announce");
        break;
    case NEIGHBOUR_SOLICIT:
        rec.opcode = kd_str("request");
        break;
    case NEIGHBOUR_ADVERT: /* the target is who speaks, perhaps through a proxy */
        rec.opcode = kd_str(flags & SOLICITED ? "reply" : "announce");
        rec.sender_ip = target;
        rec.sender_mac = either(&links.target, frame);
        rec.target_ip = kd_addr_is_multicast(dst) ? target : *dst;
        break;
    case REDIRECT:
        rec.opcode = kd_str("redirect");
        rec.target_mac = links.target;
        break;
    default:
        return KD_UNSUPPORTED;
    }
    kd_emit(ctx, KD_REC_ARP, &rec);
    return KD_OK;
}

const struct kd_parser kd_parser_nd = {
    .name = "nd",
    .summary = "IPv6 Neighbour Discovery",
    .app = KD_APP_ARP,
    .over = KD_OVER_ND,
    .max_message = MESSAGE_MAX,
    .message = nd_message,
};
