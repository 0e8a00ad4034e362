/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/odd.h"

const char *const kd_tcp_odd_names[KD_TCP_ODD_COUNT] = {
#define KD_TCP_ODD_NAME(id, name) "stream." name,
    KD_TCP_ODDITIES(KD_TCP_ODD_NAME)
#undef KD_TCP_ODD_NAME
};

enum { MOST_WINDOW = 65535 << 14 }; /* RFC 7323 */

static int32_t distance(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static uint64_t bit(bool holds, enum kd_tcp_odd odd)
{
    return (uint64_t)holds << odd;
}

/* Only the client has spoken. */
static uint64_t on_syn_sent(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    bool synack = (p->tcp_flags & (KD_TCP_SYN | KD_TCP_ACK)) == (KD_TCP_SYN | KD_TCP_ACK);
    if (!synack || (f->tcp_flags[0] & KD_TCP_SYN) == 0)
        return 0;
    return bit(dir == 0, KD_TCP_ODD_SYN_SYNACK_DIRECTION) |
           bit(dir == 1 && p->ack != f->isn[0] + 1 && p->ack != f->seq[0], KD_TCP_ODD_SYN_SYNACK_ACK);
}

static uint64_t on_half_open(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    bool syn = (p->tcp_flags & KD_TCP_SYN) != 0, ack = (p->tcp_flags & KD_TCP_ACK) != 0;
    bool wrong_ack = distance(p->ack, f->seq[1]) > 0 || distance(p->ack, f->isn[1]) <= 0;
    if (syn && ack)
        return bit(dir == 0, KD_TCP_ODD_RECV_SYNACK_TO_SERVER) |
               bit(dir == 1 && p->ack != f->isn[0] + 1 && p->ack != f->seq[0], KD_TCP_ODD_RECV_SYNACK_ACK) |
               bit(dir == 1 && p->seq != f->isn[1], KD_TCP_ODD_RECV_SYNACK_SEQ);
    if (syn)
        return bit(dir == 1, KD_TCP_ODD_RECV_SYN_TO_CLIENT) |
               bit(dir == 0 && p->seq != f->isn[0], KD_TCP_ODD_RECV_SYN_SEQ);
    if (dir != 0 || !ack || !wrong_ack)
        return 0;
    return bit(p->seq != f->seq[0], KD_TCP_ODD_RECV_WRONG_BOTH) |
           bit(p->seq == f->seq[0], KD_TCP_ODD_RECV_WRONG_ACK);
}

static uint64_t on_established(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    bool syn = (p->tcp_flags & KD_TCP_SYN) != 0, ack = (p->tcp_flags & KD_TCP_ACK) != 0;
    if (syn && ack)
        return bit(dir == 0, KD_TCP_ODD_EST_SYNACK_TO_SERVER) |
               bit(dir == 1 && p->ack != f->isn[0] + 1, KD_TCP_ODD_EST_SYNACK_ACK) |
               bit(dir == 1 && p->seq != f->isn[1], KD_TCP_ODD_EST_SYNACK_SEQ) |
               bit(dir == 1 && p->ack == f->isn[0] + 1 && p->seq == f->isn[1], KD_TCP_ODD_EST_SYNACK);
    if (syn)
        return bit(dir == 1, KD_TCP_ODD_EST_SYN_TO_CLIENT) |
               bit(dir == 0 && p->seq != f->isn[0], KD_TCP_ODD_EST_SYN_SEQ) |
               bit(dir == 0 && p->seq == f->isn[0], KD_TCP_ODD_EST_SYN);
    /* Something acknowledged that was never sent. */
    bool known = f->tcp_flags[dir ^ 1] != 0 && f->tcp_flags[dir] != 0;
    bool beyond = ack && known && distance(p->ack, f->seq[dir ^ 1]) > 0;
    bool again = p->payload_wire > 0 && f->tcp_flags[dir] != 0 &&
                 distance(p->seq + p->payload_wire, f->seq[dir]) <= 0;
    bool before = again && distance(f->seq[dir], p->seq) > MOST_WINDOW;
    return bit(beyond, KD_TCP_ODD_EST_ACK) | bit(beyond, KD_TCP_ODD_INVALID_ACK) |
           bit(again, KD_TCP_ODD_RETRANSMISSION) | bit(before, KD_TCP_ODD_EST_BEFORE);
}

static uint64_t on_reset(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    bool alone = f->packets[0] + f->packets[1] <= 1;
    bool known = f->tcp_flags[dir ^ 1] != 0;
    bool ack = (p->tcp_flags & KD_TCP_ACK) != 0 && known && distance(p->ack, f->seq[dir ^ 1]) > 0;
    /* Another reset that stands elsewhere: who guesses sends several. */
    bool second = (f->tcp_flags[dir] & KD_TCP_RST) != 0 && p->seq != f->seq[dir];
    return bit(alone, KD_TCP_ODD_RST_ALONE) | bit(!alone && ack, KD_TCP_ODD_RST_ACK) |
           bit(!alone && ack, KD_TCP_ODD_INVALID_ACK) | bit(second, KD_TCP_ODD_RST_INJECTED);
}

/* The timestamp option; false: there is none. */
static bool timestamps(const struct kd_packet *p, uint32_t *ret_value, uint32_t *ret_echo)
{
    enum { HEADER = 20, END = 0, NOP = 1, TIMESTAMP = 8, LENGTH = 10 };
    size_t n = (size_t)(kd_bytes_at(p->segment, 12) >> 4) * 4;
    struct kd_cur c = kd_cur_of(kd_bytes_from(kd_bytes_head(p->segment, n), HEADER));
    while (kd_cur_more(&c)) {
        uint8_t kind = kd_cur_u8(&c);
        if (kind == END)
            return false;
        if (kind == NOP)
            continue;
        uint8_t length = kd_cur_u8(&c);
        struct kd_bytes data = kd_cur_take(&c, length < 2 ? SIZE_MAX : length - 2u);
        if (!kd_cur_ok(&c))
            return false;
        if (kind == TIMESTAMP && length == LENGTH) {
            *ret_value = kd_bytes_be32(data, 0);
            *ret_echo = kd_bytes_be32(data, 4);
            return true;
        }
    }
    return false;
}

void kd_tcp_odd_syn(struct kd_flow *f, const struct kd_packet *p)
{
    uint32_t value, echo;
    bool first = (p->tcp_flags & (KD_TCP_SYN | KD_TCP_ACK)) == KD_TCP_SYN && f->tcp_flags[1] == 0;
    if (first && timestamps(p, &value, &echo))
        f->isn[1] = f->seq[1] = value != 0 ? value : UINT32_MAX; /* 0: there was none */
}

/* What comes as the server's first word echoes the SYN's timestamp, and has none when that had none; who made it up does
 * not know that. */
static bool echoes_nothing(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    uint32_t value, echo;
    bool waits = dir == 1 && (f->tcp_flags[0] & KD_TCP_SYN) != 0 && (f->tcp_flags[1] & KD_TCP_SYN) == 0;
    if (!waits || !timestamps(p, &value, &echo))
        return false;
    return f->isn[1] == 0 || (echo != 0 && echo != f->isn[1]);
}

uint64_t kd_tcp_odd(const struct kd_flow *f, const struct kd_packet *p, unsigned dir)
{
    unsigned flags = p->tcp_flags;
    bool syn = (flags & KD_TCP_SYN) != 0;
    uint64_t odd = bit(syn && (flags & KD_TCP_FIN) != 0, KD_TCP_ODD_SYN_FIN) |
                   bit((flags & KD_TCP_ACK) == 0 && p->ack != 0 && (flags & KD_TCP_RST) == 0, KD_TCP_ODD_BROKEN_ACK) |
                   bit(echoes_nothing(f, p, dir), KD_TCP_ODD_TIMESTAMP);
    if (flags & KD_TCP_RST)
        return odd | on_reset(f, p, dir);
    switch ((enum kd_flow_state)f->state) {
    case KD_FLOW_NEW:
        if (f->packets[0] + f->packets[1] <= 1)
            return odd | bit(!syn && (flags & KD_TCP_FIN) != 0, KD_TCP_ODD_FIN_ALONE);
        return odd | on_syn_sent(f, p, dir);
    case KD_FLOW_HALF_OPEN:
        return odd | on_half_open(f, p, dir);
    case KD_FLOW_ESTABLISHED:
        return odd | on_established(f, p, dir);
    case KD_FLOW_CLOSED:
        return odd | bit(syn && p->seq == f->isn[dir], KD_TCP_ODD_SHUTDOWN_SYN);
    default:
        return odd;
    }
}
