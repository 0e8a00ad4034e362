/* SPDX-License-Identifier: Apache-2.0 */
/* Rules run on traffic.
 *
 * A rule set is compiled once and read by all: rules are grouped by the buffer and direction of one content of
 * theirs (the fast pattern), each group is one vectorscan database, and rules without any content stand in tables
 * by address and port.  Traffic is scanned for fast patterns; only the rules whose pattern was seen are looked at
 * closer, condition by condition, on the bytes themselves.
 *
 * A matcher is one worker's: scratch space, what it remembers of flows, thresholds and bits.  Nothing is
 * allocated per packet except from the worker's pool, in bounds.  Not thread-safe; the set is shared. */
#ifndef KD_MATCH_MATCH_H
#define KD_MATCH_MATCH_H

#include "base/pool.h"
#include "packet/packet.h"
#include "proto/parser.h"

struct kd_rules;
struct kd_rule;
struct kd_ruleset;
struct kd_matcher;
struct kd_match_flow;

/* ---- the set ---- */

/* What became of the rules that were read, without those of Kidoban's own file. */
struct kd_ruleset_counts {
    uint32_t loaded, failed, skipped; /* skipped: asks for what is not here (requires) */
};
struct kd_ruleset_counts kd_ruleset_counts(const struct kd_ruleset *set);

/* Databases that were compiled before, to be used instead of compiling: serialised by kd_ruleset_save(). */
/* Refuse rules that cannot be judged, before they are compiled. */
void kd_ruleset_fit(struct kd_rules *rules);

KD_MUST_USE struct kd_ruleset *kd_ruleset_new(const struct kd_rules *rules, struct kd_bytes cache,
                                              struct kd_err *err);
void kd_ruleset_free(struct kd_ruleset *set);

/* The compiled databases as bytes to be kept in a cache; malloc()ed, to be free()d.  NULL: no memory. */
KD_MUST_USE uint8_t *kd_ruleset_save(const struct kd_ruleset *set, size_t *ret_n);

/* Of the pattern library and the processor: databases are made for both. */
uint64_t kd_ruleset_machine(void);

/* What parsers should tell. */
const struct kd_wanted *kd_ruleset_wanted(const struct kd_ruleset *set);

/* Of which kinds are the events that rules ask for?  Bits, 1 << enum kd_event_kind. */
unsigned kd_ruleset_events(const struct kd_ruleset *set);

struct kd_ruleset_size {
    size_t rules, patterns, databases, database_bytes, always;
    bool from_cache;
};
struct kd_ruleset_size kd_ruleset_size(const struct kd_ruleset *set);

/* ---- where we are ---- */

/* The packet and conversation that are looked at.  Filled by the engine for each packet. */
struct kd_match_at {
    const struct kd_packet *packet;   /* NULL: none (the conversation ends) */
    struct kd_addr addr[2];           /* client, server */
    uint16_t port[2];
    uint8_t proto;
    uint8_t dir;                      /* enum kd_dir of the packet */
    uint8_t kind;                     /* enum kd_packet_kind; not KD_PACKET_IP: it belongs to no conversation */
    enum kd_app app;
    bool established, midstream;
    uint64_t now_us, start_us;
    uint32_t packets[2];              /* so far, this one counted */
    uint64_t bytes[2];
    uint32_t seq_seen[2];             /* TCP: stream bytes so far */
    struct kd_match_flow **flow;      /* the conversation's slot; may hold NULL */
    uint64_t flow_id;
    void *owner;                      /* the caller's: what the conversation is to it */
    uint8_t *quiet;                   /* the conversation's: no table names its addresses and ports; bits by direction */
};

/* A rule matched. */
/* What the rule wants to be told behind the match (tag): so many packets, seconds or bytes; count 0: nothing. */
struct kd_match_tag {
    bool host, dst; /* of one of the packet's ends, or of the conversation */
    bool seconds, bytes;
    uint32_t count;
};

/* A frame of the protocol in which the rule matched. */
struct kd_match_frame {
    struct kd_bytes type;  /* without the protocol: "pdu" */
    uint32_t id;           /* of its direction, from 1 on */
    uint32_t tx_id;
    uint8_t dir;
    uint64_t at, length;   /* place in the stream; KD_FRAME_OPEN: its length is not known (yet) */
    uint64_t missing;      /* bytes that were lost behind `data` */
    bool complete;
    struct kd_bytes data;  /* what was looked into, until the callback returns */
};

/* What a set says of a member that was found in it (dataset with context_key). */
struct kd_match_context {
    struct kd_bytes key;
    struct kd_bytes value;   /* JSON */
    struct kd_bytes without; /* a member of it to be left out ("a.b"); empty: none */
};

struct kd_match_alert {
    const struct kd_rule *rule;
    const struct kd_match_at *at;
    uint8_t dir;
    bool has_tx;
    bool in_stream;           /* it was found in the stream, not in a packet's payload */
    struct kd_bytes payload;  /* what was looked into, until the callback returns; may be empty */
    const struct kd_match_frame *frame; /* NULL: it was not found in one */
    const struct kd_match_context *context;
    size_t n_contexts;
    uint32_t tx_id;
    uint32_t gid, sid, rev, priority;
    struct kd_bytes msg, category, classtype;
    struct kd_match_tag tag;
    struct kd_bytes technique, confidence, importance, msg_ja; /* of its metadata; empty: not told */
};

