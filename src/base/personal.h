/* SPDX-License-Identifier: Apache-2.0 */
/* Personal numbers in streamed text, by their form and check digit: Japan's Individual Number (My
 * Number: 12 digits, check digit by the ordinance No. 85 of 2014, article 5), payment cards
 * (ISO/IEC 7812: issuer's range, length, Luhn), US social security numbers (3-2-4 with hyphens).
 * The numbers themselves are not kept. */
#ifndef KD_BASE_PERSONAL_H
#define KD_BASE_PERSONAL_H

#include "base/bytes.h"

enum { KD_PERSONAL_DIGITS = 19 };

/* Zeroed is ready. */
struct kd_personal {
    uint8_t digits[KD_PERSONAL_DIGITS];
    uint8_t n; /* digits of the number being read; more than fit: none of ours */
    uint8_t n_groups;
    uint8_t groups[5]; /* lengths of the groups between separators */
    uint8_t before;    /* the byte before, 0 at the start */
    uint8_t separator; /* the one in use */
    bool spoiled;      /* this token is none */
    uint8_t wide;      /* bytes of a full-width digit seen so far */
    /* Numbers with a right check digit, and all that have the form: by chance every eleventh
     * (tenth) is right. */
    uint32_t my_right, my_all, card_right, card_all, ssn;
};

void kd_personal_add(struct kd_personal *p, struct kd_bytes piece);
void kd_personal_end(struct kd_personal *p);

/* How many there are; 0 when so few of the like are right that it may be chance. */
uint32_t kd_personal_my_numbers(const struct kd_personal *p);
uint32_t kd_personal_cards(const struct kd_personal *p);

/* Is the check digit of 12 digits (values 0 to 9) right? */
bool kd_my_number_ok(const uint8_t digits[12]);
bool kd_card_ok(const uint8_t *digits, size_t n);

#endif
