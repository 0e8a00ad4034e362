/* SPDX-License-Identifier: Apache-2.0 */
/* Records of all engines in; the same records, and detections and host records, out.  Pure computing: no
 * clock, no I/O; time is the time of the records. */
#ifndef KD_BRAIN_BRAIN_H
#define KD_BRAIN_BRAIN_H

#include "base/limits.h"
#include "object/index.h"
#include "wire/record.h"

struct kd_brain;

struct kd_brain_out {
    enum kd_status (*batch)(void *arg, struct kd_bytes batch); /* whole records, <= KD_BATCH_MAX */
    void *arg;
};

/* All texts are copied by kd_brain_new(). */
struct kd_brain_config {
    const struct kd_limits *lim;
    uint64_t hash_seed;
    size_t max_memory;
    int zone_s;                  /* the site's time zone, for texts */
    const struct kd_net *inside; /* the site's nets; none: private addresses */
    size_t n_inside;
    struct kd_bytes known_bad;   /* content of the list file: "kind value [remark]" lines; may be empty */
    struct kd_bytes exceptions;  /* content of the exceptions file; may be empty */
    /* Memory that outlives the brain (state.h): taken up and kept from then on; NULL: nothing is.  Borrowed. */
    uint8_t *state;
    size_t state_bytes;
    uint64_t state_not_after_us; /* a state of later than this is of a wrong clock; 0: any */
    uint64_t id_base;            /* numbers of the brain's own records begin above it, below 2^40 */
    struct kd_bytes tunables;    /* "detector.name=value" lines; may be empty */
    struct kd_bytes site;        /* the network plan, as kd_site_put() writes it; may be empty */
};

KD_MUST_USE enum kd_status kd_brain_new(const struct kd_brain_config *cfg, struct kd_brain_out out,
                                        struct kd_brain **ret, struct kd_err *err);
void kd_brain_free(struct kd_brain *b);

/* One batch from an engine or the parent.  A malformed batch (a hostile engine) is refused whole behind
 * the last good record, counted, and told as a health record. */
enum kd_status kd_brain_batch(struct kd_brain *b, struct kd_bytes batch);

/* What people decided, whole (wire/decision.h): it replaces what was given before.  A list that breaks the
 * form is refused and told; what was in force stays so. */
enum kd_status kd_brain_decide(struct kd_brain *b, struct kd_bytes list);

/* The lists of others: the layers of an index (object/index.h), which replace those given before.  Their memory is
 * borrowed until the next call. */
enum { KD_BRAIN_LISTS_MAX = 2 };
void kd_brain_lists(struct kd_brain *b, const struct kd_obj_index *layers, size_t n);

/* Hand the started batch out (live: after every input batch when nothing more waits). */
void kd_brain_flush(struct kd_brain *b);

/* End of a replay: let detectors say their last, emit host records.  The engines' final stats records are
 * held back and summed into one, which is the very last record. */
void kd_brain_finish(struct kd_brain *b);

#endif
