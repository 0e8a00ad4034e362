/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that cannot be judged here are refused, each with its reason: they would be silently dead. */
#include "base/json_read.h"
#include "match/internal.h"
#include "rule/set.h"

struct reason {
    const char *en, *ja;
};

static const struct reason no_check = {"asks for something that is not judged here", "本製品が判定しない条件を含む"};
static const struct reason no_list = {"the file it loads is not beside the rules",
                                      "読み込むファイルがルールと同じフォルダーにない"};
static const struct reason no_json = {"a set in JSON is not what its format, value_key and array_key say",
                                      "JSON 形式の集合が、format・value_key・array_key の指定と合わない"};

static const struct reason no_parser = {"nothing here reads this protocol", "このプロトコルは解析しない"};
static const struct reason no_value = {"looks into something that is not told here", "本製品が取り出さない値を調べる"};

/* What the language names and nobody here tells yet.  A parser that tells one takes it off. */
static const uint16_t untold_buffers[] = {
    KD_IN_ETHER_HDR,
    KD_IN_QUIC_UA,
    KD_IN_QUIC_CYU_HASH,
    KD_IN_QUIC_CYU_STRING,
    KD_IN_EMAIL_BODY_MD5,
};
static const uint16_t untold_numbers[] = {
    KD_NUM_VXLAN_VNI,
    KD_NUM_FLOW_ELEPHANT,
    KD_NUM_HTTP_RESPONSE_BODY_SIZE,
    KD_NUM_HTTP2_SIZE_UPDATE,
};

static bool is_in(const uint16_t *list, size_t n, uint16_t id)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == id)
            return true;
    return false;
}

/* A rule about a frame looks into one kind of them, and into nothing that transactions have. */
static bool frames_fit(const struct kd_rule *r)
{
    const struct kd_rule_buffer *frame = NULL;
    bool tx = false;
    for (unsigned i = 0; i < r->n_looks; i++) {
        const struct kd_rule_buffer *b = r->look[i].buffer;
        enum kd_inspect_unit unit = kd_inspect_rows[b->in].unit;
        tx |= unit == KD_INSPECT_TX || unit == KD_INSPECT_FILE;
        enum kd_rule_proto proto;
        if (b->in != KD_IN_FRAME || m_is_stream_frame(b, &proto))
            continue;
        if (m_frame_of(b) == KD_FRAME_COUNT || (frame != NULL && !kd_bytes_eq(frame->arg, b->arg)))
            return false;
        frame = b;
    }
    return frame == NULL || !tx;
}

static bool is_told(const struct kd_rule *r)
{
    if (!frames_fit(r))
        return false;
    for (unsigned i = 0; i < r->n_looks; i++)
        if (is_in(untold_buffers, KD_COUNT(untold_buffers), (uint16_t)r->look[i].buffer->in))
            return false;
    for (unsigned i = 0; i < r->n_checks; i++) {
        const struct kd_cond *c = &r->check[i];
        if (c->kind == KD_COND_NUMBER && is_in(untold_numbers, KD_COUNT(untold_numbers), (uint16_t)c->is.number.field))
            return false;
    }
    return true;
}

/* Is the file sound, and what the set says it is?  Of lines the first is looked at. */
static bool is_json(const struct kd_dataset *d, struct kd_bytes text)
{
    struct kd_bytes whole, array;
    if (d->value_key.n == 0 || !kd_json_take(&text, &whole))
        return false;
    if (d->format == KD_DATASET_NDJSON)
        return whole.p[0] == '{';
    return text.n == 0 && kd_json_find(whole, d->array_key, &array) && array.p[0] == '[';
}

static const struct reason *wrong_with_set(const struct kd_rules *rules, const struct kd_dataset *d)
{
    struct kd_bytes text;
    if (d->format != KD_DATASET_CSV && kd_rules_data_of(rules, d->load, &text) && !is_json(d, text))
        return &no_json;
    bool made_here = d->save.n > 0; /* a file that is written later need not be there yet */
    return d->load.n > 0 && !made_here && !kd_rules_data_of(rules, d->load, &text) ? &no_list : NULL;
}

static const struct reason *wrong_with(const struct kd_rules *rules, const struct kd_rule *r)
{
    if (m_apps_of(r->proto) == M_APP_NONE)
        return &no_parser;
    if (!is_told(r))
        return &no_value;
    for (unsigned i = 0; i < r->n_checks; i++) {
        const struct kd_cond *c = &r->check[i];
        if (!m_check_known((enum kd_cond_kind)c->kind))
            return &no_check;
        if (c->kind == KD_COND_FILE_HASH && wrong_with_set(rules, rules->dataset[c->is.words.b]) != NULL)
            return &no_list;
    }
    for (unsigned i = 0; i < r->n_looks; i++)
        for (unsigned j = 0; j < r->look[i].n; j++) {
            const struct kd_cond *c = &r->look[i].cond[j];
            const struct reason *why = c->kind == KD_COND_DATASET ? wrong_with_set(rules, c->is.dataset.set) : NULL;
            if (why != NULL)
                return why;
        }
    return NULL;
}

void kd_ruleset_fit(struct kd_rules *rules)
{
    for (uint32_t i = rules->n; i-- > 0;) {
        const struct kd_rule *r = rules->rule[i];
        const struct reason *why = wrong_with(rules, r);
        if (why != NULL)
            kd_rules_refuse(rules, r, why->en, why->ja);
    }
}
