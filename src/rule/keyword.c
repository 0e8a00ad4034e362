/* SPDX-License-Identifier: Apache-2.0 */
/* All names that may stand in a rule: keywords of the families, buffers and numbers of base's
 * lists. */
#include "rule/internal.h"

const struct kd_keyword_family kd_keyword_families[] = {
    {"About the rule", "ルールについて", kd_keywords_meta},
    {"Contents", "内容", kd_keywords_content},
    {"Regular expressions", "正規表現", kd_keywords_pcre},
    {"Numbers in the data", "データ中の数値", kd_keywords_bytes},
    {"Transforms", "変換", kd_keywords_transform},
    {"Conversations", "通信", kd_keywords_flow},
    {"What was seen before", "過去の状態", kd_keywords_bits},
    {"How often", "頻度", kd_keywords_threshold},
    {"Packets", "パケット", kd_keywords_packet},
    {"Protocols", "プロトコル", kd_keywords_app},
    {"TLS", "TLS", kd_keywords_tls},
    {"Remote calls", "遠隔手続き", kd_keywords_rpc},
    {"Industrial control", "制御システム", kd_keywords_scada},
    {"Files", "ファイル", kd_keywords_file},
    {"Lists", "一覧", kd_keywords_dataset},
};
const size_t kd_keyword_family_count = KD_COUNT(kd_keyword_families);

/* One name, in lower case. */
static bool add_name(struct kd_rules_state *st, struct kd_bytes name, const struct kd_hit *hit)
{
    uint32_t before = st->keywords.n;
    uint32_t i = kd_nametab_add(&st->keywords, st->pool, &st->mem, name, UINT16_MAX);
    if (i == KD_NAME_NONE)
        return false;
    KD_ASSERT(i == before); /* a name of two meanings */
    return kd_buf_add(&st->hits, st->pool, kd_bytes_of(hit, sizeof(*hit)), KD_POOL_LARGE);
}

static bool add_names(struct kd_rules_state *st, const char *names, const struct kd_hit *hit)
{
    struct kd_bytes rest = kd_str(names);
    while (rest.n > 0)
        if (!add_name(st, kd_bytes_cut(&rest, ','), hit))
            return false;
    return true;
}

bool kd_keywords_init(struct kd_rules_state *st)
{
    for (size_t f = 0; f < kd_keyword_family_count; f++)
        for (const struct kd_keyword *kw = kd_keyword_families[f].row; kw->name != NULL; kw++)
            if (!add_names(st, kw->name, &(struct kd_hit){KD_HIT_KEYWORD, 0, kw}))
                return false;
    for (uint32_t i = 0; i < KD_IN_COUNT; i++) {
        const struct kd_inspect_row *row = &kd_inspect_rows[i];
        const struct kd_hit buffer = {KD_HIT_BUFFER, i, NULL},
                            modifier = {KD_HIT_MODIFIER, i, NULL};
        if (i == KD_IN_FRAME) /* takes a value: keyword/app.c */
            continue;
        if (!add_names(st, row->name, &buffer) || !add_names(st, row->aliases, &buffer) ||
            !add_names(st, row->modifier, &modifier))
            return false;
    }
    for (uint32_t i = 0; i < KD_NUM_COUNT; i++) {
        const struct kd_hit hit = {KD_HIT_NUMBER, i, NULL};
        if (!add_names(st, kd_number_rows[i].name, &hit) ||
            !add_names(st, kd_number_rows[i].aliases, &hit))
            return false;
    }
    return true;
}

const struct kd_hit *kd_keyword_find(struct kd_rules_state *st, struct kd_bytes name,
                                     uint32_t *ret_index)
{
    uint8_t lower[64];
    if (name.n == 0 || name.n > sizeof(lower))
        return NULL;
    for (size_t i = 0; i < name.n; i++)
        lower[i] = kd_ascii_lower(name.p[i]);
    uint32_t i = kd_nametab_find(&st->keywords, kd_bytes_of(lower, name.n));
    if (i == KD_NAME_NONE)
        return NULL;
    *ret_index = i;
    return (const struct kd_hit *)(const void *)st->hits.p + i;
}
