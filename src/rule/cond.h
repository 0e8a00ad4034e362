/* SPDX-License-Identifier: Apache-2.0 */
/* One condition of a rule: a tagged union, small on purpose (100k of them stay in memory). */
#ifndef KD_RULE_COND_H
#define KD_RULE_COND_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/inspect.h"
#include "rule/number.h"

/* A number written in the rule, or the slot of a variable (byte_extract, byte_math) plus it. */
struct kd_value {
    int64_t n;
    int8_t var; /* < 0: none; otherwise rule->var_name[var] */
};

enum kd_endian { KD_ENDIAN_BIG, KD_ENDIAN_LITTLE, KD_ENDIAN_DCE };

/* A number in the data: where and how it is written. */
struct kd_byte_field {
    struct kd_value nbytes;
    struct kd_value offset; /* may be negative when relative */
    bool relative;          /* to the end of the last match */
    enum kd_endian endian;
    bool is_text;  /* digits as text, not binary */
    uint8_t base;  /* of text: 8, 10, 16; 0: as strtoull reads it */
    uint32_t mask; /* 0 none; applied, then shifted right by its trailing zeros */
};

enum kd_content_flag {
    KD_CONTENT_NOCASE = 1,
    KD_CONTENT_OFFSET = 2, /* fields that are given */
    KD_CONTENT_DEPTH = 4,
    KD_CONTENT_DISTANCE = 8,
    KD_CONTENT_WITHIN = 16,
    KD_CONTENT_STARTS = 32,
    KD_CONTENT_ENDS = 64,
    KD_CONTENT_FAST = 128,      /* fast_pattern */
    KD_CONTENT_FAST_ONLY = 256, /* fast_pattern:only */
    KD_CONTENT_FAST_CHOP = 512, /* fast_pattern:off,len */
    KD_CONTENT_RAWBYTES = 1024,
};

struct kd_content {
    struct kd_bytes bytes; /* lower case when NOCASE */
    uint16_t flags;        /* enum kd_content_flag */
    uint16_t fast_offset, fast_length;
    struct kd_value offset, depth, distance, within; /* STARTS is also OFFSET 0 + DEPTH n */
};

enum kd_pcre_flag {
    KD_PCRE_I = 1,
    KD_PCRE_M = 2,
    KD_PCRE_S = 4,
    KD_PCRE_X = 8,
    KD_PCRE_A = 16,  /* anchored at the start */
    KD_PCRE_E = 32,  /* $ only at the very end */
    KD_PCRE_G = 64,  /* ungreedy */
    KD_PCRE_R = 128, /* relative to the last match */
    KD_PCRE_O = 256, /* ours are the match limits: ignored */
};

/* Where a named or numbered capture of a pcre goes. */
struct kd_capture {
    enum { KD_CAPTURE_PKT, KD_CAPTURE_FLOW, KD_CAPTURE_ALERT } to;
    struct kd_bytes name;
};

struct kd_pcre {
    struct kd_bytes pattern; /* between the slashes, options apart; PCRE2 syntax */
    uint16_t flags;
    uint8_t n_captures;
    const struct kd_capture *capture;
};

enum kd_byte_op {
    KD_OP_LT,
    KD_OP_LE,
    KD_OP_GT,
    KD_OP_GE,
    KD_OP_EQ,
    KD_OP_NE,
    KD_OP_AND,  /* value & x != 0 */
    KD_OP_NAND, /* !& */
    KD_OP_OR,   /* ^ of byte_test: value ^ x != 0 */
    KD_OP_NOR,
};

struct kd_byte_test {
    struct kd_byte_field field;
    enum kd_byte_op op;
    struct kd_value value;
};

struct kd_byte_jump {
    struct kd_byte_field field;
    uint32_t multiplier; /* 1 when none */
    bool align, from_beginning, from_end;
    struct kd_value post_offset;
};

struct kd_byte_extract {
    struct kd_byte_field field;
    uint8_t var;
    uint32_t multiplier;
    uint8_t align; /* 0, 2, 4 */
};

struct kd_byte_math {
    struct kd_byte_field field;
    char oper; /* + - * / < (left shift) > (right shift) */
    struct kd_value rvalue;
    uint8_t var;
};

struct kd_isdataat {
    struct kd_value size;
    bool relative;
};

