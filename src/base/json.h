/* SPDX-License-Identifier: Apache-2.0 */
/* JSON out (RFC 8259), onto the bounded writer.  Foreign bytes that are no UTF-8 are written as U+FFFD,
 * control characters as \u00NN; so every line is valid JSON whatever came over the wire. */
#ifndef KD_BASE_JSON_H
#define KD_BASE_JSON_H

#include "base/clock.h"
#include "base/out.h"

/* "…" with escapes. */
void kd_json_string(struct kd_out *o, struct kd_bytes text);

/* "key": */
void kd_json_key(struct kd_out *o, const char *key);

/* ,"key": and a moment (kd_out_time()), behind another member; 0: null. */
void kd_json_moment(struct kd_out *o, const char *key, uint64_t us, int zone_s);

#endif
