/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in the data: byte_test, byte_jump, byte_extract, byte_math. */
#include "rule/internal.h"

enum { FAR = 65535 };

/* A word that belongs to the field, for all four; *ret_known tells. */
static bool field_word(struct kd_parse *p, struct kd_bytes word, struct kd_byte_field *f,
                       bool *ret_known)
{
    struct kd_bytes rest = word;
    struct kd_bytes name = kd_cut_blank(&rest);
    uint64_t n;
    *ret_known = true;
    if (kd_bytes_eq_str(word, "relative"))
        f->relative = true;
    else if (kd_bytes_eq_str(word, "big"))
        f->endian = KD_ENDIAN_BIG;
    else if (kd_bytes_eq_str(word, "little"))
        f->endian = KD_ENDIAN_LITTLE;
    else if (kd_bytes_eq_str(word, "dce"))
        f->endian = KD_ENDIAN_DCE;
    else if (kd_bytes_eq_str(word, "string"))
        f->is_text = true;
    else if (kd_bytes_eq_str(word, "dec"))
        f->base = 10;
    else if (kd_bytes_eq_str(word, "hex"))
        f->base = 16;
    else if (kd_bytes_eq_str(word, "oct"))
        f->base = 8;
    else if (kd_bytes_eq_str(name, "bitmask")) {
        if (!kd_number_parse(rest, 32, "", &n) || n == 0)
            return kd_refuse_word(p, KD_WHY_NUMBER, word);
        f->mask = (uint32_t)n;
    } else
        *ret_known = false;
    return true;
}

static bool field_done(struct kd_parse *p, struct kd_byte_field *f)
{
    if (f->base != 0 && !f->is_text)
        return kd_refuse_word(p, KD_WHY_VALUE, kd_str("string"));
    /* No number of bytes: as many digits as there are. */
    int64_t most = f->is_text ? 23 : 8;
    if (f->nbytes.var < 0 && (f->nbytes.n > most))
        return kd_refuse(p, KD_WHY_NUMBER);
    if (f->endian == KD_ENDIAN_DCE)
        (void)kd_parse_app(p, KD_RP_DCERPC);
    return true;
}

static struct kd_cond *sought(struct kd_parse *p, enum kd_cond_kind kind,
                              const struct kd_byte_field *f)
{
    return f->relative ? kd_parse_sought_next(p, kind) : kd_parse_sought(p, kind);
}

/* "[!]OP" */
static bool operation(struct kd_bytes text, enum kd_byte_op *op, bool *negated)
{
    static const struct {
        const char *sign;
        enum kd_byte_op op;
    } ops[] = {{"<", KD_OP_LT},  {">", KD_OP_GT},  {"=", KD_OP_EQ}, {"<=", KD_OP_LE},
               {">=", KD_OP_GE}, {"&", KD_OP_AND}, {"^", KD_OP_OR}};
    *negated = kd_bytes_at(text, 0) == '!';
    if (*negated)
        text = kd_bytes_trim(kd_bytes_from(text, 1));
    if (*negated && text.n == 0) {
        *op = KD_OP_EQ;
        return true;
    }
    for (size_t i = 0; i < KD_COUNT(ops); i++)
        if (kd_bytes_eq_str(text, ops[i].sign)) {
            *op = ops[i].op;
            return true;
        }
    return false;
}

/* Numbers of text form reach 64 bits: the sign bit is one of them. */
static bool wide_value(struct kd_parse *p, struct kd_bytes text, struct kd_value *ret)
{
    uint64_t n;
    if (kd_number_parse(text, 64, "", &n)) {
        *ret = (struct kd_value){(int64_t)n, -1};
        return true;
    }
    return kd_parse_value(p, text, INT64_MIN, INT64_MAX, ret);
}