struct kd_base64_decode {
    uint32_t nbytes; /* 0 all */
    uint32_t offset;
    bool relative;
};

enum kd_dataset_do { KD_DATASET_ISSET, KD_DATASET_ISNOTSET, KD_DATASET_SET, KD_DATASET_UNSET };
enum kd_dataset_type {
    KD_DATASET_STRING,
    KD_DATASET_MD5,
    KD_DATASET_SHA256,
    KD_DATASET_IPV4,
    KD_DATASET_IP,
    KD_DATASET_SHA1, /* lists of filesha1 only */
};
enum kd_dataset_format { KD_DATASET_CSV, KD_DATASET_JSON, KD_DATASET_NDJSON };

/* A named set that rules share; kd_rules.datasets. */
struct kd_dataset {
    uint32_t id;
    struct kd_bytes name, load, save, value_key, array_key; /* files as written in the rule */
    enum kd_dataset_type type;
    enum kd_dataset_format format;
    bool reputation;           /* datarep: each entry has a value */
    uint64_t memcap, hashsize; /* 0 default */
};

struct kd_dataset_test {
    const struct kd_dataset *set;
    enum kd_dataset_do what;
    enum kd_byte_op op; /* reputation only */
    uint16_t value;
    struct kd_bytes context_key;
    bool remove_key;
};

enum kd_bits_do { KD_BITS_SET, KD_BITS_UNSET, KD_BITS_TOGGLE, KD_BITS_ISSET, KD_BITS_ISNOTSET };

/* flowbits, xbits, hostbits: names[] are ids of their name space; several names of isset are "or".
 */
struct kd_bits {
    enum kd_bits_do what;
    enum {
        KD_BITS_BY_FLOW,
        KD_BITS_BY_SRC,
        KD_BITS_BY_DST,
        KD_BITS_BY_BOTH,
        KD_BITS_BY_PAIR,
        KD_BITS_BY_TX
    } by;
    uint16_t n;
    const uint32_t *name;
    uint32_t expire_s; /* 0: default */
};

enum kd_flowint_do {
    KD_FLOWINT_SET,
    KD_FLOWINT_ADD,
    KD_FLOWINT_SUB,
    KD_FLOWINT_LT,
    KD_FLOWINT_LE,
    KD_FLOWINT_EQ,
    KD_FLOWINT_NE,
    KD_FLOWINT_GE,
    KD_FLOWINT_GT,
    KD_FLOWINT_ISSET,
    KD_FLOWINT_NOTSET,
};

struct kd_flowint {
    enum kd_flowint_do what;
    uint32_t name; /* kd_rules.flowints */
    bool by_name;
    uint32_t value; /* a number, or another name when by_name */
};

/* A number of number.def and the range it must be in. */
enum kd_index {
    KD_INDEX_ANY,
    KD_INDEX_ALL,
    KD_INDEX_ALL_OR_ABSENT,
    KD_INDEX_OR_ABSENT,
    KD_INDEX_NTH,
    KD_INDEX_OOB_OR,
    KD_INDEX_TIMES,
    KD_INDEX_COUNT
};

struct kd_number_cond {
    enum kd_number field;
    struct kd_range range;
    enum kd_index index; /* of several values */
    int32_t nth;         /* NTH, OOB_OR; negative: from the end */
    struct kd_range
        times; /* TIMES: how many must match; COUNT: how many there are (range unused) */
    bool sliced;
    uint8_t side; /* as in struct kd_look */
    int32_t slice_from,
        slice_to; /* only values[from:to] count; negative: from the end; to INT32_MAX: open */
};

enum kd_flags_modifier { KD_FLAGS_EXACT, KD_FLAGS_PLUS, KD_FLAGS_ANY, KD_FLAGS_NOT };

struct kd_flags {
    uint16_t bits,
        ignore; /* tcp flags as on the wire (CWR 0x80 … FIN 1); fragbits: M 1, D 2, R 4 */
    enum kd_flags_modifier modifier;
};

enum kd_event_kind { KD_EVENT_APP, KD_EVENT_DECODE, KD_EVENT_STREAM };

struct kd_event {
    enum kd_event_kind kind;
    uint32_t name;        /* kd_rules.events: "http.invalid_c_l", "ipv4.opt_invalid" */
    struct kd_bytes text; /* the same as text */
};

