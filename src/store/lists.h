/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of suspicious objects: what is in force, for people, and who met what they name before they named it.
 *
 * Millions of entries are not looked for one by one: what was seen is, newest day first, in the index.  What the lists
 * name now and did not before becomes an object (store/objects.h), with its own search of the past. */
#ifndef KD_STORE_LISTS_H
#define KD_STORE_LISTS_H

#include "object/index.h"
#include "store/jw.h"
#include "store/meta.h"

struct kd_store_lists {
    const struct kd_obj_index *layer; /* their memory is the caller's */
    size_t n;
};

/* What is in force now, in place of what was. */
KD_MUST_USE enum kd_status kd_lists_note(struct kd_meta *m, const struct kd_store_lists *l);

/* [{name,format,kinds,objects,networks,rows,wrong,refused,other,twice,beyond,failed,problem,refusal,read,since}] */
KD_MUST_USE enum kd_status kd_lists_json(struct kd_meta *m, struct kd_jw *w);

struct kd_lists_look {
    const char *dir_path;
    struct kd_clock clock;
    struct kd_store_lists now, before; /* before: what was in force until now; may be none */
    uint64_t deadline_us;
    const _Atomic bool *cancel;
};

/* The sightings against the lists: new objects are made of what both know; KD_LIMIT: there was more than room or time
 * for. */
KD_MUST_USE enum kd_status kd_lists_look_back(struct kd_meta *m, const struct kd_lists_look *look);

#endif
