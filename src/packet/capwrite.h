/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng blocks (draft-ietf-opsawg-pcapng), little-endian: what Wireshark and tcpdump read. */
#ifndef KD_PACKET_CAPWRITE_H
#define KD_PACKET_CAPWRITE_H

#include "base/out.h"
#include "packet/frame.h"

/* The section header, once at the beginning; `comment` (English, may be empty) says what this is. */
void kd_pcapng_section(struct kd_out *o, const char *comment);
/* An interface: they are numbered 0, 1 … in the order written.  Times are microseconds. */
void kd_pcapng_interface(struct kd_out *o, uint32_t link);
/* What stands before and behind the bytes of a frame. */
void kd_pcapng_frame_begin(struct kd_out *o, uint32_t interface, const struct kd_captured *c);
void kd_pcapng_frame_end(struct kd_out *o, const struct kd_captured *c);
enum { KD_PCAPNG_BEGIN = 28, KD_PCAPNG_END_MAX = 7 };
/* Bytes of a frame with both. */
uint64_t kd_pcapng_frame_bytes(const struct kd_captured *c);

#endif
