/* SPDX-License-Identifier: Apache-2.0 */
#include "rule/explain.h"

#include "rule/internal.h"

enum { RANGES_SHOWN = 3, BYTES_SHOWN = 60 };

struct telling {
    const struct kd_rules *rules;
    const struct kd_rule *rule;
    struct kd_out *o;
    bool ja;
};

static void say(const struct telling *t, const char *en, const char *ja)
{
    kd_out_str(t->o, t->ja ? ja : en);
}

/* Readable text of any language as it is; anything else escaped. */
static void plain(const struct telling *t, struct kd_bytes b)
{
    bool readable = kd_bytes_is_utf8(b);
    for (size_t i = 0; i < b.n && readable; i++)
        readable = b.p[i] >= ' ' && b.p[i] != 0x7f;
    if (readable)
        kd_out_bytes(t->o, b);
    else
        kd_out_escaped(t->o, b);
}

static void quoted(const struct telling *t, struct kd_bytes b)
{
    kd_out_str(t->o, t->ja ? "「" : "\"");
    kd_out_escaped(t->o, kd_bytes_head(b, BYTES_SHOWN));
    kd_out_str(t->o, b.n > BYTES_SHOWN ? "…" : "");
    kd_out_str(t->o, t->ja ? "」" : "\"");
}

static void range(const struct telling *t, const struct kd_range *r)
{
    unsigned long long a = r->a, b = r->b;
    switch (r->op) {
    case KD_RANGE_IN:
        if (a == b)
            kd_out_fmt(t->o, t->ja ? "が %llu" : " is %llu", a);
        else if (b >= UINT8_MAX && (b & (b + 1)) == 0)
            kd_out_fmt(t->o, t->ja ? "が %llu 以上" : " is %llu or more", a);
        else
            kd_out_fmt(t->o, t->ja ? "が %llu〜%llu" : " is %llu to %llu", a, b);
        break;
    case KD_RANGE_OUT:
        if (a == b)
            kd_out_fmt(t->o, t->ja ? "が %llu 以外" : " is not %llu", a);
        else
            kd_out_fmt(t->o, t->ja ? "が %llu〜%llu 以外" : " is not %llu to %llu", a, b);
        break;
    case KD_RANGE_MASK_EQ:
        kd_out_fmt(t->o, " & 0x%llx = 0x%llx", a, b);
        break;
    case KD_RANGE_MASK_NE:
        kd_out_fmt(t->o, " & 0x%llx ≠ 0x%llx", a, b);
        break;
    }
}

/* Bits that all addresses of a range share when it is a network; 129: it is none. */
static unsigned prefix_of(const struct kd_addr_range *r)
{
    unsigned bits = 0;
    while (bits < 128 && ((r->first.b[bits / 8] ^ r->last.b[bits / 8]) & (0x80u >> bits % 8)) == 0)
        bits++;
    for (unsigned i = bits; i < 128; i++)
        if ((r->first.b[i / 8] & (0x80u >> i % 8)) != 0 ||
            (r->last.b[i / 8] & (0x80u >> i % 8)) == 0)
            return 129;
    return bits;
}

static void address_range(const struct telling *t, const struct kd_addr_range *r)
{
    unsigned bits = prefix_of(r), before = kd_addr_is_v4(&r->first) ? 96 : 0;
    kd_out_addr(t->o, &r->first);
    if (bits < 128 && bits >= before) {
        kd_out_fmt(t->o, "/%u", bits - before);
    } else if (bits != 128) {
        kd_out_str(t->o, "–");
        kd_out_addr(t->o, &r->last);
    }
}

static void addresses(const struct telling *t, const struct kd_addr_set *set)
{
    if (set->any)
        say(t, "any address", "すべてのアドレス");
    for (uint32_t i = 0; i < set->n && i < RANGES_SHOWN; i++) {
        kd_out_str(t->o, i > 0 ? ", " : "");
        address_range(t, &set->range[i]);
    }
    if (set->n > RANGES_SHOWN)
        kd_out_fmt(t->o, t->ja ? " ほか %u 範囲" : " and %u more ranges", set->n - RANGES_SHOWN);
}

