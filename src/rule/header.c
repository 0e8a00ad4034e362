/* SPDX-License-Identifier: Apache-2.0 */
/* The header: action, protocol, direction.  Addresses and ports are in groups.c. */
#include "rule/internal.h"

static const struct {
    const char *name;
    enum kd_rule_action action;
} actions[] = {
    {"alert", KD_ACTION_ALERT},
    {"pass", KD_ACTION_PASS},
    {"drop", KD_ACTION_DROP},
    {"reject", KD_ACTION_REJECT},
    {"rejectsrc", KD_ACTION_REJECT},
    {"rejectdst", KD_ACTION_REJECT_DST},
    {"rejectboth", KD_ACTION_REJECT_BOTH},
    {"config", KD_ACTION_CONFIG},
};

static bool action(struct kd_parse *p, struct kd_bytes word)
{
    for (size_t i = 0; i < KD_COUNT(actions); i++)
        if (kd_bytes_ieq(word, kd_str(actions[i].name))) {
            p->rule.action = actions[i].action;
            return true;
        }
    bool firewall = kd_bytes_find_byte(word, ':') < word.n;
    return kd_refuse_word(p, firewall ? KD_WHY_FIREWALL : KD_WHY_ACTION, word);
}

static bool among(struct kd_bytes word, const char *names)
{
    struct kd_bytes rest = kd_str(names);
    while (rest.n > 0)
        if (kd_bytes_ieq(kd_bytes_cut(&rest, ','), word))
            return true;
    return false;
}

/* "http", "http1:request_complete" */
static bool protocol(struct kd_parse *p, struct kd_bytes word)
{
    struct kd_bytes hook = word;
    struct kd_bytes name = kd_bytes_cut(&hook, ':');
    bool has_hook = name.n < word.n;
    for (unsigned i = 0; i < KD_RP_COUNT; i++) {
        const struct kd_rule_proto_row *row = &kd_rule_proto_rows[i];
        if (!kd_bytes_ieq(name, kd_str(row->name)) && !among(name, row->aliases))
            continue;
        p->rule.proto = (enum kd_rule_proto)i;
        p->rule.hook = kd_parse_copy(p, hook);
        if (has_hook && hook.n == 0)
            return kd_refuse_word(p, KD_WHY_HOOK, word);
        return true;
    }
    return kd_refuse_word(p, KD_WHY_PROTOCOL, name);
}

static bool direction(struct kd_parse *p, struct kd_bytes word)
{
    p->rule.bidirectional = kd_bytes_eq_str(word, "<>");
    p->rule.transactional = kd_bytes_eq_str(word, "=>");
    return p->rule.bidirectional || p->rule.transactional || kd_bytes_eq_str(word, "->") ||
           kd_refuse_word(p, KD_WHY_DIRECTION, word);
}

/* A word of the header; blanks within brackets belong to it. */
static struct kd_bytes header_word(struct kd_bytes *rest)
{
    struct kd_bytes b = kd_bytes_trim(*rest);
    size_t n = 0;
    int depth = 0;
    for (; n < b.n && (depth > 0 || (b.p[n] != ' ' && b.p[n] != '\t')); n++)
        depth += b.p[n] == '[' ? 1 : b.p[n] == ']' ? -1 : 0;
    *rest = kd_bytes_from(b, n);
    return kd_bytes_head(b, n);
}

bool kd_parse_header(struct kd_parse *p, struct kd_bytes header)
{
    struct kd_bytes rest = header, word[7];
    for (size_t i = 0; i < KD_COUNT(word); i++) {
        word[i] = header_word(&rest);
        /* "alert tcp-pkt (…" is the shorter form of rules on any address. */
        if (word[i].n == 0 && i == 2)
            break;
        if (word[i].n == 0)
            return kd_refuse(p, KD_WHY_HEADER);
    }
    if (!action(p, word[0]) || !protocol(p, word[1]))
        return false;
    if (word[2].n == 0) {
        word[2] = word[3] = word[5] = word[6] = kd_str("any");
        word[4] = kd_str("->");
    }
    if (kd_bytes_trim(rest).n > 0)
        return kd_refuse_word(p, KD_WHY_HEADER, rest);
    return kd_parse_addresses(p, word[2], &p->rule.src) &&
           kd_parse_ports(p, word[3], &p->rule.sport) && direction(p, word[4]) &&
           kd_parse_addresses(p, word[5], &p->rule.dst) &&
           kd_parse_ports(p, word[6], &p->rule.dport);
}
