/* SPDX-License-Identifier: Apache-2.0 */
/* One enum for all outcomes, one table for their texts, and a reason with a place. */
#ifndef KD_BASE_STATUS_H
#define KD_BASE_STATUS_H

#include "base/base.h"

enum kd_status {
#define KD_STATUS(name, text) KD_##name,
#include "base/status.def"
#undef KD_STATUS
    KD_STATUS_COUNT
};

/* Why something failed.  `what` is static text; `at` is a byte offset, line or index as the callee's
 * contract says; `sys` an errno or 0.  `detail` holds escaped foreign text, always terminated. */
struct kd_err {
    enum kd_status status;
    const char *what;
    uint64_t at;
    int sys;
    char detail[160];
};

/* For the few places where failing changes nothing; says so in the code. */
static inline void kd_ignore(enum kd_status s)
{
    (void)s;
}

const char *kd_status_text(enum kd_status s);

/* Fill *err (may be NULL) and give the status back, so that a caller can `return kd_fail(…)`. */
enum kd_status kd_fail(struct kd_err *err, enum kd_status s, uint64_t at, const char *what);

/* The same with foreign text (a path, a key) and the current errno; the text is escaped and cut. */
enum kd_status kd_fail_sys(struct kd_err *err, enum kd_status s, const char *what,
                           const char *detail, int sys);

#endif
