/* SPDX-License-Identifier: Apache-2.0 */
/* What rules remember: flowbits, xbits, hostbits, flowint. */
#include "rule/internal.h"

static bool command(struct kd_bytes text, enum kd_bits_do *ret)
{
    static const char *const names[] = {"set", "unset", "toggle", "isset", "isnotset"};
    for (size_t i = 0; i < KD_COUNT(names); i++)
        if (kd_bytes_ieq(text, kd_str(names[i]))) {
            *ret = (enum kd_bits_do)i;
            return true;
        }
    return false;
}

static bool is_name(struct kd_bytes b)
{
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] <= ' ' || b.p[i] == ';')
            return false;
    return b.n > 0;
}

/* "a|b|c" */
static bool names(struct kd_parse *p, struct kd_name_table *t, struct kd_bytes text,
                  struct kd_bits *ret)
{
    enum { NAMES_MAX = 256 };
    size_t n = 1;
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '|';
    if (n > NAMES_MAX)
        return kd_refuse(p, KD_WHY_TOO_MANY_NAMES);
    uint32_t *id = kd_arena_alloc(&p->st->mem, n * sizeof(*id));
    if (id == NULL)
        return kd_refuse(p, KD_WHY_NO_MEMORY);
    ret->name = id;
    while (text.n > 0) {
        struct kd_bytes name = kd_cut_word(&text, '|');
        if (!is_name(name))
            return kd_refuse_word(p, KD_WHY_BITS, name);
        if (!kd_parse_name(p, t, name, &id[ret->n++]))
            return false;
    }
    return ret->n > 0 || kd_refuse(p, KD_WHY_BITS);
}

static bool put(struct kd_parse *p, enum kd_cond_kind kind, const struct kd_bits *b)
{
    bool asks = b->what == KD_BITS_ISSET || b->what == KD_BITS_ISNOTSET;
    if (!asks && b->n > 1)
        return kd_refuse(p, KD_WHY_BITS);
    struct kd_cond *c = asks ? kd_parse_check(p, kind) : kd_parse_act(p, kind);
    if (c != NULL)
        c->is.bits = *b;
    return c != NULL;
}

static bool flowbits(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bits b = {.by = KD_BITS_BY_FLOW};
    struct kd_bytes rest = v;
    (void)kw;
    struct kd_bytes what = kd_cut_word(&rest, ',');
    if (kd_bytes_ieq(what, kd_str("noalert"))) {
        p->rule.noalert = true;
        return rest.n == 0 || kd_refuse_word(p, KD_WHY_BITS, v);
    }
    if (!command(what, &b.what))
        return kd_refuse_word(p, KD_WHY_BITS, what);
    return names(p, &p->st->flowbits, kd_bytes_trim(rest), &b) && put(p, KD_COND_FLOWBITS, &b);
}

/* "CMD,NAME,track ip_src|ip_dst|ip_pair|tx[,expire N]" */
static bool xbits(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bits b = {.by = KD_BITS_BY_PAIR};
    (void)kw;
    struct kd_bytes what = kd_cut_word(&v, ',');
    if (kd_bytes_ieq(what, kd_str("noalert"))) {
        p->rule.noalert = true;
        return true;
    }
    struct kd_bytes name = kd_cut_word(&v, ',');
    if (!command(what, &b.what))
        return kd_refuse_word(p, KD_WHY_BITS, what);
    bool tracked = false;
    while (v.n > 0) {
        struct kd_bytes rest = kd_cut_word(&v, ','), all = rest;
        struct kd_bytes word = kd_cut_blank(&rest);
        uint64_t n = 0;
        if (kd_bytes_eq_str(word, "track")) {
            tracked = true;
            b.by = kd_bytes_eq_str(rest, "ip_src")    ? KD_BITS_BY_SRC
                   : kd_bytes_eq_str(rest, "ip_dst")  ? KD_BITS_BY_DST
                   : kd_bytes_eq_str(rest, "ip_pair") ? KD_BITS_BY_PAIR
                   : kd_bytes_eq_str(rest, "tx")      ? KD_BITS_BY_TX
                                                      : KD_BITS_BY_FLOW;
            if (b.by == KD_BITS_BY_FLOW)
                return kd_refuse_word(p, KD_WHY_BITS, all);
        } else if (kd_bytes_eq_str(word, "expire") && kd_bytes_to_u64(rest, INT32_MAX, &n) &&
                   n > 0) {
            b.expire_s = (uint32_t)n;
        } else {
            return kd_refuse_word(p, KD_WHY_BITS, all);
        }
    }
    if (!tracked)
        return kd_refuse(p, KD_WHY_BITS);
    return names(p, &p->st->xbits, name, &b) && put(p, KD_COND_XBITS, &b);
}

