/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/ share.  Nobody else includes this. */
#ifndef KD_ENGINE_INTERNAL_H
#define KD_ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "flow/flow.h"
#include "flow/odd.h"
#include "flow/tcp.h"
#include "match/match.h"
#include "packet/defrag.h"
#include "proto/feed.h"

enum { KD_PARSERS_MAX = 64, KD_HEAD_BYTES = 32, KD_EXPECTED_MAX = 128 };

/* Parsers that may be meant, as bits by their place in kd_parsers. */
typedef uint64_t kd_parser_set;

/* What a TCP flow with data carries besides its slot. */
struct kd_tcp_ext {
    struct kd_tcp_half half[2];
    struct kd_feed feed[2];
    struct kd_buf probe[2];      /* data waiting for the protocol to be recognised */
    struct kd_conn conn;
    struct kd_arena mem;         /* parser state */
    void *state;
    kd_parser_set candidates;
    size_t size;                 /* of this block */
    uint64_t frame;              /* of the last packet, in a capture file */
    uint8_t head[KD_HEAD_BYTES]; /* first bytes of an unknown protocol */
    uint8_t n_head;
    bool turned;                 /* client and server were taken for each other */
    bool let_go;                 /* nobody follows the stream any more */
};

/* What a UDP flow with a parser carries. */
struct kd_udp_ext {
    size_t size;
    uint64_t state[];
};

/* A conversation announced by another (struct kd_expect), and not yet begun. */
struct kd_expected {
    struct kd_addr client, server;
    uint64_t until_us;   /* 0: the slot is free */
    uint16_t port;
    uint16_t n_context;
    uint8_t parser;      /* place in kd_parsers */
    uint8_t context[KD_EXPECT_CONTEXT];
};

struct kd_engine_stats {
    uint64_t packets, bytes, decoded, undecoded, truncated, dropped;
    uint64_t records, records_lost, anomalies, degraded, gap_bytes;
    uint64_t first_us, last_us;
    uint64_t kept, kept_bytes, kept_out; /* frames in the packet ring; left out for length or lack of room */
    uint64_t scanned;                    /* files handed to box */
    uint64_t app_flows[KD_APP_COUNT], app_packets[KD_APP_COUNT], app_bytes[KD_APP_COUNT];
    uint64_t app_flows_udp[KD_APP_COUNT], app_tx[KD_APP_COUNT], app_tx_udp[KD_APP_COUNT], app_errors[KD_APP_COUNT];
    uint64_t ethernet, tagged, ip[2], ip_proto[256], gaps; /* ip: version 4, 6 */
    uint64_t odd[KD_ODD_COUNT];
    uint32_t largest, pressure_max;
};

/* A record in the batch, made of TCP data that the receiver has not acknowledged yet: EVE names the frame that does. */
struct kd_unacked {
    uint64_t flow_id;
    size_t at;     /* in the batch */
    uint32_t seq;  /* behind the data */
    uint8_t dir;   /* of the data */
};

enum { KD_UNACKED_MAX = 32 };

/* Whose packets are told after a match of a rule with tag: a conversation's, or a host's. */
struct kd_tagged {
    uint64_t flow_id;    /* 0: a host's */
    struct kd_addr host;
    uint64_t until_us;   /* 0: packets or bytes are counted */
    uint64_t left;
    bool bytes;
};

enum { KD_TAGGED_MAX = 32 };

/* A record, for the matches of rules about it. */
struct kd_told {
    const void *body;      /* telling: its struct */
    size_t at;             /* told: where it stands in the batch */
    uint64_t flow_id, frame;
    uint8_t type;
};

