/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of match/ share.  Nobody else includes this. */
#ifndef KD_MATCH_INTERNAL_H
#define KD_MATCH_INTERNAL_H

#include <hs/hs.h>

#include "match/match.h"
#include "rule/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MATCH_VALUES = 192,          /* of one side of a transaction */
    MATCH_NUMBERS = 64,
    MATCH_WAITING = 256,         /* rules that wait for a transaction's content */
    MATCH_BODY = 100 * 1024,     /* content looked into */
    MATCH_FRAMES = 8,            /* frames of a conversation that are not over */
    MATCH_FRAME = 128 * 1024,    /* bytes of one looked into */
    MATCH_WINDOW = 1024,         /* stream bytes kept to look back into */
    MATCH_OVERLAP = 128,         /* of which scanned again, for patterns across pieces */
    MATCH_PENDING = 32,          /* rules of a stream whose pattern was seen and that may hold later */
    MATCH_PIECE = 65536 + 64,    /* longest piece of a stream looked at with its window */
    MATCH_STREAM = 1024 * 1024,  /* stream bytes looked into, per direction */
    MATCH_HALVES = 24,         /* requests that wait for their answer, of rules over both */
    MATCH_TRIES = 3000,          /* steps of one look (Suricata's recursion limit) */
    MATCH_VARS = 32,
    MATCH_CONTEXTS = 8,          /* of members of datasets, told with a match */
    MATCH_COMMON_SETS = 64,
    MATCH_PORT_WORDS = 4,        /* port sets with a bit, in words */
    MATCH_COMMON_PORTS = 64 * MATCH_PORT_WORDS
};

/* ---- compiled ---- */

struct m_cond {
    const struct kd_cond *c;
    const pcre2_code *code;
    bool ends;          /* CONTENT: at the value's end (endswith, or isdataat:!1,relative behind it) */
    bool next_relative; /* the next condition goes on where this one ends */
    uint8_t rare;       /* CONTENT: index of the byte that is sought first */
};

struct m_look {
    const struct kd_rule_buffer *buffer;
    enum kd_inspect in; /* of the value that is looked into */
    uint16_t n;
    uint16_t frame;     /* FRAME: enum kd_frame_kind */
    bool absent_ok;     /* holds when there is no such buffer */
    uint8_t side;       /* of rules with =>: enum kd_inspect_dir; 0 either */
    const struct m_cond *cond;
};

enum m_rule_flag {
    M_TX = 1,           /* judged at transactions */
    M_PAYLOAD = 2,      /* at payload: */
    M_ON_PACKET = 4,    /*   of packets */
    M_ON_STREAM = 8,    /*   of streams */
    M_HEADER = 16,      /* at every packet: nothing to look into */
    M_ONCE = 32,        /* once per flow and direction (addresses and ports only) */
    M_CONTENT = 64,     /* needs the transaction's content */
    M_EVENT = 128,
    M_FILE = 256,       /* asks for something about a file besides its data */
    M_FRAME = 512,      /* judged at frames */
    M_WHOLE = 1024      /* in the stream, which is a frame */
};

struct m_rule {
    const struct kd_rule *rule;
    uint64_t apps;      /* bits of enum kd_app; 0: any */
    uint32_t src_set, dst_set;   /* slots of address sets; UINT32_MAX any */
    uint32_t sport_set, dport_set;
    uint32_t class_key; /* of its threshold */
    uint16_t flags;     /* enum m_rule_flag */
    uint8_t dirs;       /* enum kd_inspect_dir */
    uint8_t n_looks;
    uint8_t sides;      /* of rules with =>: directions in which something is sought (enum kd_inspect_dir) */
    uint8_t ip_protos;  /* enum m_proto */
    uint8_t ip_number;  /* of M_P_OTHER: only this; 0 any */
    uint8_t family;     /* 0 any, 4, 6 */
    struct m_look *look;
};

/* What tells most candidates apart, close together. */
struct m_hot {
    uint64_t apps;              /* 0: any */
    uint16_t sport, dport;      /* port sets; UINT16_MAX any (or too many sets) */
    uint8_t dirs, ip_protos;
    bool both_ways;
};

