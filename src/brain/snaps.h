/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the brain's own states, in order (base/snap.h). */
#ifndef KD_BRAIN_SNAPS_H
#define KD_BRAIN_SNAPS_H

#include "base/snap.h"

struct kd_brain;

void kd_snap_host(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_snap_marks(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_snap_fold(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_snap_story(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_snap_trail(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_snap_mail(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_snap_thing_seen(struct kd_snap *s, struct kd_bytes key, void *state);
void kd_hosts_snap_mac(struct kd_snap *s, struct kd_bytes key, void *state); /* hosts.c */

void kd_snap_crossing(struct kd_snap *s, struct kd_bytes key, void *state); /* crossing.c */

void kd_crossing_loaded(struct kd_brain *b, void *state);
void kd_host_loaded(struct kd_brain *b, void *state);
void kd_story_loaded(struct kd_brain *b, void *state);

#endif
