/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of rules in the sensor's directory: rules/TIME each, rules/current names the one in force. */
#ifndef KD_BIN_RULE_SETS_H
#define KD_BIN_RULE_SETS_H

#include "base/clock.h"
#include "rule/image.h"

enum { KD_RULE_SET_NAME = 24 };

/* Write the texts of an image as a new set and put it in force at once: a reader finds the former or this one,
 * whole.  The oldest beyond `keep` go. */
KD_MUST_USE enum kd_status kd_rule_sets_add(const char *dir, const struct kd_rule_image *image, uint64_t now_us,
                                            unsigned keep, char ret_name[KD_RULE_SET_NAME], struct kd_err *err);

/* The set before the one in force is put in force.  KD_NOT_FOUND: there is none. */
KD_MUST_USE enum kd_status kd_rule_sets_back(const char *dir, char ret_name[KD_RULE_SET_NAME], struct kd_err *err);

/* A line of rules/log: who did what. */
void kd_rule_sets_log(const char *dir, uint64_t now_us, const char *what);

#endif
