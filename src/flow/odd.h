/* SPDX-License-Identifier: Apache-2.0 */
/* What is odd about a TCP packet at its place in the conversation (RFC 9293), by the names of stream-event.  Only for
 * rules that ask. */
#ifndef KD_FLOW_ODD_H
#define KD_FLOW_ODD_H

#include "flow/flow.h"

/* id, name */
#define KD_TCP_ODDITIES(X)                                                                         \
    X(SYN_FIN, "fin_syn")                                                                          \
    X(BROKEN_ACK, "pkt_broken_ack")                                                                \
    X(INVALID_ACK, "pkt_invalid_ack")                                                              \
    X(RETRANSMISSION, "pkt_retransmission")                                                        \
    X(SYN_SYNACK_DIRECTION, "3whs_synack_in_wrong_direction")                                      \
    X(SYN_SYNACK_ACK, "3whs_synack_with_wrong_ack")                                                \
    X(RECV_SYNACK_TO_SERVER, "3whs_synack_toserver_on_syn_recv")                                   \
    X(RECV_SYNACK_ACK, "3whs_synack_resend_with_different_ack")                                    \
    X(RECV_SYNACK_SEQ, "3whs_synack_resend_with_diff_seq")                                         \
    X(RECV_SYN_TO_CLIENT, "3whs_syn_toclient_on_syn_recv")                                         \
    X(RECV_SYN_SEQ, "3whs_syn_resend_diff_seq_on_syn_recv")                                        \
    X(RECV_WRONG_BOTH, "3whs_wrong_seq_wrong_ack")                                                 \
    X(RECV_WRONG_ACK, "3whs_right_seq_wrong_ack_evasion")                                          \
    X(EST_SYNACK_TO_SERVER, "est_synack_toserver")                                                 \
    X(EST_SYNACK, "est_synack_resend")                                                             \
    X(EST_SYNACK_ACK, "est_synack_resend_with_different_ack")                                      \
    X(EST_SYNACK_SEQ, "est_synack_resend_with_diff_seq")                                           \
    X(EST_SYN_TO_CLIENT, "est_syn_toclient")                                                       \
    X(EST_SYN, "est_syn_resend")                                                                   \
    X(EST_SYN_SEQ, "est_syn_resend_diff_seq")                                                      \
    X(EST_ACK, "est_invalid_ack")                                                                  \
    X(EST_BEFORE, "est_pkt_before_last_ack")                                                       \
    X(SHUTDOWN_SYN, "shutdown_syn_resend")                                                         \
    X(RST_ACK, "rst_invalid_ack")                                                                  \
    X(RST_ALONE, "rst_but_no_session")                                                             \
    X(RST_INJECTED, "suspected_rst_inject")                                                        \
    X(FIN_ALONE, "fin_but_no_session")                                                             \
    X(GAP, "reassembly_seq_gap")                                                                   \
    X(TIMESTAMP, "pkt_invalid_timestamp")                                                          \
    X(OVERLAP, "reassembly_overlap_different_data")

enum kd_tcp_odd {
#define KD_TCP_ODD_ID(id, name) KD_TCP_ODD_##id,
    KD_TCP_ODDITIES(KD_TCP_ODD_ID)
#undef KD_TCP_ODD_ID
        KD_TCP_ODD_COUNT
};

extern const char *const kd_tcp_odd_names[KD_TCP_ODD_COUNT]; /* with "stream." before it */

/* A client's SYN: its timestamp (RFC 7323) is remembered until the server speaks, in f->isn[1] and f->seq[1].  Behind
 * kd_tcp_state(). */
void kd_tcp_odd_syn(struct kd_flow *f, const struct kd_packet *p);

/* Of this packet, before kd_tcp_state() has seen it: bits, 1 << enum kd_tcp_odd. */
uint64_t kd_tcp_odd(const struct kd_flow *f, const struct kd_packet *p, unsigned dir);

#endif
