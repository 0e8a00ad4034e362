/* SPDX-License-Identifier: Apache-2.0 */
/* The file that holds what brain has learned, from one brain to the next: made by the parent, mapped by brain. */
#ifndef KD_BIN_BRAIN_STATE_H
#define KD_BIN_BRAIN_STATE_H

#include "bin/sensor.h"
#include "brain/brain.h"

/* DIR/state/brain with its room on the disk taken; -1 (and a line printed) when it cannot be had: the sensor
 * then works, and learns anew after each restart. */
int kd_brain_state_open(const struct kd_sensor *s);

/* In brain: into its configuration. */
void kd_brain_state_map(const struct kd_start *s, struct kd_brain_config *cfg);

#endif
