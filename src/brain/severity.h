/* SPDX-License-Identifier: Apache-2.0 */
/* How bad it stands with a host, 0 to 10, with the reasons.
 *   10 proven loss of data or destruction, or lateral movement done to two machines or more
 *    9 lateral movement done    8 a high detection, or contact with a listed C&C
 *    7 medium ones in three phases   6 in two   5 a medium one with at least 80 % confidence
 *    4 a medium one   3 three different low ones   2 a low one   1 information only   0 nothing
 * Only kinds count, never repeats.  A detection of each severity weighs one class less for every three
 * days since it was last seen; a critical one, being proven, for every thirty. */
#ifndef KD_BRAIN_SEVERITY_H
#define KD_BRAIN_SEVERITY_H

#include "detect/detect.h"

enum { KD_MARKS_MAX = 24, KD_REASONS_MAX = 8, KD_HOST_SEVERITY_MAX = 10 };
#define KD_DECAY_US (3 * KD_US_PER_DAY)
#define KD_DECAY_CRITICAL_US (30 * KD_US_PER_DAY)

/* One kind of detection at a host. */
struct kd_mark {
    const struct kd_finding_kind *kind;
    uint64_t last_us;
    uint64_t peers[2]; /* sums of two different peers; 0: none */
    uint8_t severity;  /* the highest it was told with */
    uint8_t confidence;
};

struct kd_marks {
    unsigned n;
    struct kd_mark v[KD_MARKS_MAX];
};

/* Remember a finding; the weakest and oldest mark makes room.  True when it may have changed the score. */
bool kd_marks_add(struct kd_marks *m, const struct kd_finding_kind *kind, int severity, int confidence,
                  uint64_t peer_sum, uint64_t now_us);

/* The score, and the marks it rests on in ret_reasons (the weightiest first). */
unsigned kd_marks_score(const struct kd_marks *m, uint64_t now_us,
                        const struct kd_mark *ret_reasons[KD_REASONS_MAX], size_t *ret_n);

/* After how long without a repeat it weighs one class less. */
uint64_t kd_mark_step_us(const struct kd_mark *mark);

/* What a mark weighs by itself. */
unsigned kd_mark_score(const struct kd_mark *mark, uint64_t now_us);

#endif
