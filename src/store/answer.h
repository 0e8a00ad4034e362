/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to one question: who asks, may they, what is it.  Called in a thread with its own
 * connection. */
#ifndef KD_STORE_ANSWER_H
#define KD_STORE_ANSWER_H

#include "base/site.h"
#include "store/hunt.h"
#include "store/live.h"
#include "store/users.h"

struct kd_answerer {
    struct kd_meta meta; /* this thread's */
    struct kd_live *live;
    struct kd_events *events;
    struct kd_ingest *ingest; /* may be NULL: read only */
    struct kd_clock clock;
    int zone_s;
    const char *dir_path; /* for sightings.db */
    const struct kd_net *inside; /* the site's own nets; none: private addresses */
    size_t n_inside;
    const struct kd_site *site;  /* the network plan */
    bool demo;
    bool notices; /* are configured */
    const _Atomic bool *cancel; /* of the question at hand */
};

struct kd_reply {
    uint16_t status;
    uint32_t retry_s;
    char token[KD_TOKEN_TEXT]; /* LOGIN */
    struct kd_jw json;         /* owned by the caller */
};

void kd_answer(struct kd_answerer *a, const struct kd_question *q, struct kd_reply *ret);

/* {"error":{code,message}}; for broken stores and full queues too. */
void kd_reply_error(struct kd_reply *r, uint16_t status, const char *code, const char *ja,
                    const char *en);

/* The same for an outcome, in words. */
void kd_reply_status(struct kd_reply *r, enum kd_status s);

#endif
