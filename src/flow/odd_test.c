/* SPDX-License-Identifier: Apache-2.0 */
/* Every row: the packets of a conversation, and what must be odd about the last one. */
#include "flow/odd.h"
#include "flow/tcp.h"

#include "../../tests/tap.h"

enum { S = KD_TCP_SYN, A = KD_TCP_ACK, F = KD_TCP_FIN, R = KD_TCP_RST, NONE = -1 };

struct step {
    unsigned dir;
    uint32_t seq, ack;
    uint8_t flags;
    uint32_t n;
};

#define OPEN {0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {0, 101, 501, A, 0}

static const struct {
    struct step step[8];
    int odd;
} rows[] = {
    {{{0, 100, 0, S, 0}}, NONE},
    {{{0, 100, 0, S | F, 0}}, KD_TCP_ODD_SYN_FIN},
    {{{0, 100, 7, S, 0}}, KD_TCP_ODD_BROKEN_ACK},
    {{{0, 100, 0, R, 0}}, KD_TCP_ODD_RST_ALONE},
    {{{0, 100, 7, F | A, 0}}, KD_TCP_ODD_FIN_ALONE},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}}, NONE},
    {{{0, 100, 0, S, 0}, {1, 500, 150, S | A, 0}}, KD_TCP_ODD_SYN_SYNACK_ACK},
    {{{0, 100, 0, S, 0}, {0, 100, 7, S | A, 0}}, KD_TCP_ODD_SYN_SYNACK_DIRECTION},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {1, 501, 101, S | A, 0}}, KD_TCP_ODD_RECV_SYNACK_SEQ},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {1, 500, 102, S | A, 0}}, KD_TCP_ODD_RECV_SYNACK_ACK},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {0, 200, 501, S | A, 0}}, KD_TCP_ODD_RECV_SYNACK_TO_SERVER},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {1, 500, 0, S, 0}}, KD_TCP_ODD_RECV_SYN_TO_CLIENT},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {0, 200, 0, S, 0}}, KD_TCP_ODD_RECV_SYN_SEQ},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {0, 150, 900, A, 0}}, KD_TCP_ODD_RECV_WRONG_BOTH},
    {{{0, 100, 0, S, 0}, {1, 500, 101, S | A, 0}, {0, 101, 900, A, 0}}, KD_TCP_ODD_RECV_WRONG_ACK},
    {{OPEN}, NONE},
    {{OPEN, {0, 101, 501, A, 10}}, NONE},
    {{OPEN, {0, 101, 900, A, 10}}, KD_TCP_ODD_EST_ACK},
    {{OPEN, {0, 101, 501, A, 10}, {0, 101, 501, A, 10}}, KD_TCP_ODD_RETRANSMISSION},
    {{OPEN, {1, 500, 101, S | A, 0}}, KD_TCP_ODD_EST_SYNACK},
    {{OPEN, {1, 500, 102, S | A, 0}}, KD_TCP_ODD_EST_SYNACK_ACK},
    {{OPEN, {1, 700, 101, S | A, 0}}, KD_TCP_ODD_EST_SYNACK_SEQ},
    {{OPEN, {0, 700, 501, S | A, 0}}, KD_TCP_ODD_EST_SYNACK_TO_SERVER},
    {{OPEN, {0, 100, 0, S, 0}}, KD_TCP_ODD_EST_SYN},
    {{OPEN, {0, 700, 0, S, 0}}, KD_TCP_ODD_EST_SYN_SEQ},
    {{OPEN, {1, 700, 0, S, 0}}, KD_TCP_ODD_EST_SYN_TO_CLIENT},
    {{OPEN, {1, 501, 101, R | A, 0}}, NONE},
    {{OPEN, {1, 501, 900, R | A, 0}}, KD_TCP_ODD_RST_ACK},
    {{OPEN, {1, 501, 101, R | A, 0}, {1, 900, 101, R | A, 0}}, KD_TCP_ODD_RST_INJECTED},
};

static void oddities(void)
{
    for (size_t i = 0; i < KD_COUNT(rows); i++) {
        struct kd_flow f = {0};
        uint64_t odd = 0;
        for (unsigned k = 0; k < 8 && rows[i].step[k].flags != 0; k++) {
            const struct step *s = &rows[i].step[k];
            struct kd_packet p = {.seq = s->seq, .ack = s->ack, .tcp_flags = s->flags, .payload_wire = s->n, .proto = KD_IP_TCP};
            f.packets[s->dir]++;
            odd = kd_tcp_odd(&f, &p, s->dir);
            kd_tcp_state(&f, &p, s->dir);
        }
        bool ok = rows[i].odd == NONE ? odd == 0 : (odd >> rows[i].odd & 1) != 0;
        if (!ok)
            printf("# row %zu: %llx\n", i, (unsigned long long)odd);
        CHECK(ok);
    }
}

/* Who resets a connection in the server's name does not know the SYN's timestamp. */
static void timestamps_that_echo_nothing(void)
{
    uint8_t bare[20] = {[12] = 5 << 4};
    uint8_t header[32] = {[12] = 8 << 4, [20] = 1, [21] = 1, [22] = 8, [23] = 10, [27] = 77};
    struct kd_packet syn = {.seq = 100, .tcp_flags = S, .proto = KD_IP_TCP, .segment = kd_bytes_of(header, sizeof(header))};
    for (unsigned echo = 76; echo <= 77; echo++) {
        uint8_t answer[32] = {[12] = 8 << 4, [20] = 1, [21] = 1, [22] = 8, [23] = 10, [27] = 5, [31] = (uint8_t)echo};
        struct kd_packet p = {.seq = 7, .ack = 101, .tcp_flags = R | A, .proto = KD_IP_TCP, .segment = kd_bytes_of(answer, sizeof(answer))};
        struct kd_flow f = {.packets = {1, 0}};
        CHECK((kd_tcp_odd(&f, &syn, 0) >> KD_TCP_ODD_TIMESTAMP & 1) == 0);
        kd_tcp_state(&f, &syn, 0);
        kd_tcp_odd_syn(&f, &syn);
        f.packets[1]++;
        CHECK((kd_tcp_odd(&f, &p, 1) >> KD_TCP_ODD_TIMESTAMP & 1) == (echo != 77));
        struct kd_flow without = {.packets = {1, 1}, .tcp_flags = {S, 0}, .state = KD_FLOW_NEW};
        struct kd_packet none = {.seq = 7, .tcp_flags = R | A, .segment = kd_bytes_of(bare, sizeof(bare))};
        CHECK((kd_tcp_odd(&without, &p, 1) >> KD_TCP_ODD_TIMESTAMP & 1) == 1);
        CHECK((kd_tcp_odd(&without, &none, 1) >> KD_TCP_ODD_TIMESTAMP & 1) == 0);
    }
}

int main(void)
{
    RUN(oddities);
    RUN(timestamps_that_echo_nothing);
    return tap_done();
}
