/* SPDX-License-Identifier: Apache-2.0 */
/* The rule reader: any bytes give rules or refusals with reasons; what is accepted keeps its
 * promises, and all memory comes back. */
#include "rule/explain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct kd_rules *rules, const struct kd_rule *r)
{
    static uint8_t room[65536];
    struct kd_out o = kd_out_of(room, sizeof(room));
    if (r->sid == 0 || r->src == NULL || r->dst == NULL || r->sport == NULL || r->dport == NULL)
        abort();
    for (uint32_t i = 1; i < r->src->n; i++)
        if (kd_addr_cmp(&r->src->range[i - 1].last, &r->src->range[i].first) >= 0)
            abort();
    for (uint16_t i = 0; i < r->n_looks; i++) {
        if (r->look[i].n == 0 || r->look[i].buffer->id >= rules->n_buffers)
            abort();
        for (uint16_t k = 0; k < r->look[i].n; k++) {
            const struct kd_cond *c = &r->look[i].cond[k];
            if (c->kind == KD_COND_CONTENT && c->is.content.bytes.n == 0)
                abort();
        }
    }
    kd_rule_explain(rules, r, r->sid % 2 == 0, &o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kd_pool *pool = kd_pool_new(64u << 20);
    struct kd_rules *rules = kd_rules_new(pool, &kd_limits_default);
    if (rules == NULL)
        abort();
    enum kd_status s = kd_rules_read(rules, "fuzz", kd_bytes_of(data, size));
    if (s == KD_OK && kd_rules_finish(rules) == KD_OK) {
        if (rules->n + rules->n_refused + rules->n_replaced != rules->n_read)
            abort();
        for (uint32_t i = 0; i < rules->n_refused; i++)
            if (rules->refusal[i].why[0] == '\0' || rules->refusal[i].line == 0 ||
                rules->refusal[i].column == 0)
                abort();
        for (uint32_t i = 0; i < rules->n; i++)
            look_at(rules, rules->rule[i]);
    }
    kd_rules_free(rules);
    if (kd_pool_used(pool) != 0)
        abort();
    kd_pool_free(pool);
    return 0;
}