struct kd_iface {
    uint8_t uuid[16]; /* as written, big endian */
    bool has_version, any_frag;
    struct kd_range version;
};

enum kd_tls_date { KD_TLS_NOT_BEFORE, KD_TLS_NOT_AFTER, KD_TLS_EXPIRED, KD_TLS_VALID };

struct kd_tls_dates {
    enum kd_tls_date what;
    struct kd_range unix_s;
};

/* A numbered setting and the range of its value. */
struct kd_keyed {
    uint32_t key;
    struct kd_range range;
};

struct kd_cip {
    uint32_t service;
    int32_t class_id, attribute; /* < 0: any */
    bool not_class, not_attribute;
};

enum { KD_MODBUS_ANY, KD_MODBUS_DISCRETES, KD_MODBUS_COILS, KD_MODBUS_INPUT, KD_MODBUS_HOLDING };
/* Kinds of Modbus functions, as bits of `category`: assigned and unassigned public codes,
 * user-defined, reserved. */
enum {
    KD_MODBUS_ASSIGNED = 1,
    KD_MODBUS_UNASSIGNED = 6,
    KD_MODBUS_PUBLIC = 7,
    KD_MODBUS_USER = 8,
    KD_MODBUS_RESERVED = 16,
    KD_MODBUS_ALL = 31,
};

struct kd_modbus {
    bool has_unit, has_function, has_subfunction, not_category, has_access, write, has_address,
        has_value;
    uint8_t function, category, area;
    uint16_t subfunction;
    struct kd_range unit, address, value;
};

enum kd_filestore_scope { KD_FILESTORE_FILE, KD_FILESTORE_TX, KD_FILESTORE_SSN };

struct kd_filestore {
    enum kd_inspect_dir dir; /* 0: of the rule */
    enum kd_filestore_scope scope;
};

/* Entropy in thousandths of a bit per byte: compared, or between two values (ends in), or outside
 * of them. */
struct kd_entropy {
    uint32_t offset, nbytes; /* nbytes 0: all */
    enum kd_byte_op op;
    bool between, outside;
    uint32_t milli, milli_to;
};

/* A list of ranges; negated as a whole by the condition's `negated`. */
struct kd_ranges {
    uint32_t n;
    const struct kd_range *range;
};

struct kd_words {
    uint32_t a, b; /* meaning: at the kind */
    uint32_t n;
    const struct kd_bytes *word;
};

enum kd_csum {
    KD_CSUM_IPV4,
    KD_CSUM_TCPV4,
    KD_CSUM_TCPV6,
    KD_CSUM_UDPV4,
    KD_CSUM_UDPV6,
    KD_CSUM_ICMPV4,
    KD_CSUM_ICMPV6,
    KD_CSUM_IGMP,
};

enum kd_side {
    KD_SIDE_EITHER,
    KD_SIDE_SERVER,
    KD_SIDE_CLIENT,
    KD_SIDE_BOTH,
    KD_SIDE_SRC,
    KD_SIDE_DST
};

struct kd_sided {
    enum kd_side side;
    struct kd_range range;
    struct kd_bytes word; /* iprep: category */
    bool is_unset;        /* iprep: the address is not listed */
};

