/* SPDX-License-Identifier: Apache-2.0 */
/* The conversation: its direction, state, size. */
#include "rule/internal.h"

static const struct {
    const char *name;
    uint16_t flag, excludes;
} words[] = {
    {"established", KD_FLOW_ESTABLISHED, KD_FLOW_NOT_ESTABLISHED | KD_FLOW_STATELESS},
    {"not_established", KD_FLOW_NOT_ESTABLISHED, KD_FLOW_ESTABLISHED | KD_FLOW_STATELESS},
    {"stateless", KD_FLOW_STATELESS, KD_FLOW_ESTABLISHED | KD_FLOW_NOT_ESTABLISHED},
    {"to_server", KD_FLOW_TO_SERVER, KD_FLOW_TO_CLIENT},
    {"from_client", KD_FLOW_TO_SERVER, KD_FLOW_TO_CLIENT},
    {"to_client", KD_FLOW_TO_CLIENT, KD_FLOW_TO_SERVER},
    {"from_server", KD_FLOW_TO_CLIENT, KD_FLOW_TO_SERVER},
    {"only_stream", KD_FLOW_ONLY_STREAM, KD_FLOW_NO_STREAM},
    {"no_stream", KD_FLOW_NO_STREAM, KD_FLOW_ONLY_STREAM},
    {"only_frag", KD_FLOW_ONLY_FRAG, KD_FLOW_NO_FRAG},
    {"no_frag", KD_FLOW_NO_FRAG, KD_FLOW_ONLY_FRAG},
};

static bool flow_word(struct kd_parse *p, struct kd_bytes word)
{
    for (size_t i = 0; i < KD_COUNT(words); i++) {
        if (!kd_bytes_ieq(word, kd_str(words[i].name)))
            continue;
        if (p->rule.flow & (words[i].flag | words[i].excludes))
            return kd_refuse_word(p, KD_WHY_FLOW, word);
        p->rule.flow |= words[i].flag;
        return true;
    }
    return kd_refuse_word(p, KD_WHY_FLOW, word);
}

static bool flow(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    (void)kw;
    if (p->rule.flow != 0)
        return kd_refuse(p, KD_WHY_TWICE);
    while (v.n > 0)
        if (!flow_word(p, kd_cut_word(&v, ',')))
            return false;
    return true;
}

/* "toserver,>100" of flow.pkts and flow.bytes */
static bool amount(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const char *const sides[] = {"toclient", "toserver", "either"};
    static const enum kd_number fields[][3] = {
        {KD_NUM_FLOW_PKTS_TOCLIENT, KD_NUM_FLOW_PKTS_TOSERVER, KD_NUM_FLOW_PKTS_EITHER},
        {KD_NUM_FLOW_BYTES_TOCLIENT, KD_NUM_FLOW_BYTES_TOSERVER, KD_NUM_FLOW_BYTES_EITHER}};
    struct kd_bytes side = kd_cut_word(&v, ',');
    for (size_t i = 0; i < KD_COUNT(sides); i++) {
        if (!kd_bytes_eq_str(side, sides[i]))
            continue;
        struct kd_cond *c = kd_parse_check(p, KD_COND_NUMBER);
        if (c == NULL)
            return false;
        c->is.number.field = fields[kw->arg][i];
        return kd_range_parse(v, kd_number_rows[c->is.number.field].bits, "",
                              &c->is.number.range) ||
               kd_refuse_word(p, KD_WHY_RANGE, v);
    }
    return kd_refuse_word(p, KD_WHY_VALUE, side);
}

/* "SIDE,OP,N": the operator stands alone between commas. */
bool kd_parse_compared(struct kd_bytes op, struct kd_bytes number, unsigned bits,
                       struct kd_range *ret)
{
    uint8_t text[64];
    struct kd_out o = kd_out_of(text, sizeof(text));
    if (!kd_bytes_eq_str(op, "="))
        kd_out_bytes(&o, op);
    kd_out_bytes(&o, number);
    return kd_out_ok(&o) && op.n > 0 && kd_range_parse(kd_out_bytes_view(&o), bits, "", ret);
}

static bool stream_size(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    static const struct {
        const char *name;
        enum kd_side side;
    } sides[] = {{"server", KD_SIDE_SERVER},
                 {"client", KD_SIDE_CLIENT},
                 {"both", KD_SIDE_BOTH},
                 {"either", KD_SIDE_EITHER}};
    struct kd_bytes rest = v;
    (void)kw;
    struct kd_bytes side = kd_cut_word(&rest, ','), op = kd_cut_word(&rest, ',');
    struct kd_cond *c = kd_parse_check(p, KD_COND_STREAM_SIZE);
    if (c == NULL)
        return false;
    for (size_t i = 0; i < KD_COUNT(sides); i++)
        if (kd_bytes_ieq(side, kd_str(sides[i].name))) {
            c->is.sided.side = sides[i].side;
            return kd_parse_compared(op, rest, 32, &c->is.sided.range) ||
                   kd_refuse_word(p, KD_WHY_RANGE, v);
        }
    return kd_refuse_word(p, KD_WHY_VALUE, side);
}

static bool words_check(struct kd_parse *p, const struct kd_keyword *kw, struct kd_bytes v)
{
    enum { WORDS_MAX = 16 };
    struct kd_bytes *word;
    struct kd_cond *c = kd_words_check(p, (enum kd_cond_kind)kw->arg, WORDS_MAX, &word);
    if (c == NULL)
        return false;
    while (v.n > 0) {
        if (c->is.words.n >= WORDS_MAX)
            return kd_refuse(p, KD_WHY_VALUE);
        word[c->is.words.n++] = kd_parse_copy(p, kd_cut_word(&v, ','));
    }
    return true;
}

const struct kd_keyword kd_keywords_flow[] = {
    {"flow", flow, 0, KW_NEEDED, KW_PLAIN, false,
     "established|not_established|stateless, to_server|to_client, only_stream|no_stream, "
     "only_frag|no_frag",
     "state and direction of the conversation", "通信の状態と向き"},
    {"flow.pkts", amount, 0, KW_NEEDED, KW_PLAIN, false, "toclient|toserver|either,RANGE",
     "packets so far", "これまでのパケット数"},
    {"flow.bytes", amount, 1, KW_NEEDED, KW_PLAIN, false, "toclient|toserver|either,RANGE",
     "bytes so far", "これまでのバイト数"},
    {"stream_size", stream_size, 0, KW_NEEDED, KW_PLAIN, false, "server|client|both|either,OP,N",
     "bytes of the TCP stream so far", "TCP ストリームのこれまでのバイト数"},
    {"tcp.session", words_check, KD_COND_TCP_SESSION, KW_NEEDED, KW_PLAIN, false,
     "setup|established|shutdown, …", "phase of the TCP session", "TCP セッションの段階"},
    {0},
};
