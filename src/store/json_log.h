/* SPDX-License-Identifier: Apache-2.0 */
/* Records as EVE JSON lines to a descriptor, through one large buffer. */
#ifndef KD_STORE_JSON_LOG_H
#define KD_STORE_JSON_LOG_H

#include "wire/record.h"

struct kd_json_log;

/* fd is borrowed.  The buffer is written when full and by kd_json_log_flush(). */
KD_MUST_USE struct kd_json_log *kd_json_log_new(int fd, int zone_s);
void kd_json_log_free(struct kd_json_log *l); /* does not flush */

/* All records of a batch, one line each.  KD_FULL, KD_CLOSED (nobody reads), KD_SYSTEM: the output
 * failed, what was not written is lost; KD_MALFORMED: refused behind the last good record. */
KD_MUST_USE enum kd_status kd_json_log_batch(struct kd_json_log *l, struct kd_bytes batch);
KD_MUST_USE enum kd_status kd_json_log_flush(struct kd_json_log *l);

uint64_t kd_json_log_lines(const struct kd_json_log *l);

#endif
