/* SPDX-License-Identifier: Apache-2.0 */
/* What the site has decided not to be told: lines of the exceptions file, and what people decided on the page
 * or by the API (wire/decision.h), which the store hands over.  A line of the file is
 *     detection-id | host or net | other criteria | until | reason
 * where the id may end in "*"; the host is an address, a prefix or "*"; criteria are "peer=NET" and
 * "user=NAME" (or nothing); until is an RFC 3339 date or date-time, or "-"; the reason is a must. */
#ifndef KD_BRAIN_EXCEPTIONS_H
#define KD_BRAIN_EXCEPTIONS_H

#include "detect/detect.h"
#include "wire/decision.h"

struct kd_excepting {
    struct kd_exception what;
    uint64_t hits, hits_told; /* of a line of the file; the store counts its own */
    size_t line;              /* of the file; 0: the store's */
};

struct kd_exceptions {
    uint8_t *file_text;
    struct kd_excepting *file;
    size_t n_file;
    struct kd_excepting *decided; /* texts are views into the list given */
    size_t n_decided;
};

/* On failure err->at is the line number. */
KD_MUST_USE enum kd_status kd_exceptions_load(struct kd_exceptions *x, struct kd_bytes file, int zone_s,
                                              struct kd_err *err);
void kd_exceptions_done(struct kd_exceptions *x);

/* The exceptions of the list are those in force, besides the file's; `list` is borrowed until the next call. */
KD_MUST_USE enum kd_status kd_exceptions_decide(struct kd_exceptions *x, struct kd_bytes list);

/* The first that hides this finding, with its hit counted; NULL for none. */
struct kd_excepting *kd_exceptions_match(struct kd_exceptions *x, const struct kd_finding *f, uint64_t now_us);

/* The first that hides whatever else this kind of finding may be about at this host. */
bool kd_exceptions_hide_kind(const struct kd_exceptions *x, const char *id, const struct kd_addr *host, uint64_t now_us);
bool kd_exceptions_hide(const struct kd_exceptions *x, const struct kd_exception_case *c, uint64_t now_us);

#endif