/* "CMD,NAME[,src|dst|both]" */
static bool hostbits(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_bits b = {.by = KD_BITS_BY_SRC};
    (void)kw;
    struct kd_bytes what = kd_cut_word(&v, ','), name = kd_cut_word(&v, ',');
    struct kd_bytes side = kd_bytes_trim(v);
    if (kd_bytes_ieq(what, kd_str("noalert"))) {
        p->rule.noalert = true;
        return true;
    }
    if (!command(what, &b.what))
        return kd_refuse_word(p, KD_WHY_BITS, what);
    if (kd_bytes_eq_str(side, "dst"))
        b.by = KD_BITS_BY_DST;
    else if (kd_bytes_eq_str(side, "both"))
        b.by = KD_BITS_BY_BOTH;
    else if (side.n > 0 && !kd_bytes_eq_str(side, "src"))
        return kd_refuse_word(p, KD_WHY_BITS, side);
    return names(p, &p->st->hostbits, name, &b) && put(p, KD_COND_HOSTBITS, &b);
}

/* "NAME, OP, VALUE|NAME", "NAME, isset|isnotset|notset" */
static bool flowint(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char *const ops[] = {
        "=", "+", "-", "<", "<=", "==", "!=", ">=", ">", "isset", "notset"};
    struct kd_flowint f = {0};
    uint64_t n = 0;
    unsigned i = 0;
    (void)kw;
    struct kd_bytes name = kd_cut_word(&v, ','), op = kd_cut_word(&v, ',');
    if (kd_bytes_eq_str(op, "isnotset"))
        op = kd_str("notset");
    while (i < KD_COUNT(ops) && !kd_bytes_eq_str(op, ops[i]))
        i++;
    if (i == KD_COUNT(ops) || !is_name(name))
        return kd_refuse_word(p, KD_WHY_BITS, op);
    f.what = (enum kd_flowint_do)i;
    v = kd_bytes_trim(v);
    if (!kd_parse_name(p, &p->st->flowints, name, &f.name))
        return false;
    bool alone = f.what == KD_FLOWINT_ISSET || f.what == KD_FLOWINT_NOTSET;
    if (alone != (v.n == 0))
        return kd_refuse_word(p, KD_WHY_BITS, v);
    if (kd_bytes_to_u64(v, UINT32_MAX, &n)) {
        f.value = (uint32_t)n;
    } else if (!alone) {
        f.by_name = true;
        if (!is_name(v) || (v.p[0] >= '0' && v.p[0] <= '9'))
            return kd_refuse_word(p, KD_WHY_NUMBER, v);
        if (!kd_parse_name(p, &p->st->flowints, v, &f.value))
            return false;
    }
    struct kd_cond *c = f.what <= KD_FLOWINT_SUB ? kd_parse_act(p, KD_COND_FLOWINT)
                                                 : kd_parse_check(p, KD_COND_FLOWINT);
    if (c != NULL)
        c->is.flowint = f;
    return c != NULL;
}

const struct kd_keyword kd_keywords_bits[] = {
    {"flowbits", flowbits, 0, KW_NEEDED, KW_PLAIN, false,
     "set|unset|toggle,NAME or isset|isnotset,NAME[|NAME…] or noalert",
     "a mark on the conversation", "通信に付ける印"},
    {"xbits", xbits, 0, KW_NEEDED, KW_PLAIN, false,
     "set|unset|toggle|isset|isnotset,NAME,track ip_src|ip_dst|ip_pair|tx[,expire S]",
     "a mark on hosts or a pair of hosts", "ホストまたはその組に付ける印"},
    {"hostbits", hostbits, 0, KW_NEEDED, KW_PLAIN, false,
     "set|unset|toggle|isset|isnotset,NAME[,src|dst|both]", "a mark on a host", "ホストに付ける印"},
    {"flowint", flowint, 0, KW_NEEDED, KW_PLAIN, false,
     "NAME, =|+|-|<|<=|==|!=|>=|>, N|NAME or NAME, isset|notset",
     "a number kept with the conversation", "通信ごとに保つ数"},
    {0},
};
