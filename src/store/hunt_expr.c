/* SPDX-License-Identifier: Apache-2.0 */
#include "store/hunt_expr.h"

#include "store/bloom.h"

struct lexer {
    struct kd_bytes text;
    size_t at;
    size_t start; /* of the current token */
    enum { T_END, T_WORD, T_STRING, T_OP, T_OPEN, T_CLOSE, T_COMMA, T_BAD } token;
    struct kd_bytes word; /* WORD, OP: as written; STRING: between the quotes */
};

struct parser {
    struct lexer lex;
    struct kd_hunt_expr *e;
    int zone_s;
    unsigned depth;
    struct kd_err *err;
    bool failed;
};

static bool is_word_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           c >= 0x80 || (c != 0 && strchr(".:/-_*@%+$\\?&#", c) != NULL);
}

static uint8_t byte_at(const struct lexer *l, size_t at)
{
    return at < l->text.n ? l->text.p[at] : 0;
}

static void lex_string(struct lexer *l)
{
    size_t begin = ++l->at;
    while (l->at < l->text.n && l->text.p[l->at] != '"')
        l->at += l->text.p[l->at] == '\\' && l->at + 1 < l->text.n ? 2 : 1;
    l->token = l->at < l->text.n ? T_STRING : T_BAD;
    l->word = kd_bytes_head(kd_bytes_from(l->text, begin), l->at - begin);
    l->at++;
}

static void lex_next(struct lexer *l)
{
    while (l->at < l->text.n && strchr(" \t\r\n", byte_at(l, l->at)) != NULL &&
           byte_at(l, l->at) != 0)
        l->at++;
    l->start = l->at;
    uint8_t c = byte_at(l, l->at);
    if (l->at >= l->text.n) {
        l->token = T_END;
    } else if (c == '"') {
        lex_string(l);
    } else if (c == '(' || c == ')' || c == ',') {
        l->token = c == '(' ? T_OPEN : c == ')' ? T_CLOSE : T_COMMA;
        l->at++;
    } else if (c != 0 && strchr("=!<>~", c) != NULL) {
        l->at += byte_at(l, l->at + 1) == '=' ? 2 : 1;
        l->token = T_OP;
        l->word = kd_bytes_head(kd_bytes_from(l->text, l->start), l->at - l->start);
    } else if (is_word_byte(c)) {
        while (l->at < l->text.n && is_word_byte(l->text.p[l->at]))
            l->at++;
        l->token = T_WORD;
        l->word = kd_bytes_head(kd_bytes_from(l->text, l->start), l->at - l->start);
    } else {
        l->token = T_BAD;
    }
}

static uint16_t fail(struct parser *p, const char *what)
{
    if (!p->failed)
        (void)kd_fail(p->err, KD_MALFORMED, p->lex.start, what);
    p->failed = true;
    return 0;
}

static uint16_t new_node(struct parser *p, enum kd_hunt_kind kind, uint16_t left, uint16_t right)
{
    if (p->e->n_nodes == KD_HUNT_NODES_MAX)
        return fail(p, "the expression has too many terms");
    p->e->node[p->e->n_nodes] = (struct kd_hunt_node){.kind = kind, .left = left, .right = right};
    return (uint16_t)p->e->n_nodes++;
}

/* ---- values ---- */

