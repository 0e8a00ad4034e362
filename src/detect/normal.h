/* SPDX-License-Identifier: Apache-2.0 */
/* A request as the attacked program reads it, whatever encodings it came in.  Made once per text, in linear
 * time; what does not fit is cut. */
#ifndef KD_DETECT_NORMAL_H
#define KD_DETECT_NORMAL_H

#include "base/bytes.h"

enum { KD_NORMAL_MAX = 4096 };

/* Percent signs resolved up to three times (%XX, %uXXXX), overlong UTF-8 and full-width forms as ASCII, letters
 * in lower case, \ as /, + and white space and SQL comments as one space. */
struct kd_bytes kd_normal_text(struct kd_bytes in, uint8_t room[KD_NORMAL_MAX]);

/* Lookups of a logging library, innermost first: ${lower:j}, ${upper:j}, ${x:y:-j}, ${date:'j'} become j; the
 * others stay.  `in` is normal text. */
struct kd_bytes kd_normal_lookups(struct kd_bytes in, uint8_t room[KD_NORMAL_MAX]);

#endif
