/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people: {placeholders} of the catalogue filled with facts, whatever bytes those are. */
#ifndef KD_BRAIN_TEXT_H
#define KD_BRAIN_TEXT_H

#include "detect/detect.h"

enum kd_lang { KD_EN, KD_JA };
enum { KD_FACT_MAX = 200 }; /* bytes of one value; the rest is cut at a character */

/* Foreign text as valid UTF-8 without control characters, cut to at most `max` bytes at a character's
 * end ("…" is added when cut). */
void kd_text_clean(struct kd_out *o, struct kd_bytes text, size_t max);

/* Fill `text`.  A placeholder without a fact becomes "?". */
void kd_text_fill(struct kd_out *o, const char *text, const struct kd_fact *facts, size_t n_facts);

/* "45 seconds", "3 minutes", "2 hours", "5 days", in either language. */
void kd_text_span(struct kd_out *o, uint64_t us, enum kd_lang lang);

/* "2026-11-22 09:15:02" at the site. */
void kd_text_time(struct kd_out *o, uint64_t us, int zone_s);

#endif
