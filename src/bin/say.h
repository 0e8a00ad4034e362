/* SPDX-License-Identifier: Apache-2.0 */
/* What commands tell the person at the terminal, in the language of the terminal. */
#ifndef KD_BIN_SAY_H
#define KD_BIN_SAY_H

#include "base/status.h"

/* Exit statuses of every command. */
enum { KD_EXIT_DONE = 0, KD_EXIT_NO = 1, KD_EXIT_USAGE = 2, KD_EXIT_COULD_NOT = 3 };

/* Does the terminal's language (LC_ALL, LC_MESSAGES, LANG) begin with "ja"? */
bool kd_say_japanese(void);

/* One line on standard error: what, where, what to do.  Returns `status`, for `return kd_say(…)`.
 */
KD_FORMAT(3, 4) int kd_say(int status, const char *prefix, const char *fmt, ...);

/* The same from a kd_err: "kidoban COMMAND: what: detail (system's reason)". */
int kd_say_err(int status, const char *command, const struct kd_err *err);

#endif