static void ports(const struct telling *t, const struct kd_port_set *set)
{
    if (set->any)
        return;
    say(t, set->n == 1 && set->range->first == set->range->last ? " port " : " ports ", " ポート ");
    for (uint32_t i = 0; i < set->n && i < RANGES_SHOWN; i++) {
        kd_out_fmt(t->o, i > 0 ? ", %u" : "%u", set->range[i].first);
        if (set->range[i].first != set->range[i].last)
            kd_out_fmt(t->o, "–%u", set->range[i].last);
    }
    if (set->n > RANGES_SHOWN)
        kd_out_str(t->o, ", …");
}

static void header(const struct telling *t)
{
    const struct kd_rule *r = t->rule;
    say(t, "Looks at: ", "対象: ");
    kd_out_str(t->o, kd_rule_proto_rows[r->proto].name);
    say(t, ", from ", "、");
    addresses(t, r->src);
    ports(t, r->sport);
    if (t->ja)
        kd_out_str(t->o, r->bidirectional ? " と " : " から ");
    else
        kd_out_str(t->o, r->bidirectional ? " to and from " : " to ");
    addresses(t, r->dst);
    ports(t, r->dport);
    if (t->ja)
        kd_out_str(t->o, r->bidirectional ? " の間" : " へ");
    if (r->flow & KD_FLOW_ESTABLISHED)
        say(t, ", in an established conversation", "、確立した通信");
    if (r->flow & KD_FLOW_TO_SERVER)
        say(t, ", what is sent to the server", "、サーバーへ送られるもの");
    if (r->flow & KD_FLOW_TO_CLIENT)
        say(t, ", what is sent to the client", "、クライアントへ送られるもの");
    kd_out_str(t->o, "\n");
}

static void position(const struct telling *t, const struct kd_content *k)
{
    long long offset = (long long)k->offset.n, depth = (long long)k->depth.n;
    if (k->flags & KD_CONTENT_NOCASE)
        say(t, ", in upper or lower case", "(大文字・小文字を問わない)");
    if (k->flags & KD_CONTENT_STARTS)
        say(t, ", at the start", "、先頭");
    else if ((k->flags & KD_CONTENT_OFFSET) && k->offset.var < 0 && offset > 0)
        kd_out_fmt(t->o, t->ja ? "、%lld バイト目以降" : ", from byte %lld on", offset);
    if ((k->flags & KD_CONTENT_DEPTH) && !(k->flags & KD_CONTENT_STARTS) && k->depth.var < 0)
        kd_out_fmt(t->o, t->ja ? "、%lld バイト以内" : ", within %lld bytes", depth);
    if (k->flags & (KD_CONTENT_DISTANCE | KD_CONTENT_WITHIN))
        say(t, ", behind the one before", "、前のものの後ろ");
    if (k->flags & KD_CONTENT_ENDS)
        say(t, ", at the end", "、末尾");
}

/* What the documentation says of the condition's keyword. */
static void keyword_line(const struct telling *t, const struct kd_cond *c)
{
    const struct kd_hit *hit =
        (const struct kd_hit *)(const void *)t->rules->state->hits.p + c->keyword;
    struct kd_bytes name = kd_nametab_at(&t->rules->state->keywords, c->keyword);
    if (hit->kind == KD_HIT_KEYWORD)
        say(t, hit->keyword->en, hit->keyword->ja);
    kd_out_str(t->o, " (");
    kd_out_bytes(t->o, name);
    kd_out_str(t->o, ")");
}

static void negation(const struct telling *t, const struct kd_cond *c)
{
    if (c->negated)
        say(t, "not ", "次のものがない: ");
}

static void sought(const struct telling *t, const struct kd_cond *c)
{
    negation(t, c);
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_CONTENT:
        quoted(t, c->is.content.bytes);
        position(t, &c->is.content);
        break;
    case KD_COND_PCRE:
        say(t, "the expression ", "正規表現 ");
        quoted(t, c->is.pcre.pattern);
        break;
    case KD_COND_BSIZE:
        say(t, "its length", "長さ");
        range(t, &c->is.range);
        break;
    case KD_COND_DATASET:
        say(t, "it is compared with the list ", "一覧と照合: ");
        quoted(t, c->is.dataset.set->name);
        break;
    default:
        keyword_line(t, c);
        break;
    }
}

