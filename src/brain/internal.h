/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the brain share. */
#ifndef KD_BRAIN_INTERNAL_H
#define KD_BRAIN_INTERNAL_H

#include "base/site.h"
#include "brain/brain.h"
#include "brain/exceptions.h"
#include "brain/hosts.h"
#include "brain/intel.h"
#include "brain/severity.h"
#include "brain/state.h"
#include "brain/story.h"
#include "brain/table.h"
#include "detect/detect.h"

enum { KD_BRAIN_ENGINE = 255 }; /* engine number of the brain's own records */

/* A detector at work. */
struct kd_detect {
    struct kd_brain *brain;
    const struct kd_detector *detector;
    struct kd_table table;
    double *tunables; /* in the order of the descriptor */
    uint64_t next_tick_us;
};

/* A finding that was told, and its repeats. */
struct kd_fold {
    uint64_t born_us;    /* part of the alert's key: after a long silence it is a new alert */
    uint64_t first_us, last_us;
    uint64_t count;      /* over all episodes */
    uint64_t episode;    /* the detector's own count in the present episode */
    uint64_t told_count; /* in the last alert that went out */
    uint64_t told_us;
    uint64_t quiet_us;   /* least time to the next update; grows */
    int severity;
    bool excepted;       /* as last told */
    uint8_t *record;     /* the encoded alert as it stands, in a block of the pool */
    size_t record_bytes, block_bytes;
};

enum { KD_BRAIN_UNLISTED = 1 << 15 };

struct kd_brain {
    struct kd_limits lim;
    uint64_t seed;
    int zone_s;
    struct kd_net *inside;
    struct kd_pool *pool;
    struct kd_arena mem; /* the record being looked at */
    struct kd_brain_out to;
    struct kd_out out;
    uint8_t *batch; /* KD_BATCH_MAX */

    struct kd_detect *detects;
    size_t n_detects;
    struct kd_detect **wanting[KD_REC_MAX + 1]; /* by record type, NULL-terminated */
    bool *kinds_on;                             /* in the order of kd_finding_kinds */

    struct kd_hosts hosts;
    struct kd_table marks; /* struct kd_marks by address */
    struct kd_table folds; /* struct kd_fold by kind, host, fold */
    struct kd_intel intel;   /* of the list file */
    struct kd_intel decided; /* of the objects that people added */
    struct kd_obj_index lists[KD_BRAIN_LISTS_MAX]; /* of others */
    size_t n_lists;
    uint64_t *unlisted; /* hashes of what was in no list today; KD_BRAIN_UNLISTED, or NULL */
    bool lists_forced; /* one was read without the safe-list */
    struct kd_exceptions exceptions;
    uint8_t *decisions; /* the list that people decided; exceptions and objects are views into it */
    size_t n_decisions;
    bool meetings_due; /* of the past, to be told with the next record */
    struct kd_stories stories;
    struct kd_site *site;      /* the network plan */
    uint32_t plan;             /* its sum */
    struct kd_table crossings; /* what crossed zones of it; unused without zones */
    struct kd_state state;

    const struct kd_rec_head *head; /* of the record being looked at, or NULL */
    const struct kd_record *record; /* the same record, or NULL */
    uint64_t now_us;
    uint64_t next_housekeeping_us, next_decay_us;
    uint64_t next_id;
    uint64_t n_records, n_detections, n_refused, n_lost;
    bool any_total;
    struct kd_rec_stats total;
    uint64_t total_first_us, total_last_us;
    struct kd_stats_proto *protocols; /* KD_LIST_MAX */
    size_t n_protocols;
    struct kd_stats_event odd[128];
    size_t n_odd;
    uint8_t text_store[8192]; /* texts of `total` */
    size_t n_text_store;
};

/* Encode a record of the brain's own: head->id and engine are filled in. */
void kd_brain_emit(struct kd_brain *b, struct kd_rec_head *head, const void *body);

/* Put whole encoded bytes into the outgoing batch. */
void kd_brain_forward(struct kd_brain *b, struct kd_bytes whole);

/* A health record of kind `kind`. */
void kd_brain_health(struct kd_brain *b, const char *kind, const char *state, uint64_t value, const char *text_en,
                     const char *text_ja);

/* findings.c */
void kd_brain_find(struct kd_brain *b, const struct kd_finding *f); /* what kd_find() does */
void kd_fold_leave(void *arg, struct kd_bytes key, void *state);
void kd_fold_finish(struct kd_brain *b);

/* decide.c: the meetings of the past in the list of decisions */
void kd_brain_tell_meetings(struct kd_brain *b);

/* tell.c: host records */
void kd_brain_score(struct kd_brain *b, const struct kd_addr *a);
void kd_brain_tell_hosts(struct kd_brain *b, uint64_t quiet_us);
void kd_brain_decay(struct kd_brain *b);

/* stats.c */
void kd_total_add(struct kd_brain *b, const struct kd_rec_head *head, const struct kd_rec_stats *s);
void kd_total_emit(struct kd_brain *b);

/* crossing.c: conversations between zones of the plan become records. */
KD_MUST_USE bool kd_crossings_init(struct kd_brain *b);
uint32_t kd_crossing_plan(struct kd_bytes form); /* a sum of the plan, the same in every process */
void kd_crossing_flow(struct kd_brain *b, const struct kd_record *flow);
void kd_crossing_finish(struct kd_brain *b);
uint8_t kd_brain_zone(const struct kd_brain *b, const struct kd_addr *a); /* or KD_ZONE_OUTSIDE, _UNLISTED */

/* Let the detectors and stories see a record of the brain's own, which went out already. */
void kd_brain_show(struct kd_brain *b, const struct kd_rec_head *head, const void *body);

/* config.c */
KD_MUST_USE enum kd_status kd_brain_tune(struct kd_brain *b, struct kd_bytes text, struct kd_err *err);

#endif
