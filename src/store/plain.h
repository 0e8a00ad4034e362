/* SPDX-License-Identifier: Apache-2.0 */
/* Values as plain text, for people at a terminal. */
#ifndef KD_STORE_PLAIN_H
#define KD_STORE_PLAIN_H

#include "base/clock.h"

enum { KD_PLAIN_TIME = 48, KD_PLAIN_TEXT = 160, KD_PLAIN_SIZE = 24 };

/* 2026-11-22 09:00 in the zone `zone_s` seconds east, with its seconds if wanted; "-" where there is no time (0 or
 * the end of all times). */
const char *kd_plain_time(uint64_t us, int zone_s, bool seconds, char room[KD_PLAIN_TIME]);

/* Foreign text: control characters, and bytes that are not UTF-8, become '?'; cut where the room ends. */
const char *kd_plain_text(const char *text, char room[KD_PLAIN_TEXT]);

/* 12345678 as 12.3 MB. */
const char *kd_plain_size(uint64_t bytes, char room[KD_PLAIN_SIZE]);

#endif