static bool byte_test(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_byte_test t = {0};
    bool negated, known;
    (void)kw;
    struct kd_bytes nbytes = kd_cut_word(&v, ','), op = kd_cut_word(&v, ',');
    struct kd_bytes value = kd_cut_word(&v, ','), offset = kd_cut_word(&v, ',');
    if (!kd_parse_value(p, nbytes, 0, 23, &t.field.nbytes))
        return false;
    if (!operation(op, &t.op, &negated))
        return kd_refuse_word(p, KD_WHY_VALUE, op);
    if (!wide_value(p, value, &t.value) || !kd_parse_value(p, offset, -FAR, FAR, &t.field.offset))
        return false;
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        if (!field_word(p, word, &t.field, &known))
            return false;
        if (!known)
            return kd_refuse_word(p, KD_WHY_VALUE, word);
    }
    struct kd_cond *c;
    if (!field_done(p, &t.field) || (c = sought(p, KD_COND_BYTE_TEST, &t.field)) == NULL)
        return false;
    c->negated = negated;
    c->is.byte_test = t;
    return true;
}

/* "name N" where N is a number */
static bool named_number(struct kd_bytes word, const char *name, int64_t least, int64_t most,
                         int64_t *ret)
{
    struct kd_bytes head = kd_cut_blank(&word);
    return kd_bytes_eq_str(head, name) && kd_parse_i64(word, least, most, ret);
}

static bool jump_word(struct kd_parse *p, struct kd_bytes word, struct kd_byte_jump *j)
{
    struct kd_bytes rest = word;
    int64_t n;
    bool known;
    if (!field_word(p, word, &j->field, &known) || known)
        return known;
    if (kd_bytes_eq_str(word, "align"))
        j->align = true;
    else if (kd_bytes_eq_str(word, "from_beginning"))
        j->from_beginning = true;
    else if (kd_bytes_eq_str(word, "from_end"))
        j->from_end = true;
    else if (named_number(word, "multiplier", 1, FAR, &n))
        j->multiplier = (uint32_t)n;
    else if (kd_bytes_eq_str(kd_cut_blank(&rest), "post_offset"))
        return kd_parse_value(p, rest, -FAR, FAR, &j->post_offset);
    else
        return kd_refuse_word(p, KD_WHY_VALUE, word);
    return true;
}

static bool byte_jump(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_byte_jump j = {.multiplier = 1, .post_offset = {.var = -1}};
    (void)kw;
    struct kd_bytes nbytes = kd_cut_word(&v, ','), offset = kd_cut_word(&v, ',');
    if (!kd_parse_value(p, nbytes, 0, 23, &j.field.nbytes) ||
        !kd_parse_value(p, offset, -FAR, FAR, &j.field.offset))
        return false;
    while (v.n > 0)
        if (!jump_word(p, kd_cut_word(&v, ','), &j))
            return false;
    struct kd_cond *c;
    if (!field_done(p, &j.field) || (c = sought(p, KD_COND_BYTE_JUMP, &j.field)) == NULL)
        return false;
    c->is.byte_jump = j;
    return true;
}

static bool extract_word(struct kd_parse *p, struct kd_bytes word, struct kd_byte_extract *e)
{
    int64_t n;
    bool known;
    if (!field_word(p, word, &e->field, &known) || known)
        return known;
    if (named_number(word, "multiplier", 1, FAR, &n))
        e->multiplier = (uint32_t)n;
    else if (named_number(word, "align", 2, 4, &n) && n != 3)
        e->align = (uint8_t)n;
    else
        return kd_refuse_word(p, KD_WHY_VALUE, word);
    return true;
}

static bool byte_extract(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_byte_extract e = {.multiplier = 1};
    (void)kw;
    struct kd_bytes nbytes = kd_cut_word(&v, ','), offset = kd_cut_word(&v, ',');
    struct kd_bytes name = kd_cut_word(&v, ',');
    if (!kd_parse_value(p, nbytes, 1, 23, &e.field.nbytes) ||
        !kd_parse_value(p, offset, -FAR, FAR, &e.field.offset))
        return false;
    while (v.n > 0)
        if (!extract_word(p, kd_cut_word(&v, ','), &e))
            return false;
    struct kd_cond *c;
    if (!field_done(p, &e.field) || (c = sought(p, KD_COND_BYTE_EXTRACT, &e.field)) == NULL ||
        !kd_parse_var(p, name, &e.var))
        return false;
    c->is.byte_extract = e;
    return true;
}

static bool math_oper(struct kd_bytes text, char *ret)
{
    static const char *const opers[] = {"+", "-", "*", "/", "<<", ">>"};
    for (size_t i = 0; i < KD_COUNT(opers); i++)
        if (kd_bytes_eq_str(text, opers[i])) {
            *ret = opers[i][0];
            return true;
        }
    return false;
}

