/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations: the table that finds them, the clock that ends them, the budget that bounds them.
 *
 * One slot per conversation, taken from one array; nothing is allocated per packet.  A slot never moves,
 * so a pointer to it is good until its end callback returns.  Single-threaded. */
#ifndef KD_FLOW_FLOW_H
#define KD_FLOW_FLOW_H

#include "base/limits.h"
#include "packet/packet.h"

enum kd_flow_state {
    KD_FLOW_NEW,         /* only one side has spoken */
    KD_FLOW_HALF_OPEN,   /* TCP: answered, not confirmed */
    KD_FLOW_ESTABLISHED,
    KD_FLOW_CLOSED,      /* TCP: both ended it */
    KD_FLOW_RESET,
    KD_FLOW_REFUSED      /* reset before it began, or ICMP says there is nothing */
};

enum kd_flow_end {
    KD_END_TIMEOUT,
    KD_END_FIN,
    KD_END_RST,
    KD_END_FORCED, /* the capture ends */
    KD_END_BUDGET, /* its slot was needed */
    KD_END_UPDATE  /* no end: a long one tells how it stands */
};

enum kd_flow_flag {
    KD_FLOW_MIDSTREAM = 1,
    KD_FLOW_OPAQUE = 2,    /* nothing more is parsed */
    KD_FLOW_DEGRADED = 4,  /* detail was given up for lack of memory */
    KD_FLOW_TICK = 8,      /* a parser wants to be called while nothing comes */
    KD_FLOW_ALERTED = 16,  /* the engine's: a rule matched */
    KD_FLOW_UNACKED = 32   /* the engine's: records wait for the frame that acknowledges their data */
};

struct kd_flow {
    struct kd_addr client, server;
    uint16_t client_port, server_port; /* ICMP: type and code of the request */
    uint16_t vlan;
    uint8_t proto;
    uint8_t state;     /* enum kd_flow_state */
    uint32_t next;     /* in its bucket */
    uint32_t earlier, later; /* in its slot of the wheel */
    uint32_t hash;
    uint16_t slot;
    uint8_t flags;     /* enum kd_flow_flag */
    uint8_t app;
    uint8_t parser;    /* the engine's: index + 1, 0 none */
    uint8_t tcp_flags[2];
    uint8_t probes;    /* the engine's: tries to recognise the protocol so far */
    uint32_t seq[2];   /* TCP: next sequence number expected of each side */
    uint32_t isn[2];   /* TCP: sequence number of the SYN, when it was seen */
    uint32_t packets[2];
    uint32_t first_data; /* us from start to first payload, UINT32_MAX none yet */
    uint32_t told_s;   /* last record about it, from start */
    uint64_t number;   /* flow_id */
    uint64_t start_us, last_us; /* first and last packet */
    uint64_t bytes[2];
    uint64_t data[2];
    void *ext;         /* the engine's */
    void *rules;       /* the rules' (match/match.h); NULL without */
    struct kd_mac mac[2];
    uint32_t n_tx;     /* the engine's: transactions told */
    uint32_t gap_bytes; /* lost to us; at most UINT32_MAX */
    uint16_t outer_vlan; /* the tag before `vlan`, 0 none */
    uint8_t carried;   /* the engine's: protocol it went over to behind `app`, 0 none */
    uint8_t rules_quiet; /* no table of the rules names its addresses and ports: bits by direction */
};

/* Three lines of a cache; there may be millions. */
_Static_assert(sizeof(struct kd_flow) <= 192, "a conversation's slot has grown");

struct kd_flow_table;

/* `end` is called for KD_END_UPDATE too; for any other reason the flow is gone when it returns.  `tick`
 * is called for flows flagged KD_FLOW_TICK. */
struct kd_flow_events {
    void (*end)(void *arg, struct kd_flow *f, enum kd_flow_end why);
    void (*tick)(void *arg, struct kd_flow *f);
    void *arg;
};

KD_MUST_USE struct kd_flow_table *kd_flow_table_new(const struct kd_limits *lim, uint64_t hash_seed,
                                                    uint64_t first_number,
                                                    const struct kd_flow_events *events);
void kd_flow_table_free(struct kd_flow_table *t);

/* Hash of the packet's conversation: the same for both directions, never of address order. */
uint32_t kd_flow_hash(const struct kd_flow_table *t, const struct kd_packet *p);

/* Ports that servers listen on, for guessing who is who when the beginning was not seen. */
void kd_flow_table_service(struct kd_flow_table *t, uint16_t port);

/* The packet's conversation, begun if need be, with the packet accounted to it.  *ret_dir: 0 from the
 * client, 1 from the server.  *ret_new: it was begun.  Never NULL: a full table gives up its flow
 * that would end first. */
struct kd_flow *kd_flow_table_packet(struct kd_flow_table *t, const struct kd_packet *p, uint32_t hash,
                                     unsigned *ret_dir, bool *ret_new);

/* The conversation an ICMP error is about, or NULL. */
struct kd_flow *kd_flow_table_inner(struct kd_flow_table *t, const struct kd_packet *p);

/* Client and server change places (their order was guessed wrongly). */
void kd_flow_turn(struct kd_flow *f);

/* End it now. */
void kd_flow_table_end(struct kd_flow_table *t, struct kd_flow *f, enum kd_flow_end why);

/* Time passes to now_us: timeouts, updates of long flows, ticks. */
void kd_flow_table_time(struct kd_flow_table *t, uint64_t now_us);

/* Every conversation that is open, in no order; none may be ended meanwhile. */
void kd_flow_table_each(struct kd_flow_table *t, void (*each)(void *arg, struct kd_flow *f), void *arg);

/* End all. */
void kd_flow_table_finish(struct kd_flow_table *t);

size_t kd_flow_table_count(const struct kd_flow_table *t);
uint64_t kd_flow_table_begun(const struct kd_flow_table *t);
size_t kd_flow_table_memory(const struct kd_flow_table *t); /* bytes in use by slots and buckets */

#endif
