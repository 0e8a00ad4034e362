/* SPDX-License-Identifier: Apache-2.0 */
/* The sealed package: what one host did between two times, as one tar archive that a third party can
 * check with sha256sum and openssl alone (docs/internals/package.md has its members).
 *
 * Besides the host's records as JSON lines it carries the sealed blocks they come from, byte for
 * byte, each day's list of block hashes and the signature over it; so a reader can go from a line to
 * the seal that was made when it was recorded. */
#ifndef KD_STORE_PACKAGE_H
#define KD_STORE_PACKAGE_H

#include "store/host_report.h"
#include "store/seal.h"

/* A further member, from where the evidence is not records (the packets): called for each chunk in
 * turn.  *ret_more false ends the member; the bytes are borrowed until the next call. */
struct kd_package_part {
    const char *name; /* "packets.pcapng"; NULL: none */
    enum kd_status (*read)(void *arg, struct kd_bytes *ret, bool *ret_more);
    void *arg;
    uint64_t bytes; /* of all chunks, known beforehand */
};

struct kd_package_ask {
    struct kd_host_ask host; /* who and when */
    const struct kd_net *nets; /* the site's own, as for kd_outside() */
    size_t n_nets;
    const char *dir_path;    /* for the sightings; may be NULL */
    int dir_fd;              /* the store's directory */
    uint8_t secret[KD_SEAL_SECRET]; /* the sensor's key; see kd_seal_secret() */
    struct kd_package_part packets;
    enum kd_status (*write)(void *arg, struct kd_bytes b); /* the archive, in order */
    void *arg;
};

struct kd_package_sum {
    uint64_t records;   /* lines about the host */
    uint64_t unsealed;  /* of them in no block yet: only the package's own signature holds them */
    uint64_t blocks, days, bytes;
    uint64_t unreadable; /* blocks that could not be read; told in the summary */
};

KD_MUST_USE enum kd_status kd_package_write(const struct kd_package_ask *ask,
                                            struct kd_package_sum *ret, struct kd_err *err);

/* Check a package: every member against SHA256SUMS, its signature, every line of the records against
 * its block, every block against its day's list, every list against the signed seal.  `pub` as in
 * kd_verify().  The first broken place is in *ret. */
KD_MUST_USE enum kd_status kd_package_verify(ptrdiff_t (*read)(void *arg, void *buf, size_t n),
                                             void *arg, const uint8_t *pub,
                                             struct kd_verify_result *ret, struct kd_err *err);

/* ---- shared by writer and verifier ---- */

/* The lines about a host in the reader's current block, oldest first.  *ret_lines counts them. */
struct kd_package_lines;
KD_MUST_USE struct kd_package_lines *kd_package_lines_new(const struct kd_hunt_expr *e,
                                                          uint64_t from_us, uint64_t to_us,
                                                          int zone_s);
void kd_package_lines_free(struct kd_package_lines *l);
KD_MUST_USE enum kd_status kd_package_lines(struct kd_package_lines *l, struct kd_block_reader *r,
                                            struct kd_heap *ret, uint64_t *ret_lines);

#endif
