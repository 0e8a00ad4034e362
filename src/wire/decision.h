/* SPDX-License-Identifier: Apache-2.0 */
/* What people decided, as the store tells it to the brain: exceptions from telling, suspicious objects, and
 * where those were met before they were known.  A list is the whole truth: a later one replaces it.
 *
 * Wire form: entries of u8 kind, u32 length (little-endian), body; numbers as varint, addresses 16 bytes,
 * texts varint length + bytes.  The reader treats the writer as hostile. */
#ifndef KD_WIRE_DECISION_H
#define KD_WIRE_DECISION_H

#include "base/addr.h"
#include "base/cursor.h"
#include "base/status.h"

enum kd_decision_kind { KD_DECISION_EXCEPTION = 1, KD_DECISION_OBJECT, KD_DECISION_MEETING };

enum { KD_DECISION_TEXT_MAX = 4096 };

/* Findings that are kept but not told. */
struct kd_exception {
    uint64_t number;      /* the store's; 0: a line of the exceptions file */
    struct kd_bytes id;   /* KD-AA-NNNN, a beginning with "*" behind it, or "*" */
    struct kd_bytes user; /* empty: any */
    struct kd_bytes reason;
    struct kd_net host, peer;
    bool any_host, any_peer;
    uint64_t until_us; /* 0: for ever */
};

/* Something that nobody here should have to do with.  Kinds and spelling as in the list of known-bad
 * objects (brain/intel.h). */
struct kd_object {
    uint64_t number;
    struct kd_bytes kind, value, note;
    uint64_t until_us; /* 0: for ever */
};

/* A host met an object before it was known. */
struct kd_meeting {
    uint64_t object;             /* its number */
    struct kd_bytes kind, value; /* the object's */
    struct kd_bytes met;         /* what exactly was met: a name under the object's, perhaps */
    struct kd_bytes how;         /* as what: ip, dns, http, sni, ja3, ja4, hash … (store/sighting.h) */
    struct kd_bytes note;
    struct kd_addr host;
    uint64_t first_us, last_us, count;
};

struct kd_decision {
    enum kd_decision_kind kind;
    union {
        struct kd_exception exception;
        struct kd_object object;
        struct kd_meeting meeting;
    };
};

/* Append one; false (and nothing written) when it does not fit or a text is too long. */
bool kd_decision_put(struct kd_out *o, const struct kd_decision *d);

/* The next one, its texts views into the list.  KD_NOT_FOUND at the end, KD_MALFORMED for what breaks the
 * form.  Kinds that are not known are passed over. */
KD_MUST_USE enum kd_status kd_decision_next(struct kd_cur *list, struct kd_decision *ret);

/* "*", an address or a prefix. */
KD_MUST_USE bool kd_exception_net(struct kd_bytes text, struct kd_net *ret, bool *ret_any);
KD_MUST_USE bool kd_exception_id_is_valid(struct kd_bytes id);

/* What an exception is asked about. */
struct kd_exception_case {
    struct kd_bytes id;
    const struct kd_addr *host, *peer;
    struct kd_bytes user;
};
bool kd_exception_hides(const struct kd_exception *e, const struct kd_exception_case *c, uint64_t now_us);

#endif
