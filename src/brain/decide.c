/* SPDX-License-Identifier: Apache-2.0 */
/* What follows at once from a new list of decisions: what is excepted now weighs no longer, neither at its host
 * nor for a story that has not begun. */
#include "brain/internal.h"
#include "findings.h"

static bool lighten_host(void *arg, struct kd_bytes key, void *state)
{
    struct kd_brain *b = arg;
    struct kd_marks *m = state;
    struct kd_addr host;
    KD_ASSERT(key.n == sizeof(host.b));
    memcpy(host.b, key.p, sizeof(host.b));
    unsigned kept = 0;
    for (unsigned i = 0; i < m->n; i++)
        if (!kd_exceptions_hide_kind(&b->exceptions, m->v[i].kind->id, &host, b->now_us))
            m->v[kept++] = m->v[i];
    bool lighter = kept < m->n;
    m->n = kept;
    if (lighter)
        kd_brain_score(b, &host);
    return true;
}

static bool lighten_trail(void *arg, struct kd_bytes key, void *state)
{
    struct kd_brain *b = arg;
    struct kd_trail *trail = state;
    unsigned kept = 0;
    (void)key;
    for (unsigned i = 0; i < trail->n; i++) {
        const struct kd_step *t = &trail->v[i];
        const struct kd_addr *peer = kd_addr_eq(&t->host, &t->to) ? &t->from : &t->to;
        struct kd_exception_case c = {kd_str(t->id), &t->host, peer, kd_bytes_of(t->user, t->n_user)};
        if (!kd_exceptions_hide(&b->exceptions, &c, b->now_us))
            trail->v[kept++] = trail->v[i];
    }
    trail->n = kept;
    return true;
}

static bool is_file(struct kd_bytes kind)
{
    return kd_bytes_starts(kind, kd_str("sha")) || kd_bytes_eq_str(kind, "md5");
}

static bool is_fingerprint(struct kd_bytes kind)
{
    return kd_bytes_starts(kind, kd_str("ja"));
}

static void tell_meeting(struct kd_brain *b, const struct kd_meeting *m)
{
    struct kd_addr peer = {{0}};
    (void)(kd_bytes_eq_str(m->kind, "ip") && kd_addr_parse(m->met, &peer));
    struct kd_fact facts[] = {
        {"kind", m->kind}, {"object", m->value}, {"met", m->met},
        {"how", m->how},   {"note", m->note.n > 0 ? m->note : kd_str("-")},
    };
    kd_brain_find(b, &(struct kd_finding){
                         .kind = is_file(m->kind)          ? &kd_finding_KD_CO_0021
                                 : is_fingerprint(m->kind) ? &kd_finding_KD_CO_0022
                                                           : &kd_finding_KD_CO_0020,
                         .host = m->host, .peer = peer, .fold = kd_bytes_head(m->value, 200), .severity = -1,
                         .confidence = -1, .facts = facts, .n_facts = KD_COUNT(facts), .first_us = m->first_us,
                         .last_us = m->last_us, .count = m->count, .object = m->object,
                     });
}

void kd_brain_tell_meetings(struct kd_brain *b)
{
    struct kd_cur c = kd_cur_of(kd_bytes_of(b->decisions, b->n_decisions));
    struct kd_decision d;
    b->meetings_due = false;
    while (kd_decision_next(&c, &d) == KD_OK)
        if (d.kind == KD_DECISION_MEETING && d.meeting.first_us > 0 && d.meeting.last_us >= d.meeting.first_us)
            tell_meeting(b, &d.meeting);
}

enum kd_status kd_brain_decide(struct kd_brain *b, struct kd_bytes list)
{
    uint8_t *copy = malloc(list.n + 1);
    if (copy == NULL)
        return KD_NO_MEMORY;
    if (list.n > 0)
        memcpy(copy, list.p, list.n);
    enum kd_status s = kd_exceptions_decide(&b->exceptions, kd_bytes_of(copy, list.n));
    if (s != KD_OK) {
        free(copy);
        kd_brain_health(b, "decisions", "refused", 0,
                        "The list of exceptions and suspicious objects could not be read; the former one stays in force.",
                        "例外と不審オブジェクトの一覧を読めなかったため、前の一覧を使い続けます。");
        return s;
    }
    struct kd_intel decided;
    if (kd_intel_decide(&decided, kd_bytes_of(copy, list.n), b->seed) == KD_OK) {
        kd_intel_done(&b->decided);
        b->decided = decided;
    } else {
        kd_intel_done(&b->decided); /* no memory: its notes would be views into what goes */
    }
    free(b->decisions);
    b->decisions = copy;
    b->n_decisions = list.n;
    b->meetings_due = true;
    if (b->exceptions.n_decided > 0) {
        kd_table_each(&b->marks, lighten_host, b);
        kd_table_each(&b->stories.trails, lighten_trail, b);
    }
    return KD_OK;
}