struct math {
    struct kd_byte_math m;
    unsigned seen; /* bits of words */
    struct kd_bytes result;
};

/* "bytes 4", "offset 0", "oper +", "rvalue 10", "result name", "endian big", "string dec", … */
static bool math_word(struct kd_parse *p, struct kd_bytes word, struct math *m)
{
    static const char *const names[] = {"bytes",  "offset", "oper",  "rvalue",
                                        "result", "endian", "string"};
    struct kd_bytes rest = word;
    struct kd_bytes name = kd_cut_blank(&rest);
    unsigned i = 0;
    bool known = false;
    while (i < KD_COUNT(names) && !kd_bytes_eq_str(name, names[i]))
        i++;
    if (i < KD_COUNT(names) && (m->seen & 1u << i) != 0)
        return kd_refuse_word(p, KD_WHY_TWICE, word);
    m->seen |= 1u << i;
    switch (i) {
    case 0:
        return kd_parse_value(p, rest, 1, 10, &m->m.field.nbytes);
    case 1:
        return kd_parse_value(p, rest, -FAR, FAR, &m->m.field.offset);
    case 2:
        return math_oper(rest, &m->m.oper) || kd_refuse_word(p, KD_WHY_VALUE, word);
    case 3:
        return kd_parse_value(p, rest, 1, UINT32_MAX, &m->m.rvalue);
    case 4:
        m->result = rest;
        return rest.n > 0 || kd_refuse_word(p, KD_WHY_EMPTY, word);
    case 5:
    case 6:
        m->m.field.is_text |= i == 6;
        known = false;
        return (field_word(p, rest, &m->m.field, &known) && known) ||
               kd_refuse_word(p, KD_WHY_VALUE, word);
    default:
        break;
    }
    if (!field_word(p, word, &m->m.field, &known))
        return false;
    return known || kd_refuse_word(p, KD_WHY_VALUE, word);
}

static bool byte_math(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { NEEDED = 0x1f };
    struct math m = {0};
    (void)kw;
    while (v.n > 0)
        if (!math_word(p, kd_cut_word(&v, ','), &m))
            return false;
    if ((m.seen & NEEDED) != NEEDED)
        return kd_refuse(p, KD_WHY_VALUE_MISSING);
    bool shift = m.m.oper == '<' || m.m.oper == '>';
    if (shift && m.m.rvalue.var < 0 && m.m.rvalue.n > 31)
        return kd_refuse(p, KD_WHY_NUMBER);
    struct kd_cond *c;
    if (!field_done(p, &m.m.field) || (c = sought(p, KD_COND_BYTE_MATH, &m.m.field)) == NULL ||
        !kd_parse_var(p, m.result, &m.m.var))
        return false;
    c->is.byte_math = m.m;
    return true;
}

const struct kd_keyword kd_keywords_bytes[] = {
    {"byte_test", byte_test, 0, KW_NEEDED, KW_PLAIN, false,
     "BYTES, [!]OP, VALUE, OFFSET[, relative][, big|little|dce][, string, dec|hex|oct][, bitmask "
     "M]",
     "a number in the data compared with a value", "データ中の数値を比べる"},
    {"byte_jump", byte_jump, 0, KW_NEEDED, KW_PLAIN, false,
     "BYTES, OFFSET[, relative][, multiplier N][, big|little|dce][, string, dec|hex|oct][, "
     "align][, from_beginning|from_end][, post_offset N][, bitmask M]",
     "go on behind as many bytes as a number in the data says", "データ中の数値だけ先へ進む"},
    {"byte_extract", byte_extract, 0, KW_NEEDED, KW_PLAIN, false,
     "BYTES, OFFSET, NAME[, relative][, multiplier N][, big|little|dce][, string, dec|hex|oct][, "
     "align 2|4][, bitmask M]",
     "a number in the data into a variable", "データ中の数値を変数に入れる"},
    {"byte_math", byte_math, 0, KW_NEEDED, KW_PLAIN, false,
     "bytes N, offset N, oper +|-|*|/|<<|>>, rvalue N, result NAME[, relative][, endian "
     "big|little][, string dec|hex|oct][, dce][, bitmask M]",
     "reckon with a number in the data", "データ中の数値で計算する"},
    {0},
};
