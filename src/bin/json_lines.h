/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of records as EVE JSON lines onto a descriptor. */
#ifndef KD_BIN_JSON_LINES_H
#define KD_BIN_JSON_LINES_H

#include "wire/record.h"

struct kd_json_lines;

KD_MUST_USE struct kd_json_lines *kd_json_lines_new(int fd, int zone_s);
void kd_json_lines_free(struct kd_json_lines *j);

/* KD_MALFORMED: refused behind the last good record.  Lines are collected; kd_json_lines_flush() when
 * nothing more waits.  KD_CLOSED or KD_FULL: what was collected is lost. */
KD_MUST_USE enum kd_status kd_json_lines_batch(struct kd_json_lines *j, struct kd_bytes batch);
KD_MUST_USE enum kd_status kd_json_lines_flush(struct kd_json_lines *j);

#endif
