/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands `rules …` share. */
#ifndef KD_BIN_RULES_COMMAND_H
#define KD_BIN_RULES_COMMAND_H

#include "bin/rules_load.h"

/* argv[0] is the name of the command behind `rules`. */
int kd_rules_reload(int argc, char **argv);
int kd_rules_test(int argc, char **argv);
int kd_rules_update(int argc, char **argv);
int kd_rules_hits(int argc, char **argv);
int kd_rules_rollback(int argc, char **argv);

/* Become a reader (os/process.h) with the opened inputs and `more` further descriptors. */
KD_MUST_USE int kd_rules_shut_in(const char *mode, const struct kd_rule_inputs *inputs, unsigned more);

/* Read the opened inputs, and `rule` (may be NULL) as a file of its own.  A line was printed unless KD_EXIT_DONE. */
KD_MUST_USE int kd_rules_read_all(const struct kd_rule_inputs *inputs, const char *rule, const struct kd_config *config,
                                  struct kd_loaded_rules *ret);

/* Tell the running sensor to read its rules anew, and wait for what becomes of it: an exit status. */
int kd_rules_tell_sensor(const char *dir);
bool kd_rules_sensor_runs(const char *dir);

#endif
