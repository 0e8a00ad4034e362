/* SPDX-License-Identifier: Apache-2.0 */
/* A Windows program that travels in another form: backwards, with every byte changed by the same
 * mask, in base64 or in hexadecimal digits.  Such forms serve no other purpose than to pass by who
 * looks for programs. */
#ifndef KD_BASE_HIDDEN_H
#define KD_BASE_HIDDEN_H

#include "base/bytes.h"

enum { KD_TAIL_BYTES = 512 };

/* The last bytes of what comes in pieces.  Zeroed is ready. */
struct kd_tail {
    uint8_t b[KD_TAIL_BYTES];
    uint32_t n;
};
void kd_tail_add(struct kd_tail *t, struct kd_bytes piece);

/* By the first bytes (a kilobyte is enough) and the last: "reversed", "xor", "reversed xor",
 * "base64", "reversed base64", "hex"; NULL when there is none. */
const char *kd_hidden_program(struct kd_bytes head, struct kd_bytes tail);

#endif
