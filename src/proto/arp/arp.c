/* SPDX-License-Identifier: Apache-2.0 */
/* ARP for IPv4 over Ethernet (RFC 826, RFC 5227): every message is a record. */
#include "proto/parser.h"

enum { MESSAGE_MAX = 1500, ETHERNET = 1, IEEE_802 = 6, IPV4 = 0x0800, REQUEST = 1, REPLY = 2 };

static struct kd_mac take_mac(struct kd_cur *c)
{
    struct kd_mac mac = {{0}};
    struct kd_bytes b = kd_cur_take(c, sizeof(mac.b));
    if (b.n == sizeof(mac.b))
        memcpy(mac.b, b.p, b.n);
    return mac;
}

static struct kd_addr take_addr(struct kd_cur *c)
{
    static const struct kd_addr none;
    static const uint8_t zero[4];
    struct kd_bytes b = kd_cur_take(c, sizeof(zero));
    return b.n != sizeof(zero) || memcmp(b.p, zero, b.n) == 0 ? none : kd_addr_v4(b.p);
}

static enum kd_status arp_message(struct kd_ctx *ctx, enum kd_dir dir, struct kd_bytes msg)
{
    (void)dir;
    struct kd_cur c = kd_cur_of(msg);
    unsigned link = kd_cur_be16(&c);
    unsigned net = kd_cur_be16(&c);
    unsigned n_link = kd_cur_u8(&c);
    unsigned n_net = kd_cur_u8(&c);
    unsigned op = kd_cur_be16(&c);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    /* Other networks and operations (RARP, inverse ARP) are rare and lawful. */
    if ((link != ETHERNET && link != IEEE_802) || net != IPV4 || n_link != 6 || n_net != 4 ||
        (op != REQUEST && op != REPLY))
        return KD_OK;
    struct kd_rec_arp rec = {.sender_mac = take_mac(&c)};
    rec.sender_ip = take_addr(&c);
    rec.target_mac = take_mac(&c);
    rec.target_ip = take_addr(&c);
    if (!kd_cur_ok(&c))
        return KD_TRUNCATED;
    /* RFC 5227 §3: somebody tells his own address, by either kind of message. */
    bool announce = !kd_addr_is_none(&rec.sender_ip) && kd_addr_eq(&rec.sender_ip, &rec.target_ip);
    rec.opcode = kd_str(announce ? "announce" : op == REQUEST ? "request" : "reply");
    const struct kd_mac *frame = &ctx->conn->client_mac;
    if (!kd_mac_is_none(frame) && memcmp(frame->b, rec.sender_mac.b, sizeof(frame->b)) != 0)
        kd_anomaly(ctx, "arp_sender_is_not_frame_source", 8);
    kd_emit(ctx, KD_REC_ARP, &rec);
    return KD_OK;
}

const struct kd_parser kd_parser_arp = {
    .name = "arp",
    .summary = "Address Resolution Protocol",
    .app = KD_APP_ARP,
    .over = KD_OVER_ARP,
    .max_message = MESSAGE_MAX,
    .message = arp_message,
};