struct kd_engine {
    struct kd_engine_config cfg;
    struct kd_engine_out out;
    struct kd_pool *pool;
    struct kd_flow_table *flows;
    struct kd_defrag *defrag;
    struct kd_sink sink;          /* parsers' records come in here */
    struct kd_contents contents;  /* contents.c */
    uint8_t tray_sha256[32];      /* of the file that lies in the tray without its record */
    uint64_t scan_out_told;
    struct kd_tcp_reader reader;
    struct kd_engine_stats stats;
    const char *input_error;
    uint64_t now_us;              /* latest packet time */
    uint64_t frames;              /* so far, other engines' too */
    const struct kd_captured *frame; /* the one being looked at; NULL none */
    uint64_t last_frame;             /* then: the last one of the conversation that ends; 0 none does */
    struct kd_matcher *match;        /* NULL: there are no rules */
    const struct kd_packet *packet;  /* with rules: the one being looked at; NULL none */
    bool payload_done;               /* rules have seen its payload */
    struct kd_engine_telling {       /* a parser is running: what it tells is about this */
        struct kd_flow *flow;        /* NULL: none is */
        struct kd_bytes data;
        uint8_t dir;
        bool begun;                  /* it told something */
    } parsing;
    struct kd_told telling;          /* a parser's record that rules are shown; type 0 none */
    size_t told_at;                  /* where the last record stands in the batch */
    struct kd_told told;             /* the last record of a parser, encoded in the batch; type 0 none */
    unsigned rule_events;            /* kinds of events that rules ask for: bits, 1 << enum kd_event_kind */
    uint64_t next_record;
    uint8_t engine_no;
    /* Frames of a capture file, of records made of TCP data. */
    struct kd_flow *reading_flow;    /* whose data a parser reads; NULL none */
    bool reading;                    /* it is data of the present frame … */
    uint8_t reading_dir;
    uint32_t reading_seq;            /* … up to here */
    unsigned n_unacked;
    struct kd_unacked unacked[KD_UNACKED_MAX];
    unsigned n_tagged;
    struct kd_tagged tagged[KD_TAGGED_MAX];
    /* Parsers by what they read, and those that expect a port. */
    unsigned n_parsers;
    kd_parser_set over_tcp, over_udp;
    const struct kd_parser *arp, *nd;
    unsigned icmp; /* place of its parser + 1; 0 none */
    kd_parser_set *by_port;       /* 65536 sets, a hint for the order of probing */
    /* Announced conversations: a ring, the oldest gives way. */
    struct kd_expected expected[KD_EXPECTED_MAX];
    uint16_t expected_ports[KD_EXPECTED_MAX]; /* the same ports side by side, 0 none: looked at first */
    unsigned n_expected, next_expected; /* slots in use; the one to be filled next */
    /* The batch being filled. */
    uint8_t batch[KD_BATCH_MAX];
    struct kd_out writer;
};

/* output.c */
void kd_engine_emit(struct kd_engine *e, struct kd_rec_head *head, const void *body);
void kd_engine_emit_flow(struct kd_engine *e, const struct kd_flow *f, enum kd_rec_type type,
                         const void *body);
void kd_engine_flush(struct kd_engine *e);
void kd_engine_anomaly(struct kd_engine *e, const struct kd_flow *f, const char *kind, const char *event);
uint64_t kd_engine_frame_number(const struct kd_engine *e); /* 0: none */
uint64_t kd_engine_flow_id(const struct kd_engine *e, const struct kd_flow *f);

/* acked.c: which frame a record of TCP data names.  `id` is its conversation's; the packet may acknowledge its other
 * side's data. */
void kd_engine_unacked(struct kd_engine *e, uint64_t flow_id);
void kd_engine_acked(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir);

/* tagged.c: rules with tag.  A match; a packet, before rules see it. */
void kd_engine_tag(struct kd_engine *e, const struct kd_match_alert *a);
void kd_engine_tagged(struct kd_engine *e, const struct kd_flow *f, const struct kd_packet *p);

/* recognise.c: which parser reads this?  A place in kd_parsers, or RECOGNISED_NONE (nobody) or
 * RECOGNISED_MORE (*set holds who still may). */
enum { RECOGNISED_NONE = -1, RECOGNISED_MORE = -2 };
int kd_engine_recognise(const struct kd_engine *e, const struct kd_conn *conn, unsigned dir,
                        struct kd_bytes in, kd_parser_set *set, bool *ret_reversed);

/* expect.c: remember an announced conversation; is this one announced?  NULL, or its slot, which the
 * caller gives back with kd_engine_expected_done(). */
void kd_engine_expect(struct kd_sink *sink, const struct kd_expect *x);
struct kd_expected *kd_engine_expected(struct kd_engine *e, const struct kd_conn *conn);
void kd_engine_expected_done(struct kd_engine *e, struct kd_expected *x);

/* stream.c: TCP */
void kd_engine_tcp(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir);
void kd_engine_tcp_end(struct kd_engine *e, struct kd_flow *f);
void kd_engine_reader(struct kd_engine *e);