struct m_list {
    uint32_t n, room;
    uint32_t *v;        /* rules by place in set->rule */
};

/* What is found by port: a list for each class of ports. */
struct m_by_port {
    struct m_list *v; /* NULL: none */
};

/* A rule whose best content is one or two bytes: such patterns would slow down the scan of all others.  Ports,
 * or the place where the bytes must be, tell nearly always that it cannot match. */
struct m_weak {
    uint32_t rule;
    uint16_t at;        /* place of the bytes; UINT16_MAX anywhere */
    uint8_t n, byte[2];
};

/* One database: fast patterns of one buffer in one direction. */
struct m_group {
    hs_database_t *db;
    uint32_t n_patterns, room;
    uint32_t shortest;      /* pattern, in bytes */
    struct m_pattern *pattern;
    struct m_list *rules;   /* by pattern */
    struct m_weak *weak;
    uint32_t n_weak, weak_room;
    struct m_by_port weak_dport, weak_sport; /* places in `weak` */
    struct m_list weak_any;                  /* … of rules whose ports are many */
    struct m_list always;   /* rules of this buffer without a usable content */
    uint32_t *slot;         /* while compiling: hash table */
    uint32_t n_slots;
};

struct m_pattern {
    struct kd_bytes bytes;
    bool nocase;
};

/* What a packet is, as bits. */
enum m_proto {
    M_P_TCP = 1,
    M_P_UDP = 2,
    M_P_ICMP = 4,
    M_P_OTHER = 8, /* above IP; fragments, too */
    M_P_ICMPV6 = 16,
    M_P_SCTP = 32,
    M_P_IP = 63,   /* all of these */
    M_P_ARP = 64,
    M_P_LINK = 128 /* not IP, or no packet at all */
};

/* Payload groups by transport. */
enum m_transport { M_TCP, M_UDP, M_ICMP, M_OTHER, M_TRANSPORTS };

struct m_class {
    uint64_t common;    /* of the first MATCH_COMMON_SETS slots */
    uint32_t first, n;  /* further slots, in ends.rare */
};

/* Which address and port sets an address or port is in. */
struct m_ends {
    uint32_t n_v4, n_v6, n_classes, n_rare;
    uint32_t *v4_start, *v4_class;
    uint32_t *v4_top;               /* by the upper 16 bits: first interval to look at */
    struct kd_addr *v6_start;
    uint32_t *v6_class;
    struct m_class *class;
    uint32_t *rare;
    uint32_t n_sets, n_port_classes;
    uint16_t *port_class;           /* 65536 */
    uint64_t *port_bits;            /* by class: MATCH_PORT_WORDS each */
    const struct kd_port_set **port_set; /* by slot */
};

/* Rules without anything to look into. */
struct m_table {
    struct m_list *by_src, *by_dst; /* by slot of the address set; NULL: none */
    uint64_t src_bits, dst_bits;    /* common sets whose list is not empty */
    struct m_by_port by_sport, by_dport;
    bool named;                     /* any of these */
    struct m_list always[M_TRANSPORTS][2]; /* neither an address nor a port narrows them */
};

struct kd_ruleset {
    const struct kd_rules *rules;
    uint32_t n;
    struct m_rule *rule;            /* in the order in which they are judged */
    struct m_hot *hot;              /* the same */
    uint32_t n_buffers;
    struct m_group *group[2];       /* by kd_rule_buffer.id, to server and to client */
    struct m_group payload[M_TRANSPORTS][2];
    struct m_list at_app[KD_APP_COUNT]; /* rules that ask for the protocol alone */
    struct m_list at_tx[KD_APP_COUNT][2]; /* rules of an app without any buffer */
    struct m_table table[2];        /* header rules: for each packet, once in each direction */
    bool once_first;                /* … those change or decide something: judged before all others */
    struct m_list *events;          /* by kd_rules.events */
    unsigned event_kinds;           /* bits, 1 << enum kd_event_kind */
    struct m_codes {
        const struct kd_transform *of;
        pcre2_code *code;
    } *transform_code;
    size_t n_transform_codes;
    struct m_ends ends;
    struct kd_wanted wanted;
    struct m_list buffers_of[KD_IN_COUNT]; /* ids of kd_rule_buffer by what they look into */
    struct m_list frames_of[KD_FRAME_COUNT]; /* … by frame */
    void **blocks;                  /* all memory */
    size_t n_blocks, blocks_room;
    size_t n_patterns, n_databases, database_bytes;
    pcre2_code **codes;
    size_t n_codes, codes_room;
    uint32_t max_patterns;
    bool from_cache;
    hs_scratch_t *scratch;
};

