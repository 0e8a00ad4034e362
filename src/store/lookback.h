/* SPDX-License-Identifier: Apache-2.0 */
/* Who met an object before it was known?  A thread that looks for each new one in the sightings (address, name,
 * fingerprint, digest) or, for links and prefixes, in the records themselves: newest first, with a deadline.
 * Sightings lag a minute or two behind, so an object is looked for again after that. */
#ifndef KD_STORE_LOOKBACK_H
#define KD_STORE_LOOKBACK_H

#include "store/events.h"
#include "object/index.h"
#include "store/meta.h"

struct kd_lookback;

struct kd_lookback_config {
    const char *dir_path;
    struct kd_events *events;
    struct kd_clock clock;
    int zone_s;
};

KD_MUST_USE enum kd_status kd_lookback_new(const struct kd_lookback_config *cfg, struct kd_lookback **ret,
                                           struct kd_err *err);
void kd_lookback_wake(struct kd_lookback *l); /* there may be something due; returns at once */
/* Other lists are in force; what they name is looked for in what was seen.  The layers are mapped memory of the
 * caller's, who may give up those of the call before last when this returns. */
void kd_lookback_lists(struct kd_lookback *l, const struct kd_obj_index *layer, size_t n);
void kd_lookback_free(struct kd_lookback *l);

#endif
