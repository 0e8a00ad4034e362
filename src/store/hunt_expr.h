/* SPDX-License-Identifier: Apache-2.0 */
/* The hunt language.
 *
 *   expr   := term { ("and" | "or") term }, "and" binds stronger; "not" and parentheses as usual
 *   term   := field op value | field "in" "(" value { "," value } ")"
 *   op     := =  !=  <  <=  >  >=  ~       (~: contains, ASCII letters without case)
 *   field  := JSON path of a record ("dns.rrname"), or one of
 *             ip (any address of the record), port (either), name (host, server and terminal
 * names), user, hash (any digest or fingerprint), any (all of these: every indexed field) value  :=
 * "quoted, \" and \\ escaped" or a bare word of letters, digits and . : / - _ * @ % + $ \ ? & #
 *
 * Addresses may be prefixes (10.1.0.0/16).  Texts compare without ASCII case.  Times are RFC 3339;
 * a record's own time is chosen by the window beside the expression.  `field != value` asks for
 * records that have the field with another value; `not field = value` also takes those without it.
 * A list's field is true when one item is. */
#ifndef KD_STORE_HUNT_EXPR_H
#define KD_STORE_HUNT_EXPR_H

#include "base/clock.h"
#include "store/layout.h"

enum {
    KD_HUNT_TEXT_MAX = 8 * 1024, /* bytes of an expression */
    KD_HUNT_NODES_MAX = 256,
    KD_HUNT_VALUES_MAX = 1024,
    KD_HUNT_DEPTH_MAX = 32
};

enum kd_hunt_op {
    KD_HUNT_EQ,
    KD_HUNT_NE,
    KD_HUNT_LT,
    KD_HUNT_LE,
    KD_HUNT_GT,
    KD_HUNT_GE,
    KD_HUNT_HAS,
    KD_HUNT_IN
};
enum kd_hunt_kind { KD_HUNT_ALL, KD_HUNT_AND, KD_HUNT_OR, KD_HUNT_NOT, KD_HUNT_TERM };

/* A value in every sense it can have. */
struct kd_hunt_value {
    struct kd_bytes text; /* unescaped, lower case; lives as long as the expression */
    struct kd_net net;
    struct kd_bytes hex; /* the bytes, when the text is hexadecimal of whole bytes */
    struct kd_mac mac;
    uint64_t number;
    uint64_t time_us;
    uint64_t key_text, key_addr, key_hex, key_mac; /* for the Bloom filters */
    bool is_net, is_single, is_number, is_time, is_mac;
};

/* Where a field of the expression is in records of one type. */
struct kd_hunt_fields {
    uint8_t leaf[KD_LEAVES_MAX];
    uint8_t n;
};

struct kd_hunt_node {
    enum kd_hunt_kind kind;
    uint16_t left, right; /* AND, OR: both; NOT: left */
    enum kd_hunt_op op;   /* TERM */
    uint16_t value, n_values;
    struct kd_hunt_fields *fields; /* TERM: KD_TYPES of them */
};

struct kd_hunt_expr {
    struct kd_hunt_node node[KD_HUNT_NODES_MAX];
    size_t n_nodes;
    struct kd_hunt_value value[KD_HUNT_VALUES_MAX];
    size_t n_values;
    uint16_t root;
    uint64_t types; /* record types that can match at all */
    uint8_t text[2 * KD_HUNT_TEXT_MAX];
    size_t n_text;
};

/* Parse.  An empty text means everything.  On failure err->at is the byte offset of the trouble and
 * err->what says it in English.  Free with kd_hunt_expr_free(). */
KD_MUST_USE enum kd_status kd_hunt_parse(struct kd_bytes text, int zone_s,
                                         struct kd_hunt_expr **ret, struct kd_err *err);
void kd_hunt_expr_free(struct kd_hunt_expr *e);

#endif