static void bit_names(const struct telling *t, const struct kd_bits *b,
                      const struct kd_names *names)
{
    for (uint16_t i = 0; i < b->n; i++) {
        if (i > 0)
            say(t, " or ", " または ");
        quoted(t, b->name[i] < names->n ? names->name[b->name[i]] : kd_str(""));
    }
}

static void bits(const struct telling *t, const struct kd_cond *c)
{
    static const char *const en[] = {
        "sets the mark ",
        "takes the mark off: ", "turns the mark round: ", "marked before: ", "not marked before: "};
    static const char *const ja[] = {
        "印を付ける: ", "印を外す: ", "印を反転する: ", "印が付いている: ", "印が付いていない: "};
    const struct kd_names *names = c->kind == KD_COND_FLOWBITS ? &t->rules->flowbits
                                   : c->kind == KD_COND_XBITS  ? &t->rules->xbits
                                                               : &t->rules->hostbits;
    say(t, en[c->is.bits.what], ja[c->is.bits.what]);
    bit_names(t, &c->is.bits, names);
}

static void check(const struct telling *t, const struct kd_cond *c)
{
    negation(t, c);
    switch ((enum kd_cond_kind)c->kind) {
    case KD_COND_NUMBER:
        say(t, kd_number_rows[c->is.number.field].en, kd_number_rows[c->is.number.field].ja);
        range(t, &c->is.number.range);
        break;
    case KD_COND_FLOWBITS:
    case KD_COND_XBITS:
    case KD_COND_HOSTBITS:
        bits(t, c);
        break;
    case KD_COND_EVENT:
        say(t, "the oddity ", "異常 ");
        quoted(t, c->is.event.text);
        break;
    case KD_COND_APP_PROTO:
        say(t, "the protocol is ", "プロトコル: ");
        for (uint32_t i = 0; i < c->is.words.n; i++) {
            if (i > 0)
                say(t, " or ", " または ");
            kd_out_bytes(t->o, c->is.words.word[i]);
        }
        break;
    default:
        keyword_line(t, c);
        break;
    }
}

static void conditions(const struct telling *t)
{
    const struct kd_rule *r = t->rule;
    if (r->n_looks + r->n_checks > 0)
        say(t, "Told when all of this holds:\n", "次のすべてに当てはまるときに検知します:\n");
    for (uint16_t i = 0; i < r->n_looks; i++)
        for (uint16_t k = 0; k < r->look[i].n; k++) {
            const struct kd_inspect_row *row = &kd_inspect_rows[r->look[i].buffer->in];
            kd_out_str(t->o, t->ja ? "  ・" : "  - in ");
            say(t, row->en, row->ja);
            kd_out_str(t->o, ": ");
            sought(t, &r->look[i].cond[k]);
            kd_out_str(t->o, "\n");
        }
    for (uint16_t i = 0; i < r->n_checks; i++) {
        kd_out_str(t->o, t->ja ? "  ・" : "  - ");
        check(t, &r->check[i]);
        kd_out_str(t->o, "\n");
    }
    if (r->filter.kind != KD_THRESHOLD_NONE)
        kd_out_fmt(t->o,
                   t->ja ? "  ・%2$u 秒間に %1$u 回を超えたとき\n"
                         : "  - more than %u times within %u seconds\n",
                   r->filter.count, r->filter.seconds);
}

static void effects(const struct telling *t)
{
    for (uint16_t i = 0; i < t->rule->n_actions; i++) {
        const struct kd_cond *c = &t->rule->act[i];
        say(t, "Then: ", "検知後: ");
        if (c->kind == KD_COND_FLOWBITS || c->kind == KD_COND_XBITS || c->kind == KD_COND_HOSTBITS)
            bits(t, c);
        else
            keyword_line(t, c);
        kd_out_str(t->o, "\n");
    }
    if (t->rule->noalert)
        say(t, "Nothing is told: other rules build on it.\n",
            "この一致自体は通知しません(他のルールの前提になります)。\n");
    if (t->rule->action == KD_ACTION_DROP || t->rule->action >= KD_ACTION_REJECT)
        if (t->rule->action != KD_ACTION_CONFIG)
            say(t, "The rule asks to stop the traffic; this sensor tells and does not stop it.\n",
                "遮断を求めるルールですが、本製品は通知のみ行います。\n");
}

