/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed rule (Suricata's language) as plain data: what parse.c makes and the matcher reads.
 *
 * All of it lives in the arena of its struct kd_rules and ends with it; nothing points into the
 * rule files.  Names that several rules share (flow bits, address lists, buffers) are interned:
 * equal means the same number. */
#ifndef KD_RULE_RULE_H
#define KD_RULE_RULE_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/inspect.h"
#include "rule/cond.h"

enum kd_rule_action {
    KD_ACTION_ALERT,
    KD_ACTION_PASS,
    KD_ACTION_DROP,   /* drop and reject: told as alerts, we see a copy of the traffic only */
    KD_ACTION_REJECT, /* reject, rejectsrc */
    KD_ACTION_REJECT_DST,
    KD_ACTION_REJECT_BOTH,
    KD_ACTION_CONFIG, /* changes how the transaction is recorded, never an alert */
    KD_ACTION_COUNT,
};

/* Addresses: sorted ranges that do not touch or overlap, negation and variables resolved.  IPv4 is
 * ::ffff:a.b.c.d. */
struct kd_addr_range {
    struct kd_addr first, last;
};

struct kd_addr_set {
    uint32_t id; /* index in kd_rules.addr_sets: equal sets of any rules have one */
    bool any;    /* everything; no ranges then */
    uint32_t n;
    const struct kd_addr_range *range;
};

/* Is the address in the set? */
bool kd_addr_set_has(const struct kd_addr_set *set, const struct kd_addr *a);

struct kd_port_range {
    uint16_t first, last;
};

struct kd_port_set {
    uint32_t id;
    bool any;
    uint32_t n;
    const struct kd_port_range *range; /* sorted, apart */
};

/* What happens to bytes of a buffer before they are looked into, in order. */
enum kd_transform_kind {
    KD_TR_DOTPREFIX, /* a '.' before it */
    KD_TR_STRIP_WHITESPACE,
    KD_TR_COMPRESS_WHITESPACE, /* runs of white space become one space */
    KD_TR_TO_LOWERCASE,
    KD_TR_TO_UPPERCASE,
    KD_TR_TO_MD5, /* raw digest */
    KD_TR_TO_SHA1,
    KD_TR_TO_SHA256,
    KD_TR_URL_DECODE, /* %XX and + */
    KD_TR_XOR, /* key `arg` repeated; without: the b bytes at offset c are the key of what follows
                  offset a */
    KD_TR_PCREXFORM, /* the first capture of the pattern `arg`; nothing when it does not match */
    KD_TR_HEADER_LOWERCASE, /* header names in lower case, values as they are */
    KD_TR_STRIP_PSEUDO_HEADERS,
    KD_TR_DOMAIN,       /* the registered domain */
    KD_TR_TLD,          /* the public suffix */
    KD_TR_FROM_BASE64,  /* a: offset, b: bytes (0 all), c: enum kd_base64_mode */
    KD_TR_GUNZIP,       /* a: most bytes out (0: default) */
    KD_TR_ZLIB_DEFLATE, /* a: most bytes out (0: default) */
    KD_TR_SUBSLICE,     /* a: first, b: count, c: bits of KD_SUBSLICE_… */
    KD_TR_COUNT,
};

enum { KD_SUBSLICE_COUNT = 1, KD_SUBSLICE_TRUNCATE = 2 }; /* bits of SUBSLICE's c */

enum kd_base64_mode { KD_BASE64_RFC4648, KD_BASE64_RFC2045, KD_BASE64_STRICT };

struct kd_transform {
    enum kd_transform_kind kind;
    int32_t a, b, c;
    struct kd_bytes arg;
};

/* Where to look: a buffer of inspect.def with its argument (frame name) and transforms.  Interned.
 */
struct kd_rule_buffer {
    uint32_t id; /* index in kd_rules.buffers */
    enum kd_inspect in;
    struct kd_bytes
        arg; /* FRAME: "http1.request" without the protocol's part when the rule gives it */
    uint8_t n_transforms;
    const struct kd_transform *transform;
};

/* All that is sought in one value of one buffer, in the rule's order.  A buffer named twice makes
 * one look (the later contents may be relative to the former), unless it has several values at
 * once: then each naming is a look of its own, and each may hold in another value. */
struct kd_look {
    const struct kd_rule_buffer *buffer;
    uint8_t side; /* of rules with =>: only in this direction (enum kd_inspect_dir); 0: as the
                     buffer has it */
    uint16_t n;
    const struct kd_cond *cond;
};

/* flow: */
enum kd_flow_flag {
    KD_FLOW_TO_SERVER = 1,
    KD_FLOW_TO_CLIENT = 2,
    KD_FLOW_ESTABLISHED = 4,
    KD_FLOW_NOT_ESTABLISHED = 8,
    KD_FLOW_STATELESS = 16,
    KD_FLOW_ONLY_STREAM = 32,
    KD_FLOW_NO_STREAM = 64,
    KD_FLOW_ONLY_FRAG = 128,
    KD_FLOW_NO_FRAG = 256,
};

enum kd_track { KD_TRACK_RULE, KD_TRACK_SRC, KD_TRACK_DST, KD_TRACK_BOTH, KD_TRACK_FLOW };

enum kd_threshold_kind {
    KD_THRESHOLD_NONE,
    KD_THRESHOLD_LIMIT,     /* the first `count` within `seconds` */
    KD_THRESHOLD_THRESHOLD, /* every `count`th within `seconds` */
    KD_THRESHOLD_BOTH,      /* once per `seconds` when `count` is reached */
    KD_THRESHOLD_BACKOFF,   /* the count-th, then each `multiplier` times more */
    KD_THRESHOLD_RATE,      /* rate_filter of threshold.config */
    KD_THRESHOLD_SUPPRESS,
};

/* detection_filter: count different ports, not matches. */
enum kd_unique { KD_UNIQUE_NONE, KD_UNIQUE_SRC_PORT, KD_UNIQUE_DST_PORT };

struct kd_threshold {
    enum kd_unique unique;
    enum kd_threshold_kind kind;
    enum kd_track track;
    uint32_t count, seconds, multiplier;
};

enum kd_tag_metric { KD_TAG_PACKETS = 1, KD_TAG_SECONDS = 2, KD_TAG_BYTES = 3 };

/* tag: what to record behind the alert. */
struct kd_tag {
    bool set, host; /* host: all of one host, otherwise of the flow */
    bool dst;
    enum kd_tag_metric metric;
    uint32_t count;
};

struct kd_rule_pair {
    struct kd_bytes key, value;
};

struct kd_rule_classtype {
    struct kd_bytes name, text;
    uint8_t priority; /* 1 highest … 255 */
};

enum { KD_TARGET_NONE, KD_TARGET_SRC, KD_TARGET_DST };

struct kd_rule {
    uint32_t index; /* in kd_rules.rule */
    uint32_t sid, gid, rev;
    enum kd_rule_action action;
    enum kd_rule_proto proto;
    struct kd_bytes
        hook;           /* state of the protocol in the header ("request_complete"); empty: none */
    bool transactional; /* =>: one rule over both directions of a transaction */
    bool bidirectional; /* <> */
    const struct kd_addr_set *src, *dst;
    const struct kd_port_set *sport, *dport;

    /* Meta. */
    struct kd_bytes msg;
    const struct kd_rule_classtype *classtype; /* NULL none */
    uint16_t priority;                         /* of priority:, of the class, or 3 */
    uint8_t target;                            /* KD_TARGET_… */
    uint16_t n_references, n_metadata;
    const struct kd_rule_pair
        *reference; /* key as in the rule ("url"), value: see reference.config for the whole */
    const struct kd_rule_pair *metadata;
    uint16_t file; /* kd_rules.files[file] */
    uint32_t line;

    /* What must hold.  `check`s look at packet, flow, transaction or file, in the rule's order;
     * `look`s at bytes. */
    uint16_t flow; /* enum kd_flow_flag bits */
    uint16_t n_checks, n_looks;
    const struct kd_cond *check;
    const struct kd_look *look;
    uint8_t n_vars; /* slots of byte_extract and byte_math */
    const struct kd_bytes *var_name;

    /* What happens then: flow bits and the like that the rule changes, in order. */
    uint16_t n_actions;
    const struct kd_cond *
        act; /* FLOWBITS set/unset/toggle, FLOWINT =,+,-, XBITS, HOSTBITS, DATASET set, FILESTORE */
    bool noalert;
    bool bypass; /* rules look no further into a conversation where it matched */
    struct kd_threshold threshold; /* threshold: */
    struct kd_threshold
        filter; /* detection_filter: (kind THRESHOLD: alert from beyond `count` on) */
    struct kd_tag tag;
    bool prefilter; /* prefilter keyword */

    /* Worked out: */
    enum kd_inspect_dir dir; /* packets it can fire on, by flow: and by its buffers */
    bool needs_app;          /* wants a transaction, a parsed protocol */
    bool packet_only;        /* payload of single packets (tcp-pkt, dsize, flow:no_stream …) */
    bool stream_only;        /* reassembled stream alone (tcp-stream, flow:only_stream) */
    bool header_only; /* nothing but addresses and ports (an "IP only" rule): once per flow and
                         direction */
};

#endif
