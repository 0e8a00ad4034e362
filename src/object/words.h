/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a line of a list, in Japanese. */
#ifndef KD_OBJECT_WORDS_H
#define KD_OBJECT_WORDS_H

#include "base/out.h"

/* "file:line: why: value" as it is kept (English), with the why in Japanese; into `o`, or the text itself. */
struct kd_bytes kd_list_words_ja(struct kd_bytes text, struct kd_out *o);

#endif
