/* SPDX-License-Identifier: Apache-2.0 */
/* Suspicious objects in meta.db, their life, and where they were met before they were known. */
#ifndef KD_STORE_OBJECTS_H
#define KD_STORE_OBJECTS_H

#include "store/jw.h"
#include "store/meta.h"
#include "wire/decision.h"

enum { KD_OBJECTS_MAX = 50000, KD_OBJECT_VALUE_MAX = 2048 };

struct kd_object_new {
    struct kd_bytes kind, value, reason; /* kinds: ip, domain, url, sha256, sha1, md5, ja3, ja4 */
    uint64_t until_us;                   /* 0: for ever */
    struct kd_bytes owner;
    const char *source; /* page, command */
};

/* The value in the one spelling it is kept in: addresses and prefixes as numbers, names and sums in lower case, links
 * without scheme.  False when it cannot be one of this kind. */
KD_MUST_USE bool kd_object_key(struct kd_bytes kind, struct kd_bytes value, struct kd_out *o);

/* One that is there already gets the new reason and end, and is looked for anew.  KD_MALFORMED: not one of its
 * kind; KD_LIMIT: there are KD_OBJECTS_MAX. */
KD_MUST_USE enum kd_status kd_object_add(struct kd_meta *m, const struct kd_object_new *n, uint64_t *ret_id);

/* Its time is over now; what was found stays. */
KD_MUST_USE enum kd_status kd_object_expire(struct kd_meta *m, uint64_t id);

KD_MUST_USE enum kd_status kd_objects_json(struct kd_meta *m, struct kd_jw *w); /* newest first, at most 1000 */
KD_MUST_USE enum kd_status kd_object_json(struct kd_meta *m, uint64_t id, struct kd_jw *w);

/* Those in force and what is to be told of their past, as decisions. */
KD_MUST_USE enum kd_status kd_objects_put(struct kd_meta *m, struct kd_out *o, uint64_t *ret_left_out);

/* A detection came in that is about the object: a meeting of the past that is told now, or a new one. */
KD_MUST_USE enum kd_status kd_object_hit(struct kd_meta *m, uint64_t id, const struct kd_addr *host, bool of_the_past,
                                         uint64_t n, uint64_t last_us);

/* The next object that is due to be looked for; KD_NOT_FOUND. */
struct kd_object_due {
    uint64_t id, created_us, looks;
    struct kd_heap kind, value; /* owned */
};
KD_MUST_USE enum kd_status kd_object_due(struct kd_meta *m, struct kd_object_due *ret);
void kd_object_due_done(struct kd_object_due *d);

/* Note a meeting (it grows with each), and that the look is over. */
struct kd_meeting_new {
    uint64_t object;
    struct kd_addr host;
    struct kd_bytes met, how;
    uint64_t first_us, last_us, count;
};
KD_MUST_USE enum kd_status kd_meeting_note(struct kd_meta *m, const struct kd_meeting_new *n);
KD_MUST_USE enum kd_status kd_object_looked(struct kd_meta *m, uint64_t id, bool whole, uint64_t next_us);

#endif