void *m_alloc(struct kd_ruleset *set, size_t n); /* zeroed; NULL: no memory */
KD_MUST_USE bool m_list_add(struct kd_ruleset *set, struct m_list *l, uint32_t v);

/* ends.c */
KD_MUST_USE bool m_ends_build(struct kd_ruleset *set);
const struct m_class *m_ends_class(const struct m_ends *e, const struct kd_addr *a);
bool m_ends_has(const struct m_ends *e, const struct m_class *c, uint32_t slot);

static inline uint32_t m_v4(const struct kd_addr *a)
{
    return (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 | a->b[15];
}

/* ports.c; sets by slot */
/* How often rules use a set of addresses or ports; the order of qsort(), most used first. */
struct m_use {
    uint32_t set, n;
};
int m_by_use(const void *a, const void *b);

KD_MUST_USE bool m_ports_build(struct kd_ruleset *set, uint32_t *slot); /* slots by kd_port_set.id */
bool m_port_set_is_narrow(const struct kd_port_set *s);
bool m_port_set_has(const struct kd_port_set *s, uint16_t port);
KD_MUST_USE bool m_by_port_add(struct kd_ruleset *set, struct m_by_port *to, const struct kd_port_set *s, uint32_t v);

static inline const uint64_t *m_port_bits(const struct m_ends *e, uint16_t port)
{
    return e->port_bits + (size_t)e->port_class[port] * MATCH_PORT_WORDS;
}

/* Is a port, whose bits these are, in the set? */
static inline bool m_port_in(const struct m_ends *e, const uint64_t *bits, uint16_t port, uint32_t set)
{
    return KD_LIKELY(set < MATCH_COMMON_PORTS) ? (bits[set / 64] >> (set % 64) & 1) != 0
                                               : m_port_set_has(e->port_set[set], port);
}

static inline const struct m_list *m_at_port(const struct m_ends *e, const struct m_by_port *p, uint16_t port)
{
    return p->v == NULL ? NULL : &p->v[e->port_class[port]];
}

/* tables.c: rules about headers alone. */
static inline bool m_tables_ask(const struct kd_ruleset *set, enum m_transport t, unsigned dir, bool seen)
{
    return set->table[0].always[t][dir].n > 0 ||
           (!seen && (set->table[0].named || set->table[1].named || set->table[1].always[t][dir].n > 0));
}
/* Those of them that are judged once, before anything else of the packet; false: there is none. */
bool m_tables_first(struct kd_matcher *m, const struct kd_match_at *at, enum m_transport transport);
KD_MUST_USE bool m_table_add(struct kd_ruleset *set, const struct m_rule *r, uint32_t at);
/* Candidates among them, and in `more` (NULL: none), for this packet; false: there is none. */
bool m_tables_scan(struct kd_matcher *m, const struct kd_match_at *at, enum m_transport transport,
                   const struct m_list *more);

/* groups.c: databases */
KD_MUST_USE bool m_group_add(struct kd_ruleset *set, struct m_group *g, struct kd_bytes bytes, bool nocase,
                             uint32_t rule);
KD_MUST_USE bool m_groups_compile(struct kd_ruleset *set, struct kd_bytes cache, struct kd_err *err);

static inline bool m_group_is_empty(const struct m_group *g)
{
    return g->db == NULL && g->always.n == 0 && g->n_weak == 0;
}

/* ---- running ---- */

struct m_value {
    const uint8_t *p;
    uint32_t n;
    uint16_t id;  /* enum kd_inspect */
    bool kept;    /* in the side's own memory */
};

struct m_number {
    uint16_t id;
    uint64_t v;
};

/* One side of a transaction, being told. */
struct m_side {
    struct kd_arena mem;
    struct kd_buf body;
    uint64_t body_seen;
    uint32_t tx_id;
    uint16_t n_numbers, n_waiting, n_values;
    bool open, has_body, judged_head, judged_body, scan_again;
    bool has_file;      /* values of a file are among the others */
    bool file_only;     /* there are no others */
    uint16_t n_scanned; /* values whose patterns were sought */
    struct m_number number[MATCH_NUMBERS];
    uint32_t waiting[MATCH_WAITING];
    struct m_value value[MATCH_VALUES];
};

/* What is remembered of a conversation. */
struct kd_match_flow {
    size_t size;
    struct m_saved *side[2];     /* transactions in progress */
    uint8_t *window[2];          /* the last bytes of each stream */
    size_t window_size[2];
    uint16_t window_n[2];
    uint16_t window_lost[2];     /* of it, up to the last hole: to be shown, not to be looked into */
    uint32_t *pending[2];        /* rules; M_EARLY: the pattern came before the conversation was established */
    uint32_t n_pending[2], pending_room[2];
    size_t pending_size[2];
    uint64_t pending_until[2];   /* place in the stream */
    uint64_t stream_seen[2];
    uint32_t *bits;              /* flow bits set, by name */
    uint32_t n_bits, bits_room;
    struct m_flowint *ints;
    uint32_t n_ints, ints_room;
    size_t bits_size, ints_size;
    uint32_t tx_next[2];
    bool encrypted, told_app[2];
    struct m_frames *frames;     /* NULL: none was told */
    bool passed;                 /* a pass rule about all of it matched: rules look no further */
    bool bypassed;               /* … a rule with bypass */
    uint8_t next_half;           /* of a rule with =>: requests that hold, the answer to come */
    struct m_half *half;         /* MATCH_HALVES of them; NULL none */
    size_t half_size;
};

enum { M_EARLY = INT32_MIN };

struct m_flowint {
    uint32_t name, value;
};

struct m_half {
    uint32_t rule, tx_id; /* rule + 1; 0: free */
};

struct m_saved {
    size_t size;
    struct m_side side; /* cut behind the last value */
};

/* One rule being judged. */
struct m_run {
    struct kd_matcher *m;
    const struct kd_match_at *at;
    const struct m_rule *r;
    uint8_t dir;
    const struct m_side *side;      /* NULL: no transaction */
    const struct kd_match_frame *frame; /* NULL: none */
    uint16_t frame_kind;            /* enum kd_frame_kind */
    bool frame_cut[2];              /* it lacks its first, its last bytes */
    bool cut[2];                    /* … so does the value that is looked into */
    struct kd_bytes payload;        /* of the packet or the stream */
    struct kd_bytes shown;          /* stream: with what came before a hole; empty: the payload */
    size_t beyond;                  /* stream: a match must end behind this byte */
    uint64_t stream_start;          /* place of the payload's first byte in the stream */
    bool in_stream;
    struct kd_bytes base64;
    uint64_t *var; /* of the matcher */
};

struct m_rate_table;
struct m_sets;

struct kd_matcher {
    const struct kd_ruleset *set;
    uint32_t *flowbit_now, *flowint_now; /* while moving: by former number */
    struct kd_pool *pool;
    const struct kd_limits *lim;
    struct kd_match_out out;
    hs_scratch_t *scratch;
    pcre2_match_data *match_data;
    pcre2_match_context *match_context;
    struct kd_match_stats stats;
    struct kd_rule_count *count;
    uint64_t seed;
    /* Candidates of the scan at hand. */
    uint32_t *stamp, stamp_now;
    uint32_t *cand;
    uint32_t n_cand;
    const struct m_group *scanning;
    const struct kd_match_at *scan_at;
    const uint64_t *scan_port[2];   /* port sets of source and destination */
    uint8_t scan_dir, scan_proto;
    /* Transaction sides of the conversation whose parser runs. */
    struct kd_match_at at;
    bool entered;
    struct m_side side[2];
    uint8_t *window;                /* stream bytes put together */
    uint8_t *transform[2];
    struct m_rate_table *rates;
    struct m_sets *sets;
    struct m_bits_table *bits;
    const char *event;
    bool passed;                    /* a pass rule matched: nothing more is told of this packet */
    uint8_t *base64;
    uint64_t var[MATCH_VARS];
    unsigned n_contexts;            /* of the rule being judged */
    struct kd_match_context context[MATCH_CONTEXTS];
    struct m_span {                 /* what the parser was called with, of the direction's stream */
        struct kd_bytes in;
        uint64_t at;
        uint8_t dir;
    } span;
    struct kd_bytes stream;         /* the piece whose parser runs, for rules that look at both */
    /* Addresses looked up last. */
    uint64_t class_flow;
    struct kd_addr class_client;
    const struct m_class *class[2];
};

/* scan.c: collects candidates of a group into m->cand, without duplicates. */
void m_scan_begin(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir);
void m_scan(struct kd_matcher *m, const struct m_group *g, struct kd_bytes in);
void m_scan_weak(struct kd_matcher *m, const struct m_group *g, struct kd_bytes in);
void m_scan_list(struct kd_matcher *m, const struct m_list *l);
void m_scan_sort(struct kd_matcher *m);

/* agreed.c: conditions that look at a number told under a name of ours; KD_NUM_COUNT: none of them. */
enum kd_number m_agreed_number(const struct kd_cond *c);
enum kd_number m_agreed_number_too(const struct kd_cond *c);
bool m_agreed_holds(const struct m_run *run, const struct kd_cond *c);

/* plant.c */
bool m_first_number(const struct m_run *run, enum kd_number id, uint64_t *ret);
bool m_modbus_holds(const struct m_run *run, const struct kd_modbus *m);
bool m_plant_holds(const struct m_run *run, const struct kd_cond *c); /* DNP3 and CIP */

/* look.c: does the look hold in this value? */
bool m_look_holds(struct m_run *run, const struct m_look *look, struct kd_bytes value);

/* field.c: a number in the data; false: it is not there. */
bool m_field_read(const struct m_run *run, const struct kd_byte_field *f, struct kd_bytes in, size_t from,
                  uint64_t *ret, size_t *ret_end);
int64_t m_value_of(const struct m_run *run, const struct kd_value *v);

/* compile.c: the expression of a pcrexform. */
const pcre2_code *m_code_of(const struct kd_ruleset *set, const struct kd_transform *t);

/* judge.c: does the rule match here?  Fires when it does. */
void m_judge(struct m_run *run);
struct m_run m_run_of(struct kd_matcher *m, const struct kd_match_at *at, uint8_t dir);
bool m_check_known(enum kd_cond_kind kind);

/* compile.c: the buffer that holds a file's digest: 0 MD5, 1 SHA-1, 2 SHA-256. */
enum kd_inspect m_hash_of(uint32_t which);

/* frame.c */
enum kd_frame_kind m_frame_of(const struct kd_rule_buffer *b); /* KD_FRAME_COUNT: nobody tells it */
/* … of the whole direction of a stream ("http1.stream")?  What it is the stream of. */
bool m_is_stream_frame(const struct kd_rule_buffer *b, enum kd_rule_proto *ret);
/* The rule matched in the stream as a whole (M_WHOLE): for the first time in this direction? */
bool m_first_in_stream(const struct m_run *run);
void m_frames_move(struct kd_match_flow *f); /* to another set */
void m_frames_done(struct kd_matcher *m, struct kd_match_flow *f);

/* tx.c: of the stream, what is at hand for rules that look at it, too. */
struct kd_bytes m_stream_so_far(struct kd_matcher *m, uint8_t dir);
void m_side_done(struct kd_matcher *m, struct m_side *s);

/* transform.c: decode Base64 as far as it goes. */
void m_base64(struct kd_bytes text, enum kd_base64_mode mode, struct kd_out *o);

/* … the value as the buffer's transforms make it; false: nothing remains. */
bool m_transform(struct kd_matcher *m, const struct kd_rule_buffer *b, struct kd_bytes in, struct kd_bytes *ret);

/* compile.c: the parsers a header's protocol means, as bits of enum kd_app; 0 any; M_APP_NONE: nobody reads it. */
#define M_APP_NONE ((uint64_t)1 << 63)
uint64_t m_apps_of(enum kd_rule_proto proto);

uint8_t m_proto_bit(const struct kd_match_at *at); /* enum m_proto */

/* gate.c: direction, protocol, addresses, ports: may the rule match here at all? */
bool m_gate(struct m_run *run);
const struct m_class *const *m_classes(struct kd_matcher *m, const struct kd_match_at *at); /* client's, server's */

/* check.c */
bool m_checks_hold(struct m_run *run);
bool m_ranges_hold(const struct kd_ranges *r, uint64_t v);
uint8_t m_check_side(const struct kd_cond *c); /* of rules with =>: enum kd_inspect_dir, 0 either */

/* header.c: what headers of the packet say.  False: it is not there. */
bool m_header_number(const struct kd_packet *p, enum kd_number id, uint64_t *ret);
bool m_header_bytes(const struct kd_packet *p, enum kd_inspect in, struct kd_bytes *ret);
bool m_header_option(const struct kd_packet *p, unsigned option, bool any); /* of IPv4 */
bool m_header_sum_valid(const struct kd_packet *p, unsigned which, bool *ret_valid);
/* Of several numbers or values of one packet the i-th. */
bool m_header_chunk(const struct kd_packet *p, unsigned i, uint8_t *ret_type, struct kd_bytes *ret_data);

/* fire.c: thresholds, bits, the alert. */
void m_fire(struct m_run *run);
bool m_flowbit_isset(const struct kd_match_flow *f, uint32_t name);

/* Room for one more element of `each` bytes in an array of the pool; NULL: there is none, or `max` are there. */
void *m_room_for(struct kd_matcher *m, void *old, uint32_t n, uint32_t *room, size_t *size, size_t each, uint32_t max);

struct kd_match_flow *m_flow(struct kd_matcher *m, const struct kd_match_at *at); /* made if need be; NULL: no memory */

/* sets.c: members of datasets and lists. */
struct m_sets *m_sets_new(const struct kd_rules *rules); /* NULL: no memory */
void m_sets_free(struct m_sets *s);
/* Members that rules put into sets of their own go over to the sets of the same name. */
void m_sets_carry(const struct m_sets *from, const struct kd_rules *old, struct m_sets *to, const struct kd_rules *now);
bool m_sets_context(const struct m_sets *s, const struct kd_dataset_test *t, struct kd_bytes value, struct kd_bytes *ret);
bool m_sets_has(const struct m_sets *s, uint32_t dataset, struct kd_bytes value);
bool m_sets_test(const struct m_sets *s, const struct kd_dataset_test *t, struct kd_bytes value); /* may change it */

/* rates.c: thresholds and bits by address; bounded, the oldest gives way. */
struct m_rate_table *m_rates_new(uint32_t n, uint64_t seed);
void m_rates_free(struct m_rate_table *t);
/* Rules and names are told apart by what outlives a set: m_rule_key(), m_name_key(). */
uint64_t m_rule_key(const struct kd_rule *r);
uint64_t m_name_key(const struct kd_rules *rules, unsigned space, uint32_t name);
bool m_rates_let_through(struct m_rate_table *t, const struct kd_threshold *th, uint64_t rule,
                         const struct kd_match_at *at, uint8_t dir);
bool m_rates_filter(struct m_rate_table *t, const struct kd_threshold *th, uint64_t rule,
                    const struct kd_match_at *at, uint8_t dir);
void m_bits_do(struct m_rate_table *t, const struct kd_rules *rules, const struct kd_bits *b, unsigned space,
               const struct kd_match_at *at, uint8_t dir);
bool m_bits_isset(struct m_rate_table *t, const struct kd_rules *rules, const struct kd_bits *b, unsigned space,
                  const struct kd_match_at *at, uint8_t dir);

#endif
