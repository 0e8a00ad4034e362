/* SPDX-License-Identifier: Apache-2.0 */
/* Text that may hold words of an attacker, made fit for a mail: nothing in it can begin a header,
 * turn the reading direction, hide, or be clicked. */
#ifndef KD_NOTICE_CLEAN_H
#define KD_NOTICE_CLEAN_H

#include "base/out.h"

/* Append at most `max` bytes of one line: UTF-8 without control, invisible and bidirectional
 * characters; line ends become spaces; cut with "…" between characters. */
void kd_clean_line(struct kd_out *o, struct kd_bytes text, size_t max);

/* The same, and links and names of places no longer links: hxxp://, example[.]com.  Names of files
 * stay readable. */
void kd_clean_foreign(struct kd_out *o, struct kd_bytes text, size_t max);

#endif