static void gravity(const struct telling *t)
{
    const struct kd_rule *r = t->rule;
    kd_out_fmt(t->o, t->ja ? "優先度 %u(1 が最高)" : "Priority %u (1 is the highest)", r->priority);
    if (r->classtype != NULL) {
        kd_out_str(t->o, t->ja ? "、分類: " : ", class: ");
        kd_out_bytes(t->o, r->classtype->text.n > 0 ? r->classtype->text : r->classtype->name);
    }
    if (r->target == KD_TARGET_SRC)
        say(t, "; the source is the one attacked", "、攻撃を受けるのは送信元");
    if (r->target == KD_TARGET_DST)
        say(t, "; the destination is the one attacked", "、攻撃を受けるのは宛先");
    kd_out_str(t->o, "\n");
}

static void facts(const struct telling *t)
{
    static const struct {
        const char *key, *en, *ja;
    } told[] = {{"mitre_technique_id", "Technique: ", "攻撃手法: "},
                {"mitre_technique_name", "Technique: ", "攻撃手法: "},
                {"mitre_tactic_name", "Tactic: ", "攻撃の段階: "},
                {"malware_family", "Malware: ", "マルウェア: "},
                {"attack_target", "Meant for: ", "狙われるもの: "},
                {"affected_product", "Product: ", "対象製品: "},
                {"confidence", "Confidence of the rule's author: ", "作成者による確度: "}};
    for (uint16_t i = 0; i < t->rule->n_metadata; i++)
        for (size_t k = 0; k < KD_COUNT(told); k++)
            if (kd_bytes_eq_str(t->rule->metadata[i].key, told[k].key)) {
                say(t, told[k].en, told[k].ja);
                plain(t, t->rule->metadata[i].value);
                kd_out_str(t->o, "\n");
            }
    for (uint16_t i = 0; i < t->rule->n_references; i++) {
        uint8_t room[512];
        struct kd_out url = kd_out_of(room, sizeof(room));
        kd_rules_reference_url(t->rules, &t->rule->reference[i], &url);
        say(t, "See: ", "参考: ");
        kd_out_escaped(t->o, kd_out_bytes_view(&url));
        kd_out_str(t->o, "\n");
    }
}

/* In the reader's language where the rule has it. */
static struct kd_bytes message(const struct telling *t)
{
    for (uint16_t i = 0; t->ja && i < t->rule->n_metadata; i++)
        if (kd_bytes_eq_str(t->rule->metadata[i].key, "msg_ja") && t->rule->metadata[i].value.n > 0)
            return t->rule->metadata[i].value;
    return t->rule->msg;
}

void kd_rule_explain(const struct kd_rules *rules, const struct kd_rule *rule, bool ja,
                     struct kd_out *out)
{
    const struct telling t = {rules, rule, out, ja};
    kd_out_fmt(out, ja ? "ルール %u(版 %u): " : "Rule %u (revision %u): ", rule->sid, rule->rev);
    plain(&t, message(&t));
    kd_out_str(out, "\n");
    header(&t);
    conditions(&t);
    effects(&t);
    gravity(&t);
    facts(&t);
}

bool kd_keyword_doc(size_t i, struct kd_keyword_doc *ret)
{
    for (size_t f = 0; f < kd_keyword_family_count; f++)
        for (const struct kd_keyword *kw = kd_keyword_families[f].row; kw->name != NULL; kw++)
            if (i-- == 0) {
                *ret = (struct kd_keyword_doc){kd_keyword_families[f].en,
                                               kd_keyword_families[f].ja,
                                               kw->name,
                                               kw->form,
                                               kw->en,
                                               kw->ja};
                return true;
            }
    return false;
}
