/* SPDX-License-Identifier: Apache-2.0 */
/* Remote calls: DCE/RPC and Sun RPC. */
#include "rule/internal.h"

static int hex(uint8_t c)
{
    c = kd_ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool uuid(struct kd_bytes v, uint8_t ret[16])
{
    size_t at = 0;
    for (size_t i = 0; i < v.n;) {
        if (v.p[i] == '-') {
            i++;
            continue;
        }
        int high = hex(v.p[i]), low = i + 1 < v.n ? hex(v.p[i + 1]) : -1;
        if (high < 0 || low < 0 || at >= 16)
            return false;
        ret[at++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    return at == 16 && v.n == 36;
}

/* "UUID[,OP VERSION][,any_frag]" */
static bool iface(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    struct kd_iface f = {0};
    (void)kw;
    struct kd_bytes id = kd_cut_word(&v, ',');
    if (!uuid(id, f.uuid))
        return kd_refuse_word(p, KD_WHY_VALUE, id);
    while (v.n > 0) {
        struct kd_bytes word = kd_cut_word(&v, ',');
        if (kd_bytes_eq_str(word, "any_frag"))
            f.any_frag = true;
        else if (!f.has_version && kd_range_parse(word, 16, "", &f.version))
            f.has_version = true;
        else
            return kd_refuse_word(p, KD_WHY_VALUE, word);
    }
    p->rpc = true;
    struct kd_cond *c = kd_parse_check(p, KD_COND_DCE_IFACE);
    if (c != NULL)
        c->is.iface = f;
    return c != NULL;
}

/* "1,5-7,9": both ends belong to it */
static bool opnum(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { RANGES_MAX = 256 };
    size_t n = 1;
    (void)kw;
    for (size_t i = 0; i < v.n; i++)
        n += v.p[i] == ',';
    struct kd_range *r = n > RANGES_MAX ? NULL : kd_arena_alloc(&p->st->mem, n * sizeof(*r));
    if (r == NULL)
        return kd_refuse(p, KD_WHY_VALUE);
    n = 0;
    while (v.n > 0) {
        struct kd_bytes last = kd_cut_word(&v, ','), word = last;
        struct kd_bytes first = kd_cut_word(&last, '-');
        bool single = first.n == word.n;
        if (!kd_number_parse(first, 16, "", &r[n].a) ||
            !kd_number_parse(single ? first : last, 16, "", &r[n].b) || r[n].a > r[n].b) {
            if (!kd_range_parse(word, 16, "", &r[n]))
                return kd_refuse_word(p, KD_WHY_RANGE, word);
        }
        n++;
    }
    p->rpc = true;
    struct kd_cond *c = kd_parse_check(p, KD_COND_DCE_OPNUM);
    if (c != NULL)
        c->is.ranges = (struct kd_ranges){(uint32_t)n, r};
    return c != NULL;
}

/* "PROGRAM[,VERSION|*[,PROCEDURE|*]]" */
static bool sun_rpc(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { PARTS = 3 };
    struct kd_bytes *word;
    uint64_t n;
    (void)kw;
    struct kd_cond *c = kd_words_check(p, KD_COND_RPC, PARTS, &word);
    if (c == NULL)
        return false;
    for (unsigned i = 0; i < PARTS; i++) {
        struct kd_bytes part = kd_cut_word(&v, ',');
        if (part.n == 0 && i > 0)
            part = kd_str("*");
        bool any = i > 0 && kd_bytes_eq_str(part, "*");
        if (!any && !kd_number_parse(part, 32, "", &n))
            return kd_refuse_word(p, KD_WHY_NUMBER, part);
        word[i] = kd_parse_copy(p, part);
        c->is.words.n++;
    }
    return v.n == 0 || kd_refuse_word(p, KD_WHY_VALUE, v);
}

const struct kd_keyword kd_keywords_rpc[] = {
    {"dcerpc.iface,dce_iface", iface, 0, KW_NEEDED, KW_PLAIN, false, "UUID[,OP VERSION][,any_frag]",
     "interface of a remote call (over DCE/RPC or SMB)",
     "遠隔手続きのインターフェース (DCE/RPC・SMB)"},
    {"dcerpc.opnum,dce_opnum", opnum, 0, KW_NEEDED, KW_PLAIN, false, "N|N-N[,…]",
     "number of the operation", "操作番号"},
    {"rpc", sun_rpc, 0, KW_NEEDED, KW_PLAIN, false, "PROGRAM[,VERSION|*[,PROCEDURE|*]]",
     "a Sun RPC call in the packet", "Sun RPC の呼び出し"},
    {0},
};
