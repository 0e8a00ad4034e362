/* SPDX-License-Identifier: Apache-2.0 */
/* Signed statements about the evidence, one line each in events/seals.log, chained by hash:
 *
 *   day 20261122 <blocks> <records> <first seq> <last seq> <root> <time> <hash of the line before>
 * <signature> gone 20261101 <blocks> <records> <first seq> <last seq> <reason> <time> <hash …>
 * <signature>
 *
 *   packets 00000000 <frames> <segment> <first us> <last us> <hash> <time> <hash …> <signature>
 *
 * A day is sealed when the next one begins, each hour, and at the end; the last line about a day
 * counts. `gone` tells of a day that retention removed, so that a gap is either told or tampering.
 * Hashes are SHA-256, which anybody can check (sha256sum); signatures Ed25519 over the line before them, all in lower-case hex.  The
 * key pair is made at first start: seal.key (kept secret), seal.pub (to be given out). */
#ifndef KD_STORE_SEAL_H
#define KD_STORE_SEAL_H

#include "store/events.h"

struct kd_seals;

enum { KD_SEAL_SECRET = 64, KD_SEAL_PUBLIC = 32 };

/* The secret key of a store (seal.key), for who signs what the store's own process does not: to be
 * read before that process shuts itself in.  Wipe it. */
KD_MUST_USE enum kd_status kd_seal_secret(int dir_fd, uint8_t ret[KD_SEAL_SECRET],
                                          struct kd_err *err);

KD_MUST_USE enum kd_status kd_seals_open(int dir_fd, struct kd_seals **ret, struct kd_err *err);
void kd_seals_free(struct kd_seals *s);
KD_MUST_USE enum kd_status kd_seals_day(struct kd_seals *s, struct kd_events *e,
                                        const struct kd_day_info *d, uint64_t now_us);
KD_MUST_USE enum kd_status kd_seals_gone(struct kd_seals *s, const struct kd_day_info *d,
                                         const char *reason, uint64_t now_us);

/* A closed segment of the packet ring (packet/keep.h), by the hash of what its seal covers. */
struct kd_keep_head;
KD_MUST_USE enum kd_status kd_seals_packets(struct kd_seals *s, const struct kd_keep_head *h,
                                            const uint8_t hash[KD_BLOCK_HASH], uint64_t now_us);
/* The last segment of each engine 0 … n - 1 that the list names. */
void kd_seals_packets_done(const struct kd_seals *s, uint64_t *ret, size_t n);

/* ---- checking ---- */

/* What kd_verify() found.  `ok` is the answer; the first broken place is told when it is false. */
struct kd_verify_result {
    bool ok;
    uint64_t days, blocks, records, bytes, days_gone, days_sealed;
    uint64_t unsealed_blocks; /* behind the last signature: in the chain only */
    uint64_t packet_segments, unsealed_segments; /* of the packet ring; the open one is not sealed yet */
    uint64_t tail_bytes;      /* in no block: what a crash left */
    char where[192];          /* "20261122/09-00.seg block 17" */
    char what[96];            /* English, one line */
    uint64_t from_us, to_us;  /* time range of the records concerned; 0: unknown */
};

/* Check the whole store below dir_fd: seals.log (signatures, chain), every block (hash, chain,
 * index entry), every day against its seal, every missing day against a `gone` line.  `progress`
 * may be NULL.  `pub`: the public key to trust, or NULL for the directory's own. */
KD_MUST_USE enum kd_status kd_verify(int dir_fd, const uint8_t *pub,
                                     void (*progress)(void *arg, uint64_t done, uint64_t total),
                                     void *arg, struct kd_verify_result *ret, struct kd_err *err);

#endif
