/* SPDX-License-Identifier: Apache-2.0 */
/* What authors of YARA rules write about them has no fixed names; these are the usual ones. */
#ifndef KD_BOX_META_H
#define KD_BOX_META_H

#include "wire/record.h"

/* Take one `meta` line into the record; texts are borrowed.  `number` counts where `text` is empty. */
void kd_yara_meta(struct kd_rec_yara *rec, struct kd_bytes name, struct kd_bytes text, int64_t number);

#endif
