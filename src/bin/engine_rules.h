/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's rules: loaded before the first packet, and exchanged between two packets later.  A new set is loaded
 * by a thread of its own that gives way to the one that takes packets. */
#ifndef KD_BIN_ENGINE_RULES_H
#define KD_BIN_ENGINE_RULES_H

#include "bin/start.h"
#include "engine/engine.h"

/* In the sandbox: the set of the start message, if there is one.  Does not return when a replay cannot have it; a
 * live engine goes on without and tells. */
void kd_engine_rules_first(struct kd_engine *e, const struct kd_start *s);

/* Between packets, cheap: has a set come, is one loaded?  Then it is put in force. */
void kd_engine_rules_turn(struct kd_engine *e, const struct kd_start *s);

/* Now and then, and at the end: what each rule cost, for `kidoban rules hits`. */
void kd_engine_rules_note(struct kd_engine *e);

/* Behind the engine's end. */
void kd_engine_rules_done(void);

#endif
