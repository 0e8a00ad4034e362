/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the packet ring, DIR/data/packets/engine-NN.ring, and of the ring of file contents,
 * DIR/data/files/engine-NN.ring: made by the parent, mapped by the engine, read by the store. */
#ifndef KD_BIN_PACKET_RING_H
#define KD_BIN_PACKET_RING_H

#include "bin/sensor.h"

/* A descriptor of the engine's file, as large as the configuration says and the disk allows; -1: packets
 * are not kept (a line was printed when they should be). */
int kd_packet_ring_open(struct kd_sensor *s, unsigned number);

/* The same for contents of files; and of which files, by the configuration. */
int kd_file_ring_open(struct kd_sensor *s, unsigned number);
uint8_t kd_file_ring_policy(const struct kd_config *cfg);

/* In the engine: map the one or the other.  NULL: there is none. */
struct kd_keep *kd_packet_ring_map(const struct kd_start *s, enum kd_extra which);

#endif