/* kind, member of the union ("none": nothing more to say). */
#define KD_COND_KINDS(X)                                                                           \
    /* In looks. */                                                                                \
    X(CONTENT, content)                                                                            \
    X(PCRE, pcre)                                                                                  \
    X(BYTE_TEST, byte_test)                                                                        \
    X(BYTE_JUMP, byte_jump)                                                                        \
    X(BYTE_EXTRACT, byte_extract)                                                                  \
    X(BYTE_MATH, byte_math)                                                                        \
    X(ISDATAAT, isdataat)                                                                          \
    X(BSIZE, range)                 /* length of the buffer */                                     \
    X(BASE64_DECODE, base64_decode) /* makes the BASE64_DATA of looks behind it */                 \
    X(DATASET, dataset)                                                                            \
    X(ABSENT, words) /* no such buffer; a = 1: or what else the look says */                       \
    X(ENTROPY, entropy)                                                                            \
    /* As checks. */                                                                               \
    X(NUMBER, number)                                                                              \
    X(TCP_FLAGS, flags)                                                                            \
    X(FRAGBITS, flags)                                                                             \
    X(IPOPTS, words) /* a: option number of IPv4; b = 1: any option */                             \
    X(IP_PROTO, ranges)                                                                            \
    X(SAMEIP, words)                                                                               \
    X(CSUM, words) /* a: enum kd_csum; b: 1 valid, 0 invalid */                                    \
    X(STREAM_SIZE, sided)                                                                          \
    X(TCP_SESSION, words) /* phases */                                                             \
    X(FTPBOUNCE, words)                                                                            \
    X(GEOIP, words) /* a: enum kd_side (SRC, DST, EITHER, BOTH); countries */                      \
    X(IPREP, sided)                                                                                \
    X(FLOWBITS, bits)                                                                              \
    X(XBITS, bits)                                                                                 \
    X(HOSTBITS, bits)                                                                              \
    X(FLOWINT, flowint)                                                                            \
    X(APP_PROTO,                                                                                   \
      words) /* any of the names; a: 0, 1 final, 2 original, 3 either, 4 to_server, 5 to_client */ \
    X(APP_STATE, words) /* word[0]: [<>]state */                                                   \
    X(EVENT, event)                                                                                \
    X(RPC, words) /* program, version, procedure; "*" any */                                       \
    X(DCE_IFACE, iface)                                                                            \
    X(DCE_OPNUM, ranges)                                                                           \
    X(TLS_VERSION, words) /* a: 0x0301 … */                                                      \
    X(SSL_VERSION,                                                                                 \
      words) /* a: bits allowed, b: bits forbidden; SSL 2 1, SSL 3 2, TLS 1.0 4 … 1.3 32 */      \
    X(SSL_STATE, words) /* a, b as above; client_hello 1, server_hello 2, client_keyx 4,           \
                           server_keyx 8, unknown 16 */                                            \
    X(TLS_DATES, dates)                                                                            \
    X(SSH_PROTOVERSION, words) /* word[0]: "2.0", or "2_compat": 2 or 1.99 */                      \
    X(KRB5_TICKET_ENC, ranges) /* of 32 bits; no ranges: a weak one (DES, 3DES, RC4) */            \
    X(FILE_HASH, words)        /* a: 0 MD5, 1 SHA-1, 2 SHA-256; b: the list among the datasets; word[0]: its file */       \
    X(FILESTORE, filestore)    /* among the actions */                                             \
    X(MODBUS, modbus)                                                                              \
    X(DNP3_FUNC, range)                                                                            \
    X(DNP3_OBJ, words) /* a group, b variation */                                                  \
    X(DNP3_IND, words) /* a: any of these bits */                                                  \
    X(CIP_SERVICE, cip)                                                                            \
    X(MQTT_FLAGS, flags) /* bits: must be set, ignore: must not */                                 \
    X(MQTT_CONNECT_FLAGS, flags)                                                                   \
    X(HTTP2_SETTINGS, keyed)                                                                       \
    X(IKE_CHOSEN_SA, keyed)                                                                        \
    X(CONFIG, words) /* among the actions */

enum kd_cond_kind {
#define KD_COND_ENUM(kind, member) KD_COND_##kind,
    KD_COND_KINDS(KD_COND_ENUM)
#undef KD_COND_ENUM
        KD_COND_COUNT
};

struct kd_cond {
    uint8_t kind; /* enum kd_cond_kind */
    bool negated;
    uint16_t keyword; /* index in kd_keywords[], for messages and explanation */
    union {
        struct kd_content content;
        struct kd_pcre pcre;
        struct kd_byte_test byte_test;
        struct kd_byte_jump byte_jump;
        struct kd_byte_extract byte_extract;
        struct kd_byte_math byte_math;
        struct kd_isdataat isdataat;
        struct kd_base64_decode base64_decode;
        struct kd_dataset_test dataset;
        struct kd_range range;
        struct kd_number_cond number;
        struct kd_flags flags;
        struct kd_sided sided;
        struct kd_bits bits;
        struct kd_flowint flowint;
        struct kd_event event;
        struct kd_iface iface;
        struct kd_tls_dates dates;
        struct kd_entropy entropy;
        struct kd_keyed keyed;
        struct kd_cip cip;
        const struct kd_modbus *modbus;
        struct kd_filestore filestore;
        struct kd_ranges ranges;
        struct kd_words words;
    } is;
};

#endif
