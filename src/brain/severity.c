/* SPDX-License-Identifier: Apache-2.0 */
#include "brain/severity.h"

static const unsigned first_of[] = {[KD_INFO] = 1, [KD_LOW] = 2, [KD_MEDIUM] = 4, [KD_HIGH] = 8, [KD_CRITICAL] = 10};

uint64_t kd_mark_step_us(const struct kd_mark *mark)
{
    return mark->severity == KD_CRITICAL ? KD_DECAY_CRITICAL_US : KD_DECAY_US;
}

/* Severity that is left of a mark, -1 when it is forgotten. */
static int left_of(const struct kd_mark *mark, uint64_t now_us)
{
    uint64_t age = now_us > mark->last_us ? now_us - mark->last_us : 0;
    uint64_t lost = age / kd_mark_step_us(mark);
    return lost > mark->severity ? -1 : (int)mark->severity - (int)lost;
}

static bool is_phase(const struct kd_mark *mark, const char *phase)
{
    return strcmp(mark->kind->phase, phase) == 0;
}

unsigned kd_mark_score(const struct kd_mark *mark, uint64_t now_us)
{
    int left = left_of(mark, now_us);
    if (left < 0)
        return 0;
    bool moved = left >= KD_HIGH && is_phase(mark, "lateral_movement");
    bool lost = left == KD_CRITICAL && (is_phase(mark, "exfiltration") || is_phase(mark, "impact"));
    if (lost || (moved && mark->peers[1] != 0))
        return 10;
    if (moved || left == KD_CRITICAL)
        return 9;
    if (left == KD_MEDIUM && strcmp(mark->kind->method, "intel") == 0 && is_phase(mark, "command_and_control"))
        return 8;
    if (left == KD_MEDIUM && mark->confidence >= 80)
        return 5;
    return first_of[left];
}

/* Medium or worse: in how many phases?  Low: how many kinds? */
static unsigned score_of_many(const struct kd_marks *m, uint64_t now_us)
{
    const char *phases[KD_MARKS_MAX];
    unsigned n_phases = 0, n_low = 0;
    for (unsigned i = 0; i < m->n; i++) {
        int left = left_of(&m->v[i], now_us);
        n_low += left == KD_LOW;
        if (left < KD_MEDIUM)
            continue;
        unsigned k = 0;
        while (k < n_phases && strcmp(phases[k], m->v[i].kind->phase) != 0)
            k++;
        if (k == n_phases)
            phases[n_phases++] = m->v[i].kind->phase;
    }
    if (n_phases >= 2)
        return n_phases >= 3 ? 7 : 6;
    return n_low >= 3 ? 3 : 0;
}

static void add_reason(const struct kd_mark *mark, uint64_t now_us, const struct kd_mark **reasons, size_t *n)
{
    unsigned score = kd_mark_score(mark, now_us);
    size_t at = *n;
    while (at > 0 && kd_mark_score(reasons[at - 1], now_us) < score)
        at--;
    if (at == KD_REASONS_MAX)
        return;
    size_t end = *n < KD_REASONS_MAX ? (*n)++ : KD_REASONS_MAX - 1;
    memmove(&reasons[at + 1], &reasons[at], (end - at) * sizeof(reasons[0]));
    reasons[at] = mark;
}

unsigned kd_marks_score(const struct kd_marks *m, uint64_t now_us,
                        const struct kd_mark *ret_reasons[KD_REASONS_MAX], size_t *ret_n)
{
    unsigned score = score_of_many(m, now_us);
    *ret_n = 0;
    for (unsigned i = 0; i < m->n; i++) {
        unsigned own = kd_mark_score(&m->v[i], now_us);
        score = own > score ? own : score;
        if (own > 0)
            add_reason(&m->v[i], now_us, ret_reasons, ret_n);
    }
    return score;
}

static struct kd_mark *room(struct kd_marks *m, uint64_t now_us)
{
    if (m->n < KD_MARKS_MAX)
        return &m->v[m->n++];
    struct kd_mark *least = &m->v[0];
    for (unsigned i = 1; i < m->n; i++) {
        unsigned a = kd_mark_score(&m->v[i], now_us), b = kd_mark_score(least, now_us);
        if (a < b || (a == b && m->v[i].last_us < least->last_us))
            least = &m->v[i];
    }
    return least;
}

static bool add_peer(struct kd_mark *mark, uint64_t sum)
{
    if (sum == 0 || mark->peers[1] != 0 || mark->peers[0] == sum)
        return false;
    mark->peers[mark->peers[0] == 0 ? 0 : 1] = sum;
    return true;
}

bool kd_marks_add(struct kd_marks *m, const struct kd_finding_kind *kind, int severity, int confidence,
                  uint64_t peer_sum, uint64_t now_us)
{
    struct kd_mark *mark = NULL;
    for (unsigned i = 0; i < m->n && mark == NULL; i++)
        if (m->v[i].kind == kind)
            mark = &m->v[i];
    bool news = mark == NULL;
    if (mark == NULL) {
        mark = room(m, now_us);
        *mark = (struct kd_mark){.kind = kind};
    }
    int left = news ? -1 : left_of(mark, now_us);
    news |= severity > left || confidence > mark->confidence;
    /* What has faded and is seen again weighs as it was seen now, not as it once was. */
    if (severity >= left) {
        mark->severity = (uint8_t)severity;
        mark->last_us = now_us;
    }
    mark->confidence = (uint8_t)(confidence > mark->confidence ? confidence : mark->confidence);
    return add_peer(mark, peer_sum) || news;
}