/* datagram.c: UDP, ICMP echo, ARP, neighbour discovery */
void kd_engine_udp(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir);
void kd_engine_echo(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir);
void kd_engine_udp_end(struct kd_engine *e, struct kd_flow *f);
void kd_engine_udp_tick(struct kd_engine *e, struct kd_flow *f);
void kd_engine_link(struct kd_engine *e, const struct kd_parser *p, const struct kd_packet *packet);

/* Common to both. */
struct kd_conn kd_engine_conn(const struct kd_engine *e, const struct kd_flow *f);
struct kd_ctx kd_engine_ctx(struct kd_engine *e, const struct kd_conn *conn, const struct kd_flow *f,
                            void *state);

/* rules.c: only called when there are rules. */
KD_MUST_USE bool kd_engine_rules_new(struct kd_engine *e); /* true without rules, too */
void kd_engine_rules_lone(struct kd_engine *e, const struct kd_packet *p); /* of no conversation */
void kd_engine_rules_begin(struct kd_engine *e, struct kd_flow *f, unsigned dir); /* before anybody reads it */
void kd_engine_rules_packet(struct kd_engine *e, struct kd_flow *f, const struct kd_packet *p, unsigned dir);
/* Do rules look into this stream, whether it is parsed or not? */
bool kd_engine_rules_read(const struct kd_engine *e, const struct kd_flow *f);
/* … bytes of it were lost. */
void kd_engine_rules_gap(struct kd_engine *e, struct kd_flow *f, unsigned dir, uint64_t n);
void kd_engine_rules_stream(struct kd_engine *e, struct kd_flow *f, unsigned dir, struct kd_bytes in);
void kd_engine_rules_odd(struct kd_engine *e, struct kd_flow *f, unsigned dir, uint64_t odd); /* 1 << enum kd_tcp_odd */
static inline bool kd_engine_rules_ask(const struct kd_engine *e, unsigned kind) /* enum kd_event_kind */
{
    return KD_UNLIKELY(e->rule_events != 0) && (e->rule_events >> kind & 1) != 0;
}
/* A parser is called, and has returned.  The matcher hears of it when the parser tells something. */
static inline void kd_engine_rules_enter(struct kd_engine *e, struct kd_flow *f, unsigned dir, struct kd_bytes in)
{
    e->parsing = (struct kd_engine_telling){.flow = f, .data = in, .dir = (uint8_t)dir};
}
static inline void kd_engine_rules_leave(struct kd_engine *e)
{
    if (e->parsing.begun)
        kd_match_leave(e->match);
    e->parsing.flow = NULL;
    e->parsing.begun = false;
}
void kd_engine_rules_encrypted(struct kd_engine *e);
/* rule_records.c: a parser's record is shown; what is known of the transaction a match is about, as the field
 * `transaction` wants it. */
void kd_engine_rules_record(const struct kd_ctx *ctx, enum kd_rec_type type, const void *body);
/* rule_packet.c: what a match tells of a packet that is IGMP or SCTP; `told` holds what the record points to. */
struct kd_told_packet {
    struct kd_sctp_packet sctp;
    struct kd_bytes types[16];
};
void kd_engine_match_packet(const struct kd_packet *p, struct kd_told_packet *told, struct kd_rec_signature *rec);

bool kd_engine_is_transaction(uint8_t type); /* enum kd_rec_type */
void kd_engine_rules_told(struct kd_engine *e, const struct kd_rec_head *head);
void kd_engine_rules_transaction(struct kd_engine *e, const struct kd_match_alert *a, struct kd_out *o);
void kd_engine_rules_flow_end(struct kd_engine *e, struct kd_flow *f);
/* contents.c: of files, into the ring for them, and to box. */
void kd_engine_contents(struct kd_engine *e);
/* With a tray: a file's record was emitted.  Files box did not get, so far. */
void kd_engine_contents_told(struct kd_engine *e, const struct kd_rec_head *head, const struct kd_rec_file *file);
uint64_t kd_engine_contents_left_out(struct kd_engine *e);

/* stats.c */
void kd_engine_emit_stats(struct kd_engine *e, const char *scope, uint64_t now_us, uint64_t cpu_us);

#endif
