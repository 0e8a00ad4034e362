/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the rule reader share. */
#ifndef KD_RULE_INTERNAL_H
#define KD_RULE_INTERNAL_H

#include "rule/names.h"
#include "rule/rules.h"

enum kd_why {
#define KD_WHY(id, unsupported, en, ja) KD_WHY_##id,
#include "rule/why.def"
#undef KD_WHY
    KD_WHY_COUNT
};

struct kd_parse;

enum kd_kw_value { KW_NONE, KW_OPTIONAL, KW_NEEDED };
enum kd_kw_quotes { KW_PLAIN, KW_MAY_QUOTE, KW_MUST_QUOTE, KW_RAW };

/* A keyword: one row of its family's table. */
struct kd_keyword {
    const char *name; /* and other names, comma-separated */
    bool (*parse)(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes value);
    int arg; /* for families with one function */
    enum kd_kw_value value;
    enum kd_kw_quotes quotes;
    bool may_negate;  /* "!" before a quoted value: p->negated */
    const char *form; /* how the value is written; NULL: none */
    const char *en, *ja;
};

struct kd_keyword_family {
    const char *en, *ja;
    const struct kd_keyword *row; /* ends with a NULL name */
};

extern const struct kd_keyword_family kd_keyword_families[];
extern const size_t kd_keyword_family_count;

extern const struct kd_keyword kd_keywords_meta[], kd_keywords_content[], kd_keywords_pcre[],
    kd_keywords_bytes[], kd_keywords_transform[], kd_keywords_flow[], kd_keywords_bits[],
    kd_keywords_packet[], kd_keywords_app[], kd_keywords_file[], kd_keywords_dataset[],
    kd_keywords_threshold[], kd_keywords_tls[], kd_keywords_rpc[], kd_keywords_scada[];

enum kd_hit_kind { KD_HIT_KEYWORD, KD_HIT_BUFFER, KD_HIT_MODIFIER, KD_HIT_NUMBER };

/* What a name in a rule stands for. */
struct kd_hit {
    enum kd_hit_kind kind;
    uint32_t at; /* of inspect.def or number.def */
    const struct kd_keyword *keyword;
};

enum { KD_PARSE_TRANSFORMS = 16, KD_PARSE_LOOKS = 256, KD_PARSE_VARS = 64 };

struct kd_parse_look {
    enum kd_inspect in;
    unsigned side; /* enum kd_inspect_dir; 0: as the buffer has it */
    struct kd_bytes arg;
    uint8_t n_transforms;
    struct kd_transform transform[KD_PARSE_TRANSFORMS];
    uint16_t n;
};

enum { KD_PLACE_CHECK = -1, KD_PLACE_ACT = -2 };

struct kd_pending {
    struct kd_cond cond;
    int16_t place; /* look, or KD_PLACE_… */
    uint32_t column;
};

/* The rule being read. */
struct kd_parse {
    struct kd_rules *rules;
    struct kd_rules_state *st;
    const struct kd_limits *lim;
    struct kd_rule rule;
    enum kd_why why;
    struct kd_bytes what; /* the word concerned */
    uint32_t keyword;     /* of the option being read: index in st->hits */
    bool negated;

    struct kd_parse_look look[KD_PARSE_LOOKS];
    uint16_t n_looks;
    struct kd_parse_look next; /* buffer named, not yet used */
    bool sticky;               /* a buffer is in force: `next`, or look[current] */
    bool named;                /* … and nothing was sought in it yet */
    int current;               /* look of the payload or of the buffer in force; -1: not made yet */
    int last_content;          /* in st->pending; -1 none */
    bool has_fast, has_priority;
    bool two_apps; /* they ask for two */
    bool rpc;      /* wants remote calls, over DCE/RPC or SMB */
    struct kd_bytes var[KD_PARSE_VARS];
    enum kd_rule_proto app; /* protocol that keywords ask for; KD_RP_IP none */
    uint32_t n_options;
};

struct kd_rules_state {
    struct kd_pool *pool;
    const struct kd_limits *lim;
    struct kd_arena mem;
    struct kd_name_table files, flowbits, xbits, hostbits, flowints, events, words;
    struct kd_name_table addr_texts, addr_sets, port_texts, port_sets, addr_vars, port_vars;
    struct kd_name_table data; /* names of files that rules load; values: struct kd_bytes */
    struct kd_name_table classes, references, buffers, datasets, keywords, sids;
    struct kd_buf rule_list, refusals, hits, pending, scratch, refs, metas, ranges, ranges_no,
        joined, breaks, suppressions, bad_lines;
    struct kd_parse parse;
};

/* Refuse the rule being read: `return kd_refuse(p, KD_WHY_…);` */
bool kd_refuse(struct kd_parse *p, enum kd_why why);
bool kd_refuse_word(struct kd_parse *p, enum kd_why why, struct kd_bytes word);