static struct kd_bytes keep_text(struct parser *p, struct kd_bytes raw, bool quoted)
{
    struct kd_hunt_expr *e = p->e;
    size_t begin = e->n_text;
    for (size_t i = 0; i < raw.n; i++) {
        if (quoted && raw.p[i] == '\\' && i + 1 < raw.n)
            i++;
        e->text[e->n_text++] = kd_ascii_lower(raw.p[i]); /* room: unescaped is never longer */
    }
    return kd_bytes_of(e->text + begin, e->n_text - begin);
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct kd_bytes keep_hex(struct parser *p, struct kd_bytes text)
{
    struct kd_hunt_expr *e = p->e;
    if (text.n == 0 || text.n % 2 != 0)
        return kd_bytes_of(NULL, 0);
    size_t begin = e->n_text;
    for (size_t i = 0; i < text.n; i += 2) {
        int high = hex_digit(text.p[i]);
        int low = hex_digit(text.p[i + 1]);
        if (high < 0 || low < 0) {
            e->n_text = begin;
            return kd_bytes_of(NULL, 0);
        }
        e->text[e->n_text++] = (uint8_t)(high << 4 | low);
    }
    return kd_bytes_of(e->text + begin, e->n_text - begin);
}

static bool parse_mac(struct kd_bytes text, struct kd_mac *ret)
{
    if (text.n != 17)
        return false;
    for (size_t i = 0; i < 6; i++) {
        int high = hex_digit(text.p[i * 3]);
        int low = hex_digit(text.p[i * 3 + 1]);
        if (high < 0 || low < 0 || (i < 5 && text.p[i * 3 + 2] != ':' && text.p[i * 3 + 2] != '-'))
            return false;
        ret->b[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Names of numbers: protocols as EVE writes them, truth values. */
static bool number_of_word(struct kd_bytes text, uint64_t *ret)
{
    static const struct {
        const char *word;
        uint8_t number;
    } word[] = {{"icmp", 1},   {"tcp", 6},  {"udp", 17}, {"ipv6-icmp", 58},
                {"sctp", 132}, {"true", 1}, {"false", 0}};
    for (size_t i = 0; i < KD_COUNT(word); i++)
        if (kd_bytes_eq_str(text, word[i].word)) {
            *ret = word[i].number;
            return true;
        }
    return kd_bytes_to_u64(text, UINT64_MAX, ret);
}

static void add_value(struct parser *p, struct kd_hunt_node *term)
{
    struct kd_hunt_expr *e = p->e;
    if (p->lex.token != T_WORD && p->lex.token != T_STRING) {
        fail(p, p->lex.token == T_BAD ? "this character or an open quotation mark"
                                      : "a value is missing");
        return;
    }
    if (e->n_values == KD_HUNT_VALUES_MAX) {
        fail(p, "the expression has too many values");
        return;
    }
    struct kd_hunt_value *v = &e->value[e->n_values];
    *v = (struct kd_hunt_value){0};
    v->text = keep_text(p, p->lex.word, p->lex.token == T_STRING);
    if (v->text.n == 0) {
        fail(p, "an empty value");
        return;
    }
    v->hex = keep_hex(p, v->text);
    v->is_net = kd_net_parse(v->text, &v->net);
    v->is_single = v->is_net && v->net.bits == 128;
    v->is_number = number_of_word(v->text, &v->number);
    v->is_time = kd_time_parse(p->lex.word, p->zone_s, &v->time_us);
    v->is_mac = parse_mac(v->text, &v->mac);
    v->key_text = kd_bloom_key_text(v->text);
    v->key_addr = kd_bloom_key_bytes(kd_bytes_of(v->net.addr.b, sizeof(v->net.addr.b)));
    v->key_hex = kd_bloom_key_bytes(v->hex);
    v->key_mac = kd_bloom_key_bytes(kd_bytes_of(v->mac.b, sizeof(v->mac.b)));
    term->n_values++;
    e->n_values++;
    lex_next(&p->lex);
}

/* ---- fields ---- */

static bool is_one_of(const char *path, const char *const *list)
{
    for (; *list != NULL; list++)
        if (strcmp(path, *list) == 0)
            return true;
    return false;
}

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot == NULL ? path : dot + 1;
}

/* The short-hands take indexed leaves only, so that a look-up by equality can skip blocks. */
static bool leaf_is(const struct kd_leaf *l, const char *field)
{
    static const char *const names[] = {"rrname", "hostname", "sni",      "host",
                                        "name",   "share",    "filename", "subjectaltname",
                                        "sname",  NULL};
    static const char *const users[] = {"user", "cname", "auth_user", "mail_from",
                                        "from", "to",    "rcpt_to",   NULL};
    static const char *const hashes[] = {
        "md5", "sha1", "sha256",          "fingerprint", "fingerprint_sha256",
        "ja4", "hash", "response_sha256", NULL};
    static const char *const texts_of_addresses[] = {"rdata", "addresses", NULL};
    const char *last = last_part(l->path);
    if (strcmp(field, l->path) == 0)
        return true;
    if (strcmp(field, "port") == 0)
        return strcmp(l->path, "src_port") == 0 || strcmp(l->path, "dest_port") == 0;
    if (!kd_leaf_is_indexed(l))
        return false;
    if (strcmp(field, "ip") == 0)
        return l->type == KD_T_ADDR || is_one_of(last, texts_of_addresses);
    if (strcmp(field, "name") == 0)
        return l->type == KD_T_STR && is_one_of(last, names);
    if (strcmp(field, "user") == 0)
        return is_one_of(last, users);
    if (strcmp(field, "hash") == 0)
        return is_one_of(last, hashes);
    return strcmp(field, "any") == 0;
}

/* event_type is not a column: it is which group a record stands in.  Its leaf is given as 255. */
static void resolve(struct parser *p, struct kd_hunt_node *term, struct kd_bytes name)
{
    char field[KD_PATH_MAX];
    if (name.n >= sizeof(field)) {
        fail(p, "no such field");
        return;
    }
    for (size_t i = 0; i < name.n; i++)
        field[i] = (char)name.p[i];
    field[name.n] = '\0';
    term->fields = calloc(KD_TYPES, sizeof(*term->fields));
    if (term->fields == NULL) {
        fail(p, "out of memory");
        return;
    }
    bool any = strcmp(field, "event_type") == 0;
    for (unsigned t = 0; t < KD_TYPES; t++) {
        const struct kd_layout *l = kd_layout_of(t);
        struct kd_hunt_fields *f = &term->fields[t];
        for (size_t i = 0; l != NULL && i < l->n; i++) {
            bool list = l->leaf[i].type == KD_T_STRS || l->leaf[i].type == KD_T_LIST;
            if (!list && leaf_is(&l->leaf[i], field))
                f->leaf[f->n++] = (uint8_t)i;
        }
        any = any || f->n > 0;
    }
    if (!any)
        fail(p, "no such field");
}

/* ---- grammar ---- */

static bool is_keyword(const struct lexer *l, const char *word)
{
    return l->token == T_WORD && kd_bytes_ieq(l->word, kd_str(word));
}

static bool take_op(struct parser *p, enum kd_hunt_op *ret)
{
    static const char *const ops[] = {"=", "!=", "<", "<=", ">", ">=", "~"};
    if (is_keyword(&p->lex, "in")) {
        *ret = KD_HUNT_IN;
        return true;
    }
    if (p->lex.token != T_OP)
        return false;
    for (size_t i = 0; i < KD_COUNT(ops); i++)
        if (kd_bytes_eq_str(p->lex.word, ops[i])) {
            *ret = (enum kd_hunt_op)i;
            return true;
        }
    if (kd_bytes_eq_str(p->lex.word, "=="))
        return true; /* *ret is EQ */
    return false;
}

static uint16_t parse_term(struct parser *p)
{
    if (p->lex.token != T_WORD)
        return fail(p, p->lex.token == T_BAD ? "this character or an open quotation mark"
                                             : "a field is missing");
    struct kd_hunt_node term = {.kind = KD_HUNT_TERM, .value = (uint16_t)p->e->n_values};
    struct kd_bytes name = p->lex.word;
    uint16_t at = new_node(p, KD_HUNT_TERM, 0, 0);
    if (!p->failed)
        resolve(p, &term, name);
    p->e->node[at].fields = term.fields; /* owned by the expression from here on */
    bool is_type = kd_bytes_eq_str(name, "event_type");
    lex_next(&p->lex);
    if (!p->failed && !take_op(p, &term.op))
        return fail(p, "one of = != < <= > >= ~ in is missing");
    lex_next(&p->lex);
    if (!p->failed && term.op != KD_HUNT_IN) {
        add_value(p, &term);
    } else if (!p->failed) {
        if (p->lex.token != T_OPEN)
            return fail(p, "( is missing");
        do {
            lex_next(&p->lex);
            add_value(p, &term);
        } while (!p->failed && p->lex.token == T_COMMA);
        if (!p->failed && p->lex.token != T_CLOSE)
            return fail(p, ") is missing");
        lex_next(&p->lex);
    }
    if (p->failed)
        return 0;
    if (is_type && term.op != KD_HUNT_EQ && term.op != KD_HUNT_NE && term.op != KD_HUNT_IN)
        return fail(p, "event_type takes =, != or in");
    p->e->node[at] = term;
    return at;
}

static uint16_t parse_or(struct parser *p);

static uint16_t parse_unary(struct parser *p)
{
    bool negate = false;
    for (; is_keyword(&p->lex, "not"); lex_next(&p->lex))
        negate = !negate;
    uint16_t at;
    if (p->lex.token == T_OPEN) {
        if (++p->depth > KD_HUNT_DEPTH_MAX)
            return fail(p, "too many parentheses");
        lex_next(&p->lex);
        at = parse_or(p);
        if (!p->failed && p->lex.token != T_CLOSE)
            return fail(p, ") is missing");
        lex_next(&p->lex);
        p->depth--;
    } else {
        at = parse_term(p);
    }
    return negate && !p->failed ? new_node(p, KD_HUNT_NOT, at, 0) : at;
}

static uint16_t parse_and(struct parser *p)
{
    uint16_t left = parse_unary(p);
    while (!p->failed && is_keyword(&p->lex, "and")) {
        lex_next(&p->lex);
        uint16_t right = parse_unary(p);
        left = new_node(p, KD_HUNT_AND, left, right);
    }
    return left;
}

static uint16_t parse_or(struct parser *p)
{
    uint16_t left = parse_and(p);
    while (!p->failed && is_keyword(&p->lex, "or")) {
        lex_next(&p->lex);
        uint16_t right = parse_and(p);
        left = new_node(p, KD_HUNT_OR, left, right);
    }
    return left;
}

static uint64_t all_types(void)
{
    uint64_t types = 0;
    for (unsigned t = 0; t < KD_TYPES; t++)
        types |= kd_layout_of(t) != NULL ? (uint64_t)1 << t : 0;
    return types;
}

/* The record types a subtree can be true for. */
static uint64_t types_of(const struct kd_hunt_expr *e, uint16_t at)
{
    const struct kd_hunt_node *n = &e->node[at];
    uint64_t types = 0;
    bool is_type = true;
    switch (n->kind) {
    case KD_HUNT_AND:
        return types_of(e, n->left) & types_of(e, n->right);
    case KD_HUNT_OR:
        return types_of(e, n->left) | types_of(e, n->right);
    case KD_HUNT_TERM:
        for (unsigned t = 0; t < KD_TYPES; t++) {
            types |= n->fields[t].n > 0 ? (uint64_t)1 << t : 0;
            is_type = is_type && n->fields[t].n == 0;
        }
        for (unsigned t = 0; is_type && t < KD_TYPES; t++)
            for (size_t i = 0; kd_layout_of(t) != NULL && i < n->n_values; i++)
                if (kd_schema_is(kd_layout_of(t)->schema, e->value[n->value + i].text))
                    types |= (uint64_t)1 << t;
        return is_type && n->op == KD_HUNT_NE ? all_types() & ~types : types;
    default:
        return all_types();
    }
}

enum kd_status kd_hunt_parse(struct kd_bytes text, int zone_s, struct kd_hunt_expr **ret,
                             struct kd_err *err)
{
    if (text.n > KD_HUNT_TEXT_MAX)
        return kd_fail(err, KD_LIMIT, KD_HUNT_TEXT_MAX, "the expression is too long");
    struct kd_hunt_expr *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return kd_fail(err, KD_NO_MEMORY, 0, "hunt");
    struct parser p = {.lex = {.text = text}, .e = e, .zone_s = zone_s, .err = err};
    lex_next(&p.lex);
    e->root = p.lex.token == T_END ? new_node(&p, KD_HUNT_ALL, 0, 0) : parse_or(&p);
    if (!p.failed && p.lex.token != T_END)
        (void)fail(&p, p.lex.token == T_BAD ? "this character or an open quotation mark"
                                            : "\"and\" or \"or\" is missing");
    if (p.failed) {
        kd_hunt_expr_free(e);
        return KD_MALFORMED;
    }
    e->types = types_of(e, e->root);
    *ret = e;
    return KD_OK;
}

void kd_hunt_expr_free(struct kd_hunt_expr *e)
{
    if (e == NULL)
        return;
    for (size_t i = 0; i < e->n_nodes; i++)
        free(e->node[i].fields);
    free(e);
}
