/* SPDX-License-Identifier: Apache-2.0 */
/* IP fragments back into datagrams (RFC 815, RFC 8200 section 4.5).
 *
 * Overlap policy: the byte that came first stays (as BSD and Windows do for equal starts); an overlap with
 * other content is counted, because it is how evasion looks.  Bounded in datagrams, parts and bytes; the
 * oldest datagram gives way. */
#ifndef KD_PACKET_DEFRAG_H
#define KD_PACKET_DEFRAG_H

#include "base/limits.h"
#include "base/pool.h"
#include "packet/packet.h"

struct kd_defrag;

KD_MUST_USE struct kd_defrag *kd_defrag_new(const struct kd_limits *lim, struct kd_pool *pool,
                                            uint64_t hash_seed);
void kd_defrag_free(struct kd_defrag *d);

/* Take a fragment (p->kind is KD_PACKET_FRAGMENT).  True: the datagram is whole, *ret is its IP payload,
 * borrowed until the next call; p->length is then the sum over its fragments' frames. */
bool kd_defrag_add(struct kd_defrag *d, struct kd_packet *p, struct kd_bytes *ret);

struct kd_defrag_counts {
    uint64_t fragments, reassembled, dropped, overlaps, conflicts;
};
const struct kd_defrag_counts *kd_defrag_counts(const struct kd_defrag *d);

#endif