struct kd_match_out {
    void (*alert)(void *arg, const struct kd_match_alert *alert);
    void (*store)(void *arg); /* the file whose KD_INSPECT_ONE_FILE is being told shall be kept; NULL: nobody cares */
    void *arg;
};

KD_MUST_USE struct kd_matcher *kd_matcher_new(const struct kd_ruleset *set, struct kd_pool *pool,
                                              const struct kd_limits *lim, uint64_t seed,
                                              struct kd_match_out out);
void kd_matcher_free(struct kd_matcher *m);

/* Go over to another set, between packets: kd_matcher_move(), then kd_match_flow_moves() for every conversation that
 * has a slot, then kd_matcher_moved().  False: no memory, nothing changed.  What remains: flow bits and variables
 * of the same name, thresholds and counts of rules of the same numbers.  Sides of transactions that are half told
 * are not judged. */
KD_MUST_USE bool kd_matcher_move(struct kd_matcher *m, const struct kd_ruleset *next);
void kd_match_flow_moves(struct kd_matcher *m, struct kd_match_flow *f);
void kd_matcher_moved(struct kd_matcher *m);

/* Names of the flow bits set in a conversation, borrowed from the set; returns how many. */
enum { KD_MATCH_BITS = 64 };
size_t kd_match_flowbits(const struct kd_matcher *m, const struct kd_match_flow *f, struct kd_bytes ret[KD_MATCH_BITS]);

/* ---- traffic ---- */

/* The first packet of a direction, before anything is read of it: rules about addresses alone, where they decide about the
 * conversation (pass, flow bits) and so must come before the others. */
bool kd_match_wants_first(const struct kd_matcher *m);
void kd_match_first(struct kd_matcher *m, const struct kd_match_at *at);

/* A packet, after its stream data was shown: rules about headers, and about the payload of single packets.
 * `payload_done`: kd_match_stream() was given this packet's payload in place. */
void kd_match_packet(struct kd_matcher *m, const struct kd_match_at *at, bool payload_done);

/* Stream data in order.  `is_packet`: these are the bytes of the packet itself; true: rules about single packets
 * were judged, too. */
bool kd_match_stream(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir, struct kd_bytes data,
                     bool is_packet);

/* `n` bytes of the stream were lost: nothing is sought across them. */
void kd_match_gap(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir, uint64_t n);

/* Does any rule look at such a packet?  At more of such a stream (`flow` may be NULL)?  Cheap, and true when in doubt.
 * `seen`: it is not the first of its direction, and its conversation is quiet in this direction. */
bool kd_match_wants_packet(const struct kd_matcher *m, uint8_t proto, unsigned dir, enum kd_app app, bool seen,
                           bool payload);
bool kd_match_wants_stream(const struct kd_matcher *m, const struct kd_match_flow *flow, unsigned dir);

/* A parser is about to be called for this conversation with `data`; it has returned.  What it tells between goes to
 * kd_match_value(), kd_match_number() and kd_match_end(). */
void kd_match_enter(struct kd_matcher *m, const struct kd_match_at *at, struct kd_bytes data);
void kd_match_leave(struct kd_matcher *m);
/* What is told next is of this protocol: the conversation's, or one that it went over to. */
void kd_match_speaks(struct kd_matcher *m, enum kd_app app);
void kd_match_value(struct kd_matcher *m, enum kd_inspect id, uint8_t dir, struct kd_bytes value);
void kd_match_number(struct kd_matcher *m, enum kd_number id, uint8_t dir, uint64_t value);
void kd_match_end(struct kd_matcher *m, uint8_t dir, enum kd_inspect_stage stage);

/* Frames, as the sink of a parser is told them (parser.h). */
void kd_match_span(struct kd_matcher *m, uint8_t dir, struct kd_bytes in, uint64_t at);
void kd_match_frame(struct kd_matcher *m, enum kd_frame_kind kind, uint8_t dir, const uint8_t *first, uint64_t length);
void kd_match_frame_end(struct kd_matcher *m, enum kd_frame_kind kind, uint8_t dir, const uint8_t *end);
void kd_match_frames_lost(struct kd_matcher *m, uint8_t dir, uint64_t n, bool all);

/* Something odd, by the name it has in rules: of a protocol ("http.invalid_content_length"), of headers
 * ("ipv4.opt_invalid"), of a stream ("pkt_invalid_ack").  `at` NULL: in the conversation whose parser runs, and
 * nothing where none does. */
void kd_match_event(struct kd_matcher *m, const struct kd_match_at *at, const char *name);

/* The conversation whose parser runs is encrypted from here on: its payload is not looked into any more. */
void kd_match_encrypted(struct kd_matcher *m);

/* Did a rule with `bypass` match in it? */
bool kd_match_bypassed(const struct kd_match_flow *f);

/* The conversation is over. */
void kd_match_flow_end(struct kd_matcher *m, struct kd_match_flow **flow);

/* ---- statistics ---- */

struct kd_match_stats {
    uint64_t scans, scanned_bytes, candidates, verified, alerts;
};
const struct kd_match_stats *kd_matcher_stats(const struct kd_matcher *m);

/* How often a rule was a candidate, and how often it matched. */
struct kd_rule_count {
    uint64_t candidates, matches;
};
/* Of all rules that were candidates, by gid and sid; at most `max`. */
struct kd_rule_hit;
uint32_t kd_matcher_hits(const struct kd_matcher *m, struct kd_rule_hit *ret, size_t max);
struct kd_rule_count kd_matcher_count(const struct kd_matcher *m, uint32_t rule_index);

#endif
