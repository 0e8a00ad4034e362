/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule's match tells of packets that are no conversation's: IGMP, RGMP, SCTP. */
#include "engine/internal.h"

enum { IGMP_QUERY = 0x11, IGMP_V1_REPORT = 0x12, IGMP_V3_REPORT = 0x22, IGMP_V3_QUERY_BYTES = 12, RGMP_FIRST = 0xfc };

/* RFC 3376 7.1: a query tells its version by its length and its second byte. */
static uint8_t igmp_version(struct kd_bytes in)
{
    switch (kd_bytes_at(in, 0)) {
    case IGMP_QUERY:
        return in.n >= IGMP_V3_QUERY_BYTES ? 3 : kd_bytes_at(in, 1) == 0 ? 1 : 2;
    case IGMP_V1_REPORT:
        return 1;
    case IGMP_V3_REPORT:
        return 3;
    default:
        return 2;
    }
}

static void tell_igmp(const struct kd_packet *p, struct kd_rec_signature *rec)
{
    static const uint8_t rgmp_group[4] = {224, 0, 0, 25};
    struct kd_addr group = kd_addr_v4(rgmp_group);
    uint8_t type = kd_bytes_at(p->segment, 0);
    if (p->segment.n == 0)
        return;
    if (type >= RGMP_FIRST && kd_addr_eq(&p->dst, &group)) { /* RFC 3488 */
        rec->rgmp_type = type;
        return;
    }
    rec->igmp_type = type;
    rec->igmp_version = igmp_version(p->segment);
}

/* RFC 9260 3.2 */
static const char *chunk_name(uint8_t type)
{
    static const char *const names[] = {
        "data", "init", "init_ack", "sack", "heartbeat", "heartbeat_ack", "abort", "shutdown", "shutdown_ack", "error",
        "cookie_echo", "cookie_ack", "ecne", "cwr", "shutdown_complete", "auth"};
    return type < KD_COUNT(names) ? names[type] : "unknown";
}

static void tell_sctp(const struct kd_packet *p, struct kd_told_packet *told, struct kd_rec_signature *rec)
{
    enum { HEADER = 12, DATA = 0, INIT = 1, INIT_ACK = 2, ABORT = 6 };
    struct kd_cur c = kd_cur_of(kd_bytes_from(p->segment, HEADER));
    if (p->segment.n < HEADER)
        return;
    told->sctp = (struct kd_sctp_packet){.vtag = kd_bytes_be32(p->segment, 4), .types = {told->types, 0}};
    while (kd_cur_left(&c) >= 4) {
        uint8_t type = kd_cur_u8(&c);
        (void)kd_cur_u8(&c);
        size_t n = kd_cur_be16(&c);
        if (n < 4)
            break;
        (void)kd_cur_take(&c, kd_min_size((n + 3) / 4 * 4 - 4, kd_cur_left(&c)));
        if (told->sctp.types.n < KD_COUNT(told->types))
            told->types[told->sctp.types.n++] = kd_str(chunk_name(type));
        told->sctp.count++;
        told->sctp.has_init |= type == INIT;
        told->sctp.has_init_ack |= type == INIT_ACK;
        told->sctp.has_data |= type == DATA;
        told->sctp.has_abort |= type == ABORT;
    }
    rec->sctp = (struct kd_list){&told->sctp, 1};
}

void kd_engine_match_packet(const struct kd_packet *p, struct kd_told_packet *told, struct kd_rec_signature *rec)
{
    if (p->kind != KD_PACKET_IP)
        return;
    if (p->proto == KD_IP_IGMP)
        tell_igmp(p, rec);
    else if (p->proto == KD_IP_SCTP)
        tell_sctp(p, told, rec);
}