/* A new condition: among the checks, the actions, or in the look in force.  NULL: refused. */
struct kd_cond *kd_parse_check(struct kd_parse *p, enum kd_cond_kind kind);
struct kd_cond *kd_parse_act(struct kd_parse *p, enum kd_cond_kind kind);
struct kd_cond *kd_parse_sought(struct kd_parse *p, enum kd_cond_kind kind);
/* The same for what is relative: without a buffer in force, it goes where the last match was
 * sought. */
struct kd_cond *kd_parse_sought_next(struct kd_parse *p, enum kd_cond_kind kind);
/* … in the look of this buffer, without making it the one in force (older modifiers). */
struct kd_cond *kd_parse_sought_in(struct kd_parse *p, enum kd_cond_kind kind, enum kd_inspect in);

struct kd_pending *kd_parse_pending(struct kd_parse *p, int i);
int kd_parse_pending_count(const struct kd_parse *p);
/* The condition before the last one in the same look; NULL none. */
struct kd_pending *kd_parse_before(struct kd_parse *p, int i);

/* Name a buffer: what follows is sought there. */
bool kd_parse_buffer(struct kd_parse *p, enum kd_inspect in, struct kd_bytes arg);
/* The last content moves to this buffer (older modifiers). */
bool kd_parse_modifier(struct kd_parse *p, enum kd_inspect in);
bool kd_parse_transform(struct kd_parse *p, const struct kd_transform *t);
bool kd_parse_number_keyword(struct kd_parse *p, enum kd_number field, struct kd_bytes value);

/* The keyword speaks of this protocol. */
bool kd_parse_app(struct kd_parse *p, enum kd_rule_proto proto);

bool kd_protos_agree(enum kd_rule_proto a, enum kd_rule_proto b);

/* Helpers of keywords. */
struct kd_bytes kd_parse_copy(struct kd_parse *p, struct kd_bytes b);
bool kd_parse_name(struct kd_parse *p, struct kd_name_table *t, struct kd_bytes name,
                   uint32_t *ret);
bool kd_parse_i64(struct kd_bytes text, int64_t least, int64_t most, int64_t *ret);
bool kd_parse_value(struct kd_parse *p, struct kd_bytes text, int64_t least, int64_t most,
                    struct kd_value *ret);                                 /* number or variable */
bool kd_parse_var(struct kd_parse *p, struct kd_bytes name, uint8_t *ret); /* new or known */
struct kd_bytes kd_cut_word(struct kd_bytes *rest, uint8_t sep);           /* trimmed */
struct kd_bytes kd_cut_blank(struct kd_bytes *rest);                       /* up to white space */
/* Decode a content's text: escapes and |hex|. */
bool kd_parse_pattern(struct kd_parse *p, struct kd_bytes text, struct kd_bytes *ret);

/* A check that holds up to `most` words. */
struct kd_cond *kd_words_check(struct kd_parse *p, enum kd_cond_kind kind, size_t most,
                               struct kd_bytes **ret);
/* "OP" and "N" apart, as "server,>,10" has them. */
bool kd_parse_compared(struct kd_bytes op, struct kd_bytes number, unsigned bits,
                       struct kd_range *ret);
/* "type T, track BY, count N, seconds S, …"; *ret_has: bits of the words met, in this order. */
bool kd_threshold_words(struct kd_bytes text, struct kd_threshold *ret, unsigned *ret_has);

/* The set of the digests in this file; *ret: its number among the datasets. */
bool kd_parse_list(struct kd_parse *p, enum kd_dataset_type type, struct kd_bytes file, uint32_t *ret);

/* Header. */
bool kd_parse_header(struct kd_parse *p, struct kd_bytes header);
bool kd_parse_addresses(struct kd_parse *p, struct kd_bytes text, const struct kd_addr_set **ret);
bool kd_parse_ports(struct kd_parse *p, struct kd_bytes text, const struct kd_port_set **ret);

/* Whole rule: text without its line ends. */
bool kd_parse_rule(struct kd_parse *p, struct kd_bytes text);
bool kd_parse_settle(struct kd_parse *p); /* checks over the whole rule */

const struct kd_hit *kd_keyword_find(struct kd_rules_state *st, struct kd_bytes name,
                                     uint32_t *ret_index);
KD_MUST_USE bool kd_keywords_init(struct kd_rules_state *st);

/* Fill in why. */
void kd_refusal_explain(struct kd_refusal *r, enum kd_why why);

bool kd_defaults_init(struct kd_rules *rules);
const struct kd_rule_classtype *kd_class_find(struct kd_rules_state *st, struct kd_bytes name);

#endif
