/* SPDX-License-Identifier: Apache-2.0 */
/* The list of known-bad objects.  A line is "kind value [remark]", kind one of ip (address or prefix),
 * domain (with everything below it), url, sha256, sha1, md5, ja3, ja4; "#" begins a comment line. */
#ifndef KD_BRAIN_INTEL_H
#define KD_BRAIN_INTEL_H

#include "base/addr.h"
#include "base/status.h"
#include "wire/decision.h"

struct kd_intel_row;

/* What is known of a listed object. */
struct kd_listing {
    struct kd_bytes note;
    uint64_t number;   /* the store's; 0: a line of the list file */
    uint64_t until_us; /* 0: for ever */
};

struct kd_intel_net {
    struct kd_net net;
    struct kd_listing listing;
};

struct kd_intel {
    uint8_t *text; /* own copy of the file; rows point into it */
    struct kd_intel_row *rows;
    size_t n_rows, room; /* room: a power of two */
    struct kd_intel_net *nets;
    size_t n_nets;
    uint64_t seed;
};

/* On failure err->at is the line number. */
KD_MUST_USE enum kd_status kd_intel_load(struct kd_intel *in, struct kd_bytes file, uint64_t seed,
                                         struct kd_err *err);
/* The same of the objects in a list of decisions; those that are none of their kind are left out.  `list` is
 * borrowed for as long as `in` lives. */
KD_MUST_USE enum kd_status kd_intel_decide(struct kd_intel *in, struct kd_bytes list, uint64_t seed);
void kd_intel_done(struct kd_intel *in);

/* Values as kd_detect_listed() takes them. */
bool kd_intel_has(const struct kd_intel *in, const char *kind, struct kd_bytes value, uint64_t now_us,
                  struct kd_listing *ret);

#endif
