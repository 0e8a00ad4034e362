/* SPDX-License-Identifier: Apache-2.0 */
/* Does a label look as if a person chose it?  Letter pairs learned by tools/names_train.py. */
#ifndef KD_DETECT_NAMES_H
#define KD_DETECT_NAMES_H

#include "base/bytes.h"

/* Mean surprise of the label's letter pairs, in 1/16 bit: about 50 to 70 for words, 80 and more for what a
 * machine drew.  0 for an empty label. */
unsigned kd_name_surprise(struct kd_bytes label);

enum { KD_NAME_RANDOM = 77 }; /* from here on random-looking: 4.8 bit */

#endif
